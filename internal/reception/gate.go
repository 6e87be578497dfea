package reception

// Gate is one check (检查项) on the way of a message to an agent. Gates are ordered: an agent is counted in a summary under the first gate that stops it.
type Gate uint8

// The gates of this engine, in the order in which they are counted. Names and order are those of the glossary; the numbers are private to the process.
const (
	AccountState Gate = iota
	AccountLogin
	RoleReceive
	PermissionKind
	PermissionReply
	MembershipInbox
	WindowAgent
	SwitchPlatform
	SwitchInbox
	SwitchAccount
	WindowInbox
	MaintenanceGate
	FilterGate
	SystemHealth
	PresenceGate
	ConnectionGate
	ClientVersion
	ClientNotify
	Capacity
	ConversationGate
	Routing
	// GateCount is the number of gates, the length of a vector.
	GateCount
)

var gateNames = [GateCount]string{
	AccountState:     "account.state",
	AccountLogin:     "account.login",
	RoleReceive:      "role.receive",
	PermissionKind:   "permission.kind",
	PermissionReply:  "permission.reply",
	MembershipInbox:  "membership.inbox",
	WindowAgent:      "window.agent",
	SwitchPlatform:   "switch.platform",
	SwitchInbox:      "switch.inbox",
	SwitchAccount:    "switch.account",
	WindowInbox:      "window.inbox",
	MaintenanceGate:  "maintenance",
	FilterGate:       "filter",
	SystemHealth:     "system.health",
	PresenceGate:     "presence",
	ConnectionGate:   "connection",
	ClientVersion:    "client.version",
	ClientNotify:     "client.notify",
	Capacity:         "capacity",
	ConversationGate: "conversation",
	Routing:          "routing",
}

// String returns the gate's name, for example "permission.kind".
func (g Gate) String() string {
	if g < GateCount {
		return gateNames[g]
	}
	return "gate.invalid"
}

// ParseGate finds a gate by its name.
func ParseGate(name string) (Gate, bool) {
	for g, n := range gateNames {
		if n == name {
			return Gate(g), true
		}
	}
	return 0, false
}

// Part is the part of the check-list the gate belongs to: 1 账号与权限, 2 系统与推送, 3 客户端, 4 分配.
func (g Gate) Part() int {
	switch {
	case g <= WindowAgent:
		return 1
	case g <= SystemHealth:
		return 2
	case g <= ClientNotify:
		return 3
	default:
		return 4
	}
}

// AboutMessage says whether the gate is about the message itself: said once, before the candidates are counted.
func (g Gate) AboutMessage() bool {
	switch g {
	case SwitchPlatform, SwitchInbox, WindowInbox, MaintenanceGate, FilterGate, SystemHealth:
		return true
	}
	return false
}

// Advises says whether the gate only warns: a message is routed whatever it says, also where nothing is known.
func (g Gate) Advises() bool { return g == ClientNotify }

// Outcome is the result of one gate. The zero value is Undecided: delivering on it is a fault.
type Outcome uint8

// The outcomes of design §2. Wait always carries an Until; without a known end it is Block.
const (
	Undecided Outcome = iota
	Pass
	Block
	Wait
	Unknown
	NotApplicable
)

var outcomeNames = [...]string{"undecided", "pass", "block", "wait", "unknown", "not_applicable"}

// String returns the outcome's name, for example "not_applicable".
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "invalid"
}

// ParseOutcome finds an outcome by its name; "undecided" is not accepted.
func ParseOutcome(name string) (Outcome, bool) {
	for i, n := range outcomeNames {
		if n == name && i != int(Undecided) {
			return Outcome(i), true
		}
	}
	return Undecided, false
}

// Stops says whether the outcome keeps a message from being routed: everything but Pass and NotApplicable, the zero value included. It holds for gates that
// do more than advise; see Vector.Stopped.
func (o Outcome) Stops() bool { return o != Pass && o != NotApplicable }

// Cell is the outcome of one gate for one agent, compact: words and evidence are rendered when it is read.
type Cell struct {
	Outcome Outcome
	Code    Code  // set when the outcome stops, or as a warning on a pass
	Until   int64 // Unix microseconds; set exactly when Outcome is Wait
}

// Vector holds the cells of all gates for one agent.
type Vector [GateCount]Cell

// Stopped says whether a gate of the vector stops.
func (v *Vector) Stopped(g Gate) bool { return v[g].Outcome.Stops() && !g.Advises() }

// First returns the first gate of the vector that stops, or GateCount when none does.
func (v *Vector) First() Gate {
	for g := Gate(0); g < GateCount; g++ {
		if v.Stopped(g) {
			return g
		}
	}
	return GateCount
}
