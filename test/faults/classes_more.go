package faults

import (
	"os/exec"
	"syscall"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// processClasses are faults of processes: the agent's program is killed or stopped, the server's dies.
func processClasses() []*Class {
	return []*Class{
		{Name: "connection.lost_with_process", On: Alone, Few: true, Quiet: true, Apply: func(c *Case) error { // nobody is there when the server comes back
			c.client.cut()
			if err := c.awaitGone(); err != nil {
				return err
			}
			c.client.thaw()
			if err := c.client.awaitLive(c.ctx); err != nil {
				return err
			}
			c.kill()
			c.client.close()
			c.cause(Root{Gate: "connection", Code: "connection.lost_with_process"})
			return c.start(c.ctx)
		}},
		{Name: "process.stopped", On: Quick, Few: true, Offline: true, Apply: func(c *Case) error { // a machine that sleeps: no byte is read or sent, and nothing is closed
			p, err := c.terminal()
			if err != nil {
				return err
			}
			if err := p.Signal(syscall.SIGSTOP); err != nil {
				return err
			}
			c.undo = append(c.undo, func() error { p.Kill(); return nil })
			c.cause(Root{Gate: "connection", Code: "connection.stale"})
			return c.awaitGone()
		}},
		{Name: "process.ended", Few: true, Offline: true, Apply: func(c *Case) error { // the person closes the program
			p, err := c.terminal()
			if err != nil {
				return err
			}
			if err := p.Signal(syscall.SIGTERM); err != nil {
				return err
			}
			if _, err := p.Wait(); err != nil {
				return err
			}
			c.cause(Root{Gate: "connection", Code: "connection.closed_by_client"})
			return c.awaitGone()
		}},
	}
}

// terminal starts the program's own terminal agent and waits until it is connected and available.
func (c *Case) terminal() (*release.Process, error) {
	if c.secret == "" {
		var err error
		if c.tokenID, c.secret, err = c.Server.token(c.ctx, c.agent, time.Time{}); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(c.program, "listen", "--server", c.url(), "--client", "terminal", "--json")
	cmd.Env = append(cmd.Environ(), "BIDA_TOKEN="+c.secret)
	p, err := release.Start("listen", cmd)
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, p.Kill)
	return p, c.awaitPresence(c.agent, "available")
}

// conversationClasses are what happens to a conversation on its way: nobody's fault, and to be told as such.
func conversationClasses() []*Class {
	mate := func(c *Case) { c.mate = "mate-" + c.id }
	routed := func(strategy string) func(*Case) {
		return func(c *Case) {
			mate(c)
			c.documents["inbox/"+c.inbox]["routing"] = spec{"strategy": strategy}
		}
	}
	return []*Class{
		{Name: "account.state.missing", Quiet: true, Apply: func(c *Case) error { // it was deleted, with its places
			err := c.put("inbox", c.inbox, func(s spec) { s["members"] = spec{"teams": []any{c.team}} })
			if err != nil {
				return err
			}
			if err := c.put("team", c.team, func(s spec) { s["members"] = []any{} }); err != nil {
				return err
			}
			return c.breaks("account.state", "account.state.missing", "account", c.agent, "", nil)
		}},
		{Name: "delivery.withdrawn.transferred", Asks: AboutMessage, Shape: mate, Quiet: true, Apply: func(c *Case) error {
			c.cause(Root{Gate: "push", Code: "delivery.withdrawn.transferred", By: c.agent})
			return nil
		}, Measure: func(c *Case) (bool, error) { // its client hangs, and a colleague is handed the conversation before it has shown anything
			return c.handedOver()
		}},
		{Name: "routing.claimed_by_colleague", Asks: AboutMessage, Quiet: true, Shape: routed("broadcast"), Apply: func(c *Case) error {
			c.cause(Root{Gate: "push", Code: "delivery.withdrawn.claimed_by_colleague", By: "mate-" + c.id})
			return nil
		}, Measure: func(c *Case) (bool, error) { return c.claimed() }},
		{Name: "conversation.snoozed", Asks: AboutMessage, Quiet: true, Apply: func(c *Case) error { // what waits is set aside before anybody is there
			return nil
		}, Measure: func(c *Case) (bool, error) { return c.setAside() }},
		{Name: "push.unacknowledged", On: Quick, Few: true, Asks: AboutMessage, Quiet: true, Apply: func(c *Case) error { // the page hangs when the message comes
			c.client.hang()
			c.cause(Root{Gate: "connection", Code: "connection.unresponsive"})
			return nil
		}},
		{Name: "routing.passed_over", Few: true, Asks: AboutMessage, Quiet: true, Shape: func(c *Case) {
			mate(c)
			c.documents["inbox/"+c.inbox]["routing"] = spec{"strategy": "least_loaded", "accept_timeout": "1s"}
		}, Apply: func(c *Case) error {
			c.cause(Root{Gate: "push", Code: "delivery.withdrawn.accept_timeout"})
			return nil
		}, Measure: func(c *Case) (bool, error) { return c.passedOver() }},
		{Name: "routing.offered_manual", Asks: AboutMessage, Quiet: true, Shape: func(c *Case) {
			c.documents["inbox/"+c.inbox]["routing"] = spec{"strategy": "manual"}
		}, Kind: Healthy, Nothing: true, Apply: nothing},
		{Name: "push.no_connection", On: Calm, Few: true, Asks: AboutMessage, Quiet: true, Apply: func(c *Case) error { // its owner's connection is cut, and the grace runs
			var err error
			if c.talk, err = c.post("contact-"+c.id, "the first word"); err != nil {
				return err
			}
			if _, err := c.arrived(c.talk.Message); err != nil {
				return err
			}
			c.client.cut()
			c.cause(Root{Gate: "connection", Code: "connection.grace"})
			return c.awaitGone()
		}, Symptom: (*Case).writeOn},
	}
}

// handedOver has the agent's client hang, a message come, and a supervisor hand the conversation to a colleague.
func (c *Case) handedOver() (bool, error) {
	c.client.hang()
	m, err := c.post("contact-"+c.id, "the first word")
	if err != nil {
		return false, err
	}
	c.message = m.Message
	if _, err := c.join(c.mate, client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true}); err != nil {
		return false, err
	}
	by := c.boss()
	c.truth[0].By = by
	if err := c.as(by).Transfer(c.ctx, m.Conversation, c.mate); err != nil {
		return false, err
	}
	return c.client.has(m.Message), nil
}

// claimed has a message be offered to two, of whom the agent's client hangs and the colleague takes it.
func (c *Case) claimed() (bool, error) {
	a, err := c.join(c.mate, client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true, ReceivedOnly: true})
	if err != nil {
		return false, err
	}
	c.client.hang()
	m, err := c.post("", "who is free?")
	if err != nil {
		return false, err
	}
	c.message = m.Message
	if err := a.await(c.ctx, "the colleague is offered it", func() bool { return a.shown[m.Message] }); err != nil {
		return false, err
	}
	if err := c.as(c.mate).Act(c.ctx, m.Conversation, "accept"); err != nil {
		return false, err
	}
	return c.client.has(m.Message), nil
}

// passedOver has the agent's client hang, a message come, and its time to be accepted run out, while a colleague is there.
func (c *Case) passedOver() (bool, error) {
	c.client.hang()
	m, err := c.post("", "who is free?")
	if err != nil {
		return false, err
	}
	c.message = m.Message
	a, err := c.join(c.mate, client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true})
	if err != nil {
		return false, err
	}
	err = a.await(c.ctx, "the colleague has it", func() bool { return a.shown[m.Message] })
	return c.client.has(m.Message), err
}

// setAside has a message wait because the agent is away, be set aside by a supervisor, and the agent come back.
func (c *Case) setAside() (bool, error) {
	if err := c.as(c.agent).SetPresence(c.ctx, c.agent, "away", "", time.Time{}); err != nil {
		return false, err
	}
	m, err := c.post("", "later, please")
	if err != nil {
		return false, err
	}
	c.message = m.Message
	by := c.boss()
	until := time.Now().Add(2 * time.Hour).Format(time.RFC3339)
	_, err = c.as(by).Do(c.ctx, client.Call{Method: "POST", Path: client.Path("conversations", m.Conversation, "snooze"), Body: spec{"until": until}}, nil)
	if err != nil {
		return false, err
	}
	c.cause(Root{Gate: "conversation", Code: "conversation.snoozed", By: by})
	if err := c.as(c.agent).SetPresence(c.ctx, c.agent, "available", "", time.Time{}); err != nil {
		return false, err
	}
	return c.arrived(m.Message)
}
