package ledger

import (
	"context"
	"time"
)

// Span is a piece of the ledger: the positions after After, up to UpTo. What is read by spans costs what lies in the span, however large the ledger is.
type Span struct{ After, UpTo int64 }

// MessageLogQuery says which customers' messages to list; an empty field is no condition.
type MessageLogQuery struct {
	Span
	Inbox, Kind string
	Agent       string // only what was put into this account's list
	Directions  []Direction
	Unreached   bool // only what no client acknowledged and no agent answered
	Limit       int
}

// LoggedMessage is a customer's message without what it says.
type LoggedMessage struct {
	MessageRow
	// Reached says that a client acknowledged it, or that an agent answered after it.
	Reached bool
}

// MessageCount counts messages of a direction.
type MessageCount struct {
	Direction Direction
	Reached   bool
	Messages  int64
}

// DeliveryLogQuery says which deliveries to list; an empty field is no condition. The span is that of their messages: a message that was handed on at noon is
// found where it came in.
type DeliveryLogQuery struct {
	Span
	Account, Inbox, Kind string
	Standing             DeliveryStanding
	Before               DeliveryKey // only what comes after it in the order of the log; zero for all
	Limit                int
}

// DeliveryKey names a delivery in the order of the log.
type DeliveryKey struct {
	Message  int64
	Account  string
	Sequence int64
}

// DeliveryStanding is what became of a delivery, as the log asks for it.
type DeliveryStanding string

// The standings of a delivery. One that a client acknowledged has arrived, even if it was taken back later.
const (
	StandingArrived   DeliveryStanding = "arrived"
	StandingPending   DeliveryStanding = "pending"   // neither acknowledged nor taken back
	StandingWithdrawn DeliveryStanding = "withdrawn" // taken back before a client acknowledged it
)

// Standing is what became of a delivery.
func (d *DeliveryRow) Standing() DeliveryStanding {
	switch {
	case !d.ReceivedAt.IsZero():
		return StandingArrived
	case d.State == Withdrawn:
		return StandingWithdrawn
	case d.State == Queued:
		return StandingPending
	}
	return StandingArrived
}

// RefusalLogQuery says which lines of the intake log to read; an empty field is no condition, and From ≤ At < To.
type RefusalLogQuery struct {
	Inbox, Code string
	From, To    time.Time
	Before      int64 // ID < Before; 0: no bound
	Limit       int
}

// RefusalCount counts refused requests by code.
type RefusalCount struct {
	Code        string
	Requests    int64
	First, Last time.Time
}

// AuditLogQuery says which entries of the audit log to read; an empty field is no condition.
type AuditLogQuery struct {
	Span
	By, Action, Object string
	Limit              int
}

// LogReader reads what happened, newest first, for people who look through it.
type LogReader interface {
	// InstantOf returns when the group that has a position was committed, or ErrNotFound where none at or before it is.
	InstantOf(ctx context.Context, position int64) (time.Time, error)
	// MessageLog returns customers' messages (direction in, held or rejected, with a decision), newest first, at most Limit, without text and attachments.
	MessageLog(ctx context.Context, q MessageLogQuery) ([]LoggedMessage, error)
	// MessageCounts counts what MessageLog would return without its limit, in order of direction, those that were reached last.
	MessageCounts(ctx context.Context, q MessageLogQuery) ([]MessageCount, error)
	// DeliveryLog returns deliveries, withdrawals left out, at most Limit: the newest message first, among those of one message by account and then sequence,
	// both falling.
	DeliveryLog(ctx context.Context, q DeliveryLogQuery) ([]DeliveryRow, error)
	// DeliveriesOfAll returns the deliveries of the messages, withdrawals left out, in any order.
	DeliveriesOfAll(ctx context.Context, messages []int64) ([]DeliveryRow, error)
	// ConversationsOf returns those of the conversations that exist, in any order.
	ConversationsOf(ctx context.Context, ids []int64) ([]ConversationRow, error)
	// RefusalLog returns lines of the intake log, newest first, at most Limit.
	RefusalLog(ctx context.Context, q RefusalLogQuery) ([]RefusalRow, error)
	// RefusalCounts counts the lines that fit, by code, in order of code. Before and Limit are not looked at.
	RefusalCounts(ctx context.Context, q RefusalLogQuery) ([]RefusalCount, error)
	// SignIns returns the sessions (facts of the name "signin") that began at a position in the span, newest first, at most limit: of an account ("" for all).
	SignIns(ctx context.Context, account string, span Span, limit int) ([]FactRow, error)
	// FailedSignIns returns the entries of the audit log that tell of failed sign-ins to an account ("" for all), newest first, at most limit.
	FailedSignIns(ctx context.Context, account string, span Span, limit int) ([]AuditRow, error)
	// BrowserSessionsOf returns those of the sessions that began at a browser, ended ones too, in any order.
	BrowserSessionsOf(ctx context.Context, ids []string) ([]BrowserSessionRow, error)
	// AuditLog returns entries of the audit log, newest first, at most Limit.
	AuditLog(ctx context.Context, q AuditLogQuery) ([]AuditRow, error)
	// SystemFacts returns the facts about parts of Bida (subject "system/…") that began at a position in the span, newest first, at most limit.
	SystemFacts(ctx context.Context, span Span, limit int) ([]FactRow, error)
}

// ActionSignInFailed is the action under which the audit log tells of failed sign-ins.
const ActionSignInFailed = "sign_in.failed"
