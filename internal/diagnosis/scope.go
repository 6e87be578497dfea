package diagnosis

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// lookBack is how far a removed membership still belongs to the scope.
const lookBack = 30 * 24 * time.Hour

// cell is one (inbox, kind) of the scope with the outcome of every gate.
type cell struct {
	inbox, kind string
	vector      reception.Vector
	// gone is the revision from which on the inbox does not produce the kind any more; 0 while it does.
	gone int64
}

func (c *cell) ref() CellRef { return CellRef{Inbox: c.inbox, Kind: c.kind} }

// subject checks that the agent is, or was, an account.
func (r *run) subject() error {
	if r.q.Agent == "" {
		return problem.New(problem.Invalid, "diagnosis.no_agent", "Say which agent to diagnose.", "请指明要诊断哪位客服。").On("/agent")
	}
	r.history = newHistory(r)
	if _, now := r.present.Account(r.q.Agent); now {
		return nil
	}
	rows, err := r.s.Policies.DocumentVersions(r.ctx, policy.KindAccount, r.q.Agent) // whenever it was: the moment may not be known yet
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errAgent
	}
	return nil
}

// scope finds the cells: those asked about, else those that are open to the agent, or were at any moment of the last 30 days.
func (r *run) scope() error {
	open, err := r.openInboxes()
	if err != nil {
		return err
	}
	if r.q.Inbox != "" {
		in, err := r.askedInbox(open)
		if err != nil {
			return err
		}
		if r.addCells(r.q.Inbox, in); len(r.cells) == 0 {
			return errKind
		}
		return nil
	}
	for _, inbox := range slices.Sorted(maps.Keys(open)) {
		r.addCells(inbox, open[inbox])
	}
	if len(r.cells) > 0 {
		return nil
	}
	if r.q.Kind != "" && (len(open) > 0 || !slices.Contains(r.m.set.MessageKinds(), r.q.Kind)) {
		return errKind
	}
	// The agent belongs to no inbox at all: its account is still worth looking at.
	r.nowhere = true
	r.cells = []cell{{kind: cmp.Or(r.q.Kind, "customer")}}
	return nil
}

// openInbox is what an inbox has, or had, for the agent.
type openInbox struct {
	kinds []string
	// gone are kinds that the inbox produced while the agent was a member and does not produce any more, with the revision that ended it.
	gone map[string]int64
}

// askedInbox is the inbox asked about, whether or not the agent is a member.
func (r *run) askedInbox(open map[string]*openInbox) (*openInbox, error) {
	if in := open[r.q.Inbox]; in != nil {
		return in, nil
	}
	if in := r.m.policy.Inboxes[r.q.Inbox]; in != nil {
		return &openInbox{kinds: in.Kinds}, nil
	}
	versions, err := r.history.versions(docKey{policy.KindInbox, r.q.Inbox})
	if err != nil {
		return nil, err
	}
	since, err := r.revisionAgo()
	if err != nil {
		return nil, err
	}
	if n := len(versions); n > 0 && versions[n-1].to > since {
		return &openInbox{kinds: kindsIn(versions[n-1].spec)}, nil
	}
	return nil, errInbox
}

func (r *run) addCells(inbox string, in *openInbox) {
	for _, kind := range in.kinds {
		if r.q.Kind == "" || r.q.Kind == kind {
			r.cells = append(r.cells, cell{inbox: inbox, kind: kind})
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(in.gone)) {
		if r.q.Kind == "" || r.q.Kind == kind {
			r.cells = append(r.cells, cell{inbox: inbox, kind: kind, gone: in.gone[kind]})
		}
	}
}

func kindsIn(spec object) []string {
	var kinds []string
	_ = json.Unmarshal(spec["kinds"], &kinds) // written by package policy; without kinds there is no cell
	return kinds
}

// revisionAgo is the revision in force 30 days before the moment, 0 if the records begin later.
func (r *run) revisionAgo() (int64, error) {
	position, err := r.s.Facts.PositionAt(r.ctx, r.m.at.Add(-lookBack))
	if err != nil || position == 0 {
		return 0, err
	}
	return r.s.Policies.RevisionAt(r.ctx, position)
}

// interval is a span of revisions, [from, to); to 0: it lasts.
type interval struct{ from, to int64 }

func (i interval) meets(j interval) bool {
	return (i.to == 0 || j.from < i.to) && (j.to == 0 || i.from < j.to)
}

// placement is what a version of a team or an inbox says about who belongs to it.
type placement struct {
	interval
	kind, name      string
	accounts, teams []string
	kinds           []string
}

// placements remembers the versions of teams and inboxes since a revision. They change with revisions only.
type placements struct {
	mu             sync.Mutex
	since, present int64
	list           []placement
}

// placements reads all versions of teams and inboxes that were valid at any time from a revision on, oldest first.
func (r *run) placements(since int64) ([]placement, error) {
	if list := r.s.placed.get(since, r.present.Revision()); list != nil {
		return list, nil
	}
	rows, err := r.s.Policies.DocumentsSince(r.ctx, since)
	if err != nil {
		return nil, err
	}
	list := []placement{}
	for i := range rows {
		row := &rows[i]
		if row.Kind != policy.KindTeam && row.Kind != policy.KindInbox {
			continue
		}
		spec := object{}
		if err := json.Unmarshal(row.Spec, &spec); err != nil {
			return nil, err
		}
		x := placement{interval: interval{row.From, row.To}, kind: row.Kind, name: row.Name}
		if row.Kind == policy.KindTeam {
			x.accounts = names(spec["members"])
		} else {
			x.accounts, x.teams, x.kinds = names(field(spec["members"], "accounts")), names(field(spec["members"], "teams")), kindsIn(spec)
		}
		list = append(list, x)
	}
	r.s.placed.put(since, r.present.Revision(), list)
	return list, nil
}

func (p *placements) get(since, present int64) []placement {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since != since || p.present != present {
		return nil
	}
	return p.list
}

func (p *placements) put(since, present int64, list []placement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since, p.present, p.list = since, present, list
}

// openInboxes lists the inboxes the agent is a member of, or was at any moment of the last 30 days, with their kinds: those of now where the inbox still
// exists. Whether the kinds are granted is for the gates to say.
func (r *run) openInboxes() (map[string]*openInbox, error) {
	since, err := r.revisionAgo()
	if err != nil {
		return nil, err
	}
	list, err := r.placements(since)
	if err != nil {
		return nil, err
	}
	open := map[string]*openInbox{}
	for name, in := range r.m.policy.Inboxes {
		if in.Member(r.q.Agent) != nil {
			open[name] = &openInbox{kinds: in.Kinds}
		}
	}
	teams := map[string][]interval{}
	for _, x := range list {
		if x.kind == policy.KindTeam && x.from <= r.realRevision() && slices.Contains(x.accounts, r.q.Agent) {
			teams[x.name] = append(teams[x.name], x.interval)
		}
	}
	for i := range list {
		if x := &list[i]; x.kind == policy.KindInbox && x.from <= r.realRevision() && x.has(r.q.Agent, teams) {
			r.wasOpen(open, x)
		}
	}
	return open, nil
}

// has says whether a version of an inbox had the agent as a member, directly or by a team as that was meanwhile.
func (x *placement) has(agent string, teams map[string][]interval) bool {
	return slices.Contains(x.accounts, agent) || slices.ContainsFunc(x.teams, func(team string) bool {
		return slices.ContainsFunc(teams[team], func(i interval) bool { return i.meets(x.interval) })
	})
}

// wasOpen adds what a version of an inbox had for the agent. Versions come oldest first: the last one stays.
func (r *run) wasOpen(open map[string]*openInbox, x *placement) {
	in := r.m.policy.Inboxes[x.name]
	if in == nil {
		open[x.name] = &openInbox{kinds: x.kinds}
		return
	}
	o := open[x.name]
	if o == nil {
		o = &openInbox{kinds: in.Kinds}
		open[x.name] = o
	}
	for _, kind := range x.kinds {
		if x.to == 0 || x.to > r.realRevision() || in.Produces(kind) {
			continue
		}
		if o.gone == nil {
			o.gone = map[string]int64{}
		}
		o.gone[kind] = x.to
	}
}
