package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
)

// LastAutoReplies implements ledger.Committer.
func (s *Store) LastAutoReplies(ctx context.Context, conversation int64) ([]ledger.AutoReplyRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AutoReplyRow, error) {
		newest := map[string]int64{}
		for _, r := range d.autoReplies.list {
			if r.Conversation == conversation && r.Reply > newest[r.Rule] {
				newest[r.Rule] = r.Reply
			}
		}
		found := d.autoReplies.pick(unlimited, func(r *ledger.AutoReplyRow) bool {
			return r.Conversation == conversation && r.Reply != 0 && r.Reply == newest[r.Rule]
		})
		return sorted(found, unlimited, func(a, b ledger.AutoReplyRow) int { return cmp.Compare(a.Reply, b.Reply) }), nil
	})
}

// AutoRepliesFor implements ledger.AutoReplyReader.
func (s *Store) AutoRepliesFor(ctx context.Context, messages []int64) ([]ledger.AutoReplyRow, error) {
	return s.autoReplies(ctx, func(r *ledger.AutoReplyRow) bool { return slices.Contains(messages, r.Message) })
}

// AutoRepliesBehind implements ledger.AutoReplyReader.
func (s *Store) AutoRepliesBehind(ctx context.Context, replies []int64) ([]ledger.AutoReplyRow, error) {
	return s.autoReplies(ctx, func(r *ledger.AutoReplyRow) bool { return r.Reply != 0 && slices.Contains(replies, r.Reply) })
}

func (s *Store) autoReplies(ctx context.Context, want func(*ledger.AutoReplyRow) bool) ([]ledger.AutoReplyRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AutoReplyRow, error) { return d.autoReplies.pick(unlimited, want), nil })
}
