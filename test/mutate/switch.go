package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// variable is the environment variable that tells a program with all mutants which of them it is.
const variable = "BIDA_MUTANT"

// chooser is the file that reads it.
const chooser = `package %s

import (
	"os"
	"strconv"
)

var mutant__ = func() int {
	n, err := strconv.Atoi(os.Getenv("` + variable + `"))
	if err != nil {
		panic("` + variable + ` names no mutant")
	}
	return n
}()
`

// numbered are mutants by their numbers, from 1 on: 0 is the package as it is.
type numbered map[int]*mutant

// switchable rewrites a file so that each function of which there are mutants exists once for each of them, beside the function as it is. What is called
// by the function's name chooses among them. It returns the numbers that it took in: what the language calls by itself has no second version.
func switchable(file string, content []byte, mutants numbered) (rewritten []byte, pkg string, taken []int, err error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, "", nil, err
	}
	r := rewriter{finder: finder{file: file, content: content, set: set}}
	at := 0
	for _, d := range tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || fn.Name.Name == "init" || fn.Name.Name == "main" || fn.Name.Name == "_" {
			continue
		}
		begin, end := set.Position(fn.Pos()).Offset, set.Position(fn.End()).Offset
		var numbers []int
		for n, m := range mutants {
			if m.begin >= begin && m.end <= end {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) == 0 {
			continue
		}
		r.out.Write(content[at:begin])
		r.chooser(fn, numbers)
		r.version(fn, 0, nil)
		for _, n := range numbers {
			r.version(fn, n, mutants[n])
		}
		at, taken = end, append(taken, numbers...)
	}
	r.out.Write(content[at:])
	return r.out.Bytes(), tree.Name.Name, taken, nil
}

type rewriter struct {
	finder
	out bytes.Buffer
}

// version writes the function with a change, under a name of its own.
func (r *rewriter) version(fn *ast.FuncDecl, n int, m *mutant) {
	begin, end := r.set.Position(fn.Pos()).Offset, r.set.Position(fn.End()).Offset
	name := r.set.Position(fn.Name.End()).Offset
	r.out.Write(r.content[begin:name])
	r.out.WriteString("__" + strconv.Itoa(n))
	if m == nil {
		r.out.Write(r.content[name:end])
	} else {
		r.out.Write(r.content[name:m.begin])
		r.out.WriteString(m.with)
		r.out.Write(r.content[m.end:end])
	}
	r.out.WriteString("\n\n")
}

// chooser writes a function of the original's name that calls the version that is asked for.
func (r *rewriter) chooser(fn *ast.FuncDecl, numbers []int) {
	call := fn.Name.Name + "__%d"
	r.out.WriteString("func ")
	if fn.Recv != nil {
		fmt.Fprintf(&r.out, "(r__ %s) ", r.text(fn.Recv.List[0].Type))
		call = "r__." + call
	}
	r.out.WriteString(fn.Name.Name)
	if types := fn.Type.TypeParams; types != nil {
		r.out.WriteString(r.text(types))
		var names []string
		for _, field := range types.List {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
		call += "[" + strings.Join(names, ", ") + "]"
	}
	parameters, arguments := r.parameters(fn.Type.Params)
	fmt.Fprintf(&r.out, "(%s) ", parameters)
	call += "(" + arguments + ")"
	returned, after := "", "; return"
	if fn.Type.Results != nil {
		r.out.WriteString(r.text(fn.Type.Results))
		returned, after = "return ", ""
	}
	r.out.WriteString(" {\n\tswitch mutant__ {\n")
	for _, n := range numbers {
		fmt.Fprintf(&r.out, "\tcase %d:\n\t\t%s"+call+"%s\n", n, returned, n, after)
	}
	fmt.Fprintf(&r.out, "\t}\n\t%s"+call+"\n}\n\n", returned, 0)
}

// parameters gives every parameter a name, and passes each on.
func (r *rewriter) parameters(list *ast.FieldList) (parameters, arguments string) {
	var declared, passed []string
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			name := fmt.Sprintf("p%d__", len(declared))
			declared = append(declared, name+" "+r.text(field.Type))
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			passed = append(passed, name)
		}
	}
	return strings.Join(declared, ", "), strings.Join(passed, ", ")
}

// writeSwitchable writes a package that has all the mutants in it, as an overlay, and returns the overlay's path and the numbers that it has.
func writeSwitchable(dir, scratch string, mutants numbered) (overlay string, taken map[int]bool, err error) {
	files := map[string]numbered{}
	for n, m := range mutants {
		if files[m.file] == nil {
			files[m.file] = numbered{}
		}
		files[m.file][n] = m
	}
	replace := map[string]string{}
	taken = map[int]bool{}
	write := func(file string, content []byte) error {
		path := filepath.Join(scratch, filepath.Base(file))
		replace[file] = path
		return os.WriteFile(path, content, 0o600)
	}
	pkg := ""
	for file, own := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		rewritten, name, numbers, err := switchable(file, content, own)
		if err != nil {
			return "", nil, err
		}
		pkg = name
		for _, n := range numbers {
			taken[n] = true
		}
		if err := write(file, rewritten); err != nil {
			return "", nil, err
		}
	}
	if err := write(filepath.Join(dir, "zz_chooser.go"), fmt.Appendf(nil, chooser, pkg)); err != nil {
		return "", nil, err
	}
	overlay, err = writeOverlay(scratch, replace)
	return overlay, taken, err
}

// writeOverlay writes what tells the go command to read other files instead of the package's.
func writeOverlay(scratch string, replace map[string]string) (path string, err error) {
	raw, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(scratch, "overlay.json")
	return path, os.WriteFile(path, raw, 0o600)
}
