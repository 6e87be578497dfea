package coverage

import (
	"fmt"
	"time"
)

// Instant is a time that is written with offset and milliseconds.
type Instant time.Time

// MarshalText writes the instant as RFC 3339 with milliseconds.
func (i Instant) MarshalText() ([]byte, error) {
	return time.Time(i).AppendFormat(nil, "2006-01-02T15:04:05.000-07:00"), nil
}

// UnmarshalText reads an RFC 3339 instant.
func (i *Instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("an instant is written as RFC 3339: %w", err)
	}
	*i = Instant(t)
	return nil
}

func (q *Query) instant(t time.Time) Instant { return Instant(t.In(q.Zone)) }
