package gateway

import (
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

const (
	writePiece = 32 << 10 // what must be taken within Config.Write
	keepBuffer = 64 << 10 // larger buffers go to the garbage collector
	drainAtEnd = 1 << 20  // read and thrown away so that the close frame is not lost to a reset
)

// outBuffers are buffers for frames on their way out. A connection has one only while it has something to send.
var outBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// framing is how frames look on a peer's socket.
type framing interface {
	// text queues a frame.
	text(frame []byte) error
	// ping queues something that asks for a sign of life, or gives one.
	ping()
	// goodbye queues the end in place of what is queued and has the writer end the socket.
	goodbye(code int, reason string)
	// read reads until the socket ends, and tells the Conn.
	read()
}

// peer drives one Conn over one socket. Three kinds of goroutines work on it: its reader; a writer, only while there is something to write; and a worker
// of the server, only while something has happened to it. For a stream of events, those that take a post in are readers too. Readers and workers take
// core and call Conn; everybody else leaves a note and has a worker look. Its framing makes and reads frames; what that writes goes into a buffer here
// and never blocks.
type peer struct {
	server    *Server
	socket    net.Conn // both are set before the reader starts,
	framing   framing  // with mu held, since Stop may come before
	stream    string   // id of its stream of events, where it is none of WebSocket
	anonymous string   // address under which it is counted as pending; changed with core and Server.mu held

	core  sync.Mutex
	conn  *Conn
	timer *time.Timer
	armed time.Time // when the timer fires; zero if it does not
	done  bool      // the reader has ended
	posts int64     // taken in

	mu       sync.Mutex
	out      *[]byte // what to write
	head     int     // bytes of out that are no frames but the answer to the request
	inFlight int     // bytes that the writer is writing
	writing  bool    // there is a writer
	full     bool    // somebody was told ErrFull
	shut     bool    // nothing more is taken; the writer ends the socket
	unread   bool    // the reader has ended in the middle of what the client sends
	deaf     bool    // the reader has ended
	over     bool    // no longer active; notes are thrown away
	queued   bool    // a worker has it or will
	posting  int     // posts that are being read
	cause    string  // why it ended, if it did not end by the client or by Conn
	code     int
	notes    notes
}

// notes are what happened to a peer since a worker last looked.
type notes struct {
	wake, drained, tick, end, changed bool
	posts                             []func()
}

func (n *notes) empty() bool {
	return !n.wake && !n.drained && !n.tick && !n.end && !n.changed && n.posts == nil
}

// note leaves a note and has a worker look. It never blocks.
func (p *peer) note(leave func(*notes)) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	leave(&p.notes)
	first := !p.queued
	p.queued = true
	p.mu.Unlock()
	if first {
		p.server.enqueue(p)
	}
}

// Wake is called by the Hub.
func (p *peer) Wake() { p.note(func(n *notes) { n.wake = true }) }

// Changed is called by the Hub.
func (p *peer) Changed() { p.note(func(n *notes) { n.changed = true }) }

// Tell is called by the Hub.
func (p *peer) Tell(frame []byte) { p.Post(func() { p.conn.Tell(frame) }) }

// Post takes a completion of the Backend.
func (p *peer) Post(f func()) { p.note(func(n *notes) { n.posts = append(n.posts, f) }) }

// End closes the socket at once, whatever the Conn is doing, and tells the Conn.
func (p *peer) End(cause string, code int, reason string) {
	p.because(cause, code)
	p.Close(code, clip(reason))
	p.note(func(n *notes) { n.end = true })
}

// because remembers why the peer ends; the first cause counts.
func (p *peer) because(cause string, code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" {
		p.cause, p.code = cause, code
	}
}

// gone tells the Conn that the socket has ended: for the cause that is known, else for the one given.
func (p *peer) gone(cause string, code int) {
	p.mu.Lock()
	if p.cause != "" {
		cause, code = p.cause, p.code
	}
	p.mu.Unlock()
	p.conn.Gone(cause, code)
}

// withoutWord is the cause of an end that neither side has announced. A client of a stream of events has no other way to end.
func (p *peer) withoutWord() string {
	if p.stream != "" {
		return ClosedByClient
	}
	return Broken
}

// run does what the notes ask for and one read that is wanted. It says whether there is more to do.
func (p *peer) run() (again bool) {
	p.core.Lock()
	defer p.core.Unlock()
	p.mu.Lock()
	n := p.notes
	p.notes = notes{}
	p.mu.Unlock()

	if n.end {
		p.gone(ClosedByServer, codeAbnormal)
	}
	for _, f := range n.posts {
		f()
	}
	if n.wake {
		p.conn.Wake()
	}
	if n.changed {
		p.conn.Changed()
	}
	if n.drained {
		p.conn.Drained()
	}
	if n.tick {
		p.armed = time.Time{}
		p.conn.Tick(p.server.core.config.Now())
	}
	if f, ok := p.conn.Fetch(); ok {
		p.settle()
		p.core.Unlock()
		events, err := p.server.core.backend.Events(p.server.ctx, f.Account, f.After, f.Limit, f.Lang)
		p.core.Lock()
		if p.server.ctx.Err() == nil { // a read that was cut short by Stop says nothing
			p.conn.Fetched(f, events, err)
		}
	}
	p.mu.Lock()
	again = p.conn.Wants() || !p.notes.empty()
	p.queued = again
	p.mu.Unlock()
	p.settle()
	return again
}

// settle follows every use of Conn, with core held: it keeps the timer right, and lets the peer go when nothing can happen to it any more.
func (p *peer) settle() {
	if p.anonymous != "" && p.conn.peer.Account != "" {
		p.server.known(p)
	}
	if next := p.conn.NextDeadline(); next.IsZero() {
		if p.timer != nil {
			p.timer.Stop()
		}
	} else if p.armed.IsZero() || next.Before(p.armed) {
		p.armed = next
		wait := next.Sub(p.server.core.config.Now())
		if p.timer == nil {
			p.timer = time.AfterFunc(wait, func() { p.note(func(n *notes) { n.tick = true }) })
		} else {
			p.timer.Reset(wait)
		}
	}
	if !p.done || p.conn.Outstanding() > 0 {
		return
	}
	p.mu.Lock()
	last := !p.over && !p.queued
	p.over = p.over || last
	p.mu.Unlock()
	if last {
		p.server.forget(p)
		p.server.active.Done()
	}
}

// use calls Conn from the reader and has a worker do the reads that it wants then.
func (p *peer) use(f func(*Conn)) {
	p.core.Lock()
	f(p.conn)
	p.settle()
	wants := p.conn.Wants()
	p.core.Unlock()
	if wants {
		p.note(func(*notes) {})
	}
}

// read is the reader. It ends when the socket does.
func (p *peer) read() {
	p.use(func(*Conn) {}) // arms the timer for the hello
	p.readFrames()
	p.mu.Lock()
	unread, code := p.unread, p.code
	p.mu.Unlock()
	if unread {
		p.server.core.config.Logger.Info("closed a realtime connection whose frames cannot be read", "remote", p.conn.peer.Remote, "code", code)
		// Closing a socket with unread data resets it, and the other side may lose the close frame. The read deadline is set.
		_, _ = io.CopyN(io.Discard, p.socket, drainAtEnd)
	}
	p.end()
}

// end lets go of the socket when nothing reads it any more; a writer may still say goodbye.
func (p *peer) end() {
	p.mu.Lock()
	p.shut, p.deaf = true, true
	idle := !p.writing && p.socket != nil
	p.mu.Unlock()
	if idle {
		_ = p.socket.Close()
	}
	p.core.Lock()
	defer p.core.Unlock()
	p.gone(p.withoutWord(), codeAbnormal) // unless Conn knows already
	p.done = true
	p.settle()
}

// readFrames reads until an error. The WebSocket library panics on a frame whose length does not fit into an int; that ends this connection only.
func (p *peer) readFrames() {
	defer func() {
		if fault := recover(); fault != nil {
			p.server.core.config.Logger.Error("reading a realtime connection failed", "fault", fault, "stack", string(debug.Stack()))
			p.mu.Lock()
			p.unread = true
			p.mu.Unlock()
			p.End(ClosedByServer, CloseMalformed, "the frame cannot be read")
		}
	}()
	p.framing.read()
}

// codeAbnormal is how the end without a close frame is recorded (RFC 6455, 7.1.5).
const codeAbnormal = 1006

// Send is the Transport's.
func (p *peer) Send(frame []byte) error {
	if !p.room(len(frame)) {
		return ErrFull
	}
	return p.framing.text(frame)
}

// Ping asks for a sign of life.
func (p *peer) Ping() {
	if p.room(0) {
		p.framing.ping()
	}
}

// Close says goodbye; the writer ends the socket.
func (p *peer) Close(code int, reason string) {
	p.mu.Lock()
	f := p.framing
	p.shut = p.shut || f == nil // it has no framing yet and will get none
	p.mu.Unlock()
	if f != nil {
		f.goodbye(code, reason)
	}
}

// room says whether a frame of n bytes may be queued. An empty queue takes a frame of any size, since entries have one.
func (p *peer) room(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.waiting()
	if waiting > 0 && waiting+n > p.server.core.config.Queue {
		p.full = true
		return false
	}
	return true
}

func (p *peer) waiting() int {
	if p.out == nil {
		return p.inFlight
	}
	return p.inFlight + len(*p.out)
}

// queue takes parts of a frame to be written. The caller holds mu.
func (p *peer) queue(parts ...[]byte) error {
	if p.shut {
		return net.ErrClosed
	}
	if p.out == nil {
		p.out = outBuffers.Get().(*[]byte)
	}
	for _, part := range parts {
		*p.out = append(*p.out, part...)
	}
	if !p.writing {
		p.writing = true
		p.server.active.Add(1) // the peer is active, so Wait has not returned
		go p.write()
	}
	return nil
}

// discard throws away what the writer has not begun with; those are whole frames. The caller holds mu.
func (p *peer) discard() {
	if p.out != nil {
		*p.out = (*p.out)[:p.head]
	}
}

// leave has the writer end the socket after what is queued. The reader waits for the other side's end for a moment. The caller holds mu.
func (p *peer) leave() error {
	if p.shut {
		return nil
	}
	p.shut = true
	soon := time.Now().Add(p.server.core.config.Linger)
	_ = p.socket.SetWriteDeadline(soon) // a socket that cannot is closed
	return p.socket.SetReadDeadline(soon)
}

// write is the writer: it writes what is queued and ends.
func (p *peer) write() {
	defer p.server.active.Done()
	for {
		p.mu.Lock()
		buffer := p.out
		p.out, p.head = nil, 0
		if buffer == nil {
			p.writing = false
			shut, deaf := p.shut, p.deaf
			p.mu.Unlock()
			if shut {
				p.farewell(deaf)
			}
			return
		}
		p.inFlight = len(*buffer)
		p.mu.Unlock()

		err := p.writePieces(*buffer)

		p.mu.Lock()
		p.inFlight = 0
		drained := p.full && err == nil && p.waiting() <= p.server.core.config.Queue/4
		if drained {
			p.full = false
		}
		if err != nil {
			p.writing, p.shut, p.out = false, true, nil
		}
		p.mu.Unlock()
		if cap(*buffer) <= keepBuffer {
			*buffer = (*buffer)[:0]
			outBuffers.Put(buffer)
		}
		if err != nil {
			p.stalled(err) // before the reader notices the end and does not know why
			_ = p.socket.Close()
			return
		}
		if drained {
			p.note(func(n *notes) { n.drained = true })
		}
	}
}

// writePieces writes the buffer; the other side has Config.Write for each piece.
func (p *peer) writePieces(b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), writePiece)]
		p.mu.Lock()
		within := p.server.core.config.Write
		if p.shut {
			within = p.server.core.config.Linger
		}
		err := p.socket.SetWriteDeadline(time.Now().Add(within))
		p.mu.Unlock()
		if err != nil {
			return err
		}
		n, err := p.socket.Write(piece)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// stalled tells the Conn that writing failed; if the other side did not read, that is why.
func (p *peer) stalled(err error) {
	if e, ok := err.(net.Error); ok && e.Timeout() {
		p.because(Stale, CloseTimeout)
	} else {
		p.because(Broken, codeAbnormal)
	}
	p.note(func(n *notes) { n.end = true })
}

// farewell ends the socket after the last write. If there still is a reader it waits for the other side, and closes the socket.
func (p *peer) farewell(deaf bool) {
	half, ok := p.socket.(interface{ CloseWrite() error })
	if deaf || !ok {
		_ = p.socket.Close()
		return
	}
	_ = half.CloseWrite() // the reader notices if it failed
}
