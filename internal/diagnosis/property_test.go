package diagnosis

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// A history takes milliseconds, and an order of magnitude more with the race detector: by default draw fewer than usual. -rapid.checks draws more.
func init() {
	if err := flag.Lookup("rapid.checks").Value.Set("40"); err != nil {
		panic(err)
	}
}

// onRandomHistories checks what must hold of every report on companies with a random past.
func onRandomHistories(t *testing.T, checks ...func(rt *rapid.T, c *company)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		c := randomCompany(t, rt)
		for _, check := range checks {
			check(rt, c)
		}
	})
}

func TestFixesFlipAndNothingLessDoes(t *testing.T) {
	onRandomHistories(t, fixesFlipAndNothingLessDoes)
}

func TestTheCauseIsTheChangeThatMakesTheDifference(t *testing.T) {
	onRandomHistories(t, theCauseIsTheChangeThatMakesTheDifference)
}

func TestThePresentAskedAsAnInstantIsTheSame(t *testing.T) {
	onRandomHistories(t, thePresentAskedAsAnInstantIsTheSame)
}

func TestReportsAreWholeAndTellNoSecrets(t *testing.T) {
	onRandomHistories(t, theVerdictFollowsFromTheChecks, anAgentIsNeverToldAccountNamesOfOthers, everyMessageHasAnAnswerForEverybody)
}

// randomCompany draws a company with a past: settings changed at random by two people, facts in between.
func randomCompany(t *testing.T, rt *rapid.T) *company {
	c := newCompany(t, companyYAML+`
---
kind: schedule
name: late
spec: {title: 晚班, zone: Europe/Berlin, weekly: [{days: [fri, sat], from: "12:00", to: "03:00"}]}
---
kind: role
name: plain
spec: {permissions: [receive, receive.customer, message.reply]}
---
kind: team
name: spare
spec: {title: 备用组}
`)
	c.work("agent-a", "agent-b", "agent-c")
	for range rapid.IntRange(1, 14).Draw(rt, "steps") {
		by := rapid.SampledFrom([]string{"admin", "supervisor-b"}).Draw(rt, "by")
		c.wait(time.Duration(rapid.IntRange(1, 300).Draw(rt, "minutes")) * time.Minute)
		if e, ok := randomEdit(c, rt); ok {
			if err := c.try(&governance.Apply{Base: -1, Edits: []policy.Edit{e}, By: by, Source: "api"}); err != nil {
				continue
			}
		} else {
			randomFact(c, rt, by)
		}
	}
	c.wait(time.Duration(rapid.IntRange(0, 600).Draw(rt, "minutes")) * time.Minute)
	return c
}

func randomEdit(c *company, rt *rapid.T) (policy.Edit, bool) {
	set := c.l.Policy()
	a, _ := set.Account("agent-a")
	web, _ := set.Inbox("web")
	some := func(label string, from ...string) []string {
		var list []string
		for _, name := range from {
			if rapid.Bool().Draw(rt, label) {
				list = append(list, name)
			}
		}
		return list
	}
	grants := func(label string) []policy.Grant {
		var list []policy.Grant
		for _, p := range some(label, "receive", "receive.customer", "receive.group", "message.reply") {
			g := policy.Grant{Permission: p}
			if rapid.Bool().Draw(rt, "ends") {
				g.Until = c.now.Add(time.Duration(rapid.IntRange(-5, 15).Draw(rt, "hours")) * time.Hour)
			}
			list = append(list, g)
		}
		return list
	}
	until := func() string {
		return c.now.Add(time.Duration(rapid.IntRange(1, 15).Draw(rt, "hours")) * time.Hour).Format(time.RFC3339)
	}
	account := func() (policy.Edit, bool) {
		return policy.Edit{Kind: "account", Name: "agent-a", Spec: marshal(a)}, true
	}
	switch rapid.IntRange(0, 22).Draw(rt, "what") {
	case 0:
		a.Deny = grants("deny")
		return account()
	case 1:
		a.Allow = grants("allow")
		return account()
	case 2:
		a.Roles = some("roles", "agent", "clerk", "plain")
		return account()
	case 3:
		a.State, a.StateUntil = rapid.SampledFrom([]string{"active", "frozen", "disabled", "left"}).Draw(rt, "state"), time.Time{}
		if a.State == "frozen" && rapid.Bool().Draw(rt, "ends") {
			a.StateUntil = c.now.Add(time.Duration(rapid.IntRange(1, 15).Draw(rt, "hours")) * time.Hour)
		}
		return account()
	case 4:
		a.Windows = some("windows", "day", "late")
		return account()
	case 5:
		a.Capacity.Total = rapid.IntRange(0, 2).Draw(rt, "limit")
		return account()
	case 6:
		a.Expires = c.now.Add(time.Duration(rapid.IntRange(-5, 15).Draw(rt, "hours")) * time.Hour)
		return account()
	case 7:
		web.Members.Accounts, web.Members.Teams = some("members", "agent-a", "agent-b"), some("teams", "shift", "spare")
		return policy.Edit{Kind: "inbox", Name: "web", Spec: marshal(web)}, true
	case 8:
		web.Hours = rapid.SampledFrom([]string{"", "day", "late"}).Draw(rt, "hours")
		return policy.Edit{Kind: "inbox", Name: "web", Spec: marshal(web)}, true
	case 9:
		name := rapid.SampledFrom([]string{"shift", "spare"}).Draw(rt, "team")
		return policy.Edit{Kind: "team", Name: name, Spec: marshal(policy.TeamSpec{
			Members: some("members", "agent-a", "agent-b", "agent-c"), Windows: some("windows", "day", "late"),
		})}, true
	case 10:
		from := rapid.IntRange(0, 22).Draw(rt, "from")
		to := rapid.IntRange(from+1, 23).Draw(rt, "to")
		return edit("schedule", "day", fmt.Sprintf(`{"zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"%02d:00","to":"%02d:00"}]}`, from, to)), true
	case 11:
		spec := rapid.SampledFrom([]string{`{"state":"on"}`, `{"state":"off"}`, `{"state":"paused"}`, `{"state":"paused","until":"` + until() + `"}`}).Draw(rt, "switch")
		return edit("switch", rapid.SampledFrom([]string{"platform", "inbox.web", "account.agent-a"}).Draw(rt, "name"), spec), true
	case 12:
		return policy.Edit{Kind: "role", Name: "clerk", Spec: marshal(policy.RoleSpec{
			Template: "agent", Permissions: append([]string{"presence.set"}, some("permissions", "receive", "receive.customer", "receive.group", "message.reply")...),
		})}, true
	case 13:
		return randomMaintenance(c, rt)
	case 14:
		name := rapid.SampledFrom([]string{"platform", "inbox.web", "account.agent-a"}).Draw(rt, "name")
		return edit("switch", name, fmt.Sprintf(`{"state":"limited","per_minute":%d}`, rapid.IntRange(1, 2).Draw(rt, "per minute"))), true
	case 15:
		spec := rapid.SampledFrom([]string{`{"minimum":"1.0"}`, `{"minimum":"1.1"}`, `{"blocked":["1.0"]}`}).Draw(rt, "client")
		return edit("client", rapid.SampledFrom([]string{"test", "any"}).Draw(rt, "name"), spec), true
	}
	return policy.Edit{}, false
}

// randomMaintenance plans a window that is under way or soon will be, changes it, or calls it off.
func randomMaintenance(c *company, rt *rapid.T) (policy.Edit, bool) {
	if _, planned := c.l.Policy().Maintenance("work"); planned && rapid.Bool().Draw(rt, "off") {
		return policy.Edit{Kind: "maintenance", Name: "work"}, true
	}
	from := c.now.Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "hours")) * time.Hour)
	spec := policy.MaintenanceSpec{From: from, Until: from.Add(time.Duration(rapid.IntRange(1, 12).Draw(rt, "hours")) * time.Hour)}
	spec.Inboxes = rapid.SampledFrom([][]string{nil, {"web"}, {"shop"}, {"web", "shop"}}).Draw(rt, "inboxes")
	spec.Kinds = rapid.SampledFrom([][]string{nil, {"customer"}, {"group"}}).Draw(rt, "kinds")
	if rapid.Bool().Draw(rt, "announced") {
		spec.Announcement = &policy.Announcement{EN: "work", To: policy.Audience{Accounts: []string{"agent-b"}, Teams: []string{"shift"}}}
	}
	return policy.Edit{Kind: "maintenance", Name: "work", Spec: marshal(spec)}, true
}

func randomFact(c *company, rt *rapid.T, by string) {
	conversations := func() int64 {
		if len(c.posted) == 0 {
			return 0
		}
		id, _ := conversation.ParseID('m', rapid.SampledFrom(c.posted).Draw(rt, "message")) // the first of a conversation has its number
		return id
	}
	agents := rapid.SampledFrom([]string{"agent-a", "agent-b"})
	switch rapid.IntRange(0, 12).Draw(rt, "fact") {
	case 7: // these may be refused
		_ = c.try(&conversation.Transfer{Conversation: conversations(), To: agents.Draw(rt, "to"), By: by, Others: true})
	case 8:
		_ = c.try(&conversation.Accept{Conversation: conversations(), Account: agents.Draw(rt, "agent"), By: by})
	case 9:
		_ = c.try(&conversation.GiveBack{Conversation: conversations(), By: by, Others: true})
	case 10:
		_ = c.try(&conversation.Resolve{Conversation: conversations(), By: by, Others: true})
	case 11:
		c.start()
	case 0:
		c.presence(rapid.SampledFrom([]string{"agent-a", by}).Draw(rt, "who"), "agent-a", rapid.SampledFrom([]string{"available", "away", "dnd", "offline"}).Draw(rt, "presence"))
	case 1:
		c.disconnect("agent-a", rapid.SampledFrom([]string{"closed_by_client", "stale", "unresponsive"}).Draw(rt, "cause"))
	case 2:
		c.do(&identity.EndSessions{Account: "agent-a", Asked: identity.Asked{By: by, Source: "api"}})
	case 3:
		c.do(&identity.RevokeTokens{Account: "agent-a", Asked: identity.Asked{By: by, Source: "api"}})
	case 4, 5, 6:
		c.post("web", rapid.SampledFrom([]string{"customer", "group"}).Draw(rt, "kind"), rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "contact"))
	default:
		c.receive("agent-a")
	}
}

func (c *company) run(q Query) (*run, *Report, error) {
	r := &run{s: c.s, q: q, ctx: context.Background(), asker: "admin"}
	report, err := r.diagnose()
	return r, report, err
}

func fixesFlipAndNothingLessDoes(rt *rapid.T, c *company) {
	r, _, err := c.run(Query{Agent: "agent-a"})
	if err != nil {
		rt.Fatal(err)
	}
	whole := true
	for _, f := range r.findings {
		// Who was never meant to receive at all is not asked which kinds.
		whole = whole && !(f.code == reception.CodePermissionKindParentOff && f.expected)
		if f.root != nil || !f.decides() {
			continue
		}
		whole = whole && f.fix != nil && f.fix.Verified && !strings.Contains(fmt.Sprint(f.fix.Actions), "wait_until")
		if f.fix == nil || !f.fix.Verified || len(f.steps) == 0 {
			continue
		}
		n := len(f.steps)
		for chosen := range 1 << n {
			var steps []step
			for i, s := range f.steps {
				if chosen&(1<<i) != 0 {
					steps = append(steps, s)
				}
			}
			if flips := flips(rt, r, f, steps); flips != (chosen == 1<<n-1) {
				rt.Fatalf("%s: %d of %d steps (%b): flips is %v", f.code, len(steps), n, chosen, flips)
			}
		}
	}
	if whole && len(r.cells) > 0 && !r.nowhere && !r.report.Mended {
		rt.Fatalf("every root has a verified fix, but together they do not mend the scope:\n%s", show(r.report))
	}
}

// flips says whether steps on the whole policy make the finding's gate, and what settings make follow from it, pass in all of its cells.
func flips(rt *rapid.T, r *run, f *finding, steps []step) bool {
	d := newDrafts(r.m.set)
	for _, s := range steps {
		s.apply(d)
	}
	after, _, err := r.m.set.Apply(r.m.revision+1, d.edits())
	if err != nil {
		return false
	}
	p := after.Compile()
	for _, i := range f.cells {
		v := reception.Explain(p, r.m.world, r.cells[i].inbox, r.cells[i].kind, r.q.Agent, r.m.now)
		if !f.passes(p, r, i, &v) || !r.follow(f, i, &v, readsSettings) {
			return false
		}
	}
	return true
}

func theCauseIsTheChangeThatMakesTheDifference(rt *rapid.T, c *company) {
	r, _, err := c.run(Query{Agent: "agent-a"})
	if err != nil {
		rt.Fatal(err)
	}
	for _, f := range r.findings {
		if !f.decides() || f.stage == stageIntake || f.cause.origin != nil {
			continue
		}
		for _, i := range f.cells {
			if want := naiveCause(rt, c, r, f, &r.cells[i]); want != f.cause.row.Revision {
				rt.Fatalf("%s in %s/%s: changed in %d, want %d", f.code, r.cells[i].inbox, r.cells[i].kind, f.cause.row.Revision, want)
			}
		}
		if f.cause.row.Revision != 0 && f.cause.since.IsZero() || f.cause.since.After(r.m.now) {
			rt.Fatalf("%s since %v", f.code, f.cause.since)
		}
	}
}

// naiveCause looks at the whole policy of every revision.
func naiveCause(rt *rapid.T, c *company, r *run, f *finding, at *cell) int64 {
	g := f.gate
	now := at.vector[g]
	x := f.part
	if !f.masked {
		x = r.shown(g, at)
	}
	for revision := r.m.revision; revision > 0; revision-- {
		rows, err := c.store.DocumentsAt(context.Background(), revision-1)
		if err != nil {
			rt.Fatal(err)
		}
		set, err := ledger.PolicyOf(rows, revision-1)
		if err != nil {
			rt.Fatal(err)
		}
		v := reception.Explain(set.Compile(), r.m.world, at.inbox, at.kind, "agent-a", r.m.now)
		p := set.Compile()
		sign, holds := x.look(p, "agent-a", at.inbox, r.m.now)
		is, _ := x.look(r.m.policy, "agent-a", at.inbox, r.m.now)
		_, account := set.Account("agent-a")
		in := p.Inboxes[at.inbox]
		switch {
		case g == reception.WindowAgent && x.lens == throughTeamWindow && (in == nil || in.Member("agent-a") == nil), g == reception.WindowAgent && !account,
			g == reception.WindowInbox && in == nil, g == reception.Capacity && (in == nil || !account):
			return 0
		case g == reception.WindowAgent:
			if holds {
				return revision
			}
		case g == reception.WindowInbox || g == reception.Capacity:
			if !v[g].Outcome.Stops() {
				return revision
			}
		case x.lens != throughGate:
			if sign != is {
				return revision
			}
		default:
			if v[g].Outcome != now.Outcome || v[g].Code != now.Code {
				return revision
			}
		}
	}
	return 0
}

func thePresentAskedAsAnInstantIsTheSame(rt *rapid.T, c *company) {
	_, live, err := c.run(Query{Agent: "agent-a"})
	if err != nil {
		rt.Fatal(err)
	}
	_, past, err := c.run(Query{Agent: "agent-a", At: c.now})
	if err != nil {
		rt.Fatal(err)
	}
	for _, r := range []*Report{live, past} { // who waits in an inbox is known of the present only
		r.Checks = slices.DeleteFunc(r.Checks, func(c Check) bool { return c.Gate == stageQueue })
	}
	a, _ := json.MarshalIndent(live, "", " ")
	b, _ := json.MarshalIndent(past, "", " ")
	if string(a) != string(b) {
		x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
		for i := 0; i < min(len(x), len(y)); i++ {
			if x[i] != y[i] {
				rt.Fatalf("line %d: now\n%s\nas an instant\n%s", i, strings.Join(x[max(0, i-9):min(len(x), i+9)], "\n"), strings.Join(y[max(0, i-9):min(len(y), i+9)], "\n"))
			}
		}
		rt.Fatalf("%d and %d lines", len(x), len(y))
	}
}

func everyMessageHasAnAnswerForEverybody(rt *rapid.T, c *company) {
	c.post("web", "customer", "x")
	for _, m := range c.posted {
		for _, agent := range []string{"agent-a", "agent-b", "supervisor-b"} {
			r, report, err := c.run(Query{Agent: agent, Message: m})
			if err != nil {
				rt.Fatalf("%s for %s: %v", m, agent, err)
			}
			has := len(r.entries) > 0 && r.entries[0].State != ledger.Withdrawn
			arrived := has && !r.entries[0].ReceivedAt.IsZero()
			inFlight := has && c.now.Sub(r.entries[0].At) < 2*pushPatience
			if (report.Verdict == Receiving) != (arrived || inFlight) {
				rt.Fatalf("%s for %s is %s, but arrived %v, in flight %v:\n%s", m, agent, report.Verdict, arrived, inFlight, show(report))
			}
			if len(report.Findings) == 0 || !report.Findings[0].Primary {
				rt.Fatalf("%s for %s has no primary finding: %s", m, agent, show(report))
			}
			tells(rt, report, "秘密", "secret text", "张三丰")
		}
	}
}

func anAgentIsNeverToldAccountNamesOfOthers(rt *rapid.T, c *company) {
	queries := []Query{{Agent: "agent-b"}, {Agent: "agent-b", At: c.now.Add(-10 * time.Minute)}}
	for _, m := range c.posted {
		queries = append(queries, Query{Agent: "agent-b", Message: m})
	}
	for _, q := range queries {
		report, err := c.s.Diagnose(context.Background(), "agent-b", q)
		if problem.KindOf(err) == problem.Invalid && !q.At.IsZero() {
			continue // before the records begin
		}
		if err != nil {
			rt.Fatal(err)
		}
		tells(rt, report, "agent-a", "agent-c", "supervisor-b", "秘密", "张三丰")
	}
}

// tells fails where a report contains what it must not tell.
func tells(rt *rapid.T, r *Report, secrets ...string) {
	text, err := json.Marshal(r)
	if err != nil {
		rt.Fatal(err)
	}
	for _, s := range secrets {
		if strings.Contains(string(text), s) {
			rt.Fatalf("the report tells %q: %s", s, text)
		}
	}
}

func theVerdictFollowsFromTheChecks(rt *rapid.T, c *company) {
	r, report, err := c.run(Query{Agent: "agent-a"})
	if err != nil {
		rt.Fatal(err)
	}
	stops, primaries := 0, 0
	for i := range r.cells {
		if r.cells[i].vector.First() != reception.GateCount {
			stops++
		}
	}
	for _, f := range report.Findings {
		if f.Primary {
			primaries++
			if f.ConsequenceOf != nil {
				rt.Fatalf("the primary finding is a consequence: %s", show(report))
			}
		}
	}
	if len(report.Findings) > 0 && primaries != 1 {
		rt.Fatalf("%d primary findings", primaries)
	}
	if (report.Verdict == Blocked || report.Verdict == Waiting) && stops != len(r.cells) {
		rt.Fatalf("%s, but only %d of %d cells are stopped", report.Verdict, stops, len(r.cells))
	}
	if (report.Verdict == Receiving || report.Verdict == NoTraffic) && stops == len(r.cells) {
		rt.Fatalf("%s, but every cell is stopped", report.Verdict)
	}
	if report.Headline.ZH == "" || report.Headline.EN == "" || strings.ContainsAny(report.Headline.ZH+report.Headline.EN, "{}") {
		rt.Fatalf("headline %+v", report.Headline)
	}
}
