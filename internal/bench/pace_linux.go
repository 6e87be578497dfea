package bench

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pace waits more exactly than time.Sleep, which is up to a millisecond late on a machine that is otherwise idle: that would be most of the latencies that
// are measured. It uses a timer of the kernel's, where there is one.
type pace struct {
	file  *os.File // nil: time.Sleep
	fired [8]byte
}

func newPace() *pace {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return &pace{}
	}
	return &pace{file: os.NewFile(uintptr(fd), "timer")}
}

// wait returns after d, at once if it is not positive.
func (p *pace) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	if p.file != nil && p.set(d) == nil {
		if _, err := p.file.Read(p.fired[:]); err == nil {
			return
		}
	}
	time.Sleep(d)
}

// set has the timer fire once, after d.
func (p *pace) set(d time.Duration) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := raw.Control(func(fd uintptr) { failed = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); err != nil {
		return err
	}
	return failed
}

func (p *pace) close() {
	if p.file != nil {
		_ = p.file.Close() // nothing was written
	}
}
