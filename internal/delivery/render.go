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
	case d.Type == ledger.EntryWithdrawal:
		ev.Event, ev.Withdraws = EventWithdrawn, d.Target
		ev.Code, ev.Reason = d.Code, words(d.Code, lang)
	case d.State == ledger.Withdrawn:
		ev.Event = EventTombstone
		ev.Code, ev.Reason = d.Code, words(d.Code, lang)
	case d.Type == ledger.EntryNotice:
		ev.Event, ev.Text = EventNotice, noticeText(m, lang)
	default:
		if cell := s.entitled(account, d); cell.Outcome.Stops() {
			ev.Event = EventTombstone
			ev.Code = reception.CodePushNotEntitled.String()
			ev.Reason = words(cell.Code.String(), lang)
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

// entitled asks, at the moment of the push, whether the agent may have the message.
func (s *Service) entitled(account string, d ledger.DeliveryRow) reception.Cell {
	c := s.o.Ledger.OpenConversation(d.Conversation)
	owner := c != nil && c.Owner == account
	return reception.Entitled(s.o.Ledger.Policy().Compile(), account, d.Inbox, d.Kind, owner, s.o.Now())
}

// noticeText chooses the language of a notice, which is stored in both.
func noticeText(m ledger.MessageRow, lang string) string {
	var texts map[string]any
	if err := json.Unmarshal(m.Data, &texts); err == nil {
		if t, ok := texts[lang].(string); ok {
			return t
		}
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
