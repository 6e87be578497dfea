package conversation_test

import (
	"testing"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/test/desk"
)

// The owner resolves while the customer's last message waits for its connection: the message must not vanish.
func TestWhatWaitedForTheOwnerIsHandedOverBeforeItIsResolved(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Owner(c, "a")
	d.Lose("a")
	d.Post("web", "u1", "2")
	d.Has("a", c, "1") // the second waits for the owner
	d.Must(&conversation.Resolve{Conversation: c, By: "a"})
	d.Connect("a")
	d.Has("a", c, "1", "2")
}
