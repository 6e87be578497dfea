package reception

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// verdictOf is the naive decision: everything in words.
type verdictOf struct {
	verdict, code, released, releasedFor, held string
	chosen                                     []string
	recycled                                   bool
	rule                                       string
	tags                                       []string
	scores                                     map[string]Score // of those who could be chosen
	until                                      time.Time
	message                                    map[string]said
	names                                      []string
	cells                                      map[string]map[string]said
}

var (
	gatesOfMessage = []string{"switch.platform", "switch.inbox", "window.inbox", "maintenance", "filter", "system.health"}
	takingGates    = []string{"account.state", "account.login", "role.receive", "permission.kind", "permission.reply", "membership.inbox", "switch.account"}
	absenceGates   = []string{"presence", "connection", "client.version"}
)

func (n *naive) releasedFor() string {
	if n.owner == "" || n.isDirected() {
		return ""
	}
	for _, g := range takingGates {
		if s := n.gate(n.owner, g); s.lost() {
			return s.code
		}
	}
	for _, g := range absenceGates {
		if s := n.gate(n.owner, g); s.outcome == "block" {
			return s.code
		}
	}
	return ""
}

func naiveDecide(p *Policy, w *facts, m Message, now time.Time, memory map[asked]time.Time) verdictOf {
	n := &naive{p: p, w: w, m: m, now: now, memory: memory}
	v := verdictOf{message: map[string]said{}, cells: map[string]map[string]said{}}
	if m.Conversation != nil {
		n.owner = m.Conversation.Owner
	}
	if v.releasedFor = n.releasedFor(); v.releasedFor != "" {
		v.released, n.owner = n.owner, ""
	}
	v.rule, v.tags = n.rule()
	names := map[string]bool{m.Asked: true}
	if n.isDirected() {
		for _, name := range m.Directed {
			names[name] = true
		}
	} else {
		names[n.owner] = true
		if in := p.Inboxes[m.Inbox]; in != nil {
			for _, member := range in.Members {
				names[member.Account] = true
			}
		}
	}
	delete(names, "")
	for name := range names {
		v.names = append(v.names, name)
		v.cells[name] = map[string]said{}
		for g := Gate(0); g < GateCount; g++ {
			v.cells[name][g.String()] = n.gate(name, g.String())
		}
	}
	sort.Strings(v.names)
	for _, g := range gatesOfMessage {
		v.message[g] = n.gate("", g)
	}
	if n.isDirected() {
		n.direct(&v)
	} else {
		n.route(&v)
	}
	n.findUntil(&v)
	return v
}

func (n *naive) onlyAsked(name string) bool {
	if name != n.m.Asked {
		return false
	}
	if n.isDirected() {
		return !slices.Contains(n.m.Directed, name)
	}
	return n.membership(name) == nil && name != n.owner
}

func (n *naive) findUntil(v *verdictOf) {
	see := func(s said) {
		if s.outcome == "wait" && (v.until.IsZero() || s.until.Before(v.until)) {
			v.until = s.until
		}
	}
	for _, s := range v.message {
		see(s)
	}
	for name, cells := range v.cells {
		for _, s := range cells {
			if !n.onlyAsked(name) {
				see(s)
			}
		}
	}
}

func (n *naive) direct(v *verdictOf) {
	v.verdict, v.code = "directed", "routing.stays_in_thread"
	for _, name := range v.names {
		if n.onlyAsked(name) {
			continue
		}
		may := true
		for _, g := range []string{"account.state", "role.receive", "permission.kind", "membership.inbox"} {
			may = may && v.cells[name][g].fine()
		}
		if may {
			v.chosen = append(v.chosen, name)
		}
	}
	switch {
	case len(v.chosen) > 0:
		v.code = "routing.chosen.directed"
	case len(n.m.Directed) > 0:
		v.code = "routing.nobody_eligible"
	}
}

func (n *naive) route(v *verdictOf) {
	var able []string
	counted := 0
	for _, name := range v.names {
		fine := true
		for g, s := range v.cells[name] {
			fine = fine && (s.fine() || g == "client.notify")
		}
		if fine {
			able = append(able, name)
		}
		if !n.onlyAsked(name) {
			counted++
		}
	}
	problem := ""
	for _, g := range gatesOfMessage {
		if s := v.message[g]; !s.fine() && problem == "" {
			problem = s.code
		}
	}
	v.scores = map[string]Score{}
	for _, name := range able {
		v.scores[name] = n.compared(name)
	}
	switch stopped := v.message["filter"].code; {
	case stopped == "filter.quarantined", stopped == "filter.rejected":
		v.verdict, v.code = strings.TrimPrefix(stopped, "filter."), stopped
		v.released, v.releasedFor = "", ""
	case n.owner != "" && slices.Contains(able, n.owner):
		v.verdict, v.code, v.chosen = "routed", "routing.chosen.owner", []string{n.owner}
		v.cells[n.owner]["routing"] = noted(v.code)
	case n.owner != "":
		v.verdict, v.held, v.code = "waiting", n.owner, "routing.waits_for_owner"
	case len(able) > 0:
		n.pick(v, able)
	case counted == 0:
		v.verdict, v.code = "waiting", "routing.no_members"
	case n.setAside():
		v.verdict, v.code = "waiting", "conversation.snoozed"
	default:
		v.verdict, v.code = "waiting", "routing.nobody_eligible"
	}
	if v.verdict == "waiting" && problem != "" {
		v.code = problem
	}
}

// compared is what the inbox's strategy looks at: least_loaded at the load before the turn, the others at the turn alone.
func (n *naive) compared(name string) Score {
	in, f := n.p.Inboxes[n.m.Inbox], n.w.Agent(name)
	if in == nil { // somebody is asked about an inbox that is gone
		return Score{Load: f.Live, Turn: naiveShare(f, n.m.Inbox).LastAssigned}
	}
	s := Score{Turn: naiveShare(f, n.m.Inbox).LastAssigned}
	switch {
	case in.Strategy != LeastLoaded:
	case in.Mode == Async:
		s.Load = naiveShare(f, n.m.Inbox).Load
	default:
		s.Load = f.Live
	}
	return s
}

func (n *naive) pick(v *verdictOf, able []string) {
	in := n.p.Inboxes[n.m.Inbox]
	var fresh []string
	for _, name := range able {
		if n.m.Conversation == nil || !slices.Contains(n.m.Conversation.PassedOver, name) {
			fresh = append(fresh, name)
		} else {
			v.cells[name]["routing"] = no("routing.passed_over")
		}
	}
	if len(fresh) == 0 {
		v.recycled, fresh = true, able
	}
	for _, name := range fresh {
		v.cells[name]["routing"] = no("routing.not_chosen")
	}
	v.verdict = "routed"
	byTurn := func(a, b string) bool {
		return naiveShare(n.w.Agent(a), in.Name).LastAssigned < naiveShare(n.w.Agent(b), in.Name).LastAssigned
	}
	load := func(a string) int {
		if in.Mode == Async {
			return naiveShare(n.w.Agent(a), in.Name).Load
		}
		return n.w.Agent(a).Live
	}
	sorted := slices.Clone(fresh)
	switch {
	case in.Sticky && slices.Contains(fresh, n.m.LastOwner):
		v.code, v.chosen = "routing.chosen.sticky", []string{n.m.LastOwner}
	case in.Strategy == Broadcast:
		v.verdict, v.code, v.chosen = "offered", "routing.offered.broadcast", fresh
	case in.Strategy == Manual:
		v.verdict, v.code, v.chosen = "offered", "routing.offered.manual", fresh
	case in.Strategy == RoundRobin:
		sort.SliceStable(sorted, func(i, j int) bool { return byTurn(sorted[i], sorted[j]) })
		v.code, v.chosen = "routing.chosen.round_robin", sorted[:1]
	default:
		sort.SliceStable(sorted, func(i, j int) bool { return byTurn(sorted[i], sorted[j]) })
		sort.SliceStable(sorted, func(i, j int) bool { return load(sorted[i]) < load(sorted[j]) })
		v.code, v.chosen = "routing.chosen.least_loaded", sorted[:1]
	}
	for _, name := range v.chosen {
		v.cells[name]["routing"] = noted(v.code)
	}
}

// naiveShare looks for an agent's share in an inbox from the first to the last.
func naiveShare(a *Agent, inbox string) (share Share) {
	for _, s := range a.Shares {
		if s.Inbox == inbox {
			share = s
		}
	}
	share.Inbox = inbox
	return share
}
