package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Company is who may receive what, as the test knows it without asking the program: the policy is written from it.
type Company struct {
	Agents  []string
	Denied  map[string][]string // account → kinds it may not have
	Teams   map[string][]string
	Inboxes []Inbox
}

// Inbox is one entrance.
type Inbox struct {
	Name     string
	Mode     string
	Strategy string
	Sticky   bool
	Accept   string // accept timeout, "" for none
	Routing  string // what else its routing says
	Kinds    []string
	Accounts []string // direct members
	Teams    []string
	Capacity int // for each member
}

// Robot is the account that hands messages in and reads answers.
const Robot = "shop"

// company is the one that the runs use: an inbox for each way of routing that gives messages to agents, and inboxes that share agents.
func company() *Company {
	return &Company{
		Agents: []string{"agent-a", "agent-b", "agent-c", "agent-d", "agent-e", "agent-f"},
		Denied: map[string][]string{"agent-d": {"group"}},
		Teams:  map[string][]string{"east": {"agent-c", "agent-d"}},
		Inboxes: []Inbox{
			{Name: "web", Mode: "live", Strategy: "least_loaded", Kinds: []string{"customer", "group"}, Accounts: []string{"agent-a", "agent-b"}, Teams: []string{"east"}, Capacity: 40},
			{Name: "store", Mode: "live", Strategy: "round_robin", Sticky: true, Accept: "2s", Kinds: []string{"customer"}, Accounts: []string{"agent-b", "agent-c", "agent-e"}, Capacity: 40},
			{Name: "mail", Mode: "async", Strategy: "least_loaded", Kinds: []string{"customer"}, Accounts: []string{"agent-d", "agent-e", "agent-f"}, Capacity: 60},
			{Name: "lobby", Mode: "live", Strategy: "broadcast", Kinds: []string{"customer"}, Accounts: []string{"agent-a", "agent-e", "agent-f"}, Capacity: 40},
		},
	}
}

// Inbox finds an inbox; nil if there is none of that name.
func (c *Company) Inbox(name string) *Inbox {
	for i := range c.Inboxes {
		if c.Inboxes[i].Name == name {
			return &c.Inboxes[i]
		}
	}
	return nil
}

// Members lists who serves an inbox, directly or by team.
func (c *Company) Members(inbox string) []string {
	in := c.Inbox(inbox)
	if in == nil {
		return nil
	}
	list := slices.Clone(in.Accounts)
	for _, team := range in.Teams {
		list = append(list, c.Teams[team]...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// MayReceive says whether an account may be shown messages of an inbox and kind.
func (c *Company) MayReceive(account, inbox, kind string) bool {
	return slices.Contains(c.Members(inbox), account) && !slices.Contains(c.Denied[account], kind)
}

// YAML writes the company as a policy file.
func (c *Company) YAML() string {
	var b strings.Builder
	document := func(kind, name, format string, args ...any) {
		fmt.Fprintf(&b, "---\nkind: %s\nname: %s\nspec:\n", kind, name)
		for line := range strings.SplitSeq(strings.TrimSuffix(fmt.Sprintf(format, args...), "\n"), "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	list := func(names []string) string { return "[" + strings.Join(names, ", ") + "]" }
	document("role", "agent", "template: agent")
	document("role", "source", "permissions: [message.post, reply.read]")
	document("account", Robot, "title: 商城网站\nroles: [source]")
	for _, a := range c.Agents {
		text := "agent: true\nroles: [agent]\n"
		for _, kind := range c.Denied[a] {
			text += "deny: [{permission: receive." + kind + "}]\n"
		}
		document("account", a, "%s", text)
	}
	for name, members := range c.Teams {
		document("team", name, "members: %s", list(members))
	}
	for _, in := range c.Inboxes {
		accept := ""
		if in.Accept != "" {
			accept = ", accept_timeout: " + in.Accept
		}
		if in.Routing != "" {
			accept += ", " + in.Routing
		}
		document("inbox", in.Name, "channel: api\nmode: %s\nkinds: %s\nmembers: {accounts: %s, teams: %s}\nrouting: {strategy: %s, sticky: %t%s}\ncapacity: %d",
			in.Mode, list(in.Kinds), list(in.Accounts), list(in.Teams), in.Strategy, in.Sticky, accept, in.Capacity)
	}
	return b.String()
}
