package checklist

import (
	"encoding/json"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// The one agent, inbox and kind that a sheet is about, as the engine sees them.
const (
	theAgent = "agent"
	theInbox = "inbox"
	theKind  = "customer"
	theRole  = "role"
	never    = "never" // a schedule without an opening
)

// values are the answers that count: those of the person, else those of the records.
type values map[string]Value

func (v values) no(id string) bool { return v[id] == No }

// settings are the documents that the answers describe. What is not known stands as if it passed: its gate is stated to be unknown.
func (v values) settings() (*policy.Set, error) {
	var edits []policy.Edit
	var err error
	document := func(kind, name string, spec map[string]any) {
		text, failed := json.Marshal(spec)
		if failed != nil {
			err = failed
		}
		edits = append(edits, policy.Edit{Kind: kind, Name: name, Spec: text})
	}
	document(policy.KindSchedule, never, map[string]any{"title": never, "zone": "UTC", "weekly": []any{}})
	permissions := []string{"receive." + theKind}
	if !v.no("role_receives") {
		permissions = append(permissions, policy.Receive)
	}
	if !v.no("may_reply") {
		permissions = append(permissions, policy.MessageReply)
	}
	document(policy.KindRole, theRole, map[string]any{"title": theRole, "permissions": permissions})
	account := map[string]any{"title": theAgent, "agent": true, "roles": []string{theRole}}
	if v.no("kind_allowed") {
		account["deny"] = []any{map[string]any{"permission": "receive." + theKind}}
	}
	if v.no("agent_hours") {
		account["windows"] = []string{never}
	}
	if v.no("below_limit") {
		account["capacity"] = map[string]any{"total": 1}
	}
	document(policy.KindAccount, theAgent, account)
	inbox := map[string]any{"title": theInbox, "channel": "api", "mode": "live", "kinds": []string{theKind}, "routing": map[string]any{"strategy": "least_loaded"}}
	if !v.no("member") {
		inbox["members"] = map[string]any{"accounts": []string{theAgent}}
	}
	if v.no("inbox_hours") {
		inbox["hours"] = never
	}
	document(policy.KindInbox, theInbox, inbox)
	for id, name := range map[string]string{
		"push_platform": reception.PlatformSwitch, "push_inbox": reception.InboxSwitch(theInbox), "push_account": reception.AccountSwitch(theAgent),
	} {
		if v.no(id) {
			document(policy.KindSwitch, name, map[string]any{"state": "off", "reason": "answer"})
		}
	}
	if v.no("version_ok") {
		document(policy.KindClient, reception.AnyClient, map[string]any{"minimum": "2", "reason": "answer"})
	}
	if err != nil {
		return nil, err
	}
	set, _, err := policy.Empty().Apply(1, edits)
	return set, err
}

// facts are what the answers say of the agent.
func (v values) facts() reception.Agent {
	a := reception.Agent{
		Account: theAgent, Session: reception.Session{State: reception.SessionActive}, Presence: reception.Presence{Value: reception.Available},
		Connection: reception.Connection{State: reception.ConnectionOpen}, Clients: []reception.Client{reception.NewClient("client", "1")},
	}
	if v.no("session_kept") {
		a.Session.State = reception.SessionEnded
	}
	switch {
	case v.no("status_online"):
		a.Presence.Value = reception.Offline
	case v.no("on_duty"):
		a.Presence.Value = reception.Away
	}
	if v.no("connected") || v.no("network_ok") {
		a.Connection.State = reception.ConnectionNone
	}
	if v.no("below_limit") {
		a.Live = 1
	}
	return a
}

// cells are the gates and stages about which settings and facts cannot say what the answers say.
func (v values) cells(disputed map[string]bool) map[string]reception.Cell {
	cells := map[string]reception.Cell{reception.SystemHealth.String(): {Outcome: reception.NotApplicable}} // nobody is asked about it
	for gate, questions := range byGate() {
		if at, ok := v.cell(questions, disputed); ok {
			cells[gate] = at
		}
	}
	return cells
}

// byGate lists the questions by the gate that they bear on, each in order.
func byGate() map[string][]*Question {
	by := map[string][]*Question{}
	for i := range Questions() {
		q := &Questions()[i]
		by[q.Gate] = append(by[q.Gate], q)
	}
	return by
}

// cell is what the answers to the questions of one gate come to. One "no" stops, whatever else is not known; nothing is concluded from disputed ones. ok is
// false where the engine is to say it.
func (v values) cell(questions []*Question, disputed map[string]bool) (at reception.Cell, ok bool) {
	var open, disputes bool
	for _, q := range questions {
		switch {
		case disputed[q.ID]:
			disputes = true
		case v[q.ID] == No:
			return reception.Cell{Outcome: reception.Block, Code: q.Code}, q.Code != 0
		case v[q.ID] != Yes:
			open = true
		}
	}
	switch {
	case disputes:
		return reception.Cell{Outcome: reception.Unknown, Code: reception.CodeChecklistContradicts}, true
	case open:
		return reception.Cell{Outcome: reception.Unknown, Code: reception.CodeChecklistUnanswered}, true
	}
	return reception.Cell{Outcome: reception.Pass}, !decidable(questions[0].Gate)
}

// decidable says whether the engine decides about a gate without a message: all but the filter, and not what is read from delivery records.
func decidable(gate string) bool {
	g, ok := reception.ParseGate(gate)
	return ok && g != reception.FilterGate
}

// statement is what the answers say, for the engine to decide about.
func (v values) statement(s *Sheet, title string, disputed map[string]bool, at time.Time, zone *time.Location) (*diagnosis.Statement, error) {
	counted := values{}
	for id, value := range v {
		if !disputed[id] {
			counted[id] = value
		}
	}
	set, err := counted.settings()
	if err != nil {
		return nil, err
	}
	return &diagnosis.Statement{
		Agent: theAgent, Title: s.who(title).text(), Inbox: theInbox, Kind: theKind, Asked: s.Kind, At: at, Zone: zone,
		Policy: set, Facts: counted.facts(), Cells: counted.cells(disputed),
	}, nil
}
