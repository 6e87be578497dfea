package faults

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// denied is a cause as an injection knows it, and rightly the same as a right report names it.
var denied = Root{Gate: "permission.kind", Code: "permission.kind.account_denied", Document: "account/a", Field: "/spec/deny", Revision: 7, By: "boss"}

func rightly() Named {
	return Named{
		Gate: "permission.kind", Code: "permission.kind.account_denied", Outcome: "block", Revision: 7, By: "boss",
		Places: []string{"account/a /spec/deny/0", "role/r /spec/permissions"},
	}
}

func faulty(roots ...Named) Run {
	return Run{Class: "x", Kind: Fault, Truth: []Root{denied}, Measured: true, Answer: Answer{Verdict: "blocked", Roots: roots}}
}

func TestARightReportScores(t *testing.T) {
	r := faulty(rightly())
	r.Facts, r.Fixes, r.Restored, r.ToCause = 3, true, true, time.Second
	s := Score([]Run{r})
	for what, got := range map[string]*float64{"AC@1": s.AC1, "AC@3": s.AC3, "exact": s.ExactSet, "grounded": s.Grounded, "restored": s.FixRestores} {
		if got == nil || *got != 1 {
			t.Errorf("%s is %v", what, got)
		}
	}
	if s.Cases != 1 || s.ToCauseMedian != "1s" || *s.WrongAccusations != 0 || !r.right() {
		t.Errorf("%+v", s)
	}
}

func TestWhateverIsWrongInAReportCosts(t *testing.T) {
	for what, change := range map[string]func(*Named){
		"the gate":     func(n *Named) { n.Gate = "role.receive" },
		"the code":     func(n *Named) { n.Code = "permission.kind.not_granted" },
		"the revision": func(n *Named) { n.Revision = 6 },
		"the author":   func(n *Named) { n.By = "colleague" },
		"the document": func(n *Named) { n.Places = []string{"account/b /spec/deny/0"} },
		"the field":    func(n *Named) { n.Places = []string{"account/a /spec/allow/0"} },
		"no place":     func(n *Named) { n.Places = nil },
	} {
		wrong := rightly()
		change(&wrong)
		r := faulty(wrong)
		s := Score([]Run{r})
		if *s.AC1 != 0 || *s.ExactSet != 0 || *s.WrongAccusations != 1 || r.right() {
			t.Errorf("%s is wrong, and it scores: %+v", what, s)
		}
		if missed := Missed(s, map[string]Scores{"x": s}); len(missed) < 3 {
			t.Errorf("%s is wrong, and no goal is missed: %v", what, missed)
		}
	}
}

func TestTheOrderOfCausesCounts(t *testing.T) {
	wrong := rightly()
	wrong.Code = "permission.kind.removed_from_role"
	s := Score([]Run{faulty(wrong, rightly())})
	if *s.AC1 != 0 || *s.AC3 != 1 || *s.ExactSet != 0 {
		t.Errorf("the second one is right: %+v", s)
	}
	s = Score([]Run{faulty(rightly(), wrong)})
	if *s.AC1 != 1 || *s.ExactSet != 0 || *s.WrongAccusations != 1 {
		t.Errorf("one too many: %+v", s)
	}
	two := faulty(rightly())
	two.Truth = append(two.Truth, Root{Gate: "presence", Code: "presence.away", By: "a"})
	if s = Score([]Run{two}); *s.AC1 != 1 || *s.ExactSet != 0 || *s.WrongAccusations != 0 {
		t.Errorf("one too few: %+v", s)
	}
	if s = Score([]Run{faulty()}); *s.AC1 != 0 || *s.AC3 != 0 || *s.ExactSet != 0 {
		t.Errorf("nothing is named: %+v", s)
	}
}

func TestHealthyRunsAccuseNobody(t *testing.T) {
	well := Run{Kind: Healthy, Measured: true, Answer: Answer{Verdict: "receiving"}}
	accused, purpose := well, well
	accused.Answer.Roots = []Named{rightly()}
	expected := rightly()
	expected.Expected = true
	purpose.Answer.Roots = []Named{expected}
	s := Score([]Run{well, accused, purpose})
	if s.Accusations != 1 || s.HealthyOrHarmless != 3 || s.AC1 != nil || accused.right() || !well.right() {
		t.Errorf("%+v", s)
	}
}

func TestWhoCannotKnowSaysSo(t *testing.T) {
	blind := func(verdict, next string, roots ...Named) Run {
		return Run{Kind: Blind, Measured: true, Answer: Answer{Verdict: verdict, Next: next, Roots: roots}}
	}
	for _, x := range []struct {
		run    Run
		honest bool
	}{
		{blind("unknown", "look there"), true},
		{blind("unknown", ""), false},
		{blind("receiving", "look there"), false},
		{blind("unknown", "look there", rightly()), false},
		{blind("unknown", "look there", Named{Gate: "connection", Outcome: "unknown"}), true},
	} {
		if x.run.honest() != x.honest {
			t.Errorf("%+v is honest: %t", x.run.Answer, !x.honest)
		}
	}
}

func TestWhatWasNotMeasuredDoesNotCount(t *testing.T) {
	r := faulty()
	r.Measured = false
	s := Score([]Run{r})
	if s.Cases != 0 || s.NotMeasured != 1 || s.AC1 != nil {
		t.Errorf("%+v", s)
	}
	if missed := Missed(s, map[string]Scores{"x": s}); len(missed) != 1 || !strings.Contains(missed[0], "never measured") {
		t.Errorf("a class that never counted: %v", missed)
	}
}

func TestFactsAndFixesThatFailCost(t *testing.T) {
	r := faulty(rightly())
	r.Facts, r.Wrong, r.Fixes = 4, []string{"one"}, true
	s := Score([]Run{r})
	if *s.Grounded != 0.75 || *s.FixRestores != 0 || r.right() {
		t.Errorf("%+v", s)
	}
}

func TestTheBaselinesKnowLess(t *testing.T) {
	r := faulty(rightly())
	r.Answer.LastRevision, r.Answer.LastDocument = 7, "account/a"
	r.Answer.First = Root{Gate: "presence", Code: "presence.away"}
	if s := Score([]Run{r}); *s.MostRecentChange != 1 || *s.FirstGate != 0 {
		t.Errorf("%+v", s)
	}
}

func TestABoundIsWilsons(t *testing.T) {
	for _, x := range []struct {
		part, whole int
		low, high   float64
	}{{73, 73, 0.949, 0.951}, {20, 20, 0.83, 0.85}, {9, 10, 0.59, 0.61}} {
		if low := lower95(x.part, x.whole); low < x.low || low > x.high {
			t.Errorf("%d of %d: %f", x.part, x.whole, low)
		}
	}
}

func TestConsequencesAndWhatPassesAreNoRoots(t *testing.T) {
	follows := "account.state.frozen"
	r := Report{Verdict: "blocked", Findings: []Finding{
		{Code: "account.state.frozen", Gate: "account.state", Outcome: "block"},
		{Code: "connection.none", Gate: "connection", Outcome: "block", ConsequenceOf: &follows},
		{Code: "recovery.gap", Gate: "recovery", Outcome: "pass"},
	}}
	r.Findings[0].Evidence = []Evidence{{Fact: "account/a /spec/state", Value: "frozen"}, {Fact: "revision/4", Value: "changed account/a, team/t"}, {Fact: "presence", Value: "away"}}
	a := r.answer()
	if len(a.Roots) != 1 || !slices.Equal(a.Roots[0].Places, []string{"account/a /spec/state", "account/a ", "team/t "}) {
		t.Errorf("%+v", a.Roots)
	}
}

func TestASeedGivesTheSameCases(t *testing.T) {
	for _, class := range classes() {
		a, b := newCase(class, 5, 1), newCase(class, 5, 1)
		if len(a.started()) != len(b.started()) || a.byTeam != b.byTeam {
			t.Errorf("%s differs", class.Name)
		}
	}
	for seed := range uint64(50) {
		if a, b := mask(seed), mask(seed); a.Name != b.Name || a.Team != b.Team {
			t.Errorf("seed %d differs", seed)
		}
	}
}

func TestThereAreEnoughClasses(t *testing.T) {
	faults, names := 0, map[string]bool{}
	for _, class := range classes() {
		if names[class.Name] {
			t.Errorf("there are two classes %s", class.Name)
		}
		names[class.Name] = true
		faults += one(class.kind() == Fault)
	}
	if faults < 50 {
		t.Errorf("there are only %d classes of faults", faults)
	}
}
