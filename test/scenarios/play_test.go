package scenarios

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var quiet = slog.New(slog.DiscardHandler)

// asker answers questions about what happened on a stage: in process, or through the API.
type asker interface {
	diagnosis(by string, q diagnosis.Query) (*diagnosis.Report, error)
	// trace says what became of a message.
	trace(position int64) *trace
}

// trace is a message's way, as far as scenarios look at it.
type trace struct {
	first, last *decision
	deliveries  map[string]string
	automatic   []string // automatic replies that were due
	says        []string // what automatic replies said in the conversation
}

type decision struct {
	code   string
	gates  []string
	agents map[string][]string
}

// perform plays a scenario and says what came otherwise than it should.
func perform(t *testing.T, s *scenario, g *stage, a asker) []string {
	t.Helper()
	for i := range s.Given {
		g.play(&s.Given[i])
	}
	c := &comparison{}
	about := s.When.Look
	if m := s.When.Message; m != nil {
		about = m.ID
		c.outcome(&s.Then, g.send(m))
	}
	if q := s.When.Ask; q != nil {
		about = or(q.Message, about)
		query := diagnosis.Query{Agent: q.Agent, Inbox: q.Inbox, Kind: q.Kind, Excess: q.Excess, Lang: "zh"}
		if q.Ago != "" {
			query.At = g.now.Add(-g.length(q.Ago))
		}
		if q.Message != "" {
			query.Message = conversation.MessageID(g.messages[q.Message])
		}
		r, err := a.diagnosis(or(q.By, "lead"), query)
		if err != nil {
			t.Fatalf("%s: the question was refused: %v", s.Name, err)
		}
		c.report(&s.Then, r)
	}
	if position := g.messages[about]; position != 0 {
		c.trace(&s.Then, a.trace(position))
	}
	return c.wrong
}

// comparison collects what came otherwise than it should.
type comparison struct{ wrong []string }

func (c *comparison) same(what string, want, got any) {
	if w, g := fmt.Sprint(want), fmt.Sprint(got); w != g {
		c.wrong = append(c.wrong, fmt.Sprintf("%s:\n    expected %s\n    came     %s", what, w, g))
	}
}

func (c *comparison) outcome(want *answer, o outcome) {
	c.same("refused", want.Refused, o.refused)
	c.same("status", want.Status, o.status)
	if want.Receivers != nil || o.status == "waiting" {
		c.same("receivers", want.Receivers, o.receivers)
	}
	if want.Summary != "" {
		c.same("summary", want.Summary, o.summary)
	}
}

func (c *comparison) trace(want *answer, tr *trace) {
	if want.Code != "" {
		c.same("code", want.Code, tr.first.code)
	}
	if want.Later != "" {
		c.same("code of the last decision", want.Later, tr.last.code)
	}
	if want.Gates != nil {
		c.same("gates about the message", lines(want.Gates), lines(tr.first.gates))
	}
	if want.Automatic != nil {
		c.same("automatic replies", lines(want.Automatic), lines(tr.automatic))
	}
	if want.Says != nil {
		c.same("what they say", lines(want.Says), lines(tr.says))
	}
	for agent, gates := range want.Agents {
		c.same("gates of "+agent, lines(gates), lines(tr.first.agents[agent]))
	}
	for agent, gates := range want.LaterAgents {
		c.same("gates of "+agent+" in the last decision", lines(gates), lines(tr.last.agents[agent]))
	}
	for agent, state := range want.Deliveries {
		c.same("delivery to "+agent, state, tr.deliveries[agent])
	}
}

func lines(list []string) string { return strings.Join(list, ", ") }

func (c *comparison) report(want *answer, r *diagnosis.Report) {
	c.same("verdict", want.Verdict, r.Verdict)
	var primary *diagnosis.Finding
	var causes, follows []string
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Primary {
			primary = f
		}
		if f.ConsequenceOf == nil {
			causes = append(causes, f.Code)
		} else {
			follows = append(follows, f.Code)
		}
	}
	if primary == nil {
		primary = &diagnosis.Finding{}
	}
	c.same("primary cause", want.Primary, primary.Code)
	if want.Expected != nil {
		c.same("expected", *want.Expected, primary.Expected)
	}
	if want.Causes != nil {
		c.same("causes", lines(want.Causes), lines(causes))
	}
	if want.Follows != nil {
		c.same("what follows", lines(want.Follows), lines(follows))
	}
	if want.Fix != nil {
		c.same("fix", lines(want.Fix), lines(repair(primary.Fix)))
	}
	if want.Restores != nil {
		c.same("the fix restores", *want.Restores, primary.Fix != nil && primary.Fix.Verified)
	}
	if !strings.Contains(r.Headline.ZH, want.Headline) {
		c.same("headline", want.Headline, r.Headline.ZH)
	}
	if want.Dead != nil {
		var dead []string
		for _, d := range r.DeadRules {
			dead = append(dead, strings.TrimPrefix(d.Path, "/spec/"))
		}
		c.same("grants without effect", lines(want.Dead), lines(dead))
	}
	for _, check := range want.Checks {
		if got := checks(r); !slices.Contains(got, check) {
			c.same("check list", check, lines(got))
		}
	}
}

// repair is a fix in short: the documents to change, then the things to do.
func repair(f *diagnosis.Fix) (list []string) {
	if f == nil {
		return nil
	}
	for _, e := range f.Edits {
		list = append(list, e.Kind+"/"+e.Name)
	}
	for _, a := range f.Actions {
		list = append(list, a.Action)
	}
	return list
}

func checks(r *diagnosis.Report) (list []string) {
	for _, x := range r.Checks {
		if x.Code != "" {
			list = append(list, x.Outcome+" "+x.Code)
		}
	}
	return list
}

// codes are all that a scenario names: what it names is checked, so they come up when it passes.
func (w *answer) codes() []string {
	list := []string{w.Code, w.Refused, w.Later, w.Primary}
	for _, more := range [][]string{w.Gates, w.Causes, w.Follows, w.Checks} {
		list = append(list, more...)
	}
	for _, agents := range []map[string][]string{w.Agents, w.LaterAgents} {
		for _, more := range agents {
			list = append(list, more...)
		}
	}
	for _, state := range w.Deliveries {
		list = append(list, strings.ReplaceAll(state, ",", " "))
	}
	return strings.Fields(strings.Join(list, " "))
}

// postCommand takes a message in without the API.
func (g *stage) postCommand(m message) outcome {
	g.t.Helper()
	p := &conversation.Post{
		Inbox: m.Inbox, SenderID: m.ID, ContactID: m.From, ContactName: m.From, Kind: m.Kind, Text: "您好", SentAt: g.now, ReceivedAt: g.now,
		Digest: [16]byte(fmt.Appendf(nil, "%16.16s", m.From)),
	}
	if m.Conversation != "" {
		p.Conversation = g.thread(m.Conversation)
	}
	if err := g.try(p); err != nil {
		return outcome{refused: refusal(g.t, err)}
	}
	d := &p.Decision
	if p.Rejected() != "" {
		return outcome{refused: d.Code.String()}
	}
	return outcome{status: d.Verdict.String(), receivers: d.Chosen, summary: d.Summary("zh", shanghai), position: p.Message, thread: p.Stored.Conversation}
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	var p *problem.Error
	if !errors.As(err, &p) {
		t.Fatalf("an error that is no refusal: %v", err)
	}
	return p.Code
}

// inProcess asks the services themselves.
type inProcess struct{ g *stage }

func (a inProcess) diagnosis(by string, q diagnosis.Query) (*diagnosis.Report, error) {
	r, err := a.g.diagnose.Diagnose(a.g.t.Context(), by, q)
	if err != nil {
		return nil, err
	}
	// The report as everybody else gets it.
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var again diagnosis.Report
	return &again, json.Unmarshal(raw, &again)
}

func (a inProcess) trace(position int64) *trace {
	t := a.g.t
	t.Helper()
	ctx := t.Context()
	m := must(a.g.store.Message(ctx, position))(t)
	tr := &trace{first: a.decision(m.Decision, m.Kind), deliveries: map[string]string{}}
	tr.last = tr.first
	rows, err := a.g.store.DecisionsOf(ctx, m.Conversation, 1000)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
	for i := range rows {
		if rows[i].Position > position {
			tr.last = a.decision(&rows[i], m.Kind)
		}
	}
	for _, d := range must(a.g.store.DeliveriesOf(ctx, position))(t) {
		text := string(d.State)
		if d.State == ledger.Withdrawn {
			text += " " + d.Code
		}
		if d.Attempts > 0 {
			text += ", pushed " + d.Result
		}
		tr.deliveries[d.Account] = text
	}
	a.automatic(tr, &m)
	return tr
}

func (a inProcess) automatic(tr *trace, m *ledger.MessageRow) {
	ctx := a.g.t.Context()
	for _, name := range a.g.l.Policy().AutoReplyNames() {
		for _, r := range must(a.g.store.AutoRepliesFor(ctx, []int64{m.Position}))(a.g.t) {
			if r.Rule == name {
				tr.automatic = append(tr.automatic, name+" "+string(r.Outcome))
			}
		}
	}
	if m.Conversation == 0 {
		return
	}
	for _, x := range must(a.g.store.ConversationMessages(ctx, m.Conversation, 0, 1000))(a.g.t) {
		if x.Kind == conversation.KindAutoReply {
			tr.says = append(tr.says, x.Text)
		}
	}
}

func (a inProcess) decision(row *ledger.DecisionRow, kind string) *decision {
	t := a.g.t
	t.Helper()
	content := must(a.g.store.Outcomes(context.Background(), row.Outcomes))(t)
	d := must(intake.Decision(row, kind, content))(t)
	out := &decision{code: row.Code, agents: map[string][]string{}}
	for gate := range reception.GateCount {
		if gate.AboutMessage() {
			out.gates = appendCell(out.gates, d.Message[gate])
		}
	}
	for i := range d.Candidates {
		var list []string
		for gate := range reception.GateCount {
			list = appendCell(list, d.Candidates[i].Cells[gate])
		}
		out.agents[d.Candidates[i].Account] = list
	}
	return out
}

func appendCell(list []string, c reception.Cell) []string {
	if c.Code == 0 {
		return list
	}
	return append(list, c.Outcome.String()+" "+c.Code.String())
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const defaultAt = "2026-11-20 14:00"

func (s *scenario) begin() string { return cmp.Or(s.At, defaultAt) }
