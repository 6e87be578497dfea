package conversation

import (
	"errors"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// Reply is the command by which an agent answers: the message is durable and waits to be fetched by, or sent to, the customer's side. Who answers a
// conversation that nobody owns claims it.
type Reply struct {
	Conversation int64
	ID           string // the agent's client's id, unique per conversation
	Account      string
	Text         string
	Attachments  []string // ids of the account's uploads
	Digest       [16]byte

	Message   int64 // position of the reply, of the earlier one if Duplicate
	Duplicate bool
}

// Keys implements ledger.Keyed.
func (r *Reply) Keys() []ledger.KeyRef { return []ledger.KeyRef{r.key()} }

func (r *Reply) key() ledger.KeyRef {
	return ledger.KeyRef{Scope: "out/" + ID(r.Conversation), ID: r.ID}
}

// Apply implements ledger.Command.
func (r *Reply) Apply(tx *ledger.Tx) error {
	used, err := tx.Key(r.key())
	if err != nil {
		return err
	}
	if used != nil {
		if used.Digest != r.Digest {
			return errReplyID
		}
		r.Message, r.Duplicate = used.Position, true
		return nil
	}
	c, err := open(tx, r.Conversation)
	if err != nil {
		return err
	}
	if err := accept(tx, c, r.Account); err != nil {
		return err
	}
	// What waited for this owner is handed over before it counts as answered.
	if err := tx.ClearWaiting(c.ID); err != nil {
		return err
	}
	if err := deliverPending(tx, c.ID, nil); err != nil {
		return err
	}
	if err := tx.SetPassedOver(c.ID, nil, "answered", r.Account); err != nil {
		return err
	}
	position := tx.Next()
	files, err := attachment.Take(tx, attachment.AccountOwner(r.Account), r.Attachments, position)
	if err != nil {
		return err
	}
	c.LastSequence++
	c.Answered, c.Delivered = c.LastSequence, c.LastSequence
	startTurn(tx, c)
	if _, err := toCustomer(tx, c, ledger.MessageRow{Position: position, Kind: c.Kind, SenderID: r.ID, Author: r.Account, Text: r.Text, Data: files}); err != nil {
		return err
	}
	tx.PutKey(ledger.KeyRow{Scope: "out/" + ID(r.Conversation), ID: r.ID, Position: position, Digest: r.Digest, At: tx.Now()})
	r.Message = position
	return nil
}

// toCustomer stores the conversation's last message on its way to the customer, behind all that went there before, and returns it as it is stored.
func toCustomer(tx *ledger.Tx, c *ledger.ConversationRow, m ledger.MessageRow) (ledger.MessageRow, error) {
	contact, ok, err := tx.Contact(c.Inbox, c.Contact)
	if err != nil {
		return m, err
	}
	if !ok {
		return m, problem.New(problem.Internal, "system.internal", "The contact of this conversation is missing.", "该会话的客户资料缺失。").
			Because(errors.New("conversation without contact"))
	}
	next := *contact
	next.Replies++
	tx.PutContact(next)
	m.Direction, m.Inbox, m.Conversation, m.Sequence, m.Contact = ledger.Outbound, c.Inbox, c.ID, c.LastSequence, c.Contact
	m.ContactSequence, m.ReplyState = next.Replies, ledger.ReplySent
	m.At, m.ReceivedAt, m.ReplyAt = tx.Now(), tx.Now(), tx.Now()
	tx.AppendMessage(m)
	return m, nil
}

// RepliesRead is the command by which a source says that it has read an inbox's replies up to a position: they are delivered.
type RepliesRead struct {
	Inbox string
	UpTo  int64
}

// Apply implements ledger.Command.
func (r *RepliesRead) Apply(tx *ledger.Tx) error {
	tx.RepliesRead(ledger.ReplyUpdate{Inbox: r.Inbox, UpTo: r.UpTo, State: ledger.ReplyDelivered, At: tx.Now(), Detail: "read by the source"})
	return nil
}
