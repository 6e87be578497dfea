// Command mutate changes packages in one place at a time and runs their own tests on each change: a change that no test notices (a survivor) shows what the
// tests do not prove. `make mutate` calls it. It ends with status 1 where fewer than -atleast percent are noticed.
//
// Nothing is written into the repository. First all changes are compiled into one program that does one of them as it is told, and its tests run on each, the
// cheap ones first. What they do not notice is compiled by itself: where the compiler makes the same of it as of the package without the change, there is
// nothing to notice, and it is not counted; else the tests that could not run in the first program have their turn. Neither are changes counted that do not
// compile. A change on which the tests never end counts as noticed.
//
// equivalent.txt lists changes that alter nothing that anybody could see, each with the reason; they are not counted either. One that is noticed after all,
// or that is gone, is an error.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"
)

type options struct {
	run        string
	part       string
	sample     int
	seed       uint64
	parallel   int
	limit      time.Duration
	atLeast    int
	equivalent string
}

func main() {
	var o options
	flag.StringVar(&o.run, "run", "", "try only the mutants whose line in the report this regular expression matches")
	flag.StringVar(&o.part, "part", "", "try only such a part of the mutants: 2/3 is the second of three")
	flag.IntVar(&o.sample, "sample", 0, "try so many mutants of each package, chosen by -seed; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "which ones -sample chooses")
	flag.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "how many at a time")
	flag.DurationVar(&o.limit, "limit", 2*time.Minute, "how long the tests may take on the package as it is")
	flag.IntVar(&o.atLeast, "atleast", 90, "percent that must be killed")
	flag.StringVar(&o.equivalent, "equivalent", filepath.Join("test", "mutate", "equivalent.txt"), "the list of changes that alter nothing")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "mutate: name the directories of the packages")
		os.Exit(2)
	}
	enough := true
	for _, dir := range flag.Args() {
		ok, err := run(context.Background(), dir, o)
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
func run(ctx context.Context, dir string, o options) (enough bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	known, err := readEquivalent(o.equivalent, filepath.Base(dir))
	if err != nil {
		return false, err
	}
	list, err := mutantsOf(dir)
	if err != nil {
		return false, err
	}
	found := len(list)
	if list, err = o.choose(list); err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp("", "bida-mutate-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(scratch)
	fates, err := newTrial(dir, scratch, list, o).all(ctx)
	if err != nil {
		return false, err
	}
	return report(dir, found, list, fates, known, o)
}

// choose takes the mutants that are asked for.
func (o *options) choose(list []mutant) ([]mutant, error) {
	wanted, err := regexp.Compile(o.run)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	list = slices.DeleteFunc(list, func(m mutant) bool { return !wanted.MatchString(m.String()) })
	if o.part != "" {
		var n, of int
		if _, err := fmt.Sscanf(o.part, "%d/%d", &n, &of); err != nil || n < 1 || n > of {
			return nil, fmt.Errorf("-part is %q, want for example 2/3", o.part)
		}
		var part []mutant
		for i := n - 1; i < len(list); i += of {
			part = append(part, list[i])
		}
		list = part
	}
	if o.sample > 0 && o.sample < len(list) {
		r := rand.New(rand.NewPCG(o.seed, 0))
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:o.sample]
	}
	return list, nil
}
