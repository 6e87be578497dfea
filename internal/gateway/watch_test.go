package gateway

import (
	"testing"
	"time"
)

// told counts the hints that a client was sent.
func (t *tab) told() int {
	n := 0
	for _, f := range t.frames {
		if f["type"] == "changed" {
			n++
		}
	}
	return n
}

func TestOnlyAClientThatWatchesIsToldThatSomethingChanged(t *testing.T) {
	r := newRoom(t, Config{})
	watching, other := r.join("agent-a", "w"), r.join("agent-a", "o")
	watching.say(`{"type":"watch"}`)
	watching.say(`{"type":"watch"}`) // again changes nothing
	r.hub.hint()
	r.hub.hint()
	if watching.told() != 2 || other.told() != 0 || watching.closed != 0 {
		t.Errorf("told %d and %d times", watching.told(), other.told())
	}
	early := r.connect("agent-a")
	early.say(`{"type":"watch"}`)
	early.wantClosed(CloseMalformed, "the first frame is a hello")
	watching.conn.Gone(ClosedByClient, 1000)
	if r.hub.watched.Load() || len(r.hub.watchers) != 0 {
		t.Error("somebody who has gone is still told")
	}
}

func TestAClientThatDoesNotReadIsToldOnceHoweverMuchChanged(t *testing.T) {
	r := newRoom(t, Config{})
	c := r.join("agent-a", "tab")
	c.say(`{"type":"watch"}`)
	c.limit = 1
	c.size = 1
	for range 1000 {
		c.conn.Changed()
	}
	if c.told() != 0 || c.closed != 0 {
		t.Fatalf("told %d times, closed with %d", c.told(), c.closed)
	}
	c.drain()
	if c.told() != 1 {
		t.Errorf("told %d times", c.told())
	}
}

func TestInRealTimeHintsAreCollectedWhileManyCommitsChangeSomething(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		h.hub.Changed() // nobody is told
		c := openPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		c.say(`{"type":"watch"}`)
		c.say(`{"type":"ping"}`)
		c.want("pong")
		start := time.Now()
		h.hub.Changed()
		c.want("changed")
		if took := time.Since(start); took > 10*time.Millisecond {
			t.Errorf("the first hint took %v", took)
		}
		stop := make(chan struct{})
		time.AfterFunc(10*time.Second, func() { close(stop) })
		commits := time.NewTicker(time.Millisecond)
		defer commits.Stop()
		hints := make(chan int)
		go func() {
			n := 0
			for {
				f, err := c.next()
				if err != nil {
					hints <- n
					return
				}
				if f["type"] == "changed" {
					n++
				}
			}
		}()
		for over := false; !over; {
			select {
			case <-commits.C:
				h.hub.Changed()
			case <-stop:
				over = true
			}
		}
		last := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(last) })
		<-last // for what changed last
		h.hub.EndConnection("n1", CloseInternal, "enough")
		if n := <-hints; n < 25 || n > 32 {
			t.Errorf("%d hints in ten seconds", n)
		}
		if h.hub.hinting.Load() {
			t.Error("a change was kept back")
		}
	})
}
