package storetest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/reference"
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
			w := reference.NewWorkload(2000, 200)
			if stored, err := strconv.Atoi(os.Getenv(storedVariable)); err == nil {
				for w.Stored() < int64(stored) {
					commit(b, w, s, 512)
				}
			}
			before := fsyncs(b, directory)
			latencies := make([]time.Duration, 0, 1024)
			cpu := cpuTime(b)
			b.ResetTimer()
			for b.Loop() {
				began := time.Now()
				commit(b, w, s, size)
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

func commit(b *testing.B, w *reference.Workload, s store.Store, size int) {
	if err := w.Commit(b.Context(), s, size); err != nil {
		b.Fatal(err)
	}
}

// fsyncs is how many times a second 4 KiB can be appended and synced.
func fsyncs(b *testing.B, directory string) float64 {
	const during = 300 * time.Millisecond
	took, err := reference.Syncs(b.Context(), directory, during)
	if err != nil {
		b.Fatal(err)
	}
	return float64(len(took)) / during.Seconds()
}
