package ledger

import (
	"maps"
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// PutBrowserSession inserts or replaces what is kept of a session at a browser; one that has ended is no longer found.
func (tx *Tx) PutBrowserSession(r BrowserSessionRow) {
	if was := tx.w.browsers.get(r.ID); was != nil {
		for _, h := range was.hashes() {
			tx.w.secrets.remove(h)
		}
	}
	tx.w.browsers.put(r.ID, &r)
	if r.EndedAt.IsZero() {
		for _, h := range r.hashes() {
			tx.w.secrets.put(h, &r.ID)
		}
	}
}

// hashes are those by which the session is found.
func (r *BrowserSessionRow) hashes() [][32]byte {
	if r.Previous == ([32]byte{}) {
		return [][32]byte{r.Hash}
	}
	return [][32]byte{r.Hash, r.Previous}
}

// BrowserSession returns a session at a browser that has not ended, or nil.
func (tx *Tx) BrowserSession(id string) *BrowserSessionRow {
	if r := tx.w.browsers.get(id); r != nil && r.EndedAt.IsZero() {
		return r
	}
	return nil
}

// BrowserSessions returns those sessions at browsers that have not ended, in order of id.
func (tx *Tx) BrowserSessions() []BrowserSessionRow {
	ids := map[string]bool{}
	for _, layer := range []map[string]*BrowserSessionRow{tx.w.browsers.base, tx.w.browsers.group, tx.w.browsers.cmd} {
		for id := range layer {
			ids[id] = true
		}
	}
	var list []BrowserSessionRow
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if r := tx.BrowserSession(id); r != nil {
			list = append(list, *r)
		}
	}
	return list
}

// UseBrowserSession records that a session is used now, if it is one at a browser.
func (tx *Tx) UseBrowserSession(id string) {
	if r := tx.BrowserSession(id); r != nil {
		used := *r
		used.LastUsed = tx.now
		tx.PutBrowserSession(used)
	}
}

// endBrowserSession lets a session's secret open nothing any more.
func (tx *Tx) endBrowserSession(id string, o reception.Origin) {
	if r := tx.BrowserSession(id); r != nil {
		ended := *r
		ended.EndedAt, ended.EndedBy, ended.EndCause = tx.now, o.By, o.Cause
		tx.PutBrowserSession(ended)
	}
}

func (w *World) loadBrowserSession(r *BrowserSessionRow) {
	w.browsers.base[r.ID] = r
	for _, h := range r.hashes() {
		w.secrets.base[h] = &r.ID
	}
}

func (w *World) endedInGroup() []string {
	var out []string
	for id, r := range w.browsers.group {
		if !r.EndedAt.IsZero() {
			out = append(out, id)
		}
	}
	return out
}

// BrowserSessionBySecret finds a session at a browser by the SHA-256 of its secret, or of the one before; ok is false if there is none that goes on.
func (l *Ledger) BrowserSessionBySecret(hash [32]byte) (BrowserSessionRow, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	id := w.secrets.base[hash]
	if id == nil {
		return BrowserSessionRow{}, false
	}
	r := w.browsers.base[*id]
	if r == nil {
		return BrowserSessionRow{}, false
	}
	return *r, true
}

// BrowserSession finds a session at a browser by its id; ok is false if there is none that goes on.
func (l *Ledger) BrowserSession(id string) (BrowserSessionRow, bool) {
	w := l.world()
	w.mu.RLock()
	defer w.mu.RUnlock()
	if r := w.browsers.base[id]; r != nil {
		return *r, true
	}
	return BrowserSessionRow{}, false
}
