package fault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Rule says which calls are met, and by what. The zero Many only counts.
type Rule struct {
	Calls       []string // their names as the kernel's; rename, unlink, mkdir and open mean all of their kind
	Under       string   // a directory: only calls about it and what lies below it count
	First, Many int      // of those calls, from 1
	Errno       syscall.Errno
	Delay       time.Duration // instead of an error, if Errno is 0
}

// String says it for a person.
func (r Rule) String() string {
	what := "take " + r.Delay.String()
	if r.Errno != 0 {
		what = "fail with " + r.Errno.Error()
	}
	return fmt.Sprintf("calls %d to %d of %s %s", r.First, r.First+r.Many-1, strings.Join(r.Calls, ", "), what)
}

// met says whether the n-th call is.
func (r Rule) met(n int) bool { return n >= r.First && n < r.First+r.Many }

// Injector meets the calls of one process. Its methods may be called from many goroutines.
type Injector struct {
	rule  Rule
	ends  [2]*os.File // of the socket over which the listener comes: ours, the process's
	done  chan struct{}
	err   error // why it could not serve; read after done
	mu    sync.Mutex
	seen  int
	given int
}

// variable tells the test's binary which calls to be told of, and that it is to become the program that its arguments name.
const variable = "BIDA_TEST_FAULT"

// Wrap makes a command, which must not have files of its own beside the three, run under a rule. The test's binary must call Become first of all.
// After the command has been started, or could not be, call Serve.
func Wrap(cmd *exec.Cmd, r Rule) (*Injector, error) {
	if len(cmd.ExtraFiles) > 0 {
		return nil, errors.New("the command has files of its own")
	}
	if _, err := numbersOf(r.Calls); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	i := &Injector{rule: r, done: make(chan struct{})}
	if i.ends, err = socketpair(); err != nil {
		return nil, err
	}
	cmd.Args = append([]string{self, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.ExtraFiles = []*os.File{i.ends[1]}
	cmd.Env = append(cmd.Environ(), variable+"="+strings.Join(r.Calls, ","))
	return i, nil
}

// Serve meets the process's calls until it ends. It does not wait for that.
func (i *Injector) Serve() {
	_ = i.ends[1].Close() // the process has its own
	go func() {
		defer close(i.done)
		i.err = i.serve()
	}()
}

// Wait waits until the process has ended and says how many calls there were, and how many of them were met.
func (i *Injector) Wait() (seen, met int, err error) {
	<-i.done
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.seen, i.given, i.err
}

// count counts a call and says whether it is met.
func (i *Injector) count() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen++
	if !i.rule.met(i.seen) {
		return false
	}
	i.given++
	return true
}
