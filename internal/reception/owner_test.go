package reception

import (
	"slices"
	"testing"
	"time"
)

func decideOwned(bend func(c *company)) Decision {
	c := newCompany()
	if bend != nil {
		bend(c)
	}
	return Decide(c.p, c.w, ownedBy("b"), noon)
}

func TestAMessageGoesToTheOwnerAndNobodyElse(t *testing.T) {
	d := decideOwned(nil)
	if d.Verdict != Routed || d.Code != CodeRoutingChosenOwner || !slices.Equal(d.Chosen, []string{"b"}) {
		t.Fatalf("got %v %v %v", d.Verdict, d.Code, d.Chosen)
	}
	for _, c := range d.Candidates {
		want := blocks(CodeConversationOwnedByColleague)
		routing := notApplicable
		if c.Account == "b" {
			want, routing = passed, passedWith(CodeRoutingChosenOwner)
		}
		if c.Cells[ConversationGate] != want || c.Cells[Routing] != routing || c.Owner != (c.Account == "b") {
			t.Errorf("%s: %v %v owner=%v", c.Account, c.Cells[ConversationGate], c.Cells[Routing], c.Owner)
		}
	}
}

func TestTheOwnerFinishes(t *testing.T) {
	for _, tc := range []struct {
		name string
		bend func(c *company)
		gate Gate
		note Code
	}{
		{"after its own window", func(c *company) { c.account("b").Windows = []*Schedule{weekdays(14, 18)} }, WindowAgent, CodeWindowAgentFinishing},
		{"after business hours", func(c *company) { c.inbox("web").Hours = weekdays(14, 18) }, WindowInbox, CodeWindowInboxFinishing},
		{"at its limit in the inbox", func(c *company) { c.inbox("web").Capacity = 1; c.load("b", "web", 1) }, Capacity, CodeCapacityFinishing},
		{"at its limit in total", func(c *company) { c.account("b").Total, c.agent("b").Live = 1, 1 }, Capacity, CodeCapacityFinishing},
		{"on do not disturb", func(c *company) { c.agent("b").Presence.Value = DoNotDisturb }, PresenceGate, CodePresenceDnd},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := decideOwned(tc.bend)
			if d.Verdict != Routed || d.Chosen[0] != "b" || d.Released != "" {
				t.Fatalf("got %v %v, released %q", d.Verdict, d.Chosen, d.Released)
			}
			if got := d.Candidates[1].Cells[tc.gate]; got != passedWith(tc.note) {
				t.Errorf("%s is %v, want a pass with %v", tc.gate, got, tc.note)
			}
		})
	}
}

func TestAnAbsentOwnerIsWaitedForUntilItsGraceEnds(t *testing.T) {
	grace := noon.Add(20 * time.Second)
	for _, tc := range []struct {
		name  string
		bend  func(c *company)
		until time.Time
	}{
		{"its connection is lost", func(c *company) {
			c.agent("b").Connection = Connection{State: ConnectionNone, GraceUntil: grace, Origin: Origin{Cause: "closed_by_client"}}
		}, grace},
		{"its connection does not answer", func(c *company) {
			c.agent("b").Connection = Connection{State: ConnectionUnresponsive, GraceUntil: grace}
		}, grace},
		{"nothing is known of its connection", func(c *company) {
			c.agent("b").Connection = Connection{State: ConnectionUnknown, GraceUntil: grace}
		}, grace},
		{"it is away", func(c *company) { c.agent("b").Presence = Presence{Value: Away, GraceUntil: grace} }, grace},
		{"it is offline", func(c *company) { c.agent("b").Presence = Presence{Value: Offline, GraceUntil: grace} }, grace},
		{"it is away for less than the grace", func(c *company) {
			c.agent("b").Presence = Presence{Value: Away, GraceUntil: grace, Until: noon.Add(5 * time.Second)}
		}, noon.Add(5 * time.Second)},
		{"it is away for longer than the grace", func(c *company) {
			c.agent("b").Presence = Presence{Value: Away, GraceUntil: grace, Until: at(14, 0)}
		}, grace},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := decideOwned(tc.bend)
			if d.Verdict != Waiting || d.Held != "b" || d.Code != CodeRoutingWaitsForOwner || len(d.Chosen) != 0 || d.Released != "" {
				t.Fatalf("got %v held %q %v %v released %q", d.Verdict, d.Held, d.Code, d.Chosen, d.Released)
			}
			if d.Until != tc.until.UnixMicro() {
				t.Errorf("until %v, want %v", time.UnixMicro(d.Until), tc.until)
			}
		})
	}
}

func TestAnOwnerIsReleasedAtTheEndOfItsGraceAndTheConversationDecidedAgain(t *testing.T) {
	for _, tc := range []struct {
		name string
		bend func(c *company)
		code Code
	}{
		{"connection", func(c *company) {
			c.agent("b").Connection = Connection{State: ConnectionNone, GraceUntil: noon, Origin: Origin{Cause: "closed_by_client"}}
		}, CodeConnectionClosedByClient},
		{"presence", func(c *company) { c.agent("b").Presence = Presence{Value: Offline, GraceUntil: noon} }, CodePresenceOffline},
		{"an absence that ends by itself but later than the grace", func(c *company) {
			c.agent("b").Presence = Presence{Value: Away, GraceUntil: noon, Until: at(14, 0)}
		}, CodePresenceAway},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := decideOwned(tc.bend)
			if d.Verdict != Routed || d.Chosen[0] != "a" || d.Released != "b" || d.ReleasedFor != tc.code || d.Held != "" {
				t.Fatalf("got %v %v released %q for %v", d.Verdict, d.Chosen, d.Released, d.ReleasedFor)
			}
			if b := d.Candidates[1]; b.Owner || b.Cells[ConversationGate] != passed {
				t.Errorf("the released owner is an ordinary candidate: %v %v", b.Owner, b.Cells[ConversationGate])
			}
		})
	}
}

func TestAnOwnerIsReleasedAtOnceWhenItMayNotHaveTheConversation(t *testing.T) {
	later := Override{Set: true, Until: at(14, 0)}
	for _, tc := range []struct {
		name string
		bend func(c *company)
		code Code
	}{
		{"its account is disabled", func(c *company) { c.account("b").State = Disabled }, CodeAccountStateDisabled},
		{"its account is frozen for a while", func(c *company) {
			c.account("b").State, c.account("b").StateUntil = Frozen, at(14, 0)
		}, CodeAccountStateFrozen},
		{"its session ended", func(c *company) {
			c.agent("b").Session = Session{State: SessionEnded, Origin: Origin{Cause: SessionEndRevoked}}
		}, CodeAccountLoginTokenRevoked},
		{"it may not receive", func(c *company) { c.right("b", "receive", Right{}) }, CodeRoleReceiveNotGranted},
		{"it may not receive for a while", func(c *company) { c.right("b", "receive", Right{Roles: []string{"x"}, Deny: later}) }, CodeRoleReceiveAccountDenied},
		{"it may not receive the kind", func(c *company) { c.right("b", "receive.customer", Right{}) }, CodePermissionKindNotGranted},
		{"it may not reply", func(c *company) { c.right("b", "message.reply", Right{}) }, CodePermissionReplyNotGranted},
		{"its push is off", func(c *company) { c.account("b").Switch.State = Off }, CodeSwitchAccountOff},
		{"its push is paused for a while", func(c *company) {
			c.account("b").Switch = Switch{State: Paused, Until: at(14, 0)}
		}, CodeSwitchAccountPaused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := decideOwned(tc.bend)
			if d.Verdict != Routed || d.Chosen[0] != "a" || d.Released != "b" || d.ReleasedFor != tc.code {
				t.Fatalf("got %v %v released %q for %v", d.Verdict, d.Chosen, d.Released, d.ReleasedFor)
			}
		})
	}
}

func TestAnOwnerThatIsNoMemberAnyMoreLosesTheConversationAndIsNoCandidate(t *testing.T) {
	c := newCompany()
	d := Decide(c.p, c.w, ownedBy("d"), noon)
	if d.Released != "d" || d.ReleasedFor != CodeMembershipInboxNotMember || d.Verdict != Routed || d.Chosen[0] != "a" {
		t.Fatalf("got %v %v released %q for %v", d.Verdict, d.Chosen, d.Released, d.ReleasedFor)
	}
	if d.find("d") >= 0 {
		t.Error("who is no member is still a candidate")
	}
}

func TestNothingUnknownReleasesAnOwner(t *testing.T) {
	for name, bend := range map[string]func(c *company){
		"its session":    func(c *company) { c.agent("b").Session = Session{} },
		"its presence":   func(c *company) { c.agent("b").Presence = Presence{} },
		"its connection": func(c *company) { c.agent("b").Connection = Connection{} },
	} {
		t.Run(name, func(t *testing.T) {
			d := decideOwned(bend)
			if d.Verdict != Waiting || d.Held != "b" || d.Released != "" || d.Until != 0 {
				t.Errorf("got %v held %q released %q until %d", d.Verdict, d.Held, d.Released, d.Until)
			}
		})
	}
}

func TestWhatStopsTheMessageDoesNotReleaseItsOwner(t *testing.T) {
	d := decideOwned(func(c *company) { c.inbox("web").Switch = Switch{State: Paused, Until: at(14, 0)} })
	if d.Verdict != Waiting || d.Held != "b" || d.Code != CodeSwitchInboxPaused || d.Until != at(14, 0).UnixMicro() {
		t.Errorf("got %v held %q %v", d.Verdict, d.Held, d.Code)
	}
	// But an owner that must go goes even then.
	d = decideOwned(func(c *company) {
		c.inbox("web").Switch.State = Off
		c.account("b").State = Banned
	})
	if d.Verdict != Waiting || d.Held != "" || d.Released != "b" || d.Code != CodeSwitchInboxOff {
		t.Errorf("got %v held %q released %q %v", d.Verdict, d.Held, d.Released, d.Code)
	}
}

func TestAfterAReleaseTheInboxIsNotExemptFromItsHoursAnyMore(t *testing.T) {
	d := decideOwned(func(c *company) {
		c.inbox("web").Hours = weekdays(14, 18)
		c.account("b").State = Left
	})
	if d.Verdict != Waiting || d.Released != "b" || d.Message[WindowInbox] != waits(CodeWindowInboxClosed, at(14, 0)) {
		t.Errorf("got %v released %q, hours %v", d.Verdict, d.Released, d.Message[WindowInbox])
	}
}

func TestAnOwnerInAnAsyncInboxNeedsNoConnection(t *testing.T) {
	c := newCompany()
	c.agent("b").Connection, c.agent("b").Presence, c.agent("b").Session = Connection{State: ConnectionNone}, Presence{Value: Offline}, Session{State: SessionEnded}
	m := ownedBy("b")
	m.Inbox = "mail"
	if d := Decide(c.p, c.w, m, noon); d.Verdict != Routed || d.Chosen[0] != "b" {
		t.Errorf("got %v %v", d.Verdict, d.Chosen)
	}
}

func TestTheReleaseNamesTheFirstGateThatTakesTheConversation(t *testing.T) {
	d := decideOwned(func(c *company) {
		c.account("b").State = Frozen
		c.agent("b").Session.State = SessionEnded
		c.agent("b").Connection = Connection{State: ConnectionNone}
	})
	if d.ReleasedFor != CodeAccountStateFrozen {
		t.Errorf("released for %v", d.ReleasedFor)
	}
}

func TestEligibleMembersOfAnOwnedConversationAreStoppedByItsOwnerOnly(t *testing.T) {
	m := ownedBy("b")
	m.Conversation.PassedOver = []string{"a", "b"}
	c := newCompany()
	if d := Decide(c.p, c.w, m, noon); d.Verdict != Routed || d.Chosen[0] != "b" || d.Recycled {
		t.Errorf("the passed-over list is for offers, not for owners: %v %v recycled=%v", d.Verdict, d.Chosen, d.Recycled)
	}
}
