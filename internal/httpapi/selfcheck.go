package httpapi

import (
	"context"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/selfcheck"
)

// ClientCheckBody is a check of an account's windows.
type ClientCheckBody struct {
	At        Time                `json:"at"`
	Asked     bool                `json:"asked" doc:"somebody else asked for it; the person did otherwise"`
	ByAccount string              `json:"by_account,omitempty" doc:"who asked; left out where the caller may know the title only"`
	By        string              `json:"by,omitempty" doc:"what people call who asked"`
	Clients   []CheckedClientBody `json:"clients" doc:"none: no client was connected"`
}

// CheckedClientBody is what one client found.
type CheckedClientBody struct {
	Client     string           `json:"client"`
	About      string           `json:"about" doc:"its name and version"`
	Connection string           `json:"connection,omitempty" doc:"over which it was asked, or was connected"`
	Answered   bool             `json:"answered" doc:"false: it was asked, and said nothing in time; a program may not know of checks"`
	Tests      []ClientTestBody `json:"tests"`
}

// ClientTestBody is one thing that a client tried out.
type ClientTestBody struct {
	Test    string `json:"test" enum:"socket,message,reconnect,version,notifications,secure,sound,clock,storage"`
	Outcome string `json:"outcome" enum:"pass,block,wait,unknown,not_applicable"`
	Result  string `json:"result" maxLength:"32" doc:"ok, untried, timed_out or what is wrong: docs/realtime-protocol.md has the words"`
	Millis  *int64 `json:"ms,omitempty" doc:"how long it took; of the clock by how much it is ahead of the server's"`
}

type selfCheckOutput struct {
	Body struct {
		diagnosis.Outlook
		Last *ClientCheckBody `json:"last,omitempty" doc:"the last check of its windows; left out if there was none"`
	}
}

// checked writes a check for a caller.
func (s *Server) checked(by caller, c *ledger.SelfCheck) *ClientCheckBody {
	if c == nil {
		return nil
	}
	b := &ClientCheckBody{At: s.time(c.Origin.At), Asked: c.Origin.Cause == selfcheck.CauseAsked, Clients: []CheckedClientBody{}}
	if b.Asked {
		b.By = titleOf(s.o.Ledger.Policy(), c.Origin.By)
		if c.Origin.By == by.account || s.can(by, policy.DiagnosisView) {
			b.ByAccount = c.Origin.By
		} else if b.By == c.Origin.By {
			b.By = "" // has no title
		}
	}
	for i := range c.Clients {
		k := &c.Clients[i]
		client := CheckedClientBody{Client: k.Client, About: k.About, Connection: k.Connection, Answered: k.Answered, Tests: []ClientTestBody{}}
		for _, t := range k.Tests {
			client.Tests = append(client.Tests, ClientTestBody(t))
		}
		b.Clients = append(b.Clients, client)
	}
	return b
}

func (s *Server) readSelfCheck(ctx context.Context, by caller, in *AccountName) (*selfCheckOutput, error) {
	if s.o.Diagnose == nil {
		return nil, errNoDiagnosis
	}
	outlook, err := s.o.Diagnose.Outlook(ctx, by.account, diagnosis.Query{Agent: in.Name, Lang: by.lang})
	if err != nil {
		return nil, err
	}
	out := &selfCheckOutput{}
	out.Body.Outlook, out.Body.Last = *outlook, s.checked(by, s.o.SelfCheck.Last(in.Name))
	return out, nil
}

type clientCheckOutput struct{ Body *ClientCheckBody }

func (s *Server) askSelfCheck(ctx context.Context, by caller, in *AccountName) (*clientCheckOutput, error) {
	c, err := s.o.SelfCheck.Ask(ctx, in.Name, selfcheck.Asked{By: by.account, Request: by.request})
	if err != nil {
		return nil, err
	}
	return &clientCheckOutput{Body: s.checked(by, c)}, nil
}

// SelfTestInput names the client that a test message is for.
type SelfTestInput struct {
	Client string `json:"client" minLength:"1" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]+$" doc:"its id, as in its hello"`
}

type selfTestOutput struct {
	Body struct {
		Message       string `json:"message"`
		AgentSequence int64  `json:"agent_sequence" doc:"its number in the caller's stream"`
		At            Time   `json:"at" doc:"when it was stored"`
	}
}

func (s *Server) sendTest(ctx context.Context, by caller, in *struct{ Body SelfTestInput }) (*selfTestOutput, error) {
	t, err := s.o.SelfCheck.SendTest(ctx, by.account, in.Body.Client)
	if err != nil {
		return nil, err
	}
	out := &selfTestOutput{}
	out.Body.Message, out.Body.AgentSequence, out.Body.At = conversation.MessageID(t.Message), t.Sequence, s.time(t.At)
	return out, nil
}

type selfTestStageOutput struct {
	Body struct {
		Stage       string `json:"stage" enum:"stored,pushed,elsewhere,received,over" doc:"stored: nothing is recorded of a push yet. pushed: and not acknowledged. elsewhere: another client acknowledged it, this one did not. over: taken back after half a minute"`
		StoredAt    Time   `json:"stored_at"`
		PushedAt    *Time  `json:"pushed_at,omitempty" doc:"of the first push that is recorded; pushes are recorded when they are acknowledged or given up"`
		ReceivedAt  *Time  `json:"received_at,omitempty" doc:"when the first client acknowledged it"`
		ReceivedBy  string `json:"received_by,omitempty" doc:"id of that client"`
		ReceivedHow string `json:"received_how,omitempty" doc:"its name and version"`
		Attempts    int    `json:"attempts"`
	}
}

func (s *Server) readTest(ctx context.Context, by caller, in *struct {
	ID     string `path:"id"`
	Client string `query:"client" required:"true" maxLength:"128"`
}) (*selfTestStageOutput, error) {
	position, ok := conversation.ParseID('m', in.ID)
	if !ok {
		return nil, selfcheck.ErrNoTest
	}
	r, err := s.o.SelfCheck.Reached(ctx, by.account, in.Client, position)
	if err != nil {
		return nil, err
	}
	d := &r.Delivery
	out := &selfTestStageOutput{}
	b := &out.Body
	b.Stage, b.StoredAt, b.PushedAt, b.ReceivedAt, b.Attempts = string(r.Stage), s.time(d.At), s.maybe(d.PushedAt), s.maybe(d.ReceivedAt), d.Attempts
	if !d.ReceivedAt.IsZero() {
		b.ReceivedBy, b.ReceivedHow = d.ReceivedBy, d.Client
	}
	return out, nil
}

// ClientTestsBody is what a client found.
type ClientTestsBody struct {
	SelfTestInput
	Check string           `json:"check,omitempty" maxLength:"64" doc:"of the frame that asked for it; left out where the person did"`
	Tests []ClientTestBody `json:"tests" minItems:"1" maxItems:"9"`
}

func (s *Server) reportSelfCheck(ctx context.Context, by caller, in *struct{ Body ClientTestsBody }) (*none, error) {
	r := selfcheck.Report{Client: in.Body.Client, Check: in.Body.Check}
	for _, t := range in.Body.Tests {
		r.Tests = append(r.Tests, ledger.ClientTest(t))
	}
	return nil, s.o.SelfCheck.Report(ctx, by.account, r)
}
