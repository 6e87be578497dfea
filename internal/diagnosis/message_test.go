package diagnosis

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

func (c *company) askMessage(agent, message string) *Report {
	c.t.Helper()
	return c.diagnose("supervisor-b", Query{Agent: agent, Message: message})
}

func facts(f Finding) string {
	var lines []string
	for _, e := range f.Evidence {
		lines = append(lines, e.Fact+" = "+e.Value)
	}
	return strings.Join(lines, "\n")
}

func mentions(t *testing.T, f Finding, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(facts(f), w) {
			t.Errorf("the evidence of %s does not mention %q:\n%s", f.Code, w, facts(f))
		}
	}
}

func TestAMessageThatArrivedAfterAll(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	c.wait(time.Second)
	c.receive("agent-a")
	c.wait(time.Hour)
	r := c.askMessage("agent-a", m)
	expect(t, r, "receiving", "* routing.chosen.least_loaded expected [web/customer]", "view.not_seen [web/customer]")
	mentions(t, primary(t, r), "delivery/"+m+" = received", "/pushed = ", "/received = ", "decision/")
	if r.Traffic != (Traffic{Offered: 1, Eligible: 1, Pushed: 1, Received: 1}) {
		t.Errorf("traffic %+v", r.Traffic)
	}
	if want := "消息 " + m + " 已送达客服甲（11 月 20 日 14:01）。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
}

func TestAMessageThatACcolleagueOwnsOrWasChosenFor(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	first := c.post("web", "customer", "x")
	c.wait(time.Minute)
	second := c.post("web", "customer", "x")
	r := c.askMessage("agent-b", first)
	expect(t, r, "blocked", "* routing.not_chosen expected [web/customer]")
	mentions(t, primary(t, r), "strategy = least_loaded", "chosen = agent-a", "score/own = 0 open conversations", "score/chosen = agent-a: 0 open conversations")
	r = c.askMessage("agent-b", second)
	expect(t, r, "blocked", "* conversation.owned_by_colleague expected [web/customer]")
	mentions(t, primary(t, r), "/owner = agent-a")
	if r.Traffic.AssignedElsewhere != 1 || r.Traffic.Pushed != 0 {
		t.Errorf("traffic %+v", r.Traffic)
	}
	if want := "消息 " + second + " 没有送达客服乙：会话由同事接待（自 11 月 20 日 14:01 起）。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
}

func TestAMessageIsExplainedAsOfItsDecision(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	m := c.post("web", "group", "x")
	c.wait(time.Minute)
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = nil })
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked", "* permission.kind.account_denied by supervisor-b in 2 [web/group] fix: account/agent-a/spec/deny ok")
	if r.Revision != 2 {
		t.Errorf("revision %d, want that of the decision, 2", r.Revision)
	}
	mentions(t, primary(t, r), "delivery/"+m+" = agent-b: queued")
	// Asked about reception, the fault is over; the message it cost is reported.
	c.post("web", "customer", "z")
	r = c.ask("agent-a")
	expect(t, r, "receiving", "* recovery.gap [web/group]")
	mentions(t, primary(t, r), "message/"+m+" = permission.kind.account_denied")
}

func TestAMessageThatWaitsForSomebody(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("switch", "inbox.web", `{"state":"paused"}`))
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	expect(t, c.askMessage("agent-a", m), "blocked",
		"* switch.inbox.paused by admin in 2 [web/customer] fix: switch/inbox.web/spec/state ok",
		"queue.waiting of switch.inbox.paused [web/customer]")
	// Of an agent that was no candidate it is decided again, on what held then.
	c.account("admin", "agent-c", func(a *policy.AccountSpec) { a.Title = "丙" })
	expect(t, c.askMessage("supervisor-b", m), "blocked",
		"* account.login.never [web/customer] fix: create_token sign_in go_available reconnect ok",
		"role.receive.not_agent [web/customer] fix: account/supervisor-b/spec/agent ok",
		"membership.inbox.not_member [web/customer]",
		"switch.inbox.paused by admin in 2 [web/customer] fix: switch/inbox.web/spec/state ok",
		"permission.kind.parent_off of role.receive.not_agent [web/customer]",
		"presence.never_set of account.login.never [web/customer]",
		"connection.never of account.login.never [web/customer]",
		"queue.waiting of account.login.never [web/customer]")
}

func TestAMessageTakenBackBecauseTheOwnerWasFrozen(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.receive("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State = "frozen" })
	c.wait(time.Minute)
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked",
		"* account.state.frozen by supervisor-b in 2 [web/customer] fix: account/agent-a/spec/state sign_in reconnect ok",
		"account.login.account_closed of account.state.frozen by supervisor-b [web/customer]",
		"connection.session_ended of account.state.frozen by supervisor-b [web/customer]",
		"delivery.withdrawn.owner_released of account.state.frozen by system [web/customer]")
	// The colleague has it now, and so far there is no record of a push.
	unsure := c.askMessage("agent-b", m)
	expect(t, unsure, "unknown", "* push.unacknowledged [web/customer]")
	if unsure.Next == "" {
		t.Error("nothing says what to look at")
	}
	c.receive("agent-b")
	expect(t, c.askMessage("agent-b", m), "receiving", "* routing.chosen.least_loaded expected [web/customer]", "view.not_seen [web/customer]")
	// Before it was withdrawn it had arrived.
	before := c.diagnose("supervisor-b", Query{Agent: "agent-a", Message: m, At: shanghai(t, "2026-11-20 14:01:30")})
	expect(t, before, "receiving", "* routing.chosen.least_loaded expected [web/customer]", "view.not_seen [web/customer]")
}

func TestAMessageTakenBackBecauseItWasHandedOn(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	id, _ := conversation.ParseID('m', m)
	c.do(&conversation.Transfer{Conversation: id, To: "agent-b", By: "agent-a"})
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked", "* delivery.withdrawn.transferred expected by agent-a [web/customer]")
	c.receive("agent-b")
	expect(t, c.askMessage("agent-b", m), "receiving", "* routing.chosen.transferred expected [web/customer]", "view.not_seen [web/customer]")
}

func TestAMessageTakenBackBecauseItWasNotAnsweredInTime(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.inbox("admin", "web", func(s *policy.InboxSpec) { s.Routing.AnswerTimeout = policy.Duration(2 * time.Minute) })
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.receive("agent-a")
	c.wait(2 * time.Minute)
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked", "* delivery.withdrawn.answer_timeout expected by system [web/customer]")
	c.receive("agent-b")
	expect(t, c.askMessage("agent-b", m), "receiving", "* routing.chosen.least_loaded expected [web/customer]", "view.not_seen [web/customer]")
	came := c.timeline("supervisor-b", "agent-a", c.now.Add(-time.Hour), c.now).Messages
	if len(came) != 1 || came[0].State != "withdrawn" || came[0].Code != "delivery.withdrawn.answer_timeout" {
		t.Errorf("its timeline has %+v", came)
	}
}

func TestAMessagePushedAndNotAcknowledged(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	c.tx(func(tx *ledger.Tx) {
		d, err := tx.EditDelivery("agent-a", c.l.Agent("agent-a").Sequence)
		if err != nil {
			t.Fatal(err)
		}
		d.PushedAt, d.Connection, d.Attempts, d.Result = tx.Now(), "k-agent-a-1", 1, "unacknowledged"
	})
	expect(t, c.askMessage("agent-a", m), "blocked", "* push.unacknowledged [web/customer]")
	c.wait(10 * time.Second)
	c.disconnect("agent-a", "stale")
	expect(t, c.askMessage("agent-a", m), "waiting",
		"* connection.stale by system [web/customer] fix: reconnect ok",
		"push.unacknowledged of connection.stale [web/customer]")
	expect(t, c.ask("agent-a"), "blocked",
		"* connection.stale by system "+all+" fix: reconnect ok",
		"push.unacknowledged of connection.stale [web/customer]")
}

func TestAMessageOfAnotherTimeOrPlaceIsRefused(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	id, _ := conversation.ParseID('m', m)
	reply := &conversation.Reply{Conversation: id, ID: "r1", Account: "agent-a", Text: secretText}
	c.do(reply)
	for _, x := range []struct {
		q     Query
		field string
	}{
		{Query{Message: "m999999"}, "/message"},
		{Query{Message: "nonsense"}, "/message"},
		{Query{Message: conversation.MessageID(reply.Message)}, "/message"},
		{Query{Message: m, Inbox: "shop"}, "/inbox"},
		{Query{Message: m, Kind: "group"}, "/kind"},
		{Query{Message: m, At: c.now.Add(-time.Hour)}, "/at"},
		{Query{Message: m, At: c.now.Add(time.Hour)}, "/at"},
	} {
		x.q.Agent = "agent-a"
		refused(t, c, "supervisor-b", x.q, x.field)
	}
}

func TestEndedSessionOfAnOwnerTakesItsMessagesBack(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.do(&identity.EndSessions{Account: "agent-a", Asked: identity.Asked{By: "supervisor-b", Source: "api"}})
	r := c.askMessage("agent-a", m)
	expect(t, r, "blocked",
		"* account.login.ended by supervisor-b [web/customer] fix: sign_in reconnect ok",
		"connection.session_ended of account.login.ended by supervisor-b [web/customer]",
		"delivery.withdrawn.owner_released of account.login.ended by system [web/customer]")
}

func TestAMessageIsExplainedToWhoeverWasAnAccount(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "k1")
	_, err := c.s.Diagnose(context.Background(), "admin", Query{Agent: "nobody", Message: m})
	if p := problem.As(err); p == nil || p.Code != "diagnosis.unknown_agent" {
		t.Errorf("somebody who never was an account: %v", err)
	}
	c.inbox("admin", "web", func(s *policy.InboxSpec) { s.Members.Accounts = []string{"agent-a"} })
	c.inbox("admin", "shop", func(s *policy.InboxSpec) { s.Members.Accounts = []string{"agent-a"} })
	c.apply("admin", policy.Edit{Kind: policy.KindAccount, Name: "agent-b"})
	if r := c.diagnose("admin", Query{Agent: "agent-b", Message: m}); r.Verdict == "" {
		t.Errorf("an account that was deleted: %s", show(r))
	}
}
