package faults

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/bidahq/bida/test/release"
)

var (
	seed  = flag.Uint64("seed", 1, "choose as the run with this seed did")
	class = flag.String("class", "", "only classes whose name begins so")
	many  = flag.Int("n", 0, "so many cases of each class")
	long  = flag.Bool("long", false, "the full run")
	end   = flag.Duration("for", 0, "begin no case after so long")
)

func TestTheBench(t *testing.T) {
	b := &Bench{Program: release.Program(t), Seed: *seed, Only: *class, Many: *many, Long: *long, Dir: t.TempDir, Log: func(s string) { t.Log(s) }}
	if *end > 0 {
		b.Until = time.Now().Add(*end)
	}
	result, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range result.Lines() {
		fmt.Println(line)
	}
	if err := result.Write("out"); err != nil {
		t.Fatal(err)
	}
	for _, line := range result.Missed {
		t.Error(line)
	}
}
