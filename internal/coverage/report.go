package coverage

import (
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Query is what is asked for: the time [From, To), in all cells or in those of an inbox, a kind.
type Query struct {
	From, To time.Time
	Inbox    string
	Kind     string
	// Problems leaves out all spans but those with nobody or only one.
	Problems bool
	// Zone is in which times are written, Lang in which language words are: "zh" or "en".
	Zone *time.Location
	Lang string
}

// Overview is the coverage of a time.
type Overview struct {
	Revision int64         `json:"revision"`
	From     Instant       `json:"from"`
	To       Instant       `json:"to"`
	Cells    []CoveredCell `json:"cells"`
	Warnings []Doubt       `json:"warnings"`
}

// CoveredCell is the coverage of one kind in one inbox. Minutes are whole ones, rounded down.
type CoveredCell struct {
	Inbox         string    `json:"inbox"`
	InboxTitle    string    `json:"inbox_title,omitempty"`
	Kind          string    `json:"kind"`
	KindTitle     string    `json:"kind_title"`
	OpenMinutes   int       `json:"open_minutes"`
	GapMinutes    int       `json:"gap_minutes"`
	SingleMinutes int       `json:"single_minutes"`
	Gaps          int       `json:"gaps" doc:"how many spans have nobody"`
	Singles       int       `json:"singles" doc:"how many hang on one agent"`
	Spans         []Stretch `json:"spans"`
}

// The states of a span.
const (
	Closed  = "closed"  // the inbox is closed
	Gap     = "gap"     // it is open, and nobody can receive
	Single  = "single"  // one agent can
	Covered = "covered" // several can
)

// Stretch is a time in which the same agents can receive. Agents are the first of them, in order of name; Count says how many there are.
type Stretch struct {
	From   Instant  `json:"from"`
	To     Instant  `json:"to"`
	State  string   `json:"state" enum:"closed,gap,single,covered" doc:"closed: the inbox is closed. gap: it is open and nobody can receive. single: one agent can. covered: several can"`
	Count  int      `json:"count"`
	Agents []string `json:"agents" doc:"the first 20 of them, in order of name"`
}

// Doubt is a year that is not certain: the calendar of a schedule does not have it.
type Doubt struct {
	Schedule string `json:"schedule"`
	Calendar string `json:"calendar"`
	Year     int    `json:"year"`
	Text     string `json:"text"`
}

// Bounds on what is asked for and told.
const (
	MaxDays   = 92
	maxSpans  = 50_000
	maxAgents = 20
)

var (
	errOrder = problem.New(problem.Invalid, "coverage.time_order", "The end must be later than the beginning.", "结束时间应晚于开始时间。").On("/to")
	errLong  = problem.New(problem.Invalid, "coverage.time_too_long", fmt.Sprintf("Ask for at most %d days at a time.", MaxDays), fmt.Sprintf("一次最多查询 %d 天。", MaxDays)).On("/to")
	errYear  = problem.New(problem.Invalid, "coverage.time_out_of_range", "This year is out of range.", "年份超出范围。").On("/from")
	errInbox = problem.New(problem.NotFound, "coverage.unknown_inbox", "There is no such inbox.", "没有这个接待渠道。").On("/inbox")
	errKind  = problem.New(problem.NotFound, "coverage.unknown_kind", "No inbox that you ask about produces this kind.", "所查询的渠道不产生这类消息。").On("/kind")
	errMuch  = problem.New(problem.Invalid, "coverage.too_much", "This is more than one answer holds; ask for one inbox, for less time, or only for gaps and single agents.",
		"结果太多；请只查一个渠道、缩短时间，或只看无人值守和单人值守。").On("/to")
)

// Of computes the coverage by a policy. The error is a *problem.Error that names the parameter.
func Of(set *policy.Set, q Query) (*Overview, error) {
	if err := q.check(set); err != nil {
		return nil, err
	}
	cover := reception.Cover(set.Compile(), q.From, q.To, q.wants)
	r := &Overview{Revision: set.Revision(), From: q.instant(cover.From), To: q.instant(cover.Until), Cells: []CoveredCell{}, Warnings: warnings(set, &q)}
	spans := 0
	for i := range cover.Cells {
		cell := q.cell(set, &cover.Cells[i])
		if spans += len(cell.Spans); spans > maxSpans {
			return nil, errMuch
		}
		r.Cells = append(r.Cells, cell)
	}
	return r, nil
}

func (q *Query) wants(inbox, kind string) bool {
	return (q.Inbox == "" || inbox == q.Inbox) && (q.Kind == "" || kind == q.Kind)
}

func (q *Query) check(set *policy.Set) error {
	switch {
	case q.From.Year() < 2000 || q.From.Year() > 9990:
		return errYear
	case !q.From.Before(q.To):
		return errOrder
	case q.To.Sub(q.From) > MaxDays*24*time.Hour:
		return errLong
	}
	return q.known(set)
}

// known says whether there is anything of the name that is asked for.
func (q *Query) known(set *policy.Set) error {
	inboxes := set.Compile().Inboxes
	if q.Inbox != "" && inboxes[q.Inbox] == nil {
		return errInbox
	}
	if q.Kind == "" {
		return nil
	}
	for name, in := range inboxes {
		if q.wants(name, q.Kind) && in.Produces(q.Kind) {
			return nil
		}
	}
	return errKind
}

func (q *Query) cell(set *policy.Set, c *reception.CoverageCell) CoveredCell {
	inbox, _ := set.Inbox(c.Inbox)
	cell := CoveredCell{Inbox: c.Inbox, InboxTitle: inbox.Title, Kind: c.Kind, KindTitle: policy.KindTitle(c.Kind).In(q.Lang), Spans: []Stretch{}}
	var open, gap, single time.Duration
	for _, s := range c.Spans {
		length := time.Duration(s.Until-s.From) * time.Microsecond
		if s.Open {
			open += length
		}
		if s.Gap() {
			gap += length
			cell.Gaps++
		}
		if s.Single() {
			single += length
			cell.Singles++
		}
		if q.Problems && !s.Gap() && !s.Single() {
			continue
		}
		agents := c.Agents(s)
		cell.Spans = append(cell.Spans, Stretch{
			From: q.instant(time.UnixMicro(s.From)), To: q.instant(time.UnixMicro(s.Until)), State: state(s), Count: s.Count, Agents: agents[:min(len(agents), maxAgents)],
		})
	}
	cell.OpenMinutes, cell.GapMinutes, cell.SingleMinutes = int(open/time.Minute), int(gap/time.Minute), int(single/time.Minute)
	return cell
}

func state(s reception.CoverageSpan) string {
	switch {
	case !s.Open:
		return Closed
	case s.Gap():
		return Gap
	case s.Single():
		return Single
	}
	return Covered
}

func warnings(set *policy.Set, q *Query) []Doubt {
	list := []Doubt{}
	for _, x := range set.Unannounced(q.From, q.To.Add(-time.Microsecond)) {
		w := Doubt{Schedule: x.Schedule, Calendar: x.Calendar, Year: x.Year}
		if w.Text = fmt.Sprintf("Calendar %s does not have %d: what schedule %s says of that year goes by weekdays and may be wrong.", x.Calendar, x.Year, x.Schedule); q.Lang == "zh" {
			w.Text = fmt.Sprintf("日历“%s”还没有 %d 年的安排：时间表“%s”在该年按星期几计算，可能与实际放假不符。", x.Calendar, x.Year, x.Schedule)
		}
		list = append(list, w)
	}
	return list
}

// HasGaps says whether anything is open at any time with nobody to receive.
func (r *Overview) HasGaps() bool {
	for i := range r.Cells {
		if r.Cells[i].Gaps > 0 {
			return true
		}
	}
	return false
}
