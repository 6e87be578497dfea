package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// TellingBody is a colleague whom a note was for, and whether it reaches them.
type TellingBody struct {
	Account string `json:"account"`
	Title   string `json:"title"`
	Told    bool   `json:"told" doc:"it is in their list"`
	Code    string `json:"code,omitempty" doc:"why it is not"`
	Reason  string `json:"reason,omitempty"`
}

type noteOutput struct {
	Status int
	Body   struct {
		Message      string        `json:"message"`
		Conversation string        `json:"conversation"`
		Sequence     int64         `json:"sequence" doc:"in the conversation"`
		At           Time          `json:"at"`
		To           []TellingBody `json:"to" doc:"the owner and those mentioned, without the author"`
	}
}

// mostMentions is how many colleagues a note calls at most.
const mostMentions = 20

func (s *Server) note(ctx context.Context, by caller, in *struct {
	ConversationID
	Body struct {
		ID          string   `json:"id" doc:"the writer's own, once per conversation"`
		Text        string   `json:"text"`
		Mentions    []string `json:"mentions,omitempty" doc:"accounts of colleagues that the note calls, at most 20"`
		Attachments []string `json:"attachments,omitempty" doc:"ids of the caller's uploads, at most 10"`
	} `nameHint:"NoteInput"`
}) (*noteOutput, error) {
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if err := intake.CheckReply(in.Body.ID, in.Body.Text, in.Body.Attachments); err != nil {
		return nil, err
	}
	mentions, err := s.mentions(in.Body.Mentions)
	if err != nil {
		return nil, err
	}
	cmd := &conversation.Note{
		Conversation: c.ID, ID: in.Body.ID, Account: by.account, Text: in.Body.Text, Mentions: mentions, Attachments: in.Body.Attachments,
		Digest: digest(slices.Concat([]string{by.account, in.Body.Text, strconv.Itoa(len(mentions))}, mentions, in.Body.Attachments)...),
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	m, err := s.o.Store.Message(ctx, cmd.Message)
	if err != nil {
		return nil, fmt.Errorf("note %d: %w", cmd.Message, err)
	}
	out := &noteOutput{Status: http.StatusCreated}
	if cmd.Duplicate {
		out.Status = http.StatusOK
	}
	b := &out.Body
	b.Message, b.Conversation, b.Sequence, b.At = conversation.MessageID(m.Position), conversation.ID(m.Conversation), m.Sequence, s.time(m.At)
	b.To, err = s.tellings(ctx, by, &m)
	return out, err
}

// mentions checks whom a note calls, and puts them in order, each once.
func (s *Server) mentions(accounts []string) ([]string, error) {
	if len(accounts) > mostMentions {
		return nil, problem.New(problem.Invalid, "conversation.invalid", "A note calls at most "+strconv.Itoa(mostMentions)+" colleagues.", "一条备注最多提醒 "+strconv.Itoa(mostMentions)+" 位同事。").On("/mentions")
	}
	for i, a := range accounts {
		if _, err := s.account(a); err != nil {
			return nil, problem.New(problem.Invalid, "conversation.invalid", "There is no such account.", "没有这个账号。").On("/mentions/" + strconv.Itoa(i))
		}
	}
	list := slices.Clone(accounts)
	slices.Sort(list)
	return slices.Compact(list), nil
}

// tellings says what was decided about a note, for each whom it was for.
func (s *Server) tellings(ctx context.Context, by caller, m *ledger.MessageRow) ([]TellingBody, error) {
	content, err := s.o.Store.Outcomes(ctx, m.Decision.Outcomes)
	if err != nil {
		return nil, fmt.Errorf("outcomes of note %d: %w", m.Position, err)
	}
	d, err := intake.Decision(m.Decision, m.Kind, content)
	if err != nil {
		return nil, err
	}
	p := s.o.Ledger.Policy()
	list := []TellingBody{}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		t := TellingBody{Account: c.Account, Title: titleOf(p, c.Account), Told: slices.Contains(d.Chosen, c.Account)}
		if !t.Told {
			code := c.Withheld()
			t.Code, t.Reason = code.String(), reception.Lookup(code).Title.In(by.lang)
		}
		list = append(list, t)
	}
	return list, nil
}
