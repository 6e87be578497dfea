package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// foundIDs are the messages, or the codes of the refusals, that an answer has.
func foundIDs(r *reply) string {
	var ids []string
	for _, x := range r.list("found") {
		f := x.(map[string]any)
		if f["found"] == "refusal" {
			ids = append(ids, "refusal "+f["code"].(string))
			continue
		}
		ids = append(ids, f["message"].(string))
	}
	return strings.Join(ids, ", ")
}

func TestAMessageIsFoundByEveryIDThatLeadsToIt(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	first := b.ask("robot", "POST", "/inboxes/web/messages", message("order-1")).want(201)
	next := message("order-2")
	next["contact"] = message("order-1")["contact"]
	second := b.ask("robot", "POST", "/inboxes/web/messages", next).want(201)
	broken := message("order-3")
	broken["kind"] = "telegram"
	b.ask("robot", "POST", "/inboxes/web/messages", broken).want(400)

	one, two, c := first.text("message"), second.text("message"), first.text("conversation")
	if second.text("conversation") != c {
		t.Fatal("the second message is in another conversation")
	}
	for id, want := range map[string]string{
		"order-1": one, "order-3": "refusal intake.kind_not_produced", one: one, c: one + ", " + two, "nothing": "", "m999": "", "c999": "", "m": "",
	} {
		for _, actor := range []string{"admin", "sup"} {
			if got := b.ask(actor, "GET", "/messages?id="+id, nil).want(200); foundIDs(got) != want {
				t.Errorf("%s as %s: %s", id, actor, got.raw)
			}
		}
	}
	got := b.ask("admin", "GET", "/messages?id=order-1", nil).want(200)
	if f := got.list("found")[0].(map[string]any); f["inbox"] != "web" || f["direction"] != "in" || f["status"] != "routed" || f["conversation"] != c {
		t.Errorf("found %v", f)
	}
	if strings.Contains(got.raw, fmt.Sprint(message("order-1")["text"])) {
		t.Errorf("the answer has the message's text: %s", got.raw)
	}
}

func TestASearchFindsOnlyWhatOneMaySee(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	m := b.ask("robot", "POST", "/inboxes/web/messages", message("order-1")).want(201)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "order-2", "contact": map[string]any{"id": ""}, "text": "x"}).want(400)
	for _, test := range []struct{ actor, id, want string }{
		{"agent-a", "order-1", m.text("message")},
		{"agent-a", m.text("message"), m.text("message")},
		{"agent-a", m.text("conversation"), m.text("message")},
		{"agent-a", "order-2", ""}, // the intake log is not an agent's
		{"agent-b", "order-1", ""}, // a colleague has it
		{"agent-b", m.text("message"), ""},
		{"agent-b", m.text("conversation"), ""},
		{"robot", "order-1", m.text("message")}, // the sender knows its own id
		{"robot", m.text("message"), ""},        // numbers that Bida gives out can be guessed
		{"robot", m.text("conversation"), ""},
		{"robot", "order-2", "refusal intake.invalid"},
	} {
		if got := b.ask(test.actor, "GET", "/messages?id="+test.id, nil).want(200); foundIDs(got) != test.want {
			t.Errorf("%s as %s: %s, want %s", test.id, test.actor, got.raw, test.want)
		}
	}
	b.ask("admin", "GET", "/messages", nil).problem(400, "request.invalid", "/id")
	b.ask("admin", "GET", "/messages?id="+strings.Repeat("x", 129), nil).problem(400, "request.invalid", "/id")
}

func TestATraceSaysWhatPeopleCallThoseItNames(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	m := b.ask("robot", "POST", "/inboxes/web/messages", message("order-1")).want(201)
	all := b.ask("sup", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	own := b.ask("agent-a", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	titles := all.body["titles"].(map[string]any)
	for _, want := range []string{"account/agent-a", "account/agent-b", "inbox/web"} {
		if titles[want] == "" || titles[want] == nil {
			t.Errorf("%s has no title in %v", want, titles)
		}
	}
	if mine := own.body["titles"].(map[string]any); mine["account/agent-b"] != nil || mine["account/agent-a"] == nil {
		t.Errorf("an agent is told the titles %v", mine)
	}
}

func TestATimelineIsPassedOn(t *testing.T) {
	b := newBench(t)
	got := b.ask("agent-a", "GET", "/accounts/agent-a/timeline?from=2026-11-23T09:00:00%2B08:00", nil).want(200)
	if got.text("agent") != "agent-a" || got.text("from") != "2026-11-23T09:00:00.000+08:00" || got.body["titles"].(map[string]any)["by"] != "agent-a" {
		t.Errorf("answered with %s", got.raw)
	}
	b.ask("agent-a", "GET", "/accounts/agent-b/timeline", nil).problem(403, "permission.missing", "")
	b.server.o.Diagnose = nil
	b.ask("agent-a", "GET", "/accounts/agent-a/timeline", nil).problem(503, "diagnosis.unavailable", "")
}
