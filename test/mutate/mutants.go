package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one file: the bytes from begin to end are replaced.
type mutant struct {
	file       string
	function   string // in which it is, for example "(*evaluator).see"
	line       int
	begin, end int
	with       string
	what       string
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s", filepath.Base(m.file), m.line, m.name())
}

// name says what is changed without the line, which other changes of the file move.
func (m *mutant) name() string { return m.function + ": " + strings.Join(strings.Fields(m.what), " ") }

// apply returns the file's content with the change.
func (m *mutant) apply(content []byte) []byte {
	return slices.Concat(content[:m.begin], []byte(m.with), content[m.end:])
}

// operators are what becomes of an operator. Neighbours are chosen, which are the mistakes that people make at an edge.
var operators = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD, token.QUO: token.MUL, token.REM: token.MUL,
}

// mutantsOf finds every change of a directory's Go files that are neither tests nor generated.
func mutantsOf(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_gen.go") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		more, err := mutantsIn(file, content)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func mutantsIn(file string, content []byte) ([]mutant, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{file: file, content: content, set: set}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.function = nameOf(f, fn)
			ast.Inspect(fn.Body, f.visit)
		}
	}
	tellApart(f.found)
	return f.found, nil
}

// tellApart numbers changes of one function that read the same.
func tellApart(list []mutant) {
	times := map[string]int{}
	for i := range list {
		name := list[i].name()
		if times[name]++; times[name] > 1 {
			list[i].what += fmt.Sprintf(" (%d)", times[name])
		}
	}
}

type finder struct {
	file     string
	content  []byte
	set      *token.FileSet
	function string // in which it is looking
	found    []mutant
}

func nameOf(f *finder, fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return "(" + f.text(fn.Recv.List[0].Type) + ")." + fn.Name.Name
}

func (f *finder) add(begin, end token.Pos, with, what string) {
	from, to := f.set.Position(begin), f.set.Position(end)
	f.found = append(f.found, mutant{
		file: f.file, function: f.function, line: from.Line, begin: from.Offset, end: to.Offset, with: with, what: what,
	})
}

func (f *finder) text(n ast.Node) string {
	return string(f.content[f.set.Position(n.Pos()).Offset:f.set.Position(n.End()).Offset])
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if other, ok := operators[n.Op]; ok {
			f.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String(), fmt.Sprintf("%s: %s becomes %s", f.text(n), n.Op, other))
		}
	case *ast.IfStmt:
		f.add(n.Cond.Pos(), n.Cond.End(), "!("+f.text(n.Cond)+")", "if "+f.text(n.Cond)+": negated")
	case *ast.CaseClause:
		f.conditions(n)
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
			f.add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10), fmt.Sprintf("%d becomes %d", v, v+1))
		}
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" {
			f.add(n.Pos(), n.End(), other, n.Name+" becomes "+other)
		}
	case *ast.BlockStmt:
		f.removals(n.List)
	}
	return true
}

// conditions negates the cases of a switch without a tag: they are comparisons, calls and negations. Others do not compile negated and are not counted.
func (f *finder) conditions(c *ast.CaseClause) {
	f.removals(c.Body)
	for _, x := range c.List {
		switch x.(type) {
		case *ast.BinaryExpr, *ast.CallExpr, *ast.UnaryExpr:
			f.add(x.Pos(), x.End(), "!("+f.text(x)+")", "case "+f.text(x)+": negated")
		}
	}
}

// removals take single statements away.
func (f *finder) removals(list []ast.Stmt) {
	for _, s := range list {
		removable := false
		switch s := s.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.BranchStmt:
			removable = true
		case *ast.AssignStmt:
			removable = s.Tok != token.DEFINE
		}
		if removable {
			f.add(s.Pos(), s.End(), "", f.text(s)+": removed")
		}
	}
}
