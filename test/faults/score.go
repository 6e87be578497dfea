package faults

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Root is one injected cause, as the injection knows it.
type Root struct {
	Gate string `json:"gate"`
	Code string `json:"code"`
	// Document and Field are where it stands, as kind/name and the beginning of a JSON pointer; "" for what is no setting.
	Document string `json:"document,omitempty"`
	Field    string `json:"field,omitempty"`
	// Revision is the one that the API answered the injection with; 0 for what is no change of settings.
	Revision int64 `json:"revision,omitempty"`
	// By is who did it; "" where nobody did, or it does not matter.
	By string `json:"by,omitempty"`
}

// Answer is what a scorer reads of a report.
type Answer struct {
	Verdict string
	Next    string
	// Roots are the findings that stop something and follow from no other, as the report orders them.
	Roots []Named
	// First is the first check that stops, in the order of gates: a baseline.
	First Root
	// Revision is the last one that touched any document of the case, and Document which: another baseline.
	LastRevision int64
	LastDocument string
}

// Named is a cause that a report names.
type Named struct {
	Gate, Code, Outcome string
	Expected            bool
	Revision            int64
	By                  string
	// Places are the documents and fields that its evidence and its fix name, as "kind/name /pointer".
	Places []string
}

// matches says whether a report names this root: the gate, the code, where it stands and who or what made it so.
func (r Root) matches(n Named) bool {
	return n.Gate == r.Gate && n.Code == r.Code && n.Revision == r.Revision && (r.By == "" || n.By == r.By) && r.placed(n.Places)
}

// placed says whether the document is named, and its field.
func (r Root) placed(places []string) bool {
	if r.Document == "" {
		return true
	}
	return slices.ContainsFunc(places, func(place string) bool {
		document, field, _ := strings.Cut(place, " ")
		return document == r.Document && (strings.HasPrefix(field, r.Field) || r.Field == "")
	})
}

// Kind is what a run was about.
type Kind string

// The kinds of runs.
const (
	Fault   Kind = "fault"   // one cause
	Masked  Kind = "masked"  // two or three causes at once
	Healthy Kind = "healthy" // nothing is wrong, perhaps after a change that does no harm
	Blind   Kind = "blind"   // a source of evidence is missing, without which nobody can tell
)

// Run is one case with what came of it.
type Run struct {
	Class string `json:"class"`
	Kind  Kind   `json:"kind"`
	Seed  uint64 `json:"seed"`
	Truth []Root `json:"truth,omitempty"`
	// Answer is what the report said.
	Answer Answer `json:"answer"`
	// Measured says that the symptom was seen at the client. Other runs do not count.
	Measured bool `json:"measured"`
	// Facts and Wrong count the cited facts, and list those that did not check out.
	Facts int      `json:"facts"`
	Wrong []string `json:"wrong,omitempty"`
	// Fixes says whether the report's fixes could be carried out, Restored whether a message then arrived at the client.
	Fixes    bool `json:"fixes,omitempty"`
	Restored bool `json:"restored,omitempty"`
	// ToCause is from the end of the injection to the first report that names the cause; 0 if none did.
	ToCause  time.Duration `json:"to_cause,omitempty"`
	took     time.Duration
	class    *Class
	proposed string // the fixes, for a person who looks at one that does not restore
	// Note is for a person.
	Note string `json:"note,omitempty"`
}

// hit says whether one of the first k roots of the report is true, and no earlier one is not, up to as many as there are.
func (r *Run) hit(k int) bool {
	for i, n := range r.Answer.Roots {
		if i == k {
			break
		}
		if r.explains(n) {
			return true
		}
	}
	return false
}

func (r *Run) explains(n Named) bool {
	return slices.ContainsFunc(r.Truth, func(root Root) bool { return root.matches(n) })
}

// exact says whether the report names every root and nothing else.
func (r *Run) exact() bool {
	for _, root := range r.Truth {
		if !slices.ContainsFunc(r.Answer.Roots, root.matches) {
			return false
		}
	}
	return !slices.ContainsFunc(r.Answer.Roots, func(n Named) bool { return !r.explains(n) })
}

// accuses says whether something is named as the cause, and as a fault, that was not injected.
func (r *Run) accuses() bool {
	return slices.ContainsFunc(r.Answer.Roots, func(n Named) bool { return !n.Expected && n.Outcome != "unknown" && !r.explains(n) })
}

// honest says whether a report that cannot know says so, what to look at, and accuses nobody.
func (r *Run) honest() bool {
	return r.Answer.Verdict == "unknown" && r.Answer.Next != "" && !r.accuses()
}

// right says whether a run is as it should be in every respect.
func (r *Run) right() bool {
	switch r.Kind {
	case Healthy:
		return !r.accuses() && len(r.Wrong) == 0
	case Blind:
		return r.honest() && len(r.Wrong) == 0
	}
	return r.hit(1) && r.exact() && len(r.Wrong) == 0 && (!r.Fixes || r.Restored)
}

// Scores are shares from 0 to 1 over the runs of a class or of all; those about nothing are left out.
type Scores struct {
	Cases             int      `json:"cases"`
	AC1               *float64 `json:"ac1,omitempty"`
	AC3               *float64 `json:"ac3,omitempty"`
	ExactSet          *float64 `json:"exact_set,omitempty"`
	FalseAccusations  *float64 `json:"false_accusations,omitempty"`
	HonestUnknown     *float64 `json:"honest_unknown,omitempty"`
	Grounded          *float64 `json:"grounded,omitempty"`
	FixRestores       *float64 `json:"fix_restores,omitempty"`
	ToCauseMedian     string   `json:"time_to_cause_median,omitempty"`
	ToCauseP95        string   `json:"time_to_cause_p95,omitempty"`
	MostRecentChange  *float64 `json:"baseline_most_recent_change,omitempty"`
	FirstGate         *float64 `json:"baseline_first_gate,omitempty"`
	WrongAccusations  *float64 `json:"wrong_accusations_beside_faults,omitempty"`
	Lower95           *float64 `json:"ac1_lower_95,omitempty"` // Wilson's bound
	NotMeasured       int      `json:"not_measured,omitempty"`
	FixesTried        int      `json:"fixes_tried,omitempty"`
	FactsChecked      int      `json:"facts_checked,omitempty"`
	Accusations       int      `json:"accusations,omitempty"`
	HealthyOrHarmless int      `json:"healthy_or_harmless,omitempty"`
}

// share is a part of a whole; nil of nothing.
func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	x := float64(part) / float64(whole)
	return &x
}

// Score counts runs. Those whose symptom was not measured are counted as such, and no more.
func Score(runs []Run) Scores {
	var s Scores
	var faults, hit1, hit3, exact, beside, recent, first, blind, honest, restored, wrong int
	var times []time.Duration
	for i := range runs {
		r := &runs[i]
		if !r.Measured {
			s.NotMeasured++
			continue
		}
		s.Cases++
		s.FactsChecked += r.Facts
		wrong += len(r.Wrong)
		switch r.Kind {
		case Healthy:
			s.HealthyOrHarmless++
			s.Accusations += one(r.accuses())
			continue
		case Blind:
			blind++
			honest += one(r.honest())
			continue
		}
		faults++
		hit1 += one(r.hit(1))
		hit3 += one(r.hit(3))
		exact += one(r.exact())
		beside += one(r.accuses())
		recent += one(r.recent())
		first += one(r.first())
		if r.Fixes {
			s.FixesTried++
			restored += one(r.Restored)
		}
		if r.ToCause > 0 {
			times = append(times, r.ToCause)
		}
	}
	s.AC1, s.AC3, s.ExactSet, s.WrongAccusations = share(hit1, faults), share(hit3, faults), share(exact, faults), share(beside, faults)
	s.MostRecentChange, s.FirstGate = share(recent, faults), share(first, faults)
	s.FalseAccusations, s.HonestUnknown = share(s.Accusations, s.HealthyOrHarmless), share(honest, blind)
	s.Grounded, s.FixRestores = share(s.FactsChecked-wrong, s.FactsChecked), share(restored, s.FixesTried)
	if faults > 0 {
		low := lower95(hit1, faults)
		s.Lower95 = &low
	}
	if len(times) > 0 {
		slices.Sort(times)
		s.ToCauseMedian = times[len(times)/2].Round(time.Millisecond).String()
		s.ToCauseP95 = times[len(times)*95/100].Round(time.Millisecond).String()
	}
	return s
}

// recent says whether whoever blames the last change of a document of the case is right. Where there was no fault in settings it cannot be.
func (r *Run) recent() bool {
	return slices.ContainsFunc(r.Truth, func(root Root) bool {
		return root.Revision != 0 && root.Revision == r.Answer.LastRevision && root.Document == r.Answer.LastDocument
	})
}

// first says whether whoever blames the first gate that does not pass names gate and code of a root; of document and author that baseline knows nothing.
func (r *Run) first() bool {
	return slices.ContainsFunc(r.Truth, func(root Root) bool { return root.Gate == r.Answer.First.Gate && root.Code == r.Answer.First.Code })
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lower95 is the lower end of Wilson's interval for a share.
func lower95(part, whole int) float64 {
	const z = 1.96
	n, p := float64(whole), float64(part)/float64(whole)
	return (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

// Goals are what a bench must reach.
var Goals = struct{ AC1, ClassAC1, ExactSet, FalseAccusations, HonestUnknown, Grounded float64 }{0.98, 0.90, 0.90, 0.002, 0.95, 0.99}

// Missed lists the goals that are not reached, in words.
func Missed(overall Scores, classes map[string]Scores) []string {
	var list []string
	least := func(what string, got *float64, goal float64) {
		if got != nil && *got < goal {
			list = append(list, what+" is "+percent(*got)+", less than "+percent(goal))
		}
	}
	least("AC@1", overall.AC1, Goals.AC1)
	least("the exact set of roots", overall.ExactSet, Goals.ExactSet)
	least("honest unknown", overall.HonestUnknown, Goals.HonestUnknown)
	least("grounded", overall.Grounded, Goals.Grounded)
	if x := overall.FalseAccusations; x != nil && *x > Goals.FalseAccusations {
		list = append(list, "false accusations are "+percent(*x)+", more than "+percent(Goals.FalseAccusations))
	}
	var names []string
	for name := range classes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		least("AC@1 of "+name, classes[name].AC1, Goals.ClassAC1)
		if classes[name].Cases == 0 {
			list = append(list, "no case of "+name+" counts: its symptom was never measured")
		}
	}
	return list
}
