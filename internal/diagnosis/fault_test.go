package diagnosis

import (
	"testing"
	"time"

	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/policy"
)

func TestAHealthyAgentReceives(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b", "agent-c")
	c.post("web", "customer", "x")
	c.receive("agent-a")
	expect(t, c.ask("agent-a"), "receiving")
}

func TestWithoutTrafficThereIsNoTraffic(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	expect(t, c.ask("agent-a"), "no_traffic", "* traffic.none_offered expected [shop/customer web/customer web/group]")
}

func TestGroupSwitchedOffForOneAgent(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b", "agent-c")
	before := c.now
	rev := c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	changed := c.now
	c.wait(10 * time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "partial", "* permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok")
	f := primary(t, r)
	if rev != 2 || f.Since == nil || !time.Time(*f.Since).Equal(changed) {
		t.Errorf("since %v, want %v", f.Since, changed)
	}
	if want := "客服甲收不到“群消息”：主管乙 11 月 20 日 14:02 关掉了“群消息”的接收权限。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	if want := "客服甲 gets no group messages: 主管乙 switched off the right to receive group messages on 20 Nov, 14:02."; r.Headline.EN != want {
		t.Errorf("headline %s, want %s", r.Headline.EN, want)
	}
	if !r.Mended {
		t.Error("the fixes together do not mend the scope")
	}
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", At: before}), "no_traffic", "* traffic.none_offered expected [shop/customer web/customer web/group]")
}

func TestWindowShortened(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-c")
	c.wait(30 * time.Minute)
	before := c.now
	c.apply("supervisor-b", edit("schedule", "day", `{"title":"白班","zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri"],"from":"09:00","to":"14:00"}]}`))
	changed := c.now
	c.wait(time.Hour)
	r := c.ask("agent-c")
	expect(t, r, "waiting", "* window.agent.team_closed expected by supervisor-b in 2 [web/customer web/group] fix: schedule/day/spec/weekly ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(changed) {
		t.Errorf("since %v, want %v", f.Since, changed)
	}
	if want := "客服丙暂时收不到消息（11 月 23 日 09:00 恢复）：主管乙 11 月 20 日 14:32 改了客服组的接待时段，现在不在时段内。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-c", At: before}), "no_traffic", "* traffic.none_offered expected [web/customer web/group]")
}

func TestOutsideAnOrdinaryWindowNobodyIsToBlame(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.wait(5 * time.Hour)
	r := c.ask("agent-c")
	expect(t, r, "waiting", "* window.agent.team_closed expected [web/customer web/group] fix: wait_until ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(shanghai(t, "2026-11-20 18:00:00")) {
		t.Errorf("since %v, want the end of the shift", f.Since)
	}
}

func TestRemovedFromAnInbox(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	before := c.now
	c.inbox("supervisor-b", "shop", func(s *policy.InboxSpec) { s.Members.Accounts = []string{"agent-b"} })
	c.wait(10 * time.Minute)
	expect(t, c.ask("agent-a"), "partial", "* membership.inbox.not_member by supervisor-b in 2 [shop/customer] fix: inbox/shop/spec/members/accounts ok")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"}),
		"blocked", "* membership.inbox.not_member by supervisor-b in 2 [shop/customer] fix: inbox/shop/spec/members/accounts ok")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop", At: before}), "no_traffic", "* traffic.none_offered expected [shop/customer]")
}

func TestPushPausedForAnInbox(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	before := c.now
	c.apply("supervisor-b", edit("switch", "inbox.web", `{"state":"paused","reason":"维护"}`))
	c.wait(10 * time.Minute)
	expect(t, c.ask("agent-b"), "partial", "* switch.inbox.paused by supervisor-b in 2 [web/customer web/group] fix: switch/inbox.web/spec/reason/spec/state ok")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-b", At: before}), "no_traffic", "* traffic.none_offered expected [shop/customer web/customer web/group]")
}

func TestFrozen(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	before := c.now
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State, a.StateReason = "frozen", "违规" })
	c.wait(10 * time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "blocked",
		"* account.state.frozen by supervisor-b in 2 [shop/customer web/customer web/group] fix: account/agent-a/spec/state/spec/state_reason sign_in reconnect ok",
		"account.login.account_closed of account.state.frozen by supervisor-b [shop/customer web/customer web/group]",
		"connection.session_ended of account.state.frozen by supervisor-b [shop/customer web/customer web/group]")
	if !r.Mended {
		t.Error("the fix does not mend the scope")
	}
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", At: before}), "no_traffic", "* traffic.none_offered expected [shop/customer web/customer web/group]")
}

func TestSessionEndedAndTokenRevoked(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	before := c.now
	c.wait(time.Minute)
	c.do(&identity.EndSessions{Account: "agent-a", Asked: identity.Asked{By: "supervisor-b", Source: "api"}})
	changed := c.now
	c.do(&identity.RevokeTokens{Account: "agent-a", Asked: identity.Asked{By: "admin", Source: "api"}})
	c.wait(10 * time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "blocked",
		"* account.login.ended by supervisor-b [shop/customer web/customer web/group] fix: create_token sign_in reconnect ok",
		"connection.session_ended of account.login.ended by supervisor-b [shop/customer web/customer web/group]")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(changed) {
		t.Errorf("since %v, want %v", f.Since, changed)
	}
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", At: before}), "no_traffic", "* traffic.none_offered expected [shop/customer web/customer web/group]")

	c = newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.do(&identity.RevokeTokens{Account: "agent-a", Asked: identity.Asked{By: "admin", Source: "api"}})
	expect(t, c.ask("agent-a"), "blocked",
		"* account.login.token_revoked by admin [shop/customer web/customer web/group] fix: create_token sign_in reconnect ok",
		"connection.session_ended of account.login.token_revoked by admin [shop/customer web/customer web/group]")
}

func TestWhoHasAPasswordIsToldToSignInAndNotToMakeATokenFirst(t *testing.T) {
	c := newCompany(t, companyYAML)
	before := c.now
	c.wait(time.Minute)
	c.do(&identity.SetPassword{Account: "agent-a", Hash: "$argon2id$", Asked: identity.Asked{By: "admin", Source: "api"}})
	c.wait(time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "blocked", "* account.login.never [shop/customer web/customer web/group] fix: sign_in go_available reconnect ok",
		"presence.never_set of account.login.never [shop/customer web/customer web/group]",
		"connection.never of account.login.never [shop/customer web/customer web/group]")
	found := false
	for _, e := range primary(t, r).Evidence {
		found = found || e.Fact == "password" && e.Value == "set"
	}
	if !found {
		t.Error("the report does not say that there is a password")
	}
	if r := c.diagnose("supervisor-b", Query{Agent: "agent-a", At: before}); primary(t, r).Fix.Actions[0].Action != "create_token" {
		t.Error("a password that was set later counts before")
	}

	c.work("agent-b")
	c.do(&identity.SetPassword{Account: "agent-b", Hash: "$argon2id$", Asked: identity.Asked{By: "admin", Source: "api"}})
	c.do(&identity.RevokeTokens{Account: "agent-b", Asked: identity.Asked{By: "admin", Source: "api"}})
	if f := primary(t, c.ask("agent-b")); f.Code != "account.login.token_revoked" || f.Fix.Actions[0].Action != "sign_in" {
		t.Errorf("a revoked token of a person with a password: %s, %v", f.Code, f.Fix.Actions)
	}
}

func TestAConnectionIsUnknownAfterItsProcessDied(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	alive := c.now
	c.wait(time.Minute) // nothing is recorded any more
	died := c.now
	c.wait(time.Minute)
	c.start()
	restarted := c.now
	c.wait(time.Minute)

	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", At: died})
	expect(t, r, "unknown", "* connection.unknown [shop/customer web/customer web/group] fix: reconnect ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(alive) {
		t.Errorf("since %v, want the last sign of life %v", f.Since, alive)
	}
	if r.Next == "" {
		t.Error("nothing says what to look at")
	}
	r = c.ask("agent-a")
	expect(t, r, "blocked", "* connection.lost_with_process by system [shop/customer web/customer web/group] fix: reconnect ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(restarted) {
		t.Errorf("since %v, want the start %v", f.Since, restarted)
	}
}
