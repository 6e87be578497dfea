package diagnosis

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// A question about a message and no agent in particular: does anybody have it, and if not, why not, and what would let somebody have it? What a message's
// holders have of it is told by the very reports that one gets by naming them. Where nobody holds it, all its candidates are decided about at the instant, and
// what stops them is put together by cause (groups.go).

// The places where a message may be.
const (
	placeDelivered   = "delivered"   // a client of an agent has it, or it lies in a list that is looked at when there is time
	placeOnItsWay    = "on_its_way"  // in somebody's list, and the push may still arrive
	placeNotArrived  = "not_arrived" // in somebody's list, and no client has acknowledged it
	placeWaiting     = "waiting"     // in its inbox, for somebody who can receive it
	placeHeld        = "held"        // kept for an owner whose grace runs
	placeToTake      = "to_take"     // in its inbox, for whoever takes it
	placeQuarantined = "quarantined" // a filter rule keeps it back
	placeRejected    = "rejected"    // a filter rule refused it
	placeNeverGiven  = "never_given" // its conversation ended, or goes on, and nobody was given it
	placeRefused     = "refused"     // the request that brought it was refused: there is no message
	placeNoRecord    = "no_record"   // no request with this id is on record
	mostHolders      = 20            // whose reports are put together
	mostNamed        = 100           // agents that one finding names
)

// Place is where a message is.
type Place struct {
	State string   `json:"state"`
	Since *Instant `json:"since"`
	Inbox string   `json:"inbox,omitempty"`
	Kind  string   `json:"kind,omitempty"`
	// Agents are those in whose lists it lies, at most 20.
	Agents       []string `json:"agents"`
	Conversation string   `json:"conversation,omitempty"`
	// Decision is the one that the report explains; nil where nothing was decided.
	Decision *Decided `json:"decision,omitempty"`
	// Candidates are how many agents the message could go to, Can how many of them nothing stops.
	Candidates int `json:"candidates"`
	Can        int `json:"can"`
}

// Decided is a decision in short.
type Decided struct {
	Position int64   `json:"position"`
	At       Instant `json:"at"`
	Verdict  string  `json:"verdict"`
	Code     string  `json:"code"`
	Summary  Text    `json:"summary"`
}

var (
	errBoth = problem.New(problem.Invalid, "diagnosis.message_twice", "Name the message by its id or by the sender's id, not by both.",
		"请只用消息编号或发送方编号之一指定消息。").On("/sender_id")
	errSenderInbox = problem.New(problem.Invalid, "diagnosis.sender_inbox", "A sender's id is that of one inbox: say which.", "发送方编号只在一个接待渠道内有效，请指明渠道。").On("/inbox")
	errSenderShot  = problem.New(problem.Invalid, "diagnosis.sender_offline", "A snapshot has no senders' ids; ask by the message's id.",
		"快照中没有发送方编号，请按消息编号查询。").On("/sender_id")
)

// nobody makes the report about a message and whoever could have it.
type nobody struct {
	*run
	f        *fate
	decision reception.Decision
	order    reception.Message // what was decided
	deep     []*run            // of the candidates whose causes were worked out
	groups   []*group
	open     []string // who may take it
	rule     *run     // of the decision by a filter rule
	place    *Place
	best     *Remedy
}

// aboutAnybody reports on a message without an agent.
func (r *run) aboutAnybody(view *ledger.View) (*Report, error) {
	r.report = newReport()
	f, err := r.readFate()
	if err != nil {
		return nil, err
	}
	r.party = f.party
	n := &nobody{run: r, f: f, place: &Place{Inbox: f.row.Inbox, Kind: f.row.Kind, Agents: []string{}}}
	if f.row.Conversation != 0 {
		n.place.Conversation = conversation.ID(f.row.Conversation)
	}
	if err := r.resolve(view); err != nil {
		return nil, err
	}
	r.history = newHistory(r)
	r.cells = []cell{{inbox: f.row.Inbox, kind: f.row.Kind}}
	r.day.offered, r.day.whole = 1, true
	switch holders := f.holders(); {
	case f.filter != nil:
		err = n.intercepted(view)
	case len(holders) > 0:
		err = n.held(view, holders)
	default:
		err = n.notGiven()
	}
	if err != nil {
		return nil, err
	}
	return n.conclude()
}

// party are the accounts whose facts a question without an agent needs: the members of the inbox, and whoever had the conversation.
func (f *fate) party(set *policy.Set) []string {
	var list []string
	if in := set.Compile().Inboxes[f.row.Inbox]; in != nil {
		for i := range in.Members {
			list = append(list, in.Members[i].Account)
		}
	}
	for i := range f.owners {
		list = append(list, f.owners[i].Account)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// holders are the accounts in whose lists the message lies, in order of name.
func (f *fate) holders() []string {
	var list []string
	for i := range f.others {
		if d := &f.others[i]; d.State != ledger.Withdrawn {
			list = append(list, d.Account)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// better orders verdicts by how well it is with a message that several hold.
var better = map[Verdict]int{Receiving: 0, Waiting: 1, Unknown: 2, Blocked: 3}

// held puts together what is to be said of everybody in whose list the message lies: where one of them has it, that is the answer.
func (n *nobody) held(view *ledger.View, holders []string) error {
	var best *Report
	var who string
	for i, agent := range holders {
		if i == mostHolders {
			break
		}
		n.place.Agents = append(n.place.Agents, agent)
		sub := n.forAgent(agent)
		sub.q.Message, sub.q.At = n.q.Message, n.q.At
		report, err := sub.aboutMessage(view)
		if err != nil {
			return err
		}
		if best == nil || cmp.Or(compareBool(!n.arrivedAt(agent), !n.arrivedAt(who)), cmp.Compare(better[report.Verdict], better[best.Verdict])) < 0 {
			best, who = report, agent
		}
	}
	n.report.Verdict, n.report.Headline = best.Verdict, best.Headline
	n.report.Findings, n.report.Checks, n.report.Position, n.report.Traffic = best.Findings, best.Checks, best.Position, best.Traffic
	for i := range n.report.Findings {
		n.report.Findings[i].Agents, n.report.Findings[i].AgentCount = []string{who}, 1
	}
	return n.placeOf(who, best)
}

// arrivedAt says whether a client of an agent acknowledged the message.
func (n *nobody) arrivedAt(who string) bool {
	return slices.ContainsFunc(n.f.others, func(d ledger.DeliveryRow) bool { return d.Account == who && d.State != ledger.Withdrawn && arrived(&d) })
}

func arrived(d *ledger.DeliveryRow) bool { return !d.ReceivedAt.IsZero() || d.State != ledger.Queued }

// placeOf says how far the message got with the holder whom it got furthest with.
func (n *nobody) placeOf(who string, report *Report) error {
	var d *ledger.DeliveryRow
	for i := range n.f.others {
		if x := &n.f.others[i]; x.Account == who && x.State != ledger.Withdrawn {
			d = x
		}
	}
	in := n.m.policy.Inboxes[n.f.row.Inbox]
	switch {
	case arrived(d):
		n.place.State, n.place.Since = placeDelivered, n.instant(firstOf(d.ReceivedAt, d.SeenAt, d.AcceptedAt, d.At))
	case in != nil && in.Mode == reception.Async:
		n.place.State, n.place.Since = placeDelivered, n.instant(d.At)
	case report.Verdict == Receiving:
		n.place.State, n.place.Since = placeOnItsWay, n.instant(d.At)
	default:
		n.place.State, n.place.Since = placeNotArrived, n.instant(d.At)
	}
	if n.place.State == placeDelivered {
		n.sayHolders(who)
	}
	return n.journalled()
}

func firstOf(list ...time.Time) time.Time {
	for _, t := range list {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// journalled adds the decision that gave the message to somebody, as the journal has it.
func (n *nobody) journalled() error {
	row := &n.f.decision
	content, err := n.s.Messages.Outcomes(n.ctx, row.Outcomes)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	decided := &Decided{Position: row.Position, At: *n.instant(row.At), Verdict: row.Verdict, Code: row.Code}
	n.place.Decision = decided
	if content == nil {
		return nil
	}
	d := reception.Decision{Kind: n.f.row.Kind, At: row.At, Scored: true, Chosen: row.Chosen, Released: row.Released, Held: row.Held}
	d.Verdict, _ = reception.ParseVerdict(row.Verdict)
	d.Code, _ = reception.ParseCode(row.Code)
	d.ReleasedFor, _ = reception.ParseCode(row.ReleasedFor)
	if d.Message, d.Candidates, err = reception.DecodeOutcomes(content); errors.Is(err, reception.ErrOutcomes) {
		return nil // another version of the engine wrote it, and its words are not known here: the decision is told without them
	}
	decided.Summary = n.summary(&d)
	n.place.Can, n.place.Candidates, _ = d.Tally()
	return err
}

func (r *run) summary(d *reception.Decision) Text {
	return Text{ZH: d.Summary("zh", r.s.zone), EN: d.Summary("en", r.s.zone)}
}

// notGiven explains a message that lies in nobody's list.
func (n *nobody) notGiven() error {
	over, err := n.resolved()
	if err != nil {
		return err
	}
	if over != nil {
		return n.ended(over)
	}
	if err := n.decide(); err != nil {
		return err
	}
	d := &n.decision
	n.place.Since = n.instant(n.f.row.At)
	switch {
	case d.Verdict == reception.Offered && d.Code == reception.CodeRoutingOfferedManual:
		return n.toTake()
	case d.Held != "":
		n.place.State = placeHeld
	case n.order.Conversation.Owner != "" && d.Released == "":
		n.neverGiven(n.order.Conversation.Owner)
		return nil
	default:
		n.place.State = placeWaiting
	}
	if err := n.analyse(); err != nil {
		return err
	}
	n.report.Verdict = n.verdictOver()
	n.addWaiting()
	return nil
}

// resolved returns the conversation if it was over at the instant; nil if it was not.
func (n *nobody) resolved() (*ledger.ConversationRow, error) {
	rows, err := n.s.Flow.ConversationsOf(n.ctx, []int64{n.f.row.Conversation})
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	for i := range rows {
		if c := &rows[i]; c.Resolved != 0 && c.Resolved <= n.m.position {
			return c, nil
		}
	}
	return nil, nil
}

// ended explains a message whose conversation was over before anybody had it: by what took it from whoever had it last, if anybody did.
func (n *nobody) ended(c *ledger.ConversationRow) error {
	n.place.State, n.place.Since = placeNeverGiven, n.instant(c.UpdatedAt)
	n.report.Verdict = Blocked
	found := n.stageFinding(reception.ConversationGate.String(), reception.CodeConversationResolvedUndelivered, reception.Block)
	found.cells, found.cause.since = []int{0}, c.UpdatedAt
	found.add(Evidence{Fact: "conversation/" + conversation.ID(c.ID), Value: c.Status, Source: fmt.Sprintf("position %d", c.Resolved), At: n.instant(c.UpdatedAt)})
	n.provePast(found)
	n.findings = append(n.findings, found)
	return nil
}

// neverGiven says that the conversation goes on with an owner who was not given the message: that should not be, and no record says how it came to be.
func (n *nobody) neverGiven(owner string) {
	n.place.State = placeNeverGiven
	n.report.Verdict = Unknown
	found := n.stageFinding(stageQueue, reception.CodeQueueWaiting, reception.Unknown)
	found.cells, found.cause.since = []int{0}, n.f.row.At
	found.add(Evidence{Fact: "conversation/" + n.place.Conversation + "/owner", Value: "{who}", Source: "assignments", who: owner})
	n.provePast(found)
	n.findings = append(n.findings, found)
}

// provePast lists the decisions about the message, and from whom it was taken back.
func (n *nobody) provePast(found *finding) {
	for i, d := range n.f.decisions {
		if i == maxListed {
			break
		}
		found.add(Evidence{
			Fact: fmt.Sprintf("decision/%d", d.Position), Value: d.Verdict + ": " + d.Code, Source: fmt.Sprintf("journal, revision %d, because of %s", d.Revision, d.Cause), At: n.instant(d.At),
		})
	}
	for i := range n.f.others {
		if d := &n.f.others[i]; d.State == ledger.Withdrawn && i < maxListed {
			found.add(Evidence{
				Fact: "delivery/" + conversation.MessageID(d.Message), Value: "taken back from {who}: " + d.Code, Source: "deliveries", At: n.instant(d.WithdrawnAt), who: d.Account,
			})
		}
	}
}

// decide asks the engine about the conversation as it stood at the instant.
func (n *nobody) decide() error {
	n.order = reception.Message{Inbox: n.f.row.Inbox, Kind: n.f.row.Kind, Conversation: &reception.Conversation{ID: n.place.Conversation}}
	if n.f.row.Conversation == 0 {
		n.order.Conversation = nil
	} else if err := n.conversation(n.order.Conversation); err != nil {
		return err
	}
	n.order.Released = n.f.row.Direction == ledger.Held || n.f.row.Direction == ledger.Refused
	n.decision = reception.Decide(n.m.policy, n.m.world, n.order, n.m.now)
	d := &n.decision
	n.place.Can, n.place.Candidates, _ = d.Tally()
	n.place.Decision = &Decided{Position: n.m.position, At: *n.instant(n.m.now), Verdict: d.Verdict.String(), Code: d.Code.String(), Summary: n.summary(d)}
	return nil
}

// conversation reads what the gates read of the conversation.
func (n *nobody) conversation(c *reception.Conversation) error {
	if owner := n.f.ownerAt(n.m.position + 1); owner != nil {
		c.Owner = owner.Account
	}
	rows, err := n.s.Facts.FactsAt(n.ctx, n.m.position+1, []string{"conversation/" + n.place.Conversation[1:]})
	if err != nil {
		return err
	}
	for _, f := range rows {
		switch f.Name {
		case ledger.FactSnoozed:
			if c.SnoozedUntil, err = ledger.ReadSnoozed(f); err != nil {
				return err
			}
		case ledger.FactPassedOver:
			if err := json.Unmarshal(f.Value, &c.PassedOver); err != nil {
				return err
			}
		}
	}
	return nil
}

// toTake says that the message lies in its inbox for whoever takes it.
func (n *nobody) toTake() error {
	n.place.State = placeToTake
	n.report.Verdict = Receiving
	found := n.stageFinding(stageRouting, reception.CodeRoutingOfferedManual, reception.Pass)
	found.cells, found.cause.since = []int{0}, n.f.row.At
	n.provePast(found)
	n.findings = append(n.findings, found)
	n.open = n.decision.Chosen
	return nil
}

// addWaiting adds that the message waits, and since when.
func (n *nobody) addWaiting() {
	found := n.stageFinding(stageQueue, reception.CodeQueueWaiting, reception.Block)
	found.cells, found.cause.since = []int{0}, n.f.row.At
	n.provePast(found)
	n.findings = append(n.findings, found)
}

// intercepted explains a message that a filter rule keeps back or refused, with whatever else stands in the way of whoever could have it.
func (n *nobody) intercepted(view *ledger.View) error {
	then := n.forAgent("")
	then.party = n.f.party
	d := &n.f.decision
	if err := then.momentOf(view, d.Position, d.Revision, d.At, n.f.row.Inbox); err != nil {
		return err
	}
	code, _ := reception.ParseCode(d.Code)
	found := &finding{gate: reception.FilterGate, stage: reception.FilterGate.String(), outcome: reception.Block, code: code, cells: []int{0}}
	found.cause.since = d.At
	then.cells = n.cells
	if err := then.proveRule(found, n.f, d); err != nil {
		return err
	}
	if err := n.decide(); err != nil {
		return err
	}
	n.place.State, n.place.Since = placeQuarantined, n.instant(d.At)
	if !found.held {
		n.place.State = placeRejected
	}
	now := *n.place
	if err := n.journalled(); err != nil {
		return err
	}
	n.place.Can, n.place.Candidates = now.Can, now.Candidates // if it were released
	if err := n.analyse(); err != nil {
		return err
	}
	n.provePast(found)
	n.findings = append(n.findings, found)
	n.rule = then
	n.report.Verdict = Blocked
	return nil
}

// ask resolves a question by the sender's id; done says that the answer is a report about a request that left no message behind.
func (r *run) bySender() (report *Report, done bool, err error) {
	switch {
	case r.q.Sender == "":
		return nil, false, nil
	case r.q.Message != "":
		return nil, true, errBoth
	case r.q.Inbox == "":
		return nil, true, errSenderInbox
	case r.s.Offline:
		return nil, true, errSenderShot
	case !r.whole:
		return nil, true, errForbidden
	}
	row, err := r.s.Messages.MessageBySender(r.ctx, r.q.Inbox, r.q.Sender)
	switch {
	case err == nil:
		r.q.Message = conversation.MessageID(row.Position)
		return nil, false, nil
	case !errors.Is(err, ledger.ErrNotFound):
		return nil, true, err
	}
	report, err = r.aboutRefusal()
	return report, true, err
}

// compare is the order of causes of several agents: as run.rank, with the number of agents in place of that of cells. Where the message is kept for an owner,
// what stops that one comes first.
func (n *nobody) compare(a, b *group) int {
	return cmp.Or(
		compareBool(a.root != nil, b.root != nil),
		compareBool(!n.stopsOwner(a), !n.stopsOwner(b)),
		compareBool(!a.lead.outcome.Stops(), !b.lead.outcome.Stops()),
		compareBool(a.lead.expected, b.lead.expected),
		cmp.Compare(len(b.agents), len(a.agents)),
		cmp.Compare(a.lead.gate, b.lead.gate),
	)
}

func (n *nobody) stopsOwner(g *group) bool {
	return n.decision.Held == "" || slices.Contains(g.agents, n.decision.Held)
}
