package bench

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/client"
)

// phrase is what customers write before the number of their message: about as long as what people write.
const phrase = "您好，我上周下的订单还没有收到，物流信息三天没有更新了，能帮我查一下吗？订单号是 "

// history is what senders were told, message by message. Messages have numbers from 0 in the order in which their senders made them; each is written by its
// sender, except for what clients add as atomics.
type history struct {
	company *company
	began   time.Time

	chunks [1 << 15]atomic.Pointer[[chunkSize]message]
	made   atomic.Int64

	told     atomic.Int64 // how many messages' senders were told
	shown    atomic.Int64 // how many messages some client has shown
	progress atomic.Int64 // when that changed last
	retries  atomic.Int64 // requests that had to be made again
}

const chunkSize = 1 << 13

// message is one that a sender made.
type message struct {
	customer int
	intended time.Duration // when it was to be sent, since the beginning
	answered time.Duration // when its sender was told, 0 for never
	told     told

	shown atomic.Int64 // when a client first showed it, since the beginning in nanoseconds; 0 for never
	acked atomic.Int64 // likewise when the acknowledgement was durable
}

// told is what a sender was told of a message.
type told struct {
	Message      string `json:"message"`
	Conversation string `json:"conversation"`
	Sequence     int64  `json:"sequence"`
	Status       string `json:"status"`
	Agent        string `json:"agent"`
}

func newHistory(c *company) *history { return &history{company: c, began: time.Now()} }

// now is the time since the beginning, never 0.
func (h *history) now() time.Duration { return max(time.Since(h.began), 1) }

// add makes a message of a customer. With more messages than the history has room for, about 250 million, ok is false.
func (h *history) add(customer int, intended time.Duration) (n int64, ok bool) {
	n = h.made.Add(1) - 1
	if n/chunkSize >= int64(len(h.chunks)) {
		return 0, false
	}
	at := &h.chunks[n/chunkSize]
	if at.Load() == nil {
		at.CompareAndSwap(nil, new([chunkSize]message))
	}
	m := h.message(n)
	m.customer, m.intended = customer, intended
	return n, true
}

// message is one that was added.
func (h *history) message(n int64) *message { return &h.chunks[n/chunkSize].Load()[n%chunkSize] }

// tell notes what the sender of a message was told.
func (h *history) tell(n int64, t told) {
	m := h.message(n)
	m.told, m.answered = t, h.now()
	h.told.Add(1)
	h.progress.Store(int64(h.now()))
}

// text is what a message says, and id its sender's id for it.
func (h *history) text(to []byte, n int64) []byte { return h.id(append(to, phrase...), n) }

func (h *history) id(to []byte, n int64) []byte {
	return strconv.AppendInt(append(append(to, h.company.run...), '-'), n, 10)
}

// find is the number of a message by its text; ok is false if nobody here has sent it.
func (h *history) find(text string) (n int64, ok bool) {
	rest, ok := strings.CutPrefix(text, phrase)
	if ok {
		rest, ok = strings.CutPrefix(rest, h.company.run+"-")
	}
	if rest == "" || rest[0] < '0' || rest[0] > '9' || rest[0] == '0' && len(rest) > 1 { // there is one way to write a number
		return 0, false
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	return n, ok && err == nil && n < h.made.Load()
}

// sight is one entry of a stream as a client has shown it.
type sight struct {
	event        string
	entry        int64
	withdraws    int64
	n            int64 // number of the message; -1 for what nobody here has sent
	message      string
	conversation string
	sequence     int64
	inbox        string
	contact      string
	automatic    bool // Bida itself wrote it to the customer
}

// view is what one agent's client was shown, in order.
type view struct {
	agent   int
	history *history

	mu     sync.Mutex
	sights []sight
	owed   []owed // shown and not yet acknowledged durably
}

type owed struct{ entry, n int64 }

// show adds an event.
func (v *view) show(e *client.Event) {
	s := sight{event: e.Event, entry: e.AgentSequence, withdraws: e.Withdraws, n: -1, message: e.Message, conversation: e.Conversation, sequence: e.Sequence,
		inbox: e.Inbox, contact: e.Contact, automatic: e.Kind == "auto_reply"}
	h := v.history
	now := int64(h.now())
	if n, ok := h.find(e.Text); ok && e.Event == client.EventMessage {
		s.n = n
		if h.message(n).shown.CompareAndSwap(0, now) {
			h.shown.Add(1)
		}
	}
	h.progress.Store(now)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sights = append(v.sights, s)
	if s.n >= 0 {
		v.owed = append(v.owed, owed{s.entry, s.n})
	}
}

// durable notes that everything up to an entry is acknowledged.
func (v *view) durable(entry int64) {
	now := int64(v.history.now())
	v.mu.Lock()
	defer v.mu.Unlock()
	done := 0
	for ; done < len(v.owed) && v.owed[done].entry <= entry; done++ {
		v.history.message(v.owed[done].n).acked.CompareAndSwap(0, now)
	}
	v.owed = v.owed[done:]
}
