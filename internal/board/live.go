package board

import (
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// Source is the present. Package ledger's Ledger implements it.
type Source interface {
	// ViewReceived returns the World as it is, and of the same moment what each agent received last.
	ViewReceived() (*ledger.View, map[string]ledger.Receipt)
}

// Live keeps the one board. It is safe for many goroutines.
type Live struct {
	source Source
	now    func() time.Time

	mu       sync.Mutex // guards what follows
	board    *Board     // nil until somebody looks
	plan     *plan
	view     *ledger.View
	received map[string]ledger.Receipt

	*Watchers
}

// New makes a Live. watchers are told of what the source commits.
func New(source Source, watchers *Watchers, now func() time.Time) *Live {
	return &Live{source: source, now: now, Watchers: watchers}
}

// maxGone bounds how many agents that are no more are remembered, for those who knew an earlier version.
const maxGone = 1000

// Look returns the board as it is now. What nobody needs anew is not worked out again.
func (l *Live) Look() *Board {
	l.mu.Lock()
	defer l.mu.Unlock()
	view, received := l.source.ViewReceived()
	now := l.now()
	old := l.board
	if old == nil {
		l.plan = newPlan(view.Policy)
		l.settle(&making{plan: l.plan, view: view, received: received, now: now})
		return l.board
	}
	m := &making{plan: l.plan, view: view, received: received, now: now}
	agents, everybody := view.Since(l.view)
	switch {
	case everybody || !now.Before(old.Next) || now.Before(old.At):
		if view.Policy != l.view.Policy {
			m.plan = newPlan(view.Policy)
		}
		l.settle(m)
	default:
		l.refresh(m, agents)
	}
	return l.board
}

// settle puts a board in force that was made anew; of rows that are as they were, the old ones stay.
func (l *Live) settle(m *making) {
	next := &Board{Version: 1, Rows: m.all()}
	changed := true
	if old := l.board; old != nil {
		next.Version, next.gone, next.forgot, next.settled = old.Version+1, old.gone, old.forgot, old.settled
		changed = l.keepSame(next, m.plan != l.plan)
	}
	if m.plan != l.plan || l.board == nil {
		next.settled, changed = next.Version, true
	}
	for _, r := range next.Rows {
		if r.Version == 0 {
			r.Version = next.Version
		}
	}
	if !changed {
		next.Version--
	}
	next.Counts = m.plan.count(next.Rows)
	l.put(next, m, m.plan.next(m.now, m.until))
}

// keepSame takes over the old rows that tell the same, remembers who is gone, and says whether anything differs.
func (l *Live) keepSame(next *Board, settings bool) (changed bool) {
	for i, r := range next.Rows {
		if was := l.board.Row(r.Agent); was != nil && was.same(r) {
			next.Rows[i] = was
		} else {
			changed = true
		}
	}
	if !settings { // who is on the board depends on the settings alone
		return changed
	}
	gone := map[string]uint64{}
	for name, since := range next.gone {
		if next.Row(name) == nil {
			gone[name] = since
		}
	}
	for _, r := range l.board.Rows {
		if next.Row(r.Agent) == nil {
			gone[r.Agent], changed = next.Version, true
		}
	}
	if len(gone) > maxGone {
		gone, next.forgot = map[string]uint64{}, next.Version
	}
	next.gone = gone
	return changed
}

// refresh looks again at some agents, and at who received something.
func (l *Live) refresh(m *making, agents []string) {
	look := make(map[string]bool, len(agents))
	for _, name := range agents {
		look[name] = true
	}
	for name, r := range m.received {
		if l.received[name] != r {
			look[name] = true
		}
	}
	old := l.board
	next := *old
	soonest := old.Next
	var rows []*Row
	for name := range look {
		i, listed := l.plan.byName[name]
		if !listed {
			continue
		}
		r := m.one(i)
		if r.same(old.Rows[i]) {
			continue
		}
		if rows == nil {
			rows = slices.Clone(old.Rows)
		}
		r.Version = old.Version + 1
		rows[i] = r
	}
	if rows != nil {
		next.Version, next.Rows, next.Counts = old.Version+1, rows, l.plan.count(rows)
	}
	if end := l.plan.next(m.now, m.until); end.Before(soonest) {
		soonest = end
	}
	l.put(&next, m, soonest)
}

// put makes a board the one that is there.
func (l *Live) put(b *Board, m *making, next time.Time) {
	b.Position, b.Revision, b.At, b.Next = m.view.Position, m.view.Policy.Revision(), m.now, next
	b.Inboxes, b.Teams = m.plan.inboxes, m.plan.teams
	l.board, l.plan, l.view, l.received = b, m.plan, m.view, m.received
}
