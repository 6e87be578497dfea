package faults

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/client"
)

var errTaken = errors.New("a message that should be refused was taken in")

// filterClasses are filter rules that keep messages back. What they are about is a message.
func filterClasses() []*Class {
	var list []*Class
	matches := map[string]func(c *Case) (spec, string){
		"keywords": func(c *Case) (spec, string) {
			return spec{"keywords": []any{"加微信" + c.id}}, "请加微信" + c.id + "聊"
		},
		"pattern": func(*Case) (spec, string) { return spec{"patterns": []any{`1[3-9]\d{9}`}}, "电话 13812345678" },
		"sender": func(c *Case) (spec, string) {
			return spec{"senders": spec{"block": []any{"spam-" + c.id + "*"}}}, "hello"
		},
		"expression": func(*Case) (spec, string) {
			return spec{"expression": `length > 20 and plain contains "http"`}, "see http://example.org/offer"
		},
	}
	for _, name := range slices.Sorted(maps.Keys(matches)) { // in an order, so that a seed gives the same
		match := matches[name]
		for _, action := range []string{"quarantine", "reject"} {
			code := map[string]string{"quarantine": "filter.quarantined", "reject": "filter.rejected"}[action]
			list = append(list, &Class{Name: "filter." + action + "." + name, Asks: AboutMessage, Apply: func(c *Case) error {
				content, text := match(c)
				c.harmless = text
				return c.breaks("filter", code, "filter", "rule-"+c.id, "/spec", func(s spec) {
					s["inboxes"], s["match"], s["action"] = []any{c.inbox}, content, action
				})
			}, Symptom: func(c *Case) (client.Answer, error) {
				m, err := c.post("spam-"+c.id, c.harmless)
				if p := client.AsRefused(err); p != nil && p.Code == code {
					return c.refusedMessage()
				}
				return m, err
			}})
		}
	}
	return list
}

// refusedMessage finds the record of the message that was just refused by a rule.
func (c *Case) refusedMessage() (client.Answer, error) {
	t, err := c.admin().TraceSender(c.ctx, c.inbox, c.sender)
	return client.Answer{Message: t.Message}, err
}

// flowClasses are what happens to conversations and in the choice.
func flowClasses() []*Class {
	mate := func(c *Case) { c.mate = "mate-" + c.id }
	fill := func(c *Case, n int) error {
		for range n {
			m, err := c.post("", "one to be busy with")
			if err != nil {
				return err
			}
			if ok, err := c.arrived(m.Message); err != nil || !ok {
				return errors.Join(errors.New("the agent does not get what it is to be busy with"), err)
			}
		}
		return nil
	}
	return []*Class{
		{Name: "capacity.inbox_full", Quiet: true, Shape: func(c *Case) { c.documents["inbox/"+c.inbox]["capacity"] = 2 }, Apply: func(c *Case) error {
			c.cause(Root{Gate: "capacity", Code: "capacity.inbox_full", Document: "inbox/" + c.inbox, Field: "/spec/capacity"})
			return fill(c, 2-c.posts)
		}},
		{Name: "capacity.total_full", Quiet: true, Shape: func(c *Case) { c.documents["account/"+c.agent]["capacity"] = spec{"total": 2} }, Apply: func(c *Case) error {
			c.cause(Root{Gate: "capacity", Code: "capacity.total_full", Document: "account/" + c.agent, Field: "/spec/capacity/total"})
			return fill(c, 2-c.posts)
		}},
		{Name: "capacity.lowered", Apply: func(c *Case) error {
			if err := fill(c, 2); err != nil {
				return err
			}
			return c.breaks("capacity", "capacity.inbox_full", "account", c.agent, "/spec/capacity", func(s spec) {
				s["capacity"] = spec{"inboxes": spec{c.inbox: 1}}
			})
		}},
		{Name: "conversation.owned_by_colleague", Asks: AboutMessage, Shape: mate, Apply: func(c *Case) error { return c.hasMate("conversation.owned_by_colleague") }, Symptom: (*Case).writeOn},
		{Name: "conversation.owned_by_bot", Asks: AboutMessage, Shape: mate, Mate: func(_ *Case, s spec) { s["robot"] = true },
			Apply: func(c *Case) error { return c.hasMate("conversation.owned_by_bot") }, Symptom: (*Case).writeOn},
		{Name: "routing.not_chosen", Asks: AboutMessage, Quiet: true, Shape: func(c *Case) {
			mate(c)
			c.documents["inbox/"+c.inbox]["routing"] = spec{"strategy": pick(c, "least_loaded", "round_robin")}
		}, Apply: func(c *Case) error {
			if err := fill(c, 1); err != nil { // while it is alone
				return err
			}
			_, err := c.join(c.mate, client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true})
			c.cause(Root{Gate: "routing", Code: "routing.not_chosen"})
			return err
		}},
	}
}

// hasMate has a colleague who owns a conversation.
func (c *Case) hasMate(code string) error {
	if err := c.as(c.agent).SetPresence(c.ctx, c.agent, "away", "", time.Time{}); err != nil {
		return err
	}
	a, err := c.join(c.mate, client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true})
	if err != nil {
		return err
	}
	if c.talk, err = c.post("contact-"+c.id, "the first word"); err != nil {
		return err
	}
	if err := a.await(c.ctx, "the colleague has it", func() bool { return a.shown[c.talk.Message] }); err != nil {
		return err
	}
	c.cause(Root{Gate: "conversation", Code: code})
	return c.as(c.agent).SetPresence(c.ctx, c.agent, "available", "", time.Time{})
}

// writeOn has the contact of the case write again.
func (c *Case) writeOn() (client.Answer, error) { return c.post("contact-"+c.id, "and the second") }
