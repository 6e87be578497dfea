package query

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// HasGroup implements ledger.Committer.
func (r *Reader) HasGroup(ctx context.Context, first int64, nonce string) (bool, error) {
	_, err := r.pool().number(ctx, "SELECT first FROM groups WHERE first = ? AND nonce = ?", first, nonce)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Keys implements ledger.Committer.
func (r *Reader) Keys(ctx context.Context, refs []ledger.KeyRef) ([]ledger.KeyRow, error) {
	byScope := map[string][]string{}
	for _, ref := range refs {
		byScope[ref.Scope] = append(byScope[ref.Scope], ref.ID)
	}
	var found []ledger.KeyRow
	for scope, ids := range byScope {
		err := in(ids, func(marks string, args []any) error {
			rows, err := list(ctx, r.pool(), table.Keys, "WHERE id IN ("+marks+") AND scope = ?", append(args, scope)...)
			found = append(found, rows...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Contact implements ledger.Committer.
func (r *Reader) Contact(ctx context.Context, inbox, id string) (ledger.ContactRow, error) {
	return first(ctx, r.pool(), table.Contacts, "WHERE inbox = ? AND id = ?", inbox, id)
}

// Conversation implements ledger.Committer and ledger.MessageReader.
func (r *Reader) Conversation(ctx context.Context, id int64) (ledger.ConversationRow, error) {
	return first(ctx, r.pool(), table.Conversations, "WHERE id = ?", id)
}

// Delivery implements ledger.Committer.
func (r *Reader) Delivery(ctx context.Context, account string, sequence int64) (ledger.DeliveryRow, error) {
	return first(ctx, r.pool(), table.Deliveries, "WHERE account = ? AND sequence = ?", account, sequence)
}

// Upload implements ledger.Committer and ledger.UploadReader.
func (r *Reader) Upload(ctx context.Context, id string) (ledger.UploadRow, error) {
	return first(ctx, r.pool(), table.Uploads, "WHERE id = ?", id)
}

// UploadsOf implements ledger.UploadReader.
func (r *Reader) UploadsOf(ctx context.Context, owner string) (count, size int64, err error) {
	err = r.pool().each(ctx, []any{&count, &size}, func() {},
		"SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM uploads WHERE owner = ?", owner)
	return count, size, err
}

// FilesInUse implements ledger.UploadReader.
func (r *Reader) FilesInUse(ctx context.Context, digests []string) ([]string, error) {
	var found []string
	err := in(digests, func(marks string, args []any) error {
		var digest string
		return r.pool().each(ctx, []any{&digest}, func() {
			if !slices.Contains(found, digest) {
				found = append(found, digest)
			}
		}, "SELECT digest FROM files WHERE digest IN ("+marks+") UNION SELECT digest FROM uploads WHERE digest IN ("+marks+")", append(args, args...)...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Visitor implements ledger.VisitorReader.
func (r *Reader) Visitor(ctx context.Context, hash [32]byte) (ledger.VisitorRow, error) {
	return first(ctx, r.pool(), table.Visitors, "WHERE hash = ?", hash[:])
}

// ofContact finds a contact's messages through its conversations, whose messages lie together in an index that has their positions.
const ofContact = `WHERE position IN (SELECT m.position FROM conversations c JOIN messages m ON m.conversation = c.id
WHERE c.inbox = ? AND c.contact = ? AND m.direction IN ('in', 'out', 'held') AND `

// ContactMessages implements ledger.VisitorReader.
func (r *Reader) ContactMessages(ctx context.Context, inbox, contact string, after int64, limit int) ([]ledger.MessageRow, error) {
	return list(ctx, r.pool(), table.Messages, ofContact+"m.position > ? ORDER BY m.position LIMIT ?) ORDER BY position", inbox, contact, after, max(limit, 0))
}

// ContactMessagesBefore implements ledger.VisitorReader.
func (r *Reader) ContactMessagesBefore(ctx context.Context, inbox, contact string, before int64, limit int) ([]ledger.MessageRow, error) {
	if before == 0 {
		before = forGood
	}
	rows, err := list(ctx, r.pool(), table.Messages, ofContact+"m.position < ? ORDER BY m.position DESC LIMIT ?) ORDER BY position DESC", inbox, contact, before, max(limit, 0))
	slices.Reverse(rows)
	return rows, err
}

// ContactConversations implements ledger.VisitorReader.
func (r *Reader) ContactConversations(ctx context.Context, inbox, contact string, limit int) ([]ledger.ConversationRow, error) {
	return list(ctx, r.pool(), table.Conversations, "WHERE inbox = ? AND contact = ? ORDER BY id DESC LIMIT ?", inbox, contact, max(limit, 0))
}

// Rating implements ledger.Committer and ledger.VisitorReader.
func (r *Reader) Rating(ctx context.Context, conversation int64) (ledger.RatingRow, error) {
	return first(ctx, r.pool(), table.Ratings, "WHERE conversation = ?", conversation)
}

// Job implements ledger.Committer.
func (r *Reader) Job(ctx context.Context, id string) (ledger.JobRow, error) {
	return first(ctx, r.pool(), table.Jobs, "WHERE id = ?", id)
}

// JobsDue implements ledger.JobReader.
func (r *Reader) JobsDue(ctx context.Context, at time.Time, limit int) ([]ledger.JobRow, error) {
	now := at.UnixMicro()
	return list(ctx, r.pool(), table.Jobs, "WHERE dead_at IS NULL AND due_at <= ? AND (leased_until IS NULL OR leased_until <= ?) ORDER BY due_at, id LIMIT ?",
		now, now, max(limit, 0))
}

// Jobs implements ledger.JobReader.
func (r *Reader) Jobs(ctx context.Context, dead bool, after string, limit int) ([]ledger.JobRow, error) {
	where := "WHERE id > ?"
	if dead {
		where += " AND dead_at IS NOT NULL"
	}
	return list(ctx, r.pool(), table.Jobs, where+" ORDER BY id LIMIT ?", after, max(limit, 0))
}

// Ratings implements ledger.VisitorReader.
func (r *Reader) Ratings(ctx context.Context, conversations []int64) ([]ledger.RatingRow, error) {
	return among(ctx, r.pool(), table.Ratings, "conversation", conversations)
}

// Message implements ledger.MessageReader.
func (r *Reader) Message(ctx context.Context, position int64) (ledger.MessageRow, error) {
	return first(ctx, r.pool(), table.Messages, "WHERE position = ?", position)
}

// MessageBySender implements ledger.MessageReader.
func (r *Reader) MessageBySender(ctx context.Context, inbox, senderID string) (ledger.MessageRow, error) {
	return first(ctx, r.pool(), table.Messages, "WHERE position = (SELECT position FROM message_keys WHERE scope = ? AND id = ?)", "in/"+inbox, senderID)
}

// ConversationMessages implements ledger.MessageReader.
func (r *Reader) ConversationMessages(ctx context.Context, conversation, after int64, limit int) ([]ledger.MessageRow, error) {
	return list(ctx, r.pool(), table.Messages, "WHERE conversation = ? AND sequence > ? ORDER BY sequence LIMIT ?", conversation, after, max(limit, 0))
}

// MessagesBefore implements ledger.MessageReader.
func (r *Reader) MessagesBefore(ctx context.Context, conversation, before int64, limit int) ([]ledger.MessageRow, error) {
	newest, err := list(ctx, r.pool(), table.Messages, "WHERE conversation = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?", conversation, before, max(limit, 0))
	slices.Reverse(newest)
	return newest, err
}

// Previews implements ledger.MessageReader. It is one statement for up to chunk conversations, each found by the index of the messages' sequences.
func (r *Reader) Previews(ctx context.Context, conversations []int64) ([]ledger.PreviewRow, error) {
	var rows []ledger.PreviewRow
	var one ledger.PreviewRow
	var since, at int64
	dest := []any{&one.Conversation, &one.Last, &one.Answered, &one.ContactName, &one.Unanswered, &since, &one.Direction, &one.Kind, &one.Author, &one.Text, &at}
	for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(conversations))), chunk) {
		text, padded := marks(len(part))
		args := make([]any, padded)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		err := r.pool().each(ctx, dest, func() {
			one.Since, one.At = known(since), known(at)
			rows = append(rows, one)
		}, `SELECT c.id, c.last_sequence, c.answered, coalesce(k.name, ''),
	(SELECT count(*) FROM messages u WHERE u.conversation = c.id AND u.sequence > c.answered AND u.direction = 'in'),
	coalesce((SELECT u.at FROM messages u WHERE u.conversation = c.id AND u.sequence > c.answered AND u.direction = 'in' ORDER BY u.sequence LIMIT 1), 0),
	m.direction, m.kind, m.author, substr(m.text, 1, `+strconv.Itoa(ledger.PreviewLength)+`), coalesce(m.at, 0)
FROM conversations c JOIN messages m ON m.conversation = c.id AND m.sequence = coalesce(
		(SELECT x.sequence FROM messages x WHERE x.conversation = c.id AND x.sequence <= c.last_sequence AND x.kind <> 'auto_reply' ORDER BY x.sequence DESC LIMIT 1), c.last_sequence)
	LEFT JOIN contacts k ON k.inbox = c.inbox AND k.id = c.contact
WHERE c.id IN (`+text+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// ResolvedConversations implements ledger.MessageReader.
func (r *Reader) ResolvedConversations(ctx context.Context, inbox, lastOwner string, before int64, limit int) ([]ledger.ConversationRow, error) {
	where, args := "WHERE resolved_position IS NOT NULL", []any{}
	for _, c := range []struct {
		text   string
		wanted bool
		value  any
	}{{"inbox = ?", inbox != "", inbox}, {"last_owner = ?", lastOwner != "", lastOwner}, {"resolved_position < ?", before != 0, before}} {
		if c.wanted {
			where += " AND " + c.text
			args = append(args, c.value)
		}
	}
	return list(ctx, r.pool(), table.Conversations, where+" ORDER BY resolved_position DESC LIMIT ?", append(args, max(limit, 0))...)
}

// Mentioned implements ledger.MessageReader.
func (r *Reader) Mentioned(ctx context.Context, conversation int64, account string) (bool, error) {
	_, err := r.pool().number(ctx, `SELECT d.sequence FROM messages m JOIN deliveries d ON d.message = m.position
WHERE m.conversation = ? AND m.direction = 'note' AND d.account = ? AND d.type = 'message' AND d.state <> 'withdrawn' LIMIT 1`, conversation, account)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeliveriesOf implements ledger.MessageReader.
func (r *Reader) DeliveriesOf(ctx context.Context, message int64) ([]ledger.DeliveryRow, error) {
	return list(ctx, r.pool(), table.Deliveries, "WHERE message = ? AND type <> 'withdrawal' ORDER BY position, account, sequence", message)
}

// Attempts implements ledger.MessageReader.
func (r *Reader) Attempts(ctx context.Context, account string, sequence int64) ([]ledger.AttemptRow, error) {
	return list(ctx, r.pool(), table.Attempts, "WHERE account = ? AND sequence = ? ORDER BY number", account, sequence)
}

// Entries implements ledger.MessageReader. An entry whose message is missing has an empty one: leaving the entry out would look like a gap.
func (r *Reader) Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	var entries []ledger.Entry
	var d ledger.DeliveryRow
	var m ledger.MessageRow
	var missing bool
	dest := table.Destinations(table.Deliveries.Visit, &d)
	for i, column := range table.Destinations(table.Messages.Visit, &m) {
		dest = append(dest, optional{column, i == 0, &missing})
	}
	err := r.pool().each(ctx, dest, func() {
		e := ledger.Entry{Delivery: d}
		if !missing {
			e.Message = m
			table.Messages.Finish(&e.Message)
		}
		entries = append(entries, e)
	}, "SELECT "+columns(table.Deliveries, "d.")+", "+columns(table.Messages, "m.")+
		" FROM deliveries d LEFT JOIN messages m ON m.position = d.message WHERE d.account = ? AND d.sequence > ? ORDER BY d.sequence LIMIT ?",
		account, after, max(limit, 0))
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// optional is a destination in the part of a row that an outer join may have left out; the first of them sees whether it did.
type optional struct {
	column  any
	first   bool
	missing *bool
}

// Scan implements sql.Scanner.
func (o optional) Scan(src any) error {
	if o.first {
		*o.missing = src == nil
	}
	if *o.missing {
		return nil
	}
	return o.column.(interface{ Scan(any) error }).Scan(src)
}

// DecisionsOf implements ledger.MessageReader.
func (r *Reader) DecisionsOf(ctx context.Context, conversation int64, limit int) ([]ledger.DecisionRow, error) {
	// The newest ones are wanted when there are more than the limit, and they are wanted in order.
	newest, err := list(ctx, r.pool(), table.Decisions, "WHERE conversation = ? ORDER BY position DESC LIMIT ?", conversation, max(limit, 0))
	for i, j := 0, len(newest)-1; i < j; i, j = i+1, j-1 {
		newest[i], newest[j] = newest[j], newest[i]
	}
	return newest, err
}

// Outcomes implements ledger.MessageReader.
func (r *Reader) Outcomes(ctx context.Context, id [16]byte) ([]byte, error) {
	row, err := first(ctx, r.pool(), table.Outcomes, "WHERE id = ?", id[:])
	return row.Content, err
}

// Replies implements ledger.MessageReader.
func (r *Reader) Replies(ctx context.Context, inbox string, cursor int64, limit int) ([]ledger.MessageRow, error) {
	return list(ctx, r.pool(), table.Messages, "WHERE direction = 'out' AND inbox = ? AND position > ? ORDER BY position LIMIT ?", inbox, cursor, max(limit, 0))
}

// Refusals implements ledger.MessageReader.
func (r *Reader) Refusals(ctx context.Context, inbox, senderID string, before int64, limit int) ([]ledger.RefusalRow, error) {
	var where []string
	var args []any
	for _, c := range []struct {
		text   string
		wanted bool
		value  any
	}{{"inbox = ?", inbox != "", inbox}, {"sender_id = ?", senderID != "", senderID}, {"id < ?", before != 0, before}} {
		if c.wanted {
			where = append(where, c.text)
			args = append(args, c.value)
		}
	}
	text := "ORDER BY id DESC LIMIT ?"
	if len(where) > 0 {
		text = "WHERE " + strings.Join(where, " AND ") + " " + text
	}
	return list(ctx, r.pool(), table.Refusals, text, append(args, max(limit, 0))...)
}

// DecidedMessages implements ledger.MessageReader.
func (r *Reader) DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error) {
	textless := strings.Replace(columns(table.Messages, ""), ", text,", ", '' AS text,", 1)
	return listAs(ctx, r.pool(), table.Messages, textless,
		"FROM messages WHERE position > ? AND position <= ? AND direction IN ('in', 'held', 'rejected') AND revision IS NOT NULL ORDER BY position LIMIT ?",
		after, upTo, max(limit, 0))
}

// LaterDecisions implements ledger.MessageReader.
func (r *Reader) LaterDecisions(ctx context.Context, after, upTo int64, limit int) ([]ledger.DecisionRow, error) {
	return list(ctx, r.pool(), table.Decisions, "WHERE position > ? AND position <= ? ORDER BY position, conversation LIMIT ?", after, upTo, max(limit, 0))
}

// forever is later than any instant that is stored.
const forever = int64(math.MaxInt64)

func bounds(since, until time.Time) (from, to int64) {
	from, to = -forever, forever
	if !since.IsZero() {
		from = micros(since)
	}
	if !until.IsZero() {
		to = micros(until)
	}
	return from, to
}
