package filter

import (
	"regexp"
	"unicode/utf8"
)

// How says which part of a rule a finding is of.
type How string

// The parts of a rule that can make it match, and the one that keeps it from matching.
const (
	ByKeyword    How = "keyword"
	ByPattern    How = "pattern"
	BySender     How = "sender"
	ByExpression How = "expression"
	Exempt       How = "exempt" // the sender is on the rule's allow list
)

// Hit is one reason why a rule matches, or why it does not although it otherwise would.
type Hit struct {
	How  How
	Term string // the keyword, pattern, sender or expression, as the rule writes it
	// Start and End are the characters of the text that it stands for, [Start, End), counted from 0; both 0 where it is not about a place in the text.
	Start, End int
}

// MaxHits is how many reasons Explain gives of one rule at most.
const MaxHits = 50

// Explain says for every rule of the matcher, by name, why it matches; a rule without any reason is left out. It finds what Match finds: a rule matches
// exactly if it has a reason and none of them is Exempt.
func (m *Matcher) Explain(in *Input) map[string][]Hit {
	hits := map[string][]Hit{}
	add := func(rule string, h Hit) {
		if len(hits[rule]) < MaxHits {
			hits[rule] = append(hits[rule], h)
		}
	}
	l := looking{in: in}
	for i := range m.rules {
		if r := &m.rules[i]; l.exempt(r) {
			add(r.name, Hit{How: Exempt, Term: in.Sender})
		}
	}
	m.explainKeywords(in.Text, add)
	for i := range m.rules {
		r := &m.rules[i]
		for _, p := range r.sources {
			explainPattern(p, in.Text, func(h Hit) { add(r.name, h) })
		}
		if !r.block.empty() && r.block.has(l.plainSender()) {
			add(r.name, Hit{How: BySender, Term: in.Sender})
		}
		if r.expression != nil && l.holds(r.expression) {
			add(r.name, Hit{How: ByExpression, Term: r.source})
		}
	}
	return hits
}

func (m *Matcher) explainKeywords(text string, add func(string, Hit)) {
	if m.keywords == nil {
		return
	}
	seen := make([]rune, 0, len(text)) // the text, to find where a keyword begins: invisible characters inside it count as places
	for _, r := range text {
		seen = append(seen, r)
	}
	m.keywords.scan(text, func(k int32, end int) {
		length, start := utf8.RuneCountInString(Plain(m.terms[k])), end+1
		for length > 0 {
			start--
			if _, keep := plainRune(seen[start]); keep {
				length--
			}
		}
		add(m.rules[m.owner[k]].name, Hit{ByKeyword, m.terms[k], start, end + 1})
	})
}

func explainPattern(pattern, text string, add func(Hit)) {
	x, err := regexp.Compile(pattern)
	if err != nil {
		return
	}
	for _, at := range x.FindAllStringIndex(text, MaxHits) {
		start := utf8.RuneCountInString(text[:at[0]])
		add(Hit{ByPattern, pattern, start, start + utf8.RuneCountInString(text[at[0]:at[1]])})
	}
}
