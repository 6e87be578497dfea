package table

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
)

// KeptRefusals is how many lines of the intake log are kept when nothing else is said.
const KeptRefusals = 100_000

// Step is one statement of a commit for all rows that it concerns, in order.
type Step struct {
	Op   *Op
	Rows int
	// Encode writes row i.
	Encode func(i int, e *Encoder)
	// Short writes row i for SameStatus; only in the step of the conversations.
	Short func(i int, e *Encoder)
}

// Check refuses groups that no store may write. It is the first thing that every store does with a group.
func Check(g *ledger.Group) error {
	switch {
	case g.Alive && (g.First != 0 || g.Last != 0 || !empty(g)):
		return fmt.Errorf("%w: an alive mark comes without positions and rows", ledger.ErrData)
	case g.At.IsZero():
		return fmt.Errorf("%w: a group without an instant", ledger.ErrData)
	case g.Alive:
		return nil
	case g.First < 1 || g.Last < g.First:
		return fmt.Errorf("%w: positions %d to %d", ledger.ErrData, g.First, g.Last)
	}
	return nil
}

func empty(g *ledger.Group) bool { return len(rowSteps(g, 1)) == 0 }

// Steps are the statements that write a group, in the order in which they have to be executed.
// The newest kept lines of the intake log are kept.
// Of several rows that replace the same row only the last is written: PostgreSQL cannot replace a row twice in one statement.
func Steps(g *ledger.Group, kept int) []Step {
	group := Step{Op: InsertGroup, Rows: 1, Encode: func(_ int, e *Encoder) {
		e.Int("first", &g.First)
		e.Int("last", &g.Last)
		e.Time("at", &g.At)
		e.Text("nonce", &g.Nonce)
		e.Int("first", &g.First)
	}}
	s := steps{[]Step{group}}
	s.span(g)
	return append(s.list, rowSteps(g, kept)...)
}

func rowSteps(g *ledger.Group, kept int) []Step {
	var s steps
	add(&s, InsertMessage, Messages.Visit, g.Messages)
	add(&s, AddOffered, offered.Visit, offeredBy(g.Messages))
	add(&s, InsertKey, Keys.Visit, g.Keys)
	add(&s, PutContact, Contacts.Visit, latest(g.Contacts, func(r *ledger.ContactRow) [2]string { return [2]string{r.Inbox, r.ID} }))
	conversations := latest(g.Conversations, func(r *ledger.ConversationRow) int64 { return r.ID })
	add(&s, PutConversation, Conversations.Visit, conversations)
	if len(conversations) > 0 {
		s.list[len(s.list)-1].Short = func(i int, e *Encoder) { Conversations.Edit(e, &conversations[i]) }
	}
	add(&s, InsertDelivery, Deliveries.Visit, g.Deliveries)
	add(&s, EditDelivery, Deliveries.Edit, latest(g.DeliveryEdits, func(r *ledger.DeliveryRow) deliveryKey { return deliveryKey{r.Account, r.Sequence} }))
	add(&s, InsertAttempt, Attempts.Visit, g.Attempts)
	add(&s, InsertFact, Facts.Visit, g.Facts)
	add(&s, EndFact, Facts.Edit, latest(g.FactEnds, func(r *ledger.FactRow) factID { return factID{r.Subject, r.Name, r.Key, r.FromPosition} }))
	add(&s, InsertAssignment, Assignments.Visit, g.Assignments)
	add(&s, EndAssignment, Assignments.Edit, latest(g.AssignmentEnds, func(r *ledger.AssignmentRow) [2]int64 { return [2]int64{r.Conversation, r.FromPosition} }))
	add(&s, InsertDecision, Decisions.Visit, g.Decisions)
	add(&s, KeepOutcomes, Outcomes.Visit, g.Outcomes)
	s.documents(g)
	add(&s, InsertRevision, Revisions.Visit, g.Revisions)
	add(&s, InsertAudit, Audit.Visit, Numbered(g.Audit))
	add(&s, PutLogin, Logins.Visit, latest(g.Logins, func(r *ledger.LoginRow) string { return r.Account }))
	add(&s, PutToken, Tokens.Visit, latest(g.Tokens, func(r *ledger.TokenRow) string { return r.ID }))
	add(&s, PutBrowserSession, BrowserSessions.Visit, latest(g.BrowserSessions, func(r *ledger.BrowserSessionRow) string { return r.ID }))
	add(&s, PutClient, Clients.Visit, latest(g.Clients, func(r *ledger.ClientRow) [2]string { return [2]string{r.Account, r.Client} }))
	if !g.UploadsEnd.IsZero() {
		s.one(EndUploads, func(e *Encoder) { e.Time("expires_at", &g.UploadsEnd) })
	}
	add(&s, PutUpload, Uploads.Visit, latest(g.Uploads, func(r *ledger.UploadRow) string { return r.ID }))
	add(&s, KeepFile, Files.Visit, g.Files)
	add(&s, InsertVisitor, Visitors.Visit, g.Visitors)
	add(&s, PutRating, Ratings.Visit, latest(g.Ratings, func(r *ledger.RatingRow) int64 { return r.Conversation }))
	for i := range g.JobEnds {
		s.one(EndJob, func(e *Encoder) { e.Text("id", &g.JobEnds[i]) })
	}
	add(&s, PutJob, Jobs.Visit, latest(g.Jobs, func(r *ledger.JobRow) string { return r.ID }))
	s.quarantine(g)
	add(&s, InsertAutoReply, AutoReplies.Visit, g.AutoReplies)
	s.checklists(g)
	s.help(g)
	s.replies(g)
	add(&s, InsertRefusal, refusal, g.Refusals)
	if len(g.Refusals) > 0 {
		s.one(TrimRefusals, func(e *Encoder) { e.Count("kept", &kept) })
	}
	return s.list
}

type (
	deliveryKey struct {
		account  string
		sequence int64
	}
	factID struct {
		subject, name, key string
		from               int64
	}
)

type steps struct{ list []Step }

func (s *steps) one(op *Op, encode func(e *Encoder)) {
	s.list = append(s.list, Step{Op: op, Rows: 1, Encode: func(_ int, e *Encoder) { encode(e) }})
}

func add[R any](s *steps, op *Op, visit func(Visitor, *R), rows []R) {
	if len(rows) > 0 {
		s.list = append(s.list, Step{Op: op, Rows: len(rows), Encode: func(i int, e *Encoder) { visit(e, &rows[i]) }})
	}
}

// latest leaves out rows that a later row replaces.
func latest[R any, K comparable](rows []R, key func(*R) K) []R {
	if len(rows) < 2 {
		return rows
	}
	last := make(map[K]int, len(rows))
	for i := range rows {
		last[key(&rows[i])] = i
	}
	if len(last) == len(rows) {
		return rows
	}
	kept := make([]R, 0, len(last))
	for i := range rows {
		if last[key(&rows[i])] == i {
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// Numbered gives audit entries of one position their places among each other.
func Numbered(rows []ledger.AuditRow) []AuditEntry {
	entries := make([]AuditEntry, len(rows))
	next := map[int64]int{}
	for i, r := range rows {
		entries[i] = AuditEntry{r, next[r.Position]}
		next[r.Position]++
	}
	return entries
}

// DocumentChange is a version that begins, or one that ends.
type DocumentChange struct {
	ledger.DocumentRow
	Ends bool
}

// DocumentChanges puts the changes of a group in the order of their revisions: a document that ends in one revision and returns in the next one,
// both in one group, must end with the first.
func DocumentChanges(g *ledger.Group) []DocumentChange {
	changes := make([]DocumentChange, 0, len(g.Documents)+len(g.DocumentEnds))
	for _, r := range g.DocumentEnds {
		changes = append(changes, DocumentChange{r, true})
	}
	for _, r := range g.Documents {
		changes = append(changes, DocumentChange{r, false})
	}
	revision := func(c DocumentChange) int64 {
		if c.Ends {
			return c.To
		}
		return c.From
	}
	slices.SortStableFunc(changes, func(a, b DocumentChange) int { return cmp.Compare(revision(a), revision(b)) })
	return changes
}

func (s *steps) documents(g *ledger.Group) {
	for _, c := range DocumentChanges(g) {
		end := func(to int64) func(e *Encoder) {
			return func(e *Encoder) {
				e.Int("to_revision", &to)
				e.Text("kind", &c.Kind)
				e.Text("name", &c.Name)
			}
		}
		if c.Ends {
			s.one(EndDocument, end(c.To))
			continue
		}
		s.one(SupersedeDocument, end(c.From))
		s.one(InsertDocument, func(e *Encoder) { Documents.Visit(e, &c.DocumentRow) })
	}
}

func (s *steps) replies(g *ledger.Group) {
	for _, u := range g.ReplyUpdates {
		state, at := string(u.State), u.At
		// The cursor must not pass the group: replies to come have to be looked at.
		upTo := min(u.UpTo, g.Last)
		became := func(e *Encoder) {
			e.Text("reply_state", &state)
			e.Time("reply_at", &at)
			e.Text("reply_detail", &u.Detail)
			e.Text("inbox", &u.Inbox)
		}
		if u.Contact != "" {
			s.one(UpdateContactReplies, func(e *Encoder) {
				became(e)
				e.Text("contact", &u.Contact)
				e.Int("position", &u.After)
				e.Int("position", &upTo)
			})
			continue
		}
		s.one(UpdateReplies, func(e *Encoder) {
			became(e)
			e.Text("inbox", &u.Inbox)
			e.Int("position", &upTo)
		})
		s.one(MoveReplyCursor, func(e *Encoder) {
			e.Text("inbox", &u.Inbox)
			e.Int("position", &upTo)
		})
	}
}

// Missed is the error of a statement that had to change a row and did not.
func Missed(op *Op, g *ledger.Group) error {
	if op == InsertGroup {
		return fmt.Errorf("%w: positions %d to %d were used before", ledger.ErrData, g.First, g.Last)
	}
	return fmt.Errorf("%w: a row of %s that should be changed does not exist", ledger.ErrData, op.Table)
}
