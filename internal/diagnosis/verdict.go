package diagnosis

import (
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// standing is what decides about one cell.
type standing uint8

const (
	passes standing = iota
	// stoppedOnPurpose: nothing but expected blocks (and what is not known, which could change nothing) stops it.
	stoppedOnPurpose
	waits
	isBlocked
	isUnknown
)

// standing looks at the gates of a cell. Expected blocks are left out where anything else stops it.
func (r *run) standing(c *cell) standing {
	if c.gone != 0 {
		return isBlocked
	}
	var onPurpose, waiting, unclear bool
	for g := range reception.GateCount {
		at := c.vector[g]
		switch {
		case !c.vector.Stopped(g):
		case at.Outcome == reception.Wait:
			waiting = true
		case at.Outcome == reception.Unknown:
			unclear = true
		case r.expected(g, at):
			onPurpose = true
		default:
			return isBlocked
		}
	}
	switch {
	case waiting:
		return waits
	case onPurpose:
		return stoppedOnPurpose
	case unclear:
		return isUnknown
	}
	return passes
}

// verdict is the conclusion over the scope. Cells that are blocked on purpose are left out, unless all are.
func (r *run) verdict() Verdict {
	var all []standing
	for i := range r.cells {
		all = append(all, r.standing(&r.cells[i]))
	}
	if rest := slices.DeleteFunc(slices.Clone(all), func(s standing) bool { return s == stoppedOnPurpose }); len(rest) > 0 {
		all = rest
	}
	has := func(s standing) bool { return slices.Contains(all, s) }
	switch {
	case has(isUnknown):
		return Unknown
	case !has(passes) && !has(isBlocked) && !has(stoppedOnPurpose):
		return Waiting
	case !has(passes):
		return Blocked
	case has(isBlocked) || has(waits):
		return Partial
	}
	return r.passesIf()
}
