package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// history is what the script's sender and its agent have seen: all that the checker knows.
type history struct {
	adminToken string
	exchanges  []*exchange
	shown      map[int64]string // by agent_sequence
	received   int64            // up to where an acknowledgement was answered
}

// account is what a history adds up to.
type account struct {
	tokens    map[string]string
	company   int64 // the revision, 0 while it was not answered
	documents map[string]documentTold
	presence  map[string]string // the last one; "" while another one is under way
	messages  []*messageTold
	byID      map[string]*messageTold
	replies   []replyTold
	accepted  []string
	resolved  map[string]bool
	files     map[string][]byte
	open      *request // sent, and not (wholly) answered
}

type documentTold struct {
	spec     string
	revision int64
}

type messageTold struct {
	row
	id, inbox, contact, file string
}

type replyTold struct{ id, message, conversation, contact string }

// sum reads a history. It reports what is wrong in the answers themselves.
func (h *history) sum() (*account, []string) {
	a := &account{
		tokens: map[string]string{admin: h.adminToken}, documents: map[string]documentTold{}, presence: map[string]string{},
		byID: map[string]*messageTold{}, resolved: map[string]bool{}, files: map[string][]byte{},
	}
	var faults []string
	for _, x := range h.exchanges {
		whole := false
		if x.done() {
			var err error
			if whole, err = a.take(x); err != nil {
				faults = append(faults, fmt.Sprintf("%s %s is answered %d: %v: %.300s", x.method, x.path, x.status, err, x.answer))
			}
		}
		if a.open = nil; !whole {
			a.open = &x.request
		}
		if !whole && x.step.sort == presence {
			a.presence[x.step.about] = ""
		}
	}
	return a, faults
}

// take takes an answer in; whole says that nothing of the request was refused.
func (a *account) take(x *exchange) (whole bool, err error) {
	s := &x.step
	t := newTold()
	if whole, err = t.learn(x); err != nil {
		return false, err
	}
	maps.Copy(a.tokens, t.tokens)
	switch s.sort {
	case policyWhole:
		var applied struct{ Revision int64 }
		err = json.Unmarshal(x.answer, &applied)
		a.company = applied.Revision
	case policyDocument:
		var d struct{ Revision int64 }
		err = json.Unmarshal(x.answer, &d)
		a.documents[s.about] = documentTold{s.value, d.Revision}
	case presence:
		a.presence[s.about] = s.value
	case upload:
		a.files[s.about] = s.content
	case messages:
		err = a.takeMessages(x)
	case reply:
		var made struct{ Message string }
		err = json.Unmarshal(x.answer, &made)
		a.takeReply(x, made.Message, &err)
	case accept:
		a.accepted = append(a.accepted, conversationOf(x.path))
	case resolve:
		a.resolved[conversationOf(x.path)] = true
	}
	return whole && err == nil, err
}

func (a *account) takeMessages(x *exchange) error {
	rows, err := x.rows()
	if err != nil {
		return err
	}
	for i, r := range rows {
		id := x.step.ids[i]
		before := a.byID[id]
		switch {
		case r.Code != "":
			continue
		case before == nil:
			m := &messageTold{row: r, id: id, inbox: x.step.inbox, contact: x.step.about, file: x.step.file}
			a.byID[id] = m
			a.messages = append(a.messages, m)
			if r.Message == "" || r.Conversation == "" || r.Sequence == 0 {
				err = errors.Join(err, fmt.Errorf("message %s was accepted without saying what became of it", id))
			}
		case !same(&before.row, &r):
			err = errors.Join(err, fmt.Errorf("message %s is answered %+v and was answered %+v before", id, r, before.row))
		}
	}
	return err
}

func same(a, b *row) bool {
	return a.Message == b.Message && a.Conversation == b.Conversation && a.Sequence == b.Sequence && a.Status == b.Status && a.Agent == b.Agent &&
		a.Summary == b.Summary && slices.Equal(a.Agents, b.Agents)
}

func (a *account) takeReply(x *exchange, message string, err *error) {
	for _, r := range a.replies {
		if r.id == x.step.ids[0] {
			if r.message != message {
				*err = fmt.Errorf("reply %s was message %s before", r.id, r.message)
			}
			return
		}
	}
	a.replies = append(a.replies, replyTold{x.step.ids[0], message, conversationOf(x.path), x.step.about})
}

func conversationOf(path string) string { return strings.Split(path, "/")[2] }

// checker asks a server whether all is there.
type checker struct {
	*caller
	ctx    context.Context
	a      *account
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// Check asks a server that has recovered for everything that the history says, then does again what was under way, and then looks whether everything is there
// once and in order.
func Check(ctx context.Context, url string, h *history) []string {
	a, faults := h.sum()
	c := &checker{caller: newCaller(url, a.tokens), ctx: ctx, a: a, faults: faults}
	defer c.close()
	c.policy()
	c.people()
	c.conversations()
	c.stream(h)
	c.repeat(h)
	c.conversations()
	c.files()
	c.repliesOnce()
	return c.faults
}

// get reads a page; it says whether that was there.
func (c *checker) get(by, path string, out any) bool {
	x := c.send(c.ctx, request{step: step{by: by}, method: http.MethodGet, path: path})
	if x.status != http.StatusOK {
		c.fault("GET %s is answered %d: %.300s", path, x.status, x.answer)
		return false
	}
	if err := json.Unmarshal(x.answer, out); err != nil {
		c.fault("GET %s: %v: %.300s", path, err, x.answer)
		return false
	}
	return true
}

type document struct {
	Kind, Name string
	Spec       json.RawMessage
	Revision   int64
}

func (c *checker) policy() {
	if c.a.company == 0 {
		return
	}
	var now struct {
		Revision  int64
		Documents []document
	}
	if !c.get(admin, "/policy", &now) {
		return
	}
	highest := c.a.company
	var wanted []document
	if err := json.Unmarshal([]byte(company), &wanted); err != nil {
		panic(err) // ours
	}
	for key, told := range c.a.documents {
		kind, name, _ := strings.Cut(key, "/")
		wanted = append(wanted, document{Kind: kind, Name: name, Spec: json.RawMessage(told.spec), Revision: told.revision})
		highest = max(highest, told.revision)
	}
	if now.Revision < highest {
		c.fault("revision %d was answered and %d is in force", highest, now.Revision)
	}
	for _, w := range wanted {
		i := slices.IndexFunc(now.Documents, func(d document) bool { return d.Kind == w.Kind && d.Name == w.Name })
		switch {
		case i < 0:
			c.fault("the document %s %s is lost", w.Kind, w.Name)
		case !sameJSON(now.Documents[i].Spec, w.Spec):
			c.fault("the document %s %s is %s", w.Kind, w.Name, now.Documents[i].Spec)
		case w.Revision != 0 && now.Documents[i].Revision != w.Revision:
			c.fault("the document %s %s has revision %d, answered was %d", w.Kind, w.Name, now.Documents[i].Revision, w.Revision)
		}
	}
}

// people looks at tokens and presence.
func (c *checker) people() {
	for name, token := range c.a.tokens {
		if token == "" {
			continue
		}
		var me struct{}
		c.get(name, "/me", &me)
	}
	for name, value := range c.a.presence {
		var p struct{ Value string }
		if value != "" && c.get(admin, "/accounts/"+name+"/presence", &p) && p.Value != value {
			c.fault("the presence of %s is %s, answered was %s", name, p.Value, value)
		}
	}
}

type conversation struct {
	Status   string
	Accepted bool
}

type listed struct {
	ID        string
	Sequence  int64
	Direction string
	Text      string
	SenderID  string `json:"sender_id"`
}

// conversations looks at each conversation of which the history tells.
func (c *checker) conversations() {
	known := map[string]bool{}
	for _, m := range c.a.messages {
		known[m.Conversation] = true
		c.trace(m)
	}
	for id := range known {
		c.conversation(id)
	}
	for _, id := range c.a.accepted {
		var now conversation
		if c.get(admin, "/conversations/"+id, &now) && !now.Accepted && now.Status == "open" && !c.a.resolved[id] {
			c.fault("conversation %s was accepted and is not", id)
		}
	}
	for id := range c.a.resolved {
		var now conversation
		if c.get(admin, "/conversations/"+id, &now) && now.Status != "resolved" {
			c.fault("conversation %s was resolved and is %s", id, now.Status)
		}
	}
}

// conversation wants every message of a conversation once, at its place, and no place empty.
func (c *checker) conversation(id string) {
	var page struct{ Messages []listed }
	if !c.get(admin, "/conversations/"+id+"/messages?limit=200", &page) {
		return
	}
	at := map[string]listed{}
	senders := map[string]bool{}
	for i, m := range page.Messages {
		if m.Sequence != int64(i)+1 {
			c.fault("conversation %s has message %s in place %d with sequence %d", id, m.ID, i+1, m.Sequence)
		}
		at[m.ID] = m
		key := m.Direction + " " + m.SenderID
		if m.SenderID != "" && senders[key] {
			c.fault("conversation %s has %s of the sender twice", id, m.SenderID)
		}
		senders[key] = true
		if m.SenderID != "" && m.Text != textOf(m.SenderID) {
			c.fault("message %s says %.100q", m.SenderID, m.Text)
		}
	}
	last := int64(0)
	for _, m := range c.a.messages { // in the order in which they were sent
		if m.Conversation != id {
			continue
		}
		if found, ok := at[m.Message]; !ok || found.SenderID != m.id || found.Sequence != m.Sequence {
			c.fault("message %s (%s, sequence %d of conversation %s) is lost: there is %+v", m.id, m.Message, m.Sequence, id, found)
		}
		if m.Sequence <= last {
			c.fault("message %s has sequence %d, after %d", m.id, m.Sequence, last)
		}
		last = m.Sequence
	}
	for _, r := range c.a.replies {
		if found, ok := at[r.message]; r.conversation == id && (!ok || found.Text != textOf(r.id)) {
			c.fault("reply %s (%s) is lost: there is %+v", r.id, r.message, found)
		}
	}
}

// trace wants every accepted message in a state with a reason.
func (c *checker) trace(m *messageTold) {
	var t client.Trace
	if !c.get(admin, "/messages/"+m.Message+"/trace", &t) {
		return
	}
	decision := t.Decision
	if n := len(t.Decisions); n > 0 {
		decision = &t.Decisions[n-1]
	}
	switch {
	case t.SenderID != m.id || t.Sequence != m.Sequence || t.Conversation != m.Conversation:
		c.fault("the trace of %s is that of %s, sequence %d of %s", m.id, t.SenderID, t.Sequence, t.Conversation)
	case decision == nil || decision.Verdict == "":
		c.fault("message %s has no decision", m.id)
	case len(t.Deliveries) == 0 && decision.Code == "" && len(decision.Chosen) == 0 && decision.Summary == "":
		c.fault("message %s was given to nobody, without a reason", m.id)
	}
	for _, d := range t.Deliveries {
		if d.Agent == "" || d.State == "" {
			c.fault("a delivery of %s has no state", m.id)
		}
	}
}

// stream wants what the agent was shown under its numbers, and the cursor of its client not behind what was acknowledged.
func (c *checker) stream(h *history) {
	if c.a.tokens[agent] == "" || len(h.shown) == 0 && h.received == 0 {
		return
	}
	welcome, _ := c.listen(theClient, nil)
	if welcome != nil && welcome.Cursor < h.received {
		c.fault("the agent's client has cursor %d, and %d was acknowledged", welcome.Cursor, h.received)
	}
	zero := int64(0)
	_, now := c.listen("checker", &zero)
	for n, message := range h.shown {
		if now[n] != message {
			c.fault("entry %d was shown as message %s and is %q", n, message, now[n])
		}
	}
	once := map[string]int64{}
	for _, n := range slices.Sorted(maps.Keys(now)) {
		if before, ok := once[now[n]]; ok && now[n] != "" {
			c.fault("message %s is in the agent's stream as entry %d and %d", now[n], before, n)
		}
		once[now[n]] = n
	}
}

var errEnough = errors.New("all entries are here")

// listen reads the agent's stream from a cursor to its end; without a cursor it only looks where the server has it.
func (c *checker) listen(id string, cursor *int64) (*client.Welcome, map[int64]string) {
	cl, err := client.New(c.url, c.tokens[agent])
	if err != nil {
		c.fault("client: %v", err)
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(c.ctx, 10*time.Second, errors.New("the stream does not come to its end"))
	defer cancel()
	var welcome *client.Welcome
	entries := map[int64]string{}
	err = cl.Listen(ctx, client.ListenOptions{
		ClientID: id, Cursor: cursor, NoAck: cursor == nil, Transport: client.WebSocket,
		OnState: func(s client.State) {
			if s.Phase == client.Live {
				if welcome = s.Welcome; cursor == nil || welcome.Last == 0 {
					cancel()
				}
			}
		},
		OnEvent: func(e client.Event) error {
			if entries[e.AgentSequence] = ""; e.Event == client.EventMessage {
				entries[e.AgentSequence] = e.Message
			}
			if e.AgentSequence >= welcome.Last {
				return errEnough
			}
			return nil
		},
	})
	if welcome == nil || !errors.Is(err, errEnough) && !errors.Is(context.Cause(ctx), context.Canceled) {
		c.fault("the agent's stream cannot be read: %v (%v)", err, context.Cause(ctx))
	}
	return welcome, entries
}

// repeat sends every message and reply again, which must be answered as before, and what was under way, which must be taken now.
func (c *checker) repeat(h *history) {
	seen := map[string]bool{}
	for _, x := range h.exchanges {
		s := x.step
		key := fmt.Sprint(s.sort, s.about, s.ids)
		again := s.sort == messages || s.sort == reply
		underWay := c.a.open != nil && key == fmt.Sprint(c.a.open.step.sort, c.a.open.step.about, c.a.open.step.ids)
		if seen[key] || !again && !underWay {
			continue
		}
		seen[key] = true
		now := c.send(c.ctx, x.request)
		if !now.done() {
			c.fault("%s %s is refused when it is sent again: %d %.300s", x.method, x.path, now.status, now.answer)
			continue
		}
		if again && x.done() && !underWay && now.status != http.StatusOK {
			c.fault("%s %s is answered %d when it is sent again", x.method, x.path, now.status)
		}
		if whole, err := c.a.take(now); err != nil || !whole {
			c.fault("%s %s when it is sent again: %v: %.300s", x.method, x.path, err, now.answer)
		}
	}
}

// files reads the files of accepted messages.
func (c *checker) files() {
	for _, m := range c.a.messages {
		if m.file == "" {
			continue
		}
		path := "/messages/" + m.Message + "/attachments/0"
		x := c.send(c.ctx, request{step: step{by: admin}, method: http.MethodGet, path: path})
		if want := c.a.files[m.file]; x.status != http.StatusOK || digest(x.answer) != digest(want) {
			c.fault("the file %s of message %s is answered %d with %d bytes, not %d: %.200s", m.file, m.id, x.status, len(x.answer), len(want), x.answer[:min(200, len(x.answer))])
		}
	}
}

// repliesOnce reads the answers as the customers' side does.
func (c *checker) repliesOnce() {
	if c.a.tokens[robot] == "" || len(c.a.replies) == 0 {
		return
	}
	var page struct{ Replies []client.Reply }
	if !c.get(robot, "/inboxes/"+inbox+"/replies?limit=200", &page) {
		return
	}
	places := map[string]int64{}
	count := map[string]int{}
	for _, r := range page.Replies {
		if places[r.Contact]++; r.Sequence != places[r.Contact] {
			c.fault("reply %s to %s has sequence %d, not %d", r.ID, r.Contact, r.Sequence, places[r.Contact])
		}
		count[r.Message]++
	}
	for _, r := range c.a.replies {
		if count[r.message] != 1 {
			c.fault("reply %s is given out %d times", r.id, count[r.message])
		}
	}
	if len(page.Replies) != len(c.a.replies) {
		c.fault("%d replies are given out, %d were answered", len(page.Replies), len(c.a.replies))
	}
}
