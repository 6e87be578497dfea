package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
)

// both asks the store under test and the in-memory store the same.
func (h *history) both(what string, ask func(s store.Store) (any, error)) {
	got, err := ask(h.store)
	want, modelErr := ask(h.model)
	if errors.Is(err, ledger.ErrNotFound) != errors.Is(modelErr, ledger.ErrNotFound) || (err == nil) != (modelErr == nil) {
		h.Fatalf("%s: got %v, want %v", what, err, modelErr)
	}
	if err == nil && !alike(got, want) {
		h.Fatalf("%s:\ngot  %s\nwant %s", what, show(got), show(want))
	}
}

func (h *history) compareLoad() {
	h.both("state", func(s store.Store) (any, error) {
		return s.Load(h.t.Context())
	})
}

// compareReads asks everything a few times, with what exists and what does not.
func (h *history) compareReads() {
	ctx := h.t.Context()
	position := rapid.Int64Range(0, h.position+2)
	limit := rapid.IntRange(-1, 12)
	for range 3 {
		p, q, n := position.Draw(h.T, "position"), position.Draw(h.T, "other position"), limit.Draw(h.T, "limit")
		account, inbox, from, to := h.name(), h.inbox(), h.instant(), h.instant()
		revision := rapid.Int64Range(0, h.revision+1).Draw(h.T, "revision")
		var some []string
		for range rapid.IntRange(0, 3).Draw(h.T, "accounts") {
			some = append(some, h.name())
		}
		var subjects []string
		for _, a := range some {
			subjects = append(subjects, "account/"+a)
		}
		id := "web none"
		if len(h.ids) > 0 {
			id = rapid.SampledFrom(h.ids).Draw(h.T, "id")
		}
		scope, sender, _ := strings.Cut(id, " ")
		conversation := p
		if len(h.conversations) > 0 {
			conversation = rapid.SampledFrom(h.conversations).Draw(h.T, "conversation").ID
		}
		h.messages(ctx, p, q, n, account, inbox, scope, sender, conversation, from, to)
		h.logs(ctx, ledger.Span{After: p, UpTo: q}, n, account, inbox, from, to)
		for what, ask := range map[string]func(s store.Store) (any, error){
			"FactsAt":          func(s store.Store) (any, error) { return s.FactsAt(ctx, p, subjects) },
			"FactsBetween":     func(s store.Store) (any, error) { return s.FactsBetween(ctx, "account/"+account, from, to, 1000) },
			"AssignmentsAt":    func(s store.Store) (any, error) { return s.AssignmentsAt(ctx, p, some) },
			"LastAssignedAt":   func(s store.Store) (any, error) { return s.LastAssignedAt(ctx, p, inbox) },
			"AssignmentsOf":    func(s store.Store) (any, error) { return s.AssignmentsOf(ctx, conversation) },
			"PreviousOwner":    func(s store.Store) (any, error) { return s.PreviousOwner(ctx, inbox, fmt.Sprint("c", n%2 == 0), p) },
			"PositionAt":       func(s store.Store) (any, error) { return s.PositionAt(ctx, h.base.Add(time.Duration(p-q)*time.Second)) },
			"Began":            func(s store.Store) (any, error) { return s.Began(ctx) },
			"DocumentsAt":      func(s store.Store) (any, error) { return s.DocumentsAt(ctx, revision) },
			"DocumentVersions": func(s store.Store) (any, error) { return s.DocumentVersions(ctx, "team", account) },
			"DocumentsSince":   func(s store.Store) (any, error) { return s.DocumentsSince(ctx, revision) },
			"Revisions":        func(s store.Store) (any, error) { return s.Revisions(ctx, revision, n) },
			"Revision":         func(s store.Store) (any, error) { return s.Revision(ctx, revision) },
			"RevisionAt":       func(s store.Store) (any, error) { return s.RevisionAt(ctx, p) },
			"Audit":            func(s store.Store) (any, error) { return s.Audit(ctx, p, n) },
			"Upload":           func(s store.Store) (any, error) { return s.Upload(ctx, uploads[p%4]) },
			"UploadsOf": func(s store.Store) (any, error) {
				count, size, err := s.UploadsOf(ctx, "account/"+account)
				return [2]int64{count, size}, err
			},
			"FilesInUse": func(s store.Store) (any, error) {
				used, err := s.FilesInUse(ctx, uploads)
				slices.Sort(used)
				return used, err
			},
			"Visitor": func(s store.Store) (any, error) {
				var hash [32]byte
				copy(hash[:], fmt.Sprint("v", p%8))
				return s.Visitor(ctx, hash)
			},
			"ContactConversations": func(s store.Store) (any, error) {
				return s.ContactConversations(ctx, inbox, fmt.Sprint("c", n%2 == 0), n)
			},
			"Rating": func(s store.Store) (any, error) { return s.Rating(ctx, conversation) },
			"Ratings": func(s store.Store) (any, error) {
				var all []int64
				for _, c := range h.conversations {
					all = append(all, c.ID)
				}
				rows, err := s.Ratings(ctx, all)
				slices.SortFunc(rows, func(a, b ledger.RatingRow) int { return cmp.Compare(a.Conversation, b.Conversation) })
				return rows, err
			},
			"Quarantine": func(s store.Store) (any, error) {
				return s.Quarantine(ctx, ledger.QuarantineQuery{State: []ledger.QuarantineState{"", ledger.QuarantineHeld}[p&1], Inbox: []string{"", inbox}[q&1], Rule: []string{"", "r1"}[revision&1], Before: q, Limit: n})
			},
			"Checklist":   func(s store.Store) (any, error) { return s.Checklist(ctx, p) },
			"Checklists":  func(s store.Store) (any, error) { return s.Checklists(ctx, []string{"", account}[q&1], p, n) },
			"HelpRequest": func(s store.Store) (any, error) { return s.HelpRequest(ctx, h.request()) },
			"HelpReport":  func(s store.Store) (any, error) { return s.HelpReport(ctx, h.request()) },
			"HelpRequests": func(s store.Store) (any, error) {
				return s.HelpRequests(ctx, ledger.HelpQuery{
					States: [][]ledger.HelpState{nil, {ledger.HelpOpen}, {ledger.HelpOpen, ledger.HelpTaken}}[p%3], Agent: []string{"", account}[q&1],
					For: []string{"", account}[p&1], Before: q, Limit: n,
				})
			},
			"Repair": func(s store.Store) (any, error) { return s.Repair(ctx, h.request()) },
			"Repairs": func(s store.Store) (any, error) {
				return s.Repairs(ctx, ledger.RepairQuery{Agent: []string{"", account}[p&1], Help: []int64{0, 0, q}[p%3], After: min(p, q), Before: []int64{0, q}[p&1], Limit: n})
			},
			"LastAutoReplies": func(s store.Store) (any, error) { return s.LastAutoReplies(ctx, p) },
			"AutoRepliesFor": func(s store.Store) (any, error) {
				rows, err := s.AutoRepliesFor(ctx, []int64{p, q, q + 1})
				slices.SortFunc(rows, byMessageAndRule)
				return rows, err
			},
			"AutoRepliesBehind": func(s store.Store) (any, error) {
				rows, err := s.AutoRepliesBehind(ctx, []int64{p, q, q + 1})
				slices.SortFunc(rows, byMessageAndRule)
				return rows, err
			},
			"QuarantineOf": func(s store.Store) (any, error) {
				rows, err := s.QuarantineOf(ctx, []int64{p, q, q + 1})
				slices.SortFunc(rows, func(a, b ledger.QuarantineRow) int { return cmp.Compare(a.Message, b.Message) })
				return rows, err
			},
			"FilterHits": func(s store.Store) (any, error) { return s.FilterHits(ctx, from) },
			"Job":        func(s store.Store) (any, error) { return s.Job(ctx, uploads[p%4]) },
			"JobsDue":    func(s store.Store) (any, error) { return s.JobsDue(ctx, from, n) },
			"Jobs":       func(s store.Store) (any, error) { return s.Jobs(ctx, p%2 == 0, uploads[p%4], n) },
			"Extract":    func(s store.Store) (any, error) { return extract(ctx, s, from) },
			"TokensOf":   func(s store.Store) (any, error) { return s.TokensOf(ctx, account) },
		} {
			h.both(fmt.Sprintf("%s (position %d, account %q, inbox %q, revision %d, limit %d, from %v, to %v, some %q)",
				what, p, account, inbox, revision, n, from, to, some), ask)
		}
	}
}

func (h *history) messages(ctx context.Context, p, q int64, n int, account, inbox, scope, sender string, conversation int64, from, to time.Time) {
	for what, ask := range map[string]func(s store.Store) (any, error){
		"HasGroup": func(s store.Store) (any, error) { return s.HasGroup(ctx, p, fmt.Sprint("n", q)) },
		"Keys": func(s store.Store) (any, error) {
			var refs []ledger.KeyRef
			for _, id := range append(h.ids, "web none") {
				inbox, sender, _ := strings.Cut(id, " ")
				refs = append(refs, ledger.KeyRef{Scope: "in/" + inbox, ID: sender})
			}
			rows, err := s.Keys(ctx, refs)
			slices.SortFunc(rows, func(a, b ledger.KeyRow) int { return cmp.Compare(a.Position, b.Position) })
			return rows, err
		},
		"Contact":         func(s store.Store) (any, error) { return s.Contact(ctx, inbox, fmt.Sprint("c", n%2 == 0)) },
		"Conversation":    func(s store.Store) (any, error) { return s.Conversation(ctx, conversation) },
		"Delivery":        func(s store.Store) (any, error) { return s.Delivery(ctx, account, p%5) },
		"Message":         func(s store.Store) (any, error) { return s.Message(ctx, p) },
		"MessageBySender": func(s store.Store) (any, error) { return s.MessageBySender(ctx, scope, sender) },
		"ContactMessages": func(s store.Store) (any, error) {
			return s.ContactMessages(ctx, inbox, fmt.Sprint("c", n%2 == 0), p, n)
		},
		"ContactMessagesBefore": func(s store.Store) (any, error) {
			return s.ContactMessagesBefore(ctx, inbox, fmt.Sprint("c", n%2 == 0), p, n)
		},
		"ConversationMessages": func(s store.Store) (any, error) { return s.ConversationMessages(ctx, conversation, p%4, n) },
		"MessagesBefore":       func(s store.Store) (any, error) { return s.MessagesBefore(ctx, conversation, p%8, n) },
		"Mentioned":            func(s store.Store) (any, error) { return s.Mentioned(ctx, conversation, account) },
		"ResolvedConversations": func(s store.Store) (any, error) {
			return s.ResolvedConversations(ctx, []string{inbox, ""}[n&1], []string{"", account}[p&1], q, n)
		},
		"Previews": func(s store.Store) (any, error) {
			var ids []int64
			for _, c := range h.conversations {
				ids = append(ids, c.ID)
			}
			rows, err := s.Previews(ctx, append(ids, conversation, 1<<40))
			slices.SortFunc(rows, func(a, b ledger.PreviewRow) int { return cmp.Compare(a.Conversation, b.Conversation) })
			return rows, err
		},
		"DeliveriesOf":         func(s store.Store) (any, error) { return s.DeliveriesOf(ctx, p) },
		"Attempts":             func(s store.Store) (any, error) { return s.Attempts(ctx, account, p%5) },
		"NewestDeliveries":     func(s store.Store) (any, error) { return s.NewestDeliveries(ctx, account, p, n) },
		"Entries":              func(s store.Store) (any, error) { return s.Entries(ctx, account, p%4, n) },
		"DecisionsOf":          func(s store.Store) (any, error) { return s.DecisionsOf(ctx, conversation, n) },
		"Replies":              func(s store.Store) (any, error) { return s.Replies(ctx, inbox, p, n) },
		"Refusals":             func(s store.Store) (any, error) { return s.Refusals(ctx, inbox, "", p, n) },
		"Refusals of a sender": func(s store.Store) (any, error) { return s.Refusals(ctx, "", "group", 0, n) },
		"DecidedMessages":      func(s store.Store) (any, error) { return s.DecidedMessages(ctx, p, q, n) },
		"LaterDecisions":       func(s store.Store) (any, error) { return s.LaterDecisions(ctx, p, q, n) },
		"Traffic":              func(s store.Store) (any, error) { return s.Traffic(ctx, account, from, to) },
		"Offered":              func(s store.Store) (any, error) { return s.Offered(ctx, from, to) },
	} {
		h.both(fmt.Sprintf("%s (positions %d and %d, account %q, inbox %q, conversation %d, limit %d, from %v, to %v)",
			what, p, q, account, inbox, conversation, n, from, to), ask)
	}
}
