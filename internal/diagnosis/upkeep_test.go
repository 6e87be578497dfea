package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// proof finds the evidence of a finding by its fact.
func proof(t *testing.T, f Finding, fact string) Evidence {
	t.Helper()
	i := slices.IndexFunc(f.Evidence, func(e Evidence) bool { return e.Fact == fact })
	if i < 0 {
		t.Fatalf("%s has no evidence %s: %+v", f.Code, fact, f.Evidence)
	}
	return f.Evidence[i]
}

func TestMaintenanceIsNamedWithItsWindowAndItsAuthorAndIsExpected(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("admin", "agent-b", func(a *policy.AccountSpec) { a.Alias = "x" })
	revision := c.apply("supervisor-b", edit("maintenance", "upgrade", fmt.Sprintf(
		`{"title":"升级","reason":"换库","from":%q,"until":%q,"inboxes":["web","shop"],"kinds":["customer"]}`, c.now.Add(time.Hour).Format(time.RFC3339), c.now.Add(3*time.Hour).Format(time.RFC3339))))
	expect(t, c.ask("agent-a"), "no_traffic", "* traffic.none_offered expected "+all)
	c.wait(2 * time.Hour)
	r := c.ask("agent-a")
	by := fmt.Sprintf("supervisor-b in %d", revision)
	expect(t, r, "partial",
		"* maintenance.inbox expected by "+by+" [shop/customer web/customer] fix: wait_until ok")
	f := primary(t, r)
	if want := "2026-11-20T15:02:00"; f.Since == nil || !strings.HasPrefix(f.Since.String(), want) {
		t.Errorf("since %v, want the window's beginning", f.Since)
	}
	if e := proof(t, f, "maintenance/upgrade /spec/until"); !strings.Contains(e.Value, "升级") || !strings.Contains(e.Value, "web, shop; kinds customer") {
		t.Errorf("evidence %+v", e)
	}
	if e := proof(t, f, "maintenance/upgrade /spec/reason"); e.Value != "换库" {
		t.Errorf("evidence %+v", e)
	}
	if f.Because == nil || !strings.Contains(r.Headline.ZH, "主管乙") || !strings.Contains(r.Headline.ZH, "维护") {
		t.Errorf("because %v, headline %s", f.Because, r.Headline.ZH)
	}
}

func TestAUsedUpLimitIsNamedWithItsCountAndWhoLimitedIt(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.apply("admin", edit("switch", "inbox.web", `{"state":"limited","per_minute":1,"reason":"大促"}`))
	c.post("web", "customer", "x")
	full := c.now
	c.wait(20 * time.Second)
	waiting := c.post("web", "customer", "y")
	r := c.ask("agent-a")
	f := r.Findings[slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == "switch.inbox.limited" })]
	if f.Expected || f.ChangedBy == nil || f.ChangedBy.Account != "admin" || f.Since == nil || !time.Time(*f.Since).Equal(full) {
		t.Errorf("expected %v, by %+v, since %v", f.Expected, f.ChangedBy, f.Since)
	}
	if e := proof(t, f, "rate/inbox.web"); !strings.HasPrefix(e.Value, "1 of 1, until 2026-11-20T14:03:00") {
		t.Errorf("evidence %+v", e)
	}
	if e := proof(t, f, "switch/inbox.web /spec/state"); e.Value != "limited to 1 a minute" {
		t.Errorf("evidence %+v", e)
	}
	if f.Fix == nil || !f.Fix.Verified || len(f.Fix.Edits) != 1 || f.Fix.Edits[0].Name != "inbox.web" {
		t.Errorf("fix %+v", f.Fix)
	}
	if m := c.diagnose("supervisor-b", Query{Agent: "agent-a", Message: waiting}); primary(t, m).Code != "switch.inbox.limited" {
		t.Errorf("about the message: %s", show(m))
	}
	past := c.now
	c.wait(time.Hour)
	if r := c.ask("agent-a"); strings.Contains(show(r), "limited") {
		t.Errorf("an hour later: %s", show(r))
	}
	if r := c.diagnose("supervisor-b", Query{Agent: "agent-a", At: past}); !strings.Contains(show(r), "switch.inbox.limited") {
		t.Errorf("as of then: %s", show(r))
	}
}

func TestAnOldClientIsMendedByReloadingIt(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	revision := c.apply("admin", edit("client", "test", `{"minimum":"1.1.0","reason":"1.0 漏消息"}`))
	r := c.ask("agent-a")
	expect(t, r, "blocked", fmt.Sprintf("* client.version.below_minimum by admin in %d %s fix: reload ok", revision, all))
	if !r.Mended {
		t.Error("reloading does not mend it")
	}
	f := primary(t, r)
	if e := proof(t, f, "client/test"); e.Value != "version 1.0" {
		t.Errorf("seen %+v", e)
	}
	if e := proof(t, f, "client/test /spec/minimum"); e.Value != "required: >= 1.1.0" {
		t.Errorf("required %+v", e)
	}
	c.apply("admin", edit("client", "test", `{"blocked":["1.0.0"]}`))
	if f := primary(t, c.ask("agent-a")); f.Code != "client.version.blocked" || f.Fix == nil || f.Fix.Actions[0].Action != "reload" {
		t.Errorf("blocked: %+v", f)
	}
	c.apply("admin", edit("client", "any", `{"minimum":"1.0.0"}`))
	c.tx(func(tx *ledger.Tx) {
		tx.OpenSocket("agent-a", ledger.Socket{ID: "k-mine", Session: "s-agent-a", Client: "mine", Name: "mine", Version: "nightly", Node: "node-1"}, "agent-a")
	})
	if f := primary(t, c.ask("agent-a")); f.Code != "client.version.unknown" || f.Outcome != "unknown" {
		t.Errorf("unknown: %+v", f)
	}
}

func TestAMessageOfAConversationThatIsSetAsideNamesWhoAndUntilWhen(t *testing.T) {
	c := newCompany(t, companyYAML)
	m := c.post("web", "customer", "x")
	id, _ := conversation.ParseID('m', m)
	c.do(&conversation.Snooze{Conversation: id, Until: c.now.Add(time.Hour), By: "supervisor-b", Others: true})
	c.work("agent-a")
	r := c.diagnose("admin", Query{Agent: "agent-a", Message: m})
	f := primary(t, r)
	if r.Verdict != Waiting || f.Code != "conversation.snoozed" || !f.Expected {
		t.Fatalf("%s", show(r))
	}
	if e := proof(t, f, "conversation/c"+m[1:]+"/snoozed"); !strings.HasPrefix(e.Value, "until 2026-11-20T15:01:00") || !strings.Contains(e.Source, "supervisor-b") {
		t.Errorf("evidence %+v", e)
	}
	c.wait(time.Hour)
	c.receive("agent-a")
	if r := c.diagnose("admin", Query{Agent: "agent-a", Message: m}); r.Verdict != Receiving {
		t.Errorf("an hour later: %s", show(r))
	}
}

func TestAMessageThatARobotHasIsTold(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.account("admin", "agent-b", func(a *policy.AccountSpec) { a.Robot = true })
	c.work("agent-b")
	c.post("web", "customer", "x")
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	r := c.diagnose("admin", Query{Agent: "agent-a", Message: m})
	if f := primary(t, r); f.Code != "conversation.owned_by_bot" || !f.Expected {
		t.Errorf("%s", show(r))
	}
}
