package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

func (c *company) timeline(asker, agent string, from, to time.Time) *Timeline {
	c.t.Helper()
	line, err := c.s.Timeline(c.t.Context(), asker, Query{Agent: agent, Lang: "zh"}, from, to)
	if err != nil {
		c.t.Fatal(err)
	}
	return line
}

// lane writes spans as "value value …", the one that holds marked by a star.
func lane(spans []Span) string {
	var words []string
	for _, s := range spans {
		if s.To == nil {
			s.Value += "*"
		}
		words = append(words, s.Value)
	}
	return strings.Join(words, " ")
}

func TestATimelineShowsWhatHeldAndWhatCame(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.wait(time.Minute)
	c.post("web", "customer", "li-lei")
	c.receive("agent-a")
	c.wait(time.Minute)
	before := c.now
	c.wait(time.Minute)
	c.presence("agent-a", "agent-a", "dnd")
	c.wait(time.Minute)
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: policy.ReceiveGroup}} })
	c.account("supervisor-b", "agent-b", func(a *policy.AccountSpec) { a.Alias = "小青" }) // does not bear on agent-a
	c.disconnect("agent-a", "closed_by_client")
	c.wait(time.Minute)

	line := c.timeline("supervisor-b", "agent-a", time.Time{}, time.Time{})
	if got := lane(line.Presence); !strings.HasSuffix(got, "available dnd*") {
		t.Errorf("presence: %s", got)
	}
	if got := lane(line.Connection); got != "open none*" {
		t.Errorf("connection: %s", got)
	}
	if got := lane(line.Sessions); got != "active*" {
		t.Errorf("sessions: %s", got)
	}
	// The owner whose connection is gone is released: what it had not answered went away from it again.
	if len(line.Messages) != 1 || line.Messages[0].State != "withdrawn" || line.Messages[0].Code == "" || line.Titles["inbox/web"] == "" {
		t.Errorf("messages: %+v, titles %v", line.Messages, line.Titles)
	}
	last := line.Revisions[len(line.Revisions)-1]
	if last.By != "supervisor-b" || len(last.Documents) != 1 || last.Documents[0] != "account/agent-a" {
		t.Errorf("the last change is %+v", last)
	}
	if line.Partial {
		t.Error("something is left out of a short time")
	}

	early := c.timeline("supervisor-b", "agent-a", time.Time{}, before)
	if len(early.Messages) != 1 || strings.Contains(lane(early.Presence), "dnd") {
		t.Errorf("before it asked for quiet: %+v", early)
	}
}

func TestATimelineIsForThoseWhoMayDiagnose(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: policy.ReceiveGroup}} })
	own := c.timeline("agent-a", "agent-a", time.Time{}, time.Time{})
	if got := own.Revisions[len(own.Revisions)-1]; got.By == "supervisor-b" || got.By == "" || got.Reason != "" {
		t.Errorf("an agent is told by account who changed it, and why: %+v", got)
	}
	for _, test := range []struct {
		asker, agent string
		from, to     time.Time
		code         string
	}{
		{"agent-b", "agent-a", time.Time{}, time.Time{}, "diagnosis.forbidden"},
		{"", "agent-a", time.Time{}, time.Time{}, "diagnosis.forbidden"},
		{"supervisor-b", "nobody", time.Time{}, time.Time{}, "diagnosis.unknown_agent"},
		{"supervisor-b", "agent-a", c.now, c.now.Add(-time.Hour), "diagnosis.timeline_range"},
		{"supervisor-b", "agent-a", c.now.Add(-32 * 24 * time.Hour), c.now, "diagnosis.timeline_range"},
	} {
		_, err := c.s.Timeline(t.Context(), test.asker, Query{Agent: test.agent}, test.from, test.to)
		if p := problem.As(err); p == nil || p.Code != test.code {
			t.Errorf("%s asks about %s: %v", test.asker, test.agent, err)
		}
	}
}
