package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/memory"
)

// Snapshot is what a file says: records to read, and a World that stands still at its present.
type Snapshot struct {
	Head Head
	*ledger.Frozen
	Records *Records
}

// Records reads what was recorded, as the stores do. Where the file does not reach back far enough it says so (*problem.Error).
type Records struct {
	*memory.Store
	head *Head
}

// Began implements ledger.FactReader: before Since it is not known what held.
func (r *Records) Began(ctx context.Context) (time.Time, error) {
	at, err := r.head.Began, error(nil)
	if r.head.Position == 0 {
		at, err = r.Store.Began(ctx) // nothing was ever recorded
	}
	if at.Before(r.head.Since) {
		at = r.head.Since
	}
	return at, err
}

// Message implements ledger.MessageReader.
func (r *Records) Message(ctx context.Context, position int64) (ledger.MessageRow, error) {
	if position > 0 && position < r.head.From {
		return ledger.MessageRow{}, errOlder
	}
	row, err := r.Store.Message(ctx, position)
	if r.head.Agent != "" && errors.Is(err, ledger.ErrNotFound) {
		return row, errOtherMessage
	}
	return row, err
}

// Open reads a snapshot that was made with the same engine. The error is a *problem.Error that says what is wrong with the file, or one of reading it.
func Open(ctx context.Context, file io.ReadSeeker, engine string) (*Snapshot, error) {
	return open(ctx, file, engine, bounds{maxUnpacked, maxRows})
}

// bounds are how much of a file's content is read.
type bounds struct {
	unpacked int64 // bytes
	rows     int
}

func open(ctx context.Context, file io.ReadSeeker, engine string, most bounds) (*Snapshot, error) {
	begin, end, err := check(file)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(begin, io.SeekStart); err != nil {
		return nil, err
	}
	packed := bufio.NewReader(io.LimitReader(file, end-begin))
	content, err := gzip.NewReader(packed)
	if err != nil {
		return nil, errContent(1, err)
	}
	content.Multistream(false)
	d := &decoder{engine: engine, most: most, of: map[string]*part{}}
	for i := range parts {
		d.of[parts[i].table] = &parts[i]
	}
	if err := d.read(content); err != nil {
		return nil, err
	}
	if _, err := packed.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, errContent(d.line, errors.New("something follows the end"))
	}
	return d.build(ctx)
}

// Check looks whether a file is whole, as it was written, and in the form that this program knows; nothing of what it says is read.
func Check(file io.ReadSeeker) error {
	_, _, err := check(file)
	return err
}

var trailerForm = regexp.MustCompile(`^\nsha256=([0-9a-f]{64}) length=([0-9]{20})\n$`)

// check looks at the whole file before anything of it is used, and says where its content begins and ends.
func check(file io.ReadSeeker) (begin, end int64, err error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, 0, err
	}
	if size > MaxFile {
		return 0, 0, errTooLong
	}
	if begin, err = checkForm(file); err != nil {
		return 0, 0, err
	}
	end = size - int64(trailerLength)
	if end <= begin {
		return 0, 0, errTruncated
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, file, end); err != nil {
		return 0, 0, err
	}
	last := make([]byte, trailerLength)
	if _, err := io.ReadFull(file, last); err != nil {
		return 0, 0, err
	}
	found := trailerForm.FindSubmatch(last)
	if found == nil {
		return 0, 0, errTruncated
	}
	if length, err := strconv.ParseInt(string(found[2]), 10, 64); err != nil || length != end || string(found[1]) != hex.EncodeToString(sum.Sum(nil)) {
		return 0, 0, errAltered
	}
	return begin, end, nil
}

// checkForm reads the first line.
func checkForm(file io.ReadSeeker) (length int64, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	line, err := bufio.NewReaderSize(io.LimitReader(file, 64), 64).ReadString('\n')
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case line == "" || err != nil && strings.HasPrefix(magic, line):
		return 0, errTruncated
	case !strings.HasPrefix(line, magic):
		return 0, errNoSnapshot
	case err != nil:
		return 0, errTruncated
	}
	if version := strings.TrimSuffix(strings.TrimPrefix(line, magic), "\n"); version != strconv.Itoa(Version) && version != strconv.Itoa(versionOfOne) {
		return 0, errForm(strconv.Quote(version))
	}
	return int64(len(line)), nil
}

// decoder reads the content of a file.
type decoder struct {
	engine string
	most   bounds
	of     map[string]*part
	head   *Head
	marks  []ledger.Mark
	rows   ledger.Group
	line   int
	count  int
	at     *part // whose rows are being read; nil for the marks and before the first table
	table  string
	ended  bool
}

// read reads all lines.
func (d *decoder) read(content io.Reader) error {
	bounded := &io.LimitedReader{R: content, N: d.most.unpacked + 1}
	lines := bufio.NewScanner(bounded)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		d.line++
		if bounded.N == 0 {
			return errUnpacks
		}
		if err := d.take(lines.Bytes()); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case bounded.N == 0:
		return errUnpacks
	case err != nil:
		return errContent(d.line+1, err)
	case !d.ended:
		return errTruncated
	}
	return nil
}

// take reads a line.
func (d *decoder) take(line []byte) error {
	switch {
	case d.ended:
		return errContent(d.line, errors.New("something follows the end"))
	case d.head == nil:
		return d.begin(line)
	case len(line) > 0 && line[0] == '[':
		if d.count++; d.count > d.most.rows {
			return errRows
		}
		if err := d.row(line); err != nil {
			return errContent(d.line, err)
		}
		return nil
	}
	var other struct {
		section
		End *ending `json:"end"`
	}
	if err := strictly(line, &other); err != nil {
		return errContent(d.line, err)
	}
	if other.End != nil {
		if d.ended = other.End.Rows == d.count; !d.ended {
			return errContent(d.line, fmt.Errorf("the snapshot should have %d rows, and has %d", other.End.Rows, d.count))
		}
		return nil
	}
	return d.section(other.section)
}

func strictly(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("more than one value")
	}
	return nil
}

// begin reads the head.
func (d *decoder) begin(line []byte) error {
	var first struct {
		Head *Head `json:"snapshot"`
	}
	if err := strictly(line, &first); err != nil {
		return errContent(d.line, err)
	}
	h := first.Head
	if h == nil {
		return errContent(d.line, errors.New("the head is missing"))
	}
	if h.Engine != d.engine {
		return errEngine(h, d.engine)
	}
	var err error
	if h.zone, err = parseZone(h.Zone); err != nil {
		return errContent(d.line, err)
	}
	if h.At.IsZero() || h.Since.After(h.At) || h.Position < 0 || h.From < 1 {
		return errContent(d.line, errors.New("the head contradicts itself"))
	}
	d.head = h
	return nil
}

func (d *decoder) section(s section) error {
	want := marks
	if d.at = d.of[s.Table]; d.at != nil {
		want = section{d.at.table, d.at.columns}
	}
	if s.Table != want.Table || !slices.Equal(s.Columns, want.Columns) {
		return errContent(d.line, fmt.Errorf("this program knows no table %q with the columns %q; the snapshot was made by Bida %s", s.Table, s.Columns, d.head.Program))
	}
	d.table = s.Table
	return nil
}

func (d *decoder) row(line []byte) error {
	if d.table == "" {
		return errors.New("a row of no table")
	}
	if d.at == nil {
		var m []int64
		if err := json.Unmarshal(line, &m); err != nil {
			return err
		}
		if len(m) != len(marks.Columns) {
			return fmt.Errorf("has %d values", len(m))
		}
		d.marks = append(d.marks, ledger.Mark{First: m[0], Last: m[1], At: time.UnixMicro(m[2]).UTC()})
		return nil
	}
	var values []json.RawMessage
	if err := json.Unmarshal(line, &values); err != nil {
		return err
	}
	return d.at.decode(&d.rows, values)
}

// build makes of what was read what can be asked.
func (d *decoder) build(ctx context.Context) (*Snapshot, error) {
	for i := range d.rows.Tokens { // what tells tokens apart is left out; a store has no two with the same
		d.rows.Tokens[i].Hash = sha256.Sum256([]byte(d.rows.Tokens[i].ID))
	}
	store, err := memory.Filled(d.head.AliveAt, d.marks, &d.rows)
	if err != nil {
		return nil, errContent(d.line, err)
	}
	state, err := store.Load(ctx)
	if err != nil {
		return nil, err
	}
	if state.Position != d.head.Position {
		return nil, errContent(d.line, fmt.Errorf("the marks end at position %d, and the head says %d", state.Position, d.head.Position))
	}
	frozen, err := ledger.Freeze(state, d.head.failures())
	if err != nil {
		return nil, errContent(d.line, err)
	}
	return &Snapshot{Head: *d.head, Frozen: frozen, Records: &Records{store, d.head}}, nil
}
