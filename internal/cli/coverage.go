package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/coverage"
	"github.com/bidahq/bida/internal/policy"
)

type policyCoverage struct {
	serverFlags
	File  string `short:"f" help:"Documents to look at instead of a server's; - is standard input." placeholder:"FILE"`
	From  string `help:"Beginning: 2026-11-27, 2026-11-27 09:00 or RFC 3339; now if not given." placeholder:"TIME"`
	To    string `help:"End; --days after the beginning if not given." placeholder:"TIME"`
	Days  int    `help:"How many days." default:"7"`
	Inbox string `help:"Only this inbox." placeholder:"NAME"`
	Kind  string `help:"Only this kind of messages." placeholder:"KIND"`
	JSON  bool   `help:"As JSON."`
}

// Run implements the command.
func (v *policyCoverage) Run(s *session) error {
	q, err := v.query(s, time.Now().In(s.zone))
	if err != nil {
		return err
	}
	var report *coverage.Overview
	if v.File != "" {
		report, err = v.ofFile(s, q)
	} else {
		report, err = v.ofServer(s, q)
	}
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.document(report)
	} else {
		s.coverage(report)
	}
	if err != nil {
		return err
	}
	if report.HasGaps() {
		return answered(statusNo)
	}
	return nil
}

func (v *policyCoverage) query(s *session, now time.Time) (coverage.Query, error) {
	q := coverage.Query{From: now, Inbox: v.Inbox, Kind: v.Kind, Zone: s.zone, Lang: s.lang}
	var err error
	if v.From != "" {
		if q.From, err = dayOrInstant("--from", v.From, now); err != nil {
			return q, err
		}
	}
	if v.Days < 1 || v.Days > coverage.MaxDays {
		return q, usage("--days: want 1 to %d, got %d", coverage.MaxDays, v.Days)
	}
	q.To = q.From.AddDate(0, 0, v.Days)
	if v.To != "" {
		q.To, err = dayOrInstant("--to", v.To, now)
	}
	return q, err
}

// dayOrInstant reads a date, which is its beginning, or an instant.
func dayOrInstant(flag, text string, now time.Time) (time.Time, error) {
	if t, err := time.ParseInLocation("2006-01-02", text, now.Location()); err == nil {
		return t, nil
	}
	return instant(flag, text, now)
}

func (v *policyCoverage) ofFile(s *session, q coverage.Query) (*coverage.Overview, error) {
	file := fileFlag{File: v.File}
	docs, err := file.documents(s)
	var set *policy.Set
	if err == nil {
		set, err = policy.NewSet(docs)
	}
	if err != nil {
		return nil, s.faulty(v.File, err, statusTrouble)
	}
	return coverage.Of(set, q)
}

func (v *policyCoverage) ofServer(s *session, q coverage.Query) (*coverage.Overview, error) {
	from, err := v.open(s)
	if err != nil {
		return nil, err
	}
	query := url.Values{"from": {q.From.Format(time.RFC3339Nano)}, "to": {q.To.Format(time.RFC3339Nano)}}
	for key, value := range map[string]string{"inbox": v.Inbox, "kind": v.Kind} {
		if value != "" {
			query.Set(key, value)
		}
	}
	report := &coverage.Overview{}
	_, err = from.call(s.ctx, client.Call{Method: http.MethodGet, Path: "/coverage", Query: query}, report)
	return report, err
}

// Bounds on what is printed: longer times have no picture, and not every span is listed.
const (
	pictureDays = 14
	listedSpans = 10
)

// coverage prints a picture of the days, and then what is open with nobody or on one agent only. Kinds of an inbox that look the same are one picture.
func (s *session) coverage(r *coverage.Overview) {
	from, to := time.Time(r.From).In(s.zone), time.Time(r.To).In(s.zone)
	s.print(s.pick("值守覆盖 %s 至 %s（%s）\n", "coverage from %s to %s (%s)\n"), s.minute(from), s.minute(to), zoneName(from))
	pictures := to.Sub(from) <= pictureDays*24*time.Hour
	if pictures {
		s.print("%s\n", s.pick("每格一小时的最少人数：- 不营业，! 无人值守，1 仅一人，+ 十人以上", "each place is an hour with the fewest agents in it: - closed, ! nobody, 1 one only, + ten or more"))
	}
	for i := 0; i < len(r.Cells); {
		text := s.cell(&r.Cells[i], from, to, pictures)
		kinds := []string{s.kindOf(&r.Cells[i])}
		next := i + 1
		for next < len(r.Cells) && r.Cells[next].Inbox == r.Cells[i].Inbox && s.cell(&r.Cells[next], from, to, pictures) == text {
			kinds = append(kinds, s.kindOf(&r.Cells[next]))
			next++
		}
		s.print("\n%s · %s\n%s", titled(r.Cells[i].InboxTitle, r.Cells[i].Inbox), strings.Join(kinds, s.pick("、", ", ")), text)
		i = next
	}
	if len(r.Warnings) > 0 {
		s.print("\n")
	}
	for _, w := range r.Warnings {
		s.print("! %s\n", w.Text)
	}
	if !r.HasGaps() {
		s.print("\n%s\n", s.pick("没有无人值守的时段", "no gap"))
	}
}

func titled(title, name string) string {
	switch {
	case title == "" || title == name:
		return name
	case name == "":
		return title
	}
	return title + " (" + name + ")"
}

func (s *session) kindOf(c *coverage.CoveredCell) string { return titled(c.KindTitle, c.Kind) }

func (s *session) minute(t time.Time) string { return t.Format("2006-01-02 15:04") }

// cell is the picture of a cell and the list of its gaps and single agents.
func (s *session) cell(c *coverage.CoveredCell, from, to time.Time, picture bool) string {
	var b strings.Builder
	if picture {
		b.WriteString("                0     6     12    18\n")
		year, month, day := from.Date()
		for date := time.Date(year, month, day, 0, 0, 0, 0, s.zone); date.Before(to); date = date.AddDate(0, 0, 1) {
			fmt.Fprintf(&b, "  %s %s %s\n", pad(policy.Day(date.Weekday(), s.lang == "zh"), 4), date.Format("01-02"), "   "+hours(c.Spans, date, from, to))
		}
	}
	s.list(&b, c, coverage.Gap, s.pick("无人值守", "nobody"))
	s.list(&b, c, coverage.Single, s.pick("仅一人", "one only"))
	return b.String()
}

// hours draws the 24 hours of a date as the clock on the wall shows them.
func hours(spans []coverage.Stretch, date, from, to time.Time) string {
	row := []byte(strings.Repeat(" ", 24))
	least := [24]int{}
	for _, x := range spans {
		begin, end := later(time.Time(x.From), from), time.Time(x.To)
		for at := later(begin, date); at.Before(end) && at.Before(to); {
			local := at.In(date.Location())
			if local.Day() != date.Day() || local.Month() != date.Month() {
				break
			}
			draw(row, &least, local.Hour(), x)
			at = at.Add(time.Hour - time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		}
	}
	return string(row)
}

// draw keeps the fewest agents of an hour; an hour that is closed in part shows the other part.
func draw(row []byte, least *[24]int, hour int, x coverage.Stretch) {
	switch {
	case x.State == coverage.Closed:
		if row[hour] == ' ' {
			row[hour] = '-'
		}
		return
	case row[hour] != ' ' && row[hour] != '-' && least[hour] <= x.Count:
		return
	}
	least[hour] = x.Count
	switch {
	case x.Count == 0:
		row[hour] = '!'
	case x.Count > 9:
		row[hour] = '+'
	default:
		row[hour] = byte('0' + x.Count)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// list writes the spans of a state.
func (s *session) list(b *strings.Builder, c *coverage.CoveredCell, state, title string) {
	n := 0
	for _, x := range c.Spans {
		if x.State != state {
			continue
		}
		if n++; n > listedSpans {
			continue
		}
		from, to := time.Time(x.From).In(s.zone), time.Time(x.To).In(s.zone)
		end := to.Format("15:04")
		if from.YearDay() != to.YearDay() || to.Sub(from) > 24*time.Hour {
			end = to.Format("01-02 15:04")
		}
		fmt.Fprintf(b, "  %s %s–%s", title, from.Format("01-02 15:04"), end)
		if len(x.Agents) > 0 {
			fmt.Fprintf(b, " %s", strings.Join(x.Agents, ", "))
		}
		b.WriteByte('\n')
	}
	if n > listedSpans {
		fmt.Fprintf(b, s.pick("  %s 另有 %d 处\n", "  %s %d more\n"), title, n-listedSpans)
	}
}

// zoneName is the zone of an instant by its name or, where the machine does not tell that, by what it is ahead of UTC.
func zoneName(at time.Time) string {
	if name := at.Location().String(); name != "Local" { // what Go calls the zone of a machine that has no TZ
		return name
	}
	return "UTC" + at.Format("-07:00")
}
