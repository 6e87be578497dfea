package limit

import (
	"fmt"
	"testing"
	"time"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestALimiterAllowsABurstAndThenItsRate(t *testing.T) {
	l := NewLimiter(Rate{N: 1, Per: time.Second, Burst: 3})
	now := monday
	for i := range 3 {
		if wait := l.Take("a", now); wait != 0 {
			t.Fatalf("the %d. has to wait %s", i+1, wait)
		}
	}
	for range 2 { // being refused uses nothing up
		if wait := l.Wait("a", now); wait != time.Second {
			t.Fatalf("the 4. is said to have to wait %s", wait)
		}
		if wait := l.Take("a", now); wait != time.Second {
			t.Fatalf("the 4. has to wait %s", wait)
		}
	}
	for range 4 { // to be asked about uses nothing up either
		if wait := l.Wait("b", now); wait != 0 {
			t.Fatalf("another has to wait %s", wait)
		}
	}
	if wait := l.Take("a", now.Add(time.Second)); wait != 0 {
		t.Fatalf("after a second it has to wait %s", wait)
	}
	if wait := l.Take("a", now.Add(1500*time.Millisecond)); wait != 500*time.Millisecond {
		t.Fatalf("half a second later it has to wait %s", wait)
	}
}

func TestWhatIsReturnedMayBeTakenAgain(t *testing.T) {
	l := NewLimiter(Rate{N: 1, Per: time.Minute, Burst: 1})
	l.Return("a") // of which nothing is known
	if l.Take("a", monday) != 0 || l.Take("a", monday) == 0 {
		t.Fatal("a burst of one is another")
	}
	l.Return("a")
	if wait := l.Take("a", monday); wait != 0 {
		t.Errorf("it has to wait %s", wait)
	}
}

func TestARateThatIsOffAllowsEverythingAndRemembersNobody(t *testing.T) {
	l := NewLimiter(Rate{})
	for i := range 10_000 {
		if wait := l.Take(fmt.Sprint(i%3), monday) + l.Wait(fmt.Sprint(i%3), monday); wait != 0 {
			t.Fatalf("it has to wait %s", wait)
		}
	}
	l.Return("0")
	if len(l.full) != 0 {
		t.Errorf("it remembers %d", len(l.full))
	}
}

func TestALimiterForgetsWhoHasItsWholeBurstAgainAndStaysBounded(t *testing.T) {
	l := NewLimiter(Rate{N: 1, Per: time.Second, Burst: 1})
	for i := range maxSources {
		l.Take(fmt.Sprint("old ", i), monday)
	}
	l.Take("new", monday.Add(time.Minute))
	if len(l.full) != 1 {
		t.Errorf("it remembers %d who need not be remembered", len(l.full)-1)
	}
	for i := range maxSources + maxSources/4 { // all of them at once
		l.Take(fmt.Sprint("at once ", i), monday.Add(time.Minute))
	}
	if len(l.full) > maxSources {
		t.Errorf("it remembers %d", len(l.full))
	}
}

func TestABudgetIsSharedAndNoSourceTakesItAll(t *testing.T) {
	b := NewBudget(10, 6)
	for i, step := range []struct {
		source string
		n      int64
		want   error
	}{
		{"a", 6, nil}, {"a", 1, ErrShare}, {"b", 5, ErrFull}, {"b", 4, nil}, {"c", 1, ErrFull}, {"c", 7, ErrShare}, {"a", 0, nil},
	} {
		if err := b.Fits(step.source, step.n); err != step.want { // the very values
			t.Errorf("step %d: it is said to be %v, want %v", i, err, step.want)
		}
		if err := b.Take(step.source, step.n); err != step.want { // the very values
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	b.Give("a", 6)
	if err := b.Take("b", 2); err != nil || b.Held() != 6 {
		t.Errorf("after something was given back: %v, %d held", err, b.Held())
	}
	b.Give("b", 6)
	if b.Held() != 0 || len(b.by) != 0 {
		t.Errorf("%d is held by %v after all was given back", b.Held(), b.by)
	}
}

func TestAHouseholdIsOneAddress(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9", "2001:db8:1:2:3::9": "2001:db8:1:2::/64", "2001:db8:1:2:4::9%eth0": "2001:db8:1:2::/64", "@": "@",
	} {
		if got := Network(address); got != want {
			t.Errorf("%s counts as %s", address, got)
		}
	}
}

func TestRatesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Rate{
		"off": {}, "50/s,300": {50, time.Second, 300}, "50/s": {50, time.Second, 100}, "30/m,1": {30, time.Minute, 1}, "1/h": {1, time.Hour, 2},
		"1000000/s": {1000000, time.Second, 1000000},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for _, bad := range []string{"", "0/s", "-1/s", "5", "5/d", "/s", "5/s,", "5/s,0", "5/s,x", "1000001/s", "5/s,1000001", "05/s", "+5/s", "5 /s", "OFF", "5/s,1,1"} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"off", "50/s,300", "1/h", "1000000/s,1", "5/", ",5", "9223372036854775808/s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Fatalf("%q is %+v, written as %s", text, r, r)
		}
		l := NewLimiter(r)
		for range min(r.Burst, 100) {
			if wait := l.Take("a", monday); wait != 0 {
				t.Fatalf("%q: of the burst one has to wait %s", text, wait)
			}
		}
	})
}
