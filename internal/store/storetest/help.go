package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/ledger"
)

// helpRow is a request for help as people make them, or as nobody does.
func (h *history) helpRow(id int64) ledger.HelpRow {
	who := rapid.SampledFrom(accounts)
	return ledger.HelpRow{
		ID: id, Agent: who.Draw(h.T, "agent"), Inbox: rapid.SampledFrom(inboxes).Draw(h.T, "inbox"), Kind: h.text(), Message: h.small(), Code: "presence.away",
		Gate: "presence", Verdict: "blocked", Cells: []string{"web/customer"}, ReportPosition: h.small(), Revision: h.revision, ReportAt: h.instant(),
		State:  rapid.SampledFrom([]ledger.HelpState{ledger.HelpOpen, ledger.HelpTaken, ledger.HelpDone}).Draw(h.T, "state"),
		Askers: []string{who.Draw(h.T, "asker")}, Asked: 1, LastAsked: h.instant(), Receivers: rapid.SliceOfN(who, 0, 3).Draw(h.T, "receivers"), Note: h.text(),
		At: h.instant(), Changed: id,
	}
}

// help asks for help, changes a request, or records that a fix was carried out.
func (h *history) help(g *ledger.Group, position int64) {
	row := h.helpRow(position)
	if len(h.helped) > 0 && h.one(3) {
		row.ID = rapid.SampledFrom(h.helped).Draw(h.T, "request")
	} else if !slices.Contains(h.helped, position) {
		h.helped = append(h.helped, position)
		g.HelpReports = append(g.HelpReports, ledger.HelpReportRow{Request: position, Report: json.RawMessage(fmt.Sprintf(`{"n": %d}`, position))})
	}
	g.Help = append(g.Help, row)
	if h.one(2) {
		g.Repairs = append(g.Repairs, ledger.RepairRow{ID: position, Agent: row.Agent, Code: row.Code, Gate: row.Gate, Cells: row.Cells, Action: "settings",
			Revision: h.revision, Passing: 1, AgentSequence: h.small(), Help: h.small(), By: "bo", At: h.instant()})
	}
}

// request is the position of a request for help, if there is one.
func (h *history) request() int64 {
	if len(h.helped) == 0 {
		return h.position
	}
	return h.helped[int(h.position)%len(h.helped)]
}

var helps = []behaviour{
	{"keeps requests for help, finds those of an agent, and those that somebody has to do with", func(t *testing.T, s *subject) {
		row := func(id int64, agent string, state ledger.HelpState, askers, receivers []string) ledger.HelpRow {
			return ledger.HelpRow{ID: id, Agent: agent, Inbox: "web", Message: 3, Code: "presence.away", Gate: "presence", Verdict: "blocked", Cells: []string{"web/customer", "web/group"},
				ReportPosition: id, Revision: 1, ReportAt: s.at, State: state, Askers: askers, Asked: len(askers), LastAsked: s.at, Receivers: receivers, Note: "请看一下", At: s.at, Changed: id}
		}
		a := row(1, "an", ledger.HelpOpen, []string{"an"}, []string{"bo", "c_o"})
		b := row(2, "an", ledger.HelpTaken, []string{"an", "bo"}, nil)
		other := row(3, "dy", ledger.HelpOpen, []string{"dy"}, []string{"cxo"})
		report := ledger.HelpReportRow{Request: 1, Report: json.RawMessage(`{"verdict": "blocked"}`)}
		s.commit(3, func(g *ledger.Group) {
			g.Help, g.HelpReports = []ledger.HelpRow{a, b, other}, []ledger.HelpReportRow{report}
		})
		same(t, "a request", got(s.HelpRequest(s.ctx(), 1))(t), a)
		none, err := s.HelpRequest(s.ctx(), 9)
		missing(t, "a request that nobody made", none, err)
		same(t, "a report", got(s.HelpReport(s.ctx(), 1))(t), report)
		noReport, err := s.HelpReport(s.ctx(), 2)
		missing(t, "a report that nobody kept", noReport, err)
		b.State, b.ClosedBy, b.ClosedAt, b.Reason, b.Changed = ledger.HelpDone, "bo", s.at, "已处理", 4
		s.commit(1, func(g *ledger.Group) { g.Help = []ledger.HelpRow{row(2, "an", ledger.HelpOpen, nil, nil), b} })
		s.again()
		ask := func(q ledger.HelpQuery) []ledger.HelpRow {
			if q.Limit == 0 {
				q.Limit = 10
			}
			return got(s.HelpRequests(s.ctx(), q))(t)
		}
		same(t, "all, newest first", ask(ledger.HelpQuery{}), []ledger.HelpRow{other, b, a})
		same(t, "no more than asked for", ask(ledger.HelpQuery{Limit: 1}), []ledger.HelpRow{other})
		same(t, "the next ones", ask(ledger.HelpQuery{Before: 3}), []ledger.HelpRow{b, a})
		same(t, "of an agent that are open", ask(ledger.HelpQuery{Agent: "an", States: []ledger.HelpState{ledger.HelpOpen, ledger.HelpTaken}}), []ledger.HelpRow{a})
		same(t, "of who joined, and was told", ask(ledger.HelpQuery{For: "bo"}), []ledger.HelpRow{b, a})
		same(t, "of who has a name with a wild card", ask(ledger.HelpQuery{For: "c_o"}), []ledger.HelpRow{a})
		same(t, "of whom it is about", ask(ledger.HelpQuery{For: "dy"}), []ledger.HelpRow{other})
		same(t, "of a part of a name", ask(ledger.HelpQuery{For: "o"}), nil)
		s.refused(1, "a second report", func(g *ledger.Group) { g.HelpReports = []ledger.HelpReportRow{report} })
	}},
	{"keeps fixes that were carried out", func(t *testing.T, s *subject) {
		row := func(id int64, agent string, help int64) ledger.RepairRow {
			return ledger.RepairRow{ID: id, Agent: agent, Kind: "group", Message: 7, Code: "permission.kind.account_denied", Gate: "permission.kind", Cells: []string{"web/group"},
				Action: "settings", Revision: 2, Passing: 1, AgentSequence: 5, Help: help, By: "bo", At: s.at}
		}
		a, b, c := row(1, "an", 9), row(2, "an", 0), row(3, "dy", 9)
		s.commit(3, func(g *ledger.Group) { g.Repairs = []ledger.RepairRow{a, b, c} })
		s.again()
		same(t, "one", got(s.Repair(s.ctx(), 2))(t), b)
		none, err := s.Repair(s.ctx(), 4)
		missing(t, "none", none, err)
		ask := func(q ledger.RepairQuery) []ledger.RepairRow { q.Limit = 10; return got(s.Repairs(s.ctx(), q))(t) }
		same(t, "of an agent", ask(ledger.RepairQuery{Agent: "an"}), []ledger.RepairRow{b, a})
		same(t, "for a request", ask(ledger.RepairQuery{Help: 9}), []ledger.RepairRow{c, a})
		same(t, "between", ask(ledger.RepairQuery{After: 1, Before: 3}), []ledger.RepairRow{b})
		s.refused(3, "the same repair again", func(g *ledger.Group) { g.Repairs = []ledger.RepairRow{a} })
	}},
}
