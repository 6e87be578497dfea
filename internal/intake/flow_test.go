package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// with makes another Service on a bench's ledger.
func (b *bench) with(o Options) *Service {
	o.Ledger, o.Reader, o.Now = b.ledger, b.store, b.clock
	return New(o)
}

func perSecond(n int) limit.Rate { return limit.Rate{N: n, Per: time.Second, Burst: n} }

func TestEachLimitRefusesWithACodeOfItsOwnAndUsesNothingUp(t *testing.T) {
	b := newBench(t)
	for code, limits := range map[string]Limits{
		"intake.sender_limited": {Sender: perSecond(2)}, "intake.inbox_limited": {Inbox: perSecond(2)}, "intake.limited": {All: perSecond(2)},
	} {
		s := b.with(Options{Limits: limits})
		post := func(as Sender, inbox, id string) (Answer, error) {
			return s.Receive(t.Context(), as, inbox, good(code+id))
		}
		for _, id := range []string{"1", "2"} {
			if _, err := post(sender, "web", id); err != nil {
				t.Fatalf("%s: %v", code, err)
			}
		}
		for range 3 {
			_, err := post(sender, "web", "3")
			if p := problem.As(err); p == nil || p.Code != code || p.Kind != problem.Limited || p.RetryAfter != 500*time.Millisecond || p.Zh == "" || p.Zh == p.En {
				t.Fatalf("%s: refused with %+v", code, err)
			}
		}
		_, byOther := post(Sender{Account: "other"}, "web", "4")
		_, byVisitor := post(Sender{}, "web", "5")
		_, elsewhere := post(sender, "all", "6")
		if (byOther == nil) != (code == "intake.sender_limited") || (byVisitor == nil) != (code == "intake.sender_limited") || (elsewhere == nil) != (code == "intake.inbox_limited") {
			t.Errorf("%s: another sender %v, a visitor %v, another inbox %v", code, byOther, byVisitor, elsewhere)
		}
		b.sleep(500 * time.Millisecond)
		if a, err := post(sender, "web", "3"); err != nil || a.Duplicate {
			t.Errorf("%s: later the same id gets %+v, %v", code, a, err)
		}
		b.sleep(time.Minute)
	}
}

func TestALimitThatRefusesGivesBackWhatOthersCounted(t *testing.T) {
	b := newBench(t)
	s := b.with(Options{Limits: Limits{Sender: perSecond(3), Inbox: perSecond(3), All: perSecond(1)}})
	for i := range 10 {
		_, err := s.Receive(t.Context(), sender, "web", good(fmt.Sprint(i)))
		if p := problem.As(err); (i == 0) != (err == nil) || err != nil && p.Code != "intake.limited" {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

func TestWhoFindsNoPlaceHasNotUsedItsRate(t *testing.T) {
	b := newBench(t, func(o *ledger.Options) { o.MaxQueue = 1 })
	s := b.with(Options{Limits: Limits{Sender: perSecond(2), Inbox: perSecond(2), All: perSecond(2)}})
	release := b.stall()
	first := make(chan error, 1)
	go func() {
		_, err := s.Receive(t.Context(), sender, "web", good("1"))
		first <- err
	}()
	for s.Waiting() == 0 {
		runtime.Gosched()
	}
	for range 5 {
		if _, err := s.Receive(t.Context(), sender, "web", good("2")); problem.As(err) == nil || problem.As(err).Code != "intake.sender_waiting" {
			t.Fatalf("refused with %v", err)
		}
	}
	release()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(t.Context(), sender, "web", good("2")); err != nil {
		t.Errorf("when there is room: %v", err)
	}
}

func TestRowsOfABatchBeyondALimitAreTurnedAwayInOrder(t *testing.T) {
	b := newBench(t)
	s := b.with(Options{Limits: Limits{Sender: perSecond(5)}})
	rows := make([]Row, 9)
	for i := range rows {
		rows[i].Request = good(fmt.Sprint("m", i))
		rows[i].Contact.ID = "k"
	}
	rows[1].Text = "" // refused by itself; it was asked for all the same
	b.sleep(time.Second)
	results, err := s.ReceiveBatch(t.Context(), sender, "web", rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		switch p := problem.As(r.Err); {
		case i == 1 && (p == nil || p.Field != "/text"), i < 5 && i != 1 && r.Err != nil, i >= 5 && (p == nil || p.Code != "intake.sender_limited"):
			t.Errorf("row %d: %+v", i, r)
		}
	}
	b.sleep(time.Second)
	again, err := s.ReceiveBatch(t.Context(), sender, "web", rows[5:])
	if err != nil || again[3].Err != nil || again[3].Answer.Sequence != 8 {
		t.Errorf("sent again: %+v, %v", again, err)
	}
	if lines := b.refusals(); len(lines) != 2 || lines[1].Code != "intake.overloaded" || !strings.HasPrefix(lines[1].Detail, "intake.sender_limited: ") {
		t.Errorf("the intake log has %+v", lines)
	}
}

func TestTheLogTellsOnceASecondThatASourceIsTooFast(t *testing.T) {
	b := newBench(t)
	s := b.with(Options{Limits: Limits{Sender: limit.Rate{N: 1, Per: time.Hour, Burst: 1}}})
	for range 2 {
		for _, account := range []string{"robot", "other"} {
			for i := range 50 {
				_, _ = s.Receive(t.Context(), Sender{Account: account}, "web", good(fmt.Sprint(account, i))) // refused, but for the first
			}
		}
		b.sleep(time.Second)
	}
	s.Flush(t.Context())
	lines := b.refusals()
	if len(lines) != 4 || lines[0].Account != "robot" || lines[1].Account != "other" || !strings.Contains(lines[2].Detail, "(48 lines before this one were left out)") {
		t.Errorf("the log has %d lines: %+v", len(lines), lines)
	}
	if _, leftOut := s.LogStats(); leftOut != 4*50-2-4 {
		t.Errorf("%d lines were left out", leftOut)
	}
}

// stall holds the ledger up until the returned function is called.
func (b *bench) stall() (release func()) {
	held, goOn := make(chan struct{}), make(chan struct{})
	b.ledger.Submit(ledger.CommandFunc(func(*ledger.Tx) error { close(held); <-goOn; return nil }), func(error) {})
	<-held
	return func() { close(goOn) }
}

func TestWhileTheStoreStallsMessagesAreRefusedAtOnceAndAllElseStillGetsIn(t *testing.T) {
	b := newBench(t, func(o *ledger.Options) { o.MaxQueue = 64 })
	if a := b.post("web", good("before")); a.Agent != "agent-a" {
		t.Fatalf("answered with %+v", a)
	}
	release := b.stall()
	rows := make([]Row, 100)
	for i := range rows {
		rows[i].Request = good(fmt.Sprint("m", i))
	}
	w := &batch{results: make([]Result, len(rows)), commands: make([]*ordered, len(rows))}
	for i := range rows {
		w.add(b.Service, i, sender, "web", &rows[i])
	}
	if n := b.Waiting(); n != 36 { // three quarters of three quarters: the share of one sender
		t.Errorf("%d messages wait", n)
	}
	// Nobody waits for the store here: it is stalled until the end of the test.
	if _, err := b.Receive(t.Context(), sender, "web", good("late")); problem.As(err) == nil || problem.As(err).Code != "intake.sender_waiting" {
		t.Errorf("the sender that has its share is answered with %v", err)
	}
	others := make(chan error, 100)
	for i := range 100 {
		b.submitAs("other", fmt.Sprint("o", i), others)
	}
	if n := b.Waiting(); n != 48 {
		t.Errorf("%d messages wait", n)
	}
	if _, err := b.Receive(t.Context(), Sender{Account: "third"}, "web", good("third")); problem.As(err) == nil || problem.As(err).Code != "intake.overloaded" {
		t.Errorf("when all places are taken the answer is %v", err)
	}
	for _, batch := range []bool{false, true} {
		if err := b.Ready(sender, "web", batch); problem.As(err) == nil || problem.As(err).Code != "intake.sender_waiting" {
			t.Errorf("before it is read a request gets %v", err)
		}
	}
	var order []string
	done := make(chan string, 4)
	deliveries := delivery.New(delivery.Options{Ledger: b.ledger, Reader: b.store, Accept: conversation.AcceptDelivery, Now: b.clock})
	deliveries.Acknowledge(delivery.Ack{Account: "agent-a", Client: "tab", Connection: "k1", Received: 1, Pushed: []delivery.Push{{Sequence: 1, At: b.clock()}}},
		func(r delivery.AckResult, err error) {
			done <- fmt.Sprint("acknowledgement up to ", r.Cursor, " ", err)
		})
	for name, cmd := range map[string]ledger.Command{
		"policy": &governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{{Kind: "team", Name: "night", Spec: json.RawMessage(`{"title":"夜班"}`)}}},
		"what looks whether a message was first": ledger.CommandFunc(func(tx *ledger.Tx) error {
			if tx.OpenThread("web", "k-m0", "customer") != 0 {
				order = append(order, "a message was first")
			}
			return nil
		}),
		"presence": &governance.SetPresence{Account: "agent-a", Value: "away", By: "agent-a", Source: "realtime"},
	} {
		b.ledger.Submit(cmd, func(err error) { done <- fmt.Sprint(name, " ", err) })
	}
	release()
	for range 4 {
		if got := <-done; !strings.HasSuffix(got, " <nil>") || strings.HasPrefix(got, "ack") && got != "acknowledgement up to 1 <nil>" {
			t.Error(got)
		}
	}
	w.waiting.Wait()
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	if len(order) > 0 || b.Waiting() != 0 {
		t.Errorf("%v; %d messages wait after all were answered", order, b.Waiting())
	}
	for i, r := range w.results {
		if p := problem.As(r.Err); (i < 36) != (r.Err == nil) || r.Err != nil && p.Code != "intake.sender_waiting" {
			t.Errorf("row %d: %v", i, r.Err)
		}
	}
}

// submitAs hands a message in and does not wait.
func (b *bench) submitAs(account, id string, answers chan<- error) {
	r := good(id)
	p, err := b.prepare(Sender{Account: account}, "web", &r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.submit(Sender{Account: account}, p, p, func(err error) { answers <- err })
}

func TestWhetherARequestMayBeReadIsSaidWithoutCountingIt(t *testing.T) {
	b := newBench(t)
	var closed error
	s := b.with(Options{Limits: Limits{Sender: perSecond(2), Inbox: perSecond(3), All: perSecond(4)}, Open: func() error { return closed }})
	ready := func(as, inbox, want string) {
		t.Helper()
		for range 10 {
			err := s.Ready(Sender{Account: as}, inbox, false)
			if p := problem.As(err); (want == "") != (err == nil) || p != nil && p.Code != want {
				t.Fatalf("%s into %s: %v, want %q", as, inbox, err, want)
			}
		}
	}
	post := func(as, inbox, id string) {
		t.Helper()
		if _, err := s.Receive(t.Context(), Sender{Account: as}, inbox, good(id)); err != nil {
			t.Fatal(err)
		}
	}
	ready("robot", "web", "")
	post("robot", "web", "1")
	post("robot", "web", "2")
	ready("robot", "web", "intake.sender_limited")
	ready("other", "web", "")
	post("other", "web", "3")
	ready("other", "web", "intake.inbox_limited")
	ready("", "all", "")
	post("", "all", "4")
	ready("", "closed", "intake.limited")
	closed = problem.New(problem.Unavailable, "system.health.disk", "full", "满")
	ready("", "closed", "system.health.disk")
	b.sleep(time.Second)
	closed = nil
	ready("robot", "web", "")
}

func TestWhoGoesAwayLeavesNoMoreMemoryBehindThanIsCounted(t *testing.T) {
	b := newBench(t)
	release := b.stall()
	gone, cancel := context.WithCancel(t.Context())
	long := good("long")
	long.Text = strings.Repeat("x", MaxText)
	most := int64(waitingBytes * 3 / 4 / (MaxText + overhead))
	answers := make(chan error, most)
	for i := range most {
		r := long
		r.ID = fmt.Sprint(i)
		go func() {
			_, err := b.Receive(gone, sender, "web", r)
			answers <- err
		}()
	}
	for b.flow.bytes.Held() < most*(MaxText+overhead) { // a message has its place before its bytes: counting places, the last one might have none left
		runtime.Gosched()
	}
	for range 100 { // nobody waits for the store here: there is no room
		if _, err := b.Receive(gone, sender, "web", long); problem.As(err) == nil || problem.As(err).Code != "intake.sender_waiting" {
			t.Fatalf("beyond the largest size that may wait, a message is answered with %v", err)
		}
	}
	cancel()
	for range most {
		if err := <-answers; problem.As(err) == nil || problem.As(err).Code != "system.cancelled" {
			t.Fatalf("who has gone is answered with %v", err)
		}
	}
	if n := b.Waiting(); n != most {
		t.Errorf("%d messages of the largest size wait, want %d", n, most)
	}
	release()
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	b.do(yieldingNothing{})
	if b.Waiting() != 0 || b.flow.bytes.Held() != 0 {
		t.Errorf("%d wait, %d bytes are held after all were written", b.Waiting(), b.flow.bytes.Held())
	}
}

type yieldingNothing struct{}

func (yieldingNothing) Apply(*ledger.Tx) error { return nil }
func (yieldingNothing) Yields()                {}

func TestWhileNothingNewMayComeInMessagesAreRefusedAndTheirIDsStayFree(t *testing.T) {
	b := newBench(t)
	first := b.post("web", good("before"))
	var closed error = problem.New(problem.Unavailable, "system.health.disk", "full", "满").After(10 * time.Second)
	s := b.with(Options{Open: func() error { return closed }})
	if _, err := s.Receive(t.Context(), sender, "web", good("m1")); !errors.Is(err, closed) {
		t.Fatalf("refused with %v", err)
	}
	results, err := s.ReceiveBatch(t.Context(), sender, "web", []Row{{Request: good("m1")}, {Request: good("m2")}})
	if err != nil || !errors.Is(results[0].Err, closed) || !errors.Is(results[1].Err, closed) {
		t.Errorf("a batch: %+v, %v", results, err)
	}
	b.do(&governance.SetPresence{Account: "agent-a", Value: "away", By: "agent-a", Source: "api"}) // facts go on
	closed = nil
	if a, err := s.Receive(t.Context(), sender, "web", good("m1")); err != nil || a.Duplicate {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
	if a, err := s.Receive(t.Context(), sender, "web", good("before")); err != nil || a.Message != first.Message {
		t.Errorf("what was stored before: %+v, %v", a, err)
	}
	if lines := b.refusals(); len(lines) != 1 || lines[0].Code != "system.health.disk" {
		t.Errorf("the log has %+v", lines)
	}
}

func TestADiskThatIsFullIsAnsweredUnavailableAndWorksAgainByItself(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil }))
	}
	for range 3 {
		b.store.FailCommit(fmt.Errorf("%w: %w", ledger.ErrUnavailable, syscall.ENOSPC), false)
	}
	refused := 0
	for {
		_, err := b.Receive(t.Context(), sender, "web", good("m1"))
		if err == nil {
			break
		}
		if p := problem.As(err); p == nil || p.Kind != problem.Unavailable || p.Code != "system.health.store" {
			t.Fatalf("refused with %v", err)
		}
		if refused++; refused > 3 {
			t.Fatal("it does not work again")
		}
	}
	if refused == 0 {
		t.Error("a full disk was not told of")
	}
}
