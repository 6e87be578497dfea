package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// New rebuilds the World from the store and records the start: connections of earlier processes are closed as unknown from the last alive mark,
// and owners' graces run from now. It does not start the loop.
func New(ctx context.Context, store Store, o Options) (*Ledger, error) {
	if o.MaxGroup == 0 {
		o.MaxGroup = 512
	}
	if o.MaxQueue == 0 {
		o.MaxQueue = 16384
	}
	if o.AliveEvery == 0 {
		o.AliveEvery = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Elapsed == nil {
		began := o.Now()
		o.Elapsed = func(now time.Time) time.Duration { return now.Sub(began) }
	}
	l := &Ledger{o: o, store: store, ready: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	var failed error
	l.commitGroup(l.readClock(), []waiting{{cmd: CommandFunc(l.begin), done: func(err error) { failed = err }}})
	if failed != nil {
		return nil, fmt.Errorf("the start could not be recorded: %w", failed)
	}
	return l, nil
}

// load rebuilds the World from the store and puts it in force.
func (l *Ledger) load(ctx context.Context) error {
	s, err := l.store.Load(ctx)
	if err != nil {
		return err
	}
	w, err := buildWorld(s)
	if err != nil {
		return err
	}
	l.deadlines, l.scheduled, l.knownOutcomes = nil, map[Deadline]bool{}, recentSet{}
	l.lastNow, l.committedAt = s.At, s.AliveAt
	if l.lastNow.Before(s.AliveAt) {
		l.lastNow = s.AliveAt
	}
	if old := l.w.Swap(w); old != nil { // reopened in this process: what was due must be found again, however often that takes
		l.schedule(Deadline{At: stored(l.o.Now()), Kind: deadlineRestore})
		l.signal()
	}
	return nil
}

// documents turns rows into the policy's documents.
func documents(rows []DocumentRow) []policy.Document {
	docs := make([]policy.Document, len(rows))
	for i, r := range rows {
		docs[i] = policy.Document{Kind: r.Kind, Name: r.Name, Spec: r.Spec, Revision: r.From}
	}
	return docs
}

// PolicyOf makes the set of documents that rows describe, as of a revision.
func PolicyOf(rows []DocumentRow, revision int64) (*policy.Set, error) {
	s, err := policy.NewSet(documents(rows))
	if err != nil {
		return nil, fmt.Errorf("the stored policy of revision %d cannot be read: %w", revision, err)
	}
	return s.WithRevision(revision), nil
}

func buildWorld(s *State) (*World, error) {
	w := newWorld()
	w.position, w.at = s.Position, s.At
	var err error
	if w.policy, err = PolicyOf(s.Documents, s.Revision); err != nil {
		return nil, err
	}
	w.members = memberships(w.policy.Compile())
	if err := w.loadFacts(s); err != nil {
		return nil, err
	}
	if err := loadSnoozed(s); err != nil {
		return nil, err
	}
	for i := range s.Conversations {
		w.loadConversation(&s.Conversations[i])
	}
	for i := range s.Deliveries {
		d := &s.Deliveries[i]
		w.deliveries.base[deliveryKey{d.Account, d.Sequence}] = d
	}
	for i := range s.Tokens {
		t := &s.Tokens[i]
		w.tokens.base[t.ID] = t
		w.tokenHashes.base[t.Hash] = &t.ID
	}
	for i := range s.BrowserSessions {
		w.loadBrowserSession(&s.BrowserSessions[i])
	}
	for i := range s.Logins {
		w.logins.base[s.Logins[i].Account] = &s.Logins[i]
	}
	for i := range s.Clients {
		w.clients.base[clientKey{s.Clients[i].Account, s.Clients[i].Client}] = &s.Clients[i]
	}
	return w, nil
}

func (w *World) agent(account string) *Agent {
	a := w.agents.base[account]
	if a == nil {
		a = &Agent{Facts: *neverSeen(account)}
		w.agents.base[account] = a
	}
	return a
}

func (w *World) loadFacts(s *State) error {
	for _, f := range s.Facts {
		if f.Name == FactRate {
			r, err := readRate(f)
			if err != nil {
				return err
			}
			w.rates.base[f.Key] = &r
			continue
		}
		account, ok := strings.CutPrefix(f.Subject, "account/")
		if !ok {
			continue
		}
		if err := applyFact(w.agent(account), f); err != nil {
			return err
		}
	}
	if err := applyTold(s.Facts, w.agent, func(*FactRow) bool { return false }); err != nil {
		return err
	}
	for account, seq := range s.Sequences {
		w.agent(account).Sequence = seq
	}
	maps.Copy(w.received, s.Received)
	for inbox, byAccount := range s.LastAssigned {
		for account, position := range byAccount {
			a := w.agent(account)
			a.Facts.Shares = assigned(a.Facts.Shares, inbox, position)
		}
	}
	passed := map[string]int64{}
	for _, f := range s.Facts {
		if f.Name == FactPassedOver {
			passed[f.Subject] = f.FromPosition
		}
	}
	for i := range s.Conversations {
		s.Conversations[i].passedSince = passed["conversation/"+strconv.FormatInt(s.Conversations[i].ID, 10)]
	}
	return nil
}

func (w *World) loadConversation(c *ConversationRow) {
	w.conversations.base[c.ID] = c
	w.byContact.base[threadKey{c.Inbox, c.Contact, c.Kind}] = &c.ID
	if c.Owner != "" {
		w.owned.set(c.Owner, ref{c.OwnerPosition, c.ID}, true)
		a := w.agent(c.Owner)
		a.Facts.Shares = loaded(a.Facts.Shares, c.Inbox, 1)
		if in := w.policy.Compile().Inboxes[c.Inbox]; in == nil || in.Mode != reception.Async {
			a.Facts.Live++
		}
	}
	for _, account := range c.Offered {
		w.offers.set(account, ref{c.ID, c.ID}, true)
	}
	if c.WaitingSince != 0 && c.Owner == "" {
		w.waiting.set(Cell{c.Inbox, c.Kind}, ref{c.WaitingSince, c.ID}, true)
	}
	w.owned.keep()
	w.owned.publish()
	w.offers.keep()
	w.offers.publish()
	w.waiting.keep()
	w.waiting.publish()
}

// begin records that a process started.
func (l *Ledger) begin(tx *Tx) error {
	alive := l.committedAt
	if alive.IsZero() {
		alive = tx.now
	}
	for _, account := range slices.Sorted(maps.Keys(tx.w.agents.base)) {
		l.closeForeign(tx, account, alive)
		if p := tx.Agent(account).Presence; !p.GraceUntil.IsZero() && len(tx.Owned(account)) > 0 {
			p.GraceUntil = tx.now.Add(l.o.PresenceGrace)
			p.Origin.Source = "start"
			tx.SetPresence(account, p)
		}
	}
	return l.restore(tx)
}

// closeForeign closes an account's connections that other processes held. Whether they were there between the alive mark and now is not known.
func (l *Ledger) closeForeign(tx *Tx, account string, alive time.Time) {
	a := tx.w.agents.get(account)
	foreign := func(s Socket) bool { return s.Node != l.o.Node }
	if len(a.Sockets) == 0 || !slices.ContainsFunc(a.Sockets, foreign) {
		return
	}
	a = tx.editAgent(account)
	subject, position := AccountSubject(account), tx.Next()
	for _, s := range a.Sockets {
		if foreign(s) {
			tx.endTold(account, &s, FactRow{ToAt: alive, EndBy: "system", EndCause: CauseLost}, position)
			tx.UseBrowserSession(s.Session) // that nobody could use it while Bida was down is not the person's doing
			tx.endFact(FactRow{
				Subject: subject, Name: FactSocket, Key: s.ID, FromPosition: s.Position, ToAt: alive, EndBy: "system", EndCause: CauseLost,
			}, position)
		}
	}
	a.Sockets = slices.DeleteFunc(slices.Clone(a.Sockets), foreign)
	a.Facts.Clients = a.clients()
	was := a.Facts.Connection
	tx.endFact(FactRow{
		Subject: subject, Name: FactConnection, FromPosition: was.Origin.Position, ToAt: alive, EndBy: "system", EndCause: CauseLost,
	}, position)
	a.Facts.Connection.Origin.Position = 0 // ended above, with its own instant
	tx.setConnection(account, reception.Connection{
		State: reception.ConnectionNone, ID: was.ID, Node: was.Node, Client: was.Client, LastFrame: alive,
		GraceUntil: tx.now.Add(l.o.ConnectionGrace),
		Origin:     reception.Origin{By: "system", Source: "start", Cause: CauseLost},
	})
}

// CauseLost is the cause of connections whose process died: that they were open after its last alive mark is not known.
const CauseLost = "lost_with_process"

// restore sets the deadlines that follow from facts.
func (l *Ledger) restore(tx *Tx) error {
	for _, account := range slices.Sorted(maps.Keys(tx.w.agents.base)) {
		a := tx.Agent(account)
		tx.presenceDeadlines(account, a.Presence)
		if !a.Connection.GraceUntil.IsZero() {
			tx.At(a.Connection.GraceUntil, DeadlineAgent, account)
		}
	}
	tx.watchRates()
	if l.o.Restore != nil {
		return l.o.Restore(tx)
	}
	return nil
}
