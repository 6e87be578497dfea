package sqlite_test

import (
	"testing"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/sqlite"
	"github.com/bidahq/bida/internal/store/storetest"
	"github.com/bidahq/bida/test/leak"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		directory := t.TempDir()
		return func() store.Store {
			return open(t, directory, sqlite.Options{KeptRefusals: storetest.KeptRefusals, CheckpointPages: 16})
		}
	})
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
