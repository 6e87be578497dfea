package bench

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreValuesThatWereMeasured(t *testing.T) {
	if got := latency(nil); got != (Latency{}) {
		t.Errorf("of nothing: %+v", got)
	}
	var sample []time.Duration
	for i := 100; i >= 1; i-- {
		sample = append(sample, time.Duration(i)*time.Millisecond)
	}
	if got, want := latency(sample), (Latency{100, 50, 90, 99, 100}); got != want {
		t.Errorf("of 1 to 100 ms: %+v, want %+v", got, want)
	}
	if got, want := latency([]time.Duration{1500 * time.Microsecond}), (Latency{1, 1.5, 1.5, 1.5, 1.5}); got != want {
		t.Errorf("of one: %+v, want %+v", got, want)
	}
	if got, want := latency([]time.Duration{3e6, 1e6, 2e6}), (Latency{3, 2, 3, 3, 3}); got != want {
		t.Errorf("of three: %+v, want %+v", got, want)
	}
}

// at is a message that was to be sent, answered, shown and acknowledged at these milliseconds; 0 is never.
func at(h *history, intended, answered, shown, acked int) {
	n, _ := h.add(0, time.Duration(intended)*time.Millisecond)
	m := h.message(n)
	m.answered = time.Duration(answered) * time.Millisecond
	m.shown.Store(int64(time.Duration(shown) * time.Millisecond))
	m.acked.Store(int64(time.Duration(acked) * time.Millisecond))
}

func TestOnlyWhatHappensWithinTheTimeCountsAndLatenciesCountFromWhenItWasDue(t *testing.T) {
	h := newHistory(newCompany(1, 1))
	at(h, 900, 950, 960, 970)     // warm-up
	at(h, 990, 1010, 1020, 1030)  // due before, done within
	at(h, 1100, 1104, 1106, 1110) // within
	at(h, 1200, 1300, 1400, 2001) // acknowledged after
	at(h, 1900, 2100, 2200, 2300) // due within, all else after
	at(h, 1950, 0, 0, 0)          // never answered
	r := &Report{Load: Load{Agents: 1}}
	r.measure(h, time.Second, 2*time.Second)
	if want := (Rate{2, 2, "acknowledged"}); r.EndToEnd != want {
		t.Errorf("end to end %+v, want %+v", r.EndToEnd, want)
	}
	if want := (Rate{3, 3, "accepted"}); r.Accepted != want {
		t.Errorf("accepted %+v, want %+v", r.Accepted, want)
	}
	if l := r.Latency.Accepted; l.Messages != 3 || l.P50 != 100 || l.Max != 200 {
		t.Errorf("to accepted: %+v", l)
	}
	if l := r.Latency.Agent; l.Messages != 3 || l.P50 != 200 || l.Max != 300 {
		t.Errorf("to the agent: %+v", l)
	}
	if l := r.Latency.Acknowledged; l.Messages != 3 || l.Max != 801 {
		t.Errorf("to acknowledged: %+v", l)
	}
}

func TestFiguresAreComparedWithTheMeanOfWhatTheMachineCouldDoBeforeAndAfter(t *testing.T) {
	r := &Report{EndToEnd: Rate{PerSecond: 6000}}
	if r.compare(nil); r.Ratio != nil || r.Reference != (Reference{}) {
		t.Errorf("without a reference: %+v", r)
	}
	r.compare([]Reference{
		{Directory: "/d", GroupSize: 128, GroupCommits: 10000, Commits: 1000, Syncs: 3000, Sync: 0.2},
		{Directory: "/d", GroupSize: 128, GroupCommits: 14001, Commits: 2000, Syncs: 4000, Sync: 0.3},
	})
	if want := (Reference{Directory: "/d", GroupSize: 128, GroupCommits: 12001, Commits: 1500, Syncs: 3500, Sync: 0.25}); r.Reference != want || r.Ratio == nil || *r.Ratio != 0.5 {
		t.Errorf("%+v, ratio %v", r.Reference, r.Ratio)
	}
}

func TestWithoutAgentsWhatIsAcceptedCounts(t *testing.T) {
	h := newHistory(newCompany(0, 1))
	at(h, 1100, 1104, 0, 0)
	r := &Report{}
	r.measure(h, time.Second, 3*time.Second)
	if want := (Rate{0.5, 1, "accepted"}); r.EndToEnd != want || r.Latency.Agent != nil || r.Latency.Acknowledged != nil || r.Ratio != nil {
		t.Errorf("%+v", r)
	}
}

func TestDefaultsAreThoseOfTheManual(t *testing.T) {
	o, err := Options{}.complete()
	if err != nil || o.Senders != 256 || *o.Agents != 200 || o.Customers != 256 || o.Duration != 15*time.Second || o.warmUp() != 3*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = Options{Batch: 128}.complete()
	if err != nil || o.Senders != 16 || o.Customers != 256 || o.together() != 128 {
		t.Errorf("with batches: %+v, %v", o, err)
	}
	o, err = Options{Senders: 500, Duration: 2 * time.Second}.complete()
	if err != nil || o.Customers != 500 || o.warmUp() != 500*time.Millisecond {
		t.Errorf("with many senders: %+v, %v", o, err)
	}
}

func TestOptionsThatCannotBeAreRefusedByName(t *testing.T) {
	none, many := 0, mostAgents+1
	for option, o := range map[string]Options{
		"--senders": {Senders: -1}, "--agents": {Agents: &many}, "--customers": {Senders: 10, Customers: 9}, "--rate": {Rate: math.NaN()}, "--batch": {Batch: 513},
		"--duration": {Duration: time.Millisecond}, "--stall": {Stall: -time.Second}, "--kill": {Kills: 3},
	} {
		_, err := o.complete()
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Option != option || wrong.EN == "" || wrong.ZH == "" || !strings.HasPrefix(err.Error(), option+": ") {
			t.Errorf("%s: %v", option, err)
		}
	}
	if _, err := (Options{Agents: &none, Reconnect: true}).complete(); err == nil {
		t.Error("agents who are not there may reconnect")
	}
	if _, err := (Options{Agents: &none, Batch: 128}).complete(); err != nil {
		t.Errorf("a batch without agents: %v", err)
	}
}
