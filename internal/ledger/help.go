package ledger

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// HelpState is where a request for help stands.
type HelpState string

// The states of a request for help. The first two are open, the others closed for good.
const (
	HelpOpen      HelpState = "open"      // nobody has taken it
	HelpTaken     HelpState = "taken"     // somebody is at it
	HelpDone      HelpState = "done"      // it was dealt with
	HelpDeclined  HelpState = "declined"  // it was not, and somebody said why
	HelpWithdrawn HelpState = "withdrawn" // whoever asked needs it no more
)

// Closed says whether nothing more is to be done.
func (s HelpState) Closed() bool { return s != HelpOpen && s != HelpTaken }

// HelpRow is a request for help: a report that was passed on to who can mend what it names. The report itself is a HelpReportRow.
type HelpRow struct {
	ID             int64 // its position
	Agent          string
	Inbox, Kind    string // that were asked about, "" for all
	Message        int64  // or none
	Code, Gate     string // of the primary finding, "" where the report has none
	Verdict        string
	Cells          []string // that the primary finding is about, as inbox/kind
	ReportPosition int64
	Revision       int64 // of the report
	ReportAt       time.Time
	State          HelpState
	Askers         []string // the first one made it, the others joined
	Asked          int      // how often it was asked for, repetitions included
	LastAsked      time.Time
	Receivers      []string // who were told
	Note           string   // that the first one wrote
	TakenBy        string
	TakenAt        time.Time
	ClosedBy       string
	ClosedAt       time.Time
	Reason         string // that whoever closed it gave
	At             time.Time
	Changed        int64 // position of the last change
}

// HelpReportRow is the report of a request for help as it was made, before anybody's rights were looked at.
type HelpReportRow struct {
	Request int64
	Report  json.RawMessage
}

// RepairRow is a fix that was carried out: what it was to mend, and how the gate stood right afterwards.
type RepairRow struct {
	ID            int64 // its position
	Agent         string
	Inbox, Kind   string   // that were asked about, "" for all
	Message       int64    // or none
	Code, Gate    string   // of the finding
	Cells         []string // as inbox/kind
	Action        string   // what was done: "settings", or the name of an action
	Revision      int64    // of the policy afterwards
	Passing       int      // how many of the cells passed the gate right afterwards
	AgentSequence int64    // the last of the agent's stream before it
	Help          int64    // the request for help that it answers, or none
	By            string
	At            time.Time
}

// HelpQuery says which requests for help to read; an empty field is no condition.
type HelpQuery struct {
	States []HelpState
	Agent  string
	// For is an account: only what is about it, what it asked for, and what it was told of.
	For    string
	Before int64 // ID < Before; 0: no bound
	Limit  int
}

// RepairQuery says which repairs to read; an empty field is no condition.
type RepairQuery struct {
	Agent  string
	Help   int64
	After  int64 // ID > After
	Before int64 // ID < Before; 0: no bound
	Limit  int
}

// HelpReader reads requests for help, and repairs.
type HelpReader interface {
	// HelpRequest returns one request, or ErrNotFound.
	HelpRequest(ctx context.Context, id int64) (HelpRow, error)
	// HelpReport returns the report of a request, or ErrNotFound.
	HelpReport(ctx context.Context, request int64) (HelpReportRow, error)
	// HelpRequests returns the requests that fit, newest first, at most Limit.
	HelpRequests(ctx context.Context, q HelpQuery) ([]HelpRow, error)
	// Repair returns one repair, or ErrNotFound.
	Repair(ctx context.Context, id int64) (RepairRow, error)
	// Repairs returns the repairs that fit, newest first, at most Limit.
	Repairs(ctx context.Context, q RepairQuery) ([]RepairRow, error)
}

// PutHelp inserts or replaces a request for help.
func (tx *Tx) PutHelp(r HelpRow) { tx.g.Help = append(tx.g.Help, r) }

// PutHelpReport keeps the report of a new request for help.
func (tx *Tx) PutHelpReport(r HelpReportRow) { tx.g.HelpReports = append(tx.g.HelpReports, r) }

// PutRepair adds the record of a fix that was carried out.
func (tx *Tx) PutRepair(r RepairRow) { tx.g.Repairs = append(tx.g.Repairs, r) }

// HelpRequest returns a request for help as this group leaves it; ok is false if there is none.
func (tx *Tx) HelpRequest(id int64) (r HelpRow, ok bool, err error) {
	for _, r := range slices.Backward(tx.g.Help) {
		if r.ID == id {
			return r, true, nil
		}
	}
	r, err = tx.l.store.HelpRequest(tx.ctx, id)
	if err != nil {
		return HelpRow{}, false, notFoundIsNil(err)
	}
	return r, true, nil
}

// OpenHelp returns the open requests for help about an agent, newest first, at most limit of those that were there before this group.
func (tx *Tx) OpenHelp(agent string, limit int) ([]HelpRow, error) {
	rows, err := tx.l.store.HelpRequests(tx.ctx, HelpQuery{States: []HelpState{HelpOpen, HelpTaken}, Agent: agent, Limit: limit})
	if err != nil {
		return nil, err
	}
	for _, r := range tx.g.Help {
		rows = slices.DeleteFunc(rows, func(x HelpRow) bool { return x.ID == r.ID })
		if r.Agent == agent && !r.State.Closed() {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b HelpRow) int { return int(b.ID - a.ID) })
	return rows, nil
}
