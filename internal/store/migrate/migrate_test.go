package migrate

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"
)

func files(contents ...string) fs.FS {
	m := fstest.MapFS{}
	for i, content := range contents {
		if content != "" {
			m["0000"+string(rune('1'+i))+"_x.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + content)}
		}
	}
	return m
}

const (
	one   = "CREATE TABLE one (a INTEGER);"
	two   = "CREATE TABLE two (a INTEGER);"
	three = "CREATE TABLE three (a INTEGER);"
)

func open(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func up(db *sql.DB, files fs.FS) error {
	return Up(context.Background(), db, goose.DialectSQLite3, files)
}

func tables(t *testing.T, db *sql.DB) string {
	t.Helper()
	var list string
	err := db.QueryRow("SELECT coalesce(group_concat(name), '') FROM (SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\' ORDER BY rowid)").Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMigrationsAreAppliedInOrderAndOnce(t *testing.T) {
	db := open(t)
	for range 2 {
		if err := up(db, files(one, two)); err != nil {
			t.Fatal(err)
		}
	}
	if err := up(db, files(one, two, three)); err != nil {
		t.Fatal(err)
	}
	if got := tables(t, db); got != "one,two,three" {
		t.Errorf("tables %s", got)
	}
}

func TestANewerDatabaseIsRefusedNamingBothVersions(t *testing.T) {
	db := open(t)
	if err := up(db, files(one, two, three)); err != nil {
		t.Fatal(err)
	}
	err := up(db, files(one))
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "version 3") || !strings.Contains(err.Error(), "up to 1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestGapsAreRefused(t *testing.T) {
	db := open(t)
	if err := up(db, files(one, "", three)); !errors.Is(err, ErrGap) {
		t.Errorf("gap in the program: %v", err)
	}
	if got := tables(t, db); got != "" {
		t.Errorf("a program with a gap made %s", got)
	}
	if err := up(db, files(one, two, three)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DELETE FROM " + versions + " WHERE version_id = 2"); err != nil {
		t.Fatal(err)
	}
	if err := up(db, files(one, two, three)); !errors.Is(err, ErrGap) {
		t.Errorf("gap in the database: %v", err)
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	db := open(t)
	if err := up(db, files(one, two+"\nINSERT INTO nowhere VALUES (1);")); err == nil {
		t.Fatal("no error")
	}
	if got := tables(t, db); got != "one" {
		t.Errorf("tables %s", got)
	}
	if err := up(db, files(one, two)); err != nil {
		t.Errorf("after it was repaired: %v", err)
	}
}

func TestAFailedLookAtTheVersionIsNotAnEmptyDatabase(t *testing.T) {
	db := open(t)
	if err := up(db, files(one)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("ALTER TABLE " + versions + " RENAME COLUMN version_id TO other"); err != nil {
		t.Fatal(err)
	}
	if err := up(db, files(one)); err == nil || errors.Is(err, ErrNewer) || errors.Is(err, ErrGap) {
		t.Errorf("got %v", err)
	}
}
