package gateway

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"github.com/bidahq/bida/internal/problem"
)

// readBuffer is per connection, always; a longer frame is read past it.
const readBuffer = 1 << 10

// newUpgrader sets the library up: it makes and reads frames, and does nothing else.
func newUpgrader(longestFrame int) *gws.Upgrader {
	return gws.NewUpgrader(callbacks{}, &gws.ServerOption{
		ReadMaxPayloadSize: longestFrame,
		ReadBufferSize:     readBuffer,
		ParallelGolimit:    1,
		NewSession:         func() gws.SessionStorage { return nil },
		Logger:             quiet{},
	})
}

// quiet drops what the WebSocket library would print: every end of a connection is reported to the Backend with its cause.
type quiet struct{}

func (quiet) Error(...any) {}

// ServeHTTP takes a WebSocket upgrade. What is wrong before the upgrade is an HTTP problem; after it, a close code.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if why := notAnUpgrade(r); why != "" {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		refuseHTTP(w, http.StatusUpgradeRequired, "realtime.upgrade_required", why)
		return
	}
	who, err := s.identify(r)
	switch {
	case err == nil:
	case r.Header.Get("Authorization") == "" && problem.KindOf(err) == problem.Unauthenticated:
		who.Refused = err // told with a close code, since a browser does not show its page a status; and the hello may carry a token
	default:
		refuseError(w, err)
		return
	}
	p := s.admitOrRefuse(w, who, "")
	if p == nil {
		return
	}
	if !p.upgrade(w, r) {
		p.end()
		return
	}
	go p.read()
}

// notAnUpgrade says what the request lacks to become a WebSocket.
func notAnUpgrade(r *http.Request) string {
	has := func(header, token string) bool {
		for _, value := range r.Header.Values(header) {
			for part := range strings.SplitSeq(value, ",") {
				if strings.EqualFold(strings.TrimSpace(part), token) {
					return true
				}
			}
		}
		return false
	}
	switch {
	case r.Method != http.MethodGet:
		return "use GET"
	case !has("Connection", "Upgrade") || !has("Upgrade", "websocket"):
		return "this address speaks WebSocket; see docs/realtime-protocol.md"
	case r.Header.Get("Sec-WebSocket-Version") != "13" || r.Header.Get("Sec-WebSocket-Key") == "":
		return "WebSocket version 13 with a key is needed"
	}
	return ""
}

// upgrade takes the socket over from the HTTP server, and says whether it could.
func (p *peer) upgrade(w http.ResponseWriter, r *http.Request) bool {
	if !p.takeOver(w) {
		return false
	}
	ws, err := p.server.upgrader.UpgradeFromConn((*wire)(p), bufio.NewReaderSize((*wire)(p), readBuffer), r)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil {
		p.head = len(*p.out)
	}
	p.framing = webSocket{ws}
	return !p.shut
}

// webSocket is the framing of RFC 6455. The library makes and reads the frames.
type webSocket struct{ ws *gws.Conn }

func (w webSocket) text(frame []byte) error { return w.ws.WriteMessage(gws.OpcodeText, frame) }
func (w webSocket) ping()                   { _ = w.ws.WritePing(nil) } // fails only on a closed connection
func (w webSocket) read()                   { w.ws.ReadLoop() }

// goodbye has the library write the close frame; it calls wire.Close then.
func (w webSocket) goodbye(code int, reason string) {
	_ = w.ws.WriteClose(uint16(code), []byte(reason)) // fails only if it is closed already
}

// callbacks of the WebSocket library, on the reader's goroutine.
type callbacks struct{}

func peerOf(ws *gws.Conn) *peer { return (*peer)(ws.NetConn().(*wire)) }

func (callbacks) OnOpen(*gws.Conn) {}

func (callbacks) OnMessage(ws *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	peerOf(ws).use(func(c *Conn) {
		if m.Opcode != gws.OpcodeText {
			c.fail(CloseMalformed, "frames are text")
			return
		}
		c.Frame(m.Bytes())
	})
}

func (callbacks) OnPing(ws *gws.Conn, payload []byte) {
	p := peerOf(ws)
	p.use((*Conn).Heard)
	if p.room(len(payload)) {
		_ = ws.WritePong(payload) // fails only on a closed connection
	}
}

func (callbacks) OnPong(ws *gws.Conn, _ []byte) { peerOf(ws).use((*Conn).Answered) }

func (callbacks) OnClose(ws *gws.Conn, err error) {
	cause, code := Broken, codeAbnormal
	if e, ok := err.(*gws.CloseError); ok && e.Code != codeAbnormal {
		cause, code = ClosedByClient, int(e.Code)
	}
	p := peerOf(ws)
	p.use(func(*Conn) { p.gone(cause, code) })
}

// wire is the peer as the net.Conn that the WebSocket library writes to.
type wire peer

// Write queues what the library made of a frame.
func (w *wire) Write(b []byte) (int, error) {
	p := (*peer)(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return 0, net.ErrClosed
	}
	size := len(b)
	if size >= 4 && b[0] == closeFrame {
		p.discard()
		b = p.ownCode(b)
	}
	return size, p.queue(b)
}

// Close is called by the library when the close frame has been queued.
func (w *wire) Close() error {
	p := (*peer)(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leave()
}

func (w *wire) Read(b []byte) (int, error)       { return w.socket.Read(b) }
func (w *wire) LocalAddr() net.Addr              { return w.socket.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr             { return w.socket.RemoteAddr() }
func (w *wire) SetDeadline(time.Time) error      { return nil } // deadlines are the peer's
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// closeFrame is the first byte of a close frame.
const closeFrame = 0x80 | byte(gws.OpcodeCloseConnection)

// ownCode replaces the codes that the library gives to frames that it cannot read by those of the protocol, and remembers them, with mu held. b is a close
// frame as the library made it; it is not changed.
func (p *peer) ownCode(b []byte) []byte {
	code, reason := 0, ""
	switch binary.BigEndian.Uint16(b[2:4]) {
	case 1009:
		code, reason = CloseTooLarge, "the frame is too large"
	case 1002, 1003, 1007:
		code, reason = CloseMalformed, "the frame is not of the WebSocket protocol"
	default:
		return b
	}
	p.unread = true
	if p.cause == "" {
		p.cause, p.code = ClosedByServer, code
	}
	own := binary.BigEndian.AppendUint16([]byte{closeFrame, byte(2 + len(reason))}, uint16(code))
	return append(own, reason...)
}
