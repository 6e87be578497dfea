package diagnosis

import (
	"fmt"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// actionRelease lets a message through that a filter rule keeps back.
var actionRelease = Action{Action: "release_message", By: "supervisor", Text: Text{
	"确认不是骚扰后，在“已拦截”中放行这条消息。", "If it is no spam, release the message from the intercepted ones."}}

// intercepted is a message that a filter rule kept back or refused.
type intercepted struct {
	input filter.Input // without the contact's name, which is nothing for a report
	rule  string
}

// intercept says whether a rule held the message back at the instant asked about, and leaves of the journal what is about this message: other decisions on its
// conversation are about other messages.
func (f *fate) intercept() {
	if f.filter == nil {
		return
	}
	for i, d := range f.decisions {
		if d.Cause == ledger.CauseReleased && d.Message == f.row.Position {
			f.decisions, f.filter = f.decisions[i:], nil
			return
		}
	}
	f.decisions, f.decision = f.decisions[:1], f.decisions[0]
}

// keptBack explains a message that a filter rule keeps back or refused, with everything else that stood in the agent's way then.
func (r *run) keptBack(view *ledger.View, f *fate) error {
	d := &f.decision
	if err := r.momentOf(view, d.Position, d.Revision, d.At, f.row.Inbox); err != nil {
		return err
	}
	c := &r.cells[0]
	recorded, err := r.recorded(d.Outcomes)
	if err != nil {
		return err
	}
	r.explain()
	if recorded != nil {
		c.vector = *recorded
	}
	c.vector[reception.FilterGate] = reception.Cell{Outcome: reception.Pass} // it has a finding of its own
	if err := r.find(); err != nil {
		return err
	}
	code, _ := reception.ParseCode(d.Code)
	c.vector[reception.FilterGate] = reception.Cell{Outcome: reception.Block, Code: code}
	found := &finding{gate: reception.FilterGate, stage: reception.FilterGate.String(), outcome: reception.Block, code: code, cells: []int{0}}
	found.cause.since = d.At
	if err := r.proveRule(found, f, d); err != nil {
		return err
	}
	r.findings = append(r.findings, found)
	r.report.Verdict = r.verdict()
	r.proveDecision(f)
	return nil
}

// proveRule names the rule: its version, its author, and what it matched.
func (r *run) proveRule(found *finding, f *fate, d *ledger.DecisionRow) error {
	rule := reception.ApplyFilters(r.m.policy, f.row.Inbox, f.row.Kind, d.Matched).Rule
	f.filter.rule = rule
	spec, ok := r.m.set.Filter(rule)
	if !ok {
		return fmt.Errorf("decision %d was made by filter rule %q, which is not in revision %d", d.Position, rule, d.Revision)
	}
	document, _ := r.m.set.Get(policy.KindFilter, rule)
	row, err := r.history.revision(document.Revision)
	if err != nil {
		return err
	}
	found.cause.row = row
	value := spec.Action
	if spec.Reason != "" {
		value += " (" + spec.Reason + ")"
	}
	found.add(r.fromDocument(policy.KindFilter, rule, "/spec/action", value))
	found.filter = f.filter
	found.held = f.row.Direction != ledger.Refused
	if !r.s.Offline {
		r.proveMatch(found, spec, d)
	}
	return nil
}

// proveMatch says what in the message the rule matched.
func (r *run) proveMatch(found *finding, spec policy.FilterSpec, d *ledger.DecisionRow) {
	for i, h := range spec.Hits(&found.filter.input) {
		if i == maxListed {
			break
		}
		value := string(h.How) + ": " + h.Term
		if h.End > 0 {
			value += fmt.Sprintf(" (characters %d to %d)", h.Start+1, h.End)
		}
		found.add(Evidence{Fact: "match/" + found.filter.rule, Value: value, Source: "filter " + filter.Version, At: r.instant(d.At), others: true})
	}
}

// repairFilter releases a message that is held; for one that was refused it changes the rule, so that the next one like it goes through.
func (r *run) repairFilter(f *finding) {
	fix := &Fix{By: reception.Lookup(f.code).By, Edits: []Edit{}, Actions: []Action{}}
	if f.held {
		again := reception.Message{Inbox: f.filter.input.Inbox, Kind: f.filter.input.Kind, Released: true}
		d := reception.Decide(r.m.policy, r.m.world, again, r.m.now)
		fix.Actions = append(fix.Actions, actionRelease)
		fix.Verified = !d.Message[reception.FilterGate].Outcome.Stops()
		f.fix = fix
		return
	}
	if r.s.Offline {
		return
	}
	now := r.s.Ledger.View().Policy // what is to be changed is the rule as it is
	proposals := now.NotSpam(f.filter.rule, f.filter.input)
	if len(proposals) == 0 {
		return
	}
	p := proposals[0]
	fix.Edits = append(fix.Edits, Edit{Kind: p.Edit.Kind, Name: p.Edit.Name, Spec: p.Edit.Spec, Fields: p.Fields})
	fix.Verified = p.After.Action != reception.FilterReject && p.After.Action != reception.FilterQuarantine
	f.fix = fix
}
