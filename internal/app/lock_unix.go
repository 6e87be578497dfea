//go:build unix

package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bidahq/bida/internal/store"
)

// lockDirectory keeps a second server off the data directory where the database does not lie in it: the embedded store holds the same file itself.
func lockDirectory(directory string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(directory, "bida.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: %s%s", store.ErrInUse, directory, holder(f))
		}
		_ = f.Close() // nothing was written
		return nil, err
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid()) // only for the words of whoever is refused
	}
	return f.Close, nil
}

func holder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return " (by process " + pid + ")"
	}
	return ""
}
