package reception

import (
	"slices"
	"time"
)

// Maintenance is a maintenance window (维护窗口) as one of the inboxes that it covers sees it: from From, and until Until, nothing is given to agents.
type Maintenance struct {
	Name  string // of its document
	From  time.Time
	Until time.Time
	Kinds []string // that it holds; none: all
	// All says that it covers every inbox.
	All bool
}

// Holds says whether the window holds messages of a kind at an instant.
func (m *Maintenance) Holds(kind string, at time.Time) bool {
	return m.covers(kind) && !at.Before(m.From) && at.Before(m.Until)
}

func (m *Maintenance) covers(kind string) bool {
	return len(m.Kinds) == 0 || slices.Contains(m.Kinds, kind)
}

// maintenanceCell is gate maintenance. Windows that overlap or adjoin are waited out together: Until is when the first message can go.
func (e *evaluator) maintenanceCell() Cell {
	var code Code
	until := e.now
	for i := range e.inbox.Maintenance {
		m := &e.inbox.Maintenance[i]
		if m.From.After(until) {
			break // they come in order: from here on there is a gap
		}
		if !m.covers(e.kind) {
			continue
		}
		if m.Until.After(until) {
			until = m.Until
		}
		switch {
		case !m.Holds(e.kind, e.now):
		case m.All:
			code = CodeMaintenancePlatform
		case code == 0:
			code = CodeMaintenanceInbox
		}
	}
	if code == 0 {
		return passed
	}
	return wait(code, until)
}
