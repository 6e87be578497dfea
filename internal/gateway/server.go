package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// stopTime is how long Stop waits for connections before it cuts them.
const stopTime = 10 * time.Second

// Server takes connections and drives a Conn for each: ServeHTTP WebSocket upgrades, ServeStream and ServePost streams of events and the frames that
// are posted to them.
type Server struct {
	core     *Core
	upgrader *gws.Upgrader
	told     *limit.Limiter // in the log, by address: once a minute

	ctx    context.Context // of reads of the Backend
	cancel context.CancelFunc
	active sync.WaitGroup // peers, their writers, workers

	mu       sync.Mutex
	stopped  bool
	peers    map[*peer]struct{}
	streams  map[string]*peer // those whose frames come by POST, by id
	pending  int              // peers without a valid token
	address  map[string]int   // the same by address
	runnable []*peer          // have something to do; first in, first out
	workers  int
}

// NewServer makes a Server. The hub is the one that the domain calls.
func NewServer(config Config, backend Backend, hub *Hub) *Server {
	s := &Server{
		core:    NewCore(config, backend, hub),
		peers:   map[*peer]struct{}{},
		streams: map[string]*peer{},
		address: map[string]int{},
		told:    limit.NewLimiter(limit.Rate{N: 1, Per: time.Minute, Burst: 1}),
	}
	s.upgrader = newUpgrader(s.core.config.Frame)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

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

// errNotBearer refuses an Authorization header of another kind.
var errNotBearer = problem.New(problem.Unauthenticated, "realtime.unauthenticated", "the Authorization header is not a bearer token", "Authorization 请求头不是 Bearer 令牌")

// identify says who asks: by the Authorization header or, where there is none, by the browser's session. It is nobody if the request shows neither.
func (s *Server) identify(r *http.Request) (Peer, error) {
	who := Peer{Remote: s.core.config.Address(r)}
	var err error
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return who, errNotBearer
		}
		who.Account, who.Token, err = s.core.backend.Authenticate(strings.TrimSpace(token))
	} else if s.core.config.Session != nil {
		who.Account, who.Token, err = s.core.config.Session(r)
	}
	return who, err
}

// refuseError writes the problem that a refusal is.
func refuseError(w http.ResponseWriter, err error) {
	_, status, words := Refuse(err, "en")
	code := "internal"
	switch p := problem.As(err); {
	case p == nil || p.Kind == problem.Internal:
	case p.Kind == problem.Unauthenticated:
		code = "realtime.unauthenticated"
	case p.Kind == problem.NotFound:
		status, code = http.StatusNotFound, p.Code
	case p.Kind == problem.Conflict:
		status, code = http.StatusConflict, p.Code
	default:
		code = p.Code
	}
	refuseHTTP(w, status, code, words)
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

// admitOrRefuse counts a new peer in, or answers why not.
func (s *Server) admitOrRefuse(w http.ResponseWriter, who Peer, stream string) *peer {
	p, status := s.admit(who, stream)
	if p == nil {
		if network := limit.Network(who.Remote); s.told.Take(network, s.core.config.Now()) == 0 {
			s.core.config.Logger.Warn("refused realtime connections: too many", "account", who.Account, "remote", network, "status", status)
		}
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, status, "realtime.too_many", "too many connections at the moment; please try again")
	}
	return p
}

// admit counts a new peer in, or says with which status it is refused. The peer is active from now on.
func (s *Server) admit(who Peer, stream string) (*peer, int) {
	cfg := &s.core.config
	s.mu.Lock()
	defer s.mu.Unlock()
	anonymous, network := who.Account == "", limit.Network(who.Remote)
	switch {
	case s.stopped || len(s.peers) >= cfg.Connections:
		return nil, http.StatusServiceUnavailable
	case anonymous && s.pending >= cfg.Pending:
		return nil, http.StatusServiceUnavailable
	case anonymous && s.address[network] >= cfg.PendingPerAddress:
		return nil, http.StatusTooManyRequests
	}
	p := &peer{server: s, stream: stream}
	p.conn = s.core.NewConn(p, who)
	s.peers[p] = struct{}{}
	if stream != "" {
		s.streams[stream] = p
	}
	s.active.Add(1)
	if anonymous {
		p.anonymous = network
		s.pending++
		s.address[network]++
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
	delete(s.streams, p.stream)
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

// takeOver takes the socket over from the HTTP server, and says whether it could.
func (p *peer) takeOver(w http.ResponseWriter) bool {
	socket, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuseHTTP(w, http.StatusInternalServerError, "internal", "this connection cannot be taken over")
		return false
	}
	p.mu.Lock()
	p.socket = socket
	p.mu.Unlock()
	return buffered.Reader.Buffered() == 0 // a client that does not wait for the answer is none
}
