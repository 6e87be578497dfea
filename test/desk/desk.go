// Package desk is a ledger with a small company, a store in memory and a clock that only the test moves: what tests of the domains begin with. It promises
// nothing to anything but tests.
package desk

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

// Desk is a ledger with a company and a clock that only the test moves. It starts on a Monday at 10:00 in Shanghai.
type Desk struct {
	T     *testing.T
	Store *memory.Store
	L     *ledger.Ledger
	Now   time.Time
	IDs   int

	set time.Duration // by how much the clock was set
}

var began = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

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

// Inbox writes an inbox document: routing such as "strategy: broadcast", members such as "a, b".
func Inbox(name, routing, members string) string {
	return fmt.Sprintf("\n---\n{kind: inbox, name: %s, spec: {title: %s, channel: api, mode: live, kinds: [customer, group], members: {accounts: [%s]}, routing: {%s}}}",
		name, name, members, routing)
}

// Open makes a desk with the accounts a, b and c, and further documents.
func Open(t *testing.T, documents ...string) *Desk {
	t.Helper()
	d := &Desk{T: t, Store: memory.New(), Now: began}
	d.Start("run-1")
	d.Apply(base + strings.Join(documents, ""))
	return d
}

// Start runs a process on what was committed.
func (d *Desk) Start(node string) {
	deadlines := conversation.Deadlines()
	for k, h := range governance.Deadlines() {
		deadlines[k] = h
	}
	l, err := ledger.New(context.Background(), d.Store, ledger.Options{
		Now: func() time.Time { return d.Now }, Node: node, Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: deadlines,
		Elapsed: func(now time.Time) time.Duration { return now.Sub(began) - d.set }, ClockSet: conversation.FollowClock,
		ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		d.T.Fatal(err)
	}
	d.L = l
}

// Do carries a command out and returns its error.
func (d *Desk) Do(cmd ledger.Command) error {
	d.T.Helper()
	var result error
	done := false
	d.L.Submit(cmd, func(err error) { result, done = err, true })
	for d.L.Step() {
	}
	if !done {
		d.T.Fatal("the command was not answered")
	}
	return result
}

// Must is Do that fails the test.
func (d *Desk) Must(cmd ledger.Command) {
	d.T.Helper()
	if err := d.Do(cmd); err != nil {
		d.T.Fatalf("%T: %v", cmd, err)
	}
}

// Apply changes the policy.
func (d *Desk) Apply(documents string) {
	d.T.Helper()
	docs, err := policy.ParseYAML([]byte(documents))
	if err != nil {
		d.T.Fatal(err)
	}
	var edits []policy.Edit
	for _, x := range docs {
		edits = append(edits, policy.Edit{Kind: x.Kind, Name: x.Name, Spec: x.Spec})
	}
	d.Must(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "test"})
}

// Set sets the clock; no time passes.
func (d *Desk) Set(by time.Duration) {
	d.Now, d.set = d.Now.Add(by), d.set+by
	for d.L.Step() {
	}
}

// Wait moves the clock, stopping at every deadline on the way.
func (d *Desk) Wait(span time.Duration) {
	end := d.Now.Add(span)
	for {
		at, ok := d.L.NextDeadline()
		if !ok || at.After(end) {
			break
		}
		if at.After(d.Now) {
			d.Now = at
		}
		for d.L.Step() {
		}
	}
	d.Now = end
	for d.L.Step() {
	}
}

// Online signs agents in: session, connection, presence available.
func (d *Desk) Online(accounts ...string) {
	d.T.Helper()
	for _, a := range accounts {
		d.Connect(a)
		d.Presence(a, "available")
	}
}

// Connect opens a session, if there is none, and a connection.
func (d *Desk) Connect(account string) {
	d.T.Helper()
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		if s := tx.AgentState(account); s == nil || len(s.Sessions) == 0 {
			tx.BeginSession(account, ledger.Session{ID: "s-" + account}, account, "test")
		}
		tx.OpenSocket(account, ledger.Socket{ID: "k-" + account, Session: "s-" + account, Client: "tab", Node: "run-1"}, account)
		return nil
	}))
}

// Lose breaks an agent's connection now.
func (d *Desk) Lose(account string) {
	d.T.Helper()
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		last := reception.Connection{CloseCode: 1006, LastFrame: tx.Now(), GraceUntil: tx.Now().Add(20 * time.Second)}
		tx.CloseSocket(account, "k-"+account, last, reception.Origin{By: account, Source: "test", Cause: "closed_by_client"})
		return nil
	}))
}

// Presence sets an account's own presence.
func (d *Desk) Presence(account, value string) {
	d.T.Helper()
	d.Must(&governance.SetPresence{Account: account, Value: value, By: account, Source: "test"})
}

// Post sends a customer's message and returns its row.
func (d *Desk) Post(inbox, contact, text string) ledger.MessageRow {
	d.T.Helper()
	d.IDs++
	p := d.Message(inbox, contact, text)
	d.Must(p)
	return d.Row(p.Message)
}

// Message makes a customer's message with the last id given out.
func (d *Desk) Message(inbox, contact, text string) *conversation.Post {
	sum := sha256.Sum256([]byte(text))
	return &conversation.Post{Inbox: inbox, SenderID: fmt.Sprintf("id-%d", d.IDs), ContactID: contact, ContactName: "客户", Kind: "customer", Text: text,
		Digest: [16]byte(sum[:16]), ReceivedAt: d.Now}
}

// Row reads a message.
func (d *Desk) Row(position int64) ledger.MessageRow {
	d.T.Helper()
	m, err := d.Store.Message(context.Background(), position)
	if err != nil {
		d.T.Fatal(err)
	}
	return m
}

// Reply answers as an agent.
func (d *Desk) Reply(account string, c int64, text string) error {
	d.IDs++
	sum := sha256.Sum256([]byte(text))
	return d.Do(&conversation.Reply{Conversation: c, ID: fmt.Sprintf("r-%d", d.IDs), Account: account, Text: text, Digest: [16]byte(sum[:16])})
}

// Conversation reads a conversation.
func (d *Desk) Conversation(id int64) ledger.ConversationRow {
	d.T.Helper()
	c, err := d.Store.Conversation(context.Background(), id)
	if err != nil {
		d.T.Fatal(err)
	}
	return c
}

// Owner wants a conversation to belong to somebody ("" for nobody).
func (d *Desk) Owner(id int64, want string) {
	d.T.Helper()
	if c := d.Conversation(id); c.Owner != want {
		d.T.Fatalf("c%d belongs to %q, want %q (waiting %d %s)", id, c.Owner, want, c.WaitingSince, c.WaitingCode)
	}
}

// Has wants an agent to hold exactly these texts of a conversation, in this order of its stream, withdrawn ones left out.
func (d *Desk) Has(account string, id int64, want ...string) {
	d.T.Helper()
	entries, err := d.Store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Delivery.Type == ledger.EntryMessage && e.Delivery.Conversation == id && e.Delivery.State != ledger.Withdrawn {
			got = append(got, e.Message.Text)
		}
	}
	if !slices.Equal(got, want) {
		d.T.Fatalf("%s holds %q of c%d, want %q", account, got, id, want)
	}
}

// Withdrawals wants an agent's stream to have this many withdrawals with a code.
func (d *Desk) Withdrawals(account, code string, want int) {
	d.T.Helper()
	entries, err := d.Store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	got := 0
	for _, e := range entries {
		if e.Delivery.Type == ledger.EntryWithdrawal && e.Delivery.Code == code {
			got++
		}
	}
	if got != want {
		d.T.Fatalf("%s has %d withdrawals for %s, want %d", account, got, code, want)
	}
}

// Refused wants a refusal with a code.
func (d *Desk) Refused(err error, kind problem.Kind, code string) {
	d.T.Helper()
	e := problem.As(err)
	if e == nil || e.Kind != kind || e.Code != code {
		d.T.Fatalf("got %v, want kind %d %s", err, kind, code)
	}
}
