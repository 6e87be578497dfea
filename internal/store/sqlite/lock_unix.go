//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// acquire locks the directory for this process. The file names the process for whoever is refused.
func acquire(directory string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(directory, "bida.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		defer f.Close()
		return nil, fmt.Errorf("%w: %s%s", ErrInUse, directory, holder(f))
	case err != nil:
		defer f.Close()
		return nil, fmt.Errorf("locking data directory %s: %w", directory, err)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		defer f.Close()
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return f, nil
}

func holder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return " (by process " + pid + ")"
	}
	return ""
}
