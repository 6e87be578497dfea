package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
)

func (d *disk) saveChecklists(t *tx, g *ledger.Group) error {
	drop := func(gone func(r *ledger.ChecklistRow) bool) {
		set(t, &d.checklists.list, slices.DeleteFunc(slices.Clone(d.checklists.list), gone))
	}
	if !g.ChecklistsEnd.IsZero() {
		drop(func(r *ledger.ChecklistRow) bool { return r.At.UnixMicro() < g.ChecklistsEnd.UnixMicro() })
	}
	if err := inserts(t, &d.checklists, g.Checklists); err != nil {
		return err
	}
	if len(g.ChecklistEnds) > 0 {
		drop(func(r *ledger.ChecklistRow) bool { return slices.Contains(g.ChecklistEnds, r.ID) })
	}
	return nil
}

// Checklist implements ledger.ChecklistReader.
func (s *Store) Checklist(ctx context.Context, id int64) (ledger.ChecklistRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.ChecklistRow, error) { return d.checklists.one(&ledger.ChecklistRow{ID: id}) })
}

// Checklists implements ledger.ChecklistReader.
func (s *Store) Checklists(ctx context.Context, by string, before int64, limit int) ([]ledger.ChecklistRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.ChecklistRow, error) {
		found := d.checklists.pick(unlimited, func(r *ledger.ChecklistRow) bool {
			return (by == "" || r.By == by) && (before == 0 || r.ID < before)
		})
		return sorted(found, max(limit, 0), func(a, b ledger.ChecklistRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}
