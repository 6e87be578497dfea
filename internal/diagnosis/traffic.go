package diagnosis

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

const (
	// dayLong is how far traffic and delivery records are looked at.
	dayLong = 24 * time.Hour
	// maxEntries bounds how many of the agent's newest deliveries are looked at one by one.
	maxEntries = 200
	// journalSpan is how many of the newest ledger positions are searched for decisions, which bounds the work on a busy installation.
	journalSpan = 1000
	// pushPatience is how long a push may go without acknowledgement before it counts as unacknowledged.
	pushPatience = 5 * time.Second
)

// day is the traffic of the scope in the 24 hours before the moment.
type day struct {
	offered, pushed, received int
	// elsewhere counts the offered messages, among the decisions that were looked at, that the agent could have had and a colleague has.
	elsewhere []int64
	// missed are messages that came while a fault that is over kept the agent from them.
	missed []missed
	// whole says that every decision of the day was looked at.
	whole bool
	from  time.Time
}

// missed is a message that a fault cost the agent.
type missed struct {
	message int64
	code    reception.Code
	at      time.Time
	cell    int
}

// entry is a delivery as it stood at the moment.
type entry struct {
	ledger.DeliveryRow
	cell   int
	unseen reception.Code // why it was not seen, if that was looked at
}

// cellOf finds a cell of the scope; -1 if it is not in it.
func (r *run) cellOf(inbox, kind string) int {
	return slices.IndexFunc(r.cells, func(c cell) bool { return c.inbox == inbox && c.kind == kind })
}

// readDay reads the traffic of the scope.
func (r *run) readDay() error {
	r.day.from = r.m.at.Add(-dayLong)
	until := r.m.at.Add(time.Microsecond)
	offered, err := r.s.Flow.Offered(r.ctx, r.day.from, until)
	if err != nil {
		return err
	}
	for _, row := range offered {
		if r.cellOf(row.Inbox, row.Kind) >= 0 {
			r.day.offered += row.Offered
		}
	}
	traffic, err := r.s.Flow.Traffic(r.ctx, r.q.Agent, r.day.from, until)
	if err != nil {
		return err
	}
	for _, row := range traffic {
		if r.cellOf(row.Inbox, row.Kind) >= 0 {
			r.day.pushed += row.Pushed
			r.day.received += row.Received
		}
	}
	if err := r.readEntries(); err != nil {
		return err
	}
	if r.day.offered == 0 {
		r.day.whole = true
		return nil
	}
	return r.readJournal()
}

// readEntries reads the agent's newest deliveries, as they stood at the moment.
func (r *run) readEntries() error {
	a := r.s.Ledger.Agent(r.q.Agent)
	if a == nil || a.Sequence == 0 {
		return nil
	}
	rows, err := r.s.Flow.NewestDeliveries(r.ctx, r.q.Agent, r.m.position, maxEntries)
	if err != nil {
		return err
	}
	for _, d := range rows {
		if d.Type != ledger.EntryMessage || d.At.Before(r.day.from) || d.At.After(r.m.at) {
			continue
		}
		if i := r.cellOf(d.Inbox, d.Kind); i >= 0 {
			r.entries = append(r.entries, entry{DeliveryRow: asOf(d, r.m.at), cell: i})
		}
	}
	return nil
}

// asOf takes back what happened to a delivery after an instant.
func asOf(d ledger.DeliveryRow, at time.Time) ledger.DeliveryRow {
	undo := func(t *time.Time) {
		if t.After(at) {
			*t = time.Time{}
		}
	}
	if d.PushedAt.After(at) {
		d.Result, d.Attempts = "", 0
	}
	undo(&d.PushedAt)
	undo(&d.ReceivedAt)
	undo(&d.SeenAt)
	undo(&d.AcceptedAt)
	if d.WithdrawnAt.After(at) {
		d.Code = ""
	}
	undo(&d.WithdrawnAt)
	switch {
	case !d.WithdrawnAt.IsZero():
		d.State = ledger.Withdrawn
	case !d.AcceptedAt.IsZero():
		d.State = ledger.Accepted
	case !d.SeenAt.IsZero():
		d.State = ledger.Seen
	case !d.ReceivedAt.IsZero():
		d.State = ledger.Received
	default:
		d.State = ledger.Queued
	}
	return d
}

// readJournal looks at the newest decisions: what the agent could have had and a colleague has, and what a fault that is over kept from it.
func (r *run) readJournal() error {
	after, err := r.s.Facts.PositionAt(r.ctx, r.day.from)
	if err != nil {
		return err
	}
	r.day.whole = r.m.position-after <= journalSpan
	after = max(after, r.m.position-journalSpan)
	rows, err := r.s.Flow.DecidedMessages(r.ctx, after, r.m.position, journalSpan)
	if err != nil {
		return err
	}
	mine := map[int64]bool{}
	for i := range r.entries {
		mine[r.entries[i].Message] = true
	}
	seen := map[[16]byte]*reception.Vector{}
	for i := range rows {
		m := &rows[i]
		at := r.cellOf(m.Inbox, m.Kind)
		if at < 0 || m.Decision == nil || intercepting(m.Decision) || mine[m.Position] || slices.Contains(m.Decision.Chosen, r.q.Agent) {
			continue
		}
		v, known := seen[m.Decision.Outcomes]
		if !known {
			if v, err = r.recorded(m.Decision.Outcomes); err != nil {
				return err
			}
			seen[m.Decision.Outcomes] = v
		}
		if v != nil {
			r.count(m, at, v)
		}
	}
	return nil
}

// intercepting says that a decision kept a message from everybody, as a filter rule wanted: no agent missed it.
func intercepting(d *ledger.DecisionRow) bool {
	return d.Verdict == reception.Quarantined.String() || d.Verdict == reception.Rejected.String()
}

// recorded reads the agent's own outcomes from a journal entry; nil if it was no candidate.
func (r *run) recorded(id [16]byte) (*reception.Vector, error) {
	content, err := r.s.Messages.Outcomes(r.ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, candidates, err := reception.DecodeOutcomes(onlyOf(content, r.q.Agent))
	if err != nil {
		return nil, nil // written by another version of the engine: what it says is not known here
	}
	for i := range candidates {
		if candidates[i].Account == r.q.Agent {
			return &candidates[i].Cells, nil
		}
	}
	return nil, nil
}

// onlyOf cuts everybody but one account out of an outcome set: with hundreds of candidates, decoding all of them is most of the work. Content in another
// form than reception.EncodeOutcomes writes comes back as it is.
func onlyOf(content []byte, account string) []byte {
	const vectors, agents, gates = `"vectors":[`, `{"agents":[`, `],"gates":{`
	begin := bytes.Index(content, []byte(vectors))
	if begin < 0 {
		return content
	}
	begin += len(vectors)
	cut := slices.Clip(content[:begin])
	name := []byte(`"` + account + `"`)
	for rest := content[begin:]; bytes.HasPrefix(rest, []byte(agents)); {
		listed := bytes.Index(rest, []byte(gates))
		if listed < 0 {
			return content
		}
		end := bytes.IndexByte(rest[listed+len(gates):], '}')
		if end < 0 {
			return content
		}
		end += listed + len(gates) + 1
		if bytes.Contains(rest[:listed], name) {
			cut = append(append(append(append(cut, agents...), name...), rest[listed:end]...), "}]}"...)
			return cut
		}
		rest = bytes.TrimPrefix(rest[end:], []byte("},"))
	}
	return append(cut, "]}"...)
}

// count puts one decided message where it belongs.
func (r *run) count(m *ledger.MessageRow, at int, v *reception.Vector) {
	g := ownStop(v)
	if g == reception.GateCount {
		if m.Decision.Verdict != reception.Waiting.String() || v[reception.ConversationGate].Outcome.Stops() {
			r.day.elsewhere = append(r.day.elsewhere, m.Position)
		}
		return
	}
	c := &r.cells[at]
	if costs(g) && !onPurpose(v) && !c.vector[g].Outcome.Stops() {
		r.day.missed = append(r.day.missed, missed{m.Position, v[g].Code, m.At, at})
	}
}

// ownStop is the first gate that stops the agent itself, whatever became of the conversation and the choice.
func ownStop(v *reception.Vector) reception.Gate {
	for g := range reception.GateCount {
		if g != reception.ConversationGate && g != reception.Routing && v.Stopped(g) {
			return g
		}
	}
	return reception.GateCount
}

// costs says whether a gate that stopped is a fault that cost messages. Being signed out, away or not connected before work begins is none.
func costs(g reception.Gate) bool {
	switch g {
	case reception.AccountLogin, reception.PresenceGate, reception.ConnectionGate:
		return false
	}
	return true
}

// onPurpose says whether some gate stopped the agent as intended: then a fault beside it cost nothing.
func onPurpose(v *reception.Vector) bool {
	for g := range reception.GateCount {
		if v.Stopped(g) && reception.Lookup(v[g].Code).Expected == reception.AsExpected &&
			g != reception.ConversationGate && g != reception.Routing {
			return true
		}
	}
	return false
}

// counts are the numbers of the report. What was made for the agent it was eligible for, too.
func (r *run) counts() Traffic {
	return Traffic{
		Offered: r.day.offered, Eligible: min(r.day.pushed+len(r.day.elsewhere), max(r.day.offered, r.day.pushed)),
		AssignedElsewhere: len(r.day.elsewhere), Pushed: r.day.pushed, Received: r.day.received,
	}
}

// Stages of part 5, as checks and findings name them.
const (
	stageIntake   = "intake"
	stageQueue    = "queue"
	stagePush     = "push"
	stageView     = "view"
	stageTraffic  = "traffic"
	stageRecovery = "recovery"
	stageRouting  = "routing"
)

// delivered looks at the delivery records of a cell: part 5 of the check-list.
func (r *run) delivered(i int) (push, view reception.Cell) {
	push, view = reception.Cell{Outcome: reception.NotApplicable}, reception.Cell{Outcome: reception.NotApplicable}
	if in := r.m.policy.Inboxes[r.cells[i].inbox]; in == nil || in.Mode == reception.Async {
		return push, view // what lies in the list is delivered
	}
	for _, e := range r.entries {
		if e.cell != i || e.State == ledger.Withdrawn {
			continue
		}
		switch fault := r.pushFault(&e); {
		case fault.Outcome.Stops():
			push = fault
		case push.Outcome == reception.NotApplicable:
			push.Outcome = reception.Pass
		}
		if e.ReceivedAt.IsZero() {
			continue
		}
		if view.Outcome = reception.Pass; e.SeenAt.IsZero() && e.AcceptedAt.IsZero() {
			view.Code = cmp.Or(e.unseen, reception.CodeViewNotSeen)
		}
	}
	return push, view
}

// pushFault says why a delivery has not arrived at the moment.
func (r *run) pushFault(e *entry) reception.Cell {
	return pushFault(&e.DeliveryRow, r.connected(), r.m.at)
}

// pushFault says why a delivery in a live inbox has not arrived at an instant. It passes if it has, or may still. Pushes are recorded when they are acknowledged
// or given up: where a connection is open and nothing was recorded for longer than that takes, what became of the push is not known.
func pushFault(d *ledger.DeliveryRow, connected bool, at time.Time) reception.Cell {
	switch {
	case d.State != ledger.Queued:
	case !d.PushedAt.IsZero():
		if d.Result == "unacknowledged" || at.Sub(d.PushedAt) >= pushPatience {
			return reception.Cell{Outcome: reception.Block, Code: reception.CodePushUnacknowledged}
		}
	case at.Sub(d.At) < 2*pushPatience && connected, at.Sub(d.At) < pushPatience:
	case connected:
		return reception.Cell{Outcome: reception.Unknown, Code: reception.CodePushUnacknowledged}
	default:
		return reception.Cell{Outcome: reception.Block, Code: reception.CodePushNoConnection}
	}
	return reception.Cell{Outcome: reception.Pass}
}

// findDelivery makes findings of pushes that did not arrive, and of faults that are over but cost messages.
func (r *run) findDelivery() error {
	r.findPushes()
	if err := r.findViews(); err != nil {
		return err
	}
	return r.findGaps()
}

func (r *run) findPushes() {
	found := map[reception.Cell]*finding{}
	for i := range r.entries {
		e := &r.entries[i]
		if in := r.m.policy.Inboxes[e.Inbox]; in == nil || in.Mode == reception.Async {
			continue
		}
		fault := r.pushFault(e)
		if !fault.Outcome.Stops() {
			continue
		}
		f := found[fault]
		if f == nil {
			f = r.stageFinding(stagePush, fault.Code, fault.Outcome)
			f.cause.since = e.At
			found[fault] = f
			r.findings = append(r.findings, f)
		}
		f.include(e.cell)
		if f.listed++; f.listed <= maxListed {
			f.add(r.fromDelivery(&e.DeliveryRow)...)
		}
	}
}

// findGaps reports messages that were lost to the agent by a fault that is over: taken back when it lost the conversation, or decided past it.
func (r *run) findGaps() error {
	gaps := map[reception.Code]*finding{}
	gap := func(code reception.Code, at time.Time, cell int) *finding {
		f := gaps[code]
		if f == nil {
			f = r.stageFinding(stageRecovery, reception.CodeRecoveryGap, reception.Pass)
			f.cause.since = at
			f.add(Evidence{Fact: "fault", Value: code.String(), Source: "journal", At: r.instant(at)})
			gaps[code] = f
			r.findings = append(r.findings, f)
		}
		f.include(cell)
		return f
	}
	for i := range r.entries {
		e := &r.entries[i]
		if e.State != ledger.Withdrawn || r.cells[e.cell].vector.First() != reception.GateCount {
			continue
		}
		why, err := r.whyLost(e)
		if err != nil {
			return err
		}
		if why != 0 {
			gap(why, e.WithdrawnAt, e.cell).lost(r, e.Message, e.WithdrawnAt, why)
		}
	}
	for _, m := range r.day.missed {
		gap(m.code, m.at, m.cell).lost(r, m.message, m.at, m.code)
	}
	return nil
}

// whyLost is the fault for which a delivery was taken back; 0 if it was none: handed on, claimed, not accepted or answered in time, or given up by going away.
func (r *run) whyLost(e *entry) (reception.Code, error) {
	code, _ := reception.ParseCode(e.Code)
	if code == reception.CodePushNotEntitled {
		return code, nil
	}
	if code != reception.CodeDeliveryWithdrawnOwnerReleased {
		return 0, nil
	}
	owners, err := r.s.Facts.AssignmentsOf(r.ctx, e.Conversation)
	if err != nil {
		return 0, err
	}
	lost := (&fate{owners: owners}).lostBy(r.q.Agent, &e.DeliveryRow)
	if lost == nil {
		return code, nil
	}
	why, ok := reception.ParseCode(lost.ToCode)
	reason := reception.Lookup(why)
	if !ok || reason.Expected == reception.AsExpected || reason.Gate == reception.PresenceGate.String() {
		return 0, nil // given back by hand, or for what was to be expected
	}
	return why, nil
}

func (f *finding) lost(r *run, message int64, at time.Time, code reception.Code) {
	id := conversation.MessageID(message)
	f.messages = append(f.messages, id)
	if len(f.messages) <= maxListed {
		f.add(Evidence{Fact: "message/" + id, Value: code.String(), Source: "journal", At: r.instant(at)})
	}
}

func (f *finding) include(cell int) {
	if !slices.Contains(f.cells, cell) {
		f.cells = append(f.cells, cell)
		slices.Sort(f.cells)
	}
}

// stageFinding is a finding that no gate of the engine made.
func (r *run) stageFinding(stage string, code reception.Code, outcome reception.Outcome) *finding {
	reason := reception.Lookup(code)
	f := &finding{gate: reception.GateCount, stage: stage, code: code, outcome: outcome, expected: reason.Expected == reception.AsExpected}
	if f.expected {
		f.because = Text{reason.Because.ZH, reason.Because.EN}
	}
	return f
}

// fromDelivery is what is recorded of one delivery.
func (r *run) fromDelivery(d *ledger.DeliveryRow) []Evidence {
	id := "delivery/" + conversation.MessageID(d.Message)
	value := string(d.State)
	if d.Code != "" {
		value += ": " + d.Code
	}
	list := []Evidence{{Fact: id, Value: value, Source: fmt.Sprintf("agent_sequence %d", d.Sequence), At: r.instant(d.At)}}
	stage := func(name string, at time.Time, source string) {
		if !at.IsZero() {
			list = append(list, Evidence{Fact: id + "/" + name, Value: r.clock(at), Source: source, At: r.instant(at)})
		}
	}
	pushed := "connection " + d.Connection
	if d.Result != "" {
		pushed += ": " + d.Result
	}
	stage("pushed", d.PushedAt, pushed)
	stage("received", d.ReceivedAt, "client "+d.ReceivedBy)
	stage("seen", d.SeenAt, "client "+d.ReceivedBy)
	stage("accepted", d.AcceptedAt, "client "+d.ReceivedBy)
	stage("withdrawn", d.WithdrawnAt, d.Code)
	return list
}

// queues says, for the present, whether conversations wait in a cell for somebody to receive them. Of the past that is not asked.
func (r *run) queues() []reception.Cell {
	list := make([]reception.Cell, len(r.cells))
	for i := range list {
		list[i] = reception.Cell{Outcome: reception.NotApplicable}
	}
	if r.m.past || r.nowhere {
		return list
	}
	for i := range list {
		list[i].Outcome = reception.Pass
	}
	r.s.Ledger.OpenConversations(func(c *ledger.ConversationRow) bool {
		if c.WaitingSince != 0 && c.Owner == "" {
			if i := r.cellOf(c.Inbox, c.Kind); i >= 0 {
				list[i].Code = reception.CodeQueueWaiting
			}
		}
		return false
	})
	return list
}

// countEvidence says what was counted, and over which decisions.
func (r *run) countEvidence() []Evidence {
	list := []Evidence{{
		Fact: "traffic.offered", Value: fmt.Sprintf("%d in the 24 hours before", r.day.offered), Source: "messages", At: r.instant(r.m.at),
	}}
	if len(r.day.elsewhere) > 0 {
		over := "all decisions of the 24 hours"
		if !r.day.whole {
			over = fmt.Sprintf("the decisions of the newest %d ledger positions", journalSpan)
		}
		list = append(list, Evidence{
			Fact: "traffic.assigned_elsewhere", Value: fmt.Sprintf("%d", len(r.day.elsewhere)), Source: "journal, " + over, At: r.instant(r.m.at),
		})
		for i, position := range r.day.elsewhere {
			if i == maxListed {
				break
			}
			list = append(list, Evidence{Fact: "message/" + conversation.MessageID(position), Value: "a colleague has it", Source: "journal"})
		}
	}
	return list
}

func (r *run) connected() bool {
	return r.m.world.Agent(r.q.Agent).Connection.State == reception.ConnectionOpen
}
