package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// company is the policy every history begins and ends with.
const company = `
kind: account
name: admin
spec: {title: 管理员, roles: [admin]}
---
kind: role
name: agent
spec: {title: 客服, template: agent}
---
kind: schedule
name: day
spec: {title: 白班, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "16:02", to: "23:00"}]}
---
kind: schedule
name: always
spec: {title: 全天, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}]}
---
kind: account
name: a
spec: {title: 客服甲, agent: true, roles: [agent], capacity: {total: 3}}
---
kind: account
name: b
spec: {title: 客服乙, agent: true, roles: [agent]}
---
kind: account
name: c
spec: {title: 客服丙, agent: true, roles: [agent], capacity: {inboxes: {web: 1}}}
---
kind: account
name: d
spec: {title: 客服丁, agent: true, roles: [agent], windows: [day]}
---
kind: team
name: front
spec: {title: 前台组, members: [b, c], lead: a}
---
kind: inbox
name: web
spec: {title: 在线, channel: api, mode: live, kinds: [customer, group], members: {accounts: [a], teams: [front]}, routing: {strategy: least_loaded, idle_prompt: 30s, idle_close: 50s}}
---
kind: inbox
name: shop
spec: {title: 门店, channel: api, mode: live, kinds: [customer], members: {accounts: [a, b, d]}, routing: {strategy: round_robin, sticky: true, accept_timeout: 20s, answer_timeout: 50s}}
---
kind: inbox
name: all
spec: {title: 抢单, channel: api, mode: live, kinds: [customer], members: {accounts: [b, c, d]}, routing: {strategy: broadcast, accept_timeout: 30s, answer_timeout: 40s, idle_close: 45s}}
---
kind: inbox
name: pick
spec: {title: 自取, channel: api, mode: live, kinds: [customer], members: {accounts: [a, d]}, routing: {strategy: manual}}
---
kind: inbox
name: mail
spec: {title: 邮件, channel: api, mode: async, kinds: [customer], members: {accounts: [a, b]}, routing: {strategy: least_loaded}}
---
kind: filter
name: spam
spec: {match: {keywords: [加微信]}, action: quarantine}
---
kind: filter
name: abuse
spec: {order: 5, match: {keywords: [滚]}, action: reject}
---
kind: autoreply
name: hello
spec: {on: welcome, inboxes: [web, all], text: {zh: 您好}}
---
kind: autoreply
name: place
spec: {on: queue, text: {zh: "第 {position} 位"}}
---
kind: autoreply
name: money
spec: {on: keyword, keywords: [退款], again_after: 1m, text: {zh: 七天内}}
---
kind: autoreply
name: night
spec: {on: off_hours, text: {zh: "{opens}回来"}}
`

var (
	agents  = []string{"a", "b", "c", "d"}
	inboxes = []string{"web", "shop", "all", "pick", "mail"}
)

// variants are the documents that supervisors change while a history runs; the first of each is the company's own.
var variants = map[string][]string{
	"account/a": {
		`{"title":"客服甲","agent":true,"roles":["agent"],"capacity":{"total":3}}`,
		`{"title":"客服甲","agent":true,"roles":["agent"],"capacity":{"total":1}}`,
		`{"title":"客服甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.customer"}]}`,
	},
	"account/b": {
		`{"title":"客服乙","agent":true,"roles":["agent"]}`,
		`{"title":"客服乙","agent":true,"roles":["agent"],"state":"frozen","state_reason":"x"}`,
		`{"title":"客服乙","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}`,
		`{"title":"客服乙","agent":true,"roles":["agent"],"deny":[{"permission":"receive"}]}`,
	},
	"account/c": {
		`{"title":"客服丙","agent":true,"roles":["agent"],"capacity":{"inboxes":{"web":1}}}`,
		`{"title":"客服丙","agent":true,"roles":["agent"],"deny":[{"permission":"message.reply"}]}`,
	},
	"inbox/web": {
		`{"title":"在线","channel":"api","mode":"live","kinds":["customer","group"],"members":{"accounts":["a"],"teams":["front"]},"routing":{"strategy":"least_loaded","idle_prompt":"30s","idle_close":"50s"}}`,
		`{"title":"在线","channel":"api","mode":"live","kinds":["customer","group"],"members":{"teams":["front"]},"routing":{"strategy":"least_loaded","idle_close":"20s"}}`,
		`{"title":"在线","channel":"api","mode":"live","kinds":["customer","group"],"members":{"accounts":["a","b"]},"routing":{"strategy":"round_robin","answer_timeout":"15s","idle_prompt":"10s","idle_close":"80s"},"hours":"day"}`,
		`{"title":"在线","channel":"api","mode":"live","kinds":["customer","group"],"members":{"accounts":["a"],"teams":["front"]},"routing":{"strategy":"broadcast"}}`,
	},
	"filter/spam": {
		`{"match":{"keywords":["加微信"]},"action":"quarantine"}`,
		`{"match":{"keywords":["加微信"]},"action":"tag","tag":"x"}`,
		`{"inboxes":["shop"],"match":{"expression":"text contains '加微信' or length > 9"},"action":"quarantine"}`,
	},
	"switch/inbox.shop": {"", `{"state":"off","reason":"x"}`, `{"state":"paused","until":"2026-03-02T08:05:00Z","reason":"x"}`},
	"switch/inbox.web":  {"", `{"state":"limited","per_minute":2,"reason":"x"}`, `{"state":"limited","per_minute":4,"until":"2026-03-02T08:04:00Z","reason":"x"}`},
	"switch/platform":   {"", `{"state":"paused","until":"2026-03-02T08:03:00Z","reason":"x"}`, `{"state":"limited","per_minute":6,"reason":"x"}`},
	"switch/account.a":  {"", `{"state":"limited","per_minute":1,"reason":"x"}`},
	"switch/account.d":  {"", `{"state":"off","reason":"x"}`},
	"maintenance/work": {
		"",
		`{"title":"升级","from":"2026-03-02T08:01:00Z","until":"2026-03-02T08:02:30Z"}`,
		`{"title":"升级","from":"2026-03-02T08:02:00Z","until":"2026-03-02T08:04:00Z","inboxes":["web","shop"],"kinds":["customer"],"announcement":{"zh":"稍后","en":"later","from":"2026-03-02T08:02:30Z","to":{"everybody":true}}}`,
		`{"title":"升级","from":"2026-03-02T08:03:00Z","until":"2026-03-02T08:05:00Z","inboxes":["all"],"announcement":{"zh":"抢单","en":"all","from":"2026-03-02T08:00:30Z","to":{"accounts":["a"],"teams":["front"]}}}`,
	},
	"autoreply/money": {
		`{"on":"keyword","keywords":["退款"],"again_after":"1m","text":{"zh":"七天内"}}`,
		`{"on":"keyword","keywords":["退款","您好"],"again_after":"2m","text":{"zh":"七天内"}}`,
		`{"on":"keyword","enabled":false,"keywords":["退款"],"text":{"zh":"七天内"}}`,
	},
	"autoreply/place": {`{"on":"queue","text":{"zh":"第 {position} 位"}}`, `{"on":"queue","inboxes":["shop"],"kinds":["customer"],"text":{"zh":"第 {position} 位"}}`},
	"client/sim":      {"", `{"minimum":"2"}`, `{"blocked":["1"],"reason":"x"}`},
	"schedule/day": {
		`{"title":"白班","zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"16:02","to":"23:00"}]}`,
		`{"title":"白班","zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"16:04","to":"16:06"}]}`,
	},
}

var variantKeys = []string{
	"account/a", "account/b", "account/c", "inbox/web", "filter/spam", "switch/inbox.shop", "switch/platform", "switch/account.d", "schedule/day",
	"switch/inbox.web", "switch/account.a", "maintenance/work", "client/sim", "autoreply/money", "autoreply/place",
}

func edit(key, spec string) policy.Edit {
	kind, name, _ := strings.Cut(key, "/")
	if spec == "" {
		return policy.Edit{Kind: kind, Name: name}
	}
	return policy.Edit{Kind: kind, Name: name, Spec: json.RawMessage(spec)}
}

// company applies the example company and makes a token for every agent.
func (s *Sim) company() error {
	docs, err := policy.ParseYAML([]byte(company))
	if err != nil {
		return err
	}
	var edits []policy.Edit
	for _, d := range docs {
		edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	return s.must(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "sim"}, ledger.CommandFunc(s.tokens))
}

func (s *Sim) tokens(tx *ledger.Tx) error {
	for _, a := range agents {
		tx.PutToken(ledger.TokenRow{ID: "t-" + a, Account: a, Hash: sha256.Sum256([]byte(tokenOf(a))), CreatedAt: tx.Now(), CreatedBy: "admin"})
	}
	tx.Next()
	return nil
}

// must carries commands out at once.
func (s *Sim) must(commands ...ledger.Command) error {
	for _, c := range commands {
		var failed error
		s.server.l.Submit(c, func(err error) { failed = err })
		for s.server.l.Step() {
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// Plan fills the history with what people and faults do.
func (s *Sim) Plan(steps int, span time.Duration) {
	for i := range steps {
		s.after(s.between(0, span), func() { s.act(i) })
	}
}

func (s *Sim) act(i int) {
	switch n := s.rng.IntN(100); {
	case n < 45:
		s.customerWrites(i)
	case n < 60:
		s.agentActs(i)
	case n < 66:
		s.agentPresence()
	case n < 80:
		s.networkTrouble()
	case n < 90:
		s.policyChanges()
	case n < 96:
		s.commitFails()
	case n < 97:
		s.setClock()
	case n < 98:
		s.crash()
	case n < 99:
		s.releases()
	default:
		s.sessionEnds()
	}
}

// spam is what makes filter rules take a message, at times.
func (s *Sim) spam() string {
	switch n := s.rng.IntN(100); {
	case n < 8:
		return " 加微信"
	case n < 11:
		return " 滚"
	case n < 25:
		return " 退款"
	}
	return ""
}

// releases lets a message through that a rule keeps back.
func (s *Sim) releases() {
	rows, err := s.store.Quarantine(background, ledger.QuarantineQuery{State: ledger.QuarantineHeld, Limit: 5})
	if err != nil || len(rows) == 0 {
		return
	}
	q := rows[s.rng.IntN(len(rows))]
	m, err := s.store.Message(background, q.Message)
	if err != nil {
		return
	}
	s.released[q.Conversation] = true
	s.submit(&conversation.Release{Message: q.Message, Sequence: m.Sequence, By: "admin"}, nil)
}

// setClock sets the server's clock, as a person does who corrects it, a time server that was away, or a machine that wakes up.
func (s *Sim) setClock() {
	steps := []time.Duration{300 * time.Millisecond, -700 * time.Millisecond, 2 * time.Second, -2 * time.Second, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour}
	s.set += steps[s.rng.IntN(len(steps))]
	s.stepped = s.now
	s.log.Info("sim: the clock is set", "at", s.now, "ahead", s.set)
}

func (s *Sim) customerWrites(i int) {
	inbox := inboxes[s.rng.IntN(len(inboxes))]
	kind := "customer"
	if inbox == "web" && s.chance(30) {
		kind = "group"
	}
	contact := fmt.Sprintf("u%d", s.rng.IntN(6))
	for j := range 1 + s.rng.IntN(4) {
		s.post(&post{inbox: inbox, id: fmt.Sprintf("p%d-%d", i, j), contact: contact, kind: kind, text: fmt.Sprintf("您好 %d-%d 🙂%s", i, j, s.spam())})
	}
}

func (s *Sim) agentActs(i int) {
	account := agents[s.rng.IntN(len(agents))]
	id := s.owns(account)
	if id == 0 {
		id = s.claimable()
	}
	if id == 0 {
		return
	}
	switch s.rng.IntN(11) {
	case 9:
		s.submit(&conversation.Snooze{Conversation: id, Until: s.wall().Add(s.between(time.Second, 90*time.Second)), By: account, Others: s.chance(50)}, nil)
	case 10:
		s.submit(&conversation.Wake{Conversation: id, By: account, Others: true}, nil)
	case 8:
		s.submit(&conversation.Note{Conversation: id, ID: fmt.Sprintf("n%d", i), Account: account, Text: fmt.Sprintf("内部 %d", i), Mentions: []string{agents[s.rng.IntN(len(agents))]}}, nil)
	case 0:
		s.resolved[id] = true // or perhaps: the answer may be lost
		s.submit(&conversation.Resolve{Conversation: id, By: account, Others: true}, nil)
	case 1:
		s.submit(&conversation.Transfer{Conversation: id, By: account, To: agents[s.rng.IntN(len(agents))]}, nil)
	case 2:
		s.submit(&conversation.GiveBack{Conversation: id, By: account}, nil)
	case 3:
		s.submit(&conversation.Accept{Conversation: id, Account: account, By: account}, nil)
	default:
		s.reply(account, id, fmt.Sprintf("r%d", i))
	}
}

func (s *Sim) reply(account string, id int64, key string) {
	r := &conversation.Reply{Conversation: id, ID: key, Account: account, Text: "好的 " + key, Digest: sha16(key)}
	s.submit(r, func(err error) {
		if err == nil {
			s.replies[fmt.Sprintf("c%d/%s", id, key)] = r.Text
		} else if problem.KindOf(err) == problem.Internal && !errors.Is(err, ledger.ErrData) {
			s.violated("reply failed: %v", err)
		}
	})
}

func sha16(text string) [16]byte {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// claimable finds an open conversation that nobody owns.
func (s *Sim) claimable() int64 {
	if s.server == nil {
		return 0
	}
	list := s.server.l.OpenConversations(func(c *ledger.ConversationRow) bool { return c.Owner == "" })
	if len(list) == 0 {
		return 0
	}
	return list[s.rng.IntN(len(list))].ID
}

func (s *Sim) agentPresence() {
	account := agents[s.rng.IntN(len(agents))]
	p := &governance.SetPresence{Account: account, Value: []string{"available", "away", "dnd", "offline", "available"}[s.rng.IntN(5)], By: account, Source: "sim"}
	if p.Value == "away" && s.chance(50) {
		p.Until = s.wall().Add(s.between(time.Second, 2*time.Minute))
	}
	if s.chance(20) {
		p.By = "admin"
	}
	s.submit(p, nil)
}

func (s *Sim) networkTrouble() {
	v := s.clients[s.rng.IntN(len(s.clients))]
	switch s.rng.IntN(4) {
	case 0:
		v.drop("closed")
	case 1:
		v.cut()
	case 2:
		v.deaf = true
		s.after(s.between(time.Second, time.Minute), v.wakeUp)
	case 3: // away for long
		v.drop("closed")
	}
}

func (s *Sim) policyChanges() {
	key := variantKeys[s.rng.IntN(len(variantKeys))]
	list := variants[key]
	s.submit(&governance.Apply{Base: -1, Edits: []policy.Edit{edit(key, list[s.rng.IntN(len(list))])}, By: "admin", Source: "sim"}, func(err error) {
		if problem.KindOf(err) == problem.Internal && err != nil && !errors.Is(err, ledger.ErrData) {
			s.violated("policy change failed: %v", err)
		}
	})
}

// unsettle says for how long a fault may delay what is due.
func (s *Sim) unsettle(d time.Duration) {
	if until := s.now.Add(d); until.After(s.unstable) {
		s.unstable = until
	}
}

func (s *Sim) commitFails() {
	s.unsettle(5 * time.Second)
	switch s.rng.IntN(5) {
	case 0:
		s.store.FailCommit(fmt.Errorf("%w: injected", ledger.ErrUnavailable), false)
	case 1:
		s.store.FailCommit(fmt.Errorf("%w: injected", ledger.ErrCommitUnknown), false)
	case 2:
		s.store.FailCommit(fmt.Errorf("%w: injected", ledger.ErrCommitUnknown), true)
	case 3:
		s.unsettle(2 * time.Minute) // it may wait a while for a commit; a deadline that it hits is tried again half a minute later
		s.store.FailCommit(fmt.Errorf("%w: injected", ledger.ErrData), false)
	case 4: // committed, and the process dies before anybody is answered
		s.store.FailCommit(fmt.Errorf("%w: injected", ledger.ErrNotDecider), true)
	}
}

func (s *Sim) sessionEnds() {
	if s.server == nil {
		return
	}
	account := agents[s.rng.IntN(len(agents))]
	s.submit(ledger.CommandFunc(func(tx *ledger.Tx) error {
		if a := tx.AgentState(account); a != nil {
			for _, x := range a.Sessions {
				tx.EndSession(account, x.ID, endedByAdmin)
			}
		}
		return nil
	}), nil)
}

// Heal ends all faults, brings everybody back and lets the history settle.
func (s *Sim) Heal() error {
	s.healing = true
	s.crash() // every history ends with a restart; the store of the next process has no faults
	s.Run(time.Minute)
	if s.server == nil {
		return fmt.Errorf("the server did not come back: %v", s.faults)
	}
	var edits []policy.Edit
	for _, key := range variantKeys {
		edits = append(edits, edit(key, variants[key][0]))
	}
	present := map[string]bool{}
	for _, d := range s.server.l.Policy().All() {
		present[d.Kind+"/"+d.Name] = true
	}
	kept := edits[:0]
	for _, e := range edits {
		if e.Spec != nil || present[e.Kind+"/"+e.Name] {
			kept = append(kept, e)
		}
	}
	if err := s.must(&governance.Apply{Base: -1, Edits: kept, By: "admin", Source: "sim"}); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	for _, a := range agents {
		if err := s.must(&governance.SetPresence{Account: a, Value: "available", By: a, Source: "sim"}); err != nil {
			return fmt.Errorf("heal: %w", err)
		}
	}
	for _, v := range s.clients {
		if v.link != nil && v.link.dead {
			v.drop("healed")
		}
		if v.stopped { // its session was ended: the person signs in again
			*v = *newViewerFrom(v)
			v.connect()
		}
		v.wakeUp()
	}
	if err := s.rest(); err != nil {
		return err
	}
	s.Run(3 * time.Minute)
	return nil
}

// rest takes the timers out of the policy: what nobody answers would go round for ever, and something be under way whenever one looks.
func (s *Sim) rest() error {
	var edits []policy.Edit
	for _, name := range inboxes {
		spec, _ := s.server.l.Policy().Inbox(name)
		spec.Routing = policy.Routing{Strategy: spec.Routing.Strategy, Sticky: spec.Routing.Sticky}
		raw, err := json.Marshal(spec)
		if err != nil {
			return fmt.Errorf("heal: %w", err)
		}
		edits = append(edits, policy.Edit{Kind: policy.KindInbox, Name: name, Spec: raw})
	}
	if err := s.must(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "sim"}); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	return nil
}

var background = context.Background()
