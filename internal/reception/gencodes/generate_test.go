package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestGeneratedFilesAreNotStale(t *testing.T) {
	source, err := os.ReadFile("../" + cataloguePath)
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := parse(source)
	if err != nil {
		t.Fatal(err)
	}
	code, err := constants(reasons)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{constantsPath: code, docsPath: docs(reasons)} {
		got, err := os.ReadFile("../" + path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./internal/reception", path)
		}
	}
}

func TestABrokenCatalogueIsRefused(t *testing.T) {
	for name, source := range map[string]string{
		"not JSON":             `{"reasons": [`,
		"a field nobody knows": `{"reasons": [{"code": "a.b", "number": 1, "colour": "red"}]}`,
		"a code twice":         `{"reasons": [{"code": "a.b", "number": 1}, {"code": "a.b", "number": 2}]}`,
		"a number twice":       `{"reasons": [{"code": "a.b", "number": 1}, {"code": "a.c", "number": 1}]}`,
		"a number out of turn": `{"reasons": [{"code": "a.b", "number": 2}, {"code": "a.c", "number": 1}]}`,
		"a number too large":   `{"reasons": [{"code": "a.b", "number": 60000}]}`,
		"no number":            `{"reasons": [{"code": "a.b"}]}`,
		"no code":              `{"reasons": [{"number": 1}]}`,
	} {
		if _, err := parse([]byte(source)); err == nil || !strings.Contains(err.Error(), cataloguePath) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConstantsAreNamedAfterTheirCodes(t *testing.T) {
	for code, want := range map[string]string{
		"permission.kind.parent_off": "CodePermissionKindParentOff", "queue.waiting": "CodeQueueWaiting", "delivery.withdrawn.accept_timeout": "CodeDeliveryWithdrawnAcceptTimeout",
	} {
		if got := constantName(code); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
	}
}
