package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// Addresses of this machine: from one of them comes a flood.
const (
	noisy = "127.0.0.1"
	calm  = "127.0.0.2"
)

// from makes connections that come from an address.
func from(address string) client.Dialer {
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
}

// Ten thousand connections from one address: those that say nothing make room for each other and keep nobody out; those that ask are refused beyond the
// share, with a code and when to try again; who comes from elsewhere, or was there before, notices nothing; the log tells once.
func TestTenThousandConnectionsFromOneAddressDisturbNobody(t *testing.T) {
	const flood, share = 10_000, 500
	r, err := newRun(Plan{Program: release.Program(t), Data: t.TempDir(), Seed: chosenSeed(), Unhurried: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	r.server.env = append(r.server.env, fmt.Sprint("BIDA_CONNECTIONS_PER_ADDRESS=", share))
	if err := r.found(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	defer func() { stop(); listening.Wait() }()
	begun := time.Now()
	before := listener(ctx, t, r, &listening, "agent-a", noisy)

	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close() // the test's
		}
	}()
	for range flood {
		c, err := from(noisy)(ctx, "tcp", r.server.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	after := listener(ctx, t, r, &listening, "agent-a", calm)
	held, err := r.held(ctx) // asked from the noisy address
	if err != nil {
		t.Fatal(err)
	}
	if held.descriptors > share+100 {
		t.Errorf("of %d silent connections with a share of %d the server holds %d descriptors", flood, share, held.descriptors)
	}
	told(t, r, before, after, calm, "beside silent connections")
	told(t, r, before, after, noisy, "beside silent connections")

	refused := ""
	for range share + 100 {
		c, err := from(noisy)(ctx, "tcp", r.server.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if answer := asked(c); answer.status != http.StatusOK {
			refused = answer.text
			break
		}
	}
	if !strings.HasPrefix(refused, "HTTP/1.1 429 ") || !strings.Contains(refused, "\r\nRetry-After: ") || !strings.Contains(refused, "request.too_many_connections_here") {
		t.Errorf("whoever has its share of connections that ask is told %q", refused)
	}
	told(t, r, before, after, calm, "beside connections that ask")
	if n := strings.Count(r.server.now.log.String(), "address="+noisy); n < 1 || n > 3+int(time.Since(begun).Minutes()) { // once a minute
		t.Errorf("the log tells %d times of the address:\n%s", n, r.server.now.log)
	}
	for _, f := range r.history.Faults {
		t.Error(f)
	}
}

// listener connects a client of an agent from an address, and gives what it is shown.
func listener(ctx context.Context, t *testing.T, r *run, listening *sync.WaitGroup, account, address string) <-chan string {
	t.Helper()
	c, err := client.New(r.server.url(), r.tokens[account], client.WithDialer(from(address)))
	if err != nil {
		t.Fatal(err)
	}
	shown, live := make(chan string, 100), make(chan struct{})
	var once sync.Once
	listening.Go(func() {
		_ = c.Listen(ctx, client.ListenOptions{
			ClientID: address, Lang: "en",
			OnEvent: func(e client.Event) error { shown <- e.Text; return nil },
			OnState: func(s client.State) {
				switch s.Phase {
				case client.Live:
					once.Do(func() { close(live) })
				case client.Waiting:
					r.history.fault("client", nil, "the client at %s was disconnected: %v", address, s.Err)
				case client.Connecting, client.Refused:
				}
			},
		}) // ends with ctx
	})
	select {
	case <-live:
	case <-time.After(patience):
		t.Fatalf("the client at %s is not connected", address)
	}
	(&agents{ctx: ctx, history: r.history}).presence(r.api("admin"), account, "available")
	return shown
}

// told hands a message in from an address and waits until both clients are shown it.
func told(t *testing.T, r *run, before, after <-chan string, address, when string) {
	t.Helper()
	text := "from " + address + " " + when
	transport := &http.Transport{DialContext: from(address), DisableKeepAlives: true}
	robot := &api{base: r.server.url(), token: r.tokens[Robot], http: &http.Client{Transport: transport, Timeout: patience}}
	status, answer, err := robot.call(t.Context(), http.MethodPost, "/inboxes/web/messages", map[string]any{"id": text, "contact": map[string]any{"id": "u"}, "text": text})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("%s a message from %s is answered %d: %s, %v", when, address, status, answer, err)
	}
	for name, shown := range map[string]<-chan string{"was there before": before, "came later": after} {
		for got := ""; got != text; {
			select {
			case got = <-shown:
			case <-time.After(patience):
				t.Fatalf("%s the client that %s is not shown a message from %s", when, name, address)
			}
		}
	}
}

// answer is what a connection was told.
type answer struct {
	status int
	text   string
}

// asked makes a request on a connection and leaves it open.
func asked(c net.Conn) answer {
	_ = c.SetDeadline(time.Now().Add(patience)) // for the test
	_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: bida\r\n\r\n")
	var text strings.Builder
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &text)), nil)
	if err != nil {
		return answer{0, err.Error()}
	}
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection may be used again
	return answer{response.StatusCode, text.String()}
}
