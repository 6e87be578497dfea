package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
)

// owned posts a message that agent-a gets, and returns its conversation and message.
func owned(b *bench) (id, messageID string) {
	b.t.Helper()
	b.online("agent-a")
	m := b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	if m.text("agent") != "agent-a" {
		b.t.Fatalf("it went elsewhere: %s", m.raw)
	}
	return m.text("conversation"), m.text("message")
}

func TestAnAnswerGoesOutOnceAndIsDeliveredWhenItWasRead(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	path := "/conversations/" + id + "/replies"
	first := b.ask("agent-a", "POST", path, map[string]any{"id": "r1", "text": "在路上 😀"}).want(201)
	if first.number("sequence") != 2 || first.number("contact_sequence") != 1 || first.text("state") != "sent" || first.text("conversation") != id {
		t.Errorf("answered with %s", first.raw)
	}
	if again := b.ask("agent-a", "POST", path, map[string]any{"id": "r1", "text": "在路上 😀"}).want(200); again.raw != first.raw {
		t.Errorf("repeated, it is answered with %s, first it was %s", again.raw, first.raw)
	}
	b.ask("agent-a", "POST", path, map[string]any{"id": "r1", "text": "other"}).problem(409, "conversation.duplicate_conflict", "/id")
	b.ask("agent-a", "POST", path, map[string]any{"id": "r2", "text": "第二条"}).want(201)

	read := b.ask("robot", "GET", "/inboxes/web/replies", nil).want(200)
	replies := read.list("replies")
	one := replies[0].(map[string]any)
	if len(replies) != 2 || one["id"] != "r1" || one["text"] != "在路上 😀" || one["sequence"] != 1.0 || one["contact"] != "contact-x" || one["state"] != "sent" ||
		fmt.Sprint(one["agent"]) != "map[alias:小甲]" {
		t.Errorf("read %s", read.raw)
	}
	if strings.Contains(read.raw, "agent-a") || strings.Contains(read.raw, "甲\"") && !strings.Contains(read.raw, "小甲") {
		t.Errorf("the customer's side learns the account: %s", read.raw)
	}
	again := b.ask("robot", "GET", "/inboxes/web/replies?limit=1", nil).want(200)
	if len(again.list("replies")) != 1 || strings.Contains(again.raw, `"delivered"`) {
		t.Errorf("read again: %s", again.raw)
	}
	rest := b.ask("robot", "GET", "/inboxes/web/replies?cursor="+again.text("cursor"), nil).want(200)
	if len(rest.list("replies")) != 1 || rest.text("cursor") != read.text("cursor") {
		t.Errorf("the rest is %s", rest.raw)
	}
	messages := b.ask("agent-a", "GET", "/conversations/"+id+"/messages", nil).want(200)
	if !strings.Contains(messages.raw, `"author":"agent-a","author_title":"甲","at":"2026-11-23T02:00:00.000+00:00","state":"delivered"`) || strings.Count(messages.raw, `"state":"sent"`) != 1 {
		t.Errorf("the messages are %s", messages.raw)
	}
	position := b.ledger.Position()
	end := b.ask("robot", "GET", "/inboxes/web/replies?cursor="+rest.text("cursor"), nil).want(200)
	if len(end.list("replies")) != 0 || end.text("cursor") != rest.text("cursor") {
		t.Errorf("at the end: %s", end.raw)
	}
	for range 3 {
		b.ask("robot", "GET", "/inboxes/web/replies?cursor="+rest.text("cursor"), nil).want(200)
	}
	if got := b.ledger.Position(); got > position+1 {
		t.Errorf("polling without news wrote %d positions", got-position)
	}
	b.ask("robot", "GET", "/inboxes/web/replies?cursor=99999999", nil).problem(400, "request.invalid_cursor", "/cursor")
	b.ask("robot", "GET", "/inboxes/nope/replies", nil).problem(404, "intake.unknown_inbox", "/inbox")
	if got := b.ask("robot", "GET", "/inboxes/vip/replies", nil).want(200); len(got.list("replies")) != 0 || got.text("cursor") != "0" {
		t.Errorf("of an inbox without replies: %s", got.raw)
	}
}

func TestABadAnswerIsRefusedByField(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	path := "/conversations/" + id + "/replies"
	for field, body := range map[string]any{
		"/text":        map[string]any{"id": "r", "text": ""},
		"/id":          map[string]any{"id": "", "text": "a"},
		"/attachments": map[string]any{"id": "r", "text": "a", "attachments": make([]string, 11)},
	} {
		b.ask("agent-a", "POST", path, body).problem(400, "conversation.invalid", field)
	}
	b.ask("agent-a", "POST", path, map[string]any{"id": "r", "text": strings.Repeat("x", 16385)}).problem(413, "conversation.too_large", "/text")
	b.ask("agent-a", "POST", path, map[string]any{"text": "a"}).problem(400, "request.invalid", "/id")
	b.ask("agent-a", "POST", path, map[string]any{"id": "r", "text": "a", "txt": "b"}).problem(400, "request.invalid", "/txt")
	b.ask("agent-a", "POST", path, "{\"id\":\"r\",\"text\":\"\xff\"}").problem(400, "request.invalid", "/text")
	if c := b.ledger.OpenConversation(parse(t, id)); c.Answered != 0 {
		t.Error("something was sent")
	}
}

func parse(t *testing.T, id string) int64 {
	t.Helper()
	n, ok := conversation.ParseID('c', id)
	if !ok {
		t.Fatalf("%q is no conversation", id)
	}
	return n
}

func TestAConversationIsTakenHandedOverGivenBackAndEnded(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	b.online("agent-b")
	path := "/conversations/" + id
	b.ask("agent-a", "POST", path+"/accept", nil).want(200)
	if got := b.ask("agent-a", "POST", path+"/accept", map[string]any{"id": "a1"}).want(200); got.text("owner") != "agent-a" || got.body["accepted"] != true {
		t.Errorf("accepted: %s", got.raw)
	}
	b.ask("agent-a", "POST", path+"/transfer", map[string]any{"to": "agent-a"}).problem(409, "conversation.same_owner", "/to")
	b.ask("agent-a", "POST", path+"/transfer", map[string]any{"to": "ghost"}).want(409)
	b.ask("agent-a", "POST", path+"/transfer", map[string]any{}).problem(400, "request.invalid", "/to")
	moved := b.ask("agent-a", "POST", path+"/transfer", map[string]any{"to": "agent-b", "id": "t1"}).want(200)
	if moved.text("owner") != "agent-b" {
		t.Errorf("transferred: %s", moved.raw)
	}
	b.ask("agent-a", "POST", path+"/transfer", map[string]any{"to": "agent-b", "id": "t1"}).want(200) // once, whoever repeats it
	b.ask("agent-a", "POST", path+"/transfer", map[string]any{"to": "sup", "id": "t1"}).problem(409, "conversation.duplicate_conflict", "/id")
	b.ask("agent-a", "POST", path+"/resolve", nil).problem(403, "conversation.not_owner", "")
	back := b.ask("agent-b", "POST", path+"/release", map[string]any{"id": "g1"}).want(200)
	if back.text("owner") != "agent-a" {
		t.Errorf("given back: %s", back.raw)
	}
	b.ask("agent-b", "POST", path+"/release", map[string]any{"id": "g1"}).want(200)
	if got := b.ask("sup", "POST", path+"/transfer", map[string]any{"to": "agent-b"}).want(200); got.text("owner") != "agent-b" {
		t.Errorf("a supervisor hands over: %s", got.raw)
	}
	ended := b.ask("sup", "POST", path+"/resolve", nil).want(200)
	if ended.text("status") != "resolved" || ended.body["owner"] != nil {
		t.Errorf("resolved: %s", ended.raw)
	}
	b.ask("sup", "POST", path+"/resolve", nil).want(200)
	b.ask("agent-b", "POST", path+"/accept", nil).problem(409, "conversation.resolved", "")
	if got := b.ask("agent-b", "GET", path, nil).want(200); got.text("status") != "resolved" {
		t.Errorf("read: %s", got.raw)
	}
}

func TestConversationsAreListedForThoseWhoMaySeeThem(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	for i := range 5 {
		b.ask("robot", "POST", "/inboxes/web/messages", message(fmt.Sprint("w", i))).want(201) // agent-a's
	}
	waiting := b.ask("robot", "POST", "/inboxes/vip/messages", message("v1")).want(201).text("conversation") // agent-b's to take
	list := func(actor, query string) (ids []string) {
		t.Helper()
		for cursor := ""; ; {
			got := b.ask(actor, "GET", "/conversations?"+query+"&cursor="+cursor, nil).want(200)
			for _, c := range got.list("conversations") {
				ids = append(ids, c.(map[string]any)["id"].(string))
			}
			if cursor, _ = got.body["cursor"].(string); cursor == "" {
				return ids
			}
		}
	}
	if all := list("sup", "limit=2"); len(all) != 6 || !slices.Contains(all, waiting) {
		t.Errorf("a supervisor sees %v", all)
	}
	if got := list("agent-a", "limit=2"); len(got) != 5 || slices.Contains(got, waiting) {
		t.Errorf("agent-a sees %v", got)
	}
	if got := list("agent-a", "state=mine&limit=4"); len(got) != 5 {
		t.Errorf("agent-a has %v", got)
	}
	if got := list("agent-b", "limit=2"); !slices.Equal(got, []string{waiting}) {
		t.Errorf("agent-b sees %v", got)
	}
	if got := list("sup", "state=mine&limit=2"); len(got) != 0 {
		t.Errorf("the supervisor has %v", got)
	}
	if got := list("sup", "inbox=web&limit=500"); len(got) != 5 {
		t.Errorf("of inbox web: %v", got)
	}
	got := b.ask("agent-b", "GET", "/conversations?state=waiting", nil, "Accept-Language", "zh").want(200)
	why := got.list("conversations")[0].(map[string]any)["waiting"].(map[string]any)
	if why["code"] != "routing.nobody_eligible" || !strings.HasPrefix(why["summary"].(string), "0/1 名客服可接收:") && !strings.HasPrefix(why["summary"].(string), "0/1 名客服可接收：") {
		t.Errorf("it waits because %v", why)
	}
	b.online("agent-b") // what is shown is what holds when it is read
	got = b.ask("agent-b", "GET", "/conversations/"+waiting, nil).want(200)
	if why := got.body["waiting"].(map[string]any); why["code"] != "routing.offered.manual" {
		t.Errorf("now it waits because %v", why)
	}
}

// TestWhatMustNotAppear asks as everybody for one conversation of agent-a's in inbox web and one that waits in inbox vip, where only agent-b serves.
func TestWhatMustNotAppear(t *testing.T) {
	b := newBench(t)
	id, messageID := owned(b)
	vip := b.ask("robot", "POST", "/inboxes/vip/messages", message("v1")).want(201)
	b.ask("agent-a", "POST", "/conversations/"+id+"/replies", map[string]any{"id": "r1", "text": "a"}).want(201)
	for actor, may := range map[string]struct{ web, vip bool }{
		"agent-a": {true, false}, "agent-b": {false, true}, "sup": {true, true}, "admin": {true, true},
	} {
		for path, visible := range map[string]bool{
			"/conversations/" + id: may.web, "/conversations/" + id + "/messages": may.web, "/messages/" + messageID + "/trace": may.web,
			"/messages/trace?inbox=web&sender_id=x":      may.web,
			"/conversations/" + vip.text("conversation"): may.vip, "/conversations/" + vip.text("conversation") + "/messages": may.vip,
			"/messages/" + vip.text("message") + "/trace": may.vip, "/messages/trace?inbox=vip&sender_id=v1": may.vip,
		} {
			got := b.ask(actor, "GET", path, nil)
			if visible {
				got.want(200)
			} else if got.want(404); strings.Contains(got.raw, "order") || strings.Contains(got.raw, "contact-") {
				t.Errorf("GET %s as %s: %s", path, actor, got.raw)
			}
		}
		if may.vip {
			continue
		}
		for _, action := range []string{"accept", "resolve", "release"} {
			b.ask(actor, "POST", "/conversations/"+vip.text("conversation")+"/"+action, nil).problem(404, "conversation.not_found", "/id")
		}
		b.ask(actor, "POST", "/conversations/"+vip.text("conversation")+"/replies", map[string]any{"id": "r", "text": "a"}).problem(404, "conversation.not_found", "/id")
	}
	for _, id := range []string{"c999", "c0", "c01", "c+1", "m1", "17", "c", "c99999999999999999999"} {
		b.ask("admin", "GET", "/conversations/"+id, nil).problem(404, "conversation.not_found", "/id")
		b.ask("admin", "GET", "/messages/"+id+"/trace", nil).want(404)
	}
}

func TestATraceShowsAnAgentOnlyItself(t *testing.T) {
	b := newBench(t)
	id, messageID := owned(b)
	whole := b.ask("auditor", "GET", "/messages/"+messageID+"/trace", nil).want(200)
	if !strings.Contains(whole.raw, `"agent":"agent-b"`) || len(whole.list("deliveries")) != 1 {
		t.Errorf("with the right to traces: %s", whole.raw)
	}
	own := b.ask("agent-a", "GET", "/messages/"+messageID+"/trace", nil).want(200)
	if strings.Contains(own.raw, "agent-b") || !strings.Contains(own.raw, `"agent":"agent-a"`) || len(own.list("deliveries")) != 1 {
		t.Errorf("as agent-a: %s", own.raw)
	}
	// Who had it before still sees its own part, and not the colleague's.
	b.online("agent-b")
	b.tick(time.Second)
	b.ask("agent-a", "POST", "/conversations/"+id+"/transfer", map[string]any{"to": "agent-b"}).want(200)
	before := b.ask("agent-a", "GET", "/messages/"+messageID+"/trace", nil).want(200)
	if !strings.Contains(before.raw, `"withdrawn"`) || len(before.list("deliveries")) != 1 || strings.Contains(before.raw, `"connection":"`) {
		t.Errorf("as agent-a: %s", before.raw)
	}
	for _, d := range before.list("deliveries") {
		if d.(map[string]any)["agent"] != "agent-a" {
			t.Errorf("agent-a sees the delivery %v", d)
		}
	}
	sender := b.ask("robot", "GET", "/messages/trace?inbox=web&sender_id=x", nil).want(200)
	if strings.Contains(sender.raw, `"candidates":[{`) || len(sender.list("deliveries")) != 0 || strings.Contains(sender.raw, "pushed") || !strings.Contains(sender.raw, `"stage":"decided"`) {
		t.Errorf("as the sender: %s", sender.raw)
	}
	b.ask("robot", "GET", "/messages/"+messageID+"/trace", nil).problem(403, "permission.missing", "")
}

func TestWhoLosesTheRightToAnInboxLosesItsConversations(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	b.online("agent-b")
	b.ask("agent-a", "POST", "/conversations/"+id+"/transfer", map[string]any{"to": "agent-b"}).want(200)
	b.ask("agent-a", "GET", "/conversations/"+id+"/messages", nil).want(200) // had it once
	web := map[string]any{"spec": map[string]any{
		"title": "官网", "channel": "api", "mode": "live", "kinds": []any{"customer"}, "members": map[string]any{"accounts": []any{"agent-b"}},
		"routing": map[string]any{"strategy": "least_loaded"},
	}}
	b.ask("admin", "PUT", "/policy/documents/inbox/web", web, "If-Match", "*").want(200)
	b.ask("agent-a", "GET", "/conversations/"+id+"/messages", nil).problem(404, "conversation.not_found", "/id")
}

func TestMeTellsWhatOneMayAndCanReceive(t *testing.T) {
	b := newBench(t)
	got := b.ask("agent-a", "GET", "/me", nil).want(200)
	cells := got.list("can_receive")
	first := cells[0].(map[string]any)
	if got.text("account") != "agent-a" || got.text("alias") != "小甲" || len(cells) != 2 || first["inbox"] != "web" || first["can"] != false || first["gate"] != "account.login" {
		t.Errorf("agent-a is %s", got.raw)
	}
	b.online("agent-a")
	got = b.ask("agent-a", "GET", "/me", nil).want(200)
	if first := got.list("can_receive")[0].(map[string]any); first["can"] != true || first["outcome"] != "pass" {
		t.Errorf("agent-a is %s", got.raw)
	}
	if p := fmt.Sprint(got.list("permissions")); !strings.Contains(p, "message.reply") || strings.Contains(p, "policy.edit") {
		t.Errorf("agent-a may %s", p)
	}
	if p := fmt.Sprint(b.ask("robot", "GET", "/me", nil).list("permissions")); p != "[message.post reply.read]" {
		t.Errorf("the robot may %s", p)
	}
}

func TestPresenceIsSetByOneselfOrASupervisor(t *testing.T) {
	b := newBench(t)
	own := b.ask("agent-a", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "away", "reason": "lunch", "until": "2026-11-23T12:30:00+08:00"}).want(200)
	if own.text("value") != "away" || own.text("until") != "2026-11-23T04:30:00.000+00:00" || own.text("by") != "agent-a" || own.text("since") != "2026-11-23T02:00:00.000+00:00" {
		t.Errorf("set: %s", own.raw)
	}
	b.ask("agent-a", "PUT", "/accounts/agent-b/presence", map[string]any{"value": "away"}).problem(403, "permission.missing", "")
	if got := b.ask("sup", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "available"}).want(200); got.text("by") != "sup" {
		t.Errorf("set: %s", got.raw)
	}
	b.ask("sup", "PUT", "/accounts/ghost/presence", map[string]any{"value": "away"}).problem(404, "account.not_found", "/name")
	b.ask("sup", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "asleep"}).problem(400, "request.invalid", "/value")
	b.ask("sup", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "away", "until": "2026-11-23T00:00:00+08:00"}).problem(400, "presence.until_past", "/until")
	b.ask("sup", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "away", "reason": strings.Repeat("长", 201)}).problem(400, "presence.reason", "/reason")
	if got := b.ask("agent-b", "GET", "/accounts/agent-b/presence", nil).want(200); got.text("value") != "offline" {
		t.Errorf("never set: %s", got.raw)
	}
}

func TestTokensAndSessionsAreManagedOverTheAPI(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	made := b.ask("agent-a", "POST", "/accounts/agent-a/tokens", map[string]any{"label": "手机", "expires": "2026-11-24T10:00:00+08:00"}).want(201)
	if !strings.HasPrefix(made.text("token"), "bida_") || made.text("expires") != "2026-11-24T02:00:00.000+00:00" {
		t.Errorf("made: %s", made.raw)
	}
	b.ask("agent-a", "POST", "/accounts/agent-a/tokens", nil).want(201) // a body is not needed
	list := b.ask("agent-a", "GET", "/accounts/agent-a/tokens", nil).want(200)
	if len(list.list("tokens")) != 3 || !strings.Contains(list.raw, `"label":"手机"`) || !strings.Contains(list.raw, `"last_used":"2026-11-23T02:00:00.000+00:00"`) {
		t.Errorf("listed: %s", list.raw)
	}
	sessions := b.ask("agent-a", "GET", "/accounts/agent-a/sessions", nil).want(200).list("sessions")
	first := sessions[0].(map[string]any)
	if len(sessions) != 1 || len(first["connections"].([]any)) != 1 || first["token"] == "" {
		t.Errorf("sessions: %v", sessions)
	}
	if got := b.ask("agent-a", "DELETE", "/accounts/agent-a/tokens?id="+made.text("id"), nil).want(200); fmt.Sprint(got.list("revoked")) != "["+made.text("id")+"]" {
		t.Errorf("revoked: %s", got.raw)
	}
	b.ask("agent-a", "DELETE", "/accounts/agent-a/tokens?id=t999", nil).problem(404, "identity.token_not_found", "/id")
	b.ask("admin", "DELETE", "/accounts/ghost/tokens", nil).problem(404, "account.not_found", "/name")
	b.ask("admin", "POST", "/accounts/ghost/tokens", nil).want(404)
	b.ask("agent-a", "POST", "/accounts/agent-a/tokens", map[string]any{"expires": "2020-01-01T00:00:00Z"}).problem(400, "identity.invalid_expiry", "/expires")
	b.ask("agent-a", "POST", "/accounts/agent-a/tokens", map[string]any{"label": strings.Repeat("长", 101)}).problem(400, "request.invalid", "/label")
	if got := b.ask("sup", "DELETE", "/accounts/agent-a/sessions?id="+first["id"].(string), nil).want(200); len(got.list("ended")) != 1 {
		t.Errorf("ended: %s", got.raw)
	}
	b.ask("sup", "DELETE", "/accounts/agent-a/sessions?id=s999", nil).problem(404, "identity.session_not_found", "/id")
	audit := b.ask("auditor", "GET", "/audit", nil).want(200)
	for _, action := range []string{"token.create", "token.revoke", "session.end", "policy.apply"} {
		if !strings.Contains(audit.raw, `"action":"`+action+`"`) {
			t.Errorf("the audit log lacks %s: %s", action, audit.raw)
		}
	}
	two := b.ask("auditor", "GET", "/audit?limit=2", nil).want(200)
	rest := b.ask("auditor", "GET", "/audit?limit=500&cursor="+two.text("cursor"), nil).want(200)
	if len(two.list("entries"))+len(rest.list("entries")) != len(audit.list("entries")) {
		t.Errorf("in pieces: %s and %s", two.raw, rest.raw)
	}
}

func TestADiagnosisIsPassedOn(t *testing.T) {
	b := newBench(t)
	got := b.ask("agent-a", "GET", "/diagnosis?inbox=web&kind=group&message=m1&at=2026-11-23T09:00:00%2B08:00", nil, "Accept-Language", "zh").want(200)
	if got.text("verdict") != "receiving" || got.text("next") != "asked by agent-a" {
		t.Errorf("answered with %s", got.raw)
	}
	q := b.server.o.Diagnose.(*fakeDiagnoser).asked[0]
	if q.Agent != "agent-a" || q.Inbox != "web" || q.Kind != "group" || q.Message != "m1" || q.Lang != "zh" || q.At.UTC() != b.clock().Add(-time.Hour) {
		t.Errorf("asked %+v", q)
	}
	// Who may diagnose others asks about a message and nobody in particular; who may not, about itself.
	for _, x := range []struct{ who, path, agent string }{
		{"sup", "/diagnosis?message=m1", ""}, {"sup", "/diagnosis?inbox=web&sender_id=x1", ""}, {"agent-a", "/diagnosis?message=m1", "agent-a"},
		{"sup", "/diagnosis?message=m1&excess=true", "sup"}, {"sup", "/diagnosis", "sup"},
	} {
		b.ask(x.who, "GET", x.path, nil).want(200)
		asked := b.server.o.Diagnose.(*fakeDiagnoser).asked
		if q := asked[len(asked)-1]; q.Agent != x.agent || q.Excess != strings.Contains(x.path, "excess") || (q.Sender == "x1") != strings.Contains(x.path, "sender_id") {
			t.Errorf("%s asks %s: %+v", x.who, x.path, q)
		}
	}
	p := b.ask("sup", "GET", "/diagnosis/patterns?agent=agent-a&inbox=web&kind=group&from=2026-11-23T09:00:00%2B08:00&to=2026-11-23T10:00:00%2B08:00", nil).want(200)
	if p.text("agent") != "agent-a" || p.text("inbox") != "web" || p.text("kind") != "group" || !strings.HasPrefix(p.text("to"), "2026-11-23T10:00:00.000") {
		t.Errorf("patterns: %s", p.raw)
	}
	b.ask("agent-a", "GET", "/diagnosis?at=yesterday", nil).problem(400, "request.invalid", "/at")
	b.server.o.Diagnose = nil
	b.ask("agent-a", "GET", "/diagnosis", nil).problem(503, "diagnosis.unavailable", "")
}

func TestTheReasonCatalogueIsServed(t *testing.T) {
	b := newBench(t)
	got := b.ask("nobody", "GET", "/reasons", nil).want(200)
	if n := len(got.list("reasons")); n < 80 || !strings.Contains(got.raw, `"code":"permission.kind.account_denied"`) {
		t.Errorf("%d reasons: %.200s", n, got.raw)
	}
}
