package ledger

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// reopenTries bounds how often the store is reopened after an unknown commit before the ledger gives up; waits grow from 50 ms to 2 s.
const reopenTries = 30

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
	for range reopenTries {
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
		l.sleep(wait)
		wait = min(2*wait, 2*time.Second)
	}
	return false, err
}

// sleep waits, but not beyond Stop.
func (l *Ledger) sleep(d time.Duration) {
	l.mu.Lock()
	stopped := l.stopped
	l.mu.Unlock()
	if stopped {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
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
}

func (l *Ledger) recovered(now time.Time) {
	if f := l.failing.Swap(nil); f != nil {
		l.o.Log.Warn("the store works again", "failed_since", f.Origin.At, "for", now.Sub(f.Origin.At))
	}
}

// noteRecovery writes a failure that was known as a fact with its end: this group would not commit if the store still failed.
func (l *Ledger) noteRecovery(tx *Tx) {
	f := l.failing.Load()
	if f == nil {
		return
	}
	position := tx.Next()
	value, _ := json.Marshal(map[string]string{"detail": f.Detail}) // a map of strings always encodes
	tx.g.Facts = append(tx.g.Facts, FactRow{
		Subject: "system/" + f.Component, Name: FactFailure, Value: value, FromPosition: position, FromAt: f.Origin.At,
		By: "system", Source: "ledger", Cause: f.Component, ToPosition: position, ToAt: tx.now, EndBy: "system", EndCause: "recovered",
	})
	tx.Effect(func() { l.recovered(tx.now) })
}

// noteClock records a step of the clock: back behind the last group, or ahead of what the monotonic clock says has passed.
func (l *Ledger) noteClock(tx *Tx) {
	if l.lastNow.IsZero() {
		return
	}
	step := tx.now.Sub(l.lastNow)
	if step > -time.Second {
		return
	}
	position := tx.Next()
	tx.g.Facts = append(tx.g.Facts, FactRow{
		Subject: "system/clock", Name: FactClock, Value: json.RawMessage(strconv.AppendInt([]byte(`{"step_us":`), step.Microseconds(), 10)),
		FromPosition: position, FromAt: tx.now, By: "system", Source: "ledger", Cause: "stepped_back", ToPosition: position, ToAt: tx.now,
		EndBy: "system", EndCause: "instant",
	})
	f := &tx.g.Facts[len(tx.g.Facts)-1]
	f.Value = append(f.Value, '}')
	l.o.Log.Warn("the clock was set back", "by", -step)
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
