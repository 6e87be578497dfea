package filter

import (
	"errors"
	"strings"
	"testing"
)

func TestExpressionsSayWhatTheyMean(t *testing.T) {
	f := facts{Text: "Hello ＡＢＣ", Plain: "hello abc", Sender: "u1", Name: "张三", Inbox: "web", Kind: "customer", Length: 9, Attachments: 2}
	for source, want := range map[string]bool{
		`text contains "Hello"`:                                   true,
		`text contains "hello"`:                                   false,
		`plain contains "abc"`:                                    true,
		`plain matches "^hello.*c$"`:                              true,
		`length > 8 and attachments >= 2`:                         true,
		`sender in ["u2", "u1"]`:                                  true,
		`sender not in ["u2", "u1"]`:                              false,
		`inbox == "web" && !(kind == "group")`:                    true,
		`kind == "group" ? length > 1 : name startsWith "张"`:      true,
		`text endsWith "x" or name == "张三"`:                       true,
		`not (text contains "Hello" or text contains "Good day")`: false,
	} {
		x, err := compileExpression(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if got := x.holds(&f); got != want {
			t.Errorf("%s is %v", source, got)
		}
	}
}

func TestWhatDoesNotCompileOrCostsTooMuchIsRefused(t *testing.T) {
	for _, source := range []string{
		"", "text", "length", "text contains", `body contains "x"`, `text == 1`, `now() == now()`, `len(text) > 1`, `any(1..1000000, true)`,
		`all(1..1000, all(1..1000, # > 0))`, `let x = text; x == "a"`, `text[0:3] == "abc"`, `text + text == "a"`, `length % 0 == 1`, `length / 2 == 1`,
		`text matches "("`, `text matches name`, `text contains name`, `sender in name`, `text.Foo == "a"`, `length ?? 1 == 1`, `text contains "a"; true`,
		`{"a": 1} == {"a": 1}`, `nil == nil`, `1.5 > length`, `"a" in [text]`, `repeat(text, 100) == "a"`, `text | trim() == "a"`,
		strings.Repeat(`text contains "a" or `, maxScans) + `text contains "a"`,
		strings.Repeat(`(`, 2001), strings.Repeat("a", maxExpression+1),
		"true" + strings.Repeat(" or true", 160),
	} {
		err := CheckExpression(source)
		var f *Fault
		if !errors.As(err, &f) || f.EN == "" || f.ZH == "" {
			t.Errorf("%.60q is taken, or refused without words: %v", source, err)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{`text contains "a" and length > 3`, `sender in ["a","b"] or plain matches "x+"`, `kind == "group" ? true : attachments > 0`, `-length < 3`, `not true`} {
		f.Add(s, "some text")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		x, err := compileExpression(source)
		if err != nil {
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Fatalf("%q is refused with %v", source, err)
			}
			return
		}
		for _, facts := range []*facts{{}, {Text: text, Plain: Plain(text), Length: len(text), Sender: text, Name: text, Attachments: 3}} {
			value, err := x.value(facts)
			if _, truth := value.(bool); err != nil || !truth {
				t.Fatalf("%q was taken, and on %q it gives %v, %v", source, text, value, err)
			}
		}
	})
}
