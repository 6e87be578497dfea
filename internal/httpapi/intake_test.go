package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

func TestAMessageIsAnsweredAndItsRepetitionToTheByte(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	for _, lang := range []string{"en", "zh-CN,zh;q=0.9,en;q=0.8"} {
		first := b.ask("robot", "POST", "/inboxes/web/messages", message("w-"+lang[:2]), "Accept-Language", lang).want(201)
		if first.text("status") != "routed" || first.text("agent") != "agent-a" || first.number("sequence") != 1 || first.header.Get("Content-Type") != "application/json" {
			t.Errorf("answered with %s", first.raw)
		}
		if chinese := strings.Contains(first.text("summary"), "名客服可接收"); chinese != strings.HasPrefix(lang, "zh") {
			t.Errorf("in %s it is summed up as %q", lang, first.text("summary"))
		}
		again := b.ask("robot-2", "POST", "/inboxes/web/messages", message("w-"+lang[:2]), "Accept-Language", lang).want(200)
		if again.raw != first.raw {
			t.Errorf("repeated, it is answered with\n%s\nfirst it was\n%s", again.raw, first.raw)
		}
	}
	waiting := b.ask("robot", "POST", "/inboxes/vip/messages", message("v-1")).want(201)
	if waiting.text("status") != "waiting" || waiting.text("agent") != "" || !strings.HasPrefix(waiting.text("summary"), "0/1 agents can receive") {
		t.Errorf("answered with %s", waiting.raw)
	}
	b.online("agent-b")
	offered := b.ask("robot", "POST", "/inboxes/vip/messages", message("v-2")).want(201)
	if offered.text("status") != "offered" || fmt.Sprint(offered.list("agents")) != "[agent-b]" {
		t.Errorf("answered with %s", offered.raw)
	}
}

// broken is a body with one thing wrong.
type broken struct{ name, body, field, code string }

func brokenMessages() []broken {
	m := func(change string) string {
		return `{"id":"fresh","contact":{"id":"k","name":"王"},"text":"secret-text"` + change + `}`
	}
	return []broken{
		{"not JSON", `{"id":"fresh"`, "", "intake.invalid"},
		{"nothing", ``, "", "intake.invalid"},
		{"no object", `["secret-text"]`, "", "intake.invalid"},
		{"two messages", m("") + m(""), "", "intake.invalid"},
		{"an unknown field", m(`,"txt":"secret-text"`), "/txt", "intake.invalid"},
		{"an unknown field of the contact", `{"id":"fresh","contact":{"id":"k","phone":"secret-text"},"text":"x"}`, "/contact/phone", "intake.invalid"},
		{"another case", m(`,"KIND":"group"`), "/KIND", "intake.invalid"},
		{"a field twice", m(`,"text":"secret-text"`), "/text", "intake.invalid"},
		{"invalid UTF-8 in the text", "{\"id\":\"fresh\",\"contact\":{\"id\":\"k\"},\"text\":\"secret-text\xff\"}", "/text", "intake.invalid"},
		{"invalid UTF-8 in the name", "{\"id\":\"fresh\",\"contact\":{\"id\":\"k\",\"name\":\"\xc3\"},\"text\":\"secret-text\"}", "/contact/name", "intake.invalid"},
		{"half an emoji", `{"id":"fresh","contact":{"id":"k"},"text":"secret-text\ud83d"}`, "/text", "intake.invalid"},
		{"U+0000", `{"id":"fresh","contact":{"id":"k"},"text":"secret-text\u0000"}`, "/text", "intake.invalid"},
		{"a text that is a number", `{"id":"fresh","contact":{"id":"k"},"text":12345}`, "/text", "intake.invalid"},
		{"an id that is a number", `{"id":5,"contact":{"id":"k"},"text":"secret-text"}`, "/id", "intake.invalid"},
		{"a contact that is a text", `{"id":"fresh","contact":"secret-text","text":"x"}`, "/contact", "intake.invalid"},
		{"a contact's id that is a list", `{"id":"fresh","contact":{"id":["secret-text"]},"text":"x"}`, "/contact/id", "intake.invalid"},
		{"no id", `{"contact":{"id":"k"},"text":"secret-text"}`, "/id", "intake.invalid"},
		{"no contact", `{"id":"fresh","text":"secret-text"}`, "/contact/id", "intake.invalid"},
		{"no text", `{"id":"fresh","contact":{"id":"k"}}`, "/text", "intake.invalid"},
		{"a null text", `{"id":"fresh","contact":{"id":"k"},"text":null}`, "/text", "intake.invalid"},
		{"attachments", m(`,"attachments":[{"url":"secret-text","size":1}]`), "/attachments", "intake.invalid"},
		{"attachments that are no list", m(`,"attachments":"secret-text"`), "/attachments", "intake.invalid"},
		{"an unknown kind", m(`,"kind":"fax"`), "/kind", "intake.kind_not_produced"},
		{"a malformed time", m(`,"sent_at":"secret-text"`), "/sent_at", "intake.invalid"},
		{"a malformed conversation", m(`,"conversation":"secret-text"`), "/conversation", "intake.invalid"},
	}
}

func TestABadMessageIsRefusedByFieldLoggedAndChangesNothing(t *testing.T) {
	b := newBench(t)
	for _, test := range brokenMessages() {
		t.Run(test.name, func(t *testing.T) {
			lines := b.ask("admin", "GET", "/intake/log", nil).want(200).list("refusals")
			got := b.ask("robot", "POST", "/inboxes/web/messages", test.body)
			got.problem(400, test.code, test.field)
			after := b.ask("admin", "GET", "/intake/log", nil).want(200)
			rows := after.list("refusals")
			if len(rows) != len(lines)+1 {
				t.Fatalf("the intake log grew from %d to %d lines", len(lines), len(rows))
			}
			row := rows[0].(map[string]any)
			field, _ := row["field"].(string)
			if row["code"] != test.code || field != test.field || row["account"] != "robot" || row["inbox"] != "web" {
				t.Errorf("the line is %v", row)
			}
			if strings.Contains(after.raw+got.raw, "secret-text") {
				t.Errorf("the text is repeated: %s %s", got.raw, after.raw)
			}
		})
	}
	if open := b.ledger.OpenConversations(func(*ledger.ConversationRow) bool { return true }); len(open) != 0 {
		t.Errorf("%d conversations are open", len(open))
	}
	if _, err := b.store.MessageBySender(t.Context(), "web", "fresh"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a message was stored: %v", err)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", message("fresh")).want(201)
	trace := b.ask("admin", "GET", "/messages/trace?inbox=web&sender_id=fresh", nil).want(200)
	if refused := strings.Count(trace.raw, `"result":"refused"`); refused < 15 || trace.text("message") == "" {
		t.Errorf("the trace has %d refusals: %s", refused, trace.raw)
	}
}

func TestRefusalsOfTheWholeRequestAreLoggedToo(t *testing.T) {
	b := newBench(t)
	const path = "/inboxes/web/messages"
	b.ask("robot", "POST", "/inboxes/nope/messages", message("x")).problem(404, "intake.unknown_inbox", "/inbox")
	b.ask("robot", "POST", path, strings.Repeat(" ", messageBody+1)).problem(413, "request.too_large", "")
	b.ask("robot", "POST", path, message("x"), "Content-Encoding", "gzip").problem(415, "request.encoding", "/Content-Encoding")
	b.ask("agent-a", "POST", path, message("x")).problem(403, "permission.missing", "")
	b.ask("guest", "POST", path, message("x")).problem(401, "identity.token_missing", "")
	text := message("x")
	text["text"] = strings.Repeat("长", 5462)
	b.ask("robot", "POST", path, text).problem(413, "intake.too_large", "/text")
	log := b.ask("admin", "GET", "/intake/log?limit=10", nil).want(200)
	var codes []string
	for _, row := range log.list("refusals") {
		codes = append(codes, row.(map[string]any)["code"].(string))
	}
	want := []string{"intake.too_large", "intake.unauthenticated", "intake.forbidden", "request.encoding", "request.too_large", "intake.unknown_inbox"}
	if !slices.Equal(codes, want) {
		t.Errorf("the intake log has %v, want %v", codes, want)
	}
	if got := b.ask("admin", "GET", "/intake/log?inbox=nope", nil).list("refusals"); len(got) != 1 {
		t.Errorf("about inbox nope: %v", got)
	}
}

func TestTheSameIDWithOtherContentIsAConflict(t *testing.T) {
	b := newBench(t)
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	for name, value := range map[string]any{"text": "other", "kind": "group", "contact": map[string]any{"id": "other"}} {
		m := message("x")
		m[name] = value
		b.ask("robot", "POST", "/inboxes/web/messages", m).problem(409, "intake.duplicate_conflict", "/id")
	}
	b.ask("robot", "POST", "/inboxes/vip/messages", message("x")).want(201) // ids are per inbox
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequest("POST", Prefix+"/inboxes/web/messages", strings.NewReader(strings.Repeat(" ", messageBody+1)))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+b.tokens["robot"])
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequest("POST", Prefix+"/inboxes/web/messages", &failingReader{})
	r.Header.Set("Authorization", "Bearer "+b.tokens["robot"])
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "request.incomplete") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, errors.New("gone") }

func TestTooManyBodiesAtOnceAreTurnedAwayAndTheirMemoryComesBack(t *testing.T) {
	b := newBench(t)
	for _, hold := range []struct {
		by   string
		n    int64
		code string
	}{{"others", bodyShare, ""}, {"more", bodyShare - 10, "request.busy"}} {
		if err := b.server.bodies.Take(hold.by, hold.n); err != nil {
			t.Fatal(err)
		}
		if hold.code == "" {
			b.ask("robot", "POST", "/inboxes/web/messages", message("first")).want(201)
			continue
		}
		got := b.ask("robot", "POST", "/inboxes/web/messages", message("x"))
		got.problem(429, hold.code, "")
		if got.header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
	}
	b.server.bodies.Give("more", bodyShare-10)
	if err := b.server.bodies.Take("robot", bodyShare-10); err != nil {
		t.Fatal(err)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).problem(429, "request.busy_source", "")
	b.ask("robot-2", "POST", "/inboxes/web/messages", message("other")).problem(429, "request.busy", "")
	b.server.bodies.Give("others", bodyShare)
	b.ask("robot-2", "POST", "/inboxes/web/messages", message("other")).want(201)
	b.server.bodies.Give("robot", bodyShare-10)
	for range 3 {
		b.ask("robot", "POST", "/inboxes/web/messages", message("x"))
		b.ask("robot", "POST", "/inboxes/web/messages", "{")
		b.ask("robot", "POST", "/inboxes/web/messages", strings.Repeat(" ", messageBody+1))
		b.ask("admin", "PUT", "/policy", "{", "If-Match", "1")
		b.ask("admin", "PUT", "/policy", `{"documents":[]}`, "If-Match", "1")
	}
	if held := b.server.bodies.Held(); held != 0 {
		t.Errorf("%d bytes did not come back", held)
	}
}

func TestABatchAnswersRowByRow(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	one, other := message("b-1"), message("b-2")
	other["contact"] = one["contact"]
	rows := []any{one, other, map[string]any{"id": "b-3", "contact": map[string]any{"id": "k"}, "txt": "?"}, one}
	for name, body := range map[string]any{"an object": map[string]any{"messages": rows}, "a list": rows} {
		got := b.ask("robot", "POST", "/inboxes/web/messages:batch", body).want(200)
		var out struct {
			Results []struct {
				Message, Code, Field string
				Sequence             int
				Status               any
			}
		}
		if err := json.Unmarshal([]byte(got.raw), &out); err != nil || len(out.Results) != 4 {
			t.Fatalf("%s: %s, %v", name, got.raw, err)
		}
		r := out.Results
		if r[0].Sequence != 1 || r[1].Sequence != 2 || r[3].Message != r[0].Message || r[0].Status != "routed" {
			t.Errorf("%s: %s", name, got.raw)
		}
		if r[2].Code != "intake.invalid" || r[2].Field != "/txt" || r[2].Status != 400.0 || r[2].Message != "" {
			t.Errorf("%s: row 3 is %+v", name, r[2])
		}
	}
}

func TestABadBatchIsRefusedByField(t *testing.T) {
	b := newBench(t)
	const path = "/inboxes/web/messages:batch"
	long := make([]any, 513)
	for i := range long {
		long[i] = message(fmt.Sprint("m", i))
	}
	b.ask("robot", "POST", path, long).problem(413, "intake.too_large", "/messages")
	b.ask("robot", "POST", path, "{").problem(400, "intake.invalid", "")
	b.ask("robot", "POST", path, "[1").problem(400, "intake.invalid", "")
	b.ask("robot", "POST", path, "12").problem(400, "intake.invalid", "")
	b.ask("robot", "POST", path, "{}").problem(400, "intake.invalid", "/messages")
	b.ask("robot", "POST", path, `{"messages":{}}`).problem(400, "intake.invalid", "/messages")
	b.ask("robot", "POST", path, `{"messages":[],"prune":true}`).problem(400, "intake.invalid", "/prune")
	b.ask("robot", "POST", "/inboxes/nope/messages:batch", `{"messages":[]}`).problem(404, "intake.unknown_inbox", "/inbox")
	if n := len(b.ask("admin", "GET", "/intake/log", nil).list("refusals")); n != 8 {
		t.Errorf("the intake log has %d lines", n)
	}
	row := message("large")
	row["attachments"] = []any{strings.Repeat("x", messageBody)}
	got := b.ask("robot", "POST", path, []any{row, message("small")}).want(200)
	if !strings.Contains(got.raw, `"intake.too_large"`) || !strings.Contains(got.raw, `"sequence":1`) {
		t.Errorf("answered with %s", got.raw)
	}
	b.ask("robot", "POST", path, long[:512]).want(200)
}

func TestARefusedRequestCanBeFoundByTheSendersID(t *testing.T) {
	b := newBench(t)
	bad := message("订单 7/8")
	bad["kind"] = "fax"
	b.ask("robot", "POST", "/inboxes/web/messages", bad).problem(400, "intake.kind_not_produced", "/kind")
	path := "/messages/trace?" + url.Values{"inbox": {"web"}, "sender_id": {"订单 7/8"}}.Encode()
	for _, actor := range []string{"admin", "sup", "robot"} {
		got := b.ask(actor, "GET", path, nil).want(200)
		if v, ok := got.body["message"]; !ok || v != nil {
			t.Errorf("%s: message is %v", actor, v)
		}
		stages := got.list("stages")
		stage := stages[0].(map[string]any)
		if len(stages) != 1 || stage["stage"] != "intake" || stage["result"] != "refused" || stage["code"] != "intake.kind_not_produced" || stage["field"] != "/kind" || stage["at"] == nil {
			t.Errorf("%s: the stages are %v", actor, stages)
		}
	}
	b.ask("robot-2", "GET", path, nil).problem(404, "message.not_found", "/id") // another source's
	b.ask("agent-a", "GET", path, nil).problem(404, "message.not_found", "/id")
	b.ask("admin", "GET", "/messages/trace?inbox=web", nil).problem(400, "request.invalid", "/sender_id")
	b.ask("robot", "POST", "/inboxes/web/messages", message("订单 7/8")).want(201)
	both := b.ask("robot", "GET", path, nil).want(200)
	if both.text("message") == "" || !strings.Contains(both.raw, "refused") || !strings.Contains(both.raw, `"stage":"decided"`) {
		t.Errorf("the trace is %s", both.raw)
	}
}

func TestOverloadSaysWhenToTryAgain(t *testing.T) {
	b := newBench(t)
	b.store.FailCommit(ledger.ErrUnavailable, false)
	got := b.ask("robot", "POST", "/inboxes/web/messages", message("x"))
	got.problem(503, "system.health.store", "")
	if got.header.Get("Retry-After") == "" || got.number("retry_after") == 0 {
		t.Errorf("it does not say when to try again: %v", got.raw)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
}

func TestTheTraceShowsEveryStageCandidateAndAttempt(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.online("agent-b")
	m := b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	agent := m.text("agent")
	b.receive(agent)
	b.tick(time.Second)
	b.ask(agent, "POST", "/conversations/"+m.text("conversation")+"/replies", map[string]any{"id": "r1", "text": "在路上"}).want(201)
	got := b.ask("admin", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	var trace TraceAnswer
	if err := json.Unmarshal([]byte(got.raw), &trace); err != nil {
		t.Fatal(err)
	}
	var stages []string
	for i, s := range trace.Stages {
		stages = append(stages, s.Stage)
		if i > 0 && s.At < trace.Stages[i-1].At {
			t.Errorf("stage %s is out of order", s.Stage)
		}
		if (s.Stage == "pushed") != (s.Node == "node-1") {
			t.Errorf("stage %s was on node %q", s.Stage, s.Node)
		}
	}
	if want := "intake stored decided queued pushed received seen accepted answered"; strings.Join(slices.Compact(stages), " ") != want {
		t.Errorf("the stages are %v, want %s", stages, want)
	}
	d := trace.Decision
	if d.Revision != 1 || len(d.Gates) != 6 || len(d.Candidates) != 2 || len(d.Candidates[0].Gates) != int(reception.GateCount) || fmt.Sprint(d.Chosen) != "["+agent+"]" {
		t.Errorf("the decision is %+v", d)
	}
	if len(trace.Deliveries) != 1 || trace.Deliveries[0].State != "accepted" || len(trace.Deliveries[0].Attempts) != 1 || trace.Deliveries[0].Attempts[0].Result != "received" {
		t.Errorf("the deliveries are %+v", trace.Deliveries)
	}
}

// TraceAnswer is what tests read of a trace.
type TraceAnswer struct {
	Message  string
	Stages   []struct{ Stage, At, Node, Result, Agent string }
	Decision struct {
		Revision   int
		Chosen     []string
		Summary    string
		Gates      []any
		Candidates []struct {
			Agent string
			Gates []struct{ Gate, Outcome, Code string }
		}
	}
	Decisions  []struct{ Cause, Verdict string }
	Deliveries []struct {
		Agent, State string
		Attempts     []struct{ At, Result, Connection string }
	}
}

func TestTheTraceTellsLaterDecisionsUntilTheAnswer(t *testing.T) {
	b := newBench(t)
	m := b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	b.online("agent-a")
	got := b.ask("sup", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	var trace TraceAnswer
	if err := json.Unmarshal([]byte(got.raw), &trace); err != nil {
		t.Fatal(err)
	}
	last := trace.Decisions[len(trace.Decisions)-1]
	if last.Verdict != "routed" || len(trace.Decision.Chosen) != 0 {
		t.Errorf("the decisions are %+v and %+v", trace.Decision, trace.Decisions)
	}
	b.receive("agent-a")
	b.ask("agent-a", "POST", "/conversations/"+m.text("conversation")+"/replies", map[string]any{"id": "r1", "text": "a"}).want(201)
	b.ask("agent-a", "POST", "/conversations/"+m.text("conversation")+"/release", nil).want(200)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "y", "contact": map[string]any{"id": "contact-x"}, "text": "还有"}).want(201)
	after := b.ask("sup", "GET", "/messages/"+m.text("message")+"/trace", nil).want(200)
	var again TraceAnswer
	if err := json.Unmarshal([]byte(after.raw), &again); err != nil {
		t.Fatal(err)
	}
	if len(again.Decisions) != len(trace.Decisions) {
		t.Errorf("decisions after the answer are shown: %s", after.raw)
	}
}
