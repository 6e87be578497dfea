package ledger

import (
	"context"
	"errors"
	"time"
)

// Errors of a Store. They are matched with errors.Is; the cause is wrapped.
var (
	// ErrNotFound: the row does not exist. Never returned for a failed read.
	ErrNotFound = errors.New("not found")
	// ErrCommitUnknown: the outcome of COMMIT is not known. The ledger stops, reopens and asks HasGroup.
	ErrCommitUnknown = errors.New("the outcome of the commit is unknown")
	// ErrNotDecider: another process decides for this installation now; nothing was written.
	ErrNotDecider = errors.New("another process is the decider")
	// ErrData: the database refused the rows themselves (a constraint, a value); nothing was written, and the same rows would be refused again.
	ErrData = errors.New("the store refused the data")
	// ErrUnavailable: the store cannot be reached or written now; nothing was written.
	ErrUnavailable = errors.New("the store is unavailable")
	// ErrMustRestart: only another process can open the store safely; to reopen it is of no use.
	ErrMustRestart = errors.New("the server has to be started anew")
)

// Committer writes groups. Only the ledger calls it, from one goroutine.
type Committer interface {
	// Commit writes the whole group in one transaction, durably, together with its row in the table of groups, or nothing.
	// It returns one of the errors above. A group with Alive set only moves the alive mark.
	Commit(ctx context.Context, g *Group) error
	// HasGroup says whether the group that begins at first with this nonce was committed.
	HasGroup(ctx context.Context, first int64, nonce string) (bool, error)
	// Keys returns those of the keys that exist, in any order.
	Keys(ctx context.Context, refs []KeyRef) ([]KeyRow, error)
	// Contact returns a contact, or ErrNotFound.
	Contact(ctx context.Context, inbox, id string) (ContactRow, error)
	// Conversation returns a conversation, resolved ones too, or ErrNotFound.
	Conversation(ctx context.Context, id int64) (ConversationRow, error)
	// Delivery returns one entry of an account's stream, or ErrNotFound.
	Delivery(ctx context.Context, account string, sequence int64) (DeliveryRow, error)
	// Upload returns an upload, expired ones too while they are there, or ErrNotFound.
	Upload(ctx context.Context, id string) (UploadRow, error)
	// Rating returns what a conversation's customer said of it, or ErrNotFound.
	Rating(ctx context.Context, conversation int64) (RatingRow, error)
	// QuarantineOf returns the records of those of the messages that have one, in any order.
	QuarantineOf(ctx context.Context, messages []int64) ([]QuarantineRow, error)
	// LastAutoReplies returns, of each automatic reply that was written in a conversation, the newest record, in order of the replies.
	LastAutoReplies(ctx context.Context, conversation int64) ([]AutoReplyRow, error)
	// Job returns a job, dead ones too, or ErrNotFound.
	Job(ctx context.Context, id string) (JobRow, error)
	// HelpRequest returns a request for help, or ErrNotFound.
	HelpRequest(ctx context.Context, id int64) (HelpRow, error)
	// HelpRequests returns the requests for help that fit, newest first, at most Limit.
	HelpRequests(ctx context.Context, q HelpQuery) ([]HelpRow, error)
	// Load reads what the ledger keeps in memory. With PostgreSQL it also takes the decider row (a new epoch).
	Load(ctx context.Context) (*State, error)
	// Reopen drops all connections and opens new ones, as after an unknown commit.
	Reopen(ctx context.Context) error
}

// State is what Load returns: everything the World is rebuilt from.
type State struct {
	Position  int64     // last ledger position used, 0 for an empty store
	At        time.Time // At of the last group
	AliveAt   time.Time // the last alive mark (≥ At), zero for an empty store
	Documents []DocumentRow
	Revision  int64
	// Conversations that are open (status "open").
	Conversations []ConversationRow
	// Deliveries in state queued, in order of account and sequence. (PostgreSQL may find them by a scan: an index over the state would change with every message.)
	Deliveries []DeliveryRow
	// Sequences holds the last agent_sequence of every account that has one.
	Sequences map[string]int64
	// Received holds the newest message, by agent_sequence, that a client of the account acknowledged; accounts without one are left out.
	Received map[string]Receipt
	// Facts that hold now.
	Facts []FactRow
	// LastAssigned holds the newest assignment position by inbox and account: LastAssigned[inbox][account].
	LastAssigned map[string]map[string]int64
	Tokens       []TokenRow // not revoked
	// BrowserSessions that have not ended.
	BrowserSessions []BrowserSessionRow
	Clients         []ClientRow
	Logins          []LoginRow
}

// MessageReader reads messages and what became of them. Implementations are safe for many goroutines and never block the Committer.
type MessageReader interface {
	Message(ctx context.Context, position int64) (MessageRow, error)
	MessageBySender(ctx context.Context, inbox, senderID string) (MessageRow, error)
	// ConversationMessages returns messages with sequence > after, in order, at most limit.
	ConversationMessages(ctx context.Context, conversation, after int64, limit int) ([]MessageRow, error)
	// MessagesBefore returns the newest messages with sequence < before, in order, at most limit.
	MessagesBefore(ctx context.Context, conversation, before int64, limit int) ([]MessageRow, error)
	// Previews returns what lists show of conversations, in any order; one without a message is left out.
	Previews(ctx context.Context, conversations []int64) ([]PreviewRow, error)
	// ResolvedConversations returns resolved conversations, the last resolved first, at most limit, with Resolved < before (0: no bound): of an inbox
	// ("" for all) and of their last owner ("" for all).
	ResolvedConversations(ctx context.Context, inbox, lastOwner string, before int64, limit int) ([]ConversationRow, error)
	// Mentioned says whether an account was given a note in a conversation.
	Mentioned(ctx context.Context, conversation int64, account string) (bool, error)
	Conversation(ctx context.Context, id int64) (ConversationRow, error)
	// DeliveriesOf returns the deliveries of one message in order of position, withdrawals left out.
	DeliveriesOf(ctx context.Context, message int64) ([]DeliveryRow, error)
	Attempts(ctx context.Context, account string, sequence int64) ([]AttemptRow, error)
	// Entries returns an account's entries with sequence > after, in order, at most limit, each with its message (withdrawals too: that of their target).
	Entries(ctx context.Context, account string, after int64, limit int) ([]Entry, error)
	// NewestDeliveries returns the newest entries of an account that were made at or before a position, in order, at most limit.
	NewestDeliveries(ctx context.Context, account string, position int64, limit int) ([]DeliveryRow, error)
	// DecisionsOf returns the later decisions (not those inside messages) on a conversation, in order, at most limit, newest last.
	DecisionsOf(ctx context.Context, conversation int64, limit int) ([]DecisionRow, error)
	Outcomes(ctx context.Context, id [16]byte) ([]byte, error)
	// Replies returns outbound messages of an inbox with position > cursor, in order, at most limit.
	Replies(ctx context.Context, inbox string, cursor int64, limit int) ([]MessageRow, error)
	// Refusals returns intake log lines for a sender's id ("" for all) in an inbox ("" for all), newest first, at most limit, with ID < before (0: no bound).
	Refusals(ctx context.Context, inbox, senderID string, before int64, limit int) ([]RefusalRow, error)
	// DecidedMessages returns customers' messages with Decision, held and refused ones too, position in (after, upTo], in order, at most limit, without their text.
	DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]MessageRow, error)
	// LaterDecisions returns journal entries that are not inside messages, position in (after, upTo], in order, at most limit.
	LaterDecisions(ctx context.Context, after, upTo int64, limit int) ([]DecisionRow, error)
	// Traffic counts for one account since an instant, by inbox and kind.
	Traffic(ctx context.Context, account string, since, until time.Time) ([]TrafficRow, error)
	// Offered counts inbound messages since an instant, by inbox and kind, whoever received them.
	Offered(ctx context.Context, since, until time.Time) ([]TrafficRow, error)
}

// Entry is one entry of an agent's stream with the message it is about.
type Entry struct {
	Delivery DeliveryRow
	Message  MessageRow
}

// TrafficRow counts messages of one inbox and kind. Traffic fills Pushed, Received and Withdrawn; Offered fills Offered.
type TrafficRow struct {
	Inbox, Kind string
	Offered     int
	Pushed      int // deliveries made for the account
	Received    int
	Withdrawn   int
}

// FactReader reads facts as they were.
type FactReader interface {
	// FactsAt returns the facts of the subjects that held just before position: FromPosition < position and (no end or ToPosition ≥ position).
	// nil subjects means all.
	FactsAt(ctx context.Context, position int64, subjects []string) ([]FactRow, error)
	// FactsBetween returns a subject's facts that touch the interval of instants, in order of FromPosition, at most limit.
	FactsBetween(ctx context.Context, subject string, from, to time.Time, limit int) ([]FactRow, error)
	// AssignmentsAt returns the assignments that held just before position, of the accounts (nil: all).
	AssignmentsAt(ctx context.Context, position int64, accounts []string) ([]AssignmentRow, error)
	// LastAssignedAt is State.LastAssigned as it was just before position, for one inbox.
	LastAssignedAt(ctx context.Context, position int64, inbox string) (map[string]int64, error)
	// AssignmentsOf returns all assignments of a conversation in order.
	AssignmentsOf(ctx context.Context, conversation int64) ([]AssignmentRow, error)
	// PreviousOwner returns the owner of the contact's newest assignment in the inbox that began before position, "" if none.
	PreviousOwner(ctx context.Context, inbox, contact string, position int64) (string, error)
	// PositionAt returns the last position committed at or before an instant, 0 if that is before the records begin.
	PositionAt(ctx context.Context, at time.Time) (int64, error)
	// Began returns the At of the first group, or ErrNotFound.
	Began(ctx context.Context) (time.Time, error)
}

// UploadReader reads what is known of files.
type UploadReader interface {
	Upload(ctx context.Context, id string) (UploadRow, error)
	// UploadsOf counts an owner's uploads, and adds up their sizes.
	UploadsOf(ctx context.Context, owner string) (count, size int64, err error)
	// FilesInUse returns those of the digests that a message or an upload refers to, each once, in any order.
	FilesInUse(ctx context.Context, digests []string) ([]string, error)
}

// JobReader reads what is to be done in the background.
type JobReader interface {
	// JobsDue returns what may be carried out at an instant: due, not given up, and with no process that has it. In order of the instant they are due, then of
	// id, at most limit.
	JobsDue(ctx context.Context, at time.Time, limit int) ([]JobRow, error)
	// Jobs returns the jobs with an id > after in order of id, at most limit; only those that were given up if dead is set.
	Jobs(ctx context.Context, dead bool, after string, limit int) ([]JobRow, error)
}

// VisitorReader reads what visitors may see, and what they said.
type VisitorReader interface {
	// Visitor finds a visitor by the SHA-256 of its token, or ErrNotFound.
	Visitor(ctx context.Context, hash [32]byte) (VisitorRow, error)
	// ContactMessages returns what a contact wrote in an inbox and the replies to it, over all its conversations, with position > after, in order, at most
	// limit. Notes and notices are not among them.
	ContactMessages(ctx context.Context, inbox, contact string, after int64, limit int) ([]MessageRow, error)
	// ContactMessagesBefore returns the last ones of the same with position < before (0: of all), in order, at most limit.
	ContactMessagesBefore(ctx context.Context, inbox, contact string, before int64, limit int) ([]MessageRow, error)
	// ContactConversations returns a contact's conversations in an inbox, newest first, at most limit.
	ContactConversations(ctx context.Context, inbox, contact string, limit int) ([]ConversationRow, error)
	Rating(ctx context.Context, conversation int64) (RatingRow, error)
	// Ratings returns those of the conversations that were rated, in any order.
	Ratings(ctx context.Context, conversations []int64) ([]RatingRow, error)
}

// PolicyReader reads the policy as it was.
type PolicyReader interface {
	DocumentsAt(ctx context.Context, revision int64) ([]DocumentRow, error)
	// DocumentVersions returns all versions of one document, oldest first.
	DocumentVersions(ctx context.Context, kind, name string) ([]DocumentRow, error)
	// DocumentsSince returns every version valid at any time from revision on, oldest first.
	DocumentsSince(ctx context.Context, revision int64) ([]DocumentRow, error)
	// Revisions returns revisions < before (0: from the newest), newest first, at most limit.
	Revisions(ctx context.Context, before int64, limit int) ([]RevisionRow, error)
	Revision(ctx context.Context, revision int64) (RevisionRow, error)
	// RevisionAt returns the revision in force just after position, 0 if none.
	RevisionAt(ctx context.Context, position int64) (int64, error)
	// Audit returns entries with position < before (0: from the newest), newest first, at most limit.
	Audit(ctx context.Context, before int64, limit int) ([]AuditRow, error)
	TokensOf(ctx context.Context, account string) ([]TokenRow, error)
}
