package scale

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/test/release"
)

var (
	agents   = flag.Int("agents", 1000, "`number` of agents")
	messages = flag.Int("messages", 1_000_000, "`number` of messages")
	days     = flag.Int("days", 9, "`number` of days in which they came in")
	asks     = flag.Int("asks", 300, "`number` of times that each question is asked")
	rate     = flag.Int("rate", 300, "`messages` a second that come in during the second half")
	keep     = flag.String("keep", "", "`directory` in which the past is made, and found again the next time (the present is then later)")
)

// question is something that people ask; each time about somebody or something else.
type question struct {
	name string
	path func() string
}

// BenchmarkReports asks the release program on a database with a long past, first with nothing else to do and then while messages come in, and prints how long
// answers took from the asker's side, beside a request that reads nothing. BIDA_BENCH_DATABASE names an empty PostgreSQL database to use.
func BenchmarkReports(b *testing.B) {
	program := release.Program(b)
	directory, database := *keep, os.Getenv("BIDA_BENCH_DATABASE")
	if directory == "" {
		directory = b.TempDir()
	}
	made, err := thePast(b.Context(), directory, database)
	if err != nil {
		b.Fatal(err)
	}
	s, err := serve(program, directory, database, made)
	if err != nil {
		b.Fatal(err)
	}
	defer s.process.Kill()
	home, err := s.connect(b.Context(), slices.Sorted(func(yield func(string) bool) {
		for name := range made.Tokens {
			if name != "boss" && !yield(name) {
				return
			}
		}
	}))
	if err != nil {
		b.Fatal(err)
	}
	defer home()
	list, err := questions(s)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%d messages of %d agents in %d days, %s; asked one after the other\n", made.Messages, *agents, *days, databaseName(database))
	s.measure(b, "nothing else to do", list)
	ctx, stop := context.WithCancel(b.Context())
	taken, err := s.load(ctx, *rate)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	s.measure(b, fmt.Sprintf("%d messages a second come in", *rate), list)
	during := time.Since(began)
	stop()
	fmt.Printf("  %.0f messages a second were taken meanwhile\n", float64(taken())/during.Seconds())
	b.ReportMetric(0, "ns/op")
}

func databaseName(database string) string {
	if database == "" {
		return "SQLite"
	}
	return "PostgreSQL"
}

// thePast makes the past, or finds it.
func thePast(ctx context.Context, directory, database string) (*Made, error) {
	file := filepath.Join(directory, "made.json")
	raw, err := os.ReadFile(file)
	if err == nil {
		made := &Made{}
		return made, json.Unmarshal(raw, made)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	target := database
	if target == "" {
		target = directory
	}
	st, err := store.Open(ctx, target, store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = st.Close() }() // what was made is committed
	began := time.Now()
	made, err := Fill(ctx, st, Past{Agents: *agents, Messages: *messages, Days: *days, Until: began, Say: func(n int) {
		fmt.Fprintf(os.Stderr, "%d messages, %.0f/s\n", n, float64(n)/time.Since(began).Seconds())
	}})
	if err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(made); err != nil {
		return nil, err
	}
	return made, os.WriteFile(file, raw, 0o600)
}

// questions are what is asked. What they are about is chosen beforehand, so that choosing takes no time.
func questions(s *server) ([]question, error) {
	r := rand.New(rand.NewPCG(3, 4))
	agent := func() string { return fmt.Sprintf("agent-%04d", r.IntN(*agents)) }
	between := func(from, to time.Time) string {
		return from.Add(time.Duration(r.Int64N(int64(to.Sub(from))))).Format(time.RFC3339Nano)
	}
	day := s.made.Until.Add(-24 * time.Hour)
	var theirs, others [][2]string
	for _, p := range slices.Concat(s.made.Sample, s.made.Recent) {
		id := conversation.MessageID(p)
		has, could, err := s.candidates(id)
		if err != nil {
			return nil, err
		}
		if has != "" {
			theirs = append(theirs, [2]string{has, id})
		}
		if len(could) > 0 {
			others = append(others, [2]string{could[r.IntN(len(could))], id})
		}
	}
	of := func(list [][2]string) func() string {
		return func() string { x := list[r.IntN(len(list))]; return diagnosis(x[0], "message", x[1]) }
	}
	return []question{
		{"(reference: GET /api/v1/me)", func() string { return "/api/v1/me" }},
		{"an agent", func() string { return diagnosis(agent()) }},
		{"an agent in an inbox, a kind", func() string {
			i := r.IntN(*agents)
			return diagnosis(fmt.Sprintf("agent-%04d", i), "inbox", inbox(i%inboxes), "kind", "group")
		}},
		{"one that gets thousands a day", func() string { return diagnosis(fmt.Sprintf("agent-%04d", r.IntN(hotAgents))) }},
		{"one that is denied a kind", func() string { return diagnosis(Denied) }},
		{"one that is switched off", func() string { return diagnosis(Switched) }},
		{"an instant of the last day", func() string { return diagnosis(agent(), "at", between(day, s.made.Until)) }},
		{"any instant", func() string { return diagnosis(agent(), "at", between(s.made.From.Add(time.Hour), s.made.Until)) }},
		{"a message, its agent", of(theirs)},
		{"a message, a colleague", of(others)},
		{"a trace", func() string { return "/api/v1/messages/" + theirs[r.IntN(len(theirs))][1] + "/trace" }},
		{"a timeline of a day", func() string { return "/api/v1/accounts/" + agent() + "/timeline" }},
		{"a timeline of eight days", func() string {
			return "/api/v1/accounts/" + agent() + "/timeline?from=" + strings.ReplaceAll(s.made.Until.Add(-8*24*time.Hour).UTC().Format(time.RFC3339), "+", "%2B")
		}},
		{"permissions", func() string { return "/api/v1/accounts/" + agent() + "/permissions" }},
	}, nil
}

// measure asks everything in turn, so that what else the machine does meets all questions alike, and prints a table.
func (s *server) measure(b *testing.B, when string, list []question) {
	took := make([][]time.Duration, len(list))
	for range *asks {
		for i := range list {
			_, d, err := s.ask("boss", list[i].path())
			if err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], d)
		}
	}
	load, _ := os.ReadFile("/proc/loadavg") // not on every system; then nothing is said
	fmt.Printf("\n%s (load average %s)\n%-32s %8s %8s %8s   x reference\n", when, strings.Join(strings.Fields(string(load))[:min(1, len(load))], ""), "milliseconds", "p50", "p99", "most")
	var reference time.Duration
	for i, d := range took {
		slices.Sort(d)
		p50, p99 := d[len(d)/2], d[(len(d)-1)*99/100]
		if i == 0 {
			reference = p50
		}
		fmt.Printf("%-32s %8.1f %8.1f %8.1f   %.1f\n", list[i].name, ms(p50), ms(p99), ms(d[len(d)-1]), float64(p50)/float64(reference))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
