package diagnosis

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Where there are no records, somebody can still say what is so: of another platform, or at a telephone. Such a statement becomes settings and facts that
// the same engine decides about, and the same ranking and the same verdict make a report of it. What nobody recorded has no author, no time and no order: a
// statement names no one, knows no "since", and takes nothing for a consequence of something else, but for a kind that is off with its parent.

// Statement is what somebody says about one agent in one inbox and for one kind of messages. Its report has no scopes: all of it is about that one cell.
type Statement struct {
	Agent string // the account of Policy that it is about
	Title Text   // what people call the agent
	// Inbox and Kind are the cell of Policy that is decided about; Asked is the kind that people asked about, "" for all.
	Inbox, Kind, Asked string
	At                 time.Time
	Zone               *time.Location // in which the report shows times; nil means Asia/Shanghai
	// Policy and Facts are what settings and facts can say of it.
	Policy *policy.Set
	Facts  reception.Agent
	// Cells are gates, and the stages push and view, about which neither can: that something is not known, or is so for a reason that is not told.
	Cells map[string]reception.Cell
	// Evidence is what was said, by the gate or stage that it bears on.
	Evidence map[string][]Evidence
}

// Report decides about the statement.
func (s *Statement) Report() *Report {
	zone := s.Zone
	if zone == nil {
		zone = defaultZone()
	}
	view := ledger.Stated(s.Policy, s.At, &s.Facts)
	r := &run{s: &Service{zone: zone}, q: Query{Agent: s.Agent, Kind: s.Asked}, nowhere: true, whole: true, settings: true, present: s.Policy, report: newReport()}
	r.m = moment{at: s.At, now: s.At, set: s.Policy, policy: s.Policy.Compile(), world: &world{View: view}}
	r.cells = []cell{{inbox: s.Inbox, kind: s.Kind}}
	stages := r.state(s)
	for _, f := range r.findings {
		f.evidence = s.Evidence[f.stage]
		f.expected, f.because = onPurposeBySaying(f), Text{}
		if f.expected {
			because := reception.Lookup(f.code).Because
			f.because = Text{because.ZH, because.EN}
		}
		if f.code == reception.CodePermissionKindParentOff {
			f.root = r.stopping(reception.RoleReceive, f)
		}
	}
	r.rankStated()
	return r.stated(s, stages)
}

// state has the engine decide, puts what is stated in the place of what it cannot know, and makes the findings. It gives the stages of part 5.
func (r *run) state(s *Statement) (stages []Check) {
	c := &r.cells[0]
	c.vector = reception.Explain(r.m.policy, r.m.world, c.inbox, c.kind, r.q.Agent, r.m.now)
	for g := range reception.GateCount {
		if at, ok := s.Cells[g.String()]; ok {
			c.vector[g] = at
		} else if g.Advises() { // nobody is asked about what only warns
			c.vector[g] = reception.Cell{Outcome: reception.NotApplicable}
		}
		if c.vector.Stopped(g) {
			f := r.newFinding(g, c.vector[g], &cause{})
			f.cells = []int{0}
			r.findings = append(r.findings, f)
		}
	}
	for _, stage := range []string{stagePush, stageView} {
		at, ok := s.Cells[stage]
		if !ok {
			continue
		}
		stages = append(stages, Check{Part: 5, Gate: stage, Outcome: at.Outcome.String(), Code: at.Code.String(), Scope: r.refs([]int{0})})
		if at.Outcome.Stops() {
			f := r.stageFinding(stage, at.Code, at.Outcome)
			f.cells = []int{0}
			r.findings = append(r.findings, f)
		}
	}
	return stages
}

// onPurposeBySaying says whether something stops on purpose by what it is. What depends on a role's template, or on who set it, is not known to: nobody said.
func onPurposeBySaying(f *finding) bool {
	switch f.gate {
	case reception.RoleReceive, reception.PermissionKind, reception.PermissionReply, reception.PresenceGate:
		return false
	}
	return f.outcome == reception.Block && reception.Lookup(f.code).Expected == reception.AsExpected
}

// rankStated puts what is known to stop before what is not known, and otherwise ranks as every report does.
func (r *run) rankStated() {
	r.rank()
	slices.SortStableFunc(r.findings, func(a, b *finding) int {
		return compareBool(a.outcome == reception.Unknown, b.outcome == reception.Unknown)
	})
	for i, f := range r.findings {
		f.primary = i == 0
	}
}

// stated puts the report together.
func (r *run) stated(s *Statement, stages []Check) *Report {
	out := r.report
	out.Verdict = r.statedVerdict()
	out.Subject = Subject{Kind: s.Asked}
	out.At, out.Findings, out.DeadRules, out.Titles = *r.instant(s.At), []Finding{}, []DeadRule{}, map[string]string{}
	for g := range reception.GateCount {
		out.Checks = append(out.Checks, r.grouped(g.Part(), g.String(), func(i int) reception.Cell { return r.cells[i].vector[g] })...)
	}
	out.Checks = append(out.Checks, stages...)
	for _, f := range r.findings {
		out.Findings = append(out.Findings, r.finish(f))
	}
	out.Headline = r.statedHeadline(s.Title)
	return out
}

// statedVerdict is the verdict over the findings: a statement has one cell, and what is said of pushes counts in it, too.
func (r *run) statedVerdict() Verdict {
	verdict := Receiving
	for _, f := range r.findings {
		if f.outcome == reception.Block {
			return Blocked
		}
		verdict = Unknown
	}
	return verdict
}

// statedHeadline is the answer in one sentence.
func (r *run) statedHeadline(who Text) Text {
	what := r.asked()
	switch r.report.Verdict {
	case Receiving:
		return Text{"按现有答案，没有发现妨碍" + who.ZH + "接收" + what.ZH + "的原因。", "By the answers, nothing keeps " + who.EN + " from receiving " + what.EN + "."}
	case Unknown:
		n := len(r.findings)
		open := fmt.Sprintf("%d checks are open", n)
		if n == 1 {
			open = "1 check is open"
		}
		return Text{fmt.Sprintf("无法判断%s能否收到%s：还有 %d 项没有确定。", who.ZH, what.ZH, n), "It is not known whether " + who.EN + " can receive " + what.EN + ": " + open + "."}
	}
	why, more := r.clause(r.findings[0]), r.moreStated()
	return Text{who.ZH + "收不到" + what.ZH + "：" + why.ZH + more.ZH + "。", capital(who.EN) + " gets no " + what.EN + ": " + why.EN + more.EN + "."}
}

// moreStated counts the other roots that are known to stop.
func (r *run) moreStated() Text {
	n := 0
	for _, f := range r.findings[1:] {
		if f.root == nil && f.outcome == reception.Block {
			n++
		}
	}
	return moreCauses(n)
}

func capital(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}
