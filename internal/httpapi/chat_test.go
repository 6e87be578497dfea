package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// entrances are inboxes that visitors may write to: one with hours, and another.
const entrances = `
kind: schedule
name: office
spec: {title: 工作日, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}
---
kind: inbox
name: shop
spec: {title: 商城, channel: web, mode: live, kinds: [customer], members: {accounts: [agent-b]}}
---
kind: inbox
name: site
spec: {title: 官网客服, channel: web, mode: live, kinds: [customer], members: {accounts: [agent-a, agent-b]}, hours: office, routing: {strategy: least_loaded}}
`

// newChatBench is a server with entrances for visitors.
func newChatBench(t testing.TB) *bench {
	t.Helper()
	b := newBench(t)
	docs, err := policy.ParseYAML([]byte(entrances))
	if err != nil {
		t.Fatal(err)
	}
	b.do(&governance.Apply{Base: -1, By: "system", Source: "start", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	return b
}

// visitor makes a visitor of an inbox who may be an actor from then on.
func (b *bench) visitor(name, inbox string) string {
	b.t.Helper()
	made := b.ask("guest", "POST", "/chat/"+inbox+"/visitors", map[string]any{"name": name}).want(201)
	b.tokens[name] = made.text("token")
	return made.text("visitor")
}

// letter has a visitor write.
func (b *bench) letter(visitor, inbox, id, text string) *reply {
	b.t.Helper()
	return b.ask(visitor, "POST", "/chat/"+inbox+"/messages", map[string]any{"id": id, "text": text})
}

// texts are the texts of an answer with messages, each with its direction.
func texts(r *reply) (list []string) {
	r.t.Helper()
	for _, x := range r.list("messages") {
		m := x.(map[string]any)
		list = append(list, m["direction"].(string)+" "+m["text"].(string))
	}
	return list
}

func (r *reply) object(name string) map[string]any {
	r.t.Helper()
	m, ok := r.body[name].(map[string]any)
	if !ok {
		r.t.Fatalf("%s is no object: %s", name, r.raw)
	}
	return m
}

// answer has an agent answer the visitor's conversation.
func (b *bench) answer(agent, conversation, id, text string) {
	b.t.Helper()
	b.ask(agent, "POST", "/conversations/"+conversation+"/replies", map[string]any{"id": id, "text": text}).want(201)
}

// conversationOf is the visitor's newest conversation, as agents know it.
func (b *bench) conversationOf(visitor, inbox string) string {
	b.t.Helper()
	rows, err := b.store.ContactConversations(b.t.Context(), inbox, visitor, 1)
	if err != nil || len(rows) == 0 {
		b.t.Fatalf("the visitor has no conversation: %v", err)
	}
	return fmt.Sprint("c", rows[0].ID)
}

func TestWhatIsCommittedAndNotYetPublishedIsNotReadAndGivesNoCursor(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	first := b.letter("li-lei", "site", "1", "你好").want(201)
	for what, path := range map[string]string{"visitor": "/chat/site/messages?after=" + first.text("cursor"), "newest": "/chat/site/messages?limit=1", "source": "/inboxes/site/replies"} {
		var read *reply
		b.store.AfterCommit(func() {
			as := "li-lei"
			if what == "source" {
				as = "robot"
			}
			read = b.ask(as, "GET", path, nil).want(200)
		})
		b.answer("agent-a", b.conversationOf(id, "site"), what, "答 "+what)
		if read == nil || strings.Contains(read.raw, "答 "+what) {
			t.Errorf("%s: read %v before the World knew of it", what, read)
		} else if cursor, _ := strconv.ParseInt(read.text("cursor"), 10, 64); cursor >= b.ledger.Position() {
			t.Errorf("%s: the cursor %d was given out before the ledger knew of it", what, cursor)
		}
	}
}

func TestAVisitorWritesAndIsAnswered(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	empty := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200)
	if empty.text("cursor") != "0" || empty.object("conversation")["status"] != "none" || len(empty.list("messages")) != 0 {
		t.Errorf("somebody who wrote nothing reads %s", empty.raw)
	}
	first := b.letter("li-lei", "site", "1", "你好").want(201)
	if first.text("id") != "1" || first.body["waiting"] != false || first.number("sequence") != 1 || first.text("at") == "" || first.text("cursor") == "" {
		t.Errorf("answered with %s", first.raw)
	}
	again := b.letter("li-lei", "site", "1", "你好").want(200)
	if again.text("message") != first.text("message") || again.text("cursor") != first.text("cursor") {
		t.Errorf("the same message again is %s", again.raw)
	}
	b.letter("li-lei", "site", "1", "别的").problem(409, "intake.duplicate_conflict", "/id")

	c := b.conversationOf(id, "site")
	if got := b.ask("agent-a", "GET", "/conversations/"+c, nil).want(200); got.text("contact") != id || got.text("kind") != "customer" || got.text("owner") != "agent-a" {
		t.Errorf("the agent sees %s", got.raw)
	}
	b.answer("agent-a", c, "r1", "在的")
	got := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200)
	if list := texts(got); !slices.Equal(list, []string{"in 你好", "out 在的"}) {
		t.Errorf("the visitor reads %q", list)
	}
	last := got.list("messages")[1].(map[string]any)
	if agent := last["agent"].(map[string]any); agent["alias"] != "小甲" || last["id"] != nil {
		t.Errorf("the reply is %v", last)
	}
	if state := got.object("conversation"); state["status"] != "served" || state["agent"].(map[string]any)["alias"] != "小甲" || state["can_rate"] != false {
		t.Errorf("the conversation is %v", state)
	}
	if list := texts(b.ask("li-lei", "GET", "/chat/site/messages?after="+first.text("cursor"), nil).want(200)); !slices.Equal(list, []string{"out 在的"}) {
		t.Errorf("after the first message comes %q", list)
	}
}

func TestHistoryGoesOverAllConversationsOfTheVisitorInPieces(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	var want []string
	for i := range 4 {
		b.letter("li-lei", "site", fmt.Sprint("m", i), fmt.Sprint("第", i)).want(201)
		c := b.conversationOf(id, "site")
		b.answer("agent-a", c, "r", fmt.Sprint("答", i))
		b.ask("agent-a", "POST", "/conversations/"+c+"/resolve", nil).want(200)
		want = append(want, fmt.Sprint("in 第", i), fmt.Sprint("out 答", i))
	}
	newest := b.ask("li-lei", "GET", "/chat/site/messages?limit=3", nil).want(200)
	if list := texts(newest); !slices.Equal(list, want[5:]) {
		t.Errorf("the newest are %q", list)
	}
	before := newest.list("messages")[0].(map[string]any)["cursor"].(string)
	if list := texts(b.ask("li-lei", "GET", "/chat/site/messages?limit=3&before="+before, nil).want(200)); !slices.Equal(list, want[2:5]) {
		t.Errorf("before them %q", list)
	}
	var all []string
	for cursor := "0"; ; {
		page := b.ask("li-lei", "GET", "/chat/site/messages?limit=3&after="+cursor, nil).want(200)
		if len(page.list("messages")) == 0 {
			if page.text("cursor") != cursor {
				t.Errorf("with nothing new the cursor moves from %s to %s", cursor, page.text("cursor"))
			}
			break
		}
		all, cursor = append(all, texts(page)...), page.text("cursor")
	}
	if !slices.Equal(all, want) {
		t.Errorf("forwards %q", all)
	}
	for _, cursor := range []string{"-1", "x", "1e3", "99999999", strings.Repeat("9", 40)} {
		if got := b.ask("li-lei", "GET", "/chat/site/messages?after="+cursor, nil); got.status != 400 {
			t.Errorf("cursor %s: %d", cursor, got.status)
		}
	}
}

func TestAVisitorIsKnownInItsOwnInboxOnly(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	b.ask("li-lei", "GET", "/chat/shop/messages", nil).problem(401, "chat.token_unknown", "")
	b.letter("li-lei", "shop", "2", "你好").problem(401, "chat.token_unknown", "")
	for _, inbox := range []string{"web", "vip", "nothing", "SITE", "%00"} { // those with another channel, and none
		for _, route := range [][2]string{{"GET", ""}, {"POST", "/visitors"}, {"GET", "/messages"}, {"POST", "/messages"}, {"GET", "/stream"}, {"POST", "/seen"}, {"POST", "/rating"}} {
			if got := b.ask("li-lei", route[0], "/chat/"+inbox+route[1], nil); got.status != 404 && got.status != 400 {
				t.Errorf("%s /chat/%s%s: %d %s", route[0], inbox, route[1], got.status, got.raw)
			}
		}
	}
	for _, token := range []string{"bidav_", "bidav_" + strings.Repeat("A", 43), "bida_" + strings.Repeat("A", 43), b.tokens["li-lei"] + "A", strings.ToUpper(b.tokens["li-lei"])} {
		b.tokens["stranger"] = token
		b.ask("stranger", "GET", "/chat/site/messages", nil).problem(401, "chat.token_unknown", "")
	}
	b.ask("li-lei", "GET", "/me", nil).problem(401, "identity.token_unknown", "") // nor is a visitor an account
}

func TestVisitorsSeeTheirOwnMessagesAndNobodyElses(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	one := b.visitor("li-lei", "site")
	b.visitor("han-mei", "site")
	b.letter("li-lei", "site", "1", "李雷的秘密").want(201)
	b.letter("han-mei", "site", "1", "韩梅梅的秘密").want(201) // the same id is another visitor's own
	b.answer("agent-a", b.conversationOf(one, "site"), "r", "给李雷")
	if list := texts(b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200)); !slices.Equal(list, []string{"in 李雷的秘密", "out 给李雷"}) {
		t.Errorf("one reads %q", list)
	}
	if list := texts(b.ask("han-mei", "GET", "/chat/site/messages", nil).want(200)); !slices.Equal(list, []string{"in 韩梅梅的秘密"}) {
		t.Errorf("the other reads %q", list)
	}
}

func TestNothingOfTheInsideReachesAVisitor(t *testing.T) {
	b := newChatBench(t)
	id := b.visitor("li-lei", "site")
	answers := []string{b.ask("guest", "GET", "/chat/site", nil).want(200).raw}
	see := func() { answers = append(answers, b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200).raw) }
	answers = append(answers, b.letter("li-lei", "site", "1", "在吗").want(201).raw)
	see()
	b.online("agent-b") // has no outward name
	b.tick(time.Minute)
	see()
	c := b.conversationOf(id, "site")
	b.answer("agent-b", c, "reply-id-of-agent", "您好")
	see()
	b.do(&governance.SetPresence{Account: "agent-b", Value: "away", Reason: "lunch-secret", By: "agent-b", Source: "realtime"})
	answers = append(answers, b.letter("li-lei", "site", "2", "还在吗").want(201).raw)
	see()
	b.tick(10 * time.Minute)
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	see()
	b.ask("sup", "POST", "/conversations/"+c+"/resolve", nil).want(200)
	see()
	answers = append(answers, b.letter("li-lei", "site", strings.Repeat("x", 200), "x").want(400).raw)
	for _, raw := range answers {
		for _, secret := range []string{"agent-a", "agent-b", "乙", "甲", "sup", "主管", "lunch", "reply-id", "presence", "connection", "routing", "nobody_eligible", "least_loaded", "bida_", "summary", c + `"`} {
			if strings.Contains(raw, secret) {
				t.Errorf("a visitor is told %q: %s", secret, raw)
			}
		}
	}
}

func TestTextComesBackAsItWasWritten(t *testing.T) {
	b := newChatBench(t)
	b.visitor("<script>alert(1)</script>", "site")
	var want []string
	for i, text := range []string{"<script>alert(1)</script>", "\u200bzero\u200d width", "\u202eright to left\u202c", "a\r\nb\tc", "👩‍👩‍👧", strings.Repeat("长", 5461), "null", `{"text":"x"}`, "\u2028", "\ufeff"} {
		b.letter("<script>alert(1)</script>", "site", fmt.Sprint(i), text).want(201)
		want = append(want, "in "+text)
	}
	if list := texts(b.ask("<script>alert(1)</script>", "GET", "/chat/site/messages", nil).want(200)); !slices.Equal(list, want) {
		t.Errorf("came back as %q", list)
	}
}

func TestWhatCannotBeWrittenIsNamedAndLogged(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	for i, test := range []struct {
		body        any
		status      int
		code, field string
	}{
		{map[string]any{"id": "1", "text": ""}, 400, "intake.invalid", "/text"},
		{map[string]any{"id": "", "text": "x"}, 400, "intake.invalid", "/id"},
		{map[string]any{"text": "x"}, 400, "intake.invalid", "/id"},
		{map[string]any{"id": strings.Repeat("x", 97), "text": "x"}, 400, "intake.invalid", "/id"},
		{map[string]any{"id": "1", "text": strings.Repeat("x", 16385)}, 413, "intake.too_large", "/text"},
		{map[string]any{"id": "1", "text": strings.Repeat("x", 70000)}, 413, "request.too_large", ""},
		{map[string]any{"id": "1", "text": "a\x00b"}, 400, "intake.invalid", "/text"},
		{map[string]any{"id": "1", "text": "x", "kind": "group"}, 400, "intake.kind_not_produced", "/kind"},
		{map[string]any{"id": "1", "text": "x", "contact": map[string]any{"id": "another"}}, 400, "intake.invalid", "/contact"},
		{map[string]any{"id": "1", "text": "x", "conversation": "c1"}, 400, "intake.invalid", "/conversation"},
		{`{"id": "1", "id": "2", "text": "x"}`, 400, "intake.invalid", "/id"},
		{`{"id": 1, "text": "x"}`, 400, "intake.invalid", "/id"},
		{`{"id": "1", "text": "x"`, 400, "intake.invalid", ""},
		{"{\"id\": \"1\", \"text\": \"\xff\"}", 400, "intake.invalid", "/text"},
		{`[]`, 400, "intake.invalid", ""},
		{nil, 400, "intake.invalid", ""},
	} {
		b.tick(2 * time.Second) // few lines a second are about callers without an account
		b.ask("li-lei", "POST", "/chat/site/messages", test.body).problem(test.status, test.code, test.field)
		b.intake.Flush(t.Context())
		lines := b.ask("admin", "GET", "/intake/log?limit=100&inbox=site", nil).want(200).list("refusals")
		if len(lines) != i+1 || lines[0].(map[string]any)["code"] != test.code {
			t.Fatalf("after %v the log has %v", test.body, lines)
		}
	}
	if got := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200); len(got.list("messages")) != 0 {
		t.Errorf("something was stored: %s", got.raw)
	}
	b.ask("guest", "POST", "/chat/site/visitors", map[string]any{"name": strings.Repeat("长", 201)}).problem(400, "chat.invalid_name", "/name")
	b.ask("guest", "POST", "/chat/site/visitors", map[string]any{"name": "a\nb"}).problem(400, "chat.invalid_name", "/name")
	b.ask("guest", "POST", "/chat/site/visitors", map[string]any{"id": "mine"}).want(400)
	b.ask("guest", "POST", "/chat/site/visitors", nil).want(201)
}

func TestSeenMakesRepliesDeliveredForThisVisitorOnly(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	one, two := b.visitor("li-lei", "site"), b.visitor("han-mei", "site")
	for _, v := range []string{"li-lei", "han-mei"} {
		b.letter(v, "site", "1", "你好").want(201)
	}
	c, d := b.conversationOf(one, "site"), b.conversationOf(two, "site")
	b.answer("agent-a", c, "r1", "第一")
	b.answer("agent-a", d, "r1", "别人的")
	seen := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200).text("cursor")
	b.answer("agent-a", c, "r2", "第二")
	states := func(conversation string) (list []string) {
		for _, x := range b.ask("agent-a", "GET", "/conversations/"+conversation+"/messages", nil).want(200).list("messages") {
			if m := x.(map[string]any); m["direction"] == "out" {
				list = append(list, m["state"].(string))
			}
		}
		return list
	}
	for range 2 { // again is no change
		b.ask("li-lei", "POST", "/chat/site/seen", map[string]any{"cursor": seen}).want(204)
	}
	b.ask("li-lei", "POST", "/chat/site/seen", map[string]any{"cursor": "1"}).want(204) // nor is an older one
	if got := states(c); !slices.Equal(got, []string{"delivered", "sent"}) {
		t.Errorf("the agent sees %q", got)
	}
	if got := states(d); !slices.Equal(got, []string{"sent"}) {
		t.Errorf("of the other visitor the agent sees %q", got)
	}
	before := b.ledger.Position()
	b.ask("li-lei", "POST", "/chat/site/seen", map[string]any{"cursor": seen}).want(204)
	if b.ledger.Position() != before {
		t.Error("saying again what was said writes something")
	}
	b.ask("li-lei", "POST", "/chat/site/seen", map[string]any{"cursor": "99999999"}).problem(400, "request.invalid_cursor", "/cursor")
	b.ask("li-lei", "POST", "/chat/site/seen", map[string]any{"cursor": "x"}).problem(400, "request.invalid_cursor", "/cursor")
}

func TestPagesOfAnyHostMayAskForVisitorsAndForNothingElse(t *testing.T) {
	b := newChatBench(t)
	const name = "Access-Control-Allow-Origin"
	for _, r := range []*reply{
		b.ask("guest", "GET", "/chat/site", nil, "Origin", "https://shop.example"), b.ask("guest", "GET", "/chat/nothing", nil), b.ask("guest", "GET", "/chat/site/messages", nil),
		b.ask("guest", "GET", "/chat/site/what", nil), b.ask("guest", "DELETE", "/chat/site", nil),
	} {
		if r.header.Get(name) != "*" || r.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("status %d comes with %v", r.status, r.header)
		}
	}
	asked := b.ask("guest", "OPTIONS", "/chat/site/messages", nil, "Origin", "https://shop.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type").want(204)
	for header, want := range map[string]string{name: "*", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Authorization", "Access-Control-Max-Age": "7200"} {
		if !strings.Contains(asked.header.Get(header), want) {
			t.Errorf("%s is %q", header, asked.header.Get(header))
		}
	}
	for _, path := range []string{"/me", "/policy", "/inboxes/web/replies", "/reasons", "/healthz", "/chat"} {
		for _, method := range []string{"GET", "OPTIONS"} {
			if r := b.ask("admin", method, path, nil, "Origin", "https://shop.example"); r.header.Get(name) != "" {
				t.Errorf("%s %s may be read by pages of other hosts", method, path)
			}
		}
	}
}

func TestFloodsAreRefusedAndOthersUndisturbed(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	b.visitor("han-mei", "site")
	refused := 0
	for i := range 30 {
		if r := b.letter("li-lei", "site", fmt.Sprint(i), "x"); r.status == 429 {
			refused++
			r.problem(429, "chat.too_many_messages", "")
			if r.header.Get("Retry-After") == "" {
				t.Error("nothing says when to try again")
			}
		}
	}
	if refused != 10 {
		t.Errorf("%d of 30 messages at once were refused", refused)
	}
	b.letter("han-mei", "site", "1", "x").want(201)
	b.tick(time.Second)
	b.letter("li-lei", "site", "one more", "x").want(201)
	b.letter("li-lei", "site", "and one more", "x").problem(429, "chat.too_many_messages", "")

	made := 0
	for range 100 {
		if r := b.ask("guest", "POST", "/chat/site/visitors", nil); r.status == 201 {
			made++
		} else {
			r.problem(429, "chat.too_many_visitors", "")
		}
	}
	if made < 50 || made > 61 {
		t.Errorf("%d visitors were made at once from one address", made)
	}
	// A header that anybody can invent is no other address.
	b.ask("guest", "POST", "/chat/site/visitors", nil, "X-Forwarded-For", "203.0.113.9").problem(429, "chat.too_many_visitors", "")
}

func TestARatingIsGivenOnceAndMayBeChangedForAnHour(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	rate := func(score int, comment string) *reply {
		return b.ask("li-lei", "POST", "/chat/site/rating", map[string]any{"score": score, "comment": comment})
	}
	state := func() map[string]any {
		return b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200).object("conversation")
	}
	rate(5, "").problem(409, "chat.nothing_to_rate", "")
	b.letter("li-lei", "site", "1", "你好").want(201)
	c := b.conversationOf(id, "site")
	rate(5, "").problem(409, "chat.nothing_to_rate", "")
	b.ask("agent-a", "POST", "/conversations/"+c+"/resolve", nil).want(200)
	if s := state(); s["status"] != "resolved" || s["can_rate"] != true || s["rated"] != nil {
		t.Errorf("resolved: %v", s)
	}
	for _, score := range []int{0, 6, -1} {
		rate(score, "").want(400)
	}
	rate(3, strings.Repeat("长", 501)).problem(400, "chat.invalid_rating", "/comment")
	rate(3, "a\x07").problem(400, "chat.invalid_rating", "/comment")
	rate(2, "有点慢-secret-comment").want(204)
	b.tick(59 * time.Minute)
	rate(4, "后来\n不错-secret-comment").want(204)
	if got := b.ask("sup", "GET", "/conversations/"+c, nil).want(200).object("rating"); got["score"] != 4.0 || got["comment"] != "后来\n不错-secret-comment" || got["at"] == "" {
		t.Errorf("the agents see %v", got)
	}
	b.letter("li-lei", "site", "2", "又来了").want(201)
	if s := state(); s["status"] != "served" || s["can_rate"] != true || s["rated"] != 4.0 {
		t.Errorf("writing again: %v", s)
	}
	b.tick(time.Minute)
	rate(1, "").problem(409, "chat.rating_closed", "")
	if s := state(); s["can_rate"] != false || s["rated"] != 4.0 {
		t.Errorf("after an hour: %v", s)
	}
	for _, path := range []string{"/audit", "/intake/log", "/messages/trace?inbox=site&sender_id=" + id + "/1"} {
		if raw := b.ask("admin", "GET", path, nil).want(200).raw; strings.Contains(raw, "secret-comment") {
			t.Errorf("%s has the comment", path)
		}
	}
	if strings.Contains(b.log.String(), "secret-comment") {
		t.Error("the log has the comment")
	}
}

func TestAVisitorsAddressIsWhatTheConnectionSaysUnlessAProxyIsTrusted(t *testing.T) {
	b := newChatBench(t)
	for _, test := range []struct{ trusted, peer, forwarded, want string }{
		{"", "198.51.100.1:1", "203.0.113.9", "198.51.100.1"},
		{"10.0.0.0/8", "10.1.2.3:1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.0/8", "10.1.2.3:1", "1.1.1.1, 203.0.113.9", "203.0.113.9"}, // what the proxy itself saw
		{"10.0.0.0/8", "10.1.2.3:1", "203.0.113.9, 10.9.9.9", "203.0.113.9"},
		{"10.0.0.0/8", "10.1.2.3:1", "rubbish", "10.1.2.3"},
		{"10.0.0.0/8", "10.1.2.3:1", "", "10.1.2.3"},
		{"10.0.0.0/8", "198.51.100.1:1", "203.0.113.9", "198.51.100.1"},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:1", "2001:db8::1", "2001:db8::1"},
	} {
		b.server.o.Proxies = prefixes(t, test.trusted)
		r, _ := http.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.peer
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := b.server.address(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func prefixes(t *testing.T, network string) []netip.Prefix {
	t.Helper()
	if network == "" {
		return nil
	}
	p, err := netip.ParsePrefix(network)
	if err != nil {
		t.Fatal(err)
	}
	return []netip.Prefix{p}
}

func TestWhetherSomebodyCanReceiveIsSaidKindlyAndHonestly(t *testing.T) {
	b := newChatBench(t) // Monday 10:00 in Shanghai
	says := func(open bool, receive, zh, en string) {
		t.Helper()
		for lang, want := range map[string]string{"zh": zh, "en": en} {
			got := b.ask("guest", "GET", "/chat/site?lang="+lang, nil).want(200)
			if got.body["open"] != open || got.text("can_receive") != receive || got.text("notice") != want {
				t.Errorf("at %s in %s: open %v, %s\n got %s\nwant %s", b.clock(), lang, got.body["open"], got.text("can_receive"), got.text("notice"), want)
			}
		}
	}
	if got := b.ask("guest", "GET", "/chat/site", nil).want(200); got.text("title") != "官网客服" || got.text("inbox") != "site" || got.object("limits")["text_bytes"] != 16384.0 || got.text("server_time") == "" {
		t.Errorf("an inbox is shown as %s", got.raw)
	}
	says(true, "later", "现在没有客服在线，您可以先留言，客服上线后会看到。", "Nobody is here at the moment. You can leave a message; it will be seen when somebody is.")
	b.online("agent-a")
	says(true, "now", "", "")
	b.do(&governance.SetPresence{Account: "agent-a", Value: "away", Reason: "小休", Until: b.clock().Add(75 * time.Minute), By: "agent-a", Source: "realtime"})
	says(true, "later", "现在没有客服在线，您可以先留言，我们 11:15 回来。", "Nobody is here at the moment. You can leave a message; we are back at 11:15.")
	b.tick(2 * time.Hour)
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil })) // so that the break is over
	says(true, "now", "", "")
	b.tick(7 * time.Hour) // Monday 19:00
	says(false, "later", "现在是非工作时间（周一至周五 09:00–18:00）。您可以先留言，我们明天 09:00 回来后回复您。",
		"We are closed now (open Mon–Fri 09:00–18:00). You can leave a message; we will answer after we are back tomorrow at 09:00.")
	if at := b.ask("guest", "GET", "/chat/site", nil).text("opens_at"); at != "2026-11-24T01:00:00.000+00:00" {
		t.Errorf("it opens at %s", at)
	}
	b.tick(9 * time.Hour) // Tuesday 04:00
	says(false, "later", "现在是非工作时间（周一至周五 09:00–18:00）。您可以先留言，我们 09:00 回来后回复您。",
		"We are closed now (open Mon–Fri 09:00–18:00). You can leave a message; we will answer after we are back at 09:00.")
	b.tick(4*24*time.Hour + 8*time.Hour) // Saturday 12:00
	says(false, "later", "现在是非工作时间（周一至周五 09:00–18:00）。您可以先留言，我们周一 09:00 回来后回复您。",
		"We are closed now (open Mon–Fri 09:00–18:00). You can leave a message; we will answer after we are back on Mon at 09:00.")
	b.tick(2 * 24 * time.Hour) // Monday 12:00
	says(true, "now", "", "")
	put := func(kind, name string, spec map[string]any) {
		t.Helper()
		b.ask("admin", "PUT", "/policy/documents/"+kind+"/"+name, map[string]any{"spec": spec}, "If-Match", fmt.Sprintf("%q", fmt.Sprint(b.ledger.Policy().Revision()))).want(200)
	}
	put("switch", "inbox.site", map[string]any{"state": "paused", "until": "2026-11-30T13:00:00+08:00", "reason": "盘点-secret"})
	says(true, "later", "现在暂停接待，13:00 恢复。您可以先留言。", "We are not answering at the moment and will be back at 13:00. You can leave a message.")
	put("switch", "inbox.site", map[string]any{"state": "off", "reason": "盘点-secret"})
	says(true, "later", "现在暂停接待，您可以先留言。", "We are not answering at the moment. You can leave a message.")
	put("switch", "inbox.site", map[string]any{"state": "on"})
	put("account", "agent-a", map[string]any{"title": "甲", "alias": "小甲", "agent": true, "roles": []any{"agent"}, "capacity": map[string]any{"total": 1}})
	says(true, "now", "", "")
	b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	says(true, "later", "客服都在忙，您可以先留言，我们会按顺序接待。", "Everybody is busy at the moment. You can leave a message; we answer in order.")
}

func TestWhoWaitsIsToldWhyAndForHowLong(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	notice := func() string {
		state := b.ask("li-lei", "GET", "/chat/site/messages?lang=zh", nil).want(200).object("conversation")
		if state["status"] != "waiting" {
			t.Errorf("the conversation is %v", state)
		}
		return state["notice"].(string)
	}
	taken := b.ask("li-lei", "POST", "/chat/site/messages?lang=zh", map[string]any{"id": "1", "text": "在吗"}).want(201)
	const first = "您的消息已收到。现在没有客服在线，客服上线后会看到。"
	if taken.body["waiting"] != true || taken.text("notice") != first || notice() != first {
		t.Errorf("told %s and %s", taken.raw, notice())
	}
	b.tick(4 * time.Minute)
	if got := notice(); got != first+"您已等待 4 分钟，让您久等了；消息已保存，不会丢失。" {
		t.Errorf("after four minutes: %s", got)
	}
	b.letter("li-lei", "site", "2", "还在吗").want(201) // since the first one
	b.tick(3 * time.Hour)
	if got := notice(); !strings.Contains(got, "您已等待 3 小时") {
		t.Errorf("after three hours: %s", got)
	}
	b.tick(6 * time.Hour) // Monday 19:04
	if got := notice(); got != "您的消息已收到。现在是非工作时间（周一至周五 09:00–18:00），我们明天 09:00 回来后回复您。" {
		t.Errorf("in the evening: %s", got)
	}
}

func TestAVisitorsFilesAreItsOwn(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	b.visitor("han-mei", "site")
	send := func(visitor, name, content string) *reply {
		return b.ask(visitor, "POST", "/chat/site/attachments?name="+name, content, "Content-Type", "text/plain")
	}
	file := send("li-lei", "%E5%8F%91%E7%A5%A8.txt", "invoice").want(201)
	if file.text("id") == "" || file.text("name") != "发票.txt" || file.number("size") != 7 {
		t.Errorf("uploaded as %s", file.raw)
	}
	send("li-lei", "empty.txt", "").problem(400, "attachment.empty", "")
	send("guest", "x.txt", "x").problem(401, "chat.token_missing", "")
	b.ask("han-mei", "POST", "/chat/site/messages", map[string]any{"id": "1", "text": "偷", "attachments": []any{file.text("id")}}).problem(400, "attachment.unknown", "/attachments/0")
	taken := b.ask("li-lei", "POST", "/chat/site/messages", map[string]any{"id": "1", "text": "", "attachments": []any{file.text("id")}}).want(201)
	b.ask("li-lei", "POST", "/chat/site/messages", map[string]any{"id": "1", "text": "", "attachments": []any{file.text("id")}}).want(200)
	m := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200).list("messages")[0].(map[string]any)
	if list := m["attachments"].([]any); len(list) != 1 || list[0].(map[string]any)["name"] != "发票.txt" || strings.Contains(fmt.Sprint(list), "digest") {
		t.Errorf("the visitor sees %v", m)
	}
	path := "/chat/site/attachments/" + taken.text("message") + "/0"
	if got := b.ask("li-lei", "GET", path, nil).want(200); got.raw != "invoice" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the file comes as %q with %v", got.raw, got.header)
	}
	b.ask("han-mei", "GET", path, nil).problem(404, "chat.message_not_found", "/message")
	b.ask("li-lei", "GET", "/chat/site/attachments/"+taken.text("message")+"/1", nil).problem(404, "attachment.not_found", "/n")
	for _, none := range []string{"m99999", "m0", "x", "m1"} {
		b.ask("li-lei", "GET", "/chat/site/attachments/"+none+"/0", nil).problem(404, "chat.message_not_found", "/message")
	}
	// What an agent sends is the visitor's to read; a note is not.
	up := b.ask("agent-a", "POST", "/attachments?name=a.txt", "answer", "Content-Type", "text/plain").want(201)
	c := b.conversationOf(id, "site")
	b.ask("agent-a", "POST", "/conversations/"+c+"/replies", map[string]any{"id": "r", "text": "见附件", "attachments": []any{up.text("id")}}).want(201)
	note := b.ask("agent-a", "POST", "/conversations/"+c+"/notes", map[string]any{"id": "n", "text": "内部", "attachments": []any{up.text("id")}}).want(201)
	messages := b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200).list("messages")
	if len(messages) != 2 {
		t.Fatalf("the visitor reads %v", messages)
	}
	if got := b.ask("li-lei", "GET", "/chat/site/attachments/"+messages[1].(map[string]any)["message"].(string)+"/0", nil).want(200); got.raw != "answer" {
		t.Errorf("the answer's file is %q", got.raw)
	}
	b.ask("li-lei", "GET", "/chat/site/attachments/"+note.text("message")+"/0", nil).problem(404, "chat.message_not_found", "/message")
}

func FuzzAVisitorsMessageIsReadStrictly(f *testing.F) {
	for _, seed := range []string{`{"id":"1","text":"x"}`, `{"id":"1","text":"x","attachments":["f"]}`, `{"id":1}`, `[]`, `{"id":"1","text":"\ud800"}`, `{"attachments":[{"a":1}]}`, "", "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decodeLetter(body)
		if err != nil {
			if problemOf(err, "en", "").Status != 400 {
				t.Errorf("%q is refused with %v", body, err)
			}
			return
		}
		again, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := decodeLetter(again); err != nil || twice.ID != l.ID || twice.Text != l.Text {
			t.Errorf("%q is read as %+v and then as %+v, %v", body, l, twice, err)
		}
	})
}

func TestARestartKeepsVisitors(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	// A service that remembers nobody, as after a restart.
	b.server.o.Chat = web.New(web.Options{Ledger: b.ledger, Reader: b.store, Intake: b.intake, Listeners: b.visitors, Now: b.clock})
	if list := texts(b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200)); !slices.Equal(list, []string{"in 你好"}) {
		t.Errorf("the visitor reads %q", list)
	}
	b.letter("li-lei", "site", "1", "你好").want(200)
}
