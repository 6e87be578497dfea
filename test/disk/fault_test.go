package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/test/release"
)

// lasting is how many calls of a thread fail where an error lasts for a while.
const lasting = 5

func TestNothingIsLostWhenCallsFail(t *testing.T) {
	needStrace(t)
	path := release.Program(t)
	rng := rand.New(rand.NewPCG(chosenSeed(t), 0))
	var plan []Fault
	for _, k := range kinds {
		directory := short(t)
		o, err := suffer(t.Context(), path, directory, Fault{kind: k}, true)
		if err != nil {
			t.Fatal(err)
		}
		if o.counts == 0 || len(o.faults) > 0 {
			t.Fatalf("%s without a fault: %d calls of a thread, %v", k.calls, o.counts, o.faults)
		}
		t.Logf("%s: at most %d by one thread", k.calls, o.counts)
		plan = append(plan, choose(k, o.counts, rng)...)
	}
	for i, o := range carryOut(t, path, plan) {
		f := plan[i]
		t.Logf("%s: %d failed; answers %v; ends %q", f, o.injected, o.refused, o.ends)
		if len(o.faults) > 0 {
			t.Errorf("%s: %s", f, strings.Join(o.faults[:min(5, len(o.faults))], "\n  "))
		}
	}
}

// choose chooses the faults of a kind: every call, or one of each error, single or lasting.
func choose(k kind, counts int, rng *rand.Rand) (plan []Fault) {
	for _, e := range k.errors {
		if !*long {
			plan = append(plan, Fault{k, e, 1 + rng.IntN(counts), []int{1, lasting}[rng.IntN(2)]})
			continue
		}
		for n := 1; n <= counts; n++ {
			plan = append(plan, Fault{k, e, n, 1})
			if n%lasting == 1 {
				plan = append(plan, Fault{k, e, n, lasting})
			}
		}
	}
	return plan
}

// carryOut runs a plan, several at a time.
func carryOut(t *testing.T, path string, plan []Fault) []*outcome {
	t.Helper()
	outcomes := make([]*outcome, len(plan))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		parent := short(t)
		workers.Go(func() {
			for i := range next {
				directory, err := os.MkdirTemp(parent, "")
				if err == nil {
					outcomes[i], err = suffer(t.Context(), path, directory, plan[i], i%2 == 0)
				}
				if err != nil {
					outcomes[i] = &outcome{faults: []string{err.Error()}}
				}
				if err := os.RemoveAll(directory); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range plan {
		next <- i
	}
	close(next)
	workers.Wait()
	injected, refused := 0, map[int]int{}
	for _, o := range outcomes {
		injected += o.injected
		for status, n := range maps.All(o.refused) {
			refused[status] += n
		}
	}
	t.Logf("%d runs, %d calls failed, refusals by status %v", len(plan), injected, refused)
	if injected == 0 {
		t.Error("no call failed")
	}
	return outcomes
}

// slow is by how much each fsync is delayed, for so many of a thread.
const slow, slowCalls = 60 * time.Millisecond, 60

func TestASlowDiskOnlySlows(t *testing.T) {
	needStrace(t)
	root := short(t)
	p := &program{release.Program(t), filepath.Join(root, "data")}
	adminToken, err := p.found(strace{}, strace{})
	if err != nil {
		t.Fatal(err)
	}
	pl := newPlayer(p, adminToken)
	output := filepath.Join(root, "trace")
	inject := fmt.Sprintf("inject=fsync:delay_enter=%d:when=1..%d", slow.Microseconds(), slowCalls)
	begun := time.Now()
	if err := pl.sufferedLife(t.Context(), strace{output, []string{"-e", "trace=fsync", "-e", inject}}, true); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	raw, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	delayed := strings.Count(string(raw), "(DELAYED)")
	t.Logf("%d syncs took %s longer; the script took %s", delayed, slow, took.Round(time.Millisecond))
	if delayed < slowCalls/2 {
		t.Errorf("only %d syncs were slow", delayed)
	}
	if len(pl.refuse) > 0 || len(pl.ends) > 0 {
		t.Errorf("refused %v, ended %q", pl.refuse, pl.ends)
	}
	for _, fault := range append(pl.faults, ask(t.Context(), p.data, &pl.history, outside(p.path))...) {
		t.Error(fault)
	}
}
