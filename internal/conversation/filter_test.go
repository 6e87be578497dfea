package conversation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

const rules = `
---
{kind: filter, name: spam, spec: {order: 10, match: {keywords: [加微信]}, action: quarantine}}
---
{kind: filter, name: abuse, spec: {order: 20, match: {keywords: [滚]}, action: reject}}
---
{kind: filter, name: complaint, spec: {order: 5, match: {keywords: [投诉]}, action: tag, tag: 投诉}}
`

func release(t *testing.T, d *desk.Desk, message int64) error {
	t.Helper()
	return d.Do(&conversation.Release{Message: message, Sequence: d.Row(message).Sequence, By: "admin"})
}

// replayAll decides every journal entry again.
func replayAll(t *testing.T, d *desk.Desk) {
	t.Helper()
	ctx := context.Background()
	policyAt := func(revision int64) (*reception.Policy, error) {
		rows, err := d.Store.DocumentsAt(ctx, revision)
		if err != nil {
			return nil, err
		}
		var docs []policy.Document
		for _, r := range rows {
			docs = append(docs, policy.Document{Kind: r.Kind, Name: r.Name, Spec: r.Spec, Revision: r.From})
		}
		set, err := policy.NewSet(docs)
		if err != nil {
			return nil, err
		}
		return set.Compile(), nil
	}
	messages, err := d.Store.DecidedMessages(ctx, 0, d.L.Position(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	later, err := d.Store.LaterDecisions(ctx, 0, d.L.Position(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		later = append(later, *m.Decision)
	}
	for _, row := range later {
		if err := ledger.Replay(ctx, d.Store, row, policyAt); err != nil {
			t.Errorf("decision %d (%s, %s): %v", row.Position, row.Cause, row.Verdict, err)
		}
	}
}

func TestAMessageThatARuleKeepsBackHasItsPlaceAndReachesNobody(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"), rules)
	d.Online("a", "b")
	first := d.Post("web", "u1", "你好")
	held := d.Post("web", "u1", "请加微信")
	last := d.Post("web", "u1", "在吗")
	if held.Direction != ledger.Held || held.Sequence != 2 || held.Decision.Verdict != "quarantined" || held.Decision.Code != "filter.quarantined" || last.Sequence != 3 {
		t.Fatalf("%+v %+v", held, held.Decision)
	}
	d.Has("a", first.Conversation, "你好", "在吗")
	if err := release(t, d, held.Position); err != nil {
		t.Fatal(err)
	}
	d.Has("a", first.Conversation, "你好", "在吗", "请加微信")
	if m := d.Row(held.Position); m.Direction != ledger.Inbound || m.Sequence != 2 {
		t.Errorf("released as %s with sequence %d", m.Direction, m.Sequence)
	}
	position := d.L.Position()
	if err := release(t, d, held.Position); err != nil || d.L.Position() != position {
		t.Errorf("releasing again: %v, and positions were used", err)
	}
	audit, err := d.Store.Audit(context.Background(), 0, 1)
	if err != nil || audit[0].Action != "quarantine.release" || audit[0].By != "admin" || audit[0].Object != conversation.MessageID(held.Position) {
		t.Errorf("the audit log has %+v, %v", audit, err)
	}
	replayAll(t, d)
}

func TestAReleasedMessageReachesWhoeverHasTheConversationByThen(t *testing.T) {
	setup := func(t *testing.T, routing string) (*desk.Desk, ledger.MessageRow) {
		d := desk.Open(t, desk.Inbox("web", routing, "a, b"), rules)
		return d, d.Post("web", "u1", "请加微信")
	}
	t.Run("nobody had it: it is decided", func(t *testing.T) {
		d, held := setup(t, "strategy: least_loaded")
		d.Online("a")
		if c := d.Conversation(held.Conversation); c.WaitingSince != 0 || c.Owner != "" {
			t.Fatalf("%+v", c)
		}
		if err := release(t, d, held.Position); err != nil {
			t.Fatal(err)
		}
		d.Owner(held.Conversation, "a")
		d.Has("a", held.Conversation, "请加微信")
		replayAll(t, d)
	})
	t.Run("nobody can receive: it waits, and is given to who comes", func(t *testing.T) {
		d, held := setup(t, "strategy: least_loaded")
		if err := release(t, d, held.Position); err != nil {
			t.Fatal(err)
		}
		if c := d.Conversation(held.Conversation); c.WaitingSince == 0 {
			t.Fatalf("%+v", c)
		}
		d.Online("b")
		d.Has("b", held.Conversation, "请加微信")
		replayAll(t, d)
	})
	t.Run("a later message of the contact has an owner", func(t *testing.T) {
		d, held := setup(t, "strategy: least_loaded")
		d.Online("a")
		if next := d.Post("web", "u1", "你好"); next.Conversation != held.Conversation || next.Sequence != 2 {
			t.Fatalf("the next message is c%d #%d", next.Conversation, next.Sequence)
		}
		if err := d.Reply("a", held.Conversation, "您好"); err != nil {
			t.Fatal(err)
		}
		if err := release(t, d, held.Position); err != nil {
			t.Fatal(err)
		}
		d.Has("a", held.Conversation, "你好", "请加微信")
		if c := d.Conversation(held.Conversation); c.Answered != 0 || c.Delivered != c.LastSequence || c.TurnSince.IsZero() {
			t.Errorf("it is not the owner's turn: %+v", c)
		}
		replayAll(t, d)
	})
	t.Run("the conversation was resolved", func(t *testing.T) {
		d, held := setup(t, "strategy: least_loaded")
		d.Online("a")
		d.Post("web", "u1", "你好")
		d.Must(&conversation.Resolve{Conversation: held.Conversation, By: "a"})
		if err := release(t, d, held.Position); err != nil {
			t.Fatal(err)
		}
		if c := d.Conversation(held.Conversation); c.Status != ledger.StatusOpen || c.Owner != "a" {
			t.Errorf("%+v", c)
		}
		d.Has("a", held.Conversation, "你好", "请加微信")
		replayAll(t, d)
	})
	t.Run("it is offered to all", func(t *testing.T) {
		d, held := setup(t, "strategy: broadcast")
		d.Online("a", "b")
		d.Post("web", "u1", "你好")
		if err := release(t, d, held.Position); err != nil {
			t.Fatal(err)
		}
		d.Has("a", held.Conversation, "你好", "请加微信")
		d.Has("b", held.Conversation, "你好", "请加微信")
		replayAll(t, d)
	})
	t.Run("released in the group that brings it", func(t *testing.T) {
		d, _ := setup(t, "strategy: least_loaded")
		d.Online("a")
		d.IDs++
		p := d.Message("web", "u2", "加微信")
		d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
			if err := p.Apply(tx); err != nil {
				return err
			}
			return (&conversation.Release{Message: p.Message, Sequence: 1, By: "admin"}).Apply(tx)
		}))
		d.Has("a", p.Stored.Conversation, "加微信")
		replayAll(t, d)
	})
}

func TestAMessageThatIsHeldOpensNothingAndMovesNobody(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, idle_close: 1h, idle_prompt: 10m", "a, b"), rules)
	d.Online("a")
	c := d.Post("web", "u1", "你好").Conversation
	d.Must(&conversation.Resolve{Conversation: c, By: "a"})
	d.IDs++
	p := d.Message("web", "u1", "加微信")
	p.Conversation = c
	d.Must(p)
	if row := d.Conversation(c); row.Status != ledger.StatusResolved || row.LastSequence != 2 || row.Answered != 2 {
		t.Errorf("%+v", row)
	}
	lone := d.Post("web", "u9", "加微信").Conversation
	d.Wait(23 * time.Hour)
	if row := d.Conversation(lone); row.Status != ledger.StatusOpen || row.LastSequence != 1 {
		t.Errorf("after 23 hours: %+v", row)
	}
	d.Wait(time.Hour)
	if row := d.Conversation(lone); row.Status != ledger.StatusResolved || row.LastSequence != 1 {
		t.Errorf("a conversation with nothing but held messages stays open: %+v", row)
	}
	replayAll(t, d)
}

func TestWhoWasToldNothingIsNotAskedWhetherTheyAreStillThere(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, idle_close: 1h, idle_prompt: 10m", "a"), rules)
	d.Online("a")
	c := d.Post("web", "u1", "加微信").Conversation
	d.Wait(9 * time.Minute)
	d.Must(&conversation.Accept{Conversation: c, Account: "a", By: "a"})
	d.Wait(59 * time.Minute)
	if list := prompts(d, c); len(list) != 0 {
		t.Errorf("the customer was asked %q", list)
	}
	status(d, c, ledger.StatusOpen)
	d.Wait(time.Minute)
	status(d, c, ledger.StatusResolved)
	replayAll(t, d)
}

func TestAMessageThatARuleRefusesIsKeptAsARecordAndItsIdIsUsedUp(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), rules)
	d.Online("a")
	one, again, other := d.Message("web", "u1", "滚，我要投诉"), d.Message("web", "u1", "滚，我要投诉"), d.Message("web", "u1", "你好")
	d.Must(one)
	if one.Rejected() != "abuse" {
		t.Fatalf("%+v", one.Decision)
	}
	row := d.Row(one.Message)
	if row.Direction != ledger.Refused || row.Conversation != 0 || row.Decision.Verdict != "rejected" || !slices.Equal(row.Decision.Matched, []string{"complaint", "abuse"}) {
		t.Errorf("%+v %+v", row, row.Decision)
	}
	d.Must(again)
	if !again.Duplicate || again.Message != one.Message {
		t.Errorf("again: %+v", again)
	}
	d.Refused(d.Do(other), problem.Conflict, "intake.duplicate_conflict")
	log, err := d.Store.Refusals(context.Background(), "web", "", 0, 9)
	if err != nil || len(log) != 1 || log[0].Code != "filter.rejected" || log[0].Detail != "filter/abuse: "+conversation.MessageID(one.Message) {
		t.Errorf("the intake log has %+v, %v", log, err)
	}
	d.Refused(release(t, d, one.Message), problem.Conflict, "quarantine.rejected")
	d.Refused(d.Do(&conversation.Release{Message: 1, Sequence: 1, By: "admin"}), problem.NotFound, "quarantine.not_found")
	if next := d.Post("web", "u1", "你好"); next.Sequence != 1 {
		t.Errorf("the refused message has a place in the conversation: the next is #%d", next.Sequence)
	}
	replayAll(t, d)
}

func TestTagsAreOnTheMessageAndHitsAreCountedOverRestarts(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), rules)
	d.Online("a")
	if m := d.Post("web", "u1", "我要投诉"); !slices.Equal(m.Tags, []string{"投诉"}) || m.Decision.Verdict != "routed" {
		t.Errorf("%+v", m)
	}
	d.Post("web", "u1", "投诉，加微信，滚")
	d.Start("run-2")
	d.Post("web", "u2", "滚")
	hits, err := d.Store.FilterHits(context.Background(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, h := range hits {
		got[h.Rule] += h.Hits
	}
	if got["complaint"] != 2 || got["spam"] != 1 || got["abuse"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestRulesThatChangeBetweenMatchingAndStoringAreTheNewOnes(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), rules)
	d.Online("a")
	p := d.Message("web", "u1", "加微信")
	p.Kind = ""
	p.Match(d.L.Policy())
	d.Apply("{kind: filter, name: spam, spec: {match: {keywords: [别的]}, action: quarantine}}")
	d.Must(p)
	if p.Decision.Verdict != reception.Routed {
		t.Errorf("%v", p.Decision.Verdict)
	}
	d.IDs++
	q := d.Message("web", "u1", "别的")
	q.Kind = ""
	q.Match(d.L.Policy())
	d.Must(q)
	if q.Decision.Verdict != reception.Quarantined || q.Stored.Kind != "customer" {
		t.Errorf("%v", q.Decision.Verdict)
	}
	replayAll(t, d)
}
