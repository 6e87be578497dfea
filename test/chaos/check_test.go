package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
)

// made is a history in which everything is right: agent-b has two messages of a customer, loses its connection, so that agent-c gets them and answers; a third
// message follows. Another customer waits. agent-b has two clients.
func made() (*History, *Observed) {
	told := func(id, c string, sequence int64, status, agent string) Told {
		return Told{Status: 201, Message: id, Conversation: c, Sequence: sequence, Result: status, Agent: agent, Summary: "1/3 agents can receive"}
	}
	post := func(id, contact string, place int, t Told) *Post {
		return &Post{Inbox: "store", ID: id, Contact: contact, Kind: "customer", Text: "text of " + id, Lane: contact, Place: place, Told: []Told{t}}
	}
	again := told("m20", "c10", 2, "routed", "agent-b")
	again.Status = 200
	h := &History{
		Posts: []*Post{
			post("p1", "u1", 1, told("m10", "c10", 1, "routed", "agent-b")),
			post("p2", "u1", 2, again),
			post("p3", "u1", 3, told("m40", "c10", 4, "routed", "agent-c")),
			post("p4", "u2", 1, told("m50", "c50", 1, "waiting", "")),
		},
		Replies: []*Reply{{Conversation: "c10", ID: "r1", Account: "agent-c", Text: "answer", Told: []ReplyTold{{201, "m30", "c10", 3, 1}}}},
	}
	h.Posts[1].Told = append([]Told{again}, h.Posts[1].Told...)
	message := func(number int64, p *Post) client.Event {
		t := p.Told[0]
		return client.Event{Event: "message", AgentSequence: number, Message: t.Message, Conversation: t.Conversation, Sequence: t.Sequence, Inbox: p.Inbox, Kind: p.Kind, Contact: p.Contact, Text: p.Text}
	}
	taken := func(number, target int64, p *Post) client.Event {
		return client.Event{Event: "withdrawn", AgentSequence: number, Message: p.Told[0].Message, Conversation: p.Told[0].Conversation, Inbox: p.Inbox, Kind: p.Kind, Withdraws: target, Code: "delivery.withdrawn.owner_released"}
	}
	gone := func(number int64, p *Post) client.Event {
		return client.Event{Event: "tombstone", AgentSequence: number, Message: p.Told[0].Message, Code: "delivery.withdrawn.owner_released"}
	}
	p := h.Posts
	h.Views = []*View{
		{Account: "agent-b", Client: "b-1", First: 0, Events: []client.Event{message(1, p[0]), message(2, p[1]), taken(3, 1, p[0]), taken(4, 2, p[1])}},
		{Account: "agent-b", Client: "b-2", First: 1, Events: []client.Event{gone(2, p[1]), taken(3, 1, p[0]), taken(4, 2, p[1])}},
		{Account: "agent-c", Client: "c-1", First: 0, Events: []client.Event{message(1, p[0]), message(2, p[1]), message(3, p[2])}},
		{Account: "agent-c", Client: "c-2", First: -1, Lines: true, Events: []client.Event{message(2, p[1]), message(3, p[2])}},
	}
	trace := func(p *Post, deliveries ...Delivery) *Trace {
		t := p.Told[0]
		return &Trace{
			Message: t.Message, Conversation: t.Conversation, Sequence: t.Sequence, Inbox: p.Inbox, Stages: []Stage{{Stage: "intake"}, {Stage: "stored"}, {Stage: "decided"}},
			Decision: &Decision{Verdict: t.Result, Code: "routing.chosen", Summary: t.Summary}, Deliveries: deliveries,
		}
	}
	lost := func(number int64) Delivery {
		return Delivery{Agent: "agent-b", AgentSequence: number, State: "withdrawn", Code: "delivery.withdrawn.owner_released"}
	}
	in := func(sequence int64, p *Post) Message {
		return Message{ID: p.Told[0].Message, Sequence: sequence, Direction: "in", Kind: p.Kind, Text: p.Text, SenderID: p.ID, Contact: p.Contact}
	}
	o := &Observed{
		Traces: map[string]*Trace{
			"store/p1": trace(p[0], lost(1), Delivery{Agent: "agent-c", AgentSequence: 1, State: "accepted"}),
			"store/p2": trace(p[1], lost(2), Delivery{Agent: "agent-c", AgentSequence: 2, State: "accepted"}),
			"store/p3": trace(p[2], Delivery{Agent: "agent-c", AgentSequence: 3, State: "accepted"}),
			"store/p4": trace(p[3]),
		},
		Conversations: map[string]*Conversation{
			"c10": {ID: "c10", Inbox: "store", Contact: "u1", Kind: "customer", Status: "open", Owner: "agent-c", Sequence: 4, Answered: 3, Messages: []Message{
				in(1, p[0]), in(2, p[1]), {ID: "m30", Sequence: 3, Direction: "out", Text: "answer", SenderID: "r1", Author: "agent-c"}, in(4, p[2]),
			}},
			"c50": {ID: "c50", Inbox: "store", Contact: "u2", Kind: "customer", Status: "open", Sequence: 1, Waiting: &Waiting{"routing.nobody_eligible", "0/3 agents can receive"}, Messages: []Message{in(1, p[3])}},
		},
		Replies: map[string][]ReplyLine{"store": {{ID: "r1", Message: "m30", Conversation: "c10", Contact: "u1", Sequence: 1, Text: "answer"}}},
		Last:    map[string]int64{"agent-b": 4, "agent-c": 3},
	}
	h.Sources = map[string][]ReplyLine{"store": slices.Clone(o.Replies["store"])}
	return h, o
}

// small is the company of made: its inbox has no room, so that somebody may wait.
func small() *Company {
	c := company()
	c.Inbox("store").Capacity = 0
	return c
}

func TestTheCheckerFindsNothingWhereNothingIsWrong(t *testing.T) {
	h, o := made()
	for _, f := range Check(small(), h, o) {
		t.Error(f)
	}
}

// wrong is one thing done to a right history, and the rules that must be named.
type wrong struct {
	name  string
	do    func(h *History, o *Observed)
	rules string
}

var wrongs = []wrong{
	{"an acknowledged message is gone", func(_ *History, o *Observed) {
		delete(o.Traces, "store/p4")
		delete(o.Conversations, "c50")
	}, "lost"},
	{"an acknowledged message is not in its conversation", func(_ *History, o *Observed) {
		o.Conversations["c50"].Messages, o.Conversations["c50"].Sequence = nil, 0
	}, "lost"},
	{"a message is stored twice", func(_ *History, o *Observed) {
		c := o.Conversations["c50"]
		again := c.Messages[0]
		again.ID, again.Sequence = "m51", 2
		c.Messages, c.Sequence = append(c.Messages, again), 2
	}, "doubled"},
	{"a sender is told twice that its message is new", func(h *History, _ *Observed) {
		h.Posts[0].Told = append(h.Posts[0].Told, h.Posts[0].Told[0])
	}, "doubled"},
	{"the same id gets another message", func(h *History, _ *Observed) {
		other := h.Posts[0].Told[0]
		other.Status, other.Message = 200, "m11"
		h.Posts[0].Told = append(h.Posts[0].Told, other)
	}, "changed"},
	{"the first answer is not repeated", func(h *History, _ *Observed) {
		other := h.Posts[3].Told[0]
		other.Status, other.Result, other.Agent = 200, "routed", "agent-b"
		h.Posts[3].Told = append(h.Posts[3].Told, other)
	}, "changed"},
	{"the text is another", func(_ *History, o *Observed) { o.Conversations["c50"].Messages[0].Text = "text of p1" }, "changed"},
	{"a conversation has a hole", func(_ *History, o *Observed) {
		c := o.Conversations["c10"]
		c.Messages[3].Sequence, c.Sequence = 5, 5
	}, "gap, changed"},
	{"what was sent later comes before", func(h *History, _ *Observed) { h.Posts[0].Place, h.Posts[1].Place = 2, 1 }, "reordered"},
	{"an entry is left out", func(h *History, _ *Observed) {
		h.Views[2].Events = slices.Delete(h.Views[2].Events, 1, 2)
	}, "gap, lost in view"},
	{"the last entry is not shown", func(h *History, _ *Observed) {
		h.Views[2].Events = h.Views[2].Events[:2]
	}, "lost in view"},
	{"an entry is shown twice", func(h *History, _ *Observed) {
		h.Views[2].Events = slices.Insert(h.Views[2].Events, 1, h.Views[2].Events[0])
	}, "doubled"},
	{"a message is shown twice under two numbers", func(h *History, o *Observed) {
		again := h.Views[2].Events[2]
		again.AgentSequence = 4
		for _, v := range h.Views[2:] {
			v.Events = append(v.Events, again)
		}
		o.Traces["store/p3"].Deliveries = append(o.Traces["store/p3"].Deliveries, Delivery{Agent: "agent-c", AgentSequence: 4, State: "accepted"})
		o.Last["agent-c"] = 4
	}, "doubled, lost in view"},
	{"messages of a conversation are shown in the wrong order", func(h *History, o *Observed) {
		e := h.Views[2].Events
		e[0], e[1] = e[1], e[0]
		e[0].AgentSequence, e[1].AgentSequence = 1, 2
		h.Views = h.Views[:3]
		o.Traces["store/p1"].Deliveries[1].AgentSequence, o.Traces["store/p2"].Deliveries[1].AgentSequence = 2, 1
	}, "reordered"},
	{"somebody else is shown a message", func(h *History, o *Observed) {
		e := h.Views[2].Events[2]
		e.AgentSequence = 1
		h.Views = append(h.Views, &View{Account: "agent-f", Client: "f-1", Events: []client.Event{e}})
		o.Traces["store/p3"].Deliveries = append(o.Traces["store/p3"].Deliveries, Delivery{Agent: "agent-f", AgentSequence: 1, State: "accepted"})
	}, "misdelivered, doubled"},
	{"a member is shown a kind that it is denied", func(h *History, o *Observed) {
		p := &Post{Inbox: "web", ID: "p5", Contact: "u5", Kind: "group", Text: "text of p5", Told: []Told{{Status: 201, Message: "m60", Conversation: "c60", Sequence: 1, Result: "routed", Agent: "agent-d", Summary: "1/4"}}}
		h.Posts = append(h.Posts, p)
		h.Views = append(h.Views, &View{Account: "agent-d", Client: "d-1", Events: []client.Event{
			{Event: "message", AgentSequence: 1, Message: "m60", Conversation: "c60", Sequence: 1, Inbox: "web", Kind: "group", Contact: "u5", Text: p.Text},
		}})
		o.Traces["web/p5"] = &Trace{
			Message: "m60", Conversation: "c60", Sequence: 1, Stages: o.Traces["store/p1"].Stages, Decision: &Decision{Verdict: "routed", Code: "c", Summary: "s"},
			Deliveries: []Delivery{{Agent: "agent-d", AgentSequence: 1, State: "accepted"}},
		}
		o.Conversations["c60"] = &Conversation{
			ID: "c60", Inbox: "web", Contact: "u5", Kind: "group", Status: "open", Owner: "agent-d", Sequence: 1,
			Messages: []Message{{ID: "m60", Sequence: 1, Direction: "in", Kind: "group", Text: p.Text, SenderID: "p5", Contact: "u5"}},
		}
	}, "misdelivered"},
	{"the sender is told that somebody has it who may not", func(h *History, o *Observed) { h.Posts[2].Told[0].Agent = "agent-a" }, "misdelivered"},
	{"a message nobody sent is shown", func(h *History, _ *Observed) { h.Views[2].Events[2].Text = "?" }, "changed, lost in view"},
	{"a message is shown as entry that the trace does not have", func(_ *History, o *Observed) {
		o.Traces["store/p3"].Deliveries[0].AgentSequence = 7
	}, "changed"},
	{"two clients are shown different things under one number", func(h *History, _ *Observed) { h.Views[1].Events[0].Message = "m10" }, "changed"},
	{"a withdrawn message stays on the screen", func(h *History, o *Observed) {
		for _, v := range h.Views[:2] {
			v.Events = v.Events[:len(v.Events)-1]
		}
		o.Last["agent-b"] = 3
	}, "doubled"},
	{"a withdrawal gives no reason", func(h *History, _ *Observed) { h.Views[0].Events[2].Code = "" }, "unrouted"},
	{"something that was never there is withdrawn", func(h *History, _ *Observed) { h.Views[0].Events[2].Withdraws = 9 }, "changed, doubled"},
	{"two agents have the message", func(_ *History, o *Observed) {
		o.Traces["store/p3"].Deliveries = append(o.Traces["store/p3"].Deliveries, Delivery{Agent: "agent-e", AgentSequence: 1, State: "accepted"})
	}, "doubled"},
	{"another agent than the owner has the message", func(_ *History, o *Observed) { o.Conversations["c10"].Owner = "agent-b" }, "misdelivered"},
	{"a message was withdrawn and given to nobody", func(_ *History, o *Observed) {
		d := o.Traces["store/p3"].Deliveries
		d[0].State, d[0].Code = "withdrawn", "delivery.withdrawn.owner_released"
	}, "unrouted, doubled"},
	{"a message waits without a reason", func(_ *History, o *Observed) { o.Conversations["c50"].Waiting.Summary = "" }, "unrouted"},
	{"a message is in no state at all", func(_ *History, o *Observed) { o.Conversations["c50"].Waiting = nil }, "unrouted"},
	{"a decision says nothing", func(_ *History, o *Observed) { o.Traces["store/p3"].Decision.Summary = "" }, "unrouted"},
	{"there is no decision", func(_ *History, o *Observed) { o.Traces["store/p3"].Decision = nil }, "unrouted"},
	{"a delivery was never received", func(_ *History, o *Observed) { o.Traces["store/p3"].Deliveries[0].State = "queued" }, "undelivered"},
	{"an acknowledged reply is gone", func(h *History, o *Observed) {
		o.Replies["store"] = nil
		h.Sources["store"] = nil
	}, "lost"},
	{"a reply is read twice", func(h *History, o *Observed) {
		again := o.Replies["store"][0]
		again.Message, again.Sequence = "m31", 2
		o.Replies["store"] = append(o.Replies["store"], again)
		h.Sources["store"] = o.Replies["store"]
	}, "doubled"},
	{"a reply is another", func(h *History, _ *Observed) { h.Replies[0].Text = "another" }, "changed"},
	{"the source has not read a reply", func(h *History, _ *Observed) { h.Sources["store"] = nil }, "lost in view"},
	{"the source has read a reply twice", func(h *History, _ *Observed) {
		h.Sources["store"] = append(h.Sources["store"], h.Sources["store"][0])
	}, "reordered"},
	{"a contact's replies are numbered with a hole", func(h *History, o *Observed) {
		o.Replies["store"][0].Sequence, h.Sources["store"][0].Sequence, h.Replies[0].Told[0].ContactSequence = 2, 2, 2
	}, "gap"},
	{"a message is delivered while its kind is denied", func(h *History, _ *Observed) {
		at := time.Now()
		h.Denials = []Denial{{"agent-c", "customer", at.Add(-time.Second), at.Add(time.Second)}}
		h.Views[2].Events[1].At = at
	}, "misdelivered"},
	{"a message comes back to the connection that did not acknowledge it", func(_ *History, o *Observed) {
		for i, p := range []string{"store/p1", "store/p2"} { // as if the second entry were of the first message, too
			d := o.Traces[p].Deliveries[0]
			d.Attempts = []Attempt{{"k1", "unacknowledged"}}
			if i == 0 {
				o.Traces[p].Deliveries[0] = d
				continue
			}
			d.AgentSequence = 9
			o.Traces["store/p1"].Deliveries = append(o.Traces["store/p1"].Deliveries, d)
		}
	}, "withdrawn again"},
	{"a reply that was refused is there", func(h *History, _ *Observed) {
		h.Replies[0].Told, h.Replies[0].Refused = nil, 403
	}, "changed"},
	{"something was wrong on the way", func(h *History, _ *Observed) { h.fault("server", nil, "it ended by itself") }, "server"},
}

// Each wrong is found under its rules, and under no other.
func TestTheCheckerFindsWhatIsWrong(t *testing.T) {
	for _, w := range wrongs {
		t.Run(w.name, func(t *testing.T) {
			h, o := made()
			w.do(h, o)
			want := strings.Split(w.rules, ", ")
			named := map[string]bool{}
			for _, f := range Check(small(), h, o) {
				named[f.Rule] = true
				if !slices.Contains(want, f.Rule) {
					t.Errorf("the checker also names %s", f)
				}
			}
			for _, rule := range want {
				if !named[rule] {
					t.Errorf("the checker does not name %q", rule)
				}
			}
		})
	}
}

func TestTheCheckerFindsWhoWaitsThoughThereIsRoom(t *testing.T) {
	h, o := made()
	faults := Check(company(), h, o)
	if len(faults) != 1 || faults[0].Rule != "unrouted" || !strings.Contains(faults[0].Text, "although") {
		t.Errorf("faults: %v", faults)
	}
}

func TestTheCompanyKnowsWhoMayReceiveWhat(t *testing.T) {
	c := company()
	for _, test := range []struct {
		account, inbox, kind string
		want                 bool
	}{
		{"agent-a", "web", "group", true}, {"agent-d", "web", "customer", true}, {"agent-d", "web", "group", false},
		{"agent-f", "web", "customer", false}, {"agent-a", "store", "customer", false}, {"agent-a", "attic", "customer", false},
	} {
		if got := c.MayReceive(test.account, test.inbox, test.kind); got != test.want {
			t.Errorf("%s may receive %s of %s: %v, want %v", test.account, test.kind, test.inbox, got, test.want)
		}
	}
}
