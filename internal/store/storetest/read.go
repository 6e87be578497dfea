package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

var reads = []behaviour{
	{"finds the keys that exist among many", func(t *testing.T, s *subject) {
		s.commit(300, func(g *ledger.Group) {
			g.Keys = times(300, func(i int64) ledger.KeyRow {
				return ledger.KeyRow{Scope: fmt.Sprint("in/", i%3), ID: fmt.Sprint("号码", i), Position: i, Digest: [16]byte{byte(i), 1}, At: g.At}
			})
		})
		var refs []ledger.KeyRef
		for i := range int64(600) {
			refs = append(refs, ledger.KeyRef{Scope: fmt.Sprint("in/", i%3), ID: fmt.Sprint("号码", i)}, ledger.KeyRef{Scope: "out/1", ID: fmt.Sprint("号码", i)})
		}
		found := got(s.Keys(s.ctx(), refs))(t)
		slices.SortFunc(found, func(a, b ledger.KeyRow) int { return cmp.Compare(a.Position, b.Position) })
		if len(found) != 300 || found[0].Position != 1 || found[299].Digest != [16]byte{300 % 256, 1} {
			t.Errorf("found %d: %+v …", len(found), found[:min(2, len(found))])
		}
		same(t, "keys for nothing", got(s.Keys(s.ctx(), nil))(t), nil)
	}},
	{"says not found for what is not there", func(t *testing.T, s *subject) {
		ctx := s.ctx()
		m, err := s.Message(ctx, 7)
		missing(t, "message", m, err)
		m, err = s.MessageBySender(ctx, "web", "x")
		missing(t, "message by sender", m, err)
		c, err := s.Conversation(ctx, 7)
		missing(t, "conversation", c, err)
		contact, err := s.Contact(ctx, "web", "c")
		missing(t, "contact", contact, err)
		d, err := s.Delivery(ctx, "an", 1)
		missing(t, "delivery", d, err)
		r, err := s.Revision(ctx, 1)
		missing(t, "revision", r, err)
	}},
	{"fails when its context is over, and never answers empty", func(t *testing.T, s *subject) {
		ctx, cancel := context.WithCancel(s.ctx())
		cancel()
		for what, read := range map[string]func() error{
			"load":     func() error { _, err := s.Load(ctx); return err },
			"entries":  func() error { _, err := s.Entries(ctx, "an", 0, 9); return err },
			"message":  func() error { _, err := s.Message(ctx, 1); return err },
			"facts":    func() error { _, err := s.FactsAt(ctx, 1, nil); return err },
			"position": func() error { _, err := s.PositionAt(ctx, s.at); return err },
			"owner":    func() error { _, err := s.PreviousOwner(ctx, "web", "c", 1); return err },
		} {
			if err := read(); err == nil || errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}},
	{"pages through a conversation and an agent's entries", func(t *testing.T, s *subject) {
		s.commit(20, func(g *ledger.Group) {
			g.Messages = times(20, func(i int64) ledger.MessageRow { return message(i, 1+i%2, (i+1)/2) })
			g.Deliveries = times(20, func(i int64) ledger.DeliveryRow { return entry([]string{"an", "bo"}[i%2], (i+1)/2, i) })
			g.Conversations = []ledger.ConversationRow{{ID: 1, Status: "open"}}
		})
		var sequences, positions []int64
		for after := int64(0); ; {
			page := got(s.ConversationMessages(s.ctx(), 2, after, 3))(t)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				sequences, after = append(sequences, m.Sequence), m.Sequence
			}
		}
		same(t, "sequences", sequences, times(10, func(i int64) int64 { return i }))
		for after := int64(0); ; {
			page := got(s.Entries(s.ctx(), "bo", after, 4))(t)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				if e.Message.Position != e.Delivery.Message || e.Message.Text == "" || e.Message.Decision == nil {
					t.Errorf("entry %d comes with message %+v", e.Delivery.Sequence, e.Message)
				}
				positions, after = append(positions, e.Delivery.Message), e.Delivery.Sequence
			}
		}
		same(t, "positions", positions, times(10, func(i int64) int64 { return 2*i - 1 }))
		for _, limit := range []int{0, -1} {
			same(t, "messages with no room", got(s.ConversationMessages(s.ctx(), 2, 0, limit))(t), nil)
			same(t, "entries with no room", got(s.Entries(s.ctx(), "bo", 0, limit))(t), nil)
		}
	}},
	{"pages through a conversation backwards", func(t *testing.T, s *subject) {
		s.commit(14, func(g *ledger.Group) {
			g.Messages = times(14, func(i int64) ledger.MessageRow { return message(i, 1+i%2, (i+1)/2) })
			g.Conversations = []ledger.ConversationRow{{ID: 1, Status: "open"}}
		})
		var sequences []int64
		for before := int64(1) << 60; ; {
			page := got(s.MessagesBefore(s.ctx(), 2, before, 3))(t)
			if len(page) == 0 {
				break
			}
			for i, m := range page {
				if i > 0 && m.Sequence != page[i-1].Sequence+1 {
					t.Errorf("a page holds %d after %d", m.Sequence, page[i-1].Sequence)
				}
			}
			for _, m := range slices.Backward(page) {
				sequences, before = append(sequences, m.Sequence), m.Sequence
			}
		}
		same(t, "sequences", sequences, times(7, func(i int64) int64 { return 8 - i }))
		same(t, "messages with no room", got(s.MessagesBefore(s.ctx(), 2, 9, -1))(t), nil)
	}},
	{"previews many conversations by their last message", func(t *testing.T, s *subject) {
		long := strings.Repeat("长😀", ledger.PreviewLength)
		s.commit(900, func(g *ledger.Group) {
			for i := range int64(300) {
				c := ledger.ConversationRow{ID: 3*i + 1, Inbox: "web", Contact: fmt.Sprint("c", i), Status: "open", LastSequence: 3, Answered: i % 3}
				g.Conversations = append(g.Conversations, c)
				for n := range int64(3) {
					m := message(3*i+1+n, c.ID, n+1)
					m.Text, m.At = fmt.Sprint("text ", n+1), g.At
					g.Messages = append(g.Messages, m)
				}
			}
			last := &g.Messages[2]
			last.Direction, last.Kind, last.Author, last.Text, last.Decision = ledger.Note, "internal", "an", long, nil
			for _, i := range []int{8, 9, 10, 11} { // the last of one conversation, and all of another
				g.Messages[i].Direction, g.Messages[i].Kind, g.Messages[i].Decision = ledger.Outbound, "auto_reply", nil
			}
			g.Contacts = []ledger.ContactRow{{Inbox: "web", ID: "c0", Name: "王小明"}, {Inbox: "mail", ID: "c1", Name: "somebody else"}}
		})
		var ids []int64
		for i := range int64(300) {
			ids = append(ids, 3*i+1)
		}
		rows := got(s.Previews(s.ctx(), append(ids, 1, 2, 1<<40)))(t)
		slices.SortFunc(rows, func(a, b ledger.PreviewRow) int { return cmp.Compare(a.Conversation, b.Conversation) })
		if len(rows) != 300 {
			t.Fatalf("%d previews", len(rows))
		}
		same(t, "a note", rows[0], ledger.PreviewRow{Conversation: 1, Last: 3, ContactName: "王小明", Unanswered: 2, Since: s.at, Direction: ledger.Note, Kind: "internal", Author: "an",
			Text: string([]rune(long)[:ledger.PreviewLength]), At: s.at})
		same(t, "a message", rows[1], ledger.PreviewRow{Conversation: 4, Last: 3, Answered: 1, Unanswered: 2, Since: s.at, Direction: ledger.Inbound, Kind: "customer", Text: "text 3", At: s.at})
		same(t, "a message before an automatic reply", rows[2], ledger.PreviewRow{Conversation: 7, Last: 3, Answered: 2, Direction: ledger.Inbound, Kind: "customer", Text: "text 2", At: s.at})
		same(t, "nothing but automatic replies", rows[3], ledger.PreviewRow{Conversation: 10, Last: 3, Direction: ledger.Outbound, Kind: "auto_reply", Text: "text 3", At: s.at})
		same(t, "previews of nothing", got(s.Previews(s.ctx(), nil))(t), nil)
	}},
	{"lists resolved conversations, the last resolved first", func(t *testing.T, s *subject) {
		row := func(id, resolved int64, inbox, owner string) ledger.ConversationRow {
			return ledger.ConversationRow{ID: id, Inbox: inbox, Status: "resolved", LastOwner: owner, Resolved: resolved, Position: resolved}
		}
		s.commit(9, func(g *ledger.Group) {
			g.Conversations = []ledger.ConversationRow{row(1, 9, "web", "an"), row(2, 5, "web", "bo"), row(3, 7, "mail", "an"), {ID: 4, Inbox: "web", Status: "open", LastOwner: "an"}}
		})
		ids := func(inbox, owner string, before int64, limit int) (list []int64) {
			for _, c := range got(s.ResolvedConversations(s.ctx(), inbox, owner, before, limit))(t) {
				list = append(list, c.ID)
			}
			return list
		}
		same(t, "all", ids("", "", 0, 9), []int64{1, 3, 2})
		same(t, "page", ids("", "", 9, 1), []int64{3})
		same(t, "inbox", ids("web", "", 0, 9), []int64{1, 2})
		same(t, "owner", ids("", "an", 0, 9), []int64{1, 3})
		same(t, "both", ids("mail", "an", 9, 9), []int64{3})
		same(t, "with no room", ids("", "", 0, 0), nil)
		again := row(1, 0, "web", "an")
		again.Status = "open"
		s.commit(1, func(g *ledger.Group) { g.Conversations = []ledger.ConversationRow{again} })
		same(t, "after one was opened again", ids("", "", 0, 9), []int64{3, 2})
	}},
	{"knows who was given a note in a conversation", func(t *testing.T, s *subject) {
		note := ledger.MessageRow{Position: 2, Direction: ledger.Note, Inbox: "web", Conversation: 1, Sequence: 2, Kind: "internal", Author: "an", Data: []byte(`{"to":["bo"]}`)}
		taken := entry("cy", 1, 2)
		taken.State, taken.WithdrawnAt = ledger.Withdrawn, s.at
		s.commit(2, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1), note}
			g.Deliveries = []ledger.DeliveryRow{entry("an", 1, 1), entry("bo", 1, 2), taken}
		})
		for account, want := range map[string]bool{"bo": true, "an": false, "cy": false, "no": false} {
			same(t, account, got(s.Mentioned(s.ctx(), 1, account))(t), want)
		}
		same(t, "in another conversation", got(s.Mentioned(s.ctx(), 2, "bo"))(t), false)
	}},
	{"shows withdrawals and notices in the stream, and withdrawals not among the deliveries of a message", func(t *testing.T, s *subject) {
		notice := ledger.MessageRow{Position: 2, Direction: ledger.Internal, Kind: "system", Author: "admin", Data: []byte(`{"zh":"接待设置已变更","en":"changed"}`)}
		taken := entry("an", 1, 1)
		taken.State, taken.Code, taken.WithdrawnAt = ledger.Withdrawn, "routing.accept_timeout", s.at
		withdrawal := ledger.DeliveryRow{Account: "an", Sequence: 3, Type: ledger.EntryWithdrawal, Message: 1, Conversation: 1, Inbox: "web", Kind: "customer",
			Target: 1, State: ledger.Queued, Code: "routing.accept_timeout", Position: 3, At: s.at}
		told := ledger.DeliveryRow{Account: "an", Sequence: 2, Type: ledger.EntryNotice, Message: 2, Kind: "system", State: ledger.Queued, Position: 2, At: s.at}
		lost := entry("an", 4, 99)
		s.commit(4, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1), notice}
			g.Deliveries = []ledger.DeliveryRow{taken, told, withdrawal, lost, entry("bo", 1, 1)}
		})
		entries := got(s.Entries(s.ctx(), "an", 0, 9))(t)
		same(t, "entries", entries, []ledger.Entry{
			{Delivery: taken, Message: message(1, 1, 1)}, {Delivery: told, Message: notice}, {Delivery: withdrawal, Message: message(1, 1, 1)}, {Delivery: lost}})
		same(t, "deliveries", got(s.DeliveriesOf(s.ctx(), 1))(t), []ledger.DeliveryRow{taken, entry("bo", 1, 1)})
		same(t, "queued", s.load().Deliveries, []ledger.DeliveryRow{told, withdrawal, lost, entry("bo", 1, 1)})
		same(t, "last sequences", s.load().Sequences, map[string]int64{"an": 4, "bo": 1})
	}},
	{"knows again what each agent received last: the newest message that was acknowledged, whatever became of it since", func(t *testing.T, s *subject) {
		given := func(account string, sequence int64, typ ledger.EntryType, received int, state ledger.DeliveryState) ledger.DeliveryRow {
			d := entry(account, sequence, sequence)
			d.Type, d.State = typ, state
			if received > 0 {
				d.ReceivedAt = s.at.Add(time.Duration(received) * time.Second)
			}
			return d
		}
		same(t, "before there is anything", s.load().Received, map[string]ledger.Receipt{})
		s.commit(9, func(g *ledger.Group) {
			g.Deliveries = []ledger.DeliveryRow{
				given("an", 1, ledger.EntryMessage, 9, ledger.Received), given("an", 2, ledger.EntryMessage, 5, ledger.Withdrawn), given("an", 3, ledger.EntryNotice, 7, ledger.Received),
				given("an", 4, ledger.EntryMessage, 0, ledger.Queued), given("bo", 1, ledger.EntryNotice, 3, ledger.Received), given("cy", 1, ledger.EntryMessage, 0, ledger.Withdrawn),
				given("dee", 1, ledger.EntryMessage, 4, ledger.Accepted),
			}
		})
		want := map[string]ledger.Receipt{"an": {Sequence: 2, At: s.at.Add(5 * time.Second)}, "dee": {Sequence: 1, At: s.at.Add(4 * time.Second)}}
		same(t, "last received", s.load().Received, want)
		s.commit(1, func(g *ledger.Group) {
			g.DeliveryEdits = []ledger.DeliveryRow{given("an", 4, ledger.EntryMessage, 8, ledger.Seen)}
		})
		want["an"] = ledger.Receipt{Sequence: 4, At: s.at.Add(8 * time.Second)}
		same(t, "last received", s.load().Received, want)
		s.again()
		same(t, "last received", s.load().Received, want)
	}},
	{"reads what a contact wrote and the replies to it, over all its conversations, forwards and backwards", func(t *testing.T, s *subject) {
		letter := func(position, conversation, sequence int64, contact string, direction ledger.Direction) ledger.MessageRow {
			m := message(position, conversation, sequence)
			m.Contact, m.Direction = contact, direction
			return m
		}
		s.commit(12, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{
				letter(1, 1, 1, "c", ledger.Inbound), letter(2, 2, 1, "d", ledger.Inbound), letter(3, 1, 2, "c", ledger.Outbound),
				letter(4, 1, 3, "c", ledger.Internal), letter(5, 3, 1, "c", ledger.Inbound), letter(6, 4, 1, "c", ledger.Inbound),
				letter(7, 3, 2, "c", ledger.Outbound), letter(8, 2, 2, "d", ledger.Outbound), letter(9, 3, 3, "c", ledger.Inbound),
				{Position: 10, Direction: ledger.Internal, Kind: "system"},
			}
			g.Messages[5].Inbox = "mail"
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "resolved"}, {ID: 2, Inbox: "web", Contact: "d", Status: "open"},
				{ID: 3, Inbox: "web", Contact: "c", Status: "open"}, {ID: 4, Inbox: "mail", Contact: "c", Status: "open"}}
		})
		positions := func(rows []ledger.MessageRow) (list []int64) {
			for _, m := range rows {
				list = append(list, m.Position)
			}
			return list
		}
		for _, x := range []struct {
			after, before int64
			limit         int
			want          []int64
		}{
			{after: 0, limit: 9, want: []int64{1, 3, 5, 7, 9}}, {after: 1, limit: 2, want: []int64{3, 5}}, {after: 9, limit: 9}, {after: 0, limit: 0},
		} {
			same(t, fmt.Sprint("after ", x.after), positions(got(s.ContactMessages(s.ctx(), "web", "c", x.after, x.limit))(t)), x.want)
		}
		for before, want := range map[int64][]int64{0: {7, 9}, 9: {5, 7}, 3: {1}, 1: nil} {
			same(t, fmt.Sprint("before ", before), positions(got(s.ContactMessagesBefore(s.ctx(), "web", "c", before, 2))(t)), want)
		}
		same(t, "of nobody", got(s.ContactMessages(s.ctx(), "", "", 0, 9))(t), nil)
		found := got(s.ContactConversations(s.ctx(), "web", "c", 9))(t)
		if len(found) != 2 || found[0].ID != 3 || found[1].ID != 1 {
			t.Errorf("conversations: %+v", found)
		}
	}},
	{"marks the replies to one contact and leaves those to others", func(t *testing.T, s *subject) {
		reply := func(position int64, inbox, contact string) ledger.MessageRow {
			return ledger.MessageRow{Position: position, Direction: ledger.Outbound, Inbox: inbox, Contact: contact, Conversation: position, Sequence: 1, ReplyState: ledger.ReplySent}
		}
		s.commit(6, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{reply(1, "web", "c"), reply(2, "web", "d"), reply(3, "web", "c"), reply(4, "mail", "c"), reply(5, "web", "c")}
		})
		at := s.at
		states := func(what string, want ...ledger.ReplyState) {
			t.Helper()
			for i, state := range want {
				if m := got(s.Message(s.ctx(), int64(i)+1))(t); m.ReplyState != state {
					t.Errorf("%s: reply %d is %s", what, i+1, m.ReplyState)
				}
			}
		}
		const sent, delivered = ledger.ReplySent, ledger.ReplyDelivered
		update := func(u ledger.ReplyUpdate) {
			s.commit(1, func(g *ledger.Group) { u.State, u.At = delivered, at; g.ReplyUpdates = []ledger.ReplyUpdate{u} })
		}
		update(ledger.ReplyUpdate{Inbox: "web", Contact: "c", UpTo: 3})
		states("up to 3", delivered, sent, delivered, sent, sent)
		update(ledger.ReplyUpdate{Inbox: "web", Contact: "c", After: 5, UpTo: 9})
		states("after 5", delivered, sent, delivered, sent, sent)
		update(ledger.ReplyUpdate{Inbox: "web", UpTo: 4}) // the whole inbox has a cursor of its own
		states("the inbox", delivered, delivered, delivered, sent, sent)
		update(ledger.ReplyUpdate{Inbox: "web", Contact: "c", After: 3, UpTo: 9})
		states("the rest", delivered, delivered, delivered, sent, delivered)
	}},
	{"keeps visitors and finds them by their token's hash alone, and keeps one rating of a conversation", func(t *testing.T, s *subject) {
		v := ledger.VisitorRow{ID: "v1", Inbox: "web", Hash: [32]byte{1, 2}, Name: "李雷", CreatedAt: s.at}
		one := ledger.RatingRow{Conversation: 7, Score: 2, Comment: "慢", FirstAt: s.at, At: s.at, Position: 1}
		s.commit(2, func(g *ledger.Group) { g.Visitors, g.Ratings = []ledger.VisitorRow{v}, []ledger.RatingRow{one} })
		s.refused(1, "another visitor with that hash", func(g *ledger.Group) { g.Visitors = []ledger.VisitorRow{{ID: "v2", Hash: v.Hash}} })
		s.refused(1, "another visitor with that id", func(g *ledger.Group) { g.Visitors = []ledger.VisitorRow{{ID: "v1", Hash: [32]byte{9}}} })
		one.Score, one.Comment, one.At, one.Position = 5, "", s.at.Add(time.Minute), 3
		s.commit(1, func(g *ledger.Group) {
			g.Ratings = []ledger.RatingRow{{Conversation: 7, Score: 1}, one, {Conversation: 8, Score: 4}}
		})
		s.again()
		same(t, "visitor", got(s.Visitor(s.ctx(), v.Hash))(t), v)
		none, err := s.Visitor(s.ctx(), [32]byte{2})
		missing(t, "visitor", none, err)
		same(t, "rating", got(s.Rating(s.ctx(), 7))(t), one)
		nothing, err := s.Rating(s.ctx(), 9)
		missing(t, "rating", nothing, err)
		if rows := got(s.Ratings(s.ctx(), append(times(400, func(i int64) int64 { return 100 + i }), 7, 8, 9)))(t); len(rows) != 2 {
			t.Errorf("ratings: %+v", rows)
		}
		same(t, "ratings of nothing", got(s.Ratings(s.ctx(), nil))(t), nil)
	}},
	{"finds a message by its sender's id", func(t *testing.T, s *subject) {
		s.commit(2, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1), message(2, 1, 2)}
			g.Keys = []ledger.KeyRow{{Scope: "in/web", ID: "id 2", Position: 2}, {Scope: "out/1", ID: "id 1", Position: 1}}
		})
		same(t, "message", got(s.MessageBySender(s.ctx(), "web", "id 2"))(t), message(2, 1, 2))
		for _, ref := range [][2]string{{"mail", "id 2"}, {"web", "id 1"}} {
			m, err := s.MessageBySender(s.ctx(), ref[0], ref[1])
			missing(t, "message of "+ref[0], m, err)
		}
	}},
	{"updates the replies of an inbox that are still sent", func(t *testing.T, s *subject) {
		reply := func(position int64, inbox string) ledger.MessageRow {
			return ledger.MessageRow{Position: position, Direction: ledger.Outbound, Inbox: inbox, Conversation: 1, Sequence: position, Kind: "customer",
				Author: "an", Text: "好的", ContactSequence: position, ReplyState: ledger.ReplySent}
		}
		s.commit(5, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{reply(1, "web"), reply(2, "mail"), reply(3, "web"), message(4, 1, 4), reply(5, "web")}
		})
		states := func() (list []ledger.ReplyState) {
			for _, m := range got(s.Replies(s.ctx(), "web", 0, 99))(t) {
				list = append(list, m.ReplyState)
			}
			return list
		}
		at := s.at.Add(time.Minute)
		s.commit(1, func(g *ledger.Group) {
			g.ReplyUpdates = []ledger.ReplyUpdate{{Inbox: "web", UpTo: 1, State: ledger.ReplyFailed, At: at, Detail: "45009 接口调用超过限制"}, {Inbox: "web", UpTo: 3, State: ledger.ReplyDelivered, At: at}}
		})
		same(t, "states", states(), []ledger.ReplyState{ledger.ReplyFailed, ledger.ReplyDelivered, ledger.ReplySent})
		failed := reply(1, "web")
		failed.ReplyState, failed.ReplyAt, failed.ReplyDetail = ledger.ReplyFailed, at, "45009 接口调用超过限制"
		same(t, "failed reply", got(s.Message(s.ctx(), 1))(t), failed)
		// An update of the same group reaches its replies; one far ahead does not keep later replies from being updated.
		s.commit(1, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{reply(7, "web")}
			g.ReplyUpdates = []ledger.ReplyUpdate{{Inbox: "web", UpTo: 1 << 60, State: ledger.ReplyDelivered, At: at}}
		})
		s.commit(1, func(g *ledger.Group) { g.Messages = []ledger.MessageRow{reply(8, "web")} })
		s.commit(1, func(g *ledger.Group) {
			g.ReplyUpdates = []ledger.ReplyUpdate{{Inbox: "web", UpTo: 8, State: ledger.ReplyFailed, At: at}}
		})
		same(t, "states later", states()[2:], []ledger.ReplyState{ledger.ReplyDelivered, ledger.ReplyDelivered, ledger.ReplyFailed})
		same(t, "other inbox", got(s.Message(s.ctx(), 2))(t).ReplyState, ledger.ReplySent)
		same(t, "page", len(got(s.Replies(s.ctx(), "web", 3, 2))(t)), 2)
	}},
	{"returns the newest later decisions of a conversation in order, and the journal in order", func(t *testing.T, s *subject) {
		all := times(6, func(i int64) ledger.DecisionRow {
			return ledger.DecisionRow{Position: i, Conversation: 1 + i%2, Message: 1, At: s.at, Revision: 3, Engine: "1 2026b", Cause: "presence", Verdict: "waiting",
				Code: "routing.nobody", Released: "an", ReleasedFor: "connection.lost", Held: "bo", Outcomes: [16]byte{byte(i)}}
		})
		s.commit(7, func(g *ledger.Group) {
			g.Decisions = all
			g.Messages = []ledger.MessageRow{message(7, 9, 1)}
		})
		same(t, "conversation", got(s.DecisionsOf(s.ctx(), 1, 2))(t), []ledger.DecisionRow{all[3], all[5]})
		same(t, "later", got(s.LaterDecisions(s.ctx(), 2, 5, 2))(t), all[2:4])
		same(t, "later to the end", got(s.LaterDecisions(s.ctx(), 2, 5, 9))(t), all[2:5])
		first := message(7, 9, 1)
		first.Text = ""
		same(t, "inside messages", got(s.DecidedMessages(s.ctx(), 6, 7, 9))(t), []ledger.MessageRow{first})
		same(t, "before", got(s.DecidedMessages(s.ctx(), 0, 6, 9))(t), nil)
	}},
	{"filters the intake log, newest first", func(t *testing.T, s *subject) {
		s.commit(1, func(g *ledger.Group) {
			g.Refusals = times(8, func(i int64) ledger.RefusalRow {
				return ledger.RefusalRow{At: g.At, Inbox: []string{"web", "mail"}[i%2], SenderID: fmt.Sprint("id", i%4), Account: "an", Code: "c", Field: "f", Detail: fmt.Sprint(i)}
			})
		})
		details := func(inbox, sender string, before int64, limit int) (list []string) {
			for _, r := range got(s.Refusals(s.ctx(), inbox, sender, before, limit))(t) {
				list = append(list, r.Detail)
			}
			return list
		}
		same(t, "all", details("", "", 0, 3), []string{"8", "7", "6"})
		same(t, "inbox", details("web", "", 0, 9), []string{"8", "6", "4", "2"})
		same(t, "sender", details("", "id3", 0, 9), []string{"7", "3"})
		same(t, "both", details("mail", "id3", 0, 9), []string{"7", "3"})
		id := got(s.Refusals(s.ctx(), "", "", 0, 9))(t)[1].ID
		same(t, "before", details("", "", id, 2), []string{"6", "5"})
	}},
	{"counts traffic by inbox and kind between two instants", func(t *testing.T, s *subject) {
		for i := range int64(4) {
			s.commit(1, func(g *ledger.Group) {
				m := message(g.First, 1, g.First)
				m.At, m.Kind = g.At, []string{"customer", "group"}[i/3]
				d := entry("an", i+1, g.First)
				d.At, d.Kind = g.At, m.Kind
				switch i {
				case 1:
					d.State, d.ReceivedAt = ledger.Withdrawn, g.At
				case 2:
					d.State = ledger.Seen
				}
				g.Messages, g.Deliveries = []ledger.MessageRow{m}, []ledger.DeliveryRow{d, {Account: "bo", Sequence: i + 1, Type: ledger.EntryNotice, At: g.At, Message: g.First}}
			})
		}
		at := func(i int) time.Time { return s.at.Add(time.Duration(i-4) * time.Second) }
		same(t, "traffic", got(s.Traffic(s.ctx(), "an", time.Time{}, time.Time{}))(t), []ledger.TrafficRow{
			{Inbox: "web", Kind: "customer", Pushed: 3, Received: 2, Withdrawn: 1}, {Inbox: "web", Kind: "group", Pushed: 1}})
		same(t, "traffic between", got(s.Traffic(s.ctx(), "an", at(2), at(4)))(t), []ledger.TrafficRow{
			{Inbox: "web", Kind: "customer", Pushed: 2, Received: 2, Withdrawn: 1}})
		same(t, "offered between", got(s.Offered(s.ctx(), at(3), time.Time{}))(t), []ledger.TrafficRow{
			{Inbox: "web", Kind: "customer", Offered: 1}, {Inbox: "web", Kind: "group", Offered: 1}})
		same(t, "traffic of notices", got(s.Traffic(s.ctx(), "bo", time.Time{}, time.Time{}))(t), nil)
		same(t, "offered later", got(s.Offered(s.ctx(), at(5), time.Time{}))(t), nil)
		// The clock is set back by an hour: what came before and after is counted by its own instant.
		s.at = s.at.Add(-time.Hour)
		s.commit(1, func(g *ledger.Group) {
			m, d := message(5, 1, 5), entry("an", 5, 5)
			m.At, d.At = g.At, g.At
			g.Messages, g.Deliveries = []ledger.MessageRow{m}, []ledger.DeliveryRow{d}
		})
		s.at = s.at.Add(time.Hour)
		same(t, "offered after the clock was set back", got(s.Offered(s.ctx(), at(2), time.Time{}))(t)[0].Offered, 1)
		same(t, "traffic after the clock was set back", got(s.Traffic(s.ctx(), "an", at(2), time.Time{}))(t)[0].Pushed, 1)
	}},
	{"returns the facts that held just before a position", func(t *testing.T, s *subject) {
		fact := func(subject, key string, from, to int64) ledger.FactRow {
			f := ledger.FactRow{Subject: subject, Name: "presence", Key: key, Value: []byte(`{"value":"away"}`), FromPosition: from, FromAt: s.at, By: "an", Source: "self", Cause: "break"}
			if to != 0 {
				f.ToPosition, f.ToAt, f.EndBy, f.EndCause = to, s.at.Add(time.Minute), "bo", "unknown"
			}
			return f
		}
		s.commit(9, func(g *ledger.Group) {
			g.Facts = []ledger.FactRow{fact("account/an", "", 2, 0), fact("account/bo", "", 3, 6), fact("account/bo", "", 6, 0), fact("system/disk", "", 4, 0)}
			g.FactEnds = []ledger.FactRow{{Subject: "account/an", Name: "presence", FromPosition: 2, ToPosition: 5, ToAt: s.at.Add(time.Minute), EndBy: "bo", EndCause: "unknown"}}
		})
		an, bo1, bo2, disk := fact("account/an", "", 2, 5), fact("account/bo", "", 3, 6), fact("account/bo", "", 6, 0), fact("system/disk", "", 4, 0)
		for position, want := range map[int64][]ledger.FactRow{
			2: {}, 3: {an}, 4: {an, bo1}, 5: {an, bo1, disk}, 6: {bo1, disk}, 7: {bo2, disk}, 1000: {bo2, disk}} {
			same(t, fmt.Sprint("all before ", position), got(s.FactsAt(s.ctx(), position, nil))(t), want)
		}
		same(t, "of some", got(s.FactsAt(s.ctx(), 5, []string{"system/disk", "account/an", "account/an", "account/no"}))(t), []ledger.FactRow{an, disk})
		same(t, "of none", got(s.FactsAt(s.ctx(), 5, []string{}))(t), nil)
		same(t, "held now", s.load().Facts, []ledger.FactRow{bo2, disk})
		many := times(300, func(i int64) string { return fmt.Sprint("account/", i) })
		same(t, "of many", got(s.FactsAt(s.ctx(), 5, append(many, "account/an")))(t), []ledger.FactRow{an})
	}},
	{"returns a subject's facts that touch an interval of instants", func(t *testing.T, s *subject) {
		base := s.at
		at := func(i int64) time.Time { return base.Add(time.Duration(i) * time.Minute) }
		fact := func(from, to int64) ledger.FactRow {
			f := ledger.FactRow{Subject: "account/an", Name: fmt.Sprint("n", 9-from), FromPosition: from, FromAt: at(from)}
			if to != 0 {
				f.ToPosition, f.ToAt = to, at(to)
			}
			return f
		}
		rows := []ledger.FactRow{fact(1, 3), fact(2, 0), fact(4, 5), fact(6, 7)}
		s.commit(9, func(g *ledger.Group) {
			g.Facts = append([]ledger.FactRow{{Subject: "account/bo", FromPosition: 1, FromAt: at(1)}}, rows...)
		})
		between := func(from, to time.Time, limit int) []ledger.FactRow {
			return got(s.FactsBetween(s.ctx(), "account/an", from, to, limit))(t)
		}
		same(t, "touching", between(at(3), at(4), 9), rows[:3])
		same(t, "limited", between(at(3), at(4), 2), rows[:2])
		same(t, "from", between(at(6), time.Time{}, 9), []ledger.FactRow{rows[1], rows[3]})
		same(t, "before", between(time.Time{}, at(0), 9), nil)
	}},
	{"returns assignments as they were, and who was the last owner", func(t *testing.T, s *subject) {
		row := func(conversation, from int64, account, inbox string, to int64) ledger.AssignmentRow {
			a := ledger.AssignmentRow{Conversation: conversation, FromPosition: from, Account: account, Inbox: inbox, Async: conversation == 3, FromAt: s.at, FromCode: "routing.least_loaded", FromBy: "bida"}
			if to != 0 {
				a.ToPosition, a.ToAt, a.ToCode, a.ToBy = to, s.at.Add(time.Minute), "presence.away", "bo"
			}
			return a
		}
		a1, b1, a2, a3 := row(1, 2, "an", "web", 5), row(1, 5, "bo", "web", 0), row(2, 3, "an", "web", 8), row(3, 4, "an", "mail", 0)
		s.commit(9, func(g *ledger.Group) {
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "open"}, {ID: 2, Inbox: "web", Contact: "d", Status: "resolved"},
				{ID: 3, Inbox: "mail", Contact: "c", Status: "open"}}
			open := a1
			open.ToPosition, open.ToAt, open.ToCode, open.ToBy = 0, time.Time{}, "", ""
			g.Assignments = []ledger.AssignmentRow{open, b1, a2, a3}
			g.AssignmentEnds = []ledger.AssignmentRow{{Conversation: 1, FromPosition: 2, Account: "ignored", ToPosition: 5, ToAt: a1.ToAt, ToCode: a1.ToCode, ToBy: a1.ToBy}}
		})
		for position, want := range map[int64][]ledger.AssignmentRow{2: {}, 3: {a1}, 5: {a1, a2, a3}, 6: {b1, a2, a3}, 8: {b1, a2, a3}, 9: {b1, a3}} {
			same(t, fmt.Sprint("all before ", position), got(s.AssignmentsAt(s.ctx(), position, nil))(t), want)
		}
		same(t, "of one", got(s.AssignmentsAt(s.ctx(), 6, []string{"an", "no"}))(t), []ledger.AssignmentRow{a2, a3})
		same(t, "of a conversation", got(s.AssignmentsOf(s.ctx(), 1))(t), []ledger.AssignmentRow{a1, b1})
		same(t, "last assigned before 3", got(s.LastAssignedAt(s.ctx(), 3, "web"))(t), map[string]int64{"an": 2})
		same(t, "last assigned", got(s.LastAssignedAt(s.ctx(), 99, "web"))(t), map[string]int64{"an": 3, "bo": 5})
		same(t, "last assigned nowhere", got(s.LastAssignedAt(s.ctx(), 99, "x"))(t), map[string]int64{})
		same(t, "last assigned now", s.load().LastAssigned, map[string]map[string]int64{"web": {"an": 3, "bo": 5}, "mail": {"an": 4}})
		for position, want := range map[int64]string{2: "", 3: "an", 5: "an", 6: "bo"} {
			same(t, fmt.Sprint("previous owner before ", position), got(s.PreviousOwner(s.ctx(), "web", "c", position))(t), want)
		}
		same(t, "previous owner of nobody", got(s.PreviousOwner(s.ctx(), "mail", "d", 99))(t), "")
	}},
	{"returns the position at an instant, also when the clock was set back", func(t *testing.T, s *subject) {
		first := s.commit(3, func(*ledger.Group) {})
		second := s.commit(2, func(*ledger.Group) {})
		position := func(at time.Time) int64 { return got(s.PositionAt(s.ctx(), at))(t) }
		same(t, "before", position(first.At.Add(-time.Microsecond)), 0)
		same(t, "first", position(first.At), 3)
		same(t, "between", position(second.At.Add(-time.Microsecond)), 3)
		same(t, "now", position(second.At.Add(time.Hour)), 5)
		same(t, "began", got(s.Began(s.ctx()))(t), first.At)
		s.at = first.At.Add(-time.Hour)
		back := s.commit(1, func(*ledger.Group) {})
		same(t, "now, after the clock was set back", position(back.At), 6)
		same(t, "just after the clock was set back", position(back.At.Add(time.Minute)), 6)
		same(t, "before the clock was set back", position(back.At.Add(-time.Microsecond)), 0)
	}},
	{"keeps the versions of documents by revision", func(t *testing.T, s *subject) {
		doc := func(name string, from, to int64) ledger.DocumentRow {
			return ledger.DocumentRow{Kind: "team", Name: name, Spec: fmt.Appendf(nil, `{"title":"组 %d"}`, from), From: from, To: to}
		}
		revise := func(revision int64, fill func(g *ledger.Group)) {
			s.commit(1, func(g *ledger.Group) {
				g.Revisions = []ledger.RevisionRow{{Revision: revision, Position: g.First, At: g.At, By: "admin", Source: "api", Request: "r", Reason: "因为", Changes: []byte("[]")}}
				fill(g)
			})
		}
		revise(1, func(g *ledger.Group) { g.Documents = []ledger.DocumentRow{doc("a", 1, 0), doc("b", 1, 0)} })
		revise(2, func(g *ledger.Group) { g.Documents = []ledger.DocumentRow{doc("a", 2, 0)} })
		revise(3, func(g *ledger.Group) { g.DocumentEnds = []ledger.DocumentRow{{Kind: "team", Name: "b", To: 3}} })
		// Two revisions in one group: one ends a document, the next brings it back.
		s.commit(2, func(g *ledger.Group) {
			g.Revisions = []ledger.RevisionRow{{Revision: 4, Position: g.First}, {Revision: 5, Position: g.Last}}
			g.Documents = []ledger.DocumentRow{doc("a", 5, 0)}
			g.DocumentEnds = []ledger.DocumentRow{{Kind: "team", Name: "a", To: 4}}
		})
		for revision, want := range map[int64][]ledger.DocumentRow{0: {}, 1: {doc("a", 1, 2), doc("b", 1, 3)}, 2: {doc("a", 2, 4), doc("b", 1, 3)},
			3: {doc("a", 2, 4)}, 4: {}, 5: {doc("a", 5, 0)}} {
			same(t, fmt.Sprint("documents at ", revision), got(s.DocumentsAt(s.ctx(), revision))(t), want)
		}
		same(t, "versions", got(s.DocumentVersions(s.ctx(), "team", "a"))(t), []ledger.DocumentRow{doc("a", 1, 2), doc("a", 2, 4), doc("a", 5, 0)})
		same(t, "since", got(s.DocumentsSince(s.ctx(), 2))(t), []ledger.DocumentRow{doc("b", 1, 3), doc("a", 2, 4), doc("a", 5, 0)})
		state := s.load()
		same(t, "valid", state.Documents, []ledger.DocumentRow{doc("a", 5, 0)})
		same(t, "revision", state.Revision, 5)
		for position, want := range map[int64]int64{0: 0, 1: 1, 3: 3, 4: 4, 5: 5, 99: 5} {
			same(t, fmt.Sprint("revision after position ", position), got(s.RevisionAt(s.ctx(), position))(t), want)
		}
		revisions := func(before int64, limit int) (list []int64) {
			for _, r := range got(s.Revisions(s.ctx(), before, limit))(t) {
				list = append(list, r.Revision)
			}
			return list
		}
		same(t, "newest revisions", revisions(0, 2), []int64{5, 4})
		same(t, "revisions before", revisions(3, 9), []int64{2, 1})
		same(t, "reason", got(s.Revision(s.ctx(), 3))(t).Reason, "因为")
	}},
	{"returns the audit log and tokens newest first", func(t *testing.T, s *subject) {
		rows := []ledger.AuditRow{{Position: 1, At: s.at, By: "admin", Action: "token.create", Object: "t1", Revision: 4, Source: "api", Request: "r", Details: []byte(`{}`)},
			{Position: 2, Action: "first"}, {Position: 2, Action: "second"}, {Position: 3, Action: "last"}}
		token := func(id string, minute int) ledger.TokenRow {
			return ledger.TokenRow{ID: id, Account: "an", Hash: [32]byte{id[1]}, Label: "笔记本", CreatedAt: s.at.Add(time.Duration(minute) * time.Minute), CreatedBy: "admin", ExpiresAt: s.at}
		}
		revoked := token("t3", 3)
		revoked.RevokedAt, revoked.RevokedBy = s.at, "bo"
		s.commit(3, func(g *ledger.Group) {
			g.Audit = rows
			g.Tokens = []ledger.TokenRow{token("t1", 1), token("t2", 2), revoked}
		})
		same(t, "audit", got(s.Audit(s.ctx(), 0, 9))(t), []ledger.AuditRow{rows[3], rows[2], rows[1], rows[0]})
		same(t, "audit before", got(s.Audit(s.ctx(), 3, 2))(t), []ledger.AuditRow{rows[2], rows[1]})
		same(t, "tokens", got(s.TokensOf(s.ctx(), "an"))(t), []ledger.TokenRow{revoked, token("t2", 2), token("t1", 1)})
		same(t, "tokens of another", got(s.TokensOf(s.ctx(), "bo"))(t), nil)
		same(t, "valid tokens", s.load().Tokens, []ledger.TokenRow{token("t1", 1), token("t2", 2)})
	}},
	{"shows whole groups only to readers while it commits", wholeGroups},
}

// wholeGroups commits groups of three messages each while readers look; every answer must be whole groups, and never less than an earlier one.
func wholeGroups(t *testing.T, s *subject) {
	const groups, size = 60, 3
	done := make(chan struct{})
	var readers sync.WaitGroup
	read := func(what string, count func() (int, error)) {
		readers.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				n, err := count()
				if err != nil || n%size != 0 || n < last {
					t.Errorf("%s: %d after %d, %v", what, n, last, err)
					return
				}
				last = n
			}
		})
	}
	read("messages", func() (int, error) {
		rows, err := s.ConversationMessages(s.ctx(), 1, 0, 1000)
		return len(rows), err
	})
	read("entries", func() (int, error) {
		rows, err := s.Entries(s.ctx(), "an", 0, 1000)
		for _, e := range rows {
			if e.Message.Position == 0 {
				return 0, fmt.Errorf("entry %d without its message", e.Delivery.Sequence)
			}
		}
		return len(rows), err
	})
	for range groups {
		s.commit(size, func(g *ledger.Group) {
			g.Messages = times(size, func(i int64) ledger.MessageRow { return message(g.First+i-1, 1, g.First+i-1) })
			g.Deliveries = times(size, func(i int64) ledger.DeliveryRow { return entry("an", g.First+i-1, g.First+i-1) })
		})
	}
	close(done)
	readers.Wait()
}
