package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	weak "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readyTime = 30 * time.Second // within which a server must be ready
	readyPoll = 4 * time.Millisecond
	stopTime  = 20 * time.Second // within which it must have ended when it is asked to
	admin     = "admin"
)

// ownServer is a server that the run starts on a directory and an address of its own, over all its lives.
type ownServer struct {
	Serve
	directory string
	address   string
	token     string
	probe     *http.Client

	process *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	kills   int
}

// begin makes the directory and an administrator, and starts the server.
func begin(ctx context.Context, serve Serve) (_ *ownServer, err error) {
	s := &ownServer{Serve: serve, probe: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if s.directory, err = os.MkdirTemp(serve.Directory, "bida-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end(), s.discard())
		}
	}()
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if _, err = s.command(ctx, rand.Text(), "account", "create", "--name", admin, "--role", admin, "--password-stdin"); err != nil {
		return nil, err
	}
	if err = s.start(ctx); err != nil {
		return nil, err
	}
	out, err := s.command(ctx, "", "token", "create", "--account", admin)
	if err != nil {
		return nil, err
	}
	lines := strings.Fields(out)
	if len(lines) == 0 {
		return nil, errors.New("the program has made no token")
	}
	s.token = lines[len(lines)-1]
	return s, nil
}

// freeAddress chooses a port below those that the kernel gives to outgoing connections: a client that calls a port of those while nobody listens may be
// connected to itself, and keep the server from coming back.
func freeAddress() (string, error) {
	const first, ports, tries = 20_000, 10_000, 200
	for range tries {
		address := "127.0.0.1:" + strconv.Itoa(first+weak.IntN(ports))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no port between 20000 and 29999 is free")
}

func (s *ownServer) url() string  { return "http://" + s.address }
func (s *ownServer) data() string { return filepath.Join(s.directory, "data") }

// environment is this process's own without what would tell the server something.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIDA_") })
}

// command runs a command of the program on the data directory.
func (s *ownServer) command(ctx context.Context, in string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Program, append(args, "--data", s.data())...)
	cmd.Env, cmd.Stdin = environment(), strings.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args[:2], " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.String(), nil
}

// start begins a life of the server and waits until it takes messages.
func (s *ownServer) start(ctx context.Context) error {
	cmd := exec.Command(s.Program, "serve", "--data", s.data(), "--listen", s.address)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), io.Discard, s.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is for this process, which then stops that one
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its state says how it ended
		close(ended)
	}()
	s.process, s.ended = cmd, ended
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	late := time.NewTimer(readyTime)
	defer late.Stop()
	for !s.ready(ctx) {
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("the server ended by itself: %s", cmd.ProcessState)
		case <-late.C:
			return fmt.Errorf("the server is not ready after %s", readyTime)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *ownServer) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+"/readyz", nil)
	if err != nil {
		return false
	}
	w, err := s.probe.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = w.Body.Close() }() // only the status counts
	return w.StatusCode == http.StatusOK
}

// die ends the server with kill -9 at so many random instants within a time, and starts it again each time.
func (s *ownServer) die(ctx context.Context, kills int, during time.Duration) error {
	over := time.Now().Add(during)
	for left := kills; left > 0; left-- {
		rest := max(time.Until(over), 1)
		timer := time.NewTimer(weak.N(2*rest/time.Duration(left+1) + 1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		s.kill()
		s.kills++
		if err := s.start(context.WithoutCancel(ctx)); err != nil { // the rest of the run needs it in any case
			return err
		}
	}
	return nil
}

func (s *ownServer) kill() {
	_ = s.process.Process.Kill() // it may have ended
	<-s.ended
}

// end asks the server to stop and waits until it has.
func (s *ownServer) end() error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.kill()
		return fmt.Errorf("the server did not end %s after SIGTERM", stopTime)
	}
	if code := s.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the server ended with %s", s.process.ProcessState)
	}
	return nil
}

func (s *ownServer) discard() error { return os.RemoveAll(s.directory) }
