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

// ExportSnapshot writes a snapshot of an embedded database that no server uses, as of the last sign of life of the one that did: what became of its connections
// afterwards is not known. The database is brought to this program's schema, as by a start. A zero since is a day before.
func ExportSnapshot(ctx context.Context, c Config, w io.Writer, since time.Time, program string, log *slog.Logger) (err error) {
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
	if since.IsZero() {
		since = state.AliveAt.Add(-snapshot.Usual)
	}
	return snapshot.NewExporter(db).Export(ctx, w, snapshot.Options{
		Since: since, At: state.AliveAt, Zone: zone, Program: program, Engine: conversation.Engine,
	})
}
