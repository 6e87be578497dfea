package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// Extension opens the windows of an account or a team, or the hours of an inbox, for a time beside their schedules (临时延长). It ends by itself. A zero
// From is at once. Who made it is the author of the revision.
type Extension struct {
	From   Instant `json:"from,omitzero"`
	Until  Instant `json:"until"`
	Reason string  `json:"reason,omitempty"`
}

// maxExtensions bounds how many extensions one document has.
const maxExtensions = 100

func (d *decoder) extensions(dst *[]Extension) func(*node) {
	return func(n *node) {
		defer n.refine(func(s *shape) { s.MaxItems = maxExtensions })
		if len(n.items) > maxExtensions {
			d.problem(n, fmt.Sprintf("more than %d extensions; take out those that are over", maxExtensions), fmt.Sprintf("临时延长超过 %d 条；请删去已经结束的", maxExtensions))
			return
		}
		d.list(n, func(_ int, item *node) {
			var x Extension
			if !d.object(item, field{"from", d.instant(&x.From)}, field{"until", d.instant(&x.Until)}, field{"reason", d.text(&x.Reason)}) {
				return
			}
			d.missing(item, "until")
			switch {
			case x.Until.IsZero():
			case !x.From.IsZero() && !x.From.Before(x.Until):
				d.problem(item, "this ends before it begins", "结束时间不晚于开始时间")
			default:
				*dst = append(*dst, x)
			}
		})
	}
}

// extended makes the engine's form of extensions: in order, and joined where they meet. It is nil for none.
func extended(list []Extension) *reception.Schedule {
	if len(list) == 0 {
		return nil
	}
	return &reception.Schedule{Location: time.UTC, Extra: intervals(list)}
}

func intervals(list []Extension) []reception.Interval {
	all := make([]reception.Interval, len(list))
	for i, x := range list {
		all[i] = reception.Interval{From: x.From, Until: x.Until}
	}
	return join(all)
}

// join puts intervals in order and joins those that meet. It uses the list up.
func join(list []reception.Interval) []reception.Interval {
	slices.SortStableFunc(list, func(a, b reception.Interval) int { return a.From.Compare(b.From) })
	joined := list[:0]
	for _, x := range list {
		if last := len(joined) - 1; last >= 0 && !x.From.After(joined[last].Until) {
			if x.Until.After(joined[last].Until) {
				joined[last].Until = x.Until
			}
			continue
		}
		joined = append(joined, x)
	}
	return joined
}

// teamWindows are a team's windows. Without a schedule it is always open, and there is nothing to extend.
func (c *compiler) teamWindows(t TeamSpec) []*reception.Schedule {
	windows := c.windows(t.Windows)
	if x := extended(t.Extensions); x != nil && len(windows) > 0 {
		windows = append(windows, x)
	}
	return windows
}

// hours are an inbox's hours. Without a schedule it is always open, and there is nothing to extend.
func (c *compiler) hours(in InboxSpec) *reception.Schedule {
	s := c.schedules[in.Hours]
	if s == nil || len(in.Extensions) == 0 {
		return s
	}
	longer := *s
	longer.Extra = intervals(in.Extensions)
	return &longer
}
