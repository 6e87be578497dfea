package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bidahq/bida/test/leak"
)

// sse is one event of a stream; a comment has neither name nor data.
type sse struct {
	name, id, comment string
	data              map[string]any
}

// listening is a visitor's stream over a real socket.
type listening struct {
	t     *testing.T
	body  *bufio.Reader
	close func()
}

// serve puts the server behind a socket.
func (b *bench) serve(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(b.server)
	t.Cleanup(srv.Close)
	t.Cleanup(b.visitors.Stop) // before the server, which waits for its requests
	t.Cleanup(b.boards.Stop)
	return srv
}

func (b *bench) listen(t *testing.T, srv *httptest.Server, visitor, query string, headers ...string) (*listening, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+Prefix+"/chat/site/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.tokens[visitor])
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{t: t, body: bufio.NewReader(answer.Body), close: func() { cancel(); answer.Body.Close() }}
	t.Cleanup(l.close)
	return l, answer
}

// next reads the next event or comment; ok is false at the end of the stream.
func (l *listening) next() (e sse, ok bool) {
	l.t.Helper()
	for began := false; ; {
		line, err := l.body.ReadString('\n')
		if err != nil {
			return e, false
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n" && began:
			return e, true
		case line == "\n":
		case field == "":
			e.comment, began = value, true
		case field == "event":
			e.name, began = value, true
		case field == "id":
			e.id = value
		case field == "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				l.t.Fatalf("%q: %v", value, err)
			}
		}
	}
}

// news reads the next event: signs of life come as often as the test takes long.
func (l *listening) news() (e sse, ok bool) {
	l.t.Helper()
	for {
		if e, ok = l.next(); !ok || e.name != "" {
			return e, ok
		}
	}
}

// event reads the next event of a name.
func (l *listening) event(name string) sse {
	l.t.Helper()
	for {
		e, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended before a %s", name)
		}
		if e.name == name {
			return e
		}
	}
}

func TestAStreamTellsWhatIsNewAsItHappens(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	b.visitor("han-mei", "site")
	srv := b.serve(t)
	l, answer := b.listen(t, srv, "li-lei", "")
	if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("answered %d with %v", answer.StatusCode, answer.Header)
	}
	if e := l.event("conversation"); e.data["status"] != "none" {
		t.Errorf("at first %v", e.data)
	}
	b.letter("han-mei", "site", "1", "别人的").want(201)
	mine := b.letter("li-lei", "site", "1", "第一行\n第二行").want(201)
	if e := l.event("message"); e.data["text"] != "第一行\n第二行" || e.data["id"] != "1" || e.id != mine.text("cursor") || e.data["cursor"] != e.id {
		t.Errorf("told %+v", e)
	}
	if e := l.event("conversation"); e.data["status"] != "served" {
		t.Errorf("told %v", e.data)
	}
	c := b.conversationOf(id, "site")
	b.answer("agent-a", c, "r", "您好")
	if e := l.event("message"); e.data["text"] != "您好" || e.data["direction"] != "out" {
		t.Errorf("told %+v", e)
	}
	b.ask("agent-a", "POST", "/conversations/"+c+"/notes", map[string]any{"id": "n", "text": "只给同事看"}).want(201)
	b.ask("agent-a", "POST", "/conversations/"+c+"/resolve", nil).want(200)
	if e, ok := l.news(); !ok || e.name != "conversation" || e.data["status"] != "resolved" || e.data["can_rate"] != true {
		t.Errorf("told %+v", e)
	}
}

func TestAStreamThatIsCutAnywhereLosesNothingAndTellsNothingTwice(t *testing.T) {
	b := newChatBench(t)
	b.online("agent-a")
	id := b.visitor("li-lei", "site")
	srv := b.serve(t)
	const letters, answers = 40, 40
	b.letter("li-lei", "site", "first", "0").want(201)
	c := b.conversationOf(id, "site")
	var writing sync.WaitGroup
	defer writing.Wait() // also if the test fails meanwhile
	writing.Add(2)
	go func() {
		defer writing.Done()
		for i := range letters {
			b.tick(time.Second)
			if r := b.letter("li-lei", "site", fmt.Sprint(i), fmt.Sprint("letter ", i)); r.status != 201 {
				t.Errorf("letter %d: %s", i, r.raw)
			}
		}
	}()
	go func() {
		defer writing.Done()
		for i := range answers {
			if r := b.ask("agent-a", "POST", "/conversations/"+c+"/replies", map[string]any{"id": fmt.Sprint(i), "text": fmt.Sprint("answer ", i)}); r.status != 201 {
				t.Errorf("answer %d: %s", i, r.raw)
			}
		}
	}()
	var told []string
	cursor := "0"
	random := rand.New(rand.NewPCG(1, 2))
	for len(told) < 1+letters+answers {
		l, answer := b.listen(t, srv, "li-lei", "?after="+cursor)
		if answer.StatusCode == 429 { // the ends of the streams before it have not been noticed yet: a browser comes back, too
			l.close()
			continue
		}
		for range random.IntN(12) {
			e, ok := l.next()
			if !ok {
				t.Fatalf("the server ended the stream, after answering %d", answer.StatusCode)
			}
			if e.name == "message" {
				told, cursor = append(told, e.data["text"].(string)), e.id
			}
			if len(told) == 1+letters+answers {
				break
			}
		}
		l.close()
	}
	writing.Wait()
	var want []string
	for cursor := "0"; ; {
		page := b.ask("li-lei", "GET", "/chat/site/messages?limit=200&after="+cursor, nil).want(200)
		if len(page.list("messages")) == 0 {
			break
		}
		for _, line := range texts(page) {
			_, text, _ := strings.Cut(line, " ")
			want = append(want, text)
		}
		cursor = page.text("cursor")
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nof %q", told, want)
	}
}

func TestAStreamBeginsAfterTheCursorThatIsNamedOrNow(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	first := b.letter("li-lei", "site", "1", "旧的").want(201)
	b.letter("li-lei", "site", "2", "也是旧的").want(201)
	srv := b.serve(t)
	now, _ := b.listen(t, srv, "li-lei", "")
	after, _ := b.listen(t, srv, "li-lei", "?after="+first.text("cursor"))
	header, _ := b.listen(t, srv, "li-lei", "", "Last-Event-ID", first.text("cursor"))
	now.event("conversation") // it has begun
	b.letter("li-lei", "site", "3", "新的").want(201)
	for what, l := range map[string]*listening{"after a cursor": after, "after the header's": header} {
		if e := l.event("message"); e.data["text"] != "也是旧的" {
			t.Errorf("%s: %v", what, e.data)
		}
	}
	if e := now.event("message"); e.data["text"] != "新的" {
		t.Errorf("without a cursor: %v", e.data)
	}
	for _, cursor := range []string{"x", "-1", "99999999"} {
		b.ask("li-lei", "GET", "/chat/site/stream?after="+cursor, nil).want(400)
	}
}

func TestAVisitorListensInAFewWindowsOnly(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	b.visitor("han-mei", "site")
	srv := b.serve(t)
	var open []*listening
	for range 8 {
		l, answer := b.listen(t, srv, "li-lei", "")
		if answer.StatusCode != 200 {
			t.Fatalf("answered %d", answer.StatusCode)
		}
		open = append(open, l)
	}
	if refused := b.ask("li-lei", "GET", "/chat/site/stream", nil).problem(429, "chat.too_many_streams", ""); refused.header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	if _, answer := b.listen(t, srv, "han-mei", ""); answer.StatusCode != 200 {
		t.Errorf("another visitor: %d", answer.StatusCode)
	}
	open[0].close()
	for b.visitors.Count() > 8 { // the server notices that a window is gone
		runtime.Gosched()
	}
	if _, answer := b.listen(t, srv, "li-lei", ""); answer.StatusCode != 200 {
		t.Errorf("after a window was closed: %d", answer.StatusCode)
	}
}

func TestAStreamGivesSignsOfLifeAndEndsWithItsInbox(t *testing.T) {
	b := newChatBench(t)
	b.server.chatHeartbeat = time.Millisecond
	b.visitor("li-lei", "site")
	srv := b.serve(t)
	l, _ := b.listen(t, srv, "li-lei", "")
	for {
		if e, ok := l.next(); !ok || e.comment != "" {
			if !ok {
				t.Fatal("the stream ended")
			}
			break
		}
	}
	b.ask("admin", "PUT", "/policy/documents/inbox/site", map[string]any{"spec": map[string]any{
		"title": "官网", "channel": "api", "mode": "live", "kinds": []any{"customer"}, "members": map[string]any{"accounts": []any{"agent-a"}}, "routing": map[string]any{"strategy": "least_loaded"},
	}}, "If-Match", "*").want(200)
	for {
		if _, ok := l.next(); !ok {
			break
		}
	}
	b.ask("li-lei", "GET", "/chat/site/stream", nil).problem(404, "chat.unknown_inbox", "/inbox")
}

func TestStoppingEndsEveryStreamAndLeavesNothingBehind(t *testing.T) {
	b := newChatBench(t)
	b.visitor("li-lei", "site")
	leftBefore := goleak.IgnoreCurrent()
	srv := httptest.NewServer(b.server)
	var open []*listening
	for range 5 {
		l, _ := b.listen(t, srv, "li-lei", "")
		l.event("conversation")
		open = append(open, l)
	}
	b.visitors.Stop()
	b.visitors.Stop()
	if n := b.visitors.Count(); n != 0 {
		t.Errorf("%d still listen", n)
	}
	for _, l := range open {
		if e, ok := l.news(); ok {
			t.Errorf("after the end comes %+v", e)
		}
		l.close()
	}
	b.ask("li-lei", "GET", "/chat/site/stream", nil).problem(503, "system.stopping", "")
	srv.Close()
	srv.Client().CloseIdleConnections()
	leak.None(t, leftBefore)
}
