package snapshot

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Options say what to export; all but Failures are required.
type Options struct {
	// Since is the earliest instant that can be asked about.
	Since time.Time
	// At is the present of the snapshot, on or after Since.
	At time.Time
	// Zone is that in which times are shown.
	Zone *time.Location
	// Program and Engine are the versions of the program and of what decides in it.
	Program, Engine string
	// Failures are the parts of Bida that are known to fail.
	Failures []reception.Failure
}

// Exporter makes snapshots of one installation, one at a time.
type Exporter struct {
	source  ledger.Extractor
	running sync.Mutex
}

// NewExporter returns an Exporter.
func NewExporter(source ledger.Extractor) *Exporter { return &Exporter{source: source} }

// Export writes a snapshot. What can be known to be refused (*problem.Error) is, before anything is written. After any other error what was written has no
// end, and nobody takes it for a snapshot.
func (x *Exporter) Export(ctx context.Context, w io.Writer, o Options) error {
	if o.Since.After(o.At) {
		return errSince
	}
	if !x.running.TryLock() {
		return errBusy
	}
	defer x.running.Unlock()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: the runtime ends the process if the system has no randomness
	e := &encoder{cover: &cover{key: key}, options: o, sum: sha256.New()}
	e.file = bufio.NewWriter(io.MultiWriter(w, e.sum, &e.length))
	e.pack = gzip.NewWriter(e.file)
	e.json = json.NewEncoder(io.MultiWriter(e.pack, &e.unpacked))
	e.json.SetEscapeHTML(false)
	if err := x.source.Extract(ctx, o.Since.Add(-Margin), e.take); err != nil {
		return err
	}
	return e.end(w)
}

// counter counts bytes.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// encoder writes one file.
type encoder struct {
	options          Options
	cover            *cover
	file             *bufio.Writer
	pack             *gzip.Writer
	json             *json.Encoder
	sum              hash.Hash
	length, unpacked counter
	rows             int
	table            string // of the rows that are being written
}

// section begins the rows of a table.
type section struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// ending is the last line of the content.
type ending struct {
	Rows int `json:"rows"`
}

// marks is the section of the groups' marks.
var marks = section{"marks", []string{"first", "last", "at"}}

// take writes a part of the extract.
func (e *encoder) take(p *ledger.Extract) error {
	if p.Head != nil {
		return e.begin(p.Head)
	}
	for _, m := range p.Marks {
		if err := e.row(marks, []any{m.First, m.Last, m.At.UnixMicro()}); err != nil {
			return err
		}
	}
	for i := range parts {
		part := &parts[i]
		err := part.encode(&p.Rows, e.cover, func(values []any) error { return e.row(section{part.table, part.columns}, values) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) begin(h *ledger.ExtractHead) error {
	if h.Messages > maxMessages {
		return errMuch
	}
	if _, err := fmt.Fprintf(e.file, "%s%d\n", magic, Version); err != nil {
		return err
	}
	at := e.options.At
	if at.Before(h.At) { // something was committed meanwhile
		at = h.At
	}
	return e.json.Encode(map[string]Head{"snapshot": {
		Program: e.options.Program, Engine: e.options.Engine, Position: h.Position, At: at, Since: e.options.Since, From: h.From,
		Began: h.Began, AliveAt: h.AliveAt, Zone: zoneName(e.options.Zone, e.options.At), Failures: failuresOf(e.options.Failures),
	}})
}

func (e *encoder) row(of section, values []any) error {
	if e.rows++; e.rows > maxRows || e.unpacked > maxUnpacked || e.length > MaxFile-1<<20 {
		return errMuch
	}
	if e.table != of.Table {
		e.table = of.Table
		if err := e.json.Encode(of); err != nil {
			return err
		}
	}
	return e.json.Encode(values)
}

func (e *encoder) end(w io.Writer) error {
	if err := e.json.Encode(map[string]ending{"end": {e.rows}}); err != nil {
		return err
	}
	if err := e.pack.Close(); err != nil {
		return err
	}
	if err := e.file.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, trailer, hex.EncodeToString(e.sum.Sum(nil)), int64(e.length))
	return err
}
