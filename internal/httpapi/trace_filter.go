package httpapi

import (
	"fmt"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// FilterTrace is what filter rules made of a message.
type FilterTrace struct {
	Outcome    string    `json:"outcome" enum:"passed,allowed,tagged,quarantined,rejected" doc:"when it came in"`
	Rule       *RuleBody `json:"rule" doc:"that decided, with its version, its author and what it matched; null if none did. What a sender sees of it is its name"`
	Matched    []string  `json:"matched" doc:"all rules whose content part matched, in order"`
	Tags       []string  `json:"tags"`
	ReleasedBy string    `json:"released_by,omitempty"`
	ReleasedAt *Time     `json:"released_at,omitempty"`
}

// filter adds what filter rules made of the message, by the rules of its time.
func (t *tracer) filter() error {
	d := t.m.Decision
	if d == nil || len(d.Matched) == 0 {
		return nil
	}
	set, err := t.s.policyAt(t.ctx, d.Revision)
	if err != nil {
		return err
	}
	then := reception.ApplyFilters(set.Compile(), t.m.Inbox, t.m.Kind, d.Matched)
	f := filteringBody(then)
	t.body.Filter = &FilterTrace{Outcome: f.Outcome, Matched: d.Matched, Tags: f.Tags}
	if t.see == sightSender {
		t.body.Filter.Matched, t.body.Filter.Tags = []string{}, []string{}
	}
	if then.Rule != "" {
		rule := RuleBody{Name: then.Rule, Hits: []HitBody{}}
		if t.see == sightAll {
			if rule, err = t.s.matchOf(t.ctx, t.m, then.Rule, d.Revision); err != nil {
				return err
			}
		}
		t.body.Filter.Rule = &rule
	}
	return t.released()
}

// released adds who let the message through.
func (t *tracer) released() error {
	records, err := t.s.o.Store.QuarantineOf(t.ctx, []int64{t.m.Position})
	if err != nil {
		return fmt.Errorf("quarantine of message %d: %w", t.m.Position, err)
	}
	for _, q := range records {
		if q.ReleasedAt.IsZero() {
			continue
		}
		t.body.Filter.ReleasedAt = t.s.maybe(q.ReleasedAt)
		stage := t.stage("released", q.ReleasedAt, "released", reception.CodeFilterReleased.String())
		if t.see == sightAll || t.s.can(t.by, policy.QuarantineView) {
			t.body.Filter.ReleasedBy, stage.Agent = q.ReleasedBy, q.ReleasedBy
		}
	}
	return nil
}
