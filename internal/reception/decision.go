package reception

import "time"

// Verdict is what becomes of the conversation a message belongs to. The zero value is NotDecided: delivering on it is a fault.
type Verdict uint8

// The verdicts of a decision.
const (
	NotDecided Verdict = iota
	// Routed: Chosen[0] receives the conversation and owns it.
	Routed
	// Offered: Chosen may claim it; nobody owns it yet (broadcast: each receives it; manual: it lies in the inbox for them to take).
	Offered
	// Waiting: nobody can receive it now, or it waits for its owner's grace to end (Held).
	Waiting
	// Directed: Chosen are the named receivers that may have it; the others' cells say why not. Also for a thread message with no receiver.
	Directed
	// Quarantined: a filter rule keeps the message back until somebody releases it. The conversation stays as it is.
	Quarantined
	// Rejected: a filter rule refuses the message. It belongs to no conversation.
	Rejected
)

var verdictNames = [...]string{"undecided", "routed", "offered", "waiting", "directed", "quarantined", "rejected"}

// String returns the verdict's name as the journal writes it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return "invalid"
}

// ParseVerdict finds a verdict by its name.
func ParseVerdict(name string) (Verdict, bool) {
	for i, n := range verdictNames {
		if n == name && i != int(NotDecided) {
			return Verdict(i), true
		}
	}
	return NotDecided, false
}

// Candidate is one agent that was considered, with the outcome of every gate.
type Candidate struct {
	Account string
	Owner   bool // owned the conversation when it was decided
	Asked   bool // neither member nor owner: only asked about, not counted
	Cells   Vector
	// Score is what the strategy compared (see Strategy); meaningful for candidates that passed every gate before routing.
	Score Score
}

// Score is what a strategy compares, first Load, then Turn, then the account's name: the lowest is chosen.
type Score struct {
	Load int   // live conversations owned (least_loaded; conversations in the inbox for an async inbox), 0 for round_robin
	Turn int64 // ledger position of the last assignment in this inbox
}

// Decision is all gates' outcomes for a message and its candidates, and the choice.
type Decision struct {
	Verdict Verdict
	// Kind is the kind of the message, and At the instant it was decided for; the summary's words need them.
	Kind string
	At   time.Time
	// Scored says that the candidates' scores are there; a decision that was read from the journal's outcomes has none.
	Scored bool
	// Code says how the choice was made (routing.chosen.…) or, when Waiting, the first reason why not.
	Code   Code
	Chosen []string
	// Released is the owner that lost the conversation in this decision, "" if none; ReleasedFor is the code of the gate that took it.
	Released    string
	ReleasedFor Code
	// Held is the owner whose grace the conversation waits for, "" if none.
	Held string
	// Recycled says that every eligible candidate had been passed over, so that the passed-over list starts again.
	Recycled bool
	// Rule is the filter rule that decided about the message's content (let it through, kept it back or refused it), "" if none did. Tags are what rules
	// marked it with, and Applied all the rules that took effect, in order; what was read from the journal's outcomes has neither.
	Rule          string
	Tags, Applied []string
	// Message holds the gates about the message itself; the others are NotApplicable here.
	Message Vector
	// Candidates are in order of account name. In their vectors the gates about the message repeat Message.
	Candidates []Candidate
	// Until is the earliest instant (Unix microseconds) at which a cell that now waits may pass; 0 if no cell waits.
	Until int64
}
