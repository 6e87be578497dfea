package reference_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/reference"
	"github.com/bidahq/bida/internal/store/sqlite"
)

var quick = reference.Times{Sync: time.Millisecond, Single: time.Millisecond, Group: time.Millisecond}

func TestMeasuringGivesEveryFigureAndLeavesNothing(t *testing.T) {
	directory := t.TempDir()
	f, err := reference.Measure(t.Context(), directory, quick, func(ctx context.Context, directory string) (reference.Store, error) {
		return sqlite.Open(ctx, directory, sqlite.Options{})
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.GroupSize != reference.GroupSize || f.GroupCommits <= 0 || f.Commits <= 0 || f.Syncs <= 0 || f.Sync <= 0 {
		t.Errorf("measured %+v", f)
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// recorder is a store that keeps the groups it was given, or fails.
type recorder struct {
	reference.Store
	groups []*ledger.Group
	fails  error
	closed bool
}

func (r *recorder) Commit(_ context.Context, g *ledger.Group) error {
	r.groups = append(r.groups, g)
	return r.fails
}

func (r *recorder) Close() error { r.closed = true; return nil }

func TestAStoreThatFailsIsSaidAndClosed(t *testing.T) {
	directory, broken := t.TempDir(), errors.New("the disk is full")
	r := &recorder{fails: broken}
	_, err := reference.Measure(t.Context(), directory, quick, func(context.Context, string) (reference.Store, error) { return r, nil })
	if !errors.Is(err, broken) || !r.closed {
		t.Errorf("%v, closed %v", err, r.closed)
	}
	if _, err := reference.Measure(t.Context(), directory+"/missing", quick, nil); err == nil {
		t.Error("a directory that is missing was measured")
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestEachGroupAcknowledgesTheOneBeforeAndPositionsFollow(t *testing.T) {
	r, w := &recorder{}, reference.NewWorkload(5, 2)
	for range 3 {
		if err := w.Commit(t.Context(), r, 4); err != nil {
			t.Fatal(err)
		}
	}
	if w.Stored() != 12 {
		t.Errorf("%d messages stored, want 12", w.Stored())
	}
	last, next := int64(0), map[string]int64{}
	for i, g := range r.groups {
		if g.First != last+1 || g.Last != last+8 || len(g.Messages) != 4 || len(g.Keys) != 4 || len(g.Conversations) != 4 || len(g.Deliveries) != 4 {
			t.Errorf("group %d: %+v", i, g)
		}
		last = g.Last
		for _, d := range g.Deliveries {
			if next[d.Account]++; d.Sequence != next[d.Account] {
				t.Errorf("group %d: entry %d of %s, want %d", i, d.Sequence, d.Account, next[d.Account])
			}
		}
		if i == 0 {
			continue
		}
		for j, e := range g.DeliveryEdits {
			if before := r.groups[i-1].Deliveries[j]; e.State != ledger.Received || e.Message != before.Message || e.Account != before.Account {
				t.Errorf("group %d acknowledges %+v, want %+v", i, e, before)
			}
		}
	}
}
