package snapshot

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// extent is what a snapshot has that explains one agent. All settings are in it, because a fix is tried on all of them; and of everybody what holds at the
// present, because it is weighed by how many others it concerns. Of what was before, there is: the agent's own facts; what came into the inboxes that it was ever a
// member of, or into conversations that it owned or was chosen for; and what the agents had to do with whom it shares those inboxes.
type extent struct {
	agent      string
	inboxes    map[string]bool
	colleagues map[string]bool

	documents     []ledger.DocumentRow // until all are there
	conversations map[int64]bool       // those that the agent owned
	messages      map[int64]bool
	outcomes      map[[16]byte]bool
	deliveries    map[delivery]bool
}

type delivery struct {
	account  string
	sequence int64
}

func newExtent(agent string) *extent {
	return &extent{
		agent: agent, inboxes: map[string]bool{}, colleagues: map[string]bool{}, conversations: map[int64]bool{}, messages: map[int64]bool{},
		outcomes: map[[16]byte]bool{}, deliveries: map[delivery]bool{},
	}
}

// settle finds the inboxes from all versions of all documents. It says whether the agent is, or was, an account.
func (x *extent) settle() bool {
	type placed struct {
		Members json.RawMessage `json:"members"`
	}
	type members struct {
		Accounts []string `json:"accounts"`
		Teams    []string `json:"teams"`
	}
	known := false
	teams := map[string]map[string]bool{} // accounts by team, whenever
	for i := range x.documents {
		d := &x.documents[i]
		var p placed
		var list []string
		switch {
		case d.Kind == policy.KindAccount && d.Name == x.agent:
			known = true
		case d.Kind == policy.KindTeam && json.Unmarshal(d.Spec, &p) == nil && json.Unmarshal(p.Members, &list) == nil:
			if teams[d.Name] == nil {
				teams[d.Name] = map[string]bool{}
			}
			for _, a := range list {
				teams[d.Name][a] = true
			}
		}
	}
	for i := range x.documents {
		d := &x.documents[i]
		var p placed
		var m members
		if d.Kind != policy.KindInbox || json.Unmarshal(d.Spec, &p) != nil || json.Unmarshal(p.Members, &m) != nil {
			continue
		}
		all := map[string]bool{}
		for _, a := range m.Accounts {
			all[a] = true
		}
		for _, t := range m.Teams {
			maps.Copy(all, teams[t])
		}
		if all[x.agent] {
			x.inboxes[d.Name] = true
			maps.Copy(x.colleagues, all)
		}
	}
	return known
}

// cut leaves of a part what belongs to the extent. Tables come in the order of package query: what decides comes before what is decided about.
func (x *extent) cut(g *ledger.Group) {
	of := ledger.AccountSubject(x.agent)
	g.Facts = only(g.Facts, func(r *ledger.FactRow) bool {
		return r.ToPosition == 0 || r.Subject == of || !strings.HasPrefix(r.Subject, ledger.AccountSubject(""))
	})
	g.Assignments = only(g.Assignments, func(r *ledger.AssignmentRow) bool {
		if r.Account == x.agent {
			x.conversations[r.Conversation] = true
		}
		return r.ToPosition == 0 || x.inboxes[r.Inbox] || x.colleagues[r.Account] || r.Account == x.agent
	})
	g.Messages = only(g.Messages, func(r *ledger.MessageRow) bool {
		if !x.inboxes[r.Inbox] && (r.Conversation == 0 || !x.conversations[r.Conversation]) && (r.Decision == nil || !slices.Contains(r.Decision.Chosen, x.agent)) {
			return false
		}
		if x.messages[r.Position] = true; r.Conversation != 0 {
			x.conversations[r.Conversation] = true
		}
		if r.Decision != nil {
			x.outcomes[r.Decision.Outcomes] = true
		}
		return true
	})
	g.Decisions = only(g.Decisions, func(r *ledger.DecisionRow) bool {
		if !x.conversations[r.Conversation] {
			return false
		}
		x.outcomes[r.Outcomes] = true
		return true
	})
	g.Outcomes = only(g.Outcomes, func(r *ledger.OutcomesRow) bool { return x.outcomes[r.ID] })
	g.Deliveries = only(g.Deliveries, func(r *ledger.DeliveryRow) bool {
		if r.Account != x.agent && !x.messages[r.Message] {
			return false
		}
		x.deliveries[delivery{r.Account, r.Sequence}] = true
		return true
	})
	g.Attempts = only(g.Attempts, func(r *ledger.AttemptRow) bool { return x.deliveries[delivery{r.Account, r.Sequence}] })
	g.Tokens = only(g.Tokens, func(r *ledger.TokenRow) bool { return r.Account == x.agent })
	g.Logins = only(g.Logins, func(r *ledger.LoginRow) bool { return r.Account == x.agent })
	g.Refusals = only(g.Refusals, func(r *ledger.RefusalRow) bool { return x.inboxes[r.Inbox] })
	g.Quarantine = only(g.Quarantine, func(r *ledger.QuarantineRow) bool { return x.inboxes[r.Inbox] || x.messages[r.Message] })
}

func only[R any](rows []R, keep func(*R) bool) []R {
	return slices.DeleteFunc(rows, func(r R) bool { return !keep(&r) })
}

// names are the inboxes in order.
func (x *extent) names() []string { return slices.Sorted(maps.Keys(x.inboxes)) }

// Covers refuses a question that a snapshot of one agent has not what it takes to answer. What does not exist is for the diagnosis to say.
func (s *Snapshot) Covers(agent, inbox string) error {
	h := &s.Head
	switch {
	case h.Agent == "":
		return nil
	case agent != h.Agent:
		return errOtherAgent(h.Agent)
	case inbox == "" || slices.Contains(h.Inboxes, inbox):
		return nil
	}
	if _, ok := s.View().Policy.Inbox(inbox); ok {
		return errOtherInbox(h.Agent)
	}
	return nil
}

// The refusals of a snapshot of one agent.
var (
	errUnknownAgent = problem.New(problem.NotFound, "snapshot.unknown_agent", "There is no such account.", "没有这个账号。").On("/agent")
	errOtherMessage = problem.New(problem.NotFound, "snapshot.other_message",
		"The snapshot is of one agent, and has no such message in the agent's inboxes; export one of all.", "此快照只包含一位客服的记录，其渠道中没有这条消息；请导出完整快照。").On("/message")
)

func errOtherAgent(agent string) error {
	return problem.New(problem.Invalid, "snapshot.other_agent",
		"The snapshot explains "+agent+" only; export another one for this agent, or one of all.", "此快照只能诊断 "+agent+"；请为要诊断的客服另行导出，或导出完整快照。").On("/agent")
}

func errOtherInbox(agent string) error {
	return problem.New(problem.Invalid, "snapshot.other_inbox",
		"The snapshot explains "+agent+" only, who never was a member of this inbox, and has nothing of it; export one of all.",
		"此快照只能诊断 "+agent+"，而该客服从未加入这个接待渠道，快照中没有它的记录；请导出完整快照。").On("/inbox")
}
