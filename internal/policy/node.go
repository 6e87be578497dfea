package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Limits on what is read. They are far above any real policy and keep a hostile file from costing more than its own size.
const (
	maxFile      = 4 << 20 // bytes of a YAML file
	maxSpec      = 1 << 20 // bytes of one spec in JSON
	maxDepth     = 24      // nesting
	maxNodes     = 1 << 19 // values in a file, aliases counted as often as they are used
	maxDocuments = 50_000
)

type nodeType uint8

const (
	nullNode nodeType = iota
	boolNode
	intNode
	floatNode
	textNode
	timeNode // YAML's own: a plain scalar that looks like a date or time
	listNode
	mapNode
	shapeNode // asks a reader what it takes: see shape
)

var nodeNames = map[nodeType][2]string{
	nullNode: {"nothing (null)", "空值(null)"}, boolNode: {"true/false", "true/false"}, intNode: {"a number", "数字"}, floatNode: {"a number", "数字"},
	textNode: {"text", "文字"}, timeNode: {"a date or time", "日期或时间"}, listNode: {"a list", "列表"}, mapNode: {"a group of fields", "一组字段"},
}

// node is one value as it was written, before anything is known about what it should be. YAML and JSON become the same tree, so that there is one
// strict decoder.
type node struct {
	typ   nodeType
	text  string // of a scalar, as written
	line  int    // 0 for JSON
	keys  []key  // of a map, in order of appearance, duplicates included
	items []*node
	shape *shape // of a shapeNode, filled in by who would read it; nil for all others
}

type key struct {
	name  string
	line  int
	value *node
}

// get returns the first value of a key, nil if there is none.
func (n *node) get(name string) *node {
	if n == nil || n.typ != mapNode {
		return nil
	}
	for _, k := range n.keys {
		if k.name == name {
			return k.value
		}
	}
	return nil
}

var errDepth = fmt.Errorf("nested deeper than %d levels", maxDepth)

// jsonNode reads one JSON value. Unlike json.Unmarshal it keeps duplicate keys, so that the decoder can refuse them.
func jsonNode(data []byte) (*node, error) {
	switch {
	case len(data) > maxSpec:
		return nil, fmt.Errorf("larger than %d bytes", maxSpec)
	case !utf8.Valid(data):
		return nil, errors.New("not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := jsonValue(dec, 0)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("it ends too early")
		}
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the end of it")
	}
	return n, nil
}

func jsonValue(dec *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case nil:
		return &node{typ: nullNode}, nil
	case bool:
		return &node{typ: boolNode, text: fmt.Sprint(t)}, nil
	case json.Number:
		return &node{typ: intNode, text: t.String()}, nil
	case string:
		return &node{typ: textNode, text: t}, nil
	case json.Delim:
		if t == '[' {
			return jsonList(dec, depth)
		}
		return jsonMap(dec, depth)
	}
	return nil, fmt.Errorf("unexpected %v", token)
}

func jsonList(dec *json.Decoder, depth int) (*node, error) {
	n := &node{typ: listNode}
	for dec.More() {
		item, err := jsonValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token()
	return n, err
}

func jsonMap(dec *json.Decoder, depth int) (*node, error) {
	n := &node{typ: mapNode}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := jsonValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		n.keys = append(n.keys, key{name: name, value: value})
	}
	_, err := dec.Token()
	return n, err
}
