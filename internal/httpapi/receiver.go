package httpapi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// ReceiverBody is an agent to whom a conversation could be handed.
type ReceiverBody struct {
	Account  string `json:"account"`
	Title    string `json:"title"`
	Can      bool   `json:"can" doc:"a transfer to this agent would be carried out now"`
	Code     string `json:"code,omitempty" doc:"why it would not; or, if it would, what stands against it all the same: a limit, a window"`
	Reason   string `json:"reason,omitempty"`
	Until    *Time  `json:"until,omitempty" doc:"when the reason ends, if it is known"`
	Load     int    `json:"load" doc:"conversations the agent has now: live ones, or those of this inbox if it is async"`
	Presence string `json:"presence" enum:"available,away,dnd,offline"`
}

type receiversOutput struct {
	Body struct {
		Receivers []ReceiverBody `json:"receivers" doc:"the inbox's members without the owner: first who can and has least to do"`
	}
}

// listReceivers evaluates the members of a conversation's inbox with the gates of a transfer.
func (s *Server) listReceivers(ctx context.Context, by caller, in *ConversationID) (*receiversOutput, error) {
	c, err := s.visible(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	out := &receiversOutput{}
	out.Body.Receivers = []ReceiverBody{}
	view := s.o.Ledger.View()
	inbox := view.Policy.Compile().Inboxes[c.Inbox]
	if inbox == nil {
		return out, nil
	}
	for i := range inbox.Members {
		if account := inbox.Members[i].Account; account != c.Owner {
			out.Body.Receivers = append(out.Body.Receivers, s.receiver(view, inbox, c, account, by.lang))
		}
	}
	slices.SortStableFunc(out.Body.Receivers, func(a, b ReceiverBody) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Load, b.Load))
	})
	return out, nil
}

func (s *Server) receiver(view *ledger.View, inbox *reception.Inbox, c *ledger.ConversationRow, account, lang string) ReceiverBody {
	facts := view.Agent(account)
	b := ReceiverBody{Account: account, Title: titleOf(view.Policy, account), Load: facts.Live, Presence: facts.Presence.Value.String()}
	if inbox.Mode == reception.Async {
		b.Load = facts.Share(c.Inbox).Load
	}
	v := reception.Explain(view.Policy.Compile(), view, c.Inbox, c.Kind, account, s.o.Now())
	gate, ok := conversation.HandOver(&v)
	b.Can = ok
	if gate != reception.GateCount {
		cell := v[gate]
		b.Code, b.Reason = cell.Code.String(), reception.Lookup(cell.Code).Title.In(lang)
		if cell.Until != 0 {
			b.Until = s.maybe(time.UnixMicro(cell.Until))
		}
	}
	return b
}

// rank puts those who can before those who could at a stretch, and both before those who cannot.
func rank(b ReceiverBody) int {
	switch {
	case b.Can && b.Code == "":
		return 0
	case b.Can:
		return 1
	}
	return 2
}
