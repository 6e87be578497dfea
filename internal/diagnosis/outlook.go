package diagnosis

import (
	"context"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// Outlook is the short answer to "can I receive?": the report's verdict and headline and, for each inbox and kind, what the engine says now and when that
// changes by itself.
type Outlook struct {
	Agent    string        `json:"agent"`
	Title    string        `json:"title,omitempty"`
	At       Instant       `json:"at"`
	Position int64         `json:"position"`
	Revision int64         `json:"revision"`
	Verdict  Verdict       `json:"verdict" enum:"receiving,partial,blocked,waiting,no_traffic,unknown"`
	Headline Text          `json:"headline"`
	Cells    []OutlookCell `json:"cells" doc:"in order of inbox, and of kind as the inbox lists them"`
}

// OutlookCell is one inbox and kind.
type OutlookCell struct {
	Inbox string  `json:"inbox"`
	Title string  `json:"inbox_title,omitempty"`
	Kind  string  `json:"kind"`
	Now   Answer  `json:"now"`
	Next  *Answer `json:"next,omitempty" doc:"what the engine says from the next instant on at which its answer changes although nobody does anything; left out if it does not within eight days"`
}

// Answer is what the engine says of a cell: its first gate that stops, or that none does.
type Answer struct {
	At       Instant  `json:"at" doc:"from when on"`
	Outcome  string   `json:"outcome" enum:"pass,block,wait,unknown"`
	Gate     string   `json:"gate,omitempty"`
	Code     string   `json:"code,omitempty"`
	Reason   *Text    `json:"reason,omitempty" doc:"the code in words"`
	Until    *Instant `json:"until,omitempty"`
	Expected bool     `json:"expected" doc:"stopped on purpose: a roster, a break, a limit"`
}

// horizon is how far ahead an outlook looks: a week, and what comes after the same time of it.
const horizon = 8 * 24 * time.Hour

// Outlook answers for an agent as it is now; q is as for Diagnose, without a message, an instant and things that are thought of.
func (s *Service) Outlook(ctx context.Context, asker string, q Query) (*Outlook, error) {
	r, report, err := s.report(ctx, asker, Query{Agent: q.Agent, Inbox: q.Inbox, Kind: q.Kind, Lang: q.Lang})
	if err != nil {
		return nil, err
	}
	out := &Outlook{
		Agent: report.Subject.Agent, Title: report.Subject.Title, At: report.At, Position: report.Position, Revision: report.Revision,
		Verdict: report.Verdict, Headline: report.Headline, Cells: []OutlookCell{},
	}
	if r.nowhere {
		return out, nil
	}
	edges := r.edges()
	for i := range r.cells {
		c := &r.cells[i]
		o := OutlookCell{Inbox: c.inbox, Kind: c.kind, Now: r.answer(&c.vector, r.m.now)}
		if spec, ok := r.m.set.Inbox(c.inbox); ok {
			o.Title = spec.Title
		}
		if c.gone != 0 {
			o.Now = Answer{At: *r.instant(r.m.now), Outcome: reception.Block.String(), Code: reception.CodeIntakeKindNotProduced.String(), Reason: textOf(reception.CodeIntakeKindNotProduced)}
		} else {
			o.Next = r.nextAnswer(c, edges[c.ref()])
		}
		out.Cells = append(out.Cells, o)
	}
	return out, nil
}

func textOf(code reception.Code) *Text {
	title := reception.Lookup(code).Title
	return &Text{ZH: title.ZH, EN: title.EN}
}

func (r *run) answer(v *reception.Vector, at time.Time) Answer {
	a := Answer{At: *r.instant(at), Outcome: reception.Pass.String()}
	g := v.First()
	if g == reception.GateCount {
		return a
	}
	cell := v[g]
	a.Outcome, a.Gate, a.Code, a.Reason, a.Expected = cell.Outcome.String(), g.String(), cell.Code.String(), textOf(cell.Code), r.expected(g, cell)
	if cell.Until != 0 {
		a.Until = r.instant(time.UnixMicro(cell.Until))
	}
	return a
}

// edges are the instants at which the policy begins or ceases to let the agent receive in a cell, in order: its coverage says so.
func (r *run) edges() map[CellRef][]time.Time {
	wanted := map[CellRef]bool{}
	for i := range r.cells {
		wanted[r.cells[i].ref()] = true
	}
	cover := reception.Cover(r.m.policy, r.m.now, r.m.now.Add(horizon), func(inbox, kind string) bool { return wanted[CellRef{inbox, kind}] })
	edges := map[CellRef][]time.Time{}
	for i := range cover.Cells {
		c := &cover.Cells[i]
		could := false
		for n, span := range c.Spans {
			can := slices.Contains(c.Agents(span), r.q.Agent)
			if n > 0 && can != could {
				ref := CellRef{c.Inbox, c.Kind}
				edges[ref] = append(edges[ref], time.UnixMicro(span.From))
			}
			could = can
		}
	}
	return edges
}

// nextAnswer asks the engine at each instant at which its answer may change, and gives the first that is another. The facts stay as they are but for those
// that end at an instant which is known.
func (r *run) nextAnswer(c *cell, instants []time.Time) *Answer {
	now := c.vector.First()
	for g := range reception.GateCount {
		if until := c.vector[g].Until; until != 0 {
			instants = append(instants, time.UnixMicro(until))
		}
	}
	if until := r.m.world.Agent(r.q.Agent).Presence.Until; !until.IsZero() {
		instants = append(instants, until)
	}
	slices.SortFunc(instants, time.Time.Compare)
	for _, at := range instants {
		if !at.After(r.m.now) || at.After(r.m.now.Add(horizon)) {
			continue
		}
		v := reception.Explain(r.m.policy, r.m.world, c.inbox, c.kind, r.q.Agent, at)
		first := v.First()
		if first == now && (now == reception.GateCount || v[first].Outcome == c.vector[now].Outcome && v[first].Code == c.vector[now].Code) {
			continue
		}
		a := r.answer(&v, at)
		return &a
	}
	return nil
}
