package reception

import "time"

// seenSchedule remembers what a schedule says at the evaluator's now: many agents share few schedules, and zone arithmetic is the dearest part of
// a pass.
type seenSchedule struct {
	schedule *Schedule
	opening  opening
	closing  closing     // why it is closed, if it is
	searched [2]nextSeen // from now, and from the instant that was asked about last: agents on the same shifts ask about the same
}

// nextSeen is what Schedule.Next says of an instant.
type nextSeen struct {
	asked    bool
	at, next time.Time
	found    bool
}

// opening is how a schedule is open, from not at all to without reserve.
type opening uint8

const (
	notOpen         opening = iota
	openExtended            // only by an extra opening, for a time
	openUnannounced         // by its weekday, in a year that its calendar does not know
	fullyOpen
)

func openingOf(s *Schedule, at time.Time) opening {
	switch {
	case !s.Open(at):
		return notOpen
	case len(s.Extra) > 0 && !s.openByClock(at):
		return openExtended
	case !s.Announced(at):
		return openUnannounced
	}
	return fullyOpen
}

func (e *evaluator) see(s *Schedule) *seenSchedule {
	for i := range e.seen {
		if e.seen[i].schedule == s {
			return &e.seen[i]
		}
	}
	slot := &e.seen[e.fill%len(e.seen)]
	e.fill++
	*slot = seenSchedule{schedule: s, opening: openingOf(s, e.now)}
	if slot.opening == notOpen {
		slot.closing = s.whyClosed(e.now)
	}
	return slot
}

func (e *evaluator) opening(s *Schedule) opening {
	if s == nil {
		return fullyOpen
	}
	return e.see(s).opening
}

// next is Schedule.Next, remembered.
func (e *evaluator) next(s *Schedule, at time.Time) (time.Time, bool) {
	if s == nil {
		return at, true
	}
	which := 0
	if !at.Equal(e.now) {
		which = 1
	}
	seen := &e.see(s).searched[which]
	if !seen.asked || seen.at != at {
		seen.asked, seen.at = true, at
		seen.next, seen.found = s.Next(at)
	}
	return seen.next, seen.found
}

// windowCell is gate window.agent: open is (no account window, or inside one) and (direct member, or inside a window of one of the teams that give
// the membership; a team without windows is open). An account's extension opens the gate, whatever these say. An owner finishes what it has after its
// window.
func (e *evaluator) windowCell(c *Candidate, k *known, member *Member) Cell {
	account, team := e.accountOpening(k.windows), e.teamOpening(member)
	switch min(account, team) {
	case fullyOpen:
		return passed
	case openUnannounced:
		return passedWith(CodeWindowAgentYearUnannounced)
	case openExtended:
		return passedWith(CodeWindowAgentExtended)
	}
	if !k.steady && k.account.Extension != nil && e.opening(k.account.Extension) != notOpen {
		return passedWith(CodeWindowAgentExtended)
	}
	if c.Owner {
		return passedWith(CodeWindowAgentFinishing)
	}
	code := e.closedCode(k, member, account != notOpen)
	if next, ok := e.nextWindow(k, member); ok {
		return wait(code, next)
	}
	return block(code)
}

func (e *evaluator) accountOpening(windows []*Schedule) opening {
	if len(windows) == 0 {
		return fullyOpen
	}
	return e.widest(windows, notOpen)
}

// widest is the widest opening of the windows, and best if that is wider.
func (e *evaluator) widest(windows []*Schedule, best opening) opening {
	for _, s := range windows {
		if best = max(best, e.opening(s)); best == fullyOpen {
			break
		}
	}
	return best
}

// teamOpening says how the membership is open by its teams. Who is asked about without being a member has no teams that could close.
func (e *evaluator) teamOpening(member *Member) opening {
	if member == nil || member.Direct {
		return fullyOpen
	}
	best := notOpen
	for i := range member.Teams {
		windows := member.Teams[i].Windows
		if len(windows) == 0 {
			return fullyOpen
		}
		best = e.widest(windows, best)
	}
	return best
}

// closedCode tells a holiday and a date exception from an ordinary closing, and the account's own windows from the teams'.
func (e *evaluator) closedCode(k *known, member *Member, accountOpen bool) Code {
	why, code := ordinaryClosing, CodeWindowAgentClosed
	if accountOpen {
		code = CodeWindowAgentTeamClosed
		for i := range member.Teams {
			why = e.whyClosed(member.Teams[i].Windows, why)
		}
	} else {
		why = e.whyClosed(k.windows, why)
	}
	switch why {
	case closedByHoliday:
		return CodeWindowAgentHoliday
	case closedByMakeUp:
		return CodeWindowAgentMakeupDay
	case closedByDate:
		return CodeWindowAgentDateOff
	}
	return code
}

func (e *evaluator) whyClosed(windows []*Schedule, why closing) closing {
	for _, s := range windows {
		if s != nil {
			why = max(why, e.see(s).closing)
		}
	}
	return why
}

// nextWindow finds when the gate opens next: by the windows or by the account's extension.
func (e *evaluator) nextWindow(k *known, member *Member) (time.Time, bool) {
	next, found := e.nextOfBoth(k, member)
	if !k.steady && k.account.Extension != nil {
		return e.earliest([]*Schedule{k.account.Extension}, e.now, next, found)
	}
	return next, found
}

// nextOfBoth finds the earliest instant at which the account's windows and the teams' are open together. It leaps from opening to opening, each
// time as far as the one that opens later.
func (e *evaluator) nextOfBoth(k *known, member *Member) (time.Time, bool) {
	at, last := e.now, e.now.Add(horizon*time.Second)
	for !at.After(last) {
		account, ok := e.nextAccountWindow(k.windows, at)
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

func (e *evaluator) nextAccountWindow(windows []*Schedule, at time.Time) (time.Time, bool) {
	if len(windows) == 0 {
		return at, true
	}
	return e.earliest(windows, at, time.Time{}, false)
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
