package httpapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/policy"
)

type (
	flipSeen struct {
		Steps  []FlipStepBody
		Others int
		Needs  string
		May    bool
		Edits  []diagnosis.Edit
	}
	onePermissionSeen struct {
		Revision   int64
		Permission permissionSeen
		FlipsAt    string `json:"flips_at"`
		Flips      []flipSeen
		Editors    []NamedBody
	}
)

func (b *bench) permission(actor, account, permission string, more ...string) onePermissionSeen {
	b.t.Helper()
	return into[onePermissionSeen](b.t, b.ask(actor, "GET", "/accounts/"+account+"/permissions/"+permission, nil, more...))
}

func TestAPermissionSaysWhatWouldChangeIt(t *testing.T) {
	b := newBench(t)
	b.tick(time.Hour)
	b.write("agent-a", `{"title":"甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group","until":"2026-11-24T00:00:00Z"}]}`) // 2
	x := b.permission("admin", "agent-a", "receive.group", "Accept-Language", "zh")
	if x.Permission.Effective || x.Permission.Source.Kind != "deny" || x.Permission.Source.Revision != 2 || x.Permission.Source.Document != "account/agent-a" {
		t.Errorf("%+v", x.Permission)
	}
	if !strings.HasPrefix(x.FlipsAt, "2026-11-24T00:00:00") {
		t.Errorf("it ends by itself at %q", x.FlipsAt)
	}
	if len(x.Flips) != 1 || x.Flips[0].Steps[0].Action != "undeny" || x.Flips[0].Steps[0].Text != "取消对本账号“接收群消息”的单独禁止" || x.Flips[0].Needs != policy.PolicyEdit ||
		!x.Flips[0].May || x.Flips[0].Others != 0 || len(x.Editors) != 1 || x.Editors[0].Name != "admin" {
		t.Fatalf("%+v of %+v", x.Flips, x.Editors)
	}
	// The edits are what PUT /policy takes, and do what was said.
	raw, _ := json.Marshal(map[string]any{"documents": x.Flips[0].Edits})
	b.ask("admin", "PUT", "/policy", withoutFields(t, raw), "If-Match", `"2"`).want(200)
	if after := b.permission("admin", "agent-a", "receive.group"); !after.Permission.Effective || after.Permission.Source.Kind != "role" {
		t.Errorf("after the change %+v", after.Permission)
	}
	// Frozen: reactivating is all, and needs another permission.
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "frozen", "reason": "培训"}).want(200)
	if x = b.permission("sup", "agent-a", "receive.customer"); x.Flips[0].Steps[0].Action != "activate" || x.Flips[0].Needs != policy.AccountState || x.Flips[0].May {
		t.Errorf("%+v", x.Flips)
	}
	b.ask("admin", "GET", "/accounts/agent-a/permissions/receive.fax", nil).problem(404, "permission.unknown", "/permission")
	b.ask("admin", "GET", "/accounts/ghost/permissions/receive", nil).problem(404, "account.not_found", "/name")
}

// withoutFields leaves of edits what PUT /policy takes.
func withoutFields(t *testing.T, raw []byte) string {
	t.Helper()
	var body struct {
		Documents []map[string]any `json:"documents"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	for _, d := range body.Documents {
		delete(d, "fields")
	}
	out, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestAnAgentIsToldOfItselfWithoutTheNamesOfOthers: whoever asks about itself learns what decides and who could change it, but neither login names nor
// what stands in documents.
func TestAnAgentIsToldOfItselfWithoutTheNamesOfOthers(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/policy/documents/role/agent", `{"spec":{"title":"客服","template":"agent","permissions":["receive","receive.customer","message.reply"]}}`, "If-Match", "*").want(200)
	whole := b.permission("sup", "agent-a", "receive.group")
	if whole.Permission.Source.By != "admin" || len(whole.Flips) == 0 || len(whole.Flips[0].Edits[0].Spec) == 0 {
		t.Fatalf("a supervisor is told %+v", whole)
	}
	own := b.permission("agent-a", "agent-a", "receive.group")
	if own.Permission.Source.By != "" || own.Permission.Source.ByTitle != "管理员" || own.Permission.Source.Revision != 2 || len(own.Flips) == 0 {
		t.Errorf("an agent is told of itself %+v", own)
	}
	if !slices.Equal(own.Editors, []NamedBody{{Title: "管理员"}}) {
		t.Errorf("who could change it: %+v", own.Editors)
	}
	for _, f := range own.Flips {
		if slices.ContainsFunc(f.Steps, func(x FlipStepBody) bool { return x.Action == policy.FlipGiveRole }) {
			t.Errorf("it is told of a role that it does not have: %+v", f.Steps)
		}
		for _, e := range f.Edits {
			if len(e.Spec) > 0 || len(e.Fields) == 0 || f.May {
				t.Errorf("it is shown the document %+v", e)
			}
			for _, c := range e.Fields {
				if c.Before != nil || c.After != nil {
					t.Errorf("it is shown the field %+v", c)
				}
			}
		}
	}
	all := into[permissionsSeen](t, b.ask("agent-a", "GET", "/accounts/agent-a/permissions", nil))
	for _, r := range all.Roles {
		if r.Name != "agent" {
			t.Errorf("it is told of the role %+v, which it does not have", r)
		}
	}
	for _, path := range []string{"/accounts/agent-a/permissions", "/accounts/agent-a/permissions/receive.group"} {
		for _, secret := range []string{`"admin"`, `"sup"`, "agent-b"} {
			if raw := b.ask("agent-a", "GET", path, nil).raw; strings.Contains(raw, secret) {
				t.Errorf("%s tells an agent %s: %s", path, secret, raw)
			}
		}
		b.ask("agent-b", "GET", path, nil).problem(403, "permission.missing", "")
	}
}

func TestWhatIfAsksForWhatIsThoughtOf(t *testing.T) {
	b := newBench(t)
	fake := b.server.o.Diagnose.(*fakeDiagnoser)
	revision, position := b.ledger.Policy().Revision(), b.ledger.View().Position
	b.ask("sup", "POST", "/what-if", `{"agent":"agent-a","inbox":"web","kind":"group","as_roles":["audit"],"documents":[{"kind":"switch","name":"platform","spec":{"state":"on"}}],"without":[{"kind":"inbox","name":"vip"}]}`).want(200)
	q := fake.asked[len(fake.asked)-1]
	if q.Agent != "agent-a" || q.Inbox != "web" || q.Kind != "group" || !slices.Equal(q.AsRoles, []string{"audit"}) || len(q.Suppose) != 2 ||
		q.Suppose[0].Name != "platform" || string(q.Suppose[0].Spec) != `{"state":"on"}` || q.Suppose[1].Name != "vip" || q.Suppose[1].Spec != nil {
		t.Errorf("asked %+v", q)
	}
	b.ask("sup", "POST", "/what-if", `{}`).want(200)
	if q = fake.asked[len(fake.asked)-1]; q.Agent != "sup" || q.AsRoles != nil || q.Suppose == nil {
		t.Errorf("asked %+v", q)
	}
	b.ask("sup", "GET", "/diagnosis?agent=agent-a", nil).want(200)
	if q = fake.asked[len(fake.asked)-1]; q.AsRoles != nil || q.Suppose != nil {
		t.Errorf("a diagnosis takes for granted %+v", q)
	}
	b.ask("sup", "POST", "/what-if", `{"role":"audit"}`).problem(400, "request.invalid", "/role")
	if b.ledger.Policy().Revision() != revision || b.ledger.View().Position != position {
		t.Error("something was written")
	}
}
