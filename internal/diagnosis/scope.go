package diagnosis

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
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
}

func (c *cell) ref() CellRef { return CellRef{Inbox: c.inbox, Kind: c.kind} }

// subject checks that the agent is, or was, an account.
func (r *run) subject() error {
	if r.q.Agent == "" {
		return problem.New(problem.Invalid, "diagnosis.no_agent", "Say which agent to diagnose.", "请指明要诊断哪位客服。").On("/agent")
	}
	r.history = newHistory(r)
	if _, now := r.present.Account(r.q.Agent); now || r.m.policy.Accounts[r.q.Agent] != nil {
		return nil
	}
	versions, err := r.history.versions(docKey{policy.KindAccount, r.q.Agent})
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return errAgent
	}
	return nil
}

// scope finds the cells: those asked about, else those that are open to the agent, or were at any moment of the last 30 days.
func (r *run) scope() error {
	if r.q.Inbox != "" {
		kinds, err := r.kindsOf(r.q.Inbox)
		if err != nil {
			return err
		}
		r.addCells(r.q.Inbox, kinds)
		if len(r.cells) == 0 {
			return errKind
		}
		return nil
	}
	inboxes, err := r.openInboxes()
	if err != nil {
		return err
	}
	for _, inbox := range slices.Sorted(maps.Keys(inboxes)) {
		r.addCells(inbox, inboxes[inbox])
	}
	if len(r.cells) > 0 {
		return nil
	}
	if r.q.Kind != "" && len(inboxes) > 0 {
		return errKind
	}
	if r.q.Kind != "" && !slices.Contains(r.m.set.MessageKinds(), r.q.Kind) {
		return errKind
	}
	kind := r.q.Kind
	if kind == "" {
		kind = "customer"
	}
	// The agent belongs to no inbox at all: its account is still worth looking at.
	r.nowhere = true
	r.cells = []cell{{kind: kind}}
	return nil
}

func (r *run) addCells(inbox string, kinds []string) {
	for _, kind := range kinds {
		if r.q.Kind == "" || r.q.Kind == kind {
			r.cells = append(r.cells, cell{inbox: inbox, kind: kind})
		}
	}
}

// kindsOf lists the kinds of an inbox that exists, or that existed within the last 30 days.
func (r *run) kindsOf(inbox string) ([]string, error) {
	if in := r.m.policy.Inboxes[inbox]; in != nil {
		return in.Kinds, nil
	}
	versions, err := r.history.versions(docKey{policy.KindInbox, inbox})
	if err != nil {
		return nil, err
	}
	since, err := r.revisionAgo()
	if err != nil {
		return nil, err
	}
	if n := len(versions); n > 0 && versions[n-1].to > since {
		return kindsIn(versions[n-1].spec), nil
	}
	return nil, errInbox
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

// openInboxes lists the inboxes the agent is a member of, or was at any moment of the last 30 days, with their kinds: those of now where the inbox still
// exists. Whether the kinds are granted is for the gates to say.
func (r *run) openInboxes() (map[string][]string, error) {
	since, err := r.revisionAgo()
	if err != nil {
		return nil, err
	}
	rows, err := r.s.Policies.DocumentsSince(r.ctx, since)
	if err != nil {
		return nil, err
	}
	inboxes := map[string][]string{}
	for name, in := range r.m.policy.Inboxes {
		if in.Member(r.q.Agent) != nil {
			inboxes[name] = in.Kinds
		}
	}
	teams := r.teamIntervals(rows)
	for i := range rows {
		row := &rows[i]
		if row.Kind != policy.KindInbox || row.From > r.m.revision || inboxes[row.Name] != nil && r.m.policy.Inboxes[row.Name] != nil {
			continue
		}
		member, err := wasMember(row, r.q.Agent, teams)
		if err != nil {
			return nil, err
		}
		if !member {
			continue
		}
		if in := r.m.policy.Inboxes[row.Name]; in != nil {
			inboxes[row.Name] = in.Kinds
			continue
		}
		spec := object{}
		if err := json.Unmarshal(row.Spec, &spec); err != nil {
			return nil, err
		}
		inboxes[row.Name] = kindsIn(spec) // rows come oldest first: the last one stays
	}
	return inboxes, nil
}

// teamIntervals are the spans in which the agent was in each team.
func (r *run) teamIntervals(rows []ledger.DocumentRow) map[string][]interval {
	teams := map[string][]interval{}
	for i := range rows {
		row := &rows[i]
		if row.Kind != policy.KindTeam || row.From > r.m.revision {
			continue
		}
		var spec struct {
			Members []string `json:"members"`
		}
		if json.Unmarshal(row.Spec, &spec) == nil && slices.Contains(spec.Members, r.q.Agent) {
			teams[row.Name] = append(teams[row.Name], interval{row.From, row.To})
		}
	}
	return teams
}

// wasMember says whether a version of an inbox had the agent as a member, directly or by a team as that was meanwhile.
func wasMember(row *ledger.DocumentRow, agent string, teams map[string][]interval) (bool, error) {
	var spec struct {
		Members policy.Members `json:"members"`
	}
	if err := json.Unmarshal(row.Spec, &spec); err != nil {
		return false, err
	}
	if slices.Contains(spec.Members.Accounts, agent) {
		return true, nil
	}
	for _, team := range spec.Members.Teams {
		for _, i := range teams[team] {
			if i.meets(interval{row.From, row.To}) {
				return true, nil
			}
		}
	}
	return false, nil
}
