package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
)

func TestASwitchThatStoppedLongAgoLooksForgotten(t *testing.T) {
	after := func(spec string, days int) (*company, *Report) {
		c := newCompany(t, companyYAML)
		c.apply("supervisor-b", edit("switch", "inbox.web", spec))
		c.wait(time.Duration(days) * 24 * time.Hour)
		c.work("agent-a")
		return c, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "web"})
	}
	if _, r := after(`{"state":"off"}`, 29); primary(t, r).Code != "switch.inbox.off" || strings.Contains(show(r)+r.Headline.ZH+r.Headline.EN, "forgotten") || strings.Contains(r.Headline.ZH, "忘") {
		t.Errorf("after 29 days: %s, %s", r.Headline.EN, show(r))
	}
	c, r := after(`{"state":"off","reason":"搬家"}`, 31)
	f := primary(t, r)
	if f.Code != "switch.inbox.off" || f.ChangedBy == nil || f.ChangedBy.Account != "supervisor-b" {
		t.Fatalf("%s", show(r))
	}
	if e := proof(t, f, "switch/inbox.web /spec/until"); e.Value != "none, for 31 days: it looks forgotten" {
		t.Errorf("evidence %+v", e)
	}
	if e := proof(t, f, "switch/inbox.web /spec/reason"); e.Value != "搬家" {
		t.Errorf("evidence %+v", e)
	}
	if !strings.Contains(r.Headline.EN, "(31 days ago: it looks forgotten)") || !strings.Contains(r.Headline.ZH, "（已 31 天，可能忘了恢复）") || !strings.Contains(r.Headline.ZH, "主管乙") {
		t.Errorf("headline %s / %s", r.Headline.ZH, r.Headline.EN)
	}
	// With an end it is not forgotten, however long it lasts.
	if _, r := after(`{"state":"paused","until":"`+c.now.AddDate(0, 0, 50).Format(time.RFC3339)+`"}`, 40); primary(t, r).Code != "switch.inbox.paused" || strings.Contains(show(r)+r.Headline.EN, "forgotten") {
		t.Errorf("headline %s", r.Headline.EN)
	}
}

// The agent reads of its own grants that give nothing; those of others are none of its business.
func TestAReportNamesTheAgentsGrantsWithoutEffect(t *testing.T) {
	c := newCompany(t, companyYAML)
	if r := c.ask("agent-a"); r.DeadRules == nil || len(r.DeadRules) != 0 {
		t.Fatalf("%+v", r.DeadRules)
	}
	give := func(name, permission string) {
		c.account("admin", name, func(a *policy.AccountSpec) {
			a.Allow = append(a.Allow, policy.Grant{Permission: permission})
			a.Deny = append(a.Deny, policy.Grant{Permission: permission})
		})
	}
	give("agent-a", "receive.group")
	give("agent-b", "trace.view")
	r := c.diagnose("agent-a", Query{Agent: "agent-a"})
	if len(r.DeadRules) != 1 || r.DeadRules[0].Document != "account/agent-a" || !strings.HasPrefix(r.DeadRules[0].Path, "/spec/allow/") || !strings.Contains(r.DeadRules[0].Text.EN, "receive.group is denied to this account too") ||
		!strings.Contains(r.DeadRules[0].Text.ZH, "receive.group") {
		t.Errorf("%+v", r.DeadRules)
	}
	c.wait(time.Minute)
	before := c.now
	c.wait(time.Minute)
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Allow = nil })
	if r := c.ask("agent-a"); len(r.DeadRules) != 0 {
		t.Errorf("taken out: %+v", r.DeadRules)
	}
	if r := c.diagnose("supervisor-b", Query{Agent: "agent-a", At: before}); len(r.DeadRules) != 1 {
		t.Errorf("at the instant before: %+v", r.DeadRules)
	}
}
