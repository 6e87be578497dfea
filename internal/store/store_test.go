package store_test

import (
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/internal/store/postgres"
	"github.com/bidahq/bida/internal/store/sqlite"
)

var (
	_ store.Store = (*memory.Store)(nil)
	_ store.Store = (*postgres.Store)(nil)
	_ store.Store = (*sqlite.Store)(nil)
)

func TestADirectoryNamesTheEmbeddedDatabase(t *testing.T) {
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, ok := s.(*sqlite.Store); !ok {
		t.Errorf("got a %T", s)
	}
}

func TestATargetThatCannotBeOpenedIsOneClearLine(t *testing.T) {
	for target, want := range map[string]string{
		"":                                   "no database",
		"mysql://x":                          "mysql://",
		"postgres://u:secret@127.0.0.1:1/x":  "127.0.0.1",
		"postgresql://127.0.0.1:port/secret": "database",
	} {
		s, err := store.Open(t.Context(), target, store.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", target)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "\n") || strings.Contains(text, "secret@") {
			t.Errorf("%q: %q", target, text)
		}
	}
}
