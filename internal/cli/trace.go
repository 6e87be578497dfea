package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
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
	Message      *string `json:"message"`
	Inbox        string  `json:"inbox"`
	Kind         string  `json:"kind"`
	Conversation string  `json:"conversation"`
	Sequence     int64   `json:"sequence"`
	SenderID     string  `json:"sender_id"`
	Stages       []struct {
		Stage  string     `json:"stage"`
		At     *time.Time `json:"at"`
		Result string     `json:"result"`
		Code   string     `json:"code"`
		Agent  string     `json:"agent"`
		Field  string     `json:"field"`
		Detail string     `json:"detail"`
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
		Code     string `json:"code"`
		Attempts []struct {
			Number     int        `json:"number"`
			At         *time.Time `json:"at"`
			Connection string     `json:"connection"`
			Client     string     `json:"client"`
			Result     string     `json:"result"`
			Error      string     `json:"error"`
		} `json:"attempts"`
	} `json:"deliveries"`
}

// Run implements the command.
func (v *trace) Run(s *session) error {
	c := client.Call{Method: http.MethodGet, Path: client.Path("messages", v.ID, "trace")}
	switch {
	case v.ID != "" && (v.Inbox != "" || v.SenderID != ""), v.ID == "" && (v.Inbox == "" || v.SenderID == ""):
		return usage("give a message's id, or --inbox together with --sender-id")
	case v.ID == "":
		c.Path, c.Query = "/messages/trace", url.Values{"inbox": {v.Inbox}, "sender_id": {v.SenderID}}
	}
	from, err := v.open(s)
	if err != nil {
		return err
	}
	var w way
	raw, err := from.call(s.ctx, c, &w)
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
	if w.Message != nil {
		head := *w.Message + "  " + strings.TrimPrefix(w.Inbox+"·"+w.Kind, "·")
		if w.Conversation != "" {
			head += fmt.Sprintf("  %s #%d", w.Conversation, w.Sequence)
		}
		if w.SenderID != "" {
			head += "  " + w.SenderID
		}
		s.print("%s\n", head)
	} else {
		s.print("%s\n", s.pick("没有形成消息：请求都被拒绝了", "there is no message: what was sent was refused"))
	}
	s.stages(w)
	if d := w.Decision; d != nil {
		s.print(s.pick("\n判定（位置 %d，版本 %d）：%s\n", "\ndecision (position %d, revision %d): %s\n"), d.Position, d.Revision, d.Summary)
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
		s.print("\n%s %s: %s %s\n", s.pick("送达", "delivery to"), d.Agent, d.State, s.title(d.Code))
		for _, a := range d.Attempts {
			s.print("  %d  %s  %s  %s  %s\n", a.Number, s.clock(a.At), a.Connection, a.Client, strings.TrimSpace(a.Result+" "+a.Error))
		}
	}
}

// stages prints the stages with the time between them.
func (s *session) stages(w *way) {
	var before *time.Time
	for _, g := range w.Stages {
		step := ""
		if before != nil && g.At != nil {
			step = "+" + g.At.Sub(*before).Round(time.Millisecond).String()
		}
		if g.At != nil {
			before = g.At
		}
		more := strings.TrimSpace(strings.Join([]string{g.Agent, g.Field, g.Detail}, " "))
		if g.Code != "" {
			more = strings.TrimSpace(s.title(g.Code) + " " + more)
		}
		s.print("  %s  %s %s %s %s\n", s.clock(g.At), pad(step, 8), pad(g.Stage, 10), pad(g.Result, 10), more)
	}
}

// clock is the time of day of an instant that may not be known.
func (s *session) clock(at *time.Time) string {
	if at == nil {
		return pad("?", len("15:04:05.000"))
	}
	return at.In(s.zone).Format("15:04:05.000")
}
