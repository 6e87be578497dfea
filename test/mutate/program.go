package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is the compiled tests of a package.
type program struct {
	path   string
	dir    string   // of the package: its tests run there
	flags  []string // that its tests understand
	stages []stage
}

// stage are tests that are run together; the cheap ones come first, because they notice most.
type stage struct {
	tests []string
	cost  time.Duration
}

// cheap is what tests of the first stage cost at most, each.
const cheap = 20 * time.Millisecond

// build compiles a package's tests.
func build(dir, path, overlay string) (*program, error) {
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", path}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c: %w: %s", err, out)
	}
	return &program{path: path, dir: dir, flags: flagsOf(dir)}, nil
}

// flagsOf are the flags that make the tests of a package fit for many runs.
func flagsOf(dir string) (flags []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go")) // the pattern is a constant
	has := func(text string) bool {
		return slices.ContainsFunc(files, func(file string) bool {
			content, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(content), text)
		})
	}
	if has(`"pgregory.net/rapid"`) {
		flags = append(flags, "-rapid.shrinktime=0s", "-rapid.nofailfile") // that it fails is enough
	}
	if has(`flag.Int("cases"`) {
		flags = append(flags, "-cases=20000", "-rapid.checks=15") // each mutant meets enough of them; a million would take hours
	}
	return flags
}

var passed = regexp.MustCompile(`(?m)^--- PASS: (\S+) \(([0-9.]+)s\)$`)

// measure runs all tests on the package as it is, and orders those that pass by what they cost. The others are of no use.
func (p *program) measure(ctx context.Context, limit time.Duration) error {
	_, out, err := p.run(ctx, 0, limit, "-test.v")
	if err != nil {
		return err
	}
	type test struct {
		name string
		cost time.Duration
	}
	var tests []test
	for _, m := range passed.FindAllSubmatch(out, -1) {
		seconds, _ := strconv.ParseFloat(string(m[2]), 64) // the expression lets nothing else through
		tests = append(tests, test{string(m[1]), time.Duration(seconds * float64(time.Second))})
	}
	slices.SortStableFunc(tests, func(a, b test) int { return int(a.cost - b.cost) })
	for i, t := range tests {
		if i == 0 || t.cost > cheap {
			p.stages = append(p.stages, stage{})
		}
		s := &p.stages[len(p.stages)-1]
		s.tests, s.cost = append(s.tests, t.name), s.cost+t.cost
	}
	return nil
}

// beside returns the stages with the tests that another program does not have.
func (p *program) beside(other *program) (list []stage) {
	var done []string
	for _, s := range other.stages {
		done = append(done, s.tests...)
	}
	for _, s := range p.stages {
		rest := slices.DeleteFunc(slices.Clone(s.tests), func(t string) bool { return slices.Contains(done, t) })
		if len(rest) > 0 {
			list = append(list, stage{rest, s.cost})
		}
	}
	return list
}

// notices says whether a test fails, or does not come to its end, with a mutant.
func (p *program) notices(ctx context.Context, stages []stage, mutant int) (bool, error) {
	for _, s := range stages {
		limit := 2*time.Minute + 100*s.cost
		stage, cancel := context.WithTimeout(ctx, limit)
		ok, _, err := p.run(stage, mutant, 2*time.Second+10*s.cost, "-test.failfast", "-test.run=^("+strings.Join(s.tests, "|")+")$")
		late := stage.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil || !ok || late {
			return err == nil || late, err
		}
	}
	return false, nil
}

// memory is what a test may use, in kilobytes of addresses: a mutant that never ends may also never stop to ask for more.
const memory = 6_000_000

// run starts the program once and says whether it ended well. It may take so much of a processor's time: other work on the machine does not end it.
func (p *program) run(ctx context.Context, mutant int, work time.Duration, args ...string) (ok bool, out []byte, err error) {
	limited := []string{"-c", fmt.Sprintf(`ulimit -v %d; ulimit -t %d; exec "$0" "$@"`, memory, int(work.Seconds())), p.path}
	cmd := exec.CommandContext(ctx, "sh", append(append(limited, args...), p.flags...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(mutant), "GOMAXPROCS=1")
	out, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return false, out, nil
	}
	return err == nil, out, err
}

// compiled is the sum of what the compiler makes of a package, its tests left out. It is the same where it makes the same of other code. What tests do not
// use is part of it, other than of their program.
func compiled(dir, path, overlay string) (sum [sha256.Size]byte, err error) {
	args := []string{"build", "-trimpath", "-o", path}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return sum, fmt.Errorf("go build: %w: %s", err, out)
	}
	id, err := exec.Command("go", "tool", "buildid", path).Output()
	if err != nil {
		return sum, fmt.Errorf("go tool buildid: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return sum, err
	}
	// It tells of the source in this place only.
	return sha256.Sum256(bytes.ReplaceAll(content, bytes.TrimSpace(id), nil)), nil
}
