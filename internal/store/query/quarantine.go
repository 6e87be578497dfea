package query

import (
	"context"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// Quarantine implements ledger.QuarantineReader.
func (r *Reader) Quarantine(ctx context.Context, q ledger.QuarantineQuery) ([]ledger.QuarantineRow, error) {
	var where []string
	var args []any
	for _, c := range []struct {
		text   string
		wanted bool
		value  any
	}{{"state = ?", q.State != "", string(q.State)}, {"inbox = ?", q.Inbox != "", q.Inbox}, {"rule = ?", q.Rule != "", q.Rule}, {"message < ?", q.Before != 0, q.Before}} {
		if c.wanted {
			where = append(where, c.text)
			args = append(args, c.value)
		}
	}
	text := "ORDER BY message DESC LIMIT ?"
	if len(where) > 0 {
		text = "WHERE " + strings.Join(where, " AND ") + " " + text
	}
	return list(ctx, r.pool(), table.Quarantine, text, append(args, max(q.Limit, 0))...)
}

// QuarantineOf implements ledger.Committer and ledger.QuarantineReader.
func (r *Reader) QuarantineOf(ctx context.Context, messages []int64) ([]ledger.QuarantineRow, error) {
	return among(ctx, r.pool(), table.Quarantine, "message", messages)
}

// FilterHits implements ledger.QuarantineReader.
func (r *Reader) FilterHits(ctx context.Context, since time.Time) ([]ledger.HitsRow, error) {
	from := -forever
	if !since.IsZero() {
		from = micros(since)
	}
	return list(ctx, r.pool(), table.Hits, "WHERE hour >= ? ORDER BY rule, hour", from)
}
