package conversation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

const idle = "strategy: least_loaded, idle_prompt: 8m, idle_close: 10m"

// answered opens a conversation of u1 and has a answer it.
func answered(d *desk.Desk) int64 {
	d.T.Helper()
	d.Online("a", "b")
	id := d.Post("web", "u1", "你好").Conversation
	d.Owner(id, "a")
	reply(d, "a", id)
	return id
}

func reply(d *desk.Desk, account string, id int64) {
	d.T.Helper()
	if err := d.Reply(account, id, fmt.Sprint("好的 ", d.IDs)); err != nil {
		d.T.Fatal(err)
	}
}

func messages(d *desk.Desk, id int64) []ledger.MessageRow {
	d.T.Helper()
	rows, err := d.Store.ConversationMessages(d.T.Context(), id, 0, 1000)
	if err != nil {
		d.T.Fatal(err)
	}
	return rows
}

// prompts are the texts of what Bida itself wrote to the customer.
func prompts(d *desk.Desk, id int64) []string {
	d.T.Helper()
	var texts []string
	for _, m := range messages(d, id) {
		if m.Direction == ledger.Outbound && m.Kind == conversation.KindAutoReply {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// lines are the codes of what the thread says about rules.
func lines(d *desk.Desk, id int64) []string {
	d.T.Helper()
	var codes []string
	for _, m := range messages(d, id) {
		if m.Direction == ledger.Internal {
			codes = append(codes, m.Text)
		}
	}
	return codes
}

// route changes the inbox's routing.
func route(d *desk.Desk, routing string) {
	d.T.Helper()
	d.Apply(strings.TrimPrefix(desk.Inbox("web", routing, "a, b"), "\n---\n"))
}

func status(d *desk.Desk, id int64, want string) {
	d.T.Helper()
	if c := d.Conversation(id); c.Status != want {
		d.T.Fatalf("at %s c%d is %s, want %s: %+v", d.Now.Format(time.TimeOnly), id, c.Status, want, c)
	}
}

func TestASilentCustomerIsPromptedOnceAndThenTheConversationEnds(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(8*time.Minute - time.Microsecond)
	if got := prompts(d, id); len(got) != 0 {
		t.Fatalf("prompted too early: %q", got)
	}
	d.Wait(time.Microsecond)
	if got := prompts(d, id); !slices.Equal(got, []string{"请问您还在吗？如无其他问题，会话将在 2 分钟后自动结束。"}) {
		t.Fatalf("prompted with %q", got)
	}
	d.Wait(2*time.Minute - time.Microsecond)
	status(d, id, "open")
	d.Wait(time.Microsecond)
	status(d, id, "resolved")
	if got := prompts(d, id); len(got) != 1 {
		t.Fatalf("prompted %d times", len(got))
	}
	d.Owner(id, "")
	if load := d.L.Agent("a").Facts.Share("web").Load; load != 0 {
		t.Errorf("it still counts in the load of a: %v", load)
	}
}

func TestWhatTheIdleTimersDidIsRecordedWithItsReason(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(10 * time.Minute)
	rows, err := d.Store.AssignmentsOf(t.Context(), id)
	if err != nil || len(rows) != 1 || rows[0].ToCode != "conversation.resolved.idle" || rows[0].ToBy != "system" {
		t.Fatalf("assignments %+v, %v", rows, err)
	}
	list := messages(d, id)
	prompt, line := list[2], list[3]
	if prompt.Author != "" || prompt.ContactSequence != 2 || prompt.ReplyState != ledger.ReplySent || prompt.Contact != "u1" {
		t.Errorf("the prompt is %+v", prompt)
	}
	title := func(string) string { return "" }
	for lang, want := range map[string]string{"zh": "会话因访客 10 分钟未回复自动结束", "en": "The conversation ended by itself: the customer had not written for 10 minutes"} {
		if got, err := conversation.LineWords(&line, lang, title); err != nil || got != want {
			t.Errorf("in %s the line says %q, %v", lang, got, err)
		}
	}
	replies, err := d.Store.Replies(t.Context(), "web", 0, 99)
	if err != nil || len(replies) != 2 || replies[1].Position != prompt.Position {
		t.Errorf("the customer's side reads %+v, %v", replies, err)
	}
	d.Has("a", id, "你好") // neither the prompt nor the line is given to an agent
}

func TestAPromptIsNoAnswer(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(8 * time.Minute)
	if c := d.Conversation(id); c.Answered != c.LastSequence || c.Owner != "a" {
		t.Fatalf("after the prompt it is %+v", c)
	}
	d.Post("web", "u1", "在的")
	d.Wait(time.Hour)
	status(d, id, "open") // unanswered: never closed
	if c := d.Conversation(id); c.Answered == c.LastSequence || c.Owner != "a" {
		t.Fatalf("the customer's message counts as answered: %+v", c)
	}
	d.Has("a", id, "你好", "在的")
	if got := prompts(d, id); len(got) != 1 {
		t.Errorf("who waits for an answer was prompted: %q", got)
	}
}

func TestEachAnswerBeginsANewSilence(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(9 * time.Minute)
	reply(d, "a", id)
	d.Wait(7 * time.Minute)
	d.Post("web", "u1", "在的")
	d.Wait(time.Minute)
	reply(d, "a", id)
	d.Wait(8 * time.Minute)
	if got := prompts(d, id); len(got) != 2 {
		t.Fatalf("two silences were prompted with %q", got)
	}
	d.Wait(2 * time.Minute)
	status(d, id, "resolved")
}

func TestANoteIsNoSignOfLifeOfTheCustomer(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(9 * time.Minute)
	noting(d, "a", id, "等回复")
	d.Wait(time.Minute)
	status(d, id, "resolved")
}

func TestWhatNobodyOwnsAnyMoreIsClosedToo(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Must(&conversation.GiveBack{Conversation: id, By: "a"})
	d.Owner(id, "")
	d.Wait(10 * time.Minute)
	status(d, id, "resolved")
	if got := lines(d, id); !slices.Equal(got, []string{"conversation.resolved.idle"}) {
		t.Errorf("the thread says %q", got)
	}
}

func TestWhoWritesAtTheVeryInstantIsHeard(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(10*time.Minute - time.Microsecond)
	d.Now = d.Now.Add(time.Microsecond)
	again := d.Post("web", "u1", "还有一事") // in one group with the deadline
	status(d, id, "resolved")
	if again.Conversation == id || again.Sequence != 1 {
		t.Fatalf("the message went to c%d as #%d", again.Conversation, again.Sequence)
	}
	d.Owner(again.Conversation, "b") // a was assigned last
	d.Has("b", again.Conversation, "还有一事")
}

func TestWhoWritesJustBeforeKeepsTheConversation(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(10*time.Minute - time.Microsecond)
	if m := d.Post("web", "u1", "还有一事"); m.Conversation != id {
		t.Fatalf("the message went to c%d", m.Conversation)
	}
	d.Wait(time.Hour)
	status(d, id, "open")
	d.Owner(id, "a")
}

func TestAClosedConversationThatIsWrittenToByNameIsDecidedAnew(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Wait(10 * time.Minute)
	d.IDs++
	p := d.Message("web", "u1", "还有一事")
	p.Conversation = id
	d.Must(p)
	if m := d.Row(p.Message); m.Conversation != id || m.Decision.Verdict != "routed" {
		t.Fatalf("it is %+v", m)
	}
	d.Owner(id, "b") // a was assigned last
	d.Has("b", id, "还有一事")
	reply(d, "b", id)
	d.Wait(10 * time.Minute)
	status(d, id, "resolved")
}

func TestALimitThatIsSetChangedOrTakenAwayCountsFromTheSameInstant(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	id := answered(d)
	d.Wait(30 * time.Minute)
	status(d, id, "open")
	route(d, "strategy: least_loaded, idle_close: 40m")
	d.Wait(5 * time.Minute)
	route(d, "strategy: least_loaded, idle_close: 50m")
	d.Wait(10 * time.Minute)
	status(d, id, "open")
	route(d, "strategy: least_loaded")
	d.Wait(time.Hour)
	status(d, id, "open")
	route(d, "strategy: least_loaded, idle_close: 2h")
	d.Wait(15*time.Minute - time.Microsecond)
	status(d, id, "open")
	d.Wait(time.Microsecond)
	status(d, id, "resolved")
}

// A company that begins to close idle conversations must not end, without a word, all that have been silent for long.
func TestWhatIsSilentForLongWhenALimitIsSetIsPromptedFirst(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded", "a, b"))
	id := answered(d)
	d.Wait(5 * time.Hour)
	route(d, idle)
	if got := prompts(d, id); len(got) != 1 {
		t.Fatalf("prompted with %q", got)
	}
	d.Wait(2*time.Minute - time.Microsecond)
	status(d, id, "open")
	d.Wait(time.Microsecond)
	status(d, id, "resolved")
}

func TestAfterARestartNothingEndsBeforeAnybodyCouldWrite(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Store = d.Store.Crash()
	d.Now = d.Now.Add(time.Hour)
	d.Start("run-2")
	d.Wait(time.Minute - time.Microsecond)
	if got := prompts(d, id); len(got) != 0 {
		t.Fatalf("prompted with %q", got)
	}
	d.Wait(time.Microsecond)
	if got := prompts(d, id); len(got) != 1 {
		t.Fatalf("prompted with %q", got)
	}
	d.Store = d.Store.Crash() // in between: the promise holds
	d.Start("run-3")
	d.Wait(2*time.Minute - time.Microsecond)
	status(d, id, "open")
	d.Wait(time.Microsecond)
	status(d, id, "resolved")
	if got := prompts(d, id); len(got) != 1 {
		t.Fatalf("prompted again: %q", got)
	}
}

// steps are those that the clock may make: a person corrects it, a time server comes back, a machine wakes up.
var steps = []time.Duration{-24 * time.Hour, -time.Hour, -2 * time.Second, 2 * time.Second, time.Hour, 24 * time.Hour}

func TestHoweverTheClockIsSetATurnLastsAsLongAsItMay(t *testing.T) {
	for _, by := range steps {
		d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
		id := answered(d)
		d.Wait(3 * time.Minute)
		d.Set(by)
		d.Wait(5*time.Minute - time.Microsecond)
		if got := prompts(d, id); len(got) != 0 {
			t.Errorf("%v: prompted early", by)
		}
		d.Wait(time.Microsecond)
		if got := prompts(d, id); len(got) != 1 {
			t.Errorf("%v: not prompted: %q", by, got)
		}
		d.Set(-by)
		d.Wait(2*time.Minute - time.Microsecond)
		status(d, id, "open")
		d.Wait(time.Microsecond)
		status(d, id, "resolved")
	}
}

func TestHoweverTheClockIsSetAnOwnerHasItsTimeToAcceptAndToAnswer(t *testing.T) {
	for _, by := range steps {
		d := desk.Open(t, desk.Inbox("web", "strategy: least_loaded, accept_timeout: 1m, answer_timeout: 2m", "a, b"))
		d.Online("a", "b")
		id := d.Post("web", "u1", "1").Conversation
		d.Wait(30 * time.Second)
		d.Set(by)
		d.Wait(30*time.Second - time.Microsecond)
		d.Owner(id, "a")
		d.Wait(time.Microsecond)
		d.Owner(id, "b")
		d.Must(&conversation.Accept{Conversation: id, Account: "b", By: "b"})
		d.Wait(time.Minute)
		d.Set(by)
		d.Wait(time.Minute - time.Microsecond)
		d.Owner(id, "b")
		d.Wait(time.Microsecond)
		d.Owner(id, "a")
	}
}

func TestAClockThatIsBehindAtTheStartLengthensNothing(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	d.Now = d.Now.Add(-time.Hour) // while nothing runs, nobody can say whether the clock was set or not yet
	d.Start("run-2")
	d.Wait(8*time.Minute - time.Microsecond)
	if got := prompts(d, id); len(got) != 0 {
		t.Fatalf("prompted early with %q", got)
	}
	d.Wait(time.Microsecond)
	if got := prompts(d, id); len(got) != 1 {
		t.Fatalf("prompted with %q", got)
	}
}

func TestTheCustomerIsPromptedInItsLanguageOrTheCompanysWords(t *testing.T) {
	ask := func(routing, lang string) []string {
		d := desk.Open(t, desk.Inbox("web", routing, "a, b"))
		d.Online("a")
		d.IDs++
		p := d.Message("web", "u1", "hello")
		p.ContactLang = lang
		d.Must(p)
		id := d.Row(p.Message).Conversation
		reply(d, "a", id)
		d.Wait(time.Hour)
		return prompts(d, id)
	}
	if got := ask("idle_prompt: 30s, idle_close: 31s", "en"); !slices.Equal(got, []string{"Are you still there? If there is nothing else, this conversation will end in 1 second."}) {
		t.Errorf("in English: %q", got)
	}
	if got := ask("idle_prompt: 30s, idle_close: 90m30s", "zh"); !slices.Equal(got, []string{"请问您还在吗？如无其他问题，会话将在 90 分钟后自动结束。"}) {
		t.Errorf("in Chinese: %q", got)
	}
	if got := ask("idle_prompt: 30s, idle_close: 2h30s, idle_prompt_text: \"亲，{left}后就结束啦\"", ""); !slices.Equal(got, []string{"亲，2 小时后就结束啦"}) {
		t.Errorf("in the company's words: %q", got)
	}
}

const late = "strategy: least_loaded, answer_timeout: 2m"

func TestAnOwnerWhoDoesNotAnswerInTimeIsPassedOver(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", late, "a, b"))
	d.Online("a", "b")
	id := d.Post("web", "u1", "1").Conversation
	d.Must(&conversation.Accept{Conversation: id, Account: "a", By: "a"}) // to open it is not to answer it
	d.Wait(time.Minute)
	d.Post("web", "u1", "2") // the older one counts
	d.Wait(time.Minute - time.Microsecond)
	d.Owner(id, "a")
	d.Wait(time.Microsecond)
	d.Owner(id, "b")
	d.Withdrawals("a", "delivery.withdrawn.answer_timeout", 2)
	d.Has("a", id)
	d.Has("b", id, "1", "2")
	rows, err := d.Store.AssignmentsOf(t.Context(), id)
	if err != nil || len(rows) != 2 || rows[0].ToCode != "delivery.withdrawn.answer_timeout" || rows[0].ToBy != "system" {
		t.Errorf("assignments %+v, %v", rows, err)
	}
	later, err := d.Store.DecisionsOf(t.Context(), id, 9)
	if err != nil || len(later) != 1 || later[0].Cause != "answer_timeout" || !slices.Equal(later[0].Chosen, []string{"b"}) {
		t.Errorf("decided again %+v, %v", later, err)
	}
	if got := lines(d, id); !slices.Equal(got, []string{"delivery.withdrawn.answer_timeout"}) {
		t.Errorf("the thread says %q", got)
	}
}

func TestEachOwnerHasATurnOfItsOwn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", late, "a, b, c"))
	d.Online("a", "b", "c")
	id := d.Post("web", "u1", "1").Conversation
	d.Wait(2 * time.Minute)
	d.Owner(id, "b")
	d.Must(&conversation.Accept{Conversation: id, Account: "b", By: "b"})
	d.Wait(2*time.Minute - time.Microsecond)
	d.Owner(id, "b")
	d.Wait(time.Microsecond)
	d.Owner(id, "c") // a was passed over, and to open it did not change that
	d.Must(&conversation.Transfer{Conversation: id, By: "c", To: "a"})
	d.Wait(2*time.Minute - time.Microsecond)
	d.Owner(id, "a")
}

func TestAnAnswerInTimeKeepsTheConversation(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", late, "a, b"))
	id := answered(d)
	d.Wait(time.Hour)
	d.Owner(id, "a")
	d.Post("web", "u1", "2")
	d.Wait(2*time.Minute - time.Microsecond)
	reply(d, "a", id)
	d.Wait(time.Hour)
	d.Owner(id, "a")
	d.Withdrawals("a", "delivery.withdrawn.answer_timeout", 0)
}

func TestWithNobodyElseALateOwnerKeepsTheConversationAndThatIsRecordedOnce(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", late, "a, b"))
	d.Online("a")
	id := d.Post("web", "u1", "1").Conversation
	d.Wait(10 * time.Minute)
	d.Owner(id, "a")
	d.Withdrawals("a", "delivery.withdrawn.answer_timeout", 0)
	later, err := d.Store.DecisionsOf(t.Context(), id, 9)
	if err != nil || len(later) != 1 || later[0].Cause != "answer_timeout" || !slices.Equal(later[0].Chosen, []string{"a"}) {
		t.Fatalf("decided again %+v, %v", later, err)
	}
	if err := ledger.Replay(t.Context(), d.Store, later[0], func(int64) (*reception.Policy, error) { return d.L.Policy().Compile(), nil }); err != nil {
		t.Error(err)
	}
	list := messages(d, id)
	if got := lines(d, id); !slices.Equal(got, []string{"conversation.answer_overdue"}) {
		t.Fatalf("the thread says %q", got)
	}
	title := func(account string) string { return "客服" + account }
	for lang, want := range map[string]string{
		"zh": "客服a 2 分钟未回复，暂无其他客服可接待，会话保持不变",
		"en": "客服a had not answered for 2 minutes, and nobody else could have the conversation: it stays",
	} {
		if got, err := conversation.LineWords(&list[1], lang, title); err != nil || got != want {
			t.Errorf("in %s the line says %q, %v", lang, got, err)
		}
	}
	if c := d.Conversation(id); c.Answered != 0 {
		t.Errorf("the line counts as an answer: %+v", c)
	}
	d.Online("b")
	d.Wait(2 * time.Minute)
	d.Owner(id, "b")
	d.Has("b", id, "1")
}

func TestTheTurnEndsAreToldBeforehand(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle+", answer_timeout: 2m", "a, b"))
	d.Online("a")
	begin := d.Now
	id := d.Post("web", "u1", "1").Conversation
	ends := func(set *policy.Set) (time.Duration, time.Duration) {
		c := d.Conversation(id)
		answerBy, closesAt := conversation.TurnEnds(set, &c)
		return answerBy.Sub(begin), closesAt.Sub(begin)
	}
	set := d.L.Policy()
	if by, _ := ends(set); by != 2*time.Minute {
		t.Errorf("to be answered in %v", by)
	}
	reply(d, "a", id)
	if _, at := ends(set); at != 10*time.Minute {
		t.Errorf("ends in %v", at)
	}
	d.Wait(9 * time.Minute)
	if _, at := ends(set); at != 10*time.Minute {
		t.Errorf("after the prompt it ends in %v", at)
	}
}

// A conversation in full flow must not leave a deadline behind with every message.
func TestManyTurnsShareADeadline(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle, "a, b"))
	id := answered(d)
	for range 100 {
		d.Wait(time.Second)
		d.Post("web", "u1", "然后呢")
		reply(d, "a", id)
	}
	last := d.Now
	for fired := 0; ; fired++ {
		at, ok := d.L.NextDeadline()
		if !ok {
			if fired > 6 {
				t.Errorf("%d deadlines for one conversation", fired)
			}
			break
		}
		d.Now = at
		for d.L.Step() {
		}
	}
	if want := last.Add(10 * time.Minute); !d.Now.Equal(want) {
		t.Errorf("it ended at %v, want %v", d.Now, want)
	}
	status(d, id, "resolved")
}

func TestTheTurnsOfBothSidesFollowEachOther(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", idle+", answer_timeout: 2m", "a, b"))
	id := answered(d)
	d.Wait(time.Minute)
	d.Post("web", "u1", "2") // its limit is over long before that of the silence would have been
	d.Wait(time.Minute)
	d.Post("web", "u1", "3")
	d.Wait(time.Minute - time.Microsecond)
	d.Owner(id, "a")
	d.Wait(time.Microsecond)
	d.Owner(id, "b")
	d.Has("b", id, "2", "3")
	if c := d.Conversation(id); !slices.Equal(c.PassedOver, []string{"a"}) {
		t.Errorf("passed over are %v", c.PassedOver)
	}
	reply(d, "b", id)
	if c := d.Conversation(id); len(c.PassedOver) != 0 {
		t.Errorf("after the answer %v are passed over", c.PassedOver)
	}
	d.Wait(10 * time.Minute)
	status(d, id, "resolved")
}

func TestWhatWaitsForAnOwnerIsNobodysTurn(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", late, "a, b"))
	d.Online("a")
	id := d.Post("web", "u1", "1").Conversation
	d.Must(&conversation.GiveBack{Conversation: id, By: "a"})
	d.Lose("a")
	d.Wait(time.Minute)
	d.Owner(id, "")
	if c := d.Conversation(id); !c.TurnSince.IsZero() {
		t.Errorf("it is somebody's turn since %v", c.TurnSince)
	}
	d.Wait(time.Hour)
	if got := lines(d, id); len(got) != 0 {
		t.Errorf("nobody had it, and the thread says %q", got)
	}
	d.Online("b") // whose turn begins now
	d.Owner(id, "b")
	d.Wait(2*time.Minute - time.Microsecond)
	if got := lines(d, id); len(got) != 0 {
		t.Errorf("after all the waiting the thread says %q", got)
	}
}
