package httpapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/coverage"
)

func TestCoverageIsToldOfThePolicyInForce(t *testing.T) {
	b := newBench(t)
	got := into[coverage.Overview](t, b.ask("sup", "GET", "/coverage", nil))
	if len(got.Cells) != 3 || got.Cells[0].Inbox != "vip" || got.Cells[0].Spans[0].State != coverage.Single || !slices.Equal(got.Cells[0].Spans[0].Agents, []string{"agent-b"}) {
		t.Errorf("%+v", got)
	}
	b.ask("admin", "PUT", "/accounts/agent-b/state", map[string]any{"state": "frozen", "reason": "vacation"}).want(200)
	got = into[coverage.Overview](t, b.ask("sup", "GET", "/coverage?only=problems&inbox=vip&kind=customer", nil))
	if len(got.Cells) != 1 || !got.HasGaps() || got.Cells[0].GapMinutes != 7*24*60 {
		t.Errorf("with the only agent frozen: %+v", got)
	}
	moment := into[coverage.Moment](t, b.ask("sup", "GET", "/coverage/moment?inbox=vip&kind=customer", nil))
	if moment.State != coverage.Gap || moment.Agents[0].Stop.Code != "account.state.frozen" {
		t.Errorf("%+v", moment)
	}
}

func TestCoverageRefusesWhatItCannotAnswer(t *testing.T) {
	b := newBench(t)
	for query, code := range map[string]string{
		"?inbox=none": "coverage.unknown_inbox", "?kind=vip": "coverage.unknown_kind",
		"?from=2026-11-26T00:00:00Z&to=2027-03-01T00:00:00Z": "coverage.time_too_long", "?to=2020-11-26T00:00:00Z": "coverage.time_order",
	} {
		status := 400
		if strings.Contains(code, "unknown") {
			status = 404
		}
		field := map[string]string{"coverage.unknown_inbox": "/inbox", "coverage.unknown_kind": "/kind"}[code]
		if field == "" {
			field = "/to"
		}
		b.ask("sup", "GET", "/coverage"+query, nil).problem(status, code, field)
	}
	if got := b.ask("sup", "GET", "/coverage?from=tomorrow", nil); got.status != 422 && got.status != 400 {
		t.Errorf("a time that is none: %d", got.status)
	}
	if got := b.ask("sup", "GET", "/coverage/moment?inbox=vip", nil); got.status != 422 && got.status != 400 {
		t.Errorf("a moment without a kind: %d", got.status)
	}
}
