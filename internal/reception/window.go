package reception

import "time"

// seenSchedule remembers what a schedule says at the evaluator's now: many agents share few schedules, and zone arithmetic is the dearest part of
// a pass.
type seenSchedule struct {
	schedule *Schedule
	open     bool
	dateOff  bool // closed only because of a date exception
	searched bool // next and found are set
	found    bool
	next     time.Time
}

func (e *evaluator) see(s *Schedule) *seenSchedule {
	for i := range e.seen {
		if e.seen[i].schedule == s {
			return &e.seen[i]
		}
	}
	slot := &e.seen[e.fill%len(e.seen)]
	e.fill++
	*slot = seenSchedule{schedule: s, open: s.Open(e.now), dateOff: s.closedByDate(e.now)}
	return slot
}

func (e *evaluator) open(s *Schedule) bool { return s == nil || e.see(s).open }

// next is Schedule.Next, remembered for the evaluator's now.
func (e *evaluator) next(s *Schedule, at time.Time) (time.Time, bool) {
	if s == nil || !at.Equal(e.now) {
		return s.Next(at)
	}
	seen := e.see(s)
	if !seen.searched {
		seen.next, seen.found = s.Next(e.now)
		seen.searched = true
	}
	return seen.next, seen.found
}

// windowCell is gate window.agent: open is (no account window, or inside one) and (direct member, or inside a window of one of the teams that give
// the membership; a team without windows is open). An owner finishes what it has after its window.
func (e *evaluator) windowCell(c *Candidate, a *Account, member *Member) Cell {
	account, team := e.accountOpen(a), e.teamOpen(member)
	if account && team {
		return passed
	}
	if c.Owner {
		return passedWith(CodeWindowAgentFinishing)
	}
	code := e.closedCode(a, member, account)
	if next, ok := e.nextWindow(a, member); ok {
		return wait(code, next)
	}
	return block(code)
}

func (e *evaluator) accountOpen(a *Account) bool { return len(a.Windows) == 0 || e.anyOpen(a.Windows) }

func (e *evaluator) anyOpen(windows []*Schedule) bool {
	for _, s := range windows {
		if e.open(s) {
			return true
		}
	}
	return false
}

// teamOpen says whether the membership is open by its teams. Who is asked about without being a member has no teams that could close.
func (e *evaluator) teamOpen(member *Member) bool {
	if member == nil || member.Direct {
		return true
	}
	for i := range member.Teams {
		if windows := member.Teams[i].Windows; len(windows) == 0 || e.anyOpen(windows) {
			return true
		}
	}
	return false
}

// closedCode tells a date exception from an ordinary closing, and the account's own windows from the teams'.
func (e *evaluator) closedCode(a *Account, member *Member, accountOpen bool) Code {
	if !accountOpen {
		if e.anyClosedByDate(a.Windows) {
			return CodeWindowAgentDateOff
		}
		return CodeWindowAgentClosed
	}
	for i := range member.Teams {
		if e.anyClosedByDate(member.Teams[i].Windows) {
			return CodeWindowAgentDateOff
		}
	}
	return CodeWindowAgentTeamClosed
}

func (e *evaluator) anyClosedByDate(windows []*Schedule) bool {
	for _, s := range windows {
		if s != nil && e.see(s).dateOff {
			return true
		}
	}
	return false
}

// nextWindow finds the earliest instant at which the account's windows and the teams' are open together. It leaps from opening to opening, each
// time as far as the one that opens later.
func (e *evaluator) nextWindow(a *Account, member *Member) (time.Time, bool) {
	at, last := e.now, e.now.Add(horizon*time.Second)
	for !at.After(last) {
		account, ok := e.nextAccountWindow(a, at)
		if !ok {
			return time.Time{}, false
		}
		both, ok := e.nextTeamWindow(member, account)
		if !ok {
			return time.Time{}, false
		}
		if both.Equal(account) {
			return both, true
		}
		at = both
	}
	return time.Time{}, false
}

func (e *evaluator) nextAccountWindow(a *Account, at time.Time) (time.Time, bool) {
	if len(a.Windows) == 0 {
		return at, true
	}
	return e.earliest(a.Windows, at, time.Time{}, false)
}

func (e *evaluator) nextTeamWindow(member *Member, at time.Time) (best time.Time, found bool) {
	if member == nil || member.Direct {
		return at, true
	}
	for i := range member.Teams {
		windows := member.Teams[i].Windows
		if len(windows) == 0 {
			return at, true
		}
		best, found = e.earliest(windows, at, best, found)
	}
	return best, found
}

// earliest improves best, if it was found, by the next openings of the windows.
func (e *evaluator) earliest(windows []*Schedule, at, best time.Time, found bool) (time.Time, bool) {
	for _, s := range windows {
		if next, ok := e.next(s, at); ok && (!found || next.Before(best)) {
			best, found = next, true
		}
	}
	return best, found
}
