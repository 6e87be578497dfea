package repo

import (
	"fmt"
	"strings"
	"testing"
)

// technology holds what talks to a database, a network or a terminal.
var technology = []string{"internal/store", "internal/bus", "internal/gateway", "internal/httpapi", "internal/cli"}

// An arrow is a rule about imports: packages that are `from` must not import those that are `banned`. Both get
// directories of this module, except that other modules and the standard library are shown as their import path.
type arrow struct {
	from   func(dir string) bool
	banned func(dir string, ours bool) bool
	reason string
}

var arrows = []arrow{
	{
		from: in("internal/reception"),
		banned: func(dir string, ours bool) bool {
			return ours && !in("internal/reception")(dir) || !ours && !standard(dir)
		},
		reason: "the engine is pure, so that what it decides can be replayed, asked about and tested without anything else: it imports the standard library only",
	},
	{
		from: in("internal/policy"),
		banned: func(dir string, ours bool) bool {
			return ours && !in("internal/policy", "internal/reception", "internal/filter")(dir)
		},
		reason: "documents compile to what the engine and the filter read, and to nothing else",
	},
	{
		from:   in("internal/filter"),
		banned: func(dir string, ours bool) bool { return ours && !in("internal/filter")(dir) },
		reason: "what a text matches depends on the rules and the text alone",
	},
	{
		// A package nobody has thought about yet is a domain: the stricter rule is the default.
		from:   domain,
		banned: func(dir string, ours bool) bool { return ours && in(append(technology, "internal/app")...)(dir) },
		reason: "a domain declares the one or two methods it needs; technology imports domains, never the reverse",
	},
	{
		from: in("internal/store", "internal/bus"),
		banned: func(dir string, ours bool) bool {
			return ours && in("internal/gateway", "internal/httpapi", "internal/cli")(dir)
		},
		reason: "what keeps and carries data does not know who asks for it",
	},
	{
		from:   func(dir string) bool { return !in("cmd", "internal/app", "internal/cli", "test")(dir) },
		banned: func(dir string, ours bool) bool { return ours && in("internal/app")(dir) },
		reason: "app is the wiring; only the programs start it",
	},
	{
		from:   in("client"),
		banned: func(dir string, ours bool) bool { return ours && in("internal")(dir) },
		reason: "the client is for other people's programs, which cannot import what is internal",
	},
	{
		from:   func(dir string) bool { return true },
		banned: func(dir string, ours bool) bool { return ours && in("cmd")(dir) },
		reason: "a program is an end, not a library",
	},
	{
		from:   func(dir string) bool { return !in("test")(dir) },
		banned: func(dir string, ours bool) bool { return ours && in("test")(dir) },
		reason: "what only tests need does not belong in the program",
	},
}

// in makes a test for a directory that is one of those given, or lies under one.
func in(parents ...string) func(dir string) bool {
	return func(dir string) bool {
		for _, parent := range parents {
			if dir == parent || strings.HasPrefix(dir, parent+"/") {
				return true
			}
		}
		return false
	}
}

// domain says that a directory holds meaning: everything internal that is neither technology nor wiring.
func domain(dir string) bool {
	return in("internal")(dir) && !in(append(technology, "internal/app")...)(dir)
}

// standard says that an import path is of the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// checkArrows names every import that a rule forbids. Test files are free: a test may put any parts together.
func checkArrows(sources []source) []string {
	var faults []string
	for _, s := range sources {
		if s.test {
			continue
		}
		for _, path := range s.imports() {
			dir, ours := strings.CutPrefix(path, module+"/")
			if path == module {
				dir, ours = ".", true
			}
			for _, arrow := range arrows {
				if arrow.from(s.dir()) && arrow.banned(dir, ours) {
					faults = append(faults, fmt.Sprintf("%s imports %s: %s", s.path, dir, arrow.reason))
				}
			}
		}
	}
	return faults
}

func TestImportsFollowTheArrows(t *testing.T) {
	report(t, checkArrows(tree(t)))
}

func TestTheRuleAboutImportsFindsEveryForbiddenArrow(t *testing.T) {
	tests := []struct {
		file, imports string
		reason        string // of the one fault; empty when the import is allowed
	}{
		{"internal/reception/a.go", "time", ""},
		{"internal/reception/a.go", "go.yaml.in/yaml/v3", "the engine is pure"},
		{"internal/reception/a.go", module + "/internal/policy", "the engine is pure"},
		{"internal/reception/a_test.go", "pgregory.net/rapid", ""},
		{"internal/reception/reason/a.go", module + "/internal/reception", ""},
		{"internal/policy/a.go", "go.yaml.in/yaml/v3", ""},
		{"internal/policy/a.go", module + "/internal/reception", ""},
		{"internal/policy/a.go", module + "/internal/ledger", "what the engine and the filter read"},
		{"internal/policy/a.go", module + "/internal/filter", ""},
		{"internal/filter/a.go", module + "/internal/reception", "the rules and the text alone"},
		{"internal/receptionist/a.go", "go.yaml.in/yaml/v3", ""},
		{"internal/intake/a.go", module + "/internal/ledger", ""},
		{"internal/intake/a.go", module + "/internal/store/sqlite", "never the reverse"},
		{"internal/anything/a.go", module + "/internal/httpapi", "never the reverse"},
		{"internal/store/sqlite/a.go", module + "/internal/ledger", ""},
		{"internal/store/sqlite/a.go", module + "/internal/gateway", "does not know who asks"},
		{"internal/httpapi/a.go", module + "/internal/app", "only the programs start it"},
		{"internal/cli/a.go", module + "/internal/app", ""},
		{"internal/app/a.go", module + "/internal/store/postgres", ""},
		{"cmd/bida/main.go", module + "/internal/app", ""},
		{"client/a.go", module + "/internal/delivery", "cannot import what is internal"},
		{"test/e2e/a.go", module + "/internal/app", ""},
		{"test/e2e/a.go", module + "/cmd/bida", "an end, not a library"},
		{"internal/cli/a.go", module + "/test/e2e", "what only tests need"},
	}
	for _, test := range tests {
		t.Run(test.file+" imports "+test.imports, func(t *testing.T) {
			faults := checkArrows([]source{mustParse(t, test.file, "package a\nimport _ \""+test.imports+"\"\n")})
			if test.reason == "" {
				expect(t, faults)
				return
			}
			expect(t, faults, test.reason)
		})
	}
}
