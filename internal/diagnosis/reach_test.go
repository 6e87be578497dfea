package diagnosis

import (
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// reach reads what is recorded of a message and says how far it got, as a log does.
func (c *company) reach(id string) Reach {
	c.t.Helper()
	position, _ := conversation.ParseID('m', id)
	rows, err := c.store.MessageLog(c.t.Context(), ledger.MessageLogQuery{Span: ledger.Span{After: position - 1, UpTo: position}, Limit: 1})
	if err != nil || len(rows) != 1 {
		c.t.Fatalf("message %s: %v, %v", id, rows, err)
	}
	if rows[0].Reached {
		return ReachDelivered
	}
	w := &Way{Message: &rows[0].MessageRow}
	if w.Deliveries, err = c.store.DeliveriesOf(c.t.Context(), position); err != nil {
		c.t.Fatal(err)
	}
	if conversations, err := c.store.ConversationsOf(c.t.Context(), []int64{rows[0].Conversation}); err != nil {
		c.t.Fatal(err)
	} else if len(conversations) == 1 {
		w.Conversation = &conversations[0]
	}
	spec, _ := c.l.Policy().Inbox(rows[0].Inbox)
	w.Async = spec.Mode == "async"
	return ReachOf(w, func(account string) reception.Connection { return c.l.Agent(account).Facts.Connection }, c.now)
}

func TestHowFarAMessageGotAgreesWithItsDiagnosis(t *testing.T) {
	for _, x := range []struct {
		name    string
		happens func(c *company) string // returns the message
		reach   Reach
		verdict Verdict // of the message for agent-a; "" where nobody in particular should have had it
	}{
		{"on its way", func(c *company) string {
			c.work("agent-a")
			return c.post("web", "customer", "x")
		}, ReachWaiting, Receiving},
		{"received", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.receive("agent-a")
			c.wait(time.Hour)
			return m
		}, ReachDelivered, Receiving},
		{"nothing is recorded of the push over an open connection", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.wait(11 * time.Second)
			return m
		}, ReachUnknown, Unknown},
		{"pushed and not acknowledged", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.tx(func(tx *ledger.Tx) {
				d, err := tx.EditDelivery("agent-a", c.l.Agent("agent-a").Sequence)
				if err != nil {
					t.Fatal(err)
				}
				d.PushedAt, d.Result, d.Connection, d.Attempts = tx.Now(), "unacknowledged", "k-agent-a-1", 1
			})
			return m
		}, ReachLost, Blocked},
		{"kept for an owner whose grace runs", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.disconnect("agent-a", "lost")
			c.wait(12 * time.Second)
			return m
		}, ReachWaiting, Waiting},
		{"nobody can receive", func(c *company) string { return c.post("web", "customer", "x") }, ReachWaiting, ""},
		{"taken back, and waits again", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State = "frozen" })
			return m
		}, ReachWaiting, ""},
		{"taken back, and resolved before anybody received it", func(c *company) string {
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State = "frozen" })
			position, _ := conversation.ParseID('m', m)
			row, err := c.store.Message(t.Context(), position)
			if err != nil {
				t.Fatal(err)
			}
			c.do(&conversation.Resolve{Conversation: row.Conversation, By: "supervisor-b", Others: true})
			return m
		}, ReachLost, Blocked},
		{"lies in the list of an async inbox", func(c *company) string {
			c.inbox("supervisor-b", "web", func(i *policy.InboxSpec) { i.Mode = "async" })
			c.work("agent-a")
			m := c.post("web", "customer", "x")
			c.wait(time.Hour)
			return m
		}, ReachDelivered, Receiving},
		{"held by a filter rule", func(c *company) string {
			c.apply("admin", edit("filter", "ads", `{"title": "广告", "match": {"keywords": ["secret"]}, "action": "quarantine"}`))
			c.work("agent-a")
			return c.post("web", "customer", "x")
		}, ReachIntercepted, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCompany(t, companyYAML)
			m := x.happens(c)
			if got := c.reach(m); got != x.reach {
				t.Errorf("it is %s, want %s", got, x.reach)
			}
			if x.verdict == "" {
				return
			}
			if r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Message: m}); r.Verdict != x.verdict {
				t.Errorf("the diagnosis says %s, want %s: %s", r.Verdict, x.verdict, show(r))
			}
		})
	}
}
