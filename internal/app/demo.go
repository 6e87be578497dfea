package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/demo"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// Demo is the demo company that this server serves, or nil.
func (a *App) Demo() *demo.Company { return a.demo }

// openDemo finds out whose the data directory is, before anything else lies in it.
func (a *App) openDemo() error {
	if !a.config.Demo {
		return nil
	}
	if err := a.config.ensureData(); err != nil {
		return err
	}
	company, ok, err := demo.Open(a.config.Data)
	if err != nil {
		return err
	}
	if !ok {
		a.log.Warn("this data directory has data of its own: it is served as it is, without the demo company", "data", a.config.Data)
		return nil
	}
	a.demo = &company
	return nil
}

var demoAsked = identity.Asked{By: "system", Source: "start"}

// seedDemo makes the company with its passwords, in one commit, where there is nothing yet.
func (a *App) seedDemo(ctx context.Context) error {
	if a.demo == nil || len(a.base.ledger.Policy().All()) > 0 {
		return nil
	}
	docs, err := demo.Documents()
	if err != nil {
		return err
	}
	hash, err := a.base.identity.Hash(ctx, a.demo.Password)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	apply := &governance.Apply{
		Base: -1, By: "system", Source: "start", Reason: "serve --demo",
		Edit: func(now *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(now, docs, false) },
	}
	company := ledger.CommandFunc(func(tx *ledger.Tx) error {
		if err := apply.Apply(tx); err != nil {
			return err
		}
		for _, name := range demo.People(docs) {
			if err := (&identity.SetPassword{Account: name, Hash: hash, Asked: demoAsked}).Apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err := a.base.ledger.Do(ctx, company); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	a.history = make(chan struct{})
	return nil
}

// makeHistory has the demo's people work for a moment, beside whoever looks at it already.
func (a *App) makeHistory() {
	if a.history == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	office := a.office()
	go func() {
		defer close(a.history)
		if err := office.History(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("the demo company has less history than it should", "error", err)
		}
	}()
	a.undo.add("demo history", func() error { cancel(); <-a.history; return nil })
}

// demoTokenTime is how long a token of the history lasts at most.
const demoTokenTime = time.Minute

// office lets the demo's people in by tokens that last as long as the history.
func (a *App) office() demo.Office {
	type made struct{ account, id string }
	var tokens []made
	return demo.Office{
		Server: "http://" + a.address.String(),
		Token: func(ctx context.Context, account string) (string, error) {
			// A stop must not leave a token behind that nobody remembers: it is waited for. A kill can; that is why they end by themselves.
			id, token, err := a.base.identity.CreateToken(context.WithoutCancel(ctx), account, "demo", time.Now().Add(demoTokenTime), demoAsked)
			if err == nil {
				tokens = append(tokens, made{account, id})
			}
			return token, err
		},
		Revoke: func(ctx context.Context) error {
			var all []error
			for _, t := range slices.Backward(tokens) {
				_, err := a.base.identity.RevokeTokens(ctx, t.account, t.id, demoAsked)
				all = append(all, err)
			}
			return errors.Join(all...)
		},
	}
}
