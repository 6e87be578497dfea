package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bidahq/bida/internal/bench"
)

func TestFlagsOfBenchAreReadAsPeopleWriteThem(t *testing.T) {
	for _, test := range []struct {
		args  string
		rate  float64
		stall time.Duration
		bad   bool
	}{
		{args: ""},
		{args: "--rate 1000", rate: 1000},
		{args: "--rate 1000/s", rate: 1000},
		{args: "--rate=0.5/s", rate: 0.5},
		{args: "--rate -1", bad: true},
		{args: "--rate 0", bad: true},
		{args: "--rate NaN", bad: true},
		{args: "--rate Inf", bad: true},
		{args: "--rate 10/min", bad: true},
		{args: "--stall", stall: 20 * time.Second},
		{args: "--stall --json", stall: 20 * time.Second},
		{args: "--stall=1m", stall: time.Minute},
		{args: "--stall=0s", bad: true},
		{args: "--stall=soon", bad: true},
		{args: "--stall 1m", bad: true}, // a time after a space is no flag's
	} {
		var g grammar
		parser, err := kong.New(&g)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Fields("bench " + test.args))
		switch {
		case (err != nil) != test.bad:
			t.Errorf("%q: %v", test.args, err)
		case err == nil && (float64(g.Bench.Rate) != test.rate || time.Duration(g.Bench.Stall) != test.stall):
			t.Errorf("%q: %v a second, %s", test.args, float64(g.Bench.Rate), time.Duration(g.Bench.Stall))
		}
	}
}

func report() *bench.Report {
	ratio := 0.5
	return &bench.Report{
		Run: "abcdefgh", Server: bench.Server{URL: "http://bida.example.org", Elsewhere: true}, Load: bench.Load{Loop: "open", Rate: 1000, Senders: 4, Agents: 2, Seconds: 15},
		EndToEnd: bench.Rate{PerSecond: 1000, Counts: "acknowledged"}, Ratio: &ratio, Described: []string{}, Stays: []string{"audit"},
		Latency:   bench.Latencies{Accepted: bench.Latency{P50: 1, Max: 100}, Agent: &bench.Latency{P50: 2, Max: 200}},
		Reference: bench.Reference{GroupSize: 128, GroupCommits: 2000, Sync: 0.5},
		Waiting:   bench.Waiting{Messages: 3, Reasons: map[string]int{"routing.nobody_eligible": 3}},
	}
}

func TestAReportIsGoodOnlyWithoutFaultsAndSaysThemInBothLanguages(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {"open loop of 1000/s", "0.50 x the group commits", "POST → agent", "2.00 ms (4.0 x)", "200.00 ms (400 x)", "lost 1 ·", "✕ message 7 is gone", "elsewhere", "waiting: 3\n  routing.nobody_eligible 3"},
		"zh": {"开环 1000 条/秒", "0.50 倍", "发出 → 客服看到", "丢失 1 ·", "✕ message 7 is gone", "另一台机器", "等待中：3 条"},
	} {
		var out bytes.Buffer
		s := &session{Program: Program{Out: &out, Err: &out}, lang: lang}
		r := report()
		if err := (&benchmark{}).tell(s, r); err != nil {
			t.Errorf("%s: a run without faults is %v", lang, err)
		}
		out.Reset()
		r.Lost, r.Described = 1, []string{"message 7 is gone"}
		if err := (&benchmark{}).tell(s, r); statusOf(err) != statusNo {
			t.Errorf("%s: a run that has lost a message is %v", lang, err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: there is no %q in\n%s", lang, text, &out)
			}
		}
	}
}

func TestAReportAsJSONHasWhatTheManualSays(t *testing.T) {
	var out bytes.Buffer
	s := &session{Program: Program{Out: &out}}
	if err := (&benchmark{JSON: true}).tell(s, report()); err != nil {
		t.Fatal(err)
	}
	var r struct {
		EndToEnd struct {
			PerSecond float64 `json:"per_second"`
		} `json:"end_to_end"`
		Lost, Duplicated, Reordered, Misdelivered *int
		Reference                                 map[string]any
		Server                                    struct{ Elsewhere bool }
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.EndToEnd.PerSecond != 1000 || r.Lost == nil || r.Duplicated == nil || r.Reordered == nil || r.Misdelivered == nil || !r.Server.Elsewhere {
		t.Errorf("%s", &out)
	}
	for _, name := range []string{"group_commit_per_second", "commit_per_second", "fsync_per_second", "fsync_p50_ms", "group_size", "directory"} {
		if _, there := r.Reference[name]; !there {
			t.Errorf("the reference has no %s", name)
		}
	}
}
