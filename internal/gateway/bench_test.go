package gateway

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
)

// hall is a Backend for many accounts that costs next to nothing: a stream is its length.
type hall struct {
	lengths []atomic.Int64 // by account
	opened  atomic.Int64
}

func (h *hall) Authenticate(token string) (string, string, error) { return token, "id", nil }
func (h *hall) Open(hello delivery.Hello, done func(delivery.Opened, error)) {
	n := h.opened.Add(1)
	done(delivery.Opened{Connection: fmt.Sprint("n", n), Session: fmt.Sprint("s", n), Presence: "available"}, nil)
}
func (h *hall) Closed(string, string, int, time.Time) {}
func (h *hall) Acknowledge(a delivery.Ack, done func(delivery.AckResult, error)) {
	done(delivery.AckResult{Cursor: a.Received}, nil)
}
func (h *hall) Unacknowledged(string, time.Time, time.Time, []delivery.Push) {}
func (h *hall) SetPresence(_, _, _ string, _ time.Time, done func(error))    { done(nil) }
func (h *hall) Visibility(string, bool)                                      {}
func (h *hall) Report(string, delivery.Report)                               {}
func (h *hall) length(account string) *atomic.Int64 {
	var n int
	if _, err := fmt.Sscan(account, &n); err != nil {
		panic(err)
	}
	return &h.lengths[n]
}

func (h *hall) Events(_ context.Context, account string, after int64, limit int, _ string) ([]delivery.Event, error) {
	last := h.length(account).Load()
	var events []delivery.Event
	for n := after + 1; n <= last && len(events) < limit; n++ {
		events = append(events, delivery.Event{
			Event: delivery.EventMessage, AgentSequence: n, Message: "m123456", Conversation: "c123450", Sequence: n, Inbox: "web",
			Kind: "customer", Text: "您好,请问我的订单什么时候发货?", Contact: "customer-17", Attempt: 1, At: time.Unix(1_800_000_000, 0).UTC(),
		})
	}
	return events, nil
}

// fill connects clients to a Server, each with an account of its own, and returns their sockets after the welcome, and what ends everything.
func fill(b *testing.B, clients int) (*hall, *Hub, []*bufio.Reader, func()) {
	backend, hub := &hall{lengths: make([]atomic.Int64, clients)}, NewHub()
	server := NewServer(Config{Connections: clients + 1}, backend, hub)
	web := httptest.NewServer(server)
	sockets := make([]net.Conn, clients)
	end := func() {
		for _, socket := range sockets {
			_ = socket.Close()
		}
		server.Stop()
		web.Close()
	}
	ins := make([]*bufio.Reader, clients)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < clients; i += 8 {
				socket, err := net.Dial("tcp", web.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				sockets[i] = socket
				request := fmt.Sprintf("%sAuthorization: Bearer %d\r\n\r\n", handshake, i)
				hello := frameOf(0x81, fmt.Appendf(nil, `{"type":"hello","protocol":1,"client":{"id":"tab-%d","name":"bench","version":"1"}}`, i))
				in := bufio.NewReaderSize(socket, 16)
				if _, err := io.WriteString(socket, request); err != nil {
					b.Error(err)
				}
				if _, err := http.ReadResponse(in, nil); err != nil {
					b.Error(err)
				}
				if _, err := socket.Write(hello); err != nil {
					b.Error(err)
				}
				if err := skip(in, 1); err != nil {
					b.Error(err)
				}
				ins[i] = in
			}
		})
	}
	wait.Wait()
	return backend, hub, ins, end
}

// skip reads n text frames, and whatever pings come between.
func skip(in *bufio.Reader, n int) error {
	for n > 0 {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		size := int(head[1])
		if size == 126 {
			var long [2]byte
			if _, err := io.ReadFull(in, long[:]); err != nil {
				return err
			}
			size = int(binary.BigEndian.Uint16(long[:]))
		}
		if _, err := in.Discard(size); err != nil {
			return err
		}
		if head[0] == 0x81 {
			n--
		}
	}
	return nil
}

// inUse is the memory of heap and of stacks after collecting what can be collected.
func inUse() (heap, stack float64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse), float64(m.StackInuse)
}

// cpu is the processor time that this process has used. Other work on the machine does not change it much, unlike what is measured per second.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIdleConnection says what an open connection costs in bytes while nothing happens. The client's bare socket, about 0.6 KB, is counted too.
func BenchmarkIdleConnection(b *testing.B) {
	const clients = 5000
	for b.Loop() {
		heap, stack := inUse()
		_, hub, ins, end := fill(b, clients)
		if n := hub.Connections(); n != clients {
			b.Fatalf("%d connections", n)
		}
		heapNow, stackNow := inUse()
		b.ReportMetric((heapNow-heap)/clients, "heap-B/connection")
		b.ReportMetric((stackNow-stack)/clients, "stack-B/connection")
		b.ReportMetric(float64(runtime.NumGoroutine())/clients, "goroutines/connection")
		runtime.KeepAlive(ins)
		end()
	}
}

// BenchmarkFrames sends one frame at a time to each of many clients, all of which read: how many frames a second arrive, with the clients on the same cores.
func BenchmarkFrames(b *testing.B) {
	for _, test := range []struct{ clients, burst int }{{1000, 1}, {1000, 10}, {5000, 1}} {
		b.Run(fmt.Sprintf("clients=%d/burst=%d", test.clients, test.burst), func(b *testing.B) {
			backend, hub, ins, end := fill(b, test.clients)
			b.Cleanup(end)
			names := make([]string, test.clients)
			arrived := make(chan struct{}, test.clients)
			for i, in := range ins {
				names[i] = fmt.Sprint(i)
				in := bufio.NewReaderSize(in, 4<<10)
				go func() {
					for skip(in, test.burst) == nil {
						arrived <- struct{}{}
					}
				}()
			}
			rounds, before := 0, cpu(b)
			for b.Loop() {
				for i := range test.clients {
					backend.lengths[i].Add(int64(test.burst))
					hub.Wake(names[i])
				}
				for range test.clients {
					<-arrived
				}
				rounds++
			}
			frames := float64(rounds * test.clients * test.burst)
			b.ReportMetric(frames/b.Elapsed().Seconds(), "frames/s")
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/frames, "cpu-us/frame")
		})
	}
}

// BenchmarkConnFrame is the protocol alone: an entry out and an ack in, without sockets.
func BenchmarkConnFrame(b *testing.B) {
	backend, hub := &hall{lengths: make([]atomic.Int64, 1)}, NewHub()
	core := NewCore(Config{}, backend, hub)
	conn := core.NewConn(nowhere{}, Peer{Account: "0"})
	conn.Frame([]byte(`{"type":"hello","protocol":1,"client":{"id":"tab"}}`))
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		n++
		backend.lengths[0].Store(n)
		conn.Wake()
		for f, ok := conn.Fetch(); ok; f, ok = conn.Fetch() {
			events, err := backend.Events(context.Background(), f.Account, f.After, f.Limit, f.Lang)
			conn.Fetched(f, events, err)
		}
		conn.Frame(fmt.Appendf(nil, `{"type":"ack","received":%d,"seen":[%d],"accepted":[%d]}`, n, n, n))
	}
}

// nowhere takes every frame.
type nowhere struct{}

func (nowhere) Send([]byte) error { return nil }
func (nowhere) Close(int, string) {}
