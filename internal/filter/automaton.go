package filter

import "slices"

// automaton finds any number of keywords in one pass over a text (Aho-Corasick over characters). Transitions lie in one hash table, those of the root in a
// list by character: most characters of a text begin no keyword and cost two reads.
type automaton struct {
	pages [0x1100]*[256]uint16 // character → its number among those of the keywords, 0 for all others
	root  []int32              // by number: the state after that character
	table []edge               // all other transitions, open addressing
	mask  uint32
	fail  []int32 // by state
	// ends[first[s]:first[s+1]] are the keywords that end in state s, those that end there by a suffix too.
	first []int32
	ends  []int32
	chars int
}

// edge leads from a state with a character, both in key, to a state. States are numbered from 0 (the root), so no edge leads to 0: that is an empty place.
type edge struct {
	key uint64
	to  int32
}

func edgeKey(state int32, char uint16) uint64 { return uint64(uint32(state))<<16 | uint64(char) }

// place is where to begin to look for an edge.
func (a *automaton) place(key uint64) uint32 { return uint32(key*0x9e3779b97f4a7c15>>32) & a.mask }

// number finds the number of a character in plain form.
func (a *automaton) number(r rune) uint16 {
	if page := a.pages[uint32(r)>>8]; page != nil {
		return page[r&0xff]
	}
	return 0
}

// maxCharacters bounds how many different characters keywords may have, because their numbers have 16 bits.
const maxCharacters = 1<<16 - 1

// newAutomaton builds the automaton of keywords in plain form; an empty one is never found. It is nil if there is nothing to find.
func newAutomaton(keywords []string) *automaton {
	a := &automaton{}
	t := a.trie(keywords)
	if len(t.children) == 1 {
		return nil
	}
	a.link(t)
	a.lay(t)
	return a
}

// trie is what an automaton is built from.
type trie struct {
	children []map[uint16]int32
	ends     [][]int32
}

func (a *automaton) trie(keywords []string) *trie {
	t := &trie{children: []map[uint16]int32{nil}, ends: [][]int32{nil}}
	for i, k := range keywords {
		state := int32(0)
		for _, r := range k {
			c := a.learn(r)
			next, ok := t.children[state][c]
			if !ok {
				next = int32(len(t.children))
				if t.children[state] == nil {
					t.children[state] = map[uint16]int32{}
				}
				t.children[state][c] = next
				t.children, t.ends = append(t.children, nil), append(t.ends, nil)
			}
			state = next
		}
		if state != 0 {
			t.ends[state] = append(t.ends[state], int32(i))
		}
	}
	return t
}

// learn numbers a character.
func (a *automaton) learn(r rune) uint16 {
	page := a.pages[uint32(r)>>8]
	if page == nil {
		page = &[256]uint16{}
		a.pages[uint32(r)>>8] = page
	}
	if page[r&0xff] == 0 && a.chars < maxCharacters {
		a.chars++
		page[r&0xff] = uint16(a.chars)
	}
	return page[r&0xff]
}

// link finds for every state where to go on when no transition fits, and what else ends there: breadth first, so that shorter states are complete.
func (a *automaton) link(t *trie) {
	a.fail = make([]int32, len(t.children))
	queue := make([]int32, 0, len(t.children))
	for _, s := range sortedChildren(t.children[0]) {
		queue = append(queue, s.to)
	}
	for i := 0; i < len(queue); i++ {
		state := queue[i]
		for _, child := range sortedChildren(t.children[state]) {
			f := a.fail[state]
			for {
				if to, ok := t.children[f][child.char]; ok && to != child.to {
					a.fail[child.to] = to
					break
				}
				if f == 0 {
					break
				}
				f = a.fail[f]
			}
			t.ends[child.to] = append(t.ends[child.to], t.ends[a.fail[child.to]]...)
			queue = append(queue, child.to)
		}
	}
}

type child struct {
	char uint16
	to   int32
}

// sortedChildren makes the automaton of equal keywords equal.
func sortedChildren(m map[uint16]int32) []child {
	list := make([]child, 0, len(m))
	for c, to := range m {
		list = append(list, child{c, to})
	}
	slices.SortFunc(list, func(a, b child) int { return int(a.char) - int(b.char) })
	return list
}

// lay puts the trie into the tables that scans read.
func (a *automaton) lay(t *trie) {
	size := uint32(64)
	for size < uint32(len(t.children))*2 {
		size *= 2
	}
	a.table, a.mask = make([]edge, size), size-1
	a.root = make([]int32, a.chars+1)
	for c, to := range t.children[0] {
		a.root[c] = to
	}
	for state := int32(1); int(state) < len(t.children); state++ {
		for _, c := range sortedChildren(t.children[state]) {
			key := edgeKey(state, c.char)
			i := a.place(key)
			for a.table[i].to != 0 {
				i = (i + 1) & a.mask
			}
			a.table[i] = edge{key, c.to}
		}
	}
	a.first = make([]int32, 1, len(t.children)+1)
	for _, ends := range t.ends {
		a.ends = append(a.ends, ends...)
		a.first = append(a.first, int32(len(a.ends)))
	}
}

// next is the state after a character with a number.
func (a *automaton) next(state int32, char uint16) int32 {
	if char == 0 {
		return 0
	}
	for state != 0 {
		key := edgeKey(state, char)
		for i := a.place(key); a.table[i].to != 0; i = (i + 1) & a.mask {
			if a.table[i].key == key {
				return a.table[i].to
			}
		}
		state = a.fail[state]
	}
	return a.root[char]
}

// scan tells of every keyword that occurs in a text, with the character after which it ends, counted from 0.
func (a *automaton) scan(text string, found func(keyword int32, end int)) {
	state, at := int32(0), 0
	for _, r := range text {
		if p, keep := plainRune(r); keep {
			if state = a.next(state, a.number(p)); a.first[state] != a.first[state+1] {
				for _, k := range a.ends[a.first[state]:a.first[state+1]] {
					found(k, at)
				}
			}
		}
		at++
	}
}
