package tour

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/test/release"
)

// At both databases: a company is set up from a file, customers write, agents have it, an answer goes back, and restarts and kill -9 lose, double and
// reorder nothing for two clients of one agent.
func TestMessagesReachAgentsOnceAndInOrderAcrossRestarts(t *testing.T) {
	for name, database := range databases(t) {
		t.Run(name, func(t *testing.T) {
			c := found(t, database(t))
			desk, phone := c.listen("agent-a", "desk"), c.listen("agent-a", "phone")

			long := strings.Repeat("很长的消息🙂", 10_000/len("很长的消息🙂"))
			begun := time.Now()
			first := c.post("web", "order-1", "li-lei", "你好,我的包裹还没到 📦")
			if first.Status != "routed" || first.Agent != "agent-a" || first.Sequence != 1 {
				t.Errorf("the first message: %+v", first)
			}
			if !strings.HasPrefix(first.Summary, "1/10 agents can receive; agent-a chosen") {
				t.Errorf("the summary is %q", first.Summary)
			}
			c.post("web", "order-2", "li-lei", long)
			again := c.post("web", "order-1", "li-lei", "你好,我的包裹还没到 📦")
			if !again.Again || again.Message != first.Message || again.Summary != first.Summary {
				t.Errorf("the same id again: %+v, first %+v", again, first)
			}
			for _, l := range []*terminal{desk, phone} {
				if e := l.expect("包裹"); e.Message != first.Message || e.Contact != "" && e.Contact != "li-lei" {
					t.Errorf("%s shows %+v", l.Name, e)
				}
				if e := l.expect("很长的消息"); e.Text != long {
					t.Errorf("%s shows %d bytes of %d", l.Name, len(e.Text), len(long))
				}
			}
			if e := desk.events("message")[0]; e.At.Before(begun.Truncate(time.Second)) || e.At.After(time.Now()) {
				t.Errorf("the event's time is %s", e.At)
			}

			if _, err := c.api("agent-a").Answer(t.Context(), first.Conversation, "a-1", "已经在派送了 🚚"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.api("agent-a").Answer(t.Context(), first.Conversation, "a-1", "已经在派送了 🚚"); err != nil {
				t.Fatal(err)
			}
			replies, cursor, err := c.api("shop").Replies(t.Context(), "web", "")
			if err != nil || len(replies) != 1 || replies[0].Text != "已经在派送了 🚚" || replies[0].Contact != "li-lei" {
				t.Errorf("replies: %+v, %v", replies, err)
			}
			if replies, _, err = c.api("shop").Replies(t.Context(), "web", cursor); err != nil || len(replies) != 0 {
				t.Errorf("replies after the cursor: %+v, %v", replies, err)
			}

			for i, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
				burst(c, fmt.Sprintf("burst-%d", i), 60)
				c.stop(signal, map[syscall.Signal]int{syscall.SIGTERM: 0, syscall.SIGKILL: -1}[signal])
				c.start()
				c.post("web", fmt.Sprintf("after-%d", i), "li-lei", fmt.Sprintf("重启之后 %d", i))
				desk.expect(fmt.Sprintf("重启之后 %d", i))
				phone.expect(fmt.Sprintf("重启之后 %d", i))
			}
			for _, l := range []*terminal{desk, phone} {
				onceAndInOrder(t, l, 2+2*60+2)
			}
			if err := phone.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if status, err := phone.Wait(); status != 0 || err != nil {
				t.Errorf("an interrupted listener ends with %d, %v", status, err)
			}
			c.stop(syscall.SIGTERM, 0)
		})
	}
}

// burst posts from several customers at once, each customer's messages in order.
func burst(c *company, prefix string, messages int) {
	c.t.Helper()
	api := c.api("shop")
	var sending sync.WaitGroup
	const customers = 6
	for i := range customers {
		sending.Go(func() {
			for n := range messages / customers {
				id := fmt.Sprintf("%s-%d-%d", prefix, i, n)
				m := client.Message{ID: id, Contact: client.Contact{ID: fmt.Sprintf("%s-%d", prefix, i)}, Text: id}
				if _, err := api.PostMessage(c.t.Context(), "web", m); err != nil {
					c.t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	sending.Wait()
}

// onceAndInOrder: every message once, the agent's sequence without gaps, each conversation's sequence in order.
func onceAndInOrder(t *testing.T, l *terminal, want int) {
	t.Helper()
	messages := l.events("message")
	shown, last := map[string]bool{}, map[string]int64{}
	var before int64
	for _, e := range messages {
		if shown[e.Message] {
			t.Errorf("%s shows %s twice", l.Name, e.Message)
		}
		if e.AgentSequence <= before || e.Sequence <= last[e.Conversation] {
			t.Errorf("%s shows %s (%s #%d, entry %d) out of order", l.Name, e.Message, e.Conversation, e.Sequence, e.AgentSequence)
		}
		shown[e.Message], before, last[e.Conversation] = true, e.AgentSequence, e.Sequence
	}
	if len(messages) != want {
		t.Errorf("%s shows %d messages, want %d", l.Name, len(messages), want)
	}
}

// Six things are taken away, each in its own way; each is named as the cause, with who, when and in which revision, and a fix that was verified.
func TestWhatWasTakenAwayIsNamedWithItsAuthorAndItsFix(t *testing.T) {
	c := found(t, "")
	agents := []string{"agent-a", "agent-b", "agent-c", "agent-i", "agent-k"}
	terminals := map[string]*terminal{}
	for _, name := range agents {
		terminals[name] = c.listen(name, "desk")
	}
	for _, name := range agents {
		if r := c.diagnose(client.Question{Agent: name, Inbox: "web"}); r.Verdict != diagnosis.NoTraffic {
			t.Errorf("%s, before anybody wrote: %s %s", name, r.Verdict, r.Headline.EN)
		}
	}
	a := c.post("web", "healthy-1", "li-lei", "在吗")
	terminals[a.Agent].expect(a.Message)
	c.accepted(a.Message)
	for _, name := range agents {
		r := c.diagnose(client.Question{Agent: name, Inbox: "web", Kind: "customer"})
		received := 0
		if name == a.Agent {
			received = 1
		}
		if r.Verdict != diagnosis.Receiving || r.Traffic.Received != received {
			t.Errorf("%s, after a customer wrote: %s %s, %+v", name, r.Verdict, r.Headline.EN, r.Traffic)
		}
	}
	healthy := time.Now()

	yesterday := strings.ToLower(time.Now().In(time.FixedZone("", 8*3600)).Add(-36 * time.Hour).Weekday().String()[:3])
	denied := c.edit("account", "agent-a", func(s map[string]any) { s["deny"] = []any{map[string]any{"permission": "receive.group"}} })
	c.edit("schedule", "once", func(s map[string]any) {
		s["title"], s["zone"] = "一分钟", "Asia/Shanghai"
		s["weekly"] = []any{map[string]any{"days": []string{yesterday}, "from": "03:00", "to": "03:01"}}
	})
	windowed := c.edit("account", "agent-b", func(s map[string]any) { s["windows"] = []string{"once"} })
	removed := c.edit("inbox", "web", func(s map[string]any) {
		members := s["members"].(map[string]any)
		members["accounts"] = slices.DeleteFunc(members["accounts"].([]any), func(n any) bool { return n == "agent-c" })
	})
	paused := c.edit("switch", "inbox.store", func(s map[string]any) {
		s["state"], s["until"], s["reason"] = "paused", time.Now().Add(time.Hour).Format(time.RFC3339), "盘点"
	})
	if err := c.api("admin").SetState(t.Context(), "agent-i", "frozen", "调查", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := c.api("admin").RevokeTokens(t.Context(), "agent-k", ""); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"agent-i", "agent-k"} {
		if status, err := terminals[gone].Wait(); status != 1 || err != nil {
			t.Errorf("the terminal of %s ends with %d, %v", gone, status, err)
		}
	}

	waits := c.post("web", "group-1", "group-7", "群里有人问", kind("group"))
	if waits.Status != "waiting" {
		t.Errorf("a group message: %+v", waits)
	}
	if err := addsUp(waits.Summary); err != nil {
		t.Error(err)
	}
	if a := c.post("web", "customer-1", "han-mei", "有人吗"); a.Status != "routed" || a.Agent != "agent-a" {
		t.Errorf("a customer's message goes to the one who is left: %+v", a)
	}
	if a := c.post("store", "store-1", "wang", "店里有货吗"); a.Status != "waiting" || !strings.Contains(a.Summary, "paused") {
		t.Errorf("a message to the paused inbox: %+v", a)
	}

	for _, want := range []struct {
		agent, inbox, kind, code string
		verdict                  diagnosis.Verdict
		revision                 int64
		expected, fixed          bool
	}{
		{"agent-a", "web", "group", "permission.kind.account_denied", diagnosis.Blocked, denied, false, true},
		{"agent-b", "web", "customer", "window.agent.closed", diagnosis.Waiting, windowed, true, true},
		{"agent-c", "web", "customer", "membership.inbox.not_member", diagnosis.Blocked, removed, false, true},
		{"agent-a", "store", "customer", "switch.inbox.paused", diagnosis.Waiting, paused, false, true},
		{"agent-i", "web", "customer", "account.state.frozen", diagnosis.Blocked, paused + 1, false, true},
		{"agent-k", "web", "customer", "account.login.token_revoked", diagnosis.Blocked, 0, false, true},
	} {
		t.Run(want.agent+" in "+want.inbox, func(t *testing.T) {
			q := client.Question{Agent: want.agent, Inbox: want.inbox, Kind: want.kind}
			r := c.diagnose(q)
			f := primary(t, r)
			if r.Verdict != want.verdict || f.Code != want.code {
				t.Errorf("%s because of %s, want %s because of %s: %s", r.Verdict, f.Code, want.verdict, want.code, r.Headline.EN)
			}
			switch {
			case f.ChangedBy == nil:
				t.Error("nobody is named")
			case f.ChangedBy.Account != "admin" || f.ChangedBy.Revision != want.revision:
				t.Errorf("changed by %+v, want admin in revision %d", *f.ChangedBy, want.revision)
			}
			if f.Since == nil || time.Time(*f.Since).Before(healthy.Add(-time.Second)) {
				t.Errorf("since %v", f.Since)
			}
			if f.Expected != want.expected {
				t.Errorf("expected is %v", f.Expected)
			}
			if f.Fix == nil || f.Fix.Verified != want.fixed {
				t.Errorf("the fix is %+v", f.Fix)
			}
			if len(f.Evidence) == 0 {
				t.Error("there is no evidence")
			}
			q.At = healthy
			if then := c.diagnose(q); then.Verdict == diagnosis.Blocked || then.Verdict == diagnosis.Waiting {
				t.Errorf("as of before the change: %s %s", then.Verdict, then.Headline.EN)
			}
		})
	}
	if r := c.diagnose(client.Question{Agent: "agent-a", Inbox: "web", Kind: "customer"}); r.Verdict != diagnosis.Receiving {
		t.Errorf("the one who is left: %s %s", r.Verdict, r.Headline.EN)
	}

	// The first fix is carried out as it is written, and what waited comes.
	fix := primary(t, c.diagnose(client.Question{Agent: "agent-a", Inbox: "web", Kind: "group"})).Fix
	for _, e := range fix.Edits {
		if _, err := c.api("admin").PutDocument(t.Context(), -1, e.Kind, e.Name, e.Spec); err != nil {
			t.Fatal(err)
		}
	}
	if e := terminals["agent-a"].expect("群里有人问"); e.Message != waits.Message {
		t.Errorf("%+v", e)
	}
}

// A trace shows every stage with its time, all candidates with all gates, every attempt; and also what was refused.
func TestATraceShowsTheWholeWay(t *testing.T) {
	c := found(t, "")
	desk := c.listen("agent-a", "desk")
	a := c.post("web", "traced-1", "li-lei", "在吗")
	desk.expect(a.Message)
	c.accepted(a.Message)
	way, err := c.api("admin").TraceSender(t.Context(), "web", "traced-1")
	if err != nil {
		t.Fatal(err)
	}
	if way.Message != a.Message {
		t.Errorf("found %s by the sender's id, want %s", way.Message, a.Message)
	}
	var stages []string
	for i, s := range way.Stages {
		stages = append(stages, s.Stage)
		if s.At.IsZero() || i > 0 && s.At.Before(way.Stages[i-1].At) {
			t.Errorf("stage %s is at %s", s.Stage, s.At)
		}
	}
	for _, want := range []string{"stored", "decided", "pushed", "received", "seen", "accepted"} {
		if !slices.Contains(stages, want) {
			t.Errorf("there is no stage %s among %v", want, stages)
		}
	}
	if way.Decision == nil || len(way.Decision.Candidates) != 10 || !slices.Equal(way.Decision.Chosen, []string{"agent-a"}) {
		t.Fatalf("the decision is %+v", way.Decision)
	}
	for _, candidate := range way.Decision.Candidates {
		if len(candidate.Gates) < 10 {
			t.Errorf("%s has only the gates %+v", candidate.Agent, candidate.Gates)
		}
	}
	if attempts := way.Deliveries[0].Attempts; len(attempts) != 1 || attempts[0].Result != "received" || attempts[0].Connection == "" {
		t.Errorf("attempts: %+v", attempts)
	}

	_, err = c.api("shop").PostMessage(t.Context(), "after-sales", client.Message{ID: "refused-1", Contact: client.Contact{ID: "x"}, Kind: "group", Text: "x"})
	no := client.AsRefused(err)
	if no == nil || no.Status != http.StatusBadRequest && no.Status != http.StatusUnprocessableEntity || no.Field != "/kind" {
		t.Fatalf("a kind that the inbox does not produce: %v", err)
	}
	c.eventually("the refusal can be found", func() bool {
		refused, err := c.api("admin").TraceSender(t.Context(), "after-sales", "refused-1")
		return err == nil && refused.Message == "" && len(refused.Stages) == 1 && refused.Stages[0].Code == no.Code
	})
}

// A change tells the agents whose reception it alters, and their team lead, what stops and who did it; the audit entry is there.
func TestAChangeIsToldToThoseItConcernsAndRecorded(t *testing.T) {
	c := found(t, "")
	agent, lead, other := c.listen("agent-b", "desk"), c.listen("supervisor-b", "desk"), c.listen("agent-a", "desk")
	revision := c.edit("account", "agent-b", func(s map[string]any) { s["deny"] = []any{map[string]any{"permission": "receive.group"}} })
	for _, l := range []*terminal{agent, lead} {
		if e := l.expect(`"event":"notice".*admin turned off`); e.Kind != "system" || e.Inbox != "" || !strings.Contains(e.Text, "group messages") {
			t.Errorf("%s is told %+v", l.Name, e)
		}
	}
	a := c.post("web", "after-1", "li-lei", "在吗", kind("group"))
	other.expect(a.Message)
	for _, e := range other.events("notice") {
		if strings.Contains(e.Text, "turned off") {
			t.Errorf("agent-a is told what does not concern it: %s", e.Text)
		}
	}
	var audit struct {
		Entries []struct {
			By, Action, Object string
			Revision           int64
		}
	}
	c.do("admin", get("audit"), &audit)
	if !slices.ContainsFunc(audit.Entries, func(e struct {
		By, Action, Object string
		Revision           int64
	}) bool {
		return e.Action == "policy.apply" && e.By == "admin" && e.Revision == revision
	}) {
		t.Errorf("revision %d is not in the audit log: %+v", revision, audit.Entries)
	}
}

// Of two servers on one PostgreSQL database the later one decides; the earlier one notices at its next commit, says so and ends with 1.
func TestAServerWhoseDatabaseAnotherHasTakenOverEnds(t *testing.T) {
	database, ok := databases(t)["PostgreSQL"]
	if !ok {
		return
	}
	first := found(t, database(t))
	second := &company{
		t: t, program: first.program, dir: t.TempDir(), database: first.database, address: "127.0.0.1:0", as: map[string]*client.Client{}, tokens: map[string]string{},
	}
	second.start()
	if status, err := first.server.Wait(); status != 1 || err != nil {
		t.Errorf("the first ends with %d, %v", status, err)
	}
	lines := first.server.Lines(release.Err)
	if last := lines[len(lines)-1]; last != "bida: Another process decides for this installation now." {
		t.Errorf("its last line is %q", last)
	}
	if a := second.post("web", "taken-1", "li-lei", "在吗"); a.Status != "waiting" {
		t.Errorf("%+v", a)
	}
}
