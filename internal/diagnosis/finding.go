package diagnosis

import (
	"cmp"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// finding is a Finding in the making.
type finding struct {
	gate     reception.Gate // GateCount for one that comes from delivery records or traffic
	stage    string         // the gate's or stage's name
	outcome  reception.Outcome
	code     reception.Code
	until    time.Time
	expected bool
	because  Text
	cells    []int // indexes into run.cells
	cause    cause
	root     *finding // nil for a root
	primary  bool
	evidence []Evidence
	fix      *Fix
	// messages are the ids this is about, for what comes from delivery records.
	messages []string
	listed   int
	// follows is the code of the finding this follows from, where a record says so.
	follows reception.Code
	// masked says that the gate shows something else in front of it; part is what it is about then.
	masked bool
	part   part
	// filter is the message that a filter rule kept back (held) or refused.
	filter *intercepted
	held   bool
	// steps and patch are what the fix does.
	steps []step
	patch patch
}

// decides says whether the finding stops cells: whether it is one of a gate, or of a kind that its inbox does not produce any more. The others are about
// what became of messages.
func (f *finding) decides() bool {
	return f.outcome.Stops() && (f.gate != reception.GateCount || f.stage == stageIntake)
}

// explain fills the outcome of every gate of every cell.
func (r *run) explain() {
	for i := range r.cells {
		c := &r.cells[i]
		c.vector = reception.Explain(r.m.policy, r.m.world, c.inbox, c.kind, r.q.Agent, r.m.now)
		if r.nowhere {
			c.vector[reception.MembershipInbox] = reception.Cell{Outcome: reception.Block, Code: reception.CodeMembershipInboxNotMember}
		}
	}
}

// find makes one finding of every gate, code and cause that stops a cell.
func (r *run) find() error {
	type key struct {
		gate    reception.Gate
		outcome reception.Outcome
		code    reception.Code
		cause   int64
	}
	causes := map[string]*cause{}
	found := map[key]*finding{}
	for g := range reception.GateCount {
		for i := range r.cells {
			c := &r.cells[i]
			at := c.vector[g]
			if !c.vector.Stopped(g) {
				continue
			}
			by := causes[causeKey(g, c)+" "+at.Code.String()]
			if by == nil {
				var err error
				if by, err = r.causeOf(g, c); err != nil {
					return err
				}
				causes[causeKey(g, c)+" "+at.Code.String()] = by
			}
			k := key{g, at.Outcome, at.Code, by.key()}
			f := found[k]
			if f == nil {
				f = r.newFinding(g, at, by)
				found[k] = f
				r.findings = append(r.findings, f)
			}
			f.cells = append(f.cells, i)
		}
	}
	return nil
}

func (r *run) newFinding(g reception.Gate, at reception.Cell, by *cause) *finding {
	reason := reception.Lookup(at.Code)
	f := &finding{
		gate: g, stage: g.String(), outcome: at.Outcome, code: at.Code, cause: *by,
		expected: r.expected(g, at),
	}
	if at.Until != 0 {
		f.until = time.UnixMicro(at.Until).UTC()
	}
	if f.expected {
		f.because = Text{reason.Because.ZH, reason.Because.EN}
	}
	return f
}

// expected says whether an outcome is as intended. A kind that is off with its parent is as expected as that is.
func (r *run) expected(g reception.Gate, at reception.Cell) bool {
	return Expected(r.m.policy, r.m.world, r.q.Agent, g, at, r.m.now)
}

// Expected is the engine's answer; a kind that is off with its parent is as expected as the parent is at that instant.
func Expected(p *reception.Policy, w reception.World, agent string, g reception.Gate, at reception.Cell, now time.Time) bool {
	if at.Code == reception.CodePermissionKindParentOff {
		a := p.Accounts[agent]
		if a == nil || !a.Agent {
			return false
		}
		grant, _ := a.Rights[policy.Receive].Decides(now)
		return grant == reception.NeverGranted
	}
	return reception.Expected(p, w, agent, g, at)
}

// link says which findings follow from others.
func (r *run) link() {
	for _, f := range r.findings {
		f.root = r.parent(f)
	}
	for _, f := range r.findings { // a consequence of a consequence follows from the root
		for f.root != nil && f.root.root != nil {
			f.root = f.root.root
		}
	}
}

// stopping finds a finding of a gate that stops a cell of f.
func (r *run) stopping(g reception.Gate, f *finding) *finding {
	for _, o := range r.findings {
		if o != f && o.gate == g && o.outcome.Stops() && meet(o.cells, f.cells) {
			return o
		}
	}
	return nil
}

func meet(a, b []int) bool {
	return slices.ContainsFunc(a, func(i int) bool { return slices.Contains(b, i) })
}

// parent finds what a finding follows from, nil if it stands for itself.
func (r *run) parent(f *finding) *finding {
	state := r.stopping(reception.AccountState, f)
	login := r.stopping(reception.AccountLogin, f)
	if state != nil && r.followsState(state, f) {
		return state
	}
	switch f.gate {
	case reception.PermissionKind:
		if f.code == reception.CodePermissionKindParentOff {
			return r.stopping(reception.RoleReceive, f)
		}
		return r.lostWith(f)
	case reception.PermissionReply:
		return r.lostWith(f)
	case reception.ConnectionGate:
		if login != nil && r.followsLogin(f) {
			return login
		}
	case reception.PresenceGate:
		if login != nil && (f.code == reception.CodePresenceNeverSet && login.code == reception.CodeAccountLoginNever || sessionCause(f.cause.origin)) {
			return login
		}
	case reception.GateCount:
		return r.parentOfStage(f)
	}
	return nil
}

// lostWith finds a right that the same change took away with the one in question, where no role grants either any more: then a role was taken away, or is made from
// something else, and giving that back gives both. Rights that were denied, or taken out of a role's own list, are causes each for itself.
func (r *run) lostWith(f *finding) *finding {
	notGranted := []reception.Code{reception.CodeRoleReceiveNotGranted, reception.CodePermissionKindNotGranted, reception.CodePermissionReplyNotGranted}
	if f.cause.row.Revision == 0 || !slices.Contains(notGranted, f.code) {
		return nil
	}
	for _, o := range r.findings {
		if o.gate < f.gate && o.cause.row.Revision == f.cause.row.Revision && slices.Contains(notGranted, o.code) && o.outcome.Stops() && meet(o.cells, f.cells) {
			return o
		}
	}
	return nil
}

// parentOfStage finds what a finding from delivery records follows from.
func (r *run) parentOfStage(f *finding) *finding {
	switch {
	case f.follows != 0:
		for _, o := range r.findings {
			if o != f && o.code == f.follows {
				return o
			}
		}
	case f.stage == stagePush && (f.code == reception.CodePushUnacknowledged || f.code == reception.CodePushNoConnection):
		return r.stopping(reception.ConnectionGate, f)
	case f.stage == stageQueue: // nobody can receive, this agent as little as others, and for these reasons
		var found *finding
		for _, o := range r.findings {
			if o != f && o.gate != reception.GateCount && o.outcome.Stops() && (found == nil || found.expected && !o.expected) {
				found = o
			}
		}
		return found
	}
	return nil
}

// followsState says whether a finding follows from an account that is not active: an account that does not exist has no rights, and one that may not
// sign in has no session. A session that ended before, ended for a reason of its own.
func (r *run) followsState(state, f *finding) bool {
	switch f.gate {
	case reception.AccountLogin:
		ended := r.m.world.Agent(r.q.Agent).Session.Origin.At
		return f.code == reception.CodeAccountLoginAccountClosed || f.code == reception.CodeAccountLoginNever ||
			state.code == reception.CodeAccountStateMissing || !state.cause.since.IsZero() && !ended.Before(state.cause.since)
	case reception.RoleReceive, reception.PermissionKind, reception.PermissionReply, reception.MembershipInbox:
		return state.code == reception.CodeAccountStateMissing
	}
	return false
}

// followsLogin says whether a connection is missing because the account is not signed in: not if it was lost before the session was.
func (r *run) followsLogin(f *finding) bool {
	switch f.code {
	case reception.CodeConnectionSessionEnded, reception.CodeConnectionNever, reception.CodeConnectionNone:
		return true
	}
	facts := r.m.world.Agent(r.q.Agent)
	return facts.Connection.Origin.Position >= facts.Session.Origin.Position
}

// sessionCause says whether a presence was set because a session ended.
func sessionCause(o *reception.Origin) bool {
	if o == nil {
		return false
	}
	switch o.Cause {
	case "session_ended", reception.SessionEndRevoked, reception.SessionEndExpired, reception.SessionEndSignOut, reception.SessionEndDisabled:
		return true
	}
	return false
}

// rank orders the findings: the primary one first, then the roots, unexpected ones before expected ones and those that stop more cells before others,
// then the consequences.
func (r *run) rank() {
	slices.SortStableFunc(r.findings, func(a, b *finding) int {
		return cmp.Or(
			compareBool(a.root != nil, b.root != nil),
			compareBool(!a.outcome.Stops(), !b.outcome.Stops()),
			compareBool(!a.decides(), !b.decides()),
			compareBool(a.gate.Advises(), b.gate.Advises()),                               // whether something is noticed comes after whether it arrives
			compareBool(a.outcome.Stops() && a.expected, b.outcome.Stops() && b.expected), // what stops nothing stays in its order
			cmp.Compare(len(b.cells), len(a.cells)),
			cmp.Compare(a.gate, b.gate),
			compareBool(a.outcome == reception.Unknown, b.outcome == reception.Unknown),
		)
	})
	for i, f := range r.findings {
		f.primary = i == 0
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// finish turns a finding into what is shown.
func (r *run) finish(f *finding) Finding {
	reason := reception.Lookup(f.code)
	out := Finding{
		Code: f.code.String(), Gate: f.stage, Outcome: f.outcome.String(), Primary: f.primary, Expected: f.expected,
		Scope: r.refs(f.cells), Since: r.instant(f.cause.since), ChangedBy: r.changedBy(f), Evidence: f.evidence, Fix: f.fix, Playbook: reason.Playbook,
	}
	if out.Evidence == nil {
		out.Evidence = []Evidence{}
	}
	if f.expected && !f.because.empty() {
		because := f.because
		out.Because = &because
	}
	if f.root != nil {
		code := f.root.code.String()
		out.ConsequenceOf = &code
	}
	return out
}

// refs are cells as a report names them; none for an agent that belongs to no inbox.
func (r *run) refs(cells []int) []CellRef {
	refs := make([]CellRef, 0, len(cells))
	for _, i := range cells {
		if !r.nowhere {
			refs = append(refs, r.cells[i].ref())
		}
	}
	return refs
}

func (r *run) changedBy(f *finding) *ChangedBy {
	if row := f.cause.row; row.Source == whatIf {
		return &ChangedBy{At: r.instant(row.At), Source: whatIf}
	} else if row.Revision != 0 {
		return &ChangedBy{Account: row.By, Title: r.title(row.By), Revision: row.Revision, At: r.instant(row.At), Source: row.Source, Reason: row.Reason}
	}
	// Of what is not known nobody is the author: the origin is that of the last thing that was known.
	if o := f.cause.origin; o != nil && o.By != "" && f.outcome != reception.Unknown && !(o.By == r.q.Agent && accident(f.gate, o)) {
		return &ChangedBy{Account: o.By, Title: r.title(o.By), At: r.instant(o.At), Source: o.Source, Cause: o.Cause}
	}
	return nil
}

// accident says whether a fact is nobody's doing, whoever it is about: a connection that broke, fell silent or answers nothing.
func accident(g reception.Gate, o *reception.Origin) bool {
	switch o.Cause {
	case "broken", "stale", "unresponsive", "unacknowledged", "lost_with_process":
		return g == reception.ConnectionGate
	}
	return false
}

// title is what people call an account; "" if it has no title. Somebody whose account is gone is looked up in the present policy, too.
func (r *run) title(account string) string {
	if spec, ok := r.m.set.Account(account); ok {
		return spec.Title
	}
	if spec, ok := r.present.Account(account); ok {
		return spec.Title
	}
	if account == r.q.Agent && r.history != nil {
		if versions := r.history.docs[docKey{policy.KindAccount, account}]; len(versions) > 0 {
			return text(versions[len(versions)-1].spec["title"])
		}
	}
	return ""
}
