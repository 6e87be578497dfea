package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/checklist"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
)

func TestTheChecklistIsAnsweredFromTheRecordsOfBida(t *testing.T) {
	b := newBench(t)
	plain := b.ask("agent-a", "GET", "/checklist", nil).want(200)
	if len(plain.list("questions")) != len(checklist.Questions()) || plain.body["report"] != nil {
		t.Errorf("the questions: %.300s", plain.raw)
	}
	b.diagnoser.checks = []diagnosis.Check{
		{Gate: "account.state", Outcome: "pass"}, {Gate: "account.login", Outcome: "block", Code: "account.login.never"},
		{Gate: "permission.kind", Outcome: "pass"}, {Gate: "permission.kind", Outcome: "block", Code: "permission.kind.account_denied"},
		{Gate: "connection", Outcome: "block", Code: "connection.never"}, {Gate: "window.agent", Outcome: "wait", Code: "window.agent.closed"},
		{Gate: "push", Outcome: "not_applicable"}, {Gate: "presence", Outcome: "unknown", Code: "presence.unknown"},
	}
	filled := b.ask("sup", "GET", "/checklist?agent=agent-a", nil).want(200)
	report := fmt.Sprint(filled.body["report"])
	for _, want := range []string{"question:account_active", "source:record", "account.login.never"} {
		if !strings.Contains(report, want) {
			t.Errorf("%s is not in %s", want, report)
		}
	}
	answers := map[string]string{}
	for _, a := range filled.body["report"].(map[string]any)["answers"].([]any) {
		answers[a.(map[string]any)["question"].(string)] = a.(map[string]any)["value"].(string)
	}
	want := map[string]string{
		"account_active": "yes", "signed_in": "no", "session_kept": "yes", "kind_allowed": "no", "connected": "no", "network_ok": "unknown", "agent_hours": "no",
		"pushed": "", "status_online": "unknown", "on_duty": "unknown", "member": "",
	}
	for id, value := range want {
		if answers[id] != value {
			t.Errorf("%s is answered %q, want %q", id, answers[id], value)
		}
	}
	own := b.ask("agent-a", "POST", "/checklist/report", map[string]any{"platform": "bida", "agent": "agent-a", "answers": map[string]any{"signed_in": "yes"}}).want(200)
	if list := own.list("contradictions"); len(list) != 1 || !strings.Contains(fmt.Sprint(list[0]), "signed_in") {
		t.Errorf("an answer against the records: %s", own.raw)
	}
}

func TestAnswersComeToAReportAndNothingIsStored(t *testing.T) {
	b := newBench(t)
	before := b.ledger.View().Position
	sheet := map[string]any{"platform": "qianniu", "agent": "小王", "answers": map[string]any{"member": "no", "pushed": "unknown"}}
	got := b.ask("agent-a", "POST", "/checklist/report", sheet).want(200)
	if got.text("verdict") != "blocked" || !strings.Contains(got.raw, `"membership.inbox.not_member"`) || len(got.list("ask_support")) != 1 {
		t.Errorf("report: %s", got.raw)
	}
	if after := b.ledger.View().Position; after != before {
		t.Errorf("the ledger went from %d to %d", before, after)
	}
	for field, change := range map[string]map[string]any{
		"/platform":        {"platform": "icq"},
		"/answers/nowhere": {"answers": map[string]any{"nowhere": "yes"}},
		"/answers/member":  {"answers": map[string]any{"member": "perhaps"}},
		"/note":            {"note": strings.Repeat("x", 2001)},
		"/kind":            {"kind": "telex"},
	} {
		bad := map[string]any{"platform": "qianniu", "answers": map[string]any{}}
		for k, v := range change {
			bad[k] = v
		}
		b.ask("agent-a", "POST", "/checklist/report", bad).problem(400, "checklist.invalid", field)
		b.ask("agent-a", "POST", "/checklists", bad).problem(400, "checklist.invalid", field)
	}
	if after := b.ledger.View().Position; after != before {
		t.Errorf("what was refused moved the ledger from %d to %d", before, after)
	}
}

func TestASavedChecklistIsForItsAuthorAndForThoseWhoMayDiagnoseOthers(t *testing.T) {
	b := newBench(t)
	sheet := map[string]any{"title": "周一早上", "platform": "qianniu", "agent": "小王", "note": "<b>x</b>", "answers": map[string]any{"connected": "no"}}
	saved := b.ask("agent-a", "POST", "/checklists", sheet).want(201)
	at := "/checklists/" + saved.text("id")
	for _, actor := range []string{"agent-a", "sup", "auditor"} {
		got := b.ask(actor, "GET", at, nil).want(200)
		if got.text("title") != "周一早上" || got.text("verdict") != "blocked" || !strings.Contains(got.raw, `"connection.none"`) || got.body["own"] != (actor == "agent-a") {
			t.Errorf("%s reads %s", actor, got.raw)
		}
		if n := len(b.ask(actor, "GET", "/checklists", nil).want(200).list("checklists")); n != 1 {
			t.Errorf("%s lists %d", actor, n)
		}
	}
	b.ask("agent-b", "GET", at, nil).problem(404, "checklist.not_found", "/id")
	b.ask("agent-b", "DELETE", at, nil).problem(404, "checklist.not_found", "/id")
	b.ask("sup", "DELETE", at, nil).problem(403, "checklist.not_author", "")
	if n := len(b.ask("agent-b", "GET", "/checklists", nil).want(200).list("checklists")); n != 0 {
		t.Errorf("agent-b lists %d", n)
	}
	log := b.ask("auditor", "GET", "/audit?limit=1", nil).want(200)
	if !strings.Contains(log.raw, `"action":"checklist.save"`) || strings.Contains(log.raw, "小王") || strings.Contains(log.raw, "周一") {
		t.Errorf("the audit log: %s", log.raw)
	}
	b.ask("agent-a", "DELETE", at, nil).want(204)
	b.ask("agent-a", "GET", at, nil).problem(404, "checklist.not_found", "/id")
	b.ask("agent-a", "GET", "/checklists/m1", nil).problem(404, "checklist.not_found", "/id")
}

func TestSavedChecklistsAreBounded(t *testing.T) {
	b := newBench(t)
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		for range checklist.MostOfOne {
			tx.PutChecklist(ledger.ChecklistRow{By: "agent-a", Platform: "other", Verdict: "unknown", Sheet: []byte("{}"), Report: []byte("{}")})
		}
		return nil
	}))
	sheet := map[string]any{"platform": "other", "answers": map[string]any{}}
	b.ask("agent-a", "POST", "/checklists", sheet).problem(429, "checklist.too_many", "")
	b.ask("agent-b", "POST", "/checklists", sheet).want(201)
	first := b.ask("sup", "GET", "/checklists?limit=60", nil).want(200)
	rest := b.ask("sup", "GET", "/checklists?limit=60&cursor="+first.text("cursor"), nil).want(200)
	if len(first.list("checklists")) != 60 || len(rest.list("checklists")) != 41 || rest.body["cursor"] != nil {
		t.Errorf("pages of %d and %d", len(first.list("checklists")), len(rest.list("checklists")))
	}
	if rows, err := b.store.Checklists(context.Background(), "agent-b", 0, 9); err != nil || len(rows) != 1 || rows[0].By != "agent-b" {
		t.Errorf("rows of agent-b: %+v, %v", rows, err)
	}
}
