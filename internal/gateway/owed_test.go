package gateway

import (
	"testing"
	"time"
)

// While Bida itself is slow to record acks, a client that waits for their answers is not blamed; the clock goes on when it has been answered.
func TestTheTimeForWhichBidaOwesAnswersIsNotTheClients(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "一", "二")
	a := r.join("agent-a", "tab-1")
	alive := func(d time.Duration) { a.conn.Heard(); r.pass(d, a) }
	alive(2 * time.Second)
	r.hold = true
	a.say(`{"type":"ack","received":1,"ref":"a1"}`)
	alive(time.Second)
	r.post("agent-a", "三")
	alive(9 * time.Second)
	if len(r.late) != 0 {
		t.Fatalf("reported while its ack has no answer: %v", r.late)
	}
	if d := a.conn.NextDeadline(); d.Before(r.now) {
		t.Fatalf("the next deadline, %s, is over", d)
	}
	r.release()
	alive(3*time.Second - 1)
	if len(r.late) != 0 {
		t.Fatalf("reported too early: %v", r.late)
	}
	alive(1)
	equal(t, "2 s before the ack and 3 s after its answer", sequencesOf(r.late["n1"]), []int64{2})
	alive(5 * time.Second)
	equal(t, "later", sequencesOf(r.late["n1"]), []int64{2, 3})
	a.say(`{"type":"ack","received":3,"ref":"a2"}`)
	r.post("agent-a", "四")
	alive(5 * time.Second)
	equal(t, "with answers at once", sequencesOf(r.late["n1"]), []int64{2, 3, 4})
}
