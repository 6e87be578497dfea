package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
)

// checkAutoReplies looks at the automatic replies of a conversation, and returns their positions: each is on record once, answers a message that was let
// through, lies behind it, and repeats nothing that its rule says is not repeated.
func (s *Sim) checkAutoReplies(c *ledger.ConversationRow, rows []ledger.MessageRow) map[int64]bool {
	at := map[int64]ledger.MessageRow{}
	var positions []int64
	for _, m := range rows {
		at[m.Position] = m
		positions = append(positions, m.Position)
	}
	records, err := s.store.AutoRepliesBehind(background, positions)
	if err != nil {
		s.violated("automatic replies of c%d: %v", c.ID, err)
	}
	slices.SortFunc(records, func(a, b ledger.AutoReplyRow) int { return cmp.Compare(a.Reply, b.Reply) })
	automatic, last := map[int64]bool{}, map[string]ledger.AutoReplyRow{}
	for _, r := range records {
		s.checkAutoReply(r, at)
		key := r.Occasion
		if key == "keyword" {
			key += " " + r.Rule
		}
		if before, ok := last[key]; ok && s.repeats(before, r) {
			s.violated("automatic reply m%d (%s) repeats m%d in c%d", r.Reply, r.Rule, before.Reply, c.ID)
		}
		last[key], automatic[r.Reply] = r, true
		s.autoReplies++
	}
	return automatic
}

func (s *Sim) checkAutoReply(r ledger.AutoReplyRow, at map[int64]ledger.MessageRow) {
	m, cause := at[r.Reply], at[r.Message]
	if m.Direction != ledger.Outbound || m.Kind != conversation.KindAutoReply || m.Author != "" || r.Outcome != ledger.AutoReplySent {
		s.violated("the record of automatic reply m%d is %+v, and the message %+v", r.Reply, r, m)
	}
	if r.Message != r.Reply && (cause.Direction != ledger.Inbound || cause.Sequence >= m.Sequence || cause.At != m.At) {
		s.violated("automatic reply m%d (%s, sequence %d) answers m%d (%s, sequence %d)", r.Reply, r.Rule, m.Sequence, r.Message, cause.Direction, cause.Sequence)
	}
}

// repeats says whether an automatic reply says again what one before it, on the same occasion, has said.
func (s *Sim) repeats(before, r ledger.AutoReplyRow) bool {
	switch r.Occasion {
	case "welcome":
		return true
	case "queue", "off_hours":
		return before.Period == r.Period
	}
	for _, step := range s.steps() {
		if step.position > before.Reply && step.position < r.Reply {
			return false
		}
	}
	return r.At.Sub(before.At) < time.Minute
}
