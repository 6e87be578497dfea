package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/migrate"
	"github.com/bidahq/bida/internal/store/postgres"
)

// group is the n-th group: one message in one conversation.
func group(n int64) *ledger.Group {
	at := time.UnixMicro(n * 1e6).UTC()
	return &ledger.Group{First: n, Last: n, At: at, Nonce: fmt.Sprint(n),
		Messages: []ledger.MessageRow{{Position: n, Direction: ledger.Inbound, Inbox: "web", Conversation: 1, Sequence: n, At: at}}}
}

func load(t *testing.T, s *postgres.Store) *ledger.State {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func commit(t *testing.T, s *postgres.Store, n int64) {
	t.Helper()
	if err := s.Commit(t.Context(), group(n)); err != nil {
		t.Fatalf("group %d: %v", n, err)
	}
}

func connect(t *testing.T, target string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestTheDeciderThatWasReplacedWritesNothing(t *testing.T) {
	needServer(t)
	target := database(t)
	first, second := open(t, target, postgres.Options{}), open(t, target, postgres.Options{})
	defer first.Close()
	defer second.Close()
	if err := first.Commit(t.Context(), group(1)); !errors.Is(err, ledger.ErrNotDecider) {
		t.Errorf("commit before Load: %v", err)
	}
	load(t, first)
	commit(t, first, 1)
	if got := load(t, second).Position; got != 1 {
		t.Errorf("the successor begins at position %d", got)
	}
	for what, g := range map[string]*ledger.Group{"group": group(2), "refused group": group(1), "alive mark": {Alive: true, At: time.Now()}} {
		if err := first.Commit(t.Context(), g); !errors.Is(err, ledger.ErrNotDecider) {
			t.Errorf("%s of the former decider: %v", what, err)
		}
	}
	if err := first.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(t.Context(), group(2)); !errors.Is(err, ledger.ErrNotDecider) {
		t.Errorf("commit of the former decider after Reopen: %v", err)
	}
	commit(t, second, 2)
	if got := load(t, first).Position; got != 2 {
		t.Errorf("position %d", got)
	}
	commit(t, first, 3)
	if err := second.Commit(t.Context(), group(4)); !errors.Is(err, ledger.ErrNotDecider) {
		t.Errorf("commit after it was taken back: %v", err)
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	needServer(t)
	target := database(t)
	if err := open(t, target, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, target).Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	_, err := postgres.Open(t.Context(), target, postgres.Options{})
	if !errors.Is(err, migrate.ErrNewer) || !strings.Contains(err.Error(), "99") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestTwoNodesMayStartAtOnce(t *testing.T) {
	needServer(t)
	target := database(t)
	results := make(chan error)
	for range 3 {
		go func() {
			s, err := postgres.Open(context.Background(), target, postgres.Options{})
			if err == nil {
				err = s.Close()
			}
			results <- err
		}()
	}
	for range 3 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestAConnectionLostBetweenCommitsIsReplaced(t *testing.T) {
	needServer(t)
	target := database(t)
	s := open(t, target, postgres.Options{})
	defer s.Close()
	load(t, s)
	commit(t, s, 1)
	if _, err := connect(t, target).Exec(t.Context(), "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), group(2)); !errors.Is(err, ledger.ErrUnavailable) || errors.Is(err, ledger.ErrCommitUnknown) {
		t.Errorf("commit on a lost connection: %v", err)
	}
	commit(t, s, 2)
	// A connection that was used within the last second is not tried before it is used again: Reopen gives all of them up.
	if err := s.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := load(t, s).Position; got != 2 {
		t.Errorf("position %d", got)
	}
}

func TestAReadOnlyServerIsUnavailable(t *testing.T) {
	needServer(t)
	target := database(t)
	s := open(t, target, postgres.Options{})
	defer s.Close()
	load(t, s)
	if _, err := connect(t, target).Exec(t.Context(), "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$"); err != nil {
		t.Fatal(err)
	}
	if err := s.Reopen(t.Context()); err == nil {
		err = s.Commit(t.Context(), group(1))
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("commit: %v", err)
		}
	} else if !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("reopen: %v", err)
	}
	if _, err := s.ConversationMessages(t.Context(), 1, 0, 9); err != nil {
		t.Errorf("reading: %v", err)
	}
}

func TestCommitsAreDurableWhateverTheServersDefault(t *testing.T) {
	needServer(t)
	target := database(t)
	s := open(t, target, postgres.Options{})
	defer s.Close()
	_, err := connect(t, target).Exec(t.Context(), `
DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$;
CREATE FUNCTION demand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF current_setting('synchronous_commit') <> 'on' THEN RAISE 'not durable'; END IF;
	RETURN new;
END $$;
CREATE TRIGGER demand BEFORE INSERT ON groups FOR EACH ROW EXECUTE FUNCTION demand();`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, target).Exec(t.Context(), "INSERT INTO groups VALUES (1, 1, 1, '')"); err == nil {
		t.Fatal("the trigger does not demand anything")
	}
	if err := s.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	load(t, s)
	commit(t, s, 1)
}

// A COMMIT whose connection is lost may still be executed by the server: Reopen must not return while HasGroup could still change its answer.
func TestReopenWaitsForACommitThatIsStillBeingExecuted(t *testing.T) {
	needServer(t)
	target := database(t)
	s := open(t, target, postgres.Options{})
	defer s.Close()
	load(t, s)
	zombie := connect(t, target)
	if _, err := zombie.Exec(t.Context(), "BEGIN; UPDATE decider SET position = 1; INSERT INTO groups VALUES (1, 1, 1, '1')"); err != nil {
		t.Fatal(err)
	}
	reopened := make(chan error, 1)
	go func() { reopened <- s.Reopen(context.Background()) }()
	watch := connect(t, target)
	for waiting := 0; waiting == 0; {
		select {
		case err := <-reopened:
			t.Fatalf("Reopen did not wait: %v", err)
		default:
		}
		err := watch.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := zombie.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-reopened; err != nil {
		t.Fatal(err)
	}
	if has, err := s.HasGroup(t.Context(), 1, "1"); !has || err != nil {
		t.Errorf("the group of the late commit: %v, %v", has, err)
	}
}
