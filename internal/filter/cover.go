package filter

import (
	"slices"
	"strings"
)

// Cover compares one rule with others that come after it. It is for one goroutine: what it makes of a long list it makes once, when it is needed.
type Cover struct {
	rule  Rule
	words *Matcher // of the keywords alone
	block *senders
}

// NewCover makes a Cover of a rule that passed the checks.
func NewCover(r Rule) *Cover { return &Cover{rule: r} }

// Covers says whether the rule matches every message that another one matches, as far as that shows in how they are written: each keyword of the other has one
// of its own in it, each pattern and the expression are the same, each sender is blocked by both, and whom it exempts the other exempts, too. What it does
// not say may be so all the same.
func (c *Cover) Covers(other Rule) bool {
	return (len(c.rule.Allow) == 0 || coversAll(newSenders(other.Allow), c.rule.Allow)) && (always(c.rule.Expression) || c.coversParts(&other))
}

// always says whether an expression is true of every message.
func always(expression string) bool { return strings.TrimSpace(expression) == "true" }

func (c *Cover) coversParts(other *Rule) bool {
	switch {
	case other.Expression != "" && strings.TrimSpace(other.Expression) != strings.TrimSpace(c.rule.Expression):
		return false
	case slices.ContainsFunc(other.Patterns, func(p string) bool { return !slices.Contains(c.rule.Patterns, p) }):
		return false
	}
	return c.coversSenders(other.Block) && c.coversKeywords(other.Keywords)
}

func (c *Cover) coversSenders(list []string) bool {
	if len(list) == 0 {
		return true
	}
	if c.block == nil {
		own := newSenders(c.rule.Block)
		c.block = &own
	}
	return coversAll(*c.block, list)
}

// coversAll says whether a list has everybody of another one.
func coversAll(known senders, list []string) bool {
	return !slices.ContainsFunc(list, func(entry string) bool { return !known.covers(Plain(entry)) })
}

// covers says whether an entry of a list stands only for ids that are on this one.
func (s *senders) covers(entry string) bool {
	begin, open := strings.CutSuffix(entry, "*")
	if open {
		return slices.ContainsFunc(s.begins, func(p string) bool { return strings.HasPrefix(begin, p) })
	}
	end, open := strings.CutPrefix(entry, "*")
	if open {
		return slices.ContainsFunc(s.ending, func(p string) bool { return strings.HasSuffix(end, p) })
	}
	return s.has(entry)
}

// coversKeywords says whether each of some keywords has one of the rule's in it, so that where it occurs that one occurs.
func (c *Cover) coversKeywords(list []string) bool {
	if len(list) > 0 && c.words == nil {
		c.words = New([]Rule{{Keywords: c.rule.Keywords}})
	}
	return !slices.ContainsFunc(list, func(k string) bool { return len(c.words.Match(&Input{Text: k}, nil)) == 0 })
}
