package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// allWell is a world in which nothing but the policy stops anybody.
type allWell struct{}

func (allWell) Agent(account string) *reception.Agent {
	return &reception.Agent{
		Account: account, Session: reception.Session{State: reception.SessionActive},
		Presence: reception.Presence{Value: reception.Available}, Connection: reception.Connection{State: reception.ConnectionOpen},
	}
}

func (allWell) Failures() []reception.Failure { return nil }

func (allWell) Rate(string) reception.Rate { return reception.Rate{} }

var (
	standing = []reception.Gate{reception.AccountState, reception.RoleReceive, reception.PermissionKind, reception.PermissionReply, reception.MembershipInbox}
	passing  = []reception.Gate{reception.WindowAgent, reception.SwitchPlatform, reception.SwitchInbox, reception.SwitchAccount, reception.WindowInbox, reception.MaintenanceGate}
)

// opens asks the engine's explanation whether the gates pass for a cell.
func opens(p *reception.Policy, account, inbox, kind string, at time.Time, gates ...reception.Gate) bool {
	in := p.Inboxes[inbox]
	if in == nil || !in.Produces(kind) {
		return false
	}
	cells := reception.Explain(p, allWell{}, inbox, kind, account, at)
	return !slices.ContainsFunc(gates, func(g reception.Gate) bool { return cells[g].Outcome.Stops() })
}

// differs says whether reception of a cell, by all gates of the policy, is another one at some instant.
func differs(before, after *reception.Policy, account string, gates []reception.Gate, instants []time.Time) string {
	for _, inbox := range someInboxes {
		for _, kind := range someKinds {
			for _, at := range instants {
				if opens(before, account, inbox, kind, at, gates...) != opens(after, account, inbox, kind, at, gates...) {
					return fmt.Sprintf("%s in %s at %v", kind, inbox, at)
				}
			}
		}
	}
	return ""
}

// edges are the instants at which overrides, freezes and accounts of the generator end, from now on.
func edges(t *rapid.T) []time.Time {
	list := []time.Time{testNow}
	for _, s := range someInstants {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		if at.After(testNow) {
			list = append(list, at)
		}
	}
	return list
}

func TestAnAgentIsListedExactlyWhenItsReceptionIsAltered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mustSet(t, companies().Draw(t, "before"))
		// Take some documents of another company, so that most stays as it is.
		var edits []policy.Edit
		for _, d := range companies().Draw(t, "after") {
			if rapid.IntRange(0, 7).Draw(t, "edit") == 0 {
				edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
			}
		}
		next, changes, err := s.Apply(2, edits)
		if err != nil {
			t.Skip("a kind that went is still named")
		}
		before, after := s.Compile(), next.Compile()
		listed := map[string]policy.Alteration{}
		for _, a := range policy.Alterations(s, next, changes, testNow) {
			listed[a.Account] = a
			checkCells(t, before, after, a)
			if len(a.Text("zh", "主管乙")) == 0 || len(a.Text("en", "B")) == 0 || len(a.LeadText("zh", "主管乙")) == 0 {
				t.Fatal("an alteration without words")
			}
		}
		atEdges := edges(t)
		var week []time.Time // and a walk through the days in which the generator's windows and dates lie
		for at := testNow; at.Before(testNow.AddDate(0, 0, 8)); at = at.Add(90 * time.Minute) {
			week = append(week, at)
		}
		for _, name := range someAccounts {
			_, isListed := listed[name]
			// Whatever the engine would do otherwise, with everything else well, is told.
			if where := differs(before, after, name, slices.Concat(standing, passing), slices.Concat(atEdges, week)); where != "" && !isListed {
				t.Fatalf("%s is not listed, but %s is another thing now", name, where)
			}
			// And nobody is told anything else.
			if isListed && differs(before, after, name, standing, atEdges) == "" && !scheduleOrSwitchDiffers(s, next, name, atEdges) {
				t.Fatalf("%s is listed, but nothing differs: %+v", name, listed[name])
			}
		}
	})
}

// checkCells checks that each cell that is said to stop or to start does so at that instant, and for the reason that is given.
func checkCells(t *rapid.T, before, after *reception.Policy, a policy.Alteration) {
	check := func(ref policy.CellRef, had, has bool, whyNot *reception.Policy) {
		at := testNow
		if !ref.From.IsZero() {
			at = ref.From
		}
		if opens(before, a.Account, ref.Inbox, ref.Kind, at, standing...) != had || opens(after, a.Account, ref.Inbox, ref.Kind, at, standing...) != has {
			t.Fatalf("%s: %+v is not so at %v", a.Account, ref, at)
		}
		if !ref.Until.IsZero() && opens(after, a.Account, ref.Inbox, ref.Kind, ref.Until, standing...) == has {
			t.Fatalf("%s: %+v does not end", a.Account, ref)
		}
		cells := reception.Explain(whyNot, allWell{}, ref.Inbox, ref.Kind, a.Account, at)
		if ref.Code != 0 && !slices.ContainsFunc(standing, func(g reception.Gate) bool { return cells[g].Code == ref.Code }) {
			t.Fatalf("%s: %+v is not the reason", a.Account, ref)
		}
	}
	for _, ref := range a.Stops {
		check(ref, true, false, after)
	}
	for _, ref := range a.Starts {
		check(ref, false, true, before)
	}
}

// scheduleOrSwitchDiffers compares documents, not compiled forms: some inbox in which the account may have a cell on both sides has other openings, the
// account's windows or those of its teams are others, or a switch that bears on it is.
func scheduleOrSwitchDiffers(before, after *policy.Set, account string, instants []time.Time) bool {
	openings := func(s *policy.Set, names ...string) string {
		specs := map[string]bool{}
		for _, n := range names {
			spec, _ := s.Schedule(n)
			calendar, _ := s.Calendar(spec.Calendar)
			spec.Title = ""
			text, _ := json.Marshal([]any{spec, calendar})
			specs[string(text)] = true
		}
		return strings.Join(slices.Sorted(maps.Keys(specs)), "\n")
	}
	planned := func(s *policy.Set) string {
		var list []string
		for _, name := range s.MaintenanceNames() {
			spec, _ := s.Maintenance(name)
			if spec.Until.After(testNow) {
				list = append(list, fmt.Sprint(name, spec.From.UTC(), spec.Until.UTC(), spec.Inboxes, spec.Kinds))
			}
		}
		return strings.Join(list, "\n")
	}
	if planned(before) != planned(after) {
		return true
	}
	extended := func(list []policy.Extension) (text string) {
		for _, x := range list {
			if x.Until.After(testNow) {
				text += fmt.Sprint(x.From, x.Until)
			}
		}
		return text
	}
	pushSwitch := func(s *policy.Set, name string) string {
		spec, _ := s.Switch(name)
		if spec.State == "" || spec.State == "on" || (spec.State == "paused" || spec.State == "limited") && !spec.Until.IsZero() && !spec.Until.After(testNow) {
			return "on"
		}
		return fmt.Sprint(spec.State, spec.PerMinute, spec.Until.UTC())
	}
	for _, inbox := range someInboxes {
		serves := func(s *policy.Set) (hours, own, teams string) {
			in, _ := s.Inbox(inbox)
			a, _ := s.Account(account)
			var windows []string
			always := slices.Contains(in.Members.Accounts, account)
			for _, name := range in.Members.Teams {
				if team, _ := s.Team(name); slices.Contains(team.Members, account) {
					windows = append(windows, team.Windows...)
					teams += extended(team.Extensions)
					always = always || len(team.Windows) == 0
				}
			}
			if always {
				windows, teams = nil, ""
			}
			if in.Hours != "" {
				hours = openings(s, in.Hours) + extended(in.Extensions)
			}
			return hours, openings(s, a.Windows...) + extended(a.Extensions), teams + openings(s, windows...)
		}
		steady := false
		for _, kind := range someKinds {
			for _, at := range instants {
				steady = steady || opens(before.Compile(), account, inbox, kind, at, standing...) && opens(after.Compile(), account, inbox, kind, at, standing...)
			}
		}
		if !steady {
			continue
		}
		h1, o1, t1 := serves(before)
		h2, o2, t2 := serves(after)
		if h1 != h2 || o1 != o2 || t1 != t2 {
			return true
		}
		for _, name := range []string{"platform", "inbox." + inbox, "account." + account} {
			if pushSwitch(before, name) != pushSwitch(after, name) {
				return true
			}
		}
	}
	return false
}

func TestAlterationsSayWhatAPersonWouldSay(t *testing.T) {
	const company = `
{kind: role, name: agent, spec: {template: agent}}
---
{kind: schedule, name: day, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}
---
{kind: schedule, name: shop, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "12:00"}, {days: [sat, sun], from: "22:00", to: "06:00"}], exceptions: [{date: 2026-01-01, off: true}, {date: 2026-12-25, off: true}, {date: 2026-12-26, from: "10:00", to: "24:00"}]}}
---
{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent]}}
---
{kind: account, name: b, spec: {agent: true, roles: [agent]}}
---
{kind: account, name: lead, spec: {title: 主管乙}}
---
{kind: account, name: idle, spec: {agent: true, roles: [agent]}}
---
{kind: team, name: pre, spec: {members: [a, idle], lead: lead}}
---
{kind: team, name: post, spec: {members: [a], lead: a}}
---
{kind: inbox, name: web, spec: {title: 在线咨询, kinds: [customer, group], members: {teams: [pre]}}}
---
{kind: role, name: clerk, spec: {permissions: [receive, receive.customer, message.reply]}}
---
{kind: schedule, name: abroad, spec: {zone: America/New_York, weekly: [{days: [mon], from: "09:00", to: "18:00"}]}}
---
{kind: schedule, name: abroad2, spec: {title: 海外, zone: America/New_York, weekly: [{days: [mon], from: "09:00", to: "18:00"}]}}
---
{kind: account, name: limited, spec: {agent: true, roles: [clerk]}}
---
{kind: account, name: allowed, spec: {agent: true, roles: [clerk], allow: [{permission: receive.group}]}}
---
{kind: account, name: mute, spec: {agent: true, roles: [agent], deny: [{permission: message.reply}]}}
---
{kind: account, name: mobile, spec: {agent: true, roles: [agent], windows: [abroad]}}
---
{kind: switch, name: account.mobile, spec: {state: paused, until: 2026-12-01T00:00:00Z}}
---
{kind: switch, name: inbox.mail, spec: {state: off}}
---
{kind: maintenance, name: planned, spec: {from: 2027-03-01T00:00:00Z, until: 2027-03-01T02:00:00Z}}
---
{kind: team, name: others, spec: {members: [limited, allowed, mute, mobile]}}
---
{kind: inbox, name: mail, spec: {members: {accounts: [mobile]}}}
---
{kind: inbox, name: store, spec: {kinds: [customer, group], members: {accounts: [a, b], teams: [others]}}}
`
	tests := []struct {
		name, yaml string
		deleted    []string
		account    string // whose text; "" for nobody at all
		zh, en     string
		leads      []string
	}{
		{"a kind is denied", `{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.group}]}}`, nil, "a",
			"主管乙 关掉了你的“群消息”接收权限：渠道 store、在线咨询(web) 的群消息不再分配给你。",
			"主管乙 turned off your permission to receive group messages: you no longer get group messages in store, 在线咨询 (web).", []string{"lead"}},
		{"receiving is denied for a while", `{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive, until: 2026-12-01T00:00:00+08:00}]}}`, nil, "a",
			"主管乙 关掉了你的接收消息权限：渠道 store、在线咨询(web) 的客户消息、群消息（到 2026-12-01 00:00 +08:00 为止）不再分配给你。",
			"主管乙 turned off your permission to receive messages: you no longer get customers' messages, group messages in store, 在线咨询 (web) until 2026-12-01 00:00 +08:00.", []string{"lead"}},
		{"answering is denied", `{kind: account, name: b, spec: {agent: true, roles: [agent], deny: [{permission: message.reply}]}}`, nil, "b",
			"主管乙 关掉了你的回复权限：渠道 store 的客户消息、群消息不再分配给你。",
			"主管乙 turned off your permission to answer: you no longer get customers' messages, group messages in store.", nil},
		{"frozen with a reason", `{kind: account, name: b, spec: {agent: true, roles: [agent], state: frozen, state_reason: 待培训}}`, nil, "b",
			"主管乙 把你的账号状态改为“冻结”（原因：待培训）：渠道 store 的客户消息、群消息不再分配给你。",
			"主管乙 set your account to frozen (reason: 待培训): you no longer get customers' messages, group messages in store.", nil},
		{"an end is set", `{kind: account, name: b, spec: {agent: true, roles: [agent], expires: 2026-12-31T18:00:00+08:00}}`, nil, "b",
			"主管乙 设置了你的账号有效期：渠道 store 的客户消息、群消息从 2026-12-31 18:00 +08:00 起不再分配给你。",
			"主管乙 set an end to your account: you no longer get customers' messages, group messages in store from 2026-12-31 18:00 +08:00.", nil},
		{"taken out", `{kind: inbox, name: store, spec: {kinds: [customer, group], members: {accounts: [a]}}}`, nil, "b",
			"主管乙 把你移出了渠道：渠道 store 的客户消息、群消息不再分配给你。",
			"主管乙 took you out of the inbox: you no longer get customers' messages, group messages in store.", nil},
		{"added", `{kind: inbox, name: web, spec: {title: 在线咨询, kinds: [customer, group], members: {teams: [pre], accounts: [b]}}}`, nil, "b",
			"主管乙 把你加入了渠道：渠道 在线咨询(web) 的客户消息、群消息开始分配给你。",
			"主管乙 added you to the inbox: you now get customers' messages, group messages in 在线咨询 (web).", nil},
		{"a new agent", "{kind: account, name: c, spec: {agent: true, roles: [agent]}}\n---\n{kind: team, name: post, spec: {members: [a, c], lead: a}}\n---\n{kind: inbox, name: web, spec: {title: 在线咨询, kinds: [customer, group], members: {teams: [pre, post]}}}", nil, "c",
			"主管乙 开通了你的账号：渠道 在线咨询(web) 的客户消息、群消息开始分配给你。",
			"主管乙 opened your account: you now get customers' messages, group messages in 在线咨询 (web).", []string{"a"}},
		{"maintenance of an inbox", `{kind: maintenance, name: m, spec: {title: 升级, reason: 换库, from: 2026-12-01T22:00:00+08:00, until: 2026-12-02T00:00:00+08:00, inboxes: [web], kinds: [group]}}`, nil, "a",
			"主管乙 安排了维护“升级”（原因：换库）：渠道 在线咨询(web) 的群消息从 2026-12-01 22:00 +08:00 到 2026-12-02 00:00 +08:00 暂不分配给你。",
			`主管乙 planned maintenance "升级" (reason: 换库): from 2026-12-01 22:00 +08:00 until 2026-12-02 00:00 +08:00, you get no group messages in 在线咨询 (web).`, []string{"lead"}},
		{"maintenance that is over", `{kind: maintenance, name: m, spec: {from: 2026-11-01T22:00:00+08:00, until: 2026-11-02T00:00:00+08:00}}`, nil, "", "", "", nil},
		{"maintenance that is called off", ``, []string{"maintenance/planned"}, "a", "主管乙 取消了维护“planned”：渠道 store、在线咨询(web) 的消息照常分配给你。",
			`主管乙 called off the maintenance "planned": you get messages in store, 在线咨询 (web) as ever.`, []string{"lead"}},
		{"an announcement alone", `{kind: maintenance, name: m, spec: {announcement: {zh: 注意, until: 2026-12-02T00:00:00+08:00, to: {everybody: true}}}}`, nil, "", "", "", nil},
		{"a limit", `{kind: switch, name: inbox.store, spec: {state: limited, per_minute: 6, reason: 大促}}`, nil, "b",
			"主管乙 将渠道 store 的消息推送限为每分钟最多 6 个会话（原因：大促）。",
			"主管乙 limited the push of store to at most 6 conversations a minute (reason: 大促).", nil},
		{"requirements for clients", `{kind: client, name: console, spec: {minimum: 1.0.0}}`, nil, "", "", "", nil},
		{"windows", `{kind: account, name: b, spec: {agent: true, roles: [agent], windows: [day]}}`, nil, "b",
			"主管乙 更改了你的接待时段（渠道 store）：现在为周一至周五 09:00–18:00(Asia/Shanghai)。",
			"主管乙 changed your reception windows (store): now Mon–Fri 09:00–18:00 (Asia/Shanghai).", nil},
		{"team windows", `{kind: team, name: pre, spec: {members: [a, idle], lead: lead, windows: [day]}}`, nil, "a",
			"主管乙 更改了你的客服组在渠道 在线咨询(web) 的接待时段：现在为周一至周五 09:00–18:00(Asia/Shanghai)。",
			"主管乙 changed the reception windows of your teams in 在线咨询 (web): now Mon–Fri 09:00–18:00 (Asia/Shanghai).", []string{"lead"}},
		{"hours", `{kind: inbox, name: store, spec: {kinds: [customer, group], members: {accounts: [a, b]}, hours: shop}}`, nil, "b",
			"主管乙 更改了渠道 store 的营业时间：现在为周一至周五 09:00–12:00；周六、周日 22:00–次日 06:00；例外：2026-12-25 休息、2026-12-26 10:00–24:00(Asia/Shanghai)。",
			"主管乙 changed the business hours of store: now Mon–Fri 09:00–12:00; Sat, Sun 22:00–next day 06:00; except 2026-12-25 off, 2026-12-26 10:00–24:00 (Asia/Shanghai).", nil},
		{"an inbox is paused", `{kind: switch, name: inbox.store, spec: {state: paused, until: 2026-12-01T00:00:00Z, reason: 盘点}}`, nil, "b",
			"主管乙 暂停了渠道 store 的消息推送（到 2026-12-01 00:00 +00:00 为止）（原因：盘点）：该渠道的新消息暂不分配给你。",
			"主管乙 paused the push of store until 2026-12-01 00:00 +00:00 (reason: 盘点): meanwhile you get no new messages from it.", nil},
		{"an account is switched off", `{kind: switch, name: account.b, spec: {state: off}}`, nil, "b",
			"主管乙 关闭了你的消息推送：新消息不再分配给你。", "主管乙 turned off your push: you no longer get new messages.", nil},
		{"a kind is dropped", `{kind: inbox, name: store, spec: {kinds: [customer], members: {accounts: [a, b]}}}`, nil, "b",
			"主管乙 更改了渠道设置：渠道 store 不再有群消息。", "主管乙 changed an inbox: store no longer has group messages.", nil},
		{"deleted", `{kind: inbox, name: store, spec: {kinds: [customer, group], members: {accounts: [a]}}}`, []string{"account/b"}, "b",
			"主管乙 删除了你的账号：渠道 store 的客户消息、群消息不再分配给你。", "主管乙 deleted your account: you no longer get customers' messages, group messages in store.", nil},
		{"allowed until a date", `{kind: account, name: limited, spec: {agent: true, roles: [clerk], allow: [{permission: receive.group, until: 2026-12-01T00:00:00Z}]}}`, nil, "limited",
			"主管乙 打开了你的“群消息”接收权限：渠道 store 的群消息（到 2026-12-01 00:00 +00:00 为止）开始分配给你。",
			"主管乙 turned on your permission to receive group messages: you now get group messages in store until 2026-12-01 00:00 +00:00.", nil},
		{"allowed no longer than until a date", `{kind: account, name: allowed, spec: {agent: true, roles: [clerk], allow: [{permission: receive.group, until: 2026-12-01T00:00:00Z}]}}`, nil, "allowed",
			"主管乙 关掉了你的“群消息”接收权限：渠道 store 的群消息从 2026-12-01 00:00 +00:00 起不再分配给你。",
			"主管乙 turned off your permission to receive group messages: you no longer get group messages in store from 2026-12-01 00:00 +00:00.", nil},
		{"answering is denied no longer than until a date", `{kind: account, name: mute, spec: {agent: true, roles: [agent], deny: [{permission: message.reply, until: 2026-12-01T00:00:00Z}]}}`, nil, "mute",
			"主管乙 打开了你的回复权限：渠道 store 的客户消息、群消息从 2026-12-01 00:00 +00:00 起开始分配给你。",
			"主管乙 turned on your permission to answer: you now get customers' messages, group messages in store from 2026-12-01 00:00 +00:00.", nil},
		{"another zone", `{kind: schedule, name: abroad, spec: {zone: UTC, weekly: [{days: [mon], from: "09:00", to: "18:00"}]}}`, nil, "mobile",
			"主管乙 更改了你的接待时段（渠道 mail、store）：现在为周一 09:00–18:00(UTC)。",
			"主管乙 changed your reception windows (mail, store): now Mon 09:00–18:00 (UTC).", nil},
		{"a pause is longer", `{kind: switch, name: account.mobile, spec: {state: paused, until: 2026-12-02T00:00:00Z}}`, nil, "mobile",
			"主管乙 暂停了你的消息推送（到 2026-12-02 00:00 +00:00 为止）：新消息暂不分配给你。",
			"主管乙 paused your push until 2026-12-02 00:00 +00:00: meanwhile you get no new messages.", nil},
		{"an inbox is switched on again", `{kind: switch, name: inbox.mail, spec: {state: on}}`, nil, "mobile",
			"主管乙 打开了渠道 mail 的消息推送：该渠道的新消息恢复分配给你。",
			"主管乙 turned on the push of mail: you get new messages from it again.", nil},
		{"the platform", `{kind: switch, name: platform, spec: {state: off, reason: 演练}}`, nil, "mobile",
			"主管乙 关闭了整个平台的消息推送（原因：演练）：新消息不再分配给你。",
			"主管乙 turned off the push of the whole platform (reason: 演练): you no longer get new messages.", nil},
		{"the lead goes", "{kind: team, name: pre, spec: {members: [idle]}}", []string{"account/lead"}, "a",
			"主管乙 把你移出了渠道：渠道 在线咨询(web) 的客户消息、群消息不再分配给你。",
			"主管乙 took you out of the inbox: you no longer get customers' messages, group messages in 在线咨询 (web).", nil},

		{"the same windows under another name", "{kind: account, name: mobile, spec: {agent: true, roles: [agent], windows: [abroad2]}}", nil, "", "", "", nil},
		{"a title", `{kind: account, name: a, spec: {title: 客服乙, agent: true, roles: [agent]}}`, nil, "", "", "", nil},
		{"a permission that has nothing to do with receiving", `{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: trace.view}]}}`, nil, "", "", "", nil},
		{"a kind that no inbox of the agent lists", `{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.system}]}}`, nil, "", "", "", nil},
		{"somebody who serves no inbox", `{kind: account, name: lead, spec: {title: 主管乙, agent: true, roles: [agent], windows: [day]}}`, nil, "", "", "", nil},
		{"a pause that is over", `{kind: switch, name: inbox.store, spec: {state: paused, until: 2026-11-01T00:00:00Z}}`, nil, "", "", "", nil},
		{"routing", `{kind: inbox, name: store, spec: {kinds: [customer, group], members: {accounts: [b, a], teams: [others]}, routing: {strategy: broadcast}}}`, nil, "", "", "", nil},
	}
	base := setOf(t, company)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			next, changes, err := base.Apply(2, edits(t, test.yaml, test.deleted...))
			if err != nil {
				t.Fatal(err)
			}
			list := policy.Alterations(base, next, changes, testNow)
			if test.account == "" {
				if len(list) != 0 {
					t.Errorf("%s is told: %s", list[0].Account, list[0].Text("zh", "主管乙"))
				}
				return
			}
			i := slices.IndexFunc(list, func(a policy.Alteration) bool { return a.Account == test.account })
			if i < 0 {
				t.Fatalf("%s is not listed: %+v", test.account, list)
			}
			if zh, en := list[i].Text("zh-CN", "主管乙"), list[i].Text("en", "主管乙"); zh != test.zh || en != test.en {
				t.Errorf("the texts are\n%s\n%s\nwant\n%s\n%s", zh, en, test.zh, test.en)
			}
			if !slices.Equal(list[i].Leads, test.leads) {
				t.Errorf("leads %v, want %v", list[i].Leads, test.leads)
			}
			if _, exists := next.Get("account", test.account); list[i].Gone == exists {
				t.Errorf("gone: %v", list[i].Gone)
			}
		})
	}
	t.Run("to the lead", func(t *testing.T) {
		next, changes, err := base.Apply(2, edits(t, tests[0].yaml))
		if err != nil {
			t.Fatal(err)
		}
		list := policy.Alterations(base, next, changes, testNow)
		if got, want := list[0].LeadText("zh", ""), "系统 关掉了客服甲(a)的“群消息”接收权限：渠道 store、在线咨询(web) 的群消息不再分配给客服甲(a)。"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if got, want := list[0].LeadText("en", ""), "The system turned off 客服甲 (a)'s permission to receive group messages: 客服甲 (a) no longer gets group messages in store, 在线咨询 (web)."; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		var b bytes.Buffer
		if err := json.NewEncoder(&b).Encode(list); err != nil || b.String() != `[{"account":"a","stops":[{"inbox":"store","kind":"group","code":"permission.kind.account_denied"},{"inbox":"web","kind":"group","code":"permission.kind.account_denied"}],"leads":["lead"]}]`+"\n" {
			t.Errorf("%v %s", err, &b)
		}
	})
}
