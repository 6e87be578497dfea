package diagnosis

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// maxDecisions bounds how many later decisions on a conversation are looked at.
const maxDecisions = 200

// fate is one message and what became of it for the agent.
type fate struct {
	row       ledger.MessageRow
	at        time.Time // up to when records are looked at
	decisions []ledger.DecisionRow
	decision  ledger.DecisionRow // the one that decided who has it, else the newest
	owners    []ledger.AssignmentRow
	mine      []ledger.DeliveryRow // as they stood, oldest first
	others    []ledger.DeliveryRow
	filter    *intercepted // what a filter rule keeps from everybody; nil for any other message
}

// aboutMessage reports why a message did, or did not, reach the agent: as of the decision that gave it to somebody, and by what became of it.
func (r *run) aboutMessage(view *ledger.View) (*Report, error) {
	r.report = newReport()
	f, err := r.readFate()
	if err != nil {
		return nil, err
	}
	if err := r.subject(); err != nil {
		return nil, err
	}
	r.cells = []cell{{inbox: f.row.Inbox, kind: f.row.Kind}}
	switch last := f.last(); {
	case f.filter != nil:
		err = r.keptBack(view, f)
	case last == nil:
		err = r.notGiven(view, f)
	case last.State == ledger.Withdrawn:
		err = r.takenBack(view, f, last)
	case last.ReceivedAt.IsZero() && last.State == ledger.Queued:
		err = r.notArrived(view, f, last)
	default:
		err = r.arrived(view, f, last)
	}
	if err != nil {
		return nil, err
	}
	r.day.offered, r.day.whole = 1, true
	for _, d := range f.mine {
		r.day.pushed = 1
		if !d.ReceivedAt.IsZero() {
			r.day.received = 1
		}
	}
	if len(f.mine) == 0 && len(f.others) > 0 && ownStop(&r.cells[0].vector) == reception.GateCount {
		r.day.elsewhere = []int64{f.row.Position}
	}
	report, err := r.conclude()
	if err == nil {
		report.Position = f.decision.Position
	}
	return report, err
}

// readFate reads the message and all records of it up to the instant asked about.
func (r *run) readFate() (*fate, error) {
	position, ok := conversation.ParseID('m', r.q.Message)
	if !ok {
		return nil, errMessage
	}
	row, err := r.s.Messages.Message(r.ctx, position)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, errMessage
	case err != nil:
		return nil, err
	}
	input, err := conversation.FilterInput(&row, "")
	if err != nil {
		return nil, err
	}
	row.Text, row.Data, row.Contact = "", nil, "" // nothing of these is for a report
	f := &fate{row: row, at: r.s.Now()}
	if row.Decision != nil && intercepting(row.Decision) {
		f.filter = &intercepted{input: input}
	}
	if !r.q.At.IsZero() {
		f.at = r.q.At
	}
	switch {
	case !row.Direction.FromCustomer() && row.Direction != ledger.Refused || row.Decision == nil:
		return nil, errReply
	case r.q.Inbox != "" && r.q.Inbox != row.Inbox:
		return nil, errMessageInbox
	case r.q.Kind != "" && r.q.Kind != row.Kind:
		return nil, errMessageKind
	case f.at.After(r.s.Now()):
		return nil, errFuture
	case f.at.Before(row.At):
		return nil, errBeforeIt
	}
	if err := r.readDecisions(f); err != nil {
		return nil, err
	}
	return f, r.readDeliveries(f)
}

// readDecisions finds the decision that gave the message to somebody; where none did, the newest.
func (r *run) readDecisions(f *fate) error {
	f.decisions, f.decision = []ledger.DecisionRow{*f.row.Decision}, *f.row.Decision
	if f.row.Conversation == 0 { // refused by a filter rule
		return nil
	}
	later, err := r.s.Messages.DecisionsOf(r.ctx, f.row.Conversation, maxDecisions)
	if err != nil {
		return err
	}
	for _, d := range later {
		if d.Position > f.row.Position && !d.At.After(f.at) {
			f.decisions = append(f.decisions, d)
		}
	}
	if f.intercept(); f.filter != nil {
		return nil
	}
	f.decision = f.decisions[len(f.decisions)-1]
	for _, d := range f.decisions {
		if len(d.Chosen) > 0 {
			f.decision = d
			break
		}
	}
	owners, err := r.s.Facts.AssignmentsOf(r.ctx, f.row.Conversation)
	f.owners = owners
	return err
}

func (r *run) readDeliveries(f *fate) error {
	rows, err := r.s.Messages.DeliveriesOf(r.ctx, f.row.Position)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	for _, d := range rows {
		switch {
		case d.At.After(f.at):
		case d.Account == r.q.Agent:
			f.mine = append(f.mine, asOf(d, f.at))
		default:
			f.others = append(f.others, asOf(d, f.at))
		}
	}
	return nil
}

func (f *fate) last() *ledger.DeliveryRow {
	if len(f.mine) == 0 {
		return nil
	}
	return &f.mine[len(f.mine)-1]
}

// momentOf is the moment of a position: what held just before it. Who is named may be compared with the agent.
func (r *run) momentOf(view *ledger.View, position, revision int64, now time.Time, inbox string, others ...string) error {
	set, err := r.setAt(view, revision)
	if err != nil {
		return err
	}
	v, err := ledger.WorldAt(r.ctx, r.s.Facts, position, time.Time{}, append(r.accounts(set), others...), inbox)
	if err != nil {
		return err
	}
	r.m = moment{
		at: now, now: now, position: position - 1, revision: revision, set: set, policy: set.Compile(), world: &world{View: v}, past: true,
	}
	r.history = newHistory(r)
	return nil
}

// notGiven explains a message of which nothing was ever put into the agent's list.
func (r *run) notGiven(view *ledger.View, f *fate) error {
	d := &f.decision
	if err := r.momentOf(view, d.Position, d.Revision, d.At, f.row.Inbox, d.Chosen...); err != nil {
		return err
	}
	c := &r.cells[0]
	recorded, err := r.recorded(d.Outcomes)
	if err != nil {
		return err
	}
	owner := f.ownerAt(d.Position)
	if recorded != nil {
		c.vector = *recorded
	} else {
		r.explain()
		if owner != nil && owner.Account != r.q.Agent {
			c.vector[reception.ConversationGate] = reception.Cell{Outcome: reception.Block, Code: reception.CodeConversationOwnedByColleague}
		}
	}
	if err := r.readAssignments(); err != nil {
		return err
	}
	if err := r.find(); err != nil {
		return err
	}
	if err := r.unmask(); err != nil {
		return err
	}
	if r.report.Verdict = r.verdict(); r.report.Verdict == NoTraffic {
		r.report.Verdict = Receiving
	}
	for _, found := range r.findings {
		switch found.gate {
		case reception.ConversationGate:
			r.proveOwner(found, owner)
			if err := r.proveSnooze(found, f); err != nil {
				return err
			}
		case reception.Routing:
			r.proveChoice(found, d)
		}
	}
	r.notGivenToAnybody(f, d)
	r.proveDecision(f)
	return nil
}

// notGivenToAnybody adds that the message waits, or lies in the inbox to be taken.
func (r *run) notGivenToAnybody(f *fate, d *ledger.DecisionRow) {
	if len(f.others) > 0 {
		return
	}
	c := &r.cells[0]
	if routing := c.vector[reception.Routing]; routing.Outcome == reception.Pass && routing.Code == reception.CodeRoutingOfferedManual {
		found := r.stageFinding(stageRouting, routing.Code, reception.Pass)
		found.cells, found.cause.since = []int{0}, d.At
		r.findings = append(r.findings, found)
		return
	}
	if len(d.Chosen) > 0 {
		return
	}
	found := r.stageFinding(stageQueue, reception.CodeQueueWaiting, reception.Block)
	found.cells, found.cause.since = []int{0}, f.row.At
	r.findings = append(r.findings, found)
}

// ownerAt is the assignment that held just before a position.
func (f *fate) ownerAt(position int64) *ledger.AssignmentRow {
	for i := range f.owners {
		if a := &f.owners[i]; a.FromPosition < position && (a.ToPosition == 0 || a.ToPosition >= position) {
			return a
		}
	}
	return nil
}

func (r *run) proveOwner(found *finding, owner *ledger.AssignmentRow) {
	if owner == nil {
		return
	}
	found.cause.since = owner.FromAt
	found.add(Evidence{
		Fact: "conversation/" + conversation.ID(owner.Conversation) + "/owner", Value: "{who}", Source: owner.FromCode,
		At: r.instant(owner.FromAt), who: owner.Account,
	})
}

// proveChoice shows what the strategy compared: the agent's score and that of who was chosen.
func (r *run) proveChoice(found *finding, d *ledger.DecisionRow) {
	in := r.m.policy.Inboxes[r.cells[0].inbox]
	if in == nil {
		return
	}
	found.cause.since = d.At
	position := fmt.Sprintf("position %d", d.Position)
	found.add(Evidence{Fact: "strategy", Value: in.Strategy.String(), Source: position, At: r.instant(d.At)})
	found.add(Evidence{Fact: "chosen", Value: "{who}: " + d.Code, Source: position, At: r.instant(d.At), who: strings.Join(d.Chosen, ", ")})
	found.add(Evidence{Fact: "score/own", Value: r.score(in, r.q.Agent), Source: position, At: r.instant(d.At)})
	for _, chosen := range d.Chosen {
		found.add(Evidence{Fact: "score/chosen", Value: "{who}: " + r.score(in, chosen), Source: position, At: r.instant(d.At), who: chosen, others: true})
	}
}

// score says what the strategy of an inbox compares of an agent.
func (r *run) score(in *reception.Inbox, account string) string {
	facts := r.m.world.Agent(account)
	share := facts.Share(in.Name)
	turn := fmt.Sprintf("last assignment here at position %d", share.LastAssigned)
	if share.LastAssigned == 0 {
		turn = "no assignment here yet"
	}
	switch {
	case in.Strategy != reception.LeastLoaded:
		return turn
	case in.Mode == reception.Async:
		return fmt.Sprintf("%d open conversations in the inbox, %s", share.Load, turn)
	}
	return fmt.Sprintf("%d open conversations, %s", facts.Live, turn)
}

// proveDecision adds to the first finding what the journal says, and who has the message.
func (r *run) proveDecision(f *fate) {
	if len(r.findings) == 0 {
		return
	}
	r.rank()
	found := r.findings[0]
	for i, d := range f.decisions {
		if i == maxListed {
			break
		}
		found.add(Evidence{
			Fact: fmt.Sprintf("decision/%d", d.Position), Value: d.Verdict + ": " + d.Code, Source: fmt.Sprintf("journal, revision %d, because of %s", d.Revision, d.Cause),
			At: r.instant(d.At),
		})
	}
	for _, d := range f.others {
		if d.State != ledger.Withdrawn {
			found.add(Evidence{
				Fact: "delivery/" + conversation.MessageID(d.Message), Value: "{who}: " + string(d.State), Source: "deliveries", At: r.instant(d.At), who: d.Account,
			})
		}
	}
}

// arrived reports a message that the agent's client has acknowledged.
func (r *run) arrived(view *ledger.View, f *fate, last *ledger.DeliveryRow) error {
	d := &f.decision
	if err := r.momentOf(view, d.Position, d.Revision, d.At, f.row.Inbox); err != nil {
		return err
	}
	r.explain()
	for g := range reception.GateCount { // what stopped the agent when it was decided is over: it has the message
		if r.cells[0].vector.Stopped(g) {
			r.cells[0].vector[g] = reception.Cell{Outcome: reception.Pass, Code: r.cells[0].vector[g].Code}
		}
	}
	r.report.Verdict = Receiving
	code := f.howGiven(last)
	found := r.stageFinding(stageRouting, code, reception.Pass)
	found.cells, found.cause.since = []int{0}, last.At
	r.findings = append(r.findings, found)
	r.entries = []entry{{DeliveryRow: *last}}
	found.add(r.fromDelivery(last)...)
	if err := r.proveAttempts(found, last); err != nil {
		return err
	}
	r.proveDecision(f)
	if !r.notSeen(last) {
		return nil
	}
	r.findNotice()
	screens, err := r.screens(last.ReceivedAt, f.at)
	if err != nil {
		return err
	}
	why, err := r.whyUnseen(screens, last, f.at)
	if err != nil {
		return err
	}
	r.entries[0].unseen = why.code
	unseen := r.viewFinding(why)
	unseen.cells, unseen.cause.since = []int{0}, last.ReceivedAt
	r.findings = append(r.findings, unseen)
	return nil
}

// howGiven says how the agent came to have the message: by the assignment in which it was delivered, else by the decision.
func (f *fate) howGiven(last *ledger.DeliveryRow) reception.Code {
	for _, a := range f.owners {
		if a.Account == last.Account && (a.ToPosition == 0 || a.ToPosition >= last.Position) {
			if code, ok := reception.ParseCode(a.FromCode); ok {
				return code
			}
		}
	}
	code, _ := reception.ParseCode(f.decision.Code)
	return code
}

func (r *run) proveAttempts(found *finding, d *ledger.DeliveryRow) error {
	attempts, err := r.s.Messages.Attempts(r.ctx, d.Account, d.Sequence)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	for i, a := range attempts {
		if i == maxListed {
			break
		}
		found.add(Evidence{
			Fact: fmt.Sprintf("attempt/%d", a.Number), Value: cmp.Or(strings.Trim(a.Result+": "+a.Error, ": "), "pushed"), Source: "connection " + a.Connection,
			At: r.instant(a.At),
		})
	}
	return nil
}

// notArrived explains a message that lies in the agent's list and was not acknowledged: by what holds at the instant asked about.
func (r *run) notArrived(view *ledger.View, f *fate, last *ledger.DeliveryRow) error {
	if err := r.resolve(view); err != nil {
		return err
	}
	r.history = newHistory(r)
	r.explain()
	v := &r.cells[0].vector
	for g := range reception.GateCount { // only what keeps a message that was given from arriving
		if g != reception.AccountState && g != reception.AccountLogin && g != reception.ConnectionGate && v.Stopped(g) {
			v[g] = reception.Cell{Outcome: reception.NotApplicable}
		}
	}
	if err := r.readLoss(); err != nil {
		return err
	}
	if err := r.find(); err != nil {
		return err
	}
	r.entries = []entry{{DeliveryRow: *last}}
	fault := r.pushFault(&r.entries[0])
	if in := r.m.policy.Inboxes[f.row.Inbox]; !fault.Outcome.Stops() || in != nil && in.Mode == reception.Async {
		// It was pushed this moment, or lies in the list of an async inbox: that is as it should be.
		r.findings = nil
		r.report.Verdict = Receiving
		found := r.stageFinding(stageRouting, f.howGiven(last), reception.Pass)
		found.cells, found.cause.since = []int{0}, last.At
		found.add(r.fromDelivery(last)...)
		r.findings = append(r.findings, found)
		r.proveDecision(f)
		return nil
	}
	found := r.stageFinding(stagePush, fault.Code, fault.Outcome)
	found.cells, found.cause.since = []int{0}, last.At
	if grace := r.m.world.Agent(r.q.Agent).Connection.GraceUntil; grace.After(f.at) {
		found.outcome, found.until = reception.Wait, grace
	}
	found.add(r.fromDelivery(last)...)
	if err := r.proveAttempts(found, last); err != nil {
		return err
	}
	r.findings = append(r.findings, found)
	switch r.report.Verdict = Blocked; {
	case found.outcome == reception.Wait:
		r.report.Verdict = Waiting
	case found.outcome == reception.Unknown:
		r.report.Verdict = Unknown
	}
	return nil
}

// takenBack explains a message that the agent had and that was withdrawn: by what held when the conversation was taken away.
func (r *run) takenBack(view *ledger.View, f *fate, last *ledger.DeliveryRow) error {
	code, ok := reception.ParseCode(last.Code)
	if !ok {
		code = reception.CodeDeliveryWithdrawnOwnerReleased
	}
	lost := f.lostBy(r.q.Agent, last)
	why := reception.Code(0)
	if lost != nil && code == reception.CodeDeliveryWithdrawnOwnerReleased {
		why, _ = reception.ParseCode(lost.ToCode)
	}
	d := &f.decision
	position, revision, now := d.Position, d.Revision, d.At
	if why != 0 {
		position, now = lost.ToPosition, lost.ToAt
		var err error
		if revision, err = r.s.Policies.RevisionAt(r.ctx, position); err != nil {
			return err
		}
	}
	if err := r.momentOf(view, position, revision, now, f.row.Inbox); err != nil {
		return err
	}
	r.explain()
	if why != 0 {
		if err := r.find(); err != nil {
			return err
		}
	}
	found := r.stageFinding(stagePush, code, reception.Block)
	found.cells, found.cause.since = []int{0}, last.WithdrawnAt
	found.add(r.fromDelivery(last)...)
	found.follows = why
	if lost != nil {
		found.cause.origin = &reception.Origin{Position: lost.ToPosition, At: lost.ToAt, By: lost.ToBy, Source: "assignment", Cause: lost.ToCode}
		found.add(Evidence{
			Fact: "conversation/" + conversation.ID(lost.Conversation) + "/owner", Value: "released: " + lost.ToCode, Source: "by {who}", At: r.instant(lost.ToAt), who: lost.ToBy,
		})
	}
	if a := f.claimedAt(last); a != nil {
		found.cause.origin = &reception.Origin{Position: a.FromPosition, At: a.FromAt, By: a.Account, Source: "assignment", Cause: a.FromCode}
	}
	r.findings = append(r.findings, found)
	r.entries = []entry{{DeliveryRow: *last}}
	r.report.Verdict = Blocked
	r.proveDecision(f)
	return nil
}

// claimedAt is the assignment of the colleague who claimed what the agent was offered as well.
func (f *fate) claimedAt(last *ledger.DeliveryRow) *ledger.AssignmentRow {
	if last.Code != reception.CodeDeliveryWithdrawnClaimedByColleague.String() {
		return nil
	}
	for i := range f.owners {
		if a := &f.owners[i]; a.Account != last.Account && !a.FromAt.Before(last.At) && !a.FromAt.After(last.WithdrawnAt) {
			return a
		}
	}
	return nil
}

// lostBy is the assignment that ended with a withdrawal.
func (f *fate) lostBy(agent string, last *ledger.DeliveryRow) *ledger.AssignmentRow {
	var found *ledger.AssignmentRow
	for i := range f.owners {
		a := &f.owners[i]
		if a.Account == agent && a.ToPosition != 0 && !a.ToAt.Before(last.At) && !a.ToAt.After(last.WithdrawnAt) {
			found = a
		}
	}
	return found
}
