package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how much is allowed: N in each Per, evenly, and Burst at once after a time of rest. The zero Rate allows everything.
type Rate struct {
	N     int
	Per   time.Duration
	Burst int
}

// Off says that a rate allows everything.
func (r Rate) Off() bool { return r.N == 0 }

// every is the time in which one more is allowed.
func (r Rate) every() time.Duration { return r.Per / time.Duration(r.N) }

// most is the largest number in a rate: a burst of as many, one an hour, is still an instant that can be written down.
const most = 1_000_000

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

var errRate = errors.New(`want off, or a rate such as 50/s, 600/m or 50/s,300 (the last: at once), with numbers from 1 to ` + strconv.Itoa(most))

// Parse reads a rate as String writes it: "50/s,300". Without the second number twice the first is allowed at once.
func Parse(text string) (Rate, error) {
	if text == "off" {
		return Rate{}, nil
	}
	rate, burst, hasBurst := strings.Cut(text, ",")
	count, unit, _ := strings.Cut(rate, "/")
	n, err := number(count)
	per := units[unit]
	if err != nil || per == 0 {
		return Rate{}, errRate
	}
	r := Rate{N: n, Per: per, Burst: min(2*n, most)}
	if hasBurst {
		if r.Burst, err = number(burst); err != nil {
			return Rate{}, errRate
		}
	}
	return r, nil
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most || strconv.Itoa(n) != text {
		return 0, errRate
	}
	return n, nil
}

// String writes a rate as Parse reads it.
func (r Rate) String() string {
	if r.Off() {
		return "off"
	}
	for unit, per := range units {
		if per == r.Per {
			return fmt.Sprintf("%d/%s,%d", r.N, unit, r.Burst)
		}
	}
	return fmt.Sprintf("%d/%s,%d", r.N, r.Per, r.Burst)
}
