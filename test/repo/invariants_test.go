package repo

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName     = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	invariantRow = regexp.MustCompile(`(?m)^\| (\d+) \|.*\|$`)
)

// checkInvariants wants every guarantee to be numbered in order and to name a test, and every test that is named to be there.
func checkInvariants(text string, tests map[string]bool) []string {
	var faults []string
	for i, row := range invariantRow.FindAllStringSubmatch(text, -1) {
		if row[1] != fmt.Sprint(i+1) {
			faults = append(faults, fmt.Sprintf("guarantee %s stands in place %d", row[1], i+1))
		}
		if !testName.MatchString(row[0]) {
			faults = append(faults, fmt.Sprintf("guarantee %s names no test", row[1]))
		}
	}
	for _, name := range testName.FindAllStringSubmatch(text, -1) {
		if !tests[name[1]] {
			faults = append(faults, fmt.Sprintf("there is no %s", name[1]))
		}
	}
	return faults
}

// testsOf lists the test functions of the tree.
func testsOf(sources []source) map[string]bool {
	tests := map[string]bool{}
	for _, s := range sources {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

func TestEveryGuaranteeNamesATestThatExists(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "invariants.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !invariantRow.Match(text) {
		t.Fatal("docs/invariants.md has no table of guarantees")
	}
	report(t, checkInvariants(string(text), testsOf(tree(t))))
}

func TestTheRuleAboutGuaranteesFindsFaults(t *testing.T) {
	tests := testsOf([]source{
		mustParse(t, "a/a_test.go", "package a\nfunc TestOne(t *testing.T) {}\nfunc TestTwo(t *testing.T) {}\nfunc helper() {}"),
		mustParse(t, "a/a.go", "package a\nfunc TestThree() {}"),
	})
	expect(t, checkInvariants("| 1 | holds | `TestOne`, `TestTwo` |\n| 2 | holds | `TestTwo` (injected) |\n", tests))
	expect(t, checkInvariants("| 1 | holds | a wish |\n", tests), "guarantee 1 names no test")
	expect(t, checkInvariants("| 2 | holds | `TestOne` |\n", tests), "in place 1")
	expect(t, checkInvariants("| 1 | holds | `TestThree` |\n", tests), "there is no TestThree")
}
