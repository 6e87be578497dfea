package httpapi

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/coverage"
)

type coverageOutput struct{ Body *coverage.Overview }

// coverage says who can receive when, by the policy in force.
func (s *Server) coverage(_ context.Context, by caller, in *struct {
	From  time.Time `query:"from" doc:"now if left out"`
	To    time.Time `query:"to" doc:"a week after the beginning if left out; at most 92 days after it"`
	Inbox string    `query:"inbox" doc:"this inbox only"`
	Kind  string    `query:"kind" doc:"this kind of message only"`
	Only  string    `query:"only" enum:"problems" doc:"leave out all spans but those with nobody, or only one"`
}) (*coverageOutput, error) {
	q := coverage.Query{From: in.From, To: in.To, Inbox: in.Inbox, Kind: in.Kind, Problems: in.Only != "", Zone: s.o.Zone, Lang: by.lang}
	if q.From.IsZero() {
		q.From = s.o.Now()
	}
	if q.To.IsZero() {
		q.To = q.From.AddDate(0, 0, 7)
	}
	report, err := coverage.Of(s.o.Ledger.Policy(), q)
	if err != nil {
		return nil, err
	}
	return &coverageOutput{report}, nil
}

type momentOutput struct{ Body *coverage.Moment }

// coverageAt says who can receive at one instant, and what stops the others.
func (s *Server) coverageAt(_ context.Context, by caller, in *struct {
	Inbox string    `query:"inbox" required:"true"`
	Kind  string    `query:"kind" required:"true"`
	At    time.Time `query:"at" doc:"now if left out"`
}) (*momentOutput, error) {
	q := coverage.Query{From: in.At, Inbox: in.Inbox, Kind: in.Kind, Zone: s.o.Zone, Lang: by.lang}
	if q.From.IsZero() {
		q.From = s.o.Now()
	}
	moment, err := coverage.At(s.o.Ledger.Policy(), q)
	if err != nil {
		return nil, err
	}
	return &momentOutput{moment}, nil
}
