package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// kind is a kind of system call that can fail, and how.
type kind struct {
	calls string // as strace names them
	// ours: only calls about the data directory count, since the program opens other files too.
	ours   bool
	errors []string
}

var kinds = []kind{
	{calls: "pwrite64", errors: []string{"ENOSPC", "EIO"}},
	{calls: "fsync", errors: []string{"EIO"}},
	{calls: "ftruncate", errors: []string{"EIO"}},
	{calls: "open,openat", ours: true, errors: []string{"ENOSPC", "EMFILE"}},
	{calls: "/^rename", errors: []string{"EIO"}},
	{calls: "/^mkdir", errors: []string{"ENOSPC"}},
	{calls: "/^unlink", errors: []string{"EIO"}},
}

// Fault is an error of the disk: the calls from the first on fail, so many of them. Strace counts for each thread, so every thread's have their turn.
type Fault struct {
	kind
	error       string
	first, many int
}

// String names the fault as strace would be told.
func (f Fault) String() string {
	when := strconv.Itoa(f.first)
	if f.many > 1 {
		when += ".." + strconv.Itoa(f.first+f.many-1)
	}
	return fmt.Sprintf("inject=%s:error=%s:when=%s", f.calls, f.error, when)
}

// under is what makes the calls of a server fail.
func (f Fault) under(output, data string) strace {
	u := strace{output, []string{"-e", "trace=" + f.calls, "-e", f.String()}}
	if f.many == 0 {
		u.args = u.args[:2] // it only counts
	}
	if f.ours {
		for _, name := range []string{"", "/bida.db", "/bida.db-wal", "/bida.lock", "/files", "/files/incoming"} {
			u.args = append(u.args, "-P", data+name)
		}
	}
	return u
}

// outcome is what a run with a fault was like.
type outcome struct {
	injected int
	refused  map[int]int // answers by status
	ends     []string    // how the server ended by itself
	faults   []string
	counts   int // calls of the busiest thread
}

// suffer plays the script while the disk fails, then starts the server on a disk that works, and asks for everything. The server is asked to end or killed.
func suffer(ctx context.Context, path, root string, f Fault, politely bool) (*outcome, error) {
	p := &program{path: path, data: filepath.Join(root, "data")}
	adminToken, err := p.found(strace{}, strace{})
	if err != nil {
		return nil, err
	}
	pl := newPlayer(p, adminToken)
	output := filepath.Join(root, "trace")
	pl.begin = func() (*server, error) { return p.serve(strace{}) }
	err = pl.sufferedLife(ctx, f.under(output, p.data), politely)
	o := &outcome{refused: pl.refuse, ends: pl.ends}
	o.faults = pl.faults
	if err != nil {
		o.faults = append(o.faults, err.Error())
	}
	if readErr := o.read(output); readErr != nil {
		return nil, readErr
	}
	if err == nil {
		o.faults = append(o.faults, ask(ctx, p.data, &pl.history, outside(path))...)
	}
	return o, nil
}

// sufferedLife is the life of the server whose disk fails, and of those that follow if it ends by itself.
func (p *player) sufferedLife(ctx context.Context, u strace, politely bool) error {
	s, err := p.program.serve(u)
	if s == nil {
		return err
	}
	defer func() { s.Kill() }()
	if err != nil {
		status, over := s.ended()
		if !over {
			return err
		}
		p.noteEnd(s, status)
		if s, err = p.begin(); err != nil {
			return fmt.Errorf("the server does not start though its disk works: %w", err)
		}
	}
	if err := p.join(ctx, s); err != nil {
		return err
	}
	var all []step
	for _, life := range script {
		all = append(all, life...)
	}
	err = p.play(ctx, all)
	last := p.server // it may be another one now
	defer last.Kill()
	p.leave()
	if err != nil {
		return err
	}
	if !politely {
		return last.kill()
	}
	if err := last.stop(); err != nil {
		status, over := last.ended()
		if !over {
			return err
		}
		p.noteEnd(last, status)
	}
	return nil
}

var (
	threadOf = regexp.MustCompile(`^(\d+) +\w+\(`)
	errNone  = errors.New("strace recorded nothing")
)

// read counts what strace did.
func (o *outcome) read(output string) error {
	raw, err := os.ReadFile(output)
	if err != nil {
		return fmt.Errorf("%w (is ptrace allowed here?): %w", errNone, err)
	}
	threads := map[string]int{}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if found := threadOf.FindStringSubmatch(line); found != nil {
			threads[found[1]]++
			o.counts = max(o.counts, threads[found[1]])
		}
		if strings.Contains(line, "(INJECTED)") {
			o.injected++
		}
	}
	return nil
}
