package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
)

// naively decides a permission from documents alone, by what docs/policy.md says and nothing that the program has.
func naively(docs map[string]object, account, permission string, now time.Time) bool {
	a, ok := docs["account/"+account]
	if !ok || !naivelyActive(a, now) {
		return false
	}
	if permission == "receive" || strings.HasPrefix(permission, "receive.") {
		if a["agent"] != true {
			return false
		}
	}
	if strings.HasPrefix(permission, "receive.") && !naivelyGranted(docs, a, "receive", now) {
		return false
	}
	return naivelyGranted(docs, a, permission, now)
}

func naivelyActive(a object, now time.Time) bool {
	if text, ok := a["expires"].(string); ok && !now.Before(instantOf(text)) {
		return false
	}
	switch state := a["state"]; state {
	case nil, "", "active":
		return true
	case "frozen":
		text, ok := a["state_until"].(string)
		return ok && !now.Before(instantOf(text))
	}
	return false
}

func naivelyGranted(docs map[string]object, a object, permission string, now time.Time) bool {
	in := func(list string) bool {
		for _, g := range listOf(a[list]) {
			g := g.(map[string]any)
			until, ends := g["until"].(string)
			if g["permission"] == permission && (!ends || now.Before(instantOf(until))) {
				return true
			}
		}
		return false
	}
	if in("deny") {
		return false
	}
	for _, role := range listOf(a["roles"]) {
		spec := docs[fmt.Sprintf("role/%v", role)]
		if slices.Contains(listOf(permissionsIn(docs, spec)), any(permission)) {
			return true
		}
	}
	return in("allow")
}

// permissionsIn are those of a role or template: its own list, or its template's.
func permissionsIn(docs map[string]object, spec object) any {
	if list, own := spec["permissions"]; own {
		return list
	}
	return docs[fmt.Sprintf("template/%v", spec["template"])]["permissions"]
}

func listOf(v any) []any { l, _ := v.([]any); return l }

func instantOf(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

// plainly are the documents of a set, those of the program among them, as plain JSON.
func plainly(s *policy.Set) map[string]object {
	docs := map[string]object{}
	for _, d := range append(policy.Builtins(), s.All()...) {
		o := object{}
		if err := json.Unmarshal(d.Spec, &o); err != nil {
			panic(err)
		}
		docs[d.Kind+"/"+d.Name] = o
	}
	admin := docs["template/admin"]
	for _, kind := range s.MessageKinds() {
		if p := any("receive." + kind); !slices.Contains(listOf(admin["permissions"]), p) {
			admin["permissions"] = append(listOf(admin["permissions"]), p)
		}
	}
	return docs
}

// part is one smallest difference between two versions of a document: an entry of a list that came or went, a field that is another.
type part struct {
	document, field string
	entry           string // "" for a field as a whole
	value           any    // of the entry or field afterwards; nil: it is gone
}

// partsOf takes a change to pieces. State, reason and end of a freeze are one thing; so is one permission's entry in a list of grants.
func partsOf(docs map[string]object, c policy.Change) []part {
	before, after := object{}, object{}
	for raw, o := range map[*object]json.RawMessage{&before: c.Before, &after: c.After} {
		if err := json.Unmarshal(o, raw); err != nil {
			panic(err)
		}
	}
	var list []part
	name := c.Kind + "/" + c.Name
	for _, field := range []string{"roles", "allow", "deny", "permissions"} {
		was, is := entriesOf(before[field]), entriesOf(after[field])
		if field == "permissions" {
			was = entriesOf(permissionsIn(docs, before))
		}
		for key, value := range is {
			if fmt.Sprint(was[key]) != fmt.Sprint(value) {
				list = append(list, part{name, field, key, value})
			}
		}
		for key := range was {
			if _, ok := is[key]; !ok {
				list = append(list, part{name, field, key, nil})
			}
		}
	}
	for _, field := range []string{"state", "expires", "agent"} {
		if fmt.Sprint(before[field]) != fmt.Sprint(after[field]) {
			list = append(list, part{name, field, "", after[field]})
		}
	}
	return list
}

func entriesOf(v any) map[string]any {
	entries := map[string]any{}
	for _, e := range listOf(v) {
		key := fmt.Sprint(e)
		if g, ok := e.(map[string]any); ok {
			key = fmt.Sprint(g["permission"])
		}
		entries[key] = e
	}
	return entries
}

// with are the documents with some parts changed.
func with(docs map[string]object, parts []part) map[string]object {
	out := map[string]object{}
	for name, spec := range docs {
		out[name] = spec
	}
	for _, p := range parts {
		spec := object{}
		for k, v := range out[p.document] {
			spec[k] = v
		}
		switch {
		case p.entry != "":
			entries := entriesOf(spec[p.field])
			if p.field == "permissions" {
				entries = entriesOf(permissionsIn(docs, spec))
			}
			delete(entries, p.entry)
			if p.value != nil {
				entries[p.entry] = p.value
			}
			list := []any{}
			for _, e := range entries {
				list = append(list, e)
			}
			spec[p.field] = list
		case p.value == nil:
			delete(spec, p.field)
		default:
			spec[p.field] = p.value
		}
		if p.field == "state" {
			delete(spec, "state_until")
		}
		out[p.document] = spec
	}
	return out
}

// TestEveryFlipFlipsAndNoPartOfItDoes takes what is proposed to pieces and decides by documents alone, with all pieces and with every proper part of them.
func TestEveryFlipFlipsAndNoPartOfItDoes(t *testing.T) {
	proposed := 0
	rapid.Check(t, func(t *rapid.T) {
		s, account, now := drawSet(t)
		docs := plainly(s)
		standings := policy.Standings(s, account, now)
		for i, info := range policy.AllPermissions(s) {
			if i >= 3 && !rarely(t) { // the first of receiving always, of the others some
				continue
			}
			before := naively(docs, account, info.Name, now)
			if got := standings[i]; got.Permission != info.Name || got.Effective != before {
				t.Fatalf("%s of %s is %+v, by the documents effective %v", info.Name, account, got, before)
			}
			flips := policy.Flips(s, account, info.Name, now)
			steps := 0
			for _, f := range flips {
				proposed++
				if len(f.Steps) < steps {
					t.Fatalf("%s of %s: a flip of %d steps comes after one of %d", info.Name, account, len(f.Steps), steps)
				}
				steps = len(f.Steps)
				var parts []part
				for _, c := range f.Changes {
					parts = append(parts, partsOf(docs, c)...)
				}
				if len(parts) != len(f.Steps) {
					t.Fatalf("%s of %s: %+v are said to be %d steps and change %+v", info.Name, account, f.Steps, len(f.Steps), parts)
				}
				for chosen := 0; chosen < 1<<len(parts); chosen++ {
					var some []part
					for i := range parts {
						if chosen&(1<<i) != 0 {
							some = append(some, parts[i])
						}
					}
					after := naively(with(docs, some), account, info.Name, now)
					if whole := len(some) == len(parts); (after != before) != whole {
						t.Fatalf("%s of %s is %v; with %+v of %+v it is %v", info.Name, account, before, some, parts, after)
					}
				}
				flipped(t, s, f, account, info.Name, now, before)
			}
		}
	})
	if proposed < 300 {
		t.Errorf("only %d flips were proposed", proposed)
	}
}

// flipped applies a flip as anybody would, with PUT /policy, and counts what else became another.
func flipped(t *rapid.T, s *policy.Set, f policy.Flip, account, permission string, now time.Time, before bool) {
	var edits []policy.Edit
	for _, c := range f.Changes {
		edits = append(edits, policy.Edit{Kind: c.Kind, Name: c.Name, Spec: c.After})
	}
	next, _, err := s.Apply(9, edits)
	if err != nil {
		t.Fatalf("%+v is refused: %v", f.Steps, err)
	}
	others := 0
	for _, name := range append(slices.Clone(someAccounts), "root") {
		was, is := policy.Standings(s, name, now), policy.Standings(next, name, now)
		for i := range was {
			switch {
			case name == account && was[i].Permission == permission:
				if is[i].Effective == before {
					t.Fatalf("applied, %+v changes nothing", f.Steps)
				}
			case was[i].Effective != is[i].Effective:
				others++
			}
		}
	}
	if others != f.Others {
		t.Fatalf("%+v changes %d other answers, and says %d", f.Steps, others, f.Others)
	}
}

// TestWhatCanBeFlippedHasAFlip: an account that exists can be given everything, and can be denied everything but what makes it the last administrator.
func TestWhatCanBeFlippedHasAFlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, account, now := drawSet(t)
		info := rapid.SampledFrom(policy.AllPermissions(s)).Draw(t, "permission")
		flips := policy.Flips(s, account, info.Name, now)
		switch {
		case account == "ghost":
			if flips != nil {
				t.Fatalf("an account that does not exist has %+v", flips)
			}
		case account == "root" && info.Name == policy.PolicyEdit: // taken from the last administrator it is refused
			if len(flips) > 0 {
				t.Fatalf("the last administrator could lose policy.edit by %+v", flips)
			}
		case len(flips) == 0:
			t.Fatalf("%s of %s cannot be changed", info.Name, account)
		}
	})
}

// TestWhatFlipsByItselfDoesSoThen looks at the instants around the one that is told, and at all others at which anything ends.
func TestWhatFlipsByItselfDoesSoThen(t *testing.T) {
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		s, account, now := drawSet(t)
		docs := plainly(s)
		info := rapid.SampledFrom(policy.AllPermissions(s)).Draw(t, "permission")
		before := naively(docs, account, info.Name, now)
		at := policy.FlipsAt(s, account, info.Name, now)
		if !at.IsZero() {
			told++
			if !at.After(now) || naively(docs, account, info.Name, at) == before || naively(docs, account, info.Name, at.Add(-1)) != before {
				t.Fatalf("%s of %s is %v and is said to flip at %v", info.Name, account, before, at)
			}
		}
		for _, text := range someInstants {
			edge := instantOf(text)
			if edge.After(now) && (at.IsZero() || edge.Before(at)) && naively(docs, account, info.Name, edge) != before {
				t.Fatalf("%s of %s is %v, and another at %v, but %v was told", info.Name, account, before, edge, at)
			}
		}
	})
	if told == 0 {
		t.Error("nothing ever flipped by itself")
	}
}

func TestTheExampleCompanysFlips(t *testing.T) {
	_, s := company(t)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, want := range []struct{ account, permission, first string }{
		{"agent-d", "receive.group", "undeny receive.group"},
		{"agent-f", "receive.group", "activate"},
		{"agent-a", "receive.group", "deny receive.group"},
		{"agent-l", "message.reply", "allow message.reply"},
		{"supervisor-b", "receive", "make_agent"},
	} {
		flips := policy.Flips(s, want.account, want.permission, now)
		if len(flips) == 0 {
			t.Errorf("%s of %s has no flip", want.permission, want.account)
			continue
		}
		var words []string
		for _, x := range flips[0].Steps {
			words = append(words, strings.Join(strings.Fields(x.Action+" "+x.Name+" "+x.Permission), " "))
		}
		if got := strings.Join(words, ", "); got != want.first {
			t.Errorf("%s of %s: first %q, want %q", want.permission, want.account, got, want.first)
		}
		needs := policy.PolicyEdit
		if want.first == "activate" {
			needs = policy.AccountState
		}
		if flips[0].Needs != needs {
			t.Errorf("%s needs %s", want.first, flips[0].Needs)
		}
	}
}
