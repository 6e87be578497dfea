package faults

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/bidahq/bida/client"
)

// mend carries out what a report proposes, through the API and at the client: for the first root, then asks again, as a person does, until no root is left. What
// cannot be done before something else is mended comes after it. ok is false where nothing can be done now: the fix is to wait, or there is none.
func (c *Case) mend(r *Report, q url.Values) (ok bool, err error) {
	q.Del("at") // what is mended is the present
	for range 6 {
		roots := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return !f.root() })
		if len(roots) == 0 {
			return ok, nil
		}
		if slices.ContainsFunc(roots, func(f Finding) bool { return !c.mendable(&f) }) {
			return false, nil
		}
		ok = true
		for i := range roots {
			if err = c.carryOut(roots[i].Fix); err == nil {
				break
			}
		}
		if err != nil {
			return ok, err
		}
		if c.class.Asks == AboutMessage {
			return ok, nil // what became of it is over
		}
		if r, err = c.ask(q); err != nil {
			return ok, err
		}
	}
	return ok, errors.New("there is a cause still after six fixes")
}

// mendable says whether a finding has a fix that can be carried out now.
func (c *Case) mendable(f *Finding) bool {
	return f.Fix != nil && f.Fix.Verified && len(f.Fix.Edits)+len(f.Fix.Actions) > 0 &&
		!slices.ContainsFunc(f.Fix.Actions, func(a Action) bool {
			return a.Action == "wait_until" || a.Action == "mend_component" && len(c.undo) == 0
		})
}

// carryOut does what one fix says: first the settings, then what people do, in the order in which it is possible.
func (c *Case) carryOut(f *Fix) error {
	if err := c.apply(f); err != nil {
		return err
	}
	order := []string{"mend_component", "create_token", "sign_in", "reload", "reconnect", "finish_conversation", "go_available", "release_message"}
	actions := slices.Clone(f.Actions)
	slices.SortFunc(actions, func(a, b Action) int { return slices.Index(order, a.Action) - slices.Index(order, b.Action) })
	for _, a := range actions {
		if err := c.act(a.Action); err != nil {
			return fmt.Errorf("%s: %w", a.Action, err)
		}
	}
	return nil
}

// apply carries out the edits of a fix. The revision that the report was made on is not in force any more where cases run beside each other; that nobody else
// changes the documents of a case is for the bench to see to.
func (c *Case) apply(f *Fix) error {
	var documents []client.Document
	for _, e := range f.Edits {
		if len(e.Spec) == 0 || string(e.Spec) == "null" {
			if err := c.put(e.Kind, e.Name, nil); err != nil {
				return err
			}
			continue
		}
		documents = append(documents, client.Document{Kind: e.Kind, Name: e.Name, Spec: e.Spec})
	}
	if len(documents) == 0 {
		return nil
	}
	_, err := c.admin().PutPolicy(c.ctx, -1, documents, false)
	return err
}

// act does what a person is asked to do.
func (c *Case) act(action string) error {
	switch action {
	case "create_token":
		c.secret = ""
		return nil // with the sign-in
	case "sign_in", "reconnect", "reload":
		if c.client != nil && action == "reconnect" && c.client.isLive() {
			return nil
		}
		if c.client != nil {
			c.client.close()
			c.client = nil
		}
		return c.reconnect()
	case "go_available":
		return c.as(c.agent).SetPresence(c.ctx, c.agent, "available", "", time.Time{})
	case "finish_conversation":
		return c.finish()
	case "release_message":
		_, err := c.admin().Do(c.ctx, client.Call{Method: "POST", Path: client.Path("messages", c.message, "release")}, nil)
		return err
	case "mend_component":
		undo := c.undo
		c.undo = nil
		for _, u := range undo {
			if err := u(); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("nobody here knows how to do that")
}

func (a *Agent) isLive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live && a.hung == nil && a.frozen == nil && a.delay == 0
}

// reconnect starts the agent's client anew, as it was; presence is a thing of its own.
func (c *Case) reconnect() error {
	return c.connectAs(func(o *client.ListenOptions) { o.Available = false })
}

// finish has the agent resolve a conversation of its own.
func (c *Case) finish() error {
	var out struct {
		Conversations []struct{ ID string }
	}
	api := c.as(c.agent)
	if _, err := api.Do(c.ctx, client.Call{Method: "GET", Path: "/conversations"}, &out); err != nil {
		return err
	}
	for _, x := range out.Conversations {
		if err := api.Act(c.ctx, x.ID, "resolve"); err != nil && client.AsRefused(err) == nil {
			return err
		}
	}
	return nil
}
