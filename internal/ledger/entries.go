package ledger

import (
	"errors"
	"slices"
)

// AppendMessage stores a message. Its Position must come from Next.
func (tx *Tx) AppendMessage(m MessageRow) {
	m.At = tx.now
	tx.g.Messages = append(tx.g.Messages, m)
}

// Messages returns a conversation's messages with sequence > after, in order, those of this group included.
func (tx *Tx) Messages(conversation, after int64) ([]MessageRow, error) {
	const page = 1000
	var out []MessageRow
	for {
		rows, err := tx.l.store.ConversationMessages(tx.ctx, conversation, after, page)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if len(rows) < page {
			break
		}
		after = rows[len(rows)-1].Sequence
	}
	for i := range out {
		out[i] = tx.released(out[i])
	}
	for _, m := range tx.g.Messages {
		m = tx.released(m)
		if m.Conversation == conversation && m.Sequence > after && !slices.ContainsFunc(out, func(o MessageRow) bool { return o.Position == m.Position }) {
			out = append(out, m)
		}
	}
	return out, nil
}

// Deliver adds an entry to an account's stream and wakes its clients. d needs Account, Type, Message, and what belongs to the type; the rest is filled in.
func (tx *Tx) Deliver(d DeliveryRow, m MessageRow) DeliveryRow {
	a := tx.editAgent(d.Account)
	a.Sequence++
	d.Sequence, d.Position, d.At, d.State = a.Sequence, tx.last, tx.now, Queued
	if d.Position == 0 {
		d.Position = tx.Next()
	}
	k := deliveryKey{d.Account, d.Sequence}
	tx.w.deliveries.put(k, &d)
	tx.born[k] = true
	tx.mark.born = append(tx.mark.born, k)
	tx.byMessage[d.Message] = append(tx.byMessage[d.Message], k)
	tx.entries = append(tx.entries, Entry{Delivery: d, Message: m})
	tx.Wake(d.Account)
	return d
}

// Delivery returns an entry of an account's stream, or ErrNotFound. The caller must not change it.
func (tx *Tx) Delivery(account string, sequence int64) (*DeliveryRow, error) {
	if d := tx.w.deliveries.get(deliveryKey{account, sequence}); d != nil {
		return d, nil
	}
	d, err := tx.l.store.Delivery(tx.ctx, account, sequence)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// EditDelivery returns an entry that may be changed, or ErrNotFound.
func (tx *Tx) EditDelivery(account string, sequence int64) (*DeliveryRow, error) {
	k := deliveryKey{account, sequence}
	if d := tx.w.deliveries.edit(k); d != nil {
		return d, nil
	}
	d, err := tx.l.store.Delivery(tx.ctx, account, sequence)
	if err != nil {
		return nil, err
	}
	tx.w.deliveries.put(k, &d)
	return &d, nil
}

// QueuedBetween lists the account's entries with after < sequence ≤ upTo that are still queued, in order.
func (tx *Tx) QueuedBetween(account string, after, upTo int64) []int64 {
	var out []int64
	a := tx.w.agents.get(account)
	if a == nil {
		return nil
	}
	for s := after + 1; s <= min(upTo, a.Sequence); s++ {
		if d := tx.w.deliveries.get(deliveryKey{account, s}); d != nil && d.State == Queued {
			out = append(out, s)
		}
	}
	return out
}

// OldestQueued returns the sequence of the account's oldest entry that is still queued, or one more than the last if there is none.
func (tx *Tx) OldestQueued(account string) int64 {
	oldest := int64(1)
	if a := tx.w.agents.get(account); a != nil {
		oldest = a.Sequence + 1
	}
	for _, layer := range []map[deliveryKey]*DeliveryRow{tx.w.deliveries.base, tx.w.deliveries.group, tx.w.deliveries.cmd} {
		for k := range layer {
			if d := tx.w.deliveries.get(k); k.account == account && d != nil && d.State == Queued {
				oldest = min(oldest, k.sequence)
			}
		}
	}
	return oldest
}

// DeliveriesOf returns the deliveries of a message as they are now, those of this group included, withdrawals left out.
func (tx *Tx) DeliveriesOf(message int64) ([]DeliveryRow, error) {
	rows, err := tx.l.store.DeliveriesOf(tx.ctx, message)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	for i := range rows {
		if d := tx.w.deliveries.get(deliveryKey{rows[i].Account, rows[i].Sequence}); d != nil {
			rows[i] = *d
		}
	}
	for _, k := range tx.byMessage[message] {
		if d := tx.w.deliveries.get(k); d != nil && d.Type != EntryWithdrawal {
			rows = append(rows, *d)
		}
	}
	return rows, nil
}

// Attempt records a try to push after the first one.
func (tx *Tx) Attempt(a AttemptRow) { tx.g.Attempts = append(tx.g.Attempts, a) }
