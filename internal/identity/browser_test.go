package identity

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

const password = "correct horse battery"

// page is a request as the browser makes it for a page of the server, with a cookie.
func page(method, secret string) *http.Request {
	r := httptest.NewRequest(method, "http://192.0.2.10:8420/api/v1/me", nil)
	r.Header.Set("Origin", "http://192.0.2.10:8420")
	if secret != "" {
		r.AddCookie(&http.Cookie{Name: Cookie, Value: secret})
	}
	return r
}

// browse signs an account in at a browser, with a password that is set if need be.
func (b *bench) browse(account string) (id, secret string) {
	b.t.Helper()
	if row, ok := b.ledger.Login(account); !ok || row.PasswordHash == "" {
		if err := b.SetPassword(b.t.Context(), account, password, byAdmin); err != nil {
			b.t.Fatal(err)
		}
	}
	in, row, err := b.SignIn(b.t.Context(), page("POST", ""), Credentials{Account: account, Password: password, Remote: "192.0.2.1", UserAgent: "browser"})
	if err != nil {
		b.t.Fatal(err)
	}
	if in.Session != row.ID || in.Account != account || in.Secret == "" {
		b.t.Fatalf("signed in as %+v, %+v", in, row)
	}
	return in.Session, in.Secret
}

// show is what becomes of a secret that a browser shows.
func (b *bench) show(secret string) (SignedIn, error) {
	b.t.Helper()
	in, err := b.Continue(b.t.Context(), page("GET", secret))
	b.settle()
	return in, err
}

func (b *bench) session1(account string) reception.Session {
	return b.ledger.Agent(account).Facts.Session
}

func TestASignInAtABrowserIsASessionFromThenOn(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	if s := b.session1("agent-a"); s.State != reception.SessionActive || s.Origin.By != "agent-a" {
		t.Errorf("the gates see %+v", s)
	}
	account, session, err := b.AuthenticateSession(secret)
	if err != nil || account != "agent-a" || session != id {
		t.Fatalf("it is %s's %s: %v", account, session, err)
	}
	if err := b.SignOut(t.Context(), "agent-a", id, Asked{By: "agent-a", Source: "api"}); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.AuthenticateSession(secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if s := b.session1("agent-a"); s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndSignOut {
		t.Errorf("the gates see %+v", s)
	}
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndSignOut}}) {
		t.Errorf("closed %v", got)
	}
}

func TestWhatIsNoSecretIsRefused(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("agent-a")
	for _, wrong := range []string{"", "x", secret[1:], secret + "a", strings.Repeat("a", len(secret)), "bida_" + secret} {
		_, _, err := b.AuthenticateSession(wrong)
		refused(t, err, problem.Unauthenticated, "identity.session_over")
	}
}

func TestASessionAtABrowserSurvivesARestart(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	_, gone := b.browse("agent-a")
	if _, err := b.EndSessions(t.Context(), "agent-a", b.sessionOf(gone), byAdmin); err != nil {
		t.Fatal(err)
	}
	b.ledger.Stop()
	b.store = b.store.Crash()
	b.start(b.store)
	if account, session, err := b.AuthenticateSession(secret); err != nil || account != "agent-a" || session != id {
		t.Errorf("%s, %s, %v", account, session, err)
	}
	_, _, err := b.AuthenticateSession(gone)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	b.sleep(DefaultIdle)
	b.settle()
	if got := b.ended(); !slices.Equal(got[1:], []closed{{id, reception.SessionEndExpired}}) {
		t.Errorf("its end was forgotten: %v", got)
	}
}

func (b *bench) sessionOf(secret string) string {
	_, id, err := b.AuthenticateSession(secret)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func TestASessionThatIsNotUsedEnds(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	for range 5 { // used now and then it goes on
		b.sleep(DefaultIdle - time.Second)
		b.settle()
		in, err := b.show(secret)
		if err != nil {
			t.Fatal(err)
		}
		secret = in.Secret
	}
	b.sleep(DefaultIdle)
	_, _, err := b.AuthenticateSession(secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	b.settle()
	if s := b.session1("agent-a"); s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndExpired {
		t.Errorf("the gates see %+v", s)
	}
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndExpired}}) {
		t.Errorf("closed %v", got)
	}
}

func TestASessionEndsHoweverMuchItIsUsed(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("agent-a")
	for range int(DefaultLength/time.Hour) - 1 {
		b.sleep(time.Hour)
		in, err := b.show(secret)
		if err != nil {
			t.Fatal(err)
		}
		secret = in.Secret
	}
	b.sleep(time.Hour)
	_, _, err := b.AuthenticateSession(secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	b.settle()
	if s := b.session1("agent-a"); s.Origin.Cause != reception.SessionEndExpired {
		t.Errorf("the gates see %+v", s)
	}
}

func TestAnOpenConnectionIsUse(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	connection := func(open bool) {
		b.run(ledger.CommandFunc(func(tx *ledger.Tx) error {
			if open {
				tx.OpenSocket("agent-a", ledger.Socket{ID: "k1", Session: id, Client: "tab", Node: "n"}, "agent-a")
			} else {
				tx.CloseSocket("agent-a", "k1", reception.Connection{}, reception.Origin{By: "agent-a", Source: "realtime", Cause: "closed"})
			}
			return nil
		}))
	}
	connection(true)
	for range 3 {
		b.sleep(DefaultIdle + time.Minute)
		b.settle()
	}
	if _, _, err := b.AuthenticateSession(secret); err != nil {
		t.Fatal(err)
	}
	connection(false)
	b.sleep(DefaultIdle - time.Second) // counted from when it closed
	b.settle()
	if _, _, err := b.AuthenticateSession(secret); err != nil {
		t.Fatal(err)
	}
	b.sleep(time.Second)
	b.settle()
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndExpired}}) {
		t.Errorf("closed %v", got)
	}
}

func TestTheSecretChangesWithUseAndTheOneBeforeIsGoodForAMoment(t *testing.T) {
	b := newBench(t)
	id, first := b.browse("agent-a")
	b.sleep(DefaultRotation - time.Second)
	if in, err := b.show(first); err != nil || in.Secret != "" {
		t.Fatalf("changed too early: %+v, %v", in, err)
	}
	b.sleep(time.Second)
	in, err := b.show(first)
	if err != nil || in.Secret == "" || in.Secret == first || in.Session != id {
		t.Fatalf("not changed: %+v, %v", in, err)
	}
	second := in.Secret
	if in, err = b.show(first); err != nil || in.Secret != "" {
		t.Fatalf("another request under way: %+v, %v", in, err)
	}
	if in, err = b.show(second); err != nil || in.Secret != "" { // it arrived
		t.Fatalf("%+v, %v", in, err)
	}
	b.sleep(secretGrace - time.Second)
	if _, err = b.show(first); err != nil {
		t.Fatal(err)
	}
	b.sleep(time.Second)
	if _, err = b.show(second); err != nil {
		t.Fatal(err)
	}
	_, err = b.show(first)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
}

func TestASecretThatIsShownAfterItsTimeEndsTheSession(t *testing.T) {
	b := newBench(t)
	id, first := b.browse("agent-a")
	b.sleep(DefaultRotation)
	in, err := b.show(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.show(in.Secret); err != nil {
		t.Fatal(err)
	}
	b.sleep(secretGrace)
	_, err = b.show(first)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	_, err = b.show(in.Secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndByOther}}) {
		t.Errorf("closed %v", got)
	}
}

func TestANewSecretThatNeverArrivesCostsNobodyTheSession(t *testing.T) {
	b := newBench(t)
	_, first := b.browse("agent-a")
	b.sleep(DefaultRotation)
	lost, err := b.show(first)
	if err != nil || lost.Secret == "" {
		t.Fatal(lost, err)
	}
	b.sleep(time.Hour)
	in, err := b.show(first)
	if err != nil || in.Secret == "" || in.Secret == lost.Secret {
		t.Fatalf("the browser keeps the first for ever: %+v, %v", in, err)
	}
	if in, err = b.show(in.Secret); err != nil {
		t.Fatal(err)
	}
	_, err = b.show(lost.Secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
}

func TestOfManyRequestsAtOnceOneChangesTheSecretAndAllGoOn(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("agent-a")
	b.sleep(DefaultRotation)
	var mu sync.Mutex
	var fresh []string
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			in, err := b.Continue(b.t.Context(), page("GET", secret))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if in.Secret != "" {
				fresh = append(fresh, in.Secret)
			}
		})
	}
	group.Wait()
	if len(fresh) != 1 {
		t.Fatalf("%d new secrets", len(fresh))
	}
	if _, err := b.show(fresh[0]); err != nil {
		t.Error(err)
	}
}

func TestFreezingAnAccountEndsItsSessionsAtBrowsersInTheSameCommit(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	b.apply("agent-a", `{"agent": true, "state": "frozen"}`)
	_, _, err := b.AuthenticateSession(secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndDisabled}}) {
		t.Errorf("closed %v", got)
	}
	_, _, err = b.SignIn(t.Context(), page("POST", ""), Credentials{Account: "agent-a", Password: password, Remote: "192.0.2.1"})
	refused(t, err, problem.Forbidden, "account.state.frozen")
	_, _, err = b.SignIn(t.Context(), page("POST", ""), Credentials{Account: "agent-a", Password: "wrong horse battery", Remote: "192.0.2.1"})
	refused(t, err, problem.Unauthenticated, "identity.wrong_password") // its state is nobody's business
}

func TestAnAccountWhoseTimeIsOverIsRefusedThoughItsSessionHolds(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("leaver")
	b.sleep(time.Hour)
	_, _, err := b.AuthenticateSession(secret)
	refused(t, err, problem.Forbidden, "account.state.expired")
}

func TestSigningInAgainAtTheSameBrowserEndsTheSessionBefore(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	if err := b.SetPassword(t.Context(), "admin", password, byAdmin); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.SignIn(t.Context(), page("POST", secret), Credentials{Account: " Admin ", Password: password, Remote: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.AuthenticateSession(secret)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if got := b.ended(); !slices.Equal(got, []closed{{id, reception.SessionEndSignOut}}) {
		t.Errorf("closed %v", got)
	}
}

func TestAnAccountHasABoundedNumberOfSessionsAndTokensAreCountedApart(t *testing.T) {
	b := newBench(t)
	_, first := b.browse("agent-a")
	for range maxBrowsers - 1 {
		b.sleep(time.Second)
		b.browse("agent-a")
	}
	if n := len(b.ledger.Agent("agent-a").Sessions); n != maxBrowsers {
		t.Fatalf("%d sessions", n)
	}
	b.sleep(time.Second)
	_, newest := b.browse("agent-a")
	_, _, err := b.AuthenticateSession(first)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if _, _, err := b.AuthenticateSession(newest); err != nil {
		t.Error(err)
	}
	for range maxTokens {
		b.token("agent-a", time.Time{})
	}
	if tokens, err := b.store.TokensOf(t.Context(), "agent-a"); err != nil || len(tokens) != maxTokens {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestASetPasswordEndsAllOtherSessionsAtBrowsers(t *testing.T) {
	b := newBench(t)
	mine, secret := b.browse("agent-a")
	_, other := b.browse("agent-a")
	_, stranger := b.browse("admin")
	change := PasswordChange{Account: "agent-a", Password: "purple monkey dishwasher", Current: "wrong horse battery", Session: mine, Remote: "192.0.2.1", Asked: Asked{By: "agent-a", Source: "api"}}
	refused(t, b.ChangePassword(t.Context(), change), problem.Invalid, "identity.current_password_wrong")
	change.Current = ""
	refused(t, b.ChangePassword(t.Context(), change), problem.Invalid, "identity.current_password_wrong")
	change.Current = password
	if err := b.ChangePassword(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if in, err := b.show(secret); err != nil || in.Secret == "" {
		t.Errorf("the session goes on with another secret: %+v, %v", in, err)
	}
	_, _, err := b.AuthenticateSession(other)
	refused(t, err, problem.Unauthenticated, "identity.session_over")
	if _, _, err := b.AuthenticateSession(stranger); err != nil {
		t.Error(err)
	}
	if err := b.ChangePassword(t.Context(), PasswordChange{Account: "agent-a", Password: "purple donkey dishwasher", Asked: byAdmin}); err != nil {
		t.Errorf("somebody else's needs no present one: %v", err)
	}
	if s := b.session1("agent-a"); s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndByOther || s.Origin.By != "admin" {
		t.Errorf("the gates see %+v", s)
	}
}

func TestThePresentPasswordCannotBeGuessedEither(t *testing.T) {
	b := newBench(t)
	id, _ := b.browse("agent-a")
	change := PasswordChange{Account: "agent-a", Password: "purple monkey dishwasher", Current: "wrong horse battery", Session: id, Remote: "192.0.2.1", Asked: Asked{By: "agent-a", Source: "api"}}
	for range freeAttempts {
		refused(t, b.ChangePassword(t.Context(), change), problem.Invalid, "identity.current_password_wrong")
	}
	change.Current = password
	refused(t, b.ChangePassword(t.Context(), change), problem.Limited, "identity.sign_in_delayed")
}

func TestOnlyPagesOfThisServerCount(t *testing.T) {
	for _, test := range []struct {
		url, proto    string
		site, origin  string
		same          bool
		what, because string
	}{
		{url: "https://bida.example/x", site: "same-origin", origin: "https://bida.example", same: true},
		{url: "https://bida.example/x", site: "none", same: true},
		{url: "https://bida.example/x", site: "same-origin", origin: "https://outside.example", same: true, because: "the proxy changed Host, the browser knows better"},
		{url: "https://bida.example/x", site: "same-site", origin: "https://shop.bida.example"},
		{url: "https://bida.example/x", site: "cross-site", origin: "https://evil.example"},
		{url: "https://bida.example/x", site: "cross-site", origin: "https://bida.example"},
		{url: "https://bida.example/x", site: "something-new", origin: "https://bida.example"},
		{url: "https://bida.example/x", origin: "https://bida.example", same: true},
		{url: "https://bida.example:443/x", origin: "https://bida.example", same: true},
		{url: "https://bida.example:443/x", origin: "https://BIDA.example", same: true},
		{url: "https://bida.example/x", origin: "http://bida.example", because: "plain HTTP is whoever sits on the line"},
		{url: "http://bida.example/x", proto: "https", origin: "http://bida.example"},
		{url: "http://bida.example/x", proto: "https", origin: "https://bida.example", same: true},
		{url: "http://bida.example/x", origin: "https://bida.example", same: true, because: "a proxy that does not say that it speaks TLS"},
		{url: "http://192.0.2.10:8420/x", origin: "http://192.0.2.10:8420", same: true},
		{url: "http://192.0.2.10:8420/x", origin: "http://192.0.2.10:9000"},
		{url: "http://192.0.2.10:8420/x", origin: "http://192.0.2.10"},
		{url: "http://192.0.2.10:80/x", origin: "http://192.0.2.10", same: true},
		{url: "http://192.0.2.10:8420/x", origin: "http://192.0.2.11:8420"},
		{url: "http://[2001:db8::1]:8420/x", origin: "http://[2001:db8::1]:8420", same: true},
		{url: "http://[2001:db8::1]/x", origin: "http://[2001:db8::1]", same: true},
		{url: "http://[2001:db8::1]/x", origin: "http://[2001:db8::2]"},
		{url: "http://localhost:8420/x", site: "same-origin", origin: "http://localhost:8420", same: true},
		{url: "http://localhost:8420/x", origin: "http://localhost:8420", same: true},
		{url: "http://localhost:8420/x", origin: "http://127.0.0.1:8420"},
		{url: "http://localhost:8420/x", site: "same-site", origin: "http://localhost:5173"},
		{url: "http://localhost:8420/x", origin: "http://localhost:5173"},
		{url: "http://localhost:8420/x", origin: "null"},
		{url: "http://localhost:8420/x", origin: "file://"},
		{url: "http://localhost:8420/x", origin: "http://"},
		{url: "http://localhost:8420/x", origin: "::"},
		{url: "http://localhost:8420/x", origin: "chrome-extension://localhost:8420"},
		{url: "http://localhost:8420/x", same: true, because: "no browser"},
	} {
		r := httptest.NewRequest("POST", test.url, nil)
		if !strings.HasPrefix(test.url, "https:") {
			r.TLS = nil
		} else {
			r.TLS = &tls.ConnectionState{}
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": test.site, "Origin": test.origin, "X-Forwarded-Proto": test.proto} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := SameOrigin(r); got != test.same {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestACookieDoesNotCountForAPageOfAnotherSite(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("agent-a")
	evil := func(method string) *http.Request {
		r := page(method, secret)
		r.Header.Set("Origin", "https://evil.example")
		return r
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		_, err := b.Continue(t.Context(), evil(method))
		refused(t, err, problem.Forbidden, "request.cross_origin")
	}
	if _, err := b.Continue(t.Context(), evil("GET")); err != nil { // it changes nothing, and the page cannot read the answer
		t.Error(err)
	}
	_, _, err := b.AuthenticateRequest(evil("GET")) // an upgrade
	refused(t, err, problem.Forbidden, "request.cross_origin")
	if account, _, err := b.AuthenticateRequest(page("GET", secret)); err != nil || account != "agent-a" {
		t.Errorf("%s, %v", account, err)
	}
	if account, _, err := b.AuthenticateRequest(httptest.NewRequest("GET", "/", nil)); err != nil || account != "" {
		t.Errorf("without a cookie: %s, %v", account, err)
	}
	_, _, err = b.SignIn(t.Context(), evil("POST"), Credentials{Account: "agent-a", Password: password, Remote: "192.0.2.1"})
	refused(t, err, problem.Forbidden, "request.cross_origin")
}

func TestTheCookieIsForTheBrowserOnlyAndSecureOverTLS(t *testing.T) {
	in := SignedIn{Secret: "secret", Left: time.Hour}
	plain, tlsRequest, proxied := httptest.NewRequest("POST", "/", nil), httptest.NewRequest("POST", "https://x/", nil), httptest.NewRequest("POST", "/", nil)
	proxied.Header.Set("X-Forwarded-Proto", "https")
	for i, r := range []*http.Request{plain, tlsRequest, proxied} {
		want := "bida_session=secret; Path=/; Max-Age=3600; HttpOnly;" + []string{"", " Secure;", " Secure;"}[i] + " SameSite=Lax"
		if got := SetCookie(r, in).String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := ClearCookie(r).String(); !strings.Contains(got, "Max-Age=0") || !strings.HasPrefix(got, "bida_session=;") {
			t.Error(got)
		}
	}
}

func TestTheUseOfASessionIsRecordedAtMostOnceAMinute(t *testing.T) {
	b := newBench(t)
	id, secret := b.browse("agent-a")
	first := b.clock()
	used := func() time.Time {
		b.settle()
		row, ok := b.ledger.BrowserSession(id)
		if !ok {
			t.Fatal("the session is gone")
		}
		return row.LastUsed
	}
	for range 59 {
		if _, err := b.show(secret); err != nil {
			t.Fatal(err)
		}
		if at := used(); !at.Equal(first) {
			t.Fatalf("used at %v, want %v", at, first)
		}
		b.sleep(time.Second)
	}
	b.sleep(time.Second)
	if _, err := b.show(secret); err != nil {
		t.Fatal(err)
	}
	if at := used(); !at.Equal(b.clock()) {
		t.Errorf("used at %v, want %v", at, b.clock())
	}
}

func TestWhatABrowserSaysOfItselfIsCut(t *testing.T) {
	for said, want := range map[string]string{"": "", "Mozilla/5.0": "Mozilla/5.0", "a\nb\x00c": "abc", "\xff好": "好", strings.Repeat("长", 200): strings.Repeat("长", 100)} {
		if got := agent(said); got != want {
			t.Errorf("%q became %q", said, got)
		}
	}
}

// apply writes an account's document.
func (b *bench) apply(account, spec string) {
	b.t.Helper()
	b.run(ledger.CommandFunc(func(tx *ledger.Tx) error {
		return b.o.Apply(edits(account, spec), "admin", "api", "", "").Apply(tx)
	}))
}

func TestNothingOfASecretIsKept(t *testing.T) {
	b := newBench(t)
	_, secret := b.browse("agent-a")
	rows, err := b.store.Audit(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	state, err := b.store.Load(t.Context())
	if err != nil || len(state.BrowserSessions) != 1 {
		t.Fatalf("%+v, %v", state, err)
	}
	for _, kept := range []string{fmt.Sprint(rows), fmt.Sprintf("%+v", state)} {
		for _, word := range []string{secret, "horse"} {
			if strings.Contains(kept, word) {
				t.Errorf("%q is kept", word)
			}
		}
	}
	if hash, _ := hashSecret(secret); state.BrowserSessions[0].Hash != hash {
		t.Error("the hash of the secret is not what is kept")
	}
}
