package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// at writes an instant so long after the desk's clock as documents do.
func at(d *desk.Desk, span time.Duration) string { return d.Now.Add(span).Format(time.RFC3339Nano) }

// waits wants a conversation to wait for a reason.
func waits(t *testing.T, d *desk.Desk, id int64, code reception.Code) {
	t.Helper()
	if c := d.Conversation(id); c.Owner != "" || c.WaitingCode != code.String() {
		t.Fatalf("c%d: owner %q, waiting for %q, want %s", id, c.Owner, c.WaitingCode, code)
	}
}

func window(d *desk.Desk, from, until time.Duration, more string) string {
	return fmt.Sprintf("{kind: maintenance, name: upgrade, spec: {title: 升级, from: %s, until: %s%s}}", at(d, from), at(d, until), more)
}

func TestWhatMaintenanceHoldsGoesInOrderWhenItEnds(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"), desk.Inbox("shop", "strategy: least_loaded", "a"))
	d.Online("a", "b")
	mine := d.Post("web", "u0", "before").Conversation
	d.Owner(mine, "a")
	d.Apply(window(d, time.Minute, time.Hour, ", inboxes: [web]"))
	d.Owner(d.Post("web", "u1", "still open").Conversation, "b")

	d.Wait(time.Minute)
	first, second := d.Post("web", "u2", "one").Conversation, d.Post("web", "u3", "two").Conversation
	waits(t, d, first, reception.CodeMaintenanceInbox)
	waits(t, d, second, reception.CodeMaintenanceInbox)
	d.Post("web", "u0", "held")
	d.Owner(mine, "a") // nobody loses anything
	d.Has("a", mine, "before")
	d.Owner(d.Post("shop", "u4", "elsewhere").Conversation, "a")

	d.Wait(59*time.Minute - time.Second)
	waits(t, d, first, reception.CodeMaintenanceInbox)
	d.Wait(time.Second)
	d.Has("a", mine, "before", "held")
	one, two := d.Conversation(first), d.Conversation(second)
	if one.Owner == "" || two.Owner == "" || one.OwnerPosition > two.OwnerPosition {
		t.Errorf("c%d went to %q at %d, c%d to %q at %d", first, one.Owner, one.OwnerPosition, second, two.Owner, two.OwnerPosition)
	}
}

func TestMaintenanceThatBeginsOrIsCutShortIsDecidedAtOnce(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	id := d.Post("web", "u", "x").Conversation
	waits(t, d, id, reception.CodeRoutingNobodyEligible)
	d.Apply(window(d, time.Minute, time.Hour, ", kinds: [customer]"))
	d.Wait(time.Minute)
	waits(t, d, id, reception.CodeMaintenancePlatform) // although nobody and nothing else has changed
	d.Online("a")
	waits(t, d, id, reception.CodeMaintenancePlatform)
	d.Apply(window(d, -time.Minute, 0, ""))
	d.Owner(id, "a")
}

func TestMaintenanceIsOverAlsoWhereItEndedWhileBidaWasDown(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: manual", "a"))
	d.Apply(window(d, 0, time.Hour, ""))
	id := d.Post("web", "u", "x").Conversation
	waits(t, d, id, reception.CodeMaintenancePlatform)
	d.Now = d.Now.Add(2 * time.Hour)
	d.Start("run-2")
	d.Online("a")
	waits(t, d, id, reception.CodeRoutingOfferedManual)
}

// announcements are the texts of the notices that announce something in an account's stream.
func announcements(t *testing.T, d *desk.Desk, account string) (list []string) {
	t.Helper()
	entries, err := d.Store.Entries(context.Background(), account, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var data ledger.AnnouncementData
		if json.Unmarshal(e.Message.Data, &data) == nil && data.Announcement != "" {
			list = append(list, data.EN)
		}
	}
	return list
}

func TestAnAnnouncementIsMadeOnceToThoseItNames(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b, c"), "\n---\n{kind: team, name: front, spec: {members: [b], lead: a}}",
		"\n---\n{kind: account, name: mute, spec: {agent: true, roles: [agent], deny: [{permission: receive.system}]}}")
	say := func(text string, from time.Duration) string {
		return fmt.Sprintf("{kind: maintenance, name: news, spec: {announcement: {zh: 中, en: %s, from: %s, until: 2026-03-02T12:00:00Z, to: {accounts: [mute, admin], teams: [front]}}}}", text, at(d, from))
	}
	d.Apply(say("hello", time.Hour))
	begins := d.Now.Add(time.Hour)
	want := func(texts ...string) {
		t.Helper()
		for account, want := range map[string][]string{"a": texts, "b": texts, "c": nil, "mute": nil, "admin": nil} {
			if got := announcements(t, d, account); !slices.Equal(got, want) {
				t.Errorf("%s was told %q, want %q", account, got, want)
			}
		}
	}
	d.Wait(time.Hour - time.Second)
	want()
	d.Wait(time.Second)
	want("hello")
	d.Wait(time.Hour)
	d.Start("run-2") // again it is found under way
	d.Wait(time.Minute)
	d.Apply(`{kind: inbox, name: web, spec: {title: other, kinds: [customer, group], members: {accounts: [a, b]}}}`)
	want("hello")
	d.Apply(say("sorry", begins.Sub(d.Now)))
	want("hello", "sorry")
	d.Apply(say("late", begins.Sub(d.Now)))
	d.Now = d.Now.Add(24 * time.Hour)
	d.Start("run-3")
	want("hello", "sorry", "late")
	replays(t, d)
}

func TestAnAnnouncementThatBeganWhileBidaWasDownIsMadeAtTheStartUnlessItIsOver(t *testing.T) {
	d := desk.Open(t)
	d.Apply(fmt.Sprintf(`{kind: maintenance, name: short, spec: {announcement: {en: short, from: %s, until: %s, to: {everybody: true}}}}
---
{kind: maintenance, name: long, spec: {announcement: {en: long, from: %s, until: %s, to: {everybody: true}}}}`,
		at(d, time.Minute), at(d, time.Hour), at(d, time.Minute), at(d, 3*time.Hour)))
	d.Now = d.Now.Add(2 * time.Hour)
	d.Start("run-2")
	d.Wait(time.Second)
	if got := announcements(t, d, "b"); !slices.Equal(got, []string{"long"}) {
		t.Errorf("told %q", got)
	}
}

// replays decides everything that was decided again, on the facts of its own time.
func replays(t *testing.T, d *desk.Desk) {
	t.Helper()
	ctx := context.Background()
	sets := map[int64]*policy.Set{}
	policyAt := func(revision int64) (*reception.Policy, error) {
		if sets[revision] == nil {
			rows, err := d.Store.DocumentsAt(ctx, revision)
			if err != nil {
				return nil, err
			}
			if sets[revision], err = ledger.PolicyOf(rows, revision); err != nil {
				return nil, err
			}
		}
		return sets[revision].Compile(), nil
	}
	last := d.L.Position()
	var decisions []ledger.DecisionRow
	for position := int64(1); position <= last; position++ {
		if m, err := d.Store.Message(ctx, position); err == nil && m.Decision != nil {
			decisions = append(decisions, *m.Decision)
		}
	}
	rows, err := d.Store.LaterDecisions(ctx, 0, last, 1000)
	if err != nil {
		t.Fatal(err)
	}
	decisions = append(decisions, rows...)
	if len(decisions) == 0 {
		t.Fatal("nothing was decided")
	}
	for _, x := range decisions {
		if err := ledger.Replay(ctx, d.Store, x, policyAt); err != nil {
			t.Errorf("decision %d: %v", x.Position, err)
		}
	}
}

func limit(name string, perMinute int) string {
	return fmt.Sprintf("{kind: switch, name: %s, spec: {state: limited, per_minute: %d}}", name, perMinute)
}

func TestALimitedSwitchLetsSoManyConversationsThroughAMinuteInOrder(t *testing.T) {
	for _, name := range []string{"platform", "inbox.web", "account.a"} {
		t.Run(name, func(t *testing.T) {
			d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
			d.Online("a")
			d.Apply(limit(name, 2))
			var ids []int64
			for i := range 5 {
				ids = append(ids, d.Post("web", fmt.Sprint("u", i), fmt.Sprint(i)).Conversation)
				d.Wait(time.Second)
			}
			given := func(n int) {
				t.Helper()
				for i, id := range ids {
					if owner := d.Conversation(id).Owner; (owner == "a") != (i < n) {
						t.Fatalf("c%d (number %d) belongs to %q, %d should be given", id, i, owner, n)
					}
				}
			}
			given(2)
			d.Post("web", "u0", "more") // of a conversation that began: not held
			d.Has("a", ids[0], "0", "more")
			d.Start("run-2") // what was counted is not forgotten
			d.Connect("a")
			given(2)
			d.Wait(54 * time.Second)
			given(2)
			d.Wait(time.Second)
			given(4)
			d.Wait(59 * time.Second)
			given(4)
			d.Wait(time.Second)
			given(5)
			replays(t, d)
		})
	}
}

func TestAMinuteOfThePlatformIsSharedInTheOrderInWhichMessagesCame(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), desk.Inbox("shop", "strategy: least_loaded", "a"), desk.Inbox("all", "strategy: least_loaded", "a"))
	d.Online("a")
	d.Apply(limit("platform", 1))
	var ids []int64
	for i := range 9 {
		ids = append(ids, d.Post([]string{"web", "shop", "all"}[i*2%3], fmt.Sprint("u", i), "x").Conversation)
	}
	for n := range ids {
		for i, id := range ids {
			if owner := d.Conversation(id).Owner; (owner == "a") != (i <= n) {
				t.Fatalf("after %d minutes number %d belongs to %q", n, i, owner)
			}
		}
		d.Wait(time.Minute)
	}
}

func TestWhatPeopleDoByHandGoesBeyondALimitAndCounts(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	d.Online("a", "b")
	d.Apply(limit("inbox.web", 2))
	first, second := d.Post("web", "u1", "x").Conversation, d.Post("web", "u2", "x").Conversation
	third := d.Post("web", "u3", "x").Conversation
	waits(t, d, third, reception.CodeSwitchInboxLimited)
	d.Must(&conversation.Accept{Conversation: third, Account: "b", By: "b"})
	d.Owner(third, "b")
	d.Must(&conversation.Transfer{Conversation: first, To: "b", By: "a", Others: true})
	d.Must(&conversation.Resolve{Conversation: second, By: "admin", Others: true})
	if r := d.L.View().Rate("inbox.web"); r.Used != 4 || !r.Until.Equal(d.Now.Add(time.Minute)) {
		t.Errorf("counted %d until %v", r.Used, r.Until)
	}
	d.Apply(`{kind: switch, name: inbox.web, spec: {state: "on"}}`)
	d.Owner(d.Post("web", "u4", "x").Conversation, "a")
	d.Wait(time.Minute)
	if r := d.L.View().Rate("inbox.web"); r.Used != 0 {
		t.Errorf("after a minute %d still count", r.Used)
	}
}

func TestAnOfferCountsOnce(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: broadcast", "a, b, c"))
	d.Online("a", "b")
	d.Apply(limit("inbox.web", 2))
	first := d.Post("web", "u1", "x").Conversation
	d.Online("c") // gets the offer too
	d.Must(&conversation.Accept{Conversation: first, Account: "c", By: "c"})
	second, third := d.Post("web", "u2", "x").Conversation, d.Post("web", "u3", "x").Conversation
	d.Has("a", second, "x")
	d.Has("a", third)
	waits(t, d, third, reception.CodeSwitchInboxLimited)
	d.Wait(time.Minute)
	d.Has("a", third, "x")
}

func TestAClientThatIsUpdatedReceivesAtOnce(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	open := func(account, id, version string) {
		t.Helper()
		d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.OpenSocket(account, ledger.Socket{ID: id, Session: "s-" + account, Client: id, Name: "bida-console", Version: version, Node: "run-1"}, account)
			return nil
		}))
	}
	sign := func(account string) {
		d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.BeginSession(account, ledger.Session{ID: "s-" + account}, account, "test")
			return nil
		}))
		d.Must(&governance.SetPresence{Account: account, Value: "available", By: account, Source: "test"})
	}
	sign("a")
	open("a", "old", "1.0.0")
	mine := d.Post("web", "u0", "x").Conversation
	d.Owner(mine, "a")
	d.Apply(`{kind: client, name: console, spec: {minimum: 1.1.0, blocked: [1.3.0]}}`)
	d.Owner(mine, "a") // it may finish
	id := d.Post("web", "u1", "x").Conversation
	waits(t, d, id, reception.CodeRoutingNobodyEligible)
	open("a", "new", "1.2.0") // beside the old one
	d.Owner(id, "a")
	d.Apply(`{kind: client, name: console, spec: {minimum: 1.1.0, blocked: [1.2.0]}}`)
	sign("b")
	open("b", "b", "1.1.0")
	next := d.Post("web", "u2", "x").Conversation
	d.Owner(next, "b")
	d.Apply(`{kind: client, name: console, spec: {blocked: [1.2.0, 1.0.0]}}`)
	d.Owner(mine, "b") // nothing is left to a blocked version
	replays(t, d)
}
