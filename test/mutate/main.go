// Command mutate changes packages in one place at a time and runs their own tests on each change: a change that no test notices (a survivor) shows what the
// tests do not prove. `make mutate` calls it. It ends with status 1 where fewer than -atleast percent are noticed.
//
// Nothing is written into the repository: the changed file is given to the go command as an overlay. Changes that do not compile are not counted; one on
// which the tests never end counts as noticed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// fate is what became of a mutant.
type fate int

const (
	survived fate = iota
	killed
	stillborn // does not compile
)

type options struct {
	sample   int
	seed     uint64
	parallel int
	limit    time.Duration
	atLeast  int
}

func main() {
	var o options
	flag.IntVar(&o.sample, "sample", 0, "try so many mutants of each package, chosen by -seed; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "which ones -sample chooses")
	flag.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "how many at a time")
	flag.DurationVar(&o.limit, "limit", 2*time.Minute, "how long the tests may take on one mutant, compiling included")
	flag.IntVar(&o.atLeast, "atleast", 90, "percent that must be killed")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "mutate: name the directories of the packages")
		os.Exit(2)
	}
	enough := true
	for _, dir := range flag.Args() {
		ok, err := run(dir, o)
		if err != nil {
			fmt.Fprintf(os.Stderr, "mutate: %s: %v\n", dir, err)
			os.Exit(2)
		}
		enough = enough && ok
	}
	if !enough {
		os.Exit(1)
	}
}

// run tries the mutants of one package and prints the survivors.
func run(dir string, o options) (enough bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	list, err := mutantsOf(dir)
	if err != nil {
		return false, err
	}
	found := len(list)
	if o.sample > 0 && o.sample < found {
		r := rand.New(rand.NewPCG(o.seed, 0))
		r.Shuffle(found, func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:o.sample]
	}
	scratch, err := os.MkdirTemp("", "bida-mutate-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(scratch)
	if f, out, err := try(dir, filepath.Join(scratch, "0"), nil, o.limit); err != nil || f != survived {
		return false, fmt.Errorf("the tests do not pass on the package as it is: %v\n%s", err, out)
	}
	fates, err := tryAll(dir, scratch, list, o)
	if err != nil {
		return false, err
	}
	return report(dir, found, list, fates, o.atLeast), nil
}

func tryAll(dir, scratch string, list []mutant, o options) ([]fate, error) {
	fates, faults := make([]fate, len(list)), make([]error, len(list))
	next := make(chan int)
	begun := time.Now()
	var workers sync.WaitGroup
	for range o.parallel {
		workers.Go(func() {
			for i := range next {
				fates[i], _, faults[i] = try(dir, filepath.Join(scratch, fmt.Sprint(i+1)), &list[i], o.limit)
			}
		})
	}
	for i := range list {
		if i > 0 && i%50 == 0 {
			fmt.Fprintf(os.Stderr, "mutate: %d of %d after %s\n", i, len(list), time.Since(begun).Round(time.Second))
		}
		next <- i
	}
	close(next)
	workers.Wait()
	i := slices.IndexFunc(faults, func(err error) bool { return err != nil })
	if i >= 0 {
		return nil, faults[i]
	}
	return fates, nil
}

// try runs the package's tests on a mutant; nil is the package as it is.
func try(dir, scratch string, m *mutant, limit time.Duration) (fate, []byte, error) {
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", limit.String()}
	if m != nil {
		overlay, err := writeOverlay(scratch, m)
		if err != nil {
			return 0, nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	args = append(args, ".")
	if hasFlag(dir) {
		args = append(args, "-args", "-cases=20000") // each mutant meets enough of them; a million would take hours
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return killed, out, nil
	case err == nil:
		return survived, out, nil
	case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "[setup failed]"):
		return stillborn, out, nil
	case strings.Contains(string(out), "FAIL"):
		return killed, out, nil
	}
	return 0, out, fmt.Errorf("go test: %w: %s", err, out)
}

// hasFlag says whether the package's tests can be told how many random cases to try.
func hasFlag(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go")) // the pattern is a constant
	return slices.ContainsFunc(files, func(file string) bool {
		content, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(content), `flag.Int("cases"`)
	})
}

// writeOverlay writes the changed file and what tells the go command to read it instead; it returns the latter's path.
func writeOverlay(scratch string, m *mutant) (string, error) {
	content, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(scratch, "changed.go")
	if err := os.WriteFile(changed, m.apply(content), 0o600); err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}

// report prints the survivors and the sum.
func report(dir string, found int, list []mutant, fates []fate, atLeast int) (enough bool) {
	var n [stillborn + 1]int
	for i, f := range fates {
		n[f]++
		if f == survived {
			fmt.Printf("survived  %s\n", &list[i])
		}
	}
	counted := n[survived] + n[killed]
	percent := 100.0
	if counted > 0 {
		percent = 100 * float64(n[killed]) / float64(counted)
	}
	fmt.Printf("%s: %d of %d mutants tried, %d do not compile; of %d, %d killed (%.1f %%), %d survived\n",
		filepath.Base(dir), len(list), found, n[stillborn], counted, n[killed], percent, n[survived])
	return percent >= float64(atLeast)
}
