package policy

import (
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// MaintenanceChange is a window of maintenance that is planned, or called off.
type MaintenanceChange struct {
	reception.Maintenance `json:"-"`

	Inboxes []string `json:"inboxes"`
	// Planned says that it is there now and was not before; else it is the other way round.
	Planned bool `json:"planned"`
}

// maintenance compares the windows that hold the inboxes: first those that are called off, then those that are planned.
func (c *comparison) maintenance(steady []string) []MaintenanceChange {
	var list []MaintenanceChange
	for _, planned := range []bool{false, true} {
		for _, inbox := range steady {
			here, there := c.before.policy.Inboxes[inbox], c.after.policy.Inboxes[inbox]
			if planned {
				here, there = there, here
			}
			for _, m := range here.Maintenance {
				if c.now.Before(m.Until) && !slices.ContainsFunc(there.Maintenance, func(o reception.Maintenance) bool { return sameMaintenance(m, o) }) {
					list = addMaintenance(list, m, inbox, planned)
				}
			}
		}
	}
	return list
}

// addMaintenance says the same window in several inboxes once.
func addMaintenance(list []MaintenanceChange, m reception.Maintenance, inbox string, planned bool) []MaintenanceChange {
	for i := range list {
		if o := &list[i]; o.Planned == planned && sameMaintenance(o.Maintenance, m) {
			o.Inboxes = append(o.Inboxes, inbox)
			return list
		}
	}
	return append(list, MaintenanceChange{Maintenance: m, Inboxes: []string{inbox}, Planned: planned})
}

func sameMaintenance(a, b reception.Maintenance) bool {
	return a.Name == b.Name && a.From.Equal(b.From) && a.Until.Equal(b.Until) && a.All == b.All && slices.Equal(a.Kinds, b.Kinds)
}

// maintenance is the sentence about a window that is planned or called off.
func (s *speaker) maintenance(w MaintenanceChange) string {
	title, reason := s.maintenanceTitle(w.Name)
	inboxes := s.names(KindInbox, w.Inboxes)
	kinds := s.pick("消息", "messages")
	if len(w.Kinds) > 0 {
		kinds = s.kinds(w.Kinds)
	}
	from, until := clockText(w.From), clockText(w.Until)
	if !w.Planned {
		return s.pick(
			fmt.Sprintf("%s 取消了维护“%s”：渠道 %s 的%s照常分配给%s。", s.by, title, inboxes, kinds, s.you),
			fmt.Sprintf("%s called off the maintenance %q: %s %s %s in %s as ever.", s.by, title, s.you, s.gets, kinds, inboxes))
	}
	return s.pick(
		fmt.Sprintf("%s 安排了维护“%s”%s：渠道 %s 的%s从 %s 到 %s 暂不分配给%s。", s.by, title, reason, inboxes, kinds, from, until, s.you),
		fmt.Sprintf("%s planned maintenance %q%s: from %s until %s, %s %s no %s in %s.", s.by, title, reason, from, until, s.you, s.gets, kinds, inboxes))
}

// maintenanceTitle is what people call a window, and the reason for it in brackets.
func (s *speaker) maintenanceTitle(name string) (title, reason string) {
	title = name
	for _, set := range []*Set{s.c.before.set, s.c.after.set} {
		if spec, ok := set.Maintenance(name); ok {
			if reason = ""; spec.Reason != "" {
				reason = s.pick("（原因："+spec.Reason+"）", " (reason: "+spec.Reason+")")
			}
			if title = name; spec.Title != "" {
				title = spec.Title
			}
		}
	}
	return title, reason
}
