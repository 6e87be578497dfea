package app

import (
	"log/slog"
	"time"
)

// teardown is what has to be undone, in the order in which it was done.
type teardown struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	undo func() error
}

// add remembers how to undo what was just done.
func (t *teardown) add(name string, undo func() error) { t.steps = append(t.steps, step{name, undo}) }

// run undoes everything, last in first out, each step once. A step that fails does not keep the others from being done; the first failure is returned.
func (t *teardown) run() error {
	var first error
	for len(t.steps) > 0 {
		s := t.steps[len(t.steps)-1]
		t.steps = t.steps[:len(t.steps)-1]
		began := time.Now()
		err := s.undo()
		t.log.Debug("stopped", "part", s.name, "took", time.Since(began).Round(time.Millisecond))
		if err == nil {
			continue
		}
		t.log.Error("a part could not be stopped", "part", s.name, "error", err)
		if first == nil {
			first = err
		}
	}
	return first
}
