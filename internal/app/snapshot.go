package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/store/snapshot"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// SnapshotOptions say what to export of a directory. A zero Since is a day before its present.
type SnapshotOptions struct {
	Since   time.Time
	Agent   string // "" for everybody
	Program string // its version
}

// ExportSnapshot writes a snapshot of an embedded database that no server uses, as of the last sign of life of the one that did: what became of its connections
// afterwards is not known. The database is brought to this program's schema, as by a start.
func ExportSnapshot(ctx context.Context, c Config, w io.Writer, o SnapshotOptions, log *slog.Logger) (err error) {
	if c.Database != "" {
		return errors.New("only the embedded database can be read without a server; a server of the same version on PostgreSQL can export a snapshot")
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	file := filepath.Join(data, sqlite.File)
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("no database in the data directory: %w", err)
	}
	zone, err := c.Location()
	if err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, data, sqlite.Options{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	state, err := db.Load(ctx)
	if err != nil {
		return err
	}
	if state.Position == 0 {
		return fmt.Errorf("the database %s has no records", file)
	}
	if o.Since.IsZero() {
		o.Since = state.AliveAt.Add(-snapshot.Usual)
	}
	return snapshot.NewExporter(db).Export(ctx, w, snapshot.Options{
		Since: o.Since, At: state.AliveAt, Zone: zone, Agent: o.Agent, Program: o.Program, Engine: conversation.Engine,
	})
}
