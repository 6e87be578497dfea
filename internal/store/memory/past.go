package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// Load implements ledger.Committer.
func (s *Store) Load(ctx context.Context) (*ledger.State, error) {
	return reading(ctx, s, func(d *disk) (*ledger.State, error) {
		st := &ledger.State{Sequences: map[string]int64{}, Received: map[string]ledger.Receipt{}, LastAssigned: map[string]map[string]int64{}}
		if n := len(d.groups); n > 0 {
			last := d.groups[n-1]
			st.Position, st.At, st.AliveAt = last.last, instant(last.at), instant(max(last.at, d.aliveAt))
		} else if d.aliveAt != 0 {
			st.AliveAt = instant(d.aliveAt)
		}
		st.Documents = d.documents.pick(unlimited, func(r *ledger.DocumentRow) bool { return r.To == 0 })
		if n := len(d.revisions.list); n > 0 {
			st.Revision = d.revisions.list[n-1].Revision
		}
		st.Conversations = d.conversations.pick(unlimited, func(r *ledger.ConversationRow) bool { return r.Status == "open" })
		st.Deliveries = d.deliveries.pick(unlimited, func(r *ledger.DeliveryRow) bool { return r.State == ledger.Queued })
		for _, r := range d.deliveries.list {
			st.Sequences[r.Account] = r.Sequence
			if r.Type == ledger.EntryMessage && !r.ReceivedAt.IsZero() {
				st.Received[r.Account] = ledger.Receipt{Sequence: r.Sequence, At: r.ReceivedAt}
			}
		}
		st.Facts = d.facts.pick(unlimited, func(r *ledger.FactRow) bool { return r.ToPosition == 0 })
		for _, r := range d.assignments.list {
			if st.LastAssigned[r.Inbox] == nil {
				st.LastAssigned[r.Inbox] = map[string]int64{}
			}
			st.LastAssigned[r.Inbox][r.Account] = max(st.LastAssigned[r.Inbox][r.Account], r.FromPosition)
		}
		st.Tokens = d.tokens.pick(unlimited, func(r *ledger.TokenRow) bool { return r.RevokedAt.IsZero() })
		st.BrowserSessions = d.browsers.pick(unlimited, func(r *ledger.BrowserSessionRow) bool { return r.EndedAt.IsZero() })
		st.Clients = d.clients.pick(unlimited, func(*ledger.ClientRow) bool { return true })
		st.Logins = d.logins.pick(unlimited, func(*ledger.LoginRow) bool { return true })
		return st, nil
	})
}

// held says whether an interval held just before a position.
func held(from, to, position int64) bool { return from < position && (to == 0 || to >= position) }

func among(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

// FactsAt implements ledger.FactReader.
func (s *Store) FactsAt(ctx context.Context, position int64, subjects []string) ([]ledger.FactRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.FactRow, error) {
		return d.facts.pick(unlimited, func(r *ledger.FactRow) bool {
			return held(r.FromPosition, r.ToPosition, position) && among(subjects, r.Subject)
		}), nil
	})
}

// FactsBetween implements ledger.FactReader.
func (s *Store) FactsBetween(ctx context.Context, subject string, from, to time.Time, limit int) ([]ledger.FactRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.FactRow, error) {
		found := d.facts.pick(unlimited, func(r *ledger.FactRow) bool {
			return r.Subject == subject && !r.FromAt.IsZero() && (to.IsZero() || r.FromAt.UnixMicro() <= to.UnixMicro()) &&
				(r.ToAt.IsZero() || from.IsZero() || r.ToAt.UnixMicro() >= from.UnixMicro())
		})
		return sorted(found, max(limit, 0), func(a, b ledger.FactRow) int { return cmp.Compare(a.FromPosition, b.FromPosition) }), nil
	})
}

func (s *Store) assignments(ctx context.Context, match func(r *ledger.AssignmentRow) bool) ([]ledger.AssignmentRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AssignmentRow, error) { return d.assignments.pick(unlimited, match), nil })
}

// AssignmentsAt implements ledger.FactReader.
func (s *Store) AssignmentsAt(ctx context.Context, position int64, accounts []string) ([]ledger.AssignmentRow, error) {
	return s.assignments(ctx, func(r *ledger.AssignmentRow) bool {
		return held(r.FromPosition, r.ToPosition, position) && among(accounts, r.Account)
	})
}

// LastAssignedAt implements ledger.FactReader.
func (s *Store) LastAssignedAt(ctx context.Context, position int64, inbox string) (map[string]int64, error) {
	found, err := s.assignments(ctx, func(r *ledger.AssignmentRow) bool { return r.Inbox == inbox && r.FromPosition < position })
	if err != nil {
		return nil, err
	}
	last := map[string]int64{}
	for _, r := range found {
		last[r.Account] = max(last[r.Account], r.FromPosition)
	}
	return last, nil
}

// AssignmentsOf implements ledger.FactReader.
func (s *Store) AssignmentsOf(ctx context.Context, conversation int64) ([]ledger.AssignmentRow, error) {
	return s.assignments(ctx, func(r *ledger.AssignmentRow) bool { return r.Conversation == conversation })
}

// PreviousOwner implements ledger.FactReader.
func (s *Store) PreviousOwner(ctx context.Context, inbox, contact string, position int64) (string, error) {
	return reading(ctx, s, func(d *disk) (string, error) {
		var newest ledger.AssignmentRow
		for _, a := range d.assignments.list {
			if a.FromPosition >= position || a.FromPosition < newest.FromPosition {
				continue
			}
			c := d.conversations.get(&ledger.ConversationRow{ID: a.Conversation})
			if c != nil && c.Inbox == inbox && c.Contact == contact {
				newest = *a
			}
		}
		return newest.Account, nil
	})
}

// PositionAt implements ledger.FactReader.
func (s *Store) PositionAt(ctx context.Context, at time.Time) (int64, error) {
	return reading(ctx, s, func(d *disk) (int64, error) {
		t := at.UnixMicro()
		if n := len(d.groups); n > 0 && d.groups[n-1].at <= t {
			return d.groups[n-1].last, nil
		}
		var nearest group
		for _, g := range d.groups {
			if g.at <= t && (nearest.last == 0 || g.at >= nearest.at) {
				nearest = g
			}
		}
		return nearest.last, nil
	})
}

// Began implements ledger.FactReader.
func (s *Store) Began(ctx context.Context) (time.Time, error) {
	return reading(ctx, s, func(d *disk) (time.Time, error) {
		if len(d.groups) == 0 {
			return time.Time{}, fmt.Errorf("groups: %w", ledger.ErrNotFound)
		}
		return instant(d.groups[0].at), nil
	})
}

func (s *Store) documents(ctx context.Context, match func(r *ledger.DocumentRow) bool) ([]ledger.DocumentRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DocumentRow, error) { return d.documents.pick(unlimited, match), nil })
}

// DocumentsAt implements ledger.PolicyReader.
func (s *Store) DocumentsAt(ctx context.Context, revision int64) ([]ledger.DocumentRow, error) {
	return s.documents(ctx, func(r *ledger.DocumentRow) bool { return r.From <= revision && (r.To == 0 || r.To > revision) })
}

// DocumentVersions implements ledger.PolicyReader.
func (s *Store) DocumentVersions(ctx context.Context, kind, name string) ([]ledger.DocumentRow, error) {
	return s.documents(ctx, func(r *ledger.DocumentRow) bool { return r.Kind == kind && r.Name == name })
}

// DocumentsSince implements ledger.PolicyReader.
func (s *Store) DocumentsSince(ctx context.Context, revision int64) ([]ledger.DocumentRow, error) {
	found, err := s.documents(ctx, func(r *ledger.DocumentRow) bool { return r.To == 0 || r.To > revision })
	return sorted(found, unlimited, func(a, b ledger.DocumentRow) int { return cmp.Compare(a.From, b.From) }), err
}

// Revisions implements ledger.PolicyReader.
func (s *Store) Revisions(ctx context.Context, before int64, limit int) ([]ledger.RevisionRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RevisionRow, error) {
		found := d.revisions.pick(unlimited, func(r *ledger.RevisionRow) bool { return before == 0 || r.Revision < before })
		return sorted(found, max(limit, 0), func(a, b ledger.RevisionRow) int { return cmp.Compare(b.Revision, a.Revision) }), nil
	})
}

// Revision implements ledger.PolicyReader.
func (s *Store) Revision(ctx context.Context, revision int64) (ledger.RevisionRow, error) {
	return reading(ctx, s, func(d *disk) (ledger.RevisionRow, error) {
		return d.revisions.one(&ledger.RevisionRow{Revision: revision})
	})
}

// RevisionAt implements ledger.PolicyReader.
func (s *Store) RevisionAt(ctx context.Context, position int64) (int64, error) {
	return reading(ctx, s, func(d *disk) (int64, error) {
		var newest int64
		for _, r := range d.revisions.list {
			if r.Position <= position {
				newest = max(newest, r.Revision)
			}
		}
		return newest, nil
	})
}

// Audit implements ledger.PolicyReader.
func (s *Store) Audit(ctx context.Context, before int64, limit int) ([]ledger.AuditRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AuditRow, error) {
		list := []ledger.AuditRow{}
		for _, e := range slices.Backward(d.audit.list) {
			if before != 0 && e.Position >= before {
				continue
			}
			if len(list) >= limit {
				break
			}
			copied := d.audit.copy(e)
			list = append(list, copied.AuditRow)
		}
		return list, nil
	})
}

// TokensOf implements ledger.PolicyReader.
func (s *Store) TokensOf(ctx context.Context, account string) ([]ledger.TokenRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.TokenRow, error) {
		found := d.tokens.pick(unlimited, func(r *ledger.TokenRow) bool { return r.Account == account })
		return sorted(found, unlimited, func(a, b ledger.TokenRow) int { return b.CreatedAt.Compare(a.CreatedAt) }), nil
	})
}
