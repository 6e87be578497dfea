package query

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// HelpRequest implements ledger.Committer and ledger.HelpReader.
func (r *Reader) HelpRequest(ctx context.Context, id int64) (ledger.HelpRow, error) {
	return first(ctx, r.pool(), table.HelpRequests, "WHERE id = ?", id)
}

// HelpReport implements ledger.HelpReader.
func (r *Reader) HelpReport(ctx context.Context, request int64) (ledger.HelpReportRow, error) {
	return first(ctx, r.pool(), table.HelpReports, "WHERE request = ?", request)
}

// HelpRequests implements ledger.Committer and ledger.HelpReader.
func (r *Reader) HelpRequests(ctx context.Context, q ledger.HelpQuery) ([]ledger.HelpRow, error) {
	w := conditions{}
	if len(q.States) > 0 {
		args := make([]any, len(q.States))
		for i, s := range q.States {
			args[i] = string(s)
		}
		w.add("state IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
	w.wants("agent", q.Agent)
	if q.For != "" {
		listed := inList(q.For)
		w.add(`(agent = ? OR askers LIKE ? ESCAPE '!' OR receivers LIKE ? ESCAPE '!')`, q.For, listed, listed)
	}
	if q.Before != 0 {
		w.add("id < ?", q.Before)
	}
	return list(ctx, r.pool(), table.HelpRequests, w.where()+"ORDER BY id DESC LIMIT ?", append(w.args, max(q.Limit, 0))...)
}

// Repair implements ledger.HelpReader.
func (r *Reader) Repair(ctx context.Context, id int64) (ledger.RepairRow, error) {
	return first(ctx, r.pool(), table.Repairs, "WHERE id = ?", id)
}

// Repairs implements ledger.HelpReader.
func (r *Reader) Repairs(ctx context.Context, q ledger.RepairQuery) ([]ledger.RepairRow, error) {
	w := conditions{}
	w.add("id > ?", q.After)
	w.wants("agent", q.Agent)
	if q.Help != 0 {
		w.add("help = ?", q.Help)
	}
	if q.Before != 0 {
		w.add("id < ?", q.Before)
	}
	return list(ctx, r.pool(), table.Repairs, w.where()+"ORDER BY id DESC LIMIT ?", append(w.args, max(q.Limit, 0))...)
}

// inList is a pattern that lists with an element fit, as lists are stored. Its escape character is "!".
func inList(element string) string {
	quoted, _ := json.Marshal(element) // strings always marshal
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(string(quoted)) + "%"
}
