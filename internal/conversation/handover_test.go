package conversation_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// told is what notices of handovers say to an account, and checks that each replays.
func told(d *desk.Desk, account string) (list []string) {
	d.T.Helper()
	entries, err := d.Store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	for _, e := range entries {
		var data ledger.AssignmentData
		if e.Delivery.Type != ledger.EntryNotice || json.Unmarshal(e.Message.Data, &data) != nil || data.Assignment == "" {
			continue
		}
		list = append(list, data.EN)
		if err := ledger.Replay(context.Background(), d.Store, *d.Row(e.Delivery.Message).Decision, func(int64) (*reception.Policy, error) { return d.L.Policy().Compile(), nil }); err != nil {
			d.T.Errorf("%q: %v", data.EN, err)
		}
	}
	return list
}

func isTold(d *desk.Desk, account string, want ...string) {
	d.T.Helper()
	if got := told(d, account); !slices.Equal(got, want) {
		d.T.Fatalf("%s is told %q, want %q", account, got, want)
	}
}

func TestPeopleAreToldWhatOthersDoWithTheirConversations(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a")
	m := d.Post("web", "u1", "你们好")
	it := "conversation " + conversation.ID(m.Conversation) + " (web)"
	isTold(d, "a") // the routing tells itself
	d.Online("b")
	d.Must(&conversation.Transfer{Conversation: m.Conversation, By: "a", To: "b"})
	isTold(d, "a") // what one did oneself
	isTold(d, "b", "客服甲 handed "+it+" to you.")
	d.Must(&conversation.Transfer{Conversation: m.Conversation, By: "admin", To: "a", Others: true})
	isTold(d, "b", "客服甲 handed "+it+" to you.", "管理员 handed your "+it+" to 客服甲.")
	isTold(d, "a", "管理员 handed "+it+" to you.")
	d.Must(&conversation.GiveBack{Conversation: m.Conversation, By: "admin", Others: true})
	isTold(d, "a", "管理员 handed "+it+" to you.", "管理员 took your "+it+" back.")
	d.Owner(m.Conversation, "b")
	d.Must(&conversation.Resolve{Conversation: m.Conversation, By: "admin", Others: true})
	isTold(d, "b", "客服甲 handed "+it+" to you.", "管理员 handed your "+it+" to 客服甲.", "管理员 resolved your "+it+".")
}

func TestAgentsWhoTakeReleaseAndResolveThemselvesAreToldNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: manual", "a, b"))
	d.Online("a", "b")
	m := d.Post("web", "u1", "你们好")
	d.Must(&conversation.Accept{Conversation: m.Conversation, Account: "a", By: "a"})
	d.Must(&conversation.GiveBack{Conversation: m.Conversation, By: "a"})
	d.Must(&conversation.Accept{Conversation: m.Conversation, Account: "b", By: "b"})
	d.Must(&conversation.Resolve{Conversation: m.Conversation, By: "b"})
	isTold(d, "a")
	isTold(d, "b")
}

func TestWhoMayNotReceiveSystemMessagesIsNotToldOfHandovers(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Apply("{kind: account, name: b, spec: {title: 客服乙, agent: true, roles: [agent], deny: [{permission: receive.system}]}}")
	d.Online("a")
	m := d.Post("web", "u1", "你们好")
	d.Online("b")
	d.Must(&conversation.Transfer{Conversation: m.Conversation, By: "a", To: "b"})
	isTold(d, "b")
	d.Owner(m.Conversation, "b")
}
