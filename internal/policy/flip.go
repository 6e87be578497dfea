package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// The steps that a Flip is made of.
const (
	FlipActivate         = "activate"           // the account is active again
	FlipUnexpire         = "unexpire"           // the account has no end
	FlipMakeAgent        = "make_agent"         // the account is an agent
	FlipUndeny           = "undeny"             // the account's own deny is taken back
	FlipAllow            = "allow"              // the account gets an allow of its own
	FlipGiveRole         = "give_role"          // the account gets a role that grants it
	FlipAddToRole        = "add_to_role"        // a role of the account grants it
	FlipAddToTemplate    = "add_to_template"    // a template that a role of the account follows grants it
	FlipDeny             = "deny"               // the account gets a deny of its own
	FlipUnallow          = "unallow"            // the account's own allow is taken back
	FlipDropRole         = "drop_role"          // a role is taken from the account
	FlipTakeFromRole     = "take_from_role"     // a role of the account grants it no more
	FlipTakeFromTemplate = "take_from_template" // a template that a role of the account follows grants it no more
)

// FlipStep is one smallest change of a document: one entry of a list, or one field.
type FlipStep struct {
	Action string
	// Name is the role or template.
	Name string
	// Permission is the one that is granted or taken: the one asked about, or its parent.
	Permission string
}

// Flip is a smallest change of documents that makes a permission effective which is not, or the other way round: without any of its steps it does not.
type Flip struct {
	Steps   []FlipStep
	Changes []Change // of the documents, with their whole new specs
	// Others counts what else would be another: permissions of this account, and permissions of others.
	Others int
	// Needs is the permission that whoever makes the change must hold.
	Needs string
}

const (
	// maxFlips bounds how many flips are told.
	maxFlips = 6
	// maxFlipSteps bounds how many steps are tried together, beside those that nothing can do without.
	maxFlipSteps = 3
	// maxGiven bounds how many roles that the account does not have are thought of: those that bring the least beside.
	maxGiven = 4
)

// Flips finds the smallest changes after which a permission is effective for an account where it is not at an instant, or no more where it is: those of the
// fewest steps first, then those that change the least beside. Each was carried out on the whole set and looked at again; what the set refuses (the last
// administrator) is none. To take a permission away, its parent and the account's state are left alone: they would take more than was asked for.
// There is none for an account or a permission that does not exist.
func Flips(s *Set, account, permission string, now time.Time) []Flip {
	if _, ok := s.Account(account); !ok {
		return nil
	}
	f := &flipper{set: s, account: account, permission: permission, now: now}
	f.before = f.holds(s)
	pool := f.giving()
	if f.before {
		pool = f.taking()
	}
	flips := []Flip{}
	for _, steps := range f.smallest(pool) {
		if flip, ok := f.carriedOut(steps); ok {
			flips = append(flips, flip)
		}
	}
	slices.SortStableFunc(flips, func(a, b Flip) int {
		return cmp.Or(cmp.Compare(len(a.Steps), len(b.Steps)), cmp.Compare(a.Others, b.Others))
	})
	return flips[:min(len(flips), maxFlips)]
}

// FlipsAt is the next instant at which a permission becomes effective for an account, or stops being so, with no change at all; zero if there is none.
func FlipsAt(s *Set, account, permission string, now time.Time) time.Time {
	spec, _ := s.Account(account)
	edges := []time.Time{spec.StateUntil, spec.Expires}
	for _, g := range slices.Concat(spec.Allow, spec.Deny) {
		if g.Permission == permission || g.Permission == parentOf(permission) {
			edges = append(edges, g.Until)
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	p := s.rightsOf(account)
	held := effective(p, account, permission, now)
	for _, at := range edges {
		if at.After(now) && effective(p, account, permission, at) != held {
			return at
		}
	}
	return time.Time{}
}

// parentOf is the permission without which another has no effect; "" for one that stands alone.
func parentOf(permission string) string {
	if _, ok := receivedKind(permission); ok {
		return Receive
	}
	return ""
}

// effective says whether an account can make use of a permission: it is granted, its parent is, and the account's state allows it.
func effective(p *reception.Policy, account, permission string, now time.Time) bool {
	if kind, ok := receivedKind(permission); ok {
		return !reception.Entitled(p, account, "", kind, false, now).Outcome.Stops()
	}
	a := p.Accounts[account]
	return a != nil && (permission != Receive || a.Agent) && reception.Can(p, account, permission, now)
}

// rightsOf compiles of a set only what decides about the permissions of an account.
func (s *Set) rightsOf(account string) *reception.Policy {
	spec, ok := s.Account(account)
	if !ok {
		return &reception.Policy{}
	}
	state, _ := reception.ParseAccountStatus(spec.State)
	c := &compiler{set: s, roles: map[string]map[string]reception.Right{}}
	return &reception.Policy{Accounts: map[string]*reception.Account{account: {
		Name: account, Agent: spec.Agent, State: state, StateUntil: spec.StateUntil, Expires: spec.Expires, Rights: c.rights(spec), Roles: spec.Roles,
	}}}
}

// flipper looks for the flips of one permission of one account.
type flipper struct {
	set                 *Set
	account, permission string
	now                 time.Time
	before              bool
}

func (f *flipper) holds(s *Set) bool {
	return effective(s.rightsOf(f.account), f.account, f.permission, f.now)
}

// draft is the documents that decide about the account's permissions, being changed.
type draft struct {
	account   AccountSpec
	roles     map[string]RoleSpec
	templates map[string]TemplateSpec
}

// flipStep is a step with what it does.
type flipStep struct {
	FlipStep
	apply func(*draft)
}

// wanted are the permissions that all must be granted.
func (f *flipper) wanted() []string {
	if parent := parentOf(f.permission); parent != "" {
		return []string{parent, f.permission}
	}
	return []string{f.permission}
}

// giving lists the steps that may help to make the permission effective.
func (f *flipper) giving() []flipStep {
	spec, _ := f.set.Account(f.account)
	a := f.set.rightsOf(f.account).Accounts[f.account]
	var list []flipStep
	add := func(action, name, permission string, apply func(*draft)) {
		list = append(list, flipStep{FlipStep{action, name, permission}, apply})
	}
	if spec.State != reception.Active.String() {
		add(FlipActivate, "", "", func(d *draft) {
			d.account.State, d.account.StateReason, d.account.StateUntil = reception.Active.String(), "", Instant{}
		})
	}
	if !spec.Expires.IsZero() {
		add(FlipUnexpire, "", "", func(d *draft) { d.account.Expires = Instant{} })
	}
	if !spec.Agent && BlockOf(f.permission) == BlockReceiving {
		add(FlipMakeAgent, "", "", func(d *draft) { d.account.Agent = true })
	}
	var lacking []string
	for _, permission := range f.wanted() {
		right := a.Rights[permission]
		if right.Deny.In(f.now) {
			add(FlipUndeny, "", permission, func(d *draft) { d.account.Deny = dropGrant(d.account.Deny, permission) })
		}
		if len(right.Roles) > 0 || right.Allow.In(f.now) {
			continue
		}
		lacking = append(lacking, permission)
		add(FlipAllow, "", permission, func(d *draft) {
			d.account.Allow = append(dropGrant(d.account.Allow, permission), Grant{Permission: permission})
		})
		for _, role := range slices.Sorted(slices.Values(spec.Roles)) {
			if step, ok := f.inRole(role, permission, true); ok {
				list = append(list, step)
			}
		}
	}
	for _, role := range f.rolesWith(lacking) {
		add(FlipGiveRole, role, "", func(d *draft) { d.account.Roles = append(slices.Clone(d.account.Roles), role) })
	}
	return list
}

// taking lists the steps that may help to take the permission away.
func (f *flipper) taking() []flipStep {
	right := f.set.rightsOf(f.account).Accounts[f.account].Rights[f.permission]
	list := []flipStep{{FlipStep{FlipDeny, "", f.permission}, func(d *draft) {
		d.account.Deny = append(dropGrant(d.account.Deny, f.permission), Grant{Permission: f.permission})
	}}}
	if right.Allow.In(f.now) {
		list = append(list, flipStep{FlipStep{FlipUnallow, "", f.permission}, func(d *draft) { d.account.Allow = dropGrant(d.account.Allow, f.permission) }})
	}
	for _, role := range right.Roles {
		if step, ok := f.inRole(role, f.permission, false); ok {
			list = append(list, step)
		}
		list = append(list, flipStep{FlipStep{FlipDropRole, role, ""}, func(d *draft) {
			d.account.Roles = slices.DeleteFunc(slices.Clone(d.account.Roles), func(r string) bool { return r == role })
		}})
	}
	return list
}

// inRole is the step that has a role grant a permission, or grant it no more: in the role's own list, or in that of the template that it follows. A role that
// follows a template of the program gets a list of its own. The program's own role cannot be changed.
func (f *flipper) inRole(name, permission string, grant bool) (flipStep, bool) {
	role, ok := f.set.Role(name)
	if !ok || isBuiltin(KindRole, name) {
		return flipStep{}, false
	}
	changed := func(list []string) []string {
		list = slices.DeleteFunc(slices.Clone(list), func(p string) bool { return p == permission })
		if grant {
			list = append(list, permission)
		}
		return list
	}
	if role.Permissions == nil && !isBuiltin(KindTemplate, role.Template) {
		action := FlipTakeFromTemplate
		if grant {
			action = FlipAddToTemplate
		}
		return flipStep{FlipStep{action, role.Template, permission}, func(d *draft) {
			template := d.templates[role.Template]
			template.Permissions = changed(template.Permissions)
			d.templates[role.Template] = template
		}}, true
	}
	action := FlipTakeFromRole
	if grant {
		action = FlipAddToRole
	}
	return flipStep{FlipStep{action, name, permission}, func(d *draft) {
		r := d.roles[name]
		if r.Permissions == nil {
			r.Permissions = f.set.RolePermissions(name)
		}
		r.Permissions = append([]string{}, changed(r.Permissions)...) // an empty list grants nothing; none would follow the template
		d.roles[name] = r
	}}, true
}

// rolesWith lists roles that the account does not have and that grant at least one of the permissions: those that grant the least come first.
func (f *flipper) rolesWith(permissions []string) []string {
	spec, _ := f.set.Account(f.account)
	list := []string{}
	for _, name := range append(f.set.names(KindRole), AdminRole) {
		grants := func(p string) bool { return slices.Contains(f.set.RolePermissions(name), p) }
		if !slices.Contains(spec.Roles, name) && slices.ContainsFunc(permissions, grants) {
			list = append(list, name)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Compare(len(f.set.RolePermissions(a)), len(f.set.RolePermissions(b)))
	})
	return list[:min(len(list), maxGiven)]
}

func dropGrant(list []Grant, permission string) []Grant {
	return slices.DeleteFunc(slices.Clone(list), func(g Grant) bool { return g.Permission == permission })
}

// smallest finds the sets of steps that flip the answer and of which no part does. Steps only ever help: so a step without which all the others do not
// flip it belongs to every such set, and only the rest has to be tried, small sets before large ones.
func (f *flipper) smallest(pool []flipStep) [][]flipStep {
	var always, rest []flipStep
	all := f.flips(pool)
	for i, step := range pool {
		if all && !f.flips(slices.Delete(slices.Clone(pool), i, i+1)) {
			always = append(always, step)
		} else {
			rest = append(rest, step)
		}
	}
	var found [][]int
	var list [][]flipStep
	for size := 0; size <= min(maxFlipSteps, len(rest)); size++ {
		Choices(len(rest), size, func(chosen []int) {
			holds := func(part []int) bool {
				return !slices.ContainsFunc(part, func(i int) bool { return !slices.Contains(chosen, i) })
			}
			if slices.ContainsFunc(found, holds) {
				return
			}
			steps := slices.Clone(always)
			for _, i := range chosen {
				steps = append(steps, rest[i])
			}
			if f.flips(steps) {
				found, list = append(found, slices.Clone(chosen)), append(list, steps)
			}
		})
	}
	return list
}

// Choices calls each with every choice of size numbers below n, in order.
func Choices(n, size int, each func(chosen []int)) {
	chosen := make([]int, 0, size)
	var choose func(from int)
	choose = func(from int) {
		if len(chosen) == size {
			each(chosen)
			return
		}
		for i := from; i < n; i++ {
			chosen = append(chosen, i)
			choose(i + 1)
			chosen = chosen[:len(chosen)-1]
		}
	}
	choose(0)
}

// flips says whether steps together make the answer the other one: tried on the few documents that bear on it.
func (f *flipper) flips(steps []flipStep) bool {
	d := f.drafted(steps)
	docs := map[string]map[string]entry{
		KindInbox: f.set.docs[KindInbox], KindRole: maps.Clone(f.set.docs[KindRole]), KindTemplate: maps.Clone(f.set.docs[KindTemplate]),
		KindAccount: {f.account: {spec: d.account}},
	}
	for name, spec := range d.roles {
		docs[KindRole][name] = entry{spec: spec}
	}
	for name, spec := range d.templates {
		docs[KindTemplate][name] = entry{spec: spec}
	}
	return f.holds(&Set{docs: docs}) != f.before
}

// drafted carries steps out.
func (f *flipper) drafted(steps []flipStep) *draft {
	d := &draft{roles: map[string]RoleSpec{}, templates: map[string]TemplateSpec{}}
	d.account, _ = f.set.Account(f.account)
	for _, role := range d.account.Roles {
		spec, ok := f.set.Role(role)
		if !ok || isBuiltin(KindRole, role) {
			continue
		}
		d.roles[role] = spec
		if template, ok := f.set.Template(spec.Template); ok && !isBuiltin(KindTemplate, spec.Template) {
			d.templates[spec.Template] = template
		}
	}
	for _, step := range steps {
		step.apply(d)
	}
	return d
}

// carriedOut makes the change on the whole set and looks again.
func (f *flipper) carriedOut(steps []flipStep) (Flip, bool) {
	d := f.drafted(steps)
	edits := []Edit{{Kind: KindAccount, Name: f.account, Spec: encode(d.account)}}
	for _, name := range slices.Sorted(maps.Keys(d.roles)) {
		edits = append(edits, Edit{Kind: KindRole, Name: name, Spec: encode(d.roles[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(d.templates)) {
		edits = append(edits, Edit{Kind: KindTemplate, Name: name, Spec: encode(d.templates[name])})
	}
	after, changes, err := f.set.Apply(f.set.revision+1, edits)
	if err != nil || f.holds(after) == f.before {
		return Flip{}, false
	}
	flip := Flip{Changes: changes, Others: f.others(after, changes), Needs: PolicyEdit}
	for _, step := range steps {
		flip.Steps = append(flip.Steps, step.FlipStep)
	}
	if len(steps) == 1 && steps[0].Action == FlipActivate {
		flip.Needs = AccountState
	}
	return flip, true
}

// others counts the permissions, of this account and of all whom the change reaches, that would be effective and are not, or the other way round, beside
// the one that was asked about.
func (f *flipper) others(after *Set, changes []Change) int {
	accounts := []string{f.account}
	if slices.ContainsFunc(changes, func(c Change) bool { return c.Kind != KindAccount }) {
		accounts = f.set.names(KindAccount)
	}
	permissions := AllPermissions(f.set)
	n := 0
	for _, account := range accounts {
		if account != f.account && !f.reaches(account, changes) {
			continue
		}
		p, q := f.set.rightsOf(account), after.rightsOf(account)
		for _, info := range permissions {
			if account == f.account && info.Name == f.permission {
				continue
			}
			if effective(p, account, info.Name, f.now) != effective(q, account, info.Name, f.now) {
				n++
			}
		}
	}
	return n
}

// reaches says whether an account has a role that is changed, or that follows a template that is.
func (f *flipper) reaches(account string, changes []Change) bool {
	spec, _ := f.set.Account(account)
	return slices.ContainsFunc(changes, func(c Change) bool {
		return slices.ContainsFunc(spec.Roles, func(name string) bool {
			role, _ := f.set.Role(name)
			return c.Kind == KindRole && c.Name == name || c.Kind == KindTemplate && c.Name == role.Template
		})
	})
}
