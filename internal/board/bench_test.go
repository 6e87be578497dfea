package board_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
)

const (
	benchAgents  = 1000
	benchInboxes = 20
)

// large is a company of 1,000 agents, each in three of 20 inboxes that produce three kinds, all at work.
func large(b *testing.B, now func() time.Time) *ledger.Ledger {
	b.Helper()
	var yaml strings.Builder
	yaml.WriteString(`
{kind: role, name: agent, spec: {title: 客服, template: agent}}
---
{kind: account, name: admin, spec: {title: 管理员, roles: [admin]}}
---
{kind: schedule, name: day, spec: {title: 白班, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}`)
	members := make([][]string, benchInboxes)
	for i := range benchAgents {
		name := fmt.Sprintf("agent-%03d", i)
		fmt.Fprintf(&yaml, "\n---\n{kind: account, name: %s, spec: {title: 客服%d, agent: true, roles: [agent], windows: [day], capacity: {total: 8}}}", name, i)
		for k := range 3 {
			in := (i + 7*k) % benchInboxes
			members[in] = append(members[in], name)
		}
	}
	for i, list := range members {
		fmt.Fprintf(&yaml, "\n---\n{kind: inbox, name: inbox-%02d, spec: {title: 渠道%d, channel: api, mode: live, kinds: [customer, group, vip], members: {accounts: [%s]}}}", i, i, strings.Join(list, ", "))
	}
	docs, err := policy.ParseYAML([]byte(yaml.String()))
	if err != nil {
		b.Fatal(err)
	}
	var edits []policy.Edit
	for _, d := range docs {
		edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	l, err := ledger.New(b.Context(), memory.New(), ledger.Options{
		Now: now, Node: "n", Settle: conversation.Settle, Deadlines: conversation.Deadlines(), ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	carryOut(b, l, &governance.Apply{Base: -1, Edits: edits, By: "system", Source: "start"})
	for i := range benchAgents {
		agent := fmt.Sprintf("agent-%03d", i)
		carryOut(b, l, ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.BeginSession(agent, ledger.Session{ID: "s-" + agent}, agent, "realtime")
			tx.OpenSocket(agent, ledger.Socket{ID: "k-" + agent, Session: "s-" + agent, Node: "n"}, agent)
			return nil
		}), &governance.SetPresence{Account: agent, Value: "available", By: agent, Source: "api"})
	}
	return l
}

func carryOut(b *testing.B, l *ledger.Ledger, commands ...ledger.Command) {
	b.Helper()
	for _, cmd := range commands {
		l.Submit(cmd, func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		})
	}
	for l.Step() {
	}
}

// BenchmarkBoard measures a board of 1,000 agents in nine cells each: made anew; after one agent's presence changed; after nothing did. The ratio is to deciding
// once for as many candidates as the board has cells, in the same run.
func BenchmarkBoard(b *testing.B) {
	now := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	l := large(b, clock)
	view := l.View()
	reference := func(n int) time.Duration {
		began := time.Now()
		for range n {
			for i := range benchInboxes {
				for _, kind := range []string{"customer", "group", "vip"} {
					reception.Decide(view.Policy.Compile(), view, reception.Message{Inbox: fmt.Sprintf("inbox-%02d", i), Kind: kind}, now)
				}
			}
		}
		return time.Since(began) / time.Duration(n)
	}
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			if rows := board.New(l, board.NewWatchers(), clock).Look().Rows; len(rows) != benchAgents {
				b.Fatal(len(rows))
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(reference(b.N)), "decisions")
	})
	b.Run("one_agent", func(b *testing.B) {
		live := board.New(l, board.NewWatchers(), clock)
		live.Look()
		values := []string{"away", "available"}
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			carryOut(b, l, &governance.SetPresence{Account: "agent-500", Value: values[i%2], By: "agent-500", Source: "api"})
			b.StartTimer()
			live.Look()
		}
	})
	b.Run("nothing", func(b *testing.B) {
		live := board.New(l, board.NewWatchers(), clock)
		for b.Loop() {
			live.Look()
		}
	})
}
