package reception

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// Coverage (值守覆盖) is who can receive at each moment by the policy alone, as if everybody were there and free; see Attended.
type Coverage struct {
	From, Until time.Time
	Cells       []CoverageCell // in order of inbox, and of kind as the inbox lists them
}

// CoverageCell is the coverage of one kind in one inbox: its spans follow each other without a hole, and neighbours differ.
type CoverageCell struct {
	Inbox, Kind string
	Spans       []CoverageSpan

	members []Member
	sets    [][]uint64 // of members, by their place in the list
}

// CoverageSpan is a time in which the same agents can receive.
type CoverageSpan struct {
	From, Until int64 // Unix microseconds, [From, Until)
	Open        bool  // the inbox is open; while it is not, nobody receives
	Count       int   // of agents who can receive

	set int32
}

// Gap says that the inbox is open, and nobody can receive (无人值守).
func (s CoverageSpan) Gap() bool { return s.Open && s.Count == 0 }

// Single says that everything hangs on one person.
func (s CoverageSpan) Single() bool { return s.Open && s.Count == 1 }

// Agents lists who can receive in a span of the cell, in order of name.
func (c *CoverageCell) Agents(s CoverageSpan) []string {
	list := make([]string, 0, s.Count)
	for word, set := range c.sets[s.set] {
		for ; set != 0; set &= set - 1 {
			list = append(list, c.members[word*64+bits.TrailingZeros64(set)].Account)
		}
	}
	return list
}

// Attended is a world in which everybody is signed in, available and connected, nobody has a conversation, and nothing fails. What stops there is the
// policy, and time.
func Attended() World { return attended{} }

type attended struct{}

func (attended) Agent(account string) *Agent {
	return &Agent{
		Account: account, Session: Session{State: SessionActive}, Presence: Presence{Value: Available}, Connection: Connection{State: ConnectionOpen},
	}
}

func (attended) Failures() []Failure { return nil }

// Rate implements World: no limit is used up.
func (attended) Rate(string) Rate { return Rate{} }

// Cover computes the coverage of the time [from, until), less than 400 days, for the cells that only wants; nil wants all. It reads from and until to
// the microsecond. At every instant it agrees with Explain in the attended world.
func Cover(p *Policy, from, until time.Time, only func(inbox, kind string) bool) Coverage {
	c := &coverer{
		policy: p, from: from.UnixMicro(), until: until.UnixMicro(), fromTime: from.Truncate(time.Microsecond), untilTime: until.Truncate(time.Microsecond),
		openings: map[*Schedule]*opened{}, receivers: map[string]*receivers{}, kinds: map[string]int{},
	}
	cover := Coverage{From: c.fromTime, Until: c.untilTime}
	if c.from >= c.until {
		return cover
	}
	wanted := map[string][]string{}
	var inboxes []string
	for name, in := range p.Inboxes {
		for _, kind := range in.Kinds {
			if only == nil || only(name, kind) {
				wanted[name] = append(wanted[name], kind)
				c.addKind(kind)
			}
		}
		if len(wanted[name]) > 0 {
			inboxes = append(inboxes, name)
		}
	}
	slices.Sort(inboxes)
	for _, name := range inboxes {
		cover.Cells = append(cover.Cells, c.inbox(name, p.Inboxes[name], wanted[name])...)
	}
	return cover
}

// coverer computes a coverage. What inboxes share is computed once: the openings of schedules, and who may receive which kind when.
type coverer struct {
	policy              *Policy
	from, until         int64
	fromTime, untilTime time.Time
	openings            map[*Schedule]*opened
	receivers           map[string]*receivers
	kinds               map[string]int // → place in permissions
	permissions         []kindPermission
}

type kindPermission struct {
	receive string
	owns    bool
}

func (c *coverer) addKind(kind string) {
	if _, known := c.kinds[kind]; !known {
		c.kinds[kind] = len(c.permissions)
		c.permissions = append(c.permissions, kindPermission{receiveKind(kind), OwnsConversations(kind)})
	}
}

// microspan is a time in Unix microseconds, [from, until).
type microspan struct{ from, until int64 }

// opened are the openings of a schedule in the time in question. id tells schedules apart.
type opened struct {
	id    int
	spans []microspan
}

func (c *coverer) opened(s *Schedule) *opened {
	o := c.openings[s]
	if o == nil {
		o = &opened{id: len(c.openings) + 1}
		if s == nil {
			o.spans = []microspan{{c.from, c.until}}
		} else {
			for _, x := range s.Openings(c.fromTime, c.untilTime) {
				o.spans = append(o.spans, microspan{x.From.UnixMicro(), x.Until.UnixMicro()})
			}
		}
		c.openings[s] = o
	}
	return o
}

// union joins spans that are in order of their beginnings where they meet.
func union(lists ...[]microspan) []microspan {
	if len(lists) == 1 {
		return lists[0]
	}
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b microspan) int { return cmp.Compare(a.from, b.from) })
	joined := all[:0]
	for _, x := range all {
		if last := len(joined) - 1; last >= 0 && x.from <= joined[last].until {
			joined[last].until = max(joined[last].until, x.until)
			continue
		}
		joined = append(joined, x)
	}
	return joined
}

func intersection(a, b []microspan) []microspan {
	var both []microspan
	for len(a) > 0 && len(b) > 0 {
		if from, until := max(a[0].from, b[0].from), min(a[0].until, b[0].until); from < until {
			both = append(both, microspan{from, until})
		}
		if a[0].until < b[0].until {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

func (c *coverer) anyOf(windows []*Schedule) []microspan {
	lists := make([][]microspan, len(windows))
	for i, s := range windows {
		lists[i] = c.opened(s).spans
	}
	return union(lists...)
}

// windowClass are the members of an inbox whose gate window.agent is open at the same times.
type windowClass struct {
	spans []microspan
	set   []uint64
}

// classes sorts the members of an inbox by the schedules that bear on them.
func (c *coverer) classes(in *Inbox) []*windowClass {
	var list []*windowClass
	known := map[string]*windowClass{}
	var key []byte
	for i := range in.Members {
		m := &in.Members[i]
		a := c.policy.account(m.Account)
		key = c.classKey(key[:0], a, m)
		class := known[string(key)]
		if class == nil {
			class = &windowClass{spans: c.windowSpans(a, m), set: make([]uint64, words(len(in.Members)))}
			known[string(key)] = class
			list = append(list, class)
		}
		class.set[i/64] |= 1 << (i % 64)
	}
	return list
}

func words(members int) int { return (members + 63) / 64 }

// classKey names the schedules that bear on a member's window, part by part.
func (c *coverer) classKey(key []byte, a *Account, m *Member) []byte {
	add := func(windows []*Schedule) {
		for _, s := range windows {
			id := c.opened(s).id
			key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		key = append(key, 0, 0, 0, 0)
	}
	add(a.Windows)
	if a.Extension != nil {
		id := c.opened(a.Extension).id
		key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
	}
	key = append(key, 0, 0, 0, 0)
	if m.Direct {
		return append(key, 1)
	}
	for i := range m.Teams {
		add(m.Teams[i].Windows)
	}
	return key
}

// windowSpans is when gate window.agent is open for a member.
func (c *coverer) windowSpans(a *Account, m *Member) []microspan {
	always := []microspan{{c.from, c.until}}
	account := always
	if len(a.Windows) > 0 {
		account = c.anyOf(a.Windows)
	}
	team := always
	if !m.Direct {
		var lists [][]microspan
		for i := range m.Teams {
			if len(m.Teams[i].Windows) == 0 {
				lists = [][]microspan{always}
				break
			}
			lists = append(lists, c.anyOf(m.Teams[i].Windows))
		}
		team = union(lists...)
	}
	both := intersection(account, team)
	if a.Extension != nil {
		both = union(both, c.opened(a.Extension).spans)
	}
	return both
}

// receivers is when an account may receive which kinds: by its state, its rights and its switch. At each of the instants it may change; kinds holds,
// piece after piece, whether each kind may be received.
type receivers struct {
	instants []int64 // the first is the beginning
	kinds    []bool
}

func (c *coverer) receiverOf(name string) *receivers {
	r := c.receivers[name]
	if r == nil {
		a := c.policy.account(name)
		r = &receivers{instants: c.instantsOf(a)}
		r.kinds = make([]bool, 0, len(r.instants)*len(c.permissions))
		for _, at := range r.instants {
			r.kinds = c.receivable(r.kinds, a, time.UnixMicro(at))
		}
		c.receivers[name] = r
	}
	return r
}

// instantsOf lists the instants at which the account may begin or cease to receive something.
func (c *coverer) instantsOf(a *Account) []int64 {
	list := []int64{c.from}
	add := func(until time.Time) {
		if at := micros(until); !until.IsZero() && at > c.from && at < c.until {
			list = append(list, at)
		}
	}
	add(a.StateUntil)
	add(a.Expires)
	add(a.Switch.Until)
	right := func(permission string) {
		if r, ok := a.Rights[permission]; ok {
			add(r.Allow.Until)
			add(r.Deny.Until)
		}
	}
	right(permissionReceive)
	right(permissionReply)
	for i := range c.permissions {
		right(c.permissions[i].receive)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// receivable asks the gates about the account themselves, for every kind.
func (c *coverer) receivable(list []bool, a *Account, at time.Time) []bool {
	k := newKnown(a, noInbox)
	e := evaluator{now: at, world: attended{}}
	parent := receiveCell(&k, at)
	may := stateCell(a, at).Outcome == Pass && parent.Outcome == Pass &&
		e.accountSwitchCell(&Candidate{Account: a.Name}, &k).Outcome == Pass
	reply := replyCell(&k, at).Outcome == Pass
	for i := range c.permissions {
		p := &c.permissions[i]
		list = append(list, may && (reply || !p.owns) && kindCell(&k, parent, noSlot, p.receive, at).Outcome == Pass)
	}
	return list
}

// inboxCover is an inbox's time in segments within which nothing changes.
type inboxCover struct {
	starts   []int64 // of the segments
	open     []bool  // the inbox is open
	routed   []bool  // no switch stops the inbox or the platform
	pattern  []int32 // which of the patterns holds
	patterns [][]uint64
	members  []*receivers

	maintenance []Maintenance
}

// inMaintenance says whether a window holds messages of a kind at the beginning of a segment.
func (x *inboxCover) inMaintenance(kind string, at int64) bool {
	return slices.ContainsFunc(x.maintenance, func(m Maintenance) bool { return m.Holds(kind, time.UnixMicro(at)) })
}

func (c *coverer) inbox(name string, in *Inbox, kinds []string) []CoverageCell {
	x := &inboxCover{members: make([]*receivers, len(in.Members)), maintenance: in.Maintenance}
	for i := range in.Members {
		x.members[i] = c.receiverOf(in.Members[i].Account)
	}
	hours, classes := c.opened(in.Hours).spans, c.classes(in)
	x.starts = c.segments(in, hours, classes, x.members)
	x.fill(c, in, hours, classes)
	cells := make([]CoverageCell, len(kinds))
	for i, kind := range kinds {
		cells[i] = CoverageCell{Inbox: name, Kind: kind, members: in.Members}
		if i > 0 { // kinds of an inbox are much alike
			cells[i].Spans = make([]CoverageSpan, 0, len(cells[i-1].Spans)+4)
		}
		x.cell(&cells[i], c.kinds[kind], len(c.permissions), c.until)
	}
	return cells
}

// segments lists the instants at which anything about an inbox may change.
func (c *coverer) segments(in *Inbox, hours []microspan, classes []*windowClass, members []*receivers) []int64 {
	starts := []int64{c.from}
	add := func(at int64) {
		if at > c.from && at < c.until {
			starts = append(starts, at)
		}
	}
	edges := func(spans []microspan) {
		for _, s := range spans {
			add(s.from)
			add(s.until)
		}
	}
	edges(hours)
	for _, class := range classes {
		edges(class.spans)
	}
	for _, m := range members {
		starts = append(starts, m.instants[1:]...)
	}
	for _, s := range []*Switch{&in.Switch, &c.policy.Platform} {
		if !s.Until.IsZero() {
			add(micros(s.Until))
		}
	}
	for i := range in.Maintenance {
		add(in.Maintenance[i].From.UnixMicro())
		add(in.Maintenance[i].Until.UnixMicro())
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// fill finds for each segment whether the inbox is open and routed, and whose windows are open.
func (x *inboxCover) fill(c *coverer, in *Inbox, hours []microspan, classes []*windowClass) {
	n := len(x.starts)
	x.open, x.routed, x.pattern = make([]bool, n), make([]bool, n), make([]int32, n)
	toggles := make([][]int, n) // classes that open or close at the beginning of a segment
	for i, class := range classes {
		for _, s := range class.spans {
			for _, at := range []int64{s.from, s.until} {
				if segment, here := slices.BinarySearch(x.starts, at); here {
					toggles[segment] = append(toggles[segment], i)
				}
			}
		}
	}
	set := make([]uint64, words(len(in.Members)))
	seen := newSets()
	for i, at := range x.starts {
		for len(hours) > 0 && hours[0].until <= at {
			hours = hours[1:]
		}
		x.open[i] = len(hours) > 0 && hours[0].from <= at
		e := evaluator{now: time.UnixMicro(at), world: attended{}, policy: c.policy, inbox: in}
		x.routed[i] = e.inboxSwitchCell().Outcome == Pass && e.platformCell().Outcome == Pass
		for _, class := range toggles[i] {
			for w, bit := range classes[class].set {
				set[w] ^= bit // spans of a class lie apart, so it opens and closes in turn
			}
		}
		x.pattern[i] = seen.add(set)
	}
	x.patterns = seen.list
}

// cell counts who can receive a kind, segment by segment, and joins neighbours with the same receivers.
func (x *inboxCover) cell(cell *CoverageCell, kind, kinds int, until int64) {
	may := make([]uint64, words(len(x.members)))
	var changes []change
	for i, m := range x.members {
		if m.kinds[kind] {
			may[i/64] |= 1 << (i % 64)
		}
		for piece := 1; piece < len(m.instants); piece++ {
			if m.kinds[piece*kinds+kind] != m.kinds[(piece-1)*kinds+kind] {
				changes = append(changes, change{m.instants[piece], i})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	seen, both := newSets(), make([]uint64, len(may))
	nobody := seen.add(both)
	found := make([]int32, len(x.patterns)) // the set of each pattern plus 1, as long as nobody's rights change
	for i, at := range x.starts {
		for ; len(changes) > 0 && changes[0].at <= at; changes = changes[1:] {
			may[changes[0].member/64] ^= 1 << (changes[0].member % 64)
			clear(found)
		}
		set := nobody
		if x.open[i] && x.routed[i] && !x.inMaintenance(cell.Kind, at) {
			p := x.pattern[i]
			if found[p] == 0 {
				for w := range both {
					both[w] = may[w] & x.patterns[p][w]
				}
				found[p] = seen.add(both) + 1
			}
			set = found[p] - 1
		}
		if last := len(cell.Spans) - 1; last >= 0 {
			if cell.Spans[last].set == set && cell.Spans[last].Open == x.open[i] {
				continue
			}
			cell.Spans[last].Until = at
		}
		cell.Spans = append(cell.Spans, CoverageSpan{From: at, Open: x.open[i], Count: seen.counts[set], set: set})
	}
	cell.Spans[len(cell.Spans)-1].Until = until
	cell.sets = seen.list
}

// change is a member who may, from an instant on, receive a kind or no longer receive it.
type change struct {
	at     int64
	member int
}

// sets keeps each set of members once.
type sets struct {
	list   [][]uint64
	counts []int
	known  map[string]int32
	key    []byte
	slab   []uint64 // room for the next copies
}

// slabSets is for how many sets there is room at a time.
const slabSets = 32

func newSets() *sets { return &sets{known: map[string]int32{}} }

// add finds the place of a set, and keeps a copy of one that is new.
func (s *sets) add(set []uint64) int32 {
	s.key = s.key[:0]
	for _, w := range set {
		s.key = append(s.key, byte(w), byte(w>>8), byte(w>>16), byte(w>>24), byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56))
	}
	if at, ok := s.known[string(s.key)]; ok {
		return at
	}
	at, count := int32(len(s.list)), 0
	for _, w := range set {
		count += bits.OnesCount64(w)
	}
	if len(s.slab) < len(set) {
		s.slab = make([]uint64, slabSets*len(set))
	}
	kept := s.slab[:len(set):len(set)]
	s.slab = s.slab[len(set):]
	copy(kept, set)
	s.list, s.counts = append(s.list, kept), append(s.counts, count)
	s.known[string(s.key)] = at
	return at
}
