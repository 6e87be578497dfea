// Package table describes, once for all stores, how the rows of the ledger lie in columns.
//
// A table is a function that visits the columns of a row in order. The same visit lists the columns (to make SQL from), encodes a row for a statement,
// and gives the destinations of a scan. So the SQL of both dialects, the reads and the
// in-memory store cannot disagree about a column.
//
// What every store promises about values follows from here: instants have microseconds and are read in UTC; an empty list or document is read as nil;
// text is valid UTF-8 without U+0000, or the group is refused with ledger.ErrData (PostgreSQL cannot hold such text, so that no store does).
package table

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
)

// Visitor is given the columns of a row one after the other, with pointers into the row.
type Visitor interface {
	Int(column string, p *int64)
	Count(column string, p *int)
	// Position is an integer that is NULL when it is zero.
	Position(column string, p *int64)
	// Optional is an integer that is NULL when it is none.
	Optional(column string, p *int64, none int64)
	// Time is an instant in Unix microseconds that is NULL when it is zero.
	Time(column string, p *time.Time)
	Flag(column string, p *bool)
	Text(column string, p *string)
	JSON(column string, p *json.RawMessage)
	// List is a JSON array of strings, "" when it is empty.
	List(column string, p *[]string)
	// Digest is a fixed number of bytes.
	Digest(column string, p []byte)
	Bytes(column string, p *[]byte)
}

// Type is the type of a column.
type Type byte

// The types of columns.
const (
	Integer Type = iota
	Text
	Blob
)

// Column is a column of a table.
type Column struct {
	Name string
	Type Type
}

// Columns lists what a visit visits.
func Columns[R any](visit func(Visitor, *R)) []Column {
	var l lister
	visit(&l, new(R))
	return l.columns
}

type lister struct{ columns []Column }

func (l *lister) add(name string, t Type) { l.columns = append(l.columns, Column{name, t}) }

func (l *lister) Int(c string, _ *int64)               { l.add(c, Integer) }
func (l *lister) Count(c string, _ *int)               { l.add(c, Integer) }
func (l *lister) Position(c string, _ *int64)          { l.add(c, Integer) }
func (l *lister) Optional(c string, _ *int64, _ int64) { l.add(c, Integer) }
func (l *lister) Time(c string, _ *time.Time)          { l.add(c, Integer) }
func (l *lister) Flag(c string, _ *bool)               { l.add(c, Integer) }
func (l *lister) Text(c string, _ *string)             { l.add(c, Text) }
func (l *lister) JSON(c string, _ *json.RawMessage)    { l.add(c, Text) }
func (l *lister) List(c string, _ *[]string)           { l.add(c, Text) }
func (l *lister) Digest(c string, _ []byte)            { l.add(c, Blob) }
func (l *lister) Bytes(c string, _ *[]byte)            { l.add(c, Blob) }

// Sink takes the values of a row in the order of its columns.
type Sink interface {
	Null()
	Int(int64)
	Text(string)
	Blob([]byte)
}

// Encoder writes visited rows to a sink. Its zero value with Out set is ready; Err is the first value that no store may hold.
type Encoder struct {
	Out Sink
	Err error
}

func (e *Encoder) fail(column, why string) {
	if e.Err == nil {
		e.Err = fmt.Errorf("%w: %s %s", ledger.ErrData, column, why)
	}
}

func (e *Encoder) Int(_ string, p *int64) { e.Out.Int(*p) }
func (e *Encoder) Count(_ string, p *int) { e.Out.Int(int64(*p)) }

func (e *Encoder) Position(_ string, p *int64) {
	if *p == 0 {
		e.Out.Null()
		return
	}
	e.Out.Int(*p)
}

func (e *Encoder) Optional(_ string, p *int64, none int64) {
	if *p == none {
		e.Out.Null()
		return
	}
	e.Out.Int(*p)
}

func (e *Encoder) Time(_ string, p *time.Time) {
	if p.IsZero() {
		e.Out.Null()
		return
	}
	e.Out.Int(p.UnixMicro())
}

func (e *Encoder) Flag(_ string, p *bool) {
	if *p {
		e.Out.Int(1)
		return
	}
	e.Out.Int(0)
}

func (e *Encoder) Text(column string, p *string) {
	if why := Unfit(*p); why != "" {
		e.fail(column, why)
	}
	e.Out.Text(*p)
}

func (e *Encoder) JSON(column string, p *json.RawMessage) {
	s := string(*p)
	e.Text(column, &s)
}

func (e *Encoder) List(column string, p *[]string) {
	for _, s := range *p {
		if why := Unfit(s); why != "" {
			e.fail(column, why)
		}
	}
	e.Out.Text(joinList(*p))
}

func (e *Encoder) Digest(_ string, p []byte) { e.Out.Blob(p) }
func (e *Encoder) Bytes(_ string, p *[]byte) { e.Out.Blob(*p) }

// Unfit says why a text cannot be stored, "" if it can.
func Unfit(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "contains U+0000"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	return ""
}

func joinList(l []string) string {
	if len(l) == 0 {
		return ""
	}
	b, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

// Settled returns the row as a store that was given r returns it, sharing nothing with r.
func Settled[R any](t *Table[R], r *R) (R, error) {
	var values Values
	e := Encoder{Out: &values}
	t.Visit(&e, r)
	var settled R
	if e.Err != nil {
		return settled, e.Err
	}
	for i, column := range Destinations(t.Visit, &settled) {
		if err := column.(scanner)(values[i].Value); err != nil {
			return settled, err
		}
	}
	if t.Finish != nil {
		t.Finish(&settled)
	}
	return settled, nil
}

// Destinations returns what Rows.Scan has to be given to fill r; it can be used for many rows.
func Destinations[R any](visit func(Visitor, *R), r *R) []any {
	var d destinations
	visit(&d, r)
	return d.list
}

type destinations struct{ list []any }

func (d *destinations) add(f func(any) error) { d.list = append(d.list, scanner(f)) }

// scanner is a sql.Scanner made of a function.
type scanner func(any) error

func (f scanner) Scan(src any) error { return f(src) }

var (
	errNull = errors.New("NULL where a value is required")
	errType = errors.New("value of another type")
)

func integer(src any) (int64, error) {
	switch v := src.(type) {
	case int64:
		return v, nil
	case nil:
		return 0, errNull
	}
	return 0, fmt.Errorf("%w: %T", errType, src)
}

func text(src any) (string, error) {
	switch v := src.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case nil:
		return "", errNull
	}
	return "", fmt.Errorf("%w: %T", errType, src)
}

func (d *destinations) Int(c string, p *int64) {
	d.add(func(src any) (err error) { *p, err = integer(src); return err })
}

func (d *destinations) Count(c string, p *int) {
	d.add(func(src any) error {
		n, err := integer(src)
		*p = int(n)
		return err
	})
}

func (d *destinations) Position(c string, p *int64) { d.Optional(c, p, 0) }

func (d *destinations) Optional(c string, p *int64, none int64) {
	d.add(func(src any) (err error) {
		if src == nil {
			*p = none
			return nil
		}
		*p, err = integer(src)
		return err
	})
}

func (d *destinations) Time(c string, p *time.Time) {
	d.add(func(src any) error {
		*p = time.Time{}
		if src == nil {
			return nil
		}
		n, err := integer(src)
		if err == nil {
			*p = time.UnixMicro(n).UTC()
		}
		return err
	})
}

func (d *destinations) Flag(c string, p *bool) {
	d.add(func(src any) error {
		n, err := integer(src)
		*p = n != 0
		return err
	})
}

func (d *destinations) Text(c string, p *string) {
	d.add(func(src any) (err error) { *p, err = text(src); return err })
}

func (d *destinations) JSON(c string, p *json.RawMessage) {
	d.add(func(src any) error {
		s, err := text(src)
		*p = nil
		if s != "" {
			*p = json.RawMessage(s)
		}
		return err
	})
}

func (d *destinations) List(c string, p *[]string) {
	d.add(func(src any) error {
		s, err := text(src)
		*p = nil
		if err != nil || s == "" {
			return err
		}
		return json.Unmarshal([]byte(s), p)
	})
}

func (d *destinations) Digest(c string, p []byte) {
	d.add(func(src any) error {
		b, ok := src.([]byte)
		if !ok || len(b) != len(p) {
			return fmt.Errorf("%w: %T of %d bytes for a digest of %d", errType, src, len(b), len(p))
		}
		copy(p, b)
		return nil
	})
}

func (d *destinations) Bytes(c string, p *[]byte) {
	d.add(func(src any) error {
		b, ok := src.([]byte)
		if !ok && src != nil {
			return fmt.Errorf("%w: %T", errType, src)
		}
		*p = append([]byte(nil), b...) // the driver may reuse its buffer
		return nil
	})
}

// Values is a Sink for drivers that take one row at a time.
type Values []driver.NamedValue

func (v *Values) add(x driver.Value) {
	*v = append(*v, driver.NamedValue{Ordinal: len(*v) + 1, Value: x})
}

// Null adds NULL.
func (v *Values) Null() { v.add(nil) }

// Int adds an integer.
func (v *Values) Int(x int64) { v.add(x) }

// Text adds a text.
func (v *Values) Text(x string) { v.add(x) }

// Blob adds bytes; nil is empty, not NULL.
func (v *Values) Blob(x []byte) {
	if x == nil {
		x = []byte{}
	}
	v.add(x)
}
