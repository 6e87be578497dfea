package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
)

type placeSeen struct {
	Inbox string
	Kinds []string
}

type boardRowSeen struct {
	Agent, Title, Alias, Verdict string
	Inboxes, Can                 []placeSeen
	Idle                         []string
	Checks                       []struct {
		Column, Gate, Outcome, Code, Until string
		Expected                           bool
		Scope                              []placeSeen
	}
	Presence          struct{ Value, Reason, Until, Since, By string }
	Connections       []struct{ ID, About, Since string }
	Load, Live, Limit int
	Received          string
}

type boardSeen struct {
	Position, Revision int64
	Counts             struct {
		Can, Of int
		Kinds   []BoardKindBody
	}
	Columns []string
	Inboxes []struct {
		Name, Title, Mode string
		Kinds             []string
	}
	Reset bool
	Rows  []boardRowSeen
	Gone  []string
}

func (s *boardSeen) row(t testing.TB, agent string) boardRowSeen {
	t.Helper()
	i := slices.IndexFunc(s.Rows, func(r boardRowSeen) bool { return r.Agent == agent })
	if i < 0 {
		t.Fatalf("%s is not on the board", agent)
	}
	return s.Rows[i]
}

func TestTheBoardShowsEveryAgentAgainstEveryCheck(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.write("agent-b", `{"title":"乙","agent":true,"roles":["agent"],"capacity":{"total":3},"deny":[{"permission":"receive.group"}]}`)
	b.online("agent-b")
	b.do(&governance.SetPresence{Account: "agent-b", Value: "away", Reason: "午饭", By: "agent-b", Source: "api"})
	b.ask("robot", "POST", "/inboxes/web/messages", message("m1")).want(201)
	b.receive("agent-a")
	seen := into[boardSeen](t, b.ask("sup", "GET", "/board", nil))
	if len(seen.Columns) != 8 || seen.Counts.Can != 1 || seen.Counts.Of != 3 || !slices.Equal(seen.Counts.Kinds, []BoardKindBody{{"customer", 1, 2}, {"group", 1, 2}}) || seen.Position != b.ledger.Position() {
		t.Errorf("%+v", seen)
	}
	first := seen.row(t, "agent-a")
	if first.Verdict != "receiving" || len(first.Checks) != 0 || first.Load != 1 || first.Limit != 0 || first.Received == "" || len(first.Connections) != 1 ||
		len(first.Can) != 1 || first.Can[0].Inbox != "web" || first.Can[0].Kinds != nil || first.Alias != "小甲" {
		t.Errorf("%+v", first)
	}
	second := seen.row(t, "agent-b")
	if second.Verdict != "blocked" || len(second.Checks) != 2 || second.Limit != 3 || second.Received != "" || len(second.Can) != 0 || second.Presence.Reason != "午饭" {
		t.Fatalf("%+v", second)
	}
	denied, away := second.Checks[0], second.Checks[1]
	if denied.Column != "permission" || denied.Code != "permission.kind.account_denied" || denied.Expected || len(denied.Scope) != 1 || denied.Scope[0].Inbox != "web" || !slices.Equal(denied.Scope[0].Kinds, []string{"group"}) {
		t.Errorf("%+v", denied)
	}
	if away.Column != "presence" || away.Code != "presence.away" || !away.Expected || away.Scope != nil {
		t.Errorf("%+v", away)
	}
	if alone := seen.row(t, "sup"); alone.Verdict == "receiving" || alone.Checks[1].Code != "membership.inbox.not_member" {
		t.Errorf("who belongs to no inbox is %+v", alone)
	}
}

func TestTheConversationsOfOneAgentAreListedForWhoMaySeeThem(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.ask("robot", "POST", "/inboxes/web/messages", message("m1")).want(201)
	b.ask("robot", "POST", "/inboxes/vip/messages", message("m2")).want(201)
	for path, want := range map[string]int{"/conversations?owner=agent-a": 1, "/conversations?owner=agent-b": 0, "/conversations": 2} {
		list := b.ask("sup", "GET", path, nil).want(200)
		if got := list.list("conversations"); len(got) != want || list.body["counts"].(map[string]any)["open"] != 2.0 {
			t.Errorf("%s: %s", path, list.raw)
		}
	}
	if others := b.ask("agent-b", "GET", "/conversations?owner=agent-a", nil).want(200).list("conversations"); len(others) != 0 {
		t.Errorf("agent-b sees %v", others)
	}
}

// window is a browser's window with the board.
type window struct {
	listening
	t     *testing.T
	rows  map[string]boardRowSeen
	board boardSeen
	id    string
}

func (b *bench) window(t *testing.T, srv *httptest.Server, actor, lastID string) (*window, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+Prefix+"/board/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.tokens[actor])
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	x := &window{listening: listening{t: t, body: bufio.NewReader(answer.Body), close: func() { cancel(); answer.Body.Close() }}, t: t, rows: map[string]boardRowSeen{}}
	t.Cleanup(x.close)
	return x, answer
}

// read takes the next event of the board in.
func (x *window) read() boardSeen {
	x.t.Helper()
	e := x.event("board")
	raw, err := json.Marshal(e.data)
	if err != nil {
		x.t.Fatal(err)
	}
	var told boardSeen
	if err := json.Unmarshal(raw, &told); err != nil {
		x.t.Fatal(err)
	}
	x.id = e.id
	if told.Reset {
		clear(x.rows)
	}
	for _, r := range told.Rows {
		x.rows[r.Agent] = r
	}
	for _, name := range told.Gone {
		delete(x.rows, name)
	}
	x.board = told
	return told
}

// until reads until something is so: how many commits one event tells of depends on when they fall.
func (x *window) until(so func() bool) {
	x.t.Helper()
	for !so() {
		if told := x.read(); told.Reset {
			x.t.Fatal("everything is told again")
		}
	}
}

func TestTheBoardIsToldAsItChanges(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	srv := b.serve(t)
	x, answer := b.window(t, srv, "sup", "")
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	if told := x.read(); !told.Reset || len(told.Rows) != 3 || x.rows["agent-a"].Verdict != "receiving" || len(told.Inboxes) != 2 {
		t.Fatalf("first: %+v", told)
	}
	b.do(&governance.SetPresence{Account: "agent-a", Value: "away", By: "agent-a", Source: "api"})
	x.until(func() bool { return x.rows["agent-a"].Verdict != "receiving" })
	if len(x.board.Rows) != 1 || x.board.Position != b.ledger.Position() || x.board.Counts.Can != 0 {
		t.Errorf("a change of one agent: %+v", x.board)
	}
	known := x.id
	x.close()

	b.ask("admin", "PUT", "/policy/documents/switch/inbox.web", `{"spec":{"state":"off","reason":"停用"}}`, "If-Match", `"0"`).want(200)
	b.ask("admin", "DELETE", "/policy/documents/account/nobody", nil, "If-Match", "*").want(200)
	b.online("agent-b")
	y, _ := b.window(t, srv, "sup", known)
	y.rows = x.rows
	if told := y.read(); told.Reset || len(told.Gone) != 0 {
		t.Errorf("who comes back is told %+v", told)
	}
	whole := into[boardSeen](t, b.ask("sup", "GET", "/board", nil))
	for _, r := range whole.Rows {
		if raw, _ := json.Marshal(r); string(raw) != string(must(json.Marshal(y.rows[r.Agent]))) {
			t.Errorf("%s: told %+v, read %+v", r.Agent, y.rows[r.Agent], r)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(y.rows)), []string{"agent-a", "agent-b", "sup"}) {
		t.Errorf("%v", y.rows)
	}
	b.ask("admin", "PUT", "/policy/documents/account/agent-b", `{"spec":{"title":"乙","agent":true,"roles":["agent"],"state":"left"}}`, "If-Match", "*").want(200)
	y.until(func() bool { _, there := y.rows["agent-b"]; return !there })

	for _, stranger := range []string{known[:len(known)-2] + "x.1", "1", "another.7", known + "9999"} {
		z, _ := b.window(t, srv, "sup", stranger)
		if told := z.read(); !told.Reset {
			t.Errorf("who knows version %q is told %+v", stranger, told)
		}
		z.close()
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

func TestTheBoardEndsWithTheRightToSeeIt(t *testing.T) {
	b := newBench(t)
	srv := b.serve(t)
	for _, c := range []struct {
		what   string
		end    func()
		status float64
		code   string
	}{
		{"the permission", func() { b.write("auditor", `{"title":"审计员"}`) }, 403, "permission.missing"},
		{"the token", func() {
			if _, err := b.identity.RevokeTokens(t.Context(), "auditor", "", identity.Asked{By: "admin", Source: "api"}); err != nil {
				t.Fatal(err)
			}
		}, 401, "identity.token_revoked"},
	} {
		b.write("auditor", `{"title":"审计员","roles":["audit"]}`)
		x, _ := b.window(t, srv, "auditor", "")
		x.read()
		c.end()
		e := x.event("end")
		if e.data["status"] != c.status || e.data["code"] != c.code {
			t.Errorf("without %s: %v", c.what, e.data)
		}
		if more, ok := x.next(); ok {
			t.Errorf("without %s the stream goes on: %v", c.what, more)
		}
	}
}

func TestAWindowWithTheBoardHearsThatItLives(t *testing.T) {
	b := newBench(t)
	b.server.boardHeartbeat = time.Millisecond
	srv := b.serve(t)
	x, _ := b.window(t, srv, "sup", "")
	x.read()
	if e := x.event("pulse"); e.data["position"] != float64(b.ledger.Position()) || e.data["at"] == "" {
		t.Errorf("%v", e.data)
	}
	var more []*window
	for range 20 {
		w, _ := b.window(t, srv, "sup", "")
		more = append(more, w)
	}
	if _, answer := b.window(t, srv, "sup", ""); answer.StatusCode != 429 {
		t.Errorf("the window after the last: %d", answer.StatusCode)
	}
	for _, w := range more {
		w.close()
	}
	b.boards.Stop()
	if _, answer := b.window(t, srv, "sup", ""); answer.StatusCode != 503 {
		t.Errorf("a window while the server stops: %d", answer.StatusCode)
	}
}
