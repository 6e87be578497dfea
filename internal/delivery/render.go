package delivery

import (
	"encoding/json"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// render turns an entry into what a client is shown now.
func (s *Service) render(account string, e ledger.Entry, lang string) Event {
	d, m := e.Delivery, e.Message
	ev := Event{
		AgentSequence: d.Sequence, Message: conversation.MessageID(d.Message), Sequence: m.Sequence, Inbox: d.Inbox, Kind: d.Kind, At: d.At,
		Attempt: attempt(d),
	}
	if d.Conversation != 0 {
		ev.Conversation = conversation.ID(d.Conversation)
	}
	switch {
	case d.Type == ledger.EntryTest: // also one that is over: who comes later passes it over
		ev.Event, ev.Client = EventTest, testOf(&m)
	case d.Type == ledger.EntryWithdrawal:
		ev.Event, ev.Withdraws = EventWithdrawn, d.Target
		ev.Code, ev.Reason = d.Code, words(d.Code, lang)
	case d.State == ledger.Withdrawn:
		ev.Event = EventTombstone
		ev.Code, ev.Reason = d.Code, words(d.Code, lang)
	case d.Type == ledger.EntryNotice:
		n := noticeOf(&m)
		if (n.Announcement != "" || n.Assignment != "") && s.withheld(account, d, &ev, lang) {
			return ev
		}
		ev.Event, ev.Text, ev.Conversation, ev.About = EventNotice, n.text(&m, lang), n.Assignment, n.About
	default:
		if s.withheld(account, d, &ev, lang) {
			return ev
		}
		ev.Event, ev.Text, ev.Contact, ev.Author = EventMessage, m.Text, m.Contact, m.Author
		if list, err := attachment.Of(&m); err == nil { // what cannot be read must not stop the stream; who opens the message is told
			for i := range list {
				ev.Attachments = append(ev.Attachments, list[i].File())
			}
		}
	}
	return ev
}

// attempt is the number of the try that this push is: one more than the failed ones, or the one that succeeded.
func attempt(d ledger.DeliveryRow) int {
	if d.State == ledger.Queued {
		return d.Attempts + 1
	}
	return max(d.Attempts, 1)
}

// withheld makes a tombstone of what the agent may not have any more.
func (s *Service) withheld(account string, d ledger.DeliveryRow, ev *Event, lang string) bool {
	cell := s.entitled(account, d)
	if !cell.Outcome.Stops() {
		return false
	}
	ev.Event, ev.Code, ev.Reason = EventTombstone, reception.CodePushNotEntitled.String(), words(cell.Code.String(), lang)
	return true
}

// entitled asks, at the moment of the push, whether the agent may have the message.
func (s *Service) entitled(account string, d ledger.DeliveryRow) reception.Cell {
	c := s.o.Ledger.OpenConversation(d.Conversation)
	owner := c != nil && c.Owner == account
	return reception.Entitled(s.o.Ledger.Policy().Compile(), account, d.Inbox, d.Kind, owner, s.o.Now())
}

// notice is what the stream shows of a notice or an announcement.
type notice struct {
	ZH, EN       string
	Announcement string // what is announced
	Assignment   string // the conversation that was handed over; a notice with neither is about one's own reception, which needs no right to receive
	About        string // what it is about, where that has a place of its own
}

func noticeOf(m *ledger.MessageRow) (n notice) {
	if err := json.Unmarshal(m.Data, &n); err != nil {
		return notice{} // its text is in the row, too
	}
	return n
}

// text chooses the language of a notice, which is stored in both.
func (n *notice) text(m *ledger.MessageRow, lang string) string {
	switch {
	case lang == "zh" && n.ZH != "":
		return n.ZH
	case lang == "en" && n.EN != "":
		return n.EN
	}
	return m.Text
}

// words says a reason code in a language.
func words(code, lang string) string {
	c, ok := reception.ParseCode(code)
	if !ok {
		return ""
	}
	return reception.Lookup(c).Title.In(lang)
}

// testOf is the client that a test is for.
func testOf(m *ledger.MessageRow) string {
	var data ledger.TestData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return "" // it is for nobody then, and the check says that it did not arrive
	}
	return data.Client
}
