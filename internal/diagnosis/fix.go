package diagnosis

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

const (
	// maxCombined is the largest number of steps that are tried together one by one; beyond it a larger set is thinned out.
	maxCombined = 3
	// maxTries bounds how many combinations are decided for one finding.
	maxTries = 400
	// maxCompared bounds how many equally small fixes are compared by how many other cells they change.
	maxCompared = 4
)

func compareKeys(a, b docKey) int {
	return cmp.Or(slices.Index(policy.Kinds(), a.kind)-slices.Index(policy.Kinds(), b.kind), strings.Compare(a.name, b.name))
}

// repairAll gives every root its fix, and says whether all of them together mend the scope.
func (r *run) repairAll() error {
	for _, f := range r.findings {
		if f.root == nil && f.decides() {
			if err := r.repair(f); err != nil {
				return err
			}
		}
	}
	r.report.Mended = r.mendsAll()
	return nil
}

// repair finds the smallest change that clears a finding.
func (r *run) repair(f *finding) error {
	if f.filter != nil {
		r.repairFilter(f)
		return nil
	}
	fix := &Fix{By: reception.Lookup(f.code).By, Edits: []Edit{}, Actions: []Action{}}
	f.patch = r.actions(f)
	if f.gate == reception.Capacity && len(f.patch.actions) > 0 {
		fix.By = f.patch.actions[0].By // finishing what one has comes before a higher limit
	} else {
		var err error
		if f.steps, err = r.search(f); err != nil {
			return err
		}
	}
	switch {
	case len(f.steps) > 0:
		r.verifyEdits(f, fix)
	case len(f.patch.actions) > 0:
		fix.Verified = r.clears(f, r.m.policy)
	case f.outcome == reception.Wait:
		fix.Actions = append(fix.Actions, Action{Action: "wait_until", By: "nobody", Until: r.instant(f.until), Text: r.waitText(f.until)})
		fix.Verified = r.clearsAt(f, f.until)
		f.fix = fix
		return nil
	default:
		return nil
	}
	fix.Actions = append(fix.Actions, f.patch.actions...)
	f.fix = fix
	return nil
}

// verifyEdits carries the steps out on the whole policy and decides again.
func (r *run) verifyEdits(f *finding, fix *Fix) {
	after, changes := r.applied(f.steps)
	if after == nil {
		f.steps = nil // the whole policy does not allow it: there is no such fix
		return
	}
	for _, c := range changes {
		fix.Edits = append(fix.Edits, Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields})
	}
	fix.Verified = r.clears(f, after)
}

// applied carries steps out on the whole policy and compiles it; nil if they are refused. The last result is remembered: comparing candidates, verifying
// the chosen one and mending everything ask for the same more often than not, and a large policy takes its time.
func (r *run) applied(steps []step) (*reception.Policy, []policy.Change) {
	d := newDrafts(r.m.set)
	for _, s := range steps {
		s.apply(d)
	}
	edits := d.edits()
	if r.last.policy != nil && slices.EqualFunc(edits, r.last.edits, func(a, b policy.Edit) bool {
		return a.Kind == b.Kind && a.Name == b.Name && bytes.Equal(a.Spec, b.Spec)
	}) {
		return r.last.policy, r.last.changes
	}
	after, changes, err := r.m.set.Apply(r.m.revision+1, edits)
	if err != nil {
		return nil, nil // a refused candidate is an answer, not a failure
	}
	r.last.edits, r.last.policy, r.last.changes = edits, after.Compile(), changes
	return r.last.policy, changes
}

// clears says whether, with a policy and the finding's actions carried out, its gate passes in all of its cells, and so do the gates that follow from it.
func (r *run) clears(f *finding, p *reception.Policy) bool {
	w := f.patch.on(r.m.world, r.q.Agent)
	for _, i := range f.cells {
		v := r.explainCell(p, w, i, r.m.now)
		if !f.passes(p, r, i, &v) || !r.follow(f, i, &v, func(reception.Gate) bool { return true }) {
			return false
		}
	}
	return true
}

// follow says whether what follows from a finding in a cell passes, too, at the gates of interest.
func (r *run) follow(f *finding, i int, v *reception.Vector, of func(g reception.Gate) bool) bool {
	for _, o := range r.findings {
		if o.root == f && o.gate != reception.GateCount && of(o.gate) && slices.Contains(o.cells, i) && v[o.gate].Outcome.Stops() && !r.hidden(o.gate, i) {
			return false
		}
	}
	return true
}

// readsSettings says whether a gate reads the policy: whether edits can mend it.
func readsSettings(g reception.Gate) bool {
	switch g {
	case reception.AccountLogin, reception.PresenceGate, reception.ConnectionGate, reception.SystemHealth, reception.ClientVersion:
		return false
	}
	return true
}

// passes says whether the finding's own gate lets a cell pass. What is masked is looked at by itself.
func (f *finding) passes(p *reception.Policy, r *run, i int, v *reception.Vector) bool {
	if !f.masked {
		return !v[f.gate].Outcome.Stops()
	}
	_, holds := f.part.look(p, r.q.Agent, r.cells[i].inbox, r.m.now)
	return holds
}

// hidden says whether behind what stops a cell at a gate there is something else that stops it there, too: another root, or a kind that the role was
// never meant to have.
func (r *run) hidden(g reception.Gate, i int) bool {
	c := &r.cells[i]
	if g == reception.PermissionKind {
		_, holds := part{throughRight, policy.Receive + "." + c.kind}.look(r.m.policy, r.q.Agent, c.inbox, r.m.now)
		return !holds
	}
	return slices.ContainsFunc(r.findings, func(o *finding) bool { return o.masked && o.gate == g && slices.Contains(o.cells, i) })
}

func (r *run) clearsAt(f *finding, at time.Time) bool {
	for _, i := range f.cells {
		if v := r.explainCell(r.m.policy, r.m.world, i, at); v[f.gate].Outcome.Stops() {
			return false
		}
	}
	return true
}

func (r *run) explainCell(p *reception.Policy, w reception.World, i int, at time.Time) reception.Vector {
	return reception.Explain(p, w, r.cells[i].inbox, r.cells[i].kind, r.q.Agent, at)
}

// search finds the fewest steps that clear a finding, and among equally few those that change the fewest other cells.
func (r *run) search(f *finding) ([]step, error) {
	if f.gate == reception.PermissionKind && f.code == reception.CodePermissionKindParentOff {
		return nil, nil
	}
	base, err := r.base(f)
	if err != nil || base == nil {
		return nil, err
	}
	var pool []step
	for _, o := range r.together(f) {
		for _, s := range r.pool(o) {
			if s.apply(newDrafts(base)) {
				pool = append(pool, s)
			}
		}
	}
	t := trial{r: r, f: f, base: base, left: maxTries}
	best := t.smallest(pool)
	if len(best) == 0 {
		if one := t.thinned(pool); one != nil {
			best = [][]step{one}
		}
	}
	return r.leastChange(f, best), nil
}

// together are the findings whose steps may be needed for a finding's gate to pass: itself, and the other windows that it masks. (For what is masked at
// other gates the finding's own steps are enough.)
func (r *run) together(f *finding) []*finding {
	list := []*finding{f}
	if f.masked || f.gate != reception.WindowAgent {
		return list
	}
	for _, o := range r.findings {
		if o.masked && o.gate == f.gate && meet(o.cells, f.cells) {
			list = append(list, o)
		}
	}
	return list
}

// needsWhole says whether a finding can only be mended on the whole policy.
func (r *run) needsWhole(f *finding) bool {
	return slices.ContainsFunc(r.pool(f), func(s step) bool { return s.whole })
}

// base is the policy that candidates are tried on: a small one with the agent alone in it, unless a candidate needs the whole.
func (r *run) base(f *finding) (*policy.Set, error) {
	if r.blind || r.needsWhole(f) {
		return r.m.set, nil
	}
	family, err := r.history.family(r.inboxesAbout(f)...)
	if err != nil {
		return nil, err
	}
	set, err := r.history.small(family, r.m.revision)
	if err != nil {
		return r.m.set, nil // a policy that cannot be made small is tried whole
	}
	return set, nil
}

// trial decides again with candidates carried out.
type trial struct {
	r    *run
	f    *finding
	base *policy.Set
	left int
}

// works says whether steps together clear the finding's gate in all of its cells, and what follows from it as far as settings go.
func (t *trial) works(steps []step) bool {
	if t.left <= 0 {
		return false
	}
	t.left--
	d := newDrafts(t.base)
	for _, s := range steps {
		if !s.apply(d) {
			return false
		}
	}
	after, _, err := t.base.Apply(t.base.Revision()+1, d.edits())
	if err != nil {
		return false
	}
	p := after.Compile()
	for _, i := range t.f.cells {
		v := t.r.explainCell(p, t.r.m.world, i, t.r.m.now)
		if !t.f.passes(p, t.r, i, &v) || !t.r.follow(t.f, i, &v, readsSettings) {
			return false
		}
	}
	return true
}

// smallest finds all combinations of the least size that work. As every smaller one was tried, no part of one of them works.
func (t *trial) smallest(pool []step) [][]step {
	for size := 1; size <= min(maxCombined, len(pool)); size++ {
		var best [][]step
		policy.Choices(len(pool), size, func(chosen []int) {
			steps := make([]step, size)
			for i, n := range chosen {
				steps[i] = pool[n]
			}
			if t.works(steps) {
				best = append(best, steps)
			}
		})
		if len(best) > 0 {
			return best
		}
	}
	return nil
}

// thinned takes steps out of all that there are, those that undo nothing first, for as long as the rest still works. Every step grants something and takes
// nothing away, so no part of what remains works.
func (t *trial) thinned(pool []step) []step {
	t.left = maxTries
	all := slices.Clone(pool)
	slices.SortStableFunc(all, func(a, b step) int { return compareBool(b.undo, a.undo) })
	if !t.works(all) {
		return nil
	}
	for i := len(all) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(all), i, i+1)
		if t.works(without) {
			all = without
		}
	}
	return all
}

// leastChange picks the fix that changes the fewest cells of others; among equal ones one that takes back what was done.
func (r *run) leastChange(f *finding, best [][]step) []step {
	switch len(best) {
	case 0:
		return nil
	case 1:
		return best[0]
	}
	slices.SortStableFunc(best, func(a, b []step) int { return cmp.Or(reach(a)-reach(b), undone(b)-undone(a)) })
	if reach(best[0]) == 0 && reach(best[1]) > 0 {
		return best[0] // it touches nothing but the agent's own account
	}
	var chosen []step
	least := -1
	for _, steps := range best[:min(len(best), maxCompared)] {
		n, ok := r.otherCells(f, steps)
		if ok && (least < 0 || n < least || n == least && undone(steps) > undone(chosen)) {
			least, chosen = n, steps
		}
	}
	return chosen
}

func undone(steps []step) int {
	n := 0
	for _, s := range steps {
		if s.undo {
			n++
		}
	}
	return n
}

// reach guesses how far a fix reaches: the agent's own account least, what many share most.
func reach(steps []step) int {
	order := map[string]int{policy.KindTeam: 1, policy.KindInbox: 1, policy.KindSwitch: 2, policy.KindSchedule: 2, policy.KindCalendar: 2, policy.KindRole: 3, policy.KindTemplate: 4}
	most := 0
	for _, s := range steps {
		most = max(most, order[s.key.kind])
	}
	return most
}

// otherCells counts the cells outside the finding that would stand differently: by settings alone, all facts left as they are.
func (r *run) otherCells(f *finding, steps []step) (int, bool) {
	p := r.m.policy
	q, _ := r.applied(steps)
	if q == nil {
		return 0, false
	}
	n := 0
	for _, inbox := range slices.Sorted(maps.Keys(q.Inboxes)) {
		for _, account := range r.touched(p, q, inbox, steps) {
			for _, kind := range q.Inboxes[inbox].Kinds {
				i := r.cellOf(inbox, kind)
				if account == r.q.Agent && i >= 0 && slices.Contains(f.cells, i) {
					continue
				}
				a := reception.Explain(p, r.m.world, inbox, kind, account, r.m.now)
				b := reception.Explain(q, r.m.world, inbox, kind, account, r.m.now)
				if differ(&a, &b) {
					n++
				}
			}
		}
	}
	return n, true
}

// touched lists the members of an inbox, before or after, whom steps can concern.
func (r *run) touched(p, q *reception.Policy, inbox string, steps []step) []string {
	own := true
	for _, s := range steps {
		own = own && s.key == docKey{policy.KindAccount, r.q.Agent}
	}
	if own {
		return []string{r.q.Agent}
	}
	var list []string
	for _, in := range []*reception.Inbox{p.Inboxes[inbox], q.Inboxes[inbox]} {
		if in == nil {
			continue
		}
		for i := range in.Members {
			list = append(list, in.Members[i].Account)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// differ says whether a gate that reads settings stands differently.
func differ(a, b *reception.Vector) bool {
	for g := range reception.GateCount {
		if a.Stopped(g) != b.Stopped(g) {
			return true
		}
	}
	return false
}

// mendsAll carries out the fixes of all roots together and decides every cell again.
func (r *run) mendsAll() bool {
	var steps []step
	all := patch{}
	for _, f := range r.findings {
		if f.root != nil || !f.decides() {
			continue
		}
		if f.fix == nil || !f.fix.Verified || slices.ContainsFunc(f.fix.Actions, func(a Action) bool { return a.Action == "wait_until" }) {
			return false
		}
		steps = append(steps, f.steps...)
		all.changes = append(all.changes, f.patch.changes...)
		all.mended = all.mended || f.patch.mended
	}
	p := r.m.policy
	if len(steps) > 0 {
		if p, _ = r.applied(steps); p == nil {
			return false
		}
	}
	w := all.on(r.m.world, r.q.Agent)
	for i := range r.cells {
		v := r.explainCell(p, w, i, r.m.now)
		if in := p.Inboxes[r.cells[i].inbox]; v.First() != reception.GateCount || in != nil && !in.Produces(r.cells[i].kind) {
			return false
		}
	}
	return true
}
