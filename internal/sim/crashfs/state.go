package crashfs

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"millrace/internal/durable"
)

// State is what a disk holds, and what is on its way there.
type State struct{ root *node }

// node is a file or a folder, whatever its names are.
type node struct {
	folder  bool
	data    []byte           // of a file: the durable bytes
	names   map[string]*node // of a folder: the durable names
	now     map[string]*node // of a folder: the names that a process sees
	pending []change         // that a sync would make durable, in their order
}

// change is one thing that was not synced: of a folder a name that came, went or took the place of another, of a file
// bytes or a new size.
type change struct {
	step     int
	name     string
	gone     string // the name that the same change removes
	node     *node
	offset   int64
	data     []byte
	truncate bool
}

func newFolder() *node {
	return &node{folder: true, names: map[string]*node{}, now: map[string]*node{}}
}

// read takes what lies in dir as durable.
func read(dir string) (*State, error) {
	root := newFolder()
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		var n *node
		if e.IsDir() {
			below, err := read(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			n = below.root
		} else {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			n = &node{data: b}
		}
		root.names[e.Name()], root.now[e.Name()] = n, n
	}
	return &State{root}, nil
}

func (s *State) clone() *State {
	seen := map[*node]*node{}
	var clone func(*node) *node
	clone = func(n *node) *node {
		if n == nil {
			return nil
		}
		if c, ok := seen[n]; ok {
			return c
		}
		c := &node{folder: n.folder, data: n.data} // bytes are never changed in place
		seen[n] = c
		if n.folder {
			c.names, c.now = map[string]*node{}, map[string]*node{}
			for name, x := range n.names {
				c.names[name] = clone(x)
			}
			for name, x := range n.now {
				c.now[name] = clone(x)
			}
		}
		for _, p := range n.pending {
			p.node = clone(p.node)
			c.pending = append(c.pending, p)
		}
		return c
	}
	return &State{clone(s.root)}
}

// find gives the node that a process sees at a path.
func (s *State) find(p string) *node {
	n := s.root
	if p == "." {
		return n
	}
	for name := range strings.SplitSeq(p, "/") {
		if n == nil || !n.folder {
			return nil
		}
		n = n.now[name]
	}
	return n
}

// must is find where something has to be.
func (s *State) must(x *Step, p string) *node {
	n := s.find(p)
	if n == nil {
		panic(fmt.Sprintf("%s at %s: there is no %s, for something else has made or removed it", x.Op, x.Point, p))
	}
	return n
}

// apply makes step number i.
func (s *State) apply(i int, x *Step, open map[*durable.File]*node) {
	name := func(p string, n *node) {
		above := s.must(x, path.Dir(p))
		c := change{step: i, name: path.Base(p), node: n}
		if x.Op == durable.OpRename {
			c.gone = path.Base(x.Path)
		}
		above.pending = append(above.pending, c)
		c.apply(above.now)
	}
	switch x.Op {
	case durable.OpOpen:
		if s.find(x.Path) == nil {
			name(x.Path, &node{})
		}
		open[x.file] = s.must(x, x.Path)
	case durable.OpMkdir:
		name(x.Path, newFolder())
	case durable.OpLink, durable.OpRename:
		name(x.To, s.must(x, x.Path))
	case durable.OpRemove:
		name(x.Path, nil)
	case durable.OpWrite, durable.OpTruncate:
		n := open[x.file]
		n.pending = append(n.pending, change{step: i, offset: x.Offset, data: x.data, truncate: x.Op == durable.OpTruncate})
	case durable.OpSync:
		open[x.file].sync(x.since)
	case durable.OpSyncDir:
		s.must(x, x.Path).sync(x.since)
	}
}

// apply changes the names of a folder.
func (c *change) apply(names map[string]*node) {
	if c.gone != "" {
		delete(names, c.gone)
	}
	if c.node == nil {
		delete(names, c.name)
	} else {
		names[c.name] = c.node
	}
}

// write changes the bytes of a file.
func (c *change) write(b []byte) []byte {
	end := c.offset
	if !c.truncate {
		end += int64(len(c.data))
	}
	out := make([]byte, max(end, int64(len(b))))
	copy(out, b)
	if c.truncate {
		return out[:end]
	}
	copy(out[c.offset:], c.data)
	return out
}

// sync makes durable what was changed before step number since.
func (n *node) sync(since int) {
	rest := n.pending[:0:0]
	for _, c := range n.pending {
		switch {
		case c.step >= since:
			rest = append(rest, c)
		case n.folder:
			c.apply(n.names)
		default:
			n.data = c.write(n.data)
		}
	}
	n.pending = rest
}

// Fate says what becomes of a change that was not synced, when the power goes: which changes come in its place. size is
// how long the file is without it.
type Fate func(c change, folder bool, size int64) []change

// Lost is the fate of a disk that keeps nothing more than it has to.
func Lost(change, bool, int64) []change { return nil }

// Kept is the fate of a disk that was quick.
func Kept(c change, _ bool, _ int64) []change { return []change{c} }

// sector is what a disk writes whole or not at all.
const sector = 512

// Any lets a seed decide about each change. It is kept or not; of bytes that are written over others, each sector by
// itself; where a file has grown it may end early, or read as zeros.
func Any(seed uint64) Fate {
	rng := rand.New(rand.NewPCG(seed, 11))
	return func(c change, folder bool, size int64) (as []change) {
		if folder || c.truncate || c.offset+int64(len(c.data)) > size {
			n := 4
			if folder || c.truncate {
				n = 2
			}
			switch rng.IntN(n) {
			case 0:
				return nil
			case 2:
				c.data = c.data[:rng.IntN(len(c.data)+1)]
			case 3:
				c.data = slices.Clone(c.data)
				clear(c.data[max(0, size-c.offset):])
			}
			return []change{c}
		}
		for from := c.offset; from < c.offset+int64(len(c.data)); {
			to := min(from/sector*sector+sector, c.offset+int64(len(c.data)))
			if rng.IntN(2) == 0 {
				as = append(as, change{offset: from, data: c.data[from-c.offset : to-c.offset]})
			}
			from = to
		}
		return as
	}
}

// Crash is the state behind a loss of power.
func (s *State) Crash(fate Fate) *State {
	seen := map[*node]*node{}
	var left func(*node) *node
	left = func(n *node) *node {
		if c, ok := seen[n]; ok {
			return c
		}
		c := &node{folder: n.folder, data: n.data}
		seen[n] = c
		if n.folder {
			c.names = maps.Clone(n.names)
		}
		for _, p := range n.pending {
			for _, as := range fate(p, n.folder, int64(len(c.data))) {
				if n.folder {
					as.apply(c.names)
				} else {
					c.data = as.write(c.data)
				}
			}
		}
		if n.folder {
			for _, name := range slices.Sorted(maps.Keys(c.names)) {
				c.names[name] = left(c.names[name])
			}
			c.now = maps.Clone(c.names)
		}
		return c
	}
	return &State{left(s.root)}
}

// Write puts what a process would see into the folder dir, which must be empty or not there.
func (s *State) Write(dir string) error { return s.root.put(dir) }

func (n *node) put(to string) error {
	if !n.folder {
		b := n.data
		for _, c := range n.pending {
			b = c.write(b)
		}
		return os.WriteFile(to, b, 0o644)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, below := range n.now {
		if err := below.put(filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// digest writes down all that a life can see of n, and what a later crash can make of it.
func (n *node) digest(w io.Writer, seen map[*node]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	fmt.Fprintf(w, "%v %d %x;", n.folder, len(n.data), sha256.Sum256(n.data))
	for _, names := range []map[string]*node{n.names, n.now} {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			fmt.Fprintf(w, "%q:", name)
			names[name].digest(w, seen)
		}
	}
	for _, c := range n.pending {
		fmt.Fprintf(w, "%q %q %d %v %x;", c.name, c.gone, c.offset, c.truncate, sha256.Sum256(c.data))
		c.node.digest(w, seen)
	}
}

// Record writes the state into dir and records what happens from there on: what is not synced yet is not, still. It
// is what a process that was killed leaves to the next one.
func (s *State) Record(dir string) (*Recorder, error) {
	s = s.clone()
	settled := map[*node]bool{}
	var settle func(*node)
	settle = func(n *node) { // its changes lie before all that will be recorded
		if n == nil || settled[n] {
			return
		}
		settled[n] = true
		for i := range n.pending {
			n.pending[i].step = -1
			settle(n.pending[i].node)
		}
		for _, below := range n.names {
			settle(below)
		}
		for _, below := range n.now {
			settle(below)
		}
	}
	settle(s.root)
	if err := s.Write(dir); err != nil {
		return nil, err
	}
	return s.recorder(dir)
}
