package cli

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/bidahq/bida/client"
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
	m := client.Message{
		ID: id, Contact: client.Contact{ID: v.Contact, Name: v.Name}, Conversation: v.Conversation, Kind: v.Kind, Text: strings.Join(v.Text, " "),
	}
	var p client.Answer
	raw, err := to.call(s.ctx, client.Call{Method: http.MethodPost, Path: client.Path("inboxes", v.Inbox, "messages"), Body: m}, &p)
	if err != nil {
		return err
	}
	if v.JSON {
		return s.raw(raw)
	}
	s.print("%s  %s #%d  %s", p.Message, p.Conversation, p.Sequence, p.Status)
	if len(p.Agents) > 0 {
		s.print(" → %s", strings.Join(p.Agents, ", "))
	} else if p.Agent != "" {
		s.print(" → %s", p.Agent)
	}
	s.print("\n  %s\n", p.Summary)
	return nil
}
