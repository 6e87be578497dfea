package reception

import "time"

// Calendar says which dates are days off (法定节假日) or make-up workdays (调休), year by year as they are announced. A nil *Calendar knows of none.
type Calendar struct {
	Name string
	Days map[Date]CalendarDay
	// Years are the years that are announced. Of any other year nothing is known: its dates are treated by their weekday, and whoever asks is warned.
	Years map[int]bool
}

// CalendarDay is what a calendar says of one date. Name is what the day belongs to, for example 国庆节.
type CalendarDay struct {
	Type DayType
	Name string
}

// DayType is what kind of a day a date is.
type DayType uint8

// The types of days. The zero value is a day like every other of its weekday.
const (
	OrdinaryDay DayType = iota
	Holiday
	MakeUpWorkday
)

func (c *Calendar) day(d Date) CalendarDay {
	if c == nil {
		return CalendarDay{}
	}
	return c.Days[d]
}

// Announced says whether the calendar knows the days of a year. Without a calendar there is nothing to announce.
func (c *Calendar) Announced(year int) bool { return c == nil || c.Years[year] }

// Date is the date that the clock on the wall shows at an instant.
func (s *Schedule) Date(at time.Time) Date {
	year, month, day := at.In(s.location()).Date()
	return Date{year, month, day}
}

// On is what the schedule's calendar says of a date; an ordinary day for one with openings of its own.
func (s *Schedule) On(d Date) CalendarDay {
	if _, own := s.Dates[d]; own {
		return CalendarDay{}
	}
	return s.Calendar.day(d)
}

// Announced says whether what the schedule says at an instant rests on an announced year. Dates with openings of their own do not ask the calendar.
func (s *Schedule) Announced(at time.Time) bool {
	if s == nil || s.Calendar == nil {
		return true
	}
	date := s.Date(at)
	_, own := s.Dates[date]
	return own || s.Calendar.Announced(date.Year)
}

// closing is why a schedule is closed although its ordinary week would be open. Of several schedules the highest is told.
type closing uint8

const (
	ordinaryClosing closing = iota
	closedByDate            // the date has openings of its own
	closedByMakeUp          // the date is a make-up workday and has another weekday's openings
	closedByHoliday
)

// whyClosed says why the schedule is closed at an instant: which day it is whose ordinary openings would be open now, and what took them away.
func (s *Schedule) whyClosed(at time.Time) closing {
	if len(s.Dates) == 0 && s.Calendar == nil || s.Open(at) {
		return ordinaryClosing
	}
	wall := at.Unix() + s.offset(at)
	today := floorDiv(wall, secondsPerDay)
	for day := today; day >= today-1; day-- {
		if within(s.ordinary(day), wall-day*secondsPerDay) {
			return s.differs(dateOf(day))
		}
	}
	return ordinaryClosing
}

// differs says what gives a date other openings than its weekday has.
func (s *Schedule) differs(d Date) closing {
	if _, own := s.Dates[d]; own {
		return closedByDate
	}
	switch s.Calendar.day(d).Type {
	case Holiday:
		return closedByHoliday
	case MakeUpWorkday:
		return closedByMakeUp
	}
	return ordinaryClosing
}
