package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/sqlite"
	"github.com/bidahq/bida/internal/store/storetest"
	"github.com/bidahq/bida/test/leak"
)

func TestSQLite(t *testing.T) {
	made := migrated(t)
	storetest.Run(t, func(t *testing.T) func() store.Store {
		directory := t.TempDir()
		if err := os.WriteFile(filepath.Join(directory, sqlite.File), made, 0o600); err != nil {
			t.Fatal(err)
		}
		return func() store.Store {
			return open(t, directory, sqlite.Options{KeptRefusals: storetest.KeptRefusals, CheckpointPages: 16})
		}
	})
}

// migrated is an empty database, which is made once: the suite begins with many of them. That one is made where there is nothing, other tests show.
func migrated(t *testing.T) []byte {
	t.Helper()
	directory := t.TempDir()
	if err := open(t, directory, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(directory, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func open(t testing.TB, directory string, options sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), directory, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkCommit(b *testing.B) {
	storetest.Bench(b, b.TempDir(), func(b *testing.B) store.Store { return open(b, b.TempDir(), sqlite.Options{}) })
}

func TestMain(m *testing.M) { leak.Main(m) }
