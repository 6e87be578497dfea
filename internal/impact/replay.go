package impact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// page is how many messages are read at once.
const page = 10_000

// cellKey names a cell.
type cellKey struct{ inbox, kind string }

// groupKey is all that a decision reads besides the policies: messages with the same key are decided once. The segment stands for the clock (see edges);
// who owned the conversation is in the outcomes.
type groupKey struct {
	outcomes [16]byte
	cell     cellKey
	revision int64
	segment  int
	released string
	matched  string // the filter rules that matched, one a line
	freed    bool   // it was released from quarantine
}

func keyOf(m *ledger.MessageRow, e *edges) groupKey {
	d := m.Decision
	return groupKey{d.Outcomes, cellKey{m.Inbox, m.Kind}, d.Revision, e.segment(m.Inbox, d.At), d.Released, strings.Join(d.Matched, "\n"), d.Cause == ledger.CauseReleased}
}

// run is one replay.
type run struct {
	ctx    context.Context
	r      Reader
	q      *Question
	edges  *edges
	groups map[groupKey]*group
	known  map[int64]*reception.Policy
	cells  map[cellKey]*CellCount
	agents map[string]*AgentCount
	shown  map[cellKey]map[Change]int
	out    *Replay
}

// replay decides the recorded messages of the period again, before and after.
func replay(ctx context.Context, r Reader, q Question) (Replay, error) {
	back, most := cmp.Or(q.Back, DefaultBack), cmp.Or(q.MostPositions, DefaultPositions)
	out := Replay{From: q.Now.Add(-back), Until: q.Now}
	after, err := r.PositionAt(ctx, out.From)
	if err != nil {
		return out, fmt.Errorf("impact: the period's first position: %w", err)
	}
	if first := q.Position - most; first > after {
		after, out.Limited = first, true
	}
	q.MostReads = cmp.Or(q.MostReads, DefaultReads)
	v := &run{
		ctx: ctx, r: r, q: &q, edges: newEdges(q.Before, q.After, out.From, q.Now),
		groups: map[groupKey]*group{}, known: map[int64]*reception.Policy{q.Before.Revision: q.Before},
		cells: map[cellKey]*CellCount{}, agents: map[string]*AgentCount{}, shown: map[cellKey]map[Change]int{}, out: &out,
	}
	if err := v.messages(after); err != nil {
		return out, err
	}
	v.finish()
	return out, nil
}

func (v *run) messages(after int64) error {
	for {
		rows, err := v.r.DecidedMessages(v.ctx, after, v.q.Position, page)
		if err != nil {
			return fmt.Errorf("impact: recorded messages: %w", err)
		}
		for i := range rows {
			if err := v.message(&rows[i]); err != nil {
				return err
			}
			after = rows[i].Position
		}
		if len(rows) < page {
			return v.ctx.Err()
		}
	}
}

func (v *run) message(m *ledger.MessageRow) error {
	if v.out.Messages == 0 && v.out.Limited {
		v.out.From = m.At
	}
	key := keyOf(m, v.edges)
	g := v.groups[key]
	if g == nil {
		var err error
		if g, err = v.group(m); err != nil {
			return err
		}
		v.groups[key] = g
	}
	if g.change == Undetermined && v.out.Read < v.q.MostReads {
		return v.read(m)
	}
	g.messages++
	v.count(m, g.change, g.code)
	return nil
}

// count puts one message where it belongs.
func (v *run) count(m *ledger.MessageRow, change Change, code reception.Code) {
	v.out.Messages++
	cell := cellKey{m.Inbox, m.Kind}
	c := v.cells[cell]
	if c == nil {
		c = &CellCount{Inbox: m.Inbox, Kind: m.Kind}
		v.cells[cell], v.shown[cell] = c, map[Change]int{}
	}
	c.Messages++
	switch change {
	case Same:
		return
	case Waits:
		c.Waits++
	case Received:
		c.Received++
	case Other:
		c.Other++
	case Undetermined:
		c.Undecided++
	}
	if change == Waits || change == Other {
		for _, account := range m.Decision.Chosen {
			if m.Decision.Verdict == reception.Routed.String() {
				v.agent(account).Lost++
			}
		}
	}
	if change != Waits {
		code = 0
	}
	if v.shown[cell][change]++; v.shown[cell][change] <= mostExamples {
		v.out.Examples = append(v.out.Examples, Example{m.Position, m.Inbox, m.Kind, m.At, change, m.Decision.Chosen, code})
	}
}

func (v *run) agent(account string) *AgentCount {
	a := v.agents[account]
	if a == nil {
		a = &AgentCount{Account: account}
		v.agents[account] = a
	}
	return a
}

// differ counts for whom so many messages stop or start.
func (v *run) differ(before, after []string, messages int) {
	for _, account := range without(before, after) {
		v.agent(account).Stops += messages
	}
	for _, account := range without(after, before) {
		v.agent(account).Starts += messages
	}
}

// without lists what is in a but not in b, both in order.
func without(a, b []string) []string {
	var list []string
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); !found {
			list = append(list, x)
		}
	}
	return list
}

func (v *run) finish() {
	for _, g := range v.groups {
		v.differ(g.before, g.after, g.messages)
	}
	for _, c := range v.cells {
		v.out.Cells = append(v.out.Cells, *c)
	}
	slices.SortFunc(v.out.Cells, func(a, b CellCount) int { return cmp.Or(cmp.Compare(a.Inbox, b.Inbox), cmp.Compare(a.Kind, b.Kind)) })
	for _, account := range slices.Sorted(maps.Keys(v.agents)) {
		if a := v.agents[account]; a.Stops+a.Starts+a.Lost > 0 {
			v.out.Agents = append(v.out.Agents, *a)
		}
	}
}

// read decides one message on its facts as they were, which are read for it alone: who would have been chosen needs loads and turns, and whoever was no
// candidate then has no recorded outcome.
func (v *run) read(m *ledger.MessageRow) error {
	v.out.Read++
	change, before, after, code, err := v.exact(m)
	if err != nil {
		return err
	}
	v.differ(before, after, 1)
	v.count(m, change, code)
	return nil
}

func (v *run) exact(m *ledger.MessageRow) (change Change, before, after []string, code reception.Code, err error) {
	past, message, err := ledger.Recorded(v.ctx, v.r, *m.Decision, v.members)
	if err != nil {
		return "", nil, nil, 0, fmt.Errorf("impact: facts of message %d: %w", m.Position, err)
	}
	w := &failing{World: past}
	if entry, _, err := v.entry(m.Decision.Outcomes); err == nil {
		w.failures = failuresOf(entry[reception.SystemHealth])
	}
	b := reception.Decide(v.q.Before, w, message, m.Decision.At)
	a := reception.Decide(v.q.After, w, message, m.Decision.At)
	defer b.Free()
	defer a.Free()
	before, after = able(&b), able(&a)
	switch {
	case !b.Deliverable() && a.Deliverable():
		change = Received
	case b.Deliverable() && !a.Deliverable():
		change = Waits
	case slices.Equal(b.Chosen, a.Chosen):
		change = Same
	default:
		change = Other
	}
	return change, before, after, reason(&a), nil
}

// failing is a World of the past with the failures that the journal entry names: a View of the past has none of its own.
type failing struct {
	reception.World
	failures []reception.Failure
}

// Failures implements reception.World.
func (w *failing) Failures() []reception.Failure { return w.failures }

// members are those of the message's inbox before and after.
func (v *run) members(m reception.Message) []string {
	var list []string
	for _, p := range []*reception.Policy{v.q.Before, v.q.After} {
		if in := p.Inboxes[m.Inbox]; in != nil {
			for i := range in.Members {
				list = append(list, in.Members[i].Account)
			}
		}
	}
	return list
}

// errUnreadable: the journal entry was written by another version of the engine, or is not kept any more.
var errUnreadable = errors.New("the journal entry cannot be read")

func (v *run) entry(id [16]byte) (message reception.Vector, candidates []reception.Candidate, err error) {
	content, err := v.r.Outcomes(v.ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return message, nil, errUnreadable
	}
	if err != nil {
		return message, nil, fmt.Errorf("impact: outcomes: %w", err)
	}
	if message, candidates, err = reception.DecodeOutcomes(content); err != nil {
		return message, nil, errUnreadable
	}
	return message, candidates, nil
}

// policyAt finds the policy of a revision, nil if this version cannot read it.
func (v *run) policyAt(revision int64) *reception.Policy {
	p, known := v.known[revision]
	if !known {
		p, _ = v.q.PolicyAt(v.ctx, revision) // one that cannot be read is not understood: its messages are decided on their facts
		v.known[revision] = p
	}
	return p
}
