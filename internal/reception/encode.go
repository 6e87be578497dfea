package reception

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// EncodeOutcomes writes all gates' outcomes of a decision for the journal: JSON that a person can read, with names for gates and codes. Equal outcomes
// give equal bytes, so that a store can keep each set once; scores, which hardly ever repeat, are not in it.
//
//	{"message":{"switch.platform":"pass","switch.inbox":["wait","switch.inbox.paused",1764075600000000], …},
//	 "vectors":[{"agents":["agent-a","agent-c"],"gates":{"account.state":"pass","presence":["block","presence.away"], …}}, …],
//	 "owner":"agent-a"}
//
// A gate that is missing is not applicable. Equal vectors are written once, in the order of their first agent; the gates about the message are
// written once for all, as "message".
func EncodeOutcomes(d *Decision) []byte { return d.AppendOutcomes(nil) }

// AppendOutcomes is EncodeOutcomes at the end of a buffer.
func (d *Decision) AppendOutcomes(b []byte) []byte {
	groups := groupVectors(d.Candidates)
	b = slices.Grow(b, 512+24*len(d.Candidates)+512*len(groups.first))
	b = append(b, `{"message":`...)
	b = appendVector(b, &d.Message, true)
	b = append(b, `,"vectors":[`...)
	for i := range groups.first {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"agents":[`...)
		for j := groups.first[i]; ; {
			b = appendString(b, d.Candidates[j].Account)
			if j = groups.next[j]; j < 0 {
				break
			}
			b = append(b, ',')
		}
		b = append(b, `],"gates":`...)
		b = appendVector(b, &d.Candidates[groups.first[i]].Cells, false)
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendFlagged(b, `,"owner":`, d.Candidates, func(c *Candidate) bool { return c.Owner })
	b = appendFlagged(b, `,"asked":`, d.Candidates, func(c *Candidate) bool { return c.Asked })
	return append(b, '}')
}

// OutcomesEqual says whether two decisions have the same outcomes for the same candidates: whether EncodeOutcomes would write the same.
func OutcomesEqual(a, b *Decision) bool {
	if a.Message != b.Message || len(a.Candidates) != len(b.Candidates) {
		return false
	}
	for i := range a.Candidates {
		x, y := &a.Candidates[i], &b.Candidates[i]
		if x.Account != y.Account || x.Owner != y.Owner || x.Asked != y.Asked || x.Cells != y.Cells {
			return false
		}
	}
	return true
}

// grouped says which candidates have equal vectors: each group is a chain of candidates.
type grouped struct {
	first, last []int // the ends of each group's chain
	next        []int // the next candidate of the same group, -1 at the end
}

// fewGroups is up to how many groups comparing with each is cheaper than hashing a vector.
const fewGroups = 24

func groupVectors(candidates []Candidate) grouped {
	g := grouped{next: make([]int, len(candidates)), first: make([]int, 0, 8), last: make([]int, 0, 8)}
	var index map[Vector]int
	for i := range candidates {
		g.next[i] = -1
		var at int
		if len(g.first) <= fewGroups {
			at = g.search(candidates, i)
		} else {
			if index == nil {
				index = g.index(candidates)
			}
			at = indexed(index, &candidates[i].Cells, len(g.first))
		}
		if at < 0 || at == len(g.first) {
			g.first, g.last = append(g.first, i), append(g.last, i)
			continue
		}
		g.next[g.last[at]] = i
		g.last[at] = i
	}
	return g
}

func (g *grouped) index(candidates []Candidate) map[Vector]int {
	index := make(map[Vector]int, len(candidates))
	for k, first := range g.first {
		index[candidates[first].Cells] = k
	}
	return index
}

// indexed finds the group of a vector, or makes it the group with the number next.
func indexed(index map[Vector]int, v *Vector, next int) int {
	if k, ok := index[*v]; ok {
		return k
	}
	index[*v] = next
	return next
}

func (g *grouped) search(candidates []Candidate, i int) int {
	for k, first := range g.first {
		if candidates[first].Cells == candidates[i].Cells {
			return k
		}
	}
	return -1
}

// appendVector writes the gates about the message, or all others.
func appendVector(b []byte, v *Vector, aboutMessage bool) []byte {
	b = append(b, '{')
	sep := false
	for g := range GateCount {
		if g.AboutMessage() != aboutMessage || v[g] == notApplicable {
			continue
		}
		if sep {
			b = append(b, ',')
		}
		sep = true
		b = append(b, '"')
		b = append(b, gateNames[g]...)
		b = append(b, '"', ':')
		b = appendCell(b, &v[g])
	}
	return append(b, '}')
}

func appendCell(b []byte, c *Cell) []byte {
	if c.Code == 0 && c.Until == 0 {
		b = append(b, '"')
		b = append(b, c.Outcome.String()...)
		return append(b, '"')
	}
	b = append(b, '[', '"')
	b = append(b, c.Outcome.String()...)
	b = append(b, '"', ',', '"')
	b = append(b, c.Code.String()...)
	b = append(b, '"')
	if c.Until != 0 {
		b = append(b, ',')
		b = strconv.AppendInt(b, c.Until, 10)
	}
	return append(b, ']')
}

func appendFlagged(b []byte, key string, candidates []Candidate, flagged func(*Candidate) bool) []byte {
	for i := range candidates {
		if flagged(&candidates[i]) {
			return appendString(append(b, key...), candidates[i].Account)
		}
	}
	return b
}

// appendString writes a JSON string. Account names are plain by far the most often.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string always marshals
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
