package scale

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// report is what the test reads of one.
type report struct {
	Position, Revision int64
	Findings           []struct{ Code, Gate string }
	Checks             []struct{ Gate, Outcome string }
}

func (r *report) stops(gate string) bool {
	return slices.ContainsFunc(r.Checks, func(c struct{ Gate, Outcome string }) bool {
		return c.Gate == gate && c.Outcome != "pass" && c.Outcome != "not_applicable"
	})
}

// What happened is in the next report, however soon that is asked for: when a change was answered, or can be seen anywhere, a report has it. There is no clock in
// this: the order is that of the ledger's positions.
func TestWhatHappenedIsInTheNextReport(t *testing.T) {
	program := release.Program(t)
	*agents, *messages, *days = 60, 400, 2
	directory := t.TempDir()
	made, err := thePast(t.Context(), directory, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve(program, directory, "", made)
	if err != nil {
		t.Fatal(err)
	}
	defer s.process.Kill()
	const agent = "agent-0007"
	home, err := s.connect(t.Context(), []string{agent})
	if err != nil {
		t.Fatal(err)
	}
	defer home()
	boss, err := client.New(s.url, made.Boss)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (r report) {
		t.Helper()
		body, _, err := s.ask("boss", diagnosis(agent))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := ask()
	if before.stops("switch.account") || before.stops("account.login") || before.stops("connection") {
		t.Fatalf("the agent cannot receive in the first place: %+v", before)
	}

	for range 20 { // the change is answered after the commit
		policy, err := boss.Policy(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		d, err := boss.PutDocument(t.Context(), policy.Revision, "switch", "account."+agent, map[string]string{"state": "off"})
		if err != nil {
			t.Fatal(err)
		}
		off := ask()
		if !off.stops("switch.account") || off.Revision < d.Revision || off.Position <= before.Position {
			t.Fatalf("revision %d switched it off, and the report of revision %d at position %d, after %d, says %+v", d.Revision, off.Revision, off.Position, before.Position, off.Checks)
		}
		applied, err := boss.DeleteDocument(t.Context(), d.Revision, "switch", "account."+agent)
		if err != nil {
			t.Fatal(err)
		}
		if before = ask(); before.stops("switch.account") || before.Revision < applied.Revision || before.Position <= off.Position {
			t.Fatalf("revision %d switched it on, and the report of revision %d says %+v", applied.Revision, before.Revision, before.Checks)
		}
	}

	home() // where the connection is not open any more for others to see, it is not for a report
	deadline := time.Now().Add(release.Patience)
	for s.connections(t, agent) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("the connection does not end")
		}
	}
	lost := ask()
	if !lost.stops("connection") || lost.Position <= before.Position {
		t.Fatalf("no connection is open, and the report at position %d, after %d, says %+v", lost.Position, before.Position, lost.Checks)
	}

	if _, err := boss.Do(t.Context(), client.Call{Method: http.MethodDelete, Path: client.Path("accounts", agent, "sessions")}, nil); err != nil {
		t.Fatal(err)
	}
	if out := ask(); !out.stops("account.login") || out.Position <= lost.Position {
		t.Fatalf("the session was ended, and the report at position %d, after %d, says %+v", out.Position, lost.Position, out.Checks)
	}
}

// connections counts those of an agent that are open.
func (s *server) connections(t *testing.T, agent string) (n int) {
	t.Helper()
	body, _, err := s.ask("boss", "/api/v1/accounts/"+agent+"/sessions")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Sessions []struct{ Connections []any } }
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Sessions {
		n += len(x.Connections)
	}
	return n
}
