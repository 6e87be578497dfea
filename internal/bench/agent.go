package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/client"
)

const (
	// arriving is how many agents connect at the same time: a server takes only so many from one address that have not shown a token yet.
	arriving = 32
	// restless is how long an agent's connection stays on average when they are cut.
	restless = 3 * time.Second
)

// staff is the agents' clients.
type staff struct {
	agents []*agent
	ctx    context.Context // ends when they go home
	leave  context.CancelFunc
	there  sync.WaitGroup

	reconnects atomic.Int64
	mu         sync.Mutex
	failed     error
	fail       func() // called when a client is ended for good
}

// agent is one agent with one client.
type agent struct {
	staff *staff
	name  string
	view  *view
	gate  gate
	begun chan struct{} // closed when it is connected for the first time, or will never be
	once  sync.Once
	live  atomic.Bool

	mu   sync.Mutex
	line *line // the connection it has
}

// gate holds back whoever comes to it while it is shut.
type gate struct{ shut atomic.Pointer[chan struct{}] }

// hold shuts the gate for a time, or until ctx ends.
func (g *gate) hold(ctx context.Context, d time.Duration) {
	open := make(chan struct{})
	g.shut.Store(&open)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	g.shut.Store(nil)
	close(open)
}

// pass waits until the gate is open.
func (g *gate) pass() {
	if open := g.shut.Load(); open != nil {
		<-*open
	}
}

// line is an agent's connection. While its gate is shut nothing is read from it, as by a client that hangs or a computer that sleeps.
type line struct {
	net.Conn
	gate *gate
}

// Read implements net.Conn.
func (l *line) Read(p []byte) (int, error) {
	l.gate.pass()
	return l.Conn.Read(p)
}

// arrive connects all agents and returns when each has been welcomed.
func arrive(ctx context.Context, o *office, h *history, fail func()) (*staff, error) {
	s := &staff{fail: fail}
	s.ctx, s.leave = context.WithCancel(ctx)
	places := make(chan struct{}, arriving)
	for i, token := range o.agents {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			s.home()
			return nil, ctx.Err()
		}
		a := &agent{staff: s, name: o.company.agents[i], view: &view{agent: i, history: h}, begun: make(chan struct{})}
		s.agents = append(s.agents, a)
		if err := a.connect(o.server, token); err != nil {
			s.home()
			return nil, err
		}
		go func() {
			<-a.begun // comes: Listen ends with ctx at the latest
			<-places
		}()
	}
	for _, a := range s.agents {
		<-a.begun
	}
	if err := errors.Join(s.trouble(), ctx.Err()); err != nil {
		s.home()
		return nil, err
	}
	return s, nil
}

// connect starts an agent's client.
func (a *agent) connect(server, token string) error {
	c, err := client.New(server, token, client.WithDialer(a.dial))
	if err != nil {
		return err
	}
	a.staff.there.Go(func() {
		defer a.arrived()
		defer a.live.Store(false)
		err := c.Listen(a.staff.ctx, client.ListenOptions{
			ClientID: prefix + "client", Name: "bida-bench", Version: "1", Lang: "en", ReceivedOnly: true,
			OnEvent: a.event, OnDurable: a.view.durable, OnState: a.state,
		})
		if a.staff.ctx.Err() == nil {
			a.staff.end(fmt.Errorf("the client of %s was ended: %w", a.name, err))
		}
	})
	return nil
}

func (a *agent) arrived() { a.once.Do(func() { close(a.begun) }) }

func (a *agent) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &line{conn, &a.gate}
	a.mu.Lock()
	a.line = l
	a.mu.Unlock()
	return l, nil
}

func (a *agent) event(e client.Event) error {
	a.gate.pass()
	a.view.show(&e)
	return nil
}

func (a *agent) state(s client.State) {
	switch s.Phase {
	case client.Live:
		a.live.Store(true)
		a.arrived()
	case client.Waiting:
		a.staff.reconnects.Add(1)
		a.live.Store(false)
	}
}

// cut breaks the agent's connection with a reset: what is on its way is gone.
func (a *agent) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.line == nil {
		return
	}
	if tcp, ok := a.line.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed already
	}
	_ = a.line.Conn.Close()
}

// stall has one client stop reading for a time. It goes on before the staff goes home.
func (s *staff) stall(d time.Duration) {
	s.there.Go(func() { s.agents[0].gate.hold(s.ctx, d) })
}

// disturb cuts agents' connections until ctx ends.
func (s *staff) disturb(ctx context.Context) {
	for {
		timer := time.NewTimer(rand.N(2 * restless / time.Duration(len(s.agents))))
		select {
		case <-timer.C:
			s.agents[rand.IntN(len(s.agents))].cut()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// live says whether all agents are connected and read.
func (s *staff) live() bool {
	for _, a := range s.agents {
		if !a.live.Load() || a.gate.shut.Load() != nil {
			return false
		}
	}
	return true
}

func (s *staff) views() []*view {
	list := make([]*view, len(s.agents))
	for i, a := range s.agents {
		list[i] = a.view
	}
	return list
}

// end notes why the run cannot go on.
func (s *staff) end(err error) {
	s.mu.Lock()
	if s.failed == nil {
		s.failed = err
	}
	s.mu.Unlock()
	s.fail()
}

func (s *staff) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// home ends all clients.
func (s *staff) home() {
	s.leave()
	s.there.Wait()
}
