package diagnosis

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Ledger is the present. Package ledger's Ledger implements it.
type Ledger interface {
	View() *ledger.View
	// Agent returns what is known of an account; nil if nothing is.
	Agent(account string) *ledger.Agent
	// OpenConversations returns the open conversations that the filter accepts; they must not be changed.
	OpenConversations(keep func(*ledger.ConversationRow) bool) []*ledger.ConversationRow
	// Login returns an account's login data; ok is false if it has none.
	Login(account string) (row ledger.LoginRow, ok bool)
}

// Messages reads one message and what became of it. What does not exist is ledger.ErrNotFound.
type Messages interface {
	Message(ctx context.Context, position int64) (ledger.MessageRow, error)
	MessageBySender(ctx context.Context, inbox, senderID string) (ledger.MessageRow, error)
	DeliveriesOf(ctx context.Context, message int64) ([]ledger.DeliveryRow, error)
	Attempts(ctx context.Context, account string, sequence int64) ([]ledger.AttemptRow, error)
	DecisionsOf(ctx context.Context, conversation int64, limit int) ([]ledger.DecisionRow, error)
	Outcomes(ctx context.Context, id [16]byte) ([]byte, error)
}

// Flow reads many messages.
type Flow interface {
	NewestDeliveries(ctx context.Context, account string, position int64, limit int) ([]ledger.DeliveryRow, error)
	DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error)
	Traffic(ctx context.Context, account string, since, until time.Time) ([]ledger.TrafficRow, error)
	Offered(ctx context.Context, since, until time.Time) ([]ledger.TrafficRow, error)
	ConversationsOf(ctx context.Context, ids []int64) ([]ledger.ConversationRow, error)
	DeliveryLog(ctx context.Context, q ledger.DeliveryLogQuery) ([]ledger.DeliveryRow, error)
	Refusals(ctx context.Context, inbox, senderID string, before int64, limit int) ([]ledger.RefusalRow, error)
	RefusalLog(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalRow, error)
	RefusalCounts(ctx context.Context, q ledger.RefusalLogQuery) ([]ledger.RefusalCount, error)
}

// Facts reads facts as they were.
type Facts interface {
	ledger.PastReader
	FactsBetween(ctx context.Context, subject string, from, to time.Time, limit int) ([]ledger.FactRow, error)
	AssignmentsOf(ctx context.Context, conversation int64) ([]ledger.AssignmentRow, error)
	PositionAt(ctx context.Context, at time.Time) (int64, error)
	Began(ctx context.Context) (time.Time, error)
}

// Policies reads the policy as it was.
type Policies interface {
	DocumentsAt(ctx context.Context, revision int64) ([]ledger.DocumentRow, error)
	DocumentVersions(ctx context.Context, kind, name string) ([]ledger.DocumentRow, error)
	DocumentsSince(ctx context.Context, revision int64) ([]ledger.DocumentRow, error)
	Revision(ctx context.Context, revision int64) (ledger.RevisionRow, error)
	RevisionAt(ctx context.Context, position int64) (int64, error)
	Revisions(ctx context.Context, before int64, limit int) ([]ledger.RevisionRow, error)
	TokensOf(ctx context.Context, account string) ([]ledger.TokenRow, error)
}

// Deps is what a Service needs. Ledger, the readers and Now are required; a store of package store is every one of the readers.
type Deps struct {
	Ledger   Ledger
	Messages Messages
	Flow     Flow
	Facts    Facts
	Policies Policies
	Now      func() time.Time
	// Zone is the installation's local zone, in which reports show times; nil means Asia/Shanghai.
	Zone *time.Location
	// Offline says that all of it comes from a snapshot. Whoever has one may see all that is in it, so that nobody's rights are asked for. It has no texts and
	// only pseudonyms of customers, so that what a filter rule found in a message is not told, nor a change of the rule; and its documents are not whole, so that
	// fixes have no specs.
	Offline bool
}

// Service makes reports.
type Service struct {
	Deps
	zone   *time.Location
	sets   *sets
	placed *placements
}

// New makes a Service.
func New(d Deps) *Service {
	zone := d.Zone
	if zone == nil {
		zone = defaultZone()
	}
	return &Service{Deps: d, zone: zone, sets: newSets(), placed: &placements{}}
}

// defaultZone is the zone of the product's home. Package policy embeds the zone data, so it is known on every machine.
func defaultZone() *time.Location {
	if zone, err := time.LoadLocation("Asia/Shanghai"); err == nil {
		return zone
	}
	return time.UTC
}

// Query is a question: why does this agent (not) receive, in this inbox, this kind, this message, at this instant?
type Query struct {
	Agent   string // "" asks about a message and whoever could have it
	Inbox   string // "" for all that are open to the agent
	Kind    string // "" for all that the inboxes produce
	Message string // id of one message, "" for none
	// Sender is the id that the sender of a message gave it in Inbox: another way to name one, and the only one where the request was refused.
	Sender string
	// Excess asks the other way round: why does the agent get what it should not?
	Excess bool
	At     time.Time
	Lang   string // of Report.Next: "zh", or else English

	// AsRoles are roles that the agent is thought to have instead of its own, nil for its own; Suppose are documents that are thought to be otherwise, a nil
	// spec for one that is thought away. Nothing of that is written. See whatif.go.
	AsRoles []string
	Suppose []policy.Edit
}

// Refusals.
var (
	errForbidden = problem.New(problem.Forbidden, "diagnosis.forbidden",
		"You may not see this diagnosis: it needs the permission diagnosis.view, or diagnosis.self for yourself.",
		"您没有查看此诊断的权限：诊断他人需要 diagnosis.view，诊断自己需要 diagnosis.self。")
	errAgent   = problem.New(problem.NotFound, "diagnosis.unknown_agent", "There is no such account.", "没有这个账号。").On("/agent")
	errInbox   = problem.New(problem.NotFound, "diagnosis.unknown_inbox", "There is no such inbox.", "没有这个接待渠道。").On("/inbox")
	errMessage = problem.New(problem.NotFound, "diagnosis.unknown_message", "There is no such message.", "没有这条消息。").On("/message")
	errReply   = problem.New(problem.Invalid, "diagnosis.not_inbound",
		"This message did not come from a customer; only customers' messages are given to agents by a decision.",
		"这条消息不是客户发来的；只有客户来信才会按判定分给客服。").On("/message")
	errMessageInbox = problem.New(problem.Invalid, "diagnosis.message_inbox", "The message belongs to another inbox; leave the inbox out.", "这条消息属于另一个接待渠道，请去掉渠道条件。").On("/inbox")
	errMessageKind  = problem.New(problem.Invalid, "diagnosis.message_kind", "The message is of another kind; leave the kind out.", "这条消息属于另一种类型，请去掉类型条件。").On("/kind")
	errKind         = problem.New(problem.Invalid, "diagnosis.unknown_kind", "No inbox in question produces messages of this kind.", "所问的接待渠道都不产生此类消息。").On("/kind")
	errFuture       = problem.New(problem.Invalid, "diagnosis.future", "This instant lies in the future; diagnosis knows the present and the past.", "这个时间在将来；诊断只针对现在和过去。").On("/at")
	errTooEarly     = problem.New(problem.Invalid, "diagnosis.before_records", "The records begin later than this instant; what held then is not known.", "记录从更晚的时间才开始，当时的情况无从得知。").On("/at")
	errBeforeIt     = problem.New(problem.Invalid, "diagnosis.before_message", "The message came in later than this instant.", "这条消息是在该时间之后才收到的。").On("/at")
	errRead         = problem.New(problem.Unavailable, "diagnosis.unreadable", "The records cannot be read now; try again shortly.", "暂时无法读取记录，请稍后重试。")
)

// run is the making of one report.
type run struct {
	s   *Service
	q   Query
	ctx context.Context
	// whole says that the asker may see everything (diagnosis.view), settings that it may read documents (policy.view).
	whole, settings bool
	asker           string
	// rights are those of a reader that is thought of, in place of an asker's.
	rights *Rights
	// blind says that the records cannot be read.
	blind bool

	m moment
	// party are the accounts whose facts are needed, where that is not the agent alone.
	party func(set *policy.Set) []string
	// supposed is what is thought of, and already in m; nil where nothing is.
	supposed *supposed
	// lostAt is the last sign of life of the process that held the connection, where it is not known what became of it.
	lostAt time.Time
	// present is the policy in force, whatever moment is asked about.
	present *policy.Set
	// assignments are the conversations the agent owned, oldest first, where its load matters.
	assignments []ledger.AssignmentRow
	// noToken says that the agent has no token left to sign in with, and no password either; password that there is one.
	noToken, password bool
	history           *history
	cells             []cell
	// nowhere says that the agent belongs to no inbox: the one cell of the run stands for none.
	nowhere  bool
	findings []*finding
	entries  []entry
	day      day
	report   *Report
	// last is the policy with the steps that were carried out last.
	last struct {
		edits   []policy.Edit
		policy  *reception.Policy
		changes []policy.Change
	}
}

// Diagnose answers a query for somebody who asks. Errors are *problem.Error.
func (s *Service) Diagnose(ctx context.Context, asker string, q Query) (*Report, error) {
	_, report, err := s.report(ctx, asker, q)
	return report, err
}

// report makes a report, and gives the run that made it.
func (s *Service) report(ctx context.Context, asker string, q Query) (*run, *Report, error) {
	r := &run{s: s, q: q, ctx: ctx, asker: asker}
	report, err := r.diagnose()
	if err == nil || problem.As(err) != nil {
		return r, report, err
	}
	if ctx.Err() == nil && q.Message == "" && !q.Excess && q.At.IsZero() {
		again := r.blindly()
		if report, blindErr := again.diagnose(); blindErr == nil {
			return again, report, nil
		}
	}
	return nil, nil, errRead.Because(err)
}

func (r *run) diagnose() (*Report, error) {
	view := r.s.Ledger.View()
	r.present = view.Policy
	if err := r.authorize(view.Policy.Compile()); err != nil {
		return nil, err
	}
	if report, done, err := r.bySender(); done || err != nil {
		return report, err
	}
	if r.q.Excess {
		return r.aboutExcess(view)
	}
	if r.q.Message != "" {
		switch {
		case r.q.supposes():
			return nil, errSupposeMessage
		case r.q.Agent == "":
			return r.aboutAnybody(view)
		}
		return r.aboutMessage(view)
	}
	if err := r.resolve(view); err != nil {
		return nil, err
	}
	if err := r.suppose(); err != nil {
		return nil, err
	}
	if err := r.subject(); err != nil {
		return nil, err
	}
	if err := r.scope(); err != nil {
		return nil, err
	}
	return r.aboutReception()
}

// authorize decides by the present policy, whatever instant is asked about: a right that was lost is lost for the past, too.
func (r *run) authorize(p *reception.Policy) error {
	if r.s.Offline {
		r.whole, r.settings = true, true
		return nil
	}
	if r.rights != nil {
		r.whole, r.settings = r.rights.Whole, r.rights.Settings
		return nil
	}
	now := r.s.Now()
	r.whole = reception.Can(p, r.asker, policy.DiagnosisView, now)
	r.settings = r.whole && reception.Can(p, r.asker, policy.PolicyView, now)
	if r.q.supposes() && !reception.Can(p, r.asker, policy.PolicyView, now) {
		return errSuppose
	}
	if r.whole || r.asker != "" && r.asker == r.q.Agent && reception.Can(p, r.asker, policy.DiagnosisSelf, now) {
		return nil
	}
	return errForbidden
}
