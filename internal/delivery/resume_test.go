package delivery_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/test/desk"
)

// A cursor beyond the newest entry is not of this stream: a client that was moved from another account or server, or one that came by somebody else's.
func TestACursorFromTheFutureDoesNotCountAndIsSaidNotTo(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	c.arrive("a", "one")
	c.Post("web", "u1", "1")
	n := c.skip("a")
	o, err := c.hello("a", "moved", n+1000)
	if err != nil || o.Cursor != 0 || o.Last != n {
		t.Fatalf("opened %+v, %v", o, err)
	}
	c.Refused(o.Refused, problem.Invalid, "realtime.cursor_future")
	if d := c.delivery("a", n); d.State != ledger.Queued {
		t.Fatalf("what nobody was shown is %+v", d)
	}
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "moved", Connection: o.Connection, Received: n}); err != nil {
		t.Fatal(err)
	}
	if o, err := c.hello("a", "moved", n+1000); err != nil || o.Cursor != n {
		t.Fatalf("with a cursor of its own it opened %+v, %v", o, err)
	}
	if o, err := c.hello("a", "moved", n); err != nil || o.Cursor != n || o.Refused != nil {
		t.Fatalf("the newest entry is not the future: %+v, %v", o, err)
	}
}

// The id of a client is its account's: another account that uses it begins with its own stream, and takes nothing from the first.
func TestTheClientOfAnotherAccountIsAnother(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a, b"))
	first := c.arrive("a", "tab")
	c.Post("web", "u1", "1")
	n := c.skip("a")
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "tab", Connection: first.Connection, Received: n}); err != nil {
		t.Fatal(err)
	}
	c.Post("web", "u1", "2")
	thief, err := c.hello("b", "tab", -1)
	if err != nil || thief.Session == first.Session || thief.Cursor != 0 || thief.Last != c.skip("b") {
		t.Fatalf("with the id of another's client it opened %+v, %v", thief, err)
	}
	for _, e := range c.events("b", 0) {
		if e.Event == delivery.EventMessage {
			t.Errorf("it is shown %+v", e)
		}
	}
	if _, err := c.ack(delivery.Ack{Account: "b", Client: "tab", Connection: first.Connection, Received: thief.Last}); err != nil {
		t.Fatal(err)
	}
	if d := c.delivery("a", n+1); d.State != ledger.Queued {
		t.Errorf("what the first was given is %+v", d)
	}
	if again, err := c.hello("a", "tab", -1); err != nil || again.Cursor != n {
		t.Errorf("the first comes back to %+v, %v", again, err)
	}
	c.s.Open(delivery.Hello{Account: "b", Token: "t-a", Client: "tab", Cursor: n}, func(_ delivery.Opened, err error) { // the token of another, too
		c.Refused(err, problem.Unauthenticated, "account.login.token_revoked")
	})
	c.steps()
}

// forgetful is a store that keeps nothing of a stream up to an entry.
type forgetful struct {
	delivery.Reader
	upTo int64
}

func (f forgetful) Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	return f.Reader.Entries(ctx, account, max(after, f.upTo), limit)
}

func TestACursorBeyondRetentionIsToldOfTheGap(t *testing.T) {
	c := open(t, desk.Inbox("web", web, "a"))
	o := c.arrive("a", "one")
	for i := range 5 {
		c.Post("web", "u1", fmt.Sprint(i))
	}
	n := c.skip("a")
	if _, err := c.ack(delivery.Ack{Account: "a", Client: "one", Connection: o.Connection, Received: n}); err != nil {
		t.Fatal(err)
	}
	c.Store = c.Store.Crash() // a process that begins anew has to read the stream from the store
	c.Start("run-2")
	c.serve()
	c.s = delivery.New(delivery.Options{Ledger: c.L, Reader: forgetful{c.Store, n - 2}, Now: func() time.Time { return c.Now }})
	e := c.events("a", 1)
	if len(e) != 3 || e[0].Event != delivery.EventGap || e[0].AgentSequence != 2 || e[0].To != n-2 || e[1].AgentSequence != n-1 || e[2].AgentSequence != n {
		t.Fatalf("events %+v", e)
	}
	if e := c.events("a", n-2); len(e) != 2 || e[0].Event == delivery.EventGap {
		t.Fatalf("after what is kept no more: %+v", e)
	}
}
