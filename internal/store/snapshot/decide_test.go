package snapshot

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// schema reads the tables of a new database, with their columns.
func schema(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		tables[table] = append(tables[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestEveryColumnOfTheDatabaseWasDecidedAbout(t *testing.T) {
	tables := schema(t)
	if len(tables) < 20 {
		t.Fatalf("the database has the tables %v", tables)
	}
	for name, columns := range tables {
		i := slices.IndexFunc(parts, func(p part) bool { return p.table == name })
		if _, none := without[name]; none == (i >= 0) {
			t.Errorf("table %s: say in decide.go what a snapshot has of it, or why it has nothing", name)
			continue
		}
		if i < 0 {
			continue
		}
		for _, column := range columns {
			if _, ok := parts[i].decided[column]; !ok {
				t.Errorf("column %s.%s: say in decide.go whether it may leave the house in a snapshot", name, column)
			}
		}
		for column := range parts[i].decided {
			if !slices.Contains(columns, column) {
				t.Errorf("column %s.%s is decided about and does not exist", name, column)
			}
		}
	}
	for name := range without {
		if tables[name] == nil {
			t.Errorf("table %s is decided about and does not exist", name)
		}
	}
}

var documents = map[string]any{
	policy.KindAccount: policy.AccountSpec{}, policy.KindRole: policy.RoleSpec{}, policy.KindTemplate: policy.TemplateSpec{}, policy.KindTeam: policy.TeamSpec{},
	policy.KindInbox: policy.InboxSpec{}, policy.KindCalendar: policy.CalendarSpec{}, policy.KindSchedule: policy.ScheduleSpec{}, policy.KindSwitch: policy.SwitchSpec{},
	policy.KindMaintenance: policy.MaintenanceSpec{}, policy.KindClient: policy.ClientSpec{}, policy.KindFilter: policy.FilterSpec{}, policy.KindAutoReply: policy.AutoReplySpec{},
}

// leaves lists the paths of a spec's fields that have no fields of their own.
func leaves(path string, of reflect.Type) []string {
	switch {
	case fields[path].instead != "": // whatever is below it
		return []string{path}
	case of.Kind() == reflect.Pointer, of.Kind() == reflect.Slice:
		return leaves(path, of.Elem())
	case of.Kind() == reflect.Map:
		if !named[path] {
			return []string{path + " is a map by names, which decide.go does not say"}
		}
		return leaves(path+".*", of.Elem())
	case of.Kind() != reflect.Struct || of == reflect.TypeFor[policy.Instant]():
		return []string{path}
	}
	var list []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		list = append(list, leaves(path+"."+name, of.Field(i).Type)...)
	}
	return list
}

func TestEveryFieldOfEveryDocumentWasDecidedAbout(t *testing.T) {
	for _, kind := range policy.Kinds() {
		spec, ok := documents[kind]
		if !ok {
			t.Errorf("kind %s: name its spec in this test, and decide in decide.go what of it may leave the house", kind)
			continue
		}
		for _, path := range leaves(kind, reflect.TypeOf(spec)) {
			if _, ok := fields[path]; !ok {
				t.Errorf("field %s: say in decide.go whether it may leave the house in a snapshot", path)
			}
		}
	}
}

func TestEveryNameOfAFactWasDecidedAbout(t *testing.T) {
	files, err := filepath.Glob("../../ledger/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("the ledger's files: %v", err)
	}
	found := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Fact") {
				return true
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			name, _ := strconv.Unquote(literal.Value)
			found++
			for path := range fields {
				if path == "fact."+name || strings.HasPrefix(path, "fact."+name+".") {
					return true
				}
			}
			t.Errorf("fact %s: say in decide.go what of its value may leave the house in a snapshot", name)
			return true
		})
	}
	if found < 10 {
		t.Errorf("only %d names of facts were found", found)
	}
}

func TestOfADocumentOnlyWhatIsKeptIsLeft(t *testing.T) {
	for _, test := range []struct{ root, raw, want string }{
		{"account", `{"title":"甲","alias":"x","roles":["a","b"],"state_reason":"x","extensions":[{"until":"2026-01-01T00:00:00Z","reason":"x"}],"capacity":{"total":2,"inboxes":{"web":1}}}`,
			`{"capacity":{"inboxes":{"web":1},"total":2},"extensions":[{"until":"2026-01-01T00:00:00Z"}],"roles":["a","b"],"title":"甲"}`},
		{"role", `{"permissions":[]}`, `{"permissions":[]}`},
		{"filter", `{"match":{"senders":{"block":["x"]}},"action":"reject"}`, `{"action":"reject","match":{"keywords":["left out"]}}`},
		{"maintenance", `{"title":"t","announcement":{"zh":"x","en":"x","to":{"everybody":true}}}`, `{"announcement":{"en":"(left out)","to":{"everybody":true},"zh":"(left out)"},"title":"t"}`},
		{"account", `{"what_comes_later":"x","title":"甲"}`, `{"title":"甲"}`},
		{"kind-that-comes-later", `{"title":"x"}`, ``},
		{"fact.presence", `{"value":"away","reason":"x","until":5}`, `{"until":5,"value":"away"}`},
		{"fact.visible", `true`, `true`},
		{"fact.report", `{"browser":"Chrome 156","secure":false,"filter":{"tab":"mine","search":true,"words":"x"},"note":"x"}`,
			`{"browser":"Chrome 156","filter":{"search":true,"tab":"mine"},"secure":false}`},
		{"fact.passed_over", `["a"]`, `["a"]`},
		{"fact.what_comes_later", `{"x":1}`, ``},
		{"change", `[{"kind":"account","name":"a","action":"update","fields":["x"]}]`, `[{"action":"update","kind":"account","name":"a"}]`},
	} {
		got, err := cut(test.root, []byte(test.raw))
		if err != nil || string(got) != test.want {
			t.Errorf("%s %s:\ngot  %s, %v\nwant %s", test.root, test.raw, got, err, test.want)
		}
	}
}
