package scenarios

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store"
)

const connectionGrace = 20 * time.Second

// stage is a company that a scenario is played in: the real ledger and the real services on a store, with a clock that only the scenario moves. Nothing runs
// by itself: whoever waits for the ledger takes its steps.
type stage struct {
	t        *testing.T
	store    store.Store
	now      time.Time
	node     int
	l        *ledger.Ledger
	delivery *delivery.Service
	identity *identity.Service
	diagnose *diagnosis.Service

	tokens      map[string]string // id of the token that an account signed in with
	connections map[string]string // by account
	messages    map[string]int64  // position by the scenario's id
	threads     map[string]int64  // conversation by the scenario's id of a message
	ids         int
	post        func(message) outcome
}

// outcome is what became of a message when it came in, as the way in said it.
type outcome struct {
	refused   string // code
	status    string
	receivers []string
	summary   string
	position  int64
	thread    int64
}

func newStage(t *testing.T, s store.Store, at string) *stage {
	t.Helper()
	now, err := time.ParseInLocation(layout, at, shanghai)
	if err != nil {
		t.Fatal(err)
	}
	g := &stage{
		t: t, store: s, now: now, tokens: map[string]string{}, connections: map[string]string{}, messages: map[string]int64{}, threads: map[string]int64{},
	}
	g.post = g.postCommand
	g.start()
	return g
}

func (g *stage) clock() time.Time { return g.now }

// start begins a server process on what was committed.
func (g *stage) start() {
	g.t.Helper()
	g.node++
	deadlines := map[string]func(*ledger.Tx, string) error{}
	for _, d := range []map[string]func(*ledger.Tx, string) error{conversation.Deadlines(), governance.Deadlines(), identity.Deadlines()} {
		maps.Copy(deadlines, d)
	}
	l, err := ledger.New(context.Background(), g.store, ledger.Options{
		Now: g.clock, Node: g.nodeName(), Settle: conversation.Settle, Deadlines: deadlines, Restore: restore,
		ConnectionGrace: connectionGrace, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.l = l
	g.step()
	g.identity = identity.New(identity.Options{Ledger: l, Now: g.clock, Log: quiet, Apply: func(edits []policy.Edit, by, source, request, reason string) ledger.Command {
		return &governance.Apply{Base: -1, Edits: edits, By: by, Source: source, Request: request, Reason: reason}
	}})
	g.delivery = delivery.New(delivery.Options{
		Ledger: l, Reader: g.store, Authenticate: g.identity.Authenticate, Accept: conversation.AcceptDelivery, ConnectionGrace: connectionGrace, Now: g.clock,
	})
	g.diagnose = diagnosis.New(diagnosis.Deps{Ledger: l, Messages: g.store, Flow: g.store, Facts: g.store, Policies: g.store, Now: g.clock, Zone: shanghai})
}

func restore(tx *ledger.Tx) error {
	if err := conversation.Restore(tx); err != nil {
		return err
	}
	return identity.Restore(tx)
}

func (g *stage) nodeName() string { return fmt.Sprintf("node-%d", g.node) }

func (g *stage) step() {
	for g.l.Step() {
	}
}

// run calls what waits for the ledger, and takes the ledger's steps until it returns.
func (g *stage) run(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for {
		select {
		case <-done:
			g.step()
			return
		default:
			if !g.l.Step() {
				runtime.Gosched()
			}
		}
	}
}

func (g *stage) do(cmd ledger.Command) {
	g.t.Helper()
	if err := g.try(cmd); err != nil {
		g.t.Fatalf("%T: %v", cmd, err)
	}
}

func (g *stage) try(cmd ledger.Command) error {
	g.t.Helper()
	err := fmt.Errorf("%T was not answered", cmd)
	g.l.Submit(cmd, func(e error) { err = e })
	g.step()
	return err
}

// wait lets time pass, and stops at every deadline on the way.
func (g *stage) wait(span time.Duration) {
	end := g.now.Add(span)
	for {
		at, ok := g.l.NextDeadline()
		if !ok || at.After(end) {
			break
		}
		if at.After(g.now) {
			g.now = at
		}
		g.step()
	}
	g.now = end
	g.step()
}

// found brings the company's documents and the scenario's own in, as one change.
func (g *stage) found(own []document) {
	g.t.Helper()
	content, err := os.ReadFile("testdata/company.yaml")
	if err != nil {
		g.t.Fatal(err)
	}
	docs, err := policy.ParseYAML(content)
	if err != nil {
		g.t.Fatal(err)
	}
	specs := map[[2]string]map[string]any{}
	for _, d := range docs {
		var spec map[string]any
		if err := json.Unmarshal(d.Spec, &spec); err != nil {
			g.t.Fatal(err)
		}
		specs[[2]string{d.Kind, d.Name}] = spec
	}
	for _, d := range own {
		k := [2]string{d.Kind, d.Name}
		specs[k] = merge(specs[k], d.Spec)
	}
	var edits []policy.Edit
	for k, spec := range specs {
		edits = append(edits, g.edit(k[0], k[1], spec))
	}
	g.do(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "start"})
}

func (g *stage) edit(kind, name string, spec map[string]any) policy.Edit {
	g.t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		g.t.Fatal(err)
	}
	return policy.Edit{Kind: kind, Name: name, Spec: raw}
}

// merge replaces the fields that change; null takes one away.
func merge(spec, change map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, spec)
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func (g *stage) change(d *document) {
	g.t.Helper()
	spec := map[string]any{}
	for _, now := range g.l.Policy().All() {
		if now.Kind == d.Kind && now.Name == d.Name {
			if err := json.Unmarshal(now.Spec, &spec); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	g.apply(or(d.By, "admin"), g.edit(d.Kind, d.Name, merge(spec, d.Spec)))
}

// apply changes settings, a minute after what was before.
func (g *stage) apply(by string, edits ...policy.Edit) {
	g.t.Helper()
	g.wait(time.Minute)
	g.do(&governance.Apply{Base: -1, Edits: edits, By: by, Source: "api"})
}

func (g *stage) remove(list []document) {
	g.t.Helper()
	var edits []policy.Edit
	for _, d := range list {
		e := policy.Edit{Kind: d.Kind, Name: d.Name}
		if d.Spec != nil {
			e = g.edit(d.Kind, d.Name, d.Spec)
		}
		edits = append(edits, e)
	}
	g.apply(or(list[0].By, "admin"), edits...)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func (g *stage) signIn(agent string, life time.Duration) {
	g.t.Helper()
	g.ids++
	cmd := &identity.CreateToken{Account: agent, Hash: sha256.Sum256(fmt.Append(nil, agent, g.ids)), Asked: identity.Asked{By: "admin", Source: "cli"}}
	if life > 0 {
		cmd.Expires = g.now.Add(life)
	}
	g.do(cmd)
	g.tokens[agent] = cmd.ID
	g.connect(agent)
}

// browse signs an agent in at a browser.
func (g *stage) browse(agent string) {
	g.t.Helper()
	g.ids++
	id := fmt.Sprint("b", g.ids)
	g.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession(agent, ledger.Session{ID: id}, agent, "sign_in")
		return nil
	}))
	g.tokens[agent] = id
	g.connectWith(&client{Agent: agent, Name: "bida-console", Version: "1.0.0"})
	g.setPresence(&presence{Agent: agent, Value: "available"})
}

// report has the agent's client tell of itself, a second after what was before.
func (g *stage) report(x *selfReport) {
	g.t.Helper()
	g.wait(time.Second)
	connection := g.connections[x.Agent]
	if x.Hidden != nil {
		g.delivery.Visibility(connection, !*x.Hidden)
	}
	secure := !x.Insecure
	g.delivery.Report(connection, delivery.Report{
		Notifications: or(x.Notifications, "granted"), Secure: &secure, Sound: or(x.Sound, "on"), Muted: &x.Muted, Mode: or(x.Mode, "tab"),
		Filter: &ledger.ListFilter{Tab: or(x.Tab, "mine"), Inbox: x.Inbox},
	})
	g.step()
}

func (g *stage) connect(agent string) { g.connectWith(&client{Agent: agent, Version: "1"}) }

func (g *stage) connectWith(c *client) {
	g.t.Helper()
	agent := c.Agent
	hello := delivery.Hello{Account: agent, Token: g.tokens[agent], Client: "tab", Name: or(c.Name, "workspace"), Version: c.Version, Node: g.nodeName(), Cursor: -1}
	g.delivery.Open(hello, func(o delivery.Opened, err error) {
		if err != nil {
			g.t.Errorf("%s cannot connect: %v", agent, err)
		}
		g.connections[agent] = o.Connection
	})
	g.step()
}

func (g *stage) setPresence(p *presence) {
	g.t.Helper()
	cmd := &governance.SetPresence{Account: p.Agent, Value: p.Value, Reason: p.Reason, By: or(p.By, p.Agent), Source: "api"}
	if p.For != "" {
		cmd.Until = g.now.Add(g.length(p.For))
	}
	g.do(cmd)
}

func (g *stage) length(text string) time.Duration {
	g.t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// pushed are what lies undelivered in the agent's list.
func (g *stage) pushed(agent string) (list []delivery.Push, last int64) {
	g.t.Helper()
	a := g.l.Agent(agent)
	if a == nil {
		g.t.Fatalf("%s has nothing to receive", agent)
	}
	events, err := g.delivery.Events(g.t.Context(), agent, 0, 1000, "zh")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, e := range events {
		list = append(list, delivery.Push{Sequence: e.AgentSequence, At: g.now})
	}
	return list, a.Sequence
}

func (g *stage) received(agent string) {
	g.t.Helper()
	list, last := g.pushed(agent)
	err := fmt.Errorf("%s's acknowledgement was not answered", agent)
	g.delivery.Acknowledge(delivery.Ack{Account: agent, Client: "tab", Connection: g.connections[agent], Pushed: list, Received: last},
		func(_ delivery.AckResult, e error) { err = e })
	g.step()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *stage) unacknowledged(agent string) {
	g.t.Helper()
	list, _ := g.pushed(agent)
	g.delivery.Unacknowledged(g.connections[agent], g.now, g.now, list)
	g.step()
}

func (g *stage) noRecord(x *lackOfFact) {
	g.t.Helper()
	g.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		switch x.Of {
		case "session":
			tx.SetSession(x.Agent, reception.Session{})
		case "presence":
			tx.SetPresence(x.Agent, reception.Presence{Origin: reception.Origin{By: "system", Source: "start"}})
		default:
			return fmt.Errorf("no_record: session or presence, not %q", x.Of)
		}
		return nil
	}))
}

// thread finds the conversation of a message that came before.
func (g *stage) thread(message string) int64 {
	g.t.Helper()
	id, ok := g.threads[message]
	if !ok {
		g.t.Fatalf("no message %q came before", message)
	}
	return id
}

// play lets one thing happen.
func (g *stage) play(x *step) {
	g.t.Helper()
	switch {
	case x.Online != nil:
		for _, agent := range x.Online {
			g.signIn(agent, 0)
			g.setPresence(&presence{Agent: agent, Value: "available"})
		}
	case x.SignIn != nil:
		for _, agent := range x.SignIn {
			g.signIn(agent, 0)
		}
	case x.Browser != "":
		g.browse(x.Browser)
	case x.Report != nil:
		g.report(x.Report)
	case x.ShortToken != nil:
		g.signIn(x.ShortToken.Agent, g.length(x.ShortToken.For))
		g.setPresence(&presence{Agent: x.ShortToken.Agent, Value: "available"})
	case x.Connect != "":
		g.connect(x.Connect)
	case x.Client != nil:
		g.delivery.Closed(g.connections[x.Client.Agent], "closed_by_client", 1000, g.now)
		g.step()
		g.connectWith(x.Client)
	case x.Presence != nil:
		g.setPresence(x.Presence)
	case x.Lose != nil:
		g.delivery.Closed(g.connections[x.Lose.Agent], x.Lose.Cause, 1006, g.now)
		g.step()
	case x.EndSession != nil:
		g.do(&identity.EndSessions{Account: x.EndSession.Agent, Asked: identity.Asked{By: or(x.EndSession.By, "admin"), Source: "api"}})
	case x.RevokeToken != nil:
		g.do(&identity.RevokeTokens{Account: x.RevokeToken.Agent, Asked: identity.Asked{By: or(x.RevokeToken.By, "admin"), Source: "api"}})
	case x.Change != nil:
		g.change(x.Change)
	case x.Delete != nil:
		g.remove(x.Delete)
	case x.Message != nil:
		if o := g.send(x.Message); o.refused != "" {
			g.t.Fatalf("message %s was refused: %s", x.Message.ID, o.refused)
		}
	case x.Received != "":
		g.received(x.Received)
	case x.Unacknowledged != "":
		g.unacknowledged(x.Unacknowledged)
	case x.Wait != "":
		g.wait(g.length(x.Wait))
	case x.Restart:
		g.l.Stop()
		g.start()
	case x.Fails != "":
		g.l.Fail(x.Fails, "no detail")
		g.step()
	case x.NoRecord != nil:
		g.noRecord(x.NoRecord)
	default:
		g.act(x)
	}
}

// act is what agents do with conversations.
func (g *stage) act(x *step) {
	g.t.Helper()
	switch {
	case x.Accept != nil:
		g.do(&conversation.Accept{Conversation: g.thread(x.Accept.Message), Account: x.Accept.Agent, By: x.Accept.Agent})
	case x.Reply != nil:
		g.ids++
		g.do(&conversation.Reply{Conversation: g.thread(x.Reply.Message), ID: fmt.Sprint("r", g.ids), Account: x.Reply.Agent, Text: "您好，请稍等。"})
	case x.Resolve != nil:
		// Supervisors may resolve others' conversations; the route asks for the permission.
		others := x.Resolve.Agent == "lead" || x.Resolve.Agent == "admin"
		g.do(&conversation.Resolve{Conversation: g.thread(x.Resolve.Message), By: x.Resolve.Agent, Others: others})
	case x.Transfer != nil:
		g.do(&conversation.Transfer{Conversation: g.thread(x.Transfer.Message), To: x.Transfer.To, By: x.Transfer.Agent})
	case x.GiveBack != nil:
		g.do(&conversation.GiveBack{Conversation: g.thread(x.GiveBack.Message), By: x.GiveBack.Agent})
	case x.SetAside != nil:
		g.do(&conversation.Snooze{Conversation: g.thread(x.SetAside.Message), Until: g.now.Add(time.Hour), By: x.SetAside.Agent, Others: true})
	case x.Release != nil:
		g.do(&conversation.Release{Message: g.messages[x.Release.Message], Sequence: 1, By: x.Release.Agent})
	case x.Note != nil:
		g.note(x.Note)
	default:
		g.t.Fatal("a step that nobody plays")
	}
}

func (g *stage) note(x *act) {
	g.t.Helper()
	n := &conversation.Note{Conversation: g.thread(x.Message), ID: x.ID, Account: x.Agent, Text: "请留意"}
	if x.To != "" {
		n.Mentions = []string{x.To}
	}
	g.do(n)
	g.messages[x.ID], g.threads[x.ID] = n.Message, n.Conversation
}

// send posts a message and remembers it.
func (g *stage) send(m *message) outcome {
	g.t.Helper()
	if m.ID == "" || m.From == "" {
		g.t.Fatal("a message has an id and somebody it is from")
	}
	x := *m
	x.Kind = or(x.Kind, "customer")
	o := g.post(x)
	if o.refused == "" {
		g.messages[m.ID], g.threads[m.ID] = o.position, o.thread
	}
	return o
}
