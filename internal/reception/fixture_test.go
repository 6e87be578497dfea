package reception

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// facts is a World that a test fills; of an account that it does not name it knows nothing but that it never had a session.
type facts struct {
	agents   map[string]*Agent
	failures []Failure
	rates    map[string]Rate
}

func (f *facts) Agent(account string) *Agent {
	if a := f.agents[account]; a != nil {
		return a
	}
	return &Agent{Account: account, Session: Session{State: SessionNever}, Presence: Presence{Value: Offline, Origin: Origin{Cause: "never_set"}},
		Connection: Connection{State: ConnectionNone, Origin: Origin{Cause: "never"}}}
}

func (f *facts) Failures() []Failure { return f.failures }

func (f *facts) Rate(name string) Rate { return f.rates[name] }

// noon is a Wednesday in Shanghai, where the test company is.
var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, shanghai)

var shanghai = zone("Asia/Shanghai")

func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

func granted() Right { return Right{Roles: []string{"agent"}, Template: true} }

func receiver(name string) *Account {
	return &Account{Name: name, Agent: true, State: Active, Roles: []string{"agent"}, Limits: map[string]int{}, Rights: map[string]Right{
		"receive": granted(), "receive.customer": granted(), "receive.group": granted(), "receive.system": granted(),
		"receive.internal": granted(), "receive.auto_reply": granted(), "message.reply": granted(),
	}}
}

func ready(name string) *Agent {
	return &Agent{Account: name, Session: Session{State: SessionActive}, Presence: Presence{Value: Available, Origin: Origin{Cause: "self", By: name}},
		Connection: Connection{State: ConnectionOpen}}
}

// company is a small company that a test bends: inbox web (live) and mail (async) with agents a, b and c, who can all receive; d is in no inbox.
type company struct {
	p *Policy
	w *facts
}

func newCompany() *company {
	c := &company{
		p: &Policy{Revision: 1, Accounts: map[string]*Account{}, Inboxes: map[string]*Inbox{}},
		w: &facts{agents: map[string]*Agent{}},
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		c.p.Accounts[name], c.w.agents[name] = receiver(name), ready(name)
	}
	members := func() []Member {
		return []Member{{Account: "a", Direct: true}, {Account: "b", Direct: true}, {Account: "c", Direct: true}}
	}
	kinds := []string{"customer", "group"}
	c.p.Inboxes["web"] = &Inbox{Name: "web", Mode: Live, Kinds: kinds, Strategy: LeastLoaded, Members: members()}
	c.p.Inboxes["mail"] = &Inbox{Name: "mail", Mode: Async, Kinds: kinds, Strategy: LeastLoaded, Members: members()}
	return c
}

func (c *company) account(name string) *Account { return c.p.Accounts[name] }
func (c *company) agent(name string) *Agent     { return c.w.agents[name] }
func (c *company) inbox(name string) *Inbox     { return c.p.Inboxes[name] }

// load gives an agent so many conversations in an inbox.
func (c *company) load(agent, inbox string, n int) {
	share := naiveShare(c.agent(agent), inbox)
	share.Load = n
	c.agent(agent).Shares = WithShare(c.agent(agent).Shares, share)
}

// assigned has an agent's last assignment in an inbox at a position.
func (c *company) assigned(agent, inbox string, position int64) {
	share := naiveShare(c.agent(agent), inbox)
	share.LastAssigned = position
	c.agent(agent).Shares = WithShare(c.agent(agent).Shares, share)
}

// right changes one permission of an account.
func (c *company) right(account, permission string, r Right) {
	c.p.Accounts[account].Rights[permission] = r
}

func customer() Message { return Message{Inbox: "web", Kind: "customer"} }

func ownedBy(owner string) Message {
	m := customer()
	m.Conversation = &Conversation{ID: "c1", Owner: owner}
	return m
}

// cell returns an agent's cell in the decision of a message.
func (c *company) cell(t *testing.T, m Message, account string, g Gate, now time.Time) Cell {
	t.Helper()
	d := Decide(c.p, c.w, m, now)
	i := d.find(account)
	if i < 0 {
		t.Fatalf("%s is no candidate", account)
	}
	return d.Candidates[i].Cells[g]
}

func weekdays(from, to int) *Schedule {
	s := &Schedule{Name: "weekdays", Location: shanghai}
	for day := time.Monday; day <= time.Friday; day++ {
		s.Weekly[day] = []Span{{from * 60, to * 60}}
	}
	return s
}

func at(hour, minute int) time.Time { return time.Date(2026, 3, 11, hour, minute, 0, 0, shanghai) }

func waits(code Code, until time.Time) Cell {
	return Cell{Outcome: Wait, Code: code, Until: until.UnixMicro()}
}
func blocks(code Code) Cell { return Cell{Outcome: Block, Code: code} }
