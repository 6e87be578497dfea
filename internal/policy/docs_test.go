package policy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/policy"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestTheReferencePageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, block := range yamlBlock.FindAllSubmatch(page, -1) {
		docs, err := policy.ParseYAML(block[1])
		if err != nil {
			t.Errorf("an example is at fault:\n%v\n%s", err, block[1])
		}
		for _, d := range docs {
			kinds[d.Kind] = true
		}
	}
	for _, kind := range policy.Kinds() {
		if !kinds[kind] {
			t.Errorf("no example of a document of kind %s", kind)
		}
	}
	for _, p := range policy.Permissions() {
		if !strings.Contains(string(page), "`"+p.Name+"` | "+p.TitleZH) {
			t.Errorf("the page does not list %s %s", p.Name, p.TitleZH)
		}
	}
	for _, d := range policy.Builtins() {
		template, ok := policy.Empty().Template(d.Name)
		if ok && !strings.Contains(string(page), "| `"+d.Name+"` | "+template.Title+" |") {
			t.Errorf("the page does not list the template %s %s", d.Name, template.Title)
		}
	}
}
