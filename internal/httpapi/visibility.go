package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// can says whether the caller holds a permission now.
func (s *Server) can(by caller, permission string) bool {
	return reception.Can(s.o.Ledger.Policy().Compile(), by.account, permission, s.o.Now())
}

// mayView says whether the caller may see a conversation: everybody's with conversation.view_all; with conversation.view those that it owns and, as long as it
// may have messages of that inbox and kind at all, those that nobody owns yet, those that it owned and those in which it was given a note.
func (s *Server) mayView(ctx context.Context, by caller, c *ledger.ConversationRow) (bool, error) {
	may, entitled := s.concerns(by, c)
	if may || !entitled {
		return may, nil
	}
	rows, err := s.o.Store.AssignmentsOf(ctx, c.ID)
	if err != nil {
		return false, fmt.Errorf("assignments of conversation %d: %w", c.ID, err)
	}
	for _, a := range rows {
		if a.Account == by.account {
			return true, nil
		}
	}
	mentioned, err := s.o.Store.Mentioned(ctx, c.ID, by.account)
	if err != nil {
		return false, fmt.Errorf("notes of conversation %d: %w", c.ID, err)
	}
	return mentioned, nil
}

// concerns is mayView as far as memory knows: a conversation that the caller owned before its last owner is not among them. entitled says whether having owned
// it would make a difference.
func (s *Server) concerns(by caller, c *ledger.ConversationRow) (may, entitled bool) {
	return s.onlooker(by).concerns(c)
}

// onlooker is a caller in front of many conversations: what it may have is asked once for each inbox and kind.
type onlooker struct {
	account   string
	all, some bool
	policy    *reception.Policy
	now       time.Time
	entitled  map[cell]bool
}

type cell struct {
	inbox, kind string
	owner       bool
}

func (s *Server) onlooker(by caller) *onlooker {
	p, now := s.o.Ledger.Policy().Compile(), s.o.Now()
	return &onlooker{
		account: by.account, policy: p, now: now, entitled: map[cell]bool{},
		all: reception.Can(p, by.account, policy.ConversationViewAll, now), some: reception.Can(p, by.account, policy.ConversationView, now),
	}
}

func (o *onlooker) concerns(c *ledger.ConversationRow) (may, entitled bool) {
	switch {
	case o.all:
		return true, true
	case !o.some || !o.mayHave(c):
		return false, false
	}
	return c.Owner == o.account || c.LastOwner == o.account || c.Owner == "" && c.Status == ledger.StatusOpen, true
}

func (o *onlooker) mayHave(c *ledger.ConversationRow) bool {
	k := cell{c.Inbox, c.Kind, c.Owner == o.account}
	may, ok := o.entitled[k]
	if !ok {
		may = !reception.Entitled(o.policy, o.account, c.Inbox, c.Kind, k.owner, o.now).Outcome.Stops()
		o.entitled[k] = may
	}
	return may
}

// mayReadFiles says whether the caller may have the files of a message: whoever may see its conversation and, as it reads replies, a source those of replies.
func (s *Server) mayReadFiles(ctx context.Context, by caller, m *ledger.MessageRow) (bool, error) {
	if m.Direction == ledger.Outbound && s.can(by, policy.ReplyRead) {
		return true, nil
	}
	if m.Conversation == 0 {
		return false, nil
	}
	if m.Direction == ledger.Held {
		return s.can(by, policy.QuarantineView), nil
	}
	c, err := s.conversation(ctx, m.Conversation)
	if err != nil {
		return false, err
	}
	return s.mayView(ctx, by, c)
}

// sight is how much of a message's way a caller may see.
type sight uint8

const (
	sightNone   sight = iota
	sightSender       // its own message as a sender: what became of it, and nothing of single agents
	sightOwn          // as an agent: the stages, and of candidates and deliveries its own
	sightAll
)

// sightOf says how much of a message's way the caller may see. A sender names the message by its own id; numbers that Bida gives out can be guessed.
func (s *Server) sightOf(ctx context.Context, by caller, m *ledger.MessageRow, deliveries []ledger.DeliveryRow, bySender bool) (sight, error) {
	if s.can(by, policy.TraceView) {
		return sightAll, nil
	}
	if s.can(by, policy.ConversationView) {
		for _, d := range deliveries {
			if d.Account == by.account {
				return sightOwn, nil
			}
		}
		if m.Conversation != 0 {
			c, err := s.conversation(ctx, m.Conversation)
			if err != nil {
				return sightNone, err
			}
			if ok, err := s.mayView(ctx, by, c); err != nil || ok {
				return sightOwn, err
			}
		}
	}
	if bySender && s.can(by, policy.MessagePost) {
		return sightSender, nil
	}
	return sightNone, nil
}

// What follows is what an account that may not read the policy is told of its own permissions: what decides and since when, the titles of those who made it
// so and of those who could change it, and which fields of which documents would have to be changed; not their login names, and not what stands there.

// author says who made a change.
func (p *permissionsOf) author(b *SourceBody, by string) {
	b.By = by
	if spec, ok := p.set.Account(by); ok {
		b.ByTitle = spec.Title
	}
	if p.whole || by == p.by.account || by == byRule {
		return
	}
	if b.By = ""; b.ByTitle == "" {
		b.ByTitle = p.pick("a colleague", "同事")
	}
}

// byRule is who acts when a rule, or the start of the program, does.
const byRule = "system"

// named is how another account is named; ok is false where it cannot be.
func (p *permissionsOf) named(account string) (b NamedBody, ok bool) {
	spec, _ := p.set.Account(account)
	b = NamedBody{Name: account, Title: spec.Title}
	if !p.whole && account != p.by.account {
		b.Name = ""
	}
	return b, b.Name != "" || b.Title != ""
}

// mayKnow says whether the caller may be told of a flip: which roles others have, and what they grant, is not for everybody.
func (p *permissionsOf) mayKnow(f policy.Flip) bool {
	return p.whole || !slices.ContainsFunc(f.Steps, func(x policy.FlipStep) bool { return x.Action == policy.FlipGiveRole })
}

// shown is an edit as the caller may see it.
func (p *permissionsOf) shown(e diagnosis.Edit) diagnosis.Edit {
	if p.whole {
		return e
	}
	fields := make([]policy.FieldChange, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = policy.FieldChange{Path: f.Path}
	}
	e.Spec, e.Fields = nil, fields
	return e
}
