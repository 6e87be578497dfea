package checklist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/bidahq/bida/internal/problem"
)

// maxFile is how long a file of answers may be.
const maxFile = 64 << 10

var (
	errLong = problem.New(problem.TooLarge, "checklist.too_large", "A file of answers has at most 64 KiB.", "答案文件最多 64 KiB。")
	errText = problem.New(problem.Malformed, "checklist.malformed", "The file is not valid UTF-8.", "文件不是有效的 UTF-8 文本。")
)

func malformed(err error) error {
	return problem.New(problem.Malformed, "checklist.malformed",
		"The file cannot be read as YAML or JSON: "+err.Error(), "文件无法按 YAML 或 JSON 读取："+err.Error()).Because(err)
}

// Parse reads a sheet from YAML or JSON. It is strict: unknown fields and questions, answers that are none, and fields that are there twice are refused, all
// of them at once, each with its line. The error is a *problem.Error.
func Parse(file []byte) (*Sheet, error) {
	switch {
	case len(file) > maxFile:
		return nil, errLong
	case !utf8.Valid(file):
		return nil, errText
	}
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	var root, more yaml.Node
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, malformed(err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, malformed(errors.New("there is more than one document"))
	}
	r := &reader{sheet: &Sheet{Answers: map[string]Value{}}}
	if len(root.Content) == 1 {
		r.root(root.Content[0])
	}
	if err := refusal(r.faults); err != nil {
		return nil, err
	}
	if err := r.sheet.Check(); err != nil {
		return nil, err
	}
	return r.sheet, nil
}

// reader reads the nodes of a file.
type reader struct {
	sheet  *Sheet
	faults []problem.Field
}

func (r *reader) wrong(n *yaml.Node, field, en, zh string) {
	f := fault(field, fmt.Sprintf("line %d: %s", n.Line, en), fmt.Sprintf("第 %d 行：%s", n.Line, zh))
	f.Line = n.Line
	r.faults = append(r.faults, f)
}

// fields goes through the fields of a mapping.
func (r *reader) fields(n *yaml.Node, at string, take func(name string, key, value *yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, at, "this must be fields with values", "这里应是若干“字段: 值”")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			r.wrong(key, at, "a field is named by a word", "字段名应是一个词")
			continue
		}
		if seen[key.Value] {
			r.wrong(key, at+"/"+pointer(key.Value), "this is here twice", "重复出现")
			continue
		}
		seen[key.Value] = true
		take(key.Value, key, n.Content[i+1])
	}
}

func (r *reader) root(n *yaml.Node) {
	texts := map[string]*string{
		"title": &r.sheet.Title, "platform": &r.sheet.Platform, "agent": &r.sheet.Agent, "inbox": &r.sheet.Inbox, "kind": &r.sheet.Kind, "note": &r.sheet.Note,
	}
	r.fields(n, "", func(name string, key, value *yaml.Node) {
		switch into := texts[name]; {
		case name == "answers":
			r.fields(value, "/answers", r.answer)
		case into == nil:
			r.wrong(key, "/"+pointer(name), "there is no such field", "没有这个字段")
		default:
			*into, _ = r.scalar("/"+name, value)
		}
	})
}

func (r *reader) answer(name string, key, value *yaml.Node) {
	field := "/answers/" + pointer(name)
	if find(name) == nil {
		r.wrong(key, field, "there is no such question", "没有这个问题")
		return
	}
	text, ok := r.scalar(field, value)
	if !ok {
		return
	}
	v, ok := ParseValue(text)
	if !ok {
		r.wrong(value, field, "an answer is yes, no or unknown", "答案只能是 yes、no 或 unknown（是、否、不清楚）")
		return
	}
	if v != "" {
		r.sheet.Answers[name] = v
	}
}

// ParseValue reads an answer as people write it; "" is none.
func ParseValue(text string) (v Value, ok bool) {
	v, ok = answers[strings.ToLower(strings.TrimSpace(text))]
	return v, ok
}

// answers are the ways to write an answer.
var answers = map[string]Value{
	"": "", "yes": Yes, "y": Yes, "true": Yes, "是": Yes, "no": No, "n": No, "false": No, "否": No, "不是": No,
	"unknown": DontKnow, "?": DontKnow, "？": DontKnow, "don't know": DontKnow, "dont know": DontKnow, "dont_know": DontKnow, "不清楚": DontKnow, "不知道": DontKnow, "不确定": DontKnow,
}

// scalar reads a text. Nothing is "".
func (r *reader) scalar(field string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.wrong(n, field, "this must be a text", "这里应是一段文字")
		return "", false
	case n.Tag == "!!null":
		return "", true
	}
	return n.Value, true
}

// Template is a file to fill in, in a language.
func Template(platform, lang string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say := func(zh, en string) string { return Words{zh, en}.In(lang) }
	line("# %s", say("排查清单：每个问题回答 yes（是）、no（否）或 unknown（不清楚）；还没查的留空。", "Check-list: answer yes, no or unknown; leave empty what nobody has looked at."))
	line("platform: %s # %s", platform, ids(Platforms()))
	line("title: \"\"")
	line("agent: \"\" # %s", say("客服的名字", "the agent"))
	line("inbox: \"\" # %s", say("接待渠道", "the inbox"))
	line("kind: \"\" # customer, group, system")
	line("note: \"\"")
	line("answers:")
	stage := ""
	for i, q := range Questions() {
		if q.Stage != stage {
			stage = q.Stage
			line("\n  # ---- %s ----", nameOf(Stages(), stage).In(lang))
		}
		line("  # %d. %s", i+1, q.Ask.In(lang))
		line("  #    %s %s", say("在哪里看：", "Where:"), q.Where[platform].In(lang))
		line("  %s:", q.ID)
	}
	return b.String()
}

func nameOf(list []Named, id string) Words {
	for _, n := range list {
		if n.ID == id {
			return n.Name
		}
	}
	return Words{}
}
