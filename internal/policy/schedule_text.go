package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

var dayTitles = [7][2]string{
	{"周日", "Sun"}, {"周一", "Mon"}, {"周二", "Tue"}, {"周三", "Wed"}, {"周四", "Thu"}, {"周五", "Fri"}, {"周六", "Sat"},
}

// maxDates bounds how many exceptions one sentence names.
const maxDates = 3

// schedules says when it is open: within any of the schedules.
func (s *speaker) schedules(list []*reception.Schedule) string {
	if len(list) == 0 {
		return s.pick("不限时段", "at all times")
	}
	var parts []string
	for _, schedule := range list {
		if text := s.schedule(schedule); !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, s.pick("，或", ", or "))
}

// Week says the openings of a schedule's week for people; "" for a schedule that has none. Dates that differ are not in it.
func Week(schedule *reception.Schedule, zh bool) string {
	if schedule == nil {
		return ""
	}
	return (&speaker{zh: zh}).week(schedule)
}

// Day names a day of the week.
func Day(d time.Weekday, zh bool) string {
	return (&speaker{zh: zh}).pick(dayTitles[d][0], dayTitles[d][1])
}

// When says an instant as people do, seen from another one in the same zone: the time of today, and the day where it is another. Chinese words carry the space
// they need beside Latin digits.
func When(now, at time.Time, zh bool) string {
	s := &speaker{zh: zh}
	clock := at.Format("15:04")
	switch days := daysBetween(now, at); {
	case days == 0:
		return s.pick(" "+clock+" ", "at "+clock)
	case days == 1:
		return s.pick("明天 "+clock+" ", "tomorrow at "+clock)
	case days < 7:
		return s.pick(Day(at.Weekday(), true)+" "+clock+" ", "on "+Day(at.Weekday(), false)+" at "+clock)
	}
	return s.pick(fmt.Sprintf(" %d 月 %d 日 %s ", at.Month(), at.Day(), clock), at.Format("on 2 Jan at ")+clock)
}

func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(to).Sub(day(from)) / (24 * time.Hour))
}

// week says the openings of a week, days with the same ones together.
func (s *speaker) week(schedule *reception.Schedule) string {
	var parts []string
	for _, days := range sameDays(schedule) {
		parts = append(parts, s.days(days)+" "+s.spans(schedule.Weekly[days[0]]))
	}
	return strings.Join(parts, s.pick("；", "; "))
}

// schedule says the openings of a week, the exceptions and extensions that lie ahead, and the calendar.
func (s *speaker) schedule(schedule *reception.Schedule) string {
	extra := s.extra(schedule)
	if extra != "" && schedule.Name == "" {
		return extra // nothing but an extension
	}
	text := s.week(schedule)
	if text == "" {
		text = s.pick("每周不开放", "closed all week")
	}
	if dates := s.dates(schedule); dates != "" {
		text += s.pick("；例外：", "; except ") + dates
	}
	if schedule.Calendar != nil {
		text += s.pick("；节假日和调休按日历 ", "; days off by the calendar ") + schedule.Calendar.Name + s.announced(schedule.Calendar)
	}
	text = fmt.Sprintf(s.pick("%s(%s)", "%s (%s)"), text, schedule.Location)
	if extra != "" {
		text += s.pick("；", "; ") + extra
	}
	return text
}

// announced says up to which year a calendar is announced, which is what changes from year to year.
func (s *speaker) announced(c *reception.Calendar) string {
	if len(c.Years) == 0 {
		return ""
	}
	last := slices.Max(slices.Collect(maps.Keys(c.Years)))
	return fmt.Sprintf(s.pick("（至 %d 年）", " (up to %d)"), last)
}

// extra says the extensions that are not over.
func (s *speaker) extra(schedule *reception.Schedule) string {
	var parts []string
	for _, x := range schedule.Extra {
		switch {
		case !x.Until.After(s.c.now):
		case x.From.After(s.c.now):
			parts = append(parts, fmt.Sprintf(s.pick("从 %s 到 %s 临时延长", "extended from %s until %s"), clockText(x.From), clockText(x.Until)))
		default:
			parts = append(parts, fmt.Sprintf(s.pick("临时延长到 %s", "extended until %s"), clockText(x.Until)))
		}
	}
	return strings.Join(parts, s.pick("、", ", "))
}

// week order begins on Monday.
var mondayFirst = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}

// sameDays gathers the days that have the same openings, in order of the first of them.
func sameDays(schedule *reception.Schedule) [][]time.Weekday {
	var groups [][]time.Weekday
	for _, d := range mondayFirst {
		spans := schedule.Weekly[d]
		if len(spans) == 0 {
			continue
		}
		i := slices.IndexFunc(groups, func(g []time.Weekday) bool { return slices.Equal(schedule.Weekly[g[0]], spans) })
		if i < 0 {
			groups = append(groups, []time.Weekday{d})
			continue
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}

// days says days of the week, three or more in a row as a range.
func (s *speaker) days(days []time.Weekday) string {
	if len(days) == 7 {
		return s.pick("每天", "every day")
	}
	title := func(d time.Weekday) string { return s.pick(dayTitles[d][0], dayTitles[d][1]) }
	var parts []string
	for i := 0; i < len(days); {
		end := i
		for end+1 < len(days) && (days[end]+1)%7 == days[end+1] {
			end++
		}
		if end-i >= 2 {
			parts = append(parts, title(days[i])+s.pick("至", "–")+title(days[end]))
		} else {
			for _, d := range days[i : end+1] {
				parts = append(parts, title(d))
			}
		}
		i = end + 1
	}
	return strings.Join(parts, s.pick("、", ", "))
}

func (s *speaker) spans(spans []reception.Span) string {
	var parts []string
	for _, span := range spans {
		to := clockOf(span.To)
		if span.To > day {
			to = s.pick("次日 ", "next day ") + clockOf(span.To-day)
		}
		parts = append(parts, clockOf(span.From)+"–"+to)
	}
	return strings.Join(parts, s.pick("、", ", "))
}

func clockOf(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

func (s *speaker) dates(schedule *reception.Schedule) string {
	today := s.c.now.In(schedule.Location).Format(dateISO)
	var parts []string
	more := 0
	for _, d := range sortedDates(schedule) {
		text := fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
		switch {
		case text < today:
			continue
		case len(parts) == maxDates:
			more++
			continue
		case len(schedule.Dates[d]) == 0:
			text += s.pick(" 休息", " off")
		default:
			text += " " + s.spans(schedule.Dates[d])
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, s.pick("、", ", "))
	if more > 0 {
		text += s.pick(fmt.Sprintf(" 等 %d 天", more+maxDates), fmt.Sprintf(" and %d more days", more))
	}
	return text
}
