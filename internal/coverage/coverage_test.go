package coverage

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

const company = `
{kind: schedule, name: day, spec: {zone: Asia/Shanghai, calendar: cn-public, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}
---
{kind: schedule, name: early, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "08:00", to: "12:00"}]}}
---
{kind: role, name: agent, spec: {template: agent}}
---
{kind: account, name: agent-a, spec: {title: 客服甲, agent: true, roles: [agent], windows: [early]}}
---
{kind: account, name: agent-b, spec: {title: 客服乙, agent: true, roles: [agent], deny: [{permission: receive.group}], windows: [day]}}
---
{kind: account, name: agent-c, spec: {agent: true, roles: [agent], deny: [{permission: receive, until: 2026-11-26T11:00:00+08:00}], expires: 2026-11-26T13:00:00+08:00}}
---
{kind: inbox, name: web, spec: {title: 官网, kinds: [customer, group], members: {accounts: [agent-a, agent-b, agent-c]}, hours: day}}
---
{kind: inbox, name: night, spec: {title: 夜间, members: {accounts: [agent-a]}}}
---
{kind: switch, name: inbox.night, spec: {state: paused, until: 2026-11-26T10:00:00+08:00}}
`

var shanghai = time.FixedZone("+8", 8*3600)

func at(hour, minute int) time.Time { return time.Date(2026, 11, 26, hour, minute, 0, 0, shanghai) }

func companySet(t *testing.T) *policy.Set {
	t.Helper()
	docs, err := policy.ParseYAML([]byte(company))
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// said is a report as lines: "08:00 gap 0 []".
func said(r *Overview) string {
	var b strings.Builder
	for _, c := range r.Cells {
		fmt.Fprintf(&b, "%s %s: open %d, gap %d, single %d\n", c.Inbox, c.Kind, c.OpenMinutes, c.GapMinutes, c.SingleMinutes)
		for _, s := range c.Spans {
			fmt.Fprintf(&b, "  %s %s %d %v\n", time.Time(s.From).Format("15:04"), s.State, s.Count, s.Agents)
		}
	}
	return b.String()
}

func TestCoverageNamesWhoCanReceiveWhen(t *testing.T) {
	r, err := Of(companySet(t), Query{From: at(8, 0), To: at(20, 0), Zone: shanghai, Lang: "zh"})
	if err != nil {
		t.Fatal(err)
	}
	want := `night customer: open 720, gap 600, single 120
  08:00 gap 0 []
  10:00 single 1 [agent-a]
  12:00 gap 0 []
web customer: open 540, gap 0, single 300
  08:00 closed 0 []
  09:00 covered 2 [agent-a agent-b]
  11:00 covered 3 [agent-a agent-b agent-c]
  12:00 covered 2 [agent-b agent-c]
  13:00 single 1 [agent-b]
  18:00 closed 0 []
web group: open 540, gap 300, single 180
  08:00 closed 0 []
  09:00 single 1 [agent-a]
  11:00 covered 2 [agent-a agent-c]
  12:00 single 1 [agent-c]
  13:00 gap 0 []
  18:00 closed 0 []
`
	if got := said(r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if c := r.Cells[2]; c.InboxTitle != "官网" || c.KindTitle != "群消息" || c.Gaps != 1 || c.Singles != 2 || !r.HasGaps() || len(r.Warnings) != 0 {
		t.Errorf("%+v, gaps %v, warnings %v", c, r.HasGaps(), r.Warnings)
	}
}

func TestOnlyWhatIsAskedForIsTold(t *testing.T) {
	r, err := Of(companySet(t), Query{From: at(8, 0), To: at(20, 0), Inbox: "web", Kind: "customer", Problems: true, Zone: shanghai})
	if err != nil || said(r) != "web customer: open 540, gap 0, single 300\n  13:00 single 1 [agent-b]\n" || r.HasGaps() {
		t.Errorf("%v\n%s", err, said(r))
	}
}

func TestAYearThatIsNotAnnouncedIsAWarning(t *testing.T) {
	r, err := Of(companySet(t), Query{From: at(8, 0), To: at(8, 0).AddDate(0, 0, 90), Zone: shanghai, Lang: "en"})
	if err != nil || len(r.Warnings) != 1 {
		t.Fatalf("%v %v", err, r.Warnings)
	}
	if w := r.Warnings[0]; w.Schedule != "day" || w.Calendar != "cn-public" || w.Year != 2027 || !strings.Contains(w.Text, "does not have 2027") {
		t.Errorf("%+v", w)
	}
	// A time that ends with the year does not reach into the next.
	r, err = Of(companySet(t), Query{From: at(8, 0), To: time.Date(2027, 1, 1, 0, 0, 0, 0, shanghai), Zone: shanghai, Lang: "zh"})
	if err != nil || len(r.Warnings) != 0 {
		t.Errorf("%v %v", err, r.Warnings)
	}
}

func TestBadQuestionsAreRefusedByTheirParameter(t *testing.T) {
	for _, tc := range []struct {
		q           Query
		code, field string
	}{
		{Query{From: at(9, 0), To: at(9, 0)}, "coverage.time_order", "/to"},
		{Query{From: at(9, 0), To: at(9, 0).AddDate(0, 0, 93)}, "coverage.time_too_long", "/to"},
		{Query{From: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), To: at(9, 0)}, "coverage.time_out_of_range", "/from"},
		{Query{From: at(9, 0), To: at(10, 0), Inbox: "none"}, "coverage.unknown_inbox", "/inbox"},
		{Query{From: at(9, 0), To: at(10, 0), Inbox: "night", Kind: "group"}, "coverage.unknown_kind", "/kind"},
		{Query{From: at(9, 0), To: at(10, 0), Kind: "none"}, "coverage.unknown_kind", "/kind"},
	} {
		tc.q.Zone = shanghai
		_, err := Of(companySet(t), tc.q)
		if p := problem.As(err); p == nil || p.Code != tc.code || p.Field != tc.field {
			t.Errorf("%+v: %v", tc.q, err)
		}
	}
	for _, q := range []Query{{From: at(9, 0), Kind: "customer"}, {From: at(9, 0), Inbox: "web"}} {
		q.Zone = shanghai
		if _, err := At(companySet(t), q); problem.As(err) == nil {
			t.Errorf("a moment of %+v: %v", q, err)
		}
	}
}

func TestAMomentSaysWhatStopsTheOthers(t *testing.T) {
	m, err := At(companySet(t), Query{From: at(10, 30), Inbox: "web", Kind: "group", Zone: shanghai, Lang: "zh"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"revision":0,"at":"2026-11-26T10:30:00.000+08:00","inbox":"web","kind":"group","state":"single","count":1,"agents":[` +
		`{"name":"agent-a","title":"客服甲","can":true},` +
		`{"name":"agent-b","title":"客服乙","can":false,"stop":{"gate":"permission.kind","code":"permission.kind.account_denied","reason":"账号的“接收此类消息”权限被单独关闭"}},` +
		`{"name":"agent-c","can":false,"stop":{"gate":"role.receive","code":"role.receive.account_denied","reason":"账号的“接收消息”权限被单独关闭","until":"2026-11-26T11:00:00.000+08:00"}}]}`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if m, err = At(companySet(t), Query{From: at(19, 0), Inbox: "web", Kind: "group", Zone: shanghai}); err != nil || m.State != Closed || m.Stop == nil || m.Stop.Code != "window.inbox.closed" {
		t.Errorf("%v %+v", err, m)
	}
	if m, err = At(companySet(t), Query{From: at(9, 0), Inbox: "night", Kind: "customer", Zone: shanghai}); err != nil || m.State != Gap || m.Stop == nil || m.Stop.Code != "switch.inbox.paused" || m.Agents[0].Can || m.Agents[0].Stop != nil {
		t.Errorf("%v %+v", err, m)
	}
}

func TestInstantsReadBack(t *testing.T) {
	var r, again Overview
	text, err := json.Marshal(Overview{From: Instant(at(9, 0)), To: Instant(at(10, 0))})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil || !time.Time(r.From).Equal(at(9, 0)) {
		t.Errorf("%v %v", err, r.From)
	}
	if err := json.Unmarshal([]byte(`{"from":"yesterday"}`), &again); err == nil {
		t.Error("yesterday is an instant")
	}
}
