package reception

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// crowd is an inbox of so many members, each of whom works one minute after the other: at every minute exactly one can receive.
func crowd(n int) *Policy {
	p := &Policy{Accounts: map[string]*Account{}, Inboxes: map[string]*Inbox{}}
	in := &Inbox{Name: "web", Mode: Live, Kinds: []string{"customer"}}
	for i := range n {
		a := receiver(fmt.Sprintf("agent-%04d", i))
		a.Windows = []*Schedule{everyDay(time.UTC, Span{i, i + 1})}
		p.Accounts[a.Name] = a
		in.Members = append(in.Members, Member{Account: a.Name, Direct: true})
	}
	p.Inboxes["web"] = in
	return p
}

// TestACrowdIsCoveredByOneAfterTheOther: sets of members, and the schedules that tell them apart, are kept beyond one word and one byte.
func TestACrowdIsCoveredByOneAfterTheOther(t *testing.T) {
	const n = 321 // one more than five words
	p := crowd(n)
	midnight := time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC)
	cover := Cover(p, midnight, midnight.Add((n+1)*time.Minute), nil)
	if len(cover.Cells) != 1 || len(cover.Cells[0].Spans) != n+1 {
		t.Fatalf("%d cells, %d spans", len(cover.Cells), len(cover.Cells[0].Spans))
	}
	c := &cover.Cells[0]
	for i, s := range c.Spans[:n] {
		if want := []string{fmt.Sprintf("agent-%04d", i)}; !slices.Equal(c.Agents(s), want) || !s.Single() || s.From != midnight.Add(time.Duration(i)*time.Minute).UnixMicro() {
			t.Errorf("span %d: %+v, %v", i, s, c.Agents(s))
		}
	}
	if !c.Spans[n].Gap() {
		t.Error("after the last one somebody is there")
	}
	// Rights that end one after the other, in the same way.
	for i := range n {
		a := p.Accounts[fmt.Sprintf("agent-%04d", i)]
		a.Windows = nil
		a.Rights["receive.customer"] = Right{Allow: Override{Set: true, Until: midnight.Add(time.Duration(i+1) * time.Minute)}}
	}
	cover = Cover(p, midnight, midnight.Add(n*time.Minute), nil)
	c = &cover.Cells[0]
	if len(c.Spans) != n {
		t.Fatalf("%d spans", len(c.Spans))
	}
	for i, s := range c.Spans {
		if got := c.Agents(s); s.Count != n-i || len(got) != n-i || got[0] != fmt.Sprintf("agent-%04d", i) {
			t.Errorf("span %d: %d agents, %v…", i, s.Count, got[:1])
		}
	}
}

func TestCoverageHeedsTheRightToReplyExtensionsAndTheEndOfTheTime(t *testing.T) {
	c := newCompany()
	end := noon.Add(3 * time.Hour)
	c.right("a", "message.reply", Right{Allow: Override{Set: true, Until: noon.Add(time.Hour)}})
	c.right("b", "receive.customer", Right{Roles: []string{"agent"}, Deny: Override{Set: true, Until: end}})
	same := []*Schedule{weekdays(9, 12)}
	c.account("b").Windows, c.account("c").Windows = same, same
	c.account("c").Extension = extension(noon, noon.Add(2*time.Hour))
	c.account("d").Windows, c.account("d").Extension = same, extension(noon.Add(150*time.Minute), end)
	c.inbox("web").Members = append(c.inbox("web").Members, Member{Account: "d", Direct: true})
	c.p.Inboxes["alpha"] = &Inbox{Name: "alpha", Mode: Live, Kinds: []string{"customer"}, Members: c.inbox("web").Members}
	cover := Cover(c.p, noon, end, func(inbox, kind string) bool { return kind == "customer" })
	var names []string
	for i := range cover.Cells {
		cell := &cover.Cells[i]
		names = append(names, cell.Inbox)
		checkSpans(t, cell, noon, end)
		for at := noon; at.Before(end); at = at.Add(10 * time.Minute) {
			compareCover(t, c.p, cell, at)
		}
	}
	if !slices.Equal(names, []string{"alpha", "mail", "web"}) {
		t.Errorf("the cells are of %v", names)
	}
	web := &cover.Cells[2]
	if got := fmt.Sprint(web.Agents(web.Spans[0]), web.Agents(web.Spans[1]), web.Agents(web.Spans[2]), web.Agents(web.Spans[3]), len(web.Spans)); got != "[a c] [c] [] [d] 4" {
		t.Error(got)
	}
}

func TestMaintenanceOfOtherKindsIsNotWaitedFor(t *testing.T) {
	c := newCompany()
	c.inbox("web").Maintenance = []Maintenance{
		{From: at(11, 0), Until: at(13, 0), Kinds: []string{"customer"}}, {From: at(12, 30), Until: at(15, 0), Kinds: []string{"vip"}}, {From: at(13, 0), Until: at(14, 0)},
	}
	if got := c.cell(t, customer(), "a", MaintenanceGate, noon); got != waits(CodeMaintenanceInbox, at(14, 0)) {
		t.Errorf("%+v", got)
	}
	c.inbox("web").Maintenance = c.inbox("web").Maintenance[:2]
	if got := c.cell(t, customer(), "a", MaintenanceGate, noon); got != waits(CodeMaintenanceInbox, at(13, 0)) {
		t.Errorf("%+v", got)
	}
}

func TestAnEndBetweenTwoMicrosecondsIsTheLater(t *testing.T) {
	for ns, want := range map[int]int64{0: 0, 1: 1, 999: 1, 1000: 1, 1001: 2, 2000: 2, 1_001_000: 1001, 999_999_001: 1_000_000} {
		if got := micros(time.Unix(0, int64(ns))); got != want {
			t.Errorf("%d ns are %d µs, want %d", ns, got, want)
		}
	}
}

func TestTheBestOfSeveralClientsDecides(t *testing.T) {
	rule := &ClientRule{Minimum: versionOf("1.5.0"), Blocked: []Version{versionOf("1.6.0")}}
	for text, want := range map[string]Code{"1.5.0": 0, "1.5.1": 0, "1.4.9": CodeClientVersionBelowMinimum, "1.6.0": CodeClientVersionBlocked, "x": CodeClientVersionUnknown} {
		if _, got := rule.Judge(versionOf(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	clients := []string{"1.4.9", "x", "1.6.0"} // from the best to the worst
	for i := range clients {
		for j := range clients {
			c := newCompany()
			c.p.Clients = map[string]*ClientRule{"console": rule}
			c.agent("a").Clients = []Client{NewClient("console", clients[i]), NewClient("console", clients[j])}
			_, want := rule.Judge(versionOf(clients[min(i, j)]))
			if got := c.cell(t, customer(), "a", ClientVersion, noon); got.Code != want {
				t.Errorf("%s and %s: %s, want %s", clients[i], clients[j], got.Code, want)
			}
		}
	}
}

func TestAMessageThatNamesASingleReceiverIsDirected(t *testing.T) {
	c := newCompany()
	m := customer()
	m.Directed = []string{"b"}
	if d := Decide(c.p, c.w, m, noon); d.Verdict != Directed || !slices.Equal(d.Chosen, []string{"b"}) || len(d.Candidates) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestOnlyWhatIsWholeIsDeliverable(t *testing.T) {
	code := CodeRoutingChosenOwner
	for _, tc := range []struct {
		d    Decision
		want bool
	}{
		{Decision{Verdict: Routed, Code: code, Chosen: []string{"a"}}, true}, {Decision{Verdict: Routed, Chosen: []string{"a"}}, false},
		{Decision{Verdict: Routed, Code: code}, false}, {Decision{Verdict: Routed, Code: code, Chosen: []string{"a", "b"}}, false},
		{Decision{Verdict: Routed, Code: 1, Chosen: []string{"a"}}, true}, {Decision{Verdict: Offered, Code: 1, Chosen: []string{"a"}}, true},
		{Decision{Verdict: Offered, Code: code, Chosen: []string{"a", "b"}}, true}, {Decision{Verdict: Offered, Chosen: []string{"a"}}, false},
		{Decision{Verdict: Directed, Code: code, Chosen: []string{"a"}}, true}, {Decision{Verdict: Directed, Code: code}, false},
		{Decision{Verdict: Waiting, Code: code, Chosen: []string{"a"}}, false}, {Decision{Code: code, Chosen: []string{"a"}}, false},
	} {
		if tc.d.Deliverable() != tc.want {
			t.Errorf("%+v is deliverable: %v", tc.d, !tc.want)
		}
	}
}

func TestOutcomesDifferInEveryPart(t *testing.T) {
	c := newCompany()
	decide := func() Decision { return Decide(c.p, c.w, ownedBy("b"), noon) }
	for name, bend := range map[string]func(d *Decision){
		"a name": func(d *Decision) { d.Candidates[0].Account = "x" }, "the owner": func(d *Decision) { d.Candidates[1].Owner = false },
		"who is asked about": func(d *Decision) { d.Candidates[0].Asked = true }, "a cell": func(d *Decision) { d.Candidates[2].Cells[Capacity] = passedWith(CodeCapacityFinishing) },
		"the message": func(d *Decision) { d.Message[SystemHealth] = block(CodeSystemHealthDisk) }, "a candidate": func(d *Decision) { d.Candidates = d.Candidates[:2] },
	} {
		a, b := decide(), decide()
		if !OutcomesEqual(&a, &b) {
			t.Fatal("the same decision has other outcomes")
		}
		if bend(&b); OutcomesEqual(&a, &b) {
			t.Errorf("%s differs, and is not seen", name)
		}
	}
}

func TestWhatRulesTookEffectIsToldInTheirOrder(t *testing.T) {
	c := newCompany()
	c.p.Filters = []Filter{{Name: "x", Action: FilterTag, Tag: "t"}, {Name: "not", Action: FilterReject}, {Name: "b", Action: FilterTag, Tag: "t"}, {Name: "a", Action: FilterAllow}, {Name: "late", Action: FilterReject}}
	m := customer()
	m.Matched = []string{"late", "a", "b", "x"}
	if d := Decide(c.p, c.w, m, noon); !slices.Equal(d.Applied, []string{"x", "b", "a"}) || d.Rule != "a" || !slices.Equal(d.Tags, []string{"t"}) {
		t.Errorf("applied %v, tags %v, decided by %q", d.Applied, d.Tags, d.Rule)
	}
}

func TestASummaryNamesTheOwnerAndTheRuleWhereTheyMatter(t *testing.T) {
	c := newCompany()
	c.agent("a").Connection = Connection{State: ConnectionNone, GraceUntil: noon.Add(20 * time.Second)}
	first := Decide(c.p, c.w, ownedBy("a"), noon)
	if got := first.Summary("en", shanghai); !strings.HasPrefix(got, "waits for its owner a until 12:00:20: connection lost a moment ago; 0/3") {
		t.Error(got)
	}
	c.p.Platform.State = Off
	c.p.Filters = []Filter{{Name: "allowed", Action: FilterAllow}}
	m := ownedBy("a")
	m.Matched = []string{"allowed"}
	stopped := Decide(c.p, c.w, m, noon)
	if got := stopped.Summary("en", shanghai); strings.Contains(got, "waits for its owner") || strings.Contains(got, "allowed") || !strings.HasPrefix(got, "push is switched off for the whole platform; ") {
		t.Error(got)
	}
}

func TestWithoutAScheduleEveryYearIsAnnounced(t *testing.T) {
	if s := (*Schedule)(nil); !s.Announced(noon) || !(&Schedule{}).Announced(noon) {
		t.Error("what follows no calendar is in doubt")
	}
}

// TestAnOpeningEndsWhereTheClockOnTheWallSaysSo: on 29 March in Berlin the clock goes from 02:00 to 03:00, at 01:00 UTC; on 25 October it shows 02:00 to
// 03:00 twice.
func TestAnOpeningEndsWhereTheClockOnTheWallSaysSo(t *testing.T) {
	berlin := zone("Europe/Berlin")
	spring, autumn := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC), time.Date(2026, 10, 24, 23, 30, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		spans []Span
		at    time.Time
		open  time.Duration
	}{
		{"over the hour that is skipped", []Span{{60, 300}}, spring, 150 * time.Minute},
		{"up to the hour that is skipped", []Span{{60, 120}}, spring, 30 * time.Minute},
		{"into the hour that is skipped", []Span{{60, 150}}, spring, 30 * time.Minute},
		{"two openings that the skipped hour joins", []Span{{60, 120}, {180, 300}}, spring, 150 * time.Minute},
		{"over the hour that comes twice", []Span{{60, 300}}, autumn, 270 * time.Minute},
		{"up to the hour that comes twice", []Span{{60, 120}}, autumn, 30 * time.Minute},
		{"up to its end, of the second one", []Span{{60, 180}}, autumn, 150 * time.Minute},
		{"into it: the first one ends, and the second begins", []Span{{60, 150}}, autumn, 60 * time.Minute},
	} {
		s := everyDay(berlin, tc.spans...)
		if end, ok := s.Close(tc.at); !ok || end.Sub(tc.at) != tc.open {
			t.Errorf("%s: it closes after %v, want %v", tc.name, end.Sub(tc.at), tc.open)
		}
	}
}

func TestManyCandidatesWithTheSameOutcomesAreWrittenAndReadBack(t *testing.T) {
	c := staff(200)
	for i := range c.inbox("web").Members {
		m := &c.inbox("web").Members[i]
		*m, c.agent(m.Account).Presence.Value = Member{Account: m.Account, Direct: true}, Away
		c.account(m.Account).Windows = nil
	}
	c.inbox("web").Capacity = 0
	d := Decide(c.p, c.w, customer(), noon)
	message, candidates, err := DecodeOutcomes(EncodeOutcomes(&d))
	if again := (Decision{Message: message, Candidates: candidates}); err != nil || !OutcomesEqual(&d, &again) {
		t.Errorf("%v, %d candidates", err, len(candidates))
	}
}

func TestEqualCountsComeInTheOrderOfTheGates(t *testing.T) {
	c := newCompany()
	c.p.Clients = map[string]*ClientRule{"console": {Minimum: versionOf("2")}}
	c.account("a").Total, c.agent("a").Live = 1, 1
	c.agent("b").Clients = []Client{NewClient("console", "1")}
	c.agent("c").Presence.Value = Away
	d := Decide(c.p, c.w, customer(), noon)
	_, _, counts := d.Tally()
	var gates []Gate
	for _, n := range counts {
		gates = append(gates, n.Gate)
	}
	if want := []Gate{PresenceGate, ClientVersion, Capacity}; !slices.Equal(gates, want) {
		t.Errorf("%v, want %v", gates, want)
	}
}

// TestAWindowWithoutAScheduleIsAlwaysOpen, and so the next opening is that of the other windows.
func TestAWindowWithoutAScheduleIsAlwaysOpen(t *testing.T) {
	c := newCompany()
	c.account("a").Windows = []*Schedule{nil}
	c.inbox("web").Members[0] = Member{Account: "a", Teams: []Team{{Name: "t", Windows: []*Schedule{weekdays(14, 18)}}}}
	if got := c.cell(t, customer(), "a", WindowAgent, noon); got != waits(CodeWindowAgentTeamClosed, at(14, 0)) {
		t.Errorf("%+v", got)
	}
}
