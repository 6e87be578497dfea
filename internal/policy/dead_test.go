package policy_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/filter"
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
		for _, p := range policy.DeadRules(set, policy.DeadQuestion{Now: testNow}) {
			if p.Why == "" || p.Message == "" || p.MessageZH == "" || p.Document == "" {
				t.Fatalf("%+v", p)
			}
			list, _, ok := strings.Cut(strings.TrimPrefix(p.Path, "/spec/"), "/")
			if !ok || list != "allow" && list != "deny" {
				continue
			}
			seen[list]++
			before, after := set.Compile(), takenOut(t, set, p.Problem).Compile()
			for day := range 40 {
				for _, account := range someAccounts {
					compareRights(t, before, after, account, testNow.AddDate(0, 0, day), p.Problem)
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
{kind: inbox, name: web, spec: {members: {accounts: [a, c], teams: [empty]}, hours: day, extensions: [{until: 2026-11-02T00:00:00Z}]}}
---
{kind: account, name: b, spec: {agent: true, extensions: [{until: 2026-11-01T00:00:00Z}, {until: 2026-12-01T00:00:00Z}]}}
---
{kind: maintenance, name: over, spec: {from: 2026-11-01T00:00:00Z, until: 2026-11-02T00:00:00Z}}
---
{kind: maintenance, name: told, spec: {announcement: {en: x, until: 2026-11-02T00:00:00Z, to: {everybody: true}}}}
---
{kind: maintenance, name: still-told, spec: {from: 2026-11-01T00:00:00Z, until: 2026-11-02T00:00:00Z, announcement: {en: x, until: 2026-12-02T00:00:00Z, to: {everybody: true}}}}
---
{kind: maintenance, name: ahead, spec: {from: 2026-12-01T00:00:00Z, until: 2026-12-02T00:00:00Z}}
---
{kind: client, name: console, spec: {minimum: 1.4.0, blocked: [1.3.0, 1.5.1]}}
---
{kind: client, name: listen, spec: {blocked: [1.3.0]}}
---
{kind: filter, name: early, spec: {order: 10, match: {keywords: [x]}, action: quarantine}}
---
{kind: filter, name: late, spec: {inboxes: [web], match: {keywords: [xy]}, action: tag, tag: y}}
---
{kind: filter, name: late-off, spec: {enabled: false, match: {keywords: [xy]}, action: reject}}
---
{kind: filter, name: nowhere, spec: {kinds: [group], match: {keywords: [z]}, action: reject}}
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
	since := func(name string) (time.Time, bool) {
		return testNow.AddDate(0, 0, -31), name != "platform"
	}
	rules := policy.DeadRules(set, policy.DeadQuestion{Now: testNow, Since: since})
	for _, r := range rules {
		if r.Since.IsZero() != (r.Why != policy.WhyForgotten) {
			t.Errorf("%s is since %v", r.Document, r.Since)
		}
	}
	got := policy.DeadProblems(rules)
	want := []string{
		"schedule/past ", "template/spare ", "role/nobody ",
		"account/a /spec/allow/0", "account/a /spec/allow/1", "account/a /spec/deny/1", "account/a /spec/windows/0", "account/a /spec/windows/2", "account/b /spec/extensions/0", "inbox/web /spec/extensions/0",
		"maintenance/over ", "maintenance/told ", "client/console /spec/blocked/0", "filter/late ", "filter/nowhere /spec/kinds",
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
	if n := len(policy.DeadRules(set, policy.DeadQuestion{Now: testNow})); n != len(got)-1 {
		t.Errorf("%d without known ages, %d with", n, len(got))
	}
}

// A part of a policy does not know what the rest of it uses.
func TestOfAPartOfAPolicyNoMoreIsSaidThanItShows(t *testing.T) {
	set := setOf(t, `
{kind: role, name: agent, spec: {template: agent}}
---
{kind: filter, name: groups, spec: {kinds: [group], match: {keywords: [z]}, action: reject}}
`)
	for part, want := range map[bool][]string{false: {"0 : no account has this role", "0 /spec/kinds: no inbox"}, true: {"0 : in this file no account has this role", "0 /spec/kinds: in this file no inbox"}} {
		compareProblems(t, policy.DeadProblems(policy.DeadRules(set, policy.DeadQuestion{Now: testNow, Part: part})), want)
	}
}

// drawRules draws filter rules over few words and inboxes, so that rules often leave others nothing.
func drawRules(t *rapid.T) []policy.Document {
	specs := map[string]object{"inbox/i0": {"kinds": []string{"customer", "vip"}}, "inbox/i1": {"kinds": []string{"customer", "group"}}, "inbox/i2": {}}
	for _, name := range []string{"f0", "f1", "f2", "f3"} {
		words := subset(t, []string{"a", "ab", "b", "bc"})
		match := object{"senders": object{"block": []string{pick(t, []string{"u", "u*", "v"})}, "allow": few(t, []string{"u1", "w"})}}
		if len(words) > 0 {
			match["keywords"] = words
		}
		if rarely(t) {
			match["expression"] = "true"
		}
		if len(match["senders"].(object)["allow"].([]string)) == 0 {
			delete(match["senders"].(object), "allow")
		}
		f := object{"order": rapid.IntRange(1, 3).Draw(t, "order"), "inboxes": few(t, someInboxes), "kinds": few(t, []string{"customer", "group", "vip", "gone"}), "match": match, "enabled": !rarely(t)}
		if f["action"] = pick(t, []string{"allow", "tag", "quarantine", "reject"}); f["action"] == "tag" {
			f["tag"] = name
		}
		specs["filter/"+name] = f
	}
	return documents(specs)
}

// Whatever filter rule is called dead can be deleted, and the same becomes of every message.
func TestDeadFilterRulesCanBeTakenOut(t *testing.T) {
	seen := map[policy.Why]int{}
	rapid.Check(t, func(t *rapid.T) {
		set, err := policy.NewSet(drawRules(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range policy.DeadRules(set, policy.DeadQuestion{Now: testNow}) {
			kind, name, _ := strings.Cut(r.Document, "/")
			if kind != policy.KindFilter {
				continue
			}
			seen[r.Why]++
			after, _, err := set.Apply(2, []policy.Edit{{Kind: kind, Name: name}})
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				in := filter.Input{Inbox: pick(t, someInboxes), Kind: pick(t, []string{"customer", "group", "vip"}), Text: pick(t, []string{"", "a", "xab", "b", "abc", "c"}), Sender: pick(t, []string{"u", "u1", "v", "w"})}
				was := reception.ApplyFilters(set.Compile(), in.Inbox, in.Kind, set.Filters().Match(&in, nil))
				is := reception.ApplyFilters(after.Compile(), in.Inbox, in.Kind, after.Filters().Match(&in, nil))
				if !reflect.DeepEqual(was, is) && produces(set, in.Inbox, in.Kind) {
					t.Fatalf("%v: without it %+v is %+v, was %+v", r, in, is, was)
				}
			}
		}
	})
	for _, why := range []policy.Why{policy.WhyShadowed, policy.WhyNothing} {
		if seen[why] == 0 {
			t.Errorf("no rule that is %s was seen: the test shows nothing of them", why)
		}
	}
}

func produces(set *policy.Set, inbox, kind string) bool {
	in, _ := set.Inbox(inbox)
	return slices.Contains(in.Kinds, kind)
}
