package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// The logs are read newest first, in pieces of the ledger of bounded length, so that an answer comes soon however much there is. An answer that has nothing yet
// says how far back it looked, and its cursor goes on there.
const (
	// wideSpan is how many positions one statement covers that reads one table and compares columns.
	wideSpan = 200_000
	// narrowSpan is that of a statement that looks at the deliveries of each message.
	narrowSpan = 100_000
	// mostPieces is how many statements one answer takes.
	mostPieces = 3
)

// Period is a time that a log is asked about: from ≤ t < to.
type Period struct {
	From time.Time `query:"from" doc:"from this instant on; from the beginning if left out"`
	To   time.Time `query:"to" doc:"before this instant; up to now if left out"`
}

// LogPage is how a log is read in pieces.
type LogPage struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"of the answer before; leave it out for the first piece"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// LogEnd says how an answer of a log ends.
type LogEnd struct {
	Cursor     *string `json:"cursor" doc:"of the next piece; null at the end. An answer may have few rows, or none, and yet go on: it looks at a bounded part of the log"`
	SearchedTo *Time   `json:"searched_to" doc:"everything since then was looked at; null if that is all there is in the period"`
}

var errPeriod = problem.New(problem.Invalid, "request.invalid", "The period ends before it begins.", "时间段的结束早于开始。").On("/to")

// span finds the positions of a period.
func (s *Server) logSpan(ctx context.Context, p Period) (ledger.Span, error) {
	span := ledger.Span{UpTo: s.o.Ledger.Position()}
	if !p.From.IsZero() && !p.To.IsZero() && p.To.Before(p.From) {
		return span, errPeriod
	}
	for _, x := range []struct {
		at       time.Time
		position *int64
	}{{p.From, &span.After}, {p.To, &span.UpTo}} {
		if x.at.IsZero() {
			continue
		}
		position, err := s.o.Store.PositionAt(ctx, x.at.Add(-time.Microsecond))
		if err != nil {
			return span, fmt.Errorf("position at %v: %w", x.at, err)
		}
		*x.position = position
	}
	return span, nil
}

// walk goes back through a span, piece by piece.
type walk struct {
	whole ledger.Span
	size  int64
	left  int // pieces
}

func newWalk(span ledger.Span, size int64) *walk { return &walk{span, size, mostPieces} }

// over says whether everything was looked at.
func (w *walk) over() bool { return w.whole.UpTo <= w.whole.After }

// piece returns what is to be looked at next; ok is false at the end, and when this answer has looked at enough.
func (w *walk) piece() (p ledger.Span, ok bool) {
	if w.over() || w.left == 0 {
		return p, false
	}
	w.left--
	return ledger.Span{After: max(w.whole.After, w.whole.UpTo-w.size), UpTo: w.whole.UpTo}, true
}

// looked says that everything after a position was looked at.
func (w *walk) looked(after int64) { w.whole.UpTo = after }

// end is how an answer ends that has looked as far as the walk went.
func (s *Server) logEnd(ctx context.Context, w *walk, cursor string) (LogEnd, error) {
	if w.over() {
		return LogEnd{}, nil
	}
	at, err := s.o.Store.InstantOf(ctx, w.whole.UpTo)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return LogEnd{}, fmt.Errorf("instant of position %d: %w", w.whole.UpTo, err)
	}
	return LogEnd{Cursor: &cursor, SearchedTo: s.maybe(at)}, nil
}

// resume makes a walk go on at a cursor that is a position.
func (w *walk) resume(cursor string) error {
	if cursor == "" {
		return nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n < 0 {
		return errCursor
	}
	w.whole.UpTo = min(w.whole.UpTo, n)
	return nil
}

func (w *walk) cursor() string { return strconv.FormatInt(w.whole.UpTo, 10) }

// codeWords puts a code of the catalogue into words; "" for one that is not in it.
func codeWords(code, lang string) string {
	c, ok := reception.ParseCode(code)
	if !ok {
		return ""
	}
	title := reception.Lookup(c).Title
	return pick(lang, title.EN, title.ZH)
}

// connectionOf is what is known of an account's connection now.
func (s *Server) connectionOf(account string) reception.Connection {
	if a := s.o.Ledger.Agent(account); a != nil {
		return a.Facts.Connection
	}
	return reception.Connection{}
}
