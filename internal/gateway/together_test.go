package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/gateway"
	"github.com/bidahq/bida/internal/problem"
)

func TestTheClientsEventIsTheDomains(t *testing.T) {
	alike(t, reflect.TypeFor[delivery.Event](), reflect.TypeFor[client.Event]())
	for ours, theirs := range map[int]int{
		gateway.CloseGoingAway: client.CloseGoingAway, gateway.CloseMalformed: client.CloseMalformed,
		gateway.CloseUnauthenticated: client.CloseUnauthenticated, gateway.CloseForbidden: client.CloseForbidden,
		gateway.CloseTimeout: client.CloseTimeout, gateway.CloseSessionEnded: client.CloseSessionEnded,
		gateway.CloseTokenRevoked: client.CloseTokenRevoked, gateway.CloseTooLarge: client.CloseTooLarge,
		gateway.CloseTooMany: client.CloseTooMany, gateway.CloseInternal: client.CloseInternal,
	} {
		if ours != theirs {
			t.Errorf("code %d became %d", ours, theirs)
		}
	}
}

// alike wants two types to be the same JSON.
func alike(t *testing.T, ours, theirs reflect.Type) {
	t.Helper()
	if ours.NumField() != theirs.NumField() {
		t.Fatalf("%s has %d members and %s %d", ours, ours.NumField(), theirs, theirs.NumField())
	}
	for i := range ours.NumField() {
		a, b := ours.Field(i), theirs.Field(i)
		if a.Name != b.Name || a.Tag.Get("json") != b.Tag.Get("json") || a.Type.Kind() != b.Type.Kind() {
			t.Errorf("%s %s %s became %s %s %s", a.Name, a.Type, a.Tag, b.Name, b.Type, b.Tag)
			continue
		}
		switch {
		case a.Type.Kind() == reflect.Slice && a.Type.Elem().Kind() == reflect.Struct:
			alike(t, a.Type.Elem(), b.Type.Elem())
		case a.Type != b.Type:
			t.Errorf("%s %s became %s", a.Name, a.Type, b.Type)
		}
	}
}

// desk is a Backend with one account, whose stream is the numbers from 1.
type desk struct {
	mu       sync.Mutex
	last     int64
	opened   int
	cursors  map[string]int64 // by client
	pushed   map[string][]int64
	open     map[string]bool
	accepted map[int64]bool
	faults   []string
	later    []func() // answers that are not given yet; nil: they are given at once
}

func newDesk() *desk {
	return &desk{cursors: map[string]int64{}, pushed: map[string][]int64{}, open: map[string]bool{}, accepted: map[int64]bool{}}
}

func (d *desk) answer(f func()) {
	if d.later != nil {
		d.later = append(d.later, f)
		return
	}
	f()
}

func (d *desk) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

func (d *desk) Authenticate(token string) (string, string, error) {
	if token != "secret" {
		return "", "", errors.New("no")
	}
	return "agent-a", "token-1", nil
}

func (d *desk) Open(h delivery.Hello, done func(delivery.Opened, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	o := delivery.Opened{
		Connection: fmt.Sprintf("n%d", d.opened), Session: fmt.Sprintf("s%d", d.opened), Presence: "offline",
		Cursor: max(h.Cursor, d.cursors[h.Client]), Last: d.last,
	}
	d.open[o.Connection] = true
	d.answer(func() { done(o, nil) })
}

func (d *desk) Closed(connection, _ string, _ int, _ time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open[connection] {
		d.fault("%s ended and was not open", connection)
	}
	delete(d.open, connection)
}

func (d *desk) Acknowledge(a delivery.Ack, done func(delivery.AckResult, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.record(a.Connection, a.Pushed)
	d.cursors[a.Client] = max(d.cursors[a.Client], a.Received)
	for _, n := range a.Accepted {
		d.accepted[n] = true
	}
	d.answer(func() { done(delivery.AckResult{Cursor: a.Received}, nil) })
}

func (d *desk) Unacknowledged(connection string, _, _ time.Time, pushes []delivery.Push) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.record(connection, pushes)
}

// record checks that a push on a connection is reported once.
func (d *desk) record(connection string, pushes []delivery.Push) {
	for _, p := range pushes {
		if slices.Contains(d.pushed[connection], p.Sequence) {
			d.fault("%s pushed %d twice", connection, p.Sequence)
		}
		d.pushed[connection] = append(d.pushed[connection], p.Sequence)
	}
}

func (d *desk) SetPresence(_, _, _ string, _ time.Time, done func(error)) {
	d.answer(func() { done(nil) })
}
func (d *desk) Visibility(string, bool)        {}
func (d *desk) Report(string, delivery.Report) {}

func (d *desk) Events(_ context.Context, _ string, after int64, limit int, _ string) ([]delivery.Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var events []delivery.Event
	for n := after + 1; n <= d.last && len(events) < limit; n++ {
		events = append(events, delivery.Event{Event: delivery.EventMessage, AgentSequence: n, Text: fmt.Sprint(n)})
	}
	return events, nil
}

func (d *desk) grow(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last += n
}

// rig is one client and its network, on one goroutine.
type rig struct {
	desk    *desk
	core    *gateway.Core
	now     *time.Time
	session *client.Session
	line    *line // nil while it is not connected
	shown   []int64
}

// line is one connection, with the frames under way in both directions.
type line struct {
	conn     *gateway.Conn
	toClient [][]byte
	toServer [][]byte
	bytes    int // under way to the client
	full     bool
	code     int // with which the server closed
}

// room is how many bytes a line holds.
const room = 600

func (l *line) Send(frame []byte) error {
	if l.bytes > 0 && l.bytes+len(frame) > room {
		l.full = true
		return gateway.ErrFull
	}
	l.bytes += len(frame)
	l.toClient = append(l.toClient, slices.Clone(frame))
	return nil
}

func (l *line) Close(code int, _ string) { l.code, l.toClient = code, nil }

// connect makes a connection; whatever was under way on the last one is lost.
func (r *rig) connect(who gateway.Peer) {
	r.line = &line{}
	r.line.conn = r.core.NewConn(r.line, who)
	r.line.toServer = append(r.line.toServer, r.session.Connect(*r.now))
}

// cut loses the connection; the server notices now, or by its silence.
func (r *rig) cut(noticed bool) {
	if noticed {
		r.line.conn.Gone(gateway.ClosedByClient, 1006)
	}
	_, _ = r.session.Lost(client.CloseAbnormal, "")
	r.line = nil
}

func (r *rig) pump() {
	if r.line == nil {
		return
	}
	conn := r.line.conn
	for f, ok := conn.Fetch(); ok; f, ok = conn.Fetch() {
		events, err := r.desk.Events(context.Background(), f.Account, f.After, f.Limit, f.Lang)
		conn.Fetched(f, events, err)
	}
}

// step brings one frame to the client, or one to the server.
func (r *rig) step(t *rapid.T, toClient bool) {
	l := r.line
	switch {
	case l == nil:
		return
	case toClient && len(l.toClient) > 0:
		frame := l.toClient[0]
		l.toClient, l.bytes = l.toClient[1:], l.bytes-len(frame)
		received, err := r.session.Receive(*r.now, frame)
		if err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		if e := received.Event; e != nil {
			r.shown = append(r.shown, e.AgentSequence)
			r.session.Handled(e)
			r.session.Accepted(e)
		}
		if l.full && l.bytes == 0 {
			l.full = false
			l.conn.Drained()
		}
	case !toClient && len(l.toServer) > 0:
		frame := l.toServer[0]
		l.toServer = l.toServer[1:]
		l.conn.Frame(frame)
	}
	l.toServer = append(l.toServer, r.session.Flush(*r.now)...)
	r.pump()
	if l.code != 0 && l.code != gateway.CloseTimeout {
		t.Fatalf("the server closed with %d", l.code)
	}
}

func TestWhateverTheNetworkDoesEachClientShowsEverythingOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		d, hub := newDesk(), gateway.NewHub()
		core := gateway.NewCore(gateway.Config{Window: 8, Batch: 3, Now: func() time.Time { return now }}, d, hub)
		if rapid.Bool().Draw(t, "answers later") {
			d.later = []func(){}
		}
		var rigs []*rig
		var lines []*line // that the server may still believe in
		agent := gateway.Peer{Account: "agent-a", Token: "token-1"}
		for i := range 2 {
			r := &rig{desk: d, core: core, now: &now, session: client.NewSession(client.SessionOptions{
				Client: fmt.Sprint("tab-", i), Random: rand.New(rand.NewPCG(1, 1)).Float64,
			})}
			r.connect(agent)
			rigs = append(rigs, r)
		}
		one := func() *rig { return rigs[rapid.IntRange(0, 1).Draw(t, "client")] }
		answers := func() {
			later := d.later
			if later != nil {
				d.later = []func(){}
			}
			for _, f := range later {
				f()
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) {
				d.grow(rapid.Int64Range(1, 5).Draw(t, "n"))
				hub.Wake("agent-a")
				for _, r := range rigs {
					r.pump()
				}
			},
			"to client": func(t *rapid.T) { one().step(t, true) },
			"to server": func(t *rapid.T) { one().step(t, false) },
			"cut": func(t *rapid.T) {
				if r := one(); r.line != nil {
					lines = append(lines, r.line)
					r.cut(rapid.Bool().Draw(t, "noticed"))
				}
			},
			"connect": func(*rapid.T) {
				if r := one(); r.line == nil {
					r.connect(agent)
				}
			},
			"answer": func(*rapid.T) { answers() },
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 6000).Draw(t, "ms")) * time.Millisecond)
				for _, l := range lines { // their clients are gone
					l.conn.Tick(now)
				}
				for _, r := range rigs {
					if r.line == nil {
						continue
					}
					r.line.conn.Tick(now)
					if err := r.session.Tick(now); err != nil || r.line.code != 0 {
						r.cut(true)
						continue
					}
					r.line.toServer = append(r.line.toServer, r.session.Flush(now)...)
					r.pump()
				}
			},
			"": func(t *rapid.T) {
				for _, r := range rigs {
					if want := count(len(r.shown)); !slices.Equal(r.shown, want) {
						t.Fatalf("shown: %v", r.shown)
					}
				}
				if len(d.faults) > 0 {
					t.Fatal(d.faults)
				}
			},
		})
		for _, r := range rigs { // when the network is well again, everything arrives
			if r.line == nil {
				r.connect(agent)
			}
			for range 10_000 {
				if int64(len(r.shown)) == d.last && r.session.Settled() {
					break
				}
				answers()
				r.step(t, true)
				r.step(t, false)
			}
			if int64(len(r.shown)) != d.last || !r.session.Settled() {
				t.Fatalf("shown %d of %d, settled %v", len(r.shown), d.last, r.session.Settled())
			}
		}
		for n := range d.last {
			if !d.accepted[n+1] {
				t.Fatalf("the acknowledgement of %d was lost", n+1)
			}
		}
	})
}

func count(n int) []int64 {
	var ns []int64
	for i := range n {
		ns = append(ns, int64(i+1))
	}
	return ns
}

// routes are a server's as package httpapi registers them.
func routes(server *gateway.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/realtime", server)
	mux.HandleFunc("GET /api/v1/realtime/stream", server.ServeStream)
	mux.HandleFunc("POST /api/v1/realtime/stream/{stream}", server.ServePost)
	return mux
}

// webless is a proxy that knows nothing of WebSocket.
func webless(address string, dial client.Dialer) http.Handler {
	to := &url.URL{Scheme: "http", Host: address}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = &http.Transport{DialContext: dial}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			http.Error(w, "Bad Request", http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

func TestListenersShowEverythingOnceAcrossRestartsOfTheServerAndCutSockets(t *testing.T) {
	t.Run("WebSocket", func(t *testing.T) { listeners(t, client.WebSocket, client.WebSocket, false) })
	t.Run("events", func(t *testing.T) { listeners(t, client.SSE, client.SSE, false) })
	t.Run("events through a proxy that refuses WebSocket", func(t *testing.T) { listeners(t, client.SSE, client.Auto, true) })
}

// listeners has two clients show a stream that grows, while the server restarts and sockets are cut. They are live on one transport only.
func listeners(t *testing.T, on, transport client.Transport, proxied bool) {
	const entries = 2000
	d := newDesk()
	var hub *gateway.Hub
	var server *gateway.Server
	var web *httptest.Server
	var place atomic.Value // where the server listens, "" while it does not: each of its lives has an address of its own, so that nobody takes it meanwhile
	start := func() {
		hub = gateway.NewHub()
		server = gateway.NewServer(gateway.Config{}, d, hub)
		web = httptest.NewServer(routes(server))
		place.Store(web.Listener.Addr().String())
	}
	stop := func() {
		place.Store("")
		server.Stop()
		web.CloseClientConnections()
		web.Close()
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		address, _ := place.Load().(string)
		if address == "" {
			return nil, syscall.ECONNREFUSED
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	start()
	defer func() { stop() }()
	const bida = "bida.example.org:80"
	asked := "http://" + bida
	if proxied {
		proxy := httptest.NewServer(webless(bida, dial))
		defer proxy.Close()
		asked = proxy.URL
		dial = new(net.Dialer).DialContext
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	sockets := map[net.Conn]bool{}
	c, err := client.New(asked, "secret", client.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		socket, err := dial(ctx, network, address)
		if err == nil {
			mu.Lock()
			sockets[socket] = true
			mu.Unlock()
		}
		return socket, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	progress := make(chan int64, 2*entries)
	for i := range 2 {
		wait.Go(func() {
			next := int64(1)
			done := errors.New("all shown")
			err := c.Listen(ctx, client.ListenOptions{ClientID: fmt.Sprint("tab-", i), Transport: transport, OnEvent: func(e client.Event) error {
				if e.AgentSequence != next {
					return fmt.Errorf("entry %d came, want %d", e.AgentSequence, next)
				}
				next++
				if progress <- e.AgentSequence; e.AgentSequence == entries {
					return done
				}
				return nil
			}, OnState: func(s client.State) {
				if s.Phase == client.Live && s.Transport != on {
					t.Errorf("live on %s", s.Transport)
				}
			}})
			if !errors.Is(err, done) {
				t.Error(err)
			}
		})
	}
	for n := range entries {
		d.grow(1)
		hub.Wake("agent-a")
		switch {
		case n%500 == 250:
			stop()
			start()
		case n%100 == 50:
			<-progress
			mu.Lock()
			for socket := range sockets {
				_ = socket.Close()
				delete(sockets, socket)
			}
			mu.Unlock()
		}
	}
	wait.Wait()
	server.Stop() // so that everything that was sent has been read
	d.mu.Lock()
	defer d.mu.Unlock()
	for client, cursor := range d.cursors {
		if cursor < entries-1 { // the last one was shown, and is not acknowledged
			t.Errorf("%s: recorded up to %d", client, cursor)
		}
	}
	if len(d.faults) > 0 {
		t.Error(d.faults)
	}
}

func TestListenOverTLSShowsEverythingAndItsLastAcknowledgementArrives(t *testing.T) {
	for _, transport := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(transport), func(t *testing.T) { overTLS(t, transport) })
	}
}

func overTLS(t *testing.T, transport client.Transport) {
	d, hub := newDesk(), gateway.NewHub()
	d.grow(100)
	server := gateway.NewServer(gateway.Config{}, d, hub)
	web := httptest.NewTLSServer(routes(server))
	defer web.Close()
	defer server.Stop()
	c, err := client.New(web.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	shown := int64(0)
	err = c.Listen(ctx, client.ListenOptions{
		ClientID: "tab", Transport: transport, TLS: web.Client().Transport.(*http.Transport).TLSClientConfig,
		OnEvent: func(e client.Event) error {
			if shown++; e.AgentSequence != shown {
				t.Errorf("entry %d came, want %d", e.AgentSequence, shown)
			}
			if shown == 100 {
				cancel()
			}
			return nil
		},
	})
	if !errors.Is(err, context.Canceled) || shown != 100 {
		t.Fatalf("shown %d, %v", shown, err)
	}
	server.Stop() // so that everything that was sent has been read
	if d.cursors["tab"] != 100 || len(d.accepted) != 100 {
		t.Errorf("recorded up to %d, %d accepted", d.cursors["tab"], len(d.accepted))
	}
}

func TestATokenThatIsNotKnownEndsListenForGood(t *testing.T) {
	for _, transport := range []client.Transport{client.Auto, client.WebSocket, client.SSE} {
		t.Run(string(transport), func(t *testing.T) { unknownToken(t, transport) })
	}
}

func unknownToken(t *testing.T, transport client.Transport) {
	server := gateway.NewServer(gateway.Config{}, refusing{newDesk()}, gateway.NewHub())
	web := httptest.NewServer(routes(server))
	defer web.Close()
	defer server.Stop()
	c, err := client.New(web.URL, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	err = c.Listen(t.Context(), client.ListenOptions{Transport: transport, OnEvent: func(client.Event) error { return nil }})
	var closed *client.ClosedError
	if !errors.As(err, &closed) || closed.Code != client.CloseUnauthenticated || closed.Reason != "the token is not valid" {
		t.Error(err)
	}
}

// FuzzFrameFromAClient: whatever a client sends, the Conn answers it or closes with a code of the protocol, and what it sends is JSON.
func FuzzFrameFromAClient(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","protocol":1,"client":{"id":"x"},"cursor":0}`, `{"type":"ack","received":1,"seen":[1],"accepted":[2]}`,
		`{"type":"presence","value":"away","until":"2026-11-23T10:00:00+08:00"}`, `{"type":"visibility","visible":true}`, `{"type":"ping","ref":"r"}`,
		`{"type":"ack","received":-9223372036854775808}`, `{"type":"ack","seen":[9223372036854775807]}`, `{"type":"wave"}`, `{}`, `[`, `null`, "\xff",
		`{"type":"hello","protocol":1,"token":"secret","client":{"id":"` + strings.Repeat("x", 200) + `"}}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, frame []byte, greeted bool) {
		now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		d := newDesk()
		d.grow(3)
		core := gateway.NewCore(gateway.Config{Now: func() time.Time { return now }}, d, gateway.NewHub())
		r := &rig{desk: d, core: core, now: &now, session: client.NewSession(client.SessionOptions{Client: "tab"})}
		if greeted {
			r.connect(gateway.Peer{Account: "agent-a"})
			r.line.conn.Frame(r.line.toServer[0])
			r.pump()
		} else {
			r.connect(gateway.Peer{})
		}
		l := r.line
		l.toClient, l.bytes = nil, 0
		l.conn.Frame(frame)
		r.pump()
		if l.code == 0 && !greeted && len(l.toClient) == 0 {
			t.Error("a frame before the hello was ignored")
		}
		if l.code != 0 && (l.code < 4400 || l.code > 4500) {
			t.Errorf("closed with %d", l.code)
		}
		for _, out := range l.toClient {
			if !json.Valid(out) {
				t.Errorf("the server sent %q", out)
			}
		}
		for _, n := range d.cursors {
			if n < 0 || n > d.last {
				t.Errorf("the cursor moved to %d of %d", n, d.last)
			}
		}
		if len(d.faults) > 0 {
			t.Error(d.faults)
		}
	})
}

var _ http.Handler = (*gateway.Server)(nil)

// refusing knows no token.
type refusing struct{ *desk }

func (refusing) Authenticate(string) (string, string, error) {
	return "", "", problem.New(problem.Unauthenticated, "identity.token_unknown", "the token is not valid", "令牌无效")
}
