package policy

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// CalendarSpec says year by year which dates are days off and which are make-up workdays (日历).
type CalendarSpec struct {
	Title string                  `json:"title,omitempty"`
	Years map[string]CalendarYear `json:"years,omitempty"` // by the four digits of the year; those not listed are not announced
}

// CalendarYear is one year as it was announced. Source is where.
type CalendarYear struct {
	Source string        `json:"source,omitempty"`
	Off    []CalendarDay `json:"off,omitempty"`
	Work   []CalendarDay `json:"work,omitempty"`
}

// CalendarDay is the dates that belong to one holiday: those off, or those worked for it.
type CalendarDay struct {
	Name string   `json:"name,omitempty"`
	Days []string `json:"days"`
}

func (d *decoder) calendar(n *node) CalendarSpec {
	var s CalendarSpec
	d.object(n, field{"title", d.text(&s.Title)}, field{"years", func(n *node) {
		d.mapping(n, "a group of years", "按年份列出的安排", shape{Pattern: "^[2-9][0-9]{3}$"}, d.keyIsYear, func(k key) {
			if s.Years == nil {
				s.Years = map[string]CalendarYear{}
			}
			s.Years[k.name] = d.calendarYear(k.value, k.name)
		})
	}})
	return s
}

func (d *decoder) keyIsYear(k key) bool {
	year, err := strconv.Atoi(k.name)
	if err == nil && len(k.name) == 4 && year >= 2000 && year <= 9998 {
		return true
	}
	d.problemAt(k.line, fmt.Sprintf("%s is not a year like 2026", quoted(k.name)), fmt.Sprintf("%s 不是年份，例如 2026", quoted(k.name)))
	return false
}

func (d *decoder) calendarYear(n *node, year string) CalendarYear {
	var y CalendarYear
	seen := map[string]bool{}
	d.object(n, field{"source", d.text(&y.Source)}, field{"off", d.calendarDays(&y.Off, year, seen)}, field{"work", d.calendarDays(&y.Work, year, seen)})
	return y
}

// calendarDays reads the dates of holidays. All of them lie in the year, and none is there twice, off and work taken together.
func (d *decoder) calendarDays(dst *[]CalendarDay, year string, seen map[string]bool) func(*node) {
	return func(n *node) {
		d.list(n, func(_ int, item *node) {
			var day CalendarDay
			if !d.object(item, field{"name", d.text(&day.Name)}, field{"days", func(n *node) {
				d.list(n, func(_ int, item *node) {
					var date string
					if d.date(&date)(item); date == "" {
						return
					}
					switch {
					case date[:4] != year:
						d.problem(item, fmt.Sprintf("%s is not in %s", date, year), fmt.Sprintf("%s 不在 %s 年", date, year))
					case seen[date]:
						d.problem(item, date+" is in this year twice", date+" 在这一年里重复")
					default:
						seen[date] = true
						day.Days = append(day.Days, date)
					}
				})
			}}) {
				return
			}
			if d.missing(item, "days"); len(day.Days) > 0 {
				*dst = append(*dst, day)
			}
		})
	}
}

// PublicCalendar is the name of the calendar that belongs to the program: China's public holidays and make-up workdays.
const PublicCalendar = "cn-public"

//go:embed calendars/cn-public.yaml
var publicCalendar []byte

// builtinCalendars belong to the program, which knows the years that were announced when it was built. A document of the same name is the company's
// own word on the years that it lists; the others stay.
var builtinCalendars = sync.OnceValue(func() map[string]CalendarSpec {
	docs, err := ParseYAML(publicCalendar)
	if err != nil || len(docs) != 1 {
		panic("policy: the program's own calendar is at fault: " + fmt.Sprint(err))
	}
	e, _ := read(docs[0], &problemList{})
	return map[string]CalendarSpec{docs[0].Name: e.spec.(CalendarSpec)} // decoded by kind
})

// CalendarDataVersion names the program's own calendar for the journal, by the last year that it has: with another one an old instant, if its year was
// not announced then, may be another kind of day.
func CalendarDataVersion() string {
	return PublicCalendar + "-" + slices.Max(slices.Collect(maps.Keys(builtinCalendars()[PublicCalendar].Years)))
}

// Calendar finds a calendar by name. Of the program's own, the years that a document of that name lists take the place of those that the program knows.
func (s *Set) Calendar(name string) (CalendarSpec, bool) {
	builtin, known := builtinCalendars()[name]
	spec, own := get[CalendarSpec](s, KindCalendar, name)
	switch {
	case !known:
		return spec, own
	case !own:
		return builtin, true
	}
	years := maps.Clone(builtin.Years)
	maps.Copy(years, spec.Years)
	if spec.Title == "" {
		spec.Title = builtin.Title
	}
	spec.Years = years
	return spec, true
}

// calendar makes the engine's form of a calendar, once for all schedules that follow it.
func (c *compiler) calendar(name string) *reception.Calendar {
	if name == "" {
		return nil
	}
	if made, ok := c.calendars[name]; ok {
		return made
	}
	spec, _ := c.set.Calendar(name)
	made := &reception.Calendar{Name: name, Days: map[reception.Date]reception.CalendarDay{}, Years: map[int]bool{}}
	for year, y := range spec.Years {
		n, _ := strconv.Atoi(year) // validated
		made.Years[n] = true
		put := func(days []CalendarDay, kind reception.DayType) {
			for _, x := range days {
				for _, date := range x.Days {
					made.Days[dateOf(date)] = reception.CalendarDay{Type: kind, Name: x.Name}
				}
			}
		}
		put(y.Off, reception.Holiday)
		put(y.Work, reception.MakeUpWorkday)
	}
	c.calendars[name] = made
	return made
}

// dateOf is a date that was validated.
func dateOf(text string) reception.Date {
	t, _ := time.Parse(dateISO, text)
	return reception.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}
}

// makeUpDay is the day of the week whose openings a make-up workday has: Monday's, unless the schedule names another.
func (s *ScheduleSpec) makeUpDay() time.Weekday {
	if i := slices.Index(weekdays, s.MakeUp); i >= 0 {
		return time.Weekday(i)
	}
	return time.Monday
}
