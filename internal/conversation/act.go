package conversation

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Refusals of agents' actions.
var (
	errNotFound = problem.New(problem.NotFound, "conversation.not_found", "There is no such conversation.", "没有这个会话。")
	errResolved = problem.New(problem.Conflict, "conversation.resolved", "This conversation is resolved; it opens again when the customer writes.", "该会话已结束，客户再次来信时会重新打开。")
	errOwned    = problem.New(problem.Conflict, "conversation.owned_by_colleague", "A colleague has this conversation.", "该会话已由同事接待。")
	errNotOwner = problem.New(problem.Forbidden, "conversation.not_owner", "Only the owner of this conversation, or who may hand over others' conversations, may do this.", "只有该会话的接待人，或有权转交他人会话的人，才能这样做。")
	errSelf     = problem.New(problem.Conflict, "conversation.same_owner", "This agent has the conversation already.", "该客服已在接待此会话。").On("/to")
	errReplyID  = problem.New(problem.Conflict, "conversation.duplicate_conflict", "This id was used before with another text or other attachments. Nothing was sent; use a new id for a new reply.", "此 id 已用于另一条内容不同的回复，本次未发送。").On("/id")
)

// cannotReceive is the refusal to give a conversation to somebody a gate stops: it says which one in words.
func cannotReceive(code reception.Code, field string) error {
	r := reception.Lookup(code)
	return problem.New(problem.Conflict, code.String(), "This agent cannot have the conversation: "+r.Title.In("en")+".", "该客服不能接待此会话："+r.Title.In("zh")+"。").On(field)
}

func open(tx *ledger.Tx, id int64) (*ledger.ConversationRow, error) {
	c, ok, err := tx.Conversation(id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errNotFound
	case c.Status == ledger.StatusResolved:
		return nil, errResolved
	}
	return tx.EditConversation(id)
}

// claim gives an account a conversation that nobody owns. A person who takes a conversation by hand may go beyond a limit or a window, but must be somebody
// who may keep it: else it would be released again at once.
func claim(tx *ledger.Tx, c *ledger.ConversationRow, account string) error {
	if err := wake(tx, c, "claimed", account); err != nil {
		return err
	}
	owned := *c
	owned.Owner = account
	d, err := decide(tx, &owned, nil)
	if err != nil {
		return err
	}
	if d.Released != "" {
		return cannotReceive(d.ReleasedFor, "")
	}
	letThrough(tx, c.Inbox, c.Offered, account)
	if err := withdrawOffers(tx, c.ID, account, reception.CodeDeliveryWithdrawnClaimedByColleague); err != nil {
		return err
	}
	if err := assign(tx, c.ID, account, reception.CodeRoutingChosenClaimed.String(), account); err != nil {
		return err
	}
	c.Delivered = c.Answered
	return deliverPending(tx, c.ID, nil)
}

// Accept is the command by which an agent opens a conversation: the owner accepts it, anybody else claims it if nobody owns it. Again: no change.
type Accept struct {
	Conversation int64
	Account      string
	By           string // who asks; may differ from Account only for who may hand over
}

// Apply implements ledger.Command.
func (a *Accept) Apply(tx *ledger.Tx) error {
	c, err := open(tx, a.Conversation)
	if err != nil {
		return err
	}
	claims := c.Owner == ""
	if err := accept(tx, c, a.Account); err != nil || !claims || a.By == "" {
		return err
	}
	return tellOf(tx, a.Account, a.By, a.Account, c, handoverGiven)
}

func accept(tx *ledger.Tx, c *ledger.ConversationRow, account string) error {
	switch c.Owner {
	case account:
	case "":
		if err := claim(tx, c, account); err != nil {
			return err
		}
	default:
		return errOwned
	}
	c.Accepted = true
	return nil
}

// AcceptDelivery is what an acknowledgement as accepted does: the owner accepts its conversation, who holds an offer claims it. An acknowledgement of a
// message that was answered long ago changes nothing.
func AcceptDelivery(tx *ledger.Tx, id int64, account string) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Status == ledger.StatusResolved {
		return err
	}
	if c.Owner == account && !c.Accepted || c.Owner == "" && slices.Contains(c.Offered, account) {
		if c, err = tx.EditConversation(id); err != nil {
			return err
		}
		return accept(tx, c, account)
	}
	return nil
}

// Resolve is the command that ends a conversation. Again: no change.
type Resolve struct {
	Conversation int64
	By           string
	Others       bool // the actor may resolve others' conversations
}

// Apply implements ledger.Command.
func (r *Resolve) Apply(tx *ledger.Tx) error {
	c, err := open(tx, r.Conversation)
	if err == errResolved {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Owner != r.By && !r.Others {
		return errNotOwner
	}
	owner := c.Owner
	if err := resolve(tx, c, "conversation.resolved", r.By); err != nil {
		return err
	}
	tx.Audit(ledger.AuditRow{By: r.By, Action: "conversation.resolve", Object: ID(c.ID)})
	return tellOf(tx, owner, r.By, "", c, handoverResolved)
}

// resolve ends an open conversation.
func resolve(tx *ledger.Tx, c *ledger.ConversationRow, code, by string) error {
	if err := withdrawOffers(tx, c.ID, "", reception.CodeDeliveryWithdrawnResolved); err != nil {
		return err
	}
	// What waited for this owner is handed over before it counts as done with.
	if c.Owner != "" {
		if err := deliverPending(tx, c.ID, nil); err != nil {
			return err
		}
	}
	if err := tx.SetPassedOver(c.ID, nil, "resolved", by); err != nil {
		return err
	}
	if err := tx.SetSnoozed(c.ID, time.Time{}, "resolved", by); err != nil {
		return err
	}
	if c.WaitingSince != 0 {
		if err := tx.ClearWaiting(c.ID); err != nil {
			return err
		}
	}
	if c.Owner != "" {
		if err := tx.Unassign(c.ID, code, by); err != nil {
			return err
		}
	}
	c.Status, c.Resolved = ledger.StatusResolved, tx.Next()
	c.Answered, c.Delivered = c.LastSequence, c.LastSequence
	c.TurnSince, c.Overdue = time.Time{}, false
	tx.CloseThread(c)
	return nil
}

// Transfer is the command that hands a conversation to another agent, who must be able to receive it now (limits and windows aside).
type Transfer struct {
	Conversation int64
	To, By       string
	Others       bool // the actor may hand over others' conversations
}

// Apply implements ledger.Command.
func (t *Transfer) Apply(tx *ledger.Tx) error {
	c, err := open(tx, t.Conversation)
	if err != nil {
		return err
	}
	if c.Owner == t.To {
		return errSelf
	}
	if c.Owner != t.By && !t.Others {
		return errNotOwner
	}
	v := reception.Explain(tx.Policy(), tx, c.Inbox, c.Kind, t.To, tx.Now())
	if g, ok := HandOver(&v); !ok {
		return cannotReceive(v[g].Code, "/to")
	}
	if err := wake(tx, c, "transferred", t.By); err != nil {
		return err
	}
	owner := c.Owner
	if owner != "" {
		if err := release(tx, c.ID, reception.CodeRoutingChosenTransferred.String(), t.By, reception.CodeDeliveryWithdrawnTransferred); err != nil {
			return err
		}
	}
	letThrough(tx, c.Inbox, c.Offered, t.To)
	if err := withdrawOffers(tx, c.ID, t.To, reception.CodeDeliveryWithdrawnTransferred); err != nil {
		return err
	}
	if err := assign(tx, c.ID, t.To, reception.CodeRoutingChosenTransferred.String(), t.By); err != nil {
		return err
	}
	tx.Audit(ledger.AuditRow{By: t.By, Action: "conversation.transfer", Object: ID(c.ID), Details: details("to", t.To)})
	if err := deliverPending(tx, c.ID, nil); err != nil {
		return err
	}
	if err := tellOf(tx, owner, t.By, t.To, c, handoverPassedOn); err != nil {
		return err
	}
	return tellOf(tx, t.To, t.By, t.To, c, handoverGiven)
}

// HandOver says whether a conversation may be handed by a person to the agent whose gates these are: limits and windows do not forbid it. Gate is the first
// that does or, where none does, the first limit or window that stands against it; GateCount if there is nothing.
func HandOver(v *reception.Vector) (gate reception.Gate, ok bool) {
	gate = reception.GateCount
	for g := range reception.GateCount {
		switch {
		case !v.Stopped(g):
		case g != reception.Capacity && g != reception.WindowAgent && g != reception.WindowInbox && !limited(v[g].Code):
			return g, false
		case gate == reception.GateCount:
			gate = g
		}
	}
	return gate, true
}

// GiveBack is the command (the route's name is release) by which an owner gives a conversation up: it is decided again and passes the agent over.
type GiveBack struct {
	Conversation int64
	By           string
	Others       bool
}

// Apply implements ledger.Command.
func (g *GiveBack) Apply(tx *ledger.Tx) error {
	c, err := open(tx, g.Conversation)
	if err != nil {
		return err
	}
	if c.Owner == "" {
		return nil
	}
	if c.Owner != g.By && !g.Others {
		return errNotOwner
	}
	owner := c.Owner
	if err := release(tx, c.ID, "conversation.given_back", g.By, reception.CodeDeliveryWithdrawnOwnerReleased); err != nil {
		return err
	}
	if err := tx.SetPassedOver(c.ID, including(c.PassedOver, owner), "given_back", g.By); err != nil {
		return err
	}
	tx.Audit(ledger.AuditRow{By: g.By, Action: "conversation.release", Object: ID(c.ID)})
	if unanswered(c) {
		tx.TouchConversation(c.ID, "owner_released")
	}
	return tellOf(tx, owner, g.By, "", c, handoverReleased)
}

// including returns the sorted list with one more name.
func including(sorted []string, name ...string) []string {
	out := append(slices.Clone(sorted), name...)
	slices.Sort(out)
	return slices.Compact(out)
}

func details(key, value string) json.RawMessage {
	raw, _ := json.Marshal(map[string]string{key: value}) // a map of strings always encodes
	return raw
}

// acceptTimeout passes over who let a conversation lie, if somebody else can have it; else it stays where it is and the time begins again.
func acceptTimeout(tx *ledger.Tx, id int64) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Status != ledger.StatusOpen || c.Accepted || c.AcceptBy.IsZero() || tx.Now().Before(c.AcceptBy) {
		return err
	}
	late := c.Offered
	if c.Owner != "" {
		late = []string{c.Owner}
	}
	if len(late) == 0 || !unanswered(c) {
		return nil
	}
	passed, found, err := nextAfter(tx, c, late)
	if err != nil {
		return err
	}
	if c, err = tx.EditConversation(id); err != nil {
		return err
	}
	if !found {
		return armAccept(tx, c)
	}
	code := reception.CodeDeliveryWithdrawnAcceptTimeout
	if c.Owner != "" {
		err = release(tx, id, code.String(), system, code)
	} else {
		err = withdrawOffers(tx, id, "", code)
	}
	if err != nil {
		return err
	}
	if err := tx.SetPassedOver(id, passed, "accept_timeout", system); err != nil {
		return err
	}
	tx.TouchConversation(id, "accept_timeout")
	return nil
}

// nextAfter finds the passed-over list with which somebody other than the late ones would get the conversation: the list so far with them or, when everybody
// has had it, a list that begins again with them.
func nextAfter(tx *ledger.Tx, c *ledger.ConversationRow, late []string) (passed []string, found bool, err error) {
	unowned := *c
	unowned.Owner, unowned.Offered = "", nil
	for _, passed := range [][]string{including(c.PassedOver, late...), including(nil, late...)} {
		d, err := decide(tx, &unowned, passed)
		if err != nil {
			return nil, false, err
		}
		if len(d.Chosen) > 0 && !d.Recycled {
			return passed, true, nil
		}
	}
	return nil, false, nil
}
