package gateway

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/internal/delivery"
)

// Hub finds connections by account, session and id. The domain calls it after a commit; no method blocks or waits for a socket.
type Hub struct {
	mu          sync.Mutex
	accounts    map[string][]Member
	sessions    map[string][]Member
	connections map[string]Member
	watchers    map[Member]struct{}
	watched     atomic.Bool // there are watchers

	apart   time.Duration // between two rounds of hints
	hinting atomic.Bool   // a round is due
	lastAt  time.Time     // of the last round
}

// NewHub makes an empty Hub.
func NewHub() *Hub {
	return &Hub{accounts: map[string][]Member{}, sessions: map[string][]Member{}, connections: map[string]Member{}, watchers: map[Member]struct{}{}}
}

// Wake says that the stream of an account has grown: its connections read on from where they are.
func (h *Hub) Wake(account string) {
	var few [4]Member
	for _, m := range h.copy(few[:0], h.accounts, account) {
		m.Wake()
	}
}

// SelfCheck asks the connections of an account to check themselves, for somebody who is called so.
func (h *Hub) SelfCheck(account, check, by string) {
	frame := encode(serverFrame{Type: typeSelfCheck, Check: check, By: by})
	var few [4]Member
	for _, m := range h.copy(few[:0], h.accounts, account) {
		m.Tell(frame)
	}
}

// EndSession closes the connections of a session, with CloseSessionEnded or CloseTokenRevoked and words for the person.
func (h *Hub) EndSession(session string, code int, reason string) {
	var few [4]Member
	for _, m := range h.copy(few[:0], h.sessions, session) {
		m.End(SessionEnded, code, reason)
	}
}

// EndConnection closes one connection; its session goes on.
func (h *Hub) EndConnection(connection string, code int, reason string) {
	h.mu.Lock()
	m := h.connections[connection]
	h.mu.Unlock()
	if m != nil {
		m.End(ClosedByServer, code, reason)
	}
}

// Connections counts the open connections.
func (h *Hub) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.connections)
}

// OfAccount counts the open connections of an account.
func (h *Hub) OfAccount(account string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.accounts[account])
}

// copy takes the members out of the lock: they call back into the Hub.
func (h *Hub) copy(into []Member, from map[string][]Member, key string) []Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(into, from[key]...)
}

func (h *Hub) join(account string, o delivery.Opened, m Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[account] = append(h.accounts[account], m)
	h.sessions[o.Session] = append(h.sessions[o.Session], m)
	h.connections[o.Connection] = m
}

func (h *Hub) leave(account string, o delivery.Opened, m Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	remove(h.accounts, account, m)
	remove(h.sessions, o.Session, m)
	delete(h.connections, o.Connection)
	if _, watches := h.watchers[m]; watches {
		delete(h.watchers, m)
		h.watched.Store(len(h.watchers) > 0)
	}
}

// watch has a member told of changes, at least so long apart.
func (h *Hub) watch(m Member, apart time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[m] = struct{}{}
	h.watched.Store(true)
	h.apart = apart
}

// hintsASecond bounds how many hints are given out in all: each has a client read again what it shows.
const hintsASecond = 500

// Changed says that a commit has changed conversations: those who watch are told, at once or, if they have been told just now, a moment later, once for
// all commits until then. While nobody watches, and while a round of hints is due, it costs nothing.
func (h *Hub) Changed() {
	if !h.watched.Load() || h.hinting.Swap(true) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	apart := max(h.apart, time.Duration(len(h.watchers))*time.Second/hintsASecond)
	time.AfterFunc(max(0, time.Until(h.lastAt.Add(apart))), h.hint) // finds nobody once all connections are closed
}

// hint gives out a round of hints.
func (h *Hub) hint() {
	h.hinting.Store(false) // what changes from now on is another round
	h.mu.Lock()
	h.lastAt = time.Now()
	members := slices.Collect(maps.Keys(h.watchers))
	h.mu.Unlock()
	for _, m := range members {
		m.Changed()
	}
}

func remove(from map[string][]Member, key string, m Member) {
	if i := slices.Index(from[key], m); i >= 0 {
		from[key] = slices.Delete(from[key], i, i+1)
	}
	if len(from[key]) == 0 {
		delete(from, key)
	}
}
