package chaos

import (
	"context"
	"time"
)

// between puts a proxy between the server and everybody outside, where the trouble is the network. Who looks at the end asks the server itself.
func (r *run) between() error {
	if r.Trouble != Network {
		return nil
	}
	var err error
	r.proxy, err = newProxy(r.server.address, r.Seed)
	return err
}

// outside is where clients and senders find the server.
func (r *run) outside() string {
	if r.proxy != nil {
		return r.proxy.url()
	}
	return r.server.url()
}

// network lets the network be bad for a while. What became silent in it stays silent until the sides give it up.
func (r *run) network(ctx context.Context, n int) error {
	bad := []struct {
		weather Weather
		silence Direction
	}{
		{Weather{Delay: 80 * time.Millisecond, Rate: 60_000}, 0},
		{Weather{Delay: 10 * time.Millisecond, Cut: 4}, 0},
		{Weather{Hold: 400 * time.Millisecond, Cut: 2}, 0},
		{Weather{}, ToServer | ToClient},
		{Weather{}, ToServer},
		{Weather{}, ToClient},
		{Weather{Swallow: ToServer | ToClient}, ToServer | ToClient}, // nobody gets through
		{Weather{Delay: 40 * time.Millisecond, Hold: 200 * time.Millisecond, Cut: 1, Rate: 200_000}, ToClient},
	}[n%8]
	if !wait(ctx, between(r.rng, 0, 400*time.Millisecond)) {
		return ctx.Err()
	}
	over := r.load.surge()
	r.proxy.set(bad.weather)
	r.proxy.silence(bad.silence, 40)
	wait(ctx, between(r.rng, 0, 40*time.Millisecond))
	over()
	if !wait(ctx, between(r.rng, 300*time.Millisecond, 1800*time.Millisecond)) {
		return ctx.Err()
	}
	r.proxy.set(Weather{})
	r.result.Cycles++
	if n%10 == 9 {
		r.tell()
	}
	return nil
}
