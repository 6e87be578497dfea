package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/reception"
)

// words is a text in both languages.
type words struct{ zh, en string }

func (w words) in(lang string) string {
	if lang == "zh" {
		return w.zh
	}
	return w.en
}

// passing says each gate where it passes.
var passing = map[string]words{
	"account.state":    {"账号正常", "account active"},
	"account.login":    {"已登录", "signed in"},
	"role.receive":     {"角色含接收", "role may receive"},
	"permission.kind":  {"消息类型有权限", "kinds allowed"},
	"permission.reply": {"可以回复", "may answer"},
	"membership.inbox": {"属于渠道", "member of the inbox"},
	"window.agent":     {"接待时段内", "inside the reception window"},
	"switch.platform":  {"平台推送开", "platform push on"},
	"switch.inbox":     {"渠道推送开", "inbox push on"},
	"switch.account":   {"账号推送开", "account push on"},
	"window.inbox":     {"营业中", "within business hours"},
	"filter":           {"未被规则拦截", "not kept back"},
	"maintenance":      {"不在维护", "no maintenance"},
	"system.health":    {"系统正常", "system healthy"},
	"presence":         {"在线", "available"},
	"connection":       {"已连接", "connected"},
	"client.version":   {"客户端版本符合", "client version fits"},
	"client.notify":    {"消息提醒正常", "is noticed"},
	"capacity":         {"负载未满", "below the limit"},
	"conversation":     {"会话可接", "conversation free"},
	"routing":          {"已分配", "chosen"},
	"queue":            {"已入队", "queued"},
	"push":             {"推送正常", "pushed"},
	"view":             {"可见", "in view"},
}

var parts = []words{
	{"一 账号与权限", "1 account, rights"},
	{"二 系统与推送", "2 system, push"},
	{"三 客户端", "3 client"},
	{"四 分配", "4 assignment"},
	{"五 送达", "5 delivery"},
}

// marks are the shapes of the outcomes and verdicts; not by colour alone.
var marks = map[string]string{
	"pass": "✓", "block": "✕", "wait": "◷", "unknown": "?", "not_applicable": "·",
	string(diagnosis.Receiving): "✓", string(diagnosis.NoTraffic): "✓", string(diagnosis.Partial): "✕", string(diagnosis.Blocked): "✕",
	string(diagnosis.Waiting): "◷",
}

func mark(of string) string {
	if m, ok := marks[of]; ok {
		return m
	}
	return "?"
}

// report prints a diagnosis: the answer, the reason, the proof, and the check-list.
func (s *session) report(r *diagnosis.Report) {
	s.print("%s %s\n", mark(string(r.Verdict)), r.Headline.In(s.lang))
	s.print(s.pick("  %s · 版本 %d · 位置 %d\n", "  %s · revision %d · position %d\n"), s.time(time.Time(r.At)), r.Revision, r.Position)
	s.place(r)
	findings := slices.Clone(r.Findings)
	slices.SortStableFunc(findings, func(a, b diagnosis.Finding) int { return rank(a) - rank(b) })
	for i := range findings {
		s.finding(r, &findings[i])
	}
	s.best(r)
	for _, d := range r.DeadRules {
		s.print(s.pick("\n  ! 无效规则：%s %s：%s\n", "\n  ! without effect: %s %s: %s\n"), d.Document, d.Path, d.Text.In(s.lang))
	}
	s.print("\n")
	for part := 1; part <= len(parts); part++ {
		s.part(r, part)
	}
	if r.Next != "" {
		s.print("\n%s %s\n", s.pick("还需要：", "Next:"), r.Next)
	}
}

// rank puts the primary cause first, then other unexpected roots, then what was to be expected, then consequences.
func rank(f diagnosis.Finding) int {
	switch {
	case f.Primary:
		return 0
	case f.ConsequenceOf != nil:
		return 3
	case f.Expected:
		return 2
	}
	return 1
}

func (s *session) finding(r *diagnosis.Report, f *diagnosis.Finding) {
	label := s.pick("另有", "also")
	switch {
	case r.Subject.Excess:
		label = s.pick("依据", "rests on")
	case f.Primary:
		label = s.pick("主要原因", "cause")
	case f.ConsequenceOf != nil:
		label = s.pick("由此引起", "follows")
	}
	s.print("\n  %s %s: %s  [%s]%s\n", mark(f.Outcome), label, s.title(f.Code), f.Code, scope(f.Scope, r))
	if len(f.Agents) > 0 {
		s.print("      %s\n", s.people(r, f.Agents, f.AgentCount))
	}
	if f.Expected {
		why := ""
		if f.Because != nil {
			why = s.pick(":", ": ") + f.Because.In(s.lang)
		}
		s.print("      %s%s\n", s.pick("属于正常情况", "to be expected"), why)
	}
	if f.ConsequenceOf != nil {
		s.print("      %s %s\n", s.pick("源于", "because of"), s.title(*f.ConsequenceOf))
	}
	if f.Since != nil || f.ChangedBy != nil {
		s.print("      %s\n", s.origin(f))
	}
	for _, e := range f.Evidence {
		at := ""
		if e.At != nil {
			at = ", " + s.time(time.Time(*e.At))
		}
		s.print("      %s: %s (%s%s)\n", e.Fact, e.Value, e.Source, at)
	}
	if f.Fix != nil {
		s.fix(f.Fix)
	}
}

// origin says since when something is so, and who made it so.
func (s *session) origin(f *diagnosis.Finding) string {
	var say []string
	if f.Since != nil {
		say = append(say, s.pick("自 ", "since ")+s.time(time.Time(*f.Since)))
	}
	if c := f.ChangedBy; c != nil {
		who := c.Title
		if c.Account != "" && c.Account != c.Title {
			who = strings.TrimSpace(who + " (" + c.Account + ")")
		}
		if c.Title == "" {
			who = c.Account
		}
		if who != "" {
			say = append(say, s.pick("由 ", "by ")+who)
		}
		if c.Revision != 0 {
			say = append(say, fmt.Sprintf(s.pick("版本 %d", "revision %d"), c.Revision))
		}
		for _, more := range []string{c.Source, c.Cause, c.Reason} {
			if more != "" {
				say = append(say, more)
			}
		}
	}
	return strings.Join(say, " · ")
}

var menders = map[string]words{
	"self": {"本人", "the agent"}, "supervisor": {"主管", "a supervisor"}, "admin": {"管理员", "an administrator"}, "security": {"安全", "security"},
	"on-call": {"值班工程师", "the engineer on call"},
}

func (s *session) fix(f *diagnosis.Fix) {
	who, ok := menders[f.By]
	if !ok {
		who = words{f.By, f.By}
	}
	verified := s.pick("未验证", "not verified")
	if f.Verified {
		verified = s.pick("已重新判定验证", "verified by deciding again")
	}
	s.print("    → %s (%s, %s)\n", s.pick("处理", "fix"), who.in(s.lang), verified)
	for _, e := range f.Edits {
		s.print("      %s/%s\n", e.Kind, e.Name)
		for _, c := range e.Fields {
			s.print("        %s: %s → %s\n", strings.TrimPrefix(c.Path, "/spec"), s.value(c.Before), s.value(c.After))
		}
	}
	for _, a := range f.Actions {
		s.print("      %s\n", a.Text.In(s.lang))
	}
	if o := f.Others; o != nil && o.Count > 0 {
		s.print(s.pick("      还会改变 %d 项：%s\n", "      changes %d more: %s\n"), o.Count, otherCells(o))
	}
}

// part prints one line of the check-list. Of a gate that stops some cells and lets others pass, only what stops is said.
func (s *session) part(r *diagnosis.Report, part int) {
	var say []string
	for _, c := range r.Checks {
		if c.Part != part || c.Outcome != "block" && c.Outcome != "wait" && worse(r.Checks, c) {
			continue
		}
		text := c.Gate
		if w, ok := passing[c.Gate]; ok {
			text = w.in(s.lang)
		}
		warns := c.Outcome == "pass" && severity(c.Code) == "warning"
		if c.Code != "" && (c.Outcome != "pass" || warns) && !strings.HasPrefix(c.Code, "checklist.") { // an answer that is missing is about the gate itself
			text = s.title(c.Code) + scope(c.Scope, r)
		}
		if c.Agents > 0 {
			text += fmt.Sprintf(s.pick("（%d 人）", " (%d)"), c.Agents)
		}
		if c.Until != nil {
			text += s.pick(" 至 ", " until ") + s.time(time.Time(*c.Until))
		}
		sign := mark(c.Outcome)
		if warns {
			sign = "!"
		}
		say = append(say, sign+" "+text)
	}
	if part == len(parts) && r.Hypothetical == nil && r.Place == nil && r.Revision != 0 { // of answers nothing was counted
		t := r.Traffic
		say = append(say, fmt.Sprintf(s.pick("近 24 小时：应收 %d、可接收 %d、由同事接待 %d、已推送 %d、已送达 %d",
			"last 24 h: %d offered, %d eligible, %d given to colleagues, %d pushed, %d received"),
			t.Offered, t.Eligible, t.AssignedElsewhere, t.Pushed, t.Received))
	}
	if len(say) > 0 {
		s.print("  %s  %s\n", pad(parts[part-1].in(s.lang), s.widest()), strings.Join(say, "  "))
	}
}

// severity is that of a reason code; "" for none.
func severity(name string) string {
	code, _ := reception.ParseCode(name)
	return reception.Lookup(code).Severity
}

// weight orders outcomes by what a person has to know first.
var weight = map[string]int{"not_applicable": 0, "pass": 1, "unknown": 2, "wait": 3, "block": 4}

// worse says that the same gate has a worse outcome for other cells.
func worse(checks []diagnosis.Check, c diagnosis.Check) bool {
	return slices.ContainsFunc(checks, func(o diagnosis.Check) bool { return o.Gate == c.Gate && weight[o.Outcome] > weight[c.Outcome] })
}

func (s *session) widest() int {
	n := 0
	for _, p := range parts {
		n = max(n, columns(p.in(s.lang)))
	}
	return n
}

// title is a code in words.
func (s *session) title(code string) string {
	if c, ok := reception.ParseCode(code); ok {
		return reception.Lookup(c).Title.In(s.lang)
	}
	return code
}

// scope names cells, unless they are all that the report is about; few of them are shown.
func scope(cells []diagnosis.CellRef, of *diagnosis.Report) string {
	whole := map[diagnosis.CellRef]bool{}
	for _, c := range of.Checks {
		for _, cell := range c.Scope {
			whole[cell] = true
		}
	}
	if len(cells) == 0 || len(cells) == len(whole) {
		return ""
	}
	const shown = 4
	var names []string
	for _, c := range cells[:min(len(cells), shown)] {
		names = append(names, c.Inbox+"·"+c.Kind)
	}
	more := ""
	if len(cells) > shown {
		more = fmt.Sprintf(" +%d", len(cells)-shown)
	}
	return " (" + strings.Join(names, ", ") + more + ")"
}

// time says an instant in the session's zone; today's without the date.
func (s *session) time(t time.Time) string {
	t = t.In(s.zone)
	now := time.Now().In(s.zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}
