package repo

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// longestComment is the size in characters of a package comment that a person still reads.
const longestComment = 1200

// checkPackageComments wants one comment per package, in one file, that begins as the Go tools expect and is no longer
// than a paragraph. A directory that has only tests needs one too.
func checkPackageComments(sources []source) []string {
	type pkg struct {
		name      string
		commented []source
		onlyTests bool
	}
	packages := map[string]*pkg{}
	for _, s := range sources {
		p := packages[s.dir()]
		if p == nil {
			p = &pkg{onlyTests: true}
			packages[s.dir()] = p
		}
		if !s.test {
			p.onlyTests = false
			p.name = s.file.Name.Name
		} else if p.name == "" {
			p.name = strings.TrimSuffix(s.file.Name.Name, "_test")
		}
	}
	for _, s := range sources {
		p := packages[s.dir()]
		if s.file.Doc != nil && (!s.test || p.onlyTests) && strings.TrimSpace(s.file.Doc.Text()) != "" {
			p.commented = append(p.commented, s)
		}
	}

	var faults []string
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		p := packages[dir]
		begin := "Package " + p.name
		if p.name == "main" {
			begin = "Command " + path.Base(dir)
		}
		switch len(p.commented) {
		case 0:
			faults = append(faults, fmt.Sprintf("%s: no file has a package comment; write what it promises, beginning %q", dir, begin))
			continue
		case 1:
		default:
			var files []string
			for _, s := range p.commented {
				files = append(files, path.Base(s.path))
			}
			faults = append(faults, fmt.Sprintf("%s: %s all have a package comment; keep one", dir, strings.Join(files, ", ")))
		}
		for _, s := range p.commented {
			text := s.file.Doc.Text()
			if rest, ok := strings.CutPrefix(text, begin); !ok || rest == "" || !strings.ContainsAny(rest[:1], " \n,.:") {
				faults = append(faults, fmt.Sprintf("%s: the package comment does not begin with %q", s.path, begin))
			}
			if n := len([]rune(text)); n > longestComment {
				faults = append(faults, fmt.Sprintf("%s: the package comment has %d characters, more than %d; move the rest to a page under docs/", s.path, n, longestComment))
			}
		}
	}
	return faults
}

// checkExits allows ending the process in cmd/bida only, so that everything else is stopped in order and can be tested.
// A generator (a main package outside cmd/, run by go generate) is a process of its own and no part of the product.
func checkExits(sources []source) []string {
	ends := map[string][]string{"os": {"Exit"}, "log": {"Fatal", "Fatalf", "Fatalln"}, "syscall": {"Exit"}}
	var faults []string
	for _, s := range sources {
		generator := s.file.Name.Name == "main" && !in("cmd")(s.dir())
		if s.test || s.dir() == "cmd/bida" || generator {
			continue
		}
		for _, call := range uses(s, ends) {
			faults = append(faults, fmt.Sprintf("%s uses %s: only cmd/bida ends the process; return an error", s.path, call))
		}
	}
	return faults
}

// checkSleeps forbids time.Sleep in tests, and in packages that are made for tests.
func checkSleeps(sources []source) []string {
	var faults []string
	for _, s := range sources {
		if !s.test && !strings.HasSuffix(s.dir(), "test") {
			continue
		}
		if len(uses(s, map[string][]string{"time": {"Sleep"}})) > 0 {
			faults = append(faults, fmt.Sprintf("%s uses time.Sleep: wait for what happens, or use testing/synctest or an injected clock", s.path))
		}
	}
	return faults
}

// uses lists the functions among those wanted (by import path) that a file mentions, under whatever name it imports the package.
func uses(s source, wanted map[string][]string) []string {
	local := map[string]string{} // name in this file → import path
	var found []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil || wanted[p] == nil {
			continue
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			found = append(found, "a dot import of "+p)
			continue
		}
		local[name] = p
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(wanted[local[x.Name]], selector.Sel.Name) {
			found = append(found, local[x.Name]+"."+selector.Sel.Name)
		}
		return true
	})
	return found
}

// checkNames refuses package names that say nothing about the business.
func checkNames(sources []source) []string {
	empty := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "misc", "shared", "base", "lib"}
	dirs := map[string]bool{}
	for _, s := range sources {
		if slices.Contains(empty, strings.TrimSuffix(s.file.Name.Name, "_test")) || slices.Contains(empty, path.Base(s.dir())) {
			dirs[s.dir()] = true
		}
	}
	var faults []string
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		faults = append(faults, dir+": the name says nothing; name the package after what it is about")
	}
	return faults
}

func TestEveryPackageHasOneComment(t *testing.T) {
	report(t, checkPackageComments(tree(t)))
}

func TestOnlyTheProgramEndsTheProcess(t *testing.T) {
	report(t, checkExits(tree(t)))
}

func TestNoTestSleeps(t *testing.T) {
	report(t, checkSleeps(tree(t)))
}

func TestPackageNamesSaySomething(t *testing.T) {
	report(t, checkNames(tree(t)))
}

func TestTheRuleAboutPackageCommentsFindsFaults(t *testing.T) {
	long := "// Package a " + strings.Repeat("does much ", 200) + "\npackage a"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"one comment", map[string]string{"a/a.go": "// Package a counts.\npackage a", "a/b.go": "package a"}, nil},
		{"one comment of a program", map[string]string{"cmd/bida/main.go": "// Command bida serves.\npackage main"}, nil},
		{"a program's comment names the program", map[string]string{"cmd/bida/main.go": "// Package main serves.\npackage main"}, []string{`"Command bida"`}},
		{"none", map[string]string{"a/a.go": "package a"}, []string{"no file has a package comment"}},
		{"one in a test file only", map[string]string{"a/a.go": "package a", "a/a_test.go": "// Package a counts.\npackage a"}, []string{"no file has a package comment"}},
		{"only tests, with a comment", map[string]string{"a/a_test.go": "// Package a tests.\npackage a_test"}, nil},
		{"only tests, without", map[string]string{"a/a_test.go": "package a"}, []string{"no file has"}},
		{"two", map[string]string{"a/a.go": "// Package a counts.\npackage a", "a/b.go": "// Package a counts.\npackage a"}, []string{"a.go, b.go all have"}},
		{"a build line is not a comment", map[string]string{"a/a.go": "//go:build linux\npackage a"}, []string{"no file has"}},
		{"another beginning", map[string]string{"a/a.go": "// This counts.\npackage a"}, []string{"does not begin"}},
		{"another package's name", map[string]string{"a/a.go": "// Package abacus counts.\npackage a"}, []string{"does not begin"}},
		{"a book", map[string]string{"a/a.go": long}, []string{"more than 1200"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var sources []source
			for _, name := range slices.Sorted(maps.Keys(test.files)) {
				sources = append(sources, mustParse(t, name, test.files[name]))
			}
			expect(t, checkPackageComments(sources), test.want...)
		})
	}
}

func TestTheRuleAboutExitsFindsFaults(t *testing.T) {
	expect(t, checkExits([]source{
		mustParse(t, "internal/a/a.go", "package a\nimport \"os\"\nfunc f() { os.Exit(1) }"),
		mustParse(t, "internal/b/b.go", "package b\nimport l \"log\"\nfunc f() { l.Fatalf(\"\") }"),
		mustParse(t, "internal/c/c.go", "package c\nimport \"os\"\nvar exit = os.Exit"),
		mustParse(t, "internal/d/d.go", "package d\nimport . \"os\"\nfunc f() { Exit(1) }"),
		mustParse(t, "internal/e/e.go", "package e\nimport \"os\"\nvar f = os.Args"),
		mustParse(t, "internal/f/f.go", "package f\nimport \"example.com/log\"\nfunc f() { log.Fatal() }"),
		mustParse(t, "internal/g/g_test.go", "package g\nimport \"os\"\nfunc f() { os.Exit(1) }"),
		mustParse(t, "cmd/bida/main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }"),
		mustParse(t, "internal/a/gen/main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }"),
		mustParse(t, "cmd/other/main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }"),
	}), "internal/a/a.go uses os.Exit", "log.Fatalf", "os.Exit", "dot import of os", "cmd/other/main.go")
}

func TestTheRuleAboutSleepingFindsFaults(t *testing.T) {
	expect(t, checkSleeps([]source{
		mustParse(t, "a/a.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }"),
		mustParse(t, "a/a_test.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }"),
		mustParse(t, "a/b_test.go", "package a\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }"),
		mustParse(t, "a/c_test.go", "package a\nimport \"time\"\nvar d = time.Second"),
		mustParse(t, "storetest/suite.go", "package storetest\nimport \"time\"\nfunc f() { time.Sleep(1) }"),
	}), "a/a_test.go", "a/b_test.go", "storetest/suite.go")
}

func TestTheRuleAboutNamesFindsFaults(t *testing.T) {
	expect(t, checkNames([]source{
		mustParse(t, "internal/util/a.go", "package util"),
		mustParse(t, "internal/helpers/a.go", "package text"),
		mustParse(t, "internal/text/a_test.go", "package models_test"),
		mustParse(t, "internal/delivery/a.go", "package delivery"),
	}), "internal/helpers", "internal/text", "internal/util")
}
