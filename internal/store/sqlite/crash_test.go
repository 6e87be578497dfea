package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// group is the n-th group: one message of one kilobyte in one conversation.
func group(n int64) *ledger.Group {
	at := time.UnixMicro(n * 1e6).UTC()
	return &ledger.Group{First: n, Last: n, At: at, Nonce: fmt.Sprint(n),
		Messages:      []ledger.MessageRow{{Position: n, Direction: ledger.Inbound, Inbox: "web", Conversation: 1, Sequence: n, Text: strings.Repeat("x", 1000), At: at}},
		Conversations: []ledger.ConversationRow{{ID: 1, Inbox: "web", Status: "open", LastSequence: n}}}
}

func commit(t *testing.T, s *sqlite.Store, from, to int64) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := s.Commit(t.Context(), group(n)); err != nil {
			t.Fatalf("group %d: %v", n, err)
		}
	}
}

func load(t *testing.T, s *sqlite.Store) *ledger.State {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// image copies what a dead process would leave, as it lies in the files now.
func image(t *testing.T, directory string) string {
	t.Helper()
	copied := t.TempDir()
	for _, name := range []string{sqlite.File, sqlite.File + "-wal"} {
		b, err := os.ReadFile(filepath.Join(directory, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

func TestWhatWasCommittedIsThereAfterTheProcessDied(t *testing.T) {
	directory := t.TempDir()
	s := open(t, directory, sqlite.Options{CheckpointPages: 20})
	defer s.Close()
	for n := int64(1); n <= 40; n++ {
		commit(t, s, n, n)
		if n%8 != 0 {
			continue
		}
		want := load(t, s)
		again := open(t, image(t, directory), sqlite.Options{})
		if got := load(t, again); !reflect.DeepEqual(got, want) {
			t.Fatalf("after group %d:\ngot  %+v\nwant %+v", n, got, want)
		}
		commit(t, again, n+1, n+1)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A group whose frames are complete in the log but which was never acknowledged may count or not, but it must do so for good.
func TestTheEndOfTheLogIsSettledWhenItIsOpened(t *testing.T) {
	directory := t.TempDir()
	s := open(t, directory, sqlite.Options{})
	defer s.Close()
	commit(t, s, 1, 3)
	whole := image(t, directory)
	log := filepath.Join(whole, sqlite.File+"-wal")
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	// Without its last byte the last frame is not valid: group 3 is not there.
	if err := os.Truncate(log, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	torn := open(t, whole, sqlite.Options{})
	if got := load(t, torn).Position; got != 2 {
		t.Errorf("position %d after a torn commit", got)
	}
	if has, err := torn.HasGroup(t.Context(), 3, "3"); has || err != nil {
		t.Errorf("torn group: %v, %v", has, err)
	}
	// The last byte comes back, as from a disk that wrote late. The old log must not count any more.
	if err := torn.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(directory, sqlite.File+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	settled := open(t, whole, sqlite.Options{})
	commit(t, settled, 3, 3)
	fresh, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if string(fresh[:32]) == string(old[:32]) {
		t.Error("the log goes on where the old one ended: its frames could become valid again")
	}
	if err := settled.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestASparingStoreTakesLittleRoomForItsLog(t *testing.T) {
	size := func(sparing bool) int64 {
		directory := t.TempDir()
		s := open(t, directory, sqlite.Options{})
		defer s.Close()
		s.Spare(sparing)
		commit(t, s, 1, 600) // some 4,000 pages
		info, err := os.Stat(filepath.Join(directory, sqlite.File+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size() / 4096
	}
	if spared, usual := size(true), size(false); spared > usual/2 {
		t.Errorf("a log of %d pages, otherwise %d", spared, usual)
	}
}

func TestTheLogStaysBoundedWhileEverybodyIsBusy(t *testing.T) {
	directory := t.TempDir()
	const pages = 50
	s := open(t, directory, sqlite.Options{CheckpointPages: pages})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if _, err := s.ConversationMessages(t.Context(), 1, 0, 10); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	commit(t, s, 1, 600)
	cancel()
	if err := <-read; err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(directory, sqlite.File+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	// 600 groups write some 4,000 pages. A reader may hold a checkpoint up a few times.
	if got := info.Size() / 4096; got > 20*pages {
		t.Errorf("the log has %d pages", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(directory, sqlite.File+"-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the log is there: %v", err)
	}
}

const childVariable = "BIDA_STORE_TEST_FULL"

// A limit on the size of files is as good as a full disk, and needs a process of its own.
func TestAFullDiskLosesNothingAndIsOverWhenThereIsRoom(t *testing.T) {
	if directory := os.Getenv(childVariable); directory != "" {
		full(t, directory)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"="+t.TempDir())
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func full(t *testing.T, directory string) {
	signal.Ignore(syscall.SIGXFSZ)
	s := open(t, directory, sqlite.Options{CheckpointPages: 1 << 30})
	commit(t, s, 1, 10)
	var unlimited unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &unlimited); err != nil {
		t.Fatal(err)
	}
	limit := func(size uint64) {
		t.Helper()
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unlimited.Max}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(directory, sqlite.File+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for offset := uint64(0); offset < 30_000; offset += 1357 {
		limit(uint64(info.Size()) + offset)
		n := load(t, s).Position
		var failed error
		for failed == nil {
			n++
			failed = s.Commit(t.Context(), group(n))
		}
		if !errors.Is(failed, ledger.ErrCommitUnknown) && !errors.Is(failed, ledger.ErrUnavailable) {
			t.Fatalf("offset %d: %v", offset, failed)
		}
		if got := load(t, s).Position; got != n-1 {
			t.Errorf("offset %d: reads see position %d while the disk is full, not %d", offset, got, n-1)
		}
		limit(unlimited.Cur)
		if err := s.Reopen(t.Context()); err != nil {
			t.Fatalf("offset %d: %v", offset, err)
		}
		if has, err := s.HasGroup(t.Context(), n, fmt.Sprint(n)); has || err != nil {
			t.Errorf("offset %d: the group that failed: %v, %v", offset, has, err)
		}
		commit(t, s, n, n+3)
		if info, err = os.Stat(filepath.Join(directory, sqlite.File+"-wal")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
