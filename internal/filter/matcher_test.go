package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func names(t *testing.T, in Input, rules ...Rule) []string {
	t.Helper()
	return New(rules).Match(&in, nil)
}

func TestEachPartOfARuleMatches(t *testing.T) {
	rule := Rule{Name: "r", Keywords: []string{"加微信", "ABC"}, Patterns: []string{`1[3-9]\d{9}`, `(?i)casino`}, Block: []string{"spam-1", "bot-*", "*@bad.example"},
		Allow: []string{"vip"}, Expression: `length > 100 and kind == "group"`}
	for _, c := range []struct {
		in   Input
		want bool
	}{
		{Input{Text: "请加微信聊"}, true},
		{Input{Text: "请加\u200b微信聊"}, true}, // split by what cannot be seen
		{Input{Text: "请加 微信聊"}, false},     // a space can be seen
		{Input{Text: "ＡＢＣ"}, true},
		{Input{Text: "xaBcx"}, true},
		{Input{Text: "打 13912345678"}, true},
		{Input{Text: "CASINO"}, true},
		{Input{Text: "hello", Sender: "spam-1"}, true},
		{Input{Text: "hello", Sender: "SPAM-1"}, true},
		{Input{Text: "hello", Sender: "spam-10"}, false},
		{Input{Text: "hello", Sender: "bot-7"}, true},
		{Input{Text: "hello", Sender: "a@bad.example"}, true},
		{Input{Text: strings.Repeat("长", 101), Kind: "group"}, true},
		{Input{Text: strings.Repeat("长", 100), Kind: "group"}, false},
		{Input{Text: "请加微信聊", Sender: "vip"}, false},
		{Input{Text: ""}, false},
	} {
		if got := len(names(t, c.in, rule)) == 1; got != c.want {
			t.Errorf("%+v: %v", c.in, got)
		}
	}
}

func TestRulesComeInTheOrderInWhichTheyWereGiven(t *testing.T) {
	rules := []Rule{{Name: "z", Keywords: []string{"b"}}, {Name: "a", Patterns: []string{"b"}}, {Name: "m", Keywords: []string{"c"}}, {Name: "k", Expression: `text contains "b"`}}
	if got := names(t, Input{Text: "abc"}, rules...); !slices.Equal(got, []string{"z", "a", "m", "k"}) {
		t.Error(got)
	}
	if got := names(t, Input{Text: "abc"}); got != nil {
		t.Error(got)
	}
}

// naiveMatch is the definition of a match, written without the automaton.
func naiveMatch(r Rule, in Input) bool {
	listed := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			p, id := Plain(p), Plain(in.Sender)
			switch {
			case strings.HasSuffix(p, "*"):
				return strings.HasPrefix(id, p[:len(p)-1])
			case strings.HasPrefix(p, "*"):
				return strings.HasSuffix(id, p[1:])
			}
			return p == id
		})
	}
	if listed(r.Allow) {
		return false
	}
	for _, k := range r.Keywords {
		if strings.Contains(Plain(in.Text), Plain(k)) {
			return true
		}
	}
	for _, p := range r.Patterns {
		if regexp.MustCompile(p).MatchString(in.Text) {
			return true
		}
	}
	return listed(r.Block)
}

func TestAMatcherAgreesWithTheDefinition(t *testing.T) {
	// Few characters, so that keywords overlap, contain each other and occur.
	character := rapid.SampledFrom([]rune("aAａb信加微\u200b \U0001f600ǅ"))
	word := rapid.Custom(func(t *rapid.T) string {
		s := string(rapid.SliceOfN(character, 1, 5).Draw(t, "word"))
		if CheckKeyword(s) != nil {
			return "加"
		}
		return s
	})
	sender := rapid.SampledFrom([]string{"a", "ab", "b", "a*", "*b"})
	rapid.Check(t, func(t *rapid.T) {
		rules := make([]Rule, rapid.IntRange(0, 70).Draw(t, "rules"))
		for i := range rules {
			rules[i] = Rule{Name: fmt.Sprint(i), Keywords: rapid.SliceOfN(word, 0, 4).Draw(t, "keywords")}
			if rapid.IntRange(0, 4).Draw(t, "more") == 0 {
				rules[i].Patterns = rapid.SliceOfN(rapid.SampledFrom([]string{"a+b", "(?i)aa", "^b", "信$"}), 0, 2).Draw(t, "patterns")
				rules[i].Block = rapid.SliceOfN(sender, 0, 2).Draw(t, "block")
				rules[i].Allow = rapid.SliceOfN(sender, 0, 2).Draw(t, "allow")
			}
		}
		m := New(rules)
		for range 5 {
			in := Input{Text: string(rapid.SliceOfN(character, 0, 30).Draw(t, "text")), Sender: rapid.SampledFrom([]string{"", "a", "ab", "b", "c"}).Draw(t, "sender")}
			got := m.Match(&in, nil)
			var want []string
			for _, r := range rules {
				if naiveMatch(r, in) {
					want = append(want, r.Name)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q from %q: %v, by the definition %v", in.Text, in.Sender, got, want)
			}
			checkExplained(t, m, rules, in, got)
		}
	})
}

type failing interface{ Fatalf(string, ...any) }

// checkExplained checks that what is explained is what matches, and that every keyword stands where it is said to.
func checkExplained(t failing, m *Matcher, rules []Rule, in Input, matched []string) {
	hits, text := m.Explain(&in), []rune(in.Text)
	for _, r := range rules {
		list := hits[r.Name]
		exempt := slices.ContainsFunc(list, func(h Hit) bool { return h.How == Exempt })
		if explained := len(list) > 0 && !exempt; explained != slices.Contains(matched, r.Name) {
			t.Fatalf("rule %s on %q: explained as %v, matched %v", r.Name, in.Text, list, matched)
		}
		for _, h := range list {
			if h.How != ByKeyword {
				continue
			}
			if h.Start < 0 || h.End > len(text) || h.Start >= h.End || Plain(string(text[h.Start:h.End])) != Plain(h.Term) {
				t.Fatalf("keyword %q is said to stand at %d to %d of %q", h.Term, h.Start, h.End, in.Text)
			}
		}
	}
}

// manyWords makes words of Chinese characters that all differ.
func manyWords(n int) []string {
	list := make([]string, 0, n)
	seed := uint32(1)
	draw := func(most uint32) uint32 {
		seed = seed*1664525 + 1013904223
		return (seed >> 8) % most
	}
	seen := map[string]bool{}
	for len(list) < n {
		word := make([]rune, 2+draw(4))
		for i := range word {
			word[i] = 0x4e00 + rune(draw(3500))
		}
		if w := string(word); !seen[w] {
			seen[w] = true
			list = append(list, w)
		}
	}
	return list
}

// usual is a text of 50 characters as customers write it.
const usual = "您好，我上周在你们店里买的那件外套到现在还没有发货，订单页面一直显示待出库，能帮我查一下什么时候能寄出吗谢"

func TestAMatchOfTenThousandKeywordsAllocatesNothing(t *testing.T) {
	m := New([]Rule{{Name: "words", Keywords: manyWords(10_000)}})
	in := Input{Text: usual}
	dst := make([]string, 0, 4)
	if n := testing.AllocsPerRun(200, func() { dst = m.Match(&in, dst[:0]) }); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
	in.Text = usual + m.terms[9_999]
	if got := m.Match(&in, nil); !slices.Equal(got, []string{"words"}) {
		t.Errorf("the last keyword is not found: %v", got)
	}
}

func BenchmarkMatchTenThousandKeywords(b *testing.B) {
	m := New([]Rule{{Name: "words", Keywords: manyWords(10_000)}})
	benchmarkMatch(b, m, usual)
}

var sink rune

// benchmarkMatch has as its reference putting the text's characters into their plain form, without which nothing can be compared.
func benchmarkMatch(b *testing.B, m *Matcher, text string) {
	const times = 1000
	reference := time.Duration(1<<63 - 1)
	for range 20 {
		began := time.Now()
		for range times {
			for _, r := range text {
				plain, _ := plainRune(r)
				sink += plain
			}
		}
		reference = min(reference, time.Since(began))
	}
	in, dst := Input{Text: text}, make([]string, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		dst = m.Match(&in, dst[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())*times/float64(b.N)/float64(reference.Nanoseconds()), "x-reading")
}

// BenchmarkMatchKeywordCharacters is the same on a text in which nearly every character begins a keyword.
func BenchmarkMatchKeywordCharacters(b *testing.B) {
	words := manyWords(10_000)
	m := New([]Rule{{Name: "words", Keywords: words}})
	text := make([]rune, 0, 50)
	for i := 0; len(text) < 50; i++ {
		text = append(text, []rune(words[i])[:1]...)
	}
	benchmarkMatch(b, m, string(text))
}

func BenchmarkMatchExpression(b *testing.B) {
	m := New([]Rule{{Name: "x", Expression: `length > 20 and plain contains "http" and sender not in ["a", "b"]`}})
	in := Input{Text: usual, Sender: "c"}
	dst := make([]string, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		dst = m.Match(&in, dst[:0])
	}
}

func BenchmarkBuildTenThousandKeywords(b *testing.B) {
	words := manyWords(10_000)
	for b.Loop() {
		New([]Rule{{Name: "words", Keywords: words}})
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("加微信\nabc", usual)
	f.Add("a\naa\naaa", "aAａ\u200ba")
	f.Add("\xff", "\xff\xfe")
	f.Fuzz(func(t *testing.T, file, text string) {
		words, _, err := ReadWords([]byte(file))
		if err != nil {
			return
		}
		rules := []Rule{{Name: "words", Keywords: words}}
		in := Input{Text: text}
		m := New(rules)
		got := m.Match(&in, nil)
		if want := naiveMatch(rules[0], in); want != (len(got) == 1) {
			t.Fatalf("%q in %q: %v, by the definition %v", words, text, got, want)
		}
		checkExplained(t, m, rules, Input{Text: string([]rune(text))}, got)
	})
}
