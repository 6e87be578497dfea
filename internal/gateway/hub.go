package gateway

import (
	"slices"
	"sync"

	"github.com/bidahq/bida/internal/delivery"
)

// Hub finds connections by account, session and id. The domain calls it after a commit; no method blocks or waits for a socket.
type Hub struct {
	mu          sync.Mutex
	accounts    map[string][]Member
	sessions    map[string][]Member
	connections map[string]Member
}

// NewHub makes an empty Hub.
func NewHub() *Hub {
	return &Hub{accounts: map[string][]Member{}, sessions: map[string][]Member{}, connections: map[string]Member{}}
}

// Wake says that the stream of an account has grown: its connections read on from where they are.
func (h *Hub) Wake(account string) {
	var few [4]Member
	for _, m := range h.copy(few[:0], h.accounts, account) {
		m.Wake()
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
}

func remove(from map[string][]Member, key string, m Member) {
	if i := slices.Index(from[key], m); i >= 0 {
		from[key] = slices.Delete(from[key], i, i+1)
	}
	if len(from[key]) == 0 {
		delete(from, key)
	}
}
