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
		e.owner = m.Conversation.Owner
	}
	if e.directed || m.Notice || len(m.Directed) > 0 {
		e.directed, e.notice = true, m.Notice
		e.decideDirected(&d, &m)
	} else {
		e.release(&d)
		e.decideRouted(&d, &m)
	}
	d.Message = e.message
	d.Until = d.earliestUntil()
	return d
}

// release takes the conversation from an owner that may not keep it. Unknown never releases: what we do not know must not move conversations.
func (e *evaluator) release(d *Decision) {
	if e.owner == "" {
		return
	}
	c := Candidate{Account: e.owner, Owner: true}
	// The gates about the message do not bear on the release; they are evaluated when it is known whether there is an owner.
	e.evaluate(&c, e.inbox.Member(e.owner))
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
	case PresenceGate, ConnectionGate:
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
	e.listMembers(d, e.owner, m.Asked)
	d.Scored = true
	var n count
	members := e.inbox.Members
	for i := range d.Candidates {
		c := &d.Candidates[i]
		// Both are in order of name, so members are met as we go.
		var member *Member
		if len(members) > 0 && members[0].Account == c.Account {
			member, members = &members[0], members[1:]
		}
		e.evaluateForChoice(c, member, passedOver, &n)
	}
	switch {
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

// evaluateForChoice evaluates a candidate and prepares the choice: whoever could be chosen is "not chosen" or "passed over" until it is.
func (e *evaluator) evaluateForChoice(c *Candidate, member *Member, passedOver []string, n *count) {
	facts := e.evaluate(c, member)
	c.Cells[Routing] = notApplicable
	if c.Cells.First() != GateCount {
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
	s := Score{Turn: facts.LastAssigned[e.inbox.Name]}
	switch {
	case e.inbox.Strategy != LeastLoaded:
	case e.inbox.Mode == Async:
		s.Load = facts.Load[e.inbox.Name]
	default:
		s.Load = facts.Live
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
		e.evaluate(c, e.inbox.Member(c.Account))
		if c.Asked {
			continue
		}
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

func (c *Candidate) entitled() bool {
	for _, g := range entitlementGates {
		if c.Cells[g].Outcome.Stops() {
			return false
		}
	}
	return true
}

// listMembers makes the candidates: the inbox's members, the owner, and who is asked about, in order of name.
func (e *evaluator) listMembers(d *Decision, owner, asked string) {
	d.Candidates = make([]Candidate, 0, len(e.inbox.Members)+2)
	for i := range e.inbox.Members {
		name := e.inbox.Members[i].Account
		d.Candidates = append(d.Candidates, Candidate{Account: name, Owner: name == owner && owner != ""})
	}
	d.insert(Candidate{Account: owner, Owner: true})
	d.insert(Candidate{Account: asked, Asked: true})
}

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

// earliestUntil is the earliest Until of any cell. Who is only asked about does not count: asking must not change when we decide again.
func (d *Decision) earliestUntil() int64 {
	least := d.Message.earliestUntil(0)
	for i := range d.Candidates {
		if !d.Candidates[i].Asked {
			least = d.Candidates[i].Cells.earliestUntil(least)
		}
	}
	return least
}

func (v *Vector) earliestUntil(least int64) int64 {
	for g := range v {
		if until := v[g].Until; until != 0 && (least == 0 || until < least) {
			least = until
		}
	}
	return least
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
