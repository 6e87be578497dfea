package query

import (
	"context"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// Checklist implements ledger.ChecklistReader.
func (r *Reader) Checklist(ctx context.Context, id int64) (ledger.ChecklistRow, error) {
	return first(ctx, r.pool(), table.Checklists, "WHERE id = ?", id)
}

// Checklists implements ledger.ChecklistReader.
func (r *Reader) Checklists(ctx context.Context, by string, before int64, limit int) ([]ledger.ChecklistRow, error) {
	where, args := "WHERE id < ?", []any{before}
	if before == 0 {
		where, args = "WHERE id > ?", []any{0}
	}
	if by != "" {
		where, args = where+" AND made_by = ?", append(args, by)
	}
	return list(ctx, r.pool(), table.Checklists, where+" ORDER BY id DESC LIMIT ?", append(args, max(limit, 0))...)
}
