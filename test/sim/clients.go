package sim

import (
	"context"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/gateway"
)

// viewer is one client (tab) of an agent, with everything it was shown.
type viewer struct {
	s       *Sim
	account string
	id      string
	session *client.Session
	link    *link
	stopped bool // told not to come back
	deaf    bool // receives and does not acknowledge
	shown   []client.Event
	unread  []client.Event // received while deaf; forgotten with the connection, as they will come again
	last    int64
}

// link is one connection between a viewer and a server: frames arrive in order after a delay, until it is cut.
type link struct {
	s        *Sim
	viewer   *viewer
	server   *server
	conn     *gateway.Conn
	dead     bool // nothing gets through any more, either way
	toClient time.Time
	toServer time.Time
}

func newViewer(s *Sim, account, id string) *viewer {
	v := &viewer{s: s, account: account, id: id, session: client.NewSession(client.SessionOptions{
		Client: id, Name: "sim", Version: versionOf(id), Lang: "en", Available: true, Random: s.rng.Float64,
	})}
	s.after(s.between(0, time.Second), v.connect)
	return v
}

// versionOf is the version of a client: an agent's first tab is of an older one than its second.
func versionOf(id string) string {
	if strings.HasSuffix(id, "-0") {
		return "1"
	}
	return "2"
}

func (v *viewer) connect() {
	if v.stopped || v.link != nil {
		return
	}
	if v.s.server == nil {
		v.later(0, "refused")
		return
	}
	k := &link{s: v.s, viewer: v, server: v.s.server}
	v.link, v.unread = k, nil
	frame := v.session.Connect(v.s.now)
	v.s.after(v.s.between(time.Millisecond, 20*time.Millisecond), func() {
		if k.dead || k.server != v.s.server {
			return
		}
		account, token, err := k.server.svc.Authenticate(tokenOf(v.account))
		if err != nil {
			v.stopped = true
			v.link = nil
			return
		}
		k.conn = k.server.core.NewConn(k, gateway.Peer{Account: account, Token: token})
		k.server.links = append(k.server.links, k)
		k.conn.Frame(frame)
	})
}

// drop ends the viewer's connection from its side and plans the next one.
func (v *viewer) drop(reason string) {
	k := v.link
	if k == nil {
		return
	}
	v.link = nil
	v.later(1006, reason)
	if !k.dead && k.conn != nil {
		v.s.after(v.s.between(0, 20*time.Millisecond), func() {
			if !k.dead && !k.conn.Ended() {
				k.conn.Gone(gateway.ClosedByClient, 1006)
			}
		})
	}
}

func (v *viewer) later(code int, reason string) {
	wait, err := v.session.Lost(code, reason)
	if err != nil {
		v.stopped = true
		return
	}
	v.s.after(wait, v.connect)
}

// flush sends what the session has to say.
func (v *viewer) flush() {
	k := v.link
	if k == nil {
		return
	}
	for _, frame := range v.session.Flush(v.s.now) {
		at := k.arrival(&k.toServer)
		v.s.after(at.Sub(v.s.now), func() {
			if !k.dead && k.conn != nil && !k.conn.Ended() {
				k.conn.Frame(frame)
			}
		})
	}
}

// arrival is when something sent now arrives: in order, after a delay.
func (k *link) arrival(last *time.Time) time.Time {
	at := k.s.now.Add(k.s.between(100*time.Microsecond, 30*time.Millisecond))
	if at.Before(*last) {
		at = *last
	}
	*last = at
	return at
}

// Send implements gateway.Transport. What is pushed must be allowed at this very moment.
func (k *link) Send(frame []byte) error {
	data := append([]byte(nil), frame...)
	at := k.arrival(&k.toClient)
	k.s.after(at.Sub(k.s.now), func() {
		if !k.dead && k.viewer.link == k {
			k.viewer.receive(data)
		}
	})
	return nil
}

// Close implements gateway.Transport.
func (k *link) Close(code int, reason string) {
	at := k.arrival(&k.toClient)
	k.s.after(at.Sub(k.s.now), func() {
		if !k.dead && k.viewer.link == k {
			k.viewer.link = nil
			k.viewer.later(code, reason)
		}
	})
}

// Ping implements gateway.Pinger.
func (k *link) Ping() {
	k.s.after(2*time.Millisecond, func() {
		if !k.dead && !k.conn.Ended() && k.viewer.link == k {
			k.viewer.session.Heard(k.s.now)
			k.conn.Heard()
		}
	})
}

// fetch does the reads that the connection wants.
func (k *link) fetch() {
	for k.conn != nil && !k.conn.Ended() {
		f, ok := k.conn.Fetch()
		if !ok {
			return
		}
		events, err := k.server.svc.Events(context.Background(), f.Account, f.After, f.Limit, f.Lang)
		for _, e := range events {
			k.s.checkEntitled(f.Account, e.Event, e.Inbox, e.Kind, e.Conversation)
		}
		k.conn.Fetched(f, events, err)
	}
}

// checkEntitled is the independent look at what is pushed: the account's rights are read from the documents, not from the engine.
func (s *Sim) checkEntitled(account, event, inbox, kind, conversation string) {
	if event != client.EventMessage || s.server == nil {
		return
	}
	set := s.server.l.Policy()
	spec, ok := set.Account(account)
	if !ok || spec.State != "" && spec.State != "active" {
		s.violated("a message was pushed to %s, whose account is not active", account)
		return
	}
	for _, d := range spec.Deny {
		if (d.Permission == "receive" || d.Permission == "receive."+kind) && (d.Until.IsZero() || s.wall().Before(d.Until)) {
			s.violated("a message of kind %s was pushed to %s, who is denied %s", kind, account, d.Permission)
		}
	}
	if set.Compile().Inboxes[inbox].Member(account) == nil {
		s.violated("a message of inbox %s was pushed to %s, who is no member (%s)", inbox, account, conversation)
	}
}

func (v *viewer) receive(data []byte) {
	r, err := v.session.Receive(v.s.now, data)
	if err != nil {
		v.s.violated("client of %s: %v (frame %s)", v.account, err, data)
		v.drop("fault")
		return
	}
	if r.Event != nil {
		v.show(*r.Event)
	}
	v.flush()
}

// show is what a person sees: each entry once, in order.
func (v *viewer) show(e client.Event) {
	if v.deaf {
		v.unread = append(v.unread, e)
		return
	}
	if e.AgentSequence <= v.last {
		v.s.violated("%s was shown entry %d after %d", v.account, e.AgentSequence, v.last)
	}
	v.last = e.AgentSequence
	v.shown = append(v.shown, e)
	v.session.Handled(&e)
	if v.s.chance(70) {
		v.session.Seen(&e)
	}
	if v.s.chance(60) {
		v.session.Accepted(&e)
	}
}

// wakeUp makes a deaf viewer read on.
func (v *viewer) wakeUp() {
	v.deaf = false
	unread := v.unread
	v.unread = nil
	for _, e := range unread {
		v.show(e)
	}
	v.flush()
}

// cut breaks the viewer's connection without telling either side.
func (v *viewer) cut() {
	if v.link != nil {
		v.link.dead = true
	}
}

func tokenOf(account string) string { return "token-of-" + account }
