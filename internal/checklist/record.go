package checklist

import (
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/reception"
)

// Record is what the records of Bida answer to a question.
type Record struct {
	Value Value          `json:"value"`
	Text  diagnosis.Text `json:"text"`
	// Code is the reason code behind a "no" or a "don't know"; "" behind a "yes".
	Code string `json:"code,omitempty"`
	// Source is where it is read from, At since when it is so, or else as of when.
	Source string             `json:"source"`
	At     *diagnosis.Instant `json:"at"`
}

// Records reads the answers off a diagnosis of Bida itself. What it does not look at is not answered.
func Records(r *diagnosis.Report) map[string]Record {
	records := map[string]Record{}
	for _, q := range Questions() {
		check := worst(r, q.Gate)
		if check == nil {
			continue
		}
		value := readValue(q.ID, check)
		if value == "" {
			continue
		}
		records[q.ID] = record(r, &q, check, value)
	}
	return records
}

// outcomesByWeight are the outcomes of a check from what a person has to know first.
var outcomesByWeight = []string{"block", "wait", "unknown", "pass"}

// worst is the outcome of a gate over all cells that counts; nil if it applies to none.
func worst(r *diagnosis.Report, gate string) *diagnosis.Check {
	var found *diagnosis.Check
	for i := range r.Checks {
		c := &r.Checks[i]
		at := slices.Index(outcomesByWeight, c.Outcome)
		if c.Gate == gate && at >= 0 && (found == nil || at < slices.Index(outcomesByWeight, found.Outcome)) {
			found = c
		}
	}
	return found
}

// readValue is what the outcome of a gate answers to one of its questions; "" where it does not.
func readValue(question string, c *diagnosis.Check) Value {
	switch {
	case c.Outcome == "unknown":
		return DontKnow
	case question == "alerts_on":
		return "" // what a client shows and sounds is not in the records
	case question == "list_shows_all" && c.Code == reception.CodeViewNotSeen.String():
		return DontKnow // it may lie behind a filter as well as in a window that nobody looks at
	case c.Outcome == "pass":
		return Yes
	}
	code := c.Code
	switch question {
	case "network_ok":
		return DontKnow // that there is no connection does not tell why
	case "session_kept":
		return yesUnless(code == reception.CodeAccountLoginEnded.String() || code == reception.CodeAccountLoginTokenRevoked.String() ||
			code == reception.CodeAccountLoginAccountClosed.String())
	case "on_duty":
		return yesUnless(code == reception.CodePresenceAway.String() || code == reception.CodePresenceDnd.String())
	case "status_online":
		return yesUnless(code == reception.CodePresenceOffline.String() || code == reception.CodePresenceNeverSet.String())
	case "pushed":
		return yesUnless(code != reception.CodePushUnacknowledged.String())
	}
	return No
}

func yesUnless(no bool) Value {
	if no {
		return No
	}
	return Yes
}

// record puts an answer of the records in words: what is so, in which cells, since when and by whom.
func record(r *diagnosis.Report, q *Question, c *diagnosis.Check, value Value) Record {
	at := r.At
	out := Record{Value: value, Source: "diagnosis", At: &at}
	if value == Yes {
		out.Text = diagnosis.Text{ZH: strings.TrimSuffix(q.Yes.ZH, "。"), EN: lowerFirst(strings.TrimSuffix(q.Yes.EN, "."))}
		return out
	}
	code, _ := reception.ParseCode(c.Code)
	reason := reception.Lookup(code)
	out.Code, out.Text = c.Code, diagnosis.Text{ZH: reason.Title.ZH, EN: lowerFirst(reason.Title.EN)}
	f := findingOf(r, c)
	if f == nil {
		return out
	}
	if f.ChangedBy != nil {
		if by := f.ChangedBy.Title; by != "" {
			out.Text.ZH, out.Text.EN = out.Text.ZH+"（"+by+"）", out.Text.EN+" ("+by+")"
		}
	}
	if f.Since != nil {
		out.At = f.Since
		since := time.Time(*f.Since)
		out.Text.ZH, out.Text.EN = out.Text.ZH+"，自 "+since.Format("2006-01-02 15:04"), out.Text.EN+", since "+since.Format("2006-01-02 15:04")
	}
	return out
}

// findingOf is the finding that a check shows.
func findingOf(r *diagnosis.Report, c *diagnosis.Check) *diagnosis.Finding {
	if i := slices.IndexFunc(r.Findings, func(f diagnosis.Finding) bool { return f.Gate == c.Gate && f.Code == c.Code }); i >= 0 {
		return &r.Findings[i]
	}
	return nil
}

// lowerFirst makes a title part of a sentence.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] < 'A' || s[1] > 'Z') {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}
