package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// mend carries out what a report proposes for all its roots, through the API and at the client. ok is false where that cannot be done now: the fix is to wait, or
// there is none.
func (c *Case) mend(r *Report) (ok bool, err error) {
	ok = true
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.root() {
			continue
		}
		if f.Fix == nil || !f.Fix.Verified || len(f.Fix.Edits)+len(f.Fix.Actions) == 0 {
			return false, nil
		}
		for _, a := range f.Fix.Actions {
			ok = ok && a.Action != "wait_until"
		}
	}
	if !ok {
		return false, nil
	}
	var actions []string
	for i := range r.Findings {
		if f := &r.Findings[i]; f.root() {
			if err := c.apply(f.Fix); err != nil {
				return true, err
			}
			for _, a := range f.Fix.Actions {
				if !slices.Contains(actions, a.Action) {
					actions = append(actions, a.Action)
				}
			}
		}
	}
	// What a person does at a client comes after what is done for it.
	order := []string{"mend_component", "create_token", "sign_in", "reload", "reconnect", "finish_conversation", "go_available", "release_message"}
	slices.SortFunc(actions, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	for _, action := range actions {
		if err := c.act(action); err != nil {
			return true, fmt.Errorf("%s: %w", action, err)
		}
	}
	return true, nil
}

// apply carries out the edits of one finding in one change, as it says. The revision that the report was made on is not in force any more where cases run beside
// each other, so each document is looked at: it must be the one that the edit was made for.
func (c *Case) apply(f *Fix) error {
	if len(f.Edits) == 0 {
		return nil
	}
	var documents []client.Document
	for _, e := range f.Edits {
		if len(e.Spec) == 0 || string(e.Spec) == "null" {
			if err := c.put(e.Kind, e.Name, nil); err != nil {
				return err
			}
			continue
		}
		documents = append(documents, client.Document{Kind: e.Kind, Name: e.Name, Spec: c.merged(e.Kind, e.Name, e.Spec, f)})
	}
	if len(documents) == 0 {
		return nil
	}
	return until(c.ctx, "the fix is applied", func() (bool, error) {
		_, err := c.admin().PutPolicy(c.ctx, -1, documents, false)
		if p := client.AsRefused(err); p != nil && p.Status == 412 {
			return false, nil
		}
		return err == nil, err
	})
}

// merged is the document as an edit wants it. Two findings may each edit one document; their specs were worked out apart, so that of the second only the
// field it is about is taken.
func (c *Case) merged(kind, name string, raw json.RawMessage, f *Fix) json.RawMessage {
	d, err := c.admin().Document(c.ctx, kind, name)
	if err != nil {
		return raw
	}
	now, want := spec{}, spec{}
	if json.Unmarshal(d.Spec, &now) != nil || json.Unmarshal(raw, &want) != nil {
		return raw
	}
	for _, e := range f.Edits {
		if e.Kind != kind || e.Name != name {
			continue
		}
		for _, field := range e.Fields {
			top := strings.SplitN(strings.TrimPrefix(strings.TrimPrefix(field.Path, "/spec"), "/"), "/", 2)[0]
			if top == "" {
				return raw
			}
			if x, ok := want[top]; ok {
				now[top] = x
			} else {
				delete(now, top)
			}
		}
	}
	out, err := json.Marshal(now)
	if err != nil {
		return raw
	}
	return out
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
