package disk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/test/release"
)

// player sends the script, one request after the other, each until it is answered.
type player struct {
	program *program
	told    *told
	history history
	server  *server
	caller  *caller
	client  *listener
	// begin starts the program when it has ended by itself; nil if it must not.
	begin  func() (*server, error)
	ends   []string // how the program ended by itself
	refuse map[int]int
	faults []string
}

func newPlayer(p *program, adminToken string) *player {
	pl := &player{program: p, told: newTold(), refuse: map[int]int{}}
	pl.told.tokens[admin] = adminToken
	pl.history = history{adminToken: adminToken, shown: map[int64]string{}}
	return pl
}

func (p *player) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// join goes on with a server.
func (p *player) join(ctx context.Context, s *server) error {
	p.server, p.caller = s, newCaller(s.url, p.told.tokens)
	if p.told.tokens[agent] == "" {
		return nil
	}
	return p.watch(ctx)
}

// watch connects the agent, and waits until it is there unless the disk keeps it away.
func (p *player) watch(ctx context.Context) error {
	l, err := listen(ctx, p.server.url, p.told.tokens[agent])
	if err != nil {
		return err
	}
	p.client = l
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-l.live:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// leave disconnects; the server may go on.
func (p *player) leave() {
	p.caller.close()
	if p.client == nil {
		return
	}
	shown, twice := p.client.end()
	p.faults = append(p.faults, twice...)
	for n, message := range shown {
		if before, ok := p.history.shown[n]; ok && before != message {
			p.fault("entry %d was shown as %s and in the next life as %s", n, before, message)
		}
	}
	maps.Copy(p.history.shown, shown)
	p.client = nil
}

// play sends steps.
func (p *player) play(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := p.do(ctx, s); err != nil {
			return fmt.Errorf("%s %s: %w", s.by, s.about, err)
		}
		if s.sort == token && s.about == agent {
			if err := p.watch(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// do sends a step until all of it was answered.
func (p *player) do(ctx context.Context, s step) error {
	r := p.told.ready(s)
	for begun := time.Now(); ; {
		x := p.caller.send(ctx, r)
		p.history.exchanges = append(p.history.exchanges, x)
		whole, err := p.told.learn(x)
		if err != nil || whole {
			return err
		}
		if x.status == 0 {
			if err := p.again(ctx); err != nil {
				return err
			}
		} else if err := p.excused(x); err != nil {
			return err
		}
		if time.Since(begun) > patience {
			return fmt.Errorf("the server does not recover within %s; the last answer is %d %s\n%s", patience, x.status, x.answer, p.server.All())
		}
		if !wait(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// excused says whether an answer is one that a server may give whose disk fails.
func (p *player) excused(x *exchange) error {
	p.refuse[x.status]++
	var problem struct{ Code string }
	err := json.Unmarshal(x.answer, &problem)
	switch x.status {
	case http.StatusOK: // a batch of which rows were refused
		return nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if x.retry == "" {
			p.fault("%s %s is answered %d without Retry-After", x.method, x.path, x.status)
		}
	case http.StatusInternalServerError:
	case http.StatusConflict:
		if problem.Code != "account.login.never" { // reads that failed have turned its client away, which comes again
			return fmt.Errorf("%s %s is answered %d: %s", x.method, x.path, x.status, x.answer)
		}
	default:
		return fmt.Errorf("%s %s is answered %d: %s", x.method, x.path, x.status, x.answer)
	}
	if err != nil || problem.Code == "" {
		p.fault("%s %s is answered %d without a code: %s", x.method, x.path, x.status, x.answer)
	}
	return nil
}

// again starts the program after it has ended by itself. One that runs and does not answer is at fault.
func (p *player) again(ctx context.Context) error {
	status, over := p.server.ended()
	if !over {
		return fmt.Errorf("the server runs and does not answer:\n%s", p.server.All())
	}
	if p.begin == nil {
		return fmt.Errorf("the server ended by itself with status %d:\n%s", status, p.server.All())
	}
	p.noteEnd(p.server, status)
	p.leave()
	s, err := p.begin()
	if err != nil {
		return fmt.Errorf("the server does not start again: %w", err)
	}
	return p.join(ctx, s)
}

// noteEnd wants a server that ended by itself to have said why.
func (p *player) noteEnd(s *server, status int) {
	lines := slices.DeleteFunc(s.Lines(release.Err), func(l string) bool { return strings.TrimSpace(l) == "" })
	last := ""
	if len(lines) > 0 {
		last = lines[len(lines)-1]
	}
	p.ends = append(p.ends, fmt.Sprintf("status %d: %s", status, last))
	if status != 1 && status != 2 {
		p.fault("the server ended by itself with status %d:\n%s", status, s.All())
	}
	if !strings.HasPrefix(last, "bida: ") && !strings.Contains(last, "level=ERROR") {
		p.fault("the server ended by itself and its last line does not say why: %q", last)
	}
}
