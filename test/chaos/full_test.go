package chaos

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestNothingIsLostWhenTheDiskIsFull(t *testing.T) {
	if !mayMount(t) {
		elsewhere(t)
		return
	}
	chaos(t, Plan{Trouble: Full, Think: 250 * time.Millisecond}, times(8, 200), nil)
}

// mayMount says whether this process may mount a file system.
func mayMount(t *testing.T) bool {
	t.Helper()
	d, err := newDisk(t.TempDir())
	if errors.Is(err, os.ErrPermission) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.remove(); err != nil {
		t.Fatal(err)
	}
	return true
}

// inNamespace is set in a process that was started to have mounts of its own.
const inNamespace = "BIDA_TEST_CHAOS_MOUNTS"

// elsewhere runs the test in a process that is root in a namespace of its own, where the system allows that to everybody.
func elsewhere(t *testing.T) {
	t.Helper()
	const needed = "a small file system must be mounted: run as root, or where user namespaces are permitted (in containers: --cap-add SYS_ADMIN)"
	if os.Getenv(inNamespace) != "" {
		t.Fatal(needed)
	}
	args := append([]string{"-test.run=^" + t.Name() + "$", "-test.v"}, os.Args[1:]...)
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--user", "--map-root-user", "--mount", "--", os.Args[0]}, args...)...)
	cmd.Env = append(os.Environ(), inNamespace+"=yes")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%s: %v", needed, err)
	}
}

// smallDisk makes a directory for data on a small file system of its own.
func smallDisk(t *testing.T) (*disk, string) {
	t.Helper()
	d, err := newDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.remove(); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(d.path, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	return d, data
}
