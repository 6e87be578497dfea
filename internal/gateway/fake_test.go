package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// Refusals of the company.
var (
	errNoToken   = problem.New(problem.Unauthenticated, "identity.token_unknown", "the token is not valid", "令牌无效")
	errRevoked   = problem.New(problem.Unauthenticated, "identity.token_revoked", "the token was revoked", "令牌已吊销")
	errFrozen    = problem.New(problem.Forbidden, "identity.account_frozen", "the account is frozen", "账号已冻结")
	errReadOnly  = problem.New(problem.Invalid, "presence.value", "this presence cannot be set", "不能设置该状态")
	errForeign   = problem.New(problem.Forbidden, "request.cross_origin", "another site made this request", "其他网站发起的请求")
	errSignedOut = problem.New(problem.Unauthenticated, "identity.session_ended", "your session has ended", "登录已结束")
	errFuture    = problem.New(problem.Invalid, "realtime.cursor_future", "the cursor does not count", "游标已忽略").On("/cursor")
	errStore     = problem.New(problem.Unavailable, "store.unavailable", "the store does not answer", "存储不可用")
)

// company is a Backend in memory with a script: tokens are "t-" and the account's name; the clock is the test's.
type company struct {
	mu        sync.Mutex
	streams   map[string][]delivery.Event
	cursors   map[string]int64 // by account/client
	forbidden map[string]error // what Authenticate or Open answers, by account
	attempts  map[string]int   // by account/sequence
	last      int

	hold    bool // answers wait for release
	waiting []func()

	readError, ackError error
	reads               int
	hellos              []delivery.Hello
	acks                []delivery.Ack
	late                map[string][]delivery.Push
	silent              map[string][]time.Time // since when, and last heard, when something was late
	ended               map[string]string      // connection → cause and code
	lastHeard           map[string]time.Time
	visible             map[string]bool
	reported            map[string][]delivery.Report
	presence            map[string]string
	endings             chan string // gets a connection at its end, if set
	acknowledged        chan delivery.Ack
}

func newCompany() *company {
	return &company{
		streams: map[string][]delivery.Event{}, cursors: map[string]int64{}, forbidden: map[string]error{}, attempts: map[string]int{},
		late: map[string][]delivery.Push{}, silent: map[string][]time.Time{}, ended: map[string]string{}, lastHeard: map[string]time.Time{},
		visible: map[string]bool{}, reported: map[string][]delivery.Report{}, presence: map[string]string{},
	}
}

// say adds messages to an account's stream.
func (c *company) say(account string, texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range texts {
		n := int64(len(c.streams[account]) + 1)
		c.streams[account] = append(c.streams[account], delivery.Event{
			Event: delivery.EventMessage, AgentSequence: n, Message: fmt.Sprintf("m%d", n), Conversation: "c1", Sequence: n,
			Inbox: "web", Kind: "customer", Text: text, At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		})
	}
}

func (c *company) Authenticate(token string) (string, string, error) {
	if len(token) < 3 || token[:2] != "t-" {
		return "", "", errNoToken
	}
	return token[2:], "id-of-" + token, nil
}

// answer runs done now, or at release.
func (c *company) answer(done func()) {
	c.mu.Lock()
	if c.hold {
		c.waiting = append(c.waiting, done)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	done()
}

// release gives the answers that were held back.
func (c *company) release() {
	c.mu.Lock()
	waiting := c.waiting
	c.waiting, c.hold = nil, false
	c.mu.Unlock()
	for _, done := range waiting {
		done()
	}
}

func (c *company) Open(h delivery.Hello, done func(delivery.Opened, error)) {
	c.mu.Lock()
	c.hellos = append(c.hellos, h)
	if err := c.forbidden[h.Account]; err != nil {
		c.mu.Unlock()
		c.answer(func() { done(delivery.Opened{}, err) })
		return
	}
	c.last++
	o := delivery.Opened{
		Connection: fmt.Sprintf("n%d", c.last), Session: fmt.Sprintf("s%d", c.last), Presence: "offline",
		Cursor: max(h.Cursor, c.cursors[h.Account+"/"+h.Client]), Last: int64(len(c.streams[h.Account])),
	}
	if h.Cursor > o.Last {
		o.Cursor, o.Refused = c.cursors[h.Account+"/"+h.Client], errFuture
	}
	if p := c.presence[h.Account]; p != "" {
		o.Presence = p
	}
	c.mu.Unlock()
	c.answer(func() { done(o, nil) })
}

func (c *company) Closed(connection, cause string, code int, lastFrame time.Time) {
	c.mu.Lock()
	if was := c.ended[connection]; was != "" {
		cause = "twice: " + was + ", " + cause
	}
	c.ended[connection] = fmt.Sprintf("%s %d", cause, code)
	c.lastHeard[connection] = lastFrame
	c.mu.Unlock()
	if c.endings != nil {
		c.endings <- connection
	}
}

func (c *company) Acknowledge(a delivery.Ack, done func(delivery.AckResult, error)) {
	c.mu.Lock()
	c.acks = append(c.acks, a)
	err := c.ackError
	if err == nil {
		key := a.Account + "/" + a.Client
		c.cursors[key] = max(c.cursors[key], a.Received)
	}
	var r delivery.AckResult
	for _, n := range a.Seen {
		if c.streams[a.Account][n-1].Code == "taken" {
			r.Refused = append(r.Refused, n)
		}
	}
	r.Cursor = a.Received
	c.mu.Unlock()
	c.answer(func() { done(r, err) })
	if c.acknowledged != nil {
		c.acknowledged <- a
	}
}

func (c *company) Unacknowledged(connection string, since, lastFrame time.Time, pushes []delivery.Push) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late[connection] = append(c.late[connection], pushes...)
	c.silent[connection] = []time.Time{since, lastFrame}
}

func (c *company) SetPresence(account, value, reason string, until time.Time, done func(error)) {
	c.mu.Lock()
	var err error
	if value == "dnd" {
		err = errReadOnly
	} else {
		c.presence[account] = value
	}
	c.mu.Unlock()
	c.answer(func() { done(err) })
}

func (c *company) Visibility(connection string, visible bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visible[connection] = visible
}

func (c *company) Report(connection string, r delivery.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reported[connection] = append(c.reported[connection], r)
}

func (c *company) Events(_ context.Context, account string, after int64, limit int, _ string) ([]delivery.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.readError != nil {
		return nil, c.readError
	}
	var events []delivery.Event
	for _, e := range c.streams[account] {
		if e.AgentSequence <= after && e.To <= after {
			continue
		}
		key := fmt.Sprintf("%s/%d", account, e.AgentSequence)
		if c.cursors[account+"/"] < e.AgentSequence {
			c.attempts[key]++
		}
		e.Attempt = c.attempts[key]
		if events = append(events, e); len(events) == limit {
			break
		}
	}
	return events, nil
}

// room is a test's world: a company, a clock and a Core.
type room struct {
	*testing.T
	*company
	hub  *Hub
	core *Core
	now  time.Time
}

func newRoom(t *testing.T, config Config) *room {
	r := &room{T: t, company: newCompany(), hub: NewHub(), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	config.Now = func() time.Time { return r.now }
	config.Version, config.Node = "1.2.3", "node-1"
	r.core = NewCore(config, r.company, r.hub)
	return r
}

// tab is a client's end of a Conn: what the Conn sent, and how it was closed.
type tab struct {
	r      *room
	conn   *Conn
	frames []map[string]any
	size   int // bytes in the queue
	limit  int // of the queue; 0: none
	pings  int
	closed int
	reason string
}

func (t *tab) Send(frame []byte) error {
	if t.closed != 0 {
		return fmt.Errorf("closed")
	}
	if t.limit > 0 && t.size > 0 && t.size+len(frame) > t.limit {
		return ErrFull
	}
	t.size += len(frame)
	var f map[string]any
	if err := json.Unmarshal(frame, &f); err != nil {
		t.r.Fatalf("the server sent %q: %v", frame, err)
	}
	t.frames = append(t.frames, f)
	return nil
}

func (t *tab) Ping() { t.pings++ }

func (t *tab) Close(code int, reason string) {
	if t.closed != 0 {
		t.r.Errorf("closed with %d after %d", code, t.closed)
	}
	t.closed, t.reason = code, reason
}

// join makes a connection of an account that showed its token at the upgrade, and says hello.
func (r *room) join(account, client string) *tab {
	t := r.connect(account)
	t.say(`{"type":"hello","protocol":1,"client":{"id":%q,"name":"test","version":"1"}}`, client)
	return t
}

func (r *room) connect(account string) *tab {
	t := &tab{r: r}
	who := Peer{Remote: "192.0.2.7"}
	if account != "" {
		who.Account, who.Token = account, "id"
	}
	t.conn = r.core.NewConn(t, who)
	return t
}

// say has the client send a frame, and does the reads that follow.
func (t *tab) say(format string, args ...any) {
	t.conn.Frame(fmt.Appendf(nil, format, args...))
	t.pump()
}

// pump does the reads that the Conn wants.
func (t *tab) pump() {
	for {
		f, ok := t.conn.Fetch()
		if !ok {
			return
		}
		events, err := t.r.company.Events(context.Background(), f.Account, f.After, f.Limit, f.Lang)
		t.conn.Fetched(f, events, err)
	}
}

// drain has the client read everything.
func (t *tab) drain() {
	t.size = 0
	t.conn.Drained()
	t.pump()
}

// post adds messages to a stream and wakes its connections.
func (r *room) post(account string, texts ...string) {
	r.say(account, texts...)
	r.wake(account)
}

func (r *room) wake(account string) {
	r.hub.Wake(account)
	for _, m := range r.hub.copy(nil, r.hub.accounts, account) {
		if t, ok := m.(*Conn).transport.(*tab); ok {
			t.pump()
		}
	}
}

// pass lets time pass, ticking the connections when they want it, all of whose clients are silent.
func (r *room) pass(d time.Duration, tabs ...*tab) {
	end := r.now.Add(d)
	for {
		next := end
		for _, t := range tabs {
			if at := t.conn.NextDeadline(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		r.now = next
		for _, t := range tabs {
			if at := t.conn.NextDeadline(); !at.IsZero() && !at.After(next) {
				t.conn.Tick(next)
				t.pump()
				if again := t.conn.NextDeadline(); !again.IsZero() && !again.After(next) {
					r.Fatalf("after Tick the next deadline is still %v before now", next.Sub(again))
				}
			}
		}
		if next.Equal(end) {
			return
		}
	}
}

// sequences lists the entries that a client was sent.
func (t *tab) sequences() []int64 {
	var ns []int64
	for _, f := range t.frames {
		if n, ok := f["agent_sequence"].(float64); ok {
			ns = append(ns, int64(n))
		}
	}
	return ns
}

// types lists the types of the frames that a client was sent.
func (t *tab) types() []string {
	var types []string
	for _, f := range t.frames {
		types = append(types, f["type"].(string))
	}
	return types
}

// lastFrame is the newest frame of a type.
func (t *tab) lastFrame(kind string) map[string]any {
	t.r.Helper()
	for _, f := range slices.Backward(t.frames) {
		if f["type"] == kind {
			return f
		}
	}
	t.r.Fatalf("no %s among %v", kind, t.types())
	return nil
}

func (t *tab) wantClosed(code int, reason string) {
	t.r.Helper()
	if t.closed != code || t.reason != reason {
		t.r.Errorf("closed with %d %q, want %d %q", t.closed, t.reason, code, reason)
	}
}

func equal[E comparable](t testing.TB, what string, got, want []E) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func upTo(n int64) []int64 {
	ns := make([]int64, n)
	for i := range ns {
		ns[i] = int64(i + 1)
	}
	return ns
}

func sequencesOf(pushes []delivery.Push) []int64 {
	var ns []int64
	for _, p := range pushes {
		ns = append(ns, p.Sequence)
	}
	return ns
}

func (c *company) endedWith(connection string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended[connection]
}

func (c *company) copyEnded() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ended)
}
