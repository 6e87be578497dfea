package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// decoder walks a node and fills a spec, collecting every problem with its path and line. It never stops at the first.
type decoder struct {
	document string
	path     []string
	problems *problemList
	lines    lineIndex // filled when the nodes have lines; nil otherwise
	// describes says that nodes ask for shapes: nothing is read, and nothing is a problem.
	describes bool
}

// field is one field that an object may have, and what reads it.
type field struct {
	name string
	read func(*node)
}

func (d *decoder) problem(n *node, en, zh string) { d.problemAt(n.line, en, zh) }

func (d *decoder) problemAt(line int, en, zh string) {
	if d.describes {
		return
	}
	d.problems.add(Problem{Document: d.document, Path: pointer(d.path...), Line: line, Message: en, MessageZH: zh})
}

// in reads a value at a path below the current one.
func (d *decoder) in(step string, line int, read func()) {
	d.path = append(d.path, step)
	if d.lines != nil {
		d.lines[pointer(d.path...)] = line
	}
	read()
	d.path = d.path[:len(d.path)-1]
}

func (d *decoder) wrongType(n *node, en, zh string) {
	is := nodeNames[n.typ]
	if n.typ == nullNode {
		d.problem(n, "this has no value; leave the field out, or write "+en, "没有值：请删去这个字段，或写"+zh)
		return
	}
	hintEN, hintZH := "", ""
	if en == "text" || en == "a name" {
		switch n.typ {
		case intNode, floatNode, boolNode, timeNode:
			hintEN, hintZH = "; put it in quotes", "；请加引号"
		}
	}
	d.problem(n, fmt.Sprintf("this must be %s, not %s%s", en, is[0], hintEN), fmt.Sprintf("这里应为%s，不能是%s%s", zh, is[1], hintZH))
}

// object reads a map with known fields. It says whether the value was a map. Where it describes them, what follows sees a map without any field.
func (d *decoder) object(n *node, fields ...field) bool {
	if n.shape != nil {
		n.describeObject(fields)
		return true
	}
	if n.typ != mapNode {
		d.wrongType(n, "a group of fields", "一组字段")
		return false
	}
	d.entries(n, func(k key) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == k.name })
		if i < 0 {
			d.unknownField(k, fields)
			return
		}
		fields[i].read(k.value)
	})
	return true
}

// entries reads the entries of a map, refusing a key that comes twice.
func (d *decoder) entries(n *node, read func(key)) {
	first := make(map[string]int, len(n.keys))
	for _, k := range n.keys {
		d.in(short(k.name), k.line, func() {
			if line, twice := first[k.name]; twice {
				en, zh := "this key is here twice", "这个字段写了两次"
				if line > 0 {
					en, zh = fmt.Sprintf("%s (first on line %d)", en, line), fmt.Sprintf("%s（第一次在第 %d 行）", zh, line)
				}
				d.problemAt(k.line, en, zh)
				return
			}
			first[k.name] = k.line
			read(k)
		})
	}
}

func (d *decoder) unknownField(k key, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	en, zh := "unknown field "+quoted(k.name), "未知字段 "+quoted(k.name)
	if close := closest(k.name, names); close != "" {
		en, zh = fmt.Sprintf("%s; did you mean %q?", en, close), fmt.Sprintf("%s，是否想写“%s”？", zh, close)
	}
	d.problemAt(k.line, en, zh)
}

// list reads each item of a list.
func (d *decoder) list(n *node, each func(i int, item *node)) {
	if items := (&shape{}); n.describe(shape{Type: "array", Items: items}) {
		each(0, askFor(items))
		return
	}
	if n.typ != listNode {
		d.wrongType(n, "a list", "列表")
		return
	}
	for i, item := range n.items {
		d.in(strconv.Itoa(i), item.line, func() { each(i, item) })
	}
}

// maxText is the length in characters of titles and other text that people see.
const maxText = 200

// text reads a short text that people see.
func (d *decoder) text(dst *string) func(*node) { return d.textOf(dst, maxText) }

// textOf reads a text of at most so many characters.
func (d *decoder) textOf(dst *string, longest int) func(*node) {
	return func(n *node) {
		if n.describe(textShape(longest)) {
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "text", "文字")
			return
		}
		switch {
		case !utf8.ValidString(n.text):
			d.problem(n, "this is not valid UTF-8", "不是有效的 UTF-8")
		case utf8.RuneCountInString(n.text) > longest:
			d.problem(n, fmt.Sprintf("this is longer than %d characters", longest), fmt.Sprintf("超过 %d 个字", longest))
		case strings.ContainsFunc(n.text, forbidden):
			d.problem(n, "this contains a control character", "含有控制字符")
		default:
			*dst = n.text
		}
	}
}

// forbidden are the characters that a title may not have: controls, line separators, and those that turn the direction of writing around and so can
// make a title read as another one. Joiners are allowed: emoji need them.
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// maxName is the length in bytes of a document's name.
const maxName = 64

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	kindPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func validName(name string) bool { return len(name) <= maxName && namePattern.MatchString(name) }

func validMessageKind(kind string) bool { return len(kind) <= maxName && kindPattern.MatchString(kind) }

// name reads a reference to another document by its name.
func (d *decoder) name(dst *string) func(*node) {
	return func(n *node) {
		switch {
		case n.describe(nameShape):
		case n.typ != textNode:
			d.wrongType(n, "a name", "名称")
		case !validName(n.text):
			d.badName(n)
		default:
			*dst = n.text
		}
	}
}

func (d *decoder) badName(n *node) {
	d.problem(n,
		fmt.Sprintf("%s is not a name: names are lower-case letters, digits, '.', '_' and '-', begin with a letter or digit, and have at most %d characters", quoted(n.text), maxName),
		fmt.Sprintf("%s 不是合法名称：只能用小写字母、数字、“.”“_”“-”，以字母或数字开头，最多 %d 个字符", quoted(n.text), maxName))
}

// quoted shows a text of unknown origin: at most a line of it, escaped.
func quoted(s string) string {
	if utf8.RuneCountInString(s) > maxName {
		s = string([]rune(s)[:maxName]) + "…"
	}
	return strconv.Quote(s)
}

// set reads a list in which nothing may come twice. one reads an item and says whether it is good.
func (d *decoder) set(dst *[]string, one func(n *node, dst *string) bool) func(*node) {
	return func(n *node) {
		values := []string{}
		seen := map[string]bool{}
		d.list(n, func(_ int, item *node) {
			var value string
			if !one(item, &value) {
				return
			}
			if seen[value] {
				d.problem(item, fmt.Sprintf("%q is in this list twice", value), fmt.Sprintf("“%s”在列表里重复", value))
				return
			}
			seen[value] = true
			values = append(values, value)
		})
		n.refine(func(s *shape) { s.UniqueItems = true })
		*dst = values
	}
}

// names reads a list of references.
func (d *decoder) names(dst *[]string) func(*node) {
	read := d.set(dst, func(n *node, dst *string) bool { d.name(dst)(n); return *dst != "" })
	return func(n *node) {
		if read(n); len(*dst) == 0 {
			*dst = nil
		}
	}
}

// oneOf reads one of a few words.
func (d *decoder) oneOf(dst *string, words ...string) func(*node) {
	return func(n *node) {
		switch {
		case n.describe(shape{Type: "string", Enum: words}):
		case n.typ == boolNode && (slices.Contains(words, "on") || slices.Contains(words, "off")):
			d.problem(n, "this must be one of "+strings.Join(words, ", ")+"; put on and off in quotes", "只能是 "+strings.Join(words, "、")+";on、off 请加引号")
		case n.typ != textNode:
			d.wrongType(n, "one of "+strings.Join(words, ", "), " "+strings.Join(words, "、")+" 之一")
		case !slices.Contains(words, n.text):
			en, zh := fmt.Sprintf("%s is not one of %s", quoted(n.text), strings.Join(words, ", ")), fmt.Sprintf("%s 不在 %s 之中", quoted(n.text), strings.Join(words, "、"))
			d.problem(n, en, zh)
		default:
			*dst = n.text
		}
	}
}

// flag reads true or false.
func (d *decoder) flag(dst *bool) func(*node) {
	return func(n *node) {
		if n.describe(shape{Type: "boolean"}) {
			return
		}
		if n.typ != boolNode {
			d.wrongType(n, "true or false", " true 或 false")
			return
		}
		*dst = strings.EqualFold(n.text, "true")
	}
}

// maxLimit bounds every number of conversations.
const maxLimit = 100_000

// limit reads a number of conversations. None is said by leaving the field out, so that 0 never has two meanings.
func (d *decoder) limit(dst *int) func(*node) {
	return func(n *node) {
		if n.describe(shape{Type: "integer", Minimum: 1, Maximum: maxLimit}) {
			return
		}
		if n.typ != intNode {
			d.wrongType(n, "a whole number", "整数")
			return
		}
		value, err := strconv.Atoi(n.text)
		switch {
		case err != nil || strconv.Itoa(value) != n.text:
			d.problem(n, "this must be a whole number", "这里应为整数")
		case value < 1 || value > maxLimit:
			d.problem(n, fmt.Sprintf("this must be between 1 and %d; leave it out for no limit", maxLimit), fmt.Sprintf("应在 1 到 %d 之间；不设上限请删去这个字段", maxLimit))
		default:
			*dst = value
		}
	}
}

// instant reads a time, RFC 3339 with offset.
func (d *decoder) instant(dst *time.Time) func(*node) {
	return func(n *node) {
		if n.describe(instantShape) {
			return
		}
		if n.typ != textNode && n.typ != timeNode {
			d.wrongType(n, "a time like 2026-12-31T18:00:00+08:00", "时间，如 2026-12-31T18:00:00+08:00")
			return
		}
		t, err := time.Parse(time.RFC3339, n.text)
		_, offset := t.Zone()
		switch {
		case err != nil || offset < -15*3600 || offset > 15*3600:
			d.problem(n, fmt.Sprintf("%s is not a time with date and offset, like 2026-12-31T18:00:00+08:00", quoted(n.text)), fmt.Sprintf("%s 不是带日期和时区偏移的时间，例如 2026-12-31T18:00:00+08:00", quoted(n.text)))
		case t.Year() < 2000 || t.UTC().Year() > 9998:
			d.problem(n, "this year is out of range", "年份超出范围")
		default:
			// A fixed zone, so that the same text reads the same wherever the program runs. Microseconds are what stores keep.
			*dst = t.Truncate(time.Microsecond).In(fixedZone(offset))
		}
	}
}

func fixedZone(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", offset)
}

// Duration is a length of time, written as in "90s" or "5m".
type Duration time.Duration

// String writes the duration without units that are zero at the end: "5m", not "5m0s".
func (x Duration) String() string {
	s := time.Duration(x).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (x Duration) duration() time.Duration { return time.Duration(x) }

// MarshalText makes a duration its text in JSON.
func (x Duration) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

const (
	minTimeout = time.Second
	minTurn    = 10 * time.Second
	maxTimeout = 7 * 24 * time.Hour
)

// duration reads a length of time.
func (d *decoder) duration(dst *Duration) func(*node) {
	return d.between(dst, minTimeout, maxTimeout)
}

// turn reads how long one side of a conversation may take. Below ten seconds nobody could read, think and write.
func (d *decoder) turn(dst *Duration) func(*node) {
	return d.between(dst, minTurn, maxTimeout)
}

func (d *decoder) between(dst *Duration, shortest, longest time.Duration) func(*node) {
	return func(n *node) {
		if n.describe(durationShape) {
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "a length of time like 90s or 5m", "时长，如 90s 或 5m")
			return
		}
		value, err := time.ParseDuration(n.text)
		switch {
		case err != nil:
			d.problem(n, fmt.Sprintf("%s is not a length of time like 90s or 5m", quoted(n.text)), fmt.Sprintf("%s 不是时长，例如 90s、5m", quoted(n.text)))
		case value < shortest || value > longest:
			from, to := Duration(shortest), Duration(longest)
			d.problem(n, fmt.Sprintf("this must be between %s and %s", from, to), fmt.Sprintf("应在 %s 到 %s 之间", from, to))
		default:
			*dst = Duration(value.Truncate(time.Millisecond))
		}
	}
}

// closest finds the known word that a misspelt one probably meant: at most two letters away, and less than half of it.
func closest(word string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if n := distance(word, k); n < at && n*2 < len(k) {
			best, at = k, n
		}
	}
	return best
}

// distance is the number of letters to insert, remove or replace; words longer than a field name are infinitely far away.
func distance(a, b string) int {
	if len(a) > maxName || len(b) > maxName {
		return maxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := previous
			if a[i] != b[j] {
				replace++
			}
			previous = row[j+1]
			row[j+1] = min(replace, previous+1, row[j]+1)
		}
	}
	return row[len(b)]
}
