package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/query"
	"github.com/bidahq/bida/internal/store/table"
)

// writer is the connection that commits.
type writer struct {
	conn   *pgx.Conn
	names  map[*table.Op]string
	arrays arrays
}

// The statements of a commit that are not about rows.
var (
	begin  = &table.Op{Verb: table.Raw, Text: "BEGIN"}
	decide = &table.Op{Verb: table.Raw, Text: "UPDATE decider SET position = ? WHERE id = 1 AND epoch = ?", MustHit: true,
		Columns: []table.Column{{Name: "position", Type: table.Integer}, {Name: "epoch", Type: table.Integer}}}
	alive = &table.Op{Verb: table.Raw, Text: "UPDATE decider SET alive_at = ? WHERE id = 1 AND epoch = ?", MustHit: true,
		Columns: []table.Column{{Name: "alive_at", Type: table.Integer}, {Name: "epoch", Type: table.Integer}}}
)

// openWriter connects and prepares. Plans are made once, and must therefore not depend on how full the tables were: with the other ways to join and to
// scan off, every statement goes through the keys.
func (s *Store) openWriter(ctx context.Context) (*writer, error) {
	config, err := s.config(map[string]string{
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"idle_in_transaction_session_timeout": strconv.FormatInt(idleTimeout.Milliseconds(), 10),
	})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, names: map[*table.Op]string{}}
	if err := w.prepare(ctx); err != nil {
		_ = w.close() // the first error says more
		return nil, err
	}
	return w, nil
}

// prepare prepares all statements in one round trip.
func (w *writer) prepare(ctx context.Context) error {
	ops := append(table.Ops(), begin, decide, alive)
	p := w.conn.PgConn().StartPipeline(ctx)
	for i, op := range ops {
		text, types := statement(op)
		w.names[op] = "bida" + strconv.Itoa(i)
		p.SendPrepare(w.names[op], text, types)
	}
	err := p.Sync()
	for _, op := range ops {
		if err == nil {
			if _, err = p.GetResults(); err != nil {
				err = fmt.Errorf("%w in %s", err, op.Text)
			}
		}
	}
	return cmp.Or(err, p.Close())
}

func (w *writer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	return w.conn.Close(ctx)
}

func (w *writer) number(ctx context.Context, text string) (n int64, err error) {
	err = w.conn.QueryRow(ctx, text, pgx.QueryExecModeSimpleProtocol).Scan(&n)
	return n, err
}

func (w *writer) show(ctx context.Context, setting string) (value string, err error) {
	err = w.conn.QueryRow(ctx, "SHOW "+setting, pgx.QueryExecModeSimpleProtocol).Scan(&value)
	return value, err
}

// statement is the text for all rows of a step: each parameter is an array, except for those that are executed row by row.
func statement(op *table.Op) (text string, types []uint32) {
	if op.Verb == table.Raw {
		for _, c := range op.Columns {
			types = append(types, [...]uint32{pgtype.Int8OID, pgtype.TextOID, pgtype.ByteaOID}[c.Type])
		}
		return query.Dollars(op.Text), types
	}
	var marks, columns []string
	for i, c := range op.Columns {
		marks = append(marks, "$"+strconv.Itoa(i+1))
		columns = append(columns, c.Name)
		types = append(types, [...]uint32{pgtype.Int8ArrayOID, pgtype.TextArrayOID, pgtype.ByteaArrayOID}[c.Type])
	}
	from := " FROM unnest(" + strings.Join(marks, ", ") + ")"
	if op.Verb != table.Edit {
		return op.Head() + " SELECT *" + from + op.Tail(), types
	}
	var set, where []string
	for i, c := range columns {
		if i < len(columns)-op.Key {
			set = append(set, c+" = n."+c)
		} else {
			where = append(where, op.Table+"."+c+" = n."+c)
		}
	}
	return "UPDATE " + op.Table + " SET " + strings.Join(set, ", ") + from + " AS n(" + strings.Join(columns, ", ") + ") WHERE " +
		strings.Join(where, " AND "), types
}

// Commit implements ledger.Committer. The context only keeps a commit from beginning: to cancel one under way would make its outcome unknown.
func (s *Store) Commit(ctx context.Context, g *ledger.Group) error {
	if err := table.Check(g); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == 0 {
		return fmt.Errorf("%w: nothing was loaded", ledger.ErrNotDecider)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.writer.write(ctx, g, s.epoch, s.options.KeptRefusals)
	s.unsure = errors.Is(err, ledger.ErrCommitUnknown)
	if s.writer.conn.IsClosed() || s.writer.conn.PgConn().TxStatus() != 'I' {
		s.dropWriter()
	}
	return err
}

// write writes a group. Until COMMIT is sent an error means that nothing was written: a transaction whose connection is lost is rolled back.
//
// An error of COMMIT is known only if the server answered that it did not commit. When the connection is lost instead, or ends with a FATAL message
// (which a server that is being stopped sends even when it has committed but waits for a standby), the outcome is unknown.
func (w *writer) write(ctx context.Context, g *ledger.Group, epoch int64, kept int) error {
	if err := w.send(ctx, g, epoch, kept); err != nil {
		if !w.conn.IsClosed() {
			_, _ = w.conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll() // if it fails the connection is given up, with the same effect
		}
		return err
	}
	results, err := w.conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	var answer *pgconn.PgError
	switch {
	case err == nil && len(results) == 1 && results[0].CommandTag.String() == "COMMIT":
		return nil
	case err == nil:
		return fmt.Errorf("%w: the server rolled back", ledger.ErrUnavailable)
	case errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR" && !w.conn.IsClosed():
		return classify(err)
	}
	return fmt.Errorf("%w: %w", ledger.ErrCommitUnknown, err)
}

// send executes everything but the COMMIT in one round trip.
func (w *writer) send(ctx context.Context, g *ledger.Group, epoch int64, kept int) error {
	b := batch{w: w}
	b.row(begin, func(*table.Encoder) {})
	if g.Alive {
		b.row(alive, func(e *table.Encoder) { e.Time("alive_at", &g.At); e.Int("epoch", &epoch) })
	} else {
		b.row(decide, func(e *table.Encoder) { e.Int("position", &g.Last); e.Int("epoch", &epoch) })
		for _, step := range table.Steps(g, kept) {
			b.step(step)
		}
	}
	if b.err != nil {
		return b.err
	}
	results := w.conn.PgConn().ExecBatch(ctx, &b.messages)
	var missed error
	for i := 0; results.NextResult(); i++ {
		tag, err := results.ResultReader().Close()
		if err != nil || missed != nil {
			continue // Close below returns the error; of several that are missed, the first counts
		}
		if want := b.want[i]; want.op.MustHit && tag.RowsAffected() != want.rows {
			if missed = table.Missed(want.op, g); want.op == decide || want.op == alive {
				missed = ledger.ErrNotDecider
			}
		}
	}
	if err := results.Close(); err != nil && missed == nil {
		return classify(err)
	}
	return missed // rows that were missed are also why later statements fail
}

// batch collects statements.
type batch struct {
	w        *writer
	messages pgconn.Batch
	want     []wanted
	err      error
}

type wanted struct {
	op   *table.Op
	rows int64
}

var formats = []int16{1} // binary, for all parameters

func (b *batch) step(step table.Step) {
	if step.Op.Verb == table.Raw {
		for i := range step.Rows {
			b.row(step.Op, func(e *table.Encoder) { step.Encode(i, e) })
		}
		return
	}
	a := &b.w.arrays
	a.begin(step.Op.Columns, step.Rows)
	e := table.Encoder{Out: a}
	for i := range step.Rows {
		a.next = 0
		step.Encode(i, &e)
	}
	b.add(step.Op, step.Rows, a.end(), e.Err)
}

func (b *batch) row(op *table.Op, encode func(*table.Encoder)) {
	var v values
	e := table.Encoder{Out: &v}
	encode(&e)
	b.add(op, 1, v, e.Err)
}

func (b *batch) add(op *table.Op, rows int, parameters [][]byte, err error) {
	if b.err = errors.Join(b.err, err); b.err != nil {
		return
	}
	b.messages.ExecPrepared(b.w.names[op], parameters, formats, nil)
	b.want = append(b.want, wanted{op, int64(rows)})
}

// classify tells refused rows from a store that cannot be written, for errors after which nothing was written.
func classify(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) && len(answer.Code) == 5 {
		switch answer.Code[:2] {
		case "21", "22", "23", "54": // cardinality, data, integrity constraint, limits of the program (a key that is too long)
			return fmt.Errorf("%w: %w", ledger.ErrData, err)
		}
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}
