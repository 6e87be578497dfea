package diagnosis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// Timeline is what was true of an agent over a time, as lanes that can be drawn one above the other: changes of settings that bear on it, its sessions,
// presence and connection as the gates read them, and the messages that were given to it.
type Timeline struct {
	Agent      string     `json:"agent"`
	From       Instant    `json:"from"`
	To         Instant    `json:"to"`
	Revisions  []Revision `json:"revisions"`
	Sessions   []Span     `json:"sessions"`
	Presence   []Span     `json:"presence"`
	Connection []Span     `json:"connection"`
	Messages   []Arrival  `json:"messages"`
	// Partial says that there was more than is shown, in some lane.
	Partial bool `json:"partial"`
	// Titles are what people call the inboxes, by inbox/NAME.
	Titles map[string]string `json:"titles"`
}

// Span is a value that held from one instant to another.
type Span struct {
	Value string   `json:"value"`
	From  Instant  `json:"from"`
	To    *Instant `json:"to"` // null while it holds
	By    string   `json:"by,omitempty"`
	Cause string   `json:"cause,omitempty"`
	// Reason is what the person said, for a presence.
	Reason string `json:"reason,omitempty"`
}

// Revision is a change of settings that bear on the agent.
type Revision struct {
	Revision  int64    `json:"revision"`
	At        Instant  `json:"at"`
	By        string   `json:"by,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Documents []string `json:"documents"` // kind/name of those that were changed and bear on it
}

// Arrival is a message that was given to the agent.
type Arrival struct {
	Message string  `json:"message"`
	Inbox   string  `json:"inbox"`
	Kind    string  `json:"kind"`
	At      Instant `json:"at"`
	State   string  `json:"state"` // of the delivery as it is now: queued, received, seen, accepted, withdrawn
	Code    string  `json:"code,omitempty"`
}

// Bounds of one timeline.
const (
	longestTimeline = 31 * 24 * time.Hour
	mostSpans       = 1000
	mostArrivals    = 500
	mostRevisions   = 200
)

var errTimeline = problem.New(problem.Invalid, "diagnosis.timeline_range",
	"A timeline goes from an earlier to a later instant, at most 31 days.", "时间线的起点应早于终点，最长 31 天。").On("/from")

// Timeline shows an agent's lanes for somebody who may diagnose it. to is now if it is zero, from is a day before it.
func (s *Service) Timeline(ctx context.Context, asker string, q Query, from, to time.Time) (*Timeline, error) {
	r := &run{s: s, q: q, ctx: ctx, asker: asker}
	view := s.Ledger.View()
	r.present = view.Policy
	if err := r.authorize(view.Policy.Compile()); err != nil {
		return nil, err
	}
	r.m.set, r.m.policy, r.m.revision, r.m.at = view.Policy, view.Policy.Compile(), view.Policy.Revision(), s.Now()
	if err := r.subject(); err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = s.Now()
	}
	if from.IsZero() {
		from = to.Add(-24 * time.Hour)
	}
	if !from.Before(to) || to.Sub(from) > longestTimeline {
		return nil, errTimeline
	}
	t := &Timeline{
		Agent: q.Agent, From: Instant(from.In(s.zone)), To: Instant(to.In(s.zone)),
		Revisions: []Revision{}, Sessions: []Span{}, Presence: []Span{}, Connection: []Span{}, Messages: []Arrival{},
	}
	for _, lane := range []func(*Timeline, time.Time, time.Time) error{r.lanesOfFacts, r.laneOfRevisions, r.laneOfMessages} {
		if err := lane(t, from, to); err != nil {
			return nil, errRead.Because(err)
		}
	}
	t.Titles = map[string]string{}
	for _, m := range t.Messages {
		titleInbox(t.Titles, r.present, m.Inbox)
	}
	return t, nil
}

// titleInbox notes what people call an inbox, if they call it something.
func titleInbox(titles map[string]string, set *policy.Set, inbox string) {
	if spec, ok := set.Inbox(inbox); ok && spec.Title != "" {
		titles["inbox/"+inbox] = spec.Title
	}
}

// lanesOfFacts reads what the gates read.
func (r *run) lanesOfFacts(t *Timeline, from, to time.Time) error {
	facts, err := r.s.Facts.FactsBetween(r.ctx, ledger.AccountSubject(r.q.Agent), from, to, mostSpans)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	t.Partial = t.Partial || len(facts) == mostSpans
	for _, f := range facts {
		lane := map[string]*[]Span{ledger.FactSession: &t.Sessions, ledger.FactPresence: &t.Presence, ledger.FactConnection: &t.Connection}[f.Name]
		if lane == nil {
			continue
		}
		// Sessions and connections say their state, a presence its value.
		var v struct{ State, Value, Reason string }
		if err := json.Unmarshal(f.Value, &v); err != nil {
			return err
		}
		*lane = append(*lane, Span{
			Value: cmp.Or(v.State, v.Value), From: Instant(f.FromAt.In(r.s.zone)), To: r.instant(f.ToAt), By: r.nameOf(f.By), Cause: f.Cause, Reason: v.Reason,
		})
	}
	return nil
}

// laneOfRevisions lists the changes of documents that bear on the agent now: its account, what that refers to, and its inboxes with what they refer to.
func (r *run) laneOfRevisions(t *Timeline, from, to time.Time) error {
	bears := r.bearing()
	var before int64
	for read := 0; read < mostRevisions; {
		rows, err := r.s.Policies.Revisions(r.ctx, before, 50)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		for _, row := range rows {
			read++
			before = row.Revision
			if row.At.Before(from) {
				slices.Reverse(t.Revisions)
				return nil
			}
			if row.At.After(to) {
				continue
			}
			var changes []policy.Change
			if err := json.Unmarshal(row.Changes, &changes); err != nil {
				return err
			}
			rev := Revision{Revision: row.Revision, At: Instant(row.At.In(r.s.zone)), By: r.nameOf(row.By), Documents: []string{}}
			for _, c := range changes {
				if bears[docKey{c.Kind, c.Name}] {
					rev.Documents = append(rev.Documents, c.Kind+"/"+c.Name)
				}
			}
			if len(rev.Documents) == 0 {
				continue
			}
			if r.whole {
				rev.Reason = row.Reason
			}
			t.Revisions = append(t.Revisions, rev)
		}
		if len(rows) < 50 {
			slices.Reverse(t.Revisions)
			return nil
		}
	}
	t.Partial = true
	slices.Reverse(t.Revisions)
	return nil
}

// bearing are the documents that bear on the agent's gates.
func (r *run) bearing() map[docKey]bool {
	all := map[docKey]bool{}
	var add func(k docKey)
	add = func(k docKey) {
		if all[k] {
			return
		}
		all[k] = true
		d, ok := r.m.set.Get(k.kind, k.name)
		if !ok {
			return
		}
		spec := object{}
		if err := json.Unmarshal(d.Spec, &spec); err != nil {
			return // the Set wrote it; a document without references is the worst that can follow
		}
		for _, ref := range referred(k.kind, spec) {
			add(ref)
		}
	}
	add(docKey{policy.KindAccount, r.q.Agent})
	add(docKey{policy.KindSwitch, "platform"})
	add(docKey{policy.KindSwitch, "account." + r.q.Agent})
	for name, inbox := range r.m.set.Compile().Inboxes {
		if inbox.Member(r.q.Agent) != nil {
			add(docKey{policy.KindInbox, name})
			add(docKey{policy.KindSwitch, "inbox." + name})
		}
	}
	return all
}

// laneOfMessages lists what was put into the agent's stream, from the end of the time backwards.
func (r *run) laneOfMessages(t *Timeline, from, to time.Time) error {
	if a := r.s.Ledger.Agent(r.q.Agent); a == nil || a.Sequence == 0 {
		return nil
	}
	position, err := r.s.Facts.PositionAt(r.ctx, to)
	if err != nil {
		return err
	}
	rows, err := r.s.Flow.NewestDeliveries(r.ctx, r.q.Agent, position, mostArrivals)
	if err != nil {
		return err
	}
	if len(rows) == mostArrivals && rows[0].At.After(from) {
		t.Partial = true
	}
	for _, d := range rows {
		if d.Type != ledger.EntryMessage || d.At.Before(from) || d.At.After(to) {
			continue
		}
		// A message that the agent may have no more keeps its place: that it came is the agent's own history.
		t.Messages = append(t.Messages, Arrival{
			Message: conversation.MessageID(d.Message), Inbox: d.Inbox, Kind: d.Kind, At: Instant(d.At.In(r.s.zone)), State: string(d.State), Code: d.Code,
		})
	}
	return nil
}
