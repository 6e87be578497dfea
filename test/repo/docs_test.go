package repo

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// running lists paths that documents may name though the repository does not have them: a running system or a build
// makes them, or they are patterns for names that people choose.
var running = []string{
	"web/widget/dist/widget.js", // made by make build
	"docs/adr/NNNN-title.md",    // how a decision record is called
}

// topFiles and topDirs are the beginnings by which a word in a document is recognised as a path of this repository.
var (
	topFiles = []string{"Makefile", "go.mod", "go.sum", "LICENSE", "README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ".gitignore", ".editorconfig", ".gitattributes"}
	topDirs  = []string{"api", "client", "cmd", "deploy", "docs", "internal", "test", "web", ".ci"}

	inCode = regexp.MustCompile("`([^`\n]+)`")
	links  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	braces = regexp.MustCompile(`\{([^{}]*,[^{}]*)\}`)
)

// checkPaths names the paths in a document that exists() does not know: those in backticks from the root, those in
// links from the document. A path may be a glob, or a set in braces such as internal/{store,bus}.
func checkPaths(name, text string, exists func(pattern string) bool) []string {
	var faults []string
	missing := func(line int, p string) {
		faults = append(faults, fmt.Sprintf("%s:%d names %s, which does not exist", name, line+1, p))
	}
	fenced := false
	for number, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		for _, code := range inCode.FindAllStringSubmatch(line, -1) {
			for _, word := range strings.Fields(code[1]) {
				for _, p := range expand(word) {
					if p = repositoryPath(p); p != "" && !slices.Contains(running, p) && !exists(p) {
						missing(number, p)
					}
				}
			}
		}
		for _, link := range links.FindAllStringSubmatch(inCode.ReplaceAllString(line, ""), -1) {
			target, _, _ := strings.Cut(link[1], "#")
			if target == "" || strings.Contains(target, ":") {
				continue // a place in the same document, or another site
			}
			if p := path.Join(path.Dir(name), target); !exists(p) {
				missing(number, p)
			}
		}
	}
	return faults
}

// repositoryPath cleans a word that looks like a path from the root of this repository, or returns "".
func repositoryPath(word string) string {
	word = strings.Trim(word, `"'(),;`)
	if strings.HasPrefix(word, "/") {
		return "" // a route, or a place on a machine
	}
	word = strings.TrimPrefix(word, "./")
	word, _, _ = strings.Cut(word, "#")
	word, _, _ = strings.Cut(word, ":") // file:line
	word = strings.TrimSuffix(word, "...")
	word = strings.Trim(strings.TrimSuffix(word, "."), "/")
	if slices.Contains(topFiles, word) {
		return word
	}
	first, rest, ok := strings.Cut(word, "/")
	if !ok || rest == "" || !slices.Contains(topDirs, first) || strings.ContainsAny(word, "<>$…|=") {
		return ""
	}
	return word
}

// expand resolves sets in braces, as a shell does.
func expand(word string) []string {
	at := braces.FindStringSubmatchIndex(word)
	if at == nil {
		return []string{word}
	}
	var words []string
	for part := range strings.SplitSeq(word[at[2]:at[3]], ",") {
		words = append(words, expand(word[:at[0]]+part+word[at[1]:])...)
	}
	return words
}

// documents lists the Markdown files that people read: at the top, and under docs/.
func documents(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root(t), "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	docs := filepath.Join(root(t), "docs")
	err = filepath.WalkDir(docs, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == docs && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDocumentsNameOnlyPathsThatExist(t *testing.T) {
	top := root(t)
	exists := func(pattern string) bool {
		found, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(pattern)))
		return err == nil && len(found) > 0
	}
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkPaths(filepath.ToSlash(rel), string(text), exists))
	}
}

// checkReadme wants the two commands that everybody needs where everybody sees them.
func checkReadme(name, text string) []string {
	lines := strings.Split(text, "\n")
	beginning := strings.Join(lines[:min(40, len(lines))], "\n")
	var faults []string
	for _, command := range []string{"make run", "make test"} {
		if !strings.Contains(beginning, command) {
			faults = append(faults, fmt.Sprintf("%s does not name %q in its first 40 lines", name, command))
		}
	}
	return faults
}

func TestBothReadmesNameTheCommands(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root(t), "cmd", "bida")); os.IsNotExist(err) {
		return // nothing to run yet, so nothing to say about running it
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Errorf("both languages have a README: %v", err)
			continue
		}
		report(t, checkReadme(name, string(text)))
	}
}

func TestTheRuleAboutReadmesFindsFaults(t *testing.T) {
	expect(t, checkReadme("README.md", "# Bida\n\nRun `make run`; check with `make test`.\n"))
	expect(t, checkReadme("README.md", "# Bida\n\n`make run`\n"), "make test")
	expect(t, checkReadme("README.md", "# Bida\n"+strings.Repeat("\n", 40)+"`make run` `make test`\n"), "make run", "make test")
}

func TestTheRuleAboutPathsFindsFaults(t *testing.T) {
	exists := func(pattern string) bool {
		return slices.Contains([]string{"internal/store", "internal/bus", "docs/glossary.md", "docs/adr/0001-one.md", "docs/adr/*.md", "test/sim", "Makefile"}, pattern)
	}
	tests := []struct {
		text string
		want []string
	}{
		{"See `internal/store` and `./internal/store/...` and `internal/store/`.", nil},
		{"See `internal/attic`.", []string{"docs/page.md:1 names internal/attic"}},
		{"See\n`internal/{store,bus}`, `internal/{store,attic}`.", []string{"docs/page.md:2 names internal/attic"}},
		{"Run `go test ./test/sim -seed=1`, not `go test ./test/sin`.", []string{"test/sin"}},
		{"All of `docs/adr/*.md`, none of `docs/rfc/*.md`.", []string{"docs/rfc/*.md"}},
		{"In `docs/glossary.md#words` and `docs/glossary.md:12`.", nil},
		{"The `Makefile` and the `CHANGELOG.md`.", []string{"CHANGELOG.md"}},
		{"Not ours: `/etc/bida/config.yaml`, `bida-data/admin.sock`, `client/server`-free text, `text/html`, `docs`.", []string{"client/server"}},
		{"Chosen by people: `docs/adr/NNNN-title.md`, `deploy/<name>.yaml`.", nil},
		{"A [link](glossary.md), [another](adr/0001-one.md#context), [a site](https://example.org/x), [a place](#here).", nil},
		{"A [dead link](attic.md).", []string{"docs/attic.md"}},
		{"```\ninternal/attic `internal/attic`\n```\n`internal/cellar`", []string{"docs/page.md:4 names internal/cellar"}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			expect(t, checkPaths("docs/page.md", test.text, exists), test.want...)
		})
	}
}
