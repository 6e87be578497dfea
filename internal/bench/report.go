package bench

import (
	"math"
	"slices"
	"time"
)

// instant is RFC 3339 with offset and milliseconds.
const instant = "2006-01-02T15:04:05.000-07:00"

// Report is what a run found.
type Report struct {
	Run      string    `json:"run"`
	At       string    `json:"at"`
	Server   Server    `json:"server"`
	Load     Load      `json:"load"`
	EndToEnd Rate      `json:"end_to_end"`
	Accepted Rate      `json:"accepted"`
	Latency  Latencies `json:"latency"`
	Faults
	Described  []string  `json:"faults"` // the first of them, in words
	Waiting    Waiting   `json:"waiting"`
	Untold     int       `json:"untold"`    // messages whose senders were never told what became of them
	Unsent     int       `json:"unsent"`    // messages that were due and never sent
	Withdrawn  int       `json:"withdrawn"` // entries that were taken back from agents
	Retries    int64     `json:"retries"`   // requests made again
	Reconnects int64     `json:"reconnects"`
	Kills      int       `json:"kills"`
	Reference  Reference `json:"reference"`
	Ratio      *float64  `json:"ratio"`          // end to end, to group commits; null without a reference
	Stays      []string  `json:"stays"`          // what a run cannot remove
	Kept       string    `json:"kept,omitempty"` // where the data of an own server lies after faults
}

// Server is who was measured.
type Server struct {
	URL string `json:"url"`
	Own bool   `json:"own"` // this run has started it
	// Elsewhere says that it runs on another machine than this one, whose disk the reference is of.
	Elsewhere bool `json:"elsewhere"`
}

// Load is what was asked of it.
type Load struct {
	Loop      string  `json:"loop"` // closed or open
	Senders   int     `json:"senders"`
	Agents    int     `json:"agents"`
	Customers int     `json:"customers"`
	Rate      float64 `json:"rate,omitempty"`
	Batch     int     `json:"batch,omitempty"`
	Seconds   float64 `json:"seconds"`
	WarmUp    float64 `json:"warm_up_seconds"`
	Stall     float64 `json:"stall_seconds,omitempty"`
	Reconnect bool    `json:"reconnect,omitempty"`
}

// Rate is how many messages came to a point of their way within the time that was measured.
type Rate struct {
	PerSecond float64 `json:"per_second"`
	Messages  int     `json:"messages"`
	// Counts is the point: acknowledged (by the agent's client, durably) or accepted (the sender was told).
	Counts string `json:"counts"`
}

// Latencies are from when a message was to be sent.
type Latencies struct {
	Accepted     Latency  `json:"post_to_accepted"`
	Agent        *Latency `json:"post_to_agent"`        // null without agents
	Acknowledged *Latency `json:"post_to_acknowledged"` // likewise
}

// Latency is a distribution, in milliseconds.
type Latency struct {
	Messages int     `json:"messages"`
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
}

// Waiting is what was accepted and nobody has received, with the reasons that the server gives.
type Waiting struct {
	Messages int            `json:"messages"`
	Reasons  map[string]int `json:"reasons"`
}

// Reference is what the machine of the run can do: the mean of before and after the load.
type Reference struct {
	Directory    string  `json:"directory"`
	GroupSize    int     `json:"group_size"`
	GroupCommits float64 `json:"group_commit_per_second"` // messages
	Commits      float64 `json:"commit_per_second"`
	Syncs        float64 `json:"fsync_per_second"`
	Sync         float64 `json:"fsync_p50_ms"`
}

// OK says that nothing was lost, duplicated, reordered or misdelivered.
func (r *Report) OK() bool { return !r.Any() }

// latency makes a distribution of a sample, which it sorts.
func latency(sample []time.Duration) Latency {
	l := Latency{Messages: len(sample)}
	if len(sample) == 0 {
		return l
	}
	slices.Sort(sample)
	at := func(q float64) float64 { return milliseconds(sample[rank(q, len(sample))]) }
	l.P50, l.P90, l.P99, l.Max = at(0.5), at(0.9), at(0.99), at(1)
	return l
}

// rank is the index of the smallest value that at least the part q of n sorted values do not exceed.
func rank(q float64, n int) int {
	return max(int(math.Ceil(q*float64(n)))-1, 0)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measure counts what happened between two instants, and how long it took for what was to be sent between them.
func (r *Report) measure(h *history, from, to time.Duration) {
	var accepted, agent, acknowledged []time.Duration
	within := func(at time.Duration) bool { return at >= from && at < to }
	counted, done := 0, 0
	for n := range h.made.Load() {
		m := h.message(n)
		shown, acked := time.Duration(m.shown.Load()), time.Duration(m.acked.Load())
		if m.answered != 0 && within(m.answered) {
			counted++
		}
		if acked != 0 && within(acked) {
			done++
		}
		if !within(m.intended) {
			continue
		}
		accepted = since(accepted, m.intended, m.answered)
		agent = since(agent, m.intended, shown)
		acknowledged = since(acknowledged, m.intended, acked)
	}
	seconds := (to - from).Seconds()
	r.Load.Seconds = seconds
	r.Accepted = Rate{round(float64(counted)/seconds, 1), counted, "accepted"}
	r.Latency.Accepted = latency(accepted)
	if r.EndToEnd = r.Accepted; r.Load.Agents > 0 {
		r.EndToEnd = Rate{round(float64(done)/seconds, 1), done, "acknowledged"}
		a, b := latency(agent), latency(acknowledged)
		r.Latency.Agent, r.Latency.Acknowledged = &a, &b
	}
}

// compare sets what was measured beside the mean of references.
func (r *Report) compare(with []Reference) {
	if len(with) == 0 {
		return
	}
	mean := func(of func(Reference) float64, places int) float64 {
		sum := 0.0
		for _, x := range with {
			sum += of(x)
		}
		return round(sum/float64(len(with)), places)
	}
	r.Reference = with[0]
	r.Reference.GroupCommits = mean(func(x Reference) float64 { return x.GroupCommits }, 0)
	r.Reference.Commits = mean(func(x Reference) float64 { return x.Commits }, 0)
	r.Reference.Syncs = mean(func(x Reference) float64 { return x.Syncs }, 0)
	r.Reference.Sync = mean(func(x Reference) float64 { return x.Sync }, 3)
	if r.Reference.GroupCommits > 0 {
		ratio := round(r.EndToEnd.PerSecond/r.Reference.GroupCommits, 3)
		r.Ratio = &ratio
	}
}

// round keeps so many places after the point.
func round(x float64, places int) float64 {
	unit := math.Pow10(places)
	return math.Round(x*unit) / unit
}

// since adds how long after it was to be sent a message came to a point; 0 is never.
func since(to []time.Duration, intended, at time.Duration) []time.Duration {
	if at == 0 {
		return to
	}
	return append(to, at-intended)
}
