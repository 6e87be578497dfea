package disk

import (
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/bidahq/bida/test/fault"
)

var (
	long   = flag.Bool("long", false, "every call, and at least 10,000 images")
	seed   = flag.Uint64("seed", 0, "choose as the run with this seed did")
	images = flag.Int("images", 0, "how many images of the script's disk, whatever -long says")
)

// A program of which calls fail is started through this one.
func TestMain(m *testing.M) {
	fault.Become()
	m.Run()
}

// chosenSeed is the seed of this run; the log says how to repeat it.
func chosenSeed(t *testing.T) uint64 {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64N(1_000_000) + 1
	}
	t.Logf("seed %d: go test ./test/disk -run %s -args -seed=%d", s, t.Name(), s)
	return s
}

// needStrace fails where the tracer is missing or may not trace.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: test/run.sh installs it (Debian: apt-get install strace)")
	}
	if out, err := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "true").CombinedOutput(); err != nil {
		t.Fatalf("strace cannot trace here; ptrace must be permitted (in containers: --cap-add SYS_PTRACE): %v\n%s", err, out)
	}
}

// short makes a directory whose path leaves room for the name of a socket, in memory if there is some: what is safe is the model's matter.
func short(t testing.TB) string {
	t.Helper()
	parent := "/dev/shm"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = ""
	}
	directory, err := os.MkdirTemp(parent, "bida-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) }) // it is in a temporary place
	return directory
}
