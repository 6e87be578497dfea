package main

import (
	"fmt"
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
		"p.go:4: f: if a < b && ok: negated", "p.go:4: f: a < b && ok: && becomes ||", "p.go:4: f: a < b: < becomes <=", "p.go:5: f: a++: removed",
		"p.go:6: f: 7 becomes 8", "p.go:9: f: case a == b: negated", "p.go:9: f: a == b: == becomes !=", "p.go:10: f: b = 0: removed", "p.go:10: f: 0 becomes 1",
		"p.go:12: f: a - b: - becomes +",
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

const company = `package p

import "errors"

var errNone = errors.New("none")

type list[T any] struct{ items []T }

func (l *list[T]) add(more ...T) { l.items = append(l.items, more...) }

func first[T any](items []T, _ int) (item T, err error) {
	if len(items) == 0 {
		return item, errNone
	}
	return items[0], nil
}

func init() { begun = 1 }

var begun int

func Less(a, b int) bool {
	if a < b {
		return true
	}
	return false
}

func Loop(n int) {
	for n > 0 {
		n--
	}
}

func First(items []int) (int, error) { return first(items, 0) }

//go:noinline
func Unseen(n int) int {
	unused := 3
	_ = unused
	x := n + 1
	return x
}
`

const companyTest = `package p

import "testing"

func TestLess(t *testing.T) {
	if !Less(1, 2) || Less(2, 1) {
		t.Error()
	}
	Loop(1)
}

func TestAll(t *testing.T) {
	l := list[int]{}
	l.add(7, 8)
	if n, err := first(l.items, 0); n != 7 || err != nil {
		t.Error(n, err)
	}
	if begun != 1 {
		t.Error(begun)
	}
}
`

// TestEveryFateIsFound tries a package that has a change of every fate, in functions of every form.
func TestEveryFateIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module p\n\ngo 1.26\n", "p.go": company, "p_test.go": companyTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := mutantsOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	fates, err := newTrial(dir, t.TempDir(), list, options{parallel: 2, limit: time.Minute}).all(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]fate{}
	for i := range list {
		got[list[i].name()] = fates[i]
	}
	for name, want := range map[string]fate{
		"(*list[T]).add: l.items = append(l.items, more...): removed": killed,
		"first: 0 becomes 1 (2)":             killed,
		"first: if len(items) == 0: negated": killed,
		"first: 0 becomes 1":                 survived, // nobody asks an empty list, nor one of a single item
		"init: 1 becomes 2":                  killed,   // only alone: nothing chooses among versions of it
		"Less: a < b: < becomes <=":          survived,
		"Less: if a < b: negated":            killed,
		"Loop: n--: removed":                 killed, // it never ends
		"Unseen: _ = unused: removed":        stillborn,
		"Unseen: 3 becomes 4":                same,
		"Unseen: n + 1: + becomes -":         survived,
	} {
		if f, tried := got[name]; !tried || f != want {
			t.Errorf("%s: fate %d, want %d (tried: %v)", name, f, want, tried)
		}
	}
}

func TestAListOfWhatAltersNothingIsReadStrictly(t *testing.T) {
	for content, want := range map[string]string{
		"": "map[]",
		"# no\np/a.go f: x\n  because\n  so\nq/a.go f: y\n  because\n": "map[p/a.go f: x:because so]",
		"p/a.go f: x\n":                      "no reason",
		"  because\n":                        "without a change",
		"p/a.go f: x\n a\np/a.go f: x\n b\n": "there already",
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := readEquivalent(path, "p")
		if got := fmt.Sprint(known, err); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", content, got, want)
		}
	}
}

func TestAChangeThatIsListedAndNoticedIsAnError(t *testing.T) {
	list := []mutant{{file: "/x/p/a.go", function: "f", what: "a"}, {file: "/x/p/a.go", function: "f", what: "b"}, {file: "/x/p/a.go", function: "f", what: "c"}}
	fates := []fate{killed, survived, killed}
	known := map[string]string{"p/a.go f: b": "because"}
	if enough, err := report("p", 3, list, fates, known, options{atLeast: 100}); !enough || err != nil {
		t.Error(enough, err)
	}
	if enough, _ := report("p", 3, list, fates, nil, options{atLeast: 67}); enough {
		t.Error("two of three are 67 percent")
	}
	known["p/a.go f: c"] = "because"
	if _, err := report("p", 3, list, fates, known, options{}); err == nil || !strings.Contains(err.Error(), "f: c") {
		t.Error(err)
	}
}

func TestPartsOfTheMutantsAreAllOfThem(t *testing.T) {
	all := func() (list []mutant) {
		for i := range 10 {
			list = append(list, mutant{file: "a.go", line: i, function: "f", what: fmt.Sprint("change ", i)})
		}
		return list
	}
	seen := map[int]int{}
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		list, err := (&options{part: part}).choose(all())
		if err != nil || len(list) < 3 {
			t.Fatal(part, list, err)
		}
		for _, m := range list {
			seen[m.line]++
		}
	}
	if len(seen) != 10 {
		t.Error(seen)
	}
	if list, err := (&options{run: "change [37]"}).choose(all()); err != nil || len(list) != 2 || list[1].line != 7 {
		t.Error(list, err)
	}
	if list, err := (&options{sample: 4}).choose(all()); err != nil || len(list) != 4 {
		t.Error(list, err)
	}
	for _, o := range []options{{part: "0/3"}, {part: "4/3"}, {part: "x"}, {run: "("}} {
		if _, err := o.choose(all()); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// TestWhatIsListedAsAlteringNothingIsInTheCode finds entries that a change of the code has left behind, without running anything.
func TestWhatIsListedAsAlteringNothingIsInTheCode(t *testing.T) {
	for _, pkg := range []string{"reception", "filter"} {
		known, err := readEquivalent("equivalent.txt", pkg)
		if err != nil || len(known) == 0 {
			t.Fatal(len(known), err)
		}
		list, err := mutantsOf(filepath.Join("..", "..", "internal", pkg))
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			delete(known, listedAs(&list[i]))
		}
		for change := range known {
			t.Errorf("%q is not in the code", change)
		}
	}
}
