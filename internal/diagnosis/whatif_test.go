package diagnosis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func TestAsAnotherRole(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("role", "plain", `{"permissions":["receive","receive.customer","message.reply"]}`), edit("role", "viewer", `{"template":"readonly"}`))
	c.work("agent-a", "agent-b")
	for _, x := range []struct {
		roles []string
		want  []string
	}{
		{[]string{"clerk"}, []string{"receiving"}},
		{[]string{"plain"}, []string{"receiving",
			"* permission.kind.not_granted expected [web/group] fix: account/agent-a/spec/roles ok"}},
		{[]string{"viewer", "plain"}, []string{"receiving",
			"* permission.kind.not_granted expected [web/group] fix: account/agent-a/spec/roles ok"}},
		{[]string{"viewer"}, []string{"blocked",
			"* role.receive.not_granted expected " + all + " fix: account/agent-a/spec/roles ok",
			"permission.kind.parent_off expected of role.receive.not_granted " + all,
			"permission.reply.not_granted expected of role.receive.not_granted " + all}},
	} {
		r := c.diagnose("supervisor-b", Query{Agent: "agent-a", AsRoles: x.roles})
		expect(t, r, x.want...)
		if h := r.Hypothetical; h == nil || !slices.Equal(h.AsRoles, x.roles) || len(h.Changes) != 1 || h.Changes[0].Name != "agent-a" || h.Changes[0].Fields[0].Path != "/spec/roles" {
			t.Errorf("as %v: what was thought of is told as %+v", x.roles, h)
		}
		if !strings.HasPrefix(r.Headline.ZH, "模拟：") || r.Revision != c.l.Policy().Revision() {
			t.Errorf("as %v: %q of revision %d", x.roles, r.Headline.ZH, r.Revision)
		}
		for _, f := range r.Findings {
			if f.ChangedBy == nil || f.ChangedBy.Source != "what_if" || f.ChangedBy.Account != "" || f.ChangedBy.Revision != 0 {
				t.Errorf("as %v: %s is said to come from %+v", x.roles, f.Code, f.ChangedBy)
			}
		}
	}
	if r := c.ask("agent-a"); r.Hypothetical != nil || strings.Contains(r.Headline.ZH, "模拟") {
		t.Errorf("what is so is told as if it were not: %+v", r)
	}
}

// TestWhatStandsInTheWayBesideIsNamedWithItsAuthor: a role would help, were there not a denial.
func TestWhatStandsInTheWayBesideIsNamedWithItsAuthor(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("role", "viewer", `{"template":"readonly"}`))
	c.account("admin", "agent-a", func(a *policy.AccountSpec) { a.Roles = []string{"viewer"} })
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.work("agent-a")
	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", AsRoles: []string{"agent"}})
	expect(t, r, "partial", "* permission.kind.account_denied by supervisor-b in 4 [web/group] fix: account/agent-a/spec/deny ok")
	// The fix comes on top of what is thought of: both together are what receives.
	var spec policy.AccountSpec
	if err := json.Unmarshal(primary(t, r).Fix.Edits[0].Spec, &spec); err != nil || !slices.Equal(spec.Roles, []string{"agent"}) || len(spec.Deny) != 0 {
		t.Errorf("the fix is %+v, %v", spec, err)
	}
}

func TestWindowsAndSwitchesThatAreThoughtOtherwise(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-c")
	c.apply("admin", edit("switch", "inbox.web", `{"state":"off"}`))
	c.wait(5 * time.Hour) // 19:00, the day is over
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-c", Suppose: []policy.Edit{edit("switch", "inbox.web", `{"state":"on"}`)}}), "waiting",
		"* window.agent.team_closed expected [web/customer web/group] fix: wait_until ok")
	late := edit("schedule", "day", `{"zone":"Asia/Shanghai","weekly":[{"days":["fri"],"from":"09:00","to":"20:00"}]}`)
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-c", Suppose: []policy.Edit{late}}), "blocked",
		"* switch.inbox.off by admin in 2 [web/customer web/group] fix: switch/inbox.web/spec/state ok")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-c", Suppose: []policy.Edit{late, {Kind: "switch", Name: "inbox.web"}}}), "receiving")
	// At an instant of the past, on the policy and the facts of that time.
	at := shanghai(t, "2026-11-20 14:00:00").Add(time.Minute)
	if r := c.diagnose("supervisor-b", Query{Agent: "agent-c", At: at, Suppose: []policy.Edit{{Kind: "team", Name: "shift", Spec: json.RawMessage(`{"members":["agent-c"],"windows":["night"]}`)},
		edit("schedule", "night", `{"zone":"Asia/Shanghai","weekly":[{"days":["mon"],"from":"01:00","to":"02:00"}]}`)}}); r.Verdict == Receiving || !time.Time(r.At).Equal(at) {
		t.Errorf("at %v: %s", time.Time(r.At), show(r))
	}
}

func TestWhatCannotBeTriedOutIsRefused(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	m := c.post("web", "customer", "x")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", AsRoles: []string{"agent", "ghost"}}, "/as_roles/1")
	refused(t, c, "supervisor-b", Query{Agent: "nobody", AsRoles: []string{"agent"}}, "/agent")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", Message: m, AsRoles: []string{"agent"}}, "/message")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", At: c.now.Add(time.Hour), AsRoles: []string{"agent"}}, "/at")
	refused(t, c, "agent-a", Query{Agent: "agent-a", AsRoles: []string{"clerk"}}, "") // it may not read the policy
	bad := Query{Agent: "agent-a", Suppose: []policy.Edit{edit("account", "agent-a", `{"agent":true,"roles":["nowhere"]}`), edit("switch", "platform", `{"state":"of"}`)}}
	_, err := c.s.Diagnose(context.Background(), "supervisor-b", bad)
	e := problem.As(err)
	if e == nil || e.Kind != problem.Invalid || e.Code != "policy.invalid" || len(e.Fields) != 1 || e.Fields[0].Document != "switch/platform" || e.Fields[0].Field != "/spec/state" || e.Fields[0].Words("zh") == e.Fields[0].Words("en") {
		t.Errorf("a fault within a document: %+v", e)
	}
	bad.Suppose = bad.Suppose[:1]
	_, err = c.s.Diagnose(context.Background(), "supervisor-b", bad)
	if e = problem.As(err); e == nil || len(e.Fields) != 1 || e.Fields[0].Document != "account/agent-a" || e.Fields[0].Field != "/spec/roles/0" {
		t.Errorf("a reference to nothing: %+v", e)
	}
}

// settled are the gates that read settings, as checks name them.
func settled(r *Report) string {
	var lines []string
	for _, c := range r.Checks {
		for g := range reception.GateCount {
			if g.String() != c.Gate || !readsSettings(g) || g == reception.Capacity || g == reception.ConversationGate || g == reception.Routing {
				continue
			}
			for _, s := range c.Scope {
				until := ""
				if c.Until != nil {
					until = c.Until.String()
				}
				lines = append(lines, fmt.Sprintf("%s %s/%s %s %s %s", c.Gate, s.Inbox, s.Kind, c.Outcome, c.Code, until))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestWhatIfIsWhatApplyingDoes tries random changes out on companies with a random past, applies them, and finds every gate that reads settings as foretold;
// the trial itself wrote nothing.
func TestWhatIfIsWhatApplyingDoes(t *testing.T) {
	tried := 0
	onRandomHistories(t, func(rt *rapid.T, c *company) {
		var edits []policy.Edit
		for range rapid.IntRange(1, 3).Draw(rt, "edits") {
			e, ok := randomEdit(c, rt)
			same := func(o policy.Edit) bool { return o.Kind == e.Kind && o.Name == e.Name }
			// What a limit has left depends on when it was set, and is no setting.
			if ok && !slices.ContainsFunc(edits, same) && !bytes.Contains(e.Spec, []byte("limited")) {
				edits = append(edits, e)
			}
		}
		if len(edits) == 0 {
			return
		}
		before, position := c.l.Policy().Revision(), c.l.View().Position
		r, err := c.s.Diagnose(context.Background(), "admin", Query{Agent: "agent-a", Suppose: edits})
		if err != nil {
			if problem.As(err) == nil || problem.As(err).Code != "policy.invalid" {
				rt.Fatal(err)
			}
			return
		}
		tried++
		c.step()
		if c.l.Policy().Revision() != before || c.l.View().Position != position {
			rt.Fatalf("it was written: revision %d to %d, position %d to %d", before, c.l.Policy().Revision(), position, c.l.View().Position)
		}
		if r.Revision != before || r.Position != position {
			rt.Fatalf("revision %d of %d, position %d of %d", r.Revision, before, r.Position, position)
		}
		c.do(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "api"}) // at that instant: a minute later something else may have ended
		_, after, err := c.run(Query{Agent: "agent-a"})
		if err != nil {
			rt.Fatal(err)
		}
		if foretold, is := settled(r), settled(after); foretold != is {
			rt.Fatalf("thought of:\n%s\napplied:\n%s", foretold, is)
		}
	})
	if tried == 0 {
		t.Error("nothing was tried out")
	}
}
