package chaos

import (
	"context"
	"time"
)

// aheads are by how much the server's clock may be ahead: what time servers correct, what people do who mistake a zone or a day, and what a machine that slept
// finds when it wakes up (its monotonic clock has not gone on, as here).
var aheads = []time.Duration{
	0, 300 * time.Millisecond, -300 * time.Millisecond, 2 * time.Second, -2 * time.Second, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour,
}

// steps sets the server's clock once, to and fro, or while it is down.
func (r *run) steps(ctx context.Context, n int) error {
	if !wait(ctx, between(r.rng, 100*time.Millisecond, 1500*time.Millisecond)) {
		return ctx.Err()
	}
	over := r.load.surge()
	defer func() { over() }()
	wait(ctx, between(r.rng, 0, 40*time.Millisecond))
	ahead := aheads[r.rng.IntN(len(aheads))]
	r.result.Cycles++
	switch n % 5 {
	case 3: // to and fro
		before := r.server.ahead
		for range 4 {
			if err := r.server.setClock(ahead); err != nil {
				return err
			}
			wait(ctx, between(r.rng, 0, 60*time.Millisecond))
			if err := r.server.setClock(before); err != nil {
				return err
			}
			wait(ctx, between(r.rng, 0, 60*time.Millisecond))
		}
	case 4:
		r.result.Early++
		r.server.end(false)
		r.server.ahead = ahead
		begun := time.Now()
		if err := r.server.begin(); err != nil {
			return err
		}
		return r.server.ready(ctx, begun)
	default:
		if err := r.server.setClock(ahead); err != nil {
			return err
		}
	}
	if n%10 == 9 {
		r.tell()
	}
	return nil
}
