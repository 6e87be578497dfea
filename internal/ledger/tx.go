package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Tx is the overlay that commands work on: what they read is the World with their own and their predecessors' changes, what they change is written with
// the group. It belongs to the ledger's goroutine and must not be kept after Apply returned. It implements reception.World.
type Tx struct {
	l     *Ledger
	w     *World
	ctx   context.Context
	now   time.Time
	clock reading // if a step of the clock was noticed: when it was
	first int64
	last  int64 // last position given out
	g     Group

	policy     *policy.Set
	keys       map[KeyRef]*KeyRow // looked up or made in this group; nil: known not to exist
	born       map[deliveryKey]bool
	byMessage  map[int64][]deliveryKey // deliveries born in this group
	entries    []Entry                 // to be appended to tails
	touched    Touched
	deadlines  []Deadline
	effects    []func()
	wakes      map[string]bool
	woken      []string // wakes in the order they were asked for, so that a simulation repeats exactly
	outcomeIDs map[[16]byte]bool
	jobs       map[string]JobRow // put in this group; without an ID: deleted

	mark mark
}

// mark is where the running command began: what undo goes back to.
type mark struct {
	last                                                          int64
	messages, keys, attempts, facts, factEnds, assigned, unassign int
	decisions, outcomes, documents, documentEnds, revisions       int
	audit, refusals, replies, entries, deadlines, effects         int
	uploads, files                                                int
	uploadsEnd                                                    time.Time
	visitors, ratings                                             int
	quarantine, releases, hits, autoReplies                       int
	checklists, checklistEnds                                     int
	checklistsEnd                                                 time.Time
	help, helpReports, repairs                                    int
	policy                                                        *policy.Set
	newKeys                                                       []KeyRef
	born                                                          []deliveryKey
	woken                                                         int
	outcomeIDs                                                    [][16]byte
	jobs                                                          []jobChange
}

// Touched lists what a command changed that may alter who may own, or can receive, something.
type Touched struct {
	Agents        map[string]string // account → cause
	Cells         map[Cell]string
	Conversations map[int64]string
	Policy        bool
}

// Deadline is an instant at which a handler runs as a command of its own.
type Deadline struct {
	At   time.Time
	Kind string // names the handler (Options.Deadlines)
	Key  string
}

// Now is the group's instant.
func (tx *Tx) Now() time.Time { return tx.now }

// Context is the ledger's context, for reads of the store.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Next gives out a ledger position.
func (tx *Tx) Next() int64 { tx.last++; return tx.last }

// Documents returns the policy documents in force.
func (tx *Tx) Documents() *policy.Set { return tx.policy }

// Policy returns the compiled policy in force.
func (tx *Tx) Policy() *reception.Policy { return tx.policy.Compile() }

// InboxesOf lists the inboxes an account is a member of, in order of name.
func (tx *Tx) InboxesOf(account string) []string {
	if tx.policy == tx.w.policy {
		return tx.w.members[account]
	}
	var list []string // the members of all inboxes are listed once the policy is published: a change is settled agent by agent before
	for name, inbox := range tx.policy.Compile().Inboxes {
		if inbox.Member(account) != nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// Agent implements reception.World.
func (tx *Tx) Agent(account string) *reception.Agent {
	if a := tx.w.agents.get(account); a != nil {
		return &a.Facts
	}
	return neverSeen(account)
}

// Failures implements reception.World. A group that commits proves that the store works; and what else fails keeps new messages out, but none that was taken
// in from whoever can have it.
func (tx *Tx) Failures() []reception.Failure { return nil }

// AgentState returns what is known of an account; nil if nothing is. The caller must not change it.
func (tx *Tx) AgentState(account string) *Agent { return tx.w.agents.get(account) }

func (tx *Tx) editAgent(account string) *Agent {
	if a := tx.w.agents.edit(account); a != nil {
		return a
	}
	a := &Agent{Facts: *neverSeen(account)}
	tx.w.agents.put(account, a)
	return a
}

// TouchAgent says that an account's facts changed, and why ("presence", "connection", …: the cause of decisions that follow).
func (tx *Tx) TouchAgent(account, cause string) {
	if tx.touched.Agents == nil {
		tx.touched.Agents = map[string]string{}
	}
	tx.touched.Agents[account] = cause
}

// TouchCell says that a cell is to be decided again.
func (tx *Tx) TouchCell(c Cell, cause string) {
	if tx.touched.Cells == nil {
		tx.touched.Cells = map[Cell]string{}
	}
	tx.touched.Cells[c] = cause
}

// TouchConversation says that one conversation is to be decided again.
func (tx *Tx) TouchConversation(id int64, cause string) {
	if tx.touched.Conversations == nil {
		tx.touched.Conversations = map[int64]string{}
	}
	tx.touched.Conversations[id] = cause
}

// TakeTouched returns what was touched since the last call and forgets it.
func (tx *Tx) TakeTouched() Touched {
	t := tx.touched
	tx.touched = Touched{}
	return t
}

// Empty says whether nothing was touched.
func (t Touched) Empty() bool {
	return len(t.Agents) == 0 && len(t.Cells) == 0 && len(t.Conversations) == 0 && !t.Policy
}

// At asks for a deadline. Handlers must check that what they were set for still holds: deadlines are not taken back.
func (tx *Tx) At(at time.Time, kind, key string) {
	tx.deadlines = append(tx.deadlines, Deadline{At: stored(at.Add(time.Microsecond - 1)), Kind: kind, Key: key}) // rounded up
}

// Wake tells the account's clients, after the commit, that there is something to read.
func (tx *Tx) Wake(account string) {
	if !tx.wakes[account] {
		tx.wakes[account] = true
		tx.woken = append(tx.woken, account)
	}
}

// Effect runs f after the commit on the ledger's goroutine; it must not block.
func (tx *Tx) Effect(f func()) { tx.effects = append(tx.effects, f) }

// SetPolicy puts a new set of documents in force from this command on.
func (tx *Tx) SetPolicy(s *policy.Set, rev RevisionRow, docs, ended []DocumentRow) {
	tx.policy = s
	tx.g.Revisions = append(tx.g.Revisions, rev)
	tx.g.Documents = append(tx.g.Documents, docs...)
	tx.g.DocumentEnds = append(tx.g.DocumentEnds, ended...)
	tx.touched.Policy = true
}

// Audit records who did what.
func (tx *Tx) Audit(r AuditRow) {
	r.Position, r.At = tx.Next(), tx.now
	tx.g.Audit = append(tx.g.Audit, r)
}

// Refuse writes a line of the intake log.
func (tx *Tx) Refuse(r RefusalRow) { tx.g.Refusals = append(tx.g.Refusals, r) }

// Key looks a sender's id up; nil if it was not used.
func (tx *Tx) Key(ref KeyRef) (*KeyRow, error) {
	if k, ok := tx.keys[ref]; ok {
		return k, nil
	}
	rows, err := tx.l.store.Keys(tx.ctx, []KeyRef{ref})
	if err != nil {
		return nil, err
	}
	tx.keys[ref] = nil
	if len(rows) > 0 {
		tx.keys[ref] = &rows[0]
	}
	return tx.keys[ref], nil
}

// PutKey uses a sender's id up.
func (tx *Tx) PutKey(k KeyRow) {
	ref := KeyRef{k.Scope, k.ID}
	tx.keys[ref] = &k
	tx.mark.newKeys = append(tx.mark.newKeys, ref)
	tx.g.Keys = append(tx.g.Keys, k)
}

// Journal writes a later decision.
func (tx *Tx) Journal(d DecisionRow) { tx.g.Decisions = append(tx.g.Decisions, d) }

// Outcomes stores the outcome set that appendTo writes, and returns its key. Nearly all sets are known, so that they are written where the last one was.
func (tx *Tx) Outcomes(appendTo func([]byte) []byte) [16]byte {
	content := appendTo(tx.l.outcomes[:0])
	tx.l.outcomes = content
	sum := sha256.Sum256(content)
	id := [16]byte(sum[:16])
	if !tx.outcomeIDs[id] && !tx.l.knownOutcomes.has(id) {
		tx.outcomeIDs[id] = true
		tx.mark.outcomeIDs = append(tx.mark.outcomeIDs, id)
		tx.g.Outcomes = append(tx.g.Outcomes, OutcomesRow{ID: id, Content: bytes.Clone(content)})
	}
	return id
}

// PutToken inserts or replaces a token; a revoked one is no longer found.
func (tx *Tx) PutToken(t TokenRow) {
	tx.w.tokens.put(t.ID, &t)
	if t.RevokedAt.IsZero() {
		tx.w.tokenHashes.put(t.Hash, &t.ID)
	} else {
		tx.w.tokenHashes.remove(t.Hash)
	}
}

// Token returns a token that is not revoked, or nil.
func (tx *Tx) Token(id string) *TokenRow {
	if t := tx.w.tokens.get(id); t != nil && t.RevokedAt.IsZero() {
		return t
	}
	return nil
}

// TokensOf returns the ids of an account's tokens that are not revoked, in order.
func (tx *Tx) TokensOf(account string) []string {
	var ids []string
	for _, layer := range []map[string]*TokenRow{tx.w.tokens.base, tx.w.tokens.group, tx.w.tokens.cmd} {
		for id := range layer {
			if t := tx.Token(id); t != nil && t.Account == account && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// Login returns an account's login data; ok is false if it has none.
func (tx *Tx) Login(account string) (LoginRow, bool) {
	if r := tx.w.logins.get(account); r != nil {
		return *r, true
	}
	return LoginRow{}, false
}

// PutLogin inserts or replaces an account's login data.
func (tx *Tx) PutLogin(r LoginRow) { tx.w.logins.put(r.Account, &r) }

// MoveCursor advances a client's cursor and returns it; it never goes back.
func (tx *Tx) MoveCursor(account, client, about string, cursor int64) int64 {
	k := clientKey{account, client}
	c := tx.w.clients.get(k)
	if c != nil && c.Cursor >= cursor && (about == "" || c.About == about) {
		return c.Cursor
	}
	n := ClientRow{Account: account, Client: client, Cursor: cursor, About: about, UpdatedAt: tx.now}
	if c != nil {
		n.Cursor = max(c.Cursor, cursor)
		if about == "" {
			n.About = c.About
		}
	}
	tx.w.clients.put(k, &n)
	return n.Cursor
}

// Cursor returns a client's cursor, or -1 if the client was never seen.
func (tx *Tx) Cursor(account, client string) int64 {
	if c := tx.w.clients.get(clientKey{account, client}); c != nil {
		return c.Cursor
	}
	return -1
}

// RepliesRead records that the source has read an inbox's replies, or a contact those to itself, up to a position.
func (tx *Tx) RepliesRead(u ReplyUpdate) { tx.g.ReplyUpdates = append(tx.g.ReplyUpdates, u) }

// Upload returns an upload, whoever owns it and whether or not it has expired; ok is false if there is none.
func (tx *Tx) Upload(id string) (row UploadRow, ok bool, err error) {
	for _, u := range slices.Backward(tx.g.Uploads) {
		if u.ID == id {
			return u, true, nil
		}
	}
	row, err = tx.l.store.Upload(tx.ctx, id)
	if err != nil {
		return UploadRow{}, false, notFoundIsNil(err)
	}
	return row, true, nil
}

// PutUpload inserts or replaces an upload.
func (tx *Tx) PutUpload(u UploadRow) { tx.g.Uploads = append(tx.g.Uploads, u) }

// EndUploads deletes the uploads that have expired by now. What messages refer to stays.
func (tx *Tx) EndUploads() { tx.g.UploadsEnd = tx.now }

// KeepFile has a content kept because a message refers to it.
func (tx *Tx) KeepFile(f FileRow) { tx.g.Files = append(tx.g.Files, f) }

// AddVisitor adds a visitor.
func (tx *Tx) AddVisitor(v VisitorRow) { tx.g.Visitors = append(tx.g.Visitors, v) }

// Rating returns what a conversation's customer said of it; ok is false if it said nothing.
func (tx *Tx) Rating(conversation int64) (row RatingRow, ok bool, err error) {
	for _, r := range slices.Backward(tx.g.Ratings) {
		if r.Conversation == conversation {
			return r, true, nil
		}
	}
	row, err = tx.l.store.Rating(tx.ctx, conversation)
	if err != nil {
		return RatingRow{}, false, notFoundIsNil(err)
	}
	return row, true, nil
}

// PutRating inserts or replaces a rating.
func (tx *Tx) PutRating(r RatingRow) { tx.g.Ratings = append(tx.g.Ratings, r) }

// begin marks where a command starts.
func (tx *Tx) begin() {
	g := &tx.g
	tx.mark = mark{
		last: tx.last, messages: len(g.Messages), keys: len(g.Keys), attempts: len(g.Attempts), facts: len(g.Facts), factEnds: len(g.FactEnds),
		assigned: len(g.Assignments), unassign: len(g.AssignmentEnds), decisions: len(g.Decisions), outcomes: len(g.Outcomes),
		documents: len(g.Documents), documentEnds: len(g.DocumentEnds), revisions: len(g.Revisions), audit: len(g.Audit),
		refusals: len(g.Refusals), replies: len(g.ReplyUpdates), entries: len(tx.entries), deadlines: len(tx.deadlines), effects: len(tx.effects),
		policy: tx.policy, woken: len(tx.woken), uploads: len(g.Uploads), files: len(g.Files), uploadsEnd: g.UploadsEnd,
		visitors: len(g.Visitors), ratings: len(g.Ratings), quarantine: len(g.Quarantine), releases: len(g.Releases), hits: len(g.Hits),
		autoReplies: len(g.AutoReplies), checklists: len(g.Checklists), checklistEnds: len(g.ChecklistEnds), checklistsEnd: g.ChecklistsEnd,
		help: len(g.Help), helpReports: len(g.HelpReports), repairs: len(g.Repairs),
	}
	tx.touched = Touched{}
}

// keep makes the command's changes part of the group.
func (tx *Tx) keep() {
	for _, t := range tx.w.layers() {
		t.keep()
	}
}

// undo forgets the command's changes.
func (tx *Tx) undo() {
	for _, t := range tx.w.layers() {
		t.undo()
	}
	g, m := &tx.g, &tx.mark
	g.Messages, g.Keys, g.Attempts = g.Messages[:m.messages], g.Keys[:m.keys], g.Attempts[:m.attempts]
	g.Facts, g.FactEnds = g.Facts[:m.facts], g.FactEnds[:m.factEnds]
	g.Assignments, g.AssignmentEnds = g.Assignments[:m.assigned], g.AssignmentEnds[:m.unassign]
	g.Decisions, g.Outcomes = g.Decisions[:m.decisions], g.Outcomes[:m.outcomes]
	g.Documents, g.DocumentEnds, g.Revisions = g.Documents[:m.documents], g.DocumentEnds[:m.documentEnds], g.Revisions[:m.revisions]
	g.Audit, g.Refusals, g.ReplyUpdates = g.Audit[:m.audit], g.Refusals[:m.refusals], g.ReplyUpdates[:m.replies]
	g.Uploads, g.Files, g.UploadsEnd = g.Uploads[:m.uploads], g.Files[:m.files], m.uploadsEnd
	g.Visitors, g.Ratings = g.Visitors[:m.visitors], g.Ratings[:m.ratings]
	g.Quarantine, g.Releases, g.Hits = g.Quarantine[:m.quarantine], g.Releases[:m.releases], g.Hits[:m.hits]
	g.AutoReplies = g.AutoReplies[:m.autoReplies]
	g.Checklists, g.ChecklistEnds, g.ChecklistsEnd = g.Checklists[:m.checklists], g.ChecklistEnds[:m.checklistEnds], m.checklistsEnd
	g.Help, g.HelpReports, g.Repairs = g.Help[:m.help], g.HelpReports[:m.helpReports], g.Repairs[:m.repairs]
	tx.entries, tx.deadlines, tx.effects = tx.entries[:m.entries], tx.deadlines[:m.deadlines], tx.effects[:m.effects]
	for _, k := range m.newKeys {
		tx.keys[k] = nil
	}
	for _, k := range m.born {
		delete(tx.born, k)
	}
	for _, a := range tx.woken[m.woken:] {
		delete(tx.wakes, a)
	}
	tx.woken = tx.woken[:m.woken]
	for _, id := range m.outcomeIDs {
		delete(tx.outcomeIDs, id)
	}
	for id, list := range tx.byMessage {
		tx.byMessage[id] = slices.DeleteFunc(list, func(k deliveryKey) bool { return !tx.born[k] })
	}
	tx.undoJobs()
	tx.last, tx.policy, tx.touched = m.last, m.policy, Touched{}
}

// finish turns the group layers of the tables into rows.
func (tx *Tx) finish() *Group {
	g, w := &tx.g, tx.w
	tx.finishJobs()
	g.First, g.Last, g.At = tx.first, tx.last, tx.now
	g.Hits = sumHits(g.Hits)
	g.Conversations = make([]ConversationRow, 0, len(w.conversations.group))
	for _, id := range slices.Sorted(maps.Keys(w.conversations.group)) {
		g.Conversations = append(g.Conversations, *w.conversations.group[id])
	}
	for _, k := range sortedBy(w.contacts.group, func(a, b contactKey) int { return cmp.Or(cmp.Compare(a.inbox, b.inbox), cmp.Compare(a.id, b.id)) }) {
		if c := w.contacts.group[k]; c != nil {
			g.Contacts = append(g.Contacts, *c)
		}
	}
	g.Deliveries, g.DeliveryEdits = make([]DeliveryRow, 0, len(tx.born)), make([]DeliveryRow, 0, max(len(w.deliveries.group)-len(tx.born), 0))
	for _, k := range sortedBy(w.deliveries.group, func(a, b deliveryKey) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.sequence, b.sequence))
	}) {
		if d := w.deliveries.group[k]; tx.born[k] {
			g.Deliveries = append(g.Deliveries, *d)
		} else {
			g.DeliveryEdits = append(g.DeliveryEdits, *d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.tokens.group)) {
		g.Tokens = append(g.Tokens, *w.tokens.group[id])
	}
	for _, id := range slices.Sorted(maps.Keys(w.browsers.group)) {
		g.BrowserSessions = append(g.BrowserSessions, *w.browsers.group[id])
	}
	for _, a := range slices.Sorted(maps.Keys(w.logins.group)) {
		g.Logins = append(g.Logins, *w.logins.group[a])
	}
	for _, k := range sortedBy(w.clients.group, func(a, b clientKey) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.client, b.client))
	}) {
		g.Clients = append(g.Clients, *w.clients.group[k])
	}
	return g
}

func sortedBy[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

// notFoundIsNil turns ErrNotFound into "there is none" where the caller distinguishes by ok.
func notFoundIsNil(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
