package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// kind is what visitors' messages are unless they say otherwise.
const kind = "customer"

// The states of a visitor's conversation.
const (
	None     = "none"
	Waiting  = "waiting"
	Served   = "served"
	Resolved = "resolved"
)

// State is a visitor's conversation as the visitor sees it.
type State struct {
	Status  string
	Alias   string // outward name of who has the conversation, if there is one
	CanRate bool
	Rated   int    // score of the last resolved conversation, 0 if it was not rated
	Notice  string // while it waits: what is known about it
}

// recent is how many of a contact's conversations are looked at: the newest one, and the newest resolved one. A contact has one open conversation for each
// kind.
const recent = 8

// State tells how a visitor's conversation stands.
func (s *Service) State(ctx context.Context, v Visitor, lang string) (State, error) {
	rows, err := s.o.Reader.ContactConversations(ctx, v.Inbox, v.ID, recent)
	if err != nil {
		return State{}, fmt.Errorf("conversations of a visitor: %w", err)
	}
	out := State{Status: None}
	if resolved := newestResolved(rows); resolved != nil {
		rating, err := s.o.Reader.Rating(ctx, resolved.ID)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return State{}, fmt.Errorf("rating of conversation %d: %w", resolved.ID, err)
		}
		out.Rated, out.CanRate = rating.Score, err != nil || ratingOpen(&rating, s.o.Now())
	}
	if len(rows) == 0 {
		return out, nil
	}
	c := &rows[0]
	switch {
	case c.Status == ledger.StatusResolved:
		out.Status = Resolved
	case c.WaitingSince != 0:
		out.Status = Waiting
		out.Notice, err = s.whyWaiting(ctx, v, c, lang)
	default:
		out.Status = Served
		if c.Owner != "" {
			out.Alias = s.alias(c.Owner)
		}
	}
	return out, err
}

func newestResolved(rows []ledger.ConversationRow) *ledger.ConversationRow {
	for i := range rows {
		if rows[i].Status == ledger.StatusResolved {
			return &rows[i]
		}
	}
	return nil
}

// whyWaiting decides a waiting conversation again, as of now, and says what follows for the visitor.
func (s *Service) whyWaiting(ctx context.Context, v Visitor, c *ledger.ConversationRow, lang string) (string, error) {
	since, err := s.waitsSince(ctx, v)
	if err != nil {
		return "", err
	}
	p, now, view := s.o.Ledger.Policy().Compile(), s.o.Now(), s.o.Ledger.View()
	m := reception.Message{
		Inbox: c.Inbox, Kind: c.Kind, Conversation: conversation.Facts(c),
	}
	d := reception.Decide(p, view, m, now)
	return s.speak(p, view, m, &d, lang).waiting(since), nil
}

// unansweredLook is how far back the first message that nobody answered is looked for.
const unansweredLook = 20

// waitsSince is when the first of the visitor's messages that nobody answered yet came in.
func (s *Service) waitsSince(ctx context.Context, v Visitor) (time.Time, error) {
	rows, err := s.o.Reader.ContactMessagesBefore(ctx, v.Inbox, v.ID, 0, unansweredLook)
	if err != nil {
		return time.Time{}, fmt.Errorf("messages of a visitor: %w", err)
	}
	since := s.o.Now()
	for i := len(rows) - 1; i >= 0 && (rows[i].Direction.FromCustomer() || rows[i].Kind == conversation.KindAutoReply); i-- {
		if rows[i].Direction.FromCustomer() { // an automatic reply is no answer
			since = rows[i].At
		}
	}
	return since, nil
}

// Whether somebody can receive a visitor's message now.
const (
	ReceiveNow     = "now"
	ReceiveLater   = "later"
	ReceiveUnknown = "unknown"
)

// Opening is what somebody who has not written yet is told about an inbox.
type Opening struct {
	Title   string
	Open    bool      // within the inbox's hours
	OpensAt time.Time // when its hours begin again; zero while it is open, and where that is not known
	Receive string    // ReceiveNow, …
	Notice  string    // "" where somebody can receive now
}

// Opening decides on a message that nobody wrote, as any visitor's would be now.
func (s *Service) Opening(inbox, lang string) (Opening, error) {
	spec, err := s.inbox(inbox)
	if err != nil {
		return Opening{}, err
	}
	p, now, view := s.o.Ledger.Policy().Compile(), s.o.Now(), s.o.Ledger.View()
	m := reception.Message{Inbox: inbox, Kind: kind}
	d := reception.Decide(p, view, m, now)
	hours := d.Message[reception.WindowInbox]
	out := Opening{Title: spec.Title, Open: !hours.Outcome.Stops()}
	if out.Title == "" {
		out.Title = inbox
	}
	if hours.Outcome == reception.Wait {
		out.OpensAt = time.UnixMicro(hours.Until).UTC()
	}
	said := s.speak(p, view, m, &d, lang)
	out.Notice = said.opening()
	switch {
	case d.Deliverable():
		out.Receive = ReceiveNow
	case said.reason == notKnown:
		out.Receive = ReceiveUnknown
	default:
		out.Receive = ReceiveLater
	}
	return out, nil
}
