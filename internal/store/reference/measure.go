package reference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// GroupSize is how many messages a group has whose rate is the reference: what the ledger gathers under load.
const GroupSize = 128

// Times say how long each measurement takes.
type Times struct{ Sync, Single, Group time.Duration }

// Usual are short enough to be taken before and after every run of a benchmark.
var Usual = Times{Sync: 400 * time.Millisecond, Single: 400 * time.Millisecond, Group: 900 * time.Millisecond}

// The conversations and agents of the groups that are measured.
const (
	conversations = 256
	agents        = 200
)

// Figures are what was measured.
type Figures struct {
	GroupSize    int           // GroupSize
	GroupCommits float64       // messages a second, in groups of GroupSize
	Commits      float64       // commits of one message a second
	Syncs        float64       // a second
	Sync         time.Duration // the median
}

// Store is what is measured.
type Store interface {
	ledger.Committer
	io.Closer
}

// Measure measures the disk under a directory, and the stores that open makes in new directories there.
func Measure(ctx context.Context, directory string, take Times, open func(ctx context.Context, directory string) (Store, error)) (f Figures, err error) {
	work, err := os.MkdirTemp(directory, "bida-reference-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	syncs, err := Syncs(ctx, work, take.Sync)
	if err != nil {
		return f, fmt.Errorf("fsync: %w", err)
	}
	f.GroupSize, f.Syncs, f.Sync = GroupSize, rate(syncs), median(syncs)
	for _, m := range []struct {
		name string
		size int
		time time.Duration
		to   *float64
	}{
		{"single", 1, take.Single, &f.Commits},
		{"group", GroupSize, take.Group, &f.GroupCommits},
	} {
		if *m.to, err = commits(ctx, filepath.Join(work, m.name), m.size, m.time, open); err != nil {
			return f, fmt.Errorf("commit of %d: %w", m.size, err)
		}
	}
	return f, nil
}

// commits measures how many messages a second are committed in groups of a size.
func commits(ctx context.Context, directory string, size int, during time.Duration, open func(context.Context, string) (Store, error)) (_ float64, err error) {
	s, err := open(ctx, directory)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w := NewWorkload(conversations, agents)
	if err := w.Commit(ctx, s, size); err != nil { // the first one prepares what all need
		return 0, err
	}
	before, began := w.Stored(), time.Now()
	for time.Since(began) < during {
		if err := w.Commit(ctx, s, size); err != nil {
			return 0, err
		}
	}
	return float64(w.Stored()-before) / time.Since(began).Seconds(), nil
}

// Syncs appends 4 KiB to a file in a directory and makes it durable, again and again, and says how long each time took.
func Syncs(ctx context.Context, directory string, during time.Duration) (took []time.Duration, err error) {
	f, err := os.CreateTemp(directory, "fsync-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	for began := time.Now(); time.Since(began) < during && ctx.Err() == nil; {
		before := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(before))
	}
	return took, ctx.Err()
}

func rate(took []time.Duration) float64 {
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	if sum == 0 {
		return 0
	}
	return float64(len(took)) / sum.Seconds()
}

func median(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}
