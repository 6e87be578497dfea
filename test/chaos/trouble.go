package chaos

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Trouble is what a run does to the company, a number of times (Plan.Cycles).
type Trouble int

// The troubles.
const (
	Kill    Trouble = iota // the server is killed, and now and then asked to end
	Sleep                  // agents' machines fall asleep in the middle of whatever they do, and wake up: no byte is read or sent, and nothing is closed
	Outage                 // the PostgreSQL of Plan.Database ends all connections, takes none for a while, or takes no writes
	Network                // what is between the clients, the senders and the server is slow, cuts connections, passes them on out of order, and swallows what is sent without a word
	Deaf                   // the server is killed, and some agents' clients show everything and never acknowledge
	Lost                   // agents lose their sign-in, their account or the server while their answers are on the way
	Clock                  // the server's wall clock is set, ahead and back, by seconds, hours and a day; now and then while it is down
	Full                   // the file system of the data directory (Plan.Disk) is full, by the program itself or by a neighbour, to the last byte now and then
)

// sleep has a terminal agent's machine fall asleep, or all clients of one account at once, and wake up again.
func (r *run) sleep(ctx context.Context, n int) error {
	lengths := []time.Duration{200 * time.Millisecond, 900 * time.Millisecond, 2 * time.Second, 4 * time.Second}
	if r.Unhurried {
		lengths = []time.Duration{8 * time.Second, 20 * time.Second}
	}
	account := r.company.Agents[r.rng.IntN(len(r.company.Agents))]
	asleep := r.agents.sleeping(account, chance(r.rng, 50))
	if err := signal(asleep, syscall.SIGSTOP); err != nil {
		return err
	}
	over := r.load.surge()
	wait(ctx, between(r.rng, 0, 80*time.Millisecond))
	over()
	awake := wait(ctx, lengths[r.rng.IntN(len(lengths))])
	if err := signal(asleep, syscall.SIGCONT); err != nil {
		return err
	}
	if !awake || !wait(ctx, between(r.rng, 0, 1500*time.Millisecond)) {
		return ctx.Err()
	}
	r.result.Cycles++
	if n%10 == 9 {
		r.tell()
	}
	return nil
}

// sleeping are the terminal agents of an account, or one of them.
func (a *agents) sleeping(account string, all bool) []*process {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []*process
	for _, l := range a.lines {
		if l.account == account && (all || len(list) == 0) {
			list = append(list, l.process)
		}
	}
	return list
}

func signal(list []*process, s syscall.Signal) error {
	for _, p := range list {
		if err := p.cmd.Process.Signal(s); err != nil {
			return fmt.Errorf("%s to a terminal agent: %w", s, err)
		}
	}
	return nil
}

// outage has the database go away under the server.
func (r *run) outage(ctx context.Context, n int) error {
	if !wait(ctx, between(r.rng, 100*time.Millisecond, 1500*time.Millisecond)) {
		return ctx.Err()
	}
	over := r.load.surge()
	wait(ctx, between(r.rng, 0, 40*time.Millisecond))
	defer over()
	admin, err := pgx.Connect(ctx, r.Superior)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer func() { _ = admin.Close(ctx) }() // every statement has been answered
	name := pgx.Identifier{databaseOf(r.Database)}.Sanitize()
	kinds := []struct{ begin, end string }{
		{"", ""}, // all connections end, and new ones are taken
		{"ALTER DATABASE " + name + " ALLOW_CONNECTIONS false", "ALTER DATABASE " + name + " ALLOW_CONNECTIONS true"},
		{"ALTER DATABASE " + name + " SET default_transaction_read_only = on", "ALTER DATABASE " + name + " RESET default_transaction_read_only"},
	}
	k := kinds[n%len(kinds)]
	for i, step := range []string{k.begin, k.end} {
		if step != "" {
			if _, err := admin.Exec(ctx, step); err != nil {
				return fmt.Errorf("PostgreSQL: %s: %w", step, err)
			}
		}
		// What is set for a database holds for new connections.
		if _, err := admin.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", databaseOf(r.Database)); err != nil {
			return fmt.Errorf("PostgreSQL: %w", err)
		}
		if i == 0 && k.begin != "" && !wait(ctx, between(r.rng, 200*time.Millisecond, 3*time.Second)) {
			return ctx.Err()
		}
	}
	r.result.Cycles++
	r.tell()
	return nil
}

func (r *run) tell() {
	faults := r.history.faults()
	r.Log(fmt.Sprintf("%d cycles, %d messages, %d events, %d faults", r.result.Cycles, r.load.count(), r.history.shown(), len(faults)))
	for _, f := range faults[min(len(faults), r.told):] {
		r.Log(f.String())
	}
	r.told = len(faults)
}
