package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/ledger"
)

func TestANoteIsForColleaguesAndNeverForTheCustomer(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	path := "/conversations/" + id
	first := b.ask("sup", "POST", path+"/notes", map[string]any{"id": "n1", "text": "查一下 17 号单 🙂", "mentions": []any{"agent-b", "nobody"}}).want(201)
	if first.number("sequence") != 2 || first.text("conversation") != id {
		t.Errorf("answered with %s", first.raw)
	}
	if to := fmt.Sprint(first.list("to")); to != "[map[account:agent-a title:甲 told:true] map[account:agent-b title:乙 told:true] "+
		"map[account:nobody code:role.receive.not_agent reason:"+first.list("to")[2].(map[string]any)["reason"].(string)+" title:无权者 told:false]]" {
		t.Errorf("told %s", to)
	}
	if again := b.ask("sup", "POST", path+"/notes", map[string]any{"id": "n1", "text": "查一下 17 号单 🙂", "mentions": []any{"nobody", "agent-b"}}).want(200); again.raw != first.raw {
		t.Errorf("repeated: %s", again.raw)
	}
	b.ask("sup", "POST", path+"/notes", map[string]any{"id": "n1", "text": "other"}).problem(409, "conversation.duplicate_conflict", "/id")
	b.ask("agent-a", "POST", path+"/replies", map[string]any{"id": "r1", "text": "好的"}).want(201)

	// What must not know of it: the customer's side, by any of its ways.
	for _, way := range []string{"/inboxes/web/replies", "/messages/trace?inbox=web&sender_id=x", "/messages/trace?inbox=web&sender_id=n1"} {
		if got := b.ask("robot", "GET", way, nil); strings.Contains(got.raw, "查一下") || strings.Contains(got.raw, "internal") || strings.Contains(got.raw, `"m`+first.text("message")) {
			t.Errorf("GET %s: %s", way, got.raw)
		}
	}
	if got := b.ask("robot", "GET", "/inboxes/web/replies", nil).want(200); len(got.list("replies")) != 1 || got.list("replies")[0].(map[string]any)["sequence"] != 1.0 {
		t.Errorf("the replies are %s", got.raw)
	}
	messages := b.ask("agent-a", "GET", path+"/messages", nil).want(200)
	note := messages.list("messages")[1].(map[string]any)
	if note["direction"] != "note" || note["kind"] != "internal" || note["author"] != "sup" || note["author_title"] != "主管" || note["text"] != "查一下 17 号单 🙂" ||
		fmt.Sprint(note["mentions"]) != "[map[account:agent-b title:乙] map[account:nobody title:无权者]]" || note["state"] != nil || note["contact"] != nil {
		t.Errorf("the thread is %s", messages.raw)
	}
	if trace := b.ask("auditor", "GET", "/messages/"+first.text("message")+"/trace", nil).want(200); len(trace.list("deliveries")) != 2 || strings.Contains(trace.raw, "查一下") {
		t.Errorf("its trace is %s", trace.raw)
	}
}

func TestOnlyWhoSeesAConversationAndMayAnswerWritesNotes(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	note := map[string]any{"id": "n", "text": "内部"}
	for actor, want := range map[string]int{"guest": 401, "nobody": 403, "robot": 403, "auditor": 403, "agent-b": 404} {
		if got := b.ask(actor, "POST", "/conversations/"+id+"/notes", note).want(want); strings.Contains(got.raw, "contact-") {
			t.Errorf("as %s: %s", actor, got.raw)
		}
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/notes", note).want(201)
	for _, actor := range []string{"sup", "admin"} { // the id is used, by another author
		b.ask(actor, "POST", "/conversations/"+id+"/notes", note).problem(409, "conversation.duplicate_conflict", "/id")
	}
	b.ask("agent-a", "POST", "/conversations/c999/notes", note).problem(404, "conversation.not_found", "/id")
	for field, body := range map[string]any{
		"/text":       map[string]any{"id": "r", "text": ""},
		"/id":         map[string]any{"id": "", "text": "a"},
		"/mentions/1": map[string]any{"id": "r", "text": "a", "mentions": []any{"agent-b", "ghost"}},
		"/mentions":   map[string]any{"id": "r", "text": "a", "mentions": strings.Split(strings.Repeat("agent-b ", 20)+"sup", " ")},
	} {
		b.ask("agent-a", "POST", "/conversations/"+id+"/notes", body).problem(400, "conversation.invalid", field)
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/notes", map[string]any{"id": "r", "text": strings.Repeat("x", 16385)}).problem(413, "conversation.too_large", "/text")
}

func TestWhoIsMentionedReadsTheConversationAsLongAsItMayHaveItsMessages(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	path := "/conversations/" + id
	b.ask("agent-b", "GET", path, nil).want(404)
	b.ask("agent-a", "POST", path+"/notes", map[string]any{"id": "n", "text": "帮忙看看", "mentions": []any{"agent-b"}}).want(201)
	b.ask("agent-b", "GET", path, nil).want(200)
	b.ask("agent-b", "POST", path+"/notes", map[string]any{"id": "n2", "text": "看了"}).want(201)
	b.ask("agent-b", "POST", path+"/replies", map[string]any{"id": "r", "text": "您好"}).problem(409, "conversation.owned_by_colleague", "")
	agent := map[string]any{"spec": map[string]any{"title": "乙", "agent": true, "roles": []any{"agent"}, "deny": []any{map[string]any{"permission": "receive"}}}}
	b.ask("admin", "PUT", "/policy/documents/account/agent-b", agent, "If-Match", "*").want(200)
	b.ask("agent-b", "GET", path, nil).want(404)
}

func TestWhoCouldHaveAConversationIsSaidWithTheReasonWhyNot(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	path := "/conversations/" + id + "/receivers"
	for actor, want := range map[string]int{"guest": 401, "nobody": 403, "robot": 403, "auditor": 403, "agent-b": 404, "agent-a": 200, "sup": 200, "admin": 200} {
		b.ask(actor, "GET", path, nil).want(want)
	}
	got := b.ask("agent-a", "GET", path, nil).want(200)
	if list := got.list("receivers"); len(list) != 1 || !strings.Contains(got.raw, `{"account":"agent-b","title":"乙","can":false,"code":"account.login.never"`) || !strings.Contains(got.raw, `"load":0,"presence":"offline"`) {
		t.Errorf("before agent-b is there: %s", got.raw)
	}
	b.online("agent-b")
	got = b.ask("agent-a", "GET", path, nil).want(200)
	if !strings.Contains(got.raw, `{"account":"agent-b","title":"乙","can":true,"load":0,"presence":"available"}`) {
		t.Errorf("when agent-b is there: %s", got.raw)
	}
	full := map[string]any{"spec": map[string]any{"title": "乙", "agent": true, "roles": []any{"agent"}, "capacity": map[string]any{"total": 1}}}
	b.ask("admin", "PUT", "/policy/documents/account/agent-b", full, "If-Match", "*").want(200)
	b.ask("robot", "POST", "/inboxes/web/messages", message("y")).want(201)
	got = b.ask("agent-a", "GET", path, nil).want(200)
	if !strings.Contains(got.raw, `"can":true,"code":"capacity.total_full"`) || !strings.Contains(got.raw, `"load":1`) {
		t.Errorf("when agent-b has enough: %s", got.raw)
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/transfer", map[string]any{"to": "agent-b"}).want(200)
}

func TestAListShowsWhatAPersonNeedsToChoose(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "x2", "contact": map[string]any{"id": "contact-x"}, "text": strings.Repeat("长", 200)}).want(201)
	first := func(actor, query string) map[string]any {
		t.Helper()
		list := b.ask(actor, "GET", "/conversations"+query, nil).want(200).list("conversations")
		if len(list) == 0 {
			t.Fatalf("%s sees nothing", actor)
		}
		return list[0].(map[string]any)
	}
	c := first("agent-a", "?state=mine")
	last := c["last_message"].(map[string]any)
	if c["id"] != id || c["contact_name"] != "王小明" || c["inbox_title"] != "官网" || c["mode"] != "live" || c["owner_title"] != "甲" || c["unanswered"] != 2.0 || c["unanswered_since"] == nil ||
		last["direction"] != "in" || last["kind"] != "customer" || last["text"] != strings.Repeat("长", 120) {
		t.Errorf("it shows %v", c)
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/replies", map[string]any{"id": "r", "text": "好的"}).want(201)
	if c = first("agent-a", "?state=mine"); c["unanswered"] != 0.0 || c["unanswered_since"] != nil || fmt.Sprint(c["last_message"]) != "map[at:2026-11-23T02:00:00.000+00:00 author:agent-a direction:out kind:customer text:好的]" {
		t.Errorf("after the answer it shows %v", c)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "x3", "contact": map[string]any{"id": "contact-x", "name": "王大明"}, "text": "谢谢"}).want(201)
	if c = first("sup", ""); c["contact_name"] != "王大明" || c["unanswered"] != 1.0 {
		t.Errorf("after the next message it shows %v", c)
	}
}

func TestListsAreCountedAndShowOnlyWhatTheirReaderMaySee(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	b.ask("robot", "POST", "/inboxes/vip/messages", message("v1")).want(201)
	for actor, want := range map[string]string{"agent-a": "map[mine:1 open:1 waiting:0]", "agent-b": "map[mine:0 open:1 waiting:1]", "sup": "map[mine:0 open:2 waiting:1]"} {
		if got := b.ask(actor, "GET", "/conversations?state=mine", nil).want(200); fmt.Sprint(got.body["counts"]) != want {
			t.Errorf("%s counts %v, want %s", actor, got.body["counts"], want)
		}
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/resolve", nil).want(200)
	for i := range 3 {
		m := b.ask("robot", "POST", "/inboxes/web/messages", message(fmt.Sprint("w", i))).want(201)
		b.ask("agent-a", "POST", "/conversations/"+m.text("conversation")+"/resolve", nil).want(200)
	}
	var seen []string
	for cursor := ""; ; {
		page := b.ask("agent-a", "GET", "/conversations?state=resolved&limit=3"+cursor, nil).want(200)
		for _, c := range page.list("conversations") {
			c := c.(map[string]any)
			seen = append(seen, c["contact"].(string))
			if c["status"] != "resolved" || c["last_owner_title"] != "甲" || c["last_message"] == nil {
				t.Errorf("listed %v", c)
			}
		}
		if page.body["cursor"] == nil {
			break
		}
		cursor = "&cursor=" + page.text("cursor")
	}
	if fmt.Sprint(seen) != "[contact-w2 contact-w1 contact-w0 contact-x]" {
		t.Errorf("resolved: %v", seen)
	}
	for actor, want := range map[string]int{"agent-b": 0, "sup": 4, "admin": 4} {
		got := b.ask(actor, "GET", "/conversations?state=resolved&inbox=web", nil).want(200)
		if len(got.list("conversations")) != want || want == 0 && strings.Contains(got.raw, "contact-") {
			t.Errorf("%s sees %s", actor, got.raw)
		}
	}
}

func TestAThreadIsReadBackwards(t *testing.T) {
	b := newBench(t)
	id, _ := owned(b)
	for i := range 6 {
		b.ask("agent-a", "POST", "/conversations/"+id+"/replies", map[string]any{"id": fmt.Sprint("r", i), "text": fmt.Sprint("text ", i)}).want(201)
	}
	path := "/conversations/" + id + "/messages?limit=3&before="
	var pages []string
	for before := "9007199254740991"; ; {
		page := b.ask("agent-a", "GET", path+before, nil).want(200)
		var sequences []any
		for _, m := range page.list("messages") {
			sequences = append(sequences, m.(map[string]any)["sequence"])
		}
		pages = append(pages, fmt.Sprint(sequences))
		if page.body["cursor"] == nil {
			break
		}
		before = page.text("cursor")
	}
	if fmt.Sprint(pages) != "[[5 6 7] [2 3 4] [1]]" {
		t.Errorf("the pages are %v", pages)
	}
	b.ask("agent-a", "GET", path+"3&cursor=1", nil).problem(400, "request.invalid", "/before")
	b.ask("agent-a", "GET", path+"-1", nil).problem(400, "request.invalid", "/before")
}

func TestAListCostsOneReadOfPreviewsAndNoneWhenNothingMoved(t *testing.T) {
	b := newBench(t)
	owned(b)
	for i := range 40 {
		b.ask("robot", "POST", "/inboxes/web/messages", message(fmt.Sprint("y", i))).want(201)
	}
	counting := &countingStore{Store: b.store}
	b.server.o.Store = counting
	for range 3 {
		b.ask("sup", "GET", "/conversations", nil).want(200)
	}
	if counting.previews != 1 {
		t.Errorf("three lists of 41 conversations read previews %d times", counting.previews)
	}
}

type countingStore struct {
	Store
	previews int
}

func (c *countingStore) Previews(ctx context.Context, conversations []int64) ([]ledger.PreviewRow, error) {
	c.previews++
	return c.Store.Previews(ctx, conversations)
}
