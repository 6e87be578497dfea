package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/client"
)

// story is a made-up history: two inboxes, four agents of whom 0 and 2 serve the customers 0 and 2, and 1 and 3 the others.
type story struct {
	*history
	views []*view
	last  []int64 // entry
}

func newStory() *story {
	c := newCompany(4, 4)
	c.inboxes = c.inboxes[:2]
	s := &story{history: newHistory(c), last: make([]int64, 4)}
	for agent := range 4 {
		s.views = append(s.views, &view{agent: agent, history: s.history})
	}
	return s
}

// accept has a customer's message accepted with a sequence of its conversation, for an agent.
func (s *story) accept(t *testing.T, customer int, sequence int64, agent string) (n int64) {
	t.Helper()
	n, ok := s.add(customer, s.now())
	if !ok {
		t.Fatal("there is no room for a message")
	}
	s.tell(n, told{Message: s.messageID(n), Conversation: conversationOf(customer), Sequence: sequence, Status: "routed", Agent: agent})
	return n
}

func (s *story) messageID(n int64) string   { return "m" + string(rune('a'+n)) }
func conversationOf(customer int) string    { return "c" + string(rune('0'+customer)) }
func (s *story) agentName(agent int) string { return s.company.agents[agent] }

// show has an agent's client show a message, as it was accepted, but for what change changes.
func (s *story) show(agent int, n int64, change ...func(*client.Event)) (entry int64) {
	m := s.message(n)
	s.last[agent]++
	e := client.Event{Event: client.EventMessage, AgentSequence: s.last[agent], Message: m.told.Message, Conversation: m.told.Conversation, Sequence: m.told.Sequence,
		Inbox: s.company.inbox(m.customer), Contact: s.company.contact(m.customer), Text: string(s.text(nil, n))}
	for _, f := range change {
		f(&e)
	}
	s.views[agent].show(&e)
	return e.AgentSequence
}

func (s *story) withdraw(agent int, entry int64) {
	s.last[agent]++
	s.views[agent].show(&client.Event{Event: client.EventWithdrawn, AgentSequence: s.last[agent], Withdraws: entry, Code: "delivery.withdrawn.owner_released"})
}

func TestWhatIsPlantedIsFound(t *testing.T) {
	delivered := func(t *testing.T, s *story) { // two messages, the right way
		s.show(0, s.accept(t, 0, 1, s.agentName(0)))
		s.show(0, s.accept(t, 0, 2, s.agentName(0)))
	}
	missing := func(*story) map[int64]fate { return map[int64]fate{} }
	for name, test := range map[string]struct {
		plant func(t *testing.T, s *story)
		fates func(*story) map[int64]fate
		moves bool // clients were still shown more
		want  Faults
		waits map[string]int
		says  string // in words
	}{
		"all is well": {plant: delivered},
		"a notice is no message": {plant: func(t *testing.T, s *story) {
			s.last[0]++
			s.views[0].show(&client.Event{Event: client.EventNotice, AgentSequence: 1, Text: "your settings were changed"})
			delivered(t, s)
		}},
		"a message that the server does not know": {
			plant: func(t *testing.T, s *story) { delivered(t, s); s.accept(t, 0, 3, s.agentName(0)) },
			want:  Faults{Lost: 1}, says: "message 2 was accepted as mc in c0 and is not there",
		},
		"a message that is said to be with an agent": {
			plant: func(t *testing.T, s *story) { delivered(t, s); s.accept(t, 0, 3, s.agentName(0)) },
			fates: func(*story) map[int64]fate { return map[int64]fate{2: {kind: fateDelivered}} },
			want:  Faults{Lost: 1}, says: "said to be with an agent",
		},
		"a message that waits is not lost": {
			plant: func(t *testing.T, s *story) { delivered(t, s); s.accept(t, 0, 3, "") },
			fates: func(*story) map[int64]fate {
				return map[int64]fate{2: {fateWaiting, "routing.nobody_eligible"}}
			},
			waits: map[string]int{"routing.nobody_eligible": 1},
		},
		"a message that was just being shown": {
			plant: func(t *testing.T, s *story) { delivered(t, s); s.accept(t, 0, 3, s.agentName(0)) },
			fates: func(*story) map[int64]fate { return map[int64]fate{2: {kind: fateDelivered}} },
			moves: true, waits: map[string]int{underWay: 1},
		},
		"a message that the server does not know, while others are shown": {
			plant: func(t *testing.T, s *story) { delivered(t, s); s.accept(t, 0, 3, s.agentName(0)) },
			moves: true, want: Faults{Lost: 1},
		},
		"a message whose sender was never told may be there or not": {plant: func(t *testing.T, s *story) {
			delivered(t, s)
			s.add(0, s.now())
		}},
		"shown again": {
			plant: func(t *testing.T, s *story) {
				n := s.accept(t, 0, 1, s.agentName(0))
				s.show(0, n)
				s.show(0, n)
			},
			want: Faults{Duplicated: 1}, says: "as entry 1 and again as entry 2",
		},
		"an entry that comes again": {
			plant: func(t *testing.T, s *story) {
				n := s.accept(t, 0, 1, s.agentName(0))
				s.show(0, n)
				s.show(0, n, func(e *client.Event) { e.AgentSequence = 1 })
			},
			want: Faults{Duplicated: 1}, says: "was shown entry 1 after entry 1",
		},
		"stands with two agents": {
			plant: func(t *testing.T, s *story) {
				n := s.accept(t, 0, 1, s.agentName(0))
				s.show(0, n)
				s.show(2, n)
			},
			want: Faults{Duplicated: 1}, says: "with 2 agents",
		},
		"moved to another agent": {plant: func(t *testing.T, s *story) {
			n := s.accept(t, 0, 1, s.agentName(0))
			s.withdraw(0, s.show(0, n))
			s.show(2, n)
		}},
		"moved away and back": {plant: func(t *testing.T, s *story) {
			a, b := s.accept(t, 0, 1, s.agentName(0)), s.accept(t, 0, 2, s.agentName(0))
			x, y := s.show(0, a), s.show(0, b)
			s.withdraw(0, x)
			s.withdraw(0, y)
			s.show(0, a)
			s.show(0, b)
		}},
		"withdrawn, and not given to anybody": {
			plant: func(t *testing.T, s *story) { s.withdraw(0, s.show(0, s.accept(t, 0, 1, s.agentName(0)))) },
			fates: func(*story) map[int64]fate { return map[int64]fate{0: {kind: fateDelivered}} },
			want:  Faults{Lost: 1},
		},
		"stored twice": {
			plant: func(t *testing.T, s *story) {
				s.show(0, s.accept(t, 0, 1, s.agentName(0)))
				n, _ := s.add(0, s.now())
				s.tell(n, told{Message: "ma", Conversation: "c0", Sequence: 2})
				s.show(0, n)
			},
			want: Faults{Duplicated: 1}, says: "both stored as ma",
		},
		"shown in another order": {
			plant: func(t *testing.T, s *story) {
				a, b := s.accept(t, 0, 1, s.agentName(0)), s.accept(t, 0, 2, s.agentName(0))
				s.show(0, b)
				s.show(0, a)
			},
			want: Faults{Reordered: 1}, says: "(c0 1) after sequence 2",
		},
		"stored in another order": {
			plant: func(t *testing.T, s *story) {
				a, b := s.accept(t, 0, 2, s.agentName(0)), s.accept(t, 0, 1, s.agentName(0))
				s.show(0, b)
				s.show(0, a)
			},
			want: Faults{Reordered: 1}, says: "got sequence 1 in c0 after",
		},
		"with an agent of another inbox": {
			plant: func(t *testing.T, s *story) { s.show(1, s.accept(t, 0, 1, s.agentName(0))) },
			want:  Faults{Misdelivered: 1}, says: "was shown message 0, as of customer-1",
		},
		"said to be with an agent of another inbox": {
			plant: func(t *testing.T, s *story) { s.show(0, s.accept(t, 0, 1, s.agentName(1))) },
			want:  Faults{Misdelivered: 1}, says: "who may not",
		},
		"said to be with a stranger": {
			plant: func(t *testing.T, s *story) { s.show(0, s.accept(t, 0, 1, "agent-a")) },
			want:  Faults{Misdelivered: 1}, says: "agent-a",
		},
		"another customer's": {
			plant: func(t *testing.T, s *story) {
				s.show(0, s.accept(t, 0, 1, s.agentName(0)), func(e *client.Event) { e.Contact = s.company.contact(2) })
			},
			want: Faults{Misdelivered: 1}, says: "as of customer-3",
		},
		"under another number": {
			plant: func(t *testing.T, s *story) {
				s.show(0, s.accept(t, 0, 1, s.agentName(0)), func(e *client.Event) { e.Message = "mz" })
			},
			want: Faults{Misdelivered: 1}, says: "as mz (c0 1), and its sender was told ma (c0 1)",
		},
		"of nobody here": {
			plant: func(t *testing.T, s *story) {
				delivered(t, s)
				s.show(0, 0, func(e *client.Event) { e.Text, e.Message = "hello", "mx" })
			},
			want: Faults{Misdelivered: 1}, says: "nobody here has sent: mx",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			test.plant(t, s)
			k := check(s.history, s.views)
			if test.fates == nil {
				test.fates = missing
			}
			waits := k.judge(test.fates(s), test.moves)
			if k.Faults != test.want || k.Any() != (test.want != Faults{}) {
				t.Errorf("found %+v, want %+v: %q", k.Faults, test.want, k.described)
			}
			if !strings.Contains(strings.Join(k.described, "\n"), test.says) || (len(k.described) > 0) != test.want.Any() {
				t.Errorf("said %q, want %q", k.described, test.says)
			}
			for code, n := range test.waits {
				if waits[code] != n || len(waits) != len(test.waits) {
					t.Errorf("waiting: %v, want %v", waits, test.waits)
				}
			}
		})
	}
}

func TestMoreInAConversationThanWasSentIsDuplicated(t *testing.T) {
	s := newStory()
	s.show(0, s.accept(t, 0, 1, s.agentName(0)))
	s.add(0, s.now()) // its sender was not told: it may be there
	s.show(1, s.accept(t, 1, 1, s.agentName(1)))
	for sequence, want := range map[int64]int{1: 0, 2: 0, 3: 1, 5: 3} {
		k := check(s.history, s.views)
		k.surplus(map[string]conversation{"c0": {Sequence: sequence}, "c1": {Sequence: 1}, "c9": {Sequence: 7}})
		if k.Faults != (Faults{Duplicated: want}) {
			t.Errorf("with %d messages in the conversation: %+v, want %d duplicated", sequence, k.Faults, want)
		}
	}
}

func TestAllFaultsAreCountedAndTheFirstAreDescribed(t *testing.T) {
	s := newStory()
	const lost = 3 * mostFaults
	for i := range int64(lost) {
		n, _ := s.add(0, s.now())
		s.tell(n, told{Message: "m" + string(s.id(nil, n)), Conversation: "c0", Sequence: i + 1})
	}
	k := check(s.history, s.views)
	k.judge(nil, false)
	if k.Lost != lost || len(k.described) != mostFaults {
		t.Errorf("%d lost and %d described, want %d and %d", k.Lost, len(k.described), lost, mostFaults)
	}
}

func TestWhatAConversationTellsOfAMessage(t *testing.T) {
	waits := conversation{Sequence: 3}
	waits.Waiting = &struct {
		Code string `json:"code"`
	}{"window.agent.closed"}
	there := map[string]conversation{"c1": {Sequence: 3}, "c2": waits}
	for _, test := range []struct {
		conversation string
		sequence     int64
		want         fate
	}{
		{"c1", 3, fate{kind: fateDelivered}},
		{"c1", 4, fate{kind: fateMissing}},
		{"c2", 2, fate{fateWaiting, "window.agent.closed"}},
		{"c2", 4, fate{kind: fateMissing}},
		{"c3", 1, fate{kind: fateMissing}},
	} {
		if got := fateIn(told{Conversation: test.conversation, Sequence: test.sequence}, there); got != test.want {
			t.Errorf("%s %d: %+v, want %+v", test.conversation, test.sequence, got, test.want)
		}
	}
}

func TestAcknowledgementsCountOnceTheyAreDurable(t *testing.T) {
	s := newStory()
	a, b := s.accept(t, 0, 1, s.agentName(0)), s.accept(t, 0, 2, s.agentName(0))
	s.show(0, a)
	second := s.show(0, b)
	s.views[0].durable(second - 1)
	if s.message(a).acked.Load() == 0 || s.message(b).acked.Load() != 0 {
		t.Error("after the acknowledgement of the first entry not just the first message counts")
	}
	s.views[0].durable(second)
	if s.message(b).acked.Load() == 0 || len(s.views[0].owed) != 0 {
		t.Error("after the acknowledgement of the second entry its message does not count")
	}
}

func TestTextsAreFoundAgainAndOthersAreNot(t *testing.T) {
	s := newStory()
	n := s.accept(t, 0, 1, "")
	if got, ok := s.find(string(s.text(nil, n))); !ok || got != n {
		t.Errorf("message %d is found as %d, %v", n, got, ok)
	}
	right := string(s.text(nil, n))
	for _, text := range []string{"", "hello", phrase, right + "0", strings.TrimSuffix(right, "0"), right[1:], phrase + "another-0", phrase + s.company.run + "--1"} {
		if n, ok := s.find(text); ok {
			t.Errorf("%q is found as message %d", text, n)
		}
	}
}

func TestAHistoryGrows(t *testing.T) {
	h := newHistory(newCompany(1, 1))
	for want := range int64(2*chunkSize + 1) {
		if n, ok := h.add(0, 1); !ok || n != want {
			t.Fatalf("message %d is number %d, %v", want, n, ok)
		}
	}
	if h.message(2*chunkSize).intended != 1 {
		t.Error("the last message is not the one that was added")
	}
}

func TestEachMessageHasAgentsWhoServeIt(t *testing.T) {
	for _, test := range []struct{ agents, customers, inboxes int }{{0, 5, 4}, {1, 5, 1}, {3, 2, 2}, {200, 256, 4}} {
		c := newCompany(test.agents, test.customers)
		if len(c.inboxes) != test.inboxes || len(c.agents) != test.agents {
			t.Errorf("%+v: %d inboxes, %d agents", test, len(c.inboxes), len(c.agents))
		}
		for customer := range test.customers {
			if !slices.Contains(c.inboxes, c.inbox(customer)) {
				t.Errorf("%+v: customer %d writes to %s", test, customer, c.inbox(customer))
			}
			serving := 0
			for agent := range c.agents {
				if c.serves(agent, customer) {
					serving++
				}
			}
			if serving == 0 && test.agents > 0 {
				t.Errorf("%+v: nobody serves customer %d", test, customer)
			}
		}
		for agent, name := range c.agents {
			if got, ok := c.agent(name); !ok || got != agent {
				t.Errorf("%s is agent %d, %v", name, got, ok)
			}
		}
		for _, name := range []string{"", "agent-1", c.own("agent"), c.own("agent") + "-0", c.source(), c.own("agent") + "-9999"} {
			if _, ok := c.agent(name); ok {
				t.Errorf("%q is an agent", name)
			}
		}
	}
}
