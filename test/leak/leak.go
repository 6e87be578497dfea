// Package leak fails tests that leave goroutines behind. It waits for those that are about to end: on a busy machine that takes longer than the fraction
// of a second that goleak gives them, and a goroutine that is left stays left however long one waits.
package leak

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a goroutine may take to end. Only a test that fails waits so long.
const patience = 30 * time.Second

// Main runs a package's tests, which fail if goroutines are left after the last one: func TestMain(m *testing.M) { leak.Main(m) }.
func Main(m *testing.M) { goleak.VerifyTestMain(patient{m}) }

// None fails a test if goroutines are left now, beside those that the options leave out of account.
func None(t testing.TB, options ...goleak.Option) {
	t.Helper()
	wait(options...)
	goleak.VerifyNone(t, options...)
}

// patient runs tests and then waits until nothing is left of them.
type patient struct{ m *testing.M }

func (p patient) Run() int {
	status := p.m.Run()
	if status == 0 {
		wait()
	}
	return status
}

func wait(options ...goleak.Option) {
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if goleak.Find(options...) == nil {
			return
		}
	}
}
