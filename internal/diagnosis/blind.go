package diagnosis

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// A diagnosis that dies with the store would be silent exactly when it is needed. What the gates read of the present is in memory: where the records
// cannot be read, the report says what the gates say, and that authors, times and traffic are not known.

// blindly is the run that answers the same question about the present from memory alone.
func (r *run) blindly() *run {
	s := &Service{Deps: r.s.Deps, zone: r.s.zone, sets: newSets(), placed: &placements{}}
	s.Messages, s.Flow, s.Facts, s.Policies = nothing{}, nothing{}, nothing{}, nothing{}
	return &run{s: s, q: r.q, ctx: r.ctx, asker: r.asker, blind: true}
}

// findBlind says that without records it is not known whether an agent whom nothing stops receives.
func (r *run) findBlind() {
	r.report.Verdict = Unknown
	f := r.stageFinding(reception.SystemHealth.String(), reception.CodeSystemHealthStore, reception.Unknown)
	for i := range r.cells {
		f.cells = append(f.cells, i)
	}
	f.add(Evidence{Fact: "records", Value: "cannot be read", Source: "store", At: r.instant(r.m.at)})
	r.findings = append(r.findings, f)
}

var blindNext = Text{
	ZH: "记录暂时无法读取，变更人、时间和消息数量未知：请检查存储，恢复后再诊断一次。",
	EN: "The records cannot be read now; who changed what, when, and the traffic are not known. Look at the store, and diagnose again when it works.",
}

// nothing is a store that has no records.
type nothing struct{}

func (nothing) Message(context.Context, int64) (ledger.MessageRow, error) {
	return ledger.MessageRow{}, ledger.ErrNotFound
}
func (nothing) MessageBySender(context.Context, string, string) (ledger.MessageRow, error) {
	return ledger.MessageRow{}, ledger.ErrNotFound
}
func (nothing) ConversationsOf(context.Context, []int64) ([]ledger.ConversationRow, error) {
	return nil, nil
}
func (nothing) DeliveryLog(context.Context, ledger.DeliveryLogQuery) ([]ledger.DeliveryRow, error) {
	return nil, nil
}
func (nothing) Refusals(context.Context, string, string, int64, int) ([]ledger.RefusalRow, error) {
	return nil, nil
}
func (nothing) RefusalLog(context.Context, ledger.RefusalLogQuery) ([]ledger.RefusalRow, error) {
	return nil, nil
}
func (nothing) RefusalCounts(context.Context, ledger.RefusalLogQuery) ([]ledger.RefusalCount, error) {
	return nil, nil
}
func (nothing) DeliveriesOf(context.Context, int64) ([]ledger.DeliveryRow, error) { return nil, nil }
func (nothing) Attempts(context.Context, string, int64) ([]ledger.AttemptRow, error) {
	return nil, nil
}
func (nothing) DecisionsOf(context.Context, int64, int) ([]ledger.DecisionRow, error) {
	return nil, nil
}
func (nothing) Outcomes(context.Context, [16]byte) ([]byte, error)                  { return nil, ledger.ErrNotFound }
func (nothing) Revisions(context.Context, int64, int) ([]ledger.RevisionRow, error) { return nil, nil }
func (nothing) NewestDeliveries(context.Context, string, int64, int) ([]ledger.DeliveryRow, error) {
	return nil, nil
}
func (nothing) DecidedMessages(context.Context, int64, int64, int) ([]ledger.MessageRow, error) {
	return nil, nil
}
func (nothing) Traffic(context.Context, string, time.Time, time.Time) ([]ledger.TrafficRow, error) {
	return nil, nil
}
func (nothing) Offered(context.Context, time.Time, time.Time) ([]ledger.TrafficRow, error) {
	return nil, nil
}
func (nothing) FactsAt(context.Context, int64, []string) ([]ledger.FactRow, error) { return nil, nil }
func (nothing) FactsBetween(context.Context, string, time.Time, time.Time, int) ([]ledger.FactRow, error) {
	return nil, nil
}
func (nothing) AssignmentsAt(context.Context, int64, []string) ([]ledger.AssignmentRow, error) {
	return nil, nil
}
func (nothing) AssignmentsOf(context.Context, int64) ([]ledger.AssignmentRow, error) {
	return nil, nil
}
func (nothing) LastAssignedAt(context.Context, int64, string) (map[string]int64, error) {
	return nil, nil
}
func (nothing) PositionAt(context.Context, time.Time) (int64, error) { return 0, nil }
func (nothing) Began(context.Context) (time.Time, error)             { return time.Time{}, ledger.ErrNotFound }
func (nothing) DocumentsAt(context.Context, int64) ([]ledger.DocumentRow, error) {
	return nil, nil
}
func (nothing) DocumentVersions(context.Context, string, string) ([]ledger.DocumentRow, error) {
	return nil, nil
}
func (nothing) DocumentsSince(context.Context, int64) ([]ledger.DocumentRow, error) { return nil, nil }
func (nothing) Revision(context.Context, int64) (ledger.RevisionRow, error) {
	return ledger.RevisionRow{}, ledger.ErrNotFound
}
func (nothing) RevisionAt(context.Context, int64) (int64, error) { return 0, nil }
func (nothing) TokensOf(context.Context, string) ([]ledger.TokenRow, error) {
	return nil, nil
}
