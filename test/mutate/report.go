package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readEquivalent reads the changes of a package that alter nothing, each with its reason:
//
//	reception/spare.go takeCandidates: ok && cap(*s) >= n: >= becomes >
//	    a list that is exactly long enough is made again instead of used again
func readEquivalent(path, pkg string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	known, last := map[string]string{}, ""
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			if last = line; known[last] != "" {
				return nil, fmt.Errorf("%s:%d: %q is there already", path, n, line)
			}
			known[last] = "\n"
		case last == "":
			return nil, fmt.Errorf("%s:%d: a reason without a change", path, n)
		default:
			known[last] = strings.TrimSpace(known[last] + " " + strings.TrimSpace(line))
		}
	}
	for change, reason := range known {
		if reason == "\n" {
			return nil, fmt.Errorf("%s: %q has no reason", path, change)
		}
		if !strings.HasPrefix(change, pkg+"/") {
			delete(known, change)
		}
	}
	return known, lines.Err()
}

// listedAs is how a mutant is named in the list of those that alter nothing.
func listedAs(m *mutant) string {
	return filepath.Base(filepath.Dir(m.file)) + "/" + filepath.Base(m.file) + " " + m.name()
}

// report prints the survivors and the sum.
func report(dir string, found int, list []mutant, fates []fate, known map[string]string, o options) (enough bool, err error) {
	var n [fateCount]int
	excused := map[string]bool{}
	for i, f := range fates {
		_, listed := known[listedAs(&list[i])]
		if listed && (f == survived || f == same) {
			excused[listedAs(&list[i])] = true
			f = same
		}
		if n[f]++; f == survived {
			fmt.Printf("survived  %s\n", &list[i])
		}
	}
	for change := range known {
		if !excused[change] && len(list) == found {
			err = fmt.Errorf("%s: %q is gone, or is noticed", o.equivalent, change)
		}
	}
	counted := n[survived] + n[killed]
	percent := 100.0
	if counted > 0 {
		percent = 100 * float64(n[killed]) / float64(counted)
	}
	fmt.Printf("%s: %d of %d mutants tried; %d do not compile, %d alter nothing (%d of them listed); of %d, %d killed (%.1f %%), %d survived\n",
		filepath.Base(dir), len(list), found, n[stillborn], n[same], len(excused), counted, n[killed], percent, n[survived])
	return percent >= float64(o.atLeast), err
}
