package memory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

func (d *disk) quarantined(t *tx, g *ledger.Group) error {
	for _, message := range g.Releases {
		row := d.messages.get(&ledger.MessageRow{Position: message})
		if row == nil || row.Direction != ledger.Held {
			return table.Missed(table.ReleaseMessage, g)
		}
		if err := d.messages.change(t, row, func(row *ledger.MessageRow) { row.Direction = ledger.Inbound }); err != nil {
			return err
		}
	}
	return errors.Join(
		replaces(t, &d.quarantine, g.Quarantine),
		inserts(t, &d.autoReplies, g.AutoReplies),
		d.saveChecklists(t, g),
		all(g.Hits, func(r *ledger.HitsRow) error {
			return d.hits.put(t, r, func(existing *ledger.HitsRow) { existing.Hits += r.Hits })
		}),
	)
}

// Quarantine implements ledger.QuarantineReader.
func (s *Store) Quarantine(ctx context.Context, q ledger.QuarantineQuery) ([]ledger.QuarantineRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.QuarantineRow, error) {
		found := d.quarantine.pick(unlimited, func(r *ledger.QuarantineRow) bool {
			return (q.State == "" || r.State == q.State) && (q.Inbox == "" || r.Inbox == q.Inbox) && (q.Rule == "" || r.Rule == q.Rule) &&
				(q.Before == 0 || r.Message < q.Before)
		})
		return sorted(found, max(q.Limit, 0), func(a, b ledger.QuarantineRow) int { return cmp.Compare(b.Message, a.Message) }), nil
	})
}

// QuarantineOf implements ledger.Committer and ledger.QuarantineReader.
func (s *Store) QuarantineOf(ctx context.Context, messages []int64) ([]ledger.QuarantineRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.QuarantineRow, error) {
		return d.quarantine.pick(unlimited, func(r *ledger.QuarantineRow) bool { return slices.Contains(messages, r.Message) }), nil
	})
}

// FilterHits implements ledger.QuarantineReader.
func (s *Store) FilterHits(ctx context.Context, since time.Time) ([]ledger.HitsRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.HitsRow, error) {
		return d.hits.pick(unlimited, func(r *ledger.HitsRow) bool { return since.IsZero() || r.Hour.UnixMicro() >= since.UnixMicro() }), nil
	})
}
