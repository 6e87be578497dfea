package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errNoMessage = problem.New(problem.NotFound, "message.not_found", "There is no such message, or it is not yours to see.", "没有这条消息，或您无权查看。").On("/id")

// TraceBody is a message's way: every stage with its time, the decisions with all candidates and all gates, every attempt to push it.
type TraceBody struct {
	Message      *string         `json:"message" doc:"null when the request was refused and there is no message"`
	Direction    string          `json:"direction,omitempty" enum:"in,out,note,system,held,rejected"`
	Inbox        string          `json:"inbox,omitempty"`
	Kind         string          `json:"kind,omitempty"`
	Conversation string          `json:"conversation,omitempty"`
	Sequence     int64           `json:"sequence,omitempty"`
	SenderID     string          `json:"sender_id,omitempty"`
	Contact      string          `json:"contact,omitempty"`
	Attachments  []FileTraceBody `json:"attachments" doc:"its files in order, without their names: those are part of what it says"`
	Stages       []StageBody     `json:"stages" doc:"in order of time"`
	Filter       *FilterTrace    `json:"filter" doc:"what filter rules made of it; null if none matched"`
	AutoReplies  []AutoReplyBody `json:"auto_replies" doc:"of a customer's message: the automatic replies that were due, written or not; of an automatic reply: itself; not told to senders"`
	Decision     *DecisionBody   `json:"decision" doc:"made when the message came in"`
	Decisions    []DecisionBody  `json:"decisions" doc:"later ones on its conversation, until it was answered"`
	Deliveries   []DeliveryBody  `json:"deliveries"`
	// Titles are what people call the accounts and the inbox that are named here.
	Titles map[string]string `json:"titles" doc:"by account/NAME and inbox/NAME; who has no title is not in it"`
}

// FileTraceBody is what is known of a file of a message.
type FileTraceBody struct {
	Type    string `json:"type"`
	Size    int64  `json:"size"`
	Present *bool  `json:"present" doc:"whether it lies on the server's disk; null if that cannot be seen now"`
}

// StageBody is one step of a message's way.
type StageBody struct {
	Stage  string  `json:"stage" enum:"intake,stored,decided,released,queued,pushed,received,seen,accepted,withdrawn,answered,sent,delivered,failed"`
	At     *Time   `json:"at" doc:"null where it is not known"`
	Node   *string `json:"node" doc:"the server process; null where it is not recorded"`
	Result string  `json:"result"`
	Code   *string `json:"code"`
	Agent  string  `json:"agent,omitempty"`
	Field  string  `json:"field,omitempty" doc:"what was wrong with a refused request"`
	Detail string  `json:"detail,omitempty"`

	when time.Time
}

// DecisionBody is a journal entry.
type DecisionBody struct {
	Position   int64           `json:"position"`
	Revision   int64           `json:"revision"`
	At         Time            `json:"at"`
	Cause      string          `json:"cause" doc:"message, or what made it be decided again"`
	Verdict    string          `json:"verdict"`
	Code       string          `json:"code"`
	Chosen     []string        `json:"chosen"`
	Released   string          `json:"released,omitempty" doc:"the owner that lost it"`
	Held       string          `json:"held,omitempty" doc:"the owner whose grace it waits for"`
	Engine     string          `json:"engine"`
	Summary    string          `json:"summary"`
	Gates      []GateBody      `json:"gates" doc:"about the message itself"`
	Candidates []CandidateBody `json:"candidates"`
}

// CandidateBody is one agent that was considered.
type CandidateBody struct {
	Agent string     `json:"agent"`
	Owner bool       `json:"owner,omitempty"`
	Gates []GateBody `json:"gates"`
}

// GateBody is the outcome of one gate.
type GateBody struct {
	Gate    string  `json:"gate"`
	Outcome string  `json:"outcome" enum:"pass,block,wait,unknown,not_applicable"`
	Code    *string `json:"code"`
	Until   *Time   `json:"until"`
}

// DeliveryBody is a message for one agent.
type DeliveryBody struct {
	Agent         string        `json:"agent"`
	AgentSequence int64         `json:"agent_sequence"`
	State         string        `json:"state" enum:"queued,received,seen,accepted,withdrawn"`
	Code          *string       `json:"code" doc:"why it was withdrawn"`
	Attempts      []AttemptBody `json:"attempts"`
}

// AttemptBody is one try to push.
type AttemptBody struct {
	Number     int     `json:"number"`
	At         *Time   `json:"at"`
	Connection string  `json:"connection"`
	Client     string  `json:"client,omitempty"`
	Node       *string `json:"node"`
	Result     string  `json:"result"`
	Error      *string `json:"error"`
}

type traceOutput struct{ Body TraceBody }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *Server) traceByID(ctx context.Context, by caller, in *struct {
	ID string `path:"id"`
}) (*traceOutput, error) {
	position, ok := conversation.ParseID('m', in.ID)
	if !ok {
		return nil, errNoMessage
	}
	m, err := s.o.Store.Message(ctx, position)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, errNoMessage
	}
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", position, err)
	}
	t := s.tracer(ctx, by)
	if err := t.message(&m, false); err != nil {
		return nil, err
	}
	return t.output()
}

func (s *Server) traceBySender(ctx context.Context, by caller, in *struct {
	Inbox    string `query:"inbox" required:"true"`
	SenderID string `query:"sender_id" required:"true" maxLength:"128"`
}) (*traceOutput, error) {
	t := s.tracer(ctx, by)
	m, err := s.o.Store.MessageBySender(ctx, in.Inbox, in.SenderID)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
	case err != nil:
		return nil, fmt.Errorf("message of sender: %w", err)
	default:
		if err := t.message(&m, true); err != nil {
			return nil, err
		}
	}
	if err := t.refusals(in.Inbox, in.SenderID); err != nil {
		return nil, err
	}
	return t.output()
}

// tracer puts one trace together.
type tracer struct {
	s     *Server
	ctx   context.Context
	by    caller
	see   sight
	m     *ledger.MessageRow
	body  TraceBody
	nodes map[string]*string // by connection
}

func (s *Server) tracer(ctx context.Context, by caller) *tracer {
	return &tracer{s: s, ctx: ctx, by: by, nodes: map[string]*string{}, body: TraceBody{
		Attachments: []FileTraceBody{}, Stages: []StageBody{}, AutoReplies: []AutoReplyBody{}, Decisions: []DecisionBody{}, Deliveries: []DeliveryBody{},
	}}
}

func (t *tracer) output() (*traceOutput, error) {
	if t.body.Message == nil && len(t.body.Stages) == 0 {
		return nil, errNoMessage
	}
	t.titles()
	slices.SortStableFunc(t.body.Stages, func(a, b StageBody) int { return a.when.Compare(b.when) })
	return &traceOutput{Body: t.body}, nil
}

// titles names whom the trace names.
func (t *tracer) titles() {
	set := t.s.o.Ledger.Policy()
	t.body.Titles = map[string]string{}
	account := func(names ...string) {
		for _, name := range names {
			if spec, ok := set.Account(name); ok && spec.Title != "" {
				t.body.Titles["account/"+name] = spec.Title
			}
		}
	}
	decision := func(d *DecisionBody) {
		account(d.Chosen...)
		account(d.Released, d.Held)
		for _, c := range d.Candidates {
			account(c.Agent)
		}
	}
	if t.body.Decision != nil {
		decision(t.body.Decision)
	}
	for i := range t.body.Decisions {
		decision(&t.body.Decisions[i])
	}
	for _, x := range t.body.Stages {
		account(x.Agent)
	}
	if spec, ok := set.Inbox(t.body.Inbox); ok && spec.Title != "" {
		t.body.Titles["inbox/"+t.body.Inbox] = spec.Title
	}
}

func (t *tracer) stage(stage string, at time.Time, result, code string) *StageBody {
	t.body.Stages = append(t.body.Stages, StageBody{Stage: stage, At: t.s.maybe(at), Result: result, Code: orNull(code), when: at})
	return &t.body.Stages[len(t.body.Stages)-1]
}

// message adds the way of a message, as far as the caller may see it.
func (t *tracer) message(m *ledger.MessageRow, bySender bool) error {
	deliveries, err := t.s.o.Store.DeliveriesOf(t.ctx, m.Position)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("deliveries of message %d: %w", m.Position, err)
	}
	if t.see, err = t.s.sightOf(t.ctx, t.by, m, deliveries, bySender); err != nil || t.see == sightNone {
		if bySender { // there may be refused requests that the caller may see
			return err
		}
		return errors.Join(err, errNoMessage)
	}
	t.m = m
	id := conversation.MessageID(m.Position)
	t.body.Message, t.body.Direction, t.body.Inbox, t.body.Kind = &id, string(m.Direction), m.Inbox, m.Kind
	t.body.Sequence, t.body.SenderID, t.body.Contact = m.Sequence, m.SenderID, m.Contact
	if m.Conversation != 0 {
		t.body.Conversation = conversation.ID(m.Conversation)
	}
	if err := t.files(); err != nil {
		return err
	}
	t.beginning()
	if err := t.filter(); err != nil {
		return err
	}
	if err := t.autoReplies(); err != nil {
		return err
	}
	answered, err := t.answered()
	if err != nil {
		return err
	}
	if err := t.decisions(answered); err != nil {
		return err
	}
	for i := range deliveries {
		if err := t.delivery(&deliveries[i]); err != nil {
			return err
		}
	}
	return nil
}

// files says whether the message's files are where they should be.
func (t *tracer) files() error {
	list, err := attachment.Of(t.m)
	if err != nil {
		return err
	}
	for _, a := range list {
		f := FileTraceBody{Type: a.Type, Size: a.Size}
		content, err := t.s.o.Attachments.Open(t.ctx, a.Digest)
		if present := err == nil; present || errors.Is(err, attachment.ErrMissing) {
			f.Present = &present
		}
		if err == nil {
			_ = content.Close() // nothing was read
		}
		t.body.Attachments = append(t.body.Attachments, f)
	}
	return nil
}

func (t *tracer) beginning() {
	m := t.m
	switch m.Direction {
	case ledger.Inbound, ledger.Held, ledger.Refused:
		t.stage("intake", m.ReceivedAt, "received", "")
		t.stage("stored", m.At, "stored", "")
	case ledger.Outbound:
		t.stage("stored", m.At, "stored", "").Agent = m.Author
		t.stage("sent", m.At, "sent", "")
		if m.ReplyState != ledger.ReplySent {
			t.stage(string(m.ReplyState), m.ReplyAt, string(m.ReplyState), "").Detail = m.ReplyDetail
		}
	default:
		t.stage("stored", m.At, "stored", "")
	}
}

// answered finds the first reply after an inbound message; 0 if there is none.
func (t *tracer) answered() (int64, error) {
	if t.m.Direction != ledger.Inbound {
		return 0, nil
	}
	const piece = 100
	for after := t.m.Sequence; ; {
		rows, err := t.s.o.Store.ConversationMessages(t.ctx, t.m.Conversation, after, piece)
		if err != nil {
			return 0, fmt.Errorf("messages of conversation %d: %w", t.m.Conversation, err)
		}
		for _, r := range rows {
			if r.Direction == ledger.Outbound && r.Kind != conversation.KindAutoReply {
				t.stage("answered", r.At, conversation.MessageID(r.Position), "").Agent = r.Author
				return r.Position, nil
			}
		}
		if len(rows) < piece {
			return 0, nil
		}
		after = rows[len(rows)-1].Sequence
	}
}

const mostDecisions = 1000

func (t *tracer) decisions(answered int64) error {
	if t.m.Decision == nil {
		return nil
	}
	first, err := t.decision(t.m.Decision)
	if err != nil {
		return err
	}
	t.body.Decision = first
	t.stage("decided", t.m.Decision.At, first.Verdict, first.Code)
	if t.m.Conversation == 0 {
		return nil
	}
	rows, err := t.s.o.Store.DecisionsOf(t.ctx, t.m.Conversation, mostDecisions)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("decisions of conversation %d: %w", t.m.Conversation, err)
	}
	for i := range rows {
		if rows[i].Position <= t.m.Position || answered != 0 && rows[i].Position > answered {
			continue
		}
		d, err := t.decision(&rows[i])
		if err != nil {
			return err
		}
		t.body.Decisions = append(t.body.Decisions, *d)
		t.stage("decided", rows[i].At, d.Verdict, d.Code).Detail = d.Cause
	}
	return nil
}

func (t *tracer) decision(row *ledger.DecisionRow) (*DecisionBody, error) {
	content, err := t.s.o.Store.Outcomes(t.ctx, row.Outcomes)
	if err != nil {
		return nil, fmt.Errorf("outcomes of decision %d: %w", row.Position, err)
	}
	d, err := intake.Decision(row, t.m.Kind, content)
	if err == nil {
		d.Rule, err = intake.RuleOf(t.ctx, t.s.o.Store, row)
	}
	if err != nil {
		return nil, err
	}
	b := &DecisionBody{
		Position: row.Position, Revision: row.Revision, At: t.s.time(row.At), Cause: row.Cause, Verdict: row.Verdict, Code: row.Code, Chosen: orEmpty(row.Chosen),
		Released: row.Released, Held: row.Held, Engine: row.Engine, Summary: d.Summary(t.by.lang, t.s.summaryZone()),
		Gates: []GateBody{}, Candidates: []CandidateBody{},
	}
	for g := range reception.GateCount {
		if g.AboutMessage() {
			b.Gates = append(b.Gates, t.gate(g, d.Message[g]))
		}
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if t.see == sightAll || t.see == sightOwn && c.Account == t.by.account {
			b.Candidates = append(b.Candidates, t.candidate(c))
		}
	}
	return b, nil
}

func (t *tracer) candidate(c *reception.Candidate) CandidateBody {
	b := CandidateBody{Agent: c.Account, Owner: c.Owner, Gates: make([]GateBody, 0, reception.GateCount)}
	for g := range reception.GateCount {
		b.Gates = append(b.Gates, t.gate(g, c.Cells[g]))
	}
	return b
}

func (t *tracer) gate(g reception.Gate, c reception.Cell) GateBody {
	b := GateBody{Gate: g.String(), Outcome: c.Outcome.String(), Code: orNull(c.Code.String())}
	if c.Until != 0 {
		b.Until = t.s.maybe(time.UnixMicro(c.Until))
	}
	return b
}

func (t *tracer) delivery(d *ledger.DeliveryRow) error {
	if t.see == sightSender || t.see == sightOwn && d.Account != t.by.account {
		return nil
	}
	b := DeliveryBody{Agent: d.Account, AgentSequence: d.Sequence, State: string(d.State), Attempts: []AttemptBody{}}
	if d.State == ledger.Withdrawn {
		b.Code = orNull(d.Code)
	}
	t.stage("queued", d.At, "queued", "").Agent = d.Account
	attempts, err := t.s.attempts(t.ctx, d)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		node, err := t.node(d.Account, a.Connection, cmp.Or(a.At, d.ReceivedAt))
		if err != nil {
			return err
		}
		b.Attempts = append(b.Attempts, AttemptBody{
			Number: a.Number, At: t.s.maybe(a.At), Connection: a.Connection, Client: a.Client, Node: node, Result: a.Result, Error: orNull(a.Error),
		})
		pushed := t.stage("pushed", cmp.Or(a.At, d.ReceivedAt), a.Result, a.Error)
		pushed.Agent, pushed.Node, pushed.At = d.Account, node, t.s.maybe(a.At)
	}
	t.body.Deliveries = append(t.body.Deliveries, b)
	for _, x := range []struct {
		stage string
		at    time.Time
		code  string
	}{{"received", d.ReceivedAt, ""}, {"seen", d.SeenAt, ""}, {"accepted", d.AcceptedAt, ""}, {"withdrawn", d.WithdrawnAt, d.Code}} {
		if !x.at.IsZero() {
			t.stage(x.stage, x.at, x.stage, x.code).Agent = d.Account
		}
	}
	return nil
}

// attempts lists all tries: the first lies in the delivery itself.
func (s *Server) attempts(ctx context.Context, d *ledger.DeliveryRow) ([]ledger.AttemptRow, error) {
	if d.Attempts == 0 {
		return nil, nil
	}
	list := []ledger.AttemptRow{{Number: 1, At: d.PushedAt, Connection: d.Connection, Client: d.Client, Result: d.Result}}
	if list[0].Result == "unacknowledged" {
		list[0].Error = reception.CodePushUnacknowledged.String()
	}
	if d.Attempts == 1 {
		return list, nil
	}
	rows, err := s.o.Store.Attempts(ctx, d.Account, d.Sequence)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("attempts of %s/%d: %w", d.Account, d.Sequence, err)
	}
	return append(list, rows...), nil
}

const mostFacts = 500

// node finds the process that held a connection, in the facts about it.
func (t *tracer) node(account, connection string, at time.Time) (*string, error) {
	if connection == "" || at.IsZero() {
		return nil, nil // not recorded is an answer, and null in the trace
	}
	if n, ok := t.nodes[connection]; ok {
		return n, nil
	}
	rows, err := t.s.o.Store.FactsBetween(t.ctx, ledger.AccountSubject(account), at, at, mostFacts)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("connections of %s: %w", account, err)
	}
	t.nodes[connection] = nodeOf(rows, connection)
	return t.nodes[connection], nil
}

// refusals adds the requests with a sender's id that were refused, as far as the caller may see them: its own, or all with the right to the log.
func (t *tracer) refusals(inbox, senderID string) error {
	all := t.s.can(t.by, policy.TraceView) || t.s.can(t.by, policy.IntakeLogView)
	if !all && !t.s.can(t.by, policy.MessagePost) {
		return nil
	}
	t.s.o.Intake.Flush(t.ctx)
	rows, err := t.s.o.Store.Refusals(t.ctx, inbox, senderID, 0, 100)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("refusals: %w", err)
	}
	for _, r := range slices.Backward(rows) {
		if all || r.Account == t.by.account {
			x := t.stage("intake", r.At, "refused", r.Code)
			x.Field, x.Detail = r.Field, r.Detail
		}
	}
	if len(t.body.Stages) > 0 {
		t.body.Inbox, t.body.SenderID = inbox, senderID
	}
	return nil
}
