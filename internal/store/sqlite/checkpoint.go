package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// checkpointer copies the log into the database beside the writer.
//
// A checkpoint that runs beside commits never reaches the end of the log, and a log whose end is never reached grows for ever. So it goes in two steps:
// the bulk is copied while commits go on; then, between two commits, the little that came since, so that the next commit begins the log anew. A reader
// that still needs the old log makes the second step try again later.
type checkpointer struct {
	store *Store
	conn  conn
	wake  chan struct{}
	quit  chan struct{}
	done  sync.WaitGroup
}

func startCheckpoints(s *Store) (*checkpointer, error) {
	c, err := openConn(s.source(otherCache, checkpointTimeout, false))
	if err != nil {
		return nil, err
	}
	k := &checkpointer{store: s, conn: c, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	k.done.Add(1)
	go k.work()
	return k, nil
}

// stop waits for the goroutine and closes the connection.
func (k *checkpointer) stop() {
	close(k.quit)
	k.done.Wait()
	if k.store.isSpoiled() {
		return // the last connection that is closed would copy the log
	}
	if err := k.conn.Close(); err != nil {
		k.store.options.Log.Warn("closing the checkpoint connection", "error", err)
	}
}

// poke wakes the checkpointer if the log has grown enough. The caller holds mu.
func (s *Store) poke() {
	if s.checks == nil || s.spoiled {
		return
	}
	n, err := s.writer.pages()
	if err != nil || n-s.writer.settledPages < s.checkpointPages() {
		return
	}
	select {
	case s.checks.wake <- struct{}{}:
	default: // it is awake
	}
}

// Spare says whether the log is to take little room, at the price of more writing: it is copied and begun anew again and again, and so the room that it has
// taken lasts. It never blocks.
func (s *Store) Spare(on bool) { s.sparing.Store(on) }

// checkpointPages is how many pages are written to the log before it is copied.
func (s *Store) checkpointPages() int {
	if s.sparing.Load() {
		return min(sparingPages, s.options.CheckpointPages)
	}
	return s.options.CheckpointPages
}

func (k *checkpointer) work() {
	defer k.done.Done()
	failing := false
	for {
		select {
		case <-k.quit:
			return
		case <-k.wake:
		}
		err := k.checkpoint()
		if err != nil && !failing {
			k.store.options.Log.Warn("the log could not be copied into the database", "database", k.store.path, "error", err)
		}
		failing = err != nil
		if k.store.spoil(err) {
			return // stop waits for nothing then
		}
	}
}

// spoil notes that a sync of the database failed, and says whether it did.
//
// A checkpoint that does not reach the end of the log copies pages and leaves their sync to a later one, which does not copy them again. When that sync fails the
// kernel takes the pages for clean, and the next sync, which succeeds, says nothing about them: the log could be begun anew though the database never got them.
// So nothing is copied any more in this process. Commits go on in the log; the next process that opens it copies all of it.
func (s *Store) spoil(err error) bool {
	if !isSyncError(err) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoiled = true
	s.options.Log.Error("the database could not be synced: its log grows until the server is started anew, which copies all of it", "database", s.path, "error", err)
	return true
}

func isSyncError(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_FSYNC
}

func (s *Store) isSpoiled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spoiled
}

func (k *checkpointer) checkpoint() error {
	if _, err := checkpoint(k.conn, "PASSIVE"); err != nil {
		return err
	}
	s := k.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer == nil {
		return nil
	}
	busy, err := checkpoint(k.conn, "RESTART")
	if err != nil {
		return err
	}
	pages, err := s.writer.pages()
	if err != nil {
		return err
	}
	s.writer.settledPages = pages
	if busy {
		// A reader keeps the log: try again when a quarter as much has been written.
		s.writer.settledPages -= s.checkpointPages() * 3 / 4
	}
	return nil
}

// checkpoint copies the log; busy means that it was not copied to its end.
func checkpoint(c conn, mode string) (busy bool, err error) {
	row, err := queryRow(c, "PRAGMA wal_checkpoint("+mode+")")
	if err != nil {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	return row[0] != int64(0), nil
}

// queryRow returns the first row of a statement.
func queryRow(c conn, text string) ([]driver.Value, error) {
	rows, err := c.QueryContext(context.Background(), text, nil)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, len(rows.Columns()))
	if err = rows.Next(row); errors.Is(err, io.EOF) {
		err = errors.New("no row")
	}
	return row, cmp.Or(err, rows.Close())
}
