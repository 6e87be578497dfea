package reception

import "sync"

// spare holds the memory of candidates that were given back: an inbox's members are by far the largest part of what a decision needs.
var spare sync.Pool

// takeCandidates returns so many candidates, with whatever is in them.
func takeCandidates(n int) []Candidate {
	if s, ok := spare.Get().(*[]Candidate); ok && cap(*s) >= n {
		return (*s)[:n]
	}
	return make([]Candidate, n)
}

// Free gives the memory of the candidates back, for a decision to come. What is left of d says how it ended, but not why. It may be left out.
func (d *Decision) Free() {
	if cap(d.Candidates) > 0 {
		list := d.Candidates
		spare.Put(&list)
	}
	d.Candidates = nil
}
