package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/reception"
)

// ClientSpec is what is required of the version of an agent's client (客户端). The document's name is the client's: console, listen, or the name that a
// client of one's own gives in its hello; any is for all clients that have no document of their own.
type ClientSpec struct {
	Title   string   `json:"title,omitempty"`
	Minimum string   `json:"minimum,omitempty"`
	Blocked []string `json:"blocked,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

func (d *decoder) client(n *node) ClientSpec {
	var s ClientSpec
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"minimum", d.version(&s.Minimum)},
		field{"blocked", d.set(&s.Blocked, func(n *node, dst *string) bool { d.version(dst)(n); return *dst != "" })},
		field{"reason", d.text(&s.Reason)},
	) {
		return s
	}
	if len(s.Blocked) == 0 {
		s.Blocked = nil
	}
	d.needsOne(n, []string{"minimum", "blocked"}, "this requires nothing: give a minimum version, blocked versions, or both", "没有写明任何要求：请写最低版本(minimum)、禁用版本(blocked)或两者")
	return s
}

// version reads a semantic version.
func (d *decoder) version(dst *string) func(*node) {
	return func(n *node) {
		switch _, ok := reception.ParseVersion(n.text); {
		case n.describe(shape{Type: "string", Pattern: `^v?[0-9]+(\.[0-9]+)*([-+].*)?$`}):
		case n.typ == intNode || n.typ == floatNode:
			d.problem(n, "put the version in quotes: without them it is a number", "请给版本号加引号，否则会被当作数字")
		case n.typ != textNode:
			d.wrongType(n, "a version like 1.4.0", "版本号，如 1.4.0")
		case !ok:
			d.problem(n, fmt.Sprintf("%s is not a version like 1.4.0 or 1.5.0-rc.1", quoted(n.text)), fmt.Sprintf("%s 不是版本号，例如 1.4.0、1.5.0-rc.1", quoted(n.text)))
		default:
			*dst = n.text
		}
	}
}

// checkClientName refuses the long name of one of Bida's own clients, which would match none.
func (d *decoder) checkClientName(name string) bool {
	short := reception.ClientName(name)
	if short == name {
		return true
	}
	d.path = []string{"name"}
	d.problemAt(0, fmt.Sprintf("this client is called %q here", short), fmt.Sprintf("这个客户端在这里叫“%s”", short))
	return false
}

// Client finds the requirements for a client by name.
func (s *Set) Client(name string) (ClientSpec, bool) { return get[ClientSpec](s, KindClient, name) }

// ClientFor finds the requirements that count for a client, and the name of their document; ok is false if there are none.
func (s *Set) ClientFor(client string) (name string, spec ClientSpec, ok bool) {
	for _, name := range []string{client, reception.AnyClient} {
		if spec, ok := s.Client(name); ok {
			return name, spec, true
		}
	}
	return "", ClientSpec{}, false
}

func (c *compiler) clients() map[string]*reception.ClientRule {
	var rules map[string]*reception.ClientRule
	for _, name := range c.set.names(KindClient) {
		spec, _ := c.set.Client(name)
		rule := &reception.ClientRule{}
		rule.Minimum, _ = reception.ParseVersion(spec.Minimum)
		for _, blocked := range slices.Sorted(slices.Values(spec.Blocked)) {
			v, _ := reception.ParseVersion(blocked)
			rule.Blocked = append(rule.Blocked, v)
		}
		if rules == nil {
			rules = map[string]*reception.ClientRule{}
		}
		rules[name] = rule
	}
	return rules
}

// Required says in words which versions meet a spec: ">= 1.4.0, not 1.5.1".
func (s *ClientSpec) Required() string {
	var parts []string
	if s.Minimum != "" {
		parts = append(parts, ">= "+s.Minimum)
	}
	if len(s.Blocked) > 0 {
		parts = append(parts, "not "+strings.Join(s.Blocked, ", "))
	}
	return strings.Join(parts, ", ")
}
