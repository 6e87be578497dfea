package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// counter is a server that stores messages as Bida does, and may turn them away before.
type counter struct {
	t       *testing.T
	mu      sync.Mutex
	seen    map[string]int64 // sender's id → sequence
	next    map[string]int64 // contact → sequence
	asked   int
	refuse  func(asked int, id string) int // a status, or 0
	connect map[string]bool                // addresses of clients
}

type posted struct {
	ID      string `json:"id"`
	Contact struct {
		ID string `json:"id"`
	} `json:"contact"`
	Text string `json:"text"`
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.connect[r.RemoteAddr] = true
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer t" || r.Header.Get("Content-Type") != "application/json" {
		c.t.Errorf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
	}
	if strings.HasSuffix(r.URL.Path, ":batch") {
		c.batch(w, body)
		return
	}
	var p posted
	if err := json.Unmarshal(body, &p); err != nil {
		c.t.Errorf("%v: %s", err, body)
	}
	status, answer := c.store(p)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "0")
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (c *counter) batch(w http.ResponseWriter, body []byte) {
	var in struct{ Messages []posted }
	if err := json.Unmarshal(body, &in); err != nil {
		c.t.Errorf("%v: %s", err, body)
	}
	var out struct {
		Results []json.RawMessage `json:"results"`
	}
	away := false
	for _, p := range in.Messages {
		status, answer := http.StatusServiceUnavailable, []byte(`{"status":503,"code":"system.stopping"}`)
		if !away {
			status, answer = c.store(p)
		}
		away = away || status >= http.StatusBadRequest
		out.Results = append(out.Results, answer)
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (c *counter) store(p posted) (status int, answer []byte) {
	if status := c.refuse(c.asked, p.ID); status != 0 {
		return status, fmt.Appendf(nil, `{"status":%d,"code":"some.code","detail":"no"}`, status)
	}
	status = http.StatusOK
	if c.seen[p.ID] == 0 {
		status = http.StatusCreated
		c.next[p.Contact.ID]++
		c.seen[p.ID] = c.next[p.Contact.ID]
	}
	return status, fmt.Appendf(nil, `{"message":"m-%s","conversation":"c-%s","sequence":%d,"status":"waiting"}`, p.ID, p.Contact.ID, c.seen[p.ID])
}

// send has senders make at least so many requests, and write for every customer.
func send(t *testing.T, o Options, requests int, refuse func(asked int, id string) int) (*load, *counter) {
	t.Helper()
	none := 0
	o.Agents = &none
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, seen: map[string]int64{}, next: map[string]int64{}, connect: map[string]bool{}}
	stop, enough := context.WithCancel(t.Context())
	defer enough()
	c.refuse = func(asked int, id string) int {
		if asked >= requests && len(c.next) == o.Customers {
			enough()
		}
		return refuse(asked, id)
	}
	server := httptest.NewServer(c)
	defer server.Close()
	to, err := newEndpoint(server.URL, "t")
	if err != nil {
		t.Fatal(err)
	}
	abandon, fail := context.WithCancel(t.Context())
	defer fail()
	l := &load{o: &o, history: newHistory(newCompany(0, o.Customers)), to: to, stop: stop, abandon: abandon, fail: func() { fail(); enough() }}
	l.run()
	return l, c
}

// agree looks at whether what was told is what was stored.
func agree(t *testing.T, l *load, c *counter) {
	t.Helper()
	if l.history.made.Load() != l.history.told.Load() || int(l.history.made.Load()) != len(c.seen) {
		t.Errorf("%d messages made, %d told, %d stored", l.history.made.Load(), l.history.told.Load(), len(c.seen))
	}
	for n := range l.history.made.Load() {
		m := l.history.message(n)
		id := string(l.history.id(nil, n))
		if m.told.Message != "m-"+id || m.told.Sequence != c.seen[id] || m.answered < m.intended {
			t.Errorf("message %d: %+v", n, m.told)
		}
	}
	if k := check(l.history, nil); k.Any() {
		t.Errorf("%+v %q", k.Faults, k.described)
	}
}

func never(int, string) int { return 0 }

func TestSendersKeepTheirConnections(t *testing.T) {
	l, c := send(t, Options{Senders: 3, Customers: 7}, 50, never)
	agree(t, l, c)
	if len(c.connect) != 3 || l.history.retries.Load() != 0 {
		t.Errorf("%d connections, %d requests made again", len(c.connect), l.history.retries.Load())
	}
	for contact := range 7 {
		if c.next[l.history.company.contact(contact)] == 0 {
			t.Errorf("nobody wrote for customer %d", contact)
		}
	}
}

func TestWhatIsTurnedAwayIsSentAgainUnderItsId(t *testing.T) {
	busy := []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, 0, http.StatusBadGateway}
	l, c := send(t, Options{Senders: 2, Customers: 4}, 20, func(asked int, _ string) int { return busy[asked%len(busy)] })
	agree(t, l, c)
	if l.trouble() != nil || l.history.retries.Load() == 0 {
		t.Errorf("%v, %d requests made again", l.trouble(), l.history.retries.Load())
	}
}

func TestOfABatchOnlyWhatWasTurnedAwayIsSentAgain(t *testing.T) {
	tries := map[string]int{}
	l, c := send(t, Options{Senders: 2, Customers: 10, Batch: 7}, 10, func(_ int, id string) int {
		if tries[id]++; tries[id] == 1 && strings.HasSuffix(id, "3") {
			return http.StatusTooManyRequests
		}
		return 0
	})
	agree(t, l, c)
	if l.history.made.Load()%7 != 0 || l.history.retries.Load() == 0 {
		t.Errorf("%d messages, %d requests made again", l.history.made.Load(), l.history.retries.Load())
	}
	for id, n := range tries {
		if n > 2 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}

func TestARefusalForGoodEndsTheLoad(t *testing.T) {
	for _, batch := range []int{0, 5} {
		l, _ := send(t, Options{Senders: 2, Customers: 4, Batch: batch}, 1000, func(asked int, _ string) int {
			if asked < 5 {
				return 0
			}
			return http.StatusUnprocessableEntity
		})
		if no := client.AsRefused(l.trouble()); no == nil || no.Status != http.StatusUnprocessableEntity || no.Code != "some.code" {
			t.Errorf("with batches of %d: %v", batch, l.trouble())
		}
	}
}

func TestABatchGoesToOneInboxWhateverTheNumberOfSenders(t *testing.T) {
	l, c := send(t, Options{Senders: 3, Customers: 30, Batch: 8}, 30, never)
	agree(t, l, c)
	if l.history.made.Load()%8 != 0 {
		t.Errorf("%d messages in batches of 8", l.history.made.Load())
	}
}

func TestTurnsOfAnOpenLoopAreEvenAndNoneIsLeftOut(t *testing.T) {
	l, c := send(t, Options{Senders: 4, Customers: 4, Rate: 2000, Duration: time.Second}, 100, never)
	agree(t, l, c)
	if l.unsent() != 0 || l.dealt < 100 {
		t.Errorf("%d turns, %d unsent", l.dealt, l.unsent())
	}
	var due []time.Duration
	for n := range l.history.made.Load() {
		due = append(due, l.history.message(n).intended)
	}
	slices.Sort(due)
	for i := 1; i < len(due); i++ {
		if every := due[i] - due[i-1]; every != 500*time.Microsecond {
			t.Fatalf("turn %d is due %s after the one before", i, every)
		}
	}
}

func TestAnAnswerThatCannotBeReadIsAnError(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":          "",
		"no HTTP":          "hello\r\n\r\n",
		"broken off":       "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{}",
		"broken off early": "HTTP/1.1 201 Cre",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}))
			defer server.Close()
			to, err := newEndpoint(server.URL, "t")
			if err != nil {
				t.Fatal(err)
			}
			w := &wire{to: to}
			defer w.close()
			if a, err := w.post(t.Context(), "/inboxes/x/messages", []byte("{}")); err == nil || w.conn != nil {
				t.Errorf("%+v, %v, connection %v", a, err, w.conn)
			}
		})
	}
}

func TestAWireTakesChunksAndACloseAndGoesToWherePathsBegin(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "one ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "two")
	}))
	defer server.Close()
	to, err := newEndpoint(server.URL+"/behind/a/proxy", "t")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: to}
	defer w.close()
	for range 2 {
		a, err := w.post(t.Context(), "/inboxes/x/messages", []byte("{}"))
		if err != nil || a.status != 503 || a.retry != 3*time.Second || string(a.body) != "one two" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if want := "/behind/a/proxy/api/v1/inboxes/x/messages"; !slices.Equal(paths, []string{want, want}) {
		t.Errorf("asked for %q", paths)
	}
}

func TestTheAddressOfAServerMayLeaveItsPortOut(t *testing.T) {
	for server, want := range map[string]string{
		"http://bida.example.org": "bida.example.org:80", "https://bida.example.org": "bida.example.org:443", "https://bida.example.org:8443/x": "bida.example.org:8443",
		"http://[::1]": "[::1]:80",
	} {
		to, err := newEndpoint(server, "t")
		if err != nil || to.address != want || (to.tls != nil) != strings.HasPrefix(server, "https") {
			t.Errorf("%s: %+v, %v", server, to, err)
		}
	}
}
