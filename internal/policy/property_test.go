package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
)

func mustSet(t *rapid.T, docs []policy.Document) *policy.Set {
	s, err := policy.NewSet(docs)
	if err != nil {
		t.Fatalf("the generator made documents that do not fit: %v", err)
	}
	return s
}

func TestWhatIsExportedReadsBackTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mustSet(t, companies().Draw(t, "company"))
		file, err := policy.MarshalYAML(s.All())
		if err != nil {
			t.Fatal(err)
		}
		docs, err := policy.ParseYAML(file)
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		for _, prune := range []bool{false, true} {
			changes, err := policy.Diff(s, docs, prune)
			if err != nil || len(changes) != 0 {
				t.Fatalf("%v %v\n%s", err, changes, file)
			}
		}
		again, err := policy.MarshalYAML(docs)
		if err != nil || !bytes.Equal(file, again) {
			t.Fatalf("exported once more it is another file: %v\n%s\n%s", err, file, again)
		}
		if !slices.EqualFunc(s.All(), mustSet(t, docs).All(), sameDocument) {
			t.Fatal("the documents differ")
		}
	})
}

func TestApplyingADifferenceLeavesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mustSet(t, companies().Draw(t, "before"))
		docs := companies().Draw(t, "after")
		edits, err := policy.EditsFor(s, docs, true)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := policy.Diff(s, docs, true)
		if err != nil {
			t.Fatal(err)
		}
		before := s.All()
		next, changes, err := s.Apply(3, edits)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(planned, changes) {
			t.Fatalf("Diff says %v, Apply does %v", planned, changes)
		}
		left, err := policy.Diff(next, docs, true)
		if err != nil || len(left) != 0 {
			t.Fatalf("%v %v", err, left)
		}
		if !slices.EqualFunc(before, s.All(), sameDocument) {
			t.Fatal("the set that was applied to has changed")
		}
		// The same documents make the same policy, by whatever way they came.
		want, got := mustSet(t, docs).WithRevision(next.Revision()).Compile(), next.Compile()
		if !reflect.DeepEqual(want, got) {
			t.Fatal("compiled, the set that was applied to differs from a new one")
		}
	})
}

func TestAChangeThatIsRefusedAltersNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mustSet(t, companies().Draw(t, "company"))
		docs := companies().Draw(t, "edits")
		var edits []policy.Edit
		for _, d := range docs {
			switch rapid.IntRange(0, 5).Draw(t, "edit") {
			case 0:
				edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name})
			case 1:
				edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
			case 2:
				edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name + "x", Spec: d.Spec})
			}
		}
		before := s.All()
		compiled := fmt.Sprintf("%+v", s.Compile().Accounts["a0"])
		next, changes, err := s.Apply(9, edits)
		switch {
		case err != nil && (next != nil || changes != nil):
			t.Fatal("an error came with a result")
		case err == nil && len(changes) == 0 && next != s:
			t.Fatal("nothing changed, but the set is another one")
		case err == nil:
			// What was applied is whole: it can be made again from its documents.
			mustSet(t, next.All())
		}
		for _, c := range changes {
			if (c.Before == nil) != (c.Action == policy.Create) || (c.After == nil) != (c.Action == policy.Delete) || (len(c.Fields) > 0) != (c.Action == policy.Update) {
				t.Fatalf("a change contradicts itself: %+v", c)
			}
		}
		after := fmt.Sprintf("%+v", s.Compile().Accounts["a0"])
		if !slices.EqualFunc(before, s.All(), sameDocument) || compiled != after {
			t.Fatal("the set that was applied to has changed")
		}
	})
}

func TestNormalizeIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, d := range companies().Draw(t, "company") {
			again, err := policy.Normalize(d.Kind, d.Spec)
			if err != nil || !bytes.Equal(again, d.Spec) {
				t.Fatalf("%v\n%s\n%s", err, d.Spec, again)
			}
		}
	})
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("kind: account\nname: x\nspec: &a\n  title: *a\n"))
	f.Add([]byte("kind: maintenance\nname: x\nspec: {from: 2026-12-01T22:00:00Z, until: 2026-12-02T00:00:00Z, kinds: [group], announcement: {en: x, to: {everybody: true}}}\n"))
	f.Add([]byte("kind: client\nname: any\nspec: {minimum: 1.0.0-rc.1, blocked: [v2]}\n"))
	f.Add([]byte("kind: schedule\nname: x\nspec: {zone: UTC, weekly: [{days: [mon], from: \"22:00\", to: \"06:00\"}], exceptions: [{date: 2026-10-01, off: true}]}\n"))
	f.Add([]byte("kind: switch\nname: platform\nspec: {state: paused, until: 2026-12-01T00:00:00Z, reason: \"\\U0001F600\"}\n---\n- x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := policy.ParseYAML(data)
		if err != nil {
			if len(problemsOf(t, err)) == 0 {
				t.Fatal("an error without a problem")
			}
			return
		}
		file, err := policy.MarshalYAML(docs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := policy.ParseYAML(file)
		if err != nil || !slices.EqualFunc(docs, again, sameDocument) {
			t.Fatalf("%v\n%q", err, file)
		}
		// Documents may refer to what is not there, but nothing worse.
		if s, err := policy.NewSet(docs); err == nil {
			s.Compile()
		}
	})
}

func FuzzNormalize(f *testing.F) {
	for _, kind := range policy.Kinds() {
		f.Add(kind, []byte(`{"title": "x"}`))
	}
	f.Add("account", []byte(`{"agent": true, "deny": [{"permission": "receive.group", "until": "2026-12-01T00:00:00+08:00"}], "capacity": {"total": 3, "inboxes": {"web": 1}}}`))
	f.Add("schedule", []byte(`{"zone": "Asia/Shanghai", "weekly": [{"days": ["sat"], "from": "22:00", "to": "06:00"}], "exceptions": [{"date": "2026-10-01", "off": true}]}`))
	f.Add("calendar", []byte(`{"years": {"2026": {"source": "x", "off": [{"name": "x", "days": ["2026-10-01"]}], "work": [{"days": ["2026-10-10"]}]}}}`))
	f.Add("schedule", []byte(`{"zone": "UTC", "calendar": "cn-public", "make_up": "fri"}`))
	f.Add("team", []byte(`{"extensions": [{"from": "2026-12-01T00:00:00Z", "until": "2026-12-01T00:00:00.000001+08:00", "reason": "x"}]}`))
	f.Add("inbox", []byte(`{"routing": {"accept_timeout": "1h0.5s"}, "kinds": ["vip"]}`))
	f.Fuzz(func(t *testing.T, kind string, spec []byte) {
		canonical, err := policy.Normalize(kind, spec)
		if err != nil {
			if len(problemsOf(t, err)) == 0 {
				t.Fatal("an error without a problem")
			}
			return
		}
		again, err := policy.Normalize(kind, canonical)
		if err != nil || !bytes.Equal(canonical, again) {
			t.Fatalf("%v\n%s\n%s", err, canonical, again)
		}
		if !json.Valid(canonical) || strings.ContainsRune(string(canonical), 0) {
			t.Fatalf("not JSON: %q", canonical)
		}
	})
}
