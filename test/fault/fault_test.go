package fault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Become()
	m.Run()
}

// writers writes 40 times in one directory, from several threads, and once in another, and says how often that failed, and with what.
const writers = "BIDA_TEST_FAULT_WRITERS"

// It writes where another test asks it to.
func TestWritesAreMadeInAProcessOfTheirOwn(t *testing.T) {
	directory := os.Getenv(writers)
	if directory == "" {
		directory = t.TempDir()
	}
	var mu sync.Mutex
	failed := map[string]int{}
	write := func(path string, times int) {
		f, err := os.Create(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for n := range times {
			if _, err := f.WriteAt([]byte("x"), int64(n)); err != nil {
				mu.Lock()
				failed[err.(*os.PathError).Err.Error()]++
				mu.Unlock()
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(directory, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() { write(filepath.Join(directory, "in", fmt.Sprint(n)), 10) })
	}
	all.Wait()
	write(filepath.Join(directory, "out"), 1)
	fmt.Println("failed:", failed)
}

// runUnder runs it.
func runUnder(t *testing.T, r Rule) (out string, seen, met int) {
	t.Helper()
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(directory, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWritesAreMadeInAProcessOfTheirOwn$")
	cmd.Env = append(os.Environ(), writers+"="+directory)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	r.Under = filepath.Join(directory, "in")
	i, err := Wrap(cmd, r)
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	i.Serve()
	if err == nil {
		err = cmd.Wait()
	}
	seen, met, failed := i.Wait()
	if exit := (*exec.ExitError)(nil); failed != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v, %v\n%s", err, failed, said.String())
	}
	return said.String(), seen, met
}

func TestTheNthCallsOfAllThreadsFailAndNoOthers(t *testing.T) {
	for _, test := range []struct {
		first, many, met int
		said             string
	}{
		{1, 0, 0, "failed: map[]"}, {7, 1, 1, "failed: map[no space left on device:1]"}, {38, 9, 3, "failed: map[no space left on device:3]"}, {41, 5, 0, "failed: map[]"},
	} {
		out, seen, met := runUnder(t, Rule{Calls: []string{"pwrite64"}, First: test.first, Many: test.many, Errno: syscall.ENOSPC})
		if seen != 40 || met != test.met || !strings.Contains(out, test.said) {
			t.Errorf("%+v: %d calls, %d met: %s", test, seen, met, out)
		}
	}
}

func TestCallsThatAreNamedByPathAreCountedWhereTheyAreAbout(t *testing.T) {
	out, seen, met := runUnder(t, Rule{Calls: []string{"open", "mkdir"}, First: 1, Many: 1, Errno: syscall.EMFILE})
	if seen != 4 || met != 1 || !strings.Contains(out, "too many open files") { // the directory is there, and looked at only
		t.Errorf("%d calls, %d met: %s", seen, met, out)
	}
}

func TestCallsCanTakeLonger(t *testing.T) {
	const long = 30 * time.Millisecond
	begun := time.Now()
	out, seen, met := runUnder(t, Rule{Calls: []string{"pwrite64"}, First: 1, Many: 40, Delay: long})
	if took := time.Since(begun); seen != 40 || met != 40 || took < 10*long || !strings.Contains(out, "failed: map[]") {
		t.Errorf("%d calls, %d met, in %s: %s", seen, met, took, out)
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	if _, err := Wrap(exec.Command("true"), Rule{Calls: []string{"dance"}}); err == nil || !strings.Contains(err.Error(), `"dance"`) {
		t.Errorf("an unknown call: %v", err)
	}
	cmd := exec.Command(filepath.Join(t.TempDir(), "nothing"))
	i, err := Wrap(cmd, Rule{Calls: []string{"fsync"}})
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	i.Serve()
	if err == nil {
		err = cmd.Wait()
	}
	if _, _, failed := i.Wait(); err == nil {
		t.Errorf("a program that is not there: %v", failed)
	}
}
