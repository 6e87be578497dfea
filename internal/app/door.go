package app

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bidahq/bida/internal/limit"
)

// door is a listener that bounds how many connections are open, of all and from one address. Where an address has its share, the connection of it that has
// been open for longest without having asked for anything makes room: whoever opens connections and says nothing keeps nobody out, not even at its own
// address. Whoever does not get in is told so in plain HTTP, without a byte having been read. The log tells of an address once a minute.
//
// A connection is counted out by the server's hook, state, when it is closed or taken over: those that are taken over are package gateway's to count.
type door struct {
	net.Listener
	open   *limit.Budget
	exempt func(netip.Addr) bool // addresses that stand for many: they have no share
	log    *slog.Logger
	told   *limit.Limiter // in the log, by address

	mu     sync.Mutex
	guests map[net.Conn]*guest
	silent map[string]*list.List // of *guest, the oldest first, by address; no entry where there is none
}

// guest is a connection that is counted.
type guest struct {
	conn    net.Conn
	address string
	place   *list.Element // among the silent; nil once it has asked for something
}

// newDoor bounds what comes in by a listener.
func newDoor(l net.Listener, all, perAddress int, exempt func(netip.Addr) bool, log *slog.Logger) *door {
	return &door{
		Listener: l, open: limit.NewBudget(int64(all), int64(perAddress)), exempt: exempt, log: log, told: limit.NewLimiter(limit.Rate{N: 1, Per: time.Minute, Burst: 1}),
		guests: map[net.Conn]*guest{}, silent: map[string]*list.List{},
	}
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := d.addressOf(c)
		err = d.open.Take(address, 1)
		if errors.Is(err, limit.ErrShare) && d.turnOut(address) {
			d.tell(address, "an address has its share of connections; its longest silent one made room")
			err = d.open.Take(address, 1)
		}
		if err == nil {
			d.letIn(c, address)
			return c, nil
		}
		d.tell(address, "turned connections away: "+err.Error())
		turnAway(c, err)
	}
}

// tell writes to the log what happens to an address, once a minute.
func (d *door) tell(address, what string) {
	if d.told.Take(address, time.Now()) == 0 {
		d.log.Warn(what, "address", address, "open", d.open.Held())
	}
}

// addressOf is where a connection comes from, as limits count it. What stands for many counts as each of them: as many sources as there are connections.
func (d *door) addressOf(c net.Conn) string {
	text := c.RemoteAddr().String()
	a, err := netip.ParseAddrPort(text)
	if err != nil || d.exempt(a.Addr().Unmap()) {
		return text
	}
	return limit.Network(a.Addr().String())
}

func (d *door) letIn(c net.Conn, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.silent[address] == nil {
		d.silent[address] = list.New()
	}
	g := &guest{conn: c, address: address}
	g.place = d.silent[address].PushBack(g)
	d.guests[c] = g
}

// turnOut closes the connection from an address that has been silent for longest, and says whether there was one.
func (d *door) turnOut(address string) bool {
	d.mu.Lock()
	l := d.silent[address]
	if l == nil {
		d.mu.Unlock()
		return false
	}
	oldest := l.Front().Value.(*guest) // nothing else is put in
	d.leave(oldest)
	d.mu.Unlock()
	_ = oldest.conn.Close() // it said nothing, and is told nothing
	return true
}

// state is the server's hook.
func (d *door) state(c net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.guests[c]
	switch {
	case g == nil: // turned out
	case s == http.StateActive: // its first request was read
		d.heard(g)
	case s == http.StateClosed, s == http.StateHijacked:
		d.leave(g)
	}
}

// heard counts a connection out of the silent. d.mu is held.
func (d *door) heard(g *guest) {
	if g.place == nil {
		return
	}
	l := d.silent[g.address]
	l.Remove(g.place)
	g.place = nil
	if l.Len() == 0 {
		delete(d.silent, g.address)
	}
}

// leave counts a connection out. d.mu is held.
func (d *door) leave(g *guest) {
	d.heard(g)
	delete(d.guests, g.conn)
	d.open.Give(g.address, 1)
}

// turnAway answers a connection for which there is no room. The answer fits into what the system holds for a new connection, so that writing it does not
// wait; what the other side has sent is not read, so that it may see a connection that was cut instead.
func turnAway(c net.Conn, why error) {
	status, code, words := http.StatusServiceUnavailable, "request.too_many_connections",
		"Too many connections are open; try again shortly. 连接过多，请稍后重试。"
	if errors.Is(why, limit.ErrShare) {
		status, code, words = http.StatusTooManyRequests, "request.too_many_connections_here",
			"Too many connections from your network are open; try again shortly. 您所在网络的连接过多，请稍后重试。"
	}
	title := http.StatusText(status)
	body := `{"type":"urn:bida:problem:` + code + `","title":"` + title + `","status":` + strconv.Itoa(status) + `,"detail":"` + words + `","code":"` + code + `","retry_after":2}` + "\n"
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte("HTTP/1.1 " + strconv.Itoa(status) + " " + title + "\r\nContent-Type: application/problem+json\r\nRetry-After: 2\r\nConnection: close\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)) // to whoever still listens
	_ = c.Close()
}

// filesKept are descriptors that connections leave to the database, the files of messages and realtime connections: this many, and a quarter of the rest.
const filesKept = 128

// affordable is how many connections there may be: what is wished, or what the system's limit of open files leaves.
func affordable(wished int) int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || r.Cur > 1<<30 {
		return wished
	}
	left := int(r.Cur) - filesKept
	return max(1, min(wished, left-left/4))
}
