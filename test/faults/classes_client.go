package faults

import (
	"net/http"
	"time"

	"github.com/bidahq/bida/client"
)

// clientClasses are faults of presence, connections and client versions.
func clientClasses() []*Class {
	var list []*Class
	for _, value := range []string{"away", "dnd", "offline"} {
		for _, self := range []bool{true, false} {
			name := "presence." + value + ".by_supervisor"
			if self {
				name = "presence." + value + ".by_self"
			}
			list = append(list, &Class{Name: name, Mixes: true, Apply: func(c *Case) error {
				by := c.agent
				if !self {
					by = c.boss()
				}
				c.cause(Root{Gate: "presence", Code: "presence." + value, By: by})
				return c.as(by).SetPresence(c.ctx, c.agent, value, pick(c, "", "午饭"), time.Time{})
			}})
		}
	}
	return append(list,
		&Class{Name: "presence.never_set", Quiet: true, Client: func(_ *Case, o *client.ListenOptions) { o.Available = false }, Apply: func(c *Case) error {
			c.cause(Root{Gate: "presence", Code: "presence.never_set"})
			return nil
		}},
		&Class{Name: "connection.never", Offline: true, Apply: func(c *Case) error {
			c.cause(Root{Gate: "connection", Code: "connection.never"})
			if err := signInAtBrowser(c); err != nil {
				return err
			}
			return c.as(c.boss()).SetPresence(c.ctx, c.agent, "available", "", time.Time{})
		}},
		&Class{Name: "connection.closed_by_client", Apply: func(c *Case) error {
			if err := signInAtBrowser(c); err != nil { // so that there is a session still when the page is closed
				return err
			}
			c.client.close()
			c.cause(Root{Gate: "connection", Code: "connection.closed_by_client"})
			return c.awaitGone()
		}},
		&Class{Name: "connection.cut", On: Quick, Apply: func(c *Case) error {
			c.client.cut()
			c.cause(Root{Gate: "connection", Code: "connection.broken"})
			return c.awaitGone()
		}},
		&Class{Name: "connection.half_open", On: Quick, Few: true, Apply: func(c *Case) error {
			c.client.freeze()
			c.cause(Root{Gate: "connection", Code: "connection.stale"})
			return c.awaitGone()
		}},
		&Class{Name: "connection.unresponsive", On: Quick, Few: true, Apply: func(c *Case) error { // a page that hangs, which is found out by a push
			c.client.hang()
			c.cause(Root{Gate: "connection", Code: "connection.unresponsive"})
			return pushUntilGivenUp(c)
		}},
		&Class{Name: "connection.delayed", On: Quick, Few: true, Rough: true, Apply: func(c *Case) error { // everything arrives later than the server waits, and before the client gives up
			c.client.slow(1600 * time.Millisecond)
			c.cause(Root{Gate: "connection", Code: "connection.unresponsive"})
			return pushUntilGivenUp(c)
		}, Measure: func(c *Case) (bool, error) { // it answers again with each late acknowledgement: what is asked about is the instant at which it did not
			arrived, err := c.symptom()
			if err != nil || arrived {
				return arrived, err
			}
			t, err := c.admin().Trace(c.ctx, c.message)
			for _, d := range t.Deliveries {
				if d.Agent == c.agent && len(d.Attempts) > 0 {
					c.at = d.Attempts[0].At.Add(quick.Ack + 300*time.Millisecond) // after it was given up, and before the answer can have come
				}
			}
			time.Sleep(time.Until(c.at) + 10*time.Millisecond) // nobody is told about the future
			return false, err
		}},
		&Class{Name: "client.version.below_minimum", Client: named("1.3.9"), Apply: func(c *Case) error {
			return c.breaks("client.version", "client.version.below_minimum", "client", "app-"+c.id, "/spec/minimum", func(s spec) { s["minimum"] = "1.4.0" })
		}},
		&Class{Name: "client.version.blocked", Client: named("1.5.1"), Apply: func(c *Case) error {
			return c.breaks("client.version", "client.version.blocked", "client", "app-"+c.id, "/spec/blocked", func(s spec) { s["blocked"] = []any{"1.5.1"} })
		}},
		&Class{Name: "client.version.unknown", Client: named("nightly build"), Apply: func(c *Case) error {
			return c.breaks("client.version", "client.version.unknown", "client", "app-"+c.id, "/spec/minimum", func(s spec) { s["minimum"] = "1.0.0" })
		}},
	)
}

// named has the agent use a client of the case's own, of a version.
func named(version string) func(*Case, *client.ListenOptions) {
	return func(c *Case, o *client.ListenOptions) {
		o.Name, o.Version = "app-"+c.id, version
		if len(c.truth) > 0 { // it is mended: a version that meets what is required
			o.Version = "2.0.0"
		}
	}
}

// signInAtBrowser begins a session as a browser does, without a connection.
func signInAtBrowser(c *Case) error {
	const password = "a long password of an agent"
	if _, err := c.admin().Do(c.ctx, client.Call{Method: http.MethodPut, Path: client.Path("accounts", c.agent, "password"), Body: spec{"password": password}}, nil); err != nil {
		return err
	}
	_, err := c.admin().Do(c.ctx, client.Call{Method: http.MethodPost, Path: "/sign-in", Body: spec{"account": c.agent, "password": password}}, nil)
	return err
}

// awaitGone waits until the server has no connection of the agent's.
func (c *Case) awaitGone() error {
	return until(c.ctx, c.agent+" has no connection", func() (bool, error) {
		connected, err := c.connected()
		return !connected, err
	})
}

// pushUntilGivenUp posts a message to a client that does not answer, and waits until the server has noticed.
func pushUntilGivenUp(c *Case) error {
	m, err := c.post("", "is anybody there?")
	if err != nil {
		return err
	}
	_, err = c.arrived(m.Message)
	return err
}
