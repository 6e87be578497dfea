package query

import (
	"context"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// spanMicros is the length of a span.
const spanMicros = int64(table.SpanLength / time.Microsecond)

// nowhere begins no span.
const nowhere = -forever

// spanOf is the beginning of the span in which an instant lies. The instants without a bound stay as they are.
func spanOf(at int64) int64 {
	if at == forever || at == -forever {
		return at
	}
	return at - (at%spanMicros+spanMicros)%spanMicros
}

// sought is a table in which the greatest lo is the last of an account's entries that was made at or before a position, found by halving: entries come in the order
// of positions. It is 0 if there is none, and the oldest may be gone. The parameters are the account, three times; the position is an expression.
func sought(name, position string) string {
	const middle = "(lo + hi + 1) / 2"
	early := "coalesce((SELECT d.position FROM deliveries d WHERE d.account = ? AND d.sequence = " + middle + "), 0) <= " + position
	return name + `(lo, hi) AS (
	SELECT CAST(0 AS BIGINT), coalesce((SELECT max(sequence) FROM deliveries WHERE account = ?), 0)
	UNION ALL SELECT CASE WHEN ` + early + " THEN " + middle + " ELSE lo END, CASE WHEN " + early + " THEN hi ELSE " + middle + " - 1 END FROM " + name + ` WHERE lo < hi
)`
}

// NewestDeliveries implements ledger.MessageReader.
func (r *Reader) NewestDeliveries(ctx context.Context, account string, position int64, limit int) ([]ledger.DeliveryRow, error) {
	rows, err := list(ctx, r.pool(), table.Deliveries,
		"WHERE account = ? AND sequence <= (WITH RECURSIVE "+sought("upto", "?")+"\nSELECT max(lo) FROM upto) ORDER BY sequence DESC LIMIT ?",
		account, account, account, position, account, position, max(limit, 0))
	slices.Reverse(rows)
	return rows, err
}

// Traffic implements ledger.MessageReader. It counts entries of type message with since ≤ at < until; a zero instant is no bound. Where to begin and to end is
// found by position, which the clock cannot turn back: what was committed in the spans that the interval touches lies between two positions, and the account's
// entries between them are found by halving. So it costs what the interval holds.
func (r *Reader) Traffic(ctx context.Context, account string, since, until time.Time) ([]ledger.TrafficRow, error) {
	from, to := bounds(since, until)
	var rows []ledger.TrafficRow
	var one ledger.TrafficRow
	err := r.pool().each(ctx, []any{&one.Inbox, &one.Kind, &one.Pushed, &one.Received, &one.Withdrawn}, func() { rows = append(rows, one) },
		`WITH RECURSIVE touched(first, last) AS (
	SELECT coalesce(min(first), 9223372036854775807), coalesce(max(last), 0) FROM spans WHERE begins >= ? AND begins < ?
), `+sought("before", "(SELECT first - 1 FROM touched)")+", "+sought("upto", "(SELECT last FROM touched)")+`
SELECT inbox, kind, count(*),
	sum(CASE WHEN received_at IS NOT NULL OR state IN ('received', 'seen', 'accepted') THEN 1 ELSE 0 END),
	sum(CASE WHEN state = 'withdrawn' THEN 1 ELSE 0 END)
FROM deliveries WHERE account = ? AND type = 'message' AND at >= ? AND at < ?
	AND sequence > (SELECT max(lo) FROM before) AND sequence <= (SELECT max(lo) FROM upto)
GROUP BY inbox, kind ORDER BY inbox, kind`, spanOf(from), to, account, account, account, account, account, account, account, from, to)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// Offered implements ledger.MessageReader, with the same bounds as Traffic. What was counted is read for the whole spans of the interval, and messages for what
// is left of it at its ends.
func (r *Reader) Offered(ctx context.Context, since, until time.Time) ([]ledger.TrafficRow, error) {
	from, to := bounds(since, until)
	first, last := spanOf(from), spanOf(to)
	whole := first // the first span that may be whole; before it, and from last on, what is left
	if first < from {
		whole += spanMicros
	}
	early := min(whole, to)
	late := max(last, early)
	if from == early {
		first = nowhere
	}
	if late == to {
		last = nowhere
	}
	var rows []ledger.TrafficRow
	var one ledger.TrafficRow
	const left = ` UNION ALL SELECT inbox, kind, count(*) FROM messages
	WHERE position >= (SELECT first FROM spans WHERE begins = ?) AND position <= (SELECT last FROM spans WHERE begins = ?) AND direction = 'in' AND at >= ? AND at < ?
	GROUP BY inbox, kind`
	err := r.pool().each(ctx, []any{&one.Inbox, &one.Kind, &one.Offered}, func() { rows = append(rows, one) },
		`SELECT inbox, kind, CAST(sum(n) AS BIGINT) FROM (
	SELECT inbox, kind, CAST(sum(messages) AS BIGINT) AS n FROM offered WHERE begins >= ? AND begins < ? GROUP BY inbox, kind`+left+left+`
) counted GROUP BY inbox, kind ORDER BY inbox, kind`, whole, spanOf(to), first, first, from, early, last, last, late, to)
	if err != nil {
		return nil, err
	}
	return rows, nil
}
