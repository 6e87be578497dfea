package help

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// What is looked at after a repair is bounded: an hour, so many entries of the agent's list, and so many positions of the ledger.
const (
	checkedFor       = time.Hour
	checkedEntries   = 200
	checkedPositions = 20_000
	checkedMessages  = 500
)

// State is what is known of a repair.
type State string

// The states of a repair. The first one proves it; the others say what is missing.
const (
	// Arrived: a client acknowledged a message that came into the agent's list since; of an async inbox, one that came into it.
	Arrived State = "arrived"
	// Pushed: something is in the list, and no client has acknowledged it yet.
	Pushed State = "pushed"
	// Stopped: the agent cannot receive in any of the cells; the cause is named.
	Stopped State = "stopped"
	// Elsewhere: nothing stops the agent, and what came in went to colleagues, or waits.
	Elsewhere State = "elsewhere"
	// NoTraffic: nothing stops the agent, and nothing came in. That proves nothing.
	NoTraffic State = "no_traffic"
)

// Check is what became of a repair.
type Check struct {
	State State
	// Passing are how many of the cells pass the gate now, of how many; Known is false where only a whole diagnosis can tell.
	Passing, Cells int
	Known          bool
	Offered        int // customers' messages in the cells since
	Listed         int // of messages, in the agent's list
	Received       int // of those, that a client acknowledged
	FirstReceived  time.Time
	// More says that there is more than was looked at: the numbers are lower bounds.
	More bool
	// Until is when it is not looked any further; Over says that this has passed.
	Until time.Time
	Over  bool
	// Cause is the primary finding of a diagnosis of this moment, where the agent is stopped.
	Cause *diagnosis.Finding
	// Verdict is that of the diagnosis, "" if none was made.
	Verdict diagnosis.Verdict
}

// Reader reads what came in, and what reached the agent.
type Reader interface {
	Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error)
	DecidedMessages(ctx context.Context, after, upTo int64, limit int) ([]ledger.MessageRow, error)
}

// CheckRepair looks at what became of a repair. why makes a diagnosis of the moment where the agent is stopped.
func CheckRepair(ctx context.Context, view *ledger.View, r Reader, row *ledger.RepairRow, now time.Time, why func() (*diagnosis.Report, error)) (*Check, error) {
	c := &Check{Cells: len(row.Cells), Until: row.At.Add(checkedFor)}
	c.Over = !now.Before(c.Until)
	p := view.Policy.Compile()
	c.Passing, c.Known = Standing(p, view, row.Agent, row.Gate, row.Cells, now)
	if err := c.list(ctx, r, p, row); err != nil {
		return nil, err
	}
	if err := c.offer(ctx, r, view.Position, row); err != nil {
		return nil, err
	}
	open := slices.ContainsFunc(row.Cells, func(name string) bool {
		inbox, kind := Cell(name)
		v := reception.Explain(p, view, inbox, kind, row.Agent, now)
		return inbox != "" && v.First() == reception.GateCount
	})
	switch {
	case c.Received > 0:
		c.State = Arrived
	case c.Listed > 0:
		c.State = Pushed
	case !open:
		c.State = Stopped
		return c, c.explain(why)
	case c.Offered > 0:
		c.State = Elsewhere
	default:
		c.State = NoTraffic
	}
	return c, nil
}

func (c *Check) explain(why func() (*diagnosis.Report, error)) error {
	report, err := why()
	if err != nil {
		return err
	}
	c.Verdict = report.Verdict
	if primary := Primary(report); primary.Code != "" {
		c.Cause = &primary
	}
	return nil
}

// list counts what came into the agent's list since.
func (c *Check) list(ctx context.Context, r Reader, p *reception.Policy, row *ledger.RepairRow) error {
	entries, err := r.Entries(ctx, row.Agent, row.AgentSequence, checkedEntries)
	if err != nil {
		return fmt.Errorf("entries of %s: %w", row.Agent, err)
	}
	c.More = len(entries) == checkedEntries
	for i := range entries {
		d := &entries[i].Delivery
		if d.Type != ledger.EntryMessage || d.At.After(c.Until) || !about(row, d.Inbox, d.Kind) {
			continue
		}
		at := d.ReceivedAt
		if in := p.Inboxes[d.Inbox]; in != nil && in.Mode == reception.Async && at.IsZero() {
			at = d.At // delivered means in the list
		}
		if at.IsZero() && d.State == ledger.Withdrawn {
			continue // it was taken back before anybody had it
		}
		c.Listed++
		if at.IsZero() {
			continue
		}
		c.Received++
		if c.FirstReceived.IsZero() || at.Before(c.FirstReceived) {
			c.FirstReceived = at
		}
	}
	return nil
}

// offer counts what customers wrote since.
func (c *Check) offer(ctx context.Context, r Reader, position int64, row *ledger.RepairRow) error {
	upTo := min(position, row.ID+checkedPositions)
	messages, err := r.DecidedMessages(ctx, row.ID, upTo, checkedMessages)
	if err != nil {
		return fmt.Errorf("messages after %d: %w", row.ID, err)
	}
	for i := range messages {
		m := &messages[i]
		if m.At.After(c.Until) {
			return nil
		}
		if m.Direction == ledger.Inbound && about(row, m.Inbox, m.Kind) {
			c.Offered++
		}
	}
	c.More = c.More || upTo < position || len(messages) == checkedMessages
	return nil
}

// about says whether a message belongs to what was to be mended.
func about(row *ledger.RepairRow, inbox, kind string) bool {
	return slices.Contains(row.Cells, inbox+"/"+kind)
}
