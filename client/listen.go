package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

const (
	dialTime      = 5 * time.Second
	handshakeTime = 4 * time.Second // less than the library's own, so that its goroutine has always ended
	writeTime     = 10 * time.Second
	lingerTime    = time.Second
	longestWait   = time.Minute // that a server's Retry-After is heeded
	inHand        = 256         // frames read but not handled
	longestFrame  = 4 << 20
)

// Transport is how frames travel.
type Transport string

// The transports.
const (
	// Auto is WebSocket, and server-sent events where something between here and the server breaks that.
	Auto      Transport = "auto"
	WebSocket Transport = "websocket"
	SSE       Transport = "sse"
)

// ListenOptions say who listens, and what to do with what arrives.
type ListenOptions struct {
	ClientID string // names the cursor that the server keeps; "" makes one up
	Name     string // of the program
	Version  string
	Lang     string // "zh" or "en"
	// Transport is Auto if it is left out.
	Transport Transport
	Cursor    *int64 // the last entry that was shown, where the program remembers it itself
	NoAck     bool   // show, and acknowledge nothing
	// ReceivedOnly acknowledges entries as received, and not as seen and accepted: for programs behind which nobody looks at them yet.
	ReceivedOnly bool
	// Available sets the account's presence to available, once.
	Available bool
	// Report, if set, is told to the server after each welcome: how this client reaches its person.
	Report *SelfReport
	// OnEvent is called for each event in order. An error ends Listen; the event has not been acknowledged then.
	OnEvent func(Event) error
	// OnDurable, if set, is told when the acknowledgement of all entries up to one is on the server's disk; that number never gets smaller.
	OnDurable func(agentSequence int64)
	// OnState, if set, is told how the connection fares.
	OnState func(State)
	// TLS is for servers at https addresses.
	TLS *tls.Config
}

// State is how the connection fares.
type State struct {
	Phase     Phase
	Transport Transport     // Connecting, Live
	Welcome   *Welcome      // Live
	Err       error         // Waiting: why the connection ended; Refused: a *ProblemError
	Code      int           // Waiting: the close code
	Wait      time.Duration // Waiting: before the next attempt
}

// Phase is a step in the life of a connection.
type Phase string

// The phases.
const (
	Connecting Phase = "connecting"
	Live       Phase = "live"    // welcomed; events may follow
	Refused    Phase = "refused" // still live, but a wish was refused
	Waiting    Phase = "waiting" // not connected; another attempt follows
)

// ProblemError is a wish that the server refused.
type ProblemError struct{ Problem }

func (e *ProblemError) Error() string { return e.Title + " (" + e.Code + ")" }

// Listen receives the events of the token's account until the context ends, the server ends the session for good (*ClosedError), or OnEvent fails. It
// connects again by itself after anything else.
func (c *Client) Listen(ctx context.Context, o ListenOptions) error {
	if o.OnEvent == nil {
		return errors.New("client: Listen needs OnEvent")
	}
	if o.ClientID == "" {
		o.ClientID = fmt.Sprintf("go-%016x", rand.Uint64())
	}
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	o.OnDurable = growing(o.OnDurable)
	switch o.Transport {
	case "":
		o.Transport = Auto
	case Auto, WebSocket, SSE:
	default:
		return fmt.Errorf("client: there is no transport %q", o.Transport)
	}
	l := &listener{
		client: c, o: &o, events: c.eventsClient(o.TLS),
		session: NewSession(SessionOptions{
			Client: o.ClientID, Name: o.Name, Version: o.Version, Lang: o.Lang, Cursor: o.Cursor, NoAck: o.NoAck, Available: o.Available, Report: o.Report,
		}),
	}
	defer l.events.CloseIdleConnections()
	for {
		end := l.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case end.stop != nil:
			return end.stop
		}
		wait, err := l.session.Lost(end.code, end.reason)
		if err != nil {
			return err
		}
		wait = max(wait, min(end.retryAfter, longestWait))
		o.OnState(State{Phase: Waiting, Err: end.err, Code: end.code, Wait: wait})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// growing has a function called with numbers that are greater than all before only. Without a function nothing is called.
func growing(report func(int64)) func(int64) {
	if report == nil {
		return func(int64) {}
	}
	last := int64(0)
	return func(n int64) {
		if n > last {
			last = n
			report(n)
		}
	}
}

// listener is one call of Listen.
type listener struct {
	client  *Client
	o       *ListenOptions
	session *Session
	events  *http.Client
	// eventsUntil is until when WebSocket is not tried: something breaks it.
	eventsUntil time.Time
}

// eventsFor is how long WebSocket is not tried again after server-sent events have worked where it did not.
const eventsFor = 10 * time.Minute

// ending is how a connection, or the attempt to make one, ended.
type ending struct {
	stop       error // of OnEvent
	err        error
	code       int
	reason     string
	retryAfter time.Duration

	reached  bool // somebody took the connection
	answered bool // Bida itself answered: it welcomed or refused us
}

// attempt makes one connection and stays until it ends. Where something took a WebSocket but Bida did not answer on it, the attempt goes on with
// server-sent events.
func (l *listener) attempt(ctx context.Context) ending {
	auto := l.o.Transport == Auto
	if l.o.Transport == WebSocket || auto && !time.Now().Before(l.eventsUntil) {
		end := l.connect(ctx, WebSocket, l.openWebSocket)
		if !auto || ctx.Err() != nil || end.answered || !end.reached {
			return end
		}
	}
	end := l.connect(ctx, SSE, l.openEvents)
	l.eventsUntil = time.Time{}
	if end.answered {
		l.eventsUntil = time.Now().Add(eventsFor)
	}
	return end
}

// connect makes one connection and stays until it ends.
func (l *listener) connect(ctx context.Context, transport Transport, open func(context.Context, *link) (carrier, *ending)) ending {
	l.o.OnState(State{Phase: Connecting, Transport: transport})
	k := &link{
		transport: transport, in: make(chan []byte, inHand), over: make(chan struct{}), end: ending{code: CloseAbnormal, err: io.ErrUnexpectedEOF},
	}
	c, refused := open(ctx, k)
	if refused != nil {
		return *refused
	}
	go func() {
		defer close(k.in)
		c.read()
	}()
	end := k.run(ctx, c, l.session, l.o)
	close(k.over) // the reader does not wait for us any more
	if end.err != nil {
		c.cut() // whatever is on its way: it is of no use
	}
	for range k.in { // until the reader has ended
	}
	c.cut()
	end.reached = true
	end.answered = k.welcomed || fromBida(end.code)
	return end
}

// fromBida says whether a close code can only be of a server of the protocol.
func fromBida(code int) bool { return code == CloseGoingAway || code >= CloseMalformed }

// carrier carries frames over one connection.
type carrier interface {
	// read gives what arrives to the link until the connection ends.
	read()
	// send sends a frame; the reader reports when that fails.
	send(frame []byte)
	// goodbye ends the connection after what was sent; the reader ends soon.
	goodbye(code int)
	// cut ends the connection now.
	cut()
}

// openWebSocket upgrades a connection.
func (l *listener) openWebSocket(ctx context.Context, k *link) (carrier, *ending) {
	dial, cancel := context.WithCancel(ctx)
	w := &webSocket{link: k, cancel: cancel}
	address := *l.client.base.JoinPath("/api/v1/realtime")
	address.Scheme = map[string]string{"http": "ws", "https": "wss"}[address.Scheme]
	ws, response, err := gws.NewClient(w, &gws.ClientOption{
		Addr:               address.String(),
		RequestHeader:      http.Header{"Authorization": {"Bearer " + l.client.token}},
		ReadMaxPayloadSize: longestFrame,
		ParallelGolimit:    1,
		TlsConfig:          l.o.TLS.Clone(),
		NewDialer:          func() (gws.Dialer, error) { return &dialer{ctx: dial, dial: l.client.dial, to: w}, nil },
		NewSession:         func() gws.SessionStorage { return nil },
		Logger:             quiet{},
	})
	if err != nil {
		cancel()
		end := refused(response, err)
		end.reached = w.socket != nil
		return nil, &end
	}
	w.ws = ws
	w.socket.upgraded.Store(true)
	return w, nil
}

// webSocket is the carrier over WebSocket. Its methods for the library run on the reader's goroutine.
type webSocket struct {
	*link
	ws     *gws.Conn
	socket *socket
	cancel context.CancelFunc
}

// read is the reader. The library panics on a frame whose length does not fit into an int.
func (w *webSocket) read() {
	defer func() {
		if fault := recover(); fault != nil {
			w.end = ending{code: CloseProtocol, err: &FaultError{fmt.Sprint("a frame cannot be read: ", fault)}}
		}
	}()
	w.ws.ReadLoop()
}

func (w *webSocket) send(frame []byte) { _ = w.ws.WriteMessage(gws.OpcodeText, frame) } // the reader reports the end
func (w *webSocket) goodbye(code int)  { _ = w.ws.WriteClose(uint16(code), nil) }       // it is over either way
func (w *webSocket) cut() {
	w.cancel()
	_ = w.socket.Conn.Close()
}

// refused says what an answer means that is not what was asked for. Bida's own refusals are problems with a code; something in between may answer in
// any way, and that says nothing about the token.
func refused(response *http.Response, err error) ending {
	end := ending{err: fmt.Errorf("connect: %w", err), code: CloseAbnormal}
	if response == nil || response.StatusCode == http.StatusSwitchingProtocols {
		return end
	}
	end.reached, end.reason = true, response.Status
	var problem struct{ Code, Detail string }
	if body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10)); err == nil && json.Unmarshal(body, &problem) == nil && problem.Code != "" {
		end.answered, end.reason = true, problem.Detail
	}
	end.err = fmt.Errorf("connect: %s", end.reason)
	switch {
	case !end.answered:
	case response.StatusCode == http.StatusUnauthorized:
		end.code = CloseUnauthenticated
	case response.StatusCode == http.StatusForbidden:
		end.code = CloseForbidden
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		end.retryAfter = time.Duration(seconds) * time.Second
	}
	return end
}

// run is the session on one connection. Frames that have arrived together are handled together and acknowledged in one frame.
func (l *link) run(ctx context.Context, c carrier, session *Session, o *ListenOptions) ending {
	send := func(frames ...[]byte) {
		for _, frame := range frames {
			c.send(frame)
		}
	}
	send(session.ConnectBy(l.transport, time.Now()))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(session.NextDeadline()))
		select {
		case <-ctx.Done():
			send(session.Goodbye()...)
			c.goodbye(CloseNormal)
			return ending{}
		case <-timer.C:
			if heard := l.heard.Load(); heard != nil {
				session.Heard(*heard)
			}
			if err := session.Tick(time.Now()); err != nil {
				c.goodbye(CloseGoingAway)
				return ending{err: err, code: CloseAbnormal}
			}
		case frame, ok := <-l.in:
			for more := true; more; {
				if !ok {
					return l.end
				}
				if err := l.receive(session, frame, o); err != nil {
					send(session.Goodbye()...)
					var fault *FaultError
					if errors.As(err, &fault) {
						c.goodbye(CloseProtocol)
						return ending{err: err, code: CloseProtocol}
					}
					c.goodbye(CloseNormal)
					return ending{stop: err}
				}
				select {
				case frame, ok = <-l.in:
				default:
					more = false
				}
			}
		}
		send(session.Flush(time.Now())...)
		o.OnDurable(session.Durable())
	}
}

// receive takes one frame and gives what it brought to the application.
func (l *link) receive(session *Session, frame []byte, o *ListenOptions) error {
	r, err := session.Receive(time.Now(), frame)
	switch {
	case err != nil:
		return err
	case r.Welcome != nil:
		l.welcomed = true
		o.OnState(State{Phase: Live, Transport: l.transport, Welcome: r.Welcome})
	case r.Problem != nil:
		o.OnState(State{Phase: Refused, Err: &ProblemError{*r.Problem}})
	case r.Event != nil:
		if err := o.OnEvent(*r.Event); err != nil {
			return err
		}
		session.Handled(r.Event)
		if !o.ReceivedOnly {
			session.Seen(r.Event)
			session.Accepted(r.Event)
		}
	}
	return nil
}

// link is what the reader of a connection and its session share.
type link struct {
	transport Transport
	welcomed  bool
	in        chan []byte   // frames; closed when the reader has ended
	over      chan struct{} // closed when nobody takes frames any more
	heard     atomic.Pointer[time.Time]
	end       ending // valid once in is closed
}

// give hands a frame over.
func (l *link) give(frame []byte) {
	select {
	case l.in <- frame:
	case <-l.over:
	}
}

func (l *link) alive() {
	now := time.Now()
	l.heard.Store(&now)
}

// OnOpen is called by the WebSocket library.
func (w *webSocket) OnOpen(*gws.Conn) {}

// OnMessage is called by the WebSocket library for each frame.
func (w *webSocket) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	w.give(append([]byte(nil), m.Bytes()...))
}

// OnPing is called by the WebSocket library.
func (w *webSocket) OnPing(ws *gws.Conn, payload []byte) {
	w.alive()
	_ = ws.WritePong(payload) // the reader reports the end
}

// OnPong is called by the WebSocket library.
func (w *webSocket) OnPong(*gws.Conn, []byte) { w.alive() }

// OnClose is called by the WebSocket library when reading has ended.
func (w *webSocket) OnClose(_ *gws.Conn, err error) {
	w.end = ending{err: err, code: CloseAbnormal, reason: err.Error()}
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		w.end = closedBy(int(closed.Code), string(closed.Reason))
	}
}

// closedBy is the end that the server has said.
func closedBy(code int, reason string) ending {
	return ending{code: code, reason: reason, err: fmt.Errorf("the server closed the connection: %s (%d)", reason, code)}
}

// dialer connects within a context, which the library does not know.
type dialer struct {
	ctx  context.Context
	dial Dialer
	to   *webSocket
}

// Dial is called by the WebSocket library.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.dial(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: conn, handshake: time.Now().Add(handshakeTime)}
	s.stop = context.AfterFunc(d.ctx, func() {
		if !s.upgraded.Load() {
			_ = s.Conn.Close() // ends the handshake
		}
	})
	d.to.socket = s
	return s, nil
}

// socket gives each write a deadline, and the handshake one for all.
type socket struct {
	net.Conn
	handshake time.Time
	upgraded  atomic.Bool
	stop      func() bool
}

// Write writes within writeTime.
func (s *socket) Write(b []byte) (int, error) {
	until := time.Now().Add(writeTime)
	if !s.upgraded.Load() {
		until = s.handshake
	}
	if err := s.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}

// SetDeadline ignores the library's deadline for the handshake except for reading.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// Close is called by the library right after it has written a close frame. The socket is only half closed then, since a socket that is closed with
// unread data is reset, and the server may lose what was sent last; the reader goes on until the server has closed too, for a moment.
func (s *socket) Close() error {
	s.stop()
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !s.upgraded.Load() || !ok {
		return s.Conn.Close()
	}
	if err := half.CloseWrite(); err != nil {
		return s.Conn.Close()
	}
	return s.SetReadDeadline(time.Now().Add(lingerTime))
}

// quiet drops what the WebSocket library would print; Listen returns or reports every error.
type quiet struct{}

func (quiet) Error(...any) {}
