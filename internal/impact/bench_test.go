package impact

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// journal is recorded traffic in memory. Nothing else of a store is there: what is asked for more faults.
type journal struct {
	ledger.ReplayReader
	rows     []ledger.MessageRow
	outcomes map[[16]byte][]byte
	asked    int // outcomes that were read
}

func (j *journal) PositionAt(context.Context, time.Time) (int64, error) { return 0, nil }

func (j *journal) DecidedMessages(_ context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error) {
	return j.rows[after:min(after+int64(limit), upTo)], nil // message n is at position n+1
}

func (j *journal) Outcomes(_ context.Context, id [16]byte) ([]byte, error) {
	j.asked++
	return j.outcomes[id], nil
}

// firm is a company of 20 inboxes that all of so many agents serve in shares, on shifts.
func firm(tb testing.TB, agents int, deny string) *policy.Set {
	docs := `{kind: account, name: admin, spec: {roles: [admin]}}
---
{kind: role, name: agent, spec: {template: agent}}
---
{kind: schedule, name: s0, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: '08:00', to: '16:00'}]}}
---
{kind: schedule, name: s1, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri, sat, sun], from: '14:00', to: '23:00'}]}}`
	members := make([]string, 20)
	for i := range agents {
		docs += fmt.Sprintf("\n---\n{kind: account, name: a%04d, spec: {agent: true, roles: [agent], windows: [s%d]%s}}", i, i%2, deny)
		members[i%20] += fmt.Sprintf("a%04d, ", i)
	}
	for i, m := range members {
		docs += fmt.Sprintf("\n---\n{kind: inbox, name: i%02d, spec: {kinds: [customer, group], members: {accounts: [%s]}, routing: {strategy: least_loaded}}}", i, m[:len(m)-2])
	}
	list, err := policy.ParseYAML([]byte(docs))
	if err != nil {
		tb.Fatal(err)
	}
	set, err := policy.NewSet(list)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// record makes a week of messages, each with the outcomes of a world in which other agents are away: variety worlds, over and over.
func record(p *reception.Policy, messages, variety int, now time.Time) *journal {
	j := &journal{outcomes: map[[16]byte][]byte{}, rows: make([]ledger.MessageRow, 0, messages)}
	began := now.Add(-DefaultBack + time.Hour)
	type made struct {
		id     [16]byte
		chosen []string
	}
	cache := map[[3]int]made{}
	e := newEdges(p, p, began, now)
	for n := range messages {
		at := began.Add(time.Duration(float64(n) / float64(messages) * float64(DefaultBack-time.Hour)))
		inbox := fmt.Sprintf("i%02d", n%20)
		key := [3]int{n % 20, n / 20 % variety, e.segment(inbox, at)}
		c, known := cache[key]
		if !known {
			w := &recorded{agents: map[string]*reception.Agent{}}
			for i, m := range p.Inboxes[inbox].Members {
				if uint32((i+1)*(key[1]+3))*2654435761>>20%7 < 2 { // spread, the same each time
					a := present
					a.Presence.Value = reception.Offline
					w.agents[m.Account] = &a
				}
			}
			d := reception.Decide(p, w, reception.Message{Inbox: inbox, Kind: "customer"}, at)
			content := reception.EncodeOutcomes(&d)
			sum := sha256.Sum256(content)
			c = made{[16]byte(sum[:16]), d.Chosen}
			j.outcomes[c.id] = content
			cache[key] = c
		}
		verdict := reception.Waiting
		if len(c.chosen) > 0 {
			verdict = reception.Routed
		}
		j.rows = append(j.rows, ledger.MessageRow{
			Position: int64(n + 1), Inbox: inbox, Kind: "customer", At: at,
			Decision: &ledger.DecisionRow{At: at, Revision: p.Revision, Verdict: verdict.String(), Chosen: c.chosen, Outcomes: c.id},
		})
	}
	return j
}

var benchNow = time.Date(2026, 3, 9, 2, 0, 0, 0, time.UTC)

func foreseeAll(tb testing.TB, j *journal, before, after *policy.Set) *Impact {
	i, err := Foresee(tb.Context(), j, Question{
		Before: before.Compile(), After: after.WithRevision(before.Revision() + 1).Compile(), Now: benchNow, Position: int64(len(j.rows)), MostReads: -1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// How long it takes does not follow the number of messages alone: the same outcomes are decided once.
func TestEqualOutcomesAreDecidedOnce(t *testing.T) {
	before := firm(t, 100, "")
	after := firm(t, 100, ", deny: [{permission: receive.group}]")
	few, many := record(before.Compile(), 4_000, 5, benchNow), record(before.Compile(), 40_000, 5, benchNow)
	a, b := foreseeAll(t, few, before, after), foreseeAll(t, many, before, after)
	if a.Replay.Messages != 4_000 || b.Replay.Messages != 40_000 {
		t.Fatal(a.Replay.Messages, b.Replay.Messages)
	}
	if many.asked > few.asked*3/2 || many.asked < 100 {
		t.Errorf("%d journal entries were read for 4,000 messages, %d for 40,000", few.asked, many.asked)
	}
	if n := b.Replay.Total(); n.Undecided+n.Waits+n.Other+n.Received != 0 {
		t.Errorf("%+v: all were of another kind", n)
	}
	if len(b.Losses) != 20 || !slices.ContainsFunc(b.Losses, func(l Loss) bool { return l.Inbox == "i07" && l.Kind == "group" && len(l.Last) > 0 }) {
		t.Errorf("%v", b.Losses)
	}
}

// The budget (issue 5): 1,000,000 messages, 1,000 agents, at most 10 s. The reference is one decision about one message, by one of the two policies.
func BenchmarkImpact(b *testing.B) {
	before := firm(b, 1000, "")
	for _, n := range []int{100_000, 1_000_000} {
		j := record(before.Compile(), n, 200, benchNow)
		for _, deny := range []string{"receive.group", "receive.customer"} {
			after := firm(b, 1000, ", deny: [{permission: "+deny+"}]")
			b.Run(fmt.Sprintf("messages=%d/deny=%s", n, deny), func(b *testing.B) {
				decision := oneDecision(before)
				for b.Loop() {
					foreseeAll(b, j, before, after)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n)/float64(decision.Nanoseconds()), "decisions/message")
				b.ReportMetric(float64(len(j.outcomes)), "outcomes")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
			})
		}
	}
}

// oneDecision is how long deciding about one message takes, at the shortest of some runs.
func oneDecision(set *policy.Set) time.Duration {
	const times = 100
	p, best := set.Compile(), time.Duration(1<<63-1)
	for range 20 {
		began := time.Now()
		for range times {
			receivers(p, "i00", "customer", benchNow)
		}
		best = min(best, time.Since(began))
	}
	return best / times
}
