package faults

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mount mounts a small file system in memory at an empty directory.
func mount(path string) error {
	if err := unix.Mount("bida-faults", path, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk)); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	return nil
}

func unmount(path string) error { return unix.Unmount(path, unix.MNT_DETACH) }
