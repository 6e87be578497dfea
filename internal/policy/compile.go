package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/reception"
)

// compile makes the engine's form of a valid set. Schedules, and the rights of accounts with the same roles and no overrides, are shared by pointer.
func compile(s *Set) *reception.Policy {
	c := newCompiler(s)
	p := &reception.Policy{
		Revision: s.revision,
		Accounts: make(map[string]*reception.Account, len(s.docs[KindAccount])),
		Inboxes:  make(map[string]*reception.Inbox, len(s.docs[KindInbox])),
		Platform: c.pushSwitch(reception.PlatformSwitch),
		Clients:  c.clients(),
	}
	for name := range s.docs[KindAccount] {
		p.Accounts[name] = c.account(name)
	}
	for name := range s.docs[KindInbox] {
		p.Inboxes[name] = c.inbox(name)
	}
	p.Filters = compileFilters(s)
	c.compileMaintenance(p)
	p.Index()
	return p
}

type compiler struct {
	set       *Set
	calendars map[string]*reception.Calendar
	schedules map[string]*reception.Schedule
	roles     map[string]map[string]reception.Right // rights by the roles that give them
}

// newCompiler begins with what others refer to: calendars and schedules.
func newCompiler(s *Set) *compiler {
	c := &compiler{set: s, calendars: map[string]*reception.Calendar{}, schedules: map[string]*reception.Schedule{}, roles: map[string]map[string]reception.Right{}}
	for name := range s.docs[KindSchedule] {
		spec, _ := s.Schedule(name)
		c.schedules[name] = c.schedule(name, spec)
	}
	return c
}

func (c *compiler) windows(names []string) []*reception.Schedule {
	var list []*reception.Schedule
	for _, name := range names {
		list = append(list, c.schedules[name])
	}
	return list
}

func (c *compiler) pushSwitch(name string) reception.Switch {
	spec, ok := c.set.Switch(name)
	if !ok {
		return reception.Switch{}
	}
	states := map[string]reception.SwitchState{"on": reception.On, "off": reception.Off, "paused": reception.Paused, "limited": reception.Limited}
	return reception.Switch{State: states[spec.State], Until: spec.Until, Reason: spec.Reason, PerMinute: spec.PerMinute}
}

func (c *compiler) account(name string) *reception.Account {
	spec, _ := c.set.Account(name)
	state, _ := reception.ParseAccountStatus(spec.State)
	return &reception.Account{
		Name: name, Agent: spec.Agent, Robot: spec.Robot, State: state, StateUntil: spec.StateUntil, Expires: spec.Expires,
		Rights: c.rights(spec), Windows: c.windows(spec.Windows), Extension: extended(spec.Extensions), Total: spec.Capacity.Total, Limits: spec.Capacity.Inboxes,
		Switch: c.pushSwitch(KindAccount + "." + name), Roles: spec.Roles,
	}
}

// rights are the roles' and the account's own allows and denies.
func (c *compiler) rights(spec AccountSpec) map[string]reception.Right {
	base := c.roleRights(spec.Roles)
	if len(spec.Allow)+len(spec.Deny) == 0 {
		return base
	}
	rights := maps.Clone(base)
	for _, g := range spec.Allow {
		r := rights[g.Permission]
		r.Allow = reception.Override{Set: true, Until: g.Until}
		rights[g.Permission] = r
	}
	for _, g := range spec.Deny {
		r := rights[g.Permission]
		r.Deny = reception.Override{Set: true, Until: g.Until}
		rights[g.Permission] = r
	}
	return rights
}

func (c *compiler) roleRights(roles []string) map[string]reception.Right {
	roles = slices.Sorted(slices.Values(roles))
	key := strings.Join(roles, " ")
	if rights, ok := c.roles[key]; ok {
		return rights
	}
	rights := map[string]reception.Right{}
	for _, role := range roles {
		for _, p := range c.set.RolePermissions(role) {
			r := rights[p]
			r.Roles = append(r.Roles, role)
			rights[p] = r
		}
		spec, _ := c.set.Role(role)
		template, _ := c.set.Template(spec.Template)
		for _, p := range template.Permissions {
			r := rights[p]
			r.Template = true
			rights[p] = r
		}
	}
	c.roles[key] = rights
	return rights
}

func (c *compiler) inbox(name string) *reception.Inbox {
	spec, _ := c.set.Inbox(name)
	modes := map[string]reception.Mode{"live": reception.Live, "async": reception.Async}
	in := &reception.Inbox{
		Name: name, Mode: modes[spec.Mode], Kinds: spec.Kinds, Hours: c.hours(spec), Sticky: spec.Routing.Sticky,
		AcceptTimeout: spec.Routing.AcceptTimeout.duration(), Capacity: spec.Capacity, Switch: c.pushSwitch(KindInbox + "." + name),
	}
	for s := reception.LeastLoaded; s <= reception.Manual; s++ {
		if s.String() == spec.Routing.Strategy {
			in.Strategy = s
		}
	}
	in.Members = c.members(spec)
	return in
}

// membership is that an account is a member, directly (team 0) or by the team before this place of a list.
type membership struct {
	account string
	team    int
}

// members are an inbox's members in order of name, each with the teams that give the membership in order of theirs.
func (c *compiler) members(spec InboxSpec) []reception.Member {
	var teams []reception.Team
	list := make([]membership, 0, len(spec.Members.Accounts))
	for _, account := range spec.Members.Accounts {
		list = append(list, membership{account, 0})
	}
	for _, team := range slices.Sorted(slices.Values(spec.Members.Teams)) {
		t, _ := c.set.Team(team)
		teams = append(teams, reception.Team{Name: team, Windows: c.teamWindows(t)})
		for _, account := range t.Members {
			list = append(list, membership{account, len(teams)})
		}
	}
	slices.SortFunc(list, func(a, b membership) int {
		return cmp.Or(strings.Compare(a.account, b.account), cmp.Compare(a.team, b.team))
	})
	return joinMemberships(list, teams)
}

// joinMemberships makes one member of the memberships of each account, which follow each other.
func joinMemberships(list []membership, teams []reception.Team) []reception.Member {
	var members []reception.Member
	giving := make([]reception.Team, 0, len(list)) // of all members, one after the other
	for i, m := range list {
		if i == 0 || list[i-1].account != m.account {
			members = append(members, reception.Member{Account: m.account})
		}
		last := &members[len(members)-1]
		if m.team == 0 {
			last.Direct = true
			continue
		}
		giving = append(giving, teams[m.team-1])
		last.Teams = giving[len(giving)-len(last.Teams)-1 : len(giving) : len(giving)]
	}
	return members
}
