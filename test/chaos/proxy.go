package chaos

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Weather is what a proxy does to what passes. The zero Weather lets everything pass at once.
type Weather struct {
	Delay   time.Duration // at most, for each piece that arrives; what follows on the connection waits behind it
	Rate    int           // bytes a second in each direction of a connection; 0 for no limit
	Hold    time.Duration // at most, for which a new connection is not passed on: later ones overtake it
	Cut     float64       // percent of the pieces in the middle of which a connection ends, one half of them with a reset
	Swallow Direction     // what is sent on a connection that is made now vanishes, and nobody is told
}

// Direction is where bytes go. Both are ToServer | ToClient.
type Direction uint8

// The directions.
const (
	ToServer Direction = 1 << iota
	ToClient
)

// proxy stands between clients and a server, and does what networks do.
type proxy struct {
	listener net.Listener
	to       string // the server's address
	open     context.Context
	shut     context.CancelFunc

	mu      sync.Mutex
	rng     *rand.Rand
	weather Weather
	links   map[*link]bool
	cuts    int // connections that it ended
	silent  int // connections that it made silent
	passing sync.WaitGroup
}

// link is one connection through a proxy.
type link struct {
	proxy *proxy
	ends  [2]*net.TCPConn // the client's and the server's
	// swallowed and over are held by proxy.mu: what vanishes, and which of the ends has ended.
	swallowed Direction
	over      [2]bool
}

// newProxy begins to listen; Close ends it.
func newProxy(to string, seed uint64) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, to: to, rng: rand.New(rand.NewPCG(seed, 4)), links: map[*link]bool{}}
	p.open, p.shut = context.WithCancel(context.Background())
	p.passing.Go(p.accept)
	return p, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// set changes the weather for everything that comes from now on.
func (p *proxy) set(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
}

// silence has each open connection swallow, with a chance in percent, what goes in a direction. It stays so until both sides have given it up by themselves.
func (p *proxy) silence(d Direction, percent float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.swallowed == 0 && chance(p.rng, percent) {
			l.swallowed = d
			p.silent++
		}
	}
}

// count is how many connections it has ended, and made silent.
func (p *proxy) count() (cuts, silent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts, p.silent
}

// Close ends everything and waits until nothing passes any more.
func (p *proxy) Close() {
	_ = p.listener.Close() // nothing more to lose
	p.mu.Lock()
	p.shut()
	for l := range p.links {
		l.end(false)
	}
	p.mu.Unlock()
	p.passing.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		hold := p.upTo(p.weather.Hold)
		p.mu.Unlock()
		p.passing.Go(func() { p.connect(client.(*net.TCPConn), hold) })
	}
}

// upTo chooses a time. p.mu is held.
func (p *proxy) upTo(most time.Duration) time.Duration { return between(p.rng, 0, most) }

// connect passes a connection on, later or at once.
func (p *proxy) connect(client *net.TCPConn, hold time.Duration) {
	wait(p.open, hold)
	far, err := net.Dial("tcp", p.to)
	if err != nil { // nobody listens there: the client is told in the same way
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	l := &link{proxy: p, ends: [2]*net.TCPConn{client, far.(*net.TCPConn)}}
	p.mu.Lock()
	if l.swallowed = p.weather.Swallow; l.swallowed != 0 {
		p.silent++
	}
	p.links[l] = true
	if p.open.Err() != nil {
		l.end(false)
	}
	p.mu.Unlock()
	p.passing.Go(func() { l.pass(0, 1, ToServer) })
	l.pass(1, 0, ToClient)
}

// pass passes on what comes from one end until that has ended.
func (l *link) pass(from, to int, d Direction) {
	b := make([]byte, 4<<10)
	gone := false
	for {
		n, err := l.ends[from].Read(b)
		f := l.fate(d, n)
		wait(l.proxy.open, f.delay)
		if !f.swallow && !gone {
			_, failed := l.ends[to].Write(b[:f.passes])
			switch {
			case failed == nil:
			case l.swallows(back[d]): // that nobody is there any more would be said on the way on which everything vanishes
				gone = true
			default:
				err = failed
			}
		}
		if f.cut || err != nil {
			l.ended(from, d, err, f)
			return
		}
	}
}

// fate is what happens to a piece.
type fate struct {
	delay               time.Duration
	passes              int // bytes of it, before a cut
	swallow, cut, reset bool
}

// back is the other direction.
var back = map[Direction]Direction{ToServer: ToClient, ToClient: ToServer}

func (l *link) swallows(d Direction) bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	return l.swallowed&d != 0
}

func (l *link) fate(d Direction, n int) fate {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.weather
	f := fate{passes: n, swallow: l.swallowed&d != 0}
	if n == 0 || f.swallow {
		return f
	}
	f.delay = p.upTo(w.Delay)
	if w.Rate > 0 {
		f.delay += time.Duration(n) * time.Second / time.Duration(w.Rate)
	}
	if f.cut = chance(p.rng, w.Cut); f.cut {
		f.passes, f.reset = p.rng.IntN(n), chance(p.rng, 50)
		p.cuts++
	}
	return f
}

// ended follows the end of what comes from one end. Where that direction is swallowed the other end is told nothing: it stays until it gives up by itself.
func (l *link) ended(from int, d Direction, err error, f fate) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	l.over[from] = true
	switch {
	case f.cut:
		l.end(f.reset)
	case l.swallowed&d != 0 && !l.over[1-from] && p.open.Err() == nil: // an end without a word, for the other side
	case errors.Is(err, io.EOF):
		_ = l.ends[1-from].CloseWrite() // it may be gone
	default:
		l.end(true)
	}
	if l.over[0] && l.over[1] {
		l.end(false)
		delete(p.links, l)
	}
}

// end closes both ends. proxy.mu is held.
func (l *link) end(reset bool) {
	for _, c := range l.ends {
		if reset {
			_ = c.SetLinger(0) // it may be closed
		}
		_ = c.Close()
	}
}
