package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/bidahq/bida/internal/delivery"
)

// Backend is what the gateway needs from the domain. Every done function is called exactly once, on any goroutine, and does not block. Only Events may
// block; the other methods return at once. Refusals are *problem.Error; see Refuse for how they reach the client.
type Backend interface {
	// Authenticate looks the token up in memory.
	Authenticate(token string) (account, tokenID string, err error)
	// Open records the session and the connection; done comes after the commit, and before any Hub call about what was opened.
	Open(h delivery.Hello, done func(delivery.Opened, error))
	// Closed is called once for each connection that was opened. lastFrame is when the client was last heard.
	Closed(connection, cause string, code int, lastFrame time.Time)
	// Acknowledge records an Ack; done comes after the commit, in the order of the calls.
	Acknowledge(a delivery.Ack, done func(delivery.AckResult, error))
	// Unacknowledged says that the connection did not acknowledge these entries in time. Each entry pushed on a connection is either in the Pushed of one
	// Ack or in one such call, or neither if the connection ended first. since is from when on it had the time in which it did not, lastFrame when the
	// client was last heard.
	Unacknowledged(connection string, since, lastFrame time.Time, pushes []delivery.Push)
	// SetPresence records what the person set; until is zero when not given.
	SetPresence(account, value, reason string, until time.Time, done func(error))
	// Visibility says whether the person can see the client's window.
	Visibility(connection string, visible bool)
	// Report is what the client tells of itself, now and then.
	Report(connection string, r delivery.Report)
	// Events reads up to limit entries after the given one, in order and without gaps in their sequence: what may not be shown any more is a tombstone,
	// what is beyond retention is one gap event. Fewer than limit means that there are no more now.
	Events(ctx context.Context, account string, after int64, limit int, lang string) ([]delivery.Event, error)
}

// Causes of the end of a connection.
const (
	ClosedByClient = "closed_by_client"
	ClosedByServer = "closed_by_server"
	Broken         = "broken" // nobody said goodbye
	Stale          = "stale"
	SessionEnded   = "session_ended"
)

// Transport carries the frames of one connection. It may also have the methods of Pinger, Poster and Member.
type Transport interface {
	// Send queues one text frame and does not block. ErrFull means that the frame was not taken: the queue is at its limit, and Conn.Drained will be
	// called when it has emptied. Frames arrive whole and in order or not at all.
	Send(frame []byte) error
	// Close says goodbye with a close code and a reason of at most 123 bytes. What Send took but did not write yet is thrown away.
	Close(code int, reason string)
}

// ErrFull is what Transport.Send returns when its queue is at its limit.
var ErrFull = errors.New("the send queue is full")

// Pinger is a Transport that can ask the other side for a sign of life (Conn.Heard) without a frame of the protocol.
type Pinger interface{ Ping() }

// Poster is a Transport with its own order of execution: completions of the Backend, which come from other goroutines, are run by it. Without it they run
// where the Backend calls them.
type Poster interface{ Post(func()) }

// Member is what the Hub reaches. Conn has these methods, for a caller that runs everything on one goroutine; a Transport that has them is called instead.
type Member interface {
	// Wake says that the account's stream has grown.
	Wake()
	// Changed says that conversations have changed; only those who watch are told.
	Changed()
	// Tell sends a frame that the protocol has beside the stream.
	Tell(frame []byte)
	// End closes the connection.
	End(cause string, code int, reason string)
}
