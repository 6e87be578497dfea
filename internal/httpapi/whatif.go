package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/policy"
)

// DocumentRef names a document in a body.
type DocumentRef struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// whatIf answers as GET /diagnosis does, with settings that are only thought of. It writes nothing.
func (s *Server) whatIf(ctx context.Context, by caller, in *struct {
	Body struct {
		Agent     string          `json:"agent,omitempty" doc:"the account that is asked about; oneself if left out"`
		Inbox     string          `json:"inbox,omitempty" doc:"this inbox only"`
		Kind      string          `json:"kind,omitempty" doc:"this kind of message only"`
		At        time.Time       `json:"at,omitzero" doc:"as of this instant of the past; now if left out"`
		AsRoles   []string        `json:"as_roles,omitempty" doc:"roles that the agent is thought to have instead of its own; left out or empty, its own"`
		Documents []DocumentInput `json:"documents,omitempty" doc:"that are thought to be so; all others are as they are"`
		Without   []DocumentRef   `json:"without,omitempty" doc:"documents that are thought away"`
	} `nameHint:"WhatIfInput"`
}) (*diagnosisOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	b := &in.Body
	q := diagnosis.Query{Agent: b.Agent, Inbox: b.Inbox, Kind: b.Kind, At: b.At, Lang: by.lang, Suppose: []policy.Edit{}}
	if q.Agent == "" {
		q.Agent = by.account
	}
	if len(b.AsRoles) > 0 {
		q.AsRoles = b.AsRoles
	}
	for _, d := range b.Documents {
		q.Suppose = append(q.Suppose, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: json.RawMessage(d.Spec)})
	}
	for _, d := range b.Without {
		q.Suppose = append(q.Suppose, policy.Edit{Kind: d.Kind, Name: d.Name})
	}
	report, err := s.o.Diagnose.Diagnose(ctx, by.account, q)
	if err != nil {
		return nil, err
	}
	return &diagnosisOutput{Body: report}, nil
}
