package ledger

import (
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// World is what is true at the last published position: what the ledger keeps in memory, bounded by open work and not by history.
type World struct {
	mu       sync.RWMutex // guards the base layers against Publish; the ledger's goroutine reads them without it
	position int64
	at       time.Time
	policy   *policy.Set
	policyAt time.Time
	members  map[string][]string // inboxes by member account, from the policy

	agents        table[string, Agent]
	conversations table[int64, ConversationRow]
	contacts      table[contactKey, ContactRow] // of open conversations, as far as they were needed
	byContact     table[threadKey, int64]
	deliveries    table[deliveryKey, DeliveryRow] // queued ones
	tokens        table[string, TokenRow]         // not revoked, by id
	tokenHashes   table[[32]byte, string]
	browsers      table[string, BrowserSessionRow] // sessions that have not ended, by id
	secrets       table[[32]byte, string]          // their ids by the hashes of their secrets
	logins        table[string, LoginRow]
	clients       table[clientKey, ClientRow]
	rates         table[string, reception.Rate] // of minutes that run, by the name of the switch

	owned   index[string] // account → conversations it owns, in order of assignment
	offers  index[string] // account → conversations it holds an offer of
	waiting index[Cell]   // conversations that wait and nobody owns, oldest first

	tails    map[string]*tail
	received map[string]Receipt
}

// Receipt is the newest message in an agent's list that a client acknowledged as received.
type Receipt struct {
	Sequence int64     // in the agent's list
	At       time.Time // when it was acknowledged
}

// Cell is one inbox and kind: the unit in which waiting conversations are decided again.
type Cell struct{ Inbox, Kind string }

type (
	contactKey  struct{ inbox, id string }
	threadKey   struct{ inbox, contact, kind string }
	deliveryKey struct {
		account  string
		sequence int64
	}
	clientKey struct{ account, client string }
)

// Agent is what the ledger knows of an account besides its document.
type Agent struct {
	Facts    reception.Agent
	Sessions []Session // active ones
	Sockets  []Socket  // open ones
	Sequence int64     // last agent_sequence
	// SelfCheck is the last one of its clients; nil if there was none.
	SelfCheck *SelfCheck
}

// Session is an active sign-in.
type Session struct {
	ID       string    `json:"-"`
	Token    string    `json:"token,omitempty"` // id of the token it rests on
	Client   string    `json:"client,omitempty"`
	Position int64     `json:"-"`
	At       time.Time `json:"-"`
}

// Socket is an open realtime connection.
type Socket struct {
	ID       string    `json:"-"`
	Session  string    `json:"session"`
	Client   string    `json:"client"`
	About    string    `json:"about"` // the client's name and version together
	Name     string    `json:"name,omitempty"`
	Version  string    `json:"version,omitempty"`
	Node     string    `json:"node"`
	Position int64     `json:"-"`
	At       time.Time `json:"-"`
	// Unresponsive since: a push was not acknowledged in time; zero while it answers.
	Unresponsive time.Time `json:"-"`

	told Told // what its client told
}

func cloneAgent(a *Agent) *Agent { c := *a; return &c } // maps and slices are replaced by those who change them, never changed in place

func shallow[V any](v *V) *V { c := *v; return &c }

func newWorld() *World {
	return &World{
		policy:        policy.Empty(),
		agents:        newTable[string](cloneAgent),
		conversations: newTable[int64](shallow[ConversationRow]),
		contacts:      newTable[contactKey](shallow[ContactRow]),
		byContact:     newTable[threadKey](shallow[int64]),
		deliveries:    newTable[deliveryKey](shallow[DeliveryRow]),
		tokens:        newTable[string](shallow[TokenRow]),
		tokenHashes:   newTable[[32]byte](shallow[string]),
		browsers:      newTable[string](shallow[BrowserSessionRow]),
		secrets:       newTable[[32]byte](shallow[string]),
		logins:        newTable[string](shallow[LoginRow]),
		clients:       newTable[clientKey](shallow[ClientRow]),
		rates:         newTable[string](shallow[reception.Rate]),
		owned:         newIndex[string](),
		offers:        newIndex[string](),
		waiting:       newIndex[Cell](),
		tails:         map[string]*tail{},
		received:      map[string]Receipt{},
	}
}

// layered is what tables and indexes have in common.
type layered interface {
	keep()
	undo()
	publish()
	discard()
}

func (w *World) layers() [15]layered {
	return [15]layered{
		&w.agents, &w.conversations, &w.contacts, &w.byContact, &w.deliveries, &w.tokens, &w.tokenHashes,
		&w.browsers, &w.secrets,
		&w.logins, &w.clients, &w.rates, &w.owned, &w.offers, &w.waiting,
	}
}

// memberships lists, for every account, the inboxes it is a member of.
func memberships(p *reception.Policy) map[string][]string {
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Inboxes)) {
		for _, m := range p.Inboxes[name].Members {
			out[m.Account] = append(out[m.Account], name)
		}
	}
	return out
}

// View is a committed World that does not change any more: what readers decide and explain on. It implements reception.World.
type View struct {
	Position int64
	At       time.Time
	Policy   *policy.Set
	agents   map[string]*Agent
	failures []reception.Failure
	rates    map[string]*reception.Rate
}

// Agent implements reception.World.
func (v *View) Agent(account string) *reception.Agent {
	if a := v.agents[account]; a != nil {
		return &a.Facts
	}
	return neverSeen(account)
}

// Failures implements reception.World.
func (v *View) Failures() []reception.Failure { return v.failures }

// Sockets returns the account's open connections; the caller must not change it.
func (v *View) Sockets(account string) []Socket {
	if a := v.agents[account]; a != nil {
		return a.Sockets
	}
	return nil
}

// Sessions returns the account's active sessions; the caller must not change it.
func (v *View) Sessions(account string) []Session {
	if a := v.agents[account]; a != nil {
		return a.Sessions
	}
	return nil
}

// neverSeen is an account without facts: it never signed in, set no presence and opened no connection.
func neverSeen(account string) *reception.Agent {
	return &reception.Agent{
		Account:    account,
		Session:    reception.Session{State: reception.SessionNever, Origin: reception.Origin{Cause: "never"}},
		Presence:   reception.Presence{Value: reception.Offline, Origin: reception.Origin{Cause: "never_set"}},
		Connection: reception.Connection{State: reception.ConnectionNone, Origin: reception.Origin{Cause: "never"}},
	}
}

// View returns the World as it is now.
func (l *Ledger) View() *View {
	failures := l.Failures()
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.view(failures)
}

// view is the published World; the caller holds the lock.
func (w *World) view(failures []reception.Failure) *View {
	return &View{Position: w.position, At: w.at, Policy: w.policy, agents: maps.Clone(w.agents.base), failures: failures, rates: maps.Clone(w.rates.base)}
}

// Since compares a view with an earlier one. all says that something differs that bears on everybody: the policy, a part of Bida that fails, what a limited
// switch let through. Else agents are the accounts whose facts differ, in any order. What a view holds is never changed, only replaced, so that nothing that
// differs is missed.
func (v *View) Since(earlier *View) (agents []string, all bool) {
	if v.Policy != earlier.Policy || !slices.Equal(v.failures, earlier.failures) || !maps.Equal(v.rates, earlier.rates) {
		return nil, true
	}
	for name, a := range v.agents {
		if earlier.agents[name] != a {
			agents = append(agents, name)
		}
	}
	for name := range earlier.agents {
		if v.agents[name] == nil {
			agents = append(agents, name)
		}
	}
	return agents, false
}

// ViewReceived returns the World as it is now, and of the same moment what each agent received last.
func (l *Ledger) ViewReceived() (*View, map[string]Receipt) {
	failures := l.Failures()
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.view(failures), maps.Clone(w.received)
}

// Policy returns the documents in force.
func (l *Ledger) Policy() *policy.Set {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.policy
}

// Position returns the last published ledger position.
func (l *Ledger) Position() int64 {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.position
}

// Published cuts rows, which lie in the order of their positions, before the first that is not published yet. Whoever reads the database sees a commit a
// moment before the World does; what is read then would be judged by the World before it, and its position would be one that nobody was told of. The
// wake-up for what is cut off is still to come.
func Published[R any](l *Ledger, rows []R, position func(*R) int64) []R {
	last := l.Position()
	for len(rows) > 0 && position(&rows[len(rows)-1]) > last {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// Agent returns what is known of an account; nil if nothing is. The caller must not change it.
func (l *Ledger) Agent(account string) *Agent {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.agents.base[account]
}

// OpenConversation returns an open conversation; nil if it is not open. The caller must not change it.
func (l *Ledger) OpenConversation(id int64) *ConversationRow {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.conversations.base[id]
}

// OpenConversations returns the open conversations that the filter accepts, in order of id.
func (l *Ledger) OpenConversations(keep func(*ConversationRow) bool) []*ConversationRow {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	var out []*ConversationRow
	for _, c := range w.conversations.base {
		if keep(c) {
			out = append(out, c)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Token finds a token that is not revoked by the SHA-256 of its text; ok is false if there is none.
func (l *Ledger) Token(hash [32]byte) (TokenRow, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	id := w.tokenHashes.base[hash]
	if id == nil {
		return TokenRow{}, false
	}
	t := w.tokens.base[*id]
	if t == nil {
		return TokenRow{}, false
	}
	return *t, true
}

// Login returns an account's login data; ok is false if it has none.
func (l *Ledger) Login(account string) (LoginRow, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	if r := w.logins.base[account]; r != nil {
		return *r, true
	}
	return LoginRow{}, false
}

// Cursor returns the stored cursor of a client; ok is false for a client that was never seen.
func (l *Ledger) Cursor(account, client string) (int64, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	if c := w.clients.base[clientKey{account, client}]; c != nil {
		return c.Cursor, true
	}
	return 0, false
}
