package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// AccountSpec is a person or robot that can sign in (账号).
type AccountSpec struct {
	Title       string      `json:"title,omitempty"`
	Alias       string      `json:"alias,omitempty"`
	Number      string      `json:"number,omitempty"`
	Position    string      `json:"position,omitempty"`
	Agent       bool        `json:"agent,omitempty"`
	Robot       bool        `json:"robot,omitempty"`
	State       string      `json:"state,omitempty"` // never empty once decoded
	StateReason string      `json:"state_reason,omitempty"`
	StateUntil  Instant     `json:"state_until,omitzero"`
	Roles       []string    `json:"roles,omitempty"`
	Allow       []Grant     `json:"allow,omitempty"`
	Deny        []Grant     `json:"deny,omitempty"`
	Windows     []string    `json:"windows,omitempty"`
	Extensions  []Extension `json:"extensions,omitempty"`
	Capacity    Capacity    `json:"capacity,omitzero"`
	Expires     Instant     `json:"expires,omitzero"`
}

// Instant is a time as documents write it.
type Instant = time.Time

// Grant is an account's own allow or deny of one permission. From Until on, if it is set, it no longer counts.
type Grant struct {
	Permission string  `json:"permission"`
	Until      Instant `json:"until,omitzero"`
}

// Capacity limits the open conversations of an account; 0 and a missing inbox are no limit of the account's own.
type Capacity struct {
	Total   int            `json:"total,omitempty"`
	Inboxes map[string]int `json:"inboxes,omitempty"`
}

// RoleSpec is a named set of permissions (角色). Permissions is nil when the role follows its template.
type RoleSpec struct {
	Title       string   `json:"title,omitempty"`
	Template    string   `json:"template,omitempty"`
	Permissions []string `json:"permissions,omitzero"`
}

// TemplateSpec is what roles are made from (角色模板).
type TemplateSpec struct {
	Title       string   `json:"title,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

// TeamSpec is a team of agents (客服组).
type TeamSpec struct {
	Title      string      `json:"title,omitempty"`
	Members    []string    `json:"members,omitempty"`
	Lead       string      `json:"lead,omitempty"`
	Windows    []string    `json:"windows,omitempty"`
	Extensions []Extension `json:"extensions,omitempty"`
}

// InboxSpec is one entrance for messages (接待渠道). Channel, Mode, Kinds and Routing.Strategy are always written out: how an inbox works should not
// have to be remembered.
type InboxSpec struct {
	Title      string      `json:"title,omitempty"`
	Channel    string      `json:"channel"`
	Mode       string      `json:"mode"`
	Kinds      []string    `json:"kinds"`
	Members    Members     `json:"members,omitzero"`
	Hours      string      `json:"hours,omitempty"`
	Extensions []Extension `json:"extensions,omitempty"`
	Routing    Routing     `json:"routing"`
	Capacity   int         `json:"capacity,omitempty"`
}

// Members are those who serve an inbox, directly and by team.
type Members struct {
	Accounts []string `json:"accounts,omitempty"`
	Teams    []string `json:"teams,omitempty"`
}

// Routing is how an inbox chooses among those who can receive, and how long it waits for agents and customers.
type Routing struct {
	Strategy       string   `json:"strategy"`
	Sticky         bool     `json:"sticky,omitempty"`
	AcceptTimeout  Duration `json:"accept_timeout,omitempty"`
	AnswerTimeout  Duration `json:"answer_timeout,omitempty"`
	IdlePrompt     Duration `json:"idle_prompt,omitempty"`
	IdlePromptText string   `json:"idle_prompt_text,omitempty"`
	IdleClose      Duration `json:"idle_close,omitempty"`
}

// SwitchSpec is a push switch (推送开关).
type SwitchSpec struct {
	State string  `json:"state"`
	Until Instant `json:"until,omitzero"`
	// PerMinute is how many conversations a limited switch lets through a minute.
	PerMinute int    `json:"per_minute,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Normalize decodes a spec strictly and writes it canonically. The error is Problems; references to other documents are not looked at.
func Normalize(kind string, spec json.RawMessage) (json.RawMessage, error) {
	problems := &problemList{}
	value := decodeJSON(kind, short(kind), spec, problems)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return encode(value), nil
}

// decodeJSON decodes a spec; what is wrong with it goes into problems under the document's label.
func decodeJSON(kind, document string, spec json.RawMessage, problems *problemList) any {
	d := &decoder{document: document, problems: problems}
	if kindRank(kind) < 0 {
		d.unknownKind(kind, 0)
		return nil
	}
	d.path = []string{"spec"}
	n, err := jsonNode(spec)
	if err != nil {
		d.problemAt(0, "the spec is not JSON: "+err.Error(), "spec 不是有效的 JSON:"+err.Error())
		return nil
	}
	return d.spec(kind, n)
}

// unbuiltKinds are kinds of the design whose part does not exist yet.
var unbuiltKinds = []string{"approval", "alert"}

func (d *decoder) unknownKind(kind string, line int) {
	en, zh := fmt.Sprintf("unknown kind of document %s", quoted(kind)), fmt.Sprintf("未知的文档类型 %s", quoted(kind))
	if slices.Contains(unbuiltKinds, kind) {
		en, zh = en+": it is not built yet", zh+"：尚未实现"
	} else if near := closest(kind, kindOrder); near != "" {
		en, zh = fmt.Sprintf("%s; did you mean %q?", en, near), fmt.Sprintf("%s，是否想写“%s”？", zh, near)
	}
	outer := d.path
	d.path = []string{"kind"}
	d.problemAt(line, en, zh)
	d.path = outer
}

// spec decodes the spec of a known kind, with its defaults filled in.
func (d *decoder) spec(kind string, n *node) any {
	switch kind {
	case KindAccount:
		return d.account(n)
	case KindRole:
		return d.role(n)
	case KindTemplate:
		return d.template(n)
	case KindTeam:
		return d.team(n)
	case KindInbox:
		return d.inbox(n)
	case KindCalendar:
		return d.calendar(n)
	case KindSchedule:
		return d.schedule(n)
	case KindSwitch:
		return d.pushSwitch(n)
	case KindFilter:
		return d.filter(n)
	case KindAutoReply:
		return d.autoReply(n)
	case KindMaintenance:
		return d.maintenance(n)
	case KindClient:
		return d.client(n)
	}
	return nil
}

// encode writes a spec canonically: fields in the order of the type, defaults left out, nothing escaped that need not be.
func encode(spec any) json.RawMessage {
	if a, ok := spec.(AccountSpec); ok && a.State == reception.Active.String() {
		a.State = ""
		spec = a
	}
	switch f := spec.(type) {
	case FilterSpec:
		spec = f.canonical()
	case AutoReplySpec:
		spec = f.canonical()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(spec); err != nil {
		// The decoder lets no value through that does not encode.
		panic("policy: a spec does not encode: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (d *decoder) account(n *node) AccountSpec {
	s := AccountSpec{State: reception.Active.String()}
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"alias", d.text(&s.Alias)},
		field{"number", d.text(&s.Number)},
		field{"position", d.text(&s.Position)},
		field{"agent", d.flag(&s.Agent)},
		field{"robot", d.flag(&s.Robot)},
		field{"state", d.oneOf(&s.State, accountStates()...)},
		field{"state_reason", d.text(&s.StateReason)},
		field{"state_until", d.instant(&s.StateUntil)},
		field{"roles", d.names(&s.Roles)},
		field{"allow", d.grants(&s.Allow)},
		field{"deny", d.grants(&s.Deny)},
		field{"windows", d.names(&s.Windows)},
		field{"extensions", d.extensions(&s.Extensions)},
		field{"capacity", d.capacity(&s.Capacity)},
		field{"expires", d.instant(&s.Expires)},
	) {
		return s
	}
	if until := n.get("state_until"); until != nil && s.State != reception.Frozen.String() {
		d.in("state_until", until.line, func() {
			d.problem(until, "only a frozen account has an end of its state", "只有冻结状态才能设置截止时间")
		})
	}
	return s
}

func accountStates() []string {
	var names []string
	for s := reception.Invited; s <= reception.Expired; s++ {
		names = append(names, s.String())
	}
	return names
}

func (d *decoder) grants(dst *[]Grant) func(*node) {
	return func(n *node) {
		seen := map[string]bool{}
		d.list(n, func(_ int, item *node) {
			var g Grant
			if !d.object(item, field{"permission", d.permission(&g.Permission)}, field{"until", d.instant(&g.Until)}) {
				return
			}
			d.needs(item, "permission", "this does not say which permission", "没有写明是哪项权限(permission)")
			switch {
			case g.Permission == "":
			case seen[g.Permission]:
				d.problem(item, fmt.Sprintf("%q is in this list twice", g.Permission), fmt.Sprintf("“%s”在列表里重复", g.Permission))
			default:
				seen[g.Permission] = true
				*dst = append(*dst, g)
			}
		})
	}
}

// permission reads a permission. Whether the kind of a "receive.<kind>" exists is seen only in the whole set.
func (d *decoder) permission(dst *string) func(*node) {
	return func(n *node) {
		if n.describe(permissionShape()) {
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "a permission", "权限")
			return
		}
		kind, receives := receivedKind(n.text)
		if !knownPermission[n.text] && !(receives && validMessageKind(kind)) {
			en, zh := fmt.Sprintf("unknown permission %s", quoted(n.text)), fmt.Sprintf("未知权限 %s", quoted(n.text))
			if near := closest(n.text, permissionNames()); near != "" {
				en, zh = fmt.Sprintf("%s; did you mean %q?", en, near), fmt.Sprintf("%s，是否想写“%s”？", zh, near)
			}
			d.problem(n, en, zh)
			return
		}
		*dst = n.text
	}
}

func permissionShape() shape {
	return shape{Type: "string", AnyOf: []*shape{{Enum: permissionNames()}, {Pattern: `^receive\.[a-z][a-z0-9_]*$`}}}
}

func (d *decoder) keyIsName(k key) bool {
	if validName(k.name) {
		return true
	}
	d.badName(&node{typ: textNode, text: k.name, line: k.line})
	return false
}

func (d *decoder) permissions(dst *[]string) func(*node) {
	return d.set(dst, func(n *node, dst *string) bool { d.permission(dst)(n); return *dst != "" })
}

func (d *decoder) capacity(dst *Capacity) func(*node) {
	return func(n *node) {
		d.object(n, field{"total", d.limit(&dst.Total)}, field{"inboxes", func(n *node) {
			d.mapping(n, "a group of limits by inbox", "按渠道列出的上限", nameShape, d.keyIsName, func(k key) {
				limit := 0
				d.limit(&limit)(k.value)
				if limit > 0 {
					if dst.Inboxes == nil {
						dst.Inboxes = map[string]int{}
					}
					dst.Inboxes[k.name] = limit
				}
			})
		}})
	}
}

func (d *decoder) role(n *node) RoleSpec {
	var s RoleSpec
	if d.object(n, field{"title", d.text(&s.Title)}, field{"template", d.name(&s.Template)}, field{"permissions", d.permissions(&s.Permissions)}) {
		d.needsOne(n, []string{"template", "permissions"}, "a role needs a template, or a list of permissions of its own", "角色需要模板(template)或自己的权限列表(permissions)")
	}
	return s
}

func (d *decoder) template(n *node) TemplateSpec {
	var s TemplateSpec
	d.object(n, field{"title", d.text(&s.Title)}, field{"permissions", d.permissions(&s.Permissions)})
	return s
}

func (d *decoder) team(n *node) TeamSpec {
	var s TeamSpec
	d.object(n, field{"title", d.text(&s.Title)}, field{"members", d.names(&s.Members)}, field{"lead", d.name(&s.Lead)}, field{"windows", d.names(&s.Windows)},
		field{"extensions", d.extensions(&s.Extensions)})
	return s
}

// The channels of this version. Over each, messages also come in, and answers go out, over the HTTP API.
const (
	ChannelAPI = "api"
	ChannelWeb = "web" // visitors of web pages too, by the widget or the chat link
)

func (d *decoder) inbox(n *node) InboxSpec {
	s := InboxSpec{Channel: ChannelAPI, Mode: "live", Routing: Routing{Strategy: reception.LeastLoaded.String()}}
	d.object(n,
		field{"title", d.text(&s.Title)},
		field{"channel", d.channel(&s.Channel)},
		field{"mode", d.oneOf(&s.Mode, "live", "async")},
		field{"kinds", d.kinds(&s.Kinds)},
		field{"members", func(n *node) {
			d.object(n, field{"accounts", d.names(&s.Members.Accounts)}, field{"teams", d.names(&s.Members.Teams)})
		}},
		field{"hours", d.name(&s.Hours)},
		field{"extensions", d.extensions(&s.Extensions)},
		field{"routing", d.routing(&s.Routing)},
		field{"capacity", d.limit(&s.Capacity)},
	)
	d.turns(n.get("routing"), &s)
	if s.Kinds == nil {
		s.Kinds = []string{"customer"}
	}
	if kinds := n.get("kinds"); s.Channel == ChannelWeb && kinds != nil && !slices.Contains(s.Kinds, "customer") {
		d.in("kinds", kinds.line, func() {
			d.problem(kinds, "visitors of web pages send the kind customer: an inbox with channel web must list it", "网页访客发来的是客户消息（customer），接入方式为 web 的渠道必须包含它")
		})
	}
	return s
}

func (d *decoder) routing(s *Routing) func(*node) {
	return func(n *node) {
		d.object(n,
			field{"strategy", d.oneOf(&s.Strategy, strategies()...)},
			field{"sticky", d.flag(&s.Sticky)},
			field{"accept_timeout", d.duration(&s.AcceptTimeout)},
			field{"answer_timeout", d.turn(&s.AnswerTimeout)},
			field{"idle_prompt", d.turn(&s.IdlePrompt)},
			field{"idle_prompt_text", d.text(&s.IdlePromptText)},
			field{"idle_close", d.turn(&s.IdleClose)},
		)
	}
}

// turns checks what the limits of turns ask of each other and of the inbox. A limit that could not be read is named already and counts as missing here.
func (d *decoder) turns(routing *node, s *InboxSpec) {
	at := func(name string, wrong bool, en, zh string) {
		if n := routing.get(name); n != nil && wrong {
			d.path = append(d.path, "routing", name)
			d.problem(n, en, zh)
			d.path = d.path[:len(d.path)-2]
		}
	}
	for _, name := range []string{"answer_timeout", "idle_prompt", "idle_close"} {
		at(name, s.Mode == "async", "an inbox with mode async has no such limit: nobody sits and waits for the next letter", "异步（async）渠道没有这个时限：双方都不会守着等下一封信")
	}
	r := &s.Routing
	at("idle_prompt", r.IdlePrompt != 0 && routing.get("idle_close") == nil,
		"this needs idle_close: the prompt tells the customer when the conversation ends", "需要同时设置 idle_close：提示语会告诉访客会话何时结束")
	at("idle_prompt", r.IdlePrompt != 0 && r.IdleClose != 0 && r.IdlePrompt >= r.IdleClose,
		"this must be shorter than idle_close", "应短于 idle_close")
	at("idle_prompt_text", r.IdlePromptText != "" && routing.get("idle_prompt") == nil,
		"this needs idle_prompt: without it nobody is prompted", "需要同时设置 idle_prompt：没有它就不会发出提示")
}

func strategies() []string {
	var names []string
	for s := reception.LeastLoaded; s <= reception.Manual; s++ {
		names = append(names, s.String())
	}
	return names
}

func (d *decoder) channel(dst *string) func(*node) {
	return func(n *node) {
		switch {
		case n.describe(shape{Type: "string", Enum: []string{ChannelAPI, ChannelWeb}}):
		case n.typ != textNode:
			d.wrongType(n, "the name of a channel", "接入方式的名称")
		case n.text != ChannelAPI && n.text != ChannelWeb:
			d.problem(n, fmt.Sprintf("channel %s is not built yet; channel %q takes messages from any system, channel %q from visitors of web pages too", quoted(n.text), ChannelAPI, ChannelWeb),
				fmt.Sprintf("接入方式 %s 尚未实现；“%s”可以接入任何系统的消息，“%s”还可以接入网页访客的消息", quoted(n.text), ChannelAPI, ChannelWeb))
		default:
			*dst = n.text
		}
	}
}

// kinds reads the kinds that an inbox produces. At least one of them must own conversations, or nothing could come in.
func (d *decoder) kinds(dst *[]string) func(*node) {
	read := d.set(dst, func(n *node, dst *string) bool {
		switch {
		case n.describe(kindShape):
		case n.typ != textNode:
			d.wrongType(n, "a kind of message", "消息类型")
		case !validMessageKind(n.text):
			d.badKind(n)
		default:
			*dst = n.text
		}
		return *dst != ""
	})
	return func(n *node) {
		read(n)
		n.refine(func(s *shape) { s.Contains = ownedKindShape() })
		if n.typ == listNode && len(*dst) == len(n.items) && !slices.ContainsFunc(*dst, reception.OwnsConversations) {
			d.problem(n, "an inbox needs a kind that customers send, such as customer or group", "渠道至少要有一种由客户发来的消息类型，如 customer、group")
		}
	}
}

// ownedKindShape takes the kinds that customers send.
func ownedKindShape() *shape {
	s := kindShape
	s.Not = &shape{}
	for _, k := range builtinKinds {
		if !reception.OwnsConversations(k) {
			s.Not.Enum = append(s.Not.Enum, k)
		}
	}
	return &s
}

func (d *decoder) badKind(n *node) {
	d.problem(n, fmt.Sprintf("%s is not a kind of message: lower-case letters, digits and '_', beginning with a letter", quoted(n.text)),
		fmt.Sprintf("%s 不是合法的消息类型：只能用小写字母、数字、“_”，以字母开头", quoted(n.text)))
}

func (d *decoder) pushSwitch(n *node) SwitchSpec {
	var s SwitchSpec
	if !d.object(n, field{"state", d.oneOf(&s.State, switchStates...)}, field{"until", d.instant(&s.Until)},
		field{"per_minute", d.limit(&s.PerMinute)}, field{"reason", d.text(&s.Reason)}) {
		return s
	}
	d.needs(n, "state", "a switch needs a state: on, off, paused or limited", "开关需要状态(state):on、off、paused 或 limited")
	if until := n.get("until"); until != nil && s.State != "" && s.State != "paused" && s.State != "limited" {
		d.in("until", until.line, func() {
			d.problem(until, "only a paused or limited switch has an end", "只有暂停(paused)或限流(limited)才能设置截止时间")
		})
	}
	switch rate := n.get("per_minute"); {
	case rate == nil && s.State == "limited":
		d.problem(n, "a limited switch says how many conversations it lets through a minute (per_minute)", "限流(limited)需要写明每分钟放行的会话数(per_minute)")
	case rate != nil && s.State != "" && s.State != "limited":
		d.in("per_minute", rate.line, func() {
			d.problem(rate, "only a limited switch has this", "只有限流(limited)才能设置每分钟的数量")
		})
	}
	return s
}

var switchStates = []string{"on", "off", "paused", "limited"}
