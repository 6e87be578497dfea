package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

const all = "[shop/customer web/customer web/group]"

func TestSeveralRootsAreAllNamed(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.apply("admin", edit("switch", "inbox.web", `{"state":"off"}`))
	c.presence("supervisor-b", "agent-a", "away")
	r := c.ask("agent-a")
	expect(t, r, "blocked",
		"* presence.away by supervisor-b "+all+" fix: go_available ok",
		"switch.inbox.off by admin in 3 [web/customer web/group] fix: switch/inbox.web/spec/state ok",
		"permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok")
	if !r.Mended {
		t.Error("all fixes together do not mend the scope")
	}
	if want := "；另有 2 个原因。"; !strings.HasSuffix(r.Headline.ZH, want) {
		t.Errorf("the headline hides the other causes: %s", r.Headline.ZH)
	}
}

func TestAnExpectedBlockIsLeftOutWhereSomethingElsePasses(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("role", "plain", `{"permissions":["receive","receive.customer","message.reply"]}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"plain"} })
	c.work("agent-a")
	expect(t, c.ask("agent-a"), "no_traffic",
		"* permission.kind.not_granted expected by admin in 3 [web/group] fix: account/agent-a/spec/roles ok",
		"traffic.none_offered expected "+all)
	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Kind: "group"})
	expect(t, r, "blocked", "* permission.kind.not_granted expected by admin in 3 [web/group] fix: account/agent-a/spec/roles ok")
	if r.Findings[0].Because == nil || r.Findings[0].Because.ZH == "" {
		t.Error("nothing says why it was to be expected")
	}
}

func TestOwnPresenceIsExpectedAndASupervisorsIsNot(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.presence("agent-a", "agent-a", "dnd")
	expect(t, c.ask("agent-a"), "blocked", "* presence.dnd expected by agent-a "+all+" fix: go_available ok")
	c.presence("supervisor-b", "agent-a", "offline")
	expect(t, c.ask("agent-a"), "blocked", "* presence.offline by supervisor-b "+all+" fix: go_available ok")
}

func TestTheParentPermissionTakesTheKindsWithIt(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Deny = append(a.Deny, policy.Grant{Permission: "receive"}) })
	r := c.ask("agent-a")
	// Behind the parent the kind is off by itself: who mends the parent alone would find the agent still without group messages.
	expect(t, r, "blocked",
		"* role.receive.account_denied by admin in 3 "+all+" fix: account/agent-a/spec/deny ok",
		"permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok",
		"permission.kind.parent_off of role.receive.account_denied by admin in 3 "+all)
	if !r.Mended {
		t.Error("all fixes together do not mend the scope")
	}
}

func TestARightThatIsLostTwiceHasTwoCauses(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("admin", edit("role", "clerk", `{"template":"agent","permissions":["receive","receive.customer","message.reply"]}`))
	c.account("supervisor-b", "agent-c", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	r := c.diagnose("supervisor-b", Query{Agent: "agent-c", Kind: "group"})
	expect(t, r, "blocked",
		"* permission.kind.account_denied by supervisor-b in 3 [web/group] fix: account/agent-c/spec/allow/spec/deny ok",
		"permission.kind.removed_from_role by admin in 2 [web/group] fix: account/agent-c/spec/allow ok")
}

func TestTheAuthorIsWhoTookTheRightAndNotWhoBroughtItToLight(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Deny = append(a.Deny, policy.Grant{Permission: "receive"}) })
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Deny = a.Deny[:1] })
	expect(t, c.ask("agent-a"), "partial", "* permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok")
}

func TestTwoShortenedWindowsHideEachOther(t *testing.T) {
	c := newCompany(t, companyYAML+`
---
kind: schedule
name: own
spec: {zone: Asia/Shanghai, weekly: [{days: [fri], from: "08:00", to: "20:00"}]}
`)
	c.work("agent-c")
	c.account("admin", "agent-c", func(a *policy.AccountSpec) { a.Windows = []string{"own"} })
	c.apply("supervisor-b", edit("schedule", "day", `{"title":"白班","zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri"],"from":"09:00","to":"13:00"}]}`))
	c.apply("admin", edit("schedule", "own", `{"zone":"Asia/Shanghai","weekly":[{"days":["fri"],"from":"08:00","to":"12:00"}]}`))
	expect(t, c.ask("agent-c"), "waiting",
		"* window.agent.closed expected by admin in 4 [web/customer web/group] fix: schedule/day/spec/weekly schedule/own/spec/weekly ok",
		"window.agent.team_closed expected by supervisor-b in 3 [web/customer web/group] fix: schedule/day/spec/weekly ok")
}

func TestARightTakenOutOfTheRole(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("admin", edit("role", "clerk", `{"title":"店员","template":"agent","permissions":["receive","receive.customer","diagnosis.self"]}`))
	expect(t, c.ask("agent-c"), "blocked",
		"* permission.reply.removed_from_role by admin in 2 [web/customer web/group] fix: account/agent-c/spec/allow ok",
		"permission.kind.removed_from_role by admin in 2 [web/group] fix: account/agent-c/spec/allow ok")
}

func TestWithoutAnyRoleTheParentIsMendedByItself(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = nil })
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"}), "blocked",
		"* role.receive.not_granted expected by admin in 2 [shop/customer] fix: account/agent-a/spec/roles ok",
		"permission.kind.parent_off expected of role.receive.not_granted by admin in 2 [shop/customer]",
		"permission.reply.not_granted expected of role.receive.not_granted by admin in 2 [shop/customer]")
}

func TestWhatTheTemplateLacksIsProven(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("template", "desk", `{"permissions":["receive","receive.customer","receive.group","message.reply","realtime.connect"]}`),
		edit("role", "desk", `{"template":"desk"}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"desk"} })
	c.work("agent-a")
	c.apply("supervisor-b", edit("template", "desk", `{"permissions":["receive","receive.customer","receive.group","realtime.connect"]}`))
	r := c.ask("agent-a")
	expect(t, r, "blocked", "* permission.reply.not_granted expected by supervisor-b in 4 "+all+" fix: account/agent-a/spec/allow ok")
	if e := proof(t, primary(t, r), "template/desk /spec/permissions"); e.Value != "lacks message.reply" {
		t.Errorf("the template: %+v", e)
	}
}

func TestRightsThatAreLostApartAreCausesEach(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("role", "front", `{"permissions":["receive","receive.customer","receive.group"]}`), edit("role", "back", `{"permissions":["message.reply"]}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"front", "back"} })
	c.work("agent-a")
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"front"} })
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Roles = nil })
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"}), "blocked",
		"* role.receive.not_granted expected by supervisor-b in 5 [shop/customer] fix: account/agent-a/spec/roles ok",
		"permission.reply.not_granted expected by admin in 4 [shop/customer] fix: account/agent-a/spec/roles ok",
		"permission.kind.parent_off expected of role.receive.not_granted by supervisor-b in 5 [shop/customer]")
}

func TestAnAccountThatWasDeleted(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("admin", edit("team", "shift", `{"title":"白班组","windows":["day"]}`), policy.Edit{Kind: "account", Name: "agent-c"})
	r := c.ask("agent-c")
	expect(t, r, "blocked",
		"* account.state.missing by admin in 2 [web/customer web/group] fix: account/agent-c team/shift/spec/members sign_in reconnect ok",
		"account.login.account_closed of account.state.missing by admin [web/customer web/group]",
		"role.receive.not_agent of account.state.missing by admin in 2 [web/customer web/group]",
		"permission.kind.parent_off of account.state.missing by admin in 2 [web/customer web/group]",
		"membership.inbox.not_member of account.state.missing by admin in 2 [web/customer web/group]",
		"connection.session_ended of account.state.missing by admin [web/customer web/group]",
		"permission.reply.not_granted expected of account.state.missing by admin in 2 [web/customer web/group]")
	if want := "客服丙收不到消息：管理员 11 月 20 日 14:02 删除了该账号。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
}

func TestWhoNeverSignedIn(t *testing.T) {
	c := newCompany(t, companyYAML)
	expect(t, c.ask("agent-a"), "blocked",
		"* account.login.never "+all+" fix: create_token sign_in go_available reconnect ok",
		"presence.never_set of account.login.never "+all,
		"connection.never of account.login.never "+all)
}

func TestAFrozenAccountThatNeverSignedInHasOneCause(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "title: 客服甲,", "title: 客服甲, state: frozen,", 1))
	expect(t, c.ask("agent-a"), "blocked",
		"* account.state.frozen by admin in 1 "+all+" fix: account/agent-a/spec/state create_token sign_in go_available reconnect ok",
		"account.login.never of account.state.frozen "+all,
		"presence.never_set of account.state.frozen "+all,
		"connection.never of account.state.frozen "+all)
}

func TestASessionThatEndedBeforeTheFreezeIsACauseOfItsOwn(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.do(&identity.EndSessions{Account: "agent-a", Asked: identity.Asked{By: "agent-a", Source: "api"}})
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.State = "frozen" })
	expect(t, c.ask("agent-a"), "blocked",
		"* account.state.frozen by admin in 2 "+all+" fix: account/agent-a/spec/state ok",
		"account.login.signed_out by agent-a "+all+" fix: sign_in reconnect ok",
		"connection.session_ended of account.login.signed_out by agent-a "+all)
}

func TestALostConnectionIsNoConsequenceOfALaterEndOfTheSession(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.disconnect("agent-a", "closed_by_client")
	expect(t, c.ask("agent-a"), "blocked", "* connection.closed_by_client by system "+all+" fix: reconnect ok")
	c.wait(time.Hour)
	c.do(&identity.EndSessions{Account: "agent-a", Asked: identity.Asked{By: "supervisor-b", Source: "api"}})
	expect(t, c.ask("agent-a"), "blocked",
		"* account.login.ended by supervisor-b "+all+" fix: sign_in ok",
		"connection.closed_by_client by system "+all+" fix: reconnect ok")
}

func TestTakenOutOfATeam(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("supervisor-b", edit("team", "shift", `{"title":"白班组","windows":["day"]}`))
	r := c.ask("agent-c")
	expect(t, r, "blocked", "* membership.inbox.not_member by supervisor-b in 2 [web/customer web/group] fix: team/shift/spec/members ok")
	c.wait(31 * 24 * time.Hour)
	c.presence("agent-c", "agent-c", "away")
	if r := c.ask("agent-c"); len(r.Checks) == 0 || len(r.Findings[0].Scope) != 0 {
		t.Errorf("a membership that ended more than 30 days ago is still in the scope: %s", show(r))
	}
}

func TestAnInboxThatWasDeleted(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.apply("admin", policy.Edit{Kind: "inbox", Name: "shop"})
	expect(t, c.ask("agent-a"), "partial", "* membership.inbox.not_member by admin in 2 [shop/customer] fix: inbox/shop ok")
}

func TestAKindThatTheInboxNoLongerProduces(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.inbox("admin", "web", func(s *policy.InboxSpec) { s.Kinds = []string{"customer"} })
	r := c.ask("agent-a")
	expect(t, r, "partial", "* intake.kind_not_produced by admin in 2 [web/group] fix: inbox/web/spec/kinds ok")
	if !r.Mended {
		t.Error("the fix does not mend the scope")
	}
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "web", Kind: "group"}),
		"blocked", "* intake.kind_not_produced by admin in 2 [web/group] fix: inbox/web/spec/kinds ok")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"}), "no_traffic", "* traffic.none_offered expected [shop/customer]")
}

func TestAtTheLimit(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.post("web", "customer", "x")
	c.wait(time.Minute)
	filled := c.now
	second := c.post("web", "customer", "y")
	c.receive("agent-a")
	rev := c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Capacity.Total = 2 })
	r := c.ask("agent-a")
	expect(t, r, "blocked", "* capacity.total_full expected by admin in 2 "+all+" fix: account/agent-a/spec/capacity ok") // there was no limit: there is none again
	c.wait(time.Minute)
	r = c.ask("agent-a")
	f := primary(t, r)
	if rev != 2 || f.Since == nil || !time.Time(*f.Since).After(filled) {
		t.Errorf("since %v, want when the limit was lowered", f.Since)
	}
	var load, owned bool
	for _, e := range f.Evidence {
		load = load || e.Fact == "load" && e.Value == "2 of 2"
		owned = owned || strings.HasPrefix(e.Fact, "conversation/c")
	}
	if !load || !owned {
		t.Errorf("the load is not proven: %+v (second %s)", f.Evidence, second)
	}
}

func TestAtALimitThatWasAlwaysThere(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "title: 客服甲,", "title: 客服甲, capacity: {total: 1},", 1))
	c.work("agent-a")
	c.wait(time.Hour)
	filled := c.now
	c.post("web", "customer", "x")
	c.receive("agent-a")
	c.wait(time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "blocked", "* capacity.total_full expected "+all+" fix: finish_conversation ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(filled) {
		t.Errorf("since %v, want when the last place was taken, %v", f.Since, filled)
	}
}

func TestTheStoreFails(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.store.FailCommit(ledger.ErrUnavailable, false)
	if err := c.try(ledger.CommandFunc(func(tx *ledger.Tx) error { tx.TouchAgent("agent-a", "x"); tx.Next(); return nil })); err == nil {
		t.Fatal("the commit did not fail")
	}
	expect(t, c.ask("agent-a"), "blocked", "* system.health.store by system "+all+" fix: mend_component ok")
	failed := c.now
	c.wait(time.Minute)
	c.presence("agent-a", "agent-a", "dnd")
	c.wait(time.Minute)
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", At: failed}), "blocked", "* system.health.store by system "+all+" fix: mend_component ok")
}

func TestADenialWithAnEndWaits(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	until := c.now.Add(3 * time.Hour)
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) {
		a.Deny = []policy.Grant{{Permission: "receive.group", Until: until}}
	})
	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Kind: "group"})
	expect(t, r, "waiting", "* permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok")
	found := false
	for _, check := range r.Checks {
		found = found || check.Gate == "permission.kind" && check.Until != nil && time.Time(*check.Until).Equal(until)
	}
	if !found {
		t.Errorf("no check tells the end: %+v", r.Checks)
	}
}

func TestAnAllowanceThatRanOutStopsFromItsEnd(t *testing.T) {
	c := newCompany(t, companyYAML)
	until := c.now.Add(3 * time.Hour)
	c.apply("admin", edit("role", "plain", `{"permissions":["receive","receive.customer","message.reply"]}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) {
		a.Roles, a.Allow = []string{"plain"}, []policy.Grant{{Permission: "receive.group", Until: until}}
	})
	c.work("agent-a")
	c.wait(5 * time.Hour)
	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Kind: "group"})
	expect(t, r, "blocked", "* permission.kind.expired by admin in 3 [web/group] fix: account/agent-a/spec/allow ok")
	if f := primary(t, r); f.Since == nil || !time.Time(*f.Since).Equal(until) {
		t.Errorf("since %v, want %v", f.Since, until)
	}
}

func TestEveryGateIsChecked(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	r := c.ask("agent-a")
	cells := map[string]int{}
	for _, check := range r.Checks {
		cells[check.Gate] += len(check.Scope)
	}
	for g := range reception.GateCount {
		if cells[g.String()] != 3 {
			t.Errorf("gate %s has %d of 3 cells", g, cells[g.String()])
		}
	}
	for _, stage := range []string{"queue", "push", "view"} {
		if cells[stage] != 3 {
			t.Errorf("stage %s has %d of 3 cells", stage, cells[stage])
		}
	}
}
