package intake

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Refusal is who was refused, as far as it is known.
type Refusal struct {
	Inbox    string
	SenderID string
	Account  string // "" for a caller who is not known
	Address  string // where such a caller asks from; it is not written down
}

// Refused writes a refused request into the intake log. For a known caller it returns when the line is durable, or cannot be made so now; lines about
// unknown ones are few per second and waited for by nobody. What was refused because there was too much, or because Bida could not, is told once a second
// of each source and code, and waited for by nobody either: the answer must be quick just then.
func (s *Service) Refused(ctx context.Context, who Refusal, err error) {
	if s.record(who, err) && who.Account != "" {
		s.log.wait(ctx)
	}
}

// record adds a line, and says whether it is one to wait for.
func (s *Service) record(who Refusal, err error) bool {
	p := problem.As(err)
	if p != nil && p.Code == "system.cancelled" {
		return false // the caller went away; the message may well be stored
	}
	row := refusalRow(who, err)
	if busy(err) && s.busy.Take(who.Account+"\x00"+who.Address+"\x00"+p.Code, s.o.Now()) > 0 {
		s.log.omit(row)
		return false
	}
	s.log.add(row)
	return !busy(err)
}

// Flush waits until the lines that were added before are durable or given up.
func (s *Service) Flush(ctx context.Context) { s.log.wait(ctx) }

// LogStats says how many lines were written, and how many were left out because there were too many.
func (s *Service) LogStats() (written, leftOut uint64) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.written, s.log.leftOut
}

// Bounds of the log.
const (
	maxPending   = 4096 // lines that wait to be written
	maxLines     = 512  // written at once
	knownRate    = 2000 // lines per second about known callers
	unknownRate  = 5    // and about unknown ones
	maxLogInbox  = 64   // bytes
	maxLogDetail = 300
)

// busyLines is how often the log tells of a source that it was refused because there was too much.
var busyLines = limit.Rate{N: 1, Per: time.Second, Burst: 1}

// refusalRow makes a line of the log: ids only, cut and cleaned, since a refused request may hold anything.
func refusalRow(who Refusal, err error) ledger.RefusalRow {
	r := ledger.RefusalRow{Inbox: clean(who.Inbox, maxLogInbox), SenderID: clean(who.SenderID, MaxID), Account: who.Account, Code: "system.internal"}
	p := problem.As(err)
	if p == nil {
		return r
	}
	r.Code, r.Field, r.Detail = p.Code, clean(p.Field, maxLogInbox), clean(p.En, maxLogDetail)
	switch p.Kind {
	case problem.Unauthenticated:
		r.Code, r.Detail = codeUnauthenticated, p.Code
	case problem.Forbidden:
		r.Code, r.Detail = codeForbidden, p.Code
	case problem.Limited: // which limit it was is in the detail: the catalogue has one reason for all
		r.Code, r.Detail = codeOverloaded, clean(p.Code+": "+p.En, maxLogDetail)
	}
	return r
}

// clean makes a text from outside fit for a log: valid, without control characters, not long.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// refusals is the intake log on its way to the store.
type refusals struct {
	submit func(ledger.Command, func(error))
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	pending []ledger.RefusalRow
	writing bool
	added   uint64 // lines ever put into pending
	settled uint64 // of those, the first so many were written or given up
	waiters []waiter
	known   rate
	unknown rate
	written uint64
	leftOut uint64
}

// waiter waits until so many lines are settled.
type waiter struct {
	upTo uint64
	done chan struct{}
}

// rate allows so many lines in a second, and counts the others.
type rate struct {
	second  int64
	lines   int
	leftOut int
}

// allow says whether a line may be written, and how many were left out before it in earlier seconds.
func (r *rate) allow(second int64, most int) (ok bool, before int) {
	if second != r.second {
		r.second, r.lines = second, 0
	}
	if r.lines >= most {
		r.leftOut++
		return false, 0
	}
	r.lines++
	before, r.leftOut = r.leftOut, 0
	return true, before
}

// add queues a line; it never blocks.
func (l *refusals) add(row ledger.RefusalRow) {
	row.At = l.now().UTC().Truncate(time.Microsecond)
	l.mu.Lock()
	limit, most := &l.known, knownRate
	if row.Account == "" {
		limit, most = &l.unknown, unknownRate
	}
	ok, before := limit.allow(row.At.Unix(), most)
	if !ok || len(l.pending) >= maxPending {
		l.leftOut++
		l.mu.Unlock()
		return
	}
	if before > 0 {
		row.Detail = strings.TrimSpace(fmt.Sprintf("%s (%d lines before this one were left out)", row.Detail, before))
	}
	l.pending = append(l.pending, row)
	l.added++
	cmd, rows := l.next()
	l.mu.Unlock()
	l.write(cmd, rows)
}

// omit counts a line that is not written; the next one that is says so.
func (l *refusals) omit(row ledger.RefusalRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leftOut++
	if row.Account == "" {
		l.unknown.leftOut++
	} else {
		l.known.leftOut++
	}
}

// next takes lines to write, if none are being written. l.mu is held.
func (l *refusals) next() (ledger.Command, []ledger.RefusalRow) {
	if l.writing || len(l.pending) == 0 {
		return nil, nil
	}
	n := min(len(l.pending), maxLines)
	rows := append([]ledger.RefusalRow(nil), l.pending[:n]...)
	l.pending = append(l.pending[:0:0], l.pending[n:]...)
	l.writing = true
	return ledger.CommandFunc(func(tx *ledger.Tx) error {
		for _, r := range rows {
			tx.Refuse(r)
		}
		return nil
	}), rows
}

func (l *refusals) write(cmd ledger.Command, rows []ledger.RefusalRow) {
	if cmd == nil {
		return
	}
	l.submit(cmd, func(err error) { l.wrote(rows, err) })
}

// wrote ends a write: on success it goes on with what is pending. What the store could not take now is tried again with the next line, and nobody waits
// for it any longer.
func (l *refusals) wrote(rows []ledger.RefusalRow, err error) {
	l.mu.Lock()
	l.writing = false
	release := l.settled + uint64(len(rows))
	var cmd ledger.Command
	var more []ledger.RefusalRow
	switch kind := problem.KindOf(err); {
	case err == nil:
		l.written += uint64(len(rows))
		l.settled = release
		cmd, more = l.next()
	case kind == problem.Limited || kind == problem.Unavailable:
		keep := min(len(rows), maxPending-len(l.pending))
		l.leftOut += uint64(len(rows) - keep)
		l.settled += uint64(len(rows) - keep)
		l.pending = append(append([]ledger.RefusalRow(nil), rows[len(rows)-keep:]...), l.pending...)
		release = l.added
	default:
		l.leftOut += uint64(len(rows))
		l.settled = release
		l.log.Error("lines of the intake log could not be written", "lines", len(rows), "error", err)
		cmd, more = l.next()
	}
	l.waiters = slices.DeleteFunc(l.waiters, func(w waiter) bool {
		if w.upTo <= release {
			close(w.done)
		}
		return w.upTo <= release
	})
	l.mu.Unlock()
	l.write(cmd, more)
}

// wait waits until the lines that were added before are written, or could not be.
func (l *refusals) wait(ctx context.Context) {
	l.mu.Lock()
	if l.settled == l.added {
		l.mu.Unlock()
		return
	}
	w := waiter{l.added, make(chan struct{})}
	l.waiters = append(l.waiters, w)
	cmd, rows := l.next()
	l.mu.Unlock()
	l.write(cmd, rows)
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}
