package ledger

import (
	"context"
	"slices"
	"time"
)

// QuarantineState is what became of a message that a filter rule did not let through.
type QuarantineState string

// The states of a quarantine. Held messages have direction Held, rejected ones Refused; released ones are Inbound again.
const (
	QuarantineHeld     QuarantineState = "held"
	QuarantineReleased QuarantineState = "released"
	QuarantineRejected QuarantineState = "rejected"
)

// QuarantineRow is the record of a message that a filter rule kept back or refused. Its text is in the message.
type QuarantineRow struct {
	Message      int64
	Inbox, Kind  string
	Conversation int64 // or none, of a rejected one
	State        QuarantineState
	Rule         string // that decided
	Revision     int64  // of the policy by which it did
	At           time.Time
	ReleasedBy   string
	ReleasedAt   time.Time // or none
}

// HitsRow counts how often a filter rule took effect in one hour.
type HitsRow struct {
	Rule string
	Hour time.Time // when it begins, UTC
	Hits int64
}

// QuarantineQuery says which records to read; an empty field is no condition.
type QuarantineQuery struct {
	State       QuarantineState
	Inbox, Rule string
	Before      int64 // messages < Before; 0: no bound
	Limit       int
}

// QuarantineReader reads what filter rules did.
type QuarantineReader interface {
	// Quarantine returns the records that fit, newest message first, at most Limit.
	Quarantine(ctx context.Context, q QuarantineQuery) ([]QuarantineRow, error)
	// QuarantineOf returns the records of those of the messages that have one, in any order.
	QuarantineOf(ctx context.Context, messages []int64) ([]QuarantineRow, error)
	// FilterHits returns the counts of hours that begin at or after an instant, in order of rule and hour.
	FilterHits(ctx context.Context, since time.Time) ([]HitsRow, error)
}

// PutQuarantine inserts or replaces the record of a message that was not let through.
func (tx *Tx) PutQuarantine(r QuarantineRow) { tx.g.Quarantine = append(tx.g.Quarantine, r) }

// Quarantine returns the record of a message; ok is false if it has none.
func (tx *Tx) Quarantine(message int64) (r QuarantineRow, ok bool, err error) {
	for _, r := range slices.Backward(tx.g.Quarantine) {
		if r.Message == message {
			return r, true, nil
		}
	}
	rows, err := tx.l.store.QuarantineOf(tx.ctx, []int64{message})
	if err != nil || len(rows) == 0 {
		return QuarantineRow{}, false, err
	}
	return rows[0], true, nil
}

// ReleaseMessage makes a held message an inbound one. Its place in the conversation stays.
func (tx *Tx) ReleaseMessage(message int64) { tx.g.Releases = append(tx.g.Releases, message) }

// released is a message as this group leaves it.
func (tx *Tx) released(m MessageRow) MessageRow {
	if m.Direction == Held && slices.Contains(tx.g.Releases, m.Position) {
		m.Direction = Inbound
	}
	return m
}

// CountHit counts that a filter rule took effect.
func (tx *Tx) CountHit(rule string) {
	tx.g.Hits = append(tx.g.Hits, HitsRow{Rule: rule, Hour: tx.now.UTC().Truncate(time.Hour), Hits: 1})
}

// sumHits adds up what the commands of a group counted, so that a group writes one row for each rule.
func sumHits(rows []HitsRow) []HitsRow {
	var sums []HitsRow
	for _, r := range rows {
		i := slices.IndexFunc(sums, func(s HitsRow) bool { return s.Rule == r.Rule && s.Hour.Equal(r.Hour) })
		if i < 0 {
			sums = append(sums, r)
			continue
		}
		sums[i].Hits += r.Hits
	}
	return sums
}
