package filter

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Fault is what is wrong with a part of a rule, in words for the person who wrote it.
type Fault struct{ EN, ZH string }

// Error implements error.
func (f *Fault) Error() string { return f.EN }

func fault(en, zh string) error { return &Fault{en, zh} }

// Limits of the parts of a rule.
const (
	MaxKeywords = 50_000 // of one rule
	MaxKeyword  = 64     // characters
	MaxPatterns = 200    // of one rule
	MaxPattern  = 1000   // characters
	MaxSenders  = 20_000 // of each list of one rule
)

// CheckKeyword says what is wrong with a keyword; nil if nothing is.
func CheckKeyword(k string) error {
	switch plain := Plain(k); {
	case !utf8.ValidString(k):
		return fault("this is not valid UTF-8", "不是有效的 UTF-8")
	case strings.TrimSpace(plain) == "":
		return fault("a keyword has at least one character that can be seen", "关键词至少要有一个可见字符")
	case utf8.RuneCountInString(k) > MaxKeyword:
		return fault(fmt.Sprintf("a keyword has at most %d characters", MaxKeyword), fmt.Sprintf("关键词最多 %d 个字", MaxKeyword))
	case strings.ContainsAny(k, "\r\n\x00"):
		return fault("a keyword is one line", "关键词只能是一行")
	}
	return nil
}

// CheckPattern says what is wrong with a regular expression; nil if nothing is.
func CheckPattern(p string) error {
	if utf8.RuneCountInString(p) > MaxPattern {
		return fault(fmt.Sprintf("a pattern has at most %d characters", MaxPattern), fmt.Sprintf("正则表达式最多 %d 个字符", MaxPattern))
	}
	x, err := regexp.Compile(p)
	if err != nil {
		why := err.Error()
		if e, ok := err.(*syntax.Error); ok { // regexp returns nothing else
			why = fmt.Sprintf("%s: %q", e.Code, e.Expr)
		}
		return fault("this is no regular expression (RE2): "+why, "不是有效的正则表达式（RE2）："+why)
	}
	if x.MatchString("") {
		return fault("this matches the empty text, and so every message", "这会匹配空文本，即匹配所有消息")
	}
	if _, err := regexp.Compile(grouped(p)); err != nil {
		return fault("this costs too much", "计算量过大")
	}
	return nil
}

// grouped is a pattern as a part of a larger one.
func grouped(p string) string { return "(?:" + p + ")" }
