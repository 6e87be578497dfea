package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"
)

// Options say what a run does. Zero values are the defaults; negative ones are refused.
type Options struct {
	Server string // URL
	Token  string // of an administrator
	Serve  *Serve // a server of its own instead; nil to use Server

	Senders   int           // that post at the same time: 256, or 16 with Batch
	Agents    *int          // that receive: 200. 0: nobody receives, and what is accepted counts
	Customers int           // each with a conversation: one for each sender
	Rate      float64       // messages a second, whatever the answers take (open loop); 0: each sender posts again once it is answered (closed loop)
	Batch     int           // messages in one request; 0: each alone
	Duration  time.Duration // that is measured: 15 s
	Stall     time.Duration // for which an agent's client stops reading; 0: it does not
	Reconnect bool          // agents' connections are cut again and again
	Kills     int           // of the own server

	// Reference measures this machine at the beginning.
	Reference func(ctx context.Context) (Reference, error)
	// Say is told how the run gets on; it may be nil.
	Say func(Progress)
}

// Serve is how a server of the run's own is started.
type Serve struct {
	Program   string // executable of Bida
	Directory string // in which it may make one for its data
	Log       io.Writer
}

// Progress is a step of a run.
type Progress string

// The steps, in order.
const (
	Measuring Progress = "reference"
	Starting  Progress = "serve"
	Preparing Progress = "prepare"
	Loading   Progress = "load"
	Checking  Progress = "check"
	Removing  Progress = "remove"
)

// The defaults and limits.
const (
	DefaultSenders      = 256
	DefaultBatchSenders = 16
	DefaultAgents       = 200
	DefaultDuration     = 15 * time.Second
	DefaultStall        = 20 * time.Second

	mostSenders   = 4096
	mostAgents    = 5000
	mostCustomers = 1_000_000
	mostBatch     = 512
	mostRate      = 1_000_000
	longest       = 24 * time.Hour
)

// OptionError says what is wrong with which option.
type OptionError struct {
	Option string // as a flag
	EN, ZH string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.EN }

// complete fills in the defaults and refuses what cannot be.
func (o Options) complete() (Options, error) {
	if o.Senders == 0 {
		o.Senders = DefaultSenders
		if o.Batch > 0 {
			o.Senders = DefaultBatchSenders
		}
	}
	o.Customers = cmp.Or(o.Customers, max(o.Senders, DefaultSenders))
	o.Duration = cmp.Or(o.Duration, DefaultDuration)
	if o.Agents == nil {
		n := DefaultAgents
		o.Agents = &n
	}
	if o.Say == nil {
		o.Say = func(Progress) {}
	}
	return o, o.validate()
}

func (o *Options) validate() error {
	for _, n := range []struct {
		option             string
		value, least, most float64
	}{
		{"--senders", float64(o.Senders), 1, mostSenders},
		{"--agents", float64(*o.Agents), 0, mostAgents},
		{"--customers", float64(o.Customers), 1, mostCustomers},
		{"--rate", o.Rate, 0, mostRate},
		{"--batch", float64(o.Batch), 0, mostBatch},
		{"--duration", o.Duration.Seconds(), 1, longest.Seconds()},
		{"--stall", o.Stall.Seconds(), 0, longest.Seconds()},
		{"--kill", float64(o.Kills), 0, 100_000},
	} {
		if !(n.value >= n.least && n.value <= n.most) { // neither is NaN
			return &OptionError{n.option, fmt.Sprintf("want %v to %v, not %v", n.least, n.most, n.value), fmt.Sprintf("应在 %v 到 %v 之间，而不是 %v", n.least, n.most, n.value)}
		}
	}
	switch {
	case o.Customers < o.Senders:
		return &OptionError{"--customers", fmt.Sprintf("each of the %d senders writes for at least one of its own", o.Senders), fmt.Sprintf("%d 个发送方各自至少代表一位客户", o.Senders)}
	case o.Kills > 0 && o.Serve == nil:
		return &OptionError{"--kill", "only a server that this run has started may be killed: give --serve too", "只能结束本次运行自己启动的服务：请同时使用 --serve"}
	case *o.Agents == 0 && (o.Stall > 0 || o.Reconnect):
		return &OptionError{"--agents", "without agents nobody can stall or reconnect", "没有客服就无从停读或重连"}
	}
	return nil
}

// warmUp is how long there is load before the measurement begins.
func (o *Options) warmUp() time.Duration {
	return min(max(o.Duration/5, 500*time.Millisecond), 3*time.Second)
}

// together is how many messages go into one request.
func (o *Options) together() int { return max(o.Batch, 1) }
