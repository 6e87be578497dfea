package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/reception"
)

// FilterTest is what the filter rules make of a message, and why.
type FilterTest struct {
	Filtering reception.Filtering
	Rules     []RuleTest // all of them, in the order in which they are applied
}

// RuleTest is what one rule makes of a message.
type RuleTest struct {
	Name     string
	Spec     FilterSpec
	Revision int64 // that last changed the rule
	Concerns bool  // it is about such messages
	Matched  bool
	Applied  bool // it took effect: it is on, about such messages, matched, and no rule before it had decided
	Hits     []filter.Hit
}

// TestFilters says which rules take a message, and why each does or does not; those that are off are tried too.
func (s *Set) TestFilters(in filter.Input) FilterTest {
	matched := s.Filters().Match(&in, nil)
	hits := s.Filters().Explain(&in)
	var off []filter.Rule
	for _, name := range s.FilterNames() {
		if f, _ := s.Filter(name); !f.On() {
			off = append(off, f.Content(name))
		}
	}
	idle := filter.New(off)
	idleMatched, idleHits := idle.Match(&in, nil), idle.Explain(&in)
	t := FilterTest{Filtering: reception.ApplyFilters(s.Compile(), in.Inbox, in.Kind, matched)}
	for _, name := range s.FilterNames() {
		spec, _ := s.Filter(name)
		d, _ := s.Get(KindFilter, name)
		about := reception.Filter{Inboxes: spec.Inboxes, Kinds: spec.Kinds}
		t.Rules = append(t.Rules, RuleTest{
			Name: name, Spec: spec, Revision: d.Revision, Concerns: about.Concerns(in.Inbox, in.Kind), Applied: slices.Contains(t.Filtering.Applied, name),
			Matched: slices.Contains(matched, name) || slices.Contains(idleMatched, name), Hits: append(hits[name], idleHits[name]...),
		})
	}
	return t
}

// Proposal is a change of a rule after which it takes a message no more.
type Proposal struct {
	EN, ZH string // what it does, in words
	Edit   Edit
	Fields []FieldChange
	// After is what the rules make of the message once it is applied: another rule may take it too.
	After reception.Filtering
}

// NotSpam proposes changes of a rule after which it no longer takes a message: each was tried on it. The narrowest comes first.
func (s *Set) NotSpam(rule string, in filter.Input) []Proposal {
	spec, ok := s.Filter(rule)
	if !ok {
		return nil
	}
	var list []Proposal
	try := func(changed FilterSpec, en, zh string) {
		edit := Edit{Kind: KindFilter, Name: rule, Spec: encode(changed)}
		next, changes, err := s.Apply(s.revision+1, []Edit{edit})
		if err != nil || len(changes) == 0 || slices.Contains(next.Filters().Match(&in, nil), rule) {
			return
		}
		after := reception.ApplyFilters(next.Compile(), in.Inbox, in.Kind, next.Filters().Match(&in, nil))
		list = append(list, Proposal{EN: en, ZH: zh, Edit: edit, Fields: changes[0].Fields, After: after})
	}
	if in.Sender != "" {
		allowed := spec
		allowed.Match.Senders.Allow = append(slices.Clone(spec.Match.Senders.Allow), in.Sender)
		try(allowed, fmt.Sprintf("let this rule never take messages of %q", in.Sender), fmt.Sprintf("让这条规则不再拦截“%s”的消息", in.Sender))
	}
	if narrower, terms := spec.without(spec.Hits(&in)); len(terms) > 0 {
		try(narrower, "take out of the rule: "+strings.Join(terms, ", "), "从规则中删去："+strings.Join(terms, "、"))
	}
	return list
}

// without is the rule without the keywords, patterns and senders that made it match, and what those are.
func (f FilterSpec) without(hits []filter.Hit) (FilterSpec, []string) {
	var terms []string
	drop := func(list []string, how filter.How, same func(a, b string) bool) []string {
		return slices.DeleteFunc(slices.Clone(list), func(term string) bool {
			hit := slices.ContainsFunc(hits, func(h filter.Hit) bool { return h.How == how && same(h.Term, term) })
			if hit && !slices.Contains(terms, term) {
				terms = append(terms, term)
			}
			return hit
		})
	}
	equal := func(a, b string) bool { return a == b }
	f.Match.Keywords = drop(f.Match.Keywords, filter.ByKeyword, equal)
	f.Match.Patterns = drop(f.Match.Patterns, filter.ByPattern, equal)
	f.Match.Senders.Block = drop(f.Match.Senders.Block, filter.BySender, func(a, b string) bool { return filter.Plain(a) == filter.Plain(b) })
	return f, terms
}
