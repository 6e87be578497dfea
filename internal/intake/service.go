package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// MaxBatch is how many messages a batch has at most.
const MaxBatch = 512

// Reader reads messages back. Not found is ledger.ErrNotFound.
type Reader interface {
	Message(ctx context.Context, position int64) (ledger.MessageRow, error)
	Outcomes(ctx context.Context, id [16]byte) ([]byte, error)
	QuarantineOf(ctx context.Context, messages []int64) ([]ledger.QuarantineRow, error)
}

// Options configure a Service. Ledger and Reader are required.
type Options struct {
	Ledger *ledger.Ledger
	Reader Reader
	Now    func() time.Time
	// Location is the zone in which summaries tell times; nil for UTC, which is then said. It must not change while answers are to be repeated.
	Location *time.Location
	Limits   Limits
	// Open says why nothing new may come in now, as an error that is answered; nil or an answer of nil: it may.
	Open func() error
	Log  *slog.Logger
}

// Service takes messages in. See the package comment.
type Service struct {
	o    Options
	flow flow
	log  refusals
	busy *limit.Limiter // lines of the log about what was too much

	mu   sync.Mutex
	seen map[[16]byte][]byte // outcome sets
}

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Location != nil && o.Location.String() == time.UTC.String() {
		o.Location = nil
	}
	s := &Service{o: o, flow: newFlow(o), busy: limit.NewLimiter(busyLines), seen: map[[16]byte][]byte{}}
	s.log = refusals{submit: o.Ledger.Submit, now: o.Now, log: o.Log}
	return s
}

// Sender is who hands messages in, and the language of the answer.
type Sender struct {
	Account, Lang string
	// Uploader is who uploaded the attachments, as package attachment names it; "" for the account itself.
	Uploader string
	// ContactLang is "zh" or "en" where the contact itself asks; "" where a system does for it.
	ContactLang string
}

func (s Sender) uploader() string {
	if s.Uploader != "" {
		return s.Uploader
	}
	return attachment.AccountOwner(s.Account)
}

var (
	errUnknownInbox = problem.New(problem.NotFound, codeUnknownInbox, "There is no such inbox.", "没有这个接待渠道。").On("/inbox")
	errGone         = problem.New(problem.Unavailable, "system.cancelled", "The caller went away before the answer was known.", "请求方在得到答复前已断开。")
	errBatchSize    = problem.New(problem.TooLarge, codeTooLarge, "A batch has at most 512 messages.", "一批最多 512 条消息。").On("/messages")
)

// Receive takes one message in. When it returns without an error, the message is durable and decided. Every refusal is in the intake log by then, unless the
// store cannot be written.
func (s *Service) Receive(ctx context.Context, from Sender, inbox string, r Request) (Answer, error) {
	post, err := s.prepare(from, inbox, &r)
	if err == nil {
		err = s.store(ctx, from, post)
	}
	if err != nil {
		s.Refused(ctx, Refusal{Inbox: inbox, SenderID: r.ID, Account: from.Account}, err)
		return Answer{}, err
	}
	return s.answer(ctx, post, from.Lang)
}

func (s *Service) prepare(from Sender, inbox string, r *Request) (*conversation.Post, error) {
	set := s.o.Ledger.Policy()
	if set.Compile().Inboxes[inbox] == nil {
		return nil, errUnknownInbox
	}
	now := s.o.Now()
	if err := s.flow.allow(from.Account, inbox, now); err != nil {
		return nil, err
	}
	p, err := r.post(from, inbox, now.UTC().Truncate(time.Microsecond))
	if err == nil {
		p.Match(set)
	}
	return p, err
}

// submit hands a message to the ledger if it may wait there. done is called once, by whoever refuses it or by the ledger; it must not block.
func (s *Service) submit(from Sender, p *conversation.Post, cmd ledger.Command, done func(error)) {
	size := int64(len(p.Text) + overhead)
	if err := s.flow.enter(from.Account, size); err != nil {
		s.flow.disallow(from.Account, p.Inbox)
		done(err)
		return
	}
	s.o.Ledger.Submit(cmd, func(err error) {
		s.flow.leave(from.Account, size)
		done(err)
	})
}

// store hands a message to the ledger and waits. If ctx has ended, it is not stored; if ctx ends meanwhile, it may be.
func (s *Service) store(ctx context.Context, from Sender, p *conversation.Post) error {
	if ctx.Err() != nil {
		return errGone.Because(ctx.Err())
	}
	done := make(chan error, 1)
	s.submit(from, p, p, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errGone.Because(ctx.Err())
	}
}

// batchRoom is for how many messages there must be room before a batch is looked at: to unfold one for the sake of a few rows costs more than it brings.
const batchRoom = 64

// Ready says, before a request is read, what it would be refused with as things stand; nil if it may be read. An overload must cost less than what it keeps
// from being done.
func (s *Service) Ready(from Sender, inbox string, batch bool) error {
	n := int64(1)
	if batch {
		n = min(batchRoom, s.flow.most)
	}
	return s.flow.ready(from.Account, inbox, n, s.o.Now())
}

// Waiting says how many messages wait for the ledger.
func (s *Service) Waiting() int64 { return s.flow.places.Held() }

func (s *Service) answer(ctx context.Context, p *conversation.Post, lang string) (Answer, error) {
	if rule := p.Rejected(); rule != "" {
		return Answer{}, rejected(p.Message, rule)
	}
	if !p.Duplicate {
		defer p.Decision.Free()
		return render(&p.Stored, &p.Decision, lang, s.o.Location), nil
	}
	a, err := s.stored(ctx, p.Message, lang)
	if errors.Is(err, ledger.ErrUnavailable) {
		err = problem.New(problem.Unavailable, "system.health.store", "This message was stored before, but its answer cannot be read now. Try again shortly.", "该消息此前已保存，但暂时无法读取结果，请稍后重试。").Because(err)
	}
	a.Duplicate = true
	return a, err
}

// Row is one message of a batch: what could be read of it, and what was wrong with reading it.
type Row struct {
	Request
	Err error // nil if it could be read
}

// Result is what became of one message of a batch.
type Result struct {
	Answer Answer
	Err    error
}

// ReceiveBatch takes up to MaxBatch messages in, each alone and in order: results are in the order of the rows. After a row that was turned away because
// Bida was busy or could not write, the rest is turned away too, so that no later message of a conversation overtakes an earlier one that is sent again.
func (s *Service) ReceiveBatch(ctx context.Context, from Sender, inbox string, rows []Row) ([]Result, error) {
	if len(rows) > MaxBatch {
		s.Refused(ctx, Refusal{Inbox: inbox, Account: from.Account}, errBatchSize)
		return nil, errBatchSize
	}
	if s.o.Ledger.Policy().Compile().Inboxes[inbox] == nil {
		s.Refused(ctx, Refusal{Inbox: inbox, Account: from.Account}, errUnknownInbox)
		return nil, errUnknownInbox
	}
	b := &batch{results: make([]Result, len(rows)), commands: make([]*ordered, len(rows))}
	for i := range rows {
		b.add(s, i, from, inbox, &rows[i])
	}
	if err := b.wait(ctx); err != nil {
		return nil, err
	}
	logged := false
	for i := range rows {
		r := &b.results[i]
		if r.Err == nil {
			r.Answer, r.Err = s.answer(ctx, b.commands[i].Post, from.Lang)
			continue
		}
		logged = s.record(Refusal{Inbox: inbox, SenderID: rows[i].ID, Account: from.Account}, r.Err) || logged
	}
	if logged {
		s.log.wait(ctx)
	}
	return b.results, nil
}

// batch is a batch under way.
type batch struct {
	results  []Result
	commands []*ordered
	waiting  sync.WaitGroup

	mu     sync.Mutex
	first  int   // the first row that was turned away although it could be sent again
	reason error // why; nil while there is none
}

// ordered is a message that is not taken in when an earlier one of its batch was turned away.
type ordered struct {
	*conversation.Post
	batch *batch
	row   int
}

// Apply implements ledger.Command.
func (o *ordered) Apply(tx *ledger.Tx) error {
	if err := o.batch.turnedAway(o.row); err != nil {
		return err
	}
	return o.Post.Apply(tx)
}

// turnedAway says why a row must not be taken in.
func (b *batch) turnedAway(row int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reason != nil && row > b.first {
		return b.reason
	}
	return nil
}

// wait waits until every row was answered, or the caller is gone; what was given to the ledger may still be carried out then.
func (b *batch) wait(ctx context.Context) error {
	all := make(chan struct{})
	go func() {
		b.waiting.Wait() // ends: the ledger answers every command, when it stops at the latest
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return errGone.Because(ctx.Err())
	}
}

func (b *batch) add(s *Service, i int, from Sender, inbox string, row *Row) {
	err := row.Err
	if err == nil {
		err = b.turnedAway(i)
	}
	var post *conversation.Post
	if err == nil {
		post, err = s.prepare(from, inbox, &row.Request)
	}
	if err != nil {
		b.answer(i, err)
		return
	}
	b.commands[i] = &ordered{post, b, i}
	b.waiting.Add(1)
	s.submit(from, post, b.commands[i], func(err error) {
		b.answer(i, err)
		b.waiting.Done()
	})
}

// answer says what became of a row. From the first on that was turned away the others are too.
func (b *batch) answer(i int, err error) {
	if busy(err) {
		b.mu.Lock()
		if b.reason == nil || i < b.first {
			b.first, b.reason = i, err
		}
		b.mu.Unlock()
	}
	b.results[i].Err = err
}
