package client

import "time"

// SelfReport is what a client tells of how it reaches its person; docs/realtime-protocol.md lists the values. What it leaves out is not known. A Session adds
// what it knows itself: connections made again, gaps, and by how much the clocks differ.
type SelfReport struct {
	Notifications string      `json:"notifications,omitempty"` // granted, denied, default or unsupported
	Secure        *bool       `json:"secure,omitempty"`
	Sound         string      `json:"sound,omitempty"` // on, off, blocked or unsupported
	Muted         *bool       `json:"muted,omitempty"`
	Browser       string      `json:"browser,omitempty"`
	Mode          string      `json:"mode,omitempty"`    // tab, installed, embedded or program
	Storage       string      `json:"storage,omitempty"` // ok, full or denied
	Filter        *ListFilter `json:"filter,omitempty"`
}

// ListFilter is what the client's list is restricted to, and never what is searched for.
type ListFilter struct {
	Tab    string `json:"tab,omitempty"`
	Inbox  string `json:"inbox,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Unread bool   `json:"unread,omitempty"`
	Search bool   `json:"search,omitempty"`
}

// refReport marks the answer to a report: there is none but from a server that does not know reports.
const refReport = "report"

// drift is by how much the difference of the clocks has to change to be reported again.
const drift = time.Second

// reporting is what a Session reports, and what it has seen itself.
type reporting struct {
	report *SelfReport // nil: nothing is reported
	due    bool

	welcomes, gaps int
	offset         *time.Duration // the client's clock minus the server's, as last reported
}

// Report sets what is reported, from now on and after every welcome.
func (s *Session) Report(r SelfReport) { s.reporting.report, s.reporting.due = &r, true }

// flush gives the report to send now; nil for none.
func (p *reporting) flush() []byte {
	if p.report == nil || !p.due {
		return nil
	}
	p.due = false
	frame := struct {
		Type string `json:"type"`
		SelfReport
		Reconnects  int    `json:"reconnects"`
		Gaps        int    `json:"gaps"`
		ClockOffset *int64 `json:"clock_offset_ms,omitempty"`
		Ref         string `json:"ref"`
	}{Type: "report", Ref: refReport, SelfReport: *p.report, Reconnects: max(p.welcomes-1, 0), Gaps: p.gaps}
	if p.offset != nil {
		ms := p.offset.Milliseconds()
		frame.ClockOffset = &ms
	}
	return encode(frame)
}

// answered compares the clocks by a pong: the server's time is taken for that of the middle between the ping and its answer.
func (p *reporting) answered(asked, now, at time.Time) {
	if at.IsZero() || asked.IsZero() {
		return
	}
	offset := asked.Add(now.Sub(asked) / 2).Sub(at)
	if p.offset == nil || (offset-*p.offset).Abs() >= drift {
		p.offset, p.due = &offset, true
	}
}
