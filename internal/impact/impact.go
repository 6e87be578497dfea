package impact

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Reader reads the recorded traffic.
type Reader interface {
	ledger.ReplayReader
	DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error)
	PositionAt(ctx context.Context, at time.Time) (int64, error)
}

// Question is what Foresee answers.
type Question struct {
	Before, After *reception.Policy
	// Now is the instant from which on everything that could come is looked at, for Ahead.
	Now time.Time
	// Back is how much of the recorded traffic is decided again, up to Position; zero for DefaultBack.
	Back     time.Duration
	Position int64
	// MostPositions bounds the same by ledger positions, zero for DefaultPositions; MostReads bounds how many messages are decided on facts that are read
	// one by one, zero for DefaultReads.
	MostPositions int64
	MostReads     int
	// PolicyAt finds the policy of a revision, to see whether a journal entry is understood.
	PolicyAt func(ctx context.Context, revision int64) (*reception.Policy, error)
}

const (
	DefaultBack      = 7 * 24 * time.Hour
	DefaultPositions = 1_000_000
	DefaultReads     = 200
	// Ahead is how far everything that could come is looked at: weekly schedules show all they have.
	Ahead = 7 * 24 * time.Hour
	// mostExamples bounds the examples of one change in one cell.
	mostExamples = 3
)

// Change is what becomes of a recorded message.
type Change string

// The changes of a message's way. Each message is taken alone, with its recorded facts: what the change would have done to later loads is not in it.
const (
	Same     Change = "same"
	Waits    Change = "waits"    // somebody could have received it, and nobody could
	Received Change = "received" // nobody could have received it, and somebody could
	Other    Change = "other"    // other receivers
	// Undetermined: who could have received it is known or not, but not who would have: that takes facts which were not read, because there were too many
	// such messages, or which are not kept.
	Undetermined Change = "undetermined"
)

// Impact is the answer.
type Impact struct {
	Replay Replay
	// Losses are the cells that lose their last receiver by policy in the next week, each with the first instant; none is the proof that there is none.
	Losses []Loss
	// Cells and Instants say how much the proof looked at.
	Cells, Instants int
}

// Replay is what the change would have made of recorded traffic.
type Replay struct {
	From, Until time.Time // of the period; Until is the last second
	Limited     bool      // the period was cut short by MostPositions: From is when the oldest message that was looked at came
	Messages    int
	Read        int // messages whose facts were read one by one
	Cells       []CellCount
	Agents      []AgentCount
	Examples    []Example
}

// CellCount counts the messages of one cell by what becomes of them.
type CellCount struct {
	Inbox, Kind                                 string
	Messages, Waits, Received, Other, Undecided int
}

// AgentCount counts messages by what they mean to one agent.
type AgentCount struct {
	Account string
	Stops   int // it could have received, and no longer could
	Starts  int // it could not have received, and could
	Lost    int // it was given, and would not have been
}

// Example is one message, by its ledger position, never with its text.
type Example struct {
	Message     int64
	Inbox, Kind string
	At          time.Time
	Change      Change
	Was         []string       // who received it
	Code        reception.Code // of a message that waits: the first reason
}

// Loss is a cell that nobody can receive any more, where somebody could.
type Loss struct {
	Inbox, Kind string
	At          time.Time
	Last        []string       // who could, before
	Code        reception.Code // why nobody can; 0 if the cell does not exist any more
}

// Total adds the cells up.
func (r *Replay) Total() CellCount {
	var t CellCount
	for _, c := range r.Cells {
		t.Messages += c.Messages
		t.Waits += c.Waits
		t.Received += c.Received
		t.Other += c.Other
		t.Undecided += c.Undecided
	}
	return t
}

// Harmless says that no cell loses its last receiver and no recorded message would have gone another way.
func (i *Impact) Harmless() bool {
	t := i.Replay.Total()
	return len(i.Losses) == 0 && t.Waits+t.Received+t.Other+t.Undecided == 0
}

// Foresee works out the impact. It only reads; policies must not change meanwhile. It stops when ctx ends.
func Foresee(ctx context.Context, r Reader, q Question) (*Impact, error) {
	i := &Impact{}
	var err error
	if i.Replay, err = replay(ctx, r, q); err != nil {
		return nil, err
	}
	return i, i.prove(ctx, &q)
}
