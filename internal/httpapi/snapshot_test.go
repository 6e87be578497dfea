package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/store/snapshot"
)

func TestASnapshotIsExportedAndOpens(t *testing.T) {
	b := newBench(t)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "m-1", "contact": map[string]any{"id": "k1", "name": "张三丰"}, "text": "hello"}).want(201)
	got := b.ask("admin", "GET", "/snapshot", nil).want(200)
	if kind, name := got.header.Get("Content-Type"), got.header.Get("Content-Disposition"); kind != "application/octet-stream" || !strings.HasPrefix(name, "attachment") {
		t.Errorf("headers: %v", got.header)
	}
	s, err := snapshot.Open(t.Context(), strings.NewReader(got.raw), conversation.Engine)
	if err != nil {
		t.Fatal(err)
	}
	if s.Head.Program != "test" || !s.Head.At.Equal(b.clock()) || s.View().Position != b.ledger.Position() {
		t.Errorf("got %+v", s.Head)
	}
	since := b.ask("admin", "GET", "/snapshot?since=2026-11-20T00:00:00Z", nil).want(200)
	if s, err = snapshot.Open(t.Context(), strings.NewReader(since.raw), conversation.Engine); err != nil || s.Head.Since.Format("2006-01-02") != "2026-11-20" {
		t.Errorf("since: %v, %v", s, err)
	}
	one := b.ask("admin", "GET", "/snapshot?agent=agent-a", nil).want(200)
	if s, err = snapshot.Open(t.Context(), strings.NewReader(one.raw), conversation.Engine); err != nil || s.Head.Agent != "agent-a" || s.View().Position != b.ledger.Position() {
		t.Errorf("of one agent: %v, %v", s, err)
	}
	if !strings.Contains(b.log.String(), "a snapshot was exported") {
		t.Error("the log does not say who exported it")
	}
}

func TestASnapshotThatCannotBeMadeIsRefusedOrBreaksOff(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "GET", "/snapshot?since=yesterday", nil).problem(400, "request.invalid", "/since")
	b.ask("admin", "GET", "/snapshot?since=", nil).problem(400, "request.invalid", "/since")
	b.ask("admin", "GET", "/snapshot?until=2026-11-20T00:00:00Z", nil).problem(400, "request.invalid", "/until")
	b.ask("admin", "GET", "/snapshot?since=2036-11-20T00:00:00Z", nil).problem(400, "snapshot.since_in_the_future", "/since")

	b.ask("admin", "GET", "/snapshot?agent=ghost", nil).problem(404, "snapshot.unknown_agent", "/agent")

	w := &deaf{header: http.Header{}}
	defer func() {
		if recover() != http.ErrAbortHandler { // the very value
			t.Error("the other side is not told that the file is not whole")
		}
	}()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "/api/v1/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.tokens["admin"])
	b.server.ServeHTTP(w, r)
}

// deaf is a connection that breaks with the first byte.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header       { return d.header }
func (d *deaf) WriteHeader(int)           {}
func (d *deaf) Write([]byte) (int, error) { return 0, errors.New("the connection is gone") }
