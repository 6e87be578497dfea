package reception

import (
	"maps"
	"slices"
	"time"
)

// index holds a policy's accounts as a decision meets them: in the order of an inbox's members, their rights side by side. It belongs to one policy,
// never to the accounts, which revisions may share.
type index struct {
	slots   map[string]int // permission → its place in known.rights
	inboxes map[string][]known
}

// known is an account with its rights laid out. Without an index rights is nil, and the account's own map is asked.
type known struct {
	account *Account
	rights  []Right
}

// The rights that every decision asks have their slots first; the others are "receive.<kind>".
const (
	slotReceive = iota
	slotReply
	slotKinds
	noSlot = -1
)

// Index prepares a policy for fast decisions. Whoever makes a policy calls it once, when it is complete and before it is handed over: what is changed
// afterwards is not seen. A policy without an index decides just the same, a little slower.
func (p *Policy) Index() {
	x := &index{slots: map[string]int{permissionReceive: slotReceive, permissionReply: slotReply}, inboxes: make(map[string][]known, len(p.Inboxes))}
	for _, name := range slices.Sorted(maps.Keys(p.Inboxes)) { // in order: equal policies have equal indexes
		for _, kind := range p.Inboxes[name].Kinds {
			x.add(receiveKind(kind))
		}
	}
	accounts := make(map[string]known, len(p.Accounts))
	for name, a := range p.Accounts {
		accounts[name] = x.layOut(a)
	}
	for name, in := range p.Inboxes {
		members := make([]known, len(in.Members))
		for i := range in.Members {
			k, ok := accounts[in.Members[i].Account]
			if !ok {
				k = known{account: noAccount}
			}
			members[i] = k
		}
		x.inboxes[name] = members
	}
	p.index = x
}

func (x *index) add(permission string) {
	if _, ok := x.slots[permission]; !ok {
		x.slots[permission] = len(x.slots)
	}
}

func (x *index) layOut(a *Account) known {
	k := known{account: a, rights: make([]Right, len(x.slots))}
	for permission, slot := range x.slots {
		k.rights[slot] = a.Rights[permission]
	}
	return k
}

// members returns the members of an inbox in order, nil without an index.
func (p *Policy) members(inbox string) []known {
	if p.index == nil {
		return nil
	}
	return p.index.inboxes[inbox]
}

// slot finds the place of a permission, noSlot if it has none.
func (p *Policy) slot(permission string) int {
	if p.index != nil {
		if slot, ok := p.index.slots[permission]; ok {
			return slot
		}
	}
	return noSlot
}

// rightCell is the cell of one right of the account.
func (k *known) rightCell(slot int, permission string, codes *grantCodes, now time.Time) Cell {
	if slot != noSlot && k.rights != nil {
		return k.rights[slot].cell(codes, now)
	}
	r := k.account.Rights[permission]
	return r.cell(codes, now)
}
