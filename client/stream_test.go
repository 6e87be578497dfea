package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// streamScene is one stream of events, seen from the server.
type streamScene struct {
	t      *testing.T
	frames chan map[string]any
	posts  chan string // their numbers
	out    chan string // events to write; closed to end the stream
	gone   chan struct{}
	ended  atomic.Bool // posts are refused
}

func (s *stage) serveStream(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer t-agent-a" {
		s.t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
	}
	if r.Method == http.MethodPost {
		s.mu.Lock()
		sc := s.stream
		s.mu.Unlock()
		sc.take(w, r)
		return
	}
	if s.refuse != nil && s.refuse(w) {
		return
	}
	sc := &streamScene{
		t: s.t, frames: make(chan map[string]any, 1000), posts: make(chan string, 1000), out: make(chan string, 1000), gone: make(chan struct{}),
	}
	s.mu.Lock()
	s.stream = sc
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, ": welcome to the test\r\n\r\nevent: open\ndata: {\"stream\":\"x1\"}\n\n")
	flush := http.NewResponseController(w).Flush
	_ = flush()
	s.opened <- sc
	for {
		select {
		case e, ok := <-sc.out:
			if !ok {
				return
			}
			_, _ = io.WriteString(w, e)
			_ = flush()
		case <-r.Context().Done():
			close(sc.gone)
			return
		}
	}
}

func (s *streamScene) take(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/x1") {
		s.t.Errorf("posted to %s", r.URL)
	}
	if s.ended.Load() {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.posts <- r.URL.Query().Get("n")
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		var f map[string]any
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			s.t.Errorf("%q: %v", lines.Bytes(), err)
		}
		s.frames <- f
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *streamScene) say(format string, args ...any) {
	s.out <- "data: " + fmt.Sprintf(format, args...) + "\n\n"
}

func (s *streamScene) welcome(cursor int) map[string]any {
	s.t.Helper()
	f := <-s.frames
	if f["type"] != "hello" {
		s.t.Fatalf("the first frame is %v", f)
	}
	s.say(`{"type":"welcome","session":"s","connection":"n","account":"agent-a","cursor":%d,"last_sequence":0,"heartbeat_ms":5000,"presence":"offline","server":{"version":"1"}}`, cursor)
	return f
}

func (s *streamScene) message(n int) {
	s.say(`{"type":"message","event":"message","agent_sequence":%d,"text":"%d"}`, n, n)
}

func (s *streamScene) wantAck(n int) {
	s.t.Helper()
	f := <-s.frames
	if f["type"] != "ack" || f["received"] != float64(n) {
		s.t.Fatalf("got %v, want an ack of %d", f, n)
	}
	s.say(`{"type":"acked","received":%d,"ref":%q}`, n, f["ref"])
}

// transports lists the transports on which an attempt began or a session was live.
func (s *stage) transports(phases ...Phase) []Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Transport
	for _, state := range s.states {
		if slices.Contains(phases, state.Phase) {
			out = append(out, state.Transport)
		}
	}
	return out
}

func refusesWebSocket(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Upgrade") == "" {
		return false
	}
	http.Error(w, "<h1>Forbidden</h1>", http.StatusForbidden)
	return true
}

func TestListenOverEventsGivesThemAndAcknowledgesByPosts(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		ended, texts := s.listen(ctx, ListenOptions{ClientID: "tab", Transport: SSE, Available: true})
		sc := <-s.opened
		sc.welcome(0)
		if f := <-sc.frames; f["type"] != "presence" || f["value"] != "available" {
			t.Errorf("after the welcome came %v", f)
		}
		sc.message(1)
		sc.wantAck(1)
		sc.out <- "id: 7\ndata: {\"type\":\"message\",\"event\":\"message\",\ndata: \"agent_sequence\":2,\"text\":\"2\"}\n\n"
		sc.wantAck(2)
		synctest.Wait()
		sc.message(3)
		if f := <-sc.frames; f["type"] != "ack" {
			t.Errorf("then came %v", f)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Listen ended with %v", err)
		}
		<-sc.gone
		if got := texts(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("events %v", got)
		}
		close(sc.posts)
		number := 0
		for n := range sc.posts {
			if number++; n != fmt.Sprint(number) {
				t.Errorf("post %d has the number %s", number, n)
			}
		}
	})
}

func TestWhatIsNotPostedYetIsPostedBeforeListenEnds(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		full := errors.New("the disk is full")
		ended, _ := s.listen(t.Context(), ListenOptions{Transport: SSE, OnEvent: func(e Event) error {
			if e.Text == "2" {
				return full
			}
			return nil
		}})
		sc := <-s.opened
		sc.welcome(0)
		sc.out <- "data: {\"type\":\"message\",\"agent_sequence\":1,\"text\":\"1\"}\n\ndata: {\"type\":\"message\",\"agent_sequence\":2,\"text\":\"2\"}\n\n"
		if err := <-ended; !errors.Is(err, full) {
			t.Errorf("Listen ended with %v", err)
		}
		sc.wantAck(1)
	})
}

func TestListenOverEventsResumesAfterEveryKindOfEnd(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended, texts := s.listen(ctx, ListenOptions{ClientID: "tab", Transport: SSE})
		ends := []func(*streamScene){
			func(sc *streamScene) { close(sc.out) },
			func(sc *streamScene) {
				sc.out <- "event: close\ndata: {\"code\":1001,\"reason\":\"restarting\"}\n\n"
			},
			func(sc *streamScene) { sc.message(99) },
			func(sc *streamScene) { sc.say(`nonsense`) },
			func(sc *streamScene) { sc.out <- "event: close\ndata: nonsense\n\n" },
			func(sc *streamScene) { sc.ended.Store(true) },
		}
		for i, end := range ends {
			sc := <-s.opened
			hello := sc.welcome(i)
			if cursor := hello["cursor"]; i > 0 && cursor != float64(i) {
				t.Errorf("connection %d: cursor %v", i, cursor)
			}
			sc.message(i) // was shown before
			sc.message(i + 1)
			sc.wantAck(i + 1)
			end(sc)
		}
		(<-s.opened).welcome(len(ends))
		synctest.Wait()
		if got := strings.Join(texts(), ""); got != "123456" {
			t.Errorf("events %s", got)
		}
		cancel()
		<-ended
	})
}

func TestListenOverEventsStopsForGoodWhenTheServerSaysSo(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ended, _ := s.listen(t.Context(), ListenOptions{Transport: SSE})
		sc := <-s.opened
		sc.welcome(0)
		sc.out <- "event: close\ndata: {\"code\":4409,\"reason\":\"signed out\"}\n\n"
		var closed *ClosedError
		if err := <-ended; !errors.As(err, &closed) || closed.Code != CloseSessionEnded || closed.Reason != "signed out" {
			t.Errorf("Listen ended with %v", err)
		}
	})
}

func TestAClientThatPostsGivesASignOfLifeEveryHeartbeat(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{Transport: SSE})
		sc := <-s.opened
		sc.welcome(0)
		start := time.Now()
		for i := range 10 {
			sc.out <- ":\n\n" // the server lives, and hears nothing
			if f := <-sc.frames; f["type"] != "ping" {
				t.Errorf("then came %v", f)
			}
			if took := time.Since(start); took != time.Duration(i+1)*5*time.Second {
				t.Errorf("ping %d came after %v", i, took)
			}
		}
		next := <-s.opened // nothing is heard any more
		if took := time.Since(start); took < 60*time.Second || took > 66*time.Second {
			t.Errorf("it came again after %v", took)
		}
		next.welcome(0)
		cancel()
		<-ended
	})
}

func TestWhereWebSocketIsRefusedBySomethingElseListenGoesOnWithEventsAtOnce(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.broken = refusesWebSocket
		start := time.Now()
		ended, texts := s.listen(ctx, ListenOptions{})
		for i := range 3 {
			sc := <-s.opened
			sc.welcome(i)
			sc.message(i + 1)
			sc.wantAck(i + 1)
			close(sc.out)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		want := []Transport{WebSocket, SSE, SSE, SSE} // what has worked is taken again
		synctest.Wait()
		if got := s.transports(Connecting); !slices.Equal(got[:4], want) {
			t.Errorf("tried %v", got)
		}
		sc := <-s.opened
		sc.welcome(3)
		go func() { // the network is mended
			for f := range sc.frames {
				if f["type"] == "ping" {
					sc.say(`{"type":"pong"}`)
				}
			}
		}()
		<-time.After(eventsFor)
		synctest.Wait()
		s.broken = nil
		sc.out <- "event: close\ndata: {\"code\":1001,\"reason\":\"restarting\"}\n\n"
		(<-s.played).welcome(3)
		cancel()
		<-ended
		if got := strings.Join(texts(), ""); got != "123" {
			t.Errorf("events %s", got)
		}
		close(sc.frames)
	})
}

func TestWhereAnUpgradeIsSwallowedListenGoesOnWithEvents(t *testing.T) {
	for name, broken := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"no answer": func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upgrade") != "" {
				<-r.Context().Done()
				return true
			}
			return false
		},
		"cut": func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upgrade") != "" {
				panic(http.ErrAbortHandler)
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, s *stage) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s.broken = broken
				ended, _ := s.listen(ctx, ListenOptions{})
				(<-s.opened).welcome(0)
				synctest.Wait()
				if got := s.transports(Connecting, Waiting); !slices.Equal(got, []Transport{WebSocket, SSE}) {
					t.Errorf("tried %v", got)
				}
				cancel()
				<-ended
			})
		})
	}
	t.Run("silence after the upgrade", func(t *testing.T) {
		play(t, func(t *testing.T, s *stage) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended, _ := s.listen(ctx, ListenOptions{})
			<-s.played // nobody says welcome
			(<-s.opened).welcome(0)
			cancel()
			<-ended
		})
	})
}

func TestListenNeverFallsBackWhereItShouldNot(t *testing.T) {
	play(t, func(t *testing.T, s *stage) { // WebSocket only
		s.broken = refusesWebSocket
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{Transport: WebSocket})
		<-ended
		if slices.Contains(s.transports(Connecting), SSE) {
			t.Error("it fell back though it was told not to")
		}
	})
	play(t, func(t *testing.T, s *stage) { // nobody is there
		s.deaf.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{})
		<-ended
		if slices.Contains(s.transports(Connecting), SSE) {
			t.Error("it fell back though there is no server")
		}
	})
	c, err := New("http://127.0.0.1:1", "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(t.Context(), ListenOptions{Transport: "pigeon", OnEvent: func(Event) error { return nil }}); err == nil {
		t.Error("Listen began over an unknown transport")
	}
}

func TestAStreamThatIsHeldBackByAProxyIsGivenUp(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.broken = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upgrade") != "" {
				return refusesWebSocket(w, r)
			}
			<-r.Context().Done() // the proxy waits for the end
			return true
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended, _ := s.listen(ctx, ListenOptions{})
		<-ended
		if n := len(s.transports(Waiting)); n < 5 {
			t.Errorf("it gave up %d times in a minute", n)
		}
	})
}

// FuzzStreamOfEvents: whatever comes, the reader ends, and what it gives has been in it.
func FuzzStreamOfEvents(f *testing.F) {
	for _, seed := range []string{
		"", ":\n\n", "event: open\ndata: {\"stream\":\"x\"}\n\n", "data: {}\r\n\r\n", "data:a\ndata:b\n\n", "event: close\n\ndata: x\n\n", "data: x", "data\n\n", "id: 1\nretry: 2\n: c\ndata: x\n\n", "\n\n\n", "\xff\xfe: x\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := newEventReader(strings.NewReader(text))
		for range len(text) + 2 {
			e, err := r.next()
			if err != nil {
				return
			}
			if e.comment && (e.name != "" || e.data != nil) || !e.comment && e.data == nil {
				t.Errorf("an event is %+v", e)
			}
			for line := range strings.SplitSeq(string(e.data), "\n") {
				if !strings.Contains(text, line) {
					t.Errorf("%q is not in %q", line, text)
				}
			}
		}
		t.Error("the reader does not end")
	})
}
