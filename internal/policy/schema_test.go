package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
)

const published = "../../api/policy.schema.json"

// compiled is the published schema, as an independent library understands it, with formats looked at.
func compiled(t interface{ Fatal(...any) }) *jsonschema.Schema {
	text, err := policy.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if s.DraftVersion != 2020 {
		t.Fatal("the schema is of draft", s.DraftVersion)
	}
	return s
}

func TestThePublishedSchemaIsTheProgramsOwn(t *testing.T) {
	want, err := policy.Schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("api/policy.schema.json is not what the decoder takes; run make generate")
	}
}

// instance is a document as a validator sees it.
func instance(t interface{ Fatal(...any) }, kind, name string, spec any) any {
	text, err := json.Marshal(object{"kind": kind, "name": name, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryDocumentIsValidByTheSchema(t *testing.T) {
	schema := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		for _, d := range companies().Draw(t, "company") {
			if err := schema.Validate(instance(t, d.Kind, d.Name, d.Spec)); err != nil {
				t.Fatalf("%s/%s: %s: %v", d.Kind, d.Name, d.Spec, err)
			}
		}
	})
}

// plain makes of YAML what a validator sees: dates stay the texts that they are written as, as editors take them.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0])
	case yaml.AliasNode:
		return plain(n.Alias)
	case yaml.MappingNode:
		m := object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(c))
		}
		return list
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return json.Number(n.Value)
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!null":
		return nil
	}
	return n.Value
}

// written finds all policy files of the repository: those of its own, the examples of the reference page, those of scripts and of tests.
func written(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	for _, root := range []string{"../../deploy", "../../internal", "../../test"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !slices.Contains([]string{".yaml", ".txtar", ".go"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			pieces := [][]byte{text}
			switch filepath.Ext(path) {
			case ".txtar":
				pieces = bytes.Split(text, []byte("\n-- "))
				for i, p := range pieces {
					_, pieces[i], _ = bytes.Cut(p, []byte(" --\n"))
				}
			case ".go": // every second piece is a literal
				pieces = bytes.Split(text, []byte("`"))
			}
			for i, p := range pieces {
				files[fmt.Sprintf("%s#%d", path, i)] = p
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range yamlBlock.FindAllSubmatch(page, -1) {
		files[fmt.Sprintf("docs/policy.md#%d", i)] = block[1]
	}
	return files
}

func TestEveryPolicyFileOfTheRepositoryIsValidByTheSchema(t *testing.T) {
	schema := compiled(t)
	files := written(t)
	seen := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		docs, err := policy.ParseYAML(files[name])
		if err != nil || len(docs) == 0 {
			continue // no policy, or one that is meant to be at fault
		}
		dec := yaml.NewDecoder(bytes.NewReader(files[name]))
		for {
			var root yaml.Node
			if err := dec.Decode(&root); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			doc, ok := plain(&root).(object)
			if !ok {
				continue // nothing between two separators
			}
			seen[doc["kind"].(string)]++
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s line %d: %v", name, root.Line, err)
			}
		}
	}
	for _, kind := range policy.Kinds() {
		if seen[kind] == 0 {
			t.Errorf("no document of kind %s was found: the test shows nothing of it", kind)
		}
	}
	if seen["account"] < 50 {
		t.Errorf("only %v were found", seen)
	}
}

// objects visits every object of a value that has fields, with where it stands; those whose keys are data are left out.
func objects(at string, v any, visit func(at string, o object)) {
	switch x := v.(type) {
	case object:
		if !strings.HasSuffix(at, "/inboxes") && !strings.HasSuffix(at, "/years") {
			visit(at, x)
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			objects(at+"/"+k, x[k], visit)
		}
	case []any:
		for i, item := range x {
			objects(fmt.Sprintf("%s/%d", at, i), item, visit)
		}
	}
}

func TestAnUnknownFieldFailsBoth(t *testing.T) {
	schema := compiled(t)
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		for _, d := range companies().Draw(t, "company") {
			var spec any
			if err := json.Unmarshal(d.Spec, &spec); err != nil {
				t.Fatal(err)
			}
			var places []string
			objects("", spec, func(at string, _ object) { places = append(places, at) })
			chosen := pick(t, places)
			objects("", spec, func(at string, o object) {
				if at != chosen {
					return
				}
				seen[d.Kind+strings.TrimRight(at, "/0123456789")] = true
				o["colour"] = "red"
				text, err := json.Marshal(spec)
				if err != nil {
					t.Fatal(err)
				}
				delete(o, "colour")
				if _, err := policy.Normalize(d.Kind, text); err == nil {
					t.Fatalf("%s/%s: the decoder takes colour at %q", d.Kind, d.Name, at)
				}
				if err := schema.Validate(instance(t, d.Kind, d.Name, json.RawMessage(text))); err == nil {
					t.Fatalf("%s/%s: the schema takes colour at %q", d.Kind, d.Name, at)
				}
			})
		}
	})
	for _, place := range []string{"account/allow", "account/capacity", "inbox/routing", "filter/match/senders", "maintenance/announcement/to", "schedule/weekly", "calendar/years/2026/off", "team/extensions"} {
		if !seen[place] {
			t.Errorf("nothing was tried at %s", place)
		}
	}
}

// What stands for any value: the schema may take more than the decoder, and never less.
var anyValues = []any{
	nil, true, 0, 1, 7, 100_001, 1.5, "", "x", "客服甲", "a\nb", "on", "off", "1", "24:00", "9:00", "08:30", "2026-02-28", "2026-11-23", "2026-12-31T18:00:00+08:00", "2026-12-31T18:00:00Z", "2026-12-31 18:00",
	"90s", "+90s", "1.5h", "1h30m10.5s", "5", "-5m", ".5m", "receive", "receive.vip", "receive.", "customer", "auto_reply", "v1.2", "1.4.0-rc.1+x", "Asia/Shanghai", "Local", "platform", "frozen", "paused", "limited", "tag",
	"reject", "live", "async", "web", "api", "manual", "加微信\n免费", strings.Repeat("长", 200), strings.Repeat("长", 201), strings.Repeat("a", 64), strings.Repeat("a", 65),
	[]any{}, []any{"x"}, []any{"x", "x"}, []any{"customer"}, []any{"auto_reply"}, []any{1}, []any{"mon"}, object{}, object{"x": 1}, object{"2026": object{}},
}

func TestTheSchemaNeverTakesLessThanTheDecoder(t *testing.T) {
	schema := compiled(t)
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		docs := companies().Draw(t, "company")
		for range 20 {
			d := docs[rapid.IntRange(0, len(docs)-1).Draw(t, "document")]
			var spec any
			if err := json.Unmarshal(d.Spec, &spec); err != nil {
				t.Fatal(err)
			}
			alter(t, spec)
			text, err := json.Marshal(spec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := policy.Normalize(d.Kind, text); err != nil {
				continue
			}
			taken++
			if err := schema.Validate(instance(t, d.Kind, d.Name, json.RawMessage(text))); err != nil {
				t.Fatalf("the decoder takes this %s and the schema does not: %s: %v", d.Kind, text, err)
			}
		}
	})
	if taken == 0 {
		t.Error("the decoder took nothing: the test shows nothing")
	}
}

// alter replaces or takes away one field somewhere in a spec.
func alter(t *rapid.T, spec any) {
	var places []func()
	objects("", spec, func(_ string, o object) {
		for _, k := range slices.Sorted(maps.Keys(o)) {
			places = append(places, func() {
				if maybe(t) {
					delete(o, k)
					return
				}
				o[k] = anyValues[rapid.IntRange(0, len(anyValues)-1).Draw(t, "value")]
			})
		}
	})
	if len(places) > 0 {
		places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]()
	}
}

// What a person gets wrong most often, an editor shows.
func TestTheSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	schema := compiled(t)
	for _, wrong := range []string{
		`{"kind": "account", "name": "a", "spec": {"number": 1001}}`,
		`{"kind": "account", "name": "a", "spec": {"state": "gone"}}`,
		`{"kind": "account", "name": "a", "spec": {"allow": [{"until": "2026-12-31T18:00:00Z"}]}}`,
		`{"kind": "account", "name": "a", "spec": {"allow": [{"permission": "recieve"}]}}`,
		`{"kind": "account", "name": "a", "spec": {"capacity": {"total": 0}}}`,
		`{"kind": "account", "name": "a", "spec": {"capacity": {"inboxes": {"Web!": 1}}}}`,
		`{"kind": "account", "name": "a", "spec": {"expires": "tomorrow"}}`,
		`{"kind": "account", "name": "a", "spec": {"title": null}}`,
		`{"kind": "account", "name": "a", "spec": {"roles": ["x", "x"]}}`,
		`{"kind": "role", "name": "r", "spec": {"title": "nothing"}}`,
		`{"kind": "schedule", "name": "s", "spec": {}}`,
		`{"kind": "schedule", "name": "s", "spec": {"zone": "UTC", "weekly": [{"days": ["mon"], "from": "9:00", "to": "18:00"}]}}`,
		`{"kind": "schedule", "name": "s", "spec": {"zone": "UTC", "weekly": [{"days": [], "from": "09:00", "to": "18:00"}]}}`,
		`{"kind": "schedule", "name": "s", "spec": {"zone": "UTC", "exceptions": [{"date": "2026-02-30", "off": true}]}}`,
		`{"kind": "calendar", "name": "c", "spec": {"years": {"26": {}}}}`,
		`{"kind": "inbox", "name": "i", "spec": {"kinds": ["system"]}}`,
		`{"kind": "inbox", "name": "i", "spec": {"routing": {"accept_timeout": "90"}}}`,
		`{"kind": "switch", "name": "platform", "spec": {"reason": "x"}}`,
		`{"kind": "switch", "name": "web", "spec": {"state": "on"}}`,
		`{"kind": "maintenance", "name": "m", "spec": {"from": "2026-12-31T18:00:00Z"}}`,
		`{"kind": "maintenance", "name": "m", "spec": {"title": "x"}}`,
		`{"kind": "client", "name": "console", "spec": {"reason": "x"}}`,
		`{"kind": "client", "name": "console", "spec": {"minimum": 1.4}}`,
		`{"kind": "filter", "name": "f", "spec": {"match": {"keywords": ["x"]}}}`,
		`{"kind": "filter", "name": "f", "spec": {"match": {}, "action": "tag", "tag": "x"}}`,
		`{"kind": "filter", "name": "f", "spec": {"match": {"keywords": []}, "action": "reject"}}`,
		`{"kind": "filter", "name": "f", "spec": {"order": 0, "match": {"keywords": ["x"]}, "action": "reject"}}`,
		`{"kind": "colour", "name": "f", "spec": {}}`,
		`{"kind": "team", "name": "f", "spec": {}, "size": 3}`,
		`{"kind": "team", "name": "f"}`,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err == nil {
			t.Errorf("the schema takes %s", wrong)
		}
		if _, err := policy.ParseYAML([]byte(wrong)); err == nil {
			t.Errorf("the decoder takes %s", wrong)
		}
	}
}

func TestTheSchemaAndTheDecoderTakeTheSameNames(t *testing.T) {
	schema := compiled(t)
	specs := map[string]string{}
	for _, file := range written(t) {
		if docs, err := policy.ParseYAML(file); err == nil {
			for _, d := range docs {
				specs[d.Kind] = string(d.Spec)
			}
		}
	}
	names := []string{"a", "0", "a.b-c_d", "A", "-a", "", "a b", "客服", "platform", "inbox.web", "account.a", "account.", "inbox.-", "team.x", "admin", "agent", "supervisor", "cn-public", "any", "console", "bida-console", "bida-", "bida",
		strings.Repeat("a", 64), strings.Repeat("a", 65), "inbox." + strings.Repeat("a", 64), "inbox." + strings.Repeat("a", 65)}
	for _, kind := range policy.Kinds() {
		for _, name := range names {
			_, problems := policy.ParseYAML(fmt.Appendf(nil, "kind: %s\nname: %q\nspec: %s\n", kind, name, specs[kind]))
			err := schema.Validate(instance(t, kind, name, json.RawMessage(specs[kind])))
			if (problems == nil) != (err == nil) {
				t.Errorf("%s %q: the decoder says %v, the schema %v", kind, name, problems, err)
			}
		}
	}
}
