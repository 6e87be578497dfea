package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
)

// History is everything that could be seen from outside while the program ran. What is added to it is safe from many goroutines; the members may be read
// once everybody has stopped.
type History struct {
	mu      sync.Mutex
	Posts   []*Post
	Replies []*Reply
	Views   []*View
	// Sources is what the sender's side read of each inbox's replies while the program was being killed.
	Sources map[string][]ReplyLine
	Denials []Denial
	// Faults were noticed on the way: an answer that must not be given, a process that ended by itself.
	Faults []Fault
}

// Post is a message that a sender handed in, as often as it needed to be told what became of it.
type Post struct {
	Inbox, ID, Contact, Kind, Text string
	// Lane names posts that were made one after the other, each after the one before was answered; Place is the place in it.
	Lane  string
	Place int
	Told  []Told
}

// Told is a success that a sender was told.
type Told struct {
	Status       int      `json:"-"` // 201, 200, or 0 in a batch, which does not say
	Message      string   `json:"message"`
	Conversation string   `json:"conversation"`
	Sequence     int64    `json:"sequence"`
	Result       string   `json:"status"`
	Agent        string   `json:"agent"`
	Agents       []string `json:"agents"`
	Summary      string   `json:"summary"`
}

// Reply is an answer that an agent gave, as often as it needed to be told what became of it.
type Reply struct {
	Conversation, ID, Account, Text string
	Told                            []ReplyTold
	Refused                         int // with which status its writer was refused at the first try; 0 if it was not
}

// ReplyTold is a success that an agent was told.
type ReplyTold struct {
	Status          int    `json:"-"`
	Message         string `json:"message"`
	Conversation    string `json:"conversation"`
	Sequence        int64  `json:"sequence"`
	ContactSequence int64  `json:"contact_sequence"`
}

// View is what one client (its id stays the same over restarts of the program and of the client) was shown.
type View struct {
	Account, Client string
	First           int64 // the cursor that it began after
	Events          []client.Event
	// Lines says that the events are lines of bida listen, which leave out contact, code and what a withdrawal takes back.
	Lines bool
}

// Trace is the program's own account of a message.
type Trace struct {
	Message      string     `json:"message"`
	Conversation string     `json:"conversation"`
	Sequence     int64      `json:"sequence"`
	Inbox        string     `json:"inbox"`
	Stages       []Stage    `json:"stages"`
	Decision     *Decision  `json:"decision"`
	Decisions    []Decision `json:"decisions"`
	Deliveries   []Delivery `json:"deliveries"`

	Count int `json:"-"` // of the decisions; only the last ones are kept
}

// Stage is one step of a message's way.
type Stage struct {
	Stage  string    `json:"stage"`
	At     time.Time `json:"at"`
	Result string    `json:"result"`
	Agent  string    `json:"agent"`
}

// Span is a time in which an account's connection was as it was.
type Span struct {
	Value string     `json:"value"`
	From  time.Time  `json:"from"`
	To    *time.Time `json:"to"` // nil while it holds
	Cause string     `json:"cause"`
}

// Decision is a journal entry.
type Decision struct {
	Position int64    `json:"position"`
	Cause    string   `json:"cause"`
	Verdict  string   `json:"verdict"`
	Code     string   `json:"code"`
	Chosen   []string `json:"chosen"`
	Summary  string   `json:"summary"`
}

// Delivery is a message for one agent.
type Delivery struct {
	Agent         string `json:"agent"`
	AgentSequence int64  `json:"agent_sequence"`
	State         string `json:"state"`
	Code          string `json:"code"`
	Attempts      []Attempt
}

// Attempt is one try to push a delivery.
type Attempt struct {
	Connection string `json:"connection"`
	Result     string `json:"result"`
}

const withdrawn = "withdrawn"

// Conversation is one as the administrator sees it in the end.
type Conversation struct {
	ID       string   `json:"id"`
	Inbox    string   `json:"inbox"`
	Contact  string   `json:"contact"`
	Kind     string   `json:"kind"`
	Status   string   `json:"status"`
	Owner    string   `json:"owner"`
	Offered  []string `json:"offered"`
	Sequence int64    `json:"sequence"`
	Answered int64    `json:"answered"`
	Waiting  *Waiting `json:"waiting"`

	Messages []Message       `json:"-"`
	Raw      json.RawMessage `json:"-"`
}

// Waiting is why nobody has a conversation.
type Waiting struct {
	Code    string `json:"code"`
	Summary string `json:"summary"`
}

// Message is one message of a conversation.
type Message struct {
	ID        string `json:"id"`
	Sequence  int64  `json:"sequence"`
	Direction string `json:"direction"`
	Kind      string `json:"kind"`
	Text      string `json:"text"`
	SenderID  string `json:"sender_id"`
	Contact   string `json:"contact"`
	Author    string `json:"author"`
}

// ReplyLine is a reply as the sender's side reads it.
type ReplyLine struct {
	ID           string `json:"id"`
	Message      string `json:"message"`
	Conversation string `json:"conversation"`
	Contact      string `json:"contact"`
	Sequence     int64  `json:"sequence"`
	Text         string `json:"text"`
}

// Observed is what the program says in the end, when nothing moves any more.
type Observed struct {
	Traces        map[string]*Trace // by key of the post
	Conversations map[string]*Conversation
	Replies       map[string][]ReplyLine // by inbox
	Last          map[string]int64       // last agent_sequence by account
}

func (p *Post) key() string { return p.Inbox + "/" + p.ID }

// Fault is a promise that was broken, with what proves it.
type Fault struct {
	Rule     string
	Text     string
	Evidence any
	Post     *Post           // the message it is about, if it is about one
	Trace    json.RawMessage // of that message, whole
}

// String is the fault for a person.
func (f Fault) String() string {
	text := f.Rule + ": " + f.Text
	if f.Evidence == nil {
		return text
	}
	raw, err := json.Marshal(f.Evidence)
	if err != nil {
		return fmt.Sprintf("%s\n    %+v", text, f.Evidence)
	}
	text += "\n    " + bounded(raw)
	if f.Trace != nil {
		text += "\n    trace: " + bounded(f.Trace)
	}
	return text
}

// bounded leaves out the middle of what is too long: the beginning says what it is, the end what became of it.
func bounded(raw []byte) string {
	const most = 8000
	if len(raw) > most {
		return string(raw[:most/4]) + " … " + string(raw[len(raw)-most*3/4:])
	}
	return string(raw)
}

// fault notes something that was wrong on the way.
func (h *History) fault(rule string, evidence any, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Faults = append(h.Faults, Fault{Rule: rule, Text: fmt.Sprintf(format, args...), Evidence: evidence})
}

func (h *History) post(p *Post) *Post {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Posts = append(h.Posts, p)
	return p
}

// told notes a success; every one of the same id must be the same.
func (h *History) told(p *Post, t Told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.Told = append(p.Told, t)
}

func (h *History) reply(r *Reply) *Reply {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Replies = append(h.Replies, r)
	return r
}

func (h *History) repliedTold(r *Reply, t ReplyTold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Told = append(r.Told, t)
}

// repliedNot notes a refusal, after which nothing may be there.
func (h *History) repliedNot(r *Reply, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Refused = status
}

func (h *History) view(account, id string, lines bool) *View {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := &View{Account: account, Client: id, Lines: lines, First: -1}
	h.Views = append(h.Views, v)
	return v
}

// show adds an event to a view, and says how many there are.
func (h *History) show(v *View, e client.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.Events = append(v.Events, e)
}

// begin notes the cursor that a view begins after, once.
func (h *History) begin(v *View, cursor int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v.First < 0 {
		v.First = cursor
	}
}

// shown counts the events of all views.
func (h *History) shown() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, v := range h.Views {
		n += len(v.Events)
	}
	return n
}

// faults are what was wrong on the way so far.
func (h *History) faults() []Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.Faults)
}

func (h *History) source(inbox string, lines []ReplyLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Sources == nil {
		h.Sources = map[string][]ReplyLine{}
	}
	h.Sources[inbox] = append(h.Sources[inbox], lines...)
}
