package limit

import (
	"sync"
	"time"
)

// maxSources bounds how many sources a Limiter remembers.
const maxSources = 50_000

// Limiter allows each source a rate. What it keeps of a source is one instant: when that will have its whole burst again.
type Limiter struct {
	rate Rate

	mu   sync.Mutex
	full map[string]time.Time
}

// NewLimiter makes a Limiter. With a rate that is off it allows everything and remembers nobody.
func NewLimiter(r Rate) *Limiter { return &Limiter{rate: r, full: map[string]time.Time{}} }

// Take uses one up. Where nothing is left it says how long to wait, and uses nothing.
func (l *Limiter) Take(source string, now time.Time) (wait time.Duration) {
	if l.rate.Off() {
		return 0
	}
	every := l.rate.every()
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.full[source]
	if at.Before(now) {
		at = now
	}
	next := at.Add(every)
	if over := next.Sub(now) - time.Duration(l.rate.Burst)*every; over > 0 {
		return over
	}
	if !known && len(l.full) >= maxSources {
		l.makeRoom(now)
	}
	l.full[source] = next
	return 0
}

// Return gives one back that was taken and not used after all.
func (l *Limiter) Return(source string) {
	if l.rate.Off() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, known := l.full[source]; known {
		l.full[source] = at.Add(-l.rate.every())
	}
}

// makeRoom forgets the sources that have their whole burst again and, where there are few, some others: to let in again whoever is refused is better than to
// grow, or to refuse whoever is new. l.mu is held.
func (l *Limiter) makeRoom(now time.Time) {
	for source, at := range l.full {
		if !at.After(now) {
			delete(l.full, source)
		}
	}
	for source := range l.full {
		if len(l.full) < maxSources-maxSources/16 {
			return
		}
		delete(l.full, source)
	}
}
