package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/test/leak"
)

// bench is a ledger on a memory store with a clock of the test's, without any meaning in its commands.
type bench struct {
	t     *testing.T
	store *memory.Store
	l     *ledger.Ledger
	now   time.Time
	set   time.Duration // by how much the wall clock was set
	ended []string
	// changed counts the commits that changed conversations or replies.
	changed int
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), now: time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)}
	b.start("run-1")
	return b
}

func (b *bench) start(node string) {
	b.t.Helper()
	l, err := ledger.New(context.Background(), b.store, ledger.Options{
		Now: func() time.Time { return b.now }, Node: node, Settle: func(tx *ledger.Tx) error { tx.TakeTouched(); return nil },
		Elapsed:         func(now time.Time) time.Duration { return now.Sub(time.Unix(0, 0)) - b.set },
		Deadlines:       map[string]func(*ledger.Tx, string) error{"mark": markPresence, ledger.DeadlineAgent: ignore, ledger.DeadlinePresence: ignore},
		ConnectionGrace: 20 * time.Second, PresenceGrace: time.Minute,
		SessionEnded: func(session, cause string) { b.ended = append(b.ended, session+" "+cause) },
		Changed:      func() { b.changed++ },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.l = l
}

func ignore(*ledger.Tx, string) error { return nil }

// markPresence makes a deadline visible.
func markPresence(tx *ledger.Tx, account string) error {
	tx.SetPresence(account, reception.Presence{Value: reception.Away, Origin: reception.Origin{By: "system", Source: "timer"}})
	return nil
}

func set(account string, value reception.PresenceValue) ledger.Command {
	return ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.SetPresence(account, reception.Presence{Value: value, Origin: reception.Origin{By: account, Source: "test", Cause: "self"}})
		return nil
	})
}

// group submits commands that are carried out together, and returns their results.
func (b *bench) group(commands ...ledger.Command) []error {
	b.t.Helper()
	results := make([]error, len(commands))
	answered := 0
	for i, c := range commands {
		b.l.Submit(c, func(err error) { results[i] = err; answered++ })
	}
	for b.l.Step() {
	}
	if answered != len(commands) {
		b.t.Fatalf("%d of %d commands were answered", answered, len(commands))
	}
	return results
}

func (b *bench) presence(account string) reception.PresenceValue {
	return b.l.View().Agent(account).Presence.Value
}

// same wants the World and the store to agree.
func (b *bench) same() {
	b.t.Helper()
	then, err := ledger.FingerprintOf(context.Background(), b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	now := b.l.Fingerprint()
	for k, v := range now {
		if then[k] != v {
			b.t.Errorf("%s: in memory %s, in the store %s", k, v, then[k])
		}
	}
	if len(then) != len(now) {
		b.t.Errorf("in memory %d things, in the store %d", len(now), len(then))
	}
}

func TestAFailedGroupIsAnsweredUnavailableAndLeavesNoTrace(t *testing.T) {
	b := open(t)
	b.group(set("a", reception.Available))
	before := b.l.Position()
	b.store.FailCommit(fmt.Errorf("%w: disk", ledger.ErrUnavailable), false)
	for i, err := range b.group(set("a", reception.Away), set("b", reception.Available)) {
		if problem.KindOf(err) != problem.Unavailable {
			t.Errorf("command %d got %v", i, err)
		}
	}
	if b.presence("a") != reception.Available || b.presence("b") != reception.Offline || b.l.Position() != before {
		t.Error("a reader sees what was not committed")
	}
	if b.l.Failing() == nil || len(b.l.View().Failures()) != 1 {
		t.Error("the failing store is not known")
	}
	b.group(set("a", reception.Away))
	if b.l.Failing() != nil {
		t.Error("the store works again and is still said to fail")
	}
	facts, err := b.store.FactsBetween(context.Background(), "system/store", time.Time{}, b.now.Add(time.Hour), 10)
	if err != nil || len(facts) != 1 || facts[0].EndCause != "recovered" {
		t.Errorf("the failure is not on record: %+v %v", facts, err)
	}
	b.same()
}

func TestDataTheStoreRefusesFailsOnlyItsOwnCommand(t *testing.T) {
	b := open(t)
	poison := ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.AppendMessage(ledger.MessageRow{Position: tx.Next(), Direction: ledger.Internal, Kind: "system", Text: "a\x00b"})
		return nil
	})
	results := b.group(set("a", reception.Away), poison, set("b", reception.Away))
	if results[0] != nil || results[2] != nil {
		t.Errorf("the innocent failed: %v", results)
	}
	if problem.KindOf(results[1]) != problem.Internal || !errors.Is(results[1], ledger.ErrData) {
		t.Errorf("the guilty got %v", results[1])
	}
	if b.presence("a") != reception.Away || b.presence("b") != reception.Away {
		t.Error("the innocent changes are not there")
	}
	b.same()
}

func TestAnUnknownCommitIsResolvedBeforeAnybodyIsAnswered(t *testing.T) {
	for _, applied := range []bool{true, false} {
		t.Run(fmt.Sprintf("applied %v", applied), func(t *testing.T) {
			b := open(t)
			b.store.FailCommit(fmt.Errorf("%w: cut", ledger.ErrCommitUnknown), applied)
			err := b.group(set("a", reception.Away))[0]
			if applied != (err == nil) {
				t.Fatalf("answered %v", err)
			}
			if there := b.presence("a") == reception.Away; there != applied {
				t.Fatalf("the change is there: %v", there)
			}
			b.same()
			if err := b.group(set("b", reception.Away))[0]; err != nil {
				t.Fatalf("the ledger does not go on: %v", err)
			}
			b.same()
		})
	}
}

func TestAnAliveMarkWhoseOutcomeIsUnknownDoesNotStopTheStoreForGood(t *testing.T) {
	for _, applied := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store := memory.New()
			l, err := ledger.New(t.Context(), store, ledger.Options{
				Now: time.Now, Node: "run-1", Settle: func(tx *ledger.Tx) error { tx.TakeTouched(); return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			l.Start()
			defer l.Stop()
			store.FailCommit(fmt.Errorf("%w: no space", ledger.ErrCommitUnknown), applied)
			<-time.After(6 * time.Second) // nothing happens, so the mark moves; in the bubble's virtual time
			synctest.Wait()
			if err := l.Do(t.Context(), set("a", reception.Away)); err != nil {
				t.Errorf("applied %v: the first command after it is answered %v", applied, err)
			}
		})
	}
}

func TestAnotherDeciderEndsTheLedgerForGood(t *testing.T) {
	b := open(t)
	b.store.FailCommit(fmt.Errorf("%w: epoch 2", ledger.ErrNotDecider), false)
	if err := b.group(set("a", reception.Away))[0]; problem.KindOf(err) != problem.Unavailable {
		t.Fatalf("answered %v", err)
	}
	select {
	case <-b.l.Ended():
	default:
		t.Fatal("the ledger goes on")
	}
	refused := false
	b.l.Submit(set("b", reception.Away), func(err error) { refused = problem.KindOf(err) == problem.Unavailable })
	if !refused || !errors.Is(b.l.Err(), ledger.ErrNotDecider) {
		t.Fatalf("a later command was taken (%v)", b.l.Err())
	}
}

func TestACommandThatFailsOrPanicsIsUndoneWhollyAndOthersAreNot(t *testing.T) {
	b := open(t)
	b.group(set("a", reception.Available))
	mess := func(then func()) ledger.Command {
		return ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.SetPresence("a", reception.Presence{Value: reception.DoNotDisturb})
			tx.BeginSession("z", ledger.Session{ID: "s1", Token: "t"}, "z", "test")
			tx.PutToken(ledger.TokenRow{ID: "t9", Account: "z", Hash: [32]byte{9}, CreatedAt: tx.Now()})
			tx.PutConversation(ledger.ConversationRow{ID: tx.Next(), Inbox: "web", Contact: "u", Kind: "customer", Status: ledger.StatusOpen, OpenedAt: tx.Now()})
			tx.PutKey(ledger.KeyRow{Scope: "in/web", ID: "k", Position: 1, At: tx.Now()})
			tx.MoveCursor("a", "tab", "", 5)
			tx.Deliver(ledger.DeliveryRow{Account: "a", Type: ledger.EntryNotice, Message: 1, Kind: "system"}, ledger.MessageRow{Position: 1})
			tx.Effect(func() { t.Error("an effect of an undone command ran") })
			tx.At(tx.Now(), "mark", "a")
			then()
			return errors.New("no")
		})
	}
	results := b.group(set("b", reception.Away), mess(func() {}), mess(func() { panic("poison") }), set("c", reception.Away))
	if results[0] != nil || results[3] != nil || results[1] == nil || results[2] == nil {
		t.Fatalf("results %v", results)
	}
	if b.presence("a") != reception.Available || b.l.Agent("z") != nil || b.l.Agent("a").Sequence != 0 {
		t.Error("something of the failed commands is there")
	}
	if _, ok := b.l.Token([32]byte{9}); ok {
		t.Error("the token of an undone command is valid")
	}
	used := true
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
		k, err := tx.Key(ledger.KeyRef{Scope: "in/web", ID: "k"})
		used = k != nil
		return err
	}))
	if used {
		t.Error("the sender's id of an undone command is used up")
	}
	b.same()
}

func TestAnErrorOfOursNeverReachesTheCaller(t *testing.T) {
	b := open(t)
	err := b.group(ledger.CommandFunc(func(*ledger.Tx) error { return errors.New("table x, column y") }))[0]
	if e := problem.As(err); e == nil || e.Kind != problem.Internal || strings.Contains(e.Words("en")+e.Words("zh"), "table") {
		t.Fatalf("got %v", err)
	}
}

func TestADeadlineBecomesACommandAndIsTriedAgainWhenTheStoreFails(t *testing.T) {
	b := open(t)
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error { tx.At(tx.Now().Add(time.Minute), "mark", "a"); tx.Next(); return nil }))
	b.now = b.now.Add(time.Minute)
	b.store.FailCommit(fmt.Errorf("%w: disk", ledger.ErrUnavailable), false)
	b.l.Step()
	if b.presence("a") == reception.Away {
		t.Fatal("the deadline counts although its commit failed")
	}
	b.now = b.now.Add(time.Second)
	b.l.Step()
	if b.presence("a") != reception.Away {
		t.Fatal("the deadline was lost")
	}
}

func TestADeadlineOfACommandThatChangedNothingElseIsKept(t *testing.T) {
	b := open(t)
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error { tx.At(tx.Now().Add(time.Minute), "mark", "a"); return nil }))
	b.now = b.now.Add(time.Minute)
	b.l.Step()
	if b.presence("a") != reception.Away {
		t.Fatal("the deadline was lost")
	}
}

func TestEndingASessionEndsItsConnectionsInTheSameCommit(t *testing.T) {
	b := open(t)
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession("a", ledger.Session{ID: "s1", Token: "t1"}, "a", "test")
		tx.OpenSocket("a", ledger.Socket{ID: "k1", Session: "s1", Client: "tab", Node: "run-1"}, "a")
		return nil
	}))
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.EndSession("a", "s1", reception.Origin{By: "admin", Source: "test", Cause: reception.SessionEndRevoked})
		return nil
	}))
	f := b.l.View().Agent("a")
	if f.Session.State != reception.SessionEnded || f.Session.Origin.By != "admin" || f.Connection.State != reception.ConnectionNone || f.Connection.Origin.Cause != "session_ended" {
		t.Fatalf("facts %+v", f)
	}
	if len(b.ended) != 1 || b.ended[0] != "s1 token_revoked" {
		t.Fatalf("ended %v", b.ended)
	}
	b.same()
}

func TestAStartClosesWhatTheDeadProcessHeldAsOfItsLastSignOfLife(t *testing.T) {
	b := open(t)
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession("a", ledger.Session{ID: "s1", Token: "t1"}, "a", "test")
		tx.OpenSocket("a", ledger.Socket{ID: "k1", Session: "s1", Client: "tab", Node: "run-1"}, "a")
		return nil
	}), set("a", reception.Available))
	died, position := b.now, b.l.Position()
	b.store = b.store.Crash()
	b.now = b.now.Add(time.Hour)
	b.start("run-2")
	f := b.l.View().Agent("a")
	if f.Session.State != reception.SessionActive || f.Presence.Value != reception.Available {
		t.Errorf("session %v and presence %v did not stay", f.Session.State, f.Presence.Value)
	}
	if f.Connection.State != reception.ConnectionNone || f.Connection.Origin.Cause != ledger.CauseLost || !f.Connection.GraceUntil.Equal(b.now.Add(20*time.Second)) {
		t.Errorf("connection %+v", f.Connection)
	}
	for at, want := range map[time.Time]reception.ConnectionState{died: reception.ConnectionOpen, died.Add(time.Minute): reception.ConnectionUnknown} {
		w, err := ledger.WorldAt(context.Background(), b.store, position+1, at, []string{"a"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Agent("a").Connection.State; got != want {
			t.Errorf("at %v the connection was %v, want %v", at, got, want)
		}
	}
	b.same()
}

func TestStopRefusesWhatWaitsAndIsSafeTwice(t *testing.T) {
	defer leak.None(t)
	b := open(t)
	b.l.Start()
	if err := b.l.Do(context.Background(), set("a", reception.Away)); err != nil {
		t.Fatal(err)
	}
	b.l.Stop()
	b.l.Stop()
	if err := b.l.Do(context.Background(), set("b", reception.Away)); problem.KindOf(err) != problem.Unavailable {
		t.Fatalf("after Stop: %v", err)
	}
	unstarted := open(t)
	unstarted.l.Stop()
}

func TestTheLoopSleepsUntilTheNextDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: memory.New(), now: time.Now()}
		l, err := ledger.New(context.Background(), b.store, ledger.Options{
			Now: time.Now, Node: "run-1", Settle: func(tx *ledger.Tx) error { tx.TakeTouched(); return nil },
			Deadlines: map[string]func(*ledger.Tx, string) error{"mark": markPresence},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.l = l
		l.Start()
		defer l.Stop()
		err = l.Do(context.Background(), ledger.CommandFunc(func(tx *ledger.Tx) error { tx.At(tx.Now().Add(time.Minute), "mark", "a"); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(59 * time.Second) // in the bubble's virtual time
		synctest.Wait()
		if b.presence("a") == reception.Away {
			t.Fatal("too early")
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if b.presence("a") != reception.Away {
			t.Fatal("the deadline did not fire")
		}
	})
}

func TestATailAnswersFromMemoryWhatTheStoreWould(t *testing.T) {
	b := open(t)
	for i := range 300 {
		b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
			p := tx.Next()
			m := ledger.MessageRow{Position: p, Direction: ledger.Internal, Kind: "system", Text: fmt.Sprint(i)}
			tx.AppendMessage(m)
			tx.Deliver(ledger.DeliveryRow{Account: "a", Type: ledger.EntryNotice, Message: p, Kind: "system"}, m)
			return nil
		}))
	}
	if _, ok := b.l.Tail("a", 0, 10); ok {
		t.Error("memory pretends to reach back to the beginning")
	}
	for _, after := range []int64{280, 290, 299, 300} {
		got, ok := b.l.Tail("a", after, 20)
		want, err := b.store.Entries(context.Background(), "a", after, 20)
		if err != nil || !ok || len(got) != len(want) {
			t.Fatalf("after %d: %d entries (%v), the store has %d (%v)", after, len(got), ok, len(want), err)
		}
		for i := range got {
			if got[i].Message.Text != want[i].Message.Text || got[i].Delivery.Sequence != want[i].Delivery.Sequence {
				t.Errorf("entry %d differs", i)
			}
		}
	}
}

func TestDeadlinesAreSetAgainAfterAReopeningEvenIfTheNextCommitFails(t *testing.T) {
	b := open(t)
	b.group(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.SetPresence("a", reception.Presence{Value: reception.Away, Until: b.now.Add(time.Minute)})
		return nil
	}))
	b.store.FailCommit(fmt.Errorf("%w: cut", ledger.ErrCommitUnknown), true)
	b.store.FailCommit(fmt.Errorf("%w: disk", ledger.ErrUnavailable), false) // meets the command that sets the deadlines again
	b.group(set("b", reception.Away))
	b.now = b.now.Add(2 * time.Second)
	for b.l.Step() {
	}
	if at, ok := b.l.NextDeadline(); !ok || at.After(b.now.Add(time.Minute)) {
		t.Fatalf("the next deadline is %v, %v", at, ok)
	}
}

func TestACommitTellsWhetherItChangedConversationsOrReplies(t *testing.T) {
	b := open(t)
	command := func(f func(tx *ledger.Tx)) ledger.Command {
		return ledger.CommandFunc(func(tx *ledger.Tx) error { f(tx); return nil })
	}
	var id int64
	opened := command(func(tx *ledger.Tx) {
		id = tx.Next()
		tx.PutConversation(ledger.ConversationRow{ID: id, Inbox: "web", Contact: "u", Kind: "customer", Status: ledger.StatusOpen, OpenedAt: tx.Now()})
	})
	waits := command(func(tx *ledger.Tx) {
		if err := tx.SetWaiting(id, "routing.nobody"); err != nil {
			t.Error(err)
		}
	})
	fails := ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.RepliesRead(ledger.ReplyUpdate{Inbox: "web", UpTo: 1, State: ledger.ReplySent, At: tx.Now()})
		return errors.New("no")
	})
	for _, step := range []struct {
		name     string
		commands []ledger.Command
		told     int
	}{
		{"a presence", []ledger.Command{set("a", reception.Away)}, 0},
		{"two conversations' worth in one commit", []ledger.Command{opened, waits}, 1},
		{"nothing", []ledger.Command{command(func(*ledger.Tx) {})}, 0},
		{"a command that fails", []ledger.Command{fails}, 0},
		{"replies that were read", []ledger.Command{command(func(tx *ledger.Tx) {
			tx.RepliesRead(ledger.ReplyUpdate{Inbox: "web", UpTo: 1, State: ledger.ReplySent, At: tx.Now()})
		})}, 1},
	} {
		before := b.changed
		b.group(step.commands...)
		if got := b.changed - before; got != step.told {
			t.Errorf("%s: told %d times, want %d", step.name, got, step.told)
		}
	}
	b.store.FailCommit(fmt.Errorf("%w: cut", ledger.ErrCommitUnknown), true)
	before := b.changed
	b.group(waits)
	if b.changed != before+1 {
		t.Error("a commit whose outcome became known later was not told")
	}
}

// yielding is a command that lets others go first.
type yielding struct{ ledger.CommandFunc }

func (yielding) Yields() {}

func TestMessagesLetAllOthersGoFirstAndGoOnThemselvesInTheirOrder(t *testing.T) {
	b := open(t)
	var order []string
	note := func(name string) ledger.CommandFunc {
		return func(tx *ledger.Tx) error { order = append(order, name); tx.Next(); return nil }
	}
	var commands []ledger.Command
	for i := range 1000 {
		commands = append(commands, yielding{note(fmt.Sprint("message ", i))})
	}
	for i := range 600 {
		commands = append(commands, note(fmt.Sprint("other ", i)))
	}
	for i, err := range b.group(commands...) {
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
	// The first group of 512 has room for 384 others; the second for the rest of them.
	if order[0] != "other 0" || order[383] != "other 383" || order[384] != "message 0" || order[511] != "message 127" || order[512] != "other 384" {
		t.Errorf("the order is %v … %v", order[:1], order[380:520])
	}
	next := map[string]int{}
	for _, name := range order {
		kind, n, _ := strings.Cut(name, " ")
		if n != fmt.Sprint(next[kind]) {
			t.Fatalf("%s came when %d was next", name, next[kind])
		}
		next[kind]++
	}
	if next["message"] != 1000 || next["other"] != 600 {
		t.Errorf("carried out were %v", next)
	}
}

func TestAPartThatFailsIsSeenAtOnceAndBecomesAFactWithBothItsEnds(t *testing.T) {
	b := open(t)
	began := b.now
	b.l.Fail("disk", "little room")
	b.l.Fail("disk", "the same again")
	b.l.Mend("clock") // which did not fail
	b.group(set("a", reception.Available))
	b.store.FailCommit(fmt.Errorf("%w: disk", ledger.ErrUnavailable), false)
	b.group(set("a", reception.Away))
	if list := b.l.View().Failures(); len(list) != 2 || list[0].Component != "disk" || list[0].Detail != "little room" || list[1].Component != "store" {
		t.Errorf("failing are %+v", list)
	}
	b.now = b.now.Add(time.Minute)
	ended := b.now
	b.store.FailCommit(fmt.Errorf("%w: disk", ledger.ErrUnavailable), false)
	b.l.Mend("disk")
	b.l.Mend("disk")
	for b.l.Step() { // fails: the store cannot write that it is over
	}
	b.now = b.now.Add(time.Minute)
	b.l.Fail("disk", "again")
	if err := b.group(set("a", reception.Away))[0]; err != nil {
		t.Fatal(err)
	}
	facts, err := b.store.FactsBetween(context.Background(), "system/disk", time.Time{}, b.now.Add(time.Hour), 10)
	if err != nil || len(facts) != 1 || !facts[0].FromAt.Equal(began) || !facts[0].ToAt.Equal(ended) || facts[0].Name != ledger.FactFailure || facts[0].EndCause != "recovered" {
		t.Errorf("on record is %+v, %v", facts, err)
	}
	if list := b.l.Failures(); len(list) != 1 || list[0].Detail != "again" {
		t.Errorf("failing are %+v", list)
	}
	b.group(set("a", reception.Available))
	if again, _ := b.store.FactsBetween(context.Background(), "system/disk", time.Time{}, b.now.Add(time.Hour), 10); len(again) != 1 {
		t.Errorf("it is on record %d times", len(again))
	}
	b.same()
}
