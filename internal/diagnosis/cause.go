package diagnosis

import (
	"errors"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// cause is what made a gate stop, and since when it has.
type cause struct {
	// row is the change of settings that makes the difference; Revision 0 if no change does.
	row ledger.RevisionRow
	// origin is that of the fact the gate reads; nil for a gate that reads settings.
	origin *reception.Origin
	// since is from when on the gate has stopped without a break; zero if that is not known.
	since time.Time
}

// key tells causes apart.
func (c *cause) key() int64 {
	if c.origin != nil {
		return -c.origin.Position
	}
	return c.row.Revision
}

// maxSteps bounds how many earlier revisions are tried for one gate.
const maxSteps = 200

// causeKey says which cells share the cause of a gate.
func causeKey(g reception.Gate, c *cell) string {
	switch g {
	case reception.AccountState, reception.RoleReceive, reception.PermissionReply, reception.SwitchPlatform, reception.SwitchAccount,
		reception.SystemHealth, reception.AccountLogin, reception.PresenceGate, reception.ConnectionGate, reception.ClientVersion:
		return g.String()
	case reception.PermissionKind:
		return g.String() + " " + c.kind
	case reception.MaintenanceGate:
		return g.String() + " " + c.inbox + " " + c.kind
	}
	return g.String() + " " + c.inbox
}

// causeOf finds what made a gate stop in a cell.
func (r *run) causeOf(g reception.Gate, c *cell) (*cause, error) {
	if origin := r.origin(g); origin != nil {
		return &cause{origin: origin, since: r.factSince(g, origin)}, nil
	}
	f, err := r.history.family(c.inbox)
	if err != nil {
		return nil, err
	}
	out, err := r.walk(f, g, c, r.shown(g, c))
	if err != nil {
		return nil, err
	}
	switch g {
	case reception.Capacity:
		out.since = later(out.since, r.fullSince(c))
	case reception.ClientVersion:
		out.since = later(out.since, r.m.world.Agent(r.q.Agent).Connection.Origin.At)
	case reception.SwitchPlatform, reception.SwitchInbox, reception.SwitchAccount:
		out.since = later(out.since, r.usedUpSince(c.vector[g].Code, c))
	}
	return out, nil
}

// walk finds the revision that makes the difference, and since when.
func (r *run) walk(f *family, g reception.Gate, c *cell, x part) (*cause, error) {
	w := walk{h: r.history, f: f, gate: g, cell: c, part: x}
	w.now = w.readFrom(r.m.policy, r.m.now)
	w.now.vector = c.vector // as recorded, for a message
	found, err := w.cause()
	if err != nil {
		return nil, err
	}
	out := &cause{}
	if out.since, err = w.since(); err != nil {
		return nil, err
	}
	if found != 0 {
		if out.row, err = r.history.revision(found); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// origin is that of the fact a gate reads; nil for gates that read settings.
func (r *run) origin(g reception.Gate) *reception.Origin {
	facts := r.m.world.Agent(r.q.Agent)
	switch g {
	case reception.AccountLogin:
		return &facts.Session.Origin
	case reception.PresenceGate:
		return &facts.Presence.Origin
	case reception.ConnectionGate:
		return &facts.Connection.Origin
	case reception.SystemHealth:
		if list := r.m.world.Failures(); len(list) > 0 {
			return &list[0].Origin
		}
	}
	return nil
}

// factSince is when the fact began. A connection that is not known any more is unknown from when its process was last known to live.
func (r *run) factSince(g reception.Gate, o *reception.Origin) time.Time {
	if g == reception.ConnectionGate && !r.lostAt.IsZero() {
		return r.lostAt
	}
	return o.At
}

// walk goes back through the revisions in which a gate of one cell could have changed.
type walk struct {
	h    *history
	f    *family
	gate reception.Gate
	cell *cell
	part part
	now  reading
}

// reading is what a gate, and the part of it in question, would say with the settings of a revision at an instant, on the facts of the moment.
type reading struct {
	vector reception.Vector
	sign   int
	holds  bool
	// there says that what has the window or the limit existed.
	there bool
}

// read makes a reading; ok is false where the settings cannot be read any more.
func (w *walk) read(revision int64, at time.Time) (x reading, ok bool, err error) {
	p, err := w.h.policy(w.f, revision)
	if errors.Is(err, errUnreadable) {
		return x, false, nil
	}
	if err != nil {
		return x, false, err
	}
	return w.readFrom(p, at), true, nil
}

func (w *walk) readFrom(p *reception.Policy, at time.Time) reading {
	r := w.h.r
	x := reading{vector: reception.Explain(p, r.m.world, w.cell.inbox, w.cell.kind, r.q.Agent, at)}
	x.sign, x.holds = w.part.look(p, r.q.Agent, w.cell.inbox, at)
	x.there = w.there(p)
	return x
}

// there says whether there was something to change: that an account, an inbox or a membership was made with a schedule or a limit is no change of it.
func (w *walk) there(p *reception.Policy) bool {
	agent, in := w.h.r.q.Agent, p.Inboxes[w.cell.inbox]
	switch w.gate {
	case reception.WindowAgent:
		if w.part.lens == throughTeamWindow {
			return in != nil && in.Member(agent) != nil
		}
		return p.Accounts[agent] != nil
	case reception.WindowInbox:
		return in != nil
	case reception.Capacity:
		return in != nil && p.Accounts[agent] != nil
	}
	return true
}

// differs says whether the gate was another before a change. Where a gate has several parts, only the one in question counts, because the gate may have
// shown something else meanwhile.
func (w *walk) differs(before *reading) bool {
	now, then := w.now.vector[w.gate], before.vector[w.gate]
	switch {
	case w.gate == reception.WindowAgent:
		return before.holds
	case w.gate == reception.WindowInbox || w.gate == reception.Capacity:
		return !then.Outcome.Stops()
	case w.part.lens != throughGate:
		return before.sign != w.now.sign
	}
	return then.Outcome != now.Outcome || then.Code != now.Code
}

// cause finds the newest revision without which, at the same instant, the gate would be another; 0 if there is none.
func (w *walk) cause() (int64, error) {
	for i, revision := range w.h.steps(w.f, w.gate) {
		if i >= maxSteps {
			break
		}
		before, ok, err := w.read(revision-1, w.h.r.m.now)
		if err != nil {
			return 0, err
		}
		if !ok || !before.there {
			break
		}
		if w.differs(&before) {
			return revision, nil
		}
	}
	return 0, nil
}

// since finds from when on the gate has stopped as it does now: back through the instants at which it may have changed by itself, and through the
// revisions, each with the settings of its own time.
func (w *walk) since() (time.Time, error) {
	at := w.h.r.m.now
	revision := w.h.r.m.revision
	steps := w.h.steps(w.f, w.gate)
	for i := 0; i <= len(steps) && i < maxSteps; i++ {
		var began time.Time // of the settings in force
		if i < len(steps) {
			row, err := w.h.revision(steps[i])
			if err != nil {
				return time.Time{}, err
			}
			began = row.At
		}
		found, err := w.edge(revision, began, at)
		if err != nil || !found.IsZero() {
			return found, err
		}
		if i == len(steps) {
			break
		}
		before, ok, err := w.read(steps[i]-1, began)
		if err != nil {
			return time.Time{}, err
		}
		if !ok || !before.there || !w.same(&before) {
			return began, nil
		}
		at, revision = began, steps[i]-1
	}
	return time.Time{}, nil
}

// same says whether the gate stopped then as it does now. A window that is closed stays closed, whatever the reason is called.
func (w *walk) same(x *reading) bool {
	now, then := w.now.vector[w.gate], x.vector[w.gate]
	switch {
	case w.gate == reception.WindowAgent:
		return !x.holds
	case w.gate == reception.WindowInbox:
		return then.Outcome.Stops()
	case w.part.lens != throughGate:
		return x.sign == w.now.sign
	}
	return then.Outcome.Stops() && then.Code == now.Code
}

// edge finds the latest instant after from, not after until, at which the gate began to stop by itself with the settings of a revision.
func (w *walk) edge(revision int64, from, until time.Time) (time.Time, error) {
	p, err := w.h.policy(w.f, revision)
	if errors.Is(err, errUnreadable) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	for _, days := range []int{8, 400} { // nearly always it was this week
		lo := later(from, until.AddDate(0, 0, -days))
		for _, at := range w.edges(p, lo, until) {
			if x := w.readFrom(p, at.Add(-time.Microsecond)); !w.same(&x) {
				return at, nil
			}
		}
		if !lo.After(from) {
			break
		}
	}
	return time.Time{}, nil
}

// edges lists the instants in (from, until] at which the gate may begin to stop by itself, newest first.
func (w *walk) edges(p *reception.Policy, from, until time.Time) []time.Time {
	var list []time.Time
	add := func(at time.Time) {
		if at.After(from) && !at.After(until) {
			list = append(list, at)
		}
	}
	a := p.Accounts[w.h.r.q.Agent]
	if a == nil {
		a = &reception.Account{}
	}
	switch w.gate {
	case reception.AccountState:
		add(a.Expires)
	case reception.RoleReceive, reception.PermissionKind:
		add(a.Rights[policy.Receive].Allow.Until)
		add(a.Rights[policy.Receive+"."+w.cell.kind].Allow.Until)
	case reception.PermissionReply:
		add(a.Rights[policy.MessageReply].Allow.Until)
	case reception.WindowAgent:
		for _, s := range windowsOf(p, a, w.cell.inbox) {
			closings(s, from, until, add)
		}
	case reception.MaintenanceGate:
		if in := p.Inboxes[w.cell.inbox]; in != nil {
			for i := range in.Maintenance {
				add(in.Maintenance[i].From)
			}
		}
	case reception.WindowInbox:
		if in := p.Inboxes[w.cell.inbox]; in != nil && in.Hours != nil {
			closings(in.Hours, from, until, add)
		}
	}
	slices.SortFunc(list, func(a, b time.Time) int { return b.Compare(a) })
	return list
}

// windowsOf are all schedules that bear on an agent's window in an inbox.
func windowsOf(p *reception.Policy, a *reception.Account, inbox string) []*reception.Schedule {
	list := slices.Clone(a.Windows)
	if a.Extension != nil {
		list = append(list, a.Extension)
	}
	if in := p.Inboxes[inbox]; in != nil {
		if m := in.Member(a.Name); m != nil && !m.Direct {
			for _, t := range m.Teams {
				list = append(list, t.Windows...)
			}
		}
	}
	return list
}

// closings calls add for the ends of a schedule's openings between two instants.
func closings(s *reception.Schedule, from, until time.Time, add func(time.Time)) {
	for at := from; at.Before(until); {
		opens, ok := s.Next(at)
		if !ok || !opens.Before(until) {
			return
		}
		closes, ok := s.Close(opens)
		if !ok || closes.After(until) {
			return
		}
		add(closes)
		at = closes
	}
}

// fullSince is when the assignment that reached the limit began.
func (r *run) fullSince(c *cell) time.Time {
	held, limit := r.held(c)
	if limit <= 0 || len(held) < limit {
		return time.Time{}
	}
	return held[limit-1].FromAt
}
