package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eventClient is the client of a stream of events, on whatever it was opened.
type eventClient struct {
	t        testing.TB
	socket   net.Conn
	in       *bufio.Reader
	header   http.Header
	stream   string
	code     int // of the close event
	reason   string
	comments int
	post     func(query, body string) (status int, problem string)
}

const streamRequest = "GET /api/v1/realtime/stream HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"

// openStream opens a stream on a loopback address.
func openStream(t testing.TB, address, token string) *eventClient {
	t.Helper()
	socket, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	c := &eventClient{t: t, socket: socket, in: bufio.NewReader(socket)}
	c.post = func(query, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(http.MethodPost, "http://"+address+"/api/v1/realtime/stream/"+c.stream+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode, problemCode(response.Body)
	}
	if _, err := io.WriteString(socket, streamRequest+"Authorization: Bearer "+token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	c.opened()
	return c
}

func problemCode(body io.Reader) string {
	var p struct{ Code string }
	_ = json.NewDecoder(body).Decode(&p) // none is ""
	return p.Code
}

// openPipe opens a stream over a pipe, in a bubble with virtual time.
func openPipe(t testing.TB, s *Server, token string) *eventClient {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(streamRequest + "Authorization: Bearer " + token + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	request.RemoteAddr = "192.0.2.7:1234"
	go s.ServeStream(&pipeWriter{theirs, http.Header{}}, request)
	c := &eventClient{t: t, socket: ours, in: bufio.NewReader(ours)}
	c.post = func(query, body string) (int, string) {
		request := httptest.NewRequest(http.MethodPost, "/api/v1/realtime/stream/x"+query, strings.NewReader(body))
		request.SetPathValue("stream", c.stream)
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		s.ServePost(answer, request)
		return answer.Code, problemCode(answer.Body)
	}
	c.opened()
	return c
}

func (c *eventClient) opened() {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		c.t.Fatalf("the stream was answered with %s, %v", response.Status, response.Header)
	}
	c.header = response.Header
	c.in = bufio.NewReader(response.Body)
	name, data, err := c.event()
	var open struct{ Stream string }
	if err != nil || name != "open" || json.Unmarshal([]byte(data), &open) != nil || open.Stream == "" {
		c.t.Fatalf("the first event is %q %q, %v", name, data, err)
	}
	c.stream = open.Stream
}

// event reads one event; comments are counted.
func (c *eventClient) event() (name, data string, err error) {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		line = strings.TrimSuffix(line, "\n")
		switch field, value, _ := strings.Cut(line, ": "); field {
		case "event":
			name = value
		case "data":
			data = value
		case ":":
			c.comments++
		case "":
			if data != "" {
				return name, data, nil
			}
		default:
			return "", "", fmt.Errorf("a line is %q", line)
		}
	}
}

// next is the next frame of the server; the close event gives io.EOF.
func (c *eventClient) next() (map[string]any, error) {
	name, data, err := c.event()
	switch {
	case err != nil:
		return nil, err
	case name == "close":
		var end struct {
			Code   int
			Reason string
		}
		if err := json.Unmarshal([]byte(data), &end); err != nil {
			return nil, err
		}
		c.code, c.reason = end.Code, end.Reason
		return nil, io.EOF
	case name != "":
		return nil, fmt.Errorf("an event is called %q", name)
	}
	var f map[string]any
	return f, json.Unmarshal([]byte(data), &f)
}

func (c *eventClient) say(format string, args ...any) {
	c.t.Helper()
	if status, code := c.post("", fmt.Sprintf(format, args...)); status != http.StatusAccepted {
		c.t.Fatalf("the post was answered with %d %s", status, code)
	}
}

func (c *eventClient) hello(client string) {
	c.t.Helper()
	c.say(`{"type":"hello","protocol":1,"client":{"id":%q},"lang":"en"}`, client)
}

func (c *eventClient) want(kind string) map[string]any {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v (closed with %d %q)", kind, err, c.code, c.reason)
		}
		if f["type"] == kind {
			return f
		}
	}
}

func (c *eventClient) wantEntries(first, last int64) {
	c.t.Helper()
	for n := first; n <= last; {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for entry %d: %v (closed with %d %q)", n, err, c.code, c.reason)
		}
		if got, is := f["agent_sequence"].(float64); is {
			if int64(got) != n {
				c.t.Fatalf("entry %v came, want %d", got, n)
			}
			n++
		}
	}
}

func (c *eventClient) wantEnd(code int, reason string) {
	c.t.Helper()
	for {
		if _, err := c.next(); err != nil {
			if !errors.Is(err, io.EOF) || c.code != code || c.reason != reason {
				c.t.Errorf("closed with %d %q (%v), want %d %q", c.code, c.reason, err, code, reason)
			}
			break
		}
	}
	if rest, err := io.Copy(io.Discard, c.in); err != nil || rest > 0 {
		c.t.Errorf("after the close event: %d bytes, %v", rest, err)
	}
}

func (c *eventClient) wantPost(query, body string, status int, problem string) {
	c.t.Helper()
	if got, code := c.post(query, body); got != status || code != problem {
		c.t.Errorf("the post was answered with %d %q, want %d %q", got, code, status, problem)
	}
}

func TestASessionOverAStreamOfEvents(t *testing.T) {
	h := newHouse(t, Config{})
	h.say("agent-a", "您好,我的订单 😀 在哪里?\n第二行")
	c := openStream(t, h.address, "t-agent-a")
	if got := c.header.Get("Cache-Control") + "|" + c.header.Get("X-Accel-Buffering"); got != "no-store, no-transform|no" {
		t.Errorf("what may keep the answer back is told %q", got)
	}
	c.say(`{"type":"hello","protocol":1,"client":{"id":"tab-1"}}` + "\n" + `{"type":"ping","ref":"early"}` + "\r\n\n")
	w := c.want("welcome")
	if w["account"] != "agent-a" || w["connection"] != "n1" {
		t.Errorf("welcome is %v", w)
	}
	if f := c.want("message"); f["text"] != "您好,我的订单 😀 在哪里?\n第二行" {
		t.Errorf("message is %v", f)
	}
	c.say(`{"type":"ack","received":1,"seen":[1],"ref":"a1"}` + "\n" + `{"type":"presence","value":"available"}`)
	if f := c.want("acked"); f["received"] != 1.0 || f["ref"] != "a1" {
		t.Errorf("acked is %v", f)
	}
	c.want("presence")
	h.post("agent-a", "二", "三")
	c.wantEntries(2, 3)
	_ = c.socket.Close()
	h.wantEnding(t, "n1", "closed_by_client 1006")
	c.wantPost("", `{"type":"ping"}`, 404, "realtime.no_stream")
}

func TestWhatIsWrongBeforeAStreamIsAnHTTPProblem(t *testing.T) {
	h := newHouse(t, Config{})
	for _, test := range []struct {
		method, authorization string
		status                int
		code                  string
	}{
		{"GET", "", 401, "realtime.unauthenticated"},
		{"GET", "Bearer nonsense", 401, "realtime.unauthenticated"},
		{"GET", "Basic YTpi", 401, "realtime.unauthenticated"},
		{"HEAD", "Bearer t-agent-a", 405, ""},
	} {
		request, err := http.NewRequest(test.method, "http://"+h.address+"/api/v1/realtime/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.authorization != "" {
			request.Header.Set("Authorization", test.authorization)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if code := problemCode(response.Body); response.StatusCode != test.status || code != test.code {
			t.Errorf("%s with %q: %d %q", test.method, test.authorization, response.StatusCode, code)
		}
		_ = response.Body.Close()
	}
	h.server.Stop()
	response, err := http.DefaultTransport.RoundTrip(must(http.NewRequest(http.MethodGet, "http://"+h.address+"/api/v1/realtime/stream", nil)))
	if err != nil || response.StatusCode != 401 {
		t.Fatalf("after Stop: %v, %v", response, err)
	}
	_ = response.Body.Close()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAPostIsForOnesOwnOpenStream(t *testing.T) {
	h := newHouse(t, Config{})
	a, b := openStream(t, h.address, "t-agent-a"), openStream(t, h.address, "t-agent-b")
	if a.stream == b.stream || len(a.stream) < 26 {
		t.Errorf("the streams are called %q and %q", a.stream, b.stream)
	}
	own := a.stream
	a.stream = b.stream
	a.wantPost("", `{"type":"ping"}`, 404, "realtime.no_stream")
	a.stream = "unknown"
	a.wantPost("", `{"type":"ping"}`, 404, "realtime.no_stream")
	a.stream = own
	a.hello("tab")
	a.want("welcome")
	for _, header := range []string{"", "Bearer nonsense"} {
		request := must(http.NewRequest(http.MethodPost, "http://"+h.address+"/api/v1/realtime/stream/"+own, strings.NewReader(`{"type":"nonsense"`)))
		request.Header.Set("Authorization", header)
		response := must(http.DefaultTransport.RoundTrip(request))
		if response.StatusCode != 401 {
			t.Errorf("with %q: %s", header, response.Status)
		}
		_ = response.Body.Close()
	}
	h.hub.EndConnection("n1", CloseInternal, "enough")
	a.wantEnd(CloseInternal, "enough")
	h.wantEnding(t, "n1", "closed_by_server 4500")
	a.wantPost("", `{"type":"ping"}`, 404, "realtime.no_stream")
	b.hello("tab")
	b.want("welcome")
}

func TestAPostWithANumberIsHandledOnceAndInItsPlace(t *testing.T) {
	h := newHouse(t, Config{})
	h.say("agent-a", "一")
	c := openStream(t, h.address, "t-agent-a")
	c.wantPost("?n=1", `{"type":"hello","protocol":1,"client":{"id":"tab"}}`, 202, "")
	c.wantPost("?n=1", `{"type":"hello","protocol":1,"client":{"id":"tab"}}`, 202, "")
	c.want("message")
	c.wantPost("?n=3", `{"type":"ack","received":1,"ref":"a3"}`, 409, "realtime.post_order")
	c.wantPost("?n=0", `{"type":"ack","received":1,"ref":"a3"}`, 400, "realtime.post_number")
	c.wantPost("?n=x", `{"type":"ack","received":1,"ref":"a3"}`, 400, "realtime.post_number")
	c.wantPost("?n=2", `{"type":"ack","received":1,"ref":"a2"}`, 202, "")
	c.wantPost("?n=2", `{"type":"ack","received":1,"ref":"a2"}`, 202, "")
	c.wantPost("?n=3", `{"type":"ping","ref":"p3"}`, 202, "")
	if f := c.want("acked"); f["ref"] != "a2" {
		t.Errorf("acked is %v", f)
	}
	if f, err := c.next(); err != nil || f["type"] != "pong" {
		t.Errorf("then came %v, %v", f, err)
	}
	if len(h.acks) != 1 || len(h.hellos) != 1 {
		t.Errorf("%d acks, %d hellos", len(h.acks), len(h.hellos))
	}
}

func TestAPostThatDoesNotArriveWholeOrIsTooLargeIsNotHandled(t *testing.T) {
	h := newHouse(t, Config{})
	c := openStream(t, h.address, "t-agent-a")
	c.wantPost("", strings.Repeat(`{"type":"wave"}`+"\n", 20_000), 413, "realtime.post_too_large")
	socket := must(net.Dial("tcp", h.address))
	_, _ = fmt.Fprintf(socket, "POST /api/v1/realtime/stream/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t-agent-a\r\nContent-Length: 100\r\n\r\n%s\n", c.stream, `{"type":"wave"}`)
	_ = socket.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(socket)
	_ = socket.Close()
	if len(answer) > 0 && !bytes.Contains(answer, []byte("realtime.post_incomplete")) {
		t.Errorf("the answer is %q", answer)
	}
	c.hello("tab") // the first frame that was taken in
	c.want("welcome")
}

func TestAFrameOnAStreamThatIsNotOfTheProtocolClosesItAndNoOther(t *testing.T) {
	h := newHouse(t, Config{})
	other := openStream(t, h.address, "t-agent-a")
	other.hello("other")
	other.want("welcome")
	for name, test := range map[string]struct {
		body   string
		code   int
		reason string
	}{
		"not JSON":  {`{"type":"ping"}` + "\nhello\n" + `{"type":"ping"}`, CloseMalformed, "the frame is not JSON: see byte 1"},
		"too large": {`{"type":"ping","x":"` + strings.Repeat("x", 64<<10) + `"}`, CloseTooLarge, "a frame has at most 65536 bytes"},
		"two lines": {"{\"type\":\n\"ping\"}", CloseMalformed, "the frame is not JSON: see byte 8"},
	} {
		t.Run(name, func(t *testing.T) {
			c := openStream(t, h.address, "t-agent-a")
			c.hello("bad")
			w := c.want("welcome")
			c.say("%s", test.body)
			c.wantEnd(test.code, test.reason)
			h.wantEnding(t, w["connection"].(string), fmt.Sprintf("closed_by_server %d", test.code))
		})
	}
	c := openStream(t, h.address, "t-agent-a")
	_, _ = io.WriteString(c.socket, "GET / HTTP/1.1\r\n\r\n")
	c.wantEnd(CloseMalformed, "nothing else can be asked on the connection of a stream")
	other.say(`{"type":"ping"}`)
	other.want("pong")
}

func TestSessionsOverStreamsEndLikeOthers(t *testing.T) {
	h := newHouse(t, Config{PerAccount: 2})
	a, b := openStream(t, h.address, "t-agent-a"), dialRaw(t, h.address, "t-agent-a")
	a.hello("a")
	w := a.want("welcome")
	b.hello("b")
	b.want("welcome")
	c := openStream(t, h.address, "t-agent-a")
	c.hello("c")
	c.wantEnd(CloseTooMany, "the account has 2 connections already")
	h.hub.EndSession(w["session"].(string), CloseSessionEnded, "signed out")
	a.wantEnd(CloseSessionEnded, "signed out")
	h.wantEnding(t, "n1", "session_ended 4409")
	d := openStream(t, h.address, "t-agent-a")
	d.hello("d")
	d.want("welcome")
	h.server.Stop()
	d.wantEnd(CloseGoingAway, "the server is stopping; please connect again")
	b.wantEnd(CloseGoingAway, "the server is stopping; please connect again")
}

func TestInRealTimeAStreamLivesByWhatItsClientPosts(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		start := time.Now()
		shy := openPipe(t, h.server, "t-agent-a")
		shy.wantEnd(CloseTimeout, "no hello within 5s")
		if took := time.Since(start); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("the end of one that says no hello took %v", took)
		}

		alive := openPipe(t, h.server, "t-agent-a")
		alive.hello("alive")
		alive.want("welcome")
		posting, stop := context.WithCancel(t.Context())
		go func() {
			for posting.Err() == nil {
				if status, _ := alive.post("", `{"type":"ping"}`); status != http.StatusAccepted {
					return
				}
				select {
				case <-time.After(5 * time.Second):
				case <-posting.Done():
				}
			}
		}()
		go func() {
			for {
				if _, err := alive.next(); err != nil {
					return
				}
			}
		}()

		mute := openPipe(t, h.server, "t-agent-a")
		mute.hello("mute")
		mute.want("welcome")
		start = time.Now()
		mute.wantEnd(CloseTimeout, "nothing heard for 15s")
		if took := time.Since(start); took < 15*time.Second || took > 16*time.Second || mute.comments != 2 {
			t.Errorf("the end of a silent one took %v, with %d comments", took, mute.comments)
		}
		h.wantEnding(t, "n2", "stale 4408")
		stop()
		if h.endedWith("n1") != "" {
			t.Error("the one that posts has ended too")
		}
	})
}

func TestInRealTimeAStreamThatIsNotReadIsBoundedCutAndDisturbsNobody(t *testing.T) {
	bubble(t, Config{Queue: 8 << 10}, func(t *testing.T, h *house) {
		slow, quick := openPipe(t, h.server, "t-agent-a"), openPipe(t, h.server, "t-agent-a")
		slow.hello("slow")
		slow.want("welcome")
		quick.hello("quick")
		quick.want("welcome")
		start := time.Now()
		for range 200 {
			h.post("agent-a", strings.Repeat("长", 200))
		}
		quick.wantEntries(1, 200)
		if took := time.Since(start); took > time.Second {
			t.Errorf("the other client waited %v", took)
		}
		h.wantEnding(t, "n1", "stale 4408")
		if took := time.Since(start); took > 11*time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestInRealTimeAStreamThatPausesIsResyncedAndCatchesUp(t *testing.T) {
	bubble(t, Config{Queue: 8 << 10}, func(t *testing.T, h *house) {
		c := openPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		for range 200 {
			h.post("agent-a", strings.Repeat("长", 200))
		}
		pause := make(chan struct{})
		time.AfterFunc(3*time.Second, func() { close(pause) })
		<-pause
		resyncs, next := 0, 1.0
		for next <= 200 {
			f, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			switch n := f["agent_sequence"]; {
			case f["type"] == "resync":
				resyncs++
			case n == next:
				next++
			default:
				t.Fatalf("got %v, want entry %v", f, next)
			}
		}
		if resyncs != 1 {
			t.Errorf("%d resyncs", resyncs)
		}
	})
}

func TestABrowsersSessionMayConnectAndAForeignPageMayNot(t *testing.T) {
	session := func(r *http.Request) (string, string, error) {
		cookie, err := r.Cookie("bida_session")
		switch {
		case err != nil:
			return "", "", nil
		case r.Header.Get("Origin") != "http://x":
			return "", "", errForeign
		case cookie.Value == "good":
			return "agent-a", "id", nil
		}
		return "", "", errSignedOut
	}
	h := newHouse(t, Config{Session: session})
	headers := func(cookie, origin string) string {
		return "Cookie: bida_session=" + cookie + "\r\nOrigin: " + origin + "\r\n"
	}

	c := dialHeaders(t, h.address, headers("good", "http://x"))
	c.hello("tab")
	if w := c.want("welcome"); w["account"] != "agent-a" {
		t.Errorf("welcome is %v", w)
	}
	over := dialHeaders(t, h.address, headers("old", "http://x"))
	over.hello("tab")
	over.wantEnd(CloseUnauthenticated, "your session has ended")
	token := dialHeaders(t, h.address, headers("old", "http://x"))
	token.say(`{"type":"hello","protocol":1,"token":"t-agent-b","client":{"id":"tab"}}`)
	if w := token.want("welcome"); w["account"] != "agent-b" {
		t.Errorf("welcome is %v", w)
	}
	for _, route := range []string{handshake, streamRequest, "POST /api/v1/realtime/stream/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"} {
		for cookie, want := range map[string]string{headers("good", "http://evil.example"): "403 request.cross_origin", headers("old", "http://x"): "401 realtime.unauthenticated"} {
			if route == handshake && strings.HasPrefix(want, "401") {
				continue // told by a close code
			}
			socket := must(net.Dial("tcp", h.address))
			_, _ = io.WriteString(socket, route+cookie+"\r\n")
			response := must(http.ReadResponse(bufio.NewReader(socket), nil))
			if got := strconv.Itoa(response.StatusCode) + " " + problemCode(response.Body); got != want {
				t.Errorf("%q with %q: %s", route, cookie, got)
			}
			_ = socket.Close()
		}
	}
}

// FuzzPostedFrames: whatever is posted is cut into the same frames as a line reader cuts it, none of which is empty or has a line break.
func FuzzPostedFrames(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "\r\n", `{"type":"ping"}`, "{\"type\":\"ping\"}\n", "{\"type\":\"ping\"}\r\n\r\n{\"type\":\"ping\"}", " \t\n{}\n ", "\xff\n\x00", "{}\n{}\n{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []string
		scanner := bufio.NewScanner(bytes.NewReader(body))
		scanner.Buffer(nil, len(body)+2)
		for scanner.Scan() {
			if line := strings.TrimSpace(scanner.Text()); line != "" {
				want = append(want, line)
			}
		}
		var got []string
		for frame := range frames(body) {
			got = append(got, string(frame))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q gave %q, want %q", body, got, want)
		}
		for _, frame := range got {
			if frame == "" || strings.ContainsAny(frame, "\n") {
				t.Errorf("a frame is %q", frame)
			}
		}
	})
}
