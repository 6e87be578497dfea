package selfcheck

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// CauseAsked is the cause of a check that somebody else asked for.
const CauseAsked = "asked"

// run is a check that somebody else asked for, while answers are waited for.
type run struct {
	account string
	clients []ledger.CheckedClient // in order of their connections; one with several connections is there once
	missing int
	done    chan struct{} // closed when all have answered
}

// Asked is who asks for the check of another account.
type Asked struct {
	By      string
	Request string // id of the request, for the audit log
}

// Ask has all connected clients of an account check themselves, waits for them, and records what they said, or that they said nothing. The account is told who
// asked. An end of ctx ends the waiting; what has come until then is recorded all the same.
func (s *Service) Ask(ctx context.Context, account string, asked Asked) (*ledger.SelfCheck, error) {
	if _, ok := s.o.Ledger.Policy().Account(account); !ok {
		return nil, errAccount
	}
	if wait := s.asks.Take(account, s.o.Now()); wait > 0 {
		return nil, errAskedJust.After(wait)
	}
	var by string
	if err := s.o.Ledger.Do(ctx, ledger.CommandFunc(func(tx *ledger.Tx) error {
		by = announce(tx, account, asked)
		return nil
	})); err != nil {
		s.asks.Return(account)
		return nil, err
	}
	clients := s.wait(ctx, account, by)
	o := reception.Origin{By: asked.By, Source: "api", Cause: CauseAsked}
	if err := s.record(context.WithoutCancel(ctx), account, clients, o); err != nil {
		return nil, err
	}
	return s.Last(account), nil
}

// announce writes down that an account is checked, tells it so, and gives the name of who asks.
func announce(tx *ledger.Tx, account string, asked Asked) string {
	tx.Audit(ledger.AuditRow{By: asked.By, Action: "self_check.ask", Object: "account/" + account, Source: "api", Request: asked.Request})
	by := asked.By
	if spec, ok := tx.Documents().Account(by); ok && spec.Title != "" {
		by = spec.Title
	}
	if account != asked.By {
		conversation.Notify(tx, asked.By, account,
			by+"请您的窗口做了一次自检，查看能否接收消息。结果只有连接、浏览器和设备的情况，没有消息内容。",
			by+" had your windows check whether they can receive. The result says how connection, browser and device are, and nothing of what messages say.", 0)
	}
	return by
}

// wait asks the clients that are connected now and waits for their answers.
func (s *Service) wait(ctx context.Context, account, by string) []ledger.CheckedClient {
	r := &run{account: account, done: make(chan struct{})}
	for _, k := range s.sockets(account) {
		if !slices.ContainsFunc(r.clients, func(c ledger.CheckedClient) bool { return c.Client == k.Client }) {
			r.clients = append(r.clients, ledger.CheckedClient{Client: k.Client, About: k.About, Connection: k.ID})
		}
	}
	if r.missing = len(r.clients); r.missing == 0 {
		return nil
	}
	id := "q" + rand.Text()
	s.mu.Lock()
	s.running[id] = r
	s.mu.Unlock()
	late := s.o.After(s.o.Wait)
	s.o.Ask(account, id, by)
	select {
	case <-r.done:
	case <-late:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id) // nobody writes to it from now on
	return r.clients
}

// answer takes in what a client found that was asked. Of two windows with one id the first counts.
func (s *Service) answer(account string, report *Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running[report.Check]
	if r == nil || r.account != account {
		return errNoCheck
	}
	i := slices.IndexFunc(r.clients, func(c ledger.CheckedClient) bool { return c.Client == report.Client })
	if i < 0 {
		return errNotAsked
	}
	if c := &r.clients[i]; !c.Answered {
		c.Answered, c.Tests = true, report.Tests
		if r.missing--; r.missing == 0 {
			close(r.done)
		}
	}
	return nil
}
