package board

import (
	"sync"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

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

// Watchers are those who wait for news of the board. The ledger calls Changed after every commit.
type Watchers struct {
	mu      sync.Mutex
	all     map[*Watcher]struct{}
	stopped bool
	stop    chan struct{}
	gone    sync.WaitGroup // counts those that have not closed yet; added to under mu, while not stopped
}

// NewWatchers makes Watchers without anybody among them.
func NewWatchers() *Watchers {
	return &Watchers{all: map[*Watcher]struct{}{}, stop: make(chan struct{})}
}

// Watcher is one window with the board. It holds nothing of what there is to tell: woken, its owner looks.
type Watcher struct {
	of      *Watchers
	account string
	wake    chan struct{} // holds one token: any number of changes are one reason to look
	once    sync.Once
}

// Watch begins to wait for news. The caller closes the Watcher.
func (w *Watchers) Watch(account string) (*Watcher, error) {
	x := &Watcher{of: w, account: account, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	own := 0
	for other := range w.all {
		if other.account == account {
			own++
		}
	}
	switch {
	case w.stopped:
		return nil, errStopping
	case len(w.all) >= maxWatchers || own >= maxOfAccount:
		return nil, errWatchers
	}
	w.all[x] = struct{}{}
	w.gone.Add(1)
	return x, nil
}

// Changed says that there may be something new. It never blocks; while nobody watches it costs a lock.
func (w *Watchers) Changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.all {
		select {
		case x.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Stop ends all watchers, takes no more, and waits until they are closed. It is safe twice.
func (w *Watchers) Stop() {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.stop)
	}
	w.mu.Unlock()
	w.gone.Wait()
}

// Wake has something in it when there may be news.
func (x *Watcher) Wake() <-chan struct{} { return x.wake }

// Ended is closed when the server stops.
func (x *Watcher) Ended() <-chan struct{} { return x.of.stop }

// Close ends the watching. It is safe twice.
func (x *Watcher) Close() {
	x.once.Do(func() {
		x.of.mu.Lock()
		delete(x.of.all, x)
		x.of.mu.Unlock()
		x.of.gone.Done()
	})
}
