// Package repo tests the repository itself: which package may import which, package comments, exits, licences, and documents that name files. It has
// only tests. Each rule is a function over plain values that returns what is wrong, one line per fault with its reason, so that the rule can be
// tested with bad input as well as with the tree.
package repo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the path of this module, as go.mod says it.
const module = "github.com/bidahq/bida"

// source is one parsed Go file. Its path is relative to the root, with slashes.
type source struct {
	path string
	test bool // named *_test.go
	file *ast.File
}

// dir is the directory of the file, which is what its package is called here.
func (s source) dir() string { return path.Dir(s.path) }

// imports lists the import paths of the file.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has accepted it
		}
		paths = append(paths, p)
	}
	return paths
}

// parse makes a source from text; the tests of the rules use it.
func parse(name, text string) (source, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	return source{path: name, test: strings.HasSuffix(name, "_test.go"), file: file}, err
}

// mustParse is parse for text that is known to be right.
func mustParse(t *testing.T, name, text string) source {
	t.Helper()
	s, err := parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// root is the top of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the root of the repository is not where this test expects it: %v", err)
	}
	return dir
}

// skipped says that a directory is not part of the source: hidden, built, installed, or input of a test.
func skipped(name string) bool {
	switch name {
	case "node_modules", "testdata", "vendor", "dist", "bin":
		return true
	}
	return strings.HasPrefix(name, ".") && name != "." && name != ".ci"
}

var parseTree = sync.OnceValues(func() ([]source, error) {
	var sources []source
	top := filepath.Join("..", "..")
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == top {
				return nil
			}
			if skipped(entry.Name()) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	return sources, err
})

// tree lists all Go files of the module.
func tree(t *testing.T) []source {
	t.Helper()
	sources, err := parseTree()
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 5 {
		t.Fatalf("only %d Go files were found; this test must itself be wrong", len(sources))
	}
	return sources
}

// report fails the test with one line per fault.
func report(t *testing.T, faults []string) {
	t.Helper()
	for _, fault := range faults {
		t.Error(fault)
	}
}

// expect checks a rule against bad input: exactly the faults that contain the given texts, in this order.
func expect(t *testing.T, faults []string, want ...string) {
	t.Helper()
	if len(faults) != len(want) {
		t.Fatalf("got %d faults, want %d:\n%s", len(faults), len(want), strings.Join(faults, "\n"))
	}
	for i := range want {
		if !strings.Contains(faults[i], want[i]) {
			t.Errorf("fault %d is %q; it should contain %q", i+1, faults[i], want[i])
		}
	}
}
