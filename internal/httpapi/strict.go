package httpapi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/problem"
)

// deepest is how far values may be nested.
const deepest = 64

// checkJSON refuses what encoding/json would read although it is not what the sender wrote: invalid UTF-8 and lone surrogates (it puts U+FFFD in their
// place), U+0000, a member that is there twice (the last one would win), anything after the value. Refusals name the place as a JSON pointer. known, if it is
// not nil, says which members an object at a pointer may have.
func checkJSON(body []byte, code string, known func(object, member string) bool) error {
	c := checker{b: body, code: code, known: known}
	c.value()
	if c.space(); c.err == nil && c.i < len(c.b) {
		c.syntax("something follows the value")
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

// checker keeps the first error; after it every method does nothing.
type checker struct {
	b     []byte
	i     int
	code  string
	known func(object, member string) bool
	path  []string
	err   *problem.Error
}

func (c *checker) refuse(e *problem.Error) {
	if c.err == nil {
		c.err = e
	}
}

func (c *checker) syntax(what string) {
	line := 1 + bytes.Count(c.b[:min(c.i, len(c.b))], []byte{'\n'})
	c.refuse(problem.New(problem.Malformed, c.code,
		fmt.Sprintf("The body is not JSON: %s (line %d, byte %d).", what, line, c.i),
		fmt.Sprintf("请求体不是有效的 JSON（第 %d 行，第 %d 字节附近）。", line, c.i)).On(c.pointer()))
}

func (c *checker) text(en, zh string) {
	c.refuse(problem.New(problem.Malformed, c.code, en, zh).On(c.pointer()))
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// longestStep is how much of a member's name is repeated in an answer.
const longestStep = 64

func (c *checker) pointer() string {
	var b strings.Builder
	for _, step := range c.path {
		if len(step) > longestStep {
			step = strings.ToValidUTF8(step[:longestStep], "") + "…"
		}
		b.WriteByte('/')
		b.WriteString(pointerEscape.Replace(step))
	}
	return b.String()
}

func (c *checker) space() {
	for c.i < len(c.b) && strings.IndexByte(" \t\r\n", c.b[c.i]) >= 0 {
		c.i++
	}
}

// peek returns the next byte that is not white space, 0 at the end and after an error.
func (c *checker) peek() byte {
	if c.err != nil {
		return 0
	}
	if c.space(); c.i < len(c.b) {
		return c.b[c.i]
	}
	return 0
}

func (c *checker) expect(want byte) {
	if c.peek() != want {
		c.syntax(fmt.Sprintf("%q is missing", want))
		return
	}
	c.i++
}

func (c *checker) value() {
	if len(c.path) > deepest {
		c.text(fmt.Sprintf("Values are nested deeper than %d.", deepest), fmt.Sprintf("嵌套超过 %d 层。", deepest))
		return
	}
	switch c.peek() {
	case '{':
		c.object()
	case '[':
		c.array()
	case '"':
		c.string("This text", "这里")
	default:
		c.scalar()
	}
}

// more reads the comma before a further element, or the closing byte; it says whether an element follows.
func (c *checker) more(first bool, closing byte) bool {
	if c.peek() == closing {
		c.i++
		return false
	}
	if !first {
		c.expect(',')
		if c.peek() == closing {
			c.syntax("a comma before the end")
		}
	}
	return c.err == nil
}

func (c *checker) object() {
	c.expect('{')
	var seen map[string]bool
	here := ""
	if c.known != nil {
		here = c.pointer()
	}
	for first := true; c.err == nil && c.more(first, '}'); first = false {
		if c.peek() != '"' {
			c.syntax("a member's name is missing")
			return
		}
		name := c.string("A member's name here", "这里的字段名")
		c.path = append(c.path, name)
		if seen[name] {
			c.text("This member is there twice.", "该字段出现了两次。")
		}
		if seen == nil {
			seen = make(map[string]bool, 8)
		}
		seen[name] = true
		if c.err == nil && c.known != nil && !c.known(here, name) {
			c.refuse(problem.New(problem.Invalid, c.code, "This member is unknown.", "未知字段。").On(c.pointer()))
		}
		c.expect(':')
		c.value()
		c.path = c.path[:len(c.path)-1]
	}
}

func (c *checker) array() {
	c.expect('[')
	for n := 0; c.err == nil && c.more(n == 0, ']'); n++ {
		c.path = append(c.path, strconv.Itoa(n))
		c.value()
		c.path = c.path[:len(c.path)-1]
	}
}

// longestNumber is how many characters a number may have: no field needs more, and reading it would take its square in time.
const longestNumber = 1000

// scalar reads a number, true, false or null.
func (c *checker) scalar() {
	if c.err != nil {
		return
	}
	from := c.i
	for c.i < len(c.b) && strings.IndexByte(" \t\r\n,:]}[{\"", c.b[c.i]) < 0 {
		c.i++
	}
	token := c.b[from:c.i]
	switch {
	case len(token) > longestNumber:
		c.text("This number is too long.", "该数字过长。")
	case len(token) == 0 || !json.Valid(token):
		c.i = from
		c.syntax("a value is missing or malformed")
	}
}

// string reads a string and checks its characters.
func (c *checker) string(en, zh string) string {
	c.expect('"')
	from, plain := c.i, true
	for c.err == nil {
		if c.i >= len(c.b) {
			c.syntax("a text without end")
			return ""
		}
		switch b := c.b[c.i]; {
		case b == '"':
			c.i++
			return c.unquoted(from, plain, en, zh)
		case b == '\\':
			plain = false
			c.escape(en, zh)
		case b < ' ':
			c.syntax("a control character in a text")
		default:
			c.i++
		}
	}
	return ""
}

func (c *checker) unquoted(from int, plain bool, en, zh string) string {
	inside := c.b[from : c.i-1]
	if !utf8.Valid(inside) {
		c.text(en+" is not valid UTF-8.", zh+"不是有效的 UTF-8 文本。")
		return ""
	}
	if plain {
		return string(inside)
	}
	var s string
	if err := json.Unmarshal(c.b[from-1:c.i], &s); err != nil {
		c.syntax("a malformed text")
	}
	return s
}

// escape reads one escape, a pair of surrogates together.
func (c *checker) escape(en, zh string) {
	if c.i+1 >= len(c.b) {
		c.i = len(c.b)
		return
	}
	if c.b[c.i+1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, c.b[c.i+1]) < 0 {
			c.syntax("an unknown escape")
		}
		c.i += 2
		return
	}
	r, ok := c.unit(c.i)
	if !ok {
		c.syntax("a malformed escape")
		return
	}
	c.i += 6
	switch {
	case r == 0:
		c.text(en+" has the character U+0000.", zh+"含有 U+0000 字符。")
	case utf16.IsSurrogate(r):
		low, ok := c.unit(c.i)
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			c.text(en+" has half a character (a lone surrogate).", zh+"含有不完整的字符（单独的代理项）。")
			return
		}
		c.i += 6
	}
}

// unit reads the \uXXXX at a place.
func (c *checker) unit(at int) (rune, bool) {
	if at+6 > len(c.b) || c.b[at] != '\\' || c.b[at+1] != 'u' {
		return 0, false
	}
	var v [2]byte
	if _, err := hex.Decode(v[:], c.b[at+2:at+6]); err != nil {
		return 0, false
	}
	return rune(v[0])<<8 | rune(v[1]), true
}
