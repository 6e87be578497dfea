package conversation_test

import (
	"context"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func TestAMessageGoesToTheLeastLoadedAndStaysWithItsOwner(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	first := d.post("web", "u1", "你好").Conversation
	second := d.post("web", "u2", "在吗").Conversation
	d.owner(first, "a")
	d.owner(second, "b")
	if again := d.post("web", "u1", "还在吗"); again.Conversation != first || again.Sequence != 2 {
		t.Fatalf("the second message is c%d #%d", again.Conversation, again.Sequence)
	}
	d.has("a", first, "你好", "还在吗")
	d.has("b", first)
}

func TestTheSameIdGivesTheFirstMessageAndOtherContentIsAConflict(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"))
	d.online("a")
	one, again, other := d.message("web", "u1", "x"), d.message("web", "u1", "x"), d.message("web", "u1", "y")
	d.must(one)
	d.must(again)
	if !again.Duplicate || again.Message != one.Message {
		t.Fatalf("duplicate %v, m%d for m%d", again.Duplicate, again.Message, one.Message)
	}
	position := d.l.Position()
	d.refused(d.do(other), problem.Conflict, "intake.duplicate_conflict")
	if d.l.Position() != position {
		t.Fatal("a refused message used positions")
	}
	d.has("a", d.row(one.Message).Conversation, "x")
}

func TestAMessageThatIsRefusedChangesNothing(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"), inbox("shop", "strategy: least_loaded", "a"))
	d.online("a")
	c := d.post("web", "u1", "x").Conversation
	before := d.l.Fingerprint()
	try := func(change func(*conversation.Post), kind problem.Kind, code string) {
		t.Helper()
		d.ids++
		p := d.message("web", "u1", "y")
		change(p)
		d.refused(d.do(p), kind, code)
	}
	try(func(p *conversation.Post) { p.Inbox = "nowhere" }, problem.NotFound, "intake.unknown_inbox")
	try(func(p *conversation.Post) { p.Kind = "order" }, problem.Invalid, "intake.kind_not_produced")
	try(func(p *conversation.Post) { p.Kind = "system" }, problem.Invalid, "intake.kind_not_produced")
	try(func(p *conversation.Post) { p.Conversation = 999999 }, problem.NotFound, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.Inbox, p.Conversation = "shop", c }, problem.NotFound, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.ContactID, p.Conversation = "u2", c }, problem.Conflict, "intake.conversation_mismatch")
	try(func(p *conversation.Post) { p.Kind, p.Conversation = "group", c }, problem.Conflict, "intake.conversation_mismatch")
	after := d.l.Fingerprint()
	for k, v := range before {
		if after[k] != v {
			t.Errorf("%s changed from %s to %s", k, v, after[k])
		}
	}
}

func TestAnotherKindOpensAConversationOfItsOwn(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"))
	d.online("a")
	customer := d.post("web", "u1", "x").Conversation
	d.ids++
	p := d.message("web", "u1", "大家好")
	p.Kind = "group"
	d.must(p)
	if c := d.row(p.Message).Conversation; c == customer {
		t.Fatal("a group message joined the customer conversation")
	}
}

func TestAnOwnerWhoseConnectionIsLostKeepsTheConversationForTheGrace(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.owner(c, "a")
	d.lose("a")
	d.wait(19 * time.Second)
	d.post("web", "u1", "2")
	d.owner(c, "a")
	d.has("a", c, "1") // the second waits for the owner
	d.connect("a")
	d.has("a", c, "1", "2")
	d.owner(c, "a")
}

func TestAfterTheGraceEverythingSinceTheLastAnswerMovesTogetherInOrder(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.post("web", "u1", "2")
	if err := d.reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.post("web", "u1", "3")
	d.lose("a")
	d.wait(5 * time.Second)
	d.post("web", "u1", "4")
	d.wait(14 * time.Second)
	d.owner(c, "a")
	d.wait(time.Second)
	d.owner(c, "b")
	d.has("b", c, "3", "4")
	d.has("a", c, "1", "2")
	d.withdrawals("a", "delivery.withdrawn.owner_released", 1)
}

func TestAnAnsweredConversationIsDecidedAnewOnlyWithTheNextMessage(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	if err := d.reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.lose("a")
	d.wait(time.Minute)
	d.owner(c, "")
	d.has("b", c)
	d.post("web", "u1", "2")
	d.owner(c, "b")
	d.has("b", c, "2")
}

func TestAnOwnerThatGoesAwayKeepsTheConversationForFiveMinutes(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.presence("a", "away")
	d.wait(4*time.Minute + 59*time.Second)
	d.owner(c, "a")
	d.wait(time.Second)
	d.owner(c, "b")
}

func TestDoNotDisturbTakesNoNewConversationsAndKeepsItsOwn(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"))
	d.online("a")
	c := d.post("web", "u1", "1").Conversation
	d.presence("a", "dnd")
	d.post("web", "u1", "2")
	d.has("a", c, "1", "2")
	d.owner(d.post("web", "u2", "新客").Conversation, "")
}

func TestAFrozenOwnerIsReleasedAtOnceAndItsSessionEnds(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], state: frozen, state_reason: 核查}}`)
	d.owner(c, "b")
	if f := d.l.Agent("a").Facts; f.Session.State != reception.SessionEnded || f.Connection.State != reception.ConnectionNone {
		t.Fatalf("the frozen account has session %v and connection %v", f.Session.State, f.Connection.State)
	}
}

func TestWhatWaitsGoesOldestFirstAndNoFurtherThanThereIsRoom(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"))
	d.apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], capacity: {total: 2}}}`)
	var ids []int64
	for _, u := range []string{"u1", "u2", "u3"} {
		ids = append(ids, d.post("web", u, u).Conversation)
	}
	d.online("a")
	d.owner(ids[0], "a")
	d.owner(ids[1], "a")
	d.owner(ids[2], "")
	newer := d.post("web", "u4", "u4").Conversation
	d.must(&conversation.Resolve{Conversation: ids[0], By: "a"})
	d.owner(ids[2], "a")
	d.owner(newer, "")
}

func TestAnOfferThatTimesOutPassesOverUntilEverybodyHadIt(t *testing.T) {
	d := open(t, inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b, c"))
	d.online("a", "b", "c")
	c := d.post("web", "u1", "1").Conversation
	for _, want := range []string{"a", "b", "c", "a"} {
		d.owner(c, want)
		d.wait(30 * time.Second)
	}
	d.withdrawals("a", "delivery.withdrawn.accept_timeout", 2)
	d.has("b", c, "1")
}

func TestAcceptingEndsTheTimeout(t *testing.T) {
	d := open(t, inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.must(&conversation.Accept{Conversation: c, Account: "a", By: "a"})
	d.wait(10 * time.Minute)
	d.owner(c, "a")
}

func TestWithNobodyElseATimeoutWithdrawsNothing(t *testing.T) {
	d := open(t, inbox("web", "strategy: round_robin, accept_timeout: 30s", "a, b"))
	d.online("a")
	c := d.post("web", "u1", "1").Conversation
	d.wait(10 * time.Minute)
	d.owner(c, "a")
	d.withdrawals("a", "delivery.withdrawn.accept_timeout", 0)
	d.online("b")
	d.wait(30 * time.Second)
	d.owner(c, "b")
}

func TestABroadcastIsForEverybodyUntilOneClaimsIt(t *testing.T) {
	d := open(t, inbox("web", "strategy: broadcast", "a, b, c"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.post("web", "u1", "2")
	d.owner(c, "")
	d.has("a", c, "1", "2")
	d.has("b", c, "1", "2")
	d.online("c") // comes later and gets all of it
	d.has("c", c, "1", "2")
	d.must(&conversation.Accept{Conversation: c, Account: "b", By: "b"})
	d.owner(c, "b")
	d.has("a", c)
	d.has("b", c, "1", "2")
	d.withdrawals("c", "delivery.withdrawn.claimed_by_colleague", 2)
	d.refused(d.do(&conversation.Accept{Conversation: c, Account: "a", By: "a"}), problem.Conflict, "conversation.owned_by_colleague")
}

func TestAManualConversationLiesInTheInboxUntilSomebodyTakesIt(t *testing.T) {
	d := open(t, inbox("web", "strategy: manual", "a, b"))
	d.online("a", "b")
	m := d.post("web", "u1", "1")
	if m.Decision.Verdict != "offered" || len(m.Decision.Chosen) != 2 {
		t.Fatalf("decision %+v", m.Decision)
	}
	d.has("a", m.Conversation)
	d.refused(d.do(&conversation.Accept{Conversation: m.Conversation, Account: "c", By: "c"}), problem.Conflict, "membership.inbox.not_member")
	d.must(&conversation.Accept{Conversation: m.Conversation, Account: "a", By: "a"})
	d.has("a", m.Conversation, "1")
}

func TestAnAsyncInboxNeedsNoConnectionAndDoesNotCountInTheTotal(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a"))
	d.apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], capacity: {total: 1, inboxes: {mail: 2}}}}` + "\n---\n" +
		`{kind: inbox, name: mail, spec: {title: 邮件, channel: api, mode: async, members: {accounts: [a]}, routing: {strategy: least_loaded}}}`)
	first, second := d.post("mail", "u1", "1").Conversation, d.post("mail", "u2", "2").Conversation
	d.owner(first, "a")
	d.owner(second, "a")
	d.owner(d.post("mail", "u3", "3").Conversation, "")
	d.online("a")
	d.owner(d.post("web", "u1", "x").Conversation, "a")
}

func TestAResolvedConversationOpensAgainOnlyByName(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded, sticky: true", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.owner(c, "a")
	d.must(&conversation.Resolve{Conversation: c, By: "a"})
	d.owner(d.post("web", "u9", "占用甲").Conversation, "b") // a was assigned last
	again := d.post("web", "u1", "2")
	if again.Conversation == c {
		t.Fatal("a resolved conversation was continued without being named")
	}
	d.owner(again.Conversation, "a") // sticky: the last owner
	if again.Decision.Code != "routing.chosen.sticky" {
		t.Fatalf("chosen by %s", again.Decision.Code)
	}
	d.ids++
	p := d.message("web", "u1", "3")
	p.Conversation = c
	d.must(p)
	if m := d.row(p.Message); m.Conversation != c || m.Sequence != 2 {
		t.Fatalf("message in c%d #%d", m.Conversation, m.Sequence)
	}
	d.owner(c, "a")
	d.has("a", c, "1", "3")
}

func TestTransferAndRelease(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b, c"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.refused(d.do(&conversation.Transfer{Conversation: c, By: "b", To: "b"}), problem.Forbidden, "conversation.not_owner")
	d.refused(d.do(&conversation.Transfer{Conversation: c, By: "a", To: "c"}), problem.Conflict, "account.login.never")
	d.must(&conversation.Transfer{Conversation: c, By: "a", To: "b"})
	d.owner(c, "b")
	d.has("a", c)
	d.has("b", c, "1")
	d.must(&conversation.GiveBack{Conversation: c, By: "b"})
	d.owner(c, "a") // b is passed over
}

func TestOnlyTheOwnerAnswersAndARepeatedReplyIsOne(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.refused(d.reply("b", c, "我来"), problem.Conflict, "conversation.owned_by_colleague")
	one := &conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "好的", Digest: [16]byte{1}}
	two := &conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "好的", Digest: [16]byte{1}}
	d.must(one)
	d.must(two)
	if !two.Duplicate || two.Message != one.Message {
		t.Fatalf("the repeated reply is %+v", two)
	}
	d.refused(d.do(&conversation.Reply{Conversation: c, ID: "r", Account: "a", Text: "不", Digest: [16]byte{2}}), problem.Conflict, "conversation.duplicate_conflict")
	if m := d.row(one.Message); m.Sequence != 2 || m.ContactSequence != 1 || m.ReplyState != ledger.ReplySent {
		t.Fatalf("reply %+v", m)
	}
}

func TestWhatWaitsForAWindowGoesWhenItOpens(t *testing.T) {
	d := open(t, "\n---\n{kind: schedule, name: late, spec: {title: 晚班, zone: Asia/Shanghai, weekly: [{days: [mon], from: \"10:30\", to: \"12:00\"}]}}",
		"\n---\n{kind: account, name: d, spec: {title: 客服丁, agent: true, roles: [agent], windows: [late]}}", inbox("web", "strategy: least_loaded", "d"))
	d.online("d")
	m := d.post("web", "u1", "1")
	if m.Decision.Verdict != "waiting" {
		t.Fatalf("decision %+v", m.Decision)
	}
	d.wait(29*time.Minute + 59*time.Second)
	d.owner(m.Conversation, "")
	d.wait(time.Second)
	d.owner(m.Conversation, "d")
	d.wait(3 * time.Hour) // the window closes; the owner finishes
	d.post("web", "u1", "2")
	d.owner(m.Conversation, "d")
	d.owner(d.post("web", "u2", "3").Conversation, "")
}

func TestARightThatRunsOutReleasesItsOwnerAtThatInstant(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.apply(`{kind: account, name: b, spec: {title: 客服乙, agent: true, roles: [agent], deny: [{permission: receive.customer, until: "2026-03-02T10:30:00+08:00"}]}}`)
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.owner(c, "a")
	d.apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], expires: "2026-03-02T10:40:00+08:00"}}`)
	d.wait(39*time.Minute + 59*time.Second)
	d.owner(c, "a")
	d.wait(time.Second)
	d.owner(c, "b")
}

func TestAnAcknowledgementOfALongAnsweredMessageClaimsNothing(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	if err := d.reply("a", c, "好的"); err != nil {
		t.Fatal(err)
	}
	d.must(&conversation.GiveBack{Conversation: c, By: "a"})
	d.owner(c, "")
	d.must(ledger.CommandFunc(func(tx *ledger.Tx) error { return conversation.AcceptDelivery(tx, c, "a") }))
	d.owner(c, "")
}

func TestARestartKeepsOwnersForAGraceAndConversationsInOrder(t *testing.T) {
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"))
	d.online("a", "b")
	c := d.post("web", "u1", "1").Conversation
	d.owner(c, "a")
	d.store = d.store.Crash()
	d.now = d.now.Add(time.Hour)
	d.start("run-2")
	d.post("web", "u1", "2")
	d.owner(c, "a") // its grace runs from the start
	d.wait(20 * time.Second)
	d.owner(c, "")
	d.connect("b")
	d.has("b", c, "1", "2")
	facts, err := d.store.FactsBetween(context.Background(), ledger.AccountSubject("a"), time.Time{}, d.now, 100)
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
	d := open(t, inbox("web", "strategy: least_loaded", "a, b"),
		"\n---\n{kind: team, name: front, spec: {title: 前台组, members: [a], lead: c}}")
	d.online("a", "b", "c")
	d.apply(`{kind: account, name: a, spec: {title: 客服甲, agent: true, roles: [agent], deny: [{permission: receive.group}]}}`)
	for account, want := range map[string]bool{"a": true, "b": false, "c": true} {
		entries, err := d.store.Entries(context.Background(), account, 0, 100)
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
	audit, err := d.store.Audit(context.Background(), 0, 10)
	if err != nil || len(audit) == 0 || audit[0].Action != "policy.apply" || audit[0].By != "admin" {
		t.Fatalf("audit %+v, %v", audit, err)
	}
}
