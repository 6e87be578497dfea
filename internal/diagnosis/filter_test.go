package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
)

func TestAMessageThatAFilterRuleKeepsBack(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.apply("supervisor-b", edit("filter", "spam", `{"title":"广告","match":{"keywords":["的内容"]},"action":"quarantine","reason":"骚扰"}`))
	c.wait(time.Minute)
	m := c.post("web", "customer", "x")
	c.wait(time.Minute)
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked", "* filter.quarantined by supervisor-b in 2 [web/customer] fix: release_message ok")
	p := primary(t, r)
	mentions(t, p, "filter/spam /spec/action = quarantine (骚扰)", "match/spam = keyword: 的内容 (characters 3 to 5)", "revision/2 = changed filter/spam", "quarantined: filter.quarantined")
	if p.Fix == nil || !p.Fix.Verified || p.Fix.By != "supervisor" || len(p.Fix.Actions) != 1 || p.Fix.Actions[0].Action != "release_message" {
		t.Errorf("the fix is %+v", p.Fix)
	}
	if p.ChangedBy == nil || p.ChangedBy.Account != "supervisor-b" || !strings.Contains(r.Headline.ZH, "过滤规则拦截了这条消息") {
		t.Errorf("%+v, headline %s", p.ChangedBy, r.Headline.ZH)
	}
	if own := primary(t, c.diagnose("agent-a", Query{Agent: "agent-a", Message: m})); strings.Contains(facts(own), "match/") || own.Code != "filter.quarantined" {
		t.Errorf("the agent is told what the message says: %s", facts(own))
	}
	if all := c.ask("agent-a"); all.Verdict == Blocked {
		t.Errorf("one message that is held back blocks the agent: %s", show(all))
	}

	held := c.now
	c.wait(time.Minute)
	position, _ := conversation.ParseID('m', m)
	c.do(&conversation.Release{Message: position, Sequence: 1, By: "supervisor-b"})
	c.receive("agent-a")
	c.wait(time.Minute)
	if r = c.askMessage("agent-a", m); r.Verdict != Receiving {
		t.Errorf("after the release: %s", show(r))
	}
	if then := c.diagnose("supervisor-b", Query{Agent: "agent-a", Message: m, At: held}); primary(t, then).Code != "filter.quarantined" {
		t.Errorf("as it was before: %s", show(then))
	}
}

func TestAMessageThatAFilterRuleRefusedAndAnAgentWhoWasAwayBesides(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("supervisor-b", edit("filter", "spam", `{"match":{"keywords":["的内容","别的"]},"action":"reject"}`))
	c.wait(time.Minute)
	m := c.post("web", "customer", "x")
	c.wait(time.Minute)
	r := c.askMessage("agent-a", m)
	if r.Verdict != Blocked {
		t.Errorf("%s", show(r))
	}
	codes := map[string]Finding{}
	for _, f := range r.Findings {
		codes[f.Code] = f
	}
	f, ok := codes["filter.rejected"]
	if _, away := codes["account.login.never"]; !ok || !away {
		t.Fatalf("not all causes are named: %s", show(r))
	}
	if f.Fix == nil || !f.Fix.Verified || len(f.Fix.Edits) != 1 || f.Fix.Edits[0].Name != "spam" || f.Fix.Edits[0].Fields[0].Path != "/spec/match/senders" {
		t.Errorf("the fix is %+v", f.Fix)
	}
}

func TestMessagesThatRulesKeptBackAreNoneThatAnAgentMissed(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.apply("supervisor-b", edit("filter", "spam", `{"match":{"keywords":["的内容"]},"action":"quarantine"}`))
	position, _ := conversation.ParseID('m', c.post("web", "customer", "x"))
	c.post("web", "customer", "y")
	c.do(ledger.CommandFunc((&conversation.Release{Message: position, Sequence: 1, By: "supervisor-b"}).Apply))
	c.wait(time.Minute)
	for _, f := range c.ask("agent-a").Findings {
		if f.Code == "recovery.gap" {
			t.Errorf("%+v", f)
		}
	}
}
