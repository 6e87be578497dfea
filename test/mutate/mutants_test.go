package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const sample = `package p

func f(a, b int, ok bool) int {
	if a < b && ok {
		a++
		return 7
	}
	switch {
	case a == b:
		b = 0
	}
	return a - b
}
`

func TestEveryPlaceIsFoundOnceAndEachChangeParses(t *testing.T) {
	list, err := mutantsIn("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"p.go:4: if a < b && ok: negated", "p.go:4: a < b && ok: && becomes ||", "p.go:4: a < b: < becomes <=", "p.go:5: a++: removed",
		"p.go:6: 7 becomes 8", "p.go:9: case a == b: negated", "p.go:9: a == b: == becomes !=", "p.go:10: b = 0: removed", "p.go:10: 0 becomes 1",
		"p.go:12: a - b: - becomes +",
	}
	got := map[string]int{}
	for i := range list {
		got[list[i].String()]++
		changed := list[i].apply([]byte(sample))
		if string(changed) == sample {
			t.Errorf("%s changes nothing", &list[i])
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "p.go", changed, 0); err != nil {
			t.Errorf("%s: %v", &list[i], err)
		}
	}
	for _, w := range want {
		if got[w] != 1 {
			t.Errorf("%q was found %d times", w, got[w])
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d mutants, want %d: %v", len(list), len(want), got)
	}
}

func TestAMutantIsKilledSurvivesOrDoesNotCompile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module p\n\ngo 1.26\n",
		"p.go":      "package p\n\nfunc Less(a, b int) bool { return a < b }\n\nfunc Loop(n int) { for n > 0 { n-- } }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestLess(t *testing.T) { if !Less(1, 2) { t.Error() } ; Loop(1) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "p.go"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) *mutant {
		i := strings.Index(string(content), from)
		return &mutant{file: filepath.Join(dir, "p.go"), begin: i, end: i + len(from), with: to}
	}
	for i, x := range []struct {
		m    *mutant
		want fate
	}{{nil, survived}, {change("a < b", "a <= b"), survived}, {change("a < b", "a > b"), killed}, {change("a < b", "a <"), stillborn}} {
		got, out, err := try(dir, filepath.Join(t.TempDir(), "x"), x.m, time.Minute)
		if err != nil || got != x.want {
			t.Errorf("%d: fate %d, want %d (%v): %s", i, got, x.want, err, out)
		}
	}
}
