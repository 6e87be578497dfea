package intake

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

var errGuest = problem.New(problem.Unauthenticated, "identity.token_missing", "a token is needed", "需要令牌")

func TestUnknownCallersCannotFloodTheLog(t *testing.T) {
	b := newBench(t)
	for range 1000 {
		b.Refused(t.Context(), Refusal{Inbox: "web"}, errGuest)
	}
	b.sleep(time.Second)
	b.Refused(t.Context(), Refusal{Inbox: "web"}, errGuest)
	lines := b.refusals()
	if len(lines) != unknownRate+1 {
		t.Fatalf("%d lines, want %d", len(lines), unknownRate+1)
	}
	last := lines[len(lines)-1]
	if last.Code != "intake.unauthenticated" || last.Detail != "identity.token_missing (995 lines before this one were left out)" {
		t.Errorf("the last line is %+v", last)
	}
	if written, leftOut := b.LogStats(); written != unknownRate+1 || leftOut != 995 {
		t.Errorf("%d written, %d left out", written, leftOut)
	}
}

func TestTheCodesOfTheLogAreThoseOfTheCatalogue(t *testing.T) {
	for kind, want := range map[problem.Kind]string{
		problem.Unauthenticated: "intake.unauthenticated", problem.Forbidden: "intake.forbidden", problem.Limited: "intake.overloaded",
	} {
		if got := refusalRow(Refusal{}, problem.New(kind, "x.y", "", "")).Code; got != want {
			t.Errorf("kind %d is logged as %s", kind, got)
		}
	}
	if got := refusalRow(Refusal{}, context.Canceled); got.Code != "system.internal" || got.Detail != "" {
		t.Errorf("a fault is logged as %+v", got)
	}
}

func TestWhatComesFromOutsideIsCleanedAndCutForTheLog(t *testing.T) {
	row := refusalRow(Refusal{Inbox: strings.Repeat("长", 100), SenderID: "a\x00\nb\xff" + strings.Repeat("x", 200)}, errUnknownInbox)
	if len(row.Inbox) > maxLogInbox || !utf8.ValidString(row.Inbox) || !strings.HasPrefix(row.SenderID, "a??b?xx") || len(row.SenderID) != MaxID {
		t.Errorf("the line is %+v", row)
	}
}

func TestLinesThatCannotBeWrittenNowAreWrittenWithTheNext(t *testing.T) {
	b := newBench(t)
	writes := b.log.submit
	b.log.submit = func(_ ledger.Command, done func(error)) { done(problem.New(problem.Unavailable, "x", "", "")) }
	b.Refused(t.Context(), Refusal{Inbox: "web", SenderID: "first", Account: "robot"}, errUnknownInbox) // returns although nothing is written
	if written, leftOut := b.LogStats(); written != 0 || leftOut != 0 {
		t.Fatalf("%d lines were written, %d left out", written, leftOut)
	}
	b.log.submit = writes
	b.Refused(t.Context(), Refusal{Inbox: "web", SenderID: "second", Account: "robot"}, errUnknownInbox)
	lines := b.refusals()
	if len(lines) != 2 || lines[0].SenderID != "first" || lines[1].SenderID != "second" {
		t.Errorf("the log has %+v", lines)
	}
}

func TestManyLinesAreWrittenTogetherAndTooManyAreCounted(t *testing.T) {
	b := newBench(t)
	l := &b.log
	commands := 0
	var last func(error)
	l.submit = func(_ ledger.Command, done func(error)) { commands++; last = done } // a ledger that takes its time
	for i := range maxPending + maxLines + 10 {
		if i%knownRate == 0 {
			b.sleep(time.Second)
		}
		l.add(ledger.RefusalRow{Account: "robot", SenderID: fmt.Sprint(i)})
	}
	if commands != 1 || len(l.pending) != maxPending || l.leftOut == 0 {
		t.Fatalf("%d commands, %d pending, %d left out", commands, len(l.pending), l.leftOut)
	}
	for n := 1; last != nil; n++ {
		done := last
		last = nil
		done(nil)
		if n > 20 {
			t.Fatal("it never ends")
		}
	}
	if len(l.pending) != 0 || l.written != l.added || l.settled != l.added {
		t.Errorf("%d pending, %d written, %d settled of %d", len(l.pending), l.written, l.settled, l.added)
	}
}

func TestWhoWaitsForALineWaitsForNoLaterOne(t *testing.T) {
	b := newBench(t)
	l := &b.log
	var done []func(error)
	l.submit = func(_ ledger.Command, f func(error)) { done = append(done, f) }
	l.add(ledger.RefusalRow{Account: "robot"})
	waited := make(chan struct{})
	go func() { l.wait(context.Background()); close(waited) }()
	for {
		l.mu.Lock()
		n := len(l.waiters)
		l.mu.Unlock()
		if n == 1 {
			break
		}
		runtime.Gosched()
	}
	l.add(ledger.RefusalRow{Account: "robot"})
	done[0](nil)
	<-waited
	if len(done) != 2 || l.settled != 1 {
		t.Errorf("%d writes, %d settled", len(done), l.settled)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	l.wait(gone) // does not hang
	done[1](context.Canceled)
	if l.settled != 2 || l.leftOut != 1 {
		t.Errorf("a fault: %d settled, %d left out", l.settled, l.leftOut)
	}
}

func TestACallerWhoWentAwayIsNoRefusal(t *testing.T) {
	b := newBench(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Receive(gone, sender, "web", good("m1"))
	if err == nil || problem.As(err).Code != "system.cancelled" {
		t.Fatalf("refused with %v", err)
	}
	held, release := make(chan struct{}), make(chan struct{})
	b.ledger.Submit(ledger.CommandFunc(func(*ledger.Tx) error { close(held); <-release; return nil }), func(error) {})
	<-held
	if _, err := b.ReceiveBatch(gone, sender, "web", []Row{{Request: good("m2")}}); err == nil || problem.As(err).Code != "system.cancelled" {
		t.Errorf("the batch was answered with %v", err)
	}
	close(release)
	if lines := b.refusals(); len(lines) != 0 {
		t.Errorf("the log has %+v", lines)
	}
}
