// Package store keeps the ledger's rows: in an embedded SQLite database or in PostgreSQL.
//
// It promises that Commit writes a group whole and durably or not at all and says which, that reads see whole groups only and never an empty answer in
// place of a failed one, and that both databases behave alike, which storetest proves. It knows nothing of what the rows mean. The only writer is the
// ledger, from one goroutine; readers are as many as like. Close ends what Open began, and is safe twice.
//
// The parts: table says how rows lie in columns, query reads them, migrate brings the schema; sqlite and postgres commit, each in its own way;
// memory is the same contract for simulations, for tests of the domains and for what package snapshot reads.
package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/migrate"
	"github.com/bidahq/bida/internal/store/postgres"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// Store is all that a database is asked for. Consumers take the small interfaces that it is made of.
type Store interface {
	ledger.Committer
	ledger.MessageReader
	ledger.FactReader
	ledger.PolicyReader
	ledger.UploadReader
	ledger.VisitorReader
	ledger.JobReader
	ledger.QuarantineReader
	ledger.AutoReplyReader
	ledger.ChecklistReader
	ledger.HelpReader
	ledger.Extractor
	ledger.LogReader
	io.Closer
}

// Errors of Open. They are matched with errors.Is.
var (
	// ErrInUse says that another process uses the data directory; the text names it.
	ErrInUse = sqlite.ErrInUse
	// ErrNewer says that the database was made by a newer program; the text names both versions.
	ErrNewer = migrate.ErrNewer
)

// Options are what a store can be told; the zero value is right.
type Options struct {
	// Log gets what happens in the background, such as checkpoints that fail. None if nil.
	Log *slog.Logger
	// KeptRefusals is how many lines of the intake log are kept; 0 is the default.
	KeptRefusals int
}

// Open opens the database that target names: a PostgreSQL URL (postgres://…), or else the data directory in which the embedded database lies.
// Errors are one line that a person can act on.
func Open(ctx context.Context, target string, options Options) (Store, error) {
	switch scheme, _, isURL := strings.Cut(target, "://"); {
	case target == "":
		return nil, fmt.Errorf("no database is named")
	case !isURL:
		s, err := sqlite.Open(ctx, target, sqlite.Options{Log: options.Log, KeptRefusals: options.KeptRefusals})
		if err != nil {
			return nil, err
		}
		return s, nil
	case scheme == "postgres" || scheme == "postgresql":
		s, err := postgres.Open(ctx, target, postgres.Options{Log: options.Log, KeptRefusals: options.KeptRefusals})
		if err != nil {
			return nil, err
		}
		return s, nil
	default:
		return nil, fmt.Errorf("unknown kind of database %q: want postgres://… or a directory", scheme+"://")
	}
}
