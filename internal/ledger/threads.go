package ledger

import (
	"cmp"
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// Conversation returns a conversation, open or resolved; ok is false if there is none. The caller must not change it.
func (tx *Tx) Conversation(id int64) (c *ConversationRow, ok bool, err error) {
	if c := tx.w.conversations.get(id); c != nil {
		return c, true, nil
	}
	row, err := tx.l.store.Conversation(tx.ctx, id)
	if err != nil {
		return nil, false, notFoundIsNil(err)
	}
	return &row, true, nil
}

// EditConversation returns a conversation that may be changed; it must exist.
func (tx *Tx) EditConversation(id int64) (*ConversationRow, error) {
	c := tx.w.conversations.edit(id)
	if c == nil {
		row, err := tx.l.store.Conversation(tx.ctx, id)
		if err != nil {
			return nil, err
		}
		c = &row
		tx.w.conversations.put(id, c)
	}
	c.UpdatedAt, c.Position = tx.now, max(tx.last, c.Position)
	return c, nil
}

// OpenThread finds the contact's open conversation in an inbox of an ownership kind; 0 if there is none.
func (tx *Tx) OpenThread(inbox, contact, kind string) int64 {
	if id := tx.w.byContact.get(threadKey{inbox, contact, kind}); id != nil {
		return *id
	}
	return 0
}

// PutConversation adds a new conversation, or opens a resolved one again.
func (tx *Tx) PutConversation(c ConversationRow) {
	c.UpdatedAt, c.Position = tx.now, tx.last
	tx.w.conversations.put(c.ID, &c)
	id := c.ID
	tx.w.byContact.put(threadKey{c.Inbox, c.Contact, c.Kind}, &id)
}

// CloseThread makes a resolved conversation no longer the one its contact writes to.
func (tx *Tx) CloseThread(c *ConversationRow) {
	k := threadKey{c.Inbox, c.Contact, c.Kind}
	if id := tx.w.byContact.get(k); id != nil && *id == c.ID {
		tx.w.byContact.remove(k)
	}
}

// Contact returns a contact; ok is false for a new one. The caller must not change it.
func (tx *Tx) Contact(inbox, id string) (c *ContactRow, ok bool, err error) {
	k := contactKey{inbox, id}
	if c := tx.w.contacts.get(k); c != nil {
		return c, true, nil
	}
	row, err := tx.l.store.Contact(tx.ctx, inbox, id)
	if err != nil {
		return nil, false, notFoundIsNil(err)
	}
	tx.w.mu.Lock()
	tx.w.contacts.base[k] = &row // a committed row: caching it changes nothing that readers see
	tx.w.mu.Unlock()
	return &row, true, nil
}

// PutContact inserts or replaces a contact.
func (tx *Tx) PutContact(c ContactRow) { tx.w.contacts.put(contactKey{c.Inbox, c.ID}, &c) }

// Owned lists the conversations an account owns, in order of assignment.
func (tx *Tx) Owned(account string) []int64 { return ids(tx.w.owned.list(account)) }

// Offers lists the conversations an account holds an offer of.
func (tx *Tx) Offers(account string) []int64 { return ids(tx.w.offers.list(account)) }

// Waiting lists the conversations of a cell that wait and nobody owns, oldest first.
func (tx *Tx) Waiting(c Cell) []int64 { return ids(tx.w.waiting.list(c)) }

// HasOpenIn says whether an inbox has open conversations.
func (tx *Tx) HasOpenIn(inbox string) bool {
	for _, layer := range tx.w.conversations.layers() {
		for id := range layer {
			if c := tx.w.conversations.get(id); c != nil && c.Inbox == inbox && c.Status == StatusOpen {
				return true
			}
		}
	}
	return false
}

// OpenConversations lists the open conversations in order.
func (tx *Tx) OpenConversations() []int64 {
	var out []int64
	for _, layer := range tx.w.conversations.layers() {
		for id := range layer {
			if c := tx.w.conversations.get(id); c != nil && c.Status == StatusOpen {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AccountsWithWork lists the accounts that own a conversation or hold an offer, in order of name.
func (tx *Tx) AccountsWithWork() []string {
	var out []string
	for _, account := range append(tx.w.owned.keys(), tx.w.offers.keys()...) {
		if !tx.w.owned.empty(account) || !tx.w.offers.empty(account) {
			out = append(out, account)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// WaitingCells lists the cells in which something waits, in order.
func (tx *Tx) WaitingCells() []Cell {
	var out []Cell
	for _, c := range tx.w.waiting.keys() {
		if !tx.w.waiting.empty(c) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Cell) int { return cmp.Or(cmp.Compare(a.Inbox, b.Inbox), cmp.Compare(a.Kind, b.Kind)) })
	return out
}

func ids(refs []ref) []int64 {
	out := make([]int64, len(refs))
	for i, r := range refs {
		out[i] = r.id
	}
	return out
}

// Assign makes an account the owner of a conversation that nobody owns: an interval of ownership begins and its load grows.
func (tx *Tx) Assign(id int64, account, code, by string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	async := tx.async(c.Inbox)
	at := tx.Next()
	tx.setWaiting(c, 0, "")
	c.Owner, c.OwnerPosition, c.Accepted, c.decided = account, at, false, [16]byte{}
	tx.w.owned.set(account, ref{at, id}, true)
	a := tx.editAgent(account)
	a.Facts.Shares = assigned(loaded(a.Facts.Shares, c.Inbox, 1), c.Inbox, at)
	if !async {
		a.Facts.Live++
	}
	tx.g.Assignments = append(tx.g.Assignments, AssignmentRow{
		Conversation: id, FromPosition: at, Account: account, Inbox: c.Inbox, Async: async, FromAt: tx.now, FromCode: code, FromBy: by,
	})
	return nil
}

// Unassign ends the ownership of a conversation; the load shrinks and the account is touched.
func (tx *Tx) Unassign(id int64, code, by string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	account, from := c.Owner, c.OwnerPosition
	tx.w.owned.set(account, ref{from, id}, false)
	a := tx.editAgent(account)
	a.Facts.Shares = loaded(a.Facts.Shares, c.Inbox, -1)
	if !tx.async(c.Inbox) {
		a.Facts.Live--
	}
	c.LastOwner, c.Owner, c.OwnerPosition, c.Accepted = account, "", 0, false
	end := AssignmentRow{Conversation: id, FromPosition: from, Account: account, Inbox: c.Inbox, ToPosition: tx.Next(), ToAt: tx.now, ToCode: code, ToBy: by}
	tx.g.AssignmentEnds = append(tx.g.AssignmentEnds, end)
	if c.WaitingSince != 0 { // it waited for its owner; now it waits for anybody
		tx.setWaiting(c, c.WaitingSince, c.WaitingCode)
	}
	tx.TouchAgent(account, "load")
	return nil
}

// async says whether an inbox is worked asynchronously. A mode cannot change while conversations are open in the inbox (policy apply refuses that), so
// the present mode is also that of every assignment that holds.
func (tx *Tx) async(inbox string) bool {
	in := tx.Policy().Inboxes[inbox]
	return in != nil && in.Mode == reception.Async
}

// SetWaiting makes a conversation wait (again) with a reason, keeping its place in the order if it has one.
func (tx *Tx) SetWaiting(id int64, code string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	since := c.WaitingSince
	if since == 0 {
		since = tx.Next()
	}
	tx.setWaiting(c, since, code)
	return nil
}

// ClearWaiting ends a conversation's waiting.
func (tx *Tx) ClearWaiting(id int64) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	tx.setWaiting(c, 0, "")
	return nil
}

func (tx *Tx) setWaiting(c *ConversationRow, since int64, code string) {
	cell := Cell{c.Inbox, c.Kind}
	if c.WaitingSince != 0 {
		tx.w.waiting.set(cell, ref{c.WaitingSince, c.ID}, false)
	}
	c.WaitingSince, c.WaitingCode = since, code
	if since != 0 && c.Owner == "" {
		tx.w.waiting.set(cell, ref{since, c.ID}, true)
	}
}

// SetOffered records who holds an offer of a conversation.
func (tx *Tx) SetOffered(id int64, accounts []string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	for _, a := range c.Offered {
		tx.w.offers.set(a, ref{id, id}, false)
	}
	c.Offered = slices.Clone(accounts)
	for _, a := range accounts {
		tx.w.offers.set(a, ref{id, id}, true)
	}
	return nil
}

// loaded returns a copy of an agent's shares with n conversations more in an inbox.
func loaded(list []reception.Share, inbox string, n int) []reception.Share {
	share := reception.ShareOf(list, inbox)
	share.Load += n
	return reception.WithShare(list, share)
}

// assigned returns a copy of an agent's shares in which the last assignment in an inbox is at a position.
func assigned(list []reception.Share, inbox string, position int64) []reception.Share {
	share := reception.ShareOf(list, inbox)
	share.LastAssigned = position
	return reception.WithShare(list, share)
}
