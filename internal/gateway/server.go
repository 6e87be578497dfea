package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// stopTime is how long Stop waits for connections before it cuts them.
const stopTime = 10 * time.Second

// Server takes WebSocket upgrades at one route and drives a Conn for each.
type Server struct {
	core     *Core
	upgrader *gws.Upgrader

	ctx    context.Context // of reads of the Backend
	cancel context.CancelFunc
	active sync.WaitGroup // peers, their writers, workers

	mu       sync.Mutex
	stopped  bool
	peers    map[*peer]struct{}
	pending  int            // peers without a valid token
	address  map[string]int // the same by address
	runnable []*peer        // have something to do; first in, first out
	workers  int
}

// NewServer makes a Server. The hub is the one that the domain calls.
func NewServer(config Config, backend Backend, hub *Hub) *Server {
	s := &Server{
		core:    NewCore(config, backend, hub),
		peers:   map[*peer]struct{}{},
		address: map[string]int{},
	}
	s.upgrader = gws.NewUpgrader(callbacks{}, &gws.ServerOption{
		ReadMaxPayloadSize: s.core.config.Frame,
		ReadBufferSize:     readBuffer,
		ParallelGolimit:    1,
		NewSession:         func() gws.SessionStorage { return nil },
		Logger:             quiet{},
	})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// quiet drops what the WebSocket library would print: every end of a connection is reported to the Backend with its cause.
type quiet struct{}

func (quiet) Error(...any) {}

// Stop closes all connections with 1001 and waits for them, a few seconds at most. Upgrades are refused from now on.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	peers := make([]*peer, 0, len(s.peers))
	for p := range s.peers {
		peers = append(peers, p)
	}
	s.mu.Unlock()
	for _, p := range peers {
		p.End(ClosedByServer, CloseGoingAway, "the server is stopping; please connect again")
	}
	s.cancel()
	cut := time.AfterFunc(stopTime, func() {
		for _, p := range peers {
			p.mu.Lock()
			if p.socket != nil {
				_ = p.socket.Close()
			}
			p.mu.Unlock()
		}
	})
	s.active.Wait()
	cut.Stop()
}

// ServeHTTP authenticates the request if it carries a token, and upgrades it. What is wrong before the upgrade is an HTTP problem; after it, a close code.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if why := notAnUpgrade(r); why != "" {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		refuseHTTP(w, http.StatusUpgradeRequired, "realtime.upgrade_required", why)
		return
	}
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	who := Peer{Remote: remote}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			refuseHTTP(w, http.StatusUnauthorized, "realtime.unauthenticated", "the Authorization header is not a bearer token")
			return
		}
		who.Account, who.Token, err = s.core.backend.Authenticate(strings.TrimSpace(token))
		if err != nil {
			_, status, words := Refuse(err, "en")
			refuseHTTP(w, status, "realtime.unauthenticated", words)
			return
		}
	}
	p, status := s.admit(who)
	if p == nil {
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, status, "realtime.too_many", "too many connections at the moment; please try again")
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

// refuseHTTP writes an RFC 9457 problem.
func refuseHTTP(w http.ResponseWriter, status int, code, detail string) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	body, err := json.Marshal(map[string]any{"status": status, "title": http.StatusText(status), "code": code, "detail": detail})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone has no use for it
}

// admit counts a new peer in, or says with which status it is refused. The peer is active from now on.
func (s *Server) admit(who Peer) (*peer, int) {
	cfg := &s.core.config
	s.mu.Lock()
	defer s.mu.Unlock()
	anonymous := who.Account == ""
	switch {
	case s.stopped || len(s.peers) >= cfg.Connections:
		return nil, http.StatusServiceUnavailable
	case anonymous && s.pending >= cfg.Pending:
		return nil, http.StatusServiceUnavailable
	case anonymous && s.address[who.Remote] >= cfg.PendingPerAddress:
		return nil, http.StatusTooManyRequests
	}
	p := &peer{server: s}
	p.conn = s.core.NewConn(p, who)
	s.peers[p] = struct{}{}
	s.active.Add(1)
	if anonymous {
		p.anonymous = who.Remote
		s.pending++
		s.address[who.Remote]++
	}
	return p, 0
}

// known counts a peer out of those without a valid token.
func (s *Server) known(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countOut(p)
}

func (s *Server) countOut(p *peer) {
	if p.anonymous == "" {
		return
	}
	s.pending--
	if s.address[p.anonymous]--; s.address[p.anonymous] <= 0 {
		delete(s.address, p.anonymous)
	}
	p.anonymous = ""
}

// forget counts a peer out.
func (s *Server) forget(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countOut(p)
	delete(s.peers, p)
}

// enqueue has a peer run by a worker. Workers are few, since what they wait for is the store; they end when there is nothing to do.
func (s *Server) enqueue(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runnable = append(s.runnable, p)
	if s.workers < s.core.config.Readers {
		s.workers++
		s.active.Add(1) // the peer is active, so Wait has not returned
		go s.work()
	}
}

func (s *Server) work() {
	defer s.active.Done()
	for {
		s.mu.Lock()
		if len(s.runnable) == 0 {
			s.workers--
			s.runnable = nil
			s.mu.Unlock()
			return
		}
		p := s.runnable[0]
		s.runnable[0] = nil
		s.runnable = s.runnable[1:]
		s.mu.Unlock()
		if p.run() {
			s.enqueue(p)
		}
	}
}

// upgrade takes the socket over from the HTTP server, and says whether it could.
func (p *peer) upgrade(w http.ResponseWriter, r *http.Request) bool {
	socket, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuseHTTP(w, http.StatusInternalServerError, "internal", "this connection cannot be upgraded")
		return false
	}
	p.mu.Lock()
	p.socket = socket
	p.mu.Unlock()
	if buffered.Reader.Buffered() > 0 { // a client that does not wait for the answer is none
		return false
	}
	ws, err := p.server.upgrader.UpgradeFromConn((*wire)(p), bufio.NewReaderSize((*wire)(p), readBuffer), r)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ws = ws
	return !p.shut
}
