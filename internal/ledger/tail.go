package ledger

// tailLength is how many of an account's newest entries are kept in memory, so that an ordinary push needs no read of the store.
const tailLength = 32

// tail holds the newest entries of one account, in order without gaps.
type tail struct{ entries []Entry }

func (t *tail) append(e Entry) {
	if len(t.entries) > 0 && t.entries[len(t.entries)-1].Delivery.Sequence+1 != e.Delivery.Sequence {
		t.entries = t.entries[:0]
	}
	if len(t.entries) >= 2*tailLength {
		kept := copy(t.entries, t.entries[len(t.entries)-tailLength:]) // readers have copies
		clear(t.entries[kept:])
		t.entries = t.entries[:kept]
	}
	t.entries = append(t.entries, e)
}

// update replaces the delivery of an entry that is still kept.
func (t *tail) update(d DeliveryRow) {
	if len(t.entries) == 0 {
		return
	}
	i := d.Sequence - t.entries[0].Delivery.Sequence
	if i >= 0 && i < int64(len(t.entries)) {
		t.entries[i].Delivery = d
	}
}

// Tail returns the account's entries with sequence > after from memory, at most limit, and whether memory reaches back that far: if not, the caller reads
// the store. It always answers for a cursor at the end of the stream.
func (l *Ledger) Tail(account string, after int64, limit int) ([]Entry, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	a := w.agents.base[account]
	if a == nil || a.Sequence <= after {
		return nil, true
	}
	t := w.tails[account]
	if t == nil || len(t.entries) == 0 || t.entries[0].Delivery.Sequence > after+1 {
		return nil, false
	}
	i := int(after + 1 - t.entries[0].Delivery.Sequence)
	if i >= len(t.entries) {
		return nil, false
	}
	n := min(len(t.entries)-i, limit)
	return append([]Entry(nil), t.entries[i:i+n]...), true
}
