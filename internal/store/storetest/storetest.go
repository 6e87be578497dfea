// Package storetest is the suite that makes a store right: every implementation runs it, and what it does not say is not promised.
//
// Behaviours are tests whose names are sentences. Histories that rapid generates are committed to the store under test and to the in-memory store, and
// every read must answer alike; that rows have no field without a column is checked where the columns are described, and what the in-memory store must
// do is said by the behaviours.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
)

// KeptRefusals is how many lines of the intake log the stores under test keep.
const KeptRefusals = 40

// Fresh makes a new, empty place for a database that goes away with the test, and returns what opens it; called again, that opens what is there.
// The suite closes every store that it opens before it opens the next one in the same place.
type Fresh func(t *testing.T) (open func() store.Store)

// Run runs the suite.
func Run(t *testing.T, fresh Fresh) {
	for _, b := range behaviours {
		t.Run(b.sentence, func(t *testing.T) {
			b.check(t, start(t, fresh))
		})
	}
	t.Run("answers every read like the in-memory store, whatever was committed", func(t *testing.T) { histories(t, fresh) })
}

type behaviour struct {
	sentence string
	check    func(t *testing.T, s *subject)
}

// subject is a store under test with what a test needs to fill it.
type subject struct {
	t *testing.T
	store.Store
	open     func() store.Store
	position int64
	at       time.Time
}

func start(t *testing.T, fresh Fresh) *subject {
	s := &subject{t: t, open: fresh(t), at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	s.Store = s.open()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	s.load()
	return s
}

func (s *subject) ctx() context.Context { return s.t.Context() }

func (s *subject) load() *ledger.State {
	s.t.Helper()
	return got(s.Load(s.ctx()))(s.t)
}

// again closes the store and opens it anew.
func (s *subject) again() {
	s.t.Helper()
	must(s.t, s.Close())
	s.Store = s.open()
	s.load()
}

// next begins a group of n positions a second after the last one.
func (s *subject) next(n int64) *ledger.Group {
	s.at = s.at.Add(time.Second)
	g := &ledger.Group{First: s.position + 1, Last: s.position + n, At: s.at, Nonce: fmt.Sprint("nonce ", s.position+1)}
	s.position += n
	return g
}

// commit commits a group of n positions.
func (s *subject) commit(n int64, fill func(g *ledger.Group)) *ledger.Group {
	s.t.Helper()
	g := s.next(n)
	fill(g)
	must(s.t, s.Commit(s.ctx(), g))
	return g
}

// refused tries to commit a group of n positions that must be refused as data, and gives the positions back.
func (s *subject) refused(n int64, why string, fill func(g *ledger.Group)) {
	s.t.Helper()
	before := s.load()
	g := s.next(n)
	s.position -= n
	fill(g)
	if err := s.Commit(s.ctx(), g); !errors.Is(err, ledger.ErrData) {
		s.t.Errorf("%s: got %v, want %v", why, err, ledger.ErrData)
	}
	if has := got(s.HasGroup(s.ctx(), g.First, g.Nonce))(s.t); has {
		s.t.Errorf("%s: the group was committed", why)
	}
	same(s.t, why+": state after it was refused", s.load(), before)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got fails the test if a call failed, and returns what it returned.
func got[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		must(t, err)
		return v
	}
}

func same[V any](t *testing.T, what string, got, want V) {
	t.Helper()
	if !alike(got, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, show(got), show(want))
	}
}

// alike compares; an empty list may be nil.
func alike(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.IsValid() && y.IsValid() && x.Kind() == reflect.Slice && y.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a, b)
}

func show(v any) string {
	s := fmt.Sprintf("%+v", v)
	if len(s) > 3000 {
		s = s[:3000] + "…"
	}
	return s
}

func missing[V any](t *testing.T, what string, v V, err error) {
	t.Helper()
	if !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("%s: got %s, %v; want %v", what, show(v), err, ledger.ErrNotFound)
	}
}

// times, n of them: f(1) … f(n).
func times[R any](n int, f func(i int64) R) []R {
	rows := make([]R, n)
	for i := range rows {
		rows[i] = f(int64(i) + 1)
	}
	return rows
}
