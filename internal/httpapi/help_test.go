package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
)

// helpBench is a bench that really diagnoses, with a team whose lead is the supervisor, and somebody who may change settings and no more.
func helpBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.diagnosing()
	b.ask("admin", "PUT", "/policy", map[string]any{"documents": []any{
		document("team", "day", map[string]any{"title": "白班", "lead": "sup", "members": []string{"agent-a"}}),
		document("role", "settings", map[string]any{"title": "权限管理员", "template": "permission-admin"}),
		document("account", "robot-2", map[string]any{"title": "权限管理员丙", "roles": []string{"settings"}}),
	}}, "If-Match", "*").want(200)
	for _, agent := range []string{"agent-a", "agent-b", "sup"} {
		b.online(agent)
	}
	return b
}

// diagnosing puts the real diagnosis in the place of the one that only notes what it was asked.
func (b *bench) diagnosing() {
	b.t.Helper()
	o := b.server.o
	o.Diagnose = diagnosis.New(diagnosis.Deps{Ledger: b.ledger, Messages: b.store, Flow: b.store, Facts: b.store, Policies: b.store, Now: b.clock})
	var err error
	if b.server, err = New(o); err != nil {
		b.t.Fatal(err)
	}
}

func document(kind, name string, spec map[string]any) map[string]any {
	return map[string]any{"kind": kind, "name": name, "spec": spec}
}

// deny takes the right to group messages from agent-a.
func (b *bench) deny() {
	b.t.Helper()
	b.ask("admin", "PUT", "/policy", map[string]any{"documents": []any{
		document("account", "agent-a", map[string]any{"title": "甲", "alias": "小甲", "agent": true, "roles": []string{"agent"}, "deny": []any{map[string]any{"permission": "receive.group"}}}),
	}, "reason": "测试"}, "If-Match", "*").want(200)
}

func (b *bench) askHelp(actor, id string, more map[string]any) *reply {
	body := map[string]any{"id": id, "note": "收不到群消息，请看一下"}
	for k, v := range more {
		body[k] = v
	}
	return b.ask(actor, "POST", "/help-requests", body)
}

// notices are what is in an account's list about something, oldest first.
func (b *bench) notices(account, about string) (texts []string) {
	b.t.Helper()
	events, err := b.delivery.Events(b.t.Context(), account, 0, 500, "zh")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range events {
		if e.About == about {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func (r *reply) at(path ...string) any {
	var v any = r.body
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			r.t.Fatalf("nothing at %v: %s", path, r.raw)
		}
		v = m[name]
	}
	return v
}

func TestAReportIsPassedOnTakenAndClosedAndEverybodyIsTold(t *testing.T) {
	b := helpBench(t)
	b.deny()
	got := b.askHelp("agent-a", "1", nil).want(201)
	id := got.text("id")
	if got.text("state") != "open" || got.text("code") != "permission.kind.account_denied" || got.at("report", "verdict") != "partial" || got.at("own") != true {
		t.Fatalf("the request: %s", got.raw)
	}
	if told := fmt.Sprint(got.list("receivers")); told != "[map[title:主管] map[title:管理员] map[title:权限管理员丙]]" {
		t.Errorf("told: %s", told) // the lead, who can see it, and then who may change the settings
	}
	for _, account := range []string{"sup", "admin", "robot-2"} {
		if texts := b.notices(account, "help/"+id); len(texts) != 1 || !strings.Contains(texts[0], "甲 请您协助") || strings.Contains(texts[0], "收不到群消息，请看一下") {
			t.Errorf("%s is told %q", account, texts)
		}
	}
	list := b.ask("sup", "GET", "/help-requests", nil).want(200)
	if n := len(list.list("requests")); n != 1 || list.number("open") != 1 {
		t.Fatalf("a supervisor's list: %s", list.raw)
	}
	b.ask("sup", "POST", "/help-requests/"+id+"/take", nil).want(200)
	b.ask("sup", "POST", "/help-requests/"+id+"/take", nil).want(200) // again: no change
	b.ask("admin", "POST", "/help-requests/"+id+"/take", nil).problem(409, "help.taken", "")
	if texts := b.notices("agent-a", "help/"+id); len(texts) != 1 || !strings.Contains(texts[0], "主管 正在处理您的求助") {
		t.Errorf("who asked is told %q", texts)
	}
	repaired := b.repairGroup("admin", id).want(201)
	if repaired.number("passing") != 1 || repaired.at("check", "state") != "no_traffic" || repaired.text("help_request") != id {
		t.Errorf("the repair: %s", repaired.raw)
	}
	seen := b.ask("agent-a", "GET", "/help-requests/"+id, nil).want(200)
	if seen.at("recovered") != true || seen.text("state") != "taken" {
		t.Errorf("a cause that is gone is said, and closes nothing: %s", seen.raw)
	}
	b.ask("sup", "POST", "/help-requests/"+id+"/done", map[string]any{"reason": "权限已恢复"}).want(200)
	b.ask("admin", "POST", "/help-requests/"+id+"/done", nil).problem(409, "help.closed", "")
	seen = b.ask("agent-a", "GET", "/help-requests/"+id, nil).want(200)
	if seen.text("state") != "done" || seen.text("answer") != "权限已恢复" || len(seen.list("repairs")) != 1 || seen.at("recovered") != false {
		t.Errorf("who asked sees %s", seen.raw)
	}
	if entries := b.ask("admin", "GET", "/audit", nil).raw; !strings.Contains(entries, "help.ask") || !strings.Contains(entries, "help.done") || !strings.Contains(entries, `"repair"`) || strings.Contains(entries, "收不到群消息，请看一下") {
		t.Errorf("the audit log: %s", entries)
	}
}

// repairGroup gives agent-a the right back, as the report has it.
func (b *bench) repairGroup(actor, request string) *reply {
	b.t.Helper()
	report := b.ask(actor, "GET", "/diagnosis?agent=agent-a", nil).want(200)
	body := map[string]any{"id": "repair " + request, "agent": "agent-a", "code": "permission.kind.account_denied"}
	if request != "" {
		body["help_request"] = request
	}
	return b.ask(actor, "POST", "/repairs", body, "If-Match", fmt.Sprintf(`"%v"`, report.number("revision")))
}

func TestWhoAsksForTheSameAgainJoins(t *testing.T) {
	b := helpBench(t)
	b.deny()
	first := b.askHelp("agent-a", "1", nil).want(201)
	if again := b.askHelp("agent-a", "1", nil).want(200); again.text("id") != first.text("id") || again.number("asked") != 1 {
		t.Errorf("the same id: %s", again.raw)
	}
	b.askHelp("agent-a", "1", map[string]any{"note": "另一句"}).problem(409, "help.duplicate_conflict", "/id")
	if joined := b.askHelp("agent-a", "2", nil).want(200); joined.text("id") != first.text("id") || joined.number("asked") != 2 {
		t.Errorf("the same cause: %s", joined.raw)
	}
	if joined := b.askHelp("sup", "1", map[string]any{"agent": "agent-a"}).want(200); joined.text("id") != first.text("id") || joined.number("asked") != 3 {
		t.Errorf("somebody else: %s", joined.raw)
	}
	if n := len(b.notices("admin", "help/"+first.text("id"))); n != 1 {
		t.Errorf("the administrator is told %d times", n)
	}
	b.ask("agent-a", "POST", "/help-requests/"+first.text("id")+"/withdraw", nil).want(200)
	if next := b.askHelp("agent-a", "3", nil).want(201); next.text("id") == first.text("id") {
		t.Error("a request that was withdrawn is joined")
	}
}

func TestBadRequestsForHelpAreRefusedByField(t *testing.T) {
	b := helpBench(t)
	b.askHelp("agent-a", "", nil).problem(400, "conversation.invalid", "/id")
	b.askHelp("agent-a", "1", map[string]any{"note": strings.Repeat("长", 501)}).problem(400, "help.note", "/note")
	b.askHelp("agent-a", "1", map[string]any{"agent": "agent-b"}).problem(403, "diagnosis.forbidden", "")
	b.askHelp("agent-a", "1", map[string]any{"agent": "nobody-at-all"}).problem(403, "diagnosis.forbidden", "") // not told whether it exists
	b.askHelp("sup", "1", map[string]any{"agent": "nobody-at-all"}).problem(404, "diagnosis.unknown_agent", "/agent")
	b.askHelp("sup", "1", map[string]any{"agent": "agent-a", "inbox": "none"}).problem(404, "diagnosis.unknown_inbox", "/inbox")
	id := b.askHelp("agent-a", "2", nil).want(201).text("id")
	b.ask("sup", "POST", "/help-requests/"+id+"/decline", nil).problem(400, "help.reason_missing", "/reason")
	b.ask("sup", "POST", "/help-requests/"+id+"/decline", map[string]any{"reason": strings.Repeat("长", 501)}).problem(400, "help.reason", "/reason")
	b.ask("agent-b", "POST", "/help-requests/"+id+"/withdraw", nil).problem(404, "help.not_found", "/id")
	b.ask("sup", "POST", "/help-requests/"+id+"/withdraw", nil).problem(403, "help.not_asker", "")
	b.ask("auditor", "POST", "/help-requests/"+id+"/take", nil).problem(403, "permission.missing", "")
	b.ask("sup", "GET", "/help-requests/h999", nil).problem(404, "help.not_found", "/id")
	b.ask("sup", "GET", "/help-requests/x", nil).problem(404, "help.not_found", "/id")
	b.ask("sup", "POST", "/help-requests/"+id+"/decline", map[string]any{"reason": "这是排班，属正常"}).want(200)
	if texts := b.notices("agent-a", "help/"+id); len(texts) != 1 || strings.Contains(texts[0], "排班") {
		t.Errorf("who asked is told %q", texts)
	}
}

func TestNobodyAsksForHelpWithoutEnd(t *testing.T) {
	b := helpBench(t)
	for i := range helpRate.Burst {
		b.askHelp("agent-b", fmt.Sprint(i), nil)
	}
	got := b.askHelp("agent-b", "more", nil)
	if got.problem(429, "help.limited", ""); got.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	b.tick(time.Minute)
	b.askHelp("agent-b", "later", nil).want(200)
}

func TestARequestShowsEachWhatTheirRightsAllow(t *testing.T) {
	b := helpBench(t)
	b.deny()
	id := b.askHelp("agent-a", "1", nil).want(201).text("id")
	path := "/help-requests/" + id
	specs := func(actor string) bool {
		return strings.Contains(b.ask(actor, "GET", path, nil).want(200).raw, `"spec"`)
	}
	if !specs("sup") || !specs("admin") || specs("agent-a") || specs("robot-2") {
		t.Error("the specs of a fix are for who may read the settings and diagnose others")
	}
	for actor, knows := range map[string]bool{"sup": true, "agent-a": false, "robot-2": false} {
		raw := b.ask(actor, "GET", path, nil).want(200).raw
		if got := strings.Contains(raw, `"changed_by":{"account":"admin"`); got != knows {
			t.Errorf("%s sees who by account: %v", actor, got)
		}
	}
	b.ask("agent-b", "GET", path, nil).problem(404, "help.not_found", "/id")
	if list := b.ask("agent-b", "GET", "/help-requests?state=all", nil).want(200); len(list.list("requests")) != 0 || list.number("open") != 0 {
		t.Errorf("a colleague sees %s", list.raw)
	}
	for _, state := range []string{"active", "open", "all"} {
		if n := len(b.ask("robot-2", "GET", "/help-requests?state="+state, nil).want(200).list("requests")); n != 1 {
			t.Errorf("who was told sees %d requests that are %s", n, state)
		}
	}
	// The supervisor asks about an agent: the agent sees that, and not what was written.
	id = b.askHelp("sup", "2", map[string]any{"agent": "agent-b", "note": "他总是离开"}).want(201).text("id")
	if raw := b.ask("agent-b", "GET", "/help-requests/"+id, nil).want(200).raw; strings.Contains(raw, "他总是离开") || strings.Contains(raw, `"sup"`) {
		t.Errorf("whom it is about sees %s", raw)
	}
}

func TestTheReportOfARequestIsWhatDiagnosisTellsThen(t *testing.T) {
	b := helpBench(t)
	b.deny()
	for _, actor := range []string{"agent-a", "sup"} {
		want := b.ask(actor, "GET", "/diagnosis?agent=agent-a", nil, "Accept-Language", "en").want(200)
		got := b.askHelp(actor, "1", map[string]any{"agent": "agent-a"})
		id := got.text("id")
		b.deny() // nothing changes, and neither does what was kept
		read := b.ask(actor, "GET", "/help-requests/"+id, nil, "Accept-Language", "en").want(200)
		a, _ := json.Marshal(want.body["findings"])
		c, _ := json.Marshal(read.at("report", "findings"))
		if string(a) != string(c) {
			t.Errorf("%s:\ngot  %s\nwant %s", actor, c, a)
		}
	}
}

func TestAFixIsCarriedOutOnceAndOnlyAsItWasShown(t *testing.T) {
	b := helpBench(t)
	b.deny()
	body := func(more ...any) map[string]any {
		m := map[string]any{"id": "x", "agent": "agent-a", "code": "permission.kind.account_denied"}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	report := b.ask("admin", "GET", "/diagnosis?agent=agent-a", nil).want(200)
	tag := fmt.Sprintf(`"%v"`, report.number("revision"))
	b.ask("admin", "POST", "/repairs", body()).problem(428, "policy.if_match_required", "/If-Match")
	b.ask("admin", "POST", "/repairs", body(), "If-Match", `"1"`).problem(412, "policy.stale", "")
	b.ask("agent-a", "POST", "/repairs", body(), "If-Match", tag).problem(403, "permission.missing", "")
	b.ask("admin", "POST", "/repairs", body("code", "presence.away"), "If-Match", tag).problem(409, "repair.no_fix", "/code")
	b.ask("admin", "POST", "/repairs", body("action", "pray")).problem(400, "repair.action", "/action")
	b.ask("admin", "POST", "/repairs", body("action", "reconnect")).problem(403, "repair.own", "/action")
	b.ask("admin", "POST", "/repairs", body("agent", "")).problem(400, "repair.agent", "/agent")
	b.ask("admin", "POST", "/repairs", body("code", "")).problem(400, "repair.code", "/code")
	b.ask("admin", "POST", "/repairs", body("help_request", "h9"), "If-Match", tag).problem(404, "help.not_found", "/help_request")
	b.ask("admin", "POST", "/repairs", body("documents", []any{document("account", "agent-a", map[string]any{"title": "甲"})}), "If-Match", tag).problem(409, "repair.changed", "/documents")
	before := b.ask("admin", "GET", "/policy", nil).number("revision")
	shown := report.list("findings")[0].(map[string]any)["fix"].(map[string]any)["edits"].([]any)[0].(map[string]any)
	good := body("documents", []any{document("account", "agent-a", shown["spec"].(map[string]any))})
	done := b.ask("admin", "POST", "/repairs", good, "If-Match", tag).want(201)
	again := b.ask("admin", "POST", "/repairs", good, "If-Match", tag).want(200)
	if done.text("id") != again.text("id") || b.ask("admin", "GET", "/policy", nil).number("revision") != before+1 || done.number("revision") != before+1 {
		t.Errorf("done %s, again %s", done.raw, again.raw)
	}
	b.ask("admin", "POST", "/repairs", body("kind", "group"), "If-Match", tag).problem(412, "policy.stale", "")
}

func TestARepairIsFollowedUntilMessagesArrive(t *testing.T) {
	b := helpBench(t)
	b.do(presence("agent-b", "offline"))
	b.deny()
	id := b.repairGroup("admin", "").want(201).text("id")
	state := func(actor string) (string, *reply) {
		got := b.ask(actor, "GET", "/repairs/"+id, nil).want(200)
		return got.at("check", "state").(string), got
	}
	if s, _ := state("admin"); s != "no_traffic" {
		t.Errorf("nothing came in: %s", s)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", message("1")).want(201) // of the kind customer: not what was mended
	if s, _ := state("admin"); s != "no_traffic" {
		t.Errorf("another kind came in: %s", s)
	}
	m := message("2")
	m["kind"] = "group"
	b.ask("robot", "POST", "/inboxes/web/messages", m).want(201)
	if s, got := state("sup"); s != "pushed" || got.at("check", "offered") != 1.0 || got.at("check", "listed") != 1.0 {
		t.Errorf("it is in the list: %s", got.raw)
	}
	b.receive("agent-a")
	s, got := state("agent-a")
	if s != "arrived" || got.at("check", "received") != 1.0 || got.at("check", "first_received") == nil {
		t.Errorf("it arrived: %s", got.raw)
	}
	if strings.Contains(got.raw, `"account":"admin"`) {
		t.Errorf("an agent is told whose account repaired it: %s", got.raw)
	}
	b.ask("agent-b", "GET", "/repairs/"+id, nil).problem(404, "repair.not_found", "/id")
	b.ask("agent-b", "GET", "/repairs?agent=agent-a", nil).problem(403, "permission.missing", "")
	if n := len(b.ask("agent-b", "GET", "/repairs", nil).want(200).list("repairs")); n != 0 {
		t.Errorf("a colleague sees %d repairs", n)
	}
	if n := len(b.ask("agent-a", "GET", "/repairs", nil).want(200).list("repairs")); n != 1 {
		t.Errorf("the agent sees %d repairs", n)
	}
}

func TestARepairThatChangedNothingSaysWhatStopsTheAgentNow(t *testing.T) {
	b := helpBench(t)
	b.deny()
	id := b.repairGroup("admin", "").want(201).text("id")
	b.do(presence("agent-a", "offline"))
	b.tick(10 * time.Minute)
	got := b.ask("sup", "GET", "/repairs/"+id, nil).want(200)
	if got.at("check", "state") != "stopped" || got.at("check", "cause", "gate") != "presence" || got.at("check", "cause", "same") != false {
		t.Errorf("another cause: %s", got.raw)
	}
	b.deny()
	got = b.ask("sup", "GET", "/repairs/"+id, nil).want(200)
	if got.at("check", "standing", "passing") != 0.0 {
		t.Errorf("the same again: %s", got.raw)
	}
	b.do(presence("agent-a", "available"))
	b.ask("admin", "PUT", "/policy", map[string]any{"documents": []any{document("account", "agent-a", map[string]any{"title": "甲", "agent": true, "roles": []string{"agent"}})}}, "If-Match", "*").want(200)
	b.do(presence("agent-a", "offline"))
	b.tick(10 * time.Minute)
	m := message("3")
	m["kind"] = "group"
	b.ask("robot", "POST", "/inboxes/web/messages", m).want(201)
	b.do(presence("agent-a", "available"))
	if got = b.ask("sup", "GET", "/repairs/"+id, nil).want(200); got.at("check", "state") != "elsewhere" {
		t.Errorf("a colleague has it: %s", got.raw)
	}
}

func TestGoingAvailableIsARepairToo(t *testing.T) {
	b := helpBench(t)
	b.do(presence("agent-a", "away"))
	b.tick(10 * time.Minute)
	body := map[string]any{"id": "1", "agent": "agent-a", "code": "presence.away", "action": "go_available"}
	b.ask("agent-b", "POST", "/repairs", body).problem(403, "permission.missing", "")
	got := b.ask("agent-a", "POST", "/repairs", body).want(201)
	if got.number("passing") != 2 || got.text("action") != "go_available" {
		t.Errorf("got %s", got.raw)
	}
	if p := b.ledger.Agent("agent-a").Facts.Presence; p.Value.String() != "available" || p.Origin.By != "agent-a" {
		t.Errorf("presence %+v", p)
	}
	b.do(presence("agent-a", "dnd"))
	report := b.ask("sup", "GET", "/diagnosis?agent=agent-a", nil).want(200)
	code := report.list("findings")[0].(map[string]any)["code"]
	b.ask("sup", "POST", "/repairs", map[string]any{"id": "1", "agent": "agent-a", "code": code, "action": "go_available"}).want(201)
	if p := b.ledger.Agent("agent-a").Facts.Presence; p.Value.String() != "available" || p.Origin.By != "sup" {
		t.Errorf("presence %+v", p)
	}
	if !slices.ContainsFunc(b.ask("admin", "GET", "/audit", nil).list("entries"), func(e any) bool { return e.(map[string]any)["action"] == "presence.set" }) {
		t.Error("a supervisor's change of a presence is not in the audit log")
	}
}
