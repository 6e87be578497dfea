package chaos

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// lost are agents that are taken away: those who are not away by themselves now and then.
var lost = []string{"agent-a", "agent-c", "agent-d", "agent-f"}

// lose takes an agent away, or the server, while its answers are on the way; then it comes back.
func (r *run) lose(ctx context.Context, n int) error {
	if !wait(ctx, between(r.rng, 50*time.Millisecond, 700*time.Millisecond)) {
		return ctx.Err()
	}
	account := lost[r.rng.IntN(len(lost))]
	over := r.load.surge()
	r.answers(account)
	wait(ctx, between(r.rng, 0, 12*time.Millisecond))
	frozen := n%4 != 1
	switch n % 4 {
	case 0:
		r.state(ctx, account, "frozen")
	case 1:
		r.endSessions(ctx, account)
	case 2: // the server is killed while it hears of it
		freezing := make(chan struct{})
		go func() { r.state(ctx, account, "frozen"); close(freezing) }()
		defer func() { <-freezing }()
		fallthrough
	case 3:
		wait(ctx, between(r.rng, 0, 5*time.Millisecond))
		if err := r.again(ctx); err != nil {
			over()
			return err
		}
		frozen = n%4 == 2
	}
	r.answers(account) // of somebody who does not know yet
	over()
	wait(ctx, between(r.rng, 0, 600*time.Millisecond))
	r.result.Cycles++
	if frozen {
		r.agents.workers.Go(func() { r.state(r.agents.ctx, account, "active") })
	}
	if n%10 == 9 {
		r.tell()
	}
	return nil
}

// again kills the server and starts it.
func (r *run) again(ctx context.Context) error {
	r.server.end(false)
	begun := time.Now()
	if err := r.server.begin(); err != nil {
		return err
	}
	return r.server.ready(ctx, begun)
}

// answers has an agent answer what it was shown last.
func (r *run) answers(account string) {
	a := r.agents
	a.mu.Lock()
	defer a.mu.Unlock()
	by := &api{base: a.url, token: a.tokens[account], http: a.http}
	for _, c := range a.recent[account] {
		id := fmt.Sprintf("%s-lost-%d", account, a.count.Add(1))
		a.workers.Go(func() { a.answer(by, account, c, id) })
	}
}

// state sets an account's state until that is done.
func (r *run) state(ctx context.Context, account, state string) {
	r.insist(ctx, http.MethodPut, "/accounts/"+account+"/state", map[string]any{"state": state, "reason": "chaos"})
}

// endSessions signs an account out everywhere.
func (r *run) endSessions(ctx context.Context, account string) {
	r.insist(ctx, http.MethodDelete, "/accounts/"+account+"/sessions", nil)
}

// insist has the administrator do something until it is done.
func (r *run) insist(ctx context.Context, method, path string, body any) {
	admin := r.api("admin")
	for ctx.Err() == nil {
		switch status, answer, err := admin.call(ctx, method, path, body); {
		case again(status, err):
			wait(ctx, 20*time.Millisecond)
		case status >= http.StatusBadRequest && status != http.StatusConflict && status != http.StatusPreconditionFailed:
			r.history.fault("refused", body, "%s %s is answered %d: %s", method, path, status, answer)
			return
		case status < http.StatusBadRequest:
			return
		}
	}
}
