package ledger

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// longestReopenWait is how long the ledger waits at most before it tries again to reopen the store after an unknown commit. It begins with 50 ms.
const longestReopenWait = 2 * time.Second

// resolveUnknown finds out whether a group whose COMMIT was not answered is there, rebuilds the World from the store either way, and then answers.
func (l *Ledger) resolveUnknown(tx *Tx, g *Group, batch []waiting, results []error, cause error) {
	l.o.Log.Error("the outcome of a commit is unknown; reopening the store", "first", g.First, "last", g.Last, "error", cause)
	l.world().discardAll()
	l.failed(tx.now, cause)
	there, err := l.reopen(g)
	if err != nil {
		answerAll(batch, errUnavailable.Because(err))
		l.giveUp(err)
		return
	}
	l.o.Log.Warn("the outcome of the commit is known now", "first", g.First, "committed", there)
	if !there {
		answerAll(batch, errUnavailable.Because(cause))
		return
	}
	l.keepClock(tx)
	answer(batch, results)
	l.tell(tx)
}

// giveUp ends the ledger because the store could not be reopened.
func (l *Ledger) giveUp(err error) {
	l.endWith(fmt.Errorf("the store cannot be read again after a commit whose outcome is unknown: %w", err))
}

// reopen opens the store again, asks for the group and rebuilds the World.
func (l *Ledger) reopen(g *Group) (there bool, err error) {
	ctx := context.Background()
	wait := 50 * time.Millisecond
	for {
		if err = l.store.Reopen(ctx); err == nil {
			if there, err = l.store.HasGroup(ctx, g.First, g.Nonce); err == nil {
				if err = l.load(ctx); err == nil {
					return there, nil
				}
			}
		}
		if errors.Is(err, ErrMustRestart) {
			return false, err
		}
		l.o.Log.Error("the store cannot be reopened yet", "error", err)
		l.refuseYielding(errUnavailable.Because(err))
		if !l.sleep(wait) {
			return false, err
		}
		wait = min(2*wait, longestReopenWait)
	}
}

// refuseYielding answers the messages that wait: their senders send them again. A disk that is full may be so until somebody comes.
func (l *Ledger) refuseYielding(err error) {
	l.mu.Lock()
	queue := l.yielding
	l.yielding = nil
	l.mu.Unlock()
	answerAll(queue, err)
}

// sleep waits; it says whether the ledger goes on.
func (l *Ledger) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.stopped
}

// failed remembers that the store fails, since the first failure; it becomes a fact with the next group that commits.
func (l *Ledger) failed(now time.Time, err error) {
	if l.failing.Load() != nil {
		return
	}
	l.o.Log.Error("the store fails", "error", err)
	l.failing.Store(&reception.Failure{
		Component: "store", Detail: "the store cannot be written",
		Origin: reception.Origin{Position: l.world().position, At: now, By: "system", Source: "ledger", Cause: "store"},
	})
	l.published()
}

func (l *Ledger) recovered(now time.Time) {
	if f := l.failing.Swap(nil); f != nil {
		l.o.Log.Warn("the store works again", "failed_since", f.Origin.At, "for", now.Sub(f.Origin.At))
		l.published()
	}
}

// parts are the parts of Bida other than the store that fail.
type parts struct {
	mu      sync.Mutex
	failing []reception.Failure // in order of component
	over    []ended             // and are not on record yet, in the order in which they ended
}

// ended is a failure that is over.
type ended struct {
	reception.Failure
	at time.Time
}

// Fail says that a part of Bida other than the store fails: a component that the gate system.health knows ("disk"). Readers see it at once; decisions on
// what was taken in already go on. Nothing happens if it is known to fail.
func (l *Ledger) Fail(component, detail string) {
	f := reception.Failure{
		Component: component, Detail: detail,
		Origin: reception.Origin{Position: l.Position(), At: stored(l.o.Now()), By: "system", Source: "watch", Cause: component},
	}
	p := &l.parts
	p.mu.Lock()
	i, known := findPart(p.failing, component)
	if !known {
		p.failing = slices.Insert(p.failing, i, f)
	}
	p.mu.Unlock()
	if !known {
		l.published()
	}
}

// Mend says that a part works again. The failure becomes a fact, with both its ends, with the next group that commits; there is one soon.
func (l *Ledger) Mend(component string) {
	p := &l.parts
	p.mu.Lock()
	i, known := findPart(p.failing, component)
	if known {
		p.over = append(p.over, ended{p.failing[i], stored(l.o.Now())})
		p.failing = slices.Delete(p.failing, i, i+1)
	}
	p.mu.Unlock()
	if known {
		l.published()
		l.Submit(CommandFunc(func(*Tx) error { return nil }), func(error) {}) // if it is not carried out, any later one will do
	}
}

func findPart(list []reception.Failure, component string) (int, bool) {
	return slices.BinarySearchFunc(list, component, func(f reception.Failure, component string) int { return strings.Compare(f.Component, component) })
}

// Failures lists the parts of Bida that are known to fail, the store too, in order of their names.
func (l *Ledger) Failures() []reception.Failure {
	l.parts.mu.Lock()
	list := slices.Clone(l.parts.failing)
	l.parts.mu.Unlock()
	if f := l.failing.Load(); f != nil {
		i, _ := findPart(list, f.Component)
		list = slices.Insert(list, i, *f)
	}
	return list
}

// noteRecovery writes failures that are over as facts with both their ends. The store's is over if this group commits.
func (l *Ledger) noteRecovery(tx *Tx) {
	if f := l.failing.Load(); f != nil {
		tx.recordFailure(ended{*f, tx.now})
		tx.Effect(func() { l.recovered(tx.now) })
	}
	p := &l.parts
	p.mu.Lock()
	over := slices.Clone(p.over)
	p.mu.Unlock()
	if len(over) == 0 {
		return
	}
	for _, f := range over {
		tx.recordFailure(f)
	}
	tx.Effect(func() { // those are on record; what ended meanwhile is behind them
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over = p.over[len(over):]
	})
}

// recordFailure writes a failure that is over.
func (tx *Tx) recordFailure(f ended) {
	position := tx.Next()
	value, _ := json.Marshal(map[string]string{"detail": f.Detail}) // a map of strings always encodes
	tx.g.Facts = append(tx.g.Facts, FactRow{
		Subject: "system/" + f.Component, Name: FactFailure, Value: value, FromPosition: position, FromAt: f.Origin.At,
		By: f.Origin.By, Source: f.Origin.Source, Cause: f.Component, ToPosition: position, ToAt: f.at, EndBy: f.Origin.By, EndCause: "recovered",
	})
}

// endWith stops the ledger for good.
func (l *Ledger) endWith(err error) {
	if !l.fatal.CompareAndSwap(nil, &err) {
		return
	}
	l.o.Log.Error("the ledger stops", "error", err)
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.refuseWaiting(errUnavailable.Because(err))
	close(l.ended)
}

func (l *Ledger) nextNonce() string {
	l.nonce++
	return l.o.Node + "/" + strconv.FormatUint(l.nonce, 36) + "/" + strconv.FormatUint(rand.Uint64(), 36)
}

// deadlineHeap orders deadlines by instant.
type deadlineHeap []Deadline

func (h deadlineHeap) Len() int { return len(h) }
func (h deadlineHeap) Less(i, j int) bool {
	if !h[i].At.Equal(h[j].At) {
		return h[i].At.Before(h[j].At)
	}
	return h[i].Kind+h[i].Key < h[j].Kind+h[j].Key
}
func (h deadlineHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *deadlineHeap) Push(d any) { *h = append(*h, d.(Deadline)) }

// Pop implements heap.Interface.
func (h *deadlineHeap) Pop() any {
	old := *h
	d := old[len(old)-1]
	*h = old[:len(old)-1]
	return d
}

var _ heap.Interface = (*deadlineHeap)(nil)

// recentSet remembers some thousand keys of outcome sets that are known to be stored.
type recentSet struct{ now, before map[[16]byte]bool }

func (s *recentSet) has(id [16]byte) bool { return s.now[id] || s.before[id] }

func (s *recentSet) add(id [16]byte) {
	if s.now == nil {
		s.now = map[[16]byte]bool{}
	}
	if len(s.now) >= 4096 {
		s.before, s.now = s.now, map[[16]byte]bool{}
	}
	s.now[id] = true
}
