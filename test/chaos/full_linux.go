package chaos

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// newDisk mounts a file system in memory at an empty directory.
func newDisk(path string) (*disk, error) {
	d := &disk{path}
	if err := unix.Mount("bida-chaos", path, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		return nil, fmt.Errorf("mount a tmpfs: %w", err)
	}
	return d, nil
}

// free is how much room is left.
func (d *disk) free() (int64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(d.path, &s)
	return int64(s.Bavail) * s.Bsize, err
}

func (d *disk) remove() error { return unix.Unmount(d.path, unix.MNT_DETACH) }
