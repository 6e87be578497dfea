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
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bidahq/bida/test/clock"
	"github.com/bidahq/bida/test/release"
)

const (
	patience  = 60 * time.Second // for anything that must happen
	readyPoll = 4 * time.Millisecond
	logTail   = 16 << 10
)

// process is a program that runs. It is ended by its own id.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *tail
}

// tail keeps the end of what a process writes to standard error, and the lines that should never be there.
type tail struct {
	mu    sync.Mutex
	rest  []byte
	text  []byte
	wrong []string
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - logTail; n > 0 {
		t.text = t.text[n:]
	}
	t.rest = append(t.rest, p...)
	for {
		line, rest, ok := bytes.Cut(t.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		for _, mark := range []string{"level=ERROR", "panic", "DATA RACE", "fatal error"} {
			if bytes.Contains(line, []byte(mark)) && len(t.wrong) < 20 {
				t.wrong = append(t.wrong, string(line))
				break
			}
		}
		t.rest = rest
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// faults gives the lines that should not be there, once.
func (t *tail) faults() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.wrong
	t.wrong = nil
	return list
}

func start(cmd *exec.Cmd, out io.Writer) (*process, error) { return startBy(cmd.Start, cmd, out) }

// startBy is start with another way to start the command.
func startBy(begin func() error, cmd *exec.Cmd, out io.Writer) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{}), log: &tail{}}
	cmd.Stdout, cmd.Stderr = out, p.log
	if err := begin(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(p.done)
	}()
	return p, nil
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// term asks the process to end and waits for it.
func (p *process) term() error {
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.kill()
		return fmt.Errorf("it did not end %s after SIGTERM", time.Since(begun).Round(time.Second))
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("it ended with %s after SIGTERM", p.cmd.ProcessState)
	}
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// server is the program under test on one data directory and one address, over all its lives.
type server struct {
	program, data, address string
	env                    []string
	probe                  *http.Client
	history                *History
	storeless              bool // its store goes away, which it may say
	ownClock               bool // its wall clock is not the machine's

	now    *process
	clock  *clock.Clock
	ahead  time.Duration   // of the machine's clock
	starts []time.Duration // from exec to ready
	stops  []time.Duration // from SIGTERM to the end
}

func newServer(program, data string, env []string, h *History) (*server, error) {
	address, err := release.FreeAddress()
	if err != nil {
		return nil, err
	}
	return &server{
		program: program, data: data, address: address, env: env, history: h,
		probe: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}, nil
}

func (s *server) url() string { return "http://" + s.address }

// command runs a command of the program to its end.
func (s *server) command(in string, args ...string) (string, error) {
	cmd := exec.Command(s.program, args...)
	cmd.Env = s.env
	cmd.Stdin = strings.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("bida %s: %w\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String(), nil
}

// begin starts a life.
func (s *server) begin() error {
	cmd := exec.Command(s.program, "serve", "--data", s.data, "--listen", s.address)
	cmd.Env = s.env
	begin := cmd.Start
	if s.ownClock {
		begin = func() (err error) { s.clock, err = clock.Start(cmd, s.ahead); return err }
	}
	p, err := startBy(begin, cmd, io.Discard)
	if err == nil {
		s.now = p
	}
	return err
}

// setClock sets the server's wall clock: that much ahead of the machine's.
func (s *server) setClock(ahead time.Duration) error {
	s.ahead = ahead
	return s.clock.Set(ahead)
}

// ready waits until the server takes messages.
func (s *server) ready(ctx context.Context, begun time.Time) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		if s.isReady(ctx) {
			s.starts = append(s.starts, time.Since(begun))
			return nil
		}
		select {
		case <-tick.C:
		case <-s.now.done:
			return fmt.Errorf("the server ended by itself (%s):\n%s", s.now.cmd.ProcessState, s.now.log)
		case <-deadline.C:
			return fmt.Errorf("the server is not ready after %s:\n%s", patience, s.now.log)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *server) isReady(ctx context.Context) bool {
	_, err := s.position(ctx)
	return err == nil
}

// position is up to where the ledger of a ready server is.
func (s *server) position(ctx context.Context) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	response, err := s.probe.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var ready struct{ Position int64 }
	if response.StatusCode != http.StatusOK {
		return 0, errors.New("/readyz is answered " + response.Status)
	}
	return ready.Position, json.NewDecoder(response.Body).Decode(&ready)
}

// end ends a life: with kill -9, or politely. A server that ended by itself before is a fault.
func (s *server) end(politely bool) {
	p := s.now
	if p.ended() {
		s.history.fault("server", p.log.String(), "the server ended by itself: %s", p.cmd.ProcessState)
	}
	if !politely {
		p.kill()
	} else {
		begun := time.Now()
		if err := p.term(); err != nil {
			s.history.fault("server", p.log.String(), "the server was asked to stop: %v", err)
		}
		s.stops = append(s.stops, time.Since(begun))
	}
	for _, line := range p.log.faults() {
		if s.storeless && strings.Contains(line, "level=ERROR") {
			continue
		}
		s.history.fault("log", line, "the server reports a fault of its own")
	}
}
