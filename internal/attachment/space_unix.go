//go:build unix

package attachment

import "golang.org/x/sys/unix"

// The disk that holds the files often holds the database too, which must be able to go on writing: this much stays free, or a twentieth of a small disk.
const (
	reserve      = 512 << 20
	reserveShare = 20
)

// room says whether a file may come in without taking the last of the disk.
func room(dir string, size int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return errStorage.Because(err)
	}
	block := uint64(s.Bsize)
	if uint64(s.Bavail)*block < uint64(size)+min(reserve, uint64(s.Blocks)*block/reserveShare) {
		return errNoSpace
	}
	return nil
}
