package cli

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// trace shows the way of one message.
type trace struct {
	serverFlags
	ID       string `arg:"" optional:"" help:"Message, for example m120."`
	Inbox    string `help:"With --sender-id: the inbox." placeholder:"NAME"`
	SenderID string `help:"The sender's own id of the message; then also what was refused is found." placeholder:"ID"`
	JSON     bool   `help:"As JSON."`
}

// way is the answer; what is not shown to people is left out.
type way struct {
	Message *struct {
		ID           string `json:"id"`
		Inbox        string `json:"inbox"`
		Kind         string `json:"kind"`
		Conversation string `json:"conversation"`
		Sequence     int64  `json:"sequence"`
	} `json:"message"`
	Stages []struct {
		Stage  string    `json:"stage"`
		At     time.Time `json:"at"`
		Result string    `json:"result"`
		Code   string    `json:"code"`
	} `json:"stages"`
	Decision *struct {
		Position   int64    `json:"position"`
		Revision   int64    `json:"revision"`
		Chosen     []string `json:"chosen"`
		Summary    string   `json:"summary"`
		Candidates []struct {
			Agent string `json:"agent"`
			Gates []struct {
				Gate    string `json:"gate"`
				Outcome string `json:"outcome"`
				Code    string `json:"code"`
			} `json:"gates"`
		} `json:"candidates"`
	} `json:"decision"`
	Deliveries []struct {
		Agent    string `json:"agent"`
		State    string `json:"state"`
		Attempts []struct {
			At         time.Time `json:"at"`
			Connection string    `json:"connection"`
			Result     string    `json:"result"`
			Error      string    `json:"error"`
		} `json:"attempts"`
	} `json:"deliveries"`
}

// Run implements the command.
func (v *trace) Run(s *session) error {
	r := request{method: http.MethodGet, path: "/messages/" + url.PathEscape(v.ID) + "/trace"}
	switch {
	case v.ID != "" && (v.Inbox != "" || v.SenderID != ""), v.ID == "" && (v.Inbox == "" || v.SenderID == ""):
		return usage("give a message's id, or --inbox together with --sender-id")
	case v.ID == "":
		r.path, r.query = "/messages/trace", url.Values{"inbox": {v.Inbox}, "sender_id": {v.SenderID}}
	}
	from, err := v.open(s)
	if err != nil {
		return err
	}
	var w way
	raw, err := from.call(s.ctx, r, &w)
	if err != nil {
		return err
	}
	if v.JSON {
		return s.raw(raw)
	}
	s.way(&w)
	return nil
}

// way prints a trace: the stages with the time between them, then why it went to whom.
func (s *session) way(w *way) {
	if m := w.Message; m != nil {
		s.print("%s  %s·%s  %s #%d\n", m.ID, m.Inbox, m.Kind, m.Conversation, m.Sequence)
	}
	var before time.Time
	for _, g := range w.Stages {
		step := ""
		if !before.IsZero() {
			step = "+" + g.At.Sub(before).Round(100*time.Microsecond).String()
		}
		before = g.At
		s.print("  %s  %s %s %s %s\n", g.At.In(s.zone).Format("15:04:05.000"), pad(step, 10), pad(g.Stage, 12), g.Result, g.Code)
	}
	if d := w.Decision; d != nil {
		s.print(s.pick("\n判定(位置 %d,版本 %d):%s\n", "\ndecision (position %d, revision %d): %s\n"), d.Position, d.Revision, d.Summary)
		for _, c := range d.Candidates {
			outcome, why := "pass", s.pick("可接收", "can receive")
			for _, g := range c.Gates {
				if g.Outcome == "block" || g.Outcome == "wait" || g.Outcome == "unknown" {
					outcome, why = g.Outcome, s.title(g.Code)
					break
				}
			}
			s.print("  %s %s %s\n", mark(outcome), pad(c.Agent, 16), why)
		}
	}
	for _, d := range w.Deliveries {
		s.print("\n%s %s: %s\n", s.pick("送达", "delivery to"), d.Agent, d.State)
		for _, a := range d.Attempts {
			s.print("  %s  %s  %s\n", a.At.In(s.zone).Format("15:04:05.000"), a.Connection, strings.TrimSpace(a.Result+" "+a.Error))
		}
	}
}
