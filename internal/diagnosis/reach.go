package diagnosis

import (
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Reach is how far a customer's message got, over all agents.
type Reach string

// How far messages get.
const (
	// ReachDelivered: a client of an agent acknowledged it, or it lies in the list of an async inbox, or an agent has answered after it.
	ReachDelivered Reach = "delivered"
	// ReachWaiting: nobody has it yet, as it should be: it waits for somebody who can receive, is on its way, or is kept for an owner whose grace runs.
	ReachWaiting Reach = "waiting"
	// ReachLost: it was taken in, and no agent received it although one should have: every push of it failed or is overdue, or it was taken back from everybody
	// and its conversation was resolved, or goes on with an owner who was not given it.
	ReachLost Reach = "lost"
	// ReachIntercepted: a filter rule holds it, or refused it.
	ReachIntercepted Reach = "intercepted"
	// ReachUnknown: an agent's connection is open, and what became of the push is not recorded.
	ReachUnknown Reach = "unknown"
)

// Way is what is recorded of a message that nobody is known to have received.
type Way struct {
	Message      *ledger.MessageRow
	Deliveries   []ledger.DeliveryRow    // of the message, taken back ones too
	Conversation *ledger.ConversationRow // nil if there is none
	Async        bool                    // the inbox is one whose list is looked at when there is time
}

// ReachOf says how far a message got that no client acknowledged and no agent answered, at an instant not before the last of what is recorded. What it calls
// lost, a diagnosis of the message for the agent that should have had it calls blocked, and likewise waiting and unknown. agent tells what is known of the
// connection of an account.
func ReachOf(w *Way, agent func(account string) reception.Connection, at time.Time) Reach {
	if w.Message.Direction == ledger.Held || w.Message.Direction == ledger.Refused {
		return ReachIntercepted
	}
	worst, given := ReachLost, false
	for i := range w.Deliveries {
		d := &w.Deliveries[i]
		if d.Type != ledger.EntryMessage || d.State == ledger.Withdrawn {
			continue
		}
		given = true
		if w.Async || d.State != ledger.Queued {
			return ReachDelivered
		}
		c := agent(d.Account)
		switch fault := pushFault(d, c.State == reception.ConnectionOpen, at); {
		case !fault.Outcome.Stops(), c.GraceUntil.After(at):
			return ReachWaiting // it may arrive there, whatever became of it with others
		case fault.Outcome == reception.Unknown:
			worst = ReachUnknown
		}
	}
	if c := w.Conversation; !given && c != nil && c.Status == ledger.StatusOpen && c.Owner == "" {
		return ReachWaiting
	}
	return worst
}
