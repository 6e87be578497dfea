package conversation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errNotDecided = problem.New(problem.Internal, "system.undecided", "The engine gave no decision; nothing was delivered.", "引擎未给出判定，未作任何投递。")

// settleRounds bounds how often one command's changes may cause others. Each round moves at least one conversation; in practice there are two or three.
const settleRounds = 10000

// Settle restores the invariants after a command: no owner that may not own, no conversation that waits although an agent could receive it, oldest first.
func Settle(tx *ledger.Tx) error {
	refill(tx)
	for range settleRounds {
		t := tx.TakeTouched()
		if t.Empty() {
			return nil
		}
		if err := settleOnce(tx, t); err != nil {
			return err
		}
	}
	return fmt.Errorf("conversations did not settle after %d rounds", settleRounds)
}

func settleOnce(tx *ledger.Tx, t ledger.Touched) error {
	cells := map[ledger.Cell]string{}
	maps.Copy(cells, t.Cells)
	agents := t.Agents
	if t.Policy {
		agents = everyAgent(tx, agents)
		for _, c := range tx.WaitingCells() {
			cells[c] = "policy"
		}
		watchPolicy(tx)
		if err := watchTurns(tx, time.Time{}); err != nil {
			return err
		}
	}
	for _, account := range slices.Sorted(maps.Keys(agents)) {
		if err := settleAgent(tx, account, agents[account], cells); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.Conversations)) {
		c, ok, err := tx.Conversation(id)
		if err != nil {
			return err
		}
		if ok && c.Status == ledger.StatusOpen && c.Owner == "" && unanswered(c) {
			cells[ledger.Cell{Inbox: c.Inbox, Kind: c.Kind}] = t.Conversations[id]
			if c.WaitingSince == 0 {
				if err := tx.SetWaiting(id, reception.CodeRoutingNobodyEligible.String()); err != nil {
					return err
				}
			}
		}
	}
	if err := settleCells(tx, cells); err != nil || len(t.Conversations) == 0 {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(t.Conversations)) {
		if err := waitsAgain(tx, id); err != nil {
			return err
		}
	}
	return nil
}

func unanswered(c *ledger.ConversationRow) bool { return c.LastSequence > c.Answered }

// everyAgent adds all accounts that a policy change may concern: whoever owns something or holds an offer.
func everyAgent(tx *ledger.Tx, touched map[string]string) map[string]string {
	out := map[string]string{}
	for _, account := range tx.AccountsWithWork() {
		out[account] = "policy"
	}
	maps.Copy(out, touched)
	return out
}

// settleAgent looks at what an agent owns or was offered, and notes the cells whose waiting conversations it may be able to receive now.
func settleAgent(tx *ledger.Tx, account, cause string, cells map[ledger.Cell]string) error {
	if cause != "load" { // a smaller load takes nothing away
		for _, id := range tx.Owned(account) {
			if err := settleOwned(tx, id, cause); err != nil {
				return err
			}
		}
		for _, id := range tx.Offers(account) {
			if err := settleOffer(tx, id, account); err != nil {
				return err
			}
		}
	}
	for _, inbox := range tx.InboxesOf(account) {
		for _, kind := range tx.Policy().Inboxes[inbox].Kinds {
			if c := (ledger.Cell{Inbox: inbox, Kind: kind}); len(tx.Waiting(c)) > 0 {
				cells[c] = cause
			}
		}
	}
	return nil
}

// settleOwned releases an owner that may not own any more, and hands over what waited for one that is back.
func settleOwned(tx *ledger.Tx, id int64, cause string) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Owner == "" {
		return err
	}
	d, err := decide(tx, c, c.PassedOver)
	if err != nil {
		return err
	}
	pending := c.Delivered < c.LastSequence
	switch {
	case d.Released != "" && !unanswered(c): // the next message decides anew
		return release(tx, id, d.ReleasedFor.String(), system, reception.CodeDeliveryWithdrawnOwnerReleased)
	case d.Released != "": // it takes its place among those that wait, so that it passes by no older one
		if err := release(tx, id, d.ReleasedFor.String(), system, reception.CodeDeliveryWithdrawnOwnerReleased); err != nil {
			return err
		}
		tx.TouchConversation(id, "owner_released")
		return nil
	case pending && d.Verdict == reception.Routed:
		tx.Journal(journal(tx, &d, c, tx.Next(), 0, cause))
		return follow(tx, id, &d, nil)
	case d.Until != 0:
		tx.At(time.UnixMicro(d.Until).UTC(), ledger.DeadlineAgent, c.Owner)
	}
	return nil
}

// settleOffer takes an offer back from an agent that may not have the conversation any more.
func settleOffer(tx *ledger.Tx, id int64, account string) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok {
		return err
	}
	if cell := reception.Entitled(tx.Policy(), account, c.Inbox, c.Kind, false, tx.Now()); !cell.Outcome.Stops() {
		return nil
	}
	if err := withdraw(tx, c, account, reception.CodePushNotEntitled); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(c.Offered), func(a string) bool { return a == account })
	return tx.SetOffered(id, rest)
}

// candidate is a conversation that waits, with its place.
type candidate struct {
	since, id int64
	cell      ledger.Cell
}

// settleCells decides the waiting conversations of the cells again, oldest first over all of them, each cell no further than there is room.
func settleCells(tx *ledger.Tx, cells map[ledger.Cell]string) error {
	if len(cells) == 0 {
		return nil
	}
	var list []candidate
	for cell := range cells {
		for _, id := range tx.Waiting(cell) {
			c, ok, err := tx.Conversation(id)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, candidate{c.WaitingSince, id, cell})
			}
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return int(a.since - b.since) })
	full := map[ledger.Cell]bool{}
	for _, w := range list {
		if full[w.cell] {
			continue
		}
		stuck, err := settleWaiting(tx, w.id, cells[w.cell])
		if err != nil {
			return err
		}
		full[w.cell] = stuck
	}
	return nil
}

// settleWaiting decides one waiting conversation again. stuck says that nobody can receive it, and so nobody any other of its cell.
func settleWaiting(tx *ledger.Tx, id int64, cause string) (stuck bool, err error) {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.WaitingSince == 0 || c.Owner != "" {
		return false, err
	}
	d, err := decide(tx, c, c.PassedOver)
	if err != nil {
		return false, err
	}
	defer d.Free()
	outcomes := tx.Outcomes(d.AppendOutcomes)
	again := d.Verdict == reception.Waiting && c.WaitingCode == d.Code.String() ||
		d.Verdict == reception.Offered && c.WaitingCode == d.Code.String() && !grows(c.Offered, d.Chosen)
	manual := d.Code == reception.CodeRoutingOfferedManual
	stuck = manual || d.Verdict == reception.Waiting && !c.SnoozedUntil().After(tx.Now()) // one that is set aside says nothing of the others
	if again && outcomes == c.DecidedOutcomes() {                                         // nothing is new: nothing is written
		watchCell(tx, c, &d)
		return stuck, nil
	}
	tx.Journal(journal(tx, &d, c, tx.Next(), 0, cause))
	e, err := tx.EditConversation(id)
	if err != nil {
		return false, err
	}
	e.SetDecidedOutcomes(outcomes)
	if err := follow(tx, id, &d, nil); err != nil {
		return false, err
	}
	return stuck, nil
}

// grows says whether chosen names somebody that held does not.
func grows(held, chosen []string) bool {
	for _, a := range chosen {
		if !slices.Contains(held, a) {
			return true
		}
	}
	return false
}

// watchPolicy asks to look again when a right, a state or an account of the policy in force begins or ends.
func watchPolicy(tx *ledger.Tx) {
	watchMaintenance(tx)
	for name, a := range tx.Policy().Accounts {
		for _, at := range edges(a, tx.Now()) {
			tx.At(at, deadlinePolicy, name)
		}
	}
}

// edges lists the future instants at which an account's rights change by themselves.
func edges(a *reception.Account, now time.Time) []time.Time {
	var out []time.Time
	add := func(at time.Time) {
		if at.After(now) {
			out = append(out, at)
		}
	}
	add(a.Expires)
	add(a.StateUntil)
	add(a.Switch.Until)
	for _, r := range a.Rights {
		add(r.Allow.Until)
		add(r.Deny.Until)
	}
	return out
}

// Restore sets, after a start, the deadlines that follow from the policy and from what is open, and settles everything.
func Restore(tx *ledger.Tx) error {
	if err := lookAgain(tx, "start"); err != nil {
		return err
	}
	watchTests(tx)
	return watchTurns(tx, tx.Now().Add(startGrace))
}

// FollowClock does what is to be done when the wall clock was set by so much: what says how long, and is kept as an instant, moves by as much; and what holds
// at certain hours, or until an instant, is looked at again, since instants may have been left out or come a second time.
func FollowClock(tx *ledger.Tx, by time.Duration) error {
	for _, id := range tx.OpenConversations() {
		c, _, err := tx.Conversation(id)
		if err != nil {
			return err
		}
		accept := !c.AcceptBy.IsZero() && !c.Accepted
		if !accept && c.TurnSince.IsZero() {
			continue
		}
		if c, err = tx.EditConversation(id); err != nil {
			return err
		}
		if accept {
			c.AcceptBy = c.AcceptBy.Add(by)
		}
		if !c.TurnSince.IsZero() {
			c.TurnSince = c.TurnSince.Add(by)
			c.SetWatched(time.Time{}) // the deadline that is set is the old clock's
			planTurn(tx, c)
		}
	}
	return lookAgain(tx, "clock")
}

// lookAgain sets the deadlines of the policy's instants and of acceptance, and settles everything.
func lookAgain(tx *ledger.Tx, cause string) error {
	watchPolicy(tx)
	for _, account := range tx.AccountsWithWork() {
		tx.TouchAgent(account, cause)
		for _, id := range tx.Owned(account) {
			c, _, err := tx.Conversation(id)
			if err != nil {
				return err
			}
			if !c.AcceptBy.IsZero() && !c.Accepted {
				tx.At(c.AcceptBy, deadlineAccept, strconv.FormatInt(id, 10))
			}
		}
	}
	for _, cell := range tx.WaitingCells() {
		tx.TouchCell(cell, cause)
		for _, id := range tx.Waiting(cell) {
			if c, _, err := tx.Conversation(id); err != nil {
				return err
			} else if !c.AcceptBy.IsZero() {
				tx.At(c.AcceptBy, deadlineAccept, strconv.FormatInt(id, 10))
			}
		}
	}
	return watchSnoozed(tx)
}

// Deadlines are the handlers of the deadlines that conversations and their owners set.
func Deadlines() map[string]func(*ledger.Tx, string) error {
	return map[string]func(*ledger.Tx, string) error{
		ledger.DeadlineAgent: func(tx *ledger.Tx, account string) error { tx.TouchAgent(account, "grace"); return nil },
		deadlinePolicy:       func(tx *ledger.Tx, account string) error { tx.TouchAgent(account, "until"); return nil },
		deadlineCell: func(tx *ledger.Tx, key string) error {
			inbox, kind, _ := strings.Cut(key, " ")
			tx.TouchCell(ledger.Cell{Inbox: inbox, Kind: kind}, "until")
			return nil
		},
		ledger.DeadlineRate: func(*ledger.Tx, string) error { return nil }, // what is due is refilled with every command
		deadlineAccept:      ofConversation(acceptTimeout),
		deadlineTurn:        ofConversation(endTurn),

		deadlineSnooze:       ofConversation(snoozeEnds),
		deadlineMaintenance:  maintenanceEdge,
		deadlineAnnouncement: announce,
		deadlineTest:         endTest,
	}
}

// ofConversation is a handler of deadlines whose key is a conversation's id.
func ofConversation(handle func(*ledger.Tx, int64) error) func(*ledger.Tx, string) error {
	return func(tx *ledger.Tx, key string) error {
		id, err := strconv.ParseInt(key, 10, 64)
		if err != nil {
			return err
		}
		return handle(tx, id)
	}
}
