package limit

import (
	"errors"
	"sync"
)

// Why a Budget gives nothing. Both end by themselves, when somebody gives back.
var (
	ErrShare = errors.New("the source holds its whole share")
	ErrFull  = errors.New("everything is taken")
)

// Budget bounds what is held at the same time: by all together, and by one source, so that no source keeps the others out.
type Budget struct {
	all, each int64

	mu   sync.Mutex
	held int64
	by   map[string]int64 // no entry for a source that holds nothing
}

// NewBudget makes a Budget of so much for all, and for each source.
func NewBudget(all, each int64) *Budget { return &Budget{all: all, each: each, by: map[string]int64{}} }

// Take takes n for a source, whole or not at all: ErrShare, ErrFull. What was taken must be given back once.
func (b *Budget) Take(source string, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fits(source, n); err != nil {
		return err
	}
	b.held += n
	b.by[source] += n
	return nil
}

// Fits says what Take would say now, and takes nothing.
func (b *Budget) Fits(source string, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fits(source, n)
}

func (b *Budget) fits(source string, n int64) error {
	switch {
	case b.by[source]+n > b.each:
		return ErrShare
	case b.held+n > b.all:
		return ErrFull
	}
	return nil
}

// Give gives back what was taken.
func (b *Budget) Give(source string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
	if b.by[source] -= n; b.by[source] <= 0 {
		delete(b.by, source)
	}
}

// Held is how much is taken by all together.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}
