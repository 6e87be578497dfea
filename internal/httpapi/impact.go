package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/impact"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// impactTime is how long an answer may take: less than a connection may be written to.
const impactTime = 45 * time.Second

var errImpactTime = problem.New(problem.Unavailable, "impact.takes_too_long",
	"This much recorded traffic cannot be looked at in time; ask for fewer days.", "这段时间的消息太多，未能及时算完；请缩短天数(days)再试。").On("/days")

// ImpactCountBody counts recorded messages by what would have become of them.
type ImpactCountBody struct {
	Messages     int `json:"messages"`
	Waits        int `json:"waits" doc:"somebody could have received them, and nobody could"`
	Received     int `json:"received" doc:"nobody could have received them, and somebody could"`
	Other        int `json:"other" doc:"other receivers"`
	Undetermined int `json:"undetermined" doc:"who would have received them takes facts that were not read, or are not kept"`
}

// ImpactCellBody counts the messages of one cell.
type ImpactCellBody struct {
	Inbox string `json:"inbox"`
	Kind  string `json:"kind"`
	ImpactCountBody
}

// ImpactAgentBody counts messages by what they mean to one agent.
type ImpactAgentBody struct {
	Agent  string `json:"agent"`
	Title  string `json:"title,omitempty"`
	Stops  int    `json:"stops" doc:"it could have received them, and no longer could"`
	Starts int    `json:"starts" doc:"it could not have received them, and could"`
	Lost   int    `json:"lost" doc:"it was given them, and would not have been"`
}

// ImpactExampleBody is one message, never with its text.
type ImpactExampleBody struct {
	Message string   `json:"message"`
	Inbox   string   `json:"inbox"`
	Kind    string   `json:"kind"`
	At      Time     `json:"at"`
	Change  string   `json:"change" enum:"waits,received,other,undetermined"`
	Agents  []string `json:"agents" doc:"who received it"`
	Code    string   `json:"code,omitempty" doc:"why it would have waited"`
	Reason  string   `json:"reason,omitempty"`
}

// ImpactLossBody is a cell that loses its last receiver.
type ImpactLossBody struct {
	Inbox  string      `json:"inbox"`
	Title  string      `json:"title,omitempty"`
	Kind   string      `json:"kind"`
	At     Time        `json:"at" doc:"the first such instant"`
	Last   []NamedBody `json:"last" doc:"who could have received then, and cannot any more"`
	Code   string      `json:"code,omitempty" doc:"why nobody can; leave out: the cell would not exist any more"`
	Reason string      `json:"reason,omitempty"`
}

// ImpactBody is what a change of the policy would do.
type ImpactBody struct {
	Revision int64        `json:"revision" doc:"that the change was tried on"`
	Changes  []ChangeBody `json:"changes"`
	Safe     bool         `json:"safe" doc:"no cell loses its last receiver, and no recorded message would have waited"`
	Same     bool         `json:"same" doc:"no cell loses its last receiver, and every recorded message would have gone the same way"`
	Replay   struct {
		From    Time `json:"from"`
		Until   Time `json:"until"`
		Limited bool `json:"limited" doc:"there was too much traffic for the whole period: from is when the oldest message that was looked at came"`
		ImpactCountBody
		Cells    []ImpactCellBody    `json:"cells"`
		Agents   []ImpactAgentBody   `json:"agents"`
		Examples []ImpactExampleBody `json:"examples"`
	} `json:"replay" doc:"each recorded message alone, with its recorded facts and the filter rules that it matched then: what the change would have done to later loads is not in it"`
	Ahead struct {
		From   Time             `json:"from"`
		Until  Time             `json:"until"`
		Cells  int              `json:"cells" doc:"that were looked at, at every instant at which who can receive by policy may change"`
		Losses []ImpactLossBody `json:"losses" doc:"none: it is proven that no cell loses its last receiver by policy (sessions, clients, loads and Bida's own health taken as passing)"`
	} `json:"ahead"`
}

type impactOutput struct{ Body ImpactBody }

// impact says what a change would have done to recorded messages, and whether a cell loses its last receiver. It changes nothing.
func (s *Server) impact(ctx context.Context, by caller, in *struct {
	Body struct {
		Documents []DocumentInput `json:"documents"`
		Prune     bool            `json:"prune,omitempty" doc:"delete every document that is not among these"`
		Days      int             `json:"days,omitempty" minimum:"1" maximum:"90" doc:"how far back recorded messages are looked at; 7 if left out"`
	} `nameHint:"ImpactInput"`
}) (*impactOutput, error) {
	view, now := s.o.Ledger.View(), s.o.Now()
	preview, err := governance.PreviewEdits(view.Policy, editsFor(view.Policy, in.Body.Documents, in.Body.Prune), s.busy, now)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, impactTime)
	defer cancel()
	found, err := impact.Foresee(bounded, s.o.Store, impact.Question{
		Before: view.Policy.Compile(), After: preview.After.Compile(), Now: now, Position: view.Position,
		Back: time.Duration(in.Body.Days) * 24 * time.Hour,
		PolicyAt: func(ctx context.Context, revision int64) (*reception.Policy, error) {
			set, err := s.policyAt(ctx, revision)
			if err != nil {
				return nil, err
			}
			return set.Compile(), nil
		},
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, errImpactTime
	}
	if err != nil {
		return nil, fmt.Errorf("impact on revision %d: %w", view.Policy.Revision(), err)
	}
	out := &impactOutput{}
	out.Body.Revision, out.Body.Changes = view.Policy.Revision(), changeBodies(preview.Changes)
	s.impactBody(&out.Body, by, view.Policy, found, now)
	return out, nil
}

// busy says whether conversations are open in an inbox.
func (s *Server) busy(inbox string) bool {
	return len(s.o.Ledger.OpenConversations(func(c *ledger.ConversationRow) bool { return c.Inbox == inbox })) > 0
}

func (s *Server) impactBody(b *ImpactBody, by caller, before *policy.Set, found *impact.Impact, now time.Time) {
	total := found.Replay.Total()
	b.Same, b.Safe = found.Harmless(), len(found.Losses) == 0 && total.Waits == 0
	r := &b.Replay
	r.From, r.Until, r.Limited = s.time(found.Replay.From), s.time(found.Replay.Until), found.Replay.Limited
	r.ImpactCountBody = impactCounts(&total)
	r.Cells, r.Agents, r.Examples = []ImpactCellBody{}, []ImpactAgentBody{}, []ImpactExampleBody{}
	for _, c := range found.Replay.Cells {
		r.Cells = append(r.Cells, ImpactCellBody{c.Inbox, c.Kind, impactCounts(&c)})
	}
	for _, a := range found.Replay.Agents {
		r.Agents = append(r.Agents, ImpactAgentBody{a.Account, titled(before, a.Account).Title, a.Stops, a.Starts, a.Lost})
	}
	for _, e := range found.Replay.Examples {
		r.Examples = append(r.Examples, ImpactExampleBody{
			Message: conversation.MessageID(e.Message), Inbox: e.Inbox, Kind: e.Kind, At: s.time(e.At), Change: string(e.Change), Agents: append([]string{}, e.Was...),
			Code: e.Code.String(), Reason: reception.Lookup(e.Code).Title.In(by.lang),
		})
	}
	a := &b.Ahead
	a.From, a.Until, a.Cells, a.Losses = s.time(now), s.time(now.Add(impact.Ahead)), found.Cells, []ImpactLossBody{}
	for _, l := range found.Losses {
		in, _ := before.Inbox(l.Inbox)
		loss := ImpactLossBody{
			Inbox: l.Inbox, Title: in.Title, Kind: l.Kind, At: s.time(l.At), Code: l.Code.String(), Reason: reception.Lookup(l.Code).Title.In(by.lang),
		}
		for _, name := range l.Last {
			loss.Last = append(loss.Last, titled(before, name))
		}
		a.Losses = append(a.Losses, loss)
	}
}

func titled(set *policy.Set, account string) NamedBody {
	spec, _ := set.Account(account)
	return NamedBody{Name: account, Title: spec.Title}
}

func impactCounts(c *impact.CellCount) ImpactCountBody {
	return ImpactCountBody{Messages: c.Messages, Waits: c.Waits, Received: c.Received, Other: c.Other, Undetermined: c.Undecided}
}
