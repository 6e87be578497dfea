package gateway

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/delivery"
)

// bubble runs a test of the real transport over pipes in virtual time.
func bubble(t *testing.T, config Config, test func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{company: newCompany(), hub: NewHub()}
		h.endings = make(chan string, 1000)
		h.server = NewServer(config, h.company, h.hub)
		test(t, h)
		h.server.Stop()
		if n := h.hub.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// reader reads the client's frames in the background until the connection ends.
func (c *rawClient) reader() (frames chan map[string]any) {
	frames = make(chan map[string]any, 10_000)
	go func() {
		defer close(frames)
		for {
			f, err := c.next()
			if err != nil {
				return
			}
			frames <- f
		}
	}()
	return frames
}

func TestInRealTimeAClientThatSaysNothingIsClosedAfterFiveSeconds(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		start := time.Now()
		c := dialPipe(t, h.server, "t-agent-a")
		c.wantEnd(CloseTimeout, "no hello within 5s")
		if took := time.Since(start); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestInRealTimeAClientThatAnswersPingsStaysAndOneThatDoesNotIsStale(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		alive := c.reader()
		mute := dialPipe(t, h.server, "t-agent-a")
		mute.hello("mute")
		mute.want("welcome")
		start := time.Now()
		heard := make(chan struct{})
		go func() { // reads, and answers nothing
			_, _ = io.Copy(io.Discard, mute.socket)
			close(heard)
		}()
		<-heard
		if took := time.Since(start); took < 15*time.Second || took > 17*time.Second {
			t.Errorf("the end came after %v", took)
		}
		h.wantEnding(t, "n2", "stale 4408")
		time.AfterFunc(time.Hour, func() { h.hub.EndConnection("n1", CloseInternal, "enough") })
		for range alive {
		}
		if c.code != CloseInternal || c.pings < 700 {
			t.Errorf("closed with %d after %d pings", c.code, c.pings)
		}
	})
}

func TestInRealTimeAClientThatStopsReadingForAWhileIsResyncedAndCatchesUp(t *testing.T) {
	const limit, entries = 64 << 10, 500
	bubble(t, Config{Queue: limit, Window: 10_000, Write: time.Minute, Stale: time.Minute}, func(t *testing.T, h *house) {
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		text := strings.Repeat("慢", 1000)
		for range entries {
			h.post("agent-a", text)
			synctest.Wait()
		}
		var p *peer
		for p = range h.server.peers {
		}
		p.mu.Lock()
		waiting := p.waiting()
		p.mu.Unlock()
		if waiting == 0 || waiting > limit {
			t.Errorf("%d bytes are queued, the limit is %d", waiting, limit)
		}
		<-time.After(20 * time.Second)
		seen, resyncs, next := 0, 0, int64(1)
		for seen < entries {
			f, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			switch f["type"] {
			case "resync":
				resyncs++
				if f["after"] != float64(next-1) {
					t.Errorf("resync after %v, but %d came before", f["after"], next-1)
				}
			case "message":
				if int64(f["agent_sequence"].(float64)) != next {
					t.Fatalf("entry %v, want %d", f["agent_sequence"], next)
				}
				next++
				seen++
			}
		}
		if resyncs != 1 {
			t.Errorf("%d resyncs", resyncs)
		}
		h.mu.Lock()
		late := len(h.late["n1"])
		h.mu.Unlock()
		if late == 0 {
			t.Error("nothing was reported as unacknowledged")
		}
		c.say(`{"type":"ack","received":%d}`, entries)
		c.want("acked")
		c.leave()
		c.wantEnd(1000, "")
	})
}

func TestInRealTimeAClientThatNeverReadsAgainIsCutWithinTheWriteDeadline(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		h.post("agent-a", "一")
		start := time.Now()
		h.wantEnding(t, "n1", "stale 4408")
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestInRealTimeAClientThatStopsReadingDelaysNobody(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		stuck, good := dialPipe(t, h.server, "t-agent-a"), dialPipe(t, h.server, "t-agent-a")
		stuck.hello("stuck")
		stuck.want("welcome")
		good.hello("good")
		good.want("welcome")
		frames := good.reader()
		start := time.Now()
		text := strings.Repeat("很长", 5000)
		for n := range 100 {
			h.post("agent-a", text)
			if f := <-frames; f["agent_sequence"] != float64(n+1) {
				t.Fatalf("got %v, want entry %d", f["agent_sequence"], n+1)
			}
		}
		if time.Since(start) != 0 {
			t.Error("a client waited for another one")
		}
		h.wantEnding(t, "n1", "stale 4408")
		good.leave()
		for range frames {
		}
	})
}

func TestInRealTimeASessionThatEndsIsOverAtOnceEvenIfTheClientDoesNotRead(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		h.post("agent-a", "一")
		synctest.Wait() // the writer is stuck in the middle of it
		h.post("agent-a", "二")
		synctest.Wait() // and this one waits
		start := time.Now()
		h.hub.EndSession("s1", CloseSessionEnded, "signed out")
		if time.Since(start) != 0 {
			t.Error("EndSession waited")
		}
		h.wantEnding(t, "n1", "session_ended 4409")
		if time.Since(start) != 0 {
			t.Error("the end was reported late")
		}
		h.post("agent-a", "三")
		f, err := c.next() // what was on the wire already
		if err != nil || f["agent_sequence"] != 1.0 {
			t.Fatalf("%v, %v", f, err)
		}
		if _, err := c.next(); err == nil || c.code != CloseSessionEnded {
			t.Errorf("after the end came %v, %v, closed with %d", f, err, c.code)
		}
	})
}

func TestInRealTimeStopDoesNotWaitForClientsThatAreGone(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		h.post("agent-a", "一") // and nobody reads it
		start := time.Now()
		h.server.Stop()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Stop took %v", took)
		}
		h.wantEnding(t, "n1", "closed_by_server 1001")
	})
}

func TestInRealTimeAnAnswerThatComesAfterTheClientHasGoneIsReportedBeforeStopReturns(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		h.hold = true
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		synctest.Wait()
		_ = c.socket.Close()
		synctest.Wait()
		if len(h.copyEnded()) != 0 {
			t.Error("an end without a beginning")
		}
		time.AfterFunc(3*time.Second, h.release)
		start := time.Now()
		h.server.Stop()
		if time.Since(start) != 3*time.Second || h.endedWith("n1") != "broken 1006" {
			t.Errorf("after %v: %v", time.Since(start), h.copyEnded())
		}
	})
}

func TestInRealTimeWakesDuringALongReadAreNotLostAndDoNotWait(t *testing.T) {
	bubble(t, Config{Readers: 1}, func(t *testing.T, h *house) {
		slow := &slowReads{company: h.company}
		h.server.core.backend = slow
		c := dialPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		frames := c.reader()
		synctest.Wait() // it reads, for a second
		start := time.Now()
		for range 100 {
			h.post("agent-a", "一")
		}
		if time.Since(start) != 0 {
			t.Error("Wake waited for a read")
		}
		n := int64(0)
		for f := range frames {
			if f["type"] == "message" {
				if n++; n == 100 {
					break
				}
			}
		}
		if reads := slow.reads; reads > 5 {
			t.Errorf("%d reads for a hundred wakes", reads)
		}
		c.leave()
		for range frames {
		}
	})
}

// slowReads takes a second for each read.
type slowReads struct{ *company }

func (s *slowReads) Events(ctx context.Context, account string, after int64, limit int, lang string) ([]delivery.Event, error) {
	events, err := s.company.Events(ctx, account, after, limit, lang)
	<-time.After(time.Second)
	return events, err
}
