package leak

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestWhatEndsLateIsNotTakenForWhatIsLeft(t *testing.T) {
	others := goleak.IgnoreCurrent()
	end := make(chan struct{})
	go func() { <-end }()
	if goleak.Find(others) == nil {
		t.Fatal("a goroutine that is left is not found")
	}
	time.AfterFunc(time.Second, func() { close(end) }) // later than goleak waits
	None(t, others)
}
