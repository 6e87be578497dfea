package gateway

import (
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
)

// Core is what all connections of a server share.
type Core struct {
	config  Config
	backend Backend
	hub     *Hub
}

// NewCore makes a Core; Server makes its own.
func NewCore(config Config, backend Backend, hub *Hub) *Core {
	return &Core{config: config.withDefaults(), backend: backend, hub: hub}
}

// Peer is what is known of the other side before it says hello.
type Peer struct {
	Account, Token string // from Authenticate; empty while it has shown no token
	Remote         string // its address
	Refused        error  // why what it showed before was refused; a hello without a token is refused for it
}

// phase is how far a connection got.
type phase uint8

const (
	waiting phase = iota // for hello
	opening              // for the Backend
	open
	closed
)

// Conn is one connection, from its first byte to its end: the session protocol and nothing else. One goroutine at a time may call it. After each call the
// caller asks Fetch for a read that is wanted and NextDeadline for when to call Tick.
type Conn struct {
	core      *Core
	transport Transport
	peer      Peer

	phase     phase
	opened    delivery.Opened
	client    string
	lang      string
	cause     string // why it was closed
	code      int
	answers   int       // calls of the Backend that have not come back
	startedAt time.Time // when the connection was made
	heardAt   time.Time // when the client was last heard
	pingedAt  time.Time
	reports   reports
	pinged    bool // and not answered
	pulse     pulse

	stream
}

// NewConn begins a connection. It waits for a hello.
func (c *Core) NewConn(t Transport, peer Peer) *Conn {
	now := c.config.Now()
	made := &Conn{core: c, transport: t, peer: peer, startedAt: now, heardAt: now}
	made.pulse.heard.Store(now.UnixMicro())
	return made
}

// Frame takes a text frame from the client. It keeps nothing of data.
func (c *Conn) Frame(data []byte) {
	if c.phase == closed {
		return
	}
	c.hear()
	if len(data) > c.core.config.Frame {
		c.fail(CloseTooLarge, fmt.Sprintf("a frame has at most %d bytes", c.core.config.Frame))
		return
	}
	f, err := decode(data)
	switch {
	case err != nil:
		c.fail(CloseMalformed, err.Error())
	case c.phase == waiting && f.Type != typeHello:
		c.fail(CloseMalformed, "the first frame is a hello")
	case c.phase == waiting:
		c.hello(f)
	case f.Type == typeHello:
		c.fail(CloseMalformed, "a connection has one hello")
	case f.Type == typePing:
		c.send(encode(serverFrame{Type: typePong, Ref: f.Ref, At: c.wallClock()}))
	case c.phase == opening:
		c.fail(CloseMalformed, "wait for the welcome before other frames")
	case c.answers >= c.core.config.outstandingAnswers:
		c.fail(CloseTooMany, "too many frames without waiting for their answers")
	case f.Type == typeAck:
		c.acknowledge(f)
	case f.Type == typePresence:
		c.presence(f)
	case f.Type == typeVisibility:
		c.core.backend.Visibility(c.opened.Connection, *f.Visible)
	case f.Type == typeReport:
		c.report(data, f.Ref)
	case f.Type == typeWatch:
		c.core.hub.watch(c.member(), c.core.config.Hints)
	default:
		c.send(encode(serverFrame{Type: typeError, Code: "realtime.unknown_type", Title: "this server does not know the type " + clip(f.Type), Ref: f.Ref}))
	}
}

// Heard says that the client gave a sign of life that is not a frame of the protocol.
func (c *Conn) Heard() { c.hear() }

// Tick does what is due.
func (c *Conn) Tick(now time.Time) {
	cfg := &c.core.config
	switch {
	case c.phase == closed:
		return
	case c.phase == waiting:
		if !now.Before(c.startedAt.Add(cfg.Hello)) {
			c.fail(CloseTimeout, fmt.Sprintf("no hello within %v", cfg.Hello))
		}
		return
	case !now.Before(c.heardAt.Add(cfg.Stale)):
		c.close(Stale, CloseTimeout, fmt.Sprintf("nothing heard for %v", cfg.Stale))
		return
	case !now.Before(c.pingAt()):
		c.pingedAt = now
		if p, ok := c.transport.(Pinger); ok {
			c.pinged = true
			p.Ping()
		}
	}
	c.overdue(now)
	c.handReport(now)
	if !c.retryAt.IsZero() && !now.Before(c.retryAt) {
		c.retryAt = time.Time{}
	}
}

// NextDeadline is when Tick has something to do; zero for never. It may move with every call.
func (c *Conn) NextDeadline() time.Time {
	cfg := &c.core.config
	switch c.phase {
	case closed:
		return time.Time{}
	case waiting:
		return c.startedAt.Add(cfg.Hello)
	}
	next := c.heardAt.Add(cfg.Stale)
	for _, t := range []time.Time{c.pingAt(), c.overdueAt(), c.reportAt(), c.retryAt} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

func (c *Conn) pingAt() time.Time {
	last := c.heardAt
	if c.pingedAt.After(last) {
		last = c.pingedAt
	}
	return last.Add(c.core.config.Ping)
}

// End closes the connection; the Hub calls it.
func (c *Conn) End(cause string, code int, reason string) { c.close(cause, code, reason) }

// Gone says that the transport has ended by itself: the client closed it or it broke. Code is the client's, or 1006.
func (c *Conn) Gone(cause string, code int) { c.finish(cause, code) }

// Ended says whether the connection is over. Completions of the Backend may still come: see Outstanding.
func (c *Conn) Ended() bool { return c.phase == closed }

// Outstanding counts the calls of the Backend that have not come back.
func (c *Conn) Outstanding() int { return c.answers }

// hello opens the session. The Hub knows the connection from the moment of the Backend's answer, so that no later wake-up or end can miss it.
func (c *Conn) hello(f clientFrame) {
	if c.peer.Account == "" {
		if f.Token == "" && c.peer.Refused != nil {
			c.refuse(c.peer.Refused, f.Lang)
			return
		}
		account, token, err := c.core.backend.Authenticate(f.Token)
		if err != nil {
			c.refuse(err, f.Lang)
			return
		}
		c.peer.Account, c.peer.Token = account, token
	}
	if c.core.hub.OfAccount(c.peer.Account) >= c.core.config.PerAccount {
		c.fail(CloseTooMany, fmt.Sprintf("the account has %d connections already", c.core.config.PerAccount))
		return
	}
	c.phase, c.client, c.lang = opening, f.Client.ID, f.Lang
	if c.lang != "en" {
		c.lang = "zh"
	}
	cursor := int64(-1)
	if f.Cursor != nil {
		cursor = *f.Cursor
	}
	h := delivery.Hello{
		Account: c.peer.Account, Token: c.peer.Token, Client: f.Client.ID, Name: f.Client.Name, Version: f.Client.Version,
		Lang: c.lang, Node: c.core.config.Node, Remote: c.peer.Remote, Cursor: cursor,
	}
	c.answers++
	c.core.backend.Open(h, func(o delivery.Opened, err error) {
		if err == nil {
			c.core.hub.join(h.Account, o, c.member())
		}
		c.post(func() { c.answerOpen(o, err) })
	})
}

func (c *Conn) answerOpen(o delivery.Opened, err error) {
	c.answers--
	switch {
	case err != nil:
		c.refuse(err, c.lang)
	case c.phase == closed: // meanwhile
		c.opened = o
		c.leave()
	default:
		c.opened, c.phase = o, open
		c.sent, c.received, c.more = o.Cursor, o.Cursor, true
		w := welcomeFrame{
			Type: typeWelcome, Session: o.Session, Connection: o.Connection, Account: c.peer.Account, Cursor: o.Cursor, Last: o.Last,
			Heartbeat: c.core.config.Ping.Milliseconds(), Presence: o.Presence,
		}
		w.Server.Version = c.core.config.Version
		c.send(encode(w))
		if o.Refused != nil {
			c.core.config.Logger.Info("did not believe a client's cursor", "account", c.peer.Account, "remote", c.peer.Remote, "connection", o.Connection, "error", o.Refused)
			c.send(encode(errorFrame(o.Refused, c.lang, "")))
		}
	}
}

func (c *Conn) presence(f clientFrame) {
	c.answers++
	c.core.backend.SetPresence(c.peer.Account, f.Value, f.Reason, f.Until, func(err error) {
		c.post(func() {
			c.answers--
			if err != nil {
				c.send(encode(errorFrame(err, c.lang, f.Ref)))
				return
			}
			set := serverFrame{Type: typePresence, Value: f.Value, Reason: f.Reason, Ref: f.Ref}
			if !f.Until.IsZero() {
				set.Until = &f.Until
			}
			c.send(encode(set))
		})
	})
}

// refuse closes an opening connection for a refusal of the Backend.
func (c *Conn) refuse(err error, lang string) {
	code, _, words := Refuse(err, lang)
	if problem.KindOf(err) == problem.Internal {
		c.core.config.Logger.Error("open a realtime session", "account", c.peer.Account, "error", err)
	}
	c.fail(code, words)
}

// fail closes the connection for a fault of either side, and logs it once.
func (c *Conn) fail(code int, reason string) {
	if c.phase == closed {
		return
	}
	c.core.config.Logger.Info("closed a realtime connection", "account", c.peer.Account, "remote", c.peer.Remote, "connection", c.opened.Connection,
		"code", code, "reason", reason)
	c.close(ClosedByServer, code, reason)
}

func (c *Conn) close(cause string, code int, reason string) {
	if c.phase == closed {
		return
	}
	c.transport.Close(code, clip(reason))
	c.finish(cause, code)
}

func (c *Conn) finish(cause string, code int) {
	if c.phase == closed {
		return
	}
	was := c.phase
	c.phase, c.cause, c.code = closed, cause, code
	c.stream, c.reports = stream{}, reports{}
	if was == open {
		c.leave()
	}
}

// leave reports the end of a connection that had been opened.
func (c *Conn) leave() {
	c.core.hub.leave(c.peer.Account, c.opened, c.member())
	c.core.backend.Closed(c.opened.Connection, c.cause, c.code, c.heardAt)
}

func (c *Conn) member() Member {
	if m, ok := c.transport.(Member); ok {
		return m
	}
	return c
}

func (c *Conn) post(f func()) {
	if p, ok := c.transport.(Poster); ok {
		p.Post(f)
		return
	}
	f()
}

func (c *Conn) now() time.Time { return c.core.config.Now() }

// wallClock is the server's time for a client that compares its own.
func (c *Conn) wallClock() *time.Time {
	now := c.now().UTC().Round(time.Millisecond)
	return &now
}
