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

// known is an account as a decision in one inbox meets it: what all gates ask first lies together, because a large inbox's accounts do not fit into the
// processor's nearest memory.
type known struct {
	account *Account
	windows []*Schedule // of the account
	// steady says that the account is an agent's and active, never expires, has its switch on and no extension: at every instant.
	steady bool
	total  int // limit of live conversations; 0: none
	limit  int // of conversations in the inbox; 0: none
	// rights are laid out by their slots; without an index there are none, and the account's own map is asked.
	rights  []Right
	lasting uint64 // the slots, as far as there are bits, of rights that are held at every instant: most rights of most agents
}

func newKnown(a *Account, in *Inbox) known {
	k := known{account: a, windows: a.Windows, total: a.Total, limit: in.Capacity}
	k.steady = a.Agent && a.State == Active && a.Expires.IsZero() && a.Switch.State == On && a.Extension == nil
	if own, ok := a.Limits[in.Name]; ok {
		k.limit = own
	}
	return k
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
	accounts := make(map[*Account]laidOut, len(p.Accounts))
	for _, a := range p.Accounts {
		accounts[a] = x.layOut(a)
	}
	for name, in := range p.Inboxes {
		members := make([]known, len(in.Members))
		for i := range in.Members {
			a := p.account(in.Members[i].Account)
			members[i] = newKnown(a, in)
			rights := accounts[a]
			members[i].rights, members[i].lasting = rights.rights, rights.lasting
		}
		x.inboxes[name] = members
	}
	p.index = x
}

// laidOut are the rights of an account by their slots; see known.
type laidOut struct {
	rights  []Right
	lasting uint64
}

func (x *index) add(permission string) {
	if _, ok := x.slots[permission]; !ok {
		x.slots[permission] = len(x.slots)
	}
}

func (x *index) layOut(a *Account) laidOut {
	l := laidOut{rights: make([]Right, len(x.slots))}
	for permission, slot := range x.slots {
		l.rights[slot] = a.Rights[permission]
		if l.rights[slot].lasting() {
			l.lasting |= 1 << slot // a shift beyond the last bit is 0
		}
	}
	return l
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
	if slot != noSlot && k.lasting>>uint(slot)&1 != 0 {
		return passed
	}
	return k.temporaryCell(slot, permission, codes, now)
}

// temporaryCell is rightCell for a right that may not be held, or not always.
func (k *known) temporaryCell(slot int, permission string, codes *grantCodes, now time.Time) Cell {
	if slot != noSlot && k.rights != nil {
		return k.rights[slot].cell(codes, now)
	}
	r := k.account.Rights[permission]
	return r.cell(codes, now)
}
