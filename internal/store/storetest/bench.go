package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store"
)

// storedVariable names an environment variable that says how many messages are stored before the measurement begins.
const storedVariable = "BIDA_BENCH_STORED"

// Bench measures group commits of 1, 16 and 128 messages as the ordinary way writes them: message with its decision, key, conversation, delivery, and
// the acknowledgement of an earlier delivery. Beside each it measures fsync in the given directory, because a figure means nothing without the disk's.
func Bench(b *testing.B, directory string, fresh func(b *testing.B) store.Store) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprint("group=", size), func(b *testing.B) {
			s := fresh(b)
			defer s.Close()
			if _, err := s.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			w := newWorkload()
			if stored, err := strconv.Atoi(os.Getenv(storedVariable)); err == nil {
				for w.position < 2*int64(stored) {
					w.commit(b, s, 512)
				}
			}
			before := fsyncs(b, directory)
			latencies := make([]time.Duration, 0, 1024)
			cpu := cpuTime(b)
			b.ResetTimer()
			for b.Loop() {
				began := time.Now()
				w.commit(b, s, size)
				latencies = append(latencies, time.Since(began))
			}
			b.StopTimer()
			cpu = cpuTime(b) - cpu
			fsync := (before + fsyncs(b, directory)) / 2
			commits := float64(len(latencies)) / b.Elapsed().Seconds()
			b.ReportMetric(commits*float64(size), "msg/s")
			b.ReportMetric(float64(cpu.Microseconds())/float64(len(latencies)*size), "cpu-µs/msg")
			b.ReportMetric(fsync, "fsync/s")
			b.ReportMetric(commits/fsync, "commits/fsync")
			b.ReportMetric(float64(quantile(latencies, 0.99).Microseconds()), "p99-µs")
		})
	}
}

// cpuTime is what this process has used so far: on a machine that others use as well it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func quantile(d []time.Duration, q float64) time.Duration {
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// fsyncs is how many times a second 4 KiB can be appended and synced.
func fsyncs(b *testing.B, directory string) float64 {
	f, err := os.CreateTemp(directory, "fsync")
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	began := time.Now()
	n := 0
	for ; time.Since(began) < 300*time.Millisecond; n++ {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

// workload makes groups of ordinary messages: 2,000 conversations, 200 agents.
type workload struct {
	random        *rand.Rand
	position      int64
	at            time.Time
	conversations []ledger.ConversationRow
	sequences     [200]int64
	unanswered    []ledger.DeliveryRow
}

func newWorkload() *workload {
	w := &workload{random: rand.New(rand.NewPCG(1, 2)), at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	for i := range 2000 {
		w.conversations = append(w.conversations, ledger.ConversationRow{ID: int64(i) + 1, Inbox: []string{"web", "wecom-main", "mail"}[i%3], Contact: fmt.Sprint("wmbEiOCgAA", 100000+i),
			Kind: "customer", Status: "open", Owner: agent(i % 200), OwnerPosition: int64(i) + 1, OpenedAt: w.at})
	}
	return w
}

func agent(i int) string { return fmt.Sprint("agent-", i) }

func (w *workload) commit(b *testing.B, s store.Store, size int) {
	w.at = w.at.Add(time.Millisecond)
	g := &ledger.Group{First: w.position + 1, Last: w.position + 2*int64(size), At: w.at, Nonce: fmt.Sprintf("%016x", w.position), DeliveryEdits: w.unanswered}
	for range size {
		w.position++
		i := w.random.IntN(len(w.conversations))
		c := &w.conversations[i]
		c.LastSequence++
		c.Delivered, c.UpdatedAt, c.Position = c.LastSequence, w.at, w.position
		w.sequences[i%200]++
		id := fmt.Sprintf("%016x%016x", w.random.Uint64(), w.random.Uint64())
		decision := &ledger.DecisionRow{Revision: 42, Engine: "1/2026b", Cause: "message", Verdict: "routed", Code: "routing.sticky_owner", Chosen: []string{c.Owner}, Load: 3,
			Outcomes: [16]byte{byte(i), byte(i >> 8)}}
		g.Messages = append(g.Messages, ledger.MessageRow{Position: w.position, Direction: ledger.Inbound, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence,
			Kind: "customer", SenderID: id, Contact: c.Contact, Text: "您好，我上周下的订单还没有收到，物流信息三天没有更新了，能帮我查一下吗？订单号是 2026112300", ReceivedAt: w.at, At: w.at, Decision: decision})
		g.Keys = append(g.Keys, ledger.KeyRow{Scope: "in/" + c.Inbox, ID: id, Position: w.position, Digest: [16]byte{1}, At: w.at})
		g.Conversations = append(g.Conversations, *c)
		d := ledger.DeliveryRow{Account: c.Owner, Sequence: w.sequences[i%200], Type: ledger.EntryMessage, Message: w.position, Conversation: c.ID, Inbox: c.Inbox, Kind: "customer",
			State: ledger.Queued, Position: w.position, At: w.at}
		g.Deliveries = append(g.Deliveries, d)
	}
	w.unanswered = make([]ledger.DeliveryRow, size)
	for i, d := range g.Deliveries {
		d.State, d.PushedAt, d.Connection, d.Client, d.Result, d.Attempts, d.ReceivedAt, d.ReceivedBy = ledger.Received, w.at, "c-17", "web-8f2c", "received", 1, w.at, "web-8f2c"
		w.unanswered[i] = d
	}
	w.position += int64(size)
	if err := s.Commit(b.Context(), g); err != nil {
		b.Fatal(err)
	}
}
