package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bidahq/bida/test/fault"
)

// kind is a kind of system call that can fail, and how.
type kind struct {
	calls  []string // as package fault names them
	errors []syscall.Errno
}

var kinds = []kind{
	{[]string{"write"}, []syscall.Errno{syscall.ENOSPC, syscall.EIO}},
	{[]string{"pread64", "read"}, []syscall.Errno{syscall.EIO}},
	{[]string{"fsync"}, []syscall.Errno{syscall.EIO}},
	{[]string{"ftruncate"}, []syscall.Errno{syscall.EIO}},
	{[]string{"rename"}, []syscall.Errno{syscall.EIO}},
	{[]string{"mkdir"}, []syscall.Errno{syscall.ENOSPC}},
	{[]string{"unlink"}, []syscall.Errno{syscall.EIO}},
	{[]string{"open"}, []syscall.Errno{syscall.ENOSPC, syscall.EMFILE}},
	{[]string{"pwrite64"}, []syscall.Errno{syscall.ENOSPC, syscall.EIO}},
}

// outcome is what a run with a fault was like.
type outcome struct {
	seen, met int         // calls, and those that failed
	refused   map[int]int // answers by status
	ends      []string    // how the server ended by itself
	faults    []string
}

// founded is a directory with an administrator, which each run begins with a copy of.
type founded struct {
	*program
	adminToken string
}

func found(path, root string) (*founded, error) {
	f := &founded{program: &program{path: path, data: filepath.Join(root, "founded")}}
	var err error
	f.adminToken, err = f.found(strace{}, strace{})
	return f, err
}

// suffer plays the script while the disk fails, then has a server started on a disk that works, and asks for everything. The server that suffers is asked to
// end or killed. Only calls about the data directory count.
func (f *founded) suffer(ctx context.Context, root string, r fault.Rule, politely bool, again func(data string) (string, func() error, error)) (*outcome, error) {
	p := &program{path: f.path, data: filepath.Join(root, "data")}
	if err := os.CopyFS(p.data, os.DirFS(f.data)); err != nil {
		return nil, err
	}
	pl := newPlayer(p, f.adminToken)
	pl.begin = func() (*server, error) { return p.serve(strace{}) }
	r.Under = p.data
	met, err := pl.sufferedLife(ctx, r, politely)
	if met == nil {
		return nil, err
	}
	o := &outcome{refused: pl.refuse, ends: pl.ends, faults: pl.faults}
	if err != nil {
		o.faults = append(o.faults, err.Error())
	} else {
		o.faults = append(o.faults, ask(ctx, p.data, &pl.history, again)...)
	}
	o.seen, o.met, err = met.Wait()
	return o, err
}

// sufferedLife is the life of the server whose disk fails, and of those that follow if it ends by itself. Without an Injector it could not be tried.
func (p *player) sufferedLife(ctx context.Context, r fault.Rule, politely bool) (*fault.Injector, error) {
	s, met, err := p.program.serveFailing(r)
	if s == nil {
		return nil, err
	}
	return met, p.sufferOn(ctx, s, err, politely)
}

// sufferOn goes on with a server that may have ended while it started.
func (p *player) sufferOn(ctx context.Context, s *server, err error, politely bool) error {
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
