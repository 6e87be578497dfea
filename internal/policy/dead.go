package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// Why says in what way a rule is dead.
type Why string

// The ways.
const (
	WhyUnused    Why = "unused"    // nobody has it, or nothing produces what it is for
	WhyEnded     Why = "ended"     // it is over, and lies there still
	WhyNothing   Why = "nothing"   // it gives nothing beside the rest
	WhyCovered   Why = "covered"   // a window that is open only while others are
	WhyShadowed  Why = "shadowed"  // a filter rule or an automatic reply that one before it leaves nothing to
	WhyForgotten Why = "forgotten" // a switch that stops reception without an end, for long
)

// DeadRule is something in a valid policy that has no effect, or that was probably forgotten.
type DeadRule struct {
	Problem
	Why Why
	// Since is when a forgotten switch was set so; zero for all others.
	Since time.Time
}

// DeadQuestion is what DeadRules needs to know beside the policy.
type DeadQuestion struct {
	Now time.Time
	// Since says since when a switch has stopped as it does, if that is known; nil if it is known of none. Without it no switch is called forgotten.
	Since func(name string) (time.Time, bool)
	// Part says that the set may be only a part of a policy: that nobody has something is then said of this part.
	Part bool
}

// DeadRules lists what a valid policy says without effect: grants that give nothing, windows that others cover, filter rules that one before them leaves
// nothing to, maintenance and extensions that are over, schedules, roles, templates and teams that nobody has, and switches that were forgotten. They
// are warnings: a policy with them is valid and, but for forgotten switches and blocked versions, decides just as it would without them, at Now and from then on. Every
// claim rests on the structure of the documents alone. At most 1,000 are listed, in order of document.
func DeadRules(s *Set, q DeadQuestion) []DeadRule {
	f := newDead(s, q)
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			f.document(s.docs[kind][name])
		}
	}
	return f.list
}

// DeadGrants lists the rules without effect among an account's own grants and denials.
func DeadGrants(s *Set, account string, now time.Time) []DeadRule {
	f := &dead{set: s, q: DeadQuestion{Now: now}}
	if spec, ok := s.Account(account); ok {
		f.grants(label(KindAccount, account), spec)
	}
	return f.list
}

// DeadProblems are dead rules as problems, for those who show both.
func DeadProblems(rules []DeadRule) Problems {
	var list Problems
	for _, r := range rules {
		list = append(list, r.Problem)
	}
	return list
}

// dead looks for rules without effect.
type dead struct {
	set      *Set
	q        DeadQuestion
	used     map[string]bool
	windows  *warner
	shadowed map[string]string // filter rules, by name, with the rule that leaves them nothing
	list     []DeadRule
}

func newDead(s *Set, q DeadQuestion) *dead {
	f := &dead{set: s, q: q, used: map[string]bool{}, shadowed: shadowed(s), windows: newWarner(s, q.Now)}
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			for _, ref := range references(s.docs[kind][name]) {
				f.used[label(ref.kind, ref.name)] = true
			}
		}
	}
	return f
}

func (f *dead) add(why Why, document, path, en, zh string) {
	f.put(DeadRule{Problem: Problem{Document: document, Path: path, Message: en, MessageZH: zh}, Why: why})
}

func (f *dead) put(r DeadRule) {
	if len(f.list) < maxProblems {
		f.list = append(f.list, r)
	}
}

func (f *dead) document(e entry) {
	own := label(e.Kind, e.Name)
	switch spec := e.spec.(type) {
	case AccountSpec:
		f.grants(own, spec)
		f.covered(own, spec.Windows)
		f.extensions(own, spec.Extensions)
	case TeamSpec:
		f.team(own, spec)
	case InboxSpec:
		f.extensions(own, spec.Extensions)
		f.needless(own, spec.Extensions, spec.Hours == "", "an inbox without hours is always open", "没有营业时间的渠道始终营业")
	case RoleSpec:
		f.unused(own, "no account has this role", "没有任何账号使用这个角色")
	case TemplateSpec:
		f.unused(own, "no role is made from this template", "没有任何角色使用这个模板")
	case ScheduleSpec:
		f.unused(own, "no account, team or inbox uses this schedule", "没有任何账号、客服组或渠道使用这个时间表")
	case AutoReplySpec:
		f.autoReply(e.Name, own, spec)
	case SwitchSpec:
		f.pushSwitch(own, e.Name, spec)
	case MaintenanceSpec:
		f.maintenance(own, spec)
	case ClientSpec:
		f.versions(own, spec)
	case FilterSpec:
		f.filter(own, e.Name, spec)
	}
}

func (f *dead) team(own string, spec TeamSpec) {
	if len(spec.Members) == 0 {
		f.add(WhyUnused, own, "/spec/members", "the team has no members", "这个客服组没有成员")
	} else {
		f.unused(own, "no inbox is served by this team", "没有任何接待渠道使用这个客服组")
	}
	f.covered(own, spec.Windows)
	f.extensions(own, spec.Extensions)
	f.needless(own, spec.Extensions, len(spec.Windows) == 0, "a team without windows is always open", "没有接待时段的客服组始终可接待")
}

func (f *dead) unused(own, en, zh string) {
	switch {
	case f.used[own]:
	case f.q.Part:
		f.add(WhyUnused, own, "", "in this file "+en, "在这个文件里"+zh)
	default:
		f.add(WhyUnused, own, "", en, zh)
	}
}

// ForgottenAfter is how long a switch stops without an end before it counts as forgotten.
const ForgottenAfter = 30 * 24 * time.Hour

// StopsForGood says whether a switch is off, or paused without an end: nothing but a person ends that.
func (s *SwitchSpec) StopsForGood() bool {
	return (s.State == "off" || s.State == "paused") && s.Until.IsZero()
}

// Forgotten says whether a switch that has been as it is since an instant looks forgotten: it is off, or paused without an end, for long.
func (s *SwitchSpec) Forgotten(since, now time.Time) bool {
	return s.StopsForGood() && !since.IsZero() && now.Sub(since) > ForgottenAfter
}

func (f *dead) pushSwitch(own, name string, spec SwitchSpec) {
	if spec.State != "on" && !spec.Until.IsZero() && !f.q.Now.Before(spec.Until) {
		f.add(WhyEnded, own, "/spec/until", "this is over: the switch is on again, whatever its state says", "截止时间已过：开关实际已恢复，与所写状态不符")
		return
	}
	if f.q.Since == nil {
		return
	}
	since, known := f.q.Since(name)
	if !known || !spec.Forgotten(since, f.q.Now) {
		return
	}
	days := int(f.q.Now.Sub(since) / (24 * time.Hour))
	f.put(DeadRule{Why: WhyForgotten, Since: since, Problem: Problem{Document: own, Path: "/spec/state",
		Message:   fmt.Sprintf("%s without an end for %d days: was it forgotten?", spec.State, days),
		MessageZH: fmt.Sprintf("已%s %d 天，且没有截止时间：是否忘了恢复？", map[string]string{"off": "关闭", "paused": "暂停"}[spec.State], days)}})
}

func (f *dead) maintenance(own string, spec MaintenanceSpec) {
	over := !spec.Window() || !f.q.Now.Before(spec.Until)
	if over && (spec.Announcement == nil || !f.q.Now.Before(spec.AnnouncedUntil())) {
		f.add(WhyEnded, own, "", "this is over and can be taken out", "已经结束，可以删去")
	}
}

// versions names blocked versions that are below the minimum, and so get nothing new already. The block still takes from them the conversations that they have.
func (f *dead) versions(own string, spec ClientSpec) {
	minimum, _ := reception.ParseVersion(spec.Minimum)
	if !minimum.Known() {
		return
	}
	for i, text := range spec.Blocked {
		if v, _ := reception.ParseVersion(text); v.Compare(minimum) < 0 {
			f.add(WhyNothing, own, pointer("spec", "blocked", strconv.Itoa(i)), fmt.Sprintf("%s is below the minimum %s and gets nothing new anyway; the block only takes from it the conversations that it has", text, spec.Minimum),
				fmt.Sprintf("%s 已低于最低版本 %s，本来就不会分到新会话；禁用只会再收走它手上的会话", text, spec.Minimum))
		}
	}
}

// filter names a rule that never decides.
func (f *dead) filter(own, name string, spec FilterSpec) {
	if !spec.On() {
		return
	}
	if by, ok := f.shadowed[name]; ok {
		f.add(WhyShadowed, own, "", fmt.Sprintf("this rule never takes effect: %q comes before it and takes everything that it would", by), fmt.Sprintf("这条规则不会起作用：排在它前面的“%s”已包含它匹配的全部消息", by))
		return
	}
	if len(spec.Kinds) > 0 && !f.set.produces(spec.Inboxes, spec.Kinds) {
		if f.q.Part {
			f.add(WhyNothing, own, "/spec/kinds", "in this file no inbox that the rule is about has these kinds", "在这个文件里，这条规则所管的渠道都不产生这些消息类型")
			return
		}
		f.add(WhyNothing, own, "/spec/kinds", "no inbox that the rule is about has these kinds", "这条规则所管的渠道都不产生这些消息类型")
	}
}

// covered names the windows of an account or a team that give nothing beside the others.
func (f *dead) covered(own string, windows []string) {
	f.take(WhyCovered, func(w *warner) { w.windows(own, windows) })
}

func (f *dead) extensions(own string, list []Extension) {
	f.take(WhyEnded, func(w *warner) { w.extensions(own, list) })
}

func (f *dead) needless(own string, list []Extension, open bool, en, zh string) {
	f.take(WhyNothing, func(w *warner) { w.needless(own, list, open, en, zh) })
}

func (f *dead) take(why Why, look func(*warner)) {
	f.windows.list = nil
	look(f.windows)
	for _, p := range f.windows.list {
		f.add(why, p.Document, p.Path, p.Message, p.MessageZH)
	}
}

// grants names an account's own allows that give nothing, and overrides that have ended.
func (f *dead) grants(own string, a AccountSpec) {
	ended := func(list string, i int, g Grant) bool {
		if g.Until.IsZero() || f.q.Now.Before(g.Until) {
			return false
		}
		f.add(WhyEnded, own, pointer("spec", list, strconv.Itoa(i)), g.Permission+": this has ended and no longer counts", g.Permission+"：已到期，不再起作用")
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
		f.add(WhyNothing, own, path, g.Permission+" is denied to this account too, and a denial wins: this gives nothing", g.Permission+"同时被该账号的 deny 禁止，禁止优先：这项授权不起作用")
	case (receives || g.Permission == Receive) && !a.Agent:
		f.add(WhyNothing, own, path, "the account is not an agent (agent: true) and receives nothing: "+g.Permission+" gives nothing", "该账号不是客服(agent: true)，不接收消息："+g.Permission+" 不起作用")
	case slices.ContainsFunc(a.Roles, func(role string) bool { return slices.Contains(f.set.RolePermissions(role), g.Permission) }):
		f.add(WhyNothing, own, path, "a role of the account grants "+g.Permission+" already", "该账号的角色已有 "+g.Permission+"，这项授权多余")
	case receives && (denied(Receive) || !f.has(a, Receive)):
		f.add(WhyNothing, own, path, g.Permission+" needs receive, which the account does not have: this gives nothing", g.Permission+" 需要总权限 receive，而该账号没有：这项授权不起作用")
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
