package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
)

// logs compares what the logs say.
func (h *history) logs(ctx context.Context, span ledger.Span, n int, account, inbox string, from, to time.Time) {
	maybe := func(value string) string {
		if h.flip() {
			return value
		}
		return ""
	}
	mq := ledger.MessageLogQuery{Span: span, Inbox: maybe(inbox), Kind: maybe(h.kind()), Agent: maybe(account), Unreached: h.flip(), Limit: n}
	if h.flip() {
		mq.Directions = []ledger.Direction{ledger.Held, ledger.Refused}
	}
	dq := ledger.DeliveryLogQuery{
		Span: span, Account: maybe(account), Inbox: maybe(inbox), Kind: maybe(h.kind()), Limit: n,
		Standing: rapid.SampledFrom([]ledger.DeliveryStanding{"", ledger.StandingArrived, ledger.StandingPending, ledger.StandingWithdrawn}).Draw(h.T, "standing"),
	}
	if h.flip() {
		dq.Before = ledger.DeliveryKey{Message: rapid.Int64Range(1, h.position+1).Draw(h.T, "before"), Account: h.name(), Sequence: rapid.Int64Range(0, 4).Draw(h.T, "sequence")}
	}
	rq := ledger.RefusalLogQuery{Inbox: maybe(inbox), From: from, To: to, Before: span.UpTo, Limit: n}
	ids := []int64{span.After, span.UpTo, span.UpTo + 1}
	for what, ask := range map[string]func(s store.Store) (any, error){
		"InstantOf":     func(s store.Store) (any, error) { return s.InstantOf(ctx, span.After) },
		"MessageLog":    func(s store.Store) (any, error) { return s.MessageLog(ctx, mq) },
		"MessageCounts": func(s store.Store) (any, error) { return s.MessageCounts(ctx, mq) },
		"DeliveryLog":   func(s store.Store) (any, error) { return s.DeliveryLog(ctx, dq) },
		"DeliveriesOfAll": func(s store.Store) (any, error) {
			rows, err := s.DeliveriesOfAll(ctx, ids)
			slices.SortFunc(rows, func(a, b ledger.DeliveryRow) int {
				return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sequence, b.Sequence))
			})
			return rows, err
		},
		"ConversationsOf": func(s store.Store) (any, error) {
			var all []int64
			for _, c := range h.conversations {
				all = append(all, c.ID)
			}
			rows, err := s.ConversationsOf(ctx, append(all, 1<<40))
			slices.SortFunc(rows, func(a, b ledger.ConversationRow) int { return cmp.Compare(a.ID, b.ID) })
			return rows, err
		},
		"RefusalLog":    func(s store.Store) (any, error) { return s.RefusalLog(ctx, rq) },
		"RefusalCounts": func(s store.Store) (any, error) { return s.RefusalCounts(ctx, rq) },
		"SignIns":       func(s store.Store) (any, error) { return s.SignIns(ctx, maybeEmpty(account, n), span, n) },
		"FailedSignIns": func(s store.Store) (any, error) { return s.FailedSignIns(ctx, maybeEmpty(account, n), span, n) },
		"AuditLog": func(s store.Store) (any, error) {
			return s.AuditLog(ctx, ledger.AuditLogQuery{Span: span, Action: maybeEmpty(ledger.ActionSignInFailed, n), Object: maybeEmpty("account/"+account, n/2), Limit: n})
		},
		"BrowserSessionsOf": func(s store.Store) (any, error) {
			rows, err := s.BrowserSessionsOf(ctx, []string{"true", "false", "none"})
			slices.SortFunc(rows, func(a, b ledger.BrowserSessionRow) int { return cmp.Compare(a.ID, b.ID) })
			return rows, err
		},
		"SystemFacts": func(s store.Store) (any, error) { return s.SystemFacts(ctx, span, n) },
	} {
		h.both(fmt.Sprintf("%s (messages %+v, deliveries %+v, refusals %+v)", what, mq, dq, rq), ask)
	}
}

// maybeEmpty is the value, or nothing every other time.
func maybeEmpty(value string, n int) string {
	if n%2 == 0 {
		return value
	}
	return ""
}

// everything is a span that has all positions.
var everything = ledger.Span{UpTo: 1 << 62}

func positionsOf(list []ledger.LoggedMessage) (positions []int64) {
	for _, m := range list {
		positions = append(positions, m.Position)
	}
	return positions
}

var logs = []behaviour{
	{"lists customers' messages newest first, without what they say, and says which reached somebody", func(t *testing.T, s *subject) {
		s.commit(9, func(g *ledger.Group) {
			answer, prompt, held, refused, undecided := message(3, 2, 2), message(5, 3, 2), message(6, 4, 1), message(7, 0, 0), message(9, 5, 1)
			answer.Direction, answer.Author, answer.Decision = ledger.Outbound, "an", nil
			prompt.Direction, prompt.Decision = ledger.Outbound, nil // by Bida: nobody has read anything
			held.Direction, refused.Direction = ledger.Held, ledger.Refused
			undecided.Decision = nil
			given := message(8, 6, 1)
			given.Inbox, given.Kind, given.Data = "mail", "group", []byte(`{"files":[]}`)
			g.Messages = []ledger.MessageRow{message(1, 1, 1), message(2, 2, 1), answer, message(4, 3, 1), prompt, held, refused, given, undecided}
			seen, gone, note := entry("an", 1, 1), entry("an", 2, 8), entry("bo", 1, 4)
			seen.State, seen.ReceivedAt, seen.SeenAt = ledger.Seen, g.At, g.At
			gone.State, gone.WithdrawnAt = ledger.Withdrawn, g.At
			note.Type, note.ReceivedAt, note.State = ledger.EntryNotice, g.At, ledger.Received
			g.Deliveries = []ledger.DeliveryRow{seen, gone, note}
		})
		ask := func(q ledger.MessageLogQuery) []int64 {
			if q.UpTo == 0 {
				q.Span = everything
			}
			if q.Limit == 0 {
				q.Limit = 99
			}
			return positionsOf(got(s.MessageLog(s.ctx(), q))(t))
		}
		same(t, "all", ask(ledger.MessageLogQuery{}), []int64{8, 7, 6, 4, 2, 1})
		same(t, "a span", ask(ledger.MessageLogQuery{Span: ledger.Span{After: 2, UpTo: 6}}), []int64{6, 4})
		same(t, "limited", ask(ledger.MessageLogQuery{Limit: 2}), []int64{8, 7})
		same(t, "unreached", ask(ledger.MessageLogQuery{Unreached: true}), []int64{8, 7, 6, 4})
		same(t, "intercepted", ask(ledger.MessageLogQuery{Directions: []ledger.Direction{ledger.Held, ledger.Refused}}), []int64{7, 6})
		same(t, "of an inbox", ask(ledger.MessageLogQuery{Inbox: "mail"}), []int64{8})
		same(t, "of a kind", ask(ledger.MessageLogQuery{Kind: "group"}), []int64{8})
		same(t, "for an agent, taken back ones too", ask(ledger.MessageLogQuery{Agent: "an"}), []int64{8, 1})
		same(t, "a notice is no delivery of a message", ask(ledger.MessageLogQuery{Agent: "bo"}), nil)
		for _, m := range got(s.MessageLog(s.ctx(), ledger.MessageLogQuery{Span: everything, Limit: 9}))(t) {
			if m.Text != "" || m.Data != nil {
				t.Errorf("message %d says %q %s", m.Position, m.Text, m.Data)
			}
			if m.Decision == nil || m.Decision.Verdict != "routed" || m.SenderID == "" {
				t.Errorf("message %d has no decision, or no sender: %+v", m.Position, m)
			}
		}
		same(t, "counts", got(s.MessageCounts(s.ctx(), ledger.MessageLogQuery{Span: everything, Limit: 1}))(t), []ledger.MessageCount{
			{Direction: ledger.Held, Messages: 1}, {Direction: ledger.Inbound, Messages: 2}, {Direction: ledger.Inbound, Reached: true, Messages: 2}, {Direction: ledger.Refused, Messages: 1}})
	}},
	{"goes through the deliveries of all agents without losing or repeating one", func(t *testing.T, s *subject) {
		s.commit(4, func(g *ledger.Group) {
			arrived, gone, late := entry("an", 1, 1), entry("bo", 1, 2), entry("an", 3, 1)
			arrived.State, arrived.ReceivedAt = ledger.Received, g.At
			gone.State, gone.WithdrawnAt, gone.Inbox = ledger.Withdrawn, g.At, "mail"
			back := entry("bo", 2, 2)
			back.Type, back.Target = ledger.EntryWithdrawal, 1
			late.Position, late.Kind = 4, "group"
			g.Deliveries = []ledger.DeliveryRow{arrived, entry("an", 2, 2), late, gone, back, entry("客服", 1, 2)}
		})
		var order []string
		q := ledger.DeliveryLogQuery{Span: everything, Limit: 2}
		for range 9 {
			rows := got(s.DeliveryLog(s.ctx(), q))(t)
			for _, d := range rows {
				order = append(order, fmt.Sprintf("%d %s/%d", d.Message, d.Account, d.Sequence))
			}
			if len(rows) < q.Limit {
				break
			}
			last := rows[len(rows)-1]
			q.Before = ledger.DeliveryKey{Message: last.Message, Account: last.Account, Sequence: last.Sequence}
		}
		same(t, "all, in pieces", order, []string{"2 客服/1", "2 bo/1", "2 an/2", "1 an/3", "1 an/1"})
		count := func(q ledger.DeliveryLogQuery) int {
			if q.UpTo == 0 {
				q.Span = everything
			}
			q.Limit = 99
			return len(got(s.DeliveryLog(s.ctx(), q))(t))
		}
		same(t, "of a span", count(ledger.DeliveryLogQuery{Span: ledger.Span{UpTo: 1}}), 2)
		same(t, "of an account", count(ledger.DeliveryLogQuery{Account: "an"}), 3)
		same(t, "of an inbox", count(ledger.DeliveryLogQuery{Inbox: "mail"}), 1)
		same(t, "of a kind", count(ledger.DeliveryLogQuery{Kind: "group"}), 1)
		same(t, "arrived", count(ledger.DeliveryLogQuery{Standing: ledger.StandingArrived}), 1)
		same(t, "pending", count(ledger.DeliveryLogQuery{Standing: ledger.StandingPending}), 3)
		same(t, "withdrawn", count(ledger.DeliveryLogQuery{Standing: ledger.StandingWithdrawn}), 1)
		same(t, "of messages", len(got(s.DeliveriesOfAll(s.ctx(), []int64{1, 3}))(t)), 2)
	}},
	{"lists and counts refused requests by code and time", func(t *testing.T, s *subject) {
		base := s.at
		s.commit(1, func(g *ledger.Group) {
			g.Refusals = times(6, func(i int64) ledger.RefusalRow {
				return ledger.RefusalRow{At: base.Add(time.Duration(i) * time.Hour), Inbox: []string{"web", "mail"}[i%2], Code: []string{"x", "y"}[i/4], Detail: fmt.Sprint(i)}
			})
		})
		details := func(q ledger.RefusalLogQuery) (list []string) {
			q.Limit = 9
			for _, r := range got(s.RefusalLog(s.ctx(), q))(t) {
				list = append(list, r.Detail)
			}
			return list
		}
		at := func(i int) time.Time { return base.Add(time.Duration(i) * time.Hour) }
		same(t, "all", details(ledger.RefusalLogQuery{}), []string{"6", "5", "4", "3", "2", "1"})
		same(t, "of a code", details(ledger.RefusalLogQuery{Code: "y"}), []string{"6", "5", "4"})
		same(t, "of an inbox and a time", details(ledger.RefusalLogQuery{Inbox: "web", From: at(2), To: at(6)}), []string{"4", "2"})
		same(t, "counts", got(s.RefusalCounts(s.ctx(), ledger.RefusalLogQuery{From: at(2)}))(t), []ledger.RefusalCount{
			{Code: "x", Requests: 2, First: at(2), Last: at(3)}, {Code: "y", Requests: 3, First: at(4), Last: at(6)}})
	}},
	{"lists sign-ins, the failed ones, what was done, and what Bida's parts did, each by position", func(t *testing.T, s *subject) {
		fact := func(subject, name, key string, from int64) ledger.FactRow {
			return ledger.FactRow{Subject: subject, Name: name, Key: key, FromPosition: from, FromAt: s.at}
		}
		s.commit(9, func(g *ledger.Group) {
			g.Facts = []ledger.FactRow{fact("account/an", "signin", "s1", 1), fact("account/bo", "signin", "s2", 2), fact("account/bo", "session", "", 3), fact("system/disk", "failure", "", 4),
				fact("systemic", "failure", "", 5)}
			g.Audit = []ledger.AuditRow{{Position: 6, By: "system", Action: ledger.ActionSignInFailed, Object: "account/an"}, {Position: 7, By: "bo", Action: "token.create", Object: "account/an"},
				{Position: 8, By: "system", Action: ledger.ActionSignInFailed, Object: "account/?"}}
			g.BrowserSessions = []ledger.BrowserSessionRow{{ID: "s1", Account: "an", UserAgent: "Firefox", EndedAt: g.At}}
		})
		keys := func(rows []ledger.FactRow) (list []string) {
			for _, f := range rows {
				list = append(list, f.Subject+" "+f.Key)
			}
			return list
		}
		positions := func(rows []ledger.AuditRow) (list []int64) {
			for _, r := range rows {
				list = append(list, r.Position)
			}
			return list
		}
		same(t, "sign-ins", keys(got(s.SignIns(s.ctx(), "", everything, 9))(t)), []string{"account/bo s2", "account/an s1"})
		same(t, "of an account", keys(got(s.SignIns(s.ctx(), "an", everything, 9))(t)), []string{"account/an s1"})
		same(t, "of a span", keys(got(s.SignIns(s.ctx(), "", ledger.Span{After: 1, UpTo: 9}, 9))(t)), []string{"account/bo s2"})
		same(t, "failed", positions(got(s.FailedSignIns(s.ctx(), "", everything, 9))(t)), []int64{8, 6})
		same(t, "failed for an account", positions(got(s.FailedSignIns(s.ctx(), "an", everything, 9))(t)), []int64{6})
		same(t, "audit", positions(got(s.AuditLog(s.ctx(), ledger.AuditLogQuery{Span: ledger.Span{After: 6, UpTo: 8}, Limit: 9}))(t)), []int64{8, 7})
		same(t, "audit of somebody", positions(got(s.AuditLog(s.ctx(), ledger.AuditLogQuery{Span: everything, By: "bo", Limit: 9}))(t)), []int64{7})
		same(t, "audit of an action about an object", positions(got(s.AuditLog(s.ctx(), ledger.AuditLogQuery{Span: everything, Action: ledger.ActionSignInFailed, Object: "account/an", Limit: 9}))(t)), []int64{6})
		same(t, "system", keys(got(s.SystemFacts(s.ctx(), everything, 9))(t)), []string{"system/disk "})
		if b := got(s.BrowserSessionsOf(s.ctx(), []string{"s1", "s2"}))(t); len(b) != 1 || b[0].UserAgent != "Firefox" {
			t.Errorf("browsers: %+v", b)
		}
	}},
}
