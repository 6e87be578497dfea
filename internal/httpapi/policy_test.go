package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// agentA is a's document with one thing different.
func agentA(change string) map[string]any {
	spec := map[string]any{}
	if err := json.Unmarshal([]byte(`{"title":"甲","alias":"小甲","agent":true,"roles":["agent"]`+change+`}`), &spec); err != nil {
		panic(err)
	}
	return map[string]any{"spec": spec}
}

func TestThePolicyIsReadWithItsRevision(t *testing.T) {
	b := newBench(t)
	got := b.ask("sup", "GET", "/policy", nil).want(200)
	if got.number("revision") != 1 || got.header.Get("ETag") != `"1"` || len(got.list("documents")) != 14 {
		t.Errorf("read %s %s", got.header.Get("ETag"), got.raw)
	}
	doc := b.ask("sup", "GET", "/policy/documents/account/agent-a", nil).want(200)
	if doc.raw != `{"kind":"account","name":"agent-a","spec":{"title":"甲","alias":"小甲","agent":true,"roles":["agent"]},"revision":1}`+"\n" {
		t.Errorf("read %s", doc.raw)
	}
	builtin := b.ask("sup", "GET", "/policy/documents/template/agent", nil).want(200)
	if builtin.number("revision") != 0 || !strings.Contains(builtin.raw, "message.reply") {
		t.Errorf("read %s", builtin.raw)
	}
	b.ask("sup", "GET", "/policy/documents/account/ghost", nil).problem(404, "policy.unknown_document", "")
	b.ask("sup", "GET", "/policy/documents/nonsense/ghost", nil).problem(404, "policy.unknown_document", "")
}

func TestAChangeNeedsTheRevisionItWasMadeAgainst(t *testing.T) {
	b := newBench(t)
	const path = "/policy/documents/account/agent-a"
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"PUT", "/policy", map[string]any{"documents": []any{}}}, {"PUT", path, agentA("")}, {"DELETE", path, nil},
	} {
		b.ask("admin", call.method, call.path, call.body).problem(428, "policy.if_match_required", "/If-Match")
		b.ask("admin", call.method, call.path, call.body, "If-Match", `"0"`).problem(412, "policy.stale", "")
		b.ask("admin", call.method, call.path, call.body, "If-Match", `"2"`).problem(412, "policy.stale", "")
		b.ask("admin", call.method, call.path, call.body, "If-Match", `W/"1"`).problem(412, "policy.stale", "")
		b.ask("admin", call.method, call.path, call.body, "If-Match", `"one"`).problem(400, "policy.if_match_invalid", "/If-Match")
	}
	if b.ledger.Policy().Revision() != 1 {
		t.Fatal("something was changed")
	}
	got := b.ask("admin", "PUT", path, agentA(`,"number":"1001"`), "If-Match", `"1"`).want(200)
	if got.header.Get("ETag") != `"2"` || got.number("revision") != 2 || !strings.Contains(got.raw, `"number":"1001"`) {
		t.Errorf("answered with %s %s", got.header.Get("ETag"), got.raw)
	}
	b.ask("admin", "PUT", path, agentA(""), "If-Match", `"1"`).problem(412, "policy.stale", "")
	if b.ask("admin", "PUT", path, agentA(""), "If-Match", `"1"`).number("revision") != 2 {
		t.Error("a stale change does not say which revision is current")
	}
}

func TestADocumentIsStaleOnlyIfItWasChangedItself(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/policy/documents/account/agent-b", map[string]any{"spec": map[string]any{"agent": true}}, "If-Match", `"1"`).want(200)
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"1"`), "If-Match", `"1"`).want(200) // 2 changed another document
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"2"`), "If-Match", `"2"`).problem(412, "policy.stale", "")
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"2"`), "If-Match", `"1", "3"`).want(200)
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"3"`), "If-Match", "4").want(200) // without quotes
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"4"`), "If-Match", "*").want(200)
	b.ask("admin", "PUT", "/policy/documents/account/fresh", agentA(``), "If-Match", "*").problem(412, "policy.stale", "")
	b.ask("admin", "PUT", "/policy/documents/account/fresh", agentA(``), "If-Match", `"6"`).want(200)
	b.ask("admin", "DELETE", "/policy/documents/account/fresh", nil, "If-Match", `"6"`).problem(412, "policy.stale", "")
	b.ask("admin", "DELETE", "/policy/documents/account/fresh", nil, "If-Match", `"7"`).want(200)
	b.ask("admin", "PUT", "/policy/documents/account/fresh", agentA(``), "If-Match", `"7"`).problem(412, "policy.stale", "") // somebody deleted it
	b.ask("admin", "PUT", "/policy/documents/account/fresh", agentA(``), "If-Match", `"8"`).want(200)
	b.ask("admin", "DELETE", "/policy/documents/account/ghost", nil, "If-Match", `"9"`).problem(404, "policy.unknown_document", "")
}

func TestABrokenPolicyIsRefusedByFieldAndAsAWhole(t *testing.T) {
	b := newBench(t)
	put := func(documents string) *reply {
		return b.ask("admin", "PUT", "/policy", `{"documents":[`+documents+`]}`, "If-Match", `"1"`)
	}
	good := `{"kind":"account","name":"fresh","spec":{}},`
	got := put(good+`{"kind":"account","name":"bad","spec":{"agent":"yes","colour":"red","roles":["ghost"]}}`).problem(400, "policy.invalid", "/spec/agent")
	errs := got.list("errors")
	if len(errs) < 2 || errs[0].(map[string]any)["document"] != "account/bad" {
		t.Errorf("the errors are %v", errs)
	}
	inChinese := b.ask("admin", "PUT", "/policy", `{"documents":[{"kind":"schedule","name":"s","spec":{"zone":"Asia/Nowhere"}}]}`, "If-Match", `"1"`, "Accept-Language", "zh")
	if text := inChinese.problem(400, "policy.invalid", "/spec/zone").list("errors")[0].(map[string]any)["message"].(string); !strings.Contains(text, "未知时区") {
		t.Errorf("who reads Chinese is told %q", text)
	}
	put(good+`{"kind":"account","name":"bad","spec":{"roles":["ghost"]}}`).problem(400, "policy.invalid", "/spec/roles/0")
	put(good+`{"kind":"fax","name":"bad","spec":{}}`).problem(400, "policy.invalid", "/kind")
	put(good+good[:len(good)-1]).problem(400, "policy.invalid", "")
	put(`{"kind":"account","name":"bad"}`).problem(400, "request.invalid", "/documents/0/spec")
	put(`{"kind":"account","name":"bad","spec":[]}`).problem(400, "request.invalid", "/documents/0/spec")
	put(`{"kind":"account","name":"bad","spec":{},"colour":"red"}`).problem(400, "request.invalid", "/documents/0/colour")
	put(`{"kind":"account","name":"bad","spec":{"title":"`+"\xff"+`"}}`).problem(400, "request.invalid", "/documents/0/spec/title")
	put(`{"kind":"account","name":"bad","spec":{"title":"a","title":"b"}}`).problem(400, "request.invalid", "/documents/0/spec/title")
	put(`{"kind":"account","name":"admin","spec":{"roles":["admin"],"state":"disabled"}}`).problem(400, "policy.invalid", "")
	b.ask("admin", "PUT", "/policy/documents/template/agent", map[string]any{"spec": map[string]any{}}, "If-Match", `"1"`).problem(400, "policy.invalid", "")
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", map[string]any{"spec": map[string]any{"agent": 1}}, "If-Match", `"1"`).problem(400, "policy.invalid", "/spec/agent")
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", map[string]any{"spec": map[string]any{}, "name": "other"}, "If-Match", `"1"`).problem(400, "request.invalid", "/name")
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", `{}`, "If-Match", `"1"`).problem(400, "request.invalid", "/spec")
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", nil, "If-Match", `"1"`).problem(400, "request.invalid", "")
	b.ask("admin", "PUT", "/policy", strings.Repeat(" ", policyBody+1), "If-Match", `"1"`).problem(413, "request.too_large", "")
	if now := b.ledger.Policy(); now.Revision() != 1 {
		t.Errorf("revision %d", now.Revision())
	}
}

func TestWhatWasReadCanBeSentBack(t *testing.T) {
	b := newBench(t)
	read := b.ask("admin", "GET", "/policy", nil).want(200)
	same := b.ask("admin", "PUT", "/policy", map[string]any{"documents": read.body["documents"], "prune": true}, "If-Match", read.header.Get("ETag")).want(200)
	if same.number("revision") != 1 || len(same.list("changes")) != 0 {
		t.Errorf("answered with %s", same.raw)
	}
	doc := b.ask("admin", "GET", "/policy/documents/inbox/web", nil)
	b.ask("admin", "PUT", "/policy/documents/inbox/web", doc.raw, "If-Match", doc.header.Get("ETag")).want(200)
}

func TestOnlyPruneDeletesWhatIsMissing(t *testing.T) {
	b := newBench(t)
	docs := []any{map[string]any{"kind": "account", "name": "admin", "spec": map[string]any{"title": "管理员", "roles": []any{"admin"}}}}
	kept := b.ask("admin", "PUT", "/policy", map[string]any{"documents": docs}, "If-Match", `"1"`).want(200)
	if len(kept.list("changes")) != 0 {
		t.Errorf("answered with %s", kept.raw)
	}
	pruned := b.ask("admin", "PUT", "/policy", map[string]any{"documents": docs, "prune": true}, "If-Match", `"1"`).want(200)
	if len(pruned.list("changes")) != 13 || b.ledger.Policy().Len() != 1 {
		t.Errorf("answered with %s", pruned.raw)
	}
}

func TestThePastIsReadAsItWas(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(fmt.Sprintf(`,"number":"%d"`, i)), "If-Match", fmt.Sprintf(`"%d"`, i+1)).want(200)
	}
	b.ask("admin", "DELETE", "/policy/documents/account/nobody", nil, "If-Match", `"4"`).want(200)
	for revision, want := range map[int]string{1: "", 2: "0", 3: "1", 4: "2", 5: "2"} {
		got := b.ask("sup", "GET", fmt.Sprintf("/policy/documents/account/agent-a?revision=%d", revision), nil).want(200)
		spec, _ := got.body["spec"].(map[string]any)
		if number, _ := spec["number"].(string); number != want {
			t.Errorf("at revision %d the number was %q, want %q", revision, number, want)
		}
	}
	if whole := b.ask("sup", "GET", "/policy?revision=2", nil).want(200); whole.number("revision") != 2 || whole.header.Get("ETag") != `"2"` || len(whole.list("documents")) != 14 {
		t.Errorf("read %s", whole.raw)
	}
	b.ask("sup", "GET", "/policy/documents/account/nobody", nil).problem(404, "policy.unknown_document", "")
	b.ask("sup", "GET", "/policy/documents/account/nobody?revision=4", nil).want(200)
	b.ask("sup", "GET", "/policy?revision=6", nil).problem(404, "policy.unknown_revision", "/revision")
	b.ask("sup", "GET", "/policy?revision=0", nil).problem(400, "request.invalid", "/revision")
	b.ask("sup", "GET", "/policy?revision=x", nil).problem(400, "request.invalid", "/revision")
	b.ask("sup", "GET", "/policy?revison=1", nil).problem(400, "request.invalid", "/revison")
}

func TestRevisionsAreListedInPieces(t *testing.T) {
	b := newBench(t)
	for i := range 4 {
		b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(fmt.Sprintf(`,"number":"%d"`, i)), "If-Match", "*", "X-Request-Id", fmt.Sprint("change-", i)).want(200)
	}
	var seen []string
	for cursor := ""; ; {
		got := b.ask("auditor", "GET", "/policy/revisions?limit=2&cursor="+cursor, nil).want(200)
		for _, r := range got.list("revisions") {
			row := r.(map[string]any)
			request, _ := row["request"].(string)
			seen = append(seen, fmt.Sprint(row["revision"], " by ", row["by"], " ", request))
		}
		if cursor, _ = got.body["cursor"].(string); cursor == "" {
			break
		}
	}
	want := []string{"5 by admin change-3", "4 by admin change-2", "3 by admin change-1", "2 by admin change-0", "1 by system "}
	if !slices.Equal(seen, want) {
		t.Errorf("listed %q, want %q", seen, want)
	}
	b.ask("auditor", "GET", "/policy/revisions?cursor=x", nil).problem(400, "request.invalid_cursor", "/cursor")
	b.ask("auditor", "GET", "/policy/revisions?limit=0", nil).problem(400, "request.invalid", "/limit")
	b.ask("auditor", "GET", "/policy/revisions?limit=501", nil).problem(400, "request.invalid", "/limit")
}

func TestAStateIsSetWithoutKnowingTheRevision(t *testing.T) {
	b := newBench(t)
	got := b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "frozen", "reason": "投诉待查", "until": "2026-11-30T00:00:00+08:00"}).want(200)
	if got.number("revision") != 2 || got.text("until") != "2026-11-29T16:00:00.000+00:00" {
		t.Errorf("answered with %s", got.raw)
	}
	doc := b.ask("admin", "GET", "/policy/documents/account/agent-a", nil).want(200)
	if !strings.Contains(doc.raw, `"state":"frozen","state_reason":"投诉待查","state_until":"2026-11-30T00:00:00+08:00"`) || !strings.Contains(doc.raw, `"alias":"小甲"`) {
		t.Errorf("the document is %s", doc.raw)
	}
	b.ask("agent-a", "GET", "/me", nil).problem(403, "account.state.frozen", "")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "active"}).want(200)
	doc = b.ask("admin", "GET", "/policy/documents/account/agent-a", nil).want(200)
	if strings.Contains(doc.raw, "state") {
		t.Errorf("the document is %s", doc.raw)
	}
	b.ask("admin", "PUT", "/accounts/ghost/state", map[string]any{"state": "frozen"}).problem(404, "account.not_found", "/name")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "asleep"}).problem(400, "request.invalid", "/state")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{}).problem(400, "request.invalid", "/state")
	b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": "disabled", "until": "2026-11-30T00:00:00+08:00"}).problem(400, "policy.invalid", "/until")
	b.ask("admin", "PUT", "/accounts/admin/state", map[string]any{"state": "left"}).problem(400, "policy.invalid", "")
}

func TestRefusalsSpeakTheCallersLanguage(t *testing.T) {
	b := newBench(t)
	for header, chinese := range map[string]bool{
		"": false, "zh": true, "zh-CN,zh;q=0.9,en;q=0.8": true, "en-GB,zh;q=0.5": false, "zh;q=0.1,en;q=0.2": false, "fr, zh;q=0.3": true, "fr": false,
		"en;q=0, zh;q=0.01": true, "ZH-hans": true, ";;,q=,": false,
	} {
		for _, got := range []*reply{
			b.ask("nobody", "GET", "/policy", nil, "Accept-Language", header),
			b.ask("admin", "PUT", "/accounts/agent-a/state", map[string]any{"state": 5}, "Accept-Language", header),
			b.ask("admin", "GET", "/nothing", nil, "Accept-Language", header),
		} {
			if is := strings.ContainsAny(got.text("title")+got.text("detail"), "的没权限格不"); is != chinese {
				t.Errorf("%q is answered with %s", header, got.raw)
			}
		}
	}
}
