package gateway

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
)

// house is a Server on a loopback address.
type house struct {
	*company
	hub     *Hub
	server  *Server
	address string
}

func newHouse(t testing.TB, config Config) *house {
	h := &house{company: newCompany(), hub: NewHub()}
	h.endings = make(chan string, 1000)
	h.server = NewServer(config, h.company, h.hub)
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/realtime", h.server)
	mux.HandleFunc("GET /api/v1/realtime/stream", h.server.ServeStream)
	mux.HandleFunc("POST /api/v1/realtime/stream/{stream}", h.server.ServePost)
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		h.server.Stop()
		web.Close()
		if n := h.hub.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
	h.address = web.Listener.Addr().String()
	return h
}

// post adds messages to a stream, as a commit of the ledger would.
func (h *house) post(account string, texts ...string) {
	h.say(account, texts...)
	h.hub.Wake(account)
}

// wantEnding waits until a connection has been reported as ended.
func (h *house) wantEnding(t *testing.T, connection, how string) {
	t.Helper()
	for {
		select {
		case ended := <-h.endings:
			if ended != connection {
				continue
			}
			if got := h.endedWith(connection); got != how {
				t.Errorf("connection %s ended as %q, want %q", connection, got, how)
			}
			return
		case <-time.After(patience):
			t.Fatalf("connection %s has not ended", connection)
		}
	}
}

func TestASessionOverASocket(t *testing.T) {
	h := newHouse(t, Config{})
	h.say("agent-a", "您好,我的订单 😀 在哪里?")
	c := dialRaw(t, h.address, "t-agent-a")
	c.hello("tab-1")
	w := c.want("welcome")
	if w["account"] != "agent-a" || w["connection"] != "n1" {
		t.Errorf("welcome is %v", w)
	}
	if f := c.want("message"); f["text"] != "您好,我的订单 😀 在哪里?" {
		t.Errorf("message is %v", f)
	}
	c.say(`{"type":"ack","received":1,"seen":[1],"ref":"a1"}`)
	if f := c.want("acked"); f["received"] != 1.0 || f["ref"] != "a1" {
		t.Errorf("acked is %v", f)
	}
	c.say(`{"type":"presence","value":"available"}`)
	c.want("presence")
	h.post("agent-a", "二", "三")
	c.wantEntries(2, 3)
	c.write(frameOf(0x89, []byte("are you there"))) // a ping of WebSocket itself
	c.say(`{"type":"ping","ref":"p"}`)
	c.want("pong")
	c.leave()
	c.wantEnd(1000, "")
	h.wantEnding(t, "n1", "closed_by_client 1000")
}

func TestATokenMayComeInTheHello(t *testing.T) {
	h := newHouse(t, Config{})
	c := dialRaw(t, h.address, "")
	c.say(`{"type":"hello","protocol":1,"token":"t-agent-a","client":{"id":"tab"}}`)
	if w := c.want("welcome"); w["account"] != "agent-a" {
		t.Errorf("welcome is %v", w)
	}
	bad := dialRaw(t, h.address, "")
	bad.say(`{"type":"hello","protocol":1,"token":"nonsense","client":{"id":"tab"},"lang":"en"}`)
	bad.wantEnd(CloseUnauthenticated, "the token is not valid")
}

func TestWhatIsWrongBeforeTheUpgradeIsAnHTTPProblem(t *testing.T) {
	h := newHouse(t, Config{})
	for name, test := range map[string]struct {
		change func(http.Header)
		status int
		code   string
	}{
		"a wrong token":   {func(h http.Header) { h.Set("Authorization", "Bearer nonsense") }, 401, "realtime.unauthenticated"},
		"a password":      {func(h http.Header) { h.Set("Authorization", "Basic YTpi") }, 401, "realtime.unauthenticated"},
		"no upgrade":      {func(h http.Header) { h.Del("Upgrade") }, 426, "realtime.upgrade_required"},
		"no connection":   {func(h http.Header) { h.Del("Connection") }, 426, "realtime.upgrade_required"},
		"another version": {func(h http.Header) { h.Set("Sec-WebSocket-Version", "8") }, 426, "realtime.upgrade_required"},
		"no key":          {func(h http.Header) { h.Del("Sec-WebSocket-Key") }, 426, "realtime.upgrade_required"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest(http.MethodGet, "http://"+h.address+"/api/v1/realtime", nil)
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
				"Authorization": "Bearer t-agent-a",
			} {
				request.Header.Set(key, value)
			}
			test.change(request.Header)
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var body struct {
				Status              int
				Code, Title, Detail string
			}
			if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || body.Status != test.status || body.Code != test.code || body.Detail == "" ||
				response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answered %s, %v, %+v", response.Status, response.Header, body)
			}
		})
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestAFrameThatCannotBeReadClosesItsConnectionWithACodeAndNoOther(t *testing.T) {
	announce := func(n uint64) []byte { // and never send
		return append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, n), 0, 0, 0, 0)
	}
	fragment := frameOf(0x01, make([]byte, 40<<10))
	for name, test := range map[string]struct {
		bytes  []byte
		code   int
		reason string
	}{
		"binary":                     {frameOf(0x82, []byte(`{"type":"ping"}`)), CloseMalformed, "frames are text"},
		"text that is no JSON":       {frameOf(0x81, []byte(`hello`)), CloseMalformed, "the frame is not JSON: see byte 1"},
		"text that is no UTF-8":      {frameOf(0x81, []byte("\"\xff\"")), CloseMalformed, "the frame is not valid UTF-8"},
		"too large":                  {frameOf(0x81, make([]byte, 300<<10)), CloseTooLarge, "the frame is too large"},
		"a length beyond everything": {announce(1 << 62), CloseTooLarge, "the frame is too large"},
		"a length that lies":         {announce(1<<63 + 5), CloseMalformed, "the frame cannot be read"},
		"a reserved bit":             {frameOf(0xc1, []byte(`{}`)), CloseMalformed, "the frame is not of the WebSocket protocol"},
		"a reserved opcode":          {frameOf(0x85, []byte(`{}`)), CloseMalformed, "the frame is not of the WebSocket protocol"},
		"no mask":                    {[]byte{0x81, 0x02, '{', '}'}, CloseMalformed, "the frame is not of the WebSocket protocol"},
		"a large control frame":      {frameOf(0x89, make([]byte, 200)), CloseMalformed, "the frame is not of the WebSocket protocol"},
		"a continuation of nothing":  {frameOf(0x80, []byte(`{}`)), CloseMalformed, "the frame is not of the WebSocket protocol"},
		"fragments, too large":       {append(fragment, frameOf(0x80, make([]byte, 40<<10))...), CloseTooLarge, "the frame is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, Config{})
			good := dialRaw(t, h.address, "t-agent-a")
			good.hello("good")
			good.want("welcome")
			for _, greeted := range []bool{false, true} {
				bad := dialRaw(t, h.address, "t-agent-a")
				if greeted {
					bad.hello("bad")
					bad.want("welcome")
				} else if test.bytes[0] == 0x81 && test.code == CloseMalformed && test.bytes[1] == 0x81 {
					continue
				}
				_, _ = bad.socket.Write(test.bytes) // the server may have closed before all is sent
				bad.wantEnd(test.code, test.reason)
				if greeted {
					h.wantEnding(t, "n2", "closed_by_server "+map[int]string{CloseMalformed: "4400", CloseTooLarge: "4413"}[test.code])
				}
			}
			h.post("agent-a", "一")
			good.wantEntries(1, 1)
		})
	}
}

func TestFragmentsOfAFrameAreOneFrame(t *testing.T) {
	h := newHouse(t, Config{})
	c := dialRaw(t, h.address, "t-agent-a")
	c.write(frameOf(0x01, []byte(`{"type":"hello","protocol":1,`)))
	c.write(frameOf(0x89, nil)) // control frames may come between
	c.write(frameOf(0x80, []byte(`"client":{"id":"x"}}`)))
	c.want("welcome")
}

func TestASocketCutWithoutAWordIsReported(t *testing.T) {
	h := newHouse(t, Config{})
	c := dialRaw(t, h.address, "t-agent-a")
	c.hello("tab")
	c.want("welcome")
	_ = c.socket.Close()
	h.wantEnding(t, "n1", "broken 1006")
}

func TestASessionThatEndsClosesItsSocketWithItsCode(t *testing.T) {
	h := newHouse(t, Config{})
	a, b := dialRaw(t, h.address, "t-agent-a"), dialRaw(t, h.address, "t-agent-a")
	a.hello("a")
	a.want("welcome")
	b.hello("b")
	b.want("welcome")
	h.hub.EndSession("s1", CloseTokenRevoked, "the token was revoked")
	a.wantEnd(CloseTokenRevoked, "the token was revoked")
	h.wantEnding(t, "n1", "session_ended 4410")
	h.post("agent-a", "一")
	b.wantEntries(1, 1)
}

func TestConnectionsWithoutATokenAreLimitedPerAddressAndInAll(t *testing.T) {
	h := newHouse(t, Config{PendingPerAddress: 2, Connections: 4})
	first, second := dialRaw(t, h.address, ""), dialRaw(t, h.address, "")
	refused := func(token string, status int) {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, "http://"+h.address+"/api/v1/realtime", nil)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(strings.TrimSpace(handshake), "\r\n") {
			if key, value, ok := strings.Cut(line, ": "); ok {
				request.Header.Set(key, value)
			}
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != status || response.Header.Get("Retry-After") == "" {
			t.Errorf("answered %s %v, want %d", response.Status, response.Header, status)
		}
	}
	refused("", http.StatusTooManyRequests)
	first.say(`{"type":"hello","protocol":1,"token":"t-agent-a","client":{"id":"1"}}`)
	first.want("welcome")
	third := dialRaw(t, h.address, "") // the first one counts no more
	fourth := dialRaw(t, h.address, "t-agent-a")
	refused("t-agent-a", http.StatusServiceUnavailable)
	for _, c := range []*rawClient{second, third, fourth} {
		c.hello("x")
		if _, err := c.next(); c == fourth && err != nil {
			t.Error(err)
		}
	}
}

func TestBehindAProxyEachHouseholdCountsForItself(t *testing.T) {
	s := NewServer(Config{PendingPerAddress: 2, Address: func(r *http.Request) string { return r.Header.Get("X-From") }}, newCompany(), NewHub())
	var admitted []*peer
	defer func() {
		for _, p := range admitted {
			s.forget(p)
			s.active.Done()
		}
	}()
	for i, test := range []struct {
		from   string
		status int
	}{{"2001:db8:1:2::1", 0}, {"2001:db8:1:2::2", 0}, {"2001:db8:1:2::3", http.StatusTooManyRequests}, {"2001:db8:1:3::1", 0}, {"203.0.113.9", 0}} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/realtime", nil) // all from one proxy
		r.Header.Set("X-From", test.from)
		who, err := s.identify(r)
		if err != nil || who.Remote != test.from {
			t.Fatalf("%s is taken for %s, %v", test.from, who.Remote, err)
		}
		p, status := s.admit(who, "")
		if status != test.status {
			t.Errorf("connection %d from %s: status %d, want %d", i, test.from, status, test.status)
		}
		if p != nil {
			admitted = append(admitted, p)
		}
	}
}

func TestStopSaysGoodbyeWaitsAndRefusesWhatComesLater(t *testing.T) {
	h := newHouse(t, Config{})
	var clients []*rawClient
	for range 5 {
		c := dialRaw(t, h.address, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		clients = append(clients, c)
	}
	silent := dialRaw(t, h.address, "") // has not said hello
	var wait sync.WaitGroup
	for _, c := range append(clients, silent) {
		wait.Go(func() { c.wantEnd(CloseGoingAway, "the server is stopping; please connect again") })
	}
	h.server.Stop()
	wait.Wait()
	ended := h.copyEnded()
	if len(ended) != 5 {
		t.Errorf("ended: %v", ended)
	}
	for connection, how := range ended {
		if how != "closed_by_server 1001" {
			t.Errorf("%s ended as %q", connection, how)
		}
	}
	h.server.Stop()
	response := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/api/v1/realtime", nil)
	for line := range strings.SplitSeq(strings.TrimSpace(handshake), "\r\n") {
		if key, value, ok := strings.Cut(line, ": "); ok {
			request.Header.Set(key, value)
		}
	}
	h.server.ServeHTTP(response, request)
	if response.Code != http.StatusServiceUnavailable {
		t.Errorf("after Stop an upgrade is answered with %d", response.Code)
	}
}

func TestAServerThatWasNeverUsedStops(t *testing.T) {
	NewServer(Config{}, newCompany(), NewHub()).Stop()
}

func TestManyClientsReceiveEverythingInOrderWhileManyThingsHappen(t *testing.T) {
	h := newHouse(t, Config{Window: 64})
	const clients, entries = 16, 300
	h.acknowledged = make(chan delivery.Ack, 100_000)
	var wait sync.WaitGroup
	for i := range clients {
		c := dialRaw(t, h.address, "t-agent-a")
		wait.Go(func() {
			c.hello(fmt.Sprint("tab-", i))
			c.want("welcome")
			for n := int64(1); n <= entries; n++ {
				c.wantEntries(n, n)
				c.say(`{"type":"ack","received":%d,"seen":[%d]}`, n, n)
			}
		})
	}
	for range entries {
		h.post("agent-a", "再来一条")
	}
	wait.Wait()
}
