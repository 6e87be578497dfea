package board

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Row is one agent on the board. It is never changed once the board has it.
type Row struct {
	Agent, Title, Alias, Number string
	Teams                       []string // in order of name
	// Cells are what the agent is a member of, as Can is what it can receive of that.
	Cells []Place
	Can   []Place
	// Verdict is that of a diagnosis, whatever came in: receiving, partial, blocked, waiting or unknown.
	Verdict diagnosis.Verdict
	// Checks are all that stops, or is worth a warning: in order of column, and in a column what matters most first. A column that is neither here nor among
	// Idle passes.
	Checks []Check
	Idle   []Column // columns of which no gate applies to the agent

	Presence    reception.Presence
	Connections []ledger.Socket
	// Load counts the conversations the agent has, Live those in live inboxes. Limit is of those: the agent's own or, where it has none and all its live inboxes
	// have one, theirs together; 0 for none.
	Load, Live, Limit int
	// Received is when a client last acknowledged a message; zero if none ever did.
	Received time.Time

	// of and can say of each kind, by its place in the plan, whether the agent is a member of a cell of it, and can receive one.
	of, can []bool

	// Version is the version of the board in which the row last changed.
	Version uint64

	encode  sync.Once
	encoded []byte
}

// Place is an inbox with some of its kinds; no kinds: all of them.
type Place struct {
	Inbox string
	Kinds []string
}

// Check is one cause in a column.
type Check struct {
	Column  Column
	Gate    reception.Gate
	Outcome reception.Outcome // Pass for a warning
	Code    reception.Code
	Until   int64 // Unix microseconds, 0 for none
	// Expected says that it is so on purpose.
	Expected bool
	// Scope is what it concerns; none: all cells of the agent.
	Scope []Place
}

// Encoded is what encode makes of the row, made once for all who are told of it.
func (r *Row) Encoded(encode func(*Row) []byte) []byte {
	r.encode.Do(func() { r.encoded = encode(r) })
	return r.encoded
}

// at is one cell, by the places of its inbox and its kind.
type at struct{ inbox, kind int }

// stop is a check in the making.
type stop struct {
	gate     reception.Gate
	cell     reception.Cell
	expected bool
	cells    []at
}

// maker makes the row of one agent from the outcomes of its cells.
type maker struct {
	p         *plan
	policy    *reception.Policy
	view      *ledger.View
	now       time.Time
	agent     string
	cells     []at
	can       []at
	standings []diagnosis.Standing
	stops     []stop
	applies   [Columns]bool
	until     int64 // the earliest end of what waits, 0 for none
}

// warns says whether a pass carries something that somebody should know.
func warns(c reception.Cell) bool {
	return c.Outcome == reception.Pass && c.Code != 0 && reception.Lookup(c.Code).Severity == "warning"
}

func (m *maker) expected(g reception.Gate, c reception.Cell) bool {
	return diagnosis.Expected(m.policy, m.view, m.agent, g, c, m.now)
}

// add takes the outcomes of one cell.
func (m *maker) add(where at, cells *reception.Vector) {
	m.cells = append(m.cells, where)
	standing := diagnosis.StandingOf(cells, m.expected)
	m.standings = append(m.standings, standing)
	stopped := false
	for g := range reception.GateCount {
		c := cells[g]
		if c.Outcome != reception.NotApplicable {
			if column, ok := ColumnOf(g); ok {
				m.applies[column] = true
			}
		}
		stopped = stopped || cells.Stopped(g)
		if !c.Outcome.Stops() && !warns(c) {
			continue
		}
		m.note(g, c, where)
	}
	if !stopped {
		m.can = append(m.can, where)
	}
}

func (m *maker) note(g reception.Gate, c reception.Cell, where at) {
	if c.Until != 0 && (m.until == 0 || c.Until < m.until) {
		m.until = c.Until
	}
	for i := range m.stops {
		if s := &m.stops[i]; s.gate == g && s.cell == c {
			s.cells = append(s.cells, where)
			return
		}
	}
	m.stops = append(m.stops, stop{g, c, m.expected(g, c), []at{where}})
}

// rank orders what stops by how much somebody should look at it.
func rank(s *stop) int {
	switch {
	case s.cell.Outcome == reception.Pass, s.gate.Advises():
		return 5
	case s.cell.Outcome == reception.Unknown:
		return 1
	case s.expected && s.cell.Outcome == reception.Wait:
		return 4
	case s.expected:
		return 3
	case s.cell.Outcome == reception.Wait:
		return 2
	}
	return 0
}

// row makes the row of what was added.
func (m *maker) row(a *agent, received ledger.Receipt) *Row {
	facts := m.view.Agent(m.agent)
	r := &Row{
		Agent: m.agent, Title: a.title, Alias: a.alias, Number: a.number, Teams: a.teams, Verdict: diagnosis.VerdictOf(m.standings),
		Cells: m.p.places(m.cells), Can: m.p.places(m.can), Presence: facts.Presence, Connections: m.view.Sockets(m.agent), Live: facts.Live, Limit: a.limit, Received: received.At,
	}
	for _, s := range facts.Shares {
		r.Load += s.Load
	}
	r.of, r.can = m.p.marks(m.cells), m.p.marks(m.can)
	for c := range Columns {
		if !m.applies[c] {
			r.Idle = append(r.Idle, c)
		}
	}
	slices.SortStableFunc(m.stops, func(a, b stop) int {
		x, _ := ColumnOf(a.gate)
		y, _ := ColumnOf(b.gate)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(rank(&a), rank(&b)), cmp.Compare(len(b.cells), len(a.cells)), cmp.Compare(a.gate, b.gate))
	})
	for i := range m.stops {
		s := &m.stops[i]
		column, shown := ColumnOf(s.gate)
		if !shown {
			continue
		}
		c := Check{Column: column, Gate: s.gate, Outcome: s.cell.Outcome, Code: s.cell.Code, Until: s.cell.Until, Expected: s.expected && s.cell.Outcome.Stops()}
		if len(s.cells) < len(m.cells) {
			c.Scope = m.p.places(s.cells)
		}
		r.Checks = append(r.Checks, c)
	}
	return r
}

// same says whether two rows tell the same.
func (r *Row) same(o *Row) bool {
	return r.Agent == o.Agent && r.Title == o.Title && r.Alias == o.Alias && r.Number == o.Number && r.Verdict == o.Verdict && r.Load == o.Load && r.Live == o.Live &&
		r.Limit == o.Limit && r.Received.Equal(o.Received) && r.Presence == o.Presence && slices.Equal(r.Teams, o.Teams) && slices.Equal(r.Idle, o.Idle) &&
		slices.Equal(r.of, o.of) && slices.Equal(r.can, o.can) && samePlaces(r.Cells, o.Cells) && samePlaces(r.Can, o.Can) && slices.EqualFunc(r.Checks, o.Checks, sameCheck) && slices.EqualFunc(r.Connections, o.Connections, sameConnection)
}

func sameConnection(a, b ledger.Socket) bool {
	return a.ID == b.ID && a.Session == b.Session && a.About == b.About && a.Node == b.Node && a.Unresponsive.Equal(b.Unresponsive)
}

func samePlaces(a, b []Place) bool {
	return slices.EqualFunc(a, b, func(x, y Place) bool { return x.Inbox == y.Inbox && slices.Equal(x.Kinds, y.Kinds) })
}

func sameCheck(a, b Check) bool {
	scopes := samePlaces(a.Scope, b.Scope)
	a.Scope, b.Scope = nil, nil
	return scopes && a.Column == b.Column && a.Gate == b.Gate && a.Outcome == b.Outcome && a.Code == b.Code && a.Until == b.Until && a.Expected == b.Expected
}

// Worst is what matters most in a column; ok is false where nothing stops there, nor is worth a warning.
func (r *Row) Worst(c Column) (check Check, ok bool) {
	for _, k := range r.Checks {
		if k.Column == c {
			return k, true
		}
	}
	return Check{}, false
}
