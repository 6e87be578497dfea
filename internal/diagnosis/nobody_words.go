package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// conclude puts the report about a message together.
func (n *nobody) conclude() (*Report, error) {
	out := n.report
	out.Subject = Subject{Inbox: n.q.Inbox, Kind: n.q.Kind, Message: n.q.Message}
	out.At, out.Revision = *n.instant(n.m.at), n.m.revision
	out.Position = cmp.Or(out.Position, n.m.position)
	out.Place, out.Best, out.DeadRules = n.place, n.best, []DeadRule{}
	if out.Findings == nil {
		if err := n.tell(); err != nil {
			return nil, err
		}
		out.Checks, out.Traffic = n.checksOver(), n.counts()
		out.Headline = n.sentence()
		out.Next = n.whatNext()
	}
	out.Titles = map[string]string{}
	titleInbox(out.Titles, n.m.set, n.place.Inbox)
	n.titleAgents(out)
	n.redact(out)
	if n.best != nil {
		n.redactFix(&n.best.Fix)
	}
	return out, nil
}

// titleAgents notes what people call the agents that the report names.
func (r *run) titleAgents(out *Report) {
	name := func(list []string) {
		for _, agent := range list {
			if title := r.title(agent); title != "" {
				out.Titles["account/"+agent] = title
			}
		}
	}
	for i := range out.Findings {
		name(out.Findings[i].Agents)
	}
	if out.Place != nil {
		name(out.Place.Agents)
	}
	if out.Best != nil {
		name(out.Best.Receivers)
	}
}

// tell makes what is shown of groups and findings. What is about the message as a whole (that a rule keeps it back, that its conversation ended) comes first,
// that it waits last.
func (n *nobody) tell() error {
	out := n.report
	out.Findings = []Finding{}
	for _, f := range n.findings {
		if f.stage == stageQueue {
			continue
		}
		by := n.run
		if f.gate == reception.FilterGate {
			by = n.rule
			by.repairFilter(f)
		}
		told := by.finish(f)
		if f.code == reception.CodeRoutingOfferedManual {
			told.Agents, told.AgentCount = n.open[:min(len(n.open), mostNamed)], len(n.open)
		}
		out.Findings = append(out.Findings, told)
	}
	for _, g := range n.groups {
		out.Findings = append(out.Findings, n.tellGroup(g))
	}
	for _, f := range n.findings {
		if f.stage == stageQueue {
			told := n.finish(f)
			if len(out.Findings) > 0 && !out.Findings[0].Expected {
				code := out.Findings[0].Code
				told.ConsequenceOf = &code
			}
			out.Findings = append(out.Findings, told)
		}
	}
	if len(out.Findings) > 0 {
		out.Findings[0].Primary = true
	}
	return nil
}

func (n *nobody) tellGroup(g *group) Finding {
	by := g.by
	if by == nil {
		by = n.forAgent(g.agents[0])
		by.cells = n.cells
	}
	told := by.finish(g.lead)
	told.Agents, told.AgentCount, told.Fix, told.Primary, told.ConsequenceOf = g.agents[:min(len(g.agents), mostNamed)], len(g.agents), g.fix, false, nil
	if g.root != nil {
		code := g.root.lead.code.String()
		told.ConsequenceOf = &code
	}
	if g.lead.cause.origin != nil && len(g.agents) > 1 { // each has an author and a beginning of its own, which the evidence tells
		told.ChangedBy = nil
		for _, m := range g.members {
			if at := m.finding.cause.since; told.Since == nil || !at.IsZero() && at.Before(time.Time(*told.Since)) {
				told.Since = n.instant(at)
			}
		}
	}
	return told
}

// checksOver is the check-list over all candidates: each gate's outcomes with how many have it.
func (n *nobody) checksOver() []Check {
	list := []Check{}
	for g := range reception.GateCount {
		first := len(list)
		add := func(at reception.Cell, agents int) {
			for i := first; i < len(list); i++ {
				if c := &list[i]; c.Outcome == at.Outcome.String() && c.Code == at.Code.String() {
					c.Agents += agents
					return
				}
			}
			c := Check{Part: g.Part(), Gate: g.String(), Outcome: at.Outcome.String(), Code: at.Code.String(), Scope: []CellRef{{n.place.Inbox, n.place.Kind}}, Agents: agents}
			if at.Until != 0 {
				c.Until = n.instant(time.UnixMicro(at.Until))
			}
			list = append(list, c)
		}
		if g.AboutMessage() {
			at := n.decision.Message[g]
			if g == reception.FilterGate && n.rule != nil {
				code, _ := reception.ParseCode(n.f.decision.Code)
				at = reception.Cell{Outcome: reception.Block, Code: code}
			}
			add(at, 0)
			continue
		}
		for i := range n.decision.Candidates {
			if c := &n.decision.Candidates[i]; !c.Asked {
				add(c.Cells[g], 1)
			}
		}
	}
	return slices.DeleteFunc(list, func(c Check) bool { return c.Outcome == reception.Undecided.String() })
}

// sayHolders is the answer where somebody has the message after all.
func (n *nobody) sayHolders(who string) {
	name := cmp.Or(n.title(who), who)
	since := time.Time(*n.place.Since)
	n.report.Headline = Text{
		ZH: "消息 " + n.q.Message + " 有人收到：自 " + n.clockZH(since) + " 起在" + name + "处。",
		EN: "Somebody has message " + n.q.Message + ": it has been with " + name + " since " + n.clockEN(since) + ".",
	}
	if others := len(n.f.holders()) - 1; others > 0 {
		n.report.Headline = Text{
			ZH: fmt.Sprintf("消息 %s 有人收到：自 %s 起在%s处，另有 %d 位客服的列表中也有。", n.q.Message, n.clockZH(since), name, others),
			EN: fmt.Sprintf("Somebody has message %s: it has been with %s since %s, and lies in the lists of %d others.", n.q.Message, name, n.clockEN(since), others),
		}
	}
}

// sentence is the answer where nobody has the message.
func (n *nobody) sentence() Text {
	id, inbox := n.q.Message, n.inboxName(n.place.Inbox)
	switch n.place.State {
	case placeToTake:
		return Text{
			ZH: fmt.Sprintf("消息 %s 还没有人领取：它在“%s”中待领取，%d 位客服可以领取。", id, inbox, len(n.open)),
			EN: fmt.Sprintf("Nobody has taken message %s yet: it lies in %s, and %s may take it.", id, inbox, agents(len(n.open))),
		}
	case placeNeverGiven:
		why := n.clause(n.findings[0])
		if n.findings[0].stage == stageQueue {
			return Text{
				ZH: "消息 " + id + " 没有分给会话的接待客服，记录中没有原因。", EN: "Message " + id + " was not given to whoever has its conversation, and no record says why.",
			}
		}
		return Text{ZH: "消息 " + id + " 没有人收到：" + why.ZH + "。", EN: "Nobody has message " + id + ": " + why.EN + "."}
	case placeQuarantined, placeRejected:
		why := n.rule.clause(n.findings[len(n.findings)-1])
		return Text{ZH: "消息 " + id + " 没有人收到：" + why.ZH + "。", EN: "Nobody has message " + id + ": " + why.EN + "."}
	}
	why, more := n.mainCause(), Text{}
	if k := n.otherCauses(); k == 1 {
		more = Text{"；另有 1 个原因", "; there is 1 more cause"}
	} else if k > 1 {
		more = Text{fmt.Sprintf("；另有 %d 个原因", k), fmt.Sprintf("; there are %d more causes", k)}
	}
	where := Text{"在“" + inbox + "”等待", "it waits in " + inbox}
	if n.place.State == placeHeld {
		where = Text{"正等原接待客服恢复", "it waits for its owner to come back"}
	}
	if until := n.earliest(); n.report.Verdict == Waiting && !until.IsZero() {
		where = Text{where.ZH + "（" + n.clockZH(until) + " 起可能有人接收）", where.EN + " (somebody may receive it from " + n.clockEN(until) + " on)"}
	}
	return Text{
		ZH: "消息 " + id + " 还没有人收到，" + where.ZH + "：" + why.ZH + more.ZH + "。",
		EN: "Nobody has message " + id + "; " + where.EN + ": " + why.EN + more.EN + ".",
	}
}

func agents(k int) string {
	if k == 1 {
		return "1 agent"
	}
	return fmt.Sprintf("%d agents", k)
}

// mainCause says the primary cause with how many it stops.
func (n *nobody) mainCause() Text {
	if len(n.groups) == 0 {
		if len(n.findings) > 0 && n.findings[0].stage != stageQueue {
			return n.clause(n.findings[0])
		}
		return Text{"有人可以接收，但还没有分给任何人", "somebody could receive it, and it was not given to anybody yet"}
	}
	g := n.groups[0]
	if g.all {
		return g.by.clause(g.lead)
	}
	reason := reception.Lookup(g.lead.code)
	text := Text{reason.Title.ZH, lowerFirst(reason.Title.EN)}
	switch {
	case g.by != nil && len(g.agents) == 1:
		name := cmp.Or(n.title(g.agents[0]), g.agents[0])
		clause := g.by.clause(g.lead)
		return Text{name + "：" + clause.ZH + n.of(1).ZH, name + ": " + clause.EN + n.of(1).EN}
	case g.by != nil && g.lead.cause.row.Revision != 0:
		text = g.by.clause(g.lead)
	}
	return Text{text.ZH + n.of(len(g.agents)).ZH, text.EN + n.of(len(g.agents)).EN}
}

// of says how many of the candidates something is about.
func (n *nobody) of(k int) Text {
	return Text{fmt.Sprintf("（%d/%d 位客服）", k, n.place.Candidates), fmt.Sprintf(" (%d of %s)", k, agents(n.place.Candidates))}
}

// otherCauses counts the roots beside the first.
func (n *nobody) otherCauses() int {
	k := 0
	for _, g := range n.groups {
		if g.root == nil {
			k++
		}
	}
	return max(0, k-1)
}

// whatNext says what to look at where something unknown decides.
func (n *nobody) whatNext() string {
	if n.report.Verdict != Unknown {
		return ""
	}
	if n.place.State == placeNeverGiven {
		return Text{
			"请用 bida doctor --deep 检查记录，并把本报告交给值班技术。", "Check the records with bida doctor --deep, and pass this report on to the engineer on call.",
		}.In(n.q.Lang)
	}
	for _, g := range n.groups {
		if g.by == nil || g.lead.outcome != reception.Unknown {
			continue
		}
		g.by.report.Verdict = Unknown
		g.by.cells = n.cells
		if next := g.by.next(); next != "" {
			return next
		}
	}
	return ""
}
