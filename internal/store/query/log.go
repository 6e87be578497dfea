package query

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// conditions are joined with AND; each is there because somebody asked for it.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, text)
	c.args = append(c.args, args...)
}

// wants adds an equality unless the value is empty.
func (c *conditions) wants(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// within adds the bounds of a span, between which an index on the column is walked.
func (c *conditions) within(column string, s ledger.Span) {
	c.add(column+" > ? AND "+column+" <= ?", s.After, s.UpTo)
}

func (c *conditions) where() string {
	if len(c.texts) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.texts, " AND ") + " "
}

const (
	// arrived says of a delivery d that a client acknowledged it: see ledger.DeliveryRow.Standing.
	arrived = `(d.received_at IS NOT NULL OR d.state NOT IN ('queued', 'withdrawn'))`
	// reached says of a message m what ledger.LoggedMessage says. Both parts look at what belongs to one message, by an index.
	reached = `(EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.position AND d.type = 'message' AND ` + arrived + `)
	OR EXISTS (SELECT 1 FROM messages r WHERE r.conversation = m.conversation AND r.sequence > m.sequence AND r.direction = 'out' AND r.author <> ''))`
)

// wordless are the columns of messages without what they say.
func wordless() string {
	names := strings.Split(columns(table.Messages, "m."), ", ")
	for i, name := range names {
		if name == "m.text" || name == "m.data" {
			names[i] = "'' AS " + strings.TrimPrefix(name, "m.")
		}
	}
	return strings.Join(names, ", ")
}

// ofAccount compares the account of a delivery so that no index over accounts is used: it would lead to all that the account ever got.
func ofAccount(delivery string) string { return delivery + ".account || '' = ?" }

// InstantOf implements ledger.LogReader.
func (r *Reader) InstantOf(ctx context.Context, position int64) (time.Time, error) {
	at, err := r.pool().number(ctx, "SELECT at FROM groups WHERE first <= ? ORDER BY first DESC LIMIT 1", position)
	if err != nil {
		return time.Time{}, err
	}
	return instant(at), nil
}

func messageConditions(q ledger.MessageLogQuery) *conditions {
	c := &conditions{}
	c.within("m.position", q.Span)
	c.add("m.direction IN ('in', 'held', 'rejected') AND m.revision IS NOT NULL")
	if len(q.Directions) > 0 {
		args := make([]any, len(q.Directions))
		for i, d := range q.Directions {
			args[i] = string(d)
		}
		c.add("m.direction IN ("+strings.Repeat("?, ", len(args)-1)+"?)", args...)
	}
	c.wants("m.inbox", q.Inbox)
	c.wants("m.kind", q.Kind)
	if q.Agent != "" {
		c.add("EXISTS (SELECT 1 FROM deliveries a WHERE a.message = m.position AND a.type = 'message' AND "+ofAccount("a")+")", q.Agent)
	}
	if q.Unreached {
		c.add("NOT " + reached)
	}
	return c
}

// MessageLog implements ledger.LogReader.
func (r *Reader) MessageLog(ctx context.Context, q ledger.MessageLogQuery) ([]ledger.LoggedMessage, error) {
	var found []ledger.LoggedMessage
	var one ledger.LoggedMessage
	c := messageConditions(q)
	err := r.pool().each(ctx, append(table.Destinations(table.Messages.Visit, &one.MessageRow), &one.Reached), func() {
		kept := one
		table.Messages.Finish(&kept.MessageRow)
		found = append(found, kept)
	}, "SELECT "+wordless()+", "+reached+" FROM messages m "+c.where()+"ORDER BY m.position DESC LIMIT ?", append(c.args, max(q.Limit, 0))...)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// MessageCounts implements ledger.LogReader.
func (r *Reader) MessageCounts(ctx context.Context, q ledger.MessageLogQuery) ([]ledger.MessageCount, error) {
	var found []ledger.MessageCount
	var one ledger.MessageCount
	c := messageConditions(q)
	err := r.pool().each(ctx, []any{&one.Direction, &one.Reached, &one.Messages}, func() { found = append(found, one) },
		"SELECT direction, was_reached, count(*) FROM (SELECT m.direction AS direction, "+reached+" AS was_reached FROM messages m "+c.where()+
			") counted GROUP BY direction, was_reached", c.args...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b ledger.MessageCount) int {
		if d := strings.Compare(string(a.Direction), string(b.Direction)); d != 0 || b.Reached {
			return cmp.Or(d, -1)
		}
		return 1
	})
	return found, nil
}

// DeliveryLog implements ledger.LogReader. It walks the index of the deliveries' messages: their positions have none.
func (r *Reader) DeliveryLog(ctx context.Context, q ledger.DeliveryLogQuery) ([]ledger.DeliveryRow, error) {
	c := &conditions{}
	if b := q.Before; b != (ledger.DeliveryKey{}) {
		q.UpTo = min(q.UpTo, b.Message)
		c.add("(d.message < ? OR d.account < ? OR d.account = ? AND d.sequence < ?)", b.Message, b.Account, b.Account, b.Sequence)
	}
	c.within("d.message", q.Span)
	c.add("d.type <> 'withdrawal'")
	if q.Account != "" {
		c.add(ofAccount("d"), q.Account)
	}
	c.wants("d.inbox", q.Inbox)
	c.wants("d.kind", q.Kind)
	switch q.Standing {
	case ledger.StandingArrived:
		c.add(arrived)
	case ledger.StandingPending:
		c.add("d.received_at IS NULL AND d.state = 'queued'")
	case ledger.StandingWithdrawn:
		c.add("d.received_at IS NULL AND d.state = 'withdrawn'")
	}
	return listAs(ctx, r.pool(), table.Deliveries, columns(table.Deliveries, "d."),
		"FROM deliveries d "+c.where()+"ORDER BY d.message DESC, d.account DESC, d.sequence DESC LIMIT ?", append(c.args, max(q.Limit, 0))...)
}

// DeliveriesOfAll implements ledger.LogReader.
func (r *Reader) DeliveriesOfAll(ctx context.Context, messages []int64) ([]ledger.DeliveryRow, error) {
	return among(ctx, r.pool(), table.Deliveries, "type <> 'withdrawal' AND message", messages)
}

// ConversationsOf implements ledger.LogReader.
func (r *Reader) ConversationsOf(ctx context.Context, ids []int64) ([]ledger.ConversationRow, error) {
	return among(ctx, r.pool(), table.Conversations, "id", ids)
}

func refusalConditions(q ledger.RefusalLogQuery) *conditions {
	c := &conditions{}
	c.wants("inbox", q.Inbox)
	c.wants("code", q.Code)
	if !q.From.IsZero() {
		c.add("at >= ?", micros(q.From))
	}
	if !q.To.IsZero() {
		c.add("at < ?", micros(q.To))
	}
	return c
}

// RefusalLog implements ledger.LogReader. Only so many lines are kept that all of them can be looked through.
func (r *Reader) RefusalLog(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalRow, error) {
	c := refusalConditions(q)
	c.add("id < ?", orForGood(q.Before))
	return list(ctx, r.pool(), table.Refusals, c.where()+"ORDER BY id DESC LIMIT ?", append(c.args, max(q.Limit, 0))...)
}

// RefusalCounts implements ledger.LogReader.
func (r *Reader) RefusalCounts(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalCount, error) {
	c := refusalConditions(q)
	var found []ledger.RefusalCount
	var one ledger.RefusalCount
	var first, last int64
	err := r.pool().each(ctx, []any{&one.Code, &one.Requests, &first, &last}, func() {
		one.First, one.Last = known(first), known(last)
		found = append(found, one)
	}, "SELECT code, count(*), coalesce(min(at), 0), coalesce(max(at), 0) FROM intake_log "+c.where()+"GROUP BY code", c.args...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b ledger.RefusalCount) int { return strings.Compare(a.Code, b.Code) })
	return found, nil
}

// SignIns implements ledger.LogReader. The name is in the statement's text because the index is of that name only.
func (r *Reader) SignIns(ctx context.Context, account string, span ledger.Span, limit int) ([]ledger.FactRow, error) {
	c := &conditions{}
	c.within("from_position", span)
	c.add("name = '" + ledger.FactSignin + "'")
	if account != "" {
		c.add("subject = ?", ledger.AccountSubject(account))
	}
	return list(ctx, r.pool(), table.Facts, c.where()+"ORDER BY from_position DESC LIMIT ?", append(c.args, max(limit, 0))...)
}

// FailedSignIns implements ledger.LogReader.
func (r *Reader) FailedSignIns(ctx context.Context, account string, span ledger.Span, limit int) ([]ledger.AuditRow, error) {
	c := &conditions{}
	c.within("position", span)
	c.add("action = '" + ledger.ActionSignInFailed + "'")
	if account != "" {
		c.add("object = ?", ledger.AccountSubject(account))
	}
	return r.audit(ctx, c, limit)
}

// AuditLog implements ledger.LogReader.
func (r *Reader) AuditLog(ctx context.Context, q ledger.AuditLogQuery) ([]ledger.AuditRow, error) {
	c := &conditions{}
	c.within("position", q.Span)
	c.wants("made_by", q.By)
	c.wants("action", q.Action)
	c.wants("object", q.Object)
	return r.audit(ctx, c, q.Limit)
}

func (r *Reader) audit(ctx context.Context, c *conditions, limit int) ([]ledger.AuditRow, error) {
	entries, err := list(ctx, r.pool(), table.Audit, c.where()+"ORDER BY position DESC, ordinal DESC LIMIT ?", append(c.args, max(limit, 0))...)
	if err != nil {
		return nil, err
	}
	rows := make([]ledger.AuditRow, len(entries))
	for i, e := range entries {
		rows[i] = e.AuditRow
	}
	return rows, nil
}

// BrowserSessionsOf implements ledger.LogReader.
func (r *Reader) BrowserSessionsOf(ctx context.Context, ids []string) ([]ledger.BrowserSessionRow, error) {
	var found []ledger.BrowserSessionRow
	err := in(distinct(ids), func(marks string, args []any) error {
		rows, err := list(ctx, r.pool(), table.BrowserSessions, "WHERE id IN ("+marks+")", args...)
		found = append(found, rows...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SystemFacts implements ledger.LogReader. There are few of them, and the key has them together: "0" comes right after "/".
func (r *Reader) SystemFacts(ctx context.Context, span ledger.Span, limit int) ([]ledger.FactRow, error) {
	return list(ctx, r.pool(), table.Facts,
		"WHERE subject >= 'system/' AND subject < 'system0' AND from_position > ? AND from_position <= ? ORDER BY from_position DESC, subject, name, key LIMIT ?",
		span.After, span.UpTo, max(limit, 0))
}

var _ ledger.LogReader = (*Reader)(nil)
