package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Answer says what became of a message. A repetition of the request is answered with the same.
type Answer struct {
	Message      string
	Conversation string
	Sequence     int64
	Status       string // "routed", "offered", "waiting" or "quarantined"
	Agent        string // who has it, if routed
	Agents       []string
	Summary      string
	Duplicate    bool // the id was used before; this is the first answer
}

// Decision reads a decision back from its journal entry: the same value as when it was made, but for the scores of agents that were not chosen.
func Decision(row *ledger.DecisionRow, kind string, outcomes []byte) (reception.Decision, error) {
	message, candidates, err := reception.DecodeOutcomes(outcomes)
	if err != nil {
		return reception.Decision{}, fmt.Errorf("journal entry %d: %w", row.Position, err)
	}
	d := reception.Decision{
		Kind: kind, At: row.At, Scored: true, Chosen: row.Chosen, Released: row.Released, Held: row.Held, Message: message, Candidates: candidates,
	}
	var ok [3]bool
	d.Verdict, ok[0] = reception.ParseVerdict(row.Verdict)
	d.Code, ok[1] = reception.ParseCode(row.Code)
	ok[2] = row.ReleasedFor == ""
	if !ok[2] {
		d.ReleasedFor, ok[2] = reception.ParseCode(row.ReleasedFor)
	}
	if slices.Contains(ok[:], false) {
		return reception.Decision{}, fmt.Errorf("journal entry %d has verdict %q, codes %q and %q, which this program does not know",
			row.Position, row.Verdict, row.Code, row.ReleasedFor)
	}
	if len(row.Chosen) == 1 {
		for i := range d.Candidates {
			if d.Candidates[i].Account == row.Chosen[0] {
				d.Candidates[i].Score.Load = row.Load
			}
		}
	}
	return d, nil
}

// render makes the answer of a stored message and its decision.
func render(m *ledger.MessageRow, d *reception.Decision, lang string, loc *time.Location) Answer {
	a := Answer{
		Message: conversation.MessageID(m.Position), Conversation: conversation.ID(m.Conversation), Sequence: m.Sequence,
		Status: d.Verdict.String(), Summary: d.Summary(lang, loc),
	}
	switch d.Verdict {
	case reception.Routed:
		a.Agent = d.Chosen[0]
	case reception.Offered:
		a.Agents = d.Chosen
	}
	return a
}

// rejected is the answer to a message that a filter rule refused: the record is kept and the id used up.
func rejected(message int64, rule string) error {
	return problem.New(problem.Rejected, reception.CodeFilterRejected.String(),
		"A filter rule refused this message; it reached nobody. The record is kept and the id is used up: the same message again is answered with this.",
		"一条过滤规则拒收了这条消息，没有人会收到。记录已保留，此 id 已用掉：再次发送同一消息会得到相同的结果。").With("rule", rule).With("message", conversation.MessageID(message))
}

// RuleReader reads the record of what a filter rule did.
type RuleReader interface {
	QuarantineOf(ctx context.Context, messages []int64) ([]ledger.QuarantineRow, error)
}

// RuleOf is the filter rule by which a message was kept back or refused when a decision was made; "" if none was.
func RuleOf(ctx context.Context, r RuleReader, d *ledger.DecisionRow) (string, error) {
	if d.Verdict != reception.Quarantined.String() && d.Verdict != reception.Rejected.String() {
		return "", nil
	}
	rows, err := r.QuarantineOf(ctx, []int64{d.Message})
	if err != nil {
		return "", fmt.Errorf("quarantine of message %d: %w", d.Message, err)
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("message %d was %s, and there is no record of it", d.Message, d.Verdict)
	}
	return rows[0].Rule, nil
}

// stored reads the answer to a message back from the store.
func (s *Service) stored(ctx context.Context, position int64, lang string) (Answer, error) {
	m, err := s.o.Reader.Message(ctx, position)
	if err != nil {
		return Answer{}, fmt.Errorf("message %d: %w", position, err)
	}
	if m.Decision == nil {
		return Answer{}, fmt.Errorf("message %d has no decision", position)
	}
	content, err := s.outcomes(ctx, m.Decision.Outcomes)
	if err != nil {
		return Answer{}, fmt.Errorf("outcomes of message %d: %w", position, err)
	}
	d, err := Decision(m.Decision, m.Kind, content)
	if err != nil {
		return Answer{}, err
	}
	if d.Rule, err = RuleOf(ctx, s.o.Reader, m.Decision); err != nil {
		return Answer{}, err
	}
	if m.Direction == ledger.Refused {
		return Answer{}, rejected(position, d.Rule)
	}
	return render(&m, &d, lang, s.o.Location), nil
}

// maxOutcomes bounds how many outcome sets are remembered. There are few different ones: that is why each is stored once.
const maxOutcomes = 512

func (s *Service) outcomes(ctx context.Context, id [16]byte) ([]byte, error) {
	s.mu.Lock()
	content, ok := s.seen[id]
	s.mu.Unlock()
	if ok {
		return content, nil
	}
	content, err := s.o.Reader.Outcomes(ctx, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxOutcomes {
		clear(s.seen)
	}
	s.seen[id] = content
	return content, nil
}
