package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// PastReader is what WorldAt needs of a store.
type PastReader interface {
	FactsAt(ctx context.Context, position int64, subjects []string) ([]FactRow, error)
	AssignmentsAt(ctx context.Context, position int64, accounts []string) ([]AssignmentRow, error)
	LastAssignedAt(ctx context.Context, position int64, inbox string) (map[string]int64, error)
}

// WorldAt rebuilds the World as it was just before a position, for the accounts named (nil: all) and the turns in one inbox ("" leaves turns out).
// It implements reception.World. An instant tells WorldAt when, between two positions, it is asked about: a connection whose process had died by then
// without saying so is unknown; the zero time asks about the position itself.
func WorldAt(ctx context.Context, r PastReader, position int64, at time.Time, accounts []string, inbox string) (*View, error) {
	var subjects []string
	for _, a := range accounts {
		subjects = append(subjects, AccountSubject(a))
	}
	if len(subjects) > 0 {
		subjects = append(subjects, SubjectSwitches)
	}
	facts, err := r.FactsAt(ctx, position, subjects)
	if err != nil {
		return nil, err
	}
	v := &View{Position: position, At: at, agents: map[string]*Agent{}, rates: map[string]*reception.Rate{}}
	for _, f := range facts {
		if f.Name == FactRate {
			r, err := readRate(f)
			if err != nil {
				return nil, err
			}
			v.rates[f.Key] = &r
			continue
		}
		account, ok := strings.CutPrefix(f.Subject, "account/")
		if !ok {
			continue
		}
		a := v.past(account)
		if err := applyFact(a, f); err != nil {
			return nil, err
		}
		if f.Name == FactConnection && lostBy(&f, at) {
			a.Facts.Connection.State = reception.ConnectionUnknown
		}
	}
	if err := applyTold(facts, v.past, func(f *FactRow) bool { return lostBy(f, at) }); err != nil {
		return nil, err
	}
	if err := v.pastLoads(ctx, r, position, accounts, inbox); err != nil {
		return nil, err
	}
	return v, nil
}

// lostBy says whether the process that held a fact had died by an instant without saying so.
func lostBy(f *FactRow, at time.Time) bool {
	return f.EndCause == CauseLost && !at.IsZero() && at.After(f.ToAt)
}

func (v *View) past(account string) *Agent {
	a := v.agents[account]
	if a == nil {
		a = &Agent{Facts: *neverSeen(account)}
		v.agents[account] = a
	}
	return a
}

func (v *View) pastLoads(ctx context.Context, r PastReader, position int64, accounts []string, inbox string) error {
	rows, err := r.AssignmentsAt(ctx, position, accounts)
	if err != nil {
		return err
	}
	for _, row := range rows {
		a := v.past(row.Account)
		a.Facts.Shares = loaded(a.Facts.Shares, row.Inbox, 1)
		if !row.Async {
			a.Facts.Live++
		}
	}
	if inbox == "" {
		return nil
	}
	turns, err := r.LastAssignedAt(ctx, position, inbox)
	if err != nil {
		return err
	}
	for account, p := range turns {
		a := v.past(account)
		a.Facts.Shares = assigned(a.Facts.Shares, inbox, p)
	}
	return nil
}
