package policy

import (
	"slices"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/reception"
)

// shadowed finds the filter rules that are on and never take effect, because one before them decides about everything that they match: about the same
// inboxes and kinds or more, and with whatever it takes to match (see filter.Cover). By name, with the first such rule.
func shadowed(s *Set) map[string]string {
	found := map[string]string{}
	type earlier struct {
		name string
		spec FilterSpec
		*filter.Cover
	}
	var before []earlier // rules that are on and decide
	for _, name := range s.FilterNames() {
		rule, _ := s.Filter(name)
		if !rule.On() {
			continue
		}
		content := rule.Content(name)
		i := slices.IndexFunc(before, func(e earlier) bool {
			return wider(e.spec.Inboxes, rule.Inboxes) && wider(e.spec.Kinds, rule.Kinds) && e.Covers(content)
		})
		switch {
		case i >= 0:
			found[name] = before[i].name
		case rule.decides():
			before = append(before, earlier{name, rule, filter.NewCover(content)})
		}
	}
	return found
}

// decides says whether the rules after it are not looked at where it matches.
func (f FilterSpec) decides() bool { return f.Action != reception.FilterTag.String() }

// wider says whether one list of inboxes or kinds, where none is all, has everything that another one has.
func wider(one, other []string) bool {
	if len(one) == 0 || len(other) == 0 {
		return len(one) == 0
	}
	return !slices.ContainsFunc(other, func(x string) bool { return !slices.Contains(one, x) })
}

// produces says whether one of some inboxes, all if none is named, has one of some kinds.
func (s *Set) produces(inboxes, kinds []string) bool {
	if len(inboxes) == 0 {
		inboxes = s.names(KindInbox)
	}
	return slices.ContainsFunc(inboxes, func(name string) bool {
		in, _ := s.Inbox(name)
		return slices.ContainsFunc(in.Kinds, func(k string) bool { return slices.Contains(kinds, k) })
	})
}
