package identity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store/memory"
)

const company = `
kind: account
name: admin
spec: {roles: [admin]}
---
kind: account
name: agent-a
spec: {agent: true}
---
kind: account
name: frozen
spec: {agent: true, state: frozen, state_until: "2026-11-23T12:00:00Z"}
---
kind: account
name: leaver
spec: {agent: true, expires: "2026-11-23T11:00:00Z"}
`

// bench is a Service on a ledger in memory, with a clock that tests move.
type bench struct {
	*Service
	t      *testing.T
	store  *memory.Store
	ledger *ledger.Ledger

	mu     sync.Mutex
	now    time.Time
	closed []closed
}

// closed is a session whose connections were closed.
type closed struct {
	session, cause string
}

var byAdmin = Asked{By: "admin", Source: "api", Request: "r1"}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	b.start(b.store)
	docs, err := policy.ParseYAML([]byte(company))
	if err != nil {
		t.Fatal(err)
	}
	b.run(&governance.Apply{Base: -1, By: "system", Source: "start", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	return b
}

func (b *bench) start(store ledger.Store) {
	b.t.Helper()
	deadlines := governance.Deadlines()
	maps.Copy(deadlines, Deadlines())
	var err error
	b.ledger, err = ledger.New(b.t.Context(), store, ledger.Options{
		Now: b.clock, Node: "n", Settle: func(tx *ledger.Tx) error { tx.TakeTouched(); return nil }, Restore: Restore, Deadlines: deadlines,
		SessionEnded: func(session, cause string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.closed = append(b.closed, closed{session, cause})
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.ledger.Start()
	b.t.Cleanup(b.ledger.Stop)
	b.Service = New(Options{Ledger: b.ledger, Now: b.clock, Hashes: 2, Apply: func(edits []policy.Edit, by, source, request, reason string) ledger.Command {
		return &governance.Apply{Base: -1, Edits: edits, By: by, Source: source, Request: request, Reason: reason}
	}})
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) sleep(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) run(cmd ledger.Command) {
	b.t.Helper()
	if err := b.ledger.Do(b.t.Context(), cmd); err != nil {
		b.t.Fatal(err)
	}
}

// settle waits until the ledger has done what was given to it and what is due, with what follows after the answers.
func (b *bench) settle() {
	for range 2 {
		b.run(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	}
}

func (b *bench) token(account string, expires time.Time) (id, token string) {
	b.t.Helper()
	id, token, err := b.CreateToken(b.t.Context(), account, "test", expires, byAdmin)
	if err != nil {
		b.t.Fatal(err)
	}
	return id, token
}

// session signs an account in with a token.
func (b *bench) session(account, token, id string) {
	b.run(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession(account, ledger.Session{ID: id, Token: token}, account, "realtime")
		return nil
	}))
}

func (b *bench) ended() []closed {
	b.settle()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.closed)
}

// refused checks the kind and code of a refusal.
func refused(t *testing.T, err error, kind problem.Kind, code string) {
	t.Helper()
	p := problem.As(err)
	if p == nil || p.Kind != kind || p.Code != code {
		t.Errorf("refused with %v, want %s", err, code)
	}
}

// actions lists the actions of the audit log, oldest first.
func (b *bench) actions() []string {
	b.t.Helper()
	rows, err := b.store.Audit(context.Background(), 0, 1000)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		b.t.Fatal(err)
	}
	var list []string
	for _, r := range slices.Backward(rows) {
		list = append(list, r.Action+" "+r.Object+" by "+r.By)
	}
	return list
}
