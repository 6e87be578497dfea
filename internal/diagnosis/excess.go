package diagnosis

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// A question about excess is the other way round: why does this agent get what it should not? Whether it should is for people to say; what is told is what lets it
// have each cell (the grant that decides, the membership, and for a message how it was given), who made it so and when, where a grant goes beyond the template of
// the role, and the smallest change that ends it, with whom else that changes. An agent may have a message by its entitlement (design §4), whether or not it is at
// work at the moment; so the scope and the verdict are about that, and the check-list says the rest.

// Others are the cells of anybody that a fix changes beside those it is for.
type Others struct {
	Count int `json:"count"`
	// Cells are at most 20 of them.
	Cells []AgentCell `json:"cells"`
}

// AgentCell is a cell of an agent.
type AgentCell struct {
	Agent string `json:"agent"`
	Inbox string `json:"inbox"`
	Kind  string `json:"kind"`
}

var (
	errExcessSupposed = problem.New(problem.Invalid, "diagnosis.excess_what_if", "What an agent gets too much is not asked of settings that are only thought of.",
		"多收诊断不能与模拟同时使用。").On("/excess")
	errExcessAgent = problem.New(problem.Invalid, "diagnosis.no_agent", "Say which agent gets what it should not.", "请指明是哪位客服多收了消息。").On("/agent")
)

// aboutExcess reports on what an agent can, or did, receive.
func (r *run) aboutExcess(view *ledger.View) (*Report, error) {
	switch {
	case r.q.supposes():
		return nil, errExcessSupposed
	case r.q.Agent == "":
		return nil, errExcessAgent
	case r.q.Message != "":
		return r.excessMessage(view)
	}
	if err := r.resolve(view); err != nil {
		return nil, err
	}
	if err := r.subject(); err != nil {
		return nil, err
	}
	if err := r.scope(); err != nil {
		return nil, err
	}
	r.report = newReport()
	r.explain()
	open := r.entitled()
	switch {
	case len(open) == 0:
		r.report.Verdict = Blocked
		if err := r.find(); err != nil {
			return nil, err
		}
		r.link()
		for _, f := range r.findings {
			if err := r.prove(f); err != nil {
				return nil, err
			}
		}
		r.rank()
		return r.concludeExcess()
	case len(open) == len(r.cells):
		r.report.Verdict = Receiving
	default:
		r.report.Verdict = Partial
	}
	if err := r.findGrants(open); err != nil {
		return nil, err
	}
	if err := r.readDay(); err != nil {
		return nil, err
	}
	return r.concludeExcess()
}

// entitled lists the cells that the agent may have.
func (r *run) entitled() []int {
	var list []int
	for i := range r.cells {
		if c := &r.cells[i]; !r.nowhere && reception.Entitled(r.m.policy, r.q.Agent, c.inbox, c.kind, false, r.m.now).Outcome == reception.Pass {
			list = append(list, i)
		}
	}
	return list
}

// findGrants makes a finding of every right and every membership that lets the agent have some cells.
func (r *run) findGrants(open []int) error {
	for _, by := range []struct {
		gate reception.Gate
		name func(c *cell) string
		code func(c *cell) reception.Code
		part func(c *cell) part
	}{
		{reception.PermissionKind, func(c *cell) string { return c.kind }, r.grantCode, func(c *cell) part { return part{throughRight, policy.Receive + "." + c.kind} }},
		{reception.MembershipInbox, func(c *cell) string { return c.inbox }, r.memberCode, func(*cell) part { return part{} }},
	} {
		found := map[string]*finding{}
		for _, i := range open {
			c := &r.cells[i]
			f := found[by.name(c)]
			if f == nil {
				f = r.stageFinding(by.gate.String(), by.code(c), reception.Pass)
				f.gate = by.gate
				if err := r.madeSo(f, c, by.part(c)); err != nil {
					return err
				}
				found[by.name(c)] = f
				r.findings = append(r.findings, f)
			}
			f.cells = append(f.cells, i)
		}
	}
	for _, f := range r.findings {
		r.proveGrant(f)
		if err := r.endGrant(f); err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.findings, func(a, b *finding) int {
		return cmp.Or(compareBool(a.expected, b.expected), cmp.Compare(a.others(), b.others()), cmp.Compare(a.gate, b.gate))
	})
	return nil
}

// others is how much else the finding's fix changes; much where there is none.
func (f *finding) others() int {
	if f.fix == nil || f.fix.Others == nil {
		return 1 << 30
	}
	return f.fix.Others.Count
}

// madeSo finds the change without which the gate would not pass as it does.
func (r *run) madeSo(f *finding, c *cell, x part) error {
	family, err := r.history.family(c.inbox)
	if err != nil {
		return err
	}
	w := walk{h: r.history, f: family, gate: f.gate, cell: c, part: x}
	w.now = w.readFrom(r.m.policy, r.m.now)
	revision, err := w.cause()
	if err != nil || revision == 0 {
		return err
	}
	row, err := r.history.revision(revision)
	f.cause.row, f.cause.since = row, row.At
	return err
}

// grantCode says what grants the right to receive a kind, and whether that is as the template of the role has it.
func (r *run) grantCode(c *cell) reception.Code {
	permission := policy.Receive + "." + c.kind
	right := r.m.policy.Accounts[r.q.Agent].Rights[permission]
	if grant, _ := right.Decides(r.m.now); grant == reception.AllowedByAccount {
		return reception.CodePermissionKindAccountAllowed
	}
	beyond := func(role string) bool {
		_, extra := policy.RoleTemplateDifference(r.m.set, role)
		return slices.Contains(extra, permission)
	}
	if len(right.Roles) > 0 && !slices.ContainsFunc(right.Roles, func(role string) bool { return !beyond(role) }) {
		return reception.CodePermissionKindBeyondTemplate
	}
	return reception.CodePermissionKindGrantedByRole
}

func (r *run) memberCode(c *cell) reception.Code {
	if r.m.policy.Inboxes[c.inbox].Member(r.q.Agent).Direct {
		return reception.CodeMembershipInboxDirect
	}
	return reception.CodeMembershipInboxByTeam
}

// proveGrant shows where the grant or the membership stands.
func (r *run) proveGrant(f *finding) {
	if f.gate == reception.PermissionKind {
		for _, kind := range r.kindsAbout(f) {
			r.proveRight(f, policy.Receive+"."+kind)
		}
		r.proveRight(f, policy.Receive)
		for _, role := range r.m.policy.Accounts[r.q.Agent].Roles {
			if _, extra := policy.RoleTemplateDifference(r.m.set, role); f.code == reception.CodePermissionKindBeyondTemplate && slices.Contains(extra, policy.Receive+"."+r.kindsAbout(f)[0]) {
				spec, _ := r.m.set.Role(role)
				f.add(r.fromDocument(policy.KindRole, role, "/spec/permissions", "has "+policy.Receive+"."+r.kindsAbout(f)[0]+", which its template "+spec.Template+" has not"))
			}
		}
	} else {
		r.proveMember(f)
	}
	r.proveChange(f)
}

func (r *run) proveMember(f *finding) {
	agent := r.q.Agent
	for _, inbox := range r.inboxesAbout(f) {
		spec, _ := r.m.set.Inbox(inbox)
		if i := slices.Index(spec.Members.Accounts, agent); i >= 0 {
			f.add(r.fromDocument(policy.KindInbox, inbox, "/spec/members/accounts/"+strconv.Itoa(i), agent))
		}
		for i, name := range spec.Members.Teams {
			team, _ := r.m.set.Team(name)
			if j := slices.Index(team.Members, agent); j >= 0 {
				f.add(r.fromDocument(policy.KindInbox, inbox, "/spec/members/teams/"+strconv.Itoa(i), name))
				f.add(r.fromDocument(policy.KindTeam, name, "/spec/members/"+strconv.Itoa(j), agent))
			}
		}
	}
}

// endGrant finds the smallest change after which the agent may have none of the finding's cells, and says what else it changes.
func (r *run) endGrant(f *finding) error {
	family, err := r.history.family(r.inboxesAbout(f)...)
	if err != nil {
		return err
	}
	base, err := r.history.small(family, r.m.revision)
	if err != nil {
		base = r.m.set // one that cannot be made small is tried whole
	}
	var best [][]step
	pool := r.ending(f)
	for size := 1; size <= min(maxCombined, len(pool)) && len(best) == 0; size++ {
		policy.Choices(len(pool), size, func(chosen []int) {
			steps := make([]step, size)
			for i, k := range chosen {
				steps[i] = pool[k]
			}
			if p := tried(base, steps); p != nil && r.ends(f, p) {
				best = append(best, steps)
			}
		})
	}
	for _, steps := range best {
		p, changes := r.applied(steps)
		if p == nil || !r.ends(f, p) {
			continue
		}
		others := r.othersChanged(f, p, steps)
		if f.fix != nil && f.fix.Others.Count <= others.Count {
			continue
		}
		f.steps = steps
		f.fix = &Fix{By: reception.Lookup(f.code).By, Edits: []Edit{}, Actions: []Action{}, Verified: true, Others: others}
		for _, c := range changes {
			f.fix.Edits = append(f.fix.Edits, Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields})
		}
	}
	return nil
}

// tried carries steps out on a set; nil where one of them changes nothing, or the set refuses them.
func tried(base *policy.Set, steps []step) *reception.Policy {
	d := newDrafts(base)
	for _, s := range steps {
		if !s.apply(d) {
			return nil
		}
	}
	after, _, err := base.Apply(base.Revision()+1, d.edits())
	if err != nil {
		return nil
	}
	return after.Compile()
}

// ends says whether the agent may have none of the finding's cells by a policy.
func (r *run) ends(f *finding, p *reception.Policy) bool {
	return !slices.ContainsFunc(f.cells, func(i int) bool {
		return reception.Entitled(p, r.q.Agent, r.cells[i].inbox, r.cells[i].kind, false, r.m.now).Outcome == reception.Pass
	})
}

// othersChanged lists what else a policy gives to anybody, or takes.
func (r *run) othersChanged(f *finding, q *reception.Policy, steps []step) *Others {
	p, others := r.m.policy, &Others{Cells: []AgentCell{}}
	for _, inbox := range sortedInboxes(q) {
		for _, account := range r.touched(p, q, inbox, steps) {
			for _, kind := range q.Inboxes[inbox].Kinds {
				if i := r.cellOf(inbox, kind); account == r.q.Agent && i >= 0 && slices.Contains(f.cells, i) {
					continue
				}
				before, after := reception.Entitled(p, account, inbox, kind, false, r.m.now), reception.Entitled(q, account, inbox, kind, false, r.m.now)
				if before.Outcome.Stops() == after.Outcome.Stops() {
					continue
				}
				if others.Count++; others.Count <= maxListed {
					others.Cells = append(others.Cells, AgentCell{account, inbox, kind})
				}
			}
		}
	}
	return others
}

func sortedInboxes(p *reception.Policy) []string {
	var list []string
	for name := range p.Inboxes {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// ending lists the steps that may end what a finding says.
func (r *run) ending(f *finding) []step {
	if f.gate == reception.MembershipInbox {
		return r.leavingSteps(f)
	}
	var list []step
	for _, kind := range r.kindsAbout(f) {
		list = append(list, r.withdrawingSteps(policy.Receive+"."+kind)...)
	}
	return list
}

// withdrawingSteps take a permission away: the account's own allowance, a role that grants it, the permission from the role or its template, or by a denial.
func (r *run) withdrawingSteps(permission string) []step {
	own := docKey{policy.KindAccount, r.q.Agent}
	is := func(g policy.Grant) bool { return g.Permission == permission }
	list := []step{
		{key: own, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			was := len(a.Allow)
			a.Allow = slices.DeleteFunc(slices.Clone(a.Allow), is)
			return len(a.Allow) != was
		})},
		{key: own, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			a.Deny = append(slices.DeleteFunc(slices.Clone(a.Deny), is), policy.Grant{Permission: permission})
			return true
		})},
	}
	for _, role := range r.m.policy.Accounts[r.q.Agent].Rights[permission].Roles {
		list = append(list, step{key: own, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			was := len(a.Roles)
			a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(name string) bool { return name == role })
			return len(a.Roles) != was
		})})
		k := docKey{policy.KindRole, role}
		if _, builtin := policy.Builtin(policy.KindRole, role); builtin {
			continue
		}
		list = append(list, step{key: k, apply: func(d *drafts) bool {
			s := d.role(role)
			if s == nil || !slices.Contains(s.Permissions, permission) {
				return false
			}
			s.Permissions = slices.DeleteFunc(slices.Clone(s.Permissions), func(p string) bool { return p == permission })
			return true
		}})
	}
	return list
}

// leavingSteps end a membership: the agent leaves the inbox or a team, or the team leaves the inbox.
func (r *run) leavingSteps(f *finding) []step {
	agent := r.q.Agent
	without := func(list []string, name string) ([]string, bool) {
		left := slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == name })
		return left, len(left) != len(list)
	}
	var list []step
	for _, inbox := range r.inboxesAbout(f) {
		list = append(list, step{key: docKey{policy.KindInbox, inbox}, apply: func(d *drafts) (changed bool) {
			s := d.inbox(inbox)
			if s != nil {
				s.Members.Accounts, changed = without(s.Members.Accounts, agent)
			}
			return changed
		}})
		for _, team := range r.m.policy.Inboxes[inbox].Member(agent).Teams {
			list = append(list, step{key: docKey{policy.KindTeam, team.Name}, apply: func(d *drafts) (changed bool) {
				s := d.team(team.Name)
				if s != nil {
					s.Members, changed = without(s.Members, agent)
				}
				return changed
			}}, step{key: docKey{policy.KindInbox, inbox}, apply: func(d *drafts) (changed bool) {
				s := d.inbox(inbox)
				if s != nil {
					s.Members.Teams, changed = without(s.Members.Teams, team.Name)
				}
				return changed
			}})
		}
	}
	return list
}

// excessMessage says why the agent was given a message: how it came to have it, and what let it.
func (r *run) excessMessage(view *ledger.View) (*Report, error) {
	r.report = newReport()
	if report, done, err := r.excessNote(view); done || err != nil {
		return report, err
	}
	f, err := r.readFate()
	if err != nil {
		return nil, err
	}
	last := f.last()
	if last == nil {
		r.report = nil
		return r.aboutMessage(view) // it never had it: why not is the answer
	}
	if err := r.subject(); err != nil {
		return nil, err
	}
	r.cells = []cell{{inbox: f.row.Inbox, kind: f.row.Kind}}
	given := f.givenBy(last)
	position, revision, now := f.decision.Position, f.decision.Revision, f.decision.At
	if given != nil && given.FromPosition > position {
		position, now = given.FromPosition, given.FromAt
		if revision, err = r.s.Policies.RevisionAt(r.ctx, position); err != nil {
			return nil, err
		}
	}
	if err := r.momentOf(view, position, revision, now, f.row.Inbox, f.decision.Chosen...); err != nil {
		return nil, err
	}
	r.explain()
	if open := r.entitled(); len(open) > 0 {
		if err := r.findGrants(open); err != nil {
			return nil, err
		}
	}
	how := r.stageFinding(stageRouting, f.howGiven(last), reception.Pass)
	how.cells, how.cause.since = []int{0}, last.At
	r.proveGiven(how, f, last, given)
	at := slices.IndexFunc(r.findings, func(x *finding) bool { return x.expected })
	if at < 0 {
		at = len(r.findings)
	}
	r.findings = slices.Insert(r.findings, at, how)
	r.report.Verdict = Receiving
	if last.State == ledger.Withdrawn {
		r.report.Verdict = Blocked // it had it, and has it no more
	}
	r.entries = []entry{{DeliveryRow: *last}}
	r.day.offered, r.day.pushed, r.day.whole = 1, 1, true
	if !last.ReceivedAt.IsZero() {
		r.day.received = 1
	}
	return r.concludeExcess()
}

// givenBy is the assignment in which the agent was given the message; nil for an offer.
func (f *fate) givenBy(last *ledger.DeliveryRow) *ledger.AssignmentRow {
	for i := range f.owners {
		if a := &f.owners[i]; a.Account == last.Account && (a.ToPosition == 0 || a.ToPosition >= last.Position) {
			return a
		}
	}
	return nil
}

// proveGiven shows by whom, or by which comparison, the agent came to have the message.
func (r *run) proveGiven(how *finding, f *fate, last *ledger.DeliveryRow, given *ledger.AssignmentRow) {
	if given != nil {
		how.cause.origin = &reception.Origin{Position: given.FromPosition, At: given.FromAt, By: given.FromBy, Source: "assignment", Cause: given.FromCode}
		how.add(Evidence{
			Fact: "conversation/" + conversation.ID(given.Conversation) + "/owner", Value: given.FromCode, Source: fmt.Sprintf("position %d, {who}", given.FromPosition),
			At: r.instant(given.FromAt), who: given.FromBy,
		})
	}
	how.add(r.fromDelivery(last)...)
	if in := r.m.policy.Inboxes[f.row.Inbox]; in != nil && (how.code == reception.CodeRoutingChosenLeastLoaded || how.code == reception.CodeRoutingChosenRoundRobin) {
		how.add(Evidence{Fact: "strategy", Value: in.Strategy.String(), Source: fmt.Sprintf("position %d", f.decision.Position), At: r.instant(f.decision.At)})
		how.add(Evidence{Fact: "score/own", Value: r.score(in, r.q.Agent), Source: fmt.Sprintf("position %d", f.decision.Position), At: r.instant(f.decision.At)})
	}
	for i, d := range f.decisions {
		if i == maxListed {
			break
		}
		how.add(Evidence{
			Fact: fmt.Sprintf("decision/%d", d.Position), Value: d.Verdict + ": " + d.Code, Source: fmt.Sprintf("journal, revision %d, because of %s", d.Revision, d.Cause), At: r.instant(d.At),
		})
	}
}

// excessNote says why the agent was given a note or a notice: such a message names whom it is for. done is false for a customer's message.
func (r *run) excessNote(view *ledger.View) (report *Report, done bool, err error) {
	position, ok := conversation.ParseID('m', r.q.Message)
	if !ok {
		return nil, true, errMessage
	}
	row, err := r.s.Messages.Message(r.ctx, position)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, true, errMessage
	case err != nil:
		return nil, true, err
	case row.Direction != ledger.Note:
		return nil, false, nil
	}
	deliveries, err := r.s.Messages.DeliveriesOf(r.ctx, position)
	if err != nil {
		return nil, true, err
	}
	i := slices.IndexFunc(deliveries, func(d ledger.DeliveryRow) bool { return d.Account == r.q.Agent })
	if i < 0 {
		return nil, true, errReply
	}
	if err := r.resolve(view); err != nil {
		return nil, true, err
	}
	if err := r.subject(); err != nil {
		return nil, true, err
	}
	r.cells = []cell{{inbox: row.Inbox, kind: row.Kind}}
	r.explain()
	how := r.stageFinding(stageRouting, reception.CodeRoutingChosenDirected, reception.Pass)
	how.cells, how.cause.since = []int{0}, deliveries[i].At
	how.cause.origin = &reception.Origin{Position: row.Position, At: row.At, By: row.Author, Source: "note"}
	var data ledger.NoteData
	why := "not recorded here"
	if len(row.Data) > 0 && json.Unmarshal(row.Data, &data) == nil {
		if why = "it has the conversation"; slices.Contains(data.Mentions, r.q.Agent) {
			why = "mentioned by {who}"
		}
	}
	how.add(Evidence{Fact: "note/" + r.q.Message, Value: why, Source: fmt.Sprintf("position %d, {who}", row.Position), At: r.instant(row.At), who: row.Author})
	how.add(r.fromDelivery(&deliveries[i])...)
	r.findings, r.report.Verdict = []*finding{how}, Receiving
	report, err = r.concludeExcess()
	return report, true, err
}

// concludeExcess puts the report together.
func (r *run) concludeExcess() (*Report, error) {
	for i, f := range r.findings {
		f.primary = i == 0
	}
	out := r.report
	out.Subject = Subject{Agent: r.q.Agent, Title: r.title(r.q.Agent), Inbox: r.q.Inbox, Kind: r.q.Kind, Message: r.q.Message, Excess: true}
	out.At, out.Position, out.Revision = *r.instant(r.m.at), r.m.position, r.m.revision
	out.Checks, out.Traffic, out.DeadRules = r.checks(), r.counts(), r.deadGrants()
	out.Findings = []Finding{}
	for _, f := range r.findings {
		out.Findings = append(out.Findings, r.finish(f))
	}
	out.Headline = r.excessHeadline()
	out.Titles = map[string]string{}
	for i := range r.cells {
		titleInbox(out.Titles, r.m.set, r.cells[i].inbox)
	}
	r.redact(out)
	return out, nil
}

// excessHeadline answers why.
func (r *run) excessHeadline() Text {
	who := cmp.Or(r.title(r.q.Agent), r.q.Agent)
	if len(r.findings) == 0 || r.report.Verdict == Blocked && r.q.Message == "" {
		text := Text{who + "不能接收" + r.asked().ZH, who + " may not receive " + r.asked().EN}
		if len(r.findings) > 0 {
			why := r.clause(r.findings[0])
			return Text{text.ZH + "：" + why.ZH + "。", text.EN + ": " + why.EN + "."}
		}
		return Text{text.ZH + "。", text.EN + "."}
	}
	f := r.findings[0]
	why := r.withAuthor(f)
	if r.q.Message != "" {
		return Text{
			ZH: "消息 " + r.q.Message + " 分给了" + who + "：" + why.ZH + "。", EN: "Message " + r.q.Message + " was given to " + who + ": " + why.EN + ".",
		}
	}
	what := r.what(f.cells)
	return Text{ZH: who + "能收到" + what.ZH + "：" + why.ZH + "。", EN: who + " gets " + what.EN + ": " + why.EN + "."}
}

// withAuthor says a finding with who made it so, and when.
func (r *run) withAuthor(f *finding) Text {
	reason := reception.Lookup(f.code)
	text := Text{reason.Title.ZH, lowerFirst(reason.Title.EN)}
	by, at := f.cause.row.By, f.cause.row.At
	if o := f.cause.origin; o != nil {
		by, at = o.By, o.At
	}
	if by == "" || at.Equal(time.Time{}) {
		return text
	}
	name := r.name(by)
	return Text{text.ZH + "（" + name.ZH + "，" + r.clockZH(at) + "）", text.EN + " (" + name.EN + ", " + r.clockEN(at) + ")"}
}
