package conversation

import (
	"encoding/json"
	"slices"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// KindNote is the kind of notes.
const KindNote = "internal"

var errNoteID = problem.New(problem.Conflict, "conversation.duplicate_conflict", "This id was used before for another note. Nothing was stored; use a new id for a new note.", "此 id 已用于另一条内容不同的备注，本次未保存。").On("/id")

// Note is the command by which an agent writes to colleagues in a conversation. It lies in the thread, in sequence with the customer's messages, and goes to
// the owner and to those mentioned who may receive internal messages. It is no answer: who waits for one waits on, and no owner, offer or timeout changes.
// It never goes to the customer: what is read for customers are replies only. A resolved conversation takes notes too and stays resolved.
type Note struct {
	Conversation int64
	ID           string // the writer's client's id, unique per conversation
	Account      string
	Text         string
	Mentions     []string // accounts
	Attachments  []string // ids of the account's uploads
	Digest       [16]byte

	Message   int64 // position of the note, of the earlier one if Duplicate
	Duplicate bool
}

// Keys implements ledger.Keyed.
func (n *Note) Keys() []ledger.KeyRef { return []ledger.KeyRef{n.key()} }

func (n *Note) key() ledger.KeyRef {
	return ledger.KeyRef{Scope: "note/" + ID(n.Conversation), ID: n.ID}
}

// Apply implements ledger.Command.
func (n *Note) Apply(tx *ledger.Tx) error {
	used, err := tx.Key(n.key())
	if err != nil {
		return err
	}
	if used != nil {
		if used.Digest != n.Digest {
			return errNoteID
		}
		n.Message, n.Duplicate = used.Position, true
		return nil
	}
	if _, ok, err := tx.Conversation(n.Conversation); err != nil {
		return err
	} else if !ok {
		return errNotFound
	}
	position := tx.Next()
	c, err := tx.EditConversation(n.Conversation)
	if err != nil {
		return err
	}
	data := ledger.NoteData{To: n.receivers(c.Owner), Mentions: n.Mentions}
	if data.Attachments, err = attachment.Take(tx, attachment.AccountOwner(n.Account), n.Attachments, position); err != nil {
		return err
	}
	d := reception.Decide(tx.Policy(), tx, reception.Message{
		Inbox: c.Inbox, Kind: KindNote, Conversation: &reception.Conversation{ID: ID(c.ID), Owner: c.Owner}, Directed: data.To,
	}, tx.Now())
	if d.Verdict != reception.Directed {
		return errNotDecided
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	row := journal(tx, &d, c, position, position, "message")
	m := ledger.MessageRow{
		Position: position, Direction: ledger.Note, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence + 1, Kind: KindNote, SenderID: n.ID,
		Author: n.Account, Text: n.Text, Data: raw, ReceivedAt: tx.Now(), At: tx.Now(), Decision: &row,
	}
	pass(c)
	tx.AppendMessage(m)
	tx.PutKey(ledger.KeyRow{Scope: n.key().Scope, ID: n.ID, Position: position, Digest: n.Digest, At: tx.Now()})
	for _, account := range d.Chosen {
		deliver(tx, c, account, m)
	}
	n.Message = position
	return nil
}

// pass counts a message that asks for no answer: what was answered and handed over before it still is.
func pass(c *ledger.ConversationRow) {
	answered, delivered := !unanswered(c), c.Delivered == c.LastSequence
	c.LastSequence++
	if answered {
		c.Answered = c.LastSequence
	}
	if delivered {
		c.Delivered = c.LastSequence
	}
}

// receivers are, in order of name, the owner and those mentioned, without the author.
func (n *Note) receivers(owner string) []string {
	list := slices.Clone(n.Mentions)
	if owner != "" {
		list = append(list, owner)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(a string) bool { return a == n.Account })
}
