package board

import (
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

type (
	// InboxInfo is an inbox as people see it.
	InboxInfo struct {
		Name, Title string
		Async       bool
		Kinds       []string
	}
	// TeamInfo is a team.
	TeamInfo struct{ Name, Title string }
)

// agent is what the settings say about a row.
type agent struct {
	name, title, alias, number string
	teams                      []string
	limit                      int
	cells                      []at
}

// plan is what the board needs of one revision of the settings.
type plan struct {
	set     *policy.Set
	policy  *reception.Policy
	inboxes []InboxInfo
	teams   []TeamInfo
	agents  []agent // in order of name
	byName  map[string]int
	kinds   []string // of all inboxes, in order of name
	ends    []int64  // instants, in order, at which a setting begins or ceases to hold that no schedule tells
}

func newPlan(set *policy.Set) *plan {
	p := &plan{set: set, policy: set.Compile(), byName: map[string]int{}}
	teams := map[string][]string{}
	for _, d := range set.All() {
		switch d.Kind {
		case policy.KindTeam:
			spec, _ := set.Team(d.Name)
			p.teams = append(p.teams, TeamInfo{d.Name, spec.Title})
			for _, m := range spec.Members {
				teams[m] = append(teams[m], d.Name)
			}
		case policy.KindInbox:
			spec, _ := set.Inbox(d.Name)
			in := p.policy.Inboxes[d.Name]
			p.inboxes = append(p.inboxes, InboxInfo{Name: d.Name, Title: spec.Title, Async: in.Mode == reception.Async, Kinds: in.Kinds})
		}
	}
	for i := range p.inboxes {
		p.kinds = append(p.kinds, p.inboxes[i].Kinds...)
	}
	slices.Sort(p.kinds)
	p.kinds = slices.Compact(p.kinds)
	cells := p.cellsByAgent()
	for _, d := range set.All() {
		if d.Kind != policy.KindAccount {
			continue
		}
		spec, _ := set.Account(d.Name)
		if !spec.Agent && len(cells[d.Name]) == 0 || spec.State == reception.Left.String() {
			continue
		}
		p.byName[d.Name] = len(p.agents)
		p.agents = append(p.agents, agent{
			name: d.Name, title: spec.Title, alias: spec.Alias, number: spec.Number, teams: teams[d.Name], cells: cells[d.Name], limit: p.limit(d.Name, cells[d.Name]),
		})
	}
	p.findEnds()
	return p
}

// cellsByAgent lists what every account is a member of, in order of inbox, and of kind as the inbox lists them.
func (p *plan) cellsByAgent() map[string][]at {
	cells := map[string][]at{}
	for i := range p.inboxes {
		for k := range p.inboxes[i].Kinds {
			for _, m := range p.policy.Inboxes[p.inboxes[i].Name].Members {
				cells[m.Account] = append(cells[m.Account], at{i, k})
			}
		}
	}
	return cells
}

// limit is how many live conversations an agent may have; see Row.
func (p *plan) limit(name string, cells []at) int {
	a := p.policy.Accounts[name]
	if a == nil {
		return 0
	}
	if a.Total > 0 {
		return a.Total
	}
	sum := 0
	for i, c := range cells {
		in := p.policy.Inboxes[p.inboxes[c.inbox].Name]
		if in.Mode == reception.Async || i > 0 && cells[i-1].inbox == c.inbox {
			continue
		}
		most, own := a.Limits[in.Name]
		if !own {
			most = in.Capacity
		}
		if most == 0 {
			return 0
		}
		sum += most
	}
	return sum
}

// marks says which kinds are among cells.
func (p *plan) marks(cells []at) []bool {
	list := make([]bool, len(p.kinds))
	for _, c := range cells {
		k, _ := slices.BinarySearch(p.kinds, p.inboxes[c.inbox].Kinds[c.kind])
		list[k] = true
	}
	return list
}

// count counts who can receive.
func (p *plan) count(rows []*Row) Counts {
	c := Counts{Of: len(rows), Kinds: make([]KindCount, len(p.kinds))}
	for i, kind := range p.kinds {
		c.Kinds[i].Kind = kind
	}
	for _, r := range rows {
		if len(r.Can) > 0 {
			c.Can++
		}
		for i := range c.Kinds {
			if r.of[i] {
				c.Kinds[i].Of++
			}
			if r.can[i] {
				c.Kinds[i].Can++
			}
		}
	}
	return c
}

// places writes cells, which are in order, by inbox.
func (p *plan) places(cells []at) []Place {
	var list []Place
	for i := 0; i < len(cells); {
		in, end := &p.inboxes[cells[i].inbox], i
		for end < len(cells) && cells[end].inbox == cells[i].inbox {
			end++
		}
		place := Place{Inbox: in.Name}
		if end-i < len(in.Kinds) {
			for _, c := range cells[i:end] {
				place.Kinds = append(place.Kinds, in.Kinds[c.kind])
			}
		}
		list = append(list, place)
		i = end
	}
	return list
}

// findEnds lists the instants that the settings name. Schedules open and close at whole minutes, which are looked at anyway, except for their extensions.
func (p *plan) findEnds() {
	add := func(instants ...time.Time) {
		for _, x := range instants {
			if !x.IsZero() {
				p.ends = append(p.ends, x.UnixMicro())
			}
		}
	}
	seen := map[*reception.Schedule]bool{}
	extra := func(schedules ...*reception.Schedule) {
		for _, s := range schedules {
			if s == nil || seen[s] {
				continue
			}
			seen[s] = true
			for _, x := range s.Extra {
				add(x.From, x.Until)
			}
		}
	}
	add(p.policy.Platform.Until)
	for _, a := range p.policy.Accounts {
		add(a.StateUntil, a.Expires, a.Switch.Until)
		extra(a.Windows...)
		extra(a.Extension)
		for _, r := range a.Rights {
			add(r.Allow.Until, r.Deny.Until)
		}
	}
	for _, in := range p.policy.Inboxes {
		add(in.Switch.Until)
		extra(in.Hours)
		for i := range in.Maintenance {
			add(in.Maintenance[i].From, in.Maintenance[i].Until)
		}
		for i := range in.Members {
			for _, team := range in.Members[i].Teams {
				extra(team.Windows...)
			}
		}
	}
	slices.Sort(p.ends)
	p.ends = slices.Compact(p.ends)
}

// next is the first instant after now at which an outcome may be another although nothing was committed: a whole minute, at which schedules open and close,
// or earlier the end of something; waiting is the earliest end of what waits, 0 for none.
func (p *plan) next(now time.Time, waiting int64) time.Time {
	next := now.Truncate(time.Minute).Add(time.Minute)
	sooner := func(micros int64) {
		for t := time.UnixMicro(micros); t.Before(next); t = t.Add(time.Microsecond) { // an end may lie within its microsecond
			if t.After(now) {
				next = t
				return
			}
		}
	}
	i, _ := slices.BinarySearch(p.ends, now.UnixMicro())
	for _, end := range p.ends[i:min(i+2, len(p.ends))] {
		sooner(end)
	}
	if waiting > now.UnixMicro() {
		sooner(waiting)
	}
	return next
}
