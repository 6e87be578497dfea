package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
)

func TestEntriesAreSentInOrderFromTheCursorOn(t *testing.T) {
	r := newRoom(t, Config{})
	r.cursors["agent-a/tab-1"] = 2
	r.say("agent-a", "一", "二", "三", "四")
	a := r.join("agent-a", "tab-1")
	equal(t, "entries", a.sequences(), []int64{3, 4})
	r.post("agent-a", "五", "六")
	r.wake("agent-a")
	r.wake("agent-b")
	equal(t, "entries", a.sequences(), []int64{3, 4, 5, 6})
	f := a.lastFrame("message")
	for key, want := range map[string]any{
		"type": "message", "event": "message", "agent_sequence": 6.0, "message": "m6", "conversation": "c1", "sequence": 6.0, "inbox": "web",
		"kind": "customer", "text": "六", "at": "2026-11-23T09:00:00Z", "attempt": 1.0,
	} {
		if f[key] != want {
			t.Errorf("%s is %v, want %v", key, f[key], want)
		}
	}
}

func TestAResumeFollowsTheClientsOwnCursorIfItIsAhead(t *testing.T) {
	r := newRoom(t, Config{})
	r.cursors["agent-a/tab-1"] = 1
	r.say("agent-a", "一", "二", "三", "四")
	a := r.connect("agent-a")
	a.say(`{"type":"hello","protocol":1,"client":{"id":"tab-1"},"cursor":3}`)
	equal(t, "entries", a.sequences(), []int64{4})
	if a.lastFrame("welcome")["cursor"] != 3.0 {
		t.Error("the welcome names another cursor")
	}
	a.say(`{"type":"ack","received":3}`) // what it had before it came back
	equal(t, "recorded as pushed here", sequencesOf(r.acks[0].Pushed), nil)
}

func TestAClientIsToldThatItsCursorDoesNotCountAndIsSentWhatItDoesNotHave(t *testing.T) {
	r := newRoom(t, Config{})
	r.cursors["agent-a/tab-1"] = 1
	r.say("agent-a", "一", "二")
	a := r.connect("agent-a")
	a.say(`{"type":"hello","protocol":1,"client":{"id":"tab-1"},"cursor":3,"lang":"en"}`)
	equal(t, "frames", a.types(), []string{"welcome", "error", "message"})
	equal(t, "entries", a.sequences(), []int64{2})
	if e := a.lastFrame("error"); e["code"] != "realtime.cursor_future" || e["detail"] != "/cursor" || e["title"] != "the cursor does not count" {
		t.Errorf("it is told %v", e)
	}
}

func TestWhatAnOldConnectionDidNotAcknowledgeIsSentAgain(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二", "三")
	a := r.join("agent-a", "tab-1")
	a.say(`{"type":"ack","received":1}`)
	a.conn.Gone(ClosedByClient, 1006)
	b := r.join("agent-a", "tab-1")
	equal(t, "entries on the new connection", b.sequences(), []int64{2, 3})
	if got := b.lastFrame("message")["attempt"]; got != 2.0 {
		t.Errorf("attempt is %v, want 2", got)
	}
}

func TestTwoClientsOfAnAccountHaveEachTheirOwnCursor(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二")
	a, b := r.join("agent-a", "tab"), r.join("agent-a", "phone")
	a.say(`{"type":"ack","received":2}`)
	r.post("agent-a", "三")
	equal(t, "entries in the tab", a.sequences(), upTo(3))
	equal(t, "entries on the phone", b.sequences(), upTo(3))
	a.conn.Gone(ClosedByClient, 1001)
	b.conn.Gone(ClosedByClient, 1001)
	equal(t, "entries in the tab after it came back", r.join("agent-a", "tab").sequences(), []int64{3})
	equal(t, "entries on the phone after it came back", r.join("agent-a", "phone").sequences(), upTo(3))
}

func TestALongStreamIsReadInBatchesAndWithoutAskingAgainAtItsEnd(t *testing.T) {
	r := newRoom(t, Config{Batch: 10})
	for i := range 25 {
		r.say("agent-a", fmt.Sprint(i))
	}
	a := r.join("agent-a", "tab-1")
	equal(t, "entries", a.sequences(), upTo(25))
	if r.reads != 3 {
		t.Errorf("%d reads, want 3", r.reads)
	}
}

func TestAWakeDuringAReadIsNotForgotten(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.connect("agent-a")
	a.conn.Frame([]byte(`{"type":"hello","protocol":1,"client":{"id":"tab-1"}}`))
	f, ok := a.conn.Fetch()
	if !ok {
		t.Fatal("no read wanted after the welcome")
	}
	r.say("agent-a", "一")
	a.conn.Wake()
	if a.conn.Wants() {
		t.Error("two reads at once")
	}
	a.conn.Fetched(f, nil, nil)
	a.pump()
	equal(t, "entries", a.sequences(), upTo(1))
}

func TestAnAckGoesToTheDomainWithWhatThisConnectionPushedAndIsAnsweredWhenDurable(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二", "三")
	a := r.join("agent-a", "tab-1")
	pushed := r.now
	r.now = r.now.Add(time.Second)
	r.hold = true
	a.say(`{"type":"ack","received":2,"seen":[1,2],"accepted":[1],"ref":"a1"}`)
	equal(t, "frames before the commit", a.types(), []string{"welcome", "message", "message", "message"})
	ack := r.acks[0]
	if ack.Account != "agent-a" || ack.Client != "tab-1" || ack.Connection != "n1" || ack.Received != 2 {
		t.Errorf("the domain got %+v", ack)
	}
	equal(t, "seen", ack.Seen, []int64{1, 2})
	equal(t, "accepted", ack.Accepted, []int64{1})
	equal(t, "pushed", ack.Pushed, []delivery.Push{{Sequence: 1, At: pushed}, {Sequence: 2, At: pushed}})
	r.release()
	if f := a.lastFrame("acked"); f["received"] != 2.0 || f["ref"] != "a1" {
		t.Errorf("acked is %v", f)
	}
	a.say(`{"type":"ack","received":1}`) // a late one takes nothing back
	a.say(`{"type":"ack","seen":[3]}`)
	a.say(`{"type":"ack","received":3}`)
	for i, want := range []struct {
		received int64
		pushed   []int64
	}{{2, []int64{1, 2}}, {2, nil}, {2, nil}, {3, []int64{3}}} {
		if r.acks[i].Received != want.received {
			t.Errorf("ack %d: received %d, want %d", i, r.acks[i].Received, want.received)
		}
		equal(t, fmt.Sprintf("pushed in ack %d", i), sequencesOf(r.acks[i].Pushed), want.pushed)
	}
}

func TestALateAckOfAWithdrawnEntryIsNamedAsRefused(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一")
	a := r.join("agent-a", "tab-1")
	r.streams["agent-a"][0].Code = "taken"
	a.say(`{"type":"ack","received":1,"seen":[1]}`)
	if refused := a.lastFrame("acked")["refused"].([]any); len(refused) != 1 || refused[0] != 1.0 {
		t.Errorf("refused: %v", refused)
	}
}

func TestAnAckThatCannotBeRecordedBringsTheClientBack(t *testing.T) {
	for _, err := range []error{errStore, errors.New("out of order")} {
		r := newRoom(t, Config{})
		r.say("agent-a", "一")
		a := r.join("agent-a", "tab-1")
		r.ackError = err
		a.say(`{"type":"ack","received":1}`)
		if a.closed != CloseInternal {
			t.Errorf("%v: closed with %d", err, a.closed)
		}
	}
}

func TestAnAckThatTheDomainRefusesIsAnsweredAndItsEntriesStayUnacknowledged(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二")
	a := r.join("agent-a", "tab-1")
	r.ackError = problem.New(problem.Invalid, "delivery.not_yours", "that is not yours", "不属于你")
	a.say(`{"type":"ack","received":1,"ref":"a1"}`)
	if f := a.lastFrame("error"); f["code"] != "delivery.not_yours" || f["ref"] != "a1" || a.closed != 0 {
		t.Errorf("the answer is %v", f)
	}
	r.pass(5*time.Second, a)
	equal(t, "unacknowledged", sequencesOf(r.late["n1"]), []int64{1, 2})
}

func TestAConnectionThatDoesNotAcknowledgeForFiveSecondsIsReportedOnceAndComesBackWithAnyAck(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二")
	a := r.join("agent-a", "tab-1")
	began := r.now
	alive := func(d time.Duration) { a.conn.Heard(); r.pass(d, a) }
	alive(2 * time.Second)
	r.post("agent-a", "三")
	alive(3*time.Second - 1)
	if len(r.late) != 0 {
		t.Fatal("reported too early")
	}
	alive(1)
	equal(t, "unacknowledged after 5 s", sequencesOf(r.late["n1"]), []int64{1, 2})
	equal(t, "since when it did not, and when it was heard", r.silent["n1"], []time.Time{began, began.Add(5*time.Second - 1)})
	alive(10 * time.Second)
	equal(t, "unacknowledged later", sequencesOf(r.late["n1"]), []int64{1, 2, 3})
	r.post("agent-a", "四")
	equal(t, "entries, which a person may see all the same", a.sequences(), upTo(4))
	a.say(`{"type":"ack","received":3}`)
	equal(t, "pushed, without what was reported", sequencesOf(r.acks[0].Pushed), nil)
	a.say(`{"type":"ack","received":4}`)
	equal(t, "pushed", sequencesOf(r.acks[1].Pushed), []int64{4})
	alive(10 * time.Second)
	equal(t, "unacknowledged at the end", sequencesOf(r.late["n1"]), []int64{1, 2, 3})
	r.post("agent-a", "五")
	alive(5 * time.Second)
	equal(t, "unacknowledged, since it was responsive again", sequencesOf(r.late["n1"]), []int64{1, 2, 3, 5})
}

func TestAClientThatReadsAndNeverAcknowledgesIsSentEverythingInBoundedPortions(t *testing.T) {
	r := newRoom(t, Config{Window: 10, Batch: 4})
	for i := range 35 {
		r.say("agent-a", fmt.Sprint(i))
	}
	a := r.join("agent-a", "tab-1")
	for portion := int64(1); portion <= 4; portion++ {
		equal(t, "entries", a.sequences(), upTo(min(10*portion, 35)))
		a.conn.Heard()
		r.pass(5*time.Second, a)
	}
	equal(t, "unacknowledged, each once", sequencesOf(r.late["n1"]), upTo(35))
}

func TestAnAckMakesRoomInTheWindow(t *testing.T) {
	r := newRoom(t, Config{Window: 3})
	r.say("agent-a", "一", "二", "三", "四", "五")
	a := r.join("agent-a", "tab-1")
	equal(t, "entries", a.sequences(), upTo(3))
	a.say(`{"type":"ack","received":2}`)
	equal(t, "entries", a.sequences(), upTo(5))
}

func TestASlowClientHoldsABoundedNumberOfBytesAndCatchesUpAfterAResync(t *testing.T) {
	r := newRoom(t, Config{Queue: 4096, Window: 10_000})
	a := r.connect("agent-a")
	a.limit = 4096
	a.say(`{"type":"hello","protocol":1,"client":{"id":"tab-1"}}`)
	for i := range 300 {
		r.post("agent-a", strings.Repeat("慢", 20)+fmt.Sprint(i))
		if a.size > 4096 {
			t.Fatalf("%d bytes are queued", a.size)
		}
	}
	stuck := len(a.sequences())
	if stuck == 300 || len(a.conn.held) > 0 {
		t.Fatal("the queue was never full")
	}
	reads := r.reads
	r.post("agent-a", "and on")
	if r.reads != reads {
		t.Error("entries are read for a queue without room")
	}
	r.now = r.now.Add(2 * time.Second)
	a.conn.Heard()
	for len(a.sequences()) < 301 {
		a.drain()
	}
	equal(t, "entries", a.sequences(), upTo(301))
	if n := strings.Count(strings.Join(a.types(), " "), "resync"); n != 1 {
		t.Errorf("%d resyncs", n)
	}
	if f := a.lastFrame("resync"); f["after"] != float64(stuck) {
		t.Errorf("resync is %v, want after %d", f, stuck)
	}
	if at := slices.Index(a.types(), "resync"); at != stuck+1 { // after the welcome and what was queued
		t.Errorf("resync is frame %d", at)
	}
}

func TestAQueueThatEmptiesQuicklyIsNoResync(t *testing.T) {
	r := newRoom(t, Config{Window: 10_000})
	a := r.connect("agent-a")
	a.limit = 2000
	for i := range 100 {
		r.say("agent-a", fmt.Sprint(i))
	}
	a.say(`{"type":"hello","protocol":1,"client":{"id":"tab-1"}}`)
	for len(a.sequences()) < 100 {
		a.drain()
	}
	equal(t, "entries", a.sequences(), upTo(100))
	if slices.Contains(a.types(), "resync") {
		t.Error("a resync although the client kept up")
	}
}

func TestAnswersToAClientThatDoesNotReadWaitInOrderAndAreBounded(t *testing.T) {
	r := newRoom(t, Config{heldBytes: 200})
	a := r.join("agent-a", "tab-1")
	a.limit = a.size
	a.say(`{"type":"ping","ref":"1"}`)
	a.say(`{"type":"ping","ref":"2"}`)
	equal(t, "frames", a.types(), []string{"welcome"})
	a.limit = 10_000
	a.say(`{"type":"ping","ref":"3"}`)
	a.drain()
	equal(t, "frames", a.types(), []string{"welcome", "pong", "pong", "pong"})
	if a.lastFrame("pong")["ref"] != "3" {
		t.Error("answers overtook each other")
	}
	a.limit = a.size
	for range 20 {
		a.say(`{"type":"ping"}`)
	}
	a.wantClosed(CloseTooMany, "the answers to your frames are not being read")
}

func TestAReadThatFailsIsTriedAgainAndNeverTakenForEmpty(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一")
	r.readError = errStore
	a := r.join("agent-a", "tab-1")
	for range 4 {
		a.conn.Heard()
		r.pass(time.Second, a)
	}
	if a.closed != 0 || r.reads < 4 || r.reads > 8 {
		t.Errorf("closed %d after %d reads", a.closed, r.reads)
	}
	r.readError = nil
	a.conn.Heard()
	r.pass(2*time.Second, a)
	equal(t, "entries", a.sequences(), upTo(1))
}

func TestAStreamThatCannotBeReadForLongSendsTheClientElsewhere(t *testing.T) {
	r := newRoom(t, Config{})
	r.readError = errStore
	a := r.join("agent-a", "tab-1")
	for range 15 {
		a.conn.Heard()
		r.pass(time.Second, a)
	}
	a.wantClosed(CloseInternal, "存储不可用")
}

func TestAnAccountThatMayNotReadAnyMoreIsClosed(t *testing.T) {
	r := newRoom(t, Config{})
	r.readError = errFrozen
	r.join("agent-a", "tab-1").wantClosed(CloseForbidden, "账号已冻结")
}

func TestAGapIsToldAndNotWaitedFor(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二", "三", "四")
	r.streams["agent-a"] = append([]delivery.Event{{Event: delivery.EventGap, AgentSequence: 1, To: 3}}, r.streams["agent-a"][3])
	a := r.join("agent-a", "tab-1")
	equal(t, "frames", a.types(), []string{"welcome", "gap", "message"})
	if f := a.lastFrame("gap"); f["agent_sequence"] != 1.0 || f["to"] != 3.0 {
		t.Errorf("gap is %v", f)
	}
	r.pass(5*time.Second, a)
	equal(t, "unacknowledged", sequencesOf(r.late["n1"]), []int64{4})
	a.say(`{"type":"ack","received":3}`)
	if a.closed != 0 || r.acks[0].Received != 3 {
		t.Error("a gap cannot be acknowledged")
	}
}

func TestAHoleInTheStreamIsNeverPassedOver(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二", "三")
	r.streams["agent-a"] = slices.Delete(r.streams["agent-a"], 1, 2)
	a := r.join("agent-a", "tab-1")
	equal(t, "entries", a.sequences(), upTo(1))
	a.wantClosed(CloseInternal, "entry 2 cannot be found; please connect again")
}

func TestWithdrawalsAndTombstonesKeepTheirNumberInTheStream(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二", "三")
	r.streams["agent-a"][0] = delivery.Event{Event: delivery.EventTombstone, AgentSequence: 1, Code: "membership.inbox", Reason: "已不在该渠道"}
	r.streams["agent-a"][2] = delivery.Event{Event: delivery.EventWithdrawn, AgentSequence: 3, Withdraws: 2, Code: "routing.accept_timeout"}
	a := r.join("agent-a", "tab-1")
	equal(t, "frames", a.types(), []string{"welcome", "tombstone", "message", "withdrawn"})
	if f := a.lastFrame("withdrawn"); f["withdraws"] != 2.0 || f["code"] != "routing.accept_timeout" {
		t.Errorf("withdrawn is %v", f)
	}
	if _, has := a.lastFrame("tombstone")["text"]; has {
		t.Error("a tombstone has a text")
	}
}

func TestAnIdleConnectionKeepsNothingOfWhatPassed(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	for i := range 200 {
		r.post("agent-a", fmt.Sprint(i))
	}
	a.say(`{"type":"ack","received":200}`)
	if a.conn.pushed != nil || a.conn.held != nil {
		t.Error("an idle connection holds on to what it sent")
	}
}
