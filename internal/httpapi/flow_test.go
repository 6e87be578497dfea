package httpapi

import (
	"testing"
)

func TestAMessageComesInIsAnsweredAndCanBeFollowed(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	first := b.ask("robot", "POST", "/inboxes/web/messages", message("w-1")).want(201)
	if first.text("status") != "routed" || first.text("agent") != "agent-a" || first.number("sequence") != 1 {
		t.Fatalf("answer: %s", first.raw)
	}
	t.Log(first.raw)
	again := b.ask("robot", "POST", "/inboxes/web/messages", message("w-1")).want(200)
	if again.raw != first.raw {
		t.Fatalf("the repetition is answered with\n%s, first it was\n%s", again.raw, first.raw)
	}
	trace := b.ask("admin", "GET", "/messages/"+first.text("message")+"/trace", nil).want(200)
	t.Log(trace.raw)
	vip := b.ask("robot", "POST", "/inboxes/vip/messages", message("v-1"))
	t.Log(vip.raw)
	t.Log(b.ask("admin", "GET", "/conversations?state=waiting", nil).raw)
	t.Log(b.ask("admin", "GET", "/me", nil).raw)
}
