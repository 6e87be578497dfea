package reception

import (
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

func TestVersionsAreOrderedByPrecedence(t *testing.T) {
	ascending := []string{"", "0.0.1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
		"1", "1.0.1", "1.2", "v1.10.0", "2.0.0"}
	for i, a := range ascending {
		for j, b := range ascending {
			x, _ := ParseVersion(a)
			y, _ := ParseVersion(b)
			if got, want := x.Compare(y), sign(i-j); got != want {
				t.Errorf("%q against %q is %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestWhatIsNoVersionIsNotKnown(t *testing.T) {
	for _, text := range []string{"", "dev", "v", "1.", "1.2-rc.1", "1+b", "1.2.3.4", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0-a..b", "1.0.0-ü", "-1", "1.x", "9999999999999999", "1.0.0-" + strings.Repeat("a", 200)} {
		if v, ok := ParseVersion(text); ok || v.Known() {
			t.Errorf("%q is read as %v", text, v)
		}
	}
}

// The semver package of the Go project is the oracle.
func FuzzVersions(f *testing.F) {
	for _, pair := range [][2]string{{"1.4.0", "1.5.0-rc.1"}, {"v1", "1.0.0+b"}, {"1.0.0-1", "1.0.0-a.0"}, {"dev", ""}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, okA := ParseVersion(a)
		y, okB := ParseVersion(b)
		canonicalA, canonicalB := "v"+strings.TrimPrefix(a, "v"), "v"+strings.TrimPrefix(b, "v")
		if okA && !semver.IsValid(canonicalA) || okB && !semver.IsValid(canonicalB) {
			t.Fatalf("%q or %q is accepted", a, b)
		}
		if !okA || !okB {
			return
		}
		if got, want := x.Compare(y), semver.Compare(canonicalA, canonicalB); got != want {
			t.Errorf("%q against %q is %d, want %d", a, b, got, want)
		}
	})
}
