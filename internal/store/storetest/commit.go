package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

var behaviours = slices.Concat(commits, reads, quarantines, autoReplies, checklists, helps, logs, traffics)

var commits = []behaviour{
	{"is empty when it is new", func(t *testing.T, s *subject) {
		want := &ledger.State{Sequences: map[string]int64{}, Received: map[string]ledger.Receipt{}, LastAssigned: map[string]map[string]int64{}}
		same(t, "state", s.load(), want)
		if p, err := s.PositionAt(s.ctx(), s.at); p != 0 || err != nil {
			t.Errorf("position: %d, %v", p, err)
		}
		began, err := s.Began(s.ctx())
		missing(t, "beginning", began, err)
	}},
	{"knows a group by its first position and its nonce", func(t *testing.T, s *subject) {
		g := s.next(3)
		check := func(first int64, nonce string, want bool) {
			t.Helper()
			if has := got(s.HasGroup(s.ctx(), first, nonce))(t); has != want {
				t.Errorf("group %d %q: %v", first, nonce, has)
			}
		}
		check(g.First, g.Nonce, false)
		must(t, s.Commit(s.ctx(), g))
		check(g.First, g.Nonce, true)
		check(g.First, "another", false)
		check(g.Last, g.Nonce, false)
		s.again()
		check(g.First, g.Nonce, true)
	}},
	{"refuses positions that were used, and groups without positions", func(t *testing.T, s *subject) {
		s.commit(5, func(*ledger.Group) {})
		for _, bad := range [][2]int64{{1, 1}, {5, 6}, {3, 9}, {0, 1}, {7, 6}, {-1, 8}} {
			s.refused(1, fmt.Sprint("positions ", bad), func(g *ledger.Group) { g.First, g.Last = bad[0], bad[1] })
		}
		s.position = 9 // positions may be left out
		s.commit(1, func(*ledger.Group) {})
		same(t, "position", s.load().Position, 10)
	}},
	{"refuses a group without an instant", func(t *testing.T, s *subject) {
		s.refused(1, "no instant", func(g *ledger.Group) { g.At = time.Time{} })
	}},
	{"keeps nothing of a group with one bad row", func(t *testing.T, s *subject) {
		s.commit(3, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1), message(2, 1, 2)}
			g.Keys = []ledger.KeyRow{{Scope: "in/web", ID: "x", Position: 1}}
			g.Deliveries = []ledger.DeliveryRow{entry("an", 1, 1)}
			g.Facts = []ledger.FactRow{{Subject: "account/an", Name: "presence", FromPosition: 3}}
			g.Assignments = []ledger.AssignmentRow{{Conversation: 1, FromPosition: 1, Account: "an", Inbox: "web"}}
			g.Tokens = []ledger.TokenRow{{ID: "t1", Account: "an", Hash: [32]byte{1}}}
			g.BrowserSessions = []ledger.BrowserSessionRow{{ID: "s1", Account: "an", Hash: [32]byte{1}}}
			g.Revisions = []ledger.RevisionRow{{Revision: 1, Position: 3}}
			g.Documents = []ledger.DocumentRow{{Kind: "team", Name: "a", From: 1}}
			g.Decisions = []ledger.DecisionRow{{Position: 3, Conversation: 1}}
			g.Attempts = []ledger.AttemptRow{{Account: "an", Sequence: 1, Number: 2}}
		})
		bad := map[string]func(g *ledger.Group){
			"message that exists":        func(g *ledger.Group) { g.Messages = append(g.Messages, message(2, 1, 9)) },
			"sequence that exists":       func(g *ledger.Group) { g.Messages = append(g.Messages, message(g.Last, 1, 2)) },
			"message twice":              func(g *ledger.Group) { g.Messages = append(g.Messages, g.Messages[0]) },
			"key that exists":            func(g *ledger.Group) { g.Keys = []ledger.KeyRow{{Scope: "in/web", ID: "x", Position: 4}} },
			"delivery that exists":       func(g *ledger.Group) { g.Deliveries = []ledger.DeliveryRow{entry("an", 1, 4)} },
			"edit of a missing delivery": func(g *ledger.Group) { g.DeliveryEdits = []ledger.DeliveryRow{entry("an", 2, 1)} },
			"attempt that exists":        func(g *ledger.Group) { g.Attempts = []ledger.AttemptRow{{Account: "an", Sequence: 1, Number: 2}} },
			"fact that exists": func(g *ledger.Group) {
				g.Facts = []ledger.FactRow{{Subject: "account/an", Name: "presence", FromPosition: 3}}
			},
			"end of a missing fact": func(g *ledger.Group) {
				g.FactEnds = []ledger.FactRow{{Subject: "account/an", Name: "presence", FromPosition: 2, ToPosition: 4}}
			},
			"assignment that exists":        func(g *ledger.Group) { g.Assignments = []ledger.AssignmentRow{{Conversation: 1, FromPosition: 1}} },
			"end of a missing assignment":   func(g *ledger.Group) { g.AssignmentEnds = []ledger.AssignmentRow{{Conversation: 2, FromPosition: 1}} },
			"decision that exists":          func(g *ledger.Group) { g.Decisions = []ledger.DecisionRow{{Position: 3, Conversation: 1}} },
			"document that began there":     func(g *ledger.Group) { g.Documents = []ledger.DocumentRow{{Kind: "team", Name: "a", From: 1}} },
			"end of a document that is not": func(g *ledger.Group) { g.DocumentEnds = []ledger.DocumentRow{{Kind: "team", Name: "b", To: 2}} },
			"revision that exists":          func(g *ledger.Group) { g.Revisions = []ledger.RevisionRow{{Revision: 1, Position: 4}} },
			"hash of another browser session": func(g *ledger.Group) {
				g.BrowserSessions = []ledger.BrowserSessionRow{{ID: "s2", Account: "bo", Hash: [32]byte{1}}}
			},
			"hash of another token":   func(g *ledger.Group) { g.Tokens = []ledger.TokenRow{{ID: "t2", Account: "bo", Hash: [32]byte{1}}} },
			"U+0000 in a text":        func(g *ledger.Group) { g.Messages[0].Text = "a\x00b" },
			"U+0000 in a nonce":       func(g *ledger.Group) { g.Nonce = "a\x00b" },
			"U+0000 in a refusal":     func(g *ledger.Group) { g.Refusals = []ledger.RefusalRow{{Detail: "\x00"}} },
			"invalid UTF-8 in a text": func(g *ledger.Group) { g.Messages[0].Text = "客\xe5" },
			"invalid UTF-8 in a document": func(g *ledger.Group) {
				g.Documents = []ledger.DocumentRow{{Kind: "team", Name: "b", From: 2, Spec: json.RawMessage("\"\xff\"")}}
			},
			"invalid UTF-8 in a list":         func(g *ledger.Group) { g.Conversations[0].Offered = []string{"a", "\xff"} },
			"invalid UTF-8 in a reply update": func(g *ledger.Group) { g.ReplyUpdates = []ledger.ReplyUpdate{{Inbox: "web", UpTo: 1, Detail: "\xff"}} },
		}
		for why, spoil := range bad {
			s.refused(2, why, func(g *ledger.Group) {
				g.Messages = []ledger.MessageRow{message(4, 1, 3), message(5, 1, 4)}
				g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "open"}}
				g.Logins = []ledger.LoginRow{{Account: "an", PasswordHash: "new"}}
				spoil(g)
			})
		}
		missingMessage, err := s.Message(s.ctx(), 4)
		missing(t, "message of a refused group", missingMessage, err)
		s.commit(2, func(g *ledger.Group) { g.Messages = []ledger.MessageRow{message(4, 1, 3)} })
	}},
	{"writes nothing for a context that is over", func(t *testing.T, s *subject) {
		ctx, cancel := context.WithCancel(s.ctx())
		cancel()
		g := s.next(1)
		if err := s.Commit(ctx, g); !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		must(t, s.Commit(s.ctx(), g))
	}},
	{"moves only the mark with an alive mark", func(t *testing.T, s *subject) {
		alive := s.at.Add(-time.Hour)
		must(t, s.Commit(s.ctx(), &ledger.Group{Alive: true, At: alive}))
		same(t, "mark before the first group", s.load().AliveAt, alive)
		g := s.commit(2, func(*ledger.Group) {})
		same(t, "mark older than the last group", s.load().AliveAt, g.At)
		alive = g.At.Add(time.Minute)
		must(t, s.Commit(s.ctx(), &ledger.Group{Alive: true, At: alive}))
		state := s.load()
		if state.AliveAt != alive || state.At != g.At || state.Position != 2 {
			t.Errorf("got %+v", state)
		}
		for why, g := range map[string]*ledger.Group{
			"positions": {Alive: true, At: alive, First: 3, Last: 3}, "rows": {Alive: true, At: alive, Logins: []ledger.LoginRow{{Account: "an"}}}} {
			if err := s.Commit(s.ctx(), g); !errors.Is(err, ledger.ErrData) {
				t.Errorf("alive mark with %s: %v", why, err)
			}
		}
	}},
	{"keeps browser sessions, the last of a group winning, and loads those that have not ended", func(t *testing.T, s *subject) {
		one := ledger.BrowserSessionRow{ID: "s1", Account: "an", Hash: [32]byte{1}, Since: s.at, RotatedAt: s.at, LastUsed: s.at, Idle: 7200, EndsAt: s.at.Add(time.Hour), Remote: "192.0.2.1", UserAgent: "浏览器"}
		two := ledger.BrowserSessionRow{ID: "s2", Account: "an", Hash: [32]byte{2}, EndsAt: s.at}
		s.commit(1, func(g *ledger.Group) { g.BrowserSessions = []ledger.BrowserSessionRow{one, two} })
		same(t, "sessions", s.load().BrowserSessions, []ledger.BrowserSessionRow{one, two})
		one.Previous, one.Hash, one.RotatedAt, one.ConfirmedAt = one.Hash, [32]byte{3}, s.at.Add(time.Minute), s.at.Add(2*time.Minute)
		between := one
		between.Hash = [32]byte{4}
		two.EndedAt, two.EndedBy, two.EndCause = s.at, "bo", "ended"
		s.commit(1, func(g *ledger.Group) { g.BrowserSessions = []ledger.BrowserSessionRow{between, two, one} })
		same(t, "sessions that go on", s.load().BrowserSessions, []ledger.BrowserSessionRow{one})
	}},
	{"replaces contacts, conversations, logins, tokens and clients, the last of a group winning", func(t *testing.T, s *subject) {
		s.commit(1, func(g *ledger.Group) {
			g.Contacts = []ledger.ContactRow{{Inbox: "web", ID: "c", Name: "old"}}
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "open", Owner: "an"}}
			g.Logins = []ledger.LoginRow{{Account: "an", PasswordHash: "old"}}
			g.Tokens = []ledger.TokenRow{{ID: "t", Account: "an", Hash: [32]byte{1}}}
			g.Clients = []ledger.ClientRow{{Account: "an", Client: "x", Cursor: 1}}
		})
		contact := ledger.ContactRow{Inbox: "web", ID: "c", Name: "王小姐", Position: 2, LastOwner: "an", Replies: 3, Seen: 1, Lang: "en"}
		conversation := ledger.ConversationRow{ID: 1, Inbox: "web", Contact: "c", Status: "open", Kind: "group", LastOwner: "an", LastSequence: 7, Delivered: 6,
			WaitingSince: 2, WaitingCode: "w", PassedOver: []string{"an", "bo"}, Accepted: true, AcceptBy: s.at, TurnSince: s.at, Overdue: true, OpenedAt: s.at, UpdatedAt: s.at, Position: 2}
		login := ledger.LoginRow{Account: "an", PasswordHash: "new", UpdatedAt: s.at, UpdatedBy: "bo"}
		token := ledger.TokenRow{ID: "t", Account: "an", Hash: [32]byte{2}, Label: "laptop", LastUsed: s.at}
		client := ledger.ClientRow{Account: "an", Client: "x", Cursor: 5, About: "web 1", UpdatedAt: s.at}
		s.commit(1, func(g *ledger.Group) {
			g.Contacts = []ledger.ContactRow{{Inbox: "web", ID: "c", Name: "between"}, contact}
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "resolved"}, conversation}
			g.Logins = []ledger.LoginRow{{Account: "an", PasswordHash: "between"}, login}
			g.Tokens = []ledger.TokenRow{{ID: "t", Account: "an", Hash: [32]byte{9}}, token}
			g.Clients = []ledger.ClientRow{{Account: "an", Client: "x", Cursor: 4}, client}
		})
		same(t, "contact", got(s.Contact(s.ctx(), "web", "c"))(t), contact)
		state := s.load()
		same(t, "conversations", state.Conversations, []ledger.ConversationRow{conversation})
		same(t, "logins", state.Logins, []ledger.LoginRow{login})
		same(t, "tokens", state.Tokens, []ledger.TokenRow{token})
		same(t, "clients", state.Clients, []ledger.ClientRow{client})
		// A status that changes goes another way than one that stays.
		conversation.Status, conversation.Owner = "resolved", "bo"
		s.commit(1, func(g *ledger.Group) { g.Conversations = []ledger.ConversationRow{conversation} })
		same(t, "resolved conversation", got(s.Conversation(s.ctx(), 1))(t), conversation)
		same(t, "open conversations", s.load().Conversations, nil)
	}},
	{"never changes the inbox and the contact of a conversation, nor what a delivery is about", func(t *testing.T, s *subject) {
		s.commit(2, func(g *ledger.Group) {
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "open"}}
			g.Messages = []ledger.MessageRow{message(1, 1, 1)}
			g.Deliveries = []ledger.DeliveryRow{entry("an", 1, 1)}
		})
		edit := ledger.DeliveryRow{Account: "an", Sequence: 1, Type: "notice", Message: 9, Inbox: "x", Kind: "x", Position: 9, State: ledger.Received,
			PushedAt: s.at, Connection: "c1", Client: "x", Result: "received", Attempts: 1, ReceivedAt: s.at, ReceivedBy: "x"}
		s.commit(1, func(g *ledger.Group) {
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "mail", Contact: "d", Status: "open", Owner: "an"}}
			g.DeliveryEdits = []ledger.DeliveryRow{edit}
		})
		same(t, "conversation", got(s.Conversation(s.ctx(), 1))(t), ledger.ConversationRow{ID: 1, Inbox: "web", Contact: "c", Status: "open", Owner: "an"})
		was := entry("an", 1, 1)
		edit.Type, edit.Message, edit.Conversation, edit.Inbox, edit.Kind, edit.Position, edit.At =
			was.Type, was.Message, was.Conversation, was.Inbox, was.Kind, was.Position, was.At
		same(t, "delivery", got(s.Delivery(s.ctx(), "an", 1))(t), edit)
		same(t, "queued", s.load().Deliveries, nil)
	}},
	{"replaces uploads, ends those that expire, and keeps the first row about a content", func(t *testing.T, s *subject) {
		upload := func(id, owner, digest string, size int64, until time.Time) ledger.UploadRow {
			return ledger.UploadRow{ID: id, Owner: owner, Digest: digest, Name: "照片.png", Type: "image/png", Size: size, Width: 640, Height: 480, At: s.at, ExpiresAt: until}
		}
		end := s.at.Add(time.Hour)
		kept := ledger.FileRow{Digest: "d1", Size: 7, Position: 1, At: s.at}
		s.commit(1, func(g *ledger.Group) {
			g.Uploads = []ledger.UploadRow{upload("u1", "account/an", "d1", 1, end), upload("u2", "account/an", "d2", 20, end.Add(time.Microsecond)),
				upload("u3", "visitor/web/v", "d3", 300, end), upload("u1", "account/an", "d1", 7, end)}
			g.Files = []ledger.FileRow{kept}
		})
		same(t, "upload", got(s.Upload(s.ctx(), "u1"))(t), upload("u1", "account/an", "d1", 7, end))
		count, size, err := s.UploadsOf(s.ctx(), "account/an")
		must(t, err)
		same(t, "uploads of an", [2]int64{count, size}, [2]int64{2, 27})
		s.commit(1, func(g *ledger.Group) {
			// What ends and is uploaded again in one group stays.
			g.UploadsEnd, g.Uploads = end, []ledger.UploadRow{upload("u3", "visitor/web/v", "d3", 300, end.Add(time.Hour))}
			g.Files = []ledger.FileRow{{Digest: "d1", Size: 7, Position: 2, At: s.at}, {Digest: "d4", Size: 1, Position: 2}}
		})
		gone, err := s.Upload(s.ctx(), "u1")
		missing(t, "an upload that expired", gone, err)
		same(t, "the one that expires a microsecond later", got(s.Upload(s.ctx(), "u2"))(t).Size, 20)
		same(t, "the one that was uploaded again", got(s.Upload(s.ctx(), "u3"))(t).ExpiresAt, end.Add(time.Hour))
		used := got(s.FilesInUse(s.ctx(), []string{"d5", "d4", "d3", "d2", "d1", "d1"}))(t)
		slices.Sort(used)
		same(t, "contents in use", used, []string{"d1", "d2", "d3", "d4"})
		same(t, "contents for nothing", got(s.FilesInUse(s.ctx(), nil))(t), nil)
		count, size, err = s.UploadsOf(s.ctx(), "nobody")
		must(t, err)
		same(t, "uploads of nobody", [2]int64{count, size}, [2]int64{})
	}},
	{"keeps jobs until they are done, and finds those that are due", func(t *testing.T, s *subject) {
		job := func(id string, due time.Duration) ledger.JobRow {
			return ledger.JobRow{ID: id, Kind: "sweep", Payload: json.RawMessage(`{"of":"m1"}`), CreatedAt: s.at, DueAt: s.at.Add(due)}
		}
		leased, dead, ran := job("b", -time.Minute), job("c", -time.Hour), job("d", -time.Second)
		leased.LeasedBy, leased.LeasedUntil = "run-1", s.at.Add(time.Minute)
		dead.Attempts, dead.FirstError, dead.FirstErrorAt, dead.LastError, dead.LastErrorAt, dead.DeadAt = 9, "erst", s.at, "zuletzt", s.at, s.at
		ran.DoneAt = s.at.Add(-time.Hour)
		s.commit(1, func(g *ledger.Group) {
			g.Jobs = []ledger.JobRow{job("a", time.Hour), leased, dead, ran, job("e", time.Hour), job("e", 0)}
		})
		same(t, "a job", got(s.Job(s.ctx(), "c"))(t), dead)
		same(t, "due", got(s.JobsDue(s.ctx(), s.at, 9))(t), []ledger.JobRow{ran, job("e", 0)})
		same(t, "the first due", got(s.JobsDue(s.ctx(), s.at, 1))(t), []ledger.JobRow{ran})
		same(t, "due when the lease is over", got(s.JobsDue(s.ctx(), s.at.Add(time.Minute), 1))(t), []ledger.JobRow{leased})
		same(t, "given up", got(s.Jobs(s.ctx(), true, "", 9))(t), []ledger.JobRow{dead})
		same(t, "a page", got(s.Jobs(s.ctx(), false, "b", 2))(t), []ledger.JobRow{dead, ran})
		s.commit(1, func(g *ledger.Group) { g.JobEnds, g.Jobs = []string{"c", "nobody"}, []ledger.JobRow{job("b", 0)} })
		gone, err := s.Job(s.ctx(), "c")
		missing(t, "a job that was deleted", gone, err)
		same(t, "a job without its lease", got(s.Job(s.ctx(), "b"))(t), job("b", 0))
		same(t, "no limit", got(s.JobsDue(s.ctx(), s.at, 0))(t), nil)
	}},
	{"keeps equal outcomes once", func(t *testing.T, s *subject) {
		a, b := [16]byte{1}, [16]byte{2}
		s.commit(1, func(g *ledger.Group) {
			g.Outcomes = []ledger.OutcomesRow{{ID: a, Content: []byte("first")}, {ID: b, Content: []byte{0, 1, 255}}, {ID: a, Content: []byte("again")}}
		})
		s.commit(1, func(g *ledger.Group) {
			g.Outcomes = []ledger.OutcomesRow{{ID: b, Content: []byte("later")}, {ID: [16]byte{3}, Content: nil}}
		})
		same(t, "first", got(s.Outcomes(s.ctx(), a))(t), []byte("first"))
		same(t, "second", got(s.Outcomes(s.ctx(), b))(t), []byte{0, 1, 255})
		same(t, "empty", got(s.Outcomes(s.ctx(), [16]byte{3}))(t), nil)
		none, err := s.Outcomes(s.ctx(), [16]byte{4})
		missing(t, "outcomes", none, err)
	}},
	{"reopens with all that was committed", func(t *testing.T, s *subject) {
		s.commit(2, func(g *ledger.Group) {
			g.Messages = []ledger.MessageRow{message(1, 1, 1)}
			g.Conversations = []ledger.ConversationRow{{ID: 1, Inbox: "web", Contact: "c", Status: "open"}}
			g.Deliveries = []ledger.DeliveryRow{entry("an", 1, 1)}
		})
		before := s.load()
		must(t, s.Reopen(s.ctx()))
		same(t, "state after Reopen", s.load(), before)
		s.commit(1, func(*ledger.Group) {})
		s.again()
		before.Position, before.At, before.AliveAt = 3, s.at, s.at
		same(t, "state after closing and opening", s.load(), before)
		same(t, "message", got(s.Message(s.ctx(), 1))(t).Text, message(1, 1, 1).Text)
	}},
	{"is unavailable when it is closed, and closes twice", func(t *testing.T, s *subject) {
		must(t, s.Close())
		must(t, s.Close())
		_, read := s.Message(s.ctx(), 1)
		_, load := s.Load(s.ctx())
		for what, err := range map[string]error{"commit": s.Commit(s.ctx(), s.next(1)), "read": read, "load": load, "reopen": s.Reopen(s.ctx())} {
			if !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}},
	{"keeps texts of any size and script exactly", func(t *testing.T, s *subject) {
		texts := []string{"", " ", "您好，我的订单还没到😀👩‍👩‍👧", strings.Repeat("中", 3334), strings.Repeat("x", 200_000), "'; DROP TABLE messages; --", "a\tb\r\nc\u2028\ufeff",
			"\u0001\u001f", "\U0010ffff", "?", "$1", `\`, `"{"`, "ｱ é é"}
		s.commit(int64(len(texts)), func(g *ledger.Group) {
			for i, text := range texts {
				m := message(int64(i)+1, 1, int64(i)+1)
				m.Text, m.Contact, m.Kind = text, text[:min(len(text), 0)], "客户 kind nobody knows"
				m.Data = json.RawMessage(text)
				g.Messages = append(g.Messages, m)
			}
		})
		found := got(s.ConversationMessages(s.ctx(), 1, 0, 100))(t)
		for i, text := range texts {
			if m := found[i]; m.Text != text || string(m.Data) != text || m.Kind != "客户 kind nobody knows" {
				t.Errorf("text %d of %d bytes came back different", i, len(text))
			}
		}
	}},
	{"keeps the newest lines of the intake log", func(t *testing.T, s *subject) {
		for batch := range 5 {
			s.commit(1, func(g *ledger.Group) {
				g.Refusals = times(KeptRefusals/4, func(i int64) ledger.RefusalRow {
					return ledger.RefusalRow{At: g.At, Inbox: "web", SenderID: fmt.Sprint(batch), Code: "intake.unknown_kind", Field: "kind", Detail: fmt.Sprint(i)}
				})
			})
		}
		lines := got(s.Refusals(s.ctx(), "", "", 0, 1000))(t)
		if len(lines) != KeptRefusals || lines[0].SenderID != "4" || lines[len(lines)-1].SenderID != "1" {
			t.Fatalf("got %d lines from %+v to %+v", len(lines), lines[0], lines[len(lines)-1])
		}
		s.again()
		s.commit(1, func(g *ledger.Group) { g.Refusals = []ledger.RefusalRow{{Code: "last"}} })
		if now := got(s.Refusals(s.ctx(), "", "", 0, 1))(t); now[0].Code != "last" || now[0].ID != lines[0].ID+1 {
			t.Errorf("ids do not go on: %+v after %+v", now[0], lines[0])
		}
	}},
}

// message is an inbound one of conversation c.
func message(position, conversation, sequence int64) ledger.MessageRow {
	at := time.Date(2026, 11, 23, 9, 0, int(position), 0, time.UTC)
	return ledger.MessageRow{Position: position, Direction: ledger.Inbound, Inbox: "web", Conversation: conversation, Sequence: sequence, Kind: "customer",
		SenderID: fmt.Sprint("id ", position), Contact: "c", Text: fmt.Sprint("第 ", position, " 条"), ReceivedAt: at, At: at,
		Decision: &ledger.DecisionRow{Position: position, Conversation: conversation, Message: position, At: at, Revision: 1, Cause: "message", Verdict: "routed",
			Chosen: []string{"an"}, Load: 2, Outcomes: [16]byte{byte(position)}}}
}

// entry is the delivery of a message.
func entry(account string, sequence, message int64) ledger.DeliveryRow {
	at := time.Date(2026, 11, 23, 9, 0, int(message), 0, time.UTC)
	return ledger.DeliveryRow{Account: account, Sequence: sequence, Type: ledger.EntryMessage, Message: message, Conversation: 1, Inbox: "web",
		Kind: "customer", State: ledger.Queued, Position: message, At: at}
}
