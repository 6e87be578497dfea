package reception

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func everyDay(loc *time.Location, spans ...Span) *Schedule {
	s := &Schedule{Location: loc}
	for day := range s.Weekly {
		s.Weekly[day] = spans
	}
	return s
}

func TestAScheduleIsOpenFromTheFirstMinuteOfASpanToTheLast(t *testing.T) {
	s := weekdays(9, 18)
	for _, tc := range []struct {
		at   time.Time
		want bool
	}{
		{at(9, 0).Add(-time.Nanosecond), false}, {at(9, 0), true}, {at(17, 59).Add(59*time.Second + 999*time.Millisecond), true}, {at(18, 0), false},
		{time.Date(2026, 3, 14, 12, 0, 0, 0, shanghai), false}, // Saturday
		{at(12, 0).UTC(), true},
	} {
		if got := s.Open(tc.at); got != tc.want {
			t.Errorf("at %v: %v", tc.at, got)
		}
	}
}

func TestANilScheduleIsAlwaysOpen(t *testing.T) {
	var s *Schedule
	if next, ok := s.Next(noon); !s.Open(noon) || !ok || !next.Equal(noon) {
		t.Error("a nil schedule is not open now")
	}
	if _, ok := s.Close(noon); ok {
		t.Error("a nil schedule closes")
	}
}

func TestAScheduleWithoutSpansNeverOpens(t *testing.T) {
	if next, ok := (&Schedule{}).Next(noon); ok {
		t.Errorf("opens at %v", next)
	}
	if _, ok := (&Schedule{}).Close(noon); ok {
		t.Error("a closed schedule closes")
	}
}

func TestAScheduleThatIsAlwaysOpenNeverCloses(t *testing.T) {
	if end, ok := everyDay(shanghai, Span{0, 1440}).Close(noon); ok {
		t.Errorf("closes at %v", end)
	}
	if end, ok := everyDay(zone("Europe/Berlin"), Span{0, 1440}).Close(noon); ok {
		t.Errorf("closes at %v, through daylight saving", end)
	}
}

func TestAnOvernightSpanBelongsToTheDayItBeginsOn(t *testing.T) {
	s := &Schedule{Location: shanghai}
	s.Weekly[time.Wednesday] = []Span{{22 * 60, 30 * 60}} // to Thursday 06:00
	thursday := time.Date(2026, 3, 12, 5, 59, 0, 0, shanghai)
	if !s.Open(thursday) || s.Open(thursday.Add(time.Minute)) {
		t.Error("the span does not run to Thursday 06:00")
	}
	// An exception for Thursday leaves Wednesday's night alone, one for Wednesday takes it away.
	s.Dates = map[Date][]Span{{2026, 3, 12}: {}}
	if !s.Open(thursday) {
		t.Error("an exception for the next day cut the night short")
	}
	s.Dates = map[Date][]Span{{2026, 3, 11}: {}}
	if s.Open(thursday) || s.whyClosed(thursday) != closedByDate {
		t.Error("an exception for the day it begins on left the night open")
	}
}

func TestAdjacentSpansAreOneOpening(t *testing.T) {
	s := &Schedule{Location: shanghai}
	s.Weekly[time.Wednesday] = []Span{{9 * 60, 12 * 60}, {12 * 60, 18 * 60}, {20 * 60, 24 * 60}}
	s.Weekly[time.Thursday] = []Span{{0, 60}}
	if end, ok := s.Close(at(9, 30)); !ok || !end.Equal(at(18, 0)) {
		t.Errorf("closes at %v", end)
	}
	if end, ok := s.Close(at(21, 0)); !ok || !end.Equal(time.Date(2026, 3, 12, 1, 0, 0, 0, shanghai)) {
		t.Errorf("closes at %v", end)
	}
}

func TestADateOfItsOwnOpensADayThatIsOtherwiseFree(t *testing.T) {
	s := weekdays(9, 18)
	saturday := time.Date(2026, 3, 14, 10, 0, 0, 0, shanghai)
	s.Dates = map[Date][]Span{{2026, 3, 14}: {{9 * 60, 12 * 60}}}
	if !s.Open(saturday) || s.whyClosed(saturday) != ordinaryClosing {
		t.Error("the exception did not open the day")
	}
	if next, ok := s.Next(time.Date(2026, 3, 13, 18, 0, 0, 0, shanghai)); !ok || !next.Equal(saturday.Add(-time.Hour)) {
		t.Errorf("next opening is %v", next)
	}
}

func TestAYearlyDateIsFoundWithinTheHorizonAndNotBeyond(t *testing.T) {
	s := &Schedule{Location: shanghai, Dates: map[Date][]Span{{2027, 3, 11}: {{600, 660}}}}
	if next, ok := s.Next(noon); !ok || !next.Equal(time.Date(2027, 3, 11, 10, 0, 0, 0, shanghai)) {
		t.Errorf("next opening is %v %v", next, ok)
	}
	s.Dates = map[Date][]Span{{2028, 3, 11}: {{600, 660}}}
	if next, ok := s.Next(noon); ok {
		t.Errorf("found %v, two years ahead", next)
	}
}

func TestAnHourThatTheClockSkipsIsNotOpen(t *testing.T) {
	berlin := zone("Europe/Berlin")
	s := everyDay(berlin, Span{2 * 60, 3 * 60}) // 2026-03-29 has no hour from 02:00 to 03:00
	before := time.Date(2026, 3, 29, 1, 30, 0, 0, berlin)
	if next, ok := s.Next(before); !ok || !next.Equal(time.Date(2026, 3, 30, 2, 0, 0, 0, berlin)) {
		t.Errorf("next opening is %v", next)
	}
	// An opening whose end is skipped ends when the clock jumps.
	s = everyDay(berlin, Span{60, 150})
	if end, ok := s.Close(before); !ok || !end.Equal(time.Date(2026, 3, 29, 3, 0, 0, 0, berlin)) {
		t.Errorf("closes at %v", end)
	}
}

func TestAnHourThatComesTwiceIsOpenTwice(t *testing.T) {
	berlin := zone("Europe/Berlin")
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 02:30 in summer time, an hour before 02:30 in winter time
	s := everyDay(berlin, Span{150, 160})
	for _, from := range []time.Time{first, first.Add(time.Hour)} {
		if end, ok := s.Close(from); !ok || !end.Equal(from.Add(10*time.Minute)) {
			t.Errorf("opening at %v closes at %v", from, end)
		}
	}
	if next, _ := s.Next(first.Add(10 * time.Minute)); !next.Equal(first.Add(time.Hour)) {
		t.Errorf("after the first comes %v", next)
	}
}

func TestTheNightOfASkippedDayIsStillOpenWhenTheClockArrives(t *testing.T) {
	apia := zone("Pacific/Apia") // went from Thursday 2011-12-29 24:00 to Saturday 00:00
	s := &Schedule{Location: apia}
	s.Weekly[time.Friday] = []Span{{22 * 60, 30 * 60}}
	want := time.Date(2011, 12, 31, 0, 0, 0, 0, apia)
	if next, ok := s.Next(time.Date(2011, 12, 29, 12, 0, 0, 0, apia)); !ok || !next.Equal(want) {
		t.Errorf("next opening is %v, want %v", next, want)
	}
}

// bruteOpen reads the wall clock minute by minute: the definition itself.
func bruteOpen(s *Schedule, at time.Time) bool {
	for _, x := range s.Extra {
		if !x.From.After(at) && x.Until.After(at) {
			return true
		}
	}
	date, minute := bruteWall(s, at)
	return bruteIn(bruteSpans(s, date), minute) || bruteIn(bruteSpans(s, date.AddDate(0, 0, -1)), minute+1440)
}

// bruteWall is the date, at noon in UTC, and the minute that the clock on the wall shows.
func bruteWall(s *Schedule, at time.Time) (time.Time, int) {
	local := at.In(s.Location)
	y, m, d := local.Date()
	return time.Date(y, m, d, 12, 0, 0, 0, time.UTC), local.Hour()*60 + local.Minute()
}

func bruteIn(spans []Span, minute int) bool {
	for _, span := range spans {
		if minute >= span.From && minute < span.To {
			return true
		}
	}
	return false
}

// bruteSpans are the openings that begin on a date: its own, else those that the calendar gives it, else its weekday's.
func bruteSpans(s *Schedule, date time.Time) []Span {
	y, m, d := date.Date()
	if own, ok := s.Dates[Date{y, m, d}]; ok {
		return own
	}
	if s.Calendar != nil {
		switch s.Calendar.Days[Date{y, m, d}].Type {
		case Holiday:
			return nil
		case MakeUpWorkday:
			return s.Weekly[s.MakeUp]
		}
	}
	return s.Weekly[date.Weekday()]
}

// clockChanges are instants around which clocks jump: by an hour, by half an hour, at midnight, over a whole day, or never.
var clockChanges = []struct {
	zone string
	at   time.Time
}{
	{"Europe/Berlin", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)},
	{"Europe/Berlin", time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
	{"America/New_York", time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC)},
	{"America/New_York", time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)},
	{"Australia/Lord_Howe", time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC)},
	{"Australia/Lord_Howe", time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC)},
	{"Africa/Cairo", time.Date(2026, 4, 23, 22, 0, 0, 0, time.UTC)},
	{"America/Santiago", time.Date(2026, 9, 6, 4, 0, 0, 0, time.UTC)},
	{"Pacific/Apia", time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)},
	{"Asia/Kathmandu", time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC)},
	{"Asia/Shanghai", time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC)},
}

func drawSpans(t *rapid.T, label string) []Span {
	var spans []Span
	from := 0
	for range rapid.IntRange(0, 3).Draw(t, label+" spans") {
		from += rapid.IntRange(0, 500).Draw(t, label+" gap")
		if from >= 1440 {
			break
		}
		to := from + rapid.IntRange(1, 700).Draw(t, label+" length")
		spans = append(spans, Span{from, to})
		from = to
	}
	return spans
}

func drawSchedule(t *rapid.T, loc *time.Location, around time.Time) *Schedule {
	s := &Schedule{Location: loc}
	for day := range s.Weekly {
		s.Weekly[day] = drawSpans(t, time.Weekday(day).String())
	}
	for range rapid.IntRange(0, 2).Draw(t, "exceptions") {
		y, m, d := around.In(loc).AddDate(0, 0, rapid.IntRange(-2, 2).Draw(t, "exception day")).Date()
		if s.Dates == nil {
			s.Dates = map[Date][]Span{}
		}
		s.Dates[Date{y, m, d}] = drawSpans(t, "exception")
	}
	if rapid.Bool().Draw(t, "follows a calendar") {
		s.Calendar, s.MakeUp = drawCalendar(t, loc, around), time.Weekday(rapid.IntRange(0, 6).Draw(t, "make-up day"))
	}
	s.Extra = drawExtra(t, around)
	return s
}

// drawCalendar makes some of the days around an instant days off and others make-up workdays.
func drawCalendar(t *rapid.T, loc *time.Location, around time.Time) *Calendar {
	c := &Calendar{Name: "drawn", Days: map[Date]CalendarDay{}, Years: map[int]bool{around.Year(): true}}
	for i := range 7 {
		y, m, d := around.In(loc).AddDate(0, 0, i-3).Date()
		if kind := DayType(rapid.IntRange(0, 2).Draw(t, "type of day")); kind != OrdinaryDay {
			c.Days[Date{y, m, d}] = CalendarDay{Type: kind}
		}
	}
	return c
}

// drawExtra makes openings that lie apart from each other, on whole minutes; the first may have no beginning.
func drawExtra(t *rapid.T, around time.Time) []Interval {
	var extra []Interval
	at := around.Add(-time.Duration(rapid.IntRange(0, 40*60).Draw(t, "before")) * time.Minute)
	for i := range rapid.IntRange(0, 2).Draw(t, "extensions") {
		x := Interval{From: at, Until: at.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "extended by")) * time.Minute)}
		at = x.Until.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "apart")) * time.Minute)
		if i == 0 && rapid.Bool().Draw(t, "since ever") {
			x.From = time.Time{}
		}
		extra = append(extra, x)
	}
	return extra
}

func TestSchedulesAgreeWithTheClockOnTheWallMinuteByMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		change := rapid.SampledFrom(clockChanges).Draw(t, "clock change")
		s := drawSchedule(t, zone(change.zone), change.at)
		from := change.at.Add(-36 * time.Hour)
		const minutes = 72 * 60
		open := make([]bool, minutes)
		for i := range open {
			at := from.Add(time.Duration(i) * time.Minute)
			open[i] = bruteOpen(s, at)
			if s.Open(at) != open[i] {
				t.Fatalf("open at %v is %v", at, s.Open(at))
			}
		}
		next, end := -1, -1 // the next open and the next closed minute, found going backwards
		for i := minutes - 1; i >= 0; i-- {
			if open[i] {
				next = i
			} else {
				end = i
			}
			if i%7 == 0 {
				checkNextAndClose(t, s, from, i, next, end, open[i])
			}
		}
	})
}

func checkNextAndClose(t *rapid.T, s *Schedule, from time.Time, i, next, end int, open bool) {
	at := from.Add(time.Duration(i)*time.Minute + 20*time.Second)
	instant := func(j int) time.Time {
		if j == i {
			return at
		}
		return from.Add(time.Duration(j) * time.Minute)
	}
	if got, ok := s.Next(at); next >= 0 && (!ok || !got.Equal(instant(next))) {
		t.Fatalf("next from %v is %v %v, want %v", at, got, ok, instant(next))
	} else if next < 0 && ok && got.Before(from.Add(72*time.Hour)) {
		t.Fatalf("next from %v is %v, want none in sight", at, got)
	}
	got, ok := s.Close(at)
	switch {
	case !open && ok:
		t.Fatalf("closed at %v, and closes at %v", at, got)
	case open && end >= 0 && (!ok || !got.Equal(instant(end))):
		t.Fatalf("opening at %v closes at %v %v, want %v", at, got, ok, instant(end))
	case open && end < 0 && ok && got.Before(from.Add(72*time.Hour)):
		t.Fatalf("opening at %v closes at %v, want none in sight", at, got)
	}
}
