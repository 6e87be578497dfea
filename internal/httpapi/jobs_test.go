package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/job"
	"github.com/bidahq/bida/internal/ledger"
)

func TestJobsAreListedWithTheirErrorsAndTriedAgain(t *testing.T) {
	b := newBench(t)
	at := b.clock()
	b.do(ledger.CommandFunc(func(tx *ledger.Tx) error {
		tx.PutJob(ledger.JobRow{ID: "attachment.sweep", Kind: "attachment.sweep", CreatedAt: at, DueAt: at.Add(time.Hour), DoneAt: at})
		tx.PutJob(ledger.JobRow{ID: "mail:m1", Kind: "mail", Payload: json.RawMessage(`{"message":"m1"}`), CreatedAt: at, DueAt: at, Attempts: 12,
			FirstError: "connection refused", FirstErrorAt: at, LastError: "mailbox full", LastErrorAt: at, DeadAt: at})
		tx.PutJob(ledger.JobRow{ID: "mail:m2", Kind: "mail", CreatedAt: at, DueAt: at, LeasedBy: "run-1", LeasedUntil: at.Add(time.Minute)})
		return nil
	}))
	all := b.ask("admin", "GET", "/jobs", nil).want(200)
	if states := strings.Join(statesOf(all), " "); states != "attachment.sweep=waiting mail:m1=dead mail:m2=running" {
		t.Errorf("listed: %s", all.raw)
	}
	first := b.ask("admin", "GET", "/jobs?limit=1", nil).want(200)
	if rest := b.ask("admin", "GET", "/jobs?limit=5&cursor="+first.text("cursor"), nil).want(200); len(rest.list("jobs")) != 2 || rest.body["cursor"] != nil {
		t.Errorf("the rest: %s", rest.raw)
	}
	dead := b.ask("admin", "GET", "/jobs?state=dead", nil).want(200)
	if len(dead.list("jobs")) != 1 || !strings.Contains(dead.raw, `"first_error":"connection refused"`) || !strings.Contains(dead.raw, `"last_error":"mailbox full"`) || strings.Contains(dead.raw, "payload") {
		t.Errorf("given up: %s", dead.raw)
	}
	if got := b.ask("guest", "GET", "/metrics", nil); strings.Contains(got.raw, "bida_jobs_dead") && !strings.Contains(got.raw, "bida_jobs_dead 1") {
		t.Errorf("the metrics say %s", got.raw)
	}

	again := b.ask("admin", "POST", "/jobs/mail:m1/replay", nil).want(200)
	if again.text("state") != "waiting" || again.number("attempts") != 0 || again.text("first_error") != "connection refused" {
		t.Errorf("asked for again: %s", again.raw)
	}
	if log := b.ask("auditor", "GET", "/audit?limit=1", nil).want(200); !strings.Contains(log.raw, `"action":"job.replay"`) || !strings.Contains(log.raw, `"object":"job/mail:m1"`) || !strings.Contains(log.raw, `"by":"admin"`) {
		t.Errorf("the audit log: %s", log.raw)
	}
	b.ask("admin", "POST", "/jobs/mail:m2/replay", nil).problem(409, "job.under_way", "/job")
	b.ask("admin", "POST", "/jobs/mail:m3/replay", nil).problem(404, "job.not_found", "/job")
	b.ask("admin", "GET", "/jobs?state=alive", nil).problem(400, "request.invalid", "/state")
	b.ask("sup", "POST", "/jobs/mail:m1/replay", nil).problem(403, "permission.missing", "")
	row, err := b.store.Job(t.Context(), "mail:m1")
	if err != nil || !row.DueAt.Equal(b.clock()) || string(row.Payload) != `{"message":"m1"}` {
		t.Errorf("the row is %+v, %v", row, err)
	}
	if err := b.ledger.Do(t.Context(), ledger.CommandFunc(func(tx *ledger.Tx) error { return job.Enqueue(tx, "mail", "m1", nil) })); err != nil {
		t.Fatal(err)
	}
}

func statesOf(r *reply) (list []string) {
	for _, x := range r.list("jobs") {
		j := x.(map[string]any)
		list = append(list, j["id"].(string)+"="+j["state"].(string))
	}
	return list
}
