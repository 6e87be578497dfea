package diagnosis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
)

// companyYAML is a small company that works at any hour but for the day team. It is Friday, 20 November 2026, 14:00 in Shanghai.
const companyYAML = `
kind: schedule
name: day
spec: {title: 白班, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}
---
kind: role
name: agent
spec: {title: 客服, template: agent}
---
kind: role
name: clerk
spec: {title: 店员, template: agent, permissions: [receive, receive.customer, receive.group, message.reply, diagnosis.self, realtime.connect]}
---
kind: role
name: supervisor
spec: {title: 主管, template: supervisor}
---
kind: account
name: admin
spec: {title: 管理员, roles: [admin]}
---
kind: account
name: supervisor-b
spec: {title: 主管乙, roles: [supervisor]}
---
kind: account
name: agent-a
spec: {title: 客服甲, agent: true, roles: [agent]}
---
kind: account
name: agent-b
spec: {title: 客服乙, agent: true, roles: [agent]}
---
kind: account
name: agent-c
spec: {title: 客服丙, agent: true, roles: [clerk]}
---
kind: team
name: shift
spec: {title: 白班组, members: [agent-c], windows: [day]}
---
kind: inbox
name: web
spec: {title: 网站, kinds: [customer, group], members: {accounts: [agent-a, agent-b], teams: [shift]}}
---
kind: inbox
name: shop
spec: {title: 门店, kinds: [customer], members: {accounts: [agent-a, agent-b]}}
`

// company is a real ledger on a store in memory, with a clock of its own.
type company struct {
	t     *testing.T
	now   time.Time
	store *memory.Store
	l     *ledger.Ledger
	s     *Service
	sent  int
	// posted are the ids of all messages.
	posted []string
	node   int
}

func shanghai(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, defaultZone())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func newCompany(t *testing.T, yaml string) *company {
	t.Helper()
	c := &company{t: t, now: shanghai(t, "2026-11-20 14:00:00"), store: memory.New()}
	c.start()
	docs, err := policy.ParseYAML([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	var edits []policy.Edit
	for _, d := range docs {
		edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	c.apply("admin", edits...)
	return c
}

// start begins a server process.
func (c *company) start() {
	c.t.Helper()
	c.node++
	deadlines := map[string]func(*ledger.Tx, string) error{}
	maps.Copy(deadlines, conversation.Deadlines())
	maps.Copy(deadlines, governance.Deadlines())
	maps.Copy(deadlines, identity.Deadlines())
	l, err := ledger.New(context.Background(), c.store, ledger.Options{
		Now: func() time.Time { return c.now }, Node: fmt.Sprintf("node-%d", c.node), Settle: conversation.Settle, Deadlines: deadlines,
		Restore: conversation.Restore, ClockSet: conversation.FollowClock, ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.l = l
	c.step()
	c.s = New(Deps{Ledger: l, Messages: c.store, Flow: c.store, Facts: c.store, Policies: c.store, Now: func() time.Time { return c.now }})
}

func (c *company) step() {
	for c.l.Step() {
	}
}

// wait lets time pass, deadlines included.
func (c *company) wait(d time.Duration) {
	end := c.now.Add(d)
	for {
		at, ok := c.l.NextDeadline()
		if !ok || at.After(end) {
			break
		}
		if at.After(c.now) {
			c.now = at
		}
		c.step()
	}
	c.now = end
	c.step()
}

func (c *company) do(cmd ledger.Command) {
	c.t.Helper()
	if err := c.try(cmd); err != nil {
		c.t.Fatalf("%T: %v", cmd, err)
	}
}

func (c *company) try(cmd ledger.Command) error {
	c.t.Helper()
	err := errors.New("not done")
	c.l.Submit(cmd, func(e error) { err = e })
	c.step()
	return err
}

// apply changes settings; every change is a minute after what was before.
func (c *company) apply(by string, edits ...policy.Edit) int64 {
	c.t.Helper()
	c.wait(time.Minute)
	a := &governance.Apply{Base: -1, Edits: edits, By: by, Source: "api"}
	c.do(a)
	return a.Revision
}

// set changes one document with a function.
func change[S any](c *company, by, kind, name string, get func(string) (S, bool), f func(*S)) int64 {
	c.t.Helper()
	spec, ok := get(name)
	if !ok {
		c.t.Fatalf("there is no %s %s", kind, name)
	}
	f(&spec)
	return c.apply(by, policy.Edit{Kind: kind, Name: name, Spec: marshal(spec)})
}

func (c *company) account(by, name string, f func(*policy.AccountSpec)) int64 {
	c.t.Helper()
	return change(c, by, "account", name, c.l.Policy().Account, f)
}

func (c *company) inbox(by, name string, f func(*policy.InboxSpec)) int64 {
	c.t.Helper()
	return change(c, by, "inbox", name, c.l.Policy().Inbox, f)
}

func edit(kind, name, spec string) policy.Edit {
	return policy.Edit{Kind: kind, Name: name, Spec: json.RawMessage(spec)}
}

func (c *company) tx(f func(tx *ledger.Tx)) {
	c.t.Helper()
	c.do(ledger.CommandFunc(func(tx *ledger.Tx) error { f(tx); return nil }))
}

// work lets agents sign in with a token, connect, and be available.
func (c *company) work(agents ...string) {
	c.t.Helper()
	for _, agent := range agents {
		cmd := &identity.CreateToken{Account: agent, Label: "test", Hash: [32]byte{byte(len(agent)), byte(c.sent), agent[len(agent)-1]}, Asked: identity.Asked{By: "admin", Source: "cli"}}
		c.do(cmd)
		c.tx(func(tx *ledger.Tx) {
			tx.BeginSession(agent, ledger.Session{ID: "s-" + agent, Token: cmd.ID, Client: "tab"}, agent, "realtime")
		})
		c.connect(agent)
		c.presence(agent, agent, "available")
	}
}

func (c *company) connect(agent string) {
	c.t.Helper()
	c.tx(func(tx *ledger.Tx) {
		tx.OpenSocket(agent, ledger.Socket{ID: fmt.Sprintf("k-%s-%d", agent, c.node), Session: "s-" + agent, Client: "tab", About: "test 1.0", Name: "test", Version: "1.0", Node: fmt.Sprintf("node-%d", c.node)}, agent)
	})
}

func (c *company) disconnect(agent, cause string) {
	c.t.Helper()
	c.tx(func(tx *ledger.Tx) {
		tx.CloseSocket(agent, fmt.Sprintf("k-%s-%d", agent, c.node), reception.Connection{LastFrame: tx.Now(), GraceUntil: tx.Now().Add(20 * time.Second)},
			reception.Origin{By: "system", Source: "realtime", Cause: cause})
	})
}

func (c *company) presence(by, agent, value string) {
	c.t.Helper()
	c.do(&governance.SetPresence{Account: agent, Value: value, By: by, Source: "api"})
}

const (
	secretText    = "秘密的内容 a secret text"
	secretContact = "张三丰 Zhang"
)

// post takes a customer's message in and returns its id.
func (c *company) post(inbox, kind, contact string) string {
	c.t.Helper()
	c.sent++
	p := &conversation.Post{
		Inbox: inbox, SenderID: fmt.Sprintf("x%d", c.sent), ContactID: contact, ContactName: secretContact, Kind: kind, Text: secretText,
		SentAt: c.now, ReceivedAt: c.now, Digest: [16]byte{byte(c.sent)},
	}
	c.do(p)
	c.posted = append(c.posted, conversation.MessageID(p.Message))
	return conversation.MessageID(p.Message)
}

// receive lets an agent's client acknowledge everything that lies in its list.
func (c *company) receive(agent string) {
	c.t.Helper()
	last := c.l.Agent(agent).Sequence
	c.tx(func(tx *ledger.Tx) {
		for _, s := range tx.QueuedBetween(agent, 0, last) {
			d, err := tx.EditDelivery(agent, s)
			if err != nil {
				c.t.Fatal(err)
			}
			d.PushedAt, d.ReceivedAt, d.State, d.Result, d.Connection, d.ReceivedBy = tx.Now(), tx.Now(), ledger.Received, "received", "k-"+agent, "tab"
		}
	})
}

func (c *company) diagnose(asker string, q Query) *Report {
	c.t.Helper()
	r, err := c.s.Diagnose(context.Background(), asker, q)
	if err != nil {
		c.t.Fatalf("diagnose %+v: %v", q, err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, secret := range []string{"秘密", "secret text", "张三丰"} {
		if strings.Contains(string(text), secret) {
			c.t.Errorf("the report tells %q: %s", secret, text)
		}
	}
	return r
}

func (c *company) ask(agent string) *Report {
	c.t.Helper()
	return c.diagnose("supervisor-b", Query{Agent: agent})
}

// show is a report in short, for comparison: verdict, then each finding with its marks.
func show(r *Report) string {
	lines := []string{string(r.Verdict)}
	for _, f := range r.Findings {
		line := f.Code
		if f.Primary {
			line = "* " + line
		}
		if f.Expected {
			line += " expected"
		}
		if f.ConsequenceOf != nil {
			line += " of " + *f.ConsequenceOf
		}
		if f.ChangedBy != nil && f.ChangedBy.Revision != 0 {
			line += fmt.Sprintf(" by %s in %d", f.ChangedBy.Account, f.ChangedBy.Revision)
		} else if f.ChangedBy != nil && f.ChangedBy.Account != "" {
			line += " by " + f.ChangedBy.Account
		}
		var cells []string
		for _, s := range f.Scope {
			cells = append(cells, s.Inbox+"/"+s.Kind)
		}
		line += " [" + strings.Join(cells, " ") + "]"
		if f.Fix != nil {
			line += " fix:"
			for _, e := range f.Fix.Edits {
				line += " " + e.Kind + "/" + e.Name
				for _, x := range e.Fields {
					line += x.Path
				}
			}
			for _, a := range f.Fix.Actions {
				line += " " + a.Action
			}
			if f.Fix.Verified {
				line += " ok"
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func expect(t *testing.T, r *Report, want ...string) {
	t.Helper()
	if got := show(r); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s\nheadline: %s\n          %s", got, strings.Join(want, "\n"), r.Headline.ZH, r.Headline.EN)
	}
}

func primary(t *testing.T, r *Report) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Primary })
	if i < 0 {
		t.Fatalf("no finding is primary: %s", show(r))
	}
	return r.Findings[i]
}
