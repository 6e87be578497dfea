package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/bidahq/bida/internal/filter"
)

// ParseYAML reads a file of documents, one after another, each {kind, name, spec}. It is strict: unknown fields, duplicate keys, wrong types and
// duplicate documents are problems, and all of them are reported at once, each with its line. References to other documents are looked at when
// the documents are made into a Set or applied; those problems have lines, too. The error is Problems.
func ParseYAML(data []byte) ([]Document, error) {
	problems := &problemList{}
	r := &yamlReader{problems: problems}
	if p, ok := unreadable(data); ok {
		problems.add(p)
		return nil, problems.err()
	}
	var docs []Document
	lines := map[string]int{} // where each document was first seen
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for count := 1; ; count++ {
		var root yaml.Node
		if err := dec.Decode(&root); err != nil {
			if !errors.Is(err, io.EOF) {
				problems.add(syntaxProblem(err))
			}
			break
		}
		if count > maxDocuments {
			problems.add(Problem{Line: root.Line, Message: fmt.Sprintf("more than %d documents", maxDocuments), MessageZH: fmt.Sprintf("文档超过 %d 个", maxDocuments)})
			break
		}
		n, ok := r.document(&root, fmt.Sprintf("document %d", count))
		if !ok {
			continue
		}
		d, ok := r.decode(n, count)
		if d.Kind == "" || d.Name == "" {
			continue
		}
		if first, twice := lines[label(d.Kind, d.Name)]; twice {
			problems.add(Problem{Document: label(d.Kind, d.Name), Line: n.line,
				Message:   fmt.Sprintf("this document is here twice (first on line %d)", first),
				MessageZH: fmt.Sprintf("这个文档出现了两次（第一次在第 %d 行）", first)})
			continue
		}
		lines[label(d.Kind, d.Name)] = n.line
		if ok {
			docs = append(docs, d)
		}
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return docs, nil
}

// unreadable finds what is wrong with a file before it is YAML.
func unreadable(data []byte) (Problem, bool) {
	if len(data) > maxFile {
		return Problem{Message: fmt.Sprintf("the file is larger than %d MiB", maxFile>>20), MessageZH: fmt.Sprintf("文件超过 %d MiB", maxFile>>20)}, true
	}
	if utf8.Valid(data) {
		return Problem{}, false
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	p := Problem{Line: 1 + bytes.Count(data[:at], []byte("\n")), Message: "this looks like GBK; save the file as UTF-8", MessageZH: "文件看起来是 GBK 编码；请另存为 UTF-8"}
	// What could be read as GBK is not converted, as lists of keywords are: settings that were guessed may be others than were meant.
	var fault *filter.LineFault
	if _, _, err := filter.Decode(data); errors.As(err, &fault) {
		p.Message, p.MessageZH = fault.EN, fault.ZH
	}
	return p, true
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntaxProblem is what the YAML reader says. Nothing after it can be read.
func syntaxProblem(err error) Problem {
	p := Problem{}
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	text = strings.TrimPrefix(text, "yaml: ")
	p.Message = "this is not YAML: " + text
	p.MessageZH = "不是有效的 YAML:" + text
	return p
}

// yamlReader turns YAML's nodes into ours, within the limits.
type yamlReader struct {
	problems *problemList
	nodes    int
}

// document turns one YAML document into a node. ok is false when it is empty, or cannot be used at all.
func (r *yamlReader) document(root *yaml.Node, name string) (n *node, ok bool) {
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, false
	}
	if c := root.Content[0]; c.Kind == yaml.ScalarNode && c.ShortTag() == "!!null" {
		return nil, false // between two separators, or only comments
	}
	n, err := r.node(root.Content[0], 0)
	if err != nil {
		r.problems.add(Problem{Document: name, Line: err.line, Message: err.en, MessageZH: err.zh})
		return nil, false
	}
	return n, true
}

type yamlError struct {
	line   int
	en, zh string
}

func (r *yamlReader) node(y *yaml.Node, depth int) (*node, *yamlError) {
	r.nodes++
	switch {
	case depth > maxDepth:
		return nil, &yamlError{y.Line, errDepth.Error(), fmt.Sprintf("嵌套超过 %d 层", maxDepth)}
	case r.nodes > maxNodes:
		return nil, &yamlError{y.Line, fmt.Sprintf("more than %d values (aliases count each time they are used)", maxNodes), fmt.Sprintf("值超过 %d 个（别名每用一次计一次）", maxNodes)}
	}
	n := &node{line: y.Line}
	switch y.Kind {
	case yaml.AliasNode:
		// An alias inside its own anchor ends at the limit of depth.
		return r.node(y.Alias, depth+1)
	case yaml.ScalarNode:
		typ, ok := scalarTypes[y.ShortTag()]
		if !ok {
			return nil, tagError(y)
		}
		n.typ, n.text = typ, y.Value
	case yaml.SequenceNode:
		if y.ShortTag() != "!!seq" {
			return nil, tagError(y)
		}
		n.typ = listNode
		for _, c := range y.Content {
			item, err := r.node(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	case yaml.MappingNode:
		if y.ShortTag() != "!!map" {
			return nil, tagError(y)
		}
		n.typ = mapNode
		for i := 0; i+1 < len(y.Content); i += 2 {
			k, err := r.key(y.Content[i])
			if err != nil {
				return nil, err
			}
			if k.value, err = r.node(y.Content[i+1], depth+1); err != nil {
				return nil, err
			}
			n.keys = append(n.keys, k)
		}
	default:
		return nil, &yamlError{y.Line, "this cannot be read", "无法读取"}
	}
	return n, nil
}

var scalarTypes = map[string]nodeType{
	"!!null": nullNode, "!!bool": boolNode, "!!int": intNode, "!!float": floatNode, "!!str": textNode, "!!timestamp": timeNode,
}

func tagError(y *yaml.Node) *yamlError {
	return &yamlError{y.Line, fmt.Sprintf("tag %s is not used here", quoted(y.Tag)), fmt.Sprintf("不支持标签 %s", quoted(y.Tag))}
}

// key reads the key of a map entry. Keys are words; what looks like a number is taken as it is written (an inbox may be called 2024).
func (r *yamlReader) key(y *yaml.Node) (key, *yamlError) {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	if y.Kind != yaml.ScalarNode {
		return key{}, &yamlError{y.Line, "a field's name must be a word", "字段名必须是一个词"}
	}
	if y.ShortTag() == "!!merge" {
		return key{}, &yamlError{y.Line, "merging with << is not supported; write the fields out", "不支持用 << 合并；请写出各字段"}
	}
	return key{name: y.Value, line: y.Line}, nil
}

// decode makes a document of a node. ok says that it has no problem; its kind and name are filled in whenever they can be.
func (r *yamlReader) decode(n *node, count int) (d Document, ok bool) {
	before := len(r.problems.list) + r.problems.more
	dec := &decoder{document: fmt.Sprintf("document %d", count), problems: r.problems, lines: lineIndex{"": n.line}}
	if n.typ == listNode {
		dec.problem(n, "documents are separated by lines of ---, they are not a list", "各文档之间用 --- 分隔，不要写成列表")
		return d, false
	}
	var spec any
	kind, name := n.get("kind"), n.get("name")
	if kind != nil && kind.typ == textNode && name != nil && name.typ == textNode {
		dec.document = label(kind.text, name.text)
	}
	dec.object(n,
		field{"kind", func(n *node) { dec.word(n, &d.Kind) }},
		field{"name", func(n *node) { dec.word(n, &d.Name) }},
		field{"spec", func(n *node) {
			if kind != nil && kindRank(kind.text) >= 0 {
				spec = dec.spec(kind.text, n)
			}
		}},
	)
	if n.typ == mapNode {
		dec.missing(n, "kind", "name", "spec")
	}
	r.identity(dec, d, kind, name)
	if len(r.problems.list)+r.problems.more > before || spec == nil {
		return d, false
	}
	d.Spec, d.lines = encode(spec), dec.lines
	return d, true
}

// identity checks kind and name, with the line on which they stand.
func (r *yamlReader) identity(dec *decoder, d Document, kind, name *node) {
	if d.Kind == "" || d.Name == "" {
		return
	}
	found := &problemList{}
	checkIdentity(d.Kind, d.Name, found)
	for _, p := range found.list {
		p.Document = dec.document
		if p.Line = name.line; p.Path == "/kind" {
			p.Line = kind.line
		}
		r.problems.add(p)
	}
}

// word reads the kind or the name of a document.
func (d *decoder) word(n *node, dst *string) {
	switch {
	case n.typ != textNode:
		d.wrongType(n, "a name", "名称")
	case n.text == "":
		d.problem(n, "this is empty", "不能为空")
	default:
		*dst = n.text
	}
}

// MarshalYAML writes documents as a file that ParseYAML reads back to the same documents.
func MarshalYAML(docs []Document) ([]byte, error) {
	var b bytes.Buffer
	if len(docs) == 0 {
		return nil, nil
	}
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, d := range docs {
		n, err := jsonNode(d.Spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", label(d.Kind, d.Name), err)
		}
		doc := yamlMap()
		doc.Content = append(doc.Content, yamlText("kind"), yamlText(d.Kind), yamlText("name"), yamlText(d.Name), yamlText("spec"), yamlNode(n))
		if err := enc.Encode(doc); err != nil {
			return nil, fmt.Errorf("%s: %w", label(d.Kind, d.Name), err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func yamlMap() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func yamlText(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if oldBool[strings.ToLower(s)] {
		n.Style = yaml.DoubleQuotedStyle // other readers take them for true and false
	}
	return n
}

var oldBool = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true}

func yamlNode(n *node) *yaml.Node {
	switch n.typ {
	case mapNode:
		y := yamlMap()
		for _, k := range n.keys {
			y.Content = append(y.Content, yamlText(k.name), yamlNode(k.value))
		}
		if len(n.keys) == 0 {
			y.Style = yaml.FlowStyle
		}
		return y
	case listNode:
		y := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		width := 0
		for _, item := range n.items {
			y.Content = append(y.Content, yamlNode(item))
			if width += len(item.text) + 2; item.typ == mapNode || item.typ == listNode {
				width = 1000
			}
		}
		if width <= 100 {
			y.Style = yaml.FlowStyle
		}
		return y
	case boolNode:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: n.text}
	case intNode, floatNode:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: n.text}
	case nullNode:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	default:
		return yamlText(n.text)
	}
}
