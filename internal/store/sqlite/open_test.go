package sqlite_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/store/migrate"
	"github.com/bidahq/bida/internal/store/sqlite"
)

func TestOneProcessUsesADirectoryAtATime(t *testing.T) {
	directory := t.TempDir()
	first := open(t, directory, sqlite.Options{})
	_, err := sqlite.Open(t.Context(), directory, sqlite.Options{})
	if !errors.Is(err, sqlite.ErrInUse) || !strings.Contains(err.Error(), directory) {
		t.Errorf("second: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, directory, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnOpenThatFailsGivesTheDirectoryFree(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, sqlite.File)
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), directory, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
		t.Errorf("not a database: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := open(t, directory, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "a", "b?c #%41 数据")
	s := open(t, directory, sqlite.Options{})
	defer s.Close()
	modes := map[string]fs.FileMode{".": 0o700, sqlite.File: 0o600, sqlite.File + "-wal": 0o600, sqlite.File + "-shm": 0o600, "bida.lock": 0o600}
	for name, want := range modes {
		info, err := os.Stat(filepath.Join(directory, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, not %v", name, got, want)
		}
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != len(modes)-1 {
		t.Errorf("files: %v, %v", entries, err)
	}
}

func TestADirectoryThatCannotBeUsedIsOneClearLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, directory := range []string{file, filepath.Join(file, "below"), "/proc/bida"} {
		_, err := sqlite.Open(t.Context(), directory, sqlite.Options{})
		if err == nil || !strings.Contains(err.Error(), directory) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", directory, err)
		}
	}
}

func TestANewerDatabaseIsRefusedAndNotTouched(t *testing.T) {
	directory := t.TempDir()
	if err := open(t, directory, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, sqlite.File)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), directory, sqlite.Options{}); !errors.Is(err, migrate.ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Errorf("got %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the database was changed: %v", err)
	}
}
