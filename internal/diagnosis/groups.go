package diagnosis

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// maxDeep is for how many candidates the author of every cause is looked for; of all others the gates are told, and who stands behind them is not. It bounds the
// work in an inbox with hundreds of members.
const maxDeep = 24

// group is one cause, with all candidates that it stops.
type group struct {
	lead   *finding // of the first of its members
	by     *run     // whose finding that is; nil where nobody's authors were looked for
	agents []string
	// members are the findings that it is made of: those of agents that were looked at closely, or one that is about the message itself.
	members []member
	root    *group
	fix     *Fix
	// all says that it is about the message itself, and so stops every candidate.
	all bool
}

type member struct {
	run     *run
	finding *finding
}

// groupKey tells causes of several agents apart: two agents that are stopped by the same change, or by the same kind of fact, are stopped by one cause.
type groupKey struct {
	gate     reception.Gate
	outcome  reception.Outcome
	code     reception.Code
	expected bool
	revision int64 // of the change of settings; 0 for a fact, -1 where it was not looked for
	root     reception.Code
}

// forAgent is a run about one agent at the moment of this one.
func (r *run) forAgent(agent string) *run {
	sub := &run{s: r.s, q: Query{Agent: agent, Lang: r.q.Lang}, ctx: r.ctx, whole: r.whole, settings: r.settings, asker: r.asker, blind: r.blind, present: r.present, m: r.m}
	sub.report = newReport()
	sub.history = newHistory(sub)
	if r.history != nil { // versions of documents and revisions are the same for everybody
		sub.history.docs, sub.history.revisions = r.history.docs, r.history.revisions
	}
	return sub
}

// analyse decides what stops the candidates of the decision, and puts it together by cause.
func (n *nobody) analyse() error {
	d := &n.decision
	groups := map[groupKey]*group{}
	if err := n.analyseMessage(groups); err != nil {
		return err
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if c.Asked {
			continue
		}
		add := n.addShallow
		if len(n.deep) < maxDeep {
			add = n.addDeep
		}
		if err := add(groups, c); err != nil {
			return err
		}
	}
	if n.place.Candidates == 0 {
		return n.noMembers()
	}
	return n.settle()
}

// analyseMessage looks at the gates about the message itself, once for all.
func (n *nobody) analyseMessage(groups map[groupKey]*group) error {
	agent, all := "", []string{}
	for i := range n.decision.Candidates {
		if c := &n.decision.Candidates[i]; !c.Asked {
			all = append(all, c.Account)
		}
	}
	if len(all) > 0 {
		agent = all[0]
	}
	sub := n.forAgent(agent)
	sub.cells = []cell{{inbox: n.f.row.Inbox, kind: n.f.row.Kind, vector: only(&n.decision.Message, true)}}
	if err := sub.find(); err != nil {
		return err
	}
	for _, f := range sub.findings {
		n.join(groups, groupKey{f.gate, f.outcome, f.code, f.expected, f.cause.row.Revision, 0}, all, member{sub, f}).all = true
	}
	return nil
}

// only leaves of a vector the gates about the message, or those about the agent.
func only(v *reception.Vector, message bool) reception.Vector {
	out := *v
	for g := range reception.GateCount {
		if g.AboutMessage() != message || g == reception.Routing {
			out[g] = reception.Cell{Outcome: reception.NotApplicable}
		}
	}
	return out
}

// addDeep works out the causes of one candidate as a diagnosis of that agent does.
func (n *nobody) addDeep(groups map[groupKey]*group, c *reception.Candidate) error {
	sub := n.forAgent(c.Account)
	sub.cells = []cell{{inbox: n.f.row.Inbox, kind: n.f.row.Kind, vector: only(&c.Cells, false)}}
	for _, step := range []func() error{sub.readLoss, sub.readAssignments, sub.find, sub.unmask} {
		if err := step(); err != nil {
			return err
		}
	}
	sub.link()
	sub.rank()
	n.deep = append(n.deep, sub)
	for _, f := range sub.findings {
		key := groupKey{f.gate, f.outcome, f.code, f.expected, f.cause.row.Revision, 0}
		if f.root != nil {
			key.root = f.root.code
		}
		n.join(groups, key, []string{c.Account}, member{sub, f})
	}
	return nil
}

// addShallow tells the gates of one candidate.
func (n *nobody) addShallow(groups map[groupKey]*group, c *reception.Candidate) error {
	sub := n.forAgent(c.Account)
	for g := range reception.GateCount {
		at := c.Cells[g]
		if g.AboutMessage() || g == reception.Routing || !c.Cells.Stopped(g) {
			continue
		}
		f := sub.newFinding(g, at, &cause{})
		f.cells = []int{0}
		n.join(groups, groupKey{g, at.Outcome, at.Code, f.expected, -1, 0}, []string{c.Account}, member{nil, f})
	}
	return nil
}

func (n *nobody) join(groups map[groupKey]*group, key groupKey, agents []string, m member) *group {
	g := groups[key]
	if g == nil {
		g = &group{lead: m.finding, by: m.run}
		groups[key] = g
		n.groups = append(n.groups, g)
	}
	for _, agent := range agents {
		if !slices.Contains(g.agents, agent) {
			g.agents = append(g.agents, agent)
		}
	}
	if m.run != nil {
		g.members = append(g.members, m)
	}
	return g
}

// settle links the groups as their members are linked, gives every root its fix, and finds the one that helps most.
func (n *nobody) settle() error {
	for _, g := range n.groups {
		for _, m := range g.members {
			if m.finding.root == nil {
				continue
			}
			for _, o := range n.groups {
				if slices.ContainsFunc(o.members, func(x member) bool { return x.finding == m.finding.root }) {
					g.root = o
				}
			}
		}
	}
	for _, g := range n.groups {
		if err := n.proveGroup(g); err != nil { // what there is to be done may hang on what is found
			return err
		}
		if g.root == nil && g.by != nil {
			if err := n.repairGroup(g); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(n.groups, n.compare)
	n.findBest()
	return nil
}

// proveGroup gives a group its evidence: in full that of its first agent, and a line for each of the others.
func (n *nobody) proveGroup(g *group) error {
	if g.by == nil {
		n.proveShallow(g)
		return nil
	}
	if err := g.by.prove(g.lead); err != nil {
		return err
	}
	if g.lead.gate == reception.ConversationGate {
		n.proveOwner(g.lead, n.f.ownerAt(n.m.position+1))
		if err := n.proveSnooze(g.lead, n.f); err != nil {
			return err
		}
	}
	for i, m := range g.members {
		if i == 0 {
			continue
		}
		if g.lead.gate == reception.AccountLogin {
			if err := m.run.prove(m.finding); err != nil {
				return err
			}
		}
		if i > maxListed {
			continue
		}
		e := Evidence{Fact: "agent/" + m.run.q.Agent, Value: m.finding.code.String(), Source: "decided", At: n.instant(m.finding.cause.since)}
		if o := m.finding.cause.origin; o != nil {
			e = m.run.fromFact("agent/"+m.run.q.Agent, m.finding.code.String(), o)
		}
		g.lead.add(e)
	}
	return nil
}

func (n *nobody) proveShallow(g *group) {
	g.lead.add(Evidence{
		Fact: "authors", Source: "decided", At: n.instant(n.m.now),
		Value: fmt.Sprintf("looked for with %d of %d candidates; those of these %d were not", len(n.deep), n.place.Candidates, len(g.agents)),
	})
}

// verdictOver is the conclusion over the candidates: the message needs only one of them. Who is stopped on purpose counts only if all are.
func (n *nobody) verdictOver() Verdict {
	var all []Standing
	for i := range n.decision.Candidates {
		c := &n.decision.Candidates[i]
		if c.Asked {
			continue
		}
		sub := run{m: n.m, q: Query{Agent: c.Account}}
		v := c.Cells
		v[reception.Routing] = reception.Cell{Outcome: reception.NotApplicable}
		all = append(all, sub.standing(&cell{vector: v}))
	}
	if rest := slices.DeleteFunc(slices.Clone(all), func(s Standing) bool { return s == stoppedOnPurpose }); len(rest) > 0 {
		all = rest
	}
	switch {
	case slices.Contains(all, passes), slices.Contains(all, waits):
		return Waiting
	case slices.Contains(all, isBlocked), slices.Contains(all, stoppedOnPurpose), len(all) == 0:
		return Blocked
	}
	return Unknown
}

// noMembers says that the inbox has no members, and which change took the last one away.
func (n *nobody) noMembers() error {
	found := n.stageFinding(stageRouting, reception.CodeRoutingNoMembers, reception.Block)
	found.cells = []int{0}
	row, err := n.lastLeft()
	if err != nil {
		return err
	}
	found.cause.row, found.cause.since = row, row.At
	found.add(n.fromDocument(policy.KindInbox, n.f.row.Inbox, "/spec/members", "nobody, directly or by a team"))
	if row.Revision != 0 {
		found.add(Evidence{Fact: fmt.Sprintf("revision/%d", row.Revision), Value: "took the last member away", Source: sourceOf(row), At: n.instant(row.At), who: row.By})
	}
	n.findings = append(n.findings, found)
	return n.settle()
}

// maxEmptied bounds how many earlier revisions are looked at for the one since which an inbox has no members.
const maxEmptied = 20

// lastLeft is the newest revision before which the inbox had members; the zero row if none is found.
func (n *nobody) lastLeft() (row ledger.RevisionRow, err error) {
	keys := []docKey{{policy.KindInbox, n.f.row.Inbox}}
	var steps []int64
	for len(keys) > 0 {
		k := keys[0]
		keys = keys[1:]
		versions, err := n.history.versions(k)
		if err != nil {
			return row, err
		}
		for _, v := range versions {
			steps = append(steps, v.from, v.to)
			for _, ref := range v.refs {
				if ref.kind == policy.KindTeam {
					keys = append(keys, ref)
				}
			}
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	slices.Reverse(steps)
	for i, revision := range steps {
		if i == maxEmptied || revision <= 1 {
			break
		}
		before, err := n.setAt(n.s.Ledger.View(), revision-1)
		if err != nil {
			return row, err
		}
		if in := before.Compile().Inboxes[n.f.row.Inbox]; in != nil && len(in.Members) > 0 {
			return n.history.revision(revision)
		}
	}
	return row, nil
}

// earliest is the first instant at which a candidate that only waits may be able to receive; zero if nobody only waits.
func (n *nobody) earliest() time.Time {
	var least time.Time
	for _, g := range n.groups {
		if g.lead.outcome == reception.Wait && (least.IsZero() || g.lead.until.Before(least)) {
			least = g.lead.until
		}
	}
	return least
}
