package diagnosis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// A report that is passed on is made once, and read later by people with other rights than whoever passed it on. So it is kept as each of them would have been
// told: whole, and as the agent itself is told; either in both languages. What is kept for nobody is made from no rights at all.

// Rights are what a reader of a passed report may see: everything (diagnosis.view) or what the agent itself is told, and documents (policy.view) or not.
type Rights struct{ Whole, Settings bool }

// passed is how a report is kept. English ones are left out where they say the same.
type passed struct {
	Whole   json.RawMessage `json:"whole"`
	WholeEN json.RawMessage `json:"whole_en,omitempty"`
	Own     json.RawMessage `json:"own"`
	OwnEN   json.RawMessage `json:"own_en,omitempty"`
}

// Pass makes the report of a query for whoever will read it. Nobody's rights are asked for: that is for who passes it on, and for Passed.
func (s *Service) Pass(ctx context.Context, q Query) (*Report, json.RawMessage, error) {
	at := s.Now()
	still := *s
	still.Now, still.Ledger = func() time.Time { return at }, stillLedger{s.Ledger, s.Ledger.View()}
	var kept passed
	whole, err := still.passedAs(ctx, q, "zh", Rights{Whole: true, Settings: true}, &kept.Whole)
	if err != nil {
		return nil, nil, err
	}
	for _, x := range []struct {
		lang     string
		whole    bool
		to, same *json.RawMessage
	}{{"en", true, &kept.WholeEN, &kept.Whole}, {"zh", false, &kept.Own, nil}, {"en", false, &kept.OwnEN, &kept.Own}} {
		if _, err := still.passedAs(ctx, q, x.lang, Rights{Whole: x.whole, Settings: x.whole}, x.to); err != nil {
			return nil, nil, err
		}
		if x.same != nil && bytes.Equal(*x.to, *x.same) {
			*x.to = nil
		}
	}
	raw, err := json.Marshal(kept)
	return whole, raw, err
}

// passedAs makes the report as somebody with these rights is told it.
func (s *Service) passedAs(ctx context.Context, q Query, lang string, rights Rights, to *json.RawMessage) (*Report, error) {
	q.Lang = lang
	r := &run{s: s, q: q, ctx: ctx, rights: &rights}
	if !rights.Whole {
		r.asker = q.Agent
	}
	report, err := r.diagnose()
	if err != nil {
		if problem.As(err) == nil {
			err = errRead.Because(err)
		}
		return nil, err
	}
	*to, err = json.Marshal(report)
	return report, err
}

// Passed reads what Pass kept, for a reader with these rights.
func Passed(kept json.RawMessage, rights Rights, lang string) (*Report, error) {
	var p passed
	if err := json.Unmarshal(kept, &p); err != nil {
		return nil, fmt.Errorf("a report that was passed on: %w", err)
	}
	raw, english := p.Own, p.OwnEN
	if rights.Whole {
		raw, english = p.Whole, p.WholeEN
	}
	if lang != "zh" && english != nil {
		raw = english
	}
	report := &Report{}
	if err := json.Unmarshal(raw, report); err != nil {
		return nil, fmt.Errorf("a report that was passed on: %w", err)
	}
	if !rights.Settings {
		report.withoutSpecs()
	}
	return report, nil
}

// stillLedger is a ledger of which one moment is looked at.
type stillLedger struct {
	Ledger
	view *ledger.View
}

// View implements Ledger.
func (l stillLedger) View() *ledger.View { return l.view }

// Inspect makes the report that somebody who may see everything is told. It is for Bida itself, which carries fixes out for people who may do that.
func (s *Service) Inspect(ctx context.Context, q Query) (*Report, error) {
	var discarded json.RawMessage
	return s.passedAs(ctx, q, q.Lang, Rights{Whole: true, Settings: true}, &discarded)
}
