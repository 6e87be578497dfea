package reception

import (
	"testing"
	"time"
)

func TestALimitedSwitchWaitsForTheNextMinuteWhenItsCountIsUsedUp(t *testing.T) {
	for _, s := range []struct {
		gate Gate
		name string
		code Code
		at   func(c *company) *Switch
	}{
		{SwitchPlatform, "platform", CodeSwitchPlatformLimited, func(c *company) *Switch { return &c.p.Platform }},
		{SwitchInbox, "inbox.web", CodeSwitchInboxLimited, func(c *company) *Switch { return &c.inbox("web").Switch }},
		{SwitchAccount, "account.a", CodeSwitchAccountLimited, func(c *company) *Switch { return &c.account("a").Switch }},
	} {
		set := func(sw Switch, used int, until time.Time) func(*company) {
			return func(c *company) {
				*s.at(c) = sw
				c.w.rates = map[string]Rate{s.name: {Used: used, Until: until}}
			}
		}
		refill := at(12, 1)
		checkGate(t, s.gate, []gateCase{
			{s.gate.String() + " nothing used passes", set(Switch{State: Limited, PerMinute: 2}, 0, time.Time{}), passed},
			{s.gate.String() + " room left passes", set(Switch{State: Limited, PerMinute: 2}, 1, refill), passed},
			{s.gate.String() + " used up waits for the refill", set(Switch{State: Limited, PerMinute: 2}, 2, refill), waits(s.code, refill)},
			{s.gate.String() + " a limit that was lowered meanwhile counts", set(Switch{State: Limited, PerMinute: 1}, 2, refill), waits(s.code, refill)},
			{s.gate.String() + " a minute that is over passes", set(Switch{State: Limited, PerMinute: 1}, 2, noon), passed},
			{s.gate.String() + " a limit that ends sooner is not waited out", set(Switch{State: Limited, PerMinute: 1, Until: noon.Add(30 * time.Second)}, 1, refill), waits(s.code, noon.Add(30*time.Second))},
			{s.gate.String() + " a limit that ended passes", set(Switch{State: Limited, PerMinute: 1, Until: noon}, 1, refill), passed},
			{s.gate.String() + " the count of a switch that is on does not matter", set(Switch{}, 9, refill), passed},
		})
	}
}

func TestALimitedSwitchLetsAConversationGoOnThatBegan(t *testing.T) {
	d := decideOwned(func(c *company) {
		c.inbox("web").Switch = Switch{State: Limited, PerMinute: 1}
		c.account("b").Switch = Switch{State: Limited, PerMinute: 1}
		c.p.Platform = Switch{State: Limited, PerMinute: 1}
		full := Rate{Used: 1, Until: at(12, 1)}
		c.w.rates = map[string]Rate{"inbox.web": full, "account.b": full, "platform": full}
	})
	if d.Verdict != Routed || d.Released != "" || d.Chosen[0] != "b" {
		t.Errorf("%v %v, released %q for %v", d.Verdict, d.Chosen, d.Released, d.ReleasedFor)
	}
}

func TestMaintenanceHoldsWhatItCoversUntilItsEnd(t *testing.T) {
	windows := func(list ...Maintenance) func(*company) {
		return func(c *company) { c.inbox("web").Maintenance = list }
	}
	before, start, end := at(11, 0), at(12, 0), at(14, 0)
	checkGate(t, MaintenanceGate, []gateCase{
		{"none passes", windows(), passed},
		{"a window of the inbox waits for its end", windows(Maintenance{From: before, Until: end}), waits(CodeMaintenanceInbox, end)},
		{"one of all inboxes is told from it", windows(Maintenance{From: before, Until: end, All: true}), waits(CodeMaintenancePlatform, end)},
		{"it begins at its first instant", windows(Maintenance{From: start, Until: end}), waits(CodeMaintenanceInbox, end)},
		{"and is over at its end", windows(Maintenance{From: before, Until: start}), passed},
		{"one to come passes", windows(Maintenance{From: at(12, 30), Until: end}), passed},
		{"one of other kinds passes", windows(Maintenance{From: before, Until: end, Kinds: []string{"group"}}), passed},
		{"one of this kind too waits", windows(Maintenance{From: before, Until: end, Kinds: []string{"group", "customer"}}), waits(CodeMaintenanceInbox, end)},
		{"windows that overlap or adjoin are waited out together", windows(Maintenance{From: before, Until: at(13, 0)}, Maintenance{From: at(12, 30), Until: end},
			Maintenance{From: end, Until: at(15, 0), All: true}, Maintenance{From: at(15, 1), Until: at(16, 0)}), waits(CodeMaintenanceInbox, at(15, 0))},
	})
}

func TestMaintenanceKeepsMessagesFromTheOwnerTooAndTakesNothingAway(t *testing.T) {
	d := decideOwned(func(c *company) { c.inbox("web").Maintenance = []Maintenance{{From: at(11, 0), Until: at(14, 0)}} })
	if d.Verdict != Waiting || d.Held != "b" || d.Released != "" || d.Code != CodeMaintenanceInbox || d.Until != at(14, 0).UnixMicro() {
		t.Errorf("%v %v, held by %q, released %q, until %v", d.Verdict, d.Code, d.Held, d.Released, time.UnixMicro(d.Until))
	}
}

func TestClientsMustMeetWhatIsRequiredOfThem(t *testing.T) {
	rule := func(minimum string, blocked ...string) *ClientRule {
		r := &ClientRule{Minimum: versionOf(minimum)}
		for _, b := range blocked {
			r.Blocked = append(r.Blocked, versionOf(b))
		}
		return r
	}
	on := func(rules map[string]*ClientRule, clients ...Client) func(*company) {
		return func(c *company) { c.p.Clients, c.agent("a").Clients = rules, clients }
	}
	seen := func(name, version string) Client {
		return Client{Name: name, Text: version, Version: versionOf(version)}
	}
	console := map[string]*ClientRule{"console": rule("1.4.0", "1.5.1")}
	anybody := map[string]*ClientRule{"any": rule("2.0.0"), "listen": rule("1.0.0")}
	checkGate(t, ClientVersion, []gateCase{
		{"nothing required passes", on(nil, seen("console", "0.1.0")), passed},
		{"the minimum itself passes", on(console, seen("console", "1.4.0")), passed},
		{"numbers are compared, not letters", on(console, seen("console", "1.10.0")), passed},
		{"below the minimum blocks", on(console, seen("console", "1.3.9")), blocks(CodeClientVersionBelowMinimum)},
		{"a pre-release of the minimum is below it", on(console, seen("console", "1.4.0-rc.1")), blocks(CodeClientVersionBelowMinimum)},
		{"a blocked version blocks, though it is new enough", on(console, seen("console", "1.5.1+build.7")), blocks(CodeClientVersionBlocked)},
		{"no version is unknown", on(console, seen("console", "")), unknown(CodeClientVersionUnknown)},
		{"one that cannot be read is unknown", on(console, seen("console", "dev")), unknown(CodeClientVersionUnknown)},
		{"another client is not meant", on(console, seen("listen", "0.1.0")), passed},
		{"any is meant for those without a document of their own", on(anybody, seen("mine", "1.0.0")), blocks(CodeClientVersionBelowMinimum)},
		{"and not for those that have one", on(anybody, seen("listen", "1.0.0")), passed},
		{"one good client is enough", on(console, seen("console", "1.0.0"), seen("console", "1.4.1")), passed},
		{"of two that are not the better one is told", on(console, seen("console", "1.5.1"), seen("console", "1.0.0")), blocks(CodeClientVersionBelowMinimum)},
		{"without a connection there is nothing to see", on(console), notApplicable},
	})
}

func TestAnOwnerFinishesWithAnOldClientButNothingIsLeftToABlockedOne(t *testing.T) {
	with := func(version string) Decision {
		return decideOwned(func(c *company) {
			c.p.Clients = map[string]*ClientRule{"console": {Minimum: versionOf("1.4.0"), Blocked: []Version{versionOf("1.5.1")}}}
			c.agent("b").Clients = []Client{{Name: "console", Text: version, Version: versionOf(version)}}
		})
	}
	if d := with("1.0.0"); d.Verdict != Routed || d.Chosen[0] != "b" || d.Candidates[1].Cells[ClientVersion] != passedWith(CodeClientVersionBelowMinimum) {
		t.Errorf("an old client: %v %v %v", d.Verdict, d.Chosen, d.Candidates[1].Cells[ClientVersion])
	}
	if d := with("1.5.1"); d.Released != "b" || d.ReleasedFor != CodeClientVersionBlocked || d.Verdict != Routed || d.Chosen[0] == "b" {
		t.Errorf("a blocked client: released %q for %v, %v", d.Released, d.ReleasedFor, d.Chosen)
	}
	if d := with("dev"); d.Released != "" || d.Held != "b" {
		t.Errorf("an unknown client: released %q, held by %q", d.Released, d.Held)
	}
}

func TestAConversationThatIsSetAsideIsGivenToNobodyBeforeItsTime(t *testing.T) {
	c := newCompany()
	m := customer()
	m.Conversation = &Conversation{ID: "c1", SnoozedUntil: at(14, 0)}
	d := Decide(c.p, c.w, m, noon)
	if d.Verdict != Waiting || d.Code != CodeConversationSnoozed || d.Until != at(14, 0).UnixMicro() || d.Candidates[0].Cells[ConversationGate] != waits(CodeConversationSnoozed, at(14, 0)) {
		t.Errorf("%v %v until %v: %v", d.Verdict, d.Code, time.UnixMicro(d.Until), d.Candidates[0].Cells[ConversationGate])
	}
	if d = Decide(c.p, c.w, m, at(14, 0)); d.Verdict != Routed {
		t.Errorf("at its time: %v %v", d.Verdict, d.Code)
	}
	m.Conversation.Owner = "b" // who set it aside has it all the same
	if d = Decide(c.p, c.w, m, noon); d.Verdict != Routed || d.Chosen[0] != "b" {
		t.Errorf("its owner: %v %v", d.Verdict, d.Chosen)
	}
	c.account("b").State = Disabled // and when the owner is gone it waits on
	if d = Decide(c.p, c.w, m, noon); d.Released != "b" || d.Code != CodeConversationSnoozed {
		t.Errorf("without its owner: released %q, %v", d.Released, d.Code)
	}
}

func TestARobotThatHasAConversationIsToldFromAColleague(t *testing.T) {
	c := newCompany()
	c.account("b").Robot = true
	if got := c.cell(t, ownedBy("b"), "a", ConversationGate, noon); got != blocks(CodeConversationOwnedByBot) {
		t.Errorf("got %v", got)
	}
	if d := Decide(c.p, c.w, ownedBy("b"), noon); d.Verdict != Routed || d.Chosen[0] != "b" {
		t.Errorf("the robot itself: %v %v", d.Verdict, d.Chosen)
	}
}
