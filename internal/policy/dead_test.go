package policy_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// takenOut takes one item out of a list of a document's spec.
func takenOut(t interface{ Fatal(...any) }, set *policy.Set, p policy.Problem) *policy.Set {
	kind, name, _ := strings.Cut(p.Document, "/")
	d, _ := set.Get(kind, name)
	field, place, _ := strings.Cut(strings.TrimPrefix(p.Path, "/spec/"), "/")
	i, err := strconv.Atoi(place)
	if err != nil {
		t.Fatal(p, err)
	}
	var spec map[string]any
	if err := json.Unmarshal(d.Spec, &spec); err != nil {
		t.Fatal(err)
	}
	list := spec[field].([]any)
	spec[field] = slices.Delete(list, i, i+1)
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := set.Apply(set.Revision()+1, []policy.Edit{{Kind: kind, Name: name, Spec: raw}})
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// Whatever grant or denial is called dead can be taken out, and nothing is decided otherwise, at any instant from then on.
func TestDeadRulesCanBeTakenOut(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		set, err := policy.NewSet(companies().Draw(t, "company"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range policy.DeadRules(set, testNow, nil) {
			if p.Message == "" || p.MessageZH == "" || p.Document == "" {
				t.Fatalf("%+v", p)
			}
			list, _, ok := strings.Cut(strings.TrimPrefix(p.Path, "/spec/"), "/")
			if !ok || list != "allow" && list != "deny" {
				continue
			}
			seen[list]++
			before, after := set.Compile(), takenOut(t, set, p).Compile()
			for day := range 40 {
				for _, account := range someAccounts {
					compareRights(t, before, after, account, testNow.AddDate(0, 0, day), p)
				}
			}
		}
	})
	for _, list := range []string{"allow", "deny"} {
		if seen[list] == 0 {
			t.Errorf("no dead %s was seen: the test shows nothing of them", list)
		}
	}
}

func compareRights(t *rapid.T, before, after *reception.Policy, account string, at time.Time, p policy.Problem) {
	for _, permission := range somePresents {
		if kind, ok := strings.CutPrefix(permission, "receive."); ok {
			if was, is := reception.Entitled(before, account, "", kind, false, at), reception.Entitled(after, account, "", kind, false, at); was.Outcome != is.Outcome {
				t.Fatalf("%v: without it %s of %s at %v is %v, was %v", p, permission, account, at, is, was)
			}
			continue
		}
		if permission == policy.Receive {
			continue // bears on nothing but receive.<kind>
		}
		if was, is := reception.Can(before, account, permission, at), reception.Can(after, account, permission, at); was != is {
			t.Fatalf("%v: without it %s of %s at %v is %v", p, permission, account, at, is)
		}
	}
}

func TestDeadRulesAreNamed(t *testing.T) {
	docs, err := policy.ParseYAML([]byte(`{kind: account, name: admin, spec: {roles: [admin]}}
---
{kind: schedule, name: day, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue], from: '09:00', to: '18:00'}]}}
---
{kind: schedule, name: morning, spec: {zone: Asia/Shanghai, weekly: [{days: [mon], from: '09:00', to: '12:00'}], exceptions: [{date: 2026-12-01, off: true}]}}
---
{kind: schedule, name: abroad, spec: {zone: Europe/Paris, weekly: [{days: [mon], from: '10:00', to: '11:00'}]}}
---
{kind: schedule, name: past, spec: {zone: Asia/Shanghai, exceptions: [{date: 2026-11-01, from: '09:00', to: '10:00'}]}}
---
{kind: template, name: spare, spec: {permissions: [receive]}}
---
{kind: role, name: agent, spec: {template: agent}}
---
{kind: role, name: nobody, spec: {template: agent}}
---
{kind: account, name: a, spec: {agent: true, roles: [agent], windows: [morning, day, abroad], allow: [{permission: receive.customer}, {permission: trace.view}, {permission: job.view}],
  deny: [{permission: trace.view}, {permission: audit.view, until: 2026-11-01T00:00:00Z}]}}
---
{kind: account, name: robot, spec: {allow: [{permission: receive.group}, {permission: message.post}]}}
---
{kind: account, name: c, spec: {agent: true, allow: [{permission: receive.group}]}}
---
{kind: team, name: empty, spec: {}}
---
{kind: team, name: idle, spec: {members: [a]}}
---
{kind: inbox, name: web, spec: {members: {accounts: [a, c], teams: [empty]}, hours: day}}
---
{kind: switch, name: inbox.web, spec: {state: 'off'}}
---
{kind: switch, name: account.a, spec: {state: paused, until: 2026-11-20T00:00:00Z}}
---
{kind: switch, name: platform, spec: {state: paused}}
`))
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	since := func(d policy.Document) (time.Time, bool) {
		return testNow.AddDate(0, 0, -31), d.Name != "platform"
	}
	got := policy.DeadRules(set, testNow, since)
	want := []string{
		"schedule/past ", "template/spare ", "role/nobody ",
		"account/a /spec/allow/0", "account/a /spec/allow/1", "account/a /spec/deny/1",
		"account/c /spec/allow/0", "account/robot /spec/allow/0", "team/empty /spec/members", "team/idle ", "switch/account.a /spec/until", "switch/inbox.web /spec/state",
	}
	var places []string
	for _, p := range got {
		places = append(places, p.Document+" "+p.Path)
	}
	slices.Sort(places)
	slices.Sort(want)
	if !slices.Equal(places, want) {
		t.Errorf("%s\nwant %q", got.Error(), want)
	}
	for _, p := range got.Locate(docs) {
		if p.Line == 0 {
			t.Errorf("%v has no line", p)
		}
	}
	if n := len(policy.DeadRules(set, testNow, nil)); n != len(got)-1 {
		t.Errorf("%d without known ages, %d with", n, len(got))
	}
}
