package disk

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bidahq/bida/test/release"
)

// outages cuts the power at every moment of a recording.
type outages struct {
	root   string
	view   view
	images int
	styles []Style // all if nil
	seed   uint64
	unsafe func(path string) bool // syncs that the model takes for nothing
	enough int                    // images with faults after which it stops; 0 for all
}

type verdict struct {
	*sample
	faults []string
}

// run returns what was wrong, image by image.
func (o *outages) run(t *testing.T) (wrong []verdict, looked int) {
	t.Helper()
	choose := &sampler{want: o.images, styles: o.styles, seed: o.seed, met: map[[32]byte]bool{}}
	if choose.styles == nil {
		choose.styles = allStyles
	}
	if err := o.view(NewDisk(o.root), func(string, check) error { choose.moments++; return nil }); err != nil {
		t.Fatal(err)
	}
	work := make(chan *sample)
	var mu sync.Mutex
	var stopped atomic.Bool
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		parent := short(t)
		workers.Go(func() {
			for s := range work {
				if stopped.Load() {
					continue
				}
				directory := filepath.Join(parent, fmt.Sprint(s.number))
				if err := os.Mkdir(directory, 0o700); err != nil {
					t.Error(err)
					continue
				}
				faults := s.look(t.Context(), directory)
				mu.Lock()
				looked++
				if len(faults) > 0 {
					wrong = append(wrong, verdict{s, faults})
					stopped.Store(o.enough > 0 && len(wrong) >= o.enough)
				}
				mu.Unlock()
				if err := os.RemoveAll(directory); err != nil {
					t.Error(err)
				}
			}
		})
	}
	disk, at := NewDisk(o.root), 0
	disk.unsafe = o.unsafe
	err := o.view(disk, func(told string, c check) error {
		choose.draw(disk, at, told, c, func(s *sample) { work <- s })
		at++
		return nil
	})
	close(work)
	workers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return wrong, looked
}

func report(t *testing.T, wrong []verdict) {
	t.Helper()
	for i, v := range wrong {
		if i == 10 {
			t.Errorf("… and %d more", len(wrong)-i)
			return
		}
		t.Errorf("%s:\n  %s", v.sample, strings.Join(v.faults[:min(5, len(v.faults))], "\n  "))
	}
}

// enoughLooked fails where there were far fewer different images than were wanted.
func (o *outages) enoughLooked(t *testing.T, looked int) {
	t.Helper()
	if looked < o.images*9/10 {
		t.Errorf("only %d of %d images", looked, o.images)
	}
}

// atLeast is how many images a test looks at.
func atLeast(few, many int) int {
	switch {
	case *images > 0:
		return *images
	case *long:
		return many
	}
	return few
}

func TestNothingIsLostWhenThePowerIsCut(t *testing.T) {
	r := recordScript(t)
	o := outages{root: r.root, view: r.view(release.Program(t), 25, 0), images: atLeast(120, 5000), seed: chosenSeed(t)}
	wrong, looked := o.run(t)
	t.Logf("%d images of a script with %d answers", looked, len(r.history.exchanges))
	report(t, wrong)
	o.enoughLooked(t, looked)
}

func recordScript(t *testing.T, args ...string) *recording {
	t.Helper()
	needStrace(t)
	r, err := record(t.Context(), release.Program(t), short(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNothingIsLostWhenThePowerIsCutWhileTheLogIsCopied(t *testing.T) {
	root, tr := commitsOf(t)
	o := outages{root: root, view: commitsView(tr, 0), images: atLeast(300, 6000), seed: chosenSeed(t)}
	wrong, looked := o.run(t)
	t.Logf("%d images of %d commits", looked, commits)
	report(t, wrong)
	o.enoughLooked(t, looked)
}

// commitsOf records the commits; in the recorded process it makes them.
func commitsOf(t *testing.T) (root string, tr *trace) {
	t.Helper()
	needStrace(t)
	root = short(t)
	tr, ended, err := recordCommits(root, committer)
	if err := errors.Join(ended, err); err != nil {
		t.Fatal(err)
	}
	copied := 0
	for _, c := range tr.calls {
		if c.name == "pwrite64" && strings.HasSuffix(c.path, "bida.db") {
			copied++
		}
	}
	if copied < commits {
		t.Fatalf("the log was hardly copied: %d pages", copied)
	}
	return root, tr
}

// committer is the test whose process is recorded.
const committer = "TestCommitsAreMadeInAProcessOfTheirOwn"

// It commits where another test asks it to, and is asked here for a few.
func TestCommitsAreMadeInAProcessOfTheirOwn(t *testing.T) {
	data, say := os.Getenv(childVariable), io.Writer(os.Stdout)
	if data == "" {
		data, say = filepath.Join(short(t), "data"), io.Discard
	}
	if err := commitAll(t.Context(), data, say); err != nil {
		t.Fatal(err)
	}
}

// After an fsync that failed, what it should have made safe never becomes so by a later one: the kernel takes those pages for clean. So nothing may rest on it.
func TestNothingRestsOnAnFsyncThatFailed(t *testing.T) {
	needStrace(t)
	s := chosenSeed(t)
	rng := rand.New(rand.NewPCG(s, 0))
	recordings, few := 2, 60
	if *long {
		recordings, few = 24, 300
	}
	for tries := uint64(0); recordings > 0; tries++ {
		if tries == 200 {
			t.Fatal("no recording in which an fsync fails and the server goes on")
		}
		r, failed := recordFailing(t, 1+rng.IntN(24))
		if failed == 0 {
			continue
		}
		recordings--
		o := outages{root: r.root, view: r.view(release.Program(t), 100, 0), images: few, seed: s + tries}
		wrong, looked := o.run(t)
		t.Logf("%d syncs failed, %d images", failed, looked)
		report(t, wrong)
	}
}

// recordFailing records the script while the n-th fsync of each thread fails. Where the server did not start or not stop because of that it has said so, and
// nothing is to be looked at.
func recordFailing(t *testing.T, n int) (r *recording, failed int) {
	t.Helper()
	r, err := record(t.Context(), release.Program(t), short(t), "-e", failingSync(n))
	if err != nil {
		t.Logf("%s: %.300v", failingSync(n), err)
		return nil, 0
	}
	for _, p := range r.parts {
		failed += p.failedSyncs()
	}
	return r, failed
}

func failingSync(n int) string { return fmt.Sprintf("inject=fsync:error=EIO:when=%d", n) }

func (t *trace) failedSyncs() (n int) {
	for _, c := range t.calls {
		if c.injected {
			n++
		}
	}
	return n
}

// The store alone ends at the first error that it is told of. What it had committed until then must be there, also where a sync failed that nobody told it of.
func TestTheStoreNoticesEveryFsyncThatFails(t *testing.T) {
	needStrace(t)
	s := chosenSeed(t)
	failed, last := 0, 20
	if *long {
		last = 80
	}
	for n := 1; n <= last; n++ {
		root := short(t)
		tr, ended, err := recordCommits(root, committer, "-e", failingSync(n))
		if err != nil {
			t.Fatal(err)
		}
		failed += tr.failedSyncs()
		o := outages{root: root, view: commitsView(tr, 1), images: atLeast(20, 200), seed: s}
		wrong, looked := o.run(t)
		if looked == 0 {
			continue // it noticed before it had committed anything
		}
		t.Logf("%s: %d failed, all was committed: %v; %d images", failingSync(n), tr.failedSyncs(), ended == nil, looked)
		report(t, wrong)
	}
	if failed == 0 {
		t.Error("no fsync failed")
	}
}

// withFile is how many answers there are when a message with a file was accepted.
const withFile = 16

// What is not synced must be missed: a harness that finds nothing when syncs do nothing finds nothing.
func TestALossIsSeenWhereSyncsDoNothing(t *testing.T) {
	root, tr := commitsOf(t)
	r := recordScript(t)
	s := chosenSeed(t)
	program := release.Program(t)
	for _, test := range []struct {
		name   string
		root   string
		view   view
		unsafe func(path string) bool
	}{
		{"of the log, under commits", root, commitsView(tr, 0), func(path string) bool { return strings.HasSuffix(path, "-wal") }},
		{"of the database, under checkpoints", root, commitsView(tr, 0), func(path string) bool { return strings.HasSuffix(path, "bida.db") }},
		{"of the log, under the script", r.root, r.view(program, 1000, 1), func(path string) bool { return strings.HasSuffix(path, "-wal") }},
		{"of the contents of files", r.root, r.view(program, 1000, withFile), func(path string) bool { return strings.Contains(path, "/incoming/") }},
		{"of the names of files", r.root, r.view(program, 1000, withFile), func(path string) bool {
			return strings.Contains(path, "/files/") && !strings.Contains(path, "/incoming")
		}},
		{"of the directory's own name", r.root, r.view(program, 1000, 1), func(path string) bool { return path == r.root }},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := outages{root: test.root, view: test.view, styles: []Style{Nothing}, seed: s, unsafe: test.unsafe, enough: 1}
			wrong, looked := o.run(t)
			if len(wrong) == 0 {
				t.Fatalf("%d images, and nothing is missing", looked)
			}
			t.Logf("seen in one of %d images: %s: %.200s", looked, wrong[0].sample, wrong[0].faults[0])
		})
	}
}
