package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
)

const company = `
kind: role
name: agent
spec: {template: agent}
---
kind: account
name: agent-a
spec: {agent: true, roles: [agent]}
---
kind: account
name: agent-b
spec: {agent: true, roles: [agent], state: frozen}
---
kind: schedule
name: mornings
spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "12:00"}]}
---
kind: inbox
name: all
spec: {channel: api, mode: live, kinds: [customer], members: {accounts: [agent-a, agent-b]}, routing: {strategy: broadcast}}
---
kind: inbox
name: closed
spec: {channel: api, mode: live, kinds: [customer], members: {accounts: [agent-a, agent-b]}, hours: mornings, routing: {strategy: least_loaded}}
---
kind: inbox
name: web
spec: {channel: api, mode: live, kinds: [customer, group], members: {accounts: [agent-a, agent-b]}, routing: {strategy: least_loaded}}
`

// bench is a Service on a ledger in memory, in the afternoon.
type bench struct {
	*Service
	t      *testing.T
	store  *memory.Store
	ledger *ledger.Ledger

	mu  sync.Mutex
	now time.Time
}

func newBench(t *testing.T, change ...func(*ledger.Options)) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), now: time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)}
	deadlines := conversation.Deadlines()
	maps.Copy(deadlines, governance.Deadlines())
	o := ledger.Options{Now: b.clock, Node: "n", Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: deadlines}
	for _, f := range change {
		f(&o)
	}
	var err error
	if b.ledger, err = ledger.New(t.Context(), b.store, o); err != nil {
		t.Fatal(err)
	}
	b.ledger.Start()
	t.Cleanup(b.ledger.Stop)
	docs, err := policy.ParseYAML([]byte(company))
	if err != nil {
		t.Fatal(err)
	}
	b.do(&governance.Apply{Base: -1, By: "system", Source: "start", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession("agent-a", ledger.Session{ID: "s1"}, "agent-a", "realtime")
		tx.OpenSocket("agent-a", ledger.Socket{ID: "k1", Session: "s1", Client: "tab", Node: "n"}, "agent-a")
		return nil
	}))
	b.do(&governance.SetPresence{Account: "agent-a", Value: "available", By: "agent-a", Source: "realtime"})
	b.Service = New(Options{Ledger: b.ledger, Reader: b.store, Now: b.clock})
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) sleep(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) do(cmd ledger.Command) {
	b.t.Helper()
	if err := b.ledger.Do(b.t.Context(), cmd); err != nil {
		b.t.Fatal(err)
	}
}

// failNext makes the store refuse the next command's group, after all that is due has been done.
func (b *bench) failNext() {
	b.t.Helper()
	for range 3 {
		b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	}
	b.store.FailCommit(ledger.ErrUnavailable, false)
}

var sender = Sender{Account: "robot", Lang: "en"}

func (b *bench) post(inbox string, r Request) Answer {
	b.t.Helper()
	a, err := b.Receive(b.t.Context(), sender, inbox, r)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *bench) refusals() []ledger.RefusalRow {
	b.t.Helper()
	b.Flush(b.t.Context())
	rows, err := b.store.Refusals(b.t.Context(), "", "", 0, 10_000)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		b.t.Fatal(err)
	}
	slices.Reverse(rows)
	return rows
}

func good(id string) Request {
	return Request{ID: id, Contact: Contact{ID: "k-" + id, Name: "王小明"}, Text: "您好😀"}
}

func TestAMessageIsAnsweredWithWhatBecameOfIt(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct {
		inbox, status, agent string
		agents               []string
		en, zh               string
	}{
		{"web", "routed", "agent-a", nil, "1/2 agents can receive; agent-a chosen: least loaded (0 open conversations)", "1/2 名客服可接收"},
		{"all", "offered", "", []string{"agent-a"}, "1/2 agents can receive; 1 ", "1/2 名客服可接收"},
		{"closed", "waiting", "", nil, "outside this inbox's business hours until 11-24 01:00 UTC; 1/2 agents could receive: 1 ", "1/2 名客服本可接收"},
	} {
		a := b.post(test.inbox, good("m1"))
		if a.Status != test.status || a.Agent != test.agent || !slices.Equal(a.Agents, test.agents) || a.Sequence != 1 || a.Duplicate {
			t.Errorf("%s: %+v", test.inbox, a)
		}
		if !strings.HasPrefix(a.Summary, test.en) {
			t.Errorf("%s: the summary is %q", test.inbox, a.Summary)
		}
		again := b.post(test.inbox, good("m1"))
		if !again.Duplicate {
			t.Errorf("%s: the repetition is not told", test.inbox)
		}
		if again.Duplicate = false; fmt.Sprint(again) != fmt.Sprint(a) {
			t.Errorf("%s: the repetition is answered with\n%+v, first it was\n%+v", test.inbox, again, a)
		}
		zh, err := b.Receive(t.Context(), Sender{Account: "robot", Lang: "zh"}, test.inbox, good("m1"))
		if err != nil || !strings.Contains(zh.Summary, test.zh) || zh.Message != a.Message {
			t.Errorf("%s: in Chinese it is %+v, %v", test.inbox, zh, err)
		}
	}
}

func TestTheFirstAnswerStaysWhateverHappensLater(t *testing.T) {
	b := newBench(t)
	first := b.post("web", good("m1"))
	id, _ := conversation.ParseID('c', first.Conversation)
	b.do(&conversation.Resolve{Conversation: id, By: "agent-a"})
	b.do(&governance.SetPresence{Account: "agent-a", Value: "away", By: "agent-a", Source: "api"})
	b.do(&governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{{Kind: "account", Name: "agent-a", Spec: json.RawMessage(`{"agent":true,"state":"left"}`)}}})
	b.sleep(48 * time.Hour)
	again := b.post("web", good("m1"))
	if again.Duplicate = false; fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("answered with %+v, first it was %+v", again, first)
	}
}

func TestEverythingThatIsWrongIsNamedLoggedAndChangesNothing(t *testing.T) {
	b := newBench(t)
	known := b.post("web", good("known"))
	b.post("all", good("elsewhere"))
	elsewhere := b.post("all", good("elsewhere")).Conversation
	position := b.ledger.Position()
	for _, test := range []struct {
		name   string
		inbox  string
		change func(*Request)
		kind   problem.Kind
		code   string
		field  string
	}{
		{"an unknown inbox", "nope", func(*Request) {}, problem.NotFound, "intake.unknown_inbox", "/inbox"},
		{"no id", "web", func(r *Request) { r.ID = "" }, problem.Invalid, "intake.invalid", "/id"},
		{"a long id", "web", func(r *Request) { r.ID = strings.Repeat("x", 129) }, problem.Invalid, "intake.invalid", "/id"},
		{"an id with a control character", "web", func(r *Request) { r.ID = "a\x07b" }, problem.Invalid, "intake.invalid", "/id"},
		{"an id with U+0000", "web", func(r *Request) { r.ID = "a\x00b" }, problem.Invalid, "intake.invalid", "/id"},
		{"an id that is not UTF-8", "web", func(r *Request) { r.ID = "a\xff" }, problem.Malformed, "intake.invalid", "/id"},
		{"no contact", "web", func(r *Request) { r.Contact = Contact{} }, problem.Invalid, "intake.invalid", "/contact/id"},
		{"a long contact", "web", func(r *Request) { r.Contact.ID = strings.Repeat("长", 43) }, problem.Invalid, "intake.invalid", "/contact/id"},
		{"a long name", "web", func(r *Request) { r.Contact.Name = strings.Repeat("长", 201) }, problem.Invalid, "intake.invalid", "/contact/name"},
		{"a name with a line break", "web", func(r *Request) { r.Contact.Name = "a\nb" }, problem.Invalid, "intake.invalid", "/contact/name"},
		{"no text", "web", func(r *Request) { r.Text = "" }, problem.Invalid, "intake.invalid", "/text"},
		{"a text over the limit", "web", func(r *Request) { r.Text = strings.Repeat("x", 16385) }, problem.TooLarge, "intake.too_large", "/text"},
		{"a text with U+0000", "web", func(r *Request) { r.Text = "secret-text\x00" }, problem.Invalid, "intake.invalid", "/text"},
		{"a text that is not UTF-8", "web", func(r *Request) { r.Text = "secret-text\xff" }, problem.Malformed, "intake.invalid", "/text"},
		{"an attachment that was never uploaded", "web", func(r *Request) { r.Attachments = []string{"f" + strings.Repeat("a", 32)} }, problem.Invalid, "attachment.unknown", "/attachments/0"},
		{"an attachment that is no upload's id", "web", func(r *Request) { r.Attachments = []string{"secret-text"} }, problem.Invalid, "attachment.unknown", "/attachments/0"},
		{"eleven attachments", "web", func(r *Request) { r.Attachments = make([]string, 11) }, problem.Invalid, "intake.invalid", "/attachments"},
		{"no text and no attachments", "web", func(r *Request) { r.Text, r.Attachments = "", []string{} }, problem.Invalid, "intake.invalid", "/text"},
		{"the id with an attachment", "web", func(r *Request) { *r = good("known"); r.Attachments = []string{"f" + strings.Repeat("a", 32)} }, problem.Conflict, "intake.duplicate_conflict", "/id"},
		{"a malformed kind", "web", func(r *Request) { r.Kind = "No Kind" }, problem.Invalid, "intake.invalid", "/kind"},
		{"an unknown kind", "web", func(r *Request) { r.Kind = "fax" }, problem.Invalid, "intake.kind_not_produced", "/kind"},
		{"a kind that the inbox does not produce", "all", func(r *Request) { r.Kind = "group" }, problem.Invalid, "intake.kind_not_produced", "/kind"},
		{"a kind that only Bida makes", "web", func(r *Request) { r.Kind = "system" }, problem.Invalid, "intake.kind_not_produced", "/kind"},
		{"a malformed conversation", "web", func(r *Request) { r.Conversation = "17" }, problem.Invalid, "intake.invalid", "/conversation"},
		{"an unknown conversation", "web", func(r *Request) { r.Conversation = "c999999" }, problem.NotFound, "intake.conversation_mismatch", "/conversation"},
		{"a conversation of another inbox", "web", func(r *Request) { r.Conversation = elsewhere }, problem.NotFound, "intake.conversation_mismatch", "/conversation"},
		{"a conversation of another contact", "web", func(r *Request) { r.Conversation = known.Conversation }, problem.Conflict, "intake.conversation_mismatch", "/conversation"},
		{"a conversation of another kind", "web", func(r *Request) { r.Conversation, r.Kind, r.Contact.ID = known.Conversation, "group", "k-known" }, problem.Conflict, "intake.conversation_mismatch", "/conversation"},
		{"a malformed time", "web", func(r *Request) { r.SentAt = "yesterday" }, problem.Invalid, "intake.invalid", "/sent_at"},
		{"a time without offset", "web", func(r *Request) { r.SentAt = "2026-11-23T09:00:00" }, problem.Invalid, "intake.invalid", "/sent_at"},
		{"the id with another text", "web", func(r *Request) { *r = good("known"); r.Text = "another" }, problem.Conflict, "intake.duplicate_conflict", "/id"},
		{"the id with another contact", "web", func(r *Request) { *r = good("known"); r.Contact.ID = "another" }, problem.Conflict, "intake.duplicate_conflict", "/id"},
		{"the id with a kind", "web", func(r *Request) { *r = good("known"); r.Kind = "customer" }, problem.Conflict, "intake.duplicate_conflict", "/id"},
		{"the id with a conversation", "web", func(r *Request) { *r = good("known"); r.Conversation = known.Conversation }, problem.Conflict, "intake.duplicate_conflict", "/id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := good("fresh")
			test.change(&r)
			before := len(b.refusals())
			_, err := b.Receive(t.Context(), sender, test.inbox, r)
			p := problem.As(err)
			if p == nil || p.Kind != test.kind || p.Code != test.code || p.Field != test.field || p.En == "" || p.Zh == "" {
				t.Fatalf("refused with %+v", err)
			}
			lines := b.refusals()
			if len(lines) != before+1 {
				t.Fatalf("%d lines in the intake log, want %d", len(lines), before+1)
			}
			line := lines[before]
			if line.Inbox != test.inbox || line.Account != "robot" || line.Code != test.code || line.Field != test.field || !line.At.Equal(b.clock()) {
				t.Errorf("the line is %+v", line)
			}
			if utf8ID := strings.ToValidUTF8(r.ID, "?"); len(r.ID) <= MaxID && !strings.ContainsAny(r.ID, "\x00\x07") && line.SenderID != utf8ID {
				t.Errorf("the line is about %q, want %q", line.SenderID, utf8ID)
			}
			if strings.Contains(fmt.Sprint(line), "secret-text") {
				t.Errorf("the line has the text: %+v", line)
			}
		})
	}
	if _, err := b.store.MessageBySender(t.Context(), "web", "fresh"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a refused message was stored: %v", err)
	}
	messages := len(b.ledger.OpenConversations(func(*ledger.ConversationRow) bool { return true }))
	if messages != 2 {
		t.Errorf("%d conversations are open", messages)
	}
	if b.ledger.Position() < position {
		t.Error("positions went back")
	}
	// A refusal does not use up the id.
	if a := b.post("web", good("fresh")); a.Duplicate || a.Sequence != 1 {
		t.Errorf("the mended message is answered with %+v", a)
	}
}

func TestWhatIsAtTheLimitsIsTakenIn(t *testing.T) {
	b := newBench(t)
	for name, change := range map[string]func(*Request){
		"the longest text":    func(r *Request) { r.Text = strings.Repeat("x", MaxText) },
		"ten thousand bytes":  func(r *Request) { r.Text = strings.Repeat("好", 3334) },
		"the longest id":      func(r *Request) { r.ID = strings.Repeat("i", MaxID) },
		"the longest name":    func(r *Request) { r.Contact.Name = strings.Repeat("长", MaxName) },
		"no name":             func(r *Request) { r.Contact.Name = "" },
		"text over two lines": func(r *Request) { r.Text = "a\r\n\tb" },
		"empty attachments":   func(r *Request) { r.Attachments = []string{} },
		"a time with offset":  func(r *Request) { r.SentAt = "2026-11-23T09:00:00.123456789+08:00" },
		"a group's message":   func(r *Request) { r.Kind = "group" },
	} {
		r := good(name)
		change(&r)
		a := b.post("web", r)
		id, _ := conversation.ParseID('m', a.Message)
		m, err := b.store.Message(t.Context(), id)
		if err != nil || m.Text != r.Text || m.SenderID != r.ID {
			t.Errorf("%s: stored is %+v, %v", name, m, err)
		}
	}
}

func TestANameThatIsLearntLaterIsNoOtherMessage(t *testing.T) {
	b := newBench(t)
	first := b.post("web", good("m1"))
	r := good("m1")
	r.Contact.Name = "王大明"
	r.SentAt = "2026-11-23T09:00:00+08:00"
	if again := b.post("web", r); !again.Duplicate || again.Message != first.Message {
		t.Errorf("answered with %+v", again)
	}
}

func TestNothingIsPromisedWhileTheStoreFails(t *testing.T) {
	b := newBench(t)
	b.failNext()
	_, err := b.Receive(t.Context(), sender, "web", good("m1"))
	if problem.KindOf(err) != problem.Unavailable {
		t.Fatalf("refused with %v", err)
	}
	if a := b.post("web", good("m1")); a.Duplicate {
		t.Error("the refused message was there")
	}
}

func TestABatchTakesEachMessageAloneAndInOrder(t *testing.T) {
	b := newBench(t)
	var rows []Row
	for i := range 100 {
		r := good(fmt.Sprint("m", i))
		r.Contact.ID = fmt.Sprint("k", i%5)
		rows = append(rows, Row{Request: r})
	}
	rows[17].Text = ""
	rows[40].Err = problem.New(problem.Malformed, codeInvalid, "not JSON", "不是 JSON")
	rows[99] = rows[3]
	results, err := b.ReceiveBatch(t.Context(), sender, "web", rows)
	if err != nil || len(results) != 100 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	next := map[string]int64{}
	for i, r := range results {
		contact := rows[i].Contact.ID
		switch i {
		case 17:
			if p := problem.As(r.Err); p == nil || p.Field != "/text" {
				t.Errorf("row 17: %+v", r)
			}
		case 40:
			if r.Err == nil {
				t.Error("a row that could not be read was taken in")
			}
		case 99:
			if !r.Answer.Duplicate || r.Answer.Message != results[3].Answer.Message {
				t.Errorf("row 99: %+v, row 3: %+v", r, results[3])
			}
		default:
			next[contact]++
			if r.Err != nil || r.Answer.Sequence != next[contact] {
				t.Errorf("row %d: %+v, want sequence %d", i, r, next[contact])
			}
		}
	}
	if lines := b.refusals(); len(lines) != 2 || lines[0].SenderID != "m17" || lines[1].SenderID != "m40" {
		t.Errorf("the intake log has %+v", lines)
	}
}

func TestABatchThatIsTooLongOrForNoInboxIsRefusedAsAWhole(t *testing.T) {
	b := newBench(t)
	if _, err := b.ReceiveBatch(t.Context(), sender, "web", make([]Row, MaxBatch+1)); problem.KindOf(err) != problem.TooLarge {
		t.Errorf("refused with %v", err)
	}
	if _, err := b.ReceiveBatch(t.Context(), sender, "nope", make([]Row, 3)); problem.KindOf(err) != problem.NotFound {
		t.Errorf("refused with %v", err)
	}
	if lines := b.refusals(); len(lines) != 2 {
		t.Errorf("the intake log has %+v", lines)
	}
	if results, err := b.ReceiveBatch(t.Context(), sender, "web", nil); err != nil || len(results) != 0 {
		t.Errorf("an empty batch: %v, %v", results, err)
	}
}

func TestNoMessageOfABatchOvertakesOneThatWasTurnedAway(t *testing.T) {
	b := newBench(t, func(o *ledger.Options) { o.MaxQueue = 8 })
	// While the ledger is held up, the queue fills.
	held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.ledger.Submit(ledger.CommandFunc(func(*ledger.Tx) error { close(held); <-release; return nil }), func(error) { close(done) })
	<-held
	rows := make([]Row, 30)
	w := &batch{results: make([]Result, len(rows)), commands: make([]*ordered, len(rows))}
	for i := range rows {
		rows[i].Request = good(fmt.Sprint("m", i))
		rows[i].Contact.ID = "k"
		w.add(b.Service, i, sender, "web", &rows[i])
		if i == 20 { // there is room again, for those that come too late
			close(release)
			<-done
		}
	}
	w.waiting.Wait()
	results := w.results
	if results[0].Err != nil || results[29].Err == nil {
		t.Fatalf("the first: %v, the last: %v", results[0].Err, results[29].Err)
	}
	turnedAway := -1
	for i, r := range results {
		switch {
		case r.Err == nil && turnedAway >= 0:
			t.Fatalf("row %d was taken in after row %d was turned away", i, turnedAway)
		case r.Err != nil && turnedAway < 0:
			turnedAway = i
		}
		if k := problem.KindOf(r.Err); r.Err != nil && k != problem.Limited {
			t.Errorf("row %d: %v", i, r.Err)
		}
	}
}

func TestAfterAFailedWriteTheRestOfABatchIsTurnedAway(t *testing.T) {
	b := newBench(t, func(o *ledger.Options) { o.MaxGroup = 4 })
	b.failNext()
	rows := make([]Row, 40)
	for i := range rows {
		rows[i].Request = good(fmt.Sprint("m", i))
		rows[i].Contact.ID = "k"
	}
	results, err := b.ReceiveBatch(t.Context(), sender, "web", rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if problem.KindOf(r.Err) != problem.Unavailable {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	results, err = b.ReceiveBatch(t.Context(), sender, "web", rows)
	if err != nil || results[39].Answer.Sequence != 40 {
		t.Errorf("sent again: %+v, %v", results[39], err)
	}
}

func TestADecisionReadBackIsTheOneThatWasMade(t *testing.T) {
	b := newBench(t)
	for _, inbox := range []string{"web", "all", "closed"} {
		a := b.post(inbox, good("m1"))
		id, _ := conversation.ParseID('m', a.Message)
		m, err := b.store.Message(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		content, err := b.store.Outcomes(t.Context(), m.Decision.Outcomes)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Decision(m.Decision, m.Kind, content)
		if err != nil || string(reception.EncodeOutcomes(&d)) != string(content) || d.Verdict.String() != a.Status {
			t.Errorf("%s: %+v, %v", inbox, d, err)
		}
		for _, damaged := range []ledger.DecisionRow{{Verdict: "?", Code: m.Decision.Code}, {Verdict: "routed", Code: "?"}, {Verdict: "routed", Code: m.Decision.Code, ReleasedFor: "?"}} {
			if _, err := Decision(&damaged, m.Kind, content); err == nil {
				t.Errorf("%s: %+v was read", inbox, damaged)
			}
		}
		if _, err := Decision(m.Decision, m.Kind, []byte("{}")); err == nil {
			t.Errorf("%s: damaged outcomes were read", inbox)
		}
	}
}
