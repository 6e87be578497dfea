package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// patience is how long a client of these tests takes part in them, and so how long any of them may take on a busy machine.
const patience = time.Minute

// rawClient is a WebSocket client that can also do everything wrong.
type rawClient struct {
	t      testing.TB
	socket net.Conn
	in     *bufio.Reader
	code   int // close code, once the server has closed
	reason string
	pings  int
	left   bool // it has said goodbye first
}

const handshake = "GET /api/v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// dialRaw upgrades a connection; an empty token goes without a header.
func dialRaw(t testing.TB, address, token string) *rawClient {
	t.Helper()
	if token == "" {
		return dialHeaders(t, address, "")
	}
	return dialHeaders(t, address, "Authorization: Bearer "+token+"\r\n")
}

func dialHeaders(t testing.TB, address, headers string) *rawClient {
	t.Helper()
	socket, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	c := &rawClient{t: t, socket: socket, in: bufio.NewReader(socket)}
	if _, err := io.WriteString(socket, handshake+headers+"\r\n"); err != nil {
		t.Fatal(err)
	}
	c.upgraded()
	return c
}

func (c *rawClient) upgraded() {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		c.t.Fatalf("the upgrade was answered with %s", response.Status)
	}
}

// frameOf is a frame as a client sends it, masked with zeros.
func frameOf(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

func (c *rawClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.socket.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawClient) say(format string, args ...any) {
	c.t.Helper()
	c.write(frameOf(0x81, fmt.Appendf(nil, format, args...)))
}

func (c *rawClient) hello(client string) {
	c.t.Helper()
	c.say(`{"type":"hello","protocol":1,"client":{"id":%q},"lang":"en"}`, client)
}

// leave says goodbye.
func (c *rawClient) leave() {
	c.t.Helper()
	c.left = true
	c.write(frameOf(0x88, []byte{0x03, 0xe8}))
}

// next reads a frame: text is returned; pings are answered; a close is answered and gives io.EOF.
func (c *rawClient) next() (map[string]any, error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(c.in, head[:]); err != nil {
			return nil, err
		}
		size := uint64(head[1])
		switch head[1] {
		case 126:
			var n uint16
			if err := binary.Read(c.in, binary.BigEndian, &n); err != nil {
				return nil, err
			}
			size = uint64(n)
		case 127:
			if err := binary.Read(c.in, binary.BigEndian, &size); err != nil {
				return nil, err
			}
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(c.in, payload); err != nil {
			return nil, err
		}
		switch head[0] {
		case 0x81:
			var f map[string]any
			return f, json.Unmarshal(payload, &f)
		case 0x89:
			c.pings++
			if _, err := c.socket.Write(frameOf(0x8a, payload)); err != nil {
				return nil, err
			}
		case 0x8a:
		case 0x88:
			if len(payload) >= 2 {
				c.code, c.reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
			}
			if !c.left {
				_, _ = c.socket.Write(frameOf(0x88, payload[:min(2, len(payload))]))
			}
			return nil, io.EOF
		default:
			return nil, fmt.Errorf("a frame begins with %#x", head[0])
		}
	}
}

// want reads frames until one of the type, which it returns.
func (c *rawClient) want(kind string) map[string]any {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v (closed with %d %q)", kind, err, c.code, c.reason)
		}
		if f["type"] == kind {
			return f
		}
	}
}

// wantEntries reads the entries from first to last and nothing else from the stream.
func (c *rawClient) wantEntries(first, last int64) {
	c.t.Helper()
	for n := first; n <= last; n++ {
		for {
			f, err := c.next()
			if err != nil {
				c.t.Fatalf("waiting for entry %d: %v (closed with %d %q)", n, err, c.code, c.reason)
			}
			if got, is := f["agent_sequence"].(float64); is {
				if int64(got) != n {
					c.t.Fatalf("entry %v came, want %d", got, n)
				}
				break
			}
		}
	}
}

// wantEnd reads until the server closes.
func (c *rawClient) wantEnd(code int, reason string) {
	c.t.Helper()
	for {
		if _, err := c.next(); err != nil {
			if !errors.Is(err, io.EOF) || c.code != code || c.reason != reason {
				c.t.Errorf("closed with %d %q (%v), want %d %q", c.code, c.reason, err, code, reason)
			}
			break
		}
	}
	if rest, err := io.Copy(io.Discard, c.in); err != nil || rest > 0 {
		c.t.Errorf("after the close frame: %d bytes, %v", rest, err)
	}
}

// pipeWriter is a ResponseWriter over one end of a pipe, so that a Server runs in a bubble with virtual time.
type pipeWriter struct {
	socket net.Conn
	header http.Header
}

func (w *pipeWriter) Header() http.Header         { return w.header }
func (w *pipeWriter) WriteHeader(int)             {}
func (w *pipeWriter) Write(b []byte) (int, error) { return w.socket.Write(b) }
func (w *pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.socket, bufio.NewReadWriter(bufio.NewReader(bytes.NewReader(nil)), bufio.NewWriter(io.Discard)), nil
}

// dialPipe upgrades a pipe to the server. The pipe has no buffer: what the client does not read, the server cannot write.
func dialPipe(t testing.TB, s *Server, token string) *rawClient {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(handshake + "Authorization: Bearer " + token + "\r\n\r\n"))))
	if err != nil {
		t.Fatal(err)
	}
	request.RemoteAddr = "192.0.2.7:1234"
	go s.ServeHTTP(&pipeWriter{theirs, http.Header{}}, request)
	c := &rawClient{t: t, socket: ours, in: bufio.NewReader(ours)}
	c.upgraded()
	return c
}
