package diagnosis

import (
	"cmp"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Remedy is what would let the most agents receive the message, decided again with exactly that carried out.
type Remedy struct {
	// Codes are the causes that it removes: one, unless nothing that removes one cause alone would let anybody receive.
	Codes []string `json:"codes"`
	Fix   Fix      `json:"fix"`
	// Receivers could take the message then, at most 100 of them; Count is how many could. Where people have to act, each of them could who did.
	Receivers []string `json:"receivers"`
	Count     int      `json:"count"`
}

// manyPatched is a World in which several people did something.
type manyPatched struct {
	reception.World
	agents map[string]*reception.Agent
	mended bool
}

// Agent implements reception.World.
func (p manyPatched) Agent(account string) *reception.Agent {
	if a := p.agents[account]; a != nil {
		return a
	}
	return p.World.Agent(account)
}

// Failures implements reception.World.
func (p manyPatched) Failures() []reception.Failure {
	if p.mended {
		return nil
	}
	return p.World.Failures()
}

// attempt is a change of settings and acts of people, to be decided on.
type attempt struct {
	groups  []*group
	steps   []step
	patches map[string]patch
	mended  bool
	at      time.Time // zero: at the moment
}

// repairGroup makes the fix of a group of those of its members.
func (n *nobody) repairGroup(g *group) error {
	fix := &Fix{Edits: []Edit{}, Actions: []Action{}}
	for _, m := range g.members {
		if err := m.run.repair(m.finding); err != nil {
			return err
		}
		own := m.finding.fix
		if own == nil {
			return nil // what cannot be mended for one of them is not mended
		}
		fix.By = own.By
		for _, a := range own.Actions {
			if !slices.ContainsFunc(fix.Actions, func(o Action) bool { return o.Action == a.Action && equalInstants(o.Until, a.Until) }) {
				fix.Actions = append(fix.Actions, a)
			}
		}
	}
	a := attemptOf(g)
	if len(a.steps) > 0 {
		p, changes := n.applied(a.steps)
		if p == nil {
			return nil
		}
		for _, c := range changes {
			fix.Edits = append(fix.Edits, Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields})
		}
		fix.Verified = n.clearsAll(g, p)
	} else {
		fix.Verified = !slices.ContainsFunc(g.members, func(m member) bool { return !m.finding.fix.Verified })
	}
	if len(fix.Edits) == 0 && len(fix.Actions) == 0 {
		return nil
	}
	g.fix = fix
	return nil
}

func equalInstants(a, b *Instant) bool {
	return a == nil && b == nil || a != nil && b != nil && time.Time(*a).Equal(time.Time(*b))
}

// clearsAll says whether a policy, with what people do, clears the finding of every member.
func (n *nobody) clearsAll(g *group, p *reception.Policy) bool {
	return !slices.ContainsFunc(g.members, func(m member) bool { return !m.run.clears(m.finding, p) })
}

// attemptOf carries out the fixes of groups together.
func attemptOf(groups ...*group) attempt {
	a := attempt{groups: groups, patches: map[string]patch{}}
	for _, g := range groups {
		for _, m := range g.members {
			a.take(m)
		}
	}
	return a
}

// take adds the fix of one agent's finding.
func (a *attempt) take(m member) {
	a.steps = append(a.steps, m.finding.steps...)
	p := a.patches[m.run.q.Agent]
	p.changes = append(p.changes, m.finding.patch.changes...)
	a.patches[m.run.q.Agent] = p
	a.mended = a.mended || m.finding.patch.mended
}

// receivers decides again and lists who could take the message then.
func (n *nobody) receivers(a *attempt) []string {
	p, at := n.m.policy, n.m.now
	if len(a.steps) > 0 {
		if p, _ = n.applied(a.steps); p == nil {
			return nil
		}
	}
	if !a.at.IsZero() {
		at = a.at
	}
	w := manyPatched{n.m.world, map[string]*reception.Agent{}, a.mended}
	for agent, x := range a.patches {
		facts := *n.m.world.Agent(agent)
		facts.Account = agent
		for _, change := range x.changes {
			change(&facts)
		}
		w.agents[agent] = &facts
	}
	d := reception.Decide(p, w, n.order, at)
	if n.order.Conversation != nil && d.Verdict == reception.Waiting && d.Held != "" {
		return nil // it is kept for its owner whoever else could
	}
	var list []string
	for i := range d.Candidates {
		c := &d.Candidates[i]
		r := c.Cells[reception.Routing] // of who passes every other gate
		if !c.Asked && (r.Outcome == reception.Pass || r.Code == reception.CodeRoutingNotChosen || r.Code == reception.CodeRoutingPassedOver) {
			list = append(list, c.Account)
		}
	}
	if d.Verdict == reception.Routed && d.Code == reception.CodeRoutingChosenOwner {
		return d.Chosen
	}
	return list
}

// findBest finds the one change that lets the most agents receive the message; where none does by itself, what lets one of them receive.
func (n *nobody) findBest() {
	if n.place.State == placeRejected {
		return // there is nothing that could be given to anybody
	}
	var best *Remedy
	consider := func(a attempt) {
		if list := n.receivers(&a); len(list) > 0 && (best == nil || len(list) > best.Count) {
			best = n.remedy(&a, list)
		}
	}
	if n.place.State == placeQuarantined {
		if consider(attempt{}); best != nil { // releasing it is enough
			n.best = best
			return
		}
	}
	var waiting []*group
	for _, g := range n.groups {
		switch {
		case g.root != nil || g.fix == nil || !g.fix.Verified:
		case waitsOnly(g.fix):
			waiting = append(waiting, g)
		default:
			consider(attemptOf(g))
		}
	}
	if best == nil {
		n.together(consider)
	}
	if best == nil {
		for _, g := range waiting {
			a := attempt{groups: []*group{g}, at: g.lead.until}
			consider(a)
		}
	}
	n.best = best
}

func waitsOnly(f *Fix) bool {
	return len(f.Edits) == 0 && !slices.ContainsFunc(f.Actions, func(a Action) bool { return a.Action != "wait_until" })
}

// together tries, agent by agent, to remove everything that stops it, with what stops the message itself; what needs the least comes first.
func (n *nobody) together(consider func(attempt)) {
	var list []attempt
	for _, sub := range n.deep {
		a := attempt{patches: map[string]patch{}}
		whole := true
		for _, g := range n.groups {
			if g.root != nil || !g.all && !slices.Contains(g.agents, sub.q.Agent) {
				continue
			}
			i := slices.IndexFunc(g.members, func(m member) bool { return g.all || m.run == sub })
			if i < 0 || g.fix == nil || !g.fix.Verified || waitsOnly(g.fix) {
				whole = false
				break
			}
			a.groups = append(a.groups, g)
			a.take(g.members[i])
		}
		if whole && len(a.groups) > 0 {
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b attempt) int {
		return cmp.Or(cmp.Compare(len(a.groups), len(b.groups)), cmp.Compare(len(a.steps), len(b.steps)))
	})
	for _, a := range list {
		consider(a)
	}
}

// remedy is an attempt that worked, as it is told.
func (n *nobody) remedy(a *attempt, receivers []string) *Remedy {
	r := &Remedy{Codes: []string{}, Fix: Fix{Edits: []Edit{}, Actions: []Action{}, Verified: true}, Receivers: receivers[:min(len(receivers), mostNamed)], Count: len(receivers)}
	if n.place.State == placeQuarantined {
		r.Fix.Actions, r.Fix.By = append(r.Fix.Actions, actionRelease), actionRelease.By
		r.Codes = append(r.Codes, n.f.decision.Code)
	}
	var changes []policy.Change
	if len(a.steps) > 0 {
		_, changes = n.applied(a.steps)
	}
	for _, c := range changes {
		r.Fix.Edits = append(r.Fix.Edits, Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields})
	}
	for _, g := range a.groups {
		r.Codes = append(r.Codes, g.lead.code.String())
		r.Fix.By = cmp.Or(r.Fix.By, g.fix.By)
		for _, x := range g.fix.Actions {
			if !slices.ContainsFunc(r.Fix.Actions, func(o Action) bool { return o.Action == x.Action && equalInstants(o.Until, x.Until) }) {
				r.Fix.Actions = append(r.Fix.Actions, x)
			}
		}
	}
	return r
}
