package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// disk is a small file system for one data directory.
type disk struct{ path string }

// The sizes are such that what the program writes between two looks at the room, at full speed, is far less than what is left below the mark.
const (
	diskSize = 160 << 20
	lowMark  = 64 << 20
	// above and below the mark, a little
	above = lowMark + 6<<20
	below = lowMark - 12<<20
)

func (d *disk) neighbour() string { return filepath.Join(d.path, "neighbour") }

// eat has another file take the room, all but so much. That it cannot have the last of it is as it should be.
func (d *disk) eat(but int64) error {
	f, err := os.Create(d.neighbour())
	if err != nil {
		return err
	}
	defer f.Close()
	piece := make([]byte, 64<<10)
	for {
		free, err := d.free()
		if err != nil {
			return err
		}
		if free <= but {
			return nil
		}
		if _, err := f.Write(piece[:min(free-but, int64(len(piece)))]); err != nil {
			return nil // full
		}
	}
}

// fill has the disk become full in one of three ways, and looks at what is promised of that: a neighbour takes the room, in one go, down to below the low mark, or
// all of it, at which now and then the server dies; or the program takes the last of it above the mark itself.
func (r *run) fill(ctx context.Context, n int) error {
	if !wait(ctx, between(r.rng, 100*time.Millisecond, time.Second)) {
		return ctx.Err()
	}
	over := r.load.surge()
	defer over()
	var err error
	switch n % 4 {
	case 0:
		err = r.scarce(ctx, below, n)
	case 2:
		err = r.scarce(ctx, above, n)
	default:
		err = r.empty(ctx, n%4 == 3)
	}
	if err == nil {
		err = r.intake(ctx, true)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, r.server.now.log)
	}
	r.result.Cycles++
	r.tell()
	return nil
}

// scarce leaves so much, and gives it back when it was seen what is promised of that.
func (r *run) scarce(ctx context.Context, but int64, n int) error {
	if err := r.Disk.eat(but); err != nil {
		return err
	}
	if err := r.low(ctx, n); err != nil {
		return err
	}
	return os.Remove(r.Disk.neighbour())
}

// low waits until intake is refused, wants everything else to go on, and intake still to be refused then.
func (r *run) low(ctx context.Context, n int) error {
	if err := r.intake(ctx, false); err != nil {
		return err
	}
	for _, value := range []string{"away", "available"} {
		if err := r.goesOn(ctx, "/accounts/agent-f/presence", map[string]any{"value": value}); err != nil {
			return err
		}
	}
	spare := map[string]any{"kind": "account", "name": "spare", "spec": map[string]any{"title": fmt.Sprint("备用 ", n)}}
	if err := r.goesOn(ctx, "/policy", map[string]any{"documents": []any{spare}}); err != nil {
		return err
	}
	return r.intake(ctx, false)
}

func (r *run) goesOn(ctx context.Context, path string, body any) error {
	status, answer, err := r.api("admin").put(ctx, path, "*", body)
	if err == nil && status != http.StatusOK {
		r.history.fault("full", nil, "with little room left PUT %s is answered %d: %s", path, status, answer)
	}
	return err
}

// empty takes all room for a while; the server may die of something else meanwhile.
func (r *run) empty(ctx context.Context, die bool) error {
	if err := r.Disk.eat(0); err != nil {
		return err
	}
	wait(ctx, between(r.rng, 200*time.Millisecond, 2*time.Second))
	if free, err := r.Disk.free(); err != nil || free > 0 {
		return fmt.Errorf("the disk should be full and has %d bytes: %w", free, err)
	}
	if die {
		r.server.end(false)
	}
	if err := os.Remove(r.Disk.neighbour()); err != nil {
		return err
	}
	if !die {
		return nil
	}
	r.result.Early++
	begun := time.Now()
	if err := r.server.begin(); err != nil {
		return err
	}
	return r.server.ready(ctx, begun)
}

// intake waits until intake is open, or is refused for want of room, as a message tells that was taken in long ago and is sent again.
func (r *run) intake(ctx context.Context, open bool) error {
	var known *Post
	for known == nil {
		if !wait(ctx, time.Millisecond) {
			return ctx.Err()
		}
		known = r.history.anyTold()
	}
	body, err := json.Marshal(known.body())
	if err != nil {
		return err
	}
	said := ""
	for until := time.Now().Add(patience); time.Now().Before(until); wait(ctx, 20*time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.server.url()+"/api/v1/inboxes/"+known.Inbox+"/messages", bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+r.tokens[Robot])
		response, err := r.agents.http.Do(request)
		if err != nil {
			said = err.Error()
			continue
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it was read
		if err != nil {
			continue
		}
		var refusal struct{ Code string }
		_ = json.Unmarshal(answer, &refusal) // what is no refusal has no code
		said = fmt.Sprintf("%d %s", response.StatusCode, answer)
		if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
			r.history.fault("full", said, "a refusal does not say when to try again")
		}
		if open && response.StatusCode == http.StatusOK || !open && response.StatusCode == http.StatusServiceUnavailable && refusal.Code == "system.health.disk" {
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	free, _ := r.Disk.free() // for a person
	r.history.fault("full", said, "with %d bytes free intake does not become open (%v)", free, open)
	return errors.New("intake does not do as the disk does: " + said)
}

// anyTold finds a message that was taken in; nil while there is none.
func (h *History) anyTold() *Post {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.Posts {
		if len(p.Told) > 0 {
			return p
		}
	}
	return nil
}
