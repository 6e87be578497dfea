package conversation

import (
	"cmp"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Post is the command that takes a customer's message in: de-duplication, conversation, decision with its journal entry and delivery, in one commit.
// The caller (package intake) has checked everything that needs no World.
type Post struct {
	Inbox, SenderID        string
	ContactID, ContactName string
	ContactLang            string // "zh" or "en", where the contact's own browser asked; "" where that is not known: the text tells
	Conversation           int64  // 0: the contact's open one, else a new one
	Kind                   string
	Text                   string
	Attachments            []string // ids of uploads
	Uploader               string   // whose they must be
	Account                string   // who hands it in; "" where that is nobody's account
	SentAt, ReceivedAt     time.Time
	Digest                 [16]byte // of contact, conversation, kind, text and attachments as sent

	// Message is the position of the message: of this one, or of the earlier one with the same sender's id if Duplicate.
	Message   int64
	Duplicate bool
	// Stored and Decision are the new message and the decision on it, so that an answer needs no read; not set for a Duplicate.
	Stored   ledger.MessageRow
	Decision reception.Decision

	match  matching
	saying saying
}

// Refusals of a Post.
var (
	errUnknownInbox = problem.New(problem.NotFound, "intake.unknown_inbox", "There is no such inbox.", "没有这个接待渠道。").On("/inbox")
	errKind         = problem.New(problem.Invalid, "intake.kind_not_produced", "This inbox does not produce messages of this kind.", "这个接待渠道不产生此类消息。").On("/kind")
	errDigest       = problem.New(problem.Conflict, "intake.duplicate_conflict",
		"This id was used before with another contact, conversation, kind, text or attachments. Nothing was stored; use a new id for a new message.",
		"此 id 已用于另一条内容不同的消息，本次未保存。新消息请使用新的 id。").On("/id")
	errNoConversation = problem.New(problem.NotFound, "intake.conversation_mismatch", "There is no such conversation in this inbox.", "这个接待渠道里没有该会话。").On("/conversation")
	errOtherContact   = problem.New(problem.Conflict, "intake.conversation_mismatch", "This conversation belongs to another contact.", "该会话属于另一位客户。").On("/conversation")
	errOtherKind      = problem.New(problem.Conflict, "intake.conversation_mismatch", "This conversation is of another kind; such a message opens a conversation of its own.", "该会话属于另一种消息类型，这类消息会另开会话。").On("/conversation")
)

// Yields implements ledger.Yielding.
func (*Post) Yields() {}

// Keys implements ledger.Keyed.
func (p *Post) Keys() []ledger.KeyRef { return []ledger.KeyRef{p.key()} }

func (p *Post) key() ledger.KeyRef { return ledger.KeyRef{Scope: "in/" + p.Inbox, ID: p.SenderID} }

// Apply implements ledger.Command.
func (p *Post) Apply(tx *ledger.Tx) error {
	in := tx.Policy().Inboxes[p.Inbox]
	if in == nil {
		return errUnknownInbox
	}
	used, err := tx.Key(p.key())
	if err != nil {
		return err
	}
	if used != nil {
		if used.Digest != p.Digest {
			return errDigest
		}
		p.Message, p.Duplicate = used.Position, true
		return nil
	}
	if err := p.resolveKind(in); err != nil {
		return err
	}
	p.matchAs(tx.Documents().Filters(), p.Kind)
	p.sayTo(tx.Documents().AutoReplies())
	action := reception.ApplyFilters(tx.Policy(), p.Inbox, p.Kind, p.match.rules).Action
	if action != reception.FilterReject && action != reception.FilterQuarantine { // nobody sees that the customer wrote
		if err := p.wake(tx); err != nil {
			return err
		}
	}
	position := tx.Next()
	if action == reception.FilterReject {
		return p.reject(tx, position)
	}
	c, err := p.thread(tx, position, action == reception.FilterQuarantine)
	if err != nil {
		return err
	}
	return p.store(tx, c, position)
}

// firstKind is the first kind of an inbox that a sender may set; "" if there is none.
func firstKind(in *reception.Inbox) string {
	for _, k := range in.Kinds {
		if reception.OwnsConversations(k) {
			return k
		}
	}
	return ""
}

// resolveKind takes the inbox's first kind that a sender may set where none was given, and refuses those it does not produce or only Bida makes.
func (p *Post) resolveKind(in *reception.Inbox) error {
	if p.Kind == "" {
		p.Kind = firstKind(in)
	}
	if !in.Produces(p.Kind) || !reception.OwnsConversations(p.Kind) {
		return errKind
	}
	return nil
}

// wake takes the conversation up again that the message goes to, before the message has its position: it is decided about one that is not set aside.
func (p *Post) wake(tx *ledger.Tx) error {
	id := p.Conversation
	if id == 0 {
		id = tx.OpenThread(p.Inbox, p.ContactID, p.Kind)
	}
	if id == 0 {
		return nil
	}
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Inbox != p.Inbox || c.Contact != p.ContactID || c.Kind != p.Kind {
		return err // what is wrong is said where the thread is looked for
	}
	return wake(tx, c, "customer_wrote", system)
}

// thread finds or opens the conversation, and returns it ready to be changed. A message that is held back opens no resolved one again.
func (p *Post) thread(tx *ledger.Tx, position int64, held bool) (*ledger.ConversationRow, error) {
	if err := p.contact(tx, position); err != nil {
		return nil, err
	}
	id := p.Conversation
	if id == 0 {
		id = tx.OpenThread(p.Inbox, p.ContactID, p.Kind)
	}
	if id == 0 {
		tx.PutConversation(ledger.ConversationRow{
			ID: position, Inbox: p.Inbox, Contact: p.ContactID, Kind: p.Kind, Status: ledger.StatusOpen, OpenedAt: tx.Now(),
		})
		return tx.EditConversation(position)
	}
	c, ok, err := tx.Conversation(id)
	switch {
	case err != nil:
		return nil, err
	case !ok || c.Inbox != p.Inbox:
		return nil, errNoConversation
	case c.Contact != p.ContactID:
		return nil, errOtherContact
	case c.Kind != p.Kind:
		return nil, errOtherKind
	}
	if c.Status == ledger.StatusResolved && !held { // written to by name: opened again and decided anew
		again := *c
		again.Status, again.Resolved = ledger.StatusOpen, 0
		again.Answered, again.Delivered = again.LastSequence, again.LastSequence
		tx.PutConversation(again)
	}
	return tx.EditConversation(id)
}

// contact writes the contact when it is new or has another name or language.
func (p *Post) contact(tx *ledger.Tx, position int64) error {
	known, ok, err := tx.Contact(p.Inbox, p.ContactID)
	if err != nil {
		return err
	}
	if !ok {
		tx.PutContact(ledger.ContactRow{Inbox: p.Inbox, ID: p.ContactID, Name: p.ContactName, Position: position, Lang: contactLang(p.ContactLang, p.Text, "")})
		return nil
	}
	next := *known
	next.Name, next.Lang = cmp.Or(p.ContactName, known.Name), contactLang(p.ContactLang, p.Text, known.Lang)
	if next != *known {
		tx.PutContact(next)
	}
	return nil
}

// store decides and writes the message.
func (p *Post) store(tx *ledger.Tx, c *ledger.ConversationRow, position int64) error {
	files, err := attachment.Take(tx, p.Uploader, p.Attachments, position)
	if err != nil {
		return err
	}
	d, err := decideOn(tx, c, c.PassedOver, reception.Message{Matched: p.match.rules})
	if err != nil {
		return err
	}
	if d.Verdict == reception.NotDecided {
		return errNotDecided
	}
	row := journal(tx, &d, c, position, position, "message")
	row.Matched = p.match.rules
	m := ledger.MessageRow{
		Position: position, Direction: ledger.Inbound, Inbox: p.Inbox, Conversation: c.ID, Kind: p.Kind, Tags: d.Tags,
		SenderID: p.SenderID, Contact: p.ContactID, Text: p.Text, Data: files, SentAt: p.SentAt, ReceivedAt: p.ReceivedAt, At: tx.Now(),
		Decision: &row,
	}
	p.useKey(tx, position)
	countHits(tx, &d)
	p.Message, p.Decision = position, d
	if d.Verdict == reception.Quarantined {
		p.hold(tx, c, m, &d)
		return nil
	}
	first, opens := !unanswered(c), untouched(c)
	c.LastSequence++
	if first {
		startTurn(tx, c)
	}
	if d.Verdict != reception.Routed {
		c.SetDecidedOutcomes(row.Outcomes)
	}
	m.Sequence = c.LastSequence
	tx.AppendMessage(m)
	p.Stored = m
	if err := follow(tx, c.ID, &d, &m); err != nil {
		return err
	}
	return autoReply(tx, c.ID, event{message: position, opens: opens, says: p.saying.rules}, &d)
}

// useKey uses the sender's id up.
func (p *Post) useKey(tx *ledger.Tx, position int64) {
	tx.PutKey(ledger.KeyRow{Scope: "in/" + p.Inbox, ID: p.SenderID, Position: position, Digest: p.Digest, At: tx.Now()})
}
