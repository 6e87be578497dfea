package reception

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// twelve makes an inbox of twelve agents, agent-a to agent-l, who can all receive.
func twelve() *company {
	c := newCompany()
	in := c.inbox("web")
	in.Members = nil
	for i := range 12 {
		name := fmt.Sprintf("agent-%c", 'a'+i)
		c.p.Accounts[name], c.w.agents[name] = receiver(name), ready(name)
		in.Members = append(in.Members, Member{Account: name, Direct: true})
	}
	return c
}

// each bends the agents from and up to.
func (c *company) each(from, to int, bend func(a *Account, f *Agent)) {
	for _, m := range c.inbox("web").Members[from:to] {
		bend(c.p.Accounts[m.Account], c.w.agents[m.Account])
	}
}

func groupMessage() Message { return Message{Inbox: "web", Kind: "group"} }

// fromTheDesign is the line that the design gives as its example.
func fromTheDesign() *company {
	c := twelve()
	c.each(0, 5, func(a *Account, _ *Agent) { a.Windows = []*Schedule{weekdays(14, 18)} })
	c.each(5, 7, func(a *Account, _ *Agent) { a.Rights["receive.group"] = Right{} })
	c.each(7, 9, func(a *Account, _ *Agent) { a.Rights["receive.group"] = Right{Template: true} })
	c.each(9, 11, func(_ *Account, f *Agent) { f.Presence.Value = Offline })
	c.each(11, 12, func(a *Account, f *Agent) { a.Total, f.Live = 3, 3 })
	return c
}

func TestTheSummarySaysTheDecisionInOneLine(t *testing.T) {
	grace := noon.Add(20 * time.Second)
	for _, tc := range []struct {
		name    string
		company *company
		bend    func(c *company)
		m       Message
		en, zh  string
	}{
		{"nobody can receive", fromTheDesign(), nil, groupMessage(),
			`0/12 agents can receive: 5 outside their reception window, 4 have kind "group" off, 2 offline, 1 at capacity`,
			`0/12 名客服可接收:5 人不在接待时段,4 人“群消息”接收已关闭,2 人离线,1 人接待量已满`},
		{"one is has, several are have", twelve(), func(c *company) {
			c.each(0, 1, func(a *Account, _ *Agent) { a.Rights["receive.group"] = Right{} })
			c.each(1, 12, func(_ *Account, f *Agent) {
				f.Connection = Connection{State: ConnectionNone, Origin: Origin{Cause: "never"}}
			})
		}, groupMessage(),
			`0/12 agents can receive: 11 not connected, 1 has kind "group" off`,
			`0/12 名客服可接收:11 人未连接,1 人“群消息”接收已关闭`},
		{"the least loaded", fromTheDesign(), func(c *company) { c.each(0, 3, func(a *Account, _ *Agent) { a.Windows = nil }) }, groupMessage(),
			`3/12 agents can receive; agent-a chosen: least loaded (0 open conversations)`,
			`3/12 名客服可接收;由 agent-a 接待:负载最低(进行中会话 0 个)`},
		{"in turn", twelve(), func(c *company) { c.inbox("web").Strategy = RoundRobin }, customer(),
			`12/12 agents can receive; agent-a chosen: next in turn`,
			`12/12 名客服可接收;由 agent-a 接待:轮到其接待`},
		{"the last owner", twelve(), func(c *company) { c.inbox("web").Sticky = true }, Message{Inbox: "web", Kind: "customer", LastOwner: "agent-d"},
			`12/12 agents can receive; agent-d chosen: had the contact's last conversation`,
			`12/12 名客服可接收;由 agent-d 接待:上次接待过该客户`},
		{"the owner", twelve(), nil, ownedBy("agent-b"),
			`1/12 agents can receive; agent-b chosen: owns the conversation`,
			`1/12 名客服可接收;由 agent-b 接待:已是该会话的接待人`},
		{"a switch is said before the count", fromTheDesign(), func(c *company) {
			c.inbox("web").Switch = Switch{State: Paused, Until: at(14, 0)}
			c.each(0, 3, func(a *Account, _ *Agent) { a.Windows = nil })
		}, groupMessage(),
			`push for this inbox is paused until 14:00; 3/12 agents could receive: 4 have kind "group" off, 2 outside their reception window, 2 offline, 1 at capacity`,
			`本渠道推送已暂停(至 14:00);3/12 名客服本可接收:4 人“群消息”接收已关闭,2 人不在接待时段,2 人离线,1 人接待量已满`},
		{"everything that stops the message is said", twelve(), func(c *company) {
			c.p.Platform.State = Off
			c.inbox("web").Hours = weekdays(9, 10)
		}, customer(),
			`push is switched off for the whole platform; outside this inbox's business hours until 03-12 09:00; 12/12 agents could receive`,
			`平台推送已关闭;不在渠道营业时间内(至 03-12 09:00);12/12 名客服本可接收`},
		{"an owner is waited for", twelve(), func(c *company) {
			c.agent("agent-b").Connection = Connection{State: ConnectionNone, GraceUntil: grace}
		}, ownedBy("agent-b"),
			`waits for its owner agent-b until 12:00:20: connection lost a moment ago; 0/12 agents can receive: 11 not its owner, 1 reconnecting`,
			`等待原接待客服 agent-b(至 12:00:20):连接刚刚中断;0/12 名客服可接收:11 人不是该会话的接待人,1 人正在重连`},
		{"an owner is released", twelve(), func(c *company) { c.account("agent-b").State = Frozen }, ownedBy("agent-b"),
			`released from agent-b (account frozen); 11/12 agents can receive; agent-a chosen: least loaded (0 open conversations)`,
			`已从 agent-b 收回(账号已冻结);11/12 名客服可接收;由 agent-a 接待:负载最低(进行中会话 0 个)`},
		{"a broadcast", fromTheDesign(), func(c *company) {
			c.inbox("web").Strategy = Broadcast
			c.each(0, 3, func(a *Account, _ *Agent) { a.Windows = nil })
		}, groupMessage(),
			`3/12 agents can receive; 3 offered it: the first to accept has it`,
			`3/12 名客服可接收;3 人已收到邀请,先接待者得`},
		{"nobody belongs to it", twelve(), func(c *company) { c.inbox("web").Members = nil }, customer(),
			`this inbox has no agents`, `该渠道还没有客服`},
		{"what is directed", twelve(), func(c *company) {
			c.right("agent-b", "receive.internal", Right{})
			c.agent("agent-c").Presence.Value = Offline
		}, directed("web", "internal", "agent-a", "agent-b", "agent-c"),
			`2/3 named receivers can have it: 1 has kind "internal" off`,
			`2/3 名指定接收人可接收:1 人“内部消息”接收已关闭`},
		{"what stays", twelve(), nil, directed("web", "internal"),
			`no named receiver: it stays in the conversation`, `没有指定接收人,仅保留在会话中`},
		{"a kind of the company's own", twelve(), func(c *company) { c.inbox("web").Members = c.inbox("web").Members[:2] }, Message{Inbox: "web", Kind: "vip"},
			`0/2 agents can receive: 2 have kind "vip" off`, `0/2 名客服可接收:2 人“vip”接收已关闭`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.bend != nil {
				tc.bend(tc.company)
			}
			d := Decide(tc.company.p, tc.company.w, tc.m, noon)
			if got := d.Summary("en", shanghai); got != tc.en {
				t.Errorf("got  %s\nwant %s", got, tc.en)
			}
			if got := d.Summary("zh-CN", shanghai); got != fullWidth(tc.zh) {
				t.Errorf("got  %s\nwant %s", got, fullWidth(tc.zh))
			}
		})
	}
}

// fullWidth spares the tests above punctuation that is hard to tell from its narrow twin. Times keep their colon.
func fullWidth(s string) string {
	return strings.NewReplacer("14:00", "14:00", "09:00", "09:00", "12:00:20", "12:00:20",
		":", "\uff1a", ",", "\uff0c", ";", "\uff1b", "(", "\uff08", ")", "\uff09").Replace(s)
}

func TestTimesInASummaryAreSaidInUTCWhereNoZoneIsGiven(t *testing.T) {
	c := twelve()
	c.inbox("web").Switch = Switch{State: Paused, Until: time.Date(2027, 1, 2, 1, 30, 0, 0, time.UTC)}
	d := Decide(c.p, c.w, customer(), noon)
	if got := d.Summary("en", nil); !strings.HasPrefix(got, "push for this inbox is paused until 2027-01-02 01:30 UTC; ") {
		t.Error(got)
	}
}

func TestADecisionFromTheJournalIsSummedUpWithoutScores(t *testing.T) {
	c := twelve()
	d := Decide(c.p, c.w, customer(), noon)
	message, candidates, err := DecodeOutcomes(EncodeOutcomes(&d))
	if err != nil {
		t.Fatal(err)
	}
	read := Decision{Verdict: d.Verdict, Code: d.Code, Chosen: d.Chosen, Kind: d.Kind, At: d.At, Message: message, Candidates: candidates}
	if got := read.Summary("en", shanghai); got != "12/12 agents can receive; agent-a chosen: least loaded" {
		t.Error(got)
	}
}

func TestADecisionThatWasNotMadeSaysSo(t *testing.T) {
	if got := (&Decision{}).Summary("en", nil); got != "not decided" {
		t.Error(got)
	}
}

func TestThePassedOverAreCounted(t *testing.T) {
	c := newCompany()
	m := customer()
	m.Conversation = &Conversation{PassedOver: []string{"a"}}
	d := Decide(c.p, c.w, m, noon)
	can, all, counts := d.Tally()
	if want := []Count{{Gate: Routing, Code: CodeRoutingPassedOver, Agents: 1}}; can != 2 || all != 3 || !slices.Equal(counts, want) {
		t.Errorf("%d/%d %v", can, all, counts)
	}
}

func TestEverySummaryCountsWithTheNumbersOfItsTally(t *testing.T) {
	c := fromTheDesign()
	d := Decide(c.p, c.w, groupMessage(), noon)
	sum, numbers := 0, strings.FieldsFunc(strings.SplitN(d.Summary("en", nil), ":", 2)[1], func(r rune) bool { return !unicode.IsDigit(r) })
	for _, n := range numbers {
		var i int
		fmt.Sscan(n, &i)
		sum += i
	}
	if sum != 12 {
		t.Errorf("the numbers %v make %d", numbers, sum)
	}
}
