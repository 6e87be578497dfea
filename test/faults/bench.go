package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
)

// Bench is a run of many cases.
type Bench struct {
	Program string
	Seed    uint64
	Only    string // classes whose name begins so
	Many    int    // cases of each class, 0 for as many as there should be
	Long    bool
	Until   time.Time     // no case begins after it; the zero time for no end
	Dir     func() string // makes an empty directory
	Log     func(string)
}

// Result is what a run gave.
type Result struct {
	Commit  string            `json:"commit"`
	Cases   int               `json:"cases"`
	Seed    uint64            `json:"seed"`
	Took    string            `json:"took"`
	Classes map[string]Scores `json:"classes"`
	Overall Scores            `json:"overall"`
	Missed  []string          `json:"missed"`
	Runs    []Run             `json:"-"`
}

const (
	perServer = 40 // cases on one server: what a change of settings costs grows with what there is
	beside    = 6  // at the same time
)

// count is how many cases of a class there are.
func (b *Bench) count(class *Class) int {
	switch {
	case b.Many > 0:
		return b.Many
	case class.Rough && !b.Long:
		return 0
	case b.Long && class.Few:
		return 12
	case b.Long && class.Kind == Healthy:
		return 46
	case b.Long:
		return 36 // of which all right, Wilson's interval is from 0.90 to 1: ± 0.05
	}
	return 1
}

// Run plays all cases.
func (b *Bench) Run(ctx context.Context) (*Result, error) {
	begun := time.Now()
	byPlace := map[Place][]*Case{}
	n := 0
	for _, class := range classes() { // in their order, so that a seed gives the same
		cases := b.planned(class)
		for i := range cases + one(cases > 0) {
			n++
			c := newCase(class, b.Seed+uint64(i)*7919+hash(class.Name), n)
			c.spare = i == cases
			byPlace[class.On] = append(byPlace[class.On], c)
		}
	}
	for i := range b.masks() {
		n++
		seed := b.Seed + uint64(i)*104729
		byPlace[Calm] = append(byPlace[Calm], newCase(mask(seed), seed, n))
	}
	// In any order, so that a run that is ended early has something of every class.
	for _, place := range slices.Sorted(maps.Keys(byPlace)) {
		rng := rand.New(rand.NewPCG(b.Seed, 31))
		rng.Shuffle(len(byPlace[place]), func(i, j int) { byPlace[place][i], byPlace[place][j] = byPlace[place][j], byPlace[place][i] })
		slices.SortStableFunc(byPlace[place], func(a, b *Case) int { return one(a.spare) - one(b.spare) })
	}
	result := &Result{Commit: commit(), Seed: b.Seed}
	var mu sync.Mutex
	var wrong error
	var places sync.WaitGroup
	for _, place := range slices.Sorted(maps.Keys(byPlace)) {
		places.Go(func() {
			begun := time.Now()
			runs, err := b.at(ctx, place, byPlace[place])
			b.Log(fmt.Sprintf("place %q: %d runs in %s", place, len(runs), time.Since(begun).Round(time.Second)))
			mu.Lock()
			defer mu.Unlock()
			result.Runs, wrong = append(result.Runs, runs...), errors.Join(wrong, err)
		})
	}
	places.Wait()
	if wrong != nil {
		return nil, wrong
	}
	result.Took = time.Since(begun).Round(time.Second).String()
	result.count()
	return result, nil
}

// at plays the cases of one place, on one server after the other.
func (b *Bench) at(ctx context.Context, place Place, cases []*Case) (all []Run, err error) {
	size := perServer
	if place == Ruined || place == Small {
		size = 1
	}
	counted := map[*Class]bool{}
	for len(cases) > 0 {
		// A class of which nothing could be measured, on a machine that is busy, has one more chance.
		cases = slices.DeleteFunc(cases, func(c *Case) bool { return c.spare && counted[c.class] })
		mains := slices.IndexFunc(cases, func(c *Case) bool { return c.spare })
		if mains < 0 {
			mains = len(cases)
		}
		if mains == 0 {
			mains, size = len(cases), min(size, len(cases))
		}
		part := cases[:min(size, mains)]
		cases = cases[len(part):]
		if b.over() || len(part) == 0 {
			return all, nil
		}
		runs, err := b.serve(ctx, place, part)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			counted[run.class] = counted[run.class] || run.Measured
		}
		all = append(all, runs...)
	}
	return all, nil
}

// over says whether no further case is to begin.
func (b *Bench) over() bool { return !b.Until.IsZero() && time.Now().After(b.Until) }

// planned is how many cases of a class are played in this run.
func (b *Bench) planned(class *Class) int {
	if !strings.HasPrefix(class.Name, b.Only) {
		return 0
	}
	return b.count(class)
}

// masks is how many cases with several faults are played.
func (b *Bench) masks() int {
	switch {
	case !strings.HasPrefix("masked.", b.Only):
		return 0
	case b.Many > 0 && b.Only != "":
		return b.Many
	case b.Long:
		return 320
	}
	return 24
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(s) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h % 1_000_000_007
}

// serve plays cases on a server of their own.
func (b *Bench) serve(ctx context.Context, place Place, cases []*Case) ([]Run, error) {
	timing := calm
	if place == Quick {
		timing = quick
	}
	dir := b.Dir()
	flags := []string{"--min-free", "1MiB"}
	if place == Small {
		if err := mount(dir); err != nil {
			return nil, err
		}
		mounted := dir
		defer func() {
			if err := unmount(mounted); err != nil {
				b.Log("unmount: " + err.Error())
			}
		}()
		flags = []string{"--min-free", fmt.Sprintf("%dMiB", lowMark>>20)}
		dir = filepath.Join(dir, "data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	s, err := newServer(ctx, b.Program, dir, timing, flags...)
	if err != nil {
		return nil, err
	}
	defer s.kill()
	var documents []client.Document
	for _, c := range cases {
		documents = append(documents, c.started()...)
	}
	if err := s.found(ctx, documents); err != nil {
		return nil, err
	}
	at := beside
	if place == Alone {
		at = 1
	}
	var mu sync.Mutex
	var runs []Run
	var failed []error
	queue := make(chan *Case)
	var workers sync.WaitGroup
	play := func(c *Case) {
		c.Server = s
		run, err := c.play(ctx)
		run.class = c.class
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = append(failed, fmt.Errorf("%s (seed %d): %w", c.class.Name, c.seed, err))
			run.Measured, run.Note = false, err.Error()
		}
		runs = append(runs, run)
		if b.Only != "" && b.Many < 4 || run.took > 4*time.Second || !run.Measured || !run.right() {
			b.Log(run.String())
		}
	}
	for range at {
		workers.Go(func() {
			for c := range queue {
				play(c)
			}
		})
	}
	for _, c := range cases {
		if !b.over() {
			queue <- c
		}
	}
	close(queue)
	workers.Wait()
	if len(failed) > len(cases)/2 {
		return nil, errors.Join(failed...)
	}
	return runs, nil
}

// String tells of a run, for a person.
func (r Run) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seed %d: %.1fs, measured %t, right %t, to cause %s, fixes %t restored %t %s\n", r.Class, r.Seed, r.took.Seconds(), r.Measured, r.right(), r.ToCause.Round(time.Millisecond), r.Fixes, r.Restored, r.Note)
	for _, t := range r.Truth {
		fmt.Fprintf(&b, "    true:  %+v\n", t)
	}
	fmt.Fprintf(&b, "    verdict %s\n", r.Answer.Verdict)
	for _, n := range r.Answer.Roots {
		fmt.Fprintf(&b, "    named: %s\n", n)
	}
	if r.Fixes && !r.Restored {
		fmt.Fprintf(&b, "    fixes: %s\n", r.proposed)
	}
	for _, w := range r.Wrong {
		fmt.Fprintf(&b, "    wrong: %s\n", w)
	}
	return b.String()
}

func (r *Result) count() {
	r.Classes = map[string]Scores{}
	by := map[string][]Run{}
	for _, run := range r.Runs {
		by[run.Class] = append(by[run.Class], run)
	}
	for name, runs := range by {
		r.Classes[name] = Score(runs)
	}
	r.Overall = Score(r.Runs)
	r.Cases = r.Overall.Cases
	r.Missed = Missed(r.Overall, r.Classes)
}

// Lines is the result as a table.
func (r *Result) Lines() []string {
	show := func(x *float64) string {
		if x == nil {
			return "-"
		}
		return percent(*x)
	}
	row := func(name string, s Scores) string {
		return fmt.Sprintf("%-38s %5d %8s %8s %8s %8s %8s %8s %8s %10s %s", name, s.Cases, show(s.AC1), show(s.AC3), show(s.ExactSet), show(s.FalseAccusations), show(s.HonestUnknown), show(s.Grounded),
			show(s.FixRestores), s.ToCauseMedian, strings.Repeat("!", min(s.NotMeasured, 5)))
	}
	list := []string{fmt.Sprintf("%-38s %5s %8s %8s %8s %8s %8s %8s %8s %10s", "class", "cases", "AC@1", "AC@3", "exact", "accused", "honest", "grounded", "restored", "to cause")}
	for _, name := range slices.Sorted(maps.Keys(r.Classes)) {
		list = append(list, row(name, r.Classes[name]))
	}
	return append(list, row("all", r.Overall), fmt.Sprintf("baselines: most recent change %s, first gate that stops %s; %d runs not measured; %s",
		show(r.Overall.MostRecentChange), show(r.Overall.FirstGate), r.Overall.NotMeasured, r.Took))
}

// Write writes scores.json, and beside it the runs that were not as they should be.
func (r *Result) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	var misses strings.Builder // for whoever looks for the reason
	for _, run := range r.Runs {
		if !run.Measured || !run.right() {
			misses.WriteString(run.String() + "\n")
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "misses.txt"), []byte(misses.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "scores.json"), append(raw, '\n'), 0o644)
}

// commit is what is checked out, "" where that is not known.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
