package httpapi

import "testing"

type impactSeen struct {
	Revision   int64
	Changes    []struct{ Kind, Name string }
	Safe, Same bool
	Replay     struct {
		Messages, Waits, Other, Undetermined int
		Cells                                []struct {
			Inbox, Kind     string
			Messages, Waits int
		}
		Agents   []struct{ Agent string }
		Examples []struct{ Message, Change, Code, Reason string }
	}
	Ahead struct {
		Cells  int
		Losses []struct {
			Inbox, Kind, Code, Reason string
			Last                      []struct{ Name, Title string }
		}
	}
}

// The switch of vip is off: the cells of vip lose their last receiver.
func TestImpactNamesWhatACellLosesAndChangesNothing(t *testing.T) {
	b := newBench(t)
	b.ask("robot", "POST", "/inboxes/vip/messages", message("1")).want(201)
	position := b.ledger.Position()
	ask := func(body string) impactSeen { return into[impactSeen](t, b.ask("admin", "POST", "/impact", body)) }
	got := ask(`{"documents":[{"kind":"switch","name":"inbox.vip","spec":{"state":"off"}}],"days":1}`)
	if got.Safe || got.Same || len(got.Changes) != 1 || got.Revision != b.ledger.Policy().Revision() || got.Replay.Messages != 1 {
		t.Errorf("%+v", got)
	}
	if len(got.Ahead.Losses) == 0 {
		t.Fatalf("no loss: %+v", got)
	}
	l := got.Ahead.Losses[0]
	if l.Inbox != "vip" || l.Code != "switch.inbox.off" || l.Reason == "" || len(l.Last) != 1 || l.Last[0].Name != "agent-b" || l.Last[0].Title != "乙" {
		t.Errorf("%+v", l)
	}
	for _, l := range got.Ahead.Losses {
		if l.Inbox != "vip" {
			t.Errorf("%+v", l)
		}
	}
	if b.ledger.Position() != position {
		t.Error("something was changed")
	}
	if got := ask(`{"documents":[]}`); !got.Safe || !got.Same || len(got.Ahead.Losses) != 0 || got.Ahead.Cells != 3 || got.Replay.Messages != 1 {
		t.Errorf("no change: %+v", got)
	}
}

func TestImpactRefusesWhatTheChangeWouldBeRefusedFor(t *testing.T) {
	b := newBench(t)
	ask := func(body string) *reply { return b.ask("admin", "POST", "/impact", body) }
	ask(`{"documents":[{"kind":"account","name":"agent-a","spec":{"agent":true,"roles":["ghost"]}}]}`).problem(400, "policy.invalid", "/spec/roles/0")
	ask(`{"documents":[],"days":91}`).problem(400, "request.invalid", "/days")
	ask(`{}`).problem(400, "request.invalid", "/documents")
	b.ask("sup", "POST", "/impact", `{"documents":[]}`).problem(403, "permission.missing", "")
}
