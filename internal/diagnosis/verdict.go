package diagnosis

import (
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// Standing is what decides about one cell.
type Standing uint8

const (
	passes Standing = iota
	// stoppedOnPurpose: nothing but expected blocks (and what is not known, which could change nothing) stops it.
	stoppedOnPurpose
	waits
	isBlocked
	isUnknown
)

// standing looks at the gates of a cell.
func (r *run) standing(c *cell) Standing {
	if c.gone != 0 {
		return isBlocked
	}
	return StandingOf(&c.vector, r.expected)
}

// StandingOf looks at the gates of a cell. Expected blocks are left out where anything else stops it.
func StandingOf(cells *reception.Vector, expected func(reception.Gate, reception.Cell) bool) Standing {
	var onPurpose, waiting, unclear bool
	for g := range reception.GateCount {
		at := cells[g]
		switch {
		case !cells.Stopped(g):
		case at.Outcome == reception.Wait:
			waiting = true
		case at.Outcome == reception.Unknown:
			unclear = true
		case expected(g, at):
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

// verdict is the conclusion over the scope.
func (r *run) verdict() Verdict {
	var all []Standing
	for i := range r.cells {
		all = append(all, r.standing(&r.cells[i]))
	}
	if v := VerdictOf(all); v != Receiving {
		return v
	}
	return r.passesIf()
}

// VerdictOf is the conclusion over cells, whatever came in: Receiving where all pass. Cells that are blocked on purpose are left out, unless all are.
func VerdictOf(all []Standing) Verdict {
	if rest := slices.DeleteFunc(slices.Clone(all), func(s Standing) bool { return s == stoppedOnPurpose }); len(rest) > 0 {
		all = rest
	}
	has := func(s Standing) bool { return slices.Contains(all, s) }
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
	return Receiving
}
