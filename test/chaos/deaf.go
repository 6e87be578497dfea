package chaos

import (
	"context"
	"slices"
	"time"
)

// deafAgents have no client that acknowledges anything.
var deafAgents = []string{"agent-b", "agent-e"}

// deafLife is a life of the server that is often long enough for it to notice who does not acknowledge.
func (r *run) deafLife(ctx context.Context, n int) error {
	if !wait(ctx, between(r.rng, 100*time.Millisecond, 2500*time.Millisecond)) {
		return ctx.Err()
	}
	return r.life(ctx, n)
}

const ownerReleased = "delivery.withdrawn.owner_released"

// passed says that a message was taken from an agent who does not acknowledge and received by a colleague.
func (t *Trace) passed() bool {
	taken, got := false, false
	for _, d := range t.Deliveries {
		deaf := slices.Contains(deafAgents, d.Agent)
		taken = taken || deaf && d.Code == ownerReleased
		got = got || !deaf && d.State != "queued" && d.State != withdrawn
	}
	return taken && got
}

// answering are the connections on which something was acknowledged. One that falls asleep and wakes up may be given again what was taken from it.
func (k *checker) answering() map[string]bool {
	heard := map[string]bool{}
	for _, t := range k.final.Traces {
		if t == nil {
			continue
		}
		for _, d := range t.Deliveries {
			for _, a := range d.Attempts {
				heard[a.Connection] = heard[a.Connection] || a.Result == "received"
			}
		}
	}
	return heard
}

// deaf: what was pushed on a connection that never acknowledges anything, and was therefore taken away, is not given to the same connection again.
func (k *checker) deaf() {
	heard := k.answering()
	for _, p := range k.history.Posts {
		t := k.final.Traces[p.key()]
		if t == nil {
			continue
		}
		taken := map[string]int64{} // by connection, the entry
		for _, d := range t.Deliveries {
			if d.State != withdrawn || d.Code != ownerReleased {
				continue
			}
			for _, a := range d.Attempts {
				if a.Result != "unacknowledged" || heard[a.Connection] {
					continue
				}
				entry, again := taken[a.Connection]
				if again && entry != d.AgentSequence {
					k.brokenFor(p, "withdrawn again", t, "message %s was taken from %s twice, as entries %d and %d of the same connection %s, which did not acknowledge it",
						p.key(), d.Agent, entry, d.AgentSequence, a.Connection)
				}
				taken[a.Connection] = d.AgentSequence
			}
		}
	}
}
