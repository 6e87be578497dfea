package reception

// Expected says whether an outcome was to be expected for an account: blocked on purpose is not a fault. Expected are schedules, presence that the
// agent set itself, capacity, a right absent from the role's template, the states left and expired, an agent that is passed over, a conversation
// that a colleague has and a choice that fell on somebody else. All else is unexpected. A cell that does not stop is always expected.
// Why it is expected is in Lookup(cell.Code).Because.
func Expected(p *Policy, w World, account string, g Gate, cell Cell) bool {
	if !cell.Outcome.Stops() {
		return true
	}
	if cell.Outcome == Undecided || cell.Code == 0 {
		return false
	}
	switch Lookup(cell.Code).Expected {
	case AsExpected:
		return true
	case ExpectationDepends:
		return dependsExpected(p, w, account, g)
	}
	return false
}

func dependsExpected(p *Policy, w World, account string, g Gate) bool {
	switch g {
	case PresenceGate:
		origin := &w.Agent(account).Presence.Origin
		return origin.Cause == "self" && origin.By == account
	case PermissionKind:
		// The child is off with its parent, and as expected as that is: only if nobody ever gave or took the parent.
		a := p.account(account)
		r := a.Rights[permissionReceive]
		return a.Agent && len(r.Roles) == 0 && !r.Template && !r.Allow.Set && !r.Deny.Set
	}
	return false
}
