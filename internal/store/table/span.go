package table

import (
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// SpanLength is how long, by the clock, a span lasts. What was counted by span is read for whole ones, and row by row for what is left of an interval at its ends.
const SpanLength = 10 * time.Minute

// span says which positions were committed within a span. The clock may come to it a second time; then they are not all those between the two.
type span struct {
	begins      time.Time
	first, last int64
}

// spanOffered counts the inbound messages of an inbox and kind whose instant lies in a span. It follows from the messages.
type spanOffered struct {
	begins      time.Time
	inbox, kind string
	messages    int64
}

// Spans and offered are indexes that the stores keep themselves.
var (
	spans = &Table[span]{
		Name: "spans",
		Key:  1,
		Visit: func(v Visitor, r *span) {
			v.Time("begins", &r.begins)
			v.Int("first", &r.first)
			v.Int("last", &r.last)
		},
	}
	offered = &Table[spanOffered]{
		Name: "offered",
		Key:  3,
		Visit: func(v Visitor, r *spanOffered) {
			v.Time("begins", &r.begins)
			v.Text("inbox", &r.inbox)
			v.Text("kind", &r.kind)
			v.Int("messages", &r.messages)
		},
	}
)

// The statements of a commit that write these.
var (
	AddOffered = newOp(Sum, offered)
	// MarkSpan leaves the first position of a span as it is: positions only grow.
	MarkSpan = raw("INSERT INTO spans (begins, first, last) VALUES (?, ?, ?) ON CONFLICT (begins) DO UPDATE SET last = excluded.last", false, Columns(spans.Visit)...)
	// CountReleased counts a message that has become an inbound one, at the instant when it came in.
	CountReleased = raw(`INSERT INTO offered (begins, inbox, kind, messages)
SELECT at / 600000000 * 600000000, inbox, kind, 1 FROM messages WHERE position = ? AND at IS NOT NULL
ON CONFLICT (begins, inbox, kind) DO UPDATE SET messages = offered.messages + excluded.messages`, false, integers("position")...)
)

func (s *steps) span(g *ledger.Group) {
	row := span{SpanOf(g.At), g.First, g.Last}
	s.one(MarkSpan, func(e *Encoder) { spans.Visit(e, &row) })
}

// SpanOf is the beginning of the span in which an instant lies.
func SpanOf(at time.Time) time.Time { return at.UTC().Truncate(SpanLength) }

// offeredBy counts the inbound messages of a group.
func offeredBy(messages []ledger.MessageRow) []spanOffered {
	var counts []spanOffered
	at := map[spanOffered]int{}
	for i := range messages {
		m := &messages[i]
		if m.Direction != ledger.Inbound || m.At.IsZero() {
			continue
		}
		key := spanOffered{begins: SpanOf(m.At), inbox: m.Inbox, kind: m.Kind}
		n, known := at[key]
		if !known {
			n = len(counts)
			at[key], counts = n, append(counts, key)
		}
		counts[n].messages++
	}
	return counts
}
