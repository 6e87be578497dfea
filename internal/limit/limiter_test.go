package web

import (
	"fmt"
	"testing"
	"time"
)

func TestALimiterAllowsABurstAndThenItsRate(t *testing.T) {
	l := newLimiter(Rate{Burst: 3, Every: time.Second})
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range 3 {
		if wait := l.take("a", now); wait != 0 {
			t.Fatalf("the %d. has to wait %s", i+1, wait)
		}
	}
	for range 2 { // being refused uses nothing up
		if wait := l.take("a", now); wait != time.Second {
			t.Fatalf("the 4. has to wait %s", wait)
		}
	}
	if wait := l.take("b", now); wait != 0 {
		t.Fatalf("another has to wait %s", wait)
	}
	if wait := l.take("a", now.Add(time.Second)); wait != 0 {
		t.Fatalf("after a second it has to wait %s", wait)
	}
	if wait := l.take("a", now.Add(1500*time.Millisecond)); wait != 500*time.Millisecond {
		t.Fatalf("half a second later it has to wait %s", wait)
	}
}

func TestALimiterForgetsWhoHasItsWholeBurstAgainAndStaysBounded(t *testing.T) {
	l := newLimiter(Rate{Burst: 1, Every: time.Second})
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range maxKeys {
		l.take(fmt.Sprint("old ", i), now)
	}
	l.take("new", now.Add(time.Minute))
	if len(l.full) != 1 {
		t.Errorf("it remembers %d who need not be remembered", len(l.full)-1)
	}
	for i := range maxKeys + maxKeys/4 { // all of them at once
		l.take(fmt.Sprint("at once ", i), now.Add(time.Minute))
	}
	if len(l.full) > maxKeys {
		t.Errorf("it remembers %d", len(l.full))
	}
}

func TestAHouseholdIsOneAddress(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9", "2001:db8:1:2:3::9": "2001:db8:1:2::/64", "2001:db8:1:2:4::9%eth0": "2001:db8:1:2::/64", "@": "@",
	} {
		if got := network(address); got != want {
			t.Errorf("%s counts as %s", address, got)
		}
	}
}

func TestOnlyWhatNewTokenMakesIsLookedUp(t *testing.T) {
	token := newToken()
	if hash, ok := hashOf(token); !ok || hash == [32]byte{} {
		t.Errorf("%s is no token", token)
	}
	for _, bad := range []string{"", TokenPrefix, token[1:], token + "A", "bida_" + token[len(TokenPrefix):]} {
		if _, ok := hashOf(bad); ok {
			t.Errorf("%q may be a token", bad)
		}
	}
	if a, b := newID(), newID(); a == b || len(a) != 17 || a[0] != 'v' {
		t.Errorf("ids are %s and %s", a, b)
	}
}
