package reception

import "time"

// ExplainMembers is Explain for every member of an inbox, in order of name, in one pass: what does not depend on the member is evaluated once. The vector is
// good until each returns.
func ExplainMembers(p *Policy, w World, inbox, kind string, now time.Time, each func(account string, cells *Vector)) {
	e := newEvaluator(p, w, inbox, kind, now)
	e.explaining = true
	e.evaluateMessage()
	members, accounts := e.inbox.Members, p.members(inbox)
	var c Candidate
	for i := range members {
		e.evaluateMember(&c, &members[i], accounts, i)
		each(members[i].Account, &c.Cells)
	}
}
