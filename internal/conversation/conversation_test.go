package conversation_test

import (
	"context"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

func TestAMessageGoesToTheLeastLoadedAndStaysWithItsOwner(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	first := d.Post("web", "u1", "你好").Conversation
	second := d.Post("web", "u2", "在吗").Conversation
	d.Owner(first, "a")
	d.Owner(second, "b")
	if again := d.Post("web", "u1", "还在吗"); again.Conversation != first || again.Sequence != 2 {
		t.Fatalf("the second message is c%d #%d", again.Conversation, again.Sequence)
	}
	d.Has("a", first, "你好", "还在吗")
	d.Has("b", first)
}

func TestTheSameIdGivesTheFirstMessageAndOtherContentIsAConflict(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Online("a")
	one, again, other := d.Message("web", "u1", "x"), d.Message("web", "u1", "x"), d.Message("web", "u1", "y")
	d.Must(one)
	d.Must(again)
	if !again.Duplicate || again.Message != one.Message {
		t.Fatalf("duplicate %v, m%d for m%d", again.Duplicate, again.Message, one.Message)
	}
	position := d.L.Position()
	d.Refused(d.Do(other), problem.Conflict, "intake.duplicate_conflict")
	if d.L.Position() != position {
		t.Fatal("a refused message used positions")
	}
	d.Has("a", d.Row(one.Message).Conversation, "x")
}

func TestAMessageThatIsRefusedChangesNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), desk.Inbox("shop", "strategy: least_loaded", "a"))
	d.Online("a")
	c := d.Post("web", "u1", "x").Conversation
	before := d.L.Fingerprint()
	try := func(change func(*conversation.Post), kind problem.Kind, code string) {
		t.Helper()
		d.IDs++
		p := d.Message("web", "u1", "y")
		change(p)
		d.Refused(d.Do(p), kind, code)
	}
	try(func(p *conversation.Post) { p.Inbox = "nowhere" }, problem.NotFound, "intake.unknown_inbox")
	try(func(p *conversation.Post) { p.Kind = "order" }, problem.Invalid, "intake.kind_not_produced")
	try(func(p *conversation.Post) { p.Kind = "system" }, problem.Invalid, "intake.kind_not_produced")
	try(func(p *conversation.Post) { p.Conversation = 999999 }, problem.NotFound, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.Inbox, p.Conversation = "shop", c }, problem.NotFound, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.ContactID, p.Conversation = "u2", c }, problem.Conflict, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.Kind, p.Conversation = "group", c }, problem.Conflict, "intake.conversation_mismatch")
	after := d.L.Fingerprint()
	for k, v := range before {
		if after[k] != v {
			t.Errorf("%s changed from %s to %s", k, v, after[k])
		}
	}
}

func TestAnotherKindOpensAConversationOfItsOwn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Online("a")
	customer := d.Post("web", "u1", "x").Conversation
	d.IDs++
	p := d.Message("web", "u1", "大家好")
	p.Kind = "group"
	d.Must(p)
	if c := d.Row(p.Message).Conversation; c == customer {
		t.Fatal("a group message joined the customer conversation")
	}
}

func TestAnOwnerWhoseConnectionIsLostKeepsTheConversationForTheGrace(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Owner(c, "a")
	d.Lose("a")
	d.Wait(19 * time.Second)
	d.Post("web", "u1", "2")
	d.Owner(c, "a")
	d.Has("a", c, "1") // the second waits for the owner
	d.Connect("a")
	d.Has("a", c, "1", "2")
	d.Owner(c, "a")
}

func TestAfterTheGraceEverythingSinceTheLastAnswerMovesTogetherInOrder(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Post("web", "u1", "2")
	if err := d.Reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.Post("web", "u1", "3")
	d.Lose("a")
	d.Wait(5 * time.Second)
	d.Post("web", "u1", "4")
	d.Wait(14 * time.Second)
	d.Owner(c, "a")
	d.Wait(time.Second)
	d.Owner(c, "b")
	d.Has("b", c, "3", "4")
	d.Has("a", c, "1", "2")
	d.Withdrawals("a", "delivery.withdrawn.owner_released", 1)
}

func TestAnAnsweredConversationIsDecidedAnewOnlyWithTheNextMessage(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	if err := d.Reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.Lose("a")
	d.Wait(time.Minute)
	d.Owner(c, "")
	d.Has("b", c)
	d.Post("web", "u1", "2")
	d.Owner(c, "b")
	d.Has("b", c, "2")
}

func TestAnOwnerThatGoesAwayKeepsTheConversationForFiveMinutes(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Presence("a", "away")
	d.Wait(4*time.Minute + 59*time.Second)
	d.Owner(c, "a")
	d.Wait(time.Second)
	d.Owner(c, "b")
}

func TestDoNotDisturbTakesNoNewConversationsAndKeepsItsOwn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Online("a")
	c := d.Post("web", "u1", "1").Conversation
	d.Presence("a", "dnd")
	d.Post("web", "u1", "2")
	d.Has("a", c, "1", "2")
	d.Owner(d.Post("web", "u2", "新客").Conversation, "")
}

func TestAFrozenOwnerIsReleasedAtOnceAndItsSessionEnds(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], state: frozen, state_reason: 核查}}`)
	d.Owner(c, "b")
	if f := d.L.Agent("a").Facts; f.Session.State != reception.SessionEnded || f.Connection.State != reception.ConnectionNone {
		t.Fatalf("the frozen account has session %v and connection %v", f.Session.State, f.Connection.State)
	}
}

func TestWhatWaitsGoesOldestFirstAndNoFurtherThanThereIsRoom(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], capacity: {total: 2}}}`)
	var ids []int64
	for _, u := range []string{"u1", "u2", "u3"} {
		ids = append(ids, d.Post("web", u, u).Conversation)
	}
	d.Online("a")
	d.Owner(ids[0], "a")
	d.Owner(ids[1], "a")
	d.Owner(ids[2], "")
	newer := d.Post("web", "u4", "u4").Conversation
	d.Must(&conversation.Resolve{Conversation: ids[0], By: "a"})
	d.Owner(ids[2], "a")
	d.Owner(newer, "")
}

func TestAnOfferThatTimesOutPassesOverUntilEverybodyHadIt(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b, c"))
	d.Online("a", "b", "c")
	c := d.Post("web", "u1", "1").Conversation
	for _, want := range []string{"a", "b", "c", "a"} {
		d.Owner(c, want)
		d.Wait(30 * time.Second)
	}
	d.Withdrawals("a", "delivery.withdrawn.accept_timeout", 2)
	d.Has("b", c, "1")
}

func TestAcceptingEndsTheTimeout(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Must(&conversation.Accept{Conversation: c, Account: "a", By: "a"})
	d.Wait(10 * time.Minute)
	d.Owner(c, "a")
}

func TestWithNobodyElseATimeoutWithdrawsNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b"))
	d.Online("a")
	c := d.Post("web", "u1", "1").Conversation
	d.Wait(10 * time.Minute)
	d.Owner(c, "a")
	d.Withdrawals("a", "delivery.withdrawn.accept_timeout", 0)
	d.Online("b")
	d.Wait(30 * time.Second)
	d.Owner(c, "b")
}

func TestABroadcastIsForEverybodyUntilOneClaimsIt(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: broadcast", "a, b, c"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Post("web", "u1", "2")
	d.Owner(c, "")
	d.Has("a", c, "1", "2")
	d.Has("b", c, "1", "2")
	d.Online("c") // comes later and gets all of it
	d.Has("c", c, "1", "2")
	d.Must(&conversation.Accept{Conversation: c, Account: "b", By: "b"})
	d.Owner(c, "b")
	d.Has("a", c)
	d.Has("b", c, "1", "2")
	d.Withdrawals("c", "delivery.withdrawn.claimed_by_colleague", 2)
	d.Refused(d.Do(&conversation.Accept{Conversation: c, Account: "a", By: "a"}), problem.Conflict, "conversation.owned_by_colleague")
}

func TestAManualConversationLiesInTheInboxUntilSomebodyTakesIt(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: manual", "a, b"))
	d.Online("a", "b")
	m := d.Post("web", "u1", "1")
	if m.Decision.Verdict != "offered" || len(m.Decision.Chosen) != 2 {
		t.Fatalf("decision %+v", m.Decision)
	}
	d.Has("a", m.Conversation)
	d.Refused(d.Do(&conversation.Accept{Conversation: m.Conversation, Account: "c", By: "c"}), problem.Conflict, "account.login.never")
	d.Online("c")
	d.Refused(d.Do(&conversation.Accept{Conversation: m.Conversation, Account: "c", By: "c"}), problem.Conflict, "membership.inbox.not_member")
	d.Must(&conversation.Accept{Conversation: m.Conversation, Account: "a", By: "a"})
	d.Has("a", m.Conversation, "1")
}

func TestAnAsyncInboxNeedsNoConnectionAndDoesNotCountInTheTotal(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	d.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], capacity: {total: 1, inboxes: {mail: 2}}}}` + "\n---\n" +
		`{kind: inbox, name: mail, spec: {title: 邮件, channel: api, mode: async, members: {accounts: [a]}, routing: {strategy: least_loaded}}}`)
	first, second := d.Post("mail", "u1", "1").Conversation, d.Post("mail", "u2", "2").Conversation
	d.Owner(first, "a")
	d.Owner(second, "a")
	d.Owner(d.Post("mail", "u3", "3").Conversation, "")
	d.Online("a")
	d.Owner(d.Post("web", "u1", "x").Conversation, "a")
}

func TestAResolvedConversationOpensAgainOnlyByName(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, sticky: true", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Owner(c, "a")
	d.Must(&conversation.Resolve{Conversation: c, By: "a"})
	d.Owner(d.Post("web", "u9", "占用甲").Conversation, "b") // a was assigned last
	again := d.Post("web", "u1", "2")
	if again.Conversation == c {
		t.Fatal("a resolved conversation was continued without being named")
	}
	d.Owner(again.Conversation, "a") // sticky: the last owner
	if again.Decision.Code != "routing.chosen.sticky" {
		t.Fatalf("chosen by %s", again.Decision.Code)
	}
	d.IDs++
	p := d.Message("web", "u1", "3")
	p.Conversation = c
	d.Must(p)
	if m := d.Row(p.Message); m.Conversation != c || m.Sequence != 2 {
		t.Fatalf("message in c%d #%d", m.Conversation, m.Sequence)
	}
	d.Owner(c, "a")
	d.Has("a", c, "1", "3")
}

func TestTransferAndRelease(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b, c"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Refused(d.Do(&conversation.Transfer{Conversation: c, By: "b", To: "b"}), problem.Forbidden, "conversation.not_owner")
	d.Refused(d.Do(&conversation.Transfer{Conversation: c, By: "a", To: "c"}), problem.Conflict, "account.login.never")
	d.Must(&conversation.Transfer{Conversation: c, By: "a", To: "b"})
	d.Owner(c, "b")
	d.Has("a", c)
	d.Has("b", c, "1")
	d.Must(&conversation.GiveBack{Conversation: c, By: "b"})
	d.Owner(c, "a") // b is passed over
}

func TestOnlyTheOwnerAnswersAndARepeatedReplyIsOne(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Refused(d.Reply("b", c, "我来"), problem.Conflict, "conversation.owned_by_colleague")
	one := &conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "好的", Digest: [16]byte{1}}
	two := &conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "好的", Digest: [16]byte{1}}
	d.Must(one)
	d.Must(two)
	if !two.Duplicate || two.Message != one.Message {
		t.Fatalf("the repeated reply is %+v", two)
	}
	d.Refused(d.Do(&conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "不", Digest: [16]byte{2}}), problem.Conflict, "conversation.duplicate_conflict")
	if m := d.Row(one.Message); m.Sequence != 2 || m.ContactSequence != 1 || m.ReplyState != ledger.ReplySent {
		t.Fatalf("reply %+v", m)
	}
}

func TestWhatWaitsForAWindowGoesWhenItOpens(t *testing.T) {
	d := desk.Open(t, "\n---\n{kind: schedule, name: late, spec: {title: 晚班, zone: Asia/Shanghai, weekly: [{days: [mon], from: \"10:30\", to: \"12:00\"}]}}",
		"\n---\n{kind: account, name: d, spec: {title: 客服丁, agent: true, roles: [agent], windows: [late]}}", desk.Inbox("web", "strategy: least_loaded", "d"))
	d.Online("d")
	m := d.Post("web", "u1", "1")
	if m.Decision.Verdict != "waiting" {
		t.Fatalf("decision %+v", m.Decision)
	}
	d.Wait(29*time.Minute + 59*time.Second)
	d.Owner(m.Conversation, "")
	d.Wait(time.Second)
	d.Owner(m.Conversation, "d")
	d.Wait(3 * time.Hour) // the window closes; the owner finishes
	d.Post("web", "u1", "2")
	d.Owner(m.Conversation, "d")
	d.Owner(d.Post("web", "u2", "3").Conversation, "")
}

func TestARightThatRunsOutReleasesItsOwnerAtThatInstant(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Apply(`{kind: account, name: b, spec: {title: 客服乙, agent: true, roles: [agent], deny: [{permission: receive.customer, until: "2026-03-02T10:30:00+08:00"}]}}`)
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Owner(c, "a")
	d.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], expires: "2026-03-02T10:40:00+08:00"}}`)
	d.Wait(39*time.Minute + 59*time.Second)
	d.Owner(c, "a")
	d.Wait(time.Second)
	d.Owner(c, "b")
}

func TestAnAcknowledgementOfALongAnsweredMessageClaimsNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	if err := d.Reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.Must(&conversation.GiveBack{Conversation: c, By: "a"})
	d.Owner(c, "")
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error { return conversation.AcceptDelivery(tx, c, "a") }))
	d.Owner(c, "")
}

func TestARestartKeepsOwnersForAGraceAndConversationsInOrder(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	c := d.Post("web", "u1", "1").Conversation
	d.Owner(c, "a")
	d.Store = d.Store.Crash()
	d.Now = d.Now.Add(time.Hour)
	d.Start("run-2")
	d.Post("web", "u1", "2")
	d.Owner(c, "a") // its grace runs from the start
	d.Wait(20 * time.Second)
	d.Owner(c, "")
	d.Connect("b")
	d.Has("b", c, "1", "2")
	facts, err := d.Store.FactsBetween(context.Background(), ledger.AccountSubject("a"), time.Time{}, d.Now, 100)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range facts {
		found = found || f.Name == ledger.FactSocket && f.EndCause == ledger.CauseLost
	}
	if !found {
		t.Fatalf("no connection was closed as lost with its process: %+v", facts)
	}
}

func TestAPolicyChangeTellsWhomItAltersAndTheirLead(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"),
		"\n---\n{kind: team, name: front, spec: {title: 前台组, members: [a], lead: c}}")
	d.Online("a", "b", "c")
	d.Apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.group}]}}`)
	for account, want := range map[string]bool{"a": true, "b": false, "c": true} {
		entries, err := d.Store.Entries(context.Background(), account, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, e := range entries {
			told = told || e.Delivery.Type == ledger.EntryNotice && e.Message.Author == "admin" && e.Delivery.Inbox == ""
		}
		last := len(entries) > 0 && entries[len(entries)-1].Delivery.Type == ledger.EntryNotice && entries[len(entries)-1].Message.Position > 0
		if want && (!told || !last) {
			t.Errorf("%s was not told", account)
		}
	}
	audit, err := d.Store.Audit(context.Background(), 0, 10)
	if err != nil || len(audit) == 0 || audit[0].Action != "policy.apply" || audit[0].By != "admin" {
		t.Fatalf("audit %+v, %v", audit, err)
	}
}
