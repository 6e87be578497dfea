package diagnosis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// BenchmarkDiagnose measures reports in a company of 1,000 agents in 20 inboxes with 300 revisions and some thousand messages in the day.
func BenchmarkDiagnose(b *testing.B) {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	now := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	l, err := ledger.New(ctx, store, ledger.Options{
		Now: func() time.Time { return now }, Node: "n", Settle: conversation.Settle, Deadlines: conversation.Deadlines(), Restore: conversation.Restore,
		ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	do := func(cmds ...ledger.Command) {
		for _, cmd := range cmds {
			l.Submit(cmd, func(err error) {
				if err != nil {
					b.Fatal(err)
				}
			})
		}
		for l.Step() {
		}
		now = now.Add(time.Second)
	}
	do(&governance.Apply{Base: -1, Edits: benchCompany(), By: "system", Source: "start"})
	for i := range 300 {
		spec, _ := l.Policy().Account(fmt.Sprintf("agent-%03d", i%50))
		spec.Position = fmt.Sprintf("seat %d", i)
		if i == 250 {
			spec, _ = l.Policy().Account("agent-007")
			spec.Deny = []policy.Grant{{Permission: "receive.group"}}
			do(&governance.Apply{Base: -1, Edits: []policy.Edit{{Kind: "account", Name: "agent-007", Spec: marshal(spec)}}, By: "boss", Source: "api"})
			continue
		}
		do(&governance.Apply{Base: -1, Edits: []policy.Edit{{Kind: "account", Name: fmt.Sprintf("agent-%03d", i%50), Spec: marshal(spec)}}, By: "boss", Source: "api"})
	}
	for i := range 1000 {
		agent := fmt.Sprintf("agent-%03d", i)
		do(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.BeginSession(agent, ledger.Session{ID: "s-" + agent}, agent, "realtime")
			tx.OpenSocket(agent, ledger.Socket{ID: "k-" + agent, Session: "s-" + agent, Node: "n"}, agent)
			return nil
		}), &governance.SetPresence{Account: agent, Value: "available", By: agent, Source: "api"})
	}
	for i := range 40 {
		var cmds []ledger.Command
		for j := range 100 {
			n := i*100 + j
			cmds = append(cmds, &conversation.Post{
				Inbox: fmt.Sprintf("inbox-%02d", n%20), SenderID: fmt.Sprint(n), ContactID: fmt.Sprint(n), Kind: "customer", Text: "x", ReceivedAt: now,
			})
		}
		do(cmds...)
	}
	middle := now
	now = now.Add(time.Minute)
	s := New(Deps{Ledger: l, Messages: store, Flow: store, Facts: store, Policies: store, Now: func() time.Time { return now }})
	for _, x := range []struct {
		name string
		q    Query
	}{
		{"healthy", Query{Agent: "agent-100"}},
		{"denied", Query{Agent: "agent-007"}},
		{"past", Query{Agent: "agent-007", At: middle}},
	} {
		b.Run(x.name, func(b *testing.B) {
			for range b.N {
				if _, err := s.Diagnose(ctx, "boss", x.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchCompany() []policy.Edit {
	edits := []policy.Edit{
		{Kind: "role", Name: "agent", Spec: []byte(`{"template":"agent"}`)},
		{Kind: "schedule", Name: "always", Spec: []byte(`{"zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"00:00","to":"24:00"}]}`)},
		{Kind: "account", Name: "boss", Spec: []byte(`{"roles":["admin"]}`)},
	}
	members := make([][]string, 20)
	for i := range 1000 {
		name := fmt.Sprintf("agent-%03d", i)
		edits = append(edits, policy.Edit{Kind: "account", Name: name, Spec: []byte(`{"agent":true,"roles":["agent"],"windows":["always"]}`)})
		for _, in := range []int{i % 20, (i + 7) % 20, (i + 13) % 20} {
			members[in] = append(members[in], name)
		}
	}
	for i, list := range members {
		edits = append(edits, policy.Edit{Kind: "inbox", Name: fmt.Sprintf("inbox-%02d", i), Spec: marshal(map[string]any{
			"kinds": []string{"customer", "group"}, "members": map[string]any{"accounts": list},
		})})
	}
	return edits
}
