package table

import "github.com/bidahq/bida/internal/ledger"

// AutoReplies holds the records of automatic replies that were due.
var AutoReplies = &Table[ledger.AutoReplyRow]{
	Name: "auto_replies",
	Key:  2,
	Visit: func(v Visitor, r *ledger.AutoReplyRow) {
		v.Int("message", &r.Message)
		v.Text("rule", &r.Rule)
		v.Int("conversation", &r.Conversation)
		v.Text("occasion", &r.Occasion)
		v.Text("outcome", (*string)(&r.Outcome))
		v.Position("period", &r.Period)
		v.Position("reply", &r.Reply)
		v.Int("revision", &r.Revision)
		v.Time("at", &r.At)
	},
}

// InsertAutoReply is the statement of a commit that writes these.
var InsertAutoReply = newOp(Insert, AutoReplies)
