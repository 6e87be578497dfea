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
	// Agent has only what explains this one agent exported; "" for everything.
	Agent string
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
	if o.Agent != "" {
		e.extent = newExtent(o.Agent)
	}
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
	extent           *extent             // nil for everything
	head             *ledger.ExtractHead // until the extent is known
	cover            *cover
	file             *bufio.Writer
	pack             *gzip.Writer
	json             *json.Encoder
	sum              hash.Hash
	length, unpacked counter
	rows             int
	marks            []ledger.Mark // likewise
	table            string        // of the rows that are being written
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
	if p.Head != nil && e.extent == nil {
		return e.begin(p.Head)
	}
	if e.extent != nil {
		if wait, err := e.confine(p); wait || err != nil {
			return err
		}
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

// confine leaves of a part what explains the agent. Until all settings are there it is not known what that is, and they wait.
func (e *encoder) confine(p *ledger.Extract) (wait bool, err error) {
	x := e.extent
	switch {
	case p.Head != nil:
		e.head = p.Head
		return true, nil
	case p.Marks != nil:
		e.marks = append(e.marks, p.Marks...)
		return true, nil
	case len(p.Rows.Documents) > 0:
		x.documents = append(x.documents, p.Rows.Documents...)
		return true, nil
	case e.head != nil:
		if err := e.settle(); err != nil {
			return false, err
		}
	}
	x.cut(&p.Rows)
	return false, nil
}

// settle begins the file once the settings are known.
func (e *encoder) settle() error {
	x, h := e.extent, e.head
	e.head = nil
	if !x.settle() {
		return errUnknownAgent
	}
	if err := e.begin(h); err != nil {
		return err
	}
	e.extent = nil // what was held back is written as it is
	err := e.take(&ledger.Extract{Marks: e.marks, Rows: ledger.Group{Documents: x.documents}})
	e.extent, e.marks, x.documents = x, nil, nil
	return err
}

func (e *encoder) begin(h *ledger.ExtractHead) error {
	if h.Messages > maxMessages && e.extent == nil {
		return errMuch
	}
	version, inboxes := Version, []string(nil)
	if e.extent != nil {
		version, inboxes = versionOfOne, e.extent.names()
	}
	if _, err := fmt.Fprintf(e.file, "%s%d\n", magic, version); err != nil {
		return err
	}
	at := e.options.At
	if at.Before(h.At) { // something was committed meanwhile
		at = h.At
	}
	return e.json.Encode(map[string]Head{"snapshot": {
		Program: e.options.Program, Engine: e.options.Engine, Position: h.Position, At: at, Since: e.options.Since, From: h.From,
		Began: h.Began, AliveAt: h.AliveAt, Zone: zoneName(e.options.Zone, e.options.At), Agent: e.options.Agent, Inboxes: inboxes, Failures: failuresOf(e.options.Failures),
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
	if e.extent != nil && e.head != nil { // nothing came after the settings
		if err := e.settle(); err != nil {
			return err
		}
	}
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
