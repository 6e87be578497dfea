package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/memory"
)

func group(n int64) *ledger.Group {
	return &ledger.Group{First: n, Last: n, At: time.UnixMicro(n), Nonce: "n", Logins: []ledger.LoginRow{{Account: "an"}}}
}

func has(t *testing.T, s *memory.Store, n int64) bool {
	t.Helper()
	has, err := s.HasGroup(t.Context(), n, "n")
	if err != nil {
		t.Fatal(err)
	}
	return has
}

func TestCommitsFailAsTheyAreTold(t *testing.T) {
	s := memory.New()
	s.FailCommit(ledger.ErrUnavailable, false)
	s.FailCommit(ledger.ErrData, false)
	for _, want := range []error{ledger.ErrUnavailable, ledger.ErrData, nil} {
		if err := s.Commit(t.Context(), group(1)); !errors.Is(err, want) || has(t, s, 1) != (want == nil) {
			t.Errorf("got %v, want %v; committed: %v", err, want, has(t, s, 1))
		}
	}
}

func TestAnUnknownCommitNeedsReopenAndMayHaveTakenEffect(t *testing.T) {
	for _, applied := range []bool{false, true} {
		s := memory.New()
		s.FailCommit(ledger.ErrCommitUnknown, applied)
		if err := s.Commit(t.Context(), group(1)); !errors.Is(err, ledger.ErrCommitUnknown) {
			t.Errorf("got %v", err)
		}
		if err := s.Commit(t.Context(), group(2)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("before Reopen: %v", err)
		}
		if err := s.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := has(t, s, 1); got != applied {
			t.Errorf("the group: %v, want %v", got, applied)
		}
		if err := s.Commit(t.Context(), group(2)); err != nil {
			t.Errorf("after Reopen: %v", err)
		}
	}
}

func TestACrashKeepsWhatWasCommittedAndNothingElse(t *testing.T) {
	dead := memory.New()
	if err := dead.Commit(t.Context(), group(1)); err != nil {
		t.Fatal(err)
	}
	dead.FailCommit(ledger.ErrUnavailable, false)
	alive := dead.Crash()
	if err := dead.Commit(t.Context(), group(2)); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("commit of a dead process: %v", err)
	}
	if err := dead.Reopen(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("reopening in a dead process: %v", err)
	}
	if has(t, alive, 2) || !has(t, alive, 1) {
		t.Error("the groups changed")
	}
	if err := alive.Commit(t.Context(), group(2)); err != nil {
		t.Errorf("commit after the crash: %v", err)
	}
}

func TestRowsThatWereReadCanBeChangedByTheReader(t *testing.T) {
	s := memory.New()
	g := group(1)
	g.Conversations = []ledger.ConversationRow{{ID: 1, Status: "open", PassedOver: []string{"an"}}}
	if err := s.Commit(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	g.Conversations[0].PassedOver[0] = "changed by the writer"
	for range 2 {
		c, err := s.Conversation(t.Context(), 1)
		if err != nil || c.PassedOver[0] != "an" {
			t.Fatalf("got %+v, %v", c, err)
		}
		c.PassedOver[0] = "changed by a reader"
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		memory.New()
	}
}
