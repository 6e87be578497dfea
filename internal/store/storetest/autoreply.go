package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/bidahq/bida/internal/ledger"
)

// autoReply records that automatic replies were due: one wrote the reply, or is said to have been withheld.
func (h *history) autoReply(g *ledger.Group, conversation, reply int64) {
	r := ledger.AutoReplyRow{Message: reply - 1, Rule: fmt.Sprint("r", h.one(2)), Conversation: conversation, Occasion: "queue", Outcome: ledger.AutoReplySent,
		Period: h.small(), Reply: reply, Revision: h.revision, At: h.instant()}
	if h.one(3) {
		r.Outcome, r.Reply = ledger.AutoReplyRepeated, 0
	}
	if !slices.ContainsFunc(g.AutoReplies, func(x ledger.AutoReplyRow) bool { return x.Message == r.Message && x.Rule == r.Rule }) {
		g.AutoReplies = append(g.AutoReplies, r)
	}
}

func byMessageAndRule(a, b ledger.AutoReplyRow) int {
	return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.Rule, b.Rule))
}

var autoReplies = []behaviour{
	{"finds what became of automatic replies, and the newest of each rule in a conversation", func(t *testing.T, s *subject) {
		row := func(message int64, rule string, conversation, reply int64) ledger.AutoReplyRow {
			r := ledger.AutoReplyRow{Message: message, Rule: rule, Conversation: conversation, Occasion: "keyword", Outcome: ledger.AutoReplySent, Period: message * 10, Reply: reply, Revision: 1, At: s.at}
			if reply == 0 {
				r.Outcome, r.Period = ledger.AutoReplyRepeated, 0
			}
			return r
		}
		a, b, other := row(1, "a", 1, 2), row(1, "b", 1, 3), row(5, "a", 4, 6)
		s.commit(9, func(g *ledger.Group) { g.AutoReplies = []ledger.AutoReplyRow{a, b, other} })
		same(t, "the newest, so far", got(s.LastAutoReplies(s.ctx(), 1))(t), []ledger.AutoReplyRow{a, b})
		again, withheld := row(10, "a", 1, 11), row(10, "b", 1, 0)
		s.commit(9, func(g *ledger.Group) { g.AutoReplies = []ledger.AutoReplyRow{again, withheld} })
		s.again()
		same(t, "the newest, in order of the replies", got(s.LastAutoReplies(s.ctx(), 1))(t), []ledger.AutoReplyRow{b, again})
		same(t, "of another conversation", got(s.LastAutoReplies(s.ctx(), 4))(t), []ledger.AutoReplyRow{other})
		same(t, "of none", got(s.LastAutoReplies(s.ctx(), 99))(t), nil)
		about := got(s.AutoRepliesFor(s.ctx(), []int64{10, 5, 99}))(t)
		slices.SortFunc(about, byMessageAndRule)
		same(t, "about messages", about, []ledger.AutoReplyRow{other, again, withheld})
		same(t, "behind replies", got(s.AutoRepliesBehind(s.ctx(), []int64{11, 0, 1}))(t), []ledger.AutoReplyRow{again})
		same(t, "about nothing", got(s.AutoRepliesFor(s.ctx(), nil))(t), nil)
		s.refused(9, "the same record again", func(g *ledger.Group) { g.AutoReplies = []ledger.AutoReplyRow{row(10, "a", 1, 99)} })
	}},
}
