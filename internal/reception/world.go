package reception

import (
	"slices"
	"strings"
	"time"
)

// World is what is true at a ledger position. Implementations return values that nobody changes any more.
type World interface {
	// Agent returns the facts about one account. It never returns nil: of an account without facts it returns one whose session was never begun.
	Agent(account string) *Agent
	// Failures lists the parts of Bida itself that are known to fail, in the order of their component names.
	Failures() []Failure
	// Rate returns what a limited switch, by the name of its document, has let through; the zero Rate if nothing since the last refill.
	Rate(name string) Rate
}

// Rate is what a limited switch has let through in the minute that runs. That the minute is over is a fact too: then the Rate is zero again.
type Rate struct {
	Used   int       // conversations handed to an agent or offered to agents
	Until  time.Time // when the minute ends and all is there again
	Origin Origin    // of the last one that was counted
}

// Origin is where a fact comes from: every fact has a source.
type Origin struct {
	Position int64     // ledger position of the change, 0 if before the records begin
	At       time.Time // when
	By       string    // account or system part that caused it
	Source   string    // how it is known: "realtime", "api", "cli", "timer", "start"
	Cause    string    // the cause in a word, for example "closed_by_client"; see the fact's type
}

// Failure is a part of Bida itself that fails: "store", "disk", "clock", "worker".
type Failure struct {
	Component string
	Detail    string
	Origin    Origin
}

// Agent holds the facts about one account that gates read. A value is immutable once published.
type Agent struct {
	Account    string
	Session    Session
	Presence   Presence
	Connection Connection
	// Clients are the clients on the account's open connections, in any order.
	Clients []Client
	// Live counts the open conversations the agent owns in live inboxes, all together.
	Live int
	// Shares are what the agent has and had in inboxes, in order of their names. Of others it never had anything. See Share and WithShare.
	Shares []Share
}

// Share is what an agent has, or had, in one inbox.
type Share struct {
	Inbox string
	// Load counts the open conversations in it that the agent owns (live and async).
	Load int
	// LastAssigned is the ledger position of the agent's last assignment in it; it settles ties and is the turn of round robin. 0: there was none.
	LastAssigned int64
}

// fewShares is how many are looked through one by one; most agents have no more.
const fewShares = 8

// Share returns the agent's share in an inbox.
func (a *Agent) Share(inbox string) Share { return ShareOf(a.Shares, inbox) }

// ShareOf returns the share in an inbox among an agent's shares.
func ShareOf(list []Share, inbox string) Share {
	if len(list) <= fewShares {
		for i := range list {
			if list[i].Inbox == inbox {
				return list[i]
			}
		}
	} else if i, found := findShare(list, inbox); found {
		return list[i]
	}
	return Share{Inbox: inbox}
}

func findShare(list []Share, inbox string) (int, bool) {
	return slices.BinarySearchFunc(list, inbox, func(s Share, inbox string) int { return strings.Compare(s.Inbox, inbox) })
}

// WithShare returns a copy of an agent's shares in which that of one inbox is as given. The list itself, which others may be reading, stays as it is.
func WithShare(list []Share, share Share) []Share {
	i, found := findShare(list, share.Inbox)
	if !found {
		return slices.Insert(slices.Clip(list), i, share)
	}
	list = slices.Clone(list)
	list[i] = share
	return list
}

// SessionState says whether the account has a session.
type SessionState uint8

// The states of a session. The zero value is unknown, never "ended".
const (
	SessionUnknown SessionState = iota
	SessionNever                // no sign-in on record
	SessionActive
	SessionEnded // Origin.Cause is one of the SessionEnd… causes
)

// Causes of the end of a session (Origin.Cause of a Session in state SessionEnded).
const (
	SessionEndRevoked  = "token_revoked" // the token it rests on was revoked
	SessionEndExpired  = "expired"       // the token or session ran out
	SessionEndByOther  = "ended"         // an administrator or supervisor ended it
	SessionEndSignOut  = "signed_out"    // the person signed out
	SessionEndDisabled = "account"       // the account may no longer sign in
)

// Session is whether, and since when, the account is signed in. Where the account has several sessions it is the best of them.
type Session struct {
	State  SessionState
	Origin Origin
}

// PresenceValue is what a person, a supervisor or a rule set: never a consequence of a connection.
type PresenceValue uint8

// The values of presence. The zero value is unknown.
const (
	PresenceUnknown PresenceValue = iota
	Available
	Away
	DoNotDisturb
	Offline
)

var presenceNames = [...]string{"unknown", "available", "away", "dnd", "offline"}

// String returns the presence's name as the API writes it.
func (p PresenceValue) String() string {
	if int(p) < len(presenceNames) {
		return presenceNames[p]
	}
	return "invalid"
}

// ParsePresence finds a presence that can be set: available, away, dnd, offline.
func ParsePresence(name string) (PresenceValue, bool) {
	for i, n := range presenceNames {
		if n == name && i != int(PresenceUnknown) {
			return PresenceValue(i), true
		}
	}
	return PresenceUnknown, false
}

// Presence is the value that was last set. Origin.Cause is "self", "supervisor", "idle", "until_passed" or "never_set".
type Presence struct {
	Value  PresenceValue
	Reason string
	// Until is when the value ends by itself and the agent is available again; zero if it does not.
	Until time.Time
	// GraceUntil is until when conversations the agent owns wait for it to come back; zero for values that give none.
	GraceUntil time.Time
	Origin     Origin
}

// ConnectionState is what is known of an account's realtime connections taken together: the best of them.
type ConnectionState uint8

// The states of a connection. The zero value is unknown.
const (
	ConnectionUnknown      ConnectionState = iota
	ConnectionNone                         // none open; Origin.Cause says how the last one ended, or "never"
	ConnectionOpen                         // at least one that answers
	ConnectionUnresponsive                 // open, but a push was not acknowledged in time
	ConnectionStale                        // open by the books, but nothing was heard for too long
)

// Connection is the state of the account's connections and the evidence for it.
type Connection struct {
	State     ConnectionState
	ID        string    // the connection the state rests on
	Node      string    // the server process that holds or held it
	Client    string    // the client's name and version as it said
	LastFrame time.Time // when something was last heard from it
	CloseCode int       // WebSocket close code of the last one, 0 if none was seen
	// GraceUntil is until when conversations the agent owns wait for a new connection; zero while one is open and answers.
	GraceUntil time.Time
	Origin     Origin
}

// Message is what is to be decided about.
type Message struct {
	Inbox string // "" for a notice about one's own reception
	Kind  string
	// Conversation is the one it belongs to; nil for a new one or a notice.
	Conversation *Conversation
	// LastOwner is who owned the contact's last conversation in this inbox ("" if nobody): whom a sticky inbox prefers.
	LastOwner string
	// Directed names the receivers of internal, auto_reply and system messages: they skip choice and capacity.
	Directed []string
	// Notice marks a notice about the receiver's own reception: only account.state decides, all other gates are not applicable.
	Notice bool
	// Matched names the filter rules whose content part matches the message, in any order. Released says that somebody released it from quarantine: no rule
	// stops it any more.
	Matched  []string
	Released bool
	// Asked names an agent to be explained although it may be neither member nor owner; "" if none.
	Asked string
}

// Conversation is the state of the conversation a message belongs to, as far as gates read it.
type Conversation struct {
	ID    string
	Owner string // "" if nobody owns it
	// PassedOver lists, in order of name, the agents that let an offer of this conversation time out (routing.passed_over).
	PassedOver []string
	// SnoozedUntil is until when it is set aside; zero if it is not.
	SnoozedUntil time.Time
	// Offered lists, in order of name, the agents that hold an open offer of it (broadcast).
	Offered []string
}
