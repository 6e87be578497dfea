package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// talk is a Session and the test's clock.
type talk struct {
	*testing.T
	*Session
	now time.Time
}

func newTalk(t *testing.T, o SessionOptions) *talk {
	if o.Client == "" {
		o.Client = "tab-1"
	}
	if o.Random == nil {
		o.Random = func() float64 { return 1 }
	}
	return &talk{T: t, Session: NewSession(o), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

// welcomed connects and is welcomed with a cursor.
func (t *talk) welcomed(cursor int64) {
	t.Helper()
	t.Connect(t.now)
	r := t.hear(`{"type":"welcome","session":"s1","connection":"n1","account":"agent-a","cursor":%d,"last_sequence":9,"heartbeat_ms":5000,"presence":"offline","server":{"version":"1"}}`, cursor)
	if r.Welcome == nil || r.Welcome.Account != "agent-a" || r.Welcome.Server.Version != "1" || !t.Live() {
		t.Fatalf("welcomed: %+v", r)
	}
}

// hear takes a frame that is no fault.
func (t *talk) hear(format string, args ...any) Received {
	t.Helper()
	r, err := t.Receive(t.now, fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// entry hears a message and handles it.
func (t *talk) entry(n int64) {
	t.Helper()
	r := t.hear(`{"type":"message","event":"message","agent_sequence":%d,"message":"m1","text":"你好","at":"2026-11-23T09:00:00Z"}`, n)
	if r.Event == nil || r.Event.AgentSequence != n || r.Event.Text != "你好" {
		t.Fatalf("entry %d: %+v", n, r.Event)
	}
	t.handle(r.Event)
}

func (t *talk) handle(e *Event) {
	t.Handled(e)
	t.Seen(e)
	t.Accepted(e)
}

func (t *talk) wantFlush(want ...string) {
	t.Helper()
	var got []string
	for _, frame := range t.Flush(t.now) {
		got = append(got, string(frame))
	}
	if !slices.Equal(got, want) {
		t.Errorf("to send:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (t *talk) wantFault(frame, text string) {
	t.Helper()
	var fault *FaultError
	if _, err := t.Receive(t.now, []byte(frame)); !errors.As(err, &fault) || fault.Text != text {
		t.Errorf("%s: got %v, want the fault %q", frame, err, text)
	}
}

func TestASessionIntroducesItself(t *testing.T) {
	s := newTalk(t, SessionOptions{Name: "bida-listen", Version: "1", Lang: "zh", Token: "secret"})
	if got, want := string(s.Connect(s.now)), `{"type":"hello","protocol":1,"token":"secret","client":{"id":"tab-1","name":"bida-listen","version":"1"},"lang":"zh"}`; got != want {
		t.Errorf("hello is %s\nwant %s", got, want)
	}
	cursor := int64(7)
	s = newTalk(t, SessionOptions{Cursor: &cursor})
	if got, want := string(s.Connect(s.now)), `{"type":"hello","protocol":1,"client":{"id":"tab-1"},"cursor":7}`; got != want {
		t.Errorf("hello is %s\nwant %s", got, want)
	}
}

func TestEveryEntryIsGivenOutOnceAndInOrder(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(2)
	s.entry(3)
	for _, again := range []int64{1, 2, 3} {
		if r := s.hear(`{"type":"message","agent_sequence":%d}`, again); r.Event != nil {
			t.Errorf("entry %d was given out again", again)
		}
	}
	s.entry(4)
	s.wantFault(`{"type":"message","agent_sequence":6}`, "entry 6 came after entry 4")
	if n, known := s.Cursor(); n != 4 || !known {
		t.Errorf("the cursor is %d, %v", n, known)
	}
}

func TestAnEntryThatWasGivenOutButNotHandledIsGivenOutAgainAfterAReconnect(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	s.entry(1)
	s.hear(`{"type":"message","agent_sequence":2}`)
	s.Lost(CloseAbnormal, "")
	s.welcomed(1)
	s.entry(2)
}

func TestAGapBringsTheCursorToItsEnd(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	r := s.hear(`{"type":"gap","event":"gap","agent_sequence":1,"to":5,"at":"2026-11-23T09:00:00Z"}`)
	if r.Event == nil || r.Event.Event != EventGap || r.Event.To != 5 {
		t.Fatalf("the gap is %+v", r.Event)
	}
	s.handle(r.Event)
	s.wantFlush(`{"type":"ack","received":5,"ref":"a1"}`)
	s.entry(6)
}

func TestWhatIsInHandIsAcknowledgedInOneFrame(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	s.wantFlush()
	for n := range int64(3) {
		s.entry(n + 1)
	}
	r := s.hear(`{"type":"withdrawn","agent_sequence":4,"withdraws":2}`)
	s.handle(r.Event)
	s.wantFlush(`{"type":"ack","received":4,"seen":[1,2,3],"accepted":[1,2,3],"ref":"a1"}`)
	s.wantFlush()
	if s.Settled() {
		t.Error("settled before the answer")
	}
	s.hear(`{"type":"acked","received":4,"ref":"a1"}`)
	if !s.Settled() {
		t.Error("not settled after the answer")
	}
}

func TestFewAcksWaitForTheirAnswersAndTheRestIsCollected(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	for n := range int64(mostAcks) {
		s.entry(n + 1)
		if frames := s.Flush(s.now); len(frames) != 1 {
			t.Fatalf("ack %d: %q", n+1, frames)
		}
	}
	s.entry(5)
	s.entry(6)
	s.wantFlush()
	s.hear(`{"type":"acked","received":1,"ref":"a1"}`)
	s.wantFlush(`{"type":"ack","received":6,"seen":[5,6],"accepted":[5,6],"ref":"a5"}`)
	s.entry(7)
	if frames := s.Goodbye(); len(frames) != 1 || !strings.Contains(string(frames[0]), `"received":7`) {
		t.Errorf("at the end %q", frames)
	}
}

func TestAnAckNamesABoundedNumberOfEntries(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	for n := range int64(2500) {
		s.entry(n + 1)
	}
	frames := s.Flush(s.now)
	if len(frames) != 3 {
		t.Fatalf("%d frames", len(frames))
	}
	named := int64(0)
	for _, frame := range frames {
		var a ack
		if err := json.Unmarshal(frame, &a); err != nil || len(frame) > 32<<10 || a.Received != 2500 {
			t.Errorf("%d bytes, received %d, %v", len(frame), a.Received, err)
		}
		for i, n := range a.Seen {
			if named++; n != named || a.Accepted[i] != n {
				t.Fatalf("entry %d where %d belongs", n, named)
			}
		}
	}
}

func TestWhatWasNotAcknowledgedDurablyIsAcknowledgedAgainAfterAReconnect(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	for n := range int64(3) {
		s.entry(n + 1)
		s.Flush(s.now)
	}
	s.hear(`{"type":"acked","received":1,"ref":"a1"}`)
	s.entry(4)
	s.Lost(CloseAbnormal, "")
	if frames := s.Goodbye(); frames != nil {
		t.Errorf("to nobody: %q", frames)
	}
	s.welcomed(4)
	s.wantFlush(`{"type":"ack","received":4,"seen":[2,3,4],"accepted":[2,3,4],"ref":"a4"}`)
	s.hear(`{"type":"acked","received":4,"ref":"a4"}`)
	s.Lost(CloseAbnormal, "")
	s.welcomed(4)
	s.wantFlush()
}

func TestACursorThatTheProgramKeptIsAcknowledgedToTheServer(t *testing.T) {
	cursor := int64(7)
	s := newTalk(t, SessionOptions{Cursor: &cursor})
	s.welcomed(7)
	s.wantFlush(`{"type":"ack","received":7,"ref":"a1"}`)
}

func TestAServerThatKnowsLessThanTheClientIsBelieved(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	for n := range int64(5) {
		s.entry(n + 1)
	}
	s.Lost(CloseAbnormal, "")
	s.welcomed(3) // restored from a backup
	s.wantFlush(`{"type":"ack","received":3,"seen":[1,2,3],"accepted":[1,2,3],"ref":"a1"}`)
	s.entry(4)
}

func TestAServerThatKnowsMoreThanTheClientIsBelieved(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	s.entry(1)
	s.Lost(CloseAbnormal, "")
	s.welcomed(6) // another tab with the same id went on
	s.entry(7)
}

func TestAnAckThatIsRefusedIsReportedAndNotSentAgain(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	s.entry(1)
	s.Flush(s.now)
	r := s.hear(`{"type":"error","code":"delivery.not_yours","title":"that is not yours","ref":"a1"}`)
	if r.Problem == nil || r.Problem.Code != "delivery.not_yours" || r.Problem.Title != "that is not yours" {
		t.Errorf("the problem is %+v", r.Problem)
	}
	s.wantFlush()
}

func TestAClientThatAcknowledgesNothingShowsEverythingOnce(t *testing.T) {
	s := newTalk(t, SessionOptions{NoAck: true})
	s.welcomed(0)
	s.entry(1)
	s.entry(2)
	s.wantFlush()
	s.Lost(CloseAbnormal, "")
	if got := string(s.Connect(s.now)); strings.Contains(got, "cursor") {
		t.Errorf("hello acknowledges: %s", got)
	}
	s.welcomed(0) // so everything comes again
	for n := range 2 {
		if r := s.hear(`{"type":"message","agent_sequence":%d}`, n+1); r.Event != nil {
			t.Errorf("entry %d was given out again", n+1)
		}
	}
	s.entry(3)
	if !s.Settled() || s.Goodbye() != nil {
		t.Error("it waits for something")
	}
	for n := int64(4); n <= 12; n++ {
		s.entry(n)
	}
	s.Lost(CloseAbnormal, "")
	s.welcomed(0) // of at most 9: the server was restored from a backup
	s.entry(1)
}

func TestAvailableIsSetOnceAndAgainOnlyIfItWasNotConfirmed(t *testing.T) {
	s := newTalk(t, SessionOptions{Available: true})
	set := `{"type":"presence","value":"available","ref":"presence"}`
	s.Connect(s.now)
	s.wantFlush()
	s.welcomed(0)
	s.wantFlush(set)
	s.wantFlush()
	s.Lost(CloseAbnormal, "")
	s.welcomed(0)
	s.wantFlush(set)
	s.hear(`{"type":"presence","value":"available","ref":"presence"}`)
	s.Lost(CloseAbnormal, "")
	s.welcomed(0)
	s.wantFlush()
}

func TestASilentServerIsAskedAndThenGivenUp(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	start := s.now
	for _, step := range []struct {
		at   time.Duration
		ping bool
	}{{5 * time.Second, true}, {10 * time.Second, true}} {
		s.now = s.NextDeadline()
		if s.now.Sub(start) != step.at {
			t.Fatalf("the next deadline is after %v, want %v", s.now.Sub(start), step.at)
		}
		if err := s.Tick(s.now); err != nil {
			t.Fatal(err)
		}
		s.wantFlush(`{"type":"ping"}`)
	}
	s.now = s.NextDeadline()
	if err := s.Tick(s.now); !errors.Is(err, ErrSilent) || s.now.Sub(start) != 15*time.Second {
		t.Errorf("after %v: %v", s.now.Sub(start), err)
	}
}

func TestASignOfLifeIsAsGoodAsAFrame(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	for range 10 {
		s.now = s.now.Add(4 * time.Second)
		s.Heard(s.now)
		if err := s.Tick(s.now); err != nil {
			t.Fatal(err)
		}
		s.wantFlush()
	}
	s.Heard(s.now.Add(-time.Hour)) // old news
	if got := s.NextDeadline().Sub(s.now); got != 5*time.Second {
		t.Errorf("the next deadline is in %v", got)
	}
}

func TestWaitsBetweenAttemptsGrowFromATenthOfASecondToFiveSecondsWithJitter(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	var waits []time.Duration
	for range 9 {
		wait, err := s.Lost(CloseAbnormal, "")
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait/time.Millisecond)
	}
	if want := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}; !slices.Equal(waits, want) {
		t.Errorf("waits are %v ms", waits)
	}
	s.welcomed(0)
	if wait, _ := s.Lost(CloseAbnormal, ""); wait != 100*time.Millisecond {
		t.Errorf("after a welcome the wait is %v", wait)
	}
	least := newTalk(t, SessionOptions{Random: func() float64 { return 0 }})
	if wait, _ := least.Lost(CloseAbnormal, ""); wait != 50*time.Millisecond {
		t.Errorf("the shortest wait is %v", wait)
	}
	if !least.NextDeadline().IsZero() || least.Tick(least.now.Add(time.Hour)) != nil {
		t.Error("a session without a connection wants something")
	}
}

func TestSomeCloseCodesAreForGood(t *testing.T) {
	for code := range 5000 {
		_, err := newTalk(t, SessionOptions{}).Lost(code, "signed out")
		var closed *ClosedError
		if stopped := errors.As(err, &closed); stopped != slices.Contains([]int{4401, 4403, 4409, 4410}, code) {
			t.Errorf("after %d: %v", code, err)
		} else if stopped && err.Error() != fmt.Sprintf("the server ended the session: signed out (%d)", code) {
			t.Errorf("after %d: %v", code, err)
		}
	}
}

func TestWhatTheProtocolDoesNotAllowIsAFault(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.Connect(s.now)
	s.wantFault(`{"type":"message","agent_sequence":1}`, `"message" came before the welcome`)
	s.welcomed(0)
	s.wantFault(`{"type":"acked","received":1,"ref":"a1"}`, `acked "a1" answers no ack`)
	s.wantFault(`nonsense`, "a frame is not the JSON of the protocol: invalid character 'o' in literal null (expecting 'u')")
}

func TestFramesOfANewerServerAreIgnoredAndItsEntriesKept(t *testing.T) {
	s := newTalk(t, SessionOptions{})
	s.welcomed(0)
	if r := s.hear(`{"type":"weather","is":"fine"}`); r != (Received{}) {
		t.Errorf("the weather became %+v", r)
	}
	s.hear(`{"type":"resync","after":0}`)
	r := s.hear(`{"type":"recording","agent_sequence":1,"at":"2026-11-23T09:00:00Z"}`)
	if r.Event == nil || r.Event.Event != "recording" {
		t.Errorf("the entry became %+v", r.Event)
	}
	s.handle(r.Event)
	s.wantFlush(`{"type":"ack","received":1,"ref":"a1"}`)
}
