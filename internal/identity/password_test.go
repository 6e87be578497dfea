package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

func encode64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func TestAPasswordIsCheckedBeforeItIsTaken(t *testing.T) {
	for _, test := range []struct{ password, code string }{
		{"correct horse battery", ""},
		{"好的密码要长一些", ""},
		{"🐴🔋🐴🔋📎🔋🐴🔌", ""},
		{strings.Repeat("ab1", 85), ""},
		{"short 7", "identity.password_too_short"},
		{"七个字的密码啊", "identity.password_too_short"},
		{"", "identity.password_too_short"},
		{strings.Repeat("ab1", 86), "identity.password_too_long"},
		{"a password\n", "identity.password_malformed"},
		{"a\x00password", "identity.password_malformed"},
		{"a password\xff", "identity.password_malformed"},
		{"password123", "identity.password_too_common"},
		{"PassWord123", "identity.password_too_common"},
		{"ｐａｓｓｗｏｒｄ", "identity.password_too_common"}, // wide letters are the same letters
		{"woaini1314", "identity.password_too_common"},
		{"11111111", "identity.password_too_common"},
		{"abababab", "identity.password_too_common"},
		{"12345678", "identity.password_too_common"},
		{"87654321", "identity.password_too_common"},
		{"bcdefghijk", "identity.password_too_common"},
		{"Supervisor-B", "identity.password_is_name"},
	} {
		err := CheckPassword("supervisor-b", test.password)
		switch {
		case test.code == "":
			if err != nil {
				t.Errorf("%q: %v", test.password, err)
			}
		default:
			refused(t, err, problem.Invalid, test.code)
			if p := problem.As(err); p != nil && (p.Field != "/password" || p.Zh == "") {
				t.Errorf("%q: %+v", test.password, p)
			}
		}
	}
}

func TestEveryPasswordOfTheBlocklistCouldBeWritten(t *testing.T) {
	for word := range blocklist() {
		if len(word) < minPassword || word != strings.ToLower(word) {
			t.Errorf("%q would never be asked for", word)
		}
	}
	if len(blocklist()) < 150 {
		t.Errorf("only %d passwords are listed", len(blocklist()))
	}
}

func TestAPasswordIsVerifiedAndNothingElseIs(t *testing.T) {
	b := newBench(t)
	const password = "Straße 1 horse"
	if err := b.SetPassword(t.Context(), "agent-a", password, byAdmin); err != nil {
		t.Fatal(err)
	}
	if err := b.VerifyPassword(t.Context(), "agent-a", password); err != nil {
		t.Error(err)
	}
	for account, wrong := range map[string]string{"agent-a": password + " ", "admin": password, "ghost": password} {
		refused(t, b.VerifyPassword(t.Context(), account, wrong), problem.Unauthenticated, "identity.wrong_password")
	}
	refused(t, b.VerifyPassword(t.Context(), "agent-a", strings.Repeat("x", 300)), problem.Unauthenticated, "identity.wrong_password")
	row, ok := b.ledger.Login("agent-a")
	if !ok || !strings.HasPrefix(row.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(row.PasswordHash, "horse") {
		t.Errorf("kept is %+v", row)
	}
}

func TestTheSamePasswordFromAnotherKeyboardIsTheSame(t *testing.T) {
	b := newBench(t)
	if err := b.SetPassword(t.Context(), "agent-a", "caf\u00e9 au lait", byAdmin); err != nil {
		t.Fatal(err)
	}
	if err := b.VerifyPassword(t.Context(), "agent-a", "cafe\u0301 au lait"); err != nil {
		t.Error(err)
	}
}

func TestAHashOfAnotherCostStillVerifies(t *testing.T) {
	b := newBench(t)
	// Made once with m=64 KiB, t=1, p=2 over "correct horse battery" and the salt "somesaltsomesalt".
	p := parsed{time: 1, memory: 64, threads: 2, salt: []byte("somesaltsomesalt"), key: make([]byte, 32)}
	key := derive("correct horse battery", p.salt, p.time, p.memory, p.threads, 32)
	b.run(&SetPassword{Account: "agent-a", Hash: "$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$" + encode64(key), Asked: byAdmin})
	if err := b.VerifyPassword(t.Context(), "agent-a", "correct horse battery"); err != nil {
		t.Error(err)
	}
}

func TestADamagedHashIsAFaultAndNeverAMatch(t *testing.T) {
	b := newBench(t)
	for _, damaged := range []string{
		"x", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=64,t=1,p=1$!$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		b.run(&SetPassword{Account: "agent-a", Hash: damaged, Asked: byAdmin})
		if err := b.VerifyPassword(t.Context(), "agent-a", "correct horse battery"); err == nil || problem.As(err) != nil {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}

func TestTooManyPasswordsAtOnceAreRefusedAndAWaitingCallerCanGiveUp(t *testing.T) {
	b := newBench(t)
	block, running := make(chan struct{}), make(chan struct{}, 2)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			_ = b.turn(context.Background(), func() { running <- struct{}{}; <-block })
		})
	}
	<-running
	<-running
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.turn(gone, func() { t.Error("it ran") }); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	for range cap(b.waiting) - 2 {
		b.waiting <- struct{}{} // as many as may wait
	}
	refused(t, b.turn(t.Context(), func() { t.Error("it ran") }), problem.Limited, "identity.too_many_sign_ins")
	close(block)
	all.Wait()
}

func TestAnAccountIsMadeWithItsPasswordOrNotAtAll(t *testing.T) {
	b := newBench(t)
	err := b.CreateAccount(t.Context(), NewAccount{Name: "admin", Roles: []string{"admin"}, Password: "correct horse battery"}, byAdmin)
	refused(t, err, problem.Conflict, "identity.account_exists")
	err = b.CreateAccount(t.Context(), NewAccount{Name: "boss", Roles: []string{"no-such-role"}, Password: "correct horse battery"}, byAdmin)
	refused(t, err, problem.Invalid, "policy.invalid")
	err = b.CreateAccount(t.Context(), NewAccount{Name: "boss", Roles: []string{"admin"}, Password: "password"}, byAdmin)
	refused(t, err, problem.Invalid, "identity.password_too_common")
	err = b.CreateAccount(t.Context(), NewAccount{Name: "Not A Name", Roles: []string{"admin"}, Password: "correct horse battery"}, byAdmin)
	refused(t, err, problem.Invalid, "policy.invalid")
	if _, ok := b.ledger.Login("boss"); ok || b.ledger.Policy().Revision() != 1 {
		t.Errorf("something was made: revision %d", b.ledger.Policy().Revision())
	}
	if err := b.CreateAccount(t.Context(), NewAccount{Name: "boss", Title: "老板", Roles: []string{"admin"}, Password: "correct horse battery"}, byAdmin); err != nil {
		t.Fatal(err)
	}
	if err := b.VerifyPassword(t.Context(), "boss", "correct horse battery"); err != nil {
		t.Error(err)
	}
	spec, _ := b.ledger.Policy().Account("boss")
	if spec.Title != "老板" || len(spec.Roles) != 1 {
		t.Errorf("the account is %+v", spec)
	}
}

func TestAFailingStoreRefusesAndPromisesNothing(t *testing.T) {
	b := newBench(t)
	b.store.FailCommit(ledger.ErrUnavailable, false)
	_, token, err := b.CreateToken(t.Context(), "agent-a", "", time.Time{}, byAdmin)
	refused(t, err, problem.Unavailable, "system.health.store")
	if token != "" {
		t.Error("a token was returned that is not stored")
	}
}
