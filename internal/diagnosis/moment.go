package diagnosis

import (
	"errors"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// moment is what held at an instant: the facts of all positions up to position, and the policy of the revision then in force.
type moment struct {
	at       time.Time // the instant asked about
	now      time.Time // what the engine reads as now
	position int64
	revision int64
	set      *policy.Set
	policy   *reception.Policy
	world    *world
	past     bool
}

// world is a View with the failures that were known at its instant: a View of the past has none of its own.
type world struct {
	*ledger.View
	failures []reception.Failure
}

// Failures implements reception.World.
func (w *world) Failures() []reception.Failure { return w.failures }

// components are the parts of Bida whose failures are facts.
var components = []string{"store", "disk", "clock", "worker"}

// resolve finds the moment that is asked about: the present, or the state after the last position committed at or before the instant.
func (r *run) resolve(view *ledger.View) error {
	now := r.s.Now()
	at := r.q.At
	if at.IsZero() {
		r.m = moment{
			at: now, now: now, position: view.Position, revision: view.Policy.Revision(),
			set: view.Policy, policy: view.Policy.Compile(), world: &world{view, view.Failures()},
		}
		return nil
	}
	if at.After(now) {
		return errFuture
	}
	if err := r.checkBegan(at); err != nil {
		return err
	}
	position, err := r.s.Facts.PositionAt(r.ctx, at)
	if err != nil {
		return err
	}
	if position == 0 {
		return errTooEarly
	}
	return r.past(view, position, at)
}

// checkBegan refuses an instant before the first record.
func (r *run) checkBegan(at time.Time) error {
	began, err := r.s.Facts.Began(r.ctx)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return errTooEarly
	case err != nil:
		return err
	case at.Before(began):
		return errTooEarly.With("began", Instant(began.In(r.s.zone)).String())
	}
	return nil
}

// past rebuilds what held after a position. "At position P" means just before P, so what the position itself changed is asked for with the next one.
func (r *run) past(view *ledger.View, position int64, at time.Time) error {
	revision, err := r.s.Policies.RevisionAt(r.ctx, position)
	if err != nil {
		return err
	}
	set, err := r.setAt(view, revision)
	if err != nil {
		return err
	}
	v, err := ledger.WorldAt(r.ctx, r.s.Facts, position+1, at, r.accounts(set), "")
	if err != nil {
		return err
	}
	failures, err := r.failuresAt(at)
	if err != nil {
		return err
	}
	r.m = moment{
		at: at, now: at, position: position, revision: revision, set: set, policy: set.Compile(), world: &world{v, failures}, past: true,
	}
	return nil
}

// accounts are those whose facts are needed.
func (r *run) accounts(set *policy.Set) []string {
	if r.party != nil {
		return r.party(set)
	}
	return []string{r.q.Agent}
}

// failuresAt lists the parts of Bida that failed at an instant. A failure is written when it is over, with the instants of both ends.
func (r *run) failuresAt(at time.Time) ([]reception.Failure, error) {
	var failures []reception.Failure
	for _, component := range components {
		rows, err := r.s.Facts.FactsBetween(r.ctx, "system/"+component, at, at, 16)
		if err != nil {
			return nil, err
		}
		for _, f := range rows {
			if f.Name == ledger.FactFailure && !f.FromAt.After(at) && (f.ToAt.IsZero() || f.ToAt.After(at)) {
				failures = append(failures, reception.Failure{Component: component, Origin: reception.Origin{
					Position: f.FromPosition, At: f.FromAt, By: f.By, Source: f.Source, Cause: f.Cause,
				}})
				break
			}
		}
	}
	return failures, nil
}

// setAt returns the policy as of a revision.
func (r *run) setAt(view *ledger.View, revision int64) (*policy.Set, error) {
	if view.Policy.Revision() == revision {
		return view.Policy, nil
	}
	if s := r.s.sets.get(revision); s != nil {
		return s, nil
	}
	rows, err := r.s.Policies.DocumentsAt(r.ctx, revision)
	if err != nil {
		return nil, err
	}
	s, err := ledger.PolicyOf(rows, revision)
	if err != nil {
		return nil, problem.New(problem.Internal, "diagnosis.old_policy",
			"The settings of that time cannot be read by this version.", "当时的设置无法被当前版本读取。").Because(err)
	}
	r.s.sets.put(s)
	return s, nil
}

// sets remembers a few policies of the past: a revision never changes, and decoding a large one is the dearest part of a diagnosis of the past.
type sets struct {
	mu    sync.Mutex
	known map[int64]*policy.Set
	order []int64
}

const keptSets = 8

func newSets() *sets { return &sets{known: map[int64]*policy.Set{}} }

func (s *sets) get(revision int64) *policy.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[revision]
}

func (s *sets) put(set *policy.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	revision := set.Revision()
	if s.known[revision] != nil {
		return
	}
	if len(s.order) >= keptSets {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	s.known[revision], s.order = set, append(s.order, revision)
}
