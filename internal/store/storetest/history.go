package storetest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
)

// histories commits generated groups to the store under test and to the in-memory store, and compares every read, and the state after a restart.
func histories(t *testing.T, fresh Fresh) {
	// Every history opens databases: a few long ones find what many short ones do.
	checks := "8"
	if testing.Short() {
		checks = "3"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(checks); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	}
	rapid.Check(t, func(r *rapid.T) {
		open := fresh(t)
		h := &history{T: r, t: t, store: open(), model: memory.New(), base: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), streams: map[string]int64{}}
		h.model.KeepRefusals(KeptRefusals)
		defer func() { _ = h.store.Close() }()
		h.compareLoad()
		for range rapid.IntRange(1, 12).Draw(r, "groups") {
			h.group()
		}
		h.compareReads()
		if err := h.store.Close(); err != nil {
			r.Fatal(err)
		}
		h.store = open()
		h.compareLoad()
	})
}

// history is what was committed so far, as far as it is needed to go on sensibly.
type history struct {
	*rapid.T
	t     *testing.T
	store store.Store
	model *memory.Store

	base          time.Time
	position      int64
	revision      int64
	held          []ledger.QuarantineRow // messages that are held
	helped        []int64                // requests for help
	number        int64                  // makes ids that are used once
	streams       map[string]int64
	conversations []*ledger.ConversationRow
	holding       []ledger.FactRow
	owned         []ledger.AssignmentRow
	valid         []string // names of documents
	ids           []string // senders' ids, "inbox id"
}

var (
	accounts = []string{"an", "bo", "客服-小陈", "d'or"}
	inboxes  = []string{"web", "mail", "微信"}
	uploads  = []string{"u1", "u2", "u3", "u4"}
	kinds    = []string{"customer", "group", "vip?", ""}
	awkward  = []string{"", "您好😀", "'; --", "\"", "\\", "$1 ?", "\u2028", "a\nb", strings.Repeat("长", 3400), "\U0010fffd", "null", "{}", " "}
)

func (h *history) text() string {
	s := rapid.OneOf(rapid.SampledFrom(awkward), rapid.String()).Draw(h.T, "text")
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "")
}

func (h *history) name() string   { return rapid.SampledFrom(accounts).Draw(h.T, "account") }
func (h *history) inbox() string  { return rapid.SampledFrom(inboxes).Draw(h.T, "inbox") }
func (h *history) kind() string   { return rapid.SampledFrom(kinds).Draw(h.T, "kind") }
func (h *history) flip() bool     { return rapid.Bool().Draw(h.T, "flip") }
func (h *history) small() int64   { return rapid.Int64Range(0, 1<<40).Draw(h.T, "number") }
func (h *history) unique() int64  { h.number++; return h.number }
func (h *history) take() int64    { h.position++; return h.position }
func (h *history) one(n int) bool { return rapid.IntRange(1, n).Draw(h.T, "one in") == 1 }

func (h *history) json() json.RawMessage {
	if h.flip() {
		return nil
	}
	b, err := json.Marshal(map[string]string{"zh": h.text()})
	if err != nil {
		h.Fatal(err)
	}
	return b
}

func (h *history) names() []string {
	return rapid.SliceOfN(rapid.SampledFrom(append(accounts, "", "\"")), 0, 3).Draw(h.T, "names")
}

// instant is zero at times, with nanoseconds, in another zone.
func (h *history) instant() time.Time {
	if h.one(3) {
		return time.Time{}
	}
	at := h.base.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(h.T, "instant")))
	if h.flip() {
		return at.In(time.FixedZone("CST", 8*3600))
	}
	return at
}

func (h *history) digest() (d [16]byte) {
	copy(d[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(h.T, "digest"))
	return d
}

// group commits a group to both, sometimes one that has to be refused.
func (h *history) group() {
	before := *h
	// Mostly forward; sometimes the clock is set back.
	h.base = h.base.Add(time.Duration(rapid.SampledFrom([]int64{1e3, 1e6, 1e9, 6e10, -36e11}).Draw(h.T, "clock")))
	g := &ledger.Group{First: h.position + 1, At: h.base, Nonce: fmt.Sprint("n", h.unique())}
	for range rapid.IntRange(1, 8).Draw(h.T, "commands") {
		h.command(g)
	}
	h.take()
	g.Last = h.position
	bad := h.one(6)
	if bad {
		h.spoil(g)
	}
	errStore, errModel := h.store.Commit(h.t.Context(), g), h.model.Commit(h.t.Context(), g)
	if bad && !errors.Is(errModel, ledger.ErrData) || !bad && errModel != nil || errors.Is(errStore, ledger.ErrData) != bad || (errStore == nil) == bad {
		h.Fatalf("commit of a group (bad: %v): %v; in memory: %v\n%s", bad, errStore, errModel, show(g))
	}
	if bad {
		*h = before
		h.compareLoad()
	}
	if h.one(3) {
		h.compareLoad()
		h.compareReads()
	}
	if h.one(8) {
		at := h.instant()
		if at.IsZero() {
			at = h.base
		}
		h.both("alive mark", func(s store.Store) (any, error) {
			return nil, s.Commit(h.t.Context(), &ledger.Group{Alive: true, At: at})
		})
	}
}

func (h *history) spoil(g *ledger.Group) {
	switch rapid.IntRange(0, 5).Draw(h.T, "fault") {
	case 0:
		g.Nonce += "\x00"
	case 1:
		g.Audit = append(g.Audit, ledger.AuditRow{Position: g.Last, By: "\xff"})
	case 2:
		g.FactEnds = append(g.FactEnds, ledger.FactRow{Subject: "account/nobody", ToPosition: g.Last})
	case 3:
		g.DeliveryEdits = append(g.DeliveryEdits, ledger.DeliveryRow{Account: "nobody", Sequence: 1})
	case 4:
		g.Keys = append(g.Keys, ledger.KeyRow{Scope: "x", ID: "x"}, ledger.KeyRow{Scope: "x", ID: "x"})
	case 5:
		g.First = 0
	}
}

// command adds the rows of something that might happen.
func (h *history) command(g *ledger.Group) {
	switch rapid.IntRange(0, 19).Draw(h.T, "command") {
	case 0, 1, 2:
		h.inbound(g)
	case 3:
		h.reply(g)
	case 14:
		h.note(g)
	case 4:
		h.edit(g)
	case 5:
		p := h.take()
		h.deliver(g, ledger.EntryNotice, ledger.MessageRow{Position: p, Kind: "system"})
		g.Messages = append(g.Messages, ledger.MessageRow{Position: p, Direction: ledger.Internal, Kind: "system", Author: h.name(), Data: h.json(), At: g.At})
	case 6:
		h.fact(g)
	case 7:
		h.assign(g)
	case 8:
		d := h.decision()
		d.Position, d.Conversation, d.Message, d.At = h.take(), h.small(), h.small(), h.instant()
		g.Decisions = append(g.Decisions, *d)
		g.Outcomes = append(g.Outcomes, ledger.OutcomesRow{ID: d.Outcomes, Content: []byte(h.text())})
	case 9:
		h.policy(g)
	case 10:
		g.Logins = append(g.Logins, ledger.LoginRow{Account: h.name(), PasswordHash: h.text(), UpdatedAt: h.instant(), UpdatedBy: h.text()})
		g.Clients = append(g.Clients, ledger.ClientRow{Account: h.name(), Client: fmt.Sprint(h.one(2)), Cursor: h.small(), About: h.text(), UpdatedAt: h.instant()})
		token := ledger.TokenRow{ID: fmt.Sprint(h.one(3)), Account: h.name(), Label: h.text(), CreatedBy: h.text(), ExpiresAt: h.instant(), RevokedAt: h.instant(), RevokedBy: h.text(), LastUsed: h.instant()}
		token.CreatedAt = h.base.Add(time.Duration(h.unique()) * time.Second) // the order of equal ones is not promised
		copy(token.Hash[:], fmt.Sprint(h.unique()))
		g.Tokens = append(g.Tokens, token)
		browser := ledger.BrowserSessionRow{ID: fmt.Sprint(h.one(3)), Account: h.name(), Since: h.instant(), RotatedAt: h.instant(), ConfirmedAt: h.instant(), LastUsed: h.instant(), Idle: h.small(),
			EndsAt: h.instant(), Remote: h.text(), UserAgent: h.text(), EndedAt: h.instant(), EndedBy: h.text(), EndCause: h.text()}
		copy(browser.Hash[:], fmt.Sprint(h.unique()))
		copy(browser.Previous[:], h.text())
		g.BrowserSessions = append(g.BrowserSessions, browser)
	case 11:
		g.Refusals = append(g.Refusals, ledger.RefusalRow{At: h.instant(), Inbox: h.inbox(), SenderID: h.kind(), Account: h.name(), Code: h.text(), Field: h.text(), Detail: h.text()})
	case 12:
		contact := ""
		if h.flip() {
			contact = fmt.Sprint("c", h.one(2))
		}
		g.ReplyUpdates = append(g.ReplyUpdates, ledger.ReplyUpdate{Inbox: h.inbox(), Contact: contact, After: rapid.Int64Range(0, h.position).Draw(h.T, "after"), UpTo: rapid.Int64Range(0, h.position+2).Draw(h.T, "up to"),
			State: rapid.SampledFrom([]ledger.ReplyState{ledger.ReplyDelivered, ledger.ReplyFailed}).Draw(h.T, "state"), At: h.instant(), Detail: h.text()})
	case 13:
		h.upload(g)
	case 15:
		h.visit(g)
	case 16:
		h.job(g)
	case 17:
		h.letThrough(g)
	case 18:
		h.checklist(g, h.take())
	case 19:
		h.help(g, h.take())
	}
}

// visit has visitors come and rate.
func (h *history) visit(g *ledger.Group) {
	v := ledger.VisitorRow{ID: fmt.Sprint("v", h.unique()), Inbox: h.inbox(), Name: h.text(), CreatedAt: h.instant()}
	copy(v.Hash[:], v.ID)
	g.Visitors = append(g.Visitors, v)
	if len(h.conversations) > 0 {
		g.Ratings = append(g.Ratings, ledger.RatingRow{Conversation: rapid.SampledFrom(h.conversations).Draw(h.T, "conversation").ID,
			Score: rapid.IntRange(1, 5).Draw(h.T, "score"), Comment: h.text(), FirstAt: h.instant(), At: h.instant(), Position: h.take()})
	}
}

// job has work come, be done and be given up.
func (h *history) job(g *ledger.Group) {
	id := rapid.SampledFrom(uploads)
	done := id.Draw(h.T, "job done")
	if h.flip() {
		g.JobEnds = append(g.JobEnds, done)
	}
	if next := id.Draw(h.T, "job"); next != done {
		j := ledger.JobRow{ID: next, Kind: h.kind(), CreatedAt: h.instant(), DueAt: h.instant(), Attempts: rapid.IntRange(0, 9).Draw(h.T, "attempts"), LastErrorAt: h.instant(), LastError: h.text()}
		if h.flip() {
			j.LeasedBy, j.LeasedUntil = h.name(), h.instant()
		}
		if h.flip() {
			j.DeadAt = h.instant()
		}
		g.Jobs = append(g.Jobs, j)
	}
}

// upload has files come, be referred to, and expire.
func (h *history) upload(g *ledger.Group) {
	id := rapid.SampledFrom(uploads)
	if h.one(4) {
		g.UploadsEnd = h.instant()
	}
	g.Uploads = append(g.Uploads, ledger.UploadRow{ID: id.Draw(h.T, "upload"), Owner: "account/" + h.name(), Digest: id.Draw(h.T, "digest"), Name: h.text(), Type: h.text(),
		Size: h.small(), Width: rapid.IntRange(0, 9999).Draw(h.T, "width"), Height: rapid.IntRange(0, 9999).Draw(h.T, "height"), At: h.instant(), ExpiresAt: h.instant()})
	if h.flip() {
		g.Files = append(g.Files, ledger.FileRow{Digest: id.Draw(h.T, "kept"), Size: h.small(), Position: h.take(), At: h.instant()})
	}
}

func (h *history) decision() *ledger.DecisionRow {
	d := &ledger.DecisionRow{Revision: h.revision, Engine: h.text(), Cause: h.text(), Verdict: h.text(), Code: h.text(), Chosen: h.names(),
		Load: rapid.IntRange(0, 99).Draw(h.T, "load"), Released: h.text(), ReleasedFor: h.text(), Held: h.text(), Outcomes: h.digest(), Matched: h.names()}
	if len(d.Matched) == 0 {
		d.Matched = nil
	}
	if len(d.Chosen) == 0 {
		d.Chosen = nil
	}
	return d
}

func (h *history) conversation() *ledger.ConversationRow {
	if len(h.conversations) == 0 || h.one(3) {
		id := h.take()
		h.conversations = append(h.conversations, &ledger.ConversationRow{ID: id, Inbox: h.inbox(), Contact: fmt.Sprint("c", h.one(2)), OpenedAt: h.instant()})
	}
	c := *rapid.SampledFrom(h.conversations).Draw(h.T, "conversation")
	for i := range h.conversations {
		if h.conversations[i].ID == c.ID {
			h.conversations[i] = &c // the former one belongs to groups that were drawn
		}
	}
	c.Status = rapid.SampledFrom([]string{"open", "open", "resolved"}).Draw(h.T, "status")
	if c.Resolved = 0; c.Status == "resolved" {
		c.Resolved = h.take()
	}
	c.Kind, c.Owner, c.OwnerPosition, c.LastOwner, c.Position = h.kind(), h.text(), h.small(), h.text(), h.position
	c.Answered, c.Delivered, c.WaitingSince, c.WaitingCode = h.small(), h.small(), h.small(), h.text()
	c.PassedOver, c.Offered, c.AcceptBy, c.Accepted, c.UpdatedAt = h.names(), h.names(), h.instant(), h.flip(), h.instant()
	c.TurnSince, c.Overdue = h.instant(), h.flip()
	return &c
}

func (h *history) inbound(g *ledger.Group) {
	c := h.conversation()
	c.LastSequence++
	m := ledger.MessageRow{Position: h.take(), Direction: ledger.Inbound, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence, Kind: h.kind(),
		SenderID: fmt.Sprint("id", h.unique()), Contact: c.Contact, Text: h.text(), Data: h.json(), SentAt: h.instant(), ReceivedAt: h.instant(), At: g.At}
	if h.flip() {
		m.Decision = h.decision()
	}
	if h.one(4) {
		h.hold(g, &m)
	}
	h.save(g, c)
	g.Messages = append(g.Messages, m)
	g.Keys = append(g.Keys, ledger.KeyRow{Scope: "in/" + m.Inbox, ID: m.SenderID, Position: m.Position, Digest: h.digest(), At: h.instant()})
	h.ids = append(h.ids, m.Inbox+" "+m.SenderID)
	g.Contacts = append(g.Contacts, ledger.ContactRow{Inbox: c.Inbox, ID: c.Contact, Name: h.text(), Position: m.Position, LastOwner: h.text(), Replies: h.small(), Seen: h.small(), Lang: h.text()})
	for range rapid.IntRange(0, 2).Draw(h.T, "deliveries") {
		h.deliver(g, ledger.EntryMessage, m)
	}
}

func (h *history) reply(g *ledger.Group) {
	c := h.conversation()
	c.LastSequence++
	h.save(g, c)
	position := h.take()
	if h.one(3) {
		h.autoReply(g, c.ID, position)
	}
	g.Messages = append(g.Messages, ledger.MessageRow{Position: position, Direction: ledger.Outbound, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence,
		Contact: c.Contact, Kind: h.kind(), Author: h.name(), Text: h.text(), At: g.At, ContactSequence: h.small(), ReplyState: ledger.ReplySent, ReplyAt: h.instant(), ReplyDetail: h.text()})
}

func (h *history) note(g *ledger.Group) {
	c := h.conversation()
	c.LastSequence++
	m := ledger.MessageRow{Position: h.take(), Direction: ledger.Note, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence,
		Kind: "internal", Author: h.name(), Text: h.text(), Data: h.json(), At: g.At, Decision: h.decision()}
	h.save(g, c)
	g.Messages = append(g.Messages, m)
	for range rapid.IntRange(0, 2).Draw(h.T, "deliveries") {
		h.deliver(g, ledger.EntryMessage, m)
	}
}

// save writes a conversation as it is now: what it becomes later in the group is another row.
func (h *history) save(g *ledger.Group, c *ledger.ConversationRow) {
	for i := range h.conversations {
		if h.conversations[i].ID == c.ID {
			h.conversations[i] = c
		}
	}
	g.Conversations = append(g.Conversations, *c)
}

func (h *history) attempt(d *ledger.DeliveryRow) {
	d.State = rapid.SampledFrom([]ledger.DeliveryState{ledger.Queued, ledger.Received, ledger.Seen, ledger.Accepted, ledger.Withdrawn}).Draw(h.T, "state")
	d.Code, d.PushedAt, d.Connection, d.Client, d.Result = h.text(), h.instant(), h.text(), h.text(), h.text()
	d.Attempts, d.ReceivedAt, d.ReceivedBy = rapid.IntRange(0, 9).Draw(h.T, "attempts"), h.instant(), h.text()
	d.SeenAt, d.AcceptedAt, d.WithdrawnAt = h.instant(), h.instant(), h.instant()
}

func (h *history) deliver(g *ledger.Group, kind ledger.EntryType, m ledger.MessageRow) {
	account := h.name()
	h.streams = clone(h.streams)
	h.streams[account]++
	d := ledger.DeliveryRow{Account: account, Sequence: h.streams[account], Type: kind, Message: m.Position, Conversation: m.Conversation, Inbox: m.Inbox,
		Kind: m.Kind, Position: h.position, At: g.At}
	h.attempt(&d)
	g.Deliveries = append(g.Deliveries, d)
	if h.one(4) {
		g.Attempts = append(g.Attempts, ledger.AttemptRow{Account: account, Sequence: d.Sequence, Number: 2, At: h.instant(), Connection: h.text(), Client: h.text(), Result: h.text(), Error: h.text()})
	}
}

// clone keeps what a refused group did from what is gone back to.
func clone(m map[string]int64) map[string]int64 {
	c := map[string]int64{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// edit changes a delivery of an earlier group, or withdraws it.
func (h *history) edit(g *ledger.Group) {
	account := h.name()
	inserted := int64(0)
	for _, d := range g.Deliveries {
		if d.Account == account {
			inserted++
		}
	}
	last := h.streams[account] - inserted
	if last == 0 {
		return
	}
	d := ledger.DeliveryRow{Account: account, Sequence: rapid.Int64Range(1, last).Draw(h.T, "sequence")}
	h.attempt(&d)
	g.DeliveryEdits = append(g.DeliveryEdits, d)
	h.streams = clone(h.streams)
	h.streams[account]++
	g.Deliveries = append(g.Deliveries, ledger.DeliveryRow{Account: account, Sequence: h.streams[account], Type: ledger.EntryWithdrawal, Message: h.small(),
		Target: d.Sequence, State: ledger.Queued, Position: h.take(), At: g.At})
}

func (h *history) fact(g *ledger.Group) {
	if len(h.holding) > 0 && h.flip() {
		i := rapid.IntRange(0, len(h.holding)-1).Draw(h.T, "fact")
		f := h.holding[i]
		h.holding = append(append([]ledger.FactRow(nil), h.holding[:i]...), h.holding[i+1:]...)
		f.ToPosition, f.ToAt, f.EndBy, f.EndCause = h.take(), h.instant(), h.text(), h.text()
		g.FactEnds = append(g.FactEnds, f)
		return
	}
	f := ledger.FactRow{Subject: rapid.SampledFrom([]string{"account/" + h.name(), "system/disk"}).Draw(h.T, "subject"), Name: rapid.SampledFrom([]string{"session", "presence", "signin"}).Draw(h.T, "name"), Key: fmt.Sprint(h.one(2)),
		Value: h.json(), FromPosition: h.take(), FromAt: h.base, By: h.text(), Source: h.text(), Cause: h.text()}
	g.Facts = append(g.Facts, f)
	h.holding = append(append([]ledger.FactRow(nil), h.holding...), f)
}

func (h *history) assign(g *ledger.Group) {
	if len(h.owned) > 0 && h.flip() {
		i := rapid.IntRange(0, len(h.owned)-1).Draw(h.T, "assignment")
		a := h.owned[i]
		h.owned = append(append([]ledger.AssignmentRow(nil), h.owned[:i]...), h.owned[i+1:]...)
		a.ToPosition, a.ToAt, a.ToCode, a.ToBy = h.take(), h.instant(), h.text(), h.text()
		g.AssignmentEnds = append(g.AssignmentEnds, a)
		return
	}
	if len(h.conversations) == 0 {
		return
	}
	c := rapid.SampledFrom(h.conversations).Draw(h.T, "conversation")
	a := ledger.AssignmentRow{Conversation: c.ID, FromPosition: h.take(), Account: h.name(), Inbox: c.Inbox, Async: h.flip(), FromAt: h.instant(), FromCode: h.text(), FromBy: h.text()}
	g.Assignments = append(g.Assignments, a)
	h.owned = append(append([]ledger.AssignmentRow(nil), h.owned...), a)
}

func (h *history) policy(g *ledger.Group) {
	h.revision++
	position := h.take()
	g.Revisions = append(g.Revisions, ledger.RevisionRow{Revision: h.revision, Position: position, At: h.instant(), By: h.text(), Source: h.text(), Request: h.text(), Reason: h.text(), Changes: h.json()})
	g.Audit = append(g.Audit, ledger.AuditRow{Position: position, At: h.instant(), By: h.text(), Action: h.text(), Object: h.text(), Revision: h.revision, Details: h.json()},
		ledger.AuditRow{Position: position, Action: rapid.SampledFrom([]string{h.text(), ledger.ActionSignInFailed}).Draw(h.T, "action"), Object: "account/" + h.name()})
	if len(h.valid) > 0 && h.flip() {
		i := rapid.IntRange(0, len(h.valid)-1).Draw(h.T, "document")
		g.DocumentEnds = append(g.DocumentEnds, ledger.DocumentRow{Kind: "team", Name: h.valid[i], To: h.revision})
		h.valid = append(append([]string(nil), h.valid[:i]...), h.valid[i+1:]...)
		return
	}
	name := h.name()
	g.Documents = append(g.Documents, ledger.DocumentRow{Kind: "team", Name: name, Spec: h.json(), From: h.revision})
	for _, v := range h.valid {
		if v == name {
			return
		}
	}
	h.valid = append(append([]string(nil), h.valid...), name)
}
