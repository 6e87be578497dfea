package impact

import (
	"math"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// recorded is a World that holds what a journal entry says about its candidates: the facts that make the gates over facts decide as they did. Whoever
// was no candidate is taken to be there and free, and is assumed.
type recorded struct {
	agents   map[string]*reception.Agent
	failures []reception.Failure
	rates    map[string]reception.Rate
}

// Agent implements reception.World.
func (w *recorded) Agent(account string) *reception.Agent {
	if a := w.agents[account]; a != nil {
		return a
	}
	return &present
}

// Failures implements reception.World.
func (w *recorded) Failures() []reception.Failure { return w.failures }

// Rate implements reception.World.
func (w *recorded) Rate(name string) reception.Rate { return w.rates[name] }

// present is an agent that is signed in, available, connected and free.
var present = reception.Agent{
	Session:    reception.Session{State: reception.SessionActive},
	Presence:   reception.Presence{Value: reception.Available},
	Connection: reception.Connection{State: reception.ConnectionOpen},
}

// everybody is the World of "by policy": the gates over sessions, clients, loads, rates and Bida's own health pass for everybody.
type everybody struct{}

func (everybody) Agent(string) *reception.Agent { return &present }
func (everybody) Failures() []reception.Failure { return nil }
func (everybody) Rate(string) reception.Rate    { return reception.Rate{} }

// rebuilt says whether the outcome of a gate is that of the World which newRecorded makes, or of the policy alone. Of any other gate only what was
// recorded is known.
func rebuilt(g reception.Gate) bool {
	switch g {
	case reception.AccountState, reception.AccountLogin, reception.RoleReceive, reception.PermissionKind, reception.PermissionReply,
		reception.MembershipInbox, reception.WindowAgent, reception.SwitchPlatform, reception.SwitchInbox, reception.SwitchAccount,
		reception.WindowInbox, reception.MaintenanceGate, reception.FilterGate, reception.SystemHealth, reception.PresenceGate, reception.ConnectionGate, reception.ClientVersion,
		reception.ClientNotify, reception.Capacity,
		reception.ConversationGate, reception.Routing:
		return true
	}
	return false
}

func newRecorded(inbox string, message *reception.Vector, candidates []reception.Candidate) *recorded {
	w := &recorded{agents: make(map[string]*reception.Agent, len(candidates)), failures: failuresOf(message[reception.SystemHealth])}
	w.rates = map[string]reception.Rate{}
	w.rate(reception.PlatformSwitch, message[reception.SwitchPlatform], reception.CodeSwitchPlatformLimited)
	w.rate(reception.InboxSwitch(inbox), message[reception.SwitchInbox], reception.CodeSwitchInboxLimited)
	for i := range candidates {
		w.agents[candidates[i].Account] = agentOf(inbox, &candidates[i].Cells)
		w.rate(reception.AccountSwitch(candidates[i].Account), candidates[i].Cells[reception.SwitchAccount], reception.CodeSwitchAccountLimited)
	}
	return w
}

// rate is a minute that is used up, if that is what stopped.
func (w *recorded) rate(name string, c reception.Cell, limited reception.Code) {
	if c.Code == limited && c.Outcome.Stops() {
		w.rates[name] = reception.Rate{Used: math.MaxInt32, Until: time.UnixMicro(c.Until)}
	}
}

func failuresOf(c reception.Cell) []reception.Failure {
	if !c.Outcome.Stops() {
		return nil
	}
	component := "worker"
	switch c.Code {
	case reception.CodeSystemHealthStore:
		component = "store"
	case reception.CodeSystemHealthDisk:
		component = "disk"
	case reception.CodeSystemHealthClock:
		component = "clock"
	}
	return []reception.Failure{{Component: component}}
}

func agentOf(inbox string, v *reception.Vector) *reception.Agent {
	a := present
	if c := v[reception.AccountLogin]; c.Outcome == reception.Unknown {
		a.Session.State = reception.SessionUnknown
	} else if c.Outcome.Stops() {
		a.Session.State = reception.SessionEnded
	}
	a.Presence = presenceOf(v[reception.PresenceGate])
	a.Connection = connectionOf(v[reception.ConnectionGate])
	a.Clients = clientsOf(v[reception.ClientVersion])
	for i := range a.Clients {
		a.Clients[i].Notice = noticeOf(v[reception.ClientNotify])
	}
	if c := v[reception.Capacity]; c.Code == reception.CodeCapacityInboxFull {
		a.Shares = []reception.Share{{Inbox: inbox, Load: math.MaxInt32}}
	} else if c.Outcome.Stops() {
		a.Live = math.MaxInt32
	}
	return &a
}

// clientsOf makes a client for which the rules decide as they did, whatever they are: a very new one, a very old one, or one without a version.
func clientsOf(c reception.Cell) []reception.Client {
	switch {
	case c.Outcome == reception.NotApplicable:
		return nil
	case c.Outcome == reception.Unknown:
		return []reception.Client{reception.NewClient("", "")}
	case c.Outcome.Stops() || c.Code == reception.CodeClientVersionBelowMinimum:
		return []reception.Client{reception.NewClient("", "0.0.0")}
	}
	return []reception.Client{reception.NewClient("", "999999.0.0")}
}

// noticeOf finds what a client reported from the warning it led to.
func noticeOf(c reception.Cell) reception.Notice {
	switch c.Outcome {
	case reception.NotApplicable:
		return reception.NoticeProgram
	case reception.Unknown:
		return reception.NoticeUnknown
	}
	for n := reception.NoticeInsecure; n < reception.NoticeFull; n++ {
		if n.Code() == c.Code {
			return n
		}
	}
	return reception.NoticeFull
}

// presenceOf sets both ends, of the absence and of the owner's grace: the gate reads the one that bears on the candidate, and recorded is its end.
func presenceOf(c reception.Cell) reception.Presence {
	switch c.Outcome {
	case reception.Wait:
		return reception.Presence{Value: reception.Away, Until: time.UnixMicro(c.Until), GraceUntil: time.UnixMicro(c.Until)}
	case reception.Block:
		return reception.Presence{Value: reception.Offline}
	case reception.Unknown:
		return reception.Presence{}
	}
	return present.Presence
}

func connectionOf(c reception.Cell) reception.Connection {
	switch c.Outcome {
	case reception.Wait:
		return reception.Connection{State: reception.ConnectionNone, GraceUntil: time.UnixMicro(c.Until)}
	case reception.Block:
		return reception.Connection{State: reception.ConnectionNone}
	case reception.Unknown:
		return reception.Connection{}
	}
	return present.Connection
}
