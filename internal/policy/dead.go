package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// DeadRules lists what a valid policy says without effect: grants that give nothing, schedules that nobody uses, roles, templates and teams that nobody has,
// switches that were forgotten. They are warnings: a policy with them is valid, and decides just as it would without them, at now and from then on. since says when a document was last changed, if that is known (nil: it is of none); without it a switch that
// is off is not called forgotten. Every claim rests on the structure of the documents alone. At most 1,000 are listed, in order of document.
func DeadRules(s *Set, now time.Time, since func(Document) (time.Time, bool)) Problems {
	f := &dead{set: s, now: now, since: since, used: map[string]bool{}, problems: &problemList{}}
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			for _, ref := range references(s.docs[kind][name]) {
				f.used[label(ref.kind, ref.name)] = true
			}
		}
	}
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			f.document(s.docs[kind][name])
		}
	}
	return f.problems.list
}

// forgottenAfter is how long a switch without an end is off or paused before it counts as forgotten.
const forgottenAfter = 30 * 24 * time.Hour

// dead looks for rules without effect.
type dead struct {
	set      *Set
	now      time.Time
	since    func(Document) (time.Time, bool)
	used     map[string]bool
	problems *problemList
}

func (f *dead) add(document, path, en, zh string) {
	f.problems.add(Problem{Document: document, Path: path, Message: en, MessageZH: zh})
}

func (f *dead) document(e entry) {
	own := label(e.Kind, e.Name)
	switch spec := e.spec.(type) {
	case AccountSpec:
		f.grants(own, spec)
	case TeamSpec:
		switch {
		case len(spec.Members) == 0:
			f.add(own, "/spec/members", "the team has no members", "这个客服组没有成员")
		case !f.used[own]:
			f.add(own, "", "no inbox is served by this team", "没有任何接待渠道使用这个客服组")
		}
	case RoleSpec:
		f.unused(own, "no account has this role", "没有任何账号使用这个角色")
	case TemplateSpec:
		f.unused(own, "no role is made from this template", "没有任何角色使用这个模板")
	case ScheduleSpec:
		f.unused(own, "no account, team or inbox uses this schedule", "没有任何账号、客服组或渠道使用这个时间表")
	case AutoReplySpec:
		f.autoReply(e.Name, own, spec)
	case SwitchSpec:
		f.pushSwitch(e.Document, own, spec)
	}
}

func (f *dead) unused(own, en, zh string) {
	if !f.used[own] {
		f.add(own, "", en, zh)
	}
}

func (f *dead) pushSwitch(d Document, own string, spec SwitchSpec) {
	if spec.State == "on" {
		return
	}
	if !spec.Until.IsZero() {
		if !f.now.Before(spec.Until) {
			f.add(own, "/spec/until", "this is over: the switch is on again, whatever its state says", "截止时间已过：开关实际已恢复，与所写状态不符")
		}
		return
	}
	if f.since == nil || spec.State == "limited" {
		return
	}
	if at, known := f.since(d); known && f.now.Sub(at) > forgottenAfter {
		days := int(f.now.Sub(at) / (24 * time.Hour))
		f.add(own, "/spec/state", fmt.Sprintf("%s without an end for %d days: was it forgotten?", spec.State, days),
			fmt.Sprintf("已%s %d 天，且没有截止时间：是否忘了恢复？", map[string]string{"off": "关闭", "paused": "暂停"}[spec.State], days))
	}
}

// grants names an account's own allows that give nothing, and overrides that have ended.
func (f *dead) grants(own string, a AccountSpec) {
	ended := func(list string, i int, g Grant) bool {
		if g.Until.IsZero() || f.now.Before(g.Until) {
			return false
		}
		f.add(own, pointer("spec", list, strconv.Itoa(i)), g.Permission+": this has ended and no longer counts", g.Permission+"：已到期，不再起作用")
		return true
	}
	for i, g := range a.Allow {
		if !ended("allow", i, g) {
			f.allow(own, pointer("spec", "allow", strconv.Itoa(i)), a, g)
		}
	}
	for i, g := range a.Deny {
		ended("deny", i, g)
	}
}

// allow names the first reason why a grant that counts gives nothing, for as long as it counts.
func (f *dead) allow(own, path string, a AccountSpec, g Grant) {
	_, receives := receivedKind(g.Permission)
	denied := func(permission string) bool {
		d, ok := grantOf(a.Deny, permission)
		return ok && lasts(d.Until, g.Until)
	}
	switch {
	case denied(g.Permission):
		f.add(own, path, g.Permission+" is denied to this account too, and a denial wins: this gives nothing", g.Permission+"同时被该账号的 deny 禁止，禁止优先：这项授权不起作用")
	case (receives || g.Permission == Receive) && !a.Agent:
		f.add(own, path, "the account is not an agent (agent: true) and receives nothing: "+g.Permission+" gives nothing", "该账号不是客服(agent: true)，不接收消息："+g.Permission+" 不起作用")
	case slices.ContainsFunc(a.Roles, func(role string) bool { return slices.Contains(f.set.RolePermissions(role), g.Permission) }):
		f.add(own, path, "a role of the account grants "+g.Permission+" already", "该账号的角色已有 "+g.Permission+"，这项授权多余")
	case receives && (denied(Receive) || !f.has(a, Receive)):
		f.add(own, path, g.Permission+" needs receive, which the account does not have: this gives nothing", g.Permission+" 需要总权限 receive，而该账号没有：这项授权不起作用")
	}
}

// has says whether an account is granted a permission by a role or by itself at any time.
func (f *dead) has(a AccountSpec, permission string) bool {
	if _, ok := grantOf(a.Allow, permission); ok {
		return true
	}
	return slices.ContainsFunc(a.Roles, func(role string) bool { return slices.Contains(f.set.RolePermissions(role), permission) })
}

// lasts says whether what ends at one instant lasts as long as what ends at the other; the zero time is without end.
func lasts(one, other time.Time) bool {
	return one.IsZero() || !other.IsZero() && !one.Before(other)
}
