package selfcheck_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/selfcheck"
	"github.com/bidahq/bida/test/desk"
)

// room is a ledger that runs, with the service, and windows that are opened by hand.
type room struct {
	t     *testing.T
	desk  *desk.Desk
	s     *selfcheck.Service
	d     *delivery.Service
	asked chan asking        // what clients are asked
	late  chan time.Time     // fires when the time for answers is over
	stop  context.CancelFunc // ends the waiting of whoever asks
}

type asking struct{ account, check, by string }

func open(t *testing.T) *room {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"),
		"\n---\n{kind: role, name: supervisor, spec: {title: 主管, template: supervisor}}\n---\n{kind: account, name: boss, spec: {title: 主管乙, roles: [supervisor]}}")
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		for _, a := range []string{"a", "b"} {
			tx.PutToken(ledger.TokenRow{ID: "t-" + a, Account: a, Hash: sha256.Sum256([]byte(a)), CreatedAt: tx.Now()})
			tx.Next()
		}
		return nil
	}))
	now := func() time.Time { return d.Now }
	r := &room{t: t, desk: d, asked: make(chan asking, 4), late: make(chan time.Time)}
	r.d = delivery.New(delivery.Options{
		Ledger: d.L, Reader: d.Store, Accept: conversation.AcceptDelivery, ConnectionGrace: 20 * time.Second, Now: now,
		Authenticate: func(string) (string, string, error) { return "", "", errors.New("not used") },
	})
	r.s = selfcheck.New(selfcheck.Options{
		Ledger: d.L, Reader: d.Store, Now: now, After: func(time.Duration) <-chan time.Time { return r.late },
		Ask: func(account, check, by string) { r.asked <- asking{account, check, by} },
	})
	d.L.Start()
	t.Cleanup(d.L.Stop)
	return r
}

// tab opens a window of an account and gives its connection.
func (r *room) tab(account, client string) string {
	r.t.Helper()
	opened := make(chan delivery.Opened, 1)
	r.d.Open(delivery.Hello{Account: account, Token: "t-" + account, Client: client, Name: "test", Version: "1", Node: "run-1", Cursor: -1}, func(o delivery.Opened, err error) {
		if err != nil {
			r.t.Error(err)
		}
		opened <- o
	})
	return (<-opened).Connection
}

// ack acknowledges what a window was sent.
func (r *room) ack(account, client, connection string, sequence int64) {
	r.t.Helper()
	done := make(chan error, 1)
	r.d.Acknowledge(delivery.Ack{Account: account, Client: client, Connection: connection, Received: sequence, Pushed: []delivery.Push{{Sequence: sequence, At: r.desk.Now}}},
		func(_ delivery.AckResult, err error) { done <- err })
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) test(account, client string) selfcheck.Test {
	r.t.Helper()
	t, err := r.s.SendTest(r.t.Context(), account, client)
	if err != nil {
		r.t.Fatal(err)
	}
	return t
}

func (r *room) stage(account, client string, message int64) selfcheck.Stage {
	r.t.Helper()
	reached, err := r.s.Reached(r.t.Context(), account, client, message)
	if err != nil {
		r.t.Fatal(err)
	}
	return reached.Stage
}

func TestATestMessageSaysHowFarItGotAndWhichWindowTookIt(t *testing.T) {
	r := open(t)
	one, two := r.tab("a", "tab-1"), r.tab("a", "tab-2")
	sent := r.test("a", "tab-1")
	for _, tab := range []string{"tab-1", "tab-2"} {
		events, err := r.d.Events(t.Context(), "a", sent.Sequence-1, 10, "zh")
		if err != nil || len(events) != 1 || events[0].Event != delivery.EventTest || events[0].Client != "tab-1" || events[0].Text != "" {
			t.Fatalf("%s is sent %+v (%v)", tab, events, err)
		}
	}
	if s := r.stage("a", "tab-1", sent.Message); s != selfcheck.Stored {
		t.Errorf("before a push is recorded: %s", s)
	}
	r.ack("a", "tab-2", two, sent.Sequence)
	if s := r.stage("a", "tab-1", sent.Message); s != selfcheck.Elsewhere {
		t.Errorf("after the other window acknowledged it: %s", s)
	}
	if reached, _ := r.s.Reached(t.Context(), "a", "tab-1", sent.Message); reached.Delivery.ReceivedBy != "tab-2" {
		t.Errorf("received by %q", reached.Delivery.ReceivedBy)
	}
	r.ack("a", "tab-1", one, sent.Sequence)
	if s := r.stage("a", "tab-1", sent.Message); s != selfcheck.Received {
		t.Errorf("after both: %s", s)
	}
}

func TestAPushThatIsNotAcknowledgedIsSaidAndCountsAgainstTheConnection(t *testing.T) {
	r := open(t)
	connection := r.tab("a", "tab-1")
	sent := r.test("a", "tab-1")
	r.d.Unacknowledged(connection, r.desk.Now, r.desk.Now, []delivery.Push{{Sequence: sent.Sequence, At: r.desk.Now}})
	if err := r.desk.L.Do(t.Context(), ledger.CommandFunc(func(*ledger.Tx) error { return nil })); err != nil {
		t.Fatal(err)
	}
	if s := r.stage("a", "tab-1", sent.Message); s != selfcheck.Pushed {
		t.Errorf("stage %s", s)
	}
	if k := r.desk.L.Agent("a").Sockets[0]; k.Unresponsive.IsZero() {
		t.Error("a connection that does not acknowledge a test is taken for one that answers")
	}
}

func TestNobodyLearnsOfAnothersTestOrOfWhatIsNone(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	sent := r.test("a", "tab-1")
	for _, q := range []struct {
		account string
		message int64
	}{{"b", sent.Message}, {"a", sent.Message + 1}, {"a", 0}} {
		if _, err := r.s.Reached(t.Context(), q.account, "tab-1", q.message); !errors.Is(err, selfcheck.ErrNoTest) {
			t.Errorf("%s about m%d: %v", q.account, q.message, err)
		}
	}
}

func TestWhoChecksItselfAgainAndAgainWaits(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	var err error
	sent := 0
	for err == nil {
		if _, err = r.s.SendTest(t.Context(), "a", "tab-1"); err == nil {
			sent++
		}
	}
	if p := problem.As(err); sent != 10 || p == nil || p.Kind != problem.Limited || p.RetryAfter <= 0 {
		t.Errorf("after %d tests: %v", sent, err)
	}
	if _, err := r.s.SendTest(t.Context(), "b", "tab-1"); problem.KindOf(err) == problem.Limited {
		t.Error("another account is kept waiting as well")
	}
}

var fine = []ledger.ClientTest{{Test: "socket", Outcome: "pass", Result: "ok"}, {Test: "notifications", Outcome: "block", Result: "denied"}}

// ask has boss ask for a check, and gives what came of it.
func (r *room) ask(account string) <-chan *ledger.SelfCheck {
	ctx, stop := context.WithCancel(r.t.Context())
	r.stop = stop
	r.t.Cleanup(stop)
	out := make(chan *ledger.SelfCheck, 1)
	go func() {
		c, err := r.s.Ask(ctx, account, selfcheck.Asked{By: "boss", Request: "r-1"})
		if err != nil {
			r.t.Error(err)
		}
		out <- c
	}()
	return out
}

func answered(c *ledger.SelfCheck) string {
	var list []string
	for _, k := range c.Clients {
		if k.Answered {
			list = append(list, k.Client)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestEveryConnectedWindowIsAskedAndTheCheckEndsWithTheLastAnswer(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	r.tab("a", "tab-1") // a window of which the old connection is not known to have ended
	r.tab("a", "tab-2")
	result := r.ask("a")
	q := <-r.asked
	if q.account != "a" || q.by != "主管乙" || q.check == "" {
		t.Fatalf("asked %+v", q)
	}
	for _, tab := range []string{"tab-1", "tab-2", "tab-2"} { // who says it twice changes nothing
		if err := r.s.Report(t.Context(), "a", selfcheck.Report{Client: tab, Check: q.check, Tests: fine}); err != nil && tab != "tab-2" {
			t.Fatal(err)
		}
	}
	c := <-result
	if answered(c) != "tab-1 tab-2" || len(c.Clients) != 2 || len(c.Clients[0].Tests) != 2 || c.Origin.By != "boss" || c.Origin.Cause != selfcheck.CauseAsked {
		t.Errorf("the result is %+v", c)
	}
	if last := r.s.Last("a"); last != c {
		t.Errorf("kept is %+v", last)
	}
	err := r.s.Report(t.Context(), "a", selfcheck.Report{Client: "tab-1", Check: q.check, Tests: fine})
	if p := problem.As(err); p == nil || p.Code != "self_check.over" {
		t.Errorf("an answer after the end: %v", err)
	}
}

func TestAWindowThatSaysNothingIsNamed(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	r.tab("a", "listen")
	result := r.ask("a")
	q := <-r.asked
	if err := r.s.Report(t.Context(), "a", selfcheck.Report{Client: "tab-1", Check: q.check, Tests: fine}); err != nil {
		t.Fatal(err)
	}
	r.late <- time.Time{}
	if c := <-result; answered(c) != "tab-1" || len(c.Clients) != 2 {
		t.Errorf("the result is %+v", c)
	}
}

func TestWithoutAWindowNobodyIsAskedAndThatIsRecorded(t *testing.T) {
	r := open(t)
	if c := <-r.ask("a"); len(c.Clients) != 0 || c.Origin.By != "boss" {
		t.Errorf("the result is %+v", c)
	}
	if len(r.asked) != 0 {
		t.Error("somebody was asked")
	}
}

func TestWhoAskedAndGoesAwayLeavesTheResultBehind(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	result := r.ask("a")
	<-r.asked
	r.stop()
	if c := <-result; c == nil || answered(c) != "" || len(c.Clients) != 1 {
		t.Errorf("the result is %+v", c)
	}
}

func TestAnAnswerCountsForTheCheckAndTheAccountThatWereAskedOnly(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	r.tab("b", "tab-1")
	result := r.ask("a")
	q := <-r.asked
	for _, x := range []struct{ account, client, check, code string }{
		{"b", "tab-1", q.check, "self_check.over"},
		{"a", "tab-1", "q-made-up", "self_check.over"},
		{"a", "tab-9", q.check, "self_check.not_asked"},
	} {
		err := r.s.Report(t.Context(), x.account, selfcheck.Report{Client: x.client, Check: x.check, Tests: fine})
		if p := problem.As(err); p == nil || p.Code != x.code {
			t.Errorf("%+v: %v", x, err)
		}
	}
	r.late <- time.Time{}
	if c := <-result; answered(c) != "" {
		t.Errorf("the result is %+v", c)
	}
}

func TestWhoIsCheckedIsToldByWhomAndItIsInTheAuditLog(t *testing.T) {
	r := open(t)
	<-r.ask("a")
	entries, err := r.desk.Store.Entries(t.Context(), "a", 0, 10)
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	if last := entries[len(entries)-1]; last.Delivery.Type != ledger.EntryNotice || last.Message.Author != "boss" || !strings.HasPrefix(last.Message.Text, "主管乙请您的窗口做了一次自检") {
		t.Errorf("told is %+v", last)
	}
	rows, err := r.desk.Store.Audit(t.Context(), 0, 1)
	if err != nil || len(rows) != 1 || rows[0].Action != "self_check.ask" || rows[0].By != "boss" || rows[0].Object != "account/a" || rows[0].Request != "r-1" {
		t.Errorf("audit %+v (%v)", rows, err)
	}
}

func TestTheLastCheckOutlivesTheProcess(t *testing.T) {
	r := open(t)
	r.tab("a", "tab-1")
	ms := int64(12)
	for _, result := range []string{"denied", "not_asked"} {
		tests := []ledger.ClientTest{{Test: "notifications", Outcome: "block", Result: result}, {Test: "socket", Outcome: "pass", Result: "ok", Millis: &ms}}
		if err := r.s.Report(t.Context(), "a", selfcheck.Report{Client: "tab-1", Tests: tests}); err != nil {
			t.Fatal(err)
		}
	}
	r.desk.L.Stop()
	r.desk.Start("run-2")
	c := r.desk.L.Agent("a").SelfCheck
	if c == nil || len(c.Clients) != 1 || c.Clients[0].About != "test 1" || c.Clients[0].Tests[0].Result != "not_asked" || *c.Clients[0].Tests[1].Millis != 12 ||
		c.Origin.By != "a" || c.Origin.Cause != "self" || !c.Origin.At.Equal(r.desk.Now) {
		t.Errorf("after the restart: %+v", c)
	}
	facts, err := r.desk.Store.FactsAt(t.Context(), r.desk.L.Position()+1, []string{ledger.AccountSubject("a")})
	n := 0
	for _, f := range facts {
		if f.Name == ledger.FactSelfCheck && f.ToPosition == 0 {
			n++
		}
	}
	if err != nil || n != 1 {
		t.Errorf("%d checks hold (%v)", n, err)
	}
}

func TestWhatAWindowSaysIsCheckedAndNamed(t *testing.T) {
	r := open(t)
	before := r.desk.L.Position()
	beyond := int64(1) << 50
	for _, x := range []struct {
		tests []ledger.ClientTest
		field string
	}{
		{nil, "/tests"},
		{slices.Repeat(fine, 10), "/tests"},
		{[]ledger.ClientTest{{Test: "weather", Outcome: "pass", Result: "ok"}}, "/tests/0/test"},
		{[]ledger.ClientTest{fine[0], fine[0]}, "/tests/1/test"},
		{[]ledger.ClientTest{{Test: "socket", Outcome: "fine", Result: "ok"}}, "/tests/0/outcome"},
		{[]ledger.ClientTest{{Test: "socket", Outcome: "block", Result: "ok"}}, "/tests/0/outcome"},
		{[]ledger.ClientTest{{Test: "socket", Outcome: "pass", Result: "timed_out"}}, "/tests/0/outcome"},
		{[]ledger.ClientTest{{Test: "socket", Outcome: "block", Result: "denied"}}, "/tests/0/result"},
		{[]ledger.ClientTest{{Test: "socket", Outcome: "pass", Result: "ok", Millis: &beyond}}, "/tests/0/ms"},
	} {
		err := r.s.Report(t.Context(), "a", selfcheck.Report{Client: "tab-1", Tests: x.tests})
		if p := problem.As(err); p == nil || p.Kind != problem.Invalid || p.Field != x.field {
			t.Errorf("%+v: %v, want a word about %s", x.tests, err, x.field)
		}
	}
	if r.desk.L.Position() != before {
		t.Error("what was refused has left something behind")
	}
}

func TestAskingTooOftenOrForNobodyIsRefused(t *testing.T) {
	r := open(t)
	for range 2 {
		<-r.ask("a")
	}
	_, err := r.s.Ask(t.Context(), "a", selfcheck.Asked{By: "boss"})
	if p := problem.As(err); p == nil || p.Kind != problem.Limited || p.RetryAfter <= 0 {
		t.Errorf("a third time: %v", err)
	}
	if _, err := r.s.Ask(t.Context(), "ghost", selfcheck.Asked{By: "boss"}); problem.KindOf(err) != problem.NotFound {
		t.Errorf("for nobody: %v", err)
	}
}
