package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

func edits(account, spec string) []policy.Edit {
	return []policy.Edit{{Kind: policy.KindAccount, Name: account, Spec: json.RawMessage(spec)}}
}

// try signs in and returns the code of the refusal, "" for none, and after how long to try again.
func (b *bench) try(account, password, remote string) (code string, wait time.Duration) {
	b.t.Helper()
	_, _, err := b.SignIn(b.t.Context(), page("POST", ""), Credentials{Account: account, Password: password, Remote: remote})
	if err == nil {
		return "", 0
	}
	p := problem.As(err)
	if p == nil {
		b.t.Fatal(err)
	}
	return p.Code, p.RetryAfter
}

const wrong, delayed = "identity.wrong_password", "identity.sign_in_delayed"

func TestWrongPasswordsAreDelayedMoreAndMoreForThatAccountFromThatAddress(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	for range freeAttempts {
		if code, _ := b.try("agent-a", "guess", "192.0.2.7"); code != wrong {
			t.Fatal(code)
		}
	}
	want := firstDelay
	for range 12 {
		code, wait := b.try("agent-a", password, "192.0.2.7") // even the right one is not looked at
		if code != delayed || wait != want {
			t.Fatalf("%s for %v, want %v", code, wait, want)
		}
		if code, _ := b.try("agent-a", password, "192.0.2.8"); code != "" {
			t.Fatalf("from another address: %s", code)
		}
		if code, _ := b.try("admin", "guess", "192.0.2.7"); code != wrong && code != delayed {
			t.Fatalf("another account: %s", code)
		}
		b.sleep(want)
		if code, _ := b.try("agent-a", "guess", "192.0.2.7"); code != wrong {
			t.Fatalf("after the delay: %s", code)
		}
		want = min(2*want, maxDelay)
	}
	b.sleep(want)
	if code, _ := b.try("agent-a", password, "192.0.2.7"); code != "" {
		t.Fatalf("the right password after the delay: %s", code)
	}
	if code, _ := b.try("agent-a", "guess", "192.0.2.7"); code != wrong {
		t.Fatal("a right password forgets the wrong ones:", code)
	}
}

func TestUnknownNamesAreAnsweredAndDelayedLikeOthers(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	for i := range 3 * freeAttempts {
		known, knownWait := b.try("agent-a", "guess", "192.0.2.7")
		for _, name := range []string{"ghost", "", strings.Repeat("x", 1000), "a\x00b", "admin"} { // admin has no password
			if code, wait := b.try(name, "guess", "192.0.2.7"); code != known || wait != knownWait {
				t.Errorf("attempt %d of %.10q: %s %v, but %s %v for a known name", i, name, code, wait, known, knownWait)
			}
		}
	}
}

func TestAddressesOfOneNetworkOfIPv6AreOne(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	for i := range freeAttempts {
		b.try("agent-a", "guess", fmt.Sprintf("2001:db8::%d", i+1))
	}
	if code, _ := b.try("agent-a", password, "2001:db8::99"); code != delayed {
		t.Error(code)
	}
	if code, _ := b.try("agent-a", password, "2001:db8:0:1::99"); code != "" {
		t.Error(code)
	}
	if keyOf("a", "::ffff:192.0.2.1") != keyOf("a", "192.0.2.1") {
		t.Error("an IPv4 address in IPv6 is another one")
	}
}

func TestGuessesAtTheSameTimeCountLikeOthers(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	var mu sync.Mutex
	codes := map[string]int{}
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			code, _ := b.try("agent-a", "guess", "192.0.2.7")
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	group.Wait()
	if codes[wrong] != freeAttempts || codes[delayed] != 40-freeAttempts {
		t.Errorf("%v", codes)
	}
}

func TestOneAddressCannotTakeAllThePlacesInWhichPasswordsAreChecked(t *testing.T) {
	b := newBench(t)
	b.browse("agent-a")
	b.hashing <- struct{}{} // as if two were being checked for long
	b.hashing <- struct{}{}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for i := range maxChecking {
		group.Go(func() {
			_, _, err := b.SignIn(ctx, page("POST", ""), Credentials{Account: fmt.Sprintf("ghost-%d", i), Password: "x", Remote: "192.0.2.7"})
			refused(t, err, problem.Unavailable, "system.cancelled")
		})
	}
	for full := false; !full; {
		b.mu1(func() { full = b.checking["192.0.2.7"] == maxChecking })
	}
	if code, _ := b.try("agent-a", password, "192.0.2.7"); code != "identity.too_many_sign_ins" {
		t.Error(code)
	}
	done := make(chan string)
	go func() {
		code, _ := b.try("agent-a", password, "192.0.2.8")
		done <- code
	}()
	for waits := false; !waits; {
		b.mu1(func() { waits = b.checking["192.0.2.8"] == 1 })
	}
	cancel()
	group.Wait()
	<-b.hashing
	if code := <-done; code != "" {
		t.Errorf("from elsewhere: %s", code)
	}
	b.mu1(func() {
		if len(b.checking) != 0 || len(b.attempts) != 0 {
			t.Errorf("attempts that were none are remembered: %v %v", b.checking, b.attempts)
		}
	})
}

func (b *bench) mu1(f func()) {
	b.Service.mu.Lock()
	defer b.Service.mu.Unlock()
	f()
}

func TestWhatIsRememberedOfAttemptsIsBoundedAndALongDelayIsNotPushedOut(t *testing.T) {
	b := newBench(t)
	long := keyOf("agent-a", "192.0.2.7")
	b.attempts[long] = &attempt{wrong: 9, until: b.clock().Add(time.Minute)}
	for i := range 2 * maxAttempts {
		key := keyOf(fmt.Sprint("ghost", i), "192.0.2.9")
		if _, err := b.attempt(key, "192.0.2.9"); err != nil {
			t.Fatal(err)
		}
		b.attempted(key, "192.0.2.9", false, true)
		if len(b.attempts) > maxAttempts {
			t.Fatalf("%d are remembered", len(b.attempts))
		}
	}
	if a := b.attempts[long]; a == nil || a.wrong != 9 {
		t.Error("made-up names pushed out an attack under way")
	}
	b.sleep(maxDelay + 2*forgetAfter)
	if wrong, err := b.attempt(long, "192.0.2.7"); err != nil || wrong != 0 {
		t.Errorf("an old attack is remembered: %d, %v", wrong, err)
	}
}

func TestSignInsAreInTheAuditLogAndAnAttackDoesNotFillIt(t *testing.T) {
	b := newBench(t)
	id, _ := b.browse("agent-a")
	for range 1000 {
		b.try("agent-a", "hunter2", "192.0.2.7")
		b.try("hunter2", "x", "192.0.2.7")
	}
	b.settle()
	rows, err := b.store.Audit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var known, unknown []string
	for _, r := range slices.Backward(rows) {
		var details map[string]string
		if err := json.Unmarshal(r.Details, &details); r.Action == "sign_in.failed" && err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fmt.Sprint(r)+string(r.Details), "hunter2") {
			t.Errorf("what was typed is in %+v", r)
		}
		switch {
		case r.Action == "sign_in.failed" && r.Object == "account/agent-a":
			known = append(known, details["within_an_hour"])
		case r.Action == "sign_in.failed" && r.Object == "account/?":
			unknown = append(unknown, details["within_an_hour"])
		}
	}
	if want := []string{"1", "2", "4", "8", "16", "32", "64", "128", "256", "512"}; !slices.Equal(known, want) || !slices.Equal(unknown, want) {
		t.Errorf("failures %v and %v", known, unknown)
	}
	b.sleep(maxDelay)
	if code, _ := b.try("agent-a", password, "192.0.2.7"); code != "" {
		t.Fatal(code)
	}
	if rows, err = b.store.Audit(t.Context(), 0, 1000); err != nil {
		t.Fatal(err)
	}
	if got := string(rows[0].Details); rows[0].Action != "session.begin" || !strings.Contains(got, `"wrong_passwords_before":"3"`) || !strings.Contains(got, `"remote":"192.0.2.7"`) {
		t.Errorf("the sign-in is told as %+v %s", rows[0], got)
	}
	if begun := b.actions(); !slices.Contains(begun, "session.begin account/agent-a by agent-a") {
		t.Errorf("no sign-in of %s among %v", id, begun)
	}
	b.sleep(failureWindow)
	b.try("agent-a", "hunter2", "192.0.2.7")
	b.settle()
	if got := b.actions(); got[len(got)-1] != "sign_in.failed account/agent-a by system" {
		t.Errorf("the next hour's first failure is not told: %v", got[len(got)-1])
	}
}
