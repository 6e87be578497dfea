package attachment

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// blobs keeps contents as files that are named by their digest: ab/cdef…. A file has its name only when it is whole and on the disk.
type blobs struct {
	dir  string
	sync func(dir string) error // makes the names in a directory durable

	mu      sync.Mutex      // guards shelves
	shelves map[string]bool // whose names are on the disk
}

// incoming is where files lie while they come in. It is in the same file system, so that a rename can finish them.
const incoming = "incoming"

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// openBlobs makes the directory if it is missing, and removes what an earlier process had begun to take in.
func openBlobs(dir string) (*blobs, error) {
	b := &blobs{dir: dir, sync: syncDir, shelves: map[string]bool{}}
	if err := os.MkdirAll(filepath.Join(dir, incoming), 0o700); err != nil {
		return nil, fmt.Errorf("directory for files: %w", err)
	}
	if err := errors.Join(b.sync(filepath.Dir(dir)), b.sync(dir)); err != nil {
		return nil, fmt.Errorf("directory for files: %w", err)
	}
	return b, b.clear(func(fs.FileInfo) bool { return true })
}

// clear removes files that were begun and never finished.
func (b *blobs) clear(which func(fs.FileInfo) bool) error {
	entries, err := os.ReadDir(filepath.Join(b.dir, incoming))
	if err != nil {
		return fmt.Errorf("unfinished files: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished, or given up, meanwhile
		}
		if err == nil && which(info) {
			err = os.Remove(filepath.Join(b.dir, incoming, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("unfinished files: %w", err)
		}
	}
	return nil
}

func (b *blobs) path(digest string) string { return filepath.Join(b.dir, digest[:2], digest[2:]) }

// open opens a content; fs.ErrNotExist if it is not there.
func (b *blobs) open(digest string) (*os.File, error) {
	if !digestPattern.MatchString(digest) {
		return nil, fmt.Errorf("%q is no digest: %w", digest, fs.ErrNotExist)
	}
	return os.Open(b.path(digest))
}

// remove removes a content.
func (b *blobs) remove(digest string) error {
	err := os.Remove(b.path(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// before calls f with the digests of the contents that were written before an instant, directory by directory.
func (b *blobs) before(limit time.Time, f func(digests []string) error) error {
	for i := range 256 {
		prefix := hex.EncodeToString([]byte{byte(i)})
		entries, err := os.ReadDir(filepath.Join(b.dir, prefix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var digests []string
		for _, e := range entries {
			info, err := e.Info()
			if err == nil && digestPattern.MatchString(prefix+e.Name()) && info.Mode().IsRegular() && info.ModTime().Before(limit) {
				digests = append(digests, prefix+e.Name())
			}
		}
		if len(digests) > 0 {
			if err := f(digests); err != nil {
				return err
			}
		}
	}
	return nil
}

// part is a file that is coming in.
type part struct {
	file   *os.File
	head   []byte // the first bytes
	size   int64
	digest string
}

// pieces are the buffers through which files come in: the only memory that depends on a content.
var pieces = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// receive reads a content to its end into a file of its own. Whatever it returns, discard has to be called if it is not nil.
func (b *blobs) receive(ctx context.Context, body io.Reader, most int64) (*part, error) {
	file, err := os.OpenFile(filepath.Join(b.dir, incoming, rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, storage(err)
	}
	p := &part{file: file}
	hash := sha256.New()
	piece := pieces.Get().(*[64 << 10]byte)
	defer pieces.Put(piece)
	for idle := 0; ; {
		n, err := body.Read(piece[:])
		if p.size += int64(n); p.size > most {
			return p, errTooLarge
		}
		if missing := headLength - len(p.head); missing > 0 {
			p.head = append(p.head, piece[:min(n, missing)]...)
		}
		hash.Write(piece[:n])
		if _, err := file.Write(piece[:n]); err != nil {
			return p, storage(err)
		}
		if idle++; n > 0 {
			idle = 0
		}
		switch {
		case err == io.EOF:
			p.digest = hex.EncodeToString(hash.Sum(nil))
			return p, nil
		case problem.As(err) != nil:
			return p, err
		case err != nil:
			return p, errIncomplete.Because(err)
		case ctx.Err() != nil:
			return p, errIncomplete.Because(ctx.Err())
		case idle > 100:
			return p, errIncomplete.Because(io.ErrNoProgress)
		}
	}
}

// keep gives a content its name. When it returns without an error, the content is on the disk, whoever brought it first.
func (b *blobs) keep(p *part) error {
	target := b.path(p.digest)
	shelf := filepath.Dir(target)
	if err := b.shelve(shelf); err != nil {
		return storage(err)
	}
	// Of a content that is there, the name may not be on the disk yet: another upload is about to write it.
	if info, err := os.Stat(target); err == nil && info.Size() == p.size {
		return storage(b.sync(shelf))
	}
	if err := p.file.Sync(); err != nil {
		return storage(err)
	}
	if err := os.Rename(p.file.Name(), target); err != nil {
		return storage(err)
	}
	return storage(b.sync(shelf))
}

// shelve makes a directory for contents if it is missing. When it returns without an error, the directory's name is on the disk: that it is there says nothing,
// since the upload that made it may not have synced its name yet, or have failed to.
func (b *blobs) shelve(shelf string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shelves[shelf] {
		return nil
	}
	if err := os.Mkdir(shelf, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := b.sync(b.dir); err != nil {
		return err
	}
	b.shelves[shelf] = true
	return nil
}

// discard closes a part, and removes it if it was not kept.
func (p *part) discard() {
	if p == nil {
		return
	}
	_ = p.file.Close() // nothing is written any more
	_ = os.Remove(p.file.Name())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// storage is the refusal that an error of the disk means; nil for none.
func storage(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errNoSpace.Because(err)
	}
	return errStorage.Because(err)
}
