// Package scale makes an installation with a long past — a thousand agents, a million messages, hundreds of changes of settings — by the commands that a server
// carries out, with a clock that runs through the days, and asks the release program about it. It is for benchmarks, and promises nothing to anything else.
package scale

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/store"
)

// Past says what is to have happened.
type Past struct {
	Agents, Messages int
	// Days is how long it took. A fifth of the messages came in on the last one.
	Days int
	// Until is when it ends.
	Until time.Time
	// Say is told how far it is.
	Say func(messages int)
}

// Made is what was made, for whoever asks about it.
type Made struct {
	From, Until time.Time
	Messages    int
	// Tokens are of the accounts, by name; Boss is the administrator's.
	Tokens map[string]string
	Boss   string
	// Sample are positions of messages from all the time, Recent of the last day.
	Sample, Recent []int64
}

const (
	batch     = 100  // messages that come in together
	open      = 1500 // conversations under way
	inboxes   = 20
	changes   = 300 // of settings
	grace     = 20 * time.Second
	node      = "scale/1"
	program   = "scale"
	hotAgents = 5 // members of the inbox that much goes to
)

// past makes it.
type past struct {
	Past
	l          *ledger.Ledger
	deliveries *delivery.Service
	now        time.Time
	rand       *rand.Rand
	failed     error

	agents      []string
	tokens      map[string]string
	connections map[string]string // by agent
	received    map[string]int64  // how far each has acknowledged its stream
	threads     []thread
	contacts    int
	messages    int
	changed     int
	away        []string
	made        Made
}

// thread is a conversation under way.
type thread struct {
	inbox, kind, contact string
	conversation         int64
	left                 int
}

// Fill makes a past in an empty store. It is the same each time, but for what is random in tokens.
func Fill(ctx context.Context, s store.Store, p Past) (*Made, error) {
	f := &past{
		Past: p, rand: rand.New(rand.NewPCG(1, 2)), now: p.Until.Add(-time.Duration(p.Days) * 24 * time.Hour), connections: map[string]string{}, tokens: map[string]string{},
		received: map[string]int64{},
		made:     Made{Tokens: map[string]string{}},
	}
	began := f.now
	deadlines := conversation.Deadlines()
	maps.Copy(deadlines, governance.Deadlines())
	maps.Copy(deadlines, identity.Deadlines())
	var err error
	f.l, err = ledger.New(ctx, s, ledger.Options{
		Now: func() time.Time { return f.now }, Elapsed: func(now time.Time) time.Duration { return now.Sub(began) }, Node: node,
		Settle: conversation.Settle, Restore: conversation.Restore, Deadlines: deadlines, ConnectionGrace: grace, PresenceGrace: 5 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	f.deliveries = delivery.New(delivery.Options{
		Ledger: f.l, Reader: s, Accept: conversation.AcceptDelivery, ConnectionGrace: grace, Now: func() time.Time { return f.now },
		After: func(time.Duration, func()) {},
	})
	f.made.From = began
	f.company()
	for f.messages < p.Messages && f.failed == nil && ctx.Err() == nil {
		f.round()
	}
	f.made.Until, f.made.Messages = f.now, f.messages
	if f.failed == nil {
		f.failed = ctx.Err()
	}
	return &f.made, f.failed
}

// do carries commands out together.
func (f *past) do(commands ...ledger.Command) {
	for _, c := range commands {
		f.l.Submit(c, f.note)
	}
	f.settle()
}

func (f *past) settle() {
	for f.l.Step() {
	}
}

func (f *past) note(err error) {
	if err != nil && f.failed == nil {
		f.failed = err
	}
}

// company makes the accounts and inboxes, and signs everybody in.
func (f *past) company() {
	edits := []policy.Edit{
		{Kind: policy.KindRole, Name: "agent", Spec: []byte(`{"template":"agent"}`)},
		{Kind: policy.KindSchedule, Name: "always", Spec: []byte(`{"zone":"Asia/Shanghai","weekly":[{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"00:00","to":"24:00"}]}`)},
		{Kind: policy.KindAccount, Name: "boss", Spec: []byte(`{"roles":["admin"]}`)},
	}
	members := map[string][]string{}
	for i := range f.Agents {
		name := fmt.Sprintf("agent-%04d", i)
		f.agents = append(f.agents, name)
		edits = append(edits, policy.Edit{Kind: policy.KindAccount, Name: name, Spec: []byte(`{"agent":true,"roles":["agent"],"windows":["always"]}`)})
		for _, in := range []string{inbox(i % inboxes), inbox((i + 7) % inboxes)} {
			members[in] = append(members[in], name)
		}
		if i < hotAgents {
			members["hot"] = append(members["hot"], name)
		}
		if i%50 == 0 {
			members["crowd"] = append(members["crowd"], name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		routing := map[string]any{"strategy": "least_loaded"}
		if name == "crowd" {
			routing["strategy"] = "broadcast"
		}
		edits = append(edits, policy.Edit{Kind: policy.KindInbox, Name: name, Spec: spec(map[string]any{
			"kinds": []string{"customer", "group"}, "members": map[string]any{"accounts": members[name]}, "routing": routing,
		})})
	}
	f.apply("system", edits...)
	for _, name := range append([]string{"boss"}, f.agents...) {
		token := identity.NewToken()
		c := &identity.CreateToken{Account: name, Label: program, Hash: sha256.Sum256([]byte(token)), Asked: identity.Asked{By: "boss", Source: "cli"}}
		f.do(c)
		f.made.Tokens[name] = token
		f.tokens[name] = c.ID
	}
	f.made.Boss = f.made.Tokens["boss"]
	for _, name := range f.agents {
		f.connect(name)
		f.do(&governance.SetPresence{Account: name, Value: "available", By: name, Source: "realtime"})
	}
	for range open {
		f.threads = append(f.threads, f.begin())
	}
}

func inbox(i int) string { return fmt.Sprintf("inbox-%02d", i) }

func spec(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("a plain value does not encode: " + err.Error())
	}
	return raw
}

func (f *past) apply(by string, edits ...policy.Edit) {
	f.do(&governance.Apply{Base: -1, Edits: edits, By: by, Source: "api"})
}

func (f *past) connect(name string) {
	f.deliveries.Open(delivery.Hello{Account: name, Token: f.tokens[name], Client: "tab", Name: program, Version: "1", Lang: "zh", Node: node, Cursor: -1}, func(o delivery.Opened, err error) {
		f.note(err)
		f.connections[name] = o.Connection
	})
	f.settle()
}

// begin thinks of a customer who has something to say.
func (f *past) begin() thread {
	f.contacts++
	t := thread{kind: "customer", contact: fmt.Sprint("c", f.contacts), left: 1 + f.rand.IntN(15)}
	switch n := f.rand.IntN(100); {
	case n < 8:
		t.inbox = "hot"
	case n < 9:
		t.inbox, t.left = "crowd", 1
	default:
		t.inbox = inbox(min(f.rand.IntN(inboxes), f.rand.IntN(inboxes+10))) // some get more than others
	}
	if f.rand.IntN(8) == 0 {
		t.kind = "group"
	}
	return t
}

// round lets some messages come in, be acknowledged, some of them answered, and something else happen.
func (f *past) round() {
	f.now = f.now.Add(f.step())
	f.settle()
	if due := changes * f.messages / f.Messages; f.changed <= due {
		f.change()
	}
	f.come()
	f.now = f.now.Add(300 * time.Millisecond)
	f.acknowledge()
	f.live()
}

// step is how much time passes between two rounds: a fifth of the messages comes in on the last day.
func (f *past) step() time.Duration {
	const day = 24 * time.Hour
	early := f.Messages * 4 / 5
	rounds, span := max(early/batch, 1), time.Duration(f.Days-1)*day
	if f.messages >= early {
		rounds, span = max((f.Messages-early)/batch, 1), day
	}
	return max(span/time.Duration(rounds)-400*time.Millisecond, time.Millisecond)
}

func (f *past) come() {
	posts := make([]*conversation.Post, batch)
	used := map[int]bool{}
	for i := range posts {
		n := f.rand.IntN(len(f.threads))
		for used[n] {
			n = f.rand.IntN(len(f.threads))
		}
		used[n] = true
		t := &f.threads[n]
		text := fmt.Sprintf("您好，我上周下的订单还没有收到，能帮我查一下吗？订单号是 %d", f.messages+i)
		sum := sha256.Sum256([]byte(text))
		posts[i] = &conversation.Post{Inbox: t.inbox, SenderID: fmt.Sprint("s", f.messages+i), ContactID: t.contact, Kind: t.kind, Text: text, Digest: [16]byte(sum[:16]), ReceivedAt: f.now}
		f.l.Submit(posts[i], func(err error) {
			f.note(err)
			t.left--
			t.conversation = posts[i].Stored.Conversation
		})
	}
	f.settle()
	f.messages += batch
	if p := posts[0].Message; f.messages/batch%50 == 0 {
		f.made.Sample = append(f.made.Sample, p)
		if f.messages > f.Messages*4/5 {
			f.made.Recent = append(f.made.Recent, p)
		}
	}
	if f.Say != nil && f.messages%(10*batch) == 0 {
		f.Say(f.messages)
	}
}

// acknowledge lets clients say what they have got, but for some that do not answer, and are noticed.
func (f *past) acknowledge() {
	for _, name := range f.agents {
		a := f.l.Agent(name)
		if a == nil || a.Sequence == f.received[name] {
			continue
		}
		var pushes []delivery.Push
		var entries []int64
		for n := f.received[name] + 1; n <= a.Sequence; n++ {
			pushes, entries = append(pushes, delivery.Push{Sequence: n, At: f.now}), append(entries, n)
		}
		if f.rand.IntN(400) == 0 {
			f.deliveries.Unacknowledged(f.connections[name], f.now.Add(-5*time.Second), f.now.Add(-9*time.Second), pushes)
			continue
		}
		f.received[name] = a.Sequence
		f.deliveries.Acknowledge(delivery.Ack{
			Account: name, Client: "tab", Connection: f.connections[name], Received: a.Sequence, Pushed: pushes, Seen: entries,
		}, func(_ delivery.AckResult, err error) { f.note(err) })
	}
	f.settle()
}

// live lets agents answer and go on, lose connections, and go for breaks.
func (f *past) live() {
	owners := map[int64]string{}
	for _, c := range f.l.OpenConversations(func(*ledger.ConversationRow) bool { return true }) {
		owners[c.ID] = c.Owner
	}
	var commands []ledger.Command
	for i := range f.threads {
		t := &f.threads[i]
		if t.left > 0 || t.conversation == 0 {
			continue
		}
		c := t.conversation
		if owner := owners[c]; owner != "" {
			text := fmt.Sprint("已为您查询，预计明天送达 ", c)
			sum := sha256.Sum256([]byte(text))
			commands = append(commands, &conversation.Reply{Conversation: c, ID: "r", Account: owner, Text: text, Digest: [16]byte(sum[:16])})
		}
		commands = append(commands, &conversation.Resolve{Conversation: c, By: "boss", Others: true})
		*t = f.begin()
	}
	f.do(commands...)
	for _, name := range f.away {
		f.do(&governance.SetPresence{Account: name, Value: "available", By: name, Source: "realtime"})
	}
	f.away = nil
	switch name := f.agents[f.rand.IntN(len(f.agents))]; f.rand.IntN(3) {
	case 0:
		f.deliveries.Closed(f.connections[name], "closed_by_client", 1006, f.now)
		f.settle()
		f.connect(name)
	case 1:
		f.do(&governance.SetPresence{Account: name, Value: "away", By: name, Source: "realtime"})
		f.away = append(f.away, name)
	}
}

// change makes a change of settings. Most are about something else than what an agent may receive.
func (f *past) change() {
	n := f.changed
	f.changed++
	name := f.agents[(n*37)%min(50, len(f.agents))]
	account, _ := f.l.Policy().Account(name)
	switch {
	case n == changes-40: // stays
		account, _ = f.l.Policy().Account(Denied)
		account.Deny = []policy.Grant{{Permission: "receive.group"}}
		f.apply("boss", policy.Edit{Kind: policy.KindAccount, Name: Denied, Spec: spec(account)})
	case n == changes-30: // stays
		f.apply("boss", policy.Edit{Kind: policy.KindSwitch, Name: "account." + Switched, Spec: []byte(`{"state":"off","reason":"试一下"}`)})
	case n%20 == 3:
		f.apply("boss", policy.Edit{Kind: policy.KindSwitch, Name: "inbox." + inbox(n%inboxes), Spec: []byte(`{"state":"off","reason":"检修"}`)})
	case n%20 == 4:
		f.apply("boss", policy.Edit{Kind: policy.KindSwitch, Name: "inbox." + inbox((n-1)%inboxes), Spec: []byte(`{"state":"on"}`)})
	default:
		account.Position = fmt.Sprint("座席 ", n)
		f.apply("boss", policy.Edit{Kind: policy.KindAccount, Name: name, Spec: spec(account)})
	}
}

// The agents that cannot receive all at the end: one is denied a kind, one is switched off. Hot is one that gets much.
const (
	Denied   = "agent-0021"
	Switched = "agent-0033"
	Hot      = "agent-0000"
)
