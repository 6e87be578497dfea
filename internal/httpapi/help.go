package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/help"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// helpRate is how often one account may ask for help: each time a report is made four times over.
var helpRate = limit.Rate{N: 6, Per: time.Minute, Burst: 12}

var (
	errHelp     = problem.New(problem.NotFound, "help.not_found", "There is no such request for help, or it is not yours to see.", "没有这条求助，或您无权查看。").On("/id")
	errHelpRate = problem.New(problem.Limited, "help.limited", "You have asked for help often within a minute; nothing was stored. Try again shortly.", "您在一分钟内求助次数过多，本次未保存，请稍后再试。")
)

// helpReaders are who may look at requests for help and repairs: what of them is decided by helpFor.
func helpReaders() rule {
	return need(slices.Concat([]string{policy.DiagnosisSelf, policy.DiagnosisView}, help.Helpers)...)
}

// HelpPersonBody is somebody as the caller may know them.
type HelpPersonBody struct {
	Account string `json:"account,omitempty" doc:"left out where the caller may know the title only"`
	Title   string `json:"title"`
}

// HelpBody is a request for help.
type HelpBody struct {
	ID         string           `json:"id" doc:"h…"`
	State      string           `json:"state" enum:"open,taken,done,declined,withdrawn"`
	Agent      HelpPersonBody   `json:"agent" doc:"whom it is about"`
	Inbox      string           `json:"inbox,omitempty" doc:"that was asked about; all if left out"`
	Kind       string           `json:"kind,omitempty" doc:"that was asked about; all if left out"`
	Message    string           `json:"message,omitempty" doc:"that was asked about"`
	Verdict    string           `json:"verdict" doc:"of the report" enum:"receiving,partial,blocked,waiting,no_traffic,unknown"`
	Code       string           `json:"code,omitempty" doc:"of the primary finding; none if the report has none"`
	Gate       string           `json:"gate,omitempty"`
	Reason     string           `json:"cause,omitempty" doc:"the code in words"`
	Cells      []HelpCell       `json:"cells" doc:"that the primary finding is about"`
	By         HelpPersonBody   `json:"by" doc:"who asked"`
	Asked      int              `json:"asked" doc:"how often, by whomever: who asks for the same again joins"`
	At         Time             `json:"at"`
	LastAsked  Time             `json:"last_asked"`
	Note       string           `json:"note,omitempty" doc:"what who asked wrote; to who asked, who was told and who may diagnose others"`
	Receivers  []HelpPersonBody `json:"receivers" doc:"who was told"`
	TakenBy    *HelpPersonBody  `json:"taken_by,omitempty"`
	TakenAt    *Time            `json:"taken_at,omitempty"`
	ClosedBy   *HelpPersonBody  `json:"closed_by,omitempty"`
	ClosedAt   *Time            `json:"closed_at,omitempty"`
	Answer     string           `json:"answer,omitempty" doc:"what who closed it wrote"`
	Recovered  bool             `json:"recovered" doc:"it is open, and the gate lets messages through again in all of its cells; nothing is closed by itself"`
	Standing   *StandingBody    `json:"standing,omitempty" doc:"of the gate now; left out where only a diagnosis can tell, and of closed ones"`
	Own        bool             `json:"own" doc:"the caller asked for it"`
	MayAnswer  bool             `json:"may_answer" doc:"the caller may take it on and close it"`
	ReportedAt Time             `json:"reported_at" doc:"the instant of the report"`
}

// HelpCell is an inbox and a kind of message.
type HelpCell struct {
	Inbox string `json:"inbox"`
	Title string `json:"title,omitempty" doc:"of the inbox"`
	Kind  string `json:"kind"`
}

// StandingBody says in how many cells a gate lets messages through.
type StandingBody struct {
	Passing int `json:"passing"`
	Of      int `json:"of"`
}

type (
	helpOutput struct {
		Status int
		Body   struct {
			HelpBody
			Report  *diagnosis.Report `json:"report" doc:"as it was when help was asked for, as far as the caller may see it"`
			Repairs []RepairBody      `json:"repairs" doc:"of the same agent since then, the newest first"`
		}
	}
	helpListOutput struct {
		Body struct {
			Requests []HelpBody `json:"requests" doc:"newest first"`
			Open     int        `json:"open" doc:"of all that the caller may see, how many are open or taken; 100 stands for more"`
			Cursor   *string    `json:"cursor" doc:"of the next piece; null at the end"`
		}
	}
	// HelpID names a request for help in the path.
	HelpID struct {
		ID string `path:"id" doc:"a request's id, h…"`
	}
)

func (s *Server) askForHelp(ctx context.Context, by caller, in *struct {
	Body struct {
		ID      string    `json:"id" doc:"the caller's own, once for each caller"`
		Agent   string    `json:"agent,omitempty" doc:"whom it is about; oneself if left out"`
		Inbox   string    `json:"inbox,omitempty"`
		Kind    string    `json:"kind,omitempty"`
		Message string    `json:"message,omitempty" doc:"why (not) this message"`
		At      time.Time `json:"at,omitzero" doc:"as of this instant; now if left out"`
		Note    string    `json:"note,omitempty" doc:"for who helps; at most 500 characters"`
	} `nameHint:"HelpInput"`
}) (*helpOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	b := &in.Body
	if err := intake.CheckReply(b.ID, "-", nil); err != nil {
		return nil, err
	}
	if wait := s.helpLimit.Take(by.account, s.o.Now()); wait > 0 {
		return nil, errHelpRate.After(wait)
	}
	q := diagnosis.Query{Agent: b.Agent, Inbox: b.Inbox, Kind: b.Kind, Message: b.Message, At: b.At, Lang: by.lang}
	if q.Agent == "" {
		q.Agent = by.account
	}
	if _, err := s.o.Diagnose.Diagnose(ctx, by.account, q); err != nil { // whether the caller may ask this at all
		return nil, err
	}
	report, kept, err := s.o.Diagnose.Pass(ctx, q)
	if err != nil {
		return nil, err
	}
	message, _ := conversation.ParseID('m', q.Message)
	cmd := &help.Ask{
		ID: b.ID, By: by.account, Message: message, Note: b.Note, Report: report, Kept: kept,
		Digest: digest(by.account, q.Agent, q.Inbox, q.Kind, q.Message, q.At.UTC().Format(time.RFC3339Nano), b.Note),
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	out, err := s.showHelp(ctx, by, &cmd.Request)
	if err == nil && !cmd.Duplicate && !cmd.Joined {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (s *Server) listHelp(ctx context.Context, by caller, in *struct {
	Page
	State string `query:"state" enum:"active,open,taken,done,declined,withdrawn,all" default:"active" doc:"active: open or taken"`
	Mine  bool   `query:"mine" doc:"only what is about the caller, what it asked for, and what it was told of"`
	Agent string `query:"agent" doc:"about this agent only"`
}) (*helpListOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	q := ledger.HelpQuery{Agent: in.Agent, Before: before, Limit: in.Limit}
	v := s.helpFor(by)
	if in.Mine || !v.whole {
		q.For = by.account
	}
	active := []ledger.HelpState{ledger.HelpOpen, ledger.HelpTaken}
	switch in.State {
	case "active":
		q.States = active
	case "all":
	default:
		q.States = []ledger.HelpState{ledger.HelpState(in.State)}
	}
	rows, err := s.o.Store.HelpRequests(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("requests for help: %w", err)
	}
	open, err := s.o.Store.HelpRequests(ctx, ledger.HelpQuery{States: active, For: v.only(), Limit: 100})
	if err != nil {
		return nil, fmt.Errorf("open requests for help: %w", err)
	}
	out := &helpListOutput{}
	out.Body.Requests = []HelpBody{}
	for i := range rows {
		if v.may(&rows[i]) {
			out.Body.Requests = append(out.Body.Requests, v.body(&rows[i]))
		}
	}
	for i := range open {
		if v.may(&open[i]) {
			out.Body.Open++
		}
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.HelpRow) int64 { return r.ID })
	return out, nil
}

func (s *Server) readHelp(ctx context.Context, by caller, in *HelpID) (*helpOutput, error) {
	row, err := s.helpRequest(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	return s.showHelp(ctx, by, row)
}

// helpRequest finds a request that the caller may see.
func (s *Server) helpRequest(ctx context.Context, by caller, id string) (*ledger.HelpRow, error) {
	position, ok := help.ParseID(id)
	if !ok {
		return nil, errHelp
	}
	row, err := s.o.Store.HelpRequest(ctx, position)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, errHelp
	case err != nil:
		return nil, fmt.Errorf("request for help %d: %w", position, err)
	case !s.helpFor(by).may(&row):
		return nil, errHelp
	}
	return &row, nil
}

func (s *Server) showHelp(ctx context.Context, by caller, row *ledger.HelpRow) (*helpOutput, error) {
	v := s.helpFor(by)
	kept, err := s.o.Store.HelpReport(ctx, row.ID)
	if err != nil {
		return nil, fmt.Errorf("report of request for help %d: %w", row.ID, err)
	}
	out := &helpOutput{Status: http.StatusOK}
	b := &out.Body
	b.HelpBody, b.Repairs = v.body(row), []RepairBody{}
	if b.Report, err = diagnosis.Passed(kept.Report, v.rights(), by.lang); err != nil {
		return nil, err
	}
	repairs, err := s.o.Store.Repairs(ctx, ledger.RepairQuery{Agent: row.Agent, After: row.ID, Limit: 5})
	if err != nil {
		return nil, fmt.Errorf("repairs of %s: %w", row.Agent, err)
	}
	for i := range repairs {
		body, err := s.repairBody(ctx, v, &repairs[i], i == 0)
		if err != nil {
			return nil, err
		}
		b.Repairs = append(b.Repairs, body)
	}
	return out, nil
}

// HelpAnswer is the body of what ends a request, or takes it on.
type HelpAnswer struct {
	HelpID
	Body *struct {
		Reason string `json:"reason,omitempty" doc:"for who asked; at most 500 characters"`
	} `required:"false" nameHint:"HelpAnswerInput"`
}

// answerHelp makes the handler that brings a request into a state.
func (s *Server) answerHelp(to ledger.HelpState) func(context.Context, caller, *HelpAnswer) (*helpOutput, error) {
	return func(ctx context.Context, by caller, in *HelpAnswer) (*helpOutput, error) {
		row, err := s.helpRequest(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		cmd := &help.Answer{Request: row.ID, To: to, By: by.account, Others: s.can(by, policy.DiagnosisView)}
		if in.Body != nil {
			cmd.Reason = in.Body.Reason
		}
		if err := s.o.Ledger.Do(ctx, cmd); err != nil {
			return nil, err
		}
		return s.showHelp(ctx, by, &cmd.Row)
	}
}

// onHelp is a caller in front of requests for help and repairs: what it may see of them is decided here and in package diagnosis.
type onHelp struct {
	s    *Server
	by   caller
	view *ledger.View
	// whole: everybody's (diagnosis.view). self: what is about oneself, and what one asked for (diagnosis.self). helps: what one was told of.
	whole, settings, self, helps bool
}

func (s *Server) helpFor(by caller) *onHelp {
	view := s.o.Ledger.View()
	p, now := view.Policy.Compile(), s.o.Now()
	can := func(permission string) bool { return reception.Can(p, by.account, permission, now) }
	v := &onHelp{s: s, by: by, view: view, whole: can(policy.DiagnosisView), self: can(policy.DiagnosisSelf), helps: slices.ContainsFunc(help.Helpers, can)}
	v.settings = v.whole && can(policy.PolicyView)
	return v
}

func (v *onHelp) rights() diagnosis.Rights {
	return diagnosis.Rights{Whole: v.whole, Settings: v.settings}
}

// only is the account to whose requests a reader is confined, "" for none.
func (v *onHelp) only() string {
	if v.whole {
		return ""
	}
	return v.by.account
}

// may says whether the caller may see a request.
func (v *onHelp) may(r *ledger.HelpRow) bool {
	me := v.by.account
	return v.whole || v.self && (r.Agent == me || slices.Contains(r.Askers, me)) || v.helps && slices.Contains(r.Receivers, me)
}

// person is somebody as the caller may know them: by title only, unless it may see everything.
func (v *onHelp) person(account string) HelpPersonBody {
	switch {
	case v.whole || account == v.by.account:
		return HelpPersonBody{Account: account, Title: titleOf(v.view.Policy, account)}
	}
	if spec, ok := v.view.Policy.Account(account); ok && spec.Title != "" {
		return HelpPersonBody{Title: spec.Title}
	}
	return HelpPersonBody{Title: pick(v.by.lang, "a colleague", "同事")}
}

func (v *onHelp) maybe(account string) *HelpPersonBody {
	if account == "" {
		return nil
	}
	p := v.person(account)
	return &p
}

// subject is whom a request or a repair is about: who was told of it has to know.
func (v *onHelp) subject(account string) HelpPersonBody {
	return HelpPersonBody{Account: account, Title: titleOf(v.view.Policy, account)}
}

func (v *onHelp) cells(names []string) []HelpCell {
	list := make([]HelpCell, 0, len(names))
	for _, name := range names {
		inbox, kind := help.Cell(name)
		title, _ := inboxOf(v.view.Policy, inbox)
		list = append(list, HelpCell{Inbox: inbox, Title: title, Kind: kind})
	}
	return list
}

func (v *onHelp) body(r *ledger.HelpRow) HelpBody {
	me, s := v.by.account, v.s
	b := HelpBody{
		ID: help.ID(r.ID), State: string(r.State), Agent: v.subject(r.Agent), Inbox: r.Inbox, Kind: r.Kind, Verdict: r.Verdict, Code: r.Code, Gate: r.Gate,
		Reason: wordsOf(r.Code, v.by.lang), Cells: v.cells(r.Cells), By: v.person(r.Askers[0]), Asked: r.Asked, At: s.time(r.At), LastAsked: s.time(r.LastAsked),
		Receivers: []HelpPersonBody{}, TakenBy: v.maybe(r.TakenBy), TakenAt: s.maybe(r.TakenAt), ClosedBy: v.maybe(r.ClosedBy), ClosedAt: s.maybe(r.ClosedAt),
		Answer: r.Reason, Own: slices.Contains(r.Askers, me), ReportedAt: s.time(r.ReportAt),
	}
	told := slices.Contains(r.Receivers, me)
	b.MayAnswer = v.helps && (v.whole || told)
	if r.Message != 0 {
		b.Message = conversation.MessageID(r.Message)
	}
	if v.whole || b.Own || told {
		b.Note = r.Note
	}
	for _, account := range r.Receivers {
		b.Receivers = append(b.Receivers, v.person(account))
	}
	if r.State.Closed() {
		return b
	}
	if passing, known := help.Standing(v.view.Policy.Compile(), v.view, r.Agent, r.Gate, r.Cells, s.o.Now()); known {
		b.Standing = &StandingBody{Passing: passing, Of: len(r.Cells)}
		b.Recovered = passing == len(r.Cells)
	}
	return b
}

// wordsOf is what a reason code is called, "" for what is none.
func wordsOf(code, lang string) string {
	c, ok := reception.ParseCode(code)
	if !ok {
		return ""
	}
	return reception.Lookup(c).Title.In(lang)
}
