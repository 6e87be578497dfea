package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// leisurely are times that even a machine with far too much to do keeps: a client that is not run for a second is none that has gone.
var leisurely = []string{"BIDA_CONNECTION_GRACE=60s", "BIDA_ACK_TIMEOUT=20s", "BIDA_HEARTBEAT=10s", "BIDA_STALE=60s"}

// leisure gives a server that has gone through its lives such times for the last one, in which it is looked at.
func (r *run) leisure(ctx context.Context) error {
	r.server.end(true)
	r.server.env = append(r.server.env, leisurely...)
	begun := time.Now()
	if err := r.server.begin(); err != nil {
		return err
	}
	return r.server.ready(ctx, begun)
}

// still waits until nothing moves: for longer than any grace or timeout of the company no client was shown anything, and the ledger, which has done all that
// it was given before it answers, has written nothing.
func (r *run) still(ctx context.Context) error {
	quiet := 2500 * time.Millisecond
	if r.Unhurried {
		quiet = 25 * time.Second
	}
	before, since := "", time.Now()
	for wait(ctx, 100*time.Millisecond) {
		asked := time.Now()
		now, err := r.rest(ctx)
		if err != nil {
			return err
		}
		if now != before || !r.agents.allLive() || time.Since(asked) > time.Second {
			before, since = now, time.Now()
		} else if time.Since(since) > quiet {
			return nil
		}
	}
	r.history.fault("client", before, "clients are not connected, or the server does not come to rest, %s after its last end", 2*patience)
	return nil
}

// position sends a message again, which has to pass through the ledger and changes nothing, and reads up to where the ledger is.
func (r *run) position(ctx context.Context) (int64, error) {
	for _, p := range r.history.Posts {
		if len(p.Told) == 0 {
			continue
		}
		status, answer, err := r.api(Robot).call(ctx, http.MethodPost, "/inboxes/"+p.Inbox+"/messages", p.body())
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("a message that was sent again is answered %d: %s", status, answer)
		}
		if err != nil {
			return 0, err
		}
		break
	}
	return r.server.position(ctx)
}

// looks is how often everything is looked at, at most, if something is wrong that may only seem so: on a machine with too much to do, a client that is not run for
// longer than a connection may be silent loses what it has, and what was read before then does not fit what is read after.
const looks = 4

// look reads everything, at rest.
func (r *run) look(ctx context.Context) (*Observed, error) {
	for n := 1; ; n++ {
		begun := time.Now()
		o, moved, err := r.glance(ctx)
		if err != nil {
			return nil, err
		}
		r.Log("looked for " + time.Since(begun).Round(100*time.Millisecond).String())
		if moved == "" || r.right(o) {
			return o, nil
		}
		r.Log("something has moved meanwhile: " + moved)
		r.moved(ctx, begun)
		if n == looks {
			r.history.fault("client", moved, "something has moved each of the %d times that everything was looked at: what else is wrong may only seem so", n)
			return o, nil
		}
		calm, cancel := context.WithTimeout(ctx, 2*patience)
		err = r.still(calm)
		cancel()
		if err != nil {
			return nil, err
		}
	}
}

// glance reads everything once, and says what has moved while it did.
func (r *run) glance(ctx context.Context) (o *Observed, moved string, err error) {
	last := map[string]int64{}
	for _, v := range r.agents.viewers {
		if v.cursor != nil && v.view.Client == "last-"+v.view.Account {
			last[v.view.Account] = *v.cursor
		}
	}
	before, err := r.rest(ctx)
	if err != nil {
		return nil, "", err
	}
	if o, err = observe(ctx, r.api("admin"), r.api(Robot), r.company, r.history, last); err != nil {
		return nil, "", err
	}
	after, err := r.rest(ctx)
	if before != after {
		moved = before + " became " + after
	}
	return o, moved, err
}

// right says that nothing is wrong with what was seen so far, beside what was known before.
func (r *run) right(o *Observed) bool {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	return len(Check(r.company, r.history, o)) == len(r.history.Faults)
}

// moved tells what has happened to agents since an instant.
func (r *run) moved(ctx context.Context, since time.Time) {
	for _, account := range r.company.Agents {
		var page struct{ Presence, Connection []Span }
		if _, err := get(ctx, r.api("admin"), "/accounts/"+account+"/timeline?"+url.Values{"from": {since.Format(time.RFC3339Nano)}}.Encode(), &page); err != nil {
			r.Log(err.Error())
			continue
		}
		for _, s := range append(page.Presence, page.Connection...) {
			if s.From.After(since) {
				r.Log(fmt.Sprintf("%s is %s since %s: %s", account, s.Value, s.From.Format("15:04:05.000"), s.Cause))
			}
		}
	}
}

// rest says where the ledger and the clients are; it is the same as long as nothing moves.
func (r *run) rest(ctx context.Context) (string, error) {
	position, err := r.position(ctx)
	return fmt.Sprint(position, " ", r.history.shown()), err
}
