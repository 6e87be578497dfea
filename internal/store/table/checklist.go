package table

import "github.com/bidahq/bida/internal/ledger"

// Checklists holds saved check-lists.
var Checklists = &Table[ledger.ChecklistRow]{
	Name: "checklists",
	Key:  1,
	Visit: func(v Visitor, r *ledger.ChecklistRow) {
		v.Int("id", &r.ID)
		v.Time("at", &r.At)
		v.Text("made_by", &r.By)
		v.Text("title", &r.Title)
		v.Text("platform", &r.Platform)
		v.Text("agent", &r.Agent)
		v.Text("verdict", &r.Verdict)
		v.JSON("sheet", &r.Sheet)
		v.JSON("report", &r.Report)
		v.Text("engine", &r.Engine)
	},
}

// The statements of a commit that write check-lists.
var (
	InsertChecklist = newOp(Insert, Checklists)
	EndChecklist    = raw(`DELETE FROM checklists WHERE id = ?`, false, integers("id")...)
	EndChecklists   = raw(`DELETE FROM checklists WHERE at < ?`, false, integers("at")...)
)

func (s *steps) checklists(g *ledger.Group) {
	if !g.ChecklistsEnd.IsZero() {
		s.one(EndChecklists, func(e *Encoder) { e.Time("at", &g.ChecklistsEnd) })
	}
	add(s, InsertChecklist, Checklists.Visit, g.Checklists)
	for i := range g.ChecklistEnds {
		s.one(EndChecklist, func(e *Encoder) { e.Int("id", &g.ChecklistEnds[i]) })
	}
}
