package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// shape is what a reader takes, as JSON Schema (2020-12) says it. There is no second description of documents: a reader that is given a node with a shape
// fills the shape in and reads nothing, so what the schema knows is what the decoder knows. It may take more than the decoder does (references, windows
// that overlap and expressions are not looked at), never less.
type shape struct {
	Schema               string              `json:"$schema,omitempty"`
	Title                string              `json:"title,omitempty"`
	Description          string              `json:"description,omitempty"`
	Ref                  string              `json:"$ref,omitempty"`
	Type                 any                 `json:"type,omitempty"` // a name, or several
	Const                string              `json:"const,omitempty"`
	Enum                 []string            `json:"enum,omitempty"`
	Pattern              string              `json:"pattern,omitempty"`
	Format               string              `json:"format,omitempty"`
	MaxLength            int                 `json:"maxLength,omitempty"`
	Minimum              int                 `json:"minimum,omitempty"`
	Maximum              int                 `json:"maximum,omitempty"`
	Properties           properties          `json:"properties,omitempty"`
	PropertyNames        *shape              `json:"propertyNames,omitempty"`
	AdditionalProperties any                 `json:"additionalProperties,omitempty"` // false, or a shape
	Required             []string            `json:"required,omitempty"`
	DependentRequired    map[string][]string `json:"dependentRequired,omitempty"`
	Items                *shape              `json:"items,omitempty"`
	MinItems             int                 `json:"minItems,omitempty"`
	MaxItems             int                 `json:"maxItems,omitempty"`
	UniqueItems          bool                `json:"uniqueItems,omitempty"`
	Contains             *shape              `json:"contains,omitempty"`
	AnyOf                []*shape            `json:"anyOf,omitempty"`
	AllOf                []*shape            `json:"allOf,omitempty"`
	If                   *shape              `json:"if,omitempty"`
	Then                 *shape              `json:"then,omitempty"`
	Not                  *shape              `json:"not,omitempty"`
	Defs                 properties          `json:"$defs,omitempty"`
}

// properties are shapes by name, in the order in which the decoder has them: editors propose them in this order.
type properties []property

type property struct {
	name string
	*shape
}

// MarshalJSON writes the properties as an object, in their order.
func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(x.name)
		if err != nil {
			return nil, err
		}
		value, err := marshalShape(x.shape)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshalShape(s *shape) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// askFor makes a node that asks for a shape.
func askFor(s *shape) *node { return &node{typ: shapeNode, shape: s} }

// describe fills in the shape of a node that asks for one; ok is false for a node that is to be read.
func (n *node) describe(s shape) (ok bool) {
	if n.shape == nil {
		return false
	}
	*n.shape = s
	return true
}

// refine changes the shape that another reader filled in.
func (n *node) refine(change func(*shape)) {
	if n.shape != nil {
		change(n.shape)
	}
}

// describeObject describes the fields of an object.
func (n *node) describeObject(fields []field) {
	n.describe(shape{Type: "object", AdditionalProperties: false})
	for _, f := range fields {
		s := &shape{}
		f.read(askFor(s))
		n.shape.Properties = append(n.shape.Properties, property{f.name, s})
	}
}

// needs names a problem of an object that lacks a field.
func (d *decoder) needs(n *node, field, en, zh string) {
	n.refine(func(s *shape) { s.Required = append(s.Required, field) })
	if n.get(field) == nil {
		d.problem(n, en, zh)
	}
}

// needsOne names a problem of an object that has none of some fields.
func (d *decoder) needsOne(n *node, fields []string, en, zh string) {
	n.refine(func(s *shape) {
		for _, f := range fields {
			s.AnyOf = append(s.AnyOf, &shape{Required: []string{f}})
		}
	})
	if !slices.ContainsFunc(fields, func(f string) bool { return n.get(f) != nil }) {
		d.problem(n, en, zh)
	}
}

// mapping reads a map whose keys are not fields but data. good says whether a key can be one, and names the problem; keys is what it takes.
func (d *decoder) mapping(n *node, en, zh string, keys shape, good func(key) bool, each func(key)) {
	if values := (&shape{}); n.describe(shape{Type: "object", PropertyNames: &keys, AdditionalProperties: values}) {
		each(key{value: askFor(values)})
		return
	}
	if n.typ != mapNode {
		d.wrongType(n, en, zh)
		return
	}
	d.entries(n, func(k key) {
		if good(k) {
			each(k)
		}
	})
}

// The shapes of scalars. Texts may not have control characters, which is as much of forbidden as a pattern can say everywhere.
var (
	nameShape     = shape{Type: "string", Pattern: namePattern.String(), MaxLength: maxName}
	kindShape     = shape{Type: "string", Pattern: kindPattern.String(), MaxLength: maxName}
	instantShape  = shape{Type: "string", Format: "date-time"}
	dateShape     = shape{Type: "string", Format: "date"}
	durationShape = shape{Type: "string", Pattern: `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`}
)

func textShape(longest int) shape {
	return shape{Type: "string", Pattern: `^[^\p{Cc}]*$`, MaxLength: longest}
}

func clockShape(end bool) shape {
	if end {
		return shape{Type: "string", Pattern: `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`}
	}
	return shape{Type: "string", Pattern: `^([01][0-9]|2[0-3]):[0-5][0-9]$`}
}

// documentNames is what documents of a kind may be called.
func documentNames(kind string) *shape {
	s := nameShape
	switch kind {
	case KindSwitch:
		s = shape{Type: "string", Pattern: `^(platform|(inbox|account)\.[a-z0-9][a-z0-9._-]{0,` + fmt.Sprint(maxName-1) + `})$`}
	case KindClient:
		s.Not = &shape{Pattern: "^bida-"}
	case KindCalendar: // a company has the last word on them
	default:
		for _, b := range Builtins() {
			if b.Kind == kind {
				if s.Not == nil {
					s.Not = &shape{}
				}
				s.Not.Enum = append(s.Not.Enum, b.Name)
			}
		}
	}
	return &s
}

// Schema is the JSON Schema (2020-12) of one document of a policy file, with a description of every field in English and Chinese. It is made from what
// decodes the documents and depends on the program only: every document that ParseYAML takes is valid by it. The reverse does not hold; what only the
// whole policy shows (a missing reference, say) is for ParseYAML and NewSet. It is made once; what is returned must not be changed.
func Schema() ([]byte, error) { return schema() }

var schema = sync.OnceValues(makeSchema)

func makeSchema() ([]byte, error) {
	s := &shape{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "Bida policy document 接待设置文档",
		Description: "One document of the reception policy: {kind, name, spec}. A file has one after another, separated by lines of ---. 接待设置的一个文档；一个文件可以有多个，用 --- 分隔。",
		Type:        "object", AdditionalProperties: false, Required: []string{"kind", "name", "spec"},
		Properties: properties{
			{"kind", &shape{Enum: Kinds(), Description: "What the document is about. 文档类型"}},
			{"name", &shape{Type: "string", Description: "Lower-case letters, digits, '.', '_' and '-'; switches are called platform, inbox.NAME or account.NAME. 名称"}},
			{"spec", &shape{Type: "object", Description: "What the document says; its fields depend on the kind. 内容，字段随文档类型而定"}},
		},
	}
	for _, kind := range kindOrder {
		s.Defs = append(s.Defs, property{kind, describe(kind)})
		s.AllOf = append(s.AllOf, &shape{
			If:   &shape{Properties: properties{{"kind", &shape{Const: kind}}}, Required: []string{"kind"}},
			Then: &shape{Properties: properties{{"name", documentNames(kind)}, {"spec", &shape{Ref: "#/$defs/" + kind}}}},
		})
	}
	compact, err := marshalShape(s)
	if err != nil {
		return nil, fmt.Errorf("the schema of the documents: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("the schema of the documents: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// describe is the shape of the spec of a kind, with the descriptions of its fields.
func describe(kind string) *shape {
	s := &shape{}
	d := &decoder{problems: &problemList{}, describes: true}
	d.spec(kind, askFor(s))
	word(s, kind)
	return s
}

// word gives a shape, and those below it, their descriptions. Lists and the keys of maps add nothing to the path.
func word(s *shape, path string) {
	if s.Description == "" {
		s.Description = schemaWord(path)
	}
	for _, p := range s.Properties {
		word(p.shape, path+"."+p.name)
	}
	if s.Items != nil && s.Items.Properties != nil {
		word(s.Items, path)
		s.Items.Description = ""
	}
	if values, ok := s.AdditionalProperties.(*shape); ok && values.Properties != nil {
		word(values, path)
		values.Description = ""
	}
}
