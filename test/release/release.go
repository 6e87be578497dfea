// Package release runs the release program for tests: commands, and processes that go on, with what they write line by line. Nothing waits for a time to
// pass: a test waits for a line, for an end, or for a deadline that fails it. Every process that was started is killed at the end.
package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Patience is how long anything may take that a test waits for.
const Patience = 30 * time.Second

// Program is the path of the program under test. Without it a test fails; with -short it is skipped.
func Program(t testing.TB) string {
	t.Helper()
	path := os.Getenv("BIDA_BIN")
	if path == "" {
		if testing.Short() {
			t.Skip("BIDA_BIN names no program")
		}
		t.Fatal("BIDA_BIN must name the program to test: make build, then BIDA_BIN=$PWD/bin/bida go test …")
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("BIDA_BIN: %v", err)
	}
	return path
}

// Stream is one of the two ways in which a process speaks.
type Stream int

// The streams.
const (
	Out Stream = iota
	Err
)

// Process is a program that runs. Its methods may be called from one goroutine.
type Process struct {
	Name string

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and everything it wrote was read

	mu      sync.Mutex
	lines   [2][]string
	changed chan struct{} // closed when a line is added
	seen    [2]int        // lines before it were looked at by Expect
}

// Start starts a command. Whoever starts it ends it: Kill is safe at any time.
func Start(name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, done: make(chan struct{}), changed: make(chan struct{})}
	var pipes [2]io.ReadCloser
	var err error
	if pipes[Out], err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if pipes[Err], err = cmd.StderrPipe(); err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Kill reaches what it has started
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var reading sync.WaitGroup
	for stream, pipe := range pipes {
		reading.Go(func() { p.read(Stream(stream), pipe) })
	}
	go func() {
		reading.Wait()
		_ = cmd.Wait() // the state says how it ended
		close(p.done)
	}()
	return p, nil
}

func (p *Process) read(stream Stream, from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			p.mu.Lock()
			p.lines[stream] = append(p.lines[stream], strings.TrimSuffix(line, "\n"))
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// Expect waits for a line that matches, among those after the last one that was expected, and returns it with its submatches.
func (p *Process) Expect(stream Stream, pattern string) ([]string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for over := false; ; {
		p.mu.Lock()
		for p.seen[stream] < len(p.lines[stream]) {
			line := p.lines[stream][p.seen[stream]]
			p.seen[stream]++
			if found := re.FindStringSubmatch(line); found != nil {
				p.mu.Unlock()
				return found, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		if over {
			return nil, fmt.Errorf("%s ended without a line like %q:\n%s", p.Name, pattern, p.All())
		}
		select {
		case <-changed:
		case <-p.done:
			over = true
		case <-deadline.C:
			return nil, fmt.Errorf("%s has not written a line like %q:\n%s", p.Name, pattern, p.All())
		}
	}
}

// Lines are all lines of a stream so far.
func (p *Process) Lines(stream Stream) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines[stream]...)
}

// All is everything that was written so far, for a person.
func (p *Process) All() string {
	return "stdout:\n" + strings.Join(p.Lines(Out), "\n") + "\nstderr:\n" + strings.Join(p.Lines(Err), "\n")
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits for the end and returns the exit status, -1 if a signal ended it.
func (p *Process) Wait() (int, error) { return p.WaitFor(Patience) }

// WaitFor is Wait with another patience.
func (p *Process) WaitFor(patience time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("%s does not end:\n%s", p.Name, p.All())
	}
}

// Kill ends the process, and what it has started, at once and waits for it.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // all may have ended
	<-p.done
}

// Listening is the line by which a server says where it listens.
const Listening = `msg=listening url=(http://\S+)`

// asked is how many addresses were asked for, from a number on that is another one in each process.
var asked = func() *atomic.Int64 {
	var n atomic.Int64
	n.Store(rand.Int64N(10_000))
	return &n
}()

// FreeAddress chooses where a server that a test stops and starts again can listen all the time: each call gives another address, of which nobody has the
// port. It is below those that the kernel gives to outgoing connections: while the server is away one of those may go to anybody, even to a client that
// calls it, which is then connected to itself and keeps the server from coming back.
func FreeAddress() (string, error) {
	const first, ports = 20_000, 10_000
	for range ports {
		address := "127.0.0.1:" + strconv.FormatInt(first+asked.Add(1)%ports, 10)
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no port between 20000 and 29999 is free")
}

// Result is what became of a command.
type Result struct {
	Out, Err string
	Status   int
}

// Run runs a command to its end.
func Run(cmd *exec.Cmd) (Result, error) {
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		return Result{}, failed
	}
	return Result{out.String(), err.String(), cmd.ProcessState.ExitCode()}, nil
}
