package policy_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

func standingOf(t testing.TB, s *policy.Set, account, permission string, now time.Time) policy.Standing {
	t.Helper()
	for _, x := range policy.Standings(s, account, now) {
		if x.Permission == permission {
			return x
		}
	}
	t.Fatalf("%s has no standing of %s", permission, account)
	return policy.Standing{}
}

// drawSet draws a company, an account of it and an instant.
func drawSet(t *rapid.T) (s *policy.Set, account string, now time.Time) {
	s = mustSet(t, companies().Draw(t, "company"))
	account = pick(t, append(slices.Clone(someAccounts), "root", "ghost"))
	now, _ = time.Parse(time.RFC3339, pick(t, someInstants))
	return s, account, now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "around")) * time.Nanosecond)
}

func TestAStandingIsTheEnginesOwnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, account, now := drawSet(t)
		p := s.Compile()
		seen := map[string]bool{}
		for _, x := range policy.Standings(s, account, now) {
			seen[x.Permission] = true
			want := reception.Can(p, account, x.Permission, now)
			if kind, ok := strings.CutPrefix(x.Permission, "receive."); ok {
				want = !reception.Entitled(p, account, "", kind, false, now).Outcome.Stops()
			}
			if x.Permission == policy.Receive { // which only an agent has any use for
				want = want && p.Accounts[account].Agent
			}
			if x.Effective != want {
				t.Fatalf("%s of %s is effective %v, the engine says %v", x.Permission, account, x.Effective, want)
			}
			if x.Effective && !x.Granted {
				t.Fatalf("%s of %s is effective and not granted", x.Permission, account)
			}
		}
		for _, kind := range s.MessageKinds() {
			if !seen["receive."+kind] {
				t.Fatalf("nothing is said of receiving %s", kind)
			}
		}
	})
}

// edited is the set with another document of the account.
func edited(t *rapid.T, s *policy.Set, account string, edit func(*policy.AccountSpec)) *policy.Set {
	spec, _ := s.Account(account)
	spec.Allow, spec.Deny = slices.Clone(spec.Allow), slices.Clone(spec.Deny)
	edit(&spec)
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	next, _, err := s.Apply(9, []policy.Edit{{Kind: policy.KindAccount, Name: account, Spec: raw}})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func without(list []policy.Grant, permission string) []policy.Grant {
	return slices.DeleteFunc(list, func(g policy.Grant) bool { return g.Permission == permission })
}

// TestWhatIsNamedAsTheSourceIsWhatDecides changes what the standing names, and nothing else, and finds that the answer flips wherever it alone decides.
func TestWhatIsNamedAsTheSourceIsWhatDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, account, now := drawSet(t)
		if account == "root" || account == "ghost" {
			account = someAccounts[0]
		}
		before := rapid.SampledFrom(policy.Standings(s, account, now)).Draw(t, "standing")
		permission := before.Permission
		spec, _ := s.Account(account)
		allowed := slices.ContainsFunc(spec.Allow, func(g policy.Grant) bool {
			return g.Permission == permission && (g.Until.IsZero() || now.Before(g.Until))
		})
		after := func(edit func(*policy.AccountSpec)) policy.Standing {
			next := edited(t, s, account, edit)
			list := policy.Standings(next, account, now)
			return list[slices.IndexFunc(list, func(x policy.Standing) bool { return x.Permission == permission })]
		}
		flips := func(x policy.Standing, granted bool) {
			if x.Granted != granted {
				t.Fatalf("%s: what decides is said to be %+v, but without it: %+v", permission, before, x)
			}
		}
		switch before.Source.Kind {
		case policy.SourceRole:
			if !slices.Contains(before.Roles, before.Source.Name) {
				t.Fatalf("%+v", before)
			}
			flips(after(func(a *policy.AccountSpec) {
				a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(r string) bool { return slices.Contains(before.Roles, r) })
			}), allowed)
		case policy.SourceAllow:
			flips(after(func(a *policy.AccountSpec) { a.Allow = without(a.Allow, permission) }), false)
		case policy.SourceDeny:
			flips(after(func(a *policy.AccountSpec) { a.Deny = without(a.Deny, permission) }), len(before.Roles) > 0 || allowed)
		case policy.SourceExpired:
			flips(after(func(a *policy.AccountSpec) {
				a.Allow = append(without(a.Allow, permission), policy.Grant{Permission: permission})
			}), true)
		case policy.SourceTemplate:
			missing, _ := policy.RoleTemplateDifference(s, before.Source.Name)
			if !slices.Contains(missing, permission) || !slices.Contains(spec.Roles, before.Source.Name) {
				t.Fatalf("%+v", before)
			}
		case policy.SourceParent, policy.SourceNotAgent:
			parent := after(func(a *policy.AccountSpec) {
				a.Agent = true
				a.Deny, a.Allow = without(a.Deny, policy.Receive), append(without(a.Allow, policy.Receive), policy.Grant{Permission: policy.Receive})
			})
			if parent.Source.Kind == before.Source.Kind || parent.ParentOff || before.Effective {
				t.Fatalf("%+v, and with the parent %+v", before, parent)
			}
		case policy.SourceNone:
			if before.Granted || len(before.Roles) > 0 || allowed {
				t.Fatalf("%+v", before)
			}
		default:
			t.Fatalf("an unknown source %+v", before)
		}
		if sourced := before.Source.Kind; before.Granted != slices.Contains([]string{policy.SourceRole, policy.SourceAllow, policy.SourceParent, policy.SourceNotAgent}, sourced) {
			t.Fatalf("granted %v by %s", before.Granted, sourced)
		}
	})
}

func TestTheExampleCompanysStandings(t *testing.T) {
	_, s := company(t)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, want := range []struct {
		account, permission string
		granted, effective  bool
		source              policy.Source
	}{
		{"agent-a", "receive.group", true, true, policy.Source{Kind: policy.SourceRole, Name: "agent", Template: "agent"}},
		{"agent-d", "receive.group", false, false, policy.Source{Kind: policy.SourceDeny}},
		{"agent-f", "receive.group", true, false, policy.Source{Kind: policy.SourceRole, Name: "agent", Template: "agent"}}, // frozen
		{"agent-h", "receive.group", false, false, policy.Source{Kind: policy.SourceTemplate, Name: "store-clerk", Template: "agent"}},
		{"agent-k", "message.reply", true, true, policy.Source{Kind: policy.SourceRole, Name: "web-clerk"}},
		{"agent-l", "message.reply", false, false, policy.Source{Kind: policy.SourceNone}},
		{"supervisor-b", "receive", true, false, policy.Source{Kind: policy.SourceNotAgent}},
		{"supervisor-b", "receive.group", true, false, policy.Source{Kind: policy.SourceNotAgent}},
		{"supervisor-b", "policy.edit", true, true, policy.Source{Kind: policy.SourceRole, Name: "permission-admin", Template: "permission-admin"}},
		{"ghost", "receive", false, false, policy.Source{Kind: policy.SourceNone}},
	} {
		got := standingOf(t, s, want.account, want.permission, now)
		if got.Granted != want.granted || got.Effective != want.effective || got.Source != want.source {
			t.Errorf("%s of %s is %+v, want %+v", want.permission, want.account, got, want)
		}
	}
	k := standingOf(t, s, "agent-k", "receive.group", now)
	if k.Override != policy.SourceAllow || k.Source.Kind != policy.SourceAllow || k.Source.Until.IsZero() {
		t.Errorf("agent-k: %+v", k)
	}
	if later := standingOf(t, s, "agent-k", "receive.group", k.Source.Until); later.Granted || later.Override != "" || later.Source.Kind != policy.SourceExpired {
		t.Errorf("agent-k, when the allow has ended: %+v", later)
	}
}

func TestReceivingComesFirstAndAddedKindsStandWithIt(t *testing.T) {
	s, err := policy.NewSet([]policy.Document{
		{Kind: "inbox", Name: "phone", Spec: json.RawMessage(`{"kinds": ["customer", "callback"]}`)},
		{Kind: "account", Name: "root", Spec: json.RawMessage(`{"roles": ["admin"]}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range policy.AllPermissions(s) {
		if policy.BlockOf(p.Name) == policy.BlockReceiving {
			names = append(names, p.Name)
		}
		if p.TitleZH == "" || p.TitleEN == "" || p.MeaningZH == "" || p.MeaningEN == "" {
			t.Errorf("%s has no words", p.Name)
		}
	}
	want := "receive receive.customer receive.group receive.system receive.auto_reply receive.internal receive.callback"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the permissions to receive are %s, want %s", got, want)
	}
	if policy.AllPermissions(s)[6].Name != "receive.callback" {
		t.Error("a kind that an inbox adds does not stand with the others")
	}
}

// history is versions of documents by "kind/name".
type history map[string][]policy.Version

func (h history) read(kind, name string) ([]policy.Version, error) { return h[kind+"/"+name], nil }

func version(from, to int64, spec string) policy.Version {
	return policy.Version{From: from, To: to, Spec: json.RawMessage(spec)}
}

func TestWhatDecidesIsAsOldAsItsLastChange(t *testing.T) {
	const denied, other = `{"deny":[{"permission":"receive.group"}]}`, `{"title":"x","deny":[{"permission":"receive"},{"permission":"receive.group"}]}`
	const until = `{"deny":[{"permission":"receive.group","until":"2026-12-01T00:00:00+08:00"}]}`
	const clerk, own = `{"roles":["clerk"]}`, `{"template":"agent","permissions":["receive"]}`
	deny, none := policy.Source{Kind: policy.SourceDeny}, policy.Source{Kind: policy.SourceNone}
	role := policy.Source{Kind: policy.SourceRole, Name: "clerk"}
	for name, c := range map[string]struct {
		source policy.Source
		past   history
		want   policy.Made
	}{
		"there from the beginning":           {deny, history{"account/a": {version(1, 0, denied)}}, policy.Made{Revision: 1, Kind: "account", Name: "a"}},
		"other changes do not count":         {deny, history{"account/a": {version(1, 3, `{}`), version(3, 7, denied), version(7, 9, other), version(9, 0, denied)}}, policy.Made{Revision: 3, Kind: "account", Name: "a"}},
		"taken back meanwhile":               {deny, history{"account/a": {version(1, 3, denied), version(3, 7, `{}`), version(7, 0, other)}}, policy.Made{Revision: 7, Kind: "account", Name: "a"}},
		"another end is another denial":      {deny, history{"account/a": {version(1, 3, until), version(3, 0, denied)}}, policy.Made{Revision: 3, Kind: "account", Name: "a"}},
		"the account was deleted and made":   {deny, history{"account/a": {version(1, 3, denied), version(5, 0, denied)}}, policy.Made{Revision: 5, Kind: "account", Name: "a"}},
		"not in force":                       {deny, history{"account/a": {version(1, 0, `{}`)}}, policy.Made{}},
		"the account is gone":                {deny, history{"account/a": {version(1, 4, denied)}}, policy.Made{}},
		"an allow is no deny":                {deny, history{"account/a": {version(1, 0, `{"allow":[{"permission":"receive.group"}]}`)}}, policy.Made{}},
		"nothing is known of it":             {deny, history{}, policy.Made{}},
		"what cannot be read ends the story": {deny, history{"account/a": {version(1, 3, `{"deny": 1}`), version(3, 0, denied)}}, policy.Made{Revision: 3, Kind: "account", Name: "a"}},
		"a role that was given": {role, history{"account/a": {version(1, 4, `{}`), version(4, 0, clerk)}, "role/clerk": {version(2, 0, `{"template":"agent"}`)}},
			policy.Made{Revision: 4, Kind: "account", Name: "a"}},
		"a role that got it": {role, history{"account/a": {version(1, 9, clerk), version(9, 0, clerk)}, "role/clerk": {version(1, 6, own), version(6, 0, `{"template":"agent"}`)}},
			policy.Made{Revision: 6, Kind: "role", Name: "clerk"}},
		"a template that got it": {role, history{"account/a": {version(1, 0, clerk)}, "role/clerk": {version(1, 0, `{"template":"t"}`)},
			"template/t": {version(1, 8, `{"permissions":["receive"]}`), version(8, 0, `{"permissions":["receive.group"]}`)}}, policy.Made{Revision: 8, Kind: "template", Name: "t"}},
		"a role that lost it": {policy.Source{Kind: policy.SourceTemplate, Name: "clerk", Template: "agent"},
			history{"account/a": {version(1, 0, clerk)}, "role/clerk": {version(1, 2, `{"template":"agent"}`), version(2, 4, own), version(4, 0, `{"template":"agent","permissions":[]}`)}},
			policy.Made{Revision: 2, Kind: "role", Name: "clerk"}},
		"a role that was taken away": {none, history{"account/a": {version(1, 5, clerk), version(5, 7, `{}`), version(7, 0, `{"title":"x"}`)}, "role/clerk": {version(1, 0, `{"template":"agent"}`)}},
			policy.Made{Revision: 5, Kind: "account", Name: "a"}},
		"never had it":    {none, history{"account/a": {version(3, 5, `{}`), version(5, 0, `{"title":"x"}`)}}, policy.Made{Revision: 3, Kind: "account", Name: "a"}},
		"an agent once":   {policy.Source{Kind: policy.SourceNotAgent}, history{"account/a": {version(1, 2, `{"agent":true}`), version(2, 0, `{}`)}}, policy.Made{Revision: 2, Kind: "account", Name: "a"}},
		"of the parent":   {policy.Source{Kind: policy.SourceParent, Name: "receive"}, history{"account/a": {version(1, 0, `{}`)}}, policy.Made{}},
		"the admin's own": {policy.Source{Kind: policy.SourceRole, Name: "admin"}, history{"account/a": {version(2, 0, `{"roles":["admin"]}`)}}, policy.Made{Revision: 2, Kind: "account", Name: "a"}},
	} {
		got, err := policy.MadeBy(c.past.read, "a", policy.Standing{Permission: "receive.group", Source: c.source})
		if err != nil || got != c.want {
			t.Errorf("%s: %+v (%v), want %+v", name, got, err, c.want)
		}
	}
	broken := errors.New("unreadable")
	if _, err := policy.MadeBy(func(string, string) ([]policy.Version, error) { return nil, broken }, "a", policy.Standing{Source: deny}); !errors.Is(err, broken) {
		t.Errorf("a store that cannot be read: %v", err)
	}
}
