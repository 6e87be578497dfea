//go:build !linux

package bench

import "time"

// pace waits between sends.
type pace struct{}

func newPace() *pace { return &pace{} }

// wait returns after d, at once if it is not positive.
func (*pace) wait(d time.Duration) { time.Sleep(d) }

func (*pace) close() {}
