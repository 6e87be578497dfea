package identity

import (
	"context"
	"maps"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errSessionID = problem.New(problem.NotFound, "identity.session_not_found", "This account has no such session.", "该账号没有这个登录会话。").On("/id")

// deadlineToken is the kind of the deadline at which a token (key: its id) runs out.
const deadlineToken = "token"

// end ends the sessions of an account that the filter accepts and returns their ids.
func end(tx *ledger.Tx, account string, o reception.Origin, which func(ledger.Session) bool) []string {
	a := tx.AgentState(account)
	if a == nil {
		return nil
	}
	var ended []string
	for _, s := range slices.Clone(a.Sessions) {
		if which(s) && tx.EndSession(account, s.ID, o) {
			ended = append(ended, s.ID)
		}
	}
	return ended
}

// EndSessions is the command that ends a session of an account, or all of them.
type EndSessions struct {
	Account string
	ID      string // "" for all
	Asked

	Ended []string // result: ids
}

// Apply implements ledger.Command.
func (c *EndSessions) Apply(tx *ledger.Tx) error {
	cause := reception.SessionEndByOther
	if c.By == c.Account {
		cause = reception.SessionEndSignOut
	}
	c.Ended = end(tx, c.Account, reception.Origin{By: c.By, Source: c.Source, Cause: cause},
		func(s ledger.Session) bool { return c.ID == "" || s.ID == c.ID })
	if c.ID != "" && len(c.Ended) == 0 {
		return errSessionID
	}
	for _, id := range c.Ended {
		tx.Audit(c.audit("session.end", c.Account, map[string]string{"session": id}))
	}
	return nil
}

// EndSessions ends the session with an id, or all of the account's if it is "", and says which were. An account that ends its own signs out.
func (s *Service) EndSessions(ctx context.Context, account, id string, by Asked) ([]string, error) {
	cmd := &EndSessions{Account: account, ID: id, Asked: by}
	if err := s.do(ctx, cmd); err != nil {
		return nil, err
	}
	return cmd.Ended, nil
}

// Deadlines are the handlers of the deadlines that this package sets, for ledger.Options.
func Deadlines() map[string]func(*ledger.Tx, string) error {
	return map[string]func(*ledger.Tx, string) error{
		deadlineToken: func(tx *ledger.Tx, id string) error {
			t := tx.Token(id)
			if t == nil || t.ExpiresAt.IsZero() || tx.Now().Before(t.ExpiresAt) {
				return nil
			}
			end(tx, t.Account, reception.Origin{By: "system", Source: "timer", Cause: reception.SessionEndExpired},
				func(s ledger.Session) bool { return s.Token == id })
			return nil
		},
		deadlineBrowser: browserDeadline,
	}
}

// Restore sets the deadlines of tokens and sessions again, for ledger.Options.
func Restore(tx *ledger.Tx) error {
	accounts := map[string]bool{}
	for _, d := range tx.Documents().All() {
		if d.Kind == policy.KindAccount {
			accounts[d.Name] = true
		}
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		for _, id := range tx.TokensOf(account) {
			if t := tx.Token(id); !t.ExpiresAt.IsZero() {
				tx.At(t.ExpiresAt, deadlineToken, id)
			}
		}
	}
	for _, r := range tx.BrowserSessions() {
		tx.At(r.Runs(), deadlineBrowser, r.ID)
	}
	return nil
}
