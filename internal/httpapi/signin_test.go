package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

const goodPassword = "correct horse battery"

// origin is that of the pages of the server that tests ask.
const origin = "http://example.com"

// browse signs an account in and returns what the browser sends from then on: headers, name and value in turn.
func (b *bench) browse(account string, more ...string) []string {
	b.t.Helper()
	if row, ok := b.ledger.Login(account); !ok || row.PasswordHash == "" {
		if err := b.identity.SetPassword(b.t.Context(), account, goodPassword, identity.Asked{By: "system", Source: "start"}); err != nil {
			b.t.Fatal(err)
		}
	}
	got := b.ask("guest", "POST", "/sign-in", map[string]any{"account": account, "password": goodPassword}, append([]string{"Origin", origin, "User-Agent", "browser/1"}, more...)...).want(201)
	return []string{"Origin", origin, "Cookie", identity.Cookie + "=" + cookie(b.t, got).Value}
}

// cookie is the one that an answer sets.
func cookie(t testing.TB, r *reply) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == identity.Cookie {
			return c
		}
	}
	t.Fatalf("no cookie is set: %v %s", r.header, r.raw)
	return nil
}

func TestSigningInGivesACookieThatOpensWhatTheAccountMay(t *testing.T) {
	b := newBench(t)
	if err := b.identity.SetPassword(t.Context(), "agent-a", goodPassword, identity.Asked{By: "system", Source: "start"}); err != nil {
		t.Fatal(err)
	}
	got := b.ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-a", "password": goodPassword}, "Origin", origin).want(201)
	session, _ := got.body["session"].(map[string]any)
	if got.text("account") != "agent-a" || session["since"] != "2026-11-23T02:00:00.000+00:00" || session["idle_ends"] != "2026-11-23T04:00:00.000+00:00" || session["ends"] != "2026-11-23T18:00:00.000+00:00" {
		t.Errorf("the answer is %s", got.raw)
	}
	c := cookie(t, got)
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.MaxAge != int(identity.DefaultLength.Seconds()) || strings.Contains(got.raw, c.Value) {
		t.Errorf("the cookie is %s", c)
	}
	browser := []string{"Cookie", "bida_session=" + c.Value, "Origin", origin}
	me := b.ask("guest", "GET", "/me", nil, browser...).want(200)
	mine, _ := me.body["session"].(map[string]any)
	if me.text("account") != "agent-a" || me.text("token") != "" || mine["id"] != session["id"] {
		t.Errorf("I am %s", me.raw)
	}
	b.ask("guest", "GET", "/policy", nil, browser...).problem(403, "permission.missing", "")
	b.ask("guest", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "available"}, browser...).want(200)
	if s := b.ledger.Agent("agent-a").Facts.Session; s.State != reception.SessionActive {
		t.Errorf("the gates see %+v", s)
	}
	out := b.ask("guest", "POST", "/sign-out", nil, browser...).want(204)
	if c := cookie(t, out); c.MaxAge != -1 || c.Value != "" {
		t.Errorf("signing out leaves %s", c)
	}
	b.ask("guest", "GET", "/me", nil, browser...).problem(401, "identity.session_over", "")
	if s := b.ledger.Agent("agent-a").Facts.Session; s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndSignOut {
		t.Errorf("the gates see %+v", s)
	}
	b.ask("agent-a", "POST", "/sign-out", nil).problem(409, "identity.not_at_a_browser", "")
}

func TestMeSaysWhoAsksAndWithWhat(t *testing.T) {
	b := newBench(t)
	me := b.ask("agent-a", "GET", "/me", nil).want(200)
	if me.body["session"] != nil || me.text("token") == "" {
		t.Errorf("with a token: %s", me.raw)
	}
	for _, v := range me.list("roles") {
		if role, _ := v.(map[string]any); role["name"] == "" {
			t.Errorf("roles are %v", me.list("roles"))
		}
	}
	inboxes := me.list("inboxes")
	if len(inboxes) == 0 {
		t.Fatalf("no inboxes: %s", me.raw)
	}
	first, _ := inboxes[len(inboxes)-1].(map[string]any)
	if first["name"] != "web" || first["title"] != "官网" || first["mode"] != "live" || fmt.Sprint(first["kinds"]) != "[customer group]" {
		t.Errorf("inboxes are %v", inboxes)
	}
	for _, v := range me.list("can_receive") {
		if cell, _ := v.(map[string]any); cell["inbox_title"] == "" {
			t.Errorf("a cell is %v", cell)
		}
	}
}

func TestSessionsAreShownAndEndedByTheirOwnerAndByWhoMay(t *testing.T) {
	b := newBench(t)
	b.online("agent-b")
	here, there := b.browse("agent-b"), b.browse("agent-b", "X-Forwarded-For", "203.0.113.9")
	sessions := func(actor string, more ...string) (list []map[string]any) {
		for _, v := range b.ask(actor, "GET", "/accounts/agent-b/sessions", nil, more...).want(200).list("sessions") {
			m, _ := v.(map[string]any)
			list = append(list, m)
		}
		return list
	}
	list := sessions("guest", here...)
	if len(list) != 3 || list[0]["how"] != "token" || list[0]["current"] != false || list[0]["remote"] != nil || list[0]["last_used"] == nil {
		t.Fatalf("sessions are %v", list)
	}
	if m := list[1]; m["how"] != "password" || m["current"] != true || m["remote"] != "192.0.2.1" || m["user_agent"] != "browser/1" || m["last_used"] == nil || m["ends"] == nil || m["token"] != nil {
		t.Errorf("the browser's own is %v", m)
	}
	if list[2]["current"] != false || list[2]["remote"] != "192.0.2.1" { // nobody is trusted to say otherwise
		t.Errorf("the other browser's is %v", list[2])
	}
	if got := sessions("agent-b"); got[0]["current"] != true || got[1]["current"] != false {
		t.Errorf("with a token: %v", got)
	}
	for _, actor := range []string{"guest", "nobody", "robot", "agent-a", "auditor"} {
		got := b.ask(actor, "GET", "/accounts/agent-b/sessions", nil)
		if got.status != 401 && got.status != 403 || strings.Contains(got.raw, "192.0.2.1") {
			t.Errorf("%s sees %s", actor, got.raw)
		}
	}
	other := fmt.Sprint(list[2]["id"])
	b.ask("guest", "DELETE", "/accounts/agent-b/sessions?id="+other, nil, here...).want(200)
	b.ask("guest", "GET", "/me", nil, there...).problem(401, "identity.session_over", "")
	b.ask("guest", "GET", "/me", nil, here...).want(200)
	b.ask("sup", "DELETE", "/accounts/agent-b/sessions", nil).want(200)
	b.ask("guest", "GET", "/me", nil, here...).problem(401, "identity.session_over", "")
	if s := b.ledger.Agent("agent-b").Facts.Session; s.Origin.By != "sup" || s.Origin.Cause != reception.SessionEndByOther {
		t.Errorf("the gates see %+v", s)
	}
	if got := sessions("sup"); len(got) != 0 {
		t.Errorf("sessions are left: %v", got)
	}
	for _, v := range b.ask("agent-b", "GET", "/accounts/agent-b/tokens", nil).want(200).list("tokens") {
		if m, _ := v.(map[string]any); !strings.HasPrefix(fmt.Sprint(m["id"]), "t") {
			t.Errorf("among the tokens is %v", m)
		}
	}
}

func TestFreezingAnAccountRefusesItsCookieAtOnce(t *testing.T) {
	b := newBench(t)
	browser := b.browse("agent-a")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "frozen"}).want(200)
	b.ask("guest", "GET", "/me", nil, browser...).problem(401, "identity.session_over", "")
	in := map[string]any{"account": "agent-a", "password": goodPassword}
	b.ask("guest", "POST", "/sign-in", in).problem(403, "account.state.frozen", "")
	in["password"] = "wrong"
	b.ask("guest", "POST", "/sign-in", in).problem(401, "identity.wrong_password", "")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "active"}).want(200)
	b.ask("guest", "GET", "/me", nil, browser...).problem(401, "identity.session_over", "")
}

func TestAPageOfAnotherSiteChangesNothingWithTheBrowsersCookie(t *testing.T) {
	b := newBench(t)
	browser := b.browse("admin")
	secret := browser[3]
	presence := map[string]any{"value": "available"}
	for _, test := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Origin", origin}, 200},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{nil, 200}, // no browser of today
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "http://example.com:8080"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site", "Origin", "http://shop.example.com"}, 403},
	} {
		for _, ask := range []struct {
			method, path string
			body         any
		}{
			{"PUT", "/accounts/admin/presence", presence}, {"POST", "/inboxes/web/messages", message("m1")}, {"DELETE", "/accounts/agent-a/sessions", nil},
			{"POST", "/attachments?name=a.txt", "text"},
		} {
			got := b.ask("guest", ask.method, ask.path, ask.body, append([]string{"Cookie", secret}, test.headers...)...)
			if test.status == 403 {
				got.problem(403, "request.cross_origin", "")
			} else if got.status >= 400 {
				t.Errorf("%s %s with %v: %d %s", ask.method, ask.path, test.headers, got.status, got.raw)
			}
		}
	}
	b.ask("guest", "GET", "/me", nil, "Cookie", secret, "Origin", "https://evil.example").want(200)
	b.ask("admin", "PUT", "/accounts/admin/presence", presence, "Origin", "https://evil.example").want(200) // no page of another site has the token
	b.ask("guest", "POST", "/sign-in", map[string]any{"account": "admin", "password": goodPassword}, "Origin", "https://evil.example").problem(403, "request.cross_origin", "")
}

func TestATokenCountsBeforeACookie(t *testing.T) {
	b := newBench(t)
	browser := b.browse("agent-a")
	if got := b.ask("admin", "GET", "/me", nil, browser...).want(200); got.text("account") != "admin" {
		t.Errorf("I am %s", got.raw)
	}
	wrong := append([]string{"Authorization", "Bearer bida_wrong"}, browser...)
	b.ask("guest", "GET", "/me", nil, wrong...).problem(401, "identity.token_unknown", "")
	proxy := append([]string{"Authorization", "Basic eDp5"}, browser...) // asked for by a proxy in front
	if got := b.ask("guest", "GET", "/me", nil, proxy...).want(200); got.text("account") != "agent-a" {
		t.Errorf("I am %s", got.raw)
	}
}

func TestAnAnswerChangesTheCookieWhenItIsTime(t *testing.T) {
	b := newBench(t)
	browser := b.browse("agent-a")
	if got := b.ask("guest", "GET", "/me", nil, browser...).want(200); got.header.Get("Set-Cookie") != "" {
		t.Error("the cookie changed at once")
	}
	b.tick(identity.DefaultRotation)
	got := b.ask("guest", "GET", "/conversations/c999", nil, browser...).want(404) // whatever it is an answer to
	fresh := cookie(t, got)
	if "bida_session="+fresh.Value == browser[3] || fresh.MaxAge != int((identity.DefaultLength-identity.DefaultRotation).Seconds()) {
		t.Errorf("the new cookie is %s", fresh)
	}
	b.ask("guest", "GET", "/me", nil, browser...).want(200)
	b.ask("guest", "GET", "/me", nil, "Cookie", "bida_session="+fresh.Value).want(200)
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil })) // so that it is recorded that the new one arrived
	b.tick(time.Hour)
	b.ask("guest", "GET", "/me", nil, browser...).problem(401, "identity.session_over", "")
}

func TestWrongPasswordsAreAnsweredAlikeAndTellWhenToTryAgain(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	guess := func(account string) *reply {
		return b.ask("guest", "POST", "/sign-in", map[string]any{"account": account, "password": "guess"}, "X-Request-Id", "r")
	}
	for range 3 {
		known, unknown := guess("agent-a").problem(401, "identity.wrong_password", ""), guess("ghost")
		if known.raw != unknown.raw {
			t.Errorf("%s for a known name, %s for another", known.raw, unknown.raw)
		}
	}
	known, unknown := guess("agent-a").problem(429, "identity.sign_in_delayed", ""), guess("ghost")
	if known.raw != unknown.raw || known.header.Get("Retry-After") != "1" {
		t.Errorf("%v %s for a known name, %s for another", known.header, known.raw, unknown.raw)
	}
	b.tick(time.Second)
	guess("agent-a").problem(401, "identity.wrong_password", "")
	if got := guess("agent-a"); got.header.Get("Retry-After") != "2" || got.number("retry_after") != 2 {
		t.Errorf("%v %s", got.header, got.raw)
	}
	b.tick(2 * time.Second)
	b.ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-a", "password": goodPassword}).want(201)
}

func TestBehindATrustedProxyAddressesAreToldApart(t *testing.T) {
	b := newBench(t)
	b.server.o.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	b.browse("agent-a")
	try := func(password, forwarded string) *reply {
		return b.ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-a", "password": password}, "X-Forwarded-For", forwarded, "X-Forwarded-Proto", "https")
	}
	for range 3 {
		try("guess", "203.0.113.9").want(401)
	}
	try(goodPassword, "198.51.100.1, 203.0.113.9").want(429) // what the client itself invents before it does not count
	if c := cookie(t, try(goodPassword, "203.0.113.10").want(201)); !c.Secure {
		t.Error("the cookie is not for TLS only")
	}
}

func TestPasswordsAreSetByTheirOwnerWithThePresentOneAndByWhoMay(t *testing.T) {
	b := newBench(t)
	browser, other := b.browse("agent-b"), b.browse("agent-b")
	const path = "/accounts/agent-b/password"
	change := map[string]any{"password": "purple monkey dishwasher"}
	for actor, code := range map[string]string{"guest": "identity.token_missing", "robot": "permission.missing", "agent-a": "permission.missing", "sup": "permission.missing", "auditor": "permission.missing"} {
		if got := b.ask(actor, "PUT", path, change); got.text("code") != code {
			t.Errorf("%s: %s", actor, got.raw)
		}
	}
	b.ask("guest", "PUT", path, change, browser...).problem(400, "identity.current_password_wrong", "/current")
	change["current"] = goodPassword
	b.ask("guest", "PUT", path, map[string]any{"password": "12345678", "current": goodPassword}, browser...).problem(400, "identity.password_too_common", "/password")
	b.ask("guest", "PUT", path, change, browser...).want(204)
	b.ask("guest", "GET", "/me", nil, browser...).want(200)
	b.ask("guest", "GET", "/me", nil, other...).problem(401, "identity.session_over", "")
	b.ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-b", "password": goodPassword}).want(401)
	b.ask("admin", "PUT", path, map[string]any{"password": goodPassword}).want(204)
	b.ask("guest", "GET", "/me", nil, browser...).problem(401, "identity.session_over", "")
	b.ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-b", "password": goodPassword}).want(201)
	b.ask("admin", "PUT", "/accounts/ghost/password", map[string]any{"password": goodPassword}).problem(404, "account.not_found", "/name")
}

func TestNothingOfABrowsersSecretLeavesTheCookie(t *testing.T) {
	b := newBench(t)
	browser := b.browse("agent-a")
	var answers strings.Builder
	ask := func(actor, method, path string, body any, more ...string) {
		got := b.ask(actor, method, path, body, more...)
		answers.WriteString(got.raw)
		for name, values := range got.header {
			if name != "Set-Cookie" {
				fmt.Fprint(&answers, name, values)
			}
		}
	}
	ask("guest", "POST", "/sign-in", map[string]any{"account": "agent-a", "password": goodPassword})
	ask("guest", "POST", "/sign-in", map[string]any{"account": "hunter2", "password": "hunter3"})
	ask("guest", "POST", "/sign-in", `{"account": "agent-a", "password": ["hunter4"], "extra": "hunter5"}`)
	ask("guest", "PUT", "/accounts/agent-a/password", map[string]any{"password": "hunter6!!", "current": "hunter7"}, browser...)
	for _, path := range []string{"/me", "/accounts/agent-a/sessions", "/accounts/agent-a/tokens", "/audit", "/metrics", "/intake/log", "/policy"} {
		ask("admin", "GET", path, nil)
		ask("guest", "GET", path, nil, browser...)
	}
	secrets := []string{strings.TrimPrefix(browser[3], "bida_session="), "horse", "hunter", "argon2"}
	for _, text := range []string{answers.String(), b.log.String()} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %.300s", secret, text[max(0, strings.Index(text, secret)-100):])
			}
		}
	}
	audit := b.ask("admin", "GET", "/audit", nil).want(200)
	var actions []string
	for _, v := range audit.list("entries") {
		m, _ := v.(map[string]any)
		actions = append(actions, fmt.Sprint(m["action"], " ", m["object"]))
	}
	for _, want := range []string{"session.begin account/agent-a", "sign_in.failed account/?"} {
		if !slices.Contains(actions, want) {
			t.Errorf("the audit log has no %s: %v", want, actions)
		}
	}
}
