package httpapi

import (
	"context"
	"fmt"

	"github.com/bidahq/bida/internal/job"
	"github.com/bidahq/bida/internal/ledger"
)

// JobBody is a piece of work in the background.
type JobBody struct {
	ID           string `json:"id"`
	Kind         string `json:"kind"`
	State        string `json:"state" enum:"waiting,running,dead" doc:"dead: given up after too many failed attempts; it waits for a replay"`
	CreatedAt    Time   `json:"created_at"`
	DueAt        Time   `json:"due_at" doc:"of the next attempt"`
	Attempts     int    `json:"attempts" doc:"that failed since it last succeeded"`
	FirstError   string `json:"first_error,omitempty"`
	FirstErrorAt *Time  `json:"first_error_at,omitempty"`
	LastError    string `json:"last_error,omitempty"`
	LastErrorAt  *Time  `json:"last_error_at,omitempty"`
	DoneAt       *Time  `json:"done_at,omitempty" doc:"when it last succeeded, if it comes again and again"`
}

type jobsOutput struct {
	Body struct {
		Jobs   []JobBody `json:"jobs" doc:"in order of id"`
		Cursor *string   `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

type jobOutput struct{ Body JobBody }

func (s *Server) listJobs(ctx context.Context, _ caller, in *struct {
	Cursor string `query:"cursor" maxLength:"300" doc:"of the answer before; leave it out for the first piece"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	State  string `query:"state" enum:"dead" doc:"only those that were given up"`
}) (*jobsOutput, error) {
	rows, err := s.o.Store.Jobs(ctx, in.State == "dead", in.Cursor, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("jobs after %q: %w", in.Cursor, err)
	}
	out := &jobsOutput{}
	out.Body.Jobs = []JobBody{}
	for i := range rows {
		out.Body.Jobs = append(out.Body.Jobs, s.jobBody(&rows[i]))
	}
	if len(rows) == in.Limit {
		out.Body.Cursor = &rows[len(rows)-1].ID
	}
	return out, nil
}

// replayJob has a job tried again now. Repeated, it is asked for again, which changes nothing until it has failed.
func (s *Server) replayJob(ctx context.Context, by caller, in *struct {
	ID string `path:"id" maxLength:"300"`
}) (*jobOutput, error) {
	replay := &job.Replay{ID: in.ID, By: by.account, Request: by.request}
	if err := s.o.Ledger.Do(ctx, replay); err != nil {
		return nil, err
	}
	if s.o.WakeJobs != nil {
		s.o.WakeJobs()
	}
	return &jobOutput{s.jobBody(&replay.Row)}, nil
}

func (s *Server) jobBody(r *ledger.JobRow) JobBody {
	state := "waiting"
	switch {
	case !r.DeadAt.IsZero():
		state = "dead"
	case r.LeasedUntil.After(s.o.Now()):
		state = "running"
	}
	return JobBody{
		ID: r.ID, Kind: r.Kind, State: state, CreatedAt: s.time(r.CreatedAt), DueAt: s.time(r.DueAt), Attempts: r.Attempts,
		FirstError: r.FirstError, FirstErrorAt: s.maybe(r.FirstErrorAt), LastError: r.LastError, LastErrorAt: s.maybe(r.LastErrorAt), DoneAt: s.maybe(r.DoneAt),
	}
}
