package bench

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bidahq/bida/client"
)

// prefix is how the names of everything begin that a run makes.
const prefix = "bench-"

// mostInboxes is how many inboxes a run has: more than one, so that messages can go astray.
const mostInboxes = 4

// company is who is there in a run, and who may receive what. Agents and customers are dealt out to the inboxes in turn.
type company struct {
	run       string
	inboxes   []string
	agents    []string
	customers int
}

func newCompany(agents, customers int) *company {
	c := &company{run: strings.ToLower(rand.Text()[:8]), customers: customers}
	inboxes := min(mostInboxes, customers)
	if agents > 0 {
		inboxes = min(inboxes, agents)
	}
	for i := range inboxes {
		c.inboxes = append(c.inboxes, c.name("inbox", i))
	}
	for i := range agents {
		c.agents = append(c.agents, c.name("agent", i))
	}
	return c
}

func (c *company) name(what string, i int) string {
	return c.own(what) + "-" + strconv.Itoa(i+1)
}

func (c *company) own(what string) string { return c.begin() + what }

// begin is how the names of everything of this run begin.
func (c *company) begin() string { return prefix + c.run + "-" }

// source is the account that hands messages in.
func (c *company) source() string { return c.own("source") }

// inbox is the inbox that a customer writes to.
func (c *company) inbox(customer int) string { return c.inboxes[customer%len(c.inboxes)] }

// contact is a customer's id there.
func (c *company) contact(customer int) string { return "customer-" + strconv.Itoa(customer+1) }

// serves says whether an agent may receive a customer's messages.
func (c *company) serves(agent, customer int) bool {
	return agent%len(c.inboxes) == customer%len(c.inboxes)
}

// agent finds an agent by name.
func (c *company) agent(name string) (agent int, ok bool) {
	rest, ok := strings.CutPrefix(name, c.own("agent")+"-")
	n, err := strconv.Atoi(rest)
	return n - 1, ok && err == nil && n >= 1 && n <= len(c.agents)
}

// documents are the company as policy documents.
func (c *company) documents() []client.Document {
	title := "压测 bench " + c.run
	list := []client.Document{
		document("role", c.own("agent"), map[string]any{"title": title, "template": "agent"}),
		document("role", c.own("source"), map[string]any{"title": title, "permissions": []string{"message.post", "reply.read"}}),
		document("account", c.source(), map[string]any{"title": title, "roles": []string{c.own("source")}}),
	}
	for _, name := range c.agents {
		list = append(list, document("account", name, map[string]any{"title": title, "agent": true, "roles": []string{c.own("agent")}}))
	}
	for i, name := range c.inboxes {
		spec := map[string]any{"title": title, "channel": "api", "mode": "live", "kinds": []string{"customer"}, "routing": map[string]any{"strategy": "least_loaded"}}
		if len(c.agents) > 0 {
			members := []string{}
			for agent := i; agent < len(c.agents); agent += len(c.inboxes) {
				members = append(members, c.agents[agent])
			}
			slices.Sort(members)
			spec["members"], spec["capacity"] = map[string]any{"accounts": members}, c.capacity()
		}
		list = append(list, document("inbox", name, spec))
	}
	return list
}

// capacity is how many conversations each agent may have: so many that all customers find somebody also when half of the agents are gone, and so few that
// one agent does not get them all.
func (c *company) capacity() int {
	const spare = 4
	return spare * (c.customers/len(c.agents) + 1)
}

func document(kind, name string, spec map[string]any) client.Document {
	raw, err := json.Marshal(spec)
	if err != nil {
		panic(fmt.Sprintf("bench: encode %s %s: %v", kind, name, err)) // texts, numbers and lists of them
	}
	return client.Document{Kind: kind, Name: name, Spec: raw}
}
