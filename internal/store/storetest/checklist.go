package storetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// checklist saves a check-list, deletes one, or lets old ones go.
func (h *history) checklist(g *ledger.Group, id int64) {
	switch {
	case h.one(3):
		g.ChecklistEnds = append(g.ChecklistEnds, h.small())
	case h.one(4):
		g.ChecklistsEnd = h.instant()
	default:
		g.Checklists = append(g.Checklists, ledger.ChecklistRow{
			ID: id, At: g.At, By: h.name(), Title: "list", Platform: "other", Verdict: "unknown", Sheet: json.RawMessage(`{"platform":"other"}`), Report: json.RawMessage(`{}`), Engine: "1",
		})
	}
}

var checklists = []behaviour{
	{"keeps check-lists until they are deleted or too old", func(t *testing.T, s *subject) {
		row := func(id int64, by string, at time.Time) ledger.ChecklistRow {
			return ledger.ChecklistRow{ID: id, At: at, By: by, Title: "标题", Platform: "qianniu", Agent: "小王", Verdict: "blocked",
				Sheet: json.RawMessage(`{"platform":"qianniu"}`), Report: json.RawMessage(`{"verdict":"blocked"}`), Engine: "1"}
		}
		saved := s.at
		a, b, c := row(1, "anna", saved), row(2, "bert", saved.Add(time.Hour)), row(3, "anna", saved.Add(2*time.Hour))
		s.commit(9, func(g *ledger.Group) { g.Checklists = []ledger.ChecklistRow{a, b, c} })
		s.again()
		same(t, "one", got(s.Checklist(s.ctx(), 2))(t), b)
		same(t, "all, the newest first", got(s.Checklists(s.ctx(), "", 0, 9))(t), []ledger.ChecklistRow{c, b, a})
		same(t, "of an author", got(s.Checklists(s.ctx(), "anna", 0, 9))(t), []ledger.ChecklistRow{c, a})
		same(t, "a page", got(s.Checklists(s.ctx(), "", 3, 1))(t), []ledger.ChecklistRow{b})
		s.refused(9, "the same id again", func(g *ledger.Group) { g.Checklists = []ledger.ChecklistRow{b} })
		s.commit(9, func(g *ledger.Group) { g.ChecklistEnds = []int64{3, 99} })
		s.commit(9, func(g *ledger.Group) { g.ChecklistsEnd = saved.Add(time.Hour) })
		same(t, "what is left", got(s.Checklists(s.ctx(), "", 0, 9))(t), []ledger.ChecklistRow{b})
		if _, err := s.Checklist(s.ctx(), 3); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("one that was deleted: %v", err)
		}
	}},
}
