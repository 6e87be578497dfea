package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// mostErrors bounds each part of the log of errors.
const mostErrors = 500

// ErrorRow is something of Bida's own that failed, or a reason for which requests were refused.
type ErrorRow struct {
	At     Time   `json:"at" doc:"when it began, or was last"`
	What   string `json:"what" enum:"failing,failed,clock,job_dead,job_failing,refused" doc:"failing: a part of Bida fails now. failed: one did. clock: the clock was set. job_dead: a job was given up. job_failing: one failed and is tried again. refused: requests were refused, by code"`
	Part   string `json:"part" doc:"the part, the job, or the code"`
	Words  string `json:"words,omitempty" doc:"a code in the caller's language"`
	Detail string `json:"detail,omitempty"`
	Until  *Time  `json:"until,omitempty" doc:"when it was over; of a job: when it is tried next"`
	Count  int64  `json:"count,omitempty" doc:"failed attempts, or refused requests in the period"`

	when time.Time
}

// ErrorFilter is what the log of errors can be asked for.
type ErrorFilter struct {
	Period
	What  string `query:"what" enum:"failing,failed,clock,job_dead,job_failing,refused"`
	Inbox string `query:"inbox" doc:"refused requests to this inbox only"`
}

type errorLogOutput struct {
	Body struct {
		Rows []ErrorRow `json:"rows" doc:"newest first; those of which there are several are counted, so that the log is short"`
		Cut  bool       `json:"cut" doc:"there are more than 500 failures, or jobs that fail: older ones are left out"`
	}
}

func (s *Server) errorLog(ctx context.Context, by caller, in *ErrorFilter) (*errorLogOutput, error) {
	rows, cut, err := s.readErrors(ctx, by, in)
	if err != nil {
		return nil, err
	}
	out := &errorLogOutput{}
	out.Body.Rows, out.Body.Cut = rows, cut
	return out, nil
}

// readErrors puts the log together from what the caller may see: jobs with job.view, refused requests with intake_log.view, and failures with either.
func (s *Server) readErrors(ctx context.Context, by caller, f *ErrorFilter) (rows []ErrorRow, cut bool, err error) {
	span, err := s.logSpan(ctx, f.Period)
	if err != nil {
		return nil, false, err
	}
	for _, failure := range s.o.Ledger.Failures() {
		rows = append(rows, ErrorRow{when: failure.Origin.At, What: "failing", Part: failure.Component, Detail: failure.Detail})
	}
	facts, err := s.o.Store.SystemFacts(ctx, span, mostErrors)
	if err != nil {
		return nil, false, fmt.Errorf("failures: %w", err)
	}
	cut = len(facts) == mostErrors
	for i := range facts {
		rows = append(rows, s.failureRow(&facts[i]))
	}
	if s.can(by, policy.JobView) {
		more, all, err := s.jobErrors(ctx)
		if err != nil {
			return nil, false, err
		}
		rows, cut = append(rows, more...), cut || !all
	}
	if s.can(by, policy.IntakeLogView) {
		more, err := s.refusalErrors(ctx, f, by.lang)
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, more...)
	}
	rows = slices.DeleteFunc(rows, func(r ErrorRow) bool {
		return f.What != "" && r.What != f.What || !f.From.IsZero() && r.when.Before(f.From) && r.What != "failing" || !f.To.IsZero() && !r.when.Before(f.To)
	})
	slices.SortStableFunc(rows, func(a, b ErrorRow) int { return cmp.Or(b.when.Compare(a.when), strings.Compare(a.Part, b.Part)) })
	for i := range rows {
		rows[i].At = s.time(rows[i].when)
	}
	if rows == nil {
		rows = []ErrorRow{}
	}
	return rows, cut, nil
}

func (s *Server) failureRow(f *ledger.FactRow) ErrorRow {
	row := ErrorRow{when: f.FromAt, What: "failed", Part: strings.TrimPrefix(f.Subject, "system/"), Until: s.maybe(f.ToAt)}
	var value struct {
		Detail string `json:"detail"`
		Step   int64  `json:"step_us"`
	}
	_ = json.Unmarshal(f.Value, &value) // one that says nothing is a failure, too
	row.Detail = value.Detail
	if f.Name == ledger.FactClock {
		row.What, row.Detail, row.Until = "clock", (time.Duration(value.Step) * time.Microsecond).String(), nil
	}
	return row
}

// jobErrors lists jobs that fail; all says that none was left out.
func (s *Server) jobErrors(ctx context.Context) (rows []ErrorRow, all bool, err error) {
	jobs, err := s.o.Store.Jobs(ctx, false, "", mostErrors)
	if err != nil {
		return nil, false, fmt.Errorf("jobs: %w", err)
	}
	for i := range jobs {
		j := &jobs[i]
		switch {
		case !j.DeadAt.IsZero():
			rows = append(rows, ErrorRow{when: j.DeadAt, What: "job_dead", Part: j.ID, Detail: j.LastError, Count: int64(j.Attempts)})
		case j.Attempts > 0:
			rows = append(rows, ErrorRow{when: j.LastErrorAt, What: "job_failing", Part: j.ID, Detail: j.LastError, Count: int64(j.Attempts), Until: s.maybe(j.DueAt)})
		}
	}
	return rows, len(jobs) < mostErrors, nil
}

func (s *Server) refusalErrors(ctx context.Context, f *ErrorFilter, lang string) ([]ErrorRow, error) {
	s.o.Intake.Flush(ctx)
	counts, err := s.o.Store.RefusalCounts(ctx, ledger.RefusalLogQuery{Inbox: f.Inbox, From: f.From, To: f.To})
	if err != nil {
		return nil, fmt.Errorf("refusals: %w", err)
	}
	var rows []ErrorRow
	for _, c := range counts {
		rows = append(rows, ErrorRow{when: c.Last, What: "refused", Part: c.Code, Words: codeWords(c.Code, lang), Count: c.Requests})
	}
	return rows, nil
}
