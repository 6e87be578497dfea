package httpapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// into reads an answer into its type.
func into[T any](t testing.TB, r *reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.want(200).raw), &v); err != nil {
		t.Fatalf("%v: %s", err, r.raw)
	}
	return v
}

// The answers as their readers see them; times are texts.
type (
	accountSeen struct {
		Name, Title, Alias, State, Presence string
		StateReason                         string `json:"state_reason"`
		Agent, Online                       bool
		HasPassword                         bool `json:"has_password"`
		Sessions, Load                      int
		Roles, Teams                        []NamedBody
		Cells                               struct {
			Of, Pass, Wait, Unknown, Unexpected int
			Gate, Code, Reason, Until           string
		}
	}
	permissionSeen struct {
		Name, Title, Meaning, Override string
		Granted, Effective, Editable   bool
		ParentOff                      bool        `json:"parent_off"`
		FromRoles                      []NamedBody `json:"from_roles"`
		Source                         struct {
			Kind, Name, Title, Template, Until, Since, By, Document string
			ByTitle                                                 string `json:"by_title"`
			Revision                                                int64
		}
	}
	permissionsSeen struct {
		Account  string
		Revision int64
		Document int64
		Blocks   []struct {
			Block       string
			Permissions []permissionSeen
		}
		Roles   []RoleBody
		Inboxes []struct {
			Inbox, Kind, Outcome, Gate, Code, Reason string
			KindTitle                                string `json:"kind_title"`
			May, Can, Expected                       bool
		}
		OtherInboxes int `json:"other_inboxes"`
	}
	alterationSeen struct {
		Account, Title        string
		Gone, Windows, Pushes bool
		Stops, Starts         []struct{ Inbox, Kind, Code, Reason, Until string }
		Text                  struct{ ZH, EN string }
		Leads                 []NamedBody
	}
	previewSeen struct {
		Revision    int64
		Changes     []ChangeBody
		Alterations []alterationSeen
		Permissions *permissionsSeen
	}
)

func (p *permissionsSeen) of(t testing.TB, name string) permissionSeen {
	t.Helper()
	for _, b := range p.Blocks {
		for _, x := range b.Permissions {
			if x.Name == name {
				return x
			}
		}
	}
	t.Fatalf("nothing is said of %s", name)
	return permissionSeen{}
}

func (b *bench) accounts(actor string) map[string]accountSeen {
	b.t.Helper()
	list := into[struct{ Accounts []accountSeen }](b.t, b.ask(actor, "GET", "/accounts", nil))
	all := map[string]accountSeen{}
	for _, a := range list.Accounts {
		all[a.Name] = a
	}
	return all
}

func (b *bench) permissions(account string) *permissionsSeen {
	b.t.Helper()
	p := into[permissionsSeen](b.t, b.ask("admin", "GET", "/accounts/"+account+"/permissions", nil))
	return &p
}

// write writes an account's document as the administrator.
func (b *bench) write(account, spec string) {
	b.t.Helper()
	b.ask("admin", "PUT", "/policy/documents/account/"+account, `{"spec":`+spec+`}`, "If-Match", "*").want(200)
}

func TestTheListOfAccountsSaysWhatEachCanReceive(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.write("agent-b", `{"title":"乙","agent":true,"roles":["agent"],"state":"frozen","state_reason":"核查"}`)
	all := b.accounts("sup")
	if len(all) != 8 {
		t.Fatalf("%d accounts", len(all))
	}
	a, frozen, robot := all["agent-a"], all["agent-b"], all["robot"]
	if a.Cells.Of != 2 || a.Cells.Pass != 2 || a.Cells.Unexpected != 0 || a.Cells.Reason != "" || !a.Online || a.Presence != "available" || a.Sessions != 1 ||
		a.Alias != "小甲" || len(a.Roles) != 1 || a.Roles[0].Title != "客服" || a.State != "active" || a.HasPassword {
		t.Errorf("agent-a is %+v", a)
	}
	if frozen.Cells.Of != 3 || frozen.Cells.Pass != 0 || frozen.Cells.Unexpected != 3 || frozen.Cells.Code != "account.state.frozen" || frozen.State != "frozen" ||
		frozen.StateReason != "核查" || frozen.Online || frozen.Presence != "offline" {
		t.Errorf("agent-b is %+v", frozen)
	}
	if robot.Agent || robot.Cells.Of != 0 {
		t.Errorf("robot is %+v", robot)
	}
	one := into[accountSeen](t, b.ask("sup", "GET", "/accounts/agent-b", nil, "Accept-Language", "zh"))
	if one.Cells.Reason != reception.Lookup(reception.CodeAccountStateFrozen).Title.ZH {
		t.Errorf("alone agent-b is %+v", one)
	}
	b.ask("sup", "GET", "/accounts/ghost", nil).problem(404, "account.not_found", "/name")
}

func TestAStateIsToldAsItWorksNow(t *testing.T) {
	b := newBench(t)
	b.write("agent-a", `{"agent":true,"roles":["agent"],"state":"frozen","state_reason":"核查","state_until":"2026-11-23T11:00:00+08:00"}`)
	b.write("agent-b", `{"agent":true,"roles":["agent"],"expires":"2026-11-23T11:00:00+08:00"}`)
	if all := b.accounts("sup"); all["agent-a"].State != "frozen" || all["agent-b"].State != "active" || all["agent-a"].Cells.Wait != 2 || all["agent-a"].Cells.Until == "" {
		t.Errorf("before: %+v", all)
	}
	b.tick(time.Hour)
	if all := b.accounts("sup"); all["agent-a"].State != "active" || all["agent-a"].StateReason != "" || all["agent-b"].State != "expired" {
		t.Errorf("after: %+v", all)
	}
}

func TestAPermissionSaysWhereItComesFromAndWhoChangedIt(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.tick(time.Hour)
	b.write("agent-a", `{"title":"甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}`) // 2
	b.tick(time.Hour)
	b.write("agent-a", `{"title":"甲一","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}`) // 3
	p := b.permissions("agent-a")
	if p.Revision != 3 || p.Document != 3 || len(p.Blocks) != 3 || p.OtherInboxes != 1 {
		t.Errorf("%+v", p)
	}
	group := p.of(t, "receive.group")
	if group.Granted || group.Effective || group.Override != "deny" || group.Source.Kind != "deny" || group.Source.Revision != 2 || group.Source.By != "admin" ||
		group.Source.ByTitle != "管理员" || !strings.HasPrefix(group.Source.Since, "2026-11-23T03:00:00") || len(group.FromRoles) != 1 || !group.Editable {
		t.Errorf("receive.group is %+v", group)
	}
	customer := p.of(t, "receive.customer")
	if !customer.Effective || customer.Source.Kind != "role" || customer.Source.Title != "客服" || customer.Source.Template != "agent" || customer.Source.By != "system" || customer.Source.Revision != 1 {
		t.Errorf("receive.customer is %+v", customer)
	}
	if len(p.Inboxes) != 2 || !p.Inboxes[0].Can || p.Inboxes[1].May || p.Inboxes[1].Kind != "group" || p.Inboxes[1].Code != "permission.kind.account_denied" {
		t.Errorf("it reaches %+v", p.Inboxes)
	}
	// The parent off: its kinds say so, with the change that did it.
	b.write("agent-a", `{"title":"甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive"},{"permission":"receive.group"}]}`) // 4
	p = b.permissions("agent-a")
	customer, group = p.of(t, "receive.customer"), p.of(t, "receive.group")
	if customer.Effective || !customer.Granted || customer.Source.Kind != "parent" || customer.Source.Name != "receive" || customer.Source.Revision != 4 || !customer.ParentOff {
		t.Errorf("with the parent off receive.customer is %+v", customer)
	}
	if group.Source.Kind != "deny" || group.Source.Revision != 2 || !group.ParentOff {
		t.Errorf("with the parent off receive.group is %+v", group)
	}
	// Who may only look may not edit.
	seen := into[permissionsSeen](t, b.ask("sup", "GET", "/accounts/agent-a/permissions", nil))
	if seen.of(t, "receive.group").Editable {
		t.Error("a supervisor without policy.edit is told that it may edit")
	}
	b.ask("admin", "GET", "/accounts/ghost/permissions", nil).problem(404, "account.not_found", "/name")
}

func TestARoleThatDiffersFromItsTemplateSaysHow(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/policy/documents/role/agent", `{"spec":{"title":"客服","template":"agent","permissions":["receive","receive.customer","message.reply","trace.view"]}}`, "If-Match", "*").want(200)
	p := b.permissions("agent-a")
	i := slices.IndexFunc(p.Roles, func(r RoleBody) bool { return r.Name == "agent" })
	role := p.Roles[i]
	if !role.Held || role.Builtin || role.TemplateTitle != "客服" || !slices.Contains(role.Missing, "receive.group") || !slices.Equal(role.Extra, []string{"trace.view"}) {
		t.Errorf("the role is %+v", role)
	}
	if admin := p.Roles[0]; admin.Name != "admin" || !admin.Builtin || admin.Held {
		t.Errorf("the first role is %+v", admin)
	}
	group := p.of(t, "receive.group")
	if group.Source.Kind != "template" || group.Source.Name != "agent" || group.Source.Revision != 2 || group.Source.By != "admin" {
		t.Errorf("receive.group is %+v", group)
	}
}

// TestWhatThePagesShowIsWhatTheEngineDecides compares every answer with the engine's for everybody in the company.
func TestWhatThePagesShowIsWhatTheEngineDecides(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.write("agent-b", `{"agent":true,"roles":["agent"],"allow":[{"permission":"policy.view","until":"2026-11-24T00:00:00Z"}],"deny":[{"permission":"receive"}]}`)
	compiled := b.ledger.Policy().Compile()
	for name := range compiled.Accounts {
		p := b.permissions(name)
		for _, block := range p.Blocks {
			for _, x := range block.Permissions {
				want := reception.Can(compiled, name, x.Name, b.clock())
				if kind, ok := strings.CutPrefix(x.Name, "receive."); ok {
					want = !reception.Entitled(compiled, name, "", kind, false, b.clock()).Outcome.Stops()
				} else if x.Name == policy.Receive {
					want = want && compiled.Accounts[name].Agent
				}
				if x.Effective != want || policy.BlockOf(x.Name) != block.Block {
					t.Errorf("%s of %s is %+v in block %s; the engine says %v", x.Name, name, x, block.Block, want)
				}
			}
		}
		for _, c := range p.Inboxes {
			cells := reception.Explain(compiled, b.ledger.View(), c.Inbox, c.Kind, name, b.clock())
			if first := cells.First(); c.Can != (first == reception.GateCount) || c.Can && !c.May {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestAPreviewSaysWhoseReceptionAChangeAltersAndChangesNothing(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/policy/documents/team/one", `{"spec":{"title":"一组","members":["agent-a"],"lead":"sup"}}`, "If-Match", `"1"`).want(200)
	position := b.ledger.Position()
	change := `{"kind":"account","name":"agent-a","spec":{"title":"甲","alias":"小甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}}`
	got := into[previewSeen](t, b.ask("admin", "POST", "/policy/preview", `{"documents":[`+change+`],"account":"agent-a"}`))
	if got.Revision != 2 || len(got.Changes) != 1 || len(got.Alterations) != 1 {
		t.Fatalf("%+v", got)
	}
	a := got.Alterations[0]
	if a.Account != "agent-a" || a.Title != "甲" || len(a.Starts) != 0 || len(a.Stops) != 1 || a.Stops[0].Inbox != "web" || a.Stops[0].Kind != "group" ||
		a.Stops[0].Code != "permission.kind.account_denied" || a.Stops[0].Reason == "" || len(a.Leads) != 1 || a.Leads[0].Name != "sup" {
		t.Errorf("%+v", a)
	}
	if !strings.Contains(a.Text.ZH, "管理员 关掉了甲(agent-a)的“群消息”接收权限") || !strings.Contains(a.Text.EN, "甲 (agent-a) no longer gets group messages") {
		t.Errorf("in words: %+v", a.Text)
	}
	if x := got.Permissions.of(t, "receive.group"); x.Effective || x.Source.Kind != "deny" || x.Source.Revision != 0 || x.Source.By != "" {
		t.Errorf("as it would be: %+v", x)
	}
	if b.ledger.Policy().Revision() != 2 || b.ledger.Position() != position {
		t.Error("something was changed")
	}
	if x := b.permissions("agent-a").of(t, "receive.group"); !x.Granted {
		t.Errorf("afterwards %+v", x)
	}
	nothing := into[previewSeen](t, b.ask("admin", "POST", "/policy/preview", `{"documents":[]}`))
	if len(nothing.Changes) != 0 || len(nothing.Alterations) != 0 || nothing.Permissions != nil {
		t.Errorf("no change does %+v", nothing)
	}
}

func TestAPreviewRefusesWhatTheChangeWouldBeRefusedFor(t *testing.T) {
	b := newBench(t)
	preview := func(body string) *reply { return b.ask("admin", "POST", "/policy/preview", body) }
	preview(`{"documents":[{"kind":"account","name":"agent-a","spec":{}}]}`).problem(400, "policy.invalid", "/spec/members/accounts/0")
	preview(`{"documents":[{"kind":"account","name":"agent-a","spec":{"agent":true,"roles":["ghost"]}}]}`).problem(400, "policy.invalid", "/spec/roles/0")
	preview(`{"documents":[{"kind":"account","name":"admin","spec":{"roles":["admin"],"state":"disabled"}}]}`).problem(400, "policy.invalid", "")
	preview(`{"documents":[],"account":"ghost"}`).problem(404, "account.not_found", "/name")
	preview(`{"documents":[],"colour":"red"}`).problem(400, "request.invalid", "/colour")
	preview(`{}`).problem(400, "request.invalid", "/documents")
	b.ask("robot", "POST", "/inboxes/web/messages", message("1")).want(201)
	preview(`{"documents":[{"kind":"inbox","name":"web","spec":{"title":"官网","mode":"async","kinds":["customer","group"],"members":{"accounts":["agent-a"]}}}]}`).problem(409, "policy.inbox_busy", "inbox/web")
}

func TestAPreviewWithPruneSaysWhoWouldBeGone(t *testing.T) {
	b := newBench(t)
	got := into[previewSeen](t, b.ask("admin", "POST", "/policy/preview", `{"documents":[{"kind":"account","name":"admin","spec":{"title":"管理员","roles":["admin"]}}],"prune":true}`))
	i := slices.IndexFunc(got.Alterations, func(a alterationSeen) bool { return a.Account == "agent-b" })
	if i < 0 || !got.Alterations[i].Gone || got.Alterations[i].Title != "乙" || len(got.Alterations[i].Stops) != 3 {
		t.Errorf("%+v", got.Alterations)
	}
}
