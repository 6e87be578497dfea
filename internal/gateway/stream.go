package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
)

// Reading that fails is tried again after firstRetry, then after twice as long each time up to lastRetry; after mostFailures the connection is closed, and
// the client's own backoff takes over.
const (
	firstRetry   = 100 * time.Millisecond
	lastRetry    = 2 * time.Second
	mostFailures = 8
)

// stream is the part of a Conn that sends entries and follows their acknowledgement. There is no queue of entries: what cannot be sent now is read again
// later, from the position that was reached.
type stream struct {
	sent     int64 // last entry handed to the transport
	received int64 // last entry that the client says it has

	more     bool // there may be entries after sent
	fetching bool
	retryAt  time.Time
	failures int

	blockedAt time.Time // since when the transport's queue is full; zero if it is not
	behind    bool      // an entry could not be sent because of that
	hinted    bool      // a hint could not be sent because of that
	held      [][]byte  // answers that wait for room
	heldBytes int

	pushed       []pushed // neither acknowledged nor reported, oldest first
	unresponsive bool
	reportedAt   time.Time // when entries were last reported as unacknowledged

	// A client may wait for the answers to its acks before it acknowledges more, so the time for which Bida owes it one is not the client's.
	owing int           // acks without an answer
	since time.Time     // when the first of them came
	owed  time.Duration // for how long there were such acks, before since
}

// pushed is an entry handed to the transport, and what owed was then.
type pushed struct {
	delivery.Push
	owed time.Duration
}

// Fetch is a read of the stream that a Conn wants.
type Fetch struct {
	Account string
	After   int64
	Limit   int
	Lang    string
}

// Wants says whether Fetch would give something.
func (c *Conn) Wants() bool {
	return c.phase == open && c.more && !c.fetching && c.blockedAt.IsZero() && c.retryAt.IsZero() && len(c.pushed) < c.core.config.Window
}

// Fetch says which read is wanted, if any. The caller does it and hands the result to Fetched; until then no other read is wanted.
func (c *Conn) Fetch() (Fetch, bool) {
	if !c.Wants() {
		return Fetch{}, false
	}
	c.more, c.fetching = false, true
	return Fetch{Account: c.peer.Account, After: c.sent, Limit: c.limit(), Lang: c.lang}, true
}

func (c *Conn) limit() int { return min(c.core.config.Batch, c.core.config.Window-len(c.pushed)) }

// Fetched takes the answer to a Fetch.
func (c *Conn) Fetched(f Fetch, events []delivery.Event, err error) {
	if c.phase != open {
		return
	}
	c.fetching = false
	if err != nil {
		c.failed(err)
		return
	}
	c.failures = 0
	if len(events) >= f.Limit {
		c.more = true
	}
	for i := range events {
		if !c.push(&events[i]) {
			return
		}
	}
}

// push sends one entry and says whether to go on.
func (c *Conn) push(e *delivery.Event) bool {
	last := e.AgentSequence
	if e.Event == delivery.EventGap {
		last = e.To
	}
	if last <= c.sent {
		return true
	}
	if e.AgentSequence > c.sent+1 {
		c.core.config.Logger.Error("the stream of an account has a hole", "account", c.peer.Account, "after", c.sent, "next", e.AgentSequence)
		c.fail(CloseInternal, fmt.Sprintf("entry %d cannot be found; please connect again", c.sent+1))
		return false
	}
	now := c.now()
	switch err := c.transport.Send(encode(eventFrame{Type: e.Event, Event: e})); {
	case errors.Is(err, ErrFull):
		c.block(now)
		c.behind, c.more = true, true
		return false
	case err != nil:
		return false // the transport has ended and says so itself
	}
	c.sent = last
	if e.Event != delivery.EventGap {
		c.pushed = append(c.pushed, pushed{delivery.Push{Sequence: e.AgentSequence, At: now}, c.owedUntil(now)})
	}
	return true
}

// failed plans to read again.
func (c *Conn) failed(err error) {
	c.more = true
	c.failures++
	if kind := problem.KindOf(err); c.failures > mostFailures || kind != problem.Internal && kind != problem.Unavailable {
		c.refuse(err, c.lang)
		return
	}
	c.core.config.Logger.Warn("read an account's stream", "account", c.peer.Account, "after", c.sent, "failures", c.failures, "error", err)
	c.retryAt = c.now().Add(min(firstRetry<<(c.failures-1), lastRetry))
}

// Wake says that there are entries after those that were read.
func (c *Conn) Wake() {
	if c.phase == open {
		c.more = true
	}
}

// Changed sends a hint that conversations have changed. To a client that does not read, one waits however many there were.
func (c *Conn) Changed() {
	if c.phase != open {
		return
	}
	if c.blockedAt.IsZero() {
		if !errors.Is(c.transport.Send(changed), ErrFull) {
			return // sent, or the transport has ended and says so itself
		}
		c.block(c.now())
	}
	c.hinted = true
}

// changed is the hint: it says nothing about what has changed.
var changed = encode(serverFrame{Type: typeChanged})

// Tell sends a frame. Until the welcome there is nobody to be told.
func (c *Conn) Tell(frame []byte) {
	if c.phase == open {
		c.send(frame)
	}
}

// Drained says that the transport's queue has room again after ErrFull.
func (c *Conn) Drained() {
	if c.phase == closed || c.blockedAt.IsZero() {
		return
	}
	since, behind, hinted := c.blockedAt, c.behind, c.hinted
	c.blockedAt, c.behind, c.hinted = time.Time{}, false, false
	held := c.held
	c.held, c.heldBytes = nil, 0
	for _, frame := range held {
		c.send(frame)
	}
	if now := c.now(); behind && now.Sub(since) >= c.core.config.Resync {
		after := c.sent
		c.send(encode(serverFrame{Type: typeResync, After: &after}))
	}
	if hinted {
		c.Changed()
	}
}

func (c *Conn) block(now time.Time) {
	if c.blockedAt.IsZero() {
		c.blockedAt = now
	}
}

// send sends an answer. Answers to a client that does not read wait, up to a limit.
func (c *Conn) send(frame []byte) {
	if c.phase == closed {
		return
	}
	if c.blockedAt.IsZero() {
		err := c.transport.Send(frame)
		if !errors.Is(err, ErrFull) {
			return // sent, or the transport has ended and says so itself
		}
		c.block(c.now())
	}
	if c.heldBytes += len(frame); c.heldBytes > c.core.config.heldBytes {
		c.fail(CloseTooMany, "the answers to your frames are not being read")
		return
	}
	c.held = append(c.held, frame)
}

// acknowledge passes an ack on, with what this connection pushed and nobody recorded yet.
func (c *Conn) acknowledge(f clientFrame) {
	if f.Received != nil {
		if !c.known(*f.Received) {
			return
		}
		c.received = max(c.received, *f.Received)
	}
	for _, named := range [][]int64{f.Seen, f.Accepted} {
		for _, n := range named {
			if !c.known(n) {
				return
			}
		}
	}
	c.unresponsive = false
	taken := c.take(func(p pushed) bool { return p.Sequence <= c.received })
	a := delivery.Ack{
		Account: c.peer.Account, Client: c.client, Connection: c.opened.Connection, Received: c.received, Pushed: pushes(taken), Seen: f.Seen, Accepted: f.Accepted,
	}
	if c.answers++; c.owing == 0 {
		c.since = c.now()
	}
	c.owing++
	c.core.backend.Acknowledge(a, func(r delivery.AckResult, err error) {
		c.post(func() {
			c.answers--
			if c.phase == closed {
				return
			}
			if c.owing--; c.owing == 0 {
				c.owed += c.now().Sub(c.since)
			}
			if err != nil {
				c.notAcknowledged(taken, err, f.Ref)
				return
			}
			c.send(encode(serverFrame{Type: typeAcked, Received: &a.Received, Refused: r.Refused, Ref: f.Ref}))
		})
	})
}

// notAcknowledged answers an ack that was not recorded. If that is Bida's fault, or the client may not be here any more, the connection is closed, and
// the client acknowledges again when it comes back; otherwise it would only hear the same again.
func (c *Conn) notAcknowledged(taken []pushed, err error, ref string) {
	switch problem.KindOf(err) {
	case problem.Internal, problem.Unavailable, problem.Unauthenticated, problem.Forbidden:
		c.refuse(err, c.lang)
	default:
		c.pushed = append(taken, c.pushed...)
		c.send(encode(errorFrame(err, c.lang, ref)))
	}
}

// known checks that the client names an entry that it was sent; otherwise it closes the connection.
func (c *Conn) known(sequence int64) bool {
	if sequence >= 0 && sequence <= c.sent {
		return true
	}
	c.fail(CloseMalformed, fmt.Sprintf("entry %d is acknowledged, but %d was the last one sent", sequence, c.sent))
	return false
}

// take removes the first entries of pushed for which the condition holds.
func (c *Conn) take(condition func(pushed) bool) []pushed {
	n := 0
	for n < len(c.pushed) && condition(c.pushed[n]) {
		n++
	}
	taken := c.pushed[:n:n]
	if c.pushed = c.pushed[n:]; len(c.pushed) == 0 {
		c.pushed = nil
	}
	return taken
}

// pushes are the entries as the domain wants them.
func pushes(list []pushed) []delivery.Push {
	var out []delivery.Push
	for _, p := range list {
		out = append(out, p.Push)
	}
	return out
}

// owedUntil is for how long Bida owed the client answers to acks, up to now.
func (c *Conn) owedUntil(now time.Time) time.Duration {
	if c.owing == 0 {
		return c.owed
	}
	return c.owed + now.Sub(c.since)
}

// due is when an entry should be acknowledged, while Bida owes no answer.
func (c *Conn) due(p pushed) time.Time { return p.At.Add(c.core.config.Ack + c.owed - p.owed) }

// overdueAt is when the oldest push is overdue; zero if none is, or while Bida owes the client an answer. A connection that is unresponsive already is
// reported on once per Ack time at most.
func (c *Conn) overdueAt() time.Time {
	if len(c.pushed) == 0 || c.owing > 0 {
		return time.Time{}
	}
	due := c.due(c.pushed[0])
	if c.unresponsive && due.Before(c.reportedAt.Add(c.core.config.Ack)) {
		due = c.reportedAt.Add(c.core.config.Ack)
	}
	return due
}

// overdue reports the entries that were not acknowledged in time, once.
func (c *Conn) overdue(now time.Time) {
	if at := c.overdueAt(); at.IsZero() || now.Before(at) {
		return
	}
	late := c.take(func(p pushed) bool { return !now.Before(c.due(p)) })
	c.unresponsive, c.reportedAt = true, now
	c.core.backend.Unacknowledged(c.opened.Connection, now.Add(-c.core.config.Ack), c.heardAt, pushes(late))
}
