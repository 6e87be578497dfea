package memory

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// read makes the disk readable for one read; the caller calls done.
func (s *Store) read(ctx context.Context) (d *disk, done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("reading: %w", err)
	}
	if err := s.usable(); err != nil {
		return nil, nil, err
	}
	s.disk.mu.RLock()
	return s.disk, s.disk.mu.RUnlock, nil
}

// reading runs f over what was committed.
func reading[V any](ctx context.Context, s *Store, f func(d *disk) (V, error)) (V, error) {
	d, done, err := s.read(ctx)
	if err != nil {
		var none V
		return none, err
	}
	defer done()
	return f(d)
}

// sorted sorts rows and cuts them to the limit.
func sorted[R any](rows []R, limit int, compare func(a, b R) int) []R {
	slices.SortStableFunc(rows, compare)
	if limit >= 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	if len(rows) == 0 {
		return nil
	}
	return rows
}

const unlimited = -1

// HasGroup implements ledger.Committer.
func (s *Store) HasGroup(ctx context.Context, first int64, nonce string) (bool, error) {
	return reading(ctx, s, func(d *disk) (bool, error) {
		return slices.ContainsFunc(d.groups, func(g group) bool { return g.first == first && g.nonce == nonce }), nil
	})
}

// Keys implements ledger.Committer.
func (s *Store) Keys(ctx context.Context, refs []ledger.KeyRef) ([]ledger.KeyRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.KeyRow, error) {
		var found []ledger.KeyRow
		for _, ref := range refs {
			if row := d.keys.get(&ledger.KeyRow{Scope: ref.Scope, ID: ref.ID}); row != nil {
				found = append(found, d.keys.copy(row))
			}
		}
		return found, nil
	})
}

// Contact implements ledger.Committer.
func (s *Store) Contact(ctx context.Context, inbox, id string) (ledger.ContactRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.ContactRow, error) {
		return d.contacts.one(&ledger.ContactRow{Inbox: inbox, ID: id})
	})
}

// Conversation implements ledger.Committer and ledger.MessageReader.
func (s *Store) Conversation(ctx context.Context, id int64) (ledger.ConversationRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.ConversationRow, error) {
		return d.conversations.one(&ledger.ConversationRow{ID: id})
	})
}

// Delivery implements ledger.Committer.
func (s *Store) Delivery(ctx context.Context, account string, sequence int64) (ledger.DeliveryRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.DeliveryRow, error) {
		return d.deliveries.one(&ledger.DeliveryRow{Account: account, Sequence: sequence})
	})
}

// Message implements ledger.MessageReader.
func (s *Store) Message(ctx context.Context, position int64) (ledger.MessageRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.MessageRow, error) {
		return d.messages.one(&ledger.MessageRow{Position: position})
	})
}

// MessageBySender implements ledger.MessageReader.
func (s *Store) MessageBySender(ctx context.Context, inbox, senderID string) (ledger.MessageRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.MessageRow, error) {
		key := d.keys.get(&ledger.KeyRow{Scope: "in/" + inbox, ID: senderID})
		if key == nil {
			return ledger.MessageRow{}, fmt.Errorf("message_keys: %w", ledger.ErrNotFound)
		}
		return d.messages.one(&ledger.MessageRow{Position: key.Position})
	})
}

// messages picks messages that match, in the order of positions.
func (s *Store) messages(ctx context.Context, limit int, match func(r *ledger.MessageRow) bool) ([]ledger.MessageRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.MessageRow, error) { return d.messages.pick(limit, match), nil })
}

// ConversationMessages implements ledger.MessageReader.
func (s *Store) ConversationMessages(ctx context.Context, conversation, after int64, limit int) ([]ledger.MessageRow, error) {
	found, err := s.messages(ctx, unlimited, func(r *ledger.MessageRow) bool { return r.Conversation == conversation && r.Sequence > after })
	return sorted(found, max(limit, 0), func(a, b ledger.MessageRow) int { return cmp.Compare(a.Sequence, b.Sequence) }), err
}

// MessagesBefore implements ledger.MessageReader.
func (s *Store) MessagesBefore(ctx context.Context, conversation, before int64, limit int) ([]ledger.MessageRow, error) {
	found, err := s.messages(ctx, unlimited, func(r *ledger.MessageRow) bool { return r.Conversation == conversation && r.Sequence < before })
	newest := sorted(found, max(limit, 0), func(a, b ledger.MessageRow) int { return cmp.Compare(b.Sequence, a.Sequence) })
	slices.Reverse(newest)
	return newest, err
}

// Previews implements ledger.MessageReader.
func (s *Store) Previews(ctx context.Context, conversations []int64) ([]ledger.PreviewRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.PreviewRow, error) {
		byConversation := map[int64]*ledger.PreviewRow{}
		for _, id := range conversations {
			if c := d.conversations.get(&ledger.ConversationRow{ID: id}); c != nil {
				p := &ledger.PreviewRow{Conversation: id, Last: c.LastSequence, Answered: c.Answered}
				if k := d.contacts.get(&ledger.ContactRow{Inbox: c.Inbox, ID: c.Contact}); k != nil {
					p.ContactName = k.Name
				}
				byConversation[id] = p
			}
		}
		var rows []ledger.PreviewRow
		for _, m := range d.messages.list {
			p := byConversation[m.Conversation]
			if p == nil {
				continue
			}
			if m.Direction == ledger.Inbound && m.Sequence > p.Answered {
				if p.Unanswered++; p.Unanswered == 1 {
					p.Since = m.At
				}
			}
			if automatic := m.Kind == "auto_reply"; m.Sequence != 0 && m.Sequence <= p.Last && (!automatic || m.Sequence == p.Last && (p.Direction == "" || p.Kind == "auto_reply")) {
				p.Direction, p.Kind, p.Author, p.At = m.Direction, m.Kind, m.Author, m.At
				p.Text = string([]rune(m.Text)[:min(ledger.PreviewLength, len([]rune(m.Text)))])
			}
		}
		for _, p := range byConversation {
			if p.Direction != "" {
				rows = append(rows, *p)
			}
		}
		return rows, nil
	})
}

// ResolvedConversations implements ledger.MessageReader.
func (s *Store) ResolvedConversations(ctx context.Context, inbox, lastOwner string, before int64, limit int) ([]ledger.ConversationRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.ConversationRow, error) {
		found := d.conversations.pick(unlimited, func(r *ledger.ConversationRow) bool {
			return r.Resolved != 0 && (inbox == "" || r.Inbox == inbox) && (lastOwner == "" || r.LastOwner == lastOwner) && (before == 0 || r.Resolved < before)
		})
		return sorted(found, max(limit, 0), func(a, b ledger.ConversationRow) int { return cmp.Compare(b.Resolved, a.Resolved) }), nil
	})
}

// Mentioned implements ledger.MessageReader.
func (s *Store) Mentioned(ctx context.Context, conversation int64, account string) (bool, error) {
	return reading(ctx, s, func(d *disk) (bool, error) {
		return slices.ContainsFunc(d.deliveries.list, func(r *ledger.DeliveryRow) bool {
			m := d.messages.get(&ledger.MessageRow{Position: r.Message})
			return r.Account == account && r.Type == ledger.EntryMessage && r.State != ledger.Withdrawn && m != nil && m.Conversation == conversation && m.Direction == ledger.Note
		}), nil
	})
}

// DeliveriesOf implements ledger.MessageReader.
func (s *Store) DeliveriesOf(ctx context.Context, message int64) ([]ledger.DeliveryRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DeliveryRow, error) {
		found := d.deliveries.pick(unlimited, func(r *ledger.DeliveryRow) bool { return r.Message == message && r.Type != ledger.EntryWithdrawal })
		return sorted(found, unlimited, func(a, b ledger.DeliveryRow) int { return cmp.Compare(a.Position, b.Position) }), nil
	})
}

// Attempts implements ledger.MessageReader.
func (s *Store) Attempts(ctx context.Context, account string, sequence int64) ([]ledger.AttemptRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AttemptRow, error) {
		return d.attempts.pick(unlimited, func(r *ledger.AttemptRow) bool { return r.Account == account && r.Sequence == sequence }), nil
	})
}

// Entries implements ledger.MessageReader.
func (s *Store) Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.Entry, error) {
		var entries []ledger.Entry
		i, found := d.deliveries.find(&ledger.DeliveryRow{Account: account, Sequence: after})
		if found {
			i++
		}
		for ; i < len(d.deliveries.list) && d.deliveries.list[i].Account == account && len(entries) < limit; i++ {
			e := ledger.Entry{Delivery: d.deliveries.copy(d.deliveries.list[i])}
			if m := d.messages.get(&ledger.MessageRow{Position: e.Delivery.Message}); m != nil {
				e.Message = d.messages.copy(m)
			}
			entries = append(entries, e)
		}
		return entries, nil
	})
}

// NewestDeliveries implements ledger.MessageReader.
func (s *Store) NewestDeliveries(ctx context.Context, account string, position int64, limit int) ([]ledger.DeliveryRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DeliveryRow, error) {
		var rows []ledger.DeliveryRow
		i, _ := d.deliveries.find(&ledger.DeliveryRow{Account: account, Sequence: math.MaxInt64})
		for i--; i >= 0 && d.deliveries.list[i].Account == account && len(rows) < limit; i-- {
			if row := d.deliveries.list[i]; row.Position <= position {
				rows = append(rows, d.deliveries.copy(row))
			}
		}
		slices.Reverse(rows)
		return rows, nil
	})
}

// DecisionsOf implements ledger.MessageReader.
func (s *Store) DecisionsOf(ctx context.Context, conversation int64, limit int) ([]ledger.DecisionRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DecisionRow, error) {
		found := d.decisions.pick(unlimited, func(r *ledger.DecisionRow) bool { return r.Conversation == conversation })
		if limit = max(limit, 0); len(found) > limit {
			found = found[len(found)-limit:]
		}
		return sorted(found, unlimited, func(a, b ledger.DecisionRow) int { return 0 }), nil
	})
}

// Outcomes implements ledger.MessageReader.
func (s *Store) Outcomes(ctx context.Context, id [16]byte) ([]byte, error) {
	return reading(ctx, s, func(d *disk) ([]byte, error) {
		row, err := d.outcomes.one(&ledger.OutcomesRow{ID: id})
		return row.Content, err
	})
}

// Replies implements ledger.MessageReader.
func (s *Store) Replies(ctx context.Context, inbox string, cursor int64, limit int) ([]ledger.MessageRow, error) {
	return s.messages(ctx, max(limit, 0), func(r *ledger.MessageRow) bool {
		return r.Direction == ledger.Outbound && r.Inbox == inbox && r.Position > cursor
	})
}

// Refusals implements ledger.MessageReader.
func (s *Store) Refusals(ctx context.Context, inbox, senderID string, before int64, limit int) ([]ledger.RefusalRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RefusalRow, error) {
		found := d.refusals.pick(unlimited, func(r *ledger.RefusalRow) bool {
			return (inbox == "" || r.Inbox == inbox) && (senderID == "" || r.SenderID == senderID) && (before == 0 || r.ID < before)
		})
		return sorted(found, max(limit, 0), func(a, b ledger.RefusalRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}

// DecidedMessages implements ledger.MessageReader.
func (s *Store) DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error) {
	found, err := s.messages(ctx, max(limit, 0), func(r *ledger.MessageRow) bool {
		return r.Position > after && r.Position <= upTo && (r.Direction.FromCustomer() || r.Direction == ledger.Refused) && r.Decision != nil
	})
	for i := range found {
		found[i].Text = ""
	}
	return found, err
}

// LaterDecisions implements ledger.MessageReader.
func (s *Store) LaterDecisions(ctx context.Context, after, upTo int64, limit int) ([]ledger.DecisionRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DecisionRow, error) {
		return d.decisions.pick(max(limit, 0), func(r *ledger.DecisionRow) bool { return r.Position > after && r.Position <= upTo }), nil
	})
}

// Upload implements ledger.Committer and ledger.UploadReader.
func (s *Store) Upload(ctx context.Context, id string) (ledger.UploadRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.UploadRow, error) { return d.uploads.one(&ledger.UploadRow{ID: id}) })
}

// UploadsOf implements ledger.UploadReader.
func (s *Store) UploadsOf(ctx context.Context, owner string) (count, size int64, err error) {
	_, err = reading(ctx, s, func(d *disk) (struct{}, error) {
		for _, r := range d.uploads.list {
			if r.Owner == owner {
				count, size = count+1, size+r.Size
			}
		}
		return struct{}{}, nil
	})
	return count, size, err
}

// FilesInUse implements ledger.UploadReader.
func (s *Store) FilesInUse(ctx context.Context, digests []string) ([]string, error) {
	return reading(ctx, s, func(d *disk) ([]string, error) {
		used := map[string]bool{}
		for _, r := range d.uploads.list {
			used[r.Digest] = true
		}
		for _, r := range d.files.list {
			used[r.Digest] = true
		}
		var found []string
		for _, digest := range digests {
			if used[digest] && !slices.Contains(found, digest) {
				found = append(found, digest)
			}
		}
		return found, nil
	})
}

// Job implements ledger.Committer.
func (s *Store) Job(ctx context.Context, id string) (ledger.JobRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.JobRow, error) { return d.jobs.one(&ledger.JobRow{ID: id}) })
}

// JobsDue implements ledger.JobReader.
func (s *Store) JobsDue(ctx context.Context, at time.Time, limit int) ([]ledger.JobRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.JobRow, error) {
		due := d.jobs.pick(len(d.jobs.list), func(r *ledger.JobRow) bool {
			return r.DeadAt.IsZero() && !r.DueAt.IsZero() && r.DueAt.UnixMicro() <= at.UnixMicro() && (r.LeasedUntil.IsZero() || r.LeasedUntil.UnixMicro() <= at.UnixMicro())
		})
		slices.SortStableFunc(due, func(a, b ledger.JobRow) int { return a.DueAt.Compare(b.DueAt) })
		return due[:min(len(due), max(limit, 0))], nil
	})
}

// Jobs implements ledger.JobReader.
func (s *Store) Jobs(ctx context.Context, dead bool, after string, limit int) ([]ledger.JobRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.JobRow, error) {
		return d.jobs.pick(max(limit, 0), func(r *ledger.JobRow) bool { return r.ID > after && (!dead || !r.DeadAt.IsZero()) }), nil
	})
}

// Visitor implements ledger.VisitorReader.
func (s *Store) Visitor(ctx context.Context, hash [32]byte) (ledger.VisitorRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.VisitorRow, error) {
		for _, r := range d.visitors.list {
			if r.Hash == hash {
				return d.visitors.copy(r), nil
			}
		}
		return ledger.VisitorRow{}, fmt.Errorf("visitors: %w", ledger.ErrNotFound)
	})
}

func ofContact(r *ledger.MessageRow, inbox, contact string) bool {
	return contact != "" && r.Inbox == inbox && r.Contact == contact && (r.Direction.FromCustomer() || r.Direction == ledger.Outbound)
}

// ContactMessages implements ledger.VisitorReader.
func (s *Store) ContactMessages(ctx context.Context, inbox, contact string, after int64, limit int) ([]ledger.MessageRow, error) {
	return s.messages(ctx, max(limit, 0), func(r *ledger.MessageRow) bool { return ofContact(r, inbox, contact) && r.Position > after })
}

// ContactMessagesBefore implements ledger.VisitorReader.
func (s *Store) ContactMessagesBefore(ctx context.Context, inbox, contact string, before int64, limit int) ([]ledger.MessageRow, error) {
	found, err := s.messages(ctx, unlimited, func(r *ledger.MessageRow) bool {
		return ofContact(r, inbox, contact) && (before == 0 || r.Position < before)
	})
	return found[max(0, len(found)-max(limit, 0)):], err
}

// ContactConversations implements ledger.VisitorReader.
func (s *Store) ContactConversations(ctx context.Context, inbox, contact string, limit int) ([]ledger.ConversationRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.ConversationRow, error) {
		found := d.conversations.pick(unlimited, func(r *ledger.ConversationRow) bool { return r.Inbox == inbox && r.Contact == contact })
		return sorted(found, max(limit, 0), func(a, b ledger.ConversationRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}

// Rating implements ledger.Committer and ledger.VisitorReader.
func (s *Store) Rating(ctx context.Context, conversation int64) (ledger.RatingRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.RatingRow, error) {
		return d.ratings.one(&ledger.RatingRow{Conversation: conversation})
	})
}

// Ratings implements ledger.VisitorReader.
func (s *Store) Ratings(ctx context.Context, conversations []int64) ([]ledger.RatingRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RatingRow, error) {
		return d.ratings.pick(unlimited, func(r *ledger.RatingRow) bool { return slices.Contains(conversations, r.Conversation) }), nil
	})
}

// within compares in microseconds, as everything is stored.
func within(at, since, until time.Time) bool {
	return !at.IsZero() && (since.IsZero() || at.UnixMicro() >= since.UnixMicro()) && (until.IsZero() || at.UnixMicro() < until.UnixMicro())
}

// counts adds up traffic by inbox and kind.
type counts map[[2]string]*ledger.TrafficRow

func (c counts) of(inbox, kind string) *ledger.TrafficRow {
	row := c[[2]string{inbox, kind}]
	if row == nil {
		row = &ledger.TrafficRow{Inbox: inbox, Kind: kind}
		c[[2]string{inbox, kind}] = row
	}
	return row
}

func (c counts) rows() []ledger.TrafficRow {
	var list []ledger.TrafficRow
	for _, row := range c {
		list = append(list, *row)
	}
	return sorted(list, unlimited, func(a, b ledger.TrafficRow) int {
		return cmp.Or(cmp.Compare(a.Inbox, b.Inbox), cmp.Compare(a.Kind, b.Kind))
	})
}

// Traffic implements ledger.MessageReader.
func (s *Store) Traffic(ctx context.Context, account string, since, until time.Time) ([]ledger.TrafficRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.TrafficRow, error) {
		c := counts{}
		for _, r := range d.deliveries.list {
			if r.Account != account || r.Type != ledger.EntryMessage || !within(r.At, since, until) {
				continue
			}
			row := c.of(r.Inbox, r.Kind)
			row.Pushed++
			if !r.ReceivedAt.IsZero() || r.State == ledger.Received || r.State == ledger.Seen || r.State == ledger.Accepted {
				row.Received++
			}
			if r.State == ledger.Withdrawn {
				row.Withdrawn++
			}
		}
		return c.rows(), nil
	})
}

// Offered implements ledger.MessageReader.
func (s *Store) Offered(ctx context.Context, since, until time.Time) ([]ledger.TrafficRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.TrafficRow, error) {
		c := counts{}
		for _, r := range d.messages.list {
			if r.Direction == ledger.Inbound && within(r.At, since, until) {
				c.of(r.Inbox, r.Kind).Offered++
			}
		}
		return c.rows(), nil
	})
}
