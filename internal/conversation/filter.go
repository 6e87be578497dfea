package conversation

import (
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// matching is what the filter rules make of a message's content, and by which rules.
type matching struct {
	by    *filter.Matcher // nil: not matched yet
	kind  string
	rules []string
}

// Match matches the message against the filter rules and the keywords of automatic replies of a policy, outside the ledger: what is found is used if those are
// still in force when the message is stored, else it is matched again there.
func (p *Post) Match(set *policy.Set) {
	kind := p.Kind
	if in := set.Compile().Inboxes[p.Inbox]; in != nil && kind == "" {
		kind = firstKind(in)
	}
	p.matchAs(set.Filters(), kind)
	p.sayTo(set.AutoReplies())
}

func (p *Post) matchAs(m *filter.Matcher, kind string) {
	if p.match.by == m && p.match.kind == kind {
		return
	}
	p.match = matching{by: m, kind: kind, rules: m.Match(&filter.Input{
		Inbox: p.Inbox, Kind: kind, Sender: p.ContactID, Name: p.ContactName, Text: p.Text, Attachments: len(p.Attachments),
	}, nil)}
}

// FilterInput is a stored message as filter rules see it. name is its contact's, "" where that is nothing for whoever asks.
func FilterInput(m *ledger.MessageRow, name string) (filter.Input, error) {
	files, err := attachment.Of(m)
	return filter.Input{Inbox: m.Inbox, Kind: m.Kind, Sender: m.Contact, Name: name, Text: m.Text, Attachments: len(files)}, err
}

// Rejected says by which rule the message was refused, "" if it was not.
func (p *Post) Rejected() string {
	if p.Decision.Verdict == reception.Rejected {
		return p.Decision.Rule
	}
	return ""
}

// countHits counts the rules that took effect.
func countHits(tx *ledger.Tx, d *reception.Decision) {
	for _, rule := range d.Applied {
		tx.CountHit(rule)
	}
}

// reject keeps the record of a message that a rule refuses: it is in no conversation and reaches nobody, and its id is used up.
func (p *Post) reject(tx *ledger.Tx, position int64) error {
	d := reception.Decide(tx.Policy(), tx, reception.Message{Inbox: p.Inbox, Kind: p.Kind, Matched: p.match.rules}, tx.Now())
	if d.Verdict != reception.Rejected {
		return errNotDecided
	}
	row := journal(tx, &d, &ledger.ConversationRow{}, position, position, "message")
	row.Matched = p.match.rules
	m := ledger.MessageRow{
		Position: position, Direction: ledger.Refused, Inbox: p.Inbox, Kind: p.Kind, SenderID: p.SenderID, Contact: p.ContactID, Text: p.Text, Tags: d.Tags,
		SentAt: p.SentAt, ReceivedAt: p.ReceivedAt, At: tx.Now(), Decision: &row,
	}
	tx.AppendMessage(m)
	p.useKey(tx, position)
	tx.PutQuarantine(ledger.QuarantineRow{
		Message: position, Inbox: p.Inbox, Kind: p.Kind, State: ledger.QuarantineRejected, Rule: d.Rule, Revision: tx.Policy().Revision, At: tx.Now(),
	})
	tx.Refuse(ledger.RefusalRow{
		At: tx.Now(), Inbox: p.Inbox, SenderID: p.SenderID, Account: p.Account, Code: d.Code.String(), Detail: "filter/" + d.Rule + ": " + MessageID(position),
	})
	countHits(tx, &d)
	p.Message, p.Stored, p.Decision = position, m, d
	return nil
}

// heldFor is how long a conversation stays open that has nothing but messages that are held back.
const heldFor = 24 * time.Hour

// untouched says that nothing of an open conversation was ever given to anybody: all of it is held back.
func untouched(c *ledger.ConversationRow) bool {
	return c.Status == ledger.StatusOpen && c.Owner == "" && c.LastOwner == "" && c.WaitingSince == 0 && !unanswered(c)
}

// hold stores a message that a rule keeps back: it has its place in the conversation, and nothing else changes for it.
func (p *Post) hold(tx *ledger.Tx, c *ledger.ConversationRow, m ledger.MessageRow, d *reception.Decision) {
	pass(c)
	m.Direction, m.Sequence = ledger.Held, c.LastSequence
	tx.AppendMessage(m)
	tx.PutQuarantine(ledger.QuarantineRow{
		Message: m.Position, Inbox: p.Inbox, Kind: p.Kind, Conversation: c.ID, State: ledger.QuarantineHeld, Rule: d.Rule, Revision: tx.Policy().Revision, At: tx.Now(),
	})
	if untouched(c) {
		startTurn(tx, c)
	}
	p.Stored = m
}

// Release is the command that lets a held message through: it goes on at the gate after the filter, at its place in the conversation. Everything in the
// conversation since that message counts as unanswered again, in sequence; a resolved conversation is opened. Again: no change.
type Release struct {
	Message  int64
	Sequence int64 // of the message in its conversation
	By       string

	Quarantine ledger.QuarantineRow // as it is afterwards
}

// Refusals of a Release.
var (
	errNotHeld = problem.New(problem.NotFound, "quarantine.not_found", "No filter rule kept such a message back.", "没有被拦截的这条消息。").On("/id")
	errRefused = problem.New(problem.Conflict, "quarantine.rejected", "This message was refused, and the sender was told so: it cannot be released. It can be sent again under a new id.", "这条消息已被拒收，发送方已得知，不能放行；可以请对方用新的 id 重新发送。").On("/id")
)

// Apply implements ledger.Command.
func (r *Release) Apply(tx *ledger.Tx) error {
	q, ok, err := tx.Quarantine(r.Message)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNotHeld
	case q.State == ledger.QuarantineRejected:
		return errRefused
	}
	r.Quarantine = q
	if q.State == ledger.QuarantineReleased {
		return nil
	}
	position := tx.Next()
	tx.ReleaseMessage(r.Message)
	q.State, q.ReleasedBy, q.ReleasedAt = ledger.QuarantineReleased, r.By, tx.Now()
	tx.PutQuarantine(q)
	r.Quarantine = q
	tx.Audit(ledger.AuditRow{By: r.By, Action: "quarantine.release", Object: MessageID(r.Message), Details: details("rule", q.Rule)})
	m, c, err := r.reopen(tx, q.Conversation)
	if err != nil {
		return err
	}
	d, err := decideOn(tx, c, c.PassedOver, reception.Message{Released: true, Matched: m.Decision.Matched})
	if err != nil {
		return err
	}
	row := journal(tx, &d, c, position, r.Message, ledger.CauseReleased)
	row.Matched = m.Decision.Matched
	tx.Journal(row)
	if d.Verdict != reception.Routed {
		c.SetDecidedOutcomes(row.Outcomes)
	}
	var newest *ledger.MessageRow
	if d.Verdict == reception.Offered { // who holds an offer has everything but this
		newest = &m
	}
	return follow(tx, c.ID, &d, newest)
}

// reopen makes the message, and what follows it, unanswered.
func (r *Release) reopen(tx *ledger.Tx, id int64) (m ledger.MessageRow, c *ledger.ConversationRow, err error) {
	all, err := tx.Messages(id, r.Sequence-1)
	if err != nil {
		return m, nil, err
	}
	for _, x := range all {
		if x.Position == r.Message {
			m = x
		}
	}
	known, ok, err := tx.Conversation(id)
	if err != nil {
		return m, nil, err
	}
	if !ok || m.Decision == nil {
		return m, nil, errNotHeld
	}
	if known.Status == ledger.StatusResolved {
		again := *known
		again.Status, again.Resolved = ledger.StatusOpen, 0
		tx.PutConversation(again)
	}
	if c, err = tx.EditConversation(id); err != nil {
		return m, nil, err
	}
	first := !unanswered(c)
	c.Answered, c.Delivered = min(c.Answered, m.Sequence-1), min(c.Delivered, m.Sequence-1)
	if first {
		startTurn(tx, c)
	}
	return m, c, nil
}
