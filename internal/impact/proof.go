package impact

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// prove looks at every cell at every instant at which who can receive by policy may change: now, and each edge of the schedules and ends of both policies
// in the time ahead. That is enough, because between two edges neither policy's answer changes: an example that lies between them is one at the edge before.
func (i *Impact) prove(ctx context.Context, q *Question) error {
	ahead := newEdges(q.Before, q.After, q.Now, q.Now.Add(Ahead))
	for _, inbox := range slices.Sorted(maps.Keys(q.Before.Inboxes)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		instants := slices.Concat([]time.Time{q.Now}, ahead.of(inbox))
		i.Instants += len(instants)
		for _, kind := range q.Before.Inboxes[inbox].Kinds {
			if !reception.OwnsConversations(kind) {
				continue // goes to those it names, not to who can receive
			}
			i.Cells++
			if loss, lost := q.loss(inbox, kind, instants); lost {
				i.Losses = append(i.Losses, loss)
			}
		}
	}
	return nil
}

// loss finds the first instant at which a cell has lost its last receiver.
func (q *Question) loss(inbox, kind string, instants []time.Time) (Loss, bool) {
	in := q.After.Inboxes[inbox]
	exists := in != nil && in.Produces(kind)
	for _, at := range instants {
		var code reception.Code
		if exists {
			able, why := receivers(q.After, inbox, kind, at)
			if len(able) > 0 {
				continue
			}
			code = why
		}
		if last, _ := receivers(q.Before, inbox, kind, at); len(last) > 0 {
			return Loss{Inbox: inbox, Kind: kind, At: at, Last: last, Code: code}, true
		}
	}
	return Loss{}, false
}

// receivers are those who can receive by policy at an instant, or the first reason why nobody can.
func receivers(p *reception.Policy, inbox, kind string, at time.Time) ([]string, reception.Code) {
	d := reception.Decide(p, everybody{}, reception.Message{Inbox: inbox, Kind: kind}, at)
	defer d.Free()
	return able(&d), reason(&d)
}

// able lists the candidates that pass every gate before the choice, in order of name.
func able(d *reception.Decision) []string {
	var list []string
	for i := range d.Candidates {
		if c := &d.Candidates[i]; !c.Asked && passes(&c.Cells) {
			list = append(list, c.Account)
		}
	}
	return list
}

func passes(v *reception.Vector) bool {
	for g := range v {
		if reception.Gate(g) != reception.Routing && v.Stopped(reception.Gate(g)) {
			return false
		}
	}
	return true
}

// reason is why nobody can receive: what stops the message itself, or every candidate in the same way, else the engine's own word for it.
func reason(d *reception.Decision) reception.Code {
	code := d.Code
	if code != reception.CodeRoutingNobodyEligible {
		return code
	}
	for i := range d.Candidates {
		g := d.Candidates[i].Cells.First()
		if g == reception.GateCount {
			return d.Code
		}
		if c := d.Candidates[i].Cells[g].Code; i == 0 {
			code = c
		} else if c != code {
			return d.Code
		}
	}
	return code
}
