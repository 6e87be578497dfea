package app

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a listener whose connections are pipes, from addresses that a test chooses.
type wire struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newWire() *wire { return &wire{connections: make(chan net.Conn), closed: make(chan struct{})} }

// end is the server's end of a pipe.
type end struct {
	net.Conn
	from net.Addr
}

func (e *end) RemoteAddr() net.Addr { return e.from }

// Accept implements net.Listener.
func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.connections:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address.
func (w *wire) dial(address string) net.Conn {
	near, far := net.Pipe()
	w.connections <- &end{far, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 4711))}
	return near
}

// site is a server behind a door on a wire, in a bubble of time. The handler answers with the length of the body that it could read.
func site(t *testing.T, all, perAddress int) (*wire, *door) {
	t.Helper()
	w := newWire()
	said := &strings.Builder{}
	d := newDoor(w, all, perAddress, func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.1") }, slog.New(slog.NewTextHandler(said, nil)))
	t.Cleanup(func() { // when nobody accepts any more
		for line := range strings.SplitSeq(strings.TrimSpace(said.String()), "\n") {
			t.Log(line)
		}
		if n := strings.Count(said.String(), "address=203.0.113.9"); n > 2 { // of two minutes
			t.Errorf("the log tells %d times of an address", n)
		}
	})
	s := (&App{log: quiet}).newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		fmt.Fprint(w, len(body), " ", err)
	}))
	s.ConnState = d.state
	ended := make(chan struct{})
	go func() { _ = s.Serve(d); close(ended) }() // ends with Close, below
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return w, d
}

// get asks over a connection and returns the answer's status, 0 if the connection was cut.
func get(c net.Conn) int {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: bida\r\n\r\n"); err != nil {
		return 0
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, r.Body) // so that the connection may be used again
	return r.StatusCode
}

// cut says whether the other side has closed a connection without a word.
func cut(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now()) // net.Pipe has deadlines
	_, err := c.Read(make([]byte, 1))
	return err == io.EOF
}

func TestTenThousandSilentConnectionsFromOneAddressKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := site(t, 1000, 100)
		working := w.dial("203.0.113.9")
		defer working.Close()
		if got := get(working); got != http.StatusOK {
			t.Fatalf("the first request is answered with %d", got)
		}
		var silent []net.Conn
		for range 10_000 {
			c := w.dial("203.0.113.9")
			defer c.Close()
			silent = append(silent, c)
		}
		synctest.Wait()
		if held := d.open.Held(); held != 100 {
			t.Errorf("%d connections are open", held)
		}
		open := 0
		for _, c := range silent {
			if !cut(c) {
				open++
			}
		}
		if open != 99 {
			t.Errorf("%d silent connections are open", open)
		}
		late := w.dial("203.0.113.9")
		defer late.Close()
		other := w.dial("203.0.113.10")
		defer other.Close()
		for name, c := range map[string]net.Conn{"that works": working, "that comes later": late, "from elsewhere": other} {
			if got := get(c); got != http.StatusOK {
				t.Errorf("a connection %s is answered with %d", name, got)
			}
		}
		<-time.After(headerTime)
		synctest.Wait()
		if held := d.open.Held(); held != 3 {
			t.Errorf("after the time for headers %d connections are open", held)
		}
	})
}

func TestWhoHasItsShareOfConnectionsAndUsesThemIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := site(t, 5, 3)
		dial := func(address string) (net.Conn, int) {
			c := w.dial(address)
			t.Cleanup(func() { _ = c.Close() })
			return c, get(c)
		}
		refused := func(address string) string {
			c := w.dial(address)
			defer c.Close()
			answer, _ := io.ReadAll(c) // until it is closed
			return string(answer)
		}
		first, _ := dial("2001:db8:1:2::1")
		for _, address := range []string{"2001:db8:1:2::2", "2001:db8:1:2::3", "2001:db8:1:3::1"} {
			if _, got := dial(address); got != http.StatusOK {
				t.Fatalf("%s is answered with %d", address, got)
			}
		}
		if got := refused("2001:db8:1:2::4"); !strings.HasPrefix(got, "HTTP/1.1 429 ") || !strings.Contains(got, "\r\nRetry-After: 2\r\n") || !strings.Contains(got, `"code":"request.too_many_connections_here"`) {
			t.Errorf("a household that has its share is told %q", got)
		}
		if _, got := dial("10.0.0.1"); got != http.StatusOK {
			t.Fatalf("a proxy is answered with %d", got)
		}
		if got := refused("10.0.0.1"); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, `"code":"request.too_many_connections"`) {
			t.Errorf("when all are taken a proxy is told %q", got)
		}
		_ = first.Close()
		synctest.Wait()
		if _, got := dial("2001:db8:1:2::5"); got != http.StatusOK {
			t.Errorf("when one has gone the next is answered with %d", got)
		}
		if d.open.Held() != 5 || len(d.guests) != 5 || len(d.silent) != 0 {
			t.Errorf("%d places are taken by %d connections, silent are %v", d.open.Held(), len(d.guests), d.silent)
		}
	})
}

func TestAConnectionThatIsTakenOverIsNotTheDoorsAnyMore(t *testing.T) {
	w := newWire()
	d := newDoor(w, 10, 10, func(netip.Addr) bool { return false }, quiet)
	taken := make(chan net.Conn, 1)
	s := &http.Server{ConnState: d.state, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
		}
		taken <- c
	})}
	ended := make(chan struct{})
	go func() { _ = s.Serve(d); close(ended) }() // ends with Close, below
	c := w.dial("203.0.113.9")
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: bida\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = (<-taken).Close() // the test's
	if held := d.open.Held(); held != 0 {
		t.Errorf("%d places are taken", held)
	}
	_ = s.Close() // nothing to lose
	<-ended
}

func TestRequestsThatAreNotWhatTheySayEndAndDisturbNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := site(t, 100, 100)
		for name, test := range map[string]struct {
			says   string // and then stays and says nothing more
			want   string
			within time.Duration
		}{
			"a body that is shorter than it says": {"POST / HTTP/1.1\r\nHost: bida\r\nContent-Length: 100\r\n\r\nshort", "5 read", readTime},
			"a header without end":                {"GET / HTTP/1.1\r\nHost: bida\r\nX-A: ", "", headerTime},
			"headers that are too large":          {"GET / HTTP/1.1\r\nHost: bida\r\nX-A: " + strings.Repeat("x", 2*headerBytes) + "\r\n\r\n", "431 Request Header Fields Too Large", 0},
			"two lengths":                         {"POST / HTTP/1.1\r\nHost: bida\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400 Bad Request", 0},
			"a length that is no number":          {"POST / HTTP/1.1\r\nHost: bida\r\nContent-Length: -1\r\n\r\n", "400 Bad Request", 0},
			"a length and pieces":                 {"POST / HTTP/1.1\r\nHost: bida\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "0 <nil>", 0},
			"a piece without end":                 {"POST / HTTP/1.1\r\nHost: bida\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", "0 ", 0},
			"what is no HTTP":                     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request", 0},
			"more than it says":                   {"POST / HTTP/1.1\r\nHost: bida\r\nContent-Length: 2\r\n\r\n{}{\"secret\":1}\r\n\r\n", "2 <nil>", 0},
		} {
			c := w.dial("203.0.113.9")
			began := time.Now()
			go func() { _, _ = io.WriteString(c, test.says) }() // a pipe holds nothing: it ends when all is read, or with Close
			_ = c.SetReadDeadline(time.Now().Add(time.Hour))    // for the test
			answer, _ := io.ReadAll(c)                          // until the server closes
			if !strings.Contains(string(answer), test.want) || test.want == "" && len(answer) > 0 && !strings.Contains(string(answer), "408") {
				t.Errorf("%s is answered with %q", name, answer)
			}
			if took := time.Since(began); took > max(test.within, idleTime) {
				t.Errorf("%s is heard for %s", name, took)
			}
			if strings.Contains(string(answer), "secret") {
				t.Errorf("%s is repeated: %q", name, answer)
			}
			_ = c.Close() // the test's
		}
		c := w.dial("203.0.113.9")
		defer c.Close()
		if got := get(c); got != http.StatusOK {
			t.Errorf("afterwards a request is answered with %d", got)
		}
		synctest.Wait()
		if held := d.open.Held(); held != 1 {
			t.Errorf("%d connections are open afterwards", held)
		}
	})
}

func TestNoMoreConnectionsAreTakenThanTheSystemHasFilesFor(t *testing.T) {
	if got := affordable(10); got != 10 {
		t.Errorf("of ten connections %d may be open", got)
	}
	if got := affordable(1 << 40); got < 1 || got > 1<<40 {
		t.Errorf("of very many connections %d may be open", got)
	}
}
