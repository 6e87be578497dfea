package snapshot

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// part is one table of a snapshot.
type part struct {
	table   string
	columns []string // those that are written, in order
	decided decided
	// encode calls line for each of the group's rows of this table, with the values of the columns.
	encode func(g *ledger.Group, c *cover, line func(values []any) error) error
	// decode adds a row to the group.
	decode func(g *ledger.Group, values []json.RawMessage) error
}

func partOf[R any](t *table.Table[R], place func(g *ledger.Group) *[]R, d decided) part {
	all := table.Columns(t.Visit)
	p := part{table: t.Name, decided: d}
	for _, c := range all {
		if d[c.Name] != leftOut {
			p.columns = append(p.columns, c.Name)
		}
	}
	p.encode = func(g *ledger.Group, c *cover, line func([]any) error) error {
		rows := *place(g)
		for i := range rows {
			values, err := encodeRow(t, all, d, c, &rows[i])
			if err == nil {
				err = line(values)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	p.decode = func(g *ledger.Group, values []json.RawMessage) error {
		row, err := decodeRow(t, all, d, values)
		if err == nil {
			rows := place(g)
			*rows = append(*rows, row)
		}
		return err
	}
	return p
}

// encodeRow lets out of a row what was decided.
func encodeRow[R any](t *table.Table[R], all []table.Column, d decided, c *cover, row *R) ([]any, error) {
	var stored table.Values
	e := table.Encoder{Out: &stored}
	if t.Visit(&e, row); e.Err != nil {
		return nil, e.Err
	}
	c.begin(row)
	out := make([]any, 0, len(all))
	for i, column := range all {
		how := d[column.Name]
		if how == leftOut {
			continue
		}
		v, err := c.treat(how, stored[i].Value)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.Name, column.Name, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// cover takes away what must not be seen.
type cover struct {
	key  []byte // of this file's pseudonyms
	root string // of the fields in the row at hand
}

// begin looks at a row whose fields are decided about one by one.
func (c *cover) begin(row any) {
	switch r := row.(type) {
	case *ledger.DocumentRow:
		c.root = r.Kind
	case *ledger.FactRow:
		c.root = "fact." + r.Name
	case *ledger.RevisionRow:
		c.root = "change"
	}
}

func (c *cover) treat(how treatment, v any) (any, error) {
	switch how {
	case pseudonym:
		return c.pseudonym(v.(string)), nil
	case whether:
		if v.(string) == "" {
			return "", nil
		}
		return "yes", nil
	case words:
		text := string(v.([]byte))
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("%w: no text", ledger.ErrData)
		}
		return text, nil
	case spec, value, changes:
		left, err := cut(c.root, json.RawMessage(v.(string)))
		if err != nil || left != nil {
			return string(left), err
		}
		if how == spec {
			return "{}", nil
		}
		return "", nil
	}
	return v, nil
}

// pseudonym stands for an id in this file; nothing stands for nothing.
func (c *cover) pseudonym(id string) string {
	if id == "" {
		return ""
	}
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte(id))
	return "p" + hex.EncodeToString(h.Sum(nil)[:12])
}

// decodeRow reads a row. What was left out is as in a row that has nothing.
func decodeRow[R any](t *table.Table[R], all []table.Column, d decided, values []json.RawMessage) (row R, err error) {
	var stored table.Values
	var empty R
	t.Visit(&table.Encoder{Out: &stored}, &empty)
	next := 0
	for i, destination := range table.Destinations(t.Visit, &row) {
		v := stored[i].Value
		if d[all[i].Name] != leftOut {
			if next == len(values) {
				return row, fmt.Errorf("has %d values, too few", len(values))
			}
			if v, err = decodeValue(all[i].Type, d[all[i].Name], values[next]); err != nil {
				return row, fmt.Errorf("%s: %w", all[i].Name, err)
			}
			next++
		}
		if err := destination.(sql.Scanner).Scan(v); err != nil {
			return row, fmt.Errorf("%s: %w", all[i].Name, err)
		}
	}
	if next < len(values) {
		return row, fmt.Errorf("has %d values, too many", len(values))
	}
	if t.Finish != nil {
		t.Finish(&row)
	}
	return row, nil
}

var null = []byte("null")

func decodeValue(of table.Type, how treatment, raw json.RawMessage) (any, error) {
	if bytes.Equal(raw, null) {
		return nil, nil
	}
	switch {
	case of == table.Integer:
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	case of == table.Blob && how != words:
		b := []byte{}
		err := json.Unmarshal(raw, &b)
		return b, err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if of == table.Blob {
		return []byte(s), nil
	}
	if how == spec || how == value || how == changes {
		if s != "" && !json.Valid([]byte(s)) {
			return nil, fmt.Errorf("%w: no JSON", ledger.ErrData)
		}
	}
	return s, nil
}
