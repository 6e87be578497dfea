package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// words is what the sentences about an alteration are made from: the titles and reasons on both sides of the change.
type words struct{ c *comparison }

// Text says to the account what changes and who (by) did it: in Chinese for "zh…", in English for every other language. It is a sentence per change.
func (a *Alteration) Text(lang, by string) string { return a.text(lang, by, false) }

// LeadText says the same to the account's team leads.
func (a *Alteration) LeadText(lang, by string) string { return a.text(lang, by, true) }

func (a *Alteration) text(lang, by string, lead bool) string {
	if a.words.c == nil {
		return ""
	}
	s := speaker{c: a.words.c, account: a.Account, zh: strings.HasPrefix(lang, "zh"), by: by}
	s.you, s.your, s.gets = s.pick("你", "you"), s.pick("你的", "your"), "get"
	if lead {
		s.you = s.name(KindAccount, a.Account)
		s.your = s.pick(s.you+"的", s.you+"'s")
		s.gets = "gets"
	}
	if s.by == "" {
		s.by = s.pick("系统", "The system")
	}
	var sentences []string
	for _, g := range groups(a.Stops) {
		sentences = append(sentences, s.stops(g))
	}
	for _, g := range groups(a.Starts) {
		sentences = append(sentences, s.starts(g))
	}
	for _, w := range a.Windows {
		sentences = append(sentences, s.window(w))
	}
	for _, w := range a.Switches {
		sentences = append(sentences, s.pushSwitch(w))
	}
	for _, w := range a.Maintenance {
		sentences = append(sentences, s.maintenance(w))
	}
	return strings.Join(sentences, s.pick("", " "))
}

// group is cells with one cause, one time and the same kinds: one sentence.
type group struct {
	cause       string
	from, until time.Time
	inboxes     []string
	kinds       []string
}

// groups gathers cells into sentences, in the order of the cells.
func groups(refs []CellRef) []group {
	var byInbox, merged []group
	same := func(g group, cause string, from, until time.Time) bool {
		return g.cause == cause && g.from.Equal(from) && g.until.Equal(until)
	}
	for _, r := range refs {
		cause := causeOf(r.Code)
		i := slices.IndexFunc(byInbox, func(g group) bool { return g.inboxes[0] == r.Inbox && same(g, cause, r.From, r.Until) })
		if i < 0 {
			byInbox = append(byInbox, group{cause, r.From, r.Until, []string{r.Inbox}, []string{r.Kind}})
			continue
		}
		byInbox[i].kinds = append(byInbox[i].kinds, r.Kind)
	}
	for _, b := range byInbox {
		i := slices.IndexFunc(merged, func(g group) bool { return same(g, b.cause, b.from, b.until) && slices.Equal(g.kinds, b.kinds) })
		if i < 0 {
			merged = append(merged, b)
			continue
		}
		merged[i].inboxes = append(merged[i].inboxes, b.inboxes...)
	}
	return merged
}

// The causes that sentences tell apart.
const (
	causeInbox   = "inbox"
	causeMissing = "missing"
	causeExpired = "expired"
	causeState   = "state"
	causeAgent   = "agent"
	causeReceive = "receive"
	causeKind    = "kind"
	causeReply   = "reply"
	causeMember  = "member"
)

func causeOf(code reception.Code) string {
	switch code {
	case 0:
		return causeInbox
	case reception.CodeAccountStateMissing:
		return causeMissing
	case reception.CodeAccountStateExpired:
		return causeExpired
	case reception.CodeRoleReceiveNotAgent:
		return causeAgent
	}
	switch name := code.String(); name[:strings.LastIndexByte(name, '.')] {
	case reception.RoleReceive.String():
		return causeReceive
	case reception.PermissionKind.String():
		return causeKind
	case reception.PermissionReply.String():
		return causeReply
	case reception.MembershipInbox.String():
		return causeMember
	}
	return causeState
}

// speaker says sentences in one language about one account, to it (you) or to somebody else (its name).
type speaker struct {
	c         *comparison
	account   string
	zh        bool
	by        string
	you, your string
	gets      string // English only
}

func (s *speaker) pick(zh, en string) string {
	if s.zh {
		return zh
	}
	return en
}

// stops is the sentence about cells that stop.
func (s *speaker) stops(g group) string {
	inboxes, kinds := s.names(KindInbox, g.inboxes), s.kinds(g.kinds)
	var zh, en string
	state, reason := s.state()
	switch g.cause {
	case causeInbox:
		return s.pick(
			fmt.Sprintf("%s 更改了渠道设置：渠道 %s 不再有%s%s。", s.by, inboxes, kinds, s.when(g)),
			fmt.Sprintf("%s changed an inbox: %s no longer has %s%s.", s.by, inboxes, kinds, s.when(g)))
	case causeMissing:
		zh, en = "删除了%s账号", "deleted %s account"
	case causeExpired:
		zh, en = "设置了%s账号有效期", "set an end to %s account"
	case causeState:
		zh, en = "把%s账号状态改为“"+state+"”"+reason, "set %s account to "+state+reason
	case causeAgent:
		zh, en = "取消了%s客服身份", "ended %s being an agent"
	case causeReceive:
		zh, en = "关掉了%s接收消息权限", "turned off %s permission to receive messages"
	case causeKind:
		zh, en = "关掉了%s“"+kinds+"”接收权限", "turned off %s permission to receive "+kinds
	case causeReply:
		zh, en = "关掉了%s回复权限", "turned off %s permission to answer"
	case causeMember:
		zh, en = "把%s移出了渠道", "took %s out of the inbox"
	}
	whose := s.your
	if g.cause == causeMember {
		whose = s.you
	}
	return s.pick(
		fmt.Sprintf("%s %s：渠道 %s 的%s%s不再分配给%s。", s.by, fmt.Sprintf(zh, whose), inboxes, kinds, s.when(g), s.you),
		fmt.Sprintf("%s %s: %s no longer %s %s in %s%s.", s.by, fmt.Sprintf(en, whose), s.you, s.gets, kinds, inboxes, s.when(g)))
}

// starts is the sentence about cells that start.
func (s *speaker) starts(g group) string {
	inboxes, kinds := s.names(KindInbox, g.inboxes), s.kinds(g.kinds)
	var zh, en string
	state, _ := s.state()
	switch g.cause {
	case causeInbox:
		zh, en = "更改了渠道设置", "changed an inbox"
	case causeMissing:
		zh, en = "开通了%s账号", "opened %s account"
	case causeExpired:
		zh, en = "延长了%s账号有效期", "extended %s account"
	case causeState:
		zh, en = "把%s账号状态改为“"+state+"”", "set %s account to "+state
	case causeAgent:
		zh, en = "设置了%s客服身份", "made %s account an agent's"
	case causeReceive:
		zh, en = "打开了%s接收消息权限", "turned on %s permission to receive messages"
	case causeKind:
		zh, en = "打开了%s“"+kinds+"”接收权限", "turned on %s permission to receive "+kinds
	case causeReply:
		zh, en = "打开了%s回复权限", "turned on %s permission to answer"
	case causeMember:
		zh, en = "把%s加入了渠道", "added %s to the inbox"
	}
	cause := s.pick(zh, en)
	switch g.cause {
	case causeInbox:
	case causeMember:
		cause = fmt.Sprintf(cause, s.you)
	default:
		cause = fmt.Sprintf(cause, s.your)
	}
	return s.pick(
		fmt.Sprintf("%s %s：渠道 %s 的%s%s开始分配给%s。", s.by, cause, inboxes, kinds, s.when(g), s.you),
		fmt.Sprintf("%s %s: %s now %s %s in %s%s.", s.by, cause, s.you, s.gets, kinds, inboxes, s.when(g)))
}

var stateTitles = map[string]string{
	"invited": "待激活", "active": "正常", "disabled": "停用", "frozen": "冻结", "banned": "封禁", "left": "离职", "expired": "过期",
}

// state is the account's state after the change, with the reason for it in brackets.
func (s *speaker) state() (state, reason string) {
	a, _ := s.c.after.set.Account(s.account)
	if a.StateReason != "" {
		reason = s.pick("（原因："+a.StateReason+"）", " (reason: "+a.StateReason+")")
	}
	return s.pick(stateTitles[a.State], a.State), reason
}

// when says from when and until when, if it is not at once and for good.
func (s *speaker) when(g group) string {
	var text string
	if !g.from.IsZero() {
		text += s.pick("从 "+clockText(g.from)+" 起", " from "+clockText(g.from))
	}
	if !g.until.IsZero() {
		text += s.pick("（到 "+clockText(g.until)+" 为止）", " until "+clockText(g.until))
	}
	return text
}

func clockText(t time.Time) string { return t.Format("2006-01-02 15:04 -07:00") }

// window is the sentence about windows that are others now.
func (s *speaker) window(w WindowChange) string {
	inboxes, now := s.names(KindInbox, w.Inboxes), s.schedules(w.After)
	switch w.Of {
	case InboxHours:
		return s.pick(
			fmt.Sprintf("%s 更改了渠道 %s 的营业时间：现在为%s。", s.by, inboxes, now),
			fmt.Sprintf("%s changed the business hours of %s: now %s.", s.by, inboxes, now))
	case AccountExtension:
		if len(w.After) == 0 {
			return s.pick(
				fmt.Sprintf("%s 取消了%s接待时段的临时延长（渠道 %s）。", s.by, s.your, inboxes),
				fmt.Sprintf("%s ended the extension of %s reception windows (%s).", s.by, s.your, inboxes))
		}
		return s.pick(
			fmt.Sprintf("%s 延长了%s接待时段（渠道 %s）：%s。", s.by, s.your, inboxes, now),
			fmt.Sprintf("%s extended %s reception windows (%s): %s.", s.by, s.your, inboxes, now))
	case TeamWindows:
		return s.pick(
			fmt.Sprintf("%s 更改了%s客服组在渠道 %s 的接待时段：现在为%s。", s.by, s.your, inboxes, now),
			fmt.Sprintf("%s changed the reception windows of %s teams in %s: now %s.", s.by, s.your, inboxes, now))
	}
	return s.pick(
		fmt.Sprintf("%s 更改了%s接待时段（渠道 %s）：现在为%s。", s.by, s.your, inboxes, now),
		fmt.Sprintf("%s changed %s reception windows (%s): now %s.", s.by, s.your, inboxes, now))
}

// pushSwitch is the sentence about a switch that is in another state now.
func (s *speaker) pushSwitch(w SwitchChange) string {
	kind, target, _ := switchTarget(w.Name)
	what := s.pick("整个平台的", "the push of the whole platform")
	messages := s.pick("新消息", "new messages")
	switch kind {
	case KindInbox:
		messages = s.pick("该渠道的新消息", "new messages from it")
		what = s.pick("渠道 "+s.name(KindInbox, target)+" 的", "the push of "+s.name(KindInbox, target))
	case KindAccount:
		what = s.pick(s.your, s.your+" push")
	}
	reason := ""
	if w.After.Reason != "" {
		reason = s.pick("（原因："+w.After.Reason+"）", " (reason: "+w.After.Reason+")")
	}
	until := s.when(group{until: w.After.Until})
	switch w.After.State {
	case reception.Off:
		return s.pick(
			fmt.Sprintf("%s 关闭了%s消息推送%s：%s不再分配给%s。", s.by, what, reason, messages, s.you),
			fmt.Sprintf("%s turned off %s%s: %s no longer %s %s.", s.by, what, reason, s.you, s.gets, messages))
	case reception.Paused:
		return s.pick(
			fmt.Sprintf("%s 暂停了%s消息推送%s%s：%s暂不分配给%s。", s.by, what, until, reason, messages, s.you),
			fmt.Sprintf("%s paused %s%s%s: meanwhile %s %s no %s.", s.by, what, until, reason, s.you, s.gets, messages))
	case reception.Limited:
		rate := s.pick(fmt.Sprintf("每分钟最多 %d 个会话", w.After.PerMinute), fmt.Sprintf("at most %d conversations a minute", w.After.PerMinute))
		return s.pick(
			fmt.Sprintf("%s 将%s消息推送限为%s%s%s。", s.by, what, rate, until, reason),
			fmt.Sprintf("%s limited %s to %s%s%s.", s.by, what, rate, until, reason))
	}
	return s.pick(
		fmt.Sprintf("%s 打开了%s消息推送：%s恢复分配给%s。", s.by, what, messages, s.you),
		fmt.Sprintf("%s turned on %s: %s %s %s again.", s.by, what, s.you, s.gets, messages))
}

// name is a document's title with its name, or the name alone.
func (s *speaker) name(kind, name string) string {
	title := ""
	for _, set := range []*Set{s.c.before.set, s.c.after.set} {
		switch kind {
		case KindInbox:
			if spec, ok := set.Inbox(name); ok {
				title = spec.Title
			}
		case KindAccount:
			if spec, ok := set.Account(name); ok {
				title = spec.Title
			}
		}
	}
	if title == "" {
		return name
	}
	return s.pick(title+"("+name+")", title+" ("+name+")")
}

// maxListed bounds how many inboxes one sentence names.
const maxListed = 8

func (s *speaker) names(kind string, names []string) string {
	var parts []string
	for _, n := range names[:min(len(names), maxListed)] {
		parts = append(parts, s.name(kind, n))
	}
	more := ""
	if n := len(names) - maxListed; n > 0 {
		more = s.pick(fmt.Sprintf(" 等 %d 个", len(names)), fmt.Sprintf(" and %d more", n))
	}
	return strings.Join(parts, s.pick("、", ", ")) + more
}

var messageKindTitles = map[string][2]string{
	"customer": {"客户消息", "customers' messages"}, "group": {"群消息", "group messages"}, "system": {"系统推送", "system messages"},
	"auto_reply": {"自动回复", "automatic replies"}, "internal": {"内部消息", "internal messages"},
}

func (s *speaker) kinds(kinds []string) string {
	var parts []string
	for _, k := range kinds {
		title := KindTitle(k)
		parts = append(parts, s.pick(title.ZH, title.EN))
	}
	return strings.Join(parts, s.pick("、", ", "))
}
