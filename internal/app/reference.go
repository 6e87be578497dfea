package app

import (
	"context"

	"github.com/bidahq/bida/internal/store/reference"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// MeasureReference measures, in a directory, what this machine's disk and the embedded database can do at best.
func MeasureReference(ctx context.Context, directory string) (reference.Figures, error) {
	return reference.Measure(ctx, directory, reference.Usual, func(ctx context.Context, directory string) (reference.Store, error) {
		return sqlite.Open(ctx, directory, sqlite.Options{})
	})
}
