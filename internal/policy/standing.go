package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// The blocks in which people think of permissions.
const (
	BlockBasic     = "basic"     // what every agent needs for its work
	BlockRole      = "role"      // what only some roles give
	BlockReceiving = "receiving" // receiving, and receiving each kind
)

// BlockOf says to which block a permission belongs.
func BlockOf(permission string) string {
	if _, kind := receivedKind(permission); kind || permission == Receive {
		return BlockReceiving
	}
	if slices.Contains(agentPermissions, permission) {
		return BlockBasic
	}
	return BlockRole
}

// What may decide where an account stands with a permission.
const (
	SourceRole     = "role"      // a role grants it
	SourceAllow    = "allow"     // the account's own allow grants it
	SourceDeny     = "deny"      // the account's own deny takes it away
	SourceExpired  = "expired"   // the account's own allow granted it, until it ended
	SourceTemplate = "template"  // a role lacks it although the role's template has it
	SourceParent   = "parent"    // it would be granted, but receiving as a whole is off
	SourceNotAgent = "not_agent" // it would be granted, but the account is not an agent, and only agents receive
	SourceNone     = "none"      // nothing grants it
)

// Source is what decides whether an account holds a permission.
type Source struct {
	Kind string
	// Name is the role that grants or lacks it, or the parent permission.
	Name string
	// Template is the template that the role follows, or whose permission the role lacks.
	Template string
	// Until is when an own allow or deny ends, or ended; zero if it does not.
	Until time.Time
}

// Standing is where an account stands with one permission.
type Standing struct {
	Permission string
	// Granted says what the permission's own grants come to: roles, allow, deny.
	Granted bool
	// Effective says whether the account can make use of it: it is granted, its parent is, and the account's state allows it.
	Effective bool
	Source    Source
	// Roles grant it, in order of name, whether or not they decide.
	Roles []string
	// Override is the account's own allow or deny that counts now: SourceAllow, SourceDeny or "".
	Override string
	// ParentOff says of a "receive.<kind>" that receiving as a whole is off, whatever else decides.
	ParentOff bool
}

// AllPermissions lists all permissions that there are in a set, those to receive kinds that inboxes add among them: receiving first, then in the order of
// the catalogue.
func AllPermissions(s *Set) []PermissionInfo {
	list := Permissions()
	last := 0
	for i := range list {
		if BlockOf(list[i].Name) == BlockReceiving {
			last = i + 1
		}
	}
	var added []PermissionInfo
	for _, kind := range s.MessageKinds()[len(builtinKinds):] {
		title := KindTitle(kind)
		added = append(added, PermissionInfo{
			Name: receivePrefix + kind, TitleEN: "receive " + title.EN, TitleZH: "接收" + title.ZH,
			MeaningEN: "Receive " + title.EN + ".", MeaningZH: "接收" + title.ZH + "。", Templates: []string{AdminRole},
		})
	}
	return slices.Insert(list, last, added...)
}

// KindTitle is what people call the messages of a kind.
func KindTitle(kind string) reception.Text {
	if title, ok := messageKindTitles[kind]; ok {
		return reception.Text{ZH: title[0], EN: title[1]}
	}
	return reception.Text{ZH: "“" + kind + "”消息", EN: fmt.Sprintf("messages of kind %q", kind)}
}

// Standings says for every permission whether an account holds it at an instant, and what decides that: the engine's own answer, with the documents that
// it rests on. An account that does not exist holds nothing.
func Standings(s *Set, account string, now time.Time) []Standing {
	p := s.Compile()
	rights := map[string]reception.Right{}
	agent := false
	if a := p.Accounts[account]; a != nil {
		rights, agent = a.Rights, a.Agent
	}
	parent, _ := rights[Receive].Decides(now)
	list := []Standing{}
	for _, info := range AllPermissions(s) {
		right := rights[info.Name]
		grant, _ := right.Decides(now)
		x := Standing{
			Permission: info.Name, Granted: grant.Held(), Effective: effective(p, account, info.Name, now),
			Source: s.source(account, info.Name, grant, &right), Roles: right.Roles, Override: override(&right, now),
		}
		if parentOf(info.Name) != "" {
			x.ParentOff = !parent.Held()
			if x.Granted && x.ParentOff {
				x.Source = Source{Kind: SourceParent, Name: Receive}
			}
		}
		if BlockOf(info.Name) == BlockReceiving && x.Source.Kind != SourceParent && x.Granted && !agent {
			x.Source = Source{Kind: SourceNotAgent}
		}
		list = append(list, x)
	}
	return list
}

func override(r *reception.Right, now time.Time) string {
	switch {
	case r.Deny.In(now):
		return SourceDeny
	case r.Allow.In(now):
		return SourceAllow
	}
	return ""
}

// source names what a grant rests on.
func (s *Set) source(account, permission string, grant reception.Grant, r *reception.Right) Source {
	switch grant {
	case reception.GrantedByRole:
		role, _ := s.Role(r.Roles[0])
		source := Source{Kind: SourceRole, Name: r.Roles[0]}
		if role.Permissions == nil {
			source.Template = role.Template
		}
		return source
	case reception.AllowedByAccount:
		return Source{Kind: SourceAllow, Until: r.Allow.Until}
	case reception.DeniedByAccount:
		return Source{Kind: SourceDeny, Until: r.Deny.Until}
	case reception.AllowExpired:
		return Source{Kind: SourceExpired, Until: r.Allow.Until}
	case reception.RemovedFromRole:
		spec, _ := s.Account(account)
		for _, name := range slices.Sorted(slices.Values(spec.Roles)) {
			if missing, _ := RoleTemplateDifference(s, name); slices.Contains(missing, permission) {
				role, _ := s.Role(name)
				return Source{Kind: SourceTemplate, Name: name, Template: role.Template}
			}
		}
	}
	return Source{Kind: SourceNone}
}

func grantOf(list []Grant, permission string) (Grant, bool) {
	i := slices.IndexFunc(list, func(g Grant) bool { return g.Permission == permission })
	if i < 0 {
		return Grant{}, false
	}
	return list[i], true
}
