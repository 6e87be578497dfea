// Package postgres is the store for several nodes: a PostgreSQL database.
//
// What it promises: Commit returns nil only after the server said that the group is committed, with synchronous_commit on. One process decides: Load
// takes a new epoch, and a commit with an older one gets ledger.ErrNotDecider and writes nothing, however late it comes. Reads see whole groups only.
//
// One connection writes, in the protocol's own terms: every table of a group is one statement over arrays, and all statements of a group travel together
// in one round trip, the COMMIT in a second one, so that it is known whether a lost connection can have committed anything. Reads use a pool.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/migrate"
	"github.com/bidahq/bida/internal/store/query"
	"github.com/bidahq/bida/internal/store/table"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the numbered files of this dialect.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return files
}

// Options are what a store can be told; the zero value is right.
type Options struct {
	// Log gets what an operator should know about the server. None if nil.
	Log *slog.Logger
	// KeptRefusals is how many lines of the intake log are kept; 0 is the default.
	KeptRefusals int
}

const (
	connectTimeout = 10 * time.Second
	// commitTimeout is how long a commit may take before its outcome counts as unknown.
	commitTimeout = 30 * time.Second
	// idleTimeout is when the server ends a transaction of a process that is paused in the middle of a commit, so that it cannot keep the decider's row
	// from its successor.
	idleTimeout = 10 * time.Second
	idleReader  = 5 * time.Minute
)

// Store is an open database.
type Store struct {
	*query.Reader
	url     string
	options Options

	// mu serializes commits with Load, Reopen and Close.
	mu      sync.Mutex
	writer  *writer // nil after its connection was lost
	readers *sql.DB
	epoch   int64 // 0 before Load
	unsure  bool  // a commit is unknown and Reopen was not called
	closed  bool
}

// Open connects to the database that the URL names and brings it to this program's schema.
func Open(ctx context.Context, url string, options Options) (_ *Store, err error) {
	if options.KeptRefusals == 0 {
		options.KeptRefusals = table.KeptRefusals
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{url: url, options: options, Reader: query.New(nil, query.Dollars)}
	// The library's errors leave the password out; ours must not bring it back by quoting the URL.
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	name := fmt.Sprintf("database %s on %s:%d", config.Database, config.Host, config.Port)
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", name, oneLine{err})
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", name, oneLine{err})
	}
	return s, nil
}

// oneLine shows an error without the line breaks by which the library lists the addresses that it tried.
type oneLine struct{ error }

func (e oneLine) Error() string {
	return strings.Join(strings.FieldsFunc(e.error.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

func (e oneLine) Unwrap() error { return e.error }

// config is how we connect. The settings that our promises rest on are ours, whatever the server's or the user's defaults are.
func (s *Store) config(settings map[string]string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(s.url)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = "bida"
	config.RuntimeParams["synchronous_commit"] = "on"
	// Our statements are short. To compile one takes a hundred times as long as to run it, and a scan that is discouraged counts as expensive enough.
	config.RuntimeParams["jit"] = "off"
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	return config, nil
}

func (s *Store) migrate(ctx context.Context) error {
	config, err := s.config(nil)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	return cmp.Or(migrate.Up(ctx, db, goose.DialectPostgres, Migrations()), db.Close())
}

// openReaders opens a pool. Plans are made anew for every read: one that was made while the tables were empty would read all of them later.
func (s *Store) openReaders(ctx context.Context) (*sql.DB, error) {
	config, err := s.config(map[string]string{"plan_cache_mode": "force_custom_plan"})
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	n := max(4, 2*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(idleReader)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close() // the first error says more
		return nil, err
	}
	return db, nil
}

func (s *Store) connect(ctx context.Context) error {
	w, err := s.openWriter(ctx)
	if err != nil {
		return err
	}
	if fsync, err := w.show(ctx, "fsync"); err == nil && fsync != "on" {
		s.options.Log.Warn("the database server runs with fsync off: what is acknowledged may be lost when the machine stops")
	}
	readers, err := s.openReaders(ctx)
	if err != nil {
		_ = w.close() // the first error says more
		return err
	}
	s.Reader.Use(readers)
	if s.readers != nil {
		err = s.readers.Close()
	}
	s.writer, s.readers = w, readers
	return err
}

// Load implements ledger.Committer. It becomes the decider before it reads, so that nobody else writes meanwhile.
func (s *Store) Load(ctx context.Context) (*ledger.State, error) {
	if err := s.decide(ctx); err != nil {
		return nil, err
	}
	return s.Reader.Load(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

// Extract implements ledger.Extractor.
func (s *Store) Extract(ctx context.Context, from time.Time, take func(*ledger.Extract) error) error {
	return s.Reader.Extract(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, from, take)
}

func (s *Store) decide(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	epoch, err := s.writer.number(ctx, "UPDATE decider SET epoch = epoch + 1 RETURNING epoch")
	if err != nil {
		s.dropWriter()
		return fmt.Errorf("%w: becoming the decider: %w", ledger.ErrUnavailable, err)
	}
	s.epoch = epoch
	return nil
}

// ready makes sure that there is a writer. The caller holds mu.
func (s *Store) ready(ctx context.Context) error {
	switch {
	case s.closed:
		return fmt.Errorf("%w: it is closed", ledger.ErrUnavailable)
	case s.unsure:
		return fmt.Errorf("%w: it has to be reopened", ledger.ErrUnavailable)
	case s.writer != nil:
		return nil
	}
	w, err := s.openWriter(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	s.writer = w
	return nil
}

// Reopen implements ledger.Committer. When it succeeds, what HasGroup says is final: the server may still be executing a COMMIT whose connection is lost,
// but that transaction has locked the decider's row, and Reopen waits for the lock.
func (s *Store) Reopen(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: it is closed", ledger.ErrUnavailable)
	}
	s.dropWriter()
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("%w: reopening: %w", ledger.ErrUnavailable, err)
	}
	if _, err := s.writer.number(ctx, "SELECT epoch FROM decider FOR UPDATE"); err != nil {
		s.dropWriter()
		return fmt.Errorf("%w: waiting for the last commit: %w", ledger.ErrUnavailable, err)
	}
	s.unsure = false
	return nil
}

func (s *Store) dropWriter() {
	if s.writer != nil {
		_ = s.writer.close() // it is given up
		s.writer = nil
	}
}

// Close closes all connections. It is safe to call twice.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.dropWriter()
	return errors.Join(s.Reader.Close(), s.readers.Close())
}
