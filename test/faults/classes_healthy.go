package faults

import (
	"errors"
	"time"

	"github.com/bidahq/bida/client"
)

// healthyClasses are runs in which nothing is wrong: nothing was done, or a change that does no harm, or a fault that is over. Each must deliver, and whoever is
// accused is accused falsely.
func healthyClasses() []*Class {
	change := func(kind string, name func(*Case) string, changes ...func(*Case, spec)) func(*Case) error {
		return func(c *Case) error {
			for _, change := range changes {
				if err := c.put(kind, name(c), func(s spec) { change(c, s) }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	account := func(c *Case) string { return c.agent }
	inbox := func(c *Case) string { return c.inbox }
	windowed := func(c *Case) {
		c.documents["account/"+c.agent]["windows"] = []any{c.hours}
		c.documents["schedule/twin-"+c.id] = spec{"zone": "Asia/Shanghai", "weekly": aroundNow()}
		c.documents["schedule/closed-"+c.id] = spec{"zone": "Asia/Shanghai", "weekly": closedDays()}
	}
	list := []*Class{
		{Name: "untouched", Quiet: true, Apply: nothing},
		{Name: "renamed", Apply: nothing},
		{Name: "denied_and_allowed", Apply: change("account", account,
			func(_ *Case, s spec) { s["deny"] = []any{spec{"permission": "receive"}} }, func(_ *Case, s spec) { delete(s, "deny") })},
		{Name: "denied_another_kind", Apply: change("account", account, func(_ *Case, s spec) { s["deny"] = []any{spec{"permission": "receive.system"}} })},
		{Name: "allowed_twice", Apply: change("account", account, func(_ *Case, s spec) { s["allow"] = []any{spec{"permission": "receive.customer"}} })},
		{Name: "denial_that_ended", Apply: change("account", account, func(_ *Case, s spec) {
			s["deny"] = []any{spec{"permission": "receive", "until": time.Now().Add(-time.Hour).Truncate(time.Second).Format(time.RFC3339)}}
		})},
		{Name: "role_without_transfer", Apply: change("role", func(c *Case) string { return c.role }, func(_ *Case, s spec) { s["permissions"] = agentPermissions("conversation.transfer") })},
		{Name: "another_role", Shape: func(c *Case) {
			c.documents["role/twin-"+c.id] = spec{"permissions": agentPermissions("token.own")}
		}, Apply: change("account", account, func(c *Case, s spec) { s["roles"] = []any{"twin-" + c.id} })},
		{Name: "frozen_and_thawed", Apply: func(c *Case) error {
			for _, state := range []string{"frozen", "active"} {
				if err := c.as(c.boss()).SetState(c.ctx, c.agent, state, "", time.Time{}); err != nil {
					return err
				}
			}
			if err := c.client.awaitOver(c.ctx); err != nil {
				return err
			}
			return c.act("sign_in")
		}},
		{Name: "moved_to_team", Team: -1, Apply: func(c *Case) error {
			if err := c.put("team", c.team, func(s spec) { s["members"] = []any{c.agent} }); err != nil {
				return err
			}
			return c.put("inbox", c.inbox, func(s spec) { s["members"] = spec{"teams": []any{c.team}} })
		}},
		{Name: "taken_out_and_back", Team: 1, Apply: change("team", func(c *Case) string { return c.team },
			func(_ *Case, s spec) { s["members"] = []any{} }, func(c *Case, s spec) { s["members"] = []any{c.agent} })},
		{Name: "another_shift", Shape: windowed, Apply: change("account", account, func(c *Case, s spec) { s["windows"] = []any{"twin-" + c.id} })},
		{Name: "second_shift_closed", Shape: windowed, Apply: change("account", account, func(c *Case, s spec) { s["windows"] = []any{c.hours, "closed-" + c.id} })},
		{Name: "extended", Shape: windowed, Apply: change("account", account, func(c *Case, s spec) {
			s["windows"] = []any{"closed-" + c.id}
			s["extensions"] = []any{spec{"until": time.Now().Add(3 * time.Hour).Truncate(time.Second).Format(time.RFC3339), "reason": "顶班"}}
		})},
		{Name: "holiday_elsewhere", Shape: func(c *Case) {
			c.documents["calendar/calendar-"+c.id] = spec{"years": spec{"2020": spec{}}}
		}, Apply: change("calendar", func(c *Case) string { return "calendar-" + c.id }, func(_ *Case, s spec) { s["years"] = holidays() })},
		{Name: "switch_off_and_on", Apply: change("switch", func(c *Case) string {
			return map[bool]string{true: "inbox." + c.inbox, false: "account." + c.agent}[c.byTeam]
		},
			func(_ *Case, s spec) { s["state"], s["reason"] = "off", "bench" }, func(_ *Case, s spec) { s["state"] = "on" })},
		{Name: "pause_that_ended", Apply: change("switch", func(c *Case) string { return "account." + c.agent }, func(_ *Case, s spec) {
			s["state"], s["until"] = "paused", time.Now().Add(-time.Hour).Truncate(time.Second).Format(time.RFC3339)
		})},
		{Name: "limit_not_reached", Apply: change("switch", func(c *Case) string { return "inbox." + c.inbox }, func(_ *Case, s spec) { s["state"], s["per_minute"] = "limited", 100 })},
		{Name: "maintenance_planned", Apply: change("maintenance", func(c *Case) string { return "maintenance-" + c.id }, func(c *Case, s spec) {
			from := time.Now().Add(24 * time.Hour).Truncate(time.Second)
			s["from"], s["until"], s["inboxes"] = from.Format(time.RFC3339), from.Add(time.Hour).Format(time.RFC3339), []any{c.inbox}
		})},
		{Name: "filter_of_others", Apply: change("filter", func(c *Case) string { return "rule-" + c.id }, func(c *Case, s spec) {
			s["match"], s["action"], s["inboxes"] = spec{"keywords": []any{"加微信"}}, "quarantine", []any{c.inbox}
		})},
		{Name: "tagged", Apply: change("filter", func(c *Case) string { return "rule-" + c.id }, func(c *Case, s spec) {
			s["match"], s["action"], s["tag"], s["inboxes"] = spec{"keywords": []any{"hello"}}, "tag", "招呼", []any{c.inbox}
		})},
		{Name: "filter_switched_off", Apply: change("filter", func(c *Case) string { return "rule-" + c.id }, func(c *Case, s spec) {
			s["enabled"], s["match"], s["action"], s["inboxes"] = false, spec{"keywords": []any{"hello"}}, "reject", []any{c.inbox}
		})},
		{Name: "high_limit", Apply: change("inbox", inbox, func(_ *Case, s spec) { s["capacity"] = 50 })},
		{Name: "version_that_will_do", Client: named("1.4.0"), Apply: change("client", func(c *Case) string { return "app-" + c.id }, func(_ *Case, s spec) { s["minimum"] = "1.4.0" })},
		{Name: "away_and_back", Apply: func(c *Case) error {
			for _, value := range []string{"away", "available"} {
				if err := c.as(c.agent).SetPresence(c.ctx, c.agent, value, "", time.Time{}); err != nil {
					return err
				}
			}
			return nil
		}},
		{Name: "reconnected", Apply: func(c *Case) error {
			c.client.cut()
			c.client.thaw()
			return c.client.awaitLive(c.ctx)
		}},
		{Name: "signed_in_anew", Apply: func(c *Case) error {
			if err := c.as(c.boss()).RevokeTokens(c.ctx, c.agent, ""); err != nil {
				return err
			}
			if err := c.client.awaitOver(c.ctx); err != nil {
				return err
			}
			c.secret = ""
			return c.act("sign_in")
		}},
		{Name: "second_client", Apply: func(c *Case) error { // it acknowledges what the first one shows as well
			a, err := c.Server.listen(c.ctx, c.agent, c.secret, client.ListenOptions{ClientID: "phone", Name: "bench", Version: "1.4.0"})
			if err != nil {
				return err
			}
			c.extra = append(c.extra, a)
			return a.awaitLive(c.ctx)
		}},
		{Name: "colleague_frozen", Shape: func(c *Case) { c.mate = "mate-" + c.id }, Apply: func(c *Case) error {
			return c.as(c.boss()).SetState(c.ctx, c.mate, "frozen", "", time.Time{})
		}},
	}
	list = append(list, &Class{Name: "nobody_wrote", Nothing: true, Apply: nothing, Symptom: func(*Case) (client.Answer, error) { return client.Answer{}, nil }},
		&Class{Name: "source_without_token", Nothing: true, Shape: func(c *Case) {
			c.documents["account/source-"+c.id] = spec{"roles": []any{"source"}}
		}, Apply: nothing, Symptom: func(c *Case) (client.Answer, error) { // the shop's own mistake: what it sends is refused, and the agent is not to blame
			if _, _, err := c.Server.token(c.ctx, "source-"+c.id, time.Time{}); err != nil {
				return client.Answer{}, err
			}
			if err := c.as(c.boss()).RevokeTokens(c.ctx, "source-"+c.id, ""); err != nil {
				return client.Answer{}, err
			}
			_, err := c.as("source-"+c.id).PostMessage(c.ctx, c.inbox, client.Message{ID: "m", Contact: client.Contact{ID: "x"}, Text: "hello"})
			if p := client.AsRefused(err); p == nil || p.Status != 401 {
				return client.Answer{}, errors.Join(errTaken, err)
			}
			return client.Answer{}, nil
		}},
		&Class{Name: "source_without_right", Nothing: true, Shape: func(c *Case) {
			c.documents["account/source-"+c.id] = spec{}
		}, Apply: nothing, Symptom: func(c *Case) (client.Answer, error) {
			if _, _, err := c.Server.token(c.ctx, "source-"+c.id, time.Time{}); err != nil {
				return client.Answer{}, err
			}
			_, err := c.as("source-"+c.id).PostMessage(c.ctx, c.inbox, client.Message{ID: "m", Contact: client.Contact{ID: "x"}, Text: "hello"})
			if p := client.AsRefused(err); p == nil || p.Status != 403 {
				return client.Answer{}, errors.Join(errTaken, err)
			}
			return client.Answer{}, nil
		}},
	)
	for _, class := range list {
		class.Name, class.Kind = "healthy."+class.Name, Healthy
	}
	return list
}

func nothing(*Case) error { return nil }
