package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Reader reads an agent's stream beyond what the ledger keeps in memory.
type Reader interface {
	Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error)
}

// Options configure a Service. All but Now and After are required.
type Options struct {
	Ledger *ledger.Ledger
	Reader Reader
	// Authenticate resolves a bearer token (package identity).
	Authenticate func(token string) (account, tokenID string, err error)
	// Accept is what an acknowledgement as accepted does to the conversation (package conversation).
	Accept func(tx *ledger.Tx, conversation int64, account string) error
	// Presence makes the command that sets a presence (package governance).
	Presence func(account, value, reason string, until time.Time) ledger.Command
	// ConnectionGrace is how long an owner whose connection is lost keeps its conversations.
	ConnectionGrace time.Duration
	Now             func() time.Time
	// After runs a function later, on any goroutine; nil means time.AfterFunc.
	After func(time.Duration, func())
}

// Service records what happens to deliveries, and renders streams. It is the backend of package gateway.
type Service struct {
	o Options

	mu       sync.Mutex
	accounts map[string]string // account by open connection
}

// New makes a Service.
func New(o Options) *Service {
	if o.After == nil {
		o.After = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
	return &Service{o: o, accounts: map[string]string{}}
}

var (
	errMayNotConnect = problem.New(problem.Forbidden, "realtime.forbidden", "This account may not connect: the right realtime.connect is missing.", "此账号无权建立实时连接：缺少 realtime.connect 权限。")
	errTokenGone     = problem.New(problem.Unauthenticated, "account.login.token_revoked", "This sign-in is over: the token was revoked, or the session has ended. Sign in again or take a new token, then connect again.", "此登录已失效：令牌已被吊销，或登录会话已结束。请重新登录或换用新令牌后再连接。")
	errCursorFuture  = problem.New(problem.Invalid, "realtime.cursor_future", "The cursor is beyond the newest entry of this account and does not count: it is another stream's, or this server was restored from a backup.", "游标超出了此账号的最新序号，已忽略：它属于另一条消息流，或服务器已从备份恢复。").On("/cursor")
	errFuture        = problem.New(problem.Invalid, "realtime.sequence_future", "An acknowledgement names an entry that was never sent.", "确认的序号尚未发出。").On("/received")
)

// Authenticate looks a bearer token up in memory.
func (s *Service) Authenticate(token string) (account, tokenID string, err error) {
	return s.o.Authenticate(token)
}

// Open records a session (if the token has none yet) and a connection.
func (s *Service) Open(h Hello, done func(Opened, error)) {
	c := &open{hello: h}
	s.o.Ledger.Submit(c, func(err error) {
		if err == nil {
			s.mu.Lock()
			s.accounts[c.opened.Connection] = h.Account
			s.mu.Unlock()
		}
		done(c.opened, err)
	})
}

type open struct {
	hello  Hello
	opened Opened
}

// Apply implements ledger.Command.
func (o *open) Apply(tx *ledger.Tx) error {
	h := o.hello
	if !reception.Can(tx.Policy(), h.Account, "realtime.connect", tx.Now()) {
		return errMayNotConnect
	}
	about := strings.TrimSpace(h.Name + " " + h.Version)
	session := sessionOf(tx, h)
	if session == "" {
		if t := tx.Token(h.Token); t == nil || t.Account != h.Account {
			return errTokenGone
		}
		session = tx.BeginSession(h.Account, ledger.Session{ID: "s" + strconv.FormatInt(tx.Next(), 10), Token: h.Token, Client: h.Client}, h.Account, "realtime").ID
	}
	connection := "k" + strconv.FormatInt(tx.Next(), 10)
	tx.OpenSocket(h.Account, ledger.Socket{ID: connection, Session: session, Client: h.Client, About: about, Name: h.Name, Version: h.Version, Node: h.Node}, h.Account)
	a := tx.AgentState(h.Account)
	before := tx.Cursor(h.Account, h.Client)
	claim := h.Cursor
	if claim > a.Sequence { // what it has is not ours: counted as received, what waits would never be shown
		claim, o.opened.Refused = -1, errCursorFuture
	}
	start := max(before, claim)
	if start < 0 { // never seen: from the oldest entry that nobody has received
		start = tx.OldestQueued(h.Account) - 1
	}
	// What the client says it has, it was given: an acknowledgement of it was lost with a connection or a process.
	for _, q := range tx.QueuedBetween(h.Account, max(before, 0), start) {
		if err := received(tx, receiver{account: h.Account, client: h.Client, about: about}, q, Push{}); err != nil {
			return err
		}
	}
	o.opened = Opened{
		Connection: connection, Session: session, Cursor: tx.MoveCursor(h.Account, h.Client, about, start), Last: a.Sequence,
		Presence: tx.Agent(h.Account).Presence.Value.String(), Refused: o.opened.Refused,
	}
	return nil
}

// sessionOf finds the session that rests on the token, or the one that began at the browser itself.
func sessionOf(tx *ledger.Tx, h Hello) string {
	if a := tx.AgentState(h.Account); a != nil && h.Token != "" {
		for _, s := range a.Sessions {
			if s.Token == h.Token || s.ID == h.Token {
				return s.ID
			}
		}
	}
	return ""
}

// account forgets or finds the account of a connection.
func (s *Service) account(connection string, forget bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[connection]
	if forget {
		delete(s.accounts, connection)
	}
	return a
}

// Closed records the end of a connection. The grace of an owner runs from the last frame heard.
func (s *Service) Closed(connection, cause string, code int, lastFrame time.Time) {
	account := s.account(connection, true)
	if account == "" {
		return
	}
	s.insist(func(tx *ledger.Tx) error {
		heard := tx.Now().Add(-s.o.Now().Sub(lastFrame)) // by the wall clock of now, which may have been set since
		last := reception.Connection{CloseCode: code, LastFrame: heard, GraceUntil: heard.Add(s.o.ConnectionGrace)}
		tx.CloseSocket(account, connection, last, reception.Origin{By: account, Source: "realtime", Cause: cause})
		return nil
	})
}

// insistEvery is how long a command that must be carried out waits for the store before it is tried again.
const insistEvery = time.Second

// insist queues a command until it is carried out or the ledger ends: an agent whose connection's end is not known would be given messages for ever.
func (s *Service) insist(f ledger.CommandFunc) {
	s.o.Ledger.Submit(f, func(err error) {
		kind := problem.KindOf(err)
		if kind != problem.Unavailable && kind != problem.Limited || problem.As(err).Code == "system.stopping" {
			return
		}
		s.o.After(insistEvery, func() { s.insist(f) })
	})
}

// submit queues a command whose failure nobody waits for; the ledger logs it.
func (s *Service) submit(f ledger.CommandFunc) { s.o.Ledger.Submit(f, func(error) {}) }

// Acknowledge records what a client received, saw and accepted. done comes after the commit.
func (s *Service) Acknowledge(a Ack, done func(AckResult, error)) {
	c := &acknowledge{ack: a, accept: s.o.Accept}
	s.o.Ledger.Submit(c, func(err error) { done(c.result, err) })
}

type acknowledge struct {
	ack    Ack
	accept func(tx *ledger.Tx, conversation int64, account string) error
	by     receiver
	result AckResult
}

// Apply implements ledger.Command.
func (c *acknowledge) Apply(tx *ledger.Tx) error {
	a := c.ack
	state := tx.AgentState(a.Account)
	if state == nil || a.Received > state.Sequence {
		return errFuture
	}
	c.by = receiver{a.Account, a.Client, a.Connection, aboutOf(state, a.Connection)}
	before := max(tx.Cursor(a.Account, a.Client), 0)
	pushed := map[int64]Push{}
	for _, p := range a.Pushed {
		pushed[p.Sequence] = p
	}
	for _, q := range tx.QueuedBetween(a.Account, before, a.Received) {
		if err := received(tx, c.by, q, pushed[q]); err != nil {
			return err
		}
	}
	c.result = AckResult{Cursor: tx.MoveCursor(a.Account, a.Client, "", a.Received)}
	for _, n := range a.Seen {
		if err := c.progress(tx, n, ledger.Seen); err != nil {
			return err
		}
	}
	for _, n := range a.Accepted {
		if err := c.progress(tx, n, ledger.Accepted); err != nil {
			return err
		}
	}
	tx.SetUnresponsive(a.Account, a.Connection, time.Time{}, reception.Connection{}, reception.Origin{By: a.Account, Source: "realtime", Cause: "acknowledged"})
	return nil
}

// receiver is the client that acknowledges, on a connection ("" when the acknowledgement comes with the next connection's hello).
type receiver struct{ account, client, connection, about string }

// aboutOf finds the name and version of the client on a connection.
func aboutOf(a *ledger.Agent, connection string) string {
	for _, k := range a.Sockets {
		if k.ID == connection {
			return k.About
		}
	}
	return ""
}

// received records that an entry reached a client, with the attempt that brought it.
func received(tx *ledger.Tx, by receiver, sequence int64, p Push) error {
	d, err := tx.EditDelivery(by.account, sequence)
	if err != nil {
		return err
	}
	d.State, d.ReceivedAt, d.ReceivedBy = ledger.Received, tx.Now(), by.client
	d.Attempts++
	if d.Attempts == 1 {
		d.PushedAt, d.Connection, d.Client, d.Result = p.At, by.connection, by.about, "received"
		return nil
	}
	tx.Attempt(ledger.AttemptRow{
		Account: by.account, Sequence: sequence, Number: d.Attempts, At: p.At, Connection: by.connection, Client: by.about, Result: "received",
	})
	return nil
}

// rank orders the states of a delivery; an acknowledgement never takes one back.
var rank = map[ledger.DeliveryState]int{ledger.Queued: 0, ledger.Received: 1, ledger.Seen: 2, ledger.Accepted: 3, ledger.Withdrawn: 4}

// progress records that an entry was seen or accepted; one that had been withdrawn is refused.
func (c *acknowledge) progress(tx *ledger.Tx, sequence int64, to ledger.DeliveryState) error {
	account := c.ack.Account
	now, err := tx.Delivery(account, sequence)
	if errors.Is(err, ledger.ErrNotFound) {
		return errFuture.On("/" + string(to))
	}
	if err != nil {
		return err
	}
	if now.State == ledger.Withdrawn {
		c.refuse(sequence)
		return nil
	}
	if rank[now.State] >= rank[to] {
		return nil
	}
	if now.State == ledger.Queued {
		if err := received(tx, c.by, sequence, Push{Sequence: sequence, At: tx.Now()}); err != nil {
			return err
		}
	}
	if to == ledger.Accepted && now.Type == ledger.EntryMessage && reception.OwnsConversations(now.Kind) { // who opens a note takes nothing
		if err := c.accept(tx, now.Conversation, account); err != nil {
			if problem.KindOf(err) == problem.Internal {
				return err
			}
			c.refuse(sequence) // a colleague has it meanwhile, or it is resolved
			return nil
		}
	}
	d, err := tx.EditDelivery(account, sequence)
	if err != nil {
		return err
	}
	if d.State == ledger.Withdrawn {
		c.refuse(sequence)
		return nil
	}
	if d.SeenAt.IsZero() {
		d.SeenAt = tx.Now()
	}
	if to == ledger.Accepted {
		d.AcceptedAt = tx.Now()
	}
	d.State = to
	return nil
}

func (c *acknowledge) refuse(sequence int64) {
	for _, r := range c.result.Refused {
		if r == sequence {
			return
		}
	}
	c.result.Refused = append(c.result.Refused, sequence)
}

// Unacknowledged records pushes that were not acknowledged in time: the connection is unresponsive until it acknowledges anything. An owner's grace counts
// from since, from when on the client did not acknowledge: the time in which that was not known yet is part of it.
func (s *Service) Unacknowledged(connection string, since, lastFrame time.Time, pushes []Push) {
	account := s.account(connection, false)
	if account == "" {
		return
	}
	s.submit(func(tx *ledger.Tx) error {
		now := tx.Now()
		about := ""
		if a := tx.AgentState(account); a != nil {
			about = aboutOf(a, connection)
		}
		for _, p := range pushes {
			if err := missed(tx, account, connection, about, p); err != nil {
				return err
			}
		}
		last := reception.Connection{LastFrame: lastFrame, GraceUntil: since.Add(s.o.ConnectionGrace)}
		tx.SetUnresponsive(account, connection, now, last, reception.Origin{By: account, Source: "realtime", Cause: "unacknowledged"})
		return nil
	})
}

// missed records an attempt without an answer, if the entry was not received otherwise.
func missed(tx *ledger.Tx, account, connection, about string, p Push) error {
	now, err := tx.Delivery(account, p.Sequence)
	if err != nil {
		return err
	}
	if now.State != ledger.Queued {
		return nil
	}
	d, err := tx.EditDelivery(account, p.Sequence)
	if err != nil {
		return err
	}
	d.Attempts++
	if d.Attempts == 1 {
		d.PushedAt, d.Connection, d.Client, d.Result = p.At, connection, about, "unacknowledged"
		return nil
	}
	tx.Attempt(ledger.AttemptRow{
		Account: account, Sequence: p.Sequence, Number: d.Attempts, At: p.At, Connection: connection, Client: about, Result: "unacknowledged",
		Error: reception.CodePushUnacknowledged.String(),
	})
	return nil
}

// SetPresence records what the person set.
func (s *Service) SetPresence(account, value, reason string, until time.Time, done func(error)) {
	s.o.Ledger.Submit(s.o.Presence(account, value, reason, until), done)
}

// Visibility records whether the person can see the client's window.
func (s *Service) Visibility(connection string, visible bool) {
	if account := s.account(connection, false); account != "" {
		s.submit(func(tx *ledger.Tx) error { tx.SetVisible(account, connection, visible); return nil })
	}
}

// Report records what a client tells of itself.
func (s *Service) Report(connection string, r Report) {
	if account := s.account(connection, false); account != "" {
		s.submit(func(tx *ledger.Tx) error { tx.SetReport(account, connection, r); return nil })
	}
}

// Events reads an agent's stream. What the agent may not have any more is a tombstone that keeps its number.
func (s *Service) Events(ctx context.Context, account string, after int64, limit int, lang string) ([]Event, error) {
	entries, ok := s.o.Ledger.Tail(account, after, limit)
	if !ok {
		var err error
		if entries, err = s.o.Reader.Entries(ctx, account, after, limit); err != nil {
			return nil, fmt.Errorf("stream of %s after %d: %w", account, after, err)
		}
		entries = ledger.Published(s.o.Ledger, entries, func(e *ledger.Entry) int64 { return e.Delivery.Position })
	}
	events := make([]Event, 0, len(entries)+1)
	next := after + 1
	for _, e := range entries {
		if e.Delivery.Sequence > next {
			events = append(events, Event{Event: EventGap, AgentSequence: next, To: e.Delivery.Sequence - 1, At: e.Delivery.At})
		}
		events = append(events, s.render(account, e, lang))
		next = e.Delivery.Sequence + 1
	}
	return events, nil
}
