package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// A disk writes sectors whole; the kernel takes pages from memory to it.
const (
	sector = 512
	page   = 4096
)

// Disk is a model of what a kernel and a disk hold of one directory: what is safe, and what was changed since and may get lost. It promises to allow at least
// what POSIX allows: after a cut of the power each sector has one of the contents that it had since it was last synced, each file one of its lengths, each name
// may be as it was or as it became, and a rename leaves a file under one of its names. What belongs together in no way but by fsync is chosen independently.
type Disk struct {
	root string
	top  *node
	// position of descriptors, for calls that write where they are
	positions map[string]int64
	// opened says when each descriptor was; clock counts what was taken in.
	opened map[string]int
	clock  int
	// syncs are those that have begun.
	syncs map[*call][]*change
	// unsafe makes syncs of some files mean nothing: the harness must notice that.
	unsafe func(path string) bool
}

// NewDisk makes the model of an empty directory.
func NewDisk(root string) *Disk {
	return &Disk{root: root, top: newDirectory(), positions: map[string]int64{}, opened: map[string]int{}, syncs: map[*call][]*change{}}
}

// node is a file or a directory.
type node struct {
	directory bool
	names     map[string]*node // as the program sees it
	safeNames map[string]*node
	safe      []byte
	changes   []*change // since the last sync, in order
}

func newDirectory() *node {
	return &node{directory: true, names: map[string]*node{}, safeNames: map[string]*node{}}
}

// change is one of: a piece of a page that was written, a length that was set, a name that was given or taken away.
type change struct {
	at   int64
	data []byte

	length bool // at is the new length

	name  string
	to    *node   // nil: the name was taken away
	needs *change // a name is taken away by a rename only if the other one was given

	// doubt: an fsync failed. The kernel takes such pages for clean, so that no later fsync writes them, unless they are written again. (Names go through a file
	// system's journal, and that fails for good or not at all: a later fsync that succeeds counts.)
	doubt *doubt
}

// doubt is an fsync that failed: when, and of which descriptor. Every other descriptor that was open then is told as well, by its next fsync. Strace lets one call
// fail and not those, so their success counts: a program would not have been told of it.
type doubt struct {
	at int
	of string
}

// apply takes a moment of a recording in.
func (d *Disk) apply(m moment) error {
	d.clock++
	switch m.name {
	case "fsync", "fdatasync":
		return d.sync(m)
	}
	if !m.ended || m.failed {
		return nil
	}
	switch m.name {
	case "open", "openat":
		return d.open(m.call)
	case "lseek":
		d.positions[m.fd] = m.result
	case "write":
		at := d.positions[m.fd]
		d.positions[m.fd] += m.result
		return d.write(m.path, at, m.data())
	case "pwrite64":
		at, err := m.number(1)
		if err != nil {
			return err
		}
		return d.write(m.path, at, m.data())
	case "ftruncate":
		return d.truncate(m.call)
	case "rename", "renameat", "renameat2":
		return d.rename(m.strings)
	case "unlink", "unlinkat":
		if parent, name := d.place(m.strings[0]); parent != nil && parent.names[name] != nil {
			parent.give(name, nil, nil)
		}
	case "mkdir", "mkdirat":
		if parent, name := d.place(m.strings[0]); parent != nil {
			parent.give(name, newDirectory(), nil)
		}
	}
	return nil
}

// place finds the directory of a path; nil if it is not below the root.
func (d *Disk) place(path string) (parent *node, name string) {
	within, ok := strings.CutPrefix(filepath.Clean(path), d.root+"/")
	if !ok || strings.HasSuffix(path, "(deleted)") {
		return nil, ""
	}
	parts := strings.Split(within, "/")
	parent = d.top
	for _, p := range parts[:len(parts)-1] {
		if parent = parent.names[p]; parent == nil {
			return nil, ""
		}
	}
	return parent, parts[len(parts)-1]
}

func (d *Disk) find(path string) *node {
	if filepath.Clean(path) == d.root {
		return d.top
	}
	parent, name := d.place(path)
	if parent == nil {
		return nil
	}
	return parent.names[name]
}

func (d *Disk) open(c *call) error {
	fd := fmt.Sprint(c.result)
	d.positions[fd], d.opened[fd] = 0, d.clock
	path := c.strings[0]
	parent, name := d.place(path)
	if parent == nil || ignored(path) {
		return nil
	}
	file := parent.names[name]
	switch {
	case file == nil && strings.Contains(c.flags, "O_CREAT"):
		parent.give(name, &node{}, nil)
	case file != nil && strings.Contains(c.flags, "O_TRUNC"):
		file.changes = append(file.changes, &change{length: true})
	case file == nil:
		return fmt.Errorf("%s was opened and never made", path)
	}
	return nil
}

// ignored says which files mean nothing after a cut of the power: SQLite builds its index of the log anew, and a socket needs its process.
func ignored(path string) bool {
	return strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, ".sock")
}

func (d *Disk) write(path string, at int64, data string) error {
	if !strings.HasPrefix(path, d.root+"/") || ignored(path) || strings.HasSuffix(path, "(deleted)") {
		return nil
	}
	file := d.find(path)
	if file == nil {
		return fmt.Errorf("%s was written and never made", path)
	}
	for len(data) > 0 {
		n := min(int64(len(data)), page-at%page)
		file.changes = append(file.changes, &change{at: at, data: []byte(data[:n])})
		at, data = at+n, data[n:]
	}
	return nil
}

func (d *Disk) truncate(c *call) error {
	file := d.find(c.path)
	if file == nil || ignored(c.path) {
		return nil
	}
	_, size, _ := strings.Cut(c.rest, ">")
	var at int64
	if _, err := fmt.Sscanf(strings.TrimLeft(size, ", "), "%d", &at); err != nil {
		return fmt.Errorf("the length in %s: %w", c.rest, err)
	}
	file.changes = append(file.changes, &change{length: true, at: at})
	return nil
}

func (d *Disk) rename(paths []string) error {
	if len(paths) != 2 {
		return fmt.Errorf("a rename of %d paths", len(paths))
	}
	if ignored(paths[0]) {
		return nil
	}
	from, old := d.place(paths[0])
	to, name := d.place(paths[1])
	if from == nil || to == nil || from.names[old] == nil {
		return fmt.Errorf("%s was renamed and never made", paths[0])
	}
	given := to.give(name, from.names[old], nil)
	from.give(old, nil, given)
	return nil
}

func (n *node) give(name string, to *node, needs *change) *change {
	c := &change{name: name, to: to, needs: needs}
	n.changes = append(n.changes, c)
	if to == nil {
		delete(n.names, name)
	} else {
		n.names[name] = to
	}
	return c
}

// sync makes safe what was changed before it began.
func (d *Disk) sync(m moment) error {
	n := d.find(m.path)
	if n == nil || d.unsafe != nil && d.unsafe(m.path) {
		return nil
	}
	if !m.ended {
		d.syncs[m.call] = slices.Clone(n.changes)
		return nil
	}
	covered := d.syncs[m.call]
	delete(d.syncs, m.call)
	if m.failed {
		for _, c := range covered {
			if !n.directory {
				c.doubt = &doubt{d.clock, m.fd}
			}
		}
		return nil
	}
	n.settle(covered, func(c *change) bool {
		return c.doubt != nil && (c.doubt.of == m.fd || d.opened[m.fd] > c.doubt.at)
	})
	return nil
}

// settle makes changes safe, except doubtful ones on pages that were not written again.
func (n *node) settle(covered []*change, doubtful func(*change) bool) {
	again := map[int64]bool{}
	for _, c := range covered {
		if !doubtful(c) {
			again[c.at/page] = true
		}
	}
	inside := map[*change]bool{}
	for _, c := range covered {
		inside[c] = !doubtful(c) || c.length || again[c.at/page]
	}
	var left []*change
	for _, c := range n.changes {
		switch {
		case !inside[c]:
			left = append(left, c)
		case n.directory && c.to == nil:
			delete(n.safeNames, c.name)
		case n.directory:
			n.safeNames[c.name] = c.to
		case c.length:
			n.safe = resize(n.safe, c.at)
			left = slices.DeleteFunc(left, func(l *change) bool { return !l.length && l.at >= c.at })
		default:
			n.safe = overwrite(n.safe, c.at, c.data)
		}
	}
	n.changes = left
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size]
	}
	return append(b[:len(b):len(b)], make([]byte, size-int64(len(b)))...)
}

func overwrite(b []byte, at int64, data []byte) []byte {
	if end := at + int64(len(data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[at:], data)
	return b
}

// Style is how much of what was not synced an image has.
type Style int

// The styles. The first two are the ends of what is possible.
const (
	Nothing    Style = iota // of it is there
	Everything              // is there
	Torn                    // everything, but the newest change of one file only in part
	Holed                   // everything, except one change in the middle
	Mixed                   // each file and directory in a style of its own, sector by sector
	Data                    // of files, and no names
	Names                   // and no data
)

var allStyles = []Style{Nothing, Everything, Torn, Holed, Mixed, Data, Names}

// Image is a directory as a machine finds it when the power is back: contents by path; nil is a directory.
type Image map[string][]byte

// Image draws one of what a cut of the power may leave now.
func (d *Disk) Image(style Style, rng *rand.Rand) Image {
	image := Image{}
	d.top.draw(image, "", style, rng, map[*change]bool{})
	return image
}

func (n *node) draw(into Image, path string, style Style, rng *rand.Rand, applied map[*change]bool) {
	if path != "" {
		into[path] = nil
	}
	names := n.chooseNames(style, rng, applied)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		child, below := names[name], name
		if path != "" {
			below = path + "/" + name
		}
		if child.directory {
			child.draw(into, below, style, rng, applied)
		} else {
			into[below] = slices.Clone(child.chooseContent(style, rng)) // what is safe goes on changing
			if into[below] == nil {
				into[below] = []byte{}
			}
		}
	}
}

// chooseNames chooses among the changes of a directory's names. A name that a rename takes away in one directory goes only if the other was given, so
// directories would have to be drawn in that order: where the other was not drawn yet the file has both names, which harms nobody.
func (n *node) chooseNames(style Style, rng *rand.Rand, applied map[*change]bool) map[string]*node {
	names := maps.Clone(n.safeNames)
	for _, c := range n.changes {
		take := style != Nothing && style != Data
		if style == Mixed {
			take = rng.IntN(2) == 0
		}
		if !take || c.needs != nil && !applied[c.needs] {
			continue
		}
		applied[c] = true
		if c.to == nil {
			delete(names, c.name)
		} else {
			names[c.name] = c.to
		}
	}
	return names
}

// chooseContent chooses for each sector and for the length up to which change they are as they became.
func (n *node) chooseContent(style Style, rng *rand.Rand) []byte {
	all := len(n.changes)
	if all == 0 {
		return n.safe
	}
	if style == Mixed {
		style = []Style{Nothing, Everything, Torn, Holed, Mixed, Mixed}[rng.IntN(6)]
	}
	same := func(k int) func(int64) int { return func(int64) int { return k } }
	switch style {
	case Nothing, Names:
		return n.content(same(0), 0)
	case Torn:
		k := 1 + rng.IntN(all)
		until := int64(rng.IntN(page/sector + 1))
		return n.content(func(s int64) int {
			if s%(page/sector) < until {
				return k
			}
			return k - 1
		}, k-rng.IntN(2))
	case Holed:
		hole := n.changes[rng.IntN(all)]
		return n.content(func(s int64) int {
			if !hole.length && s >= hole.at/sector && s*sector < hole.at+int64(len(hole.data)) {
				return slices.Index(n.changes, hole)
			}
			return all
		}, all)
	case Mixed:
		seed := rng.Uint64()
		return n.content(func(s int64) int { return rand.New(rand.NewPCG(seed, uint64(s))).IntN(all + 1) }, rng.IntN(all+1))
	}
	return n.content(same(all), all)
}

// content is the file of which each sector is as it was after so many changes, and the length too.
func (n *node) content(of func(sector int64) int, length int) []byte {
	b := slices.Clone(n.safe)
	size := int64(len(b))
	for i, c := range n.changes {
		if c.length {
			for s := c.at / sector; s*sector < int64(len(b)); s++ {
				if i < of(s) {
					clear(b[max(c.at, s*sector):min(int64(len(b)), (s+1)*sector)])
				}
			}
		} else {
			b = c.onto(b, i, of)
		}
		if i < length {
			if size = max(size, c.at+int64(len(c.data))); c.length {
				size = c.at
			}
		}
	}
	return resize(b, size)
}

// onto writes the sectors of a change that are there.
func (c *change) onto(b []byte, i int, of func(int64) int) []byte {
	for at, data := c.at, c.data; len(data) > 0; {
		n := min(int64(len(data)), sector-at%sector)
		if i < of(at/sector) {
			b = overwrite(b, at, data[:n])
		}
		at, data = at+n, data[n:]
	}
	return b
}
