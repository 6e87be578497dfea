package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/reception"
)

// Reader reads what became of a test message.
type Reader interface {
	DeliveriesOf(ctx context.Context, message int64) ([]ledger.DeliveryRow, error)
}

// Options configure a Service. All but Wait and After are required.
type Options struct {
	Ledger *ledger.Ledger
	Reader Reader
	// Ask tells all connected clients of an account to check themselves and to report with the id of the check; by is who asks, as people call it. It does not
	// block, and a client that does not know of checks says nothing.
	Ask func(account, check, by string)
	Now func() time.Time
	// Wait is how long answers of clients are waited for; 0 means DefaultWait.
	Wait time.Duration
	// After gives word when a time is over; nil means time.After.
	After func(time.Duration) <-chan time.Time
}

// DefaultWait leaves clients four seconds, and is over within five.
const DefaultWait = 4600 * time.Millisecond

// How often is enough: a person who tries again and again, and each window of a person.
var (
	testRate   = limit.Rate{N: 30, Per: time.Minute, Burst: 10}
	reportRate = limit.Rate{N: 12, Per: time.Minute, Burst: 6}
	askRate    = limit.Rate{N: 6, Per: time.Minute, Burst: 2}
)

// Service checks clients. See the package comment.
type Service struct {
	o                    Options
	tests, reports, asks *limit.Limiter

	mu      sync.Mutex
	running map[string]*run // by the id of the check
}

// New makes a Service.
func New(o Options) *Service {
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	if o.After == nil {
		o.After = time.After
	}
	return &Service{
		o: o, tests: limit.NewLimiter(testRate), reports: limit.NewLimiter(reportRate), asks: limit.NewLimiter(askRate), running: map[string]*run{},
	}
}

// Test is a test message that was sent.
type Test struct {
	Message  int64
	Sequence int64 // in the account's list
	At       time.Time
}

// SendTest sends a test message to an account for one of its clients, which is connected.
func (s *Service) SendTest(ctx context.Context, account, client string) (Test, error) {
	if wait := s.tests.Take(account, s.o.Now()); wait > 0 {
		return Test{}, errTooOften.After(wait)
	}
	c := &conversation.SendTest{Account: account, Client: client}
	if err := s.o.Ledger.Do(ctx, c); err != nil {
		s.tests.Return(account)
		return Test{}, err
	}
	return Test{Message: c.Message, Sequence: c.Sequence, At: c.At}, nil
}

// Stage is how far a test message got on its way to the client that it is for.
type Stage string

// The stages. A push is recorded when it is acknowledged or given up.
const (
	Stored    Stage = "stored"
	Pushed    Stage = "pushed"    // and not acknowledged
	Elsewhere Stage = "elsewhere" // another client acknowledged it, this one did not
	Received  Stage = "received"
	Over      Stage = "over" // taken back, since nobody acknowledged it
)

// Reached says how far a test message of an account has got by now, seen from a client.
type Reached struct {
	Stage    Stage
	Delivery ledger.DeliveryRow
}

// Reached finds what became of a test message.
func (s *Service) Reached(ctx context.Context, account, client string, message int64) (Reached, error) {
	rows, err := s.o.Reader.DeliveriesOf(ctx, message)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return Reached{}, fmt.Errorf("deliveries of message %d: %w", message, err)
	}
	i := slices.IndexFunc(rows, func(d ledger.DeliveryRow) bool { return d.Account == account && d.Type == ledger.EntryTest })
	if i < 0 {
		return Reached{}, ErrNoTest
	}
	d := rows[i]
	cursor, _ := s.o.Ledger.Cursor(account, client)
	r := Reached{Stage: Stored, Delivery: d}
	switch {
	case !d.ReceivedAt.IsZero() && cursor >= d.Sequence:
		r.Stage = Received
	case !d.ReceivedAt.IsZero():
		r.Stage = Elsewhere
	case d.State == ledger.Withdrawn:
		r.Stage = Over
	case !d.PushedAt.IsZero():
		r.Stage = Pushed
	}
	return r, nil
}

// Last is the last check of an account; nil if there was none. The caller must not change it.
func (s *Service) Last(account string) *ledger.SelfCheck {
	if a := s.o.Ledger.Agent(account); a != nil {
		return a.SelfCheck
	}
	return nil
}

// Report is what a client found.
type Report struct {
	Client string
	Check  string // id of the check that asked for it; "" if the person did
	Tests  []ledger.ClientTest
}

// Report takes in what a client of an account found. Without a check it is recorded by itself; else with what the other clients find.
func (s *Service) Report(ctx context.Context, account string, r Report) error {
	if err := checkTests(r.Tests); err != nil {
		return err
	}
	if r.Check != "" {
		return s.answer(account, &r)
	}
	if wait := s.reports.Take(account, s.o.Now()); wait > 0 {
		return errTooOften.After(wait)
	}
	c := ledger.CheckedClient{Client: r.Client, Answered: true, Tests: r.Tests}
	for _, k := range s.sockets(account) {
		if k.Client == r.Client {
			c.About, c.Connection = k.About, k.ID
		}
	}
	return s.record(ctx, account, []ledger.CheckedClient{c}, reception.Origin{By: account, Source: "api", Cause: "self"})
}

func (s *Service) sockets(account string) []ledger.Socket {
	if a := s.o.Ledger.Agent(account); a != nil {
		return a.Sockets
	}
	return nil
}

func (s *Service) record(ctx context.Context, account string, clients []ledger.CheckedClient, o reception.Origin) error {
	return s.o.Ledger.Do(ctx, ledger.CommandFunc(func(tx *ledger.Tx) error {
		if tx.Policy().Accounts[account] == nil {
			return errAccount
		}
		tx.SetSelfCheck(account, clients, o)
		return nil
	}))
}

// at is the pointer to a member of the nth test.
func at(n int, member string) string { return "/tests/" + strconv.Itoa(n) + "/" + member }
