//go:build unix

package space

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Of tells the room on the file system that a directory lies on.
func Of(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, fmt.Errorf("statfs %s: %w", dir, err)
	}
	block := uint64(s.Bsize)
	return Space{Free: uint64(s.Bavail) * block, Size: uint64(s.Blocks) * block}, nil
}
