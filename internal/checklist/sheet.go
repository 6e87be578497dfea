package checklist

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Value is an answer.
type Value string

// The answers. A question that has none was not answered yet.
const (
	Yes      Value = "yes"
	No       Value = "no"
	DontKnow Value = "unknown"
)

// In says an answer in words.
func (v Value) In(lang string) string {
	words := map[Value]Words{Yes: {"是", "yes"}, No: {"否", "no"}, DontKnow: {"不清楚", "don't know"}, "": {"未回答", "not answered"}}
	return words[v].In(lang)
}

// Bounds of a sheet.
const (
	maxName  = 100
	maxTitle = 120
	maxNote  = 2000
)

// Other is the platform that is none of those that are known.
const Other = "other"

// Here is Bida itself: the one platform that answers by itself.
const Here = "bida"

// Sheet is what somebody filled in.
type Sheet struct {
	Title    string           `json:"title,omitempty"`
	Platform string           `json:"platform"`
	Agent    string           `json:"agent,omitempty"` // in Bida the name of the account; elsewhere what people call it
	Inbox    string           `json:"inbox,omitempty"`
	Kind     string           `json:"kind,omitempty"`
	Answers  map[string]Value `json:"answers"`
	Note     string           `json:"note,omitempty"`
}

// fault is something that is wrong with a sheet.
func fault(field, en, zh string) problem.Field {
	return problem.Field{Field: field, Message: en, Zh: zh}
}

// refusal makes one error of all that is wrong; nil if nothing is.
func refusal(faults []problem.Field) error {
	if len(faults) == 0 {
		return nil
	}
	e := problem.New(problem.Invalid, "checklist.invalid",
		fmt.Sprintf("The check-list has %d problem(s): %s", len(faults), faults[0].Message),
		fmt.Sprintf("排查清单有 %d 处问题：%s", len(faults), faults[0].Zh))
	e.Field, e.Fields = faults[0].Field, faults
	return e
}

// Check looks whether a sheet is one that can be answered for. All that is wrong is named.
func (s *Sheet) Check() error {
	var faults []problem.Field
	s.Platform = cmp.Or(s.Platform, Other)
	if !slices.ContainsFunc(Platforms(), func(n Named) bool { return n.ID == s.Platform }) {
		faults = append(faults, fault("/platform", fmt.Sprintf("there is no platform %q; known are %s", s.Platform, ids(Platforms())),
			fmt.Sprintf("没有平台“%s”；可用的有 %s", s.Platform, ids(Platforms()))))
	}
	for _, t := range []struct {
		field, text string
		most        int
		lines       bool
	}{{"/title", s.Title, maxTitle, false}, {"/agent", s.Agent, maxName, false}, {"/inbox", s.Inbox, maxName, false}, {"/kind", s.Kind, maxName, false}, {"/note", s.Note, maxNote, true}} {
		faults = append(faults, checkText(t.field, t.text, t.most, t.lines)...)
	}
	if s.Kind != "" && s.Platform != Here && !slices.Contains(knownKinds, s.Kind) {
		faults = append(faults, fault("/kind", fmt.Sprintf("there is no kind %q; known are %s", s.Kind, strings.Join(knownKinds, ", ")),
			fmt.Sprintf("没有消息类型“%s”；可用的有 %s", s.Kind, strings.Join(knownKinds, "、"))))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Answers)) {
		switch v := s.Answers[id]; {
		case find(id) == nil:
			faults = append(faults, fault("/answers/"+pointer(id), "there is no such question", "没有这个问题"))
		case v == "":
			delete(s.Answers, id)
		case v != Yes && v != No && v != DontKnow:
			faults = append(faults, fault("/answers/"+pointer(id), "an answer is yes, no or unknown", "答案只能是 yes、no 或 unknown"))
		}
	}
	return refusal(faults)
}

// knownKinds are those that every platform has in some form.
var knownKinds = []string{"customer", "group", "system"}

func ids(list []Named) string {
	var all []string
	for _, n := range list {
		all = append(all, n.ID)
	}
	return strings.Join(all, ", ")
}

// pointer writes a name as a part of a JSON pointer, cut off where it is unreasonably long.
func pointer(name string) string {
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(strings.ToValidUTF8(name, "�"))
}

// checkText looks at a text that is shown as it is: nothing in it may alter how the rest is shown.
func checkText(field, text string, most int, lines bool) []problem.Field {
	switch {
	case !utf8.ValidString(text):
		return []problem.Field{fault(field, "this is not valid UTF-8", "不是有效的 UTF-8 文本")}
	case utf8.RuneCountInString(text) > most:
		return []problem.Field{fault(field, fmt.Sprintf("at most %d characters", most), fmt.Sprintf("最多 %d 个字符", most))}
	case strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t' || r == '\r')) || unicode.Is(unicode.Bidi_Control, r)
	}):
		return []problem.Field{fault(field, "control characters are not allowed", "不能含控制字符")}
	}
	return nil
}

// what names the agent in a sentence.
func (s *Sheet) who(title string) Words {
	if name := cmp.Or(title, s.Agent); name != "" {
		return Words{name, name}
	}
	return Words{"这位客服", "the agent"}
}

// KindTitle is what people call the sheet's kind; "" for none.
func (s *Sheet) KindTitle(lang string) string {
	if s.Kind == "" {
		return ""
	}
	return reception.KindTitle(s.Kind, lang)
}
