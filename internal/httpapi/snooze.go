package httpapi

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
)

func (s *Server) snooze(ctx context.Context, by caller, in *struct {
	ConversationID
	Body struct {
		Until time.Time `json:"until" doc:"to come, and at most 90 days ahead"`
		ID    string    `json:"id,omitempty" maxLength:"128" doc:"the caller's own, once per conversation: the action is carried out once"`
	} `nameHint:"SnoozeInput"`
}) (*conversationOutput, error) {
	what := "snooze " + in.Body.Until.UTC().Format(time.RFC3339Nano)
	return s.act(ctx, by, in.ID, in.Body.ID, what, func(id int64, others bool) ledger.Command {
		return &conversation.Snooze{Conversation: id, Until: in.Body.Until, By: by.account, Others: others}
	})
}

func (s *Server) wake(ctx context.Context, by caller, in *ActID) (*conversationOutput, error) {
	return s.act(ctx, by, in.ID, in.id(), "wake", func(id int64, others bool) ledger.Command {
		return &conversation.Wake{Conversation: id, By: by.account, Others: others}
	})
}
