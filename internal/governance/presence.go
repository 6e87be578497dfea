package governance

import (
	"encoding/json"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// SetPresence is the command that sets an account's presence: what the person or a supervisor says, never what a connection does. Setting what is set
// already changes nothing.
type SetPresence struct {
	Account, Value, Reason string
	Until                  time.Time // when it ends by itself; zero if it does not
	By, Source             string
}

// Refusals of SetPresence.
var (
	errNoAccount = problem.New(problem.NotFound, "account.not_found", "There is no such account.", "没有这个账号。").On("/name")
	errPresence  = problem.New(problem.Invalid, "presence.invalid", "A presence is one of available, away, dnd, offline.", "状态只能是 available、away、dnd、offline 之一。").On("/value")
	errUntil     = problem.New(problem.Invalid, "presence.until_past", "The end of a presence lies in the future, and available has none.", "结束时间必须在将来；“在线”没有结束时间。").On("/until")
	errReason    = problem.New(problem.Invalid, "presence.reason", "A reason has at most 200 characters.", "原因最多 200 个字。").On("/reason")
)

// Apply implements ledger.Command.
func (s *SetPresence) Apply(tx *ledger.Tx) error {
	if tx.Policy().Accounts[s.Account] == nil {
		return errNoAccount
	}
	value, ok := reception.ParsePresence(s.Value)
	if !ok {
		return errPresence
	}
	if len([]rune(s.Reason)) > 200 {
		return errReason
	}
	if !s.Until.IsZero() && (value == reception.Available || !s.Until.After(tx.Now())) {
		return errUntil
	}
	until := s.Until.UTC().Truncate(time.Microsecond)
	if s.Until.IsZero() {
		until = time.Time{}
	}
	now := tx.Agent(s.Account).Presence
	if now.Value == value && now.Reason == s.Reason && now.Until.Equal(until) && now.Origin.Position != 0 {
		return nil
	}
	cause := "self"
	if s.By != s.Account {
		cause = "supervisor"
		details, _ := json.Marshal(map[string]string{"value": s.Value}) // strings always encode
		tx.Audit(ledger.AuditRow{By: s.By, Action: "presence.set", Object: "account/" + s.Account, Source: s.Source, Details: details})
	}
	p := reception.Presence{Value: value, Reason: s.Reason, Until: until, Origin: reception.Origin{By: s.By, Source: s.Source, Cause: cause}}
	if value == reception.Away || value == reception.Offline {
		p.GraceUntil = tx.PresenceGraceEnd(now)
	}
	tx.SetPresence(s.Account, p)
	return nil
}

// Deadlines is the handler of presences that end by themselves.
func Deadlines() map[string]func(*ledger.Tx, string) error {
	return map[string]func(*ledger.Tx, string) error{ledger.DeadlinePresence: presenceEnds}
}

func presenceEnds(tx *ledger.Tx, account string) error {
	p := tx.Agent(account).Presence
	if p.Until.IsZero() || tx.Now().Before(p.Until) {
		return nil
	}
	tx.SetPresence(account, reception.Presence{
		Value: reception.Available, Origin: reception.Origin{By: "system", Source: "timer", Cause: "until_passed"},
	})
	return nil
}
