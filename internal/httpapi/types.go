package httpapi

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// Time is an instant as answers write it: RFC 3339 with offset and milliseconds.
type Time struct{ t time.Time }

const timeLayout = "2006-01-02T15:04:05.000-07:00"

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return t.t.AppendFormat(nil, timeLayout), nil }

// Schema implements huma.SchemaProvider.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-23T14:00:00.000+08:00"}}
}

func (s *Server) time(t time.Time) Time { return Time{t.In(s.o.Zone)} }

// maybe is a time, or nil for the zero time.
func (s *Server) maybe(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	at := s.time(t)
	return &at
}

// Object is a JSON object whose form is described elsewhere.
type Object json.RawMessage

// MarshalJSON implements json.Marshaler.
func (o Object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return o, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Object) UnmarshalJSON(b []byte) error { *o = append((*o)[:0:0], b...); return nil }

// Schema implements huma.SchemaProvider.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// none is the input of routes that take nothing, and the output of those that answer nothing.
type none struct{}

// Page is how a list is read in pieces: the cursor of the answer begins the next piece.
type Page struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"of the answer before; leave it out for the first piece"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

var errCursor = problem.New(problem.Invalid, "request.invalid_cursor", "This cursor was not given out by this route.", "该游标不是由本接口给出的。").On("/cursor")

// position reads a cursor; 0 for none.
func (p Page) position() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || n < 0 {
		return 0, errCursor
	}
	return n, nil
}

// next makes the cursor of the following piece; nil when this one was the last.
func next[T any](rows []T, limit int, last func(T) int64) *string {
	if len(rows) < limit || len(rows) == 0 {
		return nil
	}
	c := strconv.FormatInt(last(rows[len(rows)-1]), 10)
	return &c
}

func schemaOf[T any](r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// nodeOf finds the process that held a connection among facts about its account; nil if they do not say.
func nodeOf(facts []ledger.FactRow, connection string) *string {
	for _, f := range facts {
		if f.Name != ledger.FactSocket || f.Key != connection {
			continue
		}
		var k ledger.Socket
		if err := json.Unmarshal(f.Value, &k); err != nil || k.Node == "" {
			return nil
		}
		return &k.Node
	}
	return nil
}
