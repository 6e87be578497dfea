// Package query reads the ledger's rows over database/sql, the same for both dialects.
//
// A Reader is safe for many goroutines and never blocks a committer. Every method is one statement, and so sees one state; Load sees one state because
// it is given a transaction. Statements are prepared once. A failed read is an error, never an empty answer: what is wrapped is the context's error if
// that ended the read, else ledger.ErrUnavailable; ledger.ErrNotFound only when the statement succeeded and found nothing.
package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// Reader reads through a pool of connections.
type Reader struct {
	db     *sql.DB
	rebind func(string) string

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

// New returns a Reader over db, which it does not own and which may come later by Use. Rebind turns question marks into the dialect's placeholders.
func New(db *sql.DB, rebind func(string) string) *Reader {
	return &Reader{db: db, rebind: rebind, prepared: map[string]*sql.Stmt{}}
}

// Use makes later reads go through db. Reads under way finish where they began, or fail when their pool is closed.
func (r *Reader) Use(db *sql.DB) {
	_ = r.Close() // of the old pool, which is given up
	r.mu.Lock()
	defer r.mu.Unlock()
	r.db = db
}

// Close releases the prepared statements.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.prepared {
		errs = append(errs, s.Close())
	}
	clear(r.prepared)
	return errors.Join(errs...)
}

// QuestionMarks is the rebinding of a dialect that understands question marks.
func QuestionMarks(text string) string { return text }

// Dollars numbers the question marks: $1, $2 … Our statements have none in literals.
func Dollars(text string) string {
	var b strings.Builder
	n := 0
	for {
		i := strings.IndexByte(text, '?')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		n++
		b.WriteString(text[:i])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		text = text[i+1:]
	}
}

func (r *Reader) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.RLock()
	db, s := r.db, r.prepared[text]
	r.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	s, err := db.PrepareContext(ctx, r.rebind(text))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch other := r.prepared[text]; {
	case other != nil:
		return other, s.Close()
	case r.db != db:
		return s, nil // the pool was replaced meanwhile: this one statement dies with the old one
	}
	r.prepared[text] = s
	return s, nil
}

// session runs statements: the pool, or inside one transaction.
type session struct {
	r  *Reader
	tx *sql.Tx
}

func (s session) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := s.r.statement(ctx, text)
	if err != nil {
		return nil, failed(err)
	}
	if s.tx != nil {
		stmt = s.tx.StmtContext(ctx, stmt)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, failed(err)
	}
	return rows, nil
}

func failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("reading: %w", err)
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}

// each scans every row of a statement into dest and calls row. A text that cannot be stored is equal to none that is: PostgreSQL, which would refuse
// to be asked for it, is not asked.
func (s session) each(ctx context.Context, dest []any, row func(), text string, args ...any) error {
	for _, arg := range args {
		if name, ok := arg.(string); ok && table.Unfit(name) != "" {
			return nil
		}
	}
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return failed(err)
		}
		row()
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	return nil
}

// list returns the rows of a table that a statement finds. Text is what follows SELECT <columns> FROM <table>.
func list[R any](ctx context.Context, s session, t *table.Table[R], text string, args ...any) ([]R, error) {
	return listAs(ctx, s, t, columns(t, ""), "FROM "+t.Name+" "+text, args...)
}

func listAs[R any](ctx context.Context, s session, t *table.Table[R], columns, text string, args ...any) ([]R, error) {
	var found []R
	var one R
	err := s.each(ctx, table.Destinations(t.Visit, &one), func() {
		kept := one
		if t.Finish != nil {
			t.Finish(&kept)
		}
		found = append(found, kept)
	}, "SELECT "+columns+" "+text, args...)
	if err != nil {
		return nil, err // what was read so far must not be taken for all there is
	}
	return found, nil
}

// first returns the only or first row, or ledger.ErrNotFound.
func first[R any](ctx context.Context, s session, t *table.Table[R], text string, args ...any) (R, error) {
	rows, err := list(ctx, s, t, text, args...)
	if err != nil {
		var none R
		return none, err
	}
	if len(rows) == 0 {
		var none R
		return none, fmt.Errorf("%s: %w", t.Name, ledger.ErrNotFound)
	}
	return rows[0], nil
}

// number returns the only value of a statement, or ledger.ErrNotFound.
func (s session) number(ctx context.Context, text string, args ...any) (int64, error) {
	var n int64
	found := false
	err := s.each(ctx, []any{&n}, func() { found = true }, text, args...)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, ledger.ErrNotFound
	}
	return n, nil
}

var columnLists sync.Map // table name and prefix → list

func columns[R any](t *table.Table[R], prefix string) string {
	key := t.Name + " " + prefix
	if l, ok := columnLists.Load(key); ok {
		return l.(string)
	}
	names := make([]string, 0, 32)
	for _, c := range table.Columns(t.Visit) {
		names = append(names, prefix+c.Name)
	}
	l := strings.Join(names, ", ")
	columnLists.Store(key, l)
	return l
}

// marks are as many question marks as a list of n needs, rounded up to a power of two so that few different statements are prepared, and not more
// than chunk. The list is filled up with its last value.
func marks(n int) (text string, padded int) {
	padded = 1
	for padded < n {
		padded *= 2
	}
	return strings.Repeat("?, ", padded-1) + "?", padded
}

// chunk is how many values go into one list.
const chunk = 128

// in calls f for parts of names, each with a list of question marks and the arguments for it.
func in(names []string, f func(marks string, args []any) error) error {
	values := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return table.Unfit(name) != "" })
	for len(values) > 0 {
		part := values[:min(chunk, len(values))]
		values = values[len(part):]
		text, padded := marks(len(part))
		args := make([]any, 0, padded+4)
		for i := range padded {
			args = append(args, part[min(i, len(part)-1)])
		}
		if err := f(text, args); err != nil {
			return err
		}
	}
	return nil
}

// among returns the rows of a table that have one of the values in a column.
func among[R any](ctx context.Context, s session, t *table.Table[R], column string, values []int64) ([]R, error) {
	var found []R
	for part := range slices.Chunk(values, chunk) {
		text, padded := marks(len(part))
		args := make([]any, padded)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		rows, err := list(ctx, s, t, "WHERE "+column+" IN ("+text+")", args...)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// micros and instant turn an instant into an argument and back.
func micros(t time.Time) int64  { return t.UnixMicro() }
func instant(n int64) time.Time { return time.UnixMicro(n).UTC() }

// known is the instant of a column that is 0 when there is none.
func known(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return instant(n)
}

func (r *Reader) pool() session { return session{r: r} }
