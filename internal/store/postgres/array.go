package postgres

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bidahq/bida/internal/store/table"
)

// Rows are encoded straight into the protocol's binary form: going through slices of Go values and the library's reflection over them takes several
// times as long as the encoding itself.

// values is a table.Sink for the parameters of one row.
type values [][]byte

func (v *values) Null()         { *v = append(*v, nil) }
func (v *values) Int(n int64)   { *v = append(*v, binary.BigEndian.AppendUint64(nil, uint64(n))) }
func (v *values) Text(s string) { *v = append(*v, append([]byte{}, s...)) }
func (v *values) Blob(b []byte) { *v = append(*v, append([]byte{}, b...)) }

// arrays is a table.Sink that makes one array of every column.
type arrays struct {
	columns []array
	next    int
}

type array struct {
	data  []byte
	nulls bool
}

// header is the length of an array's header: dimensions, whether there are NULLs, type of the elements, length, lower bound.
const header = 20

func (a *arrays) begin(columns []table.Column, rows int) {
	for len(a.columns) < len(columns) {
		a.columns = append(a.columns, array{})
	}
	for i, c := range columns {
		d := append(a.columns[i].data[:0], make([]byte, header)...)
		binary.BigEndian.PutUint32(d[0:], 1)
		binary.BigEndian.PutUint32(d[8:], [...]uint32{pgtype.Int8OID, pgtype.TextOID, pgtype.ByteaOID}[c.Type])
		binary.BigEndian.PutUint32(d[12:], uint32(rows))
		binary.BigEndian.PutUint32(d[16:], 1)
		a.columns[i] = array{data: d}
	}
	a.columns = a.columns[:len(columns)]
}

// end returns the parameters, which are good until the next begin.
func (a *arrays) end() [][]byte {
	parameters := make([][]byte, len(a.columns))
	for i, c := range a.columns {
		if c.nulls {
			binary.BigEndian.PutUint32(c.data[4:], 1)
		}
		parameters[i] = c.data
	}
	return parameters
}

func (a *arrays) column() *array {
	c := &a.columns[a.next]
	a.next++
	return c
}

// Null implements table.Sink.
func (a *arrays) Null() {
	c := a.column()
	c.nulls = true
	c.data = binary.BigEndian.AppendUint32(c.data, 0xffffffff)
}

// Int implements table.Sink.
func (a *arrays) Int(n int64) {
	c := a.column()
	c.data = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(c.data, 8), uint64(n))
}

// Text implements table.Sink.
func (a *arrays) Text(s string) {
	c := a.column()
	c.data = append(binary.BigEndian.AppendUint32(c.data, uint32(len(s))), s...)
}

// Blob implements table.Sink.
func (a *arrays) Blob(b []byte) {
	c := a.column()
	c.data = append(binary.BigEndian.AppendUint32(c.data, uint32(len(b))), b...)
}
