package ledger

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is what a table and an index should hold: plain maps, copied where the overlay has layers.
type model struct {
	values map[int]int
	refs   map[string]map[ref]bool
}

func (m model) clone() model {
	c := model{values: maps.Clone(m.values), refs: map[string]map[ref]bool{}}
	for k, set := range m.refs {
		c.refs[k] = maps.Clone(set)
	}
	return c
}

// Whatever commands keep or undo and groups publish or discard, a table and an index read as plain maps with copies would.
func TestTheOverlayReadsLikeCopiesOfPlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := newTable[int](shallow[int]), newIndex[string]()
		base := model{values: map[int]int{}, refs: map[string]map[ref]bool{}}
		group, cmd := base.clone(), base.clone()
		agree := func() {
			for k := range 5 {
				got := x.get(k)
				want, ok := cmd.values[k]
				if (got != nil) != ok || ok && *got != want {
					t.Fatalf("key %d: %v, want %v %v", k, got, want, ok)
				}
			}
			for _, k := range []string{"p", "q"} {
				want := slices.SortedFunc(maps.Keys(cmd.refs[k]), func(a, b ref) int {
					if lessRef(a, b) {
						return -1
					}
					return 1
				})
				if got := y.list(k); !slices.Equal(got, want) {
					t.Fatalf("index %s: %v, want %v", k, got, want)
				}
				if y.empty(k) != (len(want) == 0) {
					t.Fatalf("index %s: empty is %v", k, y.empty(k))
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0, 1:
				k, v := rapid.IntRange(0, 4).Draw(t, "key"), rapid.Int().Draw(t, "value")
				if p := x.edit(k); p != nil {
					*p = v
				} else {
					x.put(k, &v)
				}
				cmd.values[k] = v
			case 2:
				k := rapid.IntRange(0, 4).Draw(t, "key")
				x.remove(k)
				delete(cmd.values, k)
			case 3, 4:
				k := rapid.SampledFrom([]string{"p", "q"}).Draw(t, "index")
				r := ref{rapid.Int64Range(0, 3).Draw(t, "order"), rapid.Int64Range(0, 2).Draw(t, "id")}
				present := rapid.Bool().Draw(t, "present")
				y.set(k, r, present)
				if cmd.refs[k] == nil {
					cmd.refs[k] = map[ref]bool{}
				}
				if present {
					cmd.refs[k][r] = true
				} else {
					delete(cmd.refs[k], r)
				}
			case 5:
				if rapid.Bool().Draw(t, "keep") {
					x.keep()
					y.keep()
					group = cmd.clone()
				} else {
					x.undo()
					y.undo()
					cmd = group.clone()
				}
			case 6:
				x.keep()
				y.keep()
				x.publish()
				y.publish()
				base, group = cmd.clone(), cmd.clone()
			case 7:
				x.discard()
				y.discard()
				group, cmd = base.clone(), base.clone()
			}
			agree()
		}
	})
}
