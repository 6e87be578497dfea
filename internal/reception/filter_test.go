package reception

import (
	"slices"
	"testing"
)

func TestTheFirstRuleThatDecidesDecides(t *testing.T) {
	tag, allow := Filter{Name: "tag", Action: FilterTag, Tag: "x"}, Filter{Name: "allow", Action: FilterAllow}
	keep, refuse := Filter{Name: "keep", Action: FilterQuarantine}, Filter{Name: "refuse", Action: FilterReject}
	elsewhere := Filter{Name: "elsewhere", Action: FilterReject, Inboxes: []string{"mail"}}
	groups := Filter{Name: "groups", Action: FilterReject, Kinds: []string{"group"}}
	for _, c := range []struct {
		name    string
		rules   []Filter
		matched []string
		verdict Verdict
		cell    Cell
		rule    string
		tags    []string
	}{
		{"nothing matches", []Filter{keep}, nil, Routed, passed, "", nil},
		{"one keeps it back", []Filter{keep, refuse}, []string{"refuse", "keep"}, Quarantined, blocks(CodeFilterQuarantined), "keep", nil},
		{"one refuses it", []Filter{refuse, keep}, []string{"keep", "refuse"}, Rejected, blocks(CodeFilterRejected), "refuse", nil},
		{"one lets it through before", []Filter{allow, refuse}, []string{"allow", "refuse"}, Routed, passedWith(CodeFilterAllowed), "allow", nil},
		{"tags, and then one keeps it back", []Filter{tag, keep}, []string{"keep", "tag"}, Quarantined, blocks(CodeFilterQuarantined), "keep", []string{"x"}},
		{"tags only", []Filter{tag}, []string{"tag"}, Routed, passedWith(CodeFilterTagged), "", []string{"x"}},
		{"of another inbox", []Filter{elsewhere}, []string{"elsewhere"}, Routed, passed, "", nil},
		{"of another kind", []Filter{groups}, []string{"groups"}, Routed, passed, "", nil},
		{"of a rule that is gone", nil, []string{"keep"}, Routed, passed, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			company := newCompany()
			company.p.Filters = c.rules
			m := ownedBy("b")
			m.Matched = c.matched
			d := Decide(company.p, company.w, m, noon)
			if d.Verdict != c.verdict || d.Message[FilterGate] != c.cell || d.Rule != c.rule || !slices.Equal(d.Tags, c.tags) {
				t.Errorf("%v %v by %q with %q", d.Verdict, d.Message[FilterGate], d.Rule, d.Tags)
			}
		})
	}
}

func TestAMessageThatIsKeptBackMovesNothing(t *testing.T) {
	c := newCompany()
	c.p.Filters = []Filter{{Name: "keep", Action: FilterQuarantine}}
	c.agent("b").Session = Session{State: SessionEnded}
	m := ownedBy("b")
	m.Matched = []string{"keep"}
	d := Decide(c.p, c.w, m, noon)
	if d.Released != "" || len(d.Chosen) != 0 || d.Deliverable() {
		t.Errorf("released %q, chosen %v", d.Released, d.Chosen)
	}
	if got, want := d.Summary("en", nil), "kept back by a filter rule (keep); 2/3 agents could receive"; got != want {
		t.Errorf("%q", got)
	}
	m.Released = true
	if d = Decide(c.p, c.w, m, noon); d.Verdict != Routed || d.Message[FilterGate] != passedWith(CodeFilterReleased) || d.Released != "b" {
		t.Errorf("released from quarantine: %v %v", d.Verdict, d.Message[FilterGate])
	}
}

func TestWhatNamesItsReceiversIsNotFiltered(t *testing.T) {
	c := newCompany()
	c.p.Filters = []Filter{{Name: "all", Action: FilterReject}}
	for _, m := range []Message{
		{Inbox: "web", Kind: "internal", Directed: []string{"a"}, Matched: []string{"all"}},
		{Kind: "system", Directed: []string{"a"}, Notice: true, Matched: []string{"all"}},
	} {
		if d := Decide(c.p, c.w, m, noon); d.Verdict != Directed || len(d.Chosen) != 1 || d.Message[FilterGate] != notApplicable {
			t.Errorf("%s: %v %v %v", m.Kind, d.Verdict, d.Chosen, d.Message[FilterGate])
		}
	}
}

func TestFilterActionsAreParsedBack(t *testing.T) {
	for a := FilterAllow; a <= FilterReject; a++ {
		if got, ok := ParseFilterAction(a.String()); !ok || got != a {
			t.Errorf("%v is parsed as %v", a, got)
		}
	}
	if _, ok := ParseFilterAction("invalid"); ok {
		t.Error("invalid is parsed")
	}
}
