package conversation_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
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

// desk is a ledger with a company and a clock that only the test moves. It starts on a Monday at 10:00 in Shanghai.
type desk struct {
	t     *testing.T
	store *memory.Store
	l     *ledger.Ledger
	now   time.Time
	ids   int
}

const base = `
{kind: account, name: admin, spec: {title: 管理员, roles: [admin]}}
---
{kind: role, name: agent, spec: {title: 客服, template: agent}}
---
{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent]}}
---
{kind: account, name: b, spec: {title: 客服乙, agent: true, roles: [agent]}}
---
{kind: account, name: c, spec: {title: 客服丙, agent: true, roles: [agent]}}
`

func inbox(name, routing, members string) string {
	return fmt.Sprintf("\n---\n{kind: inbox, name: %s, spec: {title: %s, channel: api, mode: live, kinds: [customer, group], members: {accounts: [%s]}, routing: {%s}}}",
		name, name, members, routing)
}

func open(t *testing.T, documents ...string) *desk {
	t.Helper()
	d := &desk{t: t, store: memory.New(), now: time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)}
	d.start("run-1")
	d.apply(base + strings.Join(documents, ""))
	return d
}

func (d *desk) start(node string) {
	deadlines := conversation.Deadlines()
	for k, h := range governance.Deadlines() {
		deadlines[k] = h
	}
	l, err := ledger.New(context.Background(), d.store, ledger.Options{
		Now: func() time.Time { return d.now }, Node: node, Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: deadlines,
		ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.l = l
}

// do carries a command out and returns its error.
func (d *desk) do(cmd ledger.Command) error {
	d.t.Helper()
	var result error
	done := false
	d.l.Submit(cmd, func(err error) { result, done = err, true })
	for d.l.Step() {
	}
	if !done {
		d.t.Fatal("the command was not answered")
	}
	return result
}

func (d *desk) must(cmd ledger.Command) {
	d.t.Helper()
	if err := d.do(cmd); err != nil {
		d.t.Fatalf("%T: %v", cmd, err)
	}
}

func (d *desk) apply(documents string) {
	d.t.Helper()
	docs, err := policy.ParseYAML([]byte(documents))
	if err != nil {
		d.t.Fatal(err)
	}
	var edits []policy.Edit
	for _, x := range docs {
		edits = append(edits, policy.Edit{Kind: x.Kind, Name: x.Name, Spec: x.Spec})
	}
	d.must(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "test"})
}

// wait moves the clock, stopping at every deadline on the way.
func (d *desk) wait(span time.Duration) {
	end := d.now.Add(span)
	for {
		at, ok := d.l.NextDeadline()
		if !ok || at.After(end) {
			break
		}
		d.now = at
		for d.l.Step() {
		}
	}
	d.now = end
	for d.l.Step() {
	}
}

// online signs agents in: session, connection, presence available.
func (d *desk) online(accounts ...string) {
	d.t.Helper()
	for _, a := range accounts {
		d.connect(a)
		d.presence(a, "available")
	}
}

func (d *desk) connect(account string) {
	d.t.Helper()
	d.must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		if s := tx.AgentState(account); s == nil || len(s.Sessions) == 0 {
			tx.BeginSession(account, ledger.Session{ID: "s-" + account}, account, "test")
		}
		tx.OpenSocket(account, ledger.Socket{ID: "k-" + account, Session: "s-" + account, Client: "tab", Node: "run-1"}, account)
		return nil
	}))
}

// lose breaks an agent's connection now.
func (d *desk) lose(account string) {
	d.t.Helper()
	d.must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		last := reception.Connection{CloseCode: 1006, LastFrame: tx.Now(), GraceUntil: tx.Now().Add(20 * time.Second)}
		tx.CloseSocket(account, "k-"+account, last, reception.Origin{By: account, Source: "test", Cause: "closed_by_client"})
		return nil
	}))
}

func (d *desk) presence(account, value string) {
	d.t.Helper()
	d.must(&governance.SetPresence{Account: account, Value: value, By: account, Source: "test"})
}

// post sends a customer's message and returns its row.
func (d *desk) post(inbox, contact, text string) ledger.MessageRow {
	d.t.Helper()
	d.ids++
	p := d.message(inbox, contact, text)
	d.must(p)
	return d.row(p.Message)
}

func (d *desk) message(inbox, contact, text string) *conversation.Post {
	sum := sha256.Sum256([]byte(text))
	return &conversation.Post{Inbox: inbox, SenderID: fmt.Sprintf("id-%d", d.ids), ContactID: contact, ContactName: "客户", Kind: "customer", Text: text,
		Digest: [16]byte(sum[:16]), ReceivedAt: d.now}
}

func (d *desk) row(position int64) ledger.MessageRow {
	d.t.Helper()
	m, err := d.store.Message(context.Background(), position)
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

func (d *desk) reply(account string, c int64, text string) error {
	d.ids++
	sum := sha256.Sum256([]byte(text))
	return d.do(&conversation.Reply{Conversation: c, ID: fmt.Sprintf("r-%d", d.ids), Account: account, Text: text, Digest: [16]byte(sum[:16])})
}

func (d *desk) conversation(id int64) ledger.ConversationRow {
	d.t.Helper()
	c, err := d.store.Conversation(context.Background(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// owner wants a conversation to belong to somebody ("" for nobody).
func (d *desk) owner(id int64, want string) {
	d.t.Helper()
	if c := d.conversation(id); c.Owner != want {
		d.t.Fatalf("c%d belongs to %q, want %q (waiting %d %s)", id, c.Owner, want, c.WaitingSince, c.WaitingCode)
	}
}

// has wants an agent to hold exactly these texts of a conversation, in this order of its stream, withdrawn ones left out.
func (d *desk) has(account string, id int64, want ...string) {
	d.t.Helper()
	entries, err := d.store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Delivery.Type == ledger.EntryMessage && e.Delivery.Conversation == id && e.Delivery.State != ledger.Withdrawn {
			got = append(got, e.Message.Text)
		}
	}
	if !slices.Equal(got, want) {
		d.t.Fatalf("%s holds %q of c%d, want %q", account, got, id, want)
	}
}

// withdrawals wants an agent's stream to have this many withdrawals with a code.
func (d *desk) withdrawals(account, code string, want int) {
	d.t.Helper()
	entries, err := d.store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	got := 0
	for _, e := range entries {
		if e.Delivery.Type == ledger.EntryWithdrawal && e.Delivery.Code == code {
			got++
		}
	}
	if got != want {
		d.t.Fatalf("%s has %d withdrawals for %s, want %d", account, got, code, want)
	}
}

// refused wants a refusal with a code.
func (d *desk) refused(err error, kind problem.Kind, code string) {
	d.t.Helper()
	e := problem.As(err)
	if e == nil || e.Kind != kind || e.Code != code {
		d.t.Fatalf("got %v, want kind %d %s", err, kind, code)
	}
}
