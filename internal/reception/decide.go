package reception

import (
	"slices"
	"time"
)

// Decide evaluates every gate for every candidate and chooses. It is the only place where a receiver is chosen; the explanation is its result.
func Decide(p *Policy, w World, m Message, now time.Time) Decision {
	e := newEvaluator(p, w, m.Inbox, m.Kind, now)
	d := Decision{Kind: m.Kind, At: now}
	if m.Conversation != nil {
		e.owner, e.snoozed = m.Conversation.Owner, m.Conversation.SnoozedUntil
	}
	if e.directed || m.Notice || len(m.Directed) > 0 {
		e.directed, e.notice = true, m.Notice
		e.decideDirected(&d, &m)
	} else {
		e.filter = e.filterCell(&m)
		e.release(&d)
		e.decideRouted(&d, &m)
	}
	d.Message, d.Rule, d.Tags, d.Applied = e.message, e.filtering.Rule, e.filtering.Tags, e.filtering.Applied
	// The gates about the message count even where there is no candidate.
	d.Message.stops(&e.until)
	d.Until = e.until
	return d
}

// release takes the conversation from an owner that may not keep it. Unknown never releases: what we do not know must not move conversations.
func (e *evaluator) release(d *Decision) {
	if e.owner == "" {
		return
	}
	c := Candidate{Account: e.owner, Owner: true}
	// The gates about the message do not bear on the release; they are evaluated when it is known whether there is an owner.
	e.evaluateNamed(&c)
	for g := range GateCount {
		if releases(g, c.Cells[g].Outcome) {
			d.Released, d.ReleasedFor = e.owner, c.Cells[g].Code
			e.owner = ""
			return
		}
	}
}

// releases says whether the outcome of a gate takes a conversation from its owner: lost for good where the owner may not have it any more, even for
// a while, but only after the grace where it is merely absent.
func releases(g Gate, o Outcome) bool {
	switch g {
	case AccountState, AccountLogin, RoleReceive, PermissionKind, PermissionReply, MembershipInbox, SwitchAccount:
		return o == Block || o == Wait
	case PresenceGate, ConnectionGate, ClientVersion:
		return o == Block
	}
	return false
}

func (e *evaluator) decideRouted(d *Decision, m *Message) {
	e.evaluateMessage()
	var passedOver []string
	if m.Conversation != nil {
		passedOver = m.Conversation.PassedOver
	}
	var n count
	e.evaluateAll(d, m.Asked, passedOver, &n)
	d.Scored = true
	switch {
	case e.filter.Outcome.Stops():
		e.intercept(d)
	case e.owner != "":
		e.keepOwner(d)
	case n.eligible == 0:
		d.Verdict, d.Code = Waiting, e.whyNobody(d)
	default:
		e.choose(d, m, n)
	}
}

// count is how many candidates passed every gate before the choice, and how many of those were passed over.
type count struct{ eligible, passedOver int }

// evaluateAll makes the candidates in order of name, and evaluates each: the inbox's members, and who is asked about. An owner that is no member has
// been released by now, so it is not among them.
func (e *evaluator) evaluateAll(d *Decision, asked string, passedOver []string, n *count) {
	members, accounts := e.inbox.Members, e.policy.members(e.name)
	if asked != "" && e.inbox.Member(asked) != nil {
		asked = ""
	}
	size := len(members)
	if asked != "" {
		size++
	}
	d.Candidates = takeCandidates(size)
	next := 0
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if asked != "" && (next == len(members) || asked < members[next].Account) {
			c.Account, c.Owner, c.Asked, c.Score, asked = asked, false, true, Score{}, ""
			e.evaluateNamed(c)
			continue
		}
		facts := e.evaluateMember(c, &members[next], accounts, next)
		e.prepareChoice(c, facts, passedOver, n)
		next++
	}
}

// evaluateMember evaluates the member at a place of the inbox's list, with what the index knows of it.
func (e *evaluator) evaluateMember(c *Candidate, member *Member, accounts []known, place int) *Agent {
	c.Account, c.Asked, c.Score = member.Account, false, Score{}
	c.Owner = e.owner != "" && c.Account == e.owner
	if place < len(accounts) {
		return e.evaluate(c, member, &accounts[place])
	}
	k := newKnown(e.policy.account(c.Account), e.inbox)
	return e.evaluate(c, member, &k)
}

// prepareChoice marks who could be chosen as "not chosen" or "passed over", until it is chosen.
func (e *evaluator) prepareChoice(c *Candidate, facts *Agent, passedOver []string, n *count) {
	if c.Cells.stops(&e.until) {
		return
	}
	c.Score = e.score(facts)
	n.eligible++
	c.Cells[Routing] = block(CodeRoutingNotChosen)
	// A conversation that has an owner is not being offered around.
	if e.owner == "" && len(passedOver) > 0 && listed(passedOver, c.Account) {
		n.passedOver++
		c.Cells[Routing] = block(CodeRoutingPassedOver)
	}
}

func (e *evaluator) score(facts *Agent) Score {
	share := facts.Share(e.name)
	s := Score{Turn: share.LastAssigned}
	switch e.inbox.Strategy {
	case RoundRobin, Broadcast, Manual:
		return s
	}
	s.Load = facts.Live
	if e.inbox.Mode == Async {
		s.Load = share.Load
	}
	return s
}

// keepOwner decides for a conversation whose owner keeps it: the owner has the message, or the message waits for the owner and for nobody else.
func (e *evaluator) keepOwner(d *Decision) {
	i := d.find(e.owner)
	cells := &d.Candidates[i].Cells
	if open(&d.Candidates[i]) {
		cells[Routing] = passedWith(CodeRoutingChosenOwner)
		d.Verdict, d.Code, d.Chosen = Routed, CodeRoutingChosenOwner, []string{e.owner}
		return
	}
	d.Verdict, d.Held, d.Code = Waiting, e.owner, CodeRoutingWaitsForOwner
	if g := e.message.First(); g != GateCount {
		d.Code = e.message[g].Code
	}
}

// whyNobody is the first reason why nobody has the message: one about the message itself, else one about the candidates as a whole.
func (e *evaluator) whyNobody(d *Decision) Code {
	if g := e.message.First(); g != GateCount {
		return e.message[g].Code
	}
	for i := range d.Candidates {
		if !d.Candidates[i].Asked {
			if e.setAside() {
				return CodeConversationSnoozed
			}
			return CodeRoutingNobodyEligible
		}
	}
	return CodeRoutingNoMembers
}

// choose picks among the candidates that passed every gate. Passed-over ones are left out, unless they all are: then everybody has had the
// conversation and the list starts again.
func (e *evaluator) choose(d *Decision, m *Message, n count) {
	if n.passedOver == n.eligible {
		d.recycle()
	}
	if e.inbox.Sticky && m.LastOwner != "" {
		if i := d.find(m.LastOwner); i >= 0 && open(&d.Candidates[i]) {
			d.take(i, CodeRoutingChosenSticky)
			return
		}
	}
	switch e.inbox.Strategy {
	case Broadcast:
		d.offer(CodeRoutingOfferedBroadcast, n)
	case Manual:
		d.offer(CodeRoutingOfferedManual, n)
	case RoundRobin:
		d.take(d.lowest(), CodeRoutingChosenRoundRobin)
	default:
		d.take(d.lowest(), CodeRoutingChosenLeastLoaded)
	}
}

func (d *Decision) recycle() {
	d.Recycled = true
	for i := range d.Candidates {
		if cell := &d.Candidates[i].Cells[Routing]; cell.Outcome == Block {
			cell.Code = CodeRoutingNotChosen
		}
	}
}

// open says whether a candidate may still be chosen: it passed every gate and is not passed over.
func open(c *Candidate) bool { return c.Cells[Routing] == block(CodeRoutingNotChosen) }

// lowest finds the candidate with the lowest score; candidates are in order of name, so the first of equals wins.
func (d *Decision) lowest() int {
	best := -1
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if open(c) && (best < 0 || c.Score.less(d.Candidates[best].Score)) {
			best = i
		}
	}
	return best
}

func (s Score) less(t Score) bool {
	if s.Load != t.Load {
		return s.Load < t.Load
	}
	return s.Turn < t.Turn
}

func (d *Decision) take(i int, code Code) {
	c := &d.Candidates[i]
	c.Cells[Routing] = passedWith(code)
	d.Verdict, d.Code, d.Chosen = Routed, code, []string{c.Account}
}

func (d *Decision) offer(code Code, n count) {
	d.Verdict, d.Code, d.Chosen = Offered, code, make([]string, 0, n.eligible)
	for i := range d.Candidates {
		if c := &d.Candidates[i]; open(c) {
			c.Cells[Routing] = passedWith(code)
			d.Chosen = append(d.Chosen, c.Account)
		}
	}
}

// decideDirected decides for a message that names its receivers. It skips choice and capacity; presence, connection and the like are recorded but
// do not keep the message out of the receiver's list, where it waits.
func (e *evaluator) decideDirected(d *Decision, m *Message) {
	e.evaluateMessage()
	e.listDirected(d, m)
	d.Verdict, d.Code = Directed, CodeRoutingStaysInThread
	for i := range d.Candidates {
		c := &d.Candidates[i]
		e.evaluateNamed(c)
		if c.Asked {
			continue
		}
		c.Cells.stops(&e.until)
		d.Code = CodeRoutingNobodyEligible
		if c.entitled() {
			d.Chosen = append(d.Chosen, c.Account)
		}
	}
	if len(d.Chosen) > 0 {
		d.Code = CodeRoutingChosenDirected
	}
}

// entitlementGates decide whether an agent may have a message at all.
var entitlementGates = [...]Gate{AccountState, RoleReceive, PermissionKind, MembershipInbox}

func (c *Candidate) entitled() bool { return c.Withheld() == 0 }

// Withheld is why a candidate may not have a message that names it, as the first gate that says so; zero if it may.
func (c *Candidate) Withheld() Code {
	for _, g := range entitlementGates {
		if c.Cells[g].Outcome.Stops() {
			return c.Cells[g].Code
		}
	}
	return 0
}

// listDirected makes the candidates of a message that names its receivers: those, and who is asked about.
func (e *evaluator) listDirected(d *Decision, m *Message) {
	d.Candidates = make([]Candidate, 0, len(m.Directed)+1)
	for _, name := range m.Directed {
		d.insert(Candidate{Account: name, Owner: name == e.owner})
	}
	d.insert(Candidate{Account: m.Asked, Asked: true, Owner: m.Asked == e.owner})
}

// insert adds a candidate at its place unless it is there already or has no name.
func (d *Decision) insert(c Candidate) {
	if c.Account == "" {
		return
	}
	i, found := d.search(c.Account)
	if !found {
		d.Candidates = slices.Insert(d.Candidates, i, c)
	}
}

func (d *Decision) search(account string) (int, bool) {
	lo, hi := 0, len(d.Candidates)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if d.Candidates[mid].Account < account {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(d.Candidates) && d.Candidates[lo].Account == account
}

// find returns the index of an account among the candidates, -1 if it is none.
func (d *Decision) find(account string) int {
	if i, found := d.search(account); found {
		return i
	}
	return -1
}

func listed(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// stops says whether any gate stops, and lowers until to the earliest end of those that wait; 0 is none. Who is only asked about does not count for a
// decision's Until: asking must not change when we decide again.
func (v *Vector) stops(until *int64) bool {
	var seen uint
	for g := range v {
		seen |= 1 << v[g].Outcome
	}
	if seen&(1<<Wait) != 0 {
		for g := range v {
			if end := v[g].Until; v[g].Outcome == Wait && (*until == 0 || end < *until) {
				*until = end
			}
		}
	}
	if seen&(1<<Unknown) != 0 && v[ClientNotify].Outcome == Unknown { // which nobody is kept from by; it is rare enough to look again
		return v.First() != GateCount
	}
	return seen&^(1<<Pass|1<<NotApplicable) != 0
}

// Deliverable says whether the decision names receivers to deliver to. The zero Decision, a waiting one and one that was put together wrongly are
// not: to deliver on them is a fault.
func (d *Decision) Deliverable() bool {
	switch d.Verdict {
	case Routed:
		return len(d.Chosen) == 1 && d.Code != 0
	case Offered, Directed:
		return len(d.Chosen) > 0 && d.Code != 0
	}
	return false
}
