package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

var endedByAdmin = reception.Origin{By: "admin", Source: "sim", Cause: reception.SessionEndByOther}

func newViewerFrom(v *viewer) *viewer {
	fresh := *v
	fresh.stopped, fresh.link = false, nil
	cursor, _ := v.session.Cursor()
	fresh.session = client.NewSession(client.SessionOptions{
		Client: v.id + "-again", Name: "sim", Version: "1", Lang: "en", Available: true, Random: v.s.rng.Float64, Cursor: &cursor,
	})
	return &fresh
}

// Check looks at the invariants after a history has healed, and returns what is wrong.
func (s *Sim) Check() []string {
	for _, p := range s.posts {
		s.checkPost(p)
	}
	s.checkReplies()
	s.checkConversations()
	s.checkViews()
	s.checkAnnouncements()
	s.checkLimits()
	s.checkFacts()
	s.checkRebuilt()
	s.checkReplay()
	return s.faults
}

// checkPost: no acknowledged message is lost, and it is the one that was sent.
func (s *Sim) checkPost(p *post) {
	if p.refused != nil {
		s.violated("post %s was refused: %v", p.id, p.refused)
		return
	}
	if !p.acked {
		s.violated("post %s was never acknowledged", p.id)
		return
	}
	m, err := s.store.Message(background, p.message)
	if err != nil {
		s.violated("message m%d of post %s: %v", p.message, p.id, err)
		return
	}
	if m.SenderID != p.id || m.Text != p.text || m.Inbox != p.inbox || m.Kind != p.kind || m.Contact != p.contact {
		s.violated("message m%d is not what post %s sent: %+v", p.message, p.id, m)
	}
}

func (s *Sim) checkReplies() {
	for key, text := range s.replies {
		id, reply, _ := cut(key)
		found := 0
		for _, m := range s.messages(id) {
			if m.Direction == ledger.Outbound && m.SenderID == reply {
				found++
				if m.Text != text {
					s.violated("reply %s says %q, not %q", key, m.Text, text)
				}
			}
		}
		if found != 1 {
			s.violated("reply %s is stored %d times", key, found)
		}
	}
}

func cut(key string) (conversationID int64, reply string, ok bool) {
	for i := range key {
		if key[i] == '/' {
			n, err := strconv.ParseInt(key[1:i], 10, 64)
			return n, key[i+1:], err == nil
		}
	}
	return 0, "", false
}

func (s *Sim) messages(id int64) []ledger.MessageRow {
	rows, err := s.store.ConversationMessages(background, id, 0, 1<<20)
	if err != nil {
		s.violated("messages of c%d: %v", id, err)
	}
	return rows
}

// checkConversations: every accepted message is delivered to the owner, waiting, or answered or resolved; sequences have no gaps; nothing waits that could go.
func (s *Sim) checkConversations() {
	seen := map[int64]bool{}
	for _, p := range s.posts {
		m, err := s.store.Message(background, p.message)
		if err != nil || seen[m.Conversation] || m.Direction == ledger.Refused {
			continue
		}
		seen[m.Conversation] = true
		c, err := s.store.Conversation(background, m.Conversation)
		if err != nil {
			s.violated("conversation c%d: %v", m.Conversation, err)
			continue
		}
		s.checkConversation(&c)
	}
}

// checkSettled: at any moment at which nothing is due and nothing waits to be written, no conversation lies with somebody who may not own it, waits although
// it could go, or keeps from its owner what the owner could have.
func (s *Sim) checkSettled() {
	if s.server == nil || s.server.l.Err() != nil || s.server.l.Failing() != nil || s.now.Before(s.unstable) || len(s.faults) > 20 {
		return
	}
	for _, account := range agents {
		if a := s.server.l.Agent(account); a != nil {
			for _, k := range a.Sockets {
				if k.Node != fmt.Sprintf("run-%d", s.epoch) {
					s.violated("connection %s of %s is open although its process %s is dead", k.ID, account, k.Node)
				}
			}
		}
	}
	steps := s.steps()
	answered, applied := s.answeredAt(steps), s.appliedAt(steps)
	for _, c := range s.server.l.OpenConversations(func(*ledger.ConversationRow) bool { return true }) {
		s.checkTurn(c, answered[c.ID], applied)
		d := s.decideNow(c)
		switch unanswered := c.LastSequence > c.Answered; {
		case c.Owner != "" && d.Released != "":
			s.violated("c%d lies with %s, who should have lost it for %s", c.ID, c.Owner, d.ReleasedFor)
		case c.Owner != "" && c.Delivered < c.LastSequence && d.Verdict == reception.Routed:
			s.violated("c%d has messages that its owner %s was not given", c.ID, c.Owner)
		case c.Owner == "" && unanswered && d.Verdict == reception.Routed:
			s.violated("c%d waits (%s since %d) although %v could have it", c.ID, c.WaitingCode, c.WaitingSince, d.Chosen)
		case c.Owner == "" && unanswered && d.Verdict == reception.Offered && d.Code == reception.CodeRoutingOfferedBroadcast:
			for _, a := range d.Chosen {
				if !slices.Contains(c.Offered, a) {
					s.violated("c%d is not offered to %s, who could have it (offered to %v)", c.ID, a, c.Offered)
				}
			}
		}
	}
}

// afterStart is how long after a start, or a reopening of the store, no turn ends.
const afterStart = time.Minute

// checkTurn: no turn lasts longer than its inbox allows, counted from what is in the thread, from the policy's last change, and from the end of faults.
func (s *Sim) checkTurn(c *ledger.ConversationRow, answered, applied time.Time) {
	spec, _ := s.server.l.Policy().Inbox(c.Inbox)
	limit, began := spec.Routing.AnswerTimeout, c.TurnSince.Add(-s.set)
	if c.Owner == "" && c.LastOwner == "" && c.WaitingSince == 0 && c.LastSequence == c.Answered {
		return // all of it is held back by filter rules
	}
	if c.LastSequence == c.Answered {
		limit, began = spec.Routing.IdleClose, answered
	} else if c.Owner == "" {
		return // it is nobody's
	}
	if !c.SnoozedUntil().IsZero() {
		return // no turn ends while it is set aside
	}
	for _, at := range []time.Time{applied, s.unstable.Add(afterStart)} {
		if at.After(began) {
			began = at
		}
	}
	if limit > 0 && s.now.After(began.Add(time.Duration(limit)+s.blur())) && s.now.After(s.wokenAt(c.ID).Add(time.Duration(limit)+s.blur())) {
		s.violated("the turn in c%d (owner %q, answered %d of %d) lasts since %s, longer than %v", c.ID, c.Owner, c.Answered, c.LastSequence, began.Format("15:04:05.000"), limit)
	}
}

// appliedAt is when the policy was last changed.
func (s *Sim) appliedAt(steps []stepOfClock) time.Time {
	rows, err := s.store.Revisions(background, 0, 1)
	if err != nil || len(rows) == 0 {
		s.violated("the last revision cannot be read: %v", err)
		return s.now
	}
	return s.passed(steps, rows[0].At, rows[0].Position)
}

// answeredAt is when each conversation was last answered by an agent.
func (s *Sim) answeredAt(steps []stepOfClock) map[int64]time.Time {
	at := map[int64]time.Time{}
	for _, inbox := range inboxes {
		rows, err := s.store.Replies(background, inbox, 0, 1<<20)
		if err != nil {
			s.violated("replies of %s: %v", inbox, err)
		}
		for _, m := range rows {
			if m.Kind != conversation.KindAutoReply {
				at[m.Conversation] = s.passed(steps, m.At, m.Position)
			}
		}
	}
	return at
}

// stepOfClock is one that is on record.
type stepOfClock struct {
	position int64
	by       time.Duration
}

func (s *Sim) steps() (list []stepOfClock) {
	rows, err := s.store.FactsBetween(background, "system/clock", time.Time{}, s.now.AddDate(1, 0, 0), 1<<20)
	if err != nil {
		s.violated("the steps of the clock cannot be read: %v", err)
	}
	for _, f := range rows {
		var v struct {
			Step int64 `json:"step_us"`
		}
		if err := json.Unmarshal(f.Value, &v); err != nil || v.Step == 0 {
			s.violated("a step of the clock is recorded as %s: %v", f.Value, err)
		}
		list = append(list, stepOfClock{f.FromPosition, time.Duration(v.Step) * time.Microsecond})
	}
	slices.SortFunc(list, func(a, b stepOfClock) int { return cmp.Compare(a.position, b.position) })
	return list
}

// passed is when something was, as time passes; of what was before the last step of the clock only that.
func (s *Sim) passed(steps []stepOfClock, at time.Time, position int64) time.Time {
	if n := len(steps); n > 0 && position < steps[n-1].position {
		return s.stepped
	}
	return at.Add(-s.set)
}

// blur is by how much the two clocks may differ without anybody noticing.
func (s *Sim) blur() time.Duration {
	if s.stepped.IsZero() {
		return 0
	}
	return time.Second
}

// checkSilence: a customer is prompted only after an answer, and once (again only after the conversation was set aside); only who was answered, and silent for as long as is said, is resolved for silence.
func (s *Sim) checkSilence(c *ledger.ConversationRow, rows []ledger.MessageRow) {
	if s.released[c.ID] {
		return // what is released lies where it came in, however much later it was let through
	}
	automatic := s.checkAutoReplies(c, rows)
	var last ledger.MessageRow // of the customer or an agent
	var prompted int64         // where
	for _, m := range rows {
		switch {
		case m.Direction == ledger.Outbound && m.Kind == conversation.KindAutoReply && automatic[m.Position]:
		case m.Direction == ledger.Outbound && m.Kind == conversation.KindAutoReply:
			if prompted != 0 && !s.wokenBetween(c.ID, prompted, m.Position) || last.Direction != ledger.Outbound {
				s.violated("prompt m%d in c%d follows m%d (%s), prompted before: m%d", m.Position, c.ID, last.Position, last.Direction, prompted)
			}
			prompted = m.Position
		case m.Direction == ledger.Internal && m.Text == reception.CodeConversationResolvedIdle.String():
			var line ledger.LineData
			if err := json.Unmarshal(m.Data, &line); err != nil {
				s.violated("line m%d: %v", m.Position, err)
			}
			silent := m.At.Sub(last.At) // and nothing is made longer or shorter by setting the clock
			for _, step := range s.steps() {
				if step.position > last.Position && step.position < m.Position {
					silent -= step.by
				}
			}
			if last.Position == 0 && c.LastOwner != "" {
				continue // somebody took what was held back, and wrote nothing
			}
			if last.Direction != ledger.Outbound || silent < time.Duration(line.Seconds)*time.Second-s.blur() {
				s.violated("c%d was resolved as idle at m%d, %v after m%d (%s)", c.ID, m.Position, silent, last.Position, last.Direction)
			}
		case m.Direction == ledger.Inbound || m.Direction == ledger.Outbound:
			last, prompted = m, 0
		}
	}
}

func (s *Sim) checkConversation(c *ledger.ConversationRow) {
	rows := s.messages(c.ID)
	s.checkSilence(c, rows)
	for i, m := range rows {
		if m.Sequence != int64(i+1) {
			s.violated("c%d has sequence %d at place %d", c.ID, m.Sequence, i+1)
		}
		if m.Direction == ledger.Note && (m.ContactSequence != 0 || m.ReplyState != "") {
			s.violated("note m%d counts among the replies to the customer", m.Position)
		}
		if m.Direction == ledger.Inbound && m.Sequence > c.Answered && c.Status == ledger.StatusOpen && !s.released[c.ID] { // a former owner may have answered it
			s.checkHeld(c, m)
		}
		if m.Direction == ledger.Inbound && m.Sequence <= c.Answered && !s.resolved[c.ID] {
			s.checkGiven(c, m)
		}
	}
	if int64(len(rows)) != c.LastSequence {
		s.violated("c%d says it has %d messages and has %d", c.ID, c.LastSequence, len(rows))
	}
	if c.Status != ledger.StatusOpen {
		return
	}
	d := s.decideNow(c)
	if c.Owner != "" && d.Released != "" {
		s.violated("c%d is owned by %s, who should have lost it for %s", c.ID, c.Owner, d.ReleasedFor)
	}
	if c.Owner == "" && c.LastSequence > c.Answered && d.Verdict == reception.Routed {
		s.violated("c%d waits (%s) although %v could have it", c.ID, c.WaitingCode, d.Chosen)
	}
	if c.Owner == "" && c.LastSequence > c.Answered && c.WaitingSince == 0 {
		s.violated("c%d has unanswered messages, no owner, and does not wait", c.ID)
	}
}

// checkGiven: a message that counts as answered was given to somebody.
func (s *Sim) checkGiven(c *ledger.ConversationRow, m ledger.MessageRow) {
	rows, err := s.store.DeliveriesOf(background, m.Position)
	if err != nil {
		s.violated("deliveries of m%d: %v", m.Position, err)
		return
	}
	if !slices.ContainsFunc(rows, func(d ledger.DeliveryRow) bool { return d.State != ledger.Withdrawn }) {
		s.violated("m%d of c%d counts as answered and was given to nobody", m.Position, c.ID)
	}
}

// checkHeld: an unanswered message lies with the owner exactly once, or waits; nobody else has it.
func (s *Sim) checkHeld(c *ledger.ConversationRow, m ledger.MessageRow) {
	rows, err := s.store.DeliveriesOf(background, m.Position)
	if err != nil {
		s.violated("deliveries of m%d: %v", m.Position, err)
		return
	}
	holders := []string{}
	for _, d := range rows {
		if d.State != ledger.Withdrawn {
			holders = append(holders, d.Account)
		} else if d.Code == "" {
			s.violated("a delivery of m%d was withdrawn without a reason", m.Position)
		}
	}
	sort.Strings(holders)
	switch {
	case c.Owner != "" && c.WaitingSince == 0 && !slices.Equal(holders, []string{c.Owner}):
		s.violated("m%d of c%d (owner %s) lies with %v", m.Position, c.ID, c.Owner, holders)
	case c.Owner != "" && c.WaitingSince != 0 && len(holders) > 0 && !slices.Equal(holders, []string{c.Owner}):
		s.violated("m%d of c%d waits for %s and lies with %v", m.Position, c.ID, c.Owner, holders)
	case c.Owner == "" && c.WaitingSince == 0:
		s.violated("m%d of c%d has no owner and does not wait", m.Position, c.ID)
	case c.Owner == "":
		for _, h := range holders {
			if !slices.Contains(c.Offered, h) {
				s.violated("m%d of c%d lies with %s, who neither owns it nor holds an offer", m.Position, c.ID, h)
			}
		}
		if len(slices.Compact(holders)) != len(holders) {
			s.violated("m%d of c%d lies twice with the same agent: %v", m.Position, c.ID, holders)
		}
	}
}

func (s *Sim) decideNow(c *ledger.ConversationRow) reception.Decision {
	v := s.server.l.View()
	for _, held := range s.server.l.OpenConversations(func(o *ledger.ConversationRow) bool { return o.ID == c.ID }) {
		c = held // the ledger knows what the store's row does not have: until when it is set aside
	}
	m := reception.Message{Inbox: c.Inbox, Kind: c.Kind, Conversation: conversation.Facts(c)}
	return reception.Decide(v.Policy.Compile(), v, m, s.wall())
}

// checkViews: each client that is connected has been shown its whole stream, each entry once, in order, and the messages of a conversation in order.
func (s *Sim) checkViews() {
	for _, v := range s.clients {
		state := s.server.l.Agent(v.account)
		if v.link == nil || state == nil {
			s.violated("client of %s is not connected after healing (stopped %v)", v.account, v.stopped)
			continue
		}
		if cursor, _ := v.session.Cursor(); cursor != state.Sequence { // a new client begins after what others have received
			s.violated("client of %s has come to %d of %d", v.account, cursor, state.Sequence)
		}
		entries, err := s.store.Entries(background, v.account, 0, 1<<20)
		if err != nil {
			s.violated("entries of %s: %v", v.account, err)
		}
		for _, e := range entries {
			if e.Delivery.State == ledger.Queued {
				s.violated("entry %d of %s is still queued although its clients have it", e.Delivery.Sequence, v.account)
			}
		}
		held := map[string]int64{} // conversation → last sequence shown and not taken back
		for _, e := range v.shown {
			switch e.Event {
			case client.EventMessage:
				if e.Kind == conversation.KindNote { // who is mentioned may get the conversation's older messages later, as its owner
					continue
				}
				if id, _ := conversation.ParseID('c', e.Conversation); s.released[id] { // what is released comes later than what followed it
					continue
				}
				if e.Sequence <= held[e.Conversation] {
					s.violated("%s was shown %s sequence %d after %d", v.account, e.Conversation, e.Sequence, held[e.Conversation])
				}
				held[e.Conversation] = e.Sequence
			case client.EventWithdrawn:
				// Also of a message that this client was not shown itself: one that came later begins after what others have received.
				if e.Sequence-1 < held[e.Conversation] {
					held[e.Conversation] = e.Sequence - 1
				}
			}
		}
	}
}

// checkFacts: the intervals of one fact do not overlap, and a fact ends after it begins.
func (s *Sim) checkFacts() {
	byKey := map[string][]ledger.FactRow{}
	subjects := []string{"system/store", "system/clock", ledger.SubjectSwitches}
	for _, a := range append([]string{"admin"}, agents...) {
		subjects = append(subjects, ledger.AccountSubject(a))
	}
	for _, p := range s.posts {
		if m, err := s.store.Message(background, p.message); err == nil {
			subjects = append(subjects, fmt.Sprintf("conversation/%d", m.Conversation))
		}
	}
	slices.Sort(subjects)
	for _, subject := range slices.Compact(subjects) {
		list, err := s.store.FactsBetween(background, subject, time.Time{}, s.now.AddDate(1, 0, 0), 1<<20)
		if err != nil {
			s.violated("facts of %s: %v", subject, err)
		}
		for _, f := range list {
			k := f.Subject + " " + f.Name + " " + f.Key
			byKey[k] = append(byKey[k], f)
		}
	}
	for k, list := range byKey {
		sort.Slice(list, func(i, j int) bool { return list[i].FromPosition < list[j].FromPosition })
		for i, f := range list {
			if f.ToPosition != 0 && f.ToPosition < f.FromPosition {
				s.violated("fact %s ends before it begins: %+v", k, f)
			}
			if i > 0 && (list[i-1].ToPosition == 0 || list[i-1].ToPosition > f.FromPosition) {
				s.violated("fact %s overlaps: %d–%d and %d", k, list[i-1].FromPosition, list[i-1].ToPosition, f.FromPosition)
			}
		}
	}
}

// checkRebuilt: what a new process would know is what this one knows.
func (s *Sim) checkRebuilt() {
	now := s.server.l.Fingerprint()
	then, err := ledger.FingerprintOf(background, s.store)
	if err != nil {
		s.violated("rebuild: %v", err)
		return
	}
	if !reflect.DeepEqual(now, then) {
		for k, v := range now {
			if then[k] != v {
				s.violated("rebuilt world differs at %s:\n  now  %s\n  then %s", k, v, then[k])
			}
		}
		for k, v := range then {
			if _, ok := now[k]; !ok {
				s.violated("rebuilt world has %s: %s", k, v)
			}
		}
	}
}

// checkReplay: every journal entry, decided again on the facts of its position, gives what was stored.
func (s *Sim) checkReplay() {
	compiled := map[int64]*policy.Set{}
	last := s.server.l.Position()
	first, err := s.store.DecidedMessages(background, 0, last, 1<<20)
	if err != nil {
		s.violated("journal: %v", err)
	}
	later, err := s.store.LaterDecisions(background, 0, last, 1<<20)
	if err != nil {
		s.violated("journal: %v", err)
	}
	for _, m := range first {
		later = append(later, *m.Decision)
		if m.Conversation == m.Position { // the first of its conversation
			for _, x := range s.messages(m.Conversation) {
				if x.Kind == conversation.KindAutoReply && x.Decision != nil {
					later = append(later, *x.Decision)
				}
			}
		}
	}
	for _, d := range later {
		if err := ledger.Replay(background, s.store, d, func(revision int64) (*reception.Policy, error) {
			if set := compiled[revision]; set != nil {
				return set.Compile(), nil
			}
			docs, err := s.store.DocumentsAt(background, revision)
			if err != nil {
				return nil, err
			}
			set, err := ledger.PolicyOf(docs, revision)
			if err != nil {
				return nil, err
			}
			compiled[revision] = set
			return set.Compile(), nil
		}); err != nil {
			s.violated("replay of decision %d (%s, c%d): %v", d.Position, d.Cause, d.Conversation, err)
		}
	}
}

// Digest is the whole history in a few bytes: the same seed gives the same.
func (s *Sim) Digest() string {
	var b bytes.Buffer
	for _, v := range s.clients {
		fmt.Fprintf(&b, "%s:%d ", v.account, v.last)
	}
	fmt.Fprintf(&b, "position %d", s.server.l.Position())
	return b.String()
}
