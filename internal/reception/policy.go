package reception

import "time"

// Policy is one immutable compiled revision of everything that decides who receives what. Package policy makes it from documents.
type Policy struct {
	Revision int64
	Accounts map[string]*Account
	Inboxes  map[string]*Inbox
	Platform Switch
	Filters  []Filter // those that are on, in the order in which they are applied
	// Clients are the requirements for agents' clients, by the name that a client gives itself; AnyClient is for those without one of their own.
	Clients map[string]*ClientRule

	index *index // see Index
}

// Account is an account as the gates see it.
type Account struct {
	Name       string
	Agent      bool // may receive at all
	Robot      bool // a program, not a person
	State      AccountStatus
	StateUntil time.Time // when a frozen account is active again by itself; zero if it is not
	Expires    time.Time // zero: never
	Rights     map[string]Right
	Windows    []*Schedule
	Extension  *Schedule      // extra openings for a time, whatever all windows say; nil: none
	Total      int            // limit of live conversations; 0: none
	Limits     map[string]int // limit by inbox; missing: the inbox's own
	Switch     Switch
	Roles      []string
}

// AccountStatus is the state of an account as its document says; expiry is applied on top of it.
type AccountStatus uint8

// The states of an account. The zero value is invalid and stops.
const (
	StateInvalid AccountStatus = iota
	Invited
	Active
	Disabled
	Frozen
	Banned
	Left
	Expired
)

var statusNames = [...]string{"invalid", "invited", "active", "disabled", "frozen", "banned", "left", "expired"}

// String returns the state's name as documents write it.
func (s AccountStatus) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "invalid"
}

// ParseAccountStatus finds a state by its name.
func ParseAccountStatus(name string) (AccountStatus, bool) {
	for i, n := range statusNames {
		if n == name && i != int(StateInvalid) {
			return AccountStatus(i), true
		}
	}
	return StateInvalid, false
}

// Right is everything that bears on one permission of one account. Deny wins over every grant.
type Right struct {
	Roles    []string // roles that grant it, in order of name
	Template bool     // the template of one of the account's roles contains it
	Allow    Override
	Deny     Override
}

// Override is an account's own allow or deny.
type Override struct {
	Set   bool
	Until time.Time // zero: without end. From Until on it no longer counts.
}

// In says whether the override counts at an instant.
func (o Override) In(now time.Time) bool { return o.Set && (o.Until.IsZero() || now.Before(o.Until)) }

// Mode is how an inbox is worked.
type Mode uint8

// The modes of an inbox.
const (
	Live Mode = iota + 1
	Async
)

// Strategy is how one of several eligible agents is chosen.
type Strategy uint8

// The strategies of design §5.
const (
	LeastLoaded Strategy = iota + 1
	RoundRobin
	Broadcast
	Manual
)

var strategyNames = [...]string{"invalid", "least_loaded", "round_robin", "broadcast", "manual"}

// String returns the strategy's name as documents write it.
func (s Strategy) String() string {
	if int(s) < len(strategyNames) {
		return strategyNames[s]
	}
	return "invalid"
}

// Inbox is one entrance as the gates see it.
type Inbox struct {
	Name          string
	Mode          Mode
	Kinds         []string
	Members       []Member // in order of account name
	Hours         *Schedule
	Strategy      Strategy
	Sticky        bool
	AcceptTimeout time.Duration // 0: none
	Capacity      int           // limit of conversations per agent in this inbox; 0: none
	Switch        Switch
	Maintenance   []Maintenance // in order of From
}

// Member is one account's membership in an inbox.
type Member struct {
	Account string
	Direct  bool
	Teams   []Team // teams that give the membership, in order of name
}

// Team is a team as far as its members' reception windows go.
type Team struct {
	Name    string
	Windows []*Schedule
}

// SwitchState is the state of a push switch (推送开关).
type SwitchState uint8

// The states of a switch. The zero value is On: a switch without a document is on.
const (
	On SwitchState = iota
	Off
	Paused
	Limited
)

// Switch is a push switch. A paused or limited switch with Until is on again from that instant.
type Switch struct {
	State  SwitchState
	Until  time.Time
	Reason string
	// PerMinute is how many conversations a limited switch lets through a minute, at least 1; 0 for other states.
	PerMinute int
}

// PlatformSwitch is the name of the platform's switch.
const PlatformSwitch = "platform"

// InboxSwitch is the name of an inbox's switch, as its document has it.
func InboxSwitch(inbox string) string { return "inbox." + inbox }

// AccountSwitch is the name of an account's switch, as its document has it.
func AccountSwitch(account string) string { return "account." + account }

// Limits says whether the switch limits how many conversations go through it at an instant.
func (s *Switch) Limits(now time.Time) bool { return s.State == Limited && !reached(now, s.Until) }

// OwnsConversations says whether messages of the kind are owned: customer, group and kinds that policy added; not the kinds that Bida makes.
func OwnsConversations(kind string) bool {
	switch kind {
	case "internal", "system", "auto_reply":
		return false
	}
	return true
}

// Member finds the membership of an account; nil if it has none.
func (in *Inbox) Member(account string) *Member {
	lo, hi := 0, len(in.Members)
	for lo < hi {
		mid := (lo + hi) / 2
		if in.Members[mid].Account < account {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(in.Members) && in.Members[lo].Account == account {
		return &in.Members[lo]
	}
	return nil
}

// Produces says whether the inbox lists the kind.
func (in *Inbox) Produces(kind string) bool {
	for _, k := range in.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}
