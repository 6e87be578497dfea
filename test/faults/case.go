package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/client"
)

// Case is one agent with an inbox, a role, a team and a schedule of its own on a server, so that cases beside each other do not meet.
type Case struct {
	*Server
	ctx   context.Context
	rng   *rand.Rand
	class *Class
	seed  uint64
	spare bool // played only if nothing could be measured of its class

	id                                    string
	agent, mate, inbox, role, team, hours string // names; mate is a colleague, if the class needs one
	kind                                  string // of the messages that are looked at
	byTeam                                bool   // the agent is a member by its team

	documents    map[string]spec // kind/name → what it begins with
	client       *Agent
	tokenID      string
	secret       string
	lastRevision int64 // the last change of a document of the case, and which it was
	lastDocument string
	posts        int
	sender       string // the id of the last message that was posted

	truth    []Root
	harmless string // what a harmless change was, or what the message of the symptom says
	message  string // the one whose fate is the symptom
	summary  string // what the sender was told of it
	talk     client.Answer
	undo     []func() error // what ends a fault that no settings end
	extra    []*Agent
	closers  []func()
	at       time.Time // the instant that is asked about; none for the present
}

// newCase makes a case; what it begins with is in its documents.
func newCase(class *Class, seed uint64, n int) *Case {
	id := strconv.Itoa(n)
	c := &Case{
		rng: rand.New(rand.NewPCG(seed, 11)), class: class, seed: seed, id: id,
		agent: "agent-" + id, inbox: "inbox-" + id, role: "role-" + id, team: "team-" + id, hours: "hours-" + id, kind: "customer",
	}
	c.byTeam = c.coin()
	if class.Team != 0 {
		c.byTeam = class.Team > 0
	}
	c.documents = map[string]spec{
		"role/" + c.role:      {"template": "agent"},
		"account/" + c.agent:  {"title": "客服" + id, "agent": true, "roles": []any{c.role}},
		"team/" + c.team:      {"title": "组" + id, "members": []any{}},
		"schedule/" + c.hours: {"zone": "Asia/Shanghai", "weekly": aroundTheClock()},
		"inbox/" + c.inbox:    {"title": "渠道" + id, "kinds": []any{"customer", "group"}, "members": spec{}, "routing": spec{"strategy": "least_loaded"}},
	}
	if class.Shape != nil {
		class.Shape(c)
	}
	if c.byTeam {
		c.documents["team/"+c.team]["members"] = []any{c.agent}
		c.documents["inbox/"+c.inbox]["members"] = spec{"teams": []any{c.team}}
	} else {
		c.documents["inbox/"+c.inbox]["members"] = spec{"accounts": []any{c.agent}, "teams": []any{c.team}}
	}
	if c.mate != "" {
		c.documents["account/"+c.mate] = spec{"title": "同事" + id, "agent": true, "roles": []any{c.role}}
		if class.Mate != nil {
			class.Mate(c, c.documents["account/"+c.mate])
		}
		members := c.documents["inbox/"+c.inbox]["members"].(spec)
		list, _ := members["accounts"].([]any)
		members["accounts"] = append(list, c.mate)
	}
	return c
}

func everyDay() []any { return []any{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func (c *Case) coin() bool { return c.rng.IntN(2) == 0 }

func aroundTheClock() []any { return []any{spec{"days": everyDay(), "from": "00:00", "to": "24:00"}} }

// pick chooses one.
func pick[T any](c *Case, list ...T) T { return list[c.rng.IntN(len(list))] }

// boss chooses who changes something.
func (c *Case) boss() string { return bosses[c.rng.IntN(len(bosses))] }

func (c *Case) started() []client.Document {
	var list []client.Document
	for _, key := range slices.Sorted(maps.Keys(c.documents)) {
		list = append(list, documentOf(key, c.documents[key]))
	}
	return list
}

func documentOf(key string, content spec) client.Document {
	kind, name := split(key)
	return document(kind, name, content)
}

func split(key string) (kind, name string) {
	u, _ := url.Parse("//" + key)
	return u.Host, u.Path[1:]
}

// edit changes one document as somebody who may, and gives the revision that the API answers with and who it was. A document that does not exist is made; a nil
// change deletes.
func (c *Case) edit(kind, name string, change func(spec)) (revision int64, by string, err error) {
	by = c.boss()
	err = until(c.ctx, kind+"/"+name+" is changed", func() (bool, error) {
		revision, err = c.editOnce(c.as(by), kind, name, change)
		if p := client.AsRefused(err); p != nil && p.Code == "policy.stale" { // another case was faster
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		err = fmt.Errorf("%s/%s: %w", kind, name, err)
	}
	return revision, by, err
}

func (c *Case) editOnce(api *client.Client, kind, name string, change func(spec)) (int64, error) {
	base, content := int64(0), spec{}
	old, err := api.Document(c.ctx, kind, name)
	switch p := client.AsRefused(err); {
	case err == nil:
		base = old.Revision
		if err := json.Unmarshal(old.Spec, &content); err != nil {
			return 0, err
		}
	case p != nil && p.Status == http.StatusNotFound:
		if base, err = c.revision(); err != nil {
			return 0, err
		}
	default:
		return 0, err
	}
	if change == nil {
		applied, err := api.DeleteDocument(c.ctx, base, kind, name)
		return applied.Revision, err
	}
	change(content)
	d, err := api.PutDocument(c.ctx, base, kind, name, content)
	return d.Revision, err
}

// revision is the one in force.
func (s *Server) revision() (int64, error) {
	var out struct{ Revisions []struct{ Revision int64 } }
	_, err := s.admin().Do(context.Background(), client.Call{Method: http.MethodGet, Path: "/policy/revisions", Query: url.Values{"limit": {"1"}}}, &out)
	if err != nil || len(out.Revisions) == 0 {
		return 0, err
	}
	return out.Revisions[0].Revision, nil
}

// change makes one change of several documents, which is one revision.
func (c *Case) change(by string, changes map[string]func(spec)) (revision int64, err error) {
	err = until(c.ctx, "several documents are changed", func() (bool, error) {
		base, err := c.revision()
		if err != nil {
			return false, err
		}
		var list []client.Document
		for key, change := range changes {
			kind, name := split(key)
			content := spec{}
			old, err := c.as(by).Document(c.ctx, kind, name)
			if err != nil {
				return false, err
			}
			if err := json.Unmarshal(old.Spec, &content); err != nil {
				return false, err
			}
			change(content)
			list = append(list, document(kind, name, content))
		}
		applied, err := c.as(by).PutPolicy(c.ctx, base, list, false)
		if p := client.AsRefused(err); p != nil && p.Code == "policy.stale" {
			return false, nil
		}
		revision = applied.Revision
		return err == nil, err
	})
	return revision, err
}

// breaks changes a document, which is a cause from then on.
func (c *Case) breaks(gate, code, kind, name, field string, change func(spec)) error {
	revision, by, err := c.edit(kind, name, change)
	if err != nil {
		return err
	}
	c.lastRevision, c.lastDocument = revision, kind+"/"+name
	c.cause(Root{Gate: gate, Code: code, Document: kind + "/" + name, Field: field, Revision: revision, By: by})
	return nil
}

func (c *Case) cause(r Root) { c.truth = append(c.truth, r) }

// put is edit for what is no fault.
func (c *Case) put(kind, name string, change func(spec)) error {
	_, _, err := c.edit(kind, name, change)
	return err
}

// nextID makes the ids of messages different over all cases.
var nextID atomic.Int64

// post hands a message of a new contact in, or of the one that is named.
func (c *Case) post(contact, text string) (client.Answer, error) {
	c.posts++
	n := nextID.Add(1)
	if contact == "" {
		contact = fmt.Sprintf("contact-%s-%d", c.id, n)
	}
	c.sender = fmt.Sprintf("m-%d", n)
	m := client.Message{ID: c.sender, Contact: client.Contact{ID: contact}, Kind: c.kind, Text: text}
	return c.as(shop).PostMessage(c.ctx, c.inbox, m)
}

// connect signs the agent in and waits until it is connected and available.
func (c *Case) connect() error { return c.connectAs(func(*client.ListenOptions) {}) }

func (c *Case) connectAs(change func(*client.ListenOptions)) error {
	o := client.ListenOptions{ClientID: "desk", Name: "bench", Version: "1.4.0", Available: true}
	if c.class.Client != nil {
		c.class.Client(c, &o)
	}
	change(&o)
	var err error
	if c.secret == "" {
		if c.tokenID, c.secret, err = c.Server.token(c.ctx, c.agent, c.class.expires()); err != nil {
			return err
		}
	}
	if c.client, err = c.Server.listen(c.ctx, c.agent, c.secret, o); err != nil {
		return err
	}
	if err := c.client.awaitLive(c.ctx); err != nil {
		return err
	}
	if !o.Available {
		return nil
	}
	return c.awaitPresence(c.agent, "available")
}

func (c *Case) awaitPresence(account, value string) error {
	return until(c.ctx, account+" is "+value, func() (bool, error) {
		var p struct{ Value string }
		_, err := c.admin().Do(c.ctx, client.Call{Method: "GET", Path: client.Path("accounts", account, "presence")}, &p)
		return p.Value == value, err
	})
}

// join starts a client of a colleague.
func (c *Case) join(account string, o client.ListenOptions) (*Agent, error) {
	_, token, err := c.Server.token(c.ctx, account, time.Time{})
	if err != nil {
		return nil, err
	}
	a, err := c.Server.listen(c.ctx, account, token, o)
	if err != nil {
		return nil, err
	}
	c.extra = append(c.extra, a)
	if err := a.awaitLive(c.ctx); err != nil || !o.Available {
		return a, err
	}
	return a, c.awaitPresence(account, "available")
}

// close ends all clients.
func (c *Case) close() {
	if c.client != nil {
		c.client.close()
	}
	for _, a := range c.extra {
		a.close()
	}
	for _, f := range c.closers {
		f()
	}
}

// arrived says whether a message has been shown by the agent's client. It is decided by records, not by how long it takes: what was given to the agent and
// acknowledged is waited for; not arrived is what was given to nobody, or to others, by the durable decision, what was taken back, and what every push was
// given up for.
func (c *Case) arrived(message string) (bool, error) {
	var did bool
	err := until(c.ctx, message+" is settled", func() (bool, error) {
		if c.client != nil && c.client.has(message) {
			did = true
			return true, nil
		}
		t, err := c.admin().Trace(c.ctx, message)
		if err != nil {
			return false, err
		}
		mine := -1
		for i, d := range t.Deliveries {
			if d.Agent == c.agent {
				mine = i
			}
		}
		if mine < 0 {
			return true, nil
		}
		d := t.Deliveries[mine]
		switch d.State {
		case "withdrawn", "tombstone":
			return true, nil
		case "queued":
			for _, a := range d.Attempts {
				if a.Result == "unacknowledged" {
					return true, nil
				}
			}
			connected, err := c.connected()
			return err == nil && !connected, err
		default: // acknowledged: by this client, which shows it any moment, or by another one
			return c.client == nil || c.client.isOver(), nil
		}
	})
	if err == nil && c.client != nil && !did { // what came before it on the connection has been shown, so this was not on its way
		err = c.caughtUp()
		did = c.client.has(message)
	}
	return did, err
}

func (a *Agent) isOver() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over || !a.live || a.hung != nil
}

// connected says whether the server has a connection of the agent's.
func (c *Case) connected() (bool, error) {
	var out struct {
		Sessions []struct {
			Connections []struct{ ID string }
		}
	}
	if _, err := c.admin().Do(c.ctx, client.Call{Method: "GET", Path: client.Path("accounts", c.agent, "sessions")}, &out); err != nil {
		return false, err
	}
	for _, s := range out.Sessions {
		if len(s.Connections) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// caughtUp waits until the agent's client, if it is connected, has shown everything that was put into its list up to now.
func (c *Case) caughtUp() error {
	var out struct {
		Rows []struct {
			Sequence int64 `json:"agent_sequence"`
			Type     string
			State    string
		}
	}
	query := url.Values{"agent": {c.agent}, "limit": {"1"}}
	if _, err := c.admin().Do(c.ctx, client.Call{Method: "GET", Path: "/logs/push", Query: query}, &out); err != nil || len(out.Rows) == 0 {
		return err
	}
	err := c.client.await(c.ctx, fmt.Sprintf("entry %d is shown", out.Rows[0].Sequence), func() bool {
		return c.client.last >= out.Rows[0].Sequence || c.client.over || !c.client.live || c.client.hung != nil || c.client.frozen != nil || c.client.delay > 0
	})
	return err
}
