package sim

import (
	"flag"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "run only this seed, and say what happens")
	seeds = flag.Int("seeds", 500, "how many seeds to run")
)

// TestSimulation checks the invariants after random histories: five hundred in the ordinary run.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		run(t, *seed, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
		return
	}
	n := *seeds
	if testing.Short() {
		n = 50
	}
	var next atomic.Uint64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) { // each history is one goroutine; several histories run at once
		workers.Go(func() {
			for !failed.Load() {
				seed := next.Add(1)
				if seed > uint64(n) {
					return
				}
				if !run(t, seed, slog.New(slog.DiscardHandler)) {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
}

func run(t *testing.T, seed uint64, log *slog.Logger) bool {
	t.Helper()
	s := history(t, seed, log)
	if s == nil {
		return false
	}
	list := s.Check()
	for i, f := range list {
		if i == 15 {
			t.Logf("… and %d more", len(list)-i)
			break
		}
		t.Errorf("seed %d: %s", seed, f)
	}
	return len(list) == 0
}

// Automatic replies occur in histories: what checks them has something to look at.
func TestHistoriesHaveAutomaticReplies(t *testing.T) {
	s := history(t, 5, slog.New(slog.DiscardHandler))
	if s.Check(); s.autoReplies < 5 {
		t.Errorf("%d automatic replies", s.autoReplies)
	}
}

func history(t *testing.T, seed uint64, log *slog.Logger) *Sim {
	t.Helper()
	s, err := New(seed, log)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return nil
	}
	s.Plan(120, 6*time.Minute)
	s.Run(6 * time.Minute)
	if err := s.Heal(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return nil
	}
	return s
}

// The same seed gives the same history, so that a failure can be looked at again.
func TestSimulationRepeatsExactly(t *testing.T) {
	for _, seed := range []uint64{3, 7, 11} {
		a, b := history(t, seed, slog.New(slog.DiscardHandler)).Digest(), history(t, seed, slog.New(slog.DiscardHandler)).Digest()
		if a != b {
			t.Errorf("seed %d: %s, and again %s", seed, a, b)
		}
	}
}
