package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/diagnosis"
)

// diagnose asks why an agent does, or does not, receive, or why nobody has a message.
type diagnose struct {
	serverFlags
	question
	patternFlags
}

// question is what a diagnosis is asked.
type question struct {
	Agent    string `help:"Agent to ask about. Without it, and with --message or --sender-id: who has the message, and why nobody has it." placeholder:"NAME"`
	Inbox    string `help:"Only this inbox." placeholder:"NAME"`
	Kind     string `help:"Only this kind of messages, for example group." placeholder:"KIND"`
	Message  string `help:"Only this message, for example m120." placeholder:"ID"`
	SenderID string `name:"sender-id" help:"The message that its sender gave this id in --inbox; also one that was refused, or never came in." placeholder:"ID"`
	Excess   bool   `help:"The other way round: why does the agent get, or could it get, what it should not?"`
	At       string `help:"As of an instant: 2026-11-20T14:02:00+08:00, or 2026-11-20 14:02, or 14:02 for today." placeholder:"TIME"`
	// What is only thought of:
	AsRole []string `help:"What if the agent had this role instead of its own? Can be given more than once. Changes nothing." placeholder:"ROLE"`
	With   string   `help:"What if these documents were in force, beside all others? Changes nothing." placeholder:"FILE"`
	JSON   bool     `help:"As JSON."`
}

// check refuses a question that is about nothing.
func (q *question) check() error {
	switch {
	case q.Agent == "" && q.Message == "" && q.SenderID == "":
		return usage("--agent: say which agent, or name a message with --message or --sender-id")
	case q.Excess && q.Agent == "":
		return usage("--excess: say with --agent who gets what it should not")
	case q.Message != "" && q.SenderID != "":
		return usage("--sender-id: name the message by --message or by --sender-id, not by both")
	case q.SenderID != "" && q.Inbox == "":
		return usage("--sender-id: a sender's id is that of one inbox; say which with --inbox")
	}
	return nil
}

// Run implements the command.
func (v *diagnose) Run(s *session) error {
	if v.Patterns {
		return v.patterns(s)
	}
	if v.From != "" || v.To != "" {
		return usage("--from, --to: they go with --patterns")
	}
	if err := v.check(); err != nil {
		return err
	}
	from, err := v.open(s)
	if err != nil {
		return err
	}
	call, err := v.call(s)
	if err != nil {
		return err
	}
	var report diagnosis.Report
	raw, err := from.call(s.ctx, call, &report)
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.raw(raw)
	} else {
		s.report(&report)
	}
	if err != nil {
		return err
	}
	return verdict(&report)
}

// verdict ends a command that showed a report.
func verdict(r *diagnosis.Report) error {
	if r.Verdict == diagnosis.Receiving || r.Verdict == diagnosis.NoTraffic {
		return nil
	}
	return answered(statusNo)
}

// call is the question to the server.
func (v *diagnose) call(s *session) (client.Call, error) {
	if len(v.AsRole) > 0 || v.With != "" {
		if v.Excess || v.SenderID != "" || v.Agent == "" {
			return client.Call{}, usage("--as-role, --with: ask what an agent would receive; they go with --agent, and not with --excess or --sender-id")
		}
		body, err := v.supposed(s)
		return client.Call{Method: http.MethodPost, Path: "/what-if", Body: body}, err
	}
	query := url.Values{}
	for key, value := range map[string]string{"agent": v.Agent, "sender_id": v.SenderID, "inbox": v.Inbox, "kind": v.Kind, "message": v.Message} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if v.Excess {
		query.Set("excess", "true")
	}
	if v.At != "" {
		at, err := instant("--at", v.At, time.Now().In(s.zone))
		if err != nil {
			return client.Call{}, err
		}
		query.Set("at", at.Format(time.RFC3339Nano))
	}
	return client.Call{Method: http.MethodGet, Path: "/diagnosis", Query: query}, nil
}

// raw prints a server's answer as it is, with line breaks.
func (s *session) raw(answer json.RawMessage) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(answer), "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := s.Out.Write(out.Bytes())
	return err
}

// instant reads a time as people write it.
func instant(flag, text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, usage("%s: want a time such as 2026-11-20T14:02:00+08:00, 2026-11-20 14:02 or 14:02, got %q", flag, text)
}
