package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/ledger"
)

var found = []any{map[string]any{"test": "socket", "outcome": "pass", "result": "ok", "ms": 8}, map[string]any{"test": "notifications", "outcome": "block", "result": "denied"}}

func TestATestMessageIsFollowedByWhoSentItAndInTheTrace(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	sent := b.ask("agent-a", "POST", "/me/self-check/messages", map[string]any{"client": "tab-1"}).want(201)
	path := "/me/self-check/messages/" + sent.text("message")
	if got := b.ask("agent-a", "GET", path+"?client=tab-1", nil).want(200); got.text("stage") != "stored" || got.body["received_at"] != nil {
		t.Errorf("at first: %s", got.raw)
	}
	b.tick(12 * time.Millisecond)
	b.receive("agent-a")
	got := b.ask("agent-a", "GET", path+"?client=tab-1", nil).want(200)
	if got.text("stage") != "received" || got.text("received_by") != "tab-1" || got.text("received_how") != "test 1" || !strings.HasSuffix(got.text("received_at"), ".012+00:00") {
		t.Errorf("then: %s", got.raw)
	}
	if got := b.ask("agent-a", "GET", path+"?client=tab-2", nil).want(200); got.text("stage") != "elsewhere" {
		t.Errorf("for another window: %s", got.raw)
	}
	trace := b.ask("agent-a", "GET", "/messages/"+sent.text("message")+"/trace", nil).want(200)
	var stages []string
	for _, x := range trace.list("stages") {
		stages = append(stages, x.(map[string]any)["stage"].(string))
	}
	if got := strings.Join(stages, " "); got != "stored decided queued pushed received seen accepted" && got != "stored decided queued pushed received" {
		t.Errorf("the trace has the stages %s", got)
	}
	row := b.ask("agent-a", "GET", "/logs/push", nil).want(200).list("rows")[0].(map[string]any)
	if row["type"] != "test" || row["message"] != sent.text("message") {
		t.Errorf("the push log has %v", row)
	}
	b.ask("agent-b", "GET", path+"?client=tab-1", nil).problem(404, "self_check.no_test", "/id")
	b.ask("sup", "GET", path+"?client=tab-1", nil).problem(404, "self_check.no_test", "/id")
	b.ask("agent-a", "GET", "/me/self-check/messages/x?client=tab-1", nil).problem(404, "self_check.no_test", "/id")
}

func TestATestMessageForAWindowThatIsNotConnectedIsRefused(t *testing.T) {
	b := newBench(t)
	b.ask("agent-a", "POST", "/me/self-check/messages", map[string]any{"client": "tab-1"}).problem(409, "self_check.not_connected", "/client")
	b.ask("agent-a", "POST", "/me/self-check/messages", map[string]any{"client": ""}).problem(400, "request.invalid", "/client")
	b.ask("agent-a", "POST", "/me/self-check/messages", map[string]any{"client": "a\u0007b"}).problem(400, "request.invalid", "/client")
}

func TestWhatAWindowFoundIsReadByItsPersonAndByWhoMayDiagnose(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	if got := b.ask("agent-a", "GET", "/accounts/agent-a/self-check", nil).want(200); got.body["last"] != nil {
		t.Errorf("before the first: %s", got.raw)
	}
	b.ask("agent-a", "POST", "/me/self-check/results", map[string]any{"client": "tab-1", "tests": found}).want(204)
	for _, who := range []string{"agent-a", "sup"} {
		got := b.ask(who, "GET", "/accounts/agent-a/self-check", nil).want(200)
		last := got.body["last"].(map[string]any)
		client := last["clients"].([]any)[0].(map[string]any)
		if last["asked"] != false || client["client"] != "tab-1" || client["about"] != "test 1" || len(client["tests"].([]any)) != 2 || got.text("verdict") != "receiving" {
			t.Errorf("%s reads %s", who, got.raw)
		}
	}
	b.ask("agent-b", "GET", "/accounts/agent-a/self-check", nil).want(403)
	bad := map[string]any{"client": "tab-1", "tests": []any{map[string]any{"test": "socket", "outcome": "block", "result": "denied"}}}
	b.ask("agent-a", "POST", "/me/self-check/results", bad).problem(400, "self_check.result", "/tests/0/result")
}

func TestASupervisorHasAnAgentsWindowsCheckThemselves(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	answer := make(chan *reply, 1)
	go func() { answer <- b.ask("sup", "POST", "/accounts/agent-a/self-check", nil) }()
	asked := <-b.asked
	if asked[0] != "agent-a" || asked[2] != "主管" {
		t.Fatalf("asked %q", asked)
	}
	b.ask("agent-b", "POST", "/me/self-check/results", map[string]any{"client": "tab-1", "check": asked[1], "tests": found}).problem(404, "self_check.over", "/check")
	b.ask("agent-a", "POST", "/me/self-check/results", map[string]any{"client": "tab-1", "check": asked[1], "tests": found}).want(204)
	got := (<-answer).want(200)
	client := got.list("clients")[0].(map[string]any)
	if got.text("by") != "主管" || got.text("by_account") != "sup" || client["answered"] != true || len(client["tests"].([]any)) != 2 {
		t.Errorf("the supervisor is answered %s", got.raw)
	}
	own := b.ask("agent-a", "GET", "/accounts/agent-a/self-check", nil).want(200).body["last"].(map[string]any)
	if own["by"] != "主管" || own["by_account"] != nil {
		t.Errorf("the agent reads %v", own)
	}
	events, err := b.delivery.Events(t.Context(), "agent-a", 0, 10, "zh")
	if err != nil || len(events) == 0 || events[len(events)-1].Event != delivery.EventNotice || !strings.Contains(events[len(events)-1].Text, "主管请您的窗口") {
		t.Errorf("the agent is told %+v (%v)", events, err)
	}
}

func TestACheckOfAnAgentWithoutAWindowSaysSoAtOnce(t *testing.T) {
	b := newBench(t)
	got := b.ask("sup", "POST", "/accounts/agent-a/self-check", nil).want(200)
	if len(got.list("clients")) != 0 || got.body["asked"] != true {
		t.Errorf("answered %s", got.raw)
	}
	b.ask("sup", "POST", "/accounts/ghost/self-check", nil).problem(404, "account.not_found", "/name")
	b.ask("agent-a", "POST", "/accounts/agent-a/self-check", nil).problem(403, "permission.missing", "")
	if b.ledger.Agent("agent-a").SelfCheck == nil {
		t.Error("that nobody answered is not recorded")
	}
}

func TestATestMessageIsNoNoticeInTheStreamAndCarriesNoText(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.ask("agent-a", "POST", "/me/self-check/messages", map[string]any{"client": "tab-1"}).want(201)
	events, err := b.delivery.Events(t.Context(), "agent-a", 0, 10, "zh")
	if err != nil || len(events) == 0 {
		t.Fatal(err)
	}
	e := events[len(events)-1]
	if e.Event != delivery.EventTest || e.Client != "tab-1" || e.Text != "" || e.Inbox != "" || e.Kind != "system" {
		t.Errorf("sent is %+v", e)
	}
	if d, err := b.store.Delivery(t.Context(), "agent-a", e.AgentSequence); err != nil || d.Type != ledger.EntryTest {
		t.Errorf("stored is %+v (%v)", d, err)
	}
}
