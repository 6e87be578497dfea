package space

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// Space is the room on a file system, in bytes.
type Space struct {
	Free uint64 // that this process may still take
	Size uint64
}

// The low mark where nobody says another: on a large disk a fixed amount, which is minutes of everything at full speed; a share of a smaller one; and never
// less than what the embedded database needs to go on with what it holds.
const (
	largeMark = 256 << 20
	markShare = 40
	leastMark = 8 << 20
)

// LowMark is the room below which nothing new comes in: what was asked for or, if that is 0, what fits the disk.
func (s Space) LowMark(asked uint64) uint64 {
	if asked > 0 {
		return asked
	}
	return max(leastMark, min(largeMark, s.Size/markShare))
}

// highMark is the room above which everything comes in again.
func highMark(low uint64) uint64 { return low + low/4 }

// ErrLow refuses what is new while there is little room.
var ErrLow = problem.New(problem.Unavailable, "system.health.disk",
	"The server's disk is nearly full; to keep what it has, it takes nothing new. Nothing was accepted; try again later.",
	"服务器磁盘空间不足，为保住已收下的内容，暂不接收新内容。本次未受理，请稍后重试。").After(10 * time.Second)

// lookEvery is how often the watch looks.
const lookEvery = 500 * time.Millisecond

// Options configure a Watch. Of is required.
type Options struct {
	Dir string
	// Of tells the room where Dir lies; package space has it for the system it runs on.
	Of func(dir string) (Space, error)
	// MinFree is the low mark in bytes; 0 for one that fits the disk.
	MinFree uint64
	// Changed is told of each crossing of a mark; nil for nobody. It must not block.
	Changed func(low bool)
	Log     *slog.Logger
}

// Watch watches one directory. See the package comment.
type Watch struct {
	o    Options
	low  atomic.Bool
	free atomic.Uint64

	blind   bool // the last look failed; only the looking goroutine has it
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New makes a Watch that has not looked yet and takes everything for well.
func New(o Options) *Watch {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func(bool) {}
	}
	return &Watch{o: o}
}

// Err is ErrLow while there is little room, else nil.
func (w *Watch) Err() error {
	if w.low.Load() {
		return ErrLow
	}
	return nil
}

// Free is how much room there was at the last look.
func (w *Watch) Free() uint64 { return w.free.Load() }

// Start looks, and goes on looking until Stop.
func (w *Watch) Start() {
	w.look()
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.running.Go(func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				w.look()
			}
		}
	})
}

// Stop ends the looking.
func (w *Watch) Stop() {
	if w.cancel != nil {
		w.cancel()
	}
	w.running.Wait()
}

func (w *Watch) look() {
	s, err := w.o.Of(w.o.Dir)
	if err != nil {
		if !w.blind {
			w.o.Log.Error("the room on the disk cannot be read", "directory", w.o.Dir, "error", err)
		}
		w.blind = true
		return
	}
	w.blind = false
	w.free.Store(s.Free)
	mark := s.LowMark(w.o.MinFree)
	switch low := w.low.Load(); {
	case !low && s.Free < mark:
		w.low.Store(true)
		w.o.Log.Error("the disk is nearly full: new messages and files are refused", "directory", w.o.Dir, "free", mib(s.Free), "low_mark", mib(mark))
		w.o.Changed(true)
	case low && s.Free > highMark(mark):
		w.low.Store(false)
		w.o.Log.Warn("there is room on the disk again", "directory", w.o.Dir, "free", mib(s.Free))
		w.o.Changed(false)
	}
}

func mib(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
