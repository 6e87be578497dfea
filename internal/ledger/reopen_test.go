package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
)

// full is a store that cannot be reopened for a while, as on a disk without room.
type full struct {
	*memory.Store
	until time.Time
}

func (f *full) Reopen(ctx context.Context) error {
	if time.Now().Before(f.until) {
		return fmt.Errorf("%w: full", ledger.ErrUnavailable)
	}
	return f.Store.Reopen(ctx)
}

type message struct{ ledger.Command }

func (message) Yields() {}

func TestHoweverLongTheStoreCannotBeReopenedTheLedgerGoesOnAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &full{Store: memory.New()}
		l, err := ledger.New(context.Background(), store, ledger.Options{Now: time.Now, Node: "run-1", Settle: func(tx *ledger.Tx) error { tx.TakeTouched(); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		l.Start()
		defer l.Stop()
		store.until = time.Now().Add(3 * time.Hour)
		store.FailCommit(fmt.Errorf("%w: full", ledger.ErrCommitUnknown), false)
		first := make(chan error, 1)
		l.Submit(set("a", reception.Away), func(err error) { first <- err })
		synctest.Wait()
		begun := time.Now()
		if err := l.Do(t.Context(), message{set("a", reception.Away)}); problem.KindOf(err) != problem.Unavailable || time.Since(begun) > 3*time.Second {
			t.Errorf("a message is answered after %v: %v", time.Since(begun), err)
		}
		if err := l.Do(t.Context(), set("b", reception.Away)); err != nil { // what is no message waits
			t.Error(err)
		}
		if waited := time.Since(begun); waited < 2*time.Hour {
			t.Errorf("the store was reopened after %v", waited)
		}
		if err := <-first; problem.KindOf(err) != problem.Unavailable {
			t.Errorf("the command whose commit was unknown and is not there is answered %v", err)
		}
	})
}
