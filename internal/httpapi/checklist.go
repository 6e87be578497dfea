package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bidahq/bida/internal/checklist"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// ChecklistQuestions is the guided check-list, with what the records answer already.
type ChecklistQuestions struct {
	Version   int                  `json:"version" doc:"of the questions"`
	Platforms []checklist.Named    `json:"platforms"`
	Stages    []checklist.Named    `json:"stages"`
	Questions []checklist.Question `json:"questions" doc:"in the order in which they are asked; yes always means that the check passes"`
	Report    *checklist.Report    `json:"report,omitempty" doc:"where an agent of Bida was named: what the records answer, and what that comes to"`
}

// SavedChecklist is a check-list that somebody saved, without its answers.
type SavedChecklist struct {
	ID       string `json:"id"`
	At       Time   `json:"at"`
	By       string `json:"by"`
	ByTitle  string `json:"by_title,omitempty"`
	Title    string `json:"title"`
	Platform string `json:"platform"`
	Agent    string `json:"agent"`
	Verdict  string `json:"verdict" doc:"of the report as it was made then"`
	Own      bool   `json:"own" doc:"you saved it"`
}

// SavedChecklistWhole is one with its answers, and the report as it was made when it was saved.
type SavedChecklistWhole struct {
	SavedChecklist
	Sheet  checklist.Sheet   `json:"sheet"`
	Report *checklist.Report `json:"report"`
}

type checklistOutput struct{ Body ChecklistQuestions }

type checklistReportOutput struct{ Body *checklist.Report }

type savedChecklistOutput struct{ Body SavedChecklistWhole }

type savedChecklistsOutput struct {
	Body struct {
		Checklists []SavedChecklist `json:"checklists" doc:"the newest first"`
		Cursor     *string          `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

// readChecklist gives the questions; of an agent of Bida also what the records answer to them.
func (s *Server) readChecklist(ctx context.Context, by caller, in *struct {
	Agent string `query:"agent" doc:"an account of Bida whose records are to answer"`
	Inbox string `query:"inbox" doc:"this inbox only"`
	Kind  string `query:"kind" doc:"this kind of message only"`
}) (*checklistOutput, error) {
	out := &checklistOutput{ChecklistQuestions{
		Version: checklist.Version(), Platforms: checklist.Platforms(), Stages: checklist.Stages(), Questions: checklist.Questions(),
	}}
	if in.Agent == "" {
		return out, nil
	}
	report, err := s.evaluate(ctx, by, &checklist.Sheet{Platform: checklist.Here, Agent: in.Agent, Inbox: in.Inbox, Kind: in.Kind})
	if err != nil {
		return nil, err
	}
	out.Body.Report = report
	return out, nil
}

type checklistInput struct{ Body checklist.Sheet }

// reportChecklist says what answers come to. It writes nothing.
func (s *Server) reportChecklist(ctx context.Context, by caller, in *checklistInput) (*checklistReportOutput, error) {
	report, err := s.evaluate(ctx, by, &in.Body)
	if err != nil {
		return nil, err
	}
	return &checklistReportOutput{report}, nil
}

// evaluate makes the report of a sheet. Where it is about an agent of Bida, the records answer what the person did not, as far as the person may see them.
func (s *Server) evaluate(ctx context.Context, by caller, sheet *checklist.Sheet) (*checklist.Report, error) {
	if err := sheet.Check(); err != nil {
		return nil, err
	}
	basis := &checklist.Basis{Now: s.o.Now(), Zone: s.o.Zone, Lang: by.lang, Engine: conversation.Engine}
	if sheet.Platform == checklist.Here && sheet.Agent != "" {
		if s.o.Diagnose == nil {
			return nil, errNoDiagnosis
		}
		report, err := s.o.Diagnose.Diagnose(ctx, by.account, diagnosis.Query{Agent: sheet.Agent, Inbox: sheet.Inbox, Kind: sheet.Kind, Lang: by.lang})
		if err != nil {
			return nil, err
		}
		basis.Records, basis.Title = checklist.Records(report), report.Subject.Title
	}
	return checklist.Evaluate(sheet, basis)
}

// saveChecklist keeps a sheet with its report.
func (s *Server) saveChecklist(ctx context.Context, by caller, in *checklistInput) (*savedChecklistOutput, error) {
	report, err := s.evaluate(ctx, by, &in.Body)
	if err != nil {
		return nil, err
	}
	own, err := s.o.Store.Checklists(ctx, by.account, 0, checklist.MostOfOne)
	if err != nil {
		return nil, fmt.Errorf("check-lists of %s: %w", by.account, err)
	}
	if len(own) >= checklist.MostOfOne {
		return nil, checklist.ErrMany
	}
	save := &checklist.Save{Sheet: &in.Body, Report: report, By: by.account, Request: by.request}
	if err := s.o.Ledger.Do(ctx, save); err != nil {
		return nil, err
	}
	return &savedChecklistOutput{SavedChecklistWhole{s.saved(by, &save.Row), in.Body, report}}, nil
}

func (s *Server) saved(by caller, r *ledger.ChecklistRow) SavedChecklist {
	title := ""
	if spec, ok := s.o.Ledger.View().Policy.Account(r.By); ok {
		title = spec.Title
	}
	return SavedChecklist{
		ID: checklist.ID(r.ID), At: s.time(r.At), By: r.By, ByTitle: title, Title: r.Title, Platform: r.Platform, Agent: r.Agent, Verdict: r.Verdict, Own: r.By == by.account,
	}
}

// readsChecklists says whether somebody may read the check-lists of others.
func (s *Server) readsChecklists(by caller) bool {
	return reception.Can(s.o.Ledger.View().Policy.Compile(), by.account, policy.DiagnosisView, s.o.Now())
}

// listChecklists lists saved check-lists: one's own, and with diagnosis.view those of all.
func (s *Server) listChecklists(ctx context.Context, by caller, in *Page) (*savedChecklistsOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	author := by.account
	if s.readsChecklists(by) {
		author = ""
	}
	rows, err := s.o.Store.Checklists(ctx, author, before, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("check-lists before %d: %w", before, err)
	}
	out := &savedChecklistsOutput{}
	out.Body.Checklists = []SavedChecklist{}
	for i := range rows {
		if s.o.Now().Sub(rows[i].At) < checklist.Kept {
			out.Body.Checklists = append(out.Body.Checklists, s.saved(by, &rows[i]))
		}
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.ChecklistRow) int64 { return r.ID })
	return out, nil
}

// checklistOf reads a saved check-list for somebody who may. Whoever may not is told that there is none.
func (s *Server) checklistOf(ctx context.Context, by caller, name string) (ledger.ChecklistRow, error) {
	id, ok := checklist.ParseID(name)
	if !ok {
		return ledger.ChecklistRow{}, checklist.ErrNone
	}
	row, err := s.o.Store.Checklist(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return row, checklist.ErrNone
	case err != nil:
		return row, fmt.Errorf("check-list %d: %w", id, err)
	case row.By != by.account && !s.readsChecklists(by), s.o.Now().Sub(row.At) >= checklist.Kept:
		return ledger.ChecklistRow{}, checklist.ErrNone
	}
	return row, nil
}

// ChecklistID names a saved check-list.
type ChecklistID struct {
	ID string `path:"id" maxLength:"24"`
}

func (s *Server) readSavedChecklist(ctx context.Context, by caller, in *ChecklistID) (*savedChecklistOutput, error) {
	row, err := s.checklistOf(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	out := &savedChecklistOutput{SavedChecklistWhole{SavedChecklist: s.saved(by, &row)}}
	if err := errors.Join(json.Unmarshal(row.Sheet, &out.Body.Sheet), json.Unmarshal(row.Report, &out.Body.Report)); err != nil {
		return nil, fmt.Errorf("check-list %d: %w", row.ID, err)
	}
	return out, nil
}

func (s *Server) deleteChecklist(ctx context.Context, by caller, in *ChecklistID) (*none, error) {
	row, err := s.checklistOf(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if row.By != by.account && !reception.Can(s.o.Ledger.View().Policy.Compile(), by.account, policy.PolicyEdit, s.o.Now()) {
		return nil, checklist.ErrNotAuthor
	}
	return nil, s.o.Ledger.Do(ctx, &checklist.Drop{ID: row.ID, By: by.account, Request: by.request})
}
