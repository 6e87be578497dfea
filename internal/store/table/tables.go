package table

import "github.com/bidahq/bida/internal/ledger"

// Table is a table that holds rows of type R.
type Table[R any] struct {
	Name string
	// Key are the leading columns that tell rows apart.
	Key int
	// Visit visits all columns.
	Visit func(v Visitor, r *R)
	// Edit visits, when rows of the table are edited in place, the columns that an edit may change and then those of the key.
	// All other columns say who and what a row is for and never change: leaving them out of the statement keeps their indexes untouched.
	Edit func(v Visitor, r *R)
	// Finish sets after reading what lies in no column of its own, or nil. It is called with a row that the caller keeps.
	Finish func(r *R)
}

// noDecision is the revision of a message without a decision.
const noDecision = -1

func decision(v Visitor, d *ledger.DecisionRow) {
	v.Text("engine", &d.Engine)
	v.Text("cause", &d.Cause)
	v.Text("verdict", &d.Verdict)
	v.Text("code", &d.Code)
	v.List("chosen", &d.Chosen)
	v.Count("load", &d.Load)
	v.Text("released", &d.Released)
	v.Text("released_for", &d.ReleasedFor)
	v.Text("held", &d.Held)
	v.Digest("outcomes", d.Outcomes[:])
	v.List("matched", &d.Matched)
}

// Messages holds messages with their first decision. Position, Conversation, Message and At of that decision are those of the message and have no
// columns.
var Messages = &Table[ledger.MessageRow]{
	Name: "messages",
	Key:  1,
	Visit: func(v Visitor, r *ledger.MessageRow) {
		d := r.Decision
		if d == nil {
			d = &ledger.DecisionRow{Revision: noDecision}
			if _, reading := v.(*destinations); reading {
				r.Decision = d // so that the scan has somewhere to write; Finish takes it away again
			}
		}
		v.Int("position", &r.Position)
		v.Text("direction", (*string)(&r.Direction))
		v.Text("inbox", &r.Inbox)
		v.Text("kind", &r.Kind)
		v.Position("conversation", &r.Conversation)
		v.Position("sequence", &r.Sequence)
		v.Time("at", &r.At)
		v.Time("sent_at", &r.SentAt)
		v.Time("received_at", &r.ReceivedAt)
		v.Text("sender_id", &r.SenderID)
		v.Text("contact", &r.Contact)
		v.Text("author", &r.Author)
		v.Position("contact_sequence", &r.ContactSequence)
		v.Text("reply_state", (*string)(&r.ReplyState))
		v.Time("reply_at", &r.ReplyAt)
		v.Text("reply_detail", &r.ReplyDetail)
		v.Optional("revision", &d.Revision, noDecision)
		decision(v, d)
		v.List("tags", &r.Tags)
		v.Text("text", &r.Text)
		v.JSON("data", &r.Data)
	},
	Finish: func(r *ledger.MessageRow) {
		if r.Decision == nil || r.Decision.Revision == noDecision {
			r.Decision = nil
			return
		}
		d := *r.Decision
		d.Position, d.Conversation, d.Message, d.At = r.Position, r.Conversation, r.Position, r.At
		r.Decision = &d
	},
}

// Keys holds the senders' ids that were used.
var Keys = &Table[ledger.KeyRow]{
	Name: "message_keys",
	Key:  2,
	Visit: func(v Visitor, r *ledger.KeyRow) {
		v.Text("scope", &r.Scope)
		v.Text("id", &r.ID)
		v.Int("position", &r.Position)
		v.Digest("digest", r.Digest[:])
		v.Time("at", &r.At)
	},
}

// Contacts holds customers.
var Contacts = &Table[ledger.ContactRow]{
	Name: "contacts",
	Key:  2,
	Visit: func(v Visitor, r *ledger.ContactRow) {
		v.Text("inbox", &r.Inbox)
		v.Text("id", &r.ID)
		v.Text("name", &r.Name)
		v.Int("position", &r.Position)
		v.Text("last_owner", &r.LastOwner)
		v.Int("replies", &r.Replies)
		v.Int("seen", &r.Seen)
		v.Text("lang", &r.Lang)
	},
}

func conversation(v Visitor, r *ledger.ConversationRow) {
	v.Text("kind", &r.Kind)
	v.Text("owner", &r.Owner)
	v.Position("owner_position", &r.OwnerPosition)
	v.Text("last_owner", &r.LastOwner)
	v.Int("last_sequence", &r.LastSequence)
	v.Int("answered", &r.Answered)
	v.Int("delivered", &r.Delivered)
	v.Position("waiting_since", &r.WaitingSince)
	v.Text("waiting_code", &r.WaitingCode)
	v.List("passed_over", &r.PassedOver)
	v.List("offered", &r.Offered)
	v.Time("accept_by", &r.AcceptBy)
	v.Flag("accepted", &r.Accepted)
	v.Time("turn_since", &r.TurnSince)
	v.Flag("overdue", &r.Overdue)
	v.Time("opened_at", &r.OpenedAt)
	v.Time("updated_at", &r.UpdatedAt)
	v.Int("position", &r.Position)
	v.Position("resolved_position", &r.Resolved)
}

// Conversations holds conversations. The inbox and the contact of one never change.
// Edit is for one whose status stays as it is, which is nearly every change: it does not touch the index of the open ones.
var Conversations = &Table[ledger.ConversationRow]{
	Name: "conversations",
	Key:  1,
	Visit: func(v Visitor, r *ledger.ConversationRow) {
		v.Int("id", &r.ID)
		v.Text("inbox", &r.Inbox)
		v.Text("contact", &r.Contact)
		v.Text("status", &r.Status)
		conversation(v, r)
	},
	Edit: func(v Visitor, r *ledger.ConversationRow) {
		conversation(v, r)
		v.Int("id", &r.ID)
		v.Text("status", &r.Status)
	},
}

func attempt(v Visitor, r *ledger.DeliveryRow) {
	v.Text("state", (*string)(&r.State))
	v.Text("code", &r.Code)
	v.Time("pushed_at", &r.PushedAt)
	v.Text("connection", &r.Connection)
	v.Text("client", &r.Client)
	v.Text("result", &r.Result)
	v.Count("attempts", &r.Attempts)
	v.Time("received_at", &r.ReceivedAt)
	v.Text("received_by", &r.ReceivedBy)
	v.Time("seen_at", &r.SeenAt)
	v.Time("accepted_at", &r.AcceptedAt)
	v.Time("withdrawn_at", &r.WithdrawnAt)
}

// Deliveries holds agents' streams. An edit changes the state and the first attempt; what an entry is about never changes.
var Deliveries = &Table[ledger.DeliveryRow]{
	Name: "deliveries",
	Key:  2,
	Visit: func(v Visitor, r *ledger.DeliveryRow) {
		v.Text("account", &r.Account)
		v.Int("sequence", &r.Sequence)
		v.Text("type", (*string)(&r.Type))
		v.Int("message", &r.Message)
		v.Position("conversation", &r.Conversation)
		v.Text("inbox", &r.Inbox)
		v.Text("kind", &r.Kind)
		v.Position("target", &r.Target)
		v.Int("position", &r.Position)
		v.Time("at", &r.At)
		attempt(v, r)
	},
	Edit: func(v Visitor, r *ledger.DeliveryRow) {
		attempt(v, r)
		v.Text("account", &r.Account)
		v.Int("sequence", &r.Sequence)
	},
}

// Attempts holds the tries to push a delivery after the first one.
var Attempts = &Table[ledger.AttemptRow]{
	Name: "attempts",
	Key:  3,
	Visit: func(v Visitor, r *ledger.AttemptRow) {
		v.Text("account", &r.Account)
		v.Int("sequence", &r.Sequence)
		v.Count("number", &r.Number)
		v.Time("at", &r.At)
		v.Text("connection", &r.Connection)
		v.Text("client", &r.Client)
		v.Text("result", &r.Result)
		v.Text("error", &r.Error)
	},
}

func factKey(v Visitor, r *ledger.FactRow) {
	v.Text("subject", &r.Subject)
	v.Text("name", &r.Name)
	v.Text("key", &r.Key)
	v.Int("from_position", &r.FromPosition)
}

func factEnd(v Visitor, r *ledger.FactRow) {
	v.Position("to_position", &r.ToPosition)
	v.Time("to_at", &r.ToAt)
	v.Text("end_by", &r.EndBy)
	v.Text("end_cause", &r.EndCause)
}

// Facts holds facts; an edit ends one.
var Facts = &Table[ledger.FactRow]{
	Name: "facts",
	Key:  4,
	Visit: func(v Visitor, r *ledger.FactRow) {
		factKey(v, r)
		v.JSON("value", &r.Value)
		v.Time("from_at", &r.FromAt)
		v.Text("made_by", &r.By)
		v.Text("source", &r.Source)
		v.Text("cause", &r.Cause)
		factEnd(v, r)
	},
	Edit: func(v Visitor, r *ledger.FactRow) {
		factEnd(v, r)
		factKey(v, r)
	},
}

func assignmentEnd(v Visitor, r *ledger.AssignmentRow) {
	v.Position("to_position", &r.ToPosition)
	v.Time("to_at", &r.ToAt)
	v.Text("to_code", &r.ToCode)
	v.Text("to_by", &r.ToBy)
}

// Assignments holds who owned a conversation; an edit ends an assignment.
var Assignments = &Table[ledger.AssignmentRow]{
	Name: "assignments",
	Key:  2,
	Visit: func(v Visitor, r *ledger.AssignmentRow) {
		v.Int("conversation", &r.Conversation)
		v.Int("from_position", &r.FromPosition)
		v.Text("account", &r.Account)
		v.Text("inbox", &r.Inbox)
		v.Flag("async", &r.Async)
		v.Time("from_at", &r.FromAt)
		v.Text("from_code", &r.FromCode)
		v.Text("from_by", &r.FromBy)
		assignmentEnd(v, r)
	},
	Edit: func(v Visitor, r *ledger.AssignmentRow) {
		assignmentEnd(v, r)
		v.Int("conversation", &r.Conversation)
		v.Int("from_position", &r.FromPosition)
	},
}

// Decisions holds the journal's later entries, those that are not inside a message.
var Decisions = &Table[ledger.DecisionRow]{
	Name: "decisions",
	Key:  2,
	Visit: func(v Visitor, r *ledger.DecisionRow) {
		v.Int("position", &r.Position)
		v.Int("conversation", &r.Conversation)
		v.Int("message", &r.Message)
		v.Time("at", &r.At)
		v.Int("revision", &r.Revision)
		decision(v, r)
	},
}

// Outcomes holds sets of outcomes by their digest.
var Outcomes = &Table[ledger.OutcomesRow]{
	Name: "outcomes",
	Key:  1,
	Visit: func(v Visitor, r *ledger.OutcomesRow) {
		v.Digest("id", r.ID[:])
		v.Bytes("content", &r.Content)
	},
}

// Documents holds the versions of policy documents.
var Documents = &Table[ledger.DocumentRow]{
	Name: "documents",
	Key:  3,
	Visit: func(v Visitor, r *ledger.DocumentRow) {
		v.Text("kind", &r.Kind)
		v.Text("name", &r.Name)
		v.Int("from_revision", &r.From)
		v.Position("to_revision", &r.To)
		v.JSON("spec", &r.Spec)
	},
}

// Revisions holds the applied policy changes.
var Revisions = &Table[ledger.RevisionRow]{
	Name: "revisions",
	Key:  1,
	Visit: func(v Visitor, r *ledger.RevisionRow) {
		v.Int("revision", &r.Revision)
		v.Int("position", &r.Position)
		v.Time("at", &r.At)
		v.Text("made_by", &r.By)
		v.Text("source", &r.Source)
		v.Text("request", &r.Request)
		v.Text("reason", &r.Reason)
		v.JSON("changes", &r.Changes)
	},
}

// AuditEntry is an audit entry with its place among those of the same position.
type AuditEntry struct {
	ledger.AuditRow
	Ordinal int
}

// Audit holds the audit log.
var Audit = &Table[AuditEntry]{
	Name: "audit",
	Key:  2,
	Visit: func(v Visitor, r *AuditEntry) {
		v.Int("position", &r.Position)
		v.Count("ordinal", &r.Ordinal)
		v.Time("at", &r.At)
		v.Text("made_by", &r.By)
		v.Text("action", &r.Action)
		v.Text("object", &r.Object)
		v.Position("revision", &r.Revision)
		v.Text("source", &r.Source)
		v.Text("request", &r.Request)
		v.JSON("details", &r.Details)
	},
}

// Logins holds accounts' login data.
var Logins = &Table[ledger.LoginRow]{
	Name: "logins",
	Key:  1,
	Visit: func(v Visitor, r *ledger.LoginRow) {
		v.Text("account", &r.Account)
		v.Text("password_hash", &r.PasswordHash)
		v.Time("updated_at", &r.UpdatedAt)
		v.Text("updated_by", &r.UpdatedBy)
	},
}

// Tokens holds API tokens.
var Tokens = &Table[ledger.TokenRow]{
	Name: "tokens",
	Key:  1,
	Visit: func(v Visitor, r *ledger.TokenRow) {
		v.Text("id", &r.ID)
		v.Text("account", &r.Account)
		v.Digest("hash", r.Hash[:])
		v.Text("label", &r.Label)
		v.Time("created_at", &r.CreatedAt)
		v.Text("created_by", &r.CreatedBy)
		v.Time("expires_at", &r.ExpiresAt)
		v.Time("revoked_at", &r.RevokedAt)
		v.Text("revoked_by", &r.RevokedBy)
		v.Time("last_used", &r.LastUsed)
	},
}

// BrowserSessions holds sign-ins at browsers, ended ones too.
var BrowserSessions = &Table[ledger.BrowserSessionRow]{
	Name: "browser_sessions",
	Key:  1,
	Visit: func(v Visitor, r *ledger.BrowserSessionRow) {
		v.Text("id", &r.ID)
		v.Text("account", &r.Account)
		v.Digest("hash", r.Hash[:])
		v.Digest("previous", r.Previous[:])
		v.Time("since", &r.Since)
		v.Time("rotated_at", &r.RotatedAt)
		v.Time("confirmed_at", &r.ConfirmedAt)
		v.Time("last_used", &r.LastUsed)
		v.Int("idle", &r.Idle)
		v.Time("ends_at", &r.EndsAt)
		v.Text("remote", &r.Remote)
		v.Text("user_agent", &r.UserAgent)
		v.Time("ended_at", &r.EndedAt)
		v.Text("ended_by", &r.EndedBy)
		v.Text("end_cause", &r.EndCause)
	},
}

// Clients holds clients' cursors.
var Clients = &Table[ledger.ClientRow]{
	Name: "clients",
	Key:  2,
	Visit: func(v Visitor, r *ledger.ClientRow) {
		v.Text("account", &r.Account)
		v.Text("client", &r.Client)
		v.Int("cursor", &r.Cursor)
		v.Text("about", &r.About)
		v.Time("updated_at", &r.UpdatedAt)
	},
}

// Uploads holds files that were uploaded and have not expired.
var Uploads = &Table[ledger.UploadRow]{
	Name: "uploads",
	Key:  1,
	Visit: func(v Visitor, r *ledger.UploadRow) {
		v.Text("id", &r.ID)
		v.Text("owner", &r.Owner)
		v.Text("digest", &r.Digest)
		v.Text("name", &r.Name)
		v.Text("type", &r.Type)
		v.Int("size", &r.Size)
		v.Count("width", &r.Width)
		v.Count("height", &r.Height)
		v.Time("at", &r.At)
		v.Time("expires_at", &r.ExpiresAt)
	},
}

// Jobs holds what is to be done in the background.
var Jobs = &Table[ledger.JobRow]{
	Name: "jobs",
	Key:  1,
	Visit: func(v Visitor, r *ledger.JobRow) {
		v.Text("id", &r.ID)
		v.Text("kind", &r.Kind)
		v.JSON("payload", &r.Payload)
		v.Time("created_at", &r.CreatedAt)
		v.Time("due_at", &r.DueAt)
		v.Text("leased_by", &r.LeasedBy)
		v.Time("leased_until", &r.LeasedUntil)
		v.Count("attempts", &r.Attempts)
		v.Time("first_error_at", &r.FirstErrorAt)
		v.Text("first_error", &r.FirstError)
		v.Time("last_error_at", &r.LastErrorAt)
		v.Text("last_error", &r.LastError)
		v.Time("dead_at", &r.DeadAt)
		v.Time("done_at", &r.DoneAt)
	},
}

// Files holds the contents that messages refer to.
var Files = &Table[ledger.FileRow]{
	Name: "files",
	Key:  1,
	Visit: func(v Visitor, r *ledger.FileRow) {
		v.Text("digest", &r.Digest)
		v.Int("size", &r.Size)
		v.Int("position", &r.Position)
		v.Time("at", &r.At)
	},
}

// Visitors holds who writes from web pages.
var Visitors = &Table[ledger.VisitorRow]{
	Name: "visitors",
	Key:  1,
	Visit: func(v Visitor, r *ledger.VisitorRow) {
		v.Text("id", &r.ID)
		v.Text("inbox", &r.Inbox)
		v.Digest("hash", r.Hash[:])
		v.Text("name", &r.Name)
		v.Time("created_at", &r.CreatedAt)
	},
}

// Ratings holds what customers said of conversations.
var Ratings = &Table[ledger.RatingRow]{
	Name: "ratings",
	Key:  1,
	Visit: func(v Visitor, r *ledger.RatingRow) {
		v.Int("conversation", &r.Conversation)
		v.Count("score", &r.Score)
		v.Text("comment", &r.Comment)
		v.Time("first_at", &r.FirstAt)
		v.Time("at", &r.At)
		v.Int("position", &r.Position)
	},
}

func refusal(v Visitor, r *ledger.RefusalRow) {
	v.Time("at", &r.At)
	v.Text("inbox", &r.Inbox)
	v.Text("sender_id", &r.SenderID)
	v.Text("account", &r.Account)
	v.Text("code", &r.Code)
	v.Text("field", &r.Field)
	v.Text("detail", &r.Detail)
}

// Refusals is the intake log. Its ids come from the store.
var Refusals = &Table[ledger.RefusalRow]{
	Name: "intake_log",
	Key:  1,
	Visit: func(v Visitor, r *ledger.RefusalRow) {
		v.Int("id", &r.ID)
		refusal(v, r)
	},
}
