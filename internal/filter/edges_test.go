package filter

import (
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestThePlainFormOfCharactersAtTheEdges(t *testing.T) {
	for text, want := range map[string]string{
		"@AZ[`az{": "@az[`az{", "\x7f\u0080": "\x7f\u0080", "É": "é", "Я": "я",
		"\u33ff㐀鿿ꀀ": "\u33ff㐀鿿ꀀ", "　": " ", "\u2fff、": "\u2fff、", "！＠ＡＺ～": "!@az~", "\uff00｟": "\uff00｟",
		"a\u00ad\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeffb": "ab", "a\u200e\u2061b": "a\u200e\u2061b",
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q is %q in plain form, want %q", text, got, want)
		}
	}
}

// TestEachLimitIsExact takes what is just small enough and refuses what is just too large, by the reason that is to be told.
func TestEachLimitIsExact(t *testing.T) {
	literal := func(n int) string { return `text == "` + strings.Repeat("a", n-len(`text == ""`)) + `"` }
	scans := func(n int) string { return `text contains "a"` + strings.Repeat(` or text contains "a"`, n-1) }
	parts := func(n int) string { // n is even: "not" is one more than the 2k-1 parts of k literals
		return "not true" + strings.Repeat(" or true", n/2-1)
	}
	file := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "w%d\n", i)
		}
		return b.String()
	}
	words := func(file string) error {
		_, _, err := ReadWords([]byte(file))
		return err
	}
	for _, c := range []struct {
		check      func(string) error
		fits, more string
		why        string
	}{
		{CheckKeyword, strings.Repeat("长", MaxKeyword), strings.Repeat("长", MaxKeyword+1), "at most 64 characters"},
		{CheckPattern, strings.Repeat("长", MaxPattern), strings.Repeat("长", MaxPattern+1), "at most 1000 characters"},
		{CheckExpression, literal(maxExpression), literal(maxExpression + 1), "at most 2000 characters"},
		{CheckExpression, scans(maxScans), scans(maxScans + 1), "with 41 passes over a text"},
		{CheckExpression, parts(maxNodes), parts(maxNodes + 2), "302 parts"},
		{words, file(MaxKeywords), file(MaxKeywords + 1), "line 50001: a rule has at most 50000 keywords"},
	} {
		if err := c.check(c.fits); err != nil {
			t.Errorf("%.40q… is refused: %v", c.fits, err)
		}
		if err := c.check(c.more); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.40q…: %v, want %q", c.more, err, c.why)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	words := func(file string) error {
		_, _, err := ReadWords([]byte(file))
		return err
	}
	for _, c := range []struct {
		check      func(string) error
		text, want string // "" if it is taken
	}{
		{CheckPattern, `1[3-9]\d{9}`, ""},
		{CheckPattern, `(a`, "this is no regular expression (RE2): missing closing ): \"(a\""},
		{CheckPattern, `a*`, "this matches the empty text, and so every message"},
		{CheckExpression, `-length < 3 and not (length > 9)`, ""},
		{CheckExpression, `+length > 3`, `the operator "+" cannot be used here`},
		{CheckExpression, `sender in name`, "after in comes a list in brackets"},
		{CheckExpression, `text contains name`, "contains needs a text in quotes after it"},
		{CheckSender, "wx-*", ""},
		{CheckSender, "*@bad.example", ""},
		{CheckSender, "\u200b", "this is empty"},
		{CheckSender, "*", "this would be everybody"},
		{CheckSender, "**", "this would be everybody"},
		{CheckSender, "a*b", "one * may stand at the beginning or at the end"},
		{CheckSender, "*a*", "one * may stand at the beginning or at the end"},
		{CheckSender, "**a", "one * may stand at the beginning or at the end"},
		{CheckSender, "a**", "one * may stand at the beginning or at the end"},
		{words, "a\x01b", ""},
		{words, "\x00", "this is not a text file"},
		{words, "\xff\xfe\x2d\x4e", "this file is UTF-16; save it as UTF-8"},
		{words, "\xfe\xff\x4e\x2d", "this file is UTF-16; save it as UTF-8"},
		{words, "\xff\xff", "this file is neither UTF-8 nor GBK; save it as UTF-8"},
		{words, "好\n\n\u200b", "line 3: a keyword has at least one character that can be seen"},
	} {
		err := c.check(c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
		var f *Fault
		if line := (*LineFault)(nil); errors.As(err, &line) {
			f = line.Fault
		} else if err != nil && !errors.As(err, &f) {
			t.Errorf("%q: %v is no fault", c.text, err)
		}
		if f != nil && (f.ZH == "" || f.EN == "") {
			t.Errorf("%q: it is not said in both languages", c.text)
		}
	}
}

// TestAPartMatchesByItself has rules of a single part, because a matcher without a rule of some part leaves out what is only for it.
func TestAPartMatchesByItself(t *testing.T) {
	in := Input{Text: "加ＡＢＣ微信", Sender: "Spam-1", Name: "张三", Inbox: "web", Kind: "customer", Attachments: 1}
	for _, rule := range []Rule{
		{Keywords: []string{"微"}}, {Patterns: []string{"Ａ.Ｃ"}}, {Block: []string{"ＳＰＡＭ-1"}}, {Block: []string{"SPAM*"}}, {Block: []string{"*M-1"}},
		{Expression: `plain contains "abc"`}, {Expression: `text contains "ＡＢＣ" and not (plain contains "xyz")`}, {Expression: `attachments == 1 and name == "张三"`},
	} {
		rule.Name = "r"
		if got := names(t, in, rule); !slices.Equal(got, []string{"r"}) {
			t.Errorf("%+v: %v", rule, got)
		}
		if got := names(t, Input{Text: "你好", Sender: "vip"}, rule); got != nil {
			t.Errorf("%+v matches what it is not about", rule)
		}
		rule.Allow = []string{"SPAM-1"}
		if got := names(t, in, rule); got != nil {
			t.Errorf("%+v: a sender on the allow list is matched", rule)
		}
	}
	// An entry that nobody may write matches nobody, least of all who has no id.
	for _, sender := range []string{"", "a", "*"} {
		if got := names(t, Input{Text: "a", Sender: sender}, Rule{Name: "r", Block: []string{"", "*", "\u200b"}}); got != nil {
			t.Errorf("sender %q is blocked by nothing", sender)
		}
	}
	// What is made of the message for one rule is there for the next.
	if got := names(t, in, Rule{Name: "a", Expression: `length == 6`}, Rule{Name: "b", Expression: `plain == "加abc微信"`}, Rule{Name: "c", Expression: `plain endsWith "微信"`}); len(got) != 3 {
		t.Error(got)
	}
	if m := New(nil); !m.Empty() || m.Match(&in, nil) != nil {
		t.Error("a matcher without rules is not empty")
	}
	if New([]Rule{{Name: "r"}}).Empty() {
		t.Error("a matcher with a rule is empty")
	}
}

func TestEveryPlaceIsExplainedOnceUpToTheLimit(t *testing.T) {
	rule := Rule{Name: "r", Keywords: []string{"c", "bc", "abc"}, Patterns: []string{"b."}, Expression: "length == 6"}
	got := New([]Rule{rule}).Explain(&Input{Text: "好a\u200bbc好"})["r"]
	want := []Hit{{ByKeyword, "abc", 1, 5}, {ByKeyword, "bc", 3, 5}, {ByKeyword, "c", 4, 5}, {ByPattern, "b.", 3, 5}, {ByExpression, "length == 6", 0, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("explained as %+v, want %+v", got, want)
	}
	for _, rule := range []Rule{{Name: "r", Keywords: []string{"a"}}, {Name: "r", Patterns: []string{"a"}}} {
		for n, want := range map[int]int{MaxHits: MaxHits, MaxHits + 1: MaxHits} {
			if got := New([]Rule{rule}).Explain(&Input{Text: strings.Repeat("a", n)}); len(got["r"]) != want {
				t.Errorf("%d reasons for %d places", len(got["r"]), n)
			}
		}
	}
}

// TestEqualKeywordsMakeEqualAutomatonsThatAreHalfEmpty: what two processes make of a policy is the same, and looking for an edge takes few steps.
func TestEqualKeywordsMakeEqualAutomatonsThatAreHalfEmpty(t *testing.T) {
	words := manyWords(300)
	crowded := slices.Clone(words)
	for r := range rune(800) { // one state with many transitions, which take each other's places in the table
		crowded = append(crowded, "长"+string('一'+r))
	}
	a := newAutomaton(crowded)
	for range 5 {
		if b := newAutomaton(crowded); !reflect.DeepEqual(a, b) {
			t.Fatal("equal keywords make different automatons")
		}
	}
	if newAutomaton([]string{""}) != nil || newAutomaton([]string{"a"}) == nil {
		t.Error("only an automaton that finds nothing is left out")
	}
	for _, n := range []int{1, 32, 300} {
		a := newAutomaton(words[:n])
		states := len(a.fail)
		if want := max(64, 1<<bits.Len(uint(2*states-1))); len(a.table) != want {
			t.Errorf("%d states in a table of %d, want %d", states, len(a.table), want)
		}
	}
	// 32 states, of which two fill one place: a table of 64 is just large enough.
	if a := newAutomaton([]string{strings.Repeat("a", 31)}); len(a.fail) != 32 || len(a.table) != 64 {
		t.Errorf("%d states in a table of %d", len(a.fail), len(a.table))
	}
}
