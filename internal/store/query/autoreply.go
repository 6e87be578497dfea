package query

import (
	"context"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// LastAutoReplies implements ledger.Committer.
func (r *Reader) LastAutoReplies(ctx context.Context, conversation int64) ([]ledger.AutoReplyRow, error) {
	return list(ctx, r.pool(), table.AutoReplies,
		"WHERE reply IN (SELECT max(reply) FROM auto_replies WHERE conversation = ? AND reply IS NOT NULL GROUP BY rule) ORDER BY reply", conversation)
}

// AutoRepliesFor implements ledger.AutoReplyReader.
func (r *Reader) AutoRepliesFor(ctx context.Context, messages []int64) ([]ledger.AutoReplyRow, error) {
	return among(ctx, r.pool(), table.AutoReplies, "message", messages)
}

// AutoRepliesBehind implements ledger.AutoReplyReader.
func (r *Reader) AutoRepliesBehind(ctx context.Context, replies []int64) ([]ledger.AutoReplyRow, error) {
	return among(ctx, r.pool(), table.AutoReplies, "reply", replies)
}
