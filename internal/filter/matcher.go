package filter

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// Rule is the content part of a filter rule. Its parts must have passed the checks of this package.
type Rule struct {
	Name       string
	Keywords   []string
	Patterns   []string // RE2, on the text as it was written
	Block      []string // senders that match, whatever they write
	Allow      []string // senders that never match
	Expression string   // "" for none
}

// Input is what is looked at of a message.
type Input struct {
	Inbox, Kind string
	Sender      string // the contact's id
	Name        string // of the contact
	Text        string
	Attachments int // how many
}

// Matcher matches any number of rules at once.
type Matcher struct {
	rules    []compiled
	keywords *automaton // nil without any
	owner    []int32    // by keyword of the automaton: the index of its rule
	terms    []string   // by keyword of the automaton: as it was written
	reading  bool       // some rule looks at more than keywords
	scratch  sync.Pool
}

type compiled struct {
	name         string
	patterns     *regexp.Regexp // all of them; nil without any
	sources      []string
	block, allow senders
	expression   *expression
	source       string
}

// New makes a Matcher of rules that passed the checks. A part that does not compile all the same never matches: what nobody can read must not stop anybody.
func New(rules []Rule) *Matcher {
	m := &Matcher{rules: make([]compiled, len(rules))}
	var words []string
	for i, r := range rules {
		c := &m.rules[i]
		c.name, c.sources, c.source = r.Name, r.Patterns, r.Expression
		c.block, c.allow = newSenders(r.Block), newSenders(r.Allow)
		c.patterns = together(r.Patterns)
		if r.Expression != "" {
			c.expression, _ = compileExpression(r.Expression) // checked before
		}
		m.reading = m.reading || c.patterns != nil || c.expression != nil || !c.block.empty() || !c.allow.empty()
		for _, k := range r.Keywords {
			words = append(words, Plain(k))
			m.terms = append(m.terms, k)
			m.owner = append(m.owner, int32(i))
		}
	}
	m.keywords = newAutomaton(words)
	size := (len(rules) + 63) / 64
	m.scratch.New = func() any { s := make([]uint64, size); return &s }
	return m
}

// together makes one expression of several, so that a text is gone over once. Groups keep the flags of each to itself.
func together(patterns []string) *regexp.Regexp {
	if len(patterns) == 0 {
		return nil
	}
	parts := make([]string, len(patterns))
	for i, p := range patterns {
		parts[i] = grouped(p)
	}
	x, err := regexp.Compile(strings.Join(parts, "|"))
	if err != nil {
		return nil
	}
	return x
}

// Empty says whether there are no rules.
func (m *Matcher) Empty() bool { return len(m.rules) == 0 }

// Match appends the names of the rules that match to dst, in the order in which the rules were given.
func (m *Matcher) Match(in *Input, dst []string) []string {
	if len(m.rules) == 0 {
		return dst
	}
	s := m.scratch.Get().(*[]uint64) // nothing else is in the pool
	defer m.scratch.Put(s)
	found := *s
	clear(found)
	any := m.findKeywords(in.Text, found)
	if !any && !m.reading {
		return dst
	}
	l := looking{in: in}
	for i := range m.rules {
		if r := &m.rules[i]; !l.exempt(r) && (found[i>>6]&(1<<(i&63)) != 0 || l.at(r)) {
			dst = append(dst, r.name)
		}
	}
	return dst
}

// findKeywords sets the bits of the rules of which a keyword occurs in the text, and says whether any does. It is the scan of automaton.scan without a call for
// each keyword found: this is what every message costs.
func (m *Matcher) findKeywords(text string, found []uint64) (any bool) {
	a := m.keywords
	if a == nil {
		return false
	}
	state := int32(0)
	for _, r := range text {
		p, keep := plainRune(r)
		if !keep {
			continue
		}
		c := a.number(p)
		switch {
		case c == 0:
			state = 0
			continue
		case state == 0:
			if state = a.root[c]; state == 0 {
				continue
			}
		default:
			state = a.next(state, c)
		}
		for _, k := range a.ends[a.first[state]:a.first[state+1]] {
			o := m.owner[k]
			found[o>>6] |= 1 << (o & 63)
			any = true
		}
	}
	return any
}

// looking is a look at one message, with what is made of it at most once.
type looking struct {
	in     *Input
	sender string
	known  bool // sender is set
	facts  *facts
	plain  bool // facts.Plain is set
}

func (l *looking) plainSender() string {
	if !l.known {
		l.sender, l.known = Plain(l.in.Sender), true
	}
	return l.sender
}

func (l *looking) exempt(r *compiled) bool { return !r.allow.empty() && r.allow.has(l.plainSender()) }

// at says whether anything but a keyword makes the rule match.
func (l *looking) at(r *compiled) bool {
	switch {
	case !r.block.empty() && r.block.has(l.plainSender()):
		return true
	case r.patterns != nil && r.patterns.MatchString(l.in.Text):
		return true
	}
	return r.expression != nil && l.holds(r.expression)
}

func (l *looking) holds(x *expression) bool {
	if l.facts == nil {
		l.facts = &facts{
			Text: l.in.Text, Sender: l.in.Sender, Name: l.in.Name, Inbox: l.in.Inbox, Kind: l.in.Kind, Length: utf8.RuneCountInString(l.in.Text),
			Attachments: l.in.Attachments,
		}
	}
	if x.plain && !l.plain {
		l.facts.Plain, l.plain = Plain(l.in.Text), true
	}
	return x.holds(l.facts)
}
