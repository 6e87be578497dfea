package reception

import "time"

var (
	passed        = Cell{Outcome: Pass}
	notApplicable = Cell{Outcome: NotApplicable}
)

func block(code Code) Cell { return Cell{Outcome: Block, Code: code} }

func unknown(code Code) Cell { return Cell{Outcome: Unknown, Code: code} }

// passedWith is a pass that carries a note: what would have stopped somebody else.
func passedWith(code Code) Cell { return Cell{Outcome: Pass, Code: code} }

func wait(code Code, until time.Time) Cell {
	return Cell{Outcome: Wait, Code: code, Until: micros(until)}
}

// waitOrBlock waits for a known end; without one it blocks.
func waitOrBlock(code Code, until time.Time) Cell {
	if until.IsZero() {
		return block(code)
	}
	return wait(code, until)
}

// micros is an instant in Unix microseconds, rounded up: who decides again at Until must not come a moment too early.
func micros(t time.Time) int64 {
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return us
}

// ahead says whether an end is known and still to come.
func ahead(now, until time.Time) bool { return !until.IsZero() && now.Before(until) }

// reached says whether an end is known and past.
func reached(now, until time.Time) bool { return !until.IsZero() && !now.Before(until) }
