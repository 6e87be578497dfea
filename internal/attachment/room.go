package attachment

import "github.com/bidahq/bida/internal/space"

// The disk that holds the files often holds the database too, which must be able to go on writing: this much stays free, or a twentieth of a small disk.
const (
	reserve      = 512 << 20
	reserveShare = 20
)

// room says whether a file may come in without taking the last of the disk.
func room(dir string, size int64) error {
	s, err := space.Of(dir)
	if err != nil {
		return errStorage.Because(err)
	}
	if s.Free < uint64(size)+min(reserve, s.Size/reserveShare) {
		return errNoSpace
	}
	return nil
}
