package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// Extract implements ledger.Extractor, with all rows of a table in one part.
func (s *Store) Extract(ctx context.Context, from time.Time, take func(*ledger.Extract) error) error {
	parts, err := reading(ctx, s, func(d *disk) ([]*ledger.Extract, error) { return d.extract(from), nil })
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := take(part); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) extract(since time.Time) []*ledger.Extract {
	head := d.head(since)
	from := head.From
	silent := d.messages.pick(unlimited, func(r *ledger.MessageRow) bool { return r.Position >= from })
	head.Messages = int64(len(silent))
	outcomes := map[[16]byte]bool{}
	for i := range silent {
		silent[i].Text, silent[i].Data = "", nil
		if silent[i].Decision != nil {
			outcomes[silent[i].Decision.Outcomes] = true
		}
	}
	decisions := d.decisions.pick(unlimited, func(r *ledger.DecisionRow) bool { return r.Position >= from })
	for i := range decisions {
		outcomes[decisions[i].Outcomes] = true
	}
	rows := []ledger.Group{
		{Documents: d.documents.pick(unlimited, func(*ledger.DocumentRow) bool { return true })},
		{Revisions: d.revisions.pick(unlimited, func(*ledger.RevisionRow) bool { return true })},
		{Facts: d.facts.pick(unlimited, func(r *ledger.FactRow) bool { return r.ToPosition == 0 || r.ToPosition >= from })},
		{Assignments: d.extractAssignments(from)},
		{Messages: silent},
		{Decisions: decisions},
		{Outcomes: d.outcomes.pick(unlimited, func(r *ledger.OutcomesRow) bool { return outcomes[r.ID] })},
		{Conversations: d.conversations.pick(unlimited, func(r *ledger.ConversationRow) bool { return r.Status == "open" || r.Resolved >= from })},
		{Deliveries: d.deliveries.pick(unlimited, func(r *ledger.DeliveryRow) bool { return r.Position >= from })},
		{Attempts: d.attempts.pick(unlimited, func(r *ledger.AttemptRow) bool {
			of := d.deliveries.get(&ledger.DeliveryRow{Account: r.Account, Sequence: r.Sequence})
			return of != nil && of.Position >= from
		})},
		{Tokens: d.tokens.pick(unlimited, func(*ledger.TokenRow) bool { return true })},
		{Logins: d.logins.pick(unlimited, func(*ledger.LoginRow) bool { return true })},
		{Refusals: d.refusals.pick(unlimited, func(r *ledger.RefusalRow) bool { return within(r.At, since, time.Time{}) })},
		{Quarantine: d.quarantine.pick(unlimited, func(r *ledger.QuarantineRow) bool { return r.Message >= from })},
		{Hits: d.hits.pick(unlimited, func(r *ledger.HitsRow) bool { return within(r.Hour, since, time.Time{}) })},
	}
	parts := []*ledger.Extract{{Head: head}, {Marks: d.marks(from)}}
	for i := range rows {
		parts = append(parts, &ledger.Extract{Rows: rows[i]})
	}
	return parts
}

func (d *disk) head(since time.Time) *ledger.ExtractHead {
	h := &ledger.ExtractHead{From: 1}
	if n := len(d.groups); n > 0 {
		last := d.groups[n-1]
		h.Position, h.At, h.AliveAt, h.Began = last.last, instant(last.at), instant(max(last.at, d.aliveAt)), instant(d.groups[0].at)
		h.From = last.last + 1
	}
	for _, g := range d.groups {
		if g.at >= since.UnixMicro() {
			h.From = min(h.From, g.first)
		}
	}
	return h
}

// marks are the groups from a position on, the one before, and those older ones in which the policy was changed.
func (d *disk) marks(from int64) []ledger.Mark {
	var list []ledger.Mark
	for i, g := range d.groups {
		before := g.first < from && (i+1 == len(d.groups) || d.groups[i+1].first >= from)
		revised := slices.ContainsFunc(d.revisions.list, func(r *ledger.RevisionRow) bool {
			return g.first <= r.Position && r.Position < from && (i+1 == len(d.groups) || d.groups[i+1].first > r.Position)
		})
		if g.first >= from || before || revised {
			list = append(list, ledger.Mark{First: g.first, Last: g.last, At: instant(g.at)})
		}
	}
	return list
}

func (d *disk) extractAssignments(from int64) []ledger.AssignmentRow {
	type place struct{ inbox, account string }
	last := map[place]int64{}
	for _, r := range d.assignments.list {
		if r.FromPosition < from {
			last[place{r.Inbox, r.Account}] = max(last[place{r.Inbox, r.Account}], r.FromPosition)
		}
	}
	return d.assignments.pick(unlimited, func(r *ledger.AssignmentRow) bool {
		return r.ToPosition == 0 || r.ToPosition >= from || last[place{r.Inbox, r.Account}] == r.FromPosition
	})
}

// Filled returns a store that has these marks and rows, in any order, as if groups had committed them; it is for reading what was extracted from another
// store. Two rows with the same key are ledger.ErrData. The store may keep the rows.
func Filled(aliveAt time.Time, marks []ledger.Mark, g *ledger.Group) (*Store, error) {
	d := newDisk()
	if !aliveAt.IsZero() {
		d.aliveAt = aliveAt.UnixMicro()
	}
	for _, m := range marks {
		if n := len(d.groups); n > 0 && d.groups[n-1].last >= m.First || m.Last < m.First {
			return nil, fmt.Errorf("%w: the marks are not in order", ledger.ErrData)
		}
		d.groups = append(d.groups, group{first: m.First, last: m.Last, at: m.At.UnixMicro()})
	}
	for _, err := range []error{
		d.messages.fill(g.Messages), d.decisions.fill(g.Decisions), d.outcomes.fill(g.Outcomes), d.deliveries.fill(g.Deliveries), d.attempts.fill(g.Attempts),
		d.facts.fill(g.Facts), d.assignments.fill(g.Assignments), d.conversations.fill(g.Conversations), d.documents.fill(g.Documents),
		d.revisions.fill(g.Revisions), d.tokens.fill(g.Tokens), d.logins.fill(g.Logins), d.refusals.fill(g.Refusals), d.quarantine.fill(g.Quarantine), d.hits.fill(g.Hits),
	} {
		if err != nil {
			return nil, err
		}
	}
	return &Store{disk: d}, nil
}

// fill takes all rows of a table.
func (r *rows[R]) fill(list []R) error {
	r.list = make([]*R, len(list))
	for i := range list {
		r.list[i] = &list[i]
	}
	slices.SortFunc(r.list, func(a, b *R) int { return r.compare(a, b) })
	for i := 1; i < len(r.list); i++ {
		if r.compare(r.list[i-1], r.list[i]) == 0 {
			return fmt.Errorf("%w: the row of %s exists", ledger.ErrData, r.table.Name)
		}
	}
	return nil
}
