package coverage

import (
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Moment is who can receive a kind in an inbox at one instant, and what stops the others.
type Moment struct {
	Revision int64   `json:"revision"`
	At       Instant `json:"at"`
	Inbox    string  `json:"inbox"`
	Kind     string  `json:"kind"`
	State    string  `json:"state" enum:"closed,gap,single,covered" doc:"closed: the inbox is closed. gap: it is open and nobody can receive. single: one agent can. covered: several can"`
	Count    int     `json:"count"`
	// Stop is what stops everybody: about the message itself, such as a closed inbox or a switch.
	Stop   *Stop    `json:"stop,omitempty" doc:"what stops everybody"`
	Agents []Person `json:"agents"`
}

// Person is a member of the inbox. Stop is the first gate that stops it, nil if none does.
type Person struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Can   bool   `json:"can"`
	Stop  *Stop  `json:"stop,omitempty" doc:"the first gate about this agent that does not pass"`
}

// Stop is a gate that does not pass.
type Stop struct {
	Gate   string   `json:"gate"`
	Code   string   `json:"code"`
	Reason string   `json:"reason"`
	Until  *Instant `json:"until,omitempty"`
}

// At asks about one instant, q.From, of one cell. The error is a *problem.Error that names the parameter.
func At(set *policy.Set, q Query) (*Moment, error) {
	q.To = q.From.Add(time.Microsecond)
	if err := q.check(set); err != nil {
		return nil, err
	}
	if q.Inbox == "" {
		return nil, errInbox
	}
	if q.Kind == "" {
		return nil, errKind
	}
	p := set.Compile()
	in := p.Inboxes[q.Inbox]
	m := &Moment{Revision: set.Revision(), At: q.instant(q.From), Inbox: q.Inbox, Kind: q.Kind, Agents: []Person{}}
	for i := range in.Members {
		name := in.Members[i].Account
		vector := reception.Explain(p, reception.Attended(), q.Inbox, q.Kind, name, q.From)
		spec, _ := set.Account(name)
		person := Person{Name: name, Title: spec.Title}
		gate := firstOf(&vector, func(g reception.Gate) bool { return !g.AboutMessage() })
		if gate != reception.GateCount {
			person.Stop = q.stop(gate, vector[gate])
		}
		person.Can = vector.First() == reception.GateCount
		if person.Can {
			m.Count++
		}
		m.Agents = append(m.Agents, person)
	}
	m.State = state(reception.CoverageSpan{Open: in.Hours.Open(q.From), Count: m.Count})
	// What stops the message stops it for everybody, members or not.
	vector := reception.Explain(p, reception.Attended(), q.Inbox, q.Kind, "", q.From)
	if gate := firstOf(&vector, reception.Gate.AboutMessage); gate != reception.GateCount {
		m.Stop = q.stop(gate, vector[gate])
	}
	return m, nil
}

func firstOf(v *reception.Vector, which func(reception.Gate) bool) reception.Gate {
	for g := range reception.GateCount {
		if which(g) && v.Stopped(g) {
			return g
		}
	}
	return reception.GateCount
}

func (q *Query) stop(g reception.Gate, cell reception.Cell) *Stop {
	s := &Stop{Gate: g.String(), Code: cell.Code.String(), Reason: reception.Lookup(cell.Code).Title.In(q.Lang)}
	if cell.Outcome == reception.Wait {
		until := q.instant(time.UnixMicro(cell.Until))
		s.Until = &until
	}
	return s
}
