package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// AuditBody is one entry of the audit log.
type AuditBody struct {
	Position int64           `json:"position"`
	At       Time            `json:"at"`
	By       string          `json:"by"`
	Action   string          `json:"action"`
	Object   string          `json:"object"`
	Revision int64           `json:"revision,omitempty"`
	Source   string          `json:"source,omitempty"`
	Request  string          `json:"request,omitempty"`
	Details  json.RawMessage `json:"details,omitempty"`
}

type auditOutput struct {
	Body struct {
		Entries []AuditBody `json:"entries" doc:"newest first"`
		Cursor  *string     `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

func (s *Server) listAudit(ctx context.Context, _ caller, in *Page) (*auditOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	rows, err := s.o.Store.Audit(ctx, before, in.Limit)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("audit: %w", err)
	}
	out := &auditOutput{}
	out.Body.Entries = []AuditBody{}
	for _, r := range rows {
		out.Body.Entries = append(out.Body.Entries, s.auditBody(&r))
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.AuditRow) int64 { return r.Position })
	return out, nil
}

func (s *Server) auditBody(r *ledger.AuditRow) AuditBody {
	return AuditBody{
		Position: r.Position, At: s.time(r.At), By: r.By, Action: r.Action, Object: r.Object, Revision: r.Revision, Source: r.Source, Request: r.Request, Details: r.Details,
	}
}

// RefusalBody is one line of the intake log.
type RefusalBody struct {
	ID       int64  `json:"id"`
	At       Time   `json:"at"`
	Inbox    string `json:"inbox"`
	SenderID string `json:"sender_id,omitempty"`
	Account  string `json:"account,omitempty" doc:"who asked, if known"`
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

type refusalsOutput struct {
	Body struct {
		Refusals []RefusalBody `json:"refusals" doc:"newest first"`
		Cursor   *string       `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

func (s *Server) listRefusals(ctx context.Context, _ caller, in *struct {
	Page
	Inbox    string `query:"inbox"`
	SenderID string `query:"sender_id"`
}) (*refusalsOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	s.o.Intake.Flush(ctx)
	rows, err := s.o.Store.Refusals(ctx, in.Inbox, in.SenderID, before, in.Limit)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("refusals: %w", err)
	}
	out := &refusalsOutput{}
	out.Body.Refusals = []RefusalBody{}
	for _, r := range rows {
		out.Body.Refusals = append(out.Body.Refusals, RefusalBody{
			ID: r.ID, At: s.time(r.At), Inbox: r.Inbox, SenderID: r.SenderID, Account: r.Account, Code: r.Code, Field: r.Field, Detail: r.Detail,
		})
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.RefusalRow) int64 { return r.ID })
	return out, nil
}

var errNoDiagnosis = problem.New(problem.Unavailable, "diagnosis.unavailable", "This server does not diagnose.", "此服务器未启用诊断。")

type diagnosisOutput struct{ Body *diagnosis.Report }

func (s *Server) diagnose(ctx context.Context, by caller, in *struct {
	Agent   string    `query:"agent" doc:"the account that is asked about; oneself if left out. With a message it may be left out by who has diagnosis.view: then it is asked who has the message, and why nobody has it"`
	Inbox   string    `query:"inbox" doc:"this inbox only"`
	Kind    string    `query:"kind" doc:"this kind of message only"`
	Message string    `query:"message" doc:"why (not) this message"`
	Sender  string    `query:"sender_id" maxLength:"200" doc:"names the message by the id that its sender gave it in the inbox: also one that was refused, or never came in; needs diagnosis.view"`
	Excess  bool      `query:"excess" doc:"the other way round: why does the agent get, or could it get, what it should not?"`
	At      time.Time `query:"at" doc:"as of this instant; now if left out"`
}) (*diagnosisOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	q := diagnosis.Query{Agent: in.Agent, Inbox: in.Inbox, Kind: in.Kind, Message: in.Message, Sender: in.Sender, Excess: in.Excess, At: in.At, Lang: by.lang}
	if aboutMessage := in.Message != "" || in.Sender != ""; q.Agent == "" && !(aboutMessage && !in.Excess && s.can(by, policy.DiagnosisView)) {
		q.Agent = by.account
	}
	if in.Sender != "" {
		s.o.Intake.Flush(ctx)
	}
	report, err := s.o.Diagnose.Diagnose(ctx, by.account, q)
	if err != nil {
		return nil, err
	}
	return &diagnosisOutput{Body: report}, nil
}

type patternsOutput struct{ Body *diagnosis.Patterns }

func (s *Server) patterns(ctx context.Context, by caller, in *struct {
	Agent string    `query:"agent" doc:"deliveries to this agent only"`
	Inbox string    `query:"inbox" doc:"of this inbox only"`
	Kind  string    `query:"kind" doc:"of this kind only"`
	From  time.Time `query:"from" doc:"of messages from this instant on; a day before the end if left out"`
	To    time.Time `query:"to" doc:"up to this instant; now if left out"`
}) (*patternsOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	s.o.Intake.Flush(ctx)
	p, err := s.o.Diagnose.Patterns(ctx, by.account, diagnosis.PatternQuery{Agent: in.Agent, Inbox: in.Inbox, Kind: in.Kind, From: in.From, To: in.To})
	if err != nil {
		return nil, err
	}
	return &patternsOutput{Body: p}, nil
}

type timelineOutput struct{ Body *diagnosis.Timeline }

func (s *Server) timeline(ctx context.Context, by caller, in *struct {
	AccountName
	From time.Time `query:"from" doc:"a day before the end if left out"`
	To   time.Time `query:"to" doc:"now if left out"`
}) (*timelineOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	t, err := s.o.Diagnose.Timeline(ctx, by.account, diagnosis.Query{Agent: in.Name, Lang: by.lang}, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return &timelineOutput{Body: t}, nil
}

// ReasonBody is one entry of the reason catalogue.
type ReasonBody struct {
	Code     string     `json:"code"`
	Gate     string     `json:"gate" doc:"a gate's name, or a stage"`
	Severity string     `json:"severity" enum:"info,notice,warning,error"`
	Expected string     `json:"expected" enum:"yes,no,depends" doc:"whether it is to be expected"`
	Title    WordsBody  `json:"title"`
	Meaning  WordsBody  `json:"meaning"`
	Causes   CausesBody `json:"causes"`
	Fix      WordsBody  `json:"fix"`
	By       string     `json:"by" doc:"who may mend it"`
	Playbook string     `json:"playbook,omitempty"`
}

// WordsBody is a text in both languages.
type WordsBody struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// CausesBody are the likely causes in both languages.
type CausesBody struct {
	ZH []string `json:"zh"`
	EN []string `json:"en"`
}

type reasonsOutput struct {
	Body struct {
		Reasons []ReasonBody `json:"reasons"`
	}
}

func (s *Server) listReasons(context.Context, caller, *none) (*reasonsOutput, error) {
	out := &reasonsOutput{}
	out.Body.Reasons = []ReasonBody{}
	expected := map[reception.Expectation]string{reception.Unexpected: "no", reception.AsExpected: "yes", reception.ExpectationDepends: "depends"}
	for _, r := range reception.Reasons() {
		out.Body.Reasons = append(out.Body.Reasons, ReasonBody{
			Code: r.Code.String(), Gate: r.Gate, Severity: r.Severity, Expected: expected[r.Expected], Title: WordsBody(r.Title), Meaning: WordsBody(r.Meaning),
			Causes: CausesBody{ZH: orEmpty(r.Causes.ZH), EN: orEmpty(r.Causes.EN)}, Fix: WordsBody(r.Fix), By: r.By, Playbook: r.Playbook,
		})
	}
	return out, nil
}
