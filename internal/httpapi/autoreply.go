package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// AutoReplyMark says in a thread which rule wrote an automatic reply.
type AutoReplyMark struct {
	Rule  string `json:"rule" doc:"name of the document"`
	Title string `json:"title"`
	On    string `json:"on" enum:"welcome,off_hours,queue,keyword"`
}

// AutoReplyBody is what became of an automatic reply that was due.
type AutoReplyBody struct {
	AutoReplyMark
	Outcome  string `json:"outcome" enum:"sent,repeated,preceded,robot" doc:"repeated: the customer has it already; preceded: another one before it took the occasion; robot: a robot has the conversation"`
	Says     string `json:"says" doc:"the outcome as a sentence"`
	Message  string `json:"message,omitempty" doc:"that it wrote"`
	Answers  string `json:"answers,omitempty" doc:"the customer's message that it is about; left out where a conversation began to wait again"`
	Revision int64  `json:"revision" doc:"of the policy by which it was"`
}

func autoReplyMark(set *policy.Set, r *ledger.AutoReplyRow) AutoReplyMark {
	m := AutoReplyMark{Rule: r.Rule, Title: r.Rule, On: r.Occasion}
	if spec, ok := set.AutoReply(r.Rule); ok && spec.Title != "" {
		m.Title = spec.Title
	}
	return m
}

var occasionWords = map[policy.Occasion][2]string{
	policy.OnWelcome:  {"会话开始", "The conversation opened"},
	policy.OnOffHours: {"渠道不在营业时间", "The inbox was outside its hours"},
	policy.OnQueue:    {"会话开始等待客服", "The conversation began to wait for somebody"},
	policy.OnKeyword:  {"消息含有关键词", "The message had a keyword in it"},
}

var autoReplyWords = map[ledger.AutoReplyOutcome][2]string{
	ledger.AutoReplySent:     {"已发出。", ": it was written."},
	ledger.AutoReplyRepeated: {"未发出：客户已收到过。", ": it was not written, because the customer has it already."},
	ledger.AutoReplyPreceded: {"未发出：排在前面的另一条自动回复已处理。", ": it was not written, because another one before it took the occasion."},
	ledger.AutoReplyRobot:    {"未发出：会话由机器人接待，由它自己回复。", ": it was not written, because a robot has the conversation and answers itself."},
}

func autoReplySays(r *ledger.AutoReplyRow, lang string) string {
	occasion, outcome := occasionWords[policy.Occasion(r.Occasion)], autoReplyWords[r.Outcome]
	if lang == "en" {
		return occasion[1] + outcome[1]
	}
	return occasion[0] + "，" + outcome[0]
}

// markAutomatic says of the automatic replies among the messages of a thread which rule wrote them.
func (s *Server) markAutomatic(ctx context.Context, rows []ledger.MessageRow, bodies []MessageBody) error {
	var replies []int64
	for i := range rows {
		if rows[i].Kind == conversation.KindAutoReply {
			replies = append(replies, rows[i].Position)
		}
	}
	if len(replies) == 0 {
		return nil
	}
	records, err := s.o.Store.AutoRepliesBehind(ctx, replies)
	if err != nil {
		return fmt.Errorf("automatic replies: %w", err)
	}
	for i := range records {
		at := slices.IndexFunc(rows, func(m ledger.MessageRow) bool { return m.Position == records[i].Reply })
		mark := autoReplyMark(s.o.Ledger.Policy(), &records[i])
		bodies[at].AutoReply = &mark
	}
	return nil
}

// autoReplies adds what became of the automatic replies that the message was an occasion for, or the record of the one that the message is.
func (t *tracer) autoReplies() error {
	if t.see == sightSender { // how the house answers is nothing for who sends
		return nil
	}
	read := t.s.o.Store.AutoRepliesFor
	if t.m.Kind == conversation.KindAutoReply {
		read = t.s.o.Store.AutoRepliesBehind
	}
	rows, err := read(t.ctx, []int64{t.m.Position})
	if err != nil {
		return fmt.Errorf("automatic replies of message %d: %w", t.m.Position, err)
	}
	order := t.s.o.Ledger.Policy().AutoReplyNames()
	slices.SortFunc(rows, func(a, b ledger.AutoReplyRow) int { // as they were gone through, as far as the replies that are on now tell
		return cmp.Or(cmp.Compare(slices.Index(order, a.Rule), slices.Index(order, b.Rule)), cmp.Compare(a.Rule, b.Rule))
	})
	for i := range rows {
		r := &rows[i]
		b := AutoReplyBody{AutoReplyMark: autoReplyMark(t.s.o.Ledger.Policy(), r), Outcome: string(r.Outcome), Says: autoReplySays(r, t.by.lang), Revision: r.Revision}
		if r.Reply != 0 {
			b.Message = conversation.MessageID(r.Reply)
		}
		if r.Message != r.Reply {
			b.Answers = conversation.MessageID(r.Message)
		}
		t.body.AutoReplies = append(t.body.AutoReplies, b)
	}
	return nil
}
