package cli

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// post sends a message in.
type post struct {
	serverFlags
	Inbox        string   `required:"" help:"Inbox to send to." placeholder:"NAME"`
	Contact      string   `help:"Customer's id in this inbox." default:"terminal" placeholder:"ID"`
	Name         string   `help:"Customer's name." placeholder:"TEXT"`
	Kind         string   `help:"Kind of message; the inbox's first one if not given." placeholder:"KIND"`
	Conversation string   `help:"Conversation to write in, for example c12." placeholder:"ID"`
	ID           string   `help:"The sender's own id of the message; made up if not given." placeholder:"ID"`
	JSON         bool     `help:"As JSON."`
	Text         []string `arg:"" help:"What the customer says."`
}

// posted is the answer to a message.
type posted struct {
	Message      string   `json:"message"`
	Conversation string   `json:"conversation"`
	Sequence     int64    `json:"sequence"`
	Status       string   `json:"status"`
	Agent        string   `json:"agent"`
	Agents       []string `json:"agents"`
	Summary      string   `json:"summary"`
}

// Run implements the command.
func (v *post) Run(s *session) error {
	to, err := v.open(s)
	if err != nil {
		return err
	}
	id := v.ID
	if id == "" {
		id = "cli-" + strings.ToLower(rand.Text())
	}
	body := map[string]any{"id": id, "contact": map[string]string{"id": v.Contact, "name": v.Name}, "text": strings.Join(v.Text, " ")}
	if v.Name == "" {
		body["contact"] = map[string]string{"id": v.Contact}
	}
	for key, value := range map[string]string{"kind": v.Kind, "conversation": v.Conversation} {
		if value != "" {
			body[key] = value
		}
	}
	var p posted
	raw, err := to.call(s.ctx, request{method: http.MethodPost, path: "/inboxes/" + url.PathEscape(v.Inbox) + "/messages", body: body}, &p)
	if err != nil {
		return err
	}
	if v.JSON {
		return s.raw(raw)
	}
	s.print("%s  %s #%d  %s", p.Message, p.Conversation, p.Sequence, p.Status)
	if who := append([]string{}, p.Agents...); len(who) > 0 {
		s.print(" → %s", strings.Join(who, ", "))
	} else if p.Agent != "" {
		s.print(" → %s", p.Agent)
	}
	s.print("\n  %s\n", p.Summary)
	return nil
}
