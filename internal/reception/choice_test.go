package reception

import (
	"slices"
	"testing"
)

func TestTheLeastLoadedIsChosenThenTheLongestIdleThenTheFirstByName(t *testing.T) {
	for _, tc := range []struct {
		name string
		bend func(c *company)
		want string
	}{
		{"the fewest live conversations", func(c *company) { c.agent("a").Live, c.agent("b").Live, c.agent("c").Live = 2, 1, 2 }, "b"},
		{"of equals the longest without an assignment here", func(c *company) {
			c.assigned("a", "web", 30)
			c.assigned("b", "web", 20)
			c.assigned("c", "web", 10)
		}, "c"},
		{"an assignment elsewhere is no turn here", func(c *company) {
			c.assigned("a", "web", 5)
			c.assigned("b", "mail", 9)
		}, "b"},
		{"of equals the first by name", func(*company) {}, "a"},
		{"never somebody who is stopped", func(c *company) { c.account("a").State, c.agent("b").Live = Left, 1 }, "c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCompany()
			tc.bend(c)
			d := Decide(c.p, c.w, customer(), noon)
			if d.Verdict != Routed || d.Code != CodeRoutingChosenLeastLoaded || !slices.Equal(d.Chosen, []string{tc.want}) {
				t.Errorf("got %v %v %v, want %s", d.Verdict, d.Code, d.Chosen, tc.want)
			}
		})
	}
}

func TestInAnAsyncInboxOnlyItsOwnConversationsAreLoad(t *testing.T) {
	c := newCompany()
	c.agent("a").Live = 0
	c.load("a", "mail", 3)
	c.agent("b").Live = 9
	c.load("b", "mail", 1)
	c.agent("c").Live = 0
	c.load("c", "mail", 2)
	m := customer()
	m.Inbox = "mail"
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "b" || d.Candidates[1].Score.Load != 1 {
		t.Errorf("got %v, score %v", d.Chosen, d.Candidates[1].Score)
	}
}

func TestRoundRobinLooksAtTurnsOnly(t *testing.T) {
	c := newCompany()
	c.inbox("web").Strategy = RoundRobin
	c.assigned("a", "web", 3)
	c.assigned("b", "web", 1)
	c.assigned("c", "web", 2)
	c.agent("b").Live = 50
	d := Decide(c.p, c.w, customer(), noon)
	if d.Code != CodeRoutingChosenRoundRobin || d.Chosen[0] != "b" || d.Candidates[1].Score != (Score{Turn: 1}) {
		t.Errorf("got %v %v %v", d.Code, d.Chosen, d.Candidates[1].Score)
	}
}

func TestAStickyInboxPrefersTheLastOwnerWhereItCanReceive(t *testing.T) {
	c := newCompany()
	m := customer()
	m.LastOwner = "c"
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "a" {
		t.Errorf("an inbox that is not sticky chose %v", d.Chosen)
	}
	c.inbox("web").Sticky = true
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "c" || d.Code != CodeRoutingChosenSticky {
		t.Errorf("got %v %v", d.Chosen, d.Code)
	}
	m.Conversation = &Conversation{PassedOver: []string{"c"}}
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "a" || d.Code != CodeRoutingChosenLeastLoaded {
		t.Errorf("a last owner that was passed over: %v %v", d.Chosen, d.Code)
	}
	m.Conversation = nil
	c.agent("c").Presence.Value = Away
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "a" {
		t.Errorf("a last owner that is away: %v", d.Chosen)
	}
	m.LastOwner = "d"
	if d := Decide(c.p, c.w, m, noon); d.Chosen[0] != "a" {
		t.Errorf("a last owner that is no member any more: %v", d.Chosen)
	}
}

func TestThePassedOverWaitUntilEveryOtherEligibleHasHadIt(t *testing.T) {
	c := newCompany()
	m := customer()
	m.Conversation = &Conversation{PassedOver: []string{"a"}}
	d := Decide(c.p, c.w, m, noon)
	if d.Chosen[0] != "b" || d.Recycled || d.Candidates[0].Cells[Routing] != blocks(CodeRoutingPassedOver) || d.Candidates[2].Cells[Routing] != blocks(CodeRoutingNotChosen) {
		t.Errorf("got %v recycled=%v %v", d.Chosen, d.Recycled, d.Candidates[0].Cells[Routing])
	}
	m.Conversation.PassedOver = []string{"a", "b", "c"}
	d = Decide(c.p, c.w, m, noon)
	if d.Verdict != Routed || d.Chosen[0] != "a" || !d.Recycled || d.Candidates[1].Cells[Routing] != blocks(CodeRoutingNotChosen) {
		t.Errorf("all passed over: %v %v recycled=%v", d.Verdict, d.Chosen, d.Recycled)
	}
	// Who cannot receive does not keep the list from starting again.
	m.Conversation.PassedOver = []string{"b", "c"}
	c.agent("a").Presence.Value = Away
	if d = Decide(c.p, c.w, m, noon); d.Chosen[0] != "b" || !d.Recycled {
		t.Errorf("all eligible passed over: %v recycled=%v", d.Chosen, d.Recycled)
	}
}

func TestABroadcastIsOfferedToAllThatCanReceive(t *testing.T) {
	c := newCompany()
	c.inbox("web").Strategy = Broadcast
	c.agent("b").Presence.Value = Away
	d := Decide(c.p, c.w, customer(), noon)
	if d.Verdict != Offered || d.Code != CodeRoutingOfferedBroadcast || !slices.Equal(d.Chosen, []string{"a", "c"}) {
		t.Fatalf("got %v %v %v", d.Verdict, d.Code, d.Chosen)
	}
	if d.Candidates[0].Cells[Routing] != passedWith(CodeRoutingOfferedBroadcast) || d.Candidates[1].Cells[Routing] != notApplicable {
		t.Errorf("routing cells %v %v", d.Candidates[0].Cells[Routing], d.Candidates[1].Cells[Routing])
	}
	m := customer()
	m.Conversation = &Conversation{PassedOver: []string{"a"}, Offered: []string{"a", "c"}}
	if d := Decide(c.p, c.w, m, noon); !slices.Equal(d.Chosen, []string{"c"}) {
		t.Errorf("with one passed over: %v", d.Chosen)
	}
}

func TestAManualInboxLetsAgentsTakeConversations(t *testing.T) {
	c := newCompany()
	c.inbox("web").Strategy = Manual
	d := Decide(c.p, c.w, customer(), noon)
	if d.Verdict != Offered || d.Code != CodeRoutingOfferedManual || len(d.Chosen) != 3 {
		t.Errorf("got %v %v %v", d.Verdict, d.Code, d.Chosen)
	}
}

func TestNobodyEligibleWaitsAndSaysTheFirstReason(t *testing.T) {
	c := newCompany()
	for _, name := range []string{"a", "b", "c"} {
		c.account(name).Windows = []*Schedule{weekdays(14, 18)}
	}
	c.account("b").Windows[0] = weekdays(13, 18)
	d := Decide(c.p, c.w, customer(), noon)
	if d.Verdict != Waiting || d.Code != CodeRoutingNobodyEligible || d.Until != at(13, 0).UnixMicro() || len(d.Chosen) != 0 {
		t.Errorf("got %v %v until %d", d.Verdict, d.Code, d.Until)
	}
	c.p.Platform.State = Off
	if d = Decide(c.p, c.w, customer(), noon); d.Code != CodeSwitchPlatformOff {
		t.Errorf("with push off: %v", d.Code)
	}
}

func TestAnInboxWithoutMembersSaysSo(t *testing.T) {
	c := newCompany()
	c.inbox("web").Members = nil
	m := customer()
	m.Asked = "a"
	if d := Decide(c.p, c.w, m, noon); d.Verdict != Waiting || d.Code != CodeRoutingNoMembers {
		t.Errorf("got %v %v", d.Verdict, d.Code)
	}
	m.Inbox = "gone"
	if d := Decide(c.p, c.w, m, noon); d.Verdict != Waiting || d.Code != CodeRoutingNoMembers {
		t.Errorf("an inbox that is not there: %v %v", d.Verdict, d.Code)
	}
}

func TestWhoIsOnlyAskedAboutIsExplainedAndChangesNothing(t *testing.T) {
	c := newCompany()
	m := customer()
	m.Asked = "d"
	d := Decide(c.p, c.w, m, noon)
	i := d.find("d")
	if i < 0 || !d.Candidates[i].Asked || d.Candidates[i].Cells[MembershipInbox] != blocks(CodeMembershipInboxNotMember) || d.Candidates[i].Cells[Routing] != notApplicable {
		t.Fatalf("got %v", d.Candidates)
	}
	if _, all, _ := d.Tally(); all != 3 || d.Chosen[0] != "a" {
		t.Errorf("counted %d, chose %v", all, d.Chosen)
	}
	m.Asked = "b"
	d = Decide(c.p, c.w, m, noon)
	if len(d.Candidates) != 3 || d.Candidates[1].Asked {
		t.Errorf("a member that is asked about is a candidate like any other: %v", d.Candidates)
	}
}

func directed(inbox, kind string, names ...string) Message {
	return Message{Inbox: inbox, Kind: kind, Directed: names}
}

func TestADirectedMessageGoesToTheNamedWhoMayHaveIt(t *testing.T) {
	c := newCompany()
	c.right("b", "receive.internal", Right{})
	c.agent("a").Presence.Value, c.agent("a").Connection = Away, Connection{State: ConnectionNone}
	c.account("a").Total, c.agent("a").Live = 1, 1
	d := Decide(c.p, c.w, directed("web", "internal", "c", "b", "a", "d", "a"), noon)
	if d.Verdict != Directed || d.Code != CodeRoutingChosenDirected || !slices.Equal(d.Chosen, []string{"a", "c"}) || len(d.Candidates) != 4 {
		t.Fatalf("got %v %v %v", d.Verdict, d.Code, d.Chosen)
	}
	a := d.Candidates[0].Cells
	if a[PresenceGate] != blocks(CodePresenceAway) || a[Capacity] != notApplicable || a[ConversationGate] != notApplicable || a[Routing] != notApplicable || a[PermissionReply] != notApplicable {
		t.Errorf("presence is recorded, capacity and choice are not applicable: %v", a)
	}
	if d.Candidates[3].Cells[MembershipInbox] != blocks(CodeMembershipInboxNotMember) {
		t.Error("who is named without being a member may not have it")
	}
}

func TestTheOwnerMayHaveWhatIsDirectedToItWithoutBeingAMember(t *testing.T) {
	c := newCompany()
	m := directed("web", "internal", "d")
	m.Conversation = &Conversation{Owner: "d"}
	if d := Decide(c.p, c.w, m, noon); !slices.Equal(d.Chosen, []string{"d"}) || d.Released != "" {
		t.Errorf("got %v released %q", d.Chosen, d.Released)
	}
}

func TestADirectedMessageWithoutAnInboxNeedsNoMembership(t *testing.T) {
	c := newCompany()
	c.p.Platform.State = Off
	d := Decide(c.p, c.w, directed("", "system", "d"), noon)
	if d.Verdict != Directed || !slices.Equal(d.Chosen, []string{"d"}) || d.Candidates[0].Cells[MembershipInbox] != notApplicable {
		t.Errorf("got %v %v", d.Verdict, d.Chosen)
	}
	if d.Message[SwitchPlatform] != blocks(CodeSwitchPlatformOff) || d.Message[SwitchInbox] != notApplicable {
		t.Errorf("push off is recorded: %v", d.Message)
	}
}

func TestAnInternalMessageThatNamesNobodyStaysInTheThread(t *testing.T) {
	c := newCompany()
	d := Decide(c.p, c.w, directed("web", "auto_reply"), noon)
	if d.Verdict != Directed || d.Code != CodeRoutingStaysInThread || len(d.Chosen) != 0 || d.Deliverable() {
		t.Errorf("got %v %v %v", d.Verdict, d.Code, d.Chosen)
	}
	c.account("a").State = Banned
	if d = Decide(c.p, c.w, directed("web", "internal", "a"), noon); d.Code != CodeRoutingNobodyEligible || d.Deliverable() {
		t.Errorf("named but not entitled: %v %v", d.Verdict, d.Code)
	}
}

func TestANoticeNeedsNothingButAnAccountThatMaySignIn(t *testing.T) {
	c := newCompany()
	c.p.Accounts["a"].Rights = nil
	c.p.Accounts["a"].Agent = false
	c.account("b").State = Disabled
	c.p.Platform.State = Off
	c.w.failures = []Failure{{Component: "store"}}
	m := directed("", "system", "b", "a")
	m.Notice = true
	d := Decide(c.p, c.w, m, noon)
	if d.Verdict != Directed || !slices.Equal(d.Chosen, []string{"a"}) {
		t.Fatalf("got %v %v", d.Verdict, d.Chosen)
	}
	for g := range d.Candidates[0].Cells {
		if want := notApplicable; Gate(g) != AccountState && d.Candidates[0].Cells[g] != want {
			t.Errorf("%s is %v", Gate(g), d.Candidates[0].Cells[g])
		}
	}
}

func TestOnlyADecisionThatNamesReceiversIsDeliverable(t *testing.T) {
	c := newCompany()
	if d := (Decision{}); d.Deliverable() {
		t.Error("the zero decision is deliverable")
	}
	if d := Decide(c.p, c.w, customer(), noon); !d.Deliverable() {
		t.Error("a routed decision is not deliverable")
	}
	for _, d := range []Decision{
		{Verdict: Routed}, {Verdict: Routed, Chosen: []string{"a"}}, {Verdict: Routed, Code: CodeRoutingChosenOwner, Chosen: []string{"a", "b"}},
		{Verdict: Waiting, Code: CodeRoutingNobodyEligible, Chosen: []string{"a"}}, {Verdict: Offered, Code: CodeRoutingOfferedManual}, {Chosen: []string{"a"}, Code: CodeRoutingChosenOwner},
	} {
		if d.Deliverable() {
			t.Errorf("deliverable: %+v", d)
		}
	}
}
