package reception

import (
	"testing"
	"time"
)

// gateCase bends the company and says what gate says of agent a for a new customer message in inbox web.
type gateCase struct {
	name string
	bend func(c *company)
	want Cell
}

func checkGate(t *testing.T, g Gate, cases []gateCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCompany()
			tc.bend(c)
			if got := c.cell(t, customer(), "a", g, noon); got != tc.want {
				t.Errorf("%s: got %v %v %d, want %v %v %d", g, got.Outcome, got.Code, got.Until, tc.want.Outcome, tc.want.Code, tc.want.Until)
			}
			if got := Explain(c.p, c.w, "web", "customer", "a", noon)[g]; got != tc.want {
				t.Errorf("Explain says %v, Decide %v", got, tc.want)
			}
		})
	}
}

func TestOnlyAnActiveAccountPassesItsState(t *testing.T) {
	state := func(s AccountStatus) func(*company) { return func(c *company) { c.account("a").State = s } }
	checkGate(t, AccountState, []gateCase{
		{"an active account passes", state(Active), passed},
		{"an invited one blocks", state(Invited), blocks(CodeAccountStateInvited)},
		{"a disabled one blocks", state(Disabled), blocks(CodeAccountStateDisabled)},
		{"a frozen one without end blocks", state(Frozen), blocks(CodeAccountStateFrozen)},
		{"a banned one blocks", state(Banned), blocks(CodeAccountStateBanned)},
		{"one that left blocks", state(Left), blocks(CodeAccountStateLeft)},
		{"an expired one blocks", state(Expired), blocks(CodeAccountStateExpired)},
		{"a state that is not valid blocks", state(StateInvalid), blocks(CodeAccountStateMissing)},
		{"a member without an account blocks", func(c *company) { delete(c.p.Accounts, "a") }, blocks(CodeAccountStateMissing)},
		{"a frozen one waits for its end", func(c *company) {
			c.account("a").State, c.account("a").StateUntil = Frozen, at(15, 0)
		}, waits(CodeAccountStateFrozen, at(15, 0))},
		{"a frozen one passes from its end on", func(c *company) {
			c.account("a").State, c.account("a").StateUntil = Frozen, noon
		}, passed},
		{"a frozen one that expires before its end has nothing to wait for", func(c *company) {
			c.account("a").State, c.account("a").StateUntil, c.account("a").Expires = Frozen, at(15, 0), at(14, 0)
		}, blocks(CodeAccountStateFrozen)},
		{"nor has one that expires at its end", func(c *company) {
			c.account("a").State, c.account("a").StateUntil, c.account("a").Expires = Frozen, at(15, 0), at(15, 0)
		}, blocks(CodeAccountStateFrozen)},
		{"an account passes until it expires", func(c *company) { c.account("a").Expires = noon.Add(time.Microsecond) }, passed},
		{"an account is expired at its expiry", func(c *company) { c.account("a").Expires = noon }, blocks(CodeAccountStateExpired)},
		{"a banned account stays banned after its expiry", func(c *company) {
			c.account("a").State, c.account("a").Expires = Banned, at(9, 0)
		}, blocks(CodeAccountStateBanned)},
	})
}

func TestAnAgentNeedsASession(t *testing.T) {
	session := func(s SessionState, cause string) func(*company) {
		return func(c *company) { c.agent("a").Session = Session{State: s, Origin: Origin{Cause: cause}} }
	}
	checkGate(t, AccountLogin, []gateCase{
		{"an active session passes", session(SessionActive, ""), passed},
		{"no session ever blocks", session(SessionNever, ""), blocks(CodeAccountLoginNever)},
		{"no knowledge is unknown", session(SessionUnknown, ""), unknown(CodeAccountLoginUnknown)},
		{"a revoked token is named", session(SessionEnded, SessionEndRevoked), blocks(CodeAccountLoginTokenRevoked)},
		{"an expired session is named", session(SessionEnded, SessionEndExpired), blocks(CodeAccountLoginExpired)},
		{"a session ended by somebody is named", session(SessionEnded, SessionEndByOther), blocks(CodeAccountLoginEnded)},
		{"a sign-out is named", session(SessionEnded, SessionEndSignOut), blocks(CodeAccountLoginSignedOut)},
		{"a session that ended with its account is named", session(SessionEnded, SessionEndDisabled), blocks(CodeAccountLoginAccountClosed)},
	})
}

func TestReceivingNeedsTheRightToReceive(t *testing.T) {
	right := func(r Right) func(*company) { return func(c *company) { c.right("a", "receive", r) } }
	checkGate(t, RoleReceive, []gateCase{
		{"a role that grants it passes", right(granted()), passed},
		{"not in the template is not granted", right(Right{}), blocks(CodeRoleReceiveNotGranted)},
		{"in the template but not in the role was removed", right(Right{Template: true}), blocks(CodeRoleReceiveRemovedFromRole)},
		{"an allow passes without a role", right(Right{Allow: Override{Set: true}}), passed},
		{"an allow that ran out blocks", right(Right{Allow: Override{Set: true, Until: noon}}), blocks(CodeRoleReceiveExpired)},
		{"a deny wins over role and allow", right(Right{Roles: []string{"agent"}, Allow: Override{Set: true}, Deny: Override{Set: true}}), blocks(CodeRoleReceiveAccountDenied)},
		{"a deny with an end waits for it", right(Right{Roles: []string{"agent"}, Deny: Override{Set: true, Until: at(14, 0)}}), waits(CodeRoleReceiveAccountDenied, at(14, 0))},
		{"a deny whose end gives nothing blocks", right(Right{Deny: Override{Set: true, Until: at(14, 0)}}), blocks(CodeRoleReceiveAccountDenied)},
		{"a deny that outlasts the allow blocks", right(Right{Allow: Override{Set: true, Until: at(13, 0)}, Deny: Override{Set: true, Until: at(14, 0)}}), blocks(CodeRoleReceiveAccountDenied)},
		{"a deny that ends before the allow waits", right(Right{Allow: Override{Set: true, Until: at(15, 0)}, Deny: Override{Set: true, Until: at(14, 0)}}), waits(CodeRoleReceiveAccountDenied, at(14, 0))},
		{"a deny does not count from its end on", right(Right{Roles: []string{"agent"}, Deny: Override{Set: true, Until: noon}}), passed},
		{"who is no agent never receives", func(c *company) { c.account("a").Agent = false }, blocks(CodeRoleReceiveNotAgent)},
	})
}

func TestReceivingAKindNeedsItsRightAndItsParent(t *testing.T) {
	right := func(r Right) func(*company) { return func(c *company) { c.right("a", "receive.customer", r) } }
	parent := func(r Right) func(*company) { return func(c *company) { c.right("a", "receive", r) } }
	checkGate(t, PermissionKind, []gateCase{
		{"a role that grants it passes", right(granted()), passed},
		{"not in the template is not granted", right(Right{}), blocks(CodePermissionKindNotGranted)},
		{"in the template but not in the role was removed", right(Right{Template: true}), blocks(CodePermissionKindRemovedFromRole)},
		{"a deny of the account is named", right(Right{Roles: []string{"agent"}, Deny: Override{Set: true}}), blocks(CodePermissionKindAccountDenied)},
		{"an allow that ran out is named", right(Right{Allow: Override{Set: true, Until: at(9, 0)}}), blocks(CodePermissionKindExpired)},
		{"the parent off turns it off", parent(Right{}), blocks(CodePermissionKindParentOff)},
		{"the parent waiting makes it wait", parent(Right{Roles: []string{"agent"}, Deny: Override{Set: true, Until: at(14, 0)}}), waits(CodePermissionKindParentOff, at(14, 0))},
		{"another kind off does not matter", func(c *company) { c.right("a", "receive.group", Right{}) }, passed},
	})
}

func TestOwningAConversationNeedsTheRightToReply(t *testing.T) {
	checkGate(t, PermissionReply, []gateCase{
		{"who may reply passes", func(*company) {}, passed},
		{"who may not reply blocks", func(c *company) { c.right("a", "message.reply", Right{}) }, blocks(CodePermissionReplyNotGranted)},
		{"a removed right is named", func(c *company) { c.right("a", "message.reply", Right{Template: true}) }, blocks(CodePermissionReplyRemovedFromRole)},
		{"an expired right is named", func(c *company) {
			c.right("a", "message.reply", Right{Allow: Override{Set: true, Until: at(9, 0)}})
		}, blocks(CodePermissionReplyExpired)},
		{"a denied right is named", func(c *company) {
			c.right("a", "message.reply", Right{Roles: []string{"x"}, Deny: Override{Set: true}})
		}, blocks(CodePermissionReplyAccountDenied)},
	})
	c := newCompany()
	c.right("a", "message.reply", Right{})
	if got := Explain(c.p, c.w, "web", "internal", "a", noon)[PermissionReply]; got != notApplicable {
		t.Errorf("for a kind that owns no conversation the gate is %v, want not applicable", got)
	}
}

func TestTheWindowOfAnAgentIsItsOwnAndItsTeams(t *testing.T) {
	own := func(s ...*Schedule) func(*company) { return func(c *company) { c.account("a").Windows = s } }
	teams := func(c *company, teams ...Team) { c.inbox("web").Members[0] = Member{Account: "a", Teams: teams} }
	off := weekdays(9, 18)
	off.Dates = map[Date][]Span{{2026, 3, 11}: {}}
	never := &Schedule{Location: shanghai}
	tomorrow := time.Date(2026, 3, 12, 9, 0, 0, 0, shanghai)
	checkGate(t, WindowAgent, []gateCase{
		{"no window at all is open", func(*company) {}, passed},
		{"inside the account's window passes", own(weekdays(9, 18)), passed},
		{"inside one of two windows passes", own(weekdays(14, 18), weekdays(9, 13)), passed},
		{"outside waits for the earliest opening", own(weekdays(16, 18), weekdays(14, 15)), waits(CodeWindowAgentClosed, at(14, 0))},
		{"a window that never opens blocks", own(never), blocks(CodeWindowAgentClosed)},
		{"a date exception is named", own(off), waits(CodeWindowAgentDateOff, tomorrow)},
		{"a team without windows is open", func(c *company) { teams(c, Team{Name: "t1"}) }, passed},
		{"one open team is enough", func(c *company) {
			teams(c, Team{Name: "t1", Windows: []*Schedule{weekdays(14, 15)}}, Team{Name: "t2", Windows: []*Schedule{weekdays(9, 18)}})
		}, passed},
		{"all teams closed waits for the first to open", func(c *company) {
			teams(c, Team{Name: "t1", Windows: []*Schedule{weekdays(15, 16)}}, Team{Name: "t2", Windows: []*Schedule{weekdays(14, 15)}})
		}, waits(CodeWindowAgentTeamClosed, at(14, 0))},
		{"a team's date exception is named", func(c *company) { teams(c, Team{Name: "t1", Windows: []*Schedule{off}}) }, waits(CodeWindowAgentDateOff, tomorrow)},
		{"a direct member does not depend on its teams", func(c *company) {
			teams(c, Team{Name: "t1", Windows: []*Schedule{never}})
			c.inbox("web").Members[0].Direct = true
		}, passed},
		{"both must be open at once: it waits for the moment they are", func(c *company) {
			own(weekdays(13, 14), weekdays(16, 18))(c)
			teams(c, Team{Name: "t1", Windows: []*Schedule{weekdays(14, 17)}})
		}, waits(CodeWindowAgentClosed, at(16, 0))},
		{"windows that never meet block", func(c *company) {
			own(weekdays(13, 14))(c)
			teams(c, Team{Name: "t1", Windows: []*Schedule{weekdays(14, 17)}})
		}, blocks(CodeWindowAgentClosed)},
		{"a holiday is named", own(holiday()), waits(CodeWindowAgentHoliday, tomorrow)},
		{"a team's holiday is named", func(c *company) { teams(c, Team{Name: "t1", Windows: []*Schedule{holiday()}}) }, waits(CodeWindowAgentHoliday, tomorrow)},
		{"a holiday is named before a date exception", own(off, holiday()), waits(CodeWindowAgentHoliday, tomorrow)},
		{"a make-up workday with other hours is named", own(makeUpDay()), waits(CodeWindowAgentMakeupDay, at(14, 0))},
		{"a year that is not announced is a warning", own(unannounced()), passedWith(CodeWindowAgentYearUnannounced)},
		{"and none where another window is open without reserve", own(unannounced(), weekdays(9, 18)), passed},
		{"nor where it is closed", own(unannouncedFrom(14)), waits(CodeWindowAgentClosed, at(14, 0))},
		{"a team's year that is not announced is a warning too", func(c *company) {
			own(weekdays(9, 18))(c)
			teams(c, Team{Name: "t1", Windows: []*Schedule{unannounced()}})
		}, passedWith(CodeWindowAgentYearUnannounced)},
		{"a team's extension is named", func(c *company) {
			teams(c, Team{Name: "t1", Windows: []*Schedule{never, extension(at(11, 0), at(13, 0))}})
		}, passedWith(CodeWindowAgentExtended)},
		{"an account's extension opens its own windows and those of its teams", func(c *company) {
			own(never)(c)
			teams(c, Team{Name: "t1", Windows: []*Schedule{never}})
			c.account("a").Extension = extension(noon, at(13, 0))
		}, passedWith(CodeWindowAgentExtended)},
		{"it ends by itself", func(c *company) {
			own(weekdays(14, 18))(c)
			c.account("a").Extension = extension(at(9, 0), noon)
		}, waits(CodeWindowAgentClosed, at(14, 0))},
		{"one that comes is waited for, if no window opens before", func(c *company) {
			own(weekdays(14, 18))(c)
			c.account("a").Extension = extension(at(13, 0), at(13, 30))
		}, waits(CodeWindowAgentClosed, at(13, 0))},
		{"one that comes after the next opening is not", func(c *company) {
			own(weekdays(14, 18))(c)
			c.account("a").Extension = extension(at(15, 0), at(16, 0))
		}, waits(CodeWindowAgentClosed, at(14, 0))},
		{"a membership by nothing is closed", func(c *company) { teams(c) }, blocks(CodeWindowAgentTeamClosed)},
	})
}

// holiday is an ordinary week whose calendar has noon's day off; makeUpDay one with the make-up day's hours from 14:00; unannounced one of a year that
// its calendar does not know.
func holiday() *Schedule {
	s := weekdays(9, 18)
	s.Calendar = &Calendar{Years: map[int]bool{2026: true}, Days: map[Date]CalendarDay{{2026, 3, 11}: {Type: Holiday}}}
	return s
}

func makeUpDay() *Schedule {
	s := weekdays(9, 18)
	s.Weekly[time.Sunday] = []Span{{14 * 60, 15 * 60}}
	s.Calendar = &Calendar{Years: map[int]bool{2026: true}, Days: map[Date]CalendarDay{{2026, 3, 11}: {Type: MakeUpWorkday}}}
	return s
}

func unannounced() *Schedule { return unannouncedFrom(9) }

func unannouncedFrom(hour int) *Schedule {
	s := weekdays(hour, 18)
	s.Calendar = &Calendar{Years: map[int]bool{2025: true}}
	return s
}

func extension(from, until time.Time) *Schedule {
	return &Schedule{Location: shanghai, Extra: []Interval{{from, until}}}
}

func TestSwitchesStopWhenOffAndWaitWhenPaused(t *testing.T) {
	for _, s := range []struct {
		gate        Gate
		off, paused Code
		at          func(c *company) *Switch
	}{
		{SwitchPlatform, CodeSwitchPlatformOff, CodeSwitchPlatformPaused, func(c *company) *Switch { return &c.p.Platform }},
		{SwitchInbox, CodeSwitchInboxOff, CodeSwitchInboxPaused, func(c *company) *Switch { return &c.inbox("web").Switch }},
		{SwitchAccount, CodeSwitchAccountOff, CodeSwitchAccountPaused, func(c *company) *Switch { return &c.account("a").Switch }},
	} {
		set := func(sw Switch) func(*company) { return func(c *company) { *s.at(c) = sw } }
		checkGate(t, s.gate, []gateCase{
			{s.gate.String() + " on passes", set(Switch{}), passed},
			{s.gate.String() + " off blocks", set(Switch{State: Off}), blocks(s.off)},
			{s.gate.String() + " off blocks whatever its until", set(Switch{State: Off, Until: at(9, 0)}), blocks(s.off)},
			{s.gate.String() + " paused without end blocks", set(Switch{State: Paused}), blocks(s.paused)},
			{s.gate.String() + " paused with an end waits", set(Switch{State: Paused, Until: at(14, 0)}), waits(s.paused, at(14, 0))},
			{s.gate.String() + " paused until now passes", set(Switch{State: Paused, Until: noon}), passed},
			{s.gate.String() + " in no valid state blocks", set(Switch{State: 99}), blocks(s.off)},
		})
	}
}

func TestANewConversationWaitsForBusinessHours(t *testing.T) {
	hours := func(s *Schedule) func(*company) { return func(c *company) { c.inbox("web").Hours = s } }
	off := weekdays(9, 18)
	off.Dates = map[Date][]Span{{2026, 3, 11}: {{14 * 60, 15 * 60}}}
	checkGate(t, WindowInbox, []gateCase{
		{"no hours are always open", hours(nil), passed},
		{"inside the hours passes", hours(weekdays(9, 18)), passed},
		{"outside waits for the opening", hours(weekdays(14, 18)), waits(CodeWindowInboxClosed, at(14, 0))},
		{"a holiday is named", hours(holiday()), waits(CodeWindowInboxHoliday, time.Date(2026, 3, 12, 9, 0, 0, 0, shanghai))},
		{"a make-up workday with other hours is named", hours(makeUpDay()), waits(CodeWindowInboxMakeupDay, at(14, 0))},
		{"a year that is not announced is a warning", hours(unannounced()), passedWith(CodeWindowInboxYearUnannounced)},
		{"hours that are extended are named", hours(extension(noon, at(13, 0))), passedWith(CodeWindowInboxExtended)},
		{"an extension that comes is waited for", hours(extension(at(13, 0), at(14, 0))), waits(CodeWindowInboxClosed, at(13, 0))},
		{"hours that never open block", hours(&Schedule{}), blocks(CodeWindowInboxClosed)},
		{"a date exception is named", hours(off), waits(CodeWindowInboxDateOff, at(14, 0))},
	})
}

func TestAFailingPartOfBidaBlocks(t *testing.T) {
	fails := func(components ...string) func(*company) {
		return func(c *company) {
			for _, name := range components {
				c.w.failures = append(c.w.failures, Failure{Component: name})
			}
		}
	}
	checkGate(t, SystemHealth, []gateCase{
		{"no failure passes", fails(), passed},
		{"the store", fails("store"), blocks(CodeSystemHealthStore)},
		{"the disk", fails("disk"), blocks(CodeSystemHealthDisk)},
		{"the clock", fails("clock"), blocks(CodeSystemHealthClock)},
		{"a worker", fails("worker"), blocks(CodeSystemHealthWorker)},
		{"the first of several", fails("disk", "store"), blocks(CodeSystemHealthDisk)},
		{"a part without a code of its own still blocks", fails("pump"), blocks(CodeSystemHealthWorker)},
	})
}

func TestPresenceOfAnAgentThatOwnsNothing(t *testing.T) {
	set := func(v PresenceValue, until, grace time.Time, cause string) func(*company) {
		return func(c *company) {
			c.agent("a").Presence = Presence{Value: v, Until: until, GraceUntil: grace, Origin: Origin{Cause: cause}}
		}
	}
	var none time.Time
	checkGate(t, PresenceGate, []gateCase{
		{"available passes", set(Available, none, none, "self"), passed},
		{"away blocks", set(Away, none, none, "self"), blocks(CodePresenceAway)},
		{"away blocks even in a grace, which is the owner's", set(Away, none, at(13, 0), "self"), blocks(CodePresenceAway)},
		{"away with an end waits", set(Away, at(14, 0), none, "self"), waits(CodePresenceAway, at(14, 0))},
		{"away that ended passes", set(Away, noon, none, "self"), passed},
		{"offline blocks", set(Offline, none, none, "self"), blocks(CodePresenceOffline)},
		{"never set is told from offline", set(Offline, none, none, "never_set"), blocks(CodePresenceNeverSet)},
		{"dnd blocks what is new", set(DoNotDisturb, none, none, "self"), blocks(CodePresenceDnd)},
		{"dnd with an end waits", set(DoNotDisturb, at(14, 0), none, "self"), waits(CodePresenceDnd, at(14, 0))},
		{"unknown is unknown", set(PresenceUnknown, none, none, ""), unknown(CodePresenceUnknown)},
	})
}

func TestConnectionOfAnAgentThatOwnsNothing(t *testing.T) {
	set := func(s ConnectionState, cause string) func(*company) {
		return func(c *company) {
			c.agent("a").Connection = Connection{State: s, GraceUntil: at(13, 0), Origin: Origin{Cause: cause}}
		}
	}
	checkGate(t, ConnectionGate, []gateCase{
		{"open passes", set(ConnectionOpen, ""), passed},
		{"unresponsive blocks", set(ConnectionUnresponsive, ""), blocks(CodeConnectionUnresponsive)},
		{"stale blocks", set(ConnectionStale, ""), blocks(CodeConnectionStale)},
		{"unknown is unknown", set(ConnectionUnknown, "lost_with_process"), unknown(CodeConnectionUnknown)},
		{"never connected", set(ConnectionNone, "never"), blocks(CodeConnectionNever)},
		{"closed by the client", set(ConnectionNone, "closed_by_client"), blocks(CodeConnectionClosedByClient)},
		{"broken off", set(ConnectionNone, "broken"), blocks(CodeConnectionBroken)},
		{"closed by the server", set(ConnectionNone, "closed_by_server"), blocks(CodeConnectionClosedByServer)},
		{"closed for silence", set(ConnectionNone, "stale"), blocks(CodeConnectionStale)},
		{"closed for not answering", set(ConnectionNone, "unresponsive"), blocks(CodeConnectionUnresponsive)},
		{"lost with the process", set(ConnectionNone, "lost_with_process"), blocks(CodeConnectionLostWithProcess)},
		{"closed with the session", set(ConnectionNone, "session_ended"), blocks(CodeConnectionSessionEnded)},
		{"closed in a way that is not on record", set(ConnectionNone, ""), blocks(CodeConnectionNone)},
	})
}

func TestCapacityIsByInboxAndInTotal(t *testing.T) {
	checkGate(t, Capacity, []gateCase{
		{"no limit passes", func(c *company) { c.load("a", "web", 99); c.agent("a").Live = 99 }, passed},
		{"below the inbox's limit passes", func(c *company) { c.inbox("web").Capacity = 3; c.load("a", "web", 2) }, passed},
		{"at the inbox's limit blocks", func(c *company) { c.inbox("web").Capacity = 3; c.load("a", "web", 3) }, blocks(CodeCapacityInboxFull)},
		{"the account's own limit counts instead", func(c *company) {
			c.inbox("web").Capacity, c.account("a").Limits["web"] = 3, 4
			c.load("a", "web", 3)
		}, passed},
		{"the account's own limit may be lower", func(c *company) {
			c.inbox("web").Capacity, c.account("a").Limits["web"] = 3, 1
			c.load("a", "web", 1)
		}, blocks(CodeCapacityInboxFull)},
		{"at the total blocks", func(c *company) { c.account("a").Total, c.agent("a").Live = 5, 5 }, blocks(CodeCapacityTotalFull)},
		{"the inbox's limit is said before the total", func(c *company) {
			c.account("a").Total, c.agent("a").Live, c.inbox("web").Capacity = 5, 5, 3
			c.load("a", "web", 3)
		}, blocks(CodeCapacityInboxFull)},
	})
}

func TestAnAsyncInboxAsksNeitherForSessionNorPresenceNorConnectionNorTotal(t *testing.T) {
	c := newCompany()
	c.w.agents["a"] = &Agent{Account: "a", Live: 9, Session: Session{State: SessionNever}, Presence: Presence{Value: Offline}}
	c.account("a").Total = 1
	v := Explain(c.p, c.w, "mail", "customer", "a", noon)
	for _, g := range []Gate{AccountLogin, PresenceGate, ConnectionGate} {
		if v[g] != notApplicable {
			t.Errorf("%s is %v, want not applicable", g, v[g])
		}
	}
	if v.First() != GateCount {
		t.Errorf("stopped at %s, want nothing", v.First())
	}
	c.account("a").Limits["mail"] = 2
	c.load("a", "mail", 2)
	if got := Explain(c.p, c.w, "mail", "customer", "a", noon)[Capacity]; got != blocks(CodeCapacityInboxFull) {
		t.Errorf("at the inbox's limit: %v", got)
	}
}

func TestEveryGateIsEvaluatedAlthoughAnEarlierOneStops(t *testing.T) {
	c := newCompany()
	c.account("a").State = Banned
	c.right("a", "receive", Right{})
	c.agent("a").Presence.Value = Away
	c.agent("a").Connection = Connection{State: ConnectionStale}
	c.account("a").Total, c.agent("a").Live = 1, 1
	d := Decide(c.p, c.w, customer(), noon)
	cells := d.Candidates[0].Cells
	for g, want := range map[Gate]Code{AccountState: CodeAccountStateBanned, RoleReceive: CodeRoleReceiveNotGranted, PermissionKind: CodePermissionKindParentOff,
		PresenceGate: CodePresenceAway, ConnectionGate: CodeConnectionStale, Capacity: CodeCapacityTotalFull} {
		if cells[g].Code != want {
			t.Errorf("%s says %v, want %v", g, cells[g].Code, want)
		}
	}
	for g := range cells {
		if cells[g].Outcome == Undecided {
			t.Errorf("%s is undecided", Gate(g))
		}
	}
}

func TestExplainLeavesConversationAndRoutingOut(t *testing.T) {
	c := newCompany()
	v := Explain(c.p, c.w, "web", "customer", "a", noon)
	if v[ConversationGate] != notApplicable || v[Routing] != notApplicable || v.First() != GateCount {
		t.Errorf("got %v", v)
	}
	if got := Explain(c.p, c.w, "web", "customer", "d", noon)[MembershipInbox]; got != blocks(CodeMembershipInboxNotMember) {
		t.Errorf("who is no member: %v", got)
	}
	if got := Explain(c.p, c.w, "gone", "customer", "a", noon)[MembershipInbox]; got != blocks(CodeMembershipInboxNotMember) {
		t.Errorf("of an inbox that is not there nobody is a member: %v", got)
	}
	if v := Explain(c.p, c.w, "", "system", "d", noon); v[MembershipInbox] != notApplicable || v[SwitchInbox] != notApplicable || v[WindowInbox] != notApplicable || v.First() != GateCount {
		t.Errorf("outside of inboxes: %v", v)
	}
}

func TestAnEndBetweenMicrosecondsIsNotTriedTooEarly(t *testing.T) {
	c := newCompany()
	end := at(14, 0).Add(500 * time.Nanosecond)
	c.account("a").Switch = Switch{State: Paused, Until: end}
	got := c.cell(t, customer(), "a", SwitchAccount, noon)
	again := c.cell(t, customer(), "a", SwitchAccount, time.UnixMicro(got.Until))
	if got.Outcome != Wait || again != passed {
		t.Errorf("waits %v, at its end %v", got, again)
	}
}
