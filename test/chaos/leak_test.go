package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// usage is what a server holds while nobody is connected. heap is at what size it will next collect its garbage: about twice what was alive the last time.
type usage struct{ descriptors, goroutines, heap int }

// Clients that come and go, politely and not, leave nothing behind in the server: no descriptor, no goroutine. The heap is only told: what the ledger keeps for
// work that is still open grows with what this crowd leaves unanswered, and when garbage is collected is a matter of time.
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
	if testing.Short() {
		rounds = 2
	}
	comeAndGo(t, r) // what the server keeps for good, it has afterwards
	before := settled(t, r, usage{})
	for range rounds {
		comeAndGo(t, r)
	}
	const spare = 8
	after := settled(t, r, usage{before.descriptors + spare, before.goroutines + spare, 0})
	t.Logf("before %+v, after %d rounds %+v", before, rounds, after)
	r.server.end(true)
	r.server.now = nil
	for _, f := range r.history.Faults {
		if f.Rule != "log" || !strings.Contains(fmt.Sprint(f.Evidence), "system.cancelled") { // that a caller hung up is its own affair
			t.Error(f)
		}
	}
}

// comeAndGo is a crowd: agents' clients that leave or are cut, senders that hang up, requests that never end, and what is no request at all.
func comeAndGo(t *testing.T, r *run) {
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
				id := fmt.Sprintf("crowd-%d-%d-%d", n, i, time.Now().UnixNano())
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

// held asks the server, and the system about its descriptors.
func (r *run) held(ctx context.Context) (usage, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.server.now.cmd.Process.Pid))
	if err != nil {
		return usage{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.url()+"/metrics", nil)
	if err != nil {
		return usage{}, err
	}
	response, err := r.server.probe.Do(request)
	if err != nil {
		return usage{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return usage{}, err
	}
	u := usage{descriptors: len(list)}
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "go_goroutines":
			u.goroutines = int(n)
		case name == "go_memstats_next_gc_bytes":
			u.heap = int(n)
		}
	}
	if u.goroutines == 0 || u.heap == 0 {
		return u, fmt.Errorf("/metrics (%s) does not tell goroutines and memory", response.Status)
	}
	return u, nil
}
