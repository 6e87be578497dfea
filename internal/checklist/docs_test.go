package checklist

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// table is what docs/checklist.md says of the questions.
func table() string {
	var b strings.Builder
	for i, q := range Questions() {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s | `%s` |\n", i+1, q.ID, q.Ask.ZH, q.Ask.EN, q.Gate)
	}
	return b.String()
}

func TestThePageHasEveryQuestion(t *testing.T) {
	page, err := os.ReadFile("../../docs/checklist.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table()) {
		t.Errorf("docs/checklist.md has another table; it is to be:\n%s", table())
	}
}
