package diagnosis

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

func refused(t *testing.T, c *company, asker string, q Query, field string) {
	t.Helper()
	r, err := c.s.Diagnose(context.Background(), asker, q)
	e := problem.As(err)
	if e == nil {
		t.Fatalf("%+v is answered with %v, %v", q, r, err)
	}
	if e.Field != field {
		t.Errorf("%+v names the field %q, want %q: %v", q, e.Field, field, err)
	}
	if e.Zh == "" || e.En == "" || e.Kind == problem.Internal {
		t.Errorf("%+v: %+v", q, e)
	}
}

func TestBadQuestionsAreRefusedByField(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	refused(t, c, "supervisor-b", Query{}, "/agent")
	refused(t, c, "supervisor-b", Query{Agent: "nobody"}, "/agent")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", Inbox: "nowhere"}, "/inbox")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", Inbox: "shop", Kind: "group"}, "/kind")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", Kind: "fax"}, "/kind")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", At: c.now.Add(time.Second)}, "/at")
	refused(t, c, "supervisor-b", Query{Agent: "agent-a", At: shanghai(t, "2026-11-20 13:00:00")}, "/at")
}

func TestWhoMayAsk(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.apply("admin", edit("role", "nothing", `{"permissions":["presence.set"]}`), edit("account", "guest", `{"title":"访客","roles":["nothing"]}`))
	refused(t, c, "agent-a", Query{Agent: "agent-b"}, "")
	refused(t, c, "agent-a", Query{Agent: "nobody"}, "")
	refused(t, c, "guest", Query{Agent: "guest"}, "")
	refused(t, c, "", Query{Agent: "agent-a"}, "")
	refused(t, c, "nobody", Query{Agent: "nobody"}, "")
	c.diagnose("agent-a", Query{Agent: "agent-a"})
	c.account("admin", "supervisor-b", func(a *policy.AccountSpec) { a.State = "frozen" })
	refused(t, c, "supervisor-b", Query{Agent: "agent-a"}, "")
}

func TestAnAgentSeesWhoChangedItsSettingsByTitleOnly(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.inbox("admin", "shop", func(s *policy.InboxSpec) { s.Members.Accounts = []string{"agent-b"} })
	m := c.post("web", "customer", "x")
	m2 := c.post("web", "customer", "y") // agent-b's
	for _, q := range []Query{{Agent: "agent-a"}, {Agent: "agent-a", Message: m2}} {
		r := c.diagnose("agent-a", q)
		text, _ := json.Marshal(r)
		for _, name := range []string{"supervisor-b", `"admin"`, "agent-b", "score/chosen"} {
			if strings.Contains(strings.ReplaceAll(string(text), `"by":"admin"`, ""), name) {
				t.Errorf("an agent is told %q: %s", name, text)
			}
		}
	}
	r := c.diagnose("agent-a", Query{Agent: "agent-a"})
	for _, f := range r.Findings {
		if f.ChangedBy == nil || f.ChangedBy.Account != "" || f.ChangedBy.Title == "" {
			t.Errorf("%s: changed by %+v", f.Code, f.ChangedBy)
		}
		for _, e := range f.Fix.Edits {
			if e.Spec != nil {
				t.Errorf("%s: an agent is shown the spec %s", f.Code, e.Spec)
			}
		}
	}
	whole := c.diagnose("supervisor-b", Query{Agent: "agent-a"})
	if f := primary(t, whole); f.ChangedBy.Account == "" || f.Fix.Edits[0].Spec == nil {
		t.Errorf("a supervisor is not shown everything: %+v", f)
	}
	_ = m
}
