package governance_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

const web = "strategy: least_loaded"

func frozen(name string) []policy.Edit {
	return []policy.Edit{{Kind: "account", Name: name, Spec: json.RawMessage(`{"title":"x","agent":true,"roles":["agent"],"state":"frozen","state_reason":"核查"}`)}}
}

func TestAChangeAgainstAnOldRevisionIsRefusedAndSaysTheCurrentOne(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"))
	current := d.L.Policy().Revision()
	err := d.Do(&governance.Apply{Base: current - 1, Edits: frozen("a"), By: "admin"})
	d.Refused(err, problem.Stale, "policy.stale")
	if problem.As(err).Details["revision"] != current {
		t.Fatalf("details %v", problem.As(err).Details)
	}
	if d.L.Policy().Revision() != current {
		t.Fatal("the refused change was applied")
	}
	d.Must(&governance.Apply{Base: current, Edits: frozen("a"), By: "admin"})
}

func TestABrokenPolicyIsRefusedAsAWholeNamingEveryField(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"))
	before, position := d.L.Policy(), d.L.Position()
	err := d.Do(&governance.Apply{Base: -1, By: "admin", Edits: append(frozen("a"),
		policy.Edit{Kind: "inbox", Name: "web", Spec: json.RawMessage(`{"title":"x","channel":"api","mode":"live","members":{"accounts":["nobody"]},"routing":{"strategy":"fastest"}}`)})})
	d.Refused(err, problem.Invalid, "policy.invalid")
	var all string
	for _, f := range problem.As(err).Fields {
		all += f.Document + f.Field + " "
	}
	if !strings.Contains(all, "inbox/web/spec/routing/strategy") {
		t.Errorf("fields %s", all)
	}
	if d.L.Policy() != before || d.L.Position() != position {
		t.Error("something changed")
	}
}

func TestAChangeThatChangesNothingMakesNoRevision(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"))
	revision := d.L.Policy().Revision()
	doc, _ := d.L.Policy().Get("account", "a")
	a := &governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{{Kind: "account", Name: "a", Spec: doc.Spec}}}
	d.Must(a)
	if a.Revision != revision || len(a.Changes) != 0 {
		t.Fatalf("revision %d, changes %v", a.Revision, a.Changes)
	}
}

func TestAnInboxWithOpenConversationsKeepsItsModeAndStays(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"))
	d.Online("a")
	c := d.Post("web", "u1", "1").Conversation
	async := policy.Edit{Kind: "inbox", Name: "web", Spec: json.RawMessage(`{"title":"web","channel":"api","mode":"async","kinds":["customer","group"],"members":{"accounts":["a"]},"routing":{"strategy":"least_loaded"}}`)}
	gone := policy.Edit{Kind: "inbox", Name: "web"}
	for _, e := range []policy.Edit{async, gone} {
		d.Refused(d.Do(&governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{e}}), problem.Conflict, "policy.inbox_busy")
	}
	d.Must(&conversation.Resolve{Conversation: c, By: "a"})
	d.Must(&governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{async}})
	d.Must(&governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{gone}})
}

func TestEachChangeIsOneRevisionOneAuditEntryAndNoticesInBothLanguages(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"), "\n---\n{kind: team, name: front, spec: {title: 前台组, members: [a], lead: c}}")
	before := d.L.Policy().Revision()
	d.Must(&governance.Apply{Base: -1, By: "admin", Source: "api", Request: "r-1", Reason: "调整", Edits: []policy.Edit{{Kind: "account", Name: "a",
		Spec: json.RawMessage(`{"title":"客服甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}`)}}})
	r, err := d.Store.Revision(context.Background(), before+1)
	if err != nil || r.By != "admin" || r.Request != "r-1" || r.Reason != "调整" {
		t.Fatalf("revision %+v %v", r, err)
	}
	audit, err := d.Store.Audit(context.Background(), 0, 1)
	if err != nil || audit[0].Revision != before+1 || audit[0].Request != "r-1" {
		t.Fatalf("audit %+v %v", audit, err)
	}
	for _, account := range []string{"a", "c"} {
		entries, err := d.Store.Entries(context.Background(), account, 0, 100)
		if err != nil || len(entries) == 0 {
			t.Fatalf("%s has %d entries, %v", account, len(entries), err)
		}
		m := entries[len(entries)-1].Message
		var data struct{ Zh, En string }
		if err := json.Unmarshal(m.Data, &data); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(data.Zh, "群消息") || !strings.Contains(data.En, "group") || !strings.Contains(data.Zh, "管理员") || m.Inbox != "" || m.Kind != "system" {
			t.Errorf("%s was told %q / %q", account, data.Zh, data.En)
		}
	}
}

func TestOnlyTheEmptySetMayBeWithoutAnAdministrator(t *testing.T) {
	d := desk.Open(t)
	err := d.Do(&governance.Apply{Base: -1, By: "admin", Edits: []policy.Edit{{Kind: "account", Name: "admin", Spec: json.RawMessage(`{"title":"管理员","roles":["admin"],"state":"left"}`)}}})
	d.Refused(err, problem.Invalid, "policy.invalid")
}

func TestAnErrorOfTheEditFunctionIsTheAnswer(t *testing.T) {
	d := desk.Open(t)
	no := problem.New(problem.NotFound, "account.not_found", "no", "")
	err := d.Do(&governance.Apply{Base: -1, By: "admin", Edit: func(*policy.Set) ([]policy.Edit, error) { return nil, no }})
	if !errors.Is(err, no) {
		t.Fatalf("got %v", err)
	}
}

func TestBadPresencesAreRefusedNamingTheField(t *testing.T) {
	d := desk.Open(t)
	for _, c := range []struct {
		p     governance.SetPresence
		field string
	}{
		{governance.SetPresence{Account: "nobody", Value: "away"}, "/name"},
		{governance.SetPresence{Account: "a", Value: "asleep"}, "/value"},
		{governance.SetPresence{Account: "a", Value: "unknown"}, "/value"},
		{governance.SetPresence{Account: "a", Value: "away", Until: d.Now}, "/until"},
		{governance.SetPresence{Account: "a", Value: "available", Until: d.Now.Add(time.Hour)}, "/until"},
		{governance.SetPresence{Account: "a", Value: "away", Reason: strings.Repeat("长", 201)}, "/reason"},
	} {
		c.p.By = "a"
		if e := problem.As(d.Do(&c.p)); e == nil || e.Field != c.field {
			t.Errorf("%+v: %v", c.p, e)
		}
	}
}

func TestAPresenceWithAnEndEndsByItself(t *testing.T) {
	d := desk.Open(t)
	d.Must(&governance.SetPresence{Account: "a", Value: "away", Reason: "午休", Until: d.Now.Add(time.Hour), By: "a"})
	d.Wait(time.Hour - time.Second)
	if p := d.L.View().Agent("a").Presence; p.Value != reception.Away {
		t.Fatalf("presence %+v", p)
	}
	d.Wait(time.Second)
	if p := d.L.View().Agent("a").Presence; p.Value != reception.Available || p.Origin.Cause != "until_passed" {
		t.Fatalf("presence %+v", p)
	}
}

func TestASupervisorsHandIsOnRecord(t *testing.T) {
	d := desk.Open(t)
	d.Must(&governance.SetPresence{Account: "a", Value: "offline", By: "admin", Source: "api"})
	if p := d.L.View().Agent("a").Presence; p.Origin.Cause != "supervisor" || p.Origin.By != "admin" {
		t.Fatalf("presence %+v", p)
	}
	audit, err := d.Store.Audit(context.Background(), 0, 1)
	if err != nil || audit[0].Action != "presence.set" || audit[0].Object != "account/a" {
		t.Fatalf("audit %+v %v", audit, err)
	}
	position := d.L.Position()
	d.Must(&governance.SetPresence{Account: "a", Value: "offline", By: "admin", Source: "api"})
	if d.L.Position() != position {
		t.Fatal("setting what is set made a new fact")
	}
}

func TestWhatTheSystemDoesIsSaidSo(t *testing.T) {
	d := desk.Open(t, desk.Inbox("web", web, "a"))
	d.Must(&governance.Apply{Base: -1, By: "system", Source: "start", Edits: []policy.Edit{{Kind: "account", Name: "a",
		Spec: json.RawMessage(`{"title":"客服甲","agent":true,"roles":["agent"],"deny":[{"permission":"receive.group"}]}`)}}})
	entries, err := d.Store.Entries(context.Background(), "a", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	data := string(entries[len(entries)-1].Message.Data)
	if !strings.Contains(data, "系统 ") || !strings.Contains(data, "The system ") || strings.Contains(data, "system 关") {
		t.Fatalf("the notice is %s", data)
	}
}
