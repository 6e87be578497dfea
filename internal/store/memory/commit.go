package memory

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

func unknown(err error) bool { return errors.Is(err, ledger.ErrCommitUnknown) }

// write applies a group; what it did is taken back by the transaction if it fails.
func (d *disk) write(t *tx, g *ledger.Group) error {
	if g.Alive {
		set(t, &d.aliveAt, g.At.UnixMicro())
		return nil
	}
	if n := len(d.groups); n > 0 && d.groups[n-1].last >= g.First {
		return table.Missed(table.InsertGroup, g)
	}
	// The values are judged as the databases judge them, also those that are not part of a row.
	for _, step := range table.Steps(g, d.kept) {
		var values table.Values
		judge := table.Encoder{Out: &values}
		for i := range step.Rows {
			step.Encode(i, &judge)
		}
		if judge.Err != nil {
			return judge.Err
		}
	}
	set(t, &d.groups, append(d.groups, group{g.First, g.Last, g.At.UnixMicro(), g.Nonce}))
	for _, part := range []func(*tx, *ledger.Group) error{d.traffic, d.lasting, d.policy, d.identity, d.uploaded, d.visited, d.work, d.quarantined, d.helped, d.replies, d.refuse} {
		if err := part(t, g); err != nil {
			return err
		}
	}
	return nil
}

// all calls f for every row until it fails.
func all[R any](rows []R, f func(row *R) error) error {
	for i := range rows {
		if err := f(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func inserts[R any](t *tx, into *rows[R], rows []R) error {
	return all(rows, func(row *R) error { return into.insert(t, row) })
}

// replaces inserts rows or replaces them altogether.
func replaces[R any](t *tx, into *rows[R], rows []R) error {
	return all(rows, func(row *R) error { return into.put(t, row, func(existing *R) { *existing = *row }) })
}

func (d *disk) traffic(t *tx, g *ledger.Group) error {
	return errors.Join(
		all(g.Messages, func(r *ledger.MessageRow) error { return d.message(t, r) }),
		inserts(t, &d.keys, g.Keys),
		replaces(t, &d.contacts, g.Contacts),
		all(g.Conversations, func(r *ledger.ConversationRow) error {
			return d.conversations.put(t, r, func(existing *ledger.ConversationRow) {
				inbox, contact := existing.Inbox, existing.Contact
				*existing = *r
				existing.Inbox, existing.Contact = inbox, contact
			})
		}),
		inserts(t, &d.deliveries, g.Deliveries),
		all(g.DeliveryEdits, func(r *ledger.DeliveryRow) error {
			return d.deliveries.change(t, r, func(row *ledger.DeliveryRow) {
				before := *row
				*row = *r
				row.Type, row.Message, row.Conversation, row.Inbox, row.Kind = before.Type, before.Message, before.Conversation, before.Inbox, before.Kind
				row.Target, row.Position, row.At = before.Target, before.Position, before.At
			})
		}),
		inserts(t, &d.attempts, g.Attempts),
	)
}

func (d *disk) message(t *tx, r *ledger.MessageRow) error {
	if r.Conversation != 0 && r.Sequence != 0 {
		place := [2]int64{r.Conversation, r.Sequence}
		if d.sequences[place] {
			return fmt.Errorf("%w: conversation %d has a message with sequence %d", ledger.ErrData, r.Conversation, r.Sequence)
		}
		d.sequences[place] = true
		t.undo = append(t.undo, func() { delete(d.sequences, place) })
	}
	return d.messages.insert(t, r)
}

func (d *disk) lasting(t *tx, g *ledger.Group) error {
	return errors.Join(
		inserts(t, &d.facts, g.Facts),
		all(g.FactEnds, func(r *ledger.FactRow) error {
			return d.facts.change(t, r, func(row *ledger.FactRow) {
				row.ToPosition, row.ToAt, row.EndBy, row.EndCause = r.ToPosition, r.ToAt, r.EndBy, r.EndCause
			})
		}),
		inserts(t, &d.assignments, g.Assignments),
		all(g.AssignmentEnds, func(r *ledger.AssignmentRow) error {
			return d.assignments.change(t, r, func(row *ledger.AssignmentRow) {
				row.ToPosition, row.ToAt, row.ToCode, row.ToBy = r.ToPosition, r.ToAt, r.ToCode, r.ToBy
			})
		}),
		inserts(t, &d.decisions, g.Decisions),
		all(g.Outcomes, func(r *ledger.OutcomesRow) error { return d.outcomes.put(t, r, func(*ledger.OutcomesRow) {}) }),
	)
}

func (d *disk) policy(t *tx, g *ledger.Group) error {
	for _, c := range table.DocumentChanges(g) {
		to := c.From
		if c.Ends {
			to = c.To
		}
		ended := false
		for _, row := range d.documents.list {
			if row.Kind == c.Kind && row.Name == c.Name && row.To == 0 {
				ended = true
				if err := d.documents.change(t, row, func(row *ledger.DocumentRow) { row.To = to }); err != nil {
					return err
				}
			}
		}
		if c.Ends && !ended {
			return table.Missed(table.EndDocument, g)
		}
		if !c.Ends {
			if err := d.documents.insert(t, &c.DocumentRow); err != nil {
				return err
			}
		}
	}
	return errors.Join(inserts(t, &d.revisions, g.Revisions), inserts(t, &d.audit, table.Numbered(g.Audit)))
}

func (d *disk) identity(t *tx, g *ledger.Group) error {
	return errors.Join(
		replaces(t, &d.logins, g.Logins),
		all(g.Tokens, func(r *ledger.TokenRow) error {
			for _, other := range d.tokens.list {
				if other.Hash == r.Hash && other.ID != r.ID {
					return fmt.Errorf("%w: the token's hash exists", ledger.ErrData)
				}
			}
			return d.tokens.put(t, r, func(existing *ledger.TokenRow) { *existing = *r })
		}),
		all(g.BrowserSessions, func(r *ledger.BrowserSessionRow) error {
			for _, other := range d.browsers.list {
				if other.Hash == r.Hash && other.ID != r.ID {
					return fmt.Errorf("%w: the hash of the session's secret exists", ledger.ErrData)
				}
			}
			return d.browsers.put(t, r, func(existing *ledger.BrowserSessionRow) { *existing = *r })
		}),
		replaces(t, &d.clients, g.Clients),
	)
}

func (d *disk) uploaded(t *tx, g *ledger.Group) error {
	if !g.UploadsEnd.IsZero() {
		set(t, &d.uploads.list, slices.DeleteFunc(slices.Clone(d.uploads.list), func(r *ledger.UploadRow) bool {
			return !r.ExpiresAt.IsZero() && r.ExpiresAt.UnixMicro() <= g.UploadsEnd.UnixMicro()
		}))
	}
	return errors.Join(
		replaces(t, &d.uploads, g.Uploads),
		all(g.Files, func(r *ledger.FileRow) error { return d.files.put(t, r, func(*ledger.FileRow) {}) }),
	)
}

func (d *disk) work(t *tx, g *ledger.Group) error {
	if len(g.JobEnds) > 0 {
		set(t, &d.jobs.list, slices.DeleteFunc(slices.Clone(d.jobs.list), func(r *ledger.JobRow) bool { return slices.Contains(g.JobEnds, r.ID) }))
	}
	return replaces(t, &d.jobs, g.Jobs)
}

func (d *disk) visited(t *tx, g *ledger.Group) error {
	return errors.Join(
		all(g.Visitors, func(r *ledger.VisitorRow) error {
			for _, other := range d.visitors.list {
				if other.Hash == r.Hash {
					return fmt.Errorf("%w: the visitor's hash exists", ledger.ErrData)
				}
			}
			return d.visitors.insert(t, r)
		}),
		replaces(t, &d.ratings, g.Ratings),
	)
}

func (d *disk) replies(t *tx, g *ledger.Group) error {
	for _, u := range g.ReplyUpdates {
		upTo, from := min(u.UpTo, g.Last), d.replyCursors[u.Inbox]
		if u.Contact != "" {
			from = u.After
		}
		for _, row := range d.messages.list {
			if row.Direction != ledger.Outbound || row.Inbox != u.Inbox || row.Position <= from || row.Position > upTo || row.ReplyState != ledger.ReplySent {
				continue
			}
			if u.Contact != "" && row.Contact != u.Contact {
				continue
			}
			err := d.messages.change(t, row, func(row *ledger.MessageRow) { row.ReplyState, row.ReplyAt, row.ReplyDetail = u.State, u.At, u.Detail })
			if err != nil {
				return err
			}
		}
		if u.Contact == "" && upTo > from {
			d.replyCursors[u.Inbox] = upTo
			t.undo = append(t.undo, func() { d.replyCursors[u.Inbox] = from })
		}
	}
	return nil
}

func (d *disk) refuse(t *tx, g *ledger.Group) error {
	for _, r := range g.Refusals {
		r.ID = 1
		if n := len(d.refusals.list); n > 0 {
			r.ID = d.refusals.list[n-1].ID + 1
		}
		if err := d.refusals.insert(t, &r); err != nil {
			return err
		}
	}
	if n := len(d.refusals.list); len(g.Refusals) > 0 && n > d.kept {
		set(t, &d.refusals.list, append([]*ledger.RefusalRow(nil), d.refusals.list[n-d.kept:]...))
	}
	return nil
}
