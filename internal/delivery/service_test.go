package delivery_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// counter is a desk with a delivery service and tokens for a, b and c.
type counter struct {
	*desk.Desk
	s *delivery.Service
}

func open(t *testing.T, documents ...string) *counter {
	t.Helper()
	d := desk.Open(t, documents...)
	c := &counter{Desk: d}
	c.serve()
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		for _, a := range []string{"a", "b", "c"} {
			tx.PutToken(ledger.TokenRow{ID: "t-" + a, Account: a, Hash: sha256.Sum256([]byte(a)), CreatedAt: tx.Now()})
			tx.Next()
		}
		return nil
	}))
	return c
}

// serve makes the service of the process that runs.
func (c *counter) serve() {
	d := c.Desk
	c.s = delivery.New(delivery.Options{
		Ledger: d.L, Reader: d.Store, ConnectionGrace: 20 * time.Second, Now: func() time.Time { return d.Now }, Accept: conversation.AcceptDelivery,
		Authenticate: func(string) (string, string, error) { return "", "", errors.New("not used") },
		Presence: func(account, value, reason string, until time.Time) ledger.Command {
			return &governance.SetPresence{Account: account, Value: value, Reason: reason, Until: until, By: account, Source: "realtime"}
		},
	})
}

// steps lets the ledger carry out what was submitted.
func (c *counter) steps() {
	for c.L.Step() {
	}
}

func (c *counter) hello(account, client string, cursor int64) (opened delivery.Opened, err error) {
	c.s.Open(delivery.Hello{Account: account, Token: "t-" + account, Client: client, Name: "test", Version: "1", Node: "run-1", Cursor: cursor},
		func(o delivery.Opened, e error) { opened, err = o, e })
	c.steps()
	return opened, err
}

// arrive connects a client and makes its agent available.
func (c *counter) arrive(account, client string) delivery.Opened {
	c.T.Helper()
	o, err := c.hello(account, client, -1)
	if err != nil {
		c.T.Fatal(err)
	}
	c.s.SetPresence(account, "available", "", time.Time{}, func(err error) {
		if err != nil {
			c.T.Fatal(err)
		}
	})
	c.steps()
	return o
}

func (c *counter) ack(a delivery.Ack) (r delivery.AckResult, err error) {
	c.s.Acknowledge(a, func(x delivery.AckResult, e error) { r, err = x, e })
	c.steps()
	return r, err
}

func (c *counter) events(account string, after int64) []delivery.Event {
	c.T.Helper()
	list, err := c.s.Events(context.Background(), account, after, 100, "en")
	if err != nil {
		c.T.Fatal(err)
	}
	return list
}

// delivery reads one entry of an account's stream.
func (c *counter) delivery(account string, sequence int64) ledger.DeliveryRow {
	c.T.Helper()
	d, err := c.Store.Delivery(context.Background(), account, sequence)
	if err != nil {
		c.T.Fatal(err)
	}
	return d
}

const web = "strategy: least_loaded"

// skip is how many notices about the company the account has before the first message.
func (c *counter) skip(account string) int64 {
	if a := c.L.Agent(account); a != nil {
		return a.Sequence
	}
	return 0
}

func TestANewClientBeginsWithWhatNobodyHasReceived(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	first := c.arrive("a", "one")
	n := c.skip("a")
	if first.Cursor != 0 || first.Last != n {
		t.Fatalf("opened %+v with %d entries", first, n)
	}
	c.Post("web", "u1", "1")
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: first.Connection, Received: n + 1}); err != nil {
		t.Fatal(err)
	}
	c.Post("web", "u1", "2")
	second, err := c.hello("a", "two", -1)
	if err != nil || second.Cursor != n+1 || second.Session != first.Session {
		t.Fatalf("the second client opened %+v, %v", second, err)
	}
	again, err := c.hello("a", "one", -1)
	if err != nil || again.Cursor != n+1 {
		t.Fatalf("the first client came back to %+v, %v", again, err)
	}
}

func TestTheEndOfAConnectionIsRecordedThoughTheStoreFailsThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
		o := c.arrive("a", "one")
		heard := c.Now
		for range 2 {
			c.Store.FailCommit(fmt.Errorf("%w: full", ledger.ErrUnavailable), false)
		}
		c.s.Closed(o.Connection, "closed", 1006, heard)
		for range 3 {
			c.steps()
			<-time.After(2 * time.Second) // in the bubble's virtual time
			synctest.Wait()
		}
		c.steps()
		a := c.L.Agent("a")
		if len(a.Sockets) != 0 || !a.Facts.Connection.LastFrame.Equal(heard) {
			t.Errorf("the connection is open: %+v, last heard %s", a.Sockets, a.Facts.Connection.LastFrame)
		}
		c.L.Stop()
		c.s.Closed(o.Connection, "closed", 1006, heard) // and nothing is left behind
	})
}

func TestAnAcknowledgementRecordsTheAttemptThatBroughtIt(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	c.Post("web", "u1", "1")
	n := c.skip("a")
	pushed := c.Now
	c.Now = c.Now.Add(30 * time.Millisecond)
	r, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n, Pushed: []delivery.Push{{Sequence: n, At: pushed}}, Seen: []int64{n}})
	if err != nil || r.Cursor != n {
		t.Fatalf("%+v %v", r, err)
	}
	d := c.delivery("a", n)
	if d.State != ledger.Seen || !d.PushedAt.Equal(pushed) || !d.ReceivedAt.Equal(c.Now) || d.Connection != o.Connection || d.Attempts != 1 || d.Result != "received" || d.ReceivedBy != "one" {
		t.Fatalf("delivery %+v", d)
	}
	c.Now = c.Now.Add(time.Second)
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n, Accepted: []int64{n}}); err != nil {
		t.Fatal(err)
	}
	if d = c.delivery("a", n); d.State != ledger.Accepted || d.SeenAt.Equal(c.Now) || !d.AcceptedAt.Equal(c.Now) {
		t.Fatalf("delivery %+v", d)
	}
	if conv := c.Conversation(d.Conversation); !conv.Accepted {
		t.Fatal("the conversation is not accepted")
	}
}

func TestAPushWithoutAnswerMakesItsConnectionUnresponsiveUntilItAnswers(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a, b"))
	o := c.arrive("a", "one")
	id := c.Post("web", "u1", "1").Conversation
	n := c.skip("a")
	pushed := c.Now
	c.Now = c.Now.Add(5 * time.Second)
	c.s.Unacknowledged(o.Connection, pushed, c.Now.Add(-time.Second), []delivery.Push{{Sequence: n, At: pushed}})
	c.steps()
	f := c.L.View().Agent("a").Connection
	if f.State != reception.ConnectionUnresponsive || !f.GraceUntil.Equal(pushed.Add(20*time.Second)) || !f.LastFrame.Equal(c.Now.Add(-time.Second)) {
		t.Fatalf("connection %+v", f)
	}
	if d := c.delivery("a", n); d.State != ledger.Queued || d.Attempts != 1 || d.Result != "unacknowledged" {
		t.Fatalf("delivery %+v", d)
	}
	if e := c.events("a", n-1); e[0].Attempt != 2 {
		t.Fatalf("the next push is attempt %d", e[0].Attempt)
	}
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n, Pushed: []delivery.Push{{Sequence: n, At: c.Now}}}); err != nil {
		t.Fatal(err)
	}
	if f := c.L.View().Agent("a").Connection; f.State != reception.ConnectionOpen {
		t.Fatalf("after an answer the connection is %+v", f)
	}
	attempts, err := c.Store.Attempts(context.Background(), "a", n)
	if err != nil || len(attempts) != 1 || attempts[0].Number != 2 || attempts[0].Result != "received" {
		t.Fatalf("attempts %+v %v", attempts, err)
	}
	c.Wait(time.Minute)
	c.Owner(id, "a")
}

func TestAnAgentThatNeverAnswersLosesTheConversationAndALateAnswerIsRefused(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a, b"))
	o := c.arrive("a", "one")
	id := c.Post("web", "u1", "1").Conversation
	n := c.skip("a")
	c.arrive("b", "one")
	c.s.Unacknowledged(o.Connection, c.Now, c.Now, []delivery.Push{{Sequence: n, At: c.Now}})
	c.steps()
	c.Wait(20 * time.Second)
	c.Owner(id, "b")
	r, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n, Accepted: []int64{n}})
	if err != nil || !slices.Equal(r.Refused, []int64{n}) {
		t.Fatalf("the late answer got %+v, %v", r, err)
	}
	c.Owner(id, "b")
	e := c.events("a", n-1)
	if len(e) != 2 || e[0].Event != delivery.EventTombstone || e[0].Text != "" || e[1].Event != delivery.EventWithdrawn || e[1].Withdraws != n || e[1].Reason == "" {
		t.Fatalf("events %+v", e)
	}
}

// A connection from which nothing is heard any more does not acknowledge either, and that is noticed first. Its owner's grace is over 20 s after the last
// frame all the same, not 20 s after the push.
func TestADeadConnectionThatDidNotAcknowledgeKeepsItsConversationsNoLongerThanADeadOne(t *testing.T) {
	for name, test := range map[string]struct {
		heard, pushed, noticed, closed, lost time.Duration
		clients                              int
	}{
		"dead before the push":              {heard: 0, pushed: 9 * time.Second, noticed: 14 * time.Second, closed: 15 * time.Second, lost: 20 * time.Second, clients: 1},
		"alive, and not acknowledging":      {heard: 14 * time.Second, pushed: 9 * time.Second, noticed: 14 * time.Second, closed: 40 * time.Second, lost: 29 * time.Second, clients: 1},
		"it goes after it was unresponsive": {heard: 19 * time.Second, pushed: 9 * time.Second, noticed: 14 * time.Second, closed: 20 * time.Second, lost: 29 * time.Second, clients: 1},
		"another client goes on":            {heard: 0, pushed: 9 * time.Second, noticed: 14 * time.Second, closed: 15 * time.Second, lost: 0, clients: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, desk.Inbox("web", web, "a, b"))
			o := c.arrive("a", "one")
			if test.clients == 2 {
				c.arrive("a", "two")
			}
			begun := c.Now
			at := func(d time.Duration) { c.Wait(begun.Add(d).Sub(c.Now)) }
			at(test.pushed)
			id := c.Post("web", "u1", "1").Conversation
			c.arrive("b", "one")
			at(test.noticed)
			c.s.Unacknowledged(o.Connection, begun.Add(test.pushed), begun.Add(min(test.heard, test.noticed)), []delivery.Push{{Sequence: c.skip("a"), At: begun.Add(test.pushed)}})
			c.steps()
			if test.closed < 20*time.Second+test.pushed {
				at(test.closed)
				c.s.Closed(o.Connection, "stale", 4408, begun.Add(test.heard))
				c.steps()
			}
			if test.lost == 0 {
				at(time.Minute)
				c.Owner(id, "a")
				return
			}
			at(test.lost - time.Millisecond)
			c.Owner(id, "a")
			at(test.lost)
			c.Owner(id, "b")
		})
	}
}

func TestWithASecondClientThatAnswersTheAgentKeepsTheConversation(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a, b"))
	deaf := c.arrive("a", "one")
	second := c.arrive("a", "two")
	c.arrive("b", "one")
	c.Presence("b", "away")
	id := c.Post("web", "u1", "1").Conversation
	n := c.skip("a")
	c.Presence("b", "available")
	c.s.Unacknowledged(deaf.Connection, c.Now, c.Now, []delivery.Push{{Sequence: n, At: c.Now}})
	c.steps()
	if f := c.L.View().Agent("a").Connection; f.State != reception.ConnectionOpen || f.ID != second.Connection {
		t.Fatalf("connection %+v", f)
	}
	c.Wait(time.Minute)
	c.Owner(id, "a")
}

func TestWhatTheClientSaysItHasCountsAsReceived(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	c.Post("web", "u1", "1")
	n := c.skip("a")
	c.s.Closed(o.Connection, "closed_by_client", 1006, c.Now)
	c.steps()
	back, err := c.hello("a", "one", n)
	if err != nil || back.Cursor != n {
		t.Fatalf("%+v %v", back, err)
	}
	if d := c.delivery("a", n); d.State != ledger.Received {
		t.Fatalf("delivery %+v", d)
	}
}

func TestAcknowledgementsOfWhatWasNeverSentAreRefused(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	n := c.skip("a")
	_, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n + 1})
	c.Refused(err, problem.Invalid, "realtime.sequence_future")
	_, err = c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n, Seen: []int64{n + 9}})
	c.Refused(err, problem.Invalid, "realtime.sequence_future")
}

func TestARevokedTokenOrAMissingRightOpensNothing(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	c.s.Open(delivery.Hello{Account: "a", Token: "t-b", Client: "x", Cursor: -1}, func(_ delivery.Opened, err error) {
		c.Refused(err, problem.Unauthenticated, "account.login.token_revoked")
	})
	c.steps()
	c.Apply(`{kind: account, name: b, spec: {title: 客服乙, agent: true, roles: [agent], deny: [{permission: realtime.connect}]}}`)
	_, err := c.hello("b", "x", -1)
	c.Refused(err, problem.Forbidden, "realtime.forbidden")
	if a := c.L.Agent("b"); a != nil && len(a.Sockets) > 0 {
		t.Fatal("a connection is on record")
	}
}

func TestWhatAnAgentMayNoLongerHaveIsATombstoneThatKeepsItsNumber(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	id := c.Post("web", "u1", "机密").Conversation
	n := c.skip("a")
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n}); err != nil {
		t.Fatal(err)
	}
	if err := c.Reply("a", id, "好的"); err != nil { // answered: it is not withdrawn any more
		t.Fatal(err)
	}
	c.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.customer}]}}`)
	e := c.events("a", n-1)[0]
	if e.Event != delivery.EventTombstone || e.AgentSequence != n || e.Text != "" || e.Contact != "" || e.Code != "push.not_entitled" || e.Reason == "" {
		t.Fatalf("event %+v", e)
	}
}

func TestWhatIsCommittedIsJudgedByTheWorldThatKnowsOfIt(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	c.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.customer}]}}`)
	c.Store = c.Store.Crash() // a process that begins anew has to read the stream from the store
	c.Start("run-2")
	c.serve()
	c.arrive("a", "one")
	c.Post("web", "u1", "1")
	n := c.skip("a")
	var between []delivery.Event
	c.Store.AfterCommit(func() { between = c.events("a", 0) })
	c.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent]}}`)
	if len(between) != int(n) {
		t.Errorf("between the commit and the World's change %d entries were read, want the %d of before", len(between), n)
	}
	after := c.events("a", 0)
	if last := after[len(after)-1]; last.Event != delivery.EventMessage || last.Text != "1" {
		t.Errorf("the last entry is %+v", last)
	}
}

func TestAMessageComesWithItsFilesAndATombstoneWithout(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	c.arrive("a", "one")
	id := "f" + strings.Repeat("a", 32)
	c.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.PutUpload(ledger.UploadRow{ID: id, Owner: "account/robot", Digest: strings.Repeat("0", 64), Name: "照片.png", Type: "image/png", Size: 7, Width: 4, Height: 3,
			ExpiresAt: tx.Now().Add(time.Hour)})
		return nil
	}))
	p := c.Message("web", "u1", "")
	p.Attachments, p.Uploader = []string{id}, "account/robot"
	c.Must(p)
	n := c.skip("a")
	want := []attachment.File{{Name: "照片.png", Type: "image/png", Size: 7, Image: true, Width: 4, Height: 3}}
	if e := c.events("a", n-1)[0]; !slices.Equal(e.Attachments, want) {
		t.Fatalf("the event is %+v", e)
	}
	c.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.customer}]}}`)
	if e := c.events("a", n-1)[0]; e.Event != delivery.EventTombstone || e.Attachments != nil {
		t.Fatalf("the event is %+v", e)
	}
}

func TestANoteComesWithItsAuthorAndACustomersMessageWithout(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a, b"))
	c.arrive("a", "one")
	m := c.Post("web", "u1", "你好")
	n := c.skip("a")
	if e := c.events("a", n-1)[0]; e.Kind != "customer" || e.Text != "你好" || e.Author != "" {
		t.Fatalf("the event is %+v", e)
	}
	c.Must(&conversation.Note{Conversation: m.Conversation, ID: "note-1", Account: "b", Text: "老客户"})
	if e := c.events("a", n)[0]; e.Event != delivery.EventMessage || e.Kind != conversation.KindNote || e.Text != "老客户" || e.Author != "b" {
		t.Fatalf("the event is %+v", e)
	}
}

func TestANoticeSpeaksTheClientsLanguage(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	for lang, part := range map[string]string{"zh": "管理员", "en": "you now get"} {
		list, err := c.s.Events(context.Background(), "a", 0, 10, lang)
		if err != nil || len(list) == 0 || list[0].Event != delivery.EventNotice || list[0].Inbox != "" || !strings.Contains(list[0].Text, part) {
			t.Errorf("%s: %+v %v", lang, list, err)
		}
	}
}

func TestVisibilityIsAFactUntilTheConnectionEnds(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	c.s.Visibility(o.Connection, false)
	c.steps()
	c.s.Closed(o.Connection, "closed_by_client", 1000, c.Now)
	c.steps()
	facts, err := c.Store.FactsBetween(context.Background(), ledger.AccountSubject("a"), time.Time{}, c.Now.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Name == ledger.FactVisible && string(f.Value) == "false" && f.ToPosition != 0 {
			return
		}
	}
	t.Fatalf("no visibility on record: %+v", facts)
}

func TestWhatAClientReportsIsAFactUntilTheConnectionEnds(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	warning := func() reception.Cell {
		v := c.L.View()
		return reception.Explain(v.Policy.Compile(), v, "web", "customer", "a", c.Now)[reception.ClientNotify]
	}
	if got := warning(); got.Outcome != reception.NotApplicable { // a token that says nothing is a program's
		t.Errorf("before the report: %v", got)
	}
	c.s.Report(o.Connection, delivery.Report{Notifications: "denied", Browser: "Chrome 156"})
	c.s.Report("k0", delivery.Report{Notifications: "denied"}) // no such connection
	c.steps()
	if got := warning(); got != (reception.Cell{Outcome: reception.Pass, Code: reception.CodeClientNotifyDenied}) {
		t.Errorf("after the report: %v", got)
	}
	c.s.Closed(o.Connection, "closed_by_client", 1000, c.Now)
	c.steps()
	c.s.Report(o.Connection, delivery.Report{Notifications: "granted"}) // too late
	c.steps()
	facts, err := c.Store.FactsBetween(context.Background(), ledger.AccountSubject("a"), time.Time{}, c.Now.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	var reports []ledger.FactRow
	for _, f := range facts {
		if f.Name == ledger.FactReport {
			reports = append(reports, f)
		}
	}
	if len(reports) != 1 || reports[0].Key != o.Connection || reports[0].ToPosition == 0 || reports[0].EndCause != "closed_by_client" || reports[0].Source != "realtime" {
		t.Errorf("%+v", reports)
	}
}
