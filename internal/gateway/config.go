package gateway

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Config sets limits and times; zero values mean the defaults given with each.
type Config struct {
	Version string // of the server, for the welcome
	Node    string // name of this node, for the records of sessions
	// Session says whose the browser's session is that a request shows by its cookie, and the id of that session's token; "" if it shows none. It
	// refuses a cookie on a request that a foreign page has made. Without it only tokens count.
	Session func(r *http.Request) (account, tokenID string, err error)
	// Address says where a request comes from, for records and for the limits of each address; nil for the far end of the connection. Behind a proxy that
	// would be the proxy, and everybody would count as one.
	Address func(r *http.Request) string

	Hello  time.Duration // within which a client says hello: 5 s
	Ping   time.Duration // of silence after which the client is asked for a sign of life: 5 s
	Stale  time.Duration // of silence after which the connection is closed: 15 s
	Ack    time.Duration // within which an entry is acknowledged, else the connection is unresponsive: 5 s
	Write  time.Duration // within which the other side takes a piece of what is written: 10 s
	Linger time.Duration // for which a closed socket waits for the other side's close: 1 s
	Hints  time.Duration // between two hints that conversations have changed: 333 ms, and more where many watch
	Report time.Duration // between two reports of a client that are recorded: 1 s
	Resync time.Duration // for which the queue may be full before the client is told that it did not keep up: 1 s

	Queue  int // bytes waiting to be written to one connection: 256 KiB
	Frame  int // bytes of a frame from a client: 64 KiB
	Window int // entries pushed to a connection and not acknowledged within Ack: 1024
	Batch  int // entries read at once: 64
	Post   int // bytes of frames posted at once: 256 KiB

	Connections        int // sockets in all: 20,000
	Pending            int // of those, without a valid token so far: 512
	PendingPerAddress  int // 64
	PerAccount         int // 64
	Readers            int // reads of Backend.Events at the same time: 16
	outstandingAnswers int // frames of one client that wait for the Backend: 256
	heldBytes          int // answers to a client that does not read: 64 KiB

	Logger *slog.Logger
	Now    func() time.Time
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.Hello, 5 * time.Second},
		{&c.Ping, 5 * time.Second},
		{&c.Stale, 15 * time.Second},
		{&c.Ack, 5 * time.Second},
		{&c.Write, 10 * time.Second},
		{&c.Linger, time.Second},
		{&c.Report, time.Second},
		{&c.Resync, time.Second},
		{&c.Hints, 333 * time.Millisecond},
	} {
		*d.value = cmp.Or(*d.value, d.or)
	}
	for _, d := range []struct {
		value *int
		or    int
	}{
		{&c.Queue, 256 << 10},
		{&c.Frame, 64 << 10},
		{&c.Window, 1024},
		{&c.Batch, 64},
		{&c.Post, 256 << 10},
		{&c.Connections, 20_000},
		{&c.Pending, 512},
		{&c.PendingPerAddress, 64},
		{&c.PerAccount, 64},
		{&c.Readers, 16},
		{&c.outstandingAnswers, 256},
		{&c.heldBytes, 64 << 10},
	} {
		*d.value = cmp.Or(*d.value, d.or)
	}
	if c.Address == nil {
		c.Address = farEnd
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func farEnd(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
