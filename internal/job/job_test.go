package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// shop is a ledger with a runner; it lives in a bubble of testing/synctest, whose clock stands while anything is under way.
type shop struct {
	t     *testing.T
	store *memory.Store
	l     *ledger.Ledger
	r     *Runner
}

func open(t *testing.T, store *memory.Store, run string, kinds ...Kind) *shop {
	t.Helper()
	l, err := ledger.New(t.Context(), store, ledger.Options{Now: time.Now, Node: run, Settle: func(*ledger.Tx) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	s := &shop{t: t, store: store, l: l, r: NewRunner(Options{Ledger: l, Reader: store, Now: time.Now, Run: run}, kinds...)}
	return s
}

func (s *shop) close() { s.r.Stop(); s.l.Stop() }

func (s *shop) enqueue(kind, what string, payload string) {
	s.t.Helper()
	err := s.l.Do(s.t.Context(), ledger.CommandFunc(func(tx *ledger.Tx) error { return Enqueue(tx, kind, what, json.RawMessage(payload)) }))
	if err != nil {
		s.t.Fatal(err)
	}
	s.r.Wake()
}

func (s *shop) row(id string) ledger.JobRow {
	s.t.Helper()
	row, err := s.store.Job(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

func (s *shop) gone(id string) {
	s.t.Helper()
	if row, err := s.store.Job(s.t.Context(), id); !errors.Is(err, ledger.ErrNotFound) {
		s.t.Fatalf("the job is still there: %+v, %v", row, err)
	}
}

// notes is what the jobs of a test have noted.
type notes[T any] struct {
	mu   sync.Mutex
	list []T
}

func (n *notes[T]) add(x T) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, x)
	return len(n.list)
}

func (n *notes[T]) all() []T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

// after lets time pass until nothing moves.
func after(d time.Duration) {
	<-time.After(d) // of the bubble's clock
	synctest.Wait()
}

func TestAJobIsDoneOnceWithItsPayloadAndThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got notes[string]
		s := open(t, memory.New(), "run-1", Kind{Name: "mail", Do: func(_ context.Context, p json.RawMessage) error { got.add(string(p)); return nil }})
		defer s.close()
		s.enqueue("mail", "m1", `{"of":"m1"}`)
		s.enqueue("mail", "m1", `{"of":"another"}`) // it is there already
		s.enqueue("fax", "m1", `{}`)                // nobody here knows how
		s.r.Start()
		s.r.Start()
		after(time.Minute)
		if !slices.Equal(got.all(), []string{`{"of":"m1"}`}) {
			t.Errorf("done: %q", got.all())
		}
		s.gone("mail:m1")
		if row := s.row("fax:m1"); row.Attempts != 0 || row.LeasedBy != "" {
			t.Errorf("a job of a kind that is not known: %+v", row)
		}
	})
}

func TestAFailedAttemptIsMadeAgainLaterEachTimeUntilItIsGivenUpAndAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries notes[time.Time]
		var mended atomic.Bool
		s := open(t, memory.New(), "run-1", Kind{Name: "mail", Tries: 5, Do: func(context.Context, json.RawMessage) error {
			if n := tries.add(time.Now()); !mended.Load() {
				return fmt.Errorf("attempt %d\nfailed", n)
			}
			return nil
		}})
		defer s.close()
		s.r.Start()
		s.enqueue("mail", "m1", "")
		after(24 * time.Hour)
		at := tries.all()
		if len(at) != 5 {
			t.Fatalf("tried %d times", len(at))
		}
		for i := 1; i < 5; i++ {
			least, most := backoff(i, 0), backoff(i, 1)+lookEvery
			if wait := at[i].Sub(at[i-1]); wait < least || wait > most {
				t.Errorf("before attempt %d it waited %v, want between %v and %v", i+1, wait, least, most)
			}
		}
		dead, err := s.store.Jobs(t.Context(), true, "", 10)
		if err != nil || len(dead) != 1 {
			t.Fatalf("given up: %+v, %v", dead, err)
		}
		row := dead[0]
		if row.Attempts != 5 || row.FirstError != "attempt 1 failed" || row.LastError != "attempt 5 failed" || !row.FirstErrorAt.Equal(at[0].UTC()) || !row.DeadAt.Equal(at[4].UTC()) || row.LeasedBy != "" {
			t.Errorf("given up as %+v", row)
		}
		mended.Store(true)
		replay := &Replay{ID: "mail:m1"}
		if err := s.l.Do(t.Context(), replay); err != nil || replay.Row.Attempts != 0 || !replay.Row.DeadAt.IsZero() {
			t.Fatalf("asked for again: %+v, %v", replay.Row, err)
		}
		s.r.Wake()
		synctest.Wait()
		if n := len(tries.all()); n != 6 {
			t.Errorf("tried %d times", n)
		}
		s.gone("mail:m1")
	})
}

func TestWhatComesAgainIsDoneAgainAndNeverGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := open(t, memory.New(), "run-1", Kind{Name: "sweep", Every: 24 * time.Hour, Tries: 1, Do: func(context.Context, json.RawMessage) error {
			if n.Add(1) == 1 {
				panic("a fault")
			}
			return nil
		}})
		defer s.close()
		s.r.Start()
		synctest.Wait()
		if row := s.row("sweep"); row.Attempts != 1 || !strings.HasPrefix(row.FirstError, "panic: a fault") || !row.DeadAt.IsZero() {
			t.Fatalf("after a panic: %+v", row)
		}
		after(time.Hour)
		if row := s.row("sweep"); n.Load() != 2 || row.Attempts != 0 || row.FirstError != "" || row.DoneAt.IsZero() {
			t.Fatalf("done %d times: %+v", n.Load(), row)
		}
		after(72 * time.Hour)
		if n.Load() != 5 {
			t.Errorf("three days later it was done %d times", n.Load())
		}
	})
}

func TestAJobOfADeadProcessIsDoneByAnotherWhenItsLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		var by notes[string]
		kind := func(run string) Kind {
			return Kind{Name: "mail", Lease: 10 * time.Minute, Do: func(ctx context.Context, _ json.RawMessage) error {
				by.add(run)
				if run == "run-1" {
					<-ctx.Done() // until its process dies
				}
				return ctx.Err()
			}}
		}
		first := open(t, store, "run-1", kind("run-1"))
		first.enqueue("mail", "m1", "")
		first.r.Start()
		synctest.Wait()
		if err := first.l.Do(t.Context(), &Replay{ID: "mail:m1"}); problem.As(err) == nil || problem.As(err).Code != "job.under_way" {
			t.Errorf("asked for again while it is under way: %v", err)
		}
		next := store.Crash()
		first.close()
		second := open(t, next, "run-2", kind("run-2"))
		defer second.close()
		second.r.Start()
		after(10 * time.Minute)
		if !slices.Equal(by.all(), []string{"run-1"}) {
			t.Fatalf("while the lease lasts: %v", by.all())
		}
		after(2 * time.Minute)
		if !slices.Equal(by.all(), []string{"run-1", "run-2"}) {
			t.Fatalf("after the lease: %v", by.all())
		}
		second.gone("mail:m1")
	})
}

func TestAnAttemptEndsWithItsLeaseAndOneThatIsStoppedIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		slow := Kind{Name: "mail", Lease: time.Minute, Do: func(ctx context.Context, _ json.RawMessage) error { <-ctx.Done(); return ctx.Err() }}
		s := open(t, store, "run-1", slow)
		s.enqueue("mail", "m1", "")
		s.r.Start()
		after(time.Minute)
		if row := s.row("mail:m1"); row.Attempts != 1 || !strings.HasPrefix(row.LastError, errTooLong.Error()) {
			t.Errorf("after its lease: %+v", row)
		}
		after(20 * time.Second) // it is under way again
		if row := s.row("mail:m1"); row.LeasedBy != "run-1" {
			t.Fatalf("it is not under way: %+v", row)
		}
		s.r.Stop()
		if row := s.row("mail:m1"); row.LeasedBy != "" || !row.LeasedUntil.IsZero() || row.Attempts != 1 || row.DueAt.After(time.Now()) {
			t.Errorf("after a stop: %+v", row)
		}
		s.close()
	})
}

func TestAnAttemptThatHasLostItsLeaseSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.New(), "run-1")
		defer s.close()
		s.enqueue("mail", "m1", "")
		kind := &Kind{Name: "mail"}
		take := func(run string) ledger.JobRow {
			l := &lease{id: "mail:m1", run: run, length: time.Minute}
			if err := s.l.Do(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			return l.row
		}
		first := take("run-1")
		if other := take("run-2"); other.ID != "" {
			t.Fatalf("two have it: %+v", other)
		}
		after(2 * time.Minute)
		second := take("run-2")
		for _, late := range []*settle{{leased: first, kind: kind}, {leased: first, kind: kind, failed: errors.New("late")}} {
			if err := s.l.Do(t.Context(), late); err != nil {
				t.Fatal(err)
			}
		}
		if row := s.row("mail:m1"); row.LeasedBy != "run-2" || row.Attempts != 0 {
			t.Errorf("the late one changed %+v", row)
		}
		if err := s.l.Do(t.Context(), &settle{leased: second, kind: kind}); err != nil {
			t.Fatal(err)
		}
		s.gone("mail:m1")
		if err := s.l.Do(t.Context(), &Replay{ID: "mail:m1"}); problem.KindOf(err) != problem.NotFound {
			t.Errorf("asked for again when it is done: %v", err)
		}
	})
}

func TestAJobIsPartOfTheCommandThatMakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.New(), "run-1")
		defer s.close()
		refused := errors.New("no")
		err := s.l.Do(t.Context(), ledger.CommandFunc(func(tx *ledger.Tx) error { return errors.Join(Enqueue(tx, "mail", "m1", nil), refused) }))
		if err == nil {
			t.Fatal("the command was carried out")
		}
		s.gone("mail:m1")
	})
}

func TestWaitsGrowAndDiffer(t *testing.T) {
	for attempts := 1; attempts < 100; attempts++ {
		least, most := backoff(attempts, 0), backoff(attempts, 0.999)
		if least < firstWait/2 || most > longestWait || most <= least || attempts > 1 && least < backoff(attempts-1, 0) {
			t.Errorf("after %d attempts between %v and %v", attempts, least, most)
		}
	}
}
