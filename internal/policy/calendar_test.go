package policy_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

const office = `
{kind: schedule, name: office, spec: {zone: Asia/Shanghai, calendar: cn-public, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}
---
{kind: account, name: a, spec: {agent: true, windows: [office]}}
`

func officeOf(t *testing.T, more string) *reception.Schedule {
	t.Helper()
	return setOf(t, office+more).Compile().Accounts["a"].Windows[0]
}

var shanghai = time.FixedZone("", 8*3600)

// TestTheYearsOfThePublicCalendarAreWhole counts what the State Council's notices say: so many days off and made up for in each year. A year that is
// here never changes: what was decided by it could not be told again.
func TestTheYearsOfThePublicCalendarAreWhole(t *testing.T) {
	calendar, ok := policy.Empty().Calendar(policy.PublicCalendar)
	if !ok {
		t.Fatal("there is no public calendar")
	}
	for year, want := range map[string][2]int{"2024": {28, 8}, "2025": {28, 5}, "2026": {33, 6}} {
		y := calendar.Years[year]
		count := func(days []policy.CalendarDay) (n int) {
			for _, d := range days {
				n += len(d.Days)
			}
			return n
		}
		if got := [2]int{count(y.Off), count(y.Work)}; got != want || !strings.HasPrefix(y.Source, "https://www.gov.cn/") {
			t.Errorf("%s has %v days off and at work, want %v; source %q", year, got, want, y.Source)
		}
		for _, d := range y.Work {
			for _, date := range d.Days {
				if at, err := time.Parse("2006-01-02", date); err != nil || at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
					t.Errorf("%s is no weekend to be made up on", date)
				}
			}
		}
	}
}

func TestAWholeYearOfTheOfficeIsOpenAsTheNoticeSays(t *testing.T) {
	s := officeOf(t, "")
	off := strings.Fields(`2026-01-01 2026-01-02 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-02-23 2026-04-06 2026-05-01 2026-05-04
		2026-05-05 2026-06-19 2026-09-25 2026-10-01 2026-10-02 2026-10-05 2026-10-06 2026-10-07`)
	work := strings.Fields("2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10")
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai); at.Year() == 2026; at = at.Add(time.Minute) {
		date, weekend := at.Format("2006-01-02"), at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
		want := (!weekend && !slices.Contains(off, date) || slices.Contains(work, date)) && at.Hour() >= 9 && at.Hour() < 18
		if s.Open(at) != want {
			t.Fatalf("open at %v is %v", at, !want)
		}
	}
	if next, ok := s.Next(time.Date(2026, 2, 14, 18, 0, 0, 0, shanghai)); !ok || !next.Equal(time.Date(2026, 2, 24, 9, 0, 0, 0, shanghai)) {
		t.Errorf("after the last workday before the Spring Festival it opens at %v", next)
	}
}

func TestACompanysOwnYearTakesThePlaceOfTheProgramsAndTheOthersStay(t *testing.T) {
	own := `
---
{kind: calendar, name: cn-public, spec: {years: {2026: {off: [{name: 店庆, days: [2026-03-11]}]}, 2027: {work: [{days: [2027-01-03]}]}}}}
`
	set := setOf(t, office+own)
	if c, _ := set.Calendar(policy.PublicCalendar); c.Title != "中国法定节假日与调休" || len(c.Years) != 4 || len(c.Years["2025"].Off) == 0 {
		t.Errorf("the calendar is %+v", c)
	}
	s := officeOf(t, own)
	for date, want := range map[time.Time]bool{
		time.Date(2026, 3, 11, 10, 0, 0, 0, shanghai): false, time.Date(2026, 10, 1, 10, 0, 0, 0, shanghai): true,
		time.Date(2025, 10, 1, 10, 0, 0, 0, shanghai): false, time.Date(2027, 1, 3, 10, 0, 0, 0, shanghai): true,
	} {
		if s.Open(date) != want {
			t.Errorf("open at %v is %v", date, !want)
		}
	}
	// Without the document the program's own word counts again; one that is not the program's cannot go while a schedule follows it.
	next, _, err := set.Apply(2, []policy.Edit{{Kind: policy.KindCalendar, Name: policy.PublicCalendar}})
	if err != nil || next.Compile().Accounts["a"].Windows[0].Open(time.Date(2026, 10, 1, 10, 0, 0, 0, shanghai)) {
		t.Errorf("deleted: %v", err)
	}
	other := setOf(t, strings.ReplaceAll(office+own, "cn-public", "cn-own"))
	if _, _, err := other.Apply(2, []policy.Edit{{Kind: policy.KindCalendar, Name: "cn-own"}}); err == nil {
		t.Error("a calendar that a schedule follows was deleted")
	}
}

func TestAMakeUpWorkdayIsLikeMondayUnlessTheScheduleSaysOtherwise(t *testing.T) {
	for makeUp, opens := range map[string]int{"": 9, ", make_up: mon": 9, ", make_up: fri": 13} {
		set := setOf(t, `
{kind: schedule, name: s, spec: {zone: Asia/Shanghai, calendar: cn-public`+makeUp+`, weekly: [{days: [mon], from: "09:00", to: "18:00"}, {days: [fri], from: "13:00", to: "15:00"}]}}
---
{kind: account, name: a, spec: {windows: [s]}}
`)
		next, _ := set.Compile().Accounts["a"].Windows[0].Next(time.Date(2026, 10, 10, 0, 0, 0, 0, shanghai))
		if next.Hour() != opens || next.Day() != 10 {
			t.Errorf("%q opens at %v", makeUp, next)
		}
	}
}

func TestExtensionsOpenWhatTheyBelongToAndEndByThemselves(t *testing.T) {
	p := setOf(t, `
{kind: schedule, name: day, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}
---
kind: account
name: a
spec:
  agent: true
  windows: [day]
  extensions:
    - {from: 2026-11-26T20:00:00+08:00, until: 2026-11-26T21:00:00+08:00}
    - {until: 2026-11-26T18:30:00+08:00, reason: 顶班}
    - {from: 2026-11-26T18:10:00+08:00, until: 2026-11-26T19:00:00+08:00}
---
{kind: account, name: b, spec: {agent: true}}
---
{kind: team, name: t, spec: {members: [b], windows: [day], extensions: [{until: 2026-11-26T19:00:00+08:00}]}}
---
{kind: team, name: free, spec: {members: [a], extensions: [{until: 2026-11-26T19:00:00+08:00}]}}
---
{kind: inbox, name: web, spec: {members: {teams: [t, free]}, hours: day, extensions: [{until: 2026-11-26T20:00:00+08:00}]}}
---
{kind: inbox, name: always, spec: {members: {teams: [t]}, extensions: [{until: 2026-11-26T20:00:00+08:00}]}}
---
{kind: inbox, name: short, spec: {hours: day}}
`).Compile()
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 26, hour, minute, 0, 0, shanghai) }
	want := []reception.Interval{{Until: at(19, 0)}, {From: at(20, 0), Until: at(21, 0)}}
	if got := p.Accounts["a"].Extension.Extra; len(got) != 2 || !got[0].From.IsZero() || !got[0].Until.Equal(want[0].Until) || !got[1].From.Equal(want[1].From) || !got[1].Until.Equal(want[1].Until) {
		t.Errorf("extended %v, want %v", got, want)
	}
	web := p.Inboxes["web"]
	if web.Hours.Name != "day" || !web.Hours.Open(at(19, 59)) || web.Hours.Open(at(20, 0)) || p.Inboxes["short"].Hours.Open(at(19, 0)) {
		t.Error("the inbox's hours are not extended, or those of others are")
	}
	if p.Inboxes["always"].Hours != nil || len(web.Member("a").Teams[0].Windows) != 0 || p.Accounts["b"].Extension != nil {
		t.Error("what is always open was closed by its extension")
	}
	if team := web.Member("b").Teams[0].Windows; len(team) != 2 || !team[1].Open(at(18, 59)) || team[1].Open(at(19, 0)) {
		t.Errorf("the team's windows are %v", team)
	}
}

func TestWarningsNameWhatIsProbablyNotMeant(t *testing.T) {
	set := setOf(t, `
{kind: calendar, name: de, spec: {years: {2026: {}}}}
---
{kind: schedule, name: office, spec: {zone: Asia/Shanghai, calendar: cn-public, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}]}}
---
{kind: schedule, name: berlin, spec: {zone: Europe/Berlin, calendar: de}}
---
{kind: schedule, name: morning, spec: {zone: Asia/Shanghai, calendar: cn-public, weekly: [{days: [mon], from: "09:00", to: "12:00"}]}}
---
{kind: schedule, name: holidays, spec: {zone: Asia/Shanghai, weekly: [{days: [mon], from: "09:00", to: "12:00"}]}}
---
{kind: schedule, name: late, spec: {zone: Asia/Shanghai, weekly: [{days: [mon], from: "12:00", to: "19:00"}]}}
---
{kind: schedule, name: never, spec: {zone: Asia/Shanghai}}
---
{kind: account, name: a, spec: {agent: true, windows: [morning, office, never]}}
---
{kind: account, name: b, spec: {agent: true, windows: [office, holidays, late]}}
---
{kind: account, name: c, spec: {agent: true, windows: [morning], extensions: [{until: 2026-11-26T00:00:00Z}, {until: 2026-11-26T00:00:00.000001Z}]}}
---
{kind: team, name: t, spec: {members: [a], windows: [berlin], extensions: [{until: 2026-12-01T00:00:00Z}]}}
---
{kind: team, name: u, spec: {members: [a], extensions: [{until: 2026-12-01T00:00:00Z}]}}
---
{kind: inbox, name: web, spec: {extensions: [{until: 2026-12-01T00:00:00Z}]}}
`)
	warnings := func(now time.Time) policy.Problems {
		list := set.Warnings(now)
		for _, r := range policy.DeadRules(set, policy.DeadQuestion{Now: now}) {
			if r.Why != policy.WhyUnused {
				list = append(list, r.Problem)
			}
		}
		return list
	}
	compareProblems(t, warnings(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)), []string{
		`0 /spec/calendar: calendar "de" does not have 2027`,
		`0 /spec/calendar: calendar "cn-public" does not have 2027`,
		`0 /spec/calendar: calendar "cn-public" does not have 2027`,
		`0 /spec/windows/0: schedule "morning" gives nothing: whenever it is open within 399 days, so is one of office, never`,
		`0 /spec/windows/2: schedule "never" does not open within 399 days`,
		`0 /spec/windows/1: schedule "holidays" gives nothing`, // as long as no holiday of 2027 is known
		`0 /spec/extensions/0: this extension is over`,
		`0 /spec/windows/0: schedule "berlin" does not open within 399 days`,
		`0 /spec/extensions: a team without windows is always open`,
		`0 /spec/extensions: an inbox without hours is always open`,
	})
	if got := warnings(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)); len(got) != 5 {
		t.Errorf("in June, before any year ends and with a Monday off ahead: %v", got)
	}
}

// TestThePublicCalendarIsPlainData keeps the file readable for people who are to check it against the notices: days of a month and year in order.
func TestThePublicCalendarIsPlainData(t *testing.T) {
	text, err := os.ReadFile("calendars/cn-public.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Spec struct {
			Years map[int]struct {
				Off []struct{ Days []string }
			}
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Spec.Years) < 3 {
		t.Fatal(err, doc)
	}
	for year, y := range doc.Spec.Years {
		var days []string
		for _, holiday := range y.Off {
			days = append(days, holiday.Days...)
		}
		if !slices.IsSorted(days) {
			t.Errorf("the days off of %d are not in order: %v", year, days)
		}
	}
}
