package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// setClock sets the wall clock; no time passes.
func (b *bench) setClock(by time.Duration) {
	b.now, b.set = b.now.Add(by), b.set+by
}

// steps are those that are on record.
func (b *bench) steps() (list []string) {
	b.t.Helper()
	facts, err := b.store.FactsBetween(context.Background(), "system/clock", time.Time{}, b.now.AddDate(10, 0, 0), 10)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range facts {
		var v struct {
			Step int64 `json:"step_us"`
		}
		if err := json.Unmarshal(f.Value, &v); err != nil || f.ToPosition != f.FromPosition {
			b.t.Errorf("%+v: %v", f, err)
		}
		list = append(list, fmt.Sprint(f.Cause, " ", time.Duration(v.Step)*time.Microsecond))
	}
	return list
}

func TestAStepOfTheClockIsAFactOnceAlsoOfALedgerThatHasNothingToDo(t *testing.T) {
	b := open(t)
	for _, by := range []time.Duration{time.Hour, -24 * time.Hour, 300 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond} {
		b.setClock(by)
		before := b.l.Position()
		for b.l.Step() {
			t.Fatal("there was something to do")
		}
		b.now = b.now.Add(time.Minute)
		b.group(set("a", reception.Away))
		if b.l.Position() <= before {
			t.Error("positions went back with the clock")
		}
	}
	if got, want := b.steps(), []string{"stepped_ahead 1h0m0s", "stepped_back -24h0m0s", "stepped_ahead 1.1s"}; !slices.Equal(got, want) {
		t.Errorf("on record is %v, want %v", got, want)
	}
	b.same()
}

func TestAStepOfTheClockIsKeptUntilItIsCommitted(t *testing.T) {
	for _, test := range []struct {
		failure error
		there   bool
	}{{ledger.ErrUnavailable, false}, {ledger.ErrCommitUnknown, false}, {ledger.ErrCommitUnknown, true}, {ledger.ErrData, false}} {
		b := open(t)
		b.group(set("a", reception.Away))
		b.setClock(-time.Hour)
		b.store.FailCommit(fmt.Errorf("%w: disk", test.failure), test.there)
		b.l.Step()
		b.now = b.now.Add(time.Second)
		for b.l.Step() {
		}
		b.group(set("a", reception.DoNotDisturb))
		if got := b.steps(); !slices.Equal(got, []string{"stepped_back -1h0m0s"}) {
			t.Errorf("after %v (%v) on record is %v", test.failure, test.there, got)
		}
		b.same()
	}
}

func TestHoweverTheClockIsSetAGraceLastsAsLongAsItSays(t *testing.T) {
	for _, by := range []time.Duration{-24 * time.Hour, -time.Hour, -2 * time.Second, 2 * time.Second, time.Hour, 24 * time.Hour} {
		b := open(t)
		b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.BeginSession("a", ledger.Session{ID: "s1", Token: "t1"}, "a", "test")
			tx.OpenSocket("a", ledger.Socket{ID: "k1", Session: "s1", Client: "tab", Node: "run-1"}, "a")
			tx.SetPresence("a", reception.Presence{Value: reception.Offline, GraceUntil: tx.Now().Add(time.Minute), Until: tx.Now().Add(48 * time.Hour)})
			return nil
		}))
		b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.CloseSocket("a", "k1", reception.Connection{LastFrame: tx.Now(), GraceUntil: tx.Now().Add(20 * time.Second)}, reception.Origin{By: "a", Source: "test", Cause: "closed"})
			return nil
		}))
		begun := b.now
		b.now = b.now.Add(10 * time.Second)
		b.setClock(by)
		b.l.Step()
		a := b.l.Agent("a").Facts
		if got := a.Connection.GraceUntil.Sub(b.now); got != 10*time.Second {
			t.Errorf("%v: of the connection's grace %v are left", by, got)
		}
		if got := a.Presence.GraceUntil.Sub(b.now); got != 50*time.Second {
			t.Errorf("%v: of the presence's grace %v are left", by, got)
		}
		if got := a.Presence.Until.Sub(begun); got != 48*time.Hour {
			t.Errorf("%v: what was said to hold until an instant was moved to %v after the begin", by, got)
		}
		if a.Connection.Origin.Cause != "closed" || a.Connection.LastFrame.Sub(b.now) != -10*time.Second {
			t.Errorf("%v: the connection is %+v", by, a.Connection)
		}
		// And one that was over stays over.
		b.now = b.now.Add(time.Hour)
		b.group(set("b", reception.Away))
		b.setClock(-by)
		b.l.Step()
		if end := b.l.Agent("a").Facts.Connection.GraceUntil; end.After(b.now) {
			t.Errorf("%v: a grace that was over runs for %v", by, end.Sub(b.now))
		}
		b.same()
	}
}
