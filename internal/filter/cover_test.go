package filter

import (
	"testing"

	"pgregory.net/rapid"
)

func TestARuleCoversAnotherOnWhatIsWrittenAlone(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second Rule
		want          bool
	}{
		{"a longer keyword has the shorter one in it", Rule{Keywords: []string{"微信"}}, Rule{Keywords: []string{"加微信", "ｗ微信"}}, true},
		{"in plain form", Rule{Keywords: []string{"ABC"}}, Rule{Keywords: []string{"xａｂｃ"}}, true},
		{"a shorter keyword occurs without it", Rule{Keywords: []string{"加微信"}}, Rule{Keywords: []string{"微信"}}, false},
		{"one keyword of many is not covered", Rule{Keywords: []string{"a", "b"}}, Rule{Keywords: []string{"a", "c"}}, false},
		{"the same pattern", Rule{Patterns: []string{"x+", "y"}}, Rule{Patterns: []string{"x+"}}, true},
		{"patterns that mean the same are not compared", Rule{Patterns: []string{"x+"}}, Rule{Patterns: []string{"xx*"}}, false},
		{"everybody who begins like that", Rule{Block: []string{"bot-*"}}, Rule{Block: []string{"bot-1", "bot-x*"}}, true},
		{"only some who end like that", Rule{Block: []string{"*@a.example"}}, Rule{Block: []string{"*a.example"}}, false},
		{"the first exempts more", Rule{Keywords: []string{"a"}, Allow: []string{"vip"}}, Rule{Keywords: []string{"a"}}, false},
		{"both exempt the same", Rule{Keywords: []string{"a"}, Allow: []string{"vip-1"}}, Rule{Keywords: []string{"a"}, Allow: []string{"vip-*"}}, true},
		{"the same expression", Rule{Expression: "length > 3"}, Rule{Expression: " length > 3 "}, true},
		{"another expression", Rule{Expression: "length > 3"}, Rule{Expression: "length > 4"}, false},
		{"true of everything", Rule{Expression: "true"}, Rule{Keywords: []string{"a"}, Patterns: []string{"x"}, Expression: "length > 4"}, true},
		{"true of everything but whom it exempts", Rule{Expression: "true", Allow: []string{"vip"}}, Rule{Keywords: []string{"a"}}, false},
		{"a part that the first does not have", Rule{Keywords: []string{"a"}}, Rule{Keywords: []string{"a"}, Block: []string{"u"}}, false},
	} {
		if got := NewCover(c.first).Covers(c.second); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// drawShort draws a rule over few letters, so that rules often cover each other.
func drawShort(t *rapid.T, name string) Rule {
	word := rapid.StringOfN(rapid.SampledFrom([]rune("aｂB")), 1, 3, -1)
	sender := rapid.SampledFrom([]string{"u", "ux", "u*", "*x", "ux*", "*ux", "U"})
	r := Rule{Name: name, Keywords: rapid.SliceOfN(word, 0, 2).Draw(t, "keywords")}
	r.Patterns = rapid.SliceOfN(rapid.SampledFrom([]string{"a+b", "b$"}), 0, 1).Draw(t, "patterns")
	r.Block = rapid.SliceOfN(sender, 0, 2).Draw(t, "block")
	r.Allow = rapid.SliceOfN(sender, 0, 2).Draw(t, "allow")
	r.Expression = rapid.SampledFrom([]string{"", "", "length > 2", "true"}).Draw(t, "expression")
	return r
}

func TestACoveredRuleNeverMatchesAlone(t *testing.T) {
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawShort(t, "first"), drawShort(t, "second")
		if !NewCover(first).Covers(second) {
			return
		}
		covered++
		for range 30 {
			in := Input{Text: rapid.StringOfN(rapid.SampledFrom([]rune("aｂBb\u200b")), 0, 6, -1).Draw(t, "text"), Sender: rapid.SampledFrom([]string{"u", "ux", "xu", "x", "uux", "v"}).Draw(t, "sender")}
			if m := New([]Rule{first, second}).Match(&in, nil); len(m) == 1 && m[0] == "second" {
				t.Fatalf("%+v covers %+v, and only the second matches %+v", first, second, in)
			}
		}
	})
	if covered == 0 {
		t.Error("no rule covered another: the test shows nothing")
	}
}
