package httpapi

import (
	"testing"
	"time"
)

type deadSeen struct {
	Revision int64
	Rules    []struct {
		Kind, Name, Path, Why, Message, Reason string
		Since                                  *time.Time
		By                                     *struct{ Name, Title string }
	}
}

func (b *bench) setting(path, spec string) {
	b.t.Helper()
	revision := b.ask("admin", "GET", "/policy", nil).want(200).header.Get("ETag")
	b.ask("admin", "PUT", "/policy/documents/"+path, `{"spec":`+spec+`}`, "If-Match", revision).want(200)
}

// A switch is as old as its stopping is: a new reason does not make it younger, having been on does.
func TestAForgottenSwitchIsNamedWithWhoSetItAndWhy(t *testing.T) {
	b := newBench(t)
	start := b.clock()
	days := func(n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now = start.AddDate(0, 0, n)
	}
	b.setting("switch/inbox.web", `{"state":"off"}`)
	days(1)
	b.setting("switch/inbox.web", `{"state":"on"}`)
	days(2)
	b.setting("switch/inbox.web", `{"state":"paused"}`)
	days(20)
	b.setting("switch/inbox.web", `{"state":"off","reason":"搬家"}`)
	b.setting("switch/inbox.vip", `{"state":"paused"}`)
	b.setting("switch/account.agent-a", `{"state":"limited","per_minute":2}`)
	days(32)
	if got := into[deadSeen](t, b.ask("sup", "GET", "/policy/dead-rules", nil)); len(got.Rules) != 0 {
		t.Errorf("after 30 days: %+v", got)
	}
	days(33)
	got := into[deadSeen](t, b.ask("sup", "GET", "/policy/dead-rules", nil))
	if len(got.Rules) != 1 || got.Revision != b.ledger.Policy().Revision() {
		t.Fatalf("after 31 days: %+v", got)
	}
	r := got.Rules[0]
	if r.Kind != "switch" || r.Name != "inbox.web" || r.Path != "/spec/state" || r.Why != "forgotten" || r.Message != "off without an end for 31 days: was it forgotten?" || r.Reason != "搬家" ||
		r.Since == nil || !r.Since.Equal(start.AddDate(0, 0, 2)) || r.By == nil || r.By.Name != "admin" {
		t.Errorf("%+v", r)
	}
	zh := into[deadSeen](t, b.ask("sup", "GET", "/policy/dead-rules", nil, "Accept-Language", "zh"))
	if zh.Rules[0].Message != "已关闭 31 天，且没有截止时间：是否忘了恢复？" {
		t.Errorf("%+v", zh.Rules[0])
	}
}

func TestDeadRulesAreToldOfThePolicyInForce(t *testing.T) {
	b := newBench(t)
	b.setting("account/agent-a", `{"title":"甲","agent":true,"roles":["agent"],"allow":[{"permission":"receive.customer"}]}`)
	b.setting("filter/one", `{"order":1,"match":{"keywords":["x"]},"action":"reject"}`)
	b.setting("filter/two", `{"match":{"keywords":["xx"]},"action":"allow"}`)
	got := into[deadSeen](t, b.ask("auditor", "GET", "/policy/dead-rules", nil))
	if len(got.Rules) != 2 {
		t.Fatalf("%+v", got)
	}
	if r := got.Rules[0]; r.Name != "agent-a" || r.Path != "/spec/allow/0" || r.Why != "nothing" || r.Since != nil || r.By != nil {
		t.Errorf("%+v", r)
	}
	if r := got.Rules[1]; r.Kind != "filter" || r.Name != "two" || r.Why != "shadowed" {
		t.Errorf("%+v", r)
	}
}
