package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/reception"
)

// FactReport is the name of the fact that a connection's client reports of itself.
const FactReport = "report"

// ModeProgram is the mode of a client that no person looks at.
const ModeProgram = "program"

// Report is what a client tells of how it reaches its person. It has no text and no names but those of settings, and what it leaves out is not known. This
// is also how the store keeps it.
type Report struct {
	Notifications string      `json:"notifications,omitempty"` // granted, denied, default or unsupported
	Secure        *bool       `json:"secure,omitempty"`
	Sound         string      `json:"sound,omitempty"` // on, off, blocked or unsupported
	Muted         *bool       `json:"muted,omitempty"`
	Browser       string      `json:"browser,omitempty"`
	Mode          string      `json:"mode,omitempty"`    // tab, installed, embedded or program
	Storage       string      `json:"storage,omitempty"` // ok, full or denied
	Reconnects    *int64      `json:"reconnects,omitempty"`
	Gaps          *int64      `json:"gaps,omitempty"`
	ClockOffset   *int64      `json:"clock_offset_ms,omitempty"` // the client's clock minus the server's
	Filter        *ListFilter `json:"filter,omitempty"`
}

// ListFilter is what a client's list is restricted to.
type ListFilter struct {
	Tab    string `json:"tab,omitempty"`
	Inbox  string `json:"inbox,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Unread bool   `json:"unread,omitempty"`
	Search bool   `json:"search,omitempty"` // something is searched for; what is not told
}

// Told is what a connection's client told of how it reaches its person.
type Told struct {
	// Visible says whether a person can see its window, as of VisibleOrigin; that has no position if the client never said.
	Visible       bool
	VisibleOrigin reception.Origin
	// Report is what it reported last, as of ReportOrigin; nil if it never did.
	Report       *Report
	ReportOrigin reception.Origin

	raw []byte // Report as it is stored
}

// Told is what the client of the connection told.
func (s *Socket) Told() Told { return s.told }

// SetVisible records whether the person can see the client's window. It is evidence: no message takes another way for it.
func (tx *Tx) SetVisible(account, id string, visible bool) {
	a, i := tx.socket(account, id)
	if i < 0 || a.Sockets[i].told.VisibleOrigin.Position != 0 && a.Sockets[i].told.Visible == visible {
		return
	}
	tx.told(account, i, func(t *Told) {
		t.VisibleOrigin = tx.setFact(AccountSubject(account), FactVisible, id, t.VisibleOrigin.Position, visible, fromClient(account))
		t.Visible = visible
	})
}

// SetReport records what a client reports of itself; what says the same as before is not written. Like visibility it is evidence.
func (tx *Tx) SetReport(account, id string, r Report) {
	a, i := tx.socket(account, id)
	if i < 0 {
		return
	}
	raw, err := json.Marshal(r)
	if err != nil || bytes.Equal(raw, a.Sockets[i].told.raw) {
		return
	}
	tx.told(account, i, func(t *Told) {
		t.ReportOrigin = tx.setFact(AccountSubject(account), FactReport, id, t.ReportOrigin.Position, r, fromClient(account))
		t.Report, t.raw = &r, raw
	})
}

func fromClient(account string) reception.Origin {
	return reception.Origin{By: account, Source: "realtime", Cause: "client"}
}

// socket finds a connection; the index is negative if it is not open.
func (tx *Tx) socket(account, id string) (*Agent, int) {
	a := tx.w.agents.get(account)
	if a == nil {
		return nil, -1
	}
	return a, slices.IndexFunc(a.Sockets, func(s Socket) bool { return s.ID == id })
}

// told changes what is known of a connection's client. Nothing is decided again: whether somebody notices moves no conversation.
func (tx *Tx) told(account string, i int, change func(*Told)) {
	a := tx.editAgent(account)
	a.Sockets = slices.Clone(a.Sockets)
	change(&a.Sockets[i].told)
	a.Facts.Clients = a.clients()
}

// endTold ends what a connection's client told, with the connection.
func (tx *Tx) endTold(account string, s *Socket, end FactRow, position int64) {
	end.Subject, end.Key = AccountSubject(account), s.ID
	for _, f := range []struct {
		name string
		from int64
	}{{FactVisible, s.told.VisibleOrigin.Position}, {FactReport, s.told.ReportOrigin.Position}} {
		end.Name, end.FromPosition = f.name, f.from
		tx.endFact(end, position)
	}
}

// clients lists the clients on the account's connections, as the gates see them.
func (a *Agent) clients() []reception.Client {
	var list []reception.Client
	for i := range a.Sockets {
		s := &a.Sockets[i]
		c := reception.NewClient(s.Name, s.Version)
		c.Notice = a.notice(s)
		list = append(list, c)
	}
	return list
}

// notice is whether somebody notices what comes over a connection. One that rests on a token and reports nothing is a program's: people sign in.
func (a *Agent) notice(s *Socket) reception.Notice {
	r := s.told.Report
	if r == nil {
		byToken := func(x Session) bool { return x.ID == s.Session && x.Token != "" }
		if slices.ContainsFunc(a.Sessions, byToken) {
			return reception.NoticeProgram
		}
		return reception.NoticeUnknown
	}
	attention := reception.Attention{
		Program: r.Mode == ModeProgram, Insecure: r.Secure != nil && !*r.Secure, Notifications: r.Notifications, Muted: r.Muted != nil && *r.Muted,
		Hidden: s.told.VisibleOrigin.Position != 0 && !s.told.Visible, Sound: r.Sound,
	}
	return attention.Notice()
}

// applyTold puts what clients told on their connections, once these are there, and then gives the agents their clients. unknown says of a fact that it
// was true once and that it is not known whether it still was.
func applyTold(facts []FactRow, agent func(account string) *Agent, unknown func(*FactRow) bool) error {
	with := map[*Agent]bool{}
	for i := range facts {
		f := &facts[i]
		account, ok := strings.CutPrefix(f.Subject, "account/")
		if !ok || f.Name != FactVisible && f.Name != FactReport && f.Name != FactSocket {
			continue
		}
		a := agent(account)
		with[a] = true
		at := slices.IndexFunc(a.Sockets, func(s Socket) bool { return s.ID == f.Key })
		if f.Name == FactSocket || at < 0 || unknown(f) {
			continue
		}
		if err := a.Sockets[at].told.apply(f); err != nil {
			return fmt.Errorf("fact %s of %s at position %d cannot be read: %w", f.Name, f.Subject, f.FromPosition, err)
		}
	}
	for a := range with {
		a.Facts.Clients = a.clients()
	}
	return nil
}

func (t *Told) apply(f *FactRow) error {
	origin := reception.Origin{Position: f.FromPosition, At: f.FromAt, By: f.By, Source: f.Source, Cause: f.Cause}
	if f.Name == FactVisible {
		t.VisibleOrigin = origin
		return json.Unmarshal(f.Value, &t.Visible)
	}
	t.Report, t.ReportOrigin = &Report{}, origin
	if err := json.Unmarshal(f.Value, t.Report); err != nil {
		return err
	}
	var err error
	t.raw, err = json.Marshal(t.Report) // a store may keep JSON in its own form
	return err
}

// ReadReport reads a report from its fact.
func ReadReport(f *FactRow) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(f.Value, r); err != nil {
		return nil, fmt.Errorf("fact %s of %s at position %d cannot be read: %w", f.Name, f.Subject, f.FromPosition, err)
	}
	return r, nil
}

// SocketClient is the id of the client on a connection, by the connection's fact; "" if it cannot be read.
func SocketClient(f *FactRow) string {
	var s Socket
	if json.Unmarshal(f.Value, &s) != nil {
		return ""
	}
	return s.Client
}
