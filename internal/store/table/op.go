package table

import (
	"strings"
)

// Op is a statement of a commit. Its text has question marks and is the same for both dialects; Columns are what its parameters stand for, in order,
// so that a dialect may also make a statement for many rows at once from Verb, Table and Columns.
type Op struct {
	Verb    Verb
	Table   string
	Columns []Column
	// Key is how many columns make the key: the first ones, with Edit the last ones.
	Key int
	// Text is the statement for one row.
	Text string
	// MustHit says that a statement that changes no row is refused data.
	MustHit bool
}

// Verb is what an Op does.
type Verb byte

// The verbs.
const (
	Insert Verb = iota // a row that exists is refused
	Keep               // insert; a row that exists stays as it is
	Put                // insert or replace
	Sum                // insert, or add to what is there
	Edit               // replace the columns of Table.Edit
	Raw                // just Text, once per row
)

func names(columns []Column, format func(name string) string, separator string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = format(c.Name)
	}
	return strings.Join(parts, separator)
}

func plain(name string) string  { return name }
func assign(name string) string { return name + " = ?" }
func mark(string) string        { return "?" }
func carry(name string) string  { return name + " = excluded." + name }

// newOp makes the statement for one row.
func newOp[R any](verb Verb, t *Table[R]) *Op {
	op := &Op{Verb: verb, Table: t.Name, Key: t.Key}
	if verb == Edit {
		op.Columns = Columns(t.Edit)
		op.MustHit = true
		rest := len(op.Columns) - op.Key
		op.Text = "UPDATE " + t.Name + " SET " + names(op.Columns[:rest], assign, ", ") +
			" WHERE " + names(op.Columns[rest:], assign, " AND ")
		return op
	}
	op.Columns = Columns(t.Visit)
	op.Text = op.Head() + " VALUES (" + names(op.Columns, mark, ", ") + ")" + op.Tail()
	return op
}

// Head is the beginning of an inserting statement, up to the rows.
func (op *Op) Head() string {
	return "INSERT INTO " + op.Table + " (" + names(op.Columns, plain, ", ") + ")"
}

// Tail is the end of an inserting statement, after the rows.
func (op *Op) Tail() string {
	key := names(op.Columns[:op.Key], plain, ", ")
	switch op.Verb {
	case Keep:
		return " ON CONFLICT (" + key + ") DO NOTHING"
	case Put:
		return " ON CONFLICT (" + key + ") DO UPDATE SET " + names(op.settable(), carry, ", ")
	case Sum:
		return " ON CONFLICT (" + key + ") DO UPDATE SET " + names(op.settable(), func(name string) string { return name + " = " + op.Table + "." + name + " + excluded." + name }, ", ")
	}
	return ""
}

// settable are the columns that replacing a row sets.
func (op *Op) settable() []Column {
	rest := op.Columns[op.Key:]
	if op.Table == Conversations.Name {
		return rest[2:] // inbox and contact never change, and they are indexed
	}
	return rest
}

func raw(text string, mustHit bool, columns ...Column) *Op {
	return &Op{Verb: Raw, Text: text, Columns: columns, MustHit: mustHit}
}

func integers(names ...string) []Column { return typed(Integer, names) }
func texts(names ...string) []Column    { return typed(Text, names) }

func typed(t Type, names []string) []Column {
	columns := make([]Column, len(names))
	for i, n := range names {
		columns[i] = Column{n, t}
	}
	return columns
}

// The statements of a commit.
var (
	InsertMessage     = newOp(Insert, Messages)
	InsertKey         = newOp(Insert, Keys)
	PutContact        = newOp(Put, Contacts)
	PutConversation   = newOp(Put, Conversations)
	InsertDelivery    = newOp(Insert, Deliveries)
	EditDelivery      = newOp(Edit, Deliveries)
	InsertAttempt     = newOp(Insert, Attempts)
	InsertFact        = newOp(Insert, Facts)
	EndFact           = newOp(Edit, Facts)
	InsertAssignment  = newOp(Insert, Assignments)
	EndAssignment     = newOp(Edit, Assignments)
	InsertDecision    = newOp(Insert, Decisions)
	KeepOutcomes      = newOp(Keep, Outcomes)
	InsertDocument    = newOp(Insert, Documents)
	InsertRevision    = newOp(Insert, Revisions)
	InsertAudit       = newOp(Insert, Audit)
	PutLogin          = newOp(Put, Logins)
	PutToken          = newOp(Put, Tokens)
	PutBrowserSession = newOp(Put, BrowserSessions)
	PutClient         = newOp(Put, Clients)
	PutUpload         = newOp(Put, Uploads)
	KeepFile          = newOp(Keep, Files)
	InsertVisitor     = newOp(Insert, Visitors)
	PutRating         = newOp(Put, Ratings)
	PutJob            = newOp(Put, Jobs)

	// SameStatus is the shorter way to write a conversation that exists and whose status stays; a store may try it before PutConversation.
	SameStatus = sameStatus()

	// InsertGroup refuses positions that were used.
	InsertGroup = raw(`INSERT INTO groups (first, last, at, nonce)
SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT)
WHERE CAST(? AS BIGINT) > coalesce((SELECT last FROM groups ORDER BY first DESC LIMIT 1), 0)`, true,
		Column{"first", Integer}, Column{"last", Integer}, Column{"at", Integer}, Column{"nonce", Text}, Column{"first", Integer})

	// SupersedeDocument ends the valid version of a document if there is one; EndDocument demands one.
	SupersedeDocument = raw(endDocument, false, append(integers("to_revision"), texts("kind", "name")...)...)
	EndDocument       = document(raw(endDocument, true, append(integers("to_revision"), texts("kind", "name")...)...))

	// UpdateReplies looks only at the replies after those that earlier updates looked at: no older one is still "sent".
	UpdateReplies = raw(`UPDATE messages SET reply_state = ?, reply_at = ?, reply_detail = ?
WHERE direction = 'out' AND inbox = ? AND position > coalesce((SELECT position FROM reply_cursors WHERE inbox = ?), 0) AND position <= ?
AND reply_state = 'sent'`, false,
		Column{"reply_state", Text}, Column{"reply_at", Integer}, Column{"reply_detail", Text}, Column{"inbox", Text}, Column{"inbox", Text},
		Column{"position", Integer})
	// UpdateContactReplies is the same for one contact; how far its replies were updated already is in the contact's row.
	UpdateContactReplies = raw(`UPDATE messages SET reply_state = ?, reply_at = ?, reply_detail = ?
WHERE direction = 'out' AND inbox = ? AND contact = ? AND contact <> '' AND position > ? AND position <= ? AND reply_state = 'sent'`, false,
		Column{"reply_state", Text}, Column{"reply_at", Integer}, Column{"reply_detail", Text}, Column{"inbox", Text}, Column{"contact", Text},
		Column{"position", Integer}, Column{"position", Integer})
	MoveReplyCursor = raw(`INSERT INTO reply_cursors (inbox, position) VALUES (?, ?)
ON CONFLICT (inbox) DO UPDATE SET position = excluded.position WHERE excluded.position > reply_cursors.position`, false,
		Column{"inbox", Text}, Column{"position", Integer})

	InsertRefusal = insertRefusal()
	EndUploads    = raw(`DELETE FROM uploads WHERE expires_at <= ?`, false, integers("expires_at")...)
	EndJob        = raw(`DELETE FROM jobs WHERE id = ?`, false, texts("id")...)
	TrimRefusals  = raw(`DELETE FROM intake_log WHERE id <= (SELECT max(id) FROM intake_log) - ?`, false, integers("kept")...)
)

const endDocument = `UPDATE documents SET to_revision = ? WHERE kind = ? AND name = ? AND to_revision IS NULL`

func document(op *Op) *Op {
	op.Table = Documents.Name // for the error
	return op
}

func sameStatus() *Op {
	columns := Columns(Conversations.Edit)
	rest := len(columns) - 2
	return &Op{Verb: Edit, Table: Conversations.Name, Columns: columns, Key: 2,
		Text: "UPDATE conversations SET " + names(columns[:rest], assign, ", ") + " WHERE " + names(columns[rest:], assign, " AND ")}
}

func insertRefusal() *Op {
	columns := Columns(refusal)
	return raw("INSERT INTO intake_log (id, "+names(columns, plain, ", ")+") VALUES ((SELECT coalesce(max(id), 0) + 1 FROM intake_log), "+
		names(columns, mark, ", ")+")", false, columns...)
}

// Ops are all statements of a commit, for a store that prepares them ahead.
func Ops() []*Op {
	return []*Op{InsertMessage, InsertKey, PutContact, PutConversation, InsertDelivery, EditDelivery, InsertAttempt, InsertFact, EndFact,
		InsertAssignment, EndAssignment, InsertDecision, KeepOutcomes, InsertDocument, InsertRevision, InsertAudit, PutLogin, PutToken, PutBrowserSession, PutClient,
		SameStatus, InsertGroup, SupersedeDocument, EndDocument, UpdateReplies, MoveReplyCursor, InsertRefusal, TrimRefusals,
		EndUploads, PutQuarantine, ReleaseMessage, CountReleased, AddHits, AddOffered, MarkSpan, PutUpload, KeepFile, UpdateContactReplies, InsertVisitor, PutRating, PutJob, EndJob,
		InsertAutoReply, InsertChecklist, EndChecklist, EndChecklists, PutHelp, InsertHelpReport, InsertRepair}
}
