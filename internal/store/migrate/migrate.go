// Package migrate brings a database to the schema of this program.
//
// Migrations are numbered files without gaps, forward only, each in a transaction of its own. A database that is newer than the program, or that lacks a
// migration in the middle, is refused before anything is written: an old program would read new rows wrongly.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// ErrNewer says that the database was made by a newer program.
var ErrNewer = errors.New("the database is newer than this program")

// ErrGap says that the database's history of migrations, or the program's, has a hole.
var ErrGap = errors.New("migrations are missing")

const versions = "goose_db_version"

// Up applies what is missing. PostgreSQL is locked meanwhile, so that two nodes can start at once; SQLite is used by one process anyway.
func Up(ctx context.Context, db *sql.DB, dialect goose.Dialect, files fs.FS) error {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versions), goose.WithLogger(goose.NopLogger())}
	if dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return err
	}
	known := int64(len(provider.ListSources()))
	for i, source := range provider.ListSources() {
		if source.Version != int64(i)+1 {
			return fmt.Errorf("%w: the program has migration %d in place of %d", ErrGap, source.Version, i+1)
		}
	}
	applied, err := applied(ctx, db, dialect)
	if err != nil {
		return err
	}
	if n := int64(len(applied)); n > 0 && applied[n-1] > known {
		return fmt.Errorf("%w: it has schema version %d, this program knows versions up to %d", ErrNewer, applied[n-1], known)
	}
	for i, version := range applied {
		if version != int64(i)+1 {
			return fmt.Errorf("%w: the database has version %d without version %d", ErrGap, version, i+1)
		}
	}
	if int64(len(applied)) == known {
		return nil
	}
	if _, err = provider.Up(ctx); err != nil {
		return fmt.Errorf("bringing the database from schema version %d to %d: %w", len(applied), known, err)
	}
	return nil
}

// applied lists the versions of the database in order; none if it is empty.
func applied(ctx context.Context, db *sql.DB, dialect goose.Dialect) ([]int64, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + versions + "'"
	if dialect == goose.DialectPostgres {
		exists = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '" + versions + "'"
	}
	var tables int
	if err := db.QueryRowContext(ctx, exists).Scan(&tables); err != nil {
		return nil, err
	}
	if tables == 0 {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx, "SELECT version_id FROM "+versions+" WHERE version_id > 0 AND is_applied ORDER BY version_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		list = append(list, version)
	}
	return list, rows.Err()
}
