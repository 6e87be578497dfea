package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a server holds while nobody is connected. heap is at what size it will next collect its garbage: about twice what was alive the last time;
// collections counts how often that was.
type usage struct{ descriptors, goroutines, heap, collections int }

// warm notes what the server holds before anybody comes, where one process goes through the whole run.
func (r *run) warm(ctx context.Context) error {
	if r.Trouble != Network {
		return nil
	}
	var err error
	r.before, err = r.held(ctx)
	return err
}

// alone waits until the server holds little more than before anybody came. What it may keep are connections to its store, which are opened as they are needed.
func (r *run) alone(ctx context.Context) error {
	if r.Trouble != Network {
		return nil
	}
	const moreDescriptors, moreGoroutines = 24, 12
	r.proxy.Close()
	for _, c := range []*http.Client{r.http, r.agents.http, r.load.api.http} {
		c.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var now usage
	for wait(ctx, 100*time.Millisecond) {
		var err error
		if now, err = r.held(ctx); err != nil {
			return err
		}
		if now.descriptors <= r.before.descriptors+moreDescriptors && now.goroutines <= r.before.goroutines+moreGoroutines {
			r.Log(fmt.Sprintf("held before anybody came %+v, and when all are gone %+v", r.before, now))
			return nil
		}
	}
	r.history.fault("leak", nil, "%s after the last one has gone the server holds %+v; before anybody came it was %+v", patience, now, r.before)
	return nil
}

// held asks the server, and the system about its descriptors.
func (r *run) held(ctx context.Context) (usage, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.server.now.cmd.Process.Pid))
	if err != nil {
		return usage{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.url()+"/metrics", nil)
	if err != nil {
		return usage{}, err
	}
	response, err := r.server.probe.Do(request)
	if err != nil {
		return usage{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return usage{}, err
	}
	u := usage{descriptors: len(list)}
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "go_goroutines":
			u.goroutines = int(n)
		case name == "go_memstats_next_gc_bytes":
			u.heap = int(n)
		case name == "go_gc_duration_seconds_count":
			u.collections = int(n)
		}
	}
	if u.goroutines == 0 || u.heap == 0 {
		return u, fmt.Errorf("/metrics (%s) does not tell goroutines and memory", response.Status)
	}
	return u, nil
}
