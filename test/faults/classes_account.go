package faults

import (
	"time"

	"github.com/bidahq/bida/client"
)

// accountClasses are faults of an account's state and of its sign-in.
func accountClasses() []*Class {
	var list []*Class
	for _, state := range []string{"invited", "disabled", "frozen", "banned", "left", "expired"} {
		list = append(list, &Class{Name: "account.state." + state, Mixes: true, Apply: func(c *Case) error { return closeAccount(c, state) }})
	}
	return append(list,
		&Class{Name: "account.state.past_expiry", Mixes: true, Apply: func(c *Case) error {
			at := time.Now().Add(-time.Duration(1+c.rng.IntN(72)) * time.Hour).Format(time.RFC3339)
			return c.breaks("account.state", "account.state.expired", "account", c.agent, "/spec/expires", func(s spec) { s["expires"] = at })
		}},
		&Class{Name: "account.login.never", Offline: true, Apply: func(c *Case) error {
			c.cause(Root{Gate: "account.login", Code: "account.login.never"})
			return nil
		}},
		&Class{Name: "account.login.ended", Mixes: true, Apply: func(c *Case) error {
			by := c.boss()
			if err := c.as(by).EndSessions(c.ctx, c.agent, ""); err != nil {
				return err
			}
			c.cause(Root{Gate: "account.login", Code: "account.login.ended", By: by})
			return c.client.awaitOver(c.ctx)
		}},
		&Class{Name: "account.login.token_revoked", Mixes: true, Apply: func(c *Case) error {
			by := c.boss()
			if err := c.as(by).RevokeTokens(c.ctx, c.agent, ""); err != nil {
				return err
			}
			c.cause(Root{Gate: "account.login", Code: "account.login.token_revoked", By: by})
			return c.client.awaitOver(c.ctx)
		}},
		&Class{Name: "account.login.expired", Expires: 4 * time.Second, Few: true, Apply: func(c *Case) error {
			c.cause(Root{Gate: "account.login", Code: "account.login.expired"})
			return c.client.awaitOver(c.ctx)
		}},
		&Class{Name: "account.login.signed_out", Mixes: true, Apply: func(c *Case) error {
			if err := c.as(c.agent).EndSessions(c.ctx, c.agent, ""); err != nil { // with its own token: it signs itself out
				return err
			}
			c.cause(Root{Gate: "account.login", Code: "account.login.signed_out", By: c.agent})
			return c.client.awaitOver(c.ctx)
		}},
	)
}

// closeAccount puts an account into a state in one of the two ways that there are.
func closeAccount(c *Case, state string) error {
	if state != "left" && state != "expired" && c.coin() {
		by := c.boss()
		if err := c.as(by).SetState(c.ctx, c.agent, state, "by the bench", time.Time{}); err != nil {
			return err
		}
		d, err := c.admin().Document(c.ctx, "account", c.agent)
		if err != nil {
			return err
		}
		c.cause(Root{Gate: "account.state", Code: "account.state." + state, Document: "account/" + c.agent, Field: "/spec/state", Revision: d.Revision, By: by})
		return c.client.awaitOver(c.ctx)
	}
	err := c.breaks("account.state", "account.state."+state, "account", c.agent, "/spec/state", func(s spec) { s["state"] = state })
	if err != nil {
		return err
	}
	return c.client.awaitOver(c.ctx)
}

// rightClasses are faults of permissions. What a class takes away, it takes away in one of the ways that lead to the code.
func rightClasses() []*Class {
	var list []*Class
	for _, x := range []struct{ gate, permission string }{
		{"role.receive", "receive"}, {"permission.kind", "receive.customer"}, {"permission.reply", "message.reply"},
	} {
		ofKind := func(c *Case) string {
			if x.gate == "permission.kind" && c.coin() {
				c.kind = "group"
				return "receive.group"
			}
			return x.permission
		}
		list = append(list,
			&Class{Name: x.gate + ".removed_from_role", Mixes: true, Apply: func(c *Case) error {
				permission := ofKind(c)
				return c.breaks(x.gate, x.gate+".removed_from_role", "role", c.role, "/spec/permissions", func(s spec) {
					if s["permissions"] == nil {
						s["permissions"] = agentPermissions("")
					}
					s["permissions"] = without(listOf(s["permissions"]), permission)
				})
			}},
			&Class{Name: x.gate + ".account_denied", Mixes: true, Apply: func(c *Case) error {
				permission := ofKind(c)
				return c.breaks(x.gate, x.gate+".account_denied", "account", c.agent, "/spec/deny", func(s spec) {
					s["deny"] = append(listOf(s["deny"]), spec{"permission": permission})
				})
			}},
			&Class{Name: x.gate + ".not_granted", Shape: func(c *Case) {
				c.documents["template/template-"+c.id] = spec{"permissions": agentPermissions("")}
				c.documents["role/"+c.role] = spec{"template": "template-" + c.id}
			}, Apply: func(c *Case) error { // the template loses it, and the role follows
				permission := ofKind(c)
				return c.breaks(x.gate, x.gate+".not_granted", "template", "template-"+c.id, "/spec/permissions", func(s spec) { s["permissions"] = agentPermissions(permission) })
			}},
			&Class{Name: x.gate + ".expired", Few: true, Shape: func(c *Case) {
				c.documents["role/"+c.role] = spec{"template": "agent", "permissions": agentPermissions(x.permission)}
				c.documents["account/"+c.agent]["allow"] = []any{spec{"permission": x.permission}}
			}, Apply: func(c *Case) error { // it is allowed until a moment that comes soon
				until := time.Now().Add(1500 * time.Millisecond).Truncate(time.Millisecond)
				err := c.breaks(x.gate, x.gate+".expired", "account", c.agent, "/spec/allow", func(s spec) {
					s["allow"] = []any{spec{"permission": x.permission, "until": until.Format(time.RFC3339Nano)}}
				})
				time.Sleep(time.Until(until) + 50*time.Millisecond)
				return err
			}},
		)
	}
	return append(list,
		&Class{Name: "role.receive.not_agent", Team: -1, Apply: func(c *Case) error { // who is no agent can be no member either
			by := c.boss()
			revision, err := c.change(by, map[string]func(spec){
				"account/" + c.agent: func(s spec) { delete(s, "agent") },
				"inbox/" + c.inbox: func(s spec) {
					s["members"].(spec)["accounts"] = without(listOf(s["members"].(spec)["accounts"]), c.agent)
				},
			})
			c.lastRevision, c.lastDocument = revision, "account/"+c.agent
			c.cause(Root{Gate: "role.receive", Code: "role.receive.not_agent", Document: "account/" + c.agent, Field: "/spec/agent", Revision: revision, By: by})
			c.cause(Root{Gate: "membership.inbox", Code: "membership.inbox.not_member", Document: "inbox/" + c.inbox, Field: "/spec/members", Revision: revision, By: by})
			return err
		}},
		&Class{Name: "role.receive.role_taken_away", Apply: func(c *Case) error {
			return c.breaks("role.receive", "role.receive.not_granted", "account", c.agent, "/spec/roles", func(s spec) { s["roles"] = []any{} })
		}},
		&Class{Name: "role.receive.other_role", Shape: func(c *Case) {
			c.documents["role/clerk-"+c.id] = spec{"permissions": []any{"conversation.view", "message.reply"}}
		}, Apply: func(c *Case) error {
			return c.breaks("role.receive", "role.receive.not_granted", "account", c.agent, "/spec/roles", func(s spec) { s["roles"] = []any{"clerk-" + c.id} })
		}},
	)
}

// agentPermissions are those of the built-in template agent, but one.
func agentPermissions(but string) []any {
	var list []any
	for _, p := range []string{
		"receive", "receive.customer", "receive.group", "receive.system", "receive.auto_reply", "receive.internal", "message.reply", "conversation.view",
		"conversation.accept", "conversation.transfer", "conversation.resolve", "conversation.release", "presence.set", "realtime.connect", "diagnosis.self", "token.own",
	} {
		if p != but {
			list = append(list, p)
		}
	}
	return list
}

func listOf(x any) []any {
	list, _ := x.([]any)
	return list
}

// placeClasses are faults of membership.
func placeClasses() []*Class {
	return []*Class{
		{Name: "membership.inbox.taken_out", Mixes: true, Team: -1, Apply: func(c *Case) error {
			return c.breaks("membership.inbox", "membership.inbox.not_member", "inbox", c.inbox, "/spec/members", func(s spec) {
				s["members"].(spec)["accounts"] = without(listOf(s["members"].(spec)["accounts"]), c.agent)
			})
		}},
		{Name: "membership.inbox.left_team", Mixes: true, Team: 1, Apply: func(c *Case) error {
			return c.breaks("membership.inbox", "membership.inbox.not_member", "team", c.team, "/spec/members", func(s spec) {
				s["members"] = without(listOf(s["members"]), c.agent)
			})
		}},
		{Name: "membership.inbox.team_taken_out", Mixes: true, Team: 1, Apply: func(c *Case) error {
			return c.breaks("membership.inbox", "membership.inbox.not_member", "inbox", c.inbox, "/spec/members", func(s spec) {
				s["members"].(spec)["teams"] = without(listOf(s["members"].(spec)["teams"]), c.team)
			})
		}},
		{Name: "intake.kind_not_produced", Shape: func(c *Case) { c.kind = "group" }, Symptom: refused("intake.kind_not_produced"), Apply: func(c *Case) error {
			return c.breaks("intake", "intake.kind_not_produced", "inbox", c.inbox, "/spec/kinds", func(s spec) { s["kinds"] = []any{"customer"} })
		}},
	}
}

// refused posts a message that must be refused with a code: then it cannot arrive.
func refused(code string) func(*Case) (client.Answer, error) {
	return func(c *Case) (client.Answer, error) {
		_, err := c.post("", "hello")
		if p := client.AsRefused(err); p != nil && p.Code == code {
			return client.Answer{}, nil
		} else if err == nil {
			return client.Answer{}, errTaken
		}
		return client.Answer{}, err
	}
}

func without(list []any, name string) []any {
	out := []any{}
	for _, x := range list {
		if x != name {
			out = append(out, x)
		}
	}
	return out
}
