package reception

import "slices"

// FilterAction is what a filter rule does with a message that it matches.
type FilterAction uint8

// The actions of a filter rule. The zero value is invalid and does nothing.
const (
	FilterAllow      FilterAction = iota + 1 // lets it through: no later rule is looked at
	FilterTag                                // marks it, and later rules are looked at
	FilterQuarantine                         // keeps it back until somebody releases it
	FilterReject                             // refuses it
)

var filterActionNames = [...]string{"invalid", "allow", "tag", "quarantine", "reject"}

// String returns the action's name as documents write it.
func (a FilterAction) String() string {
	if int(a) < len(filterActionNames) {
		return filterActionNames[a]
	}
	return "invalid"
}

// ParseFilterAction finds an action by its name.
func ParseFilterAction(name string) (FilterAction, bool) {
	for i, n := range filterActionNames {
		if n == name && i != 0 {
			return FilterAction(i), true
		}
	}
	return 0, false
}

// Filter is a filter rule as the gates see it. What it matches is not their business: a message comes with the names of the rules whose content part matches.
type Filter struct {
	Name    string
	Inboxes []string // nil: all
	Kinds   []string // nil: all that customers send
	Action  FilterAction
	Tag     string
}

// Concerns says whether the rule is about messages of a kind in an inbox.
func (f *Filter) Concerns(inbox, kind string) bool {
	return OwnsConversations(kind) && (len(f.Inboxes) == 0 || slices.Contains(f.Inboxes, inbox)) && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind))
}

// Filtering is what the rules make of a message.
type Filtering struct {
	Action  FilterAction // of Rule; FilterTag if only tags took effect, 0 if nothing did
	Rule    string       // the rule that decided; "" if none did
	Tags    []string     // in the order of the rules, each once
	Applied []string     // the rules that took effect, in order
}

// ApplyFilters goes over the rules in their order, as far as they matched and concern the message, up to the first that decides.
func ApplyFilters(p *Policy, inbox, kind string, matched []string) (f Filtering) {
	if len(matched) == 0 {
		return f
	}
	for i := range p.Filters {
		rule := &p.Filters[i]
		if !rule.Concerns(inbox, kind) || !slices.Contains(matched, rule.Name) {
			continue
		}
		f.Applied = append(f.Applied, rule.Name)
		f.Action = rule.Action
		if rule.Action != FilterTag {
			f.Rule = rule.Name
			return f
		}
		if !slices.Contains(f.Tags, rule.Tag) {
			f.Tags = append(f.Tags, rule.Tag)
		}
	}
	return f
}

// filterCell is gate filter of a message that is routed. What names its receivers is written in the house and not filtered.
func (e *evaluator) filterCell(m *Message) Cell {
	if m.Released {
		return passedWith(CodeFilterReleased)
	}
	switch e.filtering = ApplyFilters(e.policy, e.name, m.Kind, m.Matched); e.filtering.Action {
	case FilterAllow:
		return passedWith(CodeFilterAllowed)
	case FilterTag:
		return passedWith(CodeFilterTagged)
	case FilterQuarantine:
		return block(CodeFilterQuarantined)
	case FilterReject:
		return block(CodeFilterRejected)
	}
	return passed
}

// intercept decides for a message that a filter rule keeps back or refuses: nobody is chosen, and no owner loses its conversation for it.
func (e *evaluator) intercept(d *Decision) {
	d.Released, d.ReleasedFor = "", 0
	d.Verdict, d.Code = Quarantined, CodeFilterQuarantined
	if e.filtering.Action == FilterReject {
		d.Verdict, d.Code = Rejected, CodeFilterRejected
	}
}
