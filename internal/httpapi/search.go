package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// FoundBody is a message, or a refused request, that an id leads to. Nothing of its text.
type FoundBody struct {
	Found        string `json:"found" enum:"message,refusal"`
	Message      string `json:"message,omitempty" doc:"of a message: follow it at GET /messages/{id}/trace"`
	Inbox        string `json:"inbox,omitempty"`
	InboxTitle   string `json:"inbox_title,omitempty"`
	SenderID     string `json:"sender_id,omitempty"`
	Conversation string `json:"conversation,omitempty"`
	Sequence     int64  `json:"sequence,omitempty" doc:"in the conversation"`
	Direction    string `json:"direction,omitempty" enum:"in,out,note,system,held,rejected"`
	Kind         string `json:"kind,omitempty"`
	Status       string `json:"status,omitempty" doc:"what was decided when it came in: routed, offered, waiting, …"`
	Code         string `json:"code,omitempty" doc:"of the decision, or of the refusal"`
	Field        string `json:"field,omitempty" doc:"what was wrong with a refused request"`
	At           Time   `json:"at"`
}

type foundOutput struct {
	Body struct {
		Found []FoundBody `json:"found" doc:"messages in the order of their conversation, then refused requests, newest first"`
	}
}

// mostFound bounds each part of an answer: of a long conversation its end is shown.
const mostFound = 100

// findMessages looks an id up in every way that it can be meant: a message's (m…), a conversation's (c…), a sender's own.
func (s *Server) findMessages(ctx context.Context, by caller, in *struct {
	ID string `query:"id" required:"true" minLength:"1" maxLength:"128" doc:"a message's id, a conversation's, or one that a sender gave to its message"`
}) (*foundOutput, error) {
	f := &finder{s: s, ctx: ctx, by: by, seen: map[int64]bool{}}
	for _, look := range []func(string) error{f.message, f.conversation, f.sender, f.refusals} {
		if err := look(in.ID); err != nil {
			return nil, err
		}
	}
	out := &foundOutput{}
	if out.Body.Found = f.found; f.found == nil {
		out.Body.Found = []FoundBody{}
	}
	return out, nil
}

type finder struct {
	s     *Server
	ctx   context.Context
	by    caller
	found []FoundBody
	seen  map[int64]bool
}

func (f *finder) message(id string) error {
	position, ok := conversation.ParseID('m', id)
	if !ok {
		return nil
	}
	m, err := f.s.o.Store.Message(f.ctx, position)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("message %d: %w", position, err)
	}
	return f.add(&m, false)
}

func (f *finder) conversation(id string) error {
	position, ok := conversation.ParseID('c', id)
	if !ok {
		return nil
	}
	c, err := f.s.conversation(f.ctx, position)
	if errors.Is(err, errNoConversation) {
		return nil
	}
	if err != nil {
		return err
	}
	if ok, err := f.s.mayView(f.ctx, f.by, c); err != nil || !ok {
		return err
	}
	rows, err := f.s.o.Store.ConversationMessages(f.ctx, c.ID, max(c.LastSequence-mostFound, 0), mostFound)
	if err != nil {
		return fmt.Errorf("messages of conversation %d: %w", c.ID, err)
	}
	for i := range rows {
		f.put(&rows[i]) // who may see the conversation may see its messages
	}
	return nil
}

func (f *finder) sender(id string) error {
	for _, d := range f.s.o.Ledger.Policy().All() {
		if d.Kind != policy.KindInbox {
			continue
		}
		m, err := f.s.o.Store.MessageBySender(f.ctx, d.Name, id)
		if errors.Is(err, ledger.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("message of sender in %s: %w", d.Name, err)
		}
		if err := f.add(&m, true); err != nil {
			return err
		}
	}
	return nil
}

// add takes a message in if the caller may see anything of its way.
func (f *finder) add(m *ledger.MessageRow, bySender bool) error {
	deliveries, err := f.s.o.Store.DeliveriesOf(f.ctx, m.Position)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("deliveries of message %d: %w", m.Position, err)
	}
	see, err := f.s.sightOf(f.ctx, f.by, m, deliveries, bySender)
	if err != nil || see == sightNone {
		return err
	}
	f.put(m)
	return nil
}

func (f *finder) put(m *ledger.MessageRow) {
	if f.seen[m.Position] {
		return
	}
	f.seen[m.Position] = true
	b := FoundBody{
		Found: "message", Message: conversation.MessageID(m.Position), Inbox: m.Inbox, InboxTitle: f.inboxTitle(m.Inbox), SenderID: m.SenderID,
		Sequence: m.Sequence, Direction: string(m.Direction), Kind: m.Kind, At: f.s.time(m.At),
	}
	if m.Conversation != 0 {
		b.Conversation = conversation.ID(m.Conversation)
	}
	if m.Decision != nil {
		b.Status, b.Code = m.Decision.Verdict, m.Decision.Code
	}
	f.found = append(f.found, b)
}

// refusals finds requests that left no message behind, as far as the caller may see them: see tracer.refusals.
func (f *finder) refusals(id string) error {
	all := f.s.can(f.by, policy.TraceView) || f.s.can(f.by, policy.IntakeLogView)
	if !all && !f.s.can(f.by, policy.MessagePost) {
		return nil
	}
	f.s.o.Intake.Flush(f.ctx)
	rows, err := f.s.o.Store.Refusals(f.ctx, "", id, 0, mostFound)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("refusals: %w", err)
	}
	for _, r := range rows {
		if all || r.Account == f.by.account {
			f.found = append(f.found, FoundBody{
				Found: "refusal", Inbox: r.Inbox, InboxTitle: f.inboxTitle(r.Inbox), SenderID: r.SenderID, Code: r.Code, Field: r.Field, At: f.s.time(r.At),
			})
		}
	}
	return nil
}

func (f *finder) inboxTitle(inbox string) string {
	spec, _ := f.s.o.Ledger.Policy().Inbox(inbox) // one that is gone has no title
	return spec.Title
}
