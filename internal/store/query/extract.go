package query

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// extractPart is how many rows a part of an extract has at most.
const extractPart = 256

// Extract implements ledger.Extractor inside one transaction, whose isolation must show one state of the database to all statements. Deliveries, attempts
// and assignments have no index that begins with a position and are read whole: an extract is made rarely, and an index would be paid with every message.
func (r *Reader) Extract(ctx context.Context, options *sql.TxOptions, from time.Time, take func(*ledger.Extract) error) error {
	r.mu.RLock()
	db := r.db
	r.mu.RUnlock()
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return failed(err)
	}
	defer tx.Rollback() // it has only read
	e := &extractor{ctx: ctx, s: session{r: r, tx: tx}, take: take, since: micros(from)}
	for _, part := range []func() error{e.begin, e.marks, e.policy, e.facts, e.assignments, e.traffic, e.deliveries, e.rest} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// extractor makes one extract.
type extractor struct {
	ctx   context.Context
	s     session
	take  func(*ledger.Extract) error
	since int64 // Unix microseconds
	from  int64 // the first position of the span
}

// begin finds the span.
func (e *extractor) begin() error {
	h := &ledger.ExtractHead{}
	var last, at, began, alive sql.Null[int64]
	err := e.s.each(e.ctx, []any{&last, &at, &began, &alive, &h.From}, func() {}, `SELECT (SELECT last FROM groups ORDER BY first DESC LIMIT 1),
	(SELECT at FROM groups ORDER BY first DESC LIMIT 1), (SELECT at FROM groups ORDER BY first LIMIT 1), (SELECT alive_at FROM decider),
	coalesce((SELECT min(first) FROM groups WHERE at >= ?), (SELECT max(last) FROM groups) + 1, 1)`, e.since)
	if err != nil {
		return err
	}
	if h.Position = last.V; last.Valid {
		h.At, h.Began, h.AliveAt = instant(at.V), instant(began.V), instant(max(at.V, alive.V))
	}
	e.from = h.From
	if h.Messages, err = e.s.number(e.ctx, "SELECT count(*) FROM messages WHERE position >= ?", e.from); err != nil {
		return err
	}
	return e.take(&ledger.Extract{Head: h})
}

// marks reads the groups of the span, the one before it, and those older ones in which the policy was changed.
func (e *extractor) marks() error {
	var part []ledger.Mark
	var m ledger.Mark
	var at int64
	return e.stream([]any{&m.First, &m.Last, &at}, func(last bool) error {
		if !last {
			m.At = instant(at)
			part = append(part, m)
		}
		if len(part) < extractPart && !last || len(part) == 0 {
			return nil
		}
		given := part
		part = nil
		return e.take(&ledger.Extract{Marks: given})
	}, `SELECT first, last, at FROM groups WHERE first >= ? OR first = (SELECT max(first) FROM groups WHERE first < ?)
	OR first IN (SELECT (SELECT max(g.first) FROM groups g WHERE g.first <= r.position) FROM revisions r WHERE r.position < ?) ORDER BY first`,
		e.from, e.from, e.from)
}

// stream scans the rows of a statement into dest and calls row after each, and once more, with last set, after the last.
func (e *extractor) stream(dest []any, row func(last bool) error, text string, args ...any) error {
	rows, err := e.s.query(e.ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return failed(err)
		}
		if err := row(false); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	return row(true)
}

// pages gives rows of a table out in parts. Text is what follows SELECT <columns> FROM <table>; place says where in a group they belong.
func pages[R any](e *extractor, t *table.Table[R], columns string, place func(g *ledger.Group) *[]R, text string, args ...any) error {
	var part []R
	var one R
	return e.stream(table.Destinations(t.Visit, &one), func(last bool) error {
		if !last {
			kept := one
			if t.Finish != nil {
				t.Finish(&kept)
			}
			part = append(part, kept)
		}
		if len(part) < extractPart && !last || len(part) == 0 {
			return nil
		}
		out := &ledger.Extract{}
		*place(&out.Rows), part = part, nil
		return e.take(out)
	}, "SELECT "+columns+" FROM "+t.Name+" "+text, args...)
}

func (e *extractor) policy() error {
	err := pages(e, table.Documents, columns(table.Documents, ""), func(g *ledger.Group) *[]ledger.DocumentRow { return &g.Documents }, "ORDER BY kind, name, from_revision")
	if err != nil {
		return err
	}
	return pages(e, table.Revisions, columns(table.Revisions, ""), func(g *ledger.Group) *[]ledger.RevisionRow { return &g.Revisions }, "ORDER BY revision")
}

func (e *extractor) facts() error {
	return pages(e, table.Facts, columns(table.Facts, ""), func(g *ledger.Group) *[]ledger.FactRow { return &g.Facts },
		"WHERE to_position IS NULL OR to_position >= ? ORDER BY subject, name, key, from_position", e.from)
}

// assignments reads those that held in the span, and each account's last one in each inbox before it: whose turn it was.
func (e *extractor) assignments() error {
	place := func(g *ledger.Group) *[]ledger.AssignmentRow { return &g.Assignments }
	err := pages(e, table.Assignments, columns(table.Assignments, ""), place, "WHERE to_position IS NULL OR to_position >= ? ORDER BY conversation, from_position", e.from)
	if err != nil {
		return err
	}
	inboxes, err := assignedInboxes(e.ctx, e.s)
	if err != nil {
		return err
	}
	for _, inbox := range inboxes {
		last, err := lastAssignedAt(e.ctx, e.s, e.from, inbox)
		if err != nil {
			return err
		}
		for _, account := range slices.Sorted(maps.Keys(last)) {
			err := pages(e, table.Assignments, columns(table.Assignments, ""), place,
				"WHERE inbox = ? AND account = ? AND from_position = ? AND to_position < ?", inbox, account, last[account], e.from)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// traffic reads messages, without what they say, and the journal.
func (e *extractor) traffic() error {
	silent := strings.Split(columns(table.Messages, ""), ", ")
	for i, c := range silent {
		if c == "text" || c == "data" {
			silent[i] = "'' AS " + c
		}
	}
	err := pages(e, table.Messages, strings.Join(silent, ", "), func(g *ledger.Group) *[]ledger.MessageRow { return &g.Messages }, "WHERE position >= ? ORDER BY position", e.from)
	if err != nil {
		return err
	}
	err = pages(e, table.Decisions, columns(table.Decisions, ""), func(g *ledger.Group) *[]ledger.DecisionRow { return &g.Decisions }, "WHERE position >= ? ORDER BY position, conversation", e.from)
	if err != nil {
		return err
	}
	return pages(e, table.Outcomes, columns(table.Outcomes, ""), func(g *ledger.Group) *[]ledger.OutcomesRow { return &g.Outcomes },
		"WHERE id IN (SELECT outcomes FROM messages WHERE position >= ? UNION SELECT outcomes FROM decisions WHERE position >= ?) ORDER BY id", e.from, e.from)
}

func (e *extractor) deliveries() error {
	place := func(g *ledger.Group) *[]ledger.ConversationRow { return &g.Conversations }
	err := pages(e, table.Conversations, columns(table.Conversations, ""), place, "WHERE status = 'open' ORDER BY id")
	if err != nil {
		return err
	}
	err = pages(e, table.Conversations, columns(table.Conversations, ""), place, "WHERE resolved_position >= ? AND status <> 'open' ORDER BY resolved_position", e.from)
	if err != nil {
		return err
	}
	err = pages(e, table.Deliveries, columns(table.Deliveries, ""), func(g *ledger.Group) *[]ledger.DeliveryRow { return &g.Deliveries },
		"WHERE position >= ? ORDER BY account, sequence", e.from)
	if err != nil {
		return err
	}
	return pages(e, table.Attempts, columns(table.Attempts, ""), func(g *ledger.Group) *[]ledger.AttemptRow { return &g.Attempts },
		`WHERE (SELECT d.position FROM deliveries d WHERE d.account = attempts.account AND d.sequence = attempts.sequence) >= ? ORDER BY account, sequence, number`, e.from)
}

// rest reads who can sign in, what was refused, and what filter rules did.
func (e *extractor) rest() error {
	err := pages(e, table.Tokens, columns(table.Tokens, ""), func(g *ledger.Group) *[]ledger.TokenRow { return &g.Tokens }, "ORDER BY id")
	if err != nil {
		return err
	}
	err = pages(e, table.Logins, columns(table.Logins, ""), func(g *ledger.Group) *[]ledger.LoginRow { return &g.Logins }, "ORDER BY account")
	if err != nil {
		return err
	}
	err = pages(e, table.Refusals, columns(table.Refusals, ""), func(g *ledger.Group) *[]ledger.RefusalRow { return &g.Refusals }, "WHERE at >= ? ORDER BY id", e.since)
	if err != nil {
		return err
	}
	err = pages(e, table.Quarantine, columns(table.Quarantine, ""), func(g *ledger.Group) *[]ledger.QuarantineRow { return &g.Quarantine }, "WHERE message >= ? ORDER BY message", e.from)
	if err != nil {
		return err
	}
	return pages(e, table.Hits, columns(table.Hits, ""), func(g *ledger.Group) *[]ledger.HitsRow { return &g.Hits }, "WHERE hour >= ? ORDER BY rule, hour", e.since)
}
