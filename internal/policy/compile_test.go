package policy_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

func TestCompileFillsEverythingThatGatesRead(t *testing.T) {
	s := setOf(t, `
{kind: template, name: base, spec: {permissions: [receive, receive.group, message.reply]}}
---
{kind: role, name: full, spec: {template: base}}
---
{kind: role, name: less, spec: {template: base, permissions: [receive, trace.view]}}
---
{kind: role, name: own, spec: {permissions: [receive.vip]}}
---
{kind: schedule, name: night, spec: {zone: Asia/Shanghai, weekly: [{days: [sat, sun], from: "22:00", to: "06:00"}, {days: [sat], from: "09:00", to: "12:00"}], exceptions: [{date: 2027-01-01, off: true}, {date: 2027-01-02, from: "14:00", to: "24:00"}, {date: 2027-01-02, from: "09:00", to: "12:00"}]}}
---
kind: account
name: a
spec:
  agent: true
  state: frozen
  state_until: 2026-12-01T00:00:00+08:00
  expires: 2027-01-01T00:00:00Z
  roles: [own, less]
  allow: [{permission: message.reply, until: 2026-12-24T00:00:00Z}]
  deny: [{permission: receive.group}]
  windows: [night]
  capacity: {total: 5, inboxes: {web: 2}}
---
{kind: account, name: b, spec: {agent: true, roles: [full]}}
---
{kind: account, name: c, spec: {agent: true, roles: [full]}}
---
{kind: account, name: d, spec: {agent: true, roles: [less, full]}}
---
{kind: team, name: z, spec: {members: [b, a], windows: [night]}}
---
{kind: team, name: y, spec: {members: [c, b]}}
---
{kind: inbox, name: web, spec: {mode: async, kinds: [group, vip], members: {accounts: [a], teams: [z, y]}, hours: night, routing: {strategy: round_robin, sticky: true, accept_timeout: 90s}, capacity: 7}}
---
{kind: switch, name: platform, spec: {state: paused, until: 2026-12-01T08:00:00+08:00, reason: 盘点}}
---
{kind: switch, name: inbox.web, spec: {state: off}}
---
{kind: switch, name: account.a, spec: {state: on, reason: x}}
`)
	p := s.Compile()
	if p != s.Compile() {
		t.Error("compiled twice")
	}
	span := func(from, to int) reception.Span { return reception.Span{From: from * 60, To: to * 60} }
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	night := p.Accounts["a"].Windows[0]
	wantNight := &reception.Schedule{Name: "night", Location: shanghai, Dates: map[reception.Date][]reception.Span{
		{Year: 2027, Month: 1, Day: 1}: {},
		{Year: 2027, Month: 1, Day: 2}: {span(9, 12), span(14, 24)},
	}}
	wantNight.Weekly[time.Saturday] = []reception.Span{span(9, 12), span(22, 30)}
	wantNight.Weekly[time.Sunday] = []reception.Span{span(22, 30)}
	if night.Location.String() != "Asia/Shanghai" || !reflect.DeepEqual(night.Weekly, wantNight.Weekly) || !reflect.DeepEqual(night.Dates, wantNight.Dates) {
		t.Errorf("schedule is %+v, want %+v", night, wantNight)
	}

	a := p.Accounts["a"]
	if a.Name != "a" || !a.Agent || a.State != reception.Frozen || !a.StateUntil.Equal(time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)) ||
		!a.Expires.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) || a.Total != 5 || a.Limits["web"] != 2 || !slices.Equal(a.Roles, []string{"own", "less"}) ||
		a.Switch.State != reception.On {
		t.Errorf("account is %+v", a)
	}
	wantRights := map[string]reception.Right{
		"receive":       {Roles: []string{"less"}, Template: true},
		"receive.group": {Template: true, Deny: reception.Override{Set: true}},
		"receive.vip":   {Roles: []string{"own"}},
		"message.reply": {Template: true, Allow: reception.Override{Set: true, Until: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)}},
		"trace.view":    {Roles: []string{"less"}},
	}
	if !reflect.DeepEqual(a.Rights, wantRights) {
		t.Errorf("rights are %+v\nwant %+v", a.Rights, wantRights)
	}

	in := p.Inboxes["web"]
	wantMembers := []reception.Member{
		{Account: "a", Direct: true, Teams: []reception.Team{{Name: "z", Windows: []*reception.Schedule{night}}}},
		{Account: "b", Teams: []reception.Team{{Name: "y"}, {Name: "z", Windows: []*reception.Schedule{night}}}},
		{Account: "c", Teams: []reception.Team{{Name: "y"}}},
	}
	if !reflect.DeepEqual(in.Members, wantMembers) {
		t.Errorf("members are %+v\nwant %+v", in.Members, wantMembers)
	}
	if in.Hours != night || in.Members[0].Teams[0].Windows[0] != night {
		t.Error("a schedule is not shared")
	}
	if in.Mode != reception.Async || in.Strategy != reception.RoundRobin || !in.Sticky || in.AcceptTimeout != 90*time.Second || in.Capacity != 7 ||
		in.Switch.State != reception.Off || !slices.Equal(in.Kinds, []string{"group", "vip"}) {
		t.Errorf("inbox is %+v", in)
	}
	if p.Platform.State != reception.Paused || p.Platform.Reason != "盘点" || !p.Platform.Until.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("platform is %+v", p.Platform)
	}
	if got := p.Accounts["d"].Rights["receive"].Roles; !slices.Equal(got, []string{"full", "less"}) {
		t.Errorf("receive is granted by %v, want the roles in order of name", got)
	}
	// An account's own grants stay its own, though rights are shared by accounts of the same roles.
	if !p.Accounts["b"].Rights["receive.group"].Template || p.Accounts["c"].Rights["receive.group"].Deny.Set {
		t.Error("rights leak from one account to another")
	}
}

func TestCompilePutsMaintenanceIntoInboxesAndReadsVersions(t *testing.T) {
	p := setOf(t, `
{kind: inbox, name: web, spec: {kinds: [customer, group]}}
---
{kind: inbox, name: shop, spec: {}}
---
{kind: maintenance, name: all, spec: {from: 2026-12-02T00:00:00Z, until: 2026-12-02T01:00:00Z}}
---
{kind: maintenance, name: some, spec: {from: 2026-12-01T00:00:00Z, until: 2026-12-01T01:00:00Z, inboxes: [web], kinds: [group]}}
---
{kind: maintenance, name: said, spec: {announcement: {zh: x, until: 2026-12-02T00:00:00Z, to: {everybody: true}}}}
---
{kind: switch, name: inbox.web, spec: {state: limited, per_minute: 7, until: 2026-12-02T00:00:00Z}}
---
{kind: client, name: console, spec: {minimum: 1.4.0, blocked: [1.5.1]}}`).Compile()
	day := func(d, hour int) time.Time { return time.Date(2026, 12, d, hour, 0, 0, 0, time.UTC) }
	all := reception.Maintenance{Name: "all", From: day(2, 0), Until: day(2, 1), All: true}
	some := reception.Maintenance{Name: "some", From: day(1, 0), Until: day(1, 1), Kinds: []string{"group"}}
	if got := p.Inboxes["web"].Maintenance; !reflect.DeepEqual(got, []reception.Maintenance{some, all}) {
		t.Errorf("web: %+v", got)
	}
	if got := p.Inboxes["shop"].Maintenance; !reflect.DeepEqual(got, []reception.Maintenance{all}) {
		t.Errorf("shop: %+v", got)
	}
	if got := p.Inboxes["web"].Switch; got.State != reception.Limited || got.PerMinute != 7 || !got.Until.Equal(day(2, 0)) {
		t.Errorf("switch: %+v", got)
	}
	rule := p.Clients["console"]
	for version, want := range map[string]reception.Outcome{"1.4.0": reception.Pass, "1.3.0": reception.Block, "1.5.1": reception.Block, "x": reception.Unknown} {
		if got, _ := rule.Judge(reception.NewClient("bida-console", version).Version); got != want {
			t.Errorf("%s: %v, want %v", version, got, want)
		}
	}
}

func TestCompileIsMadeOnceForAll(t *testing.T) {
	_, s := company(t)
	var wg sync.WaitGroup
	got := make([]*reception.Policy, 8)
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			got[i] = s.Compile()
			s.All()
			s.RolePermissions("agent")
		}()
	}
	wg.Wait()
	for _, p := range got {
		if p != got[0] {
			t.Fatal("more than one compiled form")
		}
	}
}

// weekOf draws openings that may overlap.
func weekOf(t *rapid.T) []policy.Opening {
	var openings []policy.Opening
	for range rapid.IntRange(1, 4).Draw(t, "openings") {
		o := policy.Opening{From: clockOf(t, 23), To: clockOf(t, 24)}
		for _, d := range []string{"sun", "mon", "tue", "sat"} {
			if rarely(t) {
				o.Days = append(o.Days, d)
			}
		}
		if o.From != o.To && len(o.Days) > 0 {
			openings = append(openings, o)
		}
	}
	return openings
}

func clockOf(t *rapid.T, most int) string {
	hour := rapid.IntRange(0, most).Draw(t, "hour")
	minute := 0
	if hour < 24 {
		minute = rapid.SampledFrom([]int{0, 1, 30, 59}).Draw(t, "minute")
	}
	return fmt.Sprintf("%02d:%02d", hour, minute)
}

// openMinutes counts, minute by minute of a week from Sunday, how many openings hold it.
func openMinutes(openings []policy.Opening) [7 * 24 * 60]int {
	var open [7 * 24 * 60]int
	for _, o := range openings {
		var fromHour, fromMinute, toHour, toMinute int
		_, _ = fmt.Sscanf(o.From+" "+o.To, "%d:%d %d:%d", &fromHour, &fromMinute, &toHour, &toMinute)
		length := (toHour*60 + toMinute - fromHour*60 - fromMinute + 24*60) % (24 * 60)
		if length == 0 {
			length = 24 * 60
		}
		for _, name := range o.Days {
			day := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, name)
			for m := range length {
				open[(day*24*60+fromHour*60+fromMinute+m)%len(open)]++
			}
		}
	}
	return open
}

func TestSchedulesAreReadAsWrittenAndOverlapsAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		openings := weekOf(t)
		open := openMinutes(openings)
		spec, err := json.Marshal(policy.ScheduleSpec{Zone: "UTC", Weekly: openings})
		if err != nil {
			t.Fatal(err)
		}
		_, err = policy.Normalize("schedule", spec)
		if overlaps := slices.ContainsFunc(open[:], func(n int) bool { return n > 1 }); overlaps {
			if err == nil || !strings.Contains(err.Error(), "overlaps") {
				t.Fatalf("%s: the overlap was not found: %v", spec, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		s := mustSet(t, []policy.Document{
			{Kind: "schedule", Name: "s", Spec: spec}, {Kind: "inbox", Name: "i", Spec: json.RawMessage(`{"hours":"s"}`)},
		})
		hours := s.Compile().Inboxes["i"].Hours
		sunday := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		for m, n := range open {
			if at := sunday.Add(time.Duration(m) * time.Minute); hours.Open(at) != (n == 1) {
				t.Fatalf("%s: at %s it is open: %v", spec, at.Format("Mon 15:04"), hours.Open(at))
			}
		}
	})
}

// large makes a company of the size that the goal for compiling names.
func large(agents, inboxes int) []policy.Document {
	specs := map[string]object{
		"role/agent":   {"template": "agent"},
		"role/clerk":   {"template": "agent", "permissions": []string{"receive", "receive.customer", "message.reply"}},
		"schedule/day": {"zone": "Asia/Shanghai", "weekly": []object{{"days": []string{"mon", "tue", "wed", "thu", "fri"}, "from": "09:00", "to": "18:00"}}},
	}
	name := func(i int) string { return fmt.Sprintf("agent-%d", i) }
	for i := range agents {
		a := object{"title": fmt.Sprintf("客服%d", i), "agent": true, "roles": []string{[]string{"agent", "clerk"}[i%2]}}
		if i%3 == 0 {
			a["deny"] = []object{{"permission": "receive.group", "until": "2026-12-01T00:00:00+08:00"}}
		}
		if i%4 == 0 {
			a["windows"] = []string{"day"}
		}
		specs["account/"+name(i)] = a
	}
	for g := range agents / 10 {
		var members []string
		for i := range 10 {
			members = append(members, name(g*10+i))
		}
		specs[fmt.Sprintf("team/team-%d", g)] = object{"members": members, "lead": members[0], "windows": []string{"day"}}
	}
	for i := range inboxes {
		var direct, teams []string
		for j := range 20 {
			direct = append(direct, name((i*31+j)%agents))
		}
		for j := range 5 {
			teams = append(teams, fmt.Sprintf("team-%d", (i*7+j)%(agents/10)))
		}
		specs[fmt.Sprintf("inbox/inbox-%d", i)] = object{"kinds": []string{"customer", "group"}, "members": object{"accounts": direct, "teams": teams}, "hours": "day"}
	}
	return documents(specs)
}

func BenchmarkCompile1000Agents100Inboxes(b *testing.B) {
	s, err := policy.NewSet(large(1000, 100))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.WithRevision(1).Compile()
	}
}

func BenchmarkApplyOneEditTo1000Agents(b *testing.B) {
	s, err := policy.NewSet(large(1000, 100))
	if err != nil {
		b.Fatal(err)
	}
	edit := []policy.Edit{{Kind: "account", Name: "agent-7", Spec: json.RawMessage(`{"agent":true,"roles":["agent"],"title":"x"}`)}}
	for b.Loop() {
		if _, _, err := s.Apply(2, edit); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAlterations1000Agents(b *testing.B) {
	s, err := policy.NewSet(large(1000, 100))
	if err != nil {
		b.Fatal(err)
	}
	next, changes, err := s.Apply(2, []policy.Edit{{Kind: "account", Name: "agent-7", Spec: json.RawMessage(`{"agent":true}`)}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got := policy.Alterations(s, next, changes, testNow); len(got) != 1 {
			b.Fatal(len(got))
		}
	}
}

func BenchmarkParseYAML1000Agents(b *testing.B) {
	file, err := policy.MarshalYAML(large(1000, 100))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := policy.ParseYAML(file); err != nil {
			b.Fatal(err)
		}
	}
}
