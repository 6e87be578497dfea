package httpapi

import (
	"testing"
	"time"
)

func TestAConversationIsSetAsideAndTakenUpAgainOverTheAPI(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	m := b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "1", "contact": map[string]any{"id": "u"}, "text": "x"}).want(201)
	at := "/conversations/" + m.text("conversation")
	until := b.clock().Add(time.Hour)
	input := map[string]any{"until": until.Format(time.RFC3339), "id": "s1"}
	set := b.ask("agent-a", "POST", at+"/snooze", input).want(200)
	got, err := time.Parse(time.RFC3339, set.text("snoozed_until"))
	if err != nil || !got.Equal(until.Truncate(time.Second)) || set.text("owner") != "agent-a" {
		t.Errorf("set aside: %s", set.raw)
	}
	b.ask("agent-a", "POST", at+"/snooze", input).want(200) // the same again
	b.ask("agent-a", "POST", at+"/snooze", map[string]any{"until": b.clock().Format(time.RFC3339)}).problem(400, "conversation.snooze_until", "/until")
	b.ask("agent-a", "POST", at+"/snooze", map[string]any{}).problem(400, "request.invalid", "/until")
	b.ask("agent-b", "POST", at+"/snooze", input).problem(404, "conversation.not_found", "/id") // it is none of its business
	if got := b.ask("agent-a", "POST", at+"/wake", nil).want(200); got.body["snoozed_until"] != nil {
		t.Errorf("taken up again: %s", got.raw)
	}
	b.ask("sup", "POST", at+"/snooze", map[string]any{"until": until.Format(time.RFC3339)}).want(200)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "2", "contact": map[string]any{"id": "u"}, "text": "y"}).want(201)
	if got := b.ask("agent-a", "GET", at, nil).want(200); got.body["snoozed_until"] != nil {
		t.Errorf("the customer has written: %s", got.raw)
	}
}
