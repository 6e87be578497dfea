package faults

import (
	"time"
)

// here is the zone of the cases' schedules.
var here = time.FixedZone("CST", 8*3600)

// otherDays are days of the week far enough from today, so that a run over midnight changes nothing.
func otherDays() []any {
	names := everyDay()
	today := (int(time.Now().In(here).Weekday()) + 6) % 7
	return []any{names[(today+3)%7], names[(today+4)%7]}
}

func closedDays() any { return []any{spec{"days": otherDays(), "from": "09:00", "to": "18:00"}} }

// daysOff are exceptions that close today and the days around it.
func daysOff() []any {
	var list []any
	for d := -1; d <= 1; d++ {
		list = append(list, spec{"date": time.Now().In(here).AddDate(0, 0, d).Format(time.DateOnly), "off": true})
	}
	return list
}

// holidays are calendar days with today and the days around it off.
func holidays() spec {
	years := spec{}
	for d := -1; d <= 1; d++ {
		day := time.Now().In(here).AddDate(0, 0, d)
		year := day.Format("2006")
		y, ok := years[year].(spec)
		if !ok {
			y = spec{"off": []any{spec{"name": "盘点", "days": []any{}}}}
			years[year] = y
		}
		off := y["off"].([]any)[0].(spec)
		off["days"] = append(off["days"].([]any), day.Format(time.DateOnly))
	}
	return years
}

// windowClasses are faults of schedules: of the account's windows, its team's, and the inbox's hours.
func windowClasses() []*Class {
	own := func(c *Case) { c.documents["account/"+c.agent]["windows"] = []any{c.hours} }
	team := func(c *Case) { c.documents["team/"+c.team]["windows"] = []any{c.hours} }
	inbox := func(c *Case) {
		c.documents["schedule/business-"+c.id] = spec{"zone": "Asia/Shanghai", "weekly": aroundTheClock()}
		c.documents["inbox/"+c.inbox]["hours"] = "business-" + c.id
	}
	named := func(c *Case, gate string) string {
		return map[string]string{"window.agent": c.hours, "window.inbox": "business-" + c.id}[gate]
	}
	calendar := func(gate string, shape func(*Case)) func(*Case) {
		return func(c *Case) {
			shape(c)
			c.documents["calendar/calendar-"+c.id] = spec{"years": spec{"2020": spec{}}}
			c.documents["schedule/"+named(c, gate)]["calendar"] = "calendar-" + c.id
		}
	}
	weekly := func(gate, code string) func(*Case) error {
		return func(c *Case) error {
			return c.breaks(gate, code, "schedule", named(c, gate), "/spec/weekly", func(s spec) { s["weekly"] = closedDays() })
		}
	}
	off := func(gate, code string) func(*Case) error {
		return func(c *Case) error {
			return c.breaks(gate, code, "schedule", named(c, gate), "/spec/exceptions", func(s spec) { s["exceptions"] = daysOff() })
		}
	}
	holiday := func(gate, code string) func(*Case) error {
		return func(c *Case) error {
			return c.breaks(gate, code, "calendar", "calendar-"+c.id, "/spec/years", func(s spec) { s["years"] = holidays() })
		}
	}
	closed := func(c *Case) {
		c.documents["schedule/closed-"+c.id] = spec{"zone": "Asia/Shanghai", "weekly": closedDays()}
	}
	return []*Class{
		{Name: "window.agent.shortened", Mixes: true, Shape: own, Apply: weekly("window.agent", "window.agent.closed")},
		{Name: "window.agent.assigned", Mixes: true, Shape: closed, Apply: func(c *Case) error {
			return c.breaks("window.agent", "window.agent.closed", "account", c.agent, "/spec/windows", func(s spec) { s["windows"] = []any{"closed-" + c.id} })
		}},
		{Name: "window.agent.date_off", Mixes: true, Shape: own, Apply: off("window.agent", "window.agent.date_off")},
		{Name: "window.agent.holiday", Shape: calendar("window.agent", own), Apply: holiday("window.agent", "window.agent.holiday")},
		{Name: "window.agent.wrong_zone", Shape: func(c *Case) {
			own(c)
			c.documents["schedule/"+c.hours]["weekly"] = aroundNow()
		}, Apply: func(c *Case) error { // a shift that is right in one zone, twelve hours away
			return c.breaks("window.agent", "window.agent.closed", "schedule", c.hours, "/spec/zone", func(s spec) { s["zone"] = "America/Santiago" })
		}},
		{Name: "window.agent.team", Mixes: true, Team: 1, Shape: team, Apply: weekly("window.agent", "window.agent.team_closed")},
		{Name: "window.agent.team_assigned", Mixes: true, Team: 1, Shape: closed, Apply: func(c *Case) error {
			return c.breaks("window.agent", "window.agent.team_closed", "team", c.team, "/spec/windows", func(s spec) { s["windows"] = []any{"closed-" + c.id} })
		}},
		{Name: "window.inbox.shortened", Mixes: true, Shape: inbox, Apply: weekly("window.inbox", "window.inbox.closed")},
		{Name: "window.inbox.assigned", Mixes: true, Shape: closed, Apply: func(c *Case) error {
			return c.breaks("window.inbox", "window.inbox.closed", "inbox", c.inbox, "/spec/hours", func(s spec) { s["hours"] = "closed-" + c.id })
		}},
		{Name: "window.inbox.date_off", Mixes: true, Shape: inbox, Apply: off("window.inbox", "window.inbox.date_off")},
		{Name: "window.inbox.holiday", Shape: calendar("window.inbox", inbox), Apply: holiday("window.inbox", "window.inbox.holiday")},
	}
}

// aroundNow is a shift of eight hours around this moment, in the zone of the schedules.
func aroundNow() any {
	now := time.Now().In(here)
	return []any{spec{"days": everyDay(), "from": now.Add(-4 * time.Hour).Format("15:00"), "to": now.Add(4 * time.Hour).Format("15:00")}}
}

// switchClasses are faults of the push switches, of maintenance and of filter rules.
func switchClasses() []*Class {
	var list []*Class
	for _, level := range []string{"platform", "inbox", "account"} {
		gate := "switch." + level
		named := func(c *Case) string {
			return map[string]string{"platform": "platform", "inbox": "inbox." + c.inbox, "account": "account." + c.agent}[level]
		}
		on := Calm
		if level == "platform" {
			on = Alone
		}
		for _, state := range []string{"off", "paused", "paused_until", "limited"} {
			list = append(list, &Class{Name: gate + "." + state, On: on, Mixes: level != "platform" && state != "limited", Apply: func(c *Case) error {
				code := gate + "." + map[string]string{"off": "off", "paused": "paused", "paused_until": "paused", "limited": "limited"}[state]
				err := c.breaks(gate, code, "switch", named(c), "/spec", func(s spec) {
					s["state"], s["reason"] = map[string]string{"off": "off", "paused": "paused", "paused_until": "paused", "limited": "limited"}[state], "bench"
					if state == "limited" {
						s["per_minute"] = 1
					}
					if state == "paused_until" {
						s["until"] = time.Now().Add(time.Duration(1+c.rng.IntN(20)) * time.Hour).Truncate(time.Second).Format(time.RFC3339)
					}
				})
				if level == "platform" {
					c.undo = append(c.undo, func() error { return c.put("switch", "platform", nil) })
				}
				if err == nil && state == "limited" {
					_, err = c.post("", "the one that is let through")
				}
				return err
			}})
		}
	}
	maintenance := func(c *Case, code string, inboxes []any) error {
		from := time.Now().Add(-time.Minute).Truncate(time.Second)
		name := "maintenance-" + c.id
		content := spec{"title": "维护", "from": from.Format(time.RFC3339), "until": from.Add(2 * time.Hour).Format(time.RFC3339), "reason": "bench"}
		if inboxes != nil {
			content["inboxes"] = inboxes
		} else {
			c.undo = append(c.undo, func() error { return c.put("maintenance", name, nil) })
		}
		return c.breaks("maintenance", code, "maintenance", name, "/spec", func(s spec) {
			for k, v := range content {
				s[k] = v
			}
		})
	}
	list = append(list,
		&Class{Name: "maintenance.inbox", Mixes: true, Apply: func(c *Case) error { return maintenance(c, "maintenance.inbox", []any{c.inbox}) }},
		&Class{Name: "maintenance.platform", On: Alone, Apply: func(c *Case) error { return maintenance(c, "maintenance.platform", nil) }},
	)
	return append(list, filterClasses()...)
}
