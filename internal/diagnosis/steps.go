package diagnosis

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// step is one smallest change of settings that may help: one entry of a list, one field, one document brought back.
type step struct {
	key docKey
	// undo says that it takes back what the revision that caused the finding did.
	undo bool
	// whole says that it needs the whole policy: what it brings back refers to more than the agent.
	whole bool
	// apply makes the change; it returns false where there is nothing to change.
	apply func(d *drafts) bool
}

// drafts are documents being changed.
type drafts struct {
	set   *policy.Set
	specs map[docKey]any // *policy.AccountSpec … or json.RawMessage
}

func newDrafts(set *policy.Set) *drafts { return &drafts{set: set, specs: map[docKey]any{}} }

// draft returns a document that may be changed; nil if it does not exist.
func draft[S any](d *drafts, k docKey, get func(name string) (S, bool)) *S {
	if s, ok := d.specs[k]; ok {
		typed, _ := s.(*S)
		return typed
	}
	s, ok := get(k.name)
	if !ok {
		return nil
	}
	d.specs[k] = &s
	return &s
}

func (d *drafts) account(name string) *policy.AccountSpec {
	return draft(d, docKey{policy.KindAccount, name}, d.set.Account)
}

func (d *drafts) role(name string) *policy.RoleSpec {
	return draft(d, docKey{policy.KindRole, name}, d.set.Role)
}

func (d *drafts) template(name string) *policy.TemplateSpec {
	return draft(d, docKey{policy.KindTemplate, name}, d.set.Template)
}

func (d *drafts) team(name string) *policy.TeamSpec {
	return draft(d, docKey{policy.KindTeam, name}, d.set.Team)
}

func (d *drafts) inbox(name string) *policy.InboxSpec {
	return draft(d, docKey{policy.KindInbox, name}, d.set.Inbox)
}

func (d *drafts) pushSwitch(name string) *policy.SwitchSpec {
	return draft(d, docKey{policy.KindSwitch, name}, d.set.Switch)
}

// edits are the drafts as the policy takes them.
func (d *drafts) edits() []policy.Edit {
	var list []policy.Edit
	for _, k := range slices.SortedFunc(maps.Keys(d.specs), compareKeys) {
		raw, ok := d.specs[k].(json.RawMessage)
		if !ok {
			raw = marshal(d.specs[k])
		}
		list = append(list, policy.Edit{Kind: k.kind, Name: k.name, Spec: raw})
	}
	return list
}

// pool lists the steps that may help a finding.
func (r *run) pool(f *finding) []step {
	switch f.gate {
	case reception.AccountState:
		return r.stateSteps(f)
	case reception.RoleReceive:
		return append(r.rightSteps(f, policy.Receive), step{
			key: docKey{policy.KindAccount, r.q.Agent}, undo: f.code == reception.CodeRoleReceiveNotAgent,
			apply: r.onAccount(func(a *policy.AccountSpec) bool { was := a.Agent; a.Agent = true; return !was }),
		})
	case reception.PermissionKind:
		var list []step
		for _, kind := range r.kindsAbout(f) {
			list = append(list, r.rightSteps(f, policy.Receive+"."+kind)...)
		}
		return list
	case reception.PermissionReply:
		return r.rightSteps(f, policy.MessageReply)
	case reception.MembershipInbox:
		return r.memberSteps(f)
	case reception.WindowAgent:
		return r.windowSteps(f)
	case reception.WindowInbox:
		return r.hoursSteps(f)
	case reception.SwitchPlatform:
		return []step{switchOn("platform")}
	case reception.SwitchAccount:
		return []step{switchOn(policy.KindAccount + "." + r.q.Agent)}
	case reception.SwitchInbox:
		var list []step
		for _, inbox := range r.inboxesAbout(f) {
			list = append(list, switchOn(policy.KindInbox+"."+inbox))
		}
		return list
	case reception.Capacity:
		return r.limitSteps(f)
	}
	if f.stage == stageIntake {
		return r.kindSteps(f)
	}
	return nil
}

// kindSteps let inboxes produce a kind again.
func (r *run) kindSteps(f *finding) []step {
	var list []step
	for _, inbox := range r.inboxesAbout(f) {
		list = append(list, step{key: docKey{policy.KindInbox, inbox}, undo: true, apply: func(d *drafts) bool {
			s := d.inbox(inbox)
			if s == nil || slices.Contains(s.Kinds, f.part.name) {
				return false
			}
			s.Kinds = append(slices.Clone(s.Kinds), f.part.name)
			return true
		}})
	}
	return list
}

func (r *run) onAccount(change func(*policy.AccountSpec) bool) func(*drafts) bool {
	return func(d *drafts) bool {
		a := d.account(r.q.Agent)
		return a != nil && change(a)
	}
}

func (r *run) stateSteps(f *finding) []step {
	own := docKey{policy.KindAccount, r.q.Agent}
	if f.code == reception.CodeAccountStateMissing {
		before := r.history.at(own, f.cause.row.Revision-1)
		if before == nil {
			return nil
		}
		// With the account its places in teams and inboxes went in the same change.
		back := step{key: own, undo: true, whole: true, apply: func(d *drafts) bool { d.specs[own] = marshal(before.spec); return true }}
		return append([]step{back}, r.rejoinSteps(f)...)
	}
	return []step{
		{key: own, undo: true, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			was := a.State
			a.State, a.StateReason, a.StateUntil = reception.Active.String(), "", time.Time{}
			return was != a.State
		})},
		{key: own, undo: true, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			was := a.Expires
			a.Expires = time.Time{}
			return !was.IsZero()
		})},
	}
}

// rightSteps give a permission: take the denial away, allow it, put it back into a role or a template, or give a role back.
func (r *run) rightSteps(f *finding, permission string) []step {
	own := docKey{policy.KindAccount, r.q.Agent}
	is := func(g policy.Grant) bool { return g.Permission == permission }
	list := []step{
		{key: own, undo: r.undoes(f, own), apply: r.onAccount(func(a *policy.AccountSpec) bool {
			if !slices.ContainsFunc(a.Deny, is) {
				return false
			}
			a.Deny = slices.DeleteFunc(slices.Clone(a.Deny), is)
			return true
		})},
		{key: own, undo: expired[f.code], apply: r.onAccount(func(a *policy.AccountSpec) bool {
			a.Allow = append(slices.DeleteFunc(slices.Clone(a.Allow), is), policy.Grant{Permission: permission})
			return true
		})},
	}
	spec, _ := r.m.set.Account(r.q.Agent)
	for _, role := range spec.Roles {
		list = append(list, r.roleSteps(f, role, permission)...)
	}
	if before := r.before(f, own); before != nil {
		for _, role := range names(before.spec["roles"]) {
			if slices.Contains(spec.Roles, role) {
				continue
			}
			list = append(list, step{key: own, undo: true, apply: r.onAccount(func(a *policy.AccountSpec) bool {
				if slices.Contains(a.Roles, role) {
					return false
				}
				a.Roles = append(slices.Clone(a.Roles), role)
				return true
			})})
		}
	}
	return list
}

// expired are the codes of an allowance that ran out: what takes that back is to renew it.
var expired = map[reception.Code]bool{
	reception.CodeRoleReceiveExpired: true, reception.CodePermissionKindExpired: true, reception.CodePermissionReplyExpired: true,
}

// roleSteps put a permission back into a role that its template has it for, or that had it before.
func (r *run) roleSteps(f *finding, name, permission string) []step {
	if _, builtin := policy.Builtin(policy.KindRole, name); builtin {
		return nil
	}
	role, ok := r.m.set.Role(name)
	if !ok {
		return nil
	}
	if role.Permissions == nil {
		return r.templateSteps(f, role.Template, permission)
	}
	k := docKey{policy.KindRole, name}
	template, _ := r.m.set.Template(role.Template)
	undo := r.had(f, k, permission)
	if slices.Contains(role.Permissions, permission) || !undo && !slices.Contains(template.Permissions, permission) {
		return nil
	}
	return []step{{key: k, undo: undo, apply: func(d *drafts) bool {
		s := d.role(name)
		if s == nil || slices.Contains(s.Permissions, permission) {
			return false
		}
		s.Permissions = append(slices.Clone(s.Permissions), permission)
		return true
	}}}
}

func (r *run) templateSteps(f *finding, name, permission string) []step {
	k := docKey{policy.KindTemplate, name}
	if !r.had(f, k, permission) {
		return nil
	}
	return []step{{key: k, undo: true, apply: func(d *drafts) bool {
		s := d.template(name)
		if s == nil || slices.Contains(s.Permissions, permission) {
			return false
		}
		s.Permissions = append(slices.Clone(s.Permissions), permission)
		return true
	}}}
}

// before is a document as it was before the causing revision, when the gate still was another; nil if it did not exist, or has not changed since. What
// other revisions changed later may have to be taken back, too: each of two shortened windows hides the other.
func (r *run) before(f *finding, k docKey) *version {
	if f.cause.row.Revision == 0 {
		return nil
	}
	then, now := r.history.at(k, f.cause.row.Revision-1), r.history.at(k, r.m.revision)
	if then == nil || then == now {
		return nil
	}
	return then
}

func (r *run) undoes(f *finding, k docKey) bool {
	return f.cause.row.Revision != 0 && r.history.changedIn(k, f.cause.row.Revision)
}

// had says whether a role or template had a permission before the causing revision.
func (r *run) had(f *finding, k docKey, permission string) bool {
	before := r.before(f, k)
	return before != nil && slices.Contains(names(before.spec["permissions"]), permission)
}

// memberSteps make the agent a member again: directly, or in the way that the causing revision ended.
func (r *run) memberSteps(f *finding) []step {
	var list []step
	for _, inbox := range r.inboxesAbout(f) {
		if inbox == "" {
			continue
		}
		k := docKey{policy.KindInbox, inbox}
		before := r.before(f, k)
		if _, ok := r.m.set.Inbox(inbox); !ok {
			if before != nil {
				list = append(list, step{key: k, undo: true, whole: true, apply: func(d *drafts) bool { d.specs[k] = marshal(before.spec); return true }})
			}
			continue
		}
		direct := before != nil && slices.Contains(names(field(before.spec["members"], "accounts")), r.q.Agent)
		list = append(list, r.joinInbox(inbox, direct))
		if before != nil {
			for _, team := range names(field(before.spec["members"], "teams")) {
				list = append(list, r.giveTeam(inbox, team)...)
			}
		}
	}
	return append(list, r.joinTeams(f, reception.MembershipInbox)...)
}

// rejoinSteps bring the agent back into the inboxes and teams that the causing revision took it out of.
func (r *run) rejoinSteps(f *finding) []step {
	list := r.joinTeams(f, reception.MembershipInbox)
	for _, inbox := range r.inboxesAbout(f) {
		before := r.before(f, docKey{policy.KindInbox, inbox})
		if before != nil && slices.Contains(names(field(before.spec["members"], "accounts")), r.q.Agent) {
			list = append(list, r.joinInbox(inbox, true))
		}
	}
	return list
}

func (r *run) joinInbox(inbox string, undo bool) step {
	return step{key: docKey{policy.KindInbox, inbox}, undo: undo, apply: func(d *drafts) bool {
		s := d.inbox(inbox)
		if s == nil || slices.Contains(s.Members.Accounts, r.q.Agent) {
			return false
		}
		s.Members.Accounts = append(slices.Clone(s.Members.Accounts), r.q.Agent)
		return true
	}}
}

// giveTeam brings a team back into an inbox, if the agent is in it.
func (r *run) giveTeam(inbox, team string) []step {
	spec, ok := r.m.set.Team(team)
	if !ok || !slices.Contains(spec.Members, r.q.Agent) {
		return nil
	}
	return []step{{key: docKey{policy.KindInbox, inbox}, undo: true, apply: func(d *drafts) bool {
		s := d.inbox(inbox)
		if s == nil || slices.Contains(s.Members.Teams, team) {
			return false
		}
		s.Members.Teams = append(slices.Clone(s.Members.Teams), team)
		return true
	}}}
}

// joinTeams brings the agent back into the teams that the causing revision took it out of.
func (r *run) joinTeams(f *finding, g reception.Gate) []step {
	var list []step
	for _, k := range r.keysAbout(f, g) {
		if k.kind != policy.KindTeam {
			continue
		}
		before := r.before(f, k)
		if before == nil || !slices.Contains(names(before.spec["members"]), r.q.Agent) {
			continue
		}
		list = append(list, step{key: k, undo: true, apply: func(d *drafts) bool {
			s := d.team(k.name)
			if s == nil || slices.Contains(s.Members, r.q.Agent) {
				return false
			}
			s.Members = append(slices.Clone(s.Members), r.q.Agent)
			return true
		}})
	}
	return list
}

// keysAbout are the documents that bear on a gate in a finding's inboxes.
func (r *run) keysAbout(f *finding, g reception.Gate) []docKey {
	var list []docKey
	for _, inbox := range r.inboxesAbout(f) {
		family, err := r.history.family(inbox)
		if err != nil {
			continue // it was loaded when the cause was looked for
		}
		for _, k := range family.keys {
			if bears(g, k, r.q.Agent) {
				list = append(list, k)
			}
		}
	}
	slices.SortFunc(list, compareKeys)
	return slices.Compact(list)
}

// extensionsOf reads the extensions of a spec; none where there are none.
func extensionsOf(v *version) (list []policy.Extension) {
	_ = json.Unmarshal(v.spec["extensions"], &list) // written by package policy
	return list
}

// putBack makes extensions what they were, and says whether they were others.
func putBack(dst *[]policy.Extension, before []policy.Extension) bool {
	same := slices.EqualFunc(*dst, before, func(a, b policy.Extension) bool { return a.From.Equal(b.From) && a.Until.Equal(b.Until) })
	*dst = before
	return !same
}

// windowSteps take back what a change of windows did. A roster that nobody changed is not mended: it opens by itself.
func (r *run) windowSteps(f *finding) []step {
	list := append(r.scheduleSteps(f), r.joinTeams(f, f.gate)...)
	own := docKey{policy.KindAccount, r.q.Agent}
	if before := r.before(f, own); before != nil {
		windows := names(before.spec["windows"])
		list = append(list, step{key: own, undo: true, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			same := slices.Equal(a.Windows, windows)
			a.Windows = windows
			return !same
		})}, step{key: own, undo: true, apply: r.onAccount(func(a *policy.AccountSpec) bool { return putBack(&a.Extensions, extensionsOf(before)) })})
	}
	for _, k := range r.keysAbout(f, f.gate) {
		before := r.before(f, k)
		switch {
		case before == nil:
		case k.kind == policy.KindTeam:
			windows := names(before.spec["windows"])
			list = append(list, step{key: k, undo: true, apply: func(d *drafts) bool {
				s := d.team(k.name)
				if s == nil || slices.Equal(s.Windows, windows) {
					return false
				}
				s.Windows = windows
				return true
			}}, step{key: k, undo: true, apply: func(d *drafts) bool {
				s := d.team(k.name)
				return s != nil && putBack(&s.Extensions, extensionsOf(before))
			}})
		case k.kind == policy.KindInbox:
			if slices.Contains(names(field(before.spec["members"], "accounts")), r.q.Agent) {
				list = append(list, r.joinInbox(k.name, true))
			}
			for _, team := range names(field(before.spec["members"], "teams")) {
				list = append(list, r.giveTeam(k.name, team)...)
			}
		}
	}
	return list
}

// scheduleSteps bring back schedules and calendars as they were before the causing revision.
func (r *run) scheduleSteps(f *finding) []step {
	var list []step
	for _, k := range r.keysAbout(f, f.gate) {
		before := r.before(f, k)
		if k.kind != policy.KindSchedule && k.kind != policy.KindCalendar || before == nil {
			continue
		}
		list = append(list, step{key: k, undo: true, apply: func(d *drafts) bool { d.specs[k] = marshal(before.spec); return true }})
	}
	return list
}

func (r *run) hoursSteps(f *finding) []step {
	list := r.scheduleSteps(f)
	for _, k := range r.keysAbout(f, f.gate) {
		before := r.before(f, k)
		if k.kind != policy.KindInbox || before == nil {
			continue
		}
		hours := text(before.spec["hours"])
		list = append(list, step{key: k, undo: true, apply: func(d *drafts) bool {
			s := d.inbox(k.name)
			if s == nil || s.Hours == hours {
				return false
			}
			s.Hours = hours
			return true
		}}, step{key: k, undo: true, apply: func(d *drafts) bool {
			s := d.inbox(k.name)
			return s != nil && putBack(&s.Extensions, extensionsOf(before))
		}})
	}
	return list
}

func switchOn(name string) step {
	return step{key: docKey{policy.KindSwitch, name}, undo: true, apply: func(d *drafts) bool {
		s := d.pushSwitch(name)
		if s == nil {
			return false
		}
		*s = policy.SwitchSpec{State: "on"}
		return true
	}}
}

// limitSteps bring the agent's own limits back to what they were, or raise them: to what the inbox's was before it was lowered, else to one more than it holds.
func (r *run) limitSteps(f *finding) []step {
	own := docKey{policy.KindAccount, r.q.Agent}
	facts := r.m.world.Agent(r.q.Agent)
	var before policy.Capacity
	then := r.before(f, own)
	if then != nil {
		_ = json.Unmarshal(then.spec["capacity"], &before) // no limits, if there were none
	}
	list := []step{{key: own, undo: then != nil, apply: r.onAccount(func(a *policy.AccountSpec) bool {
		was := a.Capacity.Total
		a.Capacity.Total = before.Total
		return then != nil && was != before.Total
	})}, {key: own, apply: r.onAccount(func(a *policy.AccountSpec) bool {
		if a.Capacity.Total == 0 || a.Capacity.Total > facts.Live {
			return false
		}
		a.Capacity.Total = facts.Live + 1
		return true
	})}}
	for _, inbox := range r.inboxesAbout(f) {
		load, wide := facts.Share(inbox).Load, 0
		if v := r.before(f, docKey{policy.KindInbox, inbox}); v != nil {
			_ = json.Unmarshal(v.spec["capacity"], &wide) // none, if there was none
		}
		list = append(list, step{key: own, undo: then != nil, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			return then != nil && limitTo(a, inbox, before.Inboxes[inbox])
		})}, step{key: own, apply: r.onAccount(func(a *policy.AccountSpec) bool {
			return a.Capacity.Inboxes[inbox] <= load && limitTo(a, inbox, max(load+1, wide))
		})})
	}
	return list
}

// limitTo sets an account's own limit in an inbox, 0 for none, and says whether that is another one.
func limitTo(a *policy.AccountSpec, inbox string, limit int) bool {
	if a.Capacity.Inboxes[inbox] == limit {
		return false
	}
	limits := maps.Clone(a.Capacity.Inboxes)
	if limits == nil {
		limits = map[string]int{}
	}
	if limits[inbox] = limit; limit == 0 {
		delete(limits, inbox)
	}
	a.Capacity.Inboxes = limits
	return true
}
