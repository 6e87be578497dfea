package faults

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Report is what the API answers, as somebody outside reads it.
type Report struct {
	Verdict  string `json:"verdict"`
	Position int64  `json:"position"`
	Revision int64  `json:"revision"`
	Headline struct {
		EN string `json:"en"`
	} `json:"headline"`
	Findings []Finding `json:"findings"`
	Checks   []struct {
		Part    int        `json:"part"`
		Gate    string     `json:"gate"`
		Outcome string     `json:"outcome"`
		Code    string     `json:"code"`
		Until   *time.Time `json:"until"`
	} `json:"checks"`
	Next string `json:"next"`
}

// Finding is one cause.
type Finding struct {
	Code          string     `json:"code"`
	Gate          string     `json:"gate"`
	Outcome       string     `json:"outcome"`
	Primary       bool       `json:"primary"`
	Expected      bool       `json:"expected"`
	ConsequenceOf *string    `json:"consequence_of"`
	Since         *time.Time `json:"since"`
	ChangedBy     *struct {
		Account  string `json:"account"`
		Revision int64  `json:"revision"`
	} `json:"changed_by"`
	Evidence []Evidence `json:"evidence"`
	Fix      *Fix       `json:"fix"`
}

// Evidence is one cited fact.
type Evidence struct {
	Fact, Value, Source string
	At                  *time.Time
}

// Fix is what a report proposes.
type Fix struct {
	By    string `json:"by"`
	Edits []struct {
		Kind   string          `json:"kind"`
		Name   string          `json:"name"`
		Spec   json.RawMessage `json:"spec"`
		Fields []struct {
			Path string `json:"path"`
		} `json:"fields"`
	} `json:"edits"`
	Actions  []Action `json:"actions"`
	Verified bool     `json:"verified"`
}

// Action is something a person does.
type Action struct {
	Action string `json:"action"`
}

// stops says whether an outcome keeps messages away.
func stops(outcome string) bool {
	return outcome == "block" || outcome == "wait" || outcome == "unknown"
}

// root says whether a finding is a cause: it stops something and follows from nothing.
func (f *Finding) root() bool { return stops(f.Outcome) && f.ConsequenceOf == nil }

// answer takes out of a report what is scored.
func (r *Report) answer() Answer {
	a := Answer{Verdict: r.Verdict, Next: r.Next}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.root() {
			a.Roots = append(a.Roots, f.named())
		}
	}
	for _, c := range r.Checks {
		if stops(c.Outcome) {
			a.First = Root{Gate: c.Gate, Code: c.Code}
			break
		}
	}
	return a
}

func (f *Finding) named() Named {
	n := Named{Gate: f.Gate, Code: f.Code, Outcome: f.Outcome, Expected: f.Expected}
	if f.ChangedBy != nil {
		n.Revision, n.By = f.ChangedBy.Revision, f.ChangedBy.Account
	}
	for _, e := range f.Evidence {
		if documentFact.MatchString(e.Fact) {
			n.Places = append(n.Places, e.Fact)
		}
		if revisionFact.MatchString(e.Fact) {
			for name := range strings.SplitSeq(strings.TrimPrefix(e.Value, "changed "), ", ") {
				n.Places = append(n.Places, name+" ")
			}
		}
	}
	if f.Fix != nil {
		for _, e := range f.Fix.Edits {
			n.Places = append(n.Places, e.Kind+"/"+e.Name+" ")
			for _, field := range e.Fields {
				n.Places = append(n.Places, e.Kind+"/"+e.Name+" "+field.Path)
			}
		}
	}
	return n
}

var (
	documentFact = regexp.MustCompile(`^(account|role|template|team|inbox|schedule|calendar|switch|filter|maintenance|client|autoreply)/(\S+) (.*)$`)
	revisionFact = regexp.MustCompile(`^revision/(\d+)$`)
)

// percent writes a share for a person.
func percent(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(100*x, 'f', 2, 64), "0"), ".") + " %"
}

// String says who is named, for a person who looks at a miss.
func (n Named) String() string {
	return fmt.Sprintf("%s %s (revision %d by %q, expected %t) at %s", n.Outcome, n.Code, n.Revision, n.By, n.Expected, strings.Join(n.Places, "; "))
}

// fixes writes what a report proposes.
func (r *Report) fixes() string {
	var list []string
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.root() || f.Fix == nil {
			continue
		}
		for _, e := range f.Fix.Edits {
			list = append(list, fmt.Sprintf("%s/%s %s", e.Kind, e.Name, e.Spec))
		}
		for _, a := range f.Fix.Actions {
			list = append(list, a.Action)
		}
	}
	return strings.Join(list, "; ")
}
