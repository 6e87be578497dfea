package web

import (
	"net/netip"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// Rate is how much is allowed: Burst at once, and one more after each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Limits bound what strangers may do. Many people may share an address, so what counts for an address is far more than one person needs.
type Limits struct {
	Visitors        Rate // made per address
	Messages        Rate // per visitor
	AddressMessages Rate // per address
	Files           Rate // uploaded, per address
	Requests        Rate // of any kind, per address
	// Listeners at the same time: of one visitor, from one address, and of all.
	PerVisitor, PerAddress, All int
}

// DefaultLimits are what holds where nobody says otherwise.
func DefaultLimits() Limits {
	return Limits{
		Visitors:        Rate{60, time.Second},
		Messages:        Rate{20, time.Second},
		AddressMessages: Rate{300, 20 * time.Millisecond},
		Files:           Rate{60, 2 * time.Second},
		Requests:        Rate{600, 10 * time.Millisecond},
		PerVisitor:      8, PerAddress: 300, All: 20_000,
	}
}

// Refusals of what is too much.
var (
	errTooManyRequests = problem.New(problem.Limited, "chat.too_many_requests", "Too many requests come from your network at the moment. Nothing was done; try again shortly.", "您所在网络的请求过多，本次未处理，请稍后再试。")
	errTooManyVisitors = problem.New(problem.Limited, "chat.too_many_visitors", "Too many new visitors come from your network at the moment. Try again shortly.", "您所在网络的新访客过多，请稍后再试。")
	errTooManyMessages = problem.New(problem.Limited, "chat.too_many_messages", "You are writing very fast. This message was not sent; try again shortly.", "您发送得太快了，这条消息未发送，请稍后再试。")
	errTooManyFiles    = problem.New(problem.Limited, "chat.too_many_files", "Too many files come from your network at the moment. This one was not taken; try again shortly.", "您所在网络上传的文件过多，本次未接收，请稍后再试。")
	errTooManyStreams  = problem.New(problem.Limited, "chat.too_many_streams", "This conversation is open in too many windows. Close one, or try again shortly.", "打开的窗口过多，请关闭其他窗口或稍后再试。")
)

// maxKeys bounds how many keys a limiter remembers. A key that is forgotten may use its whole burst again.
const maxKeys = 50_000

// limiter allows each key a rate. What it keeps of a key is one instant: when the key will have its whole burst again.
type limiter struct {
	rate Rate

	mu   sync.Mutex
	full map[string]time.Time
}

func newLimiter(r Rate) *limiter { return &limiter{rate: r, full: map[string]time.Time{}} }

// take uses one up. Where nothing is left it says how long to wait, and uses nothing.
func (l *limiter) take(key string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.full[key]
	if at.Before(now) {
		at = now
	}
	next := at.Add(l.rate.Every)
	if over := next.Sub(now) - time.Duration(l.rate.Burst)*l.rate.Every; over > 0 {
		return over
	}
	if !known && len(l.full) >= maxKeys {
		l.makeRoom(now)
	}
	l.full[key] = next
	return 0
}

// makeRoom forgets the keys that have their whole burst again and, where there are none, a few others. l.mu is held.
func (l *limiter) makeRoom(now time.Time) {
	for key, at := range l.full {
		if !at.After(now) {
			delete(l.full, key)
		}
	}
	for key := range l.full {
		if len(l.full) < maxKeys-maxKeys/16 {
			return
		}
		delete(l.full, key)
	}
}

// network is what counts as one address: of the newer kind, the 64 bits that one household gets.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// streamRetry is when somebody may try again who listens in too many places.
const streamRetry = 10 * time.Second
