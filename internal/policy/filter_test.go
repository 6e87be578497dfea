package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

func TestFilterRulesThatAreAtFaultAreRefusedAsAWhole(t *testing.T) {
	for spec, want := range map[string][]string{
		"  match: {keywords: [a]}":                                        {"4 /spec: needs an action"},
		"  action: reject":                                                {"4 /spec: needs a match"},
		"  action: drop\n  match: {keywords: [a]}":                        {"4 /spec/action: not one of allow, tag, quarantine, reject"},
		"  action: tag\n  match: {keywords: [a]}":                         {"4 /spec: needs a tag"},
		"  action: reject\n  tag: x\n  match: {keywords: [a]}":            {"5 /spec/tag: only the action tag"},
		"  action: reject\n  match: {}":                                   {"5 /spec/match: needs keywords"},
		"  action: reject\n  match: {senders: {allow: [a]}}":              {"5 /spec/match: needs keywords"},
		"  action: reject\n  match: {keywords: []}":                       {"5 /spec/match/keywords: empty"},
		"  action: reject\n  match: {keywords: [a, 123]}":                 {"5 /spec/match/keywords/1: must be text"},
		"  action: reject\n  match: {keywords: [a, a]}":                   {"5 /spec/match/keywords/1: twice"},
		"  action: reject\n  match:\n    keywords: [a,\n    \"\\u200b\"]": {"7 /spec/match/keywords/1: at least one character"},
		"  action: reject\n  match:\n    patterns: ['(']":                 {"6 /spec/match/patterns/0: no regular expression"},
		"  action: reject\n  match:\n    patterns: ['a*']":                {"6 /spec/match/patterns/0: the empty text"},
		"  action: reject\n  match:\n    patterns: ['(a)\\1']":            {"6 /spec/match/patterns/0: no regular expression"},
		"  action: reject\n  match: {senders: {block: ['*']}}":            {"5 /spec/match/senders/block/0: everybody"},
		"  action: reject\n  match: {expression: text contains}":          {"5 /spec/match/expression: does not compile"},
		"  action: reject\n  match:\n    expression: now() > now()":       {"6 /spec/match/expression: no calls"},
		"  action: reject\n  match:\n    expression: " + costly():         {"6 /spec/match/expression: costs too much"},
		"  action: reject\n  order: 0\n  match: {keywords: [a]}":          {"5 /spec/order: between 1 and"},
		"  action: reject\n  kinds: [internal]\n  match: {keywords: [a]}": {"5 /spec/kinds/0: not filtered"},
		"  action: reject\n  match: {keywords: [a], words: [b]}":          {"5 /spec/match/words: unknown field"},
	} {
		_, err := policy.ParseYAML([]byte("kind: filter\nname: x\nspec:\n" + spec + "\n"))
		if err == nil {
			t.Errorf("%s: taken", spec)
			continue
		}
		compareProblems(t, problemsOf(t, err), want)
	}
}

func costly() string { return strings.Repeat("text contains 'a' or ", 50) + "text contains 'a'" }

func filters(t *testing.T, specs map[string]string) *policy.Set {
	t.Helper()
	docs := []policy.Document{{Kind: "account", Name: "root", Spec: json.RawMessage(`{"roles":["admin"]}`)}}
	for name, spec := range specs {
		docs = append(docs, policy.Document{Kind: "filter", Name: name, Spec: json.RawMessage(spec)})
	}
	s, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFilterRulesAreAppliedInTheirOrder(t *testing.T) {
	s := filters(t, map[string]string{
		"z": `{"order":1,"action":"tag","tag":"x","match":{"keywords":["a"]}}`, "b": `{"action":"quarantine","match":{"keywords":["a"]}}`,
		"a": `{"order":100,"action":"reject","match":{"keywords":"# words\na\n\nb"}}`, "off": `{"enabled":false,"order":2,"action":"allow","match":{"keywords":["a"]}}`,
	})
	if got := s.FilterNames(); !slices.Equal(got, []string{"z", "off", "a", "b"}) {
		t.Error(got)
	}
	var names []string
	for _, f := range s.Compile().Filters {
		names = append(names, f.Name)
	}
	if matched := s.Filters().Match(&filter.Input{Text: "xAx"}, nil); !slices.Equal(names, []string{"z", "a", "b"}) || !slices.Equal(matched, names) {
		t.Errorf("in the engine %v, matched %v", names, matched)
	}
	if f := s.Compile().Filters[0]; f.Action != reception.FilterTag || f.Tag != "x" {
		t.Errorf("%+v", f)
	}
	if d, _ := s.Get("filter", "a"); string(d.Spec) != `{"match":{"keywords":["a","b"]},"action":"reject"}` {
		t.Errorf("%s", d.Spec)
	}
}

func TestRevisionsBetweenWhichNoRuleChangedShareTheMatcher(t *testing.T) {
	s := filters(t, map[string]string{"a": `{"action":"reject","match":{"keywords":["a"]}}`})
	same, _, err := s.Apply(2, []policy.Edit{{Kind: "account", Name: "other", Spec: json.RawMessage(`{}`)}})
	if err != nil || same.Filters() != s.Filters() || same.WithRevision(9).Filters() != s.Filters() {
		t.Errorf("another matcher, %v", err)
	}
	other, _, err := s.Apply(2, []policy.Edit{{Kind: "filter", Name: "a", Spec: json.RawMessage(`{"action":"reject","match":{"keywords":["b"]}}`)}})
	if err != nil || other.Filters() == s.Filters() {
		t.Errorf("the same matcher, %v", err)
	}
	if got := other.Filters().Match(&filter.Input{Text: "b"}, nil); len(got) != 1 {
		t.Error(got)
	}
}

func TestAnInboxThatARuleNamesCannotBeDeletedAlone(t *testing.T) {
	docs := []policy.Document{
		{Kind: "account", Name: "root", Spec: json.RawMessage(`{"roles":["admin"]}`)}, {Kind: "inbox", Name: "web", Spec: json.RawMessage(`{}`)},
		{Kind: "filter", Name: "a", Spec: json.RawMessage(`{"inboxes":["web"],"action":"reject","match":{"keywords":["b"]}}`)},
	}
	s, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Apply(2, []policy.Edit{{Kind: "inbox", Name: "web"}})
	compareProblems(t, problemsOf(t, err), []string{"0 : refer to it: filter/a /spec/inboxes/0"})
}

func TestThereIsABoundToTheRules(t *testing.T) {
	var edits []policy.Edit
	for i := range 501 {
		edits = append(edits, policy.Edit{Kind: "filter", Name: fmt.Sprintf("f%03d", i), Spec: json.RawMessage(`{"action":"reject","match":{"keywords":["b"]}}`)})
	}
	_, _, err := policy.Empty().Apply(1, edits)
	compareProblems(t, problemsOf(t, err), []string{"0 : at most 500"})
}

func TestTheTestBenchSaysWhichRuleTakesATextAndWhy(t *testing.T) {
	s := filters(t, map[string]string{
		"a": `{"order":1,"action":"tag","tag":"x","match":{"keywords":["退款"]}}`, "b": `{"order":2,"action":"quarantine","match":{"keywords":["加微信"],"patterns":["\\d{5}"]}}`,
		"c": `{"order":3,"action":"reject","match":{"keywords":["微信"]}}`, "off": `{"order":4,"enabled":false,"action":"reject","match":{"keywords":["微信"]}}`,
		"d": `{"order":5,"kinds":["group"],"action":"reject","match":{"keywords":["微信"]}}`,
	})
	got := s.TestFilters(filter.Input{Inbox: "web", Kind: "customer", Text: "退款请加微信 12345"})
	if f := got.Filtering; f.Action != reception.FilterQuarantine || f.Rule != "b" || !slices.Equal(f.Tags, []string{"x"}) {
		t.Errorf("%+v", f)
	}
	for i, want := range []struct {
		name                       string
		concerns, matched, applied bool
		hits                       int
	}{{"a", true, true, true, 1}, {"b", true, true, true, 2}, {"c", true, true, false, 1}, {"off", true, true, false, 1}, {"d", false, true, false, 1}} {
		r := got.Rules[i]
		if r.Name != want.name || r.Concerns != want.concerns || r.Matched != want.matched || r.Applied != want.applied || len(r.Hits) != want.hits {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if h := got.Rules[1].Hits[0]; h != (filter.Hit{How: filter.ByKeyword, Term: "加微信", Start: 3, End: 6}) {
		t.Errorf("%+v", h)
	}
}

func TestNotSpamProposesChangesThatWereTried(t *testing.T) {
	s := filters(t, map[string]string{
		"b": `{"order":2,"action":"quarantine","match":{"keywords":["加微信","广告"],"patterns":["\\d{5}"]}}`,
		"c": `{"order":3,"action":"reject","match":{"keywords":["微信"]}}`,
		"x": `{"order":4,"action":"reject","match":{"expression":"length > 2"}}`,
	})
	in := filter.Input{Inbox: "web", Kind: "customer", Sender: "vip-7", Text: "加微信 12345"}
	list := s.NotSpam("b", in)
	if len(list) != 2 || string(list[0].Edit.Spec) != `{"order":2,"match":{"keywords":["加微信","广告"],"patterns":["\\d{5}"],"senders":{"allow":["vip-7"]}},"action":"quarantine"}` ||
		string(list[1].Edit.Spec) != `{"order":2,"match":{"keywords":["广告"]},"action":"quarantine"}` || list[1].After.Rule != "c" || len(list[1].Fields) == 0 {
		t.Errorf("%+v", list)
	}
	// What only an expression takes has nothing to be taken out, and a rule without its only keyword would match nothing.
	for _, rule := range []string{"c", "x"} {
		if list := s.NotSpam(rule, in); len(list) != 1 || list[0].ZH != "让这条规则不再拦截“vip-7”的消息" {
			t.Errorf("%s: %+v", rule, list)
		}
	}
	if list := s.NotSpam("gone", in); list != nil {
		t.Errorf("%+v", list)
	}
}
