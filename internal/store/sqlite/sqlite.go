// Package sqlite is the embedded store: one SQLite database in the data directory.
//
// What it promises: Commit returns nil only after the group is on disk (WAL with synchronous=FULL), and nothing of a group is visible before all of it
// is. One process uses a directory at a time, held by a lock on bida.lock from Open to Close. Reads run on their own connections, see only whole groups
// and never wait for a commit.
//
// One connection writes. It is used through the driver, not through database/sql: it has one user, keeps its statements, and must not be interrupted
// once a COMMIT began. Checkpoints run on a third connection, in a goroutine that Open starts and Close stops. Open and Reopen settle what the log holds
// before anything is read.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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

// File is the name of the database in the data directory.
const File = "bida.db"

// ErrInUse says that another process uses the data directory.
var ErrInUse = errors.New("the data directory is in use")

// errSpoiled: see Store.spoil.
var errSpoiled = fmt.Errorf("the database could not be synced, and its log is copied by the next process: %w", ledger.ErrMustRestart)

// Options are what a store can be told; the zero value is right.
type Options struct {
	// Log gets what happens in the background: checkpoints that fail. None if nil.
	Log *slog.Logger
	// CheckpointPages is how many pages are written to the log before it is copied into the database; 0 is the default.
	CheckpointPages int
	// KeptRefusals is how many lines of the intake log are kept; 0 is the default.
	KeptRefusals int
}

const (
	// Hot pages are copied into the database once per checkpoint: with 16 MiB in place of 64 that is half of all writing.
	defaultCheckpointPages = 16384 // 64 MiB
	sparingPages           = 256   // 1 MiB
	writerCache            = 64 << 10
	readerCache            = 8 << 10
	otherCache             = 1 << 10 // KiB, all three
	writerTimeout          = 5 * time.Second
	checkpointTimeout      = 5 * time.Millisecond
	idleReader             = 5 * time.Minute
)

// Store is an open database.
type Store struct {
	*query.Reader
	path    string
	options Options
	lock    *os.File

	// mu serializes commits with the end of a checkpoint, Reopen and Close.
	mu      sync.Mutex
	writer  *writer // nil when it was lost, and after Close
	unsure  bool    // a commit is unknown and Reopen was not called
	readers *sql.DB
	closed  bool
	spoiled bool          // see spoil
	sparing atomic.Bool   // see Spare
	checks  *checkpointer // nil before connect and after stopCheckpoints
}

// Open opens the database in the directory, which it makes if it is missing.
func Open(ctx context.Context, directory string, options Options) (_ *Store, err error) {
	if options.CheckpointPages == 0 {
		options.CheckpointPages = defaultCheckpointPages
	}
	if options.KeptRefusals == 0 {
		options.KeptRefusals = table.KeptRefusals
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", directory, err)
	}
	lock, err := acquire(directory)
	if err != nil {
		return nil, err
	}
	s := &Store{path: filepath.Join(directory, File), options: options, lock: lock}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := createPrivate(s.path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("database %s: %w", s.path, err)
	}
	s.Reader = query.New(nil, query.QuestionMarks)
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("database %s: %w", s.path, err)
	}
	return s, nil
}

// createPrivate makes the file before SQLite would, because the log takes its mode from the database.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return cmp.Or(f.Chmod(0o600), f.Close())
}

func (s *Store) migrate(ctx context.Context) error {
	db, err := sql.Open("sqlite", s.source(otherCache, writerTimeout, false))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return cmp.Or(migrate.Up(ctx, db, goose.DialectSQLite3, Migrations()), db.Close())
}

// source is the data source name of a connection. Automatic checkpoints are off on every connection: they would run inside a commit.
func (s *Store) source(cacheKiB int, timeout time.Duration, readOnly bool) string {
	pragmas := []string{
		"busy_timeout(" + strconv.FormatInt(timeout.Milliseconds(), 10) + ")",
		"cache_size(-" + strconv.Itoa(cacheKiB) + ")",
		"foreign_keys(off)", "temp_store(memory)",
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(on)")
	} else {
		pragmas = append(pragmas, "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(0)")
	}
	u := url.URL{Scheme: "file", Path: s.path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

// connect opens the writer and settles the log, then replaces the readers. With an error the old readers, if any, stay.
func (s *Store) connect(ctx context.Context) error {
	w, err := openWriter(s.source(writerCache, writerTimeout, false))
	if err != nil {
		return err
	}
	if err := cmp.Or(w.settle(), syncDirectory(filepath.Dir(s.path))); err != nil {
		if s.spoiled = s.readers != nil && isSyncError(err); !s.spoiled {
			_ = w.close() // the first error says more
		}
		return err
	}
	readers, err := sql.Open("sqlite", s.source(readerCache, writerTimeout, true))
	if err == nil {
		err = readers.PingContext(ctx)
	}
	if err != nil {
		_ = w.close()
		return err
	}
	n := max(4, runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	readers.SetConnMaxIdleTime(idleReader)
	checks, err := startCheckpoints(s)
	if err != nil {
		_, _ = w.close(), readers.Close()
		return err
	}
	s.Reader.Use(readers)
	if s.readers != nil {
		err = s.readers.Close()
	}
	s.writer, s.readers, s.checks = w, readers, checks
	return err
}

// syncDirectory makes the names of the database and its log durable. SQLite does that too when it has made them, but goes on when it fails.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}

// Load implements ledger.Committer.
func (s *Store) Load(ctx context.Context) (*ledger.State, error) {
	return s.Reader.Load(ctx, &sql.TxOptions{ReadOnly: true})
}

// Extract implements ledger.Extractor. While it runs, the log of the database is not begun anew: whoever takes the parts must not dawdle.
func (s *Store) Extract(ctx context.Context, from time.Time, take func(*ledger.Extract) error) error {
	return s.Reader.Extract(ctx, &sql.TxOptions{ReadOnly: true}, from, take)
}

// Reopen implements ledger.Committer. When it succeeds, what HasGroup says is on disk and final.
func (s *Store) Reopen(ctx context.Context) error {
	s.stopCheckpoints()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: it is closed", ledger.ErrUnavailable)
	}
	if s.spoiled {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, errSpoiled)
	}
	s.dropWriter()
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("%w: reopening %s: %w", ledger.ErrUnavailable, s.path, err)
	}
	s.unsure = false
	return nil
}

// dropWriter closes the writer; an error is of no interest, because whatever it left is settled by the next one.
func (s *Store) dropWriter() {
	if s.writer != nil {
		_ = s.writer.close()
		s.writer = nil
	}
}

// Close copies the log into the database, closes all connections and gives the directory free. It is safe to call twice.
func (s *Store) Close() error {
	s.stopCheckpoints()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.spoiled { // to close the last connection would be to copy the log: they end with the process
		s.release()
		return errSpoiled
	}
	errs := []error{s.Reader.Close(), s.readers.Close()}
	if s.writer != nil {
		_, err := s.writer.checkpoint("TRUNCATE")
		errs = append(errs, err, s.writer.close())
		s.writer = nil
	}
	s.release()
	return errors.Join(errs...)
}

func (s *Store) release() {
	// Closing the file drops the lock. The file stays: removing it would let two processes lock two different files.
	_ = s.lock.Close()
}

// stopCheckpoints waits for the goroutine, which takes mu.
func (s *Store) stopCheckpoints() {
	s.mu.Lock()
	checks := s.checks
	s.checks = nil
	s.mu.Unlock()
	if checks != nil {
		checks.stop()
	}
}
