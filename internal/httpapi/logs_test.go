package httpapi

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// logRows shows the rows of a log, each by some of its members.
func logRows(r *reply, members ...string) string {
	r.t.Helper()
	var list []string
	for _, x := range r.list("rows") {
		var words []string
		for _, m := range members {
			words = append(words, fmt.Sprint(x.(map[string]any)[m]))
		}
		list = append(list, strings.Join(words, " "))
	}
	return strings.Join(list, ", ")
}

// post hands a message in, a second after what was before.
func (b *bench) post(inbox, id string, status int) *reply {
	b.t.Helper()
	b.tick(time.Second)
	return b.ask("robot", "POST", "/inboxes/"+inbox+"/messages", message(id)).want(status)
}

// change writes a document.
func (b *bench) change(kind, name, spec string) {
	b.t.Helper()
	b.do(&governance.Apply{Base: -1, By: "admin", Source: "api", Edits: []policy.Edit{{Kind: kind, Name: name, Spec: json.RawMessage(spec)}}})
}

// fates makes a message, or a refused request, of every state, and returns their senders' ids in order of time.
func (b *bench) fates() []string {
	b.t.Helper()
	b.post("vip", "waits", 201) // agent-b is not there
	b.online("agent-a")
	b.post("web", "arrives", 201)
	b.receive("agent-a")
	b.tick(time.Second)
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "wrong", "contact": map[string]any{"id": "c"}, "kind": "telegram", "text": "x"}).want(400)
	b.post("web", "loses", 201)
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		d, err := tx.EditDelivery("agent-a", b.ledger.Agent("agent-a").Sequence)
		if err == nil {
			d.PushedAt, d.Result, d.Connection, d.Attempts = tx.Now(), "unacknowledged", "k1", 1
		}
		return err
	}))
	b.change("filter", "ads", `{"title":"广告","match":{"keywords":["订单"]},"action":"quarantine"}`)
	b.post("web", "held", 201)
	return []string{"waits", "arrives", "wrong", "loses", "held"}
}

func TestTheIntakeLogSaysOfEverythingWhatBecameOfIt(t *testing.T) {
	b := newBench(t)
	b.fates()
	got := b.ask("sup", "GET", "/logs/intake", nil).want(200)
	want := "held intercepted quarantined, loses lost routed, wrong not_submitted refused, arrives delivered routed, waits waiting waiting"
	if rows := logRows(got, "sender_id", "state", "result"); strings.Replace(rows, "waits waiting offered", "waits waiting waiting", 1) != want {
		t.Errorf("rows %s\nwant %s", rows, want)
	}
	if got.body["cursor"] != nil || got.body["searched_to"] != nil {
		t.Errorf("a log that was read to its end goes on: %s", got.raw)
	}
	for _, secret := range []string{"订单到哪", "王小明"} {
		if strings.Contains(got.raw, secret) {
			t.Errorf("the log has %q: %s", secret, got.raw)
		}
	}
	for query, want := range map[string]string{
		"state=not_submitted": "wrong", "state=intercepted": "held", "state=lost": "loses", "state=delivered": "arrives", "state=waiting": "waits", "state=unknown": "",
		"inbox=vip": "waits", "kind=group": "", "kind=customer": "held, loses, arrives, waits", "agent=agent-a": "loses, arrives", "agent=agent-a&state=lost": "loses",
		"from=2026-11-23T02:00:03Z": "held, loses, wrong", "to=2026-11-23T02:00:03Z": "arrives, waits", "from=2026-11-23T02:00:02Z&to=2026-11-23T02:00:04Z": "wrong, arrives",
	} {
		if rows := logRows(b.ask("admin", "GET", "/logs/intake?"+query, nil).want(200), "sender_id"); rows != want {
			t.Errorf("%s: %s, want %s", query, rows, want)
		}
	}
	counts := b.ask("sup", "GET", "/logs/intake/counts", nil).want(200)
	want = `{"delivered":1,"intercepted":1,"lost":1,"not_submitted":1,"unknown":0,"waiting":1}`
	if raw, err := json.Marshal(counts.body["states"]); err != nil || string(raw) != want || counts.body["since"] != nil {
		t.Errorf("counts %s, want %s", counts.raw, want)
	}
	b.ask("sup", "GET", "/logs/intake?from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", nil).problem(400, "request.invalid", "/to")
	b.ask("sup", "GET", "/logs/intake?state=gone", nil).problem(400, "request.invalid", "/state")
	for _, cursor := range []string{"x", "m", "m1", "mr", "m1r-1", "m-1r1", "1r1", "m1rx"} {
		b.ask("sup", "GET", "/logs/intake?cursor="+cursor, nil).problem(400, "request.invalid_cursor", "/cursor")
	}
}

// Whatever the size of the pieces, the intake log shows everything once, in order, although it is put together from two logs.
func TestTheIntakeLogIsTheSameInPieces(t *testing.T) {
	b := newBench(t)
	ids := b.fates()
	for i := range 7 { // refused requests and messages in turn, some of them at the same instant
		id := fmt.Sprint("more-", i)
		if i%3 == 0 {
			b.tick(time.Second)
			b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": id, "contact": map[string]any{"id": "c"}, "kind": "telegram", "text": "x"}).want(400)
		} else {
			b.post("vip", id, 201)
		}
		ids = append(ids, id)
	}
	slices.Reverse(ids)
	for limit := 1; limit < 14; limit++ {
		var all []string
		cursor := ""
		for range 40 {
			got := b.ask("admin", "GET", fmt.Sprintf("/logs/intake?limit=%d%s", limit, cursor), nil).want(200)
			for _, x := range got.list("rows") {
				all = append(all, x.(map[string]any)["sender_id"].(string))
			}
			next, more := got.body["cursor"].(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		if !slices.Equal(all, ids) {
			t.Errorf("in pieces of %d: %v\nwant %v", limit, all, ids)
		}
	}
}

// An answer looks at a bounded part of the ledger, says how far it looked, and goes on there.
func TestALogGoesOnWhereItLookedTo(t *testing.T) {
	b := newBench(t)
	b.post("vip", "old", 201)
	position := b.ledger.Position()
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		for range mostPieces * narrowSpan {
			tx.Next()
		}
		return nil
	}))
	first := b.ask("admin", "GET", "/logs/intake?state=waiting", nil).want(200)
	if logRows(first, "sender_id") != "" || first.body["searched_to"] == nil {
		t.Fatalf("the first answer is %s", first.raw)
	}
	if cursor := first.text("cursor"); cursor != fmt.Sprintf("m%dr1", position) && !strings.HasPrefix(cursor, "m") {
		t.Errorf("cursor %s", cursor)
	}
	next := b.ask("admin", "GET", "/logs/intake?state=waiting&cursor="+first.text("cursor"), nil).want(200)
	if logRows(next, "sender_id") != "old" || next.body["cursor"] != nil {
		t.Errorf("the next answer is %s", next.raw)
	}
	if counts := b.ask("admin", "GET", "/logs/intake/counts", nil).want(200); counts.body["since"] == nil {
		t.Errorf("counts do not say since when: %s", counts.raw)
	}
}

func TestWhoMayNotSeeMessagesSeesRefusedRequestsOnly(t *testing.T) {
	b := newBench(t)
	b.fates()
	b.change("role", "gate", `{"title":"接入","permissions":["intake_log.view"]}`)
	b.change("account", "nobody", `{"title":"无权者","roles":["gate"]}`)
	got := b.ask("nobody", "GET", "/logs/intake", nil).want(200)
	if rows := logRows(got, "sender_id"); rows != "wrong" || got.body["messages_withheld"] != true {
		t.Errorf("%s", got.raw)
	}
	counts := b.ask("nobody", "GET", "/logs/intake/counts", nil).want(200)
	if raw, err := json.Marshal(counts.body["states"]); err != nil || string(raw) != `{"not_submitted":1}` {
		t.Errorf("counts %s", counts.raw)
	}
}

func TestThePushLogShowsDeliveriesAndEveryTry(t *testing.T) {
	b := newBench(t)
	b.fates()
	got := b.ask("sup", "GET", "/logs/push?inbox=web", nil).want(200)
	if rows := logRows(got, "state", "agent", "kind"); rows != "lost agent-a customer, delivered agent-a customer" {
		t.Fatalf("rows %s: %s", rows, got.raw)
	}
	row := got.list("rows")[0].(map[string]any)
	tries := row["attempts"].([]any)
	if len(tries) != 1 || tries[0].(map[string]any)["result"] != "unacknowledged" || tries[0].(map[string]any)["connection"] != "k1" {
		t.Errorf("attempts %v", tries)
	}
	for query, want := range map[string]int{
		"state=lost": 1, "state=delivered&kind=customer": 1, "state=withdrawn": 0, "state=waiting": 0, "agent=agent-b&kind=customer": 0, "kind=group": 0, "to=2026-11-23T02:00:03Z&kind=customer": 1,
	} {
		if got := b.ask("sup", "GET", "/logs/push?"+query, nil).want(200); len(got.list("rows")) != want {
			t.Errorf("%s: %s", query, got.raw)
		}
	}
	// Taken back: agent-a is frozen, and what it did not receive is taken from it.
	b.change("account", "agent-a", `{"title":"甲","agent":true,"roles":["agent"],"state":"frozen"}`)
	back := b.ask("sup", "GET", "/logs/push?state=withdrawn", nil).want(200)
	if rows := logRows(back, "agent", "code"); rows != "agent-a delivery.withdrawn.owner_released" || logRows(back, "words") == "" {
		t.Errorf("taken back: %s", back.raw)
	}
}

func TestAnAgentSeesItsOwnDeliveriesOnly(t *testing.T) {
	b := newBench(t)
	b.fates()
	b.online("agent-b")
	own := b.ask("agent-b", "GET", "/logs/push", nil).want(200)
	for _, x := range own.list("rows") {
		if agent := x.(map[string]any)["agent"]; agent != "agent-b" {
			t.Errorf("agent-b is shown a delivery to %v", agent)
		}
	}
	if mine := b.ask("agent-a", "GET", "/logs/push?inbox=web", nil).want(200); len(mine.list("rows")) != 2 {
		t.Errorf("agent-a's own: %s", mine.raw)
	}
	b.ask("agent-b", "GET", "/logs/push?agent=agent-b", nil).want(200)
	for _, path := range []string{"/logs/push?agent=agent-a", "/logs/push/export?agent=agent-a", "/logs/sign-in?agent=agent-a", "/logs/sign-in/export?agent=agent-a"} {
		b.ask("agent-b", "GET", path, nil).problem(403, "permission.missing", "")
	}
}

// All deliveries are shown once, whatever the size of the pieces, also where one message went to many.
func TestThePushLogIsTheSameInPieces(t *testing.T) {
	b := newBench(t)
	b.change("inbox", "all", `{"title":"广播","channel":"api","mode":"live","kinds":["customer"],"members":{"accounts":["agent-a","agent-b","sup"]},"routing":{"strategy":"broadcast"}}`)
	for _, agent := range []string{"agent-a", "agent-b", "sup"} {
		b.online(agent)
	}
	b.post("all", "one", 201)
	b.post("all", "two", 201)
	whole := logRows(b.ask("admin", "GET", "/logs/push", nil).want(200), "message", "agent", "agent_sequence")
	if n := strings.Count(whole, ",") + 1; n < 6 {
		t.Fatalf("only %d deliveries: %s", n, whole)
	}
	for limit := 1; limit < 8; limit++ {
		var all []string
		cursor := ""
		for range 40 {
			got := b.ask("admin", "GET", fmt.Sprintf("/logs/push?limit=%d%s", limit, cursor), nil).want(200)
			if rows := logRows(got, "message", "agent", "agent_sequence"); rows != "" {
				all = append(all, rows)
			}
			next, more := got.body["cursor"].(string)
			if !more {
				break
			}
			cursor = "&cursor=" + url.QueryEscape(next)
		}
		if got := strings.Join(all, ", "); got != whole {
			t.Errorf("in pieces of %d: %s\nwant %s", limit, got, whole)
		}
	}
	for _, cursor := range []string{"x", "1.", "1.x.an", "1.1", "1.1.", ".1.an", "-1"} {
		b.ask("admin", "GET", "/logs/push?cursor="+cursor, nil).problem(400, "request.invalid_cursor", "/cursor")
	}
}

func TestTheLogOfSignInsHasSessionsAndFailuresButNothingThatWasTyped(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/accounts/agent-a/password", map[string]any{"password": "four green lanterns"}).want(204)
	signIn := func(account, password string, status int) {
		t.Helper()
		b.tick(time.Second)
		b.ask("guest", "POST", "/sign-in", map[string]any{"account": account, "password": password}, "Origin", "http://example.com", "User-Agent", "Firefox").want(status)
	}
	signIn("agent-a", "four green lanterns", 201)
	signIn("agent-a", "wrong", 401)
	signIn("hunter2", "wrong", 401)
	b.do(ledger.CommandFunc(func(*ledger.Tx) error { return nil })) // failures are recorded without waiting
	b.online("agent-b")
	got := b.ask("admin", "GET", "/logs/sign-in", nil).want(200)
	if rows := logRows(got, "result", "account", "how"); rows != "open agent-b token, failed <nil> password, failed agent-a password, open agent-a password" {
		t.Errorf("rows %s: %s", rows, got.raw)
	}
	if rows := logRows(got, "client"); !strings.HasSuffix(rows, "Firefox") {
		t.Errorf("clients %s", rows)
	}
	for _, secret := range []string{"hunter2", "lanterns", "wrong\""} {
		if strings.Contains(got.raw, secret) {
			t.Errorf("the log has %q: %s", secret, got.raw)
		}
	}
	b.ask("admin", "DELETE", "/accounts/agent-a/sessions", nil).want(200)
	for query, want := range map[string]string{
		"result=open": "agent-b", "result=ended": "agent-a", "result=failed": "<nil>, agent-a", "agent=agent-a": "agent-a, agent-a", "limit=1": "agent-b",
	} {
		if rows := logRows(b.ask("admin", "GET", "/logs/sign-in?"+query, nil).want(200), "account"); rows != want {
			t.Errorf("%s: %s, want %s", query, rows, want)
		}
	}
	ended := b.ask("admin", "GET", "/logs/sign-in?result=ended", nil).want(200)
	if rows := logRows(ended, "ended_by", "end_cause"); !strings.HasPrefix(rows, "admin ") || ended.list("rows")[0].(map[string]any)["ended_at"] == nil {
		t.Errorf("ended: %s", ended.raw)
	}
	// A supervisor may end sessions, and sees them; that somebody failed is for the audit, and for the account itself.
	sup := b.ask("sup", "GET", "/logs/sign-in", nil).want(200)
	if rows := logRows(sup, "result"); rows != "open, ended" || sup.body["failed_withheld"] != true {
		t.Errorf("sup: %s", sup.raw)
	}
	own := b.ask("agent-a", "GET", "/logs/sign-in", nil).want(200)
	if rows := logRows(own, "result", "account"); rows != "failed agent-a, ended agent-a" || own.body["failed_withheld"] != nil {
		t.Errorf("agent-a: %s", own.raw)
	}
	var pieces []string
	for cursor := ""; ; {
		piece := b.ask("admin", "GET", "/logs/sign-in?limit=1"+cursor, nil).want(200)
		pieces = append(pieces, logRows(piece, "result", "account"))
		next, more := piece.body["cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if got := strings.Join(slices.DeleteFunc(pieces, func(s string) bool { return s == "" }), ", "); got != "open agent-b, failed <nil>, failed agent-a, ended agent-a" {
		t.Errorf("in pieces: %s", got)
	}
}

func TestTheLogOfOperationsIsTheAudit(t *testing.T) {
	b := newBench(t)
	b.tick(time.Hour)
	b.change("filter", "ads", `{"match":{"keywords":["x"]},"action":"quarantine"}`)
	b.ask("admin", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "away"}).want(200)
	got := b.ask("auditor", "GET", "/logs/operations?from=2026-11-23T03:00:00Z", nil).want(200)
	if rows := logRows(got, "by", "action", "object"); rows != "admin presence.set account/agent-a, admin policy.apply revision/2" {
		t.Errorf("rows %s", rows)
	}
	for query, want := range map[string]string{"action=policy.apply": "revision/2, revision/1", "object=account/agent-a&by=admin": "account/agent-a", "by=sup": ""} {
		if rows := logRows(b.ask("admin", "GET", "/logs/operations?"+query, nil).want(200), "object"); rows != want {
			t.Errorf("%s: %s, want %s", query, rows, want)
		}
	}
	first := b.ask("admin", "GET", "/logs/operations?limit=1", nil).want(200)
	second := b.ask("admin", "GET", "/logs/operations?limit=1&cursor="+first.text("cursor"), nil).want(200)
	if rows := logRows(second, "action"); rows != "policy.apply" {
		t.Errorf("the second is %s", second.raw)
	}
}

func TestTheLogOfErrorsHasFailuresJobsAndRefusals(t *testing.T) {
	b := newBench(t)
	b.fates()
	b.ledger.Fail("disk", "almost full")
	b.tick(time.Minute)
	b.ledger.Mend("disk")
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error { return nil }))
	b.ledger.Fail("clock", "it jumps")
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.PutJob(ledger.JobRow{ID: "sweep", Kind: "sweep", CreatedAt: tx.Now(), DueAt: tx.Now(), Attempts: 9, LastError: "no", LastErrorAt: tx.Now(), DeadAt: tx.Now()})
		tx.PutJob(ledger.JobRow{ID: "tidy", Kind: "tidy", CreatedAt: tx.Now(), DueAt: tx.Now().Add(time.Hour), Attempts: 1, LastError: "not yet", LastErrorAt: tx.Now()})
		tx.PutJob(ledger.JobRow{ID: "well", Kind: "well", CreatedAt: tx.Now(), DueAt: tx.Now()})
		return nil
	}))
	got := b.ask("admin", "GET", "/logs/errors", nil).want(200)
	rows := strings.Split(logRows(got, "what", "part"), ", ")
	slices.Sort(rows)
	if want := []string{"failed disk", "failing clock", "job_dead sweep", "job_failing tidy", "refused intake.kind_not_produced"}; !slices.Equal(rows, want) || got.body["cut"] != false {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if sup := b.ask("sup", "GET", "/logs/errors", nil).want(200); strings.Contains(sup.raw, "job_") || !strings.Contains(sup.raw, "failed") {
		t.Errorf("who may not see jobs is shown %s", sup.raw)
	}
	for query, want := range map[string]string{"what=refused": "intake.kind_not_produced", "what=refused&inbox=vip": "", "what=failed&from=2026-11-23T03:00:00Z": ""} {
		if rows := logRows(b.ask("admin", "GET", "/logs/errors?"+query, nil).want(200), "part"); rows != want {
			t.Errorf("%s: %s, want %s", query, rows, want)
		}
	}
}

func TestALogIsSavedAsATableAndAsJSON(t *testing.T) {
	b := newBench(t)
	b.fates()
	b.ask("robot", "POST", "/inboxes/web/messages", map[string]any{"id": "=1+1", "contact": map[string]any{"id": "c"}, "kind": "telegram", "text": "x"}).want(400)
	table := b.ask("sup", "GET", "/logs/intake/export", nil, "Accept-Language", "zh-CN").want(200)
	text, marked := strings.CutPrefix(table.raw, "\ufeff")
	if !marked || !strings.HasPrefix(table.header.Get("Content-Type"), "text/csv") || !strings.Contains(table.header.Get("Content-Disposition"), "bida-intake-") {
		t.Errorf("headers %v", table.header)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) != 7 || lines[0][0] != "时间" || !strings.Contains(text, "\r\n") {
		t.Fatalf("%d lines, %v: %s", len(lines), err, text)
	}
	if !strings.Contains(text, ",'=1+1,") {
		t.Errorf("a formula is left as it is: %s", text)
	}
	lost := b.ask("sup", "GET", "/logs/intake/export?format=json&state=lost", nil).want(200)
	if rows := logRows(lost, "sender_id"); rows != "loses" || lost.body["complete"] != true {
		t.Errorf("as JSON: %s", lost.raw)
	}
	for _, path := range []string{"push", "sign-in", "operations", "errors"} {
		for _, format := range []string{"csv", "json"} {
			got := b.ask("admin", "GET", "/logs/"+path+"/export?format="+format, nil).want(200)
			if format == "json" {
				if list := got.list("rows"); len(list) == 0 {
					t.Errorf("%s is empty: %s", path, got.raw)
				}
				continue
			}
			if lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.raw, "\ufeff"))).ReadAll(); err != nil || len(lines) < 2 {
				t.Errorf("%s: %v, %s", path, err, got.raw)
			}
		}
	}
	b.ask("sup", "GET", "/logs/intake/export?format=pdf", nil).problem(400, "request.invalid", "/format")
}

func TestAnExportThatCannotBeFinishedSaysSo(t *testing.T) {
	for _, x := range []struct {
		name string
		read pages[ErrorRow]
		want string
	}{
		{"it fails in the middle", func(cursor string) ([]ErrorRow, *string, error) {
			if cursor != "" {
				return nil, nil, errors.New("the disk is gone")
			}
			next := "more"
			return []ErrorRow{{What: "failed"}}, &next, nil
		}, cutFailed},
		{"there is too much", func(string) ([]ErrorRow, *string, error) {
			next := "more"
			return make([]ErrorRow, exportPage), &next, nil
		}, cutRows},
	} {
		rows, next, err := x.read("")
		if err != nil {
			t.Fatal(err)
		}
		written, why := len(rows), ""
		for more := true; more; {
			if more, why, err = nextPage(x.read, &rows, &next, written); more {
				written += len(rows)
			}
		}
		if why != x.want || (err != nil) != (x.want == cutFailed) || written > mostExported {
			t.Errorf("%s: %d rows, %q, %v", x.name, written, why, err)
		}
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{"": "", "a=1": "a=1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": "'\t=1", "＝1": "'＝1", "客服": "客服"} {
		if got := cellText(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
