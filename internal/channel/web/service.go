package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Options configure a Service. Ledger, Reader, Intake and Listeners are required.
type Options struct {
	Ledger    *ledger.Ledger
	Reader    Reader
	Intake    *intake.Service
	Listeners *Listeners
	Now       func() time.Time
	// Zone is the zone in which times are told where an inbox has no hours of its own; nil for UTC.
	Zone *time.Location
	// Limits are DefaultLimits if they are zero.
	Limits Limits
}

// Reader reads what visitors may see. Not found is ledger.ErrNotFound.
type Reader interface {
	ledger.VisitorReader
	Message(ctx context.Context, position int64) (ledger.MessageRow, error)
}

// Service is what visitors can do. See the package comment.
type Service struct {
	o Options

	visitors, messages, addressMessages, files, requests *limit.Limiter

	mu    sync.Mutex
	known map[[32]byte]Visitor
}

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	return &Service{
		o: o, known: map[[32]byte]Visitor{}, visitors: limit.NewLimiter(o.Limits.Visitors), messages: limit.NewLimiter(o.Limits.Messages),
		addressMessages: limit.NewLimiter(o.Limits.AddressMessages), files: limit.NewLimiter(o.Limits.Files), requests: limit.NewLimiter(o.Limits.Requests),
	}
}

// Allow counts a request from an address, and refuses it where there were too many.
func (s *Service) Allow(address string) error {
	if wait := s.requests.Take(limit.Network(address), s.o.Now()); wait > 0 {
		return errTooManyRequests.After(wait)
	}
	return nil
}

// maxMessageID is how long a visitor's own id of a message may be: it is stored behind the visitor's.
const maxMessageID = 96

var errMessageID = problem.New(problem.Invalid, "intake.invalid", "An id has at most "+strconv.Itoa(maxMessageID)+" bytes.", "id 最多 "+strconv.Itoa(maxMessageID)+" 字节。").On("/id")

// Letter is a message as a visitor hands it in.
type Letter struct {
	ID   string `json:"id" doc:"the visitor's own, once per message; sent again, it is the same message"`
	Text string `json:"text"`
	// Kind is one of the inbox's that senders may set.
	Kind string `json:"kind,omitempty" doc:"customer if it is left out; another kind that the inbox lists, such as group, opens a conversation of its own"`
	// Attachments are uploads of the visitor.
	Attachments []string `json:"attachments,omitempty" doc:"ids of the visitor's uploads, at most 10"`
}

// Taken says what became of a visitor's message.
type Taken struct {
	Message
	Sequence  int64
	Waiting   bool
	Notice    string
	Duplicate bool // the id was used before; this is the message it made
}

// senderID is what a visitor's id of a message is among all ids of the inbox: nobody can use up, or ask about, somebody else's.
func senderID(v Visitor, id string) string { return v.ID + "/" + id }

// Post takes a visitor's message in. When it returns without an error, the message is durable and decided.
func (s *Service) Post(ctx context.Context, v Visitor, address, lang string, l Letter) (Taken, error) {
	if err := s.admit(v, address, l.ID); err != nil {
		s.o.Intake.Refused(ctx, intake.Refusal{Inbox: v.Inbox, SenderID: senderID(v, l.ID), Address: limit.Network(address)}, err)
		return Taken{}, err
	}
	r := intake.Request{ID: senderID(v, l.ID), Contact: intake.Contact{ID: v.ID, Name: v.Name}, Kind: cmp.Or(l.Kind, kind), Text: l.Text, Attachments: l.Attachments}
	if l.ID == "" {
		r.ID = "" // which is refused in the words for it
	}
	a, err := s.o.Intake.Receive(ctx, intake.Sender{Lang: lang, Uploader: v.Owner(), ContactLang: lang}, v.Inbox, r)
	if problem.KindOf(err) == problem.Rejected {
		return Taken{}, errRejected // which rule it was is nothing for strangers
	}
	if err != nil {
		return Taken{}, err
	}
	position, ok := conversation.ParseID('m', a.Message)
	if !ok {
		return Taken{}, fmt.Errorf("message %q has no position", a.Message)
	}
	m, err := s.o.Reader.Message(ctx, position)
	if err != nil {
		return Taken{}, stored(err)
	}
	message, err := s.message(v, &m)
	if err != nil {
		return Taken{}, err
	}
	state, err := s.State(ctx, v, lang)
	if err != nil {
		return Taken{}, stored(err)
	}
	return Taken{
		Message: message, Sequence: a.Sequence, Waiting: state.Status == Waiting, Notice: state.Notice, Duplicate: a.Duplicate,
	}, nil
}

var errRejected = problem.New(problem.Rejected, "filter.rejected", "This message is not accepted here. Please put it in other words, or contact us in another way.", "这条消息无法受理，请换一种说法，或通过其他方式联系我们。")

// stored says that a message was taken in although its answer cannot be read.
func stored(err error) error {
	if !errors.Is(err, ledger.ErrUnavailable) {
		return err
	}
	return problem.New(problem.Unavailable, "system.health.store", "Your message was stored, but the answer cannot be read now. Send it again with the same id.", "您的消息已保存，但暂时无法读取结果，请用同一 id 重试。").Because(err)
}

// admit checks what needs no World.
func (s *Service) admit(v Visitor, address, id string) error {
	if len(id) > maxMessageID {
		return errMessageID
	}
	now := s.o.Now()
	if wait := s.messages.Take(v.ID, now); wait > 0 {
		return errTooManyMessages.After(wait)
	}
	if wait := s.addressMessages.Take(limit.Network(address), now); wait > 0 {
		s.messages.Return(v.ID)
		return errTooManyHere.After(wait)
	}
	return nil
}

// Message is a message as its visitor sees it.
type Message struct {
	Cursor int64  // position of the message: what comes after it is what the visitor has not
	ID     string // the visitor's own id; "" for replies, and for what another system handed in for this contact
	In     bool   // from the visitor
	Text   string
	At     time.Time
	Alias  string // outward name of the agent that replied, if there is one
	// Automatic says that no agent wrote it, but Bida itself.
	Automatic bool
	Files     []attachment.File
}

func (s *Service) message(v Visitor, m *ledger.MessageRow) (Message, error) {
	out := Message{Cursor: m.Position, In: m.Direction.FromCustomer(), Text: m.Text, At: m.At}
	files, err := attachment.Of(m)
	if err != nil {
		return out, err
	}
	for i := range files {
		out.Files = append(out.Files, files[i].File())
	}
	if out.In {
		if id, own := strings.CutPrefix(m.SenderID, senderID(v, "")); own {
			out.ID = id
		}
		return out, nil
	}
	out.Alias, out.Automatic = s.alias(m.Author), m.Kind == conversation.KindAutoReply
	return out, nil
}

// alias is an account's outward name; "" where it has none, or has left.
func (s *Service) alias(account string) string {
	spec, _ := s.o.Ledger.Policy().Account(account)
	return spec.Alias
}

var errCursor = problem.New(problem.Invalid, "request.invalid_cursor", "This cursor was not given out by this route.", "该游标不是由本接口给出的。").On("/after")

// checkCursor refuses a cursor from the future: whoever uses one would miss what comes until then.
func (s *Service) checkCursor(cursor int64) error {
	if cursor < 0 || cursor > s.o.Ledger.Position() {
		return errCursor
	}
	return nil
}

// After returns what follows a cursor, oldest first.
func (s *Service) After(ctx context.Context, v Visitor, after int64, limit int) ([]Message, error) {
	if err := s.checkCursor(after); err != nil {
		return nil, err
	}
	rows, err := s.o.Reader.ContactMessages(ctx, v.Inbox, v.ID, after, limit)
	return s.shown(v, rows, err)
}

// Before returns the last messages before a cursor (0: of all), oldest first.
func (s *Service) Before(ctx context.Context, v Visitor, before int64, limit int) ([]Message, error) {
	rows, err := s.o.Reader.ContactMessagesBefore(ctx, v.Inbox, v.ID, before, limit)
	return s.shown(v, rows, err)
}

func (s *Service) shown(v Visitor, rows []ledger.MessageRow, err error) ([]Message, error) {
	if err != nil {
		return nil, fmt.Errorf("messages of a visitor: %w", err)
	}
	rows = ledger.Published(s.o.Ledger, rows, func(m *ledger.MessageRow) int64 { return m.Position })
	list := make([]Message, len(rows))
	for i := range rows {
		if list[i], err = s.message(v, &rows[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

var errNoMessage = problem.New(problem.NotFound, "chat.message_not_found", "There is no such message of yours.", "没有您的这条消息。").On("/message")

// WithFiles finds a message that the visitor may see, for its files. For any other it says that there is none.
func (s *Service) WithFiles(ctx context.Context, v Visitor, id string) (*ledger.MessageRow, error) {
	position, ok := conversation.ParseID('m', id)
	if !ok {
		return nil, errNoMessage
	}
	m, err := s.o.Reader.Message(ctx, position)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("message %d: %w", position, err)
	}
	if err != nil || m.Inbox != v.Inbox || m.Contact != v.ID || !m.Direction.FromCustomer() && m.Direction != ledger.Outbound {
		return nil, errNoMessage
	}
	return &m, nil
}

// AdmitFile counts a file that a visitor is about to upload, and refuses it where there were too many.
func (s *Service) AdmitFile(address string) error {
	if wait := s.files.Take(limit.Network(address), s.o.Now()); wait > 0 {
		return errTooManyFiles.After(wait)
	}
	return nil
}

// seen is the command by which a visitor says that it has the replies up to a position: they are delivered.
type seen struct {
	visitor Visitor
	upTo    int64
}

// Apply implements ledger.Command.
func (c *seen) Apply(tx *ledger.Tx) error {
	contact, ok, err := tx.Contact(c.visitor.Inbox, c.visitor.ID)
	if err != nil || !ok || contact.Seen >= c.upTo {
		return err
	}
	tx.RepliesRead(ledger.ReplyUpdate{
		Inbox: c.visitor.Inbox, Contact: c.visitor.ID, After: contact.Seen, UpTo: c.upTo, State: ledger.ReplyDelivered, At: tx.Now(), Detail: "shown to the visitor",
	})
	next := *contact
	next.Seen = c.upTo
	tx.PutContact(next)
	return nil
}

// Seen records that a visitor has what lies at or before a cursor.
func (s *Service) Seen(ctx context.Context, v Visitor, cursor int64) error {
	if err := s.checkCursor(cursor); err != nil {
		return problem.As(err).On("/cursor")
	}
	return s.o.Ledger.Do(ctx, &seen{v, cursor})
}
