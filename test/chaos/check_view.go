package chaos

import (
	"github.com/bidahq/bida/client"
)

// viewing goes through what one client was shown, as a person would have read it.
type viewing struct {
	k       *checker
	view    *View
	last    int64
	entries map[int64]client.Event
	held    map[string]int64 // message → entry under which it stands on the screen
	order   map[string]int64 // conversation → last sequence on the screen
}

// view: entries without gaps, each once; a message at most once unless it was withdrawn between; conversations in order; nothing that may not be seen; and
// what stands on the screen in the end is what the program says the agent has.
func (k *checker) view(v *View) {
	w := &viewing{k: k, view: v, last: v.First, entries: map[int64]client.Event{}, held: map[string]int64{}, order: map[string]int64{}}
	if v.First < 0 && len(v.Events) > 0 { // a new client begins with what nobody had received
		w.last = v.Events[0].AgentSequence - 1
	}
	for _, e := range v.Events {
		w.event(e)
	}
	if last, ok := k.final.Last[v.Account]; ok && w.last != last && !(v.First < 0 && len(v.Events) == 0) {
		k.broken("lost in view", nil, "%s was shown entries up to %d of %d", w.name(), w.last, last)
	}
	w.screen()
}

func (w *viewing) name() string { return "client " + w.view.Client + " of " + w.view.Account }

func (w *viewing) event(e client.Event) {
	k := w.k
	switch {
	case e.AgentSequence <= w.last:
		k.broken("doubled", []any{w.entries[e.AgentSequence], e}, "%s was shown entry %d after entry %d", w.name(), e.AgentSequence, w.last)
		return
	case e.AgentSequence != w.last+1:
		k.broken("gap", e, "%s was shown entry %d after entry %d", w.name(), e.AgentSequence, w.last)
	}
	w.last = max(e.AgentSequence, e.To)
	w.entries[e.AgentSequence] = e
	w.agree(e)
	switch e.Event {
	case client.EventMessage:
		w.message(e)
	case client.EventWithdrawn:
		w.withdraw(e)
	case client.EventTombstone, client.EventNotice:
	default:
		k.broken("gap", e, "%s was shown %q as entry %d", w.name(), e.Event, e.AgentSequence)
	}
}

// agree: all clients of an account are shown the same under one number.
func (w *viewing) agree(e client.Event) {
	if e.Message == "" {
		return
	}
	account := w.k.entries[w.view.Account]
	if account == nil {
		account = map[int64]seen{}
		w.k.entries[w.view.Account] = account
	}
	first, ok := account[e.AgentSequence]
	if !ok {
		account[e.AgentSequence] = seen{w.view.Client, e.Message}
		return
	}
	if first.message != e.Message {
		w.k.broken("changed", e, "entry %d of %s is %s for client %s and %s for client %s", e.AgentSequence, w.view.Account, first.message, first.client, e.Message, w.view.Client)
	}
}

func (w *viewing) message(e client.Event) {
	k := w.k
	p := k.byText[e.Text]
	if p == nil {
		k.broken("changed", e, "%s was shown a message that nobody sent", w.name())
		return
	}
	evidence := func() any {
		return map[string]any{"event": e, "post": p, "trace": k.final.Traces[p.key()], "before": w.entries[w.held[e.Message]]}
	}
	if e.Inbox != p.Inbox || e.Kind != p.Kind || !w.view.Lines && e.Contact != p.Contact {
		k.brokenFor(p, "changed", evidence(), "%s was shown %s as something else", w.name(), p.key())
	}
	if len(p.Told) > 0 && (e.Message != p.Told[0].Message || e.Conversation != p.Told[0].Conversation || e.Sequence != p.Told[0].Sequence) {
		k.brokenFor(p, "changed", evidence(), "%s was shown %s under other numbers than its sender was told", w.name(), p.key())
	}
	if !k.company.MayReceive(w.view.Account, e.Inbox, e.Kind) {
		k.brokenFor(p, "misdelivered", evidence(), "%s was shown %s (%s, %s) and may not have it", w.name(), p.key(), e.Inbox, e.Kind)
	}
	w.denial(p, e, evidence)
	if _, on := w.held[e.Message]; on {
		k.brokenFor(p, "doubled", evidence(), "%s was shown %s again, which was not withdrawn", w.name(), p.key())
		return
	}
	if e.Sequence <= w.order[e.Conversation] {
		k.brokenFor(p, "reordered", evidence(), "%s was shown %s with sequence %d after sequence %d of %s", w.name(), p.key(), e.Sequence, w.order[e.Conversation], e.Conversation)
	}
	w.held[e.Message], w.order[e.Conversation] = e.AgentSequence, e.Sequence
	if d := k.given[entryKey(w.view.Account, e.AgentSequence)]; len(p.Told) > 0 && (d == nil || k.givenOf[entryKey(w.view.Account, e.AgentSequence)] != p) {
		k.brokenFor(p, "changed", evidence(), "%s was shown %s as entry %d, of which the trace knows nothing", w.name(), p.key(), e.AgentSequence)
	}
}

// withdraw takes a message off the screen. A line of bida listen names the message, a frame the entry.
func (w *viewing) withdraw(e client.Event) {
	target := e.Withdraws
	if w.view.Lines {
		target = w.held[e.Message]
		if target == 0 {
			return // it was a tombstone
		}
	} else if e.Code == "" {
		w.k.broken("unrouted", e, "%s was told of a withdrawal without a reason", w.name())
	}
	shown, known := w.entries[target]
	switch {
	case target >= e.AgentSequence || target <= 0 || !known && target > max(w.view.First, 0) && w.view.First >= 0:
		w.k.broken("changed", e, "%s was told that entry %d is withdrawn, which it never had", w.name(), target)
	case shown.Event == client.EventMessage && w.held[shown.Message] == target:
		delete(w.held, shown.Message)
		w.order[shown.Conversation] = min(w.order[shown.Conversation], shown.Sequence-1)
	}
}

// screen: what stands on the screen in the end, and what the traces say the agent has, is the same.
func (w *viewing) screen() {
	k := w.k
	for message, entry := range w.held {
		p := k.byID[message]
		if p == nil {
			continue // its sender was never told; there is no trace to compare with
		}
		if d := k.given[entryKey(w.view.Account, entry)]; d != nil && d.State == withdrawn {
			k.brokenFor(p, "doubled", map[string]any{"event": w.entries[entry], "trace": k.final.Traces[p.key()]}, "%s has %s on the screen, which was withdrawn without a word", w.name(), p.key())
		}
	}
	first := w.view.First
	if first < 0 {
		if len(w.view.Events) == 0 {
			return
		}
		first = w.view.Events[0].AgentSequence - 1
	}
	for _, p := range k.history.Posts {
		t := k.final.Traces[p.key()]
		if t == nil {
			continue
		}
		for _, d := range t.Deliveries {
			if d.Agent != w.view.Account || d.State == withdrawn || d.AgentSequence <= first || d.AgentSequence > w.last {
				continue
			}
			hidden := w.entries[d.AgentSequence].Event == client.EventTombstone && k.denied(d.Agent, p.Kind)
			if w.held[t.Message] != d.AgentSequence && !hidden {
				k.brokenFor(p, "lost in view", map[string]any{"entry": w.entries[d.AgentSequence], "trace": t},
					"%s does not have %s (entry %d) on the screen, which the trace says is with the agent as %s", w.name(), p.key(), d.AgentSequence, d.State)
			}
		}
	}
}
