// Package memory is a store inside the process, for simulations, for tests of the domains and, filled once, for reading snapshots.
//
// It keeps the same contract as the databases, proven by the same suite, and is cheap enough to be made thousands of times. What it is not: it is not
// durable, and reads other than by key look at every row. Commits can be made to fail, before or after they took effect, and Crash ends a process while
// what was committed stays.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// Store is one process's view of what was committed.
type Store struct {
	disk *disk

	mu     sync.Mutex
	gone   error // why this view is of no use any more
	unsure bool  // a commit is unknown and Reopen was not called
	faults []fault
	after  func()
}

type fault struct {
	err     error
	applied bool
}

// New returns an empty store.
func New() *Store { return &Store{disk: newDisk()} }

// KeepRefusals says how many lines of the intake log are kept.
func (s *Store) KeepRefusals(n int) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.kept = n
}

// Crash ends this view as the death of its process would: whatever still calls it gets ledger.ErrUnavailable. The new view sees all that was committed.
func (s *Store) Crash() *Store {
	s.end("its process is dead")
	return &Store{disk: s.disk}
}

// Close implements store.Store. Crash still gives a new view.
func (s *Store) Close() error {
	s.end("it is closed")
	return nil
}

func (s *Store) end(why string) {
	s.disk.mu.Lock() // so that a commit under way is over
	defer s.disk.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = fmt.Errorf("%w: %s", ledger.ErrUnavailable, why)
	}
}

// Faults is how many commits have been told to fail and did not come yet.
func (s *Store) Faults() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

// FailCommit makes the next commit that has not been told to fail yet return err. Applied says whether it takes effect nevertheless, which is what
// makes ledger.ErrCommitUnknown hard. After an unknown commit the store refuses to commit until Reopen, as the databases do.
func (s *Store) FailCommit(err error, applied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fault{err, applied})
}

// AfterCommit calls f once after the next commit that takes effect, before the ledger learns of it: the moment in which readers see more than the World does.
func (s *Store) AfterCommit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = f
}

func (s *Store) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// Commit implements ledger.Committer.
func (s *Store) Commit(ctx context.Context, g *ledger.Group) error {
	if err := table.Check(g); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	after, err := s.commit(g)
	if after != nil {
		after()
	}
	return err
}

// commit says what to call after the commit, and how it ended.
func (s *Store) commit(g *ledger.Group) (after func(), err error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	f, err := s.begin()
	if err != nil {
		return nil, err
	}
	if f.err != nil && !f.applied {
		return nil, f.err
	}
	t := &tx{}
	if err := s.disk.write(t, g); err != nil {
		t.rollback()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	after, s.after = s.after, nil
	return after, f.err
}

// begin refuses a view that must not commit, and takes the next fault.
func (s *Store) begin() (fault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return fault{}, s.gone
	}
	if s.unsure {
		return fault{}, fmt.Errorf("%w: it has to be reopened", ledger.ErrUnavailable)
	}
	if len(s.faults) == 0 {
		return fault{}, nil
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	s.unsure = unknown(f.err)
	return f, nil
}

// Reopen implements ledger.Committer.
func (s *Store) Reopen(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsure = false
	return s.gone
}

// rows are the rows of a table in the order of its key. A row is never changed once it is here: it is replaced.
type rows[R any] struct {
	table   *table.Table[R]
	compare func(a, b *R) int
	list    []*R
}

func (r *rows[R]) find(like *R) (int, bool) {
	if n := len(r.list); n > 0 && r.compare(r.list[n-1], like) < 0 {
		return n, false // most rows come in order
	}
	return slices.BinarySearchFunc(r.list, like, r.compare)
}

func (r *rows[R]) get(like *R) *R {
	if i, found := r.find(like); found {
		return r.list[i]
	}
	return nil
}

func (r *rows[R]) insert(t *tx, row *R) error {
	settled, err := table.Settled(r.table, row)
	if err != nil {
		return err
	}
	i, found := r.find(&settled)
	if found {
		return fmt.Errorf("%w: the row of %s exists", ledger.ErrData, r.table.Name)
	}
	r.list = slices.Insert(r.list, i, &settled)
	t.undo = append(t.undo, func() { r.list = slices.Delete(r.list, i, i+1) })
	return nil
}

// change replaces the row with the key of like by what f makes of it.
func (r *rows[R]) change(t *tx, like *R, f func(row *R)) error {
	i, found := r.find(like)
	if !found {
		return fmt.Errorf("%w: a row of %s that should be changed does not exist", ledger.ErrData, r.table.Name)
	}
	before := r.list[i]
	after := *before
	f(&after)
	settled, err := table.Settled(r.table, &after)
	if err != nil {
		return err
	}
	r.list[i] = &settled
	t.undo = append(t.undo, func() { r.list[i] = before })
	return nil
}

// put inserts a row or changes the one that exists.
func (r *rows[R]) put(t *tx, row *R, f func(existing *R)) error {
	if r.get(row) == nil {
		return r.insert(t, row)
	}
	return r.change(t, row, f)
}

// pick returns copies of the rows that match, in order, at most limit (none if it is negative).
func (r *rows[R]) pick(limit int, match func(row *R) bool) []R {
	var picked []R
	for _, row := range r.list {
		if len(picked) == limit {
			break
		}
		if match(row) {
			picked = append(picked, r.copy(row))
		}
	}
	return picked
}

// copy returns a row that the caller may keep and change.
func (r *rows[R]) copy(row *R) R {
	copied, err := table.Settled(r.table, row)
	if err != nil {
		panic(err) // it was settled before
	}
	return copied
}

// one returns a copy of the row with this key, or ledger.ErrNotFound.
func (r *rows[R]) one(like *R) (R, error) {
	if row := r.get(like); row != nil {
		return r.copy(row), nil
	}
	var none R
	return none, fmt.Errorf("%s: %w", r.table.Name, ledger.ErrNotFound)
}

// tx is what takes a commit back.
type tx struct{ undo []func() }

func (t *tx) rollback() {
	for _, f := range slices.Backward(t.undo) {
		f()
	}
}

// set changes a value and remembers the old one.
func set[V any](t *tx, p *V, v V) {
	before := *p
	*p = v
	t.undo = append(t.undo, func() { *p = before })
}

// disk is what was committed.
type disk struct {
	mu sync.RWMutex

	groups  []group
	aliveAt int64 // Unix microseconds, 0 for none
	kept    int   // lines of the intake log

	messages      rows[ledger.MessageRow]
	keys          rows[ledger.KeyRow]
	contacts      rows[ledger.ContactRow]
	conversations rows[ledger.ConversationRow]
	deliveries    rows[ledger.DeliveryRow]
	attempts      rows[ledger.AttemptRow]
	facts         rows[ledger.FactRow]
	assignments   rows[ledger.AssignmentRow]
	decisions     rows[ledger.DecisionRow]
	outcomes      rows[ledger.OutcomesRow]
	documents     rows[ledger.DocumentRow]
	revisions     rows[ledger.RevisionRow]
	audit         rows[table.AuditEntry]
	logins        rows[ledger.LoginRow]
	tokens        rows[ledger.TokenRow]
	browsers      rows[ledger.BrowserSessionRow]
	clients       rows[ledger.ClientRow]
	refusals      rows[ledger.RefusalRow]
	uploads       rows[ledger.UploadRow]
	files         rows[ledger.FileRow]
	visitors      rows[ledger.VisitorRow]
	jobs          rows[ledger.JobRow]
	ratings       rows[ledger.RatingRow]
	quarantine    rows[ledger.QuarantineRow]
	hits          rows[ledger.HitsRow]
	autoReplies   rows[ledger.AutoReplyRow]
	checklists    rows[ledger.ChecklistRow]
	help          rows[ledger.HelpRow]
	helpReports   rows[ledger.HelpReportRow]
	repairs       rows[ledger.RepairRow]
	replyCursors  map[string]int64
	sequences     map[[2]int64]bool // conversation and sequence of messages
}

type group struct {
	first, last, at int64
	nonce           string
}

func newDisk() *disk {
	d := &disk{kept: table.KeptRefusals, replyCursors: map[string]int64{}, sequences: map[[2]int64]bool{}}
	d.messages = rows[ledger.MessageRow]{table.Messages, func(a, b *ledger.MessageRow) int { return cmp.Compare(a.Position, b.Position) }, nil}
	d.keys = rows[ledger.KeyRow]{table.Keys, func(a, b *ledger.KeyRow) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
	}, nil}
	d.contacts = rows[ledger.ContactRow]{table.Contacts, func(a, b *ledger.ContactRow) int {
		return cmp.Or(cmp.Compare(a.Inbox, b.Inbox), cmp.Compare(a.ID, b.ID))
	}, nil}
	d.conversations = rows[ledger.ConversationRow]{table.Conversations, func(a, b *ledger.ConversationRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.deliveries = rows[ledger.DeliveryRow]{table.Deliveries, func(a, b *ledger.DeliveryRow) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sequence, b.Sequence))
	}, nil}
	d.attempts = rows[ledger.AttemptRow]{table.Attempts, func(a, b *ledger.AttemptRow) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Number, b.Number))
	}, nil}
	d.facts = rows[ledger.FactRow]{table.Facts, func(a, b *ledger.FactRow) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key), cmp.Compare(a.FromPosition, b.FromPosition))
	}, nil}
	d.assignments = rows[ledger.AssignmentRow]{table.Assignments, func(a, b *ledger.AssignmentRow) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.FromPosition, b.FromPosition))
	}, nil}
	d.decisions = rows[ledger.DecisionRow]{table.Decisions, func(a, b *ledger.DecisionRow) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Conversation, b.Conversation))
	}, nil}
	d.outcomes = rows[ledger.OutcomesRow]{table.Outcomes, func(a, b *ledger.OutcomesRow) int { return bytes.Compare(a.ID[:], b.ID[:]) }, nil}
	d.documents = rows[ledger.DocumentRow]{table.Documents, func(a, b *ledger.DocumentRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From))
	}, nil}
	d.revisions = rows[ledger.RevisionRow]{table.Revisions, func(a, b *ledger.RevisionRow) int { return cmp.Compare(a.Revision, b.Revision) }, nil}
	d.audit = rows[table.AuditEntry]{table.Audit, func(a, b *table.AuditEntry) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Ordinal, b.Ordinal))
	}, nil}
	d.logins = rows[ledger.LoginRow]{table.Logins, func(a, b *ledger.LoginRow) int { return cmp.Compare(a.Account, b.Account) }, nil}
	d.tokens = rows[ledger.TokenRow]{table.Tokens, func(a, b *ledger.TokenRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.browsers = rows[ledger.BrowserSessionRow]{table.BrowserSessions, func(a, b *ledger.BrowserSessionRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.clients = rows[ledger.ClientRow]{table.Clients, func(a, b *ledger.ClientRow) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Client, b.Client))
	}, nil}
	d.refusals = rows[ledger.RefusalRow]{table.Refusals, func(a, b *ledger.RefusalRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.uploads = rows[ledger.UploadRow]{table.Uploads, func(a, b *ledger.UploadRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.files = rows[ledger.FileRow]{table.Files, func(a, b *ledger.FileRow) int { return cmp.Compare(a.Digest, b.Digest) }, nil}
	d.jobs = rows[ledger.JobRow]{table.Jobs, func(a, b *ledger.JobRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.visitors = rows[ledger.VisitorRow]{table.Visitors, func(a, b *ledger.VisitorRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.quarantine = rows[ledger.QuarantineRow]{table.Quarantine, func(a, b *ledger.QuarantineRow) int { return cmp.Compare(a.Message, b.Message) }, nil}
	d.hits = rows[ledger.HitsRow]{table.Hits, func(a, b *ledger.HitsRow) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), a.Hour.Compare(b.Hour))
	}, nil}
	d.autoReplies = rows[ledger.AutoReplyRow]{table.AutoReplies, func(a, b *ledger.AutoReplyRow) int {
		return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.Rule, b.Rule))
	}, nil}
	d.checklists = rows[ledger.ChecklistRow]{table.Checklists, func(a, b *ledger.ChecklistRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.help = rows[ledger.HelpRow]{table.HelpRequests, func(a, b *ledger.HelpRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.helpReports = rows[ledger.HelpReportRow]{table.HelpReports, func(a, b *ledger.HelpReportRow) int { return cmp.Compare(a.Request, b.Request) }, nil}
	d.repairs = rows[ledger.RepairRow]{table.Repairs, func(a, b *ledger.RepairRow) int { return cmp.Compare(a.ID, b.ID) }, nil}
	d.ratings = rows[ledger.RatingRow]{table.Ratings, func(a, b *ledger.RatingRow) int { return cmp.Compare(a.Conversation, b.Conversation) }, nil}
	return d
}
