package ledger

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Command is one change. Apply runs on the ledger's goroutine; it reads and changes through tx only, must not block, and an error from it undoes
// everything it did. Results stay in the command; they may be read once done was called with nil.
type Command interface{ Apply(tx *Tx) error }

// CommandFunc is a Command made of a function.
type CommandFunc func(tx *Tx) error

// Apply implements Command.
func (f CommandFunc) Apply(tx *Tx) error { return f(tx) }

// Yielding is a Command that lets the others go first. Customers' messages are: of them senders can hand in any number, and what follows from those that
// were taken in, acknowledgements, answers, changes of policy, must not wait behind them. Commands that yield keep their order among themselves.
type Yielding interface{ Yields() }

// Keyed is a Command that tells beforehand which senders' ids it will look up, so that a group looks them all up at once.
type Keyed interface{ Keys() []KeyRef }

// Kinds of deadlines that the ledger itself sets. Handlers are in Options.Deadlines.
const (
	// DeadlineAgent: a grace or a right of the account (key) ends; the account is touched.
	DeadlineAgent = "agent"
	// DeadlinePresence: the account's (key) presence ends by itself.
	DeadlinePresence = "presence"
	// deadlineRestore sets all other deadlines again after a reopening.
	deadlineRestore = "restore"
)

// Store is what the ledger needs of a database.
type Store interface {
	Committer
	ConversationMessages(ctx context.Context, conversation, after int64, limit int) ([]MessageRow, error)
	DeliveriesOf(ctx context.Context, message int64) ([]DeliveryRow, error)
}

// Options configure a Ledger. Now, Node and Settle are required.
type Options struct {
	Now func() time.Time
	// Elapsed is how much time has passed since some moment, at a reading of Now, by a clock that nobody sets; nil for the monotonic one that Now reads as well.
	Elapsed func(now time.Time) time.Duration
	Node    string // this process's run: connections of other runs are not open any more
	// Settle restores the invariants after a command: it looks at tx.TakeTouched until that is empty.
	Settle func(tx *Tx) error
	// Deadlines are the handlers by kind. A kind without one is a fault.
	Deadlines map[string]func(tx *Tx, key string) error
	// Restore runs at start and after a reopening, as a command: it sets the deadlines that follow from what is open.
	Restore func(tx *Tx) error
	// ClockSet runs as part of a command when the wall clock was found to have been set by so much: what is kept as an instant and says how long something may
	// take, or since when it lasts, is to be moved by as much.
	ClockSet func(tx *Tx, by time.Duration) error
	// Wake is called after a commit for every account that has something to read; it must not block.
	Wake func(account string)
	// Changed is called after a commit that changed conversations or how far replies got; it must not block.
	Changed func()
	// Published is called after every commit, and whenever a part of Bida begins or ceases to fail: readers may see something else now. It must not block.
	Published func()
	// Heard is called after a commit for every contact of whose conversations one changed or got a message; it must not block.
	Heard func(inbox, contact string)
	// SessionEnded is called after a commit that ended a session, with the cause (reception.SessionEnd…), to close its sockets; it must not block.
	SessionEnded func(session, cause string)
	// ConnectionGrace is how long an owner whose connection is lost keeps its conversations, from the last frame heard.
	ConnectionGrace time.Duration
	// PresenceGrace is the same for an owner that is away or offline, from when it set that.
	PresenceGrace time.Duration
	Log           *slog.Logger
	// MaxGroup and MaxQueue bound a group and the queue; 0 means 512 and 16384.
	MaxGroup, MaxQueue int
	// AliveEvery is how often an idle ledger marks that it lives; 0 means 5 s.
	AliveEvery time.Duration
}

// Refusals of the ledger itself.
var (
	errOverloaded  = problem.New(problem.Limited, "intake.overloaded", "Too much is waiting to be written; nothing was accepted. Try again shortly.", "等待写入的请求过多，本次未受理，请稍后重试。")
	errStopping    = problem.New(problem.Unavailable, "system.stopping", "The server is stopping; nothing was accepted. Try again shortly.", "服务正在停止，本次未受理，请稍后重试。")
	errUnavailable = problem.New(problem.Unavailable, "system.health.store", "The store cannot be written now; nothing was accepted. Try again shortly.", "存储暂时无法写入，本次未受理，请稍后重试。")
	errNotDecider  = problem.New(problem.Unavailable, "system.not_decider", "Another process decides for this installation now.", "当前由另一个进程负责判定，本进程不再受理。")
	errPoisoned    = problem.New(problem.Internal, "system.internal", "This request could not be carried out because of a fault in Bida; nothing was changed.", "因系统缺陷，此请求未能执行，没有任何改动。")
)

type waiting struct {
	cmd  Command
	done func(error)
	due  *Deadline // set for a deadline's command
}

// Ledger is the writer. See the package comment.
type Ledger struct {
	o     Options
	store Store
	w     atomic.Pointer[World]

	mu       sync.Mutex // guards queue, yielding, stopped
	queue    []waiting
	yielding []waiting
	stopped  bool
	ready    chan struct{} // has a token when there may be work

	// Only the ledger's goroutine:
	deadlines     deadlineHeap
	scheduled     map[Deadline]bool // those in deadlines
	knownOutcomes recentSet
	lastNow       time.Time // of the last group
	clock         clock
	committedAt   time.Time
	nonce         uint64
	outcomes      []byte // where an outcome set is written to be looked up

	groups, commands atomic.Int64 // committed

	failing atomic.Pointer[reception.Failure] // of the store
	parts   parts
	running sync.WaitGroup
	cancel  context.CancelFunc
	ended   chan struct{}
	fatal   atomic.Pointer[error]
}

func (l *Ledger) world() *World { return l.w.Load() }

// Failing returns the failure of the store that is known, or nil.
func (l *Ledger) Failing() *reception.Failure { return l.failing.Load() }

// Submit queues a command. done is called exactly once, after the commit or the refusal, on the ledger's goroutine or, if the command is not taken at
// all, on the caller's; it must not block.
func (l *Ledger) Submit(cmd Command, done func(error)) {
	l.mu.Lock()
	var refused error
	switch {
	case l.stopped:
		refused = errStopping
	case len(l.queue)+len(l.yielding) >= l.o.MaxQueue:
		refused = errOverloaded
	default:
		to := &l.queue
		if _, yields := cmd.(Yielding); yields {
			to = &l.yielding
		}
		*to = append(*to, waiting{cmd: cmd, done: done})
	}
	l.mu.Unlock()
	if refused != nil {
		done(refused)
		return
	}
	l.signal()
}

// Committed says how many groups, and commands in them, this process has committed.
func (l *Ledger) Committed() (groups, commands int64) { return l.groups.Load(), l.commands.Load() }

// MaxQueue is how many commands may wait.
func (l *Ledger) MaxQueue() int { return l.o.MaxQueue }

// Do submits a command and waits for it. If ctx ends first, the command may still be carried out.
func (l *Ledger) Do(ctx context.Context, cmd Command) error {
	done := make(chan error, 1)
	l.Submit(cmd, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return problem.New(problem.Unavailable, "system.cancelled", "The caller went away before the answer was known.", "请求方在得到答复前已断开。").Because(ctx.Err())
	}
}

func (l *Ledger) signal() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// Start runs the ledger until Stop.
func (l *Ledger) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		l.run(ctx)
	}()
}

// Stop finishes the round that runs, refuses what still waits, and returns. It is safe twice and before Start.
func (l *Ledger) Stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
	l.running.Wait()
	l.refuseWaiting(errStopping)
}

// Ended is closed when the ledger stopped by itself because it must not go on (another process decides, or the store cannot be read again).
func (l *Ledger) Ended() <-chan struct{} { return l.ended }

// Err is why the ledger stopped by itself, or nil.
func (l *Ledger) Err() error {
	if e := l.fatal.Load(); e != nil {
		return *e
	}
	return nil
}

func (l *Ledger) refuseWaiting(err error) {
	l.mu.Lock()
	queue := append(l.queue, l.yielding...)
	l.queue, l.yielding = nil, nil
	l.mu.Unlock()
	for _, w := range queue {
		w.done(err)
	}
}

func (l *Ledger) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for l.Step() {
			if ctx.Err() != nil {
				return
			}
		}
		if l.Err() != nil {
			return
		}
		timer.Reset(l.untilNext())
		select {
		case <-ctx.Done():
			return
		case <-l.ready:
		case <-timer.C:
			l.markAlive()
		}
	}
}

// untilNext is how long the loop may sleep: to the next deadline or alive mark.
func (l *Ledger) untilNext() time.Duration {
	wait := l.o.AliveEvery
	if len(l.deadlines) > 0 {
		wait = min(wait, l.deadlines[0].At.Sub(l.o.Now()))
	}
	return max(wait, time.Millisecond)
}

// NextDeadline returns the earliest deadline; ok is false if there is none. For drivers of Step.
func (l *Ledger) NextDeadline() (at time.Time, ok bool) {
	if len(l.deadlines) == 0 {
		return time.Time{}, false
	}
	return l.deadlines[0].At, true
}

func (l *Ledger) markAlive() {
	now := l.o.Now()
	if now.Sub(l.committedAt) < l.o.AliveEvery {
		return
	}
	g := &Group{At: now, Alive: true}
	err := l.store.Commit(context.Background(), g)
	switch {
	case err == nil:
		l.committedAt = now
		l.recovered(now)
	case errors.Is(err, ErrNotDecider):
		l.endWith(errNotDecider.Because(err))
	case errors.Is(err, ErrCommitUnknown):
		// Whether the mark moved is of no interest, but the store takes nothing more until it is reopened.
		l.failed(now, err)
		if _, err := l.reopen(g); err != nil {
			l.giveUp(err)
		}
	default:
		l.failed(now, err)
	}
}

// Step takes what is due and what waits, and carries it out as one group. It says whether there was anything to do. It must not run concurrently with itself.
func (l *Ledger) Step() bool {
	if l.Err() != nil {
		return false
	}
	now := l.readClock()
	batch := l.take(now)
	if len(batch) == 0 && l.step() == 0 {
		return false
	}
	l.commitGroup(now, batch)
	return len(batch) > 0 // a step that could not be written is tried again with what comes next
}

func (l *Ledger) take(now time.Time) []waiting {
	var batch []waiting
	for len(l.deadlines) > 0 && !l.deadlines[0].At.After(now) && len(batch) < l.o.MaxGroup {
		d := heap.Pop(&l.deadlines).(Deadline)
		delete(l.scheduled, d)
		batch = append(batch, waiting{cmd: l.deadlineCommand(d), done: func(err error) { l.deadlineDone(d, err) }, due: &d})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	first := min(len(l.queue), l.o.MaxGroup-min(len(l.yielding), l.o.MaxGroup/yieldingShare))
	batch = moveFirst(batch, &l.queue, first)
	return moveFirst(batch, &l.yielding, min(len(l.yielding), l.o.MaxGroup-first))
}

// yieldingShare is the part of a group, one in so many, that commands that yield have in any case: however much goes first, they go on.
const yieldingShare = 4

// moveFirst takes the first n out of a queue.
func moveFirst(to []waiting, queue *[]waiting, n int) []waiting {
	q := *queue
	to = append(to, q[:n]...)
	rest := copy(q, q[n:])
	clear(q[rest:])
	*queue = q[:rest]
	return to
}

func (l *Ledger) deadlineCommand(d Deadline) Command {
	return CommandFunc(func(tx *Tx) error {
		if d.Kind == deadlineRestore {
			return l.restore(tx)
		}
		h := l.o.Deadlines[d.Kind]
		if h == nil {
			return fmt.Errorf("deadline of kind %q has no handler", d.Kind)
		}
		return h(tx, d.Key)
	})
}

// How long a deadline waits to be tried again after the store could not take it, and after its handler failed by itself: a conversation must not be stuck
// because of one bad moment.
const (
	deadlineRetry = time.Second
	deadlineFault = 30 * time.Second
)

// deadlineDone tries a deadline again when it could not be carried out.
func (l *Ledger) deadlineDone(d Deadline, err error) {
	if err == nil {
		return
	}
	l.o.Log.Error("a deadline could not be carried out", "kind", d.Kind, "key", d.Key, "error", err)
	wait := deadlineFault
	if problem.KindOf(err) == problem.Unavailable {
		wait = deadlineRetry
	}
	d.At = stored(l.o.Now().Add(wait))
	l.schedule(d)
}

// commitGroup applies the batch, commits, publishes and answers.
func (l *Ledger) commitGroup(now time.Time, batch []waiting) {
	tx, results := l.apply(now, batch)
	if tx.last < tx.first && len(tx.g.Refusals) == 0 && len(tx.g.ReplyUpdates) == 0 && l.nothingChanged(tx) {
		l.world().discardAll()
		answer(batch, results)
		l.after(tx)
		return
	}
	if tx.last < tx.first {
		tx.last = tx.first // a group needs a position to be named by
	}
	g := tx.finish()
	g.Nonce = l.nextNonce()
	err := l.store.Commit(context.Background(), g)
	switch {
	case err == nil:
		l.groups.Add(1)
		l.commands.Add(int64(len(batch)))
		l.publish(tx)
		answer(batch, results)
		l.after(tx)
	case errors.Is(err, ErrData):
		l.world().discardAll()
		l.retrySingly(now, batch, err)
	case errors.Is(err, ErrCommitUnknown):
		l.resolveUnknown(tx, g, batch, results, err)
	case errors.Is(err, ErrNotDecider):
		l.world().discardAll()
		answerAll(batch, errNotDecider.Because(err))
		l.endWith(errNotDecider.Because(err))
	default:
		l.world().discardAll()
		l.failed(now, err)
		answerAll(batch, errUnavailable.Because(err))
	}
}

// retrySingly carries out the commands of a group that failed on data one at a time, so that only the guilty one fails.
func (l *Ledger) retrySingly(now time.Time, batch []waiting, err error) {
	if len(batch) == 1 {
		l.o.Log.Error("the store refused a command's data", "command", fmt.Sprintf("%T", batch[0].cmd), "error", err)
		batch[0].done(errPoisoned.Because(err))
		return
	}
	for _, w := range batch {
		if l.Err() != nil {
			w.done(errNotDecider)
			continue
		}
		l.commitGroup(now, []waiting{w})
	}
}

func (l *Ledger) apply(now time.Time, batch []waiting) (*Tx, []error) {
	w := l.world()
	tx := &Tx{
		l: l, w: w, ctx: context.Background(), now: now, first: w.position + 1, last: w.position, policy: w.policy,
		keys: map[KeyRef]*KeyRow{}, born: map[deliveryKey]bool{}, byMessage: map[int64][]deliveryKey{},
		wakes: map[string]bool{}, outcomeIDs: map[[16]byte]bool{},
	}
	results := make([]error, len(batch))
	if err := l.prefetch(tx, batch); err != nil {
		l.failed(now, err)
		for i := range results {
			results[i] = errUnavailable.Because(err)
		}
		return tx, results
	}
	l.noteClock(tx)
	l.noteRecovery(tx)
	for i := range batch {
		results[i] = l.applyOne(tx, batch[i].cmd)
	}
	return tx, results
}

// prefetch looks up all senders' ids of the group at once.
func (l *Ledger) prefetch(tx *Tx, batch []waiting) error {
	var refs []KeyRef
	for _, w := range batch {
		if k, ok := w.cmd.(Keyed); ok {
			refs = append(refs, k.Keys()...)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	rows, err := l.store.Keys(tx.ctx, refs)
	if err != nil {
		return err
	}
	for _, r := range refs {
		tx.keys[r] = nil
	}
	for i := range rows {
		tx.keys[KeyRef{rows[i].Scope, rows[i].ID}] = &rows[i]
	}
	return nil
}

// applyOne applies a command and settles what it touched; an error or a panic undoes it.
func (l *Ledger) applyOne(tx *Tx, cmd Command) (err error) {
	tx.begin()
	defer func() {
		if r := recover(); r != nil {
			l.o.Log.Error("a command panicked", "command", fmt.Sprintf("%T", cmd), "panic", r, "stack", string(debug.Stack()))
			err = errPoisoned
		}
		if err != nil {
			tx.undo()
			err = l.publicError(cmd, err)
			return
		}
		tx.keep()
	}()
	if err := cmd.Apply(tx); err != nil {
		return err
	}
	return l.o.Settle(tx)
}

// publicError turns what is not a refusal into one: a failed read of the store is "unavailable", anything else a fault, logged here once.
func (l *Ledger) publicError(cmd Command, err error) error {
	if problem.As(err) != nil {
		return err
	}
	l.o.Log.Error("a command failed", "command", fmt.Sprintf("%T", cmd), "error", err)
	if errors.Is(err, ErrUnavailable) {
		return errUnavailable.Because(err)
	}
	return errPoisoned.Because(err)
}

func (l *Ledger) nothingChanged(tx *Tx) bool {
	w := tx.w
	return len(w.clients.group) == 0 && len(w.tokens.group) == 0 && len(w.browsers.group) == 0 && len(w.logins.group) == 0 && len(w.deliveries.group) == 0 &&
		len(w.conversations.group) == 0 && len(w.contacts.group) == 0 && len(tx.g.Attempts) == 0 &&
		len(tx.g.Uploads) == 0 && len(tx.g.Files) == 0 && tx.g.UploadsEnd.IsZero() &&
		len(tx.g.Visitors) == 0 && len(tx.g.Ratings) == 0 && len(tx.jobs) == 0
}

func answer(batch []waiting, results []error) {
	for i, w := range batch {
		w.done(results[i])
	}
}

func answerAll(batch []waiting, err error) {
	for _, w := range batch {
		w.done(err)
	}
}

// maxContacts bounds how many contacts are remembered. A contact that is looked at while it has nothing open stays otherwise until it has, and is done.
const maxContacts = 100_000

// publish makes the committed group what readers see.
func (l *Ledger) publish(tx *Tx) {
	w := tx.w
	w.mu.Lock()
	defer w.mu.Unlock()
	resolved := w.resolvedInGroup()
	handled := w.handledInGroup()
	over := w.endedInGroup()
	for _, t := range w.layers() {
		t.publish()
	}
	for _, id := range over {
		delete(w.browsers.base, id)
	}
	for _, id := range resolved {
		c := w.conversations.base[id]
		delete(w.conversations.base, id)
		delete(w.contacts.base, contactKey{c.Inbox, c.Contact})
	}
	if len(w.contacts.base) > maxContacts {
		clear(w.contacts.base) // what is needed again is read again
	}
	for _, e := range tx.entries {
		t := w.tails[e.Delivery.Account]
		if t == nil {
			t = &tail{}
			w.tails[e.Delivery.Account] = t
		}
		t.append(e)
	}
	for _, k := range handled {
		d := w.deliveries.base[k]
		if t := w.tails[k.account]; t != nil {
			t.update(*d)
		}
		w.noteReceived(d)
		if d.State != Queued {
			delete(w.deliveries.base, k)
		}
	}
	if tx.policy != w.policy {
		w.policy, w.policyAt, w.members = tx.policy, tx.now, memberships(tx.policy.Compile())
	}
	w.position, w.at = tx.last, tx.now
	for id := range tx.outcomeIDs {
		l.knownOutcomes.add(id)
	}
	l.lastNow, l.committedAt = tx.now, tx.now
	l.keepClock(tx)
}

func (w *World) resolvedInGroup() []int64 {
	var out []int64
	for id, c := range w.conversations.group {
		if c.Status == StatusResolved {
			out = append(out, id)
		}
	}
	return out
}

func (w *World) handledInGroup() []deliveryKey {
	var out []deliveryKey
	for k := range w.deliveries.group {
		out = append(out, k)
	}
	return out
}

// noteReceived keeps the newest message that an agent's client acknowledged.
func (w *World) noteReceived(d *DeliveryRow) {
	if d.Type == EntryMessage && !d.ReceivedAt.IsZero() && d.Sequence >= w.received[d.Account].Sequence {
		w.received[d.Account] = Receipt{d.Sequence, d.ReceivedAt}
	}
}

func (w *World) discardAll() {
	for _, t := range w.layers() {
		t.discard()
	}
}

// after gives out deadlines, effects and wake-ups of a committed group.
func (l *Ledger) after(tx *Tx) {
	for _, d := range tx.deadlines {
		l.schedule(d)
	}
	l.tell(tx)
}

// tell gives out effects and wake-ups.
func (l *Ledger) tell(tx *Tx) {
	for _, f := range tx.effects {
		f()
	}
	if l.o.Wake != nil {
		for _, account := range tx.woken {
			l.o.Wake(account)
		}
	}
	if l.o.Changed != nil && (len(tx.g.Conversations) > 0 || len(tx.g.Messages) > 0 || len(tx.g.ReplyUpdates) > 0) {
		l.o.Changed()
	}
	l.published()
	if l.o.Heard != nil {
		for i := range tx.g.Conversations {
			l.o.Heard(tx.g.Conversations[i].Inbox, tx.g.Conversations[i].Contact)
		}
	}
}

// published tells readers that there may be something new.
func (l *Ledger) published() {
	if l.o.Published != nil {
		l.o.Published()
	}
}

// schedule adds a deadline unless the same one is there.
func (l *Ledger) schedule(d Deadline) {
	if !l.scheduled[d] {
		l.scheduled[d] = true
		heap.Push(&l.deadlines, d)
	}
}

// Statuses of a conversation.
const (
	StatusOpen     = "open"
	StatusResolved = "resolved"
)
