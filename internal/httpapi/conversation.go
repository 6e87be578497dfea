package httpapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
	ID              string           `json:"id"`
	Inbox           string           `json:"inbox"`
	InboxTitle      string           `json:"inbox_title"`
	Mode            string           `json:"mode" enum:"live,async"`
	Contact         string           `json:"contact" doc:"the contact's id in the inbox"`
	ContactName     string           `json:"contact_name,omitempty"`
	Kind            string           `json:"kind"`
	Status          string           `json:"status" enum:"open,resolved"`
	Owner           *string          `json:"owner" doc:"who has it; null if nobody has"`
	OwnerTitle      string           `json:"owner_title,omitempty"`
	LastOwner       string           `json:"last_owner,omitempty"`
	LastOwnerTitle  string           `json:"last_owner_title,omitempty"`
	LastMessage     *LastMessageBody `json:"last_message,omitempty"`
	Unanswered      int              `json:"unanswered" doc:"messages of the customer since the last reply"`
	UnansweredSince *Time            `json:"unanswered_since,omitempty" doc:"when the first of them came"`
	Accepted        bool             `json:"accepted" doc:"the owner opened or answered it"`
	AcceptBy        *Time            `json:"accept_by,omitempty" doc:"when the accept timeout ends"`
	AnswerBy        *Time            `json:"answer_by,omitempty" doc:"when the answer timeout of its owner ends"`
	ClosesAt        *Time            `json:"closes_at,omitempty" doc:"when it is resolved by itself, if the customer stays silent"`
	SnoozedUntil    *Time            `json:"snoozed_until,omitempty" doc:"until when it is set aside"`
	Offered         []string         `json:"offered,omitempty"`
	PassedOver      []string         `json:"passed_over,omitempty"`
	Sequence        int64            `json:"sequence" doc:"of the last message"`
	Answered        int64            `json:"answered" doc:"sequence up to which nothing is unanswered; 0 before the first reply"`
	OpenedAt        Time             `json:"opened_at"`
	UpdatedAt       Time             `json:"updated_at"`
	Waiting         *WaitingBody     `json:"waiting,omitempty" doc:"why nobody has it, or why its owner does not get it yet"`
	Rating          *RatingBody      `json:"rating,omitempty" doc:"what the customer said of it, once it is resolved"`
}

// RatingBody is what a customer said of a conversation.
type RatingBody struct {
	Score   int    `json:"score" doc:"1 to 5"`
	Comment string `json:"comment,omitempty"`
	At      Time   `json:"at"`
}

// LastMessageBody is the beginning of a conversation's last message.
type LastMessageBody struct {
	Direction string `json:"direction" enum:"in,out,note,system,held" doc:"held: kept back by a filter rule; its text is not shown"`
	Kind      string `json:"kind"`
	Text      string `json:"text" doc:"the first 120 characters; of a line, what happened in few words"`
	Author    string `json:"author,omitempty" doc:"account that wrote it"`
	At        Time   `json:"at"`
}

// WaitingBody is why a conversation waits, as of now.
type WaitingBody struct {
	Code    string `json:"code"`
	Summary string `json:"summary"`
}

// conversationBodies shows conversations, with one read of messages and one of ratings for all of them at most.
func (s *Server) conversationBodies(ctx context.Context, by caller, rows []*ledger.ConversationRow) ([]ConversationBody, error) {
	previews, err := s.previewsOf(ctx, rows)
	if err != nil {
		return nil, err
	}
	ratings, err := s.ratingsOf(ctx, rows)
	if err != nil {
		return nil, err
	}
	room := s.waitingRoom()
	out := make([]ConversationBody, 0, len(rows))
	for _, c := range rows {
		b := s.conversationBody(c, by, room, previews[c.ID])
		b.Rating = ratings[c.ID]
		out = append(out, b)
	}
	return out, nil
}

// ratingsOf reads what customers said of those conversations that are resolved.
func (s *Server) ratingsOf(ctx context.Context, rows []*ledger.ConversationRow) (map[int64]*RatingBody, error) {
	var ids []int64
	for _, c := range rows {
		if c.Status == ledger.StatusResolved {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := s.o.Store.Ratings(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("ratings: %w", err)
	}
	ratings := map[int64]*RatingBody{}
	for _, r := range found {
		ratings[r.Conversation] = &RatingBody{Score: r.Score, Comment: r.Comment, At: s.time(r.At)}
	}
	return ratings, nil
}

func (s *Server) conversationBody(c *ledger.ConversationRow, by caller, w *waitingRoom, p ledger.PreviewRow) ConversationBody {
	b := ConversationBody{
		ID: conversation.ID(c.ID), Inbox: c.Inbox, Contact: c.Contact, ContactName: p.ContactName, Kind: c.Kind, Status: c.Status, LastOwner: c.LastOwner,
		Accepted: c.Accepted, AcceptBy: s.maybe(c.AcceptBy), Offered: c.Offered, PassedOver: c.PassedOver, Sequence: c.LastSequence, Answered: c.Answered,
		Unanswered: p.Unanswered, UnansweredSince: s.maybe(p.Since), OpenedAt: s.time(c.OpenedAt), UpdatedAt: s.time(c.UpdatedAt),
		LastOwnerTitle: titleOf(w.view.Policy, c.LastOwner),
	}
	b.InboxTitle, b.Mode = inboxOf(w.view.Policy, c.Inbox)
	answerBy, closesAt := conversation.TurnEnds(w.view.Policy, c)
	b.AnswerBy, b.ClosesAt, b.SnoozedUntil = s.maybe(answerBy), s.maybe(closesAt), s.maybe(c.SnoozedUntil())
	if c.Owner != "" {
		b.Owner, b.OwnerTitle = &c.Owner, titleOf(w.view.Policy, c.Owner)
	}
	if p.Direction != "" {
		b.LastMessage = &LastMessageBody{Direction: string(p.Direction), Kind: p.Kind, Text: p.Text, Author: p.Author, At: s.time(p.At)}
		if p.Direction == ledger.Internal {
			b.LastMessage.Text = conversation.LineTitle(p.Text, by.lang)
		}
		if p.Direction == ledger.Held { // a list is for those who have it, and this one nobody has
			b.LastMessage.Text = ""
		}
	}
	if c.WaitingSince != 0 && c.Status == ledger.StatusOpen {
		b.Waiting = w.why(s, c, by.lang)
	}
	return b
}

// titleOf is what people see of an account; its name if it has no title or is gone.
func titleOf(p *policy.Set, account string) string {
	if spec, ok := p.Account(account); ok && spec.Title != "" {
		return spec.Title
	}
	return account
}

// inboxOf is what people see of an inbox, and how it is worked.
func inboxOf(p *policy.Set, name string) (title, mode string) {
	spec, ok := p.Inbox(name)
	if !ok {
		return name, "live"
	}
	return cmp.Or(spec.Title, name), cmp.Or(spec.Mode, "live")
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
	key := strings.Join([]string{c.Inbox, c.Kind, c.Owner, strings.Join(c.PassedOver, " "), strconv.FormatInt(c.SnoozedUntil().UnixMicro(), 10)}, "\x00")
	if b := w.known[key]; b != nil {
		return b
	}
	d := reception.Decide(w.view.Policy.Compile(), w.view, reception.Message{
		Inbox: c.Inbox, Kind: c.Kind, Conversation: conversation.Facts(c),
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
			Conversations []ConversationBody `json:"conversations" doc:"oldest first; resolved ones: the last resolved first"`
			Cursor        *string            `json:"cursor" doc:"of the next piece; null at the end"`
			Counts        CountsBody         `json:"counts"`
		}
	}
	// CountsBody counts the open conversations that the caller may see, in all of the inboxes or the one asked about.
	CountsBody struct {
		Mine    int `json:"mine"`
		Waiting int `json:"waiting"`
		Open    int `json:"open"`
	}
)

func (s *Server) listConversations(ctx context.Context, by caller, in *struct {
	Page
	State string `query:"state" enum:"open,mine,waiting,resolved" default:"open"`
	Inbox string `query:"inbox"`
	Owner string `query:"owner" doc:"only open ones that this account has; the counts stay those of all"`
}) (*conversationsOutput, error) {
	position, err := in.position()
	if err != nil {
		return nil, err
	}
	out := &conversationsOutput{}
	var page []*ledger.ConversationRow
	var last int64
	eye := s.onlooker(by)
	for _, c := range s.o.Ledger.OpenConversations(func(c *ledger.ConversationRow) bool { return in.Inbox == "" || c.Inbox == in.Inbox }) {
		if may, _ := eye.concerns(c); !may {
			continue
		}
		listed := out.Body.Counts.add(c, by, in.State) && (in.Owner == "" || c.Owner == in.Owner)
		switch {
		case !listed || c.ID <= position:
		case len(page) < in.Limit:
			page, last = append(page, c), c.ID
		case out.Body.Cursor == nil:
			cursor := fmt.Sprint(last)
			out.Body.Cursor = &cursor
		}
	}
	if in.State == ledger.StatusResolved {
		if page, out.Body.Cursor, err = s.resolved(ctx, by, eye, in.Inbox, position, in.Limit); err != nil {
			return nil, err
		}
	}
	if out.Body.Conversations, err = s.conversationBodies(ctx, by, page); err != nil {
		return nil, err
	}
	return out, nil
}

// add counts an open conversation, and says whether it is one of those with a state.
func (n *CountsBody) add(c *ledger.ConversationRow, by caller, state string) bool {
	mine, waiting := c.Owner == by.account, c.WaitingSince != 0
	n.Open++
	if mine {
		n.Mine++
	}
	if waiting {
		n.Waiting++
	}
	return state == ledger.StatusOpen || state == "mine" && mine || state == "waiting" && waiting
}

// resolved lists resolved conversations: everybody's for who may see those, else those that the caller was the last to have.
func (s *Server) resolved(ctx context.Context, by caller, eye *onlooker, inbox string, before int64, limit int) ([]*ledger.ConversationRow, *string, error) {
	owner := by.account
	if eye.all {
		owner = ""
	}
	rows, err := s.o.Store.ResolvedConversations(ctx, inbox, owner, before, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("resolved conversations: %w", err)
	}
	var page []*ledger.ConversationRow
	for i := range rows {
		if may, _ := eye.concerns(&rows[i]); may {
			page = append(page, &rows[i])
		}
	}
	return page, next(rows, limit, func(c ledger.ConversationRow) int64 { return c.Resolved }), nil
}

func (s *Server) readConversation(ctx context.Context, by caller, in *ConversationID) (*conversationOutput, error) {
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, by, c)
}

// show answers with one conversation.
func (s *Server) show(ctx context.Context, by caller, c *ledger.ConversationRow) (*conversationOutput, error) {
	bodies, err := s.conversationBodies(ctx, by, []*ledger.ConversationRow{c})
	if err != nil {
		return nil, err
	}
	return &conversationOutput{Body: bodies[0]}, nil
}

// MessageBody is one message of a conversation.
type MessageBody struct {
	ID          string            `json:"id"`
	Sequence    int64             `json:"sequence"`
	Direction   string            `json:"direction" enum:"in,out,note,system,held" doc:"held: kept back by a filter rule, with its text only for those who may see it; a note is for colleagues, and system is a line that says what a rule did with the conversation; neither reaches the customer"`
	Kind        string            `json:"kind" doc:"auto_reply: written to the customer by Bida itself, and no answer"`
	Text        string            `json:"text"`
	Code        string            `json:"code,omitempty" doc:"of a line: the reason; its text says it in words"`
	SenderID    string            `json:"sender_id,omitempty" doc:"the sender's own id"`
	Contact     string            `json:"contact,omitempty"`
	Author      string            `json:"author,omitempty" doc:"account that wrote it"`
	AuthorTitle string            `json:"author_title,omitempty"`
	Mentions    []MentionBody     `json:"mentions,omitempty" doc:"of a note: whom it calls"`
	At          Time              `json:"at"`
	SentAt      *Time             `json:"sent_at,omitempty"`
	State       string            `json:"state,omitempty" doc:"of a reply" enum:"sent,delivered,failed"`
	StateAt     *Time             `json:"state_at,omitempty"`
	StateDetail string            `json:"state_detail,omitempty" doc:"the answer of the customer's side, as when it failed"`
	Attachments []attachment.File `json:"attachments" doc:"read with GET /messages/{id}/attachments/{n}, n from 0"`
	Tags        []string          `json:"tags,omitempty" doc:"what filter rules marked it with"`
	AutoReply   *AutoReplyMark    `json:"auto_reply,omitempty" doc:"of an automatic reply: by which rule; left out where Bida asked a silent customer whether it is still there"`
	Quarantine  *QuarantineMark   `json:"quarantine,omitempty" doc:"of a message that a filter rule kept back, released or not"`
}

// MentionBody is a colleague whom a note calls.
type MentionBody struct {
	Account string `json:"account"`
	Title   string `json:"title"`
}

var errBothWays = problem.New(problem.Invalid, "request.invalid", "A cursor reads on and before reads back; give one of them.", "cursor 向后读取，before 向前读取，只能给其中一个。").On("/before")

type messagesOutput struct {
	Body struct {
		Messages []MessageBody `json:"messages" doc:"in sequence, whichever way is read"`
		Cursor   *string       `json:"cursor" doc:"of the next piece; null at the end, or at the beginning when reading back"`
	}
}

func (s *Server) listMessages(ctx context.Context, by caller, in *struct {
	ConversationID
	Page
	Before int64 `query:"before" minimum:"0" doc:"a sequence: the newest messages before it, and the cursor is the next before; any number larger than the last sequence begins at the end"`
}) (*messagesOutput, error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	if in.Before != 0 && in.Cursor != "" {
		return nil, errBothWays
	}
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	var rows []ledger.MessageRow
	out := &messagesOutput{}
	if in.Before != 0 {
		if rows, err = s.o.Store.MessagesBefore(ctx, c.ID, in.Before, in.Limit); err == nil && len(rows) > 0 && rows[0].Sequence > 1 {
			cursor := strconv.FormatInt(rows[0].Sequence, 10)
			out.Body.Cursor = &cursor
		}
	} else {
		rows, err = s.o.Store.ConversationMessages(ctx, c.ID, after, in.Limit)
		out.Body.Cursor = next(rows, in.Limit, func(m ledger.MessageRow) int64 { return m.Sequence })
	}
	if err != nil {
		return nil, fmt.Errorf("messages of conversation %d: %w", c.ID, err)
	}
	out.Body.Messages = make([]MessageBody, 0, len(rows))
	for i := range rows {
		b, err := s.messageBody(&rows[i], by.lang)
		if err != nil {
			return nil, err
		}
		out.Body.Messages = append(out.Body.Messages, b)
	}
	if err := s.markAutomatic(ctx, rows, out.Body.Messages); err != nil {
		return nil, err
	}
	if err := s.markIntercepted(ctx, by, rows, out.Body.Messages); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Server) messageBody(m *ledger.MessageRow, lang string) (MessageBody, error) {
	b := MessageBody{
		ID: conversation.MessageID(m.Position), Sequence: m.Sequence, Direction: string(m.Direction), Kind: m.Kind, Text: m.Text, SenderID: m.SenderID,
		Contact: m.Contact, Author: m.Author, At: s.time(m.At), SentAt: s.maybe(m.SentAt), State: string(m.ReplyState), StateAt: s.maybe(m.ReplyAt), StateDetail: m.ReplyDetail,
		Tags: m.Tags,
	}
	var err error
	if b.Attachments, err = attachment.FilesOf(m); err != nil {
		return b, err
	}
	p := s.o.Ledger.Policy()
	if m.Author != "" {
		b.AuthorTitle = titleOf(p, m.Author)
	}
	switch m.Direction {
	case ledger.Internal:
		b.Code = m.Text
		b.Text, err = conversation.LineWords(m, lang, func(account string) string { return titleOf(p, account) })
		return b, err
	case ledger.Note:
	default:
		return b, nil
	}
	var note ledger.NoteData
	if err := json.Unmarshal(m.Data, &note); err != nil {
		return b, fmt.Errorf("note %d: %w", m.Position, err)
	}
	for _, account := range note.Mentions {
		b.Mentions = append(b.Mentions, MentionBody{Account: account, Title: titleOf(p, account)})
	}
	return b, nil
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
	return s.show(ctx, by, c)
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
