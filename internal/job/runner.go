package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

const (
	lookEvery = 5 * time.Second
	atOnce    = 2   // attempts under way: messages come first
	lookFor   = 100 // jobs at a time
)

// Reader reads the job table.
type Reader interface {
	JobsDue(ctx context.Context, at time.Time, limit int) ([]ledger.JobRow, error)
}

// Options configure a Runner. Ledger, Reader, Now and Run are required.
type Options struct {
	Ledger *ledger.Ledger
	Reader Reader
	Now    func() time.Time
	Run    string // of this process, by which its leases are known
	Log    *slog.Logger
}

// Runner carries out what is due. See the package comment.
type Runner struct {
	o     Options
	kinds map[string]*Kind

	wake    chan struct{}
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// NewRunner makes a Runner of these kinds. Jobs of other kinds lie until a program comes that knows them.
func NewRunner(o Options, kinds ...Kind) *Runner {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{o: o, kinds: map[string]*Kind{}, wake: make(chan struct{}, 1)}
	for _, k := range kinds {
		r.kinds[k.Name] = &k
	}
	return r
}

// Start begins to carry out what is due.
func (r *Runner) Start() {
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.running.Go(func() { r.run(ctx) })
}

// Stop ends attempts under way, gives their jobs back, and waits for them.
func (r *Runner) Stop() {
	if r.cancel != nil {
		r.cancel()
	}
	r.running.Wait()
}

// Wake has the Runner look now, for example after a Replay.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) run(ctx context.Context) {
	free := make(chan struct{}, atOnce)
	var attempts sync.WaitGroup
	defer attempts.Wait()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for begun := false; ctx.Err() == nil; {
		if !begun {
			begun = r.begin(ctx)
		}
		due := r.due(ctx)
		for _, row := range due {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			attempts.Go(func() {
				defer func() { <-free }()
				r.attempt(ctx, row)
			})
		}
		if len(due) == lookFor {
			continue
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		case <-r.wake:
		}
	}
}

// begin makes the jobs that come again and again, where they are missing.
func (r *Runner) begin(ctx context.Context) bool {
	err := r.o.Ledger.Do(ctx, ledger.CommandFunc(func(tx *ledger.Tx) error {
		for _, name := range r.names() {
			if r.kinds[name].Every > 0 {
				if err := Enqueue(tx, name, "", nil); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	return err == nil
}

func (r *Runner) names() []string {
	var names []string
	for name := range r.kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// due reads what this program can carry out now. What cannot be read is read again soon.
func (r *Runner) due(ctx context.Context) []ledger.JobRow {
	rows, err := r.o.Reader.JobsDue(ctx, r.o.Now(), lookFor)
	if err != nil {
		if ctx.Err() == nil {
			r.o.Log.Warn("the job table cannot be read now", "error", err)
		}
		return nil
	}
	return slices.DeleteFunc(rows, func(row ledger.JobRow) bool { return r.kinds[row.Kind] == nil })
}

// attempt carries a job out once, if it is still to be had.
func (r *Runner) attempt(ctx context.Context, row ledger.JobRow) {
	kind := r.kinds[row.Kind]
	l := &lease{id: row.ID, run: r.o.Run, length: kind.lease() + leaseSpare}
	if err := r.o.Ledger.Do(ctx, l); err != nil || l.row.ID == "" {
		return // it stays due
	}
	failed := do(ctx, kind, l.row)
	stopped := failed != nil && ctx.Err() != nil // which is not the job's fault
	s := &settle{leased: l.row, kind: kind, failed: failed, stopped: stopped, wait: backoff(l.row.Attempts+1, rand.Float64())}
	if err := r.o.Ledger.Do(context.WithoutCancel(ctx), s); err != nil {
		r.o.Log.Warn("how a job ended could not be recorded: it will be done again", "job", row.ID, "error", err)
		return
	}
	switch {
	case stopped:
	case s.dead:
		r.o.Log.Error("a job was given up", "job", row.ID, "attempts", l.row.Attempts+1, "error", failed)
	case failed != nil:
		r.o.Log.Warn("a job failed and will be tried again", "job", row.ID, "attempts", l.row.Attempts+1, "again_in", s.wait.Round(time.Second), "error", failed)
	}
}

var errTooLong = errors.New("it took longer than its lease")

// do calls the work for as long as the lease lasts. A panic is an error like another.
func do(ctx context.Context, kind *Kind, row ledger.JobRow) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, kind.lease(), errTooLong)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	if err = kind.Do(ctx, row.Payload); err != nil && errors.Is(context.Cause(ctx), errTooLong) {
		return fmt.Errorf("%w: %w", errTooLong, err)
	}
	return err
}
