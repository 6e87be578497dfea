package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func TestATokenSaysWhoseItIsUntilItIsRevoked(t *testing.T) {
	b := newBench(t)
	id, token := b.token("agent-a", time.Time{})
	if !strings.HasPrefix(token, "bida_") || len(token) != 48 {
		t.Errorf("the token is %q", token)
	}
	account, got, err := b.Authenticate(token)
	if err != nil || account != "agent-a" || got != id {
		t.Fatalf("it is %s's %s: %v", account, got, err)
	}
	revoked, err := b.RevokeTokens(t.Context(), "agent-a", id, byAdmin)
	if err != nil || !slices.Equal(revoked, []string{id}) {
		t.Fatalf("revoked %v: %v", revoked, err)
	}
	_, _, err = b.Authenticate(token)
	refused(t, err, problem.Unauthenticated, "identity.token_revoked")
	if _, err = b.RevokeTokens(t.Context(), "agent-a", id, byAdmin); err == nil {
		t.Error("a revoked token was revoked again")
	}
	refused(t, err, problem.NotFound, "identity.token_not_found")
}

func TestATokenIsKnownAgainAfterARestartAndARevokedOneIsNot(t *testing.T) {
	b := newBench(t)
	_, kept := b.token("agent-a", time.Time{})
	id, lost := b.token("agent-a", time.Time{})
	if _, err := b.RevokeTokens(t.Context(), "agent-a", id, byAdmin); err != nil {
		t.Fatal(err)
	}
	b.ledger.Stop()
	b.store = b.store.Crash()
	b.start(b.store)
	if account, _, err := b.Authenticate(kept); err != nil || account != "agent-a" {
		t.Errorf("%s, %v", account, err)
	}
	_, _, err := b.Authenticate(lost)
	refused(t, err, problem.Unauthenticated, "identity.token_unknown")
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	b := newBench(t)
	_, token := b.token("agent-a", time.Time{})
	_, _, err := b.Authenticate("")
	refused(t, err, problem.Unauthenticated, "identity.token_missing")
	for _, wrong := range []string{"x", "bida_", token[:47], token + "a", strings.ToUpper(token), "bida_" + strings.Repeat("a", 43), token[5:]} {
		_, _, err := b.Authenticate(wrong)
		refused(t, err, problem.Unauthenticated, "identity.token_unknown")
	}
}

func TestATokenThatHasRunOutIsRefusedAndEndsItsSessions(t *testing.T) {
	b := newBench(t)
	id, token := b.token("agent-a", b.clock().Add(time.Hour))
	b.session("agent-a", id, "s1")
	b.sleep(time.Hour - time.Second)
	if _, _, err := b.Authenticate(token); err != nil {
		t.Fatal(err)
	}
	b.sleep(time.Second)
	_, _, err := b.Authenticate(token)
	refused(t, err, problem.Unauthenticated, "identity.token_expired")
	b.settle()
	if got := b.ended(); !slices.Equal(got, []closed{{"s1", reception.SessionEndExpired}}) {
		t.Errorf("closed %v", got)
	}
	if s := b.ledger.Agent("agent-a").Facts.Session; s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndExpired {
		t.Errorf("the session is %+v", s)
	}
}

func TestTheEndOfATokenIsKeptOverARestart(t *testing.T) {
	b := newBench(t)
	id, _ := b.token("agent-a", b.clock().Add(time.Hour))
	b.session("agent-a", id, "s1")
	b.ledger.Stop()
	b.store = b.store.Crash()
	b.start(b.store)
	b.sleep(time.Hour)
	b.settle()
	if got := b.ended(); len(got) != 1 {
		t.Errorf("closed %v", got)
	}
}

func TestAnAccountThatMayNotSignInIsRefusedWithTheReason(t *testing.T) {
	b := newBench(t)
	_, frozen := b.token("frozen", time.Time{})
	_, leaver := b.token("leaver", time.Time{})
	_, _, err := b.Authenticate(frozen)
	refused(t, err, problem.Forbidden, "account.state.frozen")
	if _, _, err := b.Authenticate(leaver); err != nil {
		t.Error(err)
	}
	b.sleep(2 * time.Hour) // the freeze ends by itself, and the other account has run out
	if _, _, err := b.Authenticate(frozen); err != nil {
		t.Error(err)
	}
	_, _, err = b.Authenticate(leaver)
	refused(t, err, problem.Forbidden, "account.state.expired")
}

func TestRevokingATokenEndsOnlyTheSessionsThatRestOnIt(t *testing.T) {
	b := newBench(t)
	one, _ := b.token("agent-a", time.Time{})
	two, _ := b.token("agent-a", time.Time{})
	b.session("agent-a", one, "s1")
	b.session("agent-a", two, "s2")
	if _, err := b.RevokeTokens(t.Context(), "agent-a", one, byAdmin); err != nil {
		t.Fatal(err)
	}
	if got := b.ended(); !slices.Equal(got, []closed{{"s1", reception.SessionEndRevoked}}) {
		t.Errorf("closed %v", got)
	}
	if s := b.ledger.Agent("agent-a").Facts.Session; s.State != reception.SessionActive {
		t.Errorf("the session is %+v", s)
	}
	revoked, err := b.RevokeTokens(t.Context(), "agent-a", "", byAdmin)
	if err != nil || !slices.Equal(revoked, []string{two}) {
		t.Errorf("revoked %v: %v", revoked, err)
	}
	s := b.ledger.Agent("agent-a").Facts.Session
	if s.State != reception.SessionEnded || s.Origin.Cause != reception.SessionEndRevoked || s.Origin.By != "admin" {
		t.Errorf("the session is %+v", s)
	}
}

func TestEndingSessionsTellsWhoEndedThem(t *testing.T) {
	b := newBench(t)
	id, _ := b.token("agent-a", time.Time{})
	b.session("agent-a", id, "s1")
	b.session("agent-a", id, "s2")
	_, err := b.EndSessions(t.Context(), "agent-a", "s9", byAdmin)
	refused(t, err, problem.NotFound, "identity.session_not_found")
	if ended, err := b.EndSessions(t.Context(), "agent-a", "s1", byAdmin); err != nil || !slices.Equal(ended, []string{"s1"}) {
		t.Errorf("ended %v: %v", ended, err)
	}
	if ended, err := b.EndSessions(t.Context(), "agent-a", "", Asked{By: "agent-a", Source: "api"}); err != nil || !slices.Equal(ended, []string{"s2"}) {
		t.Errorf("ended %v: %v", ended, err)
	}
	if got := b.ended(); !slices.Equal(got, []closed{{"s1", reception.SessionEndByOther}, {"s2", reception.SessionEndSignOut}}) {
		t.Errorf("closed %v", got)
	}
	if s := b.ledger.Agent("agent-a").Facts.Session; s.Origin.Cause != reception.SessionEndSignOut {
		t.Errorf("who ends one's own session signs out: %+v", s)
	}
	if ended, err := b.EndSessions(t.Context(), "agent-a", "", byAdmin); err != nil || len(ended) != 0 {
		t.Errorf("with no session left, ended %v: %v", ended, err)
	}
}

func TestTheUseOfATokenIsRecordedAtMostOnceAMinute(t *testing.T) {
	b := newBench(t)
	id, token := b.token("agent-a", time.Time{})
	used := func() time.Time {
		b.settle()
		rows, err := b.store.TokensOf(t.Context(), "agent-a")
		if err != nil || len(rows) != 1 || rows[0].ID != id {
			t.Fatalf("%v, %v", rows, err)
		}
		return rows[0].LastUsed
	}
	if at := used(); !at.IsZero() {
		t.Errorf("used at %v before it was", at)
	}
	first := b.clock()
	for range 59 {
		if _, _, err := b.Authenticate(token); err != nil {
			t.Fatal(err)
		}
		if at := used(); !at.Equal(first) {
			t.Fatalf("used at %v, want %v", at, first)
		}
		b.sleep(time.Second)
	}
	b.sleep(time.Second)
	if _, _, err := b.Authenticate(token); err != nil {
		t.Fatal(err)
	}
	if at := used(); !at.Equal(b.clock()) {
		t.Errorf("used at %v, want %v", at, b.clock())
	}
}

func TestATokenThatMakesNoSenseIsNotMade(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct {
		account, label string
		expires        time.Time
		kind           problem.Kind
		code           string
	}{
		{"ghost", "", time.Time{}, problem.NotFound, "identity.unknown_account"},
		{"agent-a", strings.Repeat("长", 101), time.Time{}, problem.Invalid, "identity.invalid_label"},
		{"agent-a", "two\nlines", time.Time{}, problem.Invalid, "identity.invalid_label"},
		{"agent-a", "\xff", time.Time{}, problem.Invalid, "identity.invalid_label"},
		{"agent-a", "", b.clock(), problem.Invalid, "identity.invalid_expiry"},
	} {
		_, token, err := b.CreateToken(t.Context(), test.account, test.label, test.expires, byAdmin)
		refused(t, err, test.kind, test.code)
		if token != "" {
			t.Errorf("%+v: a token was returned", test)
		}
	}
	for range maxTokens {
		b.token("agent-a", time.Time{})
	}
	_, _, err := b.CreateToken(t.Context(), "agent-a", "", time.Time{}, byAdmin)
	refused(t, err, problem.Conflict, "identity.too_many_tokens")
}

func TestEveryChangeIsInTheAuditLogAndNothingSecretIs(t *testing.T) {
	b := newBench(t)
	id, token := b.token("agent-a", time.Time{})
	b.session("agent-a", id, "s1")
	if err := b.SetPassword(t.Context(), "agent-a", "correct horse battery", byAdmin); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateAccount(t.Context(), NewAccount{Name: "second", Roles: []string{"admin"}, Password: "purple monkey dishwasher"}, byAdmin); err != nil {
		t.Fatal(err)
	}
	if _, err := b.EndSessions(t.Context(), "agent-a", "", byAdmin); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RevokeTokens(t.Context(), "agent-a", "", byAdmin); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"policy.apply revision/1 by system",
		"token.create account/agent-a by admin", "password.set account/agent-a by admin",
		"policy.apply revision/2 by admin", "account.create account/second by admin", "password.set account/second by admin",
		"session.end account/agent-a by admin", "token.revoke account/agent-a by admin",
	}
	if got := b.actions(); !slices.Equal(got, want) {
		t.Errorf("the audit log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	rows, err := b.store.Audit(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	hash, _ := hashOf(token)
	for _, secret := range []string{token, "horse", "dishwasher", "argon2", fmt.Sprintf("%x", hash)} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the audit log has %q", secret)
		}
	}
	tokens, err := b.store.TokensOf(t.Context(), "agent-a")
	if err != nil || len(tokens) != 1 || tokens[0].Hash != hash || strings.Contains(fmt.Sprint(tokens), token) {
		t.Errorf("kept of the token: %v, %v", tokens, err)
	}
}

func TestATokenOfADeletedAccountIsOfNoUse(t *testing.T) {
	b := newBench(t)
	_, token := b.token("agent-a", time.Time{})
	b.run(ledger.CommandFunc(func(tx *ledger.Tx) error {
		return b.o.Apply([]policy.Edit{{Kind: "account", Name: "agent-a"}}, "admin", "api", "", "").Apply(tx)
	}))
	_, _, err := b.Authenticate(token)
	refused(t, err, problem.Forbidden, "account.state.missing")
}
