package table

import "github.com/bidahq/bida/internal/ledger"

// Quarantine holds the records of messages that filter rules did not let through.
var Quarantine = &Table[ledger.QuarantineRow]{
	Name: "quarantine",
	Key:  1,
	Visit: func(v Visitor, r *ledger.QuarantineRow) {
		v.Int("message", &r.Message)
		v.Text("inbox", &r.Inbox)
		v.Text("kind", &r.Kind)
		v.Position("conversation", &r.Conversation)
		v.Text("state", (*string)(&r.State))
		v.Text("rule", &r.Rule)
		v.Int("revision", &r.Revision)
		v.Time("at", &r.At)
		v.Text("released_by", &r.ReleasedBy)
		v.Time("released_at", &r.ReleasedAt)
	},
}

// Hits holds how often filter rules took effect, by hour.
var Hits = &Table[ledger.HitsRow]{
	Name: "filter_hits",
	Key:  2,
	Visit: func(v Visitor, r *ledger.HitsRow) {
		v.Text("rule", &r.Rule)
		v.Time("hour", &r.Hour)
		v.Int("hits", &r.Hits)
	},
}

// The statements of a commit that write these.
var (
	PutQuarantine = newOp(Put, Quarantine)
	// ReleaseMessage demands that the message is held: nobody else's direction changes.
	ReleaseMessage = released(raw(`UPDATE messages SET direction = 'in' WHERE position = ? AND direction = 'held'`, true, integers("position")...))
	AddHits        = newOp(Sum, Hits)
)

func released(op *Op) *Op {
	op.Table = Messages.Name // for the error
	return op
}

func (s *steps) quarantine(g *ledger.Group) {
	for i := range g.Releases {
		position := func(e *Encoder) { e.Int("position", &g.Releases[i]) }
		s.one(ReleaseMessage, position)
		s.one(CountReleased, position)
	}
	add(s, PutQuarantine, Quarantine.Visit, latest(g.Quarantine, func(r *ledger.QuarantineRow) int64 { return r.Message }))
	add(s, AddHits, Hits.Visit, summed(g.Hits))
}

// summed counts the hits of a rule in an hour in one row: PostgreSQL cannot add to a row twice in one statement.
func summed(rows []ledger.HitsRow) []ledger.HitsRow {
	type key struct {
		rule string
		hour int64
	}
	at := make(map[key]int, len(rows))
	sums := make([]ledger.HitsRow, 0, len(rows))
	for _, r := range rows {
		k := key{r.Rule, r.Hour.UnixMicro()}
		if i, known := at[k]; known {
			sums[i].Hits += r.Hits
			continue
		}
		at[k] = len(sums)
		sums = append(sums, r)
	}
	return sums
}
