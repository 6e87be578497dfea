package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// Names of facts.
const (
	FactSession    = "session"
	FactPresence   = "presence"
	FactConnection = "connection"
	FactSignin     = "signin"
	FactSocket     = "socket"
	FactVisible    = "visible"
	FactPassedOver = "passed_over"
	FactFailure    = "failure"
	FactClock      = "clock"
)

// Values of facts as the store keeps them. Instants are Unix microseconds, 0 for none.
type (
	sessionValue struct {
		State string `json:"state"`
	}
	presenceValue struct {
		Value  string `json:"value"`
		Reason string `json:"reason,omitempty"`
		Until  int64  `json:"until,omitempty"`
		Grace  int64  `json:"grace_until,omitempty"`
	}
	connectionValue struct {
		State     string `json:"state"`
		ID        string `json:"id,omitempty"`
		Node      string `json:"node,omitempty"`
		Client    string `json:"client,omitempty"`
		LastFrame int64  `json:"last_frame,omitempty"`
		CloseCode int    `json:"close_code,omitempty"`
		Grace     int64  `json:"grace_until,omitempty"`
	}
)

var (
	sessionStates    = map[reception.SessionState]string{reception.SessionNever: "never", reception.SessionActive: "active", reception.SessionEnded: "ended"}
	connectionStates = map[reception.ConnectionState]string{
		reception.ConnectionNone: "none", reception.ConnectionOpen: "open",
		reception.ConnectionUnresponsive: "unresponsive", reception.ConnectionStale: "stale",
	}
)

func parseState[S comparable](names map[S]string, name string) S {
	for s, n := range names {
		if n == name {
			return s
		}
	}
	var unknown S
	return unknown
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// stored is an instant as it will be read back: what is decided on must be what is recorded.
func stored(t time.Time) time.Time { return instant(micros(t)) }

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// AccountSubject is the subject of an account's facts.
func AccountSubject(account string) string { return "account/" + account }

// setFact ends the fact that holds (if from is not 0) and begins the next, returning its origin.
func (tx *Tx) setFact(subject, name, key string, from int64, value any, o reception.Origin) reception.Origin {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("fact %s cannot be written as JSON: %v", name, err)) // our own struct types; caught by the command's guard
	}
	o.Position, o.At = tx.Next(), tx.now
	tx.endFact(FactRow{Subject: subject, Name: name, Key: key, FromPosition: from, EndBy: o.By, EndCause: o.Cause}, o.Position)
	tx.g.Facts = append(tx.g.Facts, FactRow{
		Subject: subject, Name: name, Key: key, Value: raw, FromPosition: o.Position, FromAt: tx.now, By: o.By, Source: o.Source, Cause: o.Cause,
	})
	return o
}

// endFact ends the fact that began at f.FromPosition; one that began in this very command or group is ended in place.
func (tx *Tx) endFact(f FactRow, position int64) {
	if f.FromPosition == 0 {
		return
	}
	f.ToPosition = position
	if f.ToAt.IsZero() {
		f.ToAt = tx.now
	}
	tx.g.FactEnds = append(tx.g.FactEnds, f)
}

// SetSession records the account's session as the gates see it.
func (tx *Tx) SetSession(account string, s reception.Session) {
	a := tx.editAgent(account)
	s.Origin = tx.setFact(AccountSubject(account), FactSession, "", a.Facts.Session.Origin.Position, sessionValue{sessionStates[s.State]}, s.Origin)
	a.Facts.Session = s
	tx.TouchAgent(account, FactSession)
}

// SetPresence records a presence. Grace and Until become deadlines.
func (tx *Tx) SetPresence(account string, p reception.Presence) {
	a := tx.editAgent(account)
	p.Until, p.GraceUntil = stored(p.Until), stored(p.GraceUntil)
	v := presenceValue{Value: p.Value.String(), Reason: p.Reason, Until: micros(p.Until), Grace: micros(p.GraceUntil)}
	p.Origin = tx.setFact(AccountSubject(account), FactPresence, "", a.Facts.Presence.Origin.Position, v, p.Origin)
	a.Facts.Presence = p
	tx.TouchAgent(account, FactPresence)
	tx.presenceDeadlines(account, p)
}

// PresenceGraceEnd is until when conversations of an owner that goes away now wait for it: a grace that runs already is not lengthened by another
// value that gives none or one.
func (tx *Tx) PresenceGraceEnd(was reception.Presence) time.Time {
	if !was.GraceUntil.IsZero() && was.Value != reception.Available && was.Value != reception.DoNotDisturb {
		return was.GraceUntil
	}
	return tx.now.Add(tx.l.o.PresenceGrace)
}

func (tx *Tx) presenceDeadlines(account string, p reception.Presence) {
	if !p.Until.IsZero() {
		tx.At(p.Until, DeadlinePresence, account)
	}
	if !p.GraceUntil.IsZero() {
		tx.At(p.GraceUntil, DeadlineAgent, account)
	}
}

// setConnection records the account's connection as the gates see it.
func (tx *Tx) setConnection(account string, c reception.Connection) {
	a := tx.editAgent(account)
	c.LastFrame, c.GraceUntil = stored(c.LastFrame), stored(c.GraceUntil)
	v := connectionValue{
		State: connectionStates[c.State], ID: c.ID, Node: c.Node, Client: c.Client,
		LastFrame: micros(c.LastFrame), CloseCode: c.CloseCode, Grace: micros(c.GraceUntil),
	}
	c.Origin = tx.setFact(AccountSubject(account), FactConnection, "", a.Facts.Connection.Origin.Position, v, c.Origin)
	a.Facts.Connection = c
	tx.TouchAgent(account, FactConnection)
	if !c.GraceUntil.IsZero() {
		tx.At(c.GraceUntil, DeadlineAgent, account)
	}
}

// BeginSession adds a session; the account is signed in from now on.
func (tx *Tx) BeginSession(account string, s Session, by, source string) Session {
	a := tx.editAgent(account)
	o := tx.setFact(AccountSubject(account), FactSignin, s.ID, 0, s, reception.Origin{By: by, Source: source, Cause: "signed_in"})
	s.Position, s.At = o.Position, o.At
	a.Sessions = append(slices.Clone(a.Sessions), s)
	if a.Facts.Session.State != reception.SessionActive {
		tx.SetSession(account, reception.Session{State: reception.SessionActive, Origin: reception.Origin{By: by, Source: source, Cause: "signed_in"}})
	}
	return s
}

// EndSession ends a session of an account and its connections; where it was the last one, the account is no longer signed in. The sockets are closed after
// the commit (Options.SessionEnded). It says whether the session was there.
func (tx *Tx) EndSession(account, id string, o reception.Origin) bool {
	a := tx.w.agents.get(account)
	if a == nil {
		return false
	}
	i := slices.IndexFunc(a.Sessions, func(s Session) bool { return s.ID == id })
	if i < 0 {
		return false
	}
	a = tx.editAgent(account)
	tx.endFact(FactRow{Subject: AccountSubject(account), Name: FactSignin, Key: id, FromPosition: a.Sessions[i].Position, EndBy: o.By, EndCause: o.Cause}, tx.Next())
	a.Sessions = slices.Delete(slices.Clone(a.Sessions), i, i+1)
	tx.endBrowserSession(id, o)
	if len(a.Sessions) == 0 {
		tx.SetSession(account, reception.Session{State: reception.SessionEnded, Origin: o})
	}
	for _, s := range slices.Clone(a.Sockets) {
		if s.Session == id {
			tx.CloseSocket(account, s.ID, reception.Connection{}, reception.Origin{By: o.By, Source: o.Source, Cause: "session_ended"})
		}
	}
	if tx.l.o.SessionEnded != nil {
		cause := o.Cause
		tx.Effect(func() { tx.l.o.SessionEnded(id, cause) })
	}
	return true
}

// OpenSocket adds a realtime connection.
func (tx *Tx) OpenSocket(account string, s Socket, by string) {
	a := tx.editAgent(account)
	o := tx.setFact(AccountSubject(account), FactSocket, s.ID, 0, s, reception.Origin{By: by, Source: "realtime", Cause: "opened"})
	s.Position, s.At = o.Position, o.At
	a.Sockets = append(slices.Clone(a.Sockets), s)
	tx.restateClients(account, a)
	tx.restateConnection(account, reception.Connection{}, reception.Origin{By: by, Source: "realtime", Cause: "opened"})
}

// restateClients derives the account's clients from its sockets. Where the policy has requirements for clients, another client may make the difference
// although the connection that counts is the same.
func (tx *Tx) restateClients(account string, a *Agent) {
	a.Facts.Clients = a.clients()
	if len(tx.Policy().Clients) > 0 {
		tx.TouchAgent(account, FactSocket)
	}
}

// CloseSocket removes a realtime connection; last is what is remembered of it if it was the account's last one. It says whether the connection was there.
func (tx *Tx) CloseSocket(account, id string, last reception.Connection, o reception.Origin) bool {
	a := tx.w.agents.get(account)
	if a == nil {
		return false
	}
	i := slices.IndexFunc(a.Sockets, func(s Socket) bool { return s.ID == id })
	if i < 0 {
		return false
	}
	a = tx.editAgent(account)
	tx.endFact(FactRow{Subject: AccountSubject(account), Name: FactSocket, Key: id, FromPosition: a.Sockets[i].Position, EndBy: o.By, EndCause: o.Cause}, tx.Next())
	tx.endTold(account, &a.Sockets[i], FactRow{EndBy: o.By, EndCause: o.Cause}, tx.last)
	last.ID, last.Node, last.Client = id, a.Sockets[i].Node, a.Sockets[i].About
	tx.UseBrowserSession(a.Sockets[i].Session)
	a.Sockets = slices.Delete(slices.Clone(a.Sockets), i, i+1)
	tx.restateClients(account, a)
	tx.restateConnection(account, last, o)
	return true
}

// SetUnresponsive records that a connection did not acknowledge a push in time (since not zero), or that it answers again.
func (tx *Tx) SetUnresponsive(account, id string, since time.Time, last reception.Connection, o reception.Origin) {
	a := tx.w.agents.get(account)
	if a == nil {
		return
	}
	i := slices.IndexFunc(a.Sockets, func(s Socket) bool { return s.ID == id })
	if i < 0 || a.Sockets[i].Unresponsive.IsZero() == since.IsZero() {
		return
	}
	a = tx.editAgent(account)
	a.Sockets = slices.Clone(a.Sockets)
	a.Sockets[i].Unresponsive = since
	tx.restateConnection(account, last, o)
}

// restateConnection derives the account's connection from its sockets: open if one answers, unresponsive if there are only such, else none. last is
// what is remembered, with its grace, when none answers.
func (tx *Tx) restateConnection(account string, last reception.Connection, o reception.Origin) {
	a := tx.w.agents.get(account)
	state, s := reception.ConnectionNone, Socket{}
	for _, k := range a.Sockets {
		if k.Unresponsive.IsZero() {
			state, s = reception.ConnectionOpen, k
			break
		}
		state, s = reception.ConnectionUnresponsive, k
	}
	was := a.Facts.Connection
	switch state {
	case reception.ConnectionOpen:
		if was.State == state && was.ID == s.ID {
			return
		}
		tx.setConnection(account, reception.Connection{State: state, ID: s.ID, Node: s.Node, Client: s.About, LastFrame: tx.now, Origin: o})
	case reception.ConnectionUnresponsive:
		last.State, last.ID, last.Node, last.Client, last.Origin = state, s.ID, s.Node, s.About, o
		tx.setConnection(account, tx.keepGrace(was, last))
	default:
		last.State, last.Origin = state, o
		tx.setConnection(account, tx.keepGrace(was, last))
	}
}

// keepGrace keeps the end of a grace that already runs: losing a second connection, or closing one that no longer answered, does not lengthen it. It
// shortens it where the last one turns out to have been dead for longer: a grace runs from the last frame that was heard.
func (tx *Tx) keepGrace(was, now reception.Connection) reception.Connection {
	if was.State == reception.ConnectionOpen || was.GraceUntil.IsZero() {
		return now
	}
	dead := now.State == reception.ConnectionNone && !now.GraceUntil.IsZero() && !now.LastFrame.Before(was.LastFrame)
	if !dead || now.GraceUntil.After(was.GraceUntil) {
		now.GraceUntil = was.GraceUntil
	}
	return now
}

// SetPassedOver records who is passed over for a conversation, and why ("accept_timeout", …); an empty list ends the fact.
func (tx *Tx) SetPassedOver(id int64, accounts []string, cause, by string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	if slices.Equal(c.PassedOver, accounts) {
		return nil
	}
	subject := fmt.Sprintf("conversation/%d", id)
	if len(accounts) == 0 {
		tx.endFact(FactRow{Subject: subject, Name: FactPassedOver, FromPosition: c.passedSince, EndBy: by, EndCause: cause}, tx.Next())
		c.PassedOver, c.passedSince = nil, 0
		return nil
	}
	o := tx.setFact(subject, FactPassedOver, "", c.passedSince, accounts, reception.Origin{By: by, Source: "conversation", Cause: cause})
	c.PassedOver, c.passedSince = slices.Clone(accounts), o.Position
	return nil
}

// applyFact puts a fact that holds into an account's facts: how Load and WorldAt read what setFact wrote. What clients told comes after it: see applyTold.
func applyFact(a *Agent, f FactRow) error {
	o := reception.Origin{Position: f.FromPosition, At: f.FromAt, By: f.By, Source: f.Source, Cause: f.Cause}
	var err error
	switch f.Name {
	case FactSession:
		var v sessionValue
		err = json.Unmarshal(f.Value, &v)
		a.Facts.Session = reception.Session{State: parseState(sessionStates, v.State), Origin: o}
	case FactPresence:
		var v presenceValue
		err = json.Unmarshal(f.Value, &v)
		value, _ := reception.ParsePresence(v.Value)
		a.Facts.Presence = reception.Presence{Value: value, Reason: v.Reason, Until: instant(v.Until), GraceUntil: instant(v.Grace), Origin: o}
	case FactConnection:
		var v connectionValue
		err = json.Unmarshal(f.Value, &v)
		a.Facts.Connection = reception.Connection{
			State: parseState(connectionStates, v.State), ID: v.ID, Node: v.Node, Client: v.Client,
			LastFrame: instant(v.LastFrame), CloseCode: v.CloseCode, GraceUntil: instant(v.Grace), Origin: o,
		}
	case FactSignin:
		s := Session{ID: f.Key, Position: f.FromPosition, At: f.FromAt}
		err = json.Unmarshal(f.Value, &s)
		a.Sessions = append(a.Sessions, s)
	case FactSocket:
		s := Socket{ID: f.Key, Position: f.FromPosition, At: f.FromAt}
		err = json.Unmarshal(f.Value, &s)
		a.Sockets = append(a.Sockets, s)
	case FactSelfCheck:
		a.SelfCheck = &SelfCheck{Origin: o}
		err = json.Unmarshal(f.Value, a.SelfCheck)
	}
	if err != nil {
		return fmt.Errorf("fact %s of %s at position %d cannot be read: %w", f.Name, f.Subject, f.FromPosition, err)
	}
	return nil
}
