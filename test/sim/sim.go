// Package sim runs the ledger, the delivery, the gateway and its clients under one seed: virtual clock, virtual network, one goroutine, no waiting.
// Customers post with retries, agents come and go, answer and hand over, supervisors change the policy, commits fail in every way, processes die. The
// same seed gives the same history, and after it the invariants of docs/invariants.md are checked against what senders were told and clients were shown.
package sim

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/gateway"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
)

const (
	connectionGrace = 20 * time.Second
	presenceGrace   = time.Minute
)

// epoch is when every history begins.
var epoch = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Sim is one history.
type Sim struct {
	rng     *rand.Rand
	now     time.Time     // as it passes
	set     time.Duration // by how much the server's wall clock is ahead of that
	stepped time.Time     // when that was changed last
	events  events
	count   int
	log     *slog.Logger

	store  *memory.Store
	server *server // nil while it is down
	epoch  int

	clients  []*viewer
	posts    []*post
	replies  map[string]string // reply key → text, that an agent was told is sent
	resolved map[int64]bool    // conversations that somebody tried to resolve
	released map[int64]bool    // conversations in which a held message was released
	healing  bool
	// autoReplies counts those that were checked, so that a test sees that there are some.
	autoReplies int
	// unstable is until when a fault of the store may still delay what is due.
	unstable time.Time
	faults   []string // violations noticed while it ran
}

// server is one run of the process.
type server struct {
	epoch int
	l     *ledger.Ledger
	svc   *delivery.Service
	core  *gateway.Core
	hub   *gateway.Hub
	links []*link
}

// event is something that happens at an instant.
type event struct {
	at time.Time
	n  int
	do func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].n < h[j].n
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *events) Push(e any) { *h = append(*h, e.(event)) }

// Pop implements heap.Interface.
func (h *events) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// New begins a history with a running server, an example company and its clients.
func New(seed uint64, log *slog.Logger) (*Sim, error) {
	s := &Sim{
		rng: rand.New(rand.NewPCG(seed, 0x62696461)), now: epoch, log: log,
		store: memory.New(), replies: map[string]string{}, resolved: map[int64]bool{}, released: map[int64]bool{},
	}
	if err := s.boot(); err != nil {
		return nil, err
	}
	if err := s.company(); err != nil {
		return nil, err
	}
	for _, account := range agents {
		for i := range 1 + s.rng.IntN(2) {
			s.clients = append(s.clients, newViewer(s, account, fmt.Sprintf("%s-%d", account, i)))
		}
	}
	return s, nil
}

// wall is what the server's wall clock says.
func (s *Sim) wall() time.Time { return s.now.Add(s.set) }

// after plans something.
func (s *Sim) after(d time.Duration, do func()) {
	s.count++
	heap.Push(&s.events, event{s.now.Add(d), s.count, do})
}

func (s *Sim) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(s.rng.Int64N(int64(hi-lo)+1))
}

func (s *Sim) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *Sim) violated(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf("%s %s", s.now.Format("15:04:05.000"), fmt.Sprintf(format, args...)))
}

// boot starts a process on what was committed.
func (s *Sim) boot() error {
	s.epoch++
	sv := &server{epoch: s.epoch, hub: gateway.NewHub()}
	deadlines := conversation.Deadlines()
	for kind, handler := range governance.Deadlines() {
		deadlines[kind] = handler
	}
	l, err := ledger.New(context.Background(), s.store, ledger.Options{
		Now: s.wall, Elapsed: func(time.Time) time.Duration { return s.now.Sub(epoch) }, ClockSet: conversation.FollowClock,
		Node: fmt.Sprintf("run-%d", s.epoch), Settle: conversation.Settle, Restore: conversation.Restore,
		Deadlines: deadlines, Wake: sv.hub.Wake, ConnectionGrace: connectionGrace, PresenceGrace: presenceGrace, Log: s.log, MaxGroup: 16,
		SessionEnded: func(session, cause string) { sv.hub.EndSession(session, gateway.CloseSessionEnded, cause) },
	})
	if err != nil {
		return err
	}
	sv.l = l
	sv.svc = delivery.New(delivery.Options{
		Ledger: l, Reader: s.store, ConnectionGrace: connectionGrace, Now: func() time.Time { return s.now },
		Authenticate: func(token string) (string, string, error) {
			t, ok := l.Token(sha256.Sum256([]byte(token)))
			if !ok {
				return "", "", problem.New(problem.Unauthenticated, "account.login.token_revoked", "no such token", "")
			}
			return t.Account, t.ID, nil
		},
		Accept: conversation.AcceptDelivery,
		After:  func(d time.Duration, f func()) { s.after(d, f) }, // of a process that is dead by then it does nothing
		Presence: func(account, value, reason string, until time.Time) ledger.Command {
			return &governance.SetPresence{Account: account, Value: value, Reason: reason, Until: until, By: account, Source: "realtime"}
		},
	})
	sv.core = gateway.NewCore(gateway.Config{Node: fmt.Sprintf("run-%d", s.epoch), Now: func() time.Time { return s.now }}, sv.svc, sv.hub)
	s.server = sv
	s.unsettle(time.Second)
	return nil
}

// Run lets the history go on for a span of virtual time.
func (s *Sim) Run(span time.Duration) {
	end := s.now.Add(span)
	for still := 0; ; still++ {
		next, ok := s.next()
		if !ok || next.After(end) {
			break
		}
		if next.After(s.now) {
			s.now, still = next, 0
		}
		if still > 10000 {
			panic("the simulation does not get on: " + s.stuck())
		}
		s.tick()
		for len(s.events) > 0 && !s.events[0].at.After(s.now) {
			heap.Pop(&s.events).(event).do()
			s.pump(false)
		}
		s.pump(true)
		if s.chance(4) {
			s.checkSettled()
		}
	}
	s.now = end
	s.tick()
	s.pump(true)
}

// next is the earliest instant at which anything happens.
func (s *Sim) next() (time.Time, bool) {
	var at time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if len(s.events) > 0 {
		consider(s.events[0].at)
	}
	if s.server != nil {
		if t, ok := s.server.l.NextDeadline(); ok {
			consider(t.Add(-s.set))
		}
		for _, k := range s.server.links {
			if !k.conn.Ended() {
				consider(k.conn.NextDeadline())
			}
		}
	}
	for _, v := range s.clients {
		if v.link != nil {
			consider(v.session.NextDeadline())
		}
	}
	return at, !at.IsZero()
}

// tick lets everybody do what is due.
func (s *Sim) tick() {
	if s.server != nil {
		for _, k := range s.server.links {
			if !k.conn.Ended() && !k.conn.NextDeadline().After(s.now) {
				k.conn.Tick(s.now)
			}
		}
	}
	for _, v := range s.clients {
		if v.link != nil && !v.session.NextDeadline().After(s.now) {
			if err := v.session.Tick(s.now); err != nil {
				v.drop("silent")
				continue
			}
			v.flush()
		}
	}
}

// pump lets the ledger carry out what waits, mostly at once, sometimes only when more has come together, and the connections read what they want.
func (s *Sim) pump(all bool) {
	for s.server != nil && (all || s.chance(60)) {
		sv := s.server
		if sv.l.Err() != nil {
			s.crash() // a ledger that stopped by itself ends the process
			return
		}
		armed := s.store.Faults()
		stepped := sv.l.Step()
		if s.store.Faults() < armed {
			s.unsettle(5 * time.Second) // it may have waited long for a commit; what was due is tried again after a second
		}
		if !stepped {
			break
		}
		for _, k := range sv.links {
			k.fetch()
		}
	}
	if s.server != nil {
		for _, k := range s.server.links {
			k.fetch()
		}
	}
}

// crash kills the process: what waits for it gets no answer, sockets break now or are found dead later.
func (s *Sim) crash() {
	sv := s.server
	if sv == nil {
		return
	}
	s.log.Info("sim: crash", "at", s.now)
	s.server = nil
	s.store = s.store.Crash()
	for _, k := range sv.links {
		k.dead = true
		if v := k.viewer; v.link == k && s.chance(80) {
			s.after(s.between(0, 100*time.Millisecond), func() {
				if v.link == k {
					v.drop("reset")
				}
			})
		}
	}
	s.after(s.between(10*time.Millisecond, 40*time.Second), s.restart)
}

// restart starts the server again; where the store fails at that, whoever watches the process tries again.
func (s *Sim) restart() {
	if s.server != nil {
		return
	}
	if err := s.boot(); err != nil {
		s.log.Info("sim: the server does not start", "error", err)
		s.after(time.Second, s.restart)
	}
}

// submit gives the server a command over the network: it may be lost on the way, and so may the answer.
func (s *Sim) submit(cmd ledger.Command, answer func(error)) {
	s.after(s.between(100*time.Microsecond, 20*time.Millisecond), func() {
		sv := s.server
		if sv == nil {
			return
		}
		sv.l.Submit(cmd, func(err error) {
			if answer != nil {
				s.after(s.between(100*time.Microsecond, 20*time.Millisecond), func() { answer(err) })
			}
		})
	})
}

// post is a customer's message that is sent until it is acknowledged.
type post struct {
	inbox, id, contact, kind, text string
	acked                          bool
	refused                        error
	message                        int64
}

func (s *Sim) post(p *post) {
	s.posts = append(s.posts, p)
	s.try(p)
}

func (s *Sim) try(p *post) {
	if p.acked || p.refused != nil {
		return
	}
	digest := sha256.Sum256([]byte(p.text))
	cmd := &conversation.Post{
		Inbox: p.inbox, SenderID: p.id, ContactID: p.contact, Kind: p.kind, Text: p.text, ReceivedAt: s.wall(),
		Digest: [16]byte(digest[:16]),
	}
	s.submit(cmd, func(err error) {
		switch problem.KindOf(err) {
		case problem.Internal:
			if errors.Is(err, ledger.ErrData) { // injected; a real sender tries again after a 500
				return
			}
			if err != nil {
				s.violated("post %s failed: %v", p.id, err)
				return
			}
			if p.acked && p.message != cmd.Message {
				s.violated("post %s was acknowledged as %d and as %d", p.id, p.message, cmd.Message)
			}
			p.acked, p.message = true, cmd.Message
		case problem.Unavailable, problem.Limited: // try again
		default:
			p.refused = err
		}
	})
	s.after(s.between(time.Second, 3*time.Second), func() { s.try(p) })
}

// owns finds an open conversation that an account owns; 0 if there is none.
func (s *Sim) owns(account string) int64 {
	if s.server == nil {
		return 0
	}
	list := s.server.l.OpenConversations(func(c *ledger.ConversationRow) bool { return c.Owner == account })
	if len(list) == 0 {
		return 0
	}
	return list[s.rng.IntN(len(list))].ID
}

var _ reception.World = (*ledger.View)(nil)

// stuck says whose deadline does not move.
func (s *Sim) stuck() string {
	text := ""
	if s.server != nil {
		if t, ok := s.server.l.NextDeadline(); ok {
			text += fmt.Sprintf("ledger in %v; ", t.Sub(s.wall()))
		}
		for i, k := range s.server.links {
			if !k.conn.Ended() {
				text += fmt.Sprintf("connection %d of %s in %v; ", i, k.viewer.account, k.conn.NextDeadline().Sub(s.now))
			}
		}
	}
	for _, v := range s.clients {
		if v.link != nil {
			text += fmt.Sprintf("client of %s (live %v, dead %v) in %v; ", v.account, v.session.Live(), v.link.dead, v.session.NextDeadline().Sub(s.now))
		}
	}
	return text
}
