package impact

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// group is what becomes of all messages whose decisions read the same. Whom they were given to is in the outcomes too, so that they were given to the same.
type group struct {
	messages      int
	before, after []string // who could have received, in order of name; none if the group is undetermined
	change        Change
	code          reception.Code
}

// group decides for the group of a message, on what its journal entry says.
func (v *run) group(m *ledger.MessageRow) (*group, error) {
	undetermined := &group{change: Undetermined}
	message, candidates, err := v.entry(m.Decision.Outcomes)
	if errors.Is(err, errUnreadable) {
		return undetermined, nil
	}
	if err != nil {
		return nil, err
	}
	then := v.policyAt(m.Decision.Revision)
	if then == nil || m.Decision.Released != "" {
		return undetermined, nil
	}
	x := newEntry(m, &message, candidates)
	if !x.understood(then) {
		return undetermined, nil
	}
	b, a := x.decide(v.q.Before), x.decide(v.q.After)
	defer b.Free()
	defer a.Free()
	if !x.covers(then, v.q.Before, &b) || !x.covers(then, v.q.After, &a) {
		return undetermined, nil
	}
	g := &group{before: able(&b), after: able(&a), code: reason(&a)}
	if g.change = x.compare(v.q, g, &b, &a); g.change == Undetermined {
		return undetermined, nil
	}
	return g, nil
}

// entry is a journal entry that was read.
type entry struct {
	row        *ledger.MessageRow
	message    *reception.Vector
	candidates []reception.Candidate
	world      *recorded
	input      reception.Message
	able       []string // could have been chosen, as recorded
	places     map[string]int
}

func newEntry(m *ledger.MessageRow, message *reception.Vector, candidates []reception.Candidate) *entry {
	x := &entry{row: m, message: message, candidates: candidates, world: newRecorded(m.Inbox, message, candidates), places: map[string]int{}}
	c := &reception.Conversation{}
	x.input = reception.Message{
		Inbox: m.Inbox, Kind: m.Kind, Matched: m.Decision.Matched, Released: m.Decision.Cause == ledger.CauseReleased, Conversation: c,
	}
	for i := range candidates {
		// The gates about the message are written once; the engine repeats them for each candidate.
		for g := range reception.GateCount {
			if g.AboutMessage() {
				candidates[i].Cells[g] = message[g]
			}
		}
		if held := candidates[i].Cells[reception.ConversationGate]; held.Code == reception.CodeConversationSnoozed {
			c.SnoozedUntil = time.UnixMicro(held.Until)
		}
		if candidates[i].Owner {
			c.Owner = candidates[i].Account
		}
		if candidates[i].Cells[reception.Routing].Code == reception.CodeRoutingPassedOver {
			c.PassedOver = append(c.PassedOver, candidates[i].Account)
		}
		if passes(&candidates[i].Cells) {
			x.able = append(x.able, candidates[i].Account)
		}
		x.places[candidates[i].Account] = i
	}
	return x
}

func (x *entry) decide(p *reception.Policy) reception.Decision {
	return reception.Decide(p, x.world, x.input, x.row.Decision.At)
}

// understood says whether the facts that were made from the entry lead to the outcomes that are in it, under the policy of its time.
func (x *entry) understood(then *reception.Policy) bool {
	d := x.decide(then)
	defer d.Free()
	if len(d.Candidates) != len(x.candidates) {
		return false
	}
	for i := range d.Candidates {
		if d.Candidates[i].Account != x.candidates[i].Account {
			return false
		}
		for g := range reception.GateCount {
			if g != reception.Routing && d.Candidates[i].Cells[g].Outcome != x.candidates[i].Cells[g].Outcome {
				return false
			}
		}
	}
	for g := range reception.GateCount {
		if d.Message[g].Outcome != x.message[g].Outcome {
			return false
		}
	}
	return true
}

// covers says whether a decision rests on nothing but what the entry knows: nobody could receive of whom nothing is recorded, no limit of conversations is
// another one than then, and no gate decides otherwise whose facts the entry does not hold.
func (x *entry) covers(then, p *reception.Policy, d *reception.Decision) bool {
	if !sameMode(then.Inboxes[x.row.Inbox], p.Inboxes[x.row.Inbox]) || !x.ratesKnown(then, p) || !reflect.DeepEqual(then.Clients, p.Clients) {
		return false
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if !x.rateKnown(accountSwitch(then, c.Account), accountSwitch(p, c.Account)) {
			return false
		}
		place, isRecorded := x.places[c.Account]
		if !isRecorded {
			if passes(&c.Cells) {
				return false
			}
			continue
		}
		for g := range reception.GateCount {
			if !rebuilt(g) && c.Cells[g].Outcome != x.candidates[place].Cells[g].Outcome {
				return false
			}
		}
		if !c.Owner && passesBut(&c.Cells, reception.Capacity) && !sameLimits(then, p, x.row.Inbox, c.Account) {
			return false
		}
	}
	return true
}

// ratesKnown says whether the switches of the platform and the inbox limit nothing, or just what they limited then.
func (x *entry) ratesKnown(then, p *reception.Policy) bool {
	var was, is reception.Switch
	if in := then.Inboxes[x.row.Inbox]; in != nil {
		was = in.Switch
	}
	if in := p.Inboxes[x.row.Inbox]; in != nil {
		is = in.Switch
	}
	return x.rateKnown(then.Platform, p.Platform) && x.rateKnown(was, is)
}

// rateKnown: what a limited switch had let through is known as far as it stopped the message or not, under the same limit. An owner's messages do not
// count, so that of those nothing is known.
func (x *entry) rateKnown(was, is reception.Switch) bool {
	at := x.row.Decision.At
	if !was.Limits(at) && !is.Limits(at) {
		return true
	}
	return x.input.Conversation.Owner == "" && was.State == is.State && was.Until.Equal(is.Until) && was.PerMinute == is.PerMinute
}

func accountSwitch(p *reception.Policy, account string) reception.Switch {
	if a := p.Accounts[account]; a != nil {
		return a.Switch
	}
	return reception.Switch{}
}

func passesBut(v *reception.Vector, but reception.Gate) bool {
	rest := *v
	rest[but] = reception.Cell{Outcome: reception.NotApplicable}
	return passes(&rest)
}

func sameMode(a, b *reception.Inbox) bool { return a == nil || b == nil || a.Mode == b.Mode }

func sameLimits(a, b *reception.Policy, inbox, account string) bool {
	if a == b {
		return true
	}
	inA, totalA := limits(a, inbox, account)
	inB, totalB := limits(b, inbox, account)
	return inA == inB && totalA == totalB
}

func limits(p *reception.Policy, inbox, account string) (inInbox, total int) {
	if in := p.Inboxes[inbox]; in != nil {
		inInbox = in.Capacity
	}
	if a := p.Accounts[account]; a != nil {
		if own, ok := a.Limits[inbox]; ok {
			inInbox = own
		}
		total = a.Total
	}
	return inInbox, total
}

// compare says what becomes of the messages of the group: undetermined where who is chosen depends on loads and turns, which a journal entry does not hold.
func (x *entry) compare(q *Question, g *group, b, a *reception.Decision) Change {
	switch hadAny, hasAny := len(g.before) > 0, len(g.after) > 0; {
	case !hadAny && !hasAny:
		return Same
	case !hadAny:
		return Received
	case !hasAny:
		return Waits
	}
	if owner := x.input.Conversation.Owner; owner != "" && b.Released == "" {
		// To the owner: nobody else is among those who could receive, unless it is released.
		if a.Released == "" {
			return Same
		}
		return Other
	} else if owner != "" {
		return Undetermined
	}
	was, is := q.Before.Inboxes[x.row.Inbox], q.After.Inboxes[x.row.Inbox]
	if was.Strategy != is.Strategy || was.Sticky != is.Sticky {
		return Undetermined
	}
	if slices.Equal(g.before, g.after) {
		return Same // the same choice among the same
	}
	// From here on those who could have received then must be those who could have under before: of others it is not recorded whether they were passed over.
	if !slices.Equal(g.before, x.able) || len(without(g.after, g.before)) > 0 {
		return Undetermined
	}
	if was.Strategy == reception.Broadcast || was.Strategy == reception.Manual {
		if slices.Equal(b.Chosen, a.Chosen) {
			return Same
		}
		return Other
	}
	if len(x.row.Decision.Chosen) != 1 || x.row.Decision.Verdict != reception.Routed.String() {
		return Undetermined
	}
	// Who was chosen, by the lowest score or as the last owner, is chosen among fewer too: passed over were either all of them or not this one.
	if slices.Contains(g.after, x.row.Decision.Chosen[0]) {
		return Same
	}
	return Other
}
