package coverage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// firm is a company of 20 inboxes with 20 kinds each, in all of which all of so many agents are, on 30 schedules; rights differ, and some end.
func firm(b *testing.B, agents int) *policy.Set {
	b.Helper()
	kinds := []string{"customer", "group"}
	for k := range 18 {
		kinds = append(kinds, fmt.Sprintf("kind%02d", k))
	}
	var docs strings.Builder
	grants := `"message.reply", receive`
	for _, k := range kinds {
		grants += ", receive." + k
	}
	fmt.Fprintf(&docs, "{kind: role, name: all, spec: {permissions: [%s]}}\n", grants)
	for i := range 30 {
		fmt.Fprintf(&docs, "---\n{kind: schedule, name: s%d, spec: {zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: '%02d:00', to: '%02d:00'}, {days: [sat], from: '%02d:%02d', to: '18:00'}]}}\n",
			i, i%16, i%16+8, i/4, i%4*15)
	}
	names := make([]string, agents)
	for i := range names {
		names[i] = fmt.Sprintf("a%04d", i)
		deny, windows := "", ""
		if i%11 == 0 {
			deny = ", deny: [{permission: receive." + kinds[i%20] + "}]"
		}
		if i%50 == 7 {
			deny = fmt.Sprintf(", deny: [{permission: receive.%s, until: 2026-11-%02dT12:%02d:00+08:00}]", kinds[i%20], 20+i%9, i%60)
		}
		if i%3 > 0 {
			windows = fmt.Sprintf(", windows: [s%d, s%d]", i%30, (i*7+1)%30)
		}
		fmt.Fprintf(&docs, "---\n{kind: account, name: %s, spec: {agent: true, roles: [all]%s%s}}\n", names[i], windows, deny)
	}
	for t := range 5 {
		fmt.Fprintf(&docs, "---\n{kind: team, name: t%d, spec: {windows: [s%d], members: [%s]}}\n", t, t, strings.Join(names[t*agents/5:(t+1)*agents/5], ", "))
	}
	for i := range 20 {
		hours := ""
		if i%2 > 0 {
			hours = fmt.Sprintf(", hours: s%d", i)
		}
		fmt.Fprintf(&docs, "---\n{kind: inbox, name: i%02d, spec: {kinds: [%s], members: {teams: [t0, t1, t2, t3, t4]}%s}}\n", i, strings.Join(kinds, ", "), hours)
	}
	list, err := policy.ParseYAML([]byte(docs.String()))
	if err != nil {
		b.Fatal(err)
	}
	set, err := policy.NewSet(list)
	if err != nil {
		b.Fatal(err)
	}
	return set
}

var benchWeek = Query{From: time.Date(2026, 11, 23, 0, 0, 0, 0, shanghai), To: time.Date(2026, 11, 30, 0, 0, 0, 0, shanghai), Zone: shanghai, Lang: "zh", Problems: true}

// BenchmarkAWeekOf1000Agents is the coverage of a week, 20 inboxes x 20 kinds x 1,000 agents, as people get it with only what is a problem, and by the
// engine alone.
func BenchmarkAWeekOf1000Agents(b *testing.B) {
	set := firm(b, 1000)
	b.Run("report", func(b *testing.B) {
		for b.Loop() {
			if _, err := Of(set, benchWeek); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			cover(b, set)
		}
	})
}

// BenchmarkAWeekAfterOneEdit is the same, by the engine, for a revision that a change of one agent's windows made. How long it takes to apply and to
// compile that revision is told beside it.
func BenchmarkAWeekAfterOneEdit(b *testing.B) {
	set := firm(b, 1000)
	var applying time.Duration
	for b.Loop() {
		b.StopTimer()
		began := time.Now()
		set = edited(b, set)
		applying += time.Since(began)
		b.StartTimer()
		cover(b, set)
	}
	b.ReportMetric(float64(applying.Nanoseconds())/float64(b.N), "ns-applying/op")
}

// edited is the next revision, compiled.
func edited(b *testing.B, set *policy.Set) *policy.Set {
	revision := set.Revision() + 1
	spec := fmt.Appendf(nil, `{"agent":true,"roles":["all"],"windows":["s%d"]}`, revision%30)
	next, _, err := set.Apply(revision, []policy.Edit{{Kind: "account", Name: "a0007", Spec: spec}})
	if err != nil {
		b.Fatal(err)
	}
	next.Compile()
	return next
}

func cover(b *testing.B, set *policy.Set) {
	if c := reception.Cover(set.Compile(), benchWeek.From, benchWeek.To, nil); len(c.Cells) != 400 {
		b.Fatal(len(c.Cells))
	}
}
