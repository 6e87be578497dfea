package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errNoConversation = problem.New(problem.NotFound, "conversation.not_found", "There is no such conversation, or it is not yours to see.", "没有这个会话，或您无权查看。").On("/id")

// ConversationBody is a conversation as it stands.
type ConversationBody struct {
	ID         string       `json:"id"`
	Inbox      string       `json:"inbox"`
	Contact    string       `json:"contact" doc:"the contact's id in the inbox"`
	Kind       string       `json:"kind"`
	Status     string       `json:"status" enum:"open,resolved"`
	Owner      *string      `json:"owner" doc:"who has it; null if nobody has"`
	LastOwner  string       `json:"last_owner,omitempty"`
	Accepted   bool         `json:"accepted" doc:"the owner opened or answered it"`
	AcceptBy   *Time        `json:"accept_by,omitempty" doc:"when the accept timeout ends"`
	Offered    []string     `json:"offered,omitempty"`
	PassedOver []string     `json:"passed_over,omitempty"`
	Sequence   int64        `json:"sequence" doc:"of the last message"`
	Answered   int64        `json:"answered" doc:"sequence of the last reply; 0 before the first"`
	OpenedAt   Time         `json:"opened_at"`
	UpdatedAt  Time         `json:"updated_at"`
	Waiting    *WaitingBody `json:"waiting,omitempty" doc:"why nobody has it, or why its owner does not get it yet"`
}

// WaitingBody is why a conversation waits, as of now.
type WaitingBody struct {
	Code    string `json:"code"`
	Summary string `json:"summary"`
}

func (s *Server) conversationBody(c *ledger.ConversationRow, by caller, w *waitingRoom) ConversationBody {
	b := ConversationBody{
		ID: conversation.ID(c.ID), Inbox: c.Inbox, Contact: c.Contact, Kind: c.Kind, Status: c.Status, LastOwner: c.LastOwner, Accepted: c.Accepted,
		AcceptBy: s.maybe(c.AcceptBy), Offered: c.Offered, PassedOver: c.PassedOver, Sequence: c.LastSequence, Answered: c.Answered,
		OpenedAt: s.time(c.OpenedAt), UpdatedAt: s.time(c.UpdatedAt),
	}
	if c.Owner != "" {
		b.Owner = &c.Owner
	}
	if c.WaitingSince != 0 && c.Status == ledger.StatusOpen {
		b.Waiting = w.why(s, c, by.lang)
	}
	return b
}

// waitingRoom decides waiting conversations again on one view of the world, equal ones once.
type waitingRoom struct {
	view  *ledger.View
	now   time.Time
	known map[string]*WaitingBody
}

func (s *Server) waitingRoom() *waitingRoom {
	return &waitingRoom{view: s.o.Ledger.View(), now: s.o.Now(), known: map[string]*WaitingBody{}}
}

func (w *waitingRoom) why(s *Server, c *ledger.ConversationRow, lang string) *WaitingBody {
	key := strings.Join([]string{c.Inbox, c.Kind, c.Owner, strings.Join(c.PassedOver, " ")}, "\x00")
	if b := w.known[key]; b != nil {
		return b
	}
	d := reception.Decide(w.view.Policy.Compile(), w.view, reception.Message{
		Inbox: c.Inbox, Kind: c.Kind, Conversation: &reception.Conversation{ID: conversation.ID(c.ID), Owner: c.Owner, PassedOver: c.PassedOver},
	}, w.now)
	b := &WaitingBody{Code: d.Code.String(), Summary: d.Summary(lang, s.summaryZone())}
	w.known[key] = b
	return b
}

// summaryZone is the zone of times in summaries: UTC is said.
func (s *Server) summaryZone() *time.Location {
	if s.o.Zone.String() == time.UTC.String() {
		return nil
	}
	return s.o.Zone
}

// conversation finds a conversation, open or resolved.
func (s *Server) conversation(ctx context.Context, id int64) (*ledger.ConversationRow, error) {
	if c := s.o.Ledger.OpenConversation(id); c != nil {
		return c, nil
	}
	c, err := s.o.Store.Conversation(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, errNoConversation
	}
	if err != nil {
		return nil, fmt.Errorf("conversation %d: %w", id, err)
	}
	return &c, nil
}

// visible finds a conversation that the caller may see. For any other it says that there is none: that one exists is not everybody's business.
func (s *Server) visible(ctx context.Context, by caller, id string) (*ledger.ConversationRow, error) {
	position, ok := conversation.ParseID('c', id)
	if !ok {
		return nil, errNoConversation
	}
	c, err := s.conversation(ctx, position)
	if err != nil {
		return nil, err
	}
	if ok, err := s.mayView(ctx, by, c); err != nil || !ok {
		return nil, errors.Join(err, errNoConversation)
	}
	return c, nil
}

type (
	// ConversationID names a conversation in the path.
	ConversationID struct {
		ID string `path:"id"`
	}
	conversationOutput  struct{ Body ConversationBody }
	conversationsOutput struct {
		Body struct {
			Conversations []ConversationBody `json:"conversations" doc:"oldest first"`
			Cursor        *string            `json:"cursor" doc:"of the next piece; null at the end"`
		}
	}
)

func (s *Server) listConversations(_ context.Context, by caller, in *struct {
	Page
	State string `query:"state" enum:"open,mine,waiting" default:"open"`
	Inbox string `query:"inbox"`
}) (*conversationsOutput, error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	rows := s.o.Ledger.OpenConversations(func(c *ledger.ConversationRow) bool {
		return c.ID > after && (in.Inbox == "" || c.Inbox == in.Inbox) && (in.State != "mine" || c.Owner == by.account) && (in.State != "waiting" || c.WaitingSince != 0)
	})
	room := s.waitingRoom()
	out := &conversationsOutput{}
	out.Body.Conversations = []ConversationBody{}
	last := after
	for _, c := range rows {
		if len(out.Body.Conversations) == in.Limit {
			cursor := fmt.Sprint(last)
			out.Body.Cursor = &cursor
			break
		}
		last = c.ID
		if ok, _ := s.concerns(by, c); ok {
			out.Body.Conversations = append(out.Body.Conversations, s.conversationBody(c, by, room))
		}
	}
	return out, nil
}

func (s *Server) readConversation(ctx context.Context, by caller, in *ConversationID) (*conversationOutput, error) {
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	return &conversationOutput{Body: s.conversationBody(c, by, s.waitingRoom())}, nil
}

// MessageBody is one message of a conversation.
type MessageBody struct {
	ID          string            `json:"id"`
	Sequence    int64             `json:"sequence"`
	Direction   string            `json:"direction" enum:"in,out,system"`
	Kind        string            `json:"kind"`
	Text        string            `json:"text"`
	SenderID    string            `json:"sender_id,omitempty" doc:"the sender's own id"`
	Contact     string            `json:"contact,omitempty"`
	Author      string            `json:"author,omitempty" doc:"account that wrote it"`
	At          Time              `json:"at"`
	SentAt      *Time             `json:"sent_at,omitempty"`
	State       string            `json:"state,omitempty" doc:"of a reply" enum:"sent,delivered,failed"`
	Attachments []attachment.File `json:"attachments" doc:"read with GET /messages/{id}/attachments/{n}, n from 0"`
}

type messagesOutput struct {
	Body struct {
		Messages []MessageBody `json:"messages" doc:"in sequence"`
		Cursor   *string       `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

func (s *Server) listMessages(ctx context.Context, by caller, in *struct {
	ConversationID
	Page
}) (*messagesOutput, error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	rows, err := s.o.Store.ConversationMessages(ctx, c.ID, after, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("messages of conversation %d: %w", c.ID, err)
	}
	out := &messagesOutput{}
	out.Body.Messages = []MessageBody{}
	for _, m := range rows {
		files, err := attachment.FilesOf(&m)
		if err != nil {
			return nil, err
		}
		out.Body.Messages = append(out.Body.Messages, MessageBody{
			ID: conversation.MessageID(m.Position), Sequence: m.Sequence, Direction: string(m.Direction), Kind: m.Kind, Text: m.Text, SenderID: m.SenderID,
			Contact: m.Contact, Author: m.Author, At: s.time(m.At), SentAt: s.maybe(m.SentAt), State: string(m.ReplyState), Attachments: files,
		})
	}
	out.Body.Cursor = next(rows, in.Limit, func(m ledger.MessageRow) int64 { return m.Sequence })
	return out, nil
}

type replyOutput struct {
	Status int
	Body   struct {
		Message         string `json:"message"`
		Conversation    string `json:"conversation"`
		Sequence        int64  `json:"sequence" doc:"in the conversation"`
		ContactSequence int64  `json:"contact_sequence" doc:"among the replies to this contact"`
		State           string `json:"state" enum:"sent,delivered,failed"`
		At              Time   `json:"at"`
	}
}

func (s *Server) reply(ctx context.Context, by caller, in *struct {
	ConversationID
	Body struct {
		ID          string   `json:"id" doc:"the writer's own, once per conversation"`
		Text        string   `json:"text"`
		Attachments []string `json:"attachments,omitempty" doc:"ids of the caller's uploads, at most 10"`
	} `nameHint:"ReplyInput"`
}) (*replyOutput, error) {
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if err := intake.CheckReply(in.Body.ID, in.Body.Text, in.Body.Attachments); err != nil {
		return nil, err
	}
	cmd := &conversation.Reply{
		Conversation: c.ID, ID: in.Body.ID, Account: by.account, Text: in.Body.Text, Attachments: in.Body.Attachments,
		Digest: digest(append([]string{in.Body.Text}, in.Body.Attachments...)...),
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	m, err := s.o.Store.Message(ctx, cmd.Message)
	if err != nil {
		return nil, fmt.Errorf("reply %d: %w", cmd.Message, err)
	}
	out := &replyOutput{Status: http.StatusCreated}
	if cmd.Duplicate {
		out.Status = http.StatusOK
	}
	b := &out.Body
	b.Message, b.Conversation, b.Sequence = conversation.MessageID(m.Position), conversation.ID(m.Conversation), m.Sequence
	b.ContactSequence, b.State, b.At = m.ContactSequence, string(ledger.ReplySent), s.time(m.At) // as it was answered first
	return out, nil
}

func digest(parts ...string) [16]byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return [16]byte(h.Sum(nil)[:16])
}

// ActID is the body of actions that need nothing else.
type ActID struct {
	ConversationID
	Body *struct {
		ID string `json:"id,omitempty" maxLength:"128" doc:"the caller's own, once per conversation: the action is carried out once"`
	} `nameHint:"ActInput"`
}

func (a *ActID) id() string {
	if a.Body == nil {
		return ""
	}
	return a.Body.ID
}

// act carries an agent's action out, once for each id, and answers with the conversation as it stands.
func (s *Server) act(ctx context.Context, by caller, conversationID, id, what string, command func(conversation int64, others bool) ledger.Command) (*conversationOutput, error) {
	c, err := s.visible(ctx, by, conversationID)
	if err != nil {
		return nil, err
	}
	var cmd = command(c.ID, s.can(by, policy.ConversationViewAll))
	if id != "" {
		if err := intake.CheckReply(id, "-", nil); err != nil {
			return nil, err
		}
		cmd = &once{Command: cmd, ref: ledger.KeyRef{Scope: "act/" + conversation.ID(c.ID), ID: id}, conversation: c.ID, digest: digest(by.account, what)}
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	if c, err = s.conversation(ctx, c.ID); err != nil {
		return nil, err
	}
	return &conversationOutput{Body: s.conversationBody(c, by, s.waitingRoom())}, nil
}

// once carries a command out unless its id was used before, for the same thing.
type once struct {
	ledger.Command
	ref          ledger.KeyRef
	conversation int64
	digest       [16]byte
}

var errUsedID = problem.New(problem.Conflict, "conversation.duplicate_conflict", "This id was used before for something else; nothing was done.", "此 id 已用于另一次操作，本次未执行。").On("/id")

// Keys implements ledger.Keyed.
func (o *once) Keys() []ledger.KeyRef { return []ledger.KeyRef{o.ref} }

// Apply implements ledger.Command.
func (o *once) Apply(tx *ledger.Tx) error {
	used, err := tx.Key(o.ref)
	switch {
	case err != nil:
		return err
	case used != nil && used.Digest != o.digest:
		return errUsedID
	case used != nil:
		return nil
	}
	if err := o.Command.Apply(tx); err != nil {
		return err
	}
	tx.PutKey(ledger.KeyRow{Scope: o.ref.Scope, ID: o.ref.ID, Position: o.conversation, Digest: o.digest, At: tx.Now()})
	return nil
}

func (s *Server) accept(ctx context.Context, by caller, in *ActID) (*conversationOutput, error) {
	return s.act(ctx, by, in.ID, in.id(), "accept", func(id int64, _ bool) ledger.Command {
		return &conversation.Accept{Conversation: id, Account: by.account, By: by.account}
	})
}

func (s *Server) resolve(ctx context.Context, by caller, in *ActID) (*conversationOutput, error) {
	return s.act(ctx, by, in.ID, in.id(), "resolve", func(id int64, others bool) ledger.Command {
		return &conversation.Resolve{Conversation: id, By: by.account, Others: others}
	})
}

func (s *Server) release(ctx context.Context, by caller, in *ActID) (*conversationOutput, error) {
	return s.act(ctx, by, in.ID, in.id(), "release", func(id int64, others bool) ledger.Command {
		return &conversation.GiveBack{Conversation: id, By: by.account, Others: others}
	})
}

func (s *Server) transfer(ctx context.Context, by caller, in *struct {
	ConversationID
	Body struct {
		To string `json:"to" minLength:"1" doc:"account that is to have it"`
		ID string `json:"id,omitempty" maxLength:"128" doc:"the caller's own, once per conversation: the action is carried out once"`
	} `nameHint:"TransferInput"`
}) (*conversationOutput, error) {
	return s.act(ctx, by, in.ID, in.Body.ID, "transfer "+in.Body.To, func(id int64, others bool) ledger.Command {
		return &conversation.Transfer{Conversation: id, To: in.Body.To, By: by.account, Others: others}
	})
}
