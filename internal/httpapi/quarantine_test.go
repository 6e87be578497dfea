package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
)

const filterRules = `
{kind: filter, name: spam, spec: {title: 广告, order: 10, match: {keywords: [加微信], patterns: ['\d{6}']}, action: quarantine, reason: 骚扰}}
---
{kind: filter, name: abuse, spec: {order: 20, match: {keywords: [滚]}, action: reject}}
---
{kind: filter, name: complaint, spec: {order: 5, match: {keywords: [投诉]}, action: tag, tag: 投诉}}
`

func newFilterBench(t *testing.T) *bench {
	t.Helper()
	b := newChatBench(t)
	docs, err := policy.ParseYAML([]byte(filterRules))
	if err != nil {
		t.Fatal(err)
	}
	b.do(&governance.Apply{Base: -1, By: "admin", Source: "test", Edit: func(s *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(s, docs, false) }})
	return b
}

func written(id, contact, text string) map[string]any {
	return map[string]any{"id": id, "contact": map[string]any{"id": contact, "name": "客户"}, "text": text}
}

func at(body map[string]any, path ...string) any {
	var v any = body
	for _, step := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i := 0
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func TestAnInterceptedMessageIsKeptListedExplainedAndReleased(t *testing.T) {
	b := newFilterBench(t)
	b.online("agent-a")
	first := b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "你好")).want(201)
	held := b.ask("robot", "POST", "/inboxes/web/messages", written("2", "u1", "我要投诉，加微信 123456")).want(201)
	if held.text("status") != "quarantined" || held.number("sequence") != 2 || held.text("conversation") != first.text("conversation") || !strings.Contains(held.text("summary"), "(spam)") {
		t.Fatalf("answered with %s", held.raw)
	}
	again := b.ask("robot", "POST", "/inboxes/web/messages", written("2", "u1", "我要投诉，加微信 123456")).want(200)
	if again.raw != held.raw {
		t.Errorf("repeated: %s, first %s", again.raw, held.raw)
	}
	id, thread := held.text("message"), "/conversations/"+held.text("conversation")

	// Its place is seen by those who see the thread, its text by those who may see what was intercepted.
	for actor, want := range map[string]string{"agent-a": "", "sup": "我要投诉，加微信 123456"} {
		got := b.ask(actor, "GET", thread+"/messages", nil).want(200)
		if at(got.body, "messages", "1", "direction") != "held" || at(got.body, "messages", "1", "text") != want || at(got.body, "messages", "1", "quarantine", "rule_title") != "广告" {
			t.Errorf("%s reads %s", actor, got.raw)
		}
	}
	if got := b.ask("agent-a", "GET", thread, nil).want(200); strings.Contains(got.raw, "微信") || at(got.body, "last_message", "direction") != "held" || got.number("unanswered") != 1 {
		t.Errorf("the conversation shows %s", got.raw)
	}

	list := b.ask("sup", "GET", "/quarantine?inbox=web&rule=spam", nil).want(200)
	if len(list.list("messages")) != 1 || at(list.body, "messages", "0", "message") != id || at(list.body, "messages", "0", "text") != "我要投诉，加微信 123456" ||
		at(list.body, "messages", "0", "rule", "title") != "广告" || fmt.Sprint(at(list.body, "messages", "0", "tags")) != "[投诉]" {
		t.Errorf("the list is %s", list.raw)
	}
	for _, none := range []string{"?inbox=vip", "?rule=abuse", "?state=rejected", "?state=released"} {
		if got := b.ask("sup", "GET", "/quarantine"+none, nil).want(200); len(got.list("messages")) != 0 {
			t.Errorf("%s: %s", none, got.raw)
		}
	}
	one := b.ask("sup", "GET", "/quarantine/"+id, nil).want(200)
	if fmt.Sprint(at(one.body, "rule", "hits")) != "[map[end:8 how:keyword start:5 term:加微信] map[end:15 how:pattern start:9 term:\\d{6}]]" || at(one.body, "rule", "by") != "admin" ||
		at(one.body, "rule", "by_title") != "管理员" || at(one.body, "rule", "reason") != "骚扰" {
		t.Errorf("it is explained as %s", one.raw)
	}
	b.ask("sup", "GET", "/quarantine/"+first.text("message"), nil).problem(404, "quarantine.not_found", "/id")

	released := b.ask("sup", "POST", "/messages/"+id+"/release", nil).want(200)
	if released.text("state") != "released" || released.text("released_by_title") != "主管" {
		t.Errorf("released: %s", released.raw)
	}
	if twice := b.ask("admin", "POST", "/messages/"+id+"/release", nil).want(200); twice.raw != released.raw {
		t.Errorf("released again: %s", twice.raw)
	}
	got := b.ask("agent-a", "GET", thread+"/messages", nil).want(200)
	if at(got.body, "messages", "1", "direction") != "in" || at(got.body, "messages", "1", "text") != "我要投诉，加微信 123456" || at(got.body, "messages", "1", "quarantine", "released_by") != "sup" ||
		fmt.Sprint(at(got.body, "messages", "1", "tags")) != "[投诉]" {
		t.Errorf("the thread is %s", got.raw)
	}
	if got := b.ask("agent-a", "GET", thread, nil).want(200); got.number("unanswered") != 2 {
		t.Errorf("the conversation shows %s", got.raw)
	}
	if again := b.ask("robot", "POST", "/inboxes/web/messages", written("2", "u1", "我要投诉，加微信 123456")).want(200); again.raw != held.raw {
		t.Errorf("repeated after the release: %s", again.raw)
	}
}

func TestTheTraceOfAnInterceptedMessageNamesRuleVersionMatchAndAuthor(t *testing.T) {
	b := newFilterBench(t)
	b.online("agent-a")
	held := b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "请加微信"))
	before := b.ask("sup", "GET", "/policy/documents/filter/spam", nil).want(200)
	b.ask("admin", "PUT", "/policy/documents/filter/spam", map[string]any{"spec": map[string]any{"match": map[string]any{"keywords": []any{"别的"}}, "action": "reject"}},
		"If-Match", before.header.Get("ETag")).want(200)
	trace := b.ask("sup", "GET", "/messages/"+held.text("message")+"/trace", nil).want(200)
	if at(trace.body, "direction") != "held" || at(trace.body, "filter", "outcome") != "quarantined" || at(trace.body, "filter", "rule", "name") != "spam" ||
		at(trace.body, "filter", "rule", "revision") != before.number("revision") || at(trace.body, "filter", "rule", "by") != "admin" || at(trace.body, "filter", "rule", "title") != "广告" ||
		fmt.Sprint(at(trace.body, "filter", "rule", "hits")) != "[map[end:4 how:keyword start:1 term:加微信]]" || at(trace.body, "decision", "verdict") != "quarantined" {
		t.Errorf("the trace is %s", trace.raw)
	}
	if sender := b.ask("robot", "GET", "/messages/trace?inbox=web&sender_id=1", nil).want(200); at(sender.body, "filter", "rule", "name") != "spam" || strings.Contains(sender.raw, "微信") {
		t.Errorf("the sender sees %s", sender.raw)
	}
	b.tick(time.Minute)
	b.ask("sup", "POST", "/messages/"+held.text("message")+"/release", nil).want(200)
	trace = b.ask("sup", "GET", "/messages/"+held.text("message")+"/trace", nil).want(200)
	var stages []string
	for _, x := range trace.list("stages") {
		stages = append(stages, fmt.Sprint(x.(map[string]any)["stage"], " ", x.(map[string]any)["result"]))
	}
	if got := strings.Join(stages, ", "); got != "intake received, stored stored, decided quarantined, released released, decided routed, queued queued" || at(trace.body, "filter", "released_by") != "sup" {
		t.Errorf("the stages are %s: %s", got, trace.raw)
	}
}

func TestARejectedMessageIsAnswered422AndItsRecordIsKept(t *testing.T) {
	b := newFilterBench(t)
	b.online("agent-a")
	bad := b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "滚")).problem(422, "filter.rejected", "")
	if bad.text("rule") != "abuse" || bad.text("message") == "" {
		t.Errorf("answered with %s", bad.raw)
	}
	again := b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "滚")).problem(422, "filter.rejected", "")
	if again.text("message") != bad.text("message") {
		t.Errorf("repeated: %s", again.raw)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "你好")).problem(409, "intake.duplicate_conflict", "/id")
	batch := b.ask("robot", "POST", "/inboxes/web/messages:batch", []any{written("2", "u1", "滚开"), written("3", "u1", "你好")}).want(200)
	if at(batch.body, "results", "0", "code") != "filter.rejected" || at(batch.body, "results", "0", "status") != 422.0 || at(batch.body, "results", "1", "sequence") != 1.0 {
		t.Errorf("the batch is answered with %s", batch.raw)
	}
	log := b.ask("sup", "GET", "/intake/log?inbox=web&sender_id=1", nil).want(200)
	if len(log.list("refusals")) != 2 || at(log.body, "refusals", "1", "code") != "filter.rejected" || at(log.body, "refusals", "1", "account") != "robot" {
		t.Errorf("the intake log has %s", log.raw)
	}
	list := b.ask("sup", "GET", "/quarantine?state=rejected&limit=1", nil).want(200)
	if at(list.body, "messages", "0", "text") != "滚开" || at(list.body, "messages", "0", "conversation") != nil {
		t.Errorf("the list is %s", list.raw)
	}
	rest := b.ask("sup", "GET", "/quarantine?state=rejected&limit=1&cursor="+list.text("cursor"), nil).want(200)
	if at(rest.body, "messages", "0", "text") != "滚" {
		t.Errorf("the second piece is %s", rest.raw)
	}
	trace := b.ask("sup", "GET", "/messages/trace?inbox=web&sender_id=1", nil).want(200)
	if at(trace.body, "filter", "outcome") != "rejected" || at(trace.body, "filter", "rule", "name") != "abuse" || at(trace.body, "decision", "code") != "filter.rejected" {
		t.Errorf("the trace is %s", trace.raw)
	}
	b.ask("sup", "POST", "/messages/"+bad.text("message")+"/release", nil).problem(409, "quarantine.rejected", "/id")
}

func TestAVisitorSeesNothingOfRules(t *testing.T) {
	b := newFilterBench(t)
	b.online("agent-a")
	b.visitor("li-lei", "site")
	b.letter("li-lei", "site", "1", "你好").want(201)
	if held := b.letter("li-lei", "site", "2", "加微信").want(201); strings.Contains(held.raw, "quarantine") || strings.Contains(held.raw, "spam") {
		t.Errorf("answered with %s", held.raw)
	}
	if got := texts(b.ask("li-lei", "GET", "/chat/site/messages", nil).want(200)); strings.Join(got, ", ") != "in 你好, in 加微信" {
		t.Errorf("the visitor reads %q", got)
	}
	if bad := b.letter("li-lei", "site", "3", "滚").problem(422, "filter.rejected", ""); strings.Contains(bad.raw, "abuse") || strings.Contains(bad.raw, "规则") {
		t.Errorf("answered with %s", bad.raw)
	}
}

func TestNotSpamProposesAChangeThatCanBeApplied(t *testing.T) {
	b := newFilterBench(t)
	held := b.ask("robot", "POST", "/inboxes/web/messages", written("1", "u1", "请加微信")).want(201)
	got := b.ask("sup", "GET", "/quarantine/"+held.text("message")+"/not-spam", nil).want(200)
	if len(got.list("proposals")) != 2 || got.text("rule") != "spam" {
		t.Fatalf("proposed: %s", got.raw)
	}
	p := got.list("proposals")[0].(map[string]any)
	document := p["document"].(map[string]any)
	if at(p, "after", "outcome") != "passed" || at(p, "fields", "0", "path") != "/spec/match/senders" {
		t.Errorf("proposed: %s", got.raw)
	}
	b.ask("admin", "PUT", "/policy/documents/filter/spam", map[string]any{"spec": document["spec"]}, "If-Match", fmt.Sprintf(`"%v"`, document["revision"])).want(200)
	if next := b.ask("robot", "POST", "/inboxes/web/messages", written("2", "u1", "请加微信")).want(201); next.text("status") != "waiting" {
		t.Errorf("after it was applied: %s", next.raw)
	}
}

func TestTheTestBenchTriesTextsAndDrafts(t *testing.T) {
	b := newFilterBench(t)
	got := b.ask("sup", "POST", "/filters/test", map[string]any{"text": "投诉，加微信", "inbox": "web"}).want(200)
	if got.text("outcome") != "quarantined" || got.text("rule") != "spam" || fmt.Sprint(got.list("tags")) != "[投诉]" || at(got.body, "rules", "0", "name") != "complaint" ||
		at(got.body, "rules", "1", "applied") != true || at(got.body, "rules", "2", "matched") != false || at(got.body, "rules", "1", "hits", "0", "start") != 3.0 {
		t.Errorf("%s", got.raw)
	}
	draft := func(spec map[string]any) map[string]any {
		return map[string]any{"text": "滚", "inbox": "web", "documents": []any{map[string]any{"kind": "filter", "name": "first", "spec": spec}}}
	}
	allow := map[string]any{"order": 1, "action": "allow", "match": map[string]any{"expression": `length < 3`}}
	if got := b.ask("sup", "POST", "/filters/test", draft(allow)).want(200); got.text("outcome") != "allowed" || got.text("rule") != "first" {
		t.Errorf("%s", got.raw)
	}
	allow["match"] = map[string]any{"expression": "now() > 1"}
	b.ask("sup", "POST", "/filters/test", draft(allow)).problem(400, "policy.invalid", "/spec/match/expression")
	b.ask("sup", "POST", "/filters/test", map[string]any{"text": "x", "inbox": "nowhere"}).problem(400, "request.invalid", "/inbox")
	account := map[string]any{"text": "x", "inbox": "web", "documents": []any{map[string]any{"kind": "account", "name": "admin", "spec": map[string]any{}}}}
	b.ask("sup", "POST", "/filters/test", account).problem(400, "request.invalid", "/documents/0/kind")
	if set := b.ledger.Policy(); len(set.FilterNames()) != 3 {
		t.Errorf("a test left rules behind: %v", set.FilterNames())
	}
}

func TestEachRuleSaysHowOftenItTookEffect(t *testing.T) {
	b := newFilterBench(t)
	for i, text := range []string{"滚", "加微信", "加微信，投诉", "你好"} {
		if i == 1 {
			b.tick(25 * time.Hour)
		}
		b.ask("robot", "POST", "/inboxes/web/messages", written(fmt.Sprint(i), "u1", text))
	}
	document := b.ask("sup", "GET", "/policy/documents/filter/complaint", nil).want(200)
	b.ask("admin", "DELETE", "/policy/documents/filter/complaint", nil, "If-Match", document.header.Get("ETag")).want(200)
	got := b.ask("sup", "GET", "/filters", nil).want(200)
	var list []string
	for _, x := range got.list("filters") {
		f := x.(map[string]any)
		list = append(list, fmt.Sprint(f["name"], " ", at(f, "hits", "total"), " ", at(f, "hits", "day"), " ", at(f, "hits", "week"), " ", len(f["days"].([]any)), " ", f["gone"]))
	}
	if fmt.Sprint(list) != "[spam 2 2 2 1 <nil> abuse 1 0 1 1 <nil> complaint 1 1 1 1 true]" {
		t.Errorf("%v: %s", list, got.raw)
	}
}
