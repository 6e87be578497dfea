package conversation_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// notices are the texts of the notices in an account's stream that tell of a conversation.
func notices(t *testing.T, d *desk.Desk, account, id string) int {
	t.Helper()
	entries, err := d.Store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		var words struct{ ZH, EN string }
		if e.Delivery.Type == ledger.EntryNotice && json.Unmarshal(e.Message.Data, &words) == nil && strings.Contains(words.EN, "set aside") && strings.Contains(words.EN, id+" ") {
			n++
		}
	}
	return n
}

func snooze(d *desk.Desk, id int64, span time.Duration, by string, others bool) *conversation.Snooze {
	return &conversation.Snooze{Conversation: id, Until: d.Now.Add(span), By: by, Others: others}
}

func TestAConversationThatItsOwnerSetAsideStaysWithItAndComesBackInTime(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, accept_timeout: 30s, answer_timeout: 1m, idle_close: 2m", "a, b"))
	d.Online("a", "b")
	id := d.Post("web", "u", "x").Conversation
	d.Owner(id, "a")
	d.Must(snooze(d, id, time.Hour, "a", false))
	d.Wait(59 * time.Minute)
	d.Owner(id, "a") // no turn ended, nobody was passed over
	d.Start("run-2") // and it is not forgotten
	d.Connect("a")
	d.Connect("b")
	if n := notices(t, d, "a", conversation.ID(id)); n != 0 {
		t.Fatalf("told %d times before its time", n)
	}
	d.Wait(time.Minute)
	c := d.L.OpenConversation(id)
	if !c.SnoozedUntil().IsZero() || notices(t, d, "a", conversation.ID(id)) != 1 || !c.TurnSince.Equal(d.Now) {
		t.Errorf("set aside until %v, told %d times, turn since %v", c.SnoozedUntil(), notices(t, d, "a", conversation.ID(id)), c.TurnSince)
	}
	d.Wait(time.Minute) // its turn began anew
	d.Owner(id, "b")
	replays(t, d)
}

func TestACustomerWhoWritesWakesTheConversation(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Online("a")
	id := d.Post("web", "u", "x").Conversation
	d.Must(snooze(d, id, time.Hour, "a", false))
	d.Post("web", "u", "y")
	d.Has("a", id, "x", "y")
	if c := d.L.OpenConversation(id); !c.SnoozedUntil().IsZero() {
		t.Errorf("still set aside until %v", c.SnoozedUntil())
	}
	d.Wait(2 * time.Hour)
	if n := notices(t, d, "a", conversation.ID(id)); n != 0 {
		t.Errorf("told %d times of a time that no longer counts", n)
	}
	replays(t, d)
}

func TestAConversationThatNobodyHasWaitsAsideAndTheOthersGoOn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	first, second := d.Post("web", "u1", "1").Conversation, d.Post("web", "u2", "2").Conversation
	d.Refused(d.Do(snooze(d, first, time.Hour, "a", false)), problem.Forbidden, "conversation.not_owner")
	d.Must(snooze(d, first, time.Hour, "admin", true))
	waits(t, d, first, reception.CodeConversationSnoozed)
	d.Online("a")
	waits(t, d, first, reception.CodeConversationSnoozed)
	d.Owner(second, "a") // although an older one waits in the same cell
	d.Wait(time.Hour)
	d.Owner(first, "a")
	replays(t, d)
}

func TestWhatIsOfferedIsTakenBackWhileItIsSetAside(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: broadcast", "a, b"))
	d.Online("a", "b")
	id := d.Post("web", "u", "x").Conversation
	d.Must(snooze(d, id, time.Hour, "admin", true))
	d.Has("a", id)
	d.Withdrawals("b", reception.CodeDeliveryWithdrawnSnoozed.String(), 1)
	d.Must(&conversation.Wake{Conversation: id, By: "admin", Others: true})
	d.Has("a", id, "x")
	d.Must(snooze(d, id, time.Hour, "admin", true))
	d.Must(&conversation.Accept{Conversation: id, Account: "b", By: "b"}) // taken by hand it is under way again
	d.Owner(id, "b")
	if c := d.L.OpenConversation(id); !c.SnoozedUntil().IsZero() {
		t.Errorf("still set aside until %v", c.SnoozedUntil())
	}
	replays(t, d)
}

func TestSettingAsideIsForTheOwnerForATimeToComeAndEndsWithTheConversation(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a")
	id := d.Post("web", "u", "x").Conversation
	for _, span := range []time.Duration{0, -time.Minute, 91 * 24 * time.Hour} {
		d.Refused(d.Do(snooze(d, id, span, "a", false)), problem.Invalid, "conversation.snooze_until")
	}
	d.Refused(d.Do(snooze(d, id, time.Hour, "b", false)), problem.Forbidden, "conversation.not_owner")
	d.Refused(d.Do(&conversation.Wake{Conversation: id, By: "b"}), problem.Forbidden, "conversation.not_owner")
	d.Must(snooze(d, id, time.Hour, "a", false))
	d.Must(snooze(d, id, 2*time.Hour, "a", false))
	if c := d.L.OpenConversation(id); !c.SnoozedUntil().Equal(d.Now.Add(2 * time.Hour)) {
		t.Errorf("set aside until %v", c.SnoozedUntil())
	}
	d.Must(&conversation.Resolve{Conversation: id, By: "a"})
	d.Refused(d.Do(snooze(d, id, time.Hour, "a", false)), problem.Conflict, "conversation.resolved")
	d.Wait(3 * time.Hour)
	if n := notices(t, d, "a", conversation.ID(id)); n != 0 {
		t.Errorf("told %d times of a resolved conversation", n)
	}
	d.Must(&conversation.Wake{Conversation: d.Post("web", "u", "again").Conversation, By: "a", Others: true}) // nothing to do
	replays(t, d)
}
