package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// fate is what became of a mutant.
type fate int

const (
	survived  fate = iota
	killed         // a test noticed it
	stillborn      // does not compile
	same           // compiles to the very same
	fateCount
)

// trial tries the mutants of one package.
type trial struct {
	dir, scratch string
	list         []mutant
	options      options
	fates        []fate

	asItIs *program // the package without a change
	sum    [sha256.Size]byte
	tried  map[int]bool // the indexes of those that were tried together,
	rest   []stage      // with all tests but these
}

func newTrial(dir, scratch string, list []mutant, o options) *trial {
	return &trial{dir: dir, scratch: scratch, list: list, options: o, fates: make([]fate, len(list))}
}

// all returns the fates of the mutants, in their order.
func (t *trial) all(ctx context.Context) ([]fate, error) {
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	living, err := t.compiling(ctx)
	if err != nil {
		return nil, err
	}
	left, err := t.together(ctx, living)
	if err != nil {
		return nil, err
	}
	return t.fates, t.each(ctx, "alone", left, t.alone)
}

// prepare compiles the package as it is, and measures its tests.
func (t *trial) prepare(ctx context.Context) (err error) {
	if t.asItIs, err = build(t.dir, filepath.Join(t.scratch, "as-it-is.test"), ""); err != nil {
		return err
	}
	if t.sum, err = compiled(t.dir, filepath.Join(t.scratch, "as-it-is.a"), ""); err != nil {
		return err
	}
	ok, out, err := t.asItIs.run(ctx, 0, t.options.limit)
	if err != nil || !ok {
		return fmt.Errorf("the tests do not pass on the package as it is: %v\n%s", err, out)
	}
	return t.asItIs.measure(ctx, t.options.limit)
}

// compiling returns the indexes of the mutants whose types are right.
func (t *trial) compiling(ctx context.Context) (living []int, err error) {
	c, err := newChecker(t.dir)
	if err != nil {
		return nil, err
	}
	if !c.compiles(nil) {
		return nil, fmt.Errorf("the package's types are not right as it is")
	}
	every := make([]int, len(t.list))
	for i := range every {
		every[i] = i
	}
	err = t.each(ctx, "checked", every, func(_ context.Context, i int) error {
		if !c.compiles(&t.list[i]) {
			t.fates[i] = stillborn
		}
		return nil
	})
	for i, f := range t.fates {
		if f != stillborn {
			living = append(living, i)
		}
	}
	return living, err
}

// together runs the tests on the mutants in one program, and returns the indexes of those that nothing noticed there.
func (t *trial) together(ctx context.Context, living []int) (left []int, err error) {
	mutants := numbered{}
	for _, i := range living {
		mutants[i+1] = &t.list[i]
	}
	overlay, taken, err := writeSwitchable(t.dir, t.scratch, mutants)
	if err != nil {
		return nil, err
	}
	p, err := build(t.dir, filepath.Join(t.scratch, "together.test"), overlay)
	if err != nil {
		return nil, err
	}
	if err := p.measure(ctx, t.options.limit); err != nil {
		return nil, err
	}
	t.rest, t.tried = t.asItIs.beside(p), map[int]bool{}
	var tried []int
	for _, i := range living {
		if taken[i+1] {
			tried, t.tried[i] = append(tried, i), true
		}
	}
	err = t.each(ctx, "together", tried, func(ctx context.Context, i int) error {
		noticed, err := p.notices(ctx, p.stages, i+1)
		if noticed {
			t.fates[i] = killed
		}
		return err
	})
	for _, i := range living {
		if t.fates[i] != killed {
			left = append(left, i)
		}
	}
	return left, err
}

// alone tries a mutant in a program of its own.
func (t *trial) alone(ctx context.Context, i int) error {
	scratch := filepath.Join(t.scratch, fmt.Sprint(i))
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	content, err := os.ReadFile(t.list[i].file)
	if err != nil {
		return err
	}
	changed := filepath.Join(scratch, "changed.go")
	if err := os.WriteFile(changed, t.list[i].apply(content), 0o600); err != nil {
		return err
	}
	overlay, err := writeOverlay(scratch, map[string]string{t.list[i].file: changed})
	if err != nil {
		return err
	}
	sum, err := compiled(t.dir, filepath.Join(scratch, "changed.a"), overlay)
	if err != nil {
		return err
	}
	if sum == t.sum {
		t.fates[i] = same
		return nil
	}
	stages := t.asItIs.stages
	if t.tried[i] {
		stages = t.rest
	}
	if len(stages) == 0 {
		return nil
	}
	p, err := build(t.dir, filepath.Join(scratch, "changed.test"), overlay)
	if err != nil {
		return err
	}
	noticed, err := p.notices(ctx, stages, 0)
	if noticed {
		t.fates[i] = killed
	}
	return err
}

// each calls do for the indexes, several at a time, and says on standard error how far it is.
func (t *trial) each(ctx context.Context, what string, indexes []int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	begun := time.Now()
	var workers sync.WaitGroup
	for range t.options.parallel {
		workers.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for n, i := range indexes {
		if n > 0 && n%100 == 0 {
			fmt.Fprintf(os.Stderr, "mutate: %s: %d of %d after %s\n", what, n, len(indexes), time.Since(begun).Round(time.Second))
		}
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
