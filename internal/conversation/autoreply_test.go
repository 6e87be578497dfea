package conversation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// automatic writes a document of an automatic reply.
func automatic(name, spec string) string {
	return fmt.Sprintf("\n---\n{kind: autoreply, name: %s, spec: {%s}}", name, spec)
}

var (
	hello = automatic("hello", `on: welcome, text: {zh: 您好, en: Hello}`)
	place = automatic("place", `on: queue, text: {zh: "您排在第 {position} 位", en: "You are number {position}"}`)
	night = automatic("night", `on: off_hours, text: {zh: "我们{opens}回来", en: "We are back {opens}"}`)
	money = automatic("money", `on: keyword, keywords: [退款, refund], text: {zh: 七天内退款, en: Within seven days}`)
)

const dayHours = "\n---\n{kind: schedule, name: day, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: \"09:00\", to: \"18:00\"}]}}"

func withHours(name, members string) string {
	return fmt.Sprintf("%s\n---\n{kind: inbox, name: %s, spec: {title: %s, kinds: [customer, group], hours: day, members: {accounts: [%s]}}}", dayHours, name, name, members)
}

// thread is what a conversation says, in sequence, each with who says it.
func thread(d *desk.Desk, id int64) []string {
	d.T.Helper()
	rows, err := d.Store.ConversationMessages(context.Background(), id, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	var list []string
	for i, m := range rows {
		if m.Sequence != int64(i+1) {
			d.T.Fatalf("c%d has sequence %d at place %d", id, m.Sequence, i+1)
		}
		who := string(m.Direction)
		if m.Kind == conversation.KindAutoReply {
			who = "auto"
		}
		list = append(list, who+" "+m.Text)
	}
	return list
}

func said(d *desk.Desk, id int64, want ...string) {
	d.T.Helper()
	if got := thread(d, id); !slices.Equal(got, want) {
		d.T.Fatalf("c%d says\n%s\nwant\n%s", id, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// became is what became of the automatic replies that a message was an occasion for.
func became(d *desk.Desk, message int64, want ...string) {
	d.T.Helper()
	rows, err := d.Store.AutoRepliesFor(context.Background(), []int64{message})
	if err != nil {
		d.T.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Rule+" "+string(r.Outcome))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		d.T.Fatalf("of m%d became %q, want %q", message, got, want)
	}
}

func TestACustomerIsWelcomedOnceInAConversation(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), hello)
	d.Online("a")
	first := d.Post("web", "u1", "你们好")
	said(d, first.Conversation, "in 你们好", "auto 您好")
	became(d, first.Position, "hello sent")
	d.Post("web", "u1", "在吗")
	said(d, first.Conversation, "in 你们好", "auto 您好", "in 在吗")
	d.Must(&conversation.Resolve{Conversation: first.Conversation, By: "a"})
	d.IDs++
	again := d.Message("web", "u1", "还有一个问题")
	again.Conversation = first.Conversation
	d.Must(again)
	said(d, first.Conversation, "in 你们好", "auto 您好", "in 在吗", "in 还有一个问题")
	d.Must(&conversation.Resolve{Conversation: first.Conversation, By: "a"})
	other := d.Post("web", "u1", "又来了")
	said(d, other.Conversation, "in 又来了", "auto 您好")
}

func TestAnAutomaticReplyGoesToTheOwnerAndIsNoAnswer(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, answer_timeout: 1m", "a, b"), hello)
	d.Online("a")
	m := d.Post("web", "u1", "你们好")
	d.Has("a", m.Conversation, "你们好", "您好")
	c := d.Conversation(m.Conversation)
	if c.Answered != 0 || c.LastSequence != 2 || c.Delivered != 2 || c.Accepted || !c.TurnSince.Equal(m.At) {
		t.Fatalf("%+v", c)
	}
	row := d.Row(rows(d, m.Conversation)[1].Position)
	if row.Author != "" || row.ReplyState != ledger.ReplySent || row.ContactSequence != 1 || row.Decision == nil || !slices.Equal(row.Decision.Chosen, []string{"a"}) {
		t.Fatalf("%+v", row)
	}
	d.Online("b")
	d.Wait(time.Minute) // a did not answer: the automatic reply did not either
	d.Owner(m.Conversation, "b")
	d.Has("b", m.Conversation, "你们好")
	d.Has("a", m.Conversation, "您好") // as a note, it was for the person
	if err := d.Reply("b", m.Conversation, "来了"); err != nil {
		t.Fatal(err)
	}
	if c := d.Conversation(m.Conversation); c.Answered != c.LastSequence {
		t.Fatalf("%+v", c)
	}
}

func rows(d *desk.Desk, id int64) []ledger.MessageRow {
	list, err := d.Store.ConversationMessages(context.Background(), id, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	return list
}

func TestWhoMayNotReceiveAutomaticRepliesIsNotGivenThem(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), hello)
	d.Apply("{kind: account, name: a, spec: {agent: true, roles: [agent], deny: [{permission: receive.auto_reply}]}}")
	d.Online("a")
	m := d.Post("web", "u1", "你们好")
	said(d, m.Conversation, "in 你们好", "auto 您好")
	d.Has("a", m.Conversation, "你们好")
}

func TestAWaitingCustomerIsToldItsPlaceOnceForEachWait(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), place)
	one, two := d.Post("web", "u1", "第一个"), d.Post("web", "u2", "请问 number two")
	said(d, one.Conversation, "in 第一个", "auto 您排在第 1 位")
	said(d, two.Conversation, "in 请问 number two", "auto 您排在第 2 位")
	more := d.Post("web", "u2", "在吗")
	became(d, more.Position, "place repeated")
	d.Post("web", "u3", "Hello, is anybody here?")
	d.Online("a")
	d.Owner(two.Conversation, "a")
	d.Has("a", two.Conversation, "请问 number two", "在吗")
	in := d.Post("web", "u2", "接通了吗")
	became(d, in.Position) // somebody has it: no queue
	d.Presence("a", "offline")
	d.Wait(6 * time.Minute) // the grace ends: all three wait again
	said(d, one.Conversation, "in 第一个", "auto 您排在第 1 位", "auto 您排在第 1 位")
	said(d, two.Conversation, "in 请问 number two", "auto 您排在第 2 位", "in 在吗", "in 接通了吗", "auto 您排在第 2 位")
	rows, err := d.Store.AutoRepliesBehind(context.Background(), []int64{rows(d, two.Conversation)[4].Position})
	if err != nil || len(rows) != 1 || rows[0].Message != rows[0].Reply || rows[0].Rule != "place" {
		t.Fatalf("%+v %v", rows, err)
	}
}

func TestAConversationThatIsOnlyOfferedIsInNoQueueAndOneToBeTakenIs(t *testing.T) {
	d := desk.Open(t, desk.Inbox("all", "strategy: broadcast", "a, b"), desk.Inbox("pick", "strategy: manual", "a"), place)
	d.Online("a", "b")
	m := d.Post("all", "u1", "你们好")
	said(d, m.Conversation, "in 你们好")
	m = d.Post("pick", "u1", "你们好")
	said(d, m.Conversation, "in 你们好", "auto 您排在第 1 位")
}

func TestOutsideTheHoursACustomerIsToldOnceWhenTheyBegin(t *testing.T) {
	d := desk.Open(t, withHours("web", "a"), night, place)
	d.Online("a")
	d.Wait(8*time.Hour + 30*time.Minute) // 18:30
	m := d.Post("web", "u1", "你们好")
	said(d, m.Conversation, "in 你们好", "auto 我们明天 09:00 回来")
	became(d, m.Position, "night sent") // and no place in a queue
	became(d, d.Post("web", "u1", "在吗").Position, "night repeated")
	d.Wait(15 * time.Hour) // 09:30
	d.Owner(m.Conversation, "a")
	became(d, d.Post("web", "u1", "早").Position)
	d.Wait(9 * time.Hour)
	became(d, d.Post("web", "u1", "还在吗").Position) // its owner finishes
	other := d.Post("web", "u2", "Good evening, anybody there?")
	said(d, other.Conversation, "in Good evening, anybody there?", "auto We are back tomorrow at 09:00")
	d.Must(&conversation.GiveBack{Conversation: m.Conversation, By: "a"})
	if list := thread(d, m.Conversation); list[len(list)-1] != "auto 我们明天 09:00 回来" {
		t.Fatalf("%q: it waits again, in another night", list)
	}
}

func TestHoursThatNeverComeAreSaidAsSuch(t *testing.T) {
	d := desk.Open(t, "\n---\n{kind: schedule, name: never, spec: {zone: Asia/Shanghai, weekly: []}}\n---\n{kind: inbox, name: web, spec: {hours: never, members: {accounts: [a]}}}", night)
	m := d.Post("web", "u1", "你们好")
	said(d, m.Conversation, "in 你们好", "auto 我们恢复营业后回来")
	became(d, d.Post("web", "u1", "在吗").Position, "night repeated")
}

func TestAKeywordIsAnsweredAgainOnlyAfterAWhile(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), money,
		automatic("other", `on: keyword, order: 200, inboxes: [web], keywords: [退, 发票], again_after: 1m, text: {zh: 稍后处理}`))
	d.Online("a")
	m := d.Post("web", "u1", "我要退款")
	said(d, m.Conversation, "in 我要退款", "auto 七天内退款")
	became(d, m.Position, "money sent", "other preceded")
	d.Wait(9 * time.Minute)
	became(d, d.Post("web", "u1", "ＲＥＦＵＮＤ").Position, "money repeated")
	became(d, d.Post("web", "u1", "发票").Position, "other sent")
	d.Start("run-2") // what was said is known after a restart
	became(d, d.Post("web", "u1", "退款").Position, "money repeated", "other preceded")
	d.Wait(time.Minute)
	became(d, d.Post("web", "u1", "退款").Position, "money sent", "other preceded")
	became(d, d.Post("web", "u1", "没有别的").Position)
	d.Set(-300 * time.Millisecond) // which is not even noticed
	became(d, d.Post("web", "u1", "退款").Position, "money repeated", "other preceded")
	d.Set(-24 * time.Hour) // it does not stay silent for a day
	became(d, d.Post("web", "u1", "退款").Position, "money sent", "other preceded")
}

func TestAutomaticRepliesAreOnlyForTheirInboxesAndKinds(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), desk.Inbox("shop", "strategy: least_loaded", "a"),
		automatic("hello", `on: welcome, inboxes: [web], kinds: [group], text: {zh: 大家好}`))
	said(d, d.Post("shop", "u1", "你们好").Conversation, "in 你们好")
	customer := d.Post("web", "u1", "你们好")
	said(d, customer.Conversation, "in 你们好")
	d.IDs++
	p := d.Message("web", "u1", "你们好")
	p.Kind = "group"
	d.Must(p)
	group := d.Row(p.Message)
	if group.Conversation == customer.Conversation {
		t.Fatal("a message of another kind came into the same conversation")
	}
	said(d, group.Conversation, "in 你们好", "auto 大家好")
}

func TestSeveralOccasionsAreAnsweredInOrder(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), money, place, automatic("last", "on: welcome, order: 101, text: {zh: 欢迎}"),
		automatic("later", "on: welcome, order: 102, text: {zh: 不会出现}"))
	m := d.Post("web", "u1", "退款")
	said(d, m.Conversation, "in 退款", "auto 七天内退款", "auto 您排在第 1 位", "auto 欢迎")
	became(d, m.Position, "last sent", "later preceded", "money sent", "place sent")
	before := len(rows(d, m.Conversation))
	again := d.Message("web", "u1", "退款") // the same message again
	d.Must(again)
	if !again.Duplicate || len(rows(d, m.Conversation)) != before {
		t.Fatalf("a repetition was answered: %q", thread(d, m.Conversation))
	}
	d.Online("a")
	d.Has("a", m.Conversation, "退款") // with no owner they stay in the thread
}

func TestWhatAFilterKeepsFromAgentsIsNotAnswered(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), hello, money,
		"\n---\n{kind: filter, name: ads, spec: {match: {keywords: [加微信]}, action: quarantine}}\n---\n{kind: filter, name: abuse, spec: {match: {keywords: [滚]}, action: reject}}")
	d.Online("a")
	held := d.Post("web", "u1", "加微信退款")
	said(d, held.Conversation, "held 加微信退款")
	became(d, held.Position)
	refused := d.Post("web", "u1", "滚，退款")
	became(d, refused.Position)
	d.Must(&conversation.Release{Message: held.Position, Sequence: held.Sequence, By: "admin"})
	said(d, held.Conversation, "in 加微信退款")
	second := d.Post("web", "u2", "加微信")
	first := d.Post("web", "u2", "你们好") // the first that anybody has
	said(d, second.Conversation, "held 加微信", "in 你们好", "auto 您好")
	became(d, first.Position, "hello sent")
}

func TestNothingThatTheHouseWritesIsAnswered(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, idle_prompt: 8m, idle_close: 10m, idle_prompt_text: 退款还需要吗", "a, b"), money, place)
	d.Online("a", "b")
	m := d.Post("web", "u1", "你们好")
	owner := d.Conversation(m.Conversation).Owner
	if err := d.Reply(owner, m.Conversation, "退款请稍等"); err != nil {
		t.Fatal(err)
	}
	d.Must(&conversation.Note{Conversation: m.Conversation, ID: "n", Account: owner, Text: "退款 refund"})
	d.Wait(9 * time.Minute)
	said(d, m.Conversation, "in 你们好", "out 退款请稍等", "note 退款 refund", "auto 退款还需要吗")
}

func TestARobotAnswersItself(t *testing.T) {
	d := desk.Open(t, "\n---\n{kind: account, name: bot, spec: {title: 小助手, agent: true, robot: true, roles: [agent]}}", desk.Inbox("web", "strategy: least_loaded", "bot"), hello, money)
	d.Online("bot")
	m := d.Post("web", "u1", "退款")
	said(d, m.Conversation, "in 退款")
	became(d, m.Position, "hello robot", "money robot")
}

func TestTheCustomersLanguageIsTheOneItWritesInUnlessItsBrowserTells(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), hello, automatic("zh", "on: keyword, keywords: [中文], text: {zh: 只有中文}"), automatic("en", "on: keyword, keywords: [order], text: {en: Only English}"))
	for contact, x := range map[string][3]string{
		"a": {"", "hello there", "Hello"}, "b": {"", "hi", "您好"}, "c": {"", "A1234567", "您好"}, "d": {"", "my parcel 订单", "您好"}, "e": {"", "🙂", "您好"},
		"f": {"en", "在吗", "Hello"}, "g": {"zh", "hello there", "您好"}, "h": {"", "https://shop.example/items", "您好"}, "i": {"", "Where is it?", "Hello"},
	} {
		d.IDs++
		p := d.Message("web", contact, x[1])
		p.ContactLang = x[0]
		d.Must(p)
		if got := thread(d, d.Row(p.Message).Conversation)[1]; got != "auto "+x[2] {
			t.Errorf("%q by a browser that speaks %q: %q", x[1], x[0], got)
		}
	}
	m := d.Post("web", "z", "hello, 中文")
	if got := thread(d, m.Conversation); got[len(got)-1] != "auto 只有中文" {
		t.Errorf("%q", got)
	}
	m = d.Post("web", "a", "12 34") // says nothing of the language: it stays as it was
	d.Must(&conversation.Resolve{Conversation: m.Conversation, By: "admin", Others: true})
	m = d.Post("web", "a", "56")
	said(d, m.Conversation, "in 56", "auto Hello")
}

func TestADecisionOnAnAutomaticReplyReplaysExactly(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"), hello, place)
	d.Online("a")
	m := d.Post("web", "u1", "你们好")
	for _, row := range rows(d, m.Conversation) {
		if row.Decision == nil {
			t.Fatalf("m%d has no decision", row.Position)
		}
		if err := ledger.Replay(t.Context(), d.Store, *row.Decision, func(int64) (*reception.Policy, error) { return d.L.Policy().Compile(), nil }); err != nil {
			t.Errorf("m%d: %v", row.Position, err)
		}
	}
}

func TestWithoutDocumentsAutomaticRepliesCostNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a"))
	p, set := d.Message("web", "u1", "我要退款 and a refund"), d.L.Policy()
	p.Match(set) // compiles
	if n := testing.AllocsPerRun(100, func() { p.Match(set) }); n != 0 {
		t.Errorf("%v allocations for a message that is matched already", n)
	}
	a := set.AutoReplies()
	if n := testing.AllocsPerRun(100, func() { a.Keywords("我要退款 and a refund") }); n != 0 {
		t.Errorf("%v allocations to find no keywords", n)
	}
}
