package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/help"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// actionAvailable is the one action of a fix that is carried out here; the others are done at the agent's own client.
const actionAvailable = "go_available"

// reported are the actions that the agent itself does elsewhere, and reports.
var reported = []string{"sign_in", "reconnect", "reload", "finish_conversation"}

var (
	errRepair        = problem.New(problem.NotFound, "repair.not_found", "There is no such repair, or it is not yours to see.", "没有这次修复，或您无权查看。").On("/id")
	errRepairAction  = problem.New(problem.Invalid, "repair.action", "A repair is settings, go_available, sign_in, reconnect, reload or finish_conversation.", "修复方式只能是 settings、go_available、sign_in、reconnect、reload、finish_conversation 之一。").On("/action")
	errNoFix         = problem.New(problem.Conflict, "repair.no_fix", "The diagnosis of this moment has no such cause, or no such fix for it; nothing was done. Diagnose again.", "此刻的诊断中没有这个原因，或没有这样的修复；没有任何改动。请重新诊断。").On("/code")
	errFixChanged    = problem.New(problem.Conflict, "repair.changed", "The fix is another one by now; nothing was done. Diagnose again and look at it.", "修复方案已经变化，没有任何改动。请重新诊断后再确认。").On("/documents")
	errReportedOwn   = problem.New(problem.Forbidden, "repair.own", "Only the agent itself can say that it did this.", "这项操作只能由客服本人确认已完成。").On("/action")
	errRepairOfWhom  = problem.New(problem.Invalid, "repair.agent", "Say whose reception is repaired.", "请指明修复的是谁的接收。").On("/agent")
	errNoRepairCause = problem.New(problem.Invalid, "repair.code", "Say which cause is repaired, by its code.", "请用代码指明修复的是哪个原因。").On("/code")
)

// RepairBody is a fix that was carried out.
type RepairBody struct {
	ID          string           `json:"id" doc:"r…"`
	Agent       HelpPersonBody   `json:"agent"`
	Code        string           `json:"code" doc:"of the cause that it was to remove"`
	Cause       string           `json:"cause" doc:"the code in words"`
	Gate        string           `json:"gate"`
	Cells       []HelpCell       `json:"cells" doc:"that the cause stopped"`
	Action      string           `json:"action" doc:"settings: they were changed; else the action of the fix"`
	Revision    int64            `json:"revision" doc:"of the policy afterwards"`
	Passing     int              `json:"passing" doc:"in how many cells the gate let messages through right afterwards, in the same commit"`
	By          HelpPersonBody   `json:"by"`
	At          Time             `json:"at"`
	HelpRequest string           `json:"help_request,omitempty" doc:"that it answers"`
	Check       *RepairCheckBody `json:"check,omitempty" doc:"what became of it; left out in lists"`
}

// RepairCheckBody is what became of a repair: did messages arrive?
type RepairCheckBody struct {
	State         string             `json:"state" enum:"arrived,pushed,stopped,elsewhere,no_traffic" doc:"arrived: a client acknowledged one. pushed: one is in the list, not acknowledged yet. stopped: the agent still cannot receive. elsewhere: nothing stops the agent, and what came in went to colleagues or waits. no_traffic: nothing stops the agent and nothing came in, which proves nothing"`
	Standing      *StandingBody      `json:"standing,omitempty" doc:"of the gate now; left out where only a diagnosis can tell"`
	Offered       int                `json:"offered" doc:"customers' messages in the cells since"`
	Listed        int                `json:"listed" doc:"messages in the agent's list since"`
	Received      int                `json:"received" doc:"of these, that a client acknowledged"`
	FirstReceived *Time              `json:"first_received,omitempty"`
	More          bool               `json:"more" doc:"there is more than was looked at: the numbers are lower bounds"`
	Until         Time               `json:"until" doc:"when it is not looked any further"`
	Over          bool               `json:"over" doc:"that has passed"`
	Cause         *RepairedCauseBody `json:"cause,omitempty" doc:"what stops the agent now"`
	At            Time               `json:"at" doc:"when this was so"`
}

// RepairedCauseBody is what stops an agent after a repair.
type RepairedCauseBody struct {
	Code     string `json:"code"`
	Cause    string `json:"cause" doc:"the code in words"`
	Gate     string `json:"gate"`
	Expected bool   `json:"expected"`
	Same     bool   `json:"same" doc:"it is what the repair was to remove"`
}

type (
	repairOutput struct {
		Status int
		Body   RepairBody
	}
	repairsOutput struct {
		Body struct {
			Repairs []RepairBody `json:"repairs" doc:"newest first"`
			Cursor  *string      `json:"cursor" doc:"of the next piece; null at the end"`
		}
	}
	// RepairID names a repair in the path.
	RepairID struct {
		ID string `path:"id" doc:"a repair's id, r…"`
	}
)

// RepairInput says what is to be repaired: a cause in a diagnosis that the server makes again.
type RepairInput struct {
	ID          string          `json:"id" doc:"the caller's own, once for each caller"`
	Agent       string          `json:"agent"`
	Code        string          `json:"code" doc:"of the cause"`
	Inbox       string          `json:"inbox,omitempty" doc:"that the diagnosis was about"`
	Kind        string          `json:"kind,omitempty" doc:"that the diagnosis was about"`
	Message     string          `json:"message,omitempty" doc:"that the diagnosis was about"`
	At          time.Time       `json:"at,omitzero" doc:"that the diagnosis was about; now if left out"`
	Action      string          `json:"action,omitempty" doc:"settings if left out; or an action of the fix: go_available, sign_in, reconnect, reload, finish_conversation"`
	Documents   []DocumentInput `json:"documents,omitempty" doc:"the fix as the caller was shown it: if it is another one by now, nothing is done"`
	HelpRequest string          `json:"help_request,omitempty" doc:"that this answers"`
}

func (s *Server) repair(ctx context.Context, by caller, in *struct {
	IfMatch string      `header:"If-Match" doc:"the revision that the diagnosis names; for changes of settings"`
	Body    RepairInput `nameHint:"RepairInput"`
}) (*repairOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	b := &in.Body
	if b.Action == "" {
		b.Action = help.ActionSettings
	}
	request, err := s.checkRepair(ctx, by, b)
	if err != nil {
		return nil, err
	}
	var revisions []int64
	var anyRevision bool
	if b.Action == help.ActionSettings {
		if revisions, anyRevision, err = ifMatch(in.IfMatch); err != nil {
			return nil, err
		}
	}
	cmd := &help.Repair{ID: b.ID, Digest: digest(by.account, b.Agent, b.Code, b.Inbox, b.Kind, b.Message, b.Action, in.IfMatch)}
	cmd.Row = ledger.RepairRow{Agent: b.Agent, Inbox: b.Inbox, Kind: b.Kind, Code: b.Code, Action: b.Action, Help: request, By: by.account}
	cmd.Row.Message, _ = conversation.ParseID('m', b.Message)
	if earlier, err := s.repairedBefore(ctx, cmd); err != nil || earlier != nil {
		return s.repaired(ctx, by, earlier, http.StatusOK, err)
	}
	report, err := s.o.Diagnose.Inspect(ctx, diagnosis.Query{Agent: b.Agent, Inbox: b.Inbox, Kind: b.Kind, Message: b.Message, At: b.At, Lang: by.lang})
	if err != nil {
		return nil, err
	}
	if b.Action == help.ActionSettings && !anyRevision && !slices.Contains(revisions, report.Revision) {
		return nil, errStale.With("revision", report.Revision)
	}
	f, err := fixOf(report, b)
	if err != nil {
		return nil, err
	}
	cmd.Row.Gate, cmd.Row.Cells = f.Gate, help.CellNames(f.Scope)
	switch b.Action {
	case help.ActionSettings:
		cmd.Do = &governance.Apply{Base: report.Revision, Edits: editsOf(f.Fix), By: by.account, Source: "api", Request: by.request, Reason: f.Code + " (diagnosis)"}
	case actionAvailable:
		cmd.Do = &governance.SetPresence{Account: b.Agent, Value: "available", By: by.account, Source: "api"}
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	if cmd.Duplicate {
		row, err := s.o.Store.Repair(ctx, cmd.Earlier)
		return s.repaired(ctx, by, &row, http.StatusOK, err)
	}
	return s.repaired(ctx, by, &cmd.Row, http.StatusCreated, nil)
}

// checkRepair refuses what is malformed, and what the caller may not do. It says which request for help is answered.
func (s *Server) checkRepair(ctx context.Context, by caller, b *RepairInput) (request int64, err error) {
	if err := intake.CheckReply(b.ID, "-", nil); err != nil {
		return 0, err
	}
	own := b.Agent == by.account
	switch {
	case b.Agent == "":
		return 0, errRepairOfWhom
	case b.Code == "":
		return 0, errNoRepairCause
	case b.Action == help.ActionSettings:
		err = s.must(by, policy.PolicyEdit)
	case b.Action == actionAvailable && own:
		err = s.must(by, policy.PresenceSet)
	case b.Action == actionAvailable:
		err = s.must(by, policy.PresenceSetOthers)
	case !slices.Contains(reported, b.Action):
		return 0, errRepairAction
	case !own:
		return 0, errReportedOwn
	default:
		err = s.must(by, policy.DiagnosisSelf)
	}
	if err != nil || b.HelpRequest == "" {
		return 0, err
	}
	row, err := s.helpRequest(ctx, by, b.HelpRequest)
	if e := problem.As(err); e != nil {
		return 0, e.On("/help_request")
	}
	if err != nil {
		return 0, err
	}
	return row.ID, nil
}

// must refuses a caller that lacks a permission.
func (s *Server) must(by caller, permission string) error {
	if s.can(by, permission) {
		return nil
	}
	return forbidden(permission)
}

// repairedBefore finds the repair that an id was used for: what it was to mend is mended, and is in no diagnosis any more.
func (s *Server) repairedBefore(ctx context.Context, cmd *help.Repair) (*ledger.RepairRow, error) {
	keys, err := s.o.Store.Keys(ctx, cmd.Keys())
	if err != nil {
		return nil, fmt.Errorf("ids of repairs: %w", err)
	}
	if len(keys) == 0 || keys[0].Digest != cmd.Digest { // of another digest the command itself says so
		return nil, nil
	}
	row, err := s.o.Store.Repair(ctx, keys[0].Position)
	return &row, err
}

// fixOf finds the cause in a report, with a fix that has what is to be done. The primary one comes first.
func fixOf(report *diagnosis.Report, b *RepairInput) (*diagnosis.Finding, error) {
	changed := false
	found := slices.Clone(report.Findings)
	slices.SortStableFunc(found, func(a, b diagnosis.Finding) int { return rankOf(a.Primary) - rankOf(b.Primary) })
	for i := range found {
		f := &found[i]
		switch {
		case f.Code != b.Code || f.Fix == nil:
		case b.Action != help.ActionSettings:
			if slices.ContainsFunc(f.Fix.Actions, func(a diagnosis.Action) bool { return a.Action == b.Action }) {
				return f, nil
			}
		case len(f.Fix.Edits) == 0:
		case len(b.Documents) > 0 && !sameFix(f.Fix, b.Documents):
			changed = true
		default:
			return f, nil
		}
	}
	if changed {
		return nil, errFixChanged
	}
	return nil, errNoFix
}

func rankOf(primary bool) int {
	if primary {
		return 0
	}
	return 1
}

// sameFix says whether the edits of a fix are the documents that somebody was shown.
func sameFix(fix *diagnosis.Fix, shown []DocumentInput) bool {
	if len(fix.Edits) != len(shown) {
		return false
	}
	for i, e := range fix.Edits {
		if e.Kind != shown[i].Kind || e.Name != shown[i].Name || !sameJSON(e.Spec, json.RawMessage(shown[i].Spec)) {
			return false
		}
	}
	return true
}

// sameJSON compares two values, whatever the order of their members.
func sameJSON(a, b json.RawMessage) bool {
	var plain [2][]byte
	for i, raw := range []json.RawMessage{a, b} {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return false
		}
		plain[i], _ = json.Marshal(v) // what was read can be written
	}
	return bytes.Equal(plain[0], plain[1])
}

func editsOf(fix *diagnosis.Fix) []policy.Edit {
	list := make([]policy.Edit, 0, len(fix.Edits))
	for _, e := range fix.Edits {
		list = append(list, policy.Edit{Kind: e.Kind, Name: e.Name, Spec: e.Spec})
	}
	return list
}

func (s *Server) repaired(ctx context.Context, by caller, row *ledger.RepairRow, status int, err error) (*repairOutput, error) {
	if err != nil {
		return nil, err
	}
	body, err := s.repairBody(ctx, s.helpFor(by), row, true)
	if err != nil {
		return nil, err
	}
	return &repairOutput{Status: status, Body: body}, nil
}

func (s *Server) readRepair(ctx context.Context, by caller, in *RepairID) (*repairOutput, error) {
	position, ok := help.ParseRepairID(in.ID)
	if !ok {
		return nil, errRepair
	}
	row, err := s.o.Store.Repair(ctx, position)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, errRepair
	}
	if err != nil {
		return nil, fmt.Errorf("repair %d: %w", position, err)
	}
	may, err := s.mayRepair(ctx, s.helpFor(by), &row)
	if err != nil {
		return nil, err
	}
	if !may {
		return nil, errRepair
	}
	return s.repaired(ctx, by, &row, http.StatusOK, nil)
}

// mayRepair says whether the caller may see a repair: everybody's, of oneself, what one did, and what answers a request that one may see.
func (s *Server) mayRepair(ctx context.Context, v *onHelp, row *ledger.RepairRow) (bool, error) {
	me := v.by.account
	if v.whole || v.self && row.Agent == me || row.By == me {
		return true, nil
	}
	if row.Help == 0 {
		return false, nil
	}
	request, err := s.o.Store.HelpRequest(ctx, row.Help)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return err == nil && v.may(&request), err
}

func (s *Server) listRepairs(ctx context.Context, by caller, in *struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"of the answer before; leave it out for the first piece"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	Agent  string `query:"agent" doc:"of this agent; who may not diagnose others sees its own only"`
}) (*repairsOutput, error) {
	before, err := Page{Cursor: in.Cursor}.position()
	if err != nil {
		return nil, err
	}
	v := s.helpFor(by)
	agent := in.Agent
	if !v.whole {
		if !v.self || agent != "" && agent != by.account {
			return nil, forbidden(policy.DiagnosisView)
		}
		agent = by.account
	}
	rows, err := s.o.Store.Repairs(ctx, ledger.RepairQuery{Agent: agent, Before: before, Limit: in.Limit})
	if err != nil {
		return nil, fmt.Errorf("repairs: %w", err)
	}
	out := &repairsOutput{}
	out.Body.Repairs = []RepairBody{}
	for i := range rows {
		b, err := s.repairBody(ctx, v, &rows[i], false)
		if err != nil {
			return nil, err
		}
		out.Body.Repairs = append(out.Body.Repairs, b)
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.RepairRow) int64 { return r.ID })
	return out, nil
}

func (s *Server) repairBody(ctx context.Context, v *onHelp, r *ledger.RepairRow, check bool) (RepairBody, error) {
	b := RepairBody{
		ID: help.RepairID(r.ID), Agent: v.subject(r.Agent), Code: r.Code, Cause: wordsOf(r.Code, v.by.lang), Gate: r.Gate, Cells: v.cells(r.Cells), Action: r.Action,
		Revision: r.Revision, Passing: r.Passing, By: v.person(r.By), At: s.time(r.At),
	}
	if r.Help != 0 {
		b.HelpRequest = help.ID(r.Help)
	}
	if !check {
		return b, nil
	}
	c, err := help.CheckRepair(ctx, v.view, s.o.Store, r, s.o.Now(), func() (*diagnosis.Report, error) {
		q := diagnosis.Query{Agent: r.Agent, Inbox: r.Inbox, Kind: r.Kind, Lang: v.by.lang}
		report, err := s.o.Diagnose.Inspect(ctx, q)
		if problem.KindOf(err) == problem.NotFound || problem.KindOf(err) == problem.Invalid { // what was asked about is not there any more
			return &diagnosis.Report{}, nil
		}
		return report, err
	})
	if err != nil {
		return b, err
	}
	b.Check = s.checkBody(v, r, c)
	return b, nil
}

func (s *Server) checkBody(v *onHelp, r *ledger.RepairRow, c *help.Check) *RepairCheckBody {
	b := &RepairCheckBody{
		State: string(c.State), Offered: c.Offered, Listed: c.Listed, Received: c.Received, FirstReceived: s.maybe(c.FirstReceived), More: c.More, Until: s.time(c.Until),
		Over: c.Over, At: s.time(s.o.Now()),
	}
	if c.Known {
		b.Standing = &StandingBody{Passing: c.Passing, Of: c.Cells}
	}
	if c.Cause != nil {
		code, _ := reception.ParseCode(c.Cause.Code)
		b.Cause = &RepairedCauseBody{
			Code: c.Cause.Code, Cause: reception.Lookup(code).Title.In(v.by.lang), Gate: c.Cause.Gate, Expected: c.Cause.Expected, Same: c.Cause.Code == r.Code,
		}
	}
	return b
}
