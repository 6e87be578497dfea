package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
)

// Pauses before a request that was not answered, or turned away, is made again.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// load is the senders. Each writes for customers of its own, one message after the other, so that their order is known; what is not answered, or turned away
// because the server is busy, is sent again under its id until its sender is told.
type load struct {
	o       *Options
	history *history
	to      *endpoint
	stop    context.Context // ends when nothing new is to be sent
	abandon context.Context // ends when nobody is waited for any more

	fail context.CancelFunc // ends both

	turns   []chan time.Duration // of each sender in an open loop: when it was to send
	dealt   int                  // turns
	working sync.WaitGroup

	mu     sync.Mutex
	failed error
}

// run posts until stop ends and everything that was begun is answered or given up.
func (l *load) run() {
	if l.o.Rate > 0 {
		l.schedule()
	}
	for i := range l.o.Senders {
		s := &sender{load: l, index: i, wire: wire{to: l.to}}
		s.deal()
		l.working.Go(s.run)
	}
	l.working.Wait()
}

// unsent is how many messages were due and never sent, once run has returned.
func (l *load) unsent() int {
	if l.o.Rate == 0 {
		return 0
	}
	return l.dealt*l.o.together() - int(l.history.made.Load())
}

// trouble is why the load ended early.
func (l *load) trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// end stops the load: what the server refuses for good would be refused again.
func (l *load) end(err error) {
	l.mu.Lock()
	if l.failed == nil {
		l.failed = err
	}
	l.mu.Unlock()
	l.fail()
}

// schedule gives the senders their turns at an even rate. A sender that is behind finds them waiting: what it sends late counts from when it was due.
func (l *load) schedule() {
	every := time.Duration(float64(l.o.together()) / l.o.Rate * float64(time.Second))
	all := (l.o.warmUp()+l.o.Duration)/every + 1
	for range l.o.Senders {
		l.turns = append(l.turns, make(chan time.Duration, int(all)/l.o.Senders+1))
	}
	begun := l.history.now()
	l.working.Go(func() {
		for _, turns := range l.turns {
			defer close(turns)
		}
		pace := newPace()
		defer pace.close()
		for k := 0; k < int(all) && l.stop.Err() == nil; k++ {
			due := begun + time.Duration(k)*every
			pace.wait(due - l.history.now())
			l.turns[k%l.o.Senders] <- due
			l.dealt++
		}
	})
}

// sender is one of them.
type sender struct {
	*load
	index int
	wire  wire
	desks []desk
	next  int // desk
	body  []byte
}

// desk is an inbox that a sender posts to, and the customers that it writes for there: a request goes to one inbox.
type desk struct {
	inbox     string
	customers []int
	next      int
}

// deal gives a sender its customers.
func (s *sender) deal() {
	at := map[string]int{} // index of the desk by inbox
	for customer := s.index; customer < s.o.Customers; customer += s.o.Senders {
		inbox := s.history.company.inbox(customer)
		i, known := at[inbox]
		if !known {
			i, at[inbox] = len(s.desks), len(s.desks)
			s.desks = append(s.desks, desk{inbox: inbox})
		}
		s.desks[i].customers = append(s.desks[i].customers, customer)
	}
}

func (s *sender) run() {
	defer s.wire.close()
	for {
		due, ok := s.turn()
		if !ok {
			return
		}
		d := &s.desks[s.next%len(s.desks)]
		s.next++
		batch := make([]int64, s.o.together())
		for i := range batch {
			n, ok := s.history.add(d.customers[d.next%len(d.customers)], due)
			if !ok {
				s.end(fmt.Errorf("%d messages are more than one run can have", s.history.made.Load()))
				return
			}
			d.next++
			batch[i] = n
		}
		s.post(d.inbox, batch)
	}
}

// turn waits until the next request is due; ok is false when there is none any more.
func (s *sender) turn() (due time.Duration, ok bool) {
	if s.turns == nil {
		return s.history.now(), s.stop.Err() == nil
	}
	due, ok = <-s.turns[s.index]
	return due, ok && s.abandon.Err() == nil
}

// post sends messages until the sender is told what became of each.
func (s *sender) post(inbox string, rest []int64) {
	path := client.Path("inboxes", inbox) + "/messages"
	if s.o.Batch > 0 {
		path += ":batch"
	}
	for pause := firstPause; len(rest) > 0; pause = min(2*pause, lastPause) {
		s.write(rest)
		a, err := s.wire.post(s.abandon, path, s.body)
		if err == nil {
			if rest, err = s.take(rest, a); err != nil {
				s.end(err)
				return
			}
		}
		if len(rest) == 0 || s.abandon.Err() != nil {
			return
		}
		s.history.retries.Add(1)
		s.pause(max(pause/2+rand.N(pause/2), min(a.retry, lastPause)))
	}
}

func (s *sender) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.abandon.Done():
	}
}

// write makes the body of a request. Nothing in it needs escaping.
func (s *sender) write(messages []int64) {
	s.body = s.body[:0]
	if s.o.Batch > 0 {
		s.body = append(s.body, `{"messages":[`...)
	}
	for i, n := range messages {
		if i > 0 {
			s.body = append(s.body, ',')
		}
		s.body = append(s.history.id(append(s.body, `{"id":"`...), n), `","contact":{"id":"`...)
		s.body = append(append(s.body, s.history.company.contact(s.history.message(n).customer)...), `"},"text":"`...)
		s.body = append(s.history.text(s.body, n), `"}`...)
	}
	if s.o.Batch > 0 {
		s.body = append(s.body, `]}`...)
	}
}

// take takes an answer and says which messages have to be sent again.
func (s *sender) take(sent []int64, a answer) (again []int64, err error) {
	switch {
	case busy(a.status):
		return sent, nil
	case a.status != http.StatusCreated && a.status != http.StatusOK:
		return nil, refused(a.status, a.body)
	case s.o.Batch > 0:
		return s.results(sent, a.body)
	}
	var t told
	if err := json.Unmarshal(a.body, &t); err != nil {
		return nil, fmt.Errorf("the answer to a message cannot be read: %w", err)
	}
	s.history.tell(sent[0], t)
	return nil, nil
}

// busy says whether a request may be made again after this status.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusBadGateway || status == http.StatusGatewayTimeout
}

func refused(status int, body []byte) error {
	p := &client.RefusedError{}
	if json.Unmarshal(body, p) != nil { // something between here and Bida has answered
		p = &client.RefusedError{}
	}
	p.Status = status
	return p
}

// results takes the answer to a batch. A row that was turned away is a problem, whose status is a number.
func (s *sender) results(sent []int64, body []byte) (again []int64, err error) {
	var list struct {
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the answer to a batch cannot be read: %w", err)
	}
	if len(list.Results) != len(sent) {
		return nil, fmt.Errorf("a batch of %d was answered with %d results", len(sent), len(list.Results))
	}
	for i, raw := range list.Results {
		var t told
		if json.Unmarshal(raw, &t) == nil && t.Message != "" {
			s.history.tell(sent[i], t)
			continue
		}
		var problem struct {
			Status json.Number `json:"status"`
		}
		if err := json.Unmarshal(raw, &problem); err != nil {
			return nil, fmt.Errorf("a result of a batch cannot be read: %w", err)
		}
		status, err := strconv.Atoi(problem.Status.String())
		if err != nil || !busy(status) {
			return nil, refused(status, raw)
		}
		again = append(again, sent[i])
	}
	return again, nil
}
