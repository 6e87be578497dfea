package diagnosis

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func (c *company) askExcess(q Query) *Report {
	c.t.Helper()
	q.Excess = true
	return c.diagnose("supervisor-b", q)
}

func TestAKindThatTheAccountItselfIsAllowed(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.apply("admin", edit("role", "plain", `{"title":"普通","template":"agent","permissions":["receive","receive.customer","message.reply"]}`))
	c.account("admin", "agent-c", func(a *policy.AccountSpec) { a.Roles = []string{"plain"} })
	c.account("supervisor-b", "agent-c", func(a *policy.AccountSpec) { a.Allow = []policy.Grant{{Permission: "receive.group"}} })
	c.account("admin", "agent-c", func(a *policy.AccountSpec) { a.Title = "丙" })
	r := c.askExcess(Query{Agent: "agent-c", Inbox: "web", Kind: "group"})
	expect(t, r, "receiving",
		"* permission.kind.account_allowed by supervisor-b in 4 [web/group] fix: account/agent-c/spec/allow ok",
		"membership.inbox.by_team expected by admin in 1 [web/group] fix: team/shift/spec/members ok")
	if want := "丙能收到来自“网站”的“群消息”：账号被单独允许接收这类消息（主管乙，11 月 20 日 14:04）。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	mentions(t, primary(t, r), "right/receive.group = receive.group: allowed_by_account", "/spec/allow/0 = receive.group")
	if o := primary(t, r).Fix.Others; o == nil || o.Count != 0 {
		t.Errorf("others %+v", o)
	}
	if o := r.Findings[1].Fix.Others; o == nil || o.Count != 1 || o.Cells[0] != (AgentCell{"agent-c", "web", "customer"}) {
		t.Errorf("leaving the team changes %+v", o)
	}
	// An instant before the allowance it did not get them.
	past := c.askExcess(Query{Agent: "agent-c", Inbox: "web", Kind: "group", At: c.now.Add(-90 * time.Second)})
	if past.Verdict != Blocked || primary(t, past).Code != "permission.kind.removed_from_role" || primary(t, past).Fix != nil {
		t.Errorf("before: %s", show(past))
	}
}

func TestARoleThatGrantsMoreThanItsTemplate(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("template", "small", `{"permissions":["receive","receive.customer","message.reply"]}`), edit("role", "wide", `{"title":"宽","template":"small"}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"wide"} })
	c.account("admin", "agent-b", func(a *policy.AccountSpec) { a.Roles = []string{"wide"} })
	c.apply("supervisor-b", edit("role", "wide", `{"title":"宽","template":"small","permissions":["receive","receive.customer","receive.group","message.reply"]}`))
	r := c.askExcess(Query{Agent: "agent-a", Kind: "group"})
	expect(t, r, "receiving",
		"* permission.kind.beyond_template by supervisor-b in 5 [web/group] fix: account/agent-a/spec/deny ok",
		"membership.inbox.direct expected by admin in 1 [web/group] fix: inbox/web/spec/members/accounts ok")
	mentions(t, primary(t, r), "has receive.group, which its template small has not")
	// Everything that it gets: what its template has is as it should be.
	if r = c.askExcess(Query{Agent: "agent-a"}); r.Findings[0].Code != "permission.kind.beyond_template" || r.Findings[1].Code == r.Findings[0].Code {
		t.Errorf("%s", show(r))
	}
}

func TestWhoWasHandedAMessage(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.wait(time.Minute)
	c.do(&conversation.Transfer{Conversation: number(m), To: "agent-b", By: "supervisor-b", Others: true})
	r := c.askExcess(Query{Agent: "agent-b", Message: m})
	f := primary(t, r)
	if r.Verdict != Receiving || f.Code != "routing.chosen.transferred" || f.ChangedBy == nil || f.ChangedBy.Account != "supervisor-b" {
		t.Errorf("%s", show(r))
	}
	if want := "消息 " + m + " 分给了客服乙：由同事转交（主管乙，11 月 20 日 14:02）。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	first := c.askExcess(Query{Agent: "agent-a", Message: m})
	if f := primary(t, first); first.Verdict != Blocked || f.Code != "routing.chosen.least_loaded" {
		t.Errorf("%s", show(first))
	}
	mentions(t, primary(t, first), "strategy = least_loaded", "score/own = ", "withdrawn")
	// Who never had it is told why not.
	if never := c.askExcess(Query{Agent: "agent-c", Message: m}); never.Verdict != Blocked || primary(t, never).Code != "account.login.never" {
		t.Errorf("%s", show(never))
	}
	note := &conversation.Note{Conversation: number(m), ID: "n1", Account: "agent-b", Text: secretText, Mentions: []string{"agent-a"}}
	c.do(note)
	told := c.askExcess(Query{Agent: "agent-a", Message: conversation.MessageID(note.Message)})
	expect(t, told, "receiving", "* routing.chosen.directed expected by agent-b [web/internal]")
	mentions(t, primary(t, told), "mentioned by agent-b")
}

func TestQuestionsAboutExcessThatCannotBeAnswered(t *testing.T) {
	c := newCompany(t, companyYAML)
	for field, q := range map[string]Query{
		"/agent": {}, "/inbox": {Agent: "agent-a", Inbox: "nowhere"}, "/excess": {Agent: "agent-a", AsRoles: []string{"clerk"}},
		"/message": {Agent: "agent-a", Message: "none"}, "/at": {Agent: "agent-a", At: c.now.Add(time.Second)},
	} {
		q.Excess = true
		_, err := c.s.Diagnose(context.Background(), "admin", q)
		if p := problem.As(err); p == nil || p.Field != field {
			t.Errorf("%+v: %v, want the field %s", q, err, field)
		}
	}
}

func TestAnAgentIsToldOfItsOwnExcessWithoutNamesOfOthers(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Allow = []policy.Grant{{Permission: "receive.group"}} })
	r := c.diagnose("agent-a", Query{Agent: "agent-a", Excess: true})
	text, _ := json.Marshal(r)
	for _, name := range []string{"supervisor-b", `"agent-b"`, "agent-c"} {
		if strings.Contains(string(text), name) {
			t.Errorf("an agent is told %q: %s", name, text)
		}
	}
	refused(t, c, "agent-a", Query{Agent: "agent-b", Excess: true}, "")
}

func TestReportsAboutExcessAgreeWithTheWorld(t *testing.T) {
	onRandomHistories(t, excessAgreesWithTheWorld)
}

// excessAgreesWithTheWorld compares what a report says an agent may have with the engine, and its fixes with what carrying them out leads to.
func excessAgreesWithTheWorld(rt *rapid.T, c *company) {
	offline := c.offline(c.began())
	for _, agent := range []string{"agent-a", "agent-b", "agent-c"} {
		q := Query{Agent: agent, Excess: true}
		r, err := c.s.Diagnose(context.Background(), "admin", q)
		if err != nil {
			rt.Fatal(err)
		}
		c.sameAnswer(rt, offline, q)
		view := c.l.View()
		p := view.Policy.Compile()
		for _, f := range r.Findings {
			granted := f.Outcome == "pass"
			for _, x := range f.Scope {
				if may := reception.Entitled(p, agent, x.Inbox, x.Kind, false, c.now).Outcome == reception.Pass; granted && !may {
					rt.Fatalf("%s may not have %v:\n%s", agent, x, show(r))
				}
			}
			if f.Fix != nil {
				endsAndNothingLessDoes(rt, view.Policy, agent, &f, c.now)
			}
		}
	}
}

func endsAndNothingLessDoes(rt *rapid.T, set *policy.Set, agent string, f *Finding, now time.Time) {
	ends := func(edits []Edit) bool {
		var list []policy.Edit
		for _, e := range edits {
			list = append(list, policy.Edit{Kind: e.Kind, Name: e.Name, Spec: e.Spec})
		}
		after, _, err := set.Apply(set.Revision()+1, list)
		if err != nil {
			rt.Fatal(err)
		}
		for _, x := range f.Scope {
			if reception.Entitled(after.Compile(), agent, x.Inbox, x.Kind, false, now).Outcome == reception.Pass {
				return false
			}
		}
		return true
	}
	if !ends(f.Fix.Edits) || !f.Fix.Verified {
		rt.Fatalf("%s: carrying the fix out does not end it: %+v", f.Code, f.Fix.Edits)
	}
	for i := range f.Fix.Edits {
		if rest := append(append([]Edit{}, f.Fix.Edits[:i]...), f.Fix.Edits[i+1:]...); ends(rest) {
			rt.Fatalf("%s: without the edit of %s/%s it ends as well", f.Code, f.Fix.Edits[i].Kind, f.Fix.Edits[i].Name)
		}
	}
}
