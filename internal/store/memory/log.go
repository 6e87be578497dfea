package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

func inSpan(s ledger.Span, position int64) bool { return position > s.After && position <= s.UpTo }

// fits says whether a value is the one that was asked for, if any was.
func fits(wanted, value string) bool { return wanted == "" || wanted == value }

func (d *disk) reached(m *ledger.MessageRow) bool {
	if slices.ContainsFunc(d.deliveries.list, func(r *ledger.DeliveryRow) bool {
		return r.Message == m.Position && r.Type == ledger.EntryMessage && r.Standing() == ledger.StandingArrived
	}) {
		return true
	}
	return m.Conversation != 0 && slices.ContainsFunc(d.messages.list, func(r *ledger.MessageRow) bool {
		return r.Conversation == m.Conversation && r.Sequence > m.Sequence && r.Direction == ledger.Outbound && r.Author != ""
	})
}

func (d *disk) logged(q *ledger.MessageLogQuery) []ledger.LoggedMessage {
	var found []ledger.LoggedMessage
	for _, r := range slices.Backward(d.messages.list) {
		if !inSpan(q.Span, r.Position) || !r.Direction.FromCustomer() && r.Direction != ledger.Refused || r.Decision == nil || !fits(q.Inbox, r.Inbox) || !fits(q.Kind, r.Kind) {
			continue
		}
		if len(q.Directions) > 0 && !slices.Contains(q.Directions, r.Direction) {
			continue
		}
		given := func(x *ledger.DeliveryRow) bool {
			return x.Message == r.Position && x.Type == ledger.EntryMessage && x.Account == q.Agent
		}
		if q.Agent != "" && !slices.ContainsFunc(d.deliveries.list, given) {
			continue
		}
		m := ledger.LoggedMessage{MessageRow: d.messages.copy(r), Reached: d.reached(r)}
		m.Text, m.Data = "", nil
		if !q.Unreached || !m.Reached {
			found = append(found, m)
		}
	}
	return found
}

// InstantOf implements ledger.LogReader.
func (s *Store) InstantOf(ctx context.Context, position int64) (time.Time, error) {
	return reading(ctx, s, func(d *disk) (time.Time, error) {
		for _, g := range slices.Backward(d.groups) {
			if g.first <= position {
				return instant(g.at), nil
			}
		}
		return time.Time{}, fmt.Errorf("groups: %w", ledger.ErrNotFound)
	})
}

// MessageLog implements ledger.LogReader.
func (s *Store) MessageLog(ctx context.Context, q ledger.MessageLogQuery) ([]ledger.LoggedMessage, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.LoggedMessage, error) {
		found := d.logged(&q)
		return found[:min(len(found), max(q.Limit, 0))], nil
	})
}

// MessageCounts implements ledger.LogReader.
func (s *Store) MessageCounts(ctx context.Context, q ledger.MessageLogQuery) ([]ledger.MessageCount, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.MessageCount, error) {
		counts := map[ledger.MessageCount]int64{}
		for _, m := range d.logged(&q) {
			counts[ledger.MessageCount{Direction: m.Direction, Reached: m.Reached}]++
		}
		var list []ledger.MessageCount
		for c, n := range counts {
			c.Messages = n
			list = append(list, c)
		}
		return sorted(list, unlimited, func(a, b ledger.MessageCount) int {
			return cmp.Or(cmp.Compare(a.Direction, b.Direction), map[bool]int{true: 1, false: -1}[a.Reached])
		}), nil
	})
}

// later says whether a delivery comes after another in the order of the log.
func later(d *ledger.DeliveryRow, b ledger.DeliveryKey) bool {
	return b == ledger.DeliveryKey{} || logOrder(d, &ledger.DeliveryRow{Message: b.Message, Account: b.Account, Sequence: b.Sequence}) > 0
}

func logOrder(a, b *ledger.DeliveryRow) int {
	return cmp.Or(cmp.Compare(b.Message, a.Message), cmp.Compare(b.Account, a.Account), cmp.Compare(b.Sequence, a.Sequence))
}

// DeliveryLog implements ledger.LogReader.
func (s *Store) DeliveryLog(ctx context.Context, q ledger.DeliveryLogQuery) ([]ledger.DeliveryRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DeliveryRow, error) {
		found := d.deliveries.pick(unlimited, func(r *ledger.DeliveryRow) bool {
			return inSpan(q.Span, r.Message) && r.Type != ledger.EntryWithdrawal && fits(q.Account, r.Account) && fits(q.Inbox, r.Inbox) && fits(q.Kind, r.Kind) &&
				fits(string(q.Standing), string(r.Standing())) && later(r, q.Before)
		})
		return sorted(found, max(q.Limit, 0), func(a, b ledger.DeliveryRow) int { return logOrder(&a, &b) }), nil
	})
}

// DeliveriesOfAll implements ledger.LogReader.
func (s *Store) DeliveriesOfAll(ctx context.Context, messages []int64) ([]ledger.DeliveryRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.DeliveryRow, error) {
		return d.deliveries.pick(unlimited, func(r *ledger.DeliveryRow) bool {
			return r.Type != ledger.EntryWithdrawal && slices.Contains(messages, r.Message)
		}), nil
	})
}

// ConversationsOf implements ledger.LogReader.
func (s *Store) ConversationsOf(ctx context.Context, ids []int64) ([]ledger.ConversationRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.ConversationRow, error) {
		return d.conversations.pick(unlimited, func(r *ledger.ConversationRow) bool { return slices.Contains(ids, r.ID) }), nil
	})
}

func refusalFits(q *ledger.RefusalLogQuery, r *ledger.RefusalRow) bool {
	bounded := !q.From.IsZero() || !q.To.IsZero()
	return fits(q.Inbox, r.Inbox) && fits(q.Code, r.Code) && (!bounded || within(r.At, q.From, q.To))
}

// RefusalLog implements ledger.LogReader.
func (s *Store) RefusalLog(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RefusalRow, error) {
		found := d.refusals.pick(unlimited, func(r *ledger.RefusalRow) bool { return refusalFits(&q, r) && (q.Before == 0 || r.ID < q.Before) })
		return sorted(found, max(q.Limit, 0), func(a, b ledger.RefusalRow) int { return cmp.Compare(b.ID, a.ID) }), nil
	})
}

// RefusalCounts implements ledger.LogReader.
func (s *Store) RefusalCounts(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalCount, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.RefusalCount, error) {
		byCode := map[string]*ledger.RefusalCount{}
		for _, row := range d.refusals.list {
			r := d.refusals.copy(row)
			if !refusalFits(&q, &r) {
				continue
			}
			c := byCode[r.Code]
			if c == nil {
				c = &ledger.RefusalCount{Code: r.Code}
				byCode[r.Code] = c
			}
			c.Requests++
			if !r.At.IsZero() && (c.First.IsZero() || r.At.Before(c.First)) {
				c.First = r.At
			}
			if r.At.After(c.Last) {
				c.Last = r.At
			}
		}
		var list []ledger.RefusalCount
		for _, c := range byCode {
			list = append(list, *c)
		}
		return sorted(list, unlimited, func(a, b ledger.RefusalCount) int { return cmp.Compare(a.Code, b.Code) }), nil
	})
}

// factLog lists the facts that match, the newest first.
func (s *Store) factLog(ctx context.Context, span ledger.Span, limit int, match func(r *ledger.FactRow) bool) ([]ledger.FactRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.FactRow, error) {
		found := d.facts.pick(unlimited, func(r *ledger.FactRow) bool { return inSpan(span, r.FromPosition) && match(r) })
		return sorted(found, max(limit, 0), func(a, b ledger.FactRow) int { return cmp.Compare(b.FromPosition, a.FromPosition) }), nil
	})
}

// SignIns implements ledger.LogReader.
func (s *Store) SignIns(ctx context.Context, account string, span ledger.Span, limit int) ([]ledger.FactRow, error) {
	return s.factLog(ctx, span, limit, func(r *ledger.FactRow) bool {
		return r.Name == ledger.FactSignin && (account == "" || r.Subject == ledger.AccountSubject(account))
	})
}

// SystemFacts implements ledger.LogReader.
func (s *Store) SystemFacts(ctx context.Context, span ledger.Span, limit int) ([]ledger.FactRow, error) {
	return s.factLog(ctx, span, limit, func(r *ledger.FactRow) bool { return strings.HasPrefix(r.Subject, "system/") })
}

// auditLog lists the entries that match, the newest first.
func (s *Store) auditLog(ctx context.Context, span ledger.Span, limit int, match func(r *ledger.AuditRow) bool) ([]ledger.AuditRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.AuditRow, error) {
		found := d.audit.pick(unlimited, func(r *table.AuditEntry) bool { return inSpan(span, r.Position) && match(&r.AuditRow) })
		slices.Reverse(found)
		rows := make([]ledger.AuditRow, 0, len(found))
		for _, e := range found[:min(len(found), max(limit, 0))] {
			rows = append(rows, e.AuditRow)
		}
		return rows, nil
	})
}

// FailedSignIns implements ledger.LogReader.
func (s *Store) FailedSignIns(ctx context.Context, account string, span ledger.Span, limit int) ([]ledger.AuditRow, error) {
	return s.auditLog(ctx, span, limit, func(r *ledger.AuditRow) bool {
		return r.Action == ledger.ActionSignInFailed && (account == "" || r.Object == ledger.AccountSubject(account))
	})
}

// AuditLog implements ledger.LogReader.
func (s *Store) AuditLog(ctx context.Context, q ledger.AuditLogQuery) ([]ledger.AuditRow, error) {
	return s.auditLog(ctx, q.Span, q.Limit, func(r *ledger.AuditRow) bool {
		return fits(q.By, r.By) && fits(q.Action, r.Action) && fits(q.Object, r.Object)
	})
}

// BrowserSessionsOf implements ledger.LogReader.
func (s *Store) BrowserSessionsOf(ctx context.Context, ids []string) ([]ledger.BrowserSessionRow, error) {
	return reading(ctx, s, func(d *disk) ([]ledger.BrowserSessionRow, error) {
		return d.browsers.pick(unlimited, func(r *ledger.BrowserSessionRow) bool { return slices.Contains(ids, r.ID) }), nil
	})
}
