package table

import "github.com/bidahq/bida/internal/ledger"

// HelpRequests holds requests for help.
var HelpRequests = &Table[ledger.HelpRow]{
	Name: "help_requests",
	Key:  1,
	Visit: func(v Visitor, r *ledger.HelpRow) {
		v.Int("id", &r.ID)
		v.Text("agent", &r.Agent)
		v.Text("inbox", &r.Inbox)
		v.Text("kind", &r.Kind)
		v.Position("message", &r.Message)
		v.Text("code", &r.Code)
		v.Text("gate", &r.Gate)
		v.Text("verdict", &r.Verdict)
		v.List("cells", &r.Cells)
		v.Int("report_position", &r.ReportPosition)
		v.Int("revision", &r.Revision)
		v.Time("report_at", &r.ReportAt)
		v.Text("state", (*string)(&r.State))
		v.List("askers", &r.Askers)
		v.Count("asked", &r.Asked)
		v.Time("last_asked", &r.LastAsked)
		v.List("receivers", &r.Receivers)
		v.Text("note", &r.Note)
		v.Text("taken_by", &r.TakenBy)
		v.Time("taken_at", &r.TakenAt)
		v.Text("closed_by", &r.ClosedBy)
		v.Time("closed_at", &r.ClosedAt)
		v.Text("reason", &r.Reason)
		v.Time("at", &r.At)
		v.Int("changed", &r.Changed)
	},
}

// HelpReports holds the reports of requests for help.
var HelpReports = &Table[ledger.HelpReportRow]{
	Name: "help_reports",
	Key:  1,
	Visit: func(v Visitor, r *ledger.HelpReportRow) {
		v.Int("request", &r.Request)
		v.JSON("report", &r.Report)
	},
}

// Repairs holds fixes that were carried out.
var Repairs = &Table[ledger.RepairRow]{
	Name: "repairs",
	Key:  1,
	Visit: func(v Visitor, r *ledger.RepairRow) {
		v.Int("id", &r.ID)
		v.Text("agent", &r.Agent)
		v.Text("inbox", &r.Inbox)
		v.Text("kind", &r.Kind)
		v.Position("message", &r.Message)
		v.Text("code", &r.Code)
		v.Text("gate", &r.Gate)
		v.List("cells", &r.Cells)
		v.Text("action", &r.Action)
		v.Int("revision", &r.Revision)
		v.Count("passing", &r.Passing)
		v.Int("agent_sequence", &r.AgentSequence)
		v.Position("help", &r.Help)
		v.Text("made_by", &r.By)
		v.Time("at", &r.At)
	},
}

// The statements of a commit that write these.
var (
	PutHelp          = newOp(Put, HelpRequests)
	InsertHelpReport = newOp(Insert, HelpReports)
	InsertRepair     = newOp(Insert, Repairs)
)

func (s *steps) help(g *ledger.Group) {
	add(s, PutHelp, HelpRequests.Visit, latest(g.Help, func(r *ledger.HelpRow) int64 { return r.ID }))
	add(s, InsertHelpReport, HelpReports.Visit, g.HelpReports)
	add(s, InsertRepair, Repairs.Visit, g.Repairs)
}
