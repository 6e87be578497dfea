package board

import (
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Board is every agent at one ledger position and instant. It is never changed.
type Board struct {
	// Version grows with every change of what is shown; Position and At are of the last look.
	Version  uint64
	Position int64
	Revision int64
	At       time.Time
	// Next is when an outcome may change by time alone: at the latest then it is to be looked at again.
	Next    time.Time
	Rows    []*Row // in order of name
	Inboxes []InboxInfo
	Teams   []TeamInfo
	Counts  Counts

	settled uint64            // version since which inboxes and teams are as they are
	gone    map[string]uint64 // agents that are no more, by the version that ended them
	forgot  uint64            // of agents that went before this version nothing is known
}

// Counts says how many agents can receive: anything at all, and each kind, of those who would if nothing stopped them.
type Counts struct {
	Can, Of int
	Kinds   []KindCount // in order of name
}

// KindCount is the count of one kind.
type KindCount struct {
	Kind    string
	Can, Of int
}

// News is what differs between a version of the board and this one.
type News struct {
	Reset    bool // everything follows: what was known before is void
	Settings bool // the lists of inboxes and teams differ
	Rows     []*Row
	Gone     []string // agents that are no more, in order of name
}

// Since lists what is new since a version; 0, or a version of which too little is known, is answered with everything.
func (b *Board) Since(version uint64) News {
	if version == 0 || version < b.forgot || version > b.Version {
		return News{Reset: true, Settings: true, Rows: b.Rows}
	}
	n := News{Settings: b.settled > version}
	for _, r := range b.Rows {
		if r.Version > version {
			n.Rows = append(n.Rows, r)
		}
	}
	for name, since := range b.gone {
		if since > version {
			n.Gone = append(n.Gone, name)
		}
	}
	slices.Sort(n.Gone)
	return n
}

// Row finds an agent's row; nil if it has none.
func (b *Board) Row(agent string) *Row {
	i, found := slices.BinarySearchFunc(b.Rows, agent, func(r *Row, name string) int { return strings.Compare(r.Agent, name) })
	if !found {
		return nil
	}
	return b.Rows[i]
}

// making is the making of a board, or of a part of it.
type making struct {
	plan     *plan
	view     *ledger.View
	received map[string]ledger.Receipt
	now      time.Time
	until    int64
}

// all makes every row: inbox by inbox and kind by kind, in one pass over the members.
func (m *making) all() []*Row {
	makers := make([]maker, len(m.plan.agents))
	for i := range makers {
		makers[i] = m.maker(i)
	}
	for i := range m.plan.inboxes {
		in := &m.plan.inboxes[i]
		for k, kind := range in.Kinds {
			where := at{i, k}
			reception.ExplainMembers(m.plan.policy, m.view, in.Name, kind, m.now, func(account string, cells *reception.Vector) {
				if a, listed := m.plan.byName[account]; listed {
					makers[a].add(where, cells)
				}
			})
		}
	}
	rows := make([]*Row, len(makers))
	for i := range makers {
		rows[i] = m.finish(&makers[i], i)
	}
	return rows
}

// one makes the row of one agent.
func (m *making) one(i int) *Row {
	x := m.maker(i)
	for _, c := range m.plan.agents[i].cells {
		in := &m.plan.inboxes[c.inbox]
		cells := reception.Explain(m.plan.policy, m.view, in.Name, in.Kinds[c.kind], x.agent, m.now)
		x.add(c, &cells)
	}
	return m.finish(&x, i)
}

func (m *making) maker(i int) maker {
	return maker{p: m.plan, policy: m.plan.policy, view: m.view, now: m.now, agent: m.plan.agents[i].name}
}

// finish makes the row. Who belongs to no inbox is looked at all the same, as a diagnosis does.
func (m *making) finish(x *maker, i int) *Row {
	if len(x.cells) == 0 {
		cells := reception.Explain(m.plan.policy, m.view, "", "customer", x.agent, m.now)
		cells[reception.MembershipInbox] = reception.Cell{Outcome: reception.Block, Code: reception.CodeMembershipInboxNotMember}
		x.add(at{}, &cells)
		x.cells, x.can = nil, nil
	}
	if x.until != 0 && (m.until == 0 || x.until < m.until) {
		m.until = x.until
	}
	return x.row(&m.plan.agents[i], m.received[x.agent])
}

// Pulse is how a connection is just now: no fact of the ledger, and no part of a row. It comes and goes with the connection.
type Pulse struct {
	Heard     time.Time     // when the client last gave a sign of life
	RoundTrip time.Duration // of the last ping that it answered; 0 while it answered none
}
