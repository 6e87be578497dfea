package httpapi

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

var errNoInbox = problem.New(problem.NotFound, "intake.unknown_inbox", "There is no such inbox.", "没有这个接待渠道。").On("/inbox")

// ReplyBody is an answer on its way to a customer.
type ReplyBody struct {
	ID           string            `json:"id" doc:"the writer's own id; empty where Bida itself wrote"`
	Message      string            `json:"message"`
	Conversation string            `json:"conversation"`
	Contact      string            `json:"contact"`
	Sequence     int64             `json:"sequence" doc:"among the replies to this contact, from 1"`
	Kind         string            `json:"kind" doc:"of the conversation; auto_reply: Bida itself wrote, and no agent has answered with it"`
	Text         string            `json:"text"`
	Agent        AgentBody         `json:"agent"`
	At           Time              `json:"at"`
	State        string            `json:"state" enum:"sent,delivered,failed"`
	Attachments  []attachment.File `json:"attachments" doc:"read with GET /messages/{message}/attachments/{n}, n from 0"`
}

// AgentBody is an agent as customers see it.
type AgentBody struct {
	Alias string `json:"alias,omitempty" doc:"the outward name, if there is one"`
}

type repliesOutput struct {
	Body struct {
		Replies []ReplyBody `json:"replies"`
		Cursor  string      `json:"cursor" doc:"ask again with it: that says that everything up to here has arrived"`
	}
}

// readMarks remembers up to where each inbox's replies were read, so that polling without news writes nothing.
type readMarks struct {
	mu sync.Mutex
	at map[string]int64
}

func (m *readMarks) beyond(inbox string, position int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return position > m.at[inbox]
}

func (m *readMarks) set(inbox string, position int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]int64{}
	}
	m.at[inbox] = max(m.at[inbox], position)
}

// listReplies is how a source fetches answers. A cursor proves that what lies before it has arrived: that is when replies become delivered.
func (s *Server) listReplies(ctx context.Context, _ caller, in *struct {
	Inbox string `path:"inbox"`
	Page
}) (*repliesOutput, error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	set := s.o.Ledger.Policy()
	if _, ok := set.Inbox(in.Inbox); !ok {
		return nil, errNoInbox
	}
	if after > s.o.Ledger.Position() {
		return nil, errCursor
	}
	if s.replies.beyond(in.Inbox, after) {
		if err := s.o.Ledger.Do(ctx, &conversation.RepliesRead{Inbox: in.Inbox, UpTo: after}); err != nil {
			return nil, err
		}
		s.replies.set(in.Inbox, after)
	}
	rows, err := s.o.Store.Replies(ctx, in.Inbox, after, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("replies of %s: %w", in.Inbox, err)
	}
	out := &repliesOutput{}
	out.Body.Replies = []ReplyBody{}
	for _, m := range ledger.Published(s.o.Ledger, rows, func(m *ledger.MessageRow) int64 { return m.Position }) {
		reply, err := s.replyBody(set, &m)
		if err != nil {
			return nil, err
		}
		out.Body.Replies = append(out.Body.Replies, reply)
		after = m.Position
	}
	out.Body.Cursor = strconv.FormatInt(after, 10)
	return out, nil
}

func (s *Server) replyBody(set *policy.Set, m *ledger.MessageRow) (ReplyBody, error) {
	files, err := attachment.FilesOf(m)
	if err != nil {
		return ReplyBody{}, err
	}
	author, _ := set.Account(m.Author) // who has left has no outward name any more
	return ReplyBody{
		ID: m.SenderID, Message: conversation.MessageID(m.Position), Conversation: conversation.ID(m.Conversation), Contact: m.Contact,
		Sequence: m.ContactSequence, Kind: m.Kind, Text: m.Text, Agent: AgentBody{Alias: author.Alias}, At: s.time(m.At), State: string(m.ReplyState), Attachments: files,
	}, nil
}
