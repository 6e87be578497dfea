package reception

import (
	"testing"
	"time"
)

func TestEntitlementIsTheFirstOfStateRightsAndMembership(t *testing.T) {
	for _, tc := range []struct {
		name  string
		bend  func(c *company)
		inbox string
		owner bool
		want  Cell
	}{
		{"a member may have it", func(*company) {}, "web", false, passed},
		{"however absent", func(c *company) { c.agent("a").Presence.Value = Offline }, "web", false, passed},
		{"however late", func(c *company) { c.account("a").Windows = []*Schedule{weekdays(14, 15)} }, "web", false, passed},
		{"the state comes first", func(c *company) { c.account("a").State = Frozen; c.right("a", "receive", Right{}) }, "web", false, blocks(CodeAccountStateFrozen)},
		{"then the right to receive", func(c *company) { c.right("a", "receive", Right{}) }, "web", false, blocks(CodeRoleReceiveNotGranted)},
		{"then the kind", func(c *company) { c.right("a", "receive.customer", Right{Template: true}) }, "web", false, blocks(CodePermissionKindRemovedFromRole)},
		{"then membership", func(c *company) { c.inbox("web").Members = nil }, "web", false, blocks(CodeMembershipInboxNotMember)},
		{"for which ownership stands in", func(c *company) { c.inbox("web").Members = nil }, "web", true, passed},
		{"outside of inboxes membership is not asked", func(c *company) { c.inbox("web").Members = nil }, "", false, passed},
		{"of an inbox that is not there nobody is a member", func(*company) {}, "gone", false, blocks(CodeMembershipInboxNotMember)},
		{"an account that is not there may have nothing", func(c *company) { delete(c.p.Accounts, "a") }, "web", true, blocks(CodeAccountStateMissing)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCompany()
			tc.bend(c)
			if got := Entitled(c.p, "a", tc.inbox, "customer", tc.owner, noon); got != tc.want {
				t.Errorf("got %v %v, want %v %v", got.Outcome, got.Code, tc.want.Outcome, tc.want.Code)
			}
		})
	}
}

func TestCanNeedsAnActiveAccountAndTheRight(t *testing.T) {
	c := newCompany()
	if !Can(c.p, "a", "message.reply", noon) || Can(c.p, "a", "policy.write", noon) || Can(c.p, "nobody", "message.reply", noon) {
		t.Error("the right decides")
	}
	c.right("a", "policy.write", Right{Allow: Override{Set: true, Until: at(13, 0)}})
	if !Can(c.p, "a", "policy.write", noon) || Can(c.p, "a", "policy.write", at(13, 0)) {
		t.Error("an allowance holds until its end")
	}
	c.account("a").State, c.account("a").StateUntil = Frozen, at(14, 0)
	if Can(c.p, "a", "message.reply", noon) || !Can(c.p, "a", "message.reply", at(14, 0)) {
		t.Error("a frozen account can do nothing until its end")
	}
	if MaySignIn(c.p, "a", noon) != waits(CodeAccountStateFrozen, at(14, 0)) {
		t.Error("nor sign in")
	}
}

func TestTheGrantThatDecidesIsNamed(t *testing.T) {
	end := at(14, 0)
	for _, tc := range []struct {
		name  string
		right Right
		want  Grant
		until time.Time
	}{
		{"nothing", Right{}, NeverGranted, time.Time{}},
		{"template only", Right{Template: true}, RemovedFromRole, time.Time{}},
		{"a role", granted(), GrantedByRole, time.Time{}},
		{"an allow", Right{Allow: Override{Set: true, Until: end}}, AllowedByAccount, time.Time{}},
		{"a role before an allow", Right{Roles: []string{"x"}, Allow: Override{Set: true}}, GrantedByRole, time.Time{}},
		{"an allow that ran out", Right{Template: true, Allow: Override{Set: true, Until: noon}}, AllowExpired, time.Time{}},
		{"a deny", Right{Roles: []string{"x"}, Deny: Override{Set: true}}, DeniedByAccount, time.Time{}},
		{"a deny with an end", Right{Roles: []string{"x"}, Deny: Override{Set: true, Until: end}}, DeniedByAccount, end},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, until := tc.right.Decides(noon)
			if got != tc.want || !until.Equal(tc.until) {
				t.Errorf("got %v until %v", got, until)
			}
			if got.Held() != (got == GrantedByRole || got == AllowedByAccount) || got.String() == "invalid" {
				t.Errorf("%v: held %v", got, got.Held())
			}
		})
	}
}

func TestWhatWasToBeExpected(t *testing.T) {
	c := newCompany()
	c.agent("a").Presence = Presence{Value: Away, Origin: Origin{Cause: "self", By: "a"}}
	c.agent("b").Presence = Presence{Value: Away, Origin: Origin{Cause: "supervisor", By: "s"}}
	c.agent("c").Presence = Presence{Value: Away, Origin: Origin{Cause: "self", By: "a"}}
	delete(c.p.Accounts["a"].Rights, "receive")
	c.right("b", "receive", Right{Template: true})
	c.right("c", "receive", Right{Deny: Override{Set: true}})
	c.account("d").Agent, c.account("d").Rights = false, nil
	for _, tc := range []struct {
		name    string
		account string
		gate    Gate
		cell    Cell
		want    bool
	}{
		{"a pass", "a", AccountState, passed, true},
		{"what is not applicable", "a", AccountState, notApplicable, true},
		{"what is undecided is not", "a", AccountState, Cell{}, false},
		{"a block without a code is not", "a", AccountState, Cell{Outcome: Block}, false},
		{"a schedule", "a", WindowAgent, blocks(CodeWindowAgentClosed), true},
		{"business hours", "a", WindowInbox, waits(CodeWindowInboxDateOff, noon), true},
		{"presence that the agent set", "a", PresenceGate, blocks(CodePresenceAway), true},
		{"presence that a supervisor set is not", "b", PresenceGate, blocks(CodePresenceAway), false},
		{"presence that another set in its name is not", "c", PresenceGate, blocks(CodePresenceAway), false},
		{"capacity", "a", Capacity, blocks(CodeCapacityTotalFull), true},
		{"a right that the template lacks", "a", RoleReceive, blocks(CodeRoleReceiveNotGranted), true},
		{"a right that was removed is not", "a", RoleReceive, blocks(CodeRoleReceiveRemovedFromRole), false},
		{"a kind whose parent the template lacks", "a", PermissionKind, blocks(CodePermissionKindParentOff), true},
		{"a kind whose parent was removed is not", "b", PermissionKind, blocks(CodePermissionKindParentOff), false},
		{"a kind whose parent is denied is not", "c", PermissionKind, blocks(CodePermissionKindParentOff), false},
		{"a kind of who is no agent is not", "d", PermissionKind, blocks(CodePermissionKindParentOff), false},
		{"who left", "a", AccountState, blocks(CodeAccountStateLeft), true},
		{"who expired", "a", AccountState, blocks(CodeAccountStateExpired), true},
		{"who is frozen is not", "a", AccountState, blocks(CodeAccountStateFrozen), false},
		{"a switch is not", "a", SwitchAccount, blocks(CodeSwitchAccountOff), false},
		{"a lost connection is not", "a", ConnectionGate, blocks(CodeConnectionNone), false},
		{"who is passed over", "a", Routing, blocks(CodeRoutingPassedOver), true},
		{"who was not chosen", "a", Routing, blocks(CodeRoutingNotChosen), true},
		{"a colleague's conversation", "a", ConversationGate, blocks(CodeConversationOwnedByColleague), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Expected(c.p, c.w, tc.account, tc.gate, tc.cell); got != tc.want {
				t.Errorf("expected is %v, want %v", got, tc.want)
			}
		})
	}
}
