package reference

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// Workload makes groups of ordinary messages: each with its decision, key, conversation and delivery, and beside them the acknowledgement of each delivery
// of the group before. Its choices are the same in every run.
type Workload struct {
	random        *rand.Rand
	position      int64
	at            time.Time
	conversations []ledger.ConversationRow
	sequences     []int64 // of the agents' streams
	unanswered    []ledger.DeliveryRow
}

// NewWorkload makes a Workload with so many conversations, which so many agents own.
func NewWorkload(conversations, agents int) *Workload {
	w := &Workload{random: rand.New(rand.NewPCG(1, 2)), at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), sequences: make([]int64, agents)}
	for i := range conversations {
		w.conversations = append(w.conversations, ledger.ConversationRow{ID: int64(i) + 1, Inbox: []string{"web", "wecom-main", "mail"}[i%3], Contact: fmt.Sprint("wmbEiOCgAA", 100000+i),
			Kind: "customer", Status: "open", Owner: agent(i % agents), OwnerPosition: int64(i) + 1, OpenedAt: w.at})
	}
	return w
}

func agent(i int) string { return fmt.Sprint("agent-", i) }

// Stored is how many messages the groups so far had.
func (w *Workload) Stored() int64 { return w.position / 2 }

// Commit writes the next group.
func (w *Workload) Commit(ctx context.Context, s ledger.Committer, size int) error {
	return s.Commit(ctx, w.group(size))
}

func (w *Workload) group(size int) *ledger.Group {
	w.at = w.at.Add(time.Millisecond)
	g := &ledger.Group{First: w.position + 1, Last: w.position + 2*int64(size), At: w.at, Nonce: fmt.Sprintf("%016x", w.position), DeliveryEdits: w.unanswered}
	for range size {
		w.message(g)
	}
	w.unanswered = make([]ledger.DeliveryRow, size)
	for i, d := range g.Deliveries {
		d.State, d.PushedAt, d.Connection, d.Client, d.Result, d.Attempts, d.ReceivedAt, d.ReceivedBy = ledger.Received, w.at, "c-17", "web-8f2c", "received", 1, w.at, "web-8f2c"
		w.unanswered[i] = d
	}
	w.position += int64(size)
	return g
}

func (w *Workload) message(g *ledger.Group) {
	w.position++
	i := w.random.IntN(len(w.conversations))
	c := &w.conversations[i]
	c.LastSequence++
	c.Delivered, c.UpdatedAt, c.Position = c.LastSequence, w.at, w.position
	owner := i % len(w.sequences)
	w.sequences[owner]++
	id := fmt.Sprintf("%016x%016x", w.random.Uint64(), w.random.Uint64())
	decision := &ledger.DecisionRow{Revision: 42, Engine: "1/2026b", Cause: "message", Verdict: "routed", Code: "routing.sticky_owner", Chosen: []string{c.Owner}, Load: 3,
		Outcomes: [16]byte{byte(i), byte(i >> 8)}}
	g.Messages = append(g.Messages, ledger.MessageRow{Position: w.position, Direction: ledger.Inbound, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence,
		Kind: "customer", SenderID: id, Contact: c.Contact, Text: "您好，我上周下的订单还没有收到，物流信息三天没有更新了，能帮我查一下吗？订单号是 2026112300", ReceivedAt: w.at, At: w.at, Decision: decision})
	g.Keys = append(g.Keys, ledger.KeyRow{Scope: "in/" + c.Inbox, ID: id, Position: w.position, Digest: [16]byte{1}, At: w.at})
	g.Conversations = append(g.Conversations, *c)
	g.Deliveries = append(g.Deliveries, ledger.DeliveryRow{Account: c.Owner, Sequence: w.sequences[owner], Type: ledger.EntryMessage, Message: w.position, Conversation: c.ID,
		Inbox: c.Inbox, Kind: "customer", State: ledger.Queued, Position: w.position, At: w.at})
}
