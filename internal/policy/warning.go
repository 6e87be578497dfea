package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// How far ahead warnings look: for years that are not announced yet, and for windows that never count.
const (
	announcedAhead = 90 * 24 * time.Hour
	coveredAhead   = 399 * 24 * time.Hour
)

// Warnings says what is valid, and yet probably not meant: schedules that follow a calendar into a year that it does not have. They come in the order of
// the documents. What has no effect is for DeadRules.
func (s *Set) Warnings(now time.Time) Problems {
	w := newWarner(s, now)
	for _, name := range s.names(KindSchedule) {
		w.calendar(name)
	}
	return w.list
}

func newWarner(s *Set, now time.Time) *warner {
	return &warner{set: s, now: now, schedules: newCompiler(s).schedules, openings: map[*reception.Schedule][]reception.Interval{}}
}

type warner struct {
	set       *Set
	now       time.Time
	schedules map[string]*reception.Schedule
	openings  map[*reception.Schedule][]reception.Interval
	list      Problems
}

func (w *warner) add(document, path, en, zh string) {
	w.list = append(w.list, Problem{Document: document, Path: path, Message: en, MessageZH: zh})
}

// UnannouncedYear is a year that a schedule's calendar does not have.
type UnannouncedYear struct {
	Schedule string
	Calendar string
	Year     int
}

// Unannounced lists the years in [from, until) that calendars do not have, by schedule: the days of these years are treated by their weekday.
func (s *Set) Unannounced(from, until time.Time) []UnannouncedYear {
	var list []UnannouncedYear
	for _, name := range s.names(KindSchedule) {
		spec, _ := s.Schedule(name)
		calendar, ok := s.Calendar(spec.Calendar)
		if !ok {
			continue
		}
		zone, _ := location(spec.Zone) // validated
		for year := from.In(zone).Year(); year <= until.In(zone).Year(); year++ {
			if _, announced := calendar.Years[strconv.Itoa(year)]; !announced {
				list = append(list, UnannouncedYear{name, spec.Calendar, year})
			}
		}
	}
	return list
}

func (w *warner) calendar(name string) {
	for _, x := range w.set.Unannounced(w.now, w.now.Add(announcedAhead)) {
		if x.Schedule == name {
			w.add(label(KindSchedule, name), "/spec/calendar",
				fmt.Sprintf("calendar %q does not have %d: the days of that year are treated by their weekday until it is announced and entered", x.Calendar, x.Year),
				fmt.Sprintf("日历“%s”还没有 %d 年的安排：公布并录入之前，该年的日期按星期几处理", x.Calendar, x.Year))
		}
	}
}

// windows names each window that never opens, or that is open only while another of the list is.
func (w *warner) windows(document string, names []string) {
	var useful []string
	for i, name := range names {
		own := w.openingsOf(name)
		var others []reception.Interval
		for _, other := range slices.Concat(useful, names[i+1:]) {
			others = append(others, w.openingsOf(other)...)
		}
		path := pointer("spec", "windows", strconv.Itoa(i))
		switch {
		case len(own) == 0:
			w.add(document, path, fmt.Sprintf("schedule %q does not open within 399 days", name), fmt.Sprintf("时间表“%s”在 399 天内都不开放", name))
		case len(names) > 1 && covers(others, own):
			rest := strings.Join(slices.Concat(useful, names[i+1:]), ", ")
			w.add(document, path, fmt.Sprintf("schedule %q gives nothing: whenever it is open within 399 days, so is one of %s", name, rest),
				fmt.Sprintf("时间表“%s”不起作用：399 天内它开放时 %s 也开放", name, rest))
		default:
			useful = append(useful, name)
		}
	}
}

func (w *warner) openingsOf(name string) []reception.Interval {
	s := w.schedules[name]
	list, ok := w.openings[s]
	if !ok {
		list = s.Openings(w.now, w.now.Add(coveredAhead))
		w.openings[s] = list
	}
	return list
}

// covers says whether every instant of own lies in one of the others, taken together. Own is in order.
func covers(others, own []reception.Interval) bool {
	joined := join(others)
	for _, x := range own {
		i, _ := slices.BinarySearchFunc(joined, x, func(a, b reception.Interval) int { return a.Until.Compare(b.Until) })
		if i == len(joined) || joined[i].From.After(x.From) {
			return false
		}
	}
	return true
}

func (w *warner) extensions(document string, list []Extension) {
	for i, x := range list {
		if !x.Until.After(w.now) {
			w.add(document, pointer("spec", "extensions", strconv.Itoa(i)), "this extension is over and can be taken out", "这条临时延长已经结束，可以删去")
		}
	}
}

func (w *warner) needless(document string, list []Extension, open bool, en, zh string) {
	if open && len(list) > 0 {
		w.add(document, pointer("spec", "extensions"), "this extends nothing: "+en, "不起作用："+zh)
	}
}
