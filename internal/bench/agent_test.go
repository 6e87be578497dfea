package bench

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClientThatStallsReadsNothingUntilItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer func() { _ = ours.Close(); _ = theirs.Close() }()
		g := &gate{}
		l := &line{ours, g}
		go g.hold(t.Context(), time.Minute)
		synctest.Wait()
		var read atomic.Bool
		began := time.Now()
		go func() {
			_, _ = io.ReadFull(l, make([]byte, 5))
			read.Store(true)
		}()
		go func() { _, _ = io.WriteString(theirs, "hello") }()
		synctest.Wait()
		if read.Load() {
			t.Error("it has read while it stalls")
		}
		g.pass()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it stalled for %s", took)
		}
		synctest.Wait()
		if !read.Load() {
			t.Error("it reads nothing after it has stalled")
		}
	})
}

func TestNobodyStallsLongerThanTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := &gate{}
		began := time.Now()
		go g.hold(ctx, time.Hour)
		synctest.Wait()
		cancel()
		g.pass()
		if took := time.Since(began); took != 0 {
			t.Errorf("it stalled for %s", took)
		}
	})
}
