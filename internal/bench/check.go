package bench

import (
	"fmt"

	"github.com/bidahq/bida/client"
)

// mostFaults is how many faults are described; all are counted.
const mostFaults = 20

// Faults count the promises that were broken.
type Faults struct {
	Lost         int `json:"lost"`
	Duplicated   int `json:"duplicated"`
	Reordered    int `json:"reordered"`
	Misdelivered int `json:"misdelivered"`
}

// Any says whether there was a fault.
func (f Faults) Any() bool { return f != Faults{} }

// checker goes through a history and the views of all clients.
type checker struct {
	history *history
	Faults
	described []string
	withdrawn int
	holders   []uint8 // by message: how many clients have it on the screen
}

// check looks at everything that senders were told and clients saw. What nobody saw is judged later, by judge.
func check(h *history, views []*view) *checker {
	k := &checker{history: h, holders: make([]uint8, h.made.Load())}
	k.senders()
	for _, v := range views {
		k.view(v)
	}
	for n, holders := range k.holders {
		if holders > 1 {
			k.fault(&k.Duplicated, "message %d stands with %d agents at the same time", n, holders)
		}
	}
	return k
}

func (k *checker) fault(count *int, format string, args ...any) {
	*count++
	if len(k.described) < mostFaults {
		k.described = append(k.described, fmt.Sprintf(format, args...))
	}
}

// senders: each message is stored once, in the order of its customer's, and with an agent who may have it.
func (k *checker) senders() {
	type place struct {
		conversation string
		sequence     int64
	}
	last := map[int]place{} // by customer
	ids := map[string]int64{}
	for n := range int64(len(k.holders)) {
		m := k.history.message(n)
		if m.answered == 0 {
			continue
		}
		t := &m.told
		if other, used := ids[t.Message]; used {
			k.fault(&k.Duplicated, "messages %d and %d were both stored as %s", other, n, t.Message)
		}
		ids[t.Message] = n
		before := last[m.customer]
		if before.conversation == t.Conversation && t.Sequence <= before.sequence {
			k.fault(&k.Reordered, "message %d got sequence %d in %s after the customer's message before had got %d", n, t.Sequence, t.Conversation, before.sequence)
		}
		last[m.customer] = place{t.Conversation, t.Sequence}
		if agent, ours := k.history.company.agent(t.Agent); t.Agent != "" && (!ours || !k.history.company.serves(agent, m.customer)) {
			k.fault(&k.Misdelivered, "the sender of message %d was told that %s has it, who may not", n, t.Agent)
		}
	}
}

// screen is what stands with one agent.
type screen struct {
	k     *checker
	view  *view
	last  int64            // entry
	held  map[int64]int64  // message → the entry under which it stands
	entry map[int64]*sight // by entry: messages
	order map[string]int64 // conversation → the last sequence that stands
}

func (k *checker) view(v *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := &screen{k: k, view: v, held: map[int64]int64{}, entry: map[int64]*sight{}, order: map[string]int64{}}
	for i := range v.sights {
		s.see(&v.sights[i])
	}
	for n := range s.held {
		k.holders[n]++
	}
}

func (s *screen) name() string { return s.k.history.company.agents[s.view.agent] }

func (s *screen) see(e *sight) {
	if e.entry <= s.last {
		s.k.fault(&s.k.Duplicated, "%s was shown entry %d after entry %d", s.name(), e.entry, s.last)
		return
	}
	s.last = e.entry
	switch e.event {
	case client.EventMessage:
		s.message(e)
	case client.EventWithdrawn:
		s.k.withdrawn++
		s.remove(s.entry[e.withdraws])
	}
}

func (s *screen) message(e *sight) {
	k := s.k
	if e.automatic { // the company's own automatic replies are no message of the run
		return
	}
	if e.n < 0 {
		k.fault(&k.Misdelivered, "%s was shown a message that nobody here has sent: %s of inbox %s", s.name(), e.message, e.inbox)
		return
	}
	m, company := k.history.message(e.n), k.history.company
	if !company.serves(s.view.agent, m.customer) || e.inbox != company.inbox(m.customer) || e.contact != company.contact(m.customer) {
		k.fault(&k.Misdelivered, "%s was shown message %d, as of %s in %s", s.name(), e.n, e.contact, e.inbox)
	}
	if t := &m.told; m.answered != 0 && (e.message != t.Message || e.conversation != t.Conversation || e.sequence != t.Sequence) {
		k.fault(&k.Misdelivered, "%s was shown message %d as %s (%s %d), and its sender was told %s (%s %d)", s.name(), e.n, e.message, e.conversation, e.sequence, t.Message, t.Conversation, t.Sequence)
	}
	if at, stands := s.held[e.n]; stands {
		k.fault(&k.Duplicated, "%s was shown message %d as entry %d and again as entry %d", s.name(), e.n, at, e.entry)
		return
	}
	if last := s.order[e.conversation]; e.sequence <= last {
		k.fault(&k.Reordered, "%s was shown message %d (%s %d) after sequence %d", s.name(), e.n, e.conversation, e.sequence, last)
	}
	s.held[e.n], s.entry[e.entry], s.order[e.conversation] = e.entry, e, e.sequence
}

// remove takes a message off the screen. What is withdrawn may never have stood there: it was hidden, or shown to another client.
func (s *screen) remove(e *sight) {
	if e == nil || s.held[e.n] != e.entry {
		return
	}
	delete(s.held, e.n)
	s.order[e.conversation] = min(s.order[e.conversation], e.sequence-1)
}

// unseen lists the messages that their senders were told of and that stand with nobody.
func (k *checker) unseen() []int64 {
	var list []int64
	for n, holders := range k.holders {
		if holders == 0 && k.history.message(int64(n)).answered != 0 {
			list = append(list, int64(n))
		}
	}
	return list
}

// fate is what the server says of a message that nobody saw.
type fate struct {
	kind fateKind
	code string // why it waits
}

type fateKind int

const (
	fateMissing   fateKind = iota // the server does not know it
	fateWaiting                   // it waits for somebody who can receive it
	fateDelivered                 // it is said to be with an agent, who has not shown it
)

// underWay is said, instead of a reason, of messages that clients were just being shown when nobody waited for them any more.
const underWay = "under_way"

// judge says of each message that nobody saw whether it waits or is lost. moving says that clients were still shown more.
func (k *checker) judge(fates map[int64]fate, moving bool) (waiting map[string]int) {
	waiting = map[string]int{}
	for _, n := range k.unseen() {
		t := k.history.message(n).told
		switch f := fates[n]; f.kind {
		case fateWaiting:
			waiting[f.code]++
		case fateDelivered:
			if moving {
				waiting[underWay]++
				continue
			}
			k.fault(&k.Lost, "message %d (%s in %s) is said to be with an agent, and no client has shown it", n, t.Message, t.Conversation)
		case fateMissing:
			k.fault(&k.Lost, "message %d was accepted as %s in %s and is not there", n, t.Message, t.Conversation)
		}
	}
	return waiting
}

// surplus counts messages that conversations have more than was sent to them: ones that were stored twice.
func (k *checker) surplus(conversations map[string]conversation) {
	sent, untold := map[string]int64{}, map[int]int64{}
	customer := map[string]int{}
	for n := range int64(len(k.holders)) {
		m := k.history.message(n)
		if m.answered == 0 {
			untold[m.customer]++
			continue
		}
		sent[m.told.Conversation]++
		customer[m.told.Conversation] = m.customer
	}
	for id, c := range conversations {
		if more := c.Sequence - sent[id] - untold[customer[id]]; sent[id] > 0 && more > 0 {
			k.fault(&k.Duplicated, "conversation %s has %d messages more than were sent", id, more)
			k.Duplicated += int(more) - 1
		}
	}
}
