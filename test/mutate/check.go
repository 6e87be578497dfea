package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// checker says which mutants compile, without compiling them.
type checker struct {
	exports map[string]string // file with the exported types of a package, by its path
	sources map[string][]byte // the package's own files, tests left out
	// importers read what the package imports, once each; one serves one goroutine at a time.
	importers sync.Pool
}

func newChecker(dir string) (*checker, error) {
	c := &checker{exports: map[string]string{}, sources: map[string][]byte{}}
	c.importers.New = func() any { return importer.ForCompiler(token.NewFileSet(), "gc", c.open) }
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		c.exports[path] = file
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if c.sources[file], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// compiles says whether the package's types are right with the mutant; nil is the package as it is. It may be called by many goroutines at once.
func (c *checker) compiles(m *mutant) bool {
	set := token.NewFileSet()
	var trees []*ast.File
	for file, content := range c.sources {
		if m != nil && file == m.file {
			content = m.apply(content)
		}
		tree, err := parser.ParseFile(set, file, content, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		trees = append(trees, tree)
	}
	imports := c.importers.Get().(types.Importer)
	defer c.importers.Put(imports)
	config := types.Config{Importer: imports}
	_, err := config.Check("mutant", set, trees, nil)
	return err == nil
}

func (c *checker) open(path string) (io.ReadCloser, error) {
	file := c.exports[path]
	if file == "" {
		return nil, fmt.Errorf("package %s is not among the dependencies", path)
	}
	content, err := os.ReadFile(file)
	return io.NopCloser(bytes.NewReader(content)), err
}
