package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/fault"
	"github.com/bidahq/bida/test/release"
)

// program is the release program on one data directory.
type program struct {
	path string
	data string
}

// strace is what a process runs under; the zero value is nothing.
type strace struct {
	output string // file
	args   []string
}

// command makes a command of the program. The tracer is a grandchild (-D), so that the process that is started, signalled and waited for is the program itself.
func (p *program) command(under strace, args ...string) *exec.Cmd {
	line := append([]string{p.path}, args...)
	if under.output != "" {
		line = slices.Concat([]string{"strace", "-D", "-f", "-yy", "-xx", "-s", "4194304", "--seccomp-bpf", "-o", under.output}, under.args, []string{"--"}, line)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIDA_") })
	// No grace runs out while a test waits for a disk, or looks at an image long after it was recorded.
	cmd.Env = append(cmd.Env, "BIDA_CONNECTION_GRACE=1h", "BIDA_PRESENCE_GRACE=1h")
	return cmd
}

// found makes the directory and its administrator, and returns the administrator's token.
func (p *program) found(account, token strace) (string, error) {
	cmd := p.command(account, "account", "create", "--data", p.data, "--name", admin, "--role", "admin", "--password-stdin")
	cmd.Stdin = strings.NewReader("a password of some length\n")
	if err := succeed(cmd); err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd = p.command(token, "token", "create", "--data", p.data, "--account", admin)
	cmd.Stdout = &out
	if err := succeed(cmd); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}

func succeed(cmd *exec.Cmd) error {
	out := cmd.Stdout
	cmd.Stdout = nil
	result, err := release.Run(cmd)
	if err == nil && result.Status != 0 {
		err = fmt.Errorf("%s: status %d: %s", strings.Join(cmd.Args, " "), result.Status, result.Err)
	}
	if err == nil && out != nil {
		_, err = io.WriteString(out, result.Out)
	}
	return err
}

// server is one life of the program that serves.
type server struct {
	*release.Process
	url string
}

// serve starts the program. An error after which the server is not nil says that it ended by itself.
func (p *program) serve(under strace) (*server, error) {
	process, err := release.Start("bida", p.command(under, p.serving()...))
	return ready(process, err)
}

// serveFailing is serve with calls that fail.
func (p *program) serveFailing(r fault.Rule) (*server, *fault.Injector, error) {
	cmd := p.command(strace{}, p.serving()...)
	met, err := fault.Wrap(cmd, r)
	if err != nil {
		return nil, nil, err
	}
	process, err := release.Start("bida", cmd)
	met.Serve()
	s, err := ready(process, err)
	return s, met, err
}

func (p *program) serving() []string {
	return []string{"serve", "--data", p.data, "--listen", "127.0.0.1:0"}
}

// ready waits until a process that was started says where it listens.
func ready(process *release.Process, err error) (*server, error) {
	if err != nil {
		return nil, err
	}
	found, err := process.Expect(release.Err, release.Listening)
	if err != nil {
		return &server{Process: process}, err
	}
	return &server{process, found[1]}, nil
}

// ended says whether the process is over, or about to be, and with which status.
func (s *server) ended() (status int, over bool) {
	status, err := s.Wait()
	return status, err == nil
}

// stop asks the server to end, and waits for the last line of its recording too.
func (s *server) stop() error {
	if err := s.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	status, err := s.Wait()
	if err == nil && status != 0 {
		err = fmt.Errorf("after SIGTERM the server ended with status %d:\n%s", status, s.All())
	}
	return err
}

// kill ends the server with kill -9, and leaves the tracer the time to write down what it saw.
func (s *server) kill() error {
	if err := s.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_, err := s.Wait()
	return err
}

// caller calls a server's API over one connection at a time, of which it knows the port.
type caller struct {
	url    string
	http   *http.Client
	mu     sync.Mutex
	ports  []string
	tokens map[string]string
}

// patience is how long one request may take: a disk that fails for a while is waited for within one.
const patience = 60 * time.Second

func newCaller(url string, tokens map[string]string) *caller {
	c := &caller{url: url, tokens: tokens}
	c.http = &http.Client{Timeout: patience, Transport: &http.Transport{MaxConnsPerHost: 1, DialContext: c.dial}}
	return c
}

func (c *caller) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		c.ports = append(c.ports, conn.LocalAddr().String())
		c.mu.Unlock()
	}
	return conn, err
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// send tries a request once.
func (c *caller) send(ctx context.Context, r request) *exchange {
	x := &exchange{request: r}
	q, err := http.NewRequestWithContext(ctx, r.method, c.url+"/api/v1"+r.path, bytes.NewReader(r.body))
	if err != nil {
		panic(err) // our own paths
	}
	q.Header.Set("Authorization", "Bearer "+c.tokens[r.step.by])
	q.Header.Set("Content-Type", r.contentType)
	q.Header.Set("If-Match", "*")
	w, err := c.http.Do(q)
	if err != nil {
		return x
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		return x
	}
	x.status, x.answer, x.retry = w.StatusCode, answer, w.Header.Get("Retry-After")
	return x
}

// listener is the agent's client: it shows what comes and acknowledges it.
type listener struct {
	mu    sync.Mutex
	shown map[int64]string // message by agent_sequence
	twice []string
	live  chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// theClient is the id of the agent's client; the server keeps its cursor.
const theClient = "tab-1"

// listen connects the agent; the server's cursor goes on from life to life.
func listen(ctx context.Context, url, token string) (*listener, error) {
	c, err := client.New(url, token)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	l := &listener{shown: map[int64]string{}, live: make(chan struct{}), stop: stop, done: make(chan struct{})}
	var once sync.Once
	go func() {
		defer close(l.done)
		_ = c.Listen(ctx, client.ListenOptions{ // it ends with the context; what it missed is found by the checker
			ClientID: theClient, Transport: client.WebSocket, OnEvent: l.show,
			OnState: func(s client.State) {
				if s.Phase == client.Live {
					once.Do(func() { close(l.live) })
				}
			},
		})
	}()
	return l, nil
}

func (l *listener) show(e client.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.shown[e.AgentSequence]; ok {
		l.twice = append(l.twice, fmt.Sprintf("entry %d was shown as %s and again as %s", e.AgentSequence, before, e.Message))
	}
	if l.shown[e.AgentSequence] = ""; e.Event == client.EventMessage {
		l.shown[e.AgentSequence] = e.Message
	}
	return nil
}

// end disconnects and returns what was shown.
func (l *listener) end() (map[int64]string, []string) {
	l.stop()
	<-l.done
	return l.shown, l.twice
}

// wait waits, and says whether there is a reason to go on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
