package gateway

import (
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/internal/board"
)

// pulse is what others may know of a connection while its Conn is at work: when it was last heard, and how long the last answer to a ping took. It is no fact of
// the ledger: it is as young as the connection's last sign of life, and gone with it.
type pulse struct {
	heard atomic.Int64 // Unix microseconds
	trip  atomic.Int64 // nanoseconds, 0 while no ping was answered
}

// hear notes a sign of life.
func (c *Conn) hear() {
	c.heardAt = c.now()
	c.pulse.heard.Store(c.heardAt.UnixMicro())
}

// Answered says that the client answered a ping: the sign of life that also tells how long the way is.
func (c *Conn) Answered() {
	c.hear()
	if c.pinged {
		c.pinged = false
		c.pulse.trip.Store(max(1, int64(c.heardAt.Sub(c.pingedAt))))
	}
}

// beat tells when the client was last heard, and how long the last round trip took.
func (p *peer) beat() board.Pulse {
	x := &p.conn.pulse
	return board.Pulse{Heard: time.UnixMicro(x.heard.Load()).UTC(), RoundTrip: time.Duration(x.trip.Load())}
}

// Pulses tells of all open connections, by id, when each was last heard and how long a round trip took.
func (h *Hub) Pulses() map[string]board.Pulse {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]board.Pulse, len(h.connections))
	for id, m := range h.connections {
		if p, ok := m.(*peer); ok {
			all[id] = p.beat()
		}
	}
	return all
}
