package memory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
)

func (d *disk) helped(t *tx, g *ledger.Group) error {
	return errors.Join(replaces(t, &d.help, g.Help), inserts(t, &d.helpReports, g.HelpReports), inserts(t, &d.repairs, g.Repairs))
}

// HelpRequest implements ledger.Committer and ledger.HelpReader.
func (s *Store) HelpRequest(ctx context.Context, id int64) (ledger.HelpRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.HelpRow, error) { return d.help.one(&ledger.HelpRow{ID: id}) })
}

// HelpReport implements ledger.HelpReader.
func (s *Store) HelpReport(ctx context.Context, request int64) (ledger.HelpReportRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.HelpReportRow, error) {
		return d.helpReports.one(&ledger.HelpReportRow{Request: request})
	})
}

// HelpRequests implements ledger.Committer and ledger.HelpReader.
func (s *Store) HelpRequests(ctx context.Context, q ledger.HelpQuery) ([]ledger.HelpRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.HelpRow, error) {
		found := d.help.pick(unlimited, func(r *ledger.HelpRow) bool {
			return (len(q.States) == 0 || slices.Contains(q.States, r.State)) && (q.Agent == "" || r.Agent == q.Agent) && (q.Before == 0 || r.ID < q.Before) &&
				(q.For == "" || r.Agent == q.For || slices.Contains(r.Askers, q.For) || slices.Contains(r.Receivers, q.For))
		})
		return sorted(found, max(q.Limit, 0), func(a, b ledger.HelpRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}

// Repair implements ledger.HelpReader.
func (s *Store) Repair(ctx context.Context, id int64) (ledger.RepairRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.RepairRow, error) { return d.repairs.one(&ledger.RepairRow{ID: id}) })
}

// Repairs implements ledger.HelpReader.
func (s *Store) Repairs(ctx context.Context, q ledger.RepairQuery) ([]ledger.RepairRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RepairRow, error) {
		found := d.repairs.pick(unlimited, func(r *ledger.RepairRow) bool {
			return (q.Agent == "" || r.Agent == q.Agent) && (q.Help == 0 || r.Help == q.Help) && r.ID > q.After && (q.Before == 0 || r.ID < q.Before)
		})
		return sorted(found, max(q.Limit, 0), func(a, b ledger.RepairRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}
