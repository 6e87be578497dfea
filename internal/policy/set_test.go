package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// parse reads documents of a test.
func parse(t testing.TB, yaml string) []policy.Document {
	t.Helper()
	docs, err := policy.ParseYAML([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// setOf makes a set of documents of a test.
func setOf(t testing.TB, yaml string) *policy.Set {
	t.Helper()
	s, err := policy.NewSet(parse(t, yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edits reads edits: documents, and "kind/name" of those to delete.
func edits(t testing.TB, yaml string, deleted ...string) []policy.Edit {
	t.Helper()
	var list []policy.Edit
	for _, d := range parse(t, yaml) {
		list = append(list, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	for _, d := range deleted {
		kind, name, _ := strings.Cut(d, "/")
		list = append(list, policy.Edit{Kind: kind, Name: name})
	}
	return list
}

const small = `
{kind: role, name: agent, spec: {template: agent}}
---
{kind: schedule, name: day, spec: {zone: Asia/Shanghai, weekly: [{days: [mon], from: "09:00", to: "18:00"}]}}
---
{kind: account, name: root, spec: {roles: [admin]}}
---
{kind: account, name: a, spec: {agent: true, roles: [agent], windows: [day]}}
---
{kind: account, name: b, spec: {agent: true, roles: [agent]}}
---
{kind: team, name: t, spec: {members: [a], lead: b, windows: [day]}}
---
{kind: inbox, name: web, spec: {kinds: [customer, vip], members: {accounts: [b], teams: [t]}, hours: day}}
---
{kind: switch, name: inbox.web, spec: {state: on}}
`

func TestDocumentsAreCheckedTogether(t *testing.T) {
	tests := []struct {
		name, yaml string
		deleted    []string
		want       []string // "document path: message"
	}{
		{"unknown role", `{kind: account, name: c, spec: {roles: [agent, nobody]}}`, nil, []string{`account/c /spec/roles/1: there is no role "nobody"`}},
		{"unknown template", `{kind: role, name: r, spec: {template: t}}`, nil, []string{`role/r /spec/template: there is no template "t"`}},
		{"unknown schedules", `
{kind: account, name: c, spec: {windows: [x]}}
---
{kind: team, name: u, spec: {windows: [y]}}
---
{kind: inbox, name: mail, spec: {hours: z}}`, nil, []string{
			`account/c /spec/windows/0: there is no schedule "x"`, `team/u /spec/windows/0: there is no schedule "y"`, `inbox/mail /spec/hours: there is no schedule "z"`,
		}},
		{"unknown members", `
{kind: team, name: u, spec: {members: [a, x], lead: y}}
---
{kind: inbox, name: mail, spec: {members: {accounts: [x], teams: [t, y]}}}`, nil, []string{
			`team/u /spec/members/1: there is no account "x"`, `team/u /spec/lead: there is no account "y"`,
			`inbox/mail /spec/members/accounts/0: there is no account "x"`, `inbox/mail /spec/members/teams/1: there is no team "y"`,
		}},
		{"limit for an unknown inbox", `{kind: account, name: c, spec: {capacity: {inboxes: {mail: 1}}}}`, nil, []string{`account/c /spec/capacity/inboxes/mail: there is no inbox "mail"`}},
		{"switch of nothing", `
{kind: switch, name: inbox.mail, spec: {state: off}}
---
{kind: switch, name: account.c, spec: {state: off}}`, nil, []string{`switch/account.c /name: there is no account "c"`, `switch/inbox.mail /name: there is no inbox "mail"`}},
		{"maintenance of nothing that exists", `
{kind: maintenance, name: m, spec: {from: 2026-12-01T00:00:00Z, until: 2026-12-02T00:00:00Z, inboxes: [mail], kinds: [customer, gold], announcement: {zh: x, to: {accounts: [x], teams: [y]}}}}`, nil, []string{
			`maintenance/m /spec/inboxes/0: there is no inbox "mail"`, `maintenance/m /spec/announcement/to/accounts/0: there is no account "x"`,
			`maintenance/m /spec/announcement/to/teams/0: there is no team "y"`, `maintenance/m /spec/kinds/1: no inbox lists the kind "gold"`,
		}},
		{"member that is no agent", `{kind: team, name: u, spec: {members: [root], lead: root}}`, nil, []string{`team/u /spec/members/0: account "root" is not an agent`}},
		{"member that ceases to be an agent", `{kind: account, name: b, spec: {roles: [agent]}}`, nil, []string{`inbox/web /spec/members/accounts/0: account "b" is not an agent`}},
		{"permission for a kind that no inbox lists", `{kind: role, name: r, spec: {permissions: [receive.group, receive.vip, receive.vop]}}`, nil, []string{`role/r /spec/permissions/2: no inbox lists the kind "vop"; did you mean`}},
		{"deny for a kind that no inbox lists", `{kind: account, name: c, spec: {deny: [{permission: receive.gold}]}}`, nil, []string{`account/c /spec/deny/0/permission: no inbox lists the kind "gold"`}},
		{"deleted while in use", ``, []string{"schedule/day"}, []string{`schedule/day : while others refer to it: account/a /spec/windows/0, team/t /spec/windows/0, inbox/web /spec/hours`}},
		{"deleted role", ``, []string{"role/agent"}, []string{`role/agent : account/a /spec/roles/0, account/b /spec/roles/0`}},
		{"deleted account", ``, []string{"account/b"}, []string{`account/b : team/t /spec/lead, inbox/web /spec/members/accounts/0`}},
		{"deleted inbox", ``, []string{"inbox/web"}, []string{`inbox/web : switch/inbox.web /name`}},
		{"deleted, and referred to by the same change", `{kind: team, name: t, spec: {members: [a, b]}}`, []string{"account/b"}, []string{
			`team/t /spec/members/1: account "b" is deleted by the same change`, `account/b : inbox/web /spec/members/accounts/0`,
		}},
		{"deleted twice", ``, []string{"switch/inbox.web", "switch/inbox.web"}, []string{`switch/inbox.web : twice`}},
		{"deleted though it is not there", ``, []string{"team/u"}, []string{`team/u : no such document to delete`}},
		{"deleted though it is no document", ``, []string{"robot/u", "team/U"}, []string{`robot/u /kind: unknown kind`, `team/U /name: is not a name`}},
		{"the program's own", ``, []string{"role/admin", "template/agent"}, []string{`role/admin : belongs to the program`, `template/agent : belongs to the program`}},
		{"no administrator: deleted", ``, []string{"account/root"}, []string{`account/root : no active administrator`}},
		{"no administrator: disabled", `{kind: account, name: root, spec: {state: disabled, roles: [admin]}}`, nil, []string{`account/root : no active administrator`}},
		{"no administrator: frozen for a while", `{kind: account, name: root, spec: {state: frozen, state_until: 2026-12-01T00:00:00Z, roles: [admin]}}`, nil, []string{`account/root : no active administrator`}},
		{"no administrator: with an end", `{kind: account, name: root, spec: {expires: 2099-12-01T00:00:00Z, roles: [admin]}}`, nil, []string{`account/root : no active administrator`}},
		{"no administrator: another role", `{kind: account, name: root, spec: {roles: [agent]}}`, nil, []string{`account/root : no active administrator`}},
		{"no administrator: may not edit", `{kind: account, name: root, spec: {roles: [admin], deny: [{permission: policy.edit}]}}`, nil, []string{`account/root : no active administrator`}},
	}
	base := setOf(t, small)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := base.All()
			next, changes, err := base.Apply(2, edits(t, test.yaml, test.deleted...))
			if next != nil || changes != nil {
				t.Errorf("it was applied: %v", changes)
			}
			ps := problemsOf(t, err)
			var got []string
			for _, p := range ps {
				got = append(got, fmt.Sprintf("%s %s: %s", p.Document, p.Path, p.Message))
			}
			if len(got) != len(test.want) {
				t.Fatalf("problems:\n%s\nwant %d", strings.Join(got, "\n"), len(test.want))
			}
			for i := range got {
				place, message, _ := strings.Cut(test.want[i], ": ")
				if !strings.HasPrefix(got[i], place+": ") || !strings.Contains(got[i], message) {
					t.Errorf("problem\n  %s\nwant\n  %s", got[i], test.want[i])
				}
			}
			if !slices.EqualFunc(before, base.All(), sameDocument) {
				t.Error("the set was altered by a change that was refused")
			}
		})
	}
}

func sameDocument(a, b policy.Document) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Revision == b.Revision && bytes.Equal(a.Spec, b.Spec)
}

func TestAnAdministratorMayGoWhenAnotherStays(t *testing.T) {
	s := setOf(t, small)
	s, _, err := s.Apply(2, edits(t, `{kind: account, name: second, spec: {roles: [admin]}}`, "account/root"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get("account", "root"); ok {
		t.Error("the first administrator is still there")
	}
}

func TestACompanyWithoutAdministratorMayBeChanged(t *testing.T) {
	s, changes, err := policy.Empty().Apply(1, edits(t, `{kind: account, name: a, spec: {}}`))
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v, %v", changes, err)
	}
	if _, _, err := s.Apply(2, edits(t, ``, "account/a")); err != nil {
		t.Error(err)
	}
}

func TestApplySaysWhatChanges(t *testing.T) {
	s := setOf(t, small)
	next, changes, err := s.Apply(7, edits(t, `
{kind: inbox, name: web, spec: {title: 在线咨询, kinds: [customer, vip], members: {accounts: [b, a]}, hours: day, routing: {sticky: true}}}
---
{kind: account, name: c, spec: {title: 客服丙}}
---
{kind: account, name: b, spec: {roles: [agent], agent: true, title: "", state: active}}
`, "switch/inbox.web"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(changes)
	want := `[{"kind":"account","name":"c","action":"create","after":{"title":"客服丙"}},` +
		`{"kind":"inbox","name":"web","action":"update",` +
		`"before":{"channel":"api","mode":"live","kinds":["customer","vip"],"members":{"accounts":["b"],"teams":["t"]},"hours":"day","routing":{"strategy":"least_loaded"}},` +
		`"after":{"title":"在线咨询","channel":"api","mode":"live","kinds":["customer","vip"],"members":{"accounts":["b","a"]},"hours":"day","routing":{"strategy":"least_loaded","sticky":true}},` +
		`"fields":[{"path":"/spec/members/accounts","before":["b"],"after":["b","a"]},{"path":"/spec/members/teams","before":["t"]},` +
		`{"path":"/spec/routing/sticky","after":true},{"path":"/spec/title","after":"在线咨询"}]},` +
		`{"kind":"switch","name":"inbox.web","action":"delete","before":{"state":"on"}}]`
	if string(got) != want {
		t.Errorf("changes are\n%s\nwant\n%s", got, want)
	}
	if next.Revision() != 7 || next.Compile().Revision != 7 || s.Revision() != 0 {
		t.Errorf("revisions %d, %d and before %d", next.Revision(), next.Compile().Revision, s.Revision())
	}
	for name, revision := range map[string]int64{"c": 7, "b": 0} {
		if d, ok := next.Get("account", name); !ok || d.Revision != revision {
			t.Errorf("account %s: %+v, want revision %d", name, d, revision)
		}
	}
	if _, ok := s.Get("account", "c"); ok || s.Len() != 8 || next.Len() != 8 {
		t.Error("the set that was applied to has changed")
	}
}

func TestEditsThatChangeNothingMakeNoRevision(t *testing.T) {
	s := setOf(t, small).WithRevision(5)
	var same []policy.Edit
	for _, d := range s.All() {
		var spec bytes.Buffer
		if err := json.Indent(&spec, d.Spec, "", "\t"); err != nil {
			t.Fatal(err)
		}
		same = append(same, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: spec.Bytes()})
	}
	next, changes, err := s.Apply(6, same)
	if err != nil || len(changes) != 0 || next != s {
		t.Errorf("%v, %v; the set is the same: %v", changes, err, next == s)
	}
}

func TestDocumentsAreListedInOrder(t *testing.T) {
	_, s := company(t)
	docs := s.All()
	rank := func(d policy.Document) string { return fmt.Sprint(slices.Index(policy.Kinds(), d.Kind)) + d.Name }
	if !slices.IsSortedFunc(docs, func(a, b policy.Document) int { return strings.Compare(rank(a), rank(b)) }) {
		t.Error("documents are not in the order of kind and name")
	}
}

func TestDiffSeesOnlyTheFileUnlessItPrunes(t *testing.T) {
	s := setOf(t, small)
	file := parse(t, "{kind: account, name: b, spec: {agent: true, roles: [agent], title: 乙}}\n---\n{kind: team, name: t, spec: {members: [a], lead: b, windows: [day]}}")
	summary := func(changes []policy.Change) string {
		var list []string
		for _, c := range changes {
			list = append(list, c.Action+" "+c.Kind+"/"+c.Name)
		}
		return strings.Join(list, ", ")
	}
	changes, err := policy.Diff(s, file, false)
	if err != nil || summary(changes) != "update account/b" {
		t.Errorf("%s, %v", summary(changes), err)
	}
	changes, err = policy.Diff(s, file, true)
	if want := "delete schedule/day, delete role/agent, delete account/a, update account/b, delete account/root, delete inbox/web, delete switch/inbox.web"; err != nil || summary(changes) != want {
		t.Errorf("%s, %v", summary(changes), err)
	}
	if _, err := policy.Diff(s, append(file, file[0]), false); err == nil {
		t.Error("a document that comes twice is accepted")
	}
	if _, err := policy.Diff(s, policy.Builtins()[1:2], false); err == nil {
		t.Error("a document of the program is accepted")
	}
}

func TestBuiltinsAreThereWithoutBeingDocuments(t *testing.T) {
	titles := map[string]string{}
	for _, d := range policy.Builtins() {
		var spec struct{ Title string }
		if err := json.Unmarshal(d.Spec, &spec); err != nil {
			t.Fatal(err)
		}
		titles[d.Kind+"/"+d.Name] = spec.Title
		if d.Revision != 0 {
			t.Errorf("%s has revision %d", d.Name, d.Revision)
		}
		if got, ok := policy.Builtin(d.Kind, d.Name); !ok || !sameDocument(got, d) {
			t.Errorf("Builtin(%s, %s) is %v", d.Kind, d.Name, got)
		}
	}
	want := map[string]string{"template/agent": "客服", "template/supervisor": "客服主管", "template/admin": "管理员", "template/permission-admin": "权限管理员",
		"template/readonly": "只读", "template/audit": "审计", "role/admin": "管理员", "calendar/cn-public": "中国法定节假日与调休"}
	if fmt.Sprint(titles) != fmt.Sprint(want) {
		t.Errorf("builtins are %v", titles)
	}
	s := policy.Empty()
	if len(s.All()) != 0 {
		t.Error("the empty set lists documents")
	}
	if _, ok := s.Get("role", "admin"); ok {
		t.Error("role admin is a document of the set")
	}
	if r, ok := s.Role("admin"); !ok || r.Template != "admin" {
		t.Errorf("role admin is %v", r)
	}
}

func TestTheCatalogueOfPermissionsIsConsistent(t *testing.T) {
	all := policy.Permissions()
	names := map[string][]string{}
	for _, p := range all {
		if names[p.Name] != nil {
			t.Errorf("%s is listed twice", p.Name)
		}
		names[p.Name] = p.Templates
		if p.TitleEN == "" || p.TitleZH == "" || p.MeaningEN == "" || p.MeaningZH == "" {
			t.Errorf("%s lacks words", p.Name)
		}
		if !slices.Contains(p.Templates, "admin") {
			t.Errorf("the template admin lacks %s", p.Name)
		}
	}
	s := policy.Empty()
	agent, _ := s.Template("agent")
	supervisor, _ := s.Template("supervisor")
	for _, p := range agent.Permissions {
		if !slices.Contains(supervisor.Permissions, p) {
			t.Errorf("a supervisor lacks the agent's %s", p)
		}
	}
	for _, d := range policy.Builtins() {
		if d.Kind != policy.KindTemplate {
			continue
		}
		template, _ := s.Template(d.Name)
		for _, p := range template.Permissions {
			if _, ok := names[p]; !ok {
				t.Errorf("template %s has %s, which the catalogue does not", d.Name, p)
			}
		}
	}
	for permission, want := range map[string][]string{
		policy.AuditView:   {"admin", "audit"},
		policy.PolicyEdit:  {"admin", "permission-admin"},
		policy.TokenManage: {"admin"},
		policy.MessagePost: {"admin"},
	} {
		if !slices.Equal(names[permission], want) {
			t.Errorf("%s is in %v, want %v", permission, names[permission], want)
		}
	}
}

func TestTheAdministratorHasThePermissionForEveryKind(t *testing.T) {
	s := setOf(t, small)
	p := s.Compile()
	for _, kind := range s.MessageKinds() {
		if !reception.Can(p, "root", "receive."+kind, time.Time{}) {
			t.Errorf("the administrator lacks receive.%s", kind)
		}
	}
	if !slices.Contains(s.MessageKinds(), "vip") || reception.Can(p, "a", "receive.vip", time.Time{}) {
		t.Error("the template agent must not contain a kind that an inbox adds")
	}
}

func TestRoleTemplateDifference(t *testing.T) {
	s := setOf(t, `
{kind: template, name: base, spec: {permissions: [receive, receive.group, message.reply]}}
---
{kind: role, name: follows, spec: {template: base}}
---
{kind: role, name: differs, spec: {template: base, permissions: [receive, message.reply, trace.view]}}
---
{kind: role, name: same, spec: {template: base, permissions: [message.reply, receive.group, receive]}}
---
{kind: role, name: own, spec: {permissions: [receive]}}
---
{kind: role, name: nothing, spec: {template: base, permissions: []}}
`)
	for role, want := range map[string]string{
		"follows": "[] []", "differs": "[receive.group] [trace.view]", "same": "[] []", "own": "[] []", "admin": "[] []", "unknown": "[] []",
		"nothing": "[receive receive.group message.reply] []",
	} {
		missing, extra := policy.RoleTemplateDifference(s, role)
		if got := fmt.Sprint(missing, " ", extra); got != want {
			t.Errorf("%s: %s, want %s", role, got, want)
		}
	}
}
