package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/ledger"
)

// hold has a filter rule keep a message back, or refuse it.
func (h *history) hold(g *ledger.Group, m *ledger.MessageRow) {
	q := ledger.QuarantineRow{Message: m.Position, Inbox: m.Inbox, Kind: m.Kind, Conversation: m.Conversation, State: ledger.QuarantineHeld, Rule: fmt.Sprint("r", h.one(2)),
		Revision: h.revision, At: h.instant()}
	m.Direction, m.Tags = ledger.Held, []string{"投诉", "\""}
	if h.one(3) {
		m.Direction, m.Conversation, m.Sequence, q.Conversation, q.State = ledger.Refused, 0, 0, 0, ledger.QuarantineRejected
	} else {
		h.held = append(h.held[:len(h.held):len(h.held)], q)
	}
	g.Quarantine = append(g.Quarantine, q)
	g.Hits = append(g.Hits, ledger.HitsRow{Rule: q.Rule, Hour: h.base.Truncate(time.Hour), Hits: rapid.Int64Range(1, 9).Draw(h.T, "hits")})
}

// letThrough releases what is held.
func (h *history) letThrough(g *ledger.Group) {
	if len(h.held) == 0 {
		return
	}
	q := h.held[0]
	h.held = h.held[1:]
	q.State, q.ReleasedBy, q.ReleasedAt = ledger.QuarantineReleased, h.name(), h.instant()
	g.Releases = append(g.Releases, q.Message)
	g.Quarantine = append(g.Quarantine, q)
}

var quarantines = []behaviour{
	{"releases only what is held, and keeps its place", func(t *testing.T, s *subject) {
		held, refused := message(2, 1, 2), message(3, 0, 0)
		held.Direction, held.Tags, held.Decision.Matched = ledger.Held, []string{"投诉"}, []string{"a", "b"}
		refused.Direction, refused.Decision.Conversation = ledger.Refused, 0
		s.commit(4, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1), held, refused}
			g.Quarantine = []ledger.QuarantineRow{{Message: 2, Inbox: "web", Kind: "customer", Conversation: 1, State: ledger.QuarantineHeld, Rule: "a", Revision: 1, At: s.at}}
		})
		same(t, "the held message", got(s.Message(s.ctx(), 2))(t), held)
		for _, position := range []int64{1, 3, 9} {
			s.refused(1, fmt.Sprint("release of message ", position), func(g *ledger.Group) { g.Releases = []int64{position} })
		}
		released := ledger.QuarantineRow{Message: 2, Inbox: "web", Kind: "customer", Conversation: 1, State: ledger.QuarantineReleased, Rule: "a", Revision: 1, At: s.at, ReleasedBy: "bo",
			ReleasedAt: s.at.Add(time.Minute)}
		s.commit(1, func(g *ledger.Group) { g.Releases, g.Quarantine = []int64{2}, []ledger.QuarantineRow{released} })
		s.refused(1, "release again", func(g *ledger.Group) { g.Releases = []int64{2} })
		s.again()
		held.Direction = ledger.Inbound
		same(t, "the released message", got(s.Message(s.ctx(), 2))(t), held)
		same(t, "its record", got(s.QuarantineOf(s.ctx(), []int64{1, 2}))(t), []ledger.QuarantineRow{released})
		same(t, "records of nothing", got(s.QuarantineOf(s.ctx(), nil))(t), nil)
		if list := got(s.DecidedMessages(s.ctx(), 0, 9, 9))(t); len(list) != 3 {
			t.Errorf("%d decided messages: refused ones were decided too", len(list))
		}
	}},
	{"releases a message in the group that brings it", func(t *testing.T, s *subject) {
		held := message(1, 1, 1)
		held.Direction = ledger.Held
		s.commit(1, func(g *ledger.Group) { g.Messages, g.Releases = []ledger.MessageRow{held}, []int64{1} })
		if m := got(s.Message(s.ctx(), 1))(t); m.Direction != ledger.Inbound {
			t.Errorf("%+v", m)
		}
	}},
	{"lists what was intercepted, newest first, by state, inbox and rule", func(t *testing.T, s *subject) {
		row := func(message int64, state ledger.QuarantineState, inbox, rule string) ledger.QuarantineRow {
			return ledger.QuarantineRow{Message: message, Inbox: inbox, Kind: "customer", State: state, Rule: rule, Revision: 1, At: s.at}
		}
		a, b, c := row(1, ledger.QuarantineHeld, "web", "x"), row(2, ledger.QuarantineRejected, "web", "y"), row(3, ledger.QuarantineHeld, "mail", "x")
		s.commit(3, func(g *ledger.Group) { g.Quarantine = []ledger.QuarantineRow{a, b, c} })
		for _, x := range []struct {
			q    ledger.QuarantineQuery
			want []ledger.QuarantineRow
		}{
			{ledger.QuarantineQuery{Limit: 9}, []ledger.QuarantineRow{c, b, a}},
			{ledger.QuarantineQuery{Limit: 2}, []ledger.QuarantineRow{c, b}},
			{ledger.QuarantineQuery{Before: 3, Limit: 9}, []ledger.QuarantineRow{b, a}},
			{ledger.QuarantineQuery{State: ledger.QuarantineHeld, Limit: 9}, []ledger.QuarantineRow{c, a}},
			{ledger.QuarantineQuery{Inbox: "web", Rule: "x", Limit: 9}, []ledger.QuarantineRow{a}},
			{ledger.QuarantineQuery{State: ledger.QuarantineReleased, Limit: 9}, nil},
		} {
			same(t, fmt.Sprintf("%+v", x.q), got(s.Quarantine(s.ctx(), x.q))(t), x.want)
		}
	}},
	{"adds up how often rules took effect, over restarts", func(t *testing.T, s *subject) {
		hour := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		s.commit(1, func(g *ledger.Group) {
			g.Hits = []ledger.HitsRow{{Rule: "x", Hour: hour, Hits: 2}, {Rule: "a", Hour: hour, Hits: 1}}
		})
		s.again()
		s.commit(1, func(g *ledger.Group) {
			g.Hits = []ledger.HitsRow{{Rule: "x", Hour: hour, Hits: 3}, {Rule: "x", Hour: hour.Add(time.Hour), Hits: 1}}
		})
		want := []ledger.HitsRow{{Rule: "a", Hour: hour, Hits: 1}, {Rule: "x", Hour: hour, Hits: 5}, {Rule: "x", Hour: hour.Add(time.Hour), Hits: 1}}
		same(t, "all", got(s.FilterHits(s.ctx(), time.Time{}))(t), want)
		same(t, "since", got(s.FilterHits(s.ctx(), hour.Add(time.Minute)))(t), want[2:])
	}},
}
