package reception

import "time"

// EngineVersion names the meaning of the gates. It changes with every change that may decide anything differently, so that a replay knows whether
// it must agree to the letter.
const EngineVersion = "3"

// evaluator is one pass over the gates. Decide and Explain share it, so that what routes is what explains.
type evaluator struct {
	policy *Policy
	world  World
	now    time.Time

	inbox      *Inbox
	name       string // the inbox's name, "" if the message belongs to none
	kind       string
	permission string // to receive the kind
	slot       int    // of that permission in the policy's index
	owns       bool   // the kind owns conversations
	directed   bool
	notice     bool
	explaining bool      // no message: its conversation is not considered
	owner      string    // who owns the conversation, "" if nobody (any more)
	snoozed    time.Time // until when the conversation is set aside, zero if it is not

	filter    Cell // of gate filter, once it is known
	filtering Filtering

	message Vector // the gates about the message, the others not applicable
	until   int64  // the earliest end of any cell that waits, 0 if none does
	seen    [16]seenSchedule
	fill    int
}

func newEvaluator(p *Policy, w World, inbox, kind string, now time.Time) evaluator {
	owns, permission := OwnsConversations(kind), receiveKind(kind)
	return evaluator{
		policy: p, world: w, now: now,
		inbox: p.inbox(inbox), name: inbox, kind: kind, permission: permission, slot: p.slot(permission),
		owns: owns, directed: !owns, filter: notApplicable,
	}
}

// Explain evaluates every gate for one agent without a message: what would stop one of the kind in the inbox now. The conversation and the choice
// are not applicable. inbox is "" for what belongs to no inbox.
func Explain(p *Policy, w World, inbox, kind, account string, now time.Time) Vector {
	e := newEvaluator(p, w, inbox, kind, now)
	e.explaining = true
	e.evaluateMessage()
	c := Candidate{Account: account}
	e.evaluateNamed(&c)
	return c.Cells
}

// evaluateMessage evaluates the gates about the message itself, once for all candidates.
func (e *evaluator) evaluateMessage() {
	for g := range e.message {
		e.message[g] = notApplicable
	}
	if e.notice {
		return
	}
	e.message[SwitchPlatform] = e.platformCell()
	e.message[FilterGate] = e.filter
	e.message[SystemHealth] = e.healthCell()
	if e.name != "" {
		e.message[SwitchInbox] = e.inboxSwitchCell()
		e.message[WindowInbox] = e.hoursCell()
		e.message[MaintenanceGate] = e.maintenanceCell()
	}
}

// evaluateNamed evaluates a candidate by its name.
func (e *evaluator) evaluateNamed(c *Candidate) *Agent {
	k := newKnown(e.policy.account(c.Account), e.inbox)
	return e.evaluate(c, e.inbox.Member(c.Account), &k)
}

// evaluate fills every gate of a candidate but the choice, which is not applicable as yet, and returns its facts. No gate is skipped because another stops: the explanation is
// this very pass.
func (e *evaluator) evaluate(c *Candidate, member *Member, k *known) *Agent {
	v := &c.Cells
	*v = e.message
	v[AccountState] = k.stateCell(e.now)
	if e.notice {
		return nil
	}
	facts := e.world.Agent(c.Account)
	parent := receiveCell(k, e.now)
	v[RoleReceive] = parent
	v[PermissionKind] = kindCell(k, parent, e.slot, e.permission, e.now)
	if e.owns {
		v[PermissionReply] = replyCell(k, e.now)
	}
	if e.name != "" {
		v[MembershipInbox] = e.memberCell(c, member)
	}
	v[WindowAgent] = e.windowCell(c, k, member)
	v[SwitchAccount] = e.accountSwitchCell(c, k)
	if e.inbox.Mode != Async {
		v[AccountLogin] = loginCell(&facts.Session)
		v[PresenceGate] = e.presenceCell(c, &facts.Presence)
		v[ConnectionGate] = e.connectionCell(c, &facts.Connection)
		v[ClientVersion] = e.clientCell(c, facts)
		v[ClientNotify] = notifyCell(k, facts)
	}
	if !e.directed {
		v[Capacity] = e.capacityCell(c, k, facts)
		v[ConversationGate] = e.conversationCell(c)
	}
	return facts
}

// healthCell blocks by the first failing part. A part that has no code of its own is one of Bida's workers.
func (e *evaluator) healthCell() Cell {
	failures := e.world.Failures()
	if len(failures) == 0 {
		return passed
	}
	switch failures[0].Component {
	case "store":
		return block(CodeSystemHealthStore)
	case "disk":
		return block(CodeSystemHealthDisk)
	case "clock":
		return block(CodeSystemHealthClock)
	}
	return block(CodeSystemHealthWorker)
}

// hoursCell is gate window.inbox. A conversation that somebody owns is finished after hours.
func (e *evaluator) hoursCell() Cell {
	hours := e.inbox.Hours
	if hours == nil {
		return passed
	}
	seen := e.see(hours)
	switch seen.opening {
	case fullyOpen:
		return passed
	case openUnannounced:
		return passedWith(CodeWindowInboxYearUnannounced)
	case openExtended:
		return passedWith(CodeWindowInboxExtended)
	}
	if e.owner != "" {
		return passedWith(CodeWindowInboxFinishing)
	}
	code := CodeWindowInboxClosed
	switch seen.closing {
	case closedByHoliday:
		code = CodeWindowInboxHoliday
	case closedByMakeUp:
		code = CodeWindowInboxMakeupDay
	case closedByDate:
		code = CodeWindowInboxDateOff
	}
	if next, ok := hours.Next(e.now); ok {
		return wait(code, next)
	}
	return block(code)
}

// memberCell is gate membership.inbox. An owner who is no member any more is stopped too: that is how it loses the conversation. But what names
// its receivers reaches the owner as well as the members.
func (e *evaluator) memberCell(c *Candidate, member *Member) Cell {
	if member == nil && !(e.directed && c.Owner) {
		return block(CodeMembershipInboxNotMember)
	}
	return passed
}

// sessionEndCodes tells the ends of a session apart. A session that ended in a way that is not on record was ended by somebody.
func sessionEndCode(cause string) Code {
	switch cause {
	case SessionEndRevoked:
		return CodeAccountLoginTokenRevoked
	case SessionEndExpired:
		return CodeAccountLoginExpired
	case SessionEndSignOut:
		return CodeAccountLoginSignedOut
	case SessionEndDisabled:
		return CodeAccountLoginAccountClosed
	}
	return CodeAccountLoginEnded
}

func loginCell(s *Session) Cell {
	switch s.State {
	case SessionActive:
		return passed
	case SessionNever:
		return block(CodeAccountLoginNever)
	case SessionEnded:
		return block(sessionEndCode(s.Origin.Cause))
	}
	return unknown(CodeAccountLoginUnknown)
}

// presenceCell is gate presence. For the owner dnd only means "nothing new", and absence waits for its grace: then it is over at once, whatever end
// the absence itself may have, so that the conversation can go to somebody else.
func (e *evaluator) presenceCell(c *Candidate, p *Presence) Cell {
	code := presenceCode(p)
	switch {
	case p.Value == Available:
		return passed
	case code == CodePresenceUnknown:
		return unknown(code)
	case reached(e.now, p.Until):
		return passed
	case c.Owner && p.Value == DoNotDisturb:
		return passedWith(code)
	case !c.Owner:
		return waitOrBlock(code, p.Until)
	case !ahead(e.now, p.GraceUntil):
		return block(code)
	case !p.Until.IsZero() && p.Until.Before(p.GraceUntil):
		return wait(code, p.Until)
	}
	return wait(code, p.GraceUntil)
}

func presenceCode(p *Presence) Code {
	switch p.Value {
	case Away:
		return CodePresenceAway
	case DoNotDisturb:
		return CodePresenceDnd
	case Offline:
		if p.Origin.Cause == "never_set" {
			return CodePresenceNeverSet
		}
		return CodePresenceOffline
	}
	return CodePresenceUnknown
}

// connectionCell is gate connection. For the owner a lost connection, even one of which nothing is known, waits for its grace.
func (e *evaluator) connectionCell(c *Candidate, n *Connection) Cell {
	switch {
	case n.State == ConnectionOpen:
		return passed
	case c.Owner && ahead(e.now, n.GraceUntil):
		return wait(CodeConnectionGrace, n.GraceUntil)
	}
	switch n.State {
	case ConnectionNone:
		return block(connectionEndCode(n.Origin.Cause))
	case ConnectionUnresponsive:
		return block(CodeConnectionUnresponsive)
	case ConnectionStale:
		return block(CodeConnectionStale)
	}
	return unknown(CodeConnectionUnknown)
}

func connectionEndCode(cause string) Code {
	switch cause {
	case "never":
		return CodeConnectionNever
	case "closed_by_client":
		return CodeConnectionClosedByClient
	case "broken":
		return CodeConnectionBroken
	case "closed_by_server":
		return CodeConnectionClosedByServer
	case "stale":
		return CodeConnectionStale
	case "unresponsive":
		return CodeConnectionUnresponsive
	case "lost_with_process":
		return CodeConnectionLostWithProcess
	case "session_ended":
		return CodeConnectionSessionEnded
	}
	return CodeConnectionNone
}

// capacityCell is gate capacity. What the owner holds is counted already.
func (e *evaluator) capacityCell(c *Candidate, k *known, facts *Agent) Cell {
	var code Code
	switch {
	case k.limit > 0 && facts.Share(e.name).Load >= k.limit:
		code = CodeCapacityInboxFull
	case e.inbox.Mode != Async && k.total > 0 && facts.Live >= k.total:
		code = CodeCapacityTotalFull
	default:
		return passed
	}
	if c.Owner {
		return passedWith(CodeCapacityFinishing)
	}
	return block(code)
}

func (e *evaluator) conversationCell(c *Candidate) Cell {
	switch {
	case e.explaining:
		return notApplicable
	case e.owner != "" && !c.Owner:
		return block(e.ownedCode())
	case e.setAside():
		return wait(CodeConversationSnoozed, e.snoozed)
	}
	return passed
}

// ownedCode tells who has the conversation: a colleague or a robot.
func (e *evaluator) ownedCode() Code {
	if e.policy.account(e.owner).Robot {
		return CodeConversationOwnedByBot
	}
	return CodeConversationOwnedByColleague
}

// setAside says whether the conversation waits for a time that somebody set. Its owner, who did, has it all the same.
func (e *evaluator) setAside() bool { return e.owner == "" && ahead(e.now, e.snoozed) }
