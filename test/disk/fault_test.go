package disk

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/test/fault"
	"github.com/bidahq/bida/test/release"
)

// lasting is how many calls fail where an error lasts for a while.
const lasting = 5

func TestNothingIsLostWhenCallsFail(t *testing.T) {
	path := release.Program(t)
	rng := rand.New(rand.NewPCG(chosenSeed(t), 0))
	f, err := found(path, short(t))
	if err != nil {
		t.Fatal(err)
	}
	var plan []fault.Rule
	for _, k := range kinds {
		o, err := f.suffer(t.Context(), short(t), fault.Rule{Calls: k.calls}, true, outside(path))
		if err != nil {
			t.Fatal(err)
		}
		if o.seen == 0 || len(o.faults) > 0 {
			t.Fatalf("%s without a fault: %d calls, %v", k.calls, o.seen, o.faults)
		}
		t.Logf("%s: %d calls", k.calls, o.seen)
		plan = append(plan, choose(k, o.seen, rng)...)
	}
	carryOut(t, f, plan)
}

// each so many runs are looked at by the release program; the others by this test's own server, which is much faster.
const each = 10

// choose chooses the faults of a kind: every call, or one of each error, single or lasting.
func choose(k kind, calls int, rng *rand.Rand) (plan []fault.Rule) {
	for _, e := range k.errors {
		if !*long {
			plan = append(plan, fault.Rule{Calls: k.calls, Errno: e, First: 1 + rng.IntN(calls), Many: []int{1, lasting}[rng.IntN(2)]})
			continue
		}
		for n := 1; n <= calls; n++ {
			plan = append(plan, fault.Rule{Calls: k.calls, Errno: e, First: n, Many: 1})
			if n%lasting == 1 {
				plan = append(plan, fault.Rule{Calls: k.calls, Errno: e, First: n, Many: lasting})
			}
		}
	}
	return plan
}

// carryOut runs a plan, several at a time: a server whose disk fails is mostly waited for.
func carryOut(t *testing.T, f *founded, plan []fault.Rule) {
	t.Helper()
	outcomes := make([]*outcome, len(plan))
	next := make(chan int)
	var workers sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		parent := short(t)
		workers.Go(func() {
			for i := range next {
				outcomes[i] = carryOne(t, f, parent, plan[i], i)
			}
		})
	}
	for i := range plan {
		next <- i
	}
	close(next)
	workers.Wait()
	met, refused := 0, map[int]int{}
	for _, o := range outcomes {
		met += o.met
		for status, n := range maps.All(o.refused) {
			refused[status] += n
		}
	}
	t.Logf("%d runs, %d calls failed, refusals by status %v", len(plan), met, refused)
	if met == 0 {
		t.Error("no call failed")
	}
}

// carryOne runs one of a plan, and reports it.
func carryOne(t *testing.T, f *founded, parent string, r fault.Rule, i int) *outcome {
	again := inside
	if i%each == 0 || !*long {
		again = outside(f.path)
	}
	directory, err := os.MkdirTemp(parent, "")
	if err != nil {
		t.Error(err)
		return &outcome{}
	}
	o, err := f.suffer(t.Context(), directory, r, i%2 == 0, again)
	if err != nil {
		t.Errorf("%s: %v", r, err)
		o = &outcome{}
	}
	if !*long || len(o.ends) > 0 || i%100 == 0 {
		t.Logf("run %d: %s: %d did; answers %v; ends %q", i, r, o.met, o.refused, o.ends)
	}
	if len(o.faults) > 0 {
		t.Errorf("%s: %s", r, strings.Join(o.faults[:min(5, len(o.faults))], "\n  "))
	}
	if err := os.RemoveAll(directory); err != nil {
		t.Error(err)
	}
	return o
}

// slow is by how much each fsync is delayed, for so many of them.
const slow, slowCalls = 60 * time.Millisecond, 60

func TestASlowDiskOnlySlows(t *testing.T) {
	root := short(t)
	p := &program{release.Program(t), filepath.Join(root, "data")}
	adminToken, err := p.found(strace{}, strace{})
	if err != nil {
		t.Fatal(err)
	}
	pl := newPlayer(p, adminToken)
	begun := time.Now()
	met, err := pl.sufferedLife(t.Context(), fault.Rule{Calls: []string{"fsync"}, Under: p.data, First: 1, Many: slowCalls, Delay: slow}, true)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	_, delayed, err := met.Wait()
	t.Logf("%d syncs took %s longer; the script took %s", delayed, slow, took.Round(time.Millisecond))
	if err != nil || delayed < slowCalls/2 {
		t.Errorf("only %d syncs were slow: %v", delayed, err)
	}
	if len(pl.refuse) > 0 || len(pl.ends) > 0 {
		t.Errorf("refused %v, ended %q", pl.refuse, pl.ends)
	}
	for _, broken := range append(pl.faults, ask(t.Context(), p.data, &pl.history, outside(p.path))...) {
		t.Error(broken)
	}
}
