package filter

import (
	"slices"
	"strings"
)

// Covers says whether the first rule matches every message that the second one matches, as far as that shows in how they are written: each keyword of the
// second has one of the first in it, each pattern and the expression are the same, each sender is blocked by both, and whom the first exempts the second
// exempts, too. What it does not say may be so all the same.
func Covers(first, second Rule) bool {
	return exemptsNoMore(first, second) && (always(first.Expression) || coversParts(first, second))
}

// always says whether an expression is true of every message.
func always(expression string) bool { return strings.TrimSpace(expression) == "true" }

func exemptsNoMore(first, second Rule) bool { return coversSenders(second.Allow, first.Allow) }

func coversParts(first, second Rule) bool {
	switch {
	case second.Expression != "" && strings.TrimSpace(second.Expression) != strings.TrimSpace(first.Expression):
		return false
	case !includes(first.Patterns, second.Patterns):
		return false
	case !coversSenders(first.Block, second.Block):
		return false
	}
	return coversKeywords(first.Keywords, second.Keywords)
}

func includes(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// coversSenders says whether everybody on the second list is on the first.
func coversSenders(first, second []string) bool {
	if len(second) == 0 {
		return true
	}
	known := newSenders(first)
	return !slices.ContainsFunc(second, func(entry string) bool { return !known.covers(Plain(entry)) })
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

// coversKeywords says whether each of the second keywords has one of the first in it, so that where it occurs that one occurs.
func coversKeywords(first, second []string) bool {
	switch {
	case len(second) == 0:
		return true
	case len(first) == 0:
		return false
	}
	m := New([]Rule{{Keywords: first}})
	return !slices.ContainsFunc(second, func(k string) bool { return len(m.Match(&Input{Text: k}, nil)) == 0 })
}
