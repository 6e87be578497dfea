package clock

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

const teller = "BIDA_TEST_CLOCK_TELLER"

// It tells the time where another test asks for it: the wall clock's, and how long it runs by the monotonic one.
func TestTheTimeIsToldInAProcessOfItsOwn(t *testing.T) {
	if os.Getenv(teller) == "" {
		return
	}
	begun := time.Now()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		now := time.Now()
		fmt.Println(now.UnixMicro(), now.Sub(begun).Microseconds())
	}
}

// told is a process that tells the time.
type told struct {
	*Clock
	t   *testing.T
	ask io.Writer
	say *bufio.Reader
}

func tell(t *testing.T, ahead time.Duration) *told {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestTheTimeIsToldInAProcessOfItsOwn$")
	cmd.Env = append(os.Environ(), teller+"=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Start(cmd, ahead)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()                     // it ends
		_, _ = io.Copy(io.Discard, out)    // to its last word
		if err := cmd.Wait(); err != nil { // that it ends well says that nothing trapped
			t.Error(err)
		}
	})
	return &told{c, t, in, bufio.NewReader(out)}
}

// is wants the process's clock to be that much ahead, and its monotonic clock to go on as ours does.
func (p *told) is(ahead time.Duration) {
	p.t.Helper()
	ask := func() (before, wall, after time.Time, runs time.Duration) {
		before = time.Now()
		var now, monotonic int64
		if _, err := fmt.Fprintln(p.ask); err != nil {
			p.t.Fatal(err)
		}
		if _, err := fmt.Fscanln(p.say, &now, &monotonic); err != nil {
			p.t.Fatal(err)
		}
		return before, time.UnixMicro(now), time.Now(), time.Duration(monotonic) * time.Microsecond
	}
	b1, wall, a1, r1 := ask()
	b2, _, a2, r2 := ask()
	const µs = time.Microsecond
	if wall.Before(b1.Add(ahead-µs).Round(0)) || wall.After(a1.Add(ahead).Round(0)) {
		p.t.Errorf("between %s and %s a process whose clock is %s ahead says %s", b1, a1, ahead, wall)
	}
	if ran := r2 - r1; ran < b2.Sub(a1)-2*µs || ran > a2.Sub(b1)+2*µs {
		p.t.Errorf("its monotonic clock went on by %s in %s to %s", ran, b2.Sub(a1), a2.Sub(b1))
	}
}

func TestOneProcessHasAClockOfItsOwnThatIsSetWhileItRuns(t *testing.T) {
	p, other := tell(t, 0), tell(t, -36*time.Hour)
	p.is(0)
	for _, ahead := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, 2 * time.Second, -300 * time.Millisecond, 0, 20 * 365 * 24 * time.Hour, 1} {
		if err := p.Set(ahead); err != nil {
			t.Fatal(err)
		}
		p.is(ahead)
		other.is(-36 * time.Hour)
	}
}

func TestAProgramThatIsNotThereIsSaid(t *testing.T) {
	if _, err := Start(exec.Command("/nowhere/at/all"), 0); err == nil {
		t.Error("it was started")
	}
}
