package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// pace is the times that a server has; its own record may lie above them by late, because a busy machine runs nobody at the instant at which a timer is due,
// and below them by early: a clock is read before what it dates is written.
type pace struct{ heartbeat, stale, ack, grace, late, early time.Duration }

var (
	// usualPace is what users have.
	usualPace = pace{5 * time.Second, 15 * time.Second, 5 * time.Second, 20 * time.Second, 2 * time.Second, time.Second}
	// briskPace is shorter. An acknowledgement is late just before a connection is, so that a grace that began with the one would show. With lateness it is
	// still below what users have, so that a time that is not the one that was set would show, too.
	briskPace = pace{time.Second, 3 * time.Second, 2900 * time.Millisecond, 4 * time.Second, 10 * time.Second, 1250 * time.Millisecond}
)

// silent is one agent to whom, or from whom, everything vanishes from an instant on.
type silent struct {
	transport client.Transport
	vanishes  Direction
	then      string // lone: nothing gets through any more; beside: another client of the agent goes on; returns: a new connection works
}

const (
	lone    = "lone"
	beside  = "beside"
	returns = "returns"
	spare   = "spare" // the colleague of all
)

func (s silent) name() string {
	way := map[Direction]string{ToServer: "to", ToClient: "from", ToServer | ToClient: "both"}[s.vanishes]
	return fmt.Sprintf("%s-%s-%s", s.transport, way, s.then)
}

// A connection that goes silent without an end is noticed in time, and what was not received goes to another connection of the agent or to a colleague:
// in time by the server's own record, in order, and not before the agent's grace is over.
func TestWhatASilentConnectionDidNotReceiveGoesElsewhereInTime(t *testing.T) {
	p := briskPace
	if *long {
		p = usualPace
	}
	var cases []silent
	for _, transport := range []client.Transport{client.WebSocket, client.SSE} {
		for _, d := range []Direction{ToServer, ToClient, ToServer | ToClient} {
			for _, then := range []string{lone, beside, returns} {
				cases = append(cases, silent{transport, d, then})
			}
		}
	}
	q := newQuiet(t, p, cases)
	var all sync.WaitGroup
	for _, c := range cases {
		all.Go(func() {
			if err := q.fall(t.Context(), c); err != nil {
				t.Errorf("%s: %v", c.name(), err)
			}
		})
	}
	all.Wait()
	q.stop()
	q.listening.Wait()
	q.server.end(true)
	q.server.now = nil
	for _, f := range q.history.Faults {
		t.Error(f)
	}
}

// quiet is a company of which every agent has an inbox of its own, with the spare agent as its colleague.
type quiet struct {
	*run
	pace      pace
	ctx       context.Context
	stop      context.CancelFunc
	listening sync.WaitGroup
	free      sync.Once // the spare agent becomes available
	freed     chan struct{}
	first     sync.WaitGroup // all have their first message
}

func newQuiet(t *testing.T, p pace, cases []silent) *quiet {
	t.Helper()
	r, err := newRun(Plan{Program: release.Program(t), Data: t.TempDir(), Seed: chosenSeed(), Unhurried: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	for name, d := range map[string]time.Duration{"HEARTBEAT": p.heartbeat, "STALE": p.stale, "ACK_TIMEOUT": p.ack, "CONNECTION_GRACE": p.grace} {
		r.server.env = append(r.server.env, "BIDA_"+name+"="+d.String())
	}
	r.company = &Company{Agents: []string{spare}}
	for _, c := range cases {
		r.company.Agents = append(r.company.Agents, c.name())
		r.company.Inboxes = append(r.company.Inboxes, Inbox{
			Name: c.name(), Mode: "live", Strategy: "least_loaded", Kinds: []string{"customer"}, Accounts: []string{c.name(), spare}, Capacity: 40,
		})
	}
	if err := r.found(t.Context()); err != nil {
		t.Fatal(err)
	}
	q := &quiet{run: r, pace: p, freed: make(chan struct{})}
	q.ctx, q.stop = context.WithCancel(t.Context())
	t.Cleanup(func() { q.stop(); q.listening.Wait() })
	q.first.Add(len(cases))
	if err := q.listen(r.server.url(), spare, "spare", client.WebSocket); err != nil {
		t.Fatal(err)
	}
	return q
}

// listen connects a client of an account and waits until it is welcomed.
func (q *quiet) listen(url, account, id string, transport client.Transport) error {
	c, err := client.New(url, q.tokens[account])
	if err != nil {
		return err
	}
	view := q.history.view(account, id, false)
	live := make(chan struct{})
	var once sync.Once
	q.listening.Go(func() {
		_ = c.Listen(q.ctx, client.ListenOptions{
			ClientID: id, Lang: "en", Transport: transport, ReceivedOnly: true,
			OnEvent: func(e client.Event) error { q.history.show(view, e); return nil },
			OnState: func(s client.State) {
				if s.Phase == client.Live {
					once.Do(func() { close(live) })
				}
			},
		}) // ends with the run
	})
	select {
	case <-live:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("client %s of %s is not connected", id, account)
	}
}

// post hands a message in for an agent.
func (q *quiet) post(ctx context.Context, c silent, id string) error {
	body := map[string]any{"id": id, "contact": map[string]any{"id": "u"}, "text": id}
	status, answer, err := q.api(Robot).call(ctx, http.MethodPost, "/inboxes/"+c.name()+"/messages", body)
	var told Told
	switch {
	case err != nil:
		return err
	case status != http.StatusCreated:
		return fmt.Errorf("message %s is answered %d: %s", id, status, answer)
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return err
	}
	if told.Agent != c.name() {
		return fmt.Errorf("message %s went to %q: %s", id, told.Agent, answer)
	}
	return nil
}

// until reads a message's trace until a delivery is received.
func (q *quiet) until(ctx context.Context, c silent, id string, agents ...string) (*Trace, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait(ctx, 50*time.Millisecond) {
		x := &Trace{}
		if _, err := get(ctx, q.api("admin"), "/messages/trace?inbox="+c.name()+"&sender_id="+id, x); err != nil {
			return nil, err
		}
		for _, d := range x.Deliveries {
			if slices.Contains(agents, d.Agent) && d.State == "received" {
				return x, nil
			}
		}
	}
	return nil, fmt.Errorf("after %s nobody of %v has received message %s", patience, agents, id)
}

// fall has one agent's connection go silent, and looks at what becomes of the message that comes then.
func (q *quiet) fall(ctx context.Context, c silent) error {
	net, err := newProxy(q.server.address, q.Seed)
	if err != nil {
		return err
	}
	defer net.Close()
	before, err := q.begin(ctx, c, net)
	q.first.Done()
	if err != nil {
		return err
	}
	q.free.Do(func() {
		q.first.Wait()
		q.available(ctx, spare)
		close(q.freed)
	})
	<-q.freed
	net.silence(c.vanishes, 100)
	if c.then != returns {
		net.set(Weather{Swallow: c.vanishes})
	}
	if err := q.post(ctx, c, "second"); err != nil {
		return err
	}
	after, err := q.until(ctx, c, "second", map[string][]string{lone: {spare}, beside: {c.name()}, returns: {c.name(), spare}}[c.then]...)
	if err != nil {
		return err
	}
	if err := q.noticed(ctx, c, after); err != nil {
		return err
	}
	if holder(after) != spare {
		return q.kept(c, after)
	}
	return q.moved(ctx, c, before, after)
}

// begin connects the agent and gives it a first message.
func (q *quiet) begin(ctx context.Context, c silent, net *proxy) (*Trace, error) {
	if err := q.listen(net.url(), c.name(), "silent", c.transport); err != nil {
		return nil, err
	}
	if c.then == beside {
		if err := q.listen(q.server.url(), c.name(), "other", client.WebSocket); err != nil {
			return nil, err
		}
	}
	q.available(ctx, c.name())
	if err := q.post(ctx, c, "first"); err != nil {
		return nil, err
	}
	return q.until(ctx, c, "first", c.name())
}

func (q *quiet) available(ctx context.Context, account string) {
	(&agents{ctx: ctx, history: q.history}).presence(q.api("admin"), account, "available")
}

// holder is who has a message.
func holder(t *Trace) string {
	for _, d := range t.Deliveries {
		if d.State != withdrawn {
			return d.Agent
		}
	}
	return ""
}

// at is when a stage was reached, for an agent if one is named.
func (t *Trace) at(stage, agent string) time.Time {
	for _, s := range t.Stages {
		if s.Stage == stage && (agent == "" || s.Agent == agent) {
			return s.At
		}
	}
	return time.Time{}
}

// noticed: by the server's record the silent connection is over, or does not answer, no later after the message than a dead one may live; in the end
// it is closed.
func (q *quiet) noticed(ctx context.Context, c silent, t *Trace) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for c.then == beside && wait(ctx, 50*time.Millisecond) { // the account's connection is the other one's; the silent one leaves the list
		var list struct {
			Sessions []struct {
				Connections []struct{ Client string }
			}
		}
		if _, err := get(ctx, q.api("admin"), "/accounts/"+c.name()+"/sessions", &list); err != nil {
			return err
		}
		n := 0
		for _, s := range list.Sessions {
			n += len(s.Connections)
		}
		if n == 1 {
			return nil
		}
	}
	if c.then == beside {
		return errors.New("the silent connection is never given up")
	}
	spans, err := connections(ctx, q.api("admin"), c.name())
	if err != nil {
		return err
	}
	stored := t.at("stored", "")
	i := slices.IndexFunc(spans, func(s Span) bool { return s.Value != "open" && s.From.After(stored) })
	if i < 0 {
		return fmt.Errorf("the record of connections does not know that one went silent: %+v", spans)
	}
	if late := spans[i].From.Sub(stored); late > q.pace.stale+q.pace.late {
		return fmt.Errorf("that the connection is silent was noticed %s after the message: %+v", late, spans[i])
	}
	return nil
}

// kept: another connection of the agent has it, and nothing was withdrawn.
func (q *quiet) kept(c silent, t *Trace) error {
	if len(t.Deliveries) != 1 || t.Deliveries[0].Agent != c.name() {
		return fmt.Errorf("the deliveries are %+v", t.Deliveries)
	}
	if late := t.at("received", c.name()).Sub(t.at("stored", "")); late > q.pace.grace+q.pace.late {
		return fmt.Errorf("another connection received it after %s", late)
	}
	return nil
}

// moved: it and the one before went to the colleague together and in order, no earlier than the grace allows and no later than a silent connection may keep them.
func (q *quiet) moved(ctx context.Context, c silent, before, after *Trace) error {
	stored, taken := after.at("stored", ""), after.at("withdrawn", c.name())
	switch given, got := after.at("queued", spare), after.at("received", spare); {
	case taken.IsZero() || given.IsZero() || given.Before(taken) || got.Before(given):
		return fmt.Errorf("it was withdrawn at %s, given to the colleague at %s and received at %s", taken, given, got)
	case taken.Sub(stored) > q.pace.grace+q.pace.late:
		return fmt.Errorf("it was withdrawn %s after it came in", taken.Sub(stored))
	case taken.Sub(before.at("received", c.name())) < q.pace.grace-q.pace.early:
		return fmt.Errorf("it was withdrawn %s after the agent was last heard", taken.Sub(before.at("received", c.name())))
	}
	earlier, err := q.until(ctx, c, "first", spare)
	if err != nil {
		return err
	}
	if !earlier.at("withdrawn", c.name()).Equal(taken) || number(earlier) >= number(after) {
		return fmt.Errorf("the message before did not move with it and before it: %+v, %+v", earlier.Deliveries, after.Deliveries)
	}
	return nil
}

// number is the place in the colleague's stream.
func number(t *Trace) int64 {
	for _, d := range t.Deliveries {
		if d.Agent == spare {
			return d.AgentSequence
		}
	}
	return 0
}
