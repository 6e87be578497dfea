package diagnosis

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

func TestEverythingWentToColleagues(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.post("web", "customer", "x") // agent-a's
	c.wait(time.Minute)
	c.post("web", "customer", "x")
	second := c.post("web", "customer", "x")
	r := c.ask("agent-b")
	expect(t, r, "receiving", "* routing.assigned_elsewhere expected "+all)
	if want := (Traffic{Offered: 3, Eligible: 3, AssignedElsewhere: 3}); r.Traffic != want {
		t.Errorf("traffic %+v, want %+v", r.Traffic, want)
	}
	mentions(t, primary(t, r), "message/"+second)
	if want := "客服乙可以接收消息，近 24 小时的消息都分配给了同事。"; r.Headline.ZH != want {
		t.Errorf("headline %s, want %s", r.Headline.ZH, want)
	}
	c.receive("agent-a")
	if r := c.ask("agent-a"); r.Traffic != (Traffic{Offered: 3, Eligible: 3, Pushed: 3, Received: 3}) {
		t.Errorf("traffic %+v", r.Traffic)
	}
	c.wait(25 * time.Hour)
	expect(t, c.ask("agent-b"), "no_traffic", "* traffic.none_offered expected "+all)
}

func TestTrafficOfOtherCellsDoesNotCount(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.post("web", "customer", "x")
	expect(t, c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"}), "no_traffic", "* traffic.none_offered expected [shop/customer]")
	if r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Kind: "group"}); r.Verdict != NoTraffic {
		t.Errorf("verdict %s", r.Verdict)
	}
}

func TestAFaultThatIsOverIsReportedWithItsMessages(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	m := c.post("web", "customer", "x")
	c.receive("agent-a")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State = "frozen" })
	c.receive("agent-b")
	lost := c.post("shop", "customer", "z")
	c.receive("agent-b")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.State = "active" })
	c.work("agent-a")
	c.wait(time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "receiving", "* recovery.gap [shop/customer web/customer]")
	var text string
	for _, f := range r.Findings {
		text += facts(f)
	}
	for _, want := range []string{"message/" + m + " = account.state.frozen", "message/" + lost + " = account.state.frozen"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q:\n%s", want, text)
		}
	}
}

func TestGoingAwayIsNoFault(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.post("web", "customer", "x")
	c.receive("agent-a")
	c.presence("agent-a", "agent-a", "away")
	c.wait(10 * time.Minute)
	c.receive("agent-b")
	c.presence("agent-a", "agent-a", "available")
	expect(t, c.ask("agent-a"), "receiving")
}

func TestAnAsyncInboxNeedsNoConnection(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "title: 门店,", "title: 门店, mode: async,", 1))
	m := c.post("shop", "customer", "x")
	r := c.diagnose("supervisor-b", Query{Agent: "agent-a", Inbox: "shop"})
	expect(t, r, "receiving")
	expect(t, c.askMessage("agent-a", m), "receiving", "* routing.chosen.least_loaded expected [shop/customer]")
	c.wait(time.Hour)
	expect(t, c.askMessage("agent-a", m), "receiving", "* routing.chosen.least_loaded expected [shop/customer]")
}

func TestAMessageThatLiesInTheInboxToBeTaken(t *testing.T) {
	c := newCompany(t, strings.Replace(companyYAML, "title: 门店,", "title: 门店, routing: {strategy: manual},", 1))
	c.work("agent-a", "agent-b")
	m := c.post("shop", "customer", "x")
	expect(t, c.askMessage("agent-a", m), "receiving", "* routing.offered.manual expected [shop/customer]")
	id, _ := conversation.ParseID('m', m)
	c.do(&conversation.Accept{Conversation: id, Account: "agent-b", By: "agent-b"})
	c.receive("agent-b")
	expect(t, c.askMessage("agent-b", m), "receiving", "* routing.chosen.claimed expected [shop/customer]", "view.not_seen [shop/customer]")
}

func TestConversationsThatWaitAreShownInTheCheckList(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.presence("agent-a", "agent-a", "dnd")
	c.post("web", "customer", "x")
	for _, check := range c.ask("agent-a").Checks {
		if check.Gate == stageQueue && check.Code == reception.CodeQueueWaiting.String() && len(check.Scope) == 1 && check.Scope[0].Inbox == "web" {
			return
		}
	}
	t.Error("no check says that a conversation waits")
}

// broken is a store whose records cannot be read.
type broken struct{ *company }

var errBroken = errors.New("disk I/O error")

func (b broken) FactsAt(context.Context, int64, []string) ([]ledger.FactRow, error) {
	return nil, errBroken
}
func (b broken) FactsBetween(context.Context, string, time.Time, time.Time, int) ([]ledger.FactRow, error) {
	return nil, errBroken
}
func (b broken) AssignmentsAt(context.Context, int64, []string) ([]ledger.AssignmentRow, error) {
	return nil, errBroken
}
func (b broken) AssignmentsOf(context.Context, int64) ([]ledger.AssignmentRow, error) {
	return nil, errBroken
}
func (b broken) LastAssignedAt(context.Context, int64, string) (map[string]int64, error) {
	return nil, errBroken
}
func (b broken) PositionAt(context.Context, time.Time) (int64, error) { return 0, errBroken }
func (b broken) Began(context.Context) (time.Time, error)             { return time.Time{}, errBroken }

func TestWithoutRecordsTheGatesStillSpeak(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	c.account("supervisor-b", "agent-a", func(a *policy.AccountSpec) { a.Deny = []policy.Grant{{Permission: "receive.group"}} })
	c.s.Facts = broken{c}
	r := c.ask("agent-a")
	expect(t, r, "partial", "* permission.kind.account_denied [web/group] fix: account/agent-a/spec/deny ok")
	if r.Next == "" {
		t.Error("the report does not say what is missing")
	}
	r = c.ask("agent-b")
	expect(t, r, "unknown", "* system.health.store "+all)
	if _, err := c.s.Diagnose(context.Background(), "supervisor-b", Query{Agent: "agent-a", At: c.now}); err == nil {
		t.Error("the past is told without records")
	}
}
