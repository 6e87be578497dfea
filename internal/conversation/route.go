package conversation

import (
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Kinds of deadlines that this package sets.
const (
	deadlineCell   = "cell"   // key "<inbox> <kind>": something that waits there may be receivable now
	deadlineAccept = "accept" // key: conversation id
	deadlinePolicy = "policy" // key: account; a right or state of it begins or ends
)

// system is who acts when a rule does.
const system = "system"

// decide asks the engine about a conversation as it stands.
func decide(tx *ledger.Tx, c *ledger.ConversationRow, passedOver []string) (reception.Decision, error) {
	return decideOn(tx, c, passedOver, reception.Message{})
}

// decideOn asks about a conversation with a message in it, of which m has what filter rules make of it.
func decideOn(tx *ledger.Tx, c *ledger.ConversationRow, passedOver []string, m reception.Message) (reception.Decision, error) {
	contact, ok, err := tx.Contact(c.Inbox, c.Contact)
	if err != nil {
		return reception.Decision{}, err
	}
	m.Inbox, m.Kind, m.Conversation = c.Inbox, c.Kind, Facts(c)
	m.Conversation.PassedOver = passedOver
	if ok {
		m.LastOwner = contact.LastOwner
	}
	return reception.Decide(tx.Policy(), tx, m, tx.Now()), nil
}

// Facts are what the engine reads of a conversation.
func Facts(c *ledger.ConversationRow) *reception.Conversation {
	return &reception.Conversation{ID: ID(c.ID), Owner: c.Owner, PassedOver: c.PassedOver, SnoozedUntil: c.SnoozedUntil()}
}

// ID writes a conversation's id as people see it.
func ID(position int64) string { return "c" + strconv.FormatInt(position, 10) }

// MessageID writes a message's id as people see it.
func MessageID(position int64) string { return "m" + strconv.FormatInt(position, 10) }

// ParseID reads an id that ID or MessageID wrote; ok is false for anything else.
func ParseID(prefix byte, id string) (position int64, ok bool) {
	if len(id) < 2 || id[0] != prefix || id[1] == '+' || id[1] == '0' {
		return 0, false
	}
	position, err := strconv.ParseInt(id[1:], 10, 64)
	return position, err == nil && position > 0
}

// journal makes the journal entry of a decision.
func journal(tx *ledger.Tx, d *reception.Decision, c *ledger.ConversationRow, position, message int64, cause string) ledger.DecisionRow {
	row := ledger.DecisionRow{
		Position: position, Conversation: c.ID, Message: message, At: tx.Now(), Revision: tx.Policy().Revision, Engine: Engine,
		Cause: cause, Verdict: d.Verdict.String(), Code: d.Code.String(), Chosen: d.Chosen, Released: d.Released, Held: d.Held,
		Outcomes: tx.Outcomes(d.AppendOutcomes),
	}
	if d.Released != "" {
		row.ReleasedFor = d.ReleasedFor.String()
	}
	if len(d.Chosen) == 1 {
		for i := range d.Candidates {
			if d.Candidates[i].Account == d.Chosen[0] {
				row.Load = d.Candidates[i].Score.Load
			}
		}
	}
	return row
}

// Engine names the engine, the zone data, the program's own calendar and the filter that decide in this process.
var Engine = reception.EngineVersion + " " + reception.ZoneDataVersion() + " " + policy.CalendarDataVersion() + " filter " + filter.Version

// follow carries a decision out: release, assignment or offers, deliveries, waiting. newest is the message that has just come in, nil for a later decision.
func follow(tx *ledger.Tx, id int64, d *reception.Decision, newest *ledger.MessageRow) error {
	if d.Released != "" {
		if err := release(tx, id, d.ReleasedFor.String(), system, reception.CodeDeliveryWithdrawnOwnerReleased); err != nil {
			return err
		}
	}
	switch d.Verdict {
	case reception.Routed:
		return routed(tx, id, d, newest)
	case reception.Offered:
		return offered(tx, id, d, newest)
	case reception.Waiting:
		return wait(tx, id, d)
	}
	return errNotDecided
}

func routed(tx *ledger.Tx, id int64, d *reception.Decision, newest *ledger.MessageRow) error {
	if !d.Deliverable() {
		return errNotDecided
	}
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	owner := d.Chosen[0]
	if c.Owner == "" {
		letThrough(tx, c.Inbox, c.Offered, owner)
		if err := withdrawOffers(tx, id, owner, reception.CodeDeliveryWithdrawnClaimedByColleague); err != nil {
			return err
		}
		if err := assign(tx, id, owner, d.Code.String(), system); err != nil {
			return err
		}
	} else if err := tx.ClearWaiting(id); err != nil {
		return err
	}
	return deliverPending(tx, id, newest)
}

// assign makes an account the owner, remembers it for sticky inboxes and starts the accept timeout.
func assign(tx *ledger.Tx, id int64, owner, code, by string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	bare := untouched(c)
	if err := tx.Assign(id, owner, code, by); err != nil {
		return err
	}
	if err := armAccept(tx, c); err != nil {
		return err
	}
	switch {
	case unanswered(c):
		startTurn(tx, c)
	case bare: // who was told nothing yet is not asked whether they are still there
		c.TurnSince, c.Overdue = tx.Now(), true
		planTurn(tx, c)
	}
	contact, ok, err := tx.Contact(c.Inbox, c.Contact)
	if err != nil || !ok {
		return err
	}
	next := *contact
	next.LastOwner = owner
	tx.PutContact(next)
	return nil
}

func armAccept(tx *ledger.Tx, c *ledger.ConversationRow) error {
	c.AcceptBy = time.Time{}
	if in := tx.Policy().Inboxes[c.Inbox]; in != nil && in.AcceptTimeout > 0 {
		c.AcceptBy = tx.Now().Add(in.AcceptTimeout)
		tx.At(c.AcceptBy, deadlineAccept, strconv.FormatInt(c.ID, 10))
	}
	return nil
}

// offered gives every chosen agent, and everybody who holds an offer already, what is unanswered and they do not have. An inbox with strategy manual gives
// nobody anything: the conversation lies in the inbox until somebody takes it.
func offered(tx *ledger.Tx, id int64, d *reception.Decision, newest *ledger.MessageRow) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	complete := c.WaitingCode == d.Code.String() // who holds an offer has everything but the newest
	if err := tx.SetWaiting(id, d.Code.String()); err != nil {
		return err
	}
	watchCell(tx, c, d)
	if d.Code == reception.CodeRoutingOfferedManual {
		return nil
	}
	for _, a := range c.Offered {
		switch {
		case !complete:
			if err := deliverFrom(tx, c, a, c.Answered); err != nil {
				return err
			}
		case newest != nil:
			deliver(tx, c, a, *newest)
		}
	}
	letThrough(tx, c.Inbox, c.Offered, d.Chosen...)
	all := slices.Clone(c.Offered)
	for _, a := range d.Chosen {
		if slices.Contains(c.Offered, a) {
			continue
		}
		if err := deliverFrom(tx, c, a, c.Answered); err != nil {
			return err
		}
		all = append(all, a)
	}
	if len(c.Offered) == 0 && len(all) > 0 {
		if err := armAccept(tx, c); err != nil {
			return err
		}
	}
	slices.Sort(all)
	return tx.SetOffered(id, all)
}

func wait(tx *ledger.Tx, id int64, d *reception.Decision) error {
	if err := tx.SetWaiting(id, d.Code.String()); err != nil {
		return err
	}
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	watchCell(tx, c, d)
	return nil
}

// watchCell asks to look again when the first of the outcomes that wait may change. A conversation that waits for its owner is looked at through the owner.
func watchCell(tx *ledger.Tx, c *ledger.ConversationRow, d *reception.Decision) {
	if d.Until == 0 {
		return
	}
	at := time.UnixMicro(d.Until).UTC()
	if c.Owner != "" {
		tx.At(at, ledger.DeadlineAgent, c.Owner)
		return
	}
	tx.At(at, deadlineCell, c.Inbox+" "+c.Kind)
}

// deliverPending hands the owner every inbound message it was not handed yet, in sequence.
func deliverPending(tx *ledger.Tx, id int64, newest *ledger.MessageRow) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	if newest != nil && c.Delivered == newest.Sequence-1 { // the ordinary way: nothing else is pending
		deliver(tx, c, c.Owner, *newest)
		c.Delivered = newest.Sequence
		return nil
	}
	if c.Delivered >= c.LastSequence {
		return nil
	}
	if err := deliverFrom(tx, c, c.Owner, c.Delivered); err != nil {
		return err
	}
	c.Delivered = c.LastSequence
	return nil
}

// deliverFrom gives an account the inbound messages after a sequence that it does not have already (as it has those of an offer it claimed).
func deliverFrom(tx *ledger.Tx, c *ledger.ConversationRow, account string, after int64) error {
	messages, err := tx.Messages(c.ID, after)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Direction != ledger.Inbound {
			continue
		}
		has, err := holds(tx, m.Position, account)
		if err != nil {
			return err
		}
		if !has {
			deliver(tx, c, account, m)
		}
	}
	return nil
}

// holds says whether an account has a delivery of a message that was not withdrawn.
func holds(tx *ledger.Tx, message int64, account string) (bool, error) {
	rows, err := tx.DeliveriesOf(message)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r.Account == account && r.State != ledger.Withdrawn {
			return true, nil
		}
	}
	return false, nil
}

func deliver(tx *ledger.Tx, c *ledger.ConversationRow, account string, m ledger.MessageRow) {
	tx.Deliver(ledger.DeliveryRow{
		Account: account, Type: ledger.EntryMessage, Message: m.Position, Conversation: c.ID, Inbox: c.Inbox, Kind: m.Kind,
	}, m)
}

// release takes a conversation from its owner: what was handed over since the last answer is withdrawn, all of it together.
func release(tx *ledger.Tx, id int64, code, by string, withdrawal reception.Code) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	owner := c.Owner
	if err := withdraw(tx, c, owner, withdrawal); err != nil {
		return err
	}
	c.Delivered, c.AcceptBy = c.Answered, time.Time{}
	if err := tx.Unassign(id, code, by); err != nil {
		return err
	}
	if unanswered(c) {
		startTurn(tx, c)
	}
	return nil
}

// withdraw takes back from an account what it holds of a conversation since the last answer.
func withdraw(tx *ledger.Tx, c *ledger.ConversationRow, account string, code reception.Code) error {
	messages, err := tx.Messages(c.ID, c.Answered)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Direction != ledger.Inbound { // a note was for the person, whoever has the conversation
			continue
		}
		rows, err := tx.DeliveriesOf(m.Position)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Account != account || r.State == ledger.Withdrawn {
				continue
			}
			d, err := tx.EditDelivery(account, r.Sequence)
			if err != nil {
				return err
			}
			d.State, d.Code, d.WithdrawnAt = ledger.Withdrawn, code.String(), tx.Now()
			tx.Deliver(ledger.DeliveryRow{
				Account: account, Type: ledger.EntryWithdrawal, Message: m.Position, Conversation: c.ID, Inbox: c.Inbox, Kind: m.Kind,
				Target: r.Sequence, Code: code.String(),
			}, ledger.MessageRow{Position: m.Position, Conversation: c.ID, Sequence: m.Sequence, Inbox: c.Inbox, Kind: m.Kind, At: tx.Now()})
		}
	}
	return nil
}

// withdrawOffers takes the offers of a conversation back from everybody but the one who keeps it ("" for nobody).
func withdrawOffers(tx *ledger.Tx, id int64, keeper string, code reception.Code) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	if len(c.Offered) == 0 {
		return nil
	}
	for _, a := range c.Offered {
		if a == keeper {
			continue
		}
		if err := withdraw(tx, c, a, code); err != nil {
			return err
		}
	}
	return tx.SetOffered(id, nil)
}
