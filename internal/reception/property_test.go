package reception

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The instants that random companies are made of: switches end, windows open and absences are over exactly at some of those that are decided for.
var instants = func() (all []time.Time) {
	for day := range 4 {
		for _, minute := range []int{0, 9 * 60, 12*60 + 15, 18 * 60} {
			all = append(all, time.Date(2026, 3, 27+day, 0, minute, 0, 0, time.UTC))
		}
	}
	return all
}()

// schedulePool has schedules of several zones and shapes; daylight saving begins in Berlin on one of the days that are decided for.
var schedulePool = func() []*Schedule {
	office, berlin, newYork := weekdays(9, 18), zone("Europe/Berlin"), zone("America/New_York")
	withDates := weekdays(9, 18)
	withDates.Dates = map[Date][]Span{{2026, 3, 27}: {}, {2026, 3, 28}: {{600, 720}}, {2026, 3, 30}: {{1200, 1800}}}
	festive := everyDay(shanghai, Span{8 * 60, 20 * 60})
	festive.Weekly[time.Sunday], festive.Weekly[time.Monday] = []Span{{10 * 60, 12 * 60}}, []Span{{9 * 60, 12*60 + 15}, {14 * 60, 30 * 60}}
	festive.MakeUp, festive.Calendar = time.Monday, &Calendar{Years: map[int]bool{2026: true}, Days: map[Date]CalendarDay{
		{2026, 3, 27}: {Type: Holiday}, {2026, 3, 28}: {Type: MakeUpWorkday}, {2026, 3, 29}: {Type: MakeUpWorkday}}}
	unknownYear := everyDay(berlin, Span{9 * 60, 18 * 60})
	unknownYear.Calendar = &Calendar{Years: map[int]bool{2025: true}}
	extended := weekdays(9, 18)
	extended.Extra = []Interval{{instants[2], instants[5]}, {instants[9], instants[10]}}
	extended.Dates = map[Date][]Span{{2026, 3, 30}: {}}
	return []*Schedule{
		festive, unknownYear, extended,
		office, withDates, everyDay(berlin, Span{22 * 60, 30 * 60}), everyDay(berlin, Span{135, 195}, Span{8 * 60, 12 * 60}),
		everyDay(newYork, Span{9 * 60, 17 * 60}), everyDay(shanghai, Span{0, 1440}), {Location: shanghai}, nil,
	}
}()

// extensionPool is fixed, because the naive evaluator remembers what each schedule says at every quarter of a year.
var extensionPool = func() (all []*Schedule) {
	for i := range len(instants) - 3 {
		all = append(all, extension(instants[i], instants[i+1+i%3]))
	}
	return all
}()

var (
	somewhen  = rapid.SampledFrom(append([]time.Time{{}}, instants...))
	schedules = rapid.SampledFrom(schedulePool)
	people    = []string{"a", "b", "c", "d", "e", "f", "ghost"}
)

// often draws the usual value most of the time, so that random companies still have agents who can receive.
func often[T any](t *rapid.T, label string, usual T, others ...T) T {
	// Small numbers are drawn more often, and failures shrink towards 0: towards what is usual.
	if i := rapid.IntRange(0, 16+2*len(others)).Draw(t, label); i > 16 {
		return others[(i-17)/2]
	}
	return usual
}

func drawOverride(t *rapid.T) Override { return Override{Set: true, Until: somewhen.Draw(t, "until")} }

func drawRight(t *rapid.T, label string) Right {
	r := Right{Roles: []string{"agent"}, Template: true}
	switch often(t, label, "granted", "nothing", "template", "allow", "deny", "both") {
	case "nothing":
		r = Right{}
	case "template":
		r = Right{Template: true}
	case "allow":
		r = Right{Allow: drawOverride(t)}
	case "deny":
		r.Deny = drawOverride(t)
	case "both":
		r = Right{Allow: drawOverride(t), Deny: drawOverride(t)}
	}
	return r
}

func drawSwitch(t *rapid.T, label string) Switch {
	s := Switch{State: often(t, label, On, Off, Paused, Limited), Until: somewhen.Draw(t, label+" until")}
	if s.State == Limited {
		s.PerMinute = rapid.IntRange(1, 3).Draw(t, label+" per minute")
	}
	return s
}

func drawWindows(t *rapid.T, label string) []*Schedule {
	n := often(t, label, 0, 1, 2, 1)
	return rapid.SliceOfN(schedules, n, n).Draw(t, label)
}

func drawAccount(t *rapid.T, name string) *Account {
	if rapid.Bool().Draw(t, "an ordinary account") {
		a := receiver(name)
		a.Robot = rapid.Bool().Draw(t, "robot")
		a.Rights["receive.vip"] = granted()
		return a
	}
	a := &Account{Name: name, Agent: often(t, "agent", true, false), Rights: map[string]Right{}, Limits: map[string]int{}}
	a.State = often(t, "state", Active, StateInvalid, Invited, Disabled, Frozen, Frozen, Banned, Left, Expired)
	a.StateUntil = somewhen.Draw(t, "state until")
	a.Expires = often(t, "expires", time.Time{}, instants...)
	for _, permission := range []string{"receive", "receive.customer", "receive.vip", "receive.internal", "receive.system", "message.reply"} {
		a.Rights[permission] = drawRight(t, permission)
	}
	a.Windows = drawWindows(t, "windows")
	if often(t, "extended", false, true) {
		a.Extension = rapid.SampledFrom(extensionPool).Draw(t, "extension")
	}
	a.Total = often(t, "total", 0, 1, 3)
	if often(t, "own limit", false, true) {
		a.Limits["web"] = rapid.IntRange(0, 3).Draw(t, "limit")
	}
	a.Switch = drawSwitch(t, "account switch")
	return a
}

func drawInbox(t *rapid.T, name string, mode Mode) *Inbox {
	in := &Inbox{Name: name, Mode: mode, Hours: often(t, "hours", nil, schedulePool...), Capacity: often(t, "capacity", 0, 1, 3), Switch: drawSwitch(t, "inbox switch")}
	in.Strategy = rapid.SampledFrom([]Strategy{LeastLoaded, RoundRobin, Broadcast, Manual}).Draw(t, "strategy")
	in.Sticky = rapid.Bool().Draw(t, "sticky")
	in.Maintenance = drawMaintenance(t)
	for _, account := range people {
		if often(t, "member", true, false, false) {
			m := Member{Account: account, Direct: rapid.Bool().Draw(t, "direct")}
			for i := range rapid.IntRange(0, 2).Draw(t, "teams") {
				m.Teams = append(m.Teams, Team{Name: fmt.Sprint("team", i), Windows: drawWindows(t, "team windows")})
			}
			in.Members = append(in.Members, m)
		}
	}
	return in
}

// drawMaintenance draws windows that may overlap and adjoin, in the order in which a policy has them.
func drawMaintenance(t *rapid.T) []Maintenance {
	var list []Maintenance
	for range often(t, "maintenance", 0, 1, 3) {
		from := rapid.IntRange(0, len(instants)-2).Draw(t, "from")
		until := rapid.IntRange(from+1, min(from+4, len(instants)-1)).Draw(t, "until")
		list = append(list, Maintenance{From: instants[from], Until: instants[until], All: rapid.Bool().Draw(t, "all"),
			Kinds: rapid.SampledFrom([][]string{nil, {"customer"}, {"vip", "group"}}).Draw(t, "kinds")})
	}
	slices.SortFunc(list, func(a, b Maintenance) int { return a.From.Compare(b.From) })
	return list
}

func versionOf(text string) Version {
	v, _ := ParseVersion(text)
	return v
}

func drawClients(t *rapid.T) map[string]*ClientRule {
	rules := map[string]*ClientRule{}
	version := rapid.SampledFrom(naiveVersions)
	for _, name := range []string{"console", "any"} {
		if often(t, "client rule", false, true) {
			rule := &ClientRule{}
			if rapid.Bool().Draw(t, "minimum") {
				rule.Minimum = versionOf(version.Draw(t, "minimum version"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "blocked") {
				rule.Blocked = append(rule.Blocked, versionOf(version.Draw(t, "blocked version")))
			}
			rules[name] = rule
		}
	}
	return rules
}

func drawOpenClients(t *rapid.T) (list []Client) {
	for range rapid.IntRange(0, 2).Draw(t, "clients") {
		c := Client{Name: rapid.SampledFrom([]string{"console", "listen", ""}).Draw(t, "client"),
			Text: rapid.SampledFrom(append([]string{"dev", ""}, naiveVersions...)).Draw(t, "version")}
		c.Version = versionOf(c.Text)
		c.Notice = Notice(rapid.IntRange(0, int(NoticeFull)).Draw(t, "notice"))
		list = append(list, c)
	}
	return list
}

func drawRates(t *rapid.T) map[string]Rate {
	rates := map[string]Rate{}
	for _, name := range []string{"platform", "inbox.web", "inbox.mail", "account.a", "account.b"} {
		if rapid.Bool().Draw(t, "rate") {
			rates[name] = Rate{Used: rapid.IntRange(1, 3).Draw(t, "used"), Until: rapid.SampledFrom(instants).Draw(t, "refill")}
		}
	}
	return rates
}

func drawPolicy(t *rapid.T) *Policy {
	p := &Policy{Accounts: map[string]*Account{}, Inboxes: map[string]*Inbox{}, Platform: drawSwitch(t, "platform"), Clients: drawClients(t)}
	for _, name := range people[:6] {
		p.Accounts[name] = drawAccount(t, name)
	}
	p.Filters = drawFilters(t)
	p.Inboxes["web"] = drawInbox(t, "web", Live)
	p.Inboxes["mail"] = drawInbox(t, "mail", Async)
	if rapid.Bool().Draw(t, "indexed") {
		p.Index()
	}
	return p
}

// drawFilters makes rules with names f0, f1, … in an order that is not that of their names.
func drawFilters(t *rapid.T) []Filter {
	names := rapid.Permutation([]string{"f0", "f1", "f2", "f3"}).Draw(t, "filters")
	list := make([]Filter, rapid.IntRange(0, len(names)).Draw(t, "number of filters"))
	for i := range list {
		list[i] = Filter{
			Name: names[i], Action: rapid.SampledFrom([]FilterAction{FilterTag, FilterAllow, FilterQuarantine, FilterReject}).Draw(t, "action"),
			Inboxes: often(t, "filter's inboxes", nil, []string{"web"}, []string{"mail", "gone"}), Kinds: often(t, "filter's kinds", nil, []string{"vip"}, []string{"internal", "customer"}),
			Tag: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "tag"),
		}
	}
	return list
}

func drawFacts(t *rapid.T) *facts {
	w := &facts{agents: map[string]*Agent{}, rates: drawRates(t)}
	if often(t, "healthy", true, false) {
		w.failures = nil
	} else {
		w.failures = []Failure{{Component: rapid.SampledFrom([]string{"store", "disk", "clock", "worker"}).Draw(t, "failure")}}
	}
	for _, name := range people[:6] {
		a := &Agent{Account: name}
		a.Session.State = often(t, "session", SessionActive, SessionUnknown, SessionNever, SessionEnded)
		a.Session.Origin.Cause = rapid.SampledFrom([]string{"token_revoked", "expired", "ended", "signed_out", "account"}).Draw(t, "end")
		a.Presence = Presence{Value: often(t, "presence", Available, PresenceUnknown, Away, DoNotDisturb, Offline), Until: somewhen.Draw(t, "presence until"),
			GraceUntil: somewhen.Draw(t, "presence grace"), Origin: Origin{Cause: rapid.SampledFrom([]string{"self", "idle", "never_set"}).Draw(t, "presence cause")}}
		a.Connection.State = often(t, "connection", ConnectionOpen, ConnectionUnknown, ConnectionNone, ConnectionUnresponsive, ConnectionStale)
		a.Connection.GraceUntil = somewhen.Draw(t, "connection grace")
		a.Connection.Origin.Cause = rapid.SampledFrom([]string{"", "never", "closed_by_client", "broken", "closed_by_server", "stale", "lost_with_process", "session_ended"}).Draw(t, "connection cause")
		a.Clients = drawOpenClients(t)
		a.Live = rapid.IntRange(0, 3).Draw(t, "live")
		for _, inbox := range []string{"web", "mail"} {
			share := Share{inbox, rapid.IntRange(0, 3).Draw(t, "load"), int64(rapid.IntRange(0, 3).Draw(t, "turn"))}
			a.Shares = WithShare(a.Shares, share)
		}
		w.agents[name] = a
	}
	return w
}

func drawNames(t *rapid.T, label string) []string {
	var names []string
	for _, name := range people {
		if rapid.Bool().Draw(t, label) {
			names = append(names, name)
		}
	}
	return names
}

// messages are many messages for one company: everything that the engine tells apart.
func messages(t *rapid.T) (all []Message) {
	passedOver, asked := drawNames(t, "passed over"), rapid.SampledFrom(append([]string{""}, people...)).Draw(t, "asked")
	last := rapid.SampledFrom(append([]string{""}, people...)).Draw(t, "last owner")
	named := drawNames(t, "directed")
	snoozed := often(t, "snoozed", time.Time{}, instants...)
	slices.Reverse(named)
	matched := [][]string{{"f0"}, {"f3", "f1"}, {"f0", "f1", "f2", "f3"}, {"f2", "unknown"}}
	for _, inbox := range []string{"web", "mail", "gone"} {
		for _, kind := range []string{"customer", "vip"} {
			all = append(all, Message{Inbox: inbox, Kind: kind, LastOwner: last}, Message{Inbox: inbox, Kind: kind, Asked: asked},
				Message{Inbox: inbox, Kind: kind, LastOwner: last, Conversation: &Conversation{PassedOver: passedOver, SnoozedUntil: snoozed}})
			for _, owner := range people {
				all = append(all, Message{Inbox: inbox, Kind: kind, Asked: asked, Conversation: &Conversation{Owner: owner, PassedOver: passedOver, SnoozedUntil: snoozed}})
			}
		}
	}
	for _, inbox := range []string{"web", "mail", ""} {
		for _, owner := range []string{"", "a", "ghost"} {
			conversation := &Conversation{Owner: owner, SnoozedUntil: snoozed}
			all = append(all, Message{Inbox: inbox, Kind: "internal", Directed: named, Asked: asked, Conversation: conversation},
				Message{Inbox: inbox, Kind: "auto_reply", Conversation: conversation}, Message{Inbox: inbox, Kind: "customer", Directed: []string{"b", "a", "b"}, Conversation: conversation})
		}
		all = append(all, Message{Inbox: inbox, Kind: "system", Directed: named, Notice: true})
	}
	for i := range all {
		if i%4 == 1 { // the others match nothing, as most do
			all[i].Matched = matched[i/4%len(matched)]
			all[i].Released = i%12 == 5
		}
	}
	return all
}

// cases is how many (policy, message, agent) are decided twice; `make fuzz-long` asks for more.
var cases = flag.Int("cases", ordinaryCases, "how many cases the engine and the naive evaluator are compared on, at least")

func TestTheEngineAgreesWithANaiveEvaluatorAndKeepsItsPromises(t *testing.T) {
	checks, done := 0, 0
	for done < *cases && !t.Failed() {
		before := done
		rapid.Check(t, func(t *rapid.T) { done += compareOneCompany(t); checks++ })
		if done == before {
			t.Fatal("no case was decided: the generator has dried up")
		}
	}
	if t.Logf("%d cases in %d companies", done, checks); done < 200*instantsEach*checks {
		t.Errorf("only %d cases in %d companies: the generator has dried up", done, checks)
	}
}

// compareOneCompany decides everything that the engine tells apart, in a random company, and says how many cases that were.
func compareOneCompany(t *rapid.T) (cases int) {
	p := drawPolicy(t)
	w := drawFacts(t)
	all := messages(t)
	memory := map[asked]time.Time{}
	for range instantsEach {
		now := rapid.SampledFrom(instants).Draw(t, "now").Add(rapid.SampledFrom([]time.Duration{0, -time.Microsecond, 7 * time.Minute}).Draw(t, "off"))
		for i := range all {
			d := Decide(p, w, all[i], now)
			cases += len(d.Candidates)
			if diff := difference(&d, naiveDecide(p, w, all[i], now, memory)); diff != "" {
				t.Fatalf("message %+v, conversation %+v, at %v: %s", all[i], all[i].Conversation, now, diff)
			}
			if broken := brokenPromise(p, w, all[i], now, &d); broken != "" {
				t.Fatalf("message %+v, conversation %+v, at %v: %s", all[i], all[i].Conversation, now, broken)
			}
		}
	}
	return cases
}

// difference says where the engine and the naive evaluator differ, "" if nowhere.
func difference(d *Decision, v verdictOf) string {
	for _, f := range []struct {
		what      string
		got, want string
	}{
		{"verdict", d.Verdict.String(), v.verdict}, {"code", d.Code.String(), v.code}, {"released", d.Released, v.released},
		{"rule", d.Rule, v.rule}, {"tags", strings.Join(d.Tags, " "), strings.Join(v.tags, " ")},
		{"released for", d.ReleasedFor.String(), v.releasedFor}, {"held", d.Held, v.held},
	} {
		if f.got != f.want {
			return fmt.Sprintf("%s: engine %q, naive %q", f.what, f.got, f.want)
		}
	}
	switch {
	case !slices.Equal(d.Chosen, v.chosen):
		return fmt.Sprintf("chosen: engine %v, naive %v", d.Chosen, v.chosen)
	case d.Recycled != v.recycled:
		return fmt.Sprintf("recycled: engine %v, naive %v", d.Recycled, v.recycled)
	case !sameEnd(d.Until, v.until):
		return fmt.Sprintf("until: engine %v, naive %v", time.UnixMicro(d.Until), v.until)
	case len(d.Candidates) != len(v.names):
		return fmt.Sprintf("candidates: engine %v, naive %v", d.Candidates, v.names)
	}
	for _, g := range gatesOfMessage {
		i, _ := ParseGate(g)
		if got, want := d.Message[i], v.message[g]; !sameCell(got, want) {
			return fmt.Sprintf("message's %s: engine %v, naive %v", g, got, want)
		}
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if c.Account != v.names[i] {
			return fmt.Sprintf("candidate %d: engine %v, naive %v", i, c.Account, v.names[i])
		}
		if want, ok := v.scores[c.Account]; ok && !c.Asked && c.Score != want {
			return fmt.Sprintf("score of %s: engine %v, naive %v", c.Account, c.Score, want)
		}
		for g, got := range c.Cells {
			if want := v.cells[c.Account][Gate(g).String()]; !sameCell(got, want) {
				return fmt.Sprintf("%s of %s: engine %v, naive %v", Gate(g), c.Account, got, want)
			}
		}
	}
	return ""
}

func sameCell(c Cell, s said) bool {
	return c.Outcome.String() == s.outcome && c.Code.String() == s.code && sameEnd(c.Until, s.until)
}

func sameEnd(micros int64, end time.Time) bool {
	if end.IsZero() {
		return micros == 0
	}
	return micros == end.UnixMicro()
}

// same says whether two decisions are equal in everything.
func same(a, b *Decision) bool {
	return a.Verdict == b.Verdict && a.Kind == b.Kind && a.At.Equal(b.At) && a.Scored == b.Scored && a.Code == b.Code && slices.Equal(a.Chosen, b.Chosen) &&
		a.Released == b.Released && a.ReleasedFor == b.ReleasedFor && a.Held == b.Held && a.Recycled == b.Recycled && a.Until == b.Until &&
		a.Message == b.Message && a.Rule == b.Rule && slices.Equal(a.Tags, b.Tags) && slices.Equal(a.Applied, b.Applied) && slices.Equal(a.Candidates, b.Candidates)
}

// brokenPromise looks for what must hold of every decision, whatever the rules are.
func brokenPromise(p *Policy, w *facts, m Message, now time.Time, d *Decision) string {
	can, all, counts := d.Tally()
	sum := can
	for _, c := range counts {
		sum += c.Agents
	}
	switch {
	case sum != all:
		return fmt.Sprintf("%d can and %v are not %d", can, counts, all)
	case d.Deliverable() != (len(d.Chosen) > 0):
		return "deliverable, yet nobody chosen"
	case d.Released != "" && slices.Contains(d.Chosen, d.Released):
		return "the released owner has it again"
	case d.Verdict == Waiting && len(d.Chosen) > 0, d.Verdict == NotDecided, d.Code == 0:
		return "verdict, code and chosen do not fit"
	case d.Until != 0 && d.Until <= now.UnixMicro():
		return "it waits for the past"
	}
	// Once with the index and once without: neither that nor doing it twice may make a difference.
	other := &Policy{Accounts: p.Accounts, Inboxes: p.Inboxes, Platform: p.Platform, Clients: p.Clients, Filters: p.Filters}
	if p.index == nil {
		other.Index()
	}
	if twice := Decide(other, w, m, now); !same(&twice, d) {
		return "deciding again gives something else"
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if broken := brokenVector(p, w, m, now, d, c); broken != "" {
			return c.Account + ": " + broken
		}
	}
	return brokenByAsking(p, w, m, now, d)
}

func brokenVector(p *Policy, w *facts, m Message, now time.Time, d *Decision, c *Candidate) string {
	chosen := slices.Contains(d.Chosen, c.Account)
	for g, cell := range c.Cells {
		switch gate := Gate(g); {
		case cell.Outcome == Undecided:
			return gate.String() + " is undecided"
		case cell.Outcome.Stops() && cell.Code == 0:
			return gate.String() + " stops without a code"
		case (cell.Outcome == Wait) != (cell.Until != 0):
			return gate.String() + " waits without an end"
		case cell.Code != 0 && Lookup(cell.Code).Gate != gate.String():
			return gate.String() + " says " + cell.Code.String()
		case gate.Advises() && (cell.Outcome == Block || cell.Outcome == Wait):
			return gate.String() + " does more than advise"
		case chosen && d.Verdict != Directed && c.Cells.Stopped(gate):
			return "chosen although " + gate.String() + " stops"
		case gate.AboutMessage() && cell != d.Message[g]:
			return gate.String() + " differs from the message's"
		}
	}
	if d.Verdict == Waiting && c.Cells.First() == GateCount {
		return "passes everything, and the message waits"
	}
	if m.Notice {
		return ""
	}
	entitled := Entitled(p, c.Account, m.Inbox, m.Kind, c.Owner && d.Verdict == Directed, now)
	var first Cell
	for _, g := range []Gate{AccountState, RoleReceive, PermissionKind, MembershipInbox} {
		if first = c.Cells[g]; first.Outcome.Stops() {
			break
		}
	}
	if entitled.Outcome.Stops() != first.Outcome.Stops() || entitled.Outcome.Stops() && entitled != first {
		return fmt.Sprintf("entitlement is %v, the gates say %v", entitled, first)
	}
	explained := Explain(p, w, m.Inbox, m.Kind, c.Account, now)
	directed := len(m.Directed) > 0 || !OwnsConversations(m.Kind)
	for g := Gate(0); g < ConversationGate && len(m.Matched) == 0 && (m.Conversation == nil || m.Conversation.Owner == "" || d.Released != "") && !directed; g++ {
		if explained[g] != c.Cells[g] && g != FilterGate { // what there is no message of cannot match anything
			return fmt.Sprintf("%s is explained as %v, decided as %v", g, explained[g], c.Cells[g])
		}
	}
	return ""
}

// brokenByAsking asks about an agent: that must add its explanation and change nothing else.
func brokenByAsking(p *Policy, w *facts, m Message, now time.Time, d *Decision) string {
	if m.Asked == "" {
		return ""
	}
	m.Asked = ""
	without := Decide(p, w, m, now)
	with := *d
	with.Candidates = slices.DeleteFunc(slices.Clone(d.Candidates), func(c Candidate) bool { return c.Asked })
	if !same(&with, &without) {
		return fmt.Sprintf("asking changed the decision: %v", without)
	}
	return ""
}

func TestAWaitingCellPassesOrChangesAtItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		w := drawFacts(t)
		now := rapid.SampledFrom(instants).Draw(t, "now").Add(-13 * time.Second)
		for _, inbox := range []string{"web", "mail"} {
			for _, account := range people {
				v := Explain(p, w, inbox, "customer", account, now)
				for g, cell := range v {
					if cell.Outcome != Wait {
						continue
					}
					before := Explain(p, w, inbox, "customer", account, time.UnixMicro(cell.Until-1))[g]
					then := Explain(p, w, inbox, "customer", account, time.UnixMicro(cell.Until))[g]
					if !before.Outcome.Stops() || then.Outcome.Stops() && Gate(g) != PermissionKind {
						t.Fatalf("%s of %s in %s waits until %v: a moment before it is %v, then %v", Gate(g), account, inbox, time.UnixMicro(cell.Until), before, then)
					}
				}
			}
		}
	})
}
