package reception

import "time"

// Schedule is a set of weekly openings in a time zone, with dates that differ. A nil *Schedule is always open.
//
// Openings are what the clock on the wall shows: the schedule is open at an instant when the zone's clock then reads a date and a time that lie in a
// span. So on a day of 25 hours a span over the hour that comes twice is open in both, and a span that the clock skips on a day of 23 hours is not
// open at all; an overnight span is an hour longer or shorter in these nights, just as the people on shift live it.
type Schedule struct {
	Name     string
	Location *time.Location
	// Weekly holds the openings that begin on each day, indexed by time.Weekday, in order and not overlapping.
	Weekly [7][]Span
	// Dates replaces the weekly openings that begin on a date; an empty slice means closed all day.
	// An overnight span of the day before still runs out on such a date: it began on the other one.
	Dates map[Date][]Span
	// Calendar, if there is one, says of dates that are not among Dates whether they are days off or make-up workdays: the former have no openings,
	// the latter the weekly ones of MakeUp.
	Calendar *Calendar
	MakeUp   time.Weekday
	// Extra are openings beside all others, in order and apart from each other: for a time, whatever the clock on the wall shows.
	Extra []Interval
}

// Interval is the time [From, Until). A zero From is before all time.
type Interval struct{ From, Until time.Time }

func (i Interval) contains(at time.Time) bool { return !at.Before(i.From) && at.Before(i.Until) }

// Span is an opening in minutes of wall-clock time from midnight of the day it begins on, [From, To). From is below 1440; To may exceed it, up to
// 2880: it runs into the next day.
type Span struct{ From, To int }

// Date is a calendar date in the schedule's zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

const (
	secondsPerDay = 24 * 60 * 60
	// horizonDays bounds every search ahead. It is more than a year, so that a schedule of one yearly date is found.
	horizonDays = 400
	horizon     = horizonDays * secondsPerDay
)

// Open says whether the schedule is open at an instant.
func (s *Schedule) Open(at time.Time) bool {
	return s == nil || s.openByClock(at) || s.extended(at)
}

// openByClock says whether the clock on the wall shows a time in a span.
func (s *Schedule) openByClock(at time.Time) bool { return s.openAt(at.Unix() + s.offset(at)) }

// extended says whether an extra opening contains an instant.
func (s *Schedule) extended(at time.Time) bool {
	for _, x := range s.Extra {
		if x.contains(at) {
			return true
		}
	}
	return false
}

// Next returns the next instant, not before at, at which the schedule is open; false if there is none within 400 days.
func (s *Schedule) Next(at time.Time) (time.Time, bool) {
	if s == nil || s.Open(at) {
		return at, true
	}
	next, found := s.nextByClock(at)
	for _, x := range s.Extra {
		if x.From.After(at) && x.From.Before(at.Add(horizon*time.Second)) && (!found || x.From.Before(next)) {
			next, found = x.From.In(at.Location()), true
		}
	}
	return next, found
}

func (s *Schedule) nextByClock(at time.Time) (time.Time, bool) {
	// Within a stretch of constant offset, wall-clock time runs evenly: search stretch by stretch, each in seconds of wall-clock time.
	from := at.Unix()
	for until := from + horizon; from < until; {
		offset, end := s.stretch(from)
		if wall, ok := s.nextOpening(from+offset, min(end, until)+offset); ok {
			return time.Unix(wall-offset, 0).In(at.Location()), true
		}
		from = end
	}
	return time.Time{}, false
}

// Close returns the end of the opening that contains an instant, adjacent and overlapping spans joined. It is false when the schedule is closed then,
// and when it does not close within 400 days.
func (s *Schedule) Close(at time.Time) (time.Time, bool) {
	if s == nil || !s.Open(at) {
		return time.Time{}, false
	}
	for end, last := at, at.Add(horizon*time.Second); end.Before(last); {
		next := end
		if s.openByClock(end) {
			closes, ok := s.closeByClock(end)
			if !ok {
				return time.Time{}, false
			}
			next = closes
		}
		for _, x := range s.Extra {
			if x.contains(end) && x.Until.After(next) {
				next = x.Until.In(at.Location())
			}
		}
		if next.Equal(end) {
			return end, true
		}
		end = next
	}
	return time.Time{}, false
}

// Openings lists the openings in [from, until), which is less than 400 days long, cut where it begins and ends: in order and apart from each other.
func (s *Schedule) Openings(from, until time.Time) []Interval {
	var list []Interval
	for at := from; at.Before(until); {
		opens, ok := s.Next(at)
		if !ok || !opens.Before(until) {
			break
		}
		closes, ok := s.Close(opens)
		if !ok || closes.After(until) {
			closes = until
		}
		list = append(list, Interval{opens, closes})
		at = closes
	}
	return list
}

// closeByClock is Close for an instant at which the clock on the wall shows a time in a span; extra openings are left out.
func (s *Schedule) closeByClock(at time.Time) (time.Time, bool) {
	from := at.Unix()
	for until := from + horizon; from < until; {
		offset, end := s.stretch(from)
		closed := s.endOfOpening(from+offset, min(end, until)+offset) - offset
		if closed < end && closed < until {
			return time.Unix(closed, 0).In(at.Location()), true
		}
		// At the change of offset the clock jumps. If it jumps out of the opening, the next round ends where it begins.
		from = end
	}
	return time.Time{}, false
}

func (s *Schedule) location() *time.Location {
	if s.Location == nil {
		return time.UTC
	}
	return s.Location
}

// offset is the zone's offset in seconds at an instant.
func (s *Schedule) offset(at time.Time) int64 {
	_, offset := at.In(s.location()).Zone()
	return int64(offset)
}

// stretch returns the zone's offset at an instant (Unix seconds) and the end of the time for which it stays so.
func (s *Schedule) stretch(at int64) (offset, end int64) {
	t := time.Unix(at, 0).In(s.location())
	_, seconds := t.Zone()
	_, change := t.ZoneBounds()
	if change.IsZero() {
		return int64(seconds), at + 2*horizon
	}
	return int64(seconds), change.Unix()
}

// openAt says whether a wall-clock second (counted from 1970-01-01 00:00 on the wall) lies in a span.
func (s *Schedule) openAt(wall int64) bool {
	day := floorDiv(wall, secondsPerDay)
	return within(s.spans(day), wall-day*secondsPerDay) ||
		within(s.spans(day-1), wall-(day-1)*secondsPerDay)
}

func within(spans []Span, second int64) bool {
	for _, span := range spans {
		if second >= int64(span.From)*60 && second < int64(span.To)*60 {
			return true
		}
	}
	return false
}

// nextOpening finds the first wall-clock second in [from, to) that lies in a span.
func (s *Schedule) nextOpening(from, to int64) (int64, bool) {
	best := to
	// Begin a day early: its overnight spans may reach into this one.
	for day := floorDiv(from, secondsPerDay) - 1; day*secondsPerDay < best; day++ {
		for _, span := range s.spans(day) {
			begin, end := day*secondsPerDay+int64(span.From)*60, day*secondsPerDay+int64(span.To)*60
			if begin = max(begin, from); begin < end && begin < best {
				best = begin
			}
		}
	}
	return best, best < to
}

// endOfOpening finds the first wall-clock second from from on that lies in no span; it may be beyond to, and is then not looked for further.
func (s *Schedule) endOfOpening(from, to int64) int64 {
	for from < to {
		day, end := floorDiv(from, secondsPerDay), from
		for d := day - 1; d <= day; d++ {
			for _, span := range s.spans(d) {
				if from >= d*secondsPerDay+int64(span.From)*60 {
					end = max(end, d*secondsPerDay+int64(span.To)*60)
				}
			}
		}
		if end == from {
			return from
		}
		from = end
	}
	return to
}

// spans returns the openings that begin on a day, counted from 1970-01-01.
func (s *Schedule) spans(day int64) []Span {
	if len(s.Dates) > 0 || s.Calendar != nil {
		date := dateOf(day)
		switch s.differs(date) {
		case closedByDate:
			return s.Dates[date]
		case closedByHoliday:
			return nil
		case closedByMakeUp:
			return s.Weekly[s.MakeUp]
		}
	}
	return s.ordinary(day)
}

// ordinary returns the openings that begin on a day of the week, whatever the date.
func (s *Schedule) ordinary(day int64) []Span {
	// 1970-01-01 was a Thursday.
	return s.Weekly[floorMod(day+int64(time.Thursday), 7)]
}

// dateOf is the date of a day, counted from 1970-01-01.
func dateOf(day int64) Date {
	year, month, d := time.Unix(day*secondsPerDay, 0).UTC().Date()
	return Date{year, month, d}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
