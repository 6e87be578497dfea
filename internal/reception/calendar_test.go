package reception

import (
	"testing"
	"time"
)

// nationalDay is a calendar like China's in autumn 2026: Thursday, October 1st and Friday are off; Saturday the 10th makes up for it.
func nationalDay() *Calendar {
	return &Calendar{Name: "cn", Years: map[int]bool{2026: true}, Days: map[Date]CalendarDay{
		{2026, 10, 1}: {Holiday, "国庆节"}, {2026, 10, 2}: {Holiday, "国庆节"}, {2026, 10, 10}: {MakeUpWorkday, "国庆节"},
	}}
}

func october(day, hour int) time.Time { return time.Date(2026, 10, day, hour, 0, 0, 0, shanghai) }

func TestHolidaysAreClosedAndTheNextOpeningIsAfterThem(t *testing.T) {
	s := weekdays(9, 18)
	s.Calendar, s.MakeUp = nationalDay(), time.Monday
	if s.Open(october(1, 10)) || s.whyClosed(october(1, 10)) != closedByHoliday || s.whyClosed(october(1, 20)) != ordinaryClosing {
		t.Error("the holiday is not what closes it")
	}
	if next, ok := s.Next(time.Date(2026, 9, 30, 18, 0, 0, 0, shanghai)); !ok || !next.Equal(october(5, 9)) {
		t.Errorf("opens next at %v", next)
	}
}

func TestAMakeUpWorkdayHasTheOpeningsOfTheDayThatTheScheduleNames(t *testing.T) {
	s := weekdays(9, 18)
	s.Weekly[time.Wednesday] = []Span{{13 * 60, 15 * 60}}
	s.Weekly[time.Saturday] = []Span{{20 * 60, 22 * 60}}
	s.Calendar = nationalDay()
	for _, tc := range []struct {
		makeUp   time.Weekday
		opens    time.Time
		atNoon   bool
		evenings closing
	}{{time.Monday, october(10, 9), true, closedByMakeUp}, {time.Wednesday, october(10, 13), false, closedByMakeUp}, {time.Saturday, october(10, 20), false, ordinaryClosing}} {
		s.MakeUp = tc.makeUp
		if next, ok := s.Next(october(9, 20)); !ok || !next.Equal(tc.opens) {
			t.Errorf("like a %v it opens at %v, want %v", tc.makeUp, next, tc.opens)
		}
		if s.Open(october(10, 12)) != tc.atNoon || s.whyClosed(october(10, 21)) != tc.evenings {
			t.Errorf("like a %v: open at noon %v, closed in the evening by %v", tc.makeUp, s.Open(october(10, 12)), s.whyClosed(october(10, 21)))
		}
	}
}

func TestADateWithOpeningsOfItsOwnDoesNotAskTheCalendar(t *testing.T) {
	s := weekdays(9, 18)
	s.Calendar = nationalDay()
	s.Dates = map[Date][]Span{{2026, 10, 1}: {{600, 720}}, {2027, 1, 4}: {{600, 720}}}
	if !s.Open(october(1, 10)) || s.whyClosed(october(1, 15)) != closedByDate || s.On(Date{2026, 10, 1}).Type != OrdinaryDay {
		t.Error("the calendar counted")
	}
	if !s.Announced(time.Date(2027, 1, 4, 10, 0, 0, 0, shanghai)) || s.Announced(time.Date(2027, 1, 5, 10, 0, 0, 0, shanghai)) {
		t.Error("a date of its own needs no announcement, any other of that year does")
	}
}

func TestTheNightBeforeAHolidayRunsOut(t *testing.T) {
	s := &Schedule{Location: shanghai, Calendar: nationalDay()}
	s.Weekly[time.Wednesday], s.Weekly[time.Friday] = []Span{{22 * 60, 30 * 60}}, []Span{{22 * 60, 30 * 60}}
	if !s.Open(october(1, 5)) {
		t.Error("Wednesday's night was cut short by the holiday")
	}
	if s.Open(october(3, 5)) || s.whyClosed(october(3, 5)) != closedByHoliday {
		t.Error("the night that begins on the holiday is open on Saturday morning")
	}
}

func TestTheYearIsThatOfTheClockOnTheWall(t *testing.T) {
	s := everyDay(shanghai, Span{0, 1440})
	s.Calendar = nationalDay()
	eve := time.Date(2026, 12, 31, 23, 59, 59, 0, shanghai)
	if !s.Announced(eve) || s.Announced(eve.Add(time.Second)) || !s.Calendar.Announced(2026) || s.Calendar.Announced(2027) {
		t.Error("the year does not begin with the zone's new year")
	}
	var none *Calendar
	if !none.Announced(2027) || !weekdays(9, 18).Announced(eve) {
		t.Error("without a calendar there is nothing to announce")
	}
}

func TestAnExtraOpeningJoinsWhatItTouchesAndEndsByItself(t *testing.T) {
	s := weekdays(9, 18)
	s.Extra = []Interval{{at(17, 0), at(20, 0).Add(30 * time.Second)}, {at(22, 0), at(23, 0)}}
	if end, ok := s.Close(at(10, 0)); !ok || !end.Equal(at(20, 0).Add(30*time.Second)) {
		t.Errorf("closes at %v", end)
	}
	if next, ok := s.Next(at(21, 0)); !ok || !next.Equal(at(22, 0)) {
		t.Errorf("opens next at %v", next)
	}
	if next, ok := s.Next(at(23, 0)); !ok || !next.Equal(at(33, 0)) {
		t.Errorf("afterwards it opens at %v", next)
	}
	ever := &Schedule{Location: shanghai, Extra: []Interval{{Until: at(13, 0)}}}
	if !ever.Open(time.Time{}) || !ever.Open(noon) || ever.Open(at(13, 0)) {
		t.Error("an opening without a beginning is not open since ever and until its end")
	}
}
