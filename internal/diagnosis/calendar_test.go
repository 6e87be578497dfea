package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
)

func evidenceOf(t *testing.T, f Finding) string {
	t.Helper()
	var list []string
	for _, e := range f.Evidence {
		list = append(list, e.Fact+" = "+e.Value)
	}
	return strings.Join(list, "\n")
}

func TestAHolidayIsNamedAndNobodyIsToBlame(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "zone: Asia/Shanghai,", "zone: Asia/Shanghai, calendar: store,", 1)+`
---
kind: calendar
name: store
spec: {years: {2026: {off: [{name: 店庆, days: [2026-11-23]}]}}}
`)
	c.work("agent-c")
	c.wait(3 * 24 * time.Hour) // Monday
	r := c.ask("agent-c")
	expect(t, r, "waiting", "* window.agent.holiday expected [web/customer web/group] fix: wait_until ok")
	f := primary(t, r)
	for _, want := range []string{"calendar/store  = 2026-11-23 is a day off: 店庆", "opens next 2026-11-24T09:00:00.000+08:00"} {
		if got := evidenceOf(t, f); !strings.Contains(got, want) {
			t.Errorf("the evidence lacks %q:\n%s", want, got)
		}
	}
}

func TestWhoMadeTodayADayOffIsNamed(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "zone: Asia/Shanghai,", "zone: Asia/Shanghai, calendar: cn-public,", 1)+`
---
kind: calendar
name: cn-public
spec: {years: {2026: {}}}
`)
	c.work("agent-c")
	c.apply("supervisor-b", edit("calendar", "cn-public", `{"years":{"2026":{"off":[{"days":["2026-11-20"]}]}}}`))
	expect(t, c.ask("agent-c"), "waiting", "* window.agent.holiday expected by supervisor-b in 2 [web/customer web/group] fix: calendar/cn-public/spec/years/2026/off ok")
}

func TestAnExtensionThatWasTakenBackIsTheCauseAndTheFix(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.account("admin", "agent-c", func(a *policy.AccountSpec) {
		a.Extensions = []policy.Extension{{Until: shanghai(t, "2026-11-20 22:00:00"), Reason: "顶班"}}
	})
	c.wait(5 * time.Hour)
	expect(t, c.ask("agent-c"), "no_traffic", "* traffic.none_offered expected [web/customer web/group]")
	c.account("supervisor-b", "agent-c", func(a *policy.AccountSpec) { a.Extensions = nil })
	expect(t, c.ask("agent-c"), "waiting", "* window.agent.team_closed expected by supervisor-b in 3 [web/customer web/group] fix: account/agent-c/spec/extensions ok")
}

func TestAnExtensionThatRanOutIsWhenItBegan(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("admin", edit("team", "shift", `{"title":"白班组","members":["agent-c"],"windows":["day"],"extensions":[{"until":"2026-11-20T20:00:00+08:00","reason":"大促"}]}`))
	c.wait(7 * time.Hour)
	r := c.ask("agent-c")
	expect(t, r, "waiting", "* window.agent.team_closed expected [web/customer web/group] fix: wait_until ok")
	f := primary(t, r)
	if f.Since == nil || !time.Time(*f.Since).Equal(shanghai(t, "2026-11-20 20:00:00")) {
		t.Errorf("since %v, want the end of the extension", f.Since)
	}
	if want := "extended until 2026-11-20T20:00:00.000+08:00 (大促)"; !strings.Contains(evidenceOf(t, f), want) {
		t.Errorf("the evidence lacks %q:\n%s", want, evidenceOf(t, f))
	}
}

func TestAYearThatIsNotAnnouncedIsAWarningAtTheGate(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "zone: Asia/Shanghai,", "zone: Asia/Shanghai, calendar: empty,", 1)+`
---
kind: calendar
name: empty
spec: {title: 空}
`)
	c.work("agent-c")
	r := c.ask("agent-c")
	expect(t, r, "no_traffic", "* traffic.none_offered expected [web/customer web/group]")
	for _, check := range r.Checks {
		if check.Gate == "window.agent" && (check.Outcome != "pass" || check.Code != "window.agent.year_unannounced") {
			t.Errorf("the gate says %+v", check)
		}
	}
}
