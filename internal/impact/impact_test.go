package impact

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

var people = []string{"a", "b", "c"}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// some picks a part of a list, never nothing if atLeast is 1.
func some(r *rand.Rand, atLeast int, of ...string) []string {
	n := atLeast + r.IntN(len(of)+1-atLeast)
	list := slices.Clone(of)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:n]
}

// company is a random policy for the desk: schedules, a team, two inboxes, rights, limits, switches.
func company(r *rand.Rand) string {
	var b strings.Builder
	hour := func() string { return fmt.Sprintf("%02d:00", 8+r.IntN(6)) }
	for _, name := range []string{"day", "late"} {
		fmt.Fprintf(&b, "\n---\n{kind: schedule, name: %s, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue], from: '%s', to: '%02d:30'}]}}", name, hour(), 14+r.IntN(8))
	}
	for _, a := range people {
		fmt.Fprintf(&b, "\n---\n{kind: account, name: %s, spec: {agent: true, roles: [agent]%s%s%s%s}}", a,
			pick(r, "", "", "", ", state: frozen, state_until: 2026-03-02T11:30:00+08:00"),
			pick(r, "", "", ", deny: [{permission: receive.customer}]", ", deny: [{permission: receive, until: 2026-03-02T12:10:00+08:00}]", ", deny: [{permission: message.reply}]"),
			pick(r, "", "", ", windows: [day]", ", windows: [late]"),
			pick(r, "", "", "", ", capacity: {total: 2}", ", capacity: {inboxes: {web: 1}}"))
	}
	fmt.Fprintf(&b, "\n---\n{kind: team, name: t, spec: {members: [%s]%s}}", strings.Join(some(r, 0, people...), ", "), pick(r, "", ", windows: [day]"))
	for _, in := range []string{"web", "shop"} {
		fmt.Fprintf(&b, "\n---\n{kind: inbox, name: %s, spec: {kinds: [customer, group], members: {accounts: [%s]%s}, routing: {strategy: %s%s}%s%s}}", in,
			strings.Join(some(r, 1, people...), ", "), pick(r, "", ", teams: [t]"), pick(r, "least_loaded", "least_loaded", "round_robin", "broadcast", "manual"),
			pick(r, "", ", sticky: true", ", accept_timeout: 1m"), pick(r, "", "", ", hours: day"), pick(r, "", "", ", capacity: 2"))
	}
	fmt.Fprintf(&b, "\n---\n{kind: maintenance, name: upkeep, spec: {inboxes: [%s], from: 2026-03-02T09:30:00+08:00, until: 2026-03-02T%s:00+08:00}}", pick(r, "web", "shop", "shop"), pick(r, "09:31", "10:10"))
	fmt.Fprintf(&b, "\n---\n{kind: client, name: console, spec: {minimum: %s}}", pick(r, "0.0.1", "0.0.1", "1.2.0"))
	fmt.Fprintf(&b, "\n---\n{kind: filter, name: words, spec: {action: %s, match: {keywords: ['5']}}}", pick(r, "tag, tag: x", "allow", "quarantine"))
	for _, sw := range []string{"inbox.web", "account.a"} {
		fmt.Fprintf(&b, "\n---\n{kind: switch, name: %s, spec: {%s}}", sw, pick(r, "state: 'on'", "state: 'on'", "state: 'on'", "state: 'on'", "state: 'on'", "state: 'on'", "state: 'off'", "state: limited, per_minute: 2", "state: paused, until: 2026-03-02T11:00:00+08:00"))
	}
	return b.String()
}

// mildly changes one thing of a company that was made with the same seed, or makes another company.
func mildly(r *rand.Rand, seed uint64) string {
	b := company(random(seed))
	switch r.IntN(5) {
	case 0:
		return company(r)
	case 1:
		return strings.Replace(b, "kinds: [customer, group]", "kinds: [customer]", 1)
	}
	docs := strings.Split(b, "\n---\n")
	other := strings.Split(company(r), "\n---\n")
	i := 1 + r.IntN(len(docs)-1)
	docs[i] = other[i]
	return strings.Join(docs, "\n---\n")
}

// open makes a desk with a company.
func open(t *testing.T, documents string) *desk.Desk {
	t.Helper()
	d := desk.Open(t)
	d.Apply(documents)
	return d
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// live lets a random day happen on a desk.
func live(d *desk.Desk, r *rand.Rand, steps int) {
	d.Online(some(r, 2, people...)...)
	var begun []int64
	for range steps {
		who := pick(r, people...)
		switch r.IntN(10) {
		case 0:
			d.Presence(who, pick(r, "available", "available", "available", "away", "dnd", "offline"))
		case 1:
			if len(d.L.View().Sockets(who)) == 0 {
				d.Connect(who)
			}
		case 2:
			if len(d.L.View().Sockets(who)) > 0 {
				d.Lose(who)
			}
		case 3:
			d.Wait(time.Duration(r.IntN(1500)) * time.Second)
		case 4:
			if len(begun) > 0 {
				id := pick(r, begun...)
				if c := d.Conversation(id); c.Owner != "" {
					_ = d.Reply(c.Owner, id, fmt.Sprint("好 ", d.IDs)) // refused where it may not: that is part of the day
				}
			}
		default:
			m := d.Post(pick(r, "web", "web", "shop"), fmt.Sprint("u", r.IntN(12)), fmt.Sprint("你好 ", d.IDs))
			begun = append(begun, m.Conversation)
		}
		d.Wait(time.Duration(r.IntN(60)) * time.Second)
	}
}

func setOf(t *testing.T, before *policy.Set, documents string) *policy.Set {
	t.Helper()
	docs, err := policy.ParseYAML([]byte(documents))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := policy.EditsFor(before, docs, false)
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := before.Apply(before.Revision()+1, edits)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func question(d *desk.Desk, after *policy.Set) Question {
	return Question{
		Before: d.L.Policy().Compile(), After: after.Compile(), Now: d.Now, Position: d.L.Position(), MostReads: 1 << 30,
		PolicyAt: func(ctx context.Context, revision int64) (*reception.Policy, error) {
			docs, err := d.Store.DocumentsAt(ctx, revision)
			if err != nil {
				return nil, err
			}
			set, err := ledger.PolicyOf(docs, revision)
			if err != nil {
				return nil, err
			}
			return set.Compile(), nil
		},
	}
}

// newRun is the inside of replay, for tests that look at single messages.
func newRun(t *testing.T, d *desk.Desk, q *Question) *run {
	return &run{
		ctx: t.Context(), r: d.Store, q: q, edges: newEdges(q.Before, q.After, q.Now.Add(-DefaultBack), q.Now), groups: map[groupKey]*group{},
		known: map[int64]*reception.Policy{}, cells: map[cellKey]*CellCount{}, agents: map[string]*AgentCount{}, shown: map[cellKey]map[Change]int{}, out: &Replay{},
	}
}

// What a journal entry alone says of the impact is what deciding on the facts of its position says: for every message of random days, under random changes.
func TestGroupsAgreeWithFacts(t *testing.T) {
	seen, undetermined := map[Change]int{}, 0
	for seed := range uint64(36) {
		d := open(t, company(random(seed)))
		r := random(seed + 1000)
		live(d, r, 50)
		if seed%3 == 0 { // entries of an earlier revision
			d.Apply(mildly(r, seed))
			live(d, r, 20)
		}
		for range 6 {
			q := question(d, setOf(t, d.L.Policy(), mildly(r, seed)))
			v := newRun(t, d, &q)
			rows, err := d.Store.DecidedMessages(t.Context(), 0, q.Position, 1000)
			if err != nil || len(rows) == 0 {
				t.Fatal(len(rows), err)
			}
			for i := range rows {
				m := &rows[i]
				key := keyOf(m, v.edges)
				g := v.groups[key]
				if g == nil {
					if g, err = v.group(m); err != nil {
						t.Fatal(err)
					}
					v.groups[key] = g
				}
				change, before, after, _, err := v.exact(m)
				if err != nil {
					t.Fatal(err)
				}
				seen[change]++
				if g.change == Undetermined {
					undetermined++
					continue
				}
				if g.change != change || !slices.Equal(g.before, before) || !slices.Equal(g.after, after) {
					t.Fatalf("seed %d, message %d in %s: the entry says %s, %v then %v; the facts say %s, %v then %v", seed, m.Position, m.Inbox, g.change, g.before, g.after, change, before, after)
				}
			}
		}
	}
	t.Log(seen, "undetermined", undetermined)
	total := 0
	for _, c := range []Change{Same, Waits, Received, Other} {
		if seen[c] < 30 {
			t.Errorf("only %d messages change by %q: this test shows little", seen[c], c)
		}
		total += seen[c]
	}
	if undetermined*2 > total {
		t.Errorf("%d of %d are undetermined from the journal alone", undetermined, total)
	}
}

// configured are the gates that the policy and the clock decide, whatever the facts.
var configured = []reception.Gate{
	reception.AccountState, reception.RoleReceive, reception.PermissionKind, reception.PermissionReply, reception.MembershipInbox, reception.WindowAgent,
	reception.SwitchPlatform, reception.SwitchInbox, reception.SwitchAccount, reception.WindowInbox, reception.MaintenanceGate, reception.FilterGate,
}

// What is foreseen for the gates of the policy is what happens when the change is applied: two desks live the same random day, one of them applies the
// change just before the last message, and the other one is asked what would become of it.
func TestForeseenIsWhatHappens(t *testing.T) {
	compared := 0
	for seed := range uint64(40) {
		day := func() (*desk.Desk, string) {
			d := open(t, company(random(seed)))
			r := random(seed + 5000)
			live(d, r, 15)
			return d, mildly(r, seed)
		}
		asked, change := day()
		after := setOf(t, asked.L.Policy(), change)
		m := asked.Post("web", "nobody-known", "最后一条")
		q := question(asked, after)
		past, message, err := ledger.Recorded(t.Context(), asked.Store, *m.Decision, nil)
		if err != nil {
			t.Fatal(err)
		}
		foreseen := reception.Decide(q.After, past, message, m.Decision.At)

		applied, _ := day()
		applied.Apply(change)
		happened := applied.Post("web", "nobody-known", "最后一条")
		content, err := applied.Store.Outcomes(t.Context(), happened.Decision.Outcomes)
		if err != nil {
			t.Fatal(err)
		}
		msg, candidates, err := reception.DecodeOutcomes(content)
		if err != nil {
			t.Fatal(err)
		}
		if len(candidates) != len(foreseen.Candidates) {
			t.Fatalf("seed %d: %d candidates foreseen, %d happened", seed, len(foreseen.Candidates), len(candidates))
		}
		for i := range candidates {
			for _, g := range configured {
				want := candidates[i].Cells[g]
				if g.AboutMessage() {
					want = msg[g]
				}
				if got := foreseen.Candidates[i].Cells[g]; got != want {
					t.Fatalf("seed %d: %s of %s: foreseen %v, happened %v", seed, g, candidates[i].Account, got, want)
				}
				compared++
			}
		}
	}
	if compared < 1000 {
		t.Fatalf("only %d gates were compared", compared)
	}
}

// A change of nothing changes nothing, whatever was recorded.
func TestNothingChanges(t *testing.T) {
	for seed := range uint64(20) {
		d := open(t, company(random(seed)))
		live(d, random(seed+9000), 40)
		i, err := Foresee(t.Context(), d.Store, question(d, d.L.Policy()))
		if err != nil {
			t.Fatal(err)
		}
		if !i.Harmless() || i.Replay.Messages == 0 {
			t.Fatalf("seed %d: %+v", seed, i)
		}
	}
}

// No cell is said to be safe that loses its last receiver in the week, and every example is the first: against every ten minutes of it.
func TestLossesAgainstBruteForce(t *testing.T) {
	found := 0
	for seed := range uint64(40) {
		d := open(t, company(random(seed)))
		q := question(d, setOf(t, d.L.Policy(), mildly(random(seed+300), seed)))
		i, err := Foresee(t.Context(), d.Store, q)
		if err != nil {
			t.Fatal(err)
		}
		want := map[cellKey]time.Time{}
		for inbox, in := range q.Before.Inboxes {
			for _, kind := range in.Kinds {
				for at := q.Now; at.Before(q.Now.Add(Ahead)); at = at.Add(10 * time.Minute) {
					had, _ := receivers(q.Before, inbox, kind, at)
					has, _ := receivers(q.After, inbox, kind, at)
					if len(had) > 0 && (len(has) == 0 || !q.After.Inboxes[inbox].Produces(kind)) {
						want[cellKey{inbox, kind}] = at
						break
					}
				}
			}
		}
		if len(want) != len(i.Losses) {
			t.Fatalf("seed %d: %v, want %v", seed, i.Losses, want)
		}
		for _, l := range i.Losses {
			if at, ok := want[cellKey{l.Inbox, l.Kind}]; !ok || !at.Equal(l.At) {
				t.Fatalf("seed %d: %+v, the first of every ten minutes is %v", seed, l, at)
			}
			found++
		}
	}
	if found < 10 {
		t.Fatalf("only %d losses", found)
	}
}
