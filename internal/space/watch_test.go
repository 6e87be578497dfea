package space

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// disk is a file system of a test.
type disk struct {
	mu   sync.Mutex
	room Space
	err  error
}

func (d *disk) of(string) (Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room, d.err
}

func (d *disk) set(free uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room.Free, d.err = free, err
}

func TestBelowTheLowMarkNothingNewComesInUntilThereIsMoreRoomThanTheHighMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gib, mib = 1 << 30, 1 << 20
		d := &disk{room: Space{Free: 10 * gib, Size: 100 * gib}}
		var log bytes.Buffer
		var changes []bool
		w := New(Options{Dir: "data", Of: d.of, Changed: func(low bool) { changes = append(changes, low) }, Log: slog.New(slog.NewTextHandler(&log, nil))})
		w.Stop() // before Start it has nothing to do
		w.Start()
		defer w.Stop()
		for i, step := range []struct {
			free uint64
			err  error
			low  bool
		}{
			{256 * mib, nil, false}, {256*mib - 1, nil, true}, {300 * mib, nil, true}, {320 * mib, nil, true}, {0, errors.New("statfs failed"), true},
			{320*mib + 1, nil, false}, {0, errors.New("statfs failed"), false}, {0, errors.New("statfs failed"), false}, {300 * mib, nil, false}, {0, nil, true}, {gib, nil, false},
		} {
			d.set(step.free, step.err)
			<-time.After(lookEvery)
			synctest.Wait()
			err := w.Err()
			if (err != nil) != step.low {
				t.Errorf("step %d, %d bytes free: %v", i, step.free, err)
			}
			if p := problem.As(err); step.low && (p == nil || p.Code != "system.health.disk" || p.Kind != problem.Unavailable || p.RetryAfter == 0) {
				t.Errorf("step %d: refused with %v", i, err)
			}
			if step.err == nil && w.Free() != step.free {
				t.Errorf("step %d: %d bytes are said to be free", i, w.Free())
			}
		}
		if len(changes) != 4 || !changes[0] || changes[1] || !changes[2] || changes[3] {
			t.Errorf("told of %v", changes)
		}
		for text, want := range map[string]int{"nearly full": 2, "room on the disk again": 2, "cannot be read": 2} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%q is logged %d times, want %d: %s", text, got, want, log.String())
			}
		}
	})
}

func TestAFullDiskIsKnownBeforeStartReturns(t *testing.T) {
	d := &disk{room: Space{Free: 1, Size: 1 << 40}}
	w := New(Options{Of: d.of})
	w.Start()
	defer w.Stop()
	if !errors.Is(w.Err(), ErrLow) {
		t.Errorf("a full disk is found to be %v", w.Err())
	}
	w.Stop()
}

func TestTheLowMarkFitsTheDiskUnlessItIsSaid(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct{ size, asked, want uint64 }{
		{1 << 40, 0, 256 * mib}, {4 << 30, 0, (4 << 30) / 40}, {64 * mib, 0, 8 * mib}, {1 << 40, 5 << 30, 5 << 30}, {64 * mib, mib, mib},
	} {
		if got := (Space{Size: test.size}).LowMark(test.asked); got != test.want {
			t.Errorf("of %d bytes, asked for %d: the mark is %d, want %d", test.size, test.asked, got, test.want)
		}
	}
}

func TestTheRoomOfARealDirectoryIsTold(t *testing.T) {
	s, err := Of(t.TempDir())
	if err != nil || s.Size == 0 || s.Free > s.Size {
		t.Errorf("told %+v, %v", s, err)
	}
	if _, err := Of(t.TempDir() + "/nothing"); err == nil {
		t.Error("a directory that is not there has room")
	}
}
