package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// The server copies its log into the database after 64 MiB, which no script of thirty requests writes. So the store is also recorded alone, with a log that is
// copied every few commits, beside them.

const (
	commits         = 60
	checkpointPages = 20
	childVariable   = "BIDA_DISK_TEST_COMMIT"
)

// group is the n-th group: one message of one kilobyte in one conversation.
func group(n int64) *ledger.Group {
	at := time.UnixMicro(n * 1e6).UTC()
	return &ledger.Group{First: n, Last: n, At: at, Nonce: strconv.FormatInt(n, 10),
		Messages:      []ledger.MessageRow{{Position: n, Direction: ledger.Inbound, Inbox: "web", Conversation: 1, Sequence: n, Text: kilobyte(n), At: at}},
		Conversations: []ledger.ConversationRow{{ID: 1, Inbox: "web", Status: "open", LastSequence: n}}}
}

func kilobyte(n int64) string { return strings.Repeat(fmt.Sprintf("%09d ", n), 100) }

// commitAll commits group after group, and says so after each. It is what the recorded process does.
func commitAll(ctx context.Context, data string, say io.Writer) error {
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	// The store answers for what is in its directory; the directory's name is the caller's.
	root, err := os.Open(filepath.Dir(data))
	if err != nil {
		return err
	}
	if err := errors.Join(root.Sync(), root.Close()); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, data, sqlite.Options{CheckpointPages: checkpointPages})
	if err != nil {
		return err
	}
	for n := int64(1); n <= commits; n++ {
		if err := s.Commit(ctx, group(n)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(say, "committed %d\n", n); err != nil {
			return err
		}
	}
	return s.Close()
}

// recordCommits runs commitAll in a process of its own, and says how that ended. The last arguments are strace's, to let calls fail.
func recordCommits(root, test string, args ...string) (t *trace, ended, err error) {
	output := root + ".trace"
	defer os.Remove(output)
	line := slices.Concat([]string{"-f", "-yy", "-xx", "-s", "4194304", "--seccomp-bpf", "-o", output, "-e", "trace=" + recorded}, args, []string{"--", os.Args[0], "-test.run=^" + test + "$"})
	cmd := exec.Command("strace", line...)
	cmd.Env = append(os.Environ(), childVariable+"="+filepath.Join(root, "data"))
	out, ended := cmd.CombinedOutput()
	if ended != nil {
		ended = fmt.Errorf("%w\n%s", ended, out)
	}
	f, err := os.Open(output)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	t, err = readTrace(f)
	return t, ended, err
}

var committed = regexp.MustCompile(`(?m)^committed (\d+)$`)

// commitsView checks that the store has all groups that were committed, and goes on. Moments before so many commits are passed over.
func commitsView(t *trace, from int64) view {
	return func(d *Disk, visit func(string, check) error) error {
		last := int64(0)
		for _, m := range t.moments() {
			if err := d.apply(m); err != nil {
				return err
			}
			if m.name == "write" && m.fd == "1" && !m.ended {
				if found := committed.FindStringSubmatch(m.data()); found != nil {
					last, _ = strconv.ParseInt(found[1], 10, 64) // digits
				}
			}
			told := last
			if told < from {
				continue
			}
			if err := visit(fmt.Sprintf("after %d commits", told), func(ctx context.Context, directory string, _ int) []string {
				if err := groups(ctx, filepath.Join(directory, "data"), told); err != nil {
					return []string{err.Error()}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}
}

// groups opens a store and wants at least the groups up to told, whole and without a gap.
func groups(ctx context.Context, data string, told int64) error {
	s, err := sqlite.Open(ctx, data, sqlite.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	state, err := s.Load(ctx)
	if err != nil {
		return err
	}
	if state.Position < told || state.Position > told+1 {
		return fmt.Errorf("%d groups were committed and %d are there", told, state.Position)
	}
	for n := int64(1); n <= state.Position; n++ {
		has, err := s.HasGroup(ctx, n, strconv.FormatInt(n, 10))
		if err != nil || !has {
			return fmt.Errorf("group %d is there: %v, %w", n, has, err)
		}
	}
	list, err := s.ConversationMessages(ctx, 1, 0, 2*commits)
	if err != nil || int64(len(list)) != state.Position {
		return fmt.Errorf("%d messages of %d groups, %w", len(list), state.Position, err)
	}
	for i := range list {
		if n := int64(i) + 1; list[i].Sequence != n || list[i].Text != kilobyte(n) {
			return fmt.Errorf("message %d is not what was written", n)
		}
	}
	if err := s.Commit(ctx, group(state.Position+1)); err != nil {
		return fmt.Errorf("the store does not go on: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	return intact(ctx, filepath.Join(data, sqlite.File))
}
