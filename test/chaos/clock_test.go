package chaos

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/store/sqlite"
	"github.com/bidahq/bida/test/release"
)

func TestNothingIsLostWhenTheClockIsSet(t *testing.T) {
	chaos(t, Plan{Trouble: Clock, Think: 250 * time.Millisecond}, times(15, 300), nil)
}

// undisturbed is a run with two agents and one inbox, in which a test says what happens.
func undisturbed(t *testing.T, in Inbox, env ...string) *run {
	t.Helper()
	r, err := newRun(Plan{Program: release.Program(t), Data: t.TempDir(), Trouble: Clock, Unhurried: true})
	if err != nil {
		t.Fatal(err)
	}
	r.server.env = append(r.server.env, env...)
	in.Name, in.Mode, in.Strategy, in.Kinds, in.Accounts, in.Capacity = "web", "live", "least_loaded", []string{"customer"}, []string{"agent-a", "agent-b"}, 40
	r.company = &Company{Agents: in.Accounts, Inboxes: []Inbox{in}}
	t.Cleanup(r.kill)
	if err := r.found(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.agents = &agents{
		url: r.server.url(), tokens: r.tokens, company: r.company, history: r.history, ctx: t.Context(), more: t.Context(), http: newHTTP(),
		conns: map[*tracked]bool{}, first: map[string]string{}, jobs: map[string]chan job{}, stop: func() {},
	}
	t.Cleanup(r.agents.http.CloseIdleConnections)
	return r
}

// must calls the API until it answers with a status.
func (r *run) must(t *testing.T, by, method, path string, body any, out any) {
	t.Helper()
	for until := time.Now().Add(patience); ; {
		status, answer, err := r.api(by).call(t.Context(), method, path, body)
		if again(status, err) && time.Now().Before(until) {
			wait(t.Context(), 10*time.Millisecond)
			continue
		}
		if err != nil || status >= 300 {
			t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
		}
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatal(err)
		}
		return
	}
}

// write has a customer write.
func (r *run) write(t *testing.T, contact string, n int) (told Told) {
	t.Helper()
	r.must(t, Robot, http.MethodPost, "/inboxes/web/messages", map[string]any{
		"id": fmt.Sprint(contact, "-", n), "contact": map[string]any{"id": contact}, "text": "您好",
	}, &told)
	return told
}

func (r *run) conversation(t *testing.T, id string) (c Conversation) {
	t.Helper()
	r.must(t, "admin", http.MethodGet, "/conversations/"+id, nil, &c)
	return c
}

// Under steps of hours nothing ends that may last ten minutes: no owner is late, no grace is over, no silent conversation is closed; and all steps are on record.
func TestSettingTheClockEndsNothingEarly(t *testing.T) {
	r := undisturbed(t, Inbox{Accept: "10m", Routing: "answer_timeout: 10m, idle_prompt: 5m, idle_close: 10m"}, "BIDA_CONNECTION_GRACE=10m", "BIDA_PRESENCE_GRACE=10m")
	ends := map[string]func(){}
	for _, account := range r.company.Agents {
		ends[account] = r.online(t, account)
	}
	owners := map[string]string{}
	for n := range 8 {
		contact := fmt.Sprint("u", n)
		told := r.write(t, contact, 0)
		if told.Agent == "" {
			t.Fatalf("nobody has %+v", told)
		}
		owners[told.Conversation] = told.Agent
		if n%2 == 0 { // the others are answered and silent
			continue
		}
		var made struct{ Message string }
		r.must(t, told.Agent, http.MethodPost, "/conversations/"+told.Conversation+"/replies", map[string]any{"id": "r" + contact, "text": "好的"}, &made)
	}
	ends["agent-b"]() // its grace runs
	var want []string
	for n, by := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 2 * time.Second, -2 * time.Second} {
		if err := r.server.setClock(r.server.ahead + by); err != nil {
			t.Fatal(err)
		}
		want = append(want, by.String())
		r.write(t, "u0", n+1) // the ledger has been there
		for id, owner := range owners {
			if c := r.conversation(t, id); c.Owner != owner || c.Status != "open" {
				t.Fatalf("%v: %s was %s's and is %+v", by, id, owner, c)
			}
		}
	}
	r.server.end(true)
	for _, f := range r.history.Faults {
		t.Error(f)
	}
	if got := stepsOnRecord(t, r.Data); !slices.Equal(got, want) {
		t.Errorf("on record are the steps %v, made were %v", got, want)
	}
}

// stepsOnRecord reads the facts that a server which has ended left, to a hundredth of a second.
func stepsOnRecord(t *testing.T, data string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT value ->> 'step_us' FROM facts WHERE subject = 'system/clock' ORDER BY from_position")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var micros int64
		if err := rows.Scan(&micros); err != nil {
			t.Fatal(err)
		}
		list = append(list, (time.Duration(micros) * time.Microsecond).Round(10*time.Millisecond).String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// After the clock was set back by a day nobody is waited for until tomorrow: not an owner whose connection is lost, and not one who does not open.
func TestSettingTheClockBackKeepsNobodyWaiting(t *testing.T) {
	for name, gone := range map[string]bool{"an owner whose connection is lost": true, "an owner who does not open": false} {
		t.Run(name, func(t *testing.T) {
			in := Inbox{Accept: "3s"}
			if gone {
				in.Accept = ""
			}
			r := undisturbed(t, in, "BIDA_CONNECTION_GRACE=2s")
			end := r.online(t, "agent-b")
			told := r.write(t, "u1", 0)
			r.online(t, "agent-a")
			if gone {
				end()
			}
			if err := r.server.setClock(-24 * time.Hour); err != nil {
				t.Fatal(err)
			}
			for until := time.Now().Add(patience); r.conversation(t, told.Conversation).Owner != "agent-a"; {
				if time.Now().After(until) {
					t.Fatalf("%s is waited for: %+v\n%s", told.Agent, r.conversation(t, told.Conversation), r.server.now.log)
				}
				wait(t.Context(), 20*time.Millisecond)
			}
		})
	}
}

// online connects an agent, who is available and does nothing, until the function that it returns is called, or the test is over.
func (r *run) online(t *testing.T, account string) (end func()) {
	t.Helper()
	c, err := client.New(r.server.url(), r.tokens[account])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	live, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(done)
		_ = c.Listen(ctx, client.ListenOptions{ // it ends with the context
			ClientID: "quiet", Available: true, ReceivedOnly: true, OnEvent: func(client.Event) error { return nil },
			OnState: func(s client.State) {
				if s.Phase == client.Live {
					once.Do(func() { close(live) })
				}
			},
		})
	}()
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	select {
	case <-live:
	case <-done:
		t.Fatalf("%s cannot connect", account)
	}
	return end
}
