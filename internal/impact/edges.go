package impact

import (
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// edges finds the instants in (from, until] at which one of two policies may decide anew about an inbox by itself: a window opens or closes,
// maintenance begins or ends, a right, a freeze, a pause, a limit or an account ends. Between two of them both policies answer the same question in the same way, because the engine reads the clock
// against windows and ends only (design §4, Time).
type edges struct {
	policies    [2]*reception.Policy
	from, until time.Time
	schedules   map[*reception.Schedule][]time.Time
	inboxes     map[string][]time.Time
}

func newEdges(before, after *reception.Policy, from, until time.Time) *edges {
	return &edges{
		policies: [2]*reception.Policy{before, after}, from: from, until: until,
		schedules: map[*reception.Schedule][]time.Time{}, inboxes: map[string][]time.Time{},
	}
}

// of lists the edges of an inbox in order, each once.
func (e *edges) of(inbox string) []time.Time {
	if list, ok := e.inboxes[inbox]; ok {
		return list
	}
	var list []time.Time
	for _, p := range e.policies {
		list = e.platform(list, p)
		if in := p.Inboxes[inbox]; in != nil {
			list = e.inbox(list, p, in)
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	list = slices.CompactFunc(list, time.Time.Equal)
	e.inboxes[inbox] = list
	return list
}

// segment counts the edges of an inbox that an instant has reached.
func (e *edges) segment(inbox string, at time.Time) int {
	n, found := slices.BinarySearchFunc(e.of(inbox), at, time.Time.Compare)
	if found {
		n++
	}
	return n
}

func (e *edges) platform(list []time.Time, p *reception.Policy) []time.Time {
	return e.end(list, p.Platform.Until)
}

func (e *edges) inbox(list []time.Time, p *reception.Policy, in *reception.Inbox) []time.Time {
	list = append(e.end(list, in.Switch.Until), e.schedule(in.Hours)...)
	for i := range in.Maintenance {
		list = e.end(e.end(list, in.Maintenance[i].From), in.Maintenance[i].Until)
	}
	for i := range in.Members {
		m := &in.Members[i]
		for _, team := range m.Teams {
			list = e.windows(list, team.Windows)
		}
		if a := p.Accounts[m.Account]; a != nil {
			list = e.account(list, a)
		}
	}
	return list
}

func (e *edges) account(list []time.Time, a *reception.Account) []time.Time {
	list = append(e.windows(list, a.Windows), e.schedule(a.Extension)...)
	for _, until := range []time.Time{a.StateUntil, a.Expires, a.Switch.Until} {
		list = e.end(list, until)
	}
	for _, r := range a.Rights {
		list = e.end(e.end(list, r.Allow.Until), r.Deny.Until)
	}
	return list
}

func (e *edges) windows(list []time.Time, windows []*reception.Schedule) []time.Time {
	for _, s := range windows {
		list = append(list, e.schedule(s)...)
	}
	return list
}

func (e *edges) end(list []time.Time, until time.Time) []time.Time {
	if until.After(e.from) && !until.After(e.until) {
		return append(list, until)
	}
	return list
}

// schedule lists when a schedule opens and closes.
func (e *edges) schedule(s *reception.Schedule) []time.Time {
	if s == nil {
		return nil
	}
	list, known := e.schedules[s]
	if known {
		return list
	}
	for at, ok := e.from, true; ok; {
		if s.Open(at) {
			at, ok = s.Close(at)
		} else {
			at, ok = s.Next(at)
		}
		if ok = ok && !at.After(e.until); ok {
			list = append(list, at)
		}
	}
	e.schedules[s] = list
	return list
}
