package ledger

import (
	"context"
	"fmt"
	"sort"
)

// Fingerprint describes the published World in words that compare: what a process must know again after a restart. For checks of invariants (tests, doctor).
func (l *Ledger) Fingerprint() map[string]string {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.fingerprint()
}

// FingerprintOf is the Fingerprint of the World that a store's content would give.
func FingerprintOf(ctx context.Context, store Committer) (map[string]string, error) {
	s, err := store.Load(ctx)
	if err != nil {
		return nil, err
	}
	w, err := buildWorld(s)
	if err != nil {
		return nil, err
	}
	return w.fingerprint(), nil
}

func (w *World) fingerprint() map[string]string {
	out := map[string]string{"position": fmt.Sprint(w.position), "revision": fmt.Sprint(w.policy.Revision())}
	for name, a := range w.agents.base {
		f := a.Facts
		loads := []string{}
		for _, s := range f.Shares {
			loads = append(loads, fmt.Sprintf("%s=%d@%d", s.Inbox, s.Load, s.LastAssigned))
		}
		clients := []string{}
		for _, c := range f.Clients {
			clients = append(clients, fmt.Sprint(c.Name, " ", c.Text, " ", c.Notice))
		}
		sort.Strings(clients)
		out["agent "+name] = fmt.Sprintf("session %d@%d presence %s@%d until %d grace %d connection %d %s@%d grace %d live %d %v sequence %d sessions %d sockets %d clients %v",
			f.Session.State, f.Session.Origin.Position, f.Presence.Value, f.Presence.Origin.Position, micros(f.Presence.Until), micros(f.Presence.GraceUntil),
			f.Connection.State, f.Connection.ID, f.Connection.Origin.Position, micros(f.Connection.GraceUntil), f.Live, loads, a.Sequence,
			len(a.Sessions), len(a.Sockets), clients)
	}
	for id, c := range w.conversations.base {
		out[fmt.Sprintf("conversation %d", id)] = fmt.Sprintf("%s %s %s owner %q@%d last %d answered %d delivered %d waiting %d %s passed %v offered %v accepted %v by %d turn %d %v snoozed %d@%d",
			c.Inbox, c.Contact, c.Kind, c.Owner, c.OwnerPosition, c.LastSequence, c.Answered, c.Delivered, c.WaitingSince, c.WaitingCode,
			c.PassedOver, c.Offered, c.Accepted, micros(c.AcceptBy), micros(c.TurnSince), c.Overdue, micros(c.snoozedUntil), c.snoozedSince)
	}
	for k, d := range w.deliveries.base {
		out[fmt.Sprintf("delivery %s %d", k.account, k.sequence)] = fmt.Sprintf("%s m%d attempts %d", d.State, d.Message, d.Attempts)
	}
	for _, x := range []struct {
		name string
		base map[string][]ref
	}{{"owned", w.owned.base}, {"offers", w.offers.base}} {
		for k, list := range x.base {
			out[x.name+" "+k] = fmt.Sprint(list)
		}
	}
	for k, list := range w.waiting.base {
		out["waiting "+k.Inbox+" "+k.Kind] = fmt.Sprint(list)
	}
	for k, c := range w.clients.base {
		out["client "+k.account+" "+k.client] = fmt.Sprint(c.Cursor)
	}
	for id, b := range w.browsers.base {
		out["browser "+id] = fmt.Sprintf("%s used %d rotated %d confirmed %d", b.Account, micros(b.LastUsed), micros(b.RotatedAt), micros(b.ConfirmedAt))
	}
	for name, r := range w.rates.base {
		out["rate "+name] = fmt.Sprintf("%d until %d@%d", r.Used, micros(r.Until), r.Origin.Position)
	}
	for name, r := range w.received {
		out["received "+name] = fmt.Sprintf("%d@%d", r.Sequence, micros(r.At))
	}
	for id, t := range w.tokens.base {
		out["token "+id] = t.Account
	}
	return out
}
