package diagnosis

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// aboutReception reports on the agent's reception at the moment, without a message.
func (r *run) aboutReception() (*Report, error) {
	r.report = newReport()
	r.explain()
	if err := r.readLoss(); err != nil {
		return nil, err
	}
	if err := r.readAssignments(); err != nil {
		return nil, err
	}
	if err := r.find(); err != nil {
		return nil, err
	}
	if err := r.unmask(); err != nil {
		return nil, err
	}
	if err := r.findGone(); err != nil {
		return nil, err
	}
	r.findNotice()
	if r.supposed == nil { // what came in did so under the settings that there were
		if err := r.readDay(); err != nil {
			return nil, err
		}
		if err := r.findDelivery(); err != nil {
			return nil, err
		}
		if err := r.findPatterns(); err != nil {
			return nil, err
		}
	}
	r.report.Verdict = r.verdict()
	if r.blind && (r.report.Verdict == NoTraffic || r.report.Verdict == Receiving) {
		r.findBlind()
	}
	r.findTraffic()
	return r.conclude()
}

// findGone makes findings of kinds that an inbox does not produce any more: nothing stops the agent there, but nothing comes either.
func (r *run) findGone() error {
	found := map[string]*finding{}
	for i := range r.cells {
		c := &r.cells[i]
		if c.gone == 0 {
			continue
		}
		key := fmt.Sprintf("%d %s", c.gone, c.kind)
		f := found[key]
		if f == nil {
			row, err := r.history.revision(c.gone)
			if err != nil {
				return err
			}
			f = r.stageFinding(stageIntake, reception.CodeIntakeKindNotProduced, reception.Block)
			f.cause = cause{row: row, since: row.At}
			f.masked, f.part = true, part{throughKinds, c.kind}
			found[key] = f
			r.findings = append(r.findings, f)
		}
		f.cells = append(f.cells, i)
		f.add(r.fromDocument(policy.KindInbox, c.inbox, "/spec/kinds", c.kind+" is not listed"))
	}
	return nil
}

// findTraffic says why an agent whom nothing stops got nothing.
func (r *run) findTraffic() {
	var code reception.Code
	stage := stageTraffic
	switch {
	case r.report.Verdict == NoTraffic:
		code = reception.CodeTrafficNoneOffered
	case r.report.Verdict == Receiving && r.day.pushed == 0 && len(r.day.elsewhere) > 0:
		code, stage = reception.CodeRoutingAssignedElsewhere, stageRouting
	default:
		return
	}
	f := r.stageFinding(stage, code, reception.Pass)
	for i := range r.cells {
		f.cells = append(f.cells, i)
	}
	f.add(r.countEvidence()...)
	r.findings = append(r.findings, f)
}

// conclude links, proves, ranks and mends the findings, and puts the report together.
func (r *run) conclude() (*Report, error) {
	r.link()
	for _, f := range r.findings {
		if f.decides() {
			if err := r.prove(f); err != nil {
				return nil, err
			}
		}
	}
	r.rank()
	if err := r.repairAll(); err != nil {
		return nil, err
	}
	out := r.report
	out.Subject = Subject{Agent: r.q.Agent, Title: r.title(r.q.Agent), Inbox: r.q.Inbox, Kind: r.q.Kind, Message: r.q.Message}
	out.At, out.Position, out.Revision = *r.instant(r.m.at), r.m.position, r.m.revision
	out.Checks, out.Clients = r.checks(), r.clients()
	out.Traffic = r.counts()
	out.Findings = []Finding{}
	for _, f := range r.findings {
		out.Findings = append(out.Findings, r.finish(f))
	}
	out.Headline = r.headline()
	out.Next = r.next()
	out.DeadRules = r.deadGrants()
	out.Titles = map[string]string{}
	for i := range r.cells {
		titleInbox(out.Titles, r.m.set, r.cells[i].inbox)
	}
	r.tellSupposed(out)
	r.redact(out)
	return out, nil
}

// checks lists every gate's outcomes, cells with the same outcome together, parts 1 to 4 from the engine and part 5 from the delivery records.
func (r *run) checks() []Check {
	list := []Check{}
	for g := range reception.GateCount {
		list = append(list, r.grouped(g.Part(), g.String(), func(i int) reception.Cell { return r.cells[i].vector[g] })...)
	}
	pushes, views := make([]reception.Cell, len(r.cells)), make([]reception.Cell, len(r.cells))
	for i := range r.cells {
		pushes[i], views[i] = r.delivered(i)
	}
	if slices.ContainsFunc(r.cells, func(c cell) bool { return c.gone != 0 }) {
		list = append(list, r.grouped(2, stageIntake, r.produced)...)
	}
	queues := r.queues()
	list = append(list, r.grouped(5, stageQueue, func(i int) reception.Cell { return queues[i] })...)
	list = append(list, r.grouped(5, stagePush, func(i int) reception.Cell { return pushes[i] })...)
	return append(list, r.grouped(5, stageView, func(i int) reception.Cell { return views[i] })...)
}

// produced says whether a cell's inbox still produces its kind.
func (r *run) produced(i int) reception.Cell {
	if r.cells[i].gone != 0 {
		return reception.Cell{Outcome: reception.Block, Code: reception.CodeIntakeKindNotProduced}
	}
	return reception.Cell{Outcome: reception.Pass}
}

func (r *run) grouped(part int, gate string, of func(i int) reception.Cell) []Check {
	var list []Check
	var cells []reception.Cell
	for i := range r.cells {
		at := of(i)
		n := slices.Index(cells, at)
		if n < 0 {
			n = len(cells)
			cells = append(cells, at)
			c := Check{Part: part, Gate: gate, Outcome: at.Outcome.String(), Code: at.Code.String(), Scope: []CellRef{}}
			if at.Until != 0 {
				c.Until = r.instant(time.UnixMicro(at.Until))
			}
			list = append(list, c)
		}
		list[n].Scope = append(list[n].Scope, r.refs([]int{i})...)
	}
	return list
}
