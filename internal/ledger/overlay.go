package ledger

import "sort"

// table is a map with two layers over it: what the group changed, and what the command now running changed. Values are never changed in place once
// they left the command layer: edit clones. Only the ledger's goroutine uses the layers; base is read by others under World.mu.
type table[K comparable, V any] struct {
	base  map[K]*V
	group map[K]*V // nil value: deleted
	cmd   map[K]*V
	clone func(*V) *V
}

func newTable[K comparable, V any](clone func(*V) *V) table[K, V] {
	return table[K, V]{base: map[K]*V{}, group: map[K]*V{}, cmd: map[K]*V{}, clone: clone}
}

// get returns the value as the running command sees it, or nil.
func (t *table[K, V]) get(k K) *V {
	if v, ok := t.cmd[k]; ok {
		return v
	}
	if v, ok := t.group[k]; ok {
		return v
	}
	return t.base[k]
}

// layers are the maps that may have a key; what it has is get's to say.
func (t *table[K, V]) layers() [3]map[K]*V { return [3]map[K]*V{t.cmd, t.group, t.base} }

// edit returns a value that the command may change, or nil if there is none.
func (t *table[K, V]) edit(k K) *V {
	if v, ok := t.cmd[k]; ok {
		return v
	}
	v := t.get(k)
	if v == nil {
		return nil
	}
	c := t.clone(v)
	t.cmd[k] = c
	return c
}

func (t *table[K, V]) put(k K, v *V) { t.cmd[k] = v }
func (t *table[K, V]) remove(k K)    { t.cmd[k] = nil }

// keep moves the command's changes to the group; undo forgets them.
func (t *table[K, V]) keep() {
	if len(t.cmd) == 0 {
		return
	}
	for k, v := range t.cmd {
		t.group[k] = v
	}
	clear(t.cmd)
}
func (t *table[K, V]) undo() { clear(t.cmd) }

// publish moves the group's changes to the base; discard forgets them.
func (t *table[K, V]) publish() {
	for k, v := range t.group {
		if v == nil {
			delete(t.base, k)
		} else {
			t.base[k] = v
		}
	}
	clear(t.group)
}
func (t *table[K, V]) discard() { clear(t.group); clear(t.cmd) }

// ref is an element of an index: an id with the position that orders it.
type ref struct{ order, id int64 }

// index keeps, for a key, references in order, with the same two layers as table.
type index[K comparable] struct {
	base       map[K][]ref
	group, cmd map[K]map[ref]bool // true: added, false: removed
}

func newIndex[K comparable]() index[K] {
	return index[K]{base: map[K][]ref{}, group: map[K]map[ref]bool{}, cmd: map[K]map[ref]bool{}}
}

func (x *index[K]) set(k K, r ref, present bool) {
	m := x.cmd[k]
	if m == nil {
		m = map[ref]bool{}
		x.cmd[k] = m
	}
	m[r] = present
}

// list returns the references of a key in order, as the running command sees them. The result is the caller's.
func (x *index[K]) list(k K) []ref {
	base, group, cmd := x.base[k], x.group[k], x.cmd[k]
	if len(group) == 0 && len(cmd) == 0 {
		return append([]ref(nil), base...)
	}
	present := func(r ref, otherwise bool) bool {
		if p, ok := cmd[r]; ok {
			return p
		}
		if p, ok := group[r]; ok {
			return p
		}
		return otherwise
	}
	out := make([]ref, 0, len(base)+len(group)+len(cmd))
	for _, r := range base {
		if present(r, true) {
			out = append(out, r)
		}
	}
	for r := range group {
		if present(r, false) && !containsRef(base, r) {
			out = append(out, r)
		}
	}
	for r, p := range cmd {
		if _, inGroup := group[r]; p && !inGroup && !containsRef(base, r) {
			out = append(out, r)
		}
	}
	sortRefs(out)
	return out
}

// empty says whether list would be empty, without building it in the ordinary case.
func (x *index[K]) empty(k K) bool {
	if len(x.group[k]) == 0 && len(x.cmd[k]) == 0 {
		return len(x.base[k]) == 0
	}
	return len(x.list(k)) == 0
}

// keys returns all keys that may have references, in no order.
func (x *index[K]) keys() []K {
	seen := map[K]bool{}
	for k := range x.base {
		seen[k] = true
	}
	for k := range x.group {
		seen[k] = true
	}
	for k := range x.cmd {
		seen[k] = true
	}
	out := make([]K, 0, len(seen))
	for k := range seen {
		out = append(out, k)
	}
	return out
}

func (x *index[K]) keep() {
	if len(x.cmd) == 0 {
		return
	}
	for k, m := range x.cmd {
		g := x.group[k]
		if g == nil {
			x.group[k] = m
			continue
		}
		for r, p := range m {
			g[r] = p
		}
	}
	clear(x.cmd)
}
func (x *index[K]) undo() { clear(x.cmd) }

func (x *index[K]) publish() {
	for k, m := range x.group {
		list := x.base[k]
		for r, present := range m {
			i := sort.Search(len(list), func(i int) bool { return !lessRef(list[i], r) })
			there := i < len(list) && list[i] == r
			switch {
			case present && !there:
				list = append(list, ref{})
				copy(list[i+1:], list[i:])
				list[i] = r
			case !present && there:
				list = append(list[:i], list[i+1:]...)
			}
		}
		if len(list) == 0 {
			delete(x.base, k)
		} else {
			x.base[k] = list
		}
	}
	clear(x.group)
}
func (x *index[K]) discard() { clear(x.group); clear(x.cmd) }

func lessRef(a, b ref) bool {
	return a.order < b.order || a.order == b.order && a.id < b.id
}

func containsRef(list []ref, r ref) bool {
	i := sort.Search(len(list), func(i int) bool { return !lessRef(list[i], r) })
	return i < len(list) && list[i] == r
}

func sortRefs(list []ref) {
	sort.Slice(list, func(i, j int) bool { return lessRef(list[i], list[j]) })
}
