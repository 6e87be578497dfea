package reception

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var long = flag.Bool("long", false, "coverage: 2,000 organisations, minute by minute")

// coverageStarts are the beginnings of weeks in which something happens: daylight saving begins and ends in Berlin and New York, overrides and switches
// end, and days are off and made up for.
var coverageStarts = []time.Time{
	time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 28, 17, 20, 30, 0, time.UTC), time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 6, 12, 0, 0, 1000, time.UTC), time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC),
}

var organisations = rapid.Custom(func(t *rapid.T) *Policy {
	p := drawPolicy(t)
	for _, in := range p.Inboxes {
		in.Kinds = []string{"customer", "vip", "internal"}
		if len(in.Members) == 0 {
			in.Members = []Member{{Account: "a", Direct: true}}
		}
	}
	return p
})

// bruteCover asks every gate of every member at one instant.
func bruteCover(p *Policy, inbox, kind string, at time.Time) (open bool, agents []string) {
	in := p.Inboxes[inbox]
	open = in.Hours == nil || bruteOpen(in.Hours, at)
	agents = []string{}
	for _, m := range in.Members {
		v := Explain(p, Attended(), inbox, kind, m.Account, at)
		if v.First() == GateCount {
			agents = append(agents, m.Account)
		}
	}
	return open, agents
}

// at finds the span of an instant.
func (c *CoverageCell) at(t testing.TB, instant time.Time) CoverageSpan {
	us := instant.UnixMicro()
	i := slices.IndexFunc(c.Spans, func(s CoverageSpan) bool { return s.From <= us && us < s.Until })
	if i < 0 {
		t.Fatalf("%s %s: no span holds %v", c.Inbox, c.Kind, instant)
	}
	return c.Spans[i]
}

func compareCover(t testing.TB, p *Policy, c *CoverageCell, at time.Time) {
	open, agents := bruteCover(p, c.Inbox, c.Kind, at)
	s := c.at(t, at)
	if got := c.Agents(s); s.Open != open || s.Count != len(agents) || !slices.Equal(got, agents) {
		t.Fatalf("%s %s at %v: open %v with %d: %v; want %v, %v", c.Inbox, c.Kind, at, s.Open, s.Count, got, open, agents)
	}
	if s.Gap() != (open && len(agents) == 0) || s.Single() != (open && len(agents) == 1) {
		t.Fatalf("%s %s at %v: gap %v, single %v", c.Inbox, c.Kind, at, s.Gap(), s.Single())
	}
}

// checkSpans checks that the spans fill the time, and that neighbours differ.
func checkSpans(t testing.TB, c *CoverageCell, from, until time.Time) {
	at := from.UnixMicro()
	for i, s := range c.Spans {
		if s.From != at || s.Until <= s.From {
			t.Fatalf("%s %s: span %d is from %d to %d, the last one ended at %d", c.Inbox, c.Kind, i, s.From, s.Until, at)
		}
		if i > 0 && s.Open == c.Spans[i-1].Open && slices.Equal(c.Agents(s), c.Agents(c.Spans[i-1])) {
			t.Fatalf("%s %s: spans %d and %d are the same", c.Inbox, c.Kind, i-1, i)
		}
		at = s.Until
	}
	if at != until.UnixMicro() {
		t.Fatalf("%s %s ends at %d", c.Inbox, c.Kind, at)
	}
}

func TestCoverageIsWhatAskingAtEveryInstantWouldSay(t *testing.T) {
	count, minutes := 50, 200
	if *long {
		count = 2000
	}
	moments, gaps, singles, changes := 0, 0, 0, 0
	for seed := range count {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		p := organisations.Example(seed)
		from := coverageStarts[seed%len(coverageStarts)]
		until := from.Add(7 * 24 * time.Hour)
		cover := Cover(p, from, until, nil)
		if len(cover.Cells) != 6 {
			t.Fatalf("%d cells", len(cover.Cells))
		}
		for i := range cover.Cells {
			c := &cover.Cells[i]
			checkSpans(t, c, from, until)
			changes += len(c.Spans)
			for _, s := range c.Spans {
				for _, at := range []time.Time{time.UnixMicro(s.From).Add(-time.Minute), time.UnixMicro(s.From).Add(-time.Microsecond), time.UnixMicro(s.From), time.UnixMicro(s.From).Add(time.Minute)} {
					if !at.Before(from) && at.Before(until) {
						compareCover(t, p, c, at)
						moments++
					}
				}
				if s.Gap() {
					gaps++
				}
				if s.Single() {
					singles++
				}
			}
			if *long {
				for at := from; at.Before(until); at = at.Add(time.Minute) {
					compareCover(t, p, c, at)
					moments++
				}
				continue
			}
			for range minutes {
				compareCover(t, p, c, from.Add(time.Duration(r.Int64N(7*24*60))*time.Minute))
				moments++
			}
		}
	}
	t.Logf("%d organisations, %d spans, %d moments; %d gaps, %d on one person", count, changes, moments, gaps, singles)
	if gaps == 0 || singles == 0 {
		t.Error("the organisations have no gap, or nothing hangs on one person: they try nothing")
	}
}

func TestNinetyDaysOfCoverageAgreeToo(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for seed := range 10 {
		p := organisations.Example(1000 + seed)
		from := coverageStarts[0]
		until := from.AddDate(0, 0, 90)
		cover := Cover(p, from, until, func(inbox, kind string) bool { return kind != "vip" })
		for i := range cover.Cells {
			c := &cover.Cells[i]
			if c.Kind == "vip" {
				t.Fatal("a kind that nobody asked for")
			}
			checkSpans(t, c, from, until)
			for range 200 {
				compareCover(t, p, c, from.Add(time.Duration(r.Int64N(90*24*60))*time.Minute))
			}
		}
	}
}

func TestCoverageOfNoTimeIsEmpty(t *testing.T) {
	c := newCompany()
	for _, until := range []time.Time{noon, noon.Add(-time.Hour)} {
		if cover := Cover(c.p, noon, until, nil); len(cover.Cells) != 0 {
			t.Errorf("%d cells", len(cover.Cells))
		}
	}
	c.inbox("web").Members = nil
	cover := Cover(c.p, noon, noon.Add(time.Hour), func(inbox, kind string) bool { return inbox == "web" && kind == "group" })
	if len(cover.Cells) != 1 || len(cover.Cells[0].Spans) != 1 || !cover.Cells[0].Spans[0].Gap() {
		t.Errorf("an inbox without members is covered: %+v", cover)
	}
}

// largeCompany has n agents in all of its inboxes, on 30 schedules, with rights that differ by kind; some of them end within the week.
func largeCompany(agents, inboxes, kinds int) *Policy {
	p := &Policy{Accounts: map[string]*Account{}, Inboxes: map[string]*Inbox{}}
	var shifts []*Schedule
	for i := range 30 {
		s := weekdays(i%16, i%16+8)
		s.Weekly[time.Saturday] = []Span{{i * 20, i*20 + 600}}
		shifts = append(shifts, s)
	}
	names := make([]string, kinds)
	for k := range names {
		names[k] = fmt.Sprintf("kind%02d", k)
	}
	var members []Member
	for i := range agents {
		a := receiver(fmt.Sprintf("agent-%04d", i))
		for k, kind := range names {
			r := granted()
			if (i+k)%11 == 0 {
				r = Right{}
			}
			if (i*kinds+k)%997 == 0 {
				r.Deny = Override{Set: true, Until: noon.Add(time.Duration(i) * time.Minute)}
			}
			a.Rights["receive."+kind] = r
		}
		if i%3 > 0 {
			a.Windows = []*Schedule{shifts[i%30], shifts[(i*7)%30]}
		}
		p.Accounts[a.Name] = a
		members = append(members, Member{Account: a.Name, Direct: i%2 == 0, Teams: []Team{{Name: "t", Windows: []*Schedule{shifts[i%5]}}}})
	}
	for i := range inboxes {
		name := fmt.Sprintf("inbox-%02d", i)
		p.Inboxes[name] = &Inbox{Name: name, Mode: Live, Kinds: names, Members: members, Hours: shifts[i%30]}
		if i%2 == 0 {
			p.Inboxes[name].Hours = nil
		}
	}
	p.Index()
	return p
}

// benchmarkCover has as its reference asking everybody about everything at a single instant.
func benchmarkCover(b *testing.B, days int) {
	p := largeCompany(1000, 20, 20)
	asking := least(3, func() {
		for name, in := range p.Inboxes {
			for _, kind := range in.Kinds {
				_, agents := bruteCover(p, name, kind, noon)
				sink += len(agents)
			}
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		cover := Cover(p, noon, noon.AddDate(0, 0, days), nil)
		sink += len(cover.Cells)
	}
	compare(b, asking, "x-asking-once")
}

// BenchmarkCoverAWeek is a week of 20 inboxes x 20 kinds x 1,000 agents, all of them in all inboxes. There is nothing to be kept in step after an edit:
// the whole is computed again.
func BenchmarkCoverAWeek(b *testing.B)      { benchmarkCover(b, 7) }
func BenchmarkCoverNinetyDays(b *testing.B) { benchmarkCover(b, 90) }
