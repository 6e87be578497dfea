package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// Clients that come and go, politely and not, leave nothing behind in the server: no descriptor, no goroutine, and no memory where they leave no work: what
// the ledger keeps for work that is still open grows with what a crowd leaves unanswered.
func TestClientsThatComeAndGoLeaveNothingBehind(t *testing.T) {
	r, err := newRun(Plan{Program: release.Program(t), Data: t.TempDir(), Seed: chosenSeed()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.kill()
	if err := r.found(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.agents = &agents{url: r.server.url(), tokens: r.tokens, company: r.company, history: r.history, http: newHTTP(), conns: map[*tracked]bool{}}
	rounds := 4
	switch {
	case *long:
		rounds = 20
	case testing.Short():
		rounds = 2
	}
	comeAndGo(t, r, true) // what the server keeps for good, it has afterwards
	before := settled(t, r, usage{})
	for range rounds {
		comeAndGo(t, r, true)
	}
	const spare = 8
	after := settled(t, r, usage{descriptors: before.descriptors + spare, goroutines: before.goroutines + spare})
	t.Logf("before %+v, after %d rounds %+v", before, rounds, after)
	comeAndGo(t, r, false) // the messages that are sent again from now on
	first := alive(t, r)
	for range rounds {
		comeAndGo(t, r, false)
	}
	last := alive(t, r)
	t.Logf("alive before %d KiB, after %d rounds with nothing new %d KiB", first>>10, rounds, last>>10)
	if last > first+first/4+(2<<20) {
		t.Errorf("of %d rounds with nothing new %d KiB stay, before them it was %d KiB", rounds, last>>10, first>>10)
	}
	r.server.end(true)
	r.server.now = nil
	for _, f := range r.history.Faults {
		t.Error(f)
	}
}

// alive is what the server's heap keeps: what was left when it had collected its garbage twice more.
func alive(t *testing.T, r *run) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, err := r.held(ctx)
	for err == nil {
		var now usage
		if now, err = r.held(ctx); err == nil && now.collections >= first.collections+2 { // asking makes garbage
			return now.heap / 2
		}
	}
	t.Fatal(err)
	return 0
}

// comeAndGo is a crowd: agents' clients that leave or are cut, senders that hang up, requests that never end, and what is no request at all. If nothing
// is to be new, the senders repeat themselves.
func comeAndGo(t *testing.T, r *run, news bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var crowd sync.WaitGroup
	for n := range 60 {
		account := r.company.Agents[n%len(r.company.Agents)]
		c, err := client.New(r.server.url(), r.tokens[account], client.WithDialer(r.agents.dial))
		if err != nil {
			t.Fatal(err)
		}
		crowd.Go(func() {
			_ = c.Listen(ctx, client.ListenOptions{ClientID: fmt.Sprint("crowd-", n), Available: true, OnEvent: func(client.Event) error { return nil }}) // ends with ctx
		})
	}
	crowd.Go(func() {
		rng := rand.New(rand.NewPCG(r.Seed, 3))
		for wait(ctx, 10*time.Millisecond) {
			r.agents.cut(rng)
		}
	})
	robot := r.api(Robot)
	for n := range 8 {
		crowd.Go(func() {
			for i := 0; wait(ctx, 5*time.Millisecond); i++ {
				hurried, hangUp := context.WithTimeout(ctx, time.Duration(1+i%7)*time.Millisecond)
				id := fmt.Sprintf("crowd-%d-%d", n, i%40)
				if news {
					id = fmt.Sprintf("crowd-%d-%d-%d", n, i, time.Now().UnixNano())
				}
				_, _, _ = robot.call(hurried, http.MethodPost, "/inboxes/web/messages", map[string]any{"id": id, "contact": map[string]any{"id": fmt.Sprint("crowd-", i%50)}, "text": id}) // whatever is answered
				hangUp()
			}
		})
	}
	for n := range 20 {
		crowd.Go(func() { halfRequest(ctx, r.server.address, n) })
	}
	crowd.Wait()
	r.http.CloseIdleConnections()
}

// halfRequest begins something and breaks off.
func halfRequest(ctx context.Context, address string, n int) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, []string{
		"POST /api/v1/inboxes/web/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{",
		"GET /api/v1/realtime HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"GET /api/v1/realtime HTTP/1.1\r\nHost: a\r\n", "\x16\x03\x01", "",
	}[n%5]) // the server may have hung up
	wait(ctx, time.Duration(n)*50*time.Millisecond)
}

// settled waits until the server holds no more than it may, or until what it holds does not change any more if nothing is said, and gives what it holds.
func settled(t *testing.T, r *run, most usage) usage {
	t.Helper()
	const still = 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last usage
	since := time.Now()
	for wait(ctx, 200*time.Millisecond) {
		now, err := r.held(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if now.descriptors != last.descriptors || now.goroutines != last.goroutines {
			last, since = now, time.Now()
			continue
		}
		fits := most == usage{} || now.descriptors <= most.descriptors && now.goroutines <= most.goroutines
		if fits && time.Since(since) > still {
			return now
		}
	}
	t.Fatalf("after %s with nobody connected the server still holds %+v; it may hold %+v", patience, last, most)
	return last
}
