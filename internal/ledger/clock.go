package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// LeastStep is by how much the wall clock must have been set for that to be noticed. Smaller steps add up until they are as much.
const LeastStep = time.Second

// reading is one look at both clocks: the wall clock, which people and machines set, and how long it has run by one that nobody sets.
type reading struct {
	wall time.Time
	ran  time.Duration
}

// clock compares the two. Only the ledger's goroutine has it.
type clock struct {
	now  reading // of the round that runs
	base reading // since which no step was noticed
}

// readClock begins a round: it gives the group's instant.
func (l *Ledger) readClock() time.Time {
	now := l.o.Now()
	l.clock.now = reading{now.Round(0), l.o.Elapsed(now)}
	if l.clock.base.wall.IsZero() {
		l.clock.base = l.clock.now
	}
	return now.UTC().Truncate(time.Microsecond)
}

// step is by how much the wall clock was set since that was noticed last; 0 if it was not. What was done to it while no process ran is not known, except that it
// cannot be behind the last sign of life.
func (l *Ledger) step() time.Duration {
	c := &l.clock
	if by := c.now.wall.Sub(c.base.wall) - (c.now.ran - c.base.ran); by.Abs() >= LeastStep {
		return by.Round(time.Microsecond) // as instants are kept
	}
	if by := c.now.wall.Sub(l.lastNow); !l.lastNow.IsZero() && by <= -LeastStep {
		return by.Round(time.Microsecond)
	}
	return 0
}

// noteClock records a step of the wall clock, first of all in its group, and has what is under way follow it. It counts once the group is committed.
func (l *Ledger) noteClock(tx *Tx) {
	by := l.step()
	if by == 0 {
		return
	}
	err := l.applyOne(tx, CommandFunc(func(tx *Tx) error {
		tx.recordStep(by)
		l.moveGraces(tx, by)
		tx.moveRates(by)
		if l.o.ClockSet != nil {
			return l.o.ClockSet(tx, by)
		}
		return nil
	}))
	if err != nil {
		return // it was logged; the next group tries again
	}
	tx.clock = l.clock.now
	l.o.Log.Warn("the clock was set", "by", by)
}

// keepClock forgets a step that is on record.
func (l *Ledger) keepClock(tx *Tx) {
	if !tx.clock.wall.IsZero() {
		l.clock.base = tx.clock
	}
}

// recordStep makes a step a fact.
func (tx *Tx) recordStep(by time.Duration) {
	cause := "stepped_back"
	if by > 0 {
		cause = "stepped_ahead"
	}
	position := tx.Next()
	tx.g.Facts = append(tx.g.Facts, FactRow{
		Subject: "system/clock", Name: FactClock, Value: json.RawMessage(`{"step_us":` + strconv.FormatInt(by.Microseconds(), 10) + `}`),
		FromPosition: position, FromAt: tx.now, By: "system", Source: "ledger", Cause: cause, ToPosition: position, ToAt: tx.now,
		EndBy: "system", EndCause: "instant",
	})
}

// moveGraces has graces end when they would have if the clock had not been set: they say how long, not until when.
func (l *Ledger) moveGraces(tx *Tx, by time.Duration) {
	// One that is over by the old clock and by the new one stays as it is on record.
	moved := func(end time.Time) bool { return !end.IsZero() && (end.After(tx.now) || end.After(tx.now.Add(-by))) }
	for _, account := range slices.Sorted(maps.Keys(tx.w.agents.base)) {
		a := tx.Agent(account)
		if c := a.Connection; moved(c.GraceUntil) {
			c.LastFrame, c.GraceUntil = c.LastFrame.Add(by), c.GraceUntil.Add(by)
			tx.setConnection(account, c)
		}
		if p := a.Presence; moved(p.GraceUntil) {
			p.GraceUntil = p.GraceUntil.Add(by)
			tx.SetPresence(account, p)
		}
	}
}
