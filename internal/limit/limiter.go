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
	l.mu.Lock()
	defer l.mu.Unlock()
	next, wait := l.next(source, now)
	if wait > 0 {
		return wait
	}
	if _, known := l.full[source]; !known && len(l.full) >= maxSources {
		l.makeRoom(now)
	}
	l.full[source] = next
	return 0
}

// Wait says what Take would say now, and uses nothing.
func (l *Limiter) Wait(source string, now time.Time) time.Duration {
	if l.rate.Off() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, wait := l.next(source, now)
	return wait
}

// next is when the source will have its whole burst again if it uses one up now, and how long it has to wait for that. l.mu is held.
func (l *Limiter) next(source string, now time.Time) (full time.Time, wait time.Duration) {
	every := l.rate.every()
	at := l.full[source]
	if at.Before(now) {
		at = now
	}
	full = at.Add(every)
	return full, max(0, full.Sub(now)-time.Duration(l.rate.Burst)*every)
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
