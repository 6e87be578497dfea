package conversation_test

import (
	"context"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// tab opens a realtime connection of an account.
func tab(d *desk.Desk, account, client string) {
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		s := tx.BeginSession(account, ledger.Session{ID: "s-" + client, Client: client}, account, "realtime")
		tx.OpenSocket(account, ledger.Socket{ID: "k-" + client, Session: s.ID, Client: client, About: "test 1", Name: "test", Version: "1", Node: "run-1"}, account)
		return nil
	}))
}

func entry(t *testing.T, d *desk.Desk, account string, sequence int64) ledger.DeliveryRow {
	t.Helper()
	row, err := d.Store.Delivery(context.Background(), account, sequence)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestASelfChecksMessageGoesTheWayOfANoticeAndIsCountedNowhere(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	tab(d, "a", "tab-1")
	test := &conversation.SendTest{Account: "a", Client: "tab-1"}
	d.Must(test)
	row := entry(t, d, "a", test.Sequence)
	if row.Type != ledger.EntryTest || row.Message != test.Message || row.State != ledger.Queued || row.Inbox != "" || row.Conversation != 0 || !row.At.Equal(d.Now) {
		t.Errorf("the entry is %+v", row)
	}
	m, err := d.Store.Message(context.Background(), test.Message)
	if err != nil || m.Direction != ledger.Internal || m.Kind != "system" || m.Text != "" || m.Decision == nil || m.Decision.Code != reception.CodeRoutingChosenDirected.String() {
		t.Errorf("the message is %+v (%v)", m, err)
	}
	day := d.Now.Add(-24 * time.Hour)
	for name, count := range map[string]func() ([]ledger.TrafficRow, error){
		"traffic": func() ([]ledger.TrafficRow, error) {
			return d.Store.Traffic(context.Background(), "a", day, d.Now.Add(time.Second))
		},
		"offered": func() ([]ledger.TrafficRow, error) {
			return d.Store.Offered(context.Background(), day, d.Now.Add(time.Second))
		},
	} {
		if rows, err := count(); err != nil || len(rows) != 0 {
			t.Errorf("%s counts it: %+v (%v)", name, rows, err)
		}
	}
	if a := d.L.Agent("a"); a.Facts.Live != 0 {
		t.Errorf("it is a load of %d", a.Facts.Live)
	}
	if err := ledger.Replay(context.Background(), d.Store, *m.Decision, func(int64) (*reception.Policy, error) { return d.L.Policy().Compile(), nil }); err != nil {
		t.Errorf("its decision cannot be replayed: %v", err)
	}
}

func TestATestThatNobodyAcknowledgesIsTakenBackAfterAWhileEvenAfterARestart(t *testing.T) {
	for _, restart := range []bool{false, true} {
		d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
		tab(d, "a", "tab-1")
		test := &conversation.SendTest{Account: "a", Client: "tab-1"}
		d.Must(test)
		if restart {
			d.Start("run-2")
		}
		d.Wait(29 * time.Second)
		if row := entry(t, d, "a", test.Sequence); row.State != ledger.Queued {
			t.Fatalf("restart %v: %s after 29 seconds", restart, row.State)
		}
		d.Wait(2 * time.Second)
		row := entry(t, d, "a", test.Sequence)
		if row.State != ledger.Withdrawn || row.Code != "push.test_over" || row.WithdrawnAt.IsZero() {
			t.Errorf("restart %v: %+v", restart, row)
		}
		if a := d.L.Agent("a"); a.Sequence != test.Sequence {
			t.Errorf("restart %v: the end of a test is an entry of its own: %d", restart, a.Sequence)
		}
	}
}

func TestATestNeedsTheWindowThatAsksAndAnAccountThatMaySignIn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	tab(d, "a", "tab-1")
	before := d.L.Position()
	err := d.Do(&conversation.SendTest{Account: "a", Client: "tab-2"})
	if p := problem.As(err); p == nil || p.Code != "self_check.not_connected" || p.Field != "/client" || d.L.Position() != before {
		t.Errorf("for a window that is not connected: %v", err)
	}
	if err := d.Do(&conversation.SendTest{Account: "nobody", Client: "tab-1"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("for an account that was never here: %v", err)
	}
}
