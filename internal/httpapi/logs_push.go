package httpapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

const (
	modeAsync = "async"
	// takenBack is the state of a delivery that was withdrawn before a client had it.
	takenBack = "withdrawn"
)

// PushRow is a message, or a notice, in one agent's list, with every try to push it.
type PushRow struct {
	At            Time          `json:"at" doc:"when it was put into the list"`
	State         string        `json:"state" enum:"delivered,waiting,lost,unknown,withdrawn" doc:"delivered: a client has it, or it lies in a list that is looked at when there is time. lost: every push failed or is overdue. withdrawn: taken back before a client had it"`
	Message       string        `json:"message"`
	Type          string        `json:"type" enum:"message,notice,test" doc:"test: a self-check of the agent, no work"`
	Agent         string        `json:"agent"`
	AgentTitle    string        `json:"agent_title"`
	AgentSequence int64         `json:"agent_sequence"`
	Inbox         string        `json:"inbox,omitempty"`
	InboxTitle    string        `json:"inbox_title,omitempty"`
	Kind          string        `json:"kind"`
	Code          string        `json:"code,omitempty" doc:"why it was taken back"`
	Words         string        `json:"words,omitempty" doc:"the code in the caller's language"`
	Attempts      []AttemptBody `json:"attempts"`
	ReceivedAt    *Time         `json:"received_at,omitempty"`
	ReceivedBy    string        `json:"received_by,omitempty" doc:"the client"`
	SeenAt        *Time         `json:"seen_at,omitempty"`
	AcceptedAt    *Time         `json:"accepted_at,omitempty"`
	WithdrawnAt   *Time         `json:"withdrawn_at,omitempty" doc:"also of one that a client had by then"`
}

// PushFilter is what the push log can be asked for.
type PushFilter struct {
	Period
	State string `query:"state" enum:"delivered,waiting,lost,unknown,withdrawn"`
	Agent string `query:"agent" doc:"of this agent only; without the permission trace.view it is oneself"`
	Inbox string `query:"inbox" doc:"of this inbox only"`
	Kind  string `query:"kind" doc:"of this kind only"`
}

type pushLogOutput struct {
	Body struct {
		Rows []PushRow `json:"rows" doc:"those of the newest message first; the period is that of the messages"`
		LogEnd
	}
}

func (s *Server) pushLogPage(ctx context.Context, by caller, in *struct {
	PushFilter
	LogPage
}) (*pushLogOutput, error) {
	rows, end, err := s.readPushes(ctx, by, &in.PushFilter, in.LogPage)
	if err != nil {
		return nil, err
	}
	out := &pushLogOutput{}
	out.Body.Rows, out.Body.LogEnd = rows, end
	return out, nil
}

// onlyOwn narrows a log to the caller where it may not see others.
func onlyOwn(by caller, all bool, agent *string, permission string) error {
	if all {
		return nil
	}
	if *agent != "" && *agent != by.account {
		return forbidden(permission)
	}
	*agent = by.account
	return nil
}

func (s *Server) readPushes(ctx context.Context, by caller, f *PushFilter, page LogPage) ([]PushRow, LogEnd, error) {
	if err := onlyOwn(by, s.can(by, policy.TraceView), &f.Agent, policy.TraceView); err != nil {
		return nil, LogEnd{}, err
	}
	span, err := s.logSpan(ctx, f.Period)
	if err != nil {
		return nil, LogEnd{}, err
	}
	w := newWalk(span, wideSpan)
	q := ledger.DeliveryLogQuery{Account: f.Agent, Inbox: f.Inbox, Kind: f.Kind, Limit: page.Limit}
	if q.Before, err = resumePushes(w, page.Cursor); err != nil {
		return nil, LogEnd{}, err
	}
	switch f.State {
	case takenBack:
		q.Standing = ledger.StandingWithdrawn
	case string(diagnosis.ReachWaiting), string(diagnosis.ReachLost), string(diagnosis.ReachUnknown):
		q.Standing = ledger.StandingPending
	}
	rows := []PushRow{}
	for len(rows) < page.Limit {
		piece, ok := w.piece()
		if !ok {
			break
		}
		q.Span = piece
		found, err := s.o.Store.DeliveryLog(ctx, q)
		if err != nil {
			return nil, LogEnd{}, fmt.Errorf("deliveries: %w", err)
		}
		cut := len(found) == q.Limit
		for i := range found {
			d := &found[i]
			if len(rows) == page.Limit {
				cut = true
				break
			}
			q.Before = ledger.DeliveryKey{Message: d.Message, Account: d.Account, Sequence: d.Sequence}
			if state := s.pushState(d); f.State == "" || state == f.State {
				row, err := s.pushRow(ctx, d, state, by.lang)
				if err != nil {
					return nil, LogEnd{}, err
				}
				rows = append(rows, row)
			}
		}
		if cut {
			w.looked(q.Before.Message)
		} else {
			w.looked(piece.After)
			q.Before = ledger.DeliveryKey{}
		}
	}
	end, err := s.logEnd(ctx, w, pushCursor(w, q.Before))
	return rows, end, err
}

// pushCursor is <position>, or <position>.<sequence>.<account> in the middle of a message.
func pushCursor(w *walk, before ledger.DeliveryKey) string {
	if before == (ledger.DeliveryKey{}) {
		return w.cursor()
	}
	return fmt.Sprintf("%d.%d.%s", before.Message, before.Sequence, before.Account)
}

func resumePushes(w *walk, cursor string) (before ledger.DeliveryKey, err error) {
	position, rest, middle := strings.Cut(cursor, ".")
	if err := w.resume(position); err != nil || !middle {
		return before, err
	}
	sequence, account, ok := strings.Cut(rest, ".")
	if before.Sequence, err = strconv.ParseInt(sequence, 10, 64); err != nil || !ok || account == "" || position == "" {
		return before, errCursor
	}
	before.Message, _ = strconv.ParseInt(position, 10, 64) // read above
	before.Account = account
	return before, nil
}

// pushState says what became of a delivery. A notice lies in the list until it is read.
func (s *Server) pushState(d *ledger.DeliveryRow) string {
	switch d.Standing() {
	case ledger.StandingArrived:
		return string(diagnosis.ReachDelivered)
	case ledger.StandingWithdrawn:
		return takenBack
	case ledger.StandingPending:
	}
	if d.Type == ledger.EntryTest {
		return string(diagnosis.ReachWaiting) // and taken back soon
	}
	if d.Type != ledger.EntryMessage {
		return string(diagnosis.ReachDelivered)
	}
	_, mode := inboxOf(s.o.Ledger.Policy(), d.Inbox)
	return string(diagnosis.ReachOf(&diagnosis.Way{
		Message: &ledger.MessageRow{Direction: ledger.Inbound}, Deliveries: []ledger.DeliveryRow{*d}, Async: mode == modeAsync,
	}, s.connectionOf, s.o.Now()))
}

func (s *Server) pushRow(ctx context.Context, d *ledger.DeliveryRow, state, lang string) (PushRow, error) {
	p := s.o.Ledger.Policy()
	row := PushRow{
		At: s.time(d.At), State: state, Message: conversation.MessageID(d.Message), Type: string(d.Type), Agent: d.Account, AgentTitle: titleOf(p, d.Account),
		AgentSequence: d.Sequence, Inbox: d.Inbox, Kind: d.Kind, Attempts: []AttemptBody{}, ReceivedAt: s.maybe(d.ReceivedAt), ReceivedBy: d.ReceivedBy,
		SeenAt: s.maybe(d.SeenAt), AcceptedAt: s.maybe(d.AcceptedAt), WithdrawnAt: s.maybe(d.WithdrawnAt),
	}
	if d.Inbox != "" {
		row.InboxTitle, _ = inboxOf(p, d.Inbox)
	}
	if d.State == ledger.Withdrawn {
		row.Code, row.Words = d.Code, codeWords(d.Code, lang)
	}
	attempts, err := s.attempts(ctx, d)
	if err != nil {
		return row, err
	}
	for _, a := range attempts {
		row.Attempts = append(row.Attempts, AttemptBody{
			Number: a.Number, At: s.maybe(a.At), Connection: a.Connection, Client: a.Client, Result: a.Result, Error: orNull(a.Error),
		})
	}
	return row, nil
}
