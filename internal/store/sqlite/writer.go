package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is what we use of the driver's connection.
type conn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	sqlite.DBStatus
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
}

// writer is the connection that commits.
type writer struct {
	conn     conn
	prepared map[*table.Op]statement
	begin    statement
	commit   statement
	rollback statement
	values   table.Values
	// settledPages is pages() when the log was last begun anew.
	settledPages int
}

func openConn(source string) (conn, error) {
	c, err := (&sqlite.Driver{}).Open(source)
	if err != nil {
		return nil, err
	}
	return c.(conn), nil
}

func openWriter(source string) (*writer, error) {
	c, err := openConn(source)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: c, prepared: map[*table.Op]statement{}}
	if err := w.prepare(); err != nil {
		_ = w.close() // the first error says more
		return nil, err
	}
	return w, nil
}

func (w *writer) prepare() error {
	// A file system without shared memory keeps another mode without an error, and then readers would block the writer.
	for pragma, want := range map[string]driver.Value{"journal_mode": "wal", "synchronous": int64(2)} {
		row, err := queryRow(w.conn, "PRAGMA "+pragma)
		if err != nil {
			return err
		}
		if row[0] != want {
			return fmt.Errorf("%s is %v, not %v, on this file system", pragma, row[0], want)
		}
	}
	for _, op := range table.Ops() {
		s, err := w.conn.PrepareContext(context.Background(), op.Text)
		if err != nil {
			return fmt.Errorf("%w in %s", err, op.Text)
		}
		w.prepared[op] = s.(statement)
	}
	for text, to := range map[string]*statement{"BEGIN IMMEDIATE": &w.begin, "COMMIT": &w.commit, "ROLLBACK": &w.rollback} {
		s, err := w.conn.PrepareContext(context.Background(), text)
		if err != nil {
			return err
		}
		*to = s.(statement)
	}
	return nil
}

// close finalizes the statements and closes the connection, which rolls an open transaction back.
func (w *writer) close() error {
	var errs []error
	for _, s := range w.prepared {
		errs = append(errs, s.Close())
	}
	for _, s := range []statement{w.begin, w.commit, w.rollback} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// run executes a statement. It is given no context on purpose: the driver would interrupt the connection at a moment of which we know nothing.
func (w *writer) run(s statement, values []driver.NamedValue) (driver.Result, error) {
	return s.ExecContext(context.Background(), values)
}

// settle makes final what the log holds.
//
// After an error of a COMMIT the frames of its group may lie in the log without being part of the database: if they were written and only the fsync
// failed, the next process that recovers the log would find a valid group. And what a recovery found after kill -9 may never have been synced. So the
// log is copied into the database, which syncs both, and truncated; then one small transaction begins a new log, so that no old frame can be valid
// again, whatever the file system makes of the truncation.
func (w *writer) settle() error {
	busy, err := w.checkpoint("TRUNCATE")
	if busy {
		err = errors.New("the log cannot be copied into the database while it is being read")
	}
	if err != nil {
		return err
	}
	_, err = w.conn.ExecContext(context.Background(), "UPDATE decider SET epoch = epoch + 1", nil)
	if err != nil {
		return err
	}
	w.settledPages, err = w.pages()
	return err
}

func (w *writer) checkpoint(mode string) (busy bool, err error) { return checkpoint(w.conn, mode) }

// pages is how many pages this connection has written to the log since it was opened.
func (w *writer) pages() (int, error) {
	n, _, err := w.conn.Status(sqlite.DBStatusCacheWrite, false)
	return n, err
}

// Commit implements ledger.Committer.
func (s *Store) Commit(ctx context.Context, g *ledger.Group) error {
	if err := table.Check(g); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return err
	}
	intact, err := s.writer.write(g, s.options.KeptRefusals)
	s.unsure = errors.Is(err, ledger.ErrCommitUnknown)
	if !intact {
		s.dropWriter()
	}
	if err == nil {
		s.poke()
	}
	return err
}

// ready makes sure that there is a writer. One that was lost before a COMMIT left nothing behind that had to be settled. The caller holds mu.
func (s *Store) ready() error {
	switch {
	case s.closed:
		return fmt.Errorf("%w: it is closed", ledger.ErrUnavailable)
	case s.unsure:
		return fmt.Errorf("%w: %s has to be reopened", ledger.ErrUnavailable, s.path)
	case s.writer != nil:
		return nil
	}
	w, err := openWriter(s.source(writerCache, writerTimeout, false))
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	s.writer = w
	return nil
}

// write writes a group. Not intact means that the state of the connection is not known.
//
// Until COMMIT is executed, an error means that nothing was written: either ROLLBACK says so, or SQLite has rolled back by itself, which it does after
// errors of the disk. An error of COMMIT itself is different. SQLite writes the frames of the group, syncs the log, and then makes the frames part of the
// database in shared memory; when a step fails it rolls back and leaves the transaction, but complete frames may lie in the log, and a process that
// recovers it would find the group. So the outcome is unknown. The one exception is an error before anything was written (SQLITE_BUSY), after which
// SQLite stays inside the transaction; that is so exactly when ROLLBACK then succeeds.
func (w *writer) write(g *ledger.Group, kept int) (intact bool, err error) {
	if _, err := w.run(w.begin, nil); err != nil {
		return w.undo(), classify(err)
	}
	if err := w.rows(g, kept); err != nil {
		return w.undo(), err
	}
	if _, err := w.run(w.commit, nil); err != nil {
		if _, undone := w.run(w.rollback, nil); undone == nil {
			return true, classify(err)
		}
		return false, fmt.Errorf("%w: %w", ledger.ErrCommitUnknown, err)
	}
	return true, nil
}

// undo ends the transaction, and says whether the connection can begin another one.
func (w *writer) undo() bool {
	if _, err := w.run(w.rollback, nil); err == nil {
		return true
	}
	// SQLite had already rolled back, or the connection is of no use: the way to tell is to try.
	if _, err := w.run(w.begin, nil); err != nil {
		return false
	}
	_, err := w.run(w.rollback, nil)
	return err == nil
}

func (w *writer) rows(g *ledger.Group, kept int) error {
	if g.Alive {
		w.values = w.values[:0]
		(&table.Encoder{Out: &w.values}).Time("alive_at", &g.At)
		_, err := w.conn.ExecContext(context.Background(), "UPDATE decider SET alive_at = ?", w.values)
		return classify(err)
	}
	for _, step := range table.Steps(g, kept) {
		for i := range step.Rows {
			if step.Short != nil {
				if hit, err := w.row(table.SameStatus, i, step.Short); err != nil || hit {
					if err != nil {
						return err
					}
					continue
				}
			}
			hit, err := w.row(step.Op, i, step.Encode)
			if err != nil {
				return err
			}
			if !hit && step.Op.MustHit {
				return table.Missed(step.Op, g)
			}
		}
	}
	return nil
}

// row executes one statement for one row, and says whether it changed any.
func (w *writer) row(op *table.Op, i int, encode func(int, *table.Encoder)) (bool, error) {
	w.values = w.values[:0]
	e := table.Encoder{Out: &w.values}
	encode(i, &e)
	if e.Err != nil {
		return false, e.Err
	}
	result, err := w.run(w.prepared[op], w.values)
	if err != nil {
		return false, classify(err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// classify tells refused rows from a store that cannot be written, for errors after which nothing was written.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
			return fmt.Errorf("%w: %w", ledger.ErrData, err)
		}
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}
