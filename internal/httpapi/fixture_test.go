package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/selfcheck"
	"github.com/bidahq/bida/internal/store/memory"
)

// company is small: two agents in one inbox, one of them in a second that is taken from by hand, a supervisor, an administrator, a robot, an auditor, and
// somebody who may do nothing.
const company = `
kind: role
name: agent
spec: {title: 客服, template: agent}
---
kind: role
name: supervisor
spec: {title: 客服主管, template: supervisor}
---
kind: role
name: audit
spec: {title: 审计, template: audit}
---
kind: role
name: robot
spec: {title: 机器人, permissions: [message.post, reply.read]}
---
kind: account
name: admin
spec: {title: 管理员, roles: [admin]}
---
kind: account
name: agent-a
spec: {title: 甲, alias: 小甲, agent: true, roles: [agent]}
---
kind: account
name: agent-b
spec: {title: 乙, agent: true, roles: [agent]}
---
kind: account
name: auditor
spec: {title: 审计员, roles: [audit]}
---
kind: account
name: nobody
spec: {title: 无权者}
---
kind: account
name: robot
spec: {title: 官网, roles: [robot]}
---
kind: account
name: robot-2
spec: {title: 商城, roles: [robot]}
---
kind: account
name: sup
spec: {title: 主管, agent: true, roles: [supervisor]}
---
kind: inbox
name: vip
spec: {title: 贵宾, channel: api, mode: live, kinds: [customer], members: {accounts: [agent-b]}, routing: {strategy: manual}}
---
kind: inbox
name: web
spec: {title: 官网, channel: api, mode: live, kinds: [customer, group], members: {accounts: [agent-a, agent-b]}, routing: {strategy: least_loaded}}
`

// who asks, in the tables of tests.
var actors = []string{"guest", "nobody", "robot", "agent-a", "agent-b", "sup", "auditor", "admin"}

// bench is a whole server in the process, without sockets.
type bench struct {
	t         testing.TB
	store     *memory.Store
	ledger    *ledger.Ledger
	identity  *identity.Service
	intake    *intake.Service
	delivery  *delivery.Service
	visitors  *web.Listeners
	boards    *board.Watchers
	server    *Server
	diagnoser *fakeDiagnoser
	tokens    map[string]string
	log       *lockedBuffer
	asked     chan [3]string // self-checks: account, check, by
	late      chan time.Time // ends the waiting for them; nil: never

	mu  sync.Mutex
	now time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fakeDiagnoser struct {
	asked  []diagnosis.Query
	checks []diagnosis.Check
}

func (f *fakeDiagnoser) Diagnose(_ context.Context, asker string, q diagnosis.Query) (*diagnosis.Report, error) {
	f.asked = append(f.asked, q)
	return &diagnosis.Report{Subject: diagnosis.Subject{Agent: q.Agent}, Verdict: diagnosis.Receiving, Checks: f.checks, Next: "asked by " + asker}, nil
}

func (f *fakeDiagnoser) Patterns(_ context.Context, asker string, q diagnosis.PatternQuery) (*diagnosis.Patterns, error) {
	return &diagnosis.Patterns{Agent: q.Agent, Inbox: q.Inbox, Kind: q.Kind, From: diagnosis.Instant(q.From), To: diagnosis.Instant(q.To), Titles: map[string]string{"by": asker}}, nil
}

func (f *fakeDiagnoser) Timeline(_ context.Context, asker string, q diagnosis.Query, from, to time.Time) (*diagnosis.Timeline, error) {
	return &diagnosis.Timeline{Agent: q.Agent, From: diagnosis.Instant(from), To: diagnosis.Instant(to), Titles: map[string]string{"by": asker}}, nil
}

func (f *fakeDiagnoser) Outlook(_ context.Context, asker string, q diagnosis.Query) (*diagnosis.Outlook, error) {
	return &diagnosis.Outlook{Agent: q.Agent, Title: asker, Verdict: diagnosis.Receiving, Cells: []diagnosis.OutlookCell{}}, nil
}

func (f *fakeDiagnoser) Pass(context.Context, diagnosis.Query) (*diagnosis.Report, json.RawMessage, error) {
	return &diagnosis.Report{}, nil, errNoDiagnosis
}

func (f *fakeDiagnoser) Inspect(context.Context, diagnosis.Query) (*diagnosis.Report, error) {
	return nil, errNoDiagnosis
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), visitors: web.NewListeners(), boards: board.NewWatchers(), tokens: map[string]string{}, log: &lockedBuffer{}, now: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	deadlines := conversation.Deadlines()
	maps.Copy(deadlines, governance.Deadlines())
	maps.Copy(deadlines, identity.Deadlines())
	var err error
	b.ledger, err = ledger.New(t.Context(), b.store, ledger.Options{
		Now: b.clock, Node: "node-1", Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: deadlines,
		ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute, Log: log, Heard: b.visitors.Heard, Published: b.boards.Changed,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ledger.Start()
	t.Cleanup(b.ledger.Stop)
	docs, err := policy.ParseYAML([]byte(company))
	if err != nil {
		t.Fatal(err)
	}
	b.do(&governance.Apply{Base: -1, By: "system", Source: "start", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	b.identity = identity.New(identity.Options{Ledger: b.ledger, Now: b.clock, Log: log, Apply: func(edits []policy.Edit, by, source, request, reason string) ledger.Command {
		return &governance.Apply{Base: -1, Edits: edits, By: by, Source: source, Request: request, Reason: reason}
	}})
	t.Cleanup(b.visitors.Stop)
	t.Cleanup(b.boards.Stop)
	b.intake = intake.New(intake.Options{Ledger: b.ledger, Reader: b.store, Now: b.clock, Log: log})
	files, err := attachment.New(attachment.Options{Dir: filepath.Join(t.TempDir(), "files"), Ledger: b.ledger, Reader: b.store, Now: b.clock, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	b.delivery = delivery.New(delivery.Options{
		Ledger: b.ledger, Reader: b.store, Authenticate: b.identity.Authenticate, Accept: conversation.AcceptDelivery, ConnectionGrace: 20 * time.Second, Now: b.clock,
	})
	for _, account := range []string{"nobody", "robot", "robot-2", "agent-a", "agent-b", "sup", "auditor", "admin"} {
		_, token, err := b.identity.CreateToken(t.Context(), account, "", time.Time{}, identity.Asked{By: "system", Source: "start"})
		if err != nil {
			t.Fatal(err)
		}
		b.tokens[account] = token
	}
	for _, token := range b.tokens { // so that their use is recorded, and no write of it meets the faults of a test
		if _, _, err := b.identity.Authenticate(token); err != nil {
			t.Fatal(err)
		}
	}
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	b.diagnoser = &fakeDiagnoser{}
	b.asked = make(chan [3]string, 8)
	checks := selfcheck.New(selfcheck.Options{
		Ledger: b.ledger, Reader: b.store, Now: b.clock, Ask: func(account, check, by string) { b.asked <- [3]string{account, check, by} },
		After: func(time.Duration) <-chan time.Time { return b.late },
	})
	b.server, err = New(Options{
		SelfCheck: checks,
		Ledger:    b.ledger, Store: b.store, Identity: b.identity, Intake: b.intake, Attachments: files, Diagnose: b.diagnoser,
		Chat:    web.New(web.Options{Ledger: b.ledger, Reader: b.store, Intake: b.intake, Listeners: b.visitors, Now: b.clock}),
		Board:   board.New(b.ledger, b.boards, b.clock),
		Version: "test", Now: b.clock, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) do(cmd ledger.Command) {
	b.t.Helper()
	if err := b.ledger.Do(b.t.Context(), cmd); err != nil {
		b.t.Fatal(err)
	}
}

// online signs an agent in, connects it and makes it available.
func (b *bench) online(account string) {
	b.t.Helper()
	_, tokenID, err := b.identity.Authenticate(b.tokens[account])
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	b.delivery.Open(delivery.Hello{Account: account, Token: tokenID, Client: "tab-1", Name: "test", Version: "1", Node: "node-1", Cursor: -1},
		func(_ delivery.Opened, err error) { done <- err })
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
	b.do(&governance.SetPresence{Account: account, Value: "available", By: account, Source: "realtime"})
}

// reply is what came back.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// ask sends a request as somebody ("guest" for nobody). body is marshalled unless it is a string or nil. More are headers, name and value in turn.
func (b *bench) ask(actor, method, path string, body any, more ...string) *reply {
	b.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "/api/") && path != "/healthz" && path != "/readyz" && path != "/metrics" {
		path = Prefix + path
	}
	r := httptest.NewRequest(method, path, reader)
	if actor != "guest" {
		r.Header.Set("Authorization", "Bearer "+b.tokens[actor])
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	out := &reply{t: b.t, status: w.Code, header: w.Header(), raw: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.body) // not every answer is an object
	return out
}

// want checks the status and shows the answer when it is another.
func (r *reply) want(status int) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.raw)
	}
	return r
}

// problem checks a refusal: status, code and field.
func (r *reply) problem(status int, code, field string) *reply {
	r.t.Helper()
	r.want(status)
	if r.header.Get("Content-Type") != "application/problem+json" || r.text("code") != code || r.text("field") != field || r.number("status") != float64(status) {
		r.t.Fatalf("want a problem %s at %q, got %s: %s", code, field, r.header.Get("Content-Type"), r.raw)
	}
	return r
}

func (r *reply) text(name string) string {
	s, _ := r.body[name].(string)
	return s
}

func (r *reply) number(name string) float64 {
	n, _ := r.body[name].(float64)
	return n
}

func (r *reply) list(name string) []any {
	r.t.Helper()
	l, ok := r.body[name].([]any)
	if !ok {
		r.t.Fatalf("%s is no list: %s", name, r.raw)
	}
	return l
}

// message is a good message.
func message(id string) map[string]any {
	return map[string]any{"id": id, "contact": map[string]any{"id": "contact-" + id, "name": "王小明"}, "text": "您好,我的订单到哪了?😀"}
}

// tick moves the clock.
func (b *bench) tick(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// receive acknowledges everything that an agent was sent as received, seen and accepted.
func (b *bench) receive(account string) {
	b.t.Helper()
	a := b.ledger.Agent(account)
	if a == nil || len(a.Sockets) == 0 {
		b.t.Fatalf("%s is not connected", account)
	}
	ack := delivery.Ack{Account: account, Client: "tab-1", Connection: a.Sockets[0].ID, Received: a.Sequence}
	events, err := b.delivery.Events(b.t.Context(), account, 0, 100, "en")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range events {
		ack.Pushed = append(ack.Pushed, delivery.Push{Sequence: e.AgentSequence, At: b.clock()})
		ack.Seen = append(ack.Seen, e.AgentSequence)
		ack.Accepted = append(ack.Accepted, e.AgentSequence)
	}
	done := make(chan error, 1)
	b.delivery.Acknowledge(ack, func(_ delivery.AckResult, err error) { done <- err })
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
}

// presence sets an agent's own presence.
func presence(account, value string) ledger.Command {
	return &governance.SetPresence{Account: account, Value: value, By: account, Source: "realtime"}
}
