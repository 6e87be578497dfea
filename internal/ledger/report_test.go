package ledger_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// connect opens a connection of an account that signed in at a browser.
func connect(account, session, connection string) ledger.Command {
	return ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.BeginSession(account, ledger.Session{ID: session}, account, "sign_in")
		tx.OpenSocket(account, ledger.Socket{ID: connection, Session: session, Client: "tab", Name: "bida-console", Version: "1.0.0", Node: "run-1"}, account)
		return nil
	})
}

func report(account, connection string, r ledger.Report) ledger.Command {
	return ledger.CommandFunc(func(tx *ledger.Tx) error { tx.SetReport(account, connection, r); return nil })
}

func visible(account, connection string, yes bool) ledger.Command {
	return ledger.CommandFunc(func(tx *ledger.Tx) error { tx.SetVisible(account, connection, yes); return nil })
}

// told is what is known of an account's connections at a position, or at an instant after it.
func (b *bench) told(account string, position int64, at time.Time) (notices []reception.Notice, told []ledger.Told) {
	b.t.Helper()
	w, err := ledger.WorldAt(context.Background(), b.store, position, at, []string{account}, "")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range w.Agent(account).Clients {
		notices = append(notices, c.Notice)
	}
	for _, s := range w.Sockets(account) {
		told = append(told, s.Told())
	}
	return notices, told
}

func TestAReportIsKnownAtEveryPosition(t *testing.T) {
	b := open(t)
	yes, no, offset := true, false, int64(-1500)
	first := ledger.Report{Notifications: "granted", Secure: &yes, Sound: "on", Browser: "Chrome 156", Mode: "tab", Storage: "ok", ClockOffset: &offset,
		Filter: &ledger.ListFilter{Tab: "waiting", Inbox: "web", Search: true}}
	second := ledger.Report{Notifications: "granted", Secure: &no}
	var positions []int64
	for _, c := range []ledger.Command{
		connect("a", "s1", "k1"), report("a", "k1", first), visible("a", "k1", false), report("a", "k1", second), visible("a", "k1", true),
		report("a", "k1", ledger.Report{Notifications: "granted", Sound: "on"}),
	} {
		b.now = b.now.Add(time.Minute)
		b.group(c)
		positions = append(positions, b.l.Position())
		b.same()
	}
	for i, want := range []reception.Notice{
		reception.NoticeUnknown, reception.NoticeFull, reception.NoticeHidden, reception.NoticeInsecure, reception.NoticeInsecure, reception.NoticeFull,
	} {
		notices, told := b.told("a", positions[i]+1, time.Time{})
		if !slices.Equal(notices, []reception.Notice{want}) {
			t.Errorf("after step %d: %v, want %v", i, notices, want)
		}
		if i == 2 && (told[0].Report.Browser != "Chrome 156" || *told[0].Report.ClockOffset != -1500 || *told[0].Report.Filter != *first.Filter || told[0].Visible ||
			!told[0].ReportOrigin.At.Equal(b.now.Add(-4*time.Minute)) || told[0].ReportOrigin.Source != "realtime") {
			t.Errorf("after step %d: %+v", i, told)
		}
	}
	b.start("run-1") // the same node: what it holds goes on
	b.same()
}

func TestAReportThatSaysNothingNewIsNotWritten(t *testing.T) {
	b := open(t)
	same := ledger.Report{Notifications: "denied", Filter: &ledger.ListFilter{Tab: "mine"}}
	b.group(connect("a", "s1", "k1"), report("a", "k1", same))
	before := b.l.Position()
	b.group(report("a", "k1", ledger.Report{Notifications: "denied", Filter: &ledger.ListFilter{Tab: "mine"}}), report("a", "gone", same), report("nobody", "k1", same))
	if b.l.Position() != before {
		t.Error("something was written")
	}
	facts, err := b.store.FactsBetween(context.Background(), ledger.AccountSubject("a"), time.Time{}, b.now.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.DeleteFunc(facts, func(f ledger.FactRow) bool { return f.Name != ledger.FactReport })); n != 1 {
		t.Errorf("%d reports are on record", n)
	}
}

func TestWhatADeadProcessWasToldIsNotKnownAfterItsLastSignOfLife(t *testing.T) {
	b := open(t)
	b.group(connect("a", "s1", "k1"), report("a", "k1", ledger.Report{Notifications: "denied"}), visible("a", "k1", true))
	alive, held := b.now, b.l.Position()
	b.now = b.now.Add(10 * time.Minute)
	b.start("run-2")
	b.same()
	if notices, told := b.told("a", b.l.Position()+1, time.Time{}); len(notices) != 0 || len(told) != 0 {
		t.Errorf("after the start: %v %v", notices, told)
	}
	if notices, _ := b.told("a", held+1, alive); !slices.Equal(notices, []reception.Notice{reception.NoticeDenied}) {
		t.Errorf("at the last sign of life: %v", notices)
	}
	if notices, told := b.told("a", held+1, alive.Add(time.Minute)); !slices.Equal(notices, []reception.Notice{reception.NoticeUnknown}) || told[0].Report != nil || told[0].VisibleOrigin.Position != 0 {
		t.Errorf("between the two: %v %+v", notices, told)
	}
}
