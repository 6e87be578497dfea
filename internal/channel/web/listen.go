package web

import (
	"sync"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Listeners are the visitors who wait for news, found by contact. The ledger calls Heard after a commit.
type Listeners struct {
	mu        sync.Mutex
	contacts  map[contact][]*Listener
	addresses map[string]int
	open      int
	stopped   bool
	gone      sync.WaitGroup // counts those that have not closed yet; added to under mu, while not stopped
	stop      chan struct{}
}

type contact struct{ inbox, id string }

// NewListeners makes Listeners without anybody in it.
func NewListeners() *Listeners {
	return &Listeners{contacts: map[contact][]*Listener{}, addresses: map[string]int{}, stop: make(chan struct{})}
}

// Listener is one window of a visitor. It holds nothing of what there is to read: woken, its owner reads on from its cursor.
type Listener struct {
	all     *Listeners
	who     contact
	address string
	wake    chan struct{} // holds one token: any number of changes are one reason to look
	once    sync.Once
}

// Wake has something in it when there may be news.
func (l *Listener) Wake() <-chan struct{} { return l.wake }

// Ended is closed when the server stops.
func (l *Listener) Ended() <-chan struct{} { return l.all.stop }

// Heard wakes who listens for a contact. It never blocks.
func (all *Listeners) Heard(inbox, id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, l := range all.contacts[contact{inbox, id}] {
		select {
		case l.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Count says how many listen.
func (all *Listeners) Count() int {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.open
}

// Stop ends all listeners, takes no more, and waits until those that listened are closed. It is safe twice.
func (all *Listeners) Stop() {
	all.mu.Lock()
	if !all.stopped {
		all.stopped = true
		close(all.stop)
	}
	all.mu.Unlock()
	all.gone.Wait()
}

var errStopping = problem.New(problem.Unavailable, "system.stopping", "The server is stopping. Try again shortly.", "服务正在停止，请稍后重试。")

// Listen begins to listen for a visitor's news. The caller closes the Listener.
func (s *Service) Listen(v Visitor, address string) (*Listener, error) {
	all, most := s.o.Listeners, s.o.Limits
	l := &Listener{all: all, who: contact{v.Inbox, v.ID}, address: limit.Network(address), wake: make(chan struct{}, 1)}
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case all.stopped:
		return nil, errStopping
	case len(all.contacts[l.who]) >= most.PerVisitor, all.addresses[l.address] >= most.PerAddress, all.open >= most.All:
		return nil, errTooManyStreams.After(streamRetry)
	}
	all.contacts[l.who] = append(all.contacts[l.who], l)
	all.addresses[l.address]++
	all.open++
	all.gone.Add(1)
	return l, nil
}

// Close ends listening. It is safe twice.
func (l *Listener) Close() {
	l.once.Do(func() {
		all := l.all
		all.mu.Lock()
		defer all.mu.Unlock()
		drop(all.contacts, l)
		if all.addresses[l.address]--; all.addresses[l.address] == 0 {
			delete(all.addresses, l.address)
		}
		all.open--
		all.gone.Done()
	})
}

func drop(from map[contact][]*Listener, l *Listener) {
	list := from[l.who]
	for i := range list {
		if list[i] == l {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(from, l.who)
		return
	}
	from[l.who] = list
}
