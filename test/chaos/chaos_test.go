package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bidahq/bida/test/release"
)

var (
	long   = flag.Bool("long", false, "many more cycles: 10,000 kills instead of 30")
	cycles = flag.Int("cycles", 0, "how many cycles, whatever -long says")
	keep   = flag.String("keep", "", "write what was seen into this directory")
	seed   = flag.Uint64("seed", 0, "choose as the run with this seed did")
)

const (
	senders = 32
	round   = 500 // cycles on one company, at most
	hurried = 50  // from so many cycles on a run hurries
)

func chosenSeed() uint64 {
	if *seed != 0 {
		return *seed
	}
	return rand.Uint64N(1_000_000) + 1
}

// chaos runs cycles in rounds, each with a company of its own, and reports every fault.
func chaos(t *testing.T, p Plan, all int, database func(*testing.T) string) {
	t.Helper()
	s := chosenSeed()
	t.Logf("seed %d: go test ./test/chaos -run %s -args -seed=%d", s, t.Name(), s)
	p.Program, p.Senders, p.Hurry, p.Kept = release.Program(t), senders, all > hurried, *keep
	if p.Hurry {
		p.Think *= 4 // or there is too much to look at
	}
	p.Log = func(text string) { t.Log(time.Now().Format("15:04:05 "), text) }
	var longest time.Duration // of a round
	for done := 0; done < all; s++ {
		p.Data, p.Seed, p.Cycles = t.TempDir(), s, min(round, all-done)
		if p.Trouble == Full {
			p.Disk, p.Data = smallDisk(t)
		}
		if database != nil {
			p.Database = database(t)
		}
		begun := time.Now()
		if end, ok := t.Deadline(); ok && time.Until(end) < longest+longest/2+patience {
			t.Fatalf("the time is over after %d of %d cycles: run with a longer -timeout", done, all)
		}
		r, err := Run(t.Context(), p)
		longest = max(longest, time.Since(begun))
		if err != nil {
			t.Fatalf("seed %d: %v", s, err)
		}
		t.Logf("seed %d: %s: %s", s, time.Since(begun).Round(time.Second), r)
		if p.Trouble == Deaf && r.Passed == 0 {
			t.Errorf("seed %d: nothing went on from agents who never acknowledge", s)
		}
		if p.Trouble == Lost && r.Refused == 0 {
			t.Errorf("seed %d: nobody was lost with an answer on the way", s)
		}
		for i, f := range r.Faults {
			if i == mostReported {
				t.Errorf("… and %d more", len(r.Faults)-i)
				break
			}
			t.Errorf("seed %d: %s", s, f)
		}
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(p.Data); err != nil {
			t.Error(err)
		}
		done += r.Cycles
	}
}

// times is how often a trouble happens in the short form and in the long one.
func times(few, many int) int {
	switch {
	case *cycles > 0:
		return *cycles
	case *long:
		return many
	}
	return few
}

func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
	chaos(t, Plan{Think: 250 * time.Millisecond}, times(30, 10_000), nil)
}

func TestNothingIsLostOnPostgreSQL(t *testing.T) {
	server := os.Getenv("BIDA_TEST_POSTGRES")
	if server == "" {
		t.Skip("BIDA_TEST_POSTGRES names no PostgreSQL server")
	}
	chaos(t, Plan{Think: 300 * time.Millisecond}, times(5, 500), func(t *testing.T) string { return ownDatabase(t, server) })
}

// The short form has short times; the long one sleeps for twenty seconds, too, with the times that users have.
func TestNothingIsLostWhenAgentsFallAsleep(t *testing.T) {
	if *long {
		chaos(t, Plan{Trouble: Sleep, Think: 100 * time.Millisecond, Unhurried: true}, 20, nil)
	}
	chaos(t, Plan{Trouble: Sleep, Think: 250 * time.Millisecond}, times(10, 200), nil)
}

func TestNothingIsLostInABadNetwork(t *testing.T) {
	chaos(t, Plan{Trouble: Network, Think: 250 * time.Millisecond}, times(8, 400), nil)
}

// Agents who never acknowledge: what they are given goes on to colleagues, and does not come back while they are still silent.
func TestNothingIsLostWithAgentsWhoNeverAcknowledge(t *testing.T) {
	chaos(t, Plan{Trouble: Deaf, Think: 250 * time.Millisecond}, times(8, 300), nil)
}

func TestNothingIsLostWhenOwnersAreLostInTheMiddleOfAnAnswer(t *testing.T) {
	chaos(t, Plan{Trouble: Lost, Think: 250 * time.Millisecond}, times(10, 400), nil)
}

func TestNothingIsLostWhenPostgreSQLGoesAway(t *testing.T) {
	server := os.Getenv("BIDA_TEST_POSTGRES")
	if server == "" {
		t.Skip("BIDA_TEST_POSTGRES names no PostgreSQL server")
	}
	chaos(t, Plan{Trouble: Outage, Think: 250 * time.Millisecond, Superior: server}, times(6, 200), func(t *testing.T) string { return ownDatabase(t, server) })
}

// ownDatabase makes a database that is dropped at the end.
func ownDatabase(t *testing.T, server string) string {
	t.Helper()
	name := fmt.Sprintf("bida_chaos_%d_%d", os.Getpid(), rand.Uint32())
	do := func(ctx context.Context, statement string) error {
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }() // the statement has been answered
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := do(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if err := do(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("PostgreSQL: %v", err)
		}
	})
	address, err := forDatabase(server, name)
	if err != nil {
		t.Fatal(err)
	}
	return address
}
