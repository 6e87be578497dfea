package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"

	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// stage is a server with a script: the test plays it, connection by connection.
type stage struct {
	t      *testing.T
	conns  chan net.Conn // pipes that were dialled
	played chan *scene   // upgraded connections
	refuse func(http.ResponseWriter) bool
	broken func(http.ResponseWriter, *http.Request) bool // what something in between does with a request
	opened chan *streamScene
	deaf   atomic.Bool // it takes no connections
	server http.Server
	client *Client

	mu     sync.Mutex
	states []State
	stream *streamScene
}

// scene is one connection, seen from the server.
type scene struct {
	t      *testing.T
	ws     *gws.Conn
	frames chan string
	code   int // the client's close code, once frames is closed
	mute   bool
}

// play runs a test with a stage in virtual time.
func play(t *testing.T, test func(t *testing.T, s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, conns: make(chan net.Conn, 100), played: make(chan *scene, 100), opened: make(chan *streamScene, 100)}
		s.server.Handler = s
		go func() { _ = s.server.Serve(s) }()
		c, err := New("http://bida.example.org", "t-agent-a", WithDialer(func(context.Context, string, string) (net.Conn, error) {
			if s.deaf.Load() {
				return nil, errors.New("connection refused")
			}
			ours, theirs := net.Pipe()
			s.conns <- theirs
			return ours, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		s.client = c
		test(t, s)
		_ = s.server.Close()
	})
}

// Accept makes the stage a net.Listener.
func (s *stage) Accept() (net.Conn, error) {
	if c, ok := <-s.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (s *stage) Close() error   { close(s.conns); return nil }
func (s *stage) Addr() net.Addr { return &net.IPAddr{} }

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.broken != nil && s.broken(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/v1/realtime/stream") {
		s.serveStream(w, r)
		return
	}
	if r.URL.Path != "/api/v1/realtime" || r.Header.Get("Authorization") != "Bearer t-agent-a" {
		s.t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
	}
	if s.refuse != nil && s.refuse(w) {
		return
	}
	sc := &scene{t: s.t, frames: make(chan string, 1000)}
	ws, err := gws.NewUpgrader(sc, nil).Upgrade(w, r)
	if err != nil {
		s.t.Error(err)
		return
	}
	sc.ws = ws
	go ws.ReadLoop()
	s.played <- sc
}

func (s *scene) OnOpen(*gws.Conn) {}
func (s *scene) OnPing(ws *gws.Conn, payload []byte) {
	if !s.mute {
		_ = ws.WritePong(payload)
	}
}
func (s *scene) OnPong(*gws.Conn, []byte)              {}
func (s *scene) OnMessage(_ *gws.Conn, m *gws.Message) { s.frames <- string(m.Bytes()) }
func (s *scene) OnClose(_ *gws.Conn, err error)        { s.closed(err); close(s.frames) }
func (s *scene) closed(err error)                      { s.code = codeOf(err) }
func (s *scene) say(format string, args ...any)        { s.write(fmt.Sprintf(format, args...)) }
func (s *scene) write(frame string)                    { _ = s.ws.WriteString(frame) }
func (s *scene) message(n int) {
	s.say(`{"type":"message","event":"message","agent_sequence":%d,"text":"%d"}`, n, n)
}
func (s *scene) goodbye(code uint16, reason string) error {
	return s.ws.WriteClose(code, []byte(reason))
}

func codeOf(err error) int {
	var e *gws.CloseError
	if errors.As(err, &e) {
		return int(e.Code)
	}
	return 0
}

// next is the client's next frame, or its members.
func (s *scene) next() map[string]any {
	s.t.Helper()
	frame, ok := <-s.frames
	if !ok {
		s.t.Fatalf("the client closed with %d", s.code)
	}
	var f map[string]any
	if err := json.Unmarshal([]byte(frame), &f); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// welcome takes the hello and answers it.
func (s *scene) welcome(cursor int) map[string]any {
	s.t.Helper()
	f := s.next()
	if f["type"] != "hello" {
		s.t.Fatalf("the first frame is %v", f)
	}
	s.say(`{"type":"welcome","session":"s","connection":"n","account":"agent-a","cursor":%d,"last_sequence":0,"heartbeat_ms":5000,"presence":"offline","server":{"version":"1"}}`, cursor)
	return f
}

// wantAck takes an ack up to n and answers it.
func (s *scene) wantAck(n int) {
	s.t.Helper()
	f := s.next()
	if f["type"] != "ack" || f["received"] != float64(n) {
		s.t.Fatalf("got %v, want an ack of %d", f, n)
	}
	s.say(`{"type":"acked","received":%d,"ref":%q}`, n, f["ref"])
}

// listen starts Listen and gives what it says at its end, and the texts it was given.
func (s *stage) listen(ctx context.Context, o ListenOptions) (ended chan error, texts func() []string) {
	var seen []string
	if o.OnEvent == nil {
		o.OnEvent = func(e Event) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			seen = append(seen, e.Text)
			return nil
		}
	}
	o.OnState = func(state State) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.states = append(s.states, state)
	}
	ended = make(chan error, 1)
	go func() { ended <- s.client.Listen(ctx, o) }()
	return ended, func() []string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Clone(seen)
	}
}

func TestListenGivesEventsAndAcknowledgesThem(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		ended, texts := s.listen(ctx, ListenOptions{ClientID: "tab", Name: "bida-listen", Version: "2", Lang: "zh", Available: true})
		sc := <-s.played
		hello := sc.welcome(0)
		if who := hello["client"].(map[string]any); who["id"] != "tab" || who["name"] != "bida-listen" || who["version"] != "2" || hello["lang"] != "zh" {
			t.Errorf("hello is %v", hello)
		}
		if f := sc.next(); f["type"] != "presence" || f["value"] != "available" {
			t.Errorf("after the welcome came %v", f)
		}
		sc.message(1)
		sc.wantAck(1)
		sc.message(2)
		sc.wantAck(2)
		sc.say(`{"type":"error","code":"presence.value","title":"no","ref":"presence"}`)
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Listen ended with %v", err)
		}
		for range sc.frames {
		}
		if got := texts(); !slices.Equal(got, []string{"1", "2"}) || sc.code != CloseNormal {
			t.Errorf("events %v, closed with %d", got, sc.code)
		}
		var phases []Phase
		for _, state := range s.states {
			phases = append(phases, state.Phase)
		}
		if !slices.Equal(phases, []Phase{Connecting, Live, Refused}) || s.states[2].Err.Error() != "no (presence.value)" {
			t.Errorf("states: %+v", s.states)
		}
	})
}

func TestListenAcknowledgesAsReceivedOnlyAndSaysUpToWhereThatIsDurable(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		durable := make(chan int64, 10)
		ended, _ := s.listen(ctx, ListenOptions{ReceivedOnly: true, OnDurable: func(n int64) { durable <- n }})
		sc := <-s.played
		sc.welcome(0)
		sc.message(1)
		f := sc.next()
		if f["received"] != 1.0 || f["seen"] != nil || f["accepted"] != nil {
			t.Errorf("the acknowledgement is %v", f)
		}
		synctest.Wait()
		if len(durable) > 0 {
			t.Errorf("an acknowledgement that was not answered is said to be durable up to %d", <-durable)
		}
		sc.say(`{"type":"acked","received":1,"ref":%q}`, f["ref"])
		if n := <-durable; n != 1 {
			t.Errorf("durable up to %d, want 1", n)
		}
		_ = sc.ws.NetConn().Close()
		sc = <-s.played
		sc.welcome(1) // says nothing that was not said
		sc.message(2)
		sc.wantAck(2)
		if n := <-durable; n != 2 {
			t.Errorf("durable up to %d, want 2", n)
		}
		cancel()
		<-ended
	})
}

func TestListenResumesWithItsCursorAfterEveryKindOfEnd(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended, texts := s.listen(ctx, ListenOptions{ClientID: "tab"})
		ends := []func(*scene){
			func(sc *scene) { _ = sc.ws.NetConn().Close() },
			func(sc *scene) { _ = sc.goodbye(CloseGoingAway, "restarting") },
			func(sc *scene) { _ = sc.goodbye(CloseInternal, "sorry") },
			func(sc *scene) { sc.message(99) },
			func(sc *scene) { sc.say(`nonsense`) },
			func(sc *scene) { _, _ = sc.ws.NetConn().Write([]byte{0x81, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0}) },
		}
		for i, end := range ends {
			sc := <-s.played
			hello := sc.welcome(i)
			if cursor := hello["cursor"]; i > 0 && cursor != float64(i) {
				t.Errorf("connection %d: cursor %v", i, cursor)
			}
			sc.message(i) // was shown before
			sc.message(i + 1)
			sc.wantAck(i + 1)
			end(sc)
		}
		(<-s.played).welcome(len(ends))
		synctest.Wait()
		if got := strings.Join(texts(), ""); got != "123456" {
			t.Errorf("events %s", got)
		}
		cancel()
		<-ended
	})
}

func TestListenAcknowledgesAgainWhatWasNotAnswered(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{})
		sc := <-s.played
		sc.welcome(0)
		sc.message(1)
		sc.next() // the ack, which gets no answer
		_ = sc.ws.NetConn().Close()
		sc = <-s.played
		sc.welcome(1)
		sc.wantAck(1)
		cancel()
		<-ended
	})
}

func TestAnEventThatTheProgramCannotTakeIsNotAcknowledged(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		full := errors.New("the disk is full")
		ended, _ := s.listen(t.Context(), ListenOptions{OnEvent: func(e Event) error {
			if e.Text == "2" {
				return full
			}
			return nil
		}})
		sc := <-s.played
		sc.welcome(0)
		sc.message(1)
		sc.message(2)
		if err := <-ended; !errors.Is(err, full) {
			t.Errorf("Listen ended with %v", err)
		}
		acked := 0.0
		for frame := range sc.frames {
			var f struct{ Received float64 }
			if err := json.Unmarshal([]byte(frame), &f); err != nil {
				t.Fatal(err)
			}
			acked = f.Received
		}
		if acked != 1 {
			t.Errorf("acknowledged up to %v", acked)
		}
	})
}

func TestListenStopsForGoodWhenTheServerSaysSo(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ended, _ := s.listen(t.Context(), ListenOptions{})
		sc := <-s.played
		sc.welcome(0)
		_ = sc.goodbye(CloseSessionEnded, "signed out by admin")
		var closed *ClosedError
		if err := <-ended; !errors.As(err, &closed) || closed.Code != CloseSessionEnded || closed.Reason != "signed out by admin" {
			t.Errorf("Listen ended with %v", err)
		}
	})
}

func TestListenStopsForGoodWhenTheTokenIsRefused(t *testing.T) {
	for status, code := range map[int]int{http.StatusUnauthorized: CloseUnauthenticated, http.StatusForbidden: CloseForbidden} {
		play(t, func(t *testing.T, s *stage) {
			s.refuse = func(w http.ResponseWriter) bool {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"title":"No","code":"realtime.unauthenticated","detail":"the token is not valid"}`))
				return true
			}
			ended, _ := s.listen(t.Context(), ListenOptions{})
			var closed *ClosedError
			if err := <-ended; !errors.As(err, &closed) || closed.Code != code || closed.Reason != "the token is not valid" {
				t.Errorf("Listen ended with %v", err)
			}
		})
	}
}

func TestListenKeepsTryingAndHeedsRetryAfter(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		var tries atomic.Int32
		s.refuse = func(w http.ResponseWriter) bool {
			if tries.Add(1) == 1 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte(`{"code":"realtime.too_many"}`))
				return true
			}
			return false
		}
		s.deaf.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		ended, _ := s.listen(ctx, ListenOptions{})
		<-time.After(time.Minute)
		synctest.Wait()
		s.mu.Lock()
		if n := len(s.states); n < 26 || n > 50 || s.states[n-1].Wait < 2500*time.Millisecond || s.states[n-1].Wait > 5*time.Second {
			t.Errorf("in a minute %d states, the last one %+v", n, s.states[n-1])
		}
		s.mu.Unlock()
		s.deaf.Store(false)
		(<-s.played).welcome(0)
		if took := time.Since(start); took < 67*time.Second || took > 75*time.Second {
			t.Errorf("connected after %v", took)
		}
		cancel()
		<-ended
	})
}

func TestListenGivesUpAServerThatIsSilent(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{})
		sc := <-s.played
		sc.welcome(0)
		start := time.Now()
		next := <-s.played // it asks twice, hears nothing, and comes again
		if took := time.Since(start); took < 15*time.Second || took > 16*time.Second {
			t.Errorf("it came again after %v", took)
		}
		next.welcome(0)
		go func() { // pings of WebSocket are signs of life
			for range 20 {
				<-time.After(4 * time.Second)
				_ = next.ws.WritePing(nil)
			}
			cancel()
		}()
		<-ended
		if time.Since(start) < 90*time.Second {
			t.Error("it gave up a server that was alive")
		}
		for frame := range next.frames {
			t.Errorf("asked a server that was alive: %s", frame)
		}
	})
}

func TestListenEndsWithItsContextWhateverItDoes(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.refuse = func(http.ResponseWriter) bool { // takes the connection and never answers
			<-t.Context().Done()
			return true
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended, _ := s.listen(ctx, ListenOptions{})
		synctest.Wait()
		start := time.Now()
		cancel()
		<-ended
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
	})
}

func TestListenNeedsSomebodyToGiveEventsTo(t *testing.T) {
	c, err := New("http://127.0.0.1:1", "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(t.Context(), ListenOptions{}); err == nil {
		t.Error("Listen without OnEvent began")
	}
}
