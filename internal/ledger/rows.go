package ledger

import (
	"encoding/json"
	"time"
)

// The rows of one group, as the stores write and read them. Times are instants with microsecond precision (stores keep Unix microseconds); a zero time and
// a zero position are stored as NULL where the comment says "or none". Identifiers shown to people are made from positions: message m<position>,
// conversation c<position>.

// Direction says which way a message goes.
type Direction string

// The directions of a message.
const (
	Inbound  Direction = "in"     // from a customer
	Outbound Direction = "out"    // to the customer: an agent's reply or, of the kind auto_reply, what Bida itself writes
	Internal Direction = "system" // made by Bida: notices and, in a conversation, lines that say what a rule did with it
	Note     Direction = "note"   // from an agent to colleagues; it never leaves the house
	// Held is from a customer and kept back by a filter rule: nobody has it, and it becomes Inbound when it is released.
	Held Direction = "held"
	// Refused is from a customer and was refused by a filter rule: it is in no conversation, and kept as a record.
	Refused Direction = "rejected"
)

// FromCustomer says whether a message was written by a customer, and is in a conversation. To customers a held one is as any other.
func (d Direction) FromCustomer() bool { return d == Inbound || d == Held }

// ReplyState is how far an outbound message got.
type ReplyState string

// The states of a reply. A reply is sent when it is durable and delivered when its source has read past it.
const (
	ReplySent      ReplyState = "sent"
	ReplyDelivered ReplyState = "delivered"
	ReplyFailed    ReplyState = "failed"
)

// MessageRow is one message with the decision made when it came in. Text lives only here.
type MessageRow struct {
	Position     int64
	Direction    Direction
	Inbox        string // "" for a notice
	Conversation int64  // or none, for a notice
	Sequence     int64  // in the conversation, from 1; or none
	Kind         string
	SenderID     string          // the sender's own id; "" for what Bida writes
	Contact      string          // contact id in the inbox; "" for a notice
	Author       string          // account that wrote a reply or a note, or caused a notice; "" inbound and for what Bida writes
	Text         string          // of a line: its code
	Data         json.RawMessage // notices: {"zh":…,"en":…,…}; self-checks' messages: TestData; announcements: AnnouncementData; notes: NoteData; lines: LineData; all others: attachments, as package attachment writes them; or none
	SentAt       time.Time       // as the sender said, or none
	ReceivedAt   time.Time       // when intake had it whole
	At           time.Time       // the group's now: when it was decided and stored
	// ContactSequence counts the replies to one contact from 1; or none.
	ContactSequence int64
	ReplyState      ReplyState // outbound only
	ReplyAt         time.Time  // when ReplyState was reached
	ReplyDetail     string     // the provider's answer
	Tags            []string   // what filter rules marked it with
	Decision        *DecisionRow
}

// DecisionRow is a journal entry: for an inbound message it lies inside the message's row, for a later decision on a conversation in its own.
type DecisionRow struct {
	Position     int64 // of the decision; that of the message for the first one
	Conversation int64
	Message      int64 // the message that was decided; the first undelivered one for a later decision
	At           time.Time
	Revision     int64
	Engine       string // engine and zone-data version
	Cause        string // "message", or what made it be decided again: "presence", "policy", "window", "owner_released", "accept_timeout", "answer_timeout", …
	Verdict      string
	Code         string
	Chosen       []string
	Load         int      // score of the chosen agent, for the summary
	Released     string   // owner released by this decision, or none
	ReleasedFor  string   // reason code of it
	Held         string   // owner whose grace it waits for, or none
	Outcomes     [16]byte // key of the outcome set (OutcomesRow)
	Matched      []string // the filter rules whose content part matched the message, in order
}

// OutcomesRow is one set of all candidates' outcomes; equal sets are stored once. A store ignores one whose ID it has.
type OutcomesRow struct {
	ID      [16]byte // first 16 bytes of SHA-256 over Content
	Content []byte   // reception.EncodeOutcomes
}

// NoteData is the Data of a note.
type NoteData struct {
	To       []string `json:"to"`                 // who was to be told, in order of name: the owner, and those mentioned
	Mentions []string `json:"mentions,omitempty"` // whom the author called
	// Attachments are written as those of other messages are.
	Attachments json.RawMessage `json:"attachments,omitempty"`
}

// AnnouncementData is the Data of an announcement, which is a notice to many.
type AnnouncementData struct {
	ZH           string   `json:"zh"`
	EN           string   `json:"en"`
	Announcement string   `json:"announcement"` // name of the maintenance document
	Directed     []string `json:"directed"`     // whom it names, in order
}

// AssignmentData is the Data of a notice to one account about what somebody did with its conversation.
type AssignmentData struct {
	ZH         string   `json:"zh"`
	EN         string   `json:"en"`
	Assignment string   `json:"assignment"` // the conversation, as people see its id
	Directed   []string `json:"directed"`   // whom it names
}

// TestData is the Data of a self-check's message.
type TestData struct {
	To     string `json:"to"`     // the account that tests itself
	Client string `json:"client"` // the client that is to get it
}

// LineData is the Data of a line: what it needs to be put into words besides its code.
type LineData struct {
	Account string `json:"account,omitempty"` // whom it is about
	Seconds int64  `json:"seconds"`           // how long the rule waited
}

// PreviewRow is what a list shows of a conversation besides its own row, as of the store's last commit.
type PreviewRow struct {
	Conversation int64
	Last         int64 // sequence of the last message
	Answered     int64
	ContactName  string
	Unanswered   int       // inbound messages after Answered
	Since        time.Time // of the first of them, or none
	// Of the last message that is no automatic reply, if there is one; Text is its beginning, at most PreviewLength characters.
	Direction Direction
	Kind      string
	Author    string
	Text      string
	At        time.Time
}

// PreviewLength is how many characters of a message a preview has at most.
const PreviewLength = 120

// KeyRow is a sender's id that was used. Scope is "in/<inbox>" for messages, "out/<conversation>" for replies and "note/<conversation>" for notes.
type KeyRow struct {
	Scope    string
	ID       string
	Position int64 // of the message it made
	Digest   [16]byte
	At       time.Time
}

// KeyRef names a key to look up.
type KeyRef struct{ Scope, ID string }

// ContactRow is a customer in one inbox; written when new or renamed.
type ContactRow struct {
	Inbox, ID, Name string
	Position        int64
	LastOwner       string // who owned the contact's last conversation here
	Replies         int64  // replies sent so far (ContactSequence of the last one)
	Seen            int64  // position up to which the contact itself said that it has the replies; 0 where a source reads them
	Lang            string // "zh" or "en": what its own browser asked for; "" where that is not known
}

// VisitorRow is somebody who writes from a web page. The token itself is not kept, only its SHA-256.
type VisitorRow struct {
	ID        string // also the contact's id in the inbox
	Inbox     string
	Hash      [32]byte
	Name      string // as the visitor gave it, or none
	CreatedAt time.Time
}

// RatingRow is what a customer said of a resolved conversation. The comment is personal text: it lies only here.
type RatingRow struct {
	Conversation int64
	Score        int // 1 to 5
	Comment      string
	FirstAt      time.Time
	At           time.Time // of the last change
	Position     int64     // of the last change
}

// ConversationRow is the whole state of a conversation; an update writes all of it.
type ConversationRow struct {
	ID             int64
	Inbox, Contact string
	Kind           string
	Status         string // "open", "resolved"
	Owner          string
	OwnerPosition  int64 // since when, or none
	LastOwner      string
	LastSequence   int64
	Answered       int64 // sequence up to which nothing is unanswered: of the last reply, or of the notes right after it; 0 before the first
	Delivered      int64 // sequence up to which inbound messages were handed to the owner; they fall back to Answered when it is released
	WaitingSince   int64 // position since when it waits, or none
	WaitingCode    string
	PassedOver     []string
	Offered        []string
	AcceptBy       time.Time // when the accept timeout ends, or none
	Accepted       bool      // the owner opened or answered it
	TurnSince      time.Time // since when the owner (something is unanswered) or the customer (nothing is) is to write; none while it waits for an owner
	Overdue        bool      // in this turn the customer was prompted, or it was recorded that the owner is late
	OpenedAt       time.Time
	UpdatedAt      time.Time
	Position       int64 // of the last change
	Resolved       int64 // position at which it was resolved, or none while it is open

	// Kept in memory only:
	passedSince int64    // from-position of the passed_over fact that holds
	decided     [16]byte // outcome set of the last decision that left it waiting
	watched     time.Time

	snoozedUntil time.Time // its fact, FactSnoozed, is what the store keeps
	snoozedSince int64
}

// SnoozedUntil is until when the open conversation is set aside; zero if it is not.
func (c *ConversationRow) SnoozedUntil() time.Time { return c.snoozedUntil }

// Watched is the last instant at which it was asked in this process to look whether the turn ends; zero if never.
func (c *ConversationRow) Watched() time.Time { return c.watched }

// SetWatched remembers that a deadline was set, so that not every message needs one.
func (c *ConversationRow) SetWatched(at time.Time) { c.watched = at }

// DecidedOutcomes returns the outcome set of the last decision in this process that left the conversation waiting; zero if there was none.
func (c *ConversationRow) DecidedOutcomes() [16]byte { return c.decided }

// SetDecidedOutcomes remembers the outcome set of a decision, so that an equal one is not written again.
func (c *ConversationRow) SetDecidedOutcomes(id [16]byte) { c.decided = id }

// EntryType is what an entry of an agent's stream is.
type EntryType string

// The types of entries.
const (
	EntryMessage    EntryType = "message"
	EntryNotice     EntryType = "notice"
	EntryWithdrawal EntryType = "withdrawal"
	// EntryTest is the message of a self-check: it goes the way of a notice, and is no work of anybody.
	EntryTest EntryType = "test"
)

// DeliveryState is how far a delivery got; each state implies those before it, withdrawn ends it.
type DeliveryState string

// The states of a delivery.
const (
	Queued    DeliveryState = "queued"
	Received  DeliveryState = "received"
	Seen      DeliveryState = "seen"
	Accepted  DeliveryState = "accepted"
	Withdrawn DeliveryState = "withdrawn"
)

// DeliveryRow is one entry of an agent's stream: a message for that agent, a notice, a test, or the withdrawal of an earlier entry. Its first attempt is inside.
// (Account, Sequence) is the key. A withdrawal has no state of its own beyond received.
type DeliveryRow struct {
	Account      string
	Sequence     int64 // agent_sequence, from 1 without gaps
	Type         EntryType
	Message      int64
	Conversation int64 // or none
	Inbox, Kind  string
	Target       int64 // the Sequence a withdrawal takes back, or none
	State        DeliveryState
	Code         string // why it was withdrawn, or of a withdrawal
	Position     int64
	At           time.Time
	// First attempt; none while it was not pushed.
	PushedAt   time.Time
	Connection string
	Client     string
	Result     string // "", "received", "unacknowledged", "closed", "not_entitled"
	Attempts   int
	ReceivedAt time.Time
	ReceivedBy string // client id
	SeenAt     time.Time
	AcceptedAt time.Time
	// WithdrawnAt, or none.
	WithdrawnAt time.Time
}

// AttemptRow is a try to push a delivery after the first one.
type AttemptRow struct {
	Account    string
	Sequence   int64
	Number     int // from 2
	At         time.Time
	Connection string
	Client     string
	Result     string
	Error      string
}

// FactRow is a fact as an interval of ledger positions. Subject is "account/<name>", "system/<component>", "conversation/<id>" or "switches". Names: "session",
// "presence", "connection" (key "": what the gates read of an account), "signin" and "socket" (evidence: each session and each connection, by id as key),
// "visible" (whether a connection's window can be seen), "report" (what its client tells of itself), "self_check" (what clients found that tried
// themselves out), "passed_over", "snoozed", "rate", "failure", "clock".
type FactRow struct {
	Subject, Name, Key string
	Value              json.RawMessage
	FromPosition       int64
	FromAt             time.Time
	ToPosition         int64     // or none while it holds
	ToAt               time.Time // or none
	By, Source, Cause  string
	// EndBy and EndCause say who or what ended it; EndCause "unknown" means that the end is not known better than ToAt.
	EndBy, EndCause string
}

// AssignmentRow is the interval in which an agent owned a conversation.
type AssignmentRow struct {
	Conversation   int64
	FromPosition   int64
	Account, Inbox string
	Async          bool
	FromAt         time.Time
	FromCode       string
	FromBy         string
	ToPosition     int64
	ToAt           time.Time
	ToCode         string
	ToBy           string
}

// DocumentRow is one version of a policy document with the revisions in which it was valid, [From, To).
type DocumentRow struct {
	Kind, Name string
	Spec       json.RawMessage
	From       int64
	To         int64 // or none while it is valid
}

// RevisionRow is one applied policy change.
type RevisionRow struct {
	Revision int64
	Position int64
	At       time.Time
	By       string
	Source   string // "api", "cli", "start"
	Request  string // request id
	Reason   string
	Changes  json.RawMessage // [{"kind","name","action":"create|update|delete"}]
}

// AuditRow is one entry of the audit log: ids only, never text of messages or names of contacts.
type AuditRow struct {
	Position int64
	At       time.Time
	By       string
	Action   string // "policy.apply", "token.create", "token.revoke", "session.end", "presence.set", "conversation.transfer", …
	Object   string
	Revision int64 // or none
	Source   string
	Request  string
	Details  json.RawMessage
}

// LoginRow is an account's login data.
type LoginRow struct {
	Account      string
	PasswordHash string // PHC string, "" if none is set
	UpdatedAt    time.Time
	UpdatedBy    string
}

// TokenRow is an API token; the token itself is not kept, only its SHA-256.
type TokenRow struct {
	ID        string
	Account   string
	Hash      [32]byte
	Label     string
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // or none
	RevokedAt time.Time // or none
	RevokedBy string
	LastUsed  time.Time // or none; coarse
}

// BrowserSessionRow is a session that began with a password at a browser, by the id of that session. Of the secret in its cookie, and of the one before,
// only the SHA-256 is kept.
type BrowserSessionRow struct {
	ID          string
	Account     string
	Hash        [32]byte
	Previous    [32]byte // of the secret before the present one; zero for none
	Since       time.Time
	RotatedAt   time.Time // when the present secret was made
	ConfirmedAt time.Time // when it was first presented, or none
	LastUsed    time.Time // coarse
	Idle        int64     // seconds without use after which the session ends
	EndsAt      time.Time // when it ends however much it is used
	Remote      string    // address it began from
	UserAgent   string    // as the browser said
	EndedAt     time.Time // or none
	EndedBy     string
	EndCause    string
}

// Runs until when the session goes on if it is not used any more.
func (r *BrowserSessionRow) Runs() time.Time {
	if idle := r.IdleEnds(); idle.Before(r.EndsAt) {
		return idle
	}
	return r.EndsAt
}

// IdleEnds is when the session ends for want of use.
func (r *BrowserSessionRow) IdleEnds() time.Time {
	return r.LastUsed.Add(time.Duration(r.Idle) * time.Second)
}

// ClientRow is the cursor of one client (tab, device) of an account.
type ClientRow struct {
	Account, Client string
	Cursor          int64
	About           string // name and version as it said
	UpdatedAt       time.Time
}

// RefusalRow is one line of the intake log: a request that was refused and left nothing else behind.
type RefusalRow struct {
	ID       int64 // set by the store, increasing
	At       time.Time
	Inbox    string
	SenderID string
	Account  string // who asked, if known
	Code     string
	Field    string
	Detail   string
}

// ReplyUpdate records what became of replies of an inbox, or of one contact in it, up to a position.
type ReplyUpdate struct {
	Inbox   string
	Contact string // "" for all contacts of the inbox
	After   int64  // with a contact: replies at or before this position were updated already
	UpTo    int64  // message positions ≤ UpTo that are still "sent"
	State   ReplyState
	At      time.Time
	Detail  string
}

// UploadRow is a file that was uploaded and that messages of its owner may name until it expires. The content lies beside the database.
type UploadRow struct {
	ID            string
	Owner         string // "account/<name>" or "visitor/<inbox>/<id>"
	Digest        string // SHA-256 of the content in hexadecimal digits
	Name, Type    string
	Size          int64
	Width, Height int // of a picture, or 0
	At            time.Time
	ExpiresAt     time.Time
}

// FileRow says that a message refers to a content: as long as the row is there, the content is kept.
type FileRow struct {
	Digest   string
	Size     int64
	Position int64 // of the first message that refers to it
	At       time.Time
}

// JobRow is a piece of background work: what is to be done, when, by which process at the moment, and how earlier attempts ended.
type JobRow struct {
	ID        string // of the kind alone, or "<kind>:<what>"
	Kind      string
	Payload   json.RawMessage // ids only, or none
	CreatedAt time.Time
	DueAt     time.Time
	// LeasedBy is the process that carries it out until LeasedUntil; then another one may.
	LeasedBy    string
	LeasedUntil time.Time
	// Attempts that failed since it last succeeded, or was asked for again.
	Attempts                  int
	FirstErrorAt, LastErrorAt time.Time
	FirstError, LastError     string
	// DeadAt is when it was given up; it waits for somebody to ask for it again.
	DeadAt time.Time
	// DoneAt is when it last succeeded; only work that comes again and again stays to say so.
	DoneAt time.Time
}

// Group is everything one commit writes. Order inside a slice is the order of the commands.
type Group struct {
	First, Last int64 // ledger positions used; Last ≥ First
	At          time.Time
	Nonce       string // names this very group, so that an unknown commit can be asked about
	Alive       bool   // a group without positions that only records that the process lives

	Messages        []MessageRow
	Keys            []KeyRow
	Contacts        []ContactRow      // insert or replace
	Conversations   []ConversationRow // insert or replace
	Deliveries      []DeliveryRow     // insert
	DeliveryEdits   []DeliveryRow     // replace; never one that Deliveries inserts
	Attempts        []AttemptRow
	Facts           []FactRow // insert; may already carry its end
	FactEnds        []FactRow // set ToPosition, ToAt, EndBy, EndCause of (Subject, Name, Key, FromPosition)
	Assignments     []AssignmentRow
	AssignmentEnds  []AssignmentRow // set ToPosition, ToAt, ToCode, ToBy of (Conversation, FromPosition)
	Decisions       []DecisionRow
	Outcomes        []OutcomesRow
	Documents       []DocumentRow // insert; ends the version of the same (Kind, Name) that is valid now
	DocumentEnds    []DocumentRow // set To of the valid version of (Kind, Name)
	Revisions       []RevisionRow
	Audit           []AuditRow
	Logins          []LoginRow          // insert or replace
	Tokens          []TokenRow          // insert or replace
	BrowserSessions []BrowserSessionRow // insert or replace
	Clients         []ClientRow         // insert or replace
	Refusals        []RefusalRow
	ReplyUpdates    []ReplyUpdate
	UploadsEnd      time.Time   // uploads that expire at or before this instant are deleted; none for zero. Before Uploads are written
	Uploads         []UploadRow // insert or replace
	Files           []FileRow   // insert; one that exists stays
	Visitors        []VisitorRow
	Ratings         []RatingRow     // insert or replace
	JobEnds         []string        // ids of jobs that are deleted. Before Jobs are written
	Jobs            []JobRow        // insert or replace
	Quarantine      []QuarantineRow // insert or replace
	AutoReplies     []AutoReplyRow
	ChecklistsEnd   time.Time // check-lists that were saved before this instant are deleted; none for zero. Before Checklists are written
	Checklists      []ChecklistRow
	ChecklistEnds   []int64   // ids of check-lists that are deleted. After Checklists are written
	Help            []HelpRow // insert or replace
	HelpReports     []HelpReportRow
	Repairs         []RepairRow
	Releases        []int64   // messages with direction Held that become Inbound. After Messages are written
	Hits            []HitsRow // added to what is counted
}
