package chaos

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// checker looks at a history and at what the program says in the end. It was written from the design, and knows no package of the program.
type checker struct {
	company *Company
	history *History
	final   *Observed
	faults  []Fault

	byText  map[string]*Post
	byID    map[string]*Post          // by Bida's id
	given   map[string]*Delivery      // by account and number of the entry
	givenOf map[string]*Post          // likewise
	found   map[string][]placed       // by key of the post
	replied map[string][]placed       // by conversation/id of the reply
	told    map[string]*Reply         // replies by conversation/id
	entries map[string]map[int64]seen // by account: who was shown what under a number
}

// placed is a message and the conversation in which it was found.
type placed struct {
	conversation *Conversation
	message      Message
}

// seen is what the first of an account's clients was shown under a number.
type seen struct{ client, message string }

// Check names every promise that was broken.
func Check(c *Company, h *History, o *Observed) []Fault {
	k := &checker{
		company: c, history: h, final: o, faults: slices.Clone(h.Faults),
		byText: map[string]*Post{}, byID: map[string]*Post{}, given: map[string]*Delivery{}, givenOf: map[string]*Post{},
		found: map[string][]placed{}, replied: map[string][]placed{}, told: map[string]*Reply{}, entries: map[string]map[int64]seen{},
	}
	k.index()
	for _, id := range sorted(o.Conversations) {
		k.conversation(o.Conversations[id])
	}
	for _, p := range h.Posts {
		k.post(p)
	}
	k.lanes()
	for _, v := range h.Views {
		k.view(v)
	}
	k.room()
	k.answers()
	k.deaf()
	return k.faults
}

func (k *checker) broken(rule string, evidence any, format string, args ...any) {
	k.faults = append(k.faults, Fault{Rule: rule, Text: fmt.Sprintf(format, args...), Evidence: evidence})
}

// brokenFor is broken for a fault about a message: whoever reports it can add the whole trace.
func (k *checker) brokenFor(p *Post, rule string, evidence any, format string, args ...any) {
	k.faults = append(k.faults, Fault{Rule: rule, Text: fmt.Sprintf(format, args...), Evidence: evidence, Post: p})
}

func entryKey(account string, number int64) string {
	return account + "#" + strconv.FormatInt(number, 10)
}

func (k *checker) index() {
	for _, p := range k.history.Posts {
		k.byText[p.Text] = p
		if len(p.Told) > 0 {
			k.byID[p.Told[0].Message] = p
		}
		if t := k.final.Traces[p.key()]; t != nil {
			for i := range t.Deliveries {
				key := entryKey(t.Deliveries[i].Agent, t.Deliveries[i].AgentSequence)
				if other := k.givenOf[key]; other != nil {
					k.broken("doubled", []any{t, k.final.Traces[other.key()]}, "entry %s belongs to two messages", key)
				}
				k.given[key], k.givenOf[key] = &t.Deliveries[i], p
			}
		}
	}
	for _, r := range k.history.Replies {
		k.told[r.Conversation+"/"+r.ID] = r
	}
	for _, c := range k.final.Conversations {
		for _, m := range c.Messages {
			switch m.Direction {
			case "in":
				key := c.Inbox + "/" + m.SenderID
				k.found[key] = append(k.found[key], placed{c, m})
			case "out":
				key := c.ID + "/" + m.SenderID
				k.replied[key] = append(k.replied[key], placed{c, m})
			}
		}
	}
}

// conversation: sequences from 1 without gaps, and nothing in it that nobody wrote.
func (k *checker) conversation(c *Conversation) {
	for i, m := range c.Messages {
		if m.Sequence != int64(i+1) {
			k.broken("gap", c.Raw, "conversation %s has sequence %d (%s) at place %d", c.ID, m.Sequence, m.ID, i+1)
			break
		}
	}
	if c.Sequence != int64(len(c.Messages)) {
		k.broken("gap", c.Raw, "conversation %s says it has %d messages and has %d", c.ID, c.Sequence, len(c.Messages))
	}
	for _, m := range c.Messages {
		switch m.Direction {
		case "in":
			p := k.byText[m.Text]
			if p == nil || p.ID != m.SenderID || p.Inbox != c.Inbox || p.Contact != c.Contact || p.Kind != c.Kind {
				k.broken("changed", []any{m, c.Raw}, "message %s in conversation %s of %s is not what its sender sent: %+v", m.ID, c.ID, c.Inbox, p)
			}
		case "out":
			r := k.told[c.ID+"/"+m.SenderID]
			if r == nil || r.Text != m.Text || r.Account != m.Author {
				k.broken("changed", []any{m, c.Raw}, "reply %s in conversation %s is not what an agent wrote: %+v", m.ID, c.ID, r)
			}
		}
	}
}

// post: what was acknowledged exists once, is what was told, and lies with somebody or says why not.
func (k *checker) post(p *Post) {
	places, trace := k.found[p.key()], k.final.Traces[p.key()]
	evidence := func() any {
		e := map[string]any{"post": p, "found": places}
		if trace != nil {
			e["trace"] = trace
		}
		return e
	}
	if len(places) > 1 {
		k.brokenFor(p, "doubled", evidence(), "message %s is stored %d times", p.key(), len(places))
	}
	if len(p.Told) == 0 {
		return // the sender was never told, so it may be there or not
	}
	first, made := p.Told[0], 0
	for _, t := range p.Told {
		if t.Status == 201 {
			made++
		}
		if other := t; !same(other, first) {
			k.brokenFor(p, "changed", evidence(), "the same id %s was answered differently: %+v and %+v", p.key(), first, other)
			break
		}
	}
	for _, agent := range append([]string{first.Agent}, first.Agents...) {
		if agent != "" && !k.company.MayReceive(agent, p.Inbox, p.Kind) {
			k.brokenFor(p, "misdelivered", evidence(), "the sender of %s was told that %s has it, who may not", p.key(), agent)
		}
	}
	if made > 1 {
		k.brokenFor(p, "doubled", evidence(), "the sender of %s was told %d times that it is new", p.key(), made)
	}
	switch {
	case trace == nil:
		k.brokenFor(p, "lost", evidence(), "message %s was acknowledged as %s and has no trace", p.key(), first.Message)
		return
	case len(places) == 0:
		k.brokenFor(p, "lost", evidence(), "message %s was acknowledged as %s and is not in conversation %s", p.key(), first.Message, first.Conversation)
		return
	case trace.Message != first.Message || trace.Conversation != first.Conversation || trace.Sequence != first.Sequence:
		k.brokenFor(p, "changed", evidence(), "message %s was acknowledged as %s (%s %d) and is %s (%s %d) now", p.key(),
			first.Message, first.Conversation, first.Sequence, trace.Message, trace.Conversation, trace.Sequence)
	case places[0].message.ID != first.Message || places[0].message.Sequence != first.Sequence || places[0].conversation.ID != first.Conversation:
		k.brokenFor(p, "changed", evidence(), "message %s was acknowledged as %s (%s %d) and lies as %s in %s at %d", p.key(),
			first.Message, first.Conversation, first.Sequence, places[0].message.ID, places[0].conversation.ID, places[0].message.Sequence)
	}
	k.decided(p, trace, evidence)
	k.holders(p, trace, places[0].conversation, evidence)
}

func same(a, b Told) bool {
	a.Status, b.Status = 0, 0
	agents := slices.Equal(a.Agents, b.Agents)
	a.Agents, b.Agents = nil, nil
	return agents && fmt.Sprint(a) == fmt.Sprint(b)
}

// decided: the decision is there, says why in words, and is what the sender was told.
func (k *checker) decided(p *Post, t *Trace, evidence func() any) {
	switch {
	case t.Decision == nil:
		k.brokenFor(p, "unrouted", evidence(), "message %s has no decision", p.key())
		return
	case t.Decision.Summary == "" || t.Decision.Code == "":
		k.brokenFor(p, "unrouted", evidence(), "the decision on message %s gives no reason", p.key())
	case t.Decision.Verdict != p.Told[0].Result:
		k.brokenFor(p, "changed", evidence(), "the sender of %s was told %q, and the decision is %q", p.key(), p.Told[0].Result, t.Decision.Verdict)
	}
	for _, stage := range []string{"intake", "stored", "decided"} {
		if !slices.ContainsFunc(t.Stages, func(s Stage) bool { return s.Stage == stage }) {
			k.brokenFor(p, "unrouted", evidence(), "the trace of message %s has no stage %q", p.key(), stage)
		}
	}
}

// holders: in the end a message lies with one agent who may have it and has received it (or with those to whom it is offered), or it waits with a reason.
func (k *checker) holders(p *Post, t *Trace, c *Conversation, evidence func() any) {
	var holders []string
	for _, d := range t.Deliveries {
		if d.State == withdrawn {
			if d.Code == "" {
				k.brokenFor(p, "unrouted", evidence(), "message %s was withdrawn from %s without a reason", p.key(), d.Agent)
			}
			continue
		}
		holders = append(holders, d.Agent)
		if !k.company.MayReceive(d.Agent, p.Inbox, p.Kind) {
			k.brokenFor(p, "misdelivered", evidence(), "message %s (%s, %s) lies with %s, who may not have it", p.key(), p.Inbox, p.Kind, d.Agent)
		}
		if d.State == "queued" {
			k.brokenFor(p, "undelivered", evidence(), "message %s lies with %s, whose clients are all connected and have not received it", p.key(), d.Agent)
		}
	}
	slices.Sort(holders)
	if distinct := slices.Compact(slices.Clone(holders)); len(distinct) != len(holders) {
		k.brokenFor(p, "doubled", evidence(), "message %s lies twice with the same agent: %v", p.key(), holders)
	}
	open := c.Status == "open" && p.Told[0].Sequence > c.Answered
	switch {
	case len(holders) > 1 && !(open && c.Owner == "" && k.company.Inbox(p.Inbox).Strategy == "broadcast"):
		k.brokenFor(p, "doubled", evidence(), "message %s lies with %v at the same time", p.key(), holders)
	case len(holders) == 1 && open && c.Owner != "" && holders[0] != c.Owner:
		k.brokenFor(p, "misdelivered", []any{evidence(), c.Raw}, "message %s is unanswered and lies with %s, while %s owns its conversation", p.key(), holders[0], c.Owner)
	case len(holders) > 0:
	case c.Waiting != nil && c.Waiting.Code != "" && c.Waiting.Summary != "" && open:
	default:
		k.brokenFor(p, "unrouted", []any{evidence(), c.Raw}, "message %s lies with nobody, and its conversation %s (%s, owner %q) does not wait with a reason", p.key(), c.ID, c.Status, c.Owner)
	}
}

// lanes: what was sent after the one before was acknowledged comes after it.
func (k *checker) lanes() {
	lanes := map[string][]*Post{}
	for _, p := range k.history.Posts {
		if p.Lane != "" && len(p.Told) > 0 {
			lanes[p.Lane] = append(lanes[p.Lane], p)
		}
	}
	for _, name := range sorted(lanes) {
		list := lanes[name]
		sort.Slice(list, func(i, j int) bool { return list[i].Place < list[j].Place })
		for i := 1; i < len(list); i++ {
			a, b := list[i-1].Told[0], list[i].Told[0]
			if position(a.Message) >= position(b.Message) || a.Conversation == b.Conversation && a.Sequence >= b.Sequence {
				k.broken("reordered", []any{list[i-1], list[i]}, "%s was sent after %s was acknowledged and comes before it", list[i].key(), list[i-1].key())
			}
		}
	}
}

// position is the number in an id, which is the order in which things were written.
func position(id string) int64 {
	n, err := strconv.ParseInt(strings.TrimLeft(id, "abcdefghijklmnopqrstuvwxyz"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// room: nothing waits while an agent who may have it has room for it.
func (k *checker) room() {
	load := map[string]int{}
	for _, c := range k.final.Conversations {
		if c.Status == "open" && c.Owner != "" {
			load[c.Inbox+" "+c.Owner]++
		}
	}
	for _, id := range sorted(k.final.Conversations) {
		c := k.final.Conversations[id]
		in := k.company.Inbox(c.Inbox)
		if in == nil || c.Status != "open" || c.Owner != "" || c.Waiting == nil || in.Strategy == "broadcast" {
			continue
		}
		for _, a := range k.company.Members(c.Inbox) {
			if k.company.MayReceive(a, c.Inbox, c.Kind) && load[c.Inbox+" "+a] < in.Capacity {
				k.broken("unrouted", c.Raw, "conversation %s of %s waits (%s) although %s has %d of %d conversations", c.ID, c.Inbox, c.Waiting.Summary, a, load[c.Inbox+" "+a], in.Capacity)
				return // the others are the same
			}
		}
	}
}

func sorted[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
