package conversation

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// An automatic reply is a reply without an author, of the kind auto_reply: it takes every way that replies take, and none of what counts answers counts it. It
// answers a customer's message that was let through, in the group that stores it, or a conversation that lost its owner and waits again; nothing else is an
// occasion, so nothing that Bida, an agent or a robot writes is ever answered. What was due is on record, written or not, with the reason.

// KindAutoReply is the kind of what Bida itself writes to customers.
const KindAutoReply = "auto_reply"

// saying is what the text of a customer's message says to automatic replies.
type saying struct {
	by    *policy.AutoReplies // nil: not compared yet
	rules []string            // those a keyword of which is in the text
}

func (p *Post) sayTo(a *policy.AutoReplies) {
	if p.saying.by != a {
		p.saying = saying{by: a, rules: a.Keywords(p.Text)}
	}
}

// event is what may be an occasion for automatic replies.
type event struct {
	message int64    // of the customer, that brings it; 0 where a conversation begins to wait again
	opens   bool     // the message opens the conversation
	says    []string // the replies a keyword of which is in the message
}

// autoReply writes the automatic replies that are due in a conversation after a decision on it was followed.
func autoReply(tx *ledger.Tx, id int64, e event, d *reception.Decision) error {
	replies := tx.Documents().AutoReplies()
	if len(replies.Rules()) == 0 { // the ordinary way costs nothing
		return nil
	}
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok {
		return err
	}
	r := &responder{tx: tx, c: c, event: e, d: d}
	rules := replies.Rules()
	for i := range rules {
		if x := &rules[i]; x.Concerns(c.Inbox, c.Kind) && r.occurs(x) {
			if err := r.due(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// responder goes through the automatic replies for one event.
type responder struct {
	tx    *ledger.Tx
	c     *ledger.ConversationRow
	event event
	d     *reception.Decision
	taken []policy.Occasion // by a reply before
	last  []ledger.AutoReplyRow
	read  bool // last is set
}

// occurs says whether a reply's occasion is there. A conversation that waits for the hours is in no queue: it is told the hours.
func (r *responder) occurs(x *policy.AutoReplyRule) bool {
	closed := r.d.Message[reception.WindowInbox].Outcome.Stops()
	switch x.On {
	case policy.OnWelcome:
		return r.event.opens
	case policy.OnOffHours:
		return closed
	case policy.OnQueue:
		return !closed && r.c.Owner == "" && r.d.Held == "" && (r.d.Verdict == reception.Waiting || r.d.Code == reception.CodeRoutingOfferedManual)
	case policy.OnKeyword:
		return slices.Contains(r.event.says, x.Name)
	}
	return false
}

// due writes a reply whose occasion is there, or records why not.
func (r *responder) due(x *policy.AutoReplyRule) error {
	period := r.period(x)
	outcome, err := r.outcome(x, period)
	if err != nil {
		return err
	}
	r.taken = append(r.taken, x.On)
	var reply int64
	if outcome == ledger.AutoReplySent {
		if reply, err = r.write(x); err != nil {
			return err
		}
	}
	if message := cmp.Or(r.event.message, reply); message != 0 {
		r.tx.PutAutoReply(ledger.AutoReplyRow{
			Message: message, Rule: x.Name, Conversation: r.c.ID, Occasion: string(x.On), Outcome: outcome, Period: period, Reply: reply,
			Revision: r.tx.Policy().Revision, At: r.tx.Now(),
		})
	}
	return nil
}

// period is what the reply is written once for. A time of closed hours is known by when it ends.
func (r *responder) period(x *policy.AutoReplyRule) int64 {
	switch x.On {
	case policy.OnOffHours:
		return r.d.Message[reception.WindowInbox].Until
	case policy.OnQueue:
		return r.c.WaitingSince
	}
	return 0
}

func (r *responder) outcome(x *policy.AutoReplyRule, period int64) (ledger.AutoReplyOutcome, error) {
	if slices.Contains(r.taken, x.On) {
		return ledger.AutoReplyPreceded, nil
	}
	if owner := r.tx.Policy().Accounts[r.c.Owner]; owner != nil && owner.Robot {
		return ledger.AutoReplyRobot, nil
	}
	repeated, err := r.repeated(x, period)
	if err == nil && repeated {
		return ledger.AutoReplyRepeated, nil
	}
	return ledger.AutoReplySent, err
}

// repeated says whether the customer was told already what the reply says.
func (r *responder) repeated(x *policy.AutoReplyRule, period int64) (bool, error) {
	if !r.read {
		last, err := r.tx.LastAutoReplies(r.c.ID)
		if err != nil {
			return false, err
		}
		r.last, r.read = last, true
	}
	for _, y := range slices.Backward(r.last) {
		switch {
		case y.Occasion != string(x.On):
		case x.On == policy.OnWelcome:
			return true, nil
		case x.On != policy.OnKeyword:
			return y.Period == period, nil
		case y.Rule == x.Name: // a clock that was set back does not make it longer
			since := r.tx.Now().Sub(y.At)
			return since > -ledger.LeastStep && since < x.AgainAfter, nil
		}
	}
	return false, nil
}

// write puts the reply into the conversation and, if somebody owns it, into the owner's stream.
func (r *responder) write(x *policy.AutoReplyRule) (int64, error) {
	text, err := r.text(x)
	if err != nil {
		return 0, err
	}
	position := r.tx.Next()
	c, err := r.tx.EditConversation(r.c.ID)
	if err != nil {
		return 0, err
	}
	r.c = c
	m := ledger.MessageRow{Position: position, Kind: KindAutoReply, Text: text}
	var receivers []string
	if c.Owner != "" && c.Delivered == c.LastSequence { // it never comes before what it answers
		d := reception.Decide(r.tx.Policy(), r.tx, reception.Message{
			Inbox: c.Inbox, Kind: KindAutoReply, Conversation: &reception.Conversation{ID: ID(c.ID), Owner: c.Owner}, Directed: []string{c.Owner},
		}, r.tx.Now())
		if d.Verdict != reception.Directed {
			return 0, errNotDecided
		}
		row := journal(r.tx, &d, c, position, position, "message")
		m.Decision, receivers = &row, d.Chosen
	}
	pass(c)
	if m, err = toCustomer(r.tx, c, m); err != nil {
		return 0, err
	}
	for _, account := range receivers {
		deliver(r.tx, c, account, m)
	}
	return position, nil
}

// text is the reply in the customer's language, with what is to be filled in.
func (r *responder) text(x *policy.AutoReplyRule) (string, error) {
	lang, err := langOf(r.tx, r.c)
	if err != nil {
		return "", err
	}
	text := x.Text.In(lang)
	if lang == "" || text == x.Text.ZH {
		lang = "zh"
	}
	if strings.Contains(text, policy.PositionMark) {
		text = strings.ReplaceAll(text, policy.PositionMark, strconv.Itoa(r.place()))
	}
	if strings.Contains(text, policy.OpensMark) {
		text = strings.TrimSpace(strings.ReplaceAll(text, policy.OpensMark, r.opens(lang == "zh")))
	}
	return text, nil
}

// place is the conversation's among those of its inbox and kind that wait, from 1.
func (r *responder) place() int {
	return slices.Index(r.tx.Waiting(ledger.Cell{Inbox: r.c.Inbox, Kind: r.c.Kind}), r.c.ID) + 1
}

// opens says when the inbox opens next, by the clock of its hours.
func (r *responder) opens(zh bool) string {
	until := r.d.Message[reception.WindowInbox].Until
	in := r.tx.Policy().Inboxes[r.c.Inbox]
	switch {
	case until == 0 && zh:
		return "恢复营业后"
	case until == 0:
		return "when we are open again"
	}
	zone := time.UTC
	if in != nil && in.Hours != nil && in.Hours.Location != nil {
		zone = in.Hours.Location
	}
	return policy.When(r.tx.Now().In(zone), time.UnixMicro(until).In(zone), zh)
}

// waitsAgain writes the automatic replies to a conversation that lost who had it, and waits.
func waitsAgain(tx *ledger.Tx, id int64) error {
	if len(tx.Documents().AutoReplies().Rules()) == 0 {
		return nil
	}
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Status != ledger.StatusOpen || c.Owner != "" || c.WaitingSince == 0 || !unanswered(c) {
		return err
	}
	d, err := decide(tx, c, c.PassedOver)
	if err != nil {
		return err
	}
	defer d.Free()
	return autoReply(tx, id, event{}, &d)
}

// langOf is the language in which Bida writes to a conversation's customer: "zh", "en", or "" where it is not known.
func langOf(tx *ledger.Tx, c *ledger.ConversationRow) (string, error) {
	contact, _, err := tx.Contact(c.Inbox, c.Contact)
	if err != nil || contact == nil {
		return "", err
	}
	return contact.Lang, nil
}

// contactLang is the language of a contact after a message: its browser's where that is known, else the one it writes in; else what it was.
func contactLang(browser, text, known string) string {
	return cmp.Or(browser, languageOf(text), known)
}
