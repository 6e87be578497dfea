package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

const patience = `
kind: inbox
name: site
spec: {title: 官网客服, channel: web, mode: live, kinds: [customer], members: {accounts: [agent-a]}, routing: {answer_timeout: 2m, idle_prompt: 8m, idle_close: 10m}}
`

// newPatientBench is a server with an inbox that limits turns.
func newPatientBench(t *testing.T) *bench {
	t.Helper()
	b := newChatBench(t)
	docs, err := policy.ParseYAML([]byte(patience))
	if err != nil {
		t.Fatal(err)
	}
	b.do(&governance.Apply{Base: -1, By: "system", Source: "start", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	b.online("agent-a")
	return b
}

// pass moves the clock and has the ledger do what is due.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.tick(d)
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
}

func TestASilentVisitorIsAskedInItsLanguageAndToldThatItIsOver(t *testing.T) {
	b := newPatientBench(t)
	for i, c := range []struct{ lang, asked string }{
		{"zh", "out 请问您还在吗？如无其他问题，会话将在 2 分钟后自动结束。"},
		{"en", "out Are you still there? If there is nothing else, this conversation will end in 2 minutes."},
	} {
		who := fmt.Sprint("visitor-", c.lang)
		id := b.visitor(who, "site")
		b.ask(who, "POST", "/chat/site/messages?lang="+c.lang, map[string]any{"id": "1", "text": "你好"}).want(201)
		b.answer("agent-a", b.conversationOf(id, "site"), fmt.Sprint("r", i), "好的")
		b.pass(8 * time.Minute)
		now := b.ask(who, "GET", "/chat/site/messages", nil).want(200)
		if got := texts(now); !slices.Equal(got, []string{"in 你好", "out 好的", c.asked}) || now.object("conversation")["status"] != "served" {
			t.Errorf("in %s: %s", c.lang, now.raw)
		}
		kinds := []any{}
		for _, m := range now.list("messages") {
			kinds = append(kinds, m.(map[string]any)["kind"])
		}
		if !slices.Equal(kinds, []any{nil, nil, "auto_reply"}) {
			t.Errorf("the kinds are %v", kinds)
		}
		b.pass(2 * time.Minute)
		over := b.ask(who, "GET", "/chat/site/messages", nil).want(200)
		if over.object("conversation")["status"] != "resolved" || len(over.list("messages")) != 3 {
			t.Errorf("in the end: %s", over.raw)
		}
	}
}

func TestASourceReadsThePromptAmongTheRepliesAndCanTellItFromAnAnswer(t *testing.T) {
	b := newPatientBench(t)
	id := b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	b.answer("agent-a", b.conversationOf(id, "site"), "r", "好的")
	b.pass(8 * time.Minute)
	list := b.ask("robot", "GET", "/inboxes/site/replies", nil).want(200).list("replies")
	if len(list) != 2 {
		t.Fatalf("the replies are %v", list)
	}
	answer, prompt := list[0].(map[string]any), list[1].(map[string]any)
	if answer["kind"] != "customer" || answer["sequence"] != 1.0 || prompt["kind"] != "auto_reply" || prompt["sequence"] != 2.0 || prompt["id"] != "" || prompt["contact"] != id ||
		len(prompt["agent"].(map[string]any)) != 0 || prompt["state"] != "sent" {
		t.Errorf("the replies are %v", list)
	}
}

func TestWhatTheTimersDidIsReadInTheThreadInTheReadersLanguage(t *testing.T) {
	b := newPatientBench(t)
	visitor := b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	id := b.conversationOf(visitor, "site")
	path := "/conversations/" + id
	if c := b.ask("agent-a", "GET", path, nil).want(200); !strings.HasPrefix(c.text("answer_by"), "2026-11-23T02:02:00.000") || c.body["closes_at"] != nil {
		t.Errorf("unanswered: %s", c.raw)
	}
	b.pass(2 * time.Minute) // nobody else can have it
	b.answer("agent-a", id, "r", "好的")
	if c := b.ask("agent-a", "GET", path, nil).want(200); c.body["answer_by"] != nil || !strings.HasPrefix(c.text("closes_at"), "2026-11-23T02:12:00.000") {
		t.Errorf("answered: %s", c.raw)
	}
	b.pass(8 * time.Minute)
	b.pass(2 * time.Minute)
	for lang, want := range map[string][]string{
		"zh": {"conversation.answer_overdue 甲 2 分钟未回复，暂无其他客服可接待，会话保持不变", "conversation.resolved.idle 会话因访客 10 分钟未回复自动结束"},
		"en": {"conversation.answer_overdue 甲 had not answered for 2 minutes, and nobody else could have the conversation: it stays",
			"conversation.resolved.idle The conversation ended by itself: the customer had not written for 10 minutes"},
	} {
		thread := b.ask("agent-a", "GET", path+"/messages", nil, "Accept-Language", lang).want(200)
		var got []string
		for _, x := range thread.list("messages") {
			if m := x.(map[string]any); m["direction"] == "system" {
				got = append(got, m["code"].(string)+" "+m["text"].(string))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in %s the thread says %q", lang, got)
		}
	}
	c := b.ask("agent-a", "GET", path, nil, "Accept-Language", "zh").want(200)
	if last := c.object("last_message"); c.text("status") != "resolved" || last["direction"] != "system" || last["text"] != "访客超时未回复，会话自动结束" {
		t.Errorf("the list shows %s", c.raw)
	}
	if seen := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200); strings.Contains(seen.raw, "overdue") || strings.Contains(seen.raw, "by itself") {
		t.Errorf("the visitor sees %s", seen.raw)
	}
	if got := b.ask("robot", "GET", "/inboxes/site/replies", nil).want(200); len(got.list("replies")) != 2 || strings.Contains(got.raw, "overdue") {
		t.Errorf("the source reads %s", got.raw)
	}
}

func TestATraceSaysThatAnOwnerWasLate(t *testing.T) {
	b := newPatientBench(t)
	b.visitor("li-lei", "site")
	m := b.letter("li-lei", "site", "1", "你好").want(201)
	b.pass(2 * time.Minute)
	trace := b.ask("auditor", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	later := trace.list("decisions")
	if len(later) != 1 || later[0].(map[string]any)["cause"] != "answer_timeout" || fmt.Sprint(later[0].(map[string]any)["chosen"]) != "[agent-a]" {
		t.Errorf("the trace is %s", trace.raw)
	}
}
