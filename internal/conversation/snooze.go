package conversation

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// A conversation that is set aside (稍后处理) keeps its owner, and no turn of it ends meanwhile; one that nobody has is given to nobody. It ends with its time,
// or earlier: when the customer writes, when somebody takes it up by hand, and when it is resolved.

// deadlineSnooze: the time of a conversation (key) that was set aside has come.
const deadlineSnooze = "snooze"

// longestSnooze is for how long a conversation may be set aside.
const longestSnooze = 90 * 24 * time.Hour

var errSnoozeUntil = problem.New(problem.Invalid, "conversation.snooze_until", "A conversation is set aside until a time to come, at most 90 days ahead.",
	"稍后处理的时间应在将来，最多 90 天。").On("/until")

// Snooze is the command that sets a conversation aside. Again with the same time: no change.
type Snooze struct {
	Conversation int64
	Until        time.Time
	By           string
	Others       bool // the actor may set others' conversations aside, and those that nobody has
}

// Apply implements ledger.Command.
func (s *Snooze) Apply(tx *ledger.Tx) error {
	if !s.Until.After(tx.Now()) || s.Until.After(tx.Now().Add(longestSnooze)) {
		return errSnoozeUntil
	}
	c, err := open(tx, s.Conversation)
	if err != nil {
		return err
	}
	if c.Owner != s.By && !s.Others {
		return errNotOwner
	}
	until := s.Until.UTC().Truncate(time.Microsecond)
	if c.SnoozedUntil().Equal(until) {
		return nil
	}
	if c.Owner == s.By {
		c.Accepted = true // who plans a conversation has seen it
	}
	if err := withdrawOffers(tx, c.ID, "", reception.CodeDeliveryWithdrawnSnoozed); err != nil {
		return err
	}
	if err := tx.SetSnoozed(c.ID, until, "snoozed", s.By); err != nil {
		return err
	}
	c.TurnSince, c.Overdue, c.AcceptBy = time.Time{}, false, time.Time{}
	tx.At(until, deadlineSnooze, strconv.FormatInt(c.ID, 10))
	tx.Audit(ledger.AuditRow{By: s.By, Action: "conversation.snooze", Object: ID(c.ID), Details: details("until", until.Format(time.RFC3339))})
	if c.Owner == "" && unanswered(c) {
		tx.TouchConversation(c.ID, "snoozed")
	}
	return nil
}

// Wake is the command that takes a conversation up again that was set aside. Again: no change.
type Wake struct {
	Conversation int64
	By           string
	Others       bool
}

// Apply implements ledger.Command.
func (w *Wake) Apply(tx *ledger.Tx) error {
	c, err := open(tx, w.Conversation)
	if err != nil {
		return err
	}
	if c.Owner != w.By && !w.Others {
		return errNotOwner
	}
	if c.SnoozedUntil().IsZero() {
		return nil
	}
	tx.Audit(ledger.AuditRow{By: w.By, Action: "conversation.wake", Object: ID(c.ID)})
	return wake(tx, c, "woken", w.By)
}

// wake ends a conversation's being set aside, if it is.
func wake(tx *ledger.Tx, c *ledger.ConversationRow, cause, by string) error {
	if c.SnoozedUntil().IsZero() {
		return nil
	}
	if err := tx.SetSnoozed(c.ID, time.Time{}, cause, by); err != nil {
		return err
	}
	c, err := tx.EditConversation(c.ID)
	if err != nil {
		return err
	}
	startTurn(tx, c)
	if c.Owner != "" && !c.Accepted {
		if err := armAccept(tx, c); err != nil {
			return err
		}
	}
	if c.Owner == "" && unanswered(c) {
		tx.TouchConversation(c.ID, "woken")
	}
	return nil
}

// snoozeEnds takes a conversation up whose time has come, and tells its owner.
func snoozeEnds(tx *ledger.Tx, id int64) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Status != ledger.StatusOpen || c.SnoozedUntil().IsZero() || tx.Now().Before(c.SnoozedUntil()) {
		return err
	}
	if err := wake(tx, c, "until_passed", system); err != nil || c.Owner == "" {
		return err
	}
	title := c.Inbox
	if spec, ok := tx.Documents().Inbox(c.Inbox); ok && spec.Title != "" {
		title = spec.Title
	}
	Notify(tx, system, c.Owner, "设为稍后处理的会话 "+ID(id)+"（"+title+"）时间到了。", "The time of conversation "+ID(id)+" ("+title+"), which was set aside, has come.", 0)
	return nil
}

// Notify stores a notice to one account about its own reception and puts it into its stream, if the account may sign in. revision is that of the change of
// policy that it is about, 0 for none.
func Notify(tx *ledger.Tx, author, account, zh, en string, revision int64) {
	words := map[string]any{}
	if revision != 0 {
		words["revision"] = revision
	}
	notify(tx, author, account, zh, en, words)
}

// NotifyAbout is Notify about something that has a place of its own: its kind and id, such as help/h12.
func NotifyAbout(tx *ledger.Tx, author, account, zh, en, about string) {
	notify(tx, author, account, zh, en, map[string]any{"about": about})
}

func notify(tx *ledger.Tx, author, account, zh, en string, words map[string]any) {
	words["zh"], words["en"], words["to"] = zh, en, account
	data, _ := json.Marshal(words) // strings and a number
	d := reception.Decide(tx.Policy(), tx, reception.Message{Kind: kindSystem, Directed: []string{account}, Notice: true}, tx.Now())
	tell(tx, &d, author, zh, data)
}

// watchSnoozed sets the deadlines of all conversations that are set aside.
func watchSnoozed(tx *ledger.Tx) error {
	for _, id := range tx.OpenConversations() {
		c, _, err := tx.Conversation(id)
		if err != nil {
			return err
		}
		if until := c.SnoozedUntil(); !until.IsZero() {
			tx.At(until, deadlineSnooze, strconv.FormatInt(id, 10))
		}
	}
	return nil
}
