package conversation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/test/desk"
)

// counting is a store that counts how often the deliveries of a message are read.
type counting struct {
	*memory.Store
	reads int
}

func (c *counting) DeliveriesOf(ctx context.Context, message int64) ([]ledger.DeliveryRow, error) {
	c.reads++
	return c.Store.DeliveriesOf(ctx, message)
}

// Hundreds of conversations lie offered; an agent comes and goes. Who holds an offer has everything: nothing is looked up for it again.
func TestAChangeDoesNotLookUpWhatHoldersOfOffersHave(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: broadcast", "a, b, c"))
	store := &counting{Store: d.Store}
	l, err := ledger.New(context.Background(), store, ledger.Options{
		Now: func() time.Time { return d.Now }, Node: "run-2", Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: conversation.Deadlines(),
		ConnectionGrace: 20 * time.Second, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.L = l
	d.Online("a", "b")
	var ids []int64
	for n := range 50 {
		ids = append(ids, d.Post("web", fmt.Sprint("u", n), "x").Conversation)
	}
	store.reads = 0
	d.Online("c") // gets an offer of each
	if store.reads > len(ids) {
		t.Errorf("deliveries were read %d times to offer %d conversations to one more", store.reads, len(ids))
	}
	store.reads = 0
	d.Presence("c", "away")
	d.Presence("c", "available")
	if store.reads != 0 {
		t.Errorf("deliveries were read %d times though nobody gets anything new", store.reads)
	}
	d.Post("web", "u0", "y")
	for _, a := range []string{"a", "b", "c"} {
		d.Has(a, ids[0], "x", "y")
		d.Has(a, ids[49], "x")
	}
}
