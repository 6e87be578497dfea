package reception

import "time"

// The permissions that gates read. "receive" is the parent of every "receive.<kind>".
const (
	permissionReceive = "receive"
	permissionReply   = "message.reply"
)

// receiveKind names the permission to receive a kind. The built-in kinds are spelled out so that the ordinary way makes no garbage.
func receiveKind(kind string) string {
	switch kind {
	case "customer":
		return "receive.customer"
	case "group":
		return "receive.group"
	case "system":
		return "receive.system"
	case "auto_reply":
		return "receive.auto_reply"
	case "internal":
		return "receive.internal"
	}
	return "receive." + kind
}

// Grant is what decides whether a permission is held: the evidence behind a permission gate.
type Grant uint8

// What may decide. The zero value grants nothing.
const (
	NeverGranted    Grant = iota // neither a role nor an override grants it, and the template does not contain it
	RemovedFromRole              // the template of a role contains it, the role itself does not
	AllowExpired                 // an override allowed it until it ran out
	DeniedByAccount              // an override of the account denies it
	GrantedByRole                // at least one role grants it
	AllowedByAccount
)

var grantNames = [...]string{"never_granted", "removed_from_role", "allow_expired", "denied_by_account", "granted_by_role", "allowed_by_account"}

// String returns the grant's name.
func (g Grant) String() string {
	if int(g) < len(grantNames) {
		return grantNames[g]
	}
	return "invalid"
}

// Held says whether the permission is held.
func (g Grant) Held() bool { return g >= GrantedByRole }

// Decides says what decides at an instant whether the permission is held. Where a denial decides that ends, and the permission is held from then
// on, until is that end; otherwise it is zero.
func (r Right) Decides(now time.Time) (grant Grant, until time.Time) { return r.decides(now) }

// decides has a pointer receiver to spare the hot path the copy of a large value.
func (r *Right) decides(now time.Time) (Grant, time.Time) {
	if r.Deny.Set && r.Deny.In(now) {
		if end := r.Deny.Until; !end.IsZero() && (len(r.Roles) > 0 || r.Allow.In(end)) {
			return DeniedByAccount, end
		}
		return DeniedByAccount, time.Time{}
	}
	switch {
	case len(r.Roles) > 0:
		return GrantedByRole, time.Time{}
	case r.Allow.In(now):
		return AllowedByAccount, time.Time{}
	case r.Allow.Set:
		return AllowExpired, time.Time{}
	case r.Template:
		return RemovedFromRole, time.Time{}
	}
	return NeverGranted, time.Time{}
}

// lasting says whether the right is held at every instant.
func (r *Right) lasting() bool { return len(r.Roles) > 0 && !r.Deny.Set }

// grantCodes are the codes of one permission gate by what decides.
type grantCodes [GrantedByRole]Code

var (
	receiveCodes = grantCodes{CodeRoleReceiveNotGranted, CodeRoleReceiveRemovedFromRole, CodeRoleReceiveExpired, CodeRoleReceiveAccountDenied}
	kindCodes    = grantCodes{CodePermissionKindNotGranted, CodePermissionKindRemovedFromRole, CodePermissionKindExpired, CodePermissionKindAccountDenied}
	replyCodes   = grantCodes{CodePermissionReplyNotGranted, CodePermissionReplyRemovedFromRole, CodePermissionReplyExpired, CodePermissionReplyAccountDenied}
)

func (r *Right) cell(codes *grantCodes, now time.Time) Cell {
	grant, until := r.decides(now)
	if grant.Held() {
		return passed
	}
	return waitOrBlock(codes[grant], until)
}

// stateCell is gate account.state of an account.
func (k *known) stateCell(now time.Time) Cell {
	if k.steady {
		return passed
	}
	return stateCell(k.account, now)
}

// stateCell is gate account.state: only an active account passes. Expiry is applied on top of a state that is, or by itself becomes, active: of an
// account that left or was disabled, banned or never activated, that remains the truth to tell.
func stateCell(a *Account, now time.Time) Cell {
	expired := !a.Expires.IsZero() && !now.Before(a.Expires)
	switch a.State {
	case Active:
		if expired {
			return block(CodeAccountStateExpired)
		}
		return passed
	case Frozen:
		return frozenCell(a, expired, now)
	case Invited:
		return block(CodeAccountStateInvited)
	case Disabled:
		return block(CodeAccountStateDisabled)
	case Banned:
		return block(CodeAccountStateBanned)
	case Left:
		return block(CodeAccountStateLeft)
	case Expired:
		return block(CodeAccountStateExpired)
	}
	return block(CodeAccountStateMissing)
}

func frozenCell(a *Account, expired bool, now time.Time) Cell {
	switch {
	case expired:
		return block(CodeAccountStateExpired)
	case a.StateUntil.IsZero():
		return block(CodeAccountStateFrozen)
	case !now.Before(a.StateUntil):
		return passed
	case !a.Expires.IsZero() && !a.StateUntil.Before(a.Expires):
		// When the freeze ends the account has expired: there is nothing to wait for.
		return block(CodeAccountStateFrozen)
	}
	return wait(CodeAccountStateFrozen, a.StateUntil)
}

// receiveCell is gate role.receive.
func receiveCell(k *known, now time.Time) Cell {
	if !k.steady && !k.account.Agent {
		return block(CodeRoleReceiveNotAgent)
	}
	return k.rightCell(slotReceive, permissionReceive, &receiveCodes, now)
}

// kindCell is gate permission.kind: the parent off turns every child off, for as long as it is off.
func kindCell(k *known, parent Cell, slot int, permission string, now time.Time) Cell {
	switch {
	case parent.Outcome == Wait:
		return Cell{Outcome: Wait, Code: CodePermissionKindParentOff, Until: parent.Until}
	case parent.Outcome != Pass:
		return block(CodePermissionKindParentOff)
	}
	return k.rightCell(slot, permission, &kindCodes, now)
}

// replyCell is gate permission.reply.
func replyCell(k *known, now time.Time) Cell {
	return k.rightCell(slotReply, permissionReply, &replyCodes, now)
}

// MaySignIn is gate account.state alone: what a notice about one's own reception, and a sign-in, need.
func MaySignIn(p *Policy, account string, now time.Time) Cell {
	return stateCell(p.account(account), now)
}

// Can says whether an account may do something now: its state allows it to sign in, and it holds the permission. It does not look at the parent of
// a "receive.<kind>": for what an agent may receive ask Entitled.
func Can(p *Policy, account, permission string, now time.Time) bool {
	a := p.account(account)
	if stateCell(a, now).Outcome != Pass {
		return false
	}
	grant, _ := a.Rights[permission].Decides(now)
	return grant.Held()
}

// Entitled says whether an account may have a message of the kind at all, which is checked again at push and at back-fill: account.state,
// role.receive, permission.kind, and membership or ownership. It returns the first of these gates that stops, or Pass. inbox is "" for messages
// that belong to no inbox; unlike MaySignIn it is not for notices.
func Entitled(p *Policy, account, inbox, kind string, owner bool, now time.Time) Cell {
	k := newKnown(p.account(account), p.inbox(inbox))
	if c := stateCell(k.account, now); c.Outcome != Pass {
		return c
	}
	parent := receiveCell(&k, now)
	if parent.Outcome != Pass {
		return parent
	}
	if c := kindCell(&k, parent, noSlot, receiveKind(kind), now); c.Outcome != Pass {
		return c
	}
	if inbox == "" || owner {
		return passed
	}
	return membershipCell(p.inbox(inbox), account)
}

func membershipCell(in *Inbox, account string) Cell {
	if in.Member(account) == nil {
		return block(CodeMembershipInboxNotMember)
	}
	return passed
}

// noAccount stands for an account that the policy does not have (any more): in no valid state, and without rights.
var noAccount = &Account{}

func (p *Policy) account(name string) *Account {
	if a := p.Accounts[name]; a != nil {
		return a
	}
	return noAccount
}

// noInbox stands for an inbox that the policy does not have (any more): nobody is a member.
var noInbox = &Inbox{Mode: Live}

func (p *Policy) inbox(name string) *Inbox {
	if in := p.Inboxes[name]; in != nil {
		return in
	}
	return noInbox
}
