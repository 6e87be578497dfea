package faults

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
)

// Agent is a client of an account in this process, over a socket of its own that a case can cut, freeze and slow down. What it has shown is what arrived.
type Agent struct {
	Account string
	options client.ListenOptions
	api     *client.Client

	mu      sync.Mutex
	changed chan struct{} // closed when anything below changes
	shown   map[string]bool
	gone    map[string]bool // withdrawn
	last    int64           // the last entry of the stream that was handled
	live    bool
	ended   error
	over    bool // Listen has returned
	frozen  chan struct{}
	hung    chan struct{}
	down    bool
	delay   time.Duration
	conns   map[*wire]bool

	stop context.CancelFunc
	done chan struct{}
}

// listen starts a client of an account.
func (s *Server) listen(ctx context.Context, account, token string, o client.ListenOptions) (*Agent, error) {
	a := &Agent{Account: account, options: o, changed: make(chan struct{}), shown: map[string]bool{}, gone: map[string]bool{}, conns: map[*wire]bool{}, done: make(chan struct{})}
	var err error
	if a.api, err = client.New(s.url(), token, client.WithDialer(a.dial)); err != nil {
		return nil, err
	}
	o.OnEvent, o.OnState, o.Transport = a.event, a.state, client.WebSocket
	if o.Lang == "" {
		o.Lang = "en"
	}
	ctx, a.stop = context.WithCancel(ctx)
	go func() {
		err := a.api.Listen(ctx, o)
		a.note(func() { a.ended, a.live, a.over = err, false, true })
		close(a.done)
	}()
	return a, nil
}

// note changes what is known and wakes up who waits for it.
func (a *Agent) note(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *Agent) event(e client.Event) error {
	a.mu.Lock()
	hung := a.hung
	a.mu.Unlock()
	if hung != nil {
		<-hung // a page that hangs: it has read the event and does nothing with it
	}
	a.note(func() {
		a.last = max(a.last, e.AgentSequence, e.To)
		switch e.Event {
		case client.EventMessage:
			a.shown[e.Message] = true
		case client.EventWithdrawn:
			a.gone[e.Message] = true
		}
	})
	return nil
}

func (a *Agent) state(s client.State) {
	if s.Phase == client.Live || s.Phase == client.Waiting {
		a.note(func() { a.live = s.Phase == client.Live })
	}
}

// await waits until something is so.
func (a *Agent) await(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a.mu.Lock()
		ok, changed := so(), a.changed
		a.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &lateError{a.Account, what}
		}
	}
}

// lateError says that something did not happen.
type lateError struct{ account, what string }

func (e *lateError) Error() string { return e.account + ": it does not happen: " + e.what }

func (a *Agent) awaitLive(ctx context.Context) error {
	return a.await(ctx, "it is connected", func() bool { return a.live })
}

func (a *Agent) awaitOver(ctx context.Context) error {
	return a.await(ctx, "it is ended for good", func() bool { return a.over })
}

func (a *Agent) has(message string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.shown[message]
}

// close ends the client, whatever state it is in.
func (a *Agent) close() {
	a.unhang()
	a.thaw()
	a.stop()
	<-a.done
}

// hang has the page hang from the next event on.
func (a *Agent) hang() { a.note(func() { a.hung = make(chan struct{}) }) }

func (a *Agent) unhang() {
	a.note(func() {
		if a.hung != nil {
			close(a.hung)
			a.hung = nil
		}
	})
}

// freeze has the network swallow everything in both directions and take no new connection; nobody is told.
func (a *Agent) freeze() { a.note(func() { a.frozen, a.down = make(chan struct{}), true }) }

func (a *Agent) thaw() {
	a.note(func() {
		a.down = false
		if a.frozen != nil {
			close(a.frozen)
			a.frozen = nil
		}
	})
}

// cut breaks the connection with a reset, and takes no new one until it is thawed.
func (a *Agent) cut() {
	a.mu.Lock()
	a.down = true
	list := a.conns
	a.conns = map[*wire]bool{}
	a.mu.Unlock()
	for w := range list {
		_ = w.Conn.(*net.TCPConn).SetLinger(0) // it may be closed
		_ = w.Conn.Close()
	}
}

// slow has everything that comes from the server arrive that much later.
func (a *Agent) slow(by time.Duration) { a.note(func() { a.delay = by }) }

// dial is the client's network.
func (a *Agent) dial(ctx context.Context, network, address string) (net.Conn, error) {
	a.mu.Lock()
	down := a.down
	a.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.ErrClosed}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, agent: a, over: make(chan struct{})}
	a.mu.Lock()
	a.conns[w] = true
	a.mu.Unlock()
	return w, nil
}

// wire is one connection of an Agent.
type wire struct {
	net.Conn
	agent *Agent
	once  sync.Once
	over  chan struct{}
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.agent.mu.Lock()
	frozen, delay := w.agent.frozen, w.agent.delay
	w.agent.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-w.over:
		}
		return 0, net.ErrClosed // what was on the way is lost, and the connection with it
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-w.over:
		}
	}
	return n, err
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	w.agent.mu.Lock()
	frozen := w.agent.frozen
	w.agent.mu.Unlock()
	if frozen != nil {
		return len(b), nil // nobody gets it
	}
	return w.Conn.Write(b)
}

// Close implements net.Conn. A frozen network does not tell the other side.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.over) })
	w.agent.mu.Lock()
	frozen := w.agent.frozen
	delete(w.agent.conns, w)
	w.agent.mu.Unlock()
	if frozen != nil {
		go func() { // the server still sees it open
			<-frozen
			_ = w.Conn.Close()
		}()
		return nil
	}
	return w.Conn.Close()
}
