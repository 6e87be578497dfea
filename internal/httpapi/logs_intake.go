package httpapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// notSubmitted is the state of a request that was refused: there is no message.
const notSubmitted = "not_submitted"

// IntakeRow is a message that came in, or a request that was refused. Nothing of a text.
type IntakeRow struct {
	At           Time     `json:"at" doc:"when it was stored, or refused"`
	State        string   `json:"state" enum:"not_submitted,intercepted,lost,delivered,waiting,unknown"`
	Message      string   `json:"message,omitempty" doc:"none if it was refused"`
	Conversation string   `json:"conversation,omitempty"`
	Inbox        string   `json:"inbox,omitempty"`
	InboxTitle   string   `json:"inbox_title,omitempty"`
	Kind         string   `json:"kind,omitempty" doc:"of a refused request it is not kept"`
	SenderID     string   `json:"sender_id,omitempty"`
	Result       string   `json:"result" enum:"routed,offered,waiting,quarantined,rejected,refused" doc:"what was decided when it came in"`
	Code         string   `json:"code,omitempty"`
	Words        string   `json:"words,omitempty" doc:"the code in the caller's language"`
	Agents       []string `json:"agents" doc:"in whose list it lies, or lay"`
	Account      string   `json:"account,omitempty" doc:"who made a refused request, if that is known"`
	Field        string   `json:"field,omitempty" doc:"what was wrong with it"`
	Detail       string   `json:"detail,omitempty"`

	when time.Time
}

// IntakeFilter is what the intake log can be asked for.
type IntakeFilter struct {
	Period
	State string `query:"state" enum:"not_submitted,intercepted,lost,delivered,waiting,unknown" doc:"not_submitted: refused, there is no message. intercepted: held or refused by a filter rule. lost: taken in, and nobody received it who should have. delivered: a client of an agent has it, or an agent answered. waiting: for somebody who can receive. unknown: it cannot be told"`
	Inbox string `query:"inbox" doc:"of this inbox only"`
	Kind  string `query:"kind" doc:"of this kind only; refused requests are left out, theirs is not kept"`
	Agent string `query:"agent" doc:"what was put into this agent's list only; refused requests are left out"`
}

type intakeLogOutput struct {
	Body struct {
		Rows []IntakeRow `json:"rows" doc:"newest first"`
		LogEnd
		MessagesWithheld bool `json:"messages_withheld,omitempty" doc:"only refused requests are shown: messages need the permission trace.view"`
	}
}

func (s *Server) intakeLogPage(ctx context.Context, by caller, in *struct {
	IntakeFilter
	LogPage
}) (*intakeLogOutput, error) {
	rows, end, err := s.readIntake(ctx, by, &in.IntakeFilter, in.LogPage)
	if err != nil {
		return nil, err
	}
	out := &intakeLogOutput{}
	out.Body.Rows, out.Body.LogEnd, out.Body.MessagesWithheld = rows, end, !s.can(by, policy.TraceView)
	return out, nil
}

// intakeReader goes back through two logs at once: that of messages, which have positions, and that of refused requests, which have numbers of their own.
type intakeReader struct {
	s        *Server
	ctx      context.Context
	by       caller
	f        *IntakeFilter
	limit    int
	messages *walk
	refused  int64 // number of the last refused request that was shown; 0 for none, 1 when there are no more
	lang     string
}

func (s *Server) readIntake(ctx context.Context, by caller, f *IntakeFilter, page LogPage) ([]IntakeRow, LogEnd, error) {
	span, err := s.logSpan(ctx, f.Period)
	if err != nil {
		return nil, LogEnd{}, err
	}
	size := int64(wideSpan)
	if f.State != "" && f.State != string(diagnosis.ReachIntercepted) || f.Agent != "" {
		size = narrowSpan
	}
	r := &intakeReader{s: s, ctx: ctx, by: by, f: f, limit: page.Limit, messages: newWalk(span, size), lang: by.lang}
	if err := r.resume(page.Cursor); err != nil {
		return nil, LogEnd{}, err
	}
	if f.State == notSubmitted || !s.can(by, policy.TraceView) {
		r.messages.looked(r.messages.whole.After)
	}
	if f.State != "" && f.State != notSubmitted || f.Kind != "" || f.Agent != "" {
		r.refused = 1
	}
	return r.page()
}

// resume reads a cursor: m<position>r<number>.
func (r *intakeReader) resume(cursor string) error {
	if cursor == "" {
		return nil
	}
	position, number, ok := strings.Cut(strings.TrimPrefix(cursor, "m"), "r")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || cursor[0] != 'm' || err != nil || n < 0 || position == "" {
		return errCursor
	}
	r.refused = n
	return r.messages.resume(position)
}

func (r *intakeReader) page() ([]IntakeRow, LogEnd, error) {
	messages, positions, err := r.readMessages()
	if err != nil {
		return nil, LogEnd{}, err
	}
	refusals, ids, err := r.readRefusals()
	if err != nil {
		return nil, LogEnd{}, err
	}
	// What is older than this is not known of messages yet.
	var known time.Time
	if !r.messages.over() {
		if known, err = r.s.o.Store.InstantOf(r.ctx, r.messages.whole.UpTo); err != nil {
			return nil, LogEnd{}, fmt.Errorf("instant of position %d: %w", r.messages.whole.UpTo, err)
		}
	}
	rows := []IntakeRow{}
	m, n := 0, 0
	for len(rows) < r.limit {
		if m < len(messages) && (n == len(refusals) || !messages[m].when.Before(refusals[n].when)) {
			rows = append(rows, messages[m])
			m++
		} else if n < len(refusals) && !refusals[n].when.Before(known) {
			rows = append(rows, refusals[n])
			n++
		} else {
			break
		}
	}
	if m < len(messages) {
		r.messages.looked(positions[m])
	}
	if n == len(refusals) && n < r.limit {
		r.refused = 1
	} else if n > 0 {
		r.refused = ids[n-1]
	}
	return r.finish(rows)
}

func (r *intakeReader) finish(rows []IntakeRow) ([]IntakeRow, LogEnd, error) {
	if r.messages.over() && r.refused == 1 {
		return rows, LogEnd{}, nil
	}
	cursor := fmt.Sprintf("m%sr%d", r.messages.cursor(), r.refused)
	end, err := r.s.logEnd(r.ctx, r.messages, cursor)
	if err != nil {
		return nil, LogEnd{}, err
	}
	if end.Cursor == nil { // only refused requests are left
		end.Cursor = &cursor
		if len(rows) > 0 {
			end.SearchedTo = r.s.maybe(rows[len(rows)-1].when)
		}
	}
	return rows, end, nil
}

// readMessages reads as many messages as a page has, with their positions, and notes how far it looked.
func (r *intakeReader) readMessages() (rows []IntakeRow, positions []int64, err error) {
	q := ledger.MessageLogQuery{Inbox: r.f.Inbox, Kind: r.f.Kind, Agent: r.f.Agent, Limit: r.limit}
	switch diagnosis.Reach(r.f.State) {
	case diagnosis.ReachIntercepted:
		q.Directions = []ledger.Direction{ledger.Held, ledger.Refused}
	case diagnosis.ReachDelivered:
		q.Directions = []ledger.Direction{ledger.Inbound}
	case diagnosis.ReachLost, diagnosis.ReachWaiting, diagnosis.ReachUnknown:
		q.Directions, q.Unreached = []ledger.Direction{ledger.Inbound}, true
	}
	for len(rows) < r.limit {
		piece, ok := r.messages.piece()
		if !ok {
			break
		}
		q.Span = piece
		found, err := r.s.o.Store.MessageLog(r.ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("messages: %w", err)
		}
		bodies, err := r.s.intakeRows(r.ctx, found, r.lang)
		if err != nil {
			return nil, nil, err
		}
		after := piece.After
		if len(found) == q.Limit {
			after = found[len(found)-1].Position - 1
		}
		for i := range bodies {
			if r.f.State != "" && bodies[i].State != r.f.State {
				continue
			}
			if len(rows) == r.limit {
				after = found[i].Position
				break
			}
			rows, positions = append(rows, bodies[i]), append(positions, found[i].Position)
		}
		r.messages.looked(after)
	}
	return rows, positions, nil
}

func (r *intakeReader) readRefusals() (rows []IntakeRow, ids []int64, err error) {
	if r.refused == 1 {
		return nil, nil, nil
	}
	r.s.o.Intake.Flush(r.ctx)
	found, err := r.s.o.Store.RefusalLog(r.ctx, ledger.RefusalLogQuery{Inbox: r.f.Inbox, From: r.f.From, To: r.f.To, Before: r.refused, Limit: r.limit})
	if err != nil {
		return nil, nil, fmt.Errorf("refusals: %w", err)
	}
	for _, x := range found {
		title, _ := inboxOf(r.s.o.Ledger.Policy(), x.Inbox)
		rows = append(rows, IntakeRow{
			At: r.s.time(x.At), when: x.At, State: notSubmitted, Inbox: x.Inbox, InboxTitle: title, SenderID: x.SenderID, Result: "refused", Code: x.Code,
			Words: codeWords(x.Code, r.lang), Account: x.Account, Field: x.Field, Detail: x.Detail, Agents: []string{},
		})
		ids = append(ids, x.ID)
	}
	return rows, ids, nil
}

// intakeRows says of messages how far they got.
func (s *Server) intakeRows(ctx context.Context, found []ledger.LoggedMessage, lang string) ([]IntakeRow, error) {
	ways, err := s.ways(ctx, found)
	if err != nil {
		return nil, err
	}
	p, now := s.o.Ledger.Policy(), s.o.Now()
	rows := make([]IntakeRow, len(found))
	for i := range found {
		m := &found[i].MessageRow
		title, _ := inboxOf(p, m.Inbox)
		row := IntakeRow{
			At: s.time(m.At), when: m.At, State: string(s.reach(&found[i], &ways[i], now)), Message: conversation.MessageID(m.Position), Inbox: m.Inbox, InboxTitle: title,
			Kind: m.Kind, SenderID: m.SenderID, Result: m.Decision.Verdict, Code: m.Decision.Code, Words: codeWords(m.Decision.Code, lang), Agents: []string{},
		}
		if m.Conversation != 0 {
			row.Conversation = conversation.ID(m.Conversation)
		}
		for _, d := range ways[i].Deliveries {
			if d.Type == ledger.EntryMessage && !slices.Contains(row.Agents, d.Account) {
				row.Agents = append(row.Agents, d.Account)
			}
		}
		slices.Sort(row.Agents)
		rows[i] = row
	}
	return rows, nil
}

func (s *Server) reach(m *ledger.LoggedMessage, w *diagnosis.Way, now time.Time) diagnosis.Reach {
	if m.Reached && m.Direction == ledger.Inbound {
		return diagnosis.ReachDelivered
	}
	return diagnosis.ReachOf(w, s.connectionOf, now)
}

// ways reads what else is recorded of messages.
func (s *Server) ways(ctx context.Context, found []ledger.LoggedMessage) ([]diagnosis.Way, error) {
	var positions, conversations []int64
	for i := range found {
		positions = append(positions, found[i].Position)
		if c := found[i].Conversation; c != 0 && !found[i].Reached && !slices.Contains(conversations, c) {
			conversations = append(conversations, c)
		}
	}
	deliveries, err := s.o.Store.DeliveriesOfAll(ctx, positions)
	if err != nil {
		return nil, fmt.Errorf("deliveries of messages: %w", err)
	}
	threads, err := s.o.Store.ConversationsOf(ctx, conversations)
	if err != nil {
		return nil, fmt.Errorf("conversations of messages: %w", err)
	}
	byMessage, byID := map[int64][]ledger.DeliveryRow{}, map[int64]*ledger.ConversationRow{}
	for _, d := range deliveries {
		byMessage[d.Message] = append(byMessage[d.Message], d)
	}
	for i := range threads {
		byID[threads[i].ID] = &threads[i]
	}
	p := s.o.Ledger.Policy()
	ways := make([]diagnosis.Way, len(found))
	for i := range found {
		_, mode := inboxOf(p, found[i].Inbox)
		ways[i] = diagnosis.Way{
			Message: &found[i].MessageRow, Deliveries: byMessage[found[i].Position], Conversation: byID[found[i].Conversation], Async: mode == modeAsync,
		}
	}
	return ways, nil
}

type intakeCountsOutput struct {
	Body struct {
		States map[string]int64 `json:"states" doc:"how many, by state; a state that there is nothing of is 0, one that may not be seen is left out"`
		Since  *Time            `json:"since" doc:"counted is what came since then; null if that is all there is in the period"`
	}
}

// countIntake counts by state, in as much of the end of the period as can be looked at soon.
func (s *Server) countIntake(ctx context.Context, by caller, in *IntakeCountFilter) (*intakeCountsOutput, error) {
	span, err := s.logSpan(ctx, in.Period)
	if err != nil {
		return nil, err
	}
	out := &intakeCountsOutput{}
	out.Body.States = map[string]int64{}
	w := newWalk(span, narrowSpan)
	if s.can(by, policy.TraceView) {
		for _, state := range []diagnosis.Reach{diagnosis.ReachDelivered, diagnosis.ReachWaiting, diagnosis.ReachLost, diagnosis.ReachIntercepted, diagnosis.ReachUnknown} {
			out.Body.States[string(state)] = 0
		}
		if err := s.countMessages(ctx, in, w, out.Body.States); err != nil {
			return nil, err
		}
	} else {
		w.looked(span.After)
	}
	since := in.From
	if !w.over() {
		if since, err = s.o.Store.InstantOf(ctx, w.whole.UpTo); err != nil {
			return nil, fmt.Errorf("instant of position %d: %w", w.whole.UpTo, err)
		}
		out.Body.Since = s.maybe(since)
	}
	if in.Kind != "" || in.Agent != "" {
		return out, nil
	}
	s.o.Intake.Flush(ctx)
	refused, err := s.o.Store.RefusalCounts(ctx, ledger.RefusalLogQuery{Inbox: in.Inbox, From: since, To: in.To})
	if err != nil {
		return nil, fmt.Errorf("refusals: %w", err)
	}
	out.Body.States[notSubmitted] = 0
	for _, c := range refused {
		out.Body.States[notSubmitted] += c.Requests
	}
	return out, nil
}

// IntakeCountFilter is IntakeFilter without a state.
type IntakeCountFilter struct {
	Period
	Inbox string `query:"inbox" doc:"of this inbox only"`
	Kind  string `query:"kind" doc:"of this kind only; refused requests are left out, theirs is not kept"`
	Agent string `query:"agent" doc:"what was put into this agent's list only; refused requests are left out"`
}

// mostUnreached is how many messages that nobody is known to have are looked at one by one at a time.
const mostUnreached = 1000

func (s *Server) countMessages(ctx context.Context, f *IntakeCountFilter, w *walk, states map[string]int64) error {
	for {
		piece, ok := w.piece()
		if !ok {
			return nil
		}
		q := ledger.MessageLogQuery{Span: piece, Inbox: f.Inbox, Kind: f.Kind, Agent: f.Agent, Limit: mostUnreached}
		counts, err := s.o.Store.MessageCounts(ctx, q)
		if err != nil {
			return fmt.Errorf("counting messages: %w", err)
		}
		for _, c := range counts {
			switch {
			case c.Direction != ledger.Inbound:
				states[string(diagnosis.ReachIntercepted)] += c.Messages
			case c.Reached:
				states[string(diagnosis.ReachDelivered)] += c.Messages
			}
		}
		q.Directions, q.Unreached = []ledger.Direction{ledger.Inbound}, true
		for {
			found, err := s.o.Store.MessageLog(ctx, q)
			if err != nil {
				return fmt.Errorf("messages: %w", err)
			}
			ways, err := s.ways(ctx, found)
			if err != nil {
				return err
			}
			now := s.o.Now()
			for i := range found {
				states[string(s.reach(&found[i], &ways[i], now))]++
			}
			if len(found) < q.Limit {
				break
			}
			q.UpTo = found[len(found)-1].Position - 1
		}
		w.looked(piece.After)
	}
}
