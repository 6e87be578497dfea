package diagnosis

import (
	"errors"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// unmask finds rights to receive a kind that are off by themselves, behind a parent that is off as well: whoever mends the parent alone would find the
// agent still without the kind.
func (r *run) unmask() error {
	a := r.m.policy.Accounts[r.q.Agent]
	if a == nil {
		return nil
	}
	found := map[string]*finding{}
	for i := range r.cells {
		c := &r.cells[i]
		if c.vector[reception.PermissionKind].Code != reception.CodePermissionKindParentOff {
			continue
		}
		permission := policy.Receive + "." + c.kind
		grant, _ := a.Rights[permission].Decides(r.m.now)
		// Where the parent is off as one would expect, that the template has not the kind either is no second cause.
		if grant.Held() || grant == reception.NeverGranted && r.parentExpected(c) {
			continue
		}
		f := found[permission]
		if f == nil {
			by, err := r.maskedCause(c, permission, grant)
			if err != nil {
				return err
			}
			f = r.newFinding(reception.PermissionKind, reception.Cell{Outcome: reception.Block, Code: grantCodes[grant]}, by)
			f.masks = permission
			found[permission] = f
			r.findings = append(r.findings, f)
		}
		f.cells = append(f.cells, i)
	}
	return nil
}

func (r *run) parentExpected(c *cell) bool {
	return reception.Expected(r.m.policy, r.m.world, r.q.Agent, reception.RoleReceive, c.vector[reception.RoleReceive])
}

var grantCodes = map[reception.Grant]reception.Code{
	reception.NeverGranted:    reception.CodePermissionKindNotGranted,
	reception.RemovedFromRole: reception.CodePermissionKindRemovedFromRole,
	reception.AllowExpired:    reception.CodePermissionKindExpired,
	reception.DeniedByAccount: reception.CodePermissionKindAccountDenied,
}

// maskedCause finds the revision that took a right away which the gate does not show.
func (r *run) maskedCause(c *cell, permission string, now reception.Grant) (*cause, error) {
	f, err := r.history.family(c.inbox)
	if err != nil {
		return nil, err
	}
	for i, revision := range r.history.steps(f, reception.PermissionKind) {
		if i >= maxSteps {
			break
		}
		p, err := r.history.policy(f, revision-1)
		if errors.Is(err, errUnreadable) {
			break
		}
		if err != nil {
			return nil, err
		}
		then := reception.NeverGranted
		if a := p.Accounts[r.q.Agent]; a != nil {
			then, _ = a.Rights[permission].Decides(r.m.now)
		}
		if then != now {
			row, err := r.history.revision(revision)
			if err != nil {
				return nil, err
			}
			return &cause{row: row, since: row.At}, nil
		}
	}
	return &cause{}, nil
}
