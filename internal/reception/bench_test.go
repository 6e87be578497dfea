package reception

import (
	"fmt"
	"testing"
	"time"
)

// staff is a company of n agents in one inbox as it is on a working day: most can receive, the others are stopped by this and that.
func staff(n int) *company {
	c := newCompany()
	early, late, team := weekdays(6, 14), weekdays(14, 22), weekdays(8, 20)
	in := c.inbox("web")
	in.Members = nil
	for i := range n {
		name := fmt.Sprintf("agent-%04d", i)
		a, f := receiver(name), ready(name)
		f.Live, f.Shares = i%7, []Share{{"web", i % 5, int64(n - i)}}
		a.Total, in.Capacity = 6, 5
		switch i % 5 {
		case 0:
			a.Windows = []*Schedule{early}
		case 1:
			a.Windows = []*Schedule{late}
		case 2:
			f.Presence.Value = Away
		}
		c.p.Accounts[name], c.w.agents[name] = a, f
		in.Members = append(in.Members, Member{Account: name, Direct: i%3 == 0, Teams: []Team{{Name: "t", Windows: []*Schedule{team}}}})
	}
	return c
}

var sink int

// least is the shortest of some runs: other work on the machine makes a run longer, never shorter.
func least(runs int, f func()) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range runs {
		began := time.Now()
		f()
		best = min(best, time.Since(began))
	}
	return best
}

// compare reports how many times the reference of the same run an operation takes.
func compare(b *testing.B, reference time.Duration, unit string) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(reference.Nanoseconds()), unit)
}

// benchmarkDecide is the explaining pass: every gate of every candidate. Its reference is what no pass can do without, looking up each member's facts.
func benchmarkDecide(b *testing.B, n int) {
	c := staff(n)
	c.p.Index()
	lookups := least(20, func() {
		for i := range c.inbox("web").Members {
			sink += c.w.Agent(c.inbox("web").Members[i].Account).Live
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		d := Decide(c.p, c.w, customer(), noon)
		sink += len(d.Chosen)
		d.Free() // as the ledger does
	}
	compare(b, lookups, "x-lookups")
}

func BenchmarkDecide12Agents(b *testing.B)   { benchmarkDecide(b, 12) }
func BenchmarkDecide200Agents(b *testing.B)  { benchmarkDecide(b, 200) }
func BenchmarkDecide1000Agents(b *testing.B) { benchmarkDecide(b, 1000) }

func BenchmarkDecideForTheOwner(b *testing.B) {
	c := staff(12)
	for b.Loop() {
		d := Decide(c.p, c.w, ownedBy("agent-0003"), noon)
		sink += len(d.Chosen)
	}
}

func BenchmarkExplain(b *testing.B) {
	c := staff(12)
	for b.Loop() {
		v := Explain(c.p, c.w, "web", "customer", "agent-0003", noon)
		sink += int(v[0].Outcome)
	}
}

func BenchmarkEncodeOutcomes200Agents(b *testing.B) {
	c := staff(200)
	d := Decide(c.p, c.w, customer(), noon)
	b.ReportAllocs()
	for b.Loop() {
		sink += len(EncodeOutcomes(&d))
	}
}

func BenchmarkDecodeOutcomes200Agents(b *testing.B) {
	c := staff(200)
	d := Decide(c.p, c.w, customer(), noon)
	encoded := EncodeOutcomes(&d)
	b.ReportAllocs()
	for b.Loop() {
		_, candidates, _ := DecodeOutcomes(encoded)
		sink += len(candidates)
	}
}

func BenchmarkSummary200Agents(b *testing.B) {
	c := staff(200)
	c.inbox("web").Switch.State = Off
	d := Decide(c.p, c.w, customer(), noon)
	b.ReportAllocs()
	for b.Loop() {
		sink += len(d.Summary("zh", nil))
	}
}

func BenchmarkScheduleNextOverTheWeekend(b *testing.B) {
	s := weekdays(9, 18)
	saturday := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		t, _ := s.Next(saturday)
		sink += t.Day()
	}
}
