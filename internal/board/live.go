package board

import (
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
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

	watchers
}

// New makes a Live.
func New(source Source, now func() time.Time) *Live {
	return &Live{source: source, now: now, watchers: watchers{all: map[*Watcher]struct{}{}, stop: make(chan struct{})}}
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

// Bounds of those who watch.
const (
	maxWatchers   = 500
	maxOfAccount  = 20
	watchersRetry = 10 * time.Second
)

var (
	errStopping = problem.New(problem.Unavailable, "system.stopping", "The server is stopping. Try again shortly.", "服务正在停止，请稍后重试。")
	errWatchers = problem.New(problem.Limited, "board.too_many", "Too many boards are open. Close some, or try again later.", "打开的接待看板太多，请关掉一些，或稍后再试。").After(watchersRetry)
)

// watchers are those who wait for news.
type watchers struct {
	watching sync.Mutex // guards all and stopped; never held with mu
	all      map[*Watcher]struct{}
	stopped  bool
	stop     chan struct{}
	gone     sync.WaitGroup
}

// Watcher is one window with the board. It holds nothing of what there is to tell: woken, its owner looks.
type Watcher struct {
	of      *watchers
	account string
	wake    chan struct{} // holds one token: any number of changes are one reason to look
	once    sync.Once
}

// Watch begins to wait for news. The caller closes the Watcher.
func (l *Live) Watch(account string) (*Watcher, error) {
	w := &Watcher{of: &l.watchers, account: account, wake: make(chan struct{}, 1)}
	l.watching.Lock()
	defer l.watching.Unlock()
	own := 0
	for other := range l.all {
		if other.account == account {
			own++
		}
	}
	switch {
	case l.stopped:
		return nil, errStopping
	case len(l.all) >= maxWatchers || own >= maxOfAccount:
		return nil, errWatchers
	}
	l.all[w] = struct{}{}
	l.gone.Add(1)
	return w, nil
}

// Changed says that there may be something new. It never blocks; while nobody watches it costs a lock.
func (w *watchers) Changed() {
	w.watching.Lock()
	defer w.watching.Unlock()
	for x := range w.all {
		select {
		case x.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Stop ends all watchers, takes no more, and waits until they are closed. It is safe twice.
func (w *watchers) Stop() {
	w.watching.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.stop)
	}
	w.watching.Unlock()
	w.gone.Wait()
}

// Wake has something in it when there may be news.
func (x *Watcher) Wake() <-chan struct{} { return x.wake }

// Ended is closed when the server stops.
func (x *Watcher) Ended() <-chan struct{} { return x.of.stop }

// Close ends the watching. It is safe twice.
func (x *Watcher) Close() {
	x.once.Do(func() {
		x.of.watching.Lock()
		delete(x.of.all, x)
		x.of.watching.Unlock()
		x.of.gone.Done()
	})
}
