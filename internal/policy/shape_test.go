package policy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The fields of the Go types that documents are decoded into, and those of the schema, are the same. This looks at the types themselves, not at what the
// decoder says of itself: a field that one of them has alone is read and dropped, or can never be written.
func TestTheSchemaHasTheFieldsOfTheTypes(t *testing.T) {
	for _, kind := range kindOrder {
		s := describe(kind)
		empty := (&decoder{problems: &problemList{}}).spec(kind, &node{typ: mapNode})
		compareFields(t, kind, s, reflect.TypeOf(empty))
	}
}

func compareFields(t *testing.T, path string, s *shape, of reflect.Type) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	text := reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()
	switch {
	case of == reflect.TypeFor[time.Time]() || of.Implements(text):
	case of.Kind() == reflect.Slice:
		if s.Items == nil {
			t.Errorf("%s is a list, and the schema has no items", path)
			return
		}
		compareFields(t, path, s.Items, of.Elem())
	case of.Kind() == reflect.Map:
		values, ok := s.AdditionalProperties.(*shape)
		if !ok {
			t.Errorf("%s has keys that are data, and the schema does not say of what", path)
			return
		}
		compareFields(t, path, values, of.Elem())
	case of.Kind() == reflect.Struct:
		compareStruct(t, path, s, of)
	}
}

func compareStruct(t *testing.T, path string, s *shape, of reflect.Type) {
	known := map[string]*shape{}
	for _, p := range s.Properties {
		known[p.name] = p.shape
	}
	if s.AdditionalProperties != false {
		t.Errorf("%s may have any field", path)
	}
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		field, ok := known[name]
		if !ok {
			t.Errorf("%s.%s is in the type and not in the schema", path, name)
			continue
		}
		delete(known, name)
		compareFields(t, path+"."+name, field, f.Type)
	}
	for name := range known {
		t.Errorf("%s.%s is in the schema and not in the type", path, name)
	}
}

// Whoever adds a field says in schemaWords what it is for, and whoever adds a reader describes what it takes (see shape); what is gone takes its words along.
func TestEveryFieldOfTheSchemaIsDescribed(t *testing.T) {
	used := map[string]bool{}
	var walk func(path string, s *shape)
	walk = func(path string, s *shape) {
		if path != "" && s.Description == "" {
			t.Errorf("%s has no description: add it to schemaWords", path)
		}
		if s.Type == nil && s.Ref == "" {
			t.Errorf("%s has no type: its reader does not describe itself", path)
		}
		for p := path; ; {
			if schemaWords[p] != "" {
				used[p] = true
				break
			}
			_, rest, ok := strings.Cut(p, ".")
			if !ok {
				break
			}
			p = rest
		}
		for _, p := range s.Properties {
			walk(path+"."+p.name, p.shape)
		}
		for _, below := range []any{s.Items, s.AdditionalProperties} {
			if x, ok := below.(*shape); ok && x != nil {
				for _, p := range x.Properties {
					walk(path+"."+p.name, p.shape)
				}
				if x.Type == nil {
					t.Errorf("%s: what is in it has no type: its reader does not describe itself", path)
				}
			}
		}
	}
	for _, kind := range kindOrder {
		walk(kind, describe(kind))
	}
	for path := range schemaWords {
		if !used[path] {
			t.Errorf("schemaWords describes %s, which no document has", path)
		}
	}
}

func TestPropertiesKeepTheirOrder(t *testing.T) {
	text, err := json.Marshal(properties{{"z", &shape{Type: "string"}}, {"a", &shape{Pattern: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"z":{"type":"string"},"a":{"pattern":"x"}}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}
