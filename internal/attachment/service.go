package attachment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/job"
	"github.com/bidahq/bida/internal/ledger"
)

// Bounds of what is under way and of what strangers may leave here.
const (
	maxUnderWay      = 64 // uploads at a time
	maxUnderWayOwner = 16 // and of one owner
	maxVisitorFiles  = 100
	maxVisitorBytes  = 200 << 20
	longestUpload    = time.Hour // no upload takes longer; what is older was left behind
)

// Options configure a Service. All but Open and Log are required.
type Options struct {
	Dir    string // where the contents lie; made if it is missing
	Ledger *ledger.Ledger
	Reader ledger.UploadReader
	Now    func() time.Time
	// Open says why no file may come in now, as an error that is answered; nil or an answer of nil: it may.
	Open func() error
	Log  *slog.Logger
}

// Service keeps files. See the package comment.
type Service struct {
	o     Options
	blobs *blobs

	mu       sync.Mutex
	underWay map[string]int // uploads by owner
	total    int
	held     map[string]int           // uploads by digest that are about to be written to the ledger
	removing map[string]chan struct{} // contents that are being removed, closed when that is over
}

// New opens the directory.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b, err := openBlobs(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Service{o: o, blobs: b, underWay: map[string]int{}, held: map[string]int{}, removing: map[string]chan struct{}{}}, nil
}

// Upload takes a file in; size is what the sender says, negative if it does not. When it returns without an error, the file is durable and its id may be
// named by the owner's messages for a day. With an error nothing is kept. A body that has to be bounded in time is the caller's to bound.
func (s *Service) Upload(ctx context.Context, owner, name, contentType string, size int64, body io.Reader) (Upload, error) {
	switch {
	case size > MaxSize:
		return Upload{}, errTooLarge
	case size == 0:
		return Upload{}, errEmpty
	}
	if s.o.Open != nil {
		if err := s.o.Open(); err != nil {
			return Upload{}, err
		}
	}
	if err := s.begin(owner); err != nil {
		return Upload{}, err
	}
	defer s.end(owner)
	if err := s.allowed(ctx, owner, size); err != nil {
		return Upload{}, err
	}
	p, err := s.blobs.receive(ctx, body, MaxSize)
	defer p.discard()
	if err != nil {
		return Upload{}, err
	}
	u, err := inspect(p, size, name, contentType)
	if err != nil {
		return Upload{}, err
	}
	u.ID = idOf(owner, &u.Attachment)
	s.hold(u.Digest)
	if err := s.blobs.keep(p); err != nil {
		s.release(u.Digest)
		return Upload{}, err
	}
	return s.record(ctx, owner, u)
}

// inspect looks at a content that came in whole.
func inspect(p *part, size int64, name, contentType string) (u Upload, err error) {
	u.Name, u.Digest, u.Size = CleanName(name), p.digest, p.size
	switch {
	case size >= 0 && p.size != size:
		return u, errIncomplete
	case p.size == 0:
		return u, errEmpty
	case program(p.head, u.Name):
		return u, errProgram
	}
	u.Type, u.Width, u.Height, err = kindOf(p.head, u.Name, contentType, p.file)
	return u, storage(err)
}

// record writes an upload to the ledger. The content is held until the ledger has answered, even if the caller does not wait for that.
func (s *Service) record(ctx context.Context, owner string, u Upload) (Upload, error) {
	done := make(chan error, 1)
	s.o.Ledger.Submit(ledger.CommandFunc(func(tx *ledger.Tx) error {
		u.ExpiresAt = tx.Now().Add(Lifetime)
		tx.PutUpload(ledger.UploadRow{
			ID: u.ID, Owner: owner, Digest: u.Digest, Name: u.Name, Type: u.Type, Size: u.Size, Width: u.Width, Height: u.Height,
			At: tx.Now(), ExpiresAt: u.ExpiresAt,
		})
		return nil
	}), func(err error) {
		s.release(u.Digest)
		done <- err
	})
	select {
	case err := <-done:
		if err != nil {
			_ = s.drop(ctx, u.Digest) // else the sweep does it
			return Upload{}, err
		}
		return u, nil
	case <-ctx.Done():
		return Upload{}, errIncomplete.Because(ctx.Err())
	}
}

// allowed refuses what there is no room for.
func (s *Service) allowed(ctx context.Context, owner string, size int64) error {
	if isVisitor(owner) {
		count, bytes, err := s.o.Reader.UploadsOf(ctx, owner)
		if err != nil {
			return fmt.Errorf("uploads of %s: %w", owner, err)
		}
		if count >= maxVisitorFiles || bytes+max(size, 0) > maxVisitorBytes {
			return errQuota
		}
	}
	if size < 0 {
		size = MaxSize
	}
	return room(s.o.Dir, size)
}

func (s *Service) begin(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxUnderWay || s.underWay[owner] >= maxUnderWayOwner {
		return errBusy
	}
	s.total++
	s.underWay[owner]++
	return nil
}

func (s *Service) end(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.underWay[owner]--; s.underWay[owner] == 0 {
		delete(s.underWay, owner)
	}
}

// hold keeps a content from being removed until release. It waits for a removal that is under way: the content has to be written anew then.
func (s *Service) hold(digest string) {
	for {
		s.mu.Lock()
		over := s.removing[digest]
		if over == nil {
			s.held[digest]++
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		<-over
	}
}

func (s *Service) release(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[digest]--; s.held[digest] == 0 {
		delete(s.held, digest)
	}
}

// drop removes a content that nothing refers to: no row, and no upload that is about to get one. The order makes it safe: once nobody holds it and nobody
// can begin to, a row that is not there now will not come.
func (s *Service) drop(ctx context.Context, digest string) error {
	s.mu.Lock()
	if s.held[digest] > 0 || s.removing[digest] != nil {
		s.mu.Unlock()
		return nil
	}
	over := make(chan struct{})
	s.removing[digest] = over
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.removing, digest)
		s.mu.Unlock()
		close(over)
	}()
	used, err := s.o.Reader.FilesInUse(ctx, []string{digest})
	if err != nil || len(used) > 0 {
		return err
	}
	return s.blobs.remove(digest)
}

// Open opens a content to be read from any place; the caller closes it.
func (s *Service) Open(_ context.Context, digest string) (io.ReadSeekCloser, error) {
	f, err := s.blobs.open(digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errMissing.Because(fmt.Errorf("%w: %w", ErrMissing, err))
	case err != nil:
		return nil, storage(err)
	}
	return f, nil
}

// Sweep ends uploads that have expired, and removes contents older than a day that neither a message nor an upload refers to.
func (s *Service) Sweep(ctx context.Context) error {
	// A message that names an upload is either before this in the ledger, and then its content is on record as kept, or after it, and then it is refused.
	if err := s.o.Ledger.Do(ctx, ledger.CommandFunc(func(tx *ledger.Tx) error { tx.EndUploads(); return nil })); err != nil {
		return err
	}
	now := s.o.Now()
	if err := s.blobs.clear(func(f fs.FileInfo) bool { return f.ModTime().Before(now.Add(-longestUpload)) }); err != nil {
		return err
	}
	removed := 0
	err := s.blobs.before(now.Add(-Lifetime), func(digests []string) error {
		used, err := s.o.Reader.FilesInUse(ctx, digests)
		if err != nil {
			return err
		}
		slices.Sort(used)
		for _, digest := range digests {
			if _, found := slices.BinarySearch(used, digest); found {
				continue
			}
			if err := s.drop(ctx, digest); err != nil {
				return err
			}
			removed++
		}
		return ctx.Err()
	})
	if removed > 0 {
		s.o.Log.Info("files that nothing refers to were removed", "files", removed)
	}
	return err
}

// Jobs are the service's work in the background: the daily sweep.
func (s *Service) Jobs() []job.Kind {
	return []job.Kind{{
		Name: "attachment.sweep", Every: 24 * time.Hour, Lease: time.Hour,
		Do: func(ctx context.Context, _ json.RawMessage) error { return s.Sweep(ctx) },
	}}
}
