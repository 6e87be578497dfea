package httpapi

import (
	"slices"
	"testing"
)

const automatic = `
kind: inbox
name: site
spec: {title: 官网客服, channel: web, kinds: [customer, group], members: {accounts: [agent-a]}}
---
kind: autoreply
name: hello
spec: {title: 欢迎语, on: welcome, text: {zh: 您好, en: Hello}}
---
kind: autoreply
name: line
spec: {on: queue, text: {en: "You are number {position}", zh: "第 {position} 位"}}
`

func TestAnAutomaticReplyIsShownAsWhatItIsToEverybody(t *testing.T) {
	b := newChatBench(t)
	b.apply(automatic)
	id := b.visitor("lily", "site")
	sent := b.letter("lily", "site", "1", "你好").want(201)
	if sent.body["waiting"] != true {
		t.Fatalf("an automatic reply is no answer: %s", sent.raw)
	}
	seen := b.ask("lily", "GET", "/chat/site/messages", nil).want(200)
	if got := texts(seen); !slices.Equal(got, []string{"in 你好", "out Hello", "out You are number 1"}) { // the browser of this test speaks English
		t.Fatalf("%q", got)
	}
	for i, m := range seen.list("messages") {
		if kind := m.(map[string]any)["kind"]; (kind == "auto_reply") != (i > 0) {
			t.Errorf("message %d has kind %v", i, kind)
		}
	}
	if state := seen.object("conversation"); state["status"] != "waiting" {
		t.Errorf("%v", state)
	}
	replies := b.ask("robot", "GET", "/inboxes/site/replies", nil).want(200).list("replies")
	if len(replies) != 2 || replies[0].(map[string]any)["kind"] != "auto_reply" || replies[1].(map[string]any)["sequence"] != 2.0 {
		t.Errorf("%v", replies)
	}
	conversation := b.conversationOf(id, "site")
	thread := b.ask("sup", "GET", "/conversations/"+conversation+"/messages", nil).want(200).list("messages")
	mark, _ := thread[1].(map[string]any)["auto_reply"].(map[string]any)
	if mark["rule"] != "hello" || mark["title"] != "欢迎语" || mark["on"] != "welcome" || thread[0].(map[string]any)["auto_reply"] != nil {
		t.Errorf("%v", thread)
	}
	message, written := thread[0].(map[string]any)["id"].(string), thread[2].(map[string]any)["id"].(string)
	due := b.ask("sup", "GET", "/messages/"+message+"/trace", nil).want(200).list("auto_replies")
	if len(due) != 2 || due[1].(map[string]any)["rule"] != "line" || due[1].(map[string]any)["outcome"] != "sent" || due[1].(map[string]any)["message"] != written {
		t.Errorf("%v", due)
	}
	self := b.ask("sup", "GET", "/messages/"+written+"/trace", nil).want(200).list("auto_replies")
	if len(self) != 1 || self[0].(map[string]any)["answers"] != message {
		t.Errorf("%v", self)
	}
}

func TestSendersAreNotToldWhichRulesAnswer(t *testing.T) {
	b := newBench(t)
	b.apply("kind: autoreply\nname: hello\nspec: {on: welcome, text: {zh: 您好}}\n")
	sent := b.ask("robot", "POST", "/inboxes/web/messages", message("m-1")).want(201)
	trace := b.ask("robot", "GET", "/messages/trace?inbox=web&sender_id=m-1", nil).want(200)
	if len(trace.list("auto_replies")) != 0 || trace.text("message") != sent.text("message") {
		t.Errorf("%s", trace.raw)
	}
	if due := b.ask("sup", "GET", "/messages/"+sent.text("message")+"/trace", nil).want(200).list("auto_replies"); len(due) != 1 {
		t.Errorf("%v", due)
	}
}

func TestAVisitorsGroupMessageOpensAConversationOfItsOwn(t *testing.T) {
	b := newChatBench(t)
	b.apply(automatic)
	b.visitor("lily", "site")
	b.letter("lily", "site", "1", "你好").want(201)
	group := map[string]any{"id": "2", "kind": "group", "text": "大家好"}
	if sent := b.ask("lily", "POST", "/chat/site/messages", group).want(201); sent.number("sequence") != 1 {
		t.Errorf("%s", sent.raw)
	}
	b.ask("lily", "POST", "/chat/site/messages", group).want(200)
	b.ask("lily", "POST", "/chat/site/messages", map[string]any{"id": "2", "text": "大家好"}).problem(409, "intake.duplicate_conflict", "/id")
	for _, kind := range []string{"auto_reply", "internal", "vip"} {
		b.ask("lily", "POST", "/chat/site/messages", map[string]any{"id": "x", "kind": kind, "text": "x"}).problem(400, "intake.kind_not_produced", "/kind")
	}
	kinds := map[any]bool{}
	for _, c := range b.ask("sup", "GET", "/conversations", nil).want(200).list("conversations") {
		kinds[c.(map[string]any)["kind"]] = true
	}
	if !kinds["customer"] || !kinds["group"] {
		t.Errorf("%v", kinds)
	}
	b.visitor("tom", "shop")
	b.ask("tom", "POST", "/chat/shop/messages", map[string]any{"id": "1", "kind": "group", "text": "x"}).problem(400, "intake.kind_not_produced", "/kind")
}
