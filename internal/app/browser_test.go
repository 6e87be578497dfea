package app

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestARealtimeConnectionJoinsTheBrowsersSessionAndIsClosedWhenTheAccountIsFrozen(t *testing.T) {
	a := serve(t, demoConfig(t))
	settled(t, a)
	origin := "http://" + a.Addr().String()
	ask := func(cookie, method, path, body string, want int) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, origin+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		r.Header.Set("Cookie", cookie)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		if res.StatusCode != want {
			raw, _ := io.ReadAll(res.Body)
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
		}
		return res
	}
	signIn := func(account string) string {
		res := ask("", "POST", "/sign-in", `{"account": "`+account+`", "password": "`+a.Demo().Password+`"}`, http.StatusCreated)
		return "bida_session=" + res.Cookies()[0].Value
	}
	agent, admin := signIn("agent-a"), signIn("admin")
	events := bufio.NewScanner(ask(agent, "GET", "/realtime/stream", "", http.StatusOK).Body)
	next := func(want string) string {
		t.Helper()
		for events.Scan() {
			if data, ok := strings.CutPrefix(events.Text(), "data: "); ok && strings.Contains(data, want) {
				return data
			}
		}
		t.Fatalf("the stream ended without %s: %v", want, events.Err())
		return ""
	}
	var opened struct{ Stream string }
	if err := json.Unmarshal([]byte(next("stream")), &opened); err != nil {
		t.Fatal(err)
	}
	ask(agent, "POST", "/realtime/stream/"+opened.Stream, `{"type":"hello","protocol":1,"client":{"id":"tab-1","name":"test","version":"1"}}`, http.StatusAccepted)
	next(`"welcome"`)
	state := a.base.ledger.Agent("agent-a")
	if len(state.Sessions) != 1 || len(state.Sockets) != 1 || state.Sockets[0].Session != state.Sessions[0].ID {
		t.Errorf("sessions %+v, connections %+v", state.Sessions, state.Sockets)
	}
	// The answer comes after the commit that closes the connection. Without it this would wait for ever: the stream would live on.
	ask(admin, "PUT", "/accounts/agent-a/state", `{"state": "frozen", "reason": "lost laptop"}`, http.StatusOK)
	if closed := next(`"code"`); !strings.Contains(closed, "4409") {
		t.Errorf("closed with %s", closed)
	}
	ask(agent, "GET", "/me", "", http.StatusUnauthorized)
}
