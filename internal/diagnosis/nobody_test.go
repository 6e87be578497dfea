package diagnosis

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func (c *company) askAnybody(message string) *Report {
	c.t.Helper()
	return c.diagnose("supervisor-b", Query{Message: message})
}

// crowd is a report about a message in short: its place, each finding with its agents, and what would help most.
func crowd(r *Report) string {
	lines := []string{string(r.Verdict) + " " + r.Place.State}
	shown := strings.Split(show(r), "\n")[1:]
	for i, f := range r.Findings {
		lines = append(lines, strings.Replace(shown[i], " [web/customer]", " ["+strings.Join(f.Agents, " ")+"]", 1))
	}
	if b := r.Best; b != nil {
		line := "best: " + strings.Join(b.Codes, " ") + ":"
		for _, e := range b.Fix.Edits {
			line += " " + e.Kind + "/" + e.Name
		}
		for _, a := range b.Fix.Actions {
			line += " " + a.Action
		}
		lines = append(lines, line+" -> "+strings.Join(b.Receivers, " "))
	}
	return strings.Join(lines, "\n")
}

func expectCrowd(t *testing.T, r *Report, want ...string) {
	t.Helper()
	if got := crowd(r); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s\nheadline: %s\n          %s", got, strings.Join(want, "\n"), r.Headline.ZH, r.Headline.EN)
	}
}

func TestOneSwitchThatStopsEverybodyIsOneCause(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.apply("supervisor-b", edit("switch", "inbox.web", `{"state":"paused"}`))
	m := c.post("web", "customer", "x")
	c.wait(3 * time.Minute)
	r := c.askAnybody(m)
	expectCrowd(t, r, "blocked waiting",
		"* switch.inbox.paused by supervisor-b in 2 [agent-a agent-b agent-c] fix: switch/inbox.web/spec/state ok",
		"account.login.never [agent-c] fix: create_token sign_in go_available reconnect ok",
		"presence.never_set of account.login.never [agent-c]",
		"connection.never of account.login.never [agent-c]",
		"queue.waiting of switch.inbox.paused []",
		"best: switch.inbox.paused: switch/inbox.web -> agent-a agent-b")
	if want := "消息 " + m + " 还没有人收到，在“网站”等待：主管乙 11 月 20 日 14:02 暂停了“网站”的推送；另有 1 个原因。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	if want := "0/3 agents could receive: 1 never signed in"; !strings.Contains(r.Place.Decision.Summary.EN, "2/3 agents could receive") && r.Place.Decision.Summary.EN != want {
		t.Errorf("summary %q", r.Place.Decision.Summary.EN)
	}
	if len(r.Checks) == 0 || !slices.ContainsFunc(r.Checks, func(x Check) bool { return x.Code == "presence.never_set" && x.Agents == 1 }) {
		t.Errorf("checks %+v", r.Checks)
	}
}

func TestNobodyHasAMessageForSeveralReasons(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b", "agent-c")
	c.wait(5 * time.Hour) // it is 19:00, and the day team is off
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.customer"}} })
	c.presence("agent-b", "agent-b", "away")
	m := c.post("web", "customer", "x")
	c.wait(time.Minute)
	r := c.askAnybody(m)
	expectCrowd(t, r, "waiting waiting",
		"* permission.kind.account_denied by supervisor-b in 2 [agent-a] fix: account/agent-a/spec/deny ok",
		"window.agent.team_closed expected [agent-c] fix: wait_until ok",
		"presence.away expected by agent-b [agent-b] fix: go_available ok",
		"queue.waiting of permission.kind.account_denied []",
		"best: permission.kind.account_denied: account/agent-a -> agent-a")
	if r.Findings[0].ChangedBy == nil || r.Findings[0].ChangedBy.Account != "supervisor-b" {
		t.Errorf("changed by %+v", r.Findings[0].ChangedBy)
	}
	// With agent-a denied on top of being away nothing alone helps that one; agent-b still has but to come back.
	c.presence("agent-a", "agent-a", "offline")
	if r = c.askAnybody(m); strings.Join(r.Best.Receivers, " ") != "agent-b" || r.Best.Fix.Actions[0].Action != "go_available" {
		t.Errorf("best %+v", r.Best)
	}
	// And with everybody stopped twice, what removes both is found.
	c.account("supervisor-b", "agent-b", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.customer"}} })
	c.presence("agent-c", "agent-c", "away")
	if r = c.askAnybody(m); r.Best == nil || len(r.Best.Codes) != 2 || r.Best.Count != 1 || len(r.Best.Fix.Edits) != 1 || len(r.Best.Fix.Actions) != 1 {
		t.Errorf("best %+v of\n%s", r.Best, crowd(r))
	}
}

func TestSomebodyHasTheMessageAfterAll(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.wait(2 * time.Second)
	on := c.askAnybody(m)
	expectCrowd(t, on, "receiving on_its_way", "* routing.chosen.least_loaded expected [agent-a]")
	c.receive("agent-a")
	c.wait(time.Hour)
	r := c.askAnybody(m)
	expectCrowd(t, r, "receiving delivered", "* routing.chosen.least_loaded expected [agent-a]", "view.not_seen [agent-a]")
	if want := "消息 " + m + " 有人收到：自 11 月 20 日 14:01 起在客服甲处。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	if r.Place.Decision.Summary.EN != "2/3 agents can receive; agent-a chosen: least loaded (0 open conversations)" {
		t.Errorf("summary %q", r.Place.Decision.Summary.EN)
	}
	c.do(&conversation.Transfer{Conversation: number(m), To: "agent-b", By: "agent-a"})
	c.disconnect("agent-b", "stale")
	c.wait(10 * time.Second)
	expectCrowd(t, c.askAnybody(m), "waiting not_arrived",
		"* connection.stale by system [agent-b] fix: reconnect ok", "push.no_connection of connection.stale [agent-b]")
}

func number(message string) int64 {
	id, _ := conversation.ParseID('m', message)
	return id
}

func TestAMessageNobodyHadBeforeItsConversationEnded(t *testing.T) {
	c := newCompany(t, companyYAML)
	m := c.post("web", "customer", "x")
	c.wait(time.Hour)
	c.do(&conversation.Resolve{Conversation: number(m), By: "supervisor-b", Others: true})
	c.wait(time.Hour)
	r := c.askAnybody(m)
	expectCrowd(t, r, "blocked never_given", "* conversation.resolved_undelivered []")
	mentions(t, primary(t, r), "conversation/c"+m[1:]+" = resolved", "decision/")
	// An hour before it was waiting.
	before := c.diagnose("supervisor-b", Query{Message: m, At: c.now.Add(-90 * time.Minute)})
	if before.Place.State != placeWaiting || before.Findings[0].Code != "account.login.never" || before.Findings[0].AgentCount != 3 {
		t.Errorf("before: %s", crowd(before))
	}
}

func TestAMessageThatARuleKeepsFromEverybody(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.apply("supervisor-b", edit(policy.KindFilter, "spam", `{"match":{"keywords":["秘密"]},"action":"quarantine"}`))
	m := c.post("web", "customer", "x")
	ask := func(m string) *Report { // what the rule matched is told to who may see it
		r, err := c.s.Diagnose(context.Background(), "supervisor-b", Query{Message: m})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask(m)
	if f := primary(t, r); f.Code != "filter.quarantined" || f.ChangedBy == nil || f.ChangedBy.Account != "supervisor-b" || r.Place.State != placeQuarantined {
		t.Errorf("%s", crowd(r))
	}
	if r.Best == nil || r.Best.Fix.Actions[0].Action != "release_message" || strings.Join(r.Best.Receivers, " ") != "agent-a" {
		t.Errorf("best %+v", r.Best)
	}
	c.apply("supervisor-b", edit(policy.KindFilter, "spam", `{"match":{"keywords":["秘密"]},"action":"reject"}`))
	r = ask(c.post("web", "customer", "y"))
	if f := primary(t, r); f.Code != "filter.rejected" || r.Place.State != placeRejected || r.Best != nil {
		t.Errorf("%s", crowd(r))
	}
}

func TestAnInboxWithoutMembers(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	revision := c.inbox("supervisor-b", "shop", func(s *policy.InboxSpec) { s.Members.Accounts = nil })
	c.inbox("admin", "shop", func(s *policy.InboxSpec) { s.Title = "门店二" })
	r := c.askAnybody(c.post("shop", "customer", "x"))
	f := primary(t, r)
	if f.Code != "routing.no_members" || f.ChangedBy == nil || f.ChangedBy.Account != "supervisor-b" || f.ChangedBy.Revision != revision || r.Verdict != Blocked {
		t.Errorf("%s: %+v", crowd(r), f.ChangedBy)
	}
}

func TestAMessageThatWaitsForItsOwner(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.receive("agent-a")
	c.do(&conversation.Reply{Conversation: number(m), ID: "r1", Account: "agent-a", Text: secretText})
	c.disconnect("agent-a", "closed_by_client")
	second := c.post("web", "customer", "x")
	r := c.askAnybody(second)
	if r.Verdict != Waiting || r.Place.State != placeHeld && r.Place.State != placeNotArrived {
		t.Errorf("%s", crowd(r))
	}
	if f := primary(t, r); f.Code != "connection.grace" || strings.Join(f.Agents, " ") != "agent-a" {
		t.Errorf("%s", crowd(r))
	}
}

func TestAMessageThatWasRefusedOrNeverCameIn(t *testing.T) {
	c := newCompany(t, companyYAML)
	m := c.post("web", "customer", "x")
	if r := c.diagnose("supervisor-b", Query{Inbox: "web", Sender: "x1"}); r.Subject.Message != m || r.Place.State != placeWaiting {
		t.Errorf("by the sender's id: %s", crowd(r))
	}
	c.tx(func(tx *ledger.Tx) {
		tx.Refuse(ledger.RefusalRow{At: c.now, Inbox: "web", SenderID: "x9", Account: "shop-api", Code: "intake.invalid", Field: "/text", Detail: secretText})
		tx.Refuse(ledger.RefusalRow{At: c.now, Code: "intake.unauthenticated"})
	})
	r := c.diagnose("supervisor-b", Query{Inbox: "web", Sender: "x9"})
	if f := primary(t, r); r.Verdict != Blocked || f.Code != "intake.invalid" || r.Place.State != placeRefused || !strings.Contains(facts(f), "intake.invalid /text") {
		t.Errorf("refused: %s", crowd(r))
	}
	r = c.diagnose("supervisor-b", Query{Inbox: "web", Sender: "x10"})
	f := primary(t, r)
	if r.Verdict != Unknown || f.Code != "intake.no_record" || r.Next == "" {
		t.Errorf("never came: %s", crowd(r))
	}
	mentions(t, f, "refused/intake.invalid = 1", "refused/intake.unauthenticated = 1", "traffic.offered = 1")
	refused(t, c, "supervisor-b", Query{Sender: "x9"}, "/inbox")
	refused(t, c, "supervisor-b", Query{Inbox: "nowhere", Sender: "x9"}, "/inbox")
	refused(t, c, "supervisor-b", Query{Inbox: "web", Sender: "x9", Message: m}, "/sender_id")
	refused(t, c, "supervisor-b", Query{Message: "m999"}, "/message")
	refused(t, c, "supervisor-b", Query{Message: m, Kind: "group"}, "/kind")
	refused(t, c, "supervisor-b", Query{Message: m, At: c.now.Add(time.Minute)}, "/at")
	refused(t, c, "supervisor-b", Query{Message: m, At: c.now.Add(-time.Minute)}, "/at")
	refused(t, c, "agent-a", Query{Message: m}, "")
	refused(t, c, "agent-a", Query{Inbox: "web", Sender: "x9"}, "")
	if _, err := c.offline(c.now).Diagnose(context.Background(), "", Query{Inbox: "web", Sender: "x1"}); problem.As(err) == nil || problem.As(err).Field != "/sender_id" {
		t.Errorf("from a snapshot: %v", err)
	}
}

func TestReportsAboutMessagesAgreeWithTheWorld(t *testing.T) {
	onRandomHistories(t, messagesAgreeWithTheWorld, theBestChangeGivesTheMessageToOneOfItsReceivers)
}

// messagesAgreeWithTheWorld compares where a report says that a message is with what is recorded, and whom it says is stopped with the engine.
func messagesAgreeWithTheWorld(rt *rapid.T, c *company) {
	offline := c.offline(c.began())
	for _, id := range c.posted {
		r, err := c.s.Diagnose(context.Background(), "admin", Query{Message: id})
		if err != nil {
			rt.Fatal(err)
		}
		c.sameAnswer(rt, offline, Query{Message: id})
		if want := c.placesOf(id); !slices.Contains(want, r.Place.State) {
			rt.Fatalf("%s is %s, want one of %v:\n%s", id, r.Place.State, want, crowd(r))
		}
		some := false
		for _, agent := range []string{"agent-a", "agent-b", "agent-c"} {
			own, err := c.s.Diagnose(context.Background(), "admin", Query{Agent: agent, Message: id})
			if err != nil {
				rt.Fatal(err)
			}
			some = some || own.Verdict == Receiving
		}
		if (r.Verdict == Receiving) != some {
			rt.Fatalf("%s: the verdict about everybody is %s, and that some agent has it is %v", id, r.Verdict, some)
		}
		if r.Place.State == placeWaiting {
			stoppedAsTheEngineSays(rt, c, r)
		}
	}
}

// placesOf are the places that fit what is recorded of a message.
func (c *company) placesOf(id string) []string {
	switch c.reach(id) {
	case ReachDelivered:
		if !c.takenBack(id) {
			return []string{placeDelivered}
		}
		return []string{placeDelivered, placeWaiting, placeOnItsWay, placeHeld, placeNotArrived, placeToTake, placeNeverGiven} // it was received, and is with somebody else now
	case ReachWaiting:
		return []string{placeWaiting, placeOnItsWay, placeHeld, placeNotArrived, placeToTake}
	case ReachUnknown:
		return []string{placeNotArrived}
	case ReachLost:
		return []string{placeNotArrived, placeNeverGiven, placeHeld}
	}
	return nil
}

// takenBack says whether everybody whose client received a message has it no more.
func (c *company) takenBack(id string) bool {
	position, _ := conversation.ParseID('m', id)
	rows, err := c.store.DeliveriesOf(c.t.Context(), position)
	if err != nil {
		c.t.Fatal(err)
	}
	withdrawn := false
	for i := range rows {
		if rows[i].State != ledger.Withdrawn && arrived(&rows[i]) {
			return false
		}
		withdrawn = withdrawn || rows[i].State == ledger.Withdrawn && !rows[i].ReceivedAt.IsZero()
	}
	return withdrawn
}

func stoppedAsTheEngineSays(rt *rapid.T, c *company, r *Report) {
	view := c.l.View()
	p := view.Policy.Compile()
	for _, m := range p.Inboxes["web"].Members {
		v := reception.Explain(p, view, "web", r.Place.Kind, m.Account, c.now)
		for g := range reception.GateCount {
			named := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Gate == g.String() && slices.Contains(f.Agents, m.Account) })
			if v[g].Outcome.Stops() && !named {
				rt.Fatalf("%s is stopped at %s, which no finding says:\n%s", m.Account, g, crowd(r))
			}
			if named && !v[g].Outcome.Stops() && g != reception.ConversationGate && g != reception.Routing {
				rt.Fatalf("%s is not stopped at %s, as a finding says:\n%s", m.Account, g, crowd(r))
			}
		}
	}
}

// theBestChangeGivesTheMessageToOneOfItsReceivers makes the change that a report calls the best.
func theBestChangeGivesTheMessageToOneOfItsReceivers(rt *rapid.T, c *company) {
	for _, id := range c.posted {
		r, err := c.s.Diagnose(context.Background(), "admin", Query{Message: id})
		if err != nil {
			rt.Fatal(err)
		}
		if r.Best == nil || len(r.Best.Fix.Edits) == 0 || len(r.Best.Fix.Actions) > 0 {
			continue
		}
		for _, f := range r.Findings {
			if f.Fix != nil && f.Fix.Verified && len(f.Fix.Edits) > 0 && len(f.Fix.Actions) == 0 {
				if n := receiversWith(rt, c, r, f.Fix.Edits); n > r.Best.Count {
					rt.Fatalf("mending %s lets %d receive, more than the best:\n%s", f.Code, n, crowd(r))
				}
			}
		}
		var edits []policy.Edit
		for _, e := range r.Best.Fix.Edits {
			edits = append(edits, policy.Edit{Kind: e.Kind, Name: e.Name, Spec: e.Spec})
		}
		c.do(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "api"})
		rows, err := c.store.DeliveriesOf(context.Background(), number(id))
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.ContainsFunc(rows, func(d ledger.DeliveryRow) bool {
			return d.State != ledger.Withdrawn && slices.Contains(r.Best.Receivers, d.Account)
		}) {
			rt.Fatalf("the change was made, and none of %v was given the message:\n%s", r.Best.Receivers, crowd(r))
		}
		return
	}
}

// receiversWith counts who could receive with some documents changed.
func receiversWith(rt *rapid.T, c *company, r *Report, edits []Edit) int {
	view := c.l.View()
	var list []policy.Edit
	for _, e := range edits {
		list = append(list, policy.Edit{Kind: e.Kind, Name: e.Name, Spec: e.Spec})
	}
	after, _, err := view.Policy.Apply(view.Policy.Revision()+1, list)
	if err != nil {
		rt.Fatal(err)
	}
	p, n := after.Compile(), 0
	for _, m := range p.Inboxes[r.Place.Inbox].Members {
		if v := reception.Explain(p, view, r.Place.Inbox, r.Place.Kind, m.Account, c.now); v.First() == reception.GateCount {
			n++
		}
	}
	return n
}
