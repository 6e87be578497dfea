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

// ListenOptions say who listens, and what to do with what arrives.
type ListenOptions struct {
	ClientID string // names the cursor that the server keeps; "" makes one up
	Name     string // of the program
	Version  string
	Lang     string // "zh" or "en"
	Cursor   *int64 // the last entry that was shown, where the program remembers it itself
	NoAck    bool   // show, and acknowledge nothing
	// Available sets the account's presence to available, once.
	Available bool
	// OnEvent is called for each event in order. An error ends Listen; the event has not been acknowledged then.
	OnEvent func(Event) error
	// OnState, if set, is told how the connection fares.
	OnState func(State)
	// TLS is for servers at https addresses.
	TLS *tls.Config
}

// State is how the connection fares.
type State struct {
	Phase   Phase
	Welcome *Welcome      // Live
	Err     error         // Waiting: why the connection ended; Refused: a *ProblemError
	Code    int           // Waiting: the close code
	Wait    time.Duration // Waiting: before the next attempt
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
	session := NewSession(SessionOptions{
		Client: o.ClientID, Name: o.Name, Version: o.Version, Lang: o.Lang, Cursor: o.Cursor, NoAck: o.NoAck, Available: o.Available,
	})
	for {
		o.OnState(State{Phase: Connecting})
		end := c.connect(ctx, session, &o)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case end.stop != nil:
			return end.stop
		}
		wait, err := session.Lost(end.code, end.reason)
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

// ending is how a connection ended.
type ending struct {
	stop       error // of OnEvent
	err        error
	code       int
	reason     string
	retryAfter time.Duration
}

// connect makes one connection and stays until it ends.
func (c *Client) connect(ctx context.Context, session *Session, o *ListenOptions) ending {
	l := &link{in: make(chan []byte, inHand), over: make(chan struct{}), end: ending{code: CloseAbnormal, err: io.ErrUnexpectedEOF}}
	dial, cancel := context.WithCancel(ctx)
	defer cancel()
	address := *c.base.JoinPath("/api/v1/realtime")
	address.Scheme = map[string]string{"http": "ws", "https": "wss"}[address.Scheme]
	ws, response, err := gws.NewClient(l, &gws.ClientOption{
		Addr:               address.String(),
		RequestHeader:      http.Header{"Authorization": {"Bearer " + c.token}},
		ReadMaxPayloadSize: longestFrame,
		ParallelGolimit:    1,
		TlsConfig:          o.TLS.Clone(),
		NewDialer:          func() (gws.Dialer, error) { return &dialer{ctx: dial, dial: c.dial, link: l}, nil },
		NewSession:         func() gws.SessionStorage { return nil },
		Logger:             quiet{},
	})
	if err != nil {
		return refusedUpgrade(response, err)
	}
	l.socket.upgraded.Store(true)
	go l.read(ws)
	end := l.run(ctx, ws, session, o)
	close(l.over) // the reader does not wait for us any more
	if end.err != nil {
		_ = l.socket.Conn.Close() // whatever is on its way: it is of no use
	}
	for range l.in { // until the reader has ended
	}
	_ = l.socket.Conn.Close()
	return end
}

// read is the reader. The library panics on a frame whose length does not fit into an int.
func (l *link) read(ws *gws.Conn) {
	defer close(l.in)
	defer func() {
		if fault := recover(); fault != nil {
			l.end = ending{code: CloseProtocol, err: &FaultError{fmt.Sprint("a frame cannot be read: ", fault)}}
		}
	}()
	ws.ReadLoop()
}

// refusedUpgrade says what an answer that is not an upgrade means.
func refusedUpgrade(response *http.Response, err error) ending {
	end := ending{err: fmt.Errorf("connect: %w", err), code: CloseAbnormal}
	if response == nil || response.StatusCode == http.StatusSwitchingProtocols {
		return end
	}
	end.reason = response.Status
	var problem struct{ Title, Detail string }
	if body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10)); err == nil && json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		end.reason = problem.Detail
	}
	end.err = fmt.Errorf("connect: %s", end.reason)
	switch response.StatusCode {
	case http.StatusUnauthorized:
		end.code = CloseUnauthenticated
	case http.StatusForbidden:
		end.code = CloseForbidden
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		end.retryAfter = time.Duration(seconds) * time.Second
	}
	return end
}

// run is the session on one connection. Frames that have arrived together are handled together and acknowledged in one frame.
func (l *link) run(ctx context.Context, ws *gws.Conn, session *Session, o *ListenOptions) ending {
	send := func(frames ...[]byte) {
		for _, frame := range frames {
			_ = ws.WriteMessage(gws.OpcodeText, frame) // the reader reports the end
		}
	}
	goodbye := func(code uint16, reason string) { _ = ws.WriteClose(code, []byte(reason)) } // the connection is over either way
	send(session.Connect(time.Now()))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(session.NextDeadline()))
		select {
		case <-ctx.Done():
			send(session.Goodbye()...)
			goodbye(CloseNormal, "")
			return ending{}
		case <-timer.C:
			if heard := l.heard.Load(); heard != nil {
				session.Heard(*heard)
			}
			if err := session.Tick(time.Now()); err != nil {
				goodbye(CloseGoingAway, "")
				return ending{err: err, code: CloseAbnormal}
			}
		case frame, ok := <-l.in:
			for more := true; more; {
				if !ok {
					return l.end
				}
				if err := receive(session, frame, o); err != nil {
					send(session.Goodbye()...)
					var fault *FaultError
					if errors.As(err, &fault) {
						goodbye(CloseProtocol, "")
						return ending{err: err, code: CloseProtocol}
					}
					goodbye(CloseNormal, "")
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
	}
}

// receive takes one frame and gives what it brought to the application.
func receive(session *Session, frame []byte, o *ListenOptions) error {
	r, err := session.Receive(time.Now(), frame)
	switch {
	case err != nil:
		return err
	case r.Welcome != nil:
		o.OnState(State{Phase: Live, Welcome: r.Welcome})
	case r.Problem != nil:
		o.OnState(State{Phase: Refused, Err: &ProblemError{*r.Problem}})
	case r.Event != nil:
		if err := o.OnEvent(*r.Event); err != nil {
			return err
		}
		session.Handled(r.Event)
		session.Seen(r.Event)
		session.Accepted(r.Event)
	}
	return nil
}

// link is one WebSocket. Its methods for the library run on the reader's goroutine.
type link struct {
	socket *socket
	in     chan []byte   // frames; closed when the reader has ended
	over   chan struct{} // closed when nobody takes frames any more
	heard  atomic.Pointer[time.Time]
	end    ending // valid once in is closed
}

// OnOpen is called by the WebSocket library.
func (l *link) OnOpen(*gws.Conn) {}

// OnMessage is called by the WebSocket library for each frame.
func (l *link) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	select {
	case l.in <- append([]byte(nil), m.Bytes()...):
	case <-l.over:
	}
}

// OnPing is called by the WebSocket library.
func (l *link) OnPing(ws *gws.Conn, payload []byte) {
	l.alive()
	_ = ws.WritePong(payload) // the reader reports the end
}

// OnPong is called by the WebSocket library.
func (l *link) OnPong(*gws.Conn, []byte) { l.alive() }

func (l *link) alive() {
	now := time.Now()
	l.heard.Store(&now)
}

// OnClose is called by the WebSocket library when reading has ended.
func (l *link) OnClose(_ *gws.Conn, err error) {
	l.end = ending{err: err, code: CloseAbnormal, reason: err.Error()}
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		l.end = ending{code: int(closed.Code), reason: string(closed.Reason)}
		l.end.err = fmt.Errorf("the server closed the connection: %s (%d)", l.end.reason, l.end.code)
	}
}

// dialer connects within a context, which the library does not know.
type dialer struct {
	ctx  context.Context
	dial Dialer
	link *link
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
	d.link.socket = s
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
