package ledger

import (
	"context"
	"slices"
	"time"
)

// AutoReplyOutcome is what became of an automatic reply whose occasion came.
type AutoReplyOutcome string

// The outcomes of automatic replies.
const (
	AutoReplySent     AutoReplyOutcome = "sent"
	AutoReplyRepeated AutoReplyOutcome = "repeated" // the customer has it already
	AutoReplyPreceded AutoReplyOutcome = "preceded" // another one before it took the occasion
	AutoReplyRobot    AutoReplyOutcome = "robot"    // a robot has the conversation, and answers itself
)

// AutoReplyRow is the record of an automatic reply that was due: written, or why not. Its text is in the message it wrote.
type AutoReplyRow struct {
	Message      int64  // the customer's message that it is about; Reply itself where there is none: a conversation began to wait again
	Rule         string // name of the document
	Conversation int64
	Occasion     string // of the document: its "on"
	Outcome      AutoReplyOutcome
	Period       int64 // what it is written once for: the next opening in Unix microseconds (off_hours), the position since when the conversation waits (queue); or none
	Reply        int64 // the message that it wrote, or none
	Revision     int64 // of the policy by which it was
	At           time.Time
}

// AutoReplyReader reads what became of automatic replies.
type AutoReplyReader interface {
	// AutoRepliesFor returns the records about any of these customers' messages, in any order.
	AutoRepliesFor(ctx context.Context, messages []int64) ([]AutoReplyRow, error)
	// AutoRepliesBehind returns the records of those that wrote any of these replies, in any order.
	AutoRepliesBehind(ctx context.Context, replies []int64) ([]AutoReplyRow, error)
}

// PutAutoReply adds the record of an automatic reply that was due.
func (tx *Tx) PutAutoReply(r AutoReplyRow) { tx.g.AutoReplies = append(tx.g.AutoReplies, r) }

// LastAutoReplies returns, of each automatic reply that was written in a conversation, the newest record, in order of the replies.
func (tx *Tx) LastAutoReplies(conversation int64) ([]AutoReplyRow, error) {
	var last []AutoReplyRow
	if conversation < tx.first { // one of this group has nothing in the store
		rows, err := tx.l.store.LastAutoReplies(tx.ctx, conversation)
		if err != nil {
			return nil, err
		}
		last = rows
	}
	for _, r := range tx.g.AutoReplies {
		if r.Conversation == conversation && r.Outcome == AutoReplySent {
			last = append(slices.DeleteFunc(last, func(x AutoReplyRow) bool { return x.Rule == r.Rule }), r)
		}
	}
	return last, nil
}
