package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
)

// extract puts the parts of an extract together.
func extract(ctx context.Context, s store.Store, from time.Time) (*ledger.Extract, error) {
	var whole ledger.Extract
	g := &whole.Rows
	err := s.Extract(ctx, from, func(p *ledger.Extract) error {
		if (whole.Head == nil) != (p.Head != nil) {
			return errors.New("the head is not the first part, or comes again")
		}
		if p.Head != nil {
			whole.Head = p.Head
		}
		r := &p.Rows
		whole.Marks = append(whole.Marks, p.Marks...)
		g.Messages, g.Decisions, g.Outcomes = append(g.Messages, r.Messages...), append(g.Decisions, r.Decisions...), append(g.Outcomes, r.Outcomes...)
		g.Deliveries, g.Attempts = append(g.Deliveries, r.Deliveries...), append(g.Attempts, r.Attempts...)
		g.Facts, g.Assignments = append(g.Facts, r.Facts...), append(g.Assignments, r.Assignments...)
		g.Conversations, g.Documents, g.Revisions = append(g.Conversations, r.Conversations...), append(g.Documents, r.Documents...), append(g.Revisions, r.Revisions...)
		g.Tokens, g.Logins, g.Refusals = append(g.Tokens, r.Tokens...), append(g.Logins, r.Logins...), append(g.Refusals, r.Refusals...)
		g.Quarantine, g.Hits = append(g.Quarantine, r.Quarantine...), append(g.Hits, r.Hits...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Each account's last assignment before the span comes after the others; databases sort text by rules of their own.
	slices.SortFunc(g.Assignments, func(a, b ledger.AssignmentRow) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.FromPosition, b.FromPosition))
	})
	slices.SortFunc(g.Facts, func(a, b ledger.FactRow) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key), cmp.Compare(a.FromPosition, b.FromPosition))
	})
	slices.SortFunc(g.Deliveries, func(a, b ledger.DeliveryRow) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sequence, b.Sequence))
	})
	slices.SortFunc(g.Attempts, func(a, b ledger.AttemptRow) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Number, b.Number))
	})
	slices.SortFunc(g.Documents, func(a, b ledger.DocumentRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From))
	})
	slices.SortFunc(g.Conversations, func(a, b ledger.ConversationRow) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(g.Tokens, func(a, b ledger.TokenRow) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(g.Logins, func(a, b ledger.LoginRow) int { return cmp.Compare(a.Account, b.Account) })
	slices.SortFunc(g.Hits, func(a, b ledger.HitsRow) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), a.Hour.Compare(b.Hour)) })
	return &whole, nil
}
