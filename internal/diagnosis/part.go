package diagnosis

import (
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// lens is which part of what a gate reads is looked at. Behind what a gate shows there may be more that would stop it: whoever mends what is shown alone
// would find the agent still stopped.
type lens uint8

const (
	throughGate          lens = iota // the gate as a whole
	throughRight                     // what decides about a permission, whatever its parent is
	throughDenial                    // what would decide about a permission without the account's own denial
	throughState                     // the account's state, whatever its expiry
	throughAccountWindow             // the account's own windows
	throughTeamWindow                // those of the teams that give the membership
	throughKinds                     // the kinds that the inbox produces
)

// part is what a finding is about, where a gate has several. name is that of the permission, or of the kind.
type part struct {
	lens lens
	name string
}

// look reads the part in a policy. sign tells its values apart.
func (x part) look(p *reception.Policy, agent, inbox string, at time.Time) (sign int, holds bool) {
	a := p.Accounts[agent]
	switch {
	case x.lens == throughKinds:
		in := p.Inboxes[inbox]
		return 0, in != nil && in.Produces(x.name)
	case a == nil:
		return -1, false
	}
	switch x.lens {
	case throughRight, throughDenial:
		right := a.Rights[x.name]
		if x.lens == throughDenial {
			right.Deny = reception.Override{}
		}
		grant, _ := right.Decides(at)
		return int(grant), grant.Held()
	case throughState:
		thawed := a.State == reception.Frozen && !a.StateUntil.IsZero() && !at.Before(a.StateUntil)
		return int(a.State), a.State == reception.Active || thawed
	case throughAccountWindow:
		return 0, len(a.Windows) == 0 || anyOpen(a.Windows, at) || extended(a, at)
	case throughTeamWindow:
		return 0, teamOpen(p.Inboxes[inbox], agent, at) || extended(a, at)
	}
	return -1, false
}

// extended says whether the account's extension opens its windows and those of its teams.
func extended(a *reception.Account, at time.Time) bool {
	return a.Extension != nil && a.Extension.Open(at)
}

func anyOpen(list []*reception.Schedule, at time.Time) bool {
	for _, s := range list {
		if s.Open(at) {
			return true
		}
	}
	return false
}

func teamOpen(in *reception.Inbox, agent string, at time.Time) bool {
	if in == nil {
		return true
	}
	m := in.Member(agent)
	if m == nil || m.Direct {
		return true
	}
	for _, t := range m.Teams {
		if len(t.Windows) == 0 || anyOpen(t.Windows, at) {
			return true
		}
	}
	return false
}

// shown is the part that a gate's outcome in a cell is about.
func (r *run) shown(g reception.Gate, c *cell) part {
	code := c.vector[g].Code
	switch {
	case code == reception.CodeRoleReceiveNotAgent || code == reception.CodePermissionKindParentOff:
		return part{}
	case g == reception.RoleReceive:
		return part{throughRight, policy.Receive}
	case g == reception.PermissionKind:
		return part{throughRight, policy.Receive + "." + c.kind}
	case g == reception.PermissionReply:
		return part{throughRight, policy.MessageReply}
	case g == reception.WindowAgent:
		x := part{lens: throughAccountWindow}
		if _, open := x.look(r.m.policy, r.q.Agent, c.inbox, r.m.now); open {
			x.lens = throughTeamWindow
		}
		return x
	}
	return part{}
}

// unmask makes findings of what stops a cell behind what its gates show.
func (r *run) unmask() error {
	if r.m.policy.Accounts[r.q.Agent] == nil {
		return nil
	}
	type key struct {
		gate  reception.Gate
		part  part
		code  reception.Code
		cause int64
	}
	found := map[key]*finding{}
	for i := range r.cells {
		c := &r.cells[i]
		for _, h := range r.behind(c) {
			family, err := r.history.family(c.inbox)
			if err != nil {
				return err
			}
			by, err := r.walk(family, h.gate, c, h.part)
			if err != nil {
				return err
			}
			k := key{h.gate, h.part, h.cell.Code, by.key()}
			f := found[k]
			if f == nil {
				f = r.newFinding(h.gate, h.cell, by)
				f.masked, f.part = true, h.part
				found[k] = f
				r.findings = append(r.findings, f)
			}
			f.cells = append(f.cells, i)
		}
	}
	return nil
}

// masked is something behind what a gate shows.
type masked struct {
	gate reception.Gate
	part part
	cell reception.Cell
}

// behind lists what stops a cell behind what its gates show.
func (r *run) behind(c *cell) []masked {
	var list []masked
	right := func(g reception.Gate, x part, codes *[4]reception.Code) {
		sign, holds := x.look(r.m.policy, r.q.Agent, c.inbox, r.m.now)
		if !holds && sign >= 0 {
			list = append(list, masked{g, x, reception.Cell{Outcome: reception.Block, Code: codes[sign]}})
		}
	}
	v := &c.vector
	switch v[reception.RoleReceive].Code {
	case reception.CodeRoleReceiveNotAgent:
		if sign, _ := (part{throughRight, policy.Receive}).look(r.m.policy, r.q.Agent, c.inbox, r.m.now); sign != int(reception.NeverGranted) {
			right(reception.RoleReceive, part{throughRight, policy.Receive}, &receiveCodes) // who is no agent has no role for it either
		}
	case reception.CodeRoleReceiveAccountDenied:
		right(reception.RoleReceive, part{throughDenial, policy.Receive}, &receiveCodes)
	}
	kind := policy.Receive + "." + c.kind
	switch v[reception.PermissionKind].Code {
	case reception.CodePermissionKindParentOff:
		// Where the parent is off as one would expect, that the role has not the kind either is no second cause.
		sign, _ := (part{throughRight, kind}).look(r.m.policy, r.q.Agent, c.inbox, r.m.now)
		if sign != int(reception.NeverGranted) || !r.parentOnPurpose(c) {
			right(reception.PermissionKind, part{throughRight, kind}, &kindCodes)
		}
		if sign == int(reception.DeniedByAccount) {
			right(reception.PermissionKind, part{throughDenial, kind}, &kindCodes)
		}
	case reception.CodePermissionKindAccountDenied:
		right(reception.PermissionKind, part{throughDenial, kind}, &kindCodes)
	}
	if v[reception.PermissionReply].Code == reception.CodePermissionReplyAccountDenied {
		right(reception.PermissionReply, part{throughDenial, policy.MessageReply}, &replyCodes)
	}
	if v[reception.AccountState].Code == reception.CodeAccountStateExpired {
		if sign, holds := (part{lens: throughState}).look(r.m.policy, r.q.Agent, c.inbox, r.m.now); !holds && sign == int(reception.Frozen) {
			list = append(list, masked{reception.AccountState, part{lens: throughState}, reception.Cell{Outcome: reception.Block, Code: reception.CodeAccountStateFrozen}})
		}
	}
	if v[reception.WindowAgent].Outcome.Stops() && r.shown(reception.WindowAgent, c).lens == throughAccountWindow {
		if _, open := (part{lens: throughTeamWindow}).look(r.m.policy, r.q.Agent, c.inbox, r.m.now); !open {
			at := v[reception.WindowAgent]
			list = append(list, masked{reception.WindowAgent, part{lens: throughTeamWindow}, reception.Cell{Outcome: at.Outcome, Code: reception.CodeWindowAgentTeamClosed, Until: at.Until}})
		}
	}
	return list
}

// parentOnPurpose says whether nobody is meant to receive in the first place: no agent, or the role never had the right.
func (r *run) parentOnPurpose(c *cell) bool {
	at := c.vector[reception.RoleReceive]
	return at.Code == reception.CodeRoleReceiveNotAgent || r.expected(reception.RoleReceive, at)
}

// The codes of permission gates by what decides.
var (
	receiveCodes = [4]reception.Code{
		reception.NeverGranted: reception.CodeRoleReceiveNotGranted, reception.RemovedFromRole: reception.CodeRoleReceiveRemovedFromRole,
		reception.AllowExpired: reception.CodeRoleReceiveExpired, reception.DeniedByAccount: reception.CodeRoleReceiveAccountDenied,
	}
	kindCodes = [4]reception.Code{
		reception.NeverGranted: reception.CodePermissionKindNotGranted, reception.RemovedFromRole: reception.CodePermissionKindRemovedFromRole,
		reception.AllowExpired: reception.CodePermissionKindExpired, reception.DeniedByAccount: reception.CodePermissionKindAccountDenied,
	}
	replyCodes = [4]reception.Code{
		reception.NeverGranted: reception.CodePermissionReplyNotGranted, reception.RemovedFromRole: reception.CodePermissionReplyRemovedFromRole,
		reception.AllowExpired: reception.CodePermissionReplyExpired, reception.DeniedByAccount: reception.CodePermissionReplyAccountDenied,
	}
)
