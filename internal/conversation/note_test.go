package conversation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// noting writes a note and returns it as it is stored.
func noting(d *desk.Desk, account string, c int64, text string, mentions ...string) ledger.MessageRow {
	d.T.Helper()
	n := &conversation.Note{Conversation: c, ID: "note-" + text, Account: account, Text: text, Mentions: mentions}
	d.Must(n)
	return d.Row(n.Message)
}

func TestANoteGoesToTheOwnerAndThoseMentionedAndIsNoAnswer(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b, c"))
	d.Online("a", "b")
	id := d.Post("web", "u1", "你好").Conversation
	d.Owner(id, "a")
	note := noting(d, "b", id, "老客户", "c", "b")
	if note.Sequence != 2 || note.Direction != ledger.Note || note.Kind != "internal" || !slices.Equal(note.Decision.Chosen, []string{"a", "c"}) {
		t.Fatalf("the note is %+v, decided %+v", note, note.Decision)
	}
	d.Has("a", id, "你好", "老客户")
	d.Has("c", id, "老客户")
	d.Has("b", id)
	if c := d.Conversation(id); c.Answered != 0 || c.Delivered != 2 || c.Accepted {
		t.Errorf("after a note nobody has answered: %+v", c)
	}
	if rows, err := d.Store.Replies(t.Context(), "web", 0, 99); err != nil || len(rows) != 0 {
		t.Errorf("the customer's side reads %+v, %v", rows, err)
	}
	// What the customer writes next is in order behind it, and the owner has it.
	d.Post("web", "u1", "在吗")
	d.Has("a", id, "你好", "老客户", "在吗")
}

func TestANoteAfterAnAnswerLeavesTheConversationAnswered(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	id := d.Post("web", "u1", "你好").Conversation
	if err := d.Reply("a", id, "好的"); err != nil {
		t.Fatal(err)
	}
	noting(d, "a", id, "已处理")
	if c := d.Conversation(id); c.Answered != 3 || c.LastSequence != 3 {
		t.Fatalf("answered %d of %d", c.Answered, c.LastSequence)
	}
	// The owner goes: nothing is unanswered, so nothing is given to anybody.
	d.Lose("a")
	d.Wait(time.Minute)
	d.Owner(id, "")
	d.Has("b", id)
	if c := d.Conversation(id); c.WaitingSince != 0 {
		t.Errorf("it waits for an answer that was given: %+v", c)
	}
	d.Post("web", "u1", "还有一事")
	d.Has("b", id, "还有一事")
}

func TestAConversationThatMovesOnTakesItsMessagesWithItAndLeavesNotesWhereTheyAre(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	id := d.Post("web", "u1", "你好").Conversation
	noting(d, "b", id, "请先核对订单")
	d.Must(&conversation.Transfer{Conversation: id, To: "b", By: "a"})
	d.Has("a", id, "请先核对订单")
	d.Has("b", id, "你好")
}

func TestANoteOnWhatNobodyHasStaysInTheThreadAndChangesNothingElse(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	id := d.Post("web", "u1", "你好").Conversation
	before := d.Conversation(id)
	note := noting(d, "b", id, "等甲上线")
	after := d.Conversation(id)
	if note.Decision.Code != "routing.stays_in_thread" || len(note.Decision.Chosen) != 0 {
		t.Errorf("decided %+v", note.Decision)
	}
	if after.WaitingSince != before.WaitingSince || after.WaitingCode != before.WaitingCode || after.LastSequence != 2 || after.Answered != 0 {
		t.Errorf("it was %+v, it is %+v", before, after)
	}
	d.Online("a")
	d.Owner(id, "a")
	d.Has("a", id, "你好")
}

func TestWhoMayNotHaveInternalMessagesIsNotTold(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b, c"), desk.Inbox("shop", "strategy: least_loaded", "d"),
		"\n---\nkind: account\nname: d\nspec: {agent: true, roles: [agent]}\n")
	d.Online("a", "c")
	d.Apply("kind: account\nname: c\nspec: {agent: true, roles: [agent], deny: [{permission: receive.internal}]}\n")
	id := d.Post("web", "u1", "你好").Conversation
	d.Owner(id, "a")
	note := noting(d, "b", id, "看一下", "c", "d")
	if !slices.Equal(note.Decision.Chosen, []string{"a"}) {
		t.Errorf("told %v", note.Decision.Chosen)
	}
	d.Has("c", id)
	d.Has("d", id)
}

func TestAResolvedConversationTakesANoteAndStaysResolved(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Online("a")
	id := d.Post("web", "u1", "你好").Conversation
	d.Must(&conversation.Resolve{Conversation: id, By: "a"})
	noting(d, "a", id, "回访")
	c := d.Conversation(id)
	if c.Status != ledger.StatusResolved || c.Owner != "" || c.Resolved == 0 || c.Answered != c.LastSequence || c.LastSequence != 2 {
		t.Errorf("it is %+v", c)
	}
	if d.L.OpenConversation(id) != nil {
		t.Error("it is open again")
	}
	again := d.Post("web", "u1", "又来了")
	if again.Conversation == id {
		t.Error("a note reopened the thread of the contact")
	}
}

func TestTheSameNoteIsStoredOnceAndAnotherUnderItsIdIsRefused(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a")
	id := d.Post("web", "u1", "你好").Conversation
	first := &conversation.Note{Conversation: id, ID: "n", Account: "b", Text: "x", Digest: [16]byte{1}}
	again := &conversation.Note{Conversation: id, ID: "n", Account: "b", Text: "x", Digest: [16]byte{1}}
	d.Must(first)
	d.Must(again)
	if !again.Duplicate || again.Message != first.Message {
		t.Errorf("duplicate %v, m%d for m%d", again.Duplicate, again.Message, first.Message)
	}
	d.Refused(d.Do(&conversation.Note{Conversation: id, ID: "n", Account: "b", Text: "y", Digest: [16]byte{2}}), problem.Conflict, "conversation.duplicate_conflict")
	d.Refused(d.Do(&conversation.Note{Conversation: 999, ID: "n", Account: "b", Text: "y"}), problem.NotFound, "conversation.not_found")
	d.Has("a", id, "你好", "x")
}

func TestANotesDecisionReplays(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b, c"))
	d.Online("a", "b")
	id := d.Post("web", "u1", "你好").Conversation
	note := noting(d, "b", id, "看一下", "c")
	d.Must(&conversation.Transfer{Conversation: id, To: "b", By: "a"})
	if err := ledger.Replay(t.Context(), d.Store, *note.Decision, func(int64) (*reception.Policy, error) { return d.L.Policy().Compile(), nil }); err != nil {
		t.Error(err)
	}
}
