package reception

import "strings"

// AnyClient is the name under which a policy has the requirements for all clients that have none of their own.
const AnyClient = "any"

// ClientRule is what a policy requires of the version of an agent's client.
type ClientRule struct {
	Minimum Version // not known: none
	Blocked []Version
}

// Client is the client on one of an account's connections, as it said in its hello.
type Client struct {
	Name    string  // "" if it gave none
	Version Version // not known if it gave none, or none that can be read
	Text    string  // the version as it was given
	// Notice is how it gets its person's attention, as it last reported.
	Notice Notice
}

// ClientName is what a client is called in policies: Bida's own lose what they have in common, "bida-console" is console.
func ClientName(hello string) string { return strings.TrimPrefix(hello, "bida-") }

// NewClient is the client that gives itself this name and version in its hello.
func NewClient(name, version string) Client {
	v, _ := ParseVersion(version)
	return Client{Name: ClientName(name), Version: v, Text: version}
}

// RuleFor finds the requirements for a client by its name; nil if there are none.
func (p *Policy) RuleFor(client string) *ClientRule {
	if r := p.Clients[client]; r != nil {
		return r
	}
	return p.Clients[AnyClient]
}

// Judge says what a version comes to: no code if it meets the requirements.
func (r *ClientRule) Judge(v Version) (Outcome, Code) {
	if !v.Known() {
		return Unknown, CodeClientVersionUnknown
	}
	for i := range r.Blocked {
		if v.Compare(r.Blocked[i]) == 0 {
			return Block, CodeClientVersionBlocked
		}
	}
	if r.Minimum.Known() && v.Compare(r.Minimum) < 0 {
		return Block, CodeClientVersionBelowMinimum
	}
	return Pass, 0
}

// clientCell is gate client.version: one connection whose client meets the requirements is enough. Without any connection there is nothing to see;
// that is for the gate connection to say. An owner finishes what it has with a client that is merely old; a version that was blocked is one that
// nothing may be left to.
func (e *evaluator) clientCell(c *Candidate, facts *Agent) Cell {
	if len(e.policy.Clients) == 0 {
		return passed
	}
	if len(facts.Clients) == 0 {
		return notApplicable
	}
	best := Cell{Outcome: Undecided}
	for i := range facts.Clients {
		rule := e.policy.RuleFor(facts.Clients[i].Name)
		if rule == nil {
			return passed
		}
		outcome, code := rule.Judge(facts.Clients[i].Version)
		if outcome == Pass {
			return passed
		}
		if best.Outcome == Undecided || clientRank(code) < clientRank(best.Code) {
			best = Cell{Outcome: outcome, Code: code}
		}
	}
	if c.Owner && best.Code == CodeClientVersionBelowMinimum {
		return passedWith(best.Code)
	}
	return best
}

// clientRank puts the better of two clients first: one that is merely old, then one of which nothing is known, then one that is blocked.
func clientRank(code Code) int {
	switch code {
	case CodeClientVersionBelowMinimum:
		return 0
	case CodeClientVersionUnknown:
		return 1
	}
	return 2
}
