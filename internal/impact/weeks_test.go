package impact

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// specialWeeks begin so that within seven days clocks go forward or back in one of the zones of shifts, or days are off and made up for in China.
var specialWeeks = []string{
	"2026-03-05T08:00:00Z", "2026-03-26T22:10:00Z", "2026-10-22T09:30:00Z", "2026-10-29T00:00:00Z", // New York, Berlin, Berlin, New York
	"2026-04-01T12:00:00Z", "2026-10-01T06:40:00Z", // Lord Howe Island, by half an hour; and 国庆节
	"2026-02-11T16:00:00Z", "2026-02-20T03:00:00Z", "2026-05-01T00:00:00Z", "2026-05-07T20:00:00Z", // 春节, 劳动节 and the workdays that make up for them
}

var zones = []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai"}

// shifts is a random company whose schedules have openings about the hours that clocks skip and repeat, dates that differ and China's calendar. All else
// lets everybody receive: who can is a matter of schedules alone.
func shifts(r *rand.Rand, week time.Time) string {
	var b strings.Builder
	b.WriteString("{kind: account, name: admin, spec: {roles: [admin]}}\n---\n{kind: role, name: agent, spec: {template: agent}}")
	clock := func(from, hours int) string { return fmt.Sprintf("%02d:%d0", from+r.IntN(hours), r.IntN(6)) }
	names := []string{"s0", "s1", "s2", "s3"}
	for i, name := range names {
		opening := pick(r, "from: '"+clock(0, 3)+"', to: '"+clock(3, 3)+"'", "from: '"+clock(21, 3)+"', to: '"+clock(1, 4)+"'", "from: '"+clock(8, 3)+"', to: '"+clock(15, 5)+"'")
		days := pick(r, "[mon, tue, wed, thu, fri]", "[sat, sun]", "[mon, wed, fri, sun]")
		date := week.AddDate(0, 0, r.IntN(8)).Format(time.DateOnly)
		fmt.Fprintf(&b, "\n---\n{kind: schedule, name: %s, spec: {zone: %s, weekly: [{days: %s, %s}]%s%s}}", name, zones[(i+r.IntN(2))%len(zones)], days, opening,
			pick(r, "", ", calendar: cn-public", ", calendar: cn-public, make_up: wed"),
			pick(r, "", ", exceptions: [{date: "+date+", off: true}]", ", exceptions: [{date: "+date+", from: '01:20', to: '03:10'}]"))
	}
	for _, a := range people {
		fmt.Fprintf(&b, "\n---\n{kind: account, name: %s, spec: {agent: true, roles: [agent], windows: [%s]}}", a, strings.Join(some(r, 1, names...), ", "))
	}
	for _, in := range []string{"web", "shop"} {
		hours := ""
		if r.IntN(2) == 0 {
			hours = ", hours: " + pick(r, names...)
		}
		fmt.Fprintf(&b, "\n---\n{kind: inbox, name: %s, spec: {kinds: [customer], members: {accounts: [%s]}%s}}", in, strings.Join(some(r, 1, people...), ", "), hours)
	}
	return b.String()
}

func compiled(t *testing.T, documents string) *reception.Policy {
	t.Helper()
	docs, err := policy.ParseYAML([]byte(documents))
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set.Compile()
}

// onTheWall says whether a schedule is open by what the clock on the wall shows: the date and the minute, and nothing that is computed ahead.
func onTheWall(s *reception.Schedule, at time.Time) bool {
	local := at.In(s.Location)
	minute := local.Hour()*60 + local.Minute()
	beginning := func(day time.Time) []reception.Span {
		date := reception.Date{Year: day.Year(), Month: day.Month(), Day: day.Day()}
		if own, ok := s.Dates[date]; ok {
			return own
		}
		if s.Calendar != nil {
			switch s.Calendar.Days[date].Type {
			case reception.Holiday:
				return nil
			case reception.MakeUpWorkday:
				return s.Weekly[s.MakeUp]
			}
		}
		return s.Weekly[day.Weekday()]
	}
	within := func(spans []reception.Span, minute int) bool {
		return slices.ContainsFunc(spans, func(x reception.Span) bool { return x.From <= minute && minute < x.To })
	}
	noon := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	return within(beginning(noon), minute) || within(beginning(noon.AddDate(0, 0, -1)), minute+24*60)
}

// presentByTheClock are the members of an inbox whose windows, and the inbox's hours, are open.
func presentByTheClock(p *reception.Policy, inbox string, at time.Time) (list []string) {
	in := p.Inboxes[inbox]
	if in.Hours != nil && !onTheWall(in.Hours, at) {
		return nil
	}
	for _, m := range in.Members {
		if slices.ContainsFunc(p.Accounts[m.Account].Windows, func(s *reception.Schedule) bool { return onTheWall(s, at) }) {
			list = append(list, m.Account)
		}
	}
	return list
}

// TestLossesInWeeksInWhichClocksAndDaysChange compares what the proof says with every ten minutes of such weeks, read off the clock on the wall.
func TestLossesInWeeksInWhichClocksAndDaysChange(t *testing.T) {
	found, without := 0, 0
	for seed := range uint64(20 * len(specialWeeks)) {
		week, err := time.Parse(time.RFC3339, specialWeeks[seed%uint64(len(specialWeeks))])
		if err != nil {
			t.Fatal(err)
		}
		r := random(seed)
		q := &Question{Before: compiled(t, shifts(r, week)), After: compiled(t, shifts(r, week)), Now: week}
		i := &Impact{}
		if err := i.prove(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		want := map[string]time.Time{}
		for inbox := range q.Before.Inboxes {
			for at := week; at.Before(week.Add(Ahead)); at = at.Add(10 * time.Minute) {
				if len(presentByTheClock(q.Before, inbox, at)) > 0 && len(presentByTheClock(q.After, inbox, at)) == 0 {
					want[inbox] = at
					break
				}
			}
		}
		for _, l := range i.Losses {
			if at, ok := want[l.Inbox]; !ok || !at.Equal(l.At) || !slices.Equal(l.Last, presentByTheClock(q.Before, l.Inbox, l.At)) {
				t.Errorf("seed %d, week of %s: %s is said to lose %v at %v; by the clock it is %v (%v)", seed, week, l.Inbox, l.Last, l.At, at, ok)
			}
		}
		if len(i.Losses) != len(want) {
			t.Errorf("seed %d, week of %s: %d losses, by the clock %v", seed, week, len(i.Losses), want)
		}
		found, without = found+len(want), without+2-len(want)
	}
	if found < 50 || without < 10 {
		t.Errorf("%d losses and %d inboxes without: this test shows little", found, without)
	}
}
