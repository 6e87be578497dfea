package app

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func TestAServerWithOpenStreamsOfEventsStopsAtOnceAndSaysSo(t *testing.T) {
	c := config(t)
	var said lines
	a := serveWith(t, c, Options{Version: "test", Log: slog.New(slog.NewTextHandler(&said, nil))})
	admin, err := OpenAdmin(t.Context(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }() // a client of a stopped server
	if err := admin.CreateAccount(t.Context(), NewAccount{Name: "agent-a", Roles: []string{"admin"}}); err != nil {
		t.Fatal(err)
	}
	token, err := admin.CreateToken(t.Context(), NewToken{Account: "agent-a"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) *http.Response {
		t.Helper()
		request, err := http.NewRequest(method, "http://"+a.Addr().String()+"/api/v1/realtime/stream"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	defer http.DefaultClient.CloseIdleConnections()
	stream := ask(http.MethodGet, "", "")
	defer func() { _ = stream.Body.Close() }()
	events := bufio.NewReader(stream.Body)
	next := func() (event string) {
		t.Helper()
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				t.Fatalf("after %q: %v", event, err)
			}
			if line == "\n" {
				return event
			}
			event += line
		}
	}
	var open struct{ Stream string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(next(), "event: open\ndata: ")), &open); err != nil {
		t.Fatal(err)
	}
	posted := ask(http.MethodPost, "/"+open.Stream, `{"type":"hello","protocol":1,"client":{"id":"tab"}}`)
	_ = posted.Body.Close()
	if posted.StatusCode != http.StatusAccepted {
		t.Fatalf("the hello was answered with %s", posted.Status)
	}
	if event := next(); !strings.Contains(event, `"type":"welcome"`) {
		t.Fatalf("after the hello came %q", event)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if said.has("requests were cut off") {
		t.Error("the stream was waited for in vain")
	}
	rest, err := io.ReadAll(events)
	if err != nil || !strings.Contains(string(rest), "event: close\ndata: {\"code\":1001,") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}
