package reception

import (
	"cmp"
	"strings"
)

// Version is a semantic version (semver 2.0.0, without the build that does not count). The zero value is a version that is not known.
type Version struct {
	core  [3]uint64
	pre   []string // identifiers of a pre-release
	known bool
}

// ParseVersion reads a version such as "1.4.0", "v1.4.0" or "1.5.0-rc.1+build"; a missing minor or patch is 0 (but what has a
// pre-release or a build has all three). ok is false for anything else.
func ParseVersion(text string) (v Version, ok bool) {
	if len(text) > 128 {
		return Version{}, false
	}
	text = strings.TrimPrefix(text, "v")
	text, build, hasBuild := strings.Cut(text, "+")
	core, pre, hasPre := strings.Cut(text, "-")
	if hasBuild && !identifiers(strings.Split(build, "."), false) {
		return Version{}, false
	}
	parts := strings.Split(core, ".")
	if len(parts) > len(v.core) || len(parts) < len(v.core) && (hasPre || hasBuild) {
		return Version{}, false
	}
	for i, part := range parts {
		if v.core[i], ok = number(part); !ok {
			return Version{}, false
		}
	}
	if hasPre {
		v.pre = strings.Split(pre, ".")
		if !identifiers(v.pre, true) {
			return Version{}, false
		}
	}
	v.known = true
	return v, true
}

// Known says whether the version is one.
func (v Version) Known() bool { return v.known }

// Compare orders versions by precedence: below 0 if v comes before w. What is not known comes before everything.
func (v Version) Compare(w Version) int {
	if v.known != w.known {
		if v.known {
			return 1
		}
		return -1
	}
	for i := range v.core {
		if c := cmp.Compare(v.core[i], w.core[i]); c != 0 {
			return c
		}
	}
	switch {
	case len(v.pre) == 0 || len(w.pre) == 0: // a pre-release comes before its release
		return cmp.Compare(len(w.pre), len(v.pre))
	}
	for i := range min(len(v.pre), len(w.pre)) {
		if c := compareIdentifiers(v.pre[i], w.pre[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(v.pre), len(w.pre))
}

// compareIdentifiers orders numbers as numbers and before words, and words by their letters.
func compareIdentifiers(a, b string) int {
	switch x, y := digits(a), digits(b); {
	case x && y:
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // no leading zeros: the longer is the larger
	case x:
		return -1
	case y:
		return 1
	}
	return strings.Compare(a, b)
}

// number reads a number without leading zeros that fits into 15 digits.
func number(text string) (n uint64, ok bool) {
	if !digits(text) || len(text) > 1 && text[0] == '0' || len(text) > 15 {
		return 0, false
	}
	for i := range len(text) {
		n = n*10 + uint64(text[i]-'0')
	}
	return n, true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// identifiers says whether all are letters, digits and hyphens; those of a pre-release have no numbers with leading zeros.
func identifiers(list []string, strict bool) bool {
	for _, id := range list {
		if id == "" || strict && digits(id) && len(id) > 1 && id[0] == '0' {
			return false
		}
		for i := range len(id) {
			if c := id[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}
