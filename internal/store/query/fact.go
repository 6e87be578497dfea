package query

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// FactsAt implements ledger.FactReader. The facts come in the order of subject, name, key and position.
// What holds now and what ended since are the arms of a UNION because an OR of both would be answered by reading every fact.
func (r *Reader) FactsAt(ctx context.Context, position int64, subjects []string) ([]ledger.FactRow, error) {
	var found []ledger.FactRow
	read := func(restrict string, subjects []any) error {
		var one ledger.FactRow
		selected := "SELECT " + columns(table.Facts, "") + " FROM facts WHERE " + restrict
		args := append(slices.Clone(subjects), position)
		args = append(append(args, subjects...), position, position)
		return r.pool().each(ctx, table.Destinations(table.Facts.Visit, &one), func() { found = append(found, one) },
			selected+"to_position IS NULL AND from_position < ? UNION ALL "+selected+"to_position >= ? AND from_position < ?", args...)
	}
	var err error
	if subjects == nil {
		err = read("", nil)
	} else {
		err = in(distinct(subjects), func(marks string, args []any) error { return read("subject IN ("+marks+") AND ", args) })
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b ledger.FactRow) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key), cmp.Compare(a.FromPosition, b.FromPosition))
	})
	return found, nil
}

func distinct(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// FactsBetween implements ledger.FactReader; a zero instant is no bound.
func (r *Reader) FactsBetween(ctx context.Context, subject string, from, to time.Time, limit int) ([]ledger.FactRow, error) {
	since, until := bounds(from, to)
	return list(ctx, r.pool(), table.Facts, "WHERE subject = ? AND from_at <= ? AND (to_at IS NULL OR to_at >= ?) ORDER BY from_position, name, key LIMIT ?",
		subject, until, since, max(limit, 0))
}

// AssignmentsAt implements ledger.FactReader. The assignments come in the order of conversation and position.
func (r *Reader) AssignmentsAt(ctx context.Context, position int64, accounts []string) ([]ledger.AssignmentRow, error) {
	var found []ledger.AssignmentRow
	read := func(with, whose string, accounts []any) error {
		var one ledger.AssignmentRow
		selected := "SELECT " + columns(table.Assignments, "") + " FROM assignments WHERE account IN (" + whose + ") AND "
		args := append(slices.Clone(accounts), position)
		args = append(append(args, accounts...), position, position)
		return r.pool().each(ctx, table.Destinations(table.Assignments.Visit, &one), func() { found = append(found, one) },
			with+selected+"to_position IS NULL AND from_position < ? UNION ALL "+selected+"to_position >= ? AND from_position < ?", args...)
	}
	var err error
	if accounts == nil {
		// Stepping from account to account keeps to the index; there are few, and each has many assignments.
		err = read(`WITH RECURSIVE whose(account) AS (
	SELECT min(account) FROM assignments
	UNION ALL SELECT (SELECT min(n.account) FROM assignments n WHERE n.account > whose.account) FROM whose WHERE whose.account IS NOT NULL
) `, "SELECT account FROM whose", nil)
	} else {
		err = in(distinct(accounts), func(marks string, args []any) error { return read("", marks, args) })
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b ledger.AssignmentRow) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.FromPosition, b.FromPosition))
	})
	return found, nil
}

// LastAssignedAt implements ledger.FactReader.
func (r *Reader) LastAssignedAt(ctx context.Context, position int64, inbox string) (map[string]int64, error) {
	return lastAssignedAt(ctx, r.pool(), position, inbox)
}

func lastAssignedAt(ctx context.Context, s session, position int64, inbox string) (map[string]int64, error) {
	last := map[string]int64{}
	var account string
	var at int64
	err := s.each(ctx, []any{&account, &at}, func() { last[account] = at }, `WITH RECURSIVE whose(account) AS (
	SELECT min(account) FROM assignments WHERE inbox = ?
	UNION ALL SELECT (SELECT min(n.account) FROM assignments n WHERE n.inbox = ? AND n.account > whose.account) FROM whose WHERE whose.account IS NOT NULL
), newest(account, position) AS (
	SELECT account, (SELECT max(a.from_position) FROM assignments a WHERE a.inbox = ? AND a.account = whose.account AND a.from_position < ?)
	FROM whose WHERE account IS NOT NULL
) SELECT account, position FROM newest WHERE position IS NOT NULL`, inbox, inbox, inbox, position)
	if err != nil {
		return nil, err
	}
	return last, nil
}

// AssignmentsOf implements ledger.FactReader.
func (r *Reader) AssignmentsOf(ctx context.Context, conversation int64) ([]ledger.AssignmentRow, error) {
	return list(ctx, r.pool(), table.Assignments, "WHERE conversation = ? ORDER BY from_position", conversation)
}

// PreviousOwner implements ledger.FactReader.
func (r *Reader) PreviousOwner(ctx context.Context, inbox, contact string, position int64) (string, error) {
	var owner string
	err := r.pool().each(ctx, []any{&owner}, func() {}, `SELECT a.account FROM conversations c JOIN assignments a ON a.conversation = c.id
WHERE c.inbox = ? AND c.contact = ? AND a.from_position < ? ORDER BY a.from_position DESC LIMIT 1`, inbox, contact, position)
	if err != nil {
		return "", err
	}
	return owner, nil
}

// PositionAt implements ledger.FactReader. If the clock was set back, an instant that came twice is answered with its position in whichever pass has the
// group nearest before it; the present is always answered with the last position.
func (r *Reader) PositionAt(ctx context.Context, at time.Time) (int64, error) {
	last, err := r.pool().number(ctx, "SELECT last FROM (SELECT last, at FROM groups ORDER BY first DESC LIMIT 1) newest WHERE at <= ?", micros(at))
	if errors.Is(err, ledger.ErrNotFound) {
		last, err = r.pool().number(ctx, "SELECT last FROM groups WHERE at <= ? ORDER BY at DESC, first DESC LIMIT 1", micros(at))
	}
	if errors.Is(err, ledger.ErrNotFound) {
		return 0, nil
	}
	return last, err
}

// Began implements ledger.FactReader.
func (r *Reader) Began(ctx context.Context) (time.Time, error) {
	at, err := r.pool().number(ctx, "SELECT at FROM groups ORDER BY first LIMIT 1")
	if err != nil {
		return time.Time{}, err
	}
	return instant(at), nil
}

// forGood is a position after all others.
const forGood = math.MaxInt64
