package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/reception"
)

// reference is one document naming another.
type reference struct {
	path string
	kind string
	name string
	// member says that the account must be an agent.
	member bool
}

// references lists what a document refers to.
func references(e entry) []reference {
	var refs []reference
	list := func(kind string, member bool, names []string, path ...string) {
		for i, name := range names {
			refs = append(refs, reference{pointer(append(path, strconv.Itoa(i))...), kind, name, member})
		}
	}
	one := func(kind, name string, path ...string) {
		if name != "" {
			refs = append(refs, reference{path: pointer(path...), kind: kind, name: name})
		}
	}
	switch spec := e.spec.(type) {
	case AccountSpec:
		list(KindRole, false, spec.Roles, "spec", "roles")
		list(KindSchedule, false, spec.Windows, "spec", "windows")
		for _, inbox := range slices.Sorted(maps.Keys(spec.Capacity.Inboxes)) {
			one(KindInbox, inbox, "spec", "capacity", "inboxes", inbox)
		}
	case RoleSpec:
		one(KindTemplate, spec.Template, "spec", "template")
	case ScheduleSpec:
		one(KindCalendar, spec.Calendar, "spec", "calendar")
	case TeamSpec:
		list(KindAccount, true, spec.Members, "spec", "members")
		one(KindAccount, spec.Lead, "spec", "lead")
		list(KindSchedule, false, spec.Windows, "spec", "windows")
	case InboxSpec:
		list(KindAccount, true, spec.Members.Accounts, "spec", "members", "accounts")
		list(KindTeam, false, spec.Members.Teams, "spec", "members", "teams")
		one(KindSchedule, spec.Hours, "spec", "hours")
	case FilterSpec:
		list(KindInbox, false, spec.Inboxes, "spec", "inboxes")
	case AutoReplySpec:
		list(KindInbox, false, spec.Inboxes, "spec", "inboxes")
	case SwitchSpec:
		if kind, target, _ := switchTarget(e.Name); kind != "" {
			one(kind, target, "name")
		}
	case MaintenanceSpec:
		list(KindInbox, false, spec.Inboxes, "spec", "inboxes")
		if a := spec.Announcement; a != nil {
			list(KindAccount, false, a.To.Accounts, "spec", "announcement", "to", "accounts")
			list(KindTeam, false, a.To.Teams, "spec", "announcement", "to", "teams")
		}
	}
	return refs
}

// permissionsOf lists the permissions that a document hands out or takes away, with their paths.
func permissionsOf(e entry, visit func(path, permission string)) {
	list := func(names []string) {
		for i, p := range names {
			visit(pointer("spec", "permissions", strconv.Itoa(i)), p)
		}
	}
	grants := func(field string, list []Grant) {
		for i, g := range list {
			visit(pointer("spec", field, strconv.Itoa(i), "permission"), g.Permission)
		}
	}
	switch spec := e.spec.(type) {
	case AccountSpec:
		grants("allow", spec.Allow)
		grants("deny", spec.Deny)
	case RoleSpec:
		list(spec.Permissions)
	case TemplateSpec:
		list(spec.Permissions)
	}
}

func (s *Set) exists(kind, name string) bool {
	_, ok := s.docs[kind][name]
	return ok || isBuiltin(kind, name)
}

// check looks at everything that can be said only of the documents together. changes are what made the set, nil if it is new.
func (s *Set) check(changes []Change, problems *problemList) {
	deleted, edited := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		edited[label(c.Kind, c.Name)] = true
		if c.Action == Delete {
			deleted[label(c.Kind, c.Name)] = true
		}
	}
	kinds := map[string]bool{}
	for _, k := range s.MessageKinds() {
		kinds[k] = true
	}
	s.checkFilters(problems)
	s.checkAutoReplies(problems)
	inUse := map[string][]string{} // who still refers to a deleted document
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			e := s.docs[kind][name]
			own := label(kind, name)
			for _, ref := range references(e) {
				target := label(ref.kind, ref.name)
				switch {
				case !s.exists(ref.kind, ref.name) && deleted[target] && !edited[own]:
					inUse[target] = append(inUse[target], own+" "+ref.path)
				case !s.exists(ref.kind, ref.name):
					problems.add(missingProblem(own, ref, deleted[target]))
				case ref.member:
					if a, _ := s.Account(ref.name); !a.Agent {
						problems.add(Problem{Document: own, Path: ref.path,
							Message:   fmt.Sprintf("account %q is not an agent (agent: true) and cannot be a member", ref.name),
							MessageZH: fmt.Sprintf("账号“%s”不是客服(agent: true)，不能作为成员", ref.name)})
					}
				}
			}
			s.checkHeldKinds(own, e.spec, kinds, problems)
			permissionsOf(e, func(path, permission string) {
				if received, ok := receivedKind(permission); ok && !kinds[received] {
					en, zh := fmt.Sprintf("%s: no inbox lists the kind %q", permission, received), fmt.Sprintf("%s：没有任何渠道产生“%s”类消息", permission, received)
					if near := closest(received, s.MessageKinds()); near != "" {
						en, zh = fmt.Sprintf("%s; did you mean %q?", en, receivePrefix+near), fmt.Sprintf("%s，是否想写“%s”？", zh, receivePrefix+near)
					}
					problems.add(Problem{Document: own, Path: path, Message: en, MessageZH: zh})
				}
			})
		}
	}
	for _, c := range changes { // in the order of the edits
		if users := inUse[label(c.Kind, c.Name)]; len(users) > 0 {
			problems.add(inUseProblem(label(c.Kind, c.Name), users))
		}
	}
}

func missingProblem(document string, ref reference, deleted bool) Problem {
	p := Problem{Document: document, Path: ref.path,
		Message:   fmt.Sprintf("there is no %s %q", ref.kind, ref.name),
		MessageZH: fmt.Sprintf("%s“%s”不存在", kindTitle(ref.kind), ref.name)}
	if deleted {
		p.Message = fmt.Sprintf("%s %q is deleted by the same change", ref.kind, ref.name)
		p.MessageZH = fmt.Sprintf("%s“%s”在同一次变更中被删除", kindTitle(ref.kind), ref.name)
	}
	return p
}

// maxNamed bounds how many documents one message lists.
const maxNamed = 10

func inUseProblem(document string, users []string) Problem {
	more := ""
	moreZH := ""
	if n := len(users) - maxNamed; n > 0 {
		users = users[:maxNamed]
		more, moreZH = fmt.Sprintf(" and %d more", n), fmt.Sprintf(" 等另外 %d 处", n)
	}
	return Problem{Document: document,
		Message:   "it cannot be deleted while others refer to it: " + strings.Join(users, ", ") + more,
		MessageZH: "还有其他设置引用它，不能删除：" + strings.Join(users, "、") + moreZH}
}

// administrator says whether the account is an administrator whom the company keeps: active, of role admin, still allowed to edit the policy, and
// without an end. The end counts whenever it is, so that no company finds itself without an administrator one morning, and no clock is needed here.
func (s *Set) administrator(name string) bool {
	a, ok := s.Account(name)
	return ok && a.State == reception.Active.String() && a.Expires.IsZero() && slices.Contains(a.Roles, AdminRole) &&
		!slices.ContainsFunc(a.Deny, func(g Grant) bool { return g.Permission == PolicyEdit })
}

// keepAdministrator refuses a change that leaves no active administrator where there was one.
func (s *Set) keepAdministrator(next *Set, changes []Change, problems *problemList) {
	for name := range next.docs[KindAccount] {
		if next.administrator(name) {
			return
		}
	}
	for _, c := range changes {
		if c.Kind == KindAccount && s.administrator(c.Name) {
			problems.add(Problem{Document: label(c.Kind, c.Name),
				Message:   "this change would leave no active administrator (an active account of role admin, without an end, that may edit the policy)",
				MessageZH: "这次变更会使系统没有任何有效的管理员（状态正常、角色为 admin、没有有效期、可以修改接待设置的账号）"})
		}
	}
}
