package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must be known on every machine

	"github.com/bidahq/bida/internal/reception"
)

// ScheduleSpec is a set of weekly openings in a time zone, and dates that differ (时间表).
type ScheduleSpec struct {
	Title      string      `json:"title,omitempty"`
	Zone       string      `json:"zone"`
	Weekly     []Opening   `json:"weekly,omitempty"`
	Calendar   string      `json:"calendar,omitempty"` // whose days off have no openings, and whose make-up workdays those of MakeUp
	MakeUp     string      `json:"make_up,omitempty"`  // empty: Monday
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Opening is one opening on some days of the week. To at or before From runs into the next day; "24:00" is the end of the day.
type Opening struct {
	Days []string `json:"days"`
	From string   `json:"from"`
	To   string   `json:"to"`
}

// Exception replaces the weekly openings that begin on a date: by another opening (several exceptions may share a date), or by none.
type Exception struct {
	Date string `json:"date"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Off  bool   `json:"off,omitempty"`
}

// weekdays are the days as documents write them, indexed by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const (
	day     = 24 * 60 // minutes
	week    = 7 * day
	dateISO = "2006-01-02"
)

func (d *decoder) schedule(n *node) ScheduleSpec {
	var s ScheduleSpec
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"zone", d.zone(&s.Zone)},
		field{"weekly", d.weekly(&s.Weekly)},
		field{"calendar", d.name(&s.Calendar)},
		field{"make_up", d.oneOf(&s.MakeUp, weekdays...)},
		field{"exceptions", d.exceptions(&s.Exceptions)},
	) {
		return s
	}
	if makeUp := n.get("make_up"); makeUp != nil && n.get("calendar") == nil {
		d.in("make_up", makeUp.line, func() {
			d.problem(makeUp, "this needs calendar: without one there are no make-up workdays", "需要同时设置 calendar：没有日历就没有调休上班日")
		})
	}
	if s.makeUpDay() == time.Monday {
		s.MakeUp = "" // the default
	}
	d.needs(n, "zone", "a schedule needs a zone, such as Asia/Shanghai", "时间表需要时区(zone)，如 Asia/Shanghai")
	return s
}

func (d *decoder) zone(dst *string) func(*node) {
	return func(n *node) {
		if n.describe(shape{Type: "string", MaxLength: maxName}) {
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "the name of a time zone", "时区名称")
			return
		}
		if _, err := location(n.text); err != nil {
			d.problem(n, fmt.Sprintf("unknown time zone %s; use an IANA name such as Asia/Shanghai", quoted(n.text)),
				fmt.Sprintf("未知时区 %s；请用 IANA 名称，如 Asia/Shanghai", quoted(n.text)))
			return
		}
		*dst = n.text
	}
}

// locations caches zones that exist. There are only so many of them, so it does not grow without bound.
var locations sync.Map

// location finds a zone by its IANA name. Names that mean something else on every machine are not zones here.
func location(name string) (*time.Location, error) {
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location), nil // only locations are stored
	}
	switch {
	case name == "", name == "Local", name == "localtime", name == "posixrules", len(name) > maxName,
		strings.HasPrefix(name, "posix/"), strings.HasPrefix(name, "right/"), strings.ContainsAny(name, ". \\"):
		return nil, fmt.Errorf("no time zone %q", name)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	locations.Store(name, l)
	return l, nil
}

// span is an opening with the place where it is written, to name what overlaps.
type span struct {
	reception.Span
	path []string
	line int
	text string
}

func (d *decoder) weekly(dst *[]Opening) func(*node) {
	return func(n *node) {
		var spans []span // minutes of the week
		d.list(n, func(_ int, item *node) {
			var o Opening
			if !d.object(item, field{"days", d.days(&o.Days)}, field{"from", d.clock(&o.From, false)}, field{"to", d.clock(&o.To, true)}) {
				return
			}
			d.missing(item, "days", "from", "to")
			one, ok := d.span(item, o.From, o.To)
			if !ok || len(o.Days) == 0 {
				return
			}
			for _, name := range o.Days {
				start := slices.Index(weekdays, name) * day
				s := one
				s.From, s.To = start+one.From, start+one.To
				s.text = name + " " + one.text
				spans = append(spans, s)
			}
			*dst = append(*dst, o)
		})
		d.overlaps(spans, week)
	}
}

func (d *decoder) days(dst *[]string) func(*node) {
	read := d.set(dst, func(n *node, dst *string) bool { d.oneOf(dst, weekdays...)(n); return *dst != "" })
	return func(n *node) {
		read(n)
		n.refine(func(s *shape) { s.MinItems = 1 })
		if n.typ == listNode && len(n.items) == 0 {
			d.problem(n, "this names no day", "没有写明星期几")
		}
	}
}

func (d *decoder) missing(n *node, names ...string) {
	n.refine(func(s *shape) { s.Required = append(s.Required, names...) })
	for _, name := range names {
		if n.get(name) == nil {
			d.problem(n, fmt.Sprintf("%q is missing", name), fmt.Sprintf("缺少“%s”", name))
		}
	}
}

// clock reads a time of day, "09:00". The end of an opening may be "24:00".
func (d *decoder) clock(dst *string, end bool) func(*node) {
	return func(n *node) {
		switch {
		case n.describe(clockShape(end)):
		case n.typ != textNode:
			d.wrongType(n, `a time of day like "09:00"`, "时刻，如“09:00”")
		case minutes(n.text) < 0 || minutes(n.text) == day && !end:
			d.problem(n, fmt.Sprintf(`%s is not a time of day like "09:00"`, quoted(n.text)), fmt.Sprintf("%s 不是时刻，例如“09:00”", quoted(n.text)))
		default:
			*dst = n.text
		}
	}
}

// minutes are the minutes from midnight of a time of day, -1 if it is none.
func minutes(clock string) int {
	if len(clock) != 5 || clock[2] != ':' {
		return -1
	}
	h, errH := strconv.ParseUint(clock[:2], 10, 8)
	m, errM := strconv.ParseUint(clock[3:], 10, 8)
	if errH != nil || errM != nil || m > 59 || h*60+m > day {
		return -1
	}
	return int(h*60 + m)
}

// span makes the minutes of an opening that has both ends.
func (d *decoder) span(n *node, from, to string) (span, bool) {
	if from == "" || to == "" {
		return span{}, false
	}
	if from == to {
		d.problem(n, `an opening that ends when it begins is ambiguous; for a whole day write from: "00:00", to: "24:00"`, `起止时间相同，含义不明；全天请写 from: "00:00", to: "24:00"`)
		return span{}, false
	}
	return span{Span: makeSpan(from, to), path: slices.Clone(d.path), line: n.line, text: from + "–" + to}, true
}

func makeSpan(from, to string) reception.Span {
	s := reception.Span{From: minutes(from), To: minutes(to)}
	if s.To <= s.From {
		s.To += day
	}
	return s
}

// overlaps refuses spans that share a minute, on a circle of the given length (0: on a line).
func (d *decoder) overlaps(spans []span, circle int) {
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.From, b.From) })
	complain := func(a, b span) {
		if a.line > b.line {
			a, b = b, a
		}
		outer := d.path
		d.path = b.path
		d.problemAt(b.line, fmt.Sprintf("%s overlaps %s", b.text, a.text), fmt.Sprintf("%s 与 %s 重叠", b.text, a.text))
		d.path = outer
	}
	latest := -1 // of the spans so far, the one that ends last
	for i, s := range spans {
		if latest >= 0 && s.From < spans[latest].To {
			complain(spans[latest], s)
		}
		if latest < 0 || s.To > spans[latest].To {
			latest = i
		}
	}
	if circle > 0 && len(spans) > 1 && spans[latest].To-circle > spans[0].From {
		complain(spans[latest], spans[0])
	}
}

func (d *decoder) exceptions(dst *[]Exception) func(*node) {
	return func(n *node) {
		spans := map[string][]span{}
		off := map[string]bool{}
		d.list(n, func(_ int, item *node) {
			var x Exception
			if !d.object(item, field{"date", d.date(&x.Date)}, field{"from", d.clock(&x.From, false)}, field{"to", d.clock(&x.To, true)}, field{"off", d.flag(&x.Off)}) {
				return
			}
			if item.get("date") == nil {
				d.missing(item, "date")
				return
			}
			from, to := item.get("from"), item.get("to")
			switch {
			case x.Off && (from != nil || to != nil):
				d.problem(item, "a day that is off has no opening: leave out off, or from and to", "休息日不能再写时段：请删去 off，或删去 from 和 to")
			case !x.Off && from == nil && to == nil:
				d.problem(item, "an exception says off: true, or from and to", "例外日期要写 off: true，或写 from 和 to")
			case !x.Off && (from == nil || to == nil):
				d.missing(item, "from", "to")
			case x.Date == "":
			case off[x.Date], x.Off && len(spans[x.Date]) > 0:
				d.problem(item, x.Date+" is here twice, once as a day off", x.Date+" 重复，且其中一条是休息")
			case x.Off:
				off[x.Date] = true
				*dst = append(*dst, x)
			default:
				if s, ok := d.span(item, x.From, x.To); ok {
					s.text = x.Date + " " + s.text
					spans[x.Date] = append(spans[x.Date], s)
					*dst = append(*dst, x)
				}
			}
		})
		for _, x := range slices.Sorted(maps.Keys(spans)) {
			d.overlaps(spans[x], 0)
		}
	}
}

func (d *decoder) date(dst *string) func(*node) {
	return func(n *node) {
		if n.describe(dateShape) {
			return
		}
		if n.typ != textNode && n.typ != timeNode {
			d.wrongType(n, "a date like 2026-10-01", "日期，如 2026-10-01")
			return
		}
		t, err := time.Parse(dateISO, n.text)
		if err != nil || t.Year() < 2000 {
			d.problem(n, fmt.Sprintf("%s is not a date like 2026-10-01", quoted(n.text)), fmt.Sprintf("%s 不是日期，例如 2026-10-01", quoted(n.text)))
			return
		}
		*dst = n.text
	}
}

// schedule makes the engine's form of a schedule.
func (c *compiler) schedule(name string, spec ScheduleSpec) *reception.Schedule {
	s := &reception.Schedule{Name: name, Calendar: c.calendar(spec.Calendar)}
	if s.Calendar != nil {
		s.MakeUp = spec.makeUpDay()
	}
	s.Location, _ = location(spec.Zone) // validated
	for _, o := range spec.Weekly {
		for _, name := range o.Days {
			d := slices.Index(weekdays, name)
			s.Weekly[d] = append(s.Weekly[d], makeSpan(o.From, o.To))
		}
	}
	for d := range s.Weekly {
		sortSpans(s.Weekly[d])
	}
	for _, x := range spec.Exceptions {
		date := dateOf(x.Date)
		if s.Dates == nil {
			s.Dates = map[reception.Date][]reception.Span{}
		}
		if x.Off {
			s.Dates[date] = []reception.Span{}
			continue
		}
		s.Dates[date] = append(s.Dates[date], makeSpan(x.From, x.To))
		sortSpans(s.Dates[date])
	}
	return s
}

func sortSpans(spans []reception.Span) {
	slices.SortFunc(spans, func(a, b reception.Span) int { return cmp.Compare(a.From, b.From) })
}
