package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errNotHeld = problem.New(problem.NotFound, "quarantine.not_found", "No filter rule kept such a message back.", "没有被拦截的这条消息。").On("/id")

// InterceptedBody is a message that a filter rule kept back or refused.
type InterceptedBody struct {
	Message       string            `json:"message" doc:"Bida's id"`
	State         string            `json:"state" enum:"held,released,rejected"`
	Inbox         string            `json:"inbox"`
	InboxTitle    string            `json:"inbox_title,omitempty"`
	Kind          string            `json:"kind"`
	Contact       string            `json:"contact" doc:"the contact's id in the inbox"`
	SenderID      string            `json:"sender_id" doc:"the sender's own id"`
	Conversation  string            `json:"conversation,omitempty" doc:"of a rejected one there is none"`
	Sequence      int64             `json:"sequence,omitempty"`
	Text          string            `json:"text"`
	Attachments   []attachment.File `json:"attachments"`
	Tags          []string          `json:"tags"`
	At            Time              `json:"at"`
	Rule          RuleBody          `json:"rule" doc:"as it was then"`
	ReleasedBy    string            `json:"released_by,omitempty"`
	ReleasedTitle string            `json:"released_by_title,omitempty"`
	ReleasedAt    *Time             `json:"released_at,omitempty"`
}

// RuleBody is a filter rule that took a message.
type RuleBody struct {
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Action   string    `json:"action,omitempty" enum:"allow,tag,quarantine,reject"`
	Reason   string    `json:"reason,omitempty"`
	Revision int64     `json:"revision,omitempty" doc:"that last changed it before"`
	By       string    `json:"by,omitempty" doc:"who made it so"`
	ByTitle  string    `json:"by_title,omitempty"`
	At       *Time     `json:"at,omitempty" doc:"when"`
	Hits     []HitBody `json:"hits" doc:"why it matched; empty in lists"`
}

// HitBody is one reason why a rule matches.
type HitBody struct {
	How   string `json:"how" enum:"keyword,pattern,sender,expression,exempt" doc:"exempt: the sender is one that the rule never takes"`
	Term  string `json:"term" doc:"the keyword, pattern, sender or expression, as the rule writes it"`
	Start int    `json:"start" doc:"the first character of the text that it stands for, from 0"`
	End   int    `json:"end" doc:"the character after the last one; 0 where it is about no place in the text"`
}

func hitBodies(hits []filter.Hit) []HitBody {
	list := make([]HitBody, 0, len(hits))
	for _, h := range hits {
		list = append(list, HitBody{How: string(h.How), Term: h.Term, Start: h.Start, End: h.End})
	}
	return list
}

// ruleAt is a filter rule as it was at a revision, with who made it so. Of one that cannot be found its name is known.
func (s *Server) ruleAt(ctx context.Context, name string, revision int64) (RuleBody, *policy.FilterSpec, error) {
	b := RuleBody{Name: name, Hits: []HitBody{}}
	set, err := s.policyAt(ctx, revision)
	if err != nil {
		return b, nil, err
	}
	spec, ok := set.Filter(name)
	if !ok {
		return b, nil, nil
	}
	d, _ := set.Get(policy.KindFilter, name)
	b.Title, b.Action, b.Reason, b.Revision = spec.Title, spec.Action, spec.Reason, d.Revision
	made, err := s.o.Store.Revision(ctx, d.Revision)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return b, nil, fmt.Errorf("revision %d: %w", d.Revision, err)
	}
	if err == nil {
		b.By, b.ByTitle, b.At = made.By, titleOf(s.o.Ledger.Policy(), made.By), s.maybe(made.At)
	}
	return b, &spec, nil
}

// contactName is what a contact is called; "" where that is not known.
func (s *Server) contactName(ctx context.Context, inbox, id string) (string, error) {
	c, err := s.o.Store.Contact(ctx, inbox, id)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return "", fmt.Errorf("contact: %w", err)
	}
	return c.Name, nil
}

// matchOf says why a rule took a message.
func (s *Server) matchOf(ctx context.Context, m *ledger.MessageRow, rule string, revision int64) (RuleBody, error) {
	b, spec, err := s.ruleAt(ctx, rule, revision)
	if err != nil || spec == nil {
		return b, err
	}
	name, err := s.contactName(ctx, m.Inbox, m.Contact)
	if err != nil {
		return b, err
	}
	in, err := conversation.FilterInput(m, name)
	if err != nil {
		return b, err
	}
	b.Hits = hitBodies(spec.Hits(&in))
	return b, nil
}

func (s *Server) interceptedBody(m *ledger.MessageRow, q *ledger.QuarantineRow) (InterceptedBody, error) {
	p := s.o.Ledger.Policy()
	title, _ := inboxOf(p, q.Inbox)
	files, err := attachment.FilesOf(m)
	b := InterceptedBody{
		Message: conversation.MessageID(m.Position), State: string(q.State), Inbox: q.Inbox, InboxTitle: title, Kind: q.Kind, Contact: m.Contact, SenderID: m.SenderID,
		Sequence: m.Sequence, Text: m.Text, Attachments: files, Tags: orEmpty(m.Tags), At: s.time(q.At), ReleasedBy: q.ReleasedBy, ReleasedAt: s.maybe(q.ReleasedAt),
		Rule: RuleBody{Name: q.Rule, Hits: []HitBody{}},
	}
	if q.Conversation != 0 {
		b.Conversation = conversation.ID(q.Conversation)
	}
	if q.ReleasedBy != "" {
		b.ReleasedTitle = titleOf(p, q.ReleasedBy)
	}
	if spec, ok := p.Filter(q.Rule); ok {
		b.Rule.Title = spec.Title
	}
	return b, err
}

type (
	interceptedOutput     struct{ Body InterceptedBody }
	interceptedListOutput struct {
		Body struct {
			Messages []InterceptedBody `json:"messages" doc:"newest first"`
			Cursor   *string           `json:"cursor" doc:"of the next piece; null at the end"`
		}
	}
	// MessageID names a message in the path.
	MessageID struct {
		ID string `path:"id" doc:"a message's id, m…"`
	}
)

func (s *Server) listIntercepted(ctx context.Context, _ caller, in *struct {
	Page
	State string `query:"state" enum:"held,released,rejected" default:"held"`
	Inbox string `query:"inbox" doc:"of this inbox only"`
	Rule  string `query:"rule" doc:"by this rule only"`
}) (*interceptedListOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	rows, err := s.o.Store.Quarantine(ctx, ledger.QuarantineQuery{
		State: ledger.QuarantineState(in.State), Inbox: in.Inbox, Rule: in.Rule, Before: before, Limit: in.Limit,
	})
	if err != nil {
		return nil, fmt.Errorf("quarantine: %w", err)
	}
	out := &interceptedListOutput{}
	out.Body.Messages = []InterceptedBody{}
	for i := range rows {
		m, err := s.o.Store.Message(ctx, rows[i].Message)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", rows[i].Message, err)
		}
		b, err := s.interceptedBody(&m, &rows[i])
		if err != nil {
			return nil, err
		}
		out.Body.Messages = append(out.Body.Messages, b)
	}
	out.Body.Cursor = next(rows, in.Limit, func(q ledger.QuarantineRow) int64 { return q.Message })
	return out, nil
}

// intercepted finds a message that a rule did not let through, with the record of it.
func (s *Server) intercepted(ctx context.Context, id string) (*ledger.MessageRow, *ledger.QuarantineRow, error) {
	position, ok := conversation.ParseID('m', id)
	if !ok {
		return nil, nil, errNotHeld
	}
	rows, err := s.o.Store.QuarantineOf(ctx, []int64{position})
	if err != nil {
		return nil, nil, fmt.Errorf("quarantine of message %d: %w", position, err)
	}
	if len(rows) == 0 {
		return nil, nil, errNotHeld
	}
	m, err := s.o.Store.Message(ctx, position)
	if err != nil {
		return nil, nil, fmt.Errorf("message %d: %w", position, err)
	}
	return &m, &rows[0], nil
}

func (s *Server) readIntercepted(ctx context.Context, _ caller, in *MessageID) (*interceptedOutput, error) {
	m, q, err := s.intercepted(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.showIntercepted(ctx, m, q)
}

func (s *Server) showIntercepted(ctx context.Context, m *ledger.MessageRow, q *ledger.QuarantineRow) (*interceptedOutput, error) {
	b, err := s.interceptedBody(m, q)
	if err != nil {
		return nil, err
	}
	if b.Rule, err = s.matchOf(ctx, m, q.Rule, q.Revision); err != nil {
		return nil, err
	}
	return &interceptedOutput{Body: b}, nil
}

// releaseMessage lets a held message through. Repeated, it changes nothing.
func (s *Server) releaseMessage(ctx context.Context, by caller, in *MessageID) (*interceptedOutput, error) {
	m, _, err := s.intercepted(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	release := &conversation.Release{Message: m.Position, Sequence: m.Sequence, By: by.account}
	if err := s.o.Ledger.Do(ctx, release); err != nil {
		return nil, err
	}
	s.previews.forget(m.Conversation)
	return s.showIntercepted(ctx, m, &release.Quarantine)
}

// ProposalBody is a change of a rule after which it takes a message no more.
type ProposalBody struct {
	Words    string               `json:"words" doc:"what it does"`
	Document Document             `json:"document" doc:"to be written with PUT /policy/documents/filter/{name}; its revision is the If-Match"`
	Fields   []policy.FieldChange `json:"fields" doc:"what it changes"`
	After    FilteringBody        `json:"after" doc:"what the rules then make of the message"`
}

type notSpamOutput struct {
	Body struct {
		Rule      string         `json:"rule"`
		Proposals []ProposalBody `json:"proposals" doc:"each was tried on the message; the narrowest comes first. Empty where there is none but to edit the rule by hand"`
	}
}

func (s *Server) notSpam(ctx context.Context, by caller, in *MessageID) (*notSpamOutput, error) {
	m, q, err := s.intercepted(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	name, err := s.contactName(ctx, m.Inbox, m.Contact)
	if err != nil {
		return nil, err
	}
	input, err := conversation.FilterInput(m, name)
	if err != nil {
		return nil, err
	}
	set := s.o.Ledger.Policy()
	out := &notSpamOutput{}
	out.Body.Rule, out.Body.Proposals = q.Rule, []ProposalBody{}
	for _, p := range set.NotSpam(q.Rule, input) {
		out.Body.Proposals = append(out.Body.Proposals, ProposalBody{
			Words: pick(by.lang, p.EN, p.ZH), Fields: p.Fields, After: filteringBody(p.After),
			Document: Document{Kind: p.Edit.Kind, Name: p.Edit.Name, Spec: Object(p.Edit.Spec), Revision: set.Revision()},
		})
	}
	return out, nil
}

// QuarantineMark says of a message in a thread what a filter rule did with it.
type QuarantineMark struct {
	State         string `json:"state" enum:"held,released"`
	Rule          string `json:"rule"`
	RuleTitle     string `json:"rule_title,omitempty"`
	ReleasedBy    string `json:"released_by,omitempty"`
	ReleasedTitle string `json:"released_by_title,omitempty"`
	ReleasedAt    *Time  `json:"released_at,omitempty"`
}

// markIntercepted marks the messages of a thread that were kept back. What is still held is hidden from whoever may not see it: only its place is shown.
func (s *Server) markIntercepted(ctx context.Context, by caller, rows []ledger.MessageRow, bodies []MessageBody) error {
	var ids []int64
	for i := range rows {
		if d := rows[i].Decision; d != nil && d.Verdict == reception.Quarantined.String() {
			ids = append(ids, rows[i].Position)
		}
		if rows[i].Direction == ledger.Held && !s.can(by, policy.QuarantineView) {
			bodies[i].Text, bodies[i].Attachments, bodies[i].Tags = "", []attachment.File{}, nil
		}
	}
	if len(ids) == 0 {
		return nil
	}
	records, err := s.o.Store.QuarantineOf(ctx, ids)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	p := s.o.Ledger.Policy()
	for _, q := range records {
		for i := range rows {
			if rows[i].Position != q.Message {
				continue
			}
			spec, _ := p.Filter(q.Rule)
			mark := &QuarantineMark{State: string(q.State), Rule: q.Rule, RuleTitle: spec.Title, ReleasedBy: q.ReleasedBy, ReleasedAt: s.maybe(q.ReleasedAt)}
			if q.ReleasedBy != "" {
				mark.ReleasedTitle = titleOf(p, q.ReleasedBy)
			}
			bodies[i].Quarantine = mark
		}
	}
	return nil
}
