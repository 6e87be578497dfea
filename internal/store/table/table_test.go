package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// fill gives every exported field, however deep, a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.UnixMicro(int64(*n) * 1_000_003).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("文字 %d 😀", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes(fmt.Appendf(nil, `{"n": %d}`, *n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	default:
		panic(v.Type())
	}
}

func checkRow[R any](t *testing.T, table *Table[R], prepare func(*R)) {
	t.Run(table.Name, func(t *testing.T) {
		var row R
		n := 0
		fill(reflect.ValueOf(&row).Elem(), &n)
		if prepare != nil {
			prepare(&row)
		}
		for _, given := range []R{row, *new(R)} {
			got, err := Settled(table, &given)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, given) {
				t.Errorf("a field has no column, or two share one:\ngot  %+v\nwant %+v", got, given)
			}
		}
		seen := map[string]bool{}
		for _, c := range Columns(table.Visit) {
			if seen[c.Name] {
				t.Errorf("column %s is there twice", c.Name)
			}
			seen[c.Name] = true
		}
		if table.Edit != nil {
			for _, c := range Columns(table.Edit) {
				if !seen[c.Name] {
					t.Errorf("an edit sets %s, which is no column", c.Name)
				}
			}
		}
	})
}

func TestEveryFieldOfEveryRowHasItsColumn(t *testing.T) {
	checkRow(t, Messages, func(r *ledger.MessageRow) {
		d := r.Decision // these four are those of the message
		d.Position, d.Conversation, d.Message, d.At = r.Position, r.Conversation, r.Position, r.At
	})
	checkRow(t, Keys, nil)
	checkRow(t, Contacts, nil)
	checkRow(t, Conversations, nil)
	checkRow(t, Deliveries, nil)
	checkRow(t, Attempts, nil)
	checkRow(t, Facts, nil)
	checkRow(t, Assignments, nil)
	checkRow(t, Decisions, nil)
	checkRow(t, Outcomes, nil)
	checkRow(t, Documents, nil)
	checkRow(t, Revisions, nil)
	checkRow(t, Audit, nil)
	checkRow(t, Logins, nil)
	checkRow(t, Tokens, nil)
	checkRow(t, BrowserSessions, nil)
	checkRow(t, Clients, nil)
	checkRow(t, Refusals, nil)
	checkRow(t, Uploads, nil)
	checkRow(t, Files, nil)
	checkRow(t, Visitors, nil)
	checkRow(t, Ratings, nil)
	checkRow(t, Quarantine, nil)
	checkRow(t, AutoReplies, nil)
	checkRow(t, Hits, nil)
	checkRow(t, Jobs, nil)
	checkRow(t, HelpRequests, nil)
	checkRow(t, HelpReports, nil)
	checkRow(t, Repairs, nil)
}

func TestInstantsAreCutToMicrosecondsInUTC(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	row := ledger.KeyRow{At: time.Date(2026, 11, 23, 8, 0, 0, 123_456_789, zone)}
	got, err := Settled(Keys, &row)
	if want := time.Date(2026, 11, 23, 0, 0, 0, 123_456_000, time.UTC); err != nil || got.At != want {
		t.Errorf("got %v, %v; want %v", got.At, err, want)
	}
}

func TestTextThatPostgreSQLCannotHoldIsRefused(t *testing.T) {
	for _, text := range []string{"a\x00b", "\xff", "客\xe5"} {
		for name, row := range map[string]ledger.MessageRow{
			"text": {Text: text}, "document": {Data: json.RawMessage(text)}, "list": {Decision: &ledger.DecisionRow{Chosen: []string{text}}},
		} {
			if _, err := Settled(Messages, &row); !errors.Is(err, ledger.ErrData) {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

func TestOfRowsThatReplaceEachOtherOnlyTheLastIsWritten(t *testing.T) {
	g := ledger.Group{First: 1, Last: 1, Clients: []ledger.ClientRow{
		{Account: "a", Client: "x", Cursor: 1}, {Account: "a", Client: "y", Cursor: 2}, {Account: "a", Client: "x", Cursor: 3}}}
	steps := Steps(&g, 1)
	at := slices.IndexFunc(steps, func(s Step) bool { return s.Op == PutClient })
	if at < 0 || steps[at].Rows != 2 {
		t.Fatalf("got %+v", steps)
	}
	var values Values
	steps[at].Encode(1, &Encoder{Out: &values})
	if values[1].Value != "x" || values[2].Value != int64(3) {
		t.Errorf("got %v", values)
	}
}
